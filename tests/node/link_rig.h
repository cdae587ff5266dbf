/* SPDX-License-Identifier: Apache-2.0 */
/* link_rig.h -- two nodes on virtual time, a link between them over a channel in memory that cuts what it carries anywhere, takes as
 * much as the test says, and loses and delays datagrams; or one node, and the test itself as its peer. */
#ifndef MK_TESTS_LINK_RIG_H
#define MK_TESTS_LINK_RIG_H

#include <stdlib.h>

#include "microkernel/actor.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "microkernel/supervision.h"
#include "node/link.h"
#include "port/fake/fake.h"
#include "rig/oom.h"
#include "rig/random.h"
#include "rig/rig.h"
#include "runtime/attach.h"

enum { LINK_RIG_BYTES = 24 * 1024 * 1024, ALL = 1 << 30 };

typedef struct side side_t;

/* One end of the channel. */
typedef struct end {
    mk_channel_t channel; /* first */
    side_t      *side;
    bool         is, open, over, wants_room; /* over: closed() was called */
    uint8_t     *sent;                       /* written, and not yet with the other side */
    size_t       sent_n, capacity;
    uint8_t     *left; /* with the user, and not yet taken */
    size_t       left_n;
    bool         flushed; /* it has left, and what it wrote is still delivered */
} end_t;

struct side {
    runtime_t *rt;
    mk_link_t *link;
    end_t      end;
    unsigned   greeted, ups, downs, frames, drained;
    mk_err_t   err, frame_answer;
    char       why[300];
    bool       destroy_in_down, silent; /* silent: does not answer hello */
    uint32_t   may;
    void     (*on_greeted)(side_t *side);
    void     (*on_up)(side_t *side);
};

static side_t       sides[2];
static rig_random_t dice;
static unsigned     lose, late; /* of 100 datagrams of DATA */
static size_t       piece_max;  /* bytes delivered at a time; 0: all */

static inline side_t *other(const side_t *side) { return side == &sides[0] ? &sides[1] : &sides[0]; }

/* ---- the channel ------------------------------------------------------------------------------------------------------------ */

static inline size_t end_write(mk_channel_t *channel, const uint8_t *bytes, size_t size) {
    end_t *end = (end_t *)channel;
    size_t n = 0, frame;
    CHECK(end->is && end->open && size > 0);
    while (n < size && end->sent_n + n + (frame = mk_wire_load16(bytes + n)) <= end->capacity) {
        CHECK(frame >= 4 && n + frame <= size && frame <= channel->frame_bytes_max);
        n += frame;
    }
    CHECK(end->sent_n + n <= LINK_RIG_BYTES);
    memcpy(end->sent + end->sent_n, bytes, n);
    end->sent_n += n;
    end->wants_room = n < size;
    return n;
}

static inline void end_close(mk_channel_t *channel, bool flush) {
    end_t *end = (end_t *)channel;
    CHECK(end->is);
    end->is = false;
    end->flushed = flush;
    end->left_n = 0;
    if (!flush) end->sent_n = 0;
}

static const mk_channel_ops_t end_ops = {end_write, end_close};

static inline void end_make(side_t *side, bool datagrams) {
    end_t *end = &side->end;
    if (end->sent == NULL) {
        end->sent = malloc(LINK_RIG_BYTES);
        end->left = malloc(LINK_RIG_BYTES);
    }
    *end = (end_t){.side = side, .is = true, .sent = end->sent, .left = end->left, .capacity = LINK_RIG_BYTES};
    end->channel = (mk_channel_t){.ops = &end_ops,
                                  .frame_bytes_max = datagrams ? 1200 : MK_WIRE_FRAME_BYTES_MAX,
                                  .datagrams = datagrams,
                                  .where = "memory"};
}

static inline void read_clock(side_t *side) { mk_loop_read_clock(mk_runtime_loop(side->rt)); }

