/* SPDX-License-Identifier: Apache-2.0 */
/* link_send.c -- what the runtime hands over for the peer's actors: taken or refused at once, and never waited for.
 *
 * The short way is for a payload of the usual size on a link on which nothing is out of the ordinary: its frame is written where it
 * will leave from. All else takes the other way: a link that is not up, an actor that is stopped, a large payload, or a small
 * one that has to follow a large one. */
#include "node/link_parts.h"

_Static_assert((int)MK_CALL_REQUEST == (int)MK_WIRE_CALL && (int)MK_CALL_REPLY == (int)MK_WIRE_REPLY &&
                   (int)MK_CALL_NONE == 0,
               "one number for both");

static mk_link_t *of(mk_remote_t *remote) { return mk_container_of(remote, mk_link_t, remote); }

static inline mk_wire_data_t data_of(const mk_envelope_t *envelope) {
    return (mk_wire_data_t){.source = envelope->source,
                            .dest = envelope->dest,
                            .type = envelope->type,
                            .call = envelope->call,
                            .part = (uint8_t)envelope->part,
                            .payload = {envelope->payload, envelope->size}};
}

static mk_err_t refuse(mk_link_t *link, mk_err_t err) {
    if (err == MK_ERR_FULL) link->refused++;
    return err;
}

/* A long row does not wait for the end of the round: it leaves while it still lies in the cache, and the peer begins with it. */
static mk_err_t accept(mk_link_t *link) {
    link->sent++;
    mk_link_flush_soon(link);
    if (mk_unlikely(mk_link_lane_bytes(&link->data) >= link->early)) mk_link_flush_early(link);
    return MK_OK;
}

/* Into the data lane, or behind what is under way between the same two actors. */
static mk_err_t send_short(mk_link_t *link, const mk_envelope_t *envelope) {
    size_t         most = MK_WIRE_DATA_CALL_BYTES + envelope->size;
    mk_wire_data_t data = data_of(envelope);
    if (mk_link_queued(link) + most > link->queue_max) return refuse(link, MK_ERR_FULL);
    bool     behind = mk_link_bulk_has(link, data.source, data.dest);
    uint8_t *to =
        behind ? mk_link_bulk_room(link, data.source, data.dest, most) : mk_buffer_reserve(&link->data.row, most);
    if (to == NULL) return refuse(link, MK_ERR_NOMEM);
    size_t size = mk_wire_put_data(to, &data);
    if (behind) mk_link_bulk_put(link, data.source, data.dest, size);
    else link->data.row.size += size;
    return accept(link);
}

/* A payload longer than the whole queue is taken when no other large one waits, so that a small queue does not limit what can be
 * sent. */
static bool has_room(const mk_link_t *link, size_t size) {
    return mk_link_queued(link) + size <= link->queue_max || (size > link->queue_max && link->bulk == NULL);
}

/* `buf` holds the payload; NULL: it has to be copied. */
static mk_err_t send_long(mk_link_t *link, const mk_envelope_t *envelope, message_buffer_t *buf) {
    bool           fragments = (link->hello.features & link->ours.features & MK_WIRE_FEATURE_FRAGMENTS) != 0;
    mk_wire_data_t data = data_of(envelope);
    if (!fragments || link->seen.datagrams || envelope->size > link->hello.message_max)
        return refuse(link, MK_ERR_TOOLONG);
    if (!has_room(link, envelope->size)) return refuse(link, MK_ERR_FULL);
    message_buffer_t *copy = NULL;
    if (buf == NULL) {
        if ((copy = message_buffer_create(envelope->size)) == NULL) return refuse(link, MK_ERR_NOMEM);
        memcpy(message_buffer_data(copy), envelope->payload, envelope->size);
    }
    mk_err_t err = mk_link_bulk_add(link, &data, buf != NULL ? buf : copy);
    if (err == MK_OK) return accept(link);
    if (copy != NULL) message_buffer_release(copy);
    return refuse(link, err);
}

