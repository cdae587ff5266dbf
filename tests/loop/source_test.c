/* SPDX-License-Identifier: Apache-2.0 */
/* What comes through memory: when it is looked at, when the loop spins for it, and that it sleeps otherwise. */
#include "base/assert.h"
#include "loop/loop.h"
#include "port/fake/fake.h"
#include "rig/rig.h"

static mk_loop_t loop;

typedef struct probe {
    mk_source_t   source;
    unsigned      looks, takes, dozes, rises;
    bool          asleep;
    uint64_t      comes_us; /* something comes at this time; 0: nothing           */
    bool          late;     /* something comes between the last look and the sleep */
    struct probe *removes;
} probe_t;

static bool look(mk_loop_t *l, mk_source_t *source) {
    probe_t *p = mk_container_of(source, probe_t, source);
    p->looks++;
    CHECK(!p->asleep);
    if (p->comes_us == 0 || mk_port_now_us() < p->comes_us) return false;
    p->comes_us = 0;
    p->takes++;
    if (p->removes != NULL) mk_source_remove(l, &p->removes->source);
    return true;
}

static bool doze(mk_loop_t *l, mk_source_t *source, bool asleep) {
    probe_t *p = mk_container_of(source, probe_t, source);
    (void)l;
    CHECK_EQ(p->asleep, !asleep);
    p->asleep = asleep;
    *(asleep ? &p->dozes : &p->rises) += 1;
    if (!asleep || !p->late) return false;
    p->late = false;
    p->comes_us = mk_port_now_us();
    return true;
}

static void add(probe_t *p) {
    *p = (probe_t){.source = {.look = look, .doze = doze}};
    mk_source_add(&loop, &p->source);
}

static void open_with(probe_t *p) {
    mk_fake_reset(1);
    CHECK_EQ(mk_loop_init(&loop), MK_OK);
    add(p);
}

static void comes_in(probe_t *p, uint64_t us) { p->comes_us = mk_port_now_us() + us; }

/* A round of at most a millisecond; how long it slept. */
static uint64_t run(void) {
    uint64_t before_us = mk_fake_waited_us();
    mk_loop_run(&loop, 1000);
    return mk_fake_waited_us() - before_us;
}

TEST(what_has_come_is_taken_in_the_next_round_without_sleeping) {
    probe_t p;
    open_with(&p);
    comes_in(&p, 0);
    CHECK_EQ(run(), 0);
    CHECK_EQ(p.takes, 1);
    CHECK_EQ(p.dozes, 0);
    mk_loop_fini(&loop);
}

TEST(a_loop_that_nothing_comes_to_sleeps_at_once) {
    probe_t p;
    open_with(&p);
    for (unsigned i = 1; i <= 100; i++) {
        CHECK_EQ(run(), 1000);
        CHECK_EQ(p.dozes, i);
        CHECK_EQ(p.rises, i);
        CHECK_EQ(p.looks, 2 * i); /* before it and after it: it has not spun */
    }
    mk_loop_fini(&loop);
}

TEST(an_answer_that_comes_soon_is_waited_for_awake) {
    probe_t p;
    open_with(&p);
    comes_in(&p, 0);
    run();
    for (unsigned i = 2; i <= 100; i++) {
        comes_in(&p, 20);
        CHECK_EQ(run(), 0);
        CHECK_EQ(p.takes, i);
    }
    CHECK_EQ(p.dozes, 0);
    mk_loop_fini(&loop);
}

TEST(an_answer_that_does_not_come_is_slept_for_after_a_moment) {
    probe_t p;
    open_with(&p);
    comes_in(&p, 0);
    run();
    uint64_t before_us = mk_port_now_us();
    CHECK_EQ(run(), 1000);
    uint64_t spun_us = mk_port_now_us() - before_us - 1000;
    CHECK(spun_us >= MK_LOOP_SPIN_US && spun_us <= MK_LOOP_SPIN_US + 2);
    before_us = mk_port_now_us();
    CHECK_EQ(run(), 1000); /* nothing has come since, so it does not spin again */
    CHECK_EQ(mk_port_now_us() - before_us, 1000);
    mk_loop_fini(&loop);
}

