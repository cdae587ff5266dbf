/* SPDX-License-Identifier: Apache-2.0 */
/* main.c -- a node on a board without an operating system: a supervised worker that fails once, a clock that asks it,
 * and an end. It shows that actors, timers and supervision need nothing below them but the port. */
#include <inttypes.h>
#include <stdio.h>

#include "microkernel/actor.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "microkernel/supervision.h"

enum { MSG_WORK = 1, BEAT_MS = 10, BEATS = 5, FAILING_BEAT = 2 };

typedef struct beat {
    actor_id_t supervisor;
    unsigned   beats;
} beat_t;

static bool work(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    if (msg->type != MSG_WORK) return true;
    unsigned number = *(const unsigned *)msg->payload;
    printf("worker %" PRIu32 ": job %u\n", actor_id_seq(actor_self(rt)), number);
    if (number == FAILING_BEAT) actor_fail(rt, EXIT_FAILED, "this job was too much");
    return true;
}

static bool beat(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self;
    beat_t *clock = state;
    if (msg->type != MSG_TIMER) return true;
    clock->beats++;
    if (!actor_send_named(rt, "worker", MSG_WORK, &clock->beats, sizeof clock->beats)) printf("no worker\n");
    if (clock->beats < BEATS) return true;
    supervisor_stop(rt, clock->supervisor);
    return false;
}

int main(void) {
    static beat_t clock;
    runtime_t    *rt = runtime_init(1, 0);
    if (rt == NULL) return 1;
    child_spec_t worker = {.name = "worker", .behavior = work, .restart_type = RESTART_PERMANENT};
    clock.supervisor = supervisor_start(rt, STRATEGY_ONE_FOR_ONE, 3, 1000, &worker, 1);
    actor_set_timer_for(rt, actor_spawn(rt, beat, &clock, NULL, 0), BEAT_MS, true);
    runtime_run(rt);
    runtime_destroy(rt);
    printf("ended after %u beats\n", clock.beats);
    return clock.beats == BEATS ? 0 : 1;
}
