/* SPDX-License-Identifier: Apache-2.0 */
/* websocket.c -- see websocket.h. The life of a session is two facts that come in either order, that we have sent a close frame
 * and that we have seen one; or one of the ways to lose a connection. `finish()` is where all ends meet. */
#include "http/websocket.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

enum {
    SERVER = 1 << 0,
    COMPRESSES = 1 << 1, /* what we send may be                                              */
    REMEMBERS = 1 << 2,  /* and then refers to what we sent before                           */
    PAUSED = 1 << 3,
    PINGED = 1 << 4,     /* and not heard anything since                                     */
    CLOSE_SENT = 1 << 5, /* or waits for room                                                */
    TOLD = 1 << 6,       /* `closed` was called: only the stream is still to end             */
    REFUSED = 1 << 7,    /* a send, with MK_ERR_FULL                                         */
    PEER_ENDED = 1 << 8, /* while paused: dealt with when what came before has been read     */
    ENDS_LATER = 1 << 9, /* the stream, when the close frame that waits for room is out      */
    STOPPED = 1 << 10,
};

enum {
    MESSAGE_BYTES_MAX = 1 << 20,
    PING_MS = 30000,
    PONG_MS = 10000,
    CLOSE_MS = 5000,
    DEFLATE_BYTES_MIN = 256,     /* below, what is saved is not worth the work                       */
    SCRATCH_KEPT_BYTES = 131072, /* more is given back after use                                     */
};

/* Control frames that found the stream full: the answer to the most recent ping (RFC 6455 section 5.5.3 asks for no more), and
 * a close. So however many pings come, this is all the memory they get. */
struct mk_websocket_waiting {
    uint8_t pong_size, close_size;
    bool    pong, close;
    uint8_t pong_bytes[MK_WS_CONTROL_BYTES_MAX], close_bytes[MK_WS_CONTROL_BYTES_MAX];
};

/* ---- kinds ------------------------------------------------------------------------------------------------------ */

static uint32_t or_default(uint32_t value, uint32_t fallback) { return value != 0 ? value : fallback; }

void mk_websocket_config_complete(mk_websocket_config_t *config) {
    config->message_bytes_max = or_default(config->message_bytes_max, MESSAGE_BYTES_MAX);
    config->ping_ms = or_default(config->ping_ms, PING_MS);
    config->pong_ms = or_default(config->pong_ms, PONG_MS);
    config->close_ms = or_default(config->close_ms, CLOSE_MS);
    config->deflate_bytes_min = or_default(config->deflate_bytes_min, DEFLATE_BYTES_MIN);
    if (!mk_deflate_is_available()) config->wish.deflate = false;
}

void mk_websocket_kind_init(mk_websocket_kind_t *kind, const mk_websocket_ops_t *ops) {
    *kind = (mk_websocket_kind_t){.ops = ops, .masks_at = sizeof kind->masks};
}

void mk_websocket_kind_fini(mk_websocket_kind_t *kind) {
    mk_deflater_destroy(kind->deflater);
    kind->deflater = NULL;
    mk_buffer_free(&kind->scratch);
}

/* Masks are to be unpredictable (RFC 6455 section 10.3), one call to the system for many of them. */
static mk_err_t next_mask(mk_websocket_kind_t *kind, uint8_t mask[4]) {
    if (kind->masks_at == sizeof kind->masks) {
        mk_err_t err = mk_port_entropy(kind->masks, sizeof kind->masks);
        if (err != MK_OK) return err;
        kind->masks_at = 0;
    }
    memcpy(mask, kind->masks + kind->masks_at, 4);
    kind->masks_at += 4;
    return MK_OK;
}

/* ---- the end ---------------------------------------------------------------------------------------------------- */

/* What a session holds besides its record. */
static void release(mk_websocket_t *ws) {
    mk_wheel_cancel(&ws->loop->wheel, &ws->timer);
    mk_ws_reader_fini(&ws->reader);
    mk_deflater_destroy(ws->deflater);
    ws->deflater = NULL;
}

void mk_websocket_stop(mk_websocket_t *ws) {
    if ((ws->flags & STOPPED) != 0) return;
    release(ws);
    mk_free(ws->waiting);
    ws->waiting = NULL;
    ws->flags |= STOPPED | TOLD;
    if (ws->gone != NULL) *ws->gone = true;
    ws->gone = NULL;
}

