/* SPDX-License-Identifier: Apache-2.0 */
/* ring.h -- two rings of bytes in memory, one each way, between two threads. Each ring has one writer and one reader, who share no
 * lock: a count of bytes written and a count of bytes read, each on a cache line of who counts it.
 *
 * A frame never wraps round the end: when it does not fit there any more the writer goes on at the beginning, and says where the
 * lap ended. So the reader works on frames where they lie.
 *
 * Side 0 writes ring 0 and reads ring 1, side 1 the other way round. Each side belongs to one thread at a time. The whole lives as
 * long as somebody holds it: who made it, and each side from its attachment to its end. */
#ifndef MK_NODE_RING_H
#define MK_NODE_RING_H

#include "loop/loop.h"
#include "microkernel/node.h"

/* Longest row that is certain to find room at last, since the smallest ring is twice as long. */
enum { MK_RING_FRAME_BYTES_MAX = 65535 };

typedef enum mk_ring_state { MK_RING_UNUSED, MK_RING_ATTACHED, MK_RING_ENDED } mk_ring_state_t;

node_ring_t *mk_ring_retain(node_ring_t *ring);

/* `loop` is woken when the other side has done something while this one dozed. MK_ERR_EXISTS: this side was attached before. */
MK_MUST_CHECK mk_err_t mk_ring_attach(node_ring_t *ring, int side, mk_loop_t *loop);
/* The loop is not woken any more. What was written stays there for the other side, which then sees the end. */
void                   mk_ring_end(node_ring_t *ring, int side);
mk_ring_state_t        mk_ring_other(const node_ring_t *ring, int side); /* how the other side is doing */

/* Copies whole frames (wire.h: the first two bytes are the length) from the front, and returns their bytes; less than `size`: the
 * ring is full, and room is asked for. */
size_t mk_ring_write(node_ring_t *ring, int side, const uint8_t *bytes, size_t size);
/* Room was asked for, and there is some now: told once. */
bool   mk_ring_has_room(node_ring_t *ring, int side);

/* Frames that lie in a row, the first of them whole, the last maybe not; 0: none. They stay until taken. */
size_t mk_ring_peek(node_ring_t *ring, int side, const uint8_t **bytes);
void   mk_ring_take(node_ring_t *ring, int side, size_t size);

/* This side is about to sleep; true: it should not, something has come in the meantime, or there is room that was asked for, or the
 * other side is not what it was `known` to be. mk_ring_rise() when it is awake again. */
bool mk_ring_doze(node_ring_t *ring, int side, mk_ring_state_t known);
void mk_ring_rise(node_ring_t *ring, int side);

#endif
