/* SPDX-License-Identifier: Apache-2.0 */
/* net.h -- what all streams, listeners and look-ups of one loop share. One thread. */
#ifndef MK_NET_NET_H
#define MK_NET_NET_H

#include "loop/loop.h"

typedef struct mk_net mk_net_t;

/* MK_ERR_NOMEM. The loop outlives it. */
MK_MUST_CHECK mk_err_t mk_net_create(mk_loop_t *loop, mk_net_t **out);
void                   mk_net_destroy(mk_net_t *net); /* every stream, listener and socket is closed; look-ups are dropped */
mk_loop_t             *mk_net_loop(const mk_net_t *net);

/* ---- addresses -------------------------------------------------------------------------------------------------------- */

/* "192.0.2.1", "2001:db8::1", "fe80::1%2", in brackets or not; no names. False: not one. */
bool mk_addr_parse(const char *text, uint16_t port, mk_addr_t *out);

/* "192.0.2.1:80", "[2001:db8::1]:80", "unix:/path". Returns the length, NUL-terminated and never cut: `cap` is at least
 * MK_ADDR_TEXT_BYTES. */
enum { MK_ADDR_TEXT_BYTES = 128 };
size_t mk_addr_format(const mk_addr_t *addr, char *buf, size_t cap);
bool   mk_addr_equal(const mk_addr_t *a, const mk_addr_t *b);
bool   mk_addr_is_loopback(const mk_addr_t *addr); /* a Unix socket is */

/* ---- names ------------------------------------------------------------------------------------------------------------ */

typedef struct mk_lookup mk_lookup_t;

/* `addrs` are borrowed; `n` is at least 1 when `err` is MK_OK, and port is 0 in all of them. */
typedef void mk_lookup_fn(void *arg, mk_err_t err, const mk_addr_t *addrs, size_t n);

/* `host` is a name, or an address in digits; `deadline_ms` 0: 10,000. Calls `fn` once, never from inside this call: MK_OK,
 * MK_ERR_NOTFOUND, MK_ERR_TIMEOUT, MK_ERR_IO, MK_ERR_NOMEM. Answers are remembered for a while (negative ones shortly), and
 * those who ask for the same name at a time share one look-up. *out is valid until then; mk_lookup_cancel() means that `fn` is
 * not called. MK_ERR_NOMEM, MK_ERR_LIMIT (too many at a time), MK_ERR_TOOLONG. */
MK_MUST_CHECK mk_err_t mk_lookup_start(mk_net_t *net, const char *host, uint32_t deadline_ms, mk_lookup_fn *fn, void *arg,
                                       mk_lookup_t **out);
void                   mk_lookup_cancel(mk_lookup_t *lookup);
void                   mk_lookup_forget(mk_net_t *net); /* empties the cache */

/* ---- listeners ---------------------------------------------------------------------------------------------------------- */

typedef struct mk_listener mk_listener_t;

/* The descriptor is the callee's: mk_stream_adopt(), or mk_sock_close(). */
typedef void mk_accept_fn(mk_listener_t *listener, int fd, const mk_addr_t *peer);

struct mk_listener {
    mk_net_t     *net;        /* NULL: closed                                        */
    mk_accept_fn *fn;
    mk_watch_t    watch;
    mk_node_t     all;        /* in its net                                          */
    bool         *gone;       /* of the call on the stack: set when it is closed in it */
    mk_timer_t    retry;      /* accepting pauses when descriptors have run out      */
    uint32_t      backoff_ms;
    bool          paused;
    mk_addr_t     at;         /* as bound: with the port that was chosen             */
    uint64_t      refused;    /* times that descriptors or memory had run out        */
};

/* Embedded in its user's record. Errors of mk_sock_listen(). */
MK_MUST_CHECK mk_err_t mk_listener_open(mk_net_t *net, mk_listener_t *listener, const mk_addr_t *at, mk_accept_fn *fn);
/* Of a descriptor that is bound and listens already, which is its own from now on, whatever it answers. */
MK_MUST_CHECK mk_err_t mk_listener_adopt(mk_net_t *net, mk_listener_t *listener, int fd, const mk_addr_t *at, mk_accept_fn *fn);
void                   mk_listener_close(mk_listener_t *listener); /* harmless when closed; removes a Unix socket's file */
void                   mk_listener_pause(mk_listener_t *listener); /* at a limit of connections: who comes waits in the backlog */
void                   mk_listener_resume(mk_listener_t *listener);

/* ---- datagrams ----------------------------------------------------------------------------------------------------------- */

typedef struct mk_udp mk_udp_t;

/* `data` is borrowed. A datagram longer than MK_UDP_BYTES_MAX does not exist. */
enum { MK_UDP_BYTES_MAX = 65535 };
typedef void mk_udp_fn(mk_udp_t *udp, const uint8_t *data, size_t size, const mk_addr_t *from);

struct mk_udp {
    mk_net_t  *net;  /* NULL: closed                                          */
    mk_udp_fn *fn;
    mk_watch_t watch;
    mk_node_t  all;  /* in its net                                            */
    mk_addr_t  at;
    bool      *gone; /* of the call on the stack: set when it is closed in it */
};

MK_MUST_CHECK mk_err_t mk_udp_open(mk_net_t *net, mk_udp_t *udp, const mk_addr_t *at, mk_udp_fn *fn);
MK_MUST_CHECK mk_err_t mk_udp_send(mk_udp_t *udp, const void *data, size_t size, const mk_addr_t *to);
void                   mk_udp_close(mk_udp_t *udp); /* harmless when closed */

#endif
