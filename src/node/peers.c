/* SPDX-License-Identifier: Apache-2.0 */
/* peers.c -- who comes in. A link's other end has said who it is: is it one that may, and is there one like it already?
 *
 * One node, one link. Two nodes that call each other at the same time have two connections for a moment; exactly one stays,
 * without a word between them beyond the refusal:
 *   - of two that the same side has made it is the later one, if the earlier does not answer any more (it would not have called
 *     again if it still had it);
 *   - else the node with the lower number decides. It keeps what it has welcomed first and refuses the other; the node with the
 *     higher number parks what comes second until the first is refused, or has failed;
 *   - a link that stands is not given up for another that works as well: it is asked for a sign of life first.
 * The same question is put to a link that stands when a newcomer has its number or its name, but is another life or another node:
 * if it answers, the newcomer is refused. So nobody is pushed out by someone who only says so, and who has died is not waited for. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "node/cluster_parts.h"

enum {
    PROBE_LEAST_MS = 200,
    PROBE_MOST_MS = 8000, /* who waits for the answer has to be welcomed in time: MK_HELLO_MS */
    PROBE_GRACE_MS = 100, /* the link's own answer comes first                              */
    RETRY_MS = 10,        /* without memory                                               */
    OLD_MS = 10000,       /* an earlier life of a node is refused for so long after a later one was seen */
};

#define FEATURES \
    (MK_WIRE_FEATURE_FRAGMENTS | MK_WIRE_FEATURE_SIGNALS | MK_WIRE_FEATURE_NAMES | MK_WIRE_FEATURE_REQUESTS)

static uint64_t now_ms(const mk_cluster_t *cluster) { return cluster->loop->now_us / 1000; }

static const char *where_of(const mk_peer_t *peer) { return mk_link_channel(peer->link)->where; }

/* It holds the place of its node: nobody else can have it. */
static bool is_admitted(const mk_peer_t *peer) { return peer->ns != NULL; }

/* ---- finding ---------------------------------------------------------------------------------------------------------------- */

mk_peer_t *mk_peer_by_node(const mk_cluster_t *cluster, node_id_t node_id) {
    for (mk_node_t *node = cluster->peers; node != NULL; node = node->next) {
        mk_peer_t *peer = mk_container_of(node, mk_peer_t, all);
        if (peer->state == MK_PEER_UP && peer->node == node_id) return peer;
    }
    return NULL;
}

mk_peer_t *mk_peer_by_identity(const mk_cluster_t *cluster, const char *identity) {
    for (mk_node_t *node = cluster->peers; node != NULL; node = node->next) {
        mk_peer_t *peer = mk_container_of(node, mk_peer_t, all);
        if (peer->state == MK_PEER_UP && strcmp(peer->identity, identity) == 0) return peer;
    }
    return NULL;
}

/* ---- the end of a link ---------------------------------------------------------------------------------------------------------- */

/* Who waits for a place may have it now, or has to find out. Later: this may be the inside of a decision about another. */
static void unpark(mk_cluster_t *cluster) {
    for (mk_node_t *node = cluster->peers; node != NULL; node = node->next) {
        mk_peer_t *peer = mk_container_of(node, mk_peer_t, all);
        if (peer->state == MK_PEER_PARKED) mk_wheel_arm(&cluster->loop->wheel, &peer->parked, now_ms(cluster));
    }
}

static void remember(const mk_peer_t *peer) {
    mk_link_stats_t stats;
    mk_life_t       life = {.node = peer->node, .incarnation = peer->incarnation, .seen_ms = now_ms(peer->cluster)};
    mk_link_get_stats(peer->link, &stats);
    life.lost = stats.lost + stats.missed;
    memcpy(life.identity, peer->identity, sizeof life.identity);
    mk_lives_note(&peer->cluster->lives, &life);
}

static void leave_cluster(mk_peer_t *peer) {
    mk_cluster_t *cluster = peer->cluster;
    mk_sync_down(peer);
    mk_requests_down(peer);
    if (is_admitted(peer)) {
        mk_ns_peer_remove(cluster->ns, peer->ns);
        cluster->admitted--;
    }
    mk_list_remove(&peer->all);
    mk_wheel_cancel(&cluster->loop->wheel, &peer->parked);
    mk_wheel_cancel(&cluster->loop->wheel, &peer->retry);
}