/* Takes the reference to `buf` only with a long payload that is accepted: *kept. */
static MK_NOINLINE mk_err_t send_otherwise(mk_link_t *link, const mk_envelope_t *envelope, message_buffer_t *buf,
                                           bool *kept) {
    *kept = false;
    if (link->state != MK_LINK_UP) return refuse(link, MK_ERR_CLOSED);
    if (envelope->size > link->hello.message_max) return refuse(link, MK_ERR_TOOLONG);
    bool stopped = mk_link_table_find(&link->stopped, envelope->dest) != NULL;
    if (stopped && envelope->part != MK_CALL_REPLY) return refuse(link, MK_ERR_FULL); /* an answer is waited for */
    if (envelope->size <= link->short_max) return send_short(link, envelope);
    mk_err_t err = send_long(link, envelope, buf);
    *kept = err == MK_OK;
    return err;
}

static mk_err_t on_send(mk_remote_t *remote, const mk_envelope_t *envelope) {
    mk_link_t     *link = of(remote);
    mk_wire_data_t data = data_of(envelope);
    size_t         most = MK_WIRE_DATA_CALL_BYTES + envelope->size;
    bool           kept;
    if (mk_unlikely(link->detour != 0 || envelope->size > link->short_max ||
                    mk_link_queued(link) + most > link->queue_max))
        return send_otherwise(link, envelope, NULL, &kept);
    mk_buffer_t *row = &link->data.row;
    uint8_t *to = mk_likely(row->capacity - row->size >= most) ? row->bytes + row->size : mk_buffer_reserve(row, most);
    if (mk_unlikely(to == NULL)) return MK_ERR_NOMEM;
    row->size += mk_wire_put_data(to, &data);
    return accept(link);
}

static mk_err_t on_send_buffer(mk_remote_t *remote, const mk_envelope_t *envelope, message_buffer_t *buf) {
    bool     kept;
    mk_err_t err = send_otherwise(of(remote), envelope, buf, &kept);
    if (err == MK_OK && !kept) message_buffer_release(buf);
    return err;
}

/* ---- signals --------------------------------------------------------------------------------------------------------------- */

uint8_t *mk_link_data_room(mk_link_t *link, size_t size) {
    if (mk_link_queued(link) > link->queue_max + MK_LINK_SIGNALS_BYTES_MAX) {
        mk_link_end(link, MK_ERR_LIMIT, MK_WIRE_REASON_PROTOCOL, "the peer does not take the signals it has asked for");
        return NULL;
    }
    uint8_t *to = mk_buffer_reserve(&link->data.row, size);
    if (to == NULL) mk_link_end(link, MK_ERR_NOMEM, MK_WIRE_REASON_STOPPING, "out of memory for a signal");
    else mk_link_flush_soon(link);
    return to;
}

/* Signals that have to come behind the last messages of who sends them; DEMONITOR because it may be a call, with a large request,
 * that is given up; LINK and UNLINK because they mean something else before a LINK_EXIT than behind it. The others may overtake
 * large payloads: monitoring and stopping sooner changes nothing for anyone. */
static bool follows_messages(mk_signal_kind_t kind) {
    return kind != MK_SIGNAL_MONITOR && kind != MK_SIGNAL_STOP && kind != MK_SIGNAL_CALL_FAILED;
}

/* Behind a large payload between the same two actors. */
static void follow(mk_link_t *link, const mk_signal_t *signal) {
    uint8_t *to = mk_link_bulk_room(link, signal->from, signal->to, MK_WIRE_SIGNAL_BYTES_MAX);
    if (to == NULL) mk_link_end(link, MK_ERR_NOMEM, MK_WIRE_REASON_STOPPING, "out of memory for a signal");
    else mk_link_bulk_put(link, signal->from, signal->to, mk_wire_put_signal(to, signal));
}

