/* SPDX-License-Identifier: Apache-2.0 */
/* pages_test.c -- pages for guests: new ones are zero, grown ones keep what they held, and there may be none left. */
#include <string.h>

#include "port/port.h"
#include "rig/oom.h"
#include "rig/rig.h"

static bool all_are(const uint8_t *bytes, size_t count, uint8_t value) {
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != value) return false;
    }
    return true;
}

TEST(new_pages_are_zero_and_old_ones_keep_what_they_held) {
    static const size_t sizes[] = {1, 100, 3072, 4096, 4097, 65536, 65552, 131072, 1048576};
    enum { SIZES = sizeof sizes / sizeof sizes[0] };
    uint8_t *base = NULL;
    size_t   before = 0;
    for (size_t i = 0; i < SIZES; i++) {
        base = mk_port_pages_resize(base, before, sizes[i]);
        CHECK(base != NULL);
        CHECK(all_are(base, before, 0xA5));
        CHECK(all_are(base + before, sizes[i] - before, 0));
        memset(base, 0xA5, sizes[i]);
        before = sizes[i];
    }
    CHECK(mk_port_pages_resize(base, before, 0) == NULL);
}

TEST(many_grow_beside_each_other) {
    enum { MANY = 64, FIRST = 20000 };
    uint8_t *base[MANY];
    for (size_t i = 0; i < MANY; i++) {
        CHECK((base[i] = mk_port_pages_resize(NULL, 0, FIRST)) != NULL);
        memset(base[i], (int)i + 1, FIRST);
    }
    for (size_t i = 0; i < MANY; i += 2) CHECK(mk_port_pages_resize(base[i], FIRST, 0) == NULL);
    for (size_t i = 1; i < MANY; i += 2) {
        CHECK((base[i] = mk_port_pages_resize(base[i], FIRST, 4 * FIRST)) != NULL);
        CHECK(all_are(base[i], FIRST, (uint8_t)(i + 1)) && all_are(base[i] + FIRST, 3 * FIRST, 0));
    }
    for (size_t i = 1; i < MANY; i += 2) CHECK(mk_port_pages_resize(base[i], 4 * FIRST, 0) == NULL);
}

TEST(without_memory_everything_is_as_before) {
    oom_arm(1);
    CHECK(mk_port_pages_resize(NULL, 0, 5000) == NULL);
    CHECK(oom_disarm());
    uint8_t *base = mk_port_pages_resize(NULL, 0, 5000);
    CHECK(base != NULL);
    base[4999] = 7;
    oom_arm(1);
    CHECK(mk_port_pages_resize(base, 5000, 50000) == NULL);
    CHECK(oom_disarm());
    CHECK_EQ(base[4999], 7);
    CHECK(mk_port_pages_resize(base, 5000, 0) == NULL);
    CHECK(mk_port_pages_resize(NULL, 0, SIZE_MAX) == NULL);
}
