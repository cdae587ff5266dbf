/* SPDX-License-Identifier: Apache-2.0 */
/* Messages and calls between this node and others: which way they go, who may, every refusal, and whatever goes down in the
 * middle of it. */
#include <stdlib.h>

#include "microkernel/namespace.h"
#include "microkernel/transport.h"
#include "runtime/far.h"
#include "runtime/wake.h"

static part_t a, b;
static far_t  far, other;

static const actor_id_t them = (actor_id_t)2 << 32 | 77; /* an actor of `far` */

static void stage(uint32_t may) {
    curtain_up(NULL);
    enter(&a);
    enter(&b);
    far_up(&far, 2, may);
    far_kept = NULL;
}

static void strike(void) {
    mk_remote_down(rt, &far.remote);
    mk_remote_down(rt, &other.remote);
    curtain_down();
}

/* ---- the table of nodes ---- */

TEST(each_of_hundreds_of_nodes_is_found_and_none_twice) {
    enum { NODES = sizeof(void *) == 8 ? 700 : 50 };
    stage(FAR_ALL);
    far_t *nodes = calloc(NODES, sizeof *nodes);
    CHECK(nodes != NULL);
    for (uint32_t i = 0; i < NODES; i++) far_up(&nodes[i], 10 + i * 256, FAR_ALL); /* alike in their low bits */
    for (uint32_t i = 0; i < NODES; i++) CHECK(mk_remote_find(rt, 10 + i * 256) == &nodes[i].remote);
    CHECK(mk_remote_find(rt, 11) == NULL && mk_remote_find(rt, 0) == NULL && mk_remote_find(rt, 1) == NULL);
    for (uint32_t i = 0; i < NODES; i += 2) mk_remote_down(rt, &nodes[i].remote);
    for (uint32_t i = 0; i < NODES; i++) CHECK((mk_remote_find(rt, 10 + i * 256) != NULL) == (i % 2 == 1));
    in(&a, do_send, actor_id_make(10 + 256, 5));
    CHECK(did_well);
    CHECK_EQ(nodes[1].messages, 1);
    for (uint32_t i = 0; i < NODES; i++) mk_remote_down(rt, &nodes[i].remote); /* harmless for those that are down */
    free(nodes);
    strike();
}

TEST(a_node_comes_up_once_and_is_not_ourselves_nor_nobody) {
    stage(FAR_ALL);
    other = (far_t){.remote = {.ops = &far_ops, .node = 2}};
    CHECK_EQ(mk_remote_up(rt, &other.remote), MK_ERR_EXISTS);
    mk_remote_down(rt, &other.remote); /* not the one that is up */
    CHECK(mk_remote_find(rt, 2) == &far.remote);
    other.remote.node = 1;
    CHECK_EQ(mk_remote_up(rt, &other.remote), MK_ERR_EXISTS);
    other.remote.node = 0;
    CHECK_EQ(mk_remote_up(rt, &other.remote), MK_ERR_INVALID);
    strike();
}

TEST(without_memory_no_node_comes_up) {
    curtain_up(NULL);
    far = (far_t){.remote = {.ops = &far_ops, .node = 2}};
    oom_arm(1);
    mk_err_t err = mk_remote_up(rt, &far.remote);
    oom_disarm();
    CHECK_EQ(err, MK_ERR_NOMEM);
    CHECK(mk_remote_find(rt, 2) == NULL);
    CHECK_EQ(mk_remote_up(rt, &far.remote), MK_OK);
    strike();
}

/* ---- messages out ---- */

TEST(a_message_goes_to_the_node_of_its_actor) {
    stage(0);
    far_up(&other, 3, 0);
    uint64_t sent = stats().sent;
    in(&a, do_send, them);
    CHECK(did_well);
    CHECK_EQ(far.n, 1);
    CHECK_EQ(other.n, 0);
    const mk_envelope_t *got = &far_last(&far)->envelope;
    CHECK_EQ(got->source, actor_id_seq(a.id));
    CHECK_EQ(got->dest, 77);
    CHECK_EQ(got->type, 9);
    CHECK_EQ(got->part, MK_CALL_NONE);
    CHECK_EQ(got->size, 4);
    CHECK_STR(far_last(&far)->text, "far");
    CHECK_EQ(stats().sent, sent + 2);        /* the order to do so was one */
    CHECK(actor_send(rt, them, 1, NULL, 0)); /* from nobody */
    CHECK_EQ(far_last(&far)->envelope.source, 0);
    strike();
}

