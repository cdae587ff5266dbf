/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/timers.h"

#include "base/assert.h"
#include "rig/random.h"
#include "rig/rig.h"

/* ---- a timer that notes when it was called ---- */

typedef struct probe {
    mk_timer_t timer;
    unsigned   calls;
    uint64_t   called_ms; /* the wheel's time at the last call */
    uint64_t   order;     /* how many calls came before        */
} probe_t;

static uint64_t calls_in_all, last_due_ms;
static bool     out_of_order;

static void note(mk_wheel_t *wheel, mk_timer_t *timer) {
    probe_t *p = mk_container_of(timer, probe_t, timer);
    p->calls++;
    p->called_ms = wheel->now_ms;
    p->order = calls_in_all++;
    if (timer->due_ms < last_due_ms) out_of_order = true;
    last_due_ms = timer->due_ms;
}

static mk_wheel_t wheel; /* static: six kilobytes are a lot for a board's stack */

static void start(uint64_t now_ms) {
    mk_wheel_init(&wheel, now_ms);
    calls_in_all = last_due_ms = 0;
    out_of_order = false;
}

static void arm(probe_t *p, uint64_t due_ms) {
    *p = (probe_t){.timer.fn = note};
    mk_wheel_arm(&wheel, &p->timer, due_ms);
}

TEST(a_timer_is_called_in_its_own_millisecond_and_once) {
    probe_t p;
    start(1000);
    arm(&p, 1005);
    CHECK(mk_timer_is_armed(&p.timer));
    mk_wheel_advance(&wheel, 1004);
    CHECK_EQ(p.calls, 0);
    mk_wheel_advance(&wheel, 1005);
    CHECK_EQ(p.calls, 1);
    CHECK(!mk_timer_is_armed(&p.timer));
    mk_wheel_advance(&wheel, 5000);
    CHECK_EQ(p.calls, 1);
    CHECK_EQ(wheel.armed, 0);
}

TEST(a_time_that_has_passed_is_the_next_millisecond) {
    probe_t p, q;
    start(1000);
    arm(&p, 0);
    arm(&q, 1000);
    CHECK_EQ(mk_wheel_next_ms(&wheel), 1001);
    mk_wheel_advance(&wheel, 1000);
    CHECK_EQ(p.calls + q.calls, 0);
    mk_wheel_advance(&wheel, 1001);
    CHECK_EQ(p.calls + q.calls, 2);
}

TEST(timers_on_both_sides_of_every_level_are_called_on_time) {
    static const uint64_t starts[] = {0, 1, 63, 64, 4095, 4096, 262143, (1ull << 36) - 1, (1ull << 60) - 3};
    for (unsigned s = 0; s < sizeof starts / sizeof *starts; s++) {
        for (unsigned bit = 0; bit < 63; bit++) {
            probe_t  before = {0}, at = {0}, after = {0};
            uint64_t due = starts[s] + (1ull << bit);
            start(starts[s]);
            arm(&before, due - 1);
            arm(&at, due);
            arm(&after, due + 1);
            if (due - 1 > starts[s]) {
                mk_wheel_advance(&wheel, due - 2);
                CHECK_EQ(before.calls, 0);
                mk_wheel_advance(&wheel, due - 1);
            }
            CHECK_EQ(at.calls, 0);
            mk_wheel_advance(&wheel, due);
            CHECK_EQ(before.calls, 1);
            CHECK_EQ(at.calls, 1);
            CHECK_EQ(after.calls, 0);
            CHECK(mk_wheel_next_ms(&wheel) <= due + 1);
            mk_wheel_advance(&wheel, due + 1);
            CHECK_EQ(after.calls, 1);
        }
    }
}

TEST(one_long_jump_calls_everything_in_the_order_of_time) {
    static probe_t p[100];
    rig_random_t   random = {7};
    start(123456789);
    for (int i = 0; i < 100; i++) arm(&p[i], 123456789 + (rig_random_next(&random) >> (8 + i % 50)));
    mk_wheel_advance(&wheel, UINT64_MAX - 10);
    for (int i = 0; i < 100; i++) {
        CHECK_EQ(p[i].calls, 1);
        CHECK(p[i].called_ms == p[i].timer.due_ms);
    }
    CHECK(!out_of_order);
}

TEST(the_end_of_time_is_never_reached_and_never_confused_with_none) {
    probe_t p;
    start(1000);
    CHECK(mk_wheel_next_ms(&wheel) == UINT64_MAX);
    arm(&p, UINT64_MAX);
    CHECK(mk_wheel_next_ms(&wheel) != UINT64_MAX);
    mk_wheel_advance(&wheel, UINT64_MAX - 2);
    CHECK_EQ(p.calls, 0);
    mk_wheel_cancel(&wheel, &p.timer);
    CHECK(mk_wheel_next_ms(&wheel) == UINT64_MAX);
}

TEST(an_armed_timer_can_be_moved_both_ways) {
    probe_t p;
    start(0);
    arm(&p, 100);
    mk_wheel_arm(&wheel, &p.timer, 5000);
    CHECK_EQ(wheel.armed, 1);
    mk_wheel_advance(&wheel, 4999);
    CHECK_EQ(p.calls, 0);
    mk_wheel_arm(&wheel, &p.timer, 5001);
    mk_wheel_advance(&wheel, 5001);
    CHECK_EQ(p.calls, 1);
}

TEST(cancelling_twice_or_what_was_never_armed_is_harmless) {
    probe_t p, never = {.timer.fn = note};
    start(0);
    arm(&p, 70);
    mk_wheel_cancel(&wheel, &p.timer);
    mk_wheel_cancel(&wheel, &p.timer);
    mk_wheel_cancel(&wheel, &never.timer);
    CHECK_EQ(wheel.armed, 0);
    CHECK(mk_wheel_next_ms(&wheel) == UINT64_MAX);
    mk_wheel_advance(&wheel, 1000);
    CHECK_EQ(p.calls, 0);
}

