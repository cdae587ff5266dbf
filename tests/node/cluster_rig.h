/* SPDX-License-Identifier: Apache-2.0 */
/* cluster_rig.h -- a few nodes in one thread on the fake network, each on a host of its own: 10.0.0.1 is node 1 and called "n1".
 * On each an actor, the ear, that watches nodes come and go, takes notes of messages, and in which code of the test can run. */
#ifndef MK_TESTS_NODE_CLUSTER_RIG_H
#define MK_TESTS_NODE_CLUSTER_RIG_H

#include <stdio.h>
#include <stdlib.h>

#include "microkernel/actor.h"
#include "microkernel/node.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "microkernel/wasm_actor.h"
#include "node/cluster.h"
#include "node/cluster_parts.h"
#include "port/fake/fake.h"
#include "port/fake/fake_net.h"
#include "rig/oom.h"
#include "rig/rig.h"

enum { NODES = 8, STRANGER, PORT = 4200, MSG_RUN = 1, NOTES = 64 };

typedef struct note {
    msg_type_t           type;
    actor_id_t           source;
    size_t               size;
    char                 bytes[200];
    node_event_payload_t event; /* MSG_NODE_UP, MSG_NODE_DOWN */
    char                 text[160];
    node_reply_payload_t reply; /* MSG_NODE_REPLY */
    wasm_reloaded_payload_t end; /* MSG_WASM_RELOADED */
} note_t;

typedef struct node {
    runtime_t *rt;
    unsigned   host;
    actor_id_t ear;
    unsigned   ups, downs, messages, replies, ends, conflicts, log_lines;
    note_t     notes[NOTES]; /* the last ones, round and round */
    unsigned   notes_n;
} node_t;

static node_t nodes[NODES + 1]; /* from 1 on */

static inline runtime_t *rt_of(unsigned i) { return nodes[i].rt; }
static inline mk_cluster_t *cluster_of(unsigned i) { return mk_cluster_find(nodes[i].rt); }

static inline const char *where(unsigned i) {
    static char text[4][32];
    static int  at;
    at = (at + 1) % 4;
    snprintf(text[at], sizeof text[at], "10.0.0.%u:%d", i, PORT);
    return text[at];
}

static inline const char *name_of(unsigned i) {
    static char text[4][8];
    static int  at;
    at = (at + 1) % 4;
    snprintf(text[at], sizeof text[at], "n%u", i);
    return text[at];
}

/* ---- the ear -------------------------------------------------------------------------------------------------------------- */

typedef struct errand {
    void (*run)(unsigned i, void *arg);
    void *arg;
} errand_t;

static inline note_t *last_note(unsigned i) { return &nodes[i].notes[(nodes[i].notes_n + NOTES - 1) % NOTES]; }

static inline void keep_text(note_t *note, const message_t *msg, size_t head, size_t size) {
    CHECK(msg->payload_size == head + size);
    CHECK(size < sizeof note->text);
    memcpy(note->text, (const char *)msg->payload + head, size);
    note->text[size] = '\0';
}

static inline void take_note(node_t *node, const message_t *msg) {
    note_t *note = &node->notes[node->notes_n++ % NOTES];
    *note = (note_t){.type = msg->type, .source = msg->source, .size = msg->payload_size};
    size_t size = msg->payload_size < sizeof note->bytes ? msg->payload_size : sizeof note->bytes;
    if (size != 0) memcpy(note->bytes, msg->payload, size);
    if (msg->type == MSG_NODE_UP || msg->type == MSG_NODE_DOWN) {
        memcpy(&note->event, msg->payload, sizeof note->event);
        keep_text(note, msg, sizeof note->event, note->event.text_size);
        if (msg->type == MSG_NODE_UP) node->ups++;
        else node->downs++;
    } else if (msg->type == MSG_NODE_REPLY) {
        memcpy(&note->reply, msg->payload, sizeof note->reply);
        keep_text(note, msg, sizeof note->reply, note->reply.text_size);
        node->replies++;
    } else if (msg->type == MSG_WASM_RELOADED) {
        memcpy(&note->end, msg->payload, sizeof note->end);
        keep_text(note, msg, sizeof note->end, note->end.text_size);
        node->ends++;
    } else if (msg->type == MSG_NAME_CONFLICT) {
        node->conflicts++;
    } else {
        node->messages++;
    }
}

static inline bool ear(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    node_t *node = state;
    (void)rt, (void)self;
    if (msg->type == MSG_RUN && actor_id_node(msg->source) == 0) {
        errand_t errand;
        memcpy(&errand, msg->payload, sizeof errand);
        errand.run((unsigned)(node - nodes), errand.arg);
    } else {
        take_note(node, msg);
    }
    return true;
}

/* Inside of node i's ear, now. */
static inline void in(unsigned i, void (*run)(unsigned i, void *arg), void *arg) {
    errand_t errand = {run, arg};
    mk_fake_use_host(nodes[i].host);
    CHECK(actor_send(rt_of(i), nodes[i].ear, MSG_RUN, &errand, sizeof errand));
    while (runtime_step(rt_of(i))) {}
}

