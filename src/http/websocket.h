/* SPDX-License-Identifier: Apache-2.0 */
/* websocket.h -- a WebSocket on an open stream, in either role: messages, close handshake (RFC 6455 section 7), keep-alive,
 * back-pressure in both directions. One thread, that of its loop.
 *
 * The connection's record embeds it beside its mk_stream_t. When the handshake is done (the server has queued its 101, the client
 * has read one) the connection calls mk_websocket_start(), then hands over bytes that it had read already as if they had just
 * come, and from then on forwards what its stream says:
 *
 *     data    -> return mk_websocket_data(&conn->ws, bytes, size);
 *     end     -> mk_websocket_end(&conn->ws);
 *     drained -> mk_websocket_drained(&conn->ws);
 *     closed  -> mk_websocket_stream_closed(&conn->ws, why);   which does not touch the stream any more
 *
 * and nothing else. The session reads, writes, pauses and ends the stream by itself. What it says comes in this order:
 * `message`, `pong` and `drained` any number of times; `closed` once; `over` once, last: the stream is closed, and the connection
 * frees its record. `over` may come in the same call as `closed`, or seconds later (the peer takes its time). Any function
 * here, freeing the record after mk_websocket_stop() included, may be called from inside of them. */
#ifndef MK_HTTP_WEBSOCKET_H
#define MK_HTTP_WEBSOCKET_H

#include "http/codec/ws_reader.h"
#include "net/stream.h"

typedef struct mk_websocket mk_websocket_t;

typedef struct mk_websocket_ops {
    /* Memory for a message, writable until `message` gets it; mk_ws_room_fn says more. NULL in this table: messages are gathered
     * in the session and borrowed. NULL as an answer: out of memory, and the session is closed with 1011. */
    uint8_t *(*room)(mk_websocket_t *ws, bool binary, size_t size);
    /* A whole message, text checked to be UTF-8. mk_websocket_pause() stops further ones. */
    void (*message)(mk_websocket_t *ws, bool binary, const uint8_t *data, size_t size);
    void (*pong)(mk_websocket_t *ws, const uint8_t *data, size_t size); /* may be NULL */
    /* A send has answered MK_ERR_FULL, and now there is room. */
    void (*drained)(mk_websocket_t *ws);
    /* No message comes any more and none can be sent.
     *   MK_OK           both sides have said so; `code` and `reason` are the peer's (1005: it gave none)
     *   MK_ERR_PROTO    the peer broke the protocol or a limit; `code` is what it was told (1002, 1007, 1009), `reason` why
     *   MK_ERR_TIMEOUT  a ping was not answered, or a close, or bytes were not taken; `code` is 1006
     *   MK_ERR_IO, MK_ERR_CLOSED  the connection was lost, or ended without a close; `code` is 1006
     *   MK_ERR_NOMEM    `code` is 1011
     * `reason` is borrowed, no NUL. */
    void (*closed)(mk_websocket_t *ws, mk_err_t why, uint16_t code, const char *reason, size_t reason_size);
    void (*over)(mk_websocket_t *ws);
} mk_websocket_ops_t;

/* Zero takes the default named. */
typedef struct mk_websocket_config {
    uint32_t     message_bytes_max; /* of one that comes; 0: 1 MiB. A longer one closes with 1009               */
    uint32_t     ping_ms;           /* after so long without a byte from the peer it is pinged; 0: 30,000       */
    uint32_t     pong_ms;           /* and then has so long to send one; 0: 10,000                              */
    uint32_t     close_ms;          /* for the peer's half of the close handshake; 0: 5,000                     */
    uint32_t     deflate_bytes_min; /* shorter messages are sent as they are; 0: 256                            */
    bool         no_ping;
    mk_ws_wish_t wish;              /* for handshakes; zero: no compression                                     */
} mk_websocket_config_t;

/* Puts the defaults in the places of zeros, and no compression where there is no compressor. */
void mk_websocket_config_complete(mk_websocket_config_t *config);

/* What all WebSockets of one thread and one user share: masks in stock, a compressor for those that keep no window of their
 * own. It outlives them. */
