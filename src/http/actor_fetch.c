/* SPDX-License-Identifier: Apache-2.0 */
/* actor_fetch.c -- fetches of actors. An answer is told whole, or as it comes, or its body goes to a file. What was read and not
 * handled is bounded by a window, as with sockets (tcp.c): reading pauses there. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "http/download.h"
#include "http/fetch.h"
#include "microkernel/http.h"
#include "microkernel/services.h"
#include "runtime/attach.h"
#include "socket/sockets.h"

enum {
    WINDOW_BYTES = 65536,
    WINDOW_MESSAGES = 64,
    BODY_BYTES_MAX = 16 * 1024 * 1024,
    PROGRESS_MS = 250,
    OWED_PROGRESS = MK_OWED_ENDED,
};

typedef struct asked {
    mk_socket_t    socket;
    mk_fetch_t    *fetch;    /* NULL: over                               */
    mk_download_t *download; /* NULL: none, or over                      */
    char          *file;     /* NULL: none                               */
    mk_buffer_t    headers;  /* packed                                   */
    mk_buffer_t    body;     /* of an answer that is told whole          */
    uint64_t       body_max;
    uint64_t       received, total; /* of a download                     */
    uint64_t       progress_ms;     /* when it was told last             */
    int            status;
    bool           stream, stream_body;
    bool           progress_waits; /* in the mailbox                     */
    bool           whole;          /* this answer is told whole          */
    mk_err_t       why;            /* MK_OK: it did not fail             */
    char           text[sizeof((http_error_payload_t *)NULL)->message];
} asked_t;

static asked_t *asked_of(mk_socket_t *socket) { return mk_container_of(socket, asked_t, socket); }

static mk_loop_t *loop_of(const asked_t *a) { return mk_runtime_loop(a->socket.room->rt); }

static size_t payload_max(const asked_t *a) { return mk_runtime_payload_max(a->socket.room->rt); }

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static message_t *response_message(asked_t *a) {
    http_response_payload_t head = {a->socket.id, a->status, a->headers.size, a->body.size};
    size_t                  size = sizeof head + head.headers_size + head.body_size;
    message_t              *msg = mk_room_message(a->socket.room->rt, MSG_HTTP_RESPONSE, size);
    if (msg == NULL) return NULL;
    uint8_t *at = (uint8_t *)(uintptr_t)msg->payload;
    memcpy(at, &head, sizeof head);
    if (head.headers_size != 0) memcpy(at + sizeof head, a->headers.bytes, head.headers_size);
    if (head.body_size != 0) memcpy(at + sizeof head + head.headers_size, a->body.bytes, head.body_size);
    mk_buffer_free(&a->headers);
    mk_buffer_free(&a->body);
    return msg;
}

static message_t *last_message(asked_t *a) {
    if (a->why != MK_OK) {
        http_error_payload_t payload = {.conn_id = a->socket.id, .error_code = (int)a->why};
        memcpy(payload.message, a->text, sizeof payload.message);
        return mk_socket_message(&a->socket, MSG_HTTP_ERROR, &payload, sizeof payload);
    }
    http_body_payload_t end = {a->socket.id, 0};
    return a->stream ? mk_socket_message(&a->socket, MSG_HTTP_BODY_END, &end, sizeof end) : response_message(a);
}

static message_t *progress_message(asked_t *a) {
    http_progress_payload_t payload = {a->socket.id, a->received, a->total};
    message_t              *msg = mk_socket_message(&a->socket, MSG_HTTP_PROGRESS, &payload, sizeof payload);
    a->progress_waits = a->progress_waits || msg != NULL;
    return msg;
}

static message_t *news(mk_socket_t *socket, uint32_t owed) {
    asked_t            *a = asked_of(socket);
    http_conn_payload_t plain = {socket->id};
    switch (owed) {
    case MK_OWED_OPEN: return response_message(a);
    case OWED_PROGRESS: return progress_message(a);
    case MK_OWED_DRAINED: return mk_socket_message(socket, MSG_HTTP_DRAINED, &plain, sizeof plain);
    default: return last_message(a);
    }
}

