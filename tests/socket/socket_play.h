/* SPDX-License-Identifier: Apache-2.0 */
/* socket_play.h -- two runtimes on two hosts of the fake network, and actors that do what the test says and keep what they hear
 * of their sockets. */
#ifndef MK_TESTS_SOCKET_PLAY_H
#define MK_TESTS_SOCKET_PLAY_H

#include "microkernel/actor.h"
#include "microkernel/mk_socket.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "port/fake/fake.h"
#include "port/fake/fake_net.h"
#include "rig/oom.h"
#include "rig/rig.h"
#include "runtime/wake.h"

enum { HERE, THERE, NODES };
#define THERE_IP "10.0.0.2"

static runtime_t      *node[NODES];
static unsigned        heard; /* messages, by all */
static const mk_addr_t ANY_ADDR __attribute__((unused));

typedef struct who who_t;
typedef bool deed_fn(who_t *who);

struct who {
    runtime_t   *rt;
    unsigned     host;
    actor_id_t   id;
    bool         echo;                /* sends back what it gets                     */
    bool       (*on_open)(who_t *who); /* may give it away, say                      */
    socket_id_t  socket, listener;    /* the last one it heard of; that it listens with */
    unsigned     opens, messages, ends, drains, closes, datagrams, answers;
    size_t       bytes;
    uint32_t     hash;                /* of all bytes in order                       */
    char         tail[64];            /* the last of them, NUL-terminated            */
    mk_err_t     error;               /* of the last close or answer                 */
    char         text[SOCKET_TLS_WHY_BYTES];
    socket_addr_t peer, answer[RESOLVED_ADDRS_MAX];
    size_t       answer_n;
    /* of deeds: */
    tcp_connect_options_t to;
    tcp_listen_options_t  at;
    mk_err_t     did;
};

enum { MSG_DO = 1000 };
typedef struct order {
    deed_fn *deed;
} order_t;

static inline uint32_t hash_of(uint32_t hash, const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * 16777619u;
    return hash;
}

static inline void note_bytes(who_t *who, const uint8_t *bytes, size_t size) {
    size_t kept = size < sizeof who->tail - 1 ? size : sizeof who->tail - 1;
    who->bytes += size;
    who->hash = hash_of(who->hash, bytes, size);
    memcpy(who->tail, bytes + size - kept, kept);
    who->tail[kept] = '\0';
}

static inline void note_open(who_t *who, const tcp_open_payload_t *p) {
    who->opens++;
    who->socket = p->id;
    who->peer = p->peer;
    if (who->listener != SOCKET_ID_INVALID && p->listener != SOCKET_ID_INVALID) CHECK_EQ(p->listener, who->listener);
    if (who->on_open != NULL) CHECK(who->on_open(who));
}

static inline void note_data(who_t *who, const message_t *msg) {
    const tcp_data_payload_t *p = msg->payload;
    CHECK_EQ(msg->payload_size, sizeof *p + p->size);
    CHECK(p->size != 0);
    who->messages++;
    who->socket = p->id;
    note_bytes(who, tcp_data(p), p->size);
    if (who->echo) CHECK_EQ(actor_tcp_send(who->rt, p->id, tcp_data(p), p->size), MK_OK);
}

static inline void note_datagram(who_t *who, const message_t *msg) {
    const udp_datagram_payload_t *p = msg->payload;
    CHECK_EQ(msg->payload_size, sizeof *p + p->size);
    who->datagrams++;
    who->peer = p->from;
    note_bytes(who, udp_data(p), p->size);
    if (who->echo) CHECK_EQ(actor_udp_sendto(who->rt, p->id, &p->from, udp_data(p), p->size), MK_OK);
}

static inline void note_closed(who_t *who, const tcp_closed_payload_t *p) {
    who->closes++;
    who->error = (mk_err_t)p->error;
    memcpy(who->text, p->text, sizeof who->text);
    socket_info_t info;
    CHECK(!socket_info(who->rt, p->id, &info));
}

static inline void note_answer(who_t *who, const resolved_payload_t *p) {
    who->answers++;
    who->error = (mk_err_t)p->error;
    who->answer_n = p->n;
    memcpy(who->answer, p->addrs, sizeof who->answer);
}

static inline bool who_behavior(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    who_t *who = state;
    (void)self;
    CHECK(rt == who->rt);
    heard++;
    if (msg->type == MSG_WAKE) {
        mk_actor_wait_end(rt);
        return true;
    }
    switch (msg->type) {
    case MSG_DO: return ((const order_t *)msg->payload)->deed(who);
    case MSG_TCP_OPEN: note_open(who, msg->payload); break;
    case MSG_TCP_DATA: note_data(who, msg); break;
    case MSG_TCP_ENDED: who->ends++; break;
    case MSG_TCP_DRAINED: who->drains++; break;
    case MSG_TCP_CLOSED: note_closed(who, msg->payload); break;
    case MSG_UDP_DATAGRAM: note_datagram(who, msg); break;
    case MSG_RESOLVED: note_answer(who, msg->payload); break;
    default: CHECK_EQ(msg->type, 0);
    }
    return true;
}

