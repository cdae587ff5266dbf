/* SPDX-License-Identifier: Apache-2.0 */
/* What the runtime promises, attacked from another node: ids find nobody but whom they were given to, refusals are visible, nobody
 * does what its role does not allow, and what the system says cannot be said by others. */
#include "node/hostile_rig.h"

/* ---- ids are never reused ------------------------------------------------------------------------------------------------------ */

TEST(a_late_message_to_one_who_has_ended_finds_nobody) {
    static raw_peer_t p;
    start(NODE_ROLE_OPERATOR);
    enter(&p, "mallory", 9);
    uint32_t old = actor_id_seq(rig.hidden);
    actor_stop(rig.rt, rig.hidden);
    go(5);
    for (unsigned i = 0; i < 200; i++)
        (void)spawn(count, &rig.got_hidden, 0, NULL); /* they take its slot, not its number */
    for (unsigned i = 0; i < 100; i++) raw_say_data(&p, old, T_SAY, "x", 1);
    go(20);
    CHECK_EQ(rig.got_hidden, 0);
    CHECK(p.fd >= 0);
    end();
}

TEST(every_number_that_is_nobodys_finds_nobody) {
    static raw_peer_t p;
    runtime_stats_t   before, after;
    start(NODE_ROLE_OPERATOR);
    enter(&p, "mallory", 9);
    runtime_get_stats(rig.rt, &before);
    unsigned said = 0, alive = 0;
    for (uint32_t seq = 1; seq < 3000; seq += 1) {
        if (actor_is_alive(rig.rt, actor_id_make(1, seq))) {
            alive++;
            continue;
        }
        while (!raw_may_say(&p, 64)) go(1);
        raw_say_data(&p, seq, T_SAY, NULL, 0);
        said++;
    }
    go(20);
    runtime_get_stats(rig.rt, &after);
    CHECK_EQ(after.sent - before.sent, 0);
    CHECK_EQ(after.refused_unknown + after.dropped - before.refused_unknown - before.dropped, said);
    CHECK(alive >= 3);
    end();
}

/* ---- no one gets in unasked ------------------------------------------------------------------------------------------------------ */

TEST(an_observer_sees_names_and_sends_to_nobody) {
    static raw_peer_t p;
    start(NODE_ROLE_OBSERVER);
    raw_close(&rig.friend);
    enter(&p, "mallory", 9);
    CHECK(p.count[MK_WIRE_NAME] >= 1);
    unsigned before = p.count[MK_WIRE_DATA];
    raw_say_data(&p, actor_id_seq(rig.echo), T_SAY, "x", 1);
    raw_say_data(&p, actor_id_seq(rig.hidden), T_SAY, "x", 1);
    go(50);
    CHECK_EQ(p.count[MK_WIRE_DATA], before);
    CHECK_EQ(rig.got_hidden, 0);
    end();
}

TEST(a_member_sends_to_those_it_was_shown_and_to_no_others) {
    static raw_peer_t p;
    start(NODE_ROLE_MEMBER);
    enter(&p, "mallory", 9);
    raw_say_data(&p, actor_id_seq(rig.echo), T_SAY, "x", 1);
    raw_say_data(&p, actor_id_seq(rig.hidden), T_SAY, "x", 1);
    go(50);
    CHECK_EQ(p.count[MK_WIRE_DATA], 1);
    CHECK_EQ(rig.got_hidden, 0);
    end();
}

TEST(a_member_ends_nobody_and_starts_nobody) {
    static raw_peer_t p;
    uint8_t           frame[MK_WIRE_REQUEST_BYTES_MAX];
    runtime_stats_t   before, after;
    start(NODE_ROLE_MEMBER);
    enter(&p, "mallory", 9);
    runtime_get_stats(rig.rt, &before);
    for (mk_signal_kind_t kind = MK_SIGNAL_EXIT; kind <= MK_SIGNAL_LINK; kind++) {
        mk_signal_t signal = {.kind = kind, .ref = 1, .from = 7, .to = actor_id_seq(rig.echo), .reason = EXIT_KILLED};
        raw_say_signal(&p, &signal);
        go(5);
        if (p.fd < 0) {
            raw_close(&p);
            rig.crowd_n--;
            enter(&p, "mallory", 9);
        }
    }
    for (uint8_t verb = MK_WIRE_SPAWN; verb <= MK_WIRE_RELOAD; verb++) {
        mk_wire_request_t request = {.ref = verb, .verb = verb, .seq = actor_id_seq(rig.echo), .module = {"worker", 6}};
        raw_say(&p, frame, mk_wire_put_request(frame, &request));
    }
    go(50);
    runtime_get_stats(rig.rt, &after);
    CHECK(actor_is_alive(rig.rt, rig.echo));
    CHECK_EQ(after.spawned, before.spawned);
    CHECK_EQ(after.ended, before.ended);
    CHECK_EQ(p.count[MK_WIRE_ANSWER], 3);
    CHECK(friend_is_disturbed() == NULL);
    end();
}

