/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/play.h"

static part_t a, b;

static void one(void) {
    curtain_up(NULL);
    enter(&a);
}

#define CHECK_TICKED(part, number, times)                       \
    do {                                                        \
        CHECK_EQ(last_note(part)->type, MSG_TIMER);             \
        CHECK_EQ(last_note(part)->as.timer.id, number);         \
        CHECK_EQ(last_note(part)->as.timer.expirations, times); \
    } while (0)

TEST(a_one_shot_timer_fires_once_and_not_early) {
    one();
    in(&a, do_once, 50);
    CHECK(did_timer != TIMER_ID_INVALID);
    CHECK_EQ(stats().timers, 1);
    pass_us(49999);
    CHECK_EQ(a.n, 0);
    pass_us(1);
    CHECK_TICKED(&a, did_timer, 1);
    CHECK_EQ(last_note(&a)->source, ACTOR_ID_INVALID);
    pass(10000);
    CHECK_EQ(a.n, 1);
    CHECK_EQ(stats().timers, 0);
    curtain_down();
}

TEST(a_timer_is_not_early_wherever_in_the_millisecond_it_was_set) {
    for (unsigned us = 0; us < 1000; us += 111) {
        one();
        pass_us(us);
        in(&a, do_once, 3);
        pass_us(2999);
        CHECK_EQ(a.n, 0);
        pass_us(1001);
        CHECK_EQ(a.n, 1);
        curtain_down();
    }
}

static bool set_work_set(part_t *part, uint64_t work_us) {
    do_once(part, 10);
    mk_fake_advance_us(work_us); /* a long computation */
    do_once(part, 10);
    return true;
}

TEST(a_timer_set_late_in_a_long_turn_is_not_early) {
    one();
    in(&a, set_work_set, 50000);
    settle(); /* the first was due long ago, */
    settle();
    CHECK_EQ(a.n, 1);
    pass_us(8999);
    CHECK_EQ(a.n, 1);
    pass_us(2001);
    CHECK_EQ(a.n, 2); /* the second not before ten milliseconds from when it was set */
    curtain_down();
}

TEST(a_timer_for_another_set_outside_of_any_actor_is_not_early_either) {
    one();
    CHECK(actor_set_timer_for(rt, a.id, 10, false) != TIMER_ID_INVALID);
    mk_fake_advance_us(50000);
    CHECK(actor_set_timer_for(rt, a.id, 10, false) != TIMER_ID_INVALID);
    settle();
    CHECK_EQ(a.n, 1);
    pass(11);
    CHECK_EQ(a.n, 2);
    CHECK_EQ(actor_set_timer_for(rt, actor_id_make(1, 99), 10, false), TIMER_ID_INVALID);
    curtain_down();
}

TEST(a_periodic_timer_keeps_its_pace) {
    one();
    in(&a, do_every, 7);
    uint64_t start = mk_fake_waited_us();
    (void)start;
    for (unsigned i = 1; i <= 1000; i++) {
        pass(7);
        CHECK_EQ(a.n, i);
        CHECK_TICKED(&a, did_timer, 1);
    }
    CHECK_EQ(stats().timers, 1);
    curtain_down();
}

TEST(ticks_nobody_had_time_for_are_told_together) {
    one();
    in(&a, do_every, 10);
    pass(105);
    CHECK_EQ(a.n, 1);
    CHECK_TICKED(&a, did_timer, 10);
    pass(5); /* and the pace is kept: due at 110 */
    CHECK_TICKED(&a, did_timer, 1);
    curtain_down();
}

static bool work(part_t *part, uint64_t us) {
    (void)part;
    mk_fake_advance_us(us);
    return true;
}

TEST(a_slow_actor_has_one_tick_in_its_mailbox_however_long_it_takes) {
    one();
    in(&a, do_every, 1);
    for (int i = 0; i < 5; i++) ask(a.id, work, 20000);
    runtime_step(rt); /* all five in one turn */
    ask(a.id, do_nothing, 0);
    mk_fake_advance_us(5000);
    runtime_step(rt); /* the tick is queued behind */
    actor_info_t info;
    CHECK(runtime_get_actor_info(rt, a.id, &info));
    CHECK(info.queued <= 1);
    settle();
    CHECK_EQ(a.n, 1);
    CHECK(last_note(&a)->as.timer.expirations >= 100);
    curtain_down();
}

