/* SPDX-License-Identifier: Apache-2.0 */
/* listen.c -- listeners of actors. At its limit of connections a listener pauses, and who comes waits in the system's queue. */
#include "base/assert.h"
#include "microkernel/services.h"
#include "socket/sockets.h"

enum { CONNECTIONS_MAX = 1024 };

typedef struct socket_listener {
    mk_socket_t   socket;
    mk_listener_t listener;
    socket_tls_t *tls;
    tcp_limits_t  limits;
    uint32_t      connections, connections_max;
    uint64_t      dropped; /* for want of memory */
} socket_listener_t;

static socket_listener_t *listener_of(mk_socket_t *socket) {
    return mk_container_of(socket, socket_listener_t, socket);
}

static void on_accept(mk_listener_t *listener, int fd, const mk_addr_t *peer) {
    socket_listener_t *l = mk_container_of(listener, socket_listener_t, listener);
    mk_socket_t       *s = &l->socket;
    if (++l->connections >= l->connections_max) mk_listener_pause(listener);
    if (mk_tcp_accept(s->room, s->owner, s->id, fd, peer, &l->limits, l->tls) == MK_OK) return;
    l->dropped++;
    mk_socket_listener_release(s->room, s->id);
}

/* The listener may be gone by now. */
void mk_socket_listener_release(mk_sockets_t *room, socket_id_t id) {
    mk_socket_t *socket = mk_idmap_get(&room->ids, id);
    if (socket == NULL || socket->ops != &mk_listener_ops) return;
    socket_listener_t *l = listener_of(socket);
    if (l->connections != 0 && l->connections-- == l->connections_max) mk_listener_resume(&l->listener);
}

static void destroy(mk_socket_t *socket) {
    socket_listener_t *l = listener_of(socket);
    mk_listener_close(&l->listener);
    socket_tls_release(l->tls);
    mk_socket_free(socket);
}

const mk_socket_ops_t mk_listener_ops = {.abandon = destroy, .destroy = destroy};

static mk_err_t listen_for(runtime_t *rt, actor_t *owner, const tcp_listen_options_t *options,
                           socket_listener_t **out) {
    mk_sockets_t *room;
    mk_addr_t     at;
    if (options->tls != NULL && !options->tls->server) return MK_ERR_INVALID;
    if (mk_runtime_payload_max(rt) <= sizeof(tcp_closed_payload_t)) return MK_ERR_TOOLONG; /* nothing could be told */
    mk_err_t err = mk_socket_place(options->host, options->port, options->path, &at);
    if (err != MK_OK || (err = mk_sockets_open(rt, &room)) != MK_OK) return err;
    socket_listener_t *l = mk_socket_create(room, owner, &mk_listener_ops, sizeof *l);
    if (l == NULL) return MK_ERR_NOMEM;
    l->limits = options->limits;
    l->connections_max = options->connections_max != 0 ? options->connections_max : CONNECTIONS_MAX;
    l->tls = mk_socket_tls_retain(options->tls);
    if ((err = mk_listener_open(room->net, &l->listener, &at, on_accept)) != MK_OK) {
        destroy(&l->socket);
        return err;
    }
    *out = l;
    return MK_OK;
}

mk_err_t actor_tcp_listen_opts(runtime_t *rt, const tcp_listen_options_t *options, socket_id_t *out) {
    socket_listener_t *l;
    mk_assert(mk_runtime_running(rt) != NULL);
    mk_err_t err = listen_for(rt, mk_runtime_running(rt), options, &l);
    if (err == MK_OK) *out = l->socket.id;
    return err;
}

mk_err_t actor_tcp_listen_for(runtime_t *rt, actor_id_t id, const tcp_listen_options_t *options, socket_id_t *out,
                              socket_addr_t *at) {
    socket_listener_t *l;
    actor_t           *owner = mk_runtime_actor(rt, id);
    if (owner == NULL) return MK_ERR_NOTFOUND;
    mk_err_t err = listen_for(rt, owner, options, &l);
    if (err != MK_OK) return err;
    *out = l->socket.id;
    if (at != NULL) *at = mk_socket_addr_of(&l->listener.at);
    return MK_OK;
}

socket_id_t actor_tcp_listen(runtime_t *rt, uint16_t port) {
    tcp_listen_options_t options = {.port = port};
    socket_id_t          id;
    mk_err_t             err = actor_tcp_listen_opts(rt, &options, &id);
    if (err == MK_OK) return id;
    actor_log(rt, MK_LOG_WARN, "listening at port %u: %s", (unsigned)port, mk_err_text(err));
    return SOCKET_ID_INVALID;
}

mk_err_t actor_tcp_listen_tls(runtime_t *rt, socket_id_t listener, socket_tls_t *tls) {
    mk_socket_t *socket = mk_socket_find(rt, listener, &mk_listener_ops);
    if (socket == NULL) return MK_ERR_NOTFOUND;
    if (tls == NULL || !tls->server) return MK_ERR_INVALID;
    socket_listener_t *l = listener_of(socket);
    socket_tls_t      *before = l->tls;
    l->tls = mk_socket_tls_retain(tls);
    socket_tls_release(before);
    return MK_OK;
}

void mk_listener_info(mk_socket_t *socket, socket_info_t *out) {
    const socket_listener_t *l = listener_of(socket);
    out->local = mk_socket_addr_of(&l->listener.at);
    out->connections = l->connections;
    out->dropped = l->dropped + l->listener.refused;
}