TEST(what_the_link_refuses_is_refused_with_its_reason_and_counted) {
    stage(0);
    far.answers = MK_ERR_FULL;
    CHECK_EQ(actor_try_send(rt, them, 1, NULL, 0), MK_ERR_FULL);
    far.answers = MK_ERR_CLOSED;
    CHECK_EQ(actor_try_send(rt, them, 1, NULL, 0), MK_ERR_CLOSED);
    CHECK_EQ(stats().refused_full, 1);
    CHECK_EQ(stats().refused_other, 1);
    CHECK_EQ(stats().sent, 0);
    mk_remote_down(rt, &far.remote);
    CHECK_EQ(actor_try_send(rt, them, 1, NULL, 0), MK_ERR_NOTFOUND);
    CHECK_EQ(stats().refused_unknown, 1);
    strike();
}

TEST(a_payload_beyond_the_limit_does_not_leave) {
    static char large[101];
    curtain_up(&(runtime_config_t){.node_id = 1, .payload_bytes_max = 100});
    far_up(&far, 2, 0);
    CHECK_EQ(actor_try_send(rt, them, 1, large, 101), MK_ERR_TOOLONG);
    CHECK_EQ(actor_try_send(rt, them, 1, large, 100), MK_OK);
    message_buffer_t *buf = message_buffer_create(101);
    CHECK_EQ(actor_send_buffer(rt, them, 1, buf), MK_ERR_TOOLONG);
    message_buffer_release(buf);
    CHECK_EQ(far.n, 1);
    strike();
}

static bool travels(msg_type_t type) {
    return type < MK_MSG_SYSTEM_BASE || type == MSG_CAPS_REQUEST || type == MSG_CAPS_REPLY || type == MSG_NS_LIST ||
           type == MSG_NS_REPLY;
}

static mk_err_t never_asked(transport_t *self, actor_id_t source, actor_id_t dest, msg_type_t type, const void *payload,
                            size_t size) {
    (void)self, (void)source, (void)dest, (void)payload, (void)size;
    CHECK(travels(type));
    return MK_OK;
}

TEST(what_the_system_says_to_its_own_neither_leaves_nor_comes_in) {
    transport_t plain = {.peer = 4, .send = never_asked};
    stage(FAR_ALL);
    CHECK(runtime_add_transport(rt, &plain));
    uint64_t dropped = stats().dropped;
    for (uint32_t i = 0; i < 0x300; i++) {
        msg_type_t type = i < 0x200 ? MK_MSG_SYSTEM_BASE + i : i < 0x280 ? UINT32_MAX - (i - 0x200) : i;
        mk_err_t   out = travels(type) ? MK_OK : MK_ERR_DENIED;
        CHECK_EQ(actor_try_send(rt, them, type, NULL, 0), out);
        CHECK_EQ(actor_try_send(rt, actor_id_make(4, 1), type, NULL, 0), out);
        CHECK_EQ(runtime_deliver(rt, actor_id_make(4, 1), a.id, type, NULL, 0), out);
        CHECK_EQ(far_sends(&far, 77, b.id, type, ""), travels(type) ? MK_OK : MK_ERR_PROTO);
        settle();
    }
    CHECK_EQ(a.n, 0x300 - 0x280 + 4);
    CHECK_EQ(b.n, a.n);
    CHECK_EQ(far.messages, a.n);
    CHECK_EQ(stats().dropped, dropped); /* who breaks the protocol is ended, not counted */
    strike();
}

TEST(a_buffer_travels_without_a_copy) {
    stage(0);
    message_buffer_t *buf = message_buffer_create(6);
    memcpy(message_buffer_data(buf), "large", 6);
    far.answers = MK_ERR_FULL;
    CHECK_EQ(actor_send_buffer(rt, them, 5, buf), MK_ERR_FULL); /* still ours */
    far.answers = MK_OK;
    CHECK_EQ(actor_send_buffer(rt, them, 5, buf), MK_OK); /* gone: the sanitizer counts */
    CHECK_EQ(far_last(&far)->kind, FAR_BUFFER);
    CHECK_STR(far_last(&far)->text, "large");
    strike();
}

static bool forward_it(part_t *part, message_t *msg) {
    part->n++;
    message_t *kept = message_take(rt, msg);
    mk_err_t   err = actor_forward(rt, them, kept);
    did_well = err == MK_OK;
    if (!did_well) message_release(rt, kept);
    return true;
}

TEST(a_message_can_be_sent_on_to_another_node_with_its_buffer) {
    stage(0);
    a.on = forward_it;
    CHECK(actor_send(rt, a.id, 7, "small", 6));
    settle();
    CHECK(did_well);
    CHECK_EQ(far_last(&far)->kind, FAR_MESSAGE);
    CHECK_EQ(far_last(&far)->envelope.source, actor_id_seq(a.id));
    for (int refused = 0; refused < 2; refused++) {
        message_buffer_t *buf = message_buffer_create(6);
        memcpy(message_buffer_data(buf), "large", 6);
        far.answers = refused ? MK_ERR_FULL : MK_OK;
        CHECK_EQ(actor_send_buffer(rt, a.id, 7, buf), MK_OK);
        settle();
        CHECK_EQ(did_well, !refused);
        CHECK_EQ(far_last(&far)->kind, FAR_BUFFER);
    }
    CHECK_EQ(far.n, 2);
    strike();
}

