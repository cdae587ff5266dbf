/* SPDX-License-Identifier: Apache-2.0 */
/* udp_calls.c -- calls over UDP share a socket for each family of addresses, made when the first of them is dialled. */
#include "node/cluster_parts.h"

static mk_addr_t any_of(uint8_t family, bool plain) {
    mk_addr_t any = {.family = family};
    if (!plain) return any;
    /* In the clear nobody else can even send to it. */
    if (family == MK_FAMILY_IPV4) any.ip[0] = 127, any.ip[3] = 1;
    else any.ip[15] = 1;
    return any;
}

/* Whoever sends to the socket of our calls unasked is not let in. */
static void on_stranger(void *arg, mk_channel_t *channel) {
    (void)arg;
    channel->ops->close(channel, false);
}

mk_err_t mk_udp_dial(mk_cluster_t *cluster, const mk_addr_t *to, mk_channel_t **out) {
    mk_udp_hub_t **hub = &cluster->hubs[to->family == MK_FAMILY_IPV6];
    if (*hub == NULL) {
        mk_addr_t at = any_of(to->family, cluster->keys == NULL && !cluster->plain_allowed);
        mk_err_t  err = mk_udp_hub_open(cluster->net, &at, cluster->keys, cluster->plain_may, on_stranger, NULL, hub);
        if (err != MK_OK) {
            *hub = NULL;
            return err;
        }
    }
    return mk_udp_channel_dial(*hub, to, out);
}

void mk_udp_dial_rekey(mk_cluster_t *cluster) {
    for (int i = 0; i < 2; i++)
        if (cluster->hubs[i] != NULL) mk_udp_hub_rekey(cluster->hubs[i], cluster->keys);
}

void mk_udp_dial_fini(mk_cluster_t *cluster) {
    for (int i = 0; i < 2; i++) {
        if (cluster->hubs[i] != NULL) mk_udp_hub_close(cluster->hubs[i]);
        cluster->hubs[i] = NULL;
    }
}
