/* SPDX-License-Identifier: Apache-2.0 */
/* link_parts.h -- a link from inside. link.c: its life; link_send.c: what the runtime hands over; link_flush.c: the lanes on their
 * way out; link_bulk.c: large payloads among them; link_receive.c: what comes; link_fragments.c: large payloads put together. */
#ifndef MK_NODE_LINK_PARTS_H
#define MK_NODE_LINK_PARTS_H

#include "base/assert.h"
#include "base/mem.h"
#include "node/link.h"
#include "node/link_table.h"

enum {
    /* A larger payload travels in pieces of this. Small enough that what comes behind waits for some ten microseconds, large enough
     * that a header more does not show. */
    MK_LINK_PIECE_BYTES = 16 * 1024,
    /* Any row of small frames that leaves as one piece. */
    MK_LINK_ROW_BYTES = MK_LINK_PIECE_BYTES + MK_WIRE_DATA_CALL_BYTES,
    /* Data lane bytes that leave before bulk has its turn. */
    MK_LINK_DATA_QUANTUM_BYTES = 64 * 1024,
    /* Data lane bytes, and as many more if that did not help, that leave at once. */
    MK_LINK_EARLY_BYTES = 32 * 1024,
    MK_LINK_CONTROL_BYTES_MAX = 64 * 1024, /* of the cluster's; then it is told to wait ... */
    MK_LINK_CONTROL_BYTES_LOW = 32 * 1024, /* ... until there is no more than this           */
    /* What the peer makes us answer and then does not read. An honest one can have us say STOP for each message that its credit
     * allows, and it reads. */
    MK_LINK_ANSWERS_BYTES_MAX = 2 * 1024 * 1024,
    MK_LINK_SIGNALS_BYTES_MAX = 16 * 1024 * 1024, /* likewise, beyond what the queue takes  */
    MK_LINK_STOPPED_MAX = 65536,                  /* actors, in each direction              */
    MK_LINK_FINISH_MS = 1000,
    MK_LINK_KEEP_BYTES = 64 * 1024, /* of buffers that an idle link keeps until its next heartbeat */
    MK_LINK_WHY_BYTES = 256,
};

typedef enum mk_link_state {
    MK_LINK_CLOSED,    /* the channel is not open yet                                */
    MK_LINK_GREETING,  /* hello is said; until both have welcomed                    */
    MK_LINK_UP,
    MK_LINK_FINISHING, /* what is queued goes out, then BYE                          */
    MK_LINK_PARTING,   /* BYE is said; the peer ends it when it has read everything  */
    MK_LINK_OVER,      /* ops->down() is due, or was called                          */
} mk_link_state_t;

/* Why a message cannot simply be put into the data lane. */
enum { MK_LINK_NOT_UP = 1, MK_LINK_HAS_BULK = 2, MK_LINK_HAS_STOPPED = 4 };

/* A row of frames that leaves at its front. */
typedef struct mk_link_lane {
    mk_buffer_t row;
    size_t      at;
} mk_link_lane_t;

/* An actor of the peer's of which it has said STOP. */
typedef struct mk_link_stopped {
    mk_link_record_t record;
    bool             owes; /* STOPPED is to be said when no large payload for it is queued any more */
} mk_link_stopped_t;

/* An actor of ours of which we have said STOP. */
typedef struct mk_link_stop {
    mk_link_record_t record;
    bool             stopped; /* we have not said READY since                                                       */
    uint32_t         owed;    /* STOPPED answers that have not come: until the last one messages may be on their way ... */
    uint64_t         bytes;   /* ... for it, since we said it last: these                                            */
} mk_link_stop_t;

typedef struct mk_link_bulk mk_link_bulk_t;

/* A payload that comes in pieces. */
typedef struct mk_link_stream {
    uint32_t          stream, total, got;
    mk_wire_data_t    data;
    message_buffer_t *buf; /* NULL: there was no memory for it; it is read and dropped */
} mk_link_stream_t;

struct mk_link {
    mk_remote_t remote; /* first */

    /* What each send touches. */
    uint32_t       detour; /* MK_LINK_NOT_UP, ...                                     */
    uint32_t       short_max;
    mk_link_lane_t data;
    size_t         bulk_bytes; /* queued there                                        */
    size_t         queue_max;
    size_t         early;      /* of the data lane: then it is flushed in the middle of a round */
    uint64_t       sent;
    mk_deferred_t  flush;

