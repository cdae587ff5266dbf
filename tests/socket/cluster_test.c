/* SPDX-License-Identifier: Apache-2.0 */
/* Five nodes in one thread, each on a host of its own, talk to each other for a minute of bad network: jitter, small buffers,
 * partitions, a crash and a restart. Whatever happens, what arrives on a connection is a beginning of what was said there; when
 * all is well again everybody hears everybody; and the same seed makes the same run, byte for byte. */
#include "microkernel/actor.h"
#include "microkernel/mk_socket.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "port/fake/fake.h"
#include "port/fake/fake_net.h"
#include "rig/random.h"
#include "rig/rig.h"

enum { NODES = 5, LINKS_MAX = 64, TICK_MS = 50, RUN_MS = 60000, CALM_MS = 50000, PORT = 4200 };

typedef struct talk {
    socket_id_t id; /* SOCKET_ID_INVALID: free                              */
    int         to; /* whom it was called for; -1: it called here           */
    bool        open;
    uint32_t    said, heard; /* numbers, each four bytes                    */
    uint8_t     part[4];     /* of a number that has come in part           */
    unsigned    part_n;
} talk_t;

typedef struct peer {
    runtime_t *rt;
    unsigned   index;
    talk_t     talk[LINKS_MAX];
    uint64_t   numbers, opens, closes, refused;
    uint64_t   last_heard_ms[NODES]; /* from whom, by the address of the connection */
} peer_t;

static peer_t   peers[NODES];
static uint64_t hash;
static unsigned heard;

static void note(uint64_t value) { hash = (hash ^ value) * 1099511628211u; }

static const char *address(unsigned index) {
    static const char *const text[NODES] = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"};
    return text[index];
}

static talk_t *find(peer_t *p, socket_id_t id) {
    for (int i = 0; i < LINKS_MAX; i++)
        if (p->talk[i].id == id) return &p->talk[i];
    return NULL;
}

static talk_t *take(peer_t *p, socket_id_t id, int to) {
    talk_t *talk = find(p, SOCKET_ID_INVALID);
    CHECK(talk != NULL);
    *talk = (talk_t){.id = id, .to = to};
    return talk;
}

static bool calls(const peer_t *p, int to) {
    for (int i = 0; i < LINKS_MAX; i++)
        if (p->talk[i].id != SOCKET_ID_INVALID && p->talk[i].to == to) return true;
    return false;
}

/* A hundred numbers on each connection, and a call to whoever is not called yet. */
static void tick(peer_t *p) {
    for (int i = 0; i < LINKS_MAX; i++) {
        talk_t *talk = &p->talk[i];
        for (int n = 0; n < 100 && talk->open; n++) {
            mk_err_t err = actor_tcp_send(p->rt, talk->id, &talk->said, sizeof talk->said);
            if (err != MK_OK) {
                p->refused++;
                break;
            }
            talk->said++;
        }
    }
    for (int to = 0; to < (int)p->index; to++) {
        tcp_connect_options_t options = {.host = address((unsigned)to),
                                         .port = PORT,
                                         .limits = {.connect_ms = 2000, .write_ms = 3000, .queue_bytes = 4000}};
        socket_id_t           id;
        if (calls(p, to)) continue;
        CHECK_EQ(actor_tcp_connect_opts(p->rt, &options, &id), MK_OK);
        take(p, id, to);
    }
}

static void hear(peer_t *p, talk_t *talk, const tcp_data_payload_t *data, uint64_t now_ms) {
    for (uint32_t i = 0; i < data->size; i++) {
        talk->part[talk->part_n++] = tcp_data(data)[i];
        if (talk->part_n < 4) continue;
        uint32_t number;
        memcpy(&number, talk->part, 4);
        CHECK_EQ(number, talk->heard); /* none is missing, none comes twice */
        talk->heard++;
        talk->part_n = 0;
        p->numbers++;
    }
    note(data->size + now_ms);
}

static void open_one(peer_t *p, const tcp_open_payload_t *open) {
    talk_t *talk = open->listener == SOCKET_ID_INVALID ? find(p, open->id) : take(p, open->id, -1);
    talk->open = true;
    p->opens++;
    note(open->id);
}

