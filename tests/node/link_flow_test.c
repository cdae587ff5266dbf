/* SPDX-License-Identifier: Apache-2.0 */
/* What flows over a link: messages in their order and at most once, refused when there is no room, large ones in pieces among small
 * ones, actors that are full, signals; and what is known to be lost. */
#include "node/link_rig.h"

enum { MSG_ITEM = 1, MSG_ASK, MSG_WORK };

/* What an actor has got. Payloads begin with a number, and the rest is made of it. */
typedef struct sink {
    side_t    *side;
    actor_id_t id;
    uint32_t   n, next; /* next: the number that must come */
    size_t     bytes;
    bool       exact; /* none may be missing             */
    unsigned   downs, calls, failed, replies, exits;
    uint8_t    reason;
} sink_t;

static uint8_t item_bytes[(4 << 20) + 1];

static const void *item(uint32_t number, size_t size) {
    for (size_t i = 4; i < size; i++) item_bytes[i] = (uint8_t)(number + i);
    if (size >= 4) memcpy(item_bytes, &number, 4);
    return item_bytes;
}

static void sink_item(sink_t *sink, const message_t *msg) {
    const uint8_t *bytes = msg->payload;
    uint32_t       number;
    CHECK(msg->payload_size >= 4);
    memcpy(&number, bytes, 4);
    if (sink->exact) CHECK_EQ(number, sink->next);
    else CHECK(number >= sink->next);
    for (size_t i = 4; i < msg->payload_size; i++)
        if (bytes[i] != (uint8_t)(number + i))
            rig_fail(__FILE__, __LINE__, "byte %zu of item %u is not its own", i, number);
    sink->next = number + 1;
    sink->n++;
    sink->bytes += msg->payload_size;
}

/* What the test has an actor do: from inside of its behaviour. */
typedef void deed_fn(runtime_t *rt, sink_t *sink, uint64_t arg);
typedef struct deed {
    deed_fn *fn;
    uint64_t arg;
} deed_t;

static bool sink_behave(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    sink_t       *sink = state;
    const deed_t *deed = msg->payload;
    (void)self;
    switch (msg->type) {
    case MSG_ITEM:
        if (msg->call != CALL_ID_INVALID) sink->replies++;
        else sink_item(sink, msg);
        break;
    case MSG_ASK: (void)actor_reply(rt, msg, MSG_ITEM, msg->payload, msg->payload_size); break;
    case MSG_WORK: deed->fn(rt, sink, deed->arg); break;
    case MSG_DOWN:
        sink->downs++;
        sink->reason = (uint8_t)((const down_payload_t *)msg->payload)->exit_reason;
        break;
    case MSG_CALL_FAILED: sink->failed++; break;
    case MSG_EXIT:
        sink->exits++;
        sink->reason = (uint8_t)((const exit_payload_t *)msg->payload)->exit_reason;
        break;
    default: CHECK(false);
    }
    return true;
}

static sink_t   sinks[16];
static unsigned sinks_n;

static sink_t *spawn(side_t *side, size_t mailbox) {
    sink_t *sink = &sinks[sinks_n++ % 16];
    *sink = (sink_t){.side = side, .exact = true};
    sink->id = actor_spawn(side->rt, sink_behave, sink, NULL, mailbox);
    CHECK(sink->id != ACTOR_ID_INVALID);
    return sink;
}

static void perform(sink_t *sink, deed_fn *fn, uint64_t arg) {
    deed_t deed = {fn, arg};
    CHECK(actor_send(sink->side->rt, sink->id, MSG_WORK, &deed, sizeof deed));
    while (runtime_step(sink->side->rt)) {}
}

static mk_err_t send_item(side_t *from, const sink_t *to, uint32_t number, size_t size) {
    return actor_try_send(from->rt, to->id, MSG_ITEM, item(number, size), size);
}

static mk_link_limits_t limits;

static void linked(uint64_t seed) {
    limits = usual_limits();
    world_linked(seed, &limits, false);
}

