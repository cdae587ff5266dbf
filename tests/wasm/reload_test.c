/* SPDX-License-Identifier: Apache-2.0 */
/* reload_test.c -- another module for a guest that lives can only succeed or undo itself. */
#include "wasm/reloading.h"

TEST(a_new_module_takes_the_place_of_the_old_one_and_stays_after_probation) {
    begin();
    CHECK_STR(ask(), "1/1/-1");
    CHECK_EQ(reload("versions_2"), RELOAD_OK);
    CHECK_STR(ask(), "2/1/-1");
    CHECK(world_info(&w, guest).probation);
    CHECK_EQ(actor_lookup(w.rt, "it"), guest);
    for (int i = 2; i <= 10; i++) (void)ask();
    CHECK(!world_info(&w, guest).probation);
    CHECK_EQ(world_info(&w, guest).reloads, 1);
    CHECK_EQ(outcome().outcome, WASM_RELOAD_KEPT);
    CHECK_EQ(mk_code_count(), 1);
    end();
}

TEST(probation_is_over_when_its_time_is) {
    begin();
    CHECK_EQ(reload("versions_2"), RELOAD_OK);
    CHECK_STR(ask(), "2/1/-1");
    mk_fake_advance_us(5000 * 1000);
    for (int i = 0; i < 3; i++) (void)runtime_wait(w.rt, 0);
    CHECK(!world_info(&w, guest).probation);
    CHECK_EQ(outcome().outcome, WASM_RELOAD_KEPT);
    end();
}

TEST(what_was_saved_is_migrated) {
    begin();
    keep(5);
    CHECK_EQ(reload("versions_2_migrates"), RELOAD_OK);
    CHECK_STR(ask(), "2/1/1005");
    end();
}

TEST(one_that_traps_is_gone_and_the_old_one_handles_the_message_as_if_nothing_had_been) {
    begin();
    keep(5);
    CHECK_STR(ask(), "1/1/5");
    CHECK_STR(ask(), "1/2/5");
    CHECK_EQ(reload("versions_3_traps"), RELOAD_OK);
    CHECK_STR(ask(), "3/1/1005");
    CHECK_STR(ask(), "3/2/1005");
    CHECK_STR(ask(), "1/3/5"); /* the message that went wrong, its memory, its state */
    CHECK(actor_is_alive(w.rt, guest));
    CHECK_EQ(world_info(&w, guest).undone, 1);
    CHECK(!world_info(&w, guest).probation);
    CHECK_EQ(outcome().outcome, WASM_RELOAD_UNDONE);
    CHECK(strstr(why, "unreachable") != NULL);
    CHECK_STR(ask(), "1/4/5");
    char byte;
    CHECK_EQ(state_load(w.rt, "it", "new", &byte, 1), -1);
    CHECK_EQ(mk_code_count(), 1);
    end();
}

TEST(each_way_of_going_wrong_brings_the_old_one_back) {
    static const char *const bad[] = {"versions_3_traps_at_once", "versions_3_does_not_start",
                                      "versions_3_migrates_badly"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        begin();
        keep(7);
        CHECK_EQ(reload(bad[i]), RELOAD_OK);
        CHECK_STR(ask(), "1/1/7");
        CHECK_EQ(outcome().outcome, WASM_RELOAD_UNDONE);
        end();
    }
}

TEST(one_that_waits_for_messages_is_reloaded_there_and_goes_on_waiting_if_the_new_one_is_bad) {
    begin();
    CHECK(world_send(&w, guest, RECEIVE, NULL, 0));
    CHECK_STR(ask(), "1/1/-1");
    CHECK(world_info(&w, guest).waiting);
    CHECK_EQ(reload("versions_2"), RELOAD_OK);
    CHECK_STR(ask(), "2/1/-1");
    CHECK(!world_info(&w, guest).waiting);
    CHECK(world_send(&w, guest, RECEIVE, NULL, 0)); /* and the new one, too, may wait on probation */
    for (int i = 0; i < 9; i++) (void)ask();
    CHECK_EQ(outcome().outcome, WASM_RELOAD_KEPT);
    CHECK_EQ(reload("versions_3_traps"), RELOAD_OK);
    (void)ask();
    (void)ask();
    CHECK_STR(ask(), "2/11/-1");
    CHECK_EQ(outcome().outcome, WASM_RELOAD_UNDONE);
    CHECK(world_info(&w, guest).waiting);
    CHECK_STR(ask(), "2/12/-1");
    end();
}

TEST(a_bad_one_that_waits_for_messages_itself_gives_back_the_one_it_failed_on) {
    begin();
    CHECK_EQ(reload("versions_3_traps"), RELOAD_OK);
    CHECK(world_send(&w, guest, RECEIVE, NULL, 0));
    CHECK_STR(ask(), "3/1/999");
    CHECK_STR(ask(), "3/2/999");
    CHECK_STR(ask(), "1/1/-1");
    end();
}

TEST(messages_that_wait_meanwhile_are_all_handled) {
    begin();
    for (int i = 0; i < 20; i++) {
        if (i == 5) CHECK_EQ(reload("versions_3_traps"), RELOAD_OK);
        CHECK(world_send(&w, guest, ASK, NULL, 0));
    }
    unsigned first = 0, third = 0;
    for (int i = 0; i < 20; i++) {
        heard_t *h = world_wait(&w, RESULT);
        CHECK(h != NULL);
        if (heard_u32(h, 0) == 1) CHECK_EQ(heard_u32(h, 1), ++first);
        else CHECK_EQ(heard_u32(h, 1), ++third);
    }
    CHECK_EQ(third, 2);
    CHECK_EQ(first, 18);
    end();
}

enum { STATUS = 22 };