typedef struct mk_websocket_kind {
    const mk_websocket_ops_t *ops;
    mk_deflater_t            *deflater;
    mk_buffer_t               scratch;       /* frames on their way to a stream, when they had to be made               */
    uint8_t                   deflater_bits;
    uint16_t                  masks_at;      /* of `masks`, used up; they are refilled when all are                     */
    uint8_t                   masks[512];
} mk_websocket_kind_t;

void mk_websocket_kind_init(mk_websocket_kind_t *kind, const mk_websocket_ops_t *ops);
void mk_websocket_kind_fini(mk_websocket_kind_t *kind);

/* Fields are websocket.c's, but `kind` and `stream` may be read. */
struct mk_websocket {
    mk_stream_t                 *stream;    /* NULL: closed                                                          */
    mk_loop_t                   *loop;
    mk_websocket_kind_t         *kind;
    const mk_websocket_config_t *config;
    mk_ws_reader_t               reader;
    mk_deflater_t               *deflater;  /* with a window of its own; made at the first long message              */
    struct mk_websocket_waiting *waiting;   /* control frames that found the stream full; NULL: none                 */
    mk_timer_t                   timer;     /* keep-alive, then the close handshake's deadline                       */
    uint64_t                     heard_us;  /* when bytes came last                                                  */
    bool                        *gone;      /* of the call on the stack: set when the session ends in it             */
    uint16_t                     flags;
    uint8_t                      own_bits;
};

/* Takes over an open stream. Nothing is sent and no function called before the next of the calls below. `server`: our role;
 * `terms`: as agreed in the handshake; `config`: completed, outlives the session. */
void mk_websocket_start(mk_websocket_t *ws, mk_websocket_kind_t *kind, const mk_websocket_config_t *config, mk_stream_t *stream,
                        bool server, const mk_ws_terms_t *terms);

/* The stream's calls; see above. */
size_t mk_websocket_data(mk_websocket_t *ws, const uint8_t *bytes, size_t size);
void   mk_websocket_end(mk_websocket_t *ws);
void   mk_websocket_drained(mk_websocket_t *ws);
void   mk_websocket_stream_closed(mk_websocket_t *ws, mk_err_t why);

/* One message, one frame. MK_ERR_FULL: the stream is at its high-water mark, nothing was taken, and `drained` will be called.
 * MK_ERR_CLOSED: closing or closed. MK_ERR_INVALID: text that is not UTF-8. MK_ERR_NOMEM. MK_ERR_IO: no random numbers for a
 * mask. */
MK_MUST_CHECK mk_err_t mk_websocket_send(mk_websocket_t *ws, bool binary, const void *data, size_t size);

/* `size` up to MK_WS_CONTROL_BYTES_MAX (else MK_ERR_TOOLONG); `pong` brings the same bytes back, if the peer is kind. As above. */
MK_MUST_CHECK mk_err_t mk_websocket_ping(mk_websocket_t *ws, const void *data, size_t size);

/* Begins the close handshake; messages that still come are dropped. `closed` follows. `code` 0 or 1005: none is given. A reason
 * longer than 123 bytes is cut. MK_ERR_INVALID: a code that may not be sent, a reason that is not UTF-8; MK_ERR_CLOSED: closing
 * or closed already. Never MK_ERR_FULL: it waits for room if need be. */
MK_MUST_CHECK mk_err_t mk_websocket_close(mk_websocket_t *ws, uint16_t code, const char *reason, size_t size);

/* No `message` until resumed; the peer is made to wait, and not suspected of being dead meanwhile. Both may be repeated. */
void mk_websocket_pause(mk_websocket_t *ws);
void mk_websocket_resume(mk_websocket_t *ws);

/* Whether messages can be sent; bytes queued for the peer. */
bool   mk_websocket_is_open(const mk_websocket_t *ws);
size_t mk_websocket_queued(const mk_websocket_t *ws);

/* Ends the session silently: nothing is called or sent any more, its memory is given back, the stream is the connection's
 * again. Harmless after `over` and twice. */
void mk_websocket_stop(mk_websocket_t *ws);

#endif