static void say_end(const mk_peer_t *peer, bool was_up, const char *why) {
    mk_cluster_t *cluster = peer->cluster;
    if (was_up)
        actor_log(cluster->rt, MK_LOG_INFO, "node: the link with %s (node %u) has ended: %s", peer->identity,
                  (unsigned)peer->node, why);
    else if (!peer->dialled && peer->state == MK_PEER_NEW)
        mk_cluster_grumble(cluster, "node: a caller at %s did not come in: %s", where_of(peer), why);
}

/* What people should think of first when nobody has said hello. */
static const char *hint(const mk_peer_t *peer, mk_err_t err) {
    bool encrypted = mk_link_channel(peer->link)->encrypted;
    if (peer->state != MK_PEER_NEW) return "";
    if (encrypted && err == MK_ERR_PROTO) return " (has it the same secret?)";
    return !encrypted && peer->dialled && err == MK_ERR_CLOSED ? " (does it ask for a secret?)" : "";
}

static void end(mk_peer_t *peer, mk_wire_reason_t reason, mk_err_t err, const char *why) {
    mk_cluster_t *cluster = peer->cluster;
    mk_call_t    *call = peer->call;
    node_id_t     node = peer->node;
    char          text[MK_WHY_BYTES];
    uint64_t      serial = peer->serial;
    bool          was_up = serial != 0;
    uint64_t      stood_ms = was_up ? now_ms(cluster) - peer->up_ms : 0;
    snprintf(text, sizeof text, "%.150s%s", why, hint(peer, err)); /* `why` may be the link's */
    say_end(peer, was_up, text);
    if (was_up) remember(peer);
    mk_link_destroy(peer->link);
    leave_cluster(peer);
    mk_free(peer);
    unpark(cluster);
    if (was_up) mk_watchers_down(cluster, serial, text);
    if (call != NULL) mk_call_failed(call, was_up, stood_ms, reason, err, text);
    if (was_up) mk_calls_node_gone(cluster, node);
}

void mk_peer_drop(mk_peer_t *peer, const char *why) { end(peer, 0, MK_ERR_CLOSED, why); }

void mk_peer_finish(mk_peer_t *peer) {
    peer->state = MK_PEER_LEAVING;
    if (is_admitted(
            peer)) { /* it keeps its place until the link has ended, which may take a second; its names go now */
        mk_ns_peer_sync_begin(peer->ns);
        mk_ns_peer_sync_end(peer->cluster->ns, peer->ns);
    }
    mk_link_finish(peer->link, MK_WIRE_REASON_STOPPING);
}

/* ---- may it come in? ---------------------------------------------------------------------------------------------------------- */

static void refuse(mk_peer_t *peer, mk_wire_reason_t reason, const char *text) {
    if (!peer->dialled && reason != MK_WIRE_REASON_DOUBLE)
        mk_cluster_grumble(peer->cluster, "node: %s (node %u) at %s is refused: %s", peer->identity,
                           (unsigned)peer->node, where_of(peer), text);
    peer->state = MK_PEER_LEAVING;
    mk_wheel_cancel(&peer->cluster->loop->wheel, &peer->parked);
    mk_link_refuse(peer->link, reason, text);
}

/* A node that the program itself has named by its number (microkernel/transport.h) may send to any actor if it may send at all:
 * such programs know each other's actors by number. */
static uint32_t may_of(const mk_peer_t *peer) {
    uint32_t may = mk_link_channel(peer->link)->may;
    return peer->wanted != 0 && (may & MK_MAY_SEND) != 0 ? may | MK_MAY_SEND_ANY : may;
}

