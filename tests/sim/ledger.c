/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.c -- what was sent, and whether what comes agrees with it.
 *
 * Every letter says from whom it is, to whom, by which link it was sent (its epoch) and which it is of its pair on that link. On one
 * link what arrives is a beginning of what was sent, without a hole; of two links the older one's comes first. So nothing can come
 * twice, out of order, from a former life or to a stranger without being seen here. Holes are forgiven where they are promised
 * to be possible: datagrams, and a receiver without memory. */
#include <string.h>

#include "node/link.h"
#include "runtime/remote.h"
#include "sim/sim.h"

enum { MAGIC = 0x4d4b5349, NOISE_PLACES = 4096 };

/* One direction between two actors. */
typedef struct flow {
    uint32_t epoch, index; /* sent: the last one's link, and how many on it     */
    uint32_t sent, got;    /* in all                                            */
    uint32_t got_epoch, got_index;
    uint32_t may_exit;     /* ends that `to` may hear of: one for each time that one of them linked */
    uint64_t must_exit_us; /* `to` has asked for it, then; 0: it did not        */
} flow_t;

/* A link as its sender sees it. */
typedef struct epoch {
    unsigned           from, to;
    const mk_remote_t *remote;
    uint64_t           since_ms;
    uint64_t           began_us;
    bool               datagrams;
} epoch_t;

enum { EPOCHS_MAX = 1 << 14 };

static flow_t  *flows; /* [from][to], by uid */
static epoch_t *epochs;
static uint32_t epochs_n;
static uint32_t last_epoch[SIM_NODES_MAX][SIM_NODES_MAX];
static uint8_t *seen; /* a bit for each serial */

/* What a letter's body is cut from, at a place that its serial gives. */
static uint8_t noise[SIM_LETTER_MAX + NOISE_PLACES];

static const uint8_t *body_of(uint32_t serial) { return noise + serial % NOISE_PLACES; }

static void make_noise(void) {
    for (size_t i = 0; i < sizeof noise; i++) noise[i] = (uint8_t)(i * 7 + (i >> 8) + 1);
}

void sim_ledger_begin(void) {
    flows = sim_alloc((size_t)SIM_ACTORS_MAX * SIM_ACTORS_MAX * sizeof *flows);
    epochs = sim_alloc(EPOCHS_MAX * sizeof *epochs);
    seen = sim_alloc(SIM_SERIALS / 8);
    memset(last_epoch, 0, sizeof last_epoch);
    epochs_n = 1; /* 0: within a node */
    if (noise[0] == 0) make_noise();
}

static flow_t *flow_of(const sim_actor_t *from, const sim_actor_t *to) {
    return &flows[from->uid * SIM_ACTORS_MAX + to->uid];
}

/* ---- sending --------------------------------------------------------------------------------------------------------------- */

/* Links are what a runtime knows of other nodes here, and nothing else. */
static const mk_link_t *link_of(const mk_remote_t *remote) { return (const mk_link_t *)(const void *)remote; }

static uint32_t epoch_of(unsigned from, unsigned to) {
    mk_link_stats_t    stats;
    uint32_t          *last = &last_epoch[from][to];
    const mk_remote_t *remote = mk_remote_find(sim.node[from].rt, to + 1);
    if (from == to) return 0;
    if (remote == NULL) return *last; /* what is sent is refused */
    mk_link_get_stats(link_of(remote), &stats);
    if (*last != 0 && epochs[*last].remote == remote && epochs[*last].since_ms == stats.up_since_ms) return *last;
    SIM_CHECK(epochs_n < EPOCHS_MAX, "%u links in one run", epochs_n);
    epochs[epochs_n] =
        (epoch_t){from, to, remote, stats.up_since_ms, sim_now_us(), mk_link_channel(link_of(remote))->datagrams};
    return *last = epochs_n++;
}

