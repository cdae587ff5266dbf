/* SPDX-License-Identifier: Apache-2.0 */
/* transport.h -- a link to one other node, as the runtime sees it: somewhere to hand messages for that node's actors. node.h has
 * what most programs want: links that look after themselves. */
#ifndef MICROKERNEL_TRANSPORT_H
#define MICROKERNEL_TRANSPORT_H

#include "microkernel/error.h"
#include "microkernel/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Filled in by whoever writes a transport; embed it as the first member. All calls on the runtime's thread. */
struct transport {
    node_id_t peer;
    /* Queues or refuses (MK_ERR_FULL, MK_ERR_CLOSED, ...), never waits. Borrows everything. */
    mk_err_t (*send)(transport_t *self, actor_id_t source, actor_id_t dest, msg_type_t type, const void *payload,
                     size_t size);
    /* Called once when the runtime takes it, and once when the runtime ends; may be NULL. */
    bool (*attach)(transport_t *self, runtime_t *rt);
    void (*destroy)(transport_t *self);
};

/* Links to one node, whose number is known. NULL on failure: an address that cannot be, or is in use; out of memory. Nothing happens
 * until runtime_add_transport(), which takes it; then it connects (again and again), or takes calls from that node. Off loopback
 * a secret is needed (node.h); without one the attaching fails. Until the link stands, sends are refused. If that node may send
 * here at all it may send to any actor: programs that link by number know each other's actors by number. */
transport_t *transport_unix_listen(const char *path, node_id_t peer);
transport_t *transport_unix_connect(const char *path, node_id_t peer);
transport_t *transport_tcp_listen(const char *host, uint16_t port, node_id_t peer);
transport_t *transport_tcp_connect(const char *host, uint16_t port, node_id_t peer);
transport_t *transport_udp_bind(const char *host, uint16_t port, node_id_t peer);
transport_t *transport_udp_connect(const char *host, uint16_t port, node_id_t peer);

/* A message that came over a link of one's own making. Same answers as actor_try_send(), and MK_ERR_DENIED: a message type of the
 * system's that no other node may send. */
MK_MUST_CHECK mk_err_t runtime_deliver(runtime_t *rt, actor_id_t source, actor_id_t dest, msg_type_t type,
                                       const void *payload, size_t size);

#ifdef __cplusplus
}
#endif

#endif