TEST(a_tick_of_a_month_of_milliseconds_is_counted_and_not_counted_out) {
    one();
    in(&a, do_every, 1);
    pass(30ull * 24 * 3600 * 1000);
    CHECK_TICKED(&a, did_timer, 0x7fffffff < 30ull * 24 * 3600 * 1000 ? 0x7fffffff : 30ull * 24 * 3600 * 1000);
    pass(1);
    CHECK_TICKED(&a, did_timer, 1);
    curtain_down();
}

TEST(an_interval_of_nothing_is_the_next_millisecond) {
    one();
    in(&a, do_once, 0);
    pass(1);
    CHECK_EQ(a.n, 1);
    in(&a, do_every, 0);
    pass(10);
    CHECK(a.n >= 2);
    uint64_t ticks = last_note(&a)->as.timer.expirations;
    CHECK(ticks >= 9 && ticks <= 10);
    curtain_down();
}

TEST(a_timer_at_the_end_of_time_waits_and_disturbs_nobody) {
    one();
    in(&a, do_once, UINT64_MAX);
    in(&a, do_every, UINT64_MAX);
    in(&a, do_once, 1ull << 62);
    in(&a, do_once, 1ull << 55);
    uint64_t before = mk_fake_waited_us();
    runtime_wait(rt, 25);
    CHECK_EQ(mk_fake_waited_us() - before, 25000);
    pass(1ull << 50);
    CHECK_EQ(a.n, 0);
    CHECK_EQ(stats().timers, 4);
    curtain_down();
}

TEST(timers_fire_in_the_order_of_their_times) {
    static const uint64_t times[] = {500, 20, 70, 3, 4096, 64, 65, 63};
    one();
    for (unsigned i = 0; i < 8; i++) in(&a, do_once, times[i]);
    for (unsigned i = 0; i < 5000; i++) pass(1);
    CHECK_EQ(a.n, 8);
    for (unsigned i = 1; i < 8; i++) CHECK(a.note[i].at_us > a.note[i - 1].at_us);
    curtain_down();
}

TEST(timers_due_together_after_a_long_sleep_are_told_in_the_order_of_their_times) {
    one();
    timer_id_t            id[4];
    static const uint64_t times[] = {300, 10, 5000, 70};
    for (unsigned i = 0; i < 4; i++) {
        in(&a, do_once, times[i]);
        id[i] = did_timer;
    }
    pass(100000);
    CHECK_EQ(a.note[0].as.timer.id, id[1]);
    CHECK_EQ(a.note[1].as.timer.id, id[3]);
    CHECK_EQ(a.note[2].as.timer.id, id[0]);
    CHECK_EQ(a.note[3].as.timer.id, id[2]);
    curtain_down();
}

/* ---- cancelling ---- */

TEST(a_cancelled_timer_does_not_fire) {
    one();
    in(&a, do_once, 10);
    in(&a, do_cancel_timer, did_timer);
    CHECK(did_well);
    in(&a, do_cancel_timer, did_timer);
    CHECK(!did_well);
    pass(100);
    CHECK_EQ(a.n, 0);
    CHECK_EQ(stats().timers, 0);
    curtain_down();
}

TEST(a_timer_cancelled_while_its_message_waits_is_not_delivered) {
    for (int periodic = 0; periodic < 2; periodic++) {
        one();
        in(&a, periodic ? do_every : do_once, 10);
        ask(a.id, do_cancel_timer, did_timer); /* first in the mailbox */
        mk_fake_advance_us(20000);             /* fires with the next look, before the turn */
        settle();
        CHECK(did_well);
        CHECK_EQ(a.n, 0);
        pass(100);
        CHECK_EQ(a.n, 0);
        CHECK_EQ(stats().timers, 0);
        curtain_down();
    }
}

