/* SPDX-License-Identifier: Apache-2.0 */
/* server_request.c -- a request on its way to whoever answers it: routed when its head has come, sent when that, or all of it,
 * is there. A body that is collected grows inside of the message in which it will travel. */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "http/codec/path.h"
#include "http/server_parts.h"
#include "microkernel/services.h"

enum {
    ROOM_FIRST_BYTES = 65536, /* of a body; what is only announced takes no memory */
    WINDOW_BYTES = 65536,     /* pieces of a body in the actor's mailbox           */
    WINDOW_MESSAGES = 64,
};

static runtime_t *runtime_of(const mk_http_exchange_t *ex) { return ex->socket.room->rt; }

/* ---- routing ------------------------------------------------------------------------------------------------------- */

/* 0, or the status to answer. Without routes every path is the actor's to judge. */
static int route(mk_http_conn_t *conn, const mk_http_request_t *request, mk_http_match_t *match) {
    mk_http_servers_t *room = conn->server->room;
    size_t             size;
    *match = (mk_http_match_t){0};
    if (conn->server->router.routes_n == 0 || request->path.at == NULL) return 0;
    mk_buffer_clear(&room->path);
    char *path = (char *)mk_buffer_reserve(&room->path, request->path.size + 1);
    if (path == NULL) return 503;
    if (mk_http_path_resolve(request->path, path, request->path.size + 1, &size) != MK_OK) return 400;
    mk_http_router_find(&conn->server->router, request->method_text, path, match, &room->allow);
    if (match->route != NULL || !match->other) return 0;
    if (room->allow.failed) return 503;
    return request->method == MK_HTTP_OPTIONS ? 204 : 405;
}

/* Answers a request that nobody takes. */
static void reject(mk_http_exchange_t *ex, int status) {
    mk_buffer_t *allow = &ex->conn->server->room->allow;
    if (status != 204 && status != 405) {
        mk_http_exchange_refuse(ex, status);
        return;
    }
    mk_buffer_t line = {0};
    mk_buffer_printf(&line, "Allow: %.*s", (int)allow->size, (const char *)allow->bytes);
    mk_buffer_append(&line, "", 1);
    mk_http_exchange_refuse_with(ex, status, line.failed ? NULL : (const char *)line.bytes);
    mk_buffer_free(&line);
}

static actor_t *actor_of(const mk_http_exchange_t *ex) {
    const mk_http_route_t *taken = ex->route;
    if (taken == NULL || taken->target.actor == NULL) return ex->conn->server->socket.owner;
    return mk_runtime_actor(runtime_of(ex), actor_lookup(runtime_of(ex), taken->target.actor));
}

/* ---- to the actor ------------------------------------------------------------------------------------------------------ */

/* What comes behind a request for a WebSocket, an end too, may be the session's. */
static void stop_before_session(mk_http_exchange_t *ex) {
    if (ex->ws != NULL && ex->conn->reading != ex) mk_http_conn_pause(ex->conn, MK_PAUSE_UPGRADE);
}

static void deliver(mk_http_exchange_t *ex) {
    mk_http_conn_t *conn = ex->conn;
    actor_t        *actor = actor_of(ex);
    message_t      *msg = ex->request;
    stop_before_session(ex);
    if (actor == NULL || mk_socket_join(&ex->socket, actor) != MK_OK) {
        mk_http_exchange_refuse(ex, 503);
        return;
    }
    ((http_request_payload_t *)(uintptr_t)msg->payload)->conn_id = ex->socket.id;
    if (mk_room_offer(runtime_of(ex), &conn->server->room->room, actor, msg, ex->socket.id) != MK_OK) {
        mk_socket_part(&ex->socket);
        mk_http_exchange_refuse_with(ex, 503, "Retry-After: 1");
        return;
    }
    ex->request = NULL;
    ex->asked_ms = mk_http_now_ms(conn);
    mk_http_conn_watch(conn, conn->server->options.limits.respond_ms);
    if (ex->intake == MK_INTAKE_STREAM && conn->reading != ex) mk_socket_tell(&ex->socket, MK_OWED_ENDED);
}

