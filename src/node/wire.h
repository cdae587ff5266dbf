/* SPDX-License-Identifier: Apache-2.0 */
/* wire.h -- the frames two nodes exchange: bytes in, structs out, and back. No I/O, no state. docs/wire-protocol.md is the same
 * for people. All numbers are little-endian.
 *
 * Every frame begins with four bytes: its whole length (u16, this header included), its kind, its flags. So no peer can announce
 * more than 64 KiB; larger messages travel in fragments. */
#ifndef MK_NODE_WIRE_H
#define MK_NODE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microkernel/error.h"
#include "port/port.h"

enum {
    MK_WIRE_VERSION = 1,
    MK_WIRE_HEADER_BYTES = 4,
    MK_WIRE_FRAME_BYTES_MAX = 65535,
    MK_WIRE_IDENTITY_MAX = 31,
    MK_WIRE_NAME_MAX = 1024,  /* longer ones are not exported */
    MK_WIRE_TEXT_MAX = 1000,
};

typedef enum mk_wire_kind {
    MK_WIRE_HELLO = 1,   /* first frame of each side                                       */
    MK_WIRE_WELCOME,     /* the hello is accepted: version, what the other may do here     */
    MK_WIRE_REFUSE,      /* it is not: a reason; the link ends                             */
    MK_WIRE_BYE,         /* the link ends in order: a reason                               */
    MK_WIRE_PING,        /* a stamp ...                                                    */
    MK_WIRE_PONG,        /* ... that comes back                                            */
    MK_WIRE_CREDIT,      /* bytes of DATA and FRAGMENT frames taken since the beginning     */
    MK_WIRE_STOP,        /* no more for this actor: its mailbox is full ...                */
    MK_WIRE_STOPPED,     /* ... none will come from here on ...                            */
    MK_WIRE_READY,       /* ... until now                                                  */
    MK_WIRE_DATA,        /* a message                                                      */
    MK_WIRE_FRAGMENT,    /* a piece of a message                                           */
    MK_WIRE_SIGNAL,      /* runtime/remote.h                                               */
    MK_WIRE_NAMES_BEGIN, /* all our names follow; older news about them is void            */
    MK_WIRE_NAME,        /* a name and whose it is                                         */
    MK_WIRE_NAME_GONE,
    MK_WIRE_NAMES_END,   /* those not said since the beginning are gone                    */
    MK_WIRE_REQUEST,     /* spawn, stop, reload ...                                        */
    MK_WIRE_ANSWER,
    MK_WIRE_KINDS
} mk_wire_kind_t;

typedef struct mk_wire_frame {
    mk_wire_kind_t kind;
    uint8_t        flags;
    const uint8_t *body; /* borrowed */
    size_t         size; /* of the body */
} mk_wire_frame_t;

/* The first frame of `bytes`: its whole length, 0 when it is not complete yet, or MK_WIRE_BROKEN: no frame begins so (unknown kind,
 * impossible length). A header alone decides that, so half a frame that cannot be good is seen at once. */
#define MK_WIRE_BROKEN SIZE_MAX
size_t mk_wire_next(const uint8_t *bytes, size_t size, mk_wire_frame_t *out);

/* ---- each kind's body ------------------------------------------------------------------------------------------------------
 *
 * mk_wire_get_x(): false: malformed. Strings and payloads point into the body.
 * mk_wire_put_x(): writes the whole frame and returns its length; `to` has room for MK_WIRE_X_BYTES_MAX, or what is said there. */

enum { /* features */
    MK_WIRE_FEATURE_FRAGMENTS = 0x01,
    MK_WIRE_FEATURE_SIGNALS = 0x02,
    MK_WIRE_FEATURE_NAMES = 0x04,
    MK_WIRE_FEATURE_REQUESTS = 0x08,
};

