/* SPDX-License-Identifier: Apache-2.0 */
/* cluster.c -- one node's part in the cluster: its beginning, its settings, its end. Who may come in is in peers.c, whom it calls
 * in calls.c, where it listens in doors.c. */
#include "node/cluster.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "microkernel/runtime.h"
#include "node/cluster_parts.h"

enum {
    HEARTBEAT_MS = 1000,
    BACKOFF_MIN_MS = 100,
    BACKOFF_MAX_MS = 30000,
    QUEUE_BYTES = 256 << 10, /* what fits into a cache beside what is made of it: more is slower */
    CREDIT_BYTES = 1 << 20,
    PEERS_MAX = 1024,
    LEAST_BYTES = MK_WIRE_FRAME_BYTES_MAX, /* a queue and a credit hold at least one frame */
    HEARTBEAT_LEAST_MS = 10,
    HEARTBEAT_MOST_MS = 3600 * 1000,
    REQUESTS_FIRST = 16,
};

/* ---- the room ----------------------------------------------------------------------------------------------------------- */

static void release(mk_cluster_t *cluster) {
    mk_keys_close(cluster);
    mk_net_destroy(cluster->net);
    mk_idmap_fini(&cluster->requests);
    mk_idmap_fini(&cluster->reloads);
    mk_free(cluster->modules);
    mk_free(cluster);
}

/* Calls go before peers: a peer that goes takes no call along, and a call none that was another's. */
static void fini(runtime_t *rt, mk_room_t *room) {
    mk_cluster_t *cluster = mk_container_of(room, mk_cluster_t, room);
    mk_node_t    *node;
    (void)rt;
    mk_sync_close(cluster);
    while ((node = cluster->doors) != NULL) mk_door_close(mk_container_of(node, mk_door_t, all));
    while ((node = cluster->calls) != NULL) mk_call_close(mk_container_of(node, mk_call_t, all));
    while ((node = cluster->peers) != NULL) mk_peer_drop(mk_container_of(node, mk_peer_t, all), "this node ends");
    mk_udp_dial_fini(cluster);
    release(cluster);
}

static bool admit(runtime_t *rt, mk_room_t *room, actor_t *actor, message_t *msg, uint32_t tag) {
    mk_cluster_t *cluster = mk_container_of(room, mk_cluster_t, room);
    (void)rt, (void)msg;
    return tag == MK_TAG_PLAIN || mk_watchers_admit(cluster, actor, tag);
}

static const mk_room_ops_t room_ops = {"node", fini, admit};

static mk_cluster_t *find(const runtime_t *rt) {
    mk_room_t *room = mk_room_find(rt, &room_ops);
    return room != NULL ? mk_container_of(room, mk_cluster_t, room) : NULL;
}

mk_cluster_t *mk_cluster_of(runtime_t *rt) {
    static const node_config_t defaults;
    mk_cluster_t              *cluster = find(rt);
    if (cluster != NULL || node_start(rt, &defaults) != MK_OK) return cluster;
    return find(rt);
}

mk_cluster_t *mk_cluster_find(const runtime_t *rt) { return find(rt); }

/* ---- settings ------------------------------------------------------------------------------------------------------------ */

static uint32_t or_default(uint32_t value, uint32_t fallback) { return value != 0 ? value : fallback; }

/* A machine's name is good for one node. A runtime whose number is not the one that goes with it is probably one of several
 * there, so its number makes it differ. */
static void default_identity(runtime_t *rt, char out[MK_IDENTITY_BYTES]) {
    const char *machine = mk_node_identity();
    const char *chosen = getenv("MK_NODE_NAME");
    node_id_t   node = runtime_get_node_id(rt);
    if ((chosen != NULL && chosen[0] != '\0') || node == mk_node_id()) {
        snprintf(out, MK_IDENTITY_BYTES, "%s", machine);
        return;
    }
    char number[16];
    int  digits = snprintf(number, sizeof number, "-%u", (unsigned)node);
    snprintf(out, MK_IDENTITY_BYTES, "%.*s%s", MK_IDENTITY_BYTES - 1 - digits, machine, number);
}

static const char *check_limits(const mk_cluster_t *cluster) {
    const mk_link_limits_t *limits = &cluster->limits;
    if (limits->heartbeat_ms < HEARTBEAT_LEAST_MS || limits->heartbeat_ms > HEARTBEAT_MOST_MS) return "heartbeat_ms";
    if (limits->dead_ms <= limits->heartbeat_ms) return "dead_ms (it has to be longer than a heartbeat)";
    if (limits->queue_bytes < LEAST_BYTES) return "queue_bytes";
    if (limits->credit_bytes < LEAST_BYTES) return "credit_bytes";
    if (cluster->backoff_min_ms > cluster->backoff_max_ms) return "backoff_min_ms";
    return NULL;
}