static inline void watch(unsigned i, void *arg) { CHECK_EQ(node_monitor(rt_of(i), arg == NULL), MK_OK); }

/* ---- hosts and nodes ---------------------------------------------------------------------------------------------------------- */

static bool verbose;

static inline void count_line(void *arg, const log_entry_t *entry) {
    node_t *node = arg;
    node->log_lines++;
    if (verbose) printf("    %8.3f n%u %s\n", (double)mk_port_now_us() / 1e6, (unsigned)(node - nodes), entry->text);
}

static inline void stage(uint64_t seed) {
    verbose = getenv("VERBOSE") != NULL;
    mk_fake_reset(seed);
    mk_fake_hold_time(true);
    memset(nodes, 0, sizeof nodes);
    for (unsigned i = 1; i <= STRANGER; i++) {
        char text[16];
        snprintf(text, sizeof text, "10.0.0.%u", i);
        mk_addr_t own = mk_fake_addr(text, 0);
        mk_fake_give_address(i, &own);
    }
}

/* With what `config` says; identity NULL: "n<i>". `number` 0: i. */
static inline void begin_as(unsigned i, unsigned number, const node_config_t *given) {
    node_config_t    config = given != NULL ? *given : (node_config_t){0};
    runtime_config_t runtime = {.node_id = number != 0 ? number : i};
    if (config.identity == NULL) config.identity = name_of(i);
    mk_fake_use_host(i);
    nodes[i] = (node_t){.rt = runtime_create(&runtime), .host = i};
    CHECK(nodes[i].rt != NULL);
    CHECK_EQ(runtime_set_log_sink(rt_of(i), count_line, &nodes[i]), MK_OK);
    CHECK_EQ(node_start(rt_of(i), &config), MK_OK);
    mk_cluster_allow_plain(cluster_of(i));
    CHECK(ns_actor_init(rt_of(i)) != ACTOR_ID_INVALID);
    actor_options_t options = {.behavior = ear, .state = &nodes[i], .mailbox_size = 100000};
    CHECK_EQ(actor_spawn_opts(rt_of(i), &options, &nodes[i].ear), MK_OK);
    in(i, watch, NULL);
}

static inline void begin(unsigned i) { begin_as(i, 0, NULL); }

static inline void listen_at(unsigned i) {
    mk_fake_use_host(nodes[i].host);
    CHECK_EQ(node_listen(rt_of(i), where(i), NULL, 0), MK_OK);
}

static inline void call(unsigned i, unsigned to) {
    mk_fake_use_host(nodes[i].host);
    CHECK_EQ(node_connect(rt_of(i), where(to)), MK_OK);
}

static inline void end(unsigned i) {
    mk_fake_use_host(nodes[i].host);
    runtime_destroy(nodes[i].rt);
    nodes[i].rt = NULL;
}

static inline void end_all(void) {
    for (unsigned i = 1; i <= NODES; i++)
        if (nodes[i].rt != NULL) end(i);
    CHECK_EQ(mk_fake_sockets(), 0);
}

/* ---- time ------------------------------------------------------------------------------------------------------------------------ */

static inline void settle(void) {
    unsigned rounds = 0;
    for (unsigned quiet = 0; quiet < 2; quiet++) {
        for (unsigned i = 1; i <= NODES; i++) {
            if (nodes[i].rt == NULL) continue;
            mk_fake_use_host(nodes[i].host);
            if (!runtime_wait(nodes[i].rt, -1) && mk_fake_slept()) continue;
            quiet = 0;
            if (++rounds > 1000000) rig_fail(__FILE__, __LINE__, "node %u spins", i);
        }
    }
}

static inline uint64_t now_ms(void) { return mk_port_now_us() / 1000; }

static inline void run_ms(uint64_t ms) {
    uint64_t until = now_ms() + ms;
    settle();
    while (now_ms() < until && mk_fake_advance_to_next()) settle();
}

static inline unsigned linked_n(unsigned i) { return (unsigned)node_list(rt_of(i), NULL, 0); }

static inline bool linked(unsigned i, unsigned to) {
    node_info_t info[NODES];
    size_t      n = node_list(rt_of(i), info, NODES);
    for (size_t k = 0; k < n; k++)
        if (info[k].node == to) return true;
    return false;
}

static inline bool both_linked(unsigned a, unsigned b) { return linked(a, b) && linked(b, a); }

#define RUN_UNTIL(condition, within_ms)                                                                     \
    do {                                                                                                     \
        uint64_t rig_until = now_ms() + (within_ms);                                                         \
        for (settle(); !(condition) && now_ms() < rig_until && mk_fake_advance_to_next();) settle();         \
        if (!(condition)) rig_fail(__FILE__, __LINE__, "not within %d ms: %s", (int)(within_ms), #condition); \
    } while (0)

/* The links of node i that exist, in any state. */
static inline unsigned peers_n(unsigned i) {
    unsigned n = 0;
    for (mk_node_t *node = cluster_of(i)->peers; node != NULL; node = node->next) n++;
    return n;
}

#endif
