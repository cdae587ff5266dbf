/* SPDX-License-Identifier: Apache-2.0 */
/* faults.c -- what goes wrong, and when. */
#include "port/fake/fake.h"
#include "port/fake/fake_net.h"
#include "sim/sim.h"

static uint64_t next_us, memory_until_us;

static mk_addr_t address(unsigned node) { return mk_fake_addr(sim_address(node), 0); }

/* ---- the network ------------------------------------------------------------------------------------------------------------ */

static mk_fake_link_t some_link(void) {
    mk_fake_link_t link = {.latency_us = sim_below(40000), .jitter_us = sim_below(30000)};
    if (sim_chance(300)) link.bytes_per_s = 50000 + sim_below(1000000);
    if (sim_chance(500)) link = (mk_fake_link_t){.latency_us = sim_below(1000)};
    if (sim_chance(500)) link.lost = sim_below(200), link.doubled = sim_below(50), link.late = sim_below(100);
    return link;
}

static void change_link(unsigned a, unsigned b) {
    mk_addr_t      from = address(a), to = address(b);
    mk_fake_link_t link = some_link();
    mk_fake_link(&from, &to, &link);
    if (sim_chance(500)) mk_fake_link(&to, &from, &link);
    sim_say("n%u to n%u: %llu to %llu us, %llu bytes/s, %u of 1,000 lost", a + 1, b + 1,
            (unsigned long long)link.latency_us, (unsigned long long)(link.latency_us + link.jitter_us),
            (unsigned long long)link.bytes_per_s, link.lost);
}

static void cut_both(unsigned a, unsigned b, bool cut) {
    mk_addr_t one = address(a), two = address(b);
    mk_fake_cut(&one, &two, cut);
    sim_say("n%u and n%u are %s", a + 1, b + 1, cut ? "cut off from each other" : "connected again");
}

static void cut_one(unsigned a, unsigned b) {
    mk_addr_t      from = address(a), to = address(b);
    mk_fake_link_t link = {.latency_us = 1000, .cut = true};
    mk_fake_link(&from, &to, &link);
    sim_say("what n%u sends to n%u gets lost", a + 1, b + 1);
}

static void split(void) {
    uint32_t side = 1 + sim_below((1u << sim.plan.nodes) - 2);
    for (unsigned a = 0; a < sim.plan.nodes; a++)
        for (unsigned b = 0; b < a; b++)
            if ((side >> a & 1) != (side >> b & 1)) cut_both(a, b, true);
}

static void heal(void) {
    for (unsigned a = 0; a < sim.plan.nodes; a++)
        for (unsigned b = 0; b < sim.plan.nodes; b++) {
            mk_addr_t from = address(a), to = address(b);
            if (a != b)
                mk_fake_link(&from, &to, &(mk_fake_link_t){.latency_us = 700}); /* no jitter: it makes
     datagrams overtake each other, and who comes late is lost */
        }
    sim_say("the network is well");
}

static void hurt_connection(unsigned a, unsigned b) {
    mk_addr_t local = address(a), peer = address(b);
    int       fd = mk_fake_find(&local, &peer);
    if (fd < 0) return;
    bool breaks = sim_chance(600);
    if (breaks) mk_fake_break(fd);
    else mk_fake_vanish(fd);
    sim_say("a connection of n%u with n%u %s", a + 1, b + 1, breaks ? "breaks" : "is half open");
}

static void change_sockets(void) {
    mk_fake_net_t net = {.give_up_us = 8000000};
    if (sim_chance(600)) net.stream_bytes = 600 + sim_below(20000);
    if (sim_chance(500)) net.write_max = 8 + sim_below(sim_chance(300) ? 40 : 3000);
    if (sim_chance(500)) net.read_max = 8 + sim_below(sim_chance(300) ? 40 : 3000);
    bool crumbs = (net.write_max != 0 && net.write_max < 50) || (net.read_max != 0 && net.read_max < 50);
    if (crumbs) net.stream_bytes = 600; /* else one instant takes very many turns */
    if (sim_chance(300)) net.datagram_bytes = 3000 + sim_below(20000);
    net.reset_discards = sim_chance(500);
    mk_fake_net(&net);
    sim_say("sockets take %zu, calls read %zu and write %zu bytes", net.stream_bytes, net.read_max, net.write_max);
}

static void fail_calls(void) {
    static const mk_fake_call_t calls[] = {MK_FAKE_POLLER_SET, MK_FAKE_SOCKET, MK_FAKE_ACCEPT, MK_FAKE_SEND};
    uint32_t                    which = sim_below(4), times = 1 + sim_below(4);
    mk_fake_fail(calls[which], times);
    sim_say("the next %u calls of kind %u fail", times, which);
}

