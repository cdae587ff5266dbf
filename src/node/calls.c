/* SPDX-License-Identifier: Apache-2.0 */
/* calls.c -- whom we were told to be linked with: called, and called again whenever the link is lost.
 *
 * The pause doubles from backoff_min to backoff_max, with jitter, so that a cluster that was cut does not come back in one step;
 * after a link that stood for a while it begins again. What will not change by itself (a wrong secret, a refusal) is tried at the
 * longest pause from the start. Every reason is logged once, not each time.
 *
 * A call whose node is linked already, because it called us, waits until it is not. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "node/cluster_parts.h"

static void try_now(mk_call_t *call);

/* ---- when to call ---------------------------------------------------------------------------------------------------------- */

/* Half of it is certain, half is chance. */
static uint32_t jitter(uint32_t delay_ms) {
    uint32_t chance, half = delay_ms / 2;
    if (mk_port_entropy(&chance, sizeof chance) != MK_OK) return delay_ms;
    return delay_ms - half + chance % (half + 1);
}

static void wait_ms(mk_call_t *call, uint32_t delay_ms) {
    mk_loop_t *loop = call->cluster->loop;
    call->state = MK_CALL_WAITS;
    call->content = false;
    mk_wheel_arm(&loop->wheel, &call->timer, mk_loop_after_ms(loop, jitter(delay_ms)));
}

/* Until the node is linked no more; and now and then it looks. */
static void be_content(mk_call_t *call) {
    wait_ms(call, call->cluster->backoff_max_ms);
    call->content = true;
}

static void on_time(mk_wheel_t *wheel, mk_timer_t *timer) {
    (void)wheel;
    try_now(mk_container_of(timer, mk_call_t, timer));
}

static uint32_t next_pause(mk_call_t *call) {
    const mk_cluster_t *cluster = call->cluster;
    uint64_t            pause = 2 * (uint64_t)call->backoff_ms;
    if (pause < cluster->backoff_min_ms) pause = cluster->backoff_min_ms;
    if (pause > cluster->backoff_max_ms || call->hopeless) pause = cluster->backoff_max_ms;
    return call->backoff_ms = (uint32_t)pause;
}

/* ---- failing -------------------------------------------------------------------------------------------------------------------- */

/* Whether the next try is bound to end in the same way, until somebody changes something. */
static bool is_hopeless(mk_wire_reason_t reason, mk_err_t err) {
    switch (reason) {
    case MK_WIRE_REASON_VERSION:
    case MK_WIRE_REASON_TAKEN:
    case MK_WIRE_REASON_SELF:
    case MK_WIRE_REASON_STRANGER: return true;
    default: return reason == 0 && (err == MK_ERR_PROTO || err == MK_ERR_DENIED || err == MK_ERR_INVALID);
    }
}

/* False: it failed in the same way before. */
static bool note_failure(mk_call_t *call, mk_err_t err, const char *why) {
    bool again = strncmp(call->why, why, sizeof call->why - 1) == 0;
    call->err = err != MK_OK ? err : MK_ERR_CLOSED;
    if (!again) snprintf(call->why, sizeof call->why, "%s", why);
    return !again;
}

void mk_call_failed(mk_call_t *call, bool was_up, uint64_t stood_ms, mk_wire_reason_t reason, mk_err_t err,
                    const char *why) {
    mk_peer_t *other = call->node != 0 ? mk_peer_by_node(call->cluster, call->node) : NULL;
    call->peer = NULL;
    call->hopeless = !was_up && is_hopeless(reason, err);
    if (was_up && stood_ms >= MK_STOOD_MS) call->backoff_ms = 0;
    if (other != NULL) { /* the node has a link, this one was not needed */
        be_content(call);
        mk_mount_up(call, other);
        return;
    }
    /* Whoever still waits for the names of a link that was up has nothing to wait for any more. */
    bool failed = reason != MK_WIRE_REASON_DOUBLE && (!was_up || call->mounts != NULL);
    bool news = (failed || was_up) && note_failure(call, err, why);
    if (failed && news) /* the end of a link is in the log already */
        actor_log(call->cluster->rt, MK_LOG_WARN, "node: %s: %s; it is tried again", call->text, call->why);
    wait_ms(call, next_pause(call));
    if (failed) mk_mount_failed(call);
}

