/* SPDX-License-Identifier: Apache-2.0 */
/* server_answer.c -- answers on their way out. The exchange whose turn it is writes to the stream; what others are given, or
 * what the stream has no room for, is held in the exchange. Heads are built in one buffer that all connections share.
 * Invariant: an exchange that holds something writes nothing past it. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "http/codec/message.h"
#include "http/server_parts.h"

/* Below this sharing a body costs more than copying it. */
enum { SHARED_BYTES_MIN = 2048 };

/* ---- heads --------------------------------------------------------------------------------------------------------- */

static const char *date_of(mk_http_servers_t *room) {
    uint64_t second = mk_runtime_loop(room->rt)->now_us / 1000000 + 1;
    if (room->date_s == second) return room->date;
    mk_http_date_format((int64_t)(mk_port_wall_ms() / 1000), room->date);
    room->date_s = second;
    return room->date;
}

static bool is_bodiless(int status) { return status == 204 || status == 304; }

/* The fields that are ours. `head`: the buffer. */
static void write_own_fields(mk_http_exchange_t *ex, mk_buffer_t *head, int status, int64_t length) {
    mk_buffer_append_text(head, "Date: ");
    mk_buffer_append(head, date_of(ex->conn->server->room), MK_HTTP_DATE_BYTES - 1);
    mk_buffer_append_text(head, "\r\n");
    if (status != 204 && !(status == 304 && length <= 0)) {
        if (ex->framing == MK_HTTP_LENGTH) mk_http_write_number(head, "Content-Length", (uint64_t)length);
        if (ex->framing == MK_HTTP_CHUNKED) mk_buffer_append_text(head, "Transfer-Encoding: chunked\r\n");
    }
    if (ex->closes) mk_buffer_append_text(head, "Connection: close\r\n");
    else if (ex->minor == 0) mk_buffer_append_text(head, "Connection: keep-alive\r\n");
}

static bool is_last(const mk_http_exchange_t *ex) {
    const mk_http_conn_t *conn = ex->conn;
    if (conn->reading == ex || (ex->framing == MK_HTTP_UNTIL_CLOSE && !ex->counting)) return true;
    return conn->deaf && ex->next == NULL && conn->wrong.status == 0;
}

/* The whole head into the room's buffer; the exchange knows how its answer is framed. `length` -1: not known. */
static mk_err_t write_head(mk_http_exchange_t *ex, int status, const char *const *headers, size_t n, int64_t length) {
    mk_buffer_t *head = &ex->conn->server->room->head;
    if (ex->answer != MK_ANSWER_NONE) return MK_ERR_CLOSED;
    if (status < 200 || status > 599) return MK_ERR_INVALID;
    ex->counting = ex->head || is_bodiless(status);
    ex->framing = length >= 0 ? MK_HTTP_LENGTH : ex->minor != 0 ? MK_HTTP_CHUNKED : MK_HTTP_UNTIL_CLOSE;
    ex->left = length >= 0 ? (uint64_t)length : 0;
    ex->closes = is_last(ex);
    mk_buffer_clear(head);
    if (status == 200) mk_buffer_append_text(head, "HTTP/1.1 200 OK\r\n");
    else mk_http_write_status(head, status, NULL);
    write_own_fields(ex, head, status, length);
    for (size_t i = 0; i < n; i++) {
        mk_err_t err = mk_http_write_line(head, mk_http_text(headers[i]));
        if (err != MK_OK) return err;
    }
    mk_buffer_append_text(head, "\r\n");
    return head->failed ? MK_ERR_NOMEM : MK_OK;
}

/* ---- out --------------------------------------------------------------------------------------------------------------- */

static bool holds(const mk_http_exchange_t *ex) { return ex->held.size != 0 || ex->held_body != NULL; }

static mk_err_t hold(mk_http_exchange_t *ex, const mk_slice_t *slices, int n) {
    size_t before = ex->held.size;
    for (int i = 0; i < n; i++) mk_buffer_append(&ex->held, slices[i].data, slices[i].size);
    if (!ex->held.failed) return MK_OK;
    ex->held.failed = false;
    ex->held.size = before;
    return MK_ERR_NOMEM;
}

/* Takes the slices, or nothing: MK_ERR_NOMEM, MK_ERR_CLOSED. */
static mk_err_t emit(mk_http_exchange_t *ex, const mk_slice_t *slices, int n) {
    if (!mk_http_exchange_in_turn(ex) || holds(ex)) return hold(ex, slices, n);
    mk_err_t err = mk_stream_write_slices(&ex->conn->stream, slices, n);
    return err == MK_ERR_FULL ? hold(ex, slices, n) : err;
}

