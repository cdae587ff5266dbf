/* SPDX-License-Identifier: Apache-2.0 */
/* mount.c -- mounting as start-up code and the name-space actor ask for it: a call, and somebody who wants to know how it went.
 *
 * Start-up code is patient: the other side may be starting too, so it waits until the link stands, or ten seconds are over, or it
 * is clear that it never will. A person at a shell is told of the first failure. Either way nothing is tried any more after that,
 * unless the call was there before. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "microkernel/runtime.h"
#include "node/cluster_parts.h"

typedef struct mount mount_t;
typedef void         mounted_fn(mount_t *mount, mk_err_t err, const char *text);

struct mount {
    mk_node_t     node; /* of its call */
    mk_call_t    *call;
    mk_cluster_t *cluster;
    mounted_fn   *told; /* called once; it frees what it belongs to */
    mk_timer_t    deadline;
    bool          made; /* the call is there for this mount */
    bool          patient;
};

/* ---- how it goes ------------------------------------------------------------------------------------------------------------- */

static void tell(mount_t *mount, mk_err_t err, const char *text) {
    mk_list_remove(&mount->node);
    mk_wheel_cancel(&mount->cluster->loop->wheel, &mount->deadline);
    mount->told(mount, err, text);
}

static void tell_all(mk_call_t *call, const mk_peer_t *peer) {
    mk_node_t *node;
    while ((node = call->mounts) != NULL) tell(mk_container_of(node, mount_t, node), MK_OK, peer->identity);
}

void mk_mount_up(mk_call_t *call, const mk_peer_t *peer) {
    if (peer->sync.heard) tell_all(call, peer);
}

void mk_mounts_heard(const mk_peer_t *peer) {
    if (peer->state != MK_PEER_UP) return; /* mk_mount_up() comes */
    for (mk_node_t *node = peer->cluster->calls; node != NULL; node = node->next) {
        mk_call_t *call = mk_container_of(node, mk_call_t, all);
        if (call->node == peer->node) tell_all(call, peer);
    }
}

void mk_mount_close(mk_call_t *call) {
    mk_node_t *node;
    while ((node = call->mounts) != NULL)
        tell(mk_container_of(node, mount_t, node), MK_ERR_CLOSED, "it is not wanted any more");
}

void mk_mount_keep(mk_call_t *call) {
    for (mk_node_t *node = call->mounts; node != NULL; node = node->next)
        mk_container_of(node, mount_t, node)->made = false;
}

/* The end of one that has failed, and of its call. */
static void give_up(mount_t *mount, mk_err_t err) {
    mk_call_t *call = mount->call;
    bool       made = mount->made;
    char       why[MK_WHY_BYTES];
    snprintf(why, sizeof why, "%s", call->why[0] != '\0' ? call->why : mk_err_text(err));
    tell(mount, err, why);
    if (made) mk_call_close(call);
}

/* The one that made the call comes last: it takes the call along. */
void mk_mount_failed(mk_call_t *call) {
    mount_t *maker = NULL;
    for (mk_node_t *node = call->mounts, *next; node != NULL; node = next) {
        mount_t *mount = mk_container_of(node, mount_t, node);
        next = node->next;
        if (mount->patient && !call->hopeless) continue;
        if (mount->made) maker = mount;
        else give_up(mount, call->err);
    }
    if (maker != NULL) give_up(maker, call->err);
}

/* A link that stands is a mount, however many names are still to come. */
static void on_deadline(mk_wheel_t *wheel, mk_timer_t *timer) {
    mount_t   *mount = mk_container_of(timer, mount_t, deadline);
    node_id_t  node = mount->call->node;
    mk_peer_t *peer = node != 0 ? mk_peer_by_node(mount->cluster, node) : NULL;
    (void)wheel;
    if (peer != NULL) tell(mount, MK_OK, peer->identity);
    else give_up(mount, mount->call->err != MK_OK ? mount->call->err : MK_ERR_TIMEOUT);
}

/* On MK_OK `told` is or was called. */
static mk_err_t mount_begin(mount_t *mount, mk_cluster_t *cluster, const mk_where_t *where) {
    mk_loop_t *loop = cluster->loop;
    mk_err_t   err = mk_call_open(cluster, where, 0, &mount->call);
    if (err != MK_OK && err != MK_ERR_EXISTS) return err;
    mk_call_t *call = mount->call;
    mount->cluster = cluster;
    mount->made = err == MK_OK;
    mount->deadline.fn = on_deadline;
    mk_list_push(&call->mounts, &mount->node);
    mk_wheel_arm(&loop->wheel, &mount->deadline, mk_loop_after_ms(loop, MK_MOUNT_MS));
    mk_peer_t *peer = call->node != 0 ? mk_peer_by_node(cluster, call->node) : NULL;
    if (peer != NULL) mk_mount_up(call, peer);
    else if (mount->made && call->err != MK_OK) mk_mount_failed(call); /* at once */
    return MK_OK;
}