/* A handler takes its actor's turn in place of the behaviour. */
bool mk_http_request_admit(mk_http_servers_t *room, actor_t *actor, message_t *msg, uint32_t tag) {
    mk_socket_t *socket = mk_idmap_get(&room->sockets->ids, tag);
    if (socket == NULL || socket->owner != actor) return false;
    if (socket->ops != &mk_http_exchange_ops) return true;
    const mk_http_exchange_t *ex = mk_container_of(socket, mk_http_exchange_t, socket);
    if (ex->route == NULL || ex->route->target.handler == NULL) return true;
    ex->route->target.handler(room->rt, msg->payload, ex->route->target.arg);
    return false;
}

/* ---- from the connection ------------------------------------------------------------------------------------------------- */

static mk_http_exchange_t *create(mk_http_conn_t *conn, const mk_http_request_t *request) {
    mk_http_exchange_t *ex = mk_socket_create(conn->server->room->sockets, NULL, &mk_http_exchange_ops, sizeof *ex);
    if (ex == NULL) return NULL;
    ex->conn = conn;
    ex->minor = request->minor;
    ex->head = request->method == MK_HTTP_HEAD;
    ex->keep_alive = request->keep_alive && !conn->server->stopping;
    if (conn->first == NULL) conn->first = ex;
    else conn->last->next = ex;
    conn->last = ex;
    conn->line++;
    return ex;
}

/* For a WebSocket: what is needed to accept it after the head is gone. */
static bool keep_ws(mk_http_exchange_t *ex, const mk_http_request_t *request) {
    const char    *name = "Sec-WebSocket-Protocol";
    mk_ws_wish_t   wish = {.deflate = !ex->conn->server->options.no_compression};
    size_t         size = 0, i = 0;
    mk_http_text_t value;
    while (mk_http_fields_next(&request->fields, name, &i, &value)) size += value.size + 1;
    mk_http_ws_request_t *ws = mk_calloc(1, sizeof *ws + size);
    if (ws == NULL) return false;
    ws->status = mk_ws_request_check(request, &wish, &ws->upgrade, &ws->why);
    i = 0;
    while (mk_http_fields_next(&request->fields, name, &i, &value)) {
        if (ws->protocols_size != 0) ws->protocols[ws->protocols_size++] = ',';
        memcpy(ws->protocols + ws->protocols_size, value.at, value.size);
        ws->protocols_size += (uint32_t)value.size;
    }
    ex->ws = ws;
    return true;
}

static size_t room_max(const mk_http_exchange_t *ex) {
    return mk_runtime_payload_max(runtime_of(ex)) - ex->head_size - ex->tail_size;
}

static uint8_t *payload_of(const message_t *msg) { return (uint8_t *)(uintptr_t)msg->payload; }

/* The message, with room for what will surely come of its body. 0, or the status to answer. */
static int make_message(mk_http_exchange_t *ex, const mk_http_request_t *request, const mk_http_match_t *match) {
    size_t max = mk_runtime_payload_max(runtime_of(ex));
    ex->head_size = mk_http_pack_head_size(request);
    ex->tail_size = mk_http_pack_params_size(match);
    if (ex->head_size + ex->tail_size > max) return 431;
    if (ex->intake == MK_INTAKE_COLLECT && ex->conn->reading == ex) {
        if (request->framing == MK_HTTP_LENGTH && request->length > room_max(ex)) return 413;
        ex->room = request->framing == MK_HTTP_LENGTH ? (size_t)request->length : ROOM_FIRST_BYTES;
        if (ex->room > ROOM_FIRST_BYTES) ex->room = ROOM_FIRST_BYTES;
        if (ex->room > room_max(ex)) ex->room = room_max(ex);
    }
    ex->request = mk_room_message(runtime_of(ex), MSG_HTTP_REQUEST, ex->head_size + ex->room + ex->tail_size);
    if (ex->request == NULL) return 503;
    mk_http_pack_head(payload_of(ex->request), request);
    mk_http_pack_params(payload_of(ex->request) + ex->head_size + ex->room, match);
    return 0;
}

