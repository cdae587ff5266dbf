/* SPDX-License-Identifier: Apache-2.0 */
/* actor_ws.c -- WebSockets of actors, whichever side began. Payloads are unmasked straight into the messages in which they
 * travel. */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "http/actor_sessions.h"
#include "microkernel/services.h"

static mk_actor_ws_t *of(mk_websocket_t *ws) { return mk_container_of(ws, mk_actor_ws_t, ws); }

static mk_actor_ws_t *of_socket(mk_socket_t *socket) { return mk_container_of(socket, mk_actor_ws_t, socket); }

static runtime_t *runtime_of(const mk_actor_ws_t *self) { return self->socket.room->rt; }

static void drop_coming(mk_actor_ws_t *self) {
    if (self->coming != NULL) message_release(runtime_of(self), self->coming);
    self->coming = NULL;
}

/* ---- the record --------------------------------------------------------------------------------------------------- */

void mk_actor_ws_free(mk_actor_ws_t *self) {
    drop_coming(self);
    mk_free(self->subprotocol);
    mk_free(self->reason);
    mk_ws_asking_free(self);
    if (self->started) mk_websocket_stop(&self->ws);
    mk_socket_free(&self->socket);
}

/* The stream is closed; the record stays until its owner has heard so. */
static void connection_over(mk_actor_ws_t *self) {
    if (self->session.conn != NULL) mk_http_session_over(&self->session);
    if (self->fetch != NULL) mk_fetch_cancel(self->fetch);
    self->fetch = NULL;
    self->over = true;
}

/* The actor wants to hear no more of it, or has ended: the peer is told 1001. */
static void abandon(mk_socket_t *socket) {
    mk_actor_ws_t *self = of_socket(socket);
    if (!self->started) connection_over(self); /* it was not even open, or never will be */
    if (self->over) {
        mk_actor_ws_free(self);
    } else if (mk_websocket_close(&self->ws, MK_WS_CLOSE_GOING_AWAY, "", 0) != MK_OK) {
        mk_websocket_resume(&self->ws); /* closing already; nobody is made to wait for this actor any more */
    }
}

static void destroy(mk_socket_t *socket) { mk_actor_ws_free(of_socket(socket)); }

static message_t *closed_news(mk_actor_ws_t *self, const ws_status_payload_t *status) {
    uint8_t     payload[sizeof *status + MK_WS_CONTROL_BYTES_MAX];
    const char *reason = self->reason != NULL ? self->reason : "";
    size_t      size = strlen(reason) + 1;
    mk_assert(size <= MK_WS_CONTROL_BYTES_MAX);
    memcpy(payload, status, sizeof *status);
    memcpy(payload + sizeof *status, reason, size);
    return mk_socket_message(&self->socket, MSG_WS_CLOSED, payload, sizeof *status + size);
}

static message_t *news(mk_socket_t *socket, uint32_t owed) {
    mk_actor_ws_t            *self = of_socket(socket);
    const http_conn_payload_t drained = {socket->id};
    ws_status_payload_t       status = {.conn_id = socket->id};
    if (owed == MK_OWED_DRAINED) return mk_socket_message(socket, MSG_HTTP_DRAINED, &drained, sizeof drained);
    if (owed == MK_OWED_OPEN) return mk_socket_message(socket, MSG_WS_OPEN, &status, sizeof status);
    if (!self->started) return mk_ws_asking_failed(self);
    status.close_code = self->close_code;
    return closed_news(self, &status);
}

static void handled(mk_socket_t *socket, const message_t *msg) {
    mk_actor_ws_t *self = of_socket(socket);
    if (msg->type == MSG_WS_MESSAGE) socket->waiting_bytes -= ((const ws_message_payload_t *)msg->payload)->data_size;
    if (msg->type == MSG_WS_CLOSED || msg->type == MSG_WS_ERROR) {
        if (self->over) mk_actor_ws_free(self);
        else mk_socket_leave(socket); /* the stream's end takes a little longer, and nobody waits for it */
    } else if (self->started && mk_session_has_room(socket)) {
        mk_websocket_resume(&self->ws);
    }
}

static const mk_socket_ops_t socket_ops = {news, handled, NULL, abandon, destroy, true};

mk_actor_ws_t *mk_actor_ws_create(mk_sessions_t *sessions, actor_t *owner) {
    return mk_socket_create(sessions->sockets, owner, &socket_ops, sizeof(mk_actor_ws_t));
}

void mk_actor_ws_begin(mk_actor_ws_t *self, mk_sessions_t *sessions, mk_stream_t *stream, bool server,
                       const mk_ws_terms_t *terms) {
    size_t longest = mk_runtime_payload_max(runtime_of(self)) - sizeof(ws_message_payload_t);
    mk_websocket_config_complete(&self->config);
    if (self->config.message_bytes_max > longest) self->config.message_bytes_max = (uint32_t)longest;
    mk_websocket_start(&self->ws, &sessions->websockets, &self->config, stream, server, terms);
    self->started = true;
    mk_socket_tell(&self->socket, MK_OWED_OPEN);
}

