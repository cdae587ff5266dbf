/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, and restarting by every strategy and restart type. */
#include "services/supervisor_rig.h"

static actor_id_t sup;

static void start_abc(restart_strategy_t strategy, restart_type_t a, restart_type_t b, restart_type_t c) {
    begin();
    child_spec_t specs[] = {worker_spec("a", a), worker_spec("b", b), worker_spec("c", c)};
    sup = supervisor_start(rt, strategy, 10, 1000, specs, 3);
    CHECK(sup != ACTOR_ID_INVALID);
    CHECK_STR(happened(), "+a +b +c");
    settle();
}

static void start_all(restart_strategy_t strategy, restart_type_t type) { start_abc(strategy, type, type, type); }

/* ---- start ---- */

TEST(children_are_there_in_order_when_the_start_returns) {
    start_all(STRATEGY_ONE_FOR_ONE, RESTART_PERMANENT);
    CHECK_EQ(supervisor_count_children(rt, sup), 3);
    CHECK_EQ(supervisor_get_child(rt, sup, 0), actor_lookup(rt, "a"));
    CHECK_EQ(supervisor_get_child(rt, sup, 2), actor_lookup(rt, "c"));
    CHECK(supervisor_get_child(rt, sup, 1) != ACTOR_ID_INVALID);
    CHECK_EQ(supervisor_get_child(rt, sup, 3), ACTOR_ID_INVALID);
    actor_info_t info;
    CHECK(runtime_get_actor_info(rt, supervisor_get_child(rt, sup, 0), &info));
    CHECK_EQ(info.parent, sup);
    end();
    CHECK_EQ(strlen(happened()), 8);
}

TEST(a_child_that_cannot_start_undoes_the_start) {
    begin();
    actor_id_t other = actor_spawn(rt, stay, NULL, NULL, 0);
    CHECK(actor_register_name(rt, "c", other));
    child_spec_t specs[] = {worker_spec("a", RESTART_PERMANENT), worker_spec("b", RESTART_TEMPORARY),
                            worker_spec("c", RESTART_PERMANENT)};
    CHECK_EQ(supervisor_start(rt, STRATEGY_ONE_FOR_ONE, 3, 1000, specs, 3), ACTOR_ID_INVALID);
    CHECK_STR(happened(), "+a +b -b -a");
    CHECK_EQ(actor_lookup(rt, "a"), ACTOR_ID_INVALID);
    CHECK_EQ(runtime_list_actors(rt, NULL, 0), 1);
    CHECK(actor_register_name(rt, "a", other)); /* no reservation is left */
    CHECK(actor_register_name(rt, "b", other));
    settle();
    end();
}

TEST(options_that_make_no_sense_are_refused) {
    begin();
    child_spec_t         spec = worker_spec("a", RESTART_PERMANENT);
    supervisor_options_t options = {.children = &spec, .n = 1, .max_restarts = -1};
    actor_id_t           id;
    CHECK_EQ(supervisor_start_opts(rt, &options, &id), MK_ERR_INVALID);
    options.max_restarts = 1;
    options.strategy = (restart_strategy_t)3;
    CHECK_EQ(supervisor_start_opts(rt, &options, &id), MK_ERR_INVALID);
    options.strategy = STRATEGY_ONE_FOR_ONE;
    spec.behavior = NULL;
    CHECK_EQ(supervisor_start_opts(rt, &options, &id), MK_ERR_INVALID);
    options.children = NULL;
    CHECK_EQ(supervisor_start_opts(rt, &options, &id), MK_ERR_INVALID);
    options.n = 0;
    CHECK_EQ(supervisor_start_opts(rt, &options, &id), MK_OK);
    CHECK_EQ(runtime_list_actors(rt, NULL, 0), 1);
    end();
}

TEST(a_name_that_is_too_long_is_refused_and_the_longest_is_not) {
    static char name[257];
    begin();
    memset(name, 'n', 256);
    child_spec_t         spec = worker_spec(name, RESTART_PERMANENT);
    supervisor_options_t options = {.children = &spec, .n = 1};
    actor_id_t           id;
    CHECK_EQ(supervisor_start_opts(rt, &options, &id), MK_ERR_TOOLONG);
    name[255] = '\0';
    CHECK_EQ(supervisor_start_opts(rt, &options, &id), MK_OK);
    CHECK_EQ(actor_lookup(rt, name), supervisor_get_child(rt, id, 0));
    end();
}

