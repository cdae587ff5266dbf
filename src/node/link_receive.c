/* SPDX-License-Identifier: Apache-2.0 */
/* link_receive.c -- what comes from the peer: bytes in, messages and signals handed to the runtime, credit given back.
 *
 * Nothing here trusts the peer. What no honest one sends ends the link: malformed frames, frames out of place, more than its credit,
 * messages for an actor after it has agreed to stop. */
#include "node/link_parts.h"

/* ---- actors of ours that are full ----------------------------------------------------------------------------------------------- */

void mk_link_stop_free(mk_link_record_t *record) { mk_free(record); }

static mk_link_stop_t *stop_of(const mk_link_t *link, uint32_t seq) {
    return (mk_link_stop_t *)mk_link_table_find(&link->stops, seq);
}

static mk_link_stop_t *stop_add(mk_link_t *link, uint32_t seq) {
    mk_link_stop_t *stop = link->stops.n < MK_LINK_STOPPED_MAX ? mk_calloc(1, sizeof *stop) : NULL;
    if (stop == NULL) return NULL;
    stop->record.seq = seq;
    if (mk_link_table_add(&link->stops, &stop->record) == MK_OK) return stop;
    mk_free(stop);
    return NULL;
}

/* Its mailbox is at its limit. */
static void say_stop(mk_link_t *link, uint32_t seq) {
    mk_link_stop_t *stop = stop_of(link, seq);
    if (stop == NULL) stop = stop_add(link, seq);
    if (stop == NULL) {
        mk_link_end(link, MK_ERR_NOMEM, MK_WIRE_REASON_STOPPING, "out of memory for an actor that is full");
        return;
    }
    if (stop->stopped) return;
    stop->stopped = true;
    stop->owed++;
    mk_link_say_actor(link, MK_WIRE_STOP, seq);
}

static void on_stopped(mk_link_t *link, uint32_t seq) {
    mk_link_stop_t *stop = stop_of(link, seq);
    if (stop == NULL || stop->owed == 0) {
        mk_link_broken(link, "an answer to a stop that was not said");
        return;
    }
    if (--stop->owed != 0) return;
    link->over_bytes -= stop->bytes;
    stop->bytes = 0;
    if (stop->stopped) return;
    mk_link_table_remove(&link->stops, &stop->record);
    mk_link_stop_free(&stop->record);
}

/* What may come for actors that are full, all together: what was on its way, what was queued at the peer, and one payload longer than
 * its queue. It has answered by then. Each of them is a limit of ours. */
static uint64_t over_max(const mk_link_t *link) {
    return (uint64_t)link->ours.credit + mk_link_queue_max(link->hello.queue, link->ours.queue) +
           link->ours.message_max;
}

/* Answers to calls always come: somebody waits for each. Datagrams come late, too, and may be dropped. */
bool mk_link_may_come(mk_link_t *link, const mk_wire_data_t *data, size_t size) {
    mk_link_stop_t *stop = stop_of(link, data->dest);
    if (stop == NULL || !stop->stopped || data->part == MK_WIRE_REPLY) return true;
    if (stop->owed != 0) {
        stop->bytes += size;
        link->over_bytes += size;
        if (link->over_bytes <= over_max(link)) return true;
    }
    if (link->seen.datagrams) link->too_late++;
    else mk_link_broken(link, "messages for an actor that is stopped");
    return false;
}

/* ---- messages and signals ------------------------------------------------------------------------------------------------------- */

void mk_link_told(mk_link_t *link, const mk_envelope_t *envelope, mk_err_t err) {
    if (err == MK_ERR_FULL) say_stop(link, envelope->dest);
    else if (err == MK_ERR_PROTO) mk_link_broken(link, "a message of a type that no other node may send");
}

static inline void on_data(mk_link_t *link, const mk_wire_data_t *data) {
    const mk_envelope_t envelope = {.source = data->source,
                                    .dest = data->dest,
                                    .type = data->type,
                                    .part = (mk_call_part_t)data->part,
                                    .call = data->call,
                                    .payload = data->payload.data,
                                    .size = data->payload.size};
    link->received++;
    /* Its frame counts: a payload of nothing costs a message all the same. */
    if (mk_unlikely(link->stops.n != 0) && !mk_link_may_come(link, data, MK_WIRE_DATA_BYTES + data->payload.size))
        return;
    mk_err_t err = mk_remote_message(link->rt, &link->remote, &envelope);
    if (mk_unlikely(err != MK_OK)) mk_link_told(link, &envelope, err);
}

