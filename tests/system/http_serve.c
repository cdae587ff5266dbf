/* SPDX-License-Identifier: Apache-2.0 */
/* http_serve.c -- a server for http_server_test.py: two listeners on the loopback, whose ports it prints.
 *
 * usage: http_serve [--tls ENGINE CERTIFICATE KEY]
 *
 * The first collects bodies: /echo/... answers with the body, /pieces/{n} with n bytes in pieces, /shared/{n} with n bytes of one
 * buffer, /stop stops listening, /hold is not answered and /events is a stream without any; /gone is answered when the requester of
 * one of these has left, others "METHOD PATH". The second streams them and answers with their number of bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "microkernel/actor.h"
#include "microkernel/http.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"

enum { STREAMS_MAX = 64, PIECE_BYTES = 5000 };

/* An answer that is being written, or a body that is being counted. */
typedef struct stream {
    http_conn_id_t id;
    size_t         left, counted;
} stream_t;

static stream_t      streams[STREAMS_MAX];
static socket_tls_t *tls;
static uint16_t      port, counting_port;
static char          piece[PIECE_BYTES];

static struct {
    http_conn_id_t asker; /* who waits for somebody to leave */
    unsigned       gone;  /* nobody has asked about yet      */
} leavers;

static stream_t *stream_of(http_conn_id_t id) {
    for (size_t i = 0; i < STREAMS_MAX; i++)
        if (streams[i].id == id) return &streams[i];
    return NULL;
}

static void go_on(runtime_t *rt, stream_t *s) {
    while (s->left != 0) {
        size_t   n = s->left < PIECE_BYTES ? s->left : PIECE_BYTES;
        mk_err_t err = actor_http_respond_write(rt, s->id, piece, n);
        if (err == MK_ERR_FULL) return;
        if (err != MK_OK) break;
        s->left -= n;
    }
    (void)!actor_http_respond_end(rt, s->id);
    s->id = HTTP_CONN_ID_INVALID;
}

static void answer_pieces(runtime_t *rt, const http_request_payload_t *request, void *arg) {
    stream_t *s = stream_of(HTTP_CONN_ID_INVALID);
    (void)arg;
    if (s == NULL || actor_http_respond_begin(rt, request->conn_id, 200, NULL, 0, -1) != MK_OK) return;
    *s = (stream_t){.id = request->conn_id, .left = strtoul(http_request_param(request, "n"), NULL, 10)};
    go_on(rt, s);
}

static void answer_shared(runtime_t *rt, const http_request_payload_t *request, void *arg) {
    static message_buffer_t *body;
    size_t                   n = strtoul(http_request_param(request, "n"), NULL, 10);
    (void)arg;
    if (body == NULL || message_buffer_size(body) != n) {
        if (body != NULL) message_buffer_release(body);
        body = message_buffer_create(n);
        memset(message_buffer_data(body), 's', n);
    }
    message_buffer_retain(body);
    if (actor_http_respond_buffer(rt, request->conn_id, 200, NULL, 0, body) != MK_OK) message_buffer_release(body);
}

static void answer_echo(runtime_t *rt, const http_request_payload_t *request, void *arg) {
    static const char *const headers[] = {"Content-Type: application/octet-stream"};
    (void)arg;
    actor_http_respond(rt, request->conn_id, 200, headers, 1, http_request_body(request), request->body_size);
}

static void answer_line(runtime_t *rt, const http_request_payload_t *request) {
    char text[9000];
    int  n = snprintf(text, sizeof text, "%s %s\n", http_request_method(request), http_request_path(request));
    actor_http_respond(rt, request->conn_id, 200, NULL, 0, text, (size_t)n);
}

static void keep_silent(runtime_t *rt, const http_request_payload_t *request, void *arg) {
    (void)rt, (void)request, (void)arg;
}

static void answer_events(runtime_t *rt, const http_request_payload_t *request, void *arg) {
    (void)arg;
    if (actor_sse_start(rt, request->conn_id)) actor_sse_push(rt, request->conn_id, NULL, "begun", 5);
}

static void tell_who_asked(runtime_t *rt) {
    if (leavers.asker == HTTP_CONN_ID_INVALID || leavers.gone == 0) return;
    actor_http_respond(rt, leavers.asker, 200, NULL, 0, "gone\n", 5);
    leavers.asker = HTTP_CONN_ID_INVALID;
    leavers.gone--;
}

static void answer_gone(runtime_t *rt, const http_request_payload_t *request, void *arg) {
    (void)arg;
    leavers.asker = request->conn_id;
    tell_who_asked(rt);
}

