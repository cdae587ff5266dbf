/* SPDX-License-Identifier: Apache-2.0 */
/* assert.h -- for what only our own mistake can cause; stays in release builds, because a node that goes on with a broken
 * invariant is worse than one that its supervisor restarts. Bytes from outside get an error code instead. */
#ifndef MK_BASE_ASSERT_H
#define MK_BASE_ASSERT_H

#define mk_assert(cond) ((cond) ? (void)0 : mk_assert_failed(#cond, __FILE__, __LINE__))

/* Prints and aborts. */
_Noreturn void mk_assert_failed(const char *cond, const char *file, int line);

#if defined(__GNUC__)
#define mk_likely(x)   __builtin_expect(!!(x), 1)
#define mk_unlikely(x) __builtin_expect(!!(x), 0)
#define MK_NOINLINE    __attribute__((noinline))
#define mk_prefetch(p) __builtin_prefetch(p) /* any address, even one that is not mapped */
#else
#define mk_likely(x)   (x)
#define mk_unlikely(x) (x)
#define MK_NOINLINE
#define mk_prefetch(p) ((void)(p))
#endif

/* The struct that holds `ptr` as its member. */
#define mk_container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