/* As another guest sees it. */
static const char *status(actor_id_t teller, actor_id_t of) {
    static char text[128];
    CHECK(world_send_u64(&w, teller, STATUS, of));
    heard_t *h = world_wait(&w, RESULT);
    CHECK(h != NULL);
    CHECK_EQ(h->size, 4 + heard_u32(h, 0));
    snprintf(text, sizeof text, "%.*s", (int)heard_u32(h, 0), (const char *)h->bytes + 4);
    return text;
}

TEST(others_are_told_how_it_fares) {
    static const wasm_reload_options_t quick = {.probation_messages = 1};
    begin();
    wasm_options_t options = {.grants = WASM_GRANT_LIST};
    actor_id_t     teller = world_spawn(&w, "imports", &options);
    CHECK_STR(status(teller, guest), "");
    CHECK_STR(status(teller, teller), "");
    CHECK_STR(status(teller, w.probe), "");
    CHECK_STR(status(teller, ACTOR_ID_INVALID), "");
    CHECK_EQ(reload("versions_3_traps_at_once"), RELOAD_OK);
    CHECK_STR(status(teller, guest), "on probation");
    CHECK_STR(ask(), "1/1/-1");
    CHECK_STR(status(teller, guest), "new module taken back");
    CHECK_EQ(reload_with("versions_2", &quick), RELOAD_OK);
    (void)ask();
    CHECK_STR(status(teller, guest), "1 reload, new module taken back");
    CHECK_EQ(reload_with("versions_1", &quick), RELOAD_OK);
    (void)ask();
    CHECK_EQ(reload("versions_3_traps_at_once"), RELOAD_OK);
    (void)ask();
    CHECK_EQ(reload("versions_2"), RELOAD_OK);
    CHECK(world_send(&w, guest, RECEIVE, NULL, 0));
    CHECK_STR(status(teller, guest), "on probation, waiting, 2 reloads, 2 new modules taken back");
    end();
}

TEST(reloaded_again_on_probation_it_is_the_first_that_comes_back) {
    begin();
    CHECK_STR(ask(), "1/1/-1");
    CHECK_EQ(reload("versions_2"), RELOAD_OK);
    CHECK_STR(ask(), "2/1/-1");
    CHECK_EQ(reload("versions_3_traps_at_once"), RELOAD_OK);
    CHECK_STR(ask(), "1/2/-1");
    end();
    begin();
    keep(5);
    CHECK_EQ(reload("versions_2_migrates"), RELOAD_OK);
    CHECK_STR(ask(), "2/1/1005");
    CHECK_EQ(reload("versions_3_traps"), RELOAD_OK); /* goes on from what the second has made of the state */
    CHECK_STR(ask(), "3/1/3005");
    CHECK_STR(ask(), "3/2/3005");
    CHECK_STR(ask(), "1/1/5");
    end();
}

TEST(a_module_that_wants_more_than_the_guest_may_do_is_refused) {
    begin();
    CHECK_EQ(reload("versions_3_greedy"), RELOAD_ERR_MODULE_LOAD);
    CHECK_STR(why, "the new module imports mk_spawn_wasm, for which this guest has no grant");
    CHECK_STR(ask(), "1/1/-1");
    end();
    begin_as("versions_1", (wasm_options_t){.grants = WASM_GRANT_SPAWN});
    CHECK_EQ(reload("versions_3_greedy"), RELOAD_OK);
    end();
}

TEST(without_probation_the_old_one_goes_at_once) {
    static const wasm_reload_options_t at_once = {.no_probation = true};
    begin();
    CHECK_EQ(reload_with("versions_3_traps_at_once", &at_once), RELOAD_OK);
    CHECK_EQ(outcome().outcome, WASM_RELOAD_KEPT);
    CHECK(world_send(&w, guest, ASK, NULL, 0));
    CHECK_EQ(world_end(&w)->reason, EXIT_TRAPPED);
    end();
}

TEST(one_that_waits_in_the_middle_of_a_message_takes_another_kind_of_module) {
    mk_fake_disk_reset();
    world_open(&w);
    wasm_options_t options = {.grants = WASM_GRANT_STATE};
    guest = world_spawn(&w, "forever", &options);
    CHECK(world_send(&w, guest, GO, NULL, 0));
    CHECK_EQ(reload("versions_2"), RELOAD_OK);
    CHECK_STR(ask(), "2/1/-1");
    end();
}

TEST(an_end_while_on_probation_or_before_the_swap_leaves_nothing) {
    begin();
    CHECK_EQ(reload("versions_2"), RELOAD_OK);
    CHECK_STR(ask(), "2/1/-1");
    end();
    begin();
    size_t   size;
    uint8_t *bytes = read_guest("versions_2", &size);
    CHECK_EQ(actor_reload_wasm(w.rt, guest, bytes, size, NULL), RELOAD_OK);
    free(bytes);
    end();
}

TEST(a_thousand_times_in_a_row_nothing_grows) {
    static const wasm_reload_options_t quick = {.probation_messages = 1};
    runtime_stats_t                    stats;
    size_t                             bytes = 0;
    begin();
    keep(1);
    for (int i = 0; i < 1000; i++) {
        CHECK_EQ(reload_with(i % 3 == 0   ? "versions_2"
                             : i % 3 == 1 ? "versions_1"
                                          : "versions_3_traps_at_once",
                             &quick),
                 RELOAD_OK);
        (void)ask();
        w.count = 0;
        if (i % 100 != 50) continue;
        runtime_get_stats(w.rt, &stats);
        if (bytes == 0) bytes = stats.pool_bytes;
        CHECK_EQ(stats.pool_bytes, bytes);
        CHECK(mk_code_count() <= 2);
    }
    CHECK_EQ(world_info(&w, guest).undone, 333);
    CHECK_EQ(world_info(&w, guest).reloads, 667);
    end();
}
