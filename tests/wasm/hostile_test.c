/* SPDX-License-Identifier: Apache-2.0 */
/* hostile_test.c -- guests that mean harm. Each may end itself; the node and everybody else in it go on. Real time,
 * because budgets are. */
#include "port/port.h"
#include "wasm/world.h"

static world_t w;

/* An actor that counts its turns as fast as it gets them. */
static uint64_t turns;

static bool busy(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    turns++;
    return actor_send(rt, actor_self(rt), msg->type, NULL, 0);
}

static void start_busy(void) {
    actor_id_t id = actor_spawn(w.rt, busy, NULL, NULL, 4);
    turns = 0;
    CHECK(actor_send(w.rt, id, 1, NULL, 0));
}

/* In milliseconds, from now to the end of the guest, which is kept in *end. */
static uint64_t time_to_end(heard_t *end) {
    uint64_t began_us = mk_port_now_us();
    *end = *world_end(&w);
    return (mk_port_now_us() - began_us) / 1000;
}

/* Sanitizers and a busy machine make all slower, the watchdog's thread above all. */
enum { SLACK_MS = 150 };

/* Budgets are in processor time, so what other programs take of the machine is nobody's fault here. */
static uint64_t used_ms(void) {
    mk_cpu_clock_t clock;
    CHECK_EQ(mk_port_cpu_clock(&clock), MK_OK);
    return mk_port_cpu_us(clock) / 1000;
}

static void check_out_of_budget(const char *name, uint32_t type, uint32_t budget_ms, const char *where) {
    wasm_options_t options = {.budget_ms = budget_ms};
    heard_t        end;
    char           text[128];
    world_open(&w);
    actor_id_t bystander = world_spawn(&w, "forever", NULL);
    uint64_t   began_ms = used_ms();
    actor_id_t guest = world_spawn(&w, name, &options);
    if (type != 0) actor_send(w.rt, guest, type, NULL, 0);
    time_to_end(&end);
    uint64_t took_ms = used_ms() - began_ms;
    CHECK_EQ(end.reason, EXIT_OUT_OF_BUDGET);
    snprintf(text, sizeof text, "%s ran for more than %u ms", where, budget_ms);
    CHECK_STR(end.text, text);
    CHECK(took_ms >= budget_ms);
    CHECK(took_ms <= 2 * budget_ms + SLACK_MS);
    CHECK(world_send(&w, bystander, PING, NULL, 0));
    CHECK(world_wait(&w, PONG) != NULL);
    world_close(&w);
}

TEST(an_endless_loop_ends_within_twice_its_budget) {
    check_out_of_budget("loop", GO, 100, "handle_message");
    check_out_of_budget("loop", GO, 20, "handle_message");
}

TEST(an_endless_loop_around_imports_ends_too) { check_out_of_budget("loop", 10, 50, "handle_message"); }

TEST(a_start_function_that_loops_ends_too) {
    check_out_of_budget("loop_start", 0, 60, "the start function");
    check_out_of_budget("loop_initialize", 0, 60, "_initialize");
}

TEST(an_allocator_that_loops_ends_too) {
    wasm_options_t options = {.budget_ms = 40};
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "liar", &options);
    world_send(&w, guest, 16, NULL, 0);
    world_send(&w, guest, PING, "x", 1);
    heard_t *h = world_end(&w);
    CHECK_EQ(h->reason, EXIT_OUT_OF_BUDGET);
    CHECK_STR(h->text, "mk_alloc ran for more than 40 ms");
    world_close(&w);
}

