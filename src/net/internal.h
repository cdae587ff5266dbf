/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h -- what the files of this room share and nobody else sees. */
#ifndef MK_NET_INTERNAL_H
#define MK_NET_INTERNAL_H

#include "net/stream.h"

/* ---- queue.c: bytes that wait to be sent ------------------------------------------------------------------------------- */

typedef enum mk_chunk_kind {
    MK_CHUNK_BODY,   /* MK_CHUNK_BYTES in one block, cached                     */
    MK_CHUNK_LARGE,  /* of the size that one write needed                      */
    MK_CHUNK_SHARED, /* the bytes are somebody else's                          */
} mk_chunk_kind_t;

/* A block of the page's size with its head. Small answers need one; pipelined ones share it. */
enum { MK_CHUNK_BYTES = 4096 };

typedef struct mk_chunk mk_chunk_t;

struct mk_chunk {
    mk_chunk_t           *next;
    const uint8_t        *data;    /* what is left to be sent                            */
    size_t                size;
    uint32_t              room;    /* for more behind it                                 */
    uint32_t              kind;
    mk_stream_release_fn *release; /* of a shared one                                    */
    void                 *owner;
    uint8_t               bytes[];
};

/* Chunks that served, for the next ones: nothing on the way of a small answer asks the heap. */
enum { MK_CACHED_BODIES_MAX = 256, MK_CACHED_SHARED_MAX = 1024 };

typedef struct mk_chunk_cache {
    mk_chunk_t *body, *shared;
    unsigned    bodies, shareds;
} mk_chunk_cache_t;

/* ---- net.c ---------------------------------------------------------------------------------------------------------------- */

/* What one read may bring; a datagram fits too. */
enum { MK_SCRATCH_BYTES = 65536 };

struct mk_lookup_query;
struct mk_cipher;

struct mk_net {
    mk_loop_t              *loop;
    uint8_t                *scratch;   /* of whoever reads at the moment                                */
    mk_chunk_cache_t        cache;
    mk_node_t              *streams, *listeners, *udps;
    struct mk_cipher       *cipher;    /* encrypted bytes on their way; stream_tls.c; NULL before the first */
    struct mk_lookup_query *queries;   /* lookup.c: under way and remembered                            */
    unsigned                queries_n, running_n;
    char                    why[MK_TLS_WHY_BYTES]; /* of the stream whose `closed` is being called      */
};

bool mk_queue_append(mk_stream_t *stream, const mk_slice_t *slices, int n, size_t skip);
bool mk_queue_share(mk_stream_t *stream, const void *data, size_t size, mk_stream_release_fn *release, void *owner);
void mk_queue_consume(mk_stream_t *stream, size_t size);
void mk_queue_drop(mk_net_t *net, mk_chunk_t *first);
void mk_queue_cache_fini(mk_chunk_cache_t *cache);

/* The first up to `max` pieces of the queue; how many. */
int mk_queue_slices(const mk_stream_t *stream, mk_slice_t *out, int max, size_t *bytes);

/* ---- stream.c -------------------------------------------------------------------------------------------------------------- */

