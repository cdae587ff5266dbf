/* SPDX-License-Identifier: Apache-2.0 */
/* sse.h -- server-sent events over somebody else's HTTP: a server's half, which turns events into a response's body, and a
 * client's half, which turns bodies into events and decides when to ask again. One thread, that of its loop. The format is
 * codec/sse.h's. */
#ifndef MK_HTTP_SSE_H
#define MK_HTTP_SSE_H

#include "http/codec/sse.h"
#include "net/stream.h"

/* ---- server: one response that never ends ---------------------------------------------------------------------------------
 *
 * The connection has queued the head of a 200 with `Content-Type: text/event-stream` and `Cache-Control: no-store`, and embeds
 * the session beside its stream. It says how body bytes get there (`write`: chunked or not), and when the stream has drained. A
 * slow reader is never waited for: from the stream's high-water mark on pushes are refused, and `drained` says when to go on. */
typedef struct mk_sse_push mk_sse_push_t;

typedef struct mk_sse_push_ops {
    /* Queues a piece of the response's body, all or nothing: MK_ERR_FULL, MK_ERR_CLOSED, MK_ERR_NOMEM as mk_stream_write(). */
    mk_err_t (*write)(mk_sse_push_t *push, const void *bytes, size_t size);
    /* A push was refused with MK_ERR_FULL, and now there is room. */
    void     (*drained)(mk_sse_push_t *push);
    /* Refused, and the policy is not to put up with it: the connection closes the stream now (mk_sse_push_stop() first). Called
     * from a later round, not from inside of the push. */
    void     (*too_slow)(mk_sse_push_t *push);
} mk_sse_push_ops_t;

/* Zero takes the default named. */
typedef struct mk_sse_push_config {
    uint32_t heartbeat_ms;    /* a comment when nothing else was sent for so long; 0: 15,000            */
    uint32_t retry_ms;        /* told to the client at the beginning; 0: nothing is                     */
    bool     no_heartbeat;
    bool     close_when_full; /* a reader that cannot keep up is disconnected: `too_slow`               */
} mk_sse_push_config_t;

/* What all of one kind share; it outlives them. */
typedef struct mk_sse_push_kind {
    const mk_sse_push_ops_t *ops;
    mk_buffer_t              scratch;
} mk_sse_push_kind_t;

void mk_sse_push_kind_init(mk_sse_push_kind_t *kind, const mk_sse_push_ops_t *ops);
void mk_sse_push_kind_fini(mk_sse_push_kind_t *kind);

struct mk_sse_push {
    mk_sse_push_kind_t *kind;
    mk_loop_t          *loop;
    mk_timer_t          timer;        /* the next heartbeat                    */
    mk_deferred_t       slow;
    uint64_t            sent_us;      /* when something was sent last          */
    uint32_t            heartbeat_ms;
    bool                full;         /* a push was refused since it drained   */
    bool                close_when_full;
};

/* Sends `retry` if configured. MK_ERR_NOMEM and what `write` answers: nothing was started. */
MK_MUST_CHECK mk_err_t mk_sse_push_start(mk_sse_push_t *push, mk_sse_push_kind_t *kind,
                                         const mk_sse_push_config_t *config, mk_loop_t *loop);

/* MK_ERR_FULL: not taken; `drained` or `too_slow` follows. MK_ERR_INVALID: see codec/sse.h. MK_ERR_NOMEM, MK_ERR_CLOSED. */
MK_MUST_CHECK mk_err_t mk_sse_push_event(mk_sse_push_t *push, const mk_sse_event_t *event);
MK_MUST_CHECK mk_err_t mk_sse_push_comment(mk_sse_push_t *push, const char *text, size_t size);

/* A heartbeat now: a reader that is gone answers it with a reset. */
void mk_sse_push_beat(mk_sse_push_t *push);

void mk_sse_push_drained(mk_sse_push_t *push); /* the stream's `drained` */
void mk_sse_push_stop(mk_sse_push_t *push);    /* no call comes any more; harmless when stopped */

