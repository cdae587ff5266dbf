/* SPDX-License-Identifier: Apache-2.0 */
/* A link from its hello to its end: who is let in, how silence is noticed, what is said at the end. */
#include "node/link_parts.h"
#include "node/link_rig.h"

static const mk_link_limits_t *limits(void) {
    static mk_link_limits_t usual;
    usual = usual_limits();
    return &usual;
}

static void make_both(uint64_t seed) {
    world_make(seed);
    for (unsigned i = 0; i < 2; i++) CHECK_EQ(side_link(&sides[i], limits(), false), MK_OK);
}

static void open_both(void) {
    CHECK(open_end(&sides[0]));
    CHECK(open_end(&sides[1]));
}

/* The first frame of this kind that a side has written and that was not carried. */
static const uint8_t *written(const side_t *side, mk_wire_kind_t kind) {
    for (size_t at = 0; at < side->end.sent_n; at += mk_wire_load16(side->end.sent + at))
        if (side->end.sent[at + 2] == kind) return side->end.sent + at;
    return NULL;
}

/* How many of them. */
static unsigned wrote(const side_t *side, mk_wire_kind_t kind) {
    unsigned n = 0;
    for (size_t at = 0; at < side->end.sent_n; at += mk_wire_load16(side->end.sent + at))
        n += side->end.sent[at + 2] == kind;
    return n;
}

TEST(two_that_welcome_each_other_are_up) {
    make_both(1);
    open_both();
    settle();
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(sides[i].greeted, 1);
        CHECK_EQ(sides[i].ups, 1);
        CHECK_EQ(sides[i].downs, 0);
        CHECK(mk_remote_find(sides[i].rt, 2 - i) == mk_link_remote(sides[i].link));
        CHECK_EQ(mk_link_hello(sides[i].link)->node, 2 - i);
        CHECK_STR(mk_link_hello(sides[i].link)->identity, i == 0 ? "b" : "a");
        CHECK_EQ(mk_link_remote(sides[i].link)->may, sides[i].may);
        CHECK_STR(mk_link_channel(sides[i].link)->where, "memory");
    }
    world_end();
}

TEST(a_hello_cut_anywhere_is_a_hello) {
    for (uint64_t seed = 1; seed < 20; seed++) {
        world_make(seed);
        piece_max = 3;
        for (unsigned i = 0; i < 2; i++) CHECK_EQ(side_link(&sides[i], limits(), false), MK_OK);
        open_both();
        settle();
        CHECK(mk_link_is_up(sides[0].link) && mk_link_is_up(sides[1].link));
        world_end();
    }
}

TEST(a_welcome_may_take_its_time_and_nothing_flows_before) {
    make_both(2);
    sides[1].silent = true;
    open_both();
    settle();
    CHECK_EQ(sides[0].greeted + sides[1].greeted, 2);
    CHECK_EQ(sides[0].ups + sides[1].ups, 0);
    CHECK(mk_remote_find(sides[0].rt, 2) == NULL);
    CHECK_EQ(mk_link_control(sides[0].link, (const uint8_t *)"\4\0\16\0", 4), MK_ERR_CLOSED);
    mk_link_welcome(sides[1].link, MK_MAY_LOOKUP);
    CHECK_EQ(sides[1].ups, 0); /* not from inside of the call */
    settle();
    CHECK_EQ(sides[0].ups + sides[1].ups, 2);
    world_end();
}

TEST(who_is_welcomed_twice_is_told_once) {
    make_both(24);
    sides[0].silent = sides[1].silent = true;
    open_both();
    settle();
    mk_link_welcome(sides[1].link, MK_MAY_LOOKUP);
    mk_link_welcome(sides[1].link, MK_MAY_LOOKUP);
    settle();
    mk_link_welcome(sides[0].link, MK_MAY_LOOKUP);
    settle();
    CHECK_EQ(sides[0].ups + sides[1].ups, 2);
    world_end();
}

TEST(a_refusal_ends_both_and_says_why) {
    make_both(3);
    sides[1].silent = true;
    open_both();
    settle();
    mk_link_refuse(sides[1].link, MK_WIRE_REASON_TAKEN, "the name is taken");
    CHECK_EQ(sides[1].downs, 0); /* not from inside of the call */
    settle();
    CHECK_EQ(sides[0].downs + sides[1].downs, 2);
    CHECK_EQ(sides[0].err, MK_ERR_DENIED);
    CHECK_EQ(mk_link_reason(sides[0].link), MK_WIRE_REASON_TAKEN);
    CHECK(strstr(sides[0].why, "the name is taken") != NULL);
    CHECK_EQ(sides[1].err, MK_ERR_DENIED);
    CHECK_EQ(mk_link_reason(sides[1].link), 0);
    CHECK_EQ(sides[0].ups + sides[1].ups, 0);
    world_end();
}

