/* SPDX-License-Identifier: Apache-2.0 */
/* bulk_test.c -- operations on many bytes or entries stop for others: a long one in between, and many short ones in a row, which no
 * branch and no call interrupts. */
#include "rig/rig.h"
#include "vm/decode.h"
#include "vm/instance.h"
#include "wasm/module_build.h"

enum { MANY = 60, FUEL = 100 };

/* One function "()", a memory of 64 KiB that may grow, and a table; its body is `one`, so many times. */
static uint32_t stops_of(const uint8_t *one, size_t size, uint32_t times) {
    static module_t   m;
    static char       err[MK_VM_ERR_BYTES];
    mk_vm_program_t  *program;
    mk_vm_instance_t *instance;
    uint8_t           code[1024] = {1};
    size_t            body = 2 + times * size;
    m = module_begin();
    SECTION(&m, 1, 1, 0x60, 0, 0);
    SECTION(&m, 3, 1, 0);
    SECTION(&m, 4, 1, 0x70, 0, 8);
    SECTION(&m, 5, 1, 0, 1);
    SECTION(&m, 9, 1, 1, 0, 1, 0); /* elements: passive, function 0 */
    code[1] = (uint8_t)((body & 0x7F) | 0x80);
    code[2] = (uint8_t)(body >> 7);
    for (uint32_t i = 0; i < times; i++) memcpy(code + 4 + i * size, one, size);
    code[4 + times * size] = 0x0B;
    module_section(&m, 10, code, 5 + times * size);
    if (mk_vm_program_create(m.at, m.size, NULL, &program, err, sizeof err) != MK_OK)
        rig_fail(__FILE__, __LINE__, "%s", err);
    CHECK_EQ(mk_vm_instance_create(program, NULL, NULL, NULL, NULL, NULL, &instance, err, sizeof err), MK_OK);
    CHECK_EQ(mk_vm_instance_fill(instance), MK_VM_TRAP_NONE);
    uint32_t    stops = 0;
    mk_vm_end_t end = mk_vm_call(instance, 0, NULL, NULL, FUEL);
    for (; end == MK_VM_OUT_OF_FUEL; stops++) end = mk_vm_resume(instance, NULL, FUEL);
    CHECK_EQ(end, MK_VM_DONE);
    mk_vm_instance_destroy(instance);
    mk_vm_program_destroy(program);
    return stops;
}

#define STOPS(times, ...) stops_of(BYTES(__VA_ARGS__), times)

TEST(one_that_is_long_stops_in_between) {
    CHECK(STOPS(1, 0x41, 0, 0x41, 1, 0x41, 0x80, 0x80, 4, 0xFC, 11, 0) >= 64 / 16 - 1); /* memory.fill 0 1 65536 */
}

TEST(short_ones_in_a_row_stop_in_between) {
    CHECK(STOPS(MANY, 0x41, 0, 0x41, 1, 0x41, 0x80, 0x80, 1, 0xFC, 11, 0) >= MANY - 1);    /* memory.fill 0 1 16384   */
    CHECK(STOPS(MANY, 0x41, 0, 0x41, 8, 0x41, 0x80, 0x80, 1, 0xFC, 10, 0, 0) >= MANY - 1); /* memory.copy 0 8 16384   */
    CHECK(STOPS(MANY, 0x41, 0, 0x41, 0, 0x41, 1, 0xFC, 12, 0, 0) >= 1);                    /* table.init 0 0 1: cheap */
}
