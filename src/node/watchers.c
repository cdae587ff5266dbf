/* SPDX-License-Identifier: Apache-2.0 */
/* watchers.c -- actors that want to know which nodes are linked.
 *
 * A watcher remembers what it was told of, link by link, and is told the difference to what is: so news is never lost for want of
 * memory or of room, and an actor that does not read does not make it grow. What came and went while nobody listened is left out;
 * a link that was lost and made again is told as both, because monitors and calls across it are gone. */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "node/cluster_parts.h"

enum { UNDER_WAY_MAX = 64, RETRY_MS = 1 };

/* A link the watcher believes in. */
typedef struct told {
    uint64_t  serial, incarnation;
    node_id_t node;
    char      identity[MK_IDENTITY_BYTES];
} told_t;

typedef struct watcher {
    mk_cluster_t *cluster;
    mk_res_t      res; /* of its actor      */
    mk_node_t     all; /* of the cluster    */
    actor_t      *actor;
    uint32_t      tag;       /* of its messages         */
    uint32_t      under_way; /* those in the mailbox    */
    mk_timer_t    retry;
    bool          behind; /* there is a difference to be told */
    told_t       *told;
    size_t        told_n, told_room;
} watcher_t;

static void watcher_free(watcher_t *w) {
    mk_wheel_cancel(&w->cluster->loop->wheel, &w->retry);
    mk_list_remove(&w->all);
    mk_list_remove(&w->res.node);
    mk_free(w->told);
    mk_free(w);
}

static void actor_ended(runtime_t *rt, mk_res_t *res) {
    (void)rt;
    watcher_free(mk_container_of(res, watcher_t, res));
}

static const mk_res_ops_t res_ops = {actor_ended};

/* ---- telling ------------------------------------------------------------------------------------------------------------------ */

static bool tell(watcher_t *w, msg_type_t type, const told_t *told, const char *text) {
    mk_cluster_t        *cluster = w->cluster;
    node_event_payload_t event = {.node = told->node, .incarnation = told->incarnation};
    event.text_size = (uint32_t)strlen(text);
    memcpy(event.identity, told->identity, sizeof event.identity);
    message_t *msg = mk_room_message(cluster->rt, type, sizeof event + event.text_size);
    if (msg == NULL) return false;
    uint8_t *payload = (uint8_t *)(uintptr_t)msg->payload;
    memcpy(payload, &event, sizeof event);
    memcpy(payload + sizeof event, text, event.text_size);
    w->under_way++;
    mk_room_send(cluster->rt, &cluster->room, w->actor, msg, w->tag);
    return true;
}

static bool is_up(const mk_cluster_t *cluster, uint64_t serial) {
    for (const mk_node_t *node = cluster->peers; node != NULL; node = node->next) {
        const mk_peer_t *peer = mk_container_of(node, const mk_peer_t, all);
        if (peer->serial == serial) return true;
    }
    return false;
}

static bool was_told(const watcher_t *w, uint64_t serial) {
    for (size_t i = 0; i < w->told_n; i++)
        if (w->told[i].serial == serial) return true;
    return false;
}

static bool tell_gone_one(watcher_t *w, size_t at, const char *why) {
    if (w->under_way >= UNDER_WAY_MAX || !tell(w, MSG_NODE_DOWN, &w->told[at], why)) return false;
    w->told[at] = w->told[--w->told_n];
    return true;
}

static bool remember(watcher_t *w, const told_t *told) {
    if (w->told_n == w->told_room) {
        size_t  room = w->told_room != 0 ? 2 * w->told_room : 8;
        told_t *grown = mk_realloc(w->told, room * sizeof *grown);
        if (grown == NULL) return false;
        w->told = grown;
        w->told_room = room;
    }
    w->told[w->told_n++] = *told;
    return true;
}

static bool tell_come_one(watcher_t *w, const mk_peer_t *peer) {
    told_t told = {.serial = peer->serial, .incarnation = peer->incarnation, .node = peer->node};
    memcpy(told.identity, peer->identity, sizeof told.identity);
    if (w->under_way >= UNDER_WAY_MAX || !remember(w, &told)) return false;
    if (tell(w, MSG_NODE_UP, &told, "")) return true;
    w->told_n--;
    return false;
}

