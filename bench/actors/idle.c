/* SPDX-License-Identifier: Apache-2.0 */
/* idle.c -- what an actor weighs that has handled a message and waits for the next. */
#include <stdio.h>

#include "bench.h"

enum { MSG_GO = 1, MSG_HELLO };

static uint64_t greeted;

static bool wait_for_more(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)rt, (void)self, (void)msg, (void)state;
    greeted++;
    return true;
}

static bool spawn_some(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)msg;
    uint64_t *left = state;
    for (int i = 0; i < SPAWN_BATCH && *left != 0; i++, --*left) {
        actor_id_t id = actor_spawn(rt, wait_for_more, NULL, NULL, 0);
        bench_check(id != ACTOR_ID_INVALID && actor_send(rt, id, MSG_HELLO, NULL, 0), "a spawn");
    }
    if (greeted == IDLE_ACTORS) runtime_stop(rt);
    else bench_check(actor_send(rt, actor_self(rt), MSG_GO, NULL, 0), "a message to itself");
    return true;
}

int main(int argc, char **argv) {
    bench_options_t options = bench_options(argc, argv);
    runtime_t      *rt = bench_runtime(&options);
    uint64_t        left = IDLE_ACTORS;
    actor_send(rt, bench_spawn(rt, &options, spawn_some, &left), MSG_GO, NULL, 0);

    uint64_t before = bench_resident_bytes();
    double   start = bench_now();
    runtime_run(rt);
    double   seconds = bench_now() - start;
    uint64_t after = bench_resident_bytes();

    char extra[64];
    snprintf(extra, sizeof extra, "bytes_per_actor=%.1f", (double)(after - before) / IDLE_ACTORS);
    bench_print(options.workload, "ours", IDLE_ACTORS, seconds, extra);
    runtime_destroy(rt);
    return 0;
}
