/* SPDX-License-Identifier: Apache-2.0 */
/* Every way an actor can end, and who hears of it. */
#include "runtime/play.h"

static part_t parent, child, other;

/* A parent that is nobody's child, with one child. */
static void family(void) {
    curtain_up(NULL);
    enter(&parent);
    in(&parent, do_spawn, ADDRESS(&child));
}

TEST(a_behaviour_that_says_false_ends_its_actor_normally) {
    family();
    in(&child, do_end, 0);
    CHECK(!alive(&child));
    CHECK_EQ(child.frees, 1);
    CHECK_HEARD_CHILD(&parent, child.id, EXIT_NORMAL);
    CHECK_EQ(last_note(&parent)->source, child.id);
    CHECK_STR(last_note(&parent)->text, "");
    CHECK_EQ(parent.n, 1);
    curtain_down();
    CHECK_EQ(child.frees, 1);
    CHECK_EQ(parent.frees, 1);
}

TEST(an_actor_stopped_from_outside_is_gone_at_once) {
    family();
    actor_stop(rt, child.id);
    CHECK(!alive(&child));
    CHECK_EQ(child.frees, 1);
    settle();
    CHECK_HEARD_CHILD(&parent, child.id, EXIT_KILLED);
    actor_stop(rt, child.id);
    actor_stop(rt, ACTOR_ID_INVALID);
    actor_stop(rt, actor_id_make(1, 4711));
    actor_stop(rt, actor_id_make(9, actor_id_seq(parent.id))); /* another node's */
    settle();
    CHECK_EQ(parent.n, 1);
    CHECK(alive(&parent));
    curtain_down();
}

TEST(an_actor_stopped_by_another_is_gone_before_that_one_returns) {
    family();
    in(&parent, do_stop, child.id);
    CHECK_EQ(child.frees, 1);
    CHECK_HEARD_CHILD(&parent, child.id, EXIT_KILLED);
    curtain_down();
}

static bool stop_self_and_look(part_t *part, uint64_t arg) {
    (void)arg;
    actor_stop(rt, part->id);
    CHECK(alive(part));
    CHECK_EQ(part->frees, 0);
    CHECK(actor_self(rt) == part->id);
    return true; /* which no longer matters */
}

TEST(an_actor_that_stops_itself_ends_when_its_behaviour_returns) {
    family();
    in(&child, stop_self_and_look, 0);
    CHECK_EQ(child.frees, 1);
    CHECK_HEARD_CHILD(&parent, child.id, EXIT_KILLED);
    curtain_down();
}

TEST(a_stop_does_not_ask_whether_exits_are_trapped) {
    family();
    in(&child, do_trap, true);
    actor_stop(rt, child.id);
    settle();
    CHECK_HEARD_CHILD(&parent, child.id, EXIT_KILLED);
    CHECK_EQ(child.n, 0);
    curtain_down();
}

TEST(a_failure_carries_its_reason_and_text_to_the_parent) {
    family();
    in(&child, do_fail, EXIT_TRAPPED);
    CHECK_HEARD_CHILD(&parent, child.id, EXIT_TRAPPED);
    CHECK_STR(last_note(&parent)->text, "it went wrong");
    curtain_down();
}

static bool fail_twice_and_end(part_t *part, uint64_t arg) {
    (void)arg;
    actor_fail(rt, EXIT_USER + 1, "first");
    actor_fail(rt, EXIT_USER + 2, "second");
    actor_stop(rt, part->id);
    return false;
}

TEST(of_several_reasons_the_first_stays) {
    family();
    in(&child, fail_twice_and_end, 0);
    CHECK_HEARD_CHILD(&parent, child.id, EXIT_USER + 1);
    CHECK_STR(last_note(&parent)->text, "first");
    curtain_down();
}

static bool fail_without_text(part_t *part, uint64_t arg) {
    (void)part, (void)arg;
    actor_fail(rt, EXIT_FAILED, NULL);
    return true;
}

TEST(a_failure_needs_no_text) {
    family();
    in(&child, fail_without_text, 0);
    CHECK_HEARD_CHILD(&parent, child.id, EXIT_FAILED);
    CHECK_STR(last_note(&parent)->text, "");
    curtain_down();
}