void sim_write(const sim_actor_t *from, const sim_actor_t *to, void *buf, size_t size) {
    sim_letter_t letter = {.magic = MAGIC, .from = from->uid, .to = SIM_ANYBODY, .size = (uint32_t)size};
    uint8_t     *bytes = buf;
    SIM_CHECK(sim.serial < SIM_SERIALS, "too many letters for one run");
    letter.serial = sim.serial++;
    if (to != NULL) {
        const flow_t *flow = flow_of(from, to);
        letter.to = to->uid;
        letter.epoch = epoch_of(from->node, to->node);
        letter.index = letter.epoch == flow->epoch ? flow->index : 0;
    }
    memcpy(bytes, &letter, sizeof letter);
    memcpy(bytes + sizeof letter, body_of(letter.serial), size - sizeof letter);
}

void sim_sent(const sim_actor_t *from, const sim_actor_t *to, const void *written) {
    const sim_letter_t *letter = written;
    sim.count.letters++;
    if (to == NULL) return;
    flow_t *flow = flow_of(from, to);
    flow->epoch = letter->epoch;
    flow->index = letter->index + 1;
    flow->sent++;
}

/* ---- receiving --------------------------------------------------------------------------------------------------------------- */

static const sim_letter_t *letter_of(const message_t *msg) {
    const sim_letter_t *letter = msg->payload;
    SIM_CHECK(msg->payload_size >= sizeof *letter && letter->magic == MAGIC,
              "%llu got no letter but %zu bytes of type %x", (unsigned long long)msg->dest, msg->payload_size,
              msg->type);
    SIM_CHECK(letter->size == msg->payload_size, "a letter of %u bytes has %zu", letter->size, msg->payload_size);
    SIM_CHECK(memcmp(letter + 1, body_of(letter->serial), letter->size - sizeof *letter) == 0, "letter %u has changed",
              letter->serial);
    return letter;
}

uint32_t sim_serial_of(const message_t *msg) { return letter_of(msg)->serial; }

static bool holes_may_be(uint32_t epoch) {
    if (epoch == 0) return false;
    if (sim.plan.role != NODE_ROLE_OPERATOR) return true; /* who was not shown yet is not sent to */
    return epochs[epoch].datagrams || sim.memory_failed_us >= epochs[epoch].began_us;
}

static void check_order(flow_t *flow, const sim_letter_t *letter) {
    bool     is_new = flow->got == 0 || letter->epoch != flow->got_epoch;
    uint32_t next = is_new ? 0 : flow->got_index + 1;
    SIM_CHECK(flow->got == 0 || letter->epoch >= flow->got_epoch,
              "letter %u of actor %u to %u came by link %u, after link %u", letter->serial, letter->from, letter->to,
              letter->epoch, flow->got_epoch);
    SIM_CHECK(letter->index >= next, "letter %u of actor %u to %u is number %u of link %u and came after number %u",
              letter->serial, letter->from, letter->to, letter->index, letter->epoch, flow->got_index);
    SIM_CHECK(letter->index == next || holes_may_be(letter->epoch),
              "letter %u of actor %u to %u is number %u of link %u, and number %u did not come", letter->serial,
              letter->from, letter->to, letter->index, letter->epoch, next);
    flow->got_epoch = letter->epoch;
    flow->got_index = letter->index;
    flow->got++;
}

void sim_got(const sim_actor_t *me, const message_t *msg) {
    const sim_letter_t *letter = letter_of(msg);
    const sim_actor_t  *from = sim_actor(letter->from);
    SIM_CHECK(msg->dest == me->id, "actor %u handles a message for %llx", me->uid, (unsigned long long)msg->dest);
    SIM_CHECK(from != NULL && from->id == msg->source, "letter %u of actor %u comes from %llx", letter->serial,
              letter->from, (unsigned long long)msg->source);
    SIM_CHECK(letter->to == me->uid || letter->to == SIM_ANYBODY, "letter %u for actor %u is given to actor %u",
              letter->serial, letter->to, me->uid);
    SIM_CHECK(!(seen[letter->serial / 8] >> letter->serial % 8 & 1), "letter %u comes twice", letter->serial);
    seen[letter->serial / 8] = (uint8_t)(seen[letter->serial / 8] | 1u << letter->serial % 8);
    if (letter->to == me->uid) check_order(flow_of(from, me), letter);
}