/* ---- messages in ---- */

TEST(what_comes_from_a_node_is_delivered_with_its_source_and_can_be_answered) {
    stage(FAR_ALL);
    a.on = reply_at_once;
    CHECK_EQ(far_sends(&far, 77, a.id, 5, "hi"), MK_OK);
    settle();
    CHECK_EQ(last_note(&a)->source, them);
    CHECK_EQ(last_note(&a)->call, CALL_ID_INVALID);
    CHECK_STR(last_note(&a)->as.bytes, "hi");
    CHECK(did_well);
    CHECK_EQ(far_last(&far)->envelope.dest, 77);
    CHECK_EQ(far_last(&far)->envelope.part, MK_CALL_NONE);
    a.on = NULL;
    CHECK_EQ(far_sends(&far, 0, a.id, 5, "hi"), MK_OK);
    settle();
    CHECK_EQ(last_note(&a)->source, ACTOR_ID_INVALID);
    strike();
}

TEST(a_role_says_whom_a_node_may_reach) {
    stage(0);
    CHECK_EQ(far_sends(&far, 77, a.id, 1, ""), MK_ERR_DENIED);
    CHECK_EQ(far_sends(&far, 77, actor_id_make(1, 4711), 1, ""), MK_ERR_DENIED); /* not even who there is */
    far.remote.may = MK_MAY_STOP | MK_MAY_SPAWN | MK_MAY_RELOAD;
    CHECK_EQ(far_sends(&far, 77, a.id, 1, ""), MK_ERR_DENIED);
    far.remote.may = MK_MAY_SEND;
    CHECK_EQ(far_sends(&far, 77, a.id, 1, ""), MK_ERR_DENIED); /* nobody has shown it */
    far.remote.may = MK_MAY_SEND | MK_MAY_SEND_ANY;
    CHECK_EQ(far_sends(&far, 77, a.id, 1, ""), MK_OK);
    far.remote.may = MK_MAY_SEND;
    in(&a, do_send, them); /* it shows itself */
    CHECK_EQ(far_sends(&far, 77, a.id, 1, ""), MK_OK);
    CHECK_EQ(far_sends(&far, 77, b.id, 1, ""), MK_ERR_DENIED);
    far.remote.may = MK_MAY_LOOKUP;
    CHECK_EQ(far_sends(&far, 77, a.id, 1, ""), MK_ERR_DENIED);
    CHECK_EQ(far_sends(&far, 77, a.id, MSG_CAPS_REQUEST, ""), MK_OK);
    CHECK_EQ(far_sends(&far, 77, a.id, MSG_NS_LIST, ""), MK_OK);
    CHECK_EQ(far_sends(&far, 77, b.id, MSG_CAPS_REQUEST, ""), MK_ERR_DENIED);
    settle();
    CHECK_EQ(a.n, 4);
    CHECK_EQ(b.n, 0);
    CHECK_EQ(stats().dropped, 7);
    strike();
}

TEST(who_reaches_out_is_shown_by_that) {
    static deed_fn *const deeds[] = {do_send, do_call_far, do_monitor, do_link, do_stop};
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        stage(MK_MAY_SEND);
        CHECK_EQ(far_sends(&far, 77, a.id, 1, ""), MK_ERR_DENIED);
        in(&a, deeds[i], them);
        CHECK_EQ(far_sends(&far, 77, a.id, 1, ""), MK_OK);
        strike();
    }
}

TEST(what_cannot_be_delivered_is_dropped_and_counted_and_a_caller_is_told) {
    static char large[200];
    curtain_up(&(runtime_config_t){.node_id = 1, .payload_bytes_max = 100});
    enter(&a);
    far_up(&far, 2, FAR_ALL);
    memset(large, 'x', 199);
    CHECK_EQ(far_sends(&far, 77, actor_id_make(1, 4711), 1, ""), MK_ERR_NOTFOUND);
    CHECK_EQ(far_sends(&far, 77, a.id, 1, large), MK_ERR_TOOLONG);
    CHECK_EQ(far.n, 0);
    CHECK_EQ(far_calls(&far, 77, actor_id_make(1, 4711), 5, ""), MK_ERR_NOTFOUND);
    CHECK_TOLD_CALL_FAILED(&far, 5, 77, MK_ERR_NOTFOUND);
    CHECK_EQ(far_last(&far)->signal.reason, EXIT_NO_ACTOR);
    CHECK_EQ(far_calls(&far, 77, a.id, 6, large), MK_ERR_TOOLONG);
    CHECK_TOLD_CALL_FAILED(&far, 6, 77, MK_ERR_TOOLONG);
    far.remote.may = 0;
    CHECK_EQ(far_calls(&far, 77, a.id, 7, ""), MK_ERR_DENIED);
    CHECK_TOLD_CALL_FAILED(&far, 7, 77, MK_ERR_DENIED);
    CHECK_EQ(stats().dropped, 5);
    settle();
    CHECK_EQ(a.n, 0);
    strike();
}

