/* SPDX-License-Identifier: Apache-2.0 */
/* guest_test.c -- a guest's life with nothing going wrong, and the plain ways to go wrong. Virtual time. */
#include "wasm/world.h"

static world_t w;

static const wasm_options_t loaded = {.grants = WASM_GRANTS_LOADED};

TEST(a_guest_answers_with_the_payload_it_was_sent) {
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "forever", NULL);
    CHECK(world_send(&w, guest, PING, "hello", 5));
    heard_t *h = world_wait(&w, PONG);
    CHECK(h != NULL);
    CHECK_EQ(h->source, guest);
    CHECK_EQ(h->size, 5);
    CHECK(memcmp(h->bytes, "hello", 5) == 0);
    world_close(&w);
}

TEST(message_type_zero_ends_a_guest_normally) {
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "forever", NULL);
    world_send(&w, guest, STOP, NULL, 0);
    heard_t *h = world_end(&w);
    CHECK_EQ(h->source, guest);
    CHECK_EQ(h->reason, EXIT_NORMAL);
    world_close(&w);
}

TEST(an_exit_signal_reaches_a_guest_as_type_zero_even_while_it_waits) {
    for (int waiting = 0; waiting < 2; waiting++) {
        world_open(&w);
        actor_id_t guest = world_spawn(&w, "forever", NULL);
        if (waiting) {
            world_send(&w, guest, GO, NULL, 0);
            CHECK(world_info(&w, guest).waiting);
        }
        actor_exit(w.rt, guest, EXIT_SHUTDOWN);
        CHECK_EQ(world_end(&w)->reason, EXIT_NORMAL);
        world_close(&w);
    }
}

TEST(a_guest_that_does_not_listen_can_be_killed) {
    for (int waiting = 0; waiting < 2; waiting++) {
        world_open(&w);
        actor_id_t guest = world_spawn(&w, "deaf", NULL);
        if (waiting) world_send(&w, guest, GO, NULL, 0);
        world_send(&w, guest, STOP, NULL, 0);
        world_send(&w, guest, PING, NULL, 0);
        CHECK(world_wait(&w, PONG) != NULL);
        actor_stop(w.rt, guest);
        CHECK_EQ(world_end(&w)->reason, EXIT_KILLED);
        world_close(&w);
    }
}

TEST(what_handle_message_returns_decides_whether_the_guest_stays) {
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "returns", NULL);
    world_send(&w, guest, 1, NULL, 0);
    world_send(&w, guest, 0x7fffffff, NULL, 0);
    CHECK(actor_is_alive(w.rt, guest));
    world_send(&w, guest, 0, NULL, 0);
    CHECK_EQ(world_end(&w)->reason, EXIT_NORMAL);
    world_close(&w);
}

TEST(a_trap_ends_the_guest_with_the_engines_text) {
    static const char *const texts[] = {"unreachable",
                                        "integer divide by zero",
                                        "integer overflow",
                                        "out of bounds memory access",
                                        "out of bounds memory access",
                                        "integer overflow",
                                        "uninitialized element",
                                        "indirect call type mismatch",
                                        "undefined element",
                                        "out of bounds memory access"};
    for (uint32_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        world_open(&w);
        actor_id_t guest = world_spawn(&w, "traps", NULL);
        world_send(&w, guest, PING, NULL, 0);
        CHECK(world_wait(&w, PONG) != NULL);
        world_send(&w, guest, 10 + i, NULL, 0);
        heard_t *h = world_end(&w);
        CHECK_EQ(h->reason, EXIT_TRAPPED);
        check_text(h, texts[i], "");
        world_close(&w);
    }
}

TEST(a_trap_in_a_start_function_names_it) {
    world_open(&w);
    world_spawn(&w, "trap_start", NULL);
    heard_t *h = world_end(&w);
    CHECK_EQ(h->reason, EXIT_TRAPPED);
    check_text(h, "unreachable", ", in the start function");
    world_spawn(&w, "trap_initialize", NULL);
    h = world_end(&w);
    CHECK_EQ(h->reason, EXIT_TRAPPED);
    check_text(h, "unreachable", ", in _initialize");
    world_close(&w);
}

TEST(a_start_function_may_wait_and_messages_wait_for_it) {
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "sleep_start", NULL);
    CHECK(world_info(&w, guest).waiting);
    world_send(&w, guest, PING, NULL, 0);
    heard_t *h = world_wait(&w, PONG);
    CHECK(h != NULL);
    CHECK_EQ(heard_u32(h, 0), 7);
    guest = world_spawn(&w, "sleep_initialize", NULL);
    world_send(&w, guest, PING, "x", 1);
    CHECK(world_wait(&w, PONG) != NULL);
    world_close(&w);
}

TEST(waits_of_every_kind_work_at_any_depth_and_the_payload_outlives_them) {
    for (uint32_t depth = 0; depth < 40; depth += 13) {
        world_open(&w);
        actor_id_t guest = world_spawn(&w, "nested", NULL);
        world_send_u32(&w, guest, GO, depth);
        for (uint32_t i = 1; i <= 3; i++) world_send_u32(&w, guest, 50 + i, i * 100);
        CHECK_EQ(world_result(&w, 0), depth + 600);
        world_send(&w, guest, PING, NULL, 0);
        CHECK(world_wait(&w, PONG) != NULL);
        world_close(&w);
    }
}

