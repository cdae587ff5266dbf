/* SPDX-License-Identifier: Apache-2.0 */
/* client_rig.h -- a client on the fake network, a server that says what the test's table says, byte for byte, and fetches that
 * note what they are told. Every name ending in ".test" leads to the same server; what it was asked is kept. */
#ifndef MK_TESTS_CLIENT_RIG_H
#define MK_TESTS_CLIENT_RIG_H

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "http/fetch.h"
#include "port/fake/fake.h"
#include "port/fake/fake_net.h"
#include "rig/oom.h"
#include "rig/rig.h"
#include "socket/sockets.h"

static mk_loop_t    own_loop;
static mk_loop_t   *stage = &own_loop; /* or a runtime's */
static mk_net_t    *net;
static mk_client_t *client;

/* ---- the server ---------------------------------------------------------------------------------------------------------- */

/* What it says to a request that begins with `asked` ("GET /a "), on whatever host. NULL at the end of the table. */
typedef struct reply {
    const char *asked;
    const char *says;
    enum { STAYS, FINISHES, RESETS, LATER } then; /* LATER: nothing is said; the test does it */
    unsigned    delay_ms; /* each byte takes so long; 0: all at once */
} reply_t;

typedef struct guest {
    mk_stream_t stream;
    mk_timer_t  timer;
    mk_buffer_t in;
    const char *rest; /* of what it says slowly */
    reply_t     reply;
    bool        open;
} guest_t;

enum { GUESTS_MAX = 64 };
static struct {
    mk_listener_t  at[4];
    guest_t        guest[GUESTS_MAX];
    unsigned       guests, requests, closed;
    const reply_t *table;
    mk_buffer_t    log; /* heads and bodies of all requests */
    socket_tls_t  *tls; /* spoken at port 443, and behind CONNECT; NULL: not at all */
} server;

static void guest_done(guest_t *g) {
    if (g->reply.then == FINISHES) mk_stream_finish_closing(&g->stream);
    if (g->reply.then == RESETS) {
        mk_stream_reset(&g->stream);
        g->open = false;
        server.closed++;
    }
}

/* A server that is out of memory gives up the connection. */
static inline bool guest_survives(guest_t *g, bool ok) {
    if (!ok && g->open) {
        mk_stream_reset(&g->stream);
        g->open = false;
        server.closed++;
    }
    return ok;
}

static inline bool say(guest_t *g, const char *text, size_t size) {
    return guest_survives(g, mk_stream_write(&g->stream, text, size) == MK_OK);
}

static void guest_tick(mk_wheel_t *wheel, mk_timer_t *timer) {
    guest_t *g = mk_container_of(timer, guest_t, timer);
    if (!g->open) return;
    if (*g->rest == '\0') {
        guest_done(g);
        return;
    }
    if (!say(g, g->rest++, 1)) return;
    mk_wheel_arm(wheel, timer, mk_loop_after_ms(stage, g->reply.delay_ms));
}

/* When its answer to CONNECT has gone out. */
static void guest_shake(mk_wheel_t *wheel, mk_timer_t *timer) {
    guest_t *g = mk_container_of(timer, guest_t, timer);
    (void)wheel;
    if (!g->open) return;
    mk_err_t err = mk_stream_start_tls(&g->stream, server.tls->engine, server.tls->context, NULL);
    if (guest_survives(g, err == MK_OK)) mk_stream_resume(&g->stream);
}

