/* SPDX-License-Identifier: Apache-2.0 */
/* Supervisors below supervisors, supervisors below other actors, and both without memory. */
#include "services/supervisor_rig.h"

/* root: a, middle: b, low: c */
static child_spec_t         low_specs[1], middle_specs[2], root_specs[2];
static supervisor_options_t low, middle, root;
static actor_id_t           sup;

static void build(restart_type_t type) {
    low_specs[0] = worker_spec("c", RESTART_PERMANENT);
    low = (supervisor_options_t){.max_restarts = 1, .window_ms = 1000, .children = low_specs, .n = 1};
    middle_specs[0] = worker_spec("b", RESTART_PERMANENT);
    middle_specs[1] = supervisor_child_spec("low", &low, type);
    middle = (supervisor_options_t){.max_restarts = 1, .window_ms = 1000, .children = middle_specs, .n = 2};
    middle.strategy = STRATEGY_ONE_FOR_ALL;
    root_specs[0] = worker_spec("a", RESTART_PERMANENT);
    root_specs[1] = supervisor_child_spec("middle", &middle, type);
    root = (supervisor_options_t){.name = "root", .max_restarts = 1, .window_ms = 1000, .children = root_specs, .n = 2};
}

static void start_tree(restart_type_t type) {
    begin();
    build(type);
    CHECK_EQ(supervisor_start_opts(rt, &root, &sup), MK_OK);
    CHECK_STR(happened(), "+a +b +c");
    settle();
}

TEST(a_tree_starts_in_order_and_stops_in_reverse) {
    start_tree(RESTART_PERMANENT);
    CHECK_EQ(actor_lookup(rt, "root"), sup);
    actor_id_t middle_id = supervisor_get_child(rt, sup, 1), low_id = supervisor_get_child(rt, middle_id, 1);
    CHECK_EQ(actor_lookup(rt, "middle"), middle_id);
    CHECK_EQ(supervisor_get_child(rt, low_id, 0), actor_lookup(rt, "c"));
    CHECK_EQ(runtime_list_actors(rt, NULL, 0), 6);
    supervisor_stop(rt, sup);
    settle();
    CHECK_STR(happened(), "-c -b -a");
    CHECK_EQ(runtime_list_actors(rt, NULL, 0), 0);
    end();
}

TEST(a_supervisor_that_gives_up_is_its_supervisors_to_restart_two_levels_up) {
    watcher_t watcher;
    start_tree(RESTART_TRANSIENT);
    watch_end_of(&watcher, sup);
    tell("c", DO_FAIL);
    CHECK_STR(happened(), "-c +c"); /* low's one restart */
    tell("c", DO_FAIL);
    CHECK_STR(happened(), "-c -b +b +c"); /* low gave up: middle's one restart, of all of its children */
    tell("c", DO_FAIL);
    CHECK_STR(happened(), "-c +c"); /* a new low, a new count */
    tell("c", DO_FAIL);
    CHECK_STR(happened(), "-c -b +b +c"); /* middle gave up, too: root's one restart */
    CHECK_EQ(watcher.downs, 0);
    CHECK_EQ(supervisor_get_child(rt, sup, 1), actor_lookup(rt, "middle"));
    for (unsigned i = 0; i < 4; i++) tell("c", DO_FAIL);
    CHECK_STR(happened(), "-c +c -c -b +b +c -c +c -c -b -a");
    CHECK_EQ(watcher.downs, 1);
    CHECK_EQ(watcher.reason, EXIT_RESTART_LIMIT);
    CHECK_STR(watcher.text, "too many restarts, the last for child 'middle': restart limit reached: "
                            "too many restarts, the last for child 'low': restart limit reached: "
                            "too many restarts, the last for child 'c': failed: as it was told to");
    CHECK_EQ(runtime_list_actors(rt, NULL, 0), 1);
    end();
}