/* ---- messages --------------------------------------------------------------------------------------------------------------- */

TEST(messages_arrive_in_their_order_however_they_are_cut) {
    for (uint64_t seed = 1; seed < 10; seed++) {
        linked(seed);
        piece_max = 1 + seed * seed * 5;
        sink_t *sink = spawn(&sides[1], 100000);
        for (uint32_t i = 0; i < 3000; i++) {
            CHECK_EQ(send_item(&sides[0], sink, i, 4 + i % 200), MK_OK);
            if (i % 100 == 99) settle();
        }
        settle();
        CHECK_EQ(sink->n, 3000);
        CHECK_EQ(stats_of(&sides[0]).sent, 3000);
        CHECK_EQ(stats_of(&sides[1]).received, 3000);
        CHECK_EQ(stats_of(&sides[0]).queued_bytes, 0);
        world_end();
    }
}

TEST(what_is_sent_in_one_round_leaves_in_one_piece) {
    linked(1);
    sink_t *sink = spawn(&sides[1], 0);
    settle();
    for (uint32_t i = 0; i < 100; i++) CHECK_EQ(send_item(&sides[0], sink, i, 64), MK_OK);
    CHECK_EQ(sides[0].end.sent_n, 0);
    work();
    CHECK_EQ(sides[0].end.sent_n, 100 * (64 + MK_WIRE_DATA_BYTES));
    settle();
    CHECK_EQ(sink->n, 100);
    world_end();
}

TEST(the_longest_message_arrives_and_one_byte_more_is_refused) {
    linked(2);
    sink_t *sink = spawn(&sides[1], 0);
    CHECK_EQ(send_item(&sides[0], sink, 0, limits.message_max), MK_OK);
    CHECK_EQ(actor_try_send(sides[0].rt, sink->id, MSG_ITEM, item_bytes, limits.message_max + 1), MK_ERR_TOOLONG);
    settle();
    CHECK_EQ(sink->bytes, limits.message_max);
    world_end();
}

TEST(so_is_one_byte_more_than_a_receiver_of_short_ones_takes) {
    limits = usual_limits();
    limits.message_max = 1000;
    world_linked(29, &limits, false);
    sink_t *sink = spawn(&sides[1], 0);
    CHECK_EQ(send_item(&sides[0], sink, 0, 1000), MK_OK);
    CHECK_EQ(send_item(&sides[0], sink, 1, 1001), MK_ERR_TOOLONG);
    settle();
    CHECK_EQ(sink->n, 1);
    world_end();
}

TEST(an_actor_that_is_not_there_is_counted_not_told) {
    linked(3);
    actor_id_t nobody = actor_id_make(2, 777);
    CHECK_EQ(actor_try_send(sides[0].rt, nobody, MSG_ITEM, "abcd", 4), MK_OK);
    settle();
    CHECK_EQ(stats_of(&sides[1]).received, 1);
    CHECK_EQ(sides[0].downs + sides[1].downs, 0);
    world_end();
}

TEST(sends_before_and_after_a_link_are_refused) {
    linked(4);
    sink_t *sink = spawn(&sides[1], 0);
    mk_link_finish(sides[0].link, MK_WIRE_REASON_STOPPING);
    CHECK_EQ(send_item(&sides[0], sink, 0, 10), MK_ERR_CLOSED);
    settle();
    CHECK(send_item(&sides[0], sink, 0, 10) != MK_OK);
    world_end();
}

/* ---- credit, queue ------------------------------------------------------------------------------------------------------------ */

