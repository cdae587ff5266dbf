/* SPDX-License-Identifier: Apache-2.0 */
/* Monitors, links and exit signals between this node and others: each tells once, whatever ends or goes down first, and
 * whatever the other node says. */
#include <stdlib.h>

#include "runtime/far.h"

static part_t a, b;
static far_t  far, other;

static const actor_id_t them = (actor_id_t)2 << 32 | 77; /* an actor of `far` */

static void stage(uint32_t may) {
    curtain_up(NULL);
    enter(&a);
    enter(&b);
    far_up(&far, 2, may);
}

static void strike(void) {
    mk_remote_down(rt, &far.remote);
    mk_remote_down(rt, &other.remote);
    curtain_down();
}

/* What the actor 77 there says of `number` to one of ours. */
static mk_signal_t of(mk_signal_kind_t kind, uint32_t number, actor_id_t to) {
    return (mk_signal_t){.kind = kind, .ref = number, .from = 77, .to = actor_id_seq(to)};
}

static mk_signal_t end_of(mk_signal_kind_t kind, uint32_t number, actor_id_t to, uint8_t reason, const char *text) {
    mk_signal_t signal = of(kind, number, to);
    signal.reason = reason;
    signal.text = (mk_slice_t){text, strlen(text)};
    return signal;
}

/* ---- monitors of theirs by ours ---- */

TEST(a_monitor_of_another_node_s_actor_tells_once_with_reason_and_text) {
    stage(0); /* what was asked for needs no leave */
    in(&a, do_monitor, them);
    monitor_id_t m = did_monitor;
    CHECK_TOLD(&far, MK_SIGNAL_MONITOR, a.id, them);
    CHECK_EQ(far_last(&far)->signal.ref, m);
    mk_signal_t down = end_of(MK_SIGNAL_DOWN, m, a.id, EXIT_TRAPPED, "it went wrong, there");
    mk_signal_t forged = down;
    forged.from = 78; /* not the one that is watched */
    CHECK_EQ(far_says(&far, forged), MK_OK);
    forged = down, forged.to = actor_id_seq(b.id); /* not the one that watches */
    CHECK_EQ(far_says(&far, forged), MK_OK);
    forged = down, forged.ref = m + 1;
    CHECK_EQ(far_says(&far, forged), MK_OK);
    forged.ref = 0;
    CHECK_EQ(far_says(&far, forged), MK_OK);
    settle();
    CHECK_EQ(a.n + b.n, 0);
    CHECK_EQ(far_says(&far, down), MK_OK);
    CHECK_EQ(far_says(&far, down), MK_OK);
    settle();
    CHECK_EQ(far_says(&far, down), MK_OK);
    settle();
    CHECK_EQ(a.n, 1);
    CHECK_HEARD_DOWN(&a, them, m, EXIT_TRAPPED);
    CHECK_EQ(last_note(&a)->source, them);
    CHECK_STR(last_note(&a)->text, "it went wrong, there");
    mk_remote_down(rt, &far.remote);
    settle();
    CHECK_EQ(a.n, 1);
    CHECK_EQ(far.n, 1);
    strike();
}

TEST(a_monitor_of_another_node_is_not_the_business_of_a_third) {
    stage(FAR_ALL);
    far_up(&other, 3, FAR_ALL);
    in(&a, do_monitor, them);
    CHECK_EQ(far_says(&other, of(MK_SIGNAL_DOWN, did_monitor, a.id)), MK_OK);
    settle();
    CHECK_EQ(a.n, 0);
    mk_remote_down(rt, &other.remote);
    settle();
    CHECK_EQ(a.n, 0);
    mk_remote_down(rt, &far.remote);
    settle();
    CHECK_EQ(a.n, 1);
    strike();
}

TEST(monitors_fire_when_their_node_goes_down_and_at_once_when_it_is_not_there) {
    stage(0);
    in(&a, do_monitor, them);
    in(&a, do_monitor, them); /* each is one of its own */
    mk_remote_down(rt, &far.remote);
    mk_remote_down(rt, &far.remote);
    settle();
    CHECK_EQ(a.n, 2);
    CHECK_HEARD_DOWN(&a, them, last_note(&a)->as.down.monitor, EXIT_NODE_DOWN);
    in(&a, do_monitor, them);
    CHECK_HEARD_DOWN(&a, them, did_monitor, EXIT_NODE_DOWN);
    far_up(&far, 2, 0);
    in(&a, do_monitor, actor_id_make(2, 0)); /* nobody's number */
    CHECK_HEARD_DOWN(&a, actor_id_make(2, 0), did_monitor, EXIT_NO_ACTOR);
    CHECK_EQ(a.n, 4);
    CHECK_EQ(far.n, 0);
    strike();
}

