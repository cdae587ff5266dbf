/* SPDX-License-Identifier: Apache-2.0 */
/* stream.h -- a connected byte stream: TCP or Unix, plain or TLS, the same to whoever uses it. Nothing here waits; every phase
 * that could last has a deadline.
 *
 * A stream is embedded in its user's record. Its life: mk_stream_dial() or mk_stream_adopt(); `open` when it can be used (TLS
 * handshake done); `data`, `end`, `drained` any number of times; `closed`, once, last, with the reason, unless the user calls
 * mk_stream_close() before, which ends all calls at once. Any call on a stream, mk_stream_close() and freeing the record
 * included, is allowed from inside its own calls.
 *
 * Bytes are read into a buffer that all streams of a net share, and offered there. An idle connection holds no buffer. */
#ifndef MK_NET_STREAM_H
#define MK_NET_STREAM_H

#include "base/buffer.h"
#include "net/net.h"
#include "net/tls.h"

typedef struct mk_stream mk_stream_t;

/* None may be NULL. */
typedef struct mk_stream_ops {
    void   (*open)(mk_stream_t *stream);
    /* Returns how many of the bytes it is done with. The rest is kept and offered again, with more behind it, when more has
     * come, or after mk_stream_resume(). A user that leaves bytes must have a limit of its own. */
    size_t (*data)(mk_stream_t *stream, const uint8_t *bytes, size_t size);
    /* The peer sends no more (a TLS peer said so, or its connection ended). What was kept before it will not grow. Writing may
     * go on. */
    void   (*end)(mk_stream_t *stream);
    /* After a write that answered MK_ERR_FULL, or mk_stream_is_full(): the queue has fallen below the low-water mark. */
    void   (*drained)(mk_stream_t *stream);
    /* MK_OK: both sides had finished. MK_ERR_IO: reset, refused, unreachable. MK_ERR_TIMEOUT: connecting, shaking hands,
     * writing or ending took too long. MK_ERR_NOTFOUND: no such host. MK_ERR_PROTO: TLS; mk_stream_why() says more. */
    void   (*closed)(mk_stream_t *stream, mk_err_t why);
} mk_stream_ops_t;

/* Zero takes the default named. */
typedef struct mk_stream_limits {
    uint32_t connect_ms;    /* looking up and connecting; 0: 10,000                        */
    uint32_t handshake_ms;  /* TLS; 0: 10,000                                              */
    uint32_t write_ms;      /* nothing is taken by a peer we have bytes for; 0: 30,000     */
    uint32_t finish_ms;     /* our end was sent and nothing comes from the peer, nor its end; when what comes is thrown away:
                             * until its end, whatever comes; 0: 5,000                     */
    uint32_t queue_high;    /* bytes: writes answer MK_ERR_FULL from here on; 0: 256 KiB   */
    uint32_t queue_low;     /* bytes: `drained`; 0: a quarter of queue_high                */
} mk_stream_limits_t;

/* Connections of one kind share one of these; it outlives them. */
typedef struct mk_stream_kind {
    const mk_stream_ops_t *ops;
    mk_stream_limits_t     limits;
} mk_stream_kind_t;

/* Where its bytes go when a stream has taken something without copying: called once when it is done with them, sent or not. It
 * gives memory back and no more: no stream may be used in it. */
typedef void mk_stream_release_fn(void *owner);

/* Fields are stream.c's. */
struct mk_stream {
    mk_net_t               *net;
    const mk_stream_kind_t *kind;
    mk_watch_t              watch;     /* fd -1 while there is none                                   */
    mk_timer_t              deadline;  /* of the phase it is in                                       */
    mk_deferred_t           flush;     /* what was written goes out before the loop waits             */
    struct mk_chunk        *out, *out_last;
    size_t                  out_bytes;
    mk_buffer_t            *kept;      /* bytes its user left; NULL: none                              */
    struct mk_stream_tls   *tls;       /* NULL: plain                                                  */
    struct mk_dial         *dial;      /* while connecting                                             */
    bool                   *gone;      /* of the call on the stack: set when the stream is closed in it */
    mk_node_t               all;       /* in its net                                                  */
    uint32_t                flags;
    uint32_t                asked;     /* what the watch waits for at present                         */
};

/* Whom to call. Either `path` or `host` and `port`. Strings are copied. */
typedef struct mk_dial_options {
    const char             *host; /* a name or an address in digits (brackets around IPv6 are allowed)    */
    uint16_t                port;
    const char             *path; /* a Unix socket                                                        */
    const mk_tls_engine_t  *engine;
    mk_tls_context_t       *tls;  /* NULL: plain. The stream holds a session of it                        */
    const char             *tls_host; /* NULL: `host`                                                     */
} mk_dial_options_t;

