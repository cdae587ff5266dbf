/* SPDX-License-Identifier: Apache-2.0 */
/* report.c -- what there is to say about the nodes that are linked, and about those that should be. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "node/cluster_parts.h"

_Static_assert(sizeof((node_target_t *)NULL)->where == MK_WHERE_TEXT_BYTES, "copied whole");
_Static_assert(sizeof((node_target_t *)NULL)->why == MK_WHY_BYTES, "copied whole");

node_role_t mk_role_of(uint32_t may) {
    static const node_role_t roles[] = {NODE_ROLE_OPERATOR, NODE_ROLE_MEMBER, NODE_ROLE_OBSERVER};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if ((may & mk_role_may(roles[i])) == mk_role_may(roles[i])) return roles[i];
    return NODE_ROLE_NONE;
}

static void fill_in(const mk_peer_t *peer, node_info_t *out) {
    const mk_cluster_t *cluster = peer->cluster;
    const mk_channel_t *channel = mk_link_channel(peer->link);
    const mk_life_t    *life = mk_lives_find(&cluster->lives, peer->node, peer->identity);
    mk_link_stats_t     stats;
    mk_link_get_stats(peer->link, &stats);
    *out = (node_info_t){.node = peer->node,
                         .incarnation = peer->incarnation,
                         .role = mk_role_of(channel->may),
                         .encrypted = channel->encrypted,
                         .up_ms = cluster->loop->now_us / 1000 - peer->up_ms,
                         .rtt_us = stats.rtt_us,
                         .sent = stats.sent,
                         .received = stats.received,
                         .refused = stats.refused,
                         .lost = stats.lost + stats.missed + (life != NULL ? life->lost : 0),
                         .queued_bytes = stats.queued_bytes,
                         .names = mk_ns_peer_names(peer->ns)};
    memcpy(out->identity, peer->identity, sizeof out->identity);
    memcpy(out->where, channel->where, sizeof out->where);
}

size_t node_list(runtime_t *rt, node_info_t *buf, size_t max) {
    mk_cluster_t *cluster = mk_cluster_find(rt);
    size_t        n = 0;
    if (cluster == NULL) return 0;
    for (mk_node_t *node = cluster->peers; node != NULL; node = node->next) {
        mk_peer_t *peer = mk_container_of(node, mk_peer_t, all);
        if (peer->state != MK_PEER_UP) continue;
        if (n < max) fill_in(peer, &buf[n]);
        n++;
    }
    return n;
}

/* A call that waits because its node is linked by another one is as good as linked. */
static void fill_in_target(const mk_call_t *call, node_target_t *out) {
    const mk_cluster_t *cluster = call->cluster;
    uint64_t            now_ms = cluster->loop->now_us / 1000;
    bool                waits = call->state == MK_CALL_WAITS;
    const mk_peer_t    *peer = call->node != 0 ? mk_peer_by_node(cluster, call->node) : NULL;
    *out = (node_target_t){.state = waits ? NODE_TARGET_WAITING : NODE_TARGET_CONNECTING};
    memcpy(out->where, call->text, sizeof out->where);
    memcpy(out->identity, call->identity, sizeof out->identity);
    if (peer != NULL) {
        out->state = NODE_TARGET_LINKED;
        memcpy(out->identity, peer->identity, sizeof out->identity);
        return;
    }
    if (waits && call->timer.due_ms > now_ms) out->wait_ms = (uint32_t)(call->timer.due_ms - now_ms);
    if (call->why[0] == '\0') return;
    out->error = call->err;
    out->hopeless = call->hopeless;
    memcpy(out->why, call->why, sizeof out->why);
}

size_t node_target_list(runtime_t *rt, node_target_t *buf, size_t max) {
    mk_cluster_t *cluster = mk_cluster_find(rt);
    size_t        n = 0;
    if (cluster == NULL) return 0;
    for (mk_node_t *node = cluster->calls; node != NULL; node = node->next, n++)
        if (n < max) fill_in_target(mk_container_of(node, mk_call_t, all), &buf[n]);
    return n;
}

static const char *word_for_keys(const mk_cluster_t *cluster) { return cluster->keys != NULL ? "yes" : "no"; }

static void add_caps(runtime_t *rt, void *arg, mk_buffer_t *out) {
    const mk_cluster_t *cluster = mk_cluster_find(rt);
    (void)arg;
    if (cluster == NULL) return; /* its start had failed */
    mk_buffer_printf(out, "incarnation=%llu\n", (unsigned long long)cluster->incarnation);
    mk_buffer_printf(out, "keys=%s\n", word_for_keys(cluster));
    for (const mk_node_t *node = cluster->doors; node != NULL; node = node->next)
        mk_buffer_printf(out, "listens=%s\n", mk_container_of(node, const mk_door_t, all)->text);
}

mk_err_t mk_report_open(mk_cluster_t *cluster) { return mk_ns_add_caps(cluster->ns, add_caps, NULL); }
