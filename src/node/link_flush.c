/* SPDX-License-Identifier: Apache-2.0 */
/* link_flush.c -- the lanes on their way out: control first, then data as far as the peer's credit goes, then a piece of what is
 * large, and again until nothing can go.
 *
 * Frames of the data lane for an actor that is stopped are put aside when it is their turn, so STOP costs nothing but a look at
 * each frame while somebody is stopped, and what is on its way after STOP has come is never more than the credit. When the actor
 * is ready again its frames go on from there, and later ones queue behind them until none is left.
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
    const uint8_t *bytes = lane->row.bytes + lane->at;
    size_t         all = mk_link_lane_bytes(lane), n = 0;
    if (all <= max) return all;
    while (n < all) {
        size_t frame = mk_wire_load16(bytes + n);
        if (n + frame > max) break;
        n += frame;
    }
    return n;
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
    link->ping_sent = link->sent;
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
    link->forgiven_messages = beyond(link->ping_sent, link->acked_messages);
    mk_link_flush_soon(link);
}

/* ---- holds --------------------------------------------------------------------------------------------------------------- */

mk_link_hold_t *mk_link_hold_of(const mk_link_t *link, uint32_t dest) {
    return (mk_link_hold_t *)mk_link_table_find(&link->holds, dest);
}

void mk_link_hold_free(mk_link_record_t *record) {
    mk_link_hold_t *hold = (mk_link_hold_t *)record;
    mk_list_remove(&hold->ready);
    mk_link_lane_free(&hold->lane);
    mk_free(hold);
}

/* Nothing of it is left. */
static void hold_remove(mk_link_t *link, mk_link_hold_t *hold) {
    mk_link_table_remove(&link->holds, &hold->record);
    mk_link_hold_free(&hold->record);
    if (link->holds.n == 0) link->detour &= ~(uint32_t)MK_LINK_HAS_HOLDS;
}

static mk_link_hold_t *hold_add(mk_link_t *link, uint32_t seq) {
    mk_link_hold_t *hold = mk_calloc(1, sizeof *hold);
    if (hold == NULL) return NULL;
    hold->record.seq = seq;
    if (mk_link_table_add(&link->holds, &hold->record) != MK_OK) {
        mk_free(hold);
        return NULL;
    }
    link->detour |= MK_LINK_HAS_HOLDS;
    return hold;
}

void mk_link_on_stop(mk_link_t *link, uint32_t seq) {
    mk_link_hold_t *hold = mk_link_hold_of(link, seq);
    if ((hold != NULL && hold->stopped) || link->holds.n >= MK_LINK_STOPPED_MAX) {
        mk_link_broken(link, hold != NULL ? "an actor is stopped twice" : "too many actors are stopped");
        return;
    }
    if (hold == NULL && (hold = hold_add(link, seq)) == NULL) {
        mk_link_end(link, MK_ERR_NOMEM, MK_WIRE_REASON_STOPPING, "out of memory for an actor that is stopped");
        return;
    }
    hold->stopped = true;
    mk_list_remove(&hold->ready);
    mk_link_say_actor(link, MK_WIRE_STOPPED, seq);
}

void mk_link_on_ready(mk_link_t *link, uint32_t seq) {
    mk_link_hold_t *hold = mk_link_hold_of(link, seq);
    if (hold == NULL || !hold->stopped) {
        mk_link_broken(link, "an actor is ready that was not stopped");
        return;
    }
    hold->stopped = false;
    if (mk_link_lane_bytes(&hold->lane) == 0) hold_remove(link, hold);
    else mk_list_push(&link->ready, &hold->ready);
    mk_link_flush_soon(link);
}

/* The frame at the front of the data lane has to wait for its actor: whose hold that is. */
static mk_link_hold_t *holds_front(const mk_link_t *link, const uint8_t *frame) {
    if (frame[2] == MK_WIRE_DATA) return mk_link_hold_of(link, mk_wire_data_dest(frame));
    mk_signal_kind_t kind = mk_wire_signal_kind(frame);
    if (!mk_link_follows(kind)) return NULL;
    mk_link_hold_t *hold = mk_link_hold_of(link, mk_wire_signal_to(frame));
    return hold != NULL && mk_link_lane_bytes(&hold->lane) != 0 ? hold
                                                                : NULL; /* nothing of it waits: nothing to follow */
}

