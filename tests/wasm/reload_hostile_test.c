/* SPDX-License-Identifier: Apache-2.0 */
/* reload_hostile_test.c -- modules that behave badly on probation, guests that are reloaded at bad moments, and what is told of it. */
#include "microkernel/namespace.h"
#include "wasm/reloading.h"

enum { NUMBER = 10, SETTLE = 20, FAIL = 21, PRINT = 22 };
enum { SETTLER = WASM_GRANT_SPAWN | WASM_GRANT_LOOKUP | WASM_GRANT_REGISTER };

static const wasm_reload_options_t patient = {.patient = true};

static void run(int turns) {
    for (int i = 0; i < turns; i++) (void)runtime_wait(w.rt, 0);
}

static void pass_ms(uint32_t ms) {
    mk_fake_advance_us((uint64_t)ms * 1000);
    run(5);
}

static wasm_reload_outcome_t end_of(uint64_t ref) {
    wasm_reloaded_payload_t end = outcome();
    CHECK_EQ(end.ref, ref);
    CHECK_EQ(end.id, guest);
    return (wasm_reload_outcome_t)end.outcome;
}

static void check_told_nothing(void) {
    run(10);
    for (size_t i = 0; i < w.count; i++) CHECK(w.heard[i].type != MSG_WASM_RELOADED);
}

/* ---- when it fails ------------------------------------------------------------------------------------------------------------- */

TEST(the_last_message_of_probation_can_still_undo_it_and_the_one_after_it_ends_the_guest) {
    static const wasm_reload_options_t three = {.probation_messages = 3}, two = {.probation_messages = 2};
    begin();
    CHECK_EQ(reload_with("versions_3_traps", &three), RELOAD_OK); /* at its third */
    CHECK_STR(ask(), "3/1/999");
    CHECK_STR(ask(), "3/2/999");
    CHECK_STR(ask(), "1/1/-1");
    CHECK_EQ(outcome().outcome, WASM_RELOAD_UNDONE);
    CHECK_EQ(reload_with("versions_3_traps", &two), RELOAD_OK);
    (void)ask();
    (void)ask();
    CHECK_EQ(outcome().outcome, WASM_RELOAD_KEPT);
    CHECK(world_send(&w, guest, ASK, NULL, 0));
    CHECK_EQ(world_end(&w)->reason, EXIT_TRAPPED);
    check_told_nothing();
    end();
}

TEST(one_that_never_ends_to_start_is_taken_back_when_its_time_is_over) {
    begin_as("versions_1", (wasm_options_t){.budget_ms = WASM_BUDGET_NONE, .slice_us = 1});
    keep(3);
    CHECK_EQ(reload("loop_initialize"), RELOAD_OK);
    CHECK(world_send(&w, guest, ASK, NULL, 0));
    run(50);
    CHECK(world_info(&w, guest).probation);
    CHECK_EQ(w.count, 0);
    pass_ms(5000);
    CHECK_STR(ask(), "1/1/3"); /* the one from before */
    CHECK_EQ(outcome().outcome, WASM_RELOAD_UNDONE);
    CHECK_STR(why, "it did not start within 5000 ms");
    CHECK_STR(ask(), "1/2/3");
    end();
}

TEST(one_that_sleeps_while_it_starts_has_its_time_for_that_as_well) {
    static const wasm_reload_options_t short_time = {.probation_ms = 40}, long_time = {.probation_ms = 60};
    begin();
    CHECK(world_send(&w, guest, RECEIVE, NULL, 0));
    CHECK_EQ(reload_with("sleep_initialize", &short_time), RELOAD_OK); /* for 50 ms */
    pass_ms(40);
    CHECK_EQ(outcome().outcome, WASM_RELOAD_UNDONE);
    CHECK(world_info(&w, guest).waiting); /* in mk_recv, as before */
    CHECK_STR(ask(), "1/1/-1");
    CHECK_EQ(reload_with("sleep_initialize", &long_time), RELOAD_OK);
    CHECK(world_send(&w, guest, PING, NULL, 0));
    pass_ms(50);
    CHECK(world_wait(&w, PONG) != NULL);
    pass_ms(10);
    CHECK_EQ(outcome().outcome, WASM_RELOAD_KEPT);
    end();
}

/* What it is about to do is not known while it computes. */
TEST(one_that_computes_when_its_time_is_over_is_decided_later) {
    begin_as("versions_1", (wasm_options_t){.budget_ms = WASM_BUDGET_NONE, .slice_us = 1});
    CHECK_EQ(reload("versions_3_loops"), RELOAD_OK);
    CHECK_STR(ask(), "3/1/-1");
    CHECK(world_send(&w, guest, ASK, NULL, 0));
    for (int i = 0; i < 3; i++) {
        pass_ms(5000);
        CHECK(world_info(&w, guest).probation && world_info(&w, guest).computing);
    }
    actor_stop(w.rt, guest);
    CHECK_EQ(outcome().outcome, WASM_RELOAD_ENDED);
    end();
}

