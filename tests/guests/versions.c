/* SPDX-License-Identifier: Apache-2.0 */
/* versions.c -- one module after the other. Message 10: answers RESULT with its version, how many such messages this instance has had,
 * and the number that is kept as state ("n", or 0xFFFFFFFF). 11: keeps the number in the payload. 12: from now on takes messages with
 * mk_recv. Built with VERSION, and with what goes wrong in it:
 *   TRAP_AT n      its n-th message        END_AT n   ends after it       LOOP_AT n   never comes back from it
 *   TRAP_START     in _initialize          MIGRATE_ANSWERS n
 *   GREEDY         imports what it may not have */
#include "guest.h"

enum { ASK = 10, KEEP = 11, RECEIVE = 12 };

#ifndef TRAP_AT
#define TRAP_AT 0
#endif
#ifndef END_AT
#define END_AT 0
#endif
#ifndef LOOP_AT
#define LOOP_AT 0
#endif

static uint32_t asked;

__attribute__((export_name("version"))) int32_t version(void) { return VERSION; }

static uint32_t kept(void) {
    uint32_t n;
    return mk_load_state("n", 1, &n, sizeof n) == 4 ? n : 0xFFFFFFFFu;
}

#ifdef MIGRATE_ANSWERS
__attribute__((export_name("migrate"))) int32_t migrate(int32_t old_version) {
    uint32_t n = kept() + 1000u * (uint32_t)old_version;
    mk_save_state("n", 1, &n, sizeof n);
    n = 1;
    mk_save_state("new", 3, &n, sizeof n);
    return MIGRATE_ANSWERS;
}
#endif

#ifdef TRAP_START
__attribute__((export_name("_initialize"))) void initialize(void) { __builtin_trap(); }
#endif

static int32_t handle(uint32_t type, mk_actor_t source, const void *payload, uint32_t size) {
    if (type == KEEP) mk_save_state("n", 1, payload, size);
    if (type != ASK) return usual(type, source, payload, size);
    if (++asked == TRAP_AT) __builtin_trap();
    while (asked == LOOP_AT) opaque();
#ifdef GREEDY
    mk_spawn_wasm("", 0);
#endif
    uint32_t answer[3] = {VERSION, asked, kept()};
    mk_send(source, RESULT, answer, sizeof answer);
    return asked == END_AT ? MK_STOP : MK_STAY;
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    mk_message_t  msg;
    unsigned char buf[64];
    if (type != RECEIVE) return handle(type, source, payload, size);
    while (mk_next(&msg, buf, sizeof buf, -1) == MK_OK)
        if (handle(msg.type, msg.source, buf, msg.size) == MK_STOP) return MK_STOP;
    return MK_STAY;
}