/* ---- the stage ---- */

static inline void open_nodes(const runtime_config_t *config) {
    static const runtime_config_t plain;
    mk_addr_t                     here = mk_fake_addr("10.0.0.1", 0), there = mk_fake_addr(THERE_IP, 0);
    mk_fake_reset(1);
    mk_fake_hold_time(true);
    mk_fake_give_address(1, &here);
    mk_fake_give_address(2, &there);
    for (unsigned i = 0; i < NODES; i++) {
        runtime_config_t own = config != NULL ? *config : plain;
        own.node_id = i + 1;
        node[i] = runtime_create(&own);
        CHECK(node[i] != NULL);
    }
}

static inline void close_nodes(void) {
    for (unsigned i = 0; i < NODES; i++) {
        mk_fake_use_host(i + 1);
        runtime_destroy(node[i]);
        node[i] = NULL;
    }
    CHECK_EQ(mk_fake_sockets(), 0);
}

static inline void enter(who_t *who, unsigned where) {
    *who = (who_t){.rt = node[where], .host = where + 1, .hash = 2166136261u, .error = MK_OK};
    who->id = actor_spawn(who->rt, who_behavior, who, NULL, 0);
    CHECK(who->id != ACTOR_ID_INVALID);
}

/* Until nobody has anything to do at this time. Bytes need some rounds from one to the other. */
static inline void settle(void) {
    for (unsigned quiet = 0, rounds = 0; quiet < 10; quiet++, rounds++) {
        CHECK(rounds < 3000000);
        for (unsigned i = 0; i < NODES; i++) {
            mk_fake_use_host(i + 1);
            unsigned before = heard;
            if (runtime_step(node[i]) || before != heard) quiet = 0;
        }
    }
}

static inline void pass(uint64_t ms) {
    uint64_t steps = ms < 100 ? ms : 100;
    settle();
    for (uint64_t i = 0; i < steps; i++) {
        mk_fake_advance_us(ms * 1000 * (i + 1) / steps - ms * 1000 * i / steps);
        settle();
    }
}

static inline void ask(who_t *who, deed_fn *deed) {
    order_t order = {deed};
    CHECK(actor_send(who->rt, who->id, MSG_DO, &order, sizeof order));
}

static inline void in(who_t *who, deed_fn *deed) {
    ask(who, deed);
    settle();
}

/* ---- deeds ---- */

static inline bool do_listen(who_t *who) {
    who->did = actor_tcp_listen_opts(who->rt, &who->at, &who->listener);
    return true;
}
static inline bool do_connect(who_t *who) {
    who->did = actor_tcp_connect_opts(who->rt, &who->to, &who->socket);
    return true;
}
static inline bool do_finish(who_t *who) {
    who->did = actor_tcp_finish(who->rt, who->socket);
    return true;
}
static inline bool do_close(who_t *who) {
    who->did = actor_tcp_close(who->rt, who->socket);
    return true;
}
static inline bool do_reset(who_t *who) {
    who->did = actor_tcp_reset(who->rt, who->socket);
    return true;
}
static inline bool do_close_listener(who_t *who) {
    who->did = actor_tcp_close(who->rt, who->listener);
    return true;
}
static inline bool do_end(who_t *who) {
    (void)who;
    return false;
}
/* Handles no message for five seconds. */
static inline bool do_doze(who_t *who) {
    CHECK(mk_actor_wait(who->rt, false, 5000));
    return true;
}

static const char *words = "hello";

static inline bool do_say(who_t *who) {
    who->did = actor_tcp_send(who->rt, who->socket, words, strlen(words));
    return true;
}

/* Listens at 10.0.0.2:80 and is connected to. */
static inline void connect_both(who_t *caller, who_t *called) {
    enter(caller, HERE);
    enter(called, THERE);
    if (called->at.host == NULL) called->at.host = THERE_IP;
    called->at.port = 80;
    in(called, do_listen);
    CHECK_EQ(called->did, MK_OK);
    caller->to.host = THERE_IP;
    caller->to.port = 80;
    in(caller, do_connect);
    CHECK_EQ(caller->did, MK_OK);
    CHECK_EQ(caller->opens, 1);
    CHECK_EQ(called->opens, 1);
}

static inline void connect_with(who_t *caller, who_t *called, tcp_limits_t of_caller, tcp_limits_t of_called) {
    enter(caller, HERE);
    enter(called, THERE);
    called->at = (tcp_listen_options_t){.host = THERE_IP, .port = 80, .limits = of_called};
    caller->to = (tcp_connect_options_t){.host = THERE_IP, .port = 80, .limits = of_caller};
    in(called, do_listen);
    in(caller, do_connect);
    CHECK_EQ(caller->opens, 1);
    CHECK_EQ(called->opens, 1);
}

#endif
