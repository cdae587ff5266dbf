/* SPDX-License-Identifier: Apache-2.0 */
/* bench_runtime.c -- the part of bench.h that the floor has no use for. */
#include "bench.h"

static bool stay_idle(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)rt, (void)self, (void)msg, (void)state;
    return true;
}

runtime_t *bench_runtime(const bench_options_t *options) {
    runtime_t *rt = runtime_init(1, 0);
    bench_check(rt != NULL, "runtime_init");
    for (size_t i = 0; i < options->slots; i++) bench_spawn(rt, options, stay_idle, NULL);
    return rt;
}

actor_id_t bench_spawn(runtime_t *rt, const bench_options_t *options, actor_behavior_fn behavior, void *state) {
    actor_id_t id = actor_spawn(rt, behavior, state, NULL, options->mailbox);
    bench_check(id != ACTOR_ID_INVALID, "actor_spawn");
    return id;
}
