/* SPDX-License-Identifier: Apache-2.0 */
/* Request and reply: exactly one answer, whatever happens to the other side. */
#include "runtime/play.h"

static part_t caller, callee, other;

enum { ASK = 1, ANSWER = 2, QUIET = 3, KEEP = 4, PLAIN = 5, TWICE = 6, LARGE = 7 };
static message_t *kept;
static bool       replied[2];

static bool serve(part_t *part, message_t *msg) {
    static char large[5000];
    take_note(part, msg);
    switch (msg->type) {
    case ASK: replied[0] = actor_reply(rt, msg, ANSWER, msg->payload, msg->payload_size); break;
    case TWICE:
        replied[0] = actor_reply(rt, msg, ANSWER, "a", 1);
        replied[1] = actor_reply(rt, msg, ANSWER, "b", 1);
        break;
    case LARGE: replied[0] = actor_reply(rt, msg, ANSWER, large, sizeof large); break;
    case KEEP: kept = message_take(rt, msg); break;
    default: break;
    }
    return true;
}

static void two(void) {
    curtain_up(NULL);
    enter(&caller);
    enter(&callee);
    callee.on = serve;
    replied[0] = replied[1] = false;
    kept = NULL;
}

static bool do_call(part_t *part, uint64_t type) {
    uint64_t number = 77;
    (void)part;
    did_call = actor_call(rt, callee.id, (msg_type_t)type, &number, sizeof number, 1000);
    return true;
}

static bool do_call_cancel(part_t *part, uint64_t call) {
    (void)part;
    actor_call_cancel(rt, (call_id_t)call);
    return true;
}

static bool do_reply_kept(part_t *part, uint64_t arg) {
    (void)part, (void)arg;
    replied[0] = actor_reply(rt, kept, ANSWER, "late", 4);
    message_release(rt, kept);
    return true;
}

#define CHECK_ANSWERED(number)                      \
    do {                                            \
        CHECK_EQ(caller.n, 1);                      \
        CHECK_EQ(last_note(&caller)->type, ANSWER); \
        CHECK_EQ(last_note(&caller)->call, number); \
    } while (0)

#define CHECK_FAILED(number, why)                             \
    do {                                                      \
        CHECK_EQ(caller.n, 1);                                \
        CHECK_EQ(last_note(&caller)->type, MSG_CALL_FAILED);  \
        CHECK_EQ(last_note(&caller)->call, number);           \
        CHECK_EQ(last_note(&caller)->as.failed.call, number); \
        CHECK_EQ(last_note(&caller)->as.failed.error, why);   \
    } while (0)

TEST(a_call_is_answered_with_its_number) {
    two();
    in(&caller, do_call, ASK);
    CHECK(did_call != CALL_ID_INVALID);
    CHECK_EQ(callee.note[0].call, did_call);
    CHECK_EQ(callee.note[0].source, caller.id);
    CHECK(replied[0]);
    CHECK_ANSWERED(did_call);
    CHECK_EQ(last_note(&caller)->as.number, 77);
    CHECK_EQ(last_note(&caller)->source, callee.id);
    pass(5000); /* and the deadline is gone */
    CHECK_EQ(caller.n, 1);
    CHECK_EQ(stats().timers, 0);
    curtain_down();
}

TEST(each_call_has_its_own_number) {
    two();
    in(&caller, do_call, ASK);
    call_id_t first = did_call;
    in(&caller, do_call, ASK);
    CHECK(did_call != first);
    CHECK_EQ(caller.n, 2);
    curtain_down();
}

TEST(a_large_answer_arrives_whole) {
    two();
    in(&caller, do_call, LARGE);
    CHECK_ANSWERED(did_call);
    CHECK_EQ(last_note(&caller)->size, 5000);
    curtain_down();
}

TEST(nobody_answers_so_the_deadline_does_and_never_early) {
    two();
    in(&caller, do_call, QUIET);
    pass_us(999999);
    CHECK_EQ(caller.n, 0);
    pass_us(1001);
    CHECK_FAILED(did_call, MK_ERR_TIMEOUT);
    CHECK_EQ(last_note(&caller)->source, callee.id);
    pass(5000);
    CHECK_EQ(caller.n, 1);
    curtain_down();
}

static bool call_with_time(part_t *part, uint64_t ms) {
    (void)part;
    did_call = actor_call(rt, callee.id, QUIET, NULL, 0, ms);
    return true;
}

TEST(extreme_deadlines_work) {
    two();
    in(&caller, call_with_time, 0);
    pass(2);
    CHECK_FAILED(did_call, MK_ERR_TIMEOUT);
    in(&caller, call_with_time, UINT64_MAX);
    in(&caller, call_with_time, 1ull << 62);
    pass(1ull << 40);
    CHECK_EQ(caller.n, 1);
    curtain_down();
}