static void release_body(void *body) { message_buffer_release(body); }

/* Sends what is held. False: it is still, and something will call again. */
static bool send_held(mk_http_exchange_t *ex) {
    mk_stream_t *stream = &ex->conn->stream;
    if (!holds(ex)) return true;
    mk_err_t err = MK_OK;
    if (ex->held.size != 0) {
        err = mk_stream_write(stream, ex->held.bytes, ex->held.size);
        if (err == MK_OK) mk_buffer_free(&ex->held);
    }
    if (err == MK_OK && ex->held_body != NULL) {
        message_buffer_t *body = ex->held_body;
        err = mk_stream_write_shared(stream, message_buffer_data(body), message_buffer_size(body), release_body, body);
        if (err == MK_OK) ex->held_body = NULL;
    }
    if (err == MK_ERR_NOMEM) mk_socket_starve(&ex->socket);
    return err == MK_OK;
}

static mk_err_t write_continue(mk_http_conn_t *conn) {
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    return mk_stream_write(&conn->stream, text, sizeof text - 1);
}

static void invite_body(mk_http_exchange_t *ex) {
    mk_http_conn_t *conn = ex->conn;
    if (!ex->expects || conn->reading != ex) return;
    ex->expects = false;
    if (conn->body.received != 0 || ex->answer != MK_ANSWER_NONE) return;
    if (write_continue(conn) == MK_ERR_NOMEM) mk_http_conn_cut(conn, false);
}

uint64_t mk_http_conn_probe_due_ms(const mk_http_conn_t *conn) {
    const mk_http_exchange_t *ex = conn->first;
    if (!conn->probing || ex == NULL || ex->answer == MK_ANSWER_WHOLE) return UINT64_MAX;
    if (ex->service != NULL) return ex->service->ended != NULL ? 0 : UINT64_MAX;
    bool silent = ex->answer == MK_ANSWER_NONE && ex->minor != 0 && ex->socket.owner != NULL;
    return silent ? ex->asked_ms + MK_HTTP_PROBE_MS : UINT64_MAX;
}

/* Of an answer that has not begun an interim one is sent, which every client of HTTP/1.1 takes and nobody misses (RFC 9110 section
 * 15.2); of one that has, whatever its service has that means nothing. */
void mk_http_conn_probe(mk_http_conn_t *conn) {
    mk_http_exchange_t *ex = conn->first;
    conn->probing = false;
    if (ex->service != NULL) ex->service->ended(ex, ex->arg);
    else (void)!write_continue(conn); /* without memory the answer itself will tell */
}

/* Room again for whoever was refused; services hear of it in a round of their own. */
static void tell_drained(mk_http_exchange_t *ex) {
    if (!ex->refused || mk_stream_is_full(&ex->conn->stream)) return;
    if (ex->service != NULL) {
        mk_socket_starve(&ex->socket);
        return;
    }
    ex->refused = false;
    if (ex->socket.owner != NULL) mk_socket_tell(&ex->socket, MK_OWED_DRAINED);
}

static void free_exchange(mk_http_exchange_t *ex) {
    mk_buffer_free(&ex->held);
    if (ex->held_body != NULL) message_buffer_release(ex->held_body);
    if (ex->request != NULL) message_release(ex->socket.room->rt, ex->request);
    mk_free(ex->ws);
    mk_socket_free(&ex->socket);
}

void mk_http_exchange_destroy(mk_http_exchange_t *ex) {
    mk_http_conn_t *conn = ex->conn;
    mk_assert(conn->first == ex);
    conn->first = ex->next;
    if (conn->first == NULL) conn->last = NULL;
    if (conn->reading == ex) conn->reading = NULL;
    conn->line--;
    free_exchange(ex);
}

/* The first one is answered. */
static void pop(mk_http_conn_t *conn) {
    const http_limits_t *limits = &conn->server->options.limits;
    mk_http_exchange_destroy(conn->first);
    if (mk_stream_is_full(&conn->stream)) mk_http_conn_pause(conn, MK_PAUSE_FULL);
    if (conn->first == NULL && !conn->in_head) {
        conn->since_ms = mk_http_now_ms(conn);
        mk_http_conn_watch(conn, limits->idle_ms);
    }
    if (conn->pauses == 0) return;
    if (conn->line <= limits->pipeline_max / 2) mk_http_conn_resume(conn, MK_PAUSE_LINE);
    if (conn->first == NULL) mk_http_conn_resume(conn, MK_PAUSE_ALONE | MK_PAUSE_UPGRADE);
}