TEST(messages_behind_an_end_are_dropped_and_counted) {
    family();
    ask(child.id, do_end, 0);
    for (int i = 0; i < 5; i++) CHECK(actor_send(rt, child.id, 1, "x", 1));
    uint64_t dropped = stats().dropped;
    settle();
    CHECK_EQ(child.n, 0);
    CHECK_EQ(stats().dropped - dropped, 5);
    curtain_down();
}

/* ---- exit signals ---- */

TEST(an_exit_signal_ends_who_does_not_trap_with_its_reason) {
    static const uint8_t reasons[] = {EXIT_SHUTDOWN, EXIT_TRAPPED, EXIT_FAILED, EXIT_USER, 255};
    for (unsigned i = 0; i < sizeof reasons; i++) {
        family();
        actor_exit(rt, child.id, reasons[i]);
        settle();
        CHECK(!alive(&child));
        CHECK_EQ(child.frees, 1);
        CHECK_HEARD_CHILD(&parent, child.id, reasons[i]);
        curtain_down();
    }
}

TEST(a_normal_exit_signal_is_ignored_by_who_does_not_trap) {
    family();
    actor_exit(rt, child.id, EXIT_NORMAL);
    settle();
    CHECK(alive(&child));
    CHECK_EQ(child.n + parent.n, 0);
    curtain_down();
}

TEST(exit_signals_become_messages_for_who_traps) {
    static const uint8_t reasons[] = {EXIT_NORMAL, EXIT_SHUTDOWN, EXIT_FAILED, 255};
    family();
    in(&child, do_trap, true);
    for (unsigned i = 0; i < sizeof reasons; i++) {
        actor_exit(rt, child.id, reasons[i]);
        settle();
        CHECK(alive(&child));
        CHECK_HEARD_EXIT(&child, ACTOR_ID_INVALID, reasons[i]);
    }
    actor_exit(rt, child.id, EXIT_KILLED); /* cannot be trapped */
    CHECK(!alive(&child));
    settle();
    CHECK_HEARD_CHILD(&parent, child.id, EXIT_KILLED);
    curtain_down();
}

TEST(trapping_can_be_given_up) {
    family();
    in(&child, do_trap, true);
    in(&child, do_trap, false);
    actor_exit(rt, child.id, EXIT_SHUTDOWN);
    settle();
    CHECK_HEARD_CHILD(&parent, child.id, EXIT_SHUTDOWN);
    curtain_down();
}

static bool exit_self(part_t *part, uint64_t reason) {
    actor_exit(rt, part->id, (uint8_t)reason);
    CHECK(alive(part));
    return true;
}

TEST(a_signal_to_oneself_counts_even_when_it_is_normal) {
    static const uint8_t reasons[] = {EXIT_NORMAL, EXIT_KILLED, EXIT_SHUTDOWN, EXIT_USER};
    for (unsigned i = 0; i < sizeof reasons; i++) {
        family();
        in(&child, exit_self, reasons[i]);
        CHECK_HEARD_CHILD(&parent, child.id, reasons[i]);
        curtain_down();
    }
    family();
    in(&child, do_trap, true);
    in(&child, exit_self, EXIT_NORMAL);
    CHECK_HEARD_EXIT(&child, child.id, EXIT_NORMAL);
    in(&child, exit_self, EXIT_KILLED);
    CHECK(!alive(&child));
    curtain_down();
}

TEST(a_trapping_actor_with_a_full_mailbox_still_hears_the_signal) {
    curtain_up(NULL);
    enter_with(&child, (actor_options_t){.mailbox_size = 2, .trap_exits = true});
    while (actor_send(rt, child.id, 1, NULL, 0)) {}
    actor_exit(rt, child.id, EXIT_SHUTDOWN);
    settle();
    CHECK_EQ(child.n, 3);
    CHECK_HEARD_EXIT(&child, ACTOR_ID_INVALID, EXIT_SHUTDOWN);
    curtain_down();
}

TEST(a_signal_is_harmless_to_who_is_not_there) {
    curtain_up(NULL);
    actor_exit(rt, ACTOR_ID_INVALID, EXIT_FAILED);
    actor_exit(rt, actor_id_make(1, 12), EXIT_KILLED);
    curtain_down();
}

