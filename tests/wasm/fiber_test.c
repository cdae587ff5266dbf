/* SPDX-License-Identifier: Apache-2.0 */
/* fiber_test.c -- leaving a stack and going back to it. */
#include "wasm/fiber/fiber.h"

#include "rig/oom.h"
#include "rig/rig.h"

enum { STACK = 16 * 1024 };

typedef struct trip {
    mk_fiber_t *fiber;
    int         steps, outside;
} trip_t;

static void walk(void *arg) {
    trip_t *t = arg;
    for (int i = 0; i < 3; i++) {
        t->steps++;
        mk_fiber_leave(t->fiber);
    }
    t->steps = 100;
}

TEST(a_fiber_goes_on_where_it_left) {
    trip_t t = {.fiber = mk_fiber_take(STACK)};
    CHECK(t.fiber != NULL);
    CHECK(!mk_fiber_start(t.fiber, walk, &t));
    CHECK_EQ(t.steps, 1);
    CHECK(!mk_fiber_resume(t.fiber));
    CHECK(!mk_fiber_resume(t.fiber));
    CHECK_EQ(t.steps, 3);
    CHECK(mk_fiber_resume(t.fiber));
    CHECK_EQ(t.steps, 100);
    mk_fiber_give(t.fiber);
    mk_fiber_drain();
    CHECK_EQ(mk_fiber_count(), 0);
}

static void count_outside(void *arg) {
    trip_t       *t = arg;
    volatile char large[STACK * 2]; /* more than the fiber has: it is not the fiber's stack */
    for (size_t i = 0; i < sizeof large; i += 512) large[i] = (char)i;
    t->outside++;
}

static void walk_outside(void *arg) {
    trip_t *t = arg;
    for (int i = 0; i < 5; i++) {
        mk_fiber_outside(t->fiber, count_outside, t);
        if (i % 2 == 0) mk_fiber_leave(t->fiber);
        t->steps++;
    }
}

TEST(a_call_outside_runs_on_the_other_stack_and_comes_back) {
    trip_t t = {.fiber = mk_fiber_take(STACK)};
    CHECK(!mk_fiber_start(t.fiber, walk_outside, &t));
    CHECK(!mk_fiber_resume(t.fiber));
    CHECK(!mk_fiber_resume(t.fiber));
    CHECK(mk_fiber_resume(t.fiber));
    CHECK_EQ(t.outside, 5);
    CHECK_EQ(t.steps, 5);
    mk_fiber_give(t.fiber);
    mk_fiber_drain();
}

/* Values that a compiler keeps in registers across the switch, integers and floating point. */
static void sum_up(void *arg) {
    trip_t *t = arg;
    long    a = 1, b = 2, c = 3, d = 4, e = 5, f = 6;
    double  x = 1.5, y = 2.5;
    for (int i = 0; i < 50; i++) {
        mk_fiber_leave(t->fiber);
        a += b, b += c, c += d, d += e, e += f, f += 1;
        x += y, y *= 1.01;
    }
    t->steps = (int)((a + b + c + d + e + f) % 100003);
    t->outside = (int)x;
}

TEST(registers_survive_switches_between_many_fibers) {
    enum { FIBERS = 20 };
    trip_t t[FIBERS];
    for (int i = 0; i < FIBERS; i++) {
        t[i] = (trip_t){.fiber = mk_fiber_take(STACK)};
        CHECK(!mk_fiber_start(t[i].fiber, sum_up, &t[i]));
    }
    for (bool all = false; !all;) {
        all = true;
        for (int i = 0; i < FIBERS; i++) all &= mk_fiber_resume(t[i].fiber);
    }
    for (int i = 0; i < FIBERS; i++) {
        CHECK_EQ(t[i].steps, t[0].steps);
        CHECK_EQ(t[i].outside, t[0].outside);
        mk_fiber_give(t[i].fiber);
    }
    CHECK(t[0].steps != 0);
    mk_fiber_drain();
    CHECK_EQ(mk_fiber_count(), 0);
}

TEST(a_fiber_given_back_half_way_is_as_good_as_new) {
    for (int i = 0; i < 200; i++) {
        trip_t t = {.fiber = mk_fiber_take(STACK)};
        CHECK(!mk_fiber_start(t.fiber, walk, &t));
        mk_fiber_give(t.fiber);
        CHECK_EQ(mk_fiber_count(), 1);
    }
    mk_fiber_drain();
}

TEST(the_pool_keeps_some_stacks_and_frees_the_rest) {
    mk_fiber_t *fibers[100];
    for (int i = 0; i < 100; i++) fibers[i] = mk_fiber_take(STACK * (1 + (size_t)i % 12)); /* more sizes than shelves */
    CHECK_EQ(mk_fiber_count(), 100);
    for (int i = 0; i < 100; i++) mk_fiber_give(fibers[i]);
    CHECK(mk_fiber_count() < 100);
    mk_fiber_drain();
    CHECK_EQ(mk_fiber_count(), 0);
}

TEST(without_memory_there_is_no_fiber) {
    oom_arm(1);
    CHECK(mk_fiber_take(STACK) == NULL);
    CHECK(oom_disarm());
    CHECK_EQ(mk_fiber_count(), 0);
}
