/* SPDX-License-Identifier: Apache-2.0 */
/* socket.c -- descriptors of sockets, and who is bound to which address. */
#include <string.h>

#include "base/assert.h"
#include "port/fake/network.h"

enum { PORT_FIRST = 49152, PORT_LAST = 65535 };

static mk_fake_sock_t *table[MK_FAKE_FDS_MAX];
static int             lowest = MK_FAKE_FIRST_SOCKET; /* no free descriptor below this one      */
static int             highest = -1;                  /* no socket was ever above this one      */
static unsigned        open_n;
static mk_node_t      *bound;
static uint16_t        port = PORT_FIRST;

/* ---- descriptors ---------------------------------------------------------------------------------------------------------- */

mk_err_t mk_fake_open(mk_fake_sock_t *sock) {
    if (mk_fake_should_fail(MK_FAKE_SOCKET) || open_n >= mk_fake_config.sockets_max) return MK_ERR_LIMIT;
    while (lowest < MK_FAKE_FDS_MAX && table[lowest] != NULL) lowest++;
    if (lowest == MK_FAKE_FDS_MAX) return MK_ERR_LIMIT;
    sock->fd = lowest++;
    table[sock->fd] = sock;
    if (sock->fd > highest) highest = sock->fd;
    open_n++;
    return MK_OK;
}

void mk_fake_shut(mk_fake_sock_t *sock) {
    mk_fake_unwatch(sock->fd);
    table[sock->fd] = NULL;
    if (sock->fd < lowest) lowest = sock->fd;
    sock->fd = -1;
    open_n--;
}

mk_fake_sock_t *mk_fake_sock(int fd) { return fd >= 0 && fd < MK_FAKE_FDS_MAX ? table[fd] : NULL; }

unsigned mk_fake_sockets(void) { return open_n; }

void mk_fake_sockets_reset(void) {
    for (int fd = MK_FAKE_FIRST_SOCKET; fd <= highest; fd++) table[fd] = NULL;
    lowest = MK_FAKE_FIRST_SOCKET;
    highest = -1;
    open_n = 0;
    bound = NULL;
    port = PORT_FIRST;
}

void mk_fake_net_reset(void) {
    mk_fake_sockets_reset();
    mk_fake_streams_reset();
    mk_fake_links_reset();
    mk_fake_names_reset();
    mk_fake_events_reset();
}

static bool is_end(const mk_addr_t *wanted, const mk_addr_t *addr) {
    if (wanted->port != 0 && wanted->port != addr->port) return false;
    return wanted->family == MK_FAMILY_NONE || mk_fake_same_ip(wanted, addr);
}

int mk_fake_find(const mk_addr_t *local, const mk_addr_t *peer) {
    for (int fd = MK_FAKE_FIRST_SOCKET; fd <= highest; fd++) {
        const mk_fake_sock_t *sock = table[fd];
        if (sock != NULL && sock->kind == STREAM && is_end(local, &sock->local) && is_end(peer, &sock->peer)) return fd;
    }
    return -1;
}

/* ---- addresses ------------------------------------------------------------------------------------------------------------ */

/* What is bound to IPv6's "any" serves both families. */
static bool serves(const mk_addr_t *at, const mk_addr_t *to) {
    if (at->port != to->port) return false;
    if (mk_fake_same_ip(at, to)) return true;
    if (!mk_fake_is_any(at)) return false;
    return at->family == to->family || (at->family == MK_FAMILY_IPV6 && to->family == MK_FAMILY_IPV4);
}

mk_fake_sock_t *mk_fake_bound(mk_fake_kind_t kind, unsigned host, const mk_addr_t *to) {
    mk_fake_sock_t *found = NULL;
    for (mk_node_t *node = bound; node != NULL; node = node->next) {
        mk_fake_sock_t *sock = mk_container_of(node, mk_fake_sock_t, bound);
        if (sock->kind != kind || sock->host != host || sock->mute || !serves(&sock->local, to)) continue;
        if (mk_fake_same_ip(&sock->local, to)) return sock;
        found = sock;
    }
    return found;
}

