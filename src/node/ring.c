/* SPDX-License-Identifier: Apache-2.0 */
/* ring.c -- see ring.h.
 *
 * No wake-up is lost. Whoever goes to sleep first says so (`asleep`) and then looks whether there is something for him; whoever has
 * something for him first publishes it (a count, a state) and then looks whether he is asleep. All four are sequentially consistent
 * operations, so they have one order in which at least one of the two looks comes after what the other has said: either the sleeper
 * sees what was published and stays awake, or the publisher sees the sleeper and wakes him. Who wakes takes `asleep` back, so that a
 * sleeper is woken once. The same holds for `wanted`: the writer says it and looks at the count again, the reader counts and then
 * looks.
 *
 * Laps: counts only grow, and a place is the count's lowest bits. The end of a lap is written before the count that goes beyond it,
 * and is not written again before the reader has left that lap, since the writer is never more than one length ahead. */
#include "node/ring.h"

#include <stdatomic.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "node/wire.h"

enum {
    RING_BYTES_MIN = 128 * 1024, /* two longest frames: one that does not fit before the end fits at the beginning   */
    RING_BYTES_DEFAULT = 1 << 20,
    PUBLISH_BYTES = 64 * 1024, /* so the reader begins while the writer still copies                               */
    WINDOW_BYTES = 8 * 1024, /* read in one go, unless a frame is longer: its messages fit the first cache           */
    LINE_BYTES = 128,        /* processors fetch lines in pairs */
};

_Static_assert((int)MK_RING_FRAME_BYTES_MAX == (int)MK_WIRE_FRAME_BYTES_MAX, "any frame fits");

/* One direction. */
typedef struct half {
    char          apart[LINE_BYTES];
    atomic_size_t written;   /* the writer's                                   */
    atomic_size_t lap_end;   /* where the reader's lap ends, once it is left   */
    size_t        read_seen; /* `read`, as last looked at                      */
    char          apart_too[LINE_BYTES];
    atomic_size_t read; /* the reader's                                   */
    size_t        written_seen;
    char          apart_as_well[LINE_BYTES];
    atomic_size_t wanted; /* by the writer: bytes free, before it goes on; 0: it need not be told */
    uint8_t      *bytes;
} half_t;

typedef struct side {
    char        apart[LINE_BYTES];
    atomic_int  state; /* mk_ring_state_t                                */
    atomic_bool asleep;
    mk_loop_t  *loop; /* under the lock; NULL: nobody to wake           */
} side_t;

struct node_ring {
    size_t      size; /* of each direction: a power of two              */
    atomic_uint holders;
    mk_mutex_t *lock;
    half_t      half[2];
    side_t      side[2];
};

/* ---- life ------------------------------------------------------------------------------------------------------------ */

static void ring_free(node_ring_t *ring) {
    if (ring->lock != NULL) mk_mutex_destroy(ring->lock);
    mk_free(ring->half[0].bytes);
    mk_free(ring->half[1].bytes);
    mk_free(ring);
}

node_ring_t *node_ring_create(size_t bytes) {
    size_t size = RING_BYTES_MIN;
    if (bytes == 0) bytes = RING_BYTES_DEFAULT;
    if (bytes > SIZE_MAX / 4) return NULL;
    while (size < bytes) size *= 2;
    node_ring_t *ring = mk_calloc(1, sizeof *ring);
    if (ring == NULL) return NULL;
    ring->size = size;
    atomic_init(&ring->holders, 1);
    for (int i = 0; i < 2; i++) {
        atomic_init(&ring->half[i].written, 0);
        atomic_init(&ring->half[i].lap_end, 0);
        atomic_init(&ring->half[i].read, 0);
        atomic_init(&ring->half[i].wanted, 0);
        atomic_init(&ring->side[i].state, MK_RING_UNUSED);
        atomic_init(&ring->side[i].asleep, false);
        ring->half[i].bytes = mk_alloc(size);
    }
    if (ring->half[0].bytes == NULL || ring->half[1].bytes == NULL || mk_mutex_create(&ring->lock) != MK_OK) {
        ring_free(ring);
        return NULL;
    }
    return ring;
}

node_ring_t *mk_ring_retain(node_ring_t *ring) {
    atomic_fetch_add_explicit(&ring->holders, 1, memory_order_relaxed);
    return ring;
}