TEST(a_sender_without_credit_queues_then_refuses_and_goes_on) {
    linked(5);
    sink_t *sink = spawn(&sides[1], 1 << 20);
    sides[1].end.capacity = 0; /* no credit comes back */
    uint32_t n = 0;
    while (send_item(&sides[0], sink, n, 1000) == MK_OK) {
        n++;
        if (n % 10 == 0) settle();
    }
    CHECK_EQ(send_item(&sides[0], sink, n, 1000), MK_ERR_FULL);
    mk_link_stats_t stats = stats_of(&sides[0]);
    CHECK(stats.queued_bytes <= limits.queue_bytes && stats.queued_bytes > limits.queue_bytes - 1100);
    CHECK_EQ(stats.refused, 2);
    CHECK_EQ(stats.sent, n);
    CHECK(sink->n >= 60 && sink->n * 1016 <= limits.credit_bytes);
    sides[1].end.capacity = LINK_RIG_BYTES;
    settle();
    CHECK_EQ(sink->n, n);
    CHECK_EQ(send_item(&sides[0], sink, n, 1000), MK_OK);
    world_end();
}

TEST(a_channel_that_takes_little_loses_nothing) {
    for (uint64_t seed = 1; seed < 10; seed++) {
        linked(seed);
        sink_t  *sink = spawn(&sides[1], 1 << 20);
        uint32_t n = 0;
        sides[0].end.capacity = 100 + 300 * seed;
        piece_max = 1000;
        while (n < 3000) {
            if (send_item(&sides[0], sink, n, 4 + n % 80) == MK_OK) n++;
            if (rig_random_below(&dice, 200) == 0) settle();
        }
        settle();
        CHECK_EQ(sink->n, n);
        world_end();
    }
}

TEST(the_smallest_window_carries_everything) {
    limits = usual_limits();
    limits.credit_bytes = 1;
    world_linked(6, &limits, false);
    CHECK_EQ(mk_link_hello(sides[0].link)->credit, MK_WIRE_CREDIT_MIN);
    sink_t *sink = spawn(&sides[1], 1 << 20);
    for (uint32_t i = 0; i < 200; i++) CHECK_EQ(send_item(&sides[0], sink, i, i % 3 == 0 ? 5000 : 900), MK_OK);
    settle();
    CHECK_EQ(sink->n, 200);
    world_end();
}

/* ---- large ones ------------------------------------------------------------------------------------------------------------ */

TEST(a_large_message_lets_small_ones_of_others_pass) {
    linked(7);
    sink_t *large = spawn(&sides[1], 0), *small = spawn(&sides[1], 1000);
    CHECK_EQ(send_item(&sides[0], large, 0, 600000), MK_OK);
    for (uint32_t i = 0; i < 100; i++) CHECK_EQ(send_item(&sides[0], small, i, 64), MK_OK);
    work();
    CHECK(deliver(&sides[0]));
    work();
    CHECK_EQ(small->n, 100);
    CHECK_EQ(large->n, 0);
    settle();
    CHECK_EQ(large->n, 1);
    world_end();
}

TEST(a_large_message_gets_its_turn_in_a_flood_of_small_ones) {
    for (uint32_t window = 4096; window <= 1 << 20; window *= 4) {
        limits = usual_limits();
        limits.credit_bytes = window;
        world_linked(window, &limits, false);
        sink_t  *large = spawn(&sides[1], 0), *small = spawn(&sides[1], 1 << 20);
        uint32_t n = 0;
        CHECK_EQ(send_item(&sides[0], large, 0, 400000), MK_OK);
        for (unsigned round = 0; round < 4000 && large->n == 0; round++) {
            while (stats_of(&sides[0]).queued_bytes < 700000 && send_item(&sides[0], small, n, 60) == MK_OK) n++;
            carry();
            work();
        }
        CHECK_EQ(large->n, 1);
        CHECK(stats_of(&sides[0]).queued_bytes > 100000); /* there was no lull */
        settle();
        CHECK_EQ(small->n, n);
        world_end();
    }
}