TEST(one_that_waits_for_messages_for_ever_is_kept) {
    begin();
    CHECK_EQ(reload("versions_2"), RELOAD_OK);
    CHECK(world_send(&w, guest, RECEIVE, NULL, 0));
    pass_ms(5000);
    CHECK_EQ(outcome().outcome, WASM_RELOAD_KEPT);
    CHECK(world_info(&w, guest).waiting);
    CHECK_STR(ask(), "2/1/-1");
    end();
}

TEST(one_that_takes_all_memory_gives_it_back) {
    begin_as("storm_1", (wasm_options_t){.grants = WASM_GRANT_WASI, .memory_pages_max = 8});
    size_t before = world_info(&w, guest).memory_bytes;
    CHECK_EQ(reload("storm_18"), RELOAD_OK); /* at its fourth */
    for (uint32_t n = 1; n <= 4; n++) CHECK(world_send_u32(&w, guest, NUMBER, n));
    for (uint32_t n = 1; n <= 4; n++) {
        heard_t *h = world_wait(&w, RESULT);
        CHECK(h != NULL);
        CHECK_EQ(heard_u32(h, 0), n < 4 ? 18 : 1);
        CHECK_EQ(heard_u32(h, 2), n);
    }
    CHECK_EQ(outcome().outcome, WASM_RELOAD_UNDONE);
    CHECK_EQ(world_info(&w, guest).memory_bytes, before);
    end();
}

TEST(one_that_exits_with_an_error_is_taken_back_and_one_that_ends_well_has_ended) {
    begin_as("storm_1", (wasm_options_t){.grants = WASM_GRANT_WASI});
    CHECK_EQ(reload("storm_14"), RELOAD_OK);
    for (uint32_t n = 1; n <= 2; n++) CHECK(world_send_u32(&w, guest, NUMBER, n));
    CHECK_EQ(outcome().outcome, WASM_RELOAD_UNDONE);
    CHECK_STR(why, "exit(3)");
    CHECK(actor_is_alive(w.rt, guest));
    end();
    begin();
    CHECK_EQ(reload("versions_3_ends"), RELOAD_OK);
    (void)ask();
    (void)ask();
    CHECK_EQ(world_end(&w)->reason, EXIT_NORMAL);
    CHECK_EQ(outcome().outcome, WASM_RELOAD_ENDED);
    CHECK_STR(why, "the actor has ended");
    end();
}

/* ---- what it leaves ---------------------------------------------------------------------------------------------------------------- */

TEST(what_it_spawned_named_and_sent_stays_and_what_it_saved_does_not) {
    size_t   size;
    uint8_t *bytes = read_guest("count", &size);
    uint32_t settle[2];
    begin_as("versions_1", (wasm_options_t){.grants = SETTLER});
    ns_actor_init(w.rt);
    keep(5);
    CHECK_EQ(reload("settler"), RELOAD_OK);
    CHECK(world_send(&w, guest, SETTLE, bytes, size));
    heard_t *h = world_wait(&w, RESULT); /* what it sent is sent */
    CHECK(h != NULL);
    actor_id_t child = heard_u64(h, 0);
    run(10);
    CHECK(actor_is_alive(w.rt, child));
    CHECK_EQ(actor_lookup(w.rt, "colony"), guest);
    CHECK_EQ(actor_lookup(w.rt, "it"), ACTOR_ID_INVALID);
    CHECK(world_send(&w, guest, FAIL, NULL, 0));
    CHECK_EQ(outcome().outcome, WASM_RELOAD_UNDONE);
    actor_info_t info;
    CHECK(runtime_get_actor_info(w.rt, child, &info));
    CHECK_EQ(info.parent, guest);
    CHECK_EQ(world_info(&w, guest).children, 1);
    CHECK_EQ(actor_lookup(w.rt, "colony"), guest);
    CHECK_EQ(actor_lookup(w.rt, "it"), ACTOR_ID_INVALID);
    CHECK_EQ(state_load(w.rt, "it", "n", settle, sizeof settle), 4);
    CHECK_EQ(settle[0], 5);
    actor_stop(w.rt, child); /* its end is the old module's to hear */
    run(20);
    CHECK_EQ(world_info(&w, guest).children, 0);
    CHECK(actor_is_alive(w.rt, guest));
    free(bytes);
    end();
}

