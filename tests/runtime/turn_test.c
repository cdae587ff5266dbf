/* SPDX-License-Identifier: Apache-2.0 */
/* Fairness: nobody starves, not even time, whatever the others do. */
#include "runtime/play.h"

static part_t a, b, c, watcher;

static bool repeat_to_self(part_t *part, message_t *msg) {
    part->n++;
    CHECK(actor_send(rt, part->id, msg->type, NULL, 0));
    return true;
}

static bool count_only(part_t *part, message_t *msg) {
    (void)msg;
    part->n++;
    return true;
}

TEST(an_actor_that_sends_to_itself_takes_one_turn_like_everyone) {
    curtain_up(NULL);
    enter(&a);
    enter(&b);
    a.on = repeat_to_self;
    b.on = repeat_to_self;
    CHECK(actor_send(rt, a.id, 1, NULL, 0));
    CHECK(actor_send(rt, b.id, 1, NULL, 0));
    for (int i = 0; i < 1000; i++) runtime_step(rt);
    CHECK(a.n >= 499 && a.n <= 501);
    CHECK(b.n >= 499 && b.n <= 501);
    curtain_down();
}

TEST(a_long_queue_waits_after_its_share) {
    curtain_up(&(runtime_config_t){.node_id = 1, .turn_messages_max = 10});
    enter(&a);
    enter(&b);
    a.on = b.on = count_only;
    for (int i = 0; i < 1000; i++) CHECK(actor_send(rt, a.id, 1, NULL, 0));
    for (int i = 0; i < 5; i++) CHECK(actor_send(rt, b.id, 1, NULL, 0));
    runtime_step(rt);
    CHECK_EQ(a.n, 10);
    runtime_step(rt);
    CHECK_EQ(b.n, 5);
    settle();
    CHECK_EQ(a.n, 1000);
    curtain_down();
}

static part_t *peer_of(part_t *part) { return part == &a ? &b : &a; }

/* Floods its peer until refused, in each turn. */
static bool flood_peer(part_t *part, message_t *msg) {
    part->n++;
    if (part->n % 64 == 0) mk_fake_advance_us(10);
    while (actor_send(rt, peer_of(part)->id, msg->type, NULL, 0)) {}
    return true;
}

TEST(a_flooding_pair_leaves_turns_for_a_third) {
    curtain_up(&(runtime_config_t){.node_id = 1, .mailbox_default = 64});
    enter(&a);
    enter(&b);
    enter(&c);
    a.on = b.on = flood_peer;
    c.on = repeat_to_self;
    CHECK(actor_send(rt, a.id, 1, NULL, 0));
    CHECK(actor_send(rt, c.id, 1, NULL, 0));
    for (int i = 0; i < 300; i++) runtime_step(rt);
    CHECK(c.n >= 99);
    CHECK(stats().refused_full > 0);
    curtain_down();
}

static bool ping_pong(part_t *part, message_t *msg) {
    part->n++;
    mk_fake_advance_us(7);
    CHECK(actor_send(rt, peer_of(part)->id, msg->type, NULL, 0));
    return true;
}

static bool stop_after_ten_ticks(part_t *part, message_t *msg) {
    take_note(part, msg);
    if (part->n == 10) runtime_stop(rt);
    return true;
}

TEST(a_timer_keeps_firing_while_two_actors_never_rest) {
    curtain_up(NULL);
    enter(&a);
    enter(&b);
    enter(&watcher);
    a.on = b.on = ping_pong;
    in(&watcher, do_every, 10);
    watcher.on = stop_after_ten_ticks;
    uint64_t start_us = (runtime_now_ms(rt)) * 1000;
    CHECK(actor_send(rt, a.id, 1, NULL, 0));
    runtime_run(rt); /* would never end */
    CHECK_EQ(watcher.n, 10);
    for (unsigned i = 0; i < 10; i++) {
        CHECK_EQ(watcher.note[i].as.timer.expirations, 1); /* none was missed, */
        uint64_t late_us = watcher.note[i].at_us - start_us - (i + 1) * 10000;
        CHECK(late_us <= 3000); /* and none was late by more than a look around */
    }
    curtain_down();
}

static bool do_watch_five(part_t *part, uint64_t arg) {
    (void)part, (void)arg;
    return actor_watch_fd(rt, 5, 1);
}

TEST(a_descriptor_is_served_while_two_actors_never_rest) {
    curtain_up(NULL);
    enter(&watcher);
    in(&watcher, do_watch_five, 0);
    watcher.on = stop_after_ten_ticks;
    enter(&a);
    enter(&b);
    a.on = b.on = ping_pong;
    CHECK(actor_send(rt, a.id, 1, NULL, 0));
    mk_fake_set_ready(5, 1);
    runtime_run(rt);
    CHECK_EQ(watcher.n, 10);
    curtain_down();
}

TEST(messages_that_are_slow_do_not_delay_time_by_thousands) {
    curtain_up(NULL);
    enter(&watcher);
    in(&watcher, do_every, 10);
    enter(&a);
    enter(&b);
    a.on = b.on = ping_pong;
    watcher.on = stop_after_ten_ticks;
    CHECK(actor_send(rt, a.id, 1, NULL, 0));
    runtime_run(rt);
    /* 7 us a message: 100 ms are some 14,000 messages, and the poller was asked about each millisecond. */
    CHECK(mk_fake_waits() >= 50);
    CHECK(a.n + b.n < 20000);
    curtain_down();
}

TEST(a_node_with_nothing_to_do_sleeps) {
    curtain_up(NULL);
    enter(&watcher);
    in(&watcher, do_every, 1000);
    watcher.on = stop_after_ten_ticks;
    uint64_t waits = mk_fake_waits();
    runtime_run(rt);
    CHECK(mk_fake_waits() - waits <= 30);
    CHECK(mk_fake_waited_us() >= 9999000);
    curtain_down();
}