TEST(a_monitor_that_is_given_up_is_given_up_there_and_never_fires) {
    stage(0);
    in(&a, do_monitor, them);
    in(&b, do_demonitor, did_monitor); /* not b's */
    CHECK_EQ(far.n, 1);
    in(&a, do_demonitor, did_monitor);
    CHECK_TOLD(&far, MK_SIGNAL_DEMONITOR, a.id, them);
    CHECK_EQ(far_last(&far)->signal.ref, did_monitor);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_DOWN, did_monitor, a.id)), MK_OK); /* they crossed */
    in(&a, do_demonitor, did_monitor);
    mk_remote_down(rt, &far.remote);
    settle();
    CHECK_EQ(a.n, 0);
    CHECK_EQ(far.n, 2);
    strike();
}

static bool demonitor_late(part_t *part, message_t *msg) {
    take_note(part, msg);
    actor_demonitor(rt, did_monitor);
    return true;
}

TEST(a_down_in_the_mailbox_is_not_delivered_after_a_demonitor) {
    stage(0);
    in(&a, do_monitor, them);
    a.on = demonitor_late;
    CHECK(actor_send(rt, a.id, 1, NULL, 0));
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_DOWN, did_monitor, a.id)), MK_OK);
    settle();
    CHECK_EQ(a.n, 1);
    CHECK_EQ(far.n, 1); /* it had fired: there is nothing to give up */
    strike();
}

TEST(who_watches_and_ends_is_forgotten_there) {
    stage(0);
    in(&a, do_monitor, them);
    in(&a, do_end, 0);
    CHECK_TOLD(&far, MK_SIGNAL_DEMONITOR, a.id, them);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_DOWN, did_monitor, a.id)), MK_OK);
    mk_remote_down(rt, &far.remote);
    CHECK_EQ(far.n, 2);
    strike();
}

/* ---- monitors of ours by theirs ---- */

TEST(the_end_of_a_watched_actor_is_told_once_with_reason_and_text) {
    stage(FAR_ALL);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_MONITOR, 5, a.id)), MK_OK);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_MONITOR, 6, a.id)), MK_OK);
    CHECK_EQ(far.n, 0);
    in(&a, do_fail, EXIT_USER + 3);
    CHECK_EQ(far.n, 2);
    CHECK_TOLD_END(&far, MK_SIGNAL_DOWN, 5, a.id, them, EXIT_USER + 3);
    CHECK_STR(far_last(&far)->text, "it went wrong");
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_MONITOR, 5, a.id)), MK_OK);
    CHECK_TOLD_END(&far, MK_SIGNAL_DOWN, 5, a.id, them, EXIT_NO_ACTOR);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_DEMONITOR, 5, a.id)), MK_OK); /* they crossed */
    CHECK_EQ(far.n, 3);
    strike();
}

static bool fail_at_length(part_t *part, uint64_t character) {
    char text[2001];
    (void)part;
    for (size_t i = 0; i < 2000; i += 2) memcpy(text + i, character ? "\xc3\xa4" : "xy", 2);
    if (character) text[0] = 'x', memmove(text + 1, text + 2, 1999 - 1), text[1999] = '\0';
    text[2000] = '\0';
    actor_fail(rt, EXIT_FAILED, text);
    return true;
}

TEST(a_long_text_is_cut_where_a_character_ends) {
    for (int character = 0; character < 2; character++) {
        stage(FAR_ALL);
        CHECK_EQ(far_says(&far, of(MK_SIGNAL_MONITOR, 5, a.id)), MK_OK);
        in(&a, fail_at_length, (uint64_t)character);
        CHECK_EQ(far_last(&far)->signal.text.size, MK_SIGNAL_TEXT_MAX - character);
        strike();
    }
}

