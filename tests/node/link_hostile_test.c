/* SPDX-License-Identifier: Apache-2.0 */
/* A peer that says what no honest one would: it is dropped, told why, the owner hears of it once, and what it can make us keep is
 * bounded. The test is that peer. */
#include "node/link_rig.h"

enum { MSG_ITEM = 1, PEER = 2 };

static uint8_t          raw[MK_WIRE_FRAME_BYTES_MAX];
static mk_link_limits_t limits;
static unsigned         handled;

static side_t *const us = &sides[0];

static bool behave(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)rt, (void)self, (void)msg, (void)state;
    handled++;
    return true;
}

static uint32_t spawn(size_t mailbox) {
    actor_id_t id = actor_spawn(us->rt, behave, NULL, NULL, mailbox);
    CHECK(id != ACTOR_ID_INVALID);
    return actor_id_seq(id);
}

static size_t hello_frame(uint32_t credit, uint32_t queue) {
    mk_wire_hello_t hello = {.version_min = 1,
                             .version_max = 1,
                             .node = PEER,
                             .features = 15,
                             .credit = credit,
                             .queue = queue,
                             .message_max = 1 << 20,
                             .heartbeat_ms = 1000,
                             .identity = "evil"};
    return mk_wire_put_hello(raw, &hello);
}

/* Up to where the peer has said hello; the rest is the test's. */
static void greeted_by(bool datagrams, uint32_t queue) {
    limits = usual_limits();
    world_make(1);
    handled = 0;
    CHECK_EQ(side_link(us, &limits, datagrams), MK_OK);
    CHECK(open_end(us));
    come(us, raw, hello_frame(65536, queue));
    CHECK_EQ(us->greeted, 1);
}

static void greeted(bool datagrams) { greeted_by(datagrams, 65536); }

/* With a peer that says its queue is so large. */
static void linked_to(bool datagrams, uint32_t queue) {
    greeted_by(datagrams, queue);
    come(us, raw, mk_wire_put_welcome(raw, &(mk_wire_welcome_t){1, 15}));
    work();
    CHECK_EQ(us->ups, 1);
    us->end.sent_n = 0;
}

static void linked(bool datagrams) { linked_to(datagrams, 65536); }

static size_t data_frame(uint32_t to, size_t size) {
    static uint8_t payload[MK_WIRE_FRAME_BYTES_MAX];
    return mk_wire_put_data(raw, &(mk_wire_data_t){9, to, MSG_ITEM, 0, 0, {payload, size}});
}

static size_t fragment_frame(uint32_t stream, uint32_t to, unsigned flags, uint32_t total, size_t size) {
    static uint8_t     payload[MK_WIRE_FRAME_BYTES_MAX];
    mk_wire_fragment_t fragment = {.stream = stream,
                                   .first = (flags & MK_WIRE_FIRST) != 0,
                                   .last = (flags & MK_WIRE_LAST) != 0,
                                   .total = total,
                                   .data = {9, to, MSG_ITEM, 0, 0, {payload, size}}};
    return mk_wire_put_fragment(raw, &fragment);
}

/* How often this kind was written. */
static unsigned wrote(mk_wire_kind_t kind) {
    unsigned n = 0;
    for (size_t at = 0; at < us->end.sent_n; at += mk_wire_load16(us->end.sent + at)) n += us->end.sent[at + 2] == kind;
    return n;
}

static void expect_dropped(const char *why) {
    work();
    CHECK_EQ(us->downs, 1);
    if (strstr(us->why, why) == NULL) rig_fail(__FILE__, __LINE__, "\"%s\" has no \"%s\"", us->why, why);
    CHECK(us->err == MK_ERR_PROTO || us->err == MK_ERR_LIMIT);
    CHECK_EQ(wrote(MK_WIRE_BYE) + wrote(MK_WIRE_REFUSE), us->end.capacity != 0);
    CHECK(!us->end.is);
    world_end();
}

static void expect_alive(void) {
    work();
    CHECK_EQ(us->downs, 0);
    world_end();
}