TEST(no_version_in_common_is_refused) {
    make_both(4);
    open_both();
    mk_wire_hello_t hello = {.version_min = 2, .version_max = 9, .node = 2, .credit = 65536, .identity = "later"};
    uint8_t         frame[MK_WIRE_HELLO_BYTES_MAX];
    come(&sides[0], frame, mk_wire_put_hello(frame, &hello));
    work();
    CHECK_EQ(sides[0].greeted, 0);
    CHECK_EQ(sides[0].downs, 1);
    const uint8_t *refusal = written(&sides[0], MK_WIRE_REFUSE);
    CHECK(refusal != NULL);
    CHECK_EQ(refusal[4], MK_WIRE_REASON_VERSION);
    world_end();
}

TEST(a_later_version_that_speaks_ours_is_taken) {
    make_both(5);
    CHECK(open_end(&sides[0]));
    mk_wire_hello_t hello = {.version_min = 1, .version_max = 9, .node = 2, .credit = 65536, .identity = "later"};
    uint8_t         frame[MK_WIRE_HELLO_BYTES_MAX];
    come(&sides[0], frame, mk_wire_put_hello(frame, &hello));
    come(&sides[0], frame, mk_wire_put_welcome(frame, &(mk_wire_welcome_t){1, 0}));
    work();
    CHECK_EQ(sides[0].ups, 1);
    CHECK_EQ(written(&sides[0], MK_WIRE_WELCOME)[4], 1);
    world_end();
}

TEST(who_does_not_greet_in_time_is_left) {
    for (unsigned welcomed = 0; welcomed < 2; welcomed++) {
        make_both(6);
        CHECK(open_end(&sides[0]));
        mk_wire_hello_t hello = {.version_min = 1, .version_max = 1, .node = 2, .credit = 65536, .identity = "slow"};
        uint8_t         frame[MK_WIRE_HELLO_BYTES_MAX];
        if (welcomed) come(&sides[0], frame, mk_wire_put_hello(frame, &hello));
        pass_ms(4999);
        CHECK_EQ(sides[0].downs, 0);
        mk_fake_advance_us(1000);
        work();
        CHECK_EQ(sides[0].downs, 1);
        CHECK_EQ(sides[0].err, MK_ERR_TIMEOUT);
        CHECK(sides[0].end.flushed); /* it is told, should it be there after all */
        CHECK(written(&sides[0], welcomed ? MK_WIRE_BYE : MK_WIRE_REFUSE) != NULL);
        world_end();
    }
}

TEST(a_silent_peer_is_asked_after_a_heartbeat_and_dead_at_its_limit) {
    world_linked(7, limits(), false);
    sides[1].end.capacity = 0; /* it says nothing any more */
    pass_ms(999);
    CHECK_EQ(sides[0].end.sent_n, 0);
    mk_fake_advance_us(1000);
    work();
    CHECK(written(&sides[0], MK_WIRE_PING) != NULL);
    pass_ms(2999);
    CHECK_EQ(sides[0].downs, 0);
    pass_ms(1);
    CHECK_EQ(sides[0].downs, 1);
    CHECK_EQ(sides[0].err, MK_ERR_TIMEOUT);
    CHECK(!sides[0].end.flushed); /* nobody is there to be told */
    CHECK(mk_remote_find(sides[0].rt, 2) == NULL);
    world_end();
}

TEST(two_that_have_nothing_to_say_stay_linked) {
    world_linked(8, limits(), false);
    pass_ms(60000);
    CHECK_EQ(sides[0].downs + sides[1].downs, 0);
    world_end();
}

TEST(how_far_away_the_peer_is_is_known_at_once) {
    world_make(9);
    for (unsigned i = 0; i < 2; i++) CHECK_EQ(side_link(&sides[i], limits(), false), MK_OK);
    open_both();
    work();
    for (unsigned i = 0; i < 2; i++) { /* hello, then welcome */
        CHECK(deliver(&sides[0]) && deliver(&sides[1]));
        work();
    }
    CHECK(mk_link_is_up(sides[0].link));
    mk_fake_advance_us(700);
    settle();
    CHECK_EQ(stats_of(&sides[0]).rtt_us, 700);
    world_end();
}

TEST(a_probe_is_answered_or_is_the_end) {
    world_linked(10, limits(), false);
    mk_link_probe(sides[0].link, 200);
    pass_ms(300);
    CHECK_EQ(sides[0].downs, 0);
    sides[1].end.capacity = 0;
    mk_link_probe(sides[0].link, 200);
    pass_ms(199);
    CHECK_EQ(sides[0].downs, 0);
    pass_ms(1);
    CHECK_EQ(sides[0].downs, 1);
    CHECK_EQ(sides[0].err, MK_ERR_TIMEOUT);
    CHECK(!sides[0].end.flushed);
    world_end();
}

