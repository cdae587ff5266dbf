/* SPDX-License-Identifier: Apache-2.0 */
/* Two or three honest nodes on a network that is not kind: writes taken a byte at a time, cuts under load, a node that comes back
 * too soon or with its clock set back, two nodes that go by one name. */
#include "microkernel/node.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "microkernel/supervision.h"
#include "node/cluster.h"
#include "port/fake/fake.h"
#include "port/fake/fake_net.h"
#include "rig/random.h"
#include "rig/rig.h"

enum { NODES = 3, HEARTBEAT_MS = 200, DEAD_MS = 800, BACKOFF_MAX_MS = 1000, PORT = 4200 };

typedef struct node {
    runtime_t   *rt; /* NULL: down */
    actor_id_t   speaker, hearer;
    unsigned     ups, downs; /* as the speaker has heard */
    unsigned     said, heard, refused, ends;
    uint32_t     next;  /* the lowest number that may come */
    bool         holes; /* numbers may be missing          */
    monitor_id_t monitor;
} node_t;

static node_t       nodes[NODES];
static rig_random_t dice;
static bool         speaking; /* the first node's speaker, to the second's hearer */

static uint8_t pattern(uint32_t number, size_t at) { return (uint8_t)(number * 17 + at * 3); }

enum { T_NUMBER = 1, T_GO, T_MONITOR };

/* ---- actors -------------------------------------------------------------------------------------------------------------- */

static void say(runtime_t *rt, node_t *n) {
    static uint8_t buf[60000];
    for (unsigned i = 0; i < 40; i++) {
        size_t   size = 4 + rig_random_below(&dice, rig_random_below(&dice, 40) == 0 ? sizeof buf - 4 : 300);
        uint32_t number = n->said;
        memcpy(buf, &number, 4);
        for (size_t at = 4; at < size; at++) buf[at] = pattern(number, at);
        if (!actor_send(rt, nodes[1].hearer, T_NUMBER, buf, size)) {
            n->refused++;
            return;
        }
        n->said++;
    }
}

static bool speaker(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    node_t *n = state;
    (void)self;
    switch (msg->type) {
    case T_GO:
        CHECK_EQ(node_monitor(rt, true), MK_OK);
        CHECK(actor_set_timer(rt, 5, true) != TIMER_ID_INVALID);
        return true;
    case T_MONITOR: n->monitor = actor_monitor(rt, *(const actor_id_t *)msg->payload); return true;
    case MSG_TIMER:
        if (speaking && n == &nodes[0]) say(rt, n);
        return true;
    case MSG_DOWN: n->ends++; return true;
    case MSG_NODE_UP: n->ups++; return true;
    case MSG_NODE_DOWN: n->downs++; return true;
    default: return true;
    }
}

static bool hearer(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    node_t  *n = state;
    uint32_t number;
    (void)rt, (void)self;
    if (msg->type != T_NUMBER) return true;
    const uint8_t *bytes = msg->payload;
    memcpy(&number, bytes, 4);
    CHECK(number >= n->next);
    CHECK(n->holes || number == n->next);
    for (size_t at = 4; at < msg->payload_size; at++) CHECK_EQ(bytes[at], pattern(number, at));
    n->next = number + 1;
    n->heard++;
    return true;
}

/* ---- nodes -------------------------------------------------------------------------------------------------------------------- */

static const char *address(unsigned i) {
    static const char *const text[NODES] = {"10.0.0.1", "10.0.0.2", "10.0.0.3"};
    return text[i];
}

static actor_id_t spawn(unsigned i, actor_behavior_fn behavior, const char *name) {
    actor_options_t options = {.behavior = behavior, .state = &nodes[i], .name = name};
    actor_id_t      id;
    CHECK_EQ(actor_spawn_opts(nodes[i].rt, &options, &id), MK_OK);
    return id;
}

static void start_as(unsigned i, const char *identity, uint32_t first) {
    runtime_config_t config = {.node_id = i + 1, .payload_bytes_max = 1 << 20, .sequence_start = first};
    node_config_t    node = {.identity = identity,
                             .plain_role = NODE_ROLE_OPERATOR,
                             .heartbeat_ms = HEARTBEAT_MS,
                             .dead_ms = DEAD_MS,
                             .backoff_max_ms = BACKOFF_MAX_MS,
                             .queue_bytes = 1 << 18,
                             .credit_bytes = 1 << 16};
    char             where[40];
    mk_fake_use_host(i + 1);
    nodes[i] = (node_t){.rt = runtime_create(&config)};
    CHECK(nodes[i].rt != NULL);
    CHECK_EQ(node_start(nodes[i].rt, &node), MK_OK);
    mk_cluster_allow_plain(mk_cluster_of(nodes[i].rt));
    snprintf(where, sizeof where, "%s:%d", address(i), PORT);
    CHECK_EQ(node_listen(nodes[i].rt, where, NULL, 0), MK_OK);
    for (unsigned to = 0; to < i; to++) {
        snprintf(where, sizeof where, "%s:%d", address(to), PORT);
        CHECK_EQ(node_connect(nodes[i].rt, where), MK_OK);
    }
    char name[20];
    snprintf(name, sizeof name, "hearer/%u", i + 1);
    nodes[i].hearer = spawn(i, hearer, name);
    nodes[i].speaker = spawn(i, speaker, NULL);
    CHECK(actor_send(nodes[i].rt, nodes[i].speaker, T_GO, NULL, 0));
}