/* ---- functions that meddle ---- */

typedef struct meddler {
    mk_timer_t  timer;
    mk_timer_t *cancels, *arms;
    uint64_t    arms_ms;
    unsigned    calls;
} meddler_t;

static void meddle(mk_wheel_t *w, mk_timer_t *timer) {
    meddler_t *m = mk_container_of(timer, meddler_t, timer);
    m->calls++;
    if (m->cancels != NULL) mk_wheel_cancel(w, m->cancels);
    if (m->arms != NULL) mk_wheel_arm(w, m->arms, m->arms_ms);
}

TEST(of_two_that_cancel_each_other_in_the_same_millisecond_one_is_called) {
    meddler_t a = {.timer.fn = meddle}, b = {.timer.fn = meddle};
    a.cancels = &b.timer;
    b.cancels = &a.timer;
    start(0);
    mk_wheel_arm(&wheel, &a.timer, 10);
    mk_wheel_arm(&wheel, &b.timer, 10);
    mk_wheel_advance(&wheel, 10);
    CHECK_EQ(a.calls + b.calls, 1);
    CHECK_EQ(wheel.armed, 0);
}

TEST(one_that_is_due_now_can_be_moved_away_by_another) {
    probe_t   p[4];
    meddler_t m = {.timer.fn = meddle};
    start(0);
    for (int i = 0; i < 4; i++) arm(&p[i], 11);
    mk_wheel_arm(&wheel, &m.timer, 10);
    m.arms = &p[2].timer;
    m.arms_ms = 20;
    mk_wheel_advance(&wheel, 15);
    CHECK_EQ(p[0].calls + p[1].calls + p[3].calls, 3);
    CHECK_EQ(p[2].calls, 0);
    mk_wheel_advance(&wheel, 20);
    CHECK_EQ(p[2].calls, 1);
}

TEST(one_that_arms_itself_for_the_past_is_called_each_millisecond_and_not_for_ever) {
    meddler_t m = {.timer.fn = meddle};
    start(0);
    m.arms = &m.timer;
    m.arms_ms = 0;
    mk_wheel_arm(&wheel, &m.timer, 1);
    mk_wheel_advance(&wheel, 100);
    CHECK_EQ(m.calls, 100);
}

/* ---- against a model ---- */

enum { MODEL = 200, MODEL_STEPS = sizeof(void *) == 8 ? 40000 : 8000 };
static probe_t  model[MODEL];
static uint64_t model_due[MODEL]; /* 0: not armed */

/* Delays of every magnitude, and often ones that cross a level boundary. */
static uint64_t some_delay(rig_random_t *random) {
    unsigned magnitude = rig_random_below(random, 46);
    uint64_t delay = rig_random_next(random) >> (63 - magnitude);
    if (rig_random_below(random, 4) == 0) delay = (1ull << magnitude) - (wheel.now_ms & ((1ull << magnitude) - 1));
    return delay;
}

static uint64_t model_next(void) {
    uint64_t next = UINT64_MAX;
    for (int i = 0; i < MODEL; i++)
        if (model_due[i] != 0 && model_due[i] < next) next = model_due[i];
    return next;
}

static void model_arm(int i, uint64_t due_ms) {
    mk_wheel_arm(&wheel, &model[i].timer, due_ms);
    model_due[i] = due_ms > wheel.now_ms ? due_ms : wheel.now_ms + 1;
}

static void model_advance(uint64_t to_ms) {
    for (int i = 0; i < MODEL; i++) model[i].calls = 0;
    last_due_ms = 0;
    mk_wheel_advance(&wheel, to_ms);
    CHECK(!out_of_order);
    for (int i = 0; i < MODEL; i++) {
        bool due = model_due[i] != 0 && model_due[i] <= to_ms;
        CHECK_EQ(model[i].calls, due ? 1 : 0);
        if (!due) continue;
        CHECK(model[i].called_ms == model_due[i]);
        model_due[i] = 0;
    }
}

static void run_model(uint64_t seed, uint64_t begin_ms) {
    rig_random_t random = {seed};
    start(begin_ms);
    for (int i = 0; i < MODEL; i++) {
        model[i] = (probe_t){.timer.fn = note};
        model_due[i] = 0;
    }
    for (int step = 0; step < MODEL_STEPS; step++) {
        int i = (int)rig_random_below(&random, MODEL);
        switch (rig_random_below(&random, 8)) {
        case 0:
        case 1:
        case 2:
        case 3: model_arm(i, wheel.now_ms + some_delay(&random)); break;
        case 4:
            mk_wheel_cancel(&wheel, &model[i].timer);
            model_due[i] = 0;
            break;
        case 5: model_advance(wheel.now_ms + rig_random_below(&random, 130)); break;
        case 6: model_advance(wheel.now_ms + some_delay(&random) / 4); break;
        default: /* to the very moment, or the one before */
            if (model_next() != UINT64_MAX) model_advance(model_next() - rig_random_below(&random, 2));
        }
        uint64_t next = model_next(), says = mk_wheel_next_ms(&wheel);
        CHECK(next == UINT64_MAX ? says == UINT64_MAX : says <= next && says > wheel.now_ms);
    }
}

TEST(whatever_is_armed_moved_and_cancelled_fires_like_a_sorted_list) {
    run_model(1, 0);
    run_model(2, 1000);
    run_model(3, (1ull << 42) - 5);
    run_model(4, 0x123456789abull);
}
