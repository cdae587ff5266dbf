/* SPDX-License-Identifier: Apache-2.0 */
/* The power goes at every single point of a run of puts and deletes, again and again. Whatever the disk forgets: what was
 * acknowledged is there afterwards, or something that was asked for later; nothing else ever is. */
#include "rig/random.h"
#include "store/play.h"

enum { NAMES = 6, STEPS = 12, WANTED_MAX = 64 };

/* What a name may be after the power has come back: 0: gone, else the number that was put. */
typedef struct hopes {
    uint32_t could[WANTED_MAX]; /* the last that was acknowledged first, then all that was asked for after it */
    unsigned n;
} hopes_t;

typedef struct wish {
    bool     used, come;
    unsigned name;
    uint32_t number;
} wish_t;

static hopes_t  hopes[NAMES];
static wish_t   wishes[64];
static uint32_t counter;

static void granted(void *arg, mk_err_t err, const uint8_t *value, size_t size, uint64_t mark) {
    wish_t  *wish = arg;
    hopes_t *h = &hopes[wish->name];
    (void)value, (void)size, (void)mark;
    wish->used = false;
    if (err != MK_OK && !(err == MK_ERR_NOTFOUND && wish->number == 0)) return; /* it may have happened all the same */
    if (err == MK_ERR_NOTFOUND) {
        /* Nothing was there at that time: what had failed before may still come up later. */
        return;
    }
    unsigned at = 0;
    while (at < h->n && !(h->could[at] == wish->number && (wish->number != 0 || at != 0))) at++;
    CHECK(at < h->n);
    memmove(h->could, h->could + at, (h->n - at) * sizeof h->could[0]);
    h->n -= at;
}

static wish_t *new_wish(unsigned name, uint32_t number) {
    for (unsigned i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        if (wishes[i].used) continue;
        wishes[i] = (wish_t){.used = true, .name = name, .number = number};
        return &wishes[i];
    }
    CHECK(false);
    return NULL;
}

static void wish_for(rig_random_t *r) {
    unsigned name = rig_random_below(r, NAMES);
    char     text_of_name[8], value[32 + 6000];
    hopes_t *h = &hopes[name];
    if (h->n == WANTED_MAX) return;
    bool     gone = rig_random_below(r, 3) == 0;
    uint32_t number = gone ? 0 : ++counter;
    snprintf(text_of_name, sizeof text_of_name, "n%u", name);
    memset(value, 'x', sizeof value);
    int      head = snprintf(value, sizeof value, "%u ", (unsigned)number);
    size_t   size = (size_t)head + rig_random_below(r, 2) * rig_random_below(r, 6000); /* small ones and large ones */
    wish_t  *wish = new_wish(name, number);
    mk_err_t err = gone ? mk_store_delete(store, text(text_of_name), granted, wish)
                        : mk_store_put(store, text(text_of_name), (mk_slice_t){value, size}, 0, granted, wish);
    CHECK_EQ(err, MK_OK);
    h->could[h->n++] = number;
}

static uint32_t number_of(const char *value) {
    if (strcmp(value, "NOTFOUND") == 0) return 0;
    char         *end;
    unsigned long number = strtoul(value, &end, 10);
    CHECK(*end == ' ');
    return (uint32_t)number;
}

static void check_all(void) {
    for (unsigned name = 0; name < NAMES; name++) {
        char     text_of_name[8];
        hopes_t *h = &hopes[name];
        snprintf(text_of_name, sizeof text_of_name, "n%u", name);
        uint32_t now = number_of(get(text_of_name));
        bool     hoped = false;
        for (unsigned i = 0; i < h->n; i++) hoped = hoped || h->could[i] == now;
        CHECK(hoped);
        h->could[0] = now; /* from here on it is a fact */
        h->n = 1;
    }
}

/* One life after the other on one disk; the power goes at a point that the seed says, or not. */
static void live(uint64_t seed, unsigned lives) {
    rig_random_t r = {.state = seed * 2 + 1};
    mk_fake_reset(seed);
    mk_fake_disk_reset();
    memset(hopes, 0, sizeof hopes);
    for (unsigned i = 0; i < NAMES; i++) hopes[i].n = 1;
    counter = 0;
    for (unsigned life = 0; life < lives; life++) {
        memset(wishes, 0, sizeof wishes);
        if (rig_random_below(&r, 4) == 0)
            mk_fake_disk_power_off_at(1 + rig_random_below(&r, 12)); /* maybe while recovering */
        open_store();
        for (int i = 0; i < 5; i++) mk_loop_run(&loop, 0);
        if (!mk_fake_disk_is_off()) {
            mk_fake_disk_power_off_at(1 + rig_random_below(&r, 40));
            for (unsigned step = 0; step < STEPS; step++) {
                for (unsigned n = rig_random_below(&r, 4); n > 0; n--) wish_for(&r);
                for (unsigned n = rig_random_below(&r, 4); n > 0; n--) mk_loop_run(&loop, 0);
            }
        }
        if (rig_random_below(&r, 2) == 0)
            for (int i = 0; i < 50; i++) mk_loop_run(&loop, 0);
        close_store();
        mk_fake_disk_power_on(seed * 1000 + life);
        open_store();
        check_all();
        close_store();
        if (rig_random_below(&r, 3) == 0)
            mk_fake_disk_power_on(seed * 1000 + life + 500); /* nothing was under way but clean-ups */
    }
}

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
