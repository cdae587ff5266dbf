/* SPDX-License-Identifier: Apache-2.0 */
/* actor_source.c -- event sources of actors: what they asked for is kept, and asked for again. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "http/actor_sessions.h"
#include "microkernel/services.h"

typedef struct source {
    mk_socket_t     socket;
    mk_sse_source_t source;
    mk_client_t    *client;
    mk_fetch_t     *fetch; /* under way; NULL: none             */
    char           *url;
    char           *proxy;   /* NULL: the environment's           */
    socket_tls_t   *tls;     /* held; NULL: the system's          */
    mk_buffer_t     headers; /* packed, a NUL behind each         */
    size_t          headers_n;
    int             status;
    mk_err_t        err; /* of the last attempt to begin ...  */
    const char     *why; /* ... and a few words, static       */
} source_t;

static source_t *of(mk_sse_source_t *source) { return mk_container_of(source, source_t, source); }

static source_t *of_socket(mk_socket_t *socket) { return mk_container_of(socket, source_t, socket); }

static runtime_t *runtime_of(const source_t *self) { return self->socket.room->rt; }

static void cancel(source_t *self) {
    if (self->fetch != NULL) mk_fetch_cancel(self->fetch);
    self->fetch = NULL;
}

/* ---- the record --------------------------------------------------------------------------------------------------- */

static message_t *news(mk_socket_t *socket, uint32_t owed) {
    const sse_status_payload_t status = {socket->id, of_socket(socket)->status};
    return mk_socket_message(socket, owed == MK_OWED_OPEN ? MSG_SSE_OPEN : MSG_SSE_CLOSED, &status, sizeof status);
}

static void destroy(mk_socket_t *socket) {
    source_t *self = of_socket(socket);
    cancel(self);
    mk_sse_source_stop(&self->source);
    mk_buffer_free(&self->headers);
    mk_free(self->url);
    mk_free(self->proxy);
    if (self->tls != NULL) socket_tls_release(self->tls);
    mk_socket_free(socket);
}

static void handled(mk_socket_t *socket, const message_t *msg) {
    if (msg->type == MSG_SSE_CLOSED) {
        destroy(socket);
        return;
    }
    if (msg->type == MSG_SSE_EVENT) socket->waiting_bytes -= ((const sse_event_payload_t *)msg->payload)->data_size;
    if (mk_session_has_room(socket)) mk_sse_source_resume(&of_socket(socket)->source);
}

static const mk_socket_ops_t socket_ops = {news, handled, NULL, destroy, destroy, true};

static void tell_last(source_t *self, int status) {
    self->status = status;
    mk_socket_tell(&self->socket, MK_OWED_LAST);
}

/* ---- the fetch's calls -------------------------------------------------------------------------------------------- */

static void on_head(void *arg, const mk_http_response_t *response) {
    source_t      *self = arg;
    mk_http_text_t type = mk_http_fields_get(&response->fields, "Content-Type");
    if (!mk_sse_source_response(&self->source, response->status, type.at, type.size)) cancel(self);
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t size) {
    return mk_sse_source_data(&((source_t *)arg)->source, bytes, size);
}

static void on_end(void *arg) {
    source_t *self = arg;
    self->fetch = NULL;
    mk_sse_source_ended(&self->source);
}

static void on_failed(void *arg, mk_err_t why, const char *text) {
    source_t *self = arg;
    actor_log(runtime_of(self), MK_LOG_DEBUG, "event source %u: %s: %s", (unsigned)self->socket.id, mk_err_text(why),
              text);
    on_end(arg);
}

static const mk_fetch_ops_t fetch_ops = {on_head, on_data, on_end, on_failed, NULL};

/* ---- the source's calls ------------------------------------------------------------------------------------------- */

/* The actor's fields, and behind them our two. An id that no field can carry is left out. */
static mk_err_t begin(source_t *self) {
    static const char accept[] = "Accept: text/event-stream";
    mk_http_text_t    last = mk_sse_source_last_id(&self->source);
    mk_buffer_t       id = {0};
    size_t            n = self->headers_n;
    const char      **headers = mk_alloc((n + 2) * sizeof *headers);
    const char       *at = (const char *)self->headers.bytes;
    mk_err_t          err = MK_ERR_NOMEM;
    if (headers == NULL) return err;
    for (size_t i = 0; i < n; i++, at += strlen(at) + 1) headers[i] = at;
    headers[n++] = accept;
    if (last.size > 0 && mk_http_is_field_value(last)) {
        mk_buffer_append_text(&id, "Last-Event-ID: ");
        mk_buffer_append(&id, last.at, last.size);
        mk_buffer_append(&id, "", 1);
        headers[n++] = (const char *)id.bytes;
    }
    const mk_fetch_options_t options = {
        .url = self->url,
        .headers = headers,
        .headers_n = n,
        .apart = true,
        .tls = self->tls,
        .proxy = self->proxy,
        .no_body_deadline = true,
    };
    if (!id.failed) err = mk_fetch_start(self->client, &options, &fetch_ops, self, &self->fetch, &self->why);
    mk_buffer_free(&id);
    mk_free(headers);
    return err;
}

static void on_request(mk_sse_source_t *source) {
    source_t *self = of(source);
    self->why = "";
    self->err = begin(self);
    if (self->err != MK_OK) mk_sse_source_ended(source);
}

