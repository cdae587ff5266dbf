/* SPDX-License-Identifier: Apache-2.0 */
/* Stopping: order, deadlines, the restart limit, pauses, children that come and go. */
#include "services/supervisor_rig.h"

static actor_id_t   sup;
static child_spec_t specs[3];

static void prepare(restart_type_t type) {
    begin();
    specs[0] = worker_spec("a", type);
    specs[1] = worker_spec("b", type);
    specs[2] = worker_spec("c", type);
}

static void start_opts(const supervisor_options_t *options) {
    CHECK_EQ(supervisor_start_opts(rt, options, &sup), MK_OK);
    happened();
    settle();
}

static void start(restart_strategy_t strategy, int max_restarts) {
    supervisor_options_t options = {
        .strategy = strategy, .max_restarts = max_restarts, .window_ms = 1000, .children = specs, .n = 3};
    start_opts(&options);
}

/* Fails the child, again and again. */
static void fail_times(const char *name, unsigned times) {
    while (times-- != 0) tell(name, DO_FAIL);
}

/* ---- stop ---- */

TEST(a_supervisor_stops_its_children_in_reverse_and_then_ends) {
    watcher_t watcher;
    prepare(RESTART_PERMANENT);
    start(STRATEGY_ONE_FOR_ONE, 3);
    watch_end_of(&watcher, sup);
    supervisor_stop(rt, sup);
    CHECK(actor_is_alive(rt, sup)); /* returns at once */
    settle();
    CHECK_STR(happened(), "-c -b -a");
    CHECK_EQ(watcher.downs, 1);
    CHECK_EQ(watcher.reason, EXIT_SHUTDOWN);
    supervisor_stop(rt, sup);
    supervisor_stop(rt, ACTOR_ID_INVALID);
    CHECK_EQ(supervisor_get_child(rt, sup, 0), ACTOR_ID_INVALID);
    CHECK_EQ(supervisor_count_children(rt, sup), 0);
    end();
}

TEST(stopping_what_is_no_supervisor_does_nothing) {
    begin();
    actor_id_t id = actor_spawn(rt, stay, NULL, NULL, 0);
    supervisor_stop(rt, id);
    settle();
    CHECK(actor_is_alive(rt, id));
    CHECK_EQ(supervisor_add_child(rt, id, &specs[0], NULL), MK_ERR_NOTFOUND);
    CHECK_EQ(supervisor_remove_child(rt, id, id), MK_ERR_NOTFOUND);
    end();
}

TEST(each_child_gets_its_time_and_the_next_is_asked_only_when_it_is_gone) {
    prepare(RESTART_PERMANENT);
    for (unsigned i = 0; i < 3; i++) specs[i].trap_exits = true;
    specs[1].behavior = specs[2].behavior = stay;
    specs[1].shutdown_ms = 70;
    specs[2].shutdown_ms = 30;
    start(STRATEGY_ONE_FOR_ONE, 3);
    supervisor_stop(rt, sup);
    settle();
    CHECK_STR(happened(), "xc");
    pass_ms(29);
    CHECK_STR(happened(), "");
    pass_ms(2);
    CHECK_STR(happened(), "-c xb");
    pass_ms(68);
    CHECK_STR(happened(), "");
    pass_ms(2);
    CHECK_STR(happened(), "-b xa -a");
    CHECK(!actor_is_alive(rt, sup));
    end();
}

TEST(a_brutal_stop_asks_nobody_and_the_default_is_five_seconds) {
    prepare(RESTART_PERMANENT);
    for (unsigned i = 0; i < 3; i++) {
        specs[i].trap_exits = true;
        specs[i].behavior = stay;
    }
    specs[2].shutdown_ms = SHUTDOWN_BRUTAL;
    specs[0].shutdown_ms = SHUTDOWN_BRUTAL;
    start(STRATEGY_ONE_FOR_ONE, 3);
    supervisor_stop(rt, sup);
    settle();
    CHECK_STR(happened(), "-c xb");
    pass_ms(4999);
    CHECK_STR(happened(), "");
    pass_ms(2);
    CHECK_STR(happened(), "-b -a");
    CHECK(!actor_is_alive(rt, sup));
    end();
}

TEST(a_child_may_end_by_itself_while_the_others_are_being_stopped) {
    prepare(RESTART_PERMANENT);
    specs[2].trap_exits = true;
    specs[2].behavior = stay;
    start(STRATEGY_ONE_FOR_ONE, 3);
    supervisor_stop(rt, sup);
    settle();
    tell("a", DO_FAIL);
    CHECK_STR(happened(), "xc -a");
    pass_ms(5001);
    CHECK_STR(happened(), "-c -b");
    CHECK(!actor_is_alive(rt, sup));
    end();
}

