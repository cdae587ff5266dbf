/* SPDX-License-Identifier: Apache-2.0 */
/* names.c -- who carries which of the names that several nodes want, and what each node believes. */
#include <stdio.h>
#include <string.h>

#include "port/port.h"
#include "sim/sim.h"

/* When an actor registered a name: the older registration wins, then the lower node. A name that was given up and taken again may
 * win by its earlier registration, if the news of that comes late. */
typedef struct claim {
    uint64_t last_ms, first_ms; /* by the wall clock of its node; 0: never */
} claim_t;

static claim_t claims[SIM_NAMES][SIM_ACTORS_MAX];

static unsigned many_life[SIM_NODES_MAX]; /* to which many[] belongs */

void sim_names_begin(void) {
    memset(claims, 0, sizeof claims);
    memset(many_life, 0, sizeof many_life);
}

const char *sim_name(unsigned name) {
    static const char *const text[SIM_NAMES] = {"lamp", "door", "cellar/pump", "cellar/light", "a/b/c/d", "x"};
    return text[name];
}

void sim_name_taken(sim_actor_t *who, unsigned name) {
    who->name[name] = true;
    claim_t *claim = &claims[name][who->uid];
    claim->last_ms = mk_port_wall_ms();
    /* Of one who is about to end a name is taken over, with the time from which on it is this node's. */
    for (uint32_t uid = 1; uid <= sim_actors(); uid++) {
        const sim_actor_t *before = sim_actor(uid);
        if (before == who || before->node != who->node || !before->name[name]) continue;
        if (claim->first_ms == 0 || claims[name][uid].first_ms < claim->first_ms)
            claim->first_ms = claims[name][uid].first_ms;
    }
    if (claim->first_ms == 0 || claim->first_ms > claim->last_ms) claim->first_ms = claim->last_ms;
    sim_note((uint64_t)name << 32 | who->uid);
    sim_say("actor %u of n%u takes %s", who->uid, who->node + 1, sim_name(name));
}

void sim_name_given(sim_actor_t *who, unsigned name) {
    who->name[name] = false;
    sim_say("actor %u of n%u gives up %s", who->uid, who->node + 1, sim_name(name));
}

static bool may_win(const sim_actor_t *winner, const sim_actor_t *loser, unsigned name) {
    uint64_t of_winner = claims[name][winner->uid].first_ms, of_loser = claims[name][loser->uid].last_ms;
    return of_winner != of_loser ? of_winner < of_loser : winner->node < loser->node;
}

void sim_name_lost(sim_actor_t *who, const message_t *msg) {
    const name_conflict_payload_t *conflict = msg->payload;
    const char                    *text = (const char *)(conflict + 1);
    unsigned                       name = 0;
    SIM_CHECK(msg->payload_size == sizeof *conflict + conflict->name_size, "a conflict of the wrong size");
    while (name < SIM_NAMES &&
           (strlen(sim_name(name)) != conflict->name_size || memcmp(sim_name(name), text, conflict->name_size) != 0))
        name++;
    SIM_CHECK(name < SIM_NAMES, "a conflict about %.*s", (int)conflict->name_size, text);
    sim.count.conflicts++;
    sim_say("actor %u of n%u has lost %s to %llx", who->uid, who->node + 1, sim_name(name),
            (unsigned long long)conflict->winner);
    if (!who->name[name]) return; /* given up before it heard of it */
    who->name[name] = false;
    if (sim_is_foreign(conflict->winner)) return;
    const sim_actor_t *winner = sim_actor_of(conflict->winner);
    SIM_CHECK(winner != NULL, "actor %u loses %s to %llx, who never was", who->uid, sim_name(name),
              (unsigned long long)conflict->winner);
    SIM_CHECK(winner->node != who->node, "actor %u loses %s to its neighbour %u", who->uid, sim_name(name),
              winner->uid);
    SIM_CHECK(claims[name][winner->uid].first_ms != 0, "actor %u loses %s to actor %u, who never had it", who->uid,
              sim_name(name), winner->uid);
    SIM_CHECK(may_win(winner, who, name), "actor %u loses %s to actor %u, whose claim is younger", who->uid,
              sim_name(name), winner->uid);
}

/* ---- names of one node alone ------------------------------------------------------------------------------------------------- */

/* Whether the node's present life has taken it. */
static bool many[SIM_NODES_MAX][SIM_MANY_MAX];

static void many_text(char text[40], unsigned node, unsigned i) {
    snprintf(text, 40, "many/%s/%u", sim_identity(node), i);
}

static void flip(runtime_t *rt, const sim_actor_t *keeper, unsigned i) {
    char  text[40];
    bool *has = &many[keeper->node][i];
    many_text(text, keeper->node, i);
    if (*has) {
        SIM_CHECK(actor_unregister_name(rt, text), "n%u cannot give up %s", keeper->node + 1, text);
        *has = false;
        return;
    }
    mk_err_t err = actor_try_register_name(rt, text, keeper->id);
    SIM_CHECK(err == MK_OK || (err == MK_ERR_NOMEM && sim.memory_failed_us != 0), "n%u cannot take %s: %s",
              keeper->node + 1, text, mk_err_text(err));
    *has = err == MK_OK;
}

