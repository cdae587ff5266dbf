/* SPDX-License-Identifier: Apache-2.0 */
/* ours.c -- the engine of src/vm, stopped and resumed after each slice of fuel. */
#include "compare.h"

#include <stdio.h>

#include "base/mem.h"
#include "vm/instance.h"

typedef struct ours {
    subject_t               *subject;
    mk_vm_program_t         *program;
    mk_vm_instance_t        *instance;
    mk_vm_import_function_t *imports;
} ours_t;

static mk_vm_host_end_t import_called(mk_vm_instance_t *instance, const void *arg, uint64_t *slots) {
    (void)instance;
    const host_import_t *import = arg;
    uint64_t             result = host_call(import, slots);
    if (import->type->results != 0) slots[0] = result;
    return MK_VM_HOST_DONE;
}

static void ours_close(void *opened) {
    ours_t *ours = opened;
    mk_vm_instance_destroy(ours->instance);
    mk_vm_program_destroy(ours->program);
    mk_free(ours->imports);
    mk_free(ours);
}

static void refused(outcome_t *out, mk_err_t err) {
    out->end = err == MK_ERR_LIMIT || err == MK_ERR_NOMEM ? EXHAUSTED : REFUSED;
}

static void trapped(const ours_t *ours, mk_vm_trap_t trap, outcome_t *out) {
    bool exhausted = trap == MK_VM_TRAP_STACK_DEPTH || trap == MK_VM_TRAP_STACK_SLOTS ||
                     trap == MK_VM_TRAP_CODE_LIMIT || trap == MK_VM_TRAP_OUT_OF_MEMORY;
    out->end = exhausted ? EXHAUSTED : TRAPPED;
    out->trap = trap;
    mk_vm_trap_text(ours->instance, out->text, sizeof out->text);
}

/* What WAMR 2.4 lets a table grow to, so that growing fails alike. */
static void limit_tables(ours_t *ours) {
    for (uint32_t i = 0; i < ours->program->module.table_count; i++) {
        const mk_vm_table_t *table = &ours->program->module.tables[i];
        uint32_t             most = table->min > 512 ? table->min * 2 : 1024;
        mk_vm_table_inst_t  *instance = mk_vm_table(ours->instance, i);
        if (instance->count_max > most) instance->count_max = most;
    }
}

static bool instantiate(ours_t *ours, outcome_t *out) {
    const subject_t        *subject = ours->subject;
    mk_vm_instance_limits_t limits = {.memory_bytes = (uint64_t)MEMORY_PAGES_MAX << 16};
    uint32_t                count = subject->module.function_imports;
    mk_vm_imports_t         imports = {0};
    ours->imports = mk_calloc(count + 1, sizeof *ours->imports);
    if (ours->imports == NULL) return refused(out, MK_ERR_NOMEM), false;
    for (uint32_t i = 0; i < count; i++) {
        ours->imports[i] = (mk_vm_import_function_t){.fn = import_called, .arg = &subject->imports[i]};
    }
    imports.functions = ours->imports;
    mk_err_t err = mk_vm_instance_create(ours->program, &imports, &limits, NULL, NULL, NULL, &ours->instance, out->text,
                                         sizeof out->text);
    if (err != MK_OK) return refused(out, err), false;
    limit_tables(ours);
    mk_vm_trap_t trap = mk_vm_instance_fill(ours->instance);
    if (trap != MK_VM_TRAP_NONE) return trapped(ours, trap, out), false;
    return true;
}

static void *ours_open(subject_t *subject, outcome_t *out) {
    ours_t *ours = mk_calloc(1, sizeof *ours);
    out->text[0] = '\0';
    if (ours == NULL) return refused(out, MK_ERR_NOMEM), NULL;
    ours->subject = subject;
    mk_err_t err =
        mk_vm_program_create(subject->bytes, subject->size, NULL, &ours->program, out->text, sizeof out->text);
    if (err != MK_OK) refused(out, err);
    else if (instantiate(ours, out)) return ours;
    ours_close(ours);
    return NULL;
}

/* A stop costs more than a unit of fuel, which is what limits the number of stops. */
enum { STOP_COST = 40 };

static void ours_call(void *opened, const char *name, uint32_t function, const uint64_t *args, outcome_t *out) {
    (void)name;
    ours_t     *ours = opened;
    subject_t  *subject = ours->subject;
    uint64_t    cost = (uint64_t)(subject->slice > STOP_COST ? subject->slice : STOP_COST);
    mk_vm_end_t end = mk_vm_call(ours->instance, function, args, out->values, subject->slice);
    for (; end == MK_VM_OUT_OF_FUEL && subject->fuel > cost; subject->fuel -= cost) {
        end = mk_vm_resume(ours->instance, out->values, subject->slice);
    }
    if (end == MK_VM_TRAPPED) trapped(ours, mk_vm_trap(ours->instance), out);
    else out->end = end == MK_VM_DONE ? RETURNED : TOO_LONG;
    if (out->end == TOO_LONG) mk_vm_abandon(ours->instance);
    if (out->end != RETURNED) return;
    const mk_vm_type_t *type = mk_vm_function_type(&subject->module, function);
    for (uint32_t i = 0; i < type->results; i++) {
        if (result_type(subject, type, i) == MK_VM_TYPE_FUNCREF) out->values[i] = (uint32_t)out->values[i];
    }
}

static size_t ours_memory(void *opened, const uint8_t **base) {
    mk_vm_memory_inst_t *memory = mk_vm_memory(((ours_t *)opened)->instance);
    *base = memory != NULL ? memory->base : NULL;
    return memory != NULL ? (size_t)memory->bytes : 0;
}

static bool ours_global(void *opened, const char *name, uint32_t index, uint64_t *value) {
    (void)name;
    *value = *mk_vm_global(((ours_t *)opened)->instance, index);
    return true;
}

static bool ours_table(void *opened, const char *name, uint32_t index, uint32_t *count, uint64_t *functions) {
    (void)name;
    const mk_vm_table_inst_t *table = mk_vm_table(((ours_t *)opened)->instance, index);
    *count = table->count;
    *functions = 0;
    for (uint32_t i = 0; i < table->count; i++) *functions = hash_add(*functions, (uint32_t)table->entries[i]);
    return true;
}

const engine_t engine_ours = {"ours", ours_open, ours_close, ours_call, ours_memory, ours_global, ours_table};
