/* SPDX-License-Identifier: Apache-2.0 */
/* pingpong.c -- two actors, one message between them: what a message costs when nothing can be batched. */
#include "bench.h"

enum { MSG_BALL = 1 };

typedef struct player {
    uint64_t left; /* balls to hit */
} player_t;

static bool play(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self;
    player_t *me = state;
    me->left--;
    bench_check(actor_send(rt, msg->source, MSG_BALL, NULL, 0), "a ball");
    return true;
}

/* The one that begins, and hears the last ball. */
typedef struct opener {
    actor_id_t other;
    uint64_t   left;
} opener_t;

static bool open_and_play(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)msg;
    opener_t *me = state;
    if (me->left-- == 0) runtime_stop(rt);
    else bench_check(actor_send(rt, me->other, MSG_BALL, NULL, 0), "a ball");
    return true;
}

int main(int argc, char **argv) {
    bench_options_t options = bench_options(argc, argv);
    runtime_t      *rt = bench_runtime(&options);
    player_t        player = {PINGPONG_TRIPS};
    opener_t        opener = {bench_spawn(rt, &options, play, &player), PINGPONG_TRIPS};
    actor_send(rt, bench_spawn(rt, &options, open_and_play, &opener), MSG_BALL, NULL, 0);

    double start = bench_now();
    runtime_run(rt);
    double seconds = bench_now() - start;

    bench_check(player.left == 0, "every ball came back");
    bench_print(options.workload, "ours", 2 * (uint64_t)PINGPONG_TRIPS, seconds, NULL);
    runtime_destroy(rt);
    return 0;
}