TEST(garbage_is_seen_in_its_first_four_bytes) {
    static const char *const garbage[] = {"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00",
                                          "SSH-2.0-OpenSSH_9.2\r\n", "\xff\xff\xff\xff", "\1\1\1\1"};
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        limits = usual_limits();
        world_make(1);
        CHECK_EQ(side_link(us, &limits, false), MK_OK);
        CHECK(open_end(us));
        come(us, garbage[i], 4);
        expect_dropped("no frame");
    }
}

TEST(random_bytes_and_random_frames_never_hurt) {
    rig_random_t mine = {77};
    for (unsigned round = 0; round < 400; round++) {
        linked(round % 4 == 0);
        (void)spawn(3);
        for (unsigned i = 0; i < 30 && us->downs == 0; i++) {
            size_t n = 4 + rig_random_below(&mine, 40);
            for (size_t at = 0; at < n; at++) raw[at] = (uint8_t)rig_random_below(&mine, 8);
            if (round % 2 == 0) {
                mk_wire_store16(raw, (uint32_t)n);
                raw[2] = (uint8_t)(1 + rig_random_below(&mine, MK_WIRE_KINDS - 1));
                raw[3] = rig_random_below(&mine, 4) == 0 ? raw[3] : 0;
            }
            come(us, raw, n);
            work();
        }
        pass_ms(1);
        CHECK(us->downs <= 1);
        world_end();
    }
}

TEST(half_a_frame_waits_and_the_peer_dies_of_silence) {
    linked(false);
    come(us, raw, data_frame(1, 1000) / 2);
    pass_ms(3999);
    CHECK_EQ(us->downs, 0);
    pass_ms(1);
    CHECK_EQ(us->downs, 1);
    CHECK_EQ(us->err, MK_ERR_TIMEOUT);
    world_end();
}

TEST(frames_before_the_welcome_are_out_of_place) {
    greeted(false);
    come(us, raw, data_frame(1, 10));
    expect_dropped("before the welcome");
    greeted(false);
    come(us, raw, mk_wire_put_empty(raw, MK_WIRE_NAMES_BEGIN));
    expect_dropped("before the welcome");
    greeted(false);
    come(us, raw, hello_frame(65536, 0));
    expect_dropped("twice");
    greeted(false);
    come(us, raw, mk_wire_put_welcome(raw, &(mk_wire_welcome_t){2, 0}));
    expect_dropped("welcome out of place");
    linked(false);
    come(us, raw, mk_wire_put_welcome(raw, &(mk_wire_welcome_t){1, 0}));
    expect_dropped("welcome out of place");
    linked(false);
    come(us, raw, mk_wire_put_end(raw, MK_WIRE_REFUSE, &(mk_wire_end_t){1, {"", 0}}));
    expect_dropped("end out of place");
}

TEST(frames_whose_head_is_good_and_whose_body_is_not_are_the_end) {
    linked(false);
    come(us, raw, mk_wire_put_actor(raw, MK_WIRE_STOP, 0));
    expect_dropped("malformed");
    linked(false);
    come(us, raw, mk_wire_put_actor(raw, MK_WIRE_STOPPED, 0));
    expect_dropped("malformed");
    linked(false);
    come(us, raw, data_frame(0, 10));
    expect_dropped("malformed");
    linked(false);
    come(us, raw, fragment_frame(0, 1, MK_WIRE_FIRST, 20, 10));
    expect_dropped("malformed");
}

TEST(a_datagram_that_overtakes_the_welcome_is_lost) {
    greeted(true);
    uint32_t actor = spawn(10);
    come(us, raw, data_frame(actor, 10));
    work();
    CHECK_EQ(handled, 0);
    expect_alive();
}

TEST(more_than_the_credit_is_the_end) {
    linked(false);
    uint32_t actor = spawn(1 << 20);
    size_t   size = data_frame(actor, 1000);
    us->end.capacity = 0; /* we say nothing, so the window stays as it was */
    for (size_t sent = 0; sent + size <= limits.credit_bytes; sent += size) come(us, raw, size);
    CHECK(mk_link_is_up(us->link));
    come(us, raw, size);
    expect_dropped("credit");
}