TEST(malformed_envelopes_are_the_peer_s_to_get_wrong) {
    stage(FAR_ALL);
    CHECK_EQ(far_calls(&far, 77, a.id, 0, ""), MK_ERR_PROTO); /* a request without a number */
    CHECK_EQ(far_calls(&far, 0, a.id, 1, ""), MK_ERR_PROTO);  /* ... or a caller */
    CHECK_EQ(far_replies(&far, 77, a.id, 0, ""), MK_ERR_PROTO);
    mk_envelope_t odd = {.source = 77, .dest = actor_id_seq(a.id), .part = (mk_call_part_t)3, .call = 1};
    CHECK_EQ(mk_remote_message(rt, &far.remote, &odd), MK_ERR_PROTO);
    CHECK_EQ(far_sends(&far, 77, 0, 1, ""), MK_ERR_NOTFOUND); /* nobody has the number 0 */
    odd = (mk_envelope_t){.source = 77, .dest = actor_id_seq(a.id), .type = 1, .call = 9};
    CHECK_EQ(mk_remote_message(rt, &far.remote, &odd), MK_OK); /* a number that means nothing */
    settle();
    CHECK_EQ(last_note(&a)->call, CALL_ID_INVALID);
    strike();
}

TEST(a_buffer_that_came_is_delivered_as_it_is_and_given_back_in_any_case) {
    stage(FAR_ALL);
    for (int i = 0; i < 3; i++) {
        message_buffer_t *buf = message_buffer_create(i == 2 ? 0 : 5000);
        mk_envelope_t     envelope = {.source = 77,
                                      .dest = i == 0 ? 4711 : actor_id_seq(a.id),
                                      .type = 1,
                                      .payload = message_buffer_data(buf),
                                      .size = message_buffer_size(buf)};
        memset(message_buffer_data(buf), i, message_buffer_size(buf));
        mk_err_t err = mk_remote_message_buffer(rt, &far.remote, &envelope, buf);
        CHECK_EQ(err, i == 0 ? MK_ERR_NOTFOUND : MK_OK);
        settle();
        CHECK_EQ(a.n, i);
        if (i != 0) CHECK_EQ(last_note(&a)->size, i == 2 ? 0 : 5000);
    }
    strike();
}

/* ---- full mailboxes ---- */

enum { ROOM = 8 };

static void small_stage(void) {
    curtain_up(NULL);
    enter_with(&a, (actor_options_t){.mailbox_size = ROOM});
    far_up(&far, 2, FAR_ALL);
}

TEST(a_full_mailbox_takes_what_is_on_its_way_and_says_once_that_it_is_full) {
    small_stage();
    for (int i = 1; i <= 2 * ROOM; i++) CHECK_EQ(far_sends(&far, 77, a.id, 1, ""), i == ROOM ? MK_ERR_FULL : MK_OK);
    CHECK_EQ(far.n, 0);
    settle();
    CHECK_EQ(a.n, 2 * ROOM); /* nothing was lost */
    CHECK_EQ(far.drained, 1);
    CHECK_EQ(far_last(&far)->dest, actor_id_seq(a.id));
    for (int i = 1; i <= ROOM; i++) CHECK_EQ(far_sends(&far, 77, a.id, 1, ""), i == ROOM ? MK_ERR_FULL : MK_OK);
    settle();
    CHECK_EQ(far.drained, 2); /* and so on */
    strike();
}

static bool handle_one_and_wait(part_t *part, message_t *msg) {
    take_note(part, msg);
    return true;
}

TEST(room_is_told_when_half_of_the_mailbox_is_free_and_not_before) {
    curtain_up(&(runtime_config_t){.node_id = 1, .turn_messages_max = 1});
    enter_with(&a, (actor_options_t){.mailbox_size = ROOM});
    far_up(&far, 2, FAR_ALL);
    a.on = handle_one_and_wait;
    for (int i = 1; i <= ROOM; i++) (void)!far_sends(&far, 77, a.id, 1, "");
    for (int i = 1; i <= ROOM; i++) {
        runtime_step(rt);
        CHECK_EQ(a.n, i);
        CHECK_EQ(far.drained, i >= ROOM / 2);
    }
    strike();
}

