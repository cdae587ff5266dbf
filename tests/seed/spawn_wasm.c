/* SPDX-License-Identifier: Apache-2.0 */
/* spawn_wasm.c -- runs the description's fragment as it stands, inside a main.
 *
 * The fragment sends its message from outside of any actor, so nobody would see the reply; and runtime_run() returns
 * only when the last actor has ended. Just before it runs, a witness joins: it sends the same message, checks the
 * reply, asks the guest to stop, and ends. */
#include "microkernel/actor.h"
#include "microkernel/message.h"
#include "microkernel/runtime.h"
#include "microkernel/wasm_actor.h"

#include <stdio.h>
#include <string.h>

enum { START = 1, STOP = 0, PING = 200, PONG = 201 };

static bool witnessed;

static bool witness(runtime_t *rt, actor_t *self, message_t *msg, void *state)
{
    (void)self;
    const actor_id_t *guest = state;
    if (msg->type == START) return actor_send(rt, *guest, PING, "hello", 5);
    witnessed =
        msg->type == PONG && msg->source == *guest && msg->payload_size == 5 && memcmp(msg->payload, "hello", 5) == 0;
    actor_send(rt, *guest, STOP, NULL, 0);
    return false;
}

static void run_with_witness(runtime_t *rt, actor_id_t guest)
{
    actor_id_t id = actor_spawn(rt, witness, &guest, NULL, 4);
    actor_send(rt, id, START, NULL, 0);
    runtime_run(rt);
}

int main(void)
{
#define runtime_run(rt) run_with_witness((rt), wasm)
#include "spawn_wasm_fragment.c"
#undef runtime_run
    runtime_destroy(rt);
    wasm_actors_cleanup();
    if (!witnessed) fprintf(stderr, "no reply, or another one than 201 \"hello\"\n");
    return witnessed ? 0 : 1;
}
