/* SPDX-License-Identifier: Apache-2.0 */
/* supervised_test.c -- guests as children of supervisors. */
#include "wasm/code.h"
#include "wasm/world.h"

static world_t w;

typedef struct setup {
    void      *arg;
    int        max_restarts;
    actor_id_t sup;
} setup_t;

static void start_now(world_t *world, void *arg) {
    setup_t     *s = arg;
    child_spec_t spec = {.name = "guest",
                         .behavior = wasm_actor_behavior,
                         .factory = wasm_actor_factory,
                         .factory_arg = s->arg,
                         .free_state = wasm_actor_free,
                         .restart_type = RESTART_PERMANENT,
                         .trap_exits = true};
    s->sup = supervisor_start(world->rt, STRATEGY_ONE_FOR_ONE, s->max_restarts, 5000, &spec, 1);
}

static setup_t supervise(const char *name, const wasm_options_t *options, int max_restarts) {
    size_t   size;
    uint8_t *bytes = read_guest(name, &size);
    setup_t  s = {.max_restarts = max_restarts};
    CHECK_EQ(wasm_factory_arg_create_opts(bytes, size, options, &s.arg, w.err, sizeof w.err), MK_OK);
    free(bytes);
    world_do(&w, start_now, &s);
    CHECK(s.sup != ACTOR_ID_INVALID);
    return s;
}

TEST(a_trapped_guest_is_started_again_with_its_name) {
    world_open(&w);
    setup_t s = supervise("traps", NULL, 3);
    for (int i = 0; i < 3; i++) {
        actor_id_t guest = supervisor_get_child(w.rt, s.sup, 0);
        CHECK(guest != ACTOR_ID_INVALID);
        CHECK_EQ(actor_lookup(w.rt, "guest"), guest);
        world_send(&w, guest, 10, NULL, 0);
        actor_id_t again = supervisor_get_child(w.rt, s.sup, 0);
        CHECK(again != guest && again != ACTOR_ID_INVALID);
        world_send(&w, again, PING, NULL, 0);
        CHECK(world_wait(&w, PONG) != NULL);
    }
    CHECK_EQ(mk_code_count(), 1);
    world_send(&w, supervisor_get_child(w.rt, s.sup, 0), 10, NULL, 0);
    heard_t *h = world_end(&w);
    CHECK_EQ(h->source, s.sup);
    CHECK_EQ(h->reason, EXIT_RESTART_LIMIT);
    world_close(&w);
    wasm_factory_arg_destroy(s.arg);
}

TEST(a_supervisors_shutdown_reaches_a_guest_that_waits_and_kills_a_deaf_one) {
    static const char *const names[] = {"forever", "deaf"};
    for (int i = 0; i < 2; i++) {
        world_open(&w);
        setup_t    s = supervise(names[i], NULL, 3);
        actor_id_t guest = supervisor_get_child(w.rt, s.sup, 0);
        world_send(&w, guest, GO, NULL, 0);
        CHECK(world_info(&w, guest).waiting);
        supervisor_stop(w.rt, s.sup);
        heard_t *h = world_end(&w);
        CHECK_EQ(h->source, s.sup);
        CHECK_EQ(h->reason, EXIT_SHUTDOWN);
        CHECK(!actor_is_alive(w.rt, guest));
        world_close(&w);
        wasm_factory_arg_destroy(s.arg);
    }
}

TEST(an_instance_that_cannot_be_made_is_an_end_with_a_reason) {
    wasm_options_t options = {.memory_pages_max = 1};
    world_open(&w);
    setup_t s = supervise("hoard_fixed", &options, 0); /* wants two */
    world_send(&w, supervisor_get_child(w.rt, s.sup, 0), PING, NULL, 0);
    CHECK_EQ(world_end(&w)->reason, EXIT_RESTART_LIMIT);
    world_close(&w);
    wasm_factory_arg_destroy(s.arg);
}

TEST(a_module_that_is_no_guest_makes_no_factory) {
    CHECK(wasm_factory_arg_create("\0asm", 4, 0, 0, FIBER_STACK_SMALL) == NULL); /* nor does anything before init */
    world_open(&w);
    CHECK(wasm_factory_arg_create("\0asm", 4, 0, 0, FIBER_STACK_SMALL) == NULL);
    wasm_factory_arg_destroy(NULL);
    world_close(&w);
}

typedef struct replacing {
    actor_id_t guest;
    uint32_t   probation_messages;
} replacing_t;

static void replace_now(world_t *world, void *arg) {
    const replacing_t    *r = arg;
    wasm_reload_options_t options = {.probation_messages = r->probation_messages};
    size_t                size;
    uint8_t              *bytes = read_guest("versions_2", &size);
    CHECK_EQ(actor_reload_wasm_opts(world->rt, r->guest, bytes, size, &options, NULL, 0), RELOAD_OK);
    free(bytes);
}

static uint32_t version_of(actor_id_t guest) {
    enum { ASK = 10 };
    CHECK(world_send(&w, guest, ASK, NULL, 0));
    heard_t *h = world_wait(&w, RESULT);
    CHECK(h != NULL);
    return heard_u32(h, 0);
}

TEST(what_is_started_again_is_the_new_module_once_its_probation_is_over) {
    wasm_options_t options = {.grants = WASM_GRANT_STATE};
    world_open(&w);
    setup_t     s = supervise("versions_1", &options, 5);
    replacing_t r = {supervisor_get_child(w.rt, s.sup, 0), 5};
    world_do(&w, replace_now, &r);
    CHECK_EQ(version_of(r.guest), 2);
    actor_stop(w.rt, r.guest); /* on probation: the one that is known to be good */
    for (int i = 0; i < 5; i++) (void)runtime_wait(w.rt, 0);
    r = (replacing_t){supervisor_get_child(w.rt, s.sup, 0), 1};
    CHECK_EQ(version_of(r.guest), 1);
    world_do(&w, replace_now, &r);
    CHECK_EQ(version_of(r.guest), 2);
    actor_stop(w.rt, r.guest);
    for (int i = 0; i < 5; i++) (void)runtime_wait(w.rt, 0);
    CHECK_EQ(version_of(supervisor_get_child(w.rt, s.sup, 0)), 2);
    world_close(&w);
    wasm_factory_arg_destroy(s.arg);
    CHECK_EQ(mk_code_count(), 0);
}
