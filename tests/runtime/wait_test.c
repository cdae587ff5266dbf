/* SPDX-License-Identifier: Apache-2.0 */
/* Actors whose behaviour waits in the middle, as guests do. */
#include "runtime/wake.h"

#include "runtime/play.h"

static part_t a, b;

static bool wait_held(part_t *part, uint64_t ms) {
    (void)part;
    did_well = mk_actor_wait(rt, false, ms == UINT64_MAX ? -1 : (int64_t)ms);
    return true;
}

static bool wait_open(part_t *part, uint64_t ms) {
    (void)part;
    did_well = mk_actor_wait(rt, true, ms == UINT64_MAX ? -1 : (int64_t)ms);
    return true;
}

/* Notes everything; at a wake-up the wait is over. */
static bool wake_and_go_on(part_t *part, message_t *msg) {
    take_note(part, msg);
    if (msg->type == MSG_WAKE) mk_actor_wait_end(rt);
    return true;
}

static void one(void) {
    curtain_up(NULL);
    enter(&a);
    a.on = wake_and_go_on;
}

TEST(a_held_actor_gets_no_message_until_its_time_is_over) {
    one();
    in(&a, wait_held, 10);
    CHECK(did_well);
    CHECK(actor_send(rt, a.id, 1, NULL, 0));
    pass_us(9999);
    CHECK_EQ(a.n, 0);
    pass_us(1001);
    CHECK_EQ(a.n, 2);
    CHECK_EQ(a.note[0].type, MSG_WAKE);
    CHECK_EQ(a.note[1].type, 1);
    pass(1000);
    CHECK_EQ(a.n, 2);
    curtain_down();
}

TEST(a_wake_up_comes_once_and_the_hold_lasts_until_it_is_ended) {
    one();
    a.on = NULL; /* notes, and does not end the wait */
    in(&a, wait_held, 10);
    CHECK(actor_send(rt, a.id, 1, NULL, 0));
    pass(1000);
    CHECK_EQ(a.n, 1);
    CHECK_EQ(a.note[0].type, MSG_WAKE);
    curtain_down();
}

TEST(a_wait_of_nothing_is_over_at_the_next_turn) {
    one();
    enter(&b);
    ask(a.id, wait_held, 0);
    CHECK(actor_send(rt, a.id, 1, NULL, 0));
    CHECK(actor_send(rt, b.id, 1, NULL, 0));
    runtime_step(rt);
    CHECK_EQ(a.n, 0);
    runtime_step(rt);
    CHECK_EQ(b.n, 1); /* the others first */
    settle();
    CHECK_EQ(a.n, 2);
    CHECK_EQ(a.note[0].type, MSG_WAKE);
    curtain_down();
}

TEST(who_waits_for_messages_too_gets_what_comes_first) {
    one();
    in(&a, wait_open, 10);
    CHECK(actor_send(rt, a.id, 1, NULL, 0));
    settle();
    CHECK_EQ(a.n, 1);
    pass(11);
    CHECK_EQ(a.n, 2);
    CHECK_EQ(last_note(&a)->type, MSG_WAKE);
    curtain_down();
}

static bool end_wait(part_t *part, uint64_t arg) {
    (void)part, (void)arg;
    mk_actor_wait_end(rt);
    return true;
}

TEST(ending_the_wait_cancels_the_wake_up_even_when_it_is_due) {
    one();
    in(&a, wait_open, 10);
    in(&a, end_wait, 0);
    pass(100);
    CHECK_EQ(a.n, 0);
    curtain_down();
}

static bool wait_and_end(part_t *part, uint64_t arg) {
    (void)part, (void)arg;
    CHECK(mk_actor_wait(rt, false, 0));
    mk_actor_wait_end(rt);
    return true;
}

TEST(a_wait_that_is_ended_in_the_same_breath_never_was) {
    one();
    in(&a, wait_and_end, 0);
    CHECK(actor_send(rt, a.id, 1, NULL, 0));
    pass(10);
    CHECK_EQ(a.n, 1);
    CHECK_EQ(a.note[0].type, 1);
    curtain_down();
}

static bool hold_twice(part_t *part, message_t *msg) {
    take_note(part, msg);
    if (part->n < 5) CHECK(mk_actor_wait(rt, false, 10)); /* again, without having ended it */
    else mk_actor_wait_end(rt);
    return true;
}

TEST(waits_can_follow_each_other) {
    one();
    a.on = hold_twice;
    in(&a, wait_held, 10);
    for (int i = 0; i < 100; i++) pass(1);
    CHECK_EQ(a.n, 5);
    for (unsigned i = 1; i < 5; i++) CHECK(a.note[i].at_us - a.note[i - 1].at_us >= 10000);
    curtain_down();
}

