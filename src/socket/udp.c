/* SPDX-License-Identifier: Apache-2.0 */
/* udp.c -- datagrams of actors. What the actor is too slow for is dropped here rather than in the system: it would be anyway,
 * and here it is counted. */
#include "base/assert.h"
#include "microkernel/services.h"
#include "socket/sockets.h"

enum { WAITING_MAX = 64, WAITING_BYTES_MAX = 262144 }; /* see mk_socket.h */

typedef struct datagrams {
    mk_socket_t socket;
    mk_udp_t    udp;
    uint64_t    dropped;
} datagrams_t;

static datagrams_t *datagrams(mk_socket_t *socket) { return mk_container_of(socket, datagrams_t, socket); }

static bool tell(datagrams_t *d, const uint8_t *data, size_t size, const mk_addr_t *from) {
    udp_datagram_payload_t head = {d->socket.id, (uint32_t)size, mk_socket_addr_of(from)};
    if (d->socket.waiting >= WAITING_MAX || d->socket.waiting_bytes + size > WAITING_BYTES_MAX) return false;
    return mk_socket_send_data(&d->socket, MSG_UDP_DATAGRAM, &head, sizeof head, data, size);
}

static void on_datagram(mk_udp_t *udp, const uint8_t *data, size_t size, const mk_addr_t *from) {
    datagrams_t *d = mk_container_of(udp, datagrams_t, udp);
    if (!tell(d, data, size, from)) d->dropped++;
}

static void handled(mk_socket_t *socket, const message_t *msg) {
    socket->waiting_bytes -= ((const udp_datagram_payload_t *)msg->payload)->size;
}

static void destroy(mk_socket_t *socket) {
    mk_udp_close(&datagrams(socket)->udp);
    mk_socket_free(socket);
}

const mk_socket_ops_t mk_udp_ops = {.handled = handled, .abandon = destroy, .destroy = destroy};

mk_err_t actor_udp_bind_at(runtime_t *rt, const char *host, uint16_t port, socket_id_t *out) {
    mk_sockets_t *room;
    mk_addr_t     at;
    mk_assert(mk_runtime_running(rt) != NULL);
    mk_err_t err = mk_socket_place(host, port, NULL, &at);
    if (err != MK_OK || (err = mk_sockets_open(rt, &room)) != MK_OK) return err;
    datagrams_t *d = mk_socket_create(room, mk_runtime_running(rt), &mk_udp_ops, sizeof *d);
    if (d == NULL) return MK_ERR_NOMEM;
    if ((err = mk_udp_open(room->net, &d->udp, &at, on_datagram)) != MK_OK) {
        destroy(&d->socket);
        return err;
    }
    *out = d->socket.id;
    return MK_OK;
}

socket_id_t actor_udp_bind(runtime_t *rt, const char *host, uint16_t port) {
    socket_id_t id;
    mk_err_t    err = actor_udp_bind_at(rt, host, port, &id);
    if (err == MK_OK) return id;
    actor_log(rt, MK_LOG_WARN, "binding UDP port %u: %s", (unsigned)port, mk_err_text(err));
    return SOCKET_ID_INVALID;
}

mk_err_t actor_udp_sendto(runtime_t *rt, socket_id_t id, const socket_addr_t *to, const void *data, size_t size) {
    mk_socket_t *socket = mk_socket_find(rt, id, &mk_udp_ops);
    if (socket == NULL) return MK_ERR_NOTFOUND;
    mk_addr_t addr = mk_socket_addr_to(to);
    return mk_udp_send(&datagrams(socket)->udp, data, size, &addr);
}

mk_err_t actor_udp_close(runtime_t *rt, socket_id_t id) {
    mk_socket_t *socket = mk_socket_find(rt, id, &mk_udp_ops);
    if (socket == NULL) return MK_ERR_NOTFOUND;
    mk_socket_leave(socket);
    return MK_OK;
}

void mk_udp_info(mk_socket_t *socket, socket_info_t *out) {
    const datagrams_t *d = datagrams(socket);
    out->local = mk_socket_addr_of(&d->udp.at);
    out->dropped = d->dropped;
}
