/* SPDX-License-Identifier: Apache-2.0 */
/* transports.c -- links to one node whose number is known, in the shape of runtime_add_transport().
 *
 * A transport is a door or a call for that node alone. While its link stands the runtime knows the node by itself and does not ask
 * the transport; it is asked when there is none. */
#include "microkernel/transport.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "microkernel/runtime.h"
#include "node/cluster_parts.h"

enum { BACKLOG = 64 };

typedef struct node_transport {
    transport_t   base;
    mk_where_t    where;
    bool          listens;
    int           fd; /* who listens, until it is attached: bound already */
    mk_addr_t     at;
    mk_cluster_t *cluster; /* NULL: not attached */
    mk_door_t    *door;
} node_transport_t;

static node_transport_t *of(transport_t *self) { return mk_container_of(self, node_transport_t, base); }

/* ---- what the runtime calls ------------------------------------------------------------------------------------------------------ */

static mk_err_t transport_send(transport_t *self, actor_id_t source, actor_id_t dest, msg_type_t type,
                               const void *payload, size_t size) {
    const node_transport_t *t = of(self);
    mk_remote_t            *remote = t->cluster != NULL ? mk_remote_find(t->cluster->rt, self->peer) : NULL;
    if (remote == NULL) return MK_ERR_CLOSED;
    mk_envelope_t envelope = {
        .source = actor_id_seq(source), .dest = actor_id_seq(dest), .type = type, .payload = payload, .size = size};
    return remote->ops->send(remote, &envelope);
}

static mk_err_t open_door(node_transport_t *t, mk_cluster_t *cluster) {
    int fd = t->fd;
    t->fd = -1;
    if (t->where.kind == MK_WHERE_UDP) {
        mk_sock_close(fd); /* the place was only held */
        fd = -1;
    }
    return mk_door_open(cluster, &t->where, fd, &t->at, t->base.peer, &t->door);
}

static bool transport_attach(transport_t *self, runtime_t *rt) {
    node_transport_t *t = of(self);
    mk_call_t        *call;
    mk_cluster_t     *cluster = self->peer != runtime_get_node_id(rt) ? mk_cluster_of(rt) : NULL;
    if (cluster == NULL || t->cluster != NULL || (t->listens && t->fd < 0)) return false;
    mk_err_t err = t->listens ? open_door(t, cluster) : mk_call_open(cluster, &t->where, self->peer, &call);
    if (err != MK_OK) return false; /* logged */
    t->cluster = cluster;
    return true;
}

static void transport_destroy(transport_t *self) {
    node_transport_t *t = of(self);
    char              text[MK_WHERE_TEXT_BYTES];
    if (t->fd >= 0) {
        mk_sock_close(t->fd);
        mk_sock_unlink(&t->at);
    }
    if (t->door != NULL) mk_door_close(t->door);
    if (t->cluster != NULL && !t->listens) {
        mk_where_format(&t->where, text, sizeof text);
        mk_call_t *call = mk_call_find(t->cluster, text); /* it may have been disconnected by name */
        if (call != NULL) mk_call_close(call);
    }
    mk_free(t);
}

/* ---- making them ------------------------------------------------------------------------------------------------------------------- */

static mk_err_t bind_now(node_transport_t *t) {
    mk_err_t err = mk_where_bind(&t->where, &t->at);
    if (err != MK_OK) return err;
    if (t->where.kind == MK_WHERE_UDP) return mk_sock_udp(&t->at, &t->fd, &t->at);
    return mk_sock_listen(&t->at, BACKLOG, &t->fd, &t->at);
}

static transport_t *create(const char *text, bool listens, node_id_t peer) {
    mk_where_t where;
    if (peer == 0 || mk_where_parse(text, 0, listens, &where) != MK_OK) return NULL;
    node_transport_t *t = mk_calloc(1, sizeof *t);
    if (t == NULL) return NULL;
    t->base = (transport_t){peer, transport_send, transport_attach, transport_destroy};
    t->where = where;
    t->listens = listens;
    t->fd = -1;
    if (listens && bind_now(t) != MK_OK) {
        mk_free(t);
        return NULL;
    }
    return &t->base;
}

static transport_t *create_unix(const char *path, bool listens, node_id_t peer) {
    char text[MK_WHERE_TEXT_BYTES];
    int  n = path != NULL ? snprintf(text, sizeof text, "unix:%s", path) : -1;
    return n > 0 && (size_t)n < sizeof text ? create(text, listens, peer) : NULL;
}

static transport_t *create_ip(const char *kind, const char *host, uint16_t port, bool listens, node_id_t peer) {
    char      text[MK_WHERE_TEXT_BYTES];
    mk_addr_t addr;
    if (host == NULL) host = "127.0.0.1";
    bool bare = host[0] != '[' && mk_addr_parse(host, 0, &addr) && addr.family == MK_FAMILY_IPV6;
    int  n = snprintf(text, sizeof text, bare ? "%s:[%s]:%u" : "%s:%s:%u", kind, host, (unsigned)port);
    return n > 0 && (size_t)n < sizeof text ? create(text, listens, peer) : NULL;
}

transport_t *transport_unix_listen(const char *path, node_id_t peer) { return create_unix(path, true, peer); }

transport_t *transport_unix_connect(const char *path, node_id_t peer) { return create_unix(path, false, peer); }

transport_t *transport_tcp_listen(const char *host, uint16_t port, node_id_t peer) {
    return create_ip("tcp", host, port, true, peer);
}

transport_t *transport_tcp_connect(const char *host, uint16_t port, node_id_t peer) {
    return create_ip("tcp", host, port, false, peer);
}

transport_t *transport_udp_bind(const char *host, uint16_t port, node_id_t peer) {
    return create_ip("udp", host, port, true, peer);
}

transport_t *transport_udp_connect(const char *host, uint16_t port, node_id_t peer) {
    return create_ip("udp", host, port, false, peer);
}
