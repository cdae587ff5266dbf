/* SPDX-License-Identifier: Apache-2.0 */
/* idmap.h -- a table from 32-bit sequence numbers to pointers in which a number is given once and never again.
 *
 * A power of two of slots; the low bits of a number select its slot, so a look-up is one load and one compare. A slot
 * that is freed waits with the next number it will give: its last plus the number of slots. Growing splits each slot
 * in two, and both halves go on above every number either has given. Numbers start at 1, or where the owner says: then they
 * go on to the last, from there to 1, and end before the first. 0 is never given. */
#ifndef MK_BASE_IDMAP_H
#define MK_BASE_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "microkernel/error.h"

typedef struct mk_idslot {
    void    *value; /* NULL: free                                                */
    uint32_t seq;   /* in use: its number; free: the number it gives next        */
    uint32_t next;  /* free: index of the next free slot, MK_IDMAP_END at the end */
} mk_idslot_t;

#define MK_IDMAP_END UINT32_MAX

typedef struct mk_idmap {
    mk_idslot_t *slots;
    uint32_t     mask;   /* slots - 1                                             */
    uint32_t     free;   /* head of the free slots, most recently freed first     */
    uint32_t     live;
    uint32_t     first;  /* the number it began with                              */
    bool         wraps;  /* numbers may come again after 2^32 (timers, not actors) */
} mk_idmap_t;

/* `slots` is a power of two. MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_idmap_init(mk_idmap_t *map, uint32_t slots, bool wraps);
/* The same, beginning with `first`, which is not 0. */
MK_MUST_CHECK mk_err_t mk_idmap_init_at(mk_idmap_t *map, uint32_t slots, bool wraps, uint32_t first);
void                   mk_idmap_fini(mk_idmap_t *map);

/* Takes the next number for `value` (not NULL). MK_ERR_NOMEM; MK_ERR_LIMIT: all numbers were given. */
MK_MUST_CHECK mk_err_t mk_idmap_add(mk_idmap_t *map, void *value, uint32_t *seq);

/* The same with the last number in line: one that stays out of the way of those who count 1, 2, 3. Looks at every free slot. */
MK_MUST_CHECK mk_err_t mk_idmap_add_last(mk_idmap_t *map, void *value, uint32_t *seq);

/* Grows now rather than in a later add. */
MK_MUST_CHECK mk_err_t mk_idmap_grow(mk_idmap_t *map);

/* The number is in use. */
void mk_idmap_remove(mk_idmap_t *map, uint32_t seq);

static inline void *mk_idmap_get(const mk_idmap_t *map, uint32_t seq) {
    const mk_idslot_t *slot = &map->slots[seq & map->mask];
    return mk_likely(slot->seq == seq) ? slot->value : NULL; /* a free slot's value is NULL */
}

/* The number, which is in use, stands for another value from now on. */
static inline void mk_idmap_replace(mk_idmap_t *map, uint32_t seq, void *value) {
    map->slots[seq & map->mask].value = value;
}

static inline uint32_t mk_idmap_slots(const mk_idmap_t *map) { return map->mask + 1; }

#endif