TEST(an_exit_signal_stops_a_supervisor_with_its_reason) {
    watcher_t watcher;
    prepare(RESTART_PERMANENT);
    start(STRATEGY_ONE_FOR_ONE, 3);
    watch_end_of(&watcher, sup);
    actor_exit(rt, sup, EXIT_NORMAL);
    settle();
    CHECK_EQ(watcher.downs, 0);
    actor_exit(rt, sup, EXIT_USER + 1);
    settle();
    CHECK_STR(happened(), "-c -b -a");
    CHECK_EQ(watcher.reason, EXIT_USER + 1);
    end();
}

/* Stops its supervisor, then ends: the request must outlive it. */
static bool mutineer(runtime_t *runtime, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    if (msg->type == DO_END) supervisor_stop(runtime, sup);
    return msg->type != DO_END;
}

TEST(a_child_may_stop_its_supervisor) {
    prepare(RESTART_PERMANENT);
    specs[1].behavior = mutineer;
    start(STRATEGY_ONE_FOR_ALL, 3);
    tell("b", DO_END);
    CHECK(!actor_is_alive(rt, sup));
    CHECK_STR(happened(), "-b -c -a");
    end();
}

/* ---- killed ---- */

TEST(a_killed_supervisor_takes_its_children_with_it) {
    prepare(RESTART_PERMANENT);
    specs[1].trap_exits = true;
    specs[1].behavior = stay; /* would stay for ever */
    start(STRATEGY_ONE_FOR_ONE, 3);
    actor_stop(rt, sup);
    settle();
    CHECK_STR(happened(), "-c -b -a");
    CHECK_EQ(runtime_list_actors(rt, NULL, 0), 0);
    end();
}

TEST(a_supervisor_killed_at_any_moment_of_a_restart_leaves_nobody) {
    for (unsigned moment = 0; moment < 60; moment++) {
        prepare(RESTART_PERMANENT);
        specs[2].trap_exits = true;
        specs[2].behavior = stay;
        specs[2].shutdown_ms = 10;
        supervisor_options_t options = {.strategy = STRATEGY_ONE_FOR_ALL,
                                        .max_restarts = 3,
                                        .window_ms = 1000,
                                        .backoff_min_ms = 10,
                                        .children = specs,
                                        .n = 3};
        start_opts(&options);
        CHECK(actor_send_named(rt, "b", DO_FAIL, NULL, 0));
        for (unsigned i = 0; i < moment; i++) {
            if (!runtime_step(rt)) mk_fake_advance_us(1000);
        }
        actor_stop(rt, sup);
        settle();
        CHECK_EQ(runtime_list_actors(rt, NULL, 0), 0);
        runtime_stats_t stats;
        runtime_get_stats(rt, &stats);
        CHECK_EQ(stats.timers, 0);
        end();
    }
}

/* ---- the limit ---- */

TEST(exactly_as_many_restarts_as_allowed_are_made) {
    watcher_t watcher;
    prepare(RESTART_PERMANENT);
    start(STRATEGY_ONE_FOR_ONE, 3);
    watch_end_of(&watcher, sup);
    fail_times("b", 3);
    CHECK(actor_is_alive(rt, sup));
    CHECK_STR(happened(), "-b +b -b +b -b +b");
    tell("b", DO_FAIL);
    CHECK_STR(happened(), "-b -c -a"); /* and the others in reverse */
    CHECK_EQ(watcher.reason, EXIT_RESTART_LIMIT);
    CHECK_STR(watcher.text, "too many restarts, the last for child 'b': failed: as it was told to");
    CHECK_EQ(runtime_list_actors(rt, NULL, 0), 1);
    end();
}

TEST(restarts_of_all_children_count_together_and_those_outside_the_window_do_not) {
    prepare(RESTART_PERMANENT);
    start(STRATEGY_ONE_FOR_ONE, 2);
    tell("a", DO_FAIL);
    pass_ms(600);
    tell("b", DO_FAIL);
    pass_ms(400); /* the first is a window old */
    tell("c", DO_FAIL);
    CHECK(actor_is_alive(rt, sup));
    tell("a", DO_FAIL);
    CHECK(!actor_is_alive(rt, sup));
    end();
}

