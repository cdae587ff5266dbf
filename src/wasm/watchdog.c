/* SPDX-License-Identifier: Apache-2.0 */
/* watchdog.c -- a thread that looks now and then, so that the calls it watches need not look at the clock.
 *
 * Each thread that runs guests has a slot with one word: the number of its current run and the state of that run. The
 * runner writes RUNNING and, at the end, takes it back by compare-and-swap; the watchdog looks every quarter of the
 * smallest budget, remembers since when it has seen the same run, and after a full budget claims the run by
 * compare-and-swap. So exactly one of the two decides how a run ends, and the number keeps a late look from mistaking
 * the next run for this one. Firing happens under the mutex, which the runner takes when it lost, and so waits for it.
 *
 * With nothing running for a while the thread sleeps until a runner wakes it. */
#include "wasm/watchdog.h"

#include <stdatomic.h>
#include <stddef.h>

#include "base/mem.h"
#include "port/port.h"

enum { RUN_IDLE, RUN_RUNNING, RUN_CLAIMED, RUN_STATES };

/* Looks with nothing running before the thread goes to sleep: waking it costs a runner microseconds. */
enum { QUIET_LOOKS = 16 };

enum { LOOK_MS_MAX = 25 };
#define ASLEEP UINT32_MAX

struct mk_watch_slot {
    mk_watch_slot_t *next;
    _Atomic uint64_t run; /* number * RUN_STATES + state */
    _Atomic uint32_t budget_ms;
    _Atomic(void *)  target;
    uint64_t         seen;     /* the watchdog's: the run it saw last, */
    uint64_t         since_us; /* and since when                       */
};

static struct {
    mk_watchdog_fire_fn *fire;
    mk_thread_t         *thread;
    mk_mutex_t          *mutex; /* slots list, sleep, firing */
    mk_cond_t           *wake;
    mk_watch_slot_t     *slots;
    _Atomic uint32_t     pace_ms; /* until the next look; ASLEEP: until woken */
    bool                 stopping;
    bool                 present; /* false: the platform has no threads, and runs end when they end */
    _Atomic uint32_t     life;    /* which start() this is: a thread's slot may be of an earlier one */
} dog;

static _Thread_local mk_watch_slot_t *own_slot;
static _Thread_local uint32_t         own_slot_life;

/* A quarter late is the most a call may be. */
static uint32_t pace_for(uint32_t budget_ms) {
    uint32_t look_ms = budget_ms / 4;
    return look_ms < 1 ? 1 : look_ms > LOOK_MS_MAX ? LOOK_MS_MAX : look_ms;
}

/* Ends the run if it has had its time. Returns in how many milliseconds to look again, 0 when nothing runs. */
static uint32_t slot_look(mk_watch_slot_t *slot, uint64_t now_us) {
    uint64_t run = atomic_load(&slot->run);
    if (run % RUN_STATES != RUN_RUNNING) return 0;
    uint32_t budget_ms = atomic_load_explicit(&slot->budget_ms, memory_order_relaxed);
    if (run != slot->seen) {
        slot->seen = run;
        slot->since_us = now_us;
    } else if (now_us - slot->since_us >= (uint64_t)budget_ms * 1000) {
        void *target = atomic_load_explicit(&slot->target, memory_order_relaxed);
        if (atomic_compare_exchange_strong(&slot->run, &run, run - RUN_RUNNING + RUN_CLAIMED)) dog.fire(target);
    }
    return pace_for(budget_ms);
}

/* The smallest pace that a run needs, 0 when nothing runs. */
static uint32_t look_at_all(void) {
    uint32_t soonest_ms = 0;
    uint64_t now_us = mk_port_now_us();
    for (mk_watch_slot_t *slot = dog.slots; slot != NULL; slot = slot->next) {
        uint32_t look_ms = slot_look(slot, now_us);
        if (look_ms != 0 && (soonest_ms == 0 || look_ms < soonest_ms)) soonest_ms = look_ms;
    }
    return soonest_ms;
}