TEST(a_mailbox_of_one_is_full_with_one_and_told_when_it_is_empty) {
    curtain_up(NULL);
    enter_with(&a, (actor_options_t){.mailbox_size = 1});
    far_up(&far, 2, FAR_ALL);
    for (int i = 1; i <= 3; i++) {
        CHECK_EQ(far_sends(&far, 77, a.id, 1, ""), MK_ERR_FULL);
        settle();
        CHECK_EQ(far.drained, i);
    }
    strike();
}

TEST(every_node_that_waits_for_room_is_told) {
    small_stage();
    far_up(&other, 3, FAR_ALL);
    for (int i = 1; i <= ROOM; i++) (void)!far_sends(&far, 77, a.id, 1, "");
    CHECK_EQ(far_sends(&other, 5, a.id, 1, ""), MK_ERR_FULL);
    CHECK_EQ(far_sends(&other, 5, a.id, 1, ""), MK_OK);
    CHECK_EQ(actor_try_send(rt, a.id, 1, NULL, 0), MK_ERR_FULL); /* ours is refused as ever */
    settle();
    CHECK_EQ(far.drained + other.drained, 2);
    strike();
}

TEST(the_end_of_an_actor_is_room_too) {
    small_stage();
    for (int i = 1; i <= ROOM; i++) (void)!far_sends(&far, 77, a.id, 1, "");
    actor_stop(rt, a.id);
    CHECK_EQ(far.drained, 1);
    CHECK_EQ(far_sends(&far, 77, a.id, 1, ""), MK_ERR_NOTFOUND);
    settle();
    strike();
}

TEST(a_node_that_goes_down_waits_for_no_room_any_more) {
    small_stage();
    for (int i = 1; i <= ROOM; i++) (void)!far_sends(&far, 77, a.id, 1, "");
    mk_remote_down(rt, &far.remote);
    settle();
    CHECK_EQ(far.n, 0);
    CHECK_EQ(a.n, ROOM);
    far_up(&far, 2, FAR_ALL); /* the next life of the link begins afresh */
    for (int i = 1; i <= ROOM; i++) CHECK_EQ(far_sends(&far, 77, a.id, 1, ""), i == ROOM ? MK_ERR_FULL : MK_OK);
    settle();
    CHECK_EQ(far.drained, 1);
    strike();
}

static bool hold(part_t *part, message_t *msg) {
    take_note(part, msg);
    mk_actor_wait_end(rt);
    if (part->n == 1) CHECK(mk_actor_wait(rt, false, 10));
    return true;
}

TEST(an_actor_that_waits_mid_behaviour_gives_room_when_it_goes_on) {
    small_stage();
    a.on = hold;
    for (int i = 1; i <= ROOM; i++) (void)!far_sends(&far, 77, a.id, 1, "");
    settle();
    CHECK_EQ(a.n, 1);
    CHECK_EQ(far.drained, 0);
    pass(20);
    CHECK_EQ(a.n, ROOM + 1); /* and the wake */
    CHECK_EQ(far.drained, 1);
    strike();
}

/* ---- calls to there ---- */

#define CHECK_CALL_FAILED(number, err, why)                  \
    do {                                                     \
        CHECK_EQ(last_note(&a)->type, MSG_CALL_FAILED);      \
        CHECK_EQ(last_note(&a)->call, number);               \
        CHECK_EQ(last_note(&a)->source, them);               \
        CHECK_EQ(last_note(&a)->as.failed.call, number);     \
        CHECK_EQ(last_note(&a)->as.failed.error, err);       \
        CHECK_EQ(last_note(&a)->as.failed.exit_reason, why); \
    } while (0)

TEST(a_call_to_another_node_is_answered_once) {
    stage(0); /* an answer needs no leave */
    in(&a, do_call_far, them);
    call_id_t call = did_call;
    CHECK(call != CALL_ID_INVALID);
    CHECK_EQ(far_last(&far)->envelope.part, MK_CALL_REQUEST);
    CHECK_EQ(far_last(&far)->envelope.call, call);
    CHECK_EQ(far_last(&far)->envelope.type, 3);
    CHECK_STR(far_last(&far)->text, "ask");
    CHECK_EQ(far_replies(&far, 77, b.id, call, "stolen"), MK_OK); /* not b's call */
    CHECK_EQ(far_replies(&far, 77, a.id, call + 1, "forged"), MK_OK);
    CHECK_EQ(far_replies(&far, 77, a.id, call, "yes"), MK_OK);
    CHECK_EQ(far_replies(&far, 77, a.id, call, "again"), MK_OK);
    settle();
    CHECK_EQ(far_replies(&far, 77, a.id, call, "late"), MK_OK);
    pass(5000);
    CHECK_EQ(a.n, 1);
    CHECK_EQ(b.n, 0);
    CHECK_EQ(last_note(&a)->type, 4);
    CHECK_EQ(last_note(&a)->call, call);
    CHECK_EQ(last_note(&a)->source, them);
    CHECK_STR(last_note(&a)->as.bytes, "yes");
    CHECK_EQ(stats().dropped, 4);
    CHECK_EQ(far.n, 1);
    strike();
}

