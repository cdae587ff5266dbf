/* SPDX-License-Identifier: Apache-2.0 */
/* serve.c -- see serve.h. */
#include "serve.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "kit.h"

enum {
    MSG_START = 1,
    HEAP_KEPT_BYTES = 64 << 20,
    HEAP_MAPPED_BYTES = 4 << 20,
    PEM_BYTES_MAX = 16384,
    IDLE_MS = 300000,
    MAILBOX = 65536
};

typedef struct server {
    uint16_t      port;
    socket_tls_t *tls;
    serve_fn     *fn;
} server_t;

static void start(runtime_t *rt, const server_t *server) {
    http_listen_options_t options = {
        .port = server->port,
        .tls = server->tls,
        .no_compression = true,
        .limits = {.connections_max = SERVE_CONNS_MAX, .idle_ms = IDLE_MS},
    };
    uint16_t port;
    bench_check(actor_http_listen_opts(rt, &options, &port) == MK_OK, "listen");
    fprintf(stderr, "listening on 127.0.0.1:%u\n", port);
}

static bool handle(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    const server_t *server = state;
    (void)self;
    if (msg->type == MSG_START) start(rt, server);
    else server->fn(rt, msg);
    return true;
}

/* The heap keeps what a burst of large messages has used. By default it gives it back when the burst is over and asks for it
 * at the next, thousands of times a second, and each page is cleared anew. */
static void keep_heap(void) {
    bench_check(mallopt(M_TRIM_THRESHOLD, HEAP_KEPT_BYTES) == 1 && mallopt(M_MMAP_THRESHOLD, HEAP_MAPPED_BYTES) == 1,
                "mallopt");
}

_Noreturn void serve(uint16_t port, socket_tls_t *tls, serve_fn *fn) {
    server_t server = {port, tls, fn};
    keep_heap();
    runtime_t *rt = runtime_init(1, 0);
    bench_check(rt != NULL, "runtime");
    kit_descriptors(SERVE_CONNS_MAX);
    actor_id_t actor = actor_spawn(rt, handle, &server, NULL, MAILBOX);
    bench_check(actor_send(rt, actor, MSG_START, NULL, 0), "start");
    runtime_run(rt);
    bench_failed("the server ended");
}

static void file_read(const char *path, char text[PEM_BYTES_MAX]) {
    FILE *file = fopen(path, "r");
    bench_check(file != NULL, path);
    text[fread(text, 1, PEM_BYTES_MAX - 1, file)] = '\0';
    fclose(file);
}

/* Good for a day, and for nobody but who is asked not to look at it. */
static void own_certificate(char certificate[PEM_BYTES_MAX], char key[PEM_BYTES_MAX]) {
    char folder[] = "/tmp/microkernel-bench-XXXXXX", certificate_path[64], key_path[64], command[512];
    bench_check(mkdtemp(folder) != NULL, "a temporary folder");
    snprintf(certificate_path, sizeof certificate_path, "%s/cert.pem", folder);
    snprintf(key_path, sizeof key_path, "%s/key.pem", folder);
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost "
             "-out %s -keyout %s 2>/dev/null",
             certificate_path, key_path);
    bench_check(system(command) == 0, "openssl req");
    file_read(certificate_path, certificate);
    file_read(key_path, key);
    unlink(certificate_path);
    unlink(key_path);
    rmdir(folder);
}

socket_tls_t *serve_tls(const char *certificate, const char *key) {
    static char   certificate_text[PEM_BYTES_MAX], key_text[PEM_BYTES_MAX];
    char          why[SOCKET_TLS_WHY_BYTES];
    socket_tls_t *tls;
    if (certificate != NULL) {
        file_read(certificate, certificate_text);
        file_read(key, key_text);
    } else {
        own_certificate(certificate_text, key_text);
    }
    socket_tls_options_t options = {
        .server = true,
        .certificate = {certificate_text, strlen(certificate_text)},
        .key = {key_text, strlen(key_text)},
    };
    bench_check(socket_tls_create(&options, &tls, why) == MK_OK, why);
    return tls;
}