static void dog_main(void *arg) {
    (void)arg;
    uint32_t quiet = 0, pace_ms = LOOK_MS_MAX;
    mk_mutex_lock(dog.mutex);
    while (!dog.stopping) {
        uint32_t soonest_ms = look_at_all();
        quiet = soonest_ms == 0 ? quiet + 1 : 0;
        if (quiet < QUIET_LOOKS) {
            /* Kept at the smallest until all is quiet: guests with different budgets would wake us at each call. */
            if (soonest_ms != 0 && soonest_ms < pace_ms) pace_ms = soonest_ms;
            atomic_store(&dog.pace_ms, pace_ms);
            mk_cond_wait(dog.wake, dog.mutex, (int64_t)pace_ms * 1000);
            continue;
        }
        /* Said first, looked once more, then slept: a run that begins meanwhile sees the word or is seen. */
        atomic_store(&dog.pace_ms, ASLEEP);
        if (look_at_all() == 0) mk_cond_wait(dog.wake, dog.mutex, -1);
        quiet = 0;
        pace_ms = LOOK_MS_MAX;
    }
    mk_mutex_unlock(dog.mutex);
}

mk_err_t mk_watchdog_start(mk_watchdog_fire_fn *fire) {
    dog.fire = fire;
    dog.stopping = false;
    atomic_store(&dog.pace_ms, LOOK_MS_MAX);
    atomic_fetch_add(&dog.life, 1);
    mk_err_t err = mk_mutex_create(&dog.mutex);
    if (err != MK_OK) return err;
    if ((err = mk_cond_create(&dog.wake)) != MK_OK) goto no_cond;
    err = mk_thread_start(&dog.thread, dog_main, NULL);
    dog.present = err == MK_OK;
    if (err != MK_OK && err != MK_ERR_NOSYS) goto no_thread;
    return MK_OK;
no_thread:
    mk_cond_destroy(dog.wake);
no_cond:
    mk_mutex_destroy(dog.mutex);
    return err;
}

void mk_watchdog_stop(void) {
    mk_mutex_lock(dog.mutex);
    dog.stopping = true;
    mk_cond_signal(dog.wake);
    mk_mutex_unlock(dog.mutex);
    if (dog.present) mk_thread_join(dog.thread);
    atomic_fetch_add(&dog.life, 1);
    while (dog.slots != NULL) {
        mk_watch_slot_t *next = dog.slots->next;
        mk_free(dog.slots);
        dog.slots = next;
    }
    mk_cond_destroy(dog.wake);
    mk_mutex_destroy(dog.mutex);
}

mk_watch_slot_t *mk_watchdog_slot(void) {
    uint32_t life = atomic_load_explicit(&dog.life, memory_order_relaxed);
    if (own_slot_life == life) return own_slot;
    mk_watch_slot_t *slot = mk_calloc(1, sizeof *slot);
    if (slot == NULL) return NULL;
    mk_mutex_lock(dog.mutex);
    slot->next = dog.slots;
    dog.slots = slot;
    mk_mutex_unlock(dog.mutex);
    own_slot = slot;
    own_slot_life = life;
    return slot;
}

void mk_watchdog_begin(mk_watch_slot_t *slot, void *target, uint32_t budget_ms) {
    uint64_t number = atomic_load_explicit(&slot->run, memory_order_relaxed) / RUN_STATES + 1;
    atomic_store_explicit(&slot->target, target, memory_order_relaxed);
    atomic_store_explicit(&slot->budget_ms, budget_ms, memory_order_relaxed);
    atomic_store(&slot->run, number * RUN_STATES + RUN_RUNNING);
    if (pace_for(budget_ms) >= atomic_load(&dog.pace_ms)) return;
    if (!dog.present) return;
    mk_mutex_lock(dog.mutex);
    mk_cond_signal(dog.wake);
    mk_mutex_unlock(dog.mutex);
}

void mk_watchdog_extend(mk_watch_slot_t *slot, int32_t ms) {
    atomic_fetch_add_explicit(&slot->budget_ms, (uint32_t)ms, memory_order_relaxed);
}

bool mk_watchdog_end(mk_watch_slot_t *slot) {
    uint64_t run = atomic_load_explicit(&slot->run, memory_order_relaxed);
    uint64_t running = run - run % RUN_STATES + RUN_RUNNING;
    if (atomic_compare_exchange_strong(&slot->run, &running, running - RUN_RUNNING + RUN_IDLE)) return false;
    mk_mutex_lock(dog.mutex); /* claimed: wait until the shot is over */
    mk_mutex_unlock(dog.mutex);
    return true;
}