TEST(an_answer_finds_room_in_a_full_mailbox) {
    small_stage();
    in(&a, do_call_far, them);
    for (int i = 0; i < ROOM; i++) CHECK(actor_send(rt, a.id, 1, NULL, 0));
    CHECK_EQ(far_replies(&far, 77, a.id, did_call, "yes"), MK_OK);
    settle();
    CHECK_EQ(last_note(&a)->type, 4);
    CHECK_EQ(a.n, ROOM + 1);
    CHECK_EQ(far.drained, 0);
    strike();
}

TEST(another_node_cannot_answer_a_call) {
    stage(FAR_ALL);
    far_up(&other, 3, FAR_ALL);
    in(&a, do_call_far, them);
    CHECK_EQ(far_replies(&other, 77, a.id, did_call, "forged"), MK_OK);
    CHECK_EQ(far_says(&other, (mk_signal_t){.kind = MK_SIGNAL_CALL_FAILED,
                                            .ref = did_call,
                                            .to = actor_id_seq(a.id),
                                            .error = MK_ERR_FULL}),
             MK_OK);
    message_t fake = {.source = a.id, .call = did_call}; /* and nobody of this node */
    CHECK(!actor_reply(rt, &fake, 4, NULL, 0));
    settle();
    CHECK_EQ(a.n, 0);
    CHECK_EQ(far_replies(&far, 77, a.id, did_call, "yes"), MK_OK);
    settle();
    CHECK_EQ(a.n, 1);
    strike();
}

TEST(no_answer_in_time_is_told_to_both) {
    stage(0);
    in(&a, do_call_far, them);
    pass(1001);
    CHECK_CALL_FAILED(did_call, MK_ERR_TIMEOUT, EXIT_NORMAL);
    CHECK_TOLD(&far, MK_SIGNAL_DEMONITOR, a.id, them); /* nobody has to remember it there */
    CHECK_EQ(far_last(&far)->signal.ref, did_call);
    CHECK_EQ(far_replies(&far, 77, a.id, did_call, "late"), MK_OK);
    settle();
    CHECK_EQ(a.n, 1);
    CHECK_EQ(far.signals, 1);
    strike();
}

TEST(a_call_that_is_forgotten_is_forgotten_by_both) {
    stage(0);
    in(&a, do_call_far, them);
    in(&a, do_cancel_call, did_call);
    CHECK_TOLD(&far, MK_SIGNAL_DEMONITOR, a.id, them);
    in(&a, do_call_far, them);
    in(&a, do_end, 0);
    CHECK_TOLD(&far, MK_SIGNAL_DEMONITOR, a.id, them);
    CHECK_EQ(far_last(&far)->signal.ref, did_call);
    CHECK_EQ(far.signals, 2);
    CHECK_EQ(far_replies(&far, 77, a.id, did_call, "late"), MK_OK);
    strike();
}

TEST(the_other_node_says_why_there_will_be_no_answer) {
    static const uint8_t errors[] = {MK_ERR_NOTFOUND, MK_ERR_DENIED, MK_ERR_CLOSED, MK_ERR_FULL, 200};
    for (size_t i = 0; i < sizeof errors; i++) {
        stage(0);
        in(&a, do_call_far, them);
        mk_signal_t failed = {.kind = MK_SIGNAL_CALL_FAILED,
                              .ref = did_call,
                              .from = 77,
                              .to = actor_id_seq(a.id),
                              .error = errors[i],
                              .reason = EXIT_TRAPPED};
        CHECK_EQ(far_says(&far, failed), MK_OK);
        CHECK_EQ(far_says(&far, failed), MK_OK);
        settle();
        CHECK_EQ(far_says(&far, failed), MK_OK);
        pass(2000);
        CHECK_EQ(a.n, 1);
        CHECK_CALL_FAILED(did_call, errors[i], EXIT_TRAPPED);
        failed.error = MK_OK;
        CHECK_EQ(far_says(&far, failed), MK_ERR_PROTO);
        CHECK_EQ(far.signals, 0);
        strike();
    }
}

