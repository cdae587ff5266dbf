/* SPDX-License-Identifier: Apache-2.0 */
#include "base/idmap.h"
#include "rig/oom.h"
#include "rig/random.h"
#include "rig/rig.h"

/* A value that says which number it was given. */
static char things[4096];

static uint32_t add(mk_idmap_t *map, void *value) {
    uint32_t seq = 0;
    CHECK_EQ(mk_idmap_add(map, value, &seq), MK_OK);
    CHECK(seq != 0);
    return seq;
}

TEST(numbers_begin_at_one_and_go_on_through_growth) {
    mk_idmap_t map;
    CHECK_EQ(mk_idmap_init(&map, 4, false), MK_OK);
    for (uint32_t i = 1; i <= 200; i++) CHECK_EQ(add(&map, &things[i]), i);
    for (uint32_t i = 1; i <= 200; i++) CHECK(mk_idmap_get(&map, i) == &things[i]);
    CHECK_EQ(map.live, 200);
    mk_idmap_fini(&map);
}

TEST(the_last_numbers_leave_the_first_ones_to_others) {
    mk_idmap_t map;
    uint32_t   seq;
    CHECK_EQ(mk_idmap_init(&map, 4, false), MK_OK);
    const uint32_t last[] = {4, 3}, next[] = {1, 2, 5};
    for (size_t i = 0; i < 2; i++) {
        CHECK_EQ(mk_idmap_add_last(&map, &map, &seq), MK_OK);
        CHECK_EQ(seq, last[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ(mk_idmap_add(&map, &map, &seq), MK_OK);
        CHECK_EQ(seq, next[i]);
    }
    CHECK_EQ(mk_idmap_add_last(&map, &map, &seq), MK_OK);
    CHECK_EQ(seq, 8u);
    mk_idmap_fini(&map);
}

TEST(zero_is_nobody_s_number) {
    mk_idmap_t map;
    CHECK_EQ(mk_idmap_init(&map, 2, false), MK_OK);
    CHECK(mk_idmap_get(&map, 0) == NULL);
    for (int i = 0; i < 100; i++) {
        uint32_t seq = add(&map, things);
        CHECK(mk_idmap_get(&map, 0) == NULL);
        mk_idmap_remove(&map, seq);
    }
    mk_idmap_fini(&map);
}

TEST(a_number_given_back_finds_nobody_though_its_slot_is_taken_again) {
    mk_idmap_t map;
    CHECK_EQ(mk_idmap_init(&map, 2, false), MK_OK);
    uint32_t before = add(&map, &things[0]);
    mk_idmap_remove(&map, before);
    uint32_t after = add(&map, &things[1]);
    CHECK_EQ(before & map.mask, after & map.mask);
    CHECK(mk_idmap_get(&map, before) == NULL);
    CHECK(mk_idmap_get(&map, after) == &things[1]);
    mk_idmap_fini(&map);
}

/* ---- against a model ---- */

enum { MODEL_LIVE_MAX = 700, MODEL_NUMBERS = 1 << 19 };
static uint8_t given[MODEL_NUMBERS / 8];

/* By how many come before it from the first on. */
static bool is_given(uint32_t nth) { return given[nth / 8] >> (nth % 8) & 1; }

static void check_all(const mk_idmap_t *map, const uint32_t *live, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) CHECK(mk_idmap_get(map, live[i]) == &things[live[i] % sizeof things]);
    CHECK_EQ(map->live, n);
}

static void run_model(uint64_t seed, uint32_t live_max, uint32_t first) {
    static uint32_t live[MODEL_LIVE_MAX];
    rig_random_t    random = {seed};
    uint32_t        n = 0, stale = 0;
    mk_idmap_t      map;
    memset(given, 0, sizeof given);
    CHECK_EQ(mk_idmap_init_at(&map, 2, false, first), MK_OK);
    for (int step = 0; step < 30000; step++) {
        /* Tides: mostly adding, then mostly removing. */
        bool adding = rig_random_below(&random, 10) < (step / 1000 % 2 == 0 ? 7u : 3u);
        if (n == 0 || (adding && n < live_max)) {
            uint32_t seq = 0;
            /* The value is known only from the number, so it is put in afterwards as an owner would. */
            CHECK_EQ(mk_idmap_add(&map, things, &seq), MK_OK);
            map.slots[seq & map.mask].value = &things[seq % sizeof things];
            uint32_t nth = seq - first;
            CHECK(seq != 0 && nth < MODEL_NUMBERS);
            CHECK(!is_given(nth));
            given[nth / 8] |= (uint8_t)(1u << (nth % 8));
            live[n++] = seq;
        } else {
            uint32_t at = rig_random_below(&random, n);
            stale = live[at];
            mk_idmap_remove(&map, stale);
            live[at] = live[--n];
        }
        if (stale != 0) CHECK(mk_idmap_get(&map, stale) == NULL);
        if (step % 500 == 0) check_all(&map, live, n);
    }
    check_all(&map, live, n);
    mk_idmap_fini(&map);
}

TEST(no_number_is_given_twice_whatever_comes_and_goes) {
    run_model(1, 5, 1);
    run_model(2, 60, 1);
    run_model(3, MODEL_LIVE_MAX, 1);
    run_model(4, MODEL_LIVE_MAX, 1);
}

TEST(no_number_is_given_twice_wherever_they_begin) {
    static const uint32_t firsts[] = {2, 3, 4711, 0x80000001u, 0u - 700u, 0u - 63u, 0u - 2u, UINT32_MAX};
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) run_model(i + 1, 1 + 100 * (uint32_t)i, firsts[i]);
}

