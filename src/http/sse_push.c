/* SPDX-License-Identifier: Apache-2.0 */
/* sse_push.c -- the server's half of sse.h. A heartbeat is due so long after the last byte: the timer is not moved with each
 * push, it looks at the clock when it comes. */
#include "base/assert.h"
#include "http/sse.h"

enum {
    HEARTBEAT_MS = 15000,
    SCRATCH_KEPT_BYTES = 65536, /* more is given back after use */
};

void mk_sse_push_kind_init(mk_sse_push_kind_t *kind, const mk_sse_push_ops_t *ops) {
    *kind = (mk_sse_push_kind_t){.ops = ops};
}

void mk_sse_push_kind_fini(mk_sse_push_kind_t *kind) { mk_buffer_free(&kind->scratch); }

static void on_slow(mk_loop_t *loop, mk_deferred_t *deferred) {
    mk_sse_push_t *push = mk_container_of(deferred, mk_sse_push_t, slow);
    (void)loop;
    push->kind->ops->too_slow(push);
}

/* Sends what was written into the scratch. */
static mk_err_t send_scratch(mk_sse_push_t *push, mk_err_t err) {
    mk_buffer_t *scratch = &push->kind->scratch;
    if (err == MK_OK) err = push->kind->ops->write(push, scratch->bytes, scratch->size);
    if (err == MK_OK) push->sent_us = push->loop->now_us;
    if (scratch->capacity > SCRATCH_KEPT_BYTES) {
        mk_buffer_free(scratch);
    } else {
        mk_buffer_clear(scratch);
    }
    return err;
}

static mk_err_t note_refusal(mk_sse_push_t *push, mk_err_t err) {
    if (err != MK_ERR_FULL) return err;
    push->full = true;
    if (push->close_when_full) mk_loop_defer(push->loop, &push->slow, on_slow);
    return err;
}

/* A reader that has not taken what there is needs no sign of life. */
void mk_sse_push_beat(mk_sse_push_t *push) {
    if (push->full) return;
    if (send_scratch(push, mk_sse_write_comment(&push->kind->scratch, "", 0)) == MK_ERR_FULL) push->full = true;
}

static void on_time(mk_wheel_t *wheel, mk_timer_t *timer) {
    mk_sse_push_t *push = mk_container_of(timer, mk_sse_push_t, timer);
    uint64_t       silent_ms = (push->loop->now_us - push->sent_us) / 1000, wait_ms = push->heartbeat_ms;
    (void)wheel;
    if (silent_ms < wait_ms) wait_ms -= silent_ms;
    else mk_sse_push_beat(push);
    mk_wheel_arm(&push->loop->wheel, &push->timer, mk_loop_after_ms(push->loop, wait_ms));
}

mk_err_t mk_sse_push_start(mk_sse_push_t *push, mk_sse_push_kind_t *kind, const mk_sse_push_config_t *config,
                           mk_loop_t *loop) {
    *push = (mk_sse_push_t){.kind = kind, .loop = loop, .sent_us = loop->now_us};
    push->heartbeat_ms = config->heartbeat_ms != 0 ? config->heartbeat_ms : HEARTBEAT_MS;
    push->close_when_full = config->close_when_full;
    push->timer.fn = on_time;
    if (config->retry_ms != 0) {
        mk_err_t err = send_scratch(push, mk_sse_write_retry(&kind->scratch, config->retry_ms));
        if (err != MK_OK) return err;
    }
    if (!config->no_heartbeat) mk_wheel_arm(&loop->wheel, &push->timer, mk_loop_after_ms(loop, push->heartbeat_ms));
    return MK_OK;
}

mk_err_t mk_sse_push_event(mk_sse_push_t *push, const mk_sse_event_t *event) {
    return note_refusal(push, send_scratch(push, mk_sse_write_event(&push->kind->scratch, event)));
}

mk_err_t mk_sse_push_comment(mk_sse_push_t *push, const char *text, size_t size) {
    return note_refusal(push, send_scratch(push, mk_sse_write_comment(&push->kind->scratch, text, size)));
}

void mk_sse_push_drained(mk_sse_push_t *push) {
    if (!push->full) return;
    push->full = false;
    push->kind->ops->drained(push);
}

void mk_sse_push_stop(mk_sse_push_t *push) {
    if (push->loop == NULL) return;
    mk_wheel_cancel(&push->loop->wheel, &push->timer);
    mk_deferred_cancel(&push->slow);
    push->loop = NULL;
}