TEST(a_limit_of_zero_allows_no_restart) {
    prepare(RESTART_PERMANENT);
    start(STRATEGY_ONE_FOR_ONE, 0);
    tell("b", DO_FAIL);
    CHECK(!actor_is_alive(rt, sup));
    CHECK_STR(happened(), "-b -c -a");
    end();
}

TEST(ends_that_need_no_restart_do_not_count) {
    prepare(RESTART_TEMPORARY);
    specs[2].restart_type = RESTART_TRANSIENT;
    start(STRATEGY_ONE_FOR_ONE, 0);
    tell("a", DO_FAIL);
    tell("c", DO_END);
    CHECK(actor_is_alive(rt, sup));
    end();
}

TEST(the_first_reason_to_end_is_the_one_that_is_told) {
    watcher_t watcher;
    prepare(RESTART_PERMANENT);
    specs[2].behavior = stay;
    specs[2].trap_exits = true;
    start(STRATEGY_ONE_FOR_ONE, 0);
    watch_end_of(&watcher, sup);
    tell("b", DO_FAIL);
    supervisor_stop(rt, sup);
    pass_ms(5001);
    CHECK_EQ(watcher.downs, 1);
    CHECK_EQ(watcher.reason, EXIT_RESTART_LIMIT);
    end();
}

static bool die_at_once(runtime_t *runtime, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)msg, (void)state;
    actor_fail(runtime, EXIT_FAILED, "at its first message");
    return true;
}

static void *make_and_poke(void *arg) {
    worker_t *worker = make_worker(arg);
    (void)actor_send(rt, actor_lookup(rt, "poker"), 1, NULL, 0);
    return worker;
}

/* Sends each new incarnation its first message. */
static bool poke(runtime_t *runtime, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)msg, (void)state;
    (void)actor_send_named(runtime, "b", DO_NOTHING, NULL, 0);
    return true;
}

TEST(a_child_that_dies_in_its_first_message_each_time_reaches_the_limit) {
    watcher_t watcher;
    prepare(RESTART_PERMANENT);
    actor_id_t poker = actor_spawn(rt, poke, NULL, NULL, 0);
    CHECK(actor_register_name(rt, "poker", poker));
    specs[1].behavior = die_at_once;
    specs[1].factory = make_and_poke;
    CHECK((sup = supervisor_start(rt, STRATEGY_ONE_FOR_ONE, 3, 1000, specs, 3)) != ACTOR_ID_INVALID);
    watch_end_of(&watcher, sup);
    settle();
    CHECK_STR(happened(), "+a +b +c -b +b -b +b -b +b -b -c -a");
    CHECK(!actor_is_alive(rt, sup));
    end();
}

/* ---- pauses ---- */

static void start_with_pauses(restart_strategy_t strategy) {
    prepare(RESTART_PERMANENT);
    supervisor_options_t options = {.strategy = strategy,
                                    .max_restarts = 100,
                                    .window_ms = 1000,
                                    .backoff_min_ms = 100,
                                    .backoff_max_ms = 350,
                                    .children = specs,
                                    .n = 3};
    start_opts(&options);
}

static void check_pause(const char *name, unsigned ms, const char *before, const char *after) {
    tell(name, DO_FAIL);
    CHECK_STR(happened(), before);
    pass_ms(ms - 1);
    CHECK_STR(happened(), "");
    pass_ms(2);
    CHECK_STR(happened(), after);
}

TEST(pauses_double_up_to_their_limit_and_a_quiet_window_forgets_them) {
    start_with_pauses(STRATEGY_ONE_FOR_ONE);
    check_pause("b", 100, "-b", "+b");
    check_pause("b", 200, "-b", "+b");
    check_pause("b", 350, "-b", "+b");
    check_pause("b", 350, "-b", "+b");
    check_pause("a", 100, "-a", "+a"); /* each child has its own */
    pass_ms(998);                      /* b has run for two less than a window since then */
    check_pause("a", 200, "-a", "+a");
    check_pause("b", 100, "-b", "+b");
    end();
}

TEST(a_group_is_stopped_first_and_started_after_the_pause) {
    start_with_pauses(STRATEGY_REST_FOR_ONE);
    check_pause("b", 100, "-b -c", "+b +c");
    check_pause("b", 200, "-b -c", "+b +c");
    end();
}

TEST(children_wait_for_their_pauses_apart_from_each_other) {
    start_with_pauses(STRATEGY_ONE_FOR_ONE);
    tell("a", DO_FAIL);
    pass_ms(50);
    tell("b", DO_FAIL);
    CHECK_STR(happened(), "-a -b");
    pass_ms(51);
    CHECK_STR(happened(), "+a");
    pass_ms(50);
    CHECK_STR(happened(), "+b");
    end();
}