/* ---- nodes ------------------------------------------------------------------------------------------------------------------- */

static void end_node(unsigned node) {
    if (sim.node[node].rt == NULL) return;
    uint64_t until_us = sim_now_us() + (sim_chance(300) ? 1000 : 1000ull * sim_below(2500));
    sim_stop(node, (sim_end_t)sim_below(3));
    for (unsigned i = 0; i < sim.plan.nodes; i++)
        if (sim.node[i].rt == NULL && sim.node[i].restart_us == 0) sim.node[i].restart_us = until_us;
}

static void start_again(unsigned node) {
    if (sim.node[node].crashed) mk_fake_restart(sim.plan.host[node]);
    for (unsigned i = 0; i < sim.plan.nodes; i++)
        if (sim.plan.host[i] == sim.plan.host[node]) sim.node[i].crashed = false;
    sim_start(node);
}

static void pause_node(unsigned node) {
    if (!sim_is_up(node)) return;
    sim.node[node].paused_until_us = sim_now_us() + 1000ull * sim_below(2 * sim.plan.dead_ms);
    sim_say("n%u stands still", node + 1);
}

static void jump_clock(unsigned node) {
    int64_t ms = (int64_t)sim_below(20000) - 10000;
    if (sim_chance(300)) ms *= 100000;
    if (!sim.plan.clocks) return;
    mk_fake_skew_wall(sim.plan.host[node], ms);
    sim_say("the clock of n%u is %lld ms ahead", node + 1, (long long)ms);
}

static void leave_and_come_back(unsigned a, unsigned b) {
    if (!sim_is_up(a)) return;
    sim_say("n%u does not call n%u any more", a + 1, b + 1);
    sim_disconnect(a, b);
    if (sim_chance(700)) sim_connect(a, b);
}

static void starve(void) {
    if (!sim.plan.memory) return;
    uint32_t chance = sim_chance(300) ? 300 : 1 + sim_below(30);
    memory_until_us = sim_now_us() + 1000ull * (20 + sim_below(300));
    sim_fail_memory(chance);
    sim_say("%u of 1,000 allocations fail", chance);
}

/* ---- the script ---------------------------------------------------------------------------------------------------------------- */

static void go_wrong(void) {
    unsigned a = sim_below(sim.plan.nodes), b = (a + 1 + sim_below(sim.plan.nodes - 1)) % sim.plan.nodes;
    uint32_t what = sim_below(100);
    sim.count.faults++;
    if (what < 14) change_link(a, b);
    else if (what < 22) cut_both(a, b, true);
    else if (what < 32) cut_both(a, b, false);
    else if (what < 38) cut_one(a, b);
    else if (what < 41) split();
    else if (what < 46) heal();
    else if (what < 54) end_node(a);
    else if (what < 62) hurt_connection(a, b);
    else if (what < 67) pause_node(a);
    else if (what < 71) jump_clock(a);
    else if (what < 76) change_sockets();
    else if (what < 79) fail_calls();
    else if (what < 84) leave_and_come_back(a, b);
    else if (what < 89) sim_hold_somebody();
    else if (what < 93) sim_flood();
    else if (what < 96) starve();
    else sim_hostile_visit();
}

void sim_faults_begin(void) {
    next_us = sim_now_us() + 100000;
    memory_until_us = 0;
    heal();
}

void sim_faults_go_on(void) {
    uint64_t now_us = sim_now_us();
    for (unsigned i = 0; i < sim.plan.nodes; i++)
        if (sim.node[i].rt == NULL && sim.node[i].restart_us <= now_us) start_again(i);
    if (memory_until_us != 0 && memory_until_us <= now_us) {
        memory_until_us = 0;
        sim_fail_memory(0);
        sim_say("there is memory again");
    }
    sim_secrets_go_on();
    if (next_us > now_us) return;
    next_us = now_us + 2000ull * sim_below(sim.plan.pause_ms);
    go_wrong();
}

void sim_faults_end(void) {
    sim_fail_memory(0);
    sim_hostile_end();
    mk_fake_net(&(mk_fake_net_t){.give_up_us = 8000000});
    for (mk_fake_call_t call = MK_FAKE_POLLER_CREATE; call < MK_FAKE_CALLS; call++) mk_fake_fail(call, 0);
    heal();
    for (unsigned i = 0; i < sim.plan.nodes; i++) {
        if (sim.node[i].paused_until_us != 0) sim.node[i].paused_until_us = sim_now_us();
        if (sim.node[i].rt == NULL) start_again(i);
        for (unsigned to = 0; to < sim.plan.nodes; to++) sim_connect(i, to);
    }
}
