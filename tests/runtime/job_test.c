/* SPDX-License-Identifier: Apache-2.0 */
#include "microkernel/jobs.h"

#include "runtime/play.h"

static part_t   a;
static unsigned runs, drops;
static mk_err_t asked;

static void work(void *arg) { runs += *(unsigned *)arg; }

static void dropped(void *arg) { drops += *(unsigned *)arg; }

static unsigned one = 1;

static bool do_work(part_t *part, uint64_t unused) {
    (void)part, (void)unused;
    asked = actor_run_job(rt, work, &one, dropped);
    return true;
}

static void settle_all(void) {
    for (int i = 0; i < 5; i++) {
        settle();
        (void)runtime_wait(rt, 0);
    }
}

static void begin(void) {
    curtain_up(NULL);
    runs = drops = 0;
    enter(&a);
}

TEST(the_actor_is_told_when_the_work_is_done) {
    begin();
    in(&a, do_work, 0);
    CHECK_EQ(asked, MK_OK);
    settle_all();
    CHECK_EQ(runs, 1);
    CHECK_EQ(drops, 0);
    CHECK_EQ(last_note(&a)->type, MSG_JOB_DONE);
    CHECK(((const job_done_payload_t *)(const void *)last_note(&a)->as.bytes)->arg == &one);
    curtain_down();
}

TEST(what_an_ended_actor_asked_for_is_dropped) {
    begin();
    ask(a.id, do_work, 0);
    (void)runtime_step(rt);
    actor_stop(rt, a.id);
    settle_all();
    CHECK_EQ(runs, 1);
    CHECK_EQ(drops, 1);
    curtain_down();
}

TEST(at_the_end_of_the_runtime_nothing_is_left) {
    begin();
    in(&a, do_work, 0);
    curtain_down();
    CHECK_EQ(drops, 1);
}

TEST(an_end_that_nobody_reads_any_more_is_dropped) {
    static part_t b;
    actor_info_t  info = {0};
    begin();
    enter(&b);
    ask(a.id, do_work, 0);
    for (int i = 0; i < 10 && (info.queued == 0 || runs == 0); i++) {
        ask(b.id, do_nothing, 0); /* it has the turn then, and the other's message waits */
        (void)runtime_step(rt);
        CHECK(runtime_get_actor_info(rt, a.id, &info));
    }
    CHECK_EQ(info.queued, 1);
    CHECK_EQ(drops, 0);
    actor_stop(rt, a.id);
    settle_all();
    CHECK_EQ(drops, 1);
    curtain_down();
    CHECK_EQ(drops, 1);
}

TEST(each_allocation_may_fail) {
    for (unsigned n = 1;; n++) {
        begin();
        ask(a.id, do_work, 0);
        oom_arm(n);
        settle();
        bool hit = oom_disarm();
        settle_all();
        CHECK_EQ(runs, asked == MK_OK);
        CHECK_EQ(a.n, runs);
        curtain_down();
        if (!hit) break;
    }
}
