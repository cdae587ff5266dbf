/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include "base/assert.h"
#include "loop/jobs.h"
#include "port/fake/fake.h"
#include "rig/oom.h"
#include "rig/rig.h"

static mk_loop_t loop; /* static: too much for a board's stack */

static void open_loop(void) {
    mk_fake_reset(1);
    CHECK_EQ(mk_loop_init(&loop), MK_OK);
}

typedef struct probe {
    mk_watch_t    watch;
    unsigned      calls;
    uint32_t      events;
    struct probe *removes; /* in its call */
} probe_t;

static void note(mk_loop_t *l, mk_watch_t *watch, uint32_t events) {
    probe_t *p = mk_container_of(watch, probe_t, watch);
    p->calls++;
    p->events = events;
    if (p->removes != NULL) mk_watch_remove(l, &p->removes->watch);
}

static void watch(probe_t *p, int fd, uint32_t events) {
    *p = (probe_t){.watch = {.fd = fd, .fn = note}};
    CHECK_EQ(mk_watch_set(&loop, &p->watch, events), MK_OK);
}

typedef struct alarm {
    mk_timer_t timer;
    unsigned   calls;
    uint64_t   at_us;
} alarm_t;

static void ring(mk_wheel_t *wheel, mk_timer_t *timer) {
    (void)wheel;
    alarm_t *a = mk_container_of(timer, alarm_t, timer);
    a->calls++;
    a->at_us = mk_port_now_us();
}

TEST(a_ready_descriptor_is_called_with_what_it_is_ready_for) {
    probe_t p;
    open_loop();
    watch(&p, 5, MK_POLL_IN | MK_POLL_OUT);
    mk_fake_set_ready(5, MK_POLL_IN);
    mk_loop_run(&loop, 0);
    CHECK_EQ(p.calls, 1);
    CHECK_EQ(p.events, MK_POLL_IN);
    mk_loop_run(&loop, 0); /* level-triggered */
    CHECK_EQ(p.calls, 2);
    mk_fake_set_ready(5, 0);
    mk_loop_run(&loop, 0);
    CHECK_EQ(p.calls, 2);
    mk_loop_fini(&loop);
}

TEST(a_hang_up_is_told_unasked_but_not_to_who_has_paused) {
    probe_t p;
    open_loop();
    watch(&p, 5, MK_POLL_IN);
    mk_fake_set_ready(5, MK_POLL_HUP);
    mk_loop_run(&loop, 0);
    CHECK_EQ(p.events, MK_POLL_HUP);
    CHECK_EQ(mk_watch_set(&loop, &p.watch, 0), MK_OK);
    mk_loop_run(&loop, 0);
    CHECK_EQ(p.calls, 1);
    CHECK_EQ(mk_watch_set(&loop, &p.watch, MK_POLL_IN), MK_OK);
    mk_loop_run(&loop, 0);
    CHECK_EQ(p.calls, 2);
    mk_loop_fini(&loop);
}

TEST(of_two_that_are_ready_together_and_remove_each_other_one_is_called) {
    probe_t a, b;
    open_loop();
    watch(&a, 5, MK_POLL_IN);
    watch(&b, 6, MK_POLL_IN);
    a.removes = &b;
    b.removes = &a;
    mk_fake_set_ready(5, MK_POLL_IN);
    mk_fake_set_ready(6, MK_POLL_IN);
    mk_loop_run(&loop, 0);
    CHECK_EQ(a.calls + b.calls, 1);
    mk_loop_fini(&loop);
}

TEST(one_that_removes_itself_is_not_called_again) {
    probe_t a;
    open_loop();
    watch(&a, 5, MK_POLL_IN);
    a.removes = &a;
    mk_fake_set_ready(5, MK_POLL_IN);
    mk_loop_run(&loop, 0);
    mk_loop_run(&loop, 0);
    CHECK_EQ(a.calls, 1);
    mk_loop_fini(&loop);
}

TEST(more_than_a_batch_of_descriptors_is_served) {
    enum { N = 100 };
    static probe_t p[N];
    open_loop();
    for (int i = 0; i < N; i++) {
        watch(&p[i], i, MK_POLL_IN);
        mk_fake_set_ready(i, MK_POLL_IN);
    }
    for (int i = 0; i < N; i++) { /* each stops being ready once it was served */
        mk_loop_run(&loop, 0);
        for (int j = 0; j < N; j++)
            if (p[j].calls != 0) mk_fake_set_ready(j, 0);
    }
    for (int i = 0; i < N; i++) CHECK_EQ(p[i].calls, 1);
    mk_loop_fini(&loop);
}

