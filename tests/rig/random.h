/* SPDX-License-Identifier: Apache-2.0 */
/* random.h -- the same numbers on every machine and in every run: a failed model test can be run again. */
#ifndef MK_TESTS_RANDOM_H
#define MK_TESTS_RANDOM_H

#include <stdint.h>

typedef struct rig_random {
    uint64_t state; /* not 0 */
} rig_random_t;

/* xorshift64*. */
static inline uint64_t rig_random_next(rig_random_t *r) {
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * 0x2545f4914f6cdd1du;
}

/* From 0 to n - 1. */
static inline uint32_t rig_random_below(rig_random_t *r, uint32_t n) {
    return (uint32_t)((rig_random_next(r) >> 32) * n >> 32);
}

#endif
