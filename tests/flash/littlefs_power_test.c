/* SPDX-License-Identifier: Apache-2.0 */
/* littlefs_power_test.c -- the power goes in every single programming and erasing of the flash that littlefs does for a store: what was
 * acknowledged is there when it has come back, and nothing is there in part. */
#include "flash/littlefs_play.h"

enum { CUT_OPENING = 8, CUT_LIVING = 150 };
static uint64_t cuts;
static void     cut_at(unsigned point) { nor_power_off_at(point, ++cuts); }
static bool     is_off(void) { return nor_is_off(); }
static void     power_on(uint64_t seed) {
        (void)seed;
        nor_power_on();
        littlefs_remount();
}

#include "store/lives.h"

/* Small blocks are compacted and moved all the time. */
static const geometry_t of_small_blocks = {
    1024, 96, {.read_size = 16, .prog_size = 16, .cache_size = 64, .lookahead_size = 8}};

TEST(what_was_acknowledged_survives_every_loss_of_power) {
    for (uint64_t seed = 1; seed <= 6 * PATIENCE; seed++) {
        geometry = seed % 2 == 0 ? &of_a_chip : &of_small_blocks;
        live(seed, 8);
    }
    geometry = &of_a_chip;
}

/* A run that is always the same. What has answered, in this order. */
enum { RUN = 10 };

static const char *of_size(size_t size, char with) {
    static char value[6001];
    memset(value, with, size);
    value[size] = '\0';
    return value;
}

static void run(mk_err_t err[RUN]) {
    err[0] = put("a", of_size(20, '1'));
    err[1] = put("a", of_size(20, '2'));
    err[2] = drop("a");
    err[3] = put("b", of_size(6000, '3'));
    err[4] = put("a", of_size(300, '4'));
    err[5] = put("b", of_size(6000, '5'));
    err[6] = put("b", of_size(1000, '6'));
    err[7] = drop("a");
    err[8] = put("c", of_size(3000, '7'));
    err[9] = put("b", of_size(20, '8'));
}

/* What each of them leaves of a, b and c: 0 is gone. */
static const char   leaves[RUN][2] = {{'a', '1'}, {'a', '2'}, {'a', 0}, {'b', '3'}, {'a', '4'},
                                      {'b', '5'}, {'b', '6'}, {'a', 0}, {'c', '7'}, {'b', '8'}};
static const size_t sizes[] = {20, 20, 0, 6000, 300, 6000, 1000, 0, 3000, 20};

static void check_name(int which, const mk_err_t err[RUN]) {
    char        name[2] = {(char)which, '\0'};
    const char *now = get(name);
    bool        gone = strcmp(now, "NOTFOUND") == 0, fits = gone;
    int         last = -1; /* acknowledged */
    for (int i = 0; i < RUN; i++)
        if (leaves[i][0] == which && err[i] == MK_OK) last = i;
    if (last >= 0) fits = false;
    for (int i = last < 0 ? 0 : last; i < RUN; i++) { /* it, or what was asked for after it */
        if (leaves[i][0] != which || err[i] == MK_ERR_NOTFOUND) continue;
        if (leaves[i][1] == 0) fits = fits || gone;
        else fits = fits || (!gone && strcmp(now, of_size(sizes[i], leaves[i][1])) == 0);
    }
    CHECK(fits);
}

static void cut_everywhere(const geometry_t *on, unsigned before) {
    mk_err_t err[RUN];
    geometry = on;
    fresh();
    for (unsigned i = 0; i < before; i++) CHECK_EQ(put("z", of_size(50, 'z')), MK_OK);
    unsigned from = nor_points();
    run(err);
    unsigned points = nor_points() - from;
    close_store();
    for (unsigned at = 1; at <= points + 4; at++) {
        for (uint64_t seed = 1; seed <= 2; seed++) {
            fresh();
            for (unsigned i = 0; i < before; i++) CHECK_EQ(put("z", of_size(50, 'z')), MK_OK);
            nor_power_off_at(at, seed * 1000 + at);
            run(err);
            boot();
            for (int which = 'a'; which <= 'c'; which++) check_name(which, err);
            if (before != 0) CHECK_STR(get("z"), of_size(50, 'z'));
            CHECK_EQ(put("a", "goes on"), MK_OK);
            boot();
            CHECK_STR(get("a"), "goes on");
            close_store();
        }
    }
    geometry = &of_a_chip;
}

TEST(the_power_may_go_at_every_single_point) {
    cut_everywhere(&of_a_chip, 0);
    cut_everywhere(&of_a_chip, 17); /* where the notes are about to be compacted */
    cut_everywhere(&of_small_blocks, 5);
}

TEST(the_power_may_go_again_while_it_recovers) {
    mk_err_t err[RUN];
    for (unsigned at = 3; at < 100; at += 5) {
        for (unsigned again_at = 1; again_at <= 6; again_at++) {
            fresh();
            nor_power_off_at(at, at);
            run(err);
            close_store();
            nor_power_on();
            littlefs_remount();
            nor_power_off_at(again_at, again_at);
            open_store();
            for (int i = 0; i < 5; i++) mk_loop_run(&loop, 0);
            boot();
            for (int which = 'a'; which <= 'c'; which++) check_name(which, err);
            close_store();
        }
    }
}