TEST(a_supervisor_stopped_during_a_pause_starts_nobody_again) {
    for (restart_strategy_t strategy = STRATEGY_ONE_FOR_ONE; strategy <= STRATEGY_REST_FOR_ONE; strategy++) {
        start_with_pauses(strategy);
        tell("b", DO_FAIL);
        supervisor_stop(rt, sup);
        settle();
        CHECK_STR(happened(), "-b -c -a");
        CHECK(!actor_is_alive(rt, sup));
        pass_ms(500);
        CHECK_STR(happened(), "");
        end();
    }
}

TEST(a_supervisor_stopped_while_it_stops_a_group_goes_on_with_stopping) {
    prepare(RESTART_PERMANENT);
    specs[2].trap_exits = true;
    specs[2].behavior = stay;
    specs[2].shutdown_ms = 50;
    start(STRATEGY_ONE_FOR_ALL, 3);
    tell("b", DO_FAIL);
    CHECK_STR(happened(), "-b xc");
    supervisor_stop(rt, sup);
    settle();
    CHECK_STR(happened(), ""); /* c is not asked a second time */
    pass_ms(51);
    CHECK_STR(happened(), "-c -a");
    CHECK(!actor_is_alive(rt, sup));
    end();
}

/* ---- children that come and go ---- */

TEST(an_added_child_is_the_last_in_the_order) {
    prepare(RESTART_PERMANENT);
    start(STRATEGY_REST_FOR_ONE, 3);
    child_spec_t d = worker_spec("d", RESTART_PERMANENT);
    actor_id_t   id;
    CHECK_EQ(supervisor_add_child(rt, sup, &d, &id), MK_OK);
    CHECK_EQ(supervisor_get_child(rt, sup, 3), id);
    CHECK_EQ(actor_lookup(rt, "d"), id);
    happened();
    tell("b", DO_FAIL);
    CHECK_STR(happened(), "-b -d -c +b +c +d");
    CHECK_EQ(supervisor_add_child(rt, sup, &d, NULL), MK_ERR_EXISTS);
    CHECK_EQ(supervisor_count_children(rt, sup), 4);
    supervisor_stop(rt, sup);
    settle();
    CHECK_STR(happened(), "-d -c -b -a");
    end();
}

TEST(a_removed_child_is_stopped_forgotten_and_its_name_is_free) {
    prepare(RESTART_PERMANENT);
    start(STRATEGY_ONE_FOR_ALL, 3);
    actor_id_t b = actor_lookup(rt, "b");
    CHECK_EQ(supervisor_remove_child(rt, sup, b), MK_OK);
    CHECK_EQ(supervisor_remove_child(rt, sup, b), MK_OK); /* under way */
    settle();
    CHECK_STR(happened(), "-b");
    CHECK_EQ(supervisor_count_children(rt, sup), 2);
    CHECK_EQ(supervisor_get_child(rt, sup, 1), actor_lookup(rt, "c"));
    CHECK_EQ(supervisor_remove_child(rt, sup, b), MK_ERR_NOTFOUND);
    CHECK_EQ(supervisor_remove_child(rt, sup, ACTOR_ID_INVALID), MK_ERR_NOTFOUND);
    CHECK(actor_register_name(rt, "b", actor_lookup(rt, "c")));
    tell("a", DO_FAIL);
    CHECK_STR(happened(), "-a -c +a +c");
    end();
}

TEST(a_child_to_be_removed_has_its_deadline_and_is_not_restarted_when_it_fails_meanwhile) {
    prepare(RESTART_PERMANENT);
    specs[0].trap_exits = specs[1].trap_exits = true;
    specs[0].behavior = stay;
    start(STRATEGY_ONE_FOR_ONE, 3);
    CHECK_EQ(supervisor_remove_child(rt, sup, actor_lookup(rt, "a")), MK_OK);
    CHECK(actor_send_named(rt, "b", DO_FAIL, NULL, 0));
    CHECK_EQ(supervisor_remove_child(rt, sup, actor_lookup(rt, "b")), MK_OK);
    settle();
    CHECK_STR(happened(), "-b xa");
    CHECK_EQ(supervisor_count_children(rt, sup), 2);
    pass_ms(5001);
    CHECK_STR(happened(), "-a");
    CHECK_EQ(supervisor_count_children(rt, sup), 1);
    end();
}

