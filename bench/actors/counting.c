/* SPDX-License-Identifier: Apache-2.0 */
/* counting.c -- one producer, one counter, a bounded mailbox between them, and a question at the end. */
#include <string.h>

#include "bench.h"

enum { MSG_GO = 1, MSG_COUNT, MSG_TOTAL };

typedef struct producer {
    actor_id_t counter;
    uint64_t   left, total;
} producer_t;

/* A full mailbox is the counter's turn: go on behind it. */
static bool produce(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self;
    producer_t *me = state;
    if (msg->type == MSG_TOTAL) {
        memcpy(&me->total, msg->payload, sizeof me->total);
        runtime_stop(rt);
        return true;
    }
    while (me->left != 0 && actor_send(rt, me->counter, MSG_COUNT, NULL, 0)) me->left--;
    if (me->left == 0 && actor_call(rt, me->counter, MSG_TOTAL, NULL, 0, 10000) != CALL_ID_INVALID) return true;
    bench_check(actor_send(rt, actor_self(rt), MSG_GO, NULL, 0), "a message to itself");
    return true;
}

static bool count(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self;
    uint64_t *total = state;
    if (msg->type == MSG_COUNT) ++*total;
    else actor_reply(rt, msg, MSG_TOTAL, total, sizeof *total);
    return true;
}

int main(int argc, char **argv) {
    bench_options_t options = bench_options(argc, argv);
    runtime_t      *rt = bench_runtime(&options);
    uint64_t        counted = 0;
    producer_t      producer = {.counter = bench_spawn(rt, &options, count, &counted), .left = COUNTING_MESSAGES};
    actor_send(rt, bench_spawn(rt, &options, produce, &producer), MSG_GO, NULL, 0);

    double start = bench_now();
    runtime_run(rt);
    double seconds = bench_now() - start;

    bench_check(producer.total == COUNTING_MESSAGES, "every message was counted");
    bench_print(options.workload, "ours", COUNTING_MESSAGES, seconds, NULL);
    runtime_destroy(rt);
    return 0;
}
