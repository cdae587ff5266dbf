/* SPDX-License-Identifier: Apache-2.0 */
/* wait_test.c -- what waits in an import keeps less memory than it ran in, and all of what its callers will need. */
#include "rig/rig.h"
#include "vm/instance.h"

#include <string.h>

/* A function whose operands are what CALLS calls of an import return, all of them on the stack before they are added up. */
enum { CALLS = 70, HEAD_BYTES = 44, CALL_BYTES = 2, FUEL = 100000 };

static const uint8_t head[HEAD_BYTES] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,                  /* version                    */
    0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7e,                        /* type 0: () -> i64          */
    0x02, 0x09, 0x01, 0x03, 'e',  'n',  'v',  0x01, 'w', 0x00, 0x00, /* function 0: env.w          */
    0x03, 0x02, 0x01, 0x00,                                          /* function 1                 */
    0x07, 0x05, 0x01, 0x01, 'f',  0x00, 0x01,                        /* exported as f              */
    0x0a, 0xd6, 0x01, 0x01, 0xd3, 0x01, 0x00,                        /* 1 + 2 + 211 bytes; its code */
};
static uint8_t module[HEAD_BYTES + CALLS * (CALL_BYTES + 1)];

static mk_vm_host_end_t waits(mk_vm_instance_t *instance, const void *arg, uint64_t *slots) {
    (void)instance, (void)arg, (void)slots;
    return MK_VM_HOST_BLOCKED;
}

static void write_module(void) {
    static const uint8_t call[CALL_BYTES] = {0x10, 0x00};
    uint8_t             *at = module;
    memcpy(at, head, sizeof head);
    at += sizeof head;
    for (int i = 0; i < CALLS; i++, at += CALL_BYTES) memcpy(at, call, CALL_BYTES);
    memset(at, 0x7c, CALLS - 1); /* i64.add */
    at[CALLS - 1] = 0x0b;        /* end     */
}

TEST(a_caller_that_needs_more_than_what_it_called_finds_it_after_the_wait) {
    const mk_vm_import_function_t import = {.fn = waits};
    const mk_vm_imports_t         imports = {.functions = &import};
    mk_vm_program_t              *program;
    mk_vm_instance_t             *instance;
    char                          err[160];
    uint64_t                      result = 0;
    write_module();
    CHECK_EQ(mk_vm_program_create(module, sizeof module, NULL, &program, err, sizeof err), MK_OK);
    CHECK_EQ(mk_vm_instance_create(program, &imports, NULL, NULL, NULL, NULL, &instance, err, sizeof err), MK_OK);
    mk_vm_end_t end = mk_vm_call(instance, 1, NULL, &result, FUEL);
    for (uint64_t i = 1; i <= CALLS; i++) {
        CHECK_EQ(end, MK_VM_BLOCKED);
        end = mk_vm_resume_with(instance, &i, &result, FUEL);
    }
    CHECK_EQ(end, MK_VM_DONE);
    CHECK_EQ(result, CALLS * (CALLS + 1) / 2);
    mk_vm_instance_destroy(instance);
    mk_vm_program_destroy(program);
}