/* What it would get then, and what it has in hand already, could not both be given to the old one. */
TEST(while_it_starts_it_gets_no_messages) {
    begin_as("versions_1", (wasm_options_t){.grants = SETTLER});
    wasm_reload_options_t two = {.probation_messages = 2};
    for (int i = 0; i < 2; i++) CHECK(actor_send(w.rt, guest, PING, NULL, 0)); /* for both modules alike */
    CHECK_EQ(reload_with("settler_early", &two), RELOAD_OK);
    for (int i = 0; i < 2; i++) CHECK(world_send(&w, guest, FAIL, NULL, 0));
    for (int i = 0; i < 2; i++) {
        heard_t *h = world_wait(&w, RESULT);
        CHECK(h != NULL);
        CHECK_EQ(heard_u32(h, 0), 0xFFFFFFFFu); /* what its mk_recv gave */
    }
    CHECK_EQ(outcome().outcome, WASM_RELOAD_KEPT);
    end();
}

TEST(without_a_disk_the_old_one_is_back_and_what_cannot_be_put_back_is_told) {
    begin();
    keep(5);
    CHECK_EQ(reload("versions_3_migrates_badly"), RELOAD_OK);
    run(1);
    mk_fake_disk_fail(1000, MK_ERR_IO);
    CHECK_EQ(outcome().outcome, WASM_RELOAD_UNDONE);
    CHECK(actor_is_alive(w.rt, guest));
    CHECK(strncmp(ask(), "1/1/", 4) == 0);
    mk_fake_disk_fail(0, MK_ERR_IO);
    end();
}

/* ---- bad moments ---------------------------------------------------------------------------------------------------------------------- */

TEST(one_that_sleeps_in_a_message_is_reloaded_behind_it_or_not_at_all) {
    begin_as("storm_17", (wasm_options_t){.grants = WASM_GRANT_WASI});
    CHECK(world_send_u32(&w, guest, NUMBER, 1));
    CHECK(world_wait(&w, RESULT) != NULL);
    run(5);
    CHECK(world_info(&w, guest).waiting); /* for 2 ms behind its answer */
    CHECK_EQ(reload("storm_2"), RELOAD_ERR_FIBER_ACTIVE);
    CHECK_EQ(reload_with("storm_2", &patient), RELOAD_OK);
    CHECK(world_info(&w, guest).coming && !world_info(&w, guest).probation);
    CHECK(world_send_u32(&w, guest, NUMBER, 2));
    run(5);
    CHECK(world_info(&w, guest).coming);
    pass_ms(2);
    heard_t *h = world_wait(&w, RESULT);
    CHECK(h != NULL && heard_u32(h, 0) == 2 && heard_u32(h, 2) == 2);
    CHECK(!world_info(&w, guest).coming && world_info(&w, guest).probation);
    end();
}

static reload_result_t within;

static void reload_within(void *arg, const char *text, size_t size) {
    reloading_t r = {"versions_2", arg, RELOAD_OK};
    (void)text, (void)size;
    reload_now(&w, &r);
    within = r.result;
}

TEST(a_guest_whose_own_call_brings_about_its_reload_is_through_with_its_message_first) {
    const wasm_reload_options_t *const options[] = {NULL, &patient};
    for (int i = 0; i < 2; i++) {
        begin_as("settler", (wasm_options_t){
                                .grants = SETTLER, .print = reload_within, .print_arg = (void *)(uintptr_t)options[i]});
        CHECK(world_send(&w, guest, PRINT, NULL, 0));
        run(20);
        CHECK_EQ(within, i == 0 ? RELOAD_ERR_FIBER_ACTIVE : RELOAD_OK);
        if (i == 1) CHECK_STR(ask(), "2/1/-1"); /* and it had no message of its own reload */
        end();
    }
}

TEST(of_two_instances_only_the_one_that_is_meant_changes) {
    begin();
    wasm_options_t options = {.grants = WASM_GRANT_STATE};
    actor_id_t     other = world_spawn(&w, "versions_1", &options), meant = guest;
    CHECK_EQ(mk_code_count(), 1);
    CHECK_EQ(reload("versions_3_traps"), RELOAD_OK);
    CHECK_STR(ask(), "3/1/999");
    guest = other;
    CHECK_STR(ask(), "1/1/-1");
    guest = meant;
    (void)ask();
    CHECK_STR(ask(), "1/1/-1");
    guest = other;
    CHECK_STR(ask(), "1/2/-1");
    CHECK_EQ(mk_code_count(), 1);
    end();
}

