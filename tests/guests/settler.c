/* SPDX-License-Identifier: Apache-2.0 */
/* settler.c -- what a module leaves behind. Message 20 with a module as payload: spawns it, registers the name "colony", asks for its own
 * name "it" to be given up, saves "n", answers RESULT with the child's id (two numbers). 21: traps. 22: prints.
 * Built with WHEN_STARTED: its _initialize asks for a message instead, which it does not get, and 21 is answered with what that gave. */
#include "guest.h"

enum { SETTLE = 20, FAIL = 21, PRINT = 22, NAME_UNREGISTER = (int)0xFF000011 };

#ifdef WHEN_STARTED
static int32_t got;

__attribute__((export_name("_initialize"))) void initialize(void) {
    uint32_t type, size;
    char     buf[8];
    got = mk_recv(&type, buf, sizeof buf, &size);
}
#endif

static void settle(mk_actor_t source, const void *payload, uint32_t size) {
    mk_actor_t child = mk_spawn_wasm(payload, size);
    uint32_t   n = 77;
    mk_register_text("colony");
    mk_send(mk_lookup_text("ns"), (uint32_t)NAME_UNREGISTER, "it", 2);
    mk_save_state("n", 1, &n, sizeof n);
    mk_send(source, RESULT, &child, sizeof child);
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    if (type == PRINT) mk_print("settled\n", 8);
    if (type == SETTLE) settle(source, payload, size);
#ifdef WHEN_STARTED
    if (type == FAIL) mk_send(source, RESULT, &got, sizeof got);
#else
    if (type == FAIL) __builtin_trap();
#endif
    return usual(type, source, payload, size);
}