static void fail_now(mk_call_t *call, mk_err_t err) { mk_call_failed(call, false, 0, 0, err, mk_err_text(err)); }

/* ---- calling -------------------------------------------------------------------------------------------------------------------- */

static void dial(mk_call_t *call, mk_channel_t *channel, mk_err_t err) {
    if (err == MK_OK) err = mk_peer_create(call->cluster, channel, call->wanted, call, &call->peer);
    if (err != MK_OK) fail_now(call, err);
    else call->state = MK_CALL_DIALS;
}

static void dial_stream(mk_call_t *call) {
    mk_cluster_t               *cluster = call->cluster;
    mk_stream_channel_options_t options = {.may = cluster->plain_may};
    mk_channel_t               *channel = NULL;
    if (call->where.kind == MK_WHERE_UNIX) {
        options.path = call->where.path;
    } else {
        options.host = call->where.host;
        options.port = call->where.port;
        options.keys = cluster->keys;
        /* In the clear a name is not asked for: nobody else decides where it goes. */
        if (cluster->keys == NULL && strcmp(options.host, "localhost") == 0) options.host = "127.0.0.1";
    }
    mk_err_t err = mk_stream_channel_dial(cluster->net, &options, &channel);
    dial(call, channel, err);
}

static void on_found(void *arg, mk_err_t err, const mk_addr_t *addrs, size_t n) {
    mk_call_t    *call = arg;
    mk_channel_t *channel = NULL;
    call->lookup = NULL;
    if (err == MK_OK) {
        mk_addr_t to = addrs[call->tries++ % n]; /* of several each in turn */
        to.port = call->where.port;
        err = mk_udp_dial(call->cluster, &to, &channel);
    }
    dial(call, channel, err);
}

static void dial_datagrams(mk_call_t *call) {
    const char *host = call->where.host;
    mk_addr_t   to;
    if (strcmp(host, "localhost") == 0) host = "127.0.0.1";
    if (mk_addr_parse(host, 0, &to)) {
        on_found(call, MK_OK, &to, 1);
        return;
    }
    call->state = MK_CALL_LOOKS;
    mk_err_t err = mk_lookup_start(call->cluster->net, host, 0, on_found, call, &call->lookup);
    if (err != MK_OK) fail_now(call, err);
}

static void try_now(mk_call_t *call) {
    call->content = false;
    if (call->node != 0 && mk_peer_by_node(call->cluster, call->node) != NULL) be_content(call);
    else if (call->where.kind == MK_WHERE_UDP) dial_datagrams(call);
    else dial_stream(call);
}

/* ---- news of peers --------------------------------------------------------------------------------------------------------------- */

void mk_call_up(mk_call_t *call) {
    call->state = MK_CALL_STANDS;
    call->node = call->peer->node;
    memcpy(call->identity, call->peer->identity, sizeof call->identity);
    call->why[0] = '\0';
    call->hopeless = false;
    mk_mount_up(call, call->peer);
}

void mk_calls_node_up(mk_cluster_t *cluster, const mk_peer_t *peer) {
    for (mk_node_t *node = cluster->calls; node != NULL; node = node->next) {
        mk_call_t *call = mk_container_of(node, mk_call_t, all);
        if (call->state == MK_CALL_WAITS && call->node == peer->node) mk_mount_up(call, peer);
    }
}

void mk_calls_node_gone(mk_cluster_t *cluster, node_id_t node_id) {
    for (mk_node_t *node = cluster->calls; node != NULL; node = node->next) {
        mk_call_t *call = mk_container_of(node, mk_call_t, all);
        if (call->content && call->node == node_id) wait_ms(call, cluster->backoff_min_ms);
    }
}

/* ---- opening and closing ------------------------------------------------------------------------------------------------------- */

