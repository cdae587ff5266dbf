/* SPDX-License-Identifier: Apache-2.0 */
/* link_flush.c -- the lanes on their way out: control first, then data as far as the peer's credit goes, then a piece of what is
 * large, and again until nothing can go.
 *
 * Datagrams may be lost, and what is lost must not use up the window for ever: a ping and its answer tell what had come by then;
 * what had been sent before the ping and had not come is forgiven, and counted. */
#include "node/link_parts.h"

/* ---- lanes -------------------------------------------------------------------------------------------------------------- */

void mk_link_lane_drop(mk_link_lane_t *lane, size_t bytes) {
    lane->at += bytes;
    if (lane->at == lane->row.size) {
        mk_buffer_clear(&lane->row);
        lane->at = 0;
    } else if (lane->at >= MK_LINK_DATA_QUANTUM_BYTES && lane->at > lane->row.size / 2) {
        mk_buffer_consume(&lane->row, lane->at);
        lane->at = 0;
    }
}

void mk_link_lane_free(mk_link_lane_t *lane) {
    mk_buffer_free(&lane->row);
    lane->at = 0;
}

size_t mk_link_whole_frames(const mk_link_lane_t *lane, uint64_t max) {
    size_t all = mk_link_lane_bytes(lane), n = 0;
    if (all <= max) return all;
    for (;;) {
        size_t frame = mk_wire_load16(lane->row.bytes + lane->at + n);
        if (n + frame > max) return n;
        n += frame;
    }
}

size_t mk_link_write(mk_link_t *link, const uint8_t *bytes, size_t size) {
    size_t taken = link->channel->ops->write(link->channel, bytes, size);
    mk_assert(taken <= size);
    link->said += taken;
    if (taken < size) link->blocked = true;
    return taken;
}

/* ---- control ------------------------------------------------------------------------------------------------------------- */

uint8_t *mk_link_control_room(mk_link_t *link, size_t size) {
    if (mk_link_lane_bytes(&link->control) > MK_LINK_ANSWERS_BYTES_MAX) {
        mk_link_end(link, MK_ERR_LIMIT, MK_WIRE_REASON_PROTOCOL, "the peer does not read what it has asked for");
        return NULL;
    }
    uint8_t *to = mk_buffer_reserve(&link->control.row, size);
    if (to == NULL) mk_link_end(link, MK_ERR_NOMEM, MK_WIRE_REASON_STOPPING, "out of memory for a frame of control");
    else mk_link_flush_soon(link);
    return to;
}

void mk_link_say_actor(mk_link_t *link, mk_wire_kind_t kind, uint32_t seq) {
    uint8_t *to = mk_link_control_room(link, MK_WIRE_ACTOR_BYTES);
    if (to != NULL) link->control.row.size += mk_wire_put_actor(to, kind, seq);
}

void mk_link_ping(mk_link_t *link) {
    uint8_t *to = link->pinged ? NULL : mk_link_control_room(link, MK_WIRE_STAMP_BYTES);
    if (to == NULL) return;
    link->pinged_us = link->loop->now_us;
    link->ping_said = link->said;
    link->ping_messages = link->said_messages;
    link->pinged = true;
    link->control.row.size += mk_wire_put_stamp(to, MK_WIRE_PING, link->pinged_us);
}

/* What only its latest value matters of is written when it can go: a peer that does not read makes no heap of it. */
static void put_due(mk_link_t *link) {
    uint8_t *to;
    if (link->credit_is_due && (to = mk_link_control_room(link, MK_WIRE_CREDIT_BYTES)) != NULL) {
        mk_wire_credit_t credit = {link->taken, link->received};
        link->control.row.size += mk_wire_put_credit(to, &credit);
        link->reported = link->taken;
        link->credit_is_due = false;
    }
    if (link->pong_is_due && (to = mk_link_control_room(link, MK_WIRE_STAMP_BYTES)) != NULL) {
        link->control.row.size += mk_wire_put_stamp(to, MK_WIRE_PONG, link->pong_stamp);
        link->pong_is_due = false;
    }
}

bool mk_link_flush_control(mk_link_t *link) {
    if (link->blocked || link->channel == NULL) return false;
    put_due(link);
    mk_link_lane_t *lane = &link->control;
    size_t          all = mk_link_lane_bytes(lane);
    if (all == 0) return true;
    size_t taken = link->channel->ops->write(link->channel, lane->row.bytes + lane->at, all);
    mk_assert(taken <= all);
    mk_link_lane_drop(lane, taken);
    if (taken < all) link->blocked = true;
    return !link->blocked;
}

/* ---- credit ---------------------------------------------------------------------------------------------------------------- */