static mk_err_t set_up(mk_cluster_t *cluster, const node_config_t *config) {
    node_role_t plain = config->plain_role != NODE_ROLE_NONE ? config->plain_role : NODE_ROLE_MEMBER;
    uint32_t    heartbeat_ms = or_default(config->heartbeat_ms, HEARTBEAT_MS);
    uint64_t    dead_ms = config->dead_ms != 0 ? config->dead_ms : 4 * (uint64_t)heartbeat_ms;
    size_t      message_max = mk_runtime_payload_max(cluster->rt);
    cluster->limits = (mk_link_limits_t){
        .heartbeat_ms = heartbeat_ms,
        .dead_ms = dead_ms < UINT32_MAX ? (uint32_t)dead_ms : UINT32_MAX,
        .hello_ms = MK_HELLO_MS,
        .queue_bytes = or_default(config->queue_bytes, QUEUE_BYTES),
        .credit_bytes = or_default(config->credit_bytes, CREDIT_BYTES),
        .message_max = message_max < UINT32_MAX ? (uint32_t)message_max : UINT32_MAX,
    };
    cluster->backoff_min_ms = or_default(config->backoff_min_ms, BACKOFF_MIN_MS);
    cluster->backoff_max_ms = or_default(config->backoff_max_ms, BACKOFF_MAX_MS);
    cluster->peers_max = or_default(config->peers_max, PEERS_MAX);
    cluster->plain_may = mk_role_may(plain);
    if (config->identity != NULL) snprintf(cluster->identity, sizeof cluster->identity, "%s", config->identity);
    else default_identity(cluster->rt, cluster->identity);
    const char *wrong = plain > NODE_ROLE_OPERATOR ? "plain_role" : check_limits(cluster);
    if (!mk_ns_is_identity(config->identity != NULL ? config->identity : cluster->identity)) wrong = "identity";
    if (wrong == NULL) return MK_OK;
    actor_log(cluster->rt, MK_LOG_ERROR, "node: not a valid setting: %s", wrong);
    return MK_ERR_INVALID;
}

/* ---- starting ------------------------------------------------------------------------------------------------------------- */

static mk_err_t attach(mk_cluster_t *cluster) {
    mk_err_t err = mk_ns_set_identity(cluster->ns, cluster->identity);
    if (err == MK_OK) err = mk_report_open(cluster);
    if (err == MK_OK) err = mk_room_attach(cluster->rt, &cluster->room, &room_ops);
    if (err != MK_OK) return err;
    mk_sync_open(cluster);
    mk_mount_open(cluster);
    return MK_OK;
}

static mk_err_t start(runtime_t *rt, const node_config_t *config) {
    mk_err_t      err = MK_ERR_NOMEM;
    mk_ns_t      *ns = mk_ns_of(rt); /* attached first, so it goes last */
    mk_cluster_t *cluster = ns != NULL ? mk_calloc(1, sizeof *cluster) : NULL;
    if (cluster == NULL) return MK_ERR_NOMEM;
    cluster->rt = rt;
    cluster->loop = mk_runtime_loop(rt);
    cluster->ns = ns;
    cluster->node = runtime_get_node_id(rt);
    if ((err = mk_idmap_init(&cluster->requests, REQUESTS_FIRST, true)) != MK_OK) {
        mk_free(cluster);
        return err;
    }
    if ((err = mk_idmap_init(&cluster->reloads, REQUESTS_FIRST, true)) != MK_OK) goto fail;
    if ((err = set_up(cluster, config)) != MK_OK) goto fail;
    if ((err = mk_incarnation_new(&cluster->incarnation)) != MK_OK) goto fail;
    if (config->modules != NULL && (cluster->modules = mk_strndup(config->modules, strlen(config->modules))) == NULL) {
        err = MK_ERR_NOMEM;
        goto fail;
    }
    if ((err = mk_net_create(cluster->loop, &cluster->net)) != MK_OK) goto fail;
    if ((err = mk_keys_open(cluster, config)) != MK_OK) goto fail;
    if ((err = attach(cluster)) != MK_OK) goto fail;
    return MK_OK;
fail:
    release(cluster);
    return err;
}

mk_err_t node_start(runtime_t *rt, const node_config_t *config) {
    static const node_config_t defaults;
    if (find(rt) != NULL) return MK_ERR_EXISTS;
    mk_err_t err = start(rt, config != NULL ? config : &defaults);
    if (err != MK_OK) actor_log(rt, MK_LOG_ERROR, "node: cannot be started: %s", mk_err_text(err));
    return err;
}

void mk_cluster_allow_plain(mk_cluster_t *cluster) { cluster->plain_allowed = true; }

void node_set_hands(runtime_t *rt, const node_hands_t *hands) {
    mk_cluster_t *cluster = mk_cluster_of(rt);
    if (cluster != NULL) cluster->hands = hands != NULL ? *hands : (node_hands_t){0};
}

/* ---- what its files share --------------------------------------------------------------------------------------------------- */

mk_err_t mk_cluster_check_where(mk_cluster_t *cluster, const mk_where_t *where, const char *what) {
    char text[MK_WHERE_TEXT_BYTES];
    if (cluster->keys != NULL || cluster->plain_allowed || mk_where_is_local(where)) return MK_OK;
    mk_where_format(where, text, sizeof text);
    actor_log(
        cluster->rt, MK_LOG_ERROR,
        "node: %s %s refused: it is not this machine, and there is no secret (see `mk secret new`) and no certificate",
        what, text);
    return MK_ERR_DENIED;
}

void mk_cluster_grumble(mk_cluster_t *cluster, const char *format, ...) {
    enum { LINES_MAX = 10, PER_MS = 10000 };
    mk_quota_t *quota = &cluster->quota;
    uint64_t    now_ms = cluster->loop->now_us / 1000;
    if (quota->n != 0 && now_ms - quota->since_ms >= PER_MS) {
        if (quota->left_out != 0)
            actor_log(cluster->rt, MK_LOG_WARN, "node: %u lines about strangers left out", (unsigned)quota->left_out);
        *quota = (mk_quota_t){0};
    }
    if (quota->n == 0) quota->since_ms = now_ms;
    if (quota->n == LINES_MAX) {
        quota->left_out++;
        return;
    }
    quota->n++;
    char    text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    actor_log(cluster->rt, MK_LOG_WARN, "%s", text);
}
