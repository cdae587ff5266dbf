/* SPDX-License-Identifier: Apache-2.0 */
/* udp_lane.h -- frames in the packets of one UDP channel: the order they were written in, DATA sent once, everything else until
 * it has arrived. Knows no sockets and no keys: plain text of packets in and out, and the time it is told.
 *
 * Frames that must arrive go in numbered units, acknowledged by the receiver (all below a number, and a bit for each of the 64
 * behind it). A row of DATA frames says how many there were before it, so what is missing is counted; and which unit follows it,
 * so that it waits for those before it. A unit says how many DATA frames there were before it, so that those that come later than
 * it are dropped. The receiver thus sees what a stream would have shown it, with some DATA missing. */
#ifndef MK_NODE_UDP_LANE_H
#define MK_NODE_UDP_LANE_H

#include "base/buffer.h"
#include "node/udp_shake.h"

enum {
    MK_UDP_UNITS = 64, /* on their way at a time: what the bits of an acknowledgement tell */
    MK_UDP_TEXT_BYTES_MAX = MK_UDP_PACKET_BYTES_MAX - MK_UDP_HEAD_BYTES - MK_AEAD_TAG_BYTES,
    MK_UDP_FLAGS_BYTES = 1,
    MK_UDP_ACK_BYTES = 4 + 8,
    MK_UDP_SECTION_BYTES = 1 + 4 + 4 + 2 + 2,
    /* In a packet of its own, with an acknowledgement. */
    MK_UDP_FRAME_BYTES_MAX = MK_UDP_TEXT_BYTES_MAX - MK_UDP_FLAGS_BYTES - MK_UDP_ACK_BYTES - MK_UDP_SECTION_BYTES,
    MK_UDP_HELD_BYTES_MAX = 64 * 1024, /* DATA that waits for a unit; more is lost, and counted */
};

typedef struct mk_udp_packet {
    uint8_t bytes[MK_UDP_PACKET_BYTES_MAX];
    size_t  size; /* of the plain text, behind MK_UDP_HEAD_BYTES of room */
} mk_udp_packet_t;

typedef struct mk_udp_unit {
    uint32_t data_before;
    uint32_t size;
    uint32_t tries;  /* times it was sent                            */
    bool     seen;   /* out of turn, so it is not sent again         */
    uint64_t sent_us, due_us;
    uint8_t  bytes[];
} mk_udp_unit_t;

/* Zero-initialised it is new. */
typedef struct mk_udp_lane {
    mk_udp_unit_t *out[MK_UDP_UNITS]; /* by number; [out_first, out_next) are there     */
    uint32_t       out_first, out_next;
    uint32_t       data_sent;   /* DATA frames so far; wraps, as all numbers here */
    uint64_t       progress_us; /* when the first in `out` became so              */
    uint64_t       rtt_us, rtt_var_us;
    mk_udp_unit_t *in[MK_UDP_UNITS]; /* came out of turn */
    uint32_t       in_next;
    uint32_t       data_next; /* DATA frames that have come, or will not          */
    uint64_t       lost;      /* of them                                          */
    mk_buffer_t    held;      /* DATA that waits for a unit                       */
    size_t         held_at;
    bool           ack_due;
} mk_udp_lane_t;

void mk_udp_lane_fini(mk_udp_lane_t *lane);

/* ---- out ---- */

/* Begins a packet: flags, and an acknowledgement if one is due. `closing`: it says that the channel ends. */
void mk_udp_lane_begin(mk_udp_lane_t *lane, mk_udp_packet_t *packet, bool closing);
bool mk_udp_packet_is_empty(const mk_udp_packet_t *packet); /* nothing follows what begin wrote */

/* Puts frames of a row into the packet and returns the bytes taken; 0: none fits, too many units on their way, or no memory. */
size_t mk_udp_lane_fill(mk_udp_lane_t *lane, mk_udp_packet_t *packet, const uint8_t *frames, size_t size, uint64_t now_us);
/* An empty unit: something that is answered. False: no memory, or too many on their way. */
bool mk_udp_lane_nudge(mk_udp_lane_t *lane, mk_udp_packet_t *packet, uint64_t now_us);

/* Puts units that are due again into the packet. False: there are more. */
bool     mk_udp_lane_again(mk_udp_lane_t *lane, mk_udp_packet_t *packet, uint64_t now_us);
uint64_t mk_udp_lane_due_us(const mk_udp_lane_t *lane); /* when the next one is; UINT64_MAX: never */
bool     mk_udp_lane_gave_up(const mk_udp_lane_t *lane, uint64_t now_us);
static inline uint32_t mk_udp_lane_waiting(const mk_udp_lane_t *lane) { return lane->out_next - lane->out_first; }

/* ---- in ---- */

/* A row of whole frames, if the peer made it so. False: no more. */
typedef bool mk_udp_deliver_fn(void *arg, const uint8_t *frames, size_t size);

/* A packet's plain text. `deliver` NULL: what it brings is not wanted any more, what it acknowledges is. *closing: the peer ends
 * the channel. MK_ERR_PROTO. The lane may be gone when `deliver` has said false. */
MK_MUST_CHECK mk_err_t mk_udp_lane_take(mk_udp_lane_t *lane, const uint8_t *text, size_t size, uint64_t now_us,
                                        mk_udp_deliver_fn *deliver, void *arg, bool *closing);

#endif