uint64_t mk_link_credit(const mk_link_t *link) {
    uint64_t settled = link->acked + link->forgiven; /* late datagrams can make it more than was said */
    uint64_t under_way = link->said > settled ? link->said - settled : 0;
    return under_way < link->hello.credit ? link->hello.credit - under_way : 0;
}

void mk_link_on_credit(mk_link_t *link, const mk_wire_credit_t *credit) {
    if (credit->bytes < link->acked || credit->bytes > link->said || credit->messages < link->acked_messages ||
        credit->messages > link->sent) {
        mk_link_broken(link, "credit for what was not sent");
        return;
    }
    link->acked = credit->bytes;
    link->acked_messages = credit->messages;
    mk_link_flush_soon(link);
}

static uint64_t beyond(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

void mk_link_on_pong(mk_link_t *link, uint64_t stamp) {
    if (!link->pinged || stamp != link->pinged_us) {
        mk_link_broken(link, "an answer to a ping that was not sent");
        return;
    }
    link->pinged = false;
    link->rtt_us = (uint32_t)beyond(link->loop->now_us, stamp);
    if (!link->seen.datagrams) return;
    link->forgiven = beyond(link->ping_said, link->acked);
    link->forgiven_messages = beyond(link->ping_messages, link->acked_messages);
    mk_link_flush_soon(link);
}

/* ---- data ------------------------------------------------------------------------------------------------------------------ */

/* Whole frames that are messages. */
static uint64_t messages_in(const uint8_t *bytes, size_t size) {
    uint64_t n = 0;
    for (size_t at = 0; at < size; at += mk_wire_load16(bytes + at)) n += bytes[at + 2] == MK_WIRE_DATA;
    return n;
}

/* As much as may go; about a quantum of it while bulk waits. False: nothing can go now. */
static bool data_step(mk_link_t *link) {
    mk_link_lane_t *lane = &link->data;
    uint64_t        most = mk_link_credit(link);
    if (link->bulk != NULL && most > MK_LINK_DATA_QUANTUM_BYTES) most = MK_LINK_DATA_QUANTUM_BYTES;
    size_t n = mk_link_whole_frames(lane, most);
    if (n == 0) return false;
    size_t taken = mk_link_write(link, lane->row.bytes + lane->at, n);
    if (link->seen.datagrams) link->said_messages += messages_in(lane->row.bytes + lane->at, taken);
    link->gone += taken;
    mk_link_lane_drop(lane, taken);
    return taken != 0;
}

/* Data, then bulk; but what bulk lacks the credit for it gets before data goes on, or a flood would always take it first. */
static bool step(mk_link_t *link) {
    bool waits = mk_link_bulk_is_ready(link), moved = false;
    if (!waits || !link->bulk_is_next) moved = data_step(link);
    if (!waits || link->blocked) return moved;
    link->bulk_is_next = !mk_link_bulk_step(link);
    return moved || !link->bulk_is_next;
}

static void flush_messages(mk_link_t *link) {
    while (!link->blocked && mk_link_is_alive(link) && step(link)) {}
    /* Lost datagrams may hold the window: ask. */
    if (link->seen.datagrams && !link->blocked && mk_link_lane_bytes(&link->data) != 0) mk_link_ping(link);
}

static void flush(mk_link_t *link) {
    if (link->state == MK_LINK_CLOSED || !mk_link_is_alive(link)) return;
    if (!mk_link_flush_control(link)) return;
    if (link->state != MK_LINK_UP && link->state != MK_LINK_FINISHING) return;
    flush_messages(link);
    if (link->state == MK_LINK_FINISHING && !link->blocked && mk_link_queued(link) == 0) mk_link_part(link);
}

void mk_link_flush_early(mk_link_t *link) {
    if (link->state == MK_LINK_UP) flush(link);
    link->early = mk_link_lane_bytes(&link->data) + MK_LINK_EARLY_BYTES;
}

void mk_link_on_flush(mk_loop_t *loop, mk_deferred_t *deferred) {
    mk_link_t *link = mk_container_of(deferred, mk_link_t, flush);
    (void)loop;
    mk_link_enter(link);
    mk_link_tell_up(link);
    if (!link->destroyed) flush(link);
    link->early = mk_link_lane_bytes(&link->data) + MK_LINK_EARLY_BYTES;
    bool room = mk_link_lane_bytes(&link->control) <= MK_LINK_CONTROL_BYTES_LOW;
    if (!link->destroyed && link->state == MK_LINK_UP && link->control_was_full && room) {
        link->control_was_full = false;
        link->ops->drained(link);
    }
    mk_link_leave(link);
}
