/* SPDX-License-Identifier: Apache-2.0 */
/* server_rig.h -- a server on one host of the fake network, its actor, and clients that are nothing but sockets on another: they
 * send what the test says and keep what comes back, without the Date lines. Time is virtual. */
#ifndef MK_TESTS_HTTP_SERVER_RIG_H
#define MK_TESTS_HTTP_SERVER_RIG_H

#include <stdlib.h>

#include "base/buffer.h"
#include "microkernel/actor.h"
#include "microkernel/http.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "port/fake/fake.h"
#include "port/fake/fake_net.h"
#include "rig/oom.h"
#include "rig/rig.h"

#define SERVER_IP "10.0.0.2"
enum { CLIENT_HOST = 1, SERVER_HOST = 2, PORT = 80, IDS_MAX = 256 };

static runtime_t *rt;

/* ---- the actor --------------------------------------------------------------------------------------------------------- */

typedef struct keeper keeper_t;
typedef bool deed_fn(keeper_t *keeper, uint64_t arg);

struct keeper {
    actor_id_t            id;
    bool                  silent;  /* keeps the ids of requests instead of answering              */
    bool                (*on)(keeper_t *keeper, message_t *msg); /* instead of all                */
    http_listen_options_t at;
    uint16_t              port;
    mk_err_t              did;
    bool                  well;
    unsigned              requests, bodies, ends, drains, closes;
    size_t                body_bytes;
    http_conn_id_t        ids[IDS_MAX], closed; /* of the requests that came; the last that was closed */
    char                  path[256], body[65536], header[256]; /* of the last one; X-Test              */
};

enum { MSG_DO = 1000 };
typedef struct order {
    deed_fn *deed;
    uint64_t arg;
} order_t;

/* "GET /path body" */
static inline void answer(const http_request_payload_t *p) {
    char  *text = malloc(p->method_size + p->path_size + p->body_size + 3);
    size_t n = (size_t)sprintf(text, "%s %s ", http_request_method(p), http_request_path(p));
    if (p->body_size != 0) memcpy(text + n, http_request_body(p), p->body_size);
    CHECK(actor_http_respond(rt, p->conn_id, 200, NULL, 0, text, n + p->body_size));
    free(text);
}

static inline void note_request(keeper_t *k, const http_request_payload_t *p) {
    const char *x = http_header_get(http_request_headers(p), p->headers_size, "x-test");
    CHECK(p->conn_id != HTTP_CONN_ID_INVALID);
    CHECK_EQ(strlen(http_request_method(p)), p->method_size);
    CHECK_EQ(strlen(http_request_path(p)), p->path_size);
    k->ids[k->requests++ % IDS_MAX] = p->conn_id;
    snprintf(k->path, sizeof k->path, "%s", http_request_path(p));
    snprintf(k->header, sizeof k->header, "%s", x != NULL ? x : "");
    size_t n = p->body_size < sizeof k->body - 1 ? p->body_size : sizeof k->body - 1;
    memcpy(k->body, http_request_body(p), n);
    k->body[n] = '\0';
    k->body_bytes += p->body_size;
    if (!k->silent) answer(p);
}

static inline void note_piece(keeper_t *k, const http_body_payload_t *p) {
    k->bodies++;
    k->body_bytes += p->data_size;
}

static inline bool keep(runtime_t *r, actor_t *self, message_t *msg, void *state) {
    keeper_t *k = state;
    (void)r, (void)self;
    if (msg->type == MSG_DO) {
        order_t order;
        memcpy(&order, msg->payload, sizeof order);
        return order.deed(k, order.arg);
    }
    if (k->on != NULL) return k->on(k, msg);
    switch (msg->type) {
    case MSG_HTTP_REQUEST: note_request(k, msg->payload); break;
    case MSG_HTTP_BODY: note_piece(k, msg->payload); break;
    case MSG_HTTP_BODY_END: k->ends++; break;
    case MSG_HTTP_DRAINED: k->drains++; break;
    case MSG_SSE_CLOSED: k->closes++; break;
    case MSG_HTTP_CONN_CLOSED:
        k->closes++;
        k->closed = ((const http_error_payload_t *)msg->payload)->conn_id;
        break;
    default: CHECK_EQ(msg->type, 0);
    }
    return true;
}

/* ---- the stage --------------------------------------------------------------------------------------------------------- */

static inline void settle(void) {
    mk_fake_use_host(SERVER_HOST);
    for (unsigned quiet = 0, i = 0; quiet < 3; i++) {
        CHECK(i < 1000000);
        quiet = runtime_step(rt) ? 0 : quiet + 1;
    }
    mk_fake_use_host(CLIENT_HOST);
}

static inline void pass(uint64_t ms) {
    uint64_t steps = ms < 50 ? ms : 50;
    settle();
    for (uint64_t i = 0; i < steps; i++) {
        mk_fake_advance_us(ms * 1000 * (i + 1) / steps - ms * 1000 * i / steps);
        settle();
    }
}

static inline void in(keeper_t *k, deed_fn *deed, uint64_t arg) {
    order_t order = {deed, arg};
    CHECK(actor_send(rt, k->id, MSG_DO, &order, sizeof order) || /* a test may let one allocation fail */
          actor_send(rt, k->id, MSG_DO, &order, sizeof order));
    settle();
}

