/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptor watches on the fake poller; `state.h` has how many descriptors it knows. */
#include "port/port.h"
#include "runtime/play.h"

static part_t a, b;

static bool do_watch(part_t *part, uint64_t fd) {
    (void)part;
    did_well = actor_watch_fd(rt, (int)fd, MK_POLL_IN);
    return true;
}

static bool do_watch_out(part_t *part, uint64_t fd) {
    (void)part;
    did_well = actor_watch_fd(rt, (int)fd, MK_POLL_OUT);
    return true;
}

static bool do_unwatch(part_t *part, uint64_t fd) {
    (void)part;
    did_well = actor_unwatch_fd(rt, (int)fd);
    return true;
}

static void one(void) {
    curtain_up(NULL);
    enter(&a);
}

/* Each event is dealt with: the descriptor is not ready any more. */
static bool serve(part_t *part, message_t *msg) {
    take_note(part, msg);
    if (msg->type == MSG_FD_EVENT) mk_fake_set_ready(((const fd_event_payload_t *)msg->payload)->fd, 0);
    return true;
}

TEST(an_actor_hears_of_a_ready_descriptor) {
    one();
    in(&a, do_watch, 5);
    CHECK(did_well);
    a.on = serve;
    mk_fake_set_ready(5, MK_POLL_IN | MK_POLL_OUT);
    settle();
    CHECK_EQ(a.n, 1);
    CHECK_EQ(last_note(&a)->type, MSG_FD_EVENT);
    CHECK_EQ(last_note(&a)->as.fd.fd, 5);
    CHECK_EQ(last_note(&a)->as.fd.events, MK_POLL_IN);
    CHECK_EQ(last_note(&a)->source, ACTOR_ID_INVALID);
    mk_fake_set_ready(5, MK_POLL_HUP);
    settle();
    CHECK_EQ(a.n, 2);
    CHECK_EQ(last_note(&a)->as.fd.events, MK_POLL_HUP);
    curtain_down();
}

TEST(what_stays_ready_is_told_again_and_again_but_one_at_a_time) {
    one();
    in(&a, do_watch, 5);
    mk_fake_set_ready(5, MK_POLL_IN);
    for (int i = 0; i < 50; i++) {
        runtime_step(rt);
        actor_info_t info;
        CHECK(runtime_get_actor_info(rt, a.id, &info));
        CHECK(info.queued <= 1);
    }
    CHECK(a.n >= 20);
    curtain_down();
}

static bool never_ready_again(part_t *part, message_t *msg) {
    (void)part, (void)msg;
    return true;
}

TEST(an_actor_that_does_not_get_to_it_has_one_event_waiting_and_the_poller_rests) {
    one();
    in(&a, do_watch, 5);
    enter(&b);
    b.on = never_ready_again;
    /* Held: the actor cannot handle anything. */
    static part_t busy[40];
    for (int i = 0; i < 40; i++) {
        enter(&busy[i]);
        ask(busy[i].id, do_nothing, 0);
    }
    ask(a.id, do_nothing, 0);
    mk_fake_set_ready(5, MK_POLL_IN);
    for (int i = 0; i < 30; i++) runtime_step(rt); /* thirty looks, and its turn has not come */
    CHECK_EQ(a.n, 0);
    actor_info_t info;
    CHECK(runtime_get_actor_info(rt, a.id, &info));
    CHECK_EQ(info.queued, 2);
    a.on = serve;
    settle();
    CHECK_EQ(a.n, 1);
    mk_fake_set_ready(5, MK_POLL_IN); /* it was paused meanwhile and goes on */
    settle();
    CHECK_EQ(a.n, 2);
    curtain_down();
}

TEST(unwatching_with_an_event_on_the_way_delivers_nothing) {
    one();
    in(&a, do_watch, 5);
    ask(a.id, do_unwatch, 5);
    mk_fake_set_ready(5, MK_POLL_IN);
    settle(); /* the event is queued by the look before that turn */
    CHECK(did_well);
    CHECK_EQ(a.n, 0);
    in(&a, do_unwatch, 5);
    CHECK(!did_well);
    curtain_down();
}

static bool swap_watch(part_t *part, uint64_t fd) {
    do_unwatch(part, fd);
    CHECK(did_well);
    do_watch(part, fd);
    CHECK(did_well);
    mk_fake_set_ready((int)fd, 0);
    return true;
}

TEST(an_old_event_is_not_taken_for_one_of_a_new_watch_of_the_same_descriptor) {
    one();
    in(&a, do_watch, 5);
    ask(a.id, swap_watch, 5);
    mk_fake_set_ready(5, MK_POLL_IN);
    settle();
    CHECK_EQ(a.n, 0);
    a.on = serve;
    mk_fake_set_ready(5, MK_POLL_IN); /* the new one works */
    settle();
    CHECK_EQ(a.n, 1);
    curtain_down();
}