/* ---- its end ----------------------------------------------------------------------------------------------------- */

static void stop(asked_t *a) {
    if (a->fetch != NULL) mk_fetch_cancel(a->fetch);
    if (a->download != NULL) mk_download_cancel(a->download);
    a->fetch = NULL;
    a->download = NULL;
}

static void destroy(mk_socket_t *socket) {
    asked_t *a = asked_of(socket);
    stop(a);
    mk_buffer_free(&a->headers);
    mk_buffer_free(&a->body);
    mk_free(a->file);
    mk_socket_free(socket);
}

static void tell_last(asked_t *a) {
    a->socket.owed &= ~(uint32_t)(MK_OWED_DRAINED | OWED_PROGRESS);
    mk_socket_tell(&a->socket, MK_OWED_LAST);
}

static void fail(asked_t *a, mk_err_t why, const char *text) {
    stop(a);
    a->why = why;
    (void)snprintf(a->text, sizeof a->text, "%s", text);
    tell_last(a);
}

/* ---- windows ----------------------------------------------------------------------------------------------------- */

static bool window_is_full(const asked_t *a) {
    return a->socket.waiting_bytes >= WINDOW_BYTES || a->socket.waiting >= WINDOW_MESSAGES;
}

static void go_on(mk_socket_t *socket) {
    asked_t *a = asked_of(socket);
    bool     half = socket->waiting_bytes <= WINDOW_BYTES / 2 && socket->waiting <= WINDOW_MESSAGES / 2;
    if (a->fetch != NULL && a->stream && half) mk_fetch_resume(a->fetch);
}

static void handled(mk_socket_t *socket, const message_t *msg) {
    asked_t *a = asked_of(socket);
    switch (msg->type) {
    case MSG_HTTP_RESPONSE:
        if (a->stream) break;
        /* fall through */
    case MSG_HTTP_ERROR:
    case MSG_HTTP_BODY_END: destroy(socket); return;
    case MSG_HTTP_PROGRESS: a->progress_waits = false; return;
    case MSG_HTTP_BODY: socket->waiting_bytes -= ((const http_body_payload_t *)msg->payload)->data_size; break;
    default: break;
    }
    go_on(socket);
}

static const mk_socket_ops_t asked_ops = {news, handled, go_on, destroy, destroy, true};

/* ---- the fetch's calls ------------------------------------------------------------------------------------------- */

static void on_download_room(void *arg) {
    asked_t *a = arg;
    if (a->fetch != NULL) mk_fetch_resume(a->fetch);
}

static void on_download_done(void *arg, mk_err_t err, const char *why) {
    asked_t *a = arg;
    a->download = NULL;
    if (err != MK_OK) fail(a, err, why);
    else tell_last(a);
}

static const mk_download_ops_t download_ops = {on_download_room, on_download_done};

static bool pack(mk_buffer_t *out, const mk_http_fields_t *fields) {
    for (size_t i = 0; i < fields->n; i++) {
        mk_buffer_append(out, fields->at[i].name.at, fields->at[i].name.size);
        mk_buffer_append_text(out, ": ");
        mk_buffer_append(out, fields->at[i].value.at, fields->at[i].value.size);
        mk_buffer_append(out, "", 1);
    }
    return !out->failed;
}

