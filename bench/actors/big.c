/* SPDX-License-Identifier: Apache-2.0 */
/* big.c -- everybody pings somebody: a thousand actors, each with one ping under way, and answers in between. */
#include "bench.h"

enum { MSG_PING = 1, MSG_PONG };

static actor_id_t everybody[BIG_ACTORS];
static uint64_t   finished, pongs;

typedef struct member {
    uint32_t random;
    uint32_t left; /* pings to send */
} member_t;

static bool take_part(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self;
    member_t *me = state;
    if (msg->type == MSG_PING) {
        bench_check(actor_send(rt, msg->source, MSG_PONG, NULL, 0), "a pong");
        return true;
    }
    pongs++;
    if (me->left == 0) {
        if (++finished == BIG_ACTORS) runtime_stop(rt);
        return true;
    }
    me->left--;
    bench_check(actor_send(rt, everybody[bench_random(&me->random, BIG_ACTORS)], MSG_PING, NULL, 0), "a ping");
    return true;
}

int main(int argc, char **argv) {
    bench_options_t options = bench_options(argc, argv);
    runtime_t      *rt = bench_runtime(&options);
    static member_t members[BIG_ACTORS];
    for (uint32_t i = 0; i < BIG_ACTORS; i++) {
        members[i] = (member_t){.random = i, .left = BIG_PINGS};
        everybody[i] = bench_spawn(rt, &options, take_part, &members[i]);
    }
    for (uint32_t i = 0; i < BIG_ACTORS; i++) actor_send(rt, everybody[i], MSG_PONG, NULL, 0); /* "go" */

    double start = bench_now();
    runtime_run(rt);
    double seconds = bench_now() - start;

    bench_check(pongs == (uint64_t)BIG_ACTORS * (BIG_PINGS + 1), "every ping was answered");
    bench_print(options.workload, "ours", 2 * (uint64_t)BIG_ACTORS * BIG_PINGS, seconds, NULL);
    runtime_destroy(rt);
    return 0;
}