TEST(a_supervisor_killed_below_another_comes_back_with_all_its_names) {
    for (unsigned steps = 0; steps < 20; steps++) {
        start_tree(RESTART_PERMANENT);
        actor_id_t middle_id = actor_lookup(rt, "middle"), c = actor_lookup(rt, "c");
        if (steps % 2 == 0) CHECK(actor_send(rt, sup, DO_NOTHING, NULL, 0)); /* root's turn may come first */
        actor_stop(rt, middle_id);
        for (unsigned i = 0; i < steps; i++) runtime_step(rt);
        settle();
        CHECK(actor_lookup(rt, "middle") != ACTOR_ID_INVALID && actor_lookup(rt, "middle") != middle_id);
        CHECK(actor_lookup(rt, "c") != ACTOR_ID_INVALID && actor_lookup(rt, "c") != c);
        CHECK_EQ(runtime_list_actors(rt, NULL, 0), 6);
        end();
    }
}

TEST(a_tree_whose_root_is_killed_is_gone) {
    start_tree(RESTART_PERMANENT);
    tell("c", DO_FAIL);
    actor_stop(rt, sup);
    settle();
    CHECK_EQ(runtime_list_actors(rt, NULL, 0), 0);
    end();
}

TEST(a_supervisor_below_may_take_longer_to_stop_than_a_worker) {
    begin();
    build(RESTART_PERMANENT);
    low_specs[0].behavior = stay;
    low_specs[0].trap_exits = true;
    low_specs[0].shutdown_ms = 9000;
    CHECK_EQ(supervisor_start_opts(rt, &root, &sup), MK_OK);
    happened();
    supervisor_stop(rt, sup);
    settle();
    pass_ms(8990);
    CHECK_STR(happened(), "xc");
    CHECK(actor_is_alive(rt, sup));
    pass_ms(20);
    CHECK_STR(happened(), "-c -b -a");
    end();
}

TEST(a_supervisor_that_overstays_its_deadline_is_killed_with_its_children_first) {
    begin();
    build(RESTART_PERMANENT);
    low_specs[0].behavior = stay;
    low_specs[0].trap_exits = true;
    root_specs[1].shutdown_ms = 50;
    CHECK_EQ(supervisor_start_opts(rt, &root, &sup), MK_OK);
    happened();
    supervisor_stop(rt, sup);
    settle();
    pass_ms(51);
    CHECK_STR(happened(), "xc -c -b -a");
    CHECK_EQ(runtime_list_actors(rt, NULL, 0), 0);
    end();
}

TEST(a_tree_that_cannot_start_whole_does_not_start_at_all) {
    begin();
    build(RESTART_PERMANENT);
    actor_id_t other = actor_spawn(rt, stay, NULL, NULL, 0);
    CHECK(actor_register_name(rt, "c", other));
    CHECK_EQ(supervisor_start_opts(rt, &root, &sup), MK_ERR_EXISTS);
    CHECK_STR(happened(), "+a +b -b -a");
    settle();
    CHECK_EQ(runtime_list_actors(rt, NULL, 0), 1);
    CHECK(actor_register_name(rt, "middle", other));
    end();
}

/* ---- below another actor ---- */

typedef struct boss {
    mk_err_t   err;
    unsigned   exits;
    actor_id_t sup;
} boss_t;

static bool lead(runtime_t *runtime, actor_t *self, message_t *msg, void *state) {
    (void)self;
    boss_t *boss = state;
    if (msg->type == MSG_CHILD_EXIT) boss->exits++;
    else boss->err = supervisor_start_opts(runtime, &root, &boss->sup);
    return true;
}

TEST(a_supervisor_started_in_a_behaviour_is_that_actors_child) {
    boss_t boss = {0};
    begin();
    build(RESTART_PERMANENT);
    actor_id_t id = actor_spawn(rt, lead, &boss, NULL, 0);
    CHECK(actor_send(rt, id, 1, NULL, 0));
    settle();
    CHECK_EQ(boss.err, MK_OK);
    CHECK_STR(happened(), "+a +b +c");
    supervisor_stop(rt, boss.sup);
    settle();
    CHECK_EQ(boss.exits, 1);
    end();
}