void mk_http_conn_advance(mk_http_conn_t *conn) {
    mk_http_exchange_t *ex;
    if (conn->session != NULL || conn->finishing || conn->dead) return;
    while ((ex = conn->first) != NULL) {
        if (!send_held(ex)) return;
        if (ex->answer != MK_ANSWER_WHOLE) {
            tell_drained(ex);
            invite_body(ex);
            return;
        }
        bool closes = ex->closes;
        pop(conn);
        if (closes) {
            while ((ex = conn->first) != NULL) { /* came before it was known that none would be answered any more */
                conn->first = ex->next;
                mk_http_exchange_orphan(ex);
            }
            conn->last = NULL;
            conn->reading = NULL;
            mk_http_conn_finish(conn);
            return;
        }
    }
    if (conn->wrong.status != 0) mk_http_conn_answer_wrong(conn);
    else if (conn->deaf) mk_http_conn_finish(conn);
}

/* ---- answers -------------------------------------------------------------------------------------------------------------- */

/* Takes `shared`, if there is one, on MK_OK. */
static mk_err_t send_whole(mk_http_exchange_t *ex, const void *body, size_t size, message_buffer_t *shared) {
    const mk_buffer_t *head = &ex->conn->server->room->head;
    mk_slice_t         slices[2] = {{head->bytes, head->size}, {body, size}};
    bool               share = shared != NULL && size >= SHARED_BYTES_MIN;
    mk_err_t           err = emit(ex, slices, share || size == 0 ? 1 : 2);
    if (err != MK_OK) return err;
    if (share) ex->held_body = shared; /* leaves at once if it can */
    else if (shared != NULL) message_buffer_release(shared);
    return MK_OK;
}

static mk_err_t respond(mk_http_exchange_t *ex, int status, const char *const *headers, size_t n, const void *body,
                        size_t size, message_buffer_t *shared) {
    mk_http_conn_t *conn = ex->conn;
    if (conn == NULL || conn->finishing) return MK_ERR_CLOSED;
    mk_err_t err = write_head(ex, status, headers, n, (int64_t)size);
    if (err == MK_OK) err = send_whole(ex, body, ex->counting ? 0 : size, shared);
    if (err != MK_OK) return err;
    ex->answer = MK_ANSWER_WHOLE;
    ex->service = NULL; /* it has forgotten the exchange */
    if (conn->first == ex) mk_http_conn_advance(conn);
    return MK_OK;
}

mk_err_t mk_http_exchange_respond(mk_http_exchange_t *ex, int status, const char *const *headers, size_t n,
                                  const void *body, size_t size) {
    return respond(ex, status, headers, n, body, size, NULL);
}

mk_err_t mk_http_exchange_respond_buffer(mk_http_exchange_t *ex, int status, const char *const *headers, size_t n,
                                         message_buffer_t *body) {
    if (body == NULL) return respond(ex, status, headers, n, NULL, 0, NULL);
    return respond(ex, status, headers, n, message_buffer_data(body), message_buffer_size(body), body);
}

void mk_http_exchange_refuse_with(mk_http_exchange_t *ex, int status, const char *line) {
    char        text[64];
    const char *headers[2] = {"Content-Type: text/plain", line};
    int         size = is_bodiless(status) ? 0 : snprintf(text, sizeof text, "%d %s\n", status, mk_http_reason(status));
    bool        plain = size == 0;
    mk_err_t    err =
        mk_http_exchange_respond(ex, status, headers + plain, (line != NULL ? 2u : 1u) - plain, text, (size_t)size);
    if (err != MK_OK && ex->conn != NULL && !ex->conn->finishing) mk_http_conn_cut(ex->conn, false);
}

void mk_http_exchange_refuse(mk_http_exchange_t *ex, int status) { mk_http_exchange_refuse_with(ex, status, NULL); }

mk_err_t mk_http_exchange_begin(mk_http_exchange_t *ex, int status, const char *const *headers, size_t n,
                                int64_t length) {
    mk_http_conn_t *conn = ex->conn;
    if (conn == NULL || conn->finishing) return MK_ERR_CLOSED;
    if (length < -1) return MK_ERR_INVALID;
    mk_err_t err = write_head(ex, status, headers, n, length);
    if (err != MK_OK) return err;
    const mk_buffer_t *head = &conn->server->room->head;
    if ((err = emit(ex, &(mk_slice_t){head->bytes, head->size}, 1)) != MK_OK) return err;
    ex->answer = MK_ANSWER_BEGUN;
    return MK_OK;
}