static bool behave(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    peer_t *p = state;
    (void)self;
    heard++;
    switch (msg->type) {
    case 1: {
        tcp_listen_options_t options = {
            .host = address(p->index), .port = PORT, .limits = {.idle_ms = 5000, .queue_bytes = 4000}};
        socket_id_t id;
        CHECK_EQ(actor_tcp_listen_opts(rt, &options, &id), MK_OK);
        CHECK(actor_set_timer(rt, TICK_MS, true) != TIMER_ID_INVALID);
        return true;
    }
    case MSG_TIMER: tick(p); return true;
    case MSG_TCP_OPEN: open_one(p, msg->payload); return true;
    case MSG_TCP_DATA: {
        const tcp_data_payload_t *data = msg->payload;
        talk_t                   *talk = find(p, data->id);
        hear(p, talk, data, runtime_now_ms(rt));
        if (talk->to >= 0) p->last_heard_ms[talk->to] = runtime_now_ms(rt);
        return true;
    }
    case MSG_TCP_ENDED: {
        socket_id_t id = ((const socket_payload_t *)msg->payload)->id;
        CHECK_EQ(actor_tcp_close(rt, id), MK_OK);
        *find(p, id) = (talk_t){0};
        return true;
    }
    case MSG_TCP_CLOSED:
        note((uint64_t)((const tcp_closed_payload_t *)msg->payload)->error);
        *find(p, ((const tcp_closed_payload_t *)msg->payload)->id) = (talk_t){0};
        p->closes++;
        return true;
    case MSG_TCP_DRAINED: return true;
    default: CHECK(false); return false;
    }
}

static void start(unsigned index) {
    runtime_config_t config = {.node_id = index + 1};
    mk_fake_use_host(index + 1);
    peers[index] = (peer_t){.rt = runtime_create(&config), .index = index};
    CHECK(peers[index].rt != NULL);
    actor_id_t id = actor_spawn(peers[index].rt, behave, &peers[index], NULL, 0);
    CHECK(actor_send(peers[index].rt, id, 1, NULL, 0));
}

static void end(unsigned index) {
    mk_fake_use_host(index + 1);
    runtime_destroy(peers[index].rt);
    peers[index].rt = NULL;
}

/* All nodes until none has anything to do, then time goes on to the next thing. */
static void go_on(void) {
    for (unsigned quiet = 0; quiet < 3; quiet++) {
        for (unsigned i = 0; i < NODES; i++) {
            unsigned before = heard;
            mk_fake_use_host(i + 1);
            if (peers[i].rt != NULL && (runtime_wait(peers[i].rt, -1) || heard != before)) quiet = 0;
        }
    }
    CHECK(mk_fake_advance_to_next());
}

static void cut_something(rig_random_t *dice, bool cut) {
    mk_addr_t a = mk_fake_addr(address(rig_random_below(dice, NODES)), 0);
    mk_addr_t b = mk_fake_addr(address(rig_random_below(dice, NODES)), 0);
    mk_fake_cut(&a, &b, cut);
}

static void heal(void) {
    for (unsigned i = 0; i < NODES * NODES; i++) {
        mk_addr_t a = mk_fake_addr(address(i / NODES), 0), b = mk_fake_addr(address(i % NODES), 0);
        mk_fake_cut(&a, &b, false);
    }
}

static uint64_t bad_minute(uint64_t seed) {
    static const mk_addr_t any;
    rig_random_t           dice = {seed};
    uint64_t               next_ms = 0, crashed_ms = 0;
    mk_fake_reset(seed);
    mk_fake_hold_time(true);
    mk_fake_net(&(mk_fake_net_t){.stream_bytes = 2000, .give_up_us = 8000000, .write_max = 700});
    mk_fake_link(&any, &any, &(mk_fake_link_t){.latency_us = 2000, .jitter_us = 15000});
    hash = seed;
    for (unsigned i = 0; i < NODES; i++) {
        mk_addr_t own = mk_fake_addr(address(i), 0);
        mk_fake_give_address(i + 1, &own);
        start(i);
    }
    uint64_t began_ms = mk_port_now_us() / 1000;
    for (uint64_t now_ms; (now_ms = mk_port_now_us() / 1000 - began_ms) < RUN_MS;) {
        go_on();
        if (now_ms < next_ms) continue;
        next_ms = now_ms + 500;
        if (now_ms > CALM_MS) heal();
        else cut_something(&dice, rig_random_below(&dice, 3) != 0);
        if (crashed_ms == 0 && now_ms > 20000) {
            mk_fake_crash(3);
            end(2);
            crashed_ms = now_ms;
        } else if (peers[2].rt == NULL && now_ms > crashed_ms + 5000) {
            mk_fake_restart(3);
            start(2);
        }
    }
    uint64_t numbers = 0, closes = 0, refused = 0;
    for (unsigned i = 0; i < NODES; i++) {
        numbers += peers[i].numbers;
        closes += peers[i].closes;
        refused += peers[i].refused;
        for (unsigned to = 0; to < i; to++) CHECK(peers[i].last_heard_ms[to] + 1000 > mk_port_now_us() / 1000);
    }
    CHECK(numbers > 100000 && closes > 50 && refused > 50); /* it was a bad one */
    for (unsigned i = 0; i < NODES; i++) end(i);
    CHECK_EQ(mk_fake_sockets(), 0);
    note(numbers);
    return hash;
}

TEST(five_nodes_survive_a_bad_minute_and_the_same_one_twice) {
    uint64_t first = bad_minute(1);
    CHECK(first == bad_minute(1));
    CHECK(first != bad_minute(2));
}