static void on_open(mk_sse_source_t *source, int status) {
    of(source)->status = status;
    mk_socket_tell(&of(source)->socket, MK_OWED_OPEN);
}

static char *put_text(char *to, mk_http_text_t text) {
    if (text.size > 0) memcpy(to, text.at, text.size);
    to[text.size] = '\0';
    return to + text.size + 1;
}

/* An event that cannot be told is not passed over in silence: the source is closed instead. */
static void on_event(mk_sse_source_t *source, const mk_sse_event_t *event) {
    source_t  *self = of(source);
    size_t     size = sizeof(sse_event_payload_t) + event->name.size + event->data.size + event->id.size + 3;
    message_t *msg = mk_room_message(runtime_of(self), MSG_SSE_EVENT, size);
    if (msg == NULL) {
        actor_log(runtime_of(self), MK_LOG_WARN, "event source %u: out of memory", (unsigned)self->socket.id);
        mk_sse_source_stop(source);
        cancel(self);
        tell_last(self, 0);
        return;
    }
    sse_event_payload_t *payload = (sse_event_payload_t *)(uintptr_t)msg->payload;
    *payload = (sse_event_payload_t){self->socket.id, event->name.size, event->data.size};
    put_text(put_text(put_text((char *)(payload + 1), event->name), event->data), event->id);
    mk_socket_send(&self->socket, msg, event->data.size);
    if (mk_session_is_full(&self->socket)) mk_sse_source_pause(source);
}

static void on_abandon(mk_sse_source_t *source) { cancel(of(source)); }

static void on_resume(mk_sse_source_t *source) {
    if (of(source)->fetch != NULL) mk_fetch_resume(of(source)->fetch);
}

static void on_closed(mk_sse_source_t *source, mk_err_t why, int status) {
    source_t *self = of(source);
    if (why != MK_OK) {
        actor_log(runtime_of(self), MK_LOG_INFO, "event source %u: %s, status %d", (unsigned)self->socket.id,
                  mk_err_text(why), status);
    }
    tell_last(self, status);
}

static const mk_sse_source_ops_t source_ops = {on_request, on_open, on_event, on_abandon, on_resume, on_closed};

/* ---- for actors --------------------------------------------------------------------------------------------------- */

static char *copy_of(const char *text) { return mk_strndup(text, strlen(text)); }

/* What is needed for the second request and all further ones. */
static bool keep(source_t *self, const sse_connect_options_t *o) {
    for (size_t i = 0; i < o->headers_n; i++)
        mk_buffer_append(&self->headers, o->headers[i], strlen(o->headers[i]) + 1);
    self->headers_n = o->headers_n;
    self->tls = mk_socket_tls_retain(o->tls);
    self->url = copy_of(o->url);
    if (o->proxy != NULL) self->proxy = copy_of(o->proxy);
    return !self->headers.failed && self->url != NULL && (o->proxy == NULL || self->proxy != NULL);
}

static void init(source_t *self, runtime_t *rt, const sse_connect_options_t *o) {
    mk_sse_source_config_t config = {
        .event_bytes_max = o->event_bytes_max,
        .retry_ms = o->retry_ms,
        .attempts_max = o->attempts_max,
    };
    /* Name, data and id may each have that many bytes, of each of which repair may make three. */
    size_t longest = (mk_runtime_payload_max(rt) - sizeof(sse_event_payload_t) - 3) / 9;
    mk_sse_source_init(&self->source, mk_runtime_loop(rt), &source_ops, &config);
    if (self->source.parser.bytes_max > longest) self->source.parser.bytes_max = longest;
}

static mk_err_t connect(runtime_t *rt, const sse_connect_options_t *options, http_conn_id_t *out, const char **why) {
    mk_sockets_t *sockets;
    mk_client_t  *client;
    mk_assert(mk_runtime_running(rt) != NULL);
    *why = "no address";
    if (options->url == NULL) return MK_ERR_INVALID;
    mk_err_t err = mk_client_of(rt, &client);
    if (err == MK_OK) err = mk_sockets_open(rt, &sockets);
    *why = mk_err_text(err);
    if (err != MK_OK) return err;
    source_t *self = mk_socket_create(sockets, mk_runtime_running(rt), &socket_ops, sizeof *self);
    *why = mk_err_text(MK_ERR_NOMEM);
    if (self == NULL) return MK_ERR_NOMEM;
    init(self, rt, options);
    self->client = client;
    self->err = MK_ERR_NOMEM;
    if (keep(self, options)) {
        mk_sse_source_start(&self->source);
        if (self->err == MK_OK) {
            *out = self->socket.id;
            return MK_OK;
        }
        *why = self->why;
    }
    err = self->err;
    destroy(&self->socket);
    return err;
}

mk_err_t actor_sse_connect_opts(runtime_t *rt, const sse_connect_options_t *options, http_conn_id_t *out) {
    const char *why;
    return connect(rt, options, out, &why);
}

http_conn_id_t actor_sse_connect(runtime_t *rt, const char *url) {
    const sse_connect_options_t options = {.url = url};
    const char                 *why;
    http_conn_id_t              id;
    if (connect(rt, &options, &id, &why) == MK_OK) return id;
    actor_log(rt, MK_LOG_WARN, "actor_sse_connect: %s", why); /* the address may hold a password */
    return HTTP_CONN_ID_INVALID;
}