/* Calls `closed` unless it was called before. False: the session was stopped meanwhile, and the record may be gone. */
static bool tell(mk_websocket_t *ws, mk_err_t why, uint16_t code, const char *reason, size_t reason_size) {
    bool gone = false, *outer = ws->gone;
    if ((ws->flags & TOLD) != 0) return true;
    ws->flags |= TOLD;
    release(ws);
    ws->gone = &gone;
    ws->kind->ops->closed(ws, why, code, reason, reason_size);
    if (gone) {
        if (outer != NULL) *outer = true;
        return false;
    }
    ws->gone = outer;
    return true;
}

static void over(mk_websocket_t *ws) {
    mk_websocket_stop(ws);
    ws->kind->ops->over(ws);
}

/* The peer is not to be talked to any more. */
static void lose(mk_websocket_t *ws, mk_err_t why) {
    mk_stream_reset(ws->stream);
    ws->stream = NULL;
    if (tell(ws, why, MK_WS_CLOSE_ABNORMAL, "", 0)) over(ws);
}

/* All is said: what is queued goes out, what still comes is nobody's. The stream's end is the session's. */
static void end_stream(mk_websocket_t *ws) {
    if (ws->waiting != NULL && ws->waiting->close) {
        ws->flags |= ENDS_LATER;
    } else {
        mk_stream_finish_discarding(ws->stream);
    }
}

static void finish(mk_websocket_t *ws, mk_err_t why, uint16_t code, const char *reason, size_t reason_size) {
    if (tell(ws, why, code, reason, reason_size)) end_stream(ws);
}

void mk_websocket_stream_closed(mk_websocket_t *ws, mk_err_t why) {
    ws->stream = NULL;
    if ((ws->flags & STOPPED) != 0) return;
    if (tell(ws, why != MK_OK ? why : MK_ERR_CLOSED, MK_WS_CLOSE_ABNORMAL, "", 0)) over(ws);
}

/* The connection ends without a close frame: whatever came before that has been dealt with. */
static void end_without_close(mk_websocket_t *ws) { finish(ws, MK_ERR_CLOSED, MK_WS_CLOSE_ABNORMAL, "", 0); }

void mk_websocket_end(mk_websocket_t *ws) {
    if ((ws->flags & TOLD) != 0) return;
    if ((ws->flags & PAUSED) != 0) {
        ws->flags |= PEER_ENDED;
    } else {
        end_without_close(ws);
    }
}

/* ---- out -------------------------------------------------------------------------------------------------------- */

/* A frame whose payload is `payload` as it is, or masked into the scratch. */
static mk_err_t write_frame(mk_websocket_t *ws, uint8_t opcode, bool compressed, const uint8_t *payload, size_t size) {
    uint8_t      bytes[MK_WS_HEAD_BYTES_MAX];
    mk_ws_head_t head = {.size = size, .opcode = opcode, .fin = true, .rsv1 = compressed};
    if ((ws->flags & SERVER) == 0) {
        mk_buffer_t *scratch = &ws->kind->scratch;
        mk_err_t     err = next_mask(ws->kind, head.mask);
        if (err != MK_OK) return err;
        /* A compressed payload lies in the scratch already, and is masked where it is. */
        if (!compressed && size > 0 && mk_buffer_reserve(scratch, size) == NULL) return MK_ERR_NOMEM;
        mk_ws_mask(scratch->bytes, payload, size, head.mask, 0);
        payload = scratch->bytes;
        head.masked = true;
    }
    const mk_slice_t slices[2] = {{bytes, mk_ws_head_write(&head, bytes)}, {payload, size}};
    return mk_stream_write_slices(ws->stream, slices, size > 0 ? 2 : 1);
}

static void tidy_scratch(mk_websocket_kind_t *kind) {
    if (kind->scratch.capacity > SCRATCH_KEPT_BYTES) {
        mk_buffer_free(&kind->scratch);
    } else {
        mk_buffer_clear(&kind->scratch);
    }
}

static mk_err_t write_plain(mk_websocket_t *ws, uint8_t opcode, const void *payload, size_t size) {
    mk_err_t err = write_frame(ws, opcode, false, payload, size);
    if ((ws->flags & SERVER) == 0) tidy_scratch(ws->kind);
    return err;
}

