/* SPDX-License-Identifier: Apache-2.0 */
/* reload_links_test.c -- who is joined to a guest does not notice that it was reloaded, nor that this was undone. */
#include "wasm/reloading.h"

typedef struct joined {
    void        *factory;
    actor_id_t   supervisor;
    monitor_id_t monitor;
} joined_t;

static void supervise_now(world_t *world, void *arg) {
    joined_t    *j = arg;
    child_spec_t spec = {.name = "it",
                         .behavior = wasm_actor_behavior,
                         .factory = wasm_actor_factory,
                         .factory_arg = j->factory,
                         .free_state = wasm_actor_free,
                         .restart_type = RESTART_PERMANENT,
                         .trap_exits = true,
                         .wake = true};
    j->supervisor = supervisor_start(world->rt, STRATEGY_ONE_FOR_ONE, 3, 5000, &spec, 1);
}

static void join_now(world_t *world, void *arg) {
    joined_t *j = arg;
    actor_trap_exits(world->rt, true);
    j->monitor = actor_monitor(world->rt, guest);
    CHECK(j->monitor != MONITOR_ID_INVALID);
    CHECK_EQ(actor_link(world->rt, guest), MK_OK);
}

/* A guest below a supervisor, with the probe linked to it and watching it. */
static joined_t begin_joined(void) {
    wasm_options_t options = {.grants = WASM_GRANT_STATE, .budget_ms = 20};
    joined_t       j = {.factory = NULL};
    size_t         size;
    uint8_t       *bytes = read_guest("versions_1", &size);
    mk_fake_disk_reset();
    world_open(&w);
    CHECK(state_persist_init(w.rt, "disk"));
    CHECK_EQ(wasm_factory_arg_create_opts(bytes, size, &options, &j.factory, w.err, sizeof w.err), MK_OK);
    free(bytes);
    world_do(&w, supervise_now, &j);
    CHECK(j.supervisor != ACTOR_ID_INVALID);
    guest = supervisor_get_child(w.rt, j.supervisor, 0);
    world_do(&w, join_now, &j);
    CHECK_STR(ask(), "1/1/-1");
    return j;
}

static void end_joined(joined_t *j) {
    world_close(&w);
    wasm_factory_arg_destroy(j->factory);
    CHECK_EQ(mk_code_count(), 0);
}

static unsigned heard_of(uint32_t type) {
    unsigned n = 0;
    for (size_t i = 0; i < w.count; i++) n += w.heard[i].type == type;
    return n;
}

static void check_unnoticed(const joined_t *j) {
    for (int i = 0; i < 10; i++) (void)runtime_wait(w.rt, 0);
    CHECK_EQ(heard_of(MSG_DOWN) + heard_of(MSG_EXIT) + heard_of(MSG_CHILD_EXIT), 0);
    CHECK_EQ(supervisor_get_child(w.rt, j->supervisor, 0), guest);
    CHECK_EQ(actor_lookup(w.rt, "it"), guest);
}

/* It ends now; each of those who are joined to it hears of it once, and the supervisor starts it again. */
static void check_end(const joined_t *j, const char *answer_of_next) {
    down_payload_t down;
    exit_payload_t sent;
    w.count = 0;
    actor_stop(w.rt, guest);
    heard_t *h = world_wait(&w, MSG_DOWN);
    CHECK(h != NULL);
    memcpy(&down, h->bytes, sizeof down);
    CHECK_EQ(down.monitor, j->monitor);
    CHECK_EQ(down.actor_id, guest);
    h = world_wait(&w, MSG_EXIT);
    CHECK(h != NULL);
    memcpy(&sent, h->bytes, sizeof sent);
    CHECK_EQ(sent.from, guest);
    for (int i = 0; i < 10; i++) (void)runtime_wait(w.rt, 0);
    CHECK_EQ(heard_of(MSG_DOWN) + heard_of(MSG_EXIT), 0);
    actor_id_t before = guest;
    guest = supervisor_get_child(w.rt, j->supervisor, 0);
    CHECK(guest != before && guest != ACTOR_ID_INVALID);
    CHECK_STR(ask(), answer_of_next);
}

static const wasm_reload_options_t quick = {.probation_messages = 2};

TEST(links_monitors_and_a_supervisor_do_not_notice_a_reload) {
    joined_t j = begin_joined();
    CHECK_EQ(reload_with("versions_2", &quick), RELOAD_OK);
    CHECK_STR(ask(), "2/1/-1");
    check_unnoticed(&j);
    CHECK_STR(ask(), "2/2/-1");
    check_unnoticed(&j);
    CHECK(!world_info(&w, guest).probation);
    check_end(&j, "2/1/-1");
    end_joined(&j);
}

TEST(nor_one_that_is_undone) {
    static const char *const bad[] = {"versions_3_traps", "versions_3_traps_at_once", "versions_3_does_not_start",
                                      "versions_3_migrates_badly"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        joined_t j = begin_joined();
        CHECK_EQ(reload(bad[i]), RELOAD_OK);
        for (int k = 0; k < 3; k++) (void)ask();
        CHECK_EQ(world_info(&w, guest).undone, 1);
        check_unnoticed(&j);
        CHECK_EQ(outcome().outcome, WASM_RELOAD_UNDONE);
        check_end(&j, "1/1/-1");
        end_joined(&j);
    }
}

TEST(nor_one_inside_of_a_wait) {
    joined_t j = begin_joined();
    CHECK(world_send(&w, guest, RECEIVE, NULL, 0));
    CHECK_EQ(reload("versions_3_traps"), RELOAD_OK);
    for (int k = 0; k < 3; k++) (void)ask();
    CHECK(world_info(&w, guest).waiting);
    check_unnoticed(&j);
    CHECK_EQ(reload_with("versions_2", &quick), RELOAD_OK);
    for (int k = 0; k < 2; k++) (void)ask();
    check_unnoticed(&j);
    check_end(&j, "2/1/-1");
    end_joined(&j);
}

TEST(an_end_on_probation_is_told_as_any_other_and_what_is_started_again_is_the_old_module) {
    joined_t j = begin_joined();
    CHECK_EQ(reload("versions_2"), RELOAD_OK);
    CHECK_STR(ask(), "2/1/-1");
    check_end(&j, "1/1/-1");
    end_joined(&j);
}

TEST(an_undone_reload_is_no_restart) { /* three of those would be too many in five seconds */
    joined_t j = begin_joined();
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(reload("versions_3_traps_at_once"), RELOAD_OK);
        (void)ask();
        w.count = 0;
        check_unnoticed(&j);
    }
    CHECK_EQ(world_info(&w, guest).undone, 10);
    end_joined(&j);
}
