/* SPDX-License-Identifier: Apache-2.0 */
/* greed_test.c -- a guest takes all the node gives it: names, room in mailboxes, the node's own work. Each has a limit with
 * a name, and nobody else goes short. Real time, because turns are. */
#include <stdlib.h>
#include <unistd.h>

#include "port/port.h"
#include "wasm/world.h"

enum { NAMES = 10, LETTERS, READ_ON, LONG_NAME, LETTER, LONG_LINE, ASK_TO_STOP };

static world_t w;

/* The RESULT and, at bytes + 4, why. */
static heard_t *ask_u32(actor_id_t guest, uint32_t what, uint32_t value) {
    CHECK(world_send_u32(&w, guest, what, value));
    heard_t *h = world_wait(&w, RESULT);
    CHECK(h != NULL);
    h->bytes[h->size < WORLD_BYTES ? h->size : WORLD_BYTES - 1] = '\0';
    return h;
}

static bool says(const heard_t *h, const char *what) { return strstr((const char *)h->bytes + 4, what) != NULL; }

TEST(names_end_where_their_limit_does) {
    wasm_options_t options = {.grants = WASM_GRANTS_LOADED, .names_max = 10, .budget_ms = 5000};
    world_open(&w);
    heard_t *h = ask_u32(world_spawn(&w, "greedy", &options), NAMES, 0);
    CHECK_EQ(heard_u32(h, 0), 10);
    CHECK(says(h, "10 names"));
    world_close(&w);

    options.names_max = 0;
    world_open(&w);
    CHECK_EQ(heard_u32(ask_u32(world_spawn(&w, "greedy", &options), NAMES, 0), 0), 64);
    world_close(&w);
}

TEST(what_a_guest_has_sent_and_nobody_has_handled_is_limited_in_bytes) {
    enum { BYTES = 100000 };
    wasm_options_t options = {.in_flight_bytes_max = 10 * BYTES, .mailbox_size = 1000, .budget_ms = 5000};
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "greedy", &options);
    heard_t   *h = ask_u32(guest, LETTERS, BYTES);
    CHECK_EQ(heard_u32(h, 0), 10);
    CHECK(says(h, "under way"));
    CHECK(world_info(&w, guest).refused > 0);
    CHECK_EQ(heard_u32(ask_u32(guest, LETTERS, BYTES), 0), 10); /* those before are handled by now */
    actor_stop(w.rt, guest);

    options.in_flight_bytes_max = 0;
    guest = world_spawn(&w, "greedy", &options);
    CHECK_EQ(heard_u32(ask_u32(guest, LETTERS, 1 << 20), 0), 16);
    world_close(&w);
}

static uint64_t turns;

static bool busy(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    turns++;
    return actor_send(rt, actor_self(rt), msg->type, NULL, 0);
}

TEST(a_guest_that_keeps_the_node_at_work_lets_the_others_run) {
    static const char piece[64 * 1024];
    char              path[] = "/tmp/mk-greed-XXXXXX";
    int               fd = mkstemp(path);
    CHECK(fd >= 0);
    for (int i = 0; i < 128; i++) CHECK_EQ(write(fd, piece, sizeof piece), (ssize_t)sizeof piece);
    close(fd);
    for (int fiber = FIBER_STACK_DEFAULT; fiber <= FIBER_STACK_NONE; fiber++) {
        wasm_options_t options = {
            .grants = WASM_GRANT_ALL_FILES, .fiber = (fiber_stack_class_t)fiber, .budget_ms = 100};
        turns = 0;
        world_open(&w);
        actor_id_t guest = world_spawn(&w, "greedy", &options);
        actor_id_t other = actor_spawn(w.rt, busy, NULL, NULL, 4);
        CHECK(actor_send(w.rt, guest, READ_ON, path, strlen(path)));
        CHECK(actor_send(w.rt, other, 1, NULL, 0));
        mk_cpu_clock_t cpu; /* whatever else the machine does meanwhile is not the guest's */
        CHECK_EQ(mk_port_cpu_clock(&cpu), MK_OK);
        uint64_t began_us = mk_port_cpu_us(cpu);
        for (int i = 0; i < 60; i++) runtime_step(w.rt);
        CHECK(turns > 20);
        CHECK(mk_port_cpu_us(cpu) - began_us < 5000000);
        /* One that cannot wait pays for the node's work out of its budget. */
        for (int i = 0; i < 2000 && fiber == FIBER_STACK_NONE && actor_is_alive(w.rt, guest); i++) runtime_step(w.rt);
        CHECK_EQ(actor_is_alive(w.rt, guest), fiber != FIBER_STACK_NONE);
        world_close(&w);
    }
    unlink(path);
}