TEST(a_stop_overtakes_a_signal_but_the_first_reason_stays) {
    family();
    actor_exit(rt, child.id, EXIT_SHUTDOWN); /* due at its next turn */
    CHECK(alive(&child));
    actor_stop(rt, child.id);
    CHECK(!alive(&child));
    settle();
    CHECK_EQ(parent.n, 1);
    CHECK_HEARD_CHILD(&parent, child.id, EXIT_SHUTDOWN);
    CHECK_EQ(child.frees, 1);
    curtain_down();
}

TEST(reasons_have_texts) {
    CHECK_STR(exit_reason_text(EXIT_NORMAL), "normal");
    CHECK_STR(exit_reason_text(EXIT_RESTART_LIMIT), "restart limit reached");
    CHECK_STR(exit_reason_text(EXIT_USER), "other");
    CHECK_STR(exit_reason_text(255), "other");
}

/* ---- who is told ---- */

TEST(an_orphan_s_end_is_nobody_s_business) {
    family();
    actor_options_t options = {.orphan = true};
    enter_with(&other, options);
    in(&other, do_end, 0);
    CHECK_EQ(parent.n, 0);
    CHECK_EQ(stats().dropped, 0);
    curtain_down();
}

static bool spawn_orphan(part_t *part, uint64_t arg) {
    (void)part;
    enter_with((part_t *)(uintptr_t)arg, (actor_options_t){.orphan = true});
    return true;
}

TEST(an_orphan_spawned_inside_a_behaviour_has_no_parent) {
    family();
    in(&parent, spawn_orphan, ADDRESS(&other));
    actor_info_t info;
    CHECK(runtime_get_actor_info(rt, other.id, &info));
    CHECK_EQ(info.parent, ACTOR_ID_INVALID);
    CHECK(runtime_get_actor_info(rt, child.id, &info));
    CHECK_EQ(info.parent, parent.id);
    in(&other, do_fail, EXIT_FAILED);
    CHECK_EQ(parent.n, 0);
    curtain_down();
}

TEST(a_parent_that_ended_first_is_not_missed) {
    family();
    in(&parent, do_end, 0);
    CHECK(alive(&child)); /* only links share fates */
    in(&child, do_fail, EXIT_FAILED);
    CHECK_EQ(child.frees, 1);
    curtain_down();
}

TEST(parent_and_child_that_end_in_one_breath_are_both_buried) {
    family();
    ask(child.id, do_end, 0);
    actor_stop(rt, parent.id);
    settle();
    CHECK_EQ(stats().actors, 0);
    curtain_down();
    family();
    ask(child.id, do_end, 0);
    ask(parent.id, do_end, 0);
    settle();
    CHECK_EQ(stats().actors, 0);
    curtain_down();
}

TEST(an_actor_with_a_turn_due_that_is_stopped_and_its_parent_too_leaves_nothing) {
    family();
    ask(child.id, do_nothing, 0); /* it is in the ready queue now, and its record has to wait there */
    actor_stop(rt, child.id);
    actor_stop(rt, parent.id);
    CHECK_EQ(stats().actors, 0);
    curtain_down(); /* without a single turn */
    CHECK_EQ(child.frees, 1);
    CHECK_EQ(parent.frees, 1);
}

/* ---- free_state that does things ---- */

static void free_stops_other(part_t *part) {
    (void)part;
    actor_stop(rt, other.id);
    CHECK(alive(&other)); /* not inside of this */
}

TEST(a_free_state_may_stop_another_which_ends_afterwards) {
    family();
    enter(&other);
    child.on_free = free_stops_other;
    in(&child, do_end, 0);
    CHECK(!alive(&other));
    CHECK_EQ(other.frees, 1);
    curtain_down();
}

static void free_stops_itself(part_t *part) { actor_stop(rt, part->id); }

TEST(a_free_state_that_stops_its_own_actor_is_too_late_and_harmless) {
    family();
    child.on_free = free_stops_itself;
    actor_stop(rt, child.id);
    settle();
    CHECK_EQ(child.frees, 1);
    CHECK_EQ(parent.n, 1);
    curtain_down();
}

static void free_exits_parent(part_t *part) {
    (void)part;
    actor_exit(rt, parent.id, EXIT_USER);
    actor_exit(rt, parent.id, EXIT_KILLED);
}