TEST(what_follows_a_large_message_to_the_same_actor_stays_behind_it) {
    linked(8);
    sink_t  *sink = spawn(&sides[1], 10000);
    uint32_t n = 0;
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 20; i++, n++) CHECK_EQ(send_item(&sides[0], sink, n, 64), MK_OK);
        CHECK_EQ(send_item(&sides[0], sink, n++, 70000), MK_OK);
        for (unsigned i = 0; i < 300; i++, n++) CHECK_EQ(send_item(&sides[0], sink, n, 100), MK_OK);
        CHECK_EQ(send_item(&sides[0], sink, n++, 20000), MK_OK);
        if (round % 2 == 0) settle();
    }
    settle();
    CHECK_EQ(sink->n, n);
    world_end();
}

TEST(a_buffer_is_sent_without_a_copy_and_given_back) {
    linked(9);
    sink_t           *sink = spawn(&sides[1], 0);
    message_buffer_t *buf = message_buffer_create(500000);
    memcpy(message_buffer_data(buf), item(0, 500000), 500000);
    message_buffer_retain(buf);
    CHECK_EQ(actor_send_buffer(sides[0].rt, sink->id, MSG_ITEM, buf), MK_OK);
    CHECK_EQ(stats_of(&sides[0]).queued_bytes, 500000);
    settle();
    CHECK_EQ(sink->n, 1);
    message_buffer_release(buf); /* the last one, or the sanitizer says so */
    buf = message_buffer_create(100);
    memcpy(message_buffer_data(buf), item(1, 100), 100);
    CHECK_EQ(actor_send_buffer(sides[0].rt, sink->id, MSG_ITEM, buf), MK_OK);
    settle();
    CHECK_EQ(sink->n, 2);
    world_end();
}

TEST(more_large_messages_than_may_be_under_way_wait_their_turn) {
    linked(10);
    sink_t *many[8];
    for (unsigned i = 0; i < 8; i++) many[i] = spawn(&sides[1], 0);
    limits.queue_bytes = 64 << 20;
    for (unsigned round = 0; round < 4; round++)
        for (unsigned i = 0; i < 8; i++) CHECK_EQ(send_item(&sides[0], many[i], round, 17000 + i * 1000), MK_OK);
    settle();
    for (unsigned i = 0; i < 8; i++) CHECK_EQ(many[i]->n, 4);
    world_end();
}

TEST(large_messages_together_stay_within_the_receivers_longest) {
    limits = usual_limits();
    limits.message_max = 300000;
    limits.queue_bytes = 8 << 20;
    world_linked(11, &limits, false);
    sink_t *many[8];
    for (unsigned i = 0; i < 8; i++) many[i] = spawn(&sides[1], 0);
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < 8; i++) CHECK_EQ(send_item(&sides[0], many[i], round, 100000 + i * 28000), MK_OK);
    settle();
    for (unsigned i = 0; i < 8; i++) CHECK_EQ(many[i]->n, 3);
    CHECK_EQ(sides[1].downs, 0);
    world_end();
}

TEST(a_message_longer_than_the_queue_is_taken_when_no_other_waits) {
    linked(12);
    sink_t *sink = spawn(&sides[1], 0);
    CHECK_EQ(send_item(&sides[0], sink, 0, 3 << 20), MK_OK);
    CHECK_EQ(send_item(&sides[0], sink, 1, 2 << 20), MK_ERR_FULL);
    settle();
    CHECK_EQ(send_item(&sides[0], sink, 1, 2 << 20), MK_OK);
    settle();
    CHECK_EQ(sink->n, 2);
    world_end();
}

TEST(a_link_cut_in_the_middle_of_a_large_message_gives_everything_back) {
    linked(13);
    sink_t *sink = spawn(&sides[1], 0);
    piece_max = 30000;
    CHECK_EQ(send_item(&sides[0], sink, 0, 1000000), MK_OK);
    CHECK_EQ(send_item(&sides[0], sink, 1, 100), MK_OK);
    work();
    for (unsigned i = 0; i < 3; i++) deliver(&sides[0]);
    come_closed(&sides[0], MK_ERR_IO, "cut");
    settle();
    CHECK_EQ(sink->n, 0);
    CHECK_EQ(sides[0].downs + sides[1].downs, 2);
    CHECK_EQ(stats_of(&sides[0]).lost, 2);
    CHECK_EQ(stats_of(&sides[0]).queued_bytes, 0);
    world_end();
}