TEST(a_descriptor_that_cannot_be_watched_says_so) {
    probe_t p = {.watch = {.fd = 5, .fn = note}}, q = {.watch = {.fd = -1, .fn = note}};
    open_loop();
    mk_fake_fail(MK_FAKE_POLLER_SET, 1);
    CHECK(mk_watch_set(&loop, &p.watch, MK_POLL_IN) != MK_OK);
    CHECK(mk_watch_set(&loop, &q.watch, MK_POLL_IN) != MK_OK);
    mk_watch_remove(&loop, &p.watch);
    mk_watch_remove(&loop, &q.watch);
    mk_loop_fini(&loop);
}

TEST(a_wait_lasts_until_the_timer_and_no_longer) {
    alarm_t a = {.timer.fn = ring};
    open_loop();
    uint64_t start_us = mk_port_now_us();
    mk_wheel_arm(&loop.wheel, &a.timer, mk_loop_after_ms(&loop, 250));
    while (a.calls == 0) mk_loop_run(&loop, -1);
    CHECK_EQ(a.at_us - start_us, 250000);
    CHECK(mk_fake_waits() <= 4); /* it slept */
    mk_loop_fini(&loop);
}

TEST(a_timer_is_never_early_even_between_milliseconds) {
    for (unsigned offset = 0; offset < 2000; offset += 333) {
        alarm_t a = {.timer.fn = ring};
        open_loop();
        mk_fake_advance_us(offset);
        mk_loop_read_clock(&loop);
        uint64_t start_us = mk_port_now_us();
        mk_wheel_arm(&loop.wheel, &a.timer, mk_loop_after_ms(&loop, 3));
        while (a.calls == 0) {
            mk_fake_advance_us(100);
            mk_loop_run(&loop, 0);
        }
        CHECK(a.at_us - start_us >= 3000);
        CHECK(a.at_us - start_us <= 4100);
        mk_loop_fini(&loop);
    }
}

TEST(a_bounded_wait_ends_when_it_is_over) {
    open_loop();
    uint64_t start_us = mk_port_now_us();
    mk_loop_run(&loop, 7000);
    CHECK_EQ(mk_port_now_us() - start_us, 7000);
    mk_loop_fini(&loop);
}

TEST(a_timer_centuries_away_neither_shortens_nor_lengthens_a_wait) {
    /* Multiplied by 1000 these no longer fit 64 bits. */
    for (unsigned bit = 50; bit < 64; bit++) {
        alarm_t a = {.timer.fn = ring};
        open_loop();
        mk_wheel_arm(&loop.wheel, &a.timer, mk_loop_after_ms(&loop, 1ull << bit));
        uint64_t start_us = mk_port_now_us();
        mk_loop_run(&loop, 7000);
        CHECK_EQ(mk_port_now_us() - start_us, 7000);
        CHECK_EQ(a.calls, 0);
        mk_loop_fini(&loop);
    }
}

TEST(time_beyond_the_end_is_the_end) {
    open_loop();
    CHECK(mk_loop_after_ms(&loop, UINT64_MAX) == UINT64_MAX);
    CHECK(mk_loop_after_ms(&loop, UINT64_MAX - 1) == UINT64_MAX);
    CHECK_EQ(mk_loop_after_ms(&loop, 0), mk_port_now_us() / 1000);
    mk_loop_fini(&loop);
}

TEST(a_wake_up_ends_the_next_wait_and_only_that) {
    open_loop();
    uint64_t start_us = mk_port_now_us();
    mk_loop_wake(&loop);
    mk_loop_wake(&loop);
    mk_loop_run(&loop, 50000);
    CHECK_EQ(mk_port_now_us() - start_us, 0);
    mk_loop_run(&loop, 50000);
    CHECK_EQ(mk_port_now_us() - start_us, 50000);
    mk_loop_fini(&loop);
}

TEST(a_loop_without_a_poller_is_not_made) {
    mk_fake_reset(1);
    mk_fake_fail(MK_FAKE_POLLER_CREATE, 1);
    CHECK(mk_loop_init(&loop) != MK_OK);
    oom_arm_all();
    mk_err_t err = mk_loop_init(&loop);
    oom_disarm();
    CHECK_EQ(err, MK_ERR_NOMEM);
}

/* ---- what is deferred ----------------------------------------------------------------------------------------------- */

typedef struct later {
    mk_deferred_t deferred;
    unsigned      calls, order;
    unsigned      repeats; /* asks for itself that often */
    bool          again;   /* in the next round          */
    struct later *cancels;
} later_t;

static unsigned order;

static void do_later(mk_loop_t *l, mk_deferred_t *deferred) {
    later_t *p = mk_container_of(deferred, later_t, deferred);
    p->calls++;
    p->order = ++order;
    if (p->cancels != NULL) mk_deferred_cancel(&p->cancels->deferred);
    if (p->repeats == 0) return;
    p->repeats--;
    if (p->again) mk_loop_again(l, deferred, do_later);
    else mk_loop_defer(l, deferred, do_later);
}