static bool is_taken(mk_fake_kind_t kind, unsigned host, const mk_addr_t *at) {
    for (mk_node_t *node = bound; node != NULL; node = node->next) {
        const mk_fake_sock_t *sock = mk_container_of(node, mk_fake_sock_t, bound);
        if (sock->kind != kind || sock->host != host || sock->mute) continue;
        if (serves(&sock->local, at) || serves(at, &sock->local)) return true;
    }
    return false;
}

uint16_t mk_fake_next_port(void) {
    uint16_t next = port;
    port = port == PORT_LAST ? PORT_FIRST : (uint16_t)(port + 1);
    return next;
}

static mk_err_t choose_address(mk_fake_sock_t *sock, const mk_addr_t *at) {
    sock->local = *at;
    if (at->family == MK_FAMILY_UNIX) {
        if (at->path[0] == '\0') return MK_ERR_INVALID;
    } else if (at->family != MK_FAMILY_IPV4 && at->family != MK_FAMILY_IPV6) {
        return MK_ERR_INVALID;
    } else if (mk_fake_host_of(at, sock->host) != sock->host) {
        return MK_ERR_INVALID;
    } else if (at->port == 0) {
        for (unsigned tries = 0; tries <= PORT_LAST - PORT_FIRST; tries++) {
            sock->local.port = mk_fake_next_port();
            if (!is_taken(sock->kind, sock->host, &sock->local)) return MK_OK;
        }
    }
    return is_taken(sock->kind, sock->host, &sock->local) ? MK_ERR_BUSY : MK_OK;
}

mk_err_t mk_fake_bind(mk_fake_sock_t *sock, mk_fake_kind_t kind, const mk_addr_t *at) {
    *sock = (mk_fake_sock_t){.kind = kind, .fd = -1, .host = mk_fake_host()};
    if (mk_fake_host_is_down(sock->host)) return MK_ERR_IO;
    mk_err_t err = choose_address(sock, at);
    if (err != MK_OK || (err = mk_fake_open(sock)) != MK_OK) return err;
    mk_list_push(&bound, &sock->bound);
    return MK_OK;
}

bool mk_sock_local(int fd, mk_addr_t *out) {
    const mk_fake_sock_t *sock = mk_fake_sock(fd);
    if (sock == NULL) return false;
    *out = sock->local;
    return true;
}

bool mk_sock_peer(int fd, mk_addr_t *out) {
    const mk_fake_sock_t *sock = mk_fake_sock(fd);
    if (sock == NULL || sock->peer.family == MK_FAMILY_NONE) return false;
    *out = sock->peer;
    return true;
}

void mk_sock_unlink(const mk_addr_t *at) { (void)at; } /* a path is free when its listener is closed */

/* ---- their end ------------------------------------------------------------------------------------------------------------ */

/* Closing what is no descriptor is a mistake that on a real machine hits whoever gets its number next. */
static void end(int fd, bool reset) {
    mk_fake_sock_t *sock = mk_fake_sock(fd);
    mk_assert(sock != NULL);
    mk_fake_net_run();
    switch (sock->kind) {
    case LISTENER: mk_fake_listener_close(sock); break;
    case STREAM: mk_fake_stream_close(sock, reset); break;
    case DATAGRAM: mk_fake_datagram_close(sock); break;
    }
}

void mk_sock_close(int fd) { end(fd, false); }

void mk_sock_reset(int fd) { end(fd, true); }

static mk_fake_sock_t *stream(int fd) {
    mk_fake_sock_t *sock = mk_fake_sock(fd);
    mk_assert(sock != NULL && sock->kind == STREAM);
    return sock;
}

void mk_fake_break(int fd) { mk_fake_stream_break(stream(fd)); }

void mk_fake_vanish(int fd) {
    mk_fake_stream_vanish(stream(fd));
    mk_fake_streams_doubt();
}
