/* SPDX-License-Identifier: Apache-2.0 */
/* network.h -- what the files of the fake network share. Its memory is the kernel's, so to speak, and comes from the C library
 * and not from base/mem.h: a test that fails allocations means those of the code it tests. */
#ifndef MK_PORT_FAKE_NETWORK_H
#define MK_PORT_FAKE_NETWORK_H

#include "base/list.h"
#include "port/fake/fake_net.h"
#include "port/fake/state.h"

/* ---- events.c: memory and time -------------------------------------------------------------------------------------- */

/* Zeroed; never fails. What is not freed is gone with the next reset. */
void *mk_fake_alloc(size_t size);
void  mk_fake_free(void *p);

/* Called once at its time, which is `at_us`: the clock may show a later one. */
typedef void mk_fake_event_fn(void *arg, uint64_t at_us);
void mk_fake_later(uint64_t at_us, mk_fake_event_fn *fn, void *arg);
void mk_fake_events_reset(void);

/* ---- links.c: addresses, hosts, what happens on the way --------------------------------------------------------------- */

extern mk_fake_net_t mk_fake_config; /* defaults filled in */

bool mk_fake_is_any(const mk_addr_t *addr);
bool mk_fake_is_loopback(const mk_addr_t *addr);
/* Without their ports. */
bool mk_fake_same_ip(const mk_addr_t *a, const mk_addr_t *b);

const mk_fake_link_t *mk_fake_link_of(const mk_addr_t *from, const mk_addr_t *to);
/* Since when nothing gets through; UINT64_MAX: it does. */
uint64_t mk_fake_cut_since(const mk_addr_t *from, const mk_addr_t *to);

/* How long a packet is on its way, dice included. */
uint64_t mk_fake_latency(const mk_fake_link_t *link);
bool     mk_fake_chance(uint32_t of_1000);

/* The host that has `addr`, as seen from `from`. */
unsigned mk_fake_host_of(const mk_addr_t *addr, unsigned from);
bool     mk_fake_host_is_down(unsigned host);
/* The address that `host` would send to `to` from; false: it has none that could. */
bool     mk_fake_source(unsigned host, const mk_addr_t *to, mk_addr_t *out);
void     mk_fake_links_reset(void);

/* ---- socket.c: descriptors ---------------------------------------------------------------------------------------------- */

typedef enum { LISTENER, STREAM, DATAGRAM } mk_fake_kind_t;

typedef struct mk_fake_sock {
    mk_fake_kind_t kind;
    int            fd;   /* -1: closed, or not accepted yet                           */
    unsigned       host;
    bool           mute; /* gone without a word: nothing it does reaches anybody      */
    mk_addr_t      local, peer;
    mk_node_t      bound; /* listeners and UDP: among those that can be found         */
} mk_fake_sock_t;

/* A descriptor for it, the lowest there is. */
MK_MUST_CHECK mk_err_t mk_fake_open(mk_fake_sock_t *sock);
/* The descriptor is free again. */
void            mk_fake_shut(mk_fake_sock_t *sock);
mk_fake_sock_t *mk_fake_sock(int fd); /* NULL: none */

/* The listener or UDP socket of `host` that serves `to`; NULL: none. One bound to that very address goes before one that is
 * bound to any. */
mk_fake_sock_t *mk_fake_bound(mk_fake_kind_t kind, unsigned host, const mk_addr_t *to);
/* Gives a new listener or UDP socket of the current host its address and a descriptor; its port is chosen if none is given. */
MK_MUST_CHECK mk_err_t mk_fake_bind(mk_fake_sock_t *sock, mk_fake_kind_t kind, const mk_addr_t *at);
uint16_t mk_fake_next_port(void);
void     mk_fake_sockets_reset(void);

/* ---- stream.c ------------------------------------------------------------------------------------------------------------- */

void mk_fake_stream_close(mk_fake_sock_t *sock, bool reset);
void mk_fake_stream_break(mk_fake_sock_t *sock);
void mk_fake_stream_vanish(mk_fake_sock_t *sock); /* or a listener, with those who wait at it */
void mk_fake_listener_close(mk_fake_sock_t *sock);
/* A link was cut or a host crashed: those that ask now and then whether the peer is there will notice. */
void mk_fake_streams_doubt(void);
void mk_fake_streams_reset(void);
/* How much they hold has changed, and so what they are ready for. */
void mk_fake_streams_refresh(void);

/* ---- datagram.c ----------------------------------------------------------------------------------------------------------- */

void mk_fake_datagram_close(mk_fake_sock_t *sock);

/* ---- names.c --------------------------------------------------------------------------------------------------------------- */

void mk_fake_names_reset(void);

#endif