/* Begins to connect: addresses of both families in turn, a quarter of a second apart, and the first that answers wins (the
 * idea of RFC 8305). `open` or `closed` follows, never from inside this call. MK_ERR_NOMEM, MK_ERR_LIMIT (too many look-ups),
 * MK_ERR_INVALID: nothing follows. */
MK_MUST_CHECK mk_err_t mk_stream_dial(mk_net_t *net, mk_stream_t *stream, const mk_stream_kind_t *kind,
                                      const mk_dial_options_t *options);

/* Makes a stream of a connected descriptor, an accepted one for instance, and owns it from now on. With `tls` it shakes hands
 * first, as a server when the context is one. `open` is called before this returns when there is nothing to shake. On failure
 * (MK_ERR_NOMEM, MK_ERR_LIMIT) the descriptor is closed and nothing follows. */
MK_MUST_CHECK mk_err_t mk_stream_adopt(mk_net_t *net, mk_stream_t *stream, const mk_stream_kind_t *kind, int fd,
                                       const mk_tls_engine_t *engine, mk_tls_context_t *tls);

/* Puts TLS on a plain open stream whose bytes so far were all taken: after a proxy's CONNECT. `open` is called again when it
 * stands. */
MK_MUST_CHECK mk_err_t mk_stream_start_tls(mk_stream_t *stream, const mk_tls_engine_t *engine, mk_tls_context_t *tls,
                                           const char *host);

/* Queues a copy; it leaves with everything else of this round. MK_ERR_FULL: the queue is at its high-water mark; nothing was
 * taken and `drained` will be called. One write is taken whole, however large, if the queue was below the mark. MK_ERR_NOMEM.
 * MK_ERR_CLOSED: finished, closed or not open yet. */
MK_MUST_CHECK mk_err_t mk_stream_write(mk_stream_t *stream, const void *data, size_t size);

/* The same, in several pieces, all or nothing. Large ones are offered to the socket at once when the queue is empty, and only
 * what it did not take is copied. MK_ERR_NOMEM for such a rest ends the stream. */
MK_MUST_CHECK mk_err_t mk_stream_write_slices(mk_stream_t *stream, const mk_slice_t *slices, int n);

/* The same without copying: `release(owner)` is called when the bytes are no longer needed, maybe before this returns. On
 * failure the bytes are still the caller's and release is not called. */
MK_MUST_CHECK mk_err_t mk_stream_write_shared(mk_stream_t *stream, const void *data, size_t size,
                                              mk_stream_release_fn *release, void *owner);

/* Bytes queued; whether the next write would be refused (then `drained` will be called). */
size_t mk_stream_queued(const mk_stream_t *stream);
bool   mk_stream_is_full(mk_stream_t *stream);

/* No `data` until resumed; then what was kept is offered again, in the next round. Both may be repeated. */
void mk_stream_pause(mk_stream_t *stream);
void mk_stream_resume(mk_stream_t *stream);

/* Everything queued is sent, then the end. Reading goes on; `closed` comes when the peer has ended too, or after finish_ms. */
void mk_stream_finish(mk_stream_t *stream);

/* As finish, but what still comes is thrown away: for an answer after which the peer may go on sending for a while (closing at
 * once would reset the connection, and the answer might be lost with it). Then `closed`. */
void mk_stream_finish_discarding(mk_stream_t *stream);

/* Everything queued is sent, then it is over, without waiting for the peer's end: for a peer that has nothing more to say (if it
 * does, the connection is reset, and what it has not read by then may be lost with it). `closed` follows, MK_OK. */
void mk_stream_finish_closing(mk_stream_t *stream);

/* The user goes, and the stream ends by itself: what is queued is sent if the peer takes it, what comes is thrown away, and all that
 * lasts `ms` at most. No call comes but `closed`, which frees the record: maybe before this returns, and when the net ends at the
 * latest. Not for a stream that is closed. */
void mk_stream_leave(mk_stream_t *stream, uint32_t ms);

/* Over, now: no call comes any more, what was queued is dropped. The record is the user's again. Harmless on a closed one. */
void mk_stream_close(mk_stream_t *stream);
void mk_stream_reset(mk_stream_t *stream); /* the same, and the peer sees a reset */

bool        mk_stream_is_open(const mk_stream_t *stream);
const char *mk_stream_why(const mk_stream_t *stream); /* in `closed`: a text for people; "" when there is nothing to add */
bool        mk_stream_peer(const mk_stream_t *stream, mk_addr_t *out);
bool        mk_stream_local(const mk_stream_t *stream, mk_addr_t *out);
bool        mk_stream_tls_info(const mk_stream_t *stream, mk_tls_info_t *out); /* false: not TLS */
/* In `end` and after it: TLS has a word for the end, and it was not said; somebody may have cut the connection. */
bool        mk_stream_was_cut(const mk_stream_t *stream);

#endif