/* ---- what is lost ----------------------------------------------------------------------------------------------------------- */

TEST(what_was_under_way_at_a_cut_is_counted_and_what_had_come_is_not) {
    linked(14);
    sink_t *sink = spawn(&sides[1], 10000);
    for (uint32_t i = 0; i < 100; i++) CHECK_EQ(send_item(&sides[0], sink, i, 100), MK_OK);
    settle();
    pass_ms(2000); /* a heartbeat tells that they have come */
    for (uint32_t i = 100; i < 107; i++) CHECK_EQ(send_item(&sides[0], sink, i, 100), MK_OK);
    work();
    come_closed(&sides[0], MK_ERR_IO, "cut");
    work();
    CHECK_EQ(stats_of(&sides[0]).sent, 107);
    CHECK_EQ(stats_of(&sides[0]).lost, 7);
    world_end();
}

/* They hear each other all the time, so neither asks, and it is too little for a part of the window to be given back. */
TEST(two_that_talk_quietly_tell_each_other_at_each_heartbeat_what_has_come) {
    linked(30);
    sink_t *one = spawn(&sides[0], 1000), *two = spawn(&sides[1], 1000);
    for (uint32_t i = 0; i < 50; i++) {
        CHECK_EQ(send_item(&sides[0], two, i, 10), MK_OK);
        CHECK_EQ(send_item(&sides[1], one, i, 10), MK_OK);
        pass_ms(100);
    }
    come_closed(&sides[0], MK_ERR_IO, "cut");
    work();
    CHECK_EQ(two->n, 50);
    CHECK(stats_of(&sides[0]).lost <= 11);
    world_end();
}

TEST(a_link_that_is_finished_has_lost_nothing) {
    linked(15);
    sink_t *sink = spawn(&sides[1], 10000);
    for (uint32_t i = 0; i < 1000; i++) CHECK_EQ(send_item(&sides[0], sink, i, 100), MK_OK);
    CHECK_EQ(send_item(&sides[0], sink, 1000, 100000), MK_OK);
    mk_link_finish(sides[0].link, MK_WIRE_REASON_STOPPING);
    settle();
    CHECK_EQ(sides[0].downs + sides[1].downs, 2);
    CHECK_EQ(sink->n, 1001);
    CHECK_EQ(stats_of(&sides[0]).lost, 0);
    world_end();
}

/* ---- actors that are full --------------------------------------------------------------------------------------------------- */

TEST(a_full_actor_stops_its_senders_and_nothing_is_lost) {
    for (uint64_t seed = 1; seed < 10; seed++) {
        linked(seed);
        piece_max = seed % 2 == 0 ? 0 : 500;
        sink_t  *sink = spawn(&sides[1], 1 + seed % 5);
        uint32_t n = 0, refused = 0;
        for (unsigned i = 0; i < 4000; i++) {
            mk_err_t err = send_item(&sides[0], sink, n, n % 50 == 49 ? 17000 : 60);
            CHECK(err == MK_OK || err == MK_ERR_FULL);
            if (err == MK_OK) n++;
            else refused++;
            if (rig_random_below(&dice, 10) == 0) deliver(&sides[rig_random_below(&dice, 2)]);
            if (rig_random_below(&dice, 10) == 0) runtime_step(sides[rig_random_below(&dice, 2)].rt);
        }
        settle();
        CHECK_EQ(sink->n, n);
        CHECK(refused > 0);
        CHECK_EQ(sides[0].downs + sides[1].downs, 0);
        CHECK_EQ(send_item(&sides[0], sink, n, 60), MK_OK);
        world_end();
    }
}

