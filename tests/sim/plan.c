/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c -- what a seed decides before anything runs: how many nodes, who calls whom and how, which limits, what may go wrong. */
#include "sim/sim.h"

static uint32_t pick(uint32_t from, uint32_t to) { return from + sim_below(to - from + 1); }

static sim_way_t some_way(void) {
#ifdef SIM_WITHOUT_DATAGRAMS
    return SIM_TCP;
#else
    return sim_chance(200) ? SIM_UDP : SIM_TCP;
#endif
}

/* Each pair is called from one side at least; from both now and then, so that two links meet. Two nodes may share a machine. */
static void who_calls(sim_plan_t *plan) {
    for (unsigned i = 0; i < plan->nodes; i++) plan->host[i] = i + 1;
    if (sim_chance(250)) plan->host[1] = plan->host[0];
    plan->ring = plan->host[1] == plan->host[0] && sim_chance(600);
    for (unsigned i = 0; i < plan->nodes; i++)
        for (unsigned k = 0; k < i; k++) {
            sim_way_t way = plan->host[i] == plan->host[k] ? SIM_UNIX : some_way();
            uint32_t  side = sim_below(4);
            plan->calls[i][k] = side != 0 ? way : SIM_NO_WAY;
            plan->calls[k][i] = side == 0 || side == 3 ? way : SIM_NO_WAY;
            if (way == SIM_UDP) plan->datagrams = true;
        }
}

void sim_plan(sim_plan_t *plan, uint64_t seed) {
    *plan = (sim_plan_t){.seed = seed, .nodes = pick(3, sim_chance(300) ? SIM_NODES_MAX : 4), .workers = pick(1, 4)};
    who_calls(plan);
    plan->role = sim_chance(200) ? NODE_ROLE_MEMBER : NODE_ROLE_OPERATOR;
    plan->heartbeat_ms = pick(50, 400);
    plan->dead_ms = plan->heartbeat_ms * pick(3, 5);
    plan->backoff_min_ms = pick(10, 100);
    plan->backoff_max_ms = pick(300, 1500);
    plan->queue_bytes = 1u << pick(16, 20);
    plan->credit_bytes = 1u << pick(16, 18);
    plan->tick_ms = pick(8, 60);
    plan->large = sim_chance(500) ? 10 : 80;
    plan->trouble_ms = pick(2000, 6000);
    plan->pause_ms = pick(40, 400);
    plan->grain_us = sim_chance(250) ? 1 : 1000;
    plan->many = sim_chance(30) ? pick(100, SIM_MANY_MAX) : 0;
    plan->memory = sim_chance(250);
    plan->hostile = sim_chance(300);
    plan->clocks = sim_chance(500);
    plan->secrets = sim_chance(40);
    if (plan->secrets) { /* an exchange takes a minute, so all goes slower */
        plan->trouble_ms = pick(20000, 70000);
        plan->pause_ms = pick(500, 2000);
        plan->tick_ms = pick(100, 300);
        plan->workers = 1;
        plan->many = 0;
    }
}

void sim_plan_say(const sim_plan_t *plan) {
    static const char *const way[] = {"-", "tcp", "udp", "unix"};
    sim_say(
        "%u nodes with %u actors each, heartbeat %u, dead %u, backoff %u to %u ms, queue %u, credit %u bytes%s%s%s%s%s",
        plan->nodes, plan->workers, plan->heartbeat_ms, plan->dead_ms, plan->backoff_min_ms, plan->backoff_max_ms,
        plan->queue_bytes, plan->credit_bytes, plan->role == NODE_ROLE_MEMBER ? ", members" : "",
        plan->memory ? ", memory fails" : "", plan->hostile ? ", hostile visitors" : "",
        plan->clocks ? ", clocks jump" : "", plan->secrets ? ", a secret" : "");
    if (plan->ring) sim_say("n1 and n2 have a ring");
    for (unsigned i = 0; i < plan->nodes; i++)
        for (unsigned k = 0; k < plan->nodes; k++)
            if (plan->calls[i][k] != SIM_NO_WAY) sim_say("n%u calls n%u by %s", i + 1, k + 1, way[plan->calls[i][k]]);
}