/* ---- client: an event source -----------------------------------------------------------------------------------------------
 *
 * It lives longer than a connection. Whoever embeds it makes the requests: `request` asks for one, with these two fields besides
 * what it likes:
 *     Accept: text/event-stream
 *     Last-Event-ID: (mk_sse_source_last_id(), when not empty)
 * and redirects followed. Then it calls mk_sse_source_response() with the answer, mk_sse_source_data() with the body as it
 * comes, and mk_sse_source_ended() when that has ended or could not be had. */
typedef struct mk_sse_source mk_sse_source_t;

typedef struct mk_sse_source_ops {
    /* Make a request. May call mk_sse_source_ended() from inside. */
    void (*request)(mk_sse_source_t *source);
    /* A response that will do has come; again after each reconnection. `status` is 200. */
    void (*open)(mk_sse_source_t *source, int status);
    /* Borrowed. mk_sse_source_pause() stops further ones. */
    void (*event)(mk_sse_source_t *source, const mk_sse_event_t *event);
    /* Give up the connection, if there is one still: what comes from it is of no use any more, and mk_sse_source_ended() need
     * not be called for it. */
    void (*abandon)(mk_sse_source_t *source);
    /* Resume reading: bytes that mk_sse_source_data() left are to be offered again. */
    void (*resume)(mk_sse_source_t *source);
    /* Over for good; once, last. `status`: of the response that ended it (204: the server wants no more requests: MK_OK;
     * anything else, or 200 that is no event stream: MK_ERR_PROTO), 0 when there was none. MK_ERR_TOOLONG: an event above the limit. MK_ERR_NOMEM.
     * MK_ERR_LIMIT: too many attempts in a row failed. */
    void (*closed)(mk_sse_source_t *source, mk_err_t why, int status);
} mk_sse_source_ops_t;

/* Zero takes the default named. */
typedef struct mk_sse_source_config {
    uint32_t event_bytes_max; /* 0: 1 MiB                                                                            */
    uint32_t retry_ms;        /* before the first reconnection, until the server says otherwise; 0: 3,000            */
    uint32_t retry_ms_max;    /* failures in a row double the wait up to this, also the most a server may ask; 0: 60,000 */
    uint32_t attempts_max;    /* failures in a row before it gives up; 0: no limit                                   */
    uint32_t silence_ms;      /* not a byte for so long: the connection is taken for dead; 0: never                  */
    bool     retry_errors;    /* 5xx and 429 are failures to try again after; the standard gives up                  */
} mk_sse_source_config_t;

struct mk_sse_source {
    const mk_sse_source_ops_t *ops;
    mk_loop_t                 *loop;
    mk_sse_source_config_t     config;   /* without zeros                                     */
    mk_sse_parser_t            parser;
    mk_timer_t                 timer;    /* the next attempt, or the end of patience          */
    uint64_t                   heard_us;
    bool                      *gone;
    uint32_t                   failures; /* in a row                                          */
    uint8_t                    state;
    bool                       paused;
};

void mk_sse_source_init(mk_sse_source_t *source, mk_loop_t *loop, const mk_sse_source_ops_t *ops,
                        const mk_sse_source_config_t *config);
/* The first request, from inside this call. */
void mk_sse_source_start(mk_sse_source_t *source);

/* The answer's head. True: the body is wanted. False: it is not, and the connection is the caller's to end; `closed` has been
 * called, or another attempt follows. `content_type` is the field's value, NULL for none. */
bool   mk_sse_source_response(mk_sse_source_t *source, int status, const char *content_type, size_t content_type_size);
/* Bytes of the body; how many it is done with. Fewer than all: it is paused, or over. */
size_t mk_sse_source_data(mk_sse_source_t *source, const uint8_t *bytes, size_t size);
/* The body has ended, was cut off (and all bytes that came were taken), or there was no answer: another attempt follows. */
void   mk_sse_source_ended(mk_sse_source_t *source);

/* What Last-Event-ID says; size 0: nothing. Borrowed until the next call. */
mk_http_text_t mk_sse_source_last_id(const mk_sse_source_t *source);

void mk_sse_source_pause(mk_sse_source_t *source);
void mk_sse_source_resume(mk_sse_source_t *source);

/* Nothing is called any more and its memory is given back; the connection is the caller's. Harmless when stopped. */
void mk_sse_source_stop(mk_sse_source_t *source);

#endif
