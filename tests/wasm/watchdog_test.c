/* SPDX-License-Identifier: Apache-2.0 */
/* watchdog_test.c -- real time and a real thread. */
#include "wasm/watchdog.h"

#include <stdatomic.h>

#include "port/port.h"
#include "rig/oom.h"
#include "rig/rig.h"

typedef struct target {
    atomic_bool fired;
} target_t;

static void fire(void *arg) { atomic_store(&((target_t *)arg)->fired, true); }

static uint64_t now_ms(void) { return mk_port_now_us() / 1000; }

/* Of this thread's processor time, which is what budgets are in. */
static uint64_t used_ms(void) {
    mk_cpu_clock_t clock;
    CHECK_EQ(mk_port_cpu_clock(&clock), MK_OK);
    return mk_port_cpu_us(clock) / 1000;
}

/* Runs until fired at. */
static uint64_t run_over(uint32_t budget_ms) {
    target_t         target = {false};
    mk_watch_slot_t *slot = mk_watchdog_slot();
    uint64_t         began_ms = used_ms();
    mk_watchdog_begin(slot, &target, budget_ms);
    while (!atomic_load(&target.fired)) {}
    CHECK(mk_watchdog_end(slot));
    return used_ms() - began_ms;
}

TEST(a_run_that_gets_no_processor_is_not_made_to_pay_for_it) {
    CHECK_EQ(mk_watchdog_start(fire), MK_OK);
    target_t         target = {false};
    mk_watch_slot_t *slot = mk_watchdog_slot();
    mk_mutex_t      *mutex;
    mk_cond_t       *cond;
    CHECK(mk_mutex_create(&mutex) == MK_OK && mk_cond_create(&cond) == MK_OK);
    uint64_t began_ms = now_ms();
    mk_watchdog_begin(slot, &target, 50);
    mk_mutex_lock(mutex);
    while (now_ms() - began_ms < 400) mk_cond_wait(cond, mutex, 100000); /* nobody signals: this thread stands still */
    mk_mutex_unlock(mutex);
    CHECK(!mk_watchdog_end(slot));
    mk_cond_destroy(cond);
    mk_mutex_destroy(mutex);
    mk_watchdog_stop();
}

TEST(a_run_that_lasts_too_long_is_fired_at_after_its_budget) {
    CHECK_EQ(mk_watchdog_start(fire), MK_OK);
    for (uint32_t budget_ms = 80; budget_ms > 0; budget_ms /= 3) {
        uint64_t took_ms = run_over(budget_ms);
        CHECK(took_ms + 1 >= budget_ms);
        CHECK(took_ms <= 2 * budget_ms + 100);
    }
    mk_watchdog_stop();
}

TEST(a_run_that_ends_in_time_is_left_alone_however_often) {
    target_t target = {false};
    CHECK_EQ(mk_watchdog_start(fire), MK_OK);
    uint64_t began_ms = now_ms();
    while (now_ms() - began_ms < 300) {
        mk_watch_slot_t *slot = mk_watchdog_slot();
        mk_watchdog_begin(slot, &target, 60);
        CHECK(!mk_watchdog_end(slot));
    }
    CHECK(!atomic_load(&target.fired));
    mk_watchdog_stop();
}

TEST(whoever_wins_the_end_of_a_run_both_sides_agree) {
    CHECK_EQ(mk_watchdog_start(fire), MK_OK);
    for (int i = 0; i < 300; i++) {
        target_t         target = {false};
        mk_watch_slot_t *slot = mk_watchdog_slot();
        uint64_t         began_us = mk_port_now_us();
        mk_watchdog_begin(slot, &target, 1);
        while (mk_port_now_us() - began_us < 1000 + (uint64_t)i * 5) {}
        bool lost = mk_watchdog_end(slot);
        CHECK_EQ(lost, atomic_load(&target.fired)); /* and `target` is gone after this: nobody may touch it */
    }
    mk_watchdog_stop();
}

TEST(the_watchdog_wakes_up_from_a_long_quiet_time) {
    CHECK_EQ(mk_watchdog_start(fire), MK_OK);
    CHECK(run_over(8) < 200);
    mk_mutex_t *mutex;
    mk_cond_t  *cond;
    CHECK(mk_mutex_create(&mutex) == MK_OK && mk_cond_create(&cond) == MK_OK);
    mk_mutex_lock(mutex);
    uint64_t began_ms = now_ms();
    while (now_ms() - began_ms < 600) mk_cond_wait(cond, mutex, 100000); /* its thread goes to sleep meanwhile */
    mk_mutex_unlock(mutex);
    mk_cond_destroy(cond);
    mk_mutex_destroy(mutex);
    CHECK(run_over(8) < 200);
    mk_watchdog_stop();
}

static void run_in_thread(void *arg) { *(uint64_t *)arg = run_over(30); }

TEST(each_thread_has_a_run_of_its_own) {
    mk_thread_t *threads[4];
    uint64_t     took_ms[4] = {0};
    CHECK_EQ(mk_watchdog_start(fire), MK_OK);
    for (int i = 0; i < 4; i++) CHECK_EQ(mk_thread_start(&threads[i], run_in_thread, &took_ms[i]), MK_OK);
    for (int i = 0; i < 4; i++) mk_thread_join(threads[i]);
    for (int i = 0; i < 4; i++) CHECK(took_ms[i] >= 29);
    mk_watchdog_stop();
}

TEST(without_memory_there_is_no_watchdog_and_no_slot) {
    for (unsigned n = 1;; n++) {
        oom_arm(n);
        mk_err_t err = mk_watchdog_start(fire);
        bool     reached = oom_disarm();
        if (err == MK_OK) mk_watchdog_stop();
        if (!reached) break;
        CHECK_EQ(err, MK_ERR_NOMEM);
    }
    CHECK_EQ(mk_watchdog_start(fire), MK_OK);
    oom_arm(1);
    CHECK(mk_watchdog_slot() == NULL);
    oom_disarm();
    CHECK(mk_watchdog_slot() != NULL);
    mk_watchdog_stop();
}