/* The compressor that this session uses: its own when it remembers, else the one that all share. */
static mk_err_t deflater_for(mk_websocket_t *ws, mk_deflater_t ***out) {
    mk_websocket_kind_t *kind = ws->kind;
    if ((ws->flags & REMEMBERS) != 0) {
        *out = &ws->deflater;
    } else {
        if (kind->deflater_bits != ws->own_bits) {
            mk_deflater_destroy(kind->deflater);
            kind->deflater = NULL;
            kind->deflater_bits = ws->own_bits;
        }
        *out = &kind->deflater;
    }
    return **out != NULL ? MK_OK : mk_deflater_create(ws->own_bits, *out);
}

/* MK_ERR_INVALID: it did not become smaller, and nothing happened. */
static mk_err_t write_compressed(mk_websocket_t *ws, uint8_t opcode, const void *payload, size_t size) {
    mk_buffer_t    *scratch = &ws->kind->scratch;
    mk_deflater_t **deflater;
    bool            remembers = (ws->flags & REMEMBERS) != 0;
    mk_err_t        err = deflater_for(ws, &deflater);
    if (err != MK_OK) return err;
    err = mk_deflate_message(*deflater, payload, size, remembers, scratch);
    if (err == MK_OK && !remembers && scratch->size >= size) {
        tidy_scratch(ws->kind);
        return MK_ERR_INVALID;
    }
    if (err == MK_OK) err = write_frame(ws, opcode, true, scratch->bytes, scratch->size);
    if (err != MK_OK) { /* it remembers what the peer has not seen */
        mk_deflater_destroy(*deflater);
        *deflater = NULL;
    }
    tidy_scratch(ws->kind);
    return err;
}

mk_err_t mk_websocket_send(mk_websocket_t *ws, bool binary, const void *data, size_t size) {
    uint8_t opcode = binary ? MK_WS_OP_BINARY : MK_WS_OP_TEXT;
    if ((ws->flags & (CLOSE_SENT | TOLD)) != 0) return MK_ERR_CLOSED;
    if (!binary && !mk_utf8_is_valid(data, size)) return MK_ERR_INVALID;
    mk_err_t err = MK_ERR_INVALID;
    if ((ws->flags & COMPRESSES) != 0 && size >= ws->config->deflate_bytes_min) {
        err = mk_stream_is_full(ws->stream) ? MK_ERR_FULL : write_compressed(ws, opcode, data, size);
    }
    if (err == MK_ERR_INVALID) err = write_plain(ws, opcode, data, size);
    if (err == MK_ERR_FULL) ws->flags |= REFUSED;
    return err;
}

mk_err_t mk_websocket_ping(mk_websocket_t *ws, const void *data, size_t size) {
    if ((ws->flags & (CLOSE_SENT | TOLD)) != 0) return MK_ERR_CLOSED;
    if (size > MK_WS_CONTROL_BYTES_MAX) return MK_ERR_TOOLONG;
    mk_err_t err = write_plain(ws, MK_WS_OP_PING, data, size);
    if (err == MK_ERR_FULL) ws->flags |= REFUSED;
    return err;
}

/* Writes a pong or a close now or, when the stream is full, later. */
static mk_err_t write_control(mk_websocket_t *ws, uint8_t opcode, const uint8_t *payload, size_t size) {
    mk_err_t err = write_plain(ws, opcode, payload, size);
    if (err != MK_ERR_FULL) return err;
    if (ws->waiting == NULL && (ws->waiting = mk_calloc(1, sizeof *ws->waiting)) == NULL) return MK_ERR_NOMEM;
    struct mk_websocket_waiting *waiting = ws->waiting;
    if (opcode == MK_WS_OP_CLOSE) {
        waiting->close = true;
        waiting->close_size = (uint8_t)size;
        if (size > 0) memcpy(waiting->close_bytes, payload, size);
    } else {
        waiting->pong = true;
        waiting->pong_size = (uint8_t)size;
        if (size > 0) memcpy(waiting->pong_bytes, payload, size);
    }
    return MK_OK;
}

/* Our half of the close handshake; without memory for it the stream's end has to do. */
static void send_close(mk_websocket_t *ws, uint16_t code, const char *reason, size_t size) {
    uint8_t payload[MK_WS_CONTROL_BYTES_MAX];
    if ((ws->flags & CLOSE_SENT) != 0) return;
    ws->flags |= CLOSE_SENT;
    size_t   bytes = mk_ws_close_write(code, reason, size, payload);
    mk_err_t err = write_control(ws, MK_WS_OP_CLOSE, payload, bytes);
    (void)err;
}

