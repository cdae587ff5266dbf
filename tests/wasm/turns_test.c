/* SPDX-License-Identifier: Apache-2.0 */
/* turns_test.c -- guests that compute for longer than a turn, on the engine that can go on with them later: nobody starves,
 * nothing overtakes, and they can be ended anywhere. Virtual time, which stands still while a guest computes. */
#include "port/fake/fake.h"
#include "rig/oom.h"
#include "wasm/code.h"
#include "wasm/world.h"

enum {
    SPIN = 15,
    LONG = 1000000,
    SHORT_US = 2
}; /* a type of `loop`; so short a slice is over in a few thousand instructions */

static world_t w;

static const wasm_options_t short_slices = {.engine = "vm", .slice_us = SHORT_US};

/* Sends as the probe, and gives nobody more turns than that takes. */
static void tell(actor_id_t to, uint32_t type, const void *payload, size_t size) {
    bool           done = false;
    world_letter_t letter = {to, type, payload, size, false};
    world_job_t    job = {world_send_now, &letter, &done};
    CHECK(actor_send(w.rt, w.probe, WORLD_DO, &job, sizeof job));
    while (!done) runtime_step(w.rt);
    CHECK(letter.accepted);
}

/* Has `loop` count that far and answer with RESULT. */
static void tell_spin(actor_id_t guest, uint32_t times) {
    uint8_t payload[4] = {(uint8_t)times, (uint8_t)(times >> 8), (uint8_t)(times >> 16), (uint8_t)(times >> 24)};
    tell(guest, SPIN, payload, sizeof payload);
}

static actor_id_t spawn_loop(void) {
    actor_id_t id = world_spawn(&w, "loop", &short_slices);
    tell(id, GO, NULL, 0);
    for (int i = 0; i < 3; i++) runtime_step(w.rt);
    CHECK(world_info(&w, id).computing);
    return id;
}

/* How many turns go by until the probe hears something. */
static unsigned turns_until_heard(void) {
    unsigned turns = 0;
    for (size_t before = w.count; w.count == before; turns++) runtime_step(w.rt);
    return turns;
}

TEST(others_have_their_turns_beside_guests_that_never_end) {
    enum { LOOPS = 3 };
    actor_id_t loop[LOOPS];
    uint64_t   before[LOOPS];
    world_open(&w);
    actor_id_t other = world_spawn(&w, "forever", &short_slices);
    for (int i = 0; i < LOOPS; i++) loop[i] = spawn_loop();
    for (int i = 0; i < LOOPS; i++) before[i] = world_info(&w, loop[i]).preempted;
    for (int i = 0; i < 100; i++) {
        tell(other, PING, "hello", 5);
        CHECK(turns_until_heard() <= 3 * (LOOPS + 2)); /* a turn of each between any two of its own */
        CHECK_EQ(world_wait(&w, PONG)->source, other);
    }
    uint64_t turns = world_info(&w, loop[0]).preempted - before[0];
    for (int i = 0; i < LOOPS; i++) {
        wasm_actor_info_t info = world_info(&w, loop[i]);
        CHECK(info.computing && !info.waiting);
        CHECK(info.preempted - before[i] + 1 >= turns && info.preempted - before[i] <= turns + 1); /* nor one of them */
    }
    world_close(&w);
}

static unsigned ticks;

static bool tick(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    if (msg->type == MSG_TIMER) ticks++;
    else CHECK(actor_set_timer(rt, 1, true) != TIMER_ID_INVALID);
    return true;
}

TEST(timers_and_sleepers_are_woken_beside_a_guest_that_never_ends) {
    world_open(&w);
    ticks = 0;
    actor_id_t sleeper = world_spawn(&w, "sleep_start", &short_slices);
    actor_id_t native = actor_spawn(w.rt, tick, NULL, NULL, 8);
    CHECK(actor_send(w.rt, native, 1, NULL, 0));
    tell(sleeper, PING, NULL, 0);
    spawn_loop();
    for (int i = 0; i < 200; i++) {
        mk_fake_advance_us(1000);
        for (int n = 0; n < 4; n++) runtime_step(w.rt);
    }
    CHECK(ticks >= 199);
    CHECK_EQ(heard_u32(world_wait(&w, PONG), 0), 7);
    world_close(&w);
}

TEST(messages_wait_in_order_for_a_guest_that_takes_many_turns_with_each) {
    enum { MESSAGES = 20 };
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "loop", &short_slices);
    for (uint8_t i = 0; i < MESSAGES; i++) {
        tell_spin(guest, i % 3 * 100000);
        tell(guest, PING, &i, 1);
    }
    for (uint8_t i = 0; i < MESSAGES; i++) {
        CHECK(world_wait(&w, RESULT) != NULL);
        CHECK_EQ(world_wait(&w, PONG)->bytes[0], i);
    }
    CHECK(world_info(&w, guest).preempted > MESSAGES);
    CHECK_EQ(world_info(&w, guest).messages, 2 * MESSAGES);
    world_close(&w);
}

