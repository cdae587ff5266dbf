/* SPDX-License-Identifier: Apache-2.0 */
/* timers.h -- a hierarchical timing wheel: arming and cancelling cost the same whether ten timers wait or a million.
 *
 * Eleven levels of 64 slots, enough for any 64-bit time; a slot of level n is 64^n milliseconds wide. A timer lies in the lowest level whose range
 * reaches its time and moves down as that comes nearer, so a timer fires in its own millisecond, never before it. */
#ifndef MK_LOOP_TIMERS_H
#define MK_LOOP_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

enum { MK_WHEEL_LEVELS = 11, MK_WHEEL_BITS = 6, MK_WHEEL_SLOTS = 1 << MK_WHEEL_BITS };

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
    uint64_t   busy[MK_WHEEL_LEVELS];
    mk_node_t *slot[MK_WHEEL_LEVELS][MK_WHEEL_SLOTS];
    mk_node_t *due;    /* taken from the wheel, not yet called       */
    size_t     armed;
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