TEST(without_a_budget_a_loop_goes_on_in_slices_and_hurts_nobody) {
    if (!world_engine()->continues) return;
    wasm_options_t none = {.budget_ms = WASM_BUDGET_NONE};
    world_open(&w);
    actor_id_t guest[2] = {world_spawn(&w, "loop", NULL), world_spawn(&w, "loop", &none)};
    actor_id_t bystander = world_spawn(&w, "forever", NULL);
    for (int i = 0; i < 2; i++) CHECK(actor_send(w.rt, guest[i], GO, NULL, 0));
    uint64_t began_ms = used_ms();
    while (used_ms() - began_ms < 300) runtime_wait(w.rt, 1);
    for (int i = 0; i < 2; i++) {
        wasm_actor_info_t info = world_info(&w, guest[i]);
        CHECK(info.computing);
        CHECK(info.preempted > 30 &&
              info.preempted < 30000); /* 1500, if a slice were what it should be to the letter */
    }
    CHECK(world_send(&w, bystander, PING, NULL, 0));
    CHECK(world_wait(&w, PONG) != NULL);
    world_close(&w);
}

TEST(a_guest_that_is_only_busy_finishes) {
    wasm_options_t options = {.budget_ms = 5000};
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "loop", &options);
    world_send_u32(&w, guest, 15, 1000000);
    CHECK_EQ(world_result(&w, 0), 0);
    world_close(&w);
}

TEST(a_budget_is_for_one_turn_and_not_used_up_by_many) {
    wasm_options_t options = {.budget_ms = 100};
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "loop", &options);
    uint64_t   began_us = mk_port_now_us();
    while (mk_port_now_us() - began_us < 400000) {
        world_send_u32(&w, guest, 15, 10000);
        CHECK_EQ(world_result(&w, 0), 0);
    }
    CHECK(actor_is_alive(w.rt, guest));
    world_close(&w);
}

TEST(calls_that_end_when_their_budget_does_never_hurt_the_next_call) {
    /* About as long as the budget, over and over: whoever wins, the next guest starts afresh. */
    wasm_options_t options = {.budget_ms = 1};
    world_open(&w);
    unsigned ended = 0, answered = 0;
    for (unsigned i = 0; i < 300; i++) {
        actor_id_t guest = world_spawn(&w, "loop", &options);
        world_send_u32(&w, guest, 15, 10000 + i * 400);
        while (w.count == 0) runtime_wait(w.rt, 1);
        if (w.heard[0].type == RESULT) {
            answered++;
            actor_stop(w.rt, guest);
        }
        heard_t *h = world_end(&w);
        if (h->reason == EXIT_OUT_OF_BUDGET) ended++;
        else CHECK_EQ(h->reason, EXIT_KILLED);
        w.count = 0;
    }
    CHECK_EQ(ended + answered >= 300, true);
    world_close(&w);
}

TEST(a_guest_that_sleeps_for_nothing_lets_the_others_run) {
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "loop", NULL);
    world_send(&w, guest, 11, NULL, 0);
    start_busy();
    for (int i = 0; i < 2000; i++) runtime_step(w.rt);
    CHECK(turns > 500);
    CHECK(actor_is_alive(w.rt, guest));
    world_close(&w);
}

TEST(a_guest_busy_with_its_own_messages_lets_the_others_run) {
    /* What it may use is not the question here, and under the thread sanitizer a turn takes many times its time. */
    wasm_options_t options = {.budget_ms = 10000};
    for (uint32_t type = 13; type <= 14; type++) {
        world_open(&w);
        actor_id_t guest = world_spawn(&w, "flood", &options);
        start_busy();
        world_send(&w, guest, type, NULL, 0);
        uint64_t before = turns;
        for (int i = 0; i < 2000; i++) runtime_step(w.rt);
        CHECK(turns - before > 100);
        CHECK(actor_is_alive(w.rt, guest));
        world_close(&w);
    }
}

TEST(recursion_without_end_traps_and_leaves_the_host_alone) {
    static const char *const names[] = {"recurse", "recurse_calls", "locals_huge"};
    for (size_t i = 0; i < 3; i++) {
        for (int fiber = FIBER_STACK_NONE; fiber <= FIBER_STACK_TINY; fiber++) {
            wasm_options_t options = {.fiber = (fiber_stack_class_t)fiber, .stack_size = i == 1 ? 1024 * 1024 : 0};
            actor_id_t     guest;
            world_open(&w);
            if (world_try_spawn(&w, names[i], &options, &guest) == MK_OK) {
                world_send(&w, guest, GO, NULL, 0);
                CHECK_EQ(world_end(&w)->reason, EXIT_TRAPPED);
            }
            world_close(&w);
        }
    }
}

