/* SPDX-License-Identifier: Apache-2.0 */
/* actor_ws_server.c -- a request that becomes an actor's WebSocket. */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "http/actor_sessions.h"

/* ---- the connection's calls --------------------------------------------------------------------------------------- */

static mk_actor_ws_t *of(mk_http_session_t *session) { return mk_container_of(session, mk_actor_ws_t, session); }

static size_t on_data(mk_http_session_t *session, const uint8_t *bytes, size_t size) {
    return mk_websocket_data(&of(session)->ws, bytes, size);
}

static void on_end(mk_http_session_t *session) { mk_websocket_end(&of(session)->ws); }

static void on_drained(mk_http_session_t *session) { mk_websocket_drained(&of(session)->ws); }

static void on_closed(mk_http_session_t *session, mk_err_t why) { mk_websocket_stream_closed(&of(session)->ws, why); }

static void on_stop(mk_http_session_t *session) {
    mk_err_t err = mk_websocket_close(&of(session)->ws, MK_WS_CLOSE_GOING_AWAY, "", 0);
    (void)err; /* closing already */
}

static void on_destroy(mk_http_session_t *session) { mk_actor_ws_free(of(session)); }

static const mk_http_session_ops_t session_ops = {on_data, on_end, on_drained, on_closed, on_stop, on_destroy};

/* ---- accepting ---------------------------------------------------------------------------------------------------- */

static bool offers(const mk_http_ws_request_t *asked, const char *subprotocol) {
    mk_http_text_t rest = {asked->protocols, asked->protocols_size}, one;
    while (mk_http_list_next(&rest, &one)) {
        if (mk_http_text_equal(one, subprotocol)) return true;
    }
    return false;
}

/* The connection is `self`'s on MK_OK; otherwise everything is as before. */
static mk_err_t upgrade(mk_actor_ws_t *self, mk_http_exchange_t *exchange, mk_ws_upgrade_t *agreed,
                        const char *subprotocol) {
    mk_buffer_t head = {0};
    mk_err_t    err = mk_ws_write_accept(&head, agreed, subprotocol);
    if (err == MK_OK && *subprotocol != '\0') {
        self->subprotocol = mk_strndup(subprotocol, strlen(subprotocol));
        if (self->subprotocol == NULL) err = MK_ERR_NOMEM;
    }
    if (err == MK_OK) {
        err = mk_http_exchange_upgrade(exchange, head.bytes, head.size, &self->socket, &self->session, &session_ops);
    }
    mk_buffer_free(&head);
    return err;
}

mk_err_t actor_ws_accept_opts(runtime_t *rt, http_conn_id_t id, const char *subprotocol) {
    mk_sessions_t      *sessions;
    mk_http_exchange_t *exchange = mk_http_exchange_find(rt, id);
    if (exchange == NULL) return MK_ERR_NOTFOUND;
    const mk_http_ws_request_t *asked = mk_http_exchange_ws(exchange);
    if (subprotocol == NULL) subprotocol = "";
    if (asked == NULL || asked->status != 0) return MK_ERR_INVALID;
    if (*subprotocol != '\0' && !offers(asked, subprotocol)) return MK_ERR_INVALID;
    mk_err_t err = mk_sessions_open(rt, &sessions);
    if (err != MK_OK) return err;
    mk_actor_ws_t *self = mk_actor_ws_create(sessions, NULL);
    if (self == NULL) return MK_ERR_NOMEM;
    mk_ws_upgrade_t agreed = asked->upgrade; /* which goes with the exchange */
    self->config.message_bytes_max = mk_http_exchange_options(exchange)->limits.ws_message_bytes_max;
    if ((err = upgrade(self, exchange, &agreed, subprotocol)) != MK_OK) {
        mk_actor_ws_free(self);
        return err;
    }
    mk_actor_ws_begin(self, sessions, self->session.stream, true, &agreed.terms);
    return MK_OK;
}

bool actor_ws_accept(runtime_t *rt, http_conn_id_t id) {
    return mk_session_logged(rt, "actor_ws_accept", id, actor_ws_accept_opts(rt, id, NULL));
}
