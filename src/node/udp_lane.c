/* SPDX-License-Identifier: Apache-2.0 */
/* udp_lane.c -- see udp_lane.h. */
#include "node/udp_lane.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "node/wire.h"

enum { FLAG_ACK = 0x01, FLAG_CLOSING = 0x02 };
enum { SECTION_UNIT = 1, SECTION_DATA = 2 };

/* Before the first answer: RFC 6298 says a second, for networks of any kind; a node that cannot be reached in a quarter of it is rare,
 * and one packet too many is cheap. Afterwards what the answers take, within these bounds. */
enum { FIRST_US = 250000, LEAST_US = 20000, MOST_US = 2000000, GIVE_UP_US = 15000000, DOUBLINGS_MAX = 6 };

_Static_assert((int)MK_WIRE_NAME_BYTES_MAX <= (int)MK_UDP_FRAME_BYTES_MAX, "a name fits into a packet");
_Static_assert((int)MK_WIRE_SIGNAL_BYTES_MAX <= (int)MK_UDP_FRAME_BYTES_MAX, "so does a signal");
_Static_assert((int)MK_WIRE_END_BYTES_MAX <= (int)MK_UDP_FRAME_BYTES_MAX, "and a farewell");
_Static_assert((int)MK_WIRE_ANSWER_BYTES_MAX <= (int)MK_UDP_FRAME_BYTES_MAX, "and an answer");

/* Numbers wrap; no two that are compared are far apart. */
static bool is_before(uint32_t a, uint32_t b) { return (int32_t)(a - b) < 0; }

static mk_udp_unit_t **slot(mk_udp_unit_t **units, uint32_t number) { return &units[number % MK_UDP_UNITS]; }

static void drop(mk_udp_unit_t **at) {
    mk_free(*at);
    *at = NULL;
}

void mk_udp_lane_fini(mk_udp_lane_t *lane) {
    for (size_t i = 0; i < MK_UDP_UNITS; i++) {
        drop(&lane->out[i]);
        drop(&lane->in[i]);
    }
    mk_buffer_free(&lane->held);
}

/* ---- packets ------------------------------------------------------------------------------------------------------------- */

typedef struct section {
    uint8_t        kind;
    uint32_t       number; /* a unit's; of DATA frames before these                                 */
    uint32_t       other;  /* a unit: DATA frames before it; DATA: the number of the unit behind it */
    uint32_t       count;  /* DATA: of frames                                                       */
    size_t         size;
    const uint8_t *bytes;
} section_t;

static uint8_t *text_of(mk_udp_packet_t *packet) { return packet->bytes + MK_UDP_HEAD_BYTES; }

void mk_udp_lane_begin(mk_udp_lane_t *lane, mk_udp_packet_t *packet, bool closing) {
    uint8_t *text = text_of(packet);
    text[0] = (uint8_t)((lane->ack_due ? FLAG_ACK : 0) | (closing ? FLAG_CLOSING : 0));
    packet->size = MK_UDP_FLAGS_BYTES;
    if (!lane->ack_due) return;
    uint64_t seen = 0;
    for (uint32_t i = 0; i + 1 < MK_UDP_UNITS; i++)
        if (*slot(lane->in, lane->in_next + 1 + i) != NULL) seen |= 1ull << i;
    mk_wire_store32(text + 1, lane->in_next);
    mk_wire_store64(text + 5, seen);
    packet->size += MK_UDP_ACK_BYTES;
    lane->ack_due = false;
}

bool mk_udp_packet_is_empty(const mk_udp_packet_t *packet) {
    return packet->size <= MK_UDP_FLAGS_BYTES + MK_UDP_ACK_BYTES;
}

static size_t room_in(const mk_udp_packet_t *packet) {
    size_t used = packet->size + MK_UDP_SECTION_BYTES;
    return used < MK_UDP_TEXT_BYTES_MAX ? MK_UDP_TEXT_BYTES_MAX - used : 0;
}

static void put_section(mk_udp_packet_t *packet, const section_t *section) {
    uint8_t *to = text_of(packet) + packet->size;
    to[0] = section->kind;
    mk_wire_store32(to + 1, section->number);
    mk_wire_store32(to + 5, section->other);
    mk_wire_store16(to + 9, section->count);
    mk_wire_store16(to + 11, (uint32_t)section->size);
    if (section->size != 0) memcpy(to + MK_UDP_SECTION_BYTES, section->bytes, section->size);
    packet->size += MK_UDP_SECTION_BYTES + section->size;
}