TEST(a_call_to_a_node_that_goes_down_fails_at_once) {
    stage(0);
    in(&a, do_call_far, them);
    mk_remote_down(rt, &far.remote);
    settle();
    CHECK_CALL_FAILED(did_call, MK_ERR_CLOSED, EXIT_NODE_DOWN);
    in(&a, do_call_far, them);
    CHECK_EQ(did_call, CALL_ID_INVALID);
    pass(5000);
    CHECK_EQ(a.n, 1);
    CHECK_EQ(far.signals, 0); /* there is nobody to tell */
    strike();
}

TEST(a_request_that_is_refused_is_no_call) {
    stage(0);
    far.answers = MK_ERR_FULL;
    in(&a, do_call_far, them);
    CHECK_EQ(did_call, CALL_ID_INVALID);
    far.answers = MK_OK;
    in(&a, do_call_far, actor_id_make(2, 0));
    CHECK_EQ(did_call, CALL_ID_INVALID);
    pass(5000);
    CHECK_EQ(a.n + far.n, 0);
    CHECK_EQ(stats().refused_full, 1);
    strike();
}

static char large[3000];

TEST(an_answer_too_long_for_us_is_a_failed_call) {
    curtain_up(&(runtime_config_t){.node_id = 1, .payload_bytes_max = 100});
    enter(&a);
    far_up(&far, 2, 0);
    in(&a, do_call_far, them);
    memset(large, 'x', 200);
    large[200] = '\0';
    CHECK_EQ(far_replies(&far, 77, a.id, did_call, large), MK_ERR_TOOLONG);
    settle();
    CHECK_CALL_FAILED(did_call, MK_ERR_TOOLONG, EXIT_NORMAL);
    strike();
}

/* ---- calls from there ---- */

TEST(a_call_from_another_node_is_answered_with_its_number) {
    stage(FAR_ALL);
    a.on = reply_at_once;
    CHECK_EQ(far_calls(&far, 77, a.id, 5, "ask"), MK_OK);
    settle();
    CHECK_EQ(last_note(&a)->call, 5);
    CHECK_EQ(last_note(&a)->source, them);
    CHECK(did_well);
    const mk_envelope_t *got = &far_last(&far)->envelope;
    CHECK_EQ(got->part, MK_CALL_REPLY);
    CHECK_EQ(got->call, 5);
    CHECK_EQ(got->dest, 77);
    CHECK_EQ(got->source, actor_id_seq(a.id));
    CHECK_STR(far_last(&far)->text, "answer");
    CHECK_EQ(far_calls(&far, 77, a.id, 5, "ask"), MK_OK); /* the number is free again */
    settle();
    in(&a, do_end, 0);
    CHECK_EQ(far.n, 2);
    strike();
}

TEST(a_call_is_answered_once_and_only_while_it_waits) {
    stage(FAR_ALL);
    a.on = keep_it;
    CHECK_EQ(far_calls(&far, 77, a.id, 5, "ask"), MK_OK);
    settle();
    CHECK_EQ(far_calls(&far, 77, a.id, 5, "ask"), MK_ERR_PROTO); /* a number that is in use */
    in(&b, do_reply_kept, false);                                /* whoever has the request may answer it */
    CHECK(did_well);
    in(&a, do_reply_kept, true);
    CHECK(!did_well);
    CHECK_EQ(far.n, 1);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(far_calls(&far, 77, a.id, 6, "ask"), MK_OK);
        settle();
        mk_signal_t over = {.kind = MK_SIGNAL_DEMONITOR, .ref = 6, .from = 77, .to = actor_id_seq(a.id)};
        if (i == 0) CHECK_EQ(far_says(&far, over), MK_OK);
        if (i == 1) mk_remote_down(rt, &far.remote);
        if (i == 2)
            mk_remote_down(rt, &far.remote), far_up(&far, 2, FAR_ALL); /* another life, which knows of no call */
        in(&a, do_reply_kept, true);
        CHECK(!did_well);
        CHECK_EQ(far.messages, i == 2 ? 0 : 1);
        CHECK_EQ(far.signals, 0);
        if (i == 1) far_up(&far, 2, FAR_ALL), far.messages = 1;
    }
    strike();
}