TEST(without_a_fiber_blocking_imports_fail_and_the_rest_works) {
    wasm_options_t options = {.fiber = FIBER_STACK_NONE};
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "nested", &options);
    world_send_u32(&w, guest, GO, 3);
    CHECK_EQ(world_result(&w, 0), UINT32_MAX);
    CHECK(!world_info(&w, guest).waiting);
    world_send(&w, guest, PING, "abc", 3);
    CHECK(world_wait(&w, PONG) != NULL);
    guest = world_spawn(&w, "sleep_start", &options);
    world_send(&w, guest, PING, NULL, 0);
    CHECK_EQ(heard_u32(world_wait(&w, PONG), 0), 6);
    world_close(&w);
}

TEST(every_fiber_class_is_large_enough_for_every_engine_call) {
    static const fiber_stack_class_t classes[] = {FIBER_STACK_TINY, FIBER_STACK_SMALL, FIBER_STACK_MEDIUM,
                                                  FIBER_STACK_LARGE};
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        wasm_options_t options = {.fiber = classes[i], .grants = WASM_GRANTS_ALL};
        world_open(&w);
        actor_id_t guest = world_spawn(&w, "nested", &options);
        world_send_u32(&w, guest, GO, 20);
        for (uint32_t n = 1; n <= 3; n++) world_send_u32(&w, guest, 50 + n, n);
        CHECK_EQ(world_result(&w, 0), 26);
        guest = world_spawn(&w, "recurse_calls", &options);
        world_send(&w, guest, GO, NULL, 0);
        CHECK_EQ(world_end(&w)->reason, EXIT_TRAPPED);
        guest = world_spawn(&w, "grow", &options);
        world_send(&w, guest, GO, NULL, 0);
        CHECK_EQ(world_result(&w, 1), 0);
        world_close(&w);
    }
}

TEST(polling_an_empty_mailbox_times_out_and_a_full_one_does_not) {
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "loop", NULL);
    world_send(&w, guest, 14, NULL, 0);
    for (int i = 0; i < 100; i++) runtime_step(w.rt);
    CHECK(actor_is_alive(w.rt, guest));
    CHECK(actor_send(w.rt, guest, STOP, NULL, 0));
    CHECK_EQ(world_end(&w)->reason, EXIT_NORMAL);
    world_close(&w);
}

TEST(a_module_is_told_its_c_library_exit_as_reason) {
    wasm_options_t options = loaded;
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "wasi", &options);
    world_send_u32(&w, guest, 12, 0);
    CHECK_EQ(world_end(&w)->reason, EXIT_NORMAL);
    guest = world_spawn(&w, "wasi", &options);
    world_send_u32(&w, guest, 12, 3);
    heard_t *h = world_end(&w);
    CHECK_EQ(h->reason, EXIT_FAILED);
    CHECK_STR(h->text, "exit(3)");
    guest = world_spawn(&w, "wasi_malloc", &options);
    world_send(&w, guest, 13, NULL, 0);
    CHECK_EQ(world_end(&w)->reason, EXIT_TRAPPED);
    world_close(&w);
}

static char   printed[256];
static size_t printed_bytes;

static void keep_print(void *arg, const char *text, size_t size) {
    (void)arg;
    if (size > sizeof printed - 1 - printed_bytes) size = sizeof printed - 1 - printed_bytes;
    memcpy(printed + printed_bytes, text, size);
    printed_bytes += size;
    printed[printed_bytes] = '\0';
}

TEST(what_a_guest_prints_goes_to_its_console_or_to_the_function_given) {
    wasm_options_t options = loaded;
    options.print = keep_print;
    printed_bytes = 0;
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "wasi", &options);
    world_send(&w, guest, 10, "to the function", 15);
    CHECK_STR(printed, "to the function\n");
    options.console = w.probe;
    guest = world_spawn(&w, "wasi_malloc", &options);
    world_send(&w, guest, 10, "to the console", 14);
    heard_t *h = world_wait(&w, MK_MSG_SYSTEM_BASE + 0x103u);
    CHECK(h != NULL && h->size >= 14 && memcmp(h->bytes, "to the console", 14) == 0);
    world_close(&w);
}

TEST(the_go_runtime_works_with_the_few_wasi_calls_there_are) {
    wasm_options_t options = loaded;
    options.print = keep_print;
    printed_bytes = 0;
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "go_runtime", &options);
    world_send(&w, guest, 10, "line", 4);
    CHECK_STR(printed, "line\n");
    world_send(&w, guest, 12, NULL, 0);
    CHECK(world_result(&w, 0) >= 20);
    world_send(&w, guest, 13, NULL, 0);
    CHECK_EQ(world_result(&w, 0), 499500);
    world_send(&w, guest, 19, NULL, 0);
    CHECK_EQ(world_result(&w, 0), 0);
    world_send(&w, guest, 17, NULL, 0);
    heard_t *h = world_end(&w);
    CHECK_EQ(h->reason, EXIT_FAILED);
    CHECK_STR(h->text, "exit(3)");
    guest = world_spawn(&w, "go_runtime", &options);
    world_send(&w, guest, 16, NULL, 0);
    CHECK(world_end(&w)->reason != EXIT_NORMAL);
    world_close(&w);
}

