/* SPDX-License-Identifier: Apache-2.0 */
/* fiber.h -- a second native stack that a call can be left on, and gone back to.
 *
 * For engines that cannot put a guest's state aside as data. A fiber is taken from a pool when a call begins and given
 * back when it ends, so only guests that wait hold one. It may be given back half-way: whatever its frames own must be
 * owned by somebody else too. Each stack ends in a page that faults. */
#ifndef MK_WASM_FIBER_H
#define MK_WASM_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mk_fiber mk_fiber_t;
typedef void            mk_fiber_fn(void *arg);

/* A fiber with that much stack, less its own record of about a hundred bytes. NULL: out of memory. Any thread; it then stays with that thread. */
mk_fiber_t *mk_fiber_take(size_t stack_bytes);

/* Gives it back, finished or not. Not from inside. NULL is allowed. */
void mk_fiber_give(mk_fiber_t *fiber);

/* Lowest usable address of its stack. */
uint8_t *mk_fiber_stack_low(const mk_fiber_t *fiber);

/* Runs fn(arg) on the fiber's stack until it leaves or returns. True: it returned. */
bool mk_fiber_start(mk_fiber_t *fiber, mk_fiber_fn *fn, void *arg);

/* Goes back to where the fiber left. True: its function returned. */
bool mk_fiber_resume(mk_fiber_t *fiber);

/* From inside: back to whoever started or resumed the fiber. */
void mk_fiber_leave(mk_fiber_t *fiber);

/* From inside: runs fn(arg) on the stack of whoever started or resumed the fiber, and comes back. `fn` does not leave the
 * fiber. An ordinary call as the processor sees it, so much cheaper than leaving. */
void mk_fiber_outside(mk_fiber_t *fiber, mk_fiber_fn *fn, void *arg);

/* Frees the stacks that wait in the pool. */
void mk_fiber_drain(void);

/* Fibers in existence, in use or in the pool; for tests. */
size_t mk_fiber_count(void);

#endif
