/* SPDX-License-Identifier: Apache-2.0 */
/* cluster.h -- a node's part in the cluster: who is linked, who is called, who may come in. One per runtime. Runtime's thread. */
#ifndef MK_NODE_CLUSTER_H
#define MK_NODE_CLUSTER_H

#include "microkernel/node.h"
#include "node/channels.h"
#include "node/link.h"
#include "ns/ns.h"

typedef struct mk_cluster mk_cluster_t;

/* This runtime's, started with the defaults when node_start() was not called. NULL: could not be started (logged). */
mk_cluster_t *mk_cluster_of(runtime_t *rt);

/* For tests of protocols on a fake network: addresses off loopback may be plain. There is no other way to it. */
void mk_cluster_allow_plain(mk_cluster_t *cluster);

/* A channel whose peer may become one of ours, dialled or accepted: the cluster owns it from now on. `peer`: whom it must be, 0:
 * anyone. */
MK_MUST_CHECK mk_err_t mk_cluster_take(mk_cluster_t *cluster, mk_channel_t *channel, node_id_t peer);

#endif
