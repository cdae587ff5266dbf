/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h -- small blocks in size classes for one thread: messages, actors, timers.
 *
 * Memory comes in slabs, each aligned to its own size and cut into blocks of one class, so a block finds its slab by a
 * mask and is given back without knowing its size. A slab whose last block comes back is kept for any class up to a
 * limit, so that a flood recycles warm pages, and returned to the heap beyond that, so that a flood does not own the
 * memory for ever. */
#ifndef MK_BASE_POOL_H
#define MK_BASE_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/sanitize.h"

enum {
    MK_POOL_GRAIN = 16,          /* classes are multiples of this, and blocks are aligned to it   */
    MK_POOL_BLOCK_MAX = 1088,    /* larger blocks are the heap's business                         */
    MK_POOL_CLASSES = 14,
    /* A gateway amortises, and untouched pages cost it nothing; a small chip must not lock up memory in fourteen half-used
     * slabs. */
    MK_POOL_SLAB_BYTES = sizeof(void *) == 8 ? 262144 : 4096,
    /* What is asked of the heap: a little less, so that a heap that puts its header in front can line up one slab behind
     * the other. */
    MK_POOL_SLAB_USED = MK_POOL_SLAB_BYTES - 32,
};

typedef struct mk_block {
    struct mk_block *next;
} mk_block_t;

typedef struct mk_slab {
    mk_block_t     *free;     /* blocks that came back, last first                                              */
    uint32_t        used;     /* blocks out; one more while the slab is its class's current one                 */
    uint32_t        notify;   /* when `used` falls to this the slab changes lists                               */
    uint32_t        fresh;    /* offset of the first block never given out: untouched pages stay untouched      */
    uint32_t        block;    /* bytes                                                                          */
    uint32_t        class_;
    uint32_t        capacity; /* blocks                                                                         */
    struct mk_slab *next, *prev; /* among the partly used ones of its class, or the empty ones                  */
} mk_slab_t;

typedef struct mk_pool {
    mk_slab_t *current[MK_POOL_CLASSES]; /* blocks are taken from here; NULL before the first  */
    mk_slab_t *partial[MK_POOL_CLASSES]; /* have blocks to give, and some out                  */
    mk_slab_t *empty;                    /* belong to no class                                 */
    size_t     empty_bytes, keep_bytes;
    size_t     bytes;                    /* held from the heap                                 */
} mk_pool_t;

extern const uint8_t mk_pool_class_of[MK_POOL_BLOCK_MAX / MK_POOL_GRAIN + 1];

void mk_pool_init(mk_pool_t *pool, size_t keep_bytes);

/* Every block must be back; gives all memory to the heap. */
void mk_pool_fini(mk_pool_t *pool);

/* Slow paths of the two calls below. */
void *mk_pool_refill(mk_pool_t *pool, unsigned class_);
void  mk_pool_settle(mk_pool_t *pool, mk_slab_t *slab);

static inline unsigned mk_pool_class(size_t size) {
    return mk_pool_class_of[(size + MK_POOL_GRAIN - 1) / MK_POOL_GRAIN];
}

/* A block that came back and lies ready; NULL when there is none at hand. `size` as below. */
static inline void *mk_pool_alloc_ready(mk_pool_t *pool, size_t size) {
    mk_slab_t *slab = pool->current[mk_pool_class(size)];
    if (mk_unlikely(slab == NULL || slab->free == NULL)) return NULL;
    mk_block_t *block = slab->free;
    mk_unpoison(block, slab->block);
    slab->free = block->next;
    slab->used++;
    return block;
}

/* `size` is at most MK_POOL_BLOCK_MAX. Uninitialised; NULL when out of memory. */
static inline void *mk_pool_alloc(mk_pool_t *pool, size_t size) {
    void *block = mk_pool_alloc_ready(pool, size);
    return mk_likely(block != NULL) ? block : mk_pool_refill(pool, mk_pool_class(size));
}

static inline mk_slab_t *mk_pool_slab_of(void *block) {
    return (mk_slab_t *)((uintptr_t)block & ~(uintptr_t)(MK_POOL_SLAB_BYTES - 1));
}

/* Bytes in the block, at least what was asked for. */
static inline size_t mk_pool_block_size(void *block) { return mk_pool_slab_of(block)->block; }

static inline void mk_pool_free(mk_pool_t *pool, void *p) {
    mk_slab_t  *slab = mk_pool_slab_of(p);
    mk_block_t *block = p;
    block->next = slab->free;
    slab->free = block;
    mk_poison(block, slab->block);
    if (mk_unlikely(--slab->used == slab->notify)) mk_pool_settle(pool, slab);
}

#endif
