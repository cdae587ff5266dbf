/* SPDX-License-Identifier: Apache-2.0 */
/* watchdog.h -- ends calls that have used up their time, from a thread of its own.
 *
 * For engines that cannot count for themselves. There is one watchdog per process. It never fires into anything but
 * the very call it watched: mk_watchdog_end() settles, before it returns, whether the call was ended or got away. */
#ifndef MK_WASM_WATCHDOG_H
#define MK_WASM_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "microkernel/error.h"

/* Makes the call that `target` stands for return soon. Runs on the watchdog's thread, while the call is running or
 * waiting in mk_watchdog_end(). */
typedef void mk_watchdog_fire_fn(void *target);

/* Where the platform has no threads this succeeds too, and no call is ever ended. */
MK_MUST_CHECK mk_err_t mk_watchdog_start(mk_watchdog_fire_fn *fire);
void                   mk_watchdog_stop(void); /* with no call under watch */

/* One thread's place; obtained once per call, which is cheap. NULL: out of memory. Watches do not nest. */
typedef struct mk_watch_slot mk_watch_slot_t;
mk_watch_slot_t *mk_watchdog_slot(void);

/* From now on the calling thread may run for `budget_ms` (not 0), and at most a quarter longer, before `target` is
 * fired at: milliseconds of its processor time where the platform knows that, else of the clock. */
void mk_watchdog_begin(mk_watch_slot_t *slot, void *target, uint32_t budget_ms);

/* Gives the run under way so many milliseconds more, or takes them back. The runner's thread. */
void mk_watchdog_extend(mk_watch_slot_t *slot, int32_t ms);

/* True: it was fired at. */
bool mk_watchdog_end(mk_watch_slot_t *slot);

#endif