/* ---- what the session says ---------------------------------------------------------------------------------------- */

static uint8_t *on_room(mk_websocket_t *ws, bool binary, size_t size) {
    mk_actor_ws_t *self = of(ws);
    drop_coming(self);
    self->coming = mk_room_message(runtime_of(self), MSG_WS_MESSAGE, sizeof(ws_message_payload_t) + size);
    if (self->coming == NULL) return NULL;
    ws_message_payload_t *payload = (ws_message_payload_t *)(uintptr_t)self->coming->payload;
    *payload = (ws_message_payload_t){.conn_id = self->socket.id, .is_binary = binary, .data_size = size};
    return (uint8_t *)(payload + 1);
}

static void on_message(mk_websocket_t *ws, bool binary, const uint8_t *data, size_t size) {
    mk_actor_ws_t *self = of(ws);
    message_t     *msg = self->coming;
    (void)binary;
    mk_assert(data == ws_message_data(msg->payload) && self->socket.owner != NULL);
    self->coming = NULL;
    mk_socket_send(&self->socket, msg, size);
    if (mk_session_is_full(&self->socket)) mk_websocket_pause(ws);
}

static void on_drained(mk_websocket_t *ws) {
    mk_actor_ws_t *self = of(ws);
    if (self->socket.owner != NULL) mk_socket_tell(&self->socket, MK_OWED_DRAINED);
}

static void on_closed(mk_websocket_t *ws, mk_err_t why, uint16_t code, const char *reason, size_t reason_size) {
    mk_actor_ws_t *self = of(ws);
    drop_coming(self);
    if (self->socket.owner == NULL) return;
    if (why == MK_ERR_PROTO || why == MK_ERR_NOMEM) {
        actor_log(runtime_of(self), MK_LOG_INFO, "WebSocket %u closed with %u: %.*s", (unsigned)self->socket.id,
                  (unsigned)code, (int)reason_size, reason);
    }
    self->close_code = code;
    if (reason_size > MK_WS_CONTROL_BYTES_MAX - 2)
        reason_size = MK_WS_CONTROL_BYTES_MAX - 2;                        /* ours: the peer's fits */
    if (reason_size != 0) self->reason = mk_strndup(reason, reason_size); /* without memory there was none */
    self->socket.owed &= ~(uint32_t)MK_OWED_DRAINED;
    mk_socket_tell(&self->socket, MK_OWED_LAST);
}

static void on_over(mk_websocket_t *ws) {
    mk_actor_ws_t *self = of(ws);
    drop_coming(self);
    connection_over(self);
    if (self->socket.owner == NULL) mk_actor_ws_free(self);
}

const mk_websocket_ops_t mk_actor_ws_ops = {on_room, on_message, NULL, on_drained, on_closed, on_over};

/* ---- for actors --------------------------------------------------------------------------------------------------- */

static mk_err_t find(runtime_t *rt, http_conn_id_t id, mk_actor_ws_t **out) {
    mk_socket_t *socket = mk_socket_find(rt, id, &socket_ops);
    if (socket == NULL) return MK_ERR_NOTFOUND;
    *out = of_socket(socket);
    return (*out)->started ? MK_OK : MK_ERR_CLOSED;
}

mk_err_t actor_ws_try_send(runtime_t *rt, http_conn_id_t id, bool binary, const void *data, size_t len) {
    mk_actor_ws_t *self;
    mk_err_t       err = find(rt, id, &self);
    return err == MK_OK ? mk_websocket_send(&self->ws, binary, data, len) : err;
}

bool actor_ws_send_text(runtime_t *rt, http_conn_id_t id, const char *text, size_t len) {
    return mk_session_logged(rt, "actor_ws_send_text", id, actor_ws_try_send(rt, id, false, text, len));
}

bool actor_ws_send_binary(runtime_t *rt, http_conn_id_t id, const void *data, size_t len) {
    return mk_session_logged(rt, "actor_ws_send_binary", id, actor_ws_try_send(rt, id, true, data, len));
}

bool actor_ws_close(runtime_t *rt, http_conn_id_t id, uint16_t code, const char *reason) {
    mk_actor_ws_t *self;
    mk_err_t       err = find(rt, id, &self);
    if (err == MK_OK) err = mk_websocket_close(&self->ws, code, reason, reason != NULL ? strlen(reason) : 0);
    return mk_session_logged(rt, "actor_ws_close", id, err);
}

const char *ws_subprotocol(runtime_t *rt, http_conn_id_t id) {
    mk_actor_ws_t *self;
    return find(rt, id, &self) == MK_OK && self->subprotocol != NULL ? self->subprotocol : "";
}
