/* SPDX-License-Identifier: Apache-2.0 */
/* timers.c -- a million one-shot timers of ten thousand actors: how fast they are armed, and how late they fire.
 *
 * One actor after the other arms its hundred, so the first fall due while the last are still being armed. What is noted
 * while the clock runs is two sequential writes per timer; who fired when is put together afterwards. Lateness counts
 * from the clock as it was before the turn that armed the timer, so it is never told too small. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "microkernel/services.h"

enum { MSG_GO = 1, OWNERS = TIMERS / TIMERS_EACH };

typedef struct event {
    timer_id_t id;
    uint32_t   at_us; /* since the start: when it should fire, or did */
} event_t;

static event_t   *armed, *fired;
static uint32_t   armed_n, fired_n, random_state;
static uint64_t   start_us, armed_us;
static actor_id_t owners[OWNERS];

static uint32_t since_start_us(void) { return (uint32_t)(bench_now_us() - start_us); }

static void arm_some(runtime_t *rt) {
    uint32_t now_us = since_start_us();
    for (int i = 0; i < TIMERS_EACH; i++) {
        uint32_t   wait_ms = bench_random(&random_state, TIMERS_SPAN_MS + 1);
        timer_id_t id = actor_set_timer(rt, wait_ms, false);
        bench_check(id != TIMER_ID_INVALID, "a timer");
        armed[armed_n++] = (event_t){id, now_us + wait_ms * 1000};
    }
    if (armed_n == TIMERS) armed_us = bench_now_us();
    else bench_check(actor_send(rt, owners[armed_n / TIMERS_EACH], MSG_GO, NULL, 0), "the next one's turn");
}

static bool own(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    if (msg->type != MSG_TIMER) {
        arm_some(rt);
        return true;
    }
    const timer_payload_t *timer = msg->payload;
    fired[fired_n++] = (event_t){timer->id, since_start_us()};
    if (fired_n == TIMERS) runtime_stop(rt);
    return true;
}

static int by_id(const void *a, const void *b) {
    const event_t *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* No number is given twice in so short a time, so both lists sort into the same order. */
static double p99_late_ms(void) {
    uint32_t *late = calloc(TIMERS, sizeof *late);
    bench_check(late != NULL, "memory");
    qsort(armed, TIMERS, sizeof *armed, by_id);
    qsort(fired, TIMERS, sizeof *fired, by_id);
    for (int i = 0; i < TIMERS; i++) {
        bench_check(armed[i].id == fired[i].id, "every timer fired once");
        bench_check(fired[i].at_us >= armed[i].at_us, "no timer fired early");
        late[i] = fired[i].at_us - armed[i].at_us;
    }
    double p99 = bench_p99(late, TIMERS) / 1000.0;
    free(late);
    return p99;
}

static event_t *touched_events(void) {
    event_t *events = malloc(TIMERS * sizeof *events);
    bench_check(events != NULL, "memory");
    for (int i = 0; i < TIMERS; i++) events[i] = (event_t){TIMER_ID_INVALID, 1};
    return events;
}

int main(int argc, char **argv) {
    bench_options_t options = bench_options(argc, argv);
    runtime_t      *rt = bench_runtime(&options);
    armed = touched_events();
    fired = touched_events();
    for (int i = 0; i < OWNERS; i++) owners[i] = bench_spawn(rt, &options, own, NULL);
    actor_send(rt, owners[0], MSG_GO, NULL, 0);

    start_us = bench_now_us();
    runtime_run(rt);

    char extra[64];
    snprintf(extra, sizeof extra, "p99_late_ms=%.3f", p99_late_ms());
    bench_print(options.workload, "ours", TIMERS, (double)(armed_us - start_us) / 1e6, extra);
    runtime_destroy(rt);
    free(armed);
    free(fired);
    return 0;
}