TEST(credit_for_nothing_is_the_end) {
    linked(false);
    come(us, raw, mk_wire_put_credit(raw, &(mk_wire_credit_t){1, 0}));
    expect_dropped("credit for");
    linked(false);
    come(us, raw, mk_wire_put_credit(raw, &(mk_wire_credit_t){0, 1}));
    expect_dropped("credit for");
    linked(false);
    CHECK_EQ(actor_try_send(us->rt, actor_id_make(PEER, 5), MSG_ITEM, "12345678", 8), MK_OK);
    work();
    come(us, raw, mk_wire_put_credit(raw, &(mk_wire_credit_t){24, 1}));
    CHECK(mk_link_is_up(us->link));
    come(us, raw, mk_wire_put_credit(raw, &(mk_wire_credit_t){23, 1})); /* less than before */
    expect_dropped("credit for");
}

TEST(an_answer_to_no_ping_is_the_end) {
    linked(false);
    come(us, raw, mk_wire_put_stamp(raw, MK_WIRE_PONG, 12345));
    expect_dropped("ping");
}

TEST(a_flood_of_pings_is_answered_as_fast_as_it_is_read) {
    linked(false);
    us->end.capacity = 0;
    for (unsigned i = 0; i < 100000; i++) come(us, raw, mk_wire_put_stamp(raw, MK_WIRE_PING, i));
    CHECK(stats_of(us).queued_bytes == 0);
    us->end.capacity = LINK_RIG_BYTES;
    us->end.wants_room = true;
    come_room(us);
    work();
    CHECK(wrote(MK_WIRE_PONG) <= 1);
    expect_alive();
}

/* ---- stopping ---------------------------------------------------------------------------------------------------------------- */

TEST(who_goes_on_after_it_has_agreed_to_stop_is_dropped) {
    linked(false);
    uint32_t actor = spawn(2);
    for (unsigned i = 0; i < 2; i++) come(us, raw, data_frame(actor, 10));
    mk_loop_settle(mk_runtime_loop(us->rt));
    CHECK_EQ(wrote(MK_WIRE_STOP), 1);
    come(us, raw, data_frame(actor, 10)); /* was on its way */
    come(us, raw, mk_wire_put_actor(raw, MK_WIRE_STOPPED, actor));
    CHECK(mk_link_is_up(us->link));
    mk_wire_data_t reply = {9, actor, MSG_ITEM, 77, MK_WIRE_REPLY, {"", 0}};
    come(us, raw, mk_wire_put_data(raw, &reply)); /* to no call: dropped, but an answer may come */
    CHECK(mk_link_is_up(us->link));
    come(us, raw, data_frame(actor, 10));
    expect_dropped("stopped");
}

TEST(so_is_who_begins_a_large_message_then) {
    linked(false);
    uint32_t actor = spawn(2);
    for (unsigned i = 0; i < 3; i++) come(us, raw, data_frame(actor, 10));
    come(us, raw, mk_wire_put_actor(raw, MK_WIRE_STOPPED, actor));
    come(us, raw, fragment_frame(1, actor, MK_WIRE_FIRST, 5000, 1000));
    expect_dropped("stopped");
}

TEST(who_never_agrees_to_stop_is_dropped_when_that_cannot_be_honest) {
    linked(false);
    uint32_t actor = spawn(2);
    size_t   bytes = 0;
    while (us->link != NULL && mk_link_is_up(us->link)) {
        size_t size = data_frame(actor, 10000);
        come(us, raw, size);
        bytes += size;
        mk_loop_settle(mk_runtime_loop(us->rt)); /* credit, but no turn for the actor */
        us->end.sent_n = 0;
    }
    CHECK(bytes > limits.message_max && bytes < 65536 + 65536 + limits.message_max + 200000);
    work();
    CHECK_EQ(us->downs, 1);
    CHECK(strstr(us->why, "stopped") != NULL);
    world_end();
}