TEST(memory_grows_to_its_limit_and_not_further) {
    wasm_options_t options = {.memory_pages_max = 40, .budget_ms = 5000};
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "grow", &options);
    world_send(&w, guest, GO, NULL, 0);
    CHECK_EQ(world_result(&w, 0), 41); /* its own 40, and the host's region behind the first ones */
    CHECK_EQ(world_info(&w, guest).memory_bytes, 41 * 65536);
    guest = world_spawn(&w, "grow_max", &options);
    world_send(&w, guest, GO, NULL, 0);
    heard_t *h = world_wait(&w, RESULT);
    CHECK_EQ(heard_u32(h, 0), 17);
    CHECK_EQ(heard_u32(h, 1), 0);
    world_close(&w);
}

TEST(a_guest_that_asks_for_too_much_at_once_is_refused_or_harmless) {
    actor_id_t guest;
    world_open(&w);
    CHECK_EQ(world_try_spawn(&w, "memory_huge", NULL, &guest), MK_ERR_LIMIT);
    CHECK(strstr(w.err, "pages") != NULL);
    if (world_try_spawn(&w, "table_huge", NULL, &guest) == MK_OK) world_send(&w, guest, GO, NULL, 0);
    guest = world_spawn(&w, "last_page", NULL);
    world_send(&w, guest, PING, "12", 2);
    CHECK_EQ(heard_u32(world_wait(&w, PONG), 0), 2);
    world_close(&w);
}

TEST(a_full_mailbox_refuses_and_the_sender_is_told) {
    wasm_options_t small = {.mailbox_size = 10, .budget_ms = 100};
    world_open(&w);
    actor_id_t sink = world_spawn(&w, "forever", &small);
    actor_id_t guest = world_spawn(&w, "flood", &small);
    world_send_u64(&w, guest, 10, sink);
    CHECK_EQ(world_result(&w, 0), 10);
    CHECK_EQ(world_info(&w, guest).refused, 1);
    world_send(&w, guest, 15, NULL, 0);
    CHECK_EQ(world_result(&w, 0), 10);
    world_send_u64(&w, guest, 11, sink); /* for ever */
    CHECK_EQ(world_end(&w)->reason, EXIT_OUT_OF_BUDGET);
    CHECK(world_send(&w, sink, PING, NULL, 0));
    CHECK(world_wait(&w, PONG) != NULL);
    world_close(&w);
}

TEST(addresses_outside_of_memory_are_errors_to_the_guest) {
    wasm_options_t options = {.grants = WASM_GRANTS_ALL, .budget_ms = 5000};
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "pointers", &options);
    world_send(&w, guest, GO, NULL, 0);
    CHECK_EQ(world_result(&w, 0), 0);
    CHECK(world_info(&w, guest).bad_arguments > 50);
    world_close(&w);
}

TEST(actors_that_are_gone_get_nothing_and_nobody_minds) {
    wasm_options_t options = {.grants = WASM_GRANTS_ALL};
    world_open(&w);
    actor_id_t gone = world_spawn(&w, "forever", NULL);
    world_send(&w, gone, STOP, NULL, 0);
    CHECK_EQ(world_end(&w)->source, gone);
    actor_id_t guest = world_spawn(&w, "dead", &options);
    world_send_u64(&w, guest, GO, gone);
    CHECK_EQ(world_result(&w, 0), 0);
    CHECK(actor_is_alive(w.rt, guest));
    world_close(&w);
}