TEST(who_is_always_slower_than_a_spin_is_hardly_spun_for) {
    enum { ROUNDS = 1000 };
    probe_t p;
    open_with(&p);
    uint64_t awake_us = 0;
    for (int i = 0; i < ROUNDS; i++) {
        comes_in(&p, 0);
        run();
        uint64_t before_us = mk_port_now_us();
        awake_us -= run();
        awake_us += mk_port_now_us() - before_us;
    }
    CHECK(awake_us > MK_LOOP_SPIN_US);
    CHECK(awake_us < ROUNDS / 40 * MK_LOOP_SPIN_US);
    /* And one that turns out to be fast is believed again. */
    for (int i = 0; i < 200; i++) {
        comes_in(&p, 10);
        run();
    }
    unsigned dozes = p.dozes;
    for (int i = 0; i < 10; i++) {
        comes_in(&p, 10);
        CHECK_EQ(run(), 0);
    }
    CHECK_EQ(p.dozes, dozes);
    mk_loop_fini(&loop);
}

TEST(a_spin_ends_with_the_time_there_is_to_wait) {
    probe_t p;
    open_with(&p);
    comes_in(&p, 0);
    run();
    uint64_t before_us = mk_port_now_us();
    mk_loop_run(&loop, 5);
    CHECK(mk_port_now_us() - before_us <= 12);
    mk_loop_fini(&loop);
}

TEST(a_spin_ends_where_time_stands_still) {
    probe_t p;
    open_with(&p);
    comes_in(&p, 0);
    run();
    mk_fake_hold_time(true);
    mk_loop_run(&loop, 1000);
    CHECK_EQ(p.dozes, 1);
    mk_fake_hold_time(false);
    mk_loop_fini(&loop);
}

TEST(what_comes_just_before_the_sleep_keeps_it_away) {
    probe_t p;
    open_with(&p);
    p.late = true;
    CHECK_EQ(run(), 0);
    CHECK_EQ(p.takes, 1);
    CHECK_EQ(p.rises, 1);
    mk_loop_fini(&loop);
}

TEST(with_no_time_to_wait_nobody_dozes) {
    probe_t p;
    open_with(&p);
    comes_in(&p, 0);
    mk_loop_run(&loop, 0);
    mk_loop_run(&loop, 0);
    CHECK_EQ(p.takes, 1);
    CHECK_EQ(p.dozes, 0);
    mk_loop_fini(&loop);
}

static unsigned ready;

static void note_ready(mk_loop_t *l, mk_watch_t *watch, uint32_t events) {
    (void)l, (void)watch, (void)events;
    ready++;
}

TEST(descriptors_have_their_turn_while_a_source_is_always_busy) {
    probe_t    p;
    mk_watch_t watch = {.fd = 5, .fn = note_ready};
    open_with(&p);
    ready = 0;
    CHECK_EQ(mk_watch_set(&loop, &watch, MK_POLL_IN), MK_OK);
    mk_fake_set_ready(5, MK_POLL_IN);
    for (int i = 0; i < 1000; i++) {
        mk_fake_advance_us(1);
        comes_in(&p, 0);
        run();
    }
    CHECK_EQ(p.takes, 1000);
    CHECK(ready >= 1000 / MK_LOOP_DESCRIPTORS_US && ready <= 1000 / MK_LOOP_DESCRIPTORS_US + 1);
    mk_watch_remove(&loop, &watch);
    mk_loop_fini(&loop);
}

TEST(a_timer_is_on_time_although_the_loop_spins) {
    probe_t p;
    open_with(&p);
    for (int i = 0; i < 100; i++) {
        comes_in(&p, 30);
        uint64_t before_us = mk_port_now_us();
        mk_loop_run(&loop, 40);
        CHECK(mk_port_now_us() - before_us <= 42);
    }
    mk_loop_fini(&loop);
}

TEST(a_source_may_remove_itself_or_the_next_one_and_is_not_looked_at_any_more) {
    for (int which = 0; which < 2; which++) {
        probe_t last, first;
        open_with(&last);
        add(&first); /* the youngest is looked at first */
        first.removes = which == 0 ? &first : &last;
        comes_in(&first, 0);
        run();
        CHECK_EQ(first.removes->looks, which == 0 ? 1 : 0);
        run();
        CHECK_EQ(first.removes->looks, which == 0 ? 1 : 0);
        mk_source_remove(&loop, &first.removes->source); /* harmless */
        mk_loop_fini(&loop);
    }
}