TEST(a_wait_without_limit_holds_for_ever_and_messages_queue_up_to_the_limit) {
    curtain_up(NULL);
    enter_with(&a, (actor_options_t){.mailbox_size = 5});
    in(&a, wait_held, UINT64_MAX);
    unsigned accepted = 0;
    while (actor_send(rt, a.id, 1, NULL, 0)) CHECK(++accepted < 100);
    CHECK_EQ(accepted, 5);
    pass(1ull << 40);
    CHECK_EQ(a.n, 0);
    CHECK_EQ(stats().refused_full, 1);
    actor_stop(rt, a.id);
    CHECK_EQ(a.frees, 1);
    CHECK_EQ(stats().dropped, 5);
    curtain_down();
}

TEST(a_held_actor_can_be_stopped_killed_and_signalled) {
    for (int way = 0; way < 4; way++) {
        one();
        enter(&b);
        in(&b, do_monitor, a.id);
        in(&a, wait_held, way % 2 ? 10 : UINT64_MAX);
        if (way < 2) actor_stop(rt, a.id);
        else actor_exit(rt, a.id, EXIT_SHUTDOWN);
        settle();
        CHECK(!alive(&a));
        CHECK_EQ(a.frees, 1);
        CHECK_EQ(a.n, 0);
        CHECK_HEARD_DOWN(&b, a.id, did_monitor, way < 2 ? EXIT_KILLED : EXIT_SHUTDOWN);
        pass(100); /* and its wake-up finds nobody */
        curtain_down();
    }
}

TEST(a_held_actor_that_traps_hears_of_a_signal_after_its_wait) {
    one();
    in(&a, do_trap, true);
    in(&a, wait_held, 10);
    actor_exit(rt, a.id, EXIT_SHUTDOWN);
    settle();
    CHECK_EQ(a.n, 0);
    CHECK(alive(&a));
    pass(11);
    CHECK_EQ(a.n, 2);
    CHECK_HEARD_EXIT(&a, ACTOR_ID_INVALID, EXIT_SHUTDOWN);
    curtain_down();
}

TEST(a_killed_actor_with_its_wake_up_due_is_not_called) {
    one();
    enter(&b);
    ask(a.id, wait_held, 0);
    ask(b.id, do_stop, a.id);
    settle(); /* a waits, b stops it, and only then its wake-up would have its turn */
    CHECK_EQ(a.n, 0);
    CHECK_EQ(a.frees, 1);
    curtain_down();
}

TEST(timers_and_ends_of_others_wait_for_a_held_actor) {
    one();
    enter(&b);
    in(&a, do_monitor, b.id);
    in(&a, do_once, 5);
    in(&a, do_every, 3);
    in(&a, wait_held, 50);
    actor_stop(rt, b.id);
    for (int i = 0; i < 49; i++) pass(1);
    CHECK_EQ(a.n, 0);
    pass(2);
    CHECK_EQ(a.n, 4);
    CHECK_EQ(a.note[0].type, MSG_WAKE);
    curtain_down();
}

TEST(the_first_wait_may_fail_for_want_of_memory_and_then_nothing_has_changed) {
    curtain_up(&(runtime_config_t){.node_id = 1, .mailbox_default = 100000});
    enter(&a);
    enter(&b);
    a.on = wake_and_go_on;
    ask(a.id, wait_held, 10);
    ask(a.id, do_nothing, 0);
    oom_arm_all();
    while (actor_send(rt, b.id, 1, NULL, 0)) {} /* the pool's small blocks are used up */
    runtime_step(rt);
    oom_disarm();
    if (did_well) rig_skip("the pool had a block left");
    CHECK(actor_send(rt, a.id, 1, NULL, 0));
    settle();
    CHECK_EQ(a.n, 1); /* not held */
    in(&a, wait_held, 10);
    CHECK(did_well);
    pass(11);
    CHECK_EQ(a.n, 2);
    curtain_down();
}

static bool poll_soon(part_t *part, uint64_t us) {
    (void)part;
    mk_fake_advance_us(us);
    mk_runtime_poll_soon(rt);
    return true;
}

TEST(after_a_slow_behaviour_that_says_so_the_clock_and_the_descriptors_are_looked_at) {
    static part_t slow[20];
    for (int says_so = 0; says_so < 2; says_so++) {
        curtain_up(NULL);
        for (int i = 0; i < 20; i++) {
            enter(&slow[i]);
            if (says_so) ask(slow[i].id, poll_soon, 1);
            else ask(slow[i].id, do_nothing, 0);
            ask(slow[i].id, do_end, 0);
        }
        uint64_t waits = mk_fake_waits();
        runtime_run(rt);
        if (says_so) CHECK(mk_fake_waits() - waits >= 19);
        else CHECK(mk_fake_waits() - waits <= 2);
        curtain_down();
    }
}