    /* What each message that comes touches. */
    runtime_t      *rt;
    uint64_t        received, taken; /* messages; bytes that count for credit           */
    mk_link_table_t stops;           /* of mk_link_stop_t                               */

    mk_loop_t           *loop;
    mk_channel_t        *channel; /* NULL: closed                                       */
    const mk_link_ops_t *ops;
    void                *owner;
    mk_link_limits_t     limits;
    mk_wire_hello_t      ours, hello;
    mk_channel_t         seen; /* the channel as it was, for who asks afterwards         */

    mk_link_state_t state;
    unsigned        calls; /* of ours under way that call the owner            */
    bool            destroyed, greeted, up_is_due, we_welcomed, peer_welcomed, blocked, control_was_full;
    bool            vanished; /* it has ended because the peer is silent: nothing is sent any more */
    uint8_t         version, reason, finish_reason;

    /* out */
    mk_link_lane_t  control;
    uint64_t        gone;             /* bytes that have left the data lane               */
    uint64_t        said, acked;      /* bytes that count for credit: written; known to be taken */
    uint64_t        acked_messages;
    uint64_t        said_messages;    /* datagrams only                                     */
    uint64_t        forgiven, forgiven_messages; /* datagrams: known to be lost              */
    mk_link_table_t stopped;          /* of mk_link_stopped_t                               */
    mk_link_bulk_t *bulk;             /* NULL: none                                         */
    bool            bulk_is_next;     /* it had no credit when it was its turn              */
    uint32_t        bulk_stream_last; /* while there is none                                */
    uint64_t        refused;

    /* in */
    uint64_t         reported;        /* of `taken`, to the peer                            */
    uint64_t         too_late;        /* datagrams for actors that were stopped             */
    uint64_t         over_bytes;      /* for actors that are full, until the peer has answered STOP */
    uint32_t         stream_last;
    mk_link_stream_t streams[MK_WIRE_STREAMS_MAX];
    unsigned         streams_n;
    uint64_t         announced;       /* bytes of all of them                               */

    /* life */
    mk_timer_t    timer;
    mk_deferred_t ending;
    uint64_t      heard_us, heard_n, beat_us;
    uint64_t      pinged_us, ping_said, ping_messages; /* the last ping: when, and what had been said by then */
    bool          pinged; /* and not answered: one at a time, since none is lost */
    bool          credit_is_due, pong_is_due;
    uint64_t      pong_stamp;
    uint64_t      probe_us, probe_heard_n; /* 0: none */
    uint64_t      up_since_ms;
    uint32_t      rtt_us;
    mk_err_t      err;
    char          why[MK_LINK_WHY_BYTES];
};

/* How much may wait at a sender with this queue. No more than the receiver's own is, so nobody can make room here for more by saying
 * that his is large; but a frame at least. */
static inline uint32_t mk_link_queue_max(uint32_t of_sender, uint32_t of_receiver) {
    uint32_t least = MK_WIRE_FRAME_BYTES_MAX, most = of_receiver > least ? of_receiver : least;
    return of_sender < most ? of_sender : most;
}

/* ---- link.c ---- */

/* The link is over; the owner hears of it from the loop. `reason`, unless 0, is told to the peer if it still takes it. The first
 * one counts. */
void mk_link_end(mk_link_t *link, mk_err_t err, unsigned reason, const char *format, ...) MK_PRINTF(4, 5);
/* mk_link_end() for a peer that no honest one is like. */
void mk_link_broken(mk_link_t *link, const char *what);
/* Both have welcomed. */
void mk_link_go_up(mk_link_t *link);
/* ops->up(), unless it was called. */
void mk_link_tell_up(mk_link_t *link);
/* Says BYE: nothing is queued any more. */
void mk_link_part(mk_link_t *link);
/* Around whatever may call the owner; leave() frees the link if the owner has destroyed it meanwhile. */
static inline void mk_link_enter(mk_link_t *link) { link->calls++; }
void               mk_link_leave(mk_link_t *link);
/* Whether there is anything left to do for it. */
static inline bool mk_link_is_alive(const mk_link_t *link) { return link->state != MK_LINK_OVER; }

/* ---- link_send.c ---- */

extern const mk_remote_ops_t mk_link_remote_ops;