TEST(before_its_first_turn_it_can_be_reloaded_and_can_end) {
    for (int i = 0; i < 2; i++) {
        begin();
        wasm_options_t options = {.grants = WASM_GRANT_STATE};
        size_t         size;
        uint8_t       *bytes = read_guest("versions_1", &size), *next = read_guest("versions_2", &size);
        CHECK_EQ(actor_spawn_wasm_file_opts(w.rt, guest_path("versions_1"), &options, &guest, NULL, why, sizeof why),
                 MK_OK);
        CHECK_EQ(actor_reload_wasm(w.rt, guest, next, size, NULL), RELOAD_OK);
        free(bytes);
        free(next);
        if (i == 0) CHECK_STR(ask(), "2/1/-1");
        actor_stop(w.rt, guest);
        run(5);
        end();
    }
}

/* ---- one after the other ------------------------------------------------------------------------------------------------------------------ */

TEST(one_that_is_undone_while_the_next_waits_gives_way_to_it) {
    wasm_reload_options_t options = {.patient = true, .ref = 1};
    begin_as("storm_1", (wasm_options_t){.grants = WASM_GRANT_WASI});
    CHECK_EQ(reload_with("storm_17", &options), RELOAD_OK); /* sleeps in its second, then traps */
    for (uint32_t n = 1; n <= 2; n++) CHECK(world_send_u32(&w, guest, NUMBER, n));
    for (int n = 0; n < 2; n++) {
        CHECK(world_wait(&w, RESULT) != NULL);
        run(2);
        if (n == 0) pass_ms(2);
    }
    options.ref = 2;
    CHECK_EQ(reload_with("storm_2", &options), RELOAD_OK);
    options.ref = 3;
    CHECK_EQ(reload_with("storm_3", &options), RELOAD_OK);
    CHECK_EQ(end_of(2), WASM_RELOAD_OVERTAKEN);
    CHECK(world_info(&w, guest).probation && world_info(&w, guest).coming);
    CHECK(world_send_u32(&w, guest, NUMBER, 3));
    pass_ms(2);
    CHECK_EQ(end_of(1), WASM_RELOAD_UNDONE);
    heard_t *h = world_wait(&w, RESULT);
    CHECK(h != NULL && heard_u32(h, 0) == 1 && heard_u32(h, 2) == 2); /* the one that went wrong, by the first */
    h = world_wait(&w, RESULT);
    CHECK(h != NULL && heard_u32(h, 0) == 3 && heard_u32(h, 2) == 3);
    CHECK_EQ(heard_u32(h, 3), 2);
    pass_ms(5000);
    CHECK_EQ(end_of(3), WASM_RELOAD_KEPT);
    end();
}

TEST(what_the_second_has_handled_in_its_mk_recv_is_not_given_to_the_first_when_the_third_is_bad) {
    begin();
    CHECK_EQ(reload("versions_2"), RELOAD_OK);
    CHECK(world_send(&w, guest, RECEIVE, NULL, 0));
    CHECK_STR(ask(), "2/1/-1");
    CHECK_EQ(reload("versions_3_migrates_badly"), RELOAD_OK);
    CHECK_EQ(outcome().outcome, WASM_RELOAD_OVERTAKEN);
    CHECK_EQ(outcome().outcome, WASM_RELOAD_UNDONE);
    run(10);
    CHECK_EQ(w.count, 0);
    CHECK_STR(ask(), "1/1/-1");
    end();
}

/* ---- who is told -------------------------------------------------------------------------------------------------------------------------- */

static unsigned told;

static bool count_outcomes(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)rt, (void)self, (void)state;
    told += msg->type == MSG_WASM_RELOADED;
    return true;
}

TEST(whoever_is_to_be_told_is_told_however_full_its_mailbox_is_and_if_it_has_ended_nobody_is) {
    begin();
    told = 0;
    actor_id_t            clerk = actor_spawn(w.rt, count_outcomes, NULL, NULL, 1);
    wasm_reload_options_t options = {.tell = clerk, .probation_messages = 1};
    CHECK_EQ(reload_with("versions_2", &options), RELOAD_OK);
    CHECK(actor_send(w.rt, guest, ASK, NULL, 0));
    CHECK(actor_send(w.rt, clerk, 1, NULL, 0));
    CHECK(!actor_send(w.rt, clerk, 1, NULL, 0));
    run(20);
    CHECK_EQ(told, 1);
    check_told_nothing();
    CHECK_EQ(reload_with("versions_1", &options), RELOAD_OK);
    actor_stop(w.rt, clerk);
    w.count = 0;
    (void)ask();
    CHECK_EQ(told, 1);
    CHECK(!world_info(&w, guest).probation);
    end();
}