TEST(a_free_state_may_send_exit_signals) {
    family();
    child.on_free = free_exits_parent;
    in(&parent, do_stop, child.id); /* with the parent's behaviour on the stack */
    CHECK(!alive(&parent));
    CHECK_EQ(parent.frees, 1);
    curtain_down();
}

static void free_sends(part_t *part) {
    CHECK(!actor_send(rt, part->id, 1, NULL, 0)); /* the dead get nothing */
    CHECK(actor_send(rt, parent.id, 2, "bye", 3));
}

TEST(a_free_state_may_send) {
    family();
    child.on_free = free_sends;
    in(&child, do_end, 0);
    CHECK_EQ(parent.of_type[2], 1);
    CHECK_EQ(parent.n, 2);
    curtain_down();
}

static int  spawned_by_free;
static void free_spawns(part_t *part) {
    (void)part;
    if (spawned_by_free++ < 3) {
        enter(&other);
        other.on_free = free_spawns;
    }
}

TEST(a_free_state_may_spawn_even_while_the_runtime_ends) {
    family();
    spawned_by_free = 0;
    child.on_free = free_spawns;
    in(&child, do_end, 0);
    CHECK_EQ(spawned_by_free, 1);
    CHECK(alive(&other));
    curtain_down(); /* goes on until nobody is left */
    CHECK_EQ(spawned_by_free, 4);
    CHECK_EQ(other.frees, 1);
}

TEST(the_runtime_s_end_frees_each_state_once_and_tells_nobody) {
    static part_t p[20];
    family();
    in(&parent, do_link, child.id);
    for (int i = 0; i < 20; i++) enter(&p[i]);
    for (int i = 1; i < 20; i++) in(&p[i], do_link, p[i - 1].id);
    ask(child.id, do_nothing, 0);
    curtain_down();
    for (int i = 0; i < 20; i++) CHECK_EQ(p[i].frees, 1);
    CHECK_EQ(child.frees, 1);
    CHECK_EQ(parent.frees, 1);
    CHECK_EQ(parent.n, 0);
}

/* ---- unseen ends ---- */

static bool keep_message(part_t *part, message_t *msg) {
    (void)part;
    message_t **kept = (message_t **)&other.note[0];
    *kept = message_take(rt, msg);
    return true;
}

TEST(messages_of_the_dead_that_others_hold_stay_whole) {
    family();
    enter(&other);
    parent.on = keep_message;
    char big[5000];
    memset(big, 'b', sizeof big);
    CHECK(actor_send(rt, parent.id, 1, big, sizeof big));
    settle();
    actor_stop(rt, parent.id);
    settle();
    message_t *kept = *(message_t **)&other.note[0];
    CHECK_EQ(kept->payload_size, sizeof big);
    CHECK(memcmp(kept->payload, big, sizeof big) == 0);
    message_release(rt, kept);
    message_release(rt, NULL);
    curtain_down();
}

/* ---- another's parent ---- */

TEST(a_parent_can_be_named_and_must_be_there) {
    family();
    enter_with(&other, (actor_options_t){.parent = parent.id});
    in(&other, do_fail, EXIT_FAILED);
    CHECK_HEARD_CHILD(&parent, other.id, EXIT_FAILED);
    actor_options_t options = {.behavior = play_behavior, .state = &other, .free_state = play_free};
    actor_id_t      id = 77;
    options.parent = other.id; /* it has ended */
    CHECK_EQ(actor_spawn_opts(rt, &options, &id), MK_ERR_NOTFOUND);
    options.parent = actor_id_make(9, actor_id_seq(parent.id)); /* on another node */
    CHECK_EQ(actor_spawn_opts(rt, &options, &id), MK_ERR_NOTFOUND);
    CHECK_EQ(id, 77);
    CHECK_EQ(other.frees, 1);
    curtain_down();
}

TEST(a_disowned_child_s_end_is_nobody_s_business) {
    family();
    actor_disown(rt, child.id);
    actor_disown(rt, child.id);
    actor_disown(rt, actor_id_make(1, 4711));
    actor_info_t info;
    CHECK(runtime_get_actor_info(rt, child.id, &info));
    CHECK_EQ(info.parent, ACTOR_ID_INVALID);
    in(&child, do_fail, EXIT_FAILED);
    CHECK_EQ(parent.n, 0);
    curtain_down();
}