static void on_signal(mk_remote_t *remote, const mk_signal_t *signal) {
    mk_link_t *link = of(remote);
    if (link->state != MK_LINK_UP || (link->hello.features & MK_WIRE_FEATURE_SIGNALS) == 0) return;
    if (follows_messages(signal->kind) && mk_link_bulk_has(link, signal->from, signal->to)) {
        follow(link, signal);
        return;
    }
    uint8_t *to = mk_link_data_room(link, MK_WIRE_SIGNAL_BYTES_MAX - MK_SIGNAL_TEXT_MAX + signal->text.size);
    if (to != NULL) link->data.row.size += mk_wire_put_signal(to, signal);
}

/* ---- actors that are full --------------------------------------------------------------------------------------------------- */

void mk_link_stopped_free(mk_link_record_t *record) { mk_free(record); }

static void say_stopped(mk_link_t *link, uint32_t seq) {
    uint8_t *to = mk_link_data_room(link, MK_WIRE_ACTOR_BYTES);
    if (to != NULL) link->data.row.size += mk_wire_put_actor(to, MK_WIRE_STOPPED, seq);
}

void mk_link_on_stop(mk_link_t *link, uint32_t seq) {
    bool again = mk_link_table_find(&link->stopped, seq) != NULL;
    if (again || link->stopped.n >= MK_LINK_STOPPED_MAX) {
        mk_link_broken(link, again ? "an actor is stopped twice" : "too many actors are stopped");
        return;
    }
    mk_link_stopped_t *stopped = mk_calloc(1, sizeof *stopped);
    if (stopped != NULL) stopped->record.seq = seq;
    if (stopped == NULL || mk_link_table_add(&link->stopped, &stopped->record) != MK_OK) {
        mk_free(stopped);
        mk_link_end(link, MK_ERR_NOMEM, MK_WIRE_REASON_STOPPING, "out of memory for an actor that is stopped");
        return;
    }
    link->detour |= MK_LINK_HAS_STOPPED;
    stopped->owes = mk_link_bulk_has_any(link, seq);
    if (!stopped->owes) say_stopped(link, seq);
}

void mk_link_say_stopped(mk_link_t *link, uint32_t seq) {
    mk_link_stopped_t *stopped = (mk_link_stopped_t *)mk_link_table_find(&link->stopped, seq);
    if (stopped == NULL || !stopped->owes || mk_link_bulk_has_any(link, seq)) return;
    stopped->owes = false;
    say_stopped(link, seq);
}

void mk_link_on_ready(mk_link_t *link, uint32_t seq) {
    mk_link_stopped_t *stopped = (mk_link_stopped_t *)mk_link_table_find(&link->stopped, seq);
    if (stopped == NULL) {
        mk_link_broken(link, "an actor is ready that was not stopped");
        return;
    }
    if (stopped->owes) say_stopped(link, seq); /* each STOP has its answer, late or not */
    mk_link_table_remove(&link->stopped, &stopped->record);
    mk_link_stopped_free(&stopped->record);
    if (link->stopped.n == 0) link->detour &= ~(uint32_t)MK_LINK_HAS_STOPPED;
}

/* The mailbox of one of our actors has room again. */
static void on_drained(mk_remote_t *remote, uint32_t dest) {
    mk_link_t      *link = of(remote);
    mk_link_stop_t *stop = (mk_link_stop_t *)mk_link_table_find(&link->stops, dest);
    if (stop == NULL || !stop->stopped || !mk_link_is_alive(link)) return;
    stop->stopped = false;
    link->over_bytes -= stop->bytes;
    stop->bytes = 0;
    mk_link_say_actor(link, MK_WIRE_READY, dest);
    if (stop->owed != 0) return;
    mk_link_table_remove(&link->stops, &stop->record);
    mk_link_stop_free(&stop->record);
}

const mk_remote_ops_t mk_link_remote_ops = {on_send, on_send_buffer, on_signal, on_drained};
