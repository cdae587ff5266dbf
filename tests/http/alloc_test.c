/* SPDX-License-Identifier: Apache-2.0 */
/* alloc_test.c -- the fast path asks the heap for nothing: after a warm-up, requests on kept connections, pipelined ones, shared
 * bodies and WebSocket messages are served from memory that is there already. Counted at the one door to the heap. */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "microkernel/actor.h"
#include "microkernel/http.h"
#include "microkernel/runtime.h"
#include "rig/rig.h"

enum { MSG_START = 1, WARM_UP = 200, REQUESTS = 1000, DEPTH = 16, PATIENCE_MS = 5000 };

typedef struct server {
    uint16_t          port;
    message_buffer_t *body; /* NULL: two bytes that are copied */
} server_t;

static void serve(runtime_t *rt, const server_t *server, const message_t *msg) {
    static const char *const      headers[] = {"Content-Type: text/plain"};
    const http_request_payload_t *request = msg->payload;
    if (actor_ws_accept(rt, request->conn_id)) return;
    if (server->body == NULL) {
        CHECK(actor_http_respond(rt, request->conn_id, 200, headers, 1, "ok", 2));
        return;
    }
    message_buffer_t *body = message_buffer_retain(server->body);
    CHECK(actor_http_respond_buffer(rt, request->conn_id, 200, headers, 1, body) == MK_OK);
}

static bool handle(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    server_t                    *server = state;
    const ws_message_payload_t  *message = msg->payload;
    static http_listen_options_t options = {.no_compression = true};
    (void)self;
    switch (msg->type) {
    case MSG_START: CHECK(actor_http_listen_opts(rt, &options, &server->port) == MK_OK); break;
    case MSG_HTTP_REQUEST: serve(rt, server, msg); break;
    case MSG_WS_MESSAGE:
        CHECK(actor_ws_send_binary(rt, message->conn_id, ws_message_data(message), message->data_size));
        break;
    default: break;
    }
    return true;
}

static size_t allocations;

static bool count(void *arg, size_t size) {
    (void)arg, (void)size;
    allocations++;
    return true;
}

typedef struct play {
    runtime_t *rt;
    server_t   server;
    int        fd; /* the client */
} play_t;

static void play_start(play_t *play) {
    play->rt = runtime_init(1, 0);
    CHECK(play->rt != NULL);
    actor_id_t actor = actor_spawn(play->rt, handle, &play->server, NULL, 0);
    CHECK(actor_send(play->rt, actor, MSG_START, NULL, 0));
    while (runtime_step(play->rt)) {}
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(play->server.port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    play->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(play->fd >= 0 && connect(play->fd, (const struct sockaddr *)&at, sizeof at) == 0);
}

static void play_end(play_t *play) {
    close(play->fd);
    runtime_destroy(play->rt);
    if (play->server.body != NULL) message_buffer_release(play->server.body);
}

/* Sends, and lets the server run until `bytes` have come back. */
static void trip(play_t *play, const void *request, size_t size, size_t bytes) {
    static char answer[65536];
    uint64_t    until = runtime_now_ms(play->rt) + PATIENCE_MS;
    CHECK_EQ(send(play->fd, request, size, MSG_NOSIGNAL), size);
    while (bytes > 0) {
        runtime_wait(play->rt, 0);
        ssize_t n = recv(play->fd, answer, bytes < sizeof answer ? bytes : sizeof answer, MSG_DONTWAIT);
        CHECK(n > 0 || (n < 0 && errno == EAGAIN));
        CHECK(runtime_now_ms(play->rt) < until);
        if (n > 0) bytes -= (size_t)n;
    }
}

/* The length of the answer to one request, headers and all: what comes until it is quiet. */
static size_t measure(play_t *play, const void *request, size_t size) {
    static char answer[65536];
    size_t      total = 0;
    uint64_t    until = runtime_now_ms(play->rt) + PATIENCE_MS;
    CHECK_EQ(send(play->fd, request, size, MSG_NOSIGNAL), size);
    for (ssize_t n = 0; total == 0 || n > 0;) {
        while (runtime_wait(play->rt, 10)) {}
        n = recv(play->fd, answer, sizeof answer, MSG_DONTWAIT);
        if (n > 0) total += (size_t)n;
        CHECK(runtime_now_ms(play->rt) < until);
    }
    return total;
}

static void trips(play_t *play, const void *request, size_t size, size_t bytes, int n) {
    for (int i = 0; i < n; i++) trip(play, request, size, bytes);
}

static size_t allocations_in(play_t *play, const void *request, size_t size, size_t bytes, int n) {
    trips(play, request, size, bytes, WARM_UP);
    allocations = 0;
    mk_mem_set_gate(count, NULL);
    trips(play, request, size, bytes, n);
    mk_mem_set_gate(NULL, NULL);
    return allocations;
}

static const char get[] = "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";

TEST(a_request_on_a_kept_connection_allocates_nothing) {
    play_t play = {0};
    play_start(&play);
    size_t bytes = measure(&play, get, sizeof get - 1);
    CHECK_EQ(allocations_in(&play, get, sizeof get - 1, bytes, REQUESTS), 0);
    play_end(&play);
}

TEST(pipelined_requests_allocate_nothing) {
    play_t play = {0};
    char   many[DEPTH * (sizeof get - 1)];
    play_start(&play);
    size_t bytes = measure(&play, get, sizeof get - 1);
    for (size_t i = 0; i < DEPTH; i++) memcpy(many + i * (sizeof get - 1), get, sizeof get - 1);
    CHECK_EQ(allocations_in(&play, many, sizeof many, DEPTH * bytes, REQUESTS / DEPTH), 0);
    play_end(&play);
}

TEST(a_shared_body_allocates_nothing) {
    play_t play = {.server.body = message_buffer_create(65536)};
    CHECK(play.server.body != NULL);
    memset(message_buffer_data(play.server.body), 'x', 65536);
    play_start(&play);
    size_t bytes = measure(&play, get, sizeof get - 1);
    CHECK(bytes > 65536);
    CHECK_EQ(allocations_in(&play, get, sizeof get - 1, bytes, REQUESTS), 0);
    play_end(&play);
}

static void become_websocket(play_t *play) {
    static const char ask[] = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n";
    CHECK(measure(play, ask, sizeof ask - 1) > 100);
}

TEST(a_short_websocket_message_and_its_echo_allocate_nothing) {
    play_t  play = {0};
    uint8_t frame[6 + 125] = {0x82, 0x80 | 125, 1, 2, 3, 4};
    play_start(&play);
    become_websocket(&play);
    CHECK_EQ(allocations_in(&play, frame, sizeof frame, 2 + 125, REQUESTS), 0);
    play_end(&play);
}