TEST(a_second_probe_does_not_put_the_first_one_off) {
    world_linked(11, limits(), false);
    sides[1].end.capacity = 0;
    mk_link_probe(sides[0].link, 200);
    pass_ms(100);
    mk_link_probe(sides[0].link, 1000);
    pass_ms(100);
    CHECK_EQ(sides[0].downs, 1);
    world_end();
}

TEST(a_second_probe_may_want_to_know_sooner) {
    world_linked(20, limits(), false);
    sides[1].end.capacity = 0;
    mk_link_probe(sides[0].link, 900);
    pass_ms(100);
    mk_link_probe(sides[0].link, 200);
    pass_ms(199);
    CHECK_EQ(sides[0].downs, 0);
    pass_ms(1);
    CHECK_EQ(sides[0].downs, 1);
    world_end();
}

TEST(a_probe_after_one_that_was_answered_has_its_own_time) {
    world_linked(21, limits(), false);
    mk_link_probe(sides[0].link, 200);
    pass_ms(50);
    sides[1].end.capacity = 0;
    mk_link_probe(sides[0].link, 500);
    pass_ms(499);
    CHECK_EQ(sides[0].downs, 0);
    pass_ms(1);
    CHECK_EQ(sides[0].downs, 1);
    world_end();
}

TEST(a_link_that_is_finished_says_bye_and_both_go_down) {
    world_linked(12, limits(), false);
    mk_link_finish(sides[0].link, MK_WIRE_REASON_DOUBLE);
    CHECK_EQ(sides[0].downs, 0);
    settle();
    CHECK_EQ(sides[0].downs, 1);
    CHECK_EQ(sides[1].downs, 1);
    CHECK_EQ(sides[1].err, MK_ERR_CLOSED);
    CHECK_EQ(mk_link_reason(sides[1].link), MK_WIRE_REASON_DOUBLE);
    world_end();
}

TEST(a_link_is_finished_within_a_second_whatever_the_peer_does) {
    mk_link_limits_t slow = usual_limits();
    slow.heartbeat_ms = 3000; /* so that it is not a heartbeat that looks */
    slow.dead_ms = 12000;
    for (unsigned blocked = 0; blocked < 2; blocked++) {
        world_linked(13, &slow, false);
        if (blocked) sides[0].end.capacity = 0;
        sides[1].end.capacity = 0;
        sides[0].end.wants_room = false;
        mk_link_finish(sides[0].link, MK_WIRE_REASON_STOPPING);
        work();
        mk_fake_advance_us(999000);
        work();
        CHECK_EQ(sides[0].downs, 0);
        mk_fake_advance_us(1000);
        work();
        CHECK_EQ(sides[0].downs, 1);
        CHECK_EQ(wrote(&sides[0], MK_WIRE_BYE), !blocked); /* once */
        world_end();
    }
}

TEST(what_a_flood_has_left_behind_is_given_back_but_not_what_waits) {
    static const uint8_t payload[1000];
    uint8_t              frame[MK_WIRE_NAME_BYTES_MAX];
    world_linked(22, limits(), false);
    const mk_buffer_t *data = &sides[0].link->data.row, *control = &sides[0].link->control.row;
    size_t             size = mk_wire_put_name(frame, &(mk_wire_name_t){1, 2, 3, {"/a/b", 4}});
    unsigned           names = 0;
    sides[0].end.capacity = 0;
    for (unsigned i = 0; i < 200; i++)
        CHECK_EQ(actor_try_send(sides[0].rt, actor_id_make(2, 777), 1, payload, sizeof payload), MK_OK);
    while (mk_link_control(sides[0].link, frame, size) == MK_OK) names++;
    pass_ms(1500); /* a heartbeat */
    CHECK(data->capacity >= 200000 && control->capacity > 60000);
    sides[0].end.capacity = LINK_RIG_BYTES;
    settle();
    CHECK_EQ(stats_of(&sides[1]).received, 200);
    CHECK_EQ(sides[1].frames, names);
    pass_ms(2000);
    CHECK_EQ(data->capacity, 0);
    CHECK(control->capacity <= MK_LINK_KEEP_BYTES);
    world_end();
}

TEST(a_queue_longer_than_links_have_is_as_long_as_they_have) {
    mk_link_limits_t vast = usual_limits();
    vast.queue_bytes = UINT32_MAX;
    world_linked(23, &vast, false);
    CHECK_EQ(mk_link_hello(sides[1].link)->queue, MK_WIRE_QUEUE_MAX);
    world_end();
}

