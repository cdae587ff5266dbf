/* SPDX-License-Identifier: Apache-2.0 */
/* discovery.h -- finding nodes of the local network without knowing an address: mDNS (RFC 6762) and DNS-SD (RFC 6763), service
 * `_microkernel._tcp`.
 *
 * Off unless it is asked for. What is announced -- identity, node number, version, port, this machine's addresses -- everybody on
 * the local network can read, with or without a secret. What is heard is proved by nothing: it says whom one might call, and the
 * link finds out who that is (node.h). A node that was killed may be seen for an hour by those who have seen it before.
 *
 * A helper thread speaks mDNS. Calls: the runtime's thread. MK_ERR_NOSYS: not in this build (option MK_MDNS). */
#ifndef MICROKERNEL_DISCOVERY_H
#define MICROKERNEL_DISCOVERY_H

#include "microkernel/namespace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Announces this node, under mk_node_identity(), as one that listens at `where` (what node_listen() wrote to `bound`), until the
 * runtime ends. MK_ERR_INVALID: nobody else could call there (loopback, a Unix socket, UDP); MK_ERR_EXISTS: done already;
 * MK_ERR_LIMIT, MK_ERR_NOMEM. What goes wrong later (another node announces the same identity) is logged. */
MK_MUST_CHECK mk_err_t discovery_announce(runtime_t *rt, const char *where);

/* The running actor hears of the nodes that are announced, of those that are at once, until `on` is false or it ends. Harmless when
 * it is as it should be. MK_ERR_LIMIT (descriptors, threads), MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t discovery_watch(runtime_t *rt, bool on);

/* Once for each address a node can be called at, and again when something about it changes. */
#define MSG_NODE_FOUND (MK_MSG_SYSTEM_BASE + 0x1Cu)
/* One that is not announced any more: the same payload. */
#define MSG_NODE_LOST (MK_MSG_SYSTEM_BASE + 0x1Du)
typedef struct discovery_payload {
    node_id_t node; /* 0: it does not say */
    char      identity[MK_IDENTITY_BYTES];
    char      version[24]; /* of its program; "": it does not say */
    char      where[72];   /* for node_connect(): "tcp:10.0.0.2:4200", "tcp:[fe80::1%2]:4200" */
} discovery_payload_t;

#ifdef __cplusplus
}
#endif

#endif