/* Most at once, when its life begins. */
void sim_names_churn(runtime_t *rt, const sim_actor_t *keeper) {
    unsigned node = keeper->node, times = sim_below(60);
    if (many_life[node] != keeper->life) {
        memset(many[node], 0, sizeof many[node]);
        many_life[node] = keeper->life;
        for (unsigned i = 0; i < sim.plan.many; i++)
            if (sim_chance(800)) flip(rt, keeper, i);
    }
    for (; times != 0; times--) flip(rt, keeper, sim_below(sim.plan.many));
}

/* ---- what nodes believe ---------------------------------------------------------------------------------------------------- */

static actor_id_t look_up(unsigned node, const char *name) {
    sim_enter(node);
    return actor_lookup(sim.node[node].rt, name);
}

/* What was under way, the silence, and the second that a link gets to end in order, which may begin when its peer is dead. */
static uint64_t patience_us(void) { return ((uint64_t)sim.plan.dead_ms + sim.plan.heartbeat_ms + 1800) * 1000; }

void sim_names_watch(void) {
    for (unsigned node = 0; node < sim.plan.nodes; node++) {
        if (!sim_is_up(node)) continue;
        for (unsigned name = 0; name < SIM_NAMES; name++) {
            actor_id_t id = look_up(node, sim_name(name));
            if (id == ACTOR_ID_INVALID || sim_is_foreign(id)) continue;
            const sim_actor_t *who = sim_actor_of(id);
            SIM_CHECK(who != NULL, "n%u believes that %s is %llx, who never was", node + 1, sim_name(name),
                      (unsigned long long)id);
            SIM_CHECK(claims[name][who->uid].first_ms != 0, "n%u believes that %s is actor %u, who never had it",
                      node + 1, sim_name(name), who->uid);
            uint64_t since_us = who->lost_us > sim.node[node].resumed_us ? who->lost_us : sim.node[node].resumed_us;
            SIM_CHECK(who->lost_us == 0 || sim_now_us() < since_us + patience_us(),
                      "n%u believes that %s is actor %u, which is long dead", node + 1, sim_name(name), who->uid);
        }
    }
}

static const sim_actor_t *owner_of(unsigned name, unsigned *n) {
    const sim_actor_t *owner = NULL;
    *n = 0;
    for (uint32_t uid = 1; uid <= sim_actors(); uid++) {
        if (!sim_actor(uid)->name[name]) continue;
        owner = sim_actor(uid);
        ++*n;
    }
    return owner;
}

static const char *keeper_unknown(unsigned node) {
    static char why[160];
    for (unsigned other = 0; other < sim.plan.nodes; other++) {
        char flat[32], path[64];
        snprintf(flat, sizeof flat, "keeper/%s", sim_identity(other));
        snprintf(path, sizeof path, "/node/%s/%s", sim_identity(other), flat);
        actor_id_t right = sim_actor(sim.node[other].keeper)->id;
        snprintf(why, sizeof why, "n%u believes that %s is %llx, and %s %llx; it is %llx", node + 1, flat,
                 (unsigned long long)look_up(node, flat), path, (unsigned long long)look_up(node, path),
                 (unsigned long long)right);
        if (look_up(node, flat) != right || look_up(node, path) != right) return why;
    }
    return NULL;
}

const char *sim_names_disagree(void) {
    static char why[160];
    for (unsigned name = 0; name < SIM_NAMES; name++) {
        unsigned           n;
        const sim_actor_t *owner = owner_of(name, &n);
        snprintf(why, sizeof why, "%u actors carry %s", n, sim_name(name));
        if (n > 1) return why;
        for (unsigned node = 0; node < sim.plan.nodes; node++) {
            actor_id_t id = look_up(node, sim_name(name)), right = owner != NULL ? owner->id : ACTOR_ID_INVALID;
            snprintf(why, sizeof why, "n%u believes that %s is %llx; it is %llx", node + 1, sim_name(name),
                     (unsigned long long)id, (unsigned long long)right);
            if (id != right) return why;
        }
    }
    for (unsigned node = 0; node < sim.plan.nodes; node++)
        if (keeper_unknown(node) != NULL) return keeper_unknown(node);
    return NULL;
}

void sim_check_many(void) {
    for (unsigned node = 0; node < sim.plan.nodes; node++)
        for (unsigned of = 0; of < sim.plan.nodes; of++)
            for (unsigned i = 0; i < sim.plan.many; i++) {
                char text[40];
                many_text(text, of, i);
                actor_id_t id = look_up(node, text),
                           right = many[of][i] ? sim_actor(sim.node[of].keeper)->id : ACTOR_ID_INVALID;
                SIM_CHECK(id == right, "n%u believes that %s is %llx; it is %llx", node + 1, text,
                          (unsigned long long)id, (unsigned long long)right);
            }
}