static void start(unsigned i) {
    static const char *const identity[NODES] = {"n1", "n2", "n3"};
    start_as(i, identity[i], 1000 * (i + 1));
}

static void stop(unsigned i) {
    if (nodes[i].rt == NULL) return;
    mk_fake_use_host(i + 1);
    runtime_destroy(nodes[i].rt);
    nodes[i].rt = NULL;
}

static void crash(unsigned i) {
    mk_fake_crash(i + 1);
    stop(i);
}

static void begin(unsigned n) {
    static const mk_addr_t any;
    mk_fake_reset(7);
    mk_fake_hold_time(true);
    mk_fake_link(&any, &any, &(mk_fake_link_t){.latency_us = 500});
    dice = (rig_random_t){11};
    speaking = false;
    memset(nodes, 0, sizeof nodes);
    for (unsigned i = 0; i < NODES; i++) {
        mk_addr_t own = mk_fake_addr(address(i), 0);
        mk_fake_give_address(i + 1, &own);
    }
    for (unsigned i = 0; i < n; i++) start(i);
}

static void go(uint64_t ms) {
    uint64_t until_us = mk_port_now_us() + ms * 1000;
    while (mk_port_now_us() < until_us) {
        for (unsigned quiet = 0, rounds = 0; quiet < 2; rounds++) {
            bool busy = false;
            CHECK(rounds < 20000); /* it spins */
            for (unsigned i = 0; i < NODES; i++) {
                if (nodes[i].rt == NULL) continue;
                mk_fake_use_host(i + 1);
                busy |= runtime_wait(nodes[i].rt, -1) || !mk_fake_slept();
            }
            quiet = busy ? 0 : quiet + 1;
        }
        CHECK(mk_fake_advance_to_next());
    }
}

static void end(void) {
    for (unsigned i = 0; i < NODES; i++) stop(i);
    CHECK_EQ(mk_fake_sockets(), 0);
    mk_fake_hold_time(false);
}

static bool info_of(unsigned from, unsigned to, node_info_t *out) {
    node_info_t list[8];
    size_t      n = node_list(nodes[from].rt, list, 8);
    for (size_t i = 0; i < n; i++) {
        if (list[i].node != to + 1) continue;
        *out = list[i];
        return true;
    }
    return false;
}

static bool are_linked(unsigned a, unsigned b) {
    node_info_t info;
    return info_of(a, b, &info) && info_of(b, a, &info);
}

static actor_id_t look_up(unsigned i, const char *name) { return actor_lookup(nodes[i].rt, name); }

/* ---- under load ------------------------------------------------------------------------------------------------------------------- */

TEST(writes_taken_in_part_keep_every_frame_whole) {
    static const size_t most[] = {1, 31, 113, 1460};
    for (unsigned i = 0; i < 4; i++) {
        begin(2);
        mk_fake_net(&(mk_fake_net_t){.write_max = most[i], .read_max = most[3 - i], .stream_bytes = 3000});
        go(200);
        CHECK(are_linked(0, 1));
        speaking = true;
        go(i == 0 || i == 3 ? 40 : 200); /* a byte at a time takes very many turns */
        speaking = false;
        mk_fake_net(&(mk_fake_net_t){0});
        go(2000);
        CHECK(nodes[0].said > 100);
        CHECK_EQ(nodes[1].heard, nodes[0].said); /* what was accepted has come, all of it and in order */
        CHECK_EQ(nodes[0].downs, 0);
        end();
    }
}

TEST(what_a_cut_swallows_is_counted_and_what_comes_after_it_is_in_order) {
    node_info_t info;
    begin(2);
    go(200);
    nodes[1].holes = true;
    speaking = true;
    for (unsigned i = 0; i < 6; i++) {
        mk_addr_t a = mk_fake_addr(address(0), 0), b = mk_fake_addr(address(1), 0);
        go(300);
        if (i % 2 == 0) mk_fake_cut(&a, &b, true);
        else mk_fake_break(mk_fake_find(&a, &b));
        go(2 * DEAD_MS);
        mk_fake_cut(&a, &b, false);
        go(3000);
        CHECK(are_linked(0, 1));
    }
    speaking = false;
    go(2000);
    CHECK(nodes[0].downs == 6 && nodes[0].ups == 7);
    CHECK(nodes[1].heard < nodes[0].said && nodes[0].refused > 0);
    CHECK(info_of(0, 1, &info));
    CHECK_EQ(info.queued_bytes, 0);
    CHECK(nodes[1].heard + info.lost >= nodes[0].said);
    end();
}

/* ---- comings and goings --------------------------------------------------------------------------------------------------------------- */