TEST(spawning_ends_where_a_limit_does) {
    size_t         size;
    uint8_t       *bytes = read_guest("returns", &size);
    wasm_options_t options = {.grants = WASM_GRANTS_ALL, .children_max = 20, .budget_ms = 5000};
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "spawner", &options);
    world_send(&w, guest, 10, bytes, size);
    CHECK_EQ(world_result(&w, 0), 20);
    CHECK_EQ(world_info(&w, guest).children, 20);
    world_send(&w, guest, 11, bytes, size);
    heard_t *h = world_wait(&w, 14);
    CHECK_EQ(heard_u64(h, 0), 0);
    CHECK(strstr((char *)h->bytes + 12, "20 children") != NULL);
    actor_stop(w.rt, guest);
    CHECK_EQ(world_end(&w)->reason, EXIT_KILLED);
    world_close(&w);

    /* And where the node's own limit is. */
    memset(&w, 0, sizeof w);
    CHECK(world_init());
    w.rt = runtime_init(1, 8);
    w.probe = actor_spawn(w.rt, world_probe, &w, NULL, 64);
    guest = world_spawn(&w, "spawner", &options);
    world_send(&w, guest, 10, bytes, size);
    CHECK_EQ(world_result(&w, 0), 6);
    world_close(&w);
    free(bytes);
}

TEST(an_allocator_that_lies_loses_its_message_and_nothing_else) {
    world_open(&w);
    for (uint32_t lie = 11; lie <= 14; lie++) {
        actor_id_t guest = world_spawn(&w, "liar", NULL);
        world_send(&w, guest, lie, NULL, 0);
        world_send(&w, guest, PING, "payload", 7);
        world_send(&w, guest, 10, NULL, 0);
        CHECK_EQ(world_info(&w, guest).dropped, 1);
        world_send(&w, guest, PING, "payload", 7);
        CHECK_EQ(world_wait(&w, PONG)->size, 7);
    }
    for (uint32_t way = 17; way <= 19; way++) {
        actor_id_t guest = world_spawn(&w, "liar", NULL);
        world_send(&w, guest, way, NULL, 0);
        world_send(&w, guest, PING, "payload", 7);
        heard_t *h = world_wait(&w, PONG);
        CHECK(h != NULL && h->size == 7 && memcmp(h->bytes, "payload", 7) == 0);
    }
    actor_id_t guest = world_spawn(&w, "liar", NULL);
    world_send(&w, guest, 15, NULL, 0);
    world_send(&w, guest, PING, "x", 1);
    check_text(world_end(&w), "unreachable", ", in mk_alloc");
    guest = world_spawn(&w, "liar", NULL);
    world_send(&w, guest, 20, NULL, 0);
    world_send(&w, guest, PING, "x", 1);
    check_text(world_end(&w), "unreachable", ", in mk_free");
    world_close(&w);
}

TEST(loading_for_a_guest_is_not_charged_to_it) {
    size_t         size;
    uint8_t       *bytes = read_guest("go_runtime", &size);
    wasm_options_t options = {.grants = WASM_GRANTS_ALL, .budget_ms = 10, .memory_pages_max = 200};
    world_open(&w);
    /* A path, because no small guest has room for this module; it takes several budgets to load. */
    char path[512];
    snprintf(path, sizeof path, "%s", guest_path("go_runtime"));
    actor_id_t guest = world_spawn(&w, "spawner", &options);
    world_send(&w, guest, 12, path, strlen(path));
    heard_t *h = world_wait(&w, 14);
    CHECK(h != NULL && heard_u64(h, 0) != ACTOR_ID_INVALID);
    CHECK_EQ(heard_u32(h, 2), size);
    CHECK(actor_is_alive(w.rt, guest));
    world_close(&w);
    free(bytes);
}