/* False: out of memory, and the link is over. */
static bool put_aside(mk_link_t *link, mk_link_hold_t *hold, const uint8_t *frame) {
    size_t size = mk_wire_load16(frame);
    if (!mk_buffer_append(&hold->lane.row, frame, size)) {
        mk_link_end(link, MK_ERR_NOMEM, MK_WIRE_REASON_STOPPING, "out of memory for what a stopped actor waits for");
        return false;
    }
    link->aside_bytes += size;
    link->gone += size;
    mk_link_lane_drop(&link->data, size);
    return true;
}

/* Bytes at the front of the data lane that nobody holds; what is held there is put aside before. */
static size_t free_front(mk_link_t *link, size_t max) {
    mk_link_lane_t *lane = &link->data;
    size_t          n = 0, all;
    while ((all = mk_link_lane_bytes(lane)) > n && n < max) {
        const uint8_t  *frame = lane->row.bytes + lane->at + n;
        mk_link_hold_t *hold = holds_front(link, frame);
        if (hold != NULL && n != 0) break;
        if (hold == NULL) n += mk_wire_load16(frame);
        else if (!put_aside(link, hold, frame)) return 0;
    }
    return n;
}

/* ---- the data lane, and what was held -------------------------------------------------------------------------------------- */

/* Up to about a quantum. False: nothing can go now. */
static bool data_step(mk_link_t *link) {
    mk_link_lane_t *lane = &link->data;
    uint64_t        most = mk_link_credit(link);
    bool            alone = link->bulk == NULL && link->ready == NULL;
    if (!alone && most > MK_LINK_DATA_QUANTUM_BYTES) most = MK_LINK_DATA_QUANTUM_BYTES;
    if (link->holds.n != 0) {
        size_t front = free_front(link, MK_LINK_DATA_QUANTUM_BYTES);
        if (front < most) most = front;
    }
    size_t n = mk_link_whole_frames(lane, most);
    if (n == 0 || !mk_link_is_alive(link)) return false;
    size_t taken = mk_link_write(link, lane->row.bytes + lane->at, n);
    link->gone += taken;
    mk_link_lane_drop(lane, taken);
    return taken != 0;
}

/* A piece of what was held for an actor that is ready again. */
static bool ready_step(mk_link_t *link) {
    if (link->ready == NULL) return false;
    mk_link_hold_t *hold = mk_container_of(link->ready, mk_link_hold_t, ready);
    mk_link_lane_t *lane = &hold->lane;
    uint64_t        most = mk_link_credit(link);
    size_t          n = mk_link_whole_frames(lane, most < MK_LINK_ROW_BYTES ? most : MK_LINK_ROW_BYTES);
    if (n == 0) return false;
    size_t taken = mk_link_write(link, lane->row.bytes + lane->at, n);
    link->aside_bytes -= taken;
    mk_link_lane_drop(lane, taken);
    if (mk_link_lane_bytes(lane) == 0) hold_remove(link, hold);
    return taken != 0;
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------- */

static void flush_messages(mk_link_t *link) {
    bool moved = true;
    while (moved && !link->blocked && mk_link_is_alive(link)) {
        moved = data_step(link);
        if (!link->blocked && mk_link_is_alive(link)) moved |= ready_step(link);
        if (!link->blocked && link->bulk != NULL) moved |= mk_link_bulk_step(link);
    }
    /* Lost datagrams may hold the window: ask. */
    bool waits = mk_link_lane_bytes(&link->data) != 0 || link->ready != NULL;
    if (link->seen.datagrams && !link->blocked && waits) mk_link_ping(link);
}

static void flush(mk_link_t *link) {
    if (link->state == MK_LINK_CLOSED || !mk_link_is_alive(link)) return;
    if (!mk_link_flush_control(link)) return;
    if (link->state != MK_LINK_UP && link->state != MK_LINK_FINISHING) return;
    flush_messages(link);
    if (link->state == MK_LINK_FINISHING && !link->blocked && mk_link_queued(link) == 0) mk_link_part(link);
}

void mk_link_on_flush(mk_loop_t *loop, mk_deferred_t *deferred) {
    mk_link_t *link = mk_container_of(deferred, mk_link_t, flush);
    (void)loop;
    mk_link_enter(link);
    mk_link_tell_up(link);
    if (!link->destroyed) flush(link);
    bool room = mk_link_lane_bytes(&link->control) <= MK_LINK_CONTROL_BYTES_LOW;
    if (!link->destroyed && link->state == MK_LINK_UP && link->control_was_full && room) {
        link->control_was_full = false;
        link->ops->drained(link);
    }
    mk_link_leave(link);
}