TEST(a_monitor_that_they_gave_up_tells_nothing) {
    stage(FAR_ALL);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_MONITOR, 5, a.id)), MK_OK);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_DEMONITOR, 5, a.id)), MK_OK);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_DEMONITOR, 5, a.id)), MK_OK);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_MONITOR, 6, a.id)), MK_OK);
    mk_remote_down(rt, &far.remote);
    in(&a, do_end, 0);
    CHECK_EQ(far.n, 0);
    strike();
}

TEST(numbers_used_twice_and_those_that_are_none_break_the_protocol) {
    stage(FAR_ALL);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_MONITOR, 5, a.id)), MK_OK);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_MONITOR, 5, a.id)), MK_ERR_PROTO);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_MONITOR, 5, b.id)), MK_ERR_PROTO);
    CHECK_EQ(far_calls(&far, 77, a.id, 5, ""), MK_ERR_PROTO); /* monitors and calls are numbered together */
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_MONITOR, 0, a.id)), MK_ERR_PROTO);
    CHECK_EQ(far_says(&far, (mk_signal_t){.kind = MK_SIGNAL_DEMONITOR, .ref = 5, .from = 78, .to = 1}), MK_ERR_PROTO);
    CHECK_EQ(far_says(&far, (mk_signal_t){.kind = MK_SIGNAL_MONITOR, .ref = 6, .to = 1}), MK_ERR_PROTO);
    CHECK_EQ(far_says(&far, (mk_signal_t){.kind = MK_SIGNAL_LINK, .from = 77, .to = 1}), MK_ERR_PROTO);
    CHECK_EQ(far_says(&far, (mk_signal_t){.kind = MK_SIGNAL_LINK, .ref = 6, .to = 1}), MK_ERR_PROTO);
    for (int kind = -1; kind <= MK_SIGNAL_KINDS + 1; kind++) {
        mk_signal_t nobody = {.kind = (mk_signal_kind_t)kind, .ref = 9, .from = 77, .error = 1};
        CHECK_EQ(far_says(&far, nobody), MK_ERR_PROTO);
        nobody.to = actor_id_seq(b.id);
        if (kind <= 0 || kind >= MK_SIGNAL_KINDS) CHECK_EQ(far_says(&far, nobody), MK_ERR_PROTO);
    }
    char text[MK_SIGNAL_TEXT_MAX + 2];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    CHECK_EQ(far_says(&far, end_of(MK_SIGNAL_DOWN, 1, a.id, 1, text)), MK_ERR_PROTO);
    CHECK_EQ(far.n, 0);
    strike();
}

TEST(who_may_watch_is_whom_its_role_lets_send) {
    stage(MK_MAY_LOOKUP | MK_MAY_STOP);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_MONITOR, 5, a.id)), MK_ERR_DENIED);
    CHECK_TOLD_END(&far, MK_SIGNAL_DOWN, 5, a.id, them, EXIT_DENIED);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_MONITOR, 5, actor_id_make(1, 4711))), MK_ERR_DENIED);
    far.remote.may = MK_MAY_SEND;
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_MONITOR, 5, a.id)), MK_ERR_DENIED);
    in(&a, do_send, them);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_MONITOR, 5, a.id)), MK_OK);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_MONITOR, 6, actor_id_make(1, 4711))), MK_OK);
    CHECK_TOLD_END(&far, MK_SIGNAL_DOWN, 6, actor_id_make(1, 4711), them, EXIT_NO_ACTOR);
    CHECK_STR(far_last(&far)->text, "");
    strike();
}

/* ---- links ---- */

TEST(the_end_of_a_linked_actor_there_is_an_exit_signal_here) {
    for (int traps = 0; traps < 2; traps++) {
        stage(0); /* we have asked for it */
        in(&a, do_trap, (uint64_t)traps);
        in(&a, do_link, them);
        CHECK_TOLD(&far, MK_SIGNAL_LINK, a.id, them);
        in(&a, do_link, them); /* twice is one */
        CHECK_TOLD(&far, MK_SIGNAL_LINK, a.id, them);
        in(&b, do_monitor, a.id);
        mk_signal_t ended = end_of(MK_SIGNAL_LINK_EXIT, 0, a.id, EXIT_USER + 1, "bad luck");
        CHECK_EQ(far_says(&far, ended), MK_OK);
        settle();
        CHECK_EQ(far_says(&far, ended), MK_OK);
        settle();
        CHECK_EQ(alive(&a), traps);
        CHECK_EQ(a.n, traps);
        if (traps) {
            CHECK_HEARD_EXIT(&a, them, EXIT_USER + 1);
            CHECK_STR(last_note(&a)->text, "bad luck");
            CHECK_EQ(last_note(&a)->source, them);
        } else {
            CHECK_HEARD_DOWN(&b, a.id, did_monitor, EXIT_USER + 1);
            CHECK_STR(last_note(&b)->text, "bad luck");
        }
        CHECK_EQ(far.n, 2);
        strike();
    }
}