/* ---- links of actors ------------------------------------------------------------------------------------------------------------ */

void sim_linked_with(const sim_actor_t *me, const sim_actor_t *other) {
    flow_t *mine = flow_of(other, me);
    sim_say("actor %u links to actor %u", me->uid, other->uid);
    mine->may_exit++;
    flow_of(me, other)->may_exit++;
    if (mine->must_exit_us == 0 && me->traps) mine->must_exit_us = sim_now_us();
}

/* The other one may still hear of an end: the news of our change of mind may get lost. */
void sim_unlinked(const sim_actor_t *me, const sim_actor_t *other) {
    sim_say("actor %u unlinks actor %u", me->uid, other->uid);
    flow_of(other, me)->must_exit_us = flow_of(me, other)->must_exit_us = 0;
}

void sim_exit_may_have_come(const sim_actor_t *me, const sim_actor_t *from) { flow_of(from, me)->must_exit_us = 0; }

void sim_exit_came(const sim_actor_t *me, const sim_actor_t *from, uint8_t reason) {
    flow_t *flow = flow_of(from, me);
    sim_say("actor %u is told of the end of actor %u: %s", me->uid, from->uid, exit_reason_text(reason));
    SIM_CHECK(flow->may_exit != 0, "actor %u hears of the end of actor %u, to which it is not linked (any more)",
              me->uid, from->uid);
    SIM_CHECK(reason == EXIT_NODE_DOWN || !from->alive || sim_is_denied(me, from, reason),
              "actor %u is told that actor %u has ended (%s), and it lives", me->uid, from->uid,
              exit_reason_text(reason));
    flow->may_exit--;
    flow->must_exit_us = 0;
}

/* ---- in the end ------------------------------------------------------------------------------------------------------------------- */

static void check_settled(const sim_actor_t *from, const sim_actor_t *to) {
    const flow_t *flow = flow_of(from, to);
    if (!to->alive) return;
    SIM_CHECK(from->alive || flow->must_exit_us == 0,
              "actor %u was never told that actor %u has ended, to which it is linked", to->uid, from->uid);
    if (flow->sent == 0 || !from->alive || flow->epoch != epoch_of(from->node, to->node) || holes_may_be(flow->epoch))
        return;
    uint32_t got = flow->got != 0 && flow->got_epoch == flow->epoch ? flow->got_index + 1 : 0;
    SIM_CHECK(got == flow->index, "%u letters of actor %u to %u were accepted by link %u, which stands, and %u came",
              flow->index, from->uid, to->uid, flow->epoch, got);
}

/* What was accepted, and is neither delivered nor refused because its receiver had ended, was lost with a link: that is counted. */
static void check_lost(unsigned from, unsigned to) {
    node_info_t info;
    uint64_t    missing = 0;
    for (uint32_t a = 1; a <= sim_actors(); a++)
        for (uint32_t b = 1; b <= sim_actors(); b++) {
            const flow_t *flow = flow_of(sim_actor(a), sim_actor(b));
            if (sim_actor(a)->node == from && sim_actor(a)->lost_us == 0 && sim_actor(b)->node == to &&
                sim_actor(b)->alive)
                missing += flow->sent - flow->got;
        }
    if (!sim_link_info(from, to, &info)) return;
    SIM_CHECK(missing <= info.lost, "%llu letters of n%u to n%u are missing, and %llu were counted as lost",
              (unsigned long long)missing, from + 1, to + 1, (unsigned long long)info.lost);
}

void sim_ledger_settled(void) {
    for (unsigned from = 0; from < sim.plan.nodes; from++)
        for (unsigned to = 0; to < sim.plan.nodes; to++)
            if (from != to && sim.memory_failed_us == 0 && sim.plan.role == NODE_ROLE_OPERATOR) check_lost(from, to);
    for (uint32_t from = 1; from <= sim_actors(); from++)
        for (uint32_t to = 1; to <= sim_actors(); to++)
            if (from != to) check_settled(sim_actor(from), sim_actor(to));
}