typedef struct mk_wire_hello {
    uint8_t  version_min, version_max;
    uint32_t node;
    uint32_t peer;        /* whom it wants; 0: anyone                                        */
    uint64_t incarnation; /* of the node's life: later lives have higher numbers if its clock is right */
    uint32_t generation;  /* of the connection, counted by who dialled; 0: accepted          */
    uint32_t features;
    uint32_t credit;      /* bytes the other may have on the way                             */
    uint32_t message_max; /* longest payload it takes                                        */
    uint32_t heartbeat_ms;
    char     identity[MK_WIRE_IDENTITY_MAX + 1]; /* letters, digits, '-', '_', '.'; checked  */
} mk_wire_hello_t;

typedef struct mk_wire_welcome {
    uint8_t  version;
    uint32_t may; /* MK_MAY_ bits: what the receiver may do at the sender's */
} mk_wire_welcome_t;

typedef enum mk_wire_reason {
    MK_WIRE_REASON_VERSION = 1, /* no version in common                                     */
    MK_WIRE_REASON_TAKEN,       /* identity or node id belongs to a node that lives         */
    MK_WIRE_REASON_SELF,        /* it is ourselves                                          */
    MK_WIRE_REASON_STRANGER,    /* not the node that was asked for, or no role              */
    MK_WIRE_REASON_DOUBLE,      /* this pair has a better link                              */
    MK_WIRE_REASON_FULL,        /* too many peers                                           */
    MK_WIRE_REASON_STOPPING,    /* the node ends, or the link is not wanted any more        */
    MK_WIRE_REASON_PROTOCOL,    /* the peer broke the protocol                              */
    MK_WIRE_REASON_OLD,         /* a later life of this node is known                       */
} mk_wire_reason_t;

typedef struct mk_wire_end { /* REFUSE and BYE */
    uint8_t    reason;
    mk_slice_t text;
} mk_wire_end_t;

/* DATA: fixed layout, the hot path: source, dest, type (u32 each), [call u32,] payload. */
enum { MK_WIRE_CALL = 0x01, MK_WIRE_REPLY = 0x02 }; /* flags of DATA and of a first FRAGMENT; not both */
enum { MK_WIRE_DATA_BYTES = MK_WIRE_HEADER_BYTES + 12, MK_WIRE_DATA_CALL_BYTES = MK_WIRE_DATA_BYTES + 4 };

typedef struct mk_wire_data {
    uint32_t   source, dest, type, call; /* call: 0 without a flag */
    uint8_t    part;                     /* 0, MK_WIRE_CALL, MK_WIRE_REPLY */
    mk_slice_t payload;
} mk_wire_data_t;

/* FRAGMENT: stream u32; the first also total u32 and what DATA has; then bytes. Streams are numbered from 1 by who sends; several
 * may be under way at a time, each in order. */
enum { MK_WIRE_FIRST = 0x04, MK_WIRE_LAST = 0x08 };

typedef struct mk_wire_fragment {
    uint32_t       stream;
    bool           first, last;
    uint32_t       total;   /* first: bytes of the whole payload */
    mk_wire_data_t data;    /* first: whose it is; payload: this piece, in any of them */
} mk_wire_fragment_t;

typedef struct mk_wire_name {
    uint32_t   seq;      /* who carries it; 0: held for a restart           */
    uint64_t   stamp_ms; /* when it was registered: wall clock, UTC         */
    uint64_t   counter;  /* of the owner's news: later ones are higher      */
    mk_slice_t name;
} mk_wire_name_t;

enum { MK_WIRE_SPAWN = 1, MK_WIRE_STOP_ACTOR, MK_WIRE_RELOAD };

typedef struct mk_wire_request {
    uint32_t   ref;
    uint8_t    verb;
    uint32_t   seq;          /* of the actor it is about                    */
    mk_slice_t module, name; /* at most 255 bytes each                      */
} mk_wire_request_t;

typedef struct mk_wire_answer {
    uint32_t   ref;
    uint8_t    error; /* mk_err_t */
    uint32_t   seq;
    mk_slice_t text;
} mk_wire_answer_t;

/* The functions: mk_wire_put_hello(uint8_t *to, const mk_wire_hello_t *), mk_wire_get_hello(const mk_wire_frame_t *, mk_wire_hello_t *)
 * and so on for each; declared here by whoever writes wire.c, in this order. */

#endif