/* It is slow in each of its calls, and its payload has to outlive all of them. */
TEST(every_call_of_a_guest_may_take_many_turns) {
    static uint8_t payload[2000];
    uint32_t       sum = 0;
    for (size_t i = 0; i < sizeof payload; i++) sum += payload[i] = (uint8_t)(i * 5);
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "slow", &short_slices);
    tell(guest, GO, payload, sizeof payload); /* waits for the start function, too */
    tell(guest, GO, payload, 1000);
    heard_t *h = world_wait(&w, RESULT);
    CHECK_EQ(heard_u32(h, 0), 3); /* start, _initialize, alloc */
    CHECK_EQ(heard_u32(h, 1), sum);
    CHECK_EQ(heard_u32(world_wait(&w, RESULT), 0), 6); /* and handle, free, alloc */
    CHECK(world_info(&w, guest).preempted > 50);
    CHECK(world_send(&w, guest, STOP, NULL, 0));
    CHECK_EQ(world_end(&w)->reason, EXIT_NORMAL);
    world_close(&w);
}

TEST(a_guest_in_the_middle_of_its_work_is_killed_and_asked_to_end) {
    world_open(&w);
    actor_id_t guest = spawn_loop();
    actor_exit(w.rt, guest, EXIT_SHUTDOWN); /* a message to it, which it will never get to */
    for (int i = 0; i < 20; i++) runtime_step(w.rt);
    CHECK(actor_is_alive(w.rt, guest));
    actor_stop(w.rt, guest);
    CHECK_EQ(world_end(&w)->reason, EXIT_KILLED);

    guest = world_spawn(&w, "loop", &short_slices);
    tell_spin(guest, LONG);
    for (int i = 0; i < 4; i++) runtime_step(w.rt);
    CHECK(world_info(&w, guest).computing);
    actor_exit(w.rt, guest, EXIT_SHUTDOWN); /* and this one will */
    CHECK_EQ(world_end(&w)->reason, EXIT_NORMAL);
    CHECK(world_wait(&w, RESULT) != NULL);
    world_close(&w);
    CHECK_EQ(mk_code_count(), 0);
}

TEST(a_guest_in_the_middle_of_its_work_is_reloaded_later) {
    size_t   size;
    uint8_t *bytes = read_guest("forever", &size);
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "loop", &short_slices), id;
    tell_spin(guest, LONG);
    for (int i = 0; i < 4; i++) runtime_step(w.rt);
    CHECK_EQ(actor_reload_wasm(w.rt, guest, bytes, size, &id), RELOAD_ERR_FIBER_ACTIVE);
    const wasm_reload_options_t patient = {.patient = true};
    CHECK_EQ(actor_reload_wasm_opts(w.rt, guest, bytes, size, &patient, NULL, 0), RELOAD_OK);
    CHECK(world_info(&w, guest).computing);
    CHECK(world_wait(&w, RESULT) != NULL); /* it is let through with its work first */
    while (runtime_step(w.rt)) {}
    (void)id;
    CHECK(world_send(&w, guest, PING, "new", 3));
    CHECK_EQ(world_wait(&w, PONG)->size, 3);
    world_close(&w);
    free(bytes);
}

/* A guest that cannot wait can be stopped all the same: it does not know. */
TEST(a_guest_without_a_fiber_takes_turns_like_any_other) {
    wasm_options_t options = {.engine = "vm", .slice_us = SHORT_US, .fiber = FIBER_STACK_NONE};
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "loop", &options);
    tell_spin(guest, LONG);
    CHECK(world_wait(&w, RESULT) != NULL);
    CHECK(world_info(&w, guest).preempted > 3);
    world_close(&w);
}

TEST(a_guest_goes_on_when_any_allocation_fails) {
    uint8_t payload[2000] = {1};
    for (unsigned n = 1;; n++) {
        world_open(&w);
        actor_id_t guest = world_spawn(&w, "slow", &short_slices);
        oom_arm(n);
        bool sent = actor_send(w.rt, guest, GO, payload, sizeof payload);
        for (int i = 0; i < 400; i++) runtime_step(w.rt);
        bool reached = oom_disarm();
        if (!actor_is_alive(w.rt, guest)) CHECK_EQ(world_end(&w)->reason, EXIT_OUT_OF_MEMORY);
        CHECK(sent || reached);
        world_close(&w);
        if (!reached) break;
    }
}