mk_err_t mk_http_exchange_write(mk_http_exchange_t *ex, const void *data, size_t size) {
    mk_http_conn_t *conn = ex->conn;
    if (conn == NULL || ex->answer != MK_ANSWER_BEGUN) return MK_ERR_CLOSED;
    if (ex->framing == MK_HTTP_LENGTH && size > ex->left) return MK_ERR_TOOLONG;
    if (size == 0) return MK_OK;
    if (ex->counting) {
        ex->left -= ex->framing == MK_HTTP_LENGTH ? size : 0;
        return MK_OK;
    }
    bool turn = mk_http_exchange_in_turn(ex);
    if (turn ? holds(ex) || mk_stream_is_full(&conn->stream)
             : ex->held.size >= conn->server->options.limits.queue_bytes) {
        ex->refused = true;
        return MK_ERR_FULL;
    }
    char       chunk[MK_HTTP_CHUNK_HEAD_BYTES];
    bool       chunked = ex->framing == MK_HTTP_CHUNKED;
    mk_slice_t slices[3] = {
        {chunk, chunked ? mk_http_chunk_head(chunk, size) : 0}, {data, size}, {MK_HTTP_CHUNK_TAIL, 2}};
    mk_err_t err = chunked ? emit(ex, slices, 3) : emit(ex, slices + 1, 1);
    if (err == MK_OK && ex->framing == MK_HTTP_LENGTH) ex->left -= size;
    return err;
}

void mk_http_exchange_end(mk_http_exchange_t *ex) {
    mk_http_conn_t *conn = ex->conn;
    if (conn == NULL || ex->answer != MK_ANSWER_BEGUN) return;
    bool     whole = ex->counting || ex->framing != MK_HTTP_LENGTH || ex->left == 0;
    bool     last = ex->framing == MK_HTTP_CHUNKED && !ex->counting;
    mk_err_t err = last ? emit(ex, &(mk_slice_t){MK_HTTP_CHUNK_LAST, sizeof MK_HTTP_CHUNK_LAST - 1}, 1) : MK_OK;
    if (!whole || err == MK_ERR_NOMEM) {
        mk_http_exchange_cut(ex);
        return;
    }
    ex->answer = MK_ANSWER_WHOLE;
    ex->service = NULL; /* it has forgotten the exchange */
    if (conn->first == ex) mk_http_conn_advance(conn);
}

/* No service of its own is told, nor an actor that has ended. */
void mk_http_exchange_cut(mk_http_exchange_t *ex) {
    ex->service = NULL;                  /* it has forgotten the exchange */
    if (!mk_http_exchange_in_turn(ex)) { /* nothing has been sent yet */
        mk_buffer_free(&ex->held);
        ex->answer = MK_ANSWER_NONE;
        mk_http_exchange_refuse(ex, 503);
        return;
    }
    ex->answer = MK_ANSWER_WHOLE;
    mk_http_conn_cut(ex->conn, ex->framing == MK_HTTP_UNTIL_CLOSE);
}

void mk_http_conn_answer_wrong(mk_http_conn_t *conn) {
    mk_http_exchange_t ex = {.conn = conn, .minor = 1, .framing = MK_HTTP_LENGTH, .closes = true};
    mk_buffer_t       *head = &conn->server->room->head;
    char               text[160];
    int size = snprintf(text, sizeof text, "%d %s: %s\n", conn->wrong.status, mk_http_reason(conn->wrong.status),
                        conn->wrong.why);
    if (size >= (int)sizeof text) size = sizeof text - 1;
    mk_buffer_clear(head);
    mk_http_write_status(head, conn->wrong.status, NULL);
    write_own_fields(&ex, head, conn->wrong.status, size);
    mk_buffer_append_text(head, "Content-Type: text/plain\r\n");
    if (conn->wrong.status == 503) mk_buffer_append_text(head, "Retry-After: 1\r\n");
    mk_buffer_append_text(head, "\r\n");
    conn->wrong.status = 0;
    mk_slice_t slices[2] = {{head->bytes, head->size}, {text, (size_t)size}};
    if (!head->failed) (void)!mk_stream_write_slices(&conn->stream, slices, 2);
    mk_http_conn_finish(conn);
}

