/* SPDX-License-Identifier: Apache-2.0 */
/* actor_ws.c -- see actor_ws.h. */
#include "http/actor_ws.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "microkernel/services.h"

static mk_actor_ws_t *of(mk_websocket_t *ws) { return mk_container_of(ws, mk_actor_ws_t, ws); }

static void drop_coming(mk_actor_ws_t *self) {
    if (self->coming != NULL) message_release(self->link.rt, self->coming);
    self->coming = NULL;
}

void mk_actor_ws_fini(mk_actor_ws_t *self) {
    mk_actor_link_fini(&self->link);
    drop_coming(self);
    mk_free(self->subprotocol);
    self->subprotocol = NULL;
    mk_websocket_stop(&self->ws);
}

/* ---- what the session says ---------------------------------------------------------------------------------------- */

static uint8_t *on_room(mk_websocket_t *ws, bool binary, size_t size) {
    mk_actor_ws_t *self = of(ws);
    drop_coming(self);
    self->coming = mk_room_message(self->link.rt, MSG_WS_MESSAGE, sizeof(ws_message_payload_t) + size);
    if (self->coming == NULL) return NULL;
    ws_message_payload_t *payload = (ws_message_payload_t *)(uintptr_t)self->coming->payload;
    *payload = (ws_message_payload_t){.conn_id = self->link.id, .is_binary = binary, .data_size = size};
    return (uint8_t *)(payload + 1);
}

static void on_message(mk_websocket_t *ws, bool binary, const uint8_t *data, size_t size) {
    mk_actor_ws_t *self = of(ws);
    message_t     *msg = self->coming;
    (void)binary;
    (void)size;
    mk_assert(data == ws_message_data(msg->payload));
    self->coming = NULL;
    if (mk_actor_link_send(&self->link, msg)) mk_websocket_pause(ws);
}

static void on_drained(mk_websocket_t *ws) { mk_actor_link_tell(&of(ws)->link, MK_LINK_DRAINED); }

static void on_closed(mk_websocket_t *ws, mk_err_t why, uint16_t code, const char *reason, size_t reason_size) {
    mk_actor_ws_t *self = of(ws);
    if (why == MK_ERR_PROTO || why == MK_ERR_NOMEM) {
        actor_log(self->link.rt, MK_LOG_INFO, "WebSocket %u closed with %u: %.*s", (unsigned)self->link.id,
                  (unsigned)code, (int)reason_size, reason);
    }
    drop_coming(self);
    self->close_code = code;
    mk_actor_link_tell(&self->link, MK_LINK_LAST);
}

static void on_over(mk_websocket_t *ws) {
    mk_actor_ws_t *self = of(ws);
    drop_coming(self);
    mk_actor_link_over(&self->link);
}

const mk_websocket_ops_t mk_actor_ws_ops = {on_room, on_message, NULL, on_drained, on_closed, on_over};

/* ---- what the actor hears ----------------------------------------------------------------------------------------- */

static message_t *news(mk_actor_link_t *link, uint32_t what) {
    const mk_actor_ws_t      *self = (const mk_actor_ws_t *)link;
    const http_conn_payload_t drained = {link->id};
    ws_status_payload_t       status = {.conn_id = link->id};
    if (what == MK_LINK_DRAINED) return mk_actor_link_message(link, MSG_HTTP_DRAINED, &drained, sizeof drained);
    if (what == MK_LINK_OPEN) return mk_actor_link_message(link, MSG_WS_OPEN, &status, sizeof status);
    status.close_code = self->close_code;
    return mk_actor_link_message(link, MSG_WS_CLOSED, &status, sizeof status);
}

static void go_on(mk_actor_link_t *link) { mk_websocket_resume(&((mk_actor_ws_t *)link)->ws); }

static const mk_actor_link_ops_t link_ops = {news, go_on};

/* ---- for the connection ------------------------------------------------------------------------------------------- */

mk_err_t mk_actor_ws_start(mk_actor_ws_t *self, const mk_actor_host_t *host, runtime_t *rt, http_conn_id_t id,
                           mk_websocket_kind_t *kind, const mk_websocket_config_t *config, mk_stream_t *stream,
                           bool server, const mk_ws_terms_t *terms, const char *subprotocol) {
    size_t payload_max = mk_runtime_payload_max(rt) - sizeof(ws_message_payload_t);
    char  *copy = NULL;
    if (subprotocol != NULL && *subprotocol != '\0') {
        copy = mk_strndup(subprotocol, strlen(subprotocol));
        if (copy == NULL) return MK_ERR_NOMEM;
    }
    mk_actor_link_init(&self->link, host, &link_ops, rt, id);
    self->coming = NULL;
    self->subprotocol = copy;
    self->close_code = 0;
    mk_websocket_start(&self->ws, kind, config, stream, server, terms);
    if (self->ws.reader.bytes_max > payload_max) self->ws.reader.bytes_max = payload_max; /* no message is longer */
    mk_actor_link_tell(&self->link, MK_LINK_OPEN);
    return MK_OK;
}

void mk_actor_ws_abandon(mk_actor_ws_t *self) {
    if (mk_websocket_close(&self->ws, MK_WS_CLOSE_GOING_AWAY, "", 0) != MK_OK) {
        mk_websocket_resume(&self->ws); /* closing or closed already; nobody is made to wait any more */
    }
    mk_actor_link_abandon(&self->link);
}

/* ---- for actors --------------------------------------------------------------------------------------------------- */

mk_err_t actor_ws_try_send(runtime_t *rt, http_conn_id_t id, bool binary, const void *data, size_t len) {
    mk_actor_ws_t *self = mk_http_find_ws(rt, id);
    return self != NULL ? mk_websocket_send(&self->ws, binary, data, len) : MK_ERR_NOTFOUND;
}

/* What an actor hears of anyway, in MSG_HTTP_DRAINED and MSG_WS_CLOSED, is not worth a line each time. */
static bool logged(runtime_t *rt, const char *what, http_conn_id_t id, mk_err_t err) {
    if (err == MK_OK) return true;
    int level = err == MK_ERR_FULL || err == MK_ERR_CLOSED ? MK_LOG_DEBUG : MK_LOG_WARN;
    actor_log(rt, level, "%s: WebSocket %u: %s", what, (unsigned)id, mk_err_text(err));
    return false;
}

bool actor_ws_send_text(runtime_t *rt, http_conn_id_t id, const char *text, size_t len) {
    return logged(rt, "actor_ws_send_text", id, actor_ws_try_send(rt, id, false, text, len));
}

bool actor_ws_send_binary(runtime_t *rt, http_conn_id_t id, const void *data, size_t len) {
    return logged(rt, "actor_ws_send_binary", id, actor_ws_try_send(rt, id, true, data, len));
}

bool actor_ws_close(runtime_t *rt, http_conn_id_t id, uint16_t code, const char *reason) {
    mk_actor_ws_t *self = mk_http_find_ws(rt, id);
    mk_err_t       err = MK_ERR_NOTFOUND;
    if (self != NULL) err = mk_websocket_close(&self->ws, code, reason, reason != NULL ? strlen(reason) : 0);
    return logged(rt, "actor_ws_close", id, err);
}

const char *ws_subprotocol(runtime_t *rt, http_conn_id_t id) {
    const mk_actor_ws_t *self = mk_http_find_ws(rt, id);
    return self != NULL && self->subprotocol != NULL ? self->subprotocol : "";
}