static void fill(uint8_t *payload, size_t size) {
    for (size_t i = 0; i < size; i++) payload[i] = (uint8_t)(i * 7 + size);
}

static void check_hoarder(const char *name, size_t pages) {
    wasm_options_t options = {.grants = WASM_GRANTS_LOADED, .budget_ms = 10000};
    uint8_t        payload[200];
    world_open(&w);
    actor_id_t guest = world_spawn(&w, name, &options);
    fill(payload, 100);
    world_send(&w, guest, GO, payload, 100);
    heard_t *h = world_wait(&w, RESULT);
    CHECK(h != NULL);
    CHECK(heard_u32(h, 0) > (pages - 2) * 65536);
    CHECK_EQ(heard_u32(h, 1), 0);
    for (size_t size = 1; size <= sizeof payload; size += 33) {
        fill(payload, size);
        world_send(&w, guest, 10, payload, size);
        CHECK_EQ(world_result(&w, 0), 0);
        world_send(&w, guest, 11, payload, size);
        world_send(&w, guest, 10, payload, size);
        CHECK_EQ(world_result(&w, 0), 0);
    }
    world_send(&w, guest, 12, NULL, 0);
    CHECK(world_result(&w, 0) > 0);
    world_close(&w);
}

TEST(a_guest_that_fills_all_its_memory_never_sees_it_or_a_payload_change) {
    check_hoarder("hoard", 16);
    check_hoarder("hoard_fixed", 2);
    check_hoarder("hoard_malloc", 16);
}

TEST(payloads_reach_a_guest_whose_only_page_is_full) {
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "onepage_bare", NULL);
    world_send(&w, guest, 77, "\x01\x02\x03", 3);
    CHECK_EQ(world_result(&w, 0), 0);
    CHECK_EQ(world_result(&w, 0), 6);
    guest = world_spawn(&w, "onepage", NULL);
    world_send(&w, guest, GO, NULL, 0);
    CHECK_EQ(world_result(&w, 0), UINT32_MAX);
    world_close(&w);
}

TEST(a_message_with_no_room_for_it_is_dropped_and_counted) {
    static uint8_t payload[70000];
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "forever", NULL);
    world_send(&w, guest, PING, payload, sizeof payload);
    world_send(&w, guest, PING, payload, 65536);
    heard_t *h = world_wait(&w, PONG);
    CHECK(h != NULL);
    CHECK_EQ(h->size, 65536);
    CHECK_EQ(world_info(&w, guest).dropped, 1);
    wasm_options_t options = {.heap_size = 128 * 1024};
    guest = world_spawn(&w, "forever", &options);
    world_send(&w, guest, PING, payload, sizeof payload);
    CHECK_EQ(world_wait(&w, PONG)->size, sizeof payload);
    guest = world_spawn(&w, "onepage", NULL);
    world_send(&w, guest, PING, payload, 1001);
    world_send(&w, guest, PING, payload, 1000);
    CHECK_EQ(world_wait(&w, PONG)->size, 1000);
    CHECK_EQ(world_info(&w, guest).dropped, 1);
    world_close(&w);
}

TEST(a_guest_reloaded_between_messages_keeps_its_id_and_name) {
    size_t   size;
    uint8_t *bytes = read_guest("returns", &size);
    world_open(&w);
    wasm_options_t options = {.name = "it"};
    actor_id_t     guest = world_spawn(&w, "forever", &options), id = 0;
    CHECK_EQ(actor_reload_wasm(w.rt, guest, "nonsense", 8, &id), RELOAD_ERR_MODULE_LOAD);
    CHECK_EQ(actor_reload_wasm(w.rt, w.probe, bytes, size, &id), RELOAD_ERR_NOT_WASM);
    CHECK_EQ(actor_reload_wasm(w.rt, 12345, bytes, size, &id), RELOAD_ERR_NOT_FOUND);
    world_send(&w, guest, GO, NULL, 0);
    world_send(&w, guest, STOP, NULL, 0);
    CHECK_EQ(world_end(&w)->reason, EXIT_NORMAL);

    guest = world_spawn(&w, "forever", &options);
    CHECK_EQ(actor_reload_wasm(w.rt, guest, bytes, size, &id), RELOAD_OK);
    CHECK_EQ(id, guest);
    CHECK_EQ(actor_lookup(w.rt, "it"), guest);
    world_send(&w, guest, PING, NULL, 0); /* returns 2: stays, and answers nothing */
    CHECK(actor_is_alive(w.rt, guest));
    CHECK_EQ(w.count, 0);
    world_close(&w);
    free(bytes);
}
