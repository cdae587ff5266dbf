/* SPDX-License-Identifier: Apache-2.0 */
/* program.c -- see program.h. */
#include "vm/program.h"

#include "base/mem.h"
#include "vm/decode.h"
#include "vm/run.h"
#include "vm/translate.h"
#include "vm/validate.h"

#include <stdio.h>

const void *mk_vm_thread(void) {
    static _Thread_local char here;
    return &here;
}

/* Where the outermost frames of calls return to: units 0 and 2 say that no window lies in between. */
static mk_vm_code_t *exit_code(uint32_t function) {
    mk_vm_code_t *code = mk_alloc(sizeof *code + 4 * sizeof code->units[0]);
    if (code == NULL) return NULL;
    *code = (mk_vm_code_t){.function = function, .unit_count = 4};
    code->units[0] = 0;
    code->units[MK_VM_EXIT_HALT] = MK_VM_OP_HALT;
    code->units[2] = 0;
    code->units[MK_VM_EXIT_BRIDGE] = MK_VM_OP_BRIDGE;
    return code;
}

static mk_err_t load(mk_vm_program_t *program, const void *bytes, size_t size, char *err, size_t err_size) {
    mk_err_t result = mk_vm_decode(bytes, size, &program->limits, &program->module, err, err_size);
    if (result == MK_OK) result = mk_vm_validate(&program->module, &program->limits, err, err_size);
    if (result != MK_OK) return result;
    uint32_t      functions = program->module.function_count;
    mk_vm_code_t *leave = exit_code(functions);
    program->code = mk_calloc((size_t)functions + 1, sizeof *program->code);
    if (program->code == NULL || leave == NULL) {
        mk_free(leave);
        if (err_size > 0) snprintf(err, err_size, "%s", mk_err_text(MK_ERR_NOMEM));
        return MK_ERR_NOMEM;
    }
    atomic_init(&program->code[functions], leave);
    return MK_OK;
}

mk_err_t mk_vm_program_create(const void *bytes, size_t size, const mk_vm_limits_t *limits, mk_vm_program_t **out,
                              char *err, size_t err_size) {
    mk_vm_program_t *program = mk_calloc(1, sizeof *program);
    if (program == NULL) {
        if (err_size > 0) snprintf(err, err_size, "%s", mk_err_text(MK_ERR_NOMEM));
        return MK_ERR_NOMEM;
    }
    atomic_init(&program->home, NULL);
    program->limits = limits != NULL ? *limits : mk_vm_limits_default;
    mk_err_t result = load(program, bytes, size, err, err_size);
    if (result == MK_OK) *out = program;
    else mk_vm_program_destroy(program);
    return result;
}

void mk_vm_program_destroy(mk_vm_program_t *program) {
    if (program == NULL) return;
    for (uint32_t i = 0; program->code != NULL && i <= program->module.function_count; i++)
        mk_free(atomic_load_explicit(&program->code[i], memory_order_relaxed));
    mk_free(program->code);
    mk_free(program->spare_stack);
    mk_vm_module_fini(&program->module);
    mk_free(program);
}

const mk_vm_code_t *mk_vm_program_code(mk_vm_program_t *program, uint32_t function, mk_vm_trap_t *trap) {
    mk_vm_code_t *code = atomic_load_explicit(&program->code[function], memory_order_acquire);
    if (code != NULL) return code;
    if (atomic_load_explicit(&program->code_bytes, memory_order_relaxed) > program->limits.translated_bytes) {
        *trap = MK_VM_TRAP_CODE_LIMIT;
        return NULL;
    }
    code = mk_vm_translate(&program->module, &program->limits, function, trap);
    if (code == NULL) return NULL;
    mk_vm_code_t *first = NULL; /* another thread's, which was faster */
    if (!atomic_compare_exchange_strong_explicit(&program->code[function], &first, code, memory_order_acq_rel,
                                                 memory_order_acquire)) {
        mk_free(code);
        return first;
    }
    atomic_fetch_add_explicit(&program->code_bytes, (uint32_t)(sizeof *code + code->unit_count * sizeof code->units[0]),
                              memory_order_relaxed);
    return code;
}
