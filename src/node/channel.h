/* SPDX-License-Identifier: Apache-2.0 */
/* channel.h -- what carries frames between two nodes: a byte stream (TCP, Unix; plain or TLS), datagrams, a ring in memory. A link
 * (link.h) sits on one; neither knows what the other is made of. Runtime's thread. */
#ifndef MK_NODE_CHANNEL_H
#define MK_NODE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microkernel/error.h"
#include "port/port.h"

typedef struct mk_channel mk_channel_t;

/* What the link does for its channel. None is called from inside of an operation of the channel, but from the loop. */
typedef struct mk_channel_user {
    /* It can be used: connected, shaken hands. What the channel has found out about the peer is filled in. */
    void   (*open)(mk_channel_t *channel);
    /* Bytes have come: returns how many it is done with, whole frames; the rest is offered again with more behind it. A datagram
     * holds whole frames, and what is left of one is dropped. */
    size_t (*bytes)(mk_channel_t *channel, const uint8_t *bytes, size_t size);
    /* After a write() that did not take all: it takes again. */
    void   (*room)(mk_channel_t *channel);
    /* Over: refused, reset, ended by the peer, timed out. The last call; then the user calls ops->close(). `why` for people. */
    void   (*closed)(mk_channel_t *channel, mk_err_t err, const char *why);
} mk_channel_user_t;

typedef struct mk_channel_ops {
    /* Takes whole frames from the front and returns the bytes taken; 0: none at present, room() follows. `bytes` is a row of whole
     * frames, not kept. On a channel of datagrams frames of kind DATA may get lost, all others arrive, in order. */
    size_t (*write)(mk_channel_t *channel, const uint8_t *bytes, size_t size);
    /* Releases it. `flush`: what write() took is still sent if the peer takes it within a second or so, in the background. Allowed
     * from inside of a call of the user. */
    void   (*close)(mk_channel_t *channel, bool flush);
} mk_channel_ops_t;

/* Embedded first in each kind's record. */
struct mk_channel {
    const mk_channel_ops_t  *ops;
    const mk_channel_user_t *user;
    void                    *owner;           /* the user's                                                    */
    size_t                   frame_bytes_max; /* longest frame it takes                                        */
    bool                     datagrams;       /* DATA may be lost, nothing is fragmented                       */
    bool                     dialled;         /* by us                                                         */
    bool                     encrypted;
    uint32_t                 may;             /* what the peer proved it may do here: MK_MAY_ bits             */
    uint64_t                 lost;            /* datagrams: DATA frames of the peer's that did not arrive  */
    char                     proved[32];      /* with a certificate: the identity it names; "": anybody's      */
    char                     where[128];      /* "tcp:10.0.0.2:4200"                                           */
};

#endif
