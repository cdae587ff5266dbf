/* SPDX-License-Identifier: Apache-2.0 */
/* ring_channel.c -- frames through a ring in memory to another runtime of this process. The loop looks at it in each round, and spins
 * for a moment before it sleeps (loop.h), so that an answer that comes at once costs no system call. Frames are read where they lie.
 *
 * Invariant: `told` is the last the user hears; `open` comes before everything else. */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "node/channels.h"
#include "node/ring.h"

typedef struct ring_channel {
    mk_channel_t    channel;
    mk_source_t     source;
    mk_loop_t      *loop;
    node_ring_t    *ring;
    int             side;
    mk_ring_state_t other; /* how it was when last looked at                 */
    bool            opened, told;
    bool           *gone; /* of the call on the stack: set when it is closed in it */
} ring_channel_t;

static ring_channel_t *of_channel(mk_channel_t *channel) { return mk_container_of(channel, ring_channel_t, channel); }
static ring_channel_t *of_source(mk_source_t *source) { return mk_container_of(source, ring_channel_t, source); }

/* ---- looking -------------------------------------------------------------------------------------------------------------- */

/* Takes what has come, up to a window: then the actors have their turn, while it is still in the cache. *gone: the channel is. */
static bool read_frames(ring_channel_t *c, const bool *gone) {
    const uint8_t *bytes;
    size_t         size = mk_ring_peek(c->ring, c->side, &bytes);
    if (size == 0) return false;
    size_t taken = c->channel.user->bytes(&c->channel, bytes, size);
    if (*gone) return true;
    mk_assert(taken <= size);
    /* There is a whole frame, so who takes none wants no more: it is dropped. */
    mk_ring_take(c->ring, c->side, taken != 0 ? taken : size);
    return true;
}

/* The other side is there, or is not any more. What it has written before its end comes first. */
static bool look_at_other(ring_channel_t *c) {
    const uint8_t  *bytes;
    mk_ring_state_t other = mk_ring_other(c->ring, c->side);
    if (other == c->other) return false;
    if (c->opened && mk_ring_peek(c->ring, c->side, &bytes) != 0) return false;
    c->other = other;
    if (c->opened || other == MK_RING_ENDED) {
        c->told = true;
        c->channel.user->closed(&c->channel, MK_ERR_CLOSED, "the other runtime has ended the ring");
    } else {
        c->opened = true;
        c->channel.user->open(&c->channel);
    }
    return true;
}

static bool look(mk_loop_t *loop, mk_source_t *source) {
    ring_channel_t *c = of_source(source);
    bool            gone = false, came = false;
    (void)loop;
    if (c->channel.user == NULL || c->told) return false;
    c->gone = &gone;
    if (c->opened) came = read_frames(c, &gone);
    if (!gone && !came) came = look_at_other(c);
    if (!gone && c->opened && mk_ring_has_room(c->ring, c->side)) {
        came = true;
        c->channel.user->room(&c->channel);
    }
    if (!gone) c->gone = NULL;
    return came;
}

static bool doze(mk_loop_t *loop, mk_source_t *source, bool asleep) {
    ring_channel_t *c = of_source(source);
    (void)loop;
    if (c->channel.user == NULL || c->told) return false;
    if (asleep) return mk_ring_doze(c->ring, c->side, c->other);
    mk_ring_rise(c->ring, c->side);
    return false;
}

/* ---- what it does for the user -------------------------------------------------------------------------------------------- */

static size_t channel_write(mk_channel_t *channel, const uint8_t *bytes, size_t size) {
    ring_channel_t *c = of_channel(channel);
    return c->told ? 0 : mk_ring_write(c->ring, c->side, bytes, size);
}

/* What was written stays in the ring for the other side, so there is nothing to flush. */
static void channel_close(mk_channel_t *channel, bool flush) {
    ring_channel_t *c = of_channel(channel);
    (void)flush;
    if (c->gone != NULL) *c->gone = true;
    mk_source_remove(c->loop, &c->source);
    mk_ring_end(c->ring, c->side);
    mk_free(c);
}

static const mk_channel_ops_t channel_ops = {channel_write, channel_close};

mk_err_t mk_ring_channel_attach(mk_loop_t *loop, node_ring_t *ring, int side, uint32_t may, mk_channel_t **out) {
    if (ring == NULL || (side != 0 && side != 1)) return MK_ERR_INVALID;
    ring_channel_t *c = mk_calloc(1, sizeof *c);
    if (c == NULL) return MK_ERR_NOMEM;
    mk_err_t err = mk_ring_attach(ring, side, loop);
    if (err != MK_OK) {
        mk_free(c);
        return err;
    }
    c->channel = (mk_channel_t){.ops = &channel_ops,
                                .frame_bytes_max = MK_RING_FRAME_BYTES_MAX,
                                .dialled = side == 0,
                                .may = may,
                                .where = "ring"};
    c->source = (mk_source_t){.look = look, .doze = doze};
    c->loop = loop;
    c->ring = ring;
    c->side = side;
    mk_source_add(loop, &c->source);
    *out = &c->channel;
    return MK_OK;
}