TEST(a_start_that_failed_in_a_behaviour_is_not_heard_of_again) {
    boss_t boss = {0};
    begin();
    build(RESTART_PERMANENT);
    actor_id_t id = actor_spawn(rt, lead, &boss, NULL, 0);
    CHECK(actor_register_name(rt, "c", id));
    CHECK(actor_send(rt, id, 1, NULL, 0));
    settle();
    CHECK_EQ(boss.err, MK_ERR_EXISTS);
    CHECK_EQ(boss.exits, 0);
    CHECK_EQ(runtime_list_actors(rt, NULL, 0), 1);
    end();
}

/* ---- factories that bite ---- */

static void *kill_supervisor(void *arg) {
    (void)arg;
    actor_stop(rt, actor_lookup(rt, "root"));
    return mk_calloc(1, sizeof(worker_t));
}

TEST(a_factory_may_end_the_supervisor_that_calls_it) {
    begin();
    build(RESTART_PERMANENT);
    low_specs[0].factory = kill_supervisor;
    CHECK(supervisor_start_opts(rt, &root, &sup) != MK_OK);
    settle();
    CHECK_EQ(runtime_list_actors(rt, NULL, 0), 0);

    low_specs[0].factory = make_worker;
    CHECK_EQ(supervisor_start_opts(rt, &root, &sup), MK_OK);
    child_spec_t spec = worker_spec("d", RESTART_PERMANENT);
    spec.factory = kill_supervisor;
    CHECK(supervisor_add_child(rt, sup, &spec, NULL) != MK_OK);
    settle();
    CHECK_EQ(runtime_list_actors(rt, NULL, 0), 0);
    end();
}

static unsigned failing_starts;

static void *make_sometimes(void *arg) {
    if (failing_starts != 0) return failing_starts--, NULL;
    return make_worker(arg);
}

static void start_with_failing(restart_strategy_t strategy, uint32_t backoff_ms) {
    begin();
    static child_spec_t specs[3];
    specs[0] = worker_spec("a", RESTART_PERMANENT);
    specs[1] = worker_spec("b", RESTART_PERMANENT);
    specs[2] = worker_spec("c", RESTART_PERMANENT);
    specs[1].factory = make_sometimes;
    supervisor_options_t options = {.strategy = strategy,
                                    .max_restarts = 3,
                                    .window_ms = 1000,
                                    .backoff_min_ms = backoff_ms,
                                    .children = specs,
                                    .n = 3};
    failing_starts = 0;
    CHECK_EQ(supervisor_start_opts(rt, &options, &sup), MK_OK);
    happened();
    settle();
}

TEST(a_restart_that_fails_to_start_is_tried_again_and_counts) {
    const char *again[] = {"-b +b", "-b -c -a +a -a +a -a +a +b +c", "-b -c +b +c"};
    const char *in_vain[] = {"-b -c -a", "-b -c -a +a -a +a -a +a -a", "-b -c -a"};
    for (restart_strategy_t strategy = STRATEGY_ONE_FOR_ONE; strategy <= STRATEGY_REST_FOR_ONE; strategy++) {
        start_with_failing(strategy, 0);
        failing_starts = 2; /* one restart and two more attempts are three */
        tell("b", DO_FAIL);
        CHECK_STR(happened(), again[strategy]);
        CHECK(actor_is_alive(rt, sup));
        end();

        start_with_failing(strategy, 0);
        failing_starts = 3;
        tell("b", DO_FAIL);
        CHECK_STR(happened(), in_vain[strategy]);
        CHECK(!actor_is_alive(rt, sup));
        end();
    }
}

TEST(attempts_that_fail_keep_their_pauses) {
    start_with_failing(STRATEGY_ONE_FOR_ONE, 50);
    failing_starts = 2;
    tell("b", DO_FAIL);
    pass_ms(50 + 100 + 199);
    CHECK_STR(happened(), "-b");
    pass_ms(4);
    CHECK_STR(happened(), "+b");
    end();
    start_with_failing(STRATEGY_REST_FOR_ONE, 50);
    failing_starts = 1;
    tell("b", DO_FAIL);
    pass_ms(149);
    CHECK_STR(happened(), "-b -c");
    pass_ms(4);
    CHECK_STR(happened(), "+b +c");
    end();
}