TEST(the_names_of_a_dead_node_vanish_in_time_and_its_monitors_fire) {
    begin(3);
    go(500);
    CHECK(look_up(0, "hearer/2") == nodes[1].hearer && look_up(2, "/node/n2/hearer/2") == nodes[1].hearer);
    CHECK(actor_send(nodes[0].rt, nodes[0].speaker, T_MONITOR, &nodes[1].hearer, sizeof(actor_id_t)));
    go(50);
    crash(1);
    go(DEAD_MS + HEARTBEAT_MS);
    CHECK(look_up(0, "hearer/2") == ACTOR_ID_INVALID && look_up(2, "/node/n2/hearer/2") == ACTOR_ID_INVALID);
    CHECK_EQ(nodes[0].ends, 1);
    CHECK_EQ(nodes[0].downs, 1);
    CHECK(are_linked(0, 2));
    end();
}

/* It is back before anybody has noticed that it was gone. */
TEST(a_node_that_comes_back_at_once_is_another_life) {
    begin(3);
    go(500);
    actor_id_t before = nodes[1].hearer;
    CHECK(actor_send(nodes[0].rt, nodes[0].speaker, T_MONITOR, &before, sizeof before));
    go(50);
    crash(1);
    mk_fake_restart(2);
    start_as(1, "n2", 500000);
    go(DEAD_MS + 2 * BACKOFF_MAX_MS);
    CHECK(are_linked(0, 1) && are_linked(1, 2));
    CHECK(nodes[1].hearer != before);
    CHECK(look_up(0, "hearer/2") == nodes[1].hearer && look_up(2, "hearer/2") == nodes[1].hearer);
    CHECK_EQ(nodes[0].ends, 1);
    CHECK(!actor_send(nodes[0].rt, before, T_NUMBER, "\0\0\0\0", 4) || (go(20), nodes[1].heard == 0));
    end();
}

TEST(a_node_whose_clock_was_set_back_comes_in_again) {
    begin(2);
    go(500);
    CHECK(are_linked(0, 1));
    crash(1);
    mk_fake_restart(2);
    mk_fake_skew_wall(2, -86400000);
    start_as(1, "n2", 500000);
    go(DEAD_MS + 2 * BACKOFF_MAX_MS + 10000); /* an earlier life is not believed for a while */
    CHECK(are_linked(0, 1));
    CHECK(look_up(0, "hearer/2") == nodes[1].hearer);
    end();
}

TEST(of_two_nodes_with_one_name_the_first_stays) {
    begin(2);
    go(500);
    start_as(2, "n2", 3000); /* another number, but the second's name */
    go(3000);
    CHECK(are_linked(0, 1));
    CHECK(!are_linked(0, 2));
    CHECK(look_up(0, "/node/n2/hearer/2") == nodes[1].hearer);
    CHECK_EQ(nodes[0].downs, 0);
    stop(1);
    go(2 * BACKOFF_MAX_MS + 1000); /* now the name is free */
    CHECK(are_linked(0, 2));
    CHECK(look_up(0, "/node/n2/hearer/3") == nodes[2].hearer);
    end();
}

TEST(a_link_that_works_one_way_only_is_no_link) {
    for (unsigned from = 0; from < 2; from++) {
        begin(2);
        go(500);
        mk_addr_t a = mk_fake_addr(address(from), 0), b = mk_fake_addr(address(1 - from), 0);
        mk_fake_link(&a, &b, &(mk_fake_link_t){.latency_us = 500, .cut = true});
        go(2 * DEAD_MS + HEARTBEAT_MS);
        node_info_t info;
        CHECK(!info_of(0, 1, &info) && !info_of(1, 0, &info));
        CHECK(look_up(0, "hearer/2") == ACTOR_ID_INVALID && look_up(1, "hearer/1") == ACTOR_ID_INVALID);
        mk_fake_link(&a, &b, &(mk_fake_link_t){.latency_us = 500});
        go(2 * BACKOFF_MAX_MS + 2000);
        CHECK(are_linked(0, 1));
        CHECK(look_up(0, "hearer/2") == nodes[1].hearer);
        end();
    }
}

/* It stood still for so long that everybody has given it up; it does not go on as if nothing had been. */
TEST(a_process_that_was_stopped_is_linked_anew) {
    begin(2);
    go(500);
    runtime_t *stopped = nodes[1].rt;
    nodes[1].rt = NULL;
    go(3 * DEAD_MS);
    CHECK_EQ(nodes[0].downs, 1);
    nodes[1].rt = stopped;
    go(2 * BACKOFF_MAX_MS + 2000);
    CHECK(are_linked(0, 1));
    CHECK_EQ(nodes[1].downs, 1);
    CHECK(look_up(1, "hearer/1") == nodes[0].hearer && look_up(0, "hearer/2") == nodes[1].hearer);
    end();
}

TEST(an_idle_link_costs_a_heartbeat_now_and_then) {
    begin(2);
    go(1000);
    uint64_t waits = mk_fake_waits();
    go(10 * HEARTBEAT_MS);
    CHECK(mk_fake_waits() - waits < 4000); /* two timers of five milliseconds, and little else */
    CHECK_EQ(nodes[0].downs + nodes[1].downs, 0);
    end();
}
