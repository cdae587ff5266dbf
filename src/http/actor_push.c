/* SPDX-License-Identifier: Apache-2.0 */
/* actor_push.c -- answers that actors push events to. */
#include "base/assert.h"
#include "http/actor_sessions.h"

typedef struct push {
    mk_socket_t         socket;
    mk_sse_push_t       push;
    mk_http_exchange_t *exchange; /* NULL: the reader is gone */
} push_t;

static push_t *of(mk_sse_push_t *push) { return mk_container_of(push, push_t, push); }

static push_t *of_socket(mk_socket_t *socket) { return mk_container_of(socket, push_t, socket); }

/* ---- the record --------------------------------------------------------------------------------------------------- */

static message_t *news(mk_socket_t *socket, uint32_t owed) {
    const http_conn_payload_t  drained = {socket->id};
    const sse_status_payload_t closed = {socket->id, 200};
    if (owed == MK_OWED_DRAINED) return mk_socket_message(socket, MSG_HTTP_DRAINED, &drained, sizeof drained);
    return mk_socket_message(socket, MSG_SSE_CLOSED, &closed, sizeof closed);
}

static void destroy(mk_socket_t *socket) {
    mk_sse_push_stop(&of_socket(socket)->push);
    mk_socket_free(socket);
}

static void handled(mk_socket_t *socket, const message_t *msg) {
    if (msg->type == MSG_SSE_CLOSED) destroy(socket);
}

/* The actor is through with it: the answer ends in good order. */
static void abandon(mk_socket_t *socket) {
    mk_http_exchange_t *exchange = of_socket(socket)->exchange;
    destroy(socket);
    if (exchange != NULL) mk_http_exchange_end(exchange);
}

static const mk_socket_ops_t socket_ops = {news, handled, NULL, abandon, destroy, true};

static void reader_is_gone(push_t *self) {
    self->exchange = NULL;
    mk_sse_push_stop(&self->push);
    self->socket.owed &= ~(uint32_t)MK_OWED_DRAINED;
    if (self->socket.owner != NULL) mk_socket_tell(&self->socket, MK_OWED_LAST);
}

/* ---- what the exchange and the session say ------------------------------------------------------------------------ */

static void on_room(mk_http_exchange_t *exchange, void *arg) {
    (void)exchange;
    mk_sse_push_drained(&((push_t *)arg)->push);
}

static void on_gone(mk_http_exchange_t *exchange, void *arg) {
    (void)exchange;
    reader_is_gone(arg);
}

static void on_ended(mk_http_exchange_t *exchange, void *arg) {
    (void)exchange;
    mk_sse_push_beat(&((push_t *)arg)->push);
}

static const mk_http_service_t service = {on_room, on_gone, on_ended};

static mk_err_t on_write(mk_sse_push_t *push, const void *bytes, size_t size) {
    push_t *self = of(push);
    return self->exchange != NULL ? mk_http_exchange_write(self->exchange, bytes, size) : MK_ERR_CLOSED;
}

static void on_drained(mk_sse_push_t *push) { mk_socket_tell(&of(push)->socket, MK_OWED_DRAINED); }

static void on_too_slow(mk_sse_push_t *push) {
    push_t *self = of(push);
    mk_http_exchange_cut(self->exchange);
    reader_is_gone(self);
}

const mk_sse_push_ops_t mk_actor_push_ops = {on_write, on_drained, on_too_slow};

/* ---- for actors --------------------------------------------------------------------------------------------------- */

mk_err_t actor_sse_start_opts(runtime_t *rt, http_conn_id_t id, const sse_options_t *options) {
    static const char *const headers[] = {"Content-Type: text/event-stream", "Cache-Control: no-store"};
    mk_sessions_t           *sessions;
    mk_http_exchange_t      *exchange = mk_http_exchange_find(rt, id);
    if (exchange == NULL) return MK_ERR_NOTFOUND;
    if (mk_http_exchange_is_head(exchange)) return MK_ERR_INVALID; /* there is nothing to push to */
    mk_err_t err = mk_sessions_open(rt, &sessions);
    if (err != MK_OK) return err;
    push_t *self = mk_socket_create(sessions->sockets, NULL, &socket_ops, sizeof *self);
    if (self == NULL) return MK_ERR_NOMEM;
    if ((err = mk_http_exchange_begin(exchange, 200, headers, 2, -1)) != MK_OK) {
        mk_socket_free(&self->socket);
        return err;
    }
    mk_http_exchange_take(exchange, &self->socket, &service, self);
    self->exchange = exchange;
    const mk_sse_push_config_t config = {
        .heartbeat_ms = options->heartbeat_ms,
        .retry_ms = options->retry_ms,
        .close_when_full = options->close_when_full,
    };
    err = mk_sse_push_start(&self->push, &sessions->pushes, &config, mk_runtime_loop(rt));
    if (err != MK_OK)
        on_too_slow(&self->push); /* begun, and not to be taken back: it is over, and its actor hears so */
    return err;
}

bool actor_sse_start(runtime_t *rt, http_conn_id_t id) {
    const sse_options_t defaults = {0};
    return mk_session_logged(rt, "actor_sse_start", id, actor_sse_start_opts(rt, id, &defaults));
}

mk_err_t actor_sse_push_event(runtime_t *rt, http_conn_id_t id, const char *id_text, const char *event,
                              const void *data, size_t size) {
    const mk_http_text_t none = {NULL, 0};
    mk_socket_t         *socket = mk_socket_find(rt, id, &socket_ops);
    if (socket == NULL) return MK_ERR_NOTFOUND;
    if (of_socket(socket)->exchange == NULL) return MK_ERR_CLOSED;
    const mk_sse_event_t pushed = {
        .name = event != NULL ? mk_http_text(event) : none,
        .data = {data, size},
        .id = id_text != NULL ? mk_http_text(id_text) : none,
    };
    return mk_sse_push_event(&of_socket(socket)->push, &pushed);
}

bool actor_sse_push(runtime_t *rt, http_conn_id_t id, const char *event, const void *data, size_t size) {
    return mk_session_logged(rt, "actor_sse_push", id, actor_sse_push_event(rt, id, NULL, event, data, size));
}
