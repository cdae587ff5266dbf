/* SPDX-License-Identifier: Apache-2.0 */
/* timers.h -- a timing wheel: arming and cancelling cost the same whether ten timers wait or a million.
 *
 * What is due soon lies in the near wheel, one slot a millisecond, from which it fires. What is due later lies in the far
 * wheels: levels of 64 slots, each slot as wide as the whole level below, emptied into lower levels when its time begins.
 * The near wheel spans four seconds on large machines, so that most timers are never moved, and a slot that is
 * emptied is a small part of all. A timer fires in its own millisecond, never before it. */
#ifndef MK_LOOP_TIMERS_H
#define MK_LOOP_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

enum {
    MK_NEAR_BITS = sizeof(void *) == 8 ? 12 : 6, /* 32 KiB of slots on a gateway, 256 bytes on a chip */
    MK_NEAR_SLOTS = 1 << MK_NEAR_BITS,
    MK_FAR_BITS = 6,
    MK_FAR_SLOTS = 1 << MK_FAR_BITS,
    MK_FAR_LEVELS = (64 - MK_NEAR_BITS + MK_FAR_BITS - 1) / MK_FAR_BITS, /* any 64-bit time */
};

typedef struct mk_timer mk_timer_t;
typedef struct mk_wheel mk_wheel_t;

/* Called once when the time has come; the timer is no longer armed and may be armed again, or freed. */
typedef void mk_timer_fn(mk_wheel_t *wheel, mk_timer_t *timer);

/* Embed it; zero-initialised it is not armed. */
struct mk_timer {
    mk_node_t    node;
    uint64_t     due_ms;
    mk_timer_fn *fn;
};

struct mk_wheel {
    uint64_t   now_ms; /* everything due before or at this has fired */
    size_t     armed;
    mk_node_t *due;    /* taken from the wheel, not yet called       */
    uint64_t   near_busy[MK_NEAR_SLOTS / 64];
    uint64_t   far_busy[MK_FAR_LEVELS];
    mk_node_t *near_slot[MK_NEAR_SLOTS];
    mk_node_t *far_slot[MK_FAR_LEVELS][MK_FAR_SLOTS];
};

void mk_wheel_init(mk_wheel_t *wheel, uint64_t now_ms);

/* Arms, or moves an armed timer. A time that has passed is the next millisecond. */
void mk_wheel_arm(mk_wheel_t *wheel, mk_timer_t *timer, uint64_t due_ms);
void mk_wheel_cancel(mk_wheel_t *wheel, mk_timer_t *timer); /* harmless when not armed */

static inline bool mk_timer_is_armed(const mk_timer_t *timer) { return timer->node.at != NULL; }

/* Fires all that is due by `now_ms`, earliest first. Functions may arm and cancel any timer. */
void mk_wheel_advance(mk_wheel_t *wheel, uint64_t now_ms);

/* A time no later than the earliest due one at which to advance again; UINT64_MAX when none is armed. */
uint64_t mk_wheel_next_ms(const mk_wheel_t *wheel);

#endif
