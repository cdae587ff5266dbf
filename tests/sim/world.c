/* SPDX-License-Identifier: Apache-2.0 */
/* world.c -- nodes come, go and take their turns; time goes on. Each node is a runtime of its own on a host of the fake network. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "node/cluster.h"
#include "port/fake/fake.h"
#include "port/fake/fake_net.h"
#include "sim/sim.h"

/* Rounds in which somebody has something to do while no time goes by: more, and a loop spins. */
enum { ROUNDS_MAX = 200000 };

/* Of log lines in a whole run, from each node: whoever is flooded by peers must not flood the log. */
enum { LINES_MAX = 4000 };

static uint32_t refuse; /* of 1,000 allocations */
static bool     held;

/* ---- memory ----------------------------------------------------------------------------------------------------------- */

static bool gate(void *arg, size_t size) {
    (void)arg, (void)size;
    if (held || refuse == 0 || !sim_chance(refuse)) return true;
    sim.memory_failed_us = sim_now_us();
    return false;
}

void sim_fail_memory(uint32_t of_1000) {
    refuse = of_1000;
    mk_mem_set_gate(refuse != 0 ? gate : NULL, NULL);
}

bool sim_hold_memory(bool hold) {
    bool was = held;
    held = hold;
    return was;
}

/* ---- who and where ------------------------------------------------------------------------------------------------------ */

const char *sim_identity(unsigned node) {
    static const char *const text[SIM_NODES_MAX] = {"n1", "n2", "n3", "n4", "n5", "n6", "n7"};
    return text[node];
}

/* Of its host: two nodes on one have one address and different ports. */
const char *sim_address(unsigned node) {
    static const char *const text[SIM_NODES_MAX] = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4",
                                                    "10.0.0.5", "10.0.0.6", "10.0.0.7"};
    return text[sim.plan.host[node] - 1];
}

static void place(char where[64], unsigned node, sim_way_t way) {
    if (way == SIM_UNIX) snprintf(where, 64, "unix:/run/%s", sim_identity(node));
    else snprintf(where, 64, "%s:%s:%u", way == SIM_UDP ? "udp" : "tcp", sim_address(node), SIM_PORT + node);
}

void sim_enter(unsigned node) { mk_fake_use_host(sim.plan.host[node]); }

bool sim_is_up(unsigned node) { return sim.node[node].rt != NULL && sim.node[node].paused_until_us == 0; }

bool sim_link_info(unsigned from, unsigned to, node_info_t *out) {
    node_info_t list[SIM_NODES_MAX + 8];
    if (sim.node[from].rt == NULL) return false;
    size_t n = node_list(sim.node[from].rt, list, sizeof list / sizeof list[0]);
    for (size_t i = 0; i < n && i < sizeof list / sizeof list[0]; i++) {
        if (list[i].node != to + 1) continue;
        *out = list[i];
        return true;
    }
    return false;
}

/* ---- life and death ------------------------------------------------------------------------------------------------------- */

static void hear_log(void *arg, const log_entry_t *entry) {
    unsigned node = (unsigned)((sim_node_t *)arg - sim.node);
    sim.lines++;
    SIM_CHECK(sim.lines < (uint64_t)LINES_MAX * SIM_NODES_MAX, "%llu lines in the log", (unsigned long long)sim.lines);
    sim_secrets_hear(entry->text);
    sim_say("n%u logs: %s", node + 1, entry->text);
}

static void listen_at(unsigned node, sim_way_t way) {
    char     where[64];
    mk_err_t err;
    place(where, node, way);
    err = node_listen(sim.node[node].rt, where, NULL, 0);
    SIM_CHECK(err == MK_OK, "n%u cannot listen at %s: %s", node + 1, where, mk_err_text(err));
}