TEST(a_peer_that_announces_a_huge_queue_gains_nothing_by_it) {
    linked_to(false, (uint32_t)64 << 20);
    uint32_t actor = spawn(2);
    size_t   bytes = 0;
    while (us->link != NULL && mk_link_is_up(us->link)) {
        size_t size = data_frame(actor, 10000);
        come(us, raw, size);
        bytes += size;
        mk_loop_settle(mk_runtime_loop(us->rt));
        us->end.sent_n = 0;
    }
    CHECK(bytes <= limits.credit_bytes + limits.queue_bytes + limits.message_max + 50000);
    work();
    CHECK_EQ(us->downs, 1);
    CHECK(strstr(us->why, "stopped") != NULL);
    world_end();
}

/* What fits into the queue of `us` while the peer takes nothing. */
static size_t fill_queue(void) {
    static uint8_t payload[1000];
    us->end.capacity = 0;
    for (unsigned i = 0; i < 10000; i++) {
        mk_err_t err = actor_try_send(us->rt, actor_id_make(PEER, 5), MSG_ITEM, payload, sizeof payload);
        if (err != MK_OK) CHECK_EQ(err, MK_ERR_FULL);
        if (err != MK_OK) break;
    }
    size_t queued = stats_of(us).queued_bytes;
    world_end();
    return queued;
}

TEST(a_links_queue_is_the_smaller_one_of_both_sides) {
    linked_to(false, 200000);
    size_t queued = fill_queue();
    CHECK(queued <= 200000 && queued > 198000);
    linked_to(false, (uint32_t)64 << 20);
    queued = fill_queue();
    CHECK(queued <= limits.queue_bytes && queued > limits.queue_bytes - 2000);
    linked_to(false, 0); /* whoever has none leaves us a frame */
    queued = fill_queue();
    CHECK(queued <= MK_WIRE_FRAME_BYTES_MAX && queued > MK_WIRE_FRAME_BYTES_MAX - 2000);
}

TEST(answers_to_stops_that_were_not_said_are_the_end) {
    linked(false);
    come(us, raw, mk_wire_put_actor(raw, MK_WIRE_STOPPED, 1));
    expect_dropped("stop that was not said");
    linked(false);
    come(us, raw, mk_wire_put_actor(raw, MK_WIRE_READY, 1));
    expect_dropped("not stopped");
    linked(false);
    come(us, raw, mk_wire_put_actor(raw, MK_WIRE_STOP, 1));
    come(us, raw, mk_wire_put_actor(raw, MK_WIRE_STOP, 1));
    expect_dropped("twice");
}

TEST(not_everybody_can_be_stopped) {
    linked(false);
    for (uint32_t i = 1; i <= 65536; i++) {
        come(us, raw, mk_wire_put_actor(raw, MK_WIRE_STOP, i));
        if (i % 1000 == 0) {
            mk_loop_settle(mk_runtime_loop(us->rt));
            us->end.sent_n = 0;
        }
    }
    CHECK(mk_link_is_up(us->link));
    come(us, raw, mk_wire_put_actor(raw, MK_WIRE_STOP, 65537));
    expect_dropped("too many");
}

TEST(stops_and_readies_without_end_from_who_does_not_read_are_the_end) {
    linked(false);
    us->end.capacity = 0;
    for (unsigned i = 0; i < 10000000 && mk_link_is_up(us->link); i++) {
        come(us, raw, mk_wire_put_actor(raw, i % 2 == 0 ? MK_WIRE_STOP : MK_WIRE_READY, 1));
        CHECK(stats_of(us).queued_bytes < 20 << 20);
    }
    expect_dropped("signals");
}

/* ---- pieces -------------------------------------------------------------------------------------------------------------------- */

TEST(pieces_that_do_not_fit_are_the_end) {
    linked(false);
    come(us, raw, fragment_frame(2, 1, MK_WIRE_FIRST, 5000, 1000));
    expect_dropped("large messages"); /* streams count from 1 */
    linked(false);
    come(us, raw, fragment_frame(1, 1, 0, 0, 1000));
    expect_dropped("no message");
    linked(false);
    come(us, raw, fragment_frame(1, 1, MK_WIRE_FIRST, 5000, 1000));
    come(us, raw, fragment_frame(1, 1, MK_WIRE_LAST, 0, 1000)); /* too little */
    expect_dropped("fit");
    linked(false);
    come(us, raw, fragment_frame(1, 1, MK_WIRE_FIRST, 5000, 1000));
    come(us, raw, fragment_frame(1, 1, 0, 0, 4000)); /* all, and not the last */
    expect_dropped("fit");
    linked(false);
    come(us, raw, fragment_frame(1, 1, MK_WIRE_FIRST, 5000, 1000));
    come(us, raw, fragment_frame(1, 1, 0, 0, 4001)); /* too much */
    expect_dropped("fit");
    linked(false);
    come(us, raw, fragment_frame(1, 1, MK_WIRE_FIRST, UINT32_MAX, 1000)); /* 4 GiB */
    expect_dropped("large messages");
}