static inline size_t mk_link_lane_bytes(const mk_link_lane_t *lane) { return lane->row.size - lane->at; }
/* Room at the end of the data lane for a frame that cannot be refused; without it the link ends and the answer is NULL. */
uint8_t *mk_link_data_room(mk_link_t *link, size_t size);
/* What the peer says about actors of its own. */
void     mk_link_on_stop(mk_link_t *link, uint32_t seq);
void     mk_link_on_ready(mk_link_t *link, uint32_t seq);
/* The last large payload for this actor has left. */
void     mk_link_say_stopped(mk_link_t *link, uint32_t seq);
void     mk_link_stopped_free(mk_link_record_t *record);

static inline size_t mk_link_queued(const mk_link_t *link) { return mk_link_lane_bytes(&link->data) + link->bulk_bytes; }

/* ---- link_flush.c ---- */

void mk_link_on_flush(mk_loop_t *loop, mk_deferred_t *deferred);
static inline void mk_link_flush_soon(mk_link_t *link) {
    if (link->flush.node.at == NULL) mk_loop_defer(link->loop, &link->flush, mk_link_on_flush);
}
/* In the middle of a round; calls nobody. */
void mk_link_flush_early(mk_link_t *link);
/* Room for a frame at the end of the control lane; without it the link ends and the answer is NULL. */
uint8_t *mk_link_control_room(mk_link_t *link, size_t size);
void     mk_link_say_actor(mk_link_t *link, mk_wire_kind_t kind, uint32_t seq);
void     mk_link_ping(mk_link_t *link); /* harmless while one waits for its answer */
/* Writes the control lane and nothing else. False: the channel takes no more. */
bool     mk_link_flush_control(mk_link_t *link);
/* Bytes that the peer has room for. */
uint64_t mk_link_credit(const mk_link_t *link);
/* Hands whole frames to the channel and counts them; returns the bytes taken, and notes when it takes no more. */
size_t   mk_link_write(mk_link_t *link, const uint8_t *bytes, size_t size);
/* How many bytes from `at` on are whole frames and together no more than `max`. */
size_t   mk_link_whole_frames(const mk_link_lane_t *lane, uint64_t max);
void     mk_link_lane_drop(mk_link_lane_t *lane, size_t bytes);
void     mk_link_lane_free(mk_link_lane_t *lane);
void     mk_link_on_credit(mk_link_t *link, const mk_wire_credit_t *credit);
void     mk_link_on_pong(mk_link_t *link, uint64_t stamp);

/* ---- link_bulk.c ---- */

/* Whether messages from `source` to `dest` have to wait behind a large one. */
bool     mk_link_bulk_has(const mk_link_t *link, uint32_t source, uint32_t dest);
bool     mk_link_bulk_has_any(const mk_link_t *link, uint32_t dest);
/* A large payload. MK_OK takes the reference. */
MK_MUST_CHECK mk_err_t mk_link_bulk_add(mk_link_t *link, const mk_wire_data_t *data, message_buffer_t *buf);
/* Room for a frame behind the large one; to be counted with mk_link_bulk_put(). NULL: out of memory. */
uint8_t *mk_link_bulk_room(mk_link_t *link, uint32_t source, uint32_t dest, size_t size);
void     mk_link_bulk_put(mk_link_t *link, uint32_t source, uint32_t dest, size_t size);
/* Whether something of it could go, credit aside. */
bool     mk_link_bulk_is_ready(const mk_link_t *link);
/* Writes one piece of whoever is next and ready. False: there is no credit for it, or the channel takes no more. */
bool     mk_link_bulk_step(mk_link_t *link);
void     mk_link_bulk_free(mk_link_t *link);

/* ---- link_receive.c ---- */

size_t mk_link_bytes(mk_channel_t *channel, const uint8_t *bytes, size_t size);
/* What the runtime said to a message for `dest`. */
void   mk_link_told(mk_link_t *link, const mk_envelope_t *envelope, mk_err_t err);
/* Whether a new message may come: else the link has ended, or (datagrams) it is to be dropped. */
bool   mk_link_may_come(mk_link_t *link, const mk_wire_data_t *data, size_t size);
void   mk_link_stop_free(mk_link_record_t *record);

/* ---- link_fragments.c ---- */

void mk_link_on_fragment(mk_link_t *link, const mk_wire_fragment_t *fragment);
void mk_link_streams_free(mk_link_t *link);

#endif
