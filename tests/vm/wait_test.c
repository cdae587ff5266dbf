/* SPDX-License-Identifier: Apache-2.0 */
/* wait_test.c -- what waits in an import keeps less memory than it ran in, and all of what its callers will need. */
#include "rig/rig.h"
#include "vm/instance.h"

#include <string.h>

/* A function that calls an import, then puts the size of memory on the stack SIZES times, and adds all of it up. */
enum { SIZES = 70, HEAD_BYTES = 51, SIZE_BYTES = 2, FUEL = 100000, WAITED = 1000 };

static const uint8_t head[HEAD_BYTES] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,                   /* version                    */
    0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7f,                         /* type 0: () -> i32          */
    0x02, 0x09, 0x01, 0x03, 'e',  'n',  'v',  0x01, 'w',  0x00, 0x00, /* function 0: env.w          */
    0x03, 0x02, 0x01, 0x00,                                           /* function 1                 */
    0x05, 0x03, 0x01, 0x00, 0x01,                                     /* memory of one page         */
    0x07, 0x05, 0x01, 0x01, 'f',  0x00, 0x01,                         /* function 1 exported as f   */
    0x0a, 0xd9, 0x01, 0x01, 0xd6, 0x01, 0x00, 0x10, 0x00,             /* its code: 214 bytes; call 0 */
};
static uint8_t module[HEAD_BYTES + SIZES * (SIZE_BYTES + 1) + 1];

static mk_vm_host_end_t waits(mk_vm_instance_t *instance, const void *arg, uint64_t *slots) {
    (void)instance, (void)arg, (void)slots;
    return MK_VM_HOST_BLOCKED;
}

static void write_module(void) {
    static const uint8_t memory_size[SIZE_BYTES] = {0x3f, 0x00};
    uint8_t             *at = module;
    memcpy(at, head, sizeof head);
    at += sizeof head;
    for (int i = 0; i < SIZES; i++, at += SIZE_BYTES) memcpy(at, memory_size, SIZE_BYTES);
    memset(at, 0x6a, SIZES); /* i32.add */
    at[SIZES] = 0x0b;        /* end     */
}

TEST(a_caller_that_needs_more_than_what_it_called_finds_it_after_the_wait) {
    const mk_vm_import_function_t import = {.fn = waits};
    const mk_vm_imports_t         imports = {.functions = &import};
    mk_vm_program_t              *program;
    mk_vm_instance_t             *instance;
    char                          err[160];
    uint64_t                      result = 0, waited = WAITED;
    write_module();
    CHECK_EQ(mk_vm_program_create(module, sizeof module, NULL, &program, err, sizeof err), MK_OK);
    CHECK_EQ(mk_vm_instance_create(program, &imports, NULL, NULL, NULL, NULL, &instance, err, sizeof err), MK_OK);
    CHECK_EQ(mk_vm_call(instance, 1, NULL, &result, FUEL), MK_VM_BLOCKED);
    CHECK_EQ(mk_vm_resume_with(instance, &waited, &result, FUEL), MK_VM_DONE);
    CHECK_EQ(result, WAITED + SIZES);
    mk_vm_instance_destroy(instance);
    mk_vm_program_destroy(program);
}
