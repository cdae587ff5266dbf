/* SPDX-License-Identifier: Apache-2.0 */
/* The power goes at every single point of a run of puts and deletes, again and again. Whatever the disk forgets: what was
 * acknowledged is there afterwards, or something that was asked for later; nothing else ever is. */
#include "store/play.h"

enum { CUT_OPENING = 12, CUT_LIVING = 40 };
static void cut_at(unsigned point) { mk_fake_disk_power_off_at(point); }
static bool is_off(void) { return mk_fake_disk_is_off(); }
static void power_on(uint64_t seed) { mk_fake_disk_power_on(seed); }

#include "store/lives.h"

TEST(what_was_acknowledged_survives_every_loss_of_power) {
    for (uint64_t seed = 1; seed <= 300; seed++) live(seed, 8);
}

/* Not by chance but at each point of one and the same run. */
TEST(the_power_may_go_at_any_single_point) {
    for (unsigned at = 1; at < 60; at++) {
        for (uint64_t forget = 0; forget < 8; forget++) {
            fresh();
            mk_fake_disk_power_off_at(at);
            mk_err_t first = put("a", "1"), second = put("a", "2"), third = drop("a"), fourth = put("a", "4"),
                     other = put("b", "x"), fifth = drop("a"), last = put("b", "y");
            close_store();
            mk_fake_disk_power_on(forget * 97 + at);
            open_store();
            static char a[8200], b[8200];
            snprintf(a, sizeof a, "%s", get("a"));
            snprintf(b, sizeof b, "%s", get("b"));
            close_store();
            bool gone = strcmp(a, "NOTFOUND") == 0;
            if (fifth == MK_OK) CHECK(gone);
            else if (fourth == MK_OK) CHECK(gone || strcmp(a, "4") == 0);
            else if (third == MK_OK) CHECK(gone || strcmp(a, "4") == 0);
            else if (second == MK_OK) CHECK(gone || strcmp(a, "2") == 0 || strcmp(a, "4") == 0);
            else if (first == MK_OK) CHECK(gone || strcmp(a, "1") == 0 || strcmp(a, "2") == 0 || strcmp(a, "4") == 0);
            if (last == MK_OK) CHECK_STR(b, "y");
            else if (other == MK_OK) CHECK(strcmp(b, "x") == 0 || strcmp(b, "y") == 0);
        }
    }
}

/* A call of the disk fails, and the store goes on: what it acknowledges later may not lose against what it could not finish. */
static void live_with_failures(uint64_t seed, unsigned lives) {
    rig_random_t r = {.state = seed * 2 + 1};
    mk_fake_reset(seed);
    mk_fake_disk_reset();
    memset(hopes, 0, sizeof hopes);
    for (unsigned i = 0; i < NAMES; i++) hopes[i].n = 1;
    counter = 0;
    for (unsigned life = 0; life < lives; life++) {
        memset(wishes, 0, sizeof wishes);
        open_store();
        for (int i = 0; i < 5; i++) mk_loop_run(&loop, 0);
        for (unsigned step = 0; step < STEPS; step++) {
            mk_fake_disk_fail_later(rig_random_below(&r, 12), 1 + rig_random_below(&r, 3), MK_ERR_IO);
            for (unsigned n = rig_random_below(&r, 4); n > 0; n--) wish_for(&r);
            for (int i = 0; i < 20; i++) mk_loop_run(&loop, 0);
        }
        mk_fake_disk_fail(0, MK_OK);
        close_store();
        if (rig_random_below(&r, 2) == 0) mk_fake_disk_power_on(seed * 1000 + life);
        open_store();
        check_all();
        close_store();
        if (rig_random_below(&r, 2) == 0) mk_fake_disk_power_on(seed * 1000 + life + 500); /* what was found stays */
    }
}

TEST(what_was_acknowledged_survives_a_disk_that_fails_now_and_then) {
    for (uint64_t seed = 1; seed <= 300; seed++) live_with_failures(seed, 8);
}

/* A process is killed when a value is written and not on the disk yet: the next one finds it, and goes on from there. */
TEST(what_the_life_before_never_synced_is_made_to_last_before_anything_is_written_over) {
    for (unsigned at = 1; at < 12; at++) {
        for (uint64_t forget = 0; forget < 16; forget++) {
            fresh();
            CHECK_EQ(put("k", "1"), MK_OK);
            mk_fake_disk_fail_later(1, 2, MK_ERR_IO); /* the sync, and taking the file away */
            CHECK_EQ(put("k", "2"), MK_ERR_IO);
            close_store();
            open_store();
            CHECK_STR(get("k"), "2");
            mk_fake_disk_power_off_at(at);
            mk_err_t third = put("k", "3"), fourth = put("k", "4");
            close_store();
            mk_fake_disk_power_on(forget * 97 + at);
            open_store();
            const char *now = get("k");
            bool        is_4 = strcmp(now, "4") == 0, is_3 = strcmp(now, "3") == 0;
            CHECK(is_4 || (fourth != MK_OK && (is_3 || (third != MK_OK && strcmp(now, "2") == 0))));
            close_store();
        }
    }
}

/* The same where there is no room for a word about what is gone. */
TEST(the_power_may_go_at_any_point_of_a_delete_on_a_full_disk) {
    for (unsigned at = 1; at < 12; at++) {
        for (uint64_t forget = 0; forget < 16; forget++) {
            fresh();
            CHECK_EQ(put("a", "1"), MK_OK);
            CHECK_EQ(put("a", "2"), MK_OK);
            CHECK_EQ(put("b", "x"), MK_OK);
            mk_fake_disk_space(0);
            mk_fake_disk_power_off_at(at);
            mk_err_t first = drop("a"), second = drop("b");
            close_store();
            mk_fake_disk_power_on(forget * 97 + at);
            open_store();
            static char a[4200];
            snprintf(a, sizeof a, "%s", get("a"));
            CHECK(strcmp(a, "NOTFOUND") == 0 || (first != MK_OK && strcmp(a, "2") == 0));
            const char *b = get("b");
            CHECK(strcmp(b, "NOTFOUND") == 0 || (second != MK_OK && strcmp(b, "x") == 0));
            close_store();
        }
    }
}