static bool count(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    if (msg->type == MSG_HTTP_REQUEST) {
        stream_t *s = stream_of(HTTP_CONN_ID_INVALID);
        if (s != NULL) *s = (stream_t){.id = ((const http_request_payload_t *)msg->payload)->conn_id};
    } else if (msg->type == MSG_HTTP_BODY) {
        const http_body_payload_t *p = msg->payload;
        stream_t                  *s = stream_of(p->conn_id);
        if (s != NULL) s->counted += p->data_size;
    } else if (msg->type == MSG_HTTP_BODY_END) {
        char      text[32];
        stream_t *s = stream_of(((const http_body_payload_t *)msg->payload)->conn_id);
        if (s == NULL) return true;
        int n = snprintf(text, sizeof text, "%zu\n", s->counted);
        actor_http_respond(rt, s->id, 200, NULL, 0, text, (size_t)n);
        s->id = HTTP_CONN_ID_INVALID;
    } else if (msg->type == MSG_HTTP_CONN_CLOSED) {
        stream_t *s = stream_of(((const http_error_payload_t *)msg->payload)->conn_id);
        if (s != NULL) s->id = HTTP_CONN_ID_INVALID;
    } else {
        http_listen_options_t options = {.tls = tls, .stream_bodies = true, .limits.body_bytes_max = 1u << 30};
        if (actor_http_listen_opts(rt, &options, &counting_port) != MK_OK) abort();
        printf("%u %u\n", (unsigned)port, (unsigned)counting_port);
        fflush(stdout);
    }
    return true;
}

static bool serve(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    if (msg->type == MSG_HTTP_REQUEST) {
        const http_request_payload_t *request = msg->payload;
        answer_line(rt, request);
        if (strcmp(http_request_path(request), "/stop") == 0) actor_http_unlisten(rt, port);
    } else if (msg->type == MSG_HTTP_DRAINED) {
        stream_t *s = stream_of(((const http_conn_payload_t *)msg->payload)->conn_id);
        if (s != NULL) go_on(rt, s);
    } else if (msg->type == MSG_HTTP_CONN_CLOSED || msg->type == MSG_SSE_CLOSED) {
        stream_t *s = stream_of(((const http_conn_payload_t *)msg->payload)->conn_id);
        if (s != NULL) s->id = HTTP_CONN_ID_INVALID;
        leavers.gone++;
        tell_who_asked(rt);
    } else {
        http_listen_options_t options = {.tls = tls, .limits.pipeline_max = 100};
        if (actor_http_listen_opts(rt, &options, &port) != MK_OK ||
            actor_http_route_handler(rt, port, NULL, "/echo/{rest*}", answer_echo, NULL) != MK_OK ||
            actor_http_route_handler(rt, port, "GET", "/pieces/{n}", answer_pieces, NULL) != MK_OK ||
            actor_http_route_handler(rt, port, "GET", "/shared/{n}", answer_shared, NULL) != MK_OK ||
            actor_http_route_handler(rt, port, "GET", "/hold", keep_silent, NULL) != MK_OK ||
            actor_http_route_handler(rt, port, "GET", "/events", answer_events, NULL) != MK_OK ||
            actor_http_route_handler(rt, port, "GET", "/gone", answer_gone, NULL) != MK_OK)
            abort();
        actor_id_t counter = actor_spawn(rt, count, NULL, NULL, 1024);
        if (!actor_send(rt, counter, 1, NULL, 0)) abort();
    }
    return true;
}

static socket_bytes_t read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 65536);
    if (file == NULL || text == NULL) abort();
    size_t n = fread(text, 1, 65536, file);
    fclose(file);
    return (socket_bytes_t){text, n};
}

static void open_tls(char **argv) {
    char                 why[SOCKET_TLS_WHY_BYTES];
    socket_bytes_t       certificate = read_file(argv[3]), key = read_file(argv[4]);
    socket_tls_options_t options = {.server = true, .engine = argv[2], .certificate = certificate, .key = key};
    if (socket_tls_create(&options, &tls, why) != MK_OK) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
    free((void *)(uintptr_t)certificate.data);
    free((void *)(uintptr_t)key.data);
}

int main(int argc, char **argv) {
    runtime_config_t config = {.node_id = 1};
    memset(piece, 'p', sizeof piece);
    if (argc == 5 && strcmp(argv[1], "--tls") == 0) open_tls(argv);
    runtime_t *rt = runtime_create(&config);
    if (rt == NULL) return 1;
    runtime_enable_logging(rt);
    actor_id_t id = actor_spawn(rt, serve, NULL, NULL, 4096);
    if (!actor_send(rt, id, 1, NULL, 0)) return 1;
    runtime_run(rt);
    return 0;
}