TEST(a_normal_end_there_leaves_who_is_linked_alone) {
    stage(0);
    in(&a, do_link, them);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_LINK_EXIT, 0, a.id)), MK_OK);
    settle();
    CHECK(alive(&a));
    CHECK_EQ(a.n, 0);
    strike();
}

TEST(the_end_of_a_linked_actor_here_is_told_there_once) {
    for (int from_there = 0; from_there < 2; from_there++) { /* whoever made the link */
        stage(FAR_ALL);
        if (from_there) CHECK_EQ(far_says(&far, of(MK_SIGNAL_LINK, 9, a.id)), MK_OK);
        else in(&a, do_link, them);
        unsigned before = far.n;
        in(&a, do_fail, EXIT_FAILED);
        CHECK_EQ(far.n, before + 1);
        CHECK_TOLD_END(&far, MK_SIGNAL_LINK_EXIT, 0, a.id, them, EXIT_FAILED);
        CHECK_STR(far_last(&far)->text, "it went wrong");
        strike();
    }
}

TEST(linked_actors_hear_of_the_node_that_goes_down) {
    stage(FAR_ALL);
    in(&a, do_trap, true);
    in(&a, do_link, them);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_LINK, 9, b.id)), MK_OK);
    mk_remote_down(rt, &far.remote);
    settle();
    CHECK_HEARD_EXIT(&a, them, EXIT_NODE_DOWN);
    CHECK_EQ(a.n, 1);
    CHECK(!alive(&b));
    in(&a, do_link, them);
    CHECK_HEARD_EXIT(&a, them, EXIT_NODE_DOWN); /* at once, when it is not there */
    far_up(&far, 2, FAR_ALL);
    in(&a, do_link, actor_id_make(2, 0));
    CHECK_HEARD_EXIT(&a, actor_id_make(2, 0), EXIT_NO_ACTOR);
    in(&a, do_link, them); /* the next life of the link begins afresh */
    CHECK_TOLD(&far, MK_SIGNAL_LINK, a.id, them);
    strike();
}

TEST(a_link_they_ask_for_needs_a_role_and_somebody_to_link) {
    stage(MK_MAY_SEND | MK_MAY_SEND_ANY);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_LINK, 9, a.id)), MK_ERR_DENIED);
    CHECK_TOLD_END(&far, MK_SIGNAL_LINK_EXIT, 9, a.id, them, EXIT_DENIED);
    CHECK_EQ(far_says(&far, end_of(MK_SIGNAL_LINK_EXIT, 0, a.id, EXIT_FAILED, "")), MK_OK); /* of no link */
    settle();
    CHECK(alive(&a));
    far.remote.may = FAR_ALL;
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_LINK, 9, actor_id_make(1, 4711))), MK_OK);
    CHECK_TOLD_END(&far, MK_SIGNAL_LINK_EXIT, 9, actor_id_make(1, 4711), them, EXIT_NO_ACTOR);
    CHECK_STR(far_last(&far)->text, "");
    strike();
}

TEST(a_refusal_is_of_the_link_it_names_and_not_of_a_later_one) {
    stage(FAR_ALL);
    in(&a, do_trap, true);
    in(&a, do_link, them);
    mk_signal_t refused = end_of(MK_SIGNAL_LINK_EXIT, far_last(&far)->signal.ref, a.id, EXIT_NODE_DOWN, "");
    in(&a, do_unlink, them);
    in(&a, do_link, them);
    CHECK_EQ(far_says(&far, refused), MK_OK);
    settle();
    CHECK_EQ(a.n, 0);
    refused.ref = far_last(&far)->signal.ref;
    CHECK_EQ(far_says(&far, refused), MK_OK);
    settle();
    CHECK_HEARD_EXIT(&a, them, EXIT_NODE_DOWN);
    strike();
}