TEST(numbers_begin_where_they_are_told_to_and_go_on_in_order_past_the_last) {
    static const uint32_t firsts[] = {1, 6, 0x12345678u, 0u - 10u, 0u - 1u};
    for (size_t k = 0; k < sizeof firsts / sizeof *firsts; k++) {
        mk_idmap_t map;
        uint32_t   expected = firsts[k];
        CHECK_EQ(mk_idmap_init_at(&map, 4, false, firsts[k]), MK_OK);
        for (uint32_t i = 0; i < 200; i++) {
            uint32_t seq = add(&map, &things[i]);
            if (seq != expected)
                CHECK(firsts[k] > 0u - 200u); /* around 0, which is left out, one or the other comes later */
            CHECK(mk_idmap_get(&map, seq) == &things[i]);
            expected++;
        }
        CHECK(mk_idmap_get(&map, 0) == NULL);
        mk_idmap_fini(&map);
    }
}

/* ---- the end of the numbers ---- */

/* As if every slot had served until its number is one of the last `rounds`. */
static void age(mk_idmap_t *map, uint32_t rounds) {
    uint32_t slots = mk_idmap_slots(map);
    for (uint32_t i = 0; i < slots; i++) map->slots[i].seq = (0u - rounds * slots) + i;
}

TEST(when_all_numbers_were_given_there_is_none_and_no_memory_goes_into_looking) {
    mk_idmap_t map;
    CHECK_EQ(mk_idmap_init(&map, 8, false), MK_OK);
    age(&map, 2);
    uint32_t last = 0;
    for (int i = 0; i < 16; i++) { /* two rounds of eight slots, each number once */
        uint32_t seq = add(&map, things);
        CHECK(seq >= 0u - 16u);
        CHECK(seq != last);
        last = seq;
        mk_idmap_remove(&map, seq);
    }
    uint32_t seq = 77;
    for (int i = 0; i < 40; i++) CHECK_EQ(mk_idmap_add(&map, things, &seq), MK_ERR_LIMIT);
    CHECK_EQ(seq, 77);
    CHECK_EQ(mk_idmap_slots(&map), 8);
    CHECK_EQ(map.live, 0);
    CHECK(mk_idmap_get(&map, UINT32_MAX) == NULL && mk_idmap_get(&map, 0) == NULL);
    mk_idmap_fini(&map);
}

