/* SPDX-License-Identifier: Apache-2.0 */
/* threadring.c -- a token goes round a ring: every message wakes another actor. The token carries the hops left. */
#include <string.h>

#include "bench.h"

enum { MSG_TOKEN = 1 };

static bool pass(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self;
    const actor_id_t *next = state;
    uint32_t          left;
    memcpy(&left, msg->payload, sizeof left);
    if (left-- == 0) runtime_stop(rt);
    else bench_check(actor_send(rt, *next, MSG_TOKEN, &left, sizeof left), "the token");
    return true;
}

int main(int argc, char **argv) {
    bench_options_t   options = bench_options(argc, argv);
    runtime_t        *rt = bench_runtime(&options);
    static actor_id_t next[RING_ACTORS];
    for (int i = 0; i < RING_ACTORS; i++)
        next[(i + RING_ACTORS - 1) % RING_ACTORS] = bench_spawn(rt, &options, pass, &next[i]);
    uint32_t hops = RING_HOPS;
    actor_send(rt, next[0], MSG_TOKEN, &hops, sizeof hops);

    double start = bench_now();
    runtime_run(rt);
    double          seconds = bench_now() - start;
    runtime_stats_t stats;
    runtime_get_stats(rt, &stats);

    bench_check(stats.sent == RING_HOPS + 1u, "every hop was made");
    bench_print(options.workload, "ours", RING_HOPS, seconds, NULL);
    runtime_destroy(rt);
    return 0;
}