TEST(both_sides_may_link_at_the_same_time) {
    stage(0);
    in(&a, do_link, them);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_LINK, 9, a.id)), MK_OK); /* it needs no leave: a wants it */
    CHECK_EQ(far.n, 1);
    in(&a, do_fail, EXIT_FAILED);
    CHECK_EQ(far.n, 2);
    strike();
}

TEST(unlinked_from_either_side_is_unlinked) {
    for (int from_there = 0; from_there < 2; from_there++) {
        stage(FAR_ALL);
        in(&a, do_link, them);
        if (from_there) {
            mk_signal_t unlink = of(MK_SIGNAL_UNLINK, far_last(&far)->signal.ref, a.id);
            CHECK_EQ(far_says(&far, unlink), MK_OK);
            CHECK_EQ(far_says(&far, unlink), MK_OK);
        } else {
            in(&a, do_unlink, them);
            CHECK_TOLD(&far, MK_SIGNAL_UNLINK, a.id, them);
            in(&a, do_unlink, them);
            in(&a, do_unlink, actor_id_make(2, 78));
            in(&a, do_unlink, actor_id_make(5, 78));
        }
        unsigned n = far.n;
        CHECK_EQ(far_says(&far, end_of(MK_SIGNAL_LINK_EXIT, 0, a.id, EXIT_FAILED, "")), MK_OK); /* they crossed */
        settle();
        CHECK(alive(&a));
        in(&a, do_fail, EXIT_FAILED);
        CHECK_EQ(far.n, n);
        strike();
    }
}

TEST(an_unlink_that_crosses_a_new_link_leaves_the_link) {
    stage(FAR_ALL);
    in(&a, do_link, them);
    uint32_t first = far_last(&far)->signal.ref;
    in(&a, do_unlink, them);
    in(&a, do_link, them);
    CHECK(far_last(&far)->signal.ref != first);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_UNLINK, first, a.id)),
             MK_OK); /* of the first, said before they saw the second */
    in(&a, do_fail, EXIT_FAILED);
    CHECK_TOLD_END(&far, MK_SIGNAL_LINK_EXIT, 0, a.id, them, EXIT_FAILED);
    strike();
    stage(FAR_ALL); /* seen from the other side: an unlink names the LINK it has seen */
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_LINK, 9, a.id)), MK_OK);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_LINK, 11, a.id)), MK_OK);
    in(&a, do_unlink, them);
    CHECK_TOLD(&far, MK_SIGNAL_UNLINK, a.id, them);
    CHECK_EQ(far_last(&far)->signal.ref, 11);
    strike();
}

TEST(linked_twice_is_linked_once) {
    stage(FAR_ALL);
    in(&a, do_link, them);
    in(&a, do_link, them);
    in(&a, do_unlink, them);
    unsigned n = far.n;
    in(&a, do_unlink, them);
    in(&a, do_fail, EXIT_FAILED);
    CHECK_EQ(far.n, n);
    strike();
}

TEST(an_unlink_that_crosses_a_second_link_leaves_the_link) {
    stage(FAR_ALL);
    in(&a, do_link, them);
    uint32_t first = far_last(&far)->signal.ref;
    in(&a, do_link, them);
    CHECK_TOLD(&far, MK_SIGNAL_LINK, a.id, them);
    CHECK(far_last(&far)->signal.ref != first);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_UNLINK, first, a.id)), MK_OK); /* said before they saw the second */
    in(&a, do_fail, EXIT_FAILED);
    CHECK_TOLD_END(&far, MK_SIGNAL_LINK_EXIT, 0, a.id, them, EXIT_FAILED);
    strike();
}

TEST(an_unlink_that_crosses_a_link_of_ours_leaves_it_though_they_had_linked_first) {
    stage(FAR_ALL);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_LINK, 9, a.id)), MK_OK);
    in(&a, do_link, them);
    CHECK_TOLD(&far, MK_SIGNAL_LINK, a.id, them);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_UNLINK, 0, a.id)), MK_OK); /* said before they saw it */
    in(&a, do_fail, EXIT_FAILED);
    CHECK_TOLD_END(&far, MK_SIGNAL_LINK_EXIT, 0, a.id, them, EXIT_FAILED);
    strike();
}

/* ---- exit signals ---- */

static bool do_exit(part_t *part, uint64_t reason) {
    (void)part;
    actor_exit(rt, them, (uint8_t)reason);
    return true;
}