/* ---- no memory ---- */

TEST(a_start_without_memory_leaves_nothing_behind) {
    for (unsigned n = 1; oom_arm(n); n++) {
        begin();
        mk_err_t err = MK_ERR_NOMEM;
        if (rt != NULL) {
            build(RESTART_PERMANENT);
            err = supervisor_start_opts(rt, &root, &sup);
        }
        bool reached = oom_disarm();
        if (rt != NULL) {
            settle();
            size_t actors = runtime_list_actors(rt, NULL, 0);
            if (err == MK_OK) CHECK_EQ(actors, 6); /* what failed could be done without */
            else CHECK_EQ(actors, 0);
            CHECK_EQ(actor_lookup(rt, "c") != ACTOR_ID_INVALID, err == MK_OK);
            end();
        }
        if (!reached) {
            CHECK_EQ(err, MK_OK);
            break;
        }
    }
}

TEST(restarts_without_memory_are_tried_again_or_escalate_but_nobody_is_left_alone) {
    for (unsigned n = 1; n < 200; n++) {
        begin();
        build(RESTART_PERMANENT);
        middle.backoff_min_ms = root.backoff_min_ms = n % 2;
        middle_specs[1].shutdown_ms = 100;
        CHECK_EQ(supervisor_start_opts(rt, &root, &sup), MK_OK);
        settle();
        CHECK(actor_send_named(rt, "c", DO_FAIL, NULL, 0));
        oom_arm(n);
        settle();
        actor_stop(rt, actor_lookup(rt, "low"));
        settle();
        pass_ms(5);
        bool reached = oom_disarm();
        pass_ms(5);
        size_t actors = runtime_list_actors(rt, NULL, 0);
        CHECK_EQ(actors, actor_is_alive(rt, sup) ? 6 : 0);
        end();
        if (!reached) break;
    }
}

TEST(a_stop_without_any_memory_still_ends_everyone) {
    start_tree(RESTART_PERMANENT);
    oom_arm_all();
    supervisor_stop(rt, sup);
    settle();
    pass_ms(2);
    oom_disarm();
    CHECK_EQ(runtime_list_actors(rt, NULL, 0), 0);
    end();
}

TEST(a_child_whose_restart_never_gets_memory_ends_its_supervisor) {
    watcher_t watcher;
    start_tree(RESTART_TEMPORARY);
    watch_end_of(&watcher, actor_lookup(rt, "low"));
    CHECK(actor_send_named(rt, "c", DO_FAIL, NULL, 0));
    oom_arm_all();
    settle();
    oom_disarm();
    CHECK_EQ(watcher.downs, 1);
    CHECK_EQ(watcher.reason, EXIT_RESTART_LIMIT);
    CHECK_STR(happened(), "-c");
    CHECK_EQ(actor_lookup(rt, "c"), ACTOR_ID_INVALID);
    end();
}

TEST(a_child_that_cannot_be_added_or_removed_for_want_of_memory_leaves_all_as_it_was) {
    for (unsigned n = 1; n < 100; n++) {
        start_tree(RESTART_PERMANENT);
        child_spec_t spec = supervisor_child_spec("low2", &low, RESTART_PERMANENT);
        low_specs[0] = worker_spec("d", RESTART_PERMANENT);
        oom_arm(n);
        mk_err_t added = supervisor_add_child(rt, sup, &spec, NULL);
        mk_err_t removed = supervisor_remove_child(rt, sup, actor_lookup(rt, "a"));
        bool     reached = oom_disarm();
        settle();
        CHECK_EQ(supervisor_count_children(rt, sup), 2u + (added == MK_OK) - (removed == MK_OK));
        CHECK_EQ(actor_lookup(rt, "d") != ACTOR_ID_INVALID, added == MK_OK);
        CHECK_EQ(actor_lookup(rt, "a") == ACTOR_ID_INVALID, removed == MK_OK);
        CHECK_EQ(runtime_list_actors(rt, NULL, 0), 6u + 2 * (added == MK_OK) - (removed == MK_OK));
        end();
        if (!reached) break;
    }
}
