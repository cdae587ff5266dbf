/* SPDX-License-Identifier: Apache-2.0 */
/* payload.c -- 256 bytes per message, copied into it by the send, read by the consumer. */
#include <string.h>

#include "bench.h"

enum { MSG_GO = 1, MSG_DATA };

typedef struct producer {
    actor_id_t consumer;
    uint64_t   next;
    uint64_t   words[PAYLOAD_BYTES / sizeof(uint64_t)];
} producer_t;

typedef struct consumer {
    uint64_t count, sum;
} consumer_t;

static bool produce(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)msg;
    producer_t *me = state;
    while (me->next != PAYLOAD_MESSAGES) {
        me->words[0] = me->words[PAYLOAD_BYTES / sizeof(uint64_t) - 1] = me->next;
        if (!actor_send(rt, me->consumer, MSG_DATA, me->words, sizeof me->words)) break;
        me->next++;
    }
    if (me->next != PAYLOAD_MESSAGES) bench_check(actor_send(rt, actor_self(rt), MSG_GO, NULL, 0), "to itself");
    return true;
}

static bool consume(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self;
    consumer_t     *me = state;
    const uint64_t *words = msg->payload;
    me->sum += words[0] + words[PAYLOAD_BYTES / sizeof(uint64_t) - 1];
    if (++me->count == PAYLOAD_MESSAGES) runtime_stop(rt);
    return true;
}

int main(int argc, char **argv) {
    bench_options_t options = bench_options(argc, argv);
    runtime_t      *rt = bench_runtime(&options);
    consumer_t      consumer = {0};
    producer_t      producer = {.consumer = bench_spawn(rt, &options, consume, &consumer)};
    actor_send(rt, bench_spawn(rt, &options, produce, &producer), MSG_GO, NULL, 0);

    double start = bench_now();
    runtime_run(rt);
    double seconds = bench_now() - start;

    bench_check(consumer.sum == (uint64_t)PAYLOAD_MESSAGES * (PAYLOAD_MESSAGES - 1), "first and last bytes arrived");
    bench_print(options.workload, "ours", PAYLOAD_MESSAGES, seconds, NULL);
    runtime_destroy(rt);
    return 0;
}