TEST(exit_signals_and_stops_go_to_other_nodes) {
    stage(0);
    in(&a, do_exit, EXIT_SHUTDOWN);
    CHECK_TOLD_END(&far, MK_SIGNAL_EXIT, 0, a.id, them, EXIT_SHUTDOWN);
    in(&a, do_exit, EXIT_KILLED);
    CHECK_TOLD(&far, MK_SIGNAL_STOP, a.id, them);
    in(&a, do_stop, them);
    CHECK_TOLD(&far, MK_SIGNAL_STOP, a.id, them);
    actor_exit(rt, them, EXIT_FAILED); /* from nobody */
    CHECK_TOLD_END(&far, MK_SIGNAL_EXIT, 0, ACTOR_ID_INVALID, them, EXIT_FAILED);
    actor_stop(rt, actor_id_make(2, 0));
    actor_stop(rt, actor_id_make(3, 5)); /* harmless, where nobody is */
    actor_exit(rt, actor_id_make(3, 5), EXIT_FAILED);
    CHECK_EQ(far.n, 4);
    strike();
}

TEST(an_exit_signal_from_there_is_one_as_any_for_a_role_that_may) {
    stage(MK_MAY_SEND | MK_MAY_SEND_ANY | MK_MAY_LOOKUP);
    mk_signal_t end = end_of(MK_SIGNAL_EXIT, 0, a.id, EXIT_SHUTDOWN, "");
    CHECK_EQ(far_says(&far, end), MK_ERR_DENIED);
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_STOP, 0, a.id)), MK_ERR_DENIED);
    settle();
    CHECK(alive(&a));
    far.remote.may = MK_MAY_STOP;
    in(&a, do_trap, true);
    CHECK_EQ(far_says(&far, end), MK_OK);
    settle();
    CHECK_HEARD_EXIT(&a, them, EXIT_SHUTDOWN);
    end.from = 0; /* from nobody */
    CHECK_EQ(far_says(&far, end), MK_OK);
    settle();
    CHECK_HEARD_EXIT(&a, ACTOR_ID_INVALID, EXIT_SHUTDOWN);
    end.reason = EXIT_KILLED; /* which cannot be trapped */
    CHECK_EQ(far_says(&far, end), MK_OK);
    CHECK(!alive(&a));
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_STOP, 0, b.id)), MK_OK);
    CHECK(!alive(&b));
    CHECK_EQ(far_says(&far, of(MK_SIGNAL_STOP, 0, b.id)), MK_OK);
    CHECK_EQ(far_says(&far, end), MK_OK);
    CHECK_EQ(far.n, 0);
    strike();
}

/* ---- everything at once ---- */

TEST(a_node_with_very_many_bonds_goes_down_and_everything_is_told_once) {
    enum { MANY = sizeof(void *) == 8 ? 20000 : 300 };
    stage(FAR_ALL);
    part_t *all = calloc(MANY, sizeof *all);
    CHECK(all != NULL);
    in(&a, do_trap, true);
    for (uint32_t i = 0; i < MANY; i++) {
        enter(&all[i]);
        CHECK_EQ(far_says(&far, of(MK_SIGNAL_LINK, i + 1, all[i].id)), MK_OK);
        CHECK_EQ(far_says(&far, of(MK_SIGNAL_MONITOR, i + 1, all[i].id)), MK_OK);
        ask(all[i].id, do_monitor, actor_id_make(2, i + 1));
        ask(a.id, do_link, actor_id_make(2, i + 1));
        settle();
    }
    for (uint32_t i = 0; i < MANY; i += 2) actor_stop(rt, all[i].id);
    unsigned n = far.n;
    mk_remote_down(rt, &far.remote);
    settle();
    CHECK_EQ(far.n, n);
    CHECK_EQ(a.n, MANY);
    CHECK_EQ(stats().actors, 2);
    strike();
    free(all);
}

/* Everything there is between two nodes; what is asked for and what is told must agree, whatever fails. */
static unsigned asked, calls, told, answers, links, exits;

static bool count_news(part_t *part, message_t *msg) {
    (void)part;
    told += msg->type == MSG_DOWN;
    answers += msg->call != CALL_ID_INVALID && (msg->type == 4 || msg->type == MSG_CALL_FAILED);
    exits += msg->type == MSG_EXIT;
    if (msg->type == 3) (void)actor_reply(rt, msg, 4, "yes", 3);
    return true;
}