mk_call_t *mk_call_find(const mk_cluster_t *cluster, const char *text) {
    for (mk_node_t *node = cluster->calls; node != NULL; node = node->next) {
        mk_call_t *call = mk_container_of(node, mk_call_t, all);
        if (strcmp(call->text, text) == 0) return call;
    }
    return NULL;
}

mk_err_t mk_call_open(mk_cluster_t *cluster, const mk_where_t *where, node_id_t wanted, mk_call_t **out) {
    char     text[MK_WHERE_TEXT_BYTES];
    mk_err_t err = mk_cluster_check_where(cluster, where, "calling");
    if (err != MK_OK) return err;
    mk_where_format(where, text, sizeof text);
    if ((*out = mk_call_find(cluster, text)) != NULL) return MK_ERR_EXISTS;
    mk_call_t *call = mk_calloc(1, sizeof *call);
    if (call == NULL) return MK_ERR_NOMEM;
    call->cluster = cluster;
    call->where = *where;
    call->wanted = wanted;
    call->node = wanted;
    call->timer.fn = on_time;
    memcpy(call->text, text, sizeof text);
    mk_list_push(&cluster->calls, &call->all);
    try_now(call);
    *out = call;
    return MK_OK;
}

void mk_call_close(mk_call_t *call) {
    mk_peer_t *peer = call->peer;
    bool       dials = call->state == MK_CALL_DIALS;
    if (call->lookup != NULL) mk_lookup_cancel(call->lookup);
    mk_wheel_cancel(&call->cluster->loop->wheel, &call->timer);
    mk_list_remove(&call->all);
    if (peer != NULL) peer->call = NULL;
    mk_mount_close(call);
    mk_free(call);
    if (peer != NULL && dials) mk_peer_drop(peer, "not called any more");
}

/* ---- for programs ------------------------------------------------------------------------------------------------------------------ */

mk_err_t node_connect(runtime_t *rt, const char *text) {
    mk_where_t    where;
    mk_call_t    *call = NULL;
    mk_cluster_t *cluster = mk_cluster_of(rt);
    if (cluster == NULL) return MK_ERR_NOMEM;
    mk_err_t err = mk_where_parse(text, 0, false, &where);
    if (err == MK_OK) err = mk_call_open(cluster, &where, 0, &call);
    if (err == MK_ERR_EXISTS && call != NULL) mk_mount_keep(call);
    return err;
}

/* Every call that leads to the node goes, so that none brings it back. */
static void forget_node(mk_cluster_t *cluster, node_id_t node_id) {
    for (mk_node_t *node = cluster->calls, *next; node != NULL; node = next) {
        mk_call_t *call = mk_container_of(node, mk_call_t, all);
        next = node->next;
        if (call->node == node_id) mk_call_close(call);
    }
}

/* By the name of the node it has led to, or by where it goes. */
static mk_call_t *find_call(const mk_cluster_t *cluster, const char *who) {
    char       text[MK_WHERE_TEXT_BYTES];
    mk_where_t where;
    for (mk_node_t *node = cluster->calls; node != NULL && who[0] != '\0'; node = node->next) {
        mk_call_t *call = mk_container_of(node, mk_call_t, all);
        if (strcmp(call->identity, who) == 0) return call;
    }
    if (mk_where_parse(who, MK_MOUNT_PORT, false, &where) != MK_OK) return NULL;
    mk_where_format(&where, text, sizeof text);
    return mk_call_find(cluster, text);
}

bool node_disconnect(runtime_t *rt, const char *who) {
    mk_cluster_t *cluster = mk_cluster_find(rt);
    mk_peer_t    *peer = cluster != NULL ? mk_peer_by_identity(cluster, who) : NULL;
    mk_call_t    *call = cluster != NULL && peer == NULL ? find_call(cluster, who) : NULL;
    if (peer == NULL && call == NULL) return false;
    node_id_t node = peer != NULL ? peer->node : call->node;
    if (call != NULL) mk_call_close(call);
    if (node == 0) return true; /* nobody has answered yet */
    forget_node(cluster, node);
    if ((peer = mk_peer_by_node(cluster, node)) != NULL) mk_peer_finish(peer);
    return true;
}