static void on_head(void *arg, const mk_http_response_t *response) {
    asked_t *a = arg;
    a->status = response->status;
    a->total = response->framing == MK_HTTP_LENGTH ? response->length : UINT64_MAX;
    if (response->framing == MK_HTTP_NO_BODY) a->total = 0;
    if (!pack(&a->headers, &response->fields)) {
        fail(a, MK_ERR_NOMEM, mk_err_text(MK_ERR_NOMEM));
    } else if (sizeof(http_response_payload_t) + a->headers.size > payload_max(a)) {
        fail(a, MK_ERR_TOOLONG, "the answer's head is longer than a message may be");
    } else if (a->stream) {
        mk_socket_tell(&a->socket, MK_OWED_OPEN);
    } else if (a->file != NULL && response->status == 200) {
        mk_err_t err = mk_download_begin(loop_of(a), a->file, &download_ops, a, &a->download);
        if (err != MK_OK) fail(a, err, mk_err_text(err));
    } else {
        a->whole = true;
    }
}

static bool tell_data(asked_t *a, const uint8_t *bytes, size_t size) {
    http_body_payload_t head = {a->socket.id, (uint32_t)size};
    return mk_socket_send_data(&a->socket, MSG_HTTP_BODY, &head, sizeof head, bytes, size);
}

/* The head goes first: as long as it is owed, for want of memory, the body waits. */
static size_t stream_data(asked_t *a, const uint8_t *bytes, size_t size) {
    size_t used = 0, most = payload_max(a) - sizeof(http_body_payload_t);
    if ((a->socket.owed & MK_OWED_OPEN) != 0) return 0;
    while (used < size && !window_is_full(a)) {
        size_t piece = size - used, room = WINDOW_BYTES - a->socket.waiting_bytes;
        if (piece > room) piece = room;
        if (piece > most) piece = most;
        if (!tell_data(a, bytes + used, piece)) {
            mk_socket_starve(&a->socket);
            return used;
        }
        used += piece;
    }
    return used;
}

static size_t file_data(asked_t *a, const uint8_t *bytes, size_t size) {
    uint64_t now_ms = loop_of(a)->now_us / 1000;
    size_t   taken = mk_download_take(a->download, bytes, size);
    a->received += taken;
    if (!a->progress_waits && now_ms - a->progress_ms >= PROGRESS_MS) {
        a->progress_ms = now_ms;
        mk_socket_tell(&a->socket, OWED_PROGRESS);
    }
    return taken;
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t size) {
    asked_t *a = arg;
    if (a->stream) return stream_data(a, bytes, size);
    if (!a->whole) return file_data(a, bytes, size);
    size_t most = payload_max(a) - sizeof(http_response_payload_t) - a->headers.size;
    if (a->body_max < most) most = (size_t)a->body_max;
    if (size > most - a->body.size) fail(a, MK_ERR_TOOLONG, "the answer is longer than allowed");
    else if (!mk_buffer_append(&a->body, bytes, size)) fail(a, MK_ERR_NOMEM, mk_err_text(MK_ERR_NOMEM));
    return size;
}

static void on_end(void *arg) {
    asked_t *a = arg;
    a->fetch = NULL;
    if (a->download != NULL) mk_download_end(a->download);
    else tell_last(a);
}

static void on_failed(void *arg, mk_err_t why, const char *text) {
    asked_t *a = arg;
    a->fetch = NULL;
    fail(a, why, text);
}

static void on_drained(void *arg) { mk_socket_tell(&((asked_t *)arg)->socket, MK_OWED_DRAINED); }

static const mk_fetch_ops_t fetch_ops = {on_head, on_data, on_end, on_failed, on_drained};

/* ---- what actors call -------------------------------------------------------------------------------------------- */

static mk_err_t refuse(const char **why, mk_err_t err, const char *text) {
    *why = text;
    return err;
}