void sim_connect(unsigned from, unsigned to) {
    char where[64];
    if (sim.plan.calls[from][to] == SIM_NO_WAY || sim.node[from].rt == NULL) return;
    sim_enter(from);
    place(where, to, sim.plan.calls[from][to]);
    mk_err_t err = node_connect(sim.node[from].rt, where);
    SIM_CHECK(err == MK_OK || err == MK_ERR_EXISTS || (sim.memory_failed_us != 0 && err == MK_ERR_NOMEM),
              "n%u cannot call %s: %s", from + 1, where, mk_err_text(err));
}

void sim_disconnect(unsigned from, unsigned to) {
    if (sim.node[from].rt == NULL) return;
    sim_enter(from);
    (void)node_disconnect(sim.node[from].rt, sim_identity(to));
}

static void open_node(sim_node_t *n, unsigned node) {
    const sim_plan_t *plan = &sim.plan;
    node_config_t     config = {.identity = sim_identity(node),
                                .secret_file = sim_secret_file(node),
                                .plain_role = plan->role,
                                .heartbeat_ms = plan->heartbeat_ms,
                                .dead_ms = plan->dead_ms,
                                .backoff_min_ms = plan->backoff_min_ms,
                                .backoff_max_ms = plan->backoff_max_ms,
                                .queue_bytes = plan->queue_bytes,
                                .credit_bytes = plan->credit_bytes};
    mk_err_t          err = node_start(n->rt, &config);
    SIM_CHECK(err == MK_OK, "n%u cannot start: %s", node + 1, mk_err_text(err));
    mk_cluster_allow_plain(mk_cluster_of(n->rt));
    listen_at(node, SIM_TCP);
    listen_at(node, SIM_UNIX);
    if (plan->datagrams) listen_at(node, SIM_UDP);
}

/* Whoever of the two comes second makes it. */
static void join_ring(unsigned node) {
    unsigned other = 1 - node;
    if (!sim.plan.ring || node > 1 || !sim_is_up(other)) return;
    node_ring_t *ring = node_ring_create(32768 << sim_below(4));
    SIM_CHECK(ring != NULL, "no ring");
    for (unsigned side = 0; side < 2; side++) {
        sim_enter(side);
        mk_err_t err = node_ring_attach(sim.node[side].rt, ring, (int)side);
        SIM_CHECK(err == MK_OK, "n%u cannot have the ring: %s", side + 1, mk_err_text(err));
    }
    node_ring_release(ring);
    sim_enter(node);
}

void sim_start(unsigned node) {
    sim_node_t      *n = &sim.node[node];
    runtime_config_t config = {.node_id = node + 1,
                               .mailbox_default = 64,
                               .payload_bytes_max = 1 << 20,
                               .sequence_start = sim_below(1u << 30) + 1};
    bool             was_held = sim_hold_memory(true);
    for (mk_fake_call_t call = MK_FAKE_POLLER_CREATE; call < MK_FAKE_CALLS; call++) mk_fake_fail(call, 0);
    sim_enter(node);
    *n = (sim_node_t){.life = n->life + 1};
    n->rt = runtime_create(&config);
    SIM_CHECK(n->rt != NULL && runtime_set_log_sink(n->rt, hear_log, n) == MK_OK, "n%u has no runtime", node + 1);
    runtime_set_log_level(n->rt, MK_LOG_DEBUG);
    open_node(n, node);
    SIM_CHECK(sim_spawn_keeper(node), "n%u has no keeper", node + 1);
    for (unsigned i = 0; i < sim.plan.workers; i++) (void)sim_spawn_worker(node);
    for (unsigned to = 0; to < sim.plan.nodes; to++) sim_connect(node, to);
    join_ring(node);
    sim_hold_memory(was_held);
    sim_say("n%u starts its life %u", node + 1, n->life);
}