TEST(watching_again_changes_what_is_waited_for) {
    one();
    in(&a, do_watch, 5);
    in(&a, do_watch_out, 5);
    CHECK(did_well);
    mk_fake_set_ready(5, MK_POLL_IN);
    settle();
    CHECK_EQ(a.n, 0);
    a.on = serve;
    mk_fake_set_ready(5, MK_POLL_OUT);
    settle();
    CHECK_EQ(last_note(&a)->as.fd.events, MK_POLL_OUT);
    curtain_down();
}

TEST(a_descriptor_has_one_watcher) {
    one();
    enter(&b);
    in(&a, do_watch, 5);
    in(&b, do_watch, 5);
    CHECK(!did_well);
    in(&b, do_unwatch, 5);
    CHECK(!did_well);
    CHECK(!actor_unwatch_fd(rt, 5));
    actor_stop(rt, a.id);
    in(&b, do_watch, 5); /* free again */
    CHECK(did_well);
    b.on = serve;
    mk_fake_set_ready(5, MK_POLL_IN);
    settle();
    CHECK_EQ(b.n, 1);
    curtain_down();
}

TEST(watches_go_with_their_actor) {
    one();
    for (uint64_t fd = 0; fd < 100; fd++) {
        in(&a, do_watch, fd);
        CHECK(did_well);
    }
    for (int fd = 0; fd < 100; fd++) mk_fake_set_ready(fd, MK_POLL_IN);
    runtime_step(rt);
    actor_stop(rt, a.id);
    uint64_t n = a.n;
    settle();
    CHECK_EQ(a.n, n);
    enter(&b);
    settle();
    CHECK_EQ(b.n, 0);
    curtain_down();
}

TEST(what_cannot_be_watched_is_refused) {
    static const int64_t bad[] = {-1, -1000, 100000, 1 << 20, 0x7fffffff};
    one();
    for (unsigned i = 0; i < 5; i++) {
        in(&a, do_watch, (uint64_t)bad[i]);
        CHECK(!did_well);
        in(&a, do_unwatch, (uint64_t)bad[i]);
        CHECK(!did_well);
    }
    mk_fake_fail(MK_FAKE_POLLER_SET, 1);
    in(&a, do_watch, 5);
    CHECK(!did_well);
    in(&a, do_watch, 5);
    CHECK(did_well);
    mk_fake_fail(MK_FAKE_POLLER_SET, 1);
    in(&a, do_watch_out, 5); /* the change is refused, the watch stays as it was */
    CHECK(!did_well);
    a.on = serve;
    mk_fake_set_ready(5, MK_POLL_IN);
    settle();
    CHECK_EQ(a.n, 1);
    curtain_down();
}

TEST(a_descriptor_that_can_no_longer_be_polled_is_told_as_an_error) {
    one();
    in(&a, do_watch, 5);
    enter(&b);
    ask(b.id, do_nothing, 0);
    ask(b.id, do_nothing, 0);
    static part_t busy[4];
    for (int i = 0; i < 4; i++) {
        enter(&busy[i]);
        ask(busy[i].id, do_nothing, 0);
    }
    ask(a.id, do_nothing, 0);
    mk_fake_set_ready(5, MK_POLL_IN);
    for (int i = 0; i < 3; i++) runtime_step(rt); /* told, and paused */
    CHECK_EQ(a.n, 0);
    mk_fake_fail(MK_FAKE_POLLER_SET, 1); /* going on fails */
    a.on = serve;
    settle();
    CHECK_EQ(a.n, 1);
    CHECK(last_note(&a)->as.fd.events & MK_POLL_ERR);
    in(&a, do_watch, 5); /* watching it again helps */
    CHECK(did_well);
    mk_fake_set_ready(5, MK_POLL_IN);
    settle();
    CHECK_EQ(a.n, 2);
    curtain_down();
}

TEST(an_event_without_memory_comes_with_a_later_look) {
    curtain_up(&(runtime_config_t){.node_id = 1, .mailbox_default = 100000});
    enter(&a);
    enter(&b);
    in(&a, do_watch, 5);
    oom_arm_all();
    while (actor_send(rt, b.id, 1, "0123456789", 10)) {}
    mk_fake_set_ready(5, MK_POLL_IN);
    a.on = serve;
    runtime_step(rt);
    oom_disarm();
    CHECK_EQ(a.n, 0);
    settle();
    CHECK_EQ(a.n, 1);
    curtain_down();
}

static bool do_watch_in_need(part_t *part, uint64_t n) {
    oom_arm((unsigned)n);
    do_watch(part, 200); /* the table has to grow for it */
    bool failed = oom_disarm();
    CHECK(did_well != failed);
    return true;
}

TEST(a_watch_without_memory_is_none) {
    for (unsigned n = 1; n < 8; n++) {
        one();
        in(&a, do_watch_in_need, n);
        in(&a, do_watch, 200);
        CHECK(did_well);
        curtain_down();
    }
}
