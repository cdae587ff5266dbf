/* SPDX-License-Identifier: Apache-2.0 */
/* spawn.c -- short lives: each actor is born, gets one message and ends; records and table slots are used again. */
#include "bench.h"

enum { MSG_GO = 1, MSG_LIVE };

static uint64_t lived;

static bool live(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)rt, (void)self, (void)msg, (void)state;
    lived++;
    return false;
}

static bool spawn_some(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)msg;
    uint64_t       *left = state;
    actor_options_t options = {.behavior = live, .orphan = true}; /* as a plain spawn elsewhere: nobody is told */
    for (int i = 0; i < SPAWN_BATCH && *left != 0; i++, --*left) {
        actor_id_t id;
        bench_check(actor_spawn_opts(rt, &options, &id) == MK_OK, "a spawn");
        bench_check(actor_send(rt, id, MSG_LIVE, NULL, 0), "its message");
    }
    /* The message to itself comes after the turns of all it spawned. */
    if (lived == SPAWN_ACTORS) runtime_stop(rt);
    else bench_check(actor_send(rt, actor_self(rt), MSG_GO, NULL, 0), "a message to itself");
    return true;
}

int main(int argc, char **argv) {
    bench_options_t options = bench_options(argc, argv);
    runtime_t      *rt = bench_runtime(&options);
    uint64_t        left = SPAWN_ACTORS;
    actor_send(rt, bench_spawn(rt, &options, spawn_some, &left), MSG_GO, NULL, 0);

    double start = bench_now();
    runtime_run(rt);
    double seconds = bench_now() - start;

    bench_check(lived == SPAWN_ACTORS, "everybody lived");
    bench_print(options.workload, "ours", SPAWN_ACTORS, seconds, NULL);
    runtime_destroy(rt);
    return 0;
}