static bool get_section(const uint8_t **at, const uint8_t *end, section_t *out) {
    const uint8_t *from = *at;
    if ((size_t)(end - from) < MK_UDP_SECTION_BYTES) return false;
    *out = (section_t){from[0],
                       mk_wire_load32(from + 1),
                       mk_wire_load32(from + 5),
                       mk_wire_load16(from + 9),
                       mk_wire_load16(from + 11),
                       from + MK_UDP_SECTION_BYTES};
    if (out->size > (size_t)(end - out->bytes)) return false;
    *at = out->bytes + out->size;
    return out->kind == SECTION_UNIT || (out->kind == SECTION_DATA && out->count != 0 && out->size != 0);
}

/* ---- out ---------------------------------------------------------------------------------------------------------------- */

static uint64_t patience_us(const mk_udp_lane_t *lane, uint32_t tries) {
    uint64_t us = lane->rtt_us != 0 ? lane->rtt_us + 4 * lane->rtt_var_us : FIRST_US;
    if (us < LEAST_US) us = LEAST_US;
    us <<= tries < DOUBLINGS_MAX ? tries : DOUBLINGS_MAX;
    return us < MOST_US ? us : MOST_US;
}

static void send_unit(mk_udp_lane_t *lane, mk_udp_packet_t *packet, uint32_t number, uint64_t now_us) {
    mk_udp_unit_t *unit = *slot(lane->out, number);
    put_section(packet, &(section_t){SECTION_UNIT, number, unit->data_before, 0, unit->size, unit->bytes});
    unit->sent_us = now_us;
    unit->due_us = now_us + patience_us(lane, unit->tries);
    unit->tries++;
}

static bool add_unit(mk_udp_lane_t *lane, mk_udp_packet_t *packet, const uint8_t *bytes, size_t size, uint64_t now_us) {
    if (mk_udp_lane_waiting(lane) == MK_UDP_UNITS) return false;
    mk_udp_unit_t *unit = mk_alloc(sizeof *unit + size);
    if (unit == NULL) return false;
    *unit = (mk_udp_unit_t){.data_before = lane->data_sent, .size = (uint32_t)size};
    if (size != 0) memcpy(unit->bytes, bytes, size);
    if (mk_udp_lane_waiting(lane) == 0) lane->progress_us = now_us;
    *slot(lane->out, lane->out_next) = unit;
    send_unit(lane, packet, lane->out_next++, now_us);
    return true;
}

/* As many frames of one sort, DATA or not, as begin the row and fit. */
static size_t run_of(const uint8_t *frames, size_t size, size_t room, bool *data, uint32_t *count) {
    size_t          taken = 0, n;
    mk_wire_frame_t frame;
    *count = 0;
    while ((n = mk_wire_next(frames + taken, size - taken, &frame)) != 0 && n != MK_WIRE_BROKEN) {
        bool is_data = frame.kind == MK_WIRE_DATA;
        if (*count != 0 && is_data != *data) break;
        if (n > room - taken) break;
        *data = is_data;
        taken += n;
        ++*count;
    }
    return taken;
}

size_t mk_udp_lane_fill(mk_udp_lane_t *lane, mk_udp_packet_t *packet, const uint8_t *frames, size_t size,
                        uint64_t now_us) {
    size_t taken = 0;
    while (taken < size) {
        bool     data = false;
        uint32_t count;
        size_t   n = run_of(frames + taken, size - taken, room_in(packet), &data, &count);
        if (n == 0) break;
        if (!data && !add_unit(lane, packet, frames + taken, n, now_us)) break;
        if (data) {
            put_section(packet, &(section_t){SECTION_DATA, lane->data_sent, lane->out_next, count, n, frames + taken});
            lane->data_sent += count;
        }
        taken += n;
    }
    return taken;
}

bool mk_udp_lane_nudge(mk_udp_lane_t *lane, mk_udp_packet_t *packet, uint64_t now_us) {
    return add_unit(lane, packet, NULL, 0, now_us);
}

bool mk_udp_lane_again(mk_udp_lane_t *lane, mk_udp_packet_t *packet, uint64_t now_us) {
    for (uint32_t number = lane->out_first; number != lane->out_next; number++) {
        const mk_udp_unit_t *unit = *slot(lane->out, number);
        if (unit->seen || unit->due_us > now_us) continue;
        if (packet->size + MK_UDP_SECTION_BYTES + unit->size > MK_UDP_TEXT_BYTES_MAX) return false;
        send_unit(lane, packet, number, now_us);
    }
    return true;
}