TEST(two_children_of_one_name_cannot_start) {
    begin();
    child_spec_t         specs[] = {worker_spec("a", RESTART_PERMANENT), worker_spec("a", RESTART_PERMANENT)};
    supervisor_options_t options = {.children = specs, .n = 2};
    actor_id_t           id;
    CHECK_EQ(supervisor_start_opts(rt, &options, &id), MK_ERR_EXISTS);
    specs[0].restart_type = specs[1].restart_type = RESTART_TEMPORARY;
    CHECK_EQ(supervisor_start_opts(rt, &options, &id), MK_ERR_EXISTS);
    CHECK_EQ(runtime_list_actors(rt, NULL, 0), 0);
    end();
}

TEST(without_a_factory_the_argument_is_the_state_of_every_incarnation) {
    begin();
    static worker_t shared = {'s'};
    child_spec_t    spec = {.name = "s",
                            .behavior = work,
                            .factory_arg = &shared,
                            .free_state = free_worker, /* not called: nobody made it */
                            .restart_type = RESTART_PERMANENT};
    sup = supervisor_start(rt, STRATEGY_ONE_FOR_ONE, 1, 1000, &spec, 1);
    actor_id_t before = actor_lookup(rt, "s");
    tell("s", DO_FAIL);
    CHECK(actor_lookup(rt, "s") != ACTOR_ID_INVALID && actor_lookup(rt, "s") != before);
    end();
    CHECK_STR(happened(), "");
}

static bool count_wakes(runtime_t *runtime, actor_t *self, message_t *msg, void *state) {
    (void)runtime, (void)self;
    *(unsigned *)state += msg->type == MSG_WAKE;
    return msg->type != DO_END;
}

TEST(a_child_that_is_to_be_woken_is_so_in_each_incarnation) {
    begin();
    unsigned     wakes = 0;
    child_spec_t spec = {.name = "w", .behavior = count_wakes, .factory_arg = &wakes, .wake = true};
    sup = supervisor_start(rt, STRATEGY_ONE_FOR_ONE, 1, 1000, &spec, 1);
    CHECK_EQ(wakes, 0);
    settle();
    CHECK_EQ(wakes, 1);
    tell("w", DO_END);
    CHECK_EQ(wakes, 2);
    end();
}

/* ---- strategy and restart type ---- */

TEST(one_for_one_restarts_the_child_that_ended) {
    start_all(STRATEGY_ONE_FOR_ONE, RESTART_PERMANENT);
    actor_id_t a = actor_lookup(rt, "a"), b = actor_lookup(rt, "b");
    tell("b", DO_FAIL);
    CHECK_STR(happened(), "-b +b");
    CHECK_EQ(actor_lookup(rt, "a"), a);
    CHECK(actor_lookup(rt, "b") != b && supervisor_get_child(rt, sup, 1) == actor_lookup(rt, "b"));
    end();
}

TEST(one_for_all_stops_the_others_in_reverse_and_starts_all_in_order) {
    start_all(STRATEGY_ONE_FOR_ALL, RESTART_PERMANENT);
    tell("b", DO_FAIL);
    CHECK_STR(happened(), "-b -c -a +a +b +c");
    tell("a", DO_END);
    CHECK_STR(happened(), "-a -c -b +a +b +c");
    end();
}

TEST(rest_for_one_restarts_the_child_and_those_behind_it) {
    start_all(STRATEGY_REST_FOR_ONE, RESTART_PERMANENT);
    tell("b", DO_FAIL);
    CHECK_STR(happened(), "-b -c +b +c");
    tell("c", DO_FAIL);
    CHECK_STR(happened(), "-c +c");
    tell("a", DO_FAIL);
    CHECK_STR(happened(), "-a -c -b +a +b +c");
    end();
}

TEST(a_permanent_child_is_restarted_however_it_ends) {
    for (restart_strategy_t strategy = STRATEGY_ONE_FOR_ONE; strategy <= STRATEGY_REST_FOR_ONE; strategy++) {
        start_abc(strategy, RESTART_TEMPORARY, RESTART_TEMPORARY, RESTART_PERMANENT);
        const char *again = strategy == STRATEGY_ONE_FOR_ALL ? "-c -b -a +c" : "-c +c";
        tell("c", DO_END);
        CHECK_STR(happened(), again); /* temporary ones do not come back with their group */
        tell("c", DO_FAIL);
        CHECK_STR(happened(), "-c +c");
        tell("c", DO_SHUTDOWN);
        CHECK_STR(happened(), "-c +c");
        actor_stop(rt, actor_lookup(rt, "c"));
        settle();
        CHECK_STR(happened(), "-c +c");
        end();
    }
}