TEST(streams_that_never_end_are_bounded) {
    linked(false);
    for (uint32_t i = 1; i <= MK_WIRE_STREAMS_MAX; i++) come(us, raw, fragment_frame(i, 1, MK_WIRE_FIRST, 5000, 1000));
    CHECK(mk_link_is_up(us->link));
    come(us, raw, fragment_frame(MK_WIRE_STREAMS_MAX + 1, 1, MK_WIRE_FIRST, 5000, 1000));
    expect_dropped("large messages");
    linked(false);
    come(us, raw, fragment_frame(1, 1, MK_WIRE_FIRST, limits.message_max - 10, 1000));
    CHECK(mk_link_is_up(us->link));
    come(us, raw, fragment_frame(2, 1, MK_WIRE_FIRST, 11, 10));
    expect_dropped("large messages");
}

/* ---- signals, types ---------------------------------------------------------------------------------------------------------- */

TEST(a_message_of_the_systems_own_is_the_end) {
    linked(false);
    uint32_t       actor = spawn(10);
    mk_wire_data_t data = {9, actor, MSG_DOWN, 0, 0, {"", 0}};
    come(us, raw, mk_wire_put_data(raw, &data));
    expect_dropped("type");
}

TEST(monitors_of_nobody_from_who_does_not_read_the_answers_are_the_end) {
    linked(false);
    uint32_t n = 0;
    us->end.capacity = 60;
    while (mk_link_is_up(us->link) && n < 4000000) {
        come(us, raw,
             mk_wire_put_signal(raw, &(mk_signal_t){.kind = MK_SIGNAL_MONITOR, .ref = ++n, .from = 9, .to = 777}));
        if (n % 500 == 0) work();
        CHECK(stats_of(us).queued_bytes < 20 << 20);
    }
    work();
    CHECK_EQ(us->downs, 1); /* its credit has run out, or our patience */
    world_end();
}

TEST(a_peer_is_dropped_once_whatever_follows) {
    linked(false);
    come(us, raw, mk_wire_put_stamp(raw, MK_WIRE_PONG, 1));
    come(us, "garbage", 7);
    come(us, raw, data_frame(1, 10));
    come_closed(us, MK_ERR_IO, "reset");
    pass_ms(10);
    CHECK_EQ(us->downs, 1);
    world_end();
}

TEST(an_allocation_that_fails_while_frames_come_ends_the_link_or_costs_a_message) {
    for (unsigned n = 1;; n++) {
        linked(false);
        uint32_t actor = spawn(2);
        oom_arm(n);
        for (uint32_t i = 0; i < 4; i++) come(us, raw, data_frame(actor, 100));
        come(us, raw, fragment_frame(1, actor, MK_WIRE_FIRST, 5000, 1000));
        come(us, raw, mk_wire_put_actor(raw, MK_WIRE_STOP, 5));
        come(us, raw, fragment_frame(1, actor, MK_WIRE_LAST, 0, 4000));
        come(us, raw,
             mk_wire_put_signal(raw, &(mk_signal_t){.kind = MK_SIGNAL_MONITOR, .ref = 1, .from = 9, .to = actor}));
        come(us, raw, mk_wire_put_actor(raw, MK_WIRE_READY, 5));
        work();
        bool reached = oom_disarm();
        work();
        CHECK(us->downs == 0 || us->err == MK_ERR_NOMEM);
        if (!reached) CHECK(us->downs == 0 && handled == 5);
        world_end();
        if (!reached) break;
    }
}