static void bury(unsigned node, sim_end_t how) {
    static const char *const text[] = {"stops", "crashes", "is switched off and on"};
    sim_node_t              *n = &sim.node[node];
    if (n->rt == NULL) return;
    sim_say("n%u %s", node + 1, text[how]);
    sim_enter(node);
    runtime_t *rt = n->rt;
    n->ending = true;
    runtime_destroy(rt);
    n->rt = NULL;
    for (uint32_t uid = 1; uid <= sim_actors(); uid++)
        if (sim_actor(uid)->node == node && sim_actor(uid)->lost_us == 0) sim_actor(uid)->lost_us = sim_now_us();
    n->died_us = sim_now_us();
    n->paused_until_us = 0;
}

void sim_stop(unsigned node, sim_end_t how) {
    unsigned host = sim.plan.host[node];
    if (how == SIM_STOPS) {
        bury(node, how);
        return;
    }
    mk_fake_crash(host);
    for (unsigned i = 0; i < sim.plan.nodes; i++) {
        if (sim.plan.host[i] != host) continue;
        bury(i, how);
        sim.node[i].crashed = how == SIM_CRASHES;
    }
    if (how == SIM_IS_KILLED) mk_fake_restart(host);
}

void sim_world_begin(void) {
    mk_fake_reset(sim.plan.seed);
    mk_fake_hold_time(true);
    sim.began_us = sim_now_us();
    for (unsigned i = 0; i < sim.plan.nodes; i++) {
        mk_addr_t own = mk_fake_addr(sim_address(i), 0);
        if (i == 0 || sim.plan.host[i] != sim.plan.host[i - 1]) mk_fake_give_address(sim.plan.host[i], &own);
    }
    mk_addr_t foreign = mk_fake_addr("10.0.0.99", 0);
    mk_fake_give_address(SIM_HOSTILE_HOST, &foreign);
    sim_secrets_begin();
    for (unsigned i = 0; i < sim.plan.nodes; i++) sim_start(i);
}

void sim_world_end(void) {
    for (unsigned i = 0; i < sim.plan.nodes; i++) bury(i, SIM_STOPS);
    SIM_CHECK(mk_fake_sockets() == 0, "%u sockets are left open", mk_fake_sockets());
    mk_fake_hold_time(false);
    sim_secrets_end();
}

/* ---- time --------------------------------------------------------------------------------------------------------------- */

static void wake_the_paused(void) {
    for (unsigned i = 0; i < sim.plan.nodes; i++) {
        sim_node_t *n = &sim.node[i];
        if (n->paused_until_us == 0 || n->paused_until_us > sim_now_us()) continue;
        n->paused_until_us = 0;
        n->resumed_us = sim_now_us();
        sim_say("n%u goes on", i + 1);
    }
}

/* The node that had something to do, the last of them, counted from 1; 0: none. */
static unsigned take_turns(void) {
    unsigned busy = 0;
    for (unsigned i = 0; i < sim.plan.nodes; i++) {
        if (!sim_is_up(i)) continue;
        sim_enter(i);
        if (runtime_wait(sim.node[i].rt, -1) || !mk_fake_slept()) busy = i + 1;
    }
    return busy;
}

static bool is_anybody_up(void) {
    for (unsigned i = 0; i < sim.plan.nodes; i++)
        if (sim_is_up(i)) return true;
    return false;
}

void sim_step(void) {
    unsigned quiet = 0, busy = 0;
    wake_the_paused();
    sim_hostile_go_on();
    for (unsigned rounds = 0; quiet < 2; rounds++) {
        SIM_CHECK(rounds < ROUNDS_MAX, "n%u spins: no time goes by and it always has something to do", busy);
        busy = take_turns();
        quiet = busy != 0 ? 0 : quiet + 1;
    }
    if (!is_anybody_up() || !mk_fake_advance_to_next()) mk_fake_advance_us(1000);
    uint64_t past = sim_now_us() - sim.began_us, grain = sim.plan.grain_us;
    if (past % grain != 0) mk_fake_advance_us(grain - past % grain);
    sim.count.steps++;
}

void sim_run_for(uint32_t ms) {
    uint64_t until_us = sim_now_us() + (uint64_t)ms * 1000;
    while (sim_now_us() < until_us) {
        sim_step();
        sim_watch();
    }
}
