/* SPDX-License-Identifier: Apache-2.0 */
/* http_fetch.c -- fetches addresses one after the other, as an actor does, and says what came. For http_client_test.py.
 *
 * usage: http_fetch [--ca FILE] [--engine NAME] [--proxy URL] [--method M] [--header "K: V"] [--body TEXT] [--chunked TEXT]
 *                   [--file PATH] [--stream] [--total MS] URL...
 *
 * For each: "STATUS CONTENT-TYPE BYTES SHA-256 [PROGRESS-MESSAGES]" or "error NAME: TEXT". A URL "-" waits for a line of input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "microkernel/actor.h"
#include "microkernel/http.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "port/port.h"

static http_fetch_options_t options;
static const char          *header, *chunked, *body, *method, *file, *proxy, *ca, *engine;
static const char         **urls;
static mk_sha256_t          sum;
static size_t               bytes;
static unsigned             progress;
static char                 status[128];

static void say_sum(void) {
    uint8_t digest[32];
    mk_sha256_final(&sum, digest);
    printf("%s %zu ", status, bytes);
    for (size_t i = 0; i < sizeof digest; i++) printf("%02x", digest[i]);
    printf(" %u\n", progress);
    fflush(stdout);
}

/* False: there are no more. */
static bool next(runtime_t *rt) {
    http_conn_id_t id;
    while (*urls != NULL && strcmp(*urls, "-") == 0) {
        char line[16];
        urls++;
        if (fgets(line, sizeof line, stdin) == NULL) return false;
    }
    if (*urls == NULL) return false;
    mk_sha256_init(&sum);
    bytes = 0;
    progress = 0;
    options.url = *urls++;
    mk_err_t err = actor_http_fetch_opts(rt, &options, &id);
    if (err == MK_OK && chunked != NULL) {
        for (int i = 0; i < 100 && err == MK_OK; i++) err = actor_http_send_body(rt, id, chunked, strlen(chunked));
        if (err == MK_OK) err = actor_http_send_body(rt, id, NULL, 0);
    }
    if (err == MK_OK) return true;
    printf("error %s: not begun\n", mk_err_name(err));
    return next(rt);
}

static void head(const http_response_payload_t *p) {
    const char *type = http_header_get(http_response_headers(p), p->headers_size, "Content-Type");
    snprintf(status, sizeof status, "%d %.60s", p->status_code, type != NULL ? type : "-");
    mk_sha256_update(&sum, http_response_body(p), p->body_size);
    bytes += p->body_size;
}

static bool behavior(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    switch (msg->type) {
    case MSG_HTTP_RESPONSE:
        head(msg->payload);
        if (options.stream) return true;
        say_sum();
        return next(rt);
    case MSG_HTTP_BODY:
        mk_sha256_update(&sum, http_body_data(msg->payload), ((const http_body_payload_t *)msg->payload)->data_size);
        bytes += ((const http_body_payload_t *)msg->payload)->data_size;
        return true;
    case MSG_HTTP_BODY_END: say_sum(); return next(rt);
    case MSG_HTTP_PROGRESS: progress++; return true;
    case MSG_HTTP_ERROR: {
        const http_error_payload_t *p = msg->payload;
        printf("error %s: %s\n", mk_err_name((mk_err_t)p->error_code), p->message);
        fflush(stdout);
        return next(rt);
    }
    default: return next(rt); /* the first message */
    }
}

static socket_tls_t *trust(void) {
    uint8_t      *pem;
    size_t        size;
    socket_tls_t *tls;
    char          why[SOCKET_TLS_WHY_BYTES];
    if (ca == NULL) return NULL;
    if (mk_port_read_file(NULL, ca, 1 << 20, &pem, &size) != MK_OK) exit(2);
    socket_tls_options_t o = {.authorities = {pem, size}, .engine = engine};
    if (socket_tls_create(&o, &tls, why) != MK_OK) {
        fprintf(stderr, "%s\n", why);
        exit(2);
    }
    mk_free(pem);
    return tls;
}

static void read_arguments(char **argv) {
    static const struct {
        const char  *name;
        const char **value;
    } names[] = {{"--ca", &ca},         {"--engine", &engine}, {"--proxy", &proxy},     {"--method", &method},
                 {"--header", &header}, {"--body", &body},     {"--chunked", &chunked}, {"--file", &file}};
    for (argv++; *argv != NULL && (*argv)[0] == '-' && (*argv)[1] == '-'; argv++) {
        if (strcmp(*argv, "--stream") == 0) {
            options.stream = true;
            continue;
        }
        if (strcmp(*argv, "--total") == 0) {
            options.total_ms = (uint32_t)strtoul(*++argv, NULL, 10);
            continue;
        }
        size_t i = 0;
        while (i < sizeof names / sizeof names[0] && strcmp(names[i].name, *argv) != 0) i++;
        if (i == sizeof names / sizeof names[0] || argv[1] == NULL) exit(2);
        *names[i].value = *++argv;
    }
    urls = (const char **)argv;
}

int main(int argc, char **argv) {
    (void)argc;
    read_arguments(argv);
    runtime_t    *rt = runtime_init(0, 0);
    socket_tls_t *tls = trust();
    options.method = method;
    options.headers = &header;
    options.headers_n = header != NULL;
    options.body = body;
    options.body_size = body != NULL ? strlen(body) : 0;
    options.stream_body = chunked != NULL;
    options.file = file;
    options.proxy = proxy;
    options.tls = tls;
    actor_id_t id = rt != NULL ? actor_spawn(rt, behavior, NULL, NULL, 0) : ACTOR_ID_INVALID;
    if (id == ACTOR_ID_INVALID || !actor_send(rt, id, 1, NULL, 0)) return 1;
    runtime_run(rt);
    socket_tls_release(tls);
    runtime_destroy(rt);
    return 0;
}
