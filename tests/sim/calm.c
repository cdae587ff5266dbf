/* SPDX-License-Identifier: Apache-2.0 */
/* calm.c -- what must hold at any time, and what must hold when nothing goes wrong any more. */
#include <stdio.h>
#include <string.h>

#include "port/fake/fake.h"
#include "sim/sim.h"

enum {
    WATCH_MS = 20,
    POOL_BYTES_MAX = 64 << 20,
    BEYOND_MAX = (128 << 10) + 300000, /* what a link may hold beyond its limit: signals, and one large letter */
    SETTLE_MS = 14000, /* beside dead_ms and twice backoff_max_ms: a handshake that nobody answers takes 10 s */
    LOOK_MS = 6000,    /* until all have seen what is in their files now                                */
    STILL_MS = 3000,   /* until all that is owed has come: calls have deadlines of 2.1 s          */
};

static uint64_t watched_us;

static void watch_queues(unsigned node) {
    node_info_t     list[SIM_NODES_MAX + 8];
    runtime_stats_t stats;
    runtime_t      *rt = sim.node[node].rt;
    size_t          n = node_list(rt, list, sizeof list / sizeof list[0]);
    for (size_t i = 0; i < n && i < sizeof list / sizeof list[0]; i++)
        SIM_CHECK(list[i].queued_bytes <= sim.plan.queue_bytes + BEYOND_MAX, "n%u has %zu bytes waiting for n%u",
                  node + 1, list[i].queued_bytes, list[i].node);
    runtime_get_stats(rt, &stats);
    SIM_CHECK(stats.pool_bytes < POOL_BYTES_MAX, "n%u holds %zu bytes", node + 1, stats.pool_bytes);
}

/* A mailbox takes what was on its way when the senders were told to stop: their credit. */
static void watch_mailboxes(unsigned node) {
    actor_id_t   ids[SIM_ACTORS_MAX];
    actor_info_t info;
    runtime_t   *rt = sim.node[node].rt;
    size_t       n = runtime_list_actors(rt, ids, SIM_ACTORS_MAX);
    size_t       most = (size_t)sim.plan.credit_bytes / (sizeof(uint32_t) * 12) * sim.plan.nodes + 2000;
    for (size_t i = 0; i < n && i < SIM_ACTORS_MAX; i++)
        SIM_CHECK(!runtime_get_actor_info(rt, ids[i], &info) || info.queued <= info.mailbox_size + most,
                  "%zu messages in a mailbox for %zu", info.queued, info.mailbox_size);
}

void sim_watch(void) {
    if (sim_now_us() < watched_us + WATCH_MS * 1000 && sim_now_us() >= watched_us) return;
    watched_us = sim_now_us();
    sim_names_watch();
    for (unsigned i = 0; i < sim.plan.nodes; i++) {
        if (sim.node[i].rt == NULL) continue;
        sim_enter(i);
        watch_queues(i);
        watch_mailboxes(i);
    }
}

/* ---- when all is well ------------------------------------------------------------------------------------------------------ */

static const char *not_linked(void) {
    static char why[100];
    node_info_t info;
    for (unsigned from = 0; from < sim.plan.nodes; from++)
        for (unsigned to = 0; to < sim.plan.nodes; to++) {
            if (from == to) continue;
            snprintf(why, sizeof why, "n%u is not linked with n%u", from + 1, to + 1);
            if (!sim_link_info(from, to, &info)) return why;
            snprintf(why, sizeof why, "n%u has not been told that it is linked with n%u", from + 1, to + 1);
            if (!sim.node[from].linked[to]) return why;
        }
    return NULL;
}

static const char *unsettled(void) {
    const char *why = not_linked();
    return why != NULL ? why : sim_names_disagree();
}

static void settle(void) {
    uint64_t until_us = sim_now_us() + 1000ull * (sim.plan.dead_ms + 2 * sim.plan.backoff_max_ms + SETTLE_MS);
    while (unsettled() != NULL) {
        SIM_CHECK(sim_now_us() < until_us, "all has been well for long, but %s", unsettled());
        sim_run_for(10);
    }
    sim_say("all are linked and agree");
}

/* A monitor or link that was asked for before its link to the other node came up must have been answered when that went down. */
static bool is_orphan(const sim_actor_t *me, const sim_actor_t *about, uint64_t since_us) {
    node_info_t info;
    if (!about->alive) return true;
    uint64_t now_ms = runtime_now_ms(sim.node[me->node].rt); /* first: what follows is as of then */
    if (about->node == me->node || !sim_link_info(me->node, about->node, &info)) return false;
    return since_us / 1000 < now_ms - info.up_ms;
}

static void check_owed(const sim_actor_t *me) {
    if (!me->alive) return;
    for (const sim_owed_t *owed = me->calls; owed != NULL; owed = owed->next)
        sim_fail("call %u of actor %u to actor %u was never answered", owed->number, me->uid, owed->about);
    for (const sim_owed_t *owed = me->requests; owed != NULL; owed = owed->next)
        sim_fail("request %u of actor %u to n%u was never answered", owed->number, me->uid,
                 sim_actor(owed->about)->node + 1);
    for (const sim_owed_t *owed = me->monitors; owed != NULL; owed = owed->next)
        SIM_CHECK(!is_orphan(me, sim_actor(owed->about), owed->since_us),
                  "monitor %u of actor %u never told of actor %u, which %s", owed->number, me->uid, owed->about,
                  sim_actor(owed->about)->alive ? "was out of reach" : "has ended");
}

static void check_mailboxes(void) {
    for (uint32_t uid = 1; uid <= sim_actors(); uid++) {
        const sim_actor_t *me = sim_actor(uid);
        actor_info_t       info;
        if (!me->alive || !runtime_get_actor_info(sim.node[me->node].rt, me->id, &info)) continue;
        SIM_CHECK(info.queued == 0, "actor %u has %zu messages waiting and no turn", uid, info.queued);
    }
}

void sim_calm(void) {
    sim_faults_end();
    sim_say("nothing goes wrong any more");
    sim_run_for(sim.plan.dead_ms + sim.plan.heartbeat_ms); /* a link that is only half there shows */
    if (sim.plan.secrets) sim_run_for(LOOK_MS);
    settle();
    sim_secrets_go_wrong();
    settle();
    sim.calm = true;
    uint64_t downs = sim.count.ups;
    sim_run_for(300);
    sim.still = true;
    sim_run_for(500); /* queues are empty by then */
    sim_keepers_greet();
    sim_run_for(STILL_MS);
    SIM_CHECK(sim_greetings_open() == 0, "%u calls between keepers are not answered", sim_greetings_open());
    SIM_CHECK(sim.count.ups == downs, "links broke in peace");
    SIM_CHECK(unsettled() == NULL, "all was well, and then %s", unsettled());
    for (uint32_t uid = 1; uid <= sim_actors(); uid++) check_owed(sim_actor(uid));
    sim_ledger_settled();
    sim_check_many();
    check_mailboxes();
}