/* Bytes come from nowhere. They lie in a block of their own, so that reading too far shows. */
static inline void come(side_t *side, const void *bytes, size_t size) {
    end_t *end = &side->end;
    if (!end->is || end->over) return;
    memcpy(end->left + end->left_n, bytes, size);
    end->left_n += size;
    uint8_t *exact = malloc(end->left_n);
    size_t   n = end->left_n;
    memcpy(exact, end->left, n);
    read_clock(side);
    size_t used = end->channel.user->bytes(&end->channel, exact, n);
    free(exact);
    CHECK(used <= n);
    if (!end->is) return;
    end->left_n -= used;
    memmove(end->left, end->left + used, end->left_n);
    if (end->channel.datagrams) end->left_n = 0;
}

static inline void come_closed(side_t *side, mk_err_t err, const char *why) {
    end_t *end = &side->end;
    if (!end->is || end->over) return;
    end->over = true;
    read_clock(side);
    end->channel.user->closed(&end->channel, err, why);
}

static inline bool come_room(side_t *side) {
    end_t *end = &side->end;
    if (!end->is || end->over || !end->wants_room || end->sent_n >= end->capacity) return false;
    end->wants_room = false;
    read_clock(side);
    end->channel.user->room(&end->channel);
    return true;
}

static inline void forget_sent(end_t *end, size_t at, size_t n) {
    memmove(end->sent + at, end->sent + at + n, end->sent_n - at - n);
    end->sent_n -= n;
}

/* One datagram: the first, or, when that is DATA and late, another one first. Everything but DATA arrives in order. */
static inline bool deliver_datagram(side_t *from) {
    end_t *end = &from->end;
    size_t at = 0, frame;
    if (end->sent_n == 0) return false;
    while (at < end->sent_n && end->sent[at + 2] == MK_WIRE_DATA && rig_random_below(&dice, 100) < late)
        at += mk_wire_load16(end->sent + at);
    if (at >= end->sent_n) at = 0;
    frame = mk_wire_load16(end->sent + at);
    uint8_t copy[1200];
    memcpy(copy, end->sent + at, frame);
    forget_sent(end, at, frame);
    if (copy[2] != MK_WIRE_DATA || rig_random_below(&dice, 100) >= lose) come(other(from), copy, frame);
    else other(from)->end.channel.lost++;
    return true;
}

/* A piece of what one side wrote. False: nothing was there. */
static inline bool deliver(side_t *from) {
    end_t *end = &from->end;
    if (end->channel.datagrams) return deliver_datagram(from);
    size_t n = end->sent_n;
    if (n == 0) return false;
    if (piece_max != 0) n = 1 + rig_random_below(&dice, (uint32_t)(n < piece_max ? n : piece_max));
    uint8_t *copy = malloc(n);
    memcpy(copy, end->sent, n);
    forget_sent(end, 0, n);
    come(other(from), copy, n);
    free(copy);
    return true;
}

static inline bool open_end(side_t *side) {
    end_t *end = &side->end;
    if (!end->is || end->open) return false;
    end->open = true;
    read_clock(side);
    end->channel.user->open(&end->channel);
    return true;
}

/* ---- the owner -------------------------------------------------------------------------------------------------------------- */

static inline side_t *side_of(const mk_link_t *link) { return mk_link_owner(link); }

static inline void own_greeted(mk_link_t *link) {
    side_t *side = side_of(link);
    side->greeted++;
    if (side->on_greeted != NULL) side->on_greeted(side);
    else if (!side->silent) mk_link_welcome(link, side->may);
}

static inline void own_up(mk_link_t *link) {
    side_t *side = side_of(link);
    CHECK(mk_link_is_up(link));
    side->ups++;
    if (side->on_up != NULL) side->on_up(side);
}

static inline mk_err_t own_frame(mk_link_t *link, const mk_wire_frame_t *frame) {
    (void)frame;
    side_of(link)->frames++;
    return side_of(link)->frame_answer;
}

static inline void own_drained(mk_link_t *link) { side_of(link)->drained++; }

static inline void own_down(mk_link_t *link, mk_err_t err, const char *why) {
    side_t *side = side_of(link);
    CHECK(!mk_link_is_up(link));
    side->downs++;
    side->err = err;
    snprintf(side->why, sizeof side->why, "%s", why);
    if (!side->destroy_in_down) return;
    mk_link_destroy(link);
    side->link = NULL;
}