TEST(a_transient_child_is_restarted_only_when_it_ended_badly) {
    for (restart_strategy_t strategy = STRATEGY_ONE_FOR_ONE; strategy <= STRATEGY_REST_FOR_ONE; strategy++) {
        start_abc(strategy, RESTART_TEMPORARY, RESTART_TRANSIENT, RESTART_TRANSIENT);
        tell("c", DO_END);
        CHECK_STR(happened(), "-c");
        CHECK_EQ(supervisor_get_child(rt, sup, 2), ACTOR_ID_INVALID);
        tell("b", DO_FAIL);
        const char *again[] = {"-b +b", "-b -a +b +c", "-b +b +c"}; /* it does come back with its group */
        CHECK_STR(happened(), again[strategy]);
        tell("b", DO_SHUTDOWN);
        CHECK_STR(happened(), "-b");
        CHECK_EQ(supervisor_count_children(rt, sup), 3);
        end();
    }
}

TEST(a_temporary_child_is_never_restarted_and_its_name_is_free) {
    for (restart_strategy_t strategy = STRATEGY_ONE_FOR_ONE; strategy <= STRATEGY_REST_FOR_ONE; strategy++) {
        start_all(strategy, RESTART_TEMPORARY);
        actor_id_t c = actor_lookup(rt, "c");
        tell("b", DO_FAIL);
        CHECK_STR(happened(), "-b");
        CHECK_EQ(supervisor_get_child(rt, sup, 1), ACTOR_ID_INVALID);
        CHECK_EQ(supervisor_get_child(rt, sup, 2), c); /* the others keep their places */
        CHECK(actor_register_name(rt, "b", c));
        end();
    }
}

TEST(a_transient_child_that_is_done_leaves_its_name_to_others) {
    start_all(STRATEGY_ONE_FOR_ONE, RESTART_TRANSIENT);
    tell("b", DO_END);
    CHECK(actor_register_name(rt, "b", actor_lookup(rt, "a")));
    end();
}

TEST(an_earlier_child_that_ends_during_a_restart_makes_it_larger) {
    begin();
    child_spec_t specs[] = {worker_spec("a", RESTART_PERMANENT), worker_spec("b", RESTART_PERMANENT),
                            worker_spec("c", RESTART_PERMANENT)};
    specs[2].behavior = stay;
    specs[2].trap_exits = true;
    sup = supervisor_start(rt, STRATEGY_REST_FOR_ONE, 10, 100000, specs, 3);
    happened();
    tell("b", DO_FAIL);
    CHECK_STR(happened(), "-b xc"); /* c takes its time */
    tell("a", DO_FAIL);
    CHECK_STR(happened(), "-a");
    pass_ms(5001);
    CHECK_STR(happened(), "-c +a +b +c");
    end();
}

TEST(a_message_that_claims_the_end_of_a_child_that_lives_changes_nothing) {
    start_all(STRATEGY_ONE_FOR_ALL, RESTART_PERMANENT);
    child_exit_payload_t lie = {.child_id = actor_lookup(rt, "a"), .exit_reason = EXIT_FAILED};
    CHECK(actor_send(rt, sup, MSG_CHILD_EXIT, &lie, sizeof lie));
    CHECK(actor_send(rt, sup, MSG_CHILD_EXIT, &lie, 3));
    CHECK(actor_send(rt, sup, MSG_TIMER, NULL, 0));
    CHECK(actor_send(rt, sup, MSG_EXIT, "x", 1));
    CHECK(actor_send(rt, sup, MSG_SUPERVISOR_REMOVE, &lie.child_id, sizeof lie.child_id));
    CHECK(actor_send(rt, sup, 7, "hello", 5));
    settle();
    CHECK_STR(happened(), "");
    CHECK(actor_is_alive(rt, sup));
    end();
}

TEST(restarts_without_end_take_no_memory_for_themselves) {
    start_all(STRATEGY_REST_FOR_ONE, RESTART_PERMANENT);
    runtime_stats_t before, after;
    for (unsigned i = 0; i < 2000; i++) {
        if (i == 100) runtime_get_stats(rt, &before);
        CHECK(actor_send_named(rt, i % 2 == 0 ? "b" : "c", DO_FAIL, NULL, 0));
        settle();
        mk_fake_advance_us(150 * 1000);
        settle();
        happened();
    }
    runtime_get_stats(rt, &after);
    CHECK_EQ(after.pool_bytes, before.pool_bytes);
    CHECK_EQ(after.actors, 4);
    CHECK_EQ(after.timers, 0);
    end();
}