static mk_err_t start(asked_t *a, mk_client_t *client, const http_fetch_options_t *o, const char **why) {
    bool               length = o->stream_body && o->body_size != 0;
    mk_fetch_options_t options = {
        .method = o->method,
        .url = o->url,
        .headers = o->headers,
        .headers_n = o->headers_n,
        .body = {o->body, o->stream_body ? 0 : o->body_size},
        .stream_body = o->stream_body,
        .stream_bytes = length ? (int64_t)o->body_size : -1,
        .tls = o->tls,
        .proxy = o->proxy,
        .redirects_max = o->redirects_max,
        .body_bytes_max = o->body_bytes_max,
        .connect_ms = o->connect_ms,
        .response_ms = o->response_ms,
        .body_ms = o->body_ms,
        .total_ms = o->total_ms,
    };
    a->stream = o->stream;
    a->stream_body = o->stream_body;
    a->body_max = o->body_bytes_max != 0 ? o->body_bytes_max : BODY_BYTES_MAX;
    if (!o->stream && o->file == NULL) options.body_bytes_max = a->body_max;
    if (o->file != NULL && (a->file = mk_strndup(o->file, strlen(o->file))) == NULL)
        return refuse(why, MK_ERR_NOMEM, mk_err_text(MK_ERR_NOMEM));
    return mk_fetch_start(client, &options, &fetch_ops, a, &a->fetch, why);
}

static mk_err_t begin(runtime_t *rt, const http_fetch_options_t *options, http_conn_id_t *out, const char **why) {
    mk_sockets_t *sockets;
    mk_client_t  *client;
    mk_assert(mk_runtime_running(rt) != NULL);
    if (mk_runtime_payload_max(rt) <= sizeof(http_error_payload_t))
        return refuse(why, MK_ERR_TOOLONG, "messages are too short");
    if (options->stream && options->file != NULL) return refuse(why, MK_ERR_INVALID, "to a file and streamed");
    if (options->file != NULL && options->file[0] == '\0') return refuse(why, MK_ERR_INVALID, "a file without a name");
    mk_err_t err = mk_client_of(rt, &client);
    if (err == MK_OK) err = mk_sockets_open(rt, &sockets);
    if (err != MK_OK) return refuse(why, err, mk_err_text(err));
    asked_t *a = mk_socket_create(sockets, mk_runtime_running(rt), &asked_ops, sizeof *a);
    if (a == NULL) return refuse(why, MK_ERR_NOMEM, mk_err_text(MK_ERR_NOMEM));
    if ((err = start(a, client, options, why)) != MK_OK) {
        a->fetch = NULL;
        destroy(&a->socket);
        return err;
    }
    *out = a->socket.id;
    return MK_OK;
}

mk_err_t actor_http_fetch_opts(runtime_t *rt, const http_fetch_options_t *options, http_conn_id_t *out) {
    const char *why = "";
    return begin(rt, options, out, &why);
}

http_conn_id_t actor_http_fetch(runtime_t *rt, const char *method, const char *url, const char *const *headers,
                                size_t n, const void *body, size_t size) {
    const char          *why = "";
    http_conn_id_t       id;
    http_fetch_options_t options = {
        .method = method, .url = url, .headers = headers, .headers_n = n, .body = body, .body_size = size};
    if (begin(rt, &options, &id, &why) == MK_OK) return id;
    bool secret = url != NULL && strchr(url, '@') != NULL; /* what may hold a password is not for the log */
    actor_log(rt, MK_LOG_WARN, "fetching %.200s: %s",
              url == NULL ? "nothing"
              : secret    ? "an address with a user"
                          : url,
              why);
    return HTTP_CONN_ID_INVALID;
}

http_conn_id_t actor_http_get(runtime_t *rt, const char *url) {
    return actor_http_fetch(rt, NULL, url, NULL, 0, NULL, 0);
}

mk_err_t actor_http_send_body(runtime_t *rt, http_conn_id_t id, const void *data, size_t size) {
    mk_socket_t *socket = mk_socket_find(rt, id, &asked_ops);
    if (socket == NULL) return MK_ERR_NOTFOUND;
    asked_t *a = asked_of(socket);
    if (!a->stream_body) return MK_ERR_INVALID;
    if (a->fetch == NULL) return MK_ERR_CLOSED;
    return size != 0 ? mk_fetch_send(a->fetch, data, size) : mk_fetch_send_end(a->fetch);
}