static bool tell_gone(watcher_t *w) {
    for (size_t i = 0; i < w->told_n;) {
        if (is_up(w->cluster, w->told[i].serial)) i++;
        else if (!tell_gone_one(w, i, "the link was lost")) return false;
    }
    return true;
}

static bool tell_come(watcher_t *w) {
    for (mk_node_t *node = w->cluster->peers; node != NULL; node = node->next) {
        const mk_peer_t *peer = mk_container_of(node, mk_peer_t, all);
        if (peer->serial != 0 && !was_told(w, peer->serial) && !tell_come_one(w, peer)) return false;
    }
    return true;
}

/* What does not fit waits until a message has left the mailbox, or for memory. */
static void fall_behind(watcher_t *w) {
    w->behind = true;
    if (w->under_way >= UNDER_WAY_MAX) return;
    mk_wheel_arm(&w->cluster->loop->wheel, &w->retry, mk_loop_after_ms(w->cluster->loop, RETRY_MS));
}

/* The ends first: a link that was lost and made again is told as both. */
static void catch_up(watcher_t *w) {
    w->behind = false;
    if (!tell_gone(w) || !tell_come(w)) fall_behind(w);
}

static void on_retry(mk_wheel_t *wheel, mk_timer_t *timer) {
    (void)wheel;
    catch_up(mk_container_of(timer, watcher_t, retry));
}

void mk_watchers_up(mk_cluster_t *cluster, const mk_peer_t *peer) {
    for (mk_node_t *node = cluster->watchers; node != NULL; node = node->next) {
        watcher_t *w = mk_container_of(node, watcher_t, all);
        if (!w->behind && !tell_come_one(w, peer)) fall_behind(w);
    }
}

static void tell_end(watcher_t *w, uint64_t serial, const char *why) {
    for (size_t i = 0; i < w->told_n; i++) {
        if (w->told[i].serial != serial) continue;
        if (!tell_gone_one(w, i, why)) fall_behind(w);
        return;
    }
}

void mk_watchers_down(mk_cluster_t *cluster, uint64_t serial, const char *why) {
    for (mk_node_t *node = cluster->watchers; node != NULL; node = node->next) {
        watcher_t *w = mk_container_of(node, watcher_t, all);
        if (!w->behind) tell_end(w, serial, why);
    }
}

/* ---- who watches ------------------------------------------------------------------------------------------------------------------ */

static watcher_t *find(const mk_cluster_t *cluster, const actor_t *actor) {
    for (mk_node_t *node = cluster->watchers; node != NULL; node = node->next) {
        watcher_t *w = mk_container_of(node, watcher_t, all);
        if (w->actor == actor) return w;
    }
    return NULL;
}

/* Who has stopped watching wants to hear no more. */
bool mk_watchers_admit(mk_cluster_t *cluster, actor_t *actor, uint32_t tag) {
    watcher_t *w = actor != NULL ? find(cluster, actor) : NULL;
    if (w == NULL || w->tag != tag) return false;
    if (w->under_way-- == UNDER_WAY_MAX && w->behind)
        mk_wheel_arm(&cluster->loop->wheel, &w->retry, mk_loop_after_ms(cluster->loop, 0));
    return true;
}

mk_err_t node_monitor(runtime_t *rt, bool on) {
    mk_cluster_t *cluster = mk_cluster_of(rt);
    actor_t      *actor = mk_runtime_running(rt);
    if (cluster == NULL) return MK_ERR_NOMEM;
    if (actor == NULL) return MK_ERR_INVALID;
    watcher_t *w = find(cluster, actor);
    if (!on) {
        if (w != NULL) watcher_free(w);
        return MK_OK;
    }
    if (w != NULL) return MK_OK;
    if ((w = mk_calloc(1, sizeof *w)) == NULL) return MK_ERR_NOMEM;
    w->cluster = cluster;
    w->actor = actor;
    w->retry.fn = on_retry;
    w->tag = ++cluster->watcher_tag != MK_TAG_PLAIN ? cluster->watcher_tag : ++cluster->watcher_tag;
    mk_actor_own(actor, &w->res, &res_ops);
    mk_list_push(&cluster->watchers, &w->all);
    catch_up(w);
    return MK_OK;
}