/* ---- names ---- */

TEST(nobody_can_take_the_name_of_a_child_while_it_is_down) {
    begin();
    child_spec_t         specs[] = {worker_spec("a", RESTART_PERMANENT), worker_spec("b", RESTART_PERMANENT)};
    supervisor_options_t options = {
        .children = specs, .n = 2, .max_restarts = 5, .window_ms = 1000, .backoff_min_ms = 20};
    CHECK_EQ(supervisor_start_opts(rt, &options, &sup), MK_OK);
    actor_id_t thief = actor_spawn(rt, stay, NULL, NULL, 0), before = actor_lookup(rt, "a");
    tell("a", DO_FAIL);
    for (unsigned ms = 0; ms < 19; ms++) {
        CHECK_EQ(actor_lookup(rt, "a"), ACTOR_ID_INVALID);
        CHECK(!actor_send_named(rt, "a", DO_NOTHING, NULL, 0));
        CHECK_EQ(actor_try_register_name(rt, "a", thief), MK_ERR_EXISTS);
        pass_ms(1);
    }
    pass_ms(2);
    CHECK(actor_lookup(rt, "a") != ACTOR_ID_INVALID && actor_lookup(rt, "a") != before);
    CHECK_EQ(actor_lookup(rt, "a"), supervisor_get_child(rt, sup, 0));
    end();
}

/* Sends to a name in each of its turns, and tries to take it. */
typedef struct pest {
    unsigned sent, stolen, turns;
} pest_t;

static bool pester(runtime_t *runtime, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)msg;
    pest_t *pest = state;
    if (actor_send_named(runtime, "b", DO_NOTHING, NULL, 0)) pest->sent++;
    if (actor_try_register_name(runtime, "b", actor_self(runtime)) == MK_OK) pest->stolen++;
    if (++pest->turns == 100) return false;
    return actor_send(runtime, actor_self(runtime), 1, NULL, 0);
}

TEST(who_sends_by_name_meets_each_incarnation_and_never_the_gap_of_a_thief) {
    pest_t pest = {0};
    start_all(STRATEGY_REST_FOR_ONE, RESTART_PERMANENT);
    actor_id_t id = actor_spawn(rt, pester, &pest, NULL, 0);
    CHECK(actor_send(rt, id, 1, NULL, 0));
    for (unsigned i = 0; i < 5; i++) {
        actor_id_t b = actor_lookup(rt, "b");
        CHECK(actor_send(rt, b, DO_FAIL, NULL, 0));
        while (actor_lookup(rt, "b") == b || actor_lookup(rt, "b") == ACTOR_ID_INVALID) runtime_step(rt);
    }
    settle();
    CHECK_EQ(pest.turns, 100);
    CHECK_EQ(pest.stolen, 0);
    CHECK(pest.sent > 80); /* refused only while there is nobody */
    end();
}

/* ---- the log ---- */

TEST(the_log_says_who_ended_and_why_and_as_whom_it_came_back) {
    begin();
    CHECK_EQ(runtime_set_log_sink(rt, keep_log, NULL), MK_OK);
    child_spec_t specs[] = {worker_spec("a", RESTART_PERMANENT), worker_spec("b", RESTART_TEMPORARY)};
    sup = supervisor_start(rt, STRATEGY_ONE_FOR_ONE, 1, 1000, specs, 2);
    settle();
    tell("a", DO_FAIL);
    tell("b", DO_FAIL);
    runtime_flush_log(rt);
    settle();
    char expected[256];
    snprintf(expected, sizeof expected,
             "child 'a' (4294967298) ended: failed: as it was told to\nchild 'a' restarted as %llu\n"
             "child 'b' (4294967299) ended: failed: as it was told to; not restarted\n",
             (unsigned long long)actor_lookup(rt, "a"));
    CHECK_STR(log_text, expected);
    log_text[log_used = 0] = '\0';
    tell("a", DO_FAIL);
    runtime_flush_log(rt);
    settle();
    CHECK(strstr(log_text, "child 'a' is not restarted: the limit is 1 restarts in 1000 ms") != NULL);
    end();
}
