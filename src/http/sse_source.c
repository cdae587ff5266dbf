/* SPDX-License-Identifier: Apache-2.0 */
/* sse_source.c -- the client's half of sse.h: asks, reads, waits, asks again. What ends it for good is a refusal, an answer
 * that is no event stream, or events too large; what does not is a connection that could not be had or was lost. */
#include <string.h>

#include "base/assert.h"
#include "http/sse.h"

enum {
    EVENT_BYTES_MAX = 1 << 20,
    RETRY_MS = 3000,
    RETRY_MS_MAX = 60000,
};

enum { IDLE, ASKING, READING, WAITING, OVER };

static uint32_t or_default(uint32_t value, uint32_t fallback) { return value != 0 ? value : fallback; }

void mk_sse_source_init(mk_sse_source_t *source, mk_loop_t *loop, const mk_sse_source_ops_t *ops,
                        const mk_sse_source_config_t *config) {
    *source = (mk_sse_source_t){.ops = ops, .loop = loop, .config = *config};
    mk_sse_source_config_t *own = &source->config;
    own->event_bytes_max = or_default(own->event_bytes_max, EVENT_BYTES_MAX);
    own->retry_ms = or_default(own->retry_ms, RETRY_MS);
    own->retry_ms_max = or_default(own->retry_ms_max, RETRY_MS_MAX);
    mk_sse_parser_init(&source->parser, own->event_bytes_max);
}

static void arm(mk_sse_source_t *source, uint64_t wait_ms) {
    mk_wheel_arm(&source->loop->wheel, &source->timer, mk_loop_after_ms(source->loop, wait_ms));
}

void mk_sse_source_stop(mk_sse_source_t *source) {
    mk_wheel_cancel(&source->loop->wheel, &source->timer);
    mk_sse_parser_fini(&source->parser);
    source->state = OVER;
    if (source->gone != NULL) *source->gone = true;
    source->gone = NULL;
}

/* Over for good. Nothing of the source is touched afterwards. */
static void finish(mk_sse_source_t *source, mk_err_t why, int status) {
    mk_sse_source_stop(source);
    source->ops->closed(source, why, status);
}

/* How long to wait before the next attempt: what the server or the configuration says, and twice as long after each failure in
 * a row but the first. */
static uint64_t wait_ms(const mk_sse_source_t *source) {
    uint64_t ms = source->parser.has_retry ? source->parser.retry_ms : source->config.retry_ms;
    for (uint32_t i = 1; i < source->failures && ms < source->config.retry_ms_max; i++) ms = ms != 0 ? ms * 2 : 1;
    return ms < source->config.retry_ms_max ? ms : source->config.retry_ms_max;
}

static void try_later(mk_sse_source_t *source, int status) {
    if (source->config.attempts_max != 0 && source->failures >= source->config.attempts_max) {
        finish(source, MK_ERR_LIMIT, status);
        return;
    }
    source->state = WAITING;
    arm(source, wait_ms(source));
}

static void ask(mk_sse_source_t *source) {
    mk_sse_parser_restart(&source->parser);
    source->state = ASKING;
    source->ops->request(source);
}

/* The next attempt is due, or the connection is suspiciously quiet. While we do not listen, quiet says nothing. */
static void on_time(mk_wheel_t *wheel, mk_timer_t *timer) {
    mk_sse_source_t *source = mk_container_of(timer, mk_sse_source_t, timer);
    (void)wheel;
    if (source->state == WAITING) {
        ask(source);
        return;
    }
    uint64_t silent_ms = (source->loop->now_us - source->heard_us) / 1000;
    if (source->paused || silent_ms < source->config.silence_ms) {
        arm(source, source->paused ? source->config.silence_ms : source->config.silence_ms - silent_ms);
        return;
    }
    bool gone = false;
    source->gone = &gone;
    source->ops->abandon(source);
    if (gone) return;
    source->gone = NULL;
    mk_sse_source_ended(source);
}

void mk_sse_source_start(mk_sse_source_t *source) {
    source->timer.fn = on_time;
    ask(source);
}

/* "text/event-stream", with any parameters. */
static bool is_event_stream(const char *type, size_t size) {
    if (type == NULL) return false;
    const char    *semicolon = memchr(type, ';', size);
    mk_http_text_t text = {type, semicolon != NULL ? (size_t)(semicolon - type) : size};
    while (text.size > 0 && (text.at[text.size - 1] == ' ' || text.at[text.size - 1] == '\t')) text.size--;
    return mk_http_text_alike(text, "text/event-stream");
}

bool mk_sse_source_response(mk_sse_source_t *source, int status, const char *content_type, size_t content_type_size) {
    if (source->state != ASKING) return false;
    if (status == 204) {
        finish(source, MK_OK, status);
        return false;
    }
    if (source->config.retry_errors && (status >= 500 || status == 429)) {
        source->failures++;
        try_later(source, status);
        return false;
    }
    if (status != 200 || !is_event_stream(content_type, content_type_size)) {
        finish(source, MK_ERR_PROTO, status);
        return false;
    }
    bool gone = false;
    source->state = READING;
    source->failures = 0;
    source->heard_us = source->loop->now_us;
    if (source->config.silence_ms != 0) arm(source, source->config.silence_ms);
    source->gone = &gone;
    source->ops->open(source, status);
    if (gone) return false;
    source->gone = NULL;
    return true;
}

size_t mk_sse_source_data(mk_sse_source_t *source, const uint8_t *bytes, size_t size) {
    bool            gone = false;
    size_t          at = 0;
    mk_sse_status_t status = MK_SSE_EVENT;
    if (source->state != READING) return size;
    source->heard_us = source->loop->now_us;
    while (status == MK_SSE_EVENT && !source->paused) {
        mk_sse_event_t event;
        size_t         used;
        status = mk_sse_parse(&source->parser, bytes + at, size - at, &used, &event);
        at += used;
        if (status != MK_SSE_EVENT) break;
        source->gone = &gone;
        source->ops->event(source, &event);
        if (gone) return size;
        source->gone = NULL;
    }
    if (status == MK_SSE_EVENT || status == MK_SSE_MORE) return at;
    source->gone = &gone;
    source->ops->abandon(source);
    if (gone) return size;
    finish(source, status == MK_SSE_TOOLONG ? MK_ERR_TOOLONG : MK_ERR_NOMEM, 200);
    return size;
}

void mk_sse_source_ended(mk_sse_source_t *source) {
    if (source->state != ASKING && source->state != READING) return;
    mk_wheel_cancel(&source->loop->wheel, &source->timer);
    if (source->state == ASKING) source->failures++; /* a stream that ends is no failure */
    try_later(source, 0);
}

mk_http_text_t mk_sse_source_last_id(const mk_sse_source_t *source) {
    return (mk_http_text_t){(const char *)source->parser.id.bytes, source->parser.id.size};
}

void mk_sse_source_pause(mk_sse_source_t *source) { source->paused = true; }

void mk_sse_source_resume(mk_sse_source_t *source) {
    if (!source->paused) return;
    source->paused = false;
    source->heard_us = source->loop->now_us;
    if (source->state == READING) source->ops->resume(source);
}