static void admit(mk_peer_t *peer) {
    mk_cluster_t *cluster = peer->cluster;
    if (cluster->admitted >= cluster->peers_max) {
        refuse(peer, MK_WIRE_REASON_FULL, "too many nodes are linked here");
        return;
    }
    if (mk_ns_peer_add(cluster->ns, peer->node, peer->identity, &peer->ns) != MK_OK) {
        peer->ns = NULL;
        refuse(peer, MK_WIRE_REASON_FULL, "out of memory");
        return;
    }
    cluster->admitted++;
    peer->state = MK_PEER_ADMITTED;
    mk_wheel_cancel(&cluster->loop->wheel, &peer->parked);
    mk_link_welcome(peer->link, may_of(peer));
}

typedef enum verdict { VERDICT_REFUSE, VERDICT_REPLACE, VERDICT_ASK, VERDICT_WAIT } verdict_t;

/* What becomes of a newcomer when `old` has its place. */
static verdict_t weigh(const mk_peer_t *peer, const mk_peer_t *old) {
    if (old->state == MK_PEER_LEAVING) return VERDICT_WAIT;
    bool same = old->node == peer->node && strcmp(old->identity, peer->identity) == 0;
    if (!same || old->incarnation != peer->incarnation) return VERDICT_ASK;
    if (old->dialled == peer->dialled && (int32_t)(peer->generation - old->generation) <= 0) return VERDICT_REFUSE;
    if (old->state == MK_PEER_UP) return VERDICT_ASK;
    if (old->dialled == peer->dialled) return VERDICT_REPLACE;
    return peer->cluster->node < peer->node ? VERDICT_REFUSE : VERDICT_WAIT;
}

static void refuse_for(mk_peer_t *peer, const mk_peer_t *old) {
    if (old->node == peer->node && old->incarnation == peer->incarnation)
        refuse(peer, MK_WIRE_REASON_DOUBLE, "this pair of nodes has a link");
    else if (old->node == peer->node)
        refuse(peer, MK_WIRE_REASON_TAKEN, "a node with this number is linked, and it answers");
    else refuse(peer, MK_WIRE_REASON_TAKEN, "a node with this name is linked, and it answers");
}

/* How long a link may take to show that it lives: a heartbeat, or what its way there and back takes. */
static uint32_t probe_ms(const mk_peer_t *old) {
    mk_link_stats_t stats;
    uint32_t        ms = old->cluster->limits.heartbeat_ms;
    mk_link_get_stats(old->link, &stats);
    if (ms < PROBE_LEAST_MS) ms = PROBE_LEAST_MS;
    if (ms > PROBE_MOST_MS / 2) ms = PROBE_MOST_MS / 2;
    if (ms < 3 * (stats.rtt_us / 1000)) ms = 3 * (stats.rtt_us / 1000);
    return ms < PROBE_MOST_MS ? ms : PROBE_MOST_MS;
}

static void park(mk_peer_t *peer, uint32_t within_ms) {
    mk_loop_t *loop = peer->cluster->loop;
    if (peer->state != MK_PEER_PARKED) peer->parked_until_ms = mk_loop_after_ms(loop, within_ms + PROBE_GRACE_MS);
    peer->state = MK_PEER_PARKED;
    mk_wheel_arm(&loop->wheel, &peer->parked, peer->parked_until_ms);
}

static mk_peer_t *find_rival(const mk_peer_t *peer, mk_node_t *from) {
    for (mk_node_t *node = from; node != NULL; node = node->next) {
        mk_peer_t *old = mk_container_of(node, mk_peer_t, all);
        if (old == peer || !is_admitted(old)) continue;
        if (old->node == peer->node || strcmp(old->identity, peer->identity) == 0) return old;
    }
    return NULL;
}

/* There may be two: one has its number, another its name. */
static void decide(mk_peer_t *peer, bool at_last) {
    uint32_t within_ms = 0; /* 0: nobody is in its way */
    for (mk_peer_t *old = find_rival(peer, peer->cluster->peers), *next; old != NULL; old = next) {
        verdict_t verdict = weigh(peer, old);
        next = find_rival(peer, old->all.next);
        if (verdict == VERDICT_REFUSE || (at_last && verdict != VERDICT_REPLACE)) {
            refuse_for(peer, old);
            return;
        }
        if (verdict == VERDICT_REPLACE) {
            mk_peer_drop(old, "it was replaced by a newer connection");
            continue;
        }
        if (within_ms < probe_ms(old)) within_ms = probe_ms(old);
        if (verdict == VERDICT_ASK && peer->state != MK_PEER_PARKED) mk_link_probe(old->link, probe_ms(old));
    }
    if (within_ms != 0) park(peer, within_ms);
    else admit(peer);
}