enum {
    MK_S_LIVE = 1 << 0,
    MK_S_OPEN = 1 << 1,      /* `open` was called and no handshake is under way                     */
    MK_S_SHAKING = 1 << 2,
    MK_S_PAUSED = 1 << 3,
    MK_S_ENDED = 1 << 4,     /* the peer sends no more                                              */
    MK_S_FINISHING = 1 << 5, /* nothing more is written here ...                                    */
    MK_S_FINISHED = 1 << 6,  /* ... and the peer was told                                           */
    MK_S_DISCARD = 1 << 7,   /* what comes is thrown away                                           */
    MK_S_CLOSING = 1 << 8,   /* over as soon as the queue is empty                                  */
    MK_S_STUCK = 1 << 9,     /* the socket did not take all                                         */
    MK_S_FULL = 1 << 10,     /* a write was refused: `drained` is owed                              */
    MK_S_BROKEN = 1 << 11,   /* sending failed: what had come before is read, then it is over       */
    MK_S_NOTIFIED = 1 << 15, /* TLS: the end has been said                                          */
    MK_S_LEFT = 1 << 17,     /* its user has gone: one deadline for all that is left to do          */
    /* Due in the next round: */
    MK_S_DRAINED = 1 << 12,
    MK_S_OFFER = 1 << 13,    /* bytes that were kept, or lie decrypted in the engine                */
    MK_S_SHAKE = 1 << 14,
    MK_S_FRESH = 1 << 16,    /* accepted: its first bytes may be there, and it is not watched yet   */
    MK_S_DUE = MK_S_DRAINED | MK_S_OFFER | MK_S_SHAKE | MK_S_FRESH | MK_S_BROKEN,
};

typedef enum mk_sent {
    MK_SENT_ALL,
    MK_SENT_PART,   /* again when the descriptor is writable */
    MK_SENT_FAILED,
} mk_sent_t;

/* Over, with a last call. `why` NULL: nothing to add. */
void mk_stream_fail(mk_stream_t *stream, mk_err_t err, const char *why);

/* A record that begins to live; in the list of its net. */
void mk_stream_begin(mk_net_t *net, mk_stream_t *stream, const mk_stream_kind_t *kind);
/* It has a connected descriptor from now on: watched, then `open`, or a handshake if TLS is attached. Its failures are the
 * stream's. */
void mk_stream_connected(mk_stream_t *stream, int fd);
void mk_stream_opened(mk_stream_t *stream);

/* Hands bytes to the user and keeps what is left; tells the end. False: the stream is gone. */
bool mk_stream_deliver(mk_stream_t *stream, const uint8_t *bytes, size_t size);
bool mk_stream_ended(mk_stream_t *stream);

/* Has its turn in the next round for the MK_S_ flags given. */
void mk_stream_due(mk_stream_t *stream, uint32_t why);
void mk_stream_arm(mk_stream_t *stream, uint32_t ms, uint32_t otherwise_ms);

/* Waits until the descriptor takes more, and no longer. */
void mk_stream_stuck(mk_stream_t *stream, bool progress);
void mk_stream_unstuck(mk_stream_t *stream);

/* Whether bytes are wanted from the peer. */
static inline bool mk_stream_reads(const mk_stream_t *stream) {
    return (stream->flags & (MK_S_PAUSED | MK_S_ENDED)) == 0;
}

/* ---- stream_tls.c ------------------------------------------------------------------------------------------------------------ */

MK_MUST_CHECK mk_err_t mk_stream_tls_attach(mk_stream_t *stream, const mk_tls_engine_t *engine, mk_tls_context_t *context,
                                            const char *host, const char *peer);
void      mk_stream_tls_detach(mk_stream_t *stream);
/* Goes on with the handshake: `open`, or fails, or waits. */
void      mk_stream_tls_shake(mk_stream_t *stream);
mk_sent_t mk_stream_tls_send(mk_stream_t *stream);
/* The same with bytes that are not in the queue, which is empty; *taken counts those that need not be kept. */
mk_sent_t mk_stream_tls_send_slices(mk_stream_t *stream, const mk_slice_t *slices, int n, size_t *taken);
mk_sent_t mk_stream_tls_finish(mk_stream_t *stream);
void      mk_stream_tls_read(mk_stream_t *stream);
bool      mk_stream_tls_pending(const mk_stream_t *stream);
bool      mk_stream_tls_is_empty(const mk_stream_t *stream); /* no encrypted bytes wait to be sent */
void      mk_cipher_free(struct mk_cipher *cipher);

/* ---- dial.c, lookup.c --------------------------------------------------------------------------------------------------------- */

void mk_dial_cancel(mk_stream_t *stream);
void mk_lookup_fini(mk_net_t *net);

#endif