static void on_signal(mk_link_t *link, const mk_signal_t *signal) {
    mk_err_t err = mk_remote_signal(link->rt, &link->remote, signal); /* what it refuses it answers itself */
    if (err == MK_ERR_PROTO) mk_link_broken(link, "a signal that no other node may send");
}

/* ---- beginning and end ------------------------------------------------------------------------------------------------------------ */

static void on_hello(mk_link_t *link, const mk_wire_frame_t *frame) {
    mk_wire_hello_t *hello = &link->hello;
    const char      *again = "hello is said twice";
    if (link->greeted || !mk_wire_get_hello(frame, hello)) {
        mk_link_broken(link, link->greeted ? again : "a malformed hello");
        return;
    }
    link->greeted = true;
    link->remote.node = hello->node;
    uint8_t most = hello->version_max < link->ours.version_max ? hello->version_max : link->ours.version_max;
    if (most < hello->version_min || most < link->ours.version_min) {
        mk_link_refuse(link, MK_WIRE_REASON_VERSION, "");
        return;
    }
    link->version = most;
    link->ops->greeted(link);
}

static void on_welcome(mk_link_t *link, const mk_wire_frame_t *frame) {
    mk_wire_welcome_t welcome;
    if (!link->greeted || link->peer_welcomed || !mk_wire_get_welcome(frame, &welcome) ||
        welcome.version != link->version) {
        mk_link_broken(link, "a welcome out of place");
        return;
    }
    link->peer_welcomed = true;
    if (!link->we_welcomed) return;
    mk_link_go_up(link);
    mk_link_tell_up(link);
}

/* What the peer says is for people: no control characters. */
static void copy_text(char *to, size_t room, mk_slice_t text) {
    const char *from = text.data;
    size_t      n = text.size < room - 1 ? text.size : room - 1;
    for (size_t i = 0; i < n; i++) to[i] = from[i] >= ' ' && from[i] != 0x7f ? from[i] : '?';
    to[n] = '\0';
}

static void on_end(mk_link_t *link, const mk_wire_frame_t *frame) {
    mk_wire_end_t end;
    char          text[MK_LINK_WHY_BYTES / 2];
    bool          refused = frame->kind == MK_WIRE_REFUSE;
    if (!mk_wire_get_end(frame, &end) || (refused && link->peer_welcomed) || (!refused && !link->greeted)) {
        mk_link_broken(link, "an end out of place");
        return;
    }
    link->reason = end.reason;
    copy_text(text, sizeof text, end.text);
    const char *reason = mk_wire_reason_text(end.reason);
    bool        repeats = strncmp(text, reason, strlen(reason)) == 0; /* ours do */
    link->credit_is_due = link->taken != link->reported;              /* so that it knows what has come */
    (void)mk_link_flush_control(link);
    mk_link_end(link, refused ? MK_ERR_DENIED : MK_ERR_CLOSED, 0, "%s: %s%s%s",
                refused ? "the peer refuses" : "the peer has ended it", repeats ? "" : reason,
                text[0] != '\0' && !repeats ? ": " : "", text);
}

/* ---- frames ----------------------------------------------------------------------------------------------------------------------- */

static void on_value(mk_link_t *link, const mk_wire_frame_t *frame) {
    mk_wire_credit_t credit;
    uint64_t         stamp;
    uint32_t         seq;
    switch (frame->kind) {
    case MK_WIRE_PING:
        if (!mk_wire_get_stamp(frame, &link->pong_stamp)) break;
        link->pong_is_due = true;
        link->credit_is_due |= link->taken != link->reported;
        mk_link_flush_soon(link);
        return;
    case MK_WIRE_PONG:
        if (!mk_wire_get_stamp(frame, &stamp)) break;
        mk_link_on_pong(link, stamp);
        return;
    case MK_WIRE_CREDIT:
        if (!mk_wire_get_credit(frame, &credit)) break;
        mk_link_on_credit(link, &credit);
        return;
    default:
        if (!mk_wire_get_actor(frame, &seq)) break;
        if (frame->kind == MK_WIRE_STOP) mk_link_on_stop(link, seq);
        else mk_link_on_ready(link, seq);
        return;
    }
    mk_link_broken(link, "a malformed frame");
}