TEST(a_full_actor_stops_nobody_else) {
    linked(16);
    sink_t *full = spawn(&sides[1], 1), *fine = spawn(&sides[1], 100);
    for (uint32_t i = 0; i < 5; i++) CHECK_EQ(send_item(&sides[0], full, i, 60), MK_OK);
    runtime_step(sides[0].rt);
    CHECK(deliver(&sides[0])); /* no turn for anyone: the mailbox is full */
    mk_loop_settle(mk_runtime_loop(sides[1].rt));
    CHECK(deliver(&sides[1]));
    CHECK_EQ(send_item(&sides[0], full, 5, 60), MK_ERR_FULL);
    CHECK_EQ(send_item(&sides[0], full, 5, 60000), MK_ERR_FULL);
    CHECK_EQ(send_item(&sides[0], fine, 0, 60), MK_OK);
    CHECK_EQ(stats_of(&sides[0]).refused, 2);
    settle();
    CHECK_EQ(send_item(&sides[0], full, 5, 60), MK_OK);
    settle();
    CHECK_EQ(full->n, 6);
    CHECK_EQ(fine->n, 1);
    world_end();
}

TEST(an_actor_that_ends_while_it_is_full_stops_nobody_for_ever) {
    linked(17);
    sink_t *sink = spawn(&sides[1], 1);
    for (uint32_t i = 0; i < 5; i++) CHECK_EQ(send_item(&sides[0], sink, i, 60), MK_OK);
    runtime_step(sides[0].rt);
    CHECK(deliver(&sides[0]));
    actor_stop(sides[1].rt, sink->id);
    settle();
    CHECK_EQ(send_item(&sides[0], sink, 5, 60), MK_OK); /* and is dropped there */
    settle();
    CHECK_EQ(sides[0].downs + sides[1].downs, 0);
    world_end();
}

/* ---- calls and signals ------------------------------------------------------------------------------------------------------ */

static void ask(runtime_t *rt, sink_t *sink, uint64_t dest) {
    if (actor_call(rt, dest, MSG_ASK, "what?", 5, 60000) != CALL_ID_INVALID) sink->calls++;
}

static void ask_much(runtime_t *rt, sink_t *sink, uint64_t dest) {
    if (actor_call(rt, dest, MSG_ASK, item(9, 200000), 200000, 60000) != CALL_ID_INVALID) sink->calls++;
}

static void watch(runtime_t *rt, sink_t *sink, uint64_t dest) {
    (void)sink;
    (void)actor_monitor(rt, dest);
}

static void give_large_then_end(runtime_t *rt, sink_t *sink, uint64_t dest) {
    (void)sink;
    CHECK_EQ(actor_try_send(rt, dest, MSG_ITEM, item(0, 300000), 300000), MK_OK);
    actor_stop(rt, sink->id);
}

TEST(a_call_is_answered_across_the_gap_however_large) {
    linked(18);
    sink_t *caller = spawn(&sides[0], 0), *callee = spawn(&sides[1], 0);
    perform(caller, ask, callee->id);
    perform(caller, ask_much, callee->id);
    settle();
    CHECK_EQ(caller->replies, 2);
    world_end();
}

TEST(an_answer_reaches_an_actor_that_is_full) {
    linked(19);
    sink_t *caller = spawn(&sides[0], 1), *callee = spawn(&sides[1], 0);
    perform(caller, ask, callee->id);
    for (uint32_t i = 0; i < 5; i++) CHECK_EQ(send_item(&sides[1], caller, i, 60), MK_OK);
    runtime_step(sides[1].rt);
    CHECK(deliver(&sides[1])); /* the caller is full now */
    mk_loop_settle(mk_runtime_loop(sides[0].rt));
    CHECK(deliver(&sides[0])); /* the question, and STOP */
    CHECK_EQ(send_item(&sides[1], caller, 5, 60), MK_ERR_FULL);
    while (runtime_step(sides[1].rt)) {} /* it answers */
    CHECK(deliver(&sides[1]));
    settle();
    CHECK_EQ(caller->replies, 1);
    CHECK_EQ(caller->n, 5);
    CHECK_EQ(sides[0].downs + sides[1].downs, 0);
    world_end();
}

