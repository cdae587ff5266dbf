/* SPDX-License-Identifier: Apache-2.0 */
/* actor_ws_client.c -- WebSockets that actors ask for. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "http/actor_sessions.h"
#include "microkernel/services.h"

/* What was asked for, until it is there; then why it never will be. */
struct mk_ws_asking {
    mk_sessions_t *sessions;
    char          *subprotocols;
    mk_err_t       why;
    char           key[MK_WS_KEY_CHARS + 1];
    char           text[sizeof((http_error_payload_t *)NULL)->message];
};

void mk_ws_asking_free(mk_actor_ws_t *self) {
    if (self->asking == NULL) return;
    mk_free(self->asking->subprotocols);
    mk_free(self->asking);
    self->asking = NULL;
}

message_t *mk_ws_asking_failed(mk_actor_ws_t *self) {
    http_error_payload_t payload = {.conn_id = self->socket.id, .error_code = (int)self->asking->why};
    memcpy(payload.message, self->asking->text, sizeof payload.message);
    return mk_socket_message(&self->socket, MSG_WS_ERROR, &payload, sizeof payload);
}

/* ---- the fetch's calls -------------------------------------------------------------------------------------------- */

static void fail(mk_actor_ws_t *self, mk_err_t why, const char *text) {
    if (self->fetch != NULL) mk_fetch_cancel(self->fetch);
    self->fetch = NULL;
    self->over = true;
    self->asking->why = why;
    (void)snprintf(self->asking->text, sizeof self->asking->text, "%s", text);
    mk_socket_tell(&self->socket, MK_OWED_LAST);
}

static void on_head(void *arg, const mk_http_response_t *response) {
    char text[64];
    (void)snprintf(text, sizeof text, "the server answered %u", (unsigned)response->status);
    fail(arg, MK_ERR_PROTO, text);
}

static size_t no_data(void *arg, const uint8_t *bytes, size_t size) {
    (void)arg;
    (void)bytes;
    return size;
}

static void on_answered(void *arg) {
    mk_actor_ws_t *self = arg;
    self->fetch = NULL;
    fail(self, MK_ERR_PROTO, "the server answered without a WebSocket");
}

static void on_failed(void *arg, mk_err_t why, const char *text) {
    mk_actor_ws_t *self = arg;
    self->fetch = NULL;
    fail(self, why, text);
}

static const mk_fetch_ops_t fetch_ops = {on_head, no_data, on_answered, on_failed, NULL};

static void on_upgraded(void *arg, const mk_http_response_t *response, mk_stream_t *stream) {
    mk_actor_ws_t       *self = arg;
    struct mk_ws_asking *asking = self->asking;
    mk_ws_terms_t        terms;
    mk_http_text_t       chosen;
    const char          *why;
    mk_err_t             err =
        mk_ws_response_check(response, asking->key, &self->config.wish, asking->subprotocols, &terms, &chosen, &why);
    if (err == MK_OK && chosen.at != NULL) {
        self->subprotocol = mk_strndup(chosen.at, chosen.size);
        if (self->subprotocol == NULL) err = MK_ERR_NOMEM, why = mk_err_text(err);
    }
    if (err != MK_OK) {
        fail(self, err, why);
        return;
    }
    mk_sessions_t *sessions = asking->sessions;
    mk_ws_asking_free(self);
    mk_actor_ws_begin(self, sessions, stream, false, &terms);
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t size) {
    return mk_websocket_data(&((mk_actor_ws_t *)arg)->ws, bytes, size);
}

static void on_end(void *arg) { mk_websocket_end(&((mk_actor_ws_t *)arg)->ws); }

static void on_drained(void *arg) { mk_websocket_drained(&((mk_actor_ws_t *)arg)->ws); }

static void on_closed(void *arg, mk_err_t why) {
    mk_actor_ws_t *self = arg;
    self->fetch = NULL;
    mk_websocket_stream_closed(&self->ws, why);
}

static const mk_upgrade_ops_t upgrade_ops = {on_upgraded, on_data, on_end, on_drained, on_closed};

/* ---- asking ------------------------------------------------------------------------------------------------------- */

static mk_err_t ask(mk_actor_ws_t *self, mk_client_t *client, const ws_connect_options_t *o, const char **why) {
    uint8_t     nonce[MK_WS_NONCE_BYTES];
    mk_buffer_t lines = {0};
    mk_err_t    err = mk_port_entropy(nonce, sizeof nonce);
    if (err == MK_OK) {
        mk_ws_key_make(nonce, self->asking->key);
        err = mk_ws_write_request_fields(&lines, self->asking->key, &self->config.wish, o->subprotocols);
    }
    mk_fetch_options_t options = {
        .url = o->url,
        .headers = o->headers,
        .headers_n = o->headers_n,
        .lines = {lines.bytes, lines.size},
        .upgrade = &upgrade_ops,
        .tls = o->tls,
        .proxy = o->proxy,
    };
    if (err != MK_OK) *why = mk_err_text(err);
    else err = mk_fetch_start(client, &options, &fetch_ops, self, &self->fetch, why);
    mk_buffer_free(&lines);
    return err;
}

static mk_err_t prepare(mk_actor_ws_t *self, mk_sessions_t *sessions, const ws_connect_options_t *o) {
    self->config.message_bytes_max = o->message_bytes_max;
    self->config.ping_ms = o->ping_ms;
    self->config.wish.deflate = !o->no_compression;
    mk_websocket_config_complete(&self->config);
    self->asking = mk_calloc(1, sizeof *self->asking);
    if (self->asking == NULL) return MK_ERR_NOMEM;
    self->asking->sessions = sessions;
    if (o->subprotocols == NULL) return MK_OK;
    self->asking->subprotocols = mk_strndup(o->subprotocols, strlen(o->subprotocols));
    return self->asking->subprotocols != NULL ? MK_OK : MK_ERR_NOMEM;
}

static mk_err_t connect(runtime_t *rt, const ws_connect_options_t *options, http_conn_id_t *out, const char **why) {
    mk_sessions_t *sessions;
    mk_client_t   *client;
    mk_assert(mk_runtime_running(rt) != NULL);
    mk_err_t err = mk_client_of(rt, &client);
    if (err == MK_OK) err = mk_sessions_open(rt, &sessions);
    mk_actor_ws_t *self = NULL;
    if (err == MK_OK && (self = mk_actor_ws_create(sessions, mk_runtime_running(rt))) == NULL) err = MK_ERR_NOMEM;
    if (err == MK_OK) err = prepare(self, sessions, options);
    *why = mk_err_text(err);
    if (err == MK_OK) err = ask(self, client, options, why);
    if (err != MK_OK) {
        if (self != NULL) mk_actor_ws_free(self);
        return err;
    }
    *out = self->socket.id;
    return MK_OK;
}

mk_err_t actor_ws_connect_opts(runtime_t *rt, const ws_connect_options_t *options, http_conn_id_t *out) {
    const char *why;
    return connect(rt, options, out, &why);
}

http_conn_id_t actor_ws_connect(runtime_t *rt, const char *url) {
    const ws_connect_options_t options = {.url = url};
    const char                *why;
    http_conn_id_t             id;
    if (connect(rt, &options, &id, &why) == MK_OK) return id;
    actor_log(rt, MK_LOG_WARN, "actor_ws_connect: %s", why); /* the address may hold a password */
    return HTTP_CONN_ID_INVALID;
}