mk_err_t mk_websocket_close(mk_websocket_t *ws, uint16_t code, const char *reason, size_t size) {
    if ((ws->flags & (CLOSE_SENT | TOLD)) != 0) return MK_ERR_CLOSED;
    if (code == 0) code = MK_WS_CLOSE_NO_STATUS;
    if (code != MK_WS_CLOSE_NO_STATUS && !mk_ws_close_code_is_valid(code)) return MK_ERR_INVALID;
    if (!mk_utf8_is_valid(reason, size)) return MK_ERR_INVALID;
    send_close(ws, code, reason, size);
    ws->reader.room = NULL;  /* what still comes is dropped ... */
    mk_websocket_resume(ws); /* ... but read: the peer's close is behind it */
    mk_loop_t *loop = ws->loop;
    mk_wheel_arm(&loop->wheel, &ws->timer, mk_loop_after_ms(loop, ws->config->close_ms));
    return MK_OK;
}

void mk_websocket_drained(mk_websocket_t *ws) {
    struct mk_websocket_waiting *waiting = ws->waiting;
    if ((ws->flags & STOPPED) != 0) return;
    ws->waiting = NULL;
    if (waiting != NULL) {
        mk_err_t err = MK_OK;
        if (waiting->close) {
            err = write_control(ws, MK_WS_OP_CLOSE, waiting->close_bytes, waiting->close_size);
        } else if (waiting->pong) {
            err = write_control(ws, MK_WS_OP_PONG, waiting->pong_bytes, waiting->pong_size);
        }
        (void)err; /* a pong that there is no memory for is not sent */
        mk_free(waiting);
    }
    if ((ws->flags & TOLD) != 0) {
        if ((ws->flags & ENDS_LATER) != 0) end_stream(ws);
        return;
    }
    if ((ws->flags & REFUSED) == 0 || mk_stream_is_full(ws->stream)) return;
    ws->flags &= (uint16_t)~REFUSED;
    if ((ws->flags & CLOSE_SENT) == 0) ws->kind->ops->drained(ws);
}

/* ---- in --------------------------------------------------------------------------------------------------------- */

static void on_fail(mk_websocket_t *ws, const mk_ws_item_t *item) {
    mk_err_t why = item->code == MK_WS_CLOSE_INTERNAL ? MK_ERR_NOMEM : MK_ERR_PROTO;
    size_t   size = strlen(item->why);
    send_close(ws, item->code, item->why, size);
    finish(ws, why, item->code, item->why, size);
}

static void on_close(mk_websocket_t *ws, const mk_ws_item_t *item) {
    send_close(ws, item->code, "", 0);
    finish(ws, MK_OK, item->code, (const char *)item->data, item->size);
}

static void handle(mk_websocket_t *ws, mk_ws_event_t event, const mk_ws_item_t *item) {
    const mk_websocket_ops_t *ops = ws->kind->ops;
    bool                      closing = (ws->flags & CLOSE_SENT) != 0;
    mk_err_t                  err = MK_OK;
    switch (event) {
    case MK_WS_MORE: break;
    case MK_WS_MESSAGE:
        if (!closing) ops->message(ws, item->binary, item->data, item->size);
        break;
    case MK_WS_PING:
        if (!closing) err = write_control(ws, MK_WS_OP_PONG, item->data, item->size);
        break;
    case MK_WS_PONG:
        if (!closing && ops->pong != NULL) ops->pong(ws, item->data, item->size);
        break;
    case MK_WS_CLOSE: on_close(ws, item); break;
    case MK_WS_FAIL: on_fail(ws, item); break;
    }
    (void)err; /* a pong that there is no memory for is not sent */
}

size_t mk_websocket_data(mk_websocket_t *ws, const uint8_t *bytes, size_t size) {
    bool         gone = false, *outer = ws->gone;
    size_t       at = 0;
    mk_ws_item_t item;
    if ((ws->flags & TOLD) != 0) return size;
    ws->heard_us = ws->loop->now_us;
    ws->flags &= (uint16_t)~PINGED;
    ws->gone = &gone;
    while ((ws->flags & (PAUSED | TOLD)) == 0) {
        size_t        used;
        mk_ws_event_t event = mk_ws_read(&ws->reader, bytes + at, size - at, &used, &item);
        at += used;
        if (event == MK_WS_MORE) break;
        handle(ws, event, &item);
        if (gone) {
            if (outer != NULL) *outer = true;
            return size;
        }
    }
    ws->gone = outer;
    if ((ws->flags & TOLD) != 0) return size;
    if ((ws->flags & (PEER_ENDED | PAUSED)) == PEER_ENDED) end_without_close(ws);
    return at;
}