uint64_t mk_udp_lane_due_us(const mk_udp_lane_t *lane) {
    uint64_t due_us = UINT64_MAX;
    for (uint32_t number = lane->out_first; number != lane->out_next; number++) {
        const mk_udp_unit_t *unit = lane->out[number % MK_UDP_UNITS];
        if (!unit->seen && unit->due_us < due_us) due_us = unit->due_us;
    }
    return due_us;
}

bool mk_udp_lane_gave_up(const mk_udp_lane_t *lane, uint64_t now_us) {
    return mk_udp_lane_waiting(lane) != 0 && now_us - lane->progress_us >= GIVE_UP_US;
}

/* ---- acknowledgements ------------------------------------------------------------------------------------------------------ */

/* RFC 6298 section 2, of units that were sent once: for others nobody knows which time was answered (Karn). */
static void measure(mk_udp_lane_t *lane, const mk_udp_unit_t *unit, uint64_t now_us) {
    if (unit->tries != 1) return;
    uint64_t took_us = now_us - unit->sent_us;
    if (lane->rtt_us == 0) {
        lane->rtt_us = took_us + 1;
        lane->rtt_var_us = took_us / 2;
        return;
    }
    uint64_t apart_us = took_us > lane->rtt_us ? took_us - lane->rtt_us : lane->rtt_us - took_us;
    lane->rtt_var_us = (3 * lane->rtt_var_us + apart_us) / 4;
    lane->rtt_us = (7 * lane->rtt_us + took_us) / 8 + 1;
}

/* What is missing although later ones have come, and had the time to come itself, is sent again at once. */
static void miss(mk_udp_lane_t *lane, uint32_t until, uint64_t now_us) {
    for (uint32_t number = lane->out_first; number != until; number++) {
        mk_udp_unit_t *unit = *slot(lane->out, number);
        if (!unit->seen && now_us - unit->sent_us > lane->rtt_us + lane->rtt_var_us) unit->due_us = now_us;
    }
}

/* An older one than the last changes nothing. */
static mk_err_t acknowledged(mk_udp_lane_t *lane, uint32_t next, uint64_t seen, uint64_t now_us) {
    if (is_before(lane->out_next, next)) return MK_ERR_PROTO;
    if (is_before(next, lane->out_first)) return MK_OK;
    if (next != lane->out_first) lane->progress_us = now_us;
    for (; lane->out_first != next; lane->out_first++) {
        mk_udp_unit_t **unit = slot(lane->out, lane->out_first);
        if (!(*unit)->seen) measure(lane, *unit, now_us);
        drop(unit);
    }
    uint32_t last = next;
    for (uint32_t i = 0; seen != 0; i++, seen >>= 1) {
        uint32_t number = next + 1 + i;
        if ((seen & 1) == 0) continue;
        if (!is_before(number, lane->out_next)) return MK_ERR_PROTO;
        mk_udp_unit_t *unit = *slot(lane->out, number);
        if (!unit->seen) measure(lane, unit, now_us);
        unit->seen = true;
        last = number;
    }
    miss(lane, last, now_us);
    return MK_OK;
}

/* ---- in -------------------------------------------------------------------------------------------------------------------- */

/* DATA up to here have come, or will not be taken any more. */
static void skip_data(mk_udp_lane_t *lane, uint32_t until) {
    if (!is_before(lane->data_next, until)) return;
    lane->lost += until - lane->data_next;
    lane->data_next = until;
}

/* One row that was held: the unit behind it, its size, its bytes. */
enum { HELD_BYTES = 4 + 2 };

static void hold(mk_udp_lane_t *lane, const section_t *data) {
    size_t used = lane->held.size - lane->held_at;
    if (lane->held_at != 0 && used + data->size > lane->held.capacity / 2) {
        mk_buffer_consume(&lane->held, lane->held_at);
        lane->held_at = 0;
    }
    uint8_t *to = NULL;
    if (used + HELD_BYTES + data->size <= MK_UDP_HELD_BYTES_MAX)
        to = mk_buffer_reserve(&lane->held, HELD_BYTES + data->size);
    if (to == NULL) {
        mk_buffer_t *held = &lane->held;
        held->failed = false;
        lane->lost += data->count;
        return;
    }
    mk_wire_store32(to, data->other);
    mk_wire_store16(to + 4, (uint32_t)data->size);
    memcpy(to + HELD_BYTES, data->bytes, data->size);
    lane->held.size += HELD_BYTES + data->size;
}

static bool is_holding(const mk_udp_lane_t *lane) { return lane->held_at != lane->held.size; }

