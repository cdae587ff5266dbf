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
#include <string.h>

#include "port/port.h"
#include "runtime/remote.h"

enum {
    MK_WIRE_VERSION = 1,
    MK_WIRE_HEADER_BYTES = 4,
    MK_WIRE_FRAME_BYTES_MAX = 65535,
    MK_WIRE_IDENTITY_MAX = 31,
    MK_WIRE_NAME_MAX = 1024,  /* longer ones are not exported */
    MK_WIRE_TEXT_MAX = 1000,
    MK_WIRE_CREDIT_MIN = 4096, /* of a hello: less does not carry a link                             */
    MK_WIRE_QUEUE_MAX = 64 * 1024 * 1024,
    MK_WIRE_STREAMS_MAX = 16,  /* fragmented messages under way in one direction; together they announce at
                                * most the receiver's message_max                                    */
};

typedef enum mk_wire_kind {
    MK_WIRE_HELLO = 1,   /* first frame of each side                                       */
    MK_WIRE_WELCOME,     /* the hello is accepted: version, what the other may do here     */
    MK_WIRE_REFUSE,      /* it is not: a reason; the link ends                             */
    MK_WIRE_BYE,         /* the link ends in order: a reason                               */
    MK_WIRE_PING,        /* a stamp ...                                                    */
    MK_WIRE_PONG,        /* ... that comes back                                            */
    MK_WIRE_CREDIT,      /* DATA, FRAGMENT, SIGNAL, STOPPED frames taken since the beginning */
    MK_WIRE_STOP,        /* no more for this actor, answers to calls aside: its mailbox is full ... */
    MK_WIRE_STOPPED,     /* ... the answer, behind what was queued: none will come from here on ... */
    MK_WIRE_READY,       /* ... until now (from who said STOP, once for each)              */
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
 * flags that it does not have, impossible length). A header alone decides that, so half a frame that cannot be good is seen at
 * once. */
#define MK_WIRE_BROKEN SIZE_MAX
size_t mk_wire_next(const uint8_t *bytes, size_t size, mk_wire_frame_t *out);

/* ---- numbers ---------------------------------------------------------------------------------------------------------------
 *
 * Byte by byte they mean the same on every machine; compilers make one load or store of it where they can. */

/* In one move each: put together from bytes they are, by some compilers, written as bytes and read back as a vector, which the
 * processor waits for. */
static inline uint32_t mk_wire_little32(uint32_t value) {
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap32(value) : value;
}

static inline uint16_t mk_wire_load16(const uint8_t *at) { return (uint16_t)(at[0] | at[1] << 8); }

static inline uint32_t mk_wire_load32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return mk_wire_little32(value);
}

static inline uint64_t mk_wire_load64(const uint8_t *at) { return mk_wire_load32(at) | (uint64_t)mk_wire_load32(at + 4) << 32; }

static inline void mk_wire_store16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static inline void mk_wire_store32(uint8_t *at, uint32_t value) {
    value = mk_wire_little32(value);
    memcpy(at, &value, sizeof value);
}

static inline void mk_wire_store64(uint8_t *at, uint64_t value) {
    mk_wire_store32(at, (uint32_t)value);
    mk_wire_store32(at + 4, (uint32_t)(value >> 32));
}

static inline void mk_wire_put_head(uint8_t *to, size_t frame_bytes, mk_wire_kind_t kind, unsigned flags) {
    mk_wire_store32(to, (uint32_t)frame_bytes | (uint32_t)kind << 16 | (uint32_t)flags << 24);
}

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
    uint32_t queue;       /* bytes that may wait at the sender, if the other has as many     */
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

/* `to` has room for MK_WIRE_DATA_CALL_BYTES and the payload; the whole is at most MK_WIRE_FRAME_BYTES_MAX. */
static inline size_t mk_wire_put_data(uint8_t *to, const mk_wire_data_t *data) {
    size_t fixed = data->part == 0 ? MK_WIRE_DATA_BYTES : MK_WIRE_DATA_CALL_BYTES, size = fixed + data->payload.size;
    mk_wire_put_head(to, size, MK_WIRE_DATA, data->part);
    mk_wire_store32(to + 4, data->source);
    mk_wire_store32(to + 8, data->dest);
    mk_wire_store32(to + 12, data->type);
    if (data->part != 0) mk_wire_store32(to + 16, data->call);
    if (data->payload.size != 0) memcpy(to + fixed, data->payload.data, data->payload.size);
    return size;
}

/* The frame is from mk_wire_next(), so its flags are known ones and the fixed part without a call is there. */
static inline bool mk_wire_get_data(const mk_wire_frame_t *frame, mk_wire_data_t *out) {
    size_t fixed = MK_WIRE_DATA_BYTES - MK_WIRE_HEADER_BYTES;
    out->source = mk_wire_load32(frame->body);
    out->dest = mk_wire_load32(frame->body + 4);
    out->type = mk_wire_load32(frame->body + 8);
    out->part = frame->flags;
    out->call = 0;
    if (frame->flags != 0) {
        fixed = MK_WIRE_DATA_CALL_BYTES - MK_WIRE_HEADER_BYTES;
        if (frame->size < fixed || frame->flags == (MK_WIRE_CALL | MK_WIRE_REPLY)) return false;
        out->call = mk_wire_load32(frame->body + 12);
        if (out->call == 0) return false;
    }
    out->payload = (mk_slice_t){frame->body + fixed, frame->size - fixed};
    return out->dest != 0;
}

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

/* A reload that was taken has two: the second's `error` is a wasm_reload_outcome_t. */
typedef struct mk_wire_answer {
    uint32_t   ref;
    uint8_t    error; /* mk_err_t */
    uint32_t   seq;
    mk_slice_t text;
} mk_wire_answer_t;