/* Takes its messages in a loop of its own and is busy for 20 ms with each:
 *   (module
 *     (import "env" "mk_recv" (func $recv (param i32 i32 i32 i32) (result i32)))
 *     (import "env" "mk_time_ms" (func $now (result i64)))
 *     (import "env" "mk_send_u32" (func $send (param i64 i32 i32) (result i32)))
 *     (memory (export "memory") 1)
 *     (func (export "mk_alloc") (param i32) (result i32) (i32.const 1024))
 *     (func (export "handle_message") (param i32) (param $to i64) (param i32 i32) (result i32)
 *       (local $until i64)
 *       (loop $next
 *         (drop (call $recv (i32.const 16) (i32.const 64) (i32.const 64) (i32.const 32)))
 *         (local.set $until (i64.add (call $now) (i64.const 20)))
 *         (loop $busy (br_if $busy (i64.lt_u (call $now) (local.get $until))))
 *         (drop (call $send (local.get $to) (i32.const 4) (i32.const 0)))
 *         (br $next))
 *       (i32.const 1)))
 */
static const uint8_t slow_receiver[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x21, 0x05, 0x60, 0x04, 0x7f, 0x7f, 0x7f, 0x7f, 0x01, 0x7f,
    0x60, 0x00, 0x01, 0x7e, 0x60, 0x03, 0x7e, 0x7f, 0x7f, 0x01, 0x7f, 0x60, 0x01, 0x7f, 0x01, 0x7f, 0x60, 0x04, 0x7f,
    0x7e, 0x7f, 0x7f, 0x01, 0x7f, 0x02, 0x32, 0x03, 0x03, 0x65, 0x6e, 0x76, 0x07, 0x6d, 0x6b, 0x5f, 0x72, 0x65, 0x63,
    0x76, 0x00, 0x00, 0x03, 0x65, 0x6e, 0x76, 0x0a, 0x6d, 0x6b, 0x5f, 0x74, 0x69, 0x6d, 0x65, 0x5f, 0x6d, 0x73, 0x00,
    0x01, 0x03, 0x65, 0x6e, 0x76, 0x0b, 0x6d, 0x6b, 0x5f, 0x73, 0x65, 0x6e, 0x64, 0x5f, 0x75, 0x33, 0x32, 0x00, 0x02,
    0x03, 0x03, 0x02, 0x03, 0x04, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x26, 0x03, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72,
    0x79, 0x02, 0x00, 0x08, 0x6d, 0x6b, 0x5f, 0x61, 0x6c, 0x6c, 0x6f, 0x63, 0x00, 0x03, 0x0e, 0x68, 0x61, 0x6e, 0x64,
    0x6c, 0x65, 0x5f, 0x6d, 0x65, 0x73, 0x73, 0x61, 0x67, 0x65, 0x00, 0x04, 0x0a, 0x3a, 0x02, 0x05, 0x00, 0x41, 0x80,
    0x08, 0x0b, 0x32, 0x01, 0x01, 0x7e, 0x03, 0x40, 0x41, 0x10, 0x41, 0xc0, 0x00, 0x41, 0xc0, 0x00, 0x41, 0x20, 0x10,
    0x00, 0x1a, 0x10, 0x01, 0x42, 0x14, 0x7c, 0x21, 0x04, 0x03, 0x40, 0x10, 0x01, 0x20, 0x04, 0x54, 0x0d, 0x00, 0x0b,
    0x20, 0x01, 0x41, 0x04, 0x41, 0x00, 0x10, 0x02, 0x1a, 0x0c, 0x00, 0x0b, 0x41, 0x01, 0x0b,
};

TEST(a_guest_that_is_slow_with_each_message_it_waits_for_lets_the_others_run) {
    enum { MESSAGES = 6 };
    world_spawn_t s = {.bytes = slow_receiver, .size = sizeof slow_receiver};
    world_open(&w);
    world_do(&w, world_spawn_now, &s);
    CHECK_EQ(s.result, MK_OK);
    world_send(&w, s.id, GO, NULL, 0);
    start_busy();
    for (int i = 0; i < MESSAGES; i++) CHECK(actor_send(w.rt, s.id, PING, NULL, 0));
    uint64_t before = turns;
    for (size_t heard = 0; heard < MESSAGES;) {
        runtime_step(w.rt);
        if (w.count == heard) continue;
        CHECK_EQ(w.count, heard + 1);
        CHECK(turns > before); /* between any two of them */
        before = turns;
        heard = w.count;
    }
    world_close(&w);
}