/* What was held for units that have come by now. */
static bool deliver_held(mk_udp_lane_t *lane, mk_udp_deliver_fn *deliver, void *arg) {
    while (is_holding(lane)) {
        const uint8_t *at = lane->held.bytes + lane->held_at;
        size_t         size = mk_wire_load16(at + 4);
        if (is_before(lane->in_next, mk_wire_load32(at))) return true;
        lane->held_at += HELD_BYTES + size;
        if (!deliver(arg, at + HELD_BYTES, size)) return false;
    }
    mk_buffer_free(&lane->held);
    lane->held_at = 0;
    return true;
}

/* All that is whole from the next unit on. */
static bool deliver_units(mk_udp_lane_t *lane, mk_udp_deliver_fn *deliver, void *arg) {
    for (;;) {
        if (!deliver_held(lane, deliver, arg)) return false;
        mk_udp_unit_t **at = slot(lane->in, lane->in_next), *unit = *at;
        if (unit == NULL) return true;
        *at = NULL;
        lane->in_next++;
        skip_data(lane, unit->data_before);
        bool more = unit->size == 0 || deliver(arg, unit->bytes, unit->size);
        mk_free(unit);
        if (!more) return false;
    }
}

/* One that finds no memory is as one that was lost: it is not acknowledged and will come again. */
static mk_err_t take_unit(mk_udp_lane_t *lane, const section_t *section) {
    lane->ack_due = true;
    if (is_before(section->number, lane->in_next)) return MK_OK;
    if (section->number - lane->in_next >= MK_UDP_UNITS) return MK_ERR_PROTO;
    mk_udp_unit_t **at = slot(lane->in, section->number);
    if (*at != NULL) return MK_OK;
    mk_udp_unit_t *unit = mk_alloc(sizeof *unit + section->size);
    if (unit == NULL) return MK_OK;
    *unit = (mk_udp_unit_t){.data_before = section->other, .size = (uint32_t)section->size};
    if (section->size != 0) memcpy(unit->bytes, section->bytes, section->size);
    *at = unit;
    return MK_OK;
}

/* MK_ERR_CLOSED: `deliver` said false. */
static mk_err_t take_data(mk_udp_lane_t *lane, const section_t *data, mk_udp_deliver_fn *deliver, void *arg) {
    if (is_before(data->number, lane->data_next)) return MK_OK; /* late, or again */
    if (is_before(lane->in_next + MK_UDP_UNITS, data->other)) return MK_ERR_PROTO;
    skip_data(lane, data->number);
    lane->data_next = data->number + data->count;
    if (is_holding(lane) || is_before(lane->in_next, data->other)) hold(lane, data);
    else if (!deliver(arg, data->bytes, data->size)) return MK_ERR_CLOSED;
    return MK_OK;
}

static mk_err_t take_sections(mk_udp_lane_t *lane, const uint8_t *at, const uint8_t *end, mk_udp_deliver_fn *deliver,
                              void *arg) {
    while (at < end) {
        section_t section;
        if (!get_section(&at, end, &section)) return MK_ERR_PROTO;
        if (section.kind == SECTION_DATA) {
            mk_err_t err = take_data(lane, &section, deliver, arg);
            if (err != MK_OK) return err == MK_ERR_CLOSED ? MK_OK : err;
            continue;
        }
        mk_err_t err = take_unit(lane, &section);
        if (err != MK_OK) return err;
        if (!deliver_units(lane, deliver, arg)) return MK_OK;
    }
    return MK_OK;
}

mk_err_t mk_udp_lane_take(mk_udp_lane_t *lane, const uint8_t *text, size_t size, uint64_t now_us,
                          mk_udp_deliver_fn *deliver, void *arg, bool *closing) {
    const uint8_t *end = text + size;
    if (size < MK_UDP_FLAGS_BYTES || (text[0] & ~(FLAG_ACK | FLAG_CLOSING)) != 0) return MK_ERR_PROTO;
    *closing = (text[0] & FLAG_CLOSING) != 0;
    const uint8_t *at = text + MK_UDP_FLAGS_BYTES;
    if ((text[0] & FLAG_ACK) != 0) {
        if (size < MK_UDP_FLAGS_BYTES + MK_UDP_ACK_BYTES) return MK_ERR_PROTO;
        mk_err_t err = acknowledged(lane, mk_wire_load32(at), mk_wire_load64(at + 4), now_us);
        if (err != MK_OK) return err;
        at += MK_UDP_ACK_BYTES;
    }
    return deliver != NULL ? take_sections(lane, at, end, deliver, arg) : MK_OK;
}