static bool far_day(part_t *part, uint64_t arg) {
    (void)arg, (void)part;
    actor_trap_exits(rt, true);
    for (uint32_t i = 1; i <= 20; i++) {
        asked += actor_monitor(rt, actor_id_make(2, i)) != MONITOR_ID_INVALID;
        calls += actor_call(rt, actor_id_make(2, i), 3, "ask", 3, 1000) != CALL_ID_INVALID;
        links += actor_link(rt, actor_id_make(2, i)) == MK_OK;
    }
    return true;
}

static unsigned their_asked, their_told;

static void their_day(void) {
    for (uint32_t i = 1; i <= 20; i++) {
        mk_signal_t monitor = {.kind = MK_SIGNAL_MONITOR, .ref = i, .from = i, .to = actor_id_seq(b.id)};
        (void)!far_says(&far, monitor);
        mk_signal_t link = {.kind = MK_SIGNAL_LINK, .ref = i, .from = i, .to = actor_id_seq(b.id)};
        (void)!far_says(&far, link);
        (void)!far_calls(&far, i, b.id, 100 + i, "ask");
        their_asked += 3;
    }
}

/* Each of their questions gets one answer: a signal, or a reply. */
static void count_theirs(void) {
    CHECK(far.n >= far.messages + far.signals);
    their_told = far.messages + far.signals;
}

static void a_day(bool goes_down) {
    asked = calls = told = answers = links = exits = their_asked = their_told = 0;
    order_t order = {far_day, 0};
    if (!actor_send(rt, a.id, MSG_DO, &order, sizeof order)) return;
    settle();
    unsigned outgoing = far.messages + far.signals;
    CHECK_EQ(outgoing, asked + calls + links);
    their_day();
    for (uint32_t i = 1; i <= 10; i++) {
        (void)!far_says(&far, end_of(MK_SIGNAL_LINK_EXIT, 0, a.id, EXIT_FAILED, "gone")); /* of 77: no link */
        mk_signal_t ended = {
            .kind = MK_SIGNAL_LINK_EXIT, .from = i, .to = actor_id_seq(a.id), .reason = EXIT_FAILED, .text = {"x", 1}};
        (void)!far_says(&far, ended);
    }
    settle();
    if (goes_down) {
        mk_remote_down(rt, &far.remote);
    } else {
        actor_stop(rt, b.id);
        count_theirs();
        CHECK_EQ(their_told - outgoing, their_asked);
    }
    pass(2000);
    if (!goes_down) mk_remote_down(rt, &far.remote);
    settle();
    CHECK_EQ(told, asked);
    CHECK_EQ(answers, calls);
    CHECK_EQ(exits, links);
}

TEST(every_question_between_nodes_is_answered_once_whatever_memory_fails) {
    for (int goes_down = 0; goes_down < 2; goes_down++) {
        unsigned n = 1;
        for (;; n++) {
            curtain_up(NULL);
            oom_arm(n);
            a = b = (part_t){.on = count_news};
            far = (far_t){.remote = {.ops = &far_ops, .node = 2, .may = FAR_ALL}};
            a.id = actor_spawn(rt, play_behavior, &a, play_free, 0);
            b.id = actor_spawn(rt, play_behavior, &b, play_free, 0);
            bool up = a.id != ACTOR_ID_INVALID && b.id != ACTOR_ID_INVALID && mk_remote_up(rt, &far.remote) == MK_OK;
            if (up) a_day(goes_down);
            bool failed = oom_disarm();
            strike();
            if (!failed) break;
        }
        CHECK(n > 10);
        CHECK_EQ(asked + calls + links, 60);
    }
}

static bool link_in_need(part_t *part, uint64_t id) {
    (void)part;
    for (unsigned n = 1;; n++) {
        oom_arm(n);
        mk_err_t err = actor_link(rt, id);
        if (!oom_disarm()) {
            CHECK_EQ(err, MK_OK);
            return true;
        }
        CHECK_EQ(err, MK_ERR_NOMEM);
        CHECK_EQ(far.n, 0);
    }
}

TEST(a_link_without_memory_is_none_and_nobody_there_hears_of_it) {
    stage(0);
    in(&a, link_in_need, them);
    CHECK_EQ(far.n, 1);
    strike();
}
