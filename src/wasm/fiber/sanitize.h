/* SPDX-License-Identifier: Apache-2.0 */
/* sanitize.h -- what the address and thread sanitizers must hear about stacks that change under them. Nothing at all in
 * an ordinary build. */
#ifndef MK_WASM_FIBER_SANITIZE_H
#define MK_WASM_FIBER_SANITIZE_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MK_SANITIZE_ADDRESS 1
#elif __has_feature(thread_sanitizer)
#define MK_SANITIZE_THREAD 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define MK_SANITIZE_ADDRESS 1
#elif defined(__SANITIZE_THREAD__)
#define MK_SANITIZE_THREAD 1
#endif

#if defined(MK_SANITIZE_ADDRESS)

#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

/* Red zones and unoptimised frames: a guest that is fine on the ordinary stack must be fine here. */
#define MK_SANITIZE_STACK_FACTOR 8

typedef struct mk_sanitize_fiber {
    void       *fake_inside, *fake_outside;
    const void *outside_low;
    size_t      outside_bytes;
} mk_sanitize_fiber_t;

static inline void mk_sanitize_fiber_init(mk_sanitize_fiber_t *s) { s->fake_inside = NULL; }
static inline void mk_sanitize_fiber_fini(mk_sanitize_fiber_t *s) { (void)s; }

/* Frames that were left for good still have their red zones marked. */
static inline void mk_sanitize_fiber_forget(const void *low, size_t bytes) {
    __asan_unpoison_memory_region(low, bytes);
}
static inline void mk_sanitize_going_inside(mk_sanitize_fiber_t *s, const void *low, size_t bytes) {
    __sanitizer_start_switch_fiber(&s->fake_outside, low, bytes);
}
static inline void mk_sanitize_arrived_inside(mk_sanitize_fiber_t *s) {
    __sanitizer_finish_switch_fiber(s->fake_inside, &s->outside_low, &s->outside_bytes);
}
static inline void mk_sanitize_going_outside(mk_sanitize_fiber_t *s, bool for_good) {
    __sanitizer_start_switch_fiber(for_good ? NULL : &s->fake_inside, s->outside_low, s->outside_bytes);
    if (for_good) s->fake_inside = NULL;
}
static inline void mk_sanitize_arrived_outside(mk_sanitize_fiber_t *s) {
    __sanitizer_finish_switch_fiber(s->fake_outside, NULL, NULL);
}

/* A call on the outer stack and back is two switches to this sanitizer: */
static inline void mk_sanitize_borrow_begin(mk_sanitize_fiber_t *s) { mk_sanitize_going_outside(s, false); }
static inline void mk_sanitize_borrow_begun(mk_sanitize_fiber_t *s) { mk_sanitize_arrived_outside(s); }
static inline void mk_sanitize_borrow_ending(mk_sanitize_fiber_t *s, const void *low, size_t bytes) {
    mk_sanitize_going_inside(s, low, bytes);
}
static inline void mk_sanitize_borrow_end(mk_sanitize_fiber_t *s) { mk_sanitize_arrived_inside(s); }

#elif defined(MK_SANITIZE_THREAD)

#include <sanitizer/tsan_interface.h>

#define MK_SANITIZE_STACK_FACTOR 4

typedef struct mk_sanitize_fiber {
    void *inside, *outside;
} mk_sanitize_fiber_t;

/* Macros, because this sanitizer counts entries into functions and exits from them per fiber: none may lie around a
 * switch. */
#define mk_sanitize_fiber_init(s)               ((void)((s)->inside = __tsan_create_fiber(0)))
#define mk_sanitize_fiber_fini(s)               __tsan_destroy_fiber((s)->inside)
#define mk_sanitize_fiber_forget(low, bytes)    ((void)(low), (void)(bytes))
#define mk_sanitize_arrived_inside(s)           ((void)(s))
#define mk_sanitize_arrived_outside(s)          ((void)(s))
#define mk_sanitize_going_outside(s, for_good)  __tsan_switch_to_fiber((s)->outside, 0)
#define mk_sanitize_going_inside(s, low, bytes) \
    ((void)((s)->outside = __tsan_get_current_fiber()), __tsan_switch_to_fiber((s)->inside, 0))

/* To this one a call on the outer stack is still the fiber's. */
#define mk_sanitize_borrow_begin(s)              ((void)(s))
#define mk_sanitize_borrow_begun(s)              ((void)(s))
#define mk_sanitize_borrow_ending(s, low, bytes) ((void)(s))
#define mk_sanitize_borrow_end(s)                ((void)(s))

#else /* no sanitizer */

#define MK_SANITIZE_STACK_FACTOR 1

typedef struct mk_sanitize_fiber {
    char nothing;
} mk_sanitize_fiber_t;

static inline void mk_sanitize_fiber_init(mk_sanitize_fiber_t *s) { (void)s; }
static inline void mk_sanitize_fiber_fini(mk_sanitize_fiber_t *s) { (void)s; }
static inline void mk_sanitize_fiber_forget(const void *low, size_t bytes) { (void)low, (void)bytes; }
static inline void mk_sanitize_going_inside(mk_sanitize_fiber_t *s, const void *low, size_t bytes) {
    (void)s, (void)low, (void)bytes;
}
static inline void mk_sanitize_arrived_inside(mk_sanitize_fiber_t *s) { (void)s; }
static inline void mk_sanitize_going_outside(mk_sanitize_fiber_t *s, bool for_good) { (void)s, (void)for_good; }
static inline void mk_sanitize_arrived_outside(mk_sanitize_fiber_t *s) { (void)s; }
static inline void mk_sanitize_borrow_begin(mk_sanitize_fiber_t *s) { (void)s; }
static inline void mk_sanitize_borrow_begun(mk_sanitize_fiber_t *s) { (void)s; }
static inline void mk_sanitize_borrow_ending(mk_sanitize_fiber_t *s, const void *low, size_t bytes) {
    (void)s, (void)low, (void)bytes;
}
static inline void mk_sanitize_borrow_end(mk_sanitize_fiber_t *s) { (void)s; }

#endif

/* Before a fiber begins another function: what the sanitizer knew of the last one is void. */
static inline void mk_sanitize_fiber_fresh(mk_sanitize_fiber_t *s) {
    mk_sanitize_fiber_fini(s);
    mk_sanitize_fiber_init(s);
}

#endif