TEST(an_end_before_the_link_is_up_is_told_once) {
    static const char *const when[] = {"closed", "greeting", "greeted"};
    for (size_t i = 0; i < 3; i++) {
        make_both(14);
        sides[0].silent = true;
        if (i > 0) open_both();
        if (i > 1) settle();
        if (i != 1) mk_link_finish(sides[0].link, MK_WIRE_REASON_STOPPING);
        else come_closed(&sides[0], MK_ERR_IO, "refused");
        settle();
        pass_ms(10);
        if (sides[0].downs != 1) rig_fail(__FILE__, __LINE__, "%s: %u", when[i], sides[0].downs);
        world_end();
    }
}

TEST(a_link_may_be_destroyed_in_each_of_its_calls) {
    make_both(15);
    sides[0].destroy_in_down = true;
    open_both();
    settle();
    come_closed(&sides[0], MK_ERR_IO, "reset");
    settle();
    CHECK(sides[0].link == NULL);
    CHECK(mk_remote_find(sides[0].rt, 2) == NULL);
    world_end();
}

static void destroy_it(side_t *side) {
    mk_link_destroy(side->link);
    side->link = NULL;
}

TEST(a_link_may_be_destroyed_while_it_greets_and_while_it_goes_up) {
    for (unsigned up = 0; up < 2; up++) {
        make_both(16);
        if (up) sides[0].on_up = destroy_it;
        else sides[0].on_greeted = destroy_it;
        open_both();
        settle();
        CHECK(sides[0].link == NULL);
        CHECK_EQ(sides[0].downs, 0);
        CHECK_EQ(sides[1].downs, 1);
        CHECK(mk_remote_find(sides[0].rt, 2) == NULL);
        world_end();
    }
}

TEST(names_and_requests_go_to_the_owner_and_are_told_to_wait) {
    uint8_t frame[MK_WIRE_NAME_BYTES_MAX];
    world_linked(17, limits(), false);
    size_t   size = mk_wire_put_name(frame, &(mk_wire_name_t){1, 2, 3, {"/a/b", 4}});
    unsigned n = 0;
    while (mk_link_control(sides[0].link, frame, size) == MK_OK) n++;
    CHECK_EQ(mk_link_control(sides[0].link, frame, size), MK_ERR_FULL);
    CHECK(n * size <= 65536 && (n + 1) * size > 65536);
    CHECK_EQ(sides[0].drained, 0);
    settle();
    CHECK_EQ(sides[1].frames, n);
    CHECK_EQ(sides[0].drained, 1);
    CHECK_EQ(mk_link_control(sides[0].link, frame, size), MK_OK);
    settle();
    CHECK_EQ(sides[0].drained, 1);
    sides[1].frame_answer = MK_ERR_PROTO;
    CHECK_EQ(mk_link_control(sides[0].link, frame, size), MK_OK);
    settle();
    CHECK_EQ(sides[1].downs, 1);
    CHECK_EQ(sides[1].err, MK_ERR_PROTO);
    CHECK_EQ(mk_link_reason(sides[0].link), MK_WIRE_REASON_PROTOCOL);
    world_end();
}

TEST(the_same_node_twice_is_refused_by_the_runtime) {
    world_linked(18, limits(), false);
    mk_link_t *first = sides[0].link;
    end_t      kept = sides[0].end;
    sides[0].end.sent = sides[0].end.left = NULL;
    CHECK_EQ(side_link(&sides[0], limits(), false), MK_OK);
    CHECK(open_end(&sides[0]));
    mk_wire_hello_t hello = {.version_min = 1, .version_max = 1, .node = 2, .credit = 65536, .identity = "again"};
    uint8_t         frame[MK_WIRE_HELLO_BYTES_MAX];
    come(&sides[0], frame, mk_wire_put_hello(frame, &hello));
    come(&sides[0], frame, mk_wire_put_welcome(frame, &(mk_wire_welcome_t){1, 0}));
    work();
    CHECK_EQ(sides[0].downs, 1);
    CHECK_EQ(sides[0].err, MK_ERR_EXISTS);
    CHECK(mk_remote_find(sides[0].rt, 2) == mk_link_remote(first));
    mk_link_destroy(sides[0].link);
    free(sides[0].end.sent);
    free(sides[0].end.left);
    sides[0].end = kept; /* both had the same place for their channel */
    sides[0].link = first;
    world_end();
}

TEST(an_allocation_that_fails_while_a_link_is_made_leaves_nothing_behind) {
    for (unsigned n = 1;; n++) {
        world_make(19);
        oom_arm(n);
        mk_err_t err = side_link(&sides[0], limits(), false);
        if (err == MK_OK && open_end(&sides[0])) work();
        bool reached = oom_disarm();
        if (err != MK_OK) CHECK(!sides[0].end.is && sides[0].link == NULL);
        else CHECK_EQ(sides[0].downs, reached ? 1 : 0);
        world_end();
        if (!reached) break;
    }
}