static void ask_actor(mk_http_exchange_t *ex, const mk_http_request_t *request, const mk_http_match_t *match) {
    mk_http_conn_t *conn = ex->conn;
    ex->intake = conn->server->options.stream_bodies ? MK_INTAKE_STREAM : MK_INTAKE_COLLECT;
    int status = actor_of(ex) == NULL ? 503 : make_message(ex, request, match);
    if (status == 0 && mk_ws_is_asked_for(request) && !keep_ws(ex, request)) status = 503;
    if (status != 0) {
        mk_http_exchange_refuse(ex, status);
        return;
    }
    ex->expects = request->expect_continue && conn->reading == ex;
    bool whole = conn->reading != ex;
    if (ex->expects && mk_http_exchange_in_turn(ex)) mk_http_conn_advance(conn);
    if (whole || ex->intake == MK_INTAKE_STREAM) deliver(ex);
}

void mk_http_request_begin(mk_http_conn_t *conn, const mk_http_request_t *request) {
    const http_limits_t *limits = &conn->server->options.limits;
    mk_http_match_t      match;
    if (request->framing == MK_HTTP_LENGTH && request->length > limits->body_bytes_max) {
        mk_http_conn_refuse(conn, 413, "the body is longer than allowed");
        return;
    }
    if (request->method == MK_HTTP_CONNECT) { /* what follows might not be HTTP */
        mk_http_conn_refuse(conn, 501, "this is no proxy");
        return;
    }
    mk_http_exchange_t *ex = create(conn, request);
    if (ex == NULL) {
        mk_http_conn_refuse(conn, 503, "out of memory");
        return;
    }
    mk_http_body_init(&conn->body, request->framing, request->length);
    conn->curt = !request->keep_alive;
    if (!conn->body.done) {
        conn->reading = ex;
        conn->since_ms = mk_http_now_ms(conn);
        mk_http_conn_watch(conn, limits->body_ms);
    } else if (!ex->keep_alive) {
        conn->deaf = true;
    }
    int status = route(conn, request, &match);
    ex->route = match.route;
    if (status != 0) {
        reject(ex, status);
    } else if (ex->route != NULL && ex->route->target.serve != NULL) {
        ex->intake = MK_INTAKE_DISCARD;
        const char *rest = match.rest ? match.value[ex->route->params_n - 1].at : "";
        ex->route->target.serve(ex, request, rest, ex->route->target.arg);
    } else {
        ask_actor(ex, request, &match);
    }
}

/* ---- bodies -------------------------------------------------------------------------------------------------------------- */

static bool grow(mk_http_exchange_t *ex, size_t filled, size_t need) {
    size_t max = room_max(ex), room = ex->room < max / 2 ? ex->room * 2 : max;
    if (room < need) room = need;
    message_t *more = mk_room_message(runtime_of(ex), MSG_HTTP_REQUEST, ex->head_size + room + ex->tail_size);
    if (more == NULL) return false;
    const uint8_t *from = payload_of(ex->request);
    memcpy(payload_of(more), from, ex->head_size + filled);
    memcpy(payload_of(more) + ex->head_size + room, from + ex->head_size + ex->room, ex->tail_size);
    message_release(runtime_of(ex), ex->request);
    ex->request = more;
    ex->room = room;
    return true;
}

/* 0, or the status to answer. */
static int collect(mk_http_exchange_t *ex, mk_http_text_t data, size_t received) {
    size_t filled = received - data.size;
    if (received > ex->room && received > room_max(ex)) return 413;
    if (received > ex->room && !grow(ex, filled, received)) return 503;
    memcpy(payload_of(ex->request) + ex->head_size + filled, data.at, data.size);
    return 0;
}

static void body_is_whole(mk_http_conn_t *conn) {
    mk_http_exchange_t *ex = conn->reading;
    conn->reading = NULL;
    ex->expects = false;
    if (!ex->keep_alive) conn->deaf = true;
    if (ex->intake == MK_INTAKE_STREAM && ex->socket.owner != NULL) {
        ex->asked_ms = mk_http_now_ms(conn);
        mk_http_conn_watch(conn, conn->server->options.limits.respond_ms);
        mk_socket_tell(&ex->socket, MK_OWED_ENDED);
        stop_before_session(ex);
    }
    if (ex->intake != MK_INTAKE_COLLECT || ex->request == NULL) return;
    uint8_t *payload = payload_of(ex->request);
    size_t   size = (size_t)conn->body.received;
    memmove(payload + ex->head_size + size, payload + ex->head_size + ex->room, ex->tail_size);
    ((http_request_payload_t *)(void *)payload)->body_size = size;
    ex->request->payload_size = ex->head_size + size + ex->tail_size;
    deliver(ex);
}

