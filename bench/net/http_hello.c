/* SPDX-License-Identifier: Apache-2.0 */
/* http_hello.c -- answers `ok`; and at /heap with the bytes that the heap has handed out, for the count of what a connection
 * costs. */
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "kit.h"
#include "serve.h"

static const char *const headers[] = {"Content-Type: text/plain"};

static void answer_heap(runtime_t *rt, http_conn_id_t id) {
    struct mallinfo2 heap = mallinfo2();
    char             text[32];
    int              n = snprintf(text, sizeof text, "%zu\n", heap.uordblks + heap.hblkhd);
    (void)actor_http_respond(rt, id, 200, headers, 1, text, (size_t)n);
}

static void handle(runtime_t *rt, message_t *msg) {
    if (msg->type != MSG_HTTP_REQUEST) return;
    const http_request_payload_t *request = msg->payload;
    if (request->path_size == 5 && memcmp(http_request_path(request), "/heap", 5) == 0)
        answer_heap(rt, request->conn_id);
    else (void)actor_http_respond(rt, request->conn_id, 200, headers, 1, "ok", 2);
}

int main(int argc, char **argv) {
    static const char usage[] = "PORT [--tls [CERTIFICATE KEY]]";
    uint16_t          port = (uint16_t)kit_number(argc, argv, 1, UINT16_MAX, 0, usage);
    bool              tls = argc > 2 && strcmp(argv[2], "--tls") == 0;
    bool              files = argc == 5;
    if (argc > 2 && (!tls || (argc != 3 && !files))) {
        fprintf(stderr, "usage: %s %s\n", argv[0], usage);
        return 2;
    }
    serve(port, tls ? serve_tls(files ? argv[3] : NULL, files ? argv[4] : NULL) : NULL, handle);
}
