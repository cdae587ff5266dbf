/* SPDX-License-Identifier: Apache-2.0 */
/* link.c -- a link's life: hello, welcome, heartbeats, the end. The owner is called from the loop and never from inside of its own
 * calls, and may destroy the link in any of them.
 *
 * closed -> greeting (hello is said) -> up (both have welcomed) -> finishing (what is queued goes out) -> parting (BYE is said)
 * -> over. From each to over at any time; what is to be told then is told once, before the loop waits. */
#include <stdarg.h>
#include <stdio.h>

#include "node/link_parts.h"
#include "runtime/attach.h"

static uint64_t min_of(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* ---- the end --------------------------------------------------------------------------------------------------------------- */

static void channel_close(mk_link_t *link, bool flush) {
    mk_channel_t *channel = link->channel;
    if (channel == NULL) return;
    link->seen = *channel;
    link->channel = NULL;
    channel->ops->close(channel, flush);
}

static void forget_queued(mk_link_t *link) {
    mk_link_bulk_free(link);
    mk_link_table_clear(&link->stopped, mk_link_stopped_free);
    mk_link_table_clear(&link->stops, mk_link_stop_free);
    mk_link_lane_free(&link->control);
    mk_link_lane_free(&link->data);
    mk_link_streams_free(link);
}

static void on_ending(mk_loop_t *loop, mk_deferred_t *deferred) {
    mk_link_t *link = mk_container_of(deferred, mk_link_t, ending);
    (void)loop;
    mk_link_enter(link);
    channel_close(link, !link->vanished);
    forget_queued(link);
    mk_remote_down(link->rt, &link->remote);
    link->ops->down(link, link->err, link->why);
    mk_link_leave(link);
}

/* Control goes first, as far as it goes: the peer learns what it may count on. */
static void say_end(mk_link_t *link, unsigned reason) {
    uint8_t        frame[MK_WIRE_END_BYTES_MAX];
    mk_wire_end_t  end = {(uint8_t)reason, {link->why, strlen(link->why)}};
    mk_wire_kind_t kind = link->we_welcomed ? MK_WIRE_BYE : MK_WIRE_REFUSE;
    if (mk_link_flush_control(link))
        (void)link->channel->ops->write(link->channel, frame, mk_wire_put_end(frame, kind, &end));
}

void mk_link_end(mk_link_t *link, mk_err_t err, unsigned reason, const char *format, ...) {
    mk_link_state_t before = link->state;
    va_list         args;
    if (before == MK_LINK_OVER) return;
    link->state = MK_LINK_OVER;
    link->detour |= MK_LINK_NOT_UP;
    link->err = err;
    link->vanished = err == MK_ERR_TIMEOUT && reason == 0;
    va_start(args, format);
    vsnprintf(link->why, sizeof link->why, format, args);
    va_end(args);
    if (reason != 0 && before > MK_LINK_CLOSED && before < MK_LINK_PARTING) say_end(link, reason);
    mk_wheel_cancel(&link->loop->wheel, &link->timer);
    mk_deferred_cancel(&link->flush);
    mk_loop_defer(link->loop, &link->ending, on_ending);
}

void mk_link_broken(mk_link_t *link, const char *what) {
    mk_link_end(link, MK_ERR_PROTO, MK_WIRE_REASON_PROTOCOL, "the peer broke the protocol: %s", what);
}

void mk_link_refuse(mk_link_t *link, mk_wire_reason_t reason, const char *text) {
    mk_link_end(link, MK_ERR_DENIED, reason, "%s%s%s", mk_wire_reason_text(reason), text[0] != '\0' ? ": " : "", text);
}

void mk_link_finish(mk_link_t *link, mk_wire_reason_t reason) {
    if (link->state != MK_LINK_UP) {
        mk_link_end(link, MK_ERR_CLOSED, reason, "ended: %s", mk_wire_reason_text(reason));
        return;
    }
    link->state = MK_LINK_FINISHING;
    link->detour |= MK_LINK_NOT_UP;
    link->finish_reason = (uint8_t)reason;
    mk_wheel_arm(&link->loop->wheel, &link->timer, mk_loop_after_ms(link->loop, MK_LINK_FINISH_MS));
    mk_link_flush_soon(link);
}

/* The peer closes when it has read everything up to BYE, having said what it has got: nothing is counted as lost that is not. */
void mk_link_part(mk_link_t *link) {
    uint8_t      *to = mk_link_control_room(link, MK_WIRE_END_BYTES_MAX);
    const char   *text = mk_wire_reason_text(link->finish_reason);
    mk_wire_end_t end = {link->finish_reason, {text, strlen(text)}};
    if (to == NULL) return;
    link->control.row.size += mk_wire_put_end(to, MK_WIRE_BYE, &end);
    link->state = MK_LINK_PARTING;
    (void)mk_link_flush_control(link);
}

void mk_link_leave(mk_link_t *link) {
    if (--link->calls == 0 && link->destroyed) mk_free(link);
}

void mk_link_destroy(mk_link_t *link) {
    mk_wheel_cancel(&link->loop->wheel, &link->timer);
    mk_deferred_cancel(&link->flush);
    mk_deferred_cancel(&link->ending);
    link->state = MK_LINK_OVER;
    link->detour |= MK_LINK_NOT_UP;
    channel_close(link, false);
    mk_remote_down(link->rt, &link->remote);
    forget_queued(link);
    link->destroyed = true;
    if (link->calls == 0) mk_free(link);
}

/* ---- time ----------------------------------------------------------------------------------------------------------------- */

/* The first whole millisecond at or after. */
static uint64_t ms_of(uint64_t us) { return (us + 999) / 1000; }

/* When there is something to be done about a link that is up. */
static uint64_t next_us(const mk_link_t *link) {
    uint64_t heartbeat_us = (uint64_t)link->limits.heartbeat_ms * 1000, dead_us = (uint64_t)link->limits.dead_ms * 1000;
    uint64_t next = link->heard_us + dead_us;
    if (!link->pinged) next = min_of(next, link->heard_us + heartbeat_us);
    else next = min_of(next, link->beat_us + heartbeat_us);
    return link->probe_us != 0 ? min_of(next, link->probe_us) : next;
}

static void arm(mk_link_t *link) { mk_wheel_arm(&link->loop->wheel, &link->timer, ms_of(next_us(link))); }

/* Memory that a flood has left behind. */
static void trim(mk_link_lane_t *lane) {
    if (lane->row.size == 0 && lane->row.capacity > MK_LINK_KEEP_BYTES) mk_link_lane_free(lane);
}

static void beat(mk_link_t *link) {
    uint64_t now_us = link->loop->now_us, silent_us = now_us - link->heard_us;
    if (silent_us >= (uint64_t)link->limits.dead_ms * 1000) {
        mk_link_end(link, MK_ERR_TIMEOUT, 0, "nothing was heard of the peer for %u ms", link->limits.dead_ms);
        return;
    }
    if (link->probe_us != 0 && link->probe_heard_n != link->heard_n) link->probe_us = 0;
    if (link->probe_us != 0 && now_us >= link->probe_us) {
        mk_link_end(link, MK_ERR_TIMEOUT, 0, "the peer did not answer when it was asked for a sign of life");
        return;
    }
    if (silent_us >= (uint64_t)link->limits.heartbeat_ms * 1000) mk_link_ping(link);
    link->beat_us = now_us;
    if (link->taken != link->reported) {
        link->credit_is_due = true;
        mk_link_flush_soon(link);
    }
    trim(&link->data);
    trim(&link->control);
    if (mk_link_is_alive(link)) arm(link);
}

static void on_timer(mk_wheel_t *wheel, mk_timer_t *timer) {
    mk_link_t *link = mk_container_of(timer, mk_link_t, timer);
    (void)wheel;
    switch (link->state) {
    case MK_LINK_UP: beat(link); break;
    case MK_LINK_FINISHING:
    case MK_LINK_PARTING:
        mk_link_end(link, MK_ERR_CLOSED, link->finish_reason, "ended, before the peer had taken everything");
        break;
    default:
        mk_link_end(link, MK_ERR_TIMEOUT, MK_WIRE_REASON_PROTOCOL, "no hello and welcome within %u ms",
                    link->limits.hello_ms);
    }
}

void mk_link_probe(mk_link_t *link, uint32_t within_ms) {
    if (link->state != MK_LINK_UP) return;
    uint64_t until = link->loop->now_us + (uint64_t)within_ms * 1000;
    if (link->probe_us == 0 || link->probe_heard_n != link->heard_n || until < link->probe_us) link->probe_us = until;
    link->probe_heard_n = link->heard_n;
    mk_link_ping(link);
    if (link->state == MK_LINK_UP) arm(link);
}

/* ---- hello ------------------------------------------------------------------------------------------------------------------ */

static void on_open(mk_channel_t *channel) {
    mk_link_t *link = channel->owner;
    link->seen = *channel;
    link->state = MK_LINK_GREETING;
    mk_wheel_arm(&link->loop->wheel, &link->timer, mk_loop_after_ms(link->loop, link->limits.hello_ms));
    uint8_t *to = mk_link_control_room(link, MK_WIRE_HELLO_BYTES_MAX);
    if (to != NULL) link->control.row.size += mk_wire_put_hello(to, &link->ours);
}

void mk_link_welcome(mk_link_t *link, uint32_t may) {
    mk_wire_welcome_t welcome = {link->version, may};
    if (link->state != MK_LINK_GREETING || link->we_welcomed) return;
    uint8_t *to = mk_link_control_room(link, MK_WIRE_WELCOME_BYTES);
    if (to == NULL) return;
    link->control.row.size += mk_wire_put_welcome(to, &welcome);
    link->remote.may = may;
    link->we_welcomed = true;
    if (link->peer_welcomed) mk_link_go_up(link);
}

/* The longest payload that travels whole. */
static uint32_t short_max(const mk_link_t *link) {
    size_t frame = min_of(link->seen.frame_bytes_max, MK_WIRE_FRAME_BYTES_MAX);
    size_t most = min_of(MK_LINK_PIECE_BYTES, link->hello.credit / 4); /* several fit the window at a time */
    if (link->seen.datagrams) most = frame - MK_WIRE_DATA_CALL_BYTES;
    else most = min_of(most, frame - MK_WIRE_FRAGMENT_FIRST_BYTES_MAX);
    return (uint32_t)min_of(most, link->hello.message_max);
}

void mk_link_go_up(mk_link_t *link) {
    mk_err_t err = mk_remote_up(link->rt, &link->remote);
    if (err != MK_OK) {
        mk_link_end(link, err, err == MK_ERR_EXISTS ? MK_WIRE_REASON_DOUBLE : MK_WIRE_REASON_STOPPING,
                    "the runtime does not take it: %s", mk_err_text(err));
        return;
    }
    link->state = MK_LINK_UP;
    link->detour &= ~(uint32_t)MK_LINK_NOT_UP;
    link->short_max = short_max(link);
    link->queue_max = mk_link_queue_max(link->ours.queue, link->hello.queue);
    link->up_since_ms = link->loop->now_us / 1000;
    link->heard_us = link->beat_us = link->loop->now_us;
    link->up_is_due = true;
    mk_link_flush_soon(link);
    mk_link_ping(link); /* how far away is it? */
    if (mk_link_is_alive(link)) arm(link);
}

void mk_link_tell_up(mk_link_t *link) {
    if (!link->up_is_due || link->state != MK_LINK_UP) return;
    link->up_is_due = false;
    link->ops->up(link);
}

/* ---- the channel ------------------------------------------------------------------------------------------------------------ */

static void on_room(mk_channel_t *channel) {
    mk_link_t *link = channel->owner;
    link->blocked = false;
    if (mk_link_is_alive(link)) mk_link_flush_soon(link);
}

static void on_closed(mk_channel_t *channel, mk_err_t err, const char *why) {
    mk_link_t *link = channel->owner;
    link->blocked = true; /* nothing can be said any more */
    if (link->state == MK_LINK_PARTING) mk_link_end(link, MK_ERR_CLOSED, 0, "ended");
    else mk_link_end(link, err, 0, "%s", why);
}

static const mk_channel_user_t channel_user = {on_open, mk_link_bytes, on_room, on_closed};

/* The fields of our hello that say how links work here. */
static mk_wire_hello_t complete(const mk_wire_hello_t *said, const mk_channel_t *channel,
                                const mk_link_limits_t *limits) {
    mk_wire_hello_t hello = *said;
    hello.version_min = hello.version_max = MK_WIRE_VERSION;
    hello.features = MK_WIRE_FEATURE_SIGNALS | MK_WIRE_FEATURE_NAMES | MK_WIRE_FEATURE_REQUESTS;
    if (!channel->datagrams) hello.features |= MK_WIRE_FEATURE_FRAGMENTS;
    hello.credit = limits->credit_bytes > MK_WIRE_CREDIT_MIN ? limits->credit_bytes : (uint32_t)MK_WIRE_CREDIT_MIN;
    hello.message_max = limits->message_max;
    hello.queue = (uint32_t)min_of(limits->queue_bytes, MK_WIRE_QUEUE_MAX);
    hello.heartbeat_ms = limits->heartbeat_ms;
    return hello;
}

mk_err_t mk_link_create(runtime_t *rt, mk_channel_t *channel, const mk_link_ops_t *ops, void *owner,
                        const mk_link_limits_t *limits, const mk_wire_hello_t *ours, mk_link_t **out) {
    uint32_t   seed;
    mk_link_t *link = mk_calloc(1, sizeof *link);
    mk_assert(limits->heartbeat_ms != 0 && limits->dead_ms != 0 && limits->hello_ms != 0);
    if (link == NULL) {
        channel->ops->close(channel, false);
        return MK_ERR_NOMEM;
    }
    if (mk_port_entropy(&seed, sizeof seed) != MK_OK) seed = (uint32_t)mk_port_now_us();
    link->remote = (mk_remote_t){.ops = &mk_link_remote_ops};
    link->rt = rt;
    link->loop = mk_runtime_loop(rt);
    link->channel = channel;
    link->seen = *channel;
    link->ops = ops;
    link->owner = owner;
    link->limits = *limits;
    link->ours = complete(ours, channel, limits);
    link->stopped.seed = link->stops.seed = seed;
    link->detour = MK_LINK_NOT_UP;
    link->queue_max = link->ours.queue;
    link->timer.fn = on_timer;
    channel->user = &channel_user;
    channel->owner = link;
    *out = link;
    return MK_OK;
}

/* ---- for the cluster ---------------------------------------------------------------------------------------------------------- */

mk_err_t mk_link_control(mk_link_t *link, const uint8_t *frame, size_t size) {
    if (link->state != MK_LINK_UP) return MK_ERR_CLOSED;
    if (mk_link_lane_bytes(&link->control) + size > MK_LINK_CONTROL_BYTES_MAX) {
        link->control_was_full = true;
        return MK_ERR_FULL;
    }
    if (!mk_buffer_append(&link->control.row, frame, size)) return MK_ERR_NOMEM;
    mk_link_flush_soon(link);
    return MK_OK;
}

void                  *mk_link_owner(const mk_link_t *link) { return link->owner; }
const mk_wire_hello_t *mk_link_hello(const mk_link_t *link) { return &link->hello; }
const mk_channel_t    *mk_link_channel(const mk_link_t *link) {
       return link->channel != NULL ? link->channel : &link->seen;
}
mk_remote_t     *mk_link_remote(mk_link_t *link) { return &link->remote; }
bool             mk_link_is_up(const mk_link_t *link) { return link->state == MK_LINK_UP; }
mk_wire_reason_t mk_link_reason(const mk_link_t *link) { return (mk_wire_reason_t)link->reason; }

void mk_link_get_stats(const mk_link_t *link, mk_link_stats_t *out) {
    uint64_t unknown = link->sent - link->acked_messages;
    *out = (mk_link_stats_t){.sent = link->sent,
                             .received = link->received,
                             .refused = link->refused,
                             .lost = mk_link_is_alive(link) ? min_of(link->forgiven_messages, unknown) : unknown,
                             .up_since_ms = link->up_since_ms,
                             .rtt_us = link->rtt_us,
                             .queued_bytes = mk_link_queued(link)};
    out->missed = link->too_late + (link->channel != NULL ? link->channel->lost : link->seen.lost);
}
