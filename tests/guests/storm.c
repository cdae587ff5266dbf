/* SPDX-License-Identifier: Apache-2.0 */
/* storm.c -- modules for a storm of reloads. Message 10 has a number: it is saved as the state "n" and answered with RESULT: TAG, how many
 * numbers this instance has had, the number, and the state from before (or 0xFFFFFFFF). 12: from now on takes messages with mk_recv.
 * Built with TAG, and with what goes wrong:
 *   FAIL_AT n, FAIL_WHEN    at its n-th number: 0 before anything, 1 when it is saved, 2 when it is answered, 3 after a sleep behind that
 *   FAIL_HOW                0 traps, 1 exit(3), 2 takes all memory there is and goes beyond
 *   START_FAILS             saves nonsense in _initialize and traps          MIGRATE_FAILS    the same in migrate, which answers 7 */
#include "guest.h"

enum { NUMBER = 10, RECEIVE = 12 };

#ifndef FAIL_AT
#define FAIL_AT 0
#endif
#ifndef FAIL_WHEN
#define FAIL_WHEN 0
#endif
#ifndef FAIL_HOW
#define FAIL_HOW 0
#endif

__attribute__((import_module("wasi_snapshot_preview1"), import_name("proc_exit"))) _Noreturn void proc_exit(
    int32_t code);

static uint32_t had;

__attribute__((export_name("version"))) int32_t version(void) { return TAG; }

static void save(uint32_t n) { mk_save_state("n", 1, &n, sizeof n); }

#ifdef START_FAILS
__attribute__((export_name("_initialize"))) void initialize(void) {
    save(0xBAD);
    __builtin_trap();
}
#endif

#ifdef MIGRATE_FAILS
__attribute__((export_name("migrate"))) int32_t migrate(int32_t old_version) {
    save(0xBAD);
    mk_save_state("nonsense", 8, &old_version, sizeof old_version);
    return 7;
}
#endif

static void fail(uint32_t when) {
    if (had != FAIL_AT || when != FAIL_WHEN) return;
    if (FAIL_HOW == 1) proc_exit(3);
    if (FAIL_HOW == 2) {
        while (__builtin_wasm_memory_grow(0, 1) != (size_t)-1) opaque();
        *(volatile char *)at(memory_bytes()) = 1;
    }
    __builtin_trap();
}

static void number(mk_actor_t source, uint32_t n) {
    uint32_t answer[4] = {TAG, ++had, n, 0xFFFFFFFFu};
    mk_load_state("n", 1, &answer[3], sizeof answer[3]);
    fail(0);
    save(n);
    fail(1);
    mk_send(source, RESULT, answer, sizeof answer);
    fail(2);
#if FAIL_WHEN == 3
    mk_sleep_ms(2);
#endif
    fail(3);
}

static int32_t handle(uint32_t type, mk_actor_t source, const void *payload, uint32_t size) {
    if (type == NUMBER && size == 4) number(source, get_u32(payload, 0));
    return usual(type, source, payload, size);
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    mk_message_t  msg;
    unsigned char buf[64];
    if (type != RECEIVE) return handle(type, source, payload, size);
    while (mk_next(&msg, buf, sizeof buf, -1) == MK_OK)
        if (handle(msg.type, msg.source, buf, msg.size) == MK_STOP) return MK_STOP;
    return MK_STAY;
}