TEST(an_answer_to_a_caller_of_a_former_life_does_not_reach_who_has_its_number_now) {
    stage(FAR_ALL);
    a.on = keep_it;
    CHECK_EQ(far_calls(&far, 77, a.id, 1, "ask"), MK_OK);
    settle();
    message_t *old = far_kept;
    mk_remote_down(rt, &far.remote);
    far_up(&far, 2, FAR_ALL);
    CHECK_EQ(far_calls(&far, 78, a.id, 1, "ask"), MK_OK); /* its first call, of another actor */
    settle();
    message_t *new = far_kept;
    far_kept = old;
    in(&a, do_reply_kept, true);
    CHECK(!did_well);
    CHECK_EQ(far.n, 0);
    far_kept = new;
    in(&a, do_reply_kept, true);
    CHECK(did_well);
    CHECK_EQ(far_last(&far)->envelope.dest, 78);
    strike();
}

TEST(the_end_of_who_was_called_is_told_to_the_caller) {
    stage(FAR_ALL);
    CHECK_EQ(far_calls(&far, 77, a.id, 5, "ask"), MK_OK); /* handled, never answered */
    settle();
    CHECK_EQ(far_calls(&far, 78, a.id, 6, "ask"), MK_OK); /* still in the mailbox */
    actor_stop(rt, a.id);
    settle();
    CHECK_EQ(far.signals, 2);
    CHECK_TOLD_CALL_FAILED(&far, 5, 77, MK_ERR_CLOSED);
    CHECK_EQ(far_last(&far)->signal.reason, EXIT_KILLED);
    strike();
}

TEST(an_answer_that_cannot_be_sent_is_told_so_that_nobody_waits) {
    stage(FAR_ALL);
    a.on = reply_at_once;
    CHECK_EQ(far_calls(&far, 77, a.id, 5, "ask"), MK_OK);
    far.answers = MK_ERR_FULL;
    settle();
    CHECK(!did_well);
    CHECK_TOLD_CALL_FAILED(&far, 5, 77, MK_ERR_FULL);
    in(&a, do_end, 0);
    CHECK_EQ(far.signals, 1);
    strike();
}

TEST(a_request_that_comes_after_it_was_given_up_is_nobody_s) {
    stage(FAR_ALL);
    a.on = reply_at_once;
    CHECK_EQ(far_says(&far, (mk_signal_t){.kind = MK_SIGNAL_DEMONITOR, .ref = 5, .from = 77, .to = 1}), MK_OK);
    CHECK_EQ(far_calls(&far, 77, a.id, 5, "ask"), MK_OK);
    CHECK_EQ(far_calls(&far, 77, a.id, 6, "ask"), MK_OK);
    settle();
    CHECK_EQ(a.n, 1);
    CHECK_EQ(last_note(&a)->call, 6);
    CHECK_EQ(stats().dropped, 1);
    in(&a, do_end, 0);
    CHECK_EQ(far.n, 1);
    strike();
}

TEST(a_peer_may_have_so_many_calls_waiting_and_no_more) {
    if (sizeof(void *) != 8) rig_skip("a board has no memory for that many");
    curtain_up(NULL);
    enter_with(&a, (actor_options_t){.mailbox_size = 2 * MK_REMOTE_ASKED_MAX});
    far_up(&far, 2, FAR_ALL);
    for (uint32_t i = 1; i <= MK_REMOTE_ASKED_MAX; i++) CHECK_EQ(far_calls(&far, 77, a.id, i, ""), MK_OK);
    settle();
    CHECK_EQ(far_calls(&far, 77, a.id, 70000, ""), MK_ERR_LIMIT);
    CHECK_TOLD_CALL_FAILED(&far, 70000, 77, MK_ERR_LIMIT);
    mk_signal_t monitor = {.kind = MK_SIGNAL_MONITOR, .ref = 70000, .from = 77, .to = actor_id_seq(a.id)};
    CHECK_EQ(far_says(&far, monitor), MK_ERR_LIMIT);
    CHECK_TOLD_END(&far, MK_SIGNAL_DOWN, 70000, a.id, them, EXIT_NODE_DOWN);
    mk_signal_t link = {.kind = MK_SIGNAL_LINK, .ref = 1, .from = 77, .to = actor_id_seq(a.id)};
    CHECK_EQ(far_says(&far, link), MK_ERR_LIMIT);
    CHECK_TOLD_END(&far, MK_SIGNAL_LINK_EXIT, 1, a.id, them, EXIT_NODE_DOWN);
    CHECK_EQ(far_says(&far, (mk_signal_t){.kind = MK_SIGNAL_DEMONITOR, .ref = 9, .from = 77, .to = 1}), MK_OK);
    CHECK_EQ(far_says(&far, monitor), MK_OK); /* one has gone, one may come */
    CHECK_EQ(far_says(&far, link), MK_ERR_LIMIT);
    in(&a, do_link, actor_id_make(2, 5)); /* ours are not theirs */
    actor_stop(rt, a.id);
    CHECK_EQ(far.signals, 3 + 1 + 1 + MK_REMOTE_ASKED_MAX + 1);
    strike();
}