/* ---- the functions of all others ----------------------------------------------------------------------------------------- */

/* What `to` must have room for; those with a text or name at their end: at most. */
enum {
    MK_WIRE_HELLO_BYTES_MAX = MK_WIRE_HEADER_BYTES + 46 + MK_WIRE_IDENTITY_MAX,
    MK_WIRE_WELCOME_BYTES = MK_WIRE_HEADER_BYTES + 5,
    MK_WIRE_END_BYTES_MAX = MK_WIRE_HEADER_BYTES + 1 + MK_WIRE_TEXT_MAX,
    MK_WIRE_STAMP_BYTES = MK_WIRE_HEADER_BYTES + 8,
    MK_WIRE_CREDIT_BYTES = MK_WIRE_HEADER_BYTES + 16,
    MK_WIRE_ACTOR_BYTES = MK_WIRE_HEADER_BYTES + 4,
    MK_WIRE_FRAGMENT_BYTES = MK_WIRE_HEADER_BYTES + 4,                 /* and the piece ...         */
    MK_WIRE_FRAGMENT_FIRST_BYTES_MAX = MK_WIRE_FRAGMENT_BYTES + 4 + 16, /* ... of the first: and it  */
    MK_WIRE_SIGNAL_BYTES_MAX = MK_WIRE_HEADER_BYTES + 15 + MK_SIGNAL_TEXT_MAX,
    MK_WIRE_EMPTY_BYTES = MK_WIRE_HEADER_BYTES,
    MK_WIRE_NAME_BYTES_MAX = MK_WIRE_HEADER_BYTES + 20 + MK_WIRE_NAME_MAX,
    MK_WIRE_NAME_GONE_BYTES_MAX = MK_WIRE_HEADER_BYTES + 8 + MK_WIRE_NAME_MAX,
    MK_WIRE_REQUEST_BYTES_MAX = MK_WIRE_HEADER_BYTES + 11 + 2 * 255,
    MK_WIRE_ANSWER_BYTES_MAX = MK_WIRE_HEADER_BYTES + 9 + MK_WIRE_TEXT_MAX,
};

size_t mk_wire_put_hello(uint8_t *to, const mk_wire_hello_t *hello);
bool   mk_wire_get_hello(const mk_wire_frame_t *frame, mk_wire_hello_t *out);
bool   mk_wire_identity_is_valid(const char *text, size_t size);

size_t mk_wire_put_welcome(uint8_t *to, const mk_wire_welcome_t *welcome);
bool   mk_wire_get_welcome(const mk_wire_frame_t *frame, mk_wire_welcome_t *out);

/* `kind`: MK_WIRE_REFUSE or MK_WIRE_BYE. A longer text is cut. Reasons that are not known yet are taken: they only explain. */
size_t      mk_wire_put_end(uint8_t *to, mk_wire_kind_t kind, const mk_wire_end_t *end);
bool        mk_wire_get_end(const mk_wire_frame_t *frame, mk_wire_end_t *out);
const char *mk_wire_reason_text(unsigned reason); /* for people; never NULL */

/* MK_WIRE_PING, MK_WIRE_PONG. */
size_t mk_wire_put_stamp(uint8_t *to, mk_wire_kind_t kind, uint64_t stamp);
bool   mk_wire_get_stamp(const mk_wire_frame_t *frame, uint64_t *out);

typedef struct mk_wire_credit {
    uint64_t bytes;    /* of the frames that count, since the beginning, headers included */
    uint64_t messages; /* whole ones                                                               */
} mk_wire_credit_t;
size_t mk_wire_put_credit(uint8_t *to, const mk_wire_credit_t *credit);
bool   mk_wire_get_credit(const mk_wire_frame_t *frame, mk_wire_credit_t *out);

/* MK_WIRE_STOP, MK_WIRE_STOPPED, MK_WIRE_READY: an actor of who says STOP and READY. */
size_t mk_wire_put_actor(uint8_t *to, mk_wire_kind_t kind, uint32_t seq);
bool   mk_wire_get_actor(const mk_wire_frame_t *frame, uint32_t *out);

/* The payload is the piece, 1 byte or more: MK_WIRE_FRAGMENT_BYTES (MK_WIRE_FRAGMENT_FIRST_BYTES_MAX) and the piece. */
size_t mk_wire_put_fragment(uint8_t *to, const mk_wire_fragment_t *fragment);
bool   mk_wire_get_fragment(const mk_wire_frame_t *frame, mk_wire_fragment_t *out);

size_t mk_wire_put_signal(uint8_t *to, const mk_signal_t *signal);
bool   mk_wire_get_signal(const mk_wire_frame_t *frame, mk_signal_t *out);

/* MK_WIRE_NAMES_BEGIN, MK_WIRE_NAMES_END: no body. */
size_t mk_wire_put_empty(uint8_t *to, mk_wire_kind_t kind);

/* NAME_GONE has no seq and no stamp_ms: they are read as 0. A name has no NUL in it. */
size_t mk_wire_put_name(uint8_t *to, const mk_wire_name_t *name);
bool   mk_wire_get_name(const mk_wire_frame_t *frame, mk_wire_name_t *out);
size_t mk_wire_put_name_gone(uint8_t *to, const mk_wire_name_t *name);
bool   mk_wire_get_name_gone(const mk_wire_frame_t *frame, mk_wire_name_t *out);

size_t mk_wire_put_request(uint8_t *to, const mk_wire_request_t *request);
bool   mk_wire_get_request(const mk_wire_frame_t *frame, mk_wire_request_t *out);

size_t mk_wire_put_answer(uint8_t *to, const mk_wire_answer_t *answer); /* a longer text is cut */
bool   mk_wire_get_answer(const mk_wire_frame_t *frame, mk_wire_answer_t *out);

#endif
