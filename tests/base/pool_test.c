/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"
#include "rig/oom.h"
#include "rig/random.h"
#include "rig/rig.h"

enum { SLAB = MK_POOL_SLAB_BYTES };

/* Large machines keep thousands of blocks out, a board hundreds. */
enum { BLOCKS = sizeof(void *) == 8 ? 4000 : 300, STEPS = sizeof(void *) == 8 ? 200000 : 20000 };

typedef struct held {
    uint8_t *at;
    uint32_t size;
    uint8_t  fill;
} held_t;

static held_t held[BLOCKS];

static void take(mk_pool_t *pool, held_t *h, uint32_t size, uint8_t fill) {
    h->at = mk_pool_alloc(pool, size);
    CHECK(h->at != NULL);
    CHECK_EQ((uintptr_t)h->at % 16, 0);
    CHECK(mk_pool_block_size(h->at) >= size);
    h->size = size;
    h->fill = fill;
    memset(h->at, fill, size);
}

static void give(mk_pool_t *pool, held_t *h) {
    for (uint32_t i = 0; i < h->size; i++) CHECK_EQ(h->at[i], h->fill);
    mk_pool_free(pool, h->at);
    h->at = NULL;
}

static void give_all(mk_pool_t *pool) {
    for (int i = 0; i < BLOCKS; i++)
        if (held[i].at != NULL) give(pool, &held[i]);
}

TEST(every_size_up_to_the_largest_gets_a_block_that_holds_it) {
    mk_pool_t pool;
    mk_pool_init(&pool, 0);
    for (uint32_t size = 0; size <= MK_POOL_BLOCK_MAX; size++) {
        held_t h;
        take(&pool, &h, size, (uint8_t)size);
        CHECK(mk_pool_block_size(h.at) <= (size <= 64 ? 64u : size + size / 2)); /* and not one far too large */
        give(&pool, &h);
    }
    mk_pool_fini(&pool);
}

TEST(blocks_never_overlap_whatever_comes_and_goes) {
    for (uint64_t seed = 1; seed <= 3; seed++) {
        rig_random_t random = {seed};
        mk_pool_t    pool;
        mk_pool_init(&pool, seed == 1 ? 0 : 4 * (size_t)SLAB);
        memset(held, 0, sizeof held);
        for (int step = 0; step < STEPS; step++) {
            /* Tides that fill and drain, so that slabs go through full, partial and empty. */
            uint32_t reach = step / (STEPS / 8) % 2 == 0 ? BLOCKS : BLOCKS / 20;
            held_t  *h = &held[rig_random_below(&random, BLOCKS)];
            if (h->at != NULL) give(&pool, h);
            else if ((uint32_t)(h - held) < reach)
                take(&pool, h, rig_random_below(&random, MK_POOL_BLOCK_MAX + 1), (uint8_t)step);
        }
        give_all(&pool);
        mk_pool_fini(&pool);
    }
}

/* Fills slabs of one class and gives everything back. */
static void flood(mk_pool_t *pool, uint32_t size, int blocks) {
    for (int i = 0; i < blocks; i++) take(pool, &held[i], size, (uint8_t)i);
    for (int i = 0; i < blocks; i++) give(pool, &held[i]);
}

TEST(a_flood_s_memory_goes_back_to_the_heap_beyond_what_is_kept) {
    mk_pool_t pool;
    mk_pool_init(&pool, 2 * (size_t)SLAB);
    for (int i = 0; i < BLOCKS; i++) take(&pool, &held[i], 1000, (uint8_t)i);
    size_t high = pool.bytes;
    CHECK(high >= 6 * (size_t)SLAB);
    for (int i = 0; i < BLOCKS; i++) give(&pool, &held[i]);
    CHECK(pool.bytes <= 3 * (size_t)SLAB); /* two kept and the one that is in use */
    CHECK(pool.empty_bytes <= pool.keep_bytes);
    mk_pool_fini(&pool);
}

TEST(memory_of_one_size_serves_another_when_it_is_empty) {
    mk_pool_t pool;
    mk_pool_init(&pool, 64 * (size_t)SLAB);
    flood(&pool, 1000, BLOCKS);
    size_t high = pool.bytes;
    flood(&pool, 600, BLOCKS);
    CHECK(pool.bytes <= high + SLAB);
    flood(&pool, 70, BLOCKS);
    CHECK(pool.bytes <= high + 2 * (size_t)SLAB);
    mk_pool_fini(&pool);
}

TEST(the_same_flood_again_needs_no_new_memory) {
    mk_pool_t pool;
    mk_pool_init(&pool, 64 * (size_t)SLAB);
    flood(&pool, 200, BLOCKS);
    size_t high = pool.bytes;
    for (int i = 0; i < 20; i++) flood(&pool, 200, BLOCKS);
    CHECK_EQ(pool.bytes, high);
    mk_pool_fini(&pool);
}

TEST(a_pool_at_the_edge_of_a_slab_does_not_go_to_the_heap_for_each_block) {
    mk_pool_t pool;
    held_t    edge = {0};
    mk_pool_init(&pool, 0); /* nothing is kept but the slab in use */
    int n = 0;
    for (; pool.bytes <= SLAB; n++) take(&pool, &held[n], 1000, 1);
    give(&pool, &held[--n]); /* the block that needed the second slab: now it comes and goes */
    size_t bytes = pool.bytes;
    oom_arm_all();
    for (int i = 0; i < 100; i++) {
        take(&pool, &edge, 1000, 2);
        give(&pool, &edge);
        CHECK_EQ(pool.bytes, bytes);
    }
    CHECK(!oom_disarm());
    while (n > 0) give(&pool, &held[--n]);
    mk_pool_fini(&pool);
}

TEST(without_memory_there_is_no_block_and_what_is_out_stays_usable) {
    mk_pool_t pool;
    mk_pool_init(&pool, 0);
    oom_arm_all();
    CHECK(mk_pool_alloc(&pool, 100) == NULL);
    CHECK(oom_disarm());
    CHECK_EQ(pool.bytes, 0);
    int n = 0;
    for (; pool.bytes <= SLAB; n++) take(&pool, &held[n], 1000, (uint8_t)n);
    oom_arm_all();
    void *none = NULL;
    for (;;) {
        none = mk_pool_alloc(&pool, 1000);
        if (none == NULL) break;
        held[n++] = (held_t){.at = none};
    }
    CHECK(oom_disarm());
    CHECK_EQ(pool.bytes, 2 * (size_t)SLAB);
    /* One back and one out again, with no memory anywhere else. */
    give(&pool, &held[0]);
    oom_arm_all();
    take(&pool, &held[0], 1000, 9);
    CHECK(mk_pool_alloc(&pool, 1000) == NULL);
    oom_disarm();
    while (n > 0) give(&pool, &held[--n]);
    mk_pool_fini(&pool);
}
