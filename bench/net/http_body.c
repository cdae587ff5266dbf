/* SPDX-License-Identifier: Apache-2.0 */
/* http_body.c -- answers with a body of the given size: one buffer that all answers share. */
#include <string.h>

#include "bench.h"
#include "kit.h"
#include "serve.h"

enum { BODY_BYTES_MAX = 1 << 28 };

static message_buffer_t *body;

static void handle(runtime_t *rt, message_t *msg) {
    static const char *const headers[] = {"Content-Type: text/plain"};
    if (msg->type != MSG_HTTP_REQUEST) return;
    const http_request_payload_t *request = msg->payload;
    if (actor_http_respond_buffer(rt, request->conn_id, 200, headers, 1, message_buffer_retain(body)) != MK_OK)
        message_buffer_release(body); /* the requester is gone */
}

int main(int argc, char **argv) {
    static const char usage[] = "BYTES [PORT]";
    size_t            bytes = kit_number(argc, argv, 1, BODY_BYTES_MAX, 0, usage);
    uint16_t          port = (uint16_t)kit_number(argc, argv, 2, UINT16_MAX, SERVE_PORT, usage);
    body = message_buffer_create(bytes);
    bench_check(body != NULL, "memory");
    if (bytes > 0) memset(message_buffer_data(body), 'x', bytes);
    serve(port, NULL, handle);
}