TEST(numbers_that_began_elsewhere_end_before_the_first) {
    static const uint32_t firsts[] = {2, 9, 12, 17, 4711, 0u - 5u};
    for (size_t k = 0; k < sizeof firsts / sizeof *firsts; k++) {
        mk_idmap_t map;
        uint32_t   seq, n = 0, last = firsts[k] - 16;
        CHECK_EQ(mk_idmap_init_at(&map, 8, false, firsts[k]), MK_OK);
        for (uint32_t i = 0; i < 8; i++) map.slots[(last + i) & 7].seq = last + i != 0 ? last + i : 8;
        while (mk_idmap_add(&map, things, &seq) == MK_OK) {
            CHECK(seq != 0 && seq - firsts[k] >= 0u - 16u);
            CHECK(n++ < 16);
            mk_idmap_remove(&map, seq);
        }
        CHECK_EQ(n, firsts[k] >= 1 && firsts[k] <= 16 ? 15 : 16); /* 0 was among the last, and is nobody's */
        CHECK_EQ(mk_idmap_slots(&map), 8);
        mk_idmap_fini(&map);
    }
}

TEST(the_last_numbers_are_not_given_twice_when_the_map_grows_at_its_end) {
    mk_idmap_t map;
    uint32_t   got[64], n = 0;
    CHECK_EQ(mk_idmap_init(&map, 4, false), MK_OK);
    age(&map, 3);
    for (;;) {
        uint32_t seq;
        if (mk_idmap_add(&map, things, &seq) != MK_OK) break;
        for (uint32_t i = 0; i < n; i++) CHECK(got[i] != seq);
        CHECK(n < 64);
        got[n++] = seq;
    }
    CHECK(n >= 8 && n <= 12); /* all live: each slot's later numbers moved to the half that could hold them */
    for (uint32_t i = 0; i < n; i++) CHECK(mk_idmap_get(&map, got[i]) == things);
    for (uint32_t i = 0; i < n; i++) mk_idmap_remove(&map, got[i]);
    mk_idmap_fini(&map);
}

TEST(a_map_that_wraps_starts_over_and_never_gives_zero_or_a_number_in_use) {
    mk_idmap_t map;
    CHECK_EQ(mk_idmap_init(&map, 4, true), MK_OK);
    uint32_t held = add(&map, &things[1]);
    for (uint32_t i = 0; i < 4; i++)
        if (map.slots[i].value == NULL) map.slots[i].seq = 0u - 4u + i;
    for (int i = 0; i < 20; i++) {
        uint32_t a = add(&map, &things[2]), b = add(&map, &things[3]);
        CHECK(a != held && b != held && a != b && a != 0 && b != 0);
        mk_idmap_remove(&map, a);
        mk_idmap_remove(&map, b);
    }
    CHECK(mk_idmap_get(&map, held) == &things[1]);
    CHECK_EQ(mk_idmap_slots(&map), 4);
    mk_idmap_fini(&map);
}

TEST(a_map_that_wraps_grows_at_the_end_of_its_numbers) {
    mk_idmap_t map;
    uint32_t   got[16];
    CHECK_EQ(mk_idmap_init(&map, 4, true), MK_OK);
    age(&map, 1);
    for (int i = 0; i < 16; i++) {
        got[i] = add(&map, &things[i]);
        for (int j = 0; j < i; j++) CHECK(got[j] != got[i]);
    }
    for (int i = 0; i < 16; i++) CHECK(mk_idmap_get(&map, got[i]) == &things[i]);
    mk_idmap_fini(&map);
}

/* ---- out of memory ---- */

TEST(growth_that_fails_leaves_the_map_as_it_was) {
    mk_idmap_t map;
    CHECK_EQ(mk_idmap_init(&map, 4, false), MK_OK);
    for (int i = 0; i < 4; i++) add(&map, &things[i]);
    uint32_t seq = 77;
    oom_arm_all();
    CHECK_EQ(mk_idmap_add(&map, things, &seq), MK_ERR_NOMEM);
    CHECK_EQ(mk_idmap_grow(&map), MK_ERR_NOMEM);
    CHECK(oom_disarm());
    CHECK_EQ(seq, 77);
    CHECK_EQ(map.live, 4);
    for (uint32_t i = 1; i <= 4; i++) CHECK(mk_idmap_get(&map, i) == &things[i - 1]);
    CHECK_EQ(add(&map, &things[9]), 5);
    mk_idmap_fini(&map);
}

TEST(a_map_without_memory_is_not_made) {
    mk_idmap_t map;
    oom_arm_all();
    mk_err_t err = mk_idmap_init(&map, 4, false);
    oom_disarm();
    CHECK_EQ(err, MK_ERR_NOMEM);
}