/* Those that count for credit. */
static void on_lane(mk_link_t *link, const mk_wire_frame_t *frame) {
    mk_wire_data_t     data;
    mk_wire_fragment_t fragment;
    mk_signal_t        signal;
    uint32_t           seq;
    link->taken += MK_WIRE_HEADER_BYTES + frame->size;
    if (frame->kind == MK_WIRE_DATA && mk_wire_get_data(frame, &data)) on_data(link, &data);
    else if (frame->kind == MK_WIRE_FRAGMENT && mk_wire_get_fragment(frame, &fragment))
        mk_link_on_fragment(link, &fragment);
    else if (frame->kind == MK_WIRE_SIGNAL && mk_wire_get_signal(frame, &signal)) on_signal(link, &signal);
    else if (frame->kind == MK_WIRE_STOPPED && mk_wire_get_actor(frame, &seq)) on_stopped(link, seq);
    else mk_link_broken(link, "a malformed frame");
}

static bool is_flowing(const mk_link_t *link) { return link->state >= MK_LINK_UP && link->state < MK_LINK_OVER; }

static void on_frame(mk_link_t *link, const mk_wire_frame_t *frame) {
    switch (frame->kind) {
    case MK_WIRE_HELLO: on_hello(link, frame); return;
    case MK_WIRE_WELCOME: on_welcome(link, frame); return;
    case MK_WIRE_REFUSE:
    case MK_WIRE_BYE: on_end(link, frame); return;
    default: break;
    }
    if (!is_flowing(link)) {
        /* A datagram may overtake the welcome; it is lost then. */
        if (frame->kind != MK_WIRE_DATA || !link->seen.datagrams) mk_link_broken(link, "a frame before the welcome");
        return;
    }
    switch (frame->kind) {
    case MK_WIRE_DATA:
    case MK_WIRE_FRAGMENT:
    case MK_WIRE_SIGNAL:
    case MK_WIRE_STOPPED: on_lane(link, frame); return;
    case MK_WIRE_NAMES_BEGIN:
    case MK_WIRE_NAME:
    case MK_WIRE_NAME_GONE:
    case MK_WIRE_NAMES_END:
    case MK_WIRE_REQUEST:
    case MK_WIRE_ANSWER:
        if (link->state == MK_LINK_UP && link->ops->frame(link, frame) != MK_OK)
            mk_link_broken(link, "a malformed frame of names or requests");
        return;
    default: on_value(link, frame); return;
    }
}

/* A message in its usual form: its whole length, 0: it is something else, or not all here. */
static inline size_t next_message(const uint8_t *at, size_t left, mk_wire_data_t *out) {
    size_t size = mk_wire_load16(at);
    if (at[2] != MK_WIRE_DATA || at[3] > MK_WIRE_REPLY || size < MK_WIRE_DATA_BYTES || size > left) return 0;
    mk_wire_frame_t frame = {MK_WIRE_DATA, at[3], at + MK_WIRE_HEADER_BYTES, size - MK_WIRE_HEADER_BYTES};
    return mk_wire_get_data(&frame, out) ? size : 0;
}

/* What came has been counted: more than was allowed, or so much that the peer should hear of it? */
static void settle_credit(mk_link_t *link) {
    uint64_t unreported = link->taken - link->reported;
    if (unreported > link->ours.credit && !link->seen.datagrams) {
        mk_link_broken(link, "more than its credit");
    } else if (unreported >= link->ours.credit / 4) {
        link->credit_is_due = true;
        mk_link_flush_soon(link);
    }
}

size_t mk_link_bytes(mk_channel_t *channel, const uint8_t *bytes, size_t size) {
    mk_link_t *link = channel->owner;
    size_t     at = 0;
    link->heard_us = link->loop->now_us;
    link->heard_n++;
    mk_link_enter(link);
    mk_link_tell_up(link);
    while (size - at >= MK_WIRE_HEADER_BYTES && mk_link_is_alive(link)) {
        mk_wire_data_t  data;
        mk_wire_frame_t frame;
        size_t          n = next_message(bytes + at, size - at, &data);
        if (mk_likely(n != 0 && link->state == MK_LINK_UP)) {
            link->taken += n;
            on_data(link, &data);
            at += n;
            continue;
        }
        n = mk_wire_next(bytes + at, size - at, &frame);
        if (n == MK_WIRE_BROKEN) mk_link_broken(link, "bytes that are no frame");
        if (n == MK_WIRE_BROKEN || n == 0) break;
        on_frame(link, &frame);
        at += n;
    }
    if (mk_link_is_alive(link)) settle_credit(link);
    else at = size;
    mk_link_leave(link);
    return at;
}
