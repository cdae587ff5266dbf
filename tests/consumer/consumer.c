/* SPDX-License-Identifier: Apache-2.0 */
/* consumer.c -- the smallest program on the installed package: an actor counts what it is sent, then ends. */
#include <microkernel/actor.h>
#include <microkernel/runtime.h>
#include <stdio.h>

enum { MSG_TICK = 1, TICKS = 3 };

static bool count(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)rt;
    (void)self;
    int *seen = state;
    if (msg->type == MSG_TICK) (*seen)++;
    return *seen < TICKS;
}

int main(void) {
    int        seen = 0;
    runtime_t *rt = runtime_init(1, 0);
    actor_id_t counter = rt != NULL ? actor_spawn(rt, count, &seen, NULL, 0) : ACTOR_ID_INVALID;
    for (int i = 0; counter != ACTOR_ID_INVALID && i < TICKS; i++) {
        if (!actor_send(rt, counter, MSG_TICK, NULL, 0)) break;
    }
    if (rt != NULL) runtime_run(rt);
    runtime_destroy(rt);
    printf("counted %d of %d\n", seen, TICKS);
    return seen == TICKS ? 0 : 1;
}