static void guest_answer(guest_t *g, const char *request) {
    const reply_t *reply = server.table;
    while (reply != NULL && reply->asked != NULL && strncmp(reply->asked, request, strlen(reply->asked)) != 0) reply++;
    server.requests++;
    if (reply == NULL || reply->asked == NULL) {
        static const char none[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        say(g, none, sizeof none - 1);
        return;
    }
    g->reply = *reply;
    if (strncmp(request, "CONNECT ", 8) == 0 && server.tls != NULL) {
        mk_stream_pause(&g->stream);
        g->timer.fn = guest_shake;
        mk_wheel_arm(&stage->wheel, &g->timer, mk_loop_after_ms(stage, 1));
    }
    if (reply->then == LATER) return;
    if (reply->delay_ms != 0) {
        g->rest = reply->says;
        mk_wheel_arm(&stage->wheel, &g->timer, mk_loop_after_ms(stage, reply->delay_ms));
        return;
    }
    if (reply->says[0] == '\0' || say(g, reply->says, strlen(reply->says))) guest_done(g);
}

/* The size of the first whole request; 0: not there yet. */
static size_t whole_request(const mk_buffer_t *in) {
    char        text[8192];
    size_t      size = in->size < sizeof text - 1 ? in->size : sizeof text - 1;
    const char *end, *length;
    if (size == 0) return 0;
    memcpy(text, in->bytes, size);
    text[size] = '\0';
    if ((end = strstr(text, "\r\n\r\n")) == NULL) return 0;
    size_t head = (size_t)(end - text) + 4, body = 0;
    length = strstr(text, "Content-Length: ");
    if (length != NULL && length < end) body = (size_t)strtoul(length + 16, NULL, 10);
    if (strstr(text, "chunked\r\n") != NULL) {
        const char *last = strstr(end, "0\r\n\r\n");
        if (last == NULL) return 0;
        body = (size_t)(last + 5 - end) - 4;
    }
    return head + body <= in->size ? head + body : 0;
}

static void guest_open(mk_stream_t *stream) { (void)stream; }

static size_t guest_data(mk_stream_t *stream, const uint8_t *bytes, size_t size) {
    guest_t *g = mk_container_of(stream, guest_t, stream);
    size_t   n;
    if (!guest_survives(g, mk_buffer_append(&g->in, bytes, size))) return size;
    while (g->open && (n = whole_request(&g->in)) != 0) {
        char *request = mk_strndup((const char *)g->in.bytes, n);
        if (!guest_survives(g, request != NULL && mk_buffer_append(&server.log, g->in.bytes, n))) {
            mk_free(request);
            break;
        }
        mk_buffer_consume(&g->in, n);
        guest_answer(g, request);
        mk_free(request);
    }
    return size;
}

static void guest_end(mk_stream_t *stream) { mk_stream_finish(stream); }
static void guest_drained(mk_stream_t *stream) { (void)stream; }
static void guest_closed(mk_stream_t *stream, mk_err_t why) {
    guest_t *g = mk_container_of(stream, guest_t, stream);
    (void)why;
    g->open = false;
    server.closed++;
}

static const mk_stream_ops_t  guest_ops = {guest_open, guest_data, guest_end, guest_drained, guest_closed};
static const mk_stream_kind_t guest_kind = {&guest_ops, {0}};

static void server_accept(mk_listener_t *listener, int fd, const mk_addr_t *peer) {
    const socket_tls_t *tls = listener == &server.at[3] ? server.tls : NULL;
    mk_err_t            err;
    (void)peer;
    CHECK(server.guests < GUESTS_MAX);
    guest_t *g = &server.guest[server.guests++];
    g->timer.fn = guest_tick;
    g->open = true;
    if (tls != NULL) err = mk_stream_adopt(net, &g->stream, &guest_kind, fd, tls->engine, tls->context);
    else err = mk_stream_adopt(net, &g->stream, &guest_kind, fd, NULL, NULL);
    if (err != MK_OK) g->open = false;
}

static inline unsigned guests_open(void) {
    unsigned n = 0;
    for (unsigned i = 0; i < server.guests; i++) n += server.guest[i].open;
    return n;
}

/* All it was asked, as one text. */
static inline const char *asked(void) {
    CHECK(mk_buffer_append(&server.log, "", 1));
    server.log.size--;
    return (const char *)server.log.bytes;
}

/* ---- fetches ------------------------------------------------------------------------------------------------------------- */

typedef enum { IN_NONE, IN_HEAD, IN_DATA, IN_END, IN_FAILED, IN_DRAINED } moment_t;

typedef struct got got_t;
struct got {
    mk_fetch_t *fetch; /* NULL: over */
    unsigned    heads, datas, ends, fails, drains;
    int         status;
    mk_buffer_t body;
    size_t      take_max; /* of one offer; 0: all */
    mk_err_t    why;
    char        text[128];
    char        type[64]; /* Content-Type */
    moment_t    at;
    void      (*act)(got_t *got); /* at this moment */
};

static inline void moment(got_t *got, moment_t at) {
    if (got->at == at && got->act != NULL) got->act(got);
}

static void got_head(void *arg, const mk_http_response_t *response) {
    got_t         *got = arg;
    mk_http_text_t type = mk_http_fields_get(&response->fields, "Content-Type");
    got->heads++;
    got->status = response->status;
    snprintf(got->type, sizeof got->type, "%.*s", (int)type.size, type.at != NULL ? type.at : "");
    moment(got, IN_HEAD);
}
static size_t got_data(void *arg, const uint8_t *bytes, size_t size) {
    got_t *got = arg;
    size_t n = got->take_max != 0 && got->take_max < size ? got->take_max : size;
    got->datas++;
    CHECK(mk_buffer_append(&got->body, bytes, n));
    moment(got, IN_DATA);
    return n;
}
static void got_end(void *arg) {
    got_t *got = arg;
    got->fetch = NULL;
    got->ends++;
    moment(got, IN_END);
}
static void got_failed(void *arg, mk_err_t why, const char *text) {
    got_t *got = arg;
    got->fetch = NULL;
    got->fails++;
    got->why = why;
    snprintf(got->text, sizeof got->text, "%s", text);
    moment(got, IN_FAILED);
}
static void got_drained(void *arg) {
    got_t *got = arg;
    got->drains++;
    moment(got, IN_DRAINED);
}
static const mk_fetch_ops_t got_ops = {got_head, got_data, got_end, got_failed, got_drained};

static inline void begin_opts(got_t *got, const mk_fetch_options_t *options) {
    const char *why = "";
    mk_err_t    err = mk_fetch_start(client, options, &got_ops, got, &got->fetch, &why);
    if (err != MK_OK) rig_fail(__FILE__, __LINE__, "not started: %s", why);
}

static inline void begin(got_t *got, const char *url) {
    mk_fetch_options_t options = {.url = url};
    begin_opts(got, &options);
}

static inline bool over(const got_t *got) { return got->ends + got->fails != 0; }

static inline void step_loop(void) { mk_loop_run(stage, 0); }
static void (*step)(void) = step_loop;

/* Time passes, and then everything happens that is due. */
static inline void pass(unsigned ms) {
    mk_fake_advance_us((uint64_t)ms * 1000);
    for (int i = 0; i < 60; i++) step();
}

static inline void settle(void) { pass(0); }

static inline void run_until_over(got_t *got) {
    for (int i = 0; i < 20000 && !over(got); i++) mk_loop_run(stage, 50000);
    CHECK(over(got));
}

static inline bool body_is(const got_t *got, const char *text) {
    return got->body.size == strlen(text) && (text[0] == '\0' || memcmp(got->body.bytes, text, got->body.size) == 0);
}

static inline void forget(got_t *got) {
    if (got->fetch != NULL) mk_fetch_cancel(got->fetch);
    mk_buffer_free(&got->body);
    *got = (got_t){0};
}

/* Fetches, and expects a good answer with this body. */
static inline void fetch_ok(const char *url, const char *body) {
    got_t got = {0};
    begin(&got, url);
    run_until_over(&got);
    if (got.fails != 0) rig_fail(__FILE__, __LINE__, "%s: %s", url, got.text);
    CHECK(body_is(&got, body));
    forget(&got);
}

/* ---- the stage ----------------------------------------------------------------------------------------------------------- */

static const char *no_env(const char *name) {
    (void)name;
    return NULL;
}

/* On a loop and a net that are there. */
static inline void open_server(const reply_t *table) {
    static const uint16_t ports[] = {80, 8080, 3128, 443};
    static const char    *names[] = {"a.test", "b.test", "proxy.test", "sub.a.test", "x.wild.test"};
    memset(&server, 0, sizeof server);
    server.table = table;
    mk_client_set_env(client, no_env);
    for (size_t i = 0; i < 4; i++) {
        mk_addr_t any = mk_fake_addr("0.0.0.0", ports[i]), one = mk_fake_addr("10.0.0.1", 0);
        CHECK_EQ(mk_listener_open(net, &server.at[i], &any, server_accept), MK_OK);
        mk_fake_name(names[i], &one, 1);
        mk_fake_name(names[4], &one, 1);
    }
}

static inline void open_stage(const reply_t *table) {
    mk_fake_reset(1);
    CHECK_EQ(mk_loop_init(&own_loop), MK_OK);
    CHECK_EQ(mk_net_create(&own_loop, &net), MK_OK);
    CHECK_EQ(mk_client_create(net, &client), MK_OK);
    open_server(table);
}

static inline void close_server(void) {
    for (unsigned i = 0; i < server.guests; i++) {
        mk_wheel_cancel(&stage->wheel, &server.guest[i].timer);
        mk_stream_close(&server.guest[i].stream);
        mk_buffer_free(&server.guest[i].in);
    }
    for (size_t i = 0; i < 4; i++) mk_listener_close(&server.at[i]);
    mk_buffer_free(&server.log);
}

static inline void close_stage(void) {
    mk_client_info_t info;
    mk_client_info(client, &info);
    CHECK_EQ(info.fetches, 0);
    mk_client_destroy(client);
    close_server();
    mk_net_destroy(net);
    mk_loop_fini(&own_loop);
    CHECK_EQ(mk_fake_sockets(), 0);
}

#endif
