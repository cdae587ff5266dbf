/* SPDX-License-Identifier: Apache-2.0 */
/* nodes.h -- two nodes, joined by what the first argument says, and an actor on each. */
#ifndef BENCH_NODE_NODES_H
#define BENCH_NODE_NODES_H

#include "kit.h"
#include "microkernel/actor.h"
#include "microkernel/runtime.h"

/* Its mailbox holds as many as a runtime's default. `seeks`: it is told of "peer", the actor of the other node, by MSG_PEER with its
 * id; the other one carries that name. */
#define MSG_PEER 1u
typedef struct part {
    actor_behavior_fn behavior;
    bool               seeks;
} part_t;

/* Runs both, each in a process (ring: on a thread) on a core of its own; the first in the calling one, until the program ends. */
_Noreturn void nodes_run(int argc, char **argv, part_t first, part_t second);

uint64_t nodes_ms(void); /* how long to measure: the second argument */

#endif