/* Welcoming oneself to everything changes nothing: what a peer may do here is decided here. */
TEST(nobody_gives_itself_a_role) {
    static raw_peer_t p;
    start(NODE_ROLE_OBSERVER);
    enter(&p, "mallory", 9); /* its welcome grants us everything; its own role is what ours says */
    raw_say_data(&p, actor_id_seq(rig.echo), T_SAY, "x", 1);
    go(50);
    CHECK_EQ(p.count[MK_WIRE_DATA], 0);
    end();
}

TEST(nobody_speaks_for_another_node_or_for_the_system) {
    static raw_peer_t p;
    start(NODE_ROLE_OPERATOR);
    for (uint32_t low = 0; low < 0x110; low++) {
        enter(&p, "mallory", 9);
        raw_say_data(&p, actor_id_seq(rig.echo), MK_MSG_SYSTEM_BASE + low,
                     "\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 24);
        go(3);
        CHECK(actor_is_alive(rig.rt, rig.echo));
        raw_close(&p);
        rig.crowd_n--;
        go(3);
    }
    /* Names and capabilities may be asked for by other nodes; what comes of timers, ends, calls and nodes may not be made up. */
    CHECK(rig.foreign_system <= 4);
    CHECK(friend_is_disturbed() == NULL);
    end();
}

/* ---- every queue is bounded and every refusal is visible --------------------------------------------------------------------------- */

static struct {
    unsigned  sent, refused, failed, answered, downs;
    call_id_t call;
} attempt;

static bool try_everything(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    actor_id_t far = actor_id_make(9, 7);
    (void)self, (void)state;
    switch (msg->type) {
    case T_SEND:
        attempt.sent += actor_send(rt, far, T_SAY, "x", 1);
        attempt.refused += !actor_send(rt, actor_id_make(55, 7), T_SAY, "x", 1);
        attempt.call = actor_call(rt, far, T_SAY, "x", 1, 400);
        CHECK(actor_monitor(rt, far) != MONITOR_ID_INVALID);
        return true;
    case MSG_CALL_FAILED: attempt.failed++; return true;
    case MSG_DOWN: attempt.downs++; return true;
    default: attempt.answered += msg->call != 0; return true;
    }
}

TEST(a_call_to_a_node_that_answers_nothing_is_answered_once) {
    static raw_peer_t p;
    memset(&attempt, 0, sizeof attempt);
    start(NODE_ROLE_OPERATOR);
    enter(&p, "mallory", 9);
    actor_id_t who = spawn(try_everything, NULL, 0, NULL);
    CHECK(actor_send(rig.rt, who, T_SEND, NULL, 0));
    go(1000);
    CHECK_EQ(attempt.sent, 1);
    CHECK_EQ(attempt.refused, 1);
    CHECK(attempt.call != CALL_ID_INVALID);
    CHECK_EQ(attempt.failed + attempt.answered, 1);
    CHECK_EQ(attempt.downs, 0); /* it lives, as far as anybody can tell */
    mk_sock_reset(p.fd);
    p.fd = -1;
    go(50);
    CHECK_EQ(attempt.downs, 1);
    CHECK_EQ(attempt.failed + attempt.answered, 1);
    end();
}

/* Answers to numbers it made up, twice, and for somebody else's call: one gets through, the rest is dropped. */
TEST(answers_that_were_not_asked_for_reach_nobody) {
    static raw_peer_t p;
    static uint8_t    frame[64];
    memset(&attempt, 0, sizeof attempt);
    start(NODE_ROLE_OPERATOR);
    enter(&p, "mallory", 9);
    actor_id_t who = spawn(try_everything, NULL, 0, NULL);
    CHECK(actor_send(rig.rt, who, T_SEND, NULL, 0));
    go(20);
    for (uint32_t call = 1; call < 200; call++) {
        mk_wire_data_t data = {.source = 7, .dest = actor_id_seq(who), .type = 9, .part = MK_WIRE_REPLY, .call = call};
        if (call == attempt.call) continue;
        raw_say(&p, frame, mk_wire_put_data(frame, &data));
    }
    go(20);
    CHECK_EQ(attempt.answered, 0);
    mk_wire_data_t right = {
        .source = 7, .dest = actor_id_seq(who), .type = 9, .part = MK_WIRE_REPLY, .call = attempt.call};
    for (unsigned i = 0; i < 3; i++) raw_say(&p, frame, mk_wire_put_data(frame, &right));
    go(1000);
    CHECK_EQ(attempt.answered, 1);
    CHECK_EQ(attempt.failed, 0);
    end();
}