static size_t window_left(const mk_http_exchange_t *ex) {
    if (ex->socket.waiting >= WINDOW_MESSAGES || ex->socket.waiting_bytes >= WINDOW_BYTES) return 0;
    return WINDOW_BYTES - ex->socket.waiting_bytes;
}

static bool tell_piece(mk_http_exchange_t *ex, mk_http_text_t data) {
    http_body_payload_t head = {ex->socket.id, (uint32_t)data.size};
    return mk_socket_send_data(&ex->socket, MSG_HTTP_BODY, &head, sizeof head, data.at, data.size);
}

static size_t most_of(const mk_http_exchange_t *ex, size_t size) {
    if (ex->intake != MK_INTAKE_STREAM || ex->socket.owner == NULL) return size;
    size_t most = mk_runtime_payload_max(runtime_of(ex)) - sizeof(http_body_payload_t), window = window_left(ex);
    if (most > window) most = window;
    return size < most ? size : most;
}

/* What to do with content. 0, or the status to answer; -1: not now. */
static int take_content(mk_http_conn_t *conn, mk_http_exchange_t *ex, mk_http_text_t data) {
    if (conn->body.received > conn->server->options.limits.body_bytes_max) return 413;
    if (data.size == 0 || ex->intake == MK_INTAKE_DISCARD) return 0;
    if (ex->intake == MK_INTAKE_COLLECT)
        return ex->request != NULL ? collect(ex, data, (size_t)conn->body.received) : 0;
    return ex->socket.owner == NULL || tell_piece(ex, data) ? 0 : -1;
}

size_t mk_http_request_body(mk_http_conn_t *conn, const uint8_t *bytes, size_t size) {
    mk_http_exchange_t *ex = conn->reading;
    mk_http_body_t      before = conn->body;
    mk_http_text_t      data;
    size_t              used, most = most_of(ex, size);
    if (most == 0) {
        mk_http_conn_pause(conn, MK_PAUSE_WINDOW);
        return 0;
    }
    mk_http_step_t step = mk_http_body_take(&conn->body, bytes, most, &used, &data);
    int            status = step == MK_HTTP_WRONG ? 400 : take_content(conn, ex, data);
    if (status == -1) {
        conn->body = before;
        mk_http_conn_pause(conn, MK_PAUSE_WINDOW);
        mk_socket_starve(&ex->socket);
        return 0;
    }
    if (status != 0) {
        const char *why = status == 400   ? conn->body.why
                          : status == 413 ? "the body is longer than allowed"
                                          : "out of memory";
        if (mk_http_request_abort(conn)) mk_http_conn_refuse(conn, status, why);
        return size;
    }
    conn->since_ms = mk_http_now_ms(conn);
    if (step == MK_HTTP_DONE) body_is_whole(conn);
    return used;
}

void mk_http_request_handled(mk_http_exchange_t *ex, const message_t *msg) {
    if (msg->type != MSG_HTTP_BODY) return;
    ex->socket.waiting_bytes -= ((const http_body_payload_t *)msg->payload)->data_size;
    if (ex->conn != NULL && ex->conn->reading == ex && ex->socket.waiting_bytes <= WINDOW_BYTES / 2 &&
        ex->socket.waiting <= WINDOW_MESSAGES / 2)
        mk_http_conn_resume(ex->conn, MK_PAUSE_WINDOW);
}

/* It is the last of its line. */
static void forget(mk_http_conn_t *conn, mk_http_exchange_t *ex) {
    mk_http_exchange_t **at = &conn->first, *before = NULL;
    for (; *at != ex; at = &before->next) before = *at;
    mk_assert(ex->next == NULL);
    *at = NULL;
    conn->last = before;
    conn->line--;
    mk_http_exchange_orphan(ex);
}

bool mk_http_request_abort(mk_http_conn_t *conn) {
    mk_http_exchange_t *ex = conn->reading;
    conn->reading = NULL;
    conn->deaf = true;
    if (ex->answer == MK_ANSWER_BEGUN) {
        mk_http_conn_cut(conn, ex->framing == MK_HTTP_UNTIL_CLOSE);
        return false;
    }
    if (ex->answer == MK_ANSWER_NONE) forget(conn, ex);
    return true;
}