TEST(a_name_longer_than_any_is_refused_before_it_is_looked_at) {
    wasm_options_t options = {.grants = WASM_GRANTS_LOADED, .budget_ms = 5000};
    world_open(&w);
    heard_t *h = ask_u32(world_spawn(&w, "greedy", &options), LONG_NAME, 1 << 20);
    CHECK_EQ(heard_u32(h, 0), 0);
    CHECK(says(h, "longer than allowed"));
    world_close(&w);
}

static char logged[1100];

static void keep_line(void *arg, const log_entry_t *entry) {
    (void)arg;
    snprintf(logged, sizeof logged, "%s", entry->text);
}

TEST(a_log_line_of_a_guest_that_is_cut_says_so) {
    world_open(&w);
    CHECK_EQ(runtime_set_log_sink(w.rt, keep_line, NULL), MK_OK);
    actor_id_t guest = world_spawn(&w, "greedy", NULL);
    CHECK(world_send_u32(&w, guest, LONG_LINE, 5000));
    while (world_info(&w, guest).computing) runtime_step(w.rt);
    runtime_flush_log(w.rt);
    CHECK_EQ(strlen(logged), 1000);
    CHECK_STR(logged + 995, "nn...");
    world_close(&w);
}

TEST(asking_other_guests_to_stop_needs_the_grant_to_stop) {
    wasm_options_t may = {.grants = WASM_GRANT_STOP};
    world_open(&w);
    actor_id_t victim = world_spawn(&w, "forever", NULL), guest = world_spawn(&w, "greedy", NULL);
    CHECK(world_send_u64(&w, guest, ASK_TO_STOP, victim));
    heard_t *h = world_wait(&w, RESULT);
    CHECK_EQ(heard_u32(h, 0), 0);
    CHECK(says(h, "\"stop\""));
    CHECK_EQ(world_info(&w, guest).denied, 1);
    CHECK(actor_is_alive(w.rt, victim));

    CHECK(world_send_u64(&w, world_spawn(&w, "greedy", &may), ASK_TO_STOP, victim));
    CHECK_EQ(world_end(&w)->source, victim);
    CHECK(world_send_u64(&w, guest, ASK_TO_STOP, w.probe)); /* no guest: a type as any */
    CHECK(world_wait(&w, 0) != NULL);
    CHECK(world_send_u64(&w, guest, ASK_TO_STOP, guest));
    CHECK_EQ(world_end(&w)->source, guest);
    world_close(&w);
}

TEST(a_new_module_that_never_comes_back_from_a_message_is_taken_back) {
    enum { ASK = 10 };
    wasm_options_t options = {.grants = WASM_GRANT_STATE, .budget_ms = 50};
    size_t         size;
    uint8_t       *bytes = read_guest("versions_3_loops", &size);
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "versions_1", &options);
    CHECK_EQ(actor_reload_wasm(w.rt, guest, bytes, size, NULL), RELOAD_OK);
    CHECK(world_send(&w, guest, ASK, NULL, 0));
    CHECK_EQ(heard_u32(world_wait(&w, RESULT), 0), 3);
    CHECK(world_send(&w, guest, ASK, NULL, 0));
    CHECK_EQ(heard_u32(world_wait(&w, RESULT), 0), 1);
    CHECK_EQ(world_info(&w, guest).undone, 1);
    world_close(&w);
    free(bytes);
}