static void on_parked(mk_wheel_t *wheel, mk_timer_t *timer) {
    mk_peer_t *peer = mk_container_of(timer, mk_peer_t, parked);
    (void)wheel;
    decide(peer, now_ms(peer->cluster) >= peer->parked_until_ms);
}

/* NULL: nothing is wrong with it. */
static const char *find_fault(const mk_peer_t *peer, mk_wire_reason_t *reason) {
    const mk_cluster_t    *cluster = peer->cluster;
    const mk_wire_hello_t *hello = mk_link_hello(peer->link);
    const mk_channel_t    *channel = mk_link_channel(peer->link);
    const mk_life_t       *life = mk_lives_find(&cluster->lives, peer->node, peer->identity);
    *reason = MK_WIRE_REASON_VERSION;
    if (hello->version_min > MK_WIRE_VERSION || hello->version_max < MK_WIRE_VERSION) return "no version in common";
    *reason = MK_WIRE_REASON_SELF;
    if (peer->node == cluster->node && peer->incarnation == cluster->incarnation) return "this is the node itself";
    *reason = MK_WIRE_REASON_TAKEN;
    if (peer->node == cluster->node) return "this node has the same number";
    if (strcmp(peer->identity, cluster->identity) == 0) return "this node has the same name";
    *reason = MK_WIRE_REASON_STRANGER;
    if (peer->node == 0 || !mk_ns_is_identity(peer->identity)) return "nobody can be called so";
    if (hello->peer != 0 && hello->peer != cluster->node) return "another node was asked for";
    if (peer->wanted != 0 && peer->wanted != peer->node) return "another node is awaited here";
    if (channel->proved[0] != '\0' && strcmp(channel->proved, peer->identity) != 0)
        return "the certificate is another node's";
    if (channel->may == 0) return "no role";
    *reason = MK_WIRE_REASON_OLD;
    if (life != NULL && mk_incarnation_is_older(peer->incarnation, life->incarnation) &&
        now_ms(cluster) - life->seen_ms < OLD_MS)
        return "a later life of this node was here just now";
    return NULL;
}

/* ---- what links say ---------------------------------------------------------------------------------------------------------------- */

static void on_greeted(mk_link_t *link) {
    mk_peer_t             *peer = mk_link_owner(link);
    const mk_wire_hello_t *hello = mk_link_hello(link);
    mk_wire_reason_t       reason;
    peer->node = hello->node;
    peer->incarnation = hello->incarnation;
    if (!peer->dialled) peer->generation = hello->generation;
    memcpy(peer->identity, hello->identity, sizeof peer->identity);
    if (peer->call != NULL) peer->call->node = peer->wanted != 0 ? peer->wanted : peer->node;
    const char *fault = find_fault(peer, &reason);
    if (fault != NULL) refuse(peer, reason, fault);
    else decide(peer, false);
}

static void on_up(mk_link_t *link) {
    mk_peer_t    *peer = mk_link_owner(link);
    mk_cluster_t *cluster = peer->cluster;
    uint32_t      may = mk_link_channel(link)->may;
    peer->serial = ++cluster->serial;
    peer->up_ms = now_ms(cluster);
    peer->state = MK_PEER_UP;
    actor_log(cluster->rt, MK_LOG_INFO, "node: linked with %s (node %u) at %s, %s, %s", peer->identity,
              (unsigned)peer->node, where_of(peer), node_role_text(mk_role_of(may)),
              mk_link_channel(link)->encrypted ? "encrypted" : "in the clear");
    mk_sync_up(peer);
    mk_watchers_up(cluster, peer);
    if (peer->call != NULL) mk_call_up(peer->call);
    mk_calls_node_up(cluster, peer);
}

