/* SPDX-License-Identifier: Apache-2.0 */
/* where.h -- addresses of nodes as people write them. Pure. */
#ifndef MK_NODE_WHERE_H
#define MK_NODE_WHERE_H

#include "net/net.h"

typedef enum mk_where_kind { MK_WHERE_TCP, MK_WHERE_UDP, MK_WHERE_UNIX } mk_where_kind_t;

/* A name in DNS has at most 253 characters. */
enum { MK_WHERE_HOST_BYTES = 254, MK_WHERE_TEXT_BYTES = 272 };

typedef struct mk_where {
    mk_where_kind_t kind;
    uint16_t        port;
    char            host[MK_WHERE_HOST_BYTES];     /* a name or digits, without brackets; "*": all addresses */
    char            path[sizeof((mk_addr_t *)0)->path];
} mk_where_t;

/* Reads "host:port", "tcp:host:port", "udp:host:port" or "unix:/path" (a path may also begin with '@'). An IPv6 address stands in
 * brackets. `port` is taken where none is written; 0: it has to be written. A host "*" and a written port 0 are for who listens.
 * MK_ERR_INVALID; MK_ERR_TOOLONG. */
MK_MUST_CHECK mk_err_t mk_where_parse(const char *text, uint16_t port, bool listens, mk_where_t *out);

/* One spelling for each: "tcp:[::1]:4200". Returns the length; never cut: `cap` is at least MK_WHERE_TEXT_BYTES. */
size_t mk_where_format(const mk_where_t *where, char *buf, size_t cap);

/* Whether nobody outside of this machine is behind it, as far as can be said without asking a name server: for all names but
 * "localhost" it cannot. */
bool mk_where_is_local(const mk_where_t *where);

/* Where to bind. "*" is IPv6's any address, which serves both. MK_ERR_INVALID: a name that would have to be looked up. */
MK_MUST_CHECK mk_err_t mk_where_bind(const mk_where_t *where, mk_addr_t *out);

/* "tcp:10.0.0.2:4200", "unix:/path". */
size_t mk_where_of_addr(const mk_addr_t *addr, bool datagrams, char *buf, size_t cap);

#endif