static inline bool do_listen(keeper_t *k, uint64_t arg) {
    (void)arg;
    if (k->at.host == NULL) k->at.host = SERVER_IP;
    if (k->at.port == 0) k->at.port = PORT;
    k->did = actor_http_listen_opts(rt, &k->at, &k->port);
    return true;
}
static inline bool do_unlisten(keeper_t *k, uint64_t arg) {
    (void)arg;
    k->well = actor_http_unlisten(rt, k->port);
    return true;
}
static inline bool do_end(keeper_t *k, uint64_t arg) {
    (void)k, (void)arg;
    return false;
}
/* Answers the `arg`-th request with its number. */
static inline bool do_answer(keeper_t *k, uint64_t arg) {
    char text[32];
    int  n = sprintf(text, "answer %u", (unsigned)arg);
    k->well = actor_http_respond(rt, k->ids[arg], 200, NULL, 0, text, (size_t)n);
    return true;
}

static inline void open_stage(const runtime_config_t *config) {
    static const runtime_config_t plain = {.node_id = 1};
    mk_addr_t                     client = mk_fake_addr("10.0.0.1", 0), server = mk_fake_addr(SERVER_IP, 0);
    mk_fake_reset(1);
    mk_fake_hold_time(true);
    mk_fake_give_address(CLIENT_HOST, &client);
    mk_fake_give_address(SERVER_HOST, &server);
    mk_fake_use_host(SERVER_HOST);
    rt = runtime_create(config != NULL ? config : &plain);
    CHECK(rt != NULL);
    mk_fake_use_host(CLIENT_HOST);
}

static inline void enter(keeper_t *k) {
    actor_options_t options = {.behavior = keep, .state = k};
    CHECK_EQ(actor_spawn_opts(rt, &options, &k->id), MK_OK);
}

static inline void open_server(keeper_t *k) {
    open_stage(NULL);
    enter(k);
    in(k, do_listen, 0);
    CHECK_EQ(k->did, MK_OK);
    CHECK_EQ(k->port, PORT);
}

/* ---- clients ----------------------------------------------------------------------------------------------------------- */

typedef struct client {
    int         fd; /* -1: none */
    mk_buffer_t got;
    bool        ended, failed; /* its end was read; it was reset */
} client_t;

static inline void dial(client_t *c) {
    mk_addr_t to = mk_fake_addr(SERVER_IP, PORT);
    *c = (client_t){.fd = -1};
    CHECK_EQ(mk_sock_connect(&to, &c->fd), MK_OK);
    settle();
    CHECK_EQ(mk_sock_outcome(c->fd), MK_OK);
}

/* Reads what there is. */
static inline void hear(client_t *c) {
    uint8_t buf[16384];
    settle();
    while (!c->ended && !c->failed) {
        ptrdiff_t n = mk_sock_read(c->fd, buf, sizeof buf);
        if (n == MK_IO_WAIT) break;
        if (n == MK_IO_FAILED) c->failed = true;
        else if (n == 0) c->ended = true;
        else CHECK(mk_buffer_append(&c->got, buf, (size_t)n) || mk_buffer_append(&c->got, buf, (size_t)n));
        settle();
    }
}

static inline void say_bytes(client_t *c, const void *bytes, size_t size) {
    const uint8_t *at = bytes;
    for (unsigned i = 0; size != 0 && !c->failed; i++) {
        mk_slice_t slice = {at, size};
        ptrdiff_t  n = mk_sock_write(c->fd, &slice, 1);
        CHECK(i < 100000);
        if (n == MK_IO_FAILED) break;
        if (n > 0) at += n, size -= (size_t)n;
        hear(c);
    }
    hear(c);
}

static inline void say(client_t *c, const char *text) { say_bytes(c, text, strlen(text)); }

/* All that it heard, without Date lines; forgotten by it. */
static char heard_text[8 * 1024 * 1024];
static inline const char *heard(client_t *c) {
    hear(c);
    size_t n = c->got.size < sizeof heard_text - 1 ? c->got.size : sizeof heard_text - 1;
    if (n != 0) memcpy(heard_text, c->got.bytes, n);
    heard_text[n] = '\0';
    mk_buffer_clear(&c->got);
    for (char *at; (at = strstr(heard_text, "Date: ")) != NULL;) {
        char *end = strstr(at, "\r\n");
        CHECK(end != NULL && end - at == 35);
        memmove(at, end + 2, strlen(end + 2) + 1);
    }
    return heard_text;
}

static inline unsigned count(const char *text, const char *part) {
    unsigned n = 0;
    size_t   size = strlen(part);
    for (const char *at = text; *at != '\0'; at++)
        if (*at == *part && strncmp(at, part, size) == 0) n++;
    return n;
}

static inline void leave(client_t *c) {
    if (c->fd >= 0) mk_sock_close(c->fd);
    mk_buffer_free(&c->got);
    c->fd = -1;
    settle();
}

static inline void close_stage(void) {
    mk_fake_use_host(SERVER_HOST);
    runtime_destroy(rt);
    rt = NULL;
    CHECK_EQ(mk_fake_sockets(), 0);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK_HEAD(size) "HTTP/1.1 200 OK\r\nContent-Length: " #size "\r\n\r\n"

#endif