/* ---- for the name-space actor ---------------------------------------------------------------------------------------------------- */

typedef struct ticket {
    mount_t  mount;
    uint32_t number;
} ticket_t;

static void ticket_told(mount_t *mount, mk_err_t err, const char *text) {
    ticket_t *ticket = mk_container_of(mount, ticket_t, mount);
    mk_ns_mounted(mount->cluster->ns, ticket->number, err, text);
    mk_free(ticket);
}

/* Not from inside of the request: the answer comes later in any case. */
static mk_err_t mount_for(void *arg, const char *text, uint32_t number) {
    mk_cluster_t *cluster = arg;
    mk_where_t    where;
    mk_err_t      err = mk_where_parse(text, MK_MOUNT_PORT, false, &where);
    if (err != MK_OK) return err;
    ticket_t *ticket = mk_calloc(1, sizeof *ticket);
    if (ticket == NULL) return MK_ERR_NOMEM;
    ticket->number = number;
    ticket->mount.told = ticket_told;
    if ((err = mount_begin(&ticket->mount, cluster, &where)) != MK_OK) mk_free(ticket);
    return err;
}

static mk_err_t unmount_for(void *arg, const char *who) {
    mk_cluster_t *cluster = arg;
    return node_disconnect(cluster->rt, who) ? MK_OK : MK_ERR_NOTFOUND;
}

void mk_mount_open(mk_cluster_t *cluster) {
    mk_ns_mounter_t mounter = {mount_for, unmount_for, cluster};
    mk_ns_set_mounter(cluster->ns, &mounter);
}

/* ---- for start-up code --------------------------------------------------------------------------------------------------------------- */

typedef struct wait {
    mount_t  mount;
    bool     over;
    mk_err_t err;
    char     text[MK_WHY_BYTES]; /* the identity, or why not */
} wait_t;

static void wait_told(mount_t *mount, mk_err_t err, const char *text) {
    wait_t *wait = mk_container_of(mount, wait_t, mount);
    wait->over = true;
    wait->err = err;
    snprintf(wait->text, sizeof wait->text, "%s", text);
}

static mk_err_t where_of(const char *host, uint16_t port, mk_where_t *out) {
    char      text[MK_WHERE_TEXT_BYTES];
    mk_addr_t addr;
    if (strncmp(host, "unix:", 5) == 0) return mk_where_parse(host, 0, false, out);
    bool bare = host[0] != '[' && mk_addr_parse(host, 0, &addr) && addr.family == MK_FAMILY_IPV6;
    int  n = snprintf(text, sizeof text, bare ? "[%s]:%u" : "%s:%u", host, port != 0 ? port : (unsigned)MK_MOUNT_PORT);
    return n > 0 && (size_t)n < sizeof text ? mk_where_parse(text, 0, false, out) : MK_ERR_TOOLONG;
}

static mk_err_t wait_for(mk_cluster_t *cluster, const mk_where_t *where, mount_result_t *result) {
    wait_t   wait = {.mount = {.told = wait_told, .patient = true}};
    mk_err_t err = mount_begin(&wait.mount, cluster, where);
    if (err != MK_OK) return err;
    while (!wait.over) (void)runtime_wait(cluster->rt, MK_MOUNT_MS);
    if (wait.err != MK_OK) return wait.err; /* the call has said why */
    mk_peer_t *peer = mk_peer_by_identity(cluster, wait.text);
    snprintf(result->identity, sizeof result->identity, "%.*s", MK_IDENTITY_BYTES - 1, wait.text);
    result->node_id = peer != NULL ? peer->node : 0;
    return MK_OK;
}

bool ns_mount_connect(runtime_t *rt, const char *host, uint16_t port, mount_result_t *result) {
    mount_result_t unused;
    mk_where_t     where;
    mk_call_t     *call;
    mk_cluster_t  *cluster = mk_cluster_of(rt);
    if (cluster == NULL) return false;
    if (result == NULL) result = &unused;
    *result = (mount_result_t){0};
    mk_err_t err = where_of(host, port, &where);
    if (err == MK_OK && mk_runtime_running(rt) == NULL) {
        err = wait_for(cluster, &where, result);
    } else if (err == MK_OK) {
        err = mk_call_open(cluster, &where, 0, &call);
        if (err == MK_ERR_EXISTS) err = MK_OK;
    }
    if (err != MK_OK && err != MK_ERR_DENIED)
        actor_log(rt, MK_LOG_ERROR, "node: mounting %s: %s", host, mk_err_text(err));
    return err == MK_OK;
}

bool ns_mount_listen(runtime_t *rt, uint16_t port) {
    char          where[32];
    mk_cluster_t *cluster = mk_cluster_of(rt);
    if (cluster == NULL) return false;
    snprintf(where, sizeof where, "tcp:%s:%u", cluster->keys != NULL ? "*" : "127.0.0.1",
             port != 0 ? port : (unsigned)MK_MOUNT_PORT);
    return node_listen(rt, where, NULL, 0) == MK_OK; /* which has said why not */
}