TEST(the_other_side_s_end_answers_with_its_reason) {
    two();
    in(&caller, do_call, QUIET);
    in(&callee, do_fail, EXIT_TRAPPED);
    CHECK_FAILED(did_call, MK_ERR_CLOSED);
    CHECK_EQ(last_note(&caller)->as.failed.exit_reason, EXIT_TRAPPED);
    pass(5000);
    CHECK_EQ(caller.n, 1);
    curtain_down();
}

TEST(a_request_the_other_side_never_saw_is_answered_too) {
    two();
    ask(caller.id, do_call, ASK);
    runtime_step(rt);
    actor_stop(rt, callee.id); /* the request still waits */
    settle();
    CHECK_FAILED(did_call, MK_ERR_CLOSED);
    CHECK_EQ(last_note(&caller)->as.failed.exit_reason, EXIT_KILLED);
    curtain_down();
}

TEST(a_late_reply_is_refused_and_dropped) {
    two();
    in(&caller, do_call, KEEP);
    pass(1001);
    CHECK_FAILED(did_call, MK_ERR_TIMEOUT);
    uint64_t dropped = stats().dropped;
    in(&callee, do_reply_kept, 0);
    CHECK(!replied[0]);
    CHECK_EQ(caller.n, 1);
    CHECK_EQ(stats().dropped, dropped + 1);
    curtain_down();
}

TEST(a_second_reply_is_refused) {
    two();
    in(&caller, do_call, TWICE);
    CHECK(replied[0] && !replied[1]);
    CHECK_ANSWERED(did_call);
    CHECK_EQ(last_note(&caller)->as.bytes[0], 'a');
    curtain_down();
}

TEST(a_taken_request_can_be_answered_later) {
    two();
    in(&caller, do_call, KEEP);
    pass(500);
    in(&callee, do_reply_kept, 0);
    CHECK(replied[0]);
    CHECK_ANSWERED(did_call);
    curtain_down();
}

TEST(a_cancelled_call_is_not_answered) {
    two();
    in(&caller, do_call, KEEP);
    in(&caller, do_call_cancel, did_call);
    in(&callee, do_reply_kept, 0);
    CHECK(!replied[0]);
    pass(5000);
    CHECK_EQ(caller.n, 0);
    CHECK_EQ(stats().timers, 0);
    curtain_down();
}

static bool call_wait_cancel(part_t *part, uint64_t arg) {
    /* The answer, the end or the deadline is in our mailbox when the call is cancelled. */
    (void)part, (void)arg;
    actor_call_cancel(rt, did_call);
    return true;
}

TEST(an_answer_that_waits_in_the_mailbox_is_not_delivered_after_a_cancel) {
    for (int way = 0; way < 3; way++) {
        two();
        in(&caller, do_call, way == 0 ? KEEP : QUIET);
        ask(caller.id, call_wait_cancel, 0); /* queued before the answer, handled before it */
        if (way == 0) {
            ask(callee.id, do_reply_kept, 0);
        } else if (way == 1) {
            actor_stop(rt, callee.id);
        } else {
            mk_fake_advance_us(2000000);
        }
        settle();
        CHECK_EQ(caller.n, 0);
        curtain_down();
    }
}

static bool cancel_after_reply(part_t *part, uint64_t arg) {
    (void)part, (void)arg;
    did_well = actor_reply(rt, kept, ANSWER, "x", 1);
    message_release(rt, kept);
    return true;
}

TEST(cancelling_after_the_reply_was_queued_drops_it) {
    two();
    in(&caller, do_call, KEEP);
    ask(callee.id, cancel_after_reply, 0);
    runtime_step(rt); /* the reply waits now */
    CHECK(did_well);
    actor_info_t info;
    CHECK(runtime_get_actor_info(rt, caller.id, &info));
    CHECK_EQ(info.queued, 1);
    /* The cancel is queued behind it in the mailbox, so the answer wins: exactly one of the two. */
    in(&caller, do_call_cancel, did_call);
    CHECK_ANSWERED(did_call);
    curtain_down();
}

TEST(another_s_call_cannot_be_cancelled_or_answered_by_guessing) {
    two();
    enter(&other);
    in(&caller, do_call, KEEP);
    in(&other, do_call_cancel, did_call);
    in(&other, do_demonitor, did_call);  /* nor as a monitor */
    in(&caller, do_demonitor, did_call); /* nor by oneself as one */
    in(&caller, do_call_cancel, 4711);
    in(&caller, do_call_cancel, CALL_ID_INVALID);
    in(&callee, do_reply_kept, 0);
    CHECK_ANSWERED(did_call);
    curtain_down();
}

TEST(a_caller_that_died_gets_no_answer) {
    two();
    in(&caller, do_call, KEEP);
    actor_stop(rt, caller.id);
    uint64_t refused = stats().refused_unknown;
    in(&callee, do_reply_kept, 0);
    CHECK(!replied[0]);
    CHECK_EQ(stats().refused_unknown, refused + 1);
    CHECK_EQ(stats().timers, 0);
    curtain_down();
}