TEST(a_monitor_fires_behind_the_last_large_message) {
    linked(20);
    sink_t *watcher = spawn(&sides[0], 0), *giver = spawn(&sides[1], 0);
    perform(watcher, watch, giver->id);
    settle();
    perform(giver, give_large_then_end, watcher->id);
    while (watcher->downs == 0) {
        bool had = watcher->n == 1;
        work();
        carry();
        CHECK(watcher->downs == 0 || had || watcher->n == 1);
    }
    CHECK_EQ(watcher->n, 1);
    CHECK_EQ(watcher->reason, EXIT_KILLED);
    world_end();
}

static void link_trapping(runtime_t *rt, sink_t *sink, uint64_t dest) {
    (void)sink;
    actor_trap_exits(rt, true);
    CHECK_EQ(actor_link(rt, dest), MK_OK);
}

static void give_large(runtime_t *rt, sink_t *sink, uint64_t dest) {
    (void)sink;
    CHECK_EQ(actor_try_send(rt, dest, MSG_ITEM, item(0, 300000), 300000), MK_OK);
}

static void end_now(runtime_t *rt, sink_t *sink, uint64_t arg) {
    (void)arg;
    actor_stop(rt, sink->id);
}

/* What asks here is refused there, behind a large message, and asked back: were that to come before the refusal, one would be linked
 * and the other not. */
TEST(a_refused_link_and_one_from_the_other_side_keep_their_order_behind_a_large_message) {
    limits = usual_limits();
    world_make(28);
    sides[1].may &= ~(uint32_t)MK_MAY_STOP;
    world_link(&limits, false);
    sink_t *one = spawn(&sides[0], 0), *two = spawn(&sides[1], 0);
    perform(two, give_large, one->id);
    perform(one, link_trapping, two->id);
    while (one->exits == 0 && !deliver(&sides[0])) work();
    work(); /* it is refused there, behind the message */
    perform(two, link_trapping, one->id);
    settle();
    CHECK_EQ(one->n, 1);
    CHECK_EQ(one->exits, 1);
    CHECK_EQ(one->reason, EXIT_DENIED);
    CHECK_EQ(two->exits, 0);
    perform(one, end_now, 0);
    settle();
    CHECK_EQ(two->exits, 1);
    CHECK_EQ(two->reason, EXIT_KILLED);
    world_end();
}

TEST(a_monitor_fires_when_the_link_breaks) {
    linked(21);
    sink_t *watcher = spawn(&sides[0], 0), *other_one = spawn(&sides[1], 0);
    perform(watcher, watch, other_one->id);
    perform(watcher, ask, other_one->id);
    work();
    come_closed(&sides[0], MK_ERR_IO, "cut");
    settle();
    CHECK_EQ(watcher->downs, 1);
    CHECK_EQ(watcher->reason, EXIT_NODE_DOWN);
    CHECK_EQ(watcher->failed, 1);
    world_end();
}

/* ---- without memory ------------------------------------------------------------------------------------------------------- */

static void link_to(runtime_t *rt, sink_t *sink, uint64_t dest) {
    (void)sink;
    mk_err_t err = actor_link(rt, dest);
    CHECK(err == MK_OK || err == MK_ERR_NOMEM || err == MK_ERR_NOTFOUND);
}

/* A little of everything, in which any allocation may fail. */
static uint32_t a_bit_of_everything(sink_t *sink, sink_t *peer) {
    uint32_t n = 0;
    deed_t   deeds[] = {{ask, sink->id}, {watch, sink->id}, {link_to, sink->id}, {ask_much, sink->id}};
    for (unsigned i = 0; i < 12; i++) {
        if (send_item(&sides[0], sink, n, i % 4 == 1 ? 40000 : 50) == MK_OK) n++;
        if (i % 3 == 0) (void)actor_send(sides[0].rt, peer->id, MSG_WORK, &deeds[i / 3], sizeof *deeds);
        if (i % 5 == 4) settle();
    }
    settle();
    return n;
}

