/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c -- see pool.h. A slab is in one of four places:
 *   current   of its class: used counts one extra, so it never reaches notify (0) and cannot leave by itself;
 *   full      in no list: notify is capacity - 1, so the first block that comes back makes it partial;
 *   partial   in its class's list: notify is 0;
 *   empty     of no class, kept up to keep_bytes. */
#include "base/pool.h"

#include "base/mem.h"

static const uint16_t class_bytes[MK_POOL_CLASSES] = {64,  80,  96,  112, 128, 160, 192,
                                                      256, 320, 384, 512, 640, 800, 1088};

/* Index: size in grains; value: the smallest class that holds it. */
/* clang-format off */
const uint8_t mk_pool_class_of[MK_POOL_BLOCK_MAX / MK_POOL_GRAIN + 1] = {
    0,  0,  0,  0,  0,                                              /* .. 64   */
    1,  2,  3,  4,                                                  /* 80 96 112 128 */
    5,  5,  6,  6,                                                  /* 160 192 */
    7,  7,  7,  7,                                                  /* 256     */
    8,  8,  8,  8,                                                  /* 320     */
    9,  9,  9,  9,                                                  /* 384     */
    10, 10, 10, 10, 10, 10, 10, 10,                                 /* 512     */
    11, 11, 11, 11, 11, 11, 11, 11,                                 /* 640     */
    12, 12, 12, 12, 12, 12, 12, 12, 12, 12,                         /* 800     */
    13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, /* 1088 */
};
/* clang-format on */

/* The slab's own words fill the first cache line or two; blocks start on a line. */
enum { SLAB_HEAD_BYTES = (sizeof(mk_slab_t) + 63) / 64 * 64 };

void mk_pool_init(mk_pool_t *pool, size_t keep_bytes) { *pool = (mk_pool_t){.keep_bytes = keep_bytes}; }

static void list_add(mk_slab_t **head, mk_slab_t *slab) {
    slab->prev = NULL;
    slab->next = *head;
    if (slab->next != NULL) slab->next->prev = slab;
    *head = slab;
}

static void list_drop(mk_slab_t **head, mk_slab_t *slab) {
    if (slab->prev != NULL) slab->prev->next = slab->next;
    else *head = slab->next;
    if (slab->next != NULL) slab->next->prev = slab->prev;
}

static void slab_release(mk_pool_t *pool, mk_slab_t *slab) {
    pool->bytes -= MK_POOL_SLAB_BYTES;
    mk_unpoison(slab, MK_POOL_SLAB_USED);
    mk_aligned_free(slab);
}

void mk_pool_fini(mk_pool_t *pool) {
    for (unsigned c = 0; c < MK_POOL_CLASSES; c++) {
        mk_slab_t *slab = pool->current[c];
        if (slab == NULL) continue;
        mk_assert(slab->used == 1); /* the current slab's extra one */
        slab_release(pool, slab);
    }
    for (mk_slab_t *slab; (slab = pool->empty) != NULL;) {
        pool->empty = slab->next;
        slab_release(pool, slab);
    }
    mk_assert(pool->bytes == 0);
}

static mk_slab_t *slab_get(mk_pool_t *pool, unsigned class_) {
    mk_slab_t *slab = pool->empty;
    if (slab != NULL) {
        list_drop(&pool->empty, slab);
        pool->empty_bytes -= MK_POOL_SLAB_BYTES;
    } else {
        slab = mk_aligned_alloc(MK_POOL_SLAB_BYTES, MK_POOL_SLAB_USED);
        if (slab == NULL) return NULL;
        pool->bytes += MK_POOL_SLAB_BYTES;
    }
    uint32_t block = class_bytes[class_];
    *slab = (mk_slab_t){.fresh = SLAB_HEAD_BYTES,
                        .block = block,
                        .class_ = class_,
                        .capacity = ((uint32_t)MK_POOL_SLAB_USED - SLAB_HEAD_BYTES) / block};
    mk_poison((char *)slab + SLAB_HEAD_BYTES, MK_POOL_SLAB_USED - SLAB_HEAD_BYTES);
    return slab;
}

static void *slab_take(mk_slab_t *slab) {
    mk_block_t *block = slab->free;
    if (block != NULL) {
        mk_unpoison(block, slab->block);
        slab->free = block->next;
    } else {
        if (slab->fresh + slab->block > MK_POOL_SLAB_USED) return NULL;
        block = (mk_block_t *)(void *)((char *)slab + slab->fresh);
        slab->fresh += slab->block;
        mk_unpoison(block, slab->block);
    }
    slab->used++;
    return block;
}

void *mk_pool_refill(mk_pool_t *pool, unsigned class_) {
    mk_slab_t *slab = pool->current[class_];
    if (slab != NULL) {
        void *block = slab_take(slab);
        if (block != NULL) return block;
    }
    mk_slab_t *next = pool->partial[class_];
    if (next != NULL) list_drop(&pool->partial[class_], next);
    else if ((next = slab_get(pool, class_)) == NULL) return NULL;
    if (slab != NULL) { /* the old one is full, and on its own from now on */
        slab->used--;
        slab->notify = slab->capacity - 1;
    }
    next->used++;
    next->notify = 0;
    pool->current[class_] = next;
    return slab_take(next);
}

void mk_pool_settle(mk_pool_t *pool, mk_slab_t *slab) {
    if (slab->notify != 0) { /* was full */
        slab->notify = 0;
        list_add(&pool->partial[slab->class_], slab);
        if (slab->used != 0) return;
    }
    list_drop(&pool->partial[slab->class_], slab);
    if (pool->empty_bytes + MK_POOL_SLAB_BYTES > pool->keep_bytes) {
        slab_release(pool, slab);
        return;
    }
    list_add(&pool->empty, slab);
    pool->empty_bytes += MK_POOL_SLAB_BYTES;
}
