/* SPDX-License-Identifier: Apache-2.0 */
/* spawn_wasm.c -- runs the description's fragment as it stands, inside a main.
 *
 * The fragment sends its message from outside of any actor, so nobody would see the reply; and runtime_run() returns
 * only when the last actor has ended. Just before it runs, a witness joins: it sends the same message, checks the
 * reply, asks the guest to stop, and ends.
 *
 * With an argument, that file is loaded with the grants of a guest that somebody loads on purpose: standard Go's
 * runtime starts with WASI calls, which the fragment's guest is not granted. */
#include "microkernel/actor.h"
#include "microkernel/message.h"
#include "microkernel/runtime.h"
#include "microkernel/wasm_actor.h"

#include <stdio.h>
#include <string.h>

enum { START = 1, STOP = 0, PING = 200, PONG = 201 };

static bool witnessed;

static bool witness(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self;
    const actor_id_t *guest = state;
    if (msg->type == START) return actor_send(rt, *guest, PING, "hello", 5);
    witnessed =
        msg->type == PONG && msg->source == *guest && msg->payload_size == 5 && memcmp(msg->payload, "hello", 5) == 0;
    actor_send(rt, *guest, STOP, NULL, 0);
    return false;
}

static void run_with_witness(runtime_t *rt, actor_id_t guest) {
    actor_id_t id = actor_spawn(rt, witness, &guest, NULL, 4);
    actor_send(rt, id, START, NULL, 0);
    runtime_run(rt);
}

/* The fragment's own wasm_actors_init() nests. */
static void run_fragment(void) {
#define runtime_run(rt) run_with_witness((rt), wasm)
#include "spawn_wasm_fragment.c"
#undef runtime_run
    runtime_destroy(rt);
    wasm_actors_cleanup();
}

static void run_loaded(const char *path) {
    char           err[256] = "";
    wasm_options_t options = {.grants = WASM_GRANTS_LOADED};
    actor_id_t     guest = ACTOR_ID_INVALID;
    runtime_t     *rt = runtime_init(1, 16);
    if (actor_spawn_wasm_file_opts(rt, path, &options, &guest, NULL, err, sizeof err) == MK_OK) {
        run_with_witness(rt, guest);
    } else {
        fprintf(stderr, "%s: %s\n", path, err);
    }
    runtime_destroy(rt);
}

int main(int argc, char **argv) {
    wasm_actors_init();
    if (argc > 1) {
        run_loaded(argv[1]);
    } else {
        run_fragment();
    }
    wasm_actors_cleanup();
    if (!witnessed) fprintf(stderr, "no reply, or another one than 201 \"hello\"\n");
    return witnessed ? 0 : 1;
}