static void do_instead(mk_loop_t *l, mk_deferred_t *deferred) {
    (void)l;
    mk_container_of(deferred, later_t, deferred)->calls += 100;
}

TEST(what_is_deferred_is_done_once_and_in_order_before_the_wait) {
    later_t a = {.repeats = 2}, b = {0}, c = {0};
    open_loop();
    order = 0;
    mk_loop_defer(&loop, &a.deferred, do_later);
    mk_loop_defer(&loop, &b.deferred, do_later);
    mk_loop_defer(&loop, &c.deferred, do_later);
    mk_loop_defer(&loop, &a.deferred, do_later);
    mk_deferred_cancel(&c.deferred);
    uint64_t waits = mk_fake_waits();
    mk_loop_settle(&loop);
    CHECK_EQ(mk_fake_waits(), waits);
    CHECK_EQ(a.calls, 3); /* what a deferred function defers is done in the same round */
    CHECK_EQ(b.calls, 1);
    CHECK_EQ(c.calls, 0);
    CHECK_EQ(b.order, 2); /* after the first call of the other */
    mk_loop_run(&loop, 0);
    CHECK_EQ(a.calls, 3);
    mk_loop_fini(&loop);
}

TEST(what_is_to_be_done_again_is_not_waited_for_and_lets_others_pass) {
    later_t a = {.repeats = 3, .again = true};
    probe_t p;
    open_loop();
    order = 0;
    watch(&p, 5, MK_POLL_IN);
    mk_fake_set_ready(5, MK_POLL_IN);
    uint64_t start_us = mk_port_now_us();
    mk_loop_again(&loop, &a.deferred, do_later);
    for (unsigned i = 1; i <= 4; i++) {
        mk_loop_run(&loop, -1);
        CHECK_EQ(a.calls, i);
        CHECK_EQ(p.calls, i);
    }
    CHECK_EQ(mk_port_now_us(), start_us);
    mk_loop_fini(&loop);
}

TEST(deferred_work_can_change_its_mind) {
    later_t a = {0}, b = {0}, c = {0};
    open_loop();
    mk_loop_again(&loop, &a.deferred, do_later);
    mk_loop_defer(&loop, &a.deferred, do_instead); /* sooner, and the other function */
    a.cancels = NULL;
    b.cancels = &c;
    mk_loop_defer(&loop, &b.deferred, do_later);
    mk_loop_defer(&loop, &c.deferred, do_later);
    mk_loop_settle(&loop);
    CHECK_EQ(a.calls, 100);
    CHECK_EQ(b.calls, 1);
    CHECK_EQ(c.calls, 0);
    mk_loop_fini(&loop);
}

/* ---- jobs where there are no threads ----------------------------------------------------------------------------------- */

typedef struct task {
    mk_job_t job;
    unsigned runs, ends;
} task_t;

static void run_task(mk_job_t *job) { mk_container_of(job, task_t, job)->runs++; }

static void end_task(mk_loop_t *l, mk_job_t *job) {
    (void)l;
    CHECK(job->run == NULL);
    mk_container_of(job, task_t, job)->ends++;
}

TEST(without_threads_a_job_is_done_at_once_and_its_end_told_in_the_next_round) {
    task_t a = {.job = {.run = run_task, .done = end_task}}, b = a, c = a;
    open_loop();
    uint64_t start_us = mk_port_now_us();
    CHECK_EQ(mk_job_start(&loop, &a.job), MK_OK);
    CHECK_EQ(mk_job_start(&loop, &b.job), MK_OK);
    CHECK_EQ(a.runs, 1);
    CHECK_EQ(a.ends, 0);
    mk_loop_run(&loop, 1000000);
    CHECK_EQ(a.ends, 1);
    CHECK_EQ(b.ends, 1);
    CHECK_EQ(mk_port_now_us(), start_us);
    CHECK_EQ(mk_job_start(&loop, &c.job), MK_OK);
    mk_loop_fini(&loop); /* the last word comes all the same */
    CHECK_EQ(c.ends, 1);
}

TEST(a_job_without_memory_for_it_is_not_begun) {
    for (unsigned n = 1; oom_arm(n); n++) {
        task_t a = {.job = {.run = run_task, .done = end_task}};
        oom_disarm();
        open_loop();
        oom_arm(n);
        mk_err_t err = mk_job_start(&loop, &a.job);
        bool     reached = oom_disarm();
        CHECK_EQ(err, reached ? MK_ERR_NOMEM : MK_OK);
        CHECK_EQ(a.runs, reached ? 0 : 1);
        mk_loop_fini(&loop);
        if (!reached) break;
    }
}
