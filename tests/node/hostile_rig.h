/* SPDX-License-Identifier: Apache-2.0 */
/* hostile_rig.h -- a node on the fake network with a few actors, a friend that is linked with it, and a crowd of others. */
#ifndef MK_TESTS_NODE_HOSTILE_RIG_H
#define MK_TESTS_NODE_HOSTILE_RIG_H

#include "base/mem.h"
#include "microkernel/node.h"
#include "microkernel/services.h"
#include "microkernel/supervision.h"
#include "node/cluster.h"
#include "node/raw_peer.h"
#include "runtime/wake.h"

enum {
    HEARTBEAT_MS = 200,
    DEAD_MS = 800,
    HELLO_MS = 10000,
    CREDIT = 65536,
    QUEUE = 4 * 65536,
    PAYLOAD_MAX = 1 << 20,
    PEERS_MAX = 8,
    CROWD_MAX = 80,
};

enum { T_SAY = 1, T_HOLD, T_SEND, T_BIG };

static struct {
    runtime_t *rt;
    mk_addr_t  at;
    actor_id_t echo, hidden, slow;
    unsigned   got_hidden, got_slow;  /* messages these have handled               */
    unsigned   lines;                 /* logged                                    */
    char       line[1100];            /* the last one                              */
    size_t     largest;               /* piece of memory that was asked for        */
    uint64_t   foreign_system;        /* messages of system types from other nodes */
    raw_peer_t friend;
    raw_peer_t *crowd[CROWD_MAX];
    unsigned    crowd_n;
} rig;

/* ---- the node ------------------------------------------------------------------------------------------------------------- */

static inline bool watch_memory(void *arg, size_t size) {
    (void)arg;
    if (size > rig.largest) rig.largest = size;
    return true;
}

static inline void hear_log(void *arg, const log_entry_t *entry) {
    (void)arg;
    rig.lines++;
    snprintf(rig.line, sizeof rig.line, "%s", entry->text);
}

static inline bool echo(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    if (msg->type >= MK_MSG_SYSTEM_BASE && actor_id_node(msg->source) > 1) rig.foreign_system++;
    if (msg->type == T_SAY) (void)actor_reply(rt, msg, msg->type + 1, msg->payload, msg->payload_size);
    return true;
}

static inline bool count(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self;
    if (msg->type >= MK_MSG_SYSTEM_BASE && msg->source != 0) rig.foreign_system++;
    if (msg->type == T_HOLD) CHECK(mk_actor_wait(rt, false, -1));
    else if (msg->type == MSG_WAKE) mk_actor_wait_end(rt);
    else ++*(unsigned *)state;
    return true;
}

static inline actor_id_t spawn(actor_behavior_fn behavior, void *state, size_t mailbox, const char *name) {
    actor_options_t options = {.behavior = behavior, .state = state, .mailbox_size = mailbox, .name = name};
    actor_id_t      id;
    CHECK_EQ(actor_spawn_opts(rig.rt, &options, &id), MK_OK);
    return id;
}

/* Everybody's turn until so much time has gone by. */
static inline void go(uint64_t ms) {
    uint64_t until_us = mk_port_now_us() + ms * 1000;
    for (unsigned rounds = 0; mk_port_now_us() < until_us; rounds++) {
        CHECK(rounds < 2000000); /* it spins */
        mk_fake_use_host(1);
        (void)runtime_wait(rig.rt, 1);
        raw_hear(&rig.friend, NULL);
        for (unsigned i = 0; i < rig.crowd_n; i++) raw_hear(rig.crowd[i], NULL);
    }
}

static inline void join(raw_peer_t *p) {
    raw_open(p, &rig.at);
    rig.crowd[rig.crowd_n++] = p;
}

/* Hello and welcome as they should be. */
static inline void enter(raw_peer_t *p, const char *identity, uint32_t node) {
    mk_wire_hello_t hello = raw_hello(identity, node);
    raw_open(p, &rig.at);
    p->polite = true;
    raw_say_hello(p, &hello);
    if (p != &rig.friend) rig.crowd[rig.crowd_n++] = p;
    for (unsigned i = 0; i < 50 && p->count[MK_WIRE_WELCOME] == 0; i++) go(1);
    CHECK_EQ(p->count[MK_WIRE_WELCOME], 1);
    go(2);
}

static inline void start(node_role_t role) {
    runtime_config_t config = {.node_id = 1, .payload_bytes_max = PAYLOAD_MAX, .sequence_start = 1000};
    node_config_t    node = {.identity = "node",
                             .plain_role = role,
                             .heartbeat_ms = HEARTBEAT_MS,
                             .dead_ms = DEAD_MS,
                             .queue_bytes = QUEUE,
                             .credit_bytes = CREDIT,
                             .peers_max = PEERS_MAX};
    mk_addr_t        other = raw_at(RAW_HOST, 0);
    memset(&rig, 0, sizeof rig);
    rig.friend.fd = -1;
    rig.at = raw_at(1, 4200);
    mk_fake_reset(1);
    mk_fake_give_address(1, &rig.at);
    mk_fake_give_address(RAW_HOST, &other);
    mk_fake_use_host(1);
    CHECK((rig.rt = runtime_create(&config)) != NULL);
    CHECK_EQ(runtime_set_log_sink(rig.rt, hear_log, NULL), MK_OK);
    CHECK_EQ(node_start(rig.rt, &node), MK_OK);
    mk_cluster_allow_plain(mk_cluster_of(rig.rt));
    CHECK_EQ(node_listen(rig.rt, "tcp:10.0.0.1:4200", NULL, 0), MK_OK);
    rig.echo = spawn(echo, NULL, 0, "echo");
    rig.slow = spawn(count, &rig.got_slow, 4, "slow");
    rig.hidden = spawn(count, &rig.got_hidden, 0, NULL);
    enter(&rig.friend, "friend", 2);
    mk_mem_set_gate(watch_memory, NULL);
    rig.lines = 0;
}

static inline void end(void) {
    mk_mem_set_gate(NULL, NULL);
    raw_close(&rig.friend);
    while (rig.crowd_n != 0) raw_close(rig.crowd[--rig.crowd_n]);
    mk_fake_use_host(1);
    runtime_destroy(rig.rt);
    CHECK_EQ(mk_fake_sockets(), 0);
}

/* NULL: the friend is answered at once. */
static inline const char *friend_is_disturbed(void) {
    unsigned before = rig.friend.count[MK_WIRE_DATA];
    if (rig.friend.fd < 0) return "the friend's link is gone";
    raw_say_data(&rig.friend, actor_id_seq(rig.echo), T_SAY, "hello", 5);
    go(20);
    return rig.friend.count[MK_WIRE_DATA] == before + 1 ? NULL : "the friend is not answered";
}

static inline size_t memory(void) {
    runtime_stats_t stats;
    runtime_get_stats(rig.rt, &stats);
    return stats.pool_bytes;
}

static inline void info_of(node_id_t node, node_info_t *out) {
    node_info_t list[PEERS_MAX + 2];
    size_t      n = node_list(rig.rt, list, PEERS_MAX + 2);
    for (size_t i = 0; i < n; i++)
        if (list[i].node == node) {
            *out = list[i];
            return;
        }
    CHECK(false);
}

#endif