/* ---- their life -------------------------------------------------------------------------------------------------------------- */

static mk_http_exchange_t *exchange_of(mk_socket_t *socket) {
    return mk_container_of(socket, mk_http_exchange_t, socket);
}

void mk_http_exchange_orphan(mk_http_exchange_t *ex) {
    bool whole = ex->answer == MK_ANSWER_WHOLE;
    ex->conn = NULL;
    ex->next = NULL;
    if (ex->service != NULL) {
        ex->service->gone(ex, ex->arg);
        free_exchange(ex);
    } else if (ex->socket.owner != NULL && !whole) {
        ex->socket.owed &= ~(uint32_t)(MK_OWED_DRAINED | MK_OWED_ENDED);
        mk_socket_tell(&ex->socket, MK_OWED_LAST);
    } else {
        free_exchange(ex);
    }
}

static message_t *news(mk_socket_t *socket, uint32_t owed) {
    http_body_payload_t  end = {socket->id, 0};
    http_conn_payload_t  plain = {socket->id};
    http_error_payload_t gone = {
        .conn_id = socket->id, .error_code = MK_ERR_CLOSED, .message = "the requester is gone"};
    if (owed == MK_OWED_ENDED) return mk_socket_message(socket, MSG_HTTP_BODY_END, &end, sizeof end);
    if (owed == MK_OWED_DRAINED) return mk_socket_message(socket, MSG_HTTP_DRAINED, &plain, sizeof plain);
    return mk_socket_message(socket, MSG_HTTP_CONN_CLOSED, &gone, sizeof gone);
}

static void handled(mk_socket_t *socket, const message_t *msg) {
    if (msg->type == MSG_HTTP_CONN_CLOSED) free_exchange(exchange_of(socket));
    else mk_http_request_handled(exchange_of(socket), msg);
}

/* There may be memory again, or a service is to be told what tell_drained() found. */
static void go_on(mk_socket_t *socket) {
    mk_http_exchange_t *ex = exchange_of(socket);
    mk_http_conn_t     *conn = ex->conn;
    if (conn == NULL) return;
    if (conn->reading == ex) mk_http_conn_resume(conn, MK_PAUSE_WINDOW);
    if (conn->first != ex) return;
    if (ex->service != NULL && ex->refused && !holds(ex) && !mk_stream_is_full(&conn->stream)) {
        ex->refused = false;
        ex->service->drained(ex, ex->arg);
        return;
    }
    mk_http_conn_advance(conn);
}

/* Its actor has ended, is too late, or wants nothing of it any more. */
static void abandon(mk_socket_t *socket) {
    mk_http_exchange_t *ex = exchange_of(socket);
    if (ex->conn == NULL) free_exchange(ex);
    else if (ex->answer == MK_ANSWER_NONE) mk_http_exchange_refuse(ex, 503);
    else if (ex->answer == MK_ANSWER_BEGUN) mk_http_exchange_cut(ex);
}

static void destroy(mk_socket_t *socket) { free_exchange(exchange_of(socket)); }

const mk_socket_ops_t mk_http_exchange_ops = {news, handled, go_on, abandon, destroy, true};

void mk_http_exchange_serve(mk_http_exchange_t *ex, const mk_http_service_t *service, void *arg) {
    ex->service = service;
    ex->arg = arg;
}

void mk_http_exchange_take(mk_http_exchange_t *ex, mk_socket_t *heir, const mk_http_service_t *service, void *arg) {
    mk_socket_inherit(heir, &ex->socket);
    mk_http_exchange_serve(ex, service, arg);
}

runtime_t *mk_http_exchange_runtime(const mk_http_exchange_t *ex) { return ex->socket.room->rt; }

bool mk_http_exchange_is_head(const mk_http_exchange_t *ex) { return ex->head; }

mk_http_exchange_t *mk_http_exchange_find(runtime_t *rt, http_conn_id_t id) {
    mk_socket_t        *socket = mk_socket_find(rt, id, &mk_http_exchange_ops);
    mk_http_exchange_t *ex = socket != NULL ? exchange_of(socket) : NULL;
    return ex != NULL && ex->conn != NULL && ex->answer == MK_ANSWER_NONE ? ex : NULL;
}

const mk_http_ws_request_t *mk_http_exchange_ws(const mk_http_exchange_t *ex) { return ex->ws; }

const http_listen_options_t *mk_http_exchange_options(const mk_http_exchange_t *ex) {
    return &ex->conn->server->options;
}
