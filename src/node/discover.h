/* SPDX-License-Identifier: Apache-2.0 */
/* discover.h -- what the runtime's thread and the helper that speaks mDNS have in common: a pair of sockets. The helper writes its
 * news into it, one packet each, and may wait there; it ends when the other side has nothing more to say. */
#ifndef MK_NODE_DISCOVER_H
#define MK_NODE_DISCOVER_H

#include "microkernel/discovery.h"
#include "port/port.h"

#define MK_DISCOVER_SERVICE "_microkernel._tcp"

typedef struct mk_discover_wish {
    bool      announce; /* else: watch */
    node_id_t node;
    char      identity[MK_IDENTITY_BYTES];
    mk_addr_t at;       /* where it listens; an unspecified address: on all interfaces */
} mk_discover_wish_t;

typedef enum mk_discover_kind { MK_DISCOVER_FOUND, MK_DISCOVER_LOST, MK_DISCOVER_LOG } mk_discover_kind_t;

typedef struct mk_discover_news {
    uint8_t             kind;
    uint8_t             level; /* of a log line */
    discovery_payload_t node;
    char                text[160];
} mk_discover_news_t;

/* The helper's life: until `fd` reads the end, which it closes last. */
void mk_discover_run(const mk_discover_wish_t *wish, int fd);

/* ---- what is heard is anybody's: pure ---- */

/* An identity as namespace.h has it. */
bool mk_discover_identity_ok(const char *text);
/* One `key=value` of a TXT record (RFC 6763 section 6.4), `size` bytes; unknown ones change nothing. */
void mk_discover_take_txt(discovery_payload_t *node, const uint8_t *text, size_t size);

#endif
