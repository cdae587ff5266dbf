/* SPDX-License-Identifier: Apache-2.0 */
/* dead.c -- talks to actors that do not exist. GO with the u64 id of one that has ended; RESULT: checks that failed. */
#include "guest.h"

static void try_dead(check_t *c, mk_actor_t dead) {
    char name[MK_NAME_BYTES];
    CHECK(c, mk_send(dead, PING, "x", 1) == 0);
    CHECK(c, mk_send(dead, PING, NULL, 0) == 0);
    CHECK(c, mk_send_u32(dead, PING, 1) == 0);
    CHECK(c, mk_stop(dead) == 0);
    CHECK(c, mk_reverse_lookup(dead, name, sizeof name) == 0);
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    if (type != GO || size < 8) return usual(type, source, payload, size);
    check_t          c = {.to = source};
    mk_actor_t       dead = get_u64(payload, 0);
    mk_actor_t       node = mk_self() & ~(mk_actor_t)UINT32_MAX;
    const mk_actor_t nobody[] = {
        dead,
        MK_NOBODY,
        UINT64_MAX,
        node,
        node | UINT32_MAX,
        node | 0x7FFFFFFF,
        (mk_actor_t)99 << 32 | 1,
        mk_self() + ((mk_actor_t)1 << 40),
    };
    for (uint32_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++) try_dead(&c, nobody[i]);
    CHECK(&c, mk_lookup_text("/no/such/name") == MK_NOBODY);
    mk_send_u32(source, RESULT, c.wrong);
    return MK_STAY;
}
