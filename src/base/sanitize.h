/* SPDX-License-Identifier: Apache-2.0 */
/* sanitize.h -- tells the address sanitizer which bytes of a recycled block are nobody's, so that a use after free is
 * found in our own pools too. Nothing in other builds. */
#ifndef MK_BASE_SANITIZE_H
#define MK_BASE_SANITIZE_H

#if defined(__SANITIZE_ADDRESS__)
#define MK_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MK_ASAN 1
#endif
#endif

#ifdef MK_ASAN
#include <sanitizer/asan_interface.h>
#define mk_poison(p, size)   ASAN_POISON_MEMORY_REGION(p, size)
#define mk_unpoison(p, size) ASAN_UNPOISON_MEMORY_REGION(p, size)
#else
#define mk_poison(p, size)   ((void)(p), (void)(size))
#define mk_unpoison(p, size) ((void)(p), (void)(size))
#endif

#endif