static mk_err_t on_frame(mk_link_t *link, const mk_wire_frame_t *frame) {
    mk_peer_t *peer = mk_link_owner(link);
    if (frame->kind == MK_WIRE_REQUEST || frame->kind == MK_WIRE_ANSWER) return mk_requests_frame(peer, frame);
    return mk_sync_frame(peer, frame);
}

static void go_on(mk_peer_t *peer) {
    mk_requests_drained(peer); /* somebody waits for these */
    mk_sync_drained(peer);
}

static void on_drained(mk_link_t *link) { go_on(mk_link_owner(link)); }

static void on_retry(mk_wheel_t *wheel, mk_timer_t *timer) {
    (void)wheel;
    go_on(mk_container_of(timer, mk_peer_t, retry));
}

mk_err_t mk_peer_say(mk_peer_t *peer, const uint8_t *frame, size_t size) {
    mk_loop_t *loop = peer->cluster->loop;
    mk_err_t   err = mk_link_control(peer->link, frame, size);
    if (err == MK_ERR_NOMEM) mk_wheel_arm(&loop->wheel, &peer->retry, mk_loop_after_ms(loop, RETRY_MS));
    return err;
}

static void on_down(mk_link_t *link, mk_err_t err, const char *why) {
    end(mk_link_owner(link), mk_link_reason(link), err, why);
}

static const mk_link_ops_t link_ops = {on_greeted, on_up, on_frame, on_drained, on_down};

/* ---- beginning ------------------------------------------------------------------------------------------------------------------------ */

/* Who has said nothing for longest makes room: a flood of callers cannot keep others out by being silent. */
static void make_room(mk_cluster_t *cluster) {
    mk_peer_t *oldest = NULL;
    unsigned   n = 0;
    for (mk_node_t *node = cluster->peers; node != NULL; node = node->next) {
        mk_peer_t *peer = mk_container_of(node, mk_peer_t, all);
        if (peer->dialled || is_admitted(peer)) continue;
        oldest = peer;
        n++;
    }
    if (n >= MK_NEWCOMERS_MAX) mk_peer_drop(oldest, "too many callers who do not say who they are");
}

static mk_wire_hello_t our_hello(mk_cluster_t *cluster, const mk_peer_t *peer) {
    const mk_link_limits_t *limits = &cluster->limits;
    mk_wire_hello_t         hello = {.version_min = MK_WIRE_VERSION,
                                     .version_max = MK_WIRE_VERSION,
                                     .node = cluster->node,
                                     .peer = peer->wanted,
                                     .incarnation = cluster->incarnation,
                                     .generation = peer->generation,
                                     .features = FEATURES,
                                     .credit = limits->credit_bytes,
                                     .message_max = limits->message_max,
                                     .heartbeat_ms = limits->heartbeat_ms};
    memcpy(hello.identity, cluster->identity, sizeof hello.identity);
    return hello;
}

mk_err_t mk_peer_create(mk_cluster_t *cluster, mk_channel_t *channel, node_id_t wanted, mk_call_t *call,
                        mk_peer_t **out) {
    if (!channel->dialled) make_room(cluster);
    mk_peer_t *peer = mk_calloc(1, sizeof *peer);
    if (peer == NULL) {
        channel->ops->close(channel, false);
        return MK_ERR_NOMEM;
    }
    peer->cluster = cluster;
    peer->call = call;
    peer->wanted = wanted;
    peer->dialled = channel->dialled;
    peer->parked.fn = on_parked;
    peer->retry.fn = on_retry;
    /* 0 is for who was called. */
    if (peer->dialled && (peer->generation = ++cluster->generation) == 0) peer->generation = ++cluster->generation;
    mk_wire_hello_t hello = our_hello(cluster, peer);
    mk_err_t        err = mk_link_create(cluster->rt, channel, &link_ops, peer, &cluster->limits, &hello, &peer->link);
    if (err != MK_OK) {
        mk_free(peer);
        return err;
    }
    mk_list_push(&cluster->peers, &peer->all);
    *out = peer;
    return MK_OK;
}

mk_err_t mk_cluster_take(mk_cluster_t *cluster, mk_channel_t *channel, node_id_t wanted) {
    mk_peer_t *peer;
    return mk_peer_create(cluster, channel, wanted, NULL, &peer);
}
