/* SPDX-License-Identifier: Apache-2.0 */
/* doors.c -- where this node listens. What comes in is a stranger until its hello is accepted; see peers.c. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "node/cluster_parts.h"

const char *mk_door_text(const mk_door_t *door) { return door->text; }

/* ---- who comes in ---------------------------------------------------------------------------------------------------------- */

static void on_accept(mk_listener_t *listener, int fd, const mk_addr_t *from) {
    mk_door_t                  *door = mk_container_of(listener, mk_door_t, listener);
    mk_cluster_t               *cluster = door->cluster;
    bool                        local = door->where.kind == MK_WHERE_UNIX;
    mk_stream_channel_options_t options = {.may = cluster->plain_may};
    mk_channel_t               *channel;
    mk_peer_t                  *peer;
    (void)from;
    if (local) options.path = door->where.path;
    else options.keys = cluster->keys;
    mk_err_t err = mk_stream_channel_accept(cluster->net, fd, &options, &channel);
    if (err == MK_OK) err = mk_peer_create(cluster, channel, door->wanted, NULL, &peer);
    if (err != MK_OK)
        mk_cluster_grumble(cluster, "node: a caller at %s was not taken: %s", door->text, mk_err_text(err));
}

static void on_datagrams(void *arg, mk_channel_t *channel) {
    mk_door_t *door = arg;
    mk_peer_t *peer;
    mk_err_t   err = mk_peer_create(door->cluster, channel, door->wanted, NULL, &peer);
    if (err != MK_OK)
        mk_cluster_grumble(door->cluster, "node: a caller at %s was not taken: %s", door->text, mk_err_text(err));
}

/* ---- opening and closing ------------------------------------------------------------------------------------------------------ */

static mk_err_t listen_at(mk_door_t *door, int fd, const mk_addr_t *at) {
    mk_cluster_t *cluster = door->cluster;
    if (door->where.kind == MK_WHERE_UDP)
        return mk_udp_hub_open(cluster->net, at, cluster->keys, cluster->plain_may, on_datagrams, door, &door->hub);
    if (fd >= 0) return mk_listener_adopt(cluster->net, &door->listener, fd, at, on_accept);
    return mk_listener_open(cluster->net, &door->listener, at, on_accept);
}

/* Machines without IPv6 have another address that means all. */
static mk_err_t listen_anywhere(mk_door_t *door, int fd, const mk_addr_t *at) {
    mk_err_t err = listen_at(door, fd, at);
    if (fd >= 0 || strcmp(door->where.host, "*") != 0) return err;
    if (err != MK_ERR_INVALID && err != MK_ERR_NOSYS && err != MK_ERR_IO) return err;
    mk_addr_t any = {.family = MK_FAMILY_IPV4, .port = at->port};
    return listen_at(door, -1, &any);
}

mk_err_t mk_door_open(mk_cluster_t *cluster, const mk_where_t *where, int fd, const mk_addr_t *at, node_id_t wanted,
                      mk_door_t **out) {
    mk_err_t   err = mk_cluster_check_where(cluster, where, "listening at");
    mk_door_t *door = err == MK_OK ? mk_calloc(1, sizeof *door) : NULL;
    if (door == NULL) {
        if (fd >= 0) mk_sock_close(fd);
        return err != MK_OK ? err : MK_ERR_NOMEM;
    }
    door->cluster = cluster;
    door->where = *where;
    door->wanted = wanted;
    if ((err = listen_anywhere(door, fd, at)) != MK_OK) {
        mk_free(door);
        return err;
    }
    bool datagrams = door->hub != NULL;
    mk_where_of_addr(datagrams ? mk_udp_hub_at(door->hub) : &door->listener.at, datagrams, door->text,
                     sizeof door->text);
    mk_list_push(&cluster->doors, &door->all);
    actor_log(cluster->rt, MK_LOG_INFO, "node: %s listens at %s%s", cluster->identity, door->text,
              cluster->keys == NULL || where->kind == MK_WHERE_UNIX ? "" : ", encrypted");
    *out = door;
    return MK_OK;
}

/* Links that came in through it stay, but those over UDP, which share its socket. */
void mk_door_close(mk_door_t *door) {
    if (door->hub != NULL) mk_udp_hub_close(door->hub);
    else mk_listener_close(&door->listener);
    mk_list_remove(&door->all);
    mk_free(door);
}

void mk_doors_rekey(mk_cluster_t *cluster) {
    for (mk_node_t *node = cluster->doors; node != NULL; node = node->next) {
        mk_door_t *door = mk_container_of(node, mk_door_t, all);
        if (door->hub != NULL) mk_udp_hub_rekey(door->hub, cluster->keys);
    }
}

/* ---- for programs ------------------------------------------------------------------------------------------------------------------ */

mk_err_t node_listen(runtime_t *rt, const char *text, char *bound, size_t bound_size) {
    mk_where_t    where;
    mk_addr_t     at;
    mk_door_t    *door;
    mk_cluster_t *cluster = mk_cluster_of(rt);
    if (cluster == NULL) return MK_ERR_NOMEM;
    mk_err_t err = mk_where_parse(text, 0, true, &where);
    if (err == MK_OK && mk_cluster_check_where(cluster, &where, "listening at") != MK_OK) return MK_ERR_DENIED;
    if (err == MK_OK) err = mk_where_bind(&where, &at);
    if (err == MK_OK) err = mk_door_open(cluster, &where, -1, &at, 0, &door);
    if (err != MK_OK) {
        actor_log(rt, MK_LOG_ERROR, "node: listening at %s: %s", text, mk_err_text(err));
        return err;
    }
    if (bound != NULL) {
        if (strlen(door->text) >= bound_size) {
            mk_door_close(door);
            return MK_ERR_TOOLONG;
        }
        memcpy(bound, door->text, strlen(door->text) + 1);
    }
    return MK_OK;
}

mk_err_t node_ring_attach(runtime_t *rt, node_ring_t *ring, int side) {
    mk_channel_t *channel;
    mk_cluster_t *cluster = mk_cluster_of(rt);
    if (cluster == NULL) return MK_ERR_NOMEM;
    mk_err_t err = mk_ring_channel_attach(cluster->loop, ring, side, cluster->plain_may, &channel);
    return err == MK_OK ? mk_cluster_take(cluster, channel, 0) : err;
}
