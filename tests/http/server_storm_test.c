/* SPDX-License-Identifier: Apache-2.0 */
/* server_storm_test.c -- clients and actors that do anything, in any order, from a seed; a request is never answered twice, nobody
 * is left waiting, and nothing is left when all is over. */
#include "rig/random.h"
#include "server_rig.h"

enum { CLIENTS = 6, OPEN_MAX = 64, STEPS = 400, STORMS = 40 };

static keeper_t       k, other;
static client_t       clients[CLIENTS];
static rig_random_t   dice;
static http_conn_id_t open_ids[2][OPEN_MAX]; /* asked and not answered, of each actor */
static bool           begun[2][OPEN_MAX];
static unsigned       open_n[2], asked, answered, lost;

static unsigned roll(unsigned n) { return rig_random_below(&dice, n); }

static void drop_id(unsigned who, unsigned i) {
    open_n[who]--;
    open_ids[who][i] = open_ids[who][open_n[who]];
    begun[who][i] = begun[who][open_n[who]];
}

/* Does something about one of its requests. */
static bool act(keeper_t *keeper, uint64_t arg) {
    unsigned who = keeper == &other;
    char     text[3000];
    (void)arg;
    if (open_n[who] == 0) return true;
    unsigned       i = roll(open_n[who]);
    http_conn_id_t id = open_ids[who][i];
    size_t         n = roll(3) == 0 ? roll(sizeof text) : roll(20);
    memset(text, 't', sizeof text);
    if (begun[who][i]) {
        mk_err_t err = roll(3) != 0 ? actor_http_respond_write(rt, id, text, n) : actor_http_respond_end(rt, id);
        if (err == MK_ERR_NOTFOUND || roll(3) == 0) (void)!actor_http_respond_end(rt, id), drop_id(who, i);
    } else if (roll(3) == 0) {
        int64_t length = roll(2) == 0 ? -1 : (int64_t)roll(100);
        if (actor_http_respond_begin(rt, id, 200, NULL, 0, length) == MK_OK) begun[who][i] = true;
        else drop_id(who, i);
    } else {
        if (actor_http_respond(rt, id, 200, NULL, 0, text, n)) {
            answered++;
            CHECK(!actor_http_respond(rt, id, 200, NULL, 0, text, n));
        }
        drop_id(who, i);
    }
    return true;
}

static bool on_message(keeper_t *keeper, message_t *msg) {
    unsigned who = keeper == &other;
    if (msg->type == MSG_HTTP_REQUEST) {
        asked++;
        CHECK(open_n[who] < OPEN_MAX);
        begun[who][open_n[who]] = false;
        open_ids[who][open_n[who]++] = ((const http_request_payload_t *)msg->payload)->conn_id;
        if (roll(2) == 0) return act(keeper, 0);
        return roll(60) != 0 || who == 0; /* the other one ends now and then */
    }
    if (msg->type == MSG_HTTP_CONN_CLOSED) {
        lost++;
        for (unsigned i = 0; i < open_n[who]; i++)
            if (open_ids[who][i] == ((const http_error_payload_t *)msg->payload)->conn_id) drop_id(who, i--);
    }
    return true;
}

#define UPGRADE                                                                                                \
    "GET /w HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static const char *const said[] = {
    GET("/1"),
    GET("/other/2"),
    GET("/3") GET("/other/4") GET("/5"),
    "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "POST /other/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\nhello",
    "GET / HT",
    "nonsense\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "GET /c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    UPGRADE,
};

static bool do_other_route(keeper_t *who, uint64_t arg) {
    (void)arg;
    CHECK_EQ(actor_http_route(rt, who->port, NULL, "/other/{x*}", "other"), MK_OK);
    return true;
}

static void revive_other(void) {
    if (actor_is_alive(rt, other.id)) return;
    open_n[1] = 0;
    other = (keeper_t){.on = on_message};
    enter(&other);
    CHECK(actor_register_name(rt, "other", other.id));
}

static void client_step(client_t *c) {
    if (c->fd < 0) {
        dial(c);
        return;
    }
    switch (roll(12)) {
    case 0: leave(c); break;
    case 1: mk_sock_reset(c->fd), c->fd = -1, leave(c); break;
    case 2: mk_sock_finish(c->fd); break;
    case 3: hear(c); break;
    case 4: pass(roll(3) == 0 ? 3000 : 100); break;
    default: {
        const char *text = said[roll(sizeof said / sizeof *said)];
        mk_slice_t  slice = {text, roll(4) == 0 ? 1 + roll((unsigned)strlen(text)) : strlen(text)};
        (void)mk_sock_write(c->fd, &slice, 1);
        settle();
    }
    }
    if (c->fd >= 0 && (c->ended || c->failed)) leave(c);
}

static void storm(uint64_t seed) {
    dice = (rig_random_t){seed};
    open_n[0] = open_n[1] = asked = 0;
    k = (keeper_t){.on = on_message,
                   .at = {.stream_bodies = roll(2) == 0,
                          .limits = {.pipeline_max = 1 + roll(8),
                                     .respond_ms = 5000,
                                     .header_ms = 2000,
                                     .body_ms = 2000,
                                     .idle_ms = 4000,
                                     .queue_bytes = 2000,
                                     .connections_max = 4 + roll(4)}}};
    open_server(&k);
    in(&k, do_other_route, 0);
    other = (keeper_t){0};
    for (int i = 0; i < CLIENTS; i++) clients[i] = (client_t){.fd = -1};
    for (int i = 0; i < STEPS; i++) {
        revive_other();
        client_step(&clients[roll(CLIENTS)]);
        if (roll(2) == 0) in(&k, act, 0);
        if (actor_is_alive(rt, other.id) && roll(2) == 0) in(&other, act, 0);
    }
    revive_other();
    unsigned end_by = roll(3);
    if (end_by == 0) in(&k, do_unlisten, 0);
    if (end_by == 1) in(&k, do_end, 0);
    for (int i = 0; i < 40 && end_by != 2; i++) { /* whoever still reads is through after its time */
        pass(1000);
        for (int j = 0; j < CLIENTS; j++)
            if (clients[j].fd >= 0) hear(&clients[j]);
        if (end_by == 0)
            while (open_n[0] != 0) in(&k, act, 0);
        while (actor_is_alive(rt, other.id) && open_n[1] != 0) in(&other, act, 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        if (end_by != 2 && clients[i].fd >= 0) CHECK(clients[i].ended || clients[i].failed);
        leave(&clients[i]);
    }
    if (asked == 0) rig_fail(__FILE__, __LINE__, "seed %u: %u requests", (unsigned)seed, asked);
    close_stage();
}

TEST(a_storm_passes) {
    for (uint64_t seed = 1; seed <= STORMS; seed++) storm(seed);
    CHECK(answered > 100);
    CHECK(lost > 10);
}