TEST(a_caller_that_dies_with_its_answer_in_the_mailbox_leaves_nothing_behind) {
    two();
    in(&caller, do_call, KEEP);
    ask(callee.id, do_reply_kept, 0);
    runtime_step(rt);
    CHECK(replied[0]);
    actor_stop(rt, caller.id);
    settle();
    curtain_down();
}

TEST(a_full_mailbox_still_takes_the_answer) {
    two();
    enter_with(&caller, (actor_options_t){.mailbox_size = 1});
    in(&caller, do_call, KEEP);
    CHECK(actor_send(rt, caller.id, PLAIN, NULL, 0));
    CHECK(!actor_send(rt, caller.id, PLAIN, NULL, 0));
    replied[0] = actor_reply(rt, kept, ANSWER, "x", 1);
    message_release(rt, kept);
    CHECK(replied[0]);
    settle();
    CHECK_EQ(caller.of_type[ANSWER], 1);
    curtain_down();
}

static bool call_self(part_t *part, uint64_t arg) {
    (void)arg;
    did_call = actor_call(rt, part->id, ASK, NULL, 0, 100);
    return true;
}

static bool call_id(part_t *part, uint64_t id) {
    (void)part;
    did_call = actor_call(rt, id, ASK, NULL, 0, 100);
    return true;
}

TEST(a_call_to_oneself_to_the_dead_or_to_a_full_mailbox_is_refused_and_nothing_comes) {
    two();
    enter_with(&other, (actor_options_t){.mailbox_size = 1});
    in(&caller, call_self, 0);
    CHECK_EQ(did_call, CALL_ID_INVALID);
    actor_stop(rt, callee.id);
    in(&caller, call_id, callee.id);
    CHECK_EQ(did_call, CALL_ID_INVALID);
    in(&caller, call_id, ACTOR_ID_INVALID);
    CHECK_EQ(did_call, CALL_ID_INVALID);
    ask(caller.id, call_id, other.id); /* runs first */
    CHECK(actor_send(rt, other.id, QUIET, NULL, 0));
    uint64_t full = stats().refused_full;
    settle();
    CHECK_EQ(did_call, CALL_ID_INVALID);
    CHECK_EQ(stats().refused_full, full + 1);
    pass(1000);
    CHECK_EQ(caller.n, 0);
    CHECK_EQ(stats().timers, 0);
    curtain_down();
}

TEST(a_reply_to_what_was_no_call_is_an_ordinary_message) {
    two();
    ask(caller.id, do_nothing, 0);
    CHECK(actor_send(rt, callee.id, ASK, "x", 1)); /* from outside: nobody to reply to */
    settle();
    CHECK(!replied[0]);
    curtain_down();
}

static bool send_ask(part_t *part, uint64_t arg) {
    (void)part, (void)arg;
    return actor_send(rt, callee.id, ASK, "x", 1);
}

TEST(a_reply_to_a_plain_message_goes_to_its_sender) {
    two();
    in(&caller, send_ask, 0);
    CHECK(replied[0]);
    CHECK_EQ(last_note(&caller)->type, ANSWER);
    CHECK_EQ(last_note(&caller)->call, CALL_ID_INVALID);
    curtain_down();
}

/* Answers with types that mean something to the runtime. */
static msg_type_t odd_type;
static bool       serve_oddly(part_t *part, message_t *msg) {
          (void)part;
          return actor_reply(rt, msg, odd_type, "12345678901234567890123456789012", 32);
}

TEST(an_answer_may_have_any_type_and_still_leaves_nothing_behind) {
    static const msg_type_t types[] = {MSG_TIMER, MSG_FD_EVENT, MSG_DOWN, MSG_EXIT, MSG_CHILD_EXIT, MSG_WAKE, 0};
    for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
        two();
        callee.on = serve_oddly;
        odd_type = types[i];
        in(&caller, do_call, ASK);
        CHECK_EQ(caller.n, 1);
        CHECK_EQ(last_note(&caller)->type, odd_type);
        CHECK_EQ(last_note(&caller)->call, did_call);
        /* And when the caller dies with it unread. */
        ask(caller.id, do_call, ASK);
        runtime_step(rt);
        runtime_step(rt);
        actor_stop(rt, caller.id);
        settle();
        enter(&other);
        in(&other, do_call_cancel, did_call);
        for (call_id_t n = 1; n < 40; n++) in(&other, do_demonitor, n);
        curtain_down();
    }
}

TEST(a_forwarded_request_is_the_forwarder_s_own_message) {
    two();
    enter(&other);
    in(&caller, do_call, KEEP);
    CHECK_EQ(actor_forward(rt, other.id, kept), MK_OK);
    settle();
    CHECK_EQ(last_note(&other)->type, KEEP);
    CHECK_EQ(last_note(&other)->call, CALL_ID_INVALID);
    CHECK_EQ(last_note(&other)->as.number, 77);
    pass(1001);
    CHECK_FAILED(did_call, MK_ERR_TIMEOUT);
    curtain_down();
}