TEST(every_allocation_may_fail_once) {
    for (unsigned nth = 1;; nth++) {
        linked(1);
        sink_t *sink = spawn(&sides[1], 3), *peer = spawn(&sides[0], 100);
        sink->exact = false; /* a message for which the receiver has no memory is missing, and counted there */
        oom_arm(nth);
        uint32_t n = a_bit_of_everything(sink, peer);
        bool     reached = oom_disarm();
        settle();
        pass_ms(1500);
        CHECK(sink->n <= n && sink->next <= n);
        if (sides[0].downs + sides[1].downs == 0) {
            CHECK_EQ(stats_of(&sides[0]).queued_bytes, 0);
            CHECK_EQ(send_item(&sides[0], sink, n, 50), MK_OK);
            settle();
            CHECK_EQ(sink->next, n + 1);
            CHECK_EQ(peer->calls, peer->replies + peer->failed);
        } else { /* with it went the asker, who was linked across it */
            CHECK_EQ(sides[0].downs + sides[1].downs, 2);
        }
        if (!reached) CHECK_EQ(sink->n, n + 1);
        world_end();
        if (!reached) break;
    }
}

/* ---- datagrams ------------------------------------------------------------------------------------------------------------------ */

TEST(lost_datagrams_are_counted_and_do_not_use_up_the_window) {
    limits = usual_limits();
    world_linked(22, &limits, true);
    sink_t *sink = spawn(&sides[1], 1 << 20);
    sink->exact = false;
    lose = 30;
    uint32_t n = 0;
    while (n < 5000) {
        if (send_item(&sides[0], sink, n, 200) == MK_OK) n++;
        else settle();
        if (n % 500 == 0) settle();
    }
    settle();
    CHECK_EQ(stats_of(&sides[0]).queued_bytes, 0);
    pass_ms(2500);
    CHECK(sink->n < 4000 && sink->n > 3000);
    CHECK_EQ(stats_of(&sides[0]).lost, n - sink->n);
    CHECK_EQ(stats_of(&sides[1]).missed, n - sink->n);
    CHECK_EQ(sides[0].downs + sides[1].downs, 0);
    world_end();
}

static bool any_order(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)rt, (void)self, (void)msg;
    (*(unsigned *)state)++;
    return true;
}

TEST(late_datagrams_hurt_nobody) {
    for (uint64_t seed = 1; seed < 30; seed++) {
        unsigned came = 0;
        limits = usual_limits();
        world_linked(seed, &limits, true);
        late = 60;
        lose = seed % 3 == 0 ? 10 : 0;
        actor_id_t id = actor_spawn(sides[1].rt, any_order, &came, NULL, 2);
        uint32_t   n = 0;
        for (unsigned i = 0; i < 3000; i++) {
            if (actor_try_send(sides[0].rt, id, MSG_ITEM, "abcdefgh", 8) == MK_OK) n++;
            if (rig_random_below(&dice, 5) == 0) carry();
            if (rig_random_below(&dice, 5) == 0) work();
        }
        settle();
        pass_ms(2500);
        CHECK_EQ(sides[0].downs + sides[1].downs, 0);
        CHECK(came <= n && came >= n / 3);
        CHECK(stats_of(&sides[0]).lost <= n - came);
        CHECK_EQ(actor_try_send(sides[0].rt, id, MSG_ITEM, "abcdefgh", 8), MK_OK);
        world_end();
    }
}

TEST(a_payload_that_fits_no_datagram_is_refused) {
    limits = usual_limits();
    world_linked(23, &limits, true);
    sink_t *sink = spawn(&sides[1], 0);
    CHECK_EQ(send_item(&sides[0], sink, 0, 1200 - MK_WIRE_DATA_CALL_BYTES), MK_OK);
    CHECK_EQ(send_item(&sides[0], sink, 1, 1200), MK_ERR_TOOLONG);
    settle();
    CHECK_EQ(sink->n, 1);
    world_end();
}
