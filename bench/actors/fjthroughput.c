/* SPDX-License-Identifier: Apache-2.0 */
/* fjthroughput.c -- one actor feeds sixty in turn: many mailboxes, each short. */
#include "bench.h"

enum { MSG_GO = 1, MSG_WORK };

typedef struct feeder {
    actor_id_t workers[FJ_ACTORS];
    uint32_t   at;   /* whose turn it is          */
    uint64_t   left; /* messages to send in all   */
} feeder_t;

static uint64_t worked, last_ones;

static bool work(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)msg;
    uint64_t *left = state;
    worked++;
    if (--*left == 0 && ++last_ones == FJ_ACTORS) runtime_stop(rt);
    return true;
}

static bool feed(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)msg;
    feeder_t *me = state;
    while (me->left != 0 && actor_send(rt, me->workers[me->at], MSG_WORK, NULL, 0)) {
        me->left--;
        if (++me->at == FJ_ACTORS) me->at = 0;
    }
    if (me->left != 0) bench_check(actor_send(rt, actor_self(rt), MSG_GO, NULL, 0), "a message to itself");
    return true;
}

int main(int argc, char **argv) {
    bench_options_t options = bench_options(argc, argv);
    runtime_t      *rt = bench_runtime(&options);
    feeder_t        feeder = {.left = (uint64_t)FJ_ACTORS * FJ_MESSAGES};
    uint64_t        left[FJ_ACTORS];
    for (int i = 0; i < FJ_ACTORS; i++) {
        left[i] = FJ_MESSAGES;
        feeder.workers[i] = bench_spawn(rt, &options, work, &left[i]);
    }
    actor_send(rt, bench_spawn(rt, &options, feed, &feeder), MSG_GO, NULL, 0);

    double start = bench_now();
    runtime_run(rt);
    double seconds = bench_now() - start;

    bench_check(worked == (uint64_t)FJ_ACTORS * FJ_MESSAGES, "every message arrived");
    bench_print(options.workload, "ours", worked, seconds, NULL);
    runtime_destroy(rt);
    return 0;
}