void node_ring_release(node_ring_t *ring) {
    if (ring != NULL && atomic_fetch_sub_explicit(&ring->holders, 1, memory_order_acq_rel) == 1) ring_free(ring);
}

/* ---- the two sides --------------------------------------------------------------------------------------------------- */

/* Something was published for this side. */
static void wake(node_ring_t *ring, side_t *side) {
    if (!atomic_load(&side->asleep) || !atomic_exchange(&side->asleep, false)) return;
    mk_mutex_lock(ring->lock); /* the loop may be about to end */
    if (side->loop != NULL) mk_loop_wake(side->loop);
    mk_mutex_unlock(ring->lock);
}

mk_err_t mk_ring_attach(node_ring_t *ring, int side, mk_loop_t *loop) {
    mk_assert(side == 0 || side == 1);
    side_t *own = &ring->side[side];
    mk_mutex_lock(ring->lock);
    bool first = own->loop == NULL && atomic_load(&own->state) == MK_RING_UNUSED;
    if (first) own->loop = loop;
    mk_mutex_unlock(ring->lock);
    if (!first) return MK_ERR_EXISTS;
    mk_ring_retain(ring);
    atomic_store(&own->state, MK_RING_ATTACHED);
    wake(ring, &ring->side[1 - side]);
    return MK_OK;
}

void mk_ring_end(node_ring_t *ring, int side) {
    side_t *own = &ring->side[side];
    mk_mutex_lock(ring->lock);
    own->loop = NULL;
    mk_mutex_unlock(ring->lock);
    atomic_store(&own->state, MK_RING_ENDED);
    wake(ring, &ring->side[1 - side]);
    node_ring_release(ring);
}

mk_ring_state_t mk_ring_other(const node_ring_t *ring, int side) {
    return (mk_ring_state_t)atomic_load_explicit(&ring->side[1 - side].state, memory_order_acquire);
}

/* ---- writing ------------------------------------------------------------------------------------------------------------ */

static size_t frame_bytes(const uint8_t *bytes) {
    size_t size = (size_t)(bytes[0] | bytes[1] << 8);
    mk_assert(size >= MK_WIRE_HEADER_BYTES);
    return size;
}

/* The whole frames among the first `room` bytes. */
static size_t whole_frames(const uint8_t *bytes, size_t size, size_t room) {
    size_t n = 0;
    if (size <= room) return size;
    while (n + frame_bytes(bytes + n) <= room) n += frame_bytes(bytes + n);
    return n;
}

static size_t free_bytes(const node_ring_t *ring, const half_t *half, size_t written) {
    return ring->size - (written - half->read_seen);
}

/* How many bytes have to be free for a frame, and what of them is left unused at the end of the lap. */
static size_t room_for(const node_ring_t *ring, size_t written, size_t frame, size_t *gap) {
    size_t to_end = ring->size - (written & (ring->size - 1));
    *gap = frame > to_end ? to_end : 0;
    return *gap + frame;
}

/* Bytes that can be written without wrapping, at least `frame`; 0: there is no room. */
static size_t find_room(const node_ring_t *ring, half_t *half, size_t frame, size_t *written) {
    size_t gap, need = room_for(ring, *written, frame, &gap);
    if (free_bytes(ring, half, *written) < need) {
        half->read_seen = atomic_load(&half->read);
        if (free_bytes(ring, half, *written) < need) return 0;
    }
    if (gap != 0) {
        atomic_store_explicit(&half->lap_end, *written & (ring->size - 1), memory_order_relaxed);
        *written += gap;
    }
    size_t free = free_bytes(ring, half, *written), to_end = ring->size - (*written & (ring->size - 1));
    return free < to_end ? free : to_end;
}

static void copy_in(const node_ring_t *ring, half_t *half, size_t *written, const uint8_t *bytes, size_t size) {
    size_t place = *written & (ring->size - 1);
    memcpy(half->bytes + place, bytes, size);
    if (place + size == ring->size) atomic_store_explicit(&half->lap_end, ring->size, memory_order_relaxed);
    *written += size;
}

/* A quarter of the ring, or what the frame needs: a reader who made room for a frame at a time would wake us for each. */
static void ask_for_room(const node_ring_t *ring, half_t *half, size_t written, size_t frame) {
    size_t gap, need = room_for(ring, written, frame, &gap);
    atomic_store(&half->wanted, need > ring->size / 4 ? need : ring->size / 4);
}

