/* SPDX-License-Identifier: Apache-2.0 */
/* lives.h -- puts and deletes by chance, one life of a store after the other on one disk, and what has to be there after each. Who
 * includes it has included play.h and says what the power is:
 *     cut_at(point)      it goes in so many points from now on
 *     is_off()           whether it has gone
 *     power_on(seed)     it goes if it has not, and comes again
 *     CUT_OPENING, CUT_LIVING   about how many points there are in an opening, and in a life */
#ifndef MK_TESTS_STORE_LIVES_H
#define MK_TESTS_STORE_LIVES_H

#include "rig/random.h"

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

static inline void granted(void *arg, mk_err_t err, const uint8_t *value, size_t size, uint64_t mark) {
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

static inline wish_t *new_wish(unsigned name, uint32_t number) {
    for (unsigned i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        if (wishes[i].used) continue;
        wishes[i] = (wish_t){.used = true, .name = name, .number = number};
        return &wishes[i];
    }
    CHECK(false);
    return NULL;
}

static inline void wish_for(rig_random_t *r) {
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

static inline uint32_t number_of(const char *value) {
    if (strcmp(value, "NOTFOUND") == 0) return 0;
    char         *end;
    unsigned long number = strtoul(value, &end, 10);
    CHECK(*end == ' ');
    return (uint32_t)number;
}

static inline void check_all(void) {
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
static inline void live(uint64_t seed, unsigned lives) {
    rig_random_t r = {.state = seed * 2 + 1};
    mk_fake_reset(seed);
    RESET_DISK();
    memset(hopes, 0, sizeof hopes);
    for (unsigned i = 0; i < NAMES; i++) hopes[i].n = 1;
    counter = 0;
    for (unsigned life = 0; life < lives; life++) {
        memset(wishes, 0, sizeof wishes);
        if (rig_random_below(&r, 4) == 0)
            cut_at(1 + rig_random_below(&r, CUT_OPENING)); /* maybe while recovering */
        open_store();
        for (int i = 0; i < 5; i++) mk_loop_run(&loop, 0);
        if (!is_off()) {
            cut_at(1 + rig_random_below(&r, CUT_LIVING));
            for (unsigned step = 0; step < STEPS; step++) {
                for (unsigned n = rig_random_below(&r, 4); n > 0; n--) wish_for(&r);
                for (unsigned n = rig_random_below(&r, 4); n > 0; n--) mk_loop_run(&loop, 0);
            }
        }
        if (rig_random_below(&r, 2) == 0)
            for (int i = 0; i < 50; i++) mk_loop_run(&loop, 0);
        close_store();
        power_on(seed * 1000 + life);
        open_store();
        check_all();
        close_store();
        if (rig_random_below(&r, 3) == 0)
            power_on(seed * 1000 + life + 500); /* nothing was under way but clean-ups */
    }
}

#endif
