/* SPDX-License-Identifier: Apache-2.0 */
/* fiber.c -- stacks, their pool, and going from one to the other.
 *
 * The record of a fiber lies at the upper end of its own stack, so taking one is one mapping. The pool keeps a few
 * stacks of each size: enough that calls which rarely wait never map memory, few enough that a burst of waiting guests
 * does not hold memory for ever. Sanitizers must be told of each switch; the calls below are empty without them. */
#include "wasm/fiber/fiber.h"

#include <stdatomic.h>
#include <string.h>

#include "wasm/fiber/sanitize.h"
#include "wasm/fiber/stack.h"
#include "wasm/fiber/switch.h"

struct mk_fiber {
    mk_fiber_t         *next; /* in the pool */
    uint8_t            *low;
    size_t              bytes;   /* of the whole mapping above the guard page */
    void               *inside;  /* stack pointer while the fiber is left     */
    void               *outside; /* stack pointer of whoever went in          */
    mk_fiber_fn        *fn;
    void               *arg;
    bool                finished; /* the function has returned and the stack waits for the next one */
    mk_sanitize_fiber_t sanitize;
};

enum { POOL_SIZES = 8, POOL_KEEP = 32 };

/* Guests of several threads share the pool; it is held for a few instructions only. */
static struct {
    atomic_flag busy;
    struct {
        size_t      bytes;
        mk_fiber_t *first;
        size_t      count;
    } size[POOL_SIZES];
    atomic_size_t fibers;
} pool = {.busy = ATOMIC_FLAG_INIT};

static void pool_lock(void) {
    while (atomic_flag_test_and_set_explicit(&pool.busy, memory_order_acquire)) {}
}

static void pool_unlock(void) { atomic_flag_clear_explicit(&pool.busy, memory_order_release); }

/* The shelf for stacks of that size; the last one is not a shelf but a sign that there is none left. */
static size_t shelf_of(size_t bytes) {
    size_t i = 0;
    while (i < POOL_SIZES && pool.size[i].bytes != 0 && pool.size[i].bytes != bytes) i++;
    if (i < POOL_SIZES) pool.size[i].bytes = bytes;
    return i;
}

static size_t record_bytes(void) { return (sizeof(mk_fiber_t) + 15) & ~(size_t)15; }

static void fiber_unmap(mk_fiber_t *fiber) {
    mk_sanitize_fiber_fini(&fiber->sanitize);
    mk_stack_unmap(fiber->low, fiber->bytes);
    atomic_fetch_sub_explicit(&pool.fibers, 1, memory_order_relaxed);
}

mk_fiber_t *mk_fiber_take(size_t stack_bytes) {
    size_t bytes = mk_stack_round(stack_bytes * MK_SANITIZE_STACK_FACTOR);
    pool_lock();
    size_t      shelf = shelf_of(bytes);
    mk_fiber_t *fiber = shelf < POOL_SIZES ? pool.size[shelf].first : NULL;
    if (fiber != NULL) {
        pool.size[shelf].first = fiber->next;
        pool.size[shelf].count--;
    }
    pool_unlock();
    if (fiber != NULL) return fiber;

    uint8_t *low = mk_stack_map(bytes);
    if (low == NULL) return NULL;
    fiber = (mk_fiber_t *)(void *)(low + bytes - record_bytes());
    memset(fiber, 0, sizeof *fiber);
    fiber->low = low;
    fiber->bytes = bytes;
    mk_sanitize_fiber_init(&fiber->sanitize);
    atomic_fetch_add_explicit(&pool.fibers, 1, memory_order_relaxed);
    return fiber;
}

void mk_fiber_give(mk_fiber_t *fiber) {
    if (fiber == NULL) return;
    mk_sanitize_fiber_forget(fiber->low, fiber->bytes - record_bytes());
    pool_lock();
    size_t shelf = shelf_of(fiber->bytes);
    bool   keep = shelf < POOL_SIZES && pool.size[shelf].count < POOL_KEEP;
    if (keep) {
        fiber->next = pool.size[shelf].first;
        pool.size[shelf].first = fiber;
        pool.size[shelf].count++;
    }
    pool_unlock();
    if (!keep) fiber_unmap(fiber);
}

void mk_fiber_drain(void) {
    for (size_t i = 0; i < POOL_SIZES; i++) {
        pool_lock();
        mk_fiber_t *fiber = pool.size[i].first;
        pool.size[i].first = NULL;
        pool.size[i].count = 0;
        pool.size[i].bytes = 0;
        pool_unlock();
        while (fiber != NULL) {
            mk_fiber_t *next = fiber->next;
            fiber_unmap(fiber);
            fiber = next;
        }
    }
}

size_t mk_fiber_count(void) { return atomic_load_explicit(&pool.fibers, memory_order_relaxed); }

uint8_t *mk_fiber_stack_low(const mk_fiber_t *fiber) { return fiber->low; }

/* Runs one function after the other: a stack whose last one has returned is not set up again. */
static void fiber_main(void *arg) {
    mk_fiber_t *fiber = arg;
    for (;;) {
        mk_sanitize_arrived_inside(&fiber->sanitize);
        fiber->fn(fiber->arg);
        fiber->finished = true;
        mk_sanitize_going_outside(&fiber->sanitize, true);
        mk_fiber_switch(&fiber->inside, fiber->outside);
    }
}

static bool go_in(mk_fiber_t *fiber) {
    mk_sanitize_going_inside(&fiber->sanitize, fiber->low, fiber->bytes - record_bytes());
    mk_fiber_switch(&fiber->outside, fiber->inside);
    mk_sanitize_arrived_outside(&fiber->sanitize);
    return fiber->finished;
}

bool mk_fiber_start(mk_fiber_t *fiber, mk_fiber_fn *fn, void *arg) {
    if (!fiber->finished) { /* new, or given back half-way */
        mk_sanitize_fiber_fresh(&fiber->sanitize);
        fiber->inside = mk_fiber_prepare((uint8_t *)fiber, fiber_main, fiber);
    }
    fiber->fn = fn;
    fiber->arg = arg;
    fiber->finished = false;
    return go_in(fiber);
}

bool mk_fiber_resume(mk_fiber_t *fiber) { return go_in(fiber); }

void mk_fiber_leave(mk_fiber_t *fiber) {
    mk_sanitize_going_outside(&fiber->sanitize, false);
    mk_fiber_switch(&fiber->inside, fiber->outside);
    mk_sanitize_arrived_inside(&fiber->sanitize);
}

typedef struct outside_call {
    mk_fiber_t  *fiber;
    mk_fiber_fn *fn;
    void        *arg;
} outside_call_t;

static void outside_main(void *arg) {
    outside_call_t *call = arg;
    mk_fiber_t     *fiber = call->fiber;
    mk_sanitize_borrow_begun(&fiber->sanitize);
    call->fn(call->arg);
    mk_sanitize_borrow_ending(&fiber->sanitize, fiber->low, fiber->bytes - record_bytes());
}

void mk_fiber_outside(mk_fiber_t *fiber, mk_fiber_fn *fn, void *arg) {
    outside_call_t call = {fiber, fn, arg};
    mk_sanitize_borrow_begin(&fiber->sanitize);
    mk_fiber_call_on(fiber->outside, outside_main, &call);
    mk_sanitize_borrow_end(&fiber->sanitize);
}