static const mk_link_ops_t own_ops = {own_greeted, own_up, own_frame, own_drained, own_down};

static inline mk_link_limits_t usual_limits(void) {
    return (mk_link_limits_t){.heartbeat_ms = 1000,
                              .dead_ms = 4000,
                              .hello_ms = 5000,
                              .queue_bytes = 1 << 20,
                              .credit_bytes = 1 << 16,
                              .message_max = 4 << 20};
}

static inline mk_err_t side_link(side_t *side, const mk_link_limits_t *limits, bool datagrams) {
    mk_wire_hello_t hello = {.node = runtime_get_node_id(side->rt), .incarnation = 7, .identity = "a"};
    hello.identity[0] = (char)('a' + (side - sides));
    end_make(side, datagrams);
    return mk_link_create(side->rt, &side->end.channel, &own_ops, side, limits, &hello, &side->link);
}

/* ---- the world ---------------------------------------------------------------------------------------------------------------- */


static inline void world_make(uint64_t seed) {
    mk_fake_reset(seed);
    mk_fake_hold_time(true);
    dice.state = seed;
    lose = late = 0;
    piece_max = 0;
    for (unsigned i = 0; i < 2; i++) {
        end_t kept = sides[i].end;
        sides[i] = (side_t){.may = MK_MAY_LOOKUP | MK_MAY_SEND | MK_MAY_SEND_ANY | MK_MAY_STOP};
        sides[i].end.sent = kept.sent;
        sides[i].end.left = kept.left;
        sides[i].rt = runtime_create(&(runtime_config_t){.node_id = i + 1});
        CHECK(sides[i].rt != NULL);
    }
}

static inline void world_end(void) {
    for (unsigned i = 0; i < 2; i++) {
        if (sides[i].link != NULL) mk_link_destroy(sides[i].link);
        sides[i].link = NULL;
        runtime_destroy(sides[i].rt);
        sides[i].rt = NULL;
    }
}

/* The nodes do what there is to do; nothing is carried. */
static inline void work(void) {
    for (unsigned quiet = 0; quiet < 3; quiet++)
        for (unsigned i = 0; i < 2; i++)
            if (runtime_step(sides[i].rt)) quiet = 0;
}

static inline bool carry(void) {
    bool moved = false;
    for (unsigned i = 0; i < 2; i++) {
        side_t *side = &sides[i], *peer = other(side);
        if (side->end.is || side->end.flushed) moved |= deliver(side);
        moved |= come_room(side);
        bool left = !side->end.is && side->end.sent_n == 0 && side->end.capacity != 0;
        if (left && peer->end.is && !peer->end.over) {
            come_closed(peer, MK_ERR_CLOSED, "the peer has closed");
            moved = true;
        }
    }
    return moved;
}

/* Until nothing moves any more; no time goes by. */
static inline void settle(void) {
    do work();
    while (carry());
    work();
}

static inline void pass_ms(uint64_t ms) {
    for (uint64_t i = 0; i < ms; i++) {
        mk_fake_advance_us(1000);
        settle();
    }
}

/* A link between them that is up. */
static inline void world_link(const mk_link_limits_t *limits, bool datagrams) {
    for (unsigned i = 0; i < 2; i++) CHECK_EQ(side_link(&sides[i], limits, datagrams), MK_OK);
    CHECK(open_end(&sides[0]));
    CHECK(open_end(&sides[1]));
    settle();
    for (unsigned i = 0; i < 2; i++) CHECK(mk_link_is_up(sides[i].link));
}

/* Two nodes, and such a link. */
static inline void world_linked(uint64_t seed, const mk_link_limits_t *limits, bool datagrams) {
    world_make(seed);
    world_link(limits, datagrams);
}

static inline mk_link_stats_t stats_of(const side_t *side) {
    mk_link_stats_t stats;
    mk_link_get_stats(side->link, &stats);
    return stats;
}

#endif