size_t mk_ring_write(node_ring_t *ring, int side, const uint8_t *bytes, size_t size) {
    half_t *half = &ring->half[side];
    size_t  written = atomic_load_explicit(&half->written, memory_order_relaxed), taken = 0;
    bool    asked = false;
    while (taken < size) {
        size_t frame = frame_bytes(bytes + taken), left = size - taken;
        size_t room = find_room(ring, half, frame, &written);
        if (room == 0 && asked) return taken;
        if (room == 0) { /* and looks once more: the reader may be at it just now */
            ask_for_room(ring, half, written, frame);
            asked = true;
            continue;
        }
        size_t limit = frame > PUBLISH_BYTES ? frame : (size_t)PUBLISH_BYTES;
        size_t piece = whole_frames(bytes + taken, left, room < limit ? room : limit);
        copy_in(ring, half, &written, bytes + taken, piece);
        taken += piece;
        atomic_store(&half->written, written);
        wake(ring, &ring->side[1 - side]);
    }
    if (asked) atomic_store_explicit(&half->wanted, 0, memory_order_relaxed);
    return taken;
}

static bool has_room(const node_ring_t *ring, half_t *half) {
    size_t wanted = atomic_load_explicit(&half->wanted, memory_order_relaxed);
    if (wanted == 0) return false;
    half->read_seen = atomic_load(&half->read);
    return free_bytes(ring, half, atomic_load_explicit(&half->written, memory_order_relaxed)) >= wanted;
}

bool mk_ring_has_room(node_ring_t *ring, int side) {
    half_t *half = &ring->half[side];
    if (!has_room(ring, half)) return false;
    atomic_store_explicit(&half->wanted, 0, memory_order_relaxed);
    return true;
}

/* ---- reading -------------------------------------------------------------------------------------------------------------- */

size_t mk_ring_peek(node_ring_t *ring, int side, const uint8_t **bytes) {
    half_t *half = &ring->half[1 - side];
    size_t  mask = ring->size - 1;
    size_t  read = atomic_load_explicit(&half->read, memory_order_relaxed);
    if (half->written_seen == read) half->written_seen = atomic_load_explicit(&half->written, memory_order_acquire);
    if (half->written_seen == read) return 0;
    size_t end = half->written_seen & mask;
    if (((half->written_seen ^ read) & ~mask) != 0) {
        size_t lap_end = atomic_load_explicit(&half->lap_end, memory_order_relaxed);
        if ((read & mask) != lap_end) {
            end = lap_end;
        } else { /* nothing more in this lap: the frame behind it did not fit */
            read = (read & ~mask) + ring->size;
            atomic_store_explicit(&half->read, read, memory_order_release);
        }
    }
    *bytes = half->bytes + (read & mask);
    size_t size = end - (read & mask);
    if (size <= WINDOW_BYTES) return size;
    size_t first = frame_bytes(*bytes);
    return first > WINDOW_BYTES ? first : (size_t)WINDOW_BYTES;
}

void mk_ring_take(node_ring_t *ring, int side, size_t size) {
    half_t *half = &ring->half[1 - side];
    size_t  read = atomic_load_explicit(&half->read, memory_order_relaxed) + size;
    atomic_store(&half->read, read);
    size_t wanted = atomic_load(&half->wanted);
    if (wanted == 0) return;
    /* It has written no more since it asked. */
    size_t used = atomic_load_explicit(&half->written, memory_order_acquire) - read;
    if (ring->size - used >= wanted) wake(ring, &ring->side[1 - side]);
}

/* ---- sleeping --------------------------------------------------------------------------------------------------------------- */

bool mk_ring_doze(node_ring_t *ring, int side, mk_ring_state_t known) {
    const half_t *in = &ring->half[1 - side];
    atomic_store(&ring->side[side].asleep, true);
    if (atomic_load(&in->written) != atomic_load_explicit(&in->read, memory_order_relaxed)) return true;
    if (has_room(ring, &ring->half[side])) return true;
    return (mk_ring_state_t)atomic_load(&ring->side[1 - side].state) != known;
}

void mk_ring_rise(node_ring_t *ring, int side) { atomic_store(&ring->side[side].asleep, false); }