TEST(only_the_owner_cancels) {
    one();
    enter(&b);
    in(&a, do_once, 10);
    in(&b, do_cancel_timer, did_timer);
    CHECK(!did_well);
    CHECK(!actor_cancel_timer(rt, did_timer)); /* nobody is not the owner */
    in(&a, do_cancel_timer, TIMER_ID_INVALID);
    CHECK(!did_well);
    in(&a, do_cancel_timer, 4711);
    CHECK(!did_well);
    pass(10);
    CHECK_EQ(a.n, 1);
    in(&a, do_cancel_timer, did_timer); /* over */
    CHECK(!did_well);
    curtain_down();
}

static bool cancel_in_tick(part_t *part, message_t *msg) {
    take_note(part, msg);
    did_well = actor_cancel_timer(rt, ((const timer_payload_t *)msg->payload)->id);
    return true;
}

TEST(a_periodic_timer_can_be_cancelled_in_its_own_tick) {
    one();
    in(&a, do_every, 10);
    a.on = cancel_in_tick;
    pass(55);
    CHECK(did_well);
    pass(100);
    CHECK_EQ(a.n, 1);
    curtain_down();
}

TEST(timers_go_with_their_actor_armed_fired_or_on_the_way) {
    one();
    enter(&b);
    for (uint64_t i = 1; i < 100; i++) in(&a, do_once, i * 10);
    in(&a, do_every, 5);
    mk_fake_advance_us(50000);
    runtime_step(rt);
    actor_stop(rt, a.id);
    CHECK_EQ(stats().timers, 0);
    pass(5000);
    CHECK_EQ(b.n, 0);
    curtain_down();
}

TEST(as_many_timers_as_memory_holds) {
    enum { TIMERS = sizeof(void *) == 8 ? 200000 : 2000 };
    curtain_up(&(runtime_config_t){.node_id = 1, .mailbox_default = TIMERS});
    enter(&a);
    for (uint32_t i = 0; i < TIMERS; i++) CHECK(actor_set_timer_for(rt, a.id, i % 2000, false) != TIMER_ID_INVALID);
    CHECK_EQ(stats().timers, TIMERS);
    pass(2001);
    CHECK_EQ(a.n, TIMERS);
    CHECK_EQ(stats().timers, 0);
    curtain_down();
}

TEST(a_full_mailbox_still_gets_its_ticks) {
    curtain_up(NULL);
    enter_with(&a, (actor_options_t){.mailbox_size = 1});
    CHECK(actor_set_timer_for(rt, a.id, 10, false) != TIMER_ID_INVALID);
    CHECK(actor_send(rt, a.id, 1, NULL, 0));
    pass(10);
    CHECK_EQ(a.n, 2);
    curtain_down();
}

/* ---- memory ---- */

static void use_up_small_blocks(void) {
    while (actor_send(rt, b.id, 1, "0123456789", 10)) {}
}

TEST(a_tick_that_finds_no_memory_comes_when_there_is_some) {
    curtain_up(&(runtime_config_t){.node_id = 1, .mailbox_default = 1000000});
    enter(&a);
    enter(&b);
    in(&a, do_once, 10);
    in(&a, do_every, 100);
    timer_id_t every = did_timer;
    oom_arm_all();
    use_up_small_blocks();
    mk_fake_advance_us(105000);
    uint64_t waits = mk_fake_waits();
    runtime_step(rt); /* nobody could be told, and it did not try for ever */
    oom_disarm();
    CHECK(mk_fake_waits() - waits <= 2);
    CHECK_EQ(a.n, 0);
    pass(5);
    CHECK_EQ(a.n, 2);
    CHECK_TICKED(&a, every, 1);
    pass(200);
    CHECK_EQ(a.n, 3);
    curtain_down();
}

TEST(setting_a_timer_without_memory_sets_none) {
    for (unsigned n = 1; n < 10; n++) {
        one();
        for (int i = 0; i < 16; i++) in(&a, do_once, 10); /* the table of timers has to grow next */
        oom_arm(n);
        in(&a, do_once, 20);
        bool failed = oom_disarm();
        if (did_timer == TIMER_ID_INVALID) CHECK(failed);
        CHECK_EQ(stats().timers, did_timer != TIMER_ID_INVALID ? 17 : 16);
        pass(30);
        CHECK_EQ(a.n, did_timer != TIMER_ID_INVALID ? 17 : 16);
        curtain_down();
    }
}