TEST(a_child_removed_when_its_end_is_already_under_way_is_not_restarted) {
    prepare(RESTART_PERMANENT);
    start(STRATEGY_ONE_FOR_ONE, 3);
    actor_id_t b = actor_lookup(rt, "b");
    CHECK(actor_send(rt, b, DO_FAIL, NULL, 0));
    while (actor_is_alive(rt, b)) runtime_step(rt);
    CHECK_EQ(supervisor_get_child(rt, sup, 1), ACTOR_ID_INVALID);
    CHECK_EQ(supervisor_remove_child(rt, sup, b), MK_OK);
    settle();
    CHECK_STR(happened(), "-b");
    CHECK_EQ(supervisor_count_children(rt, sup), 2);
    end();
}

TEST(a_child_that_waits_for_its_restart_can_be_removed_by_its_last_id) {
    start_with_pauses(STRATEGY_ONE_FOR_ONE);
    actor_id_t b = actor_lookup(rt, "b");
    tell("b", DO_FAIL);
    CHECK_EQ(supervisor_remove_child(rt, sup, b), MK_OK);
    pass_ms(300);
    CHECK_STR(happened(), "-b");
    CHECK_EQ(supervisor_count_children(rt, sup), 2);
    end();
}

TEST(a_removal_is_not_lost_when_the_restart_comes_first) {
    prepare(RESTART_PERMANENT);
    start(STRATEGY_ONE_FOR_ALL, 5);
    actor_id_t b = actor_lookup(rt, "b");
    CHECK(actor_send_named(rt, "a", DO_FAIL, NULL, 0));
    while (actor_is_alive(rt, b)) runtime_step(rt);
    CHECK_EQ(supervisor_remove_child(rt, sup, b), MK_OK);
    settle();
    CHECK_EQ(actor_lookup(rt, "b"), ACTOR_ID_INVALID);
    CHECK_EQ(supervisor_count_children(rt, sup), 2);
    end();
}

TEST(an_added_temporary_child_leaves_no_trace) {
    prepare(RESTART_PERMANENT);
    start(STRATEGY_ONE_FOR_ONE, 3);
    child_spec_t d = worker_spec("d", RESTART_TEMPORARY);
    for (unsigned i = 0; i < 100; i++) {
        CHECK_EQ(supervisor_add_child(rt, sup, &d, NULL), MK_OK);
        tell("d", i % 2 == 0 ? DO_END : DO_FAIL);
        CHECK_EQ(supervisor_count_children(rt, sup), 3);
    }
    end();
}

TEST(nobody_is_added_while_a_group_restarts_or_the_supervisor_stops) {
    child_spec_t d = worker_spec("d", RESTART_PERMANENT);
    start_with_pauses(STRATEGY_ONE_FOR_ALL);
    tell("b", DO_FAIL);
    CHECK_EQ(supervisor_add_child(rt, sup, &d, NULL), MK_ERR_BUSY);
    pass_ms(101);
    CHECK_EQ(supervisor_add_child(rt, sup, &d, NULL), MK_OK);
    CHECK(actor_send_named(rt, "d", DO_TRAP, NULL, 0));
    supervisor_stop(rt, sup);
    runtime_step(rt);
    runtime_step(rt);
    CHECK_EQ(supervisor_add_child(rt, sup, &d, NULL), MK_ERR_BUSY);
    end();
}

TEST(many_children_are_found_among_each_other) {
    enum { N = 300 };
    begin();
    sup = supervisor_start(rt, STRATEGY_ONE_FOR_ONE, 1000, 1000, NULL, 0);
    child_spec_t spec = worker_spec(NULL, RESTART_PERMANENT);
    spec.factory = NULL;
    actor_id_t ids[N];
    for (unsigned i = 0; i < N; i++) CHECK_EQ(supervisor_add_child(rt, sup, &spec, &ids[i]), MK_OK);
    for (unsigned i = 0; i < N; i += 3) CHECK(actor_send(rt, ids[i], DO_FAIL, NULL, 0));
    for (unsigned i = 1; i < N; i += 3) CHECK_EQ(supervisor_remove_child(rt, sup, ids[i]), MK_OK);
    settle();
    CHECK_EQ(supervisor_count_children(rt, sup), N / 3 * 2);
    for (unsigned i = 0; i < N / 3; i++) {
        CHECK(supervisor_get_child(rt, sup, 2 * i) != ids[3 * i]);
        CHECK_EQ(supervisor_get_child(rt, sup, 2 * i + 1), ids[3 * i + 2]);
    }
    end();
}