static uint8_t *room_of(mk_ws_reader_t *reader, bool binary, size_t size) {
    mk_websocket_t *ws = mk_container_of(reader, mk_websocket_t, reader);
    return ws->kind->ops->room(ws, binary, size);
}

/* ---- time ------------------------------------------------------------------------------------------------------- */

/* Whoever has been silent for a while is asked for a sign of life. */
static void keep_alive(mk_websocket_t *ws, mk_loop_t *loop) {
    const mk_websocket_config_t *config = ws->config;
    uint64_t                     silent_ms = (loop->now_us - ws->heard_us) / 1000;
    uint32_t                     wait_ms = config->ping_ms;
    if ((ws->flags & PAUSED) != 0) {
        ws->heard_us = loop->now_us; /* it is we who do not listen */
    } else if (silent_ms < config->ping_ms) {
        wait_ms -= (uint32_t)silent_ms;
    } else if (write_plain(ws, MK_WS_OP_PING, "", 0) == MK_OK) {
        ws->flags |= PINGED; /* a full stream has a deadline of its own */
        wait_ms = config->pong_ms;
    }
    mk_wheel_arm(&loop->wheel, &ws->timer, mk_loop_after_ms(loop, wait_ms));
}

static void on_time(mk_wheel_t *wheel, mk_timer_t *timer) {
    mk_websocket_t *ws = mk_container_of(timer, mk_websocket_t, timer);
    (void)wheel;
    if ((ws->flags & (PEER_ENDED | PAUSED)) == PEER_ENDED) {
        end_without_close(ws);
    } else if ((ws->flags & CLOSE_SENT) != 0 || (ws->flags & (PINGED | PAUSED)) == PINGED) {
        lose(ws, MK_ERR_TIMEOUT);
    } else if (!ws->config->no_ping) {
        keep_alive(ws, ws->loop);
    }
}

void mk_websocket_pause(mk_websocket_t *ws) {
    if ((ws->flags & (PAUSED | TOLD | CLOSE_SENT)) != 0) return;
    ws->flags |= PAUSED;
    mk_stream_pause(ws->stream);
}

void mk_websocket_resume(mk_websocket_t *ws) {
    if ((ws->flags & (PAUSED | TOLD)) != PAUSED) return;
    mk_loop_t *loop = ws->loop;
    ws->flags &= (uint16_t) ~(PAUSED | PINGED);
    ws->heard_us = loop->now_us;
    mk_stream_resume(ws->stream);
    /* If nothing was kept, nothing will be offered. */
    if ((ws->flags & PEER_ENDED) != 0) mk_wheel_arm(&loop->wheel, &ws->timer, mk_loop_after_ms(loop, 1));
}

/* ---- beginning -------------------------------------------------------------------------------------------------- */

void mk_websocket_start(mk_websocket_t *ws, mk_websocket_kind_t *kind, const mk_websocket_config_t *config,
                        mk_stream_t *stream, bool server, const mk_ws_terms_t *terms) {
    uint8_t bits = server ? terms->server_bits : terms->client_bits;
    bool    takeover = server ? terms->server_takeover : terms->client_takeover;
    *ws = (mk_websocket_t){.stream = stream, .loop = mk_net_loop(stream->net), .kind = kind, .config = config};
    ws->own_bits = bits != 0 ? bits : MK_WS_BITS_MAX;
    mk_loop_t *loop = ws->loop;
    mk_ws_reader_init(&ws->reader, server, terms, config->message_bytes_max, kind->ops->room != NULL ? room_of : NULL);
    if (server) ws->flags |= SERVER;
    /* A window of 8 bits is one that zlib does not have; sending without compression is always allowed. */
    if (terms->deflate && ws->own_bits >= MK_DEFLATE_BITS_MIN) ws->flags |= COMPRESSES;
    if (takeover) ws->flags |= REMEMBERS;
    ws->heard_us = loop->now_us;
    ws->timer.fn = on_time;
    if (!config->no_ping) { mk_wheel_arm(&loop->wheel, &ws->timer, mk_loop_after_ms(loop, config->ping_ms)); }
}

bool mk_websocket_is_open(const mk_websocket_t *ws) { return (ws->flags & (CLOSE_SENT | TOLD)) == 0; }

size_t mk_websocket_queued(const mk_websocket_t *ws) { return ws->stream != NULL ? mk_stream_queued(ws->stream) : 0; }
