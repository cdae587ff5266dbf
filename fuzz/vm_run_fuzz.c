/* SPDX-License-Identifier: Apache-2.0 */
/* vm_run_fuzz.c -- whatever the bytes, a module that is taken runs within its limits; and stopping it wherever that is possible
 * changes nothing.
 *
 * Each module runs in two instances. One has plenty of fuel and imports that answer at once; the other stops as often as it
 * can and its imports wait. Results, traps, memory and globals have to be the same. */
#include "vm/instance.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "vm/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PLENTY = 20000, CALLS_MAX = 12, VALUES_MAX = 32, MEMORY_PAGES_MAX = 4, TABLE_ENTRIES_MAX = 300 };

/* More stops than any call with PLENTY of fuel can have. */
enum { STOPS_MAX = 10 * PLENTY };

typedef struct run {
    const mk_vm_module_t    *module;
    mk_vm_instance_t        *instance;
    mk_vm_imports_t          imports;
    mk_vm_import_function_t *functions;
    mk_vm_memory_inst_t      memory;
    mk_vm_table_inst_t      *tables, **table_list;
    uint64_t                *globals, **global_list;
    bool                     waits;
    uint32_t                 import_calls;
} run_t;

static void require(bool cond) {
    if (!cond) abort();
}

static void *some(size_t count, size_t size) {
    void *block = mk_calloc(count + 1, size);
    require(block != NULL);
    return block;
}

static mk_vm_limits_t limits(void) {
    mk_vm_limits_t l = mk_vm_limits_default;
    l.depth = 200;
    l.operands = 4000;
    l.locals = 4000;
    return l;
}

/* ---- what is imported -------------------------------------------------------------------------------------------------- */

/* Anything, but the same for both. */
static uint64_t answer(uint32_t calls, uint8_t type) {
    uint64_t n = (calls + 1) * 0x9E3779B97F4A7C15u;
    if (type == MK_VM_TYPE_FUNCREF || type == MK_VM_TYPE_EXTERNREF) return 0;
    if (type == MK_VM_TYPE_I32) return calls % 2 == 0 ? calls : (uint32_t)n;
    if (type == MK_VM_TYPE_F32) return (uint32_t)n & 0xFF7FFFFF; /* no NaN */
    return type == MK_VM_TYPE_F64 ? n & ~(UINT64_C(1) << 52) : n;
}

static void answers(run_t *run, uint32_t function, uint64_t *values) {
    const mk_vm_type_t *type = mk_vm_function_type(run->module, function);
    for (uint32_t i = 0; i < type->results; i++) {
        values[i] = answer(run->import_calls, run->module->bytes[type->results_at + i]);
    }
    run->import_calls++;
}

static mk_vm_host_end_t import_called(mk_vm_instance_t *instance, const void *arg, uint64_t *slots) {
    const mk_vm_import_function_t *self = arg;
    run_t                         *run = mk_vm_host(instance);
    if (run->waits) return MK_VM_HOST_BLOCKED;
    answers(run, self->function, slots);
    return MK_VM_HOST_DONE;
}

static void make_memory(run_t *run, const mk_vm_memory_t *memory) {
    uint64_t most = memory->max < MEMORY_PAGES_MAX ? memory->max : MEMORY_PAGES_MAX;
    run->memory.pages = &mk_vm_pages_heap;
    run->memory.page_shift = memory->page_shift;
    run->memory.pages_max = memory->has_max ? memory->max : MK_VM_NONE;
    run->memory.bytes = (uint64_t)memory->min << memory->page_shift;
    run->memory.bytes_max = most << memory->page_shift;
    if (run->memory.bytes != 0) run->memory.base = mk_vm_pages_heap.resize(NULL, 0, run->memory.bytes);
    require(run->memory.bytes == 0 || run->memory.base != NULL);
    run->imports.memory = &run->memory;
}

static void make_tables(run_t *run, const mk_vm_module_t *m) {
    for (uint32_t i = 0; i < m->table_imports; i++) {
        run->table_list[i] = &run->tables[i];
        run->tables[i] = (mk_vm_table_inst_t){.entries = some(m->tables[i].min, sizeof(mk_vm_ref_t)),
                                              .count = m->tables[i].min,
                                              .count_max = TABLE_ENTRIES_MAX,
                                              .declared_max = m->tables[i].has_max ? m->tables[i].max : MK_VM_NONE,
                                              .type = m->tables[i].type};
        if (run->tables[i].count_max > run->tables[i].declared_max) run->tables[i].count_max = m->tables[i].max;
    }
}

static void make_imports(run_t *run, const mk_vm_module_t *m) {
    run->functions = some(m->function_imports, sizeof *run->functions);
    for (uint32_t i = 0; i < m->function_imports; i++) {
        run->functions[i] = (mk_vm_import_function_t){.fn = import_called, .arg = &run->functions[i], .function = i};
    }
    run->tables = some(m->table_imports, sizeof *run->tables);
    run->table_list = some(m->table_imports, sizeof(void *));
    make_tables(run, m);
    run->globals = some(m->global_imports, sizeof *run->globals);
    run->global_list = some(m->global_imports, sizeof(void *));
    for (uint32_t i = 0; i < m->global_imports; i++) run->global_list[i] = &run->globals[i];
    if (m->memory_imports != 0) make_memory(run, &m->memory);
    run->imports.functions = run->functions;
    run->imports.tables = run->table_list;
    run->imports.globals = run->global_list;
}

static void run_fini(run_t *run, const mk_vm_module_t *m) {
    mk_vm_instance_destroy(run->instance);
    for (uint32_t i = 0; i < m->table_imports; i++) mk_free(run->tables[i].entries);
    if (run->memory.base != NULL) (void)mk_vm_pages_heap.resize(run->memory.base, run->memory.bytes, 0);
    mk_free(run->functions);
    mk_free(run->tables);
    mk_free(run->table_list);
    mk_free(run->globals);
    mk_free(run->global_list);
}

/* ---- running ------------------------------------------------------------------------------------------------------------- */

static bool run_init(run_t *run, mk_vm_program_t *program, bool waits, mk_vm_trap_t *trap) {
    mk_vm_instance_limits_t limits = {.stack_slots = 2000,
                                      .depth = 100,
                                      .table_entries = TABLE_ENTRIES_MAX,
                                      .memory_bytes = (uint64_t)MEMORY_PAGES_MAX << 16};
    char                    err[MK_VM_ERR_BYTES] = "";
    *run = (run_t){.module = &program->module, .waits = waits};
    make_imports(run, &program->module);
    mk_err_t result =
        mk_vm_instance_create(program, &run->imports, &limits, NULL, NULL, run, &run->instance, err, sizeof err);
    require((result == MK_OK) == (err[0] == '\0'));
    *trap = result == MK_OK ? mk_vm_instance_fill(run->instance) : MK_VM_TRAP_OUT_OF_MEMORY;
    return *trap == MK_VM_TRAP_NONE;
}

static mk_vm_end_t call(run_t *run, uint32_t function, const uint64_t *args, uint64_t *results, int32_t fuel) {
    mk_vm_end_t         end = mk_vm_call(run->instance, function, args, results, fuel);
    uint64_t            values[VALUES_MAX];
    mk_vm_frame_place_t place;
    for (uint32_t stops = 0; run->waits && (end == MK_VM_BLOCKED || end == MK_VM_OUT_OF_FUEL); stops++) {
        require(stops < STOPS_MAX && mk_vm_backtrace(run->instance, 0, &place));
        if (end == MK_VM_OUT_OF_FUEL) {
            end = mk_vm_resume(run->instance, results, fuel);
        } else {
            answers(run, place.function, values);
            end = mk_vm_resume_with(run->instance, values, results, fuel);
        }
    }
    return end;
}

static void require_same_state(const mk_vm_module_t *m, const run_t *a, const run_t *b) {
    const mk_vm_memory_inst_t *x = mk_vm_memory(a->instance), *y = mk_vm_memory(b->instance);
    require(a->import_calls == b->import_calls && (x == NULL) == (y == NULL));
    if (x != NULL && x->bytes != 0) require(x->bytes == y->bytes && memcmp(x->base, y->base, (size_t)x->bytes) == 0);
    for (uint32_t i = 0; i < m->global_count; i++) {
        require(*mk_vm_global(a->instance, i) == *mk_vm_global(b->instance, i));
    }
    for (uint32_t i = 0; i < m->table_count; i++) {
        const mk_vm_table_inst_t *s = mk_vm_table(a->instance, i), *t = mk_vm_table(b->instance, i);
        require(s->count == t->count);
        for (uint32_t k = 0; k < s->count; k++) require(s->entries[k] == t->entries[k]);
    }
}

/* False: what follows need not be the same, since a limit was reached. */
static bool call_both(run_t *plenty, run_t *waiting, const mk_vm_module_t *m, uint32_t function, int32_t slice) {
    const mk_vm_type_t *type = mk_vm_function_type(m, function);
    uint64_t            args[VALUES_MAX], results[2][VALUES_MAX] = {{0}};
    char                text[256];
    if (type->params > VALUES_MAX || type->results > VALUES_MAX) return true;
    for (uint32_t i = 0; i < type->params; i++) args[i] = answer(function + i, m->bytes[type->params_at + i]);
    mk_vm_end_t end = call(plenty, function, args, results[0], PLENTY);
    if (end == MK_VM_OUT_OF_FUEL) {
        mk_vm_abandon(plenty->instance);
        return false;
    }
    require(end == call(waiting, function, args, results[1], slice));
    require(end == MK_VM_DONE || end == MK_VM_TRAPPED);
    if (end == MK_VM_TRAPPED) {
        mk_vm_trap_t trap = mk_vm_trap(plenty->instance);
        mk_vm_trap_text(plenty->instance, text, sizeof text);
        require(trap != MK_VM_TRAP_NONE && text[0] != '\0' && trap == mk_vm_trap(waiting->instance));
    }
    for (uint32_t i = 0; end == MK_VM_DONE && i < type->results; i++) require(results[0][i] == results[1][i]);
    require_same_state(m, plenty, waiting);
    return true;
}

static void run_both(mk_vm_program_t *program, int32_t slice) {
    const mk_vm_module_t *m = &program->module;
    run_t                 plenty, waiting;
    mk_vm_trap_t          traps[2];
    bool                  good = run_init(&plenty, program, false, &traps[0]);
    require(good == run_init(&waiting, program, true, &traps[1]) && traps[0] == traps[1]);
    if (good && m->start != MK_VM_NONE) good = call_both(&plenty, &waiting, m, m->start, slice);
    for (uint32_t i = 0; good && i < m->export_count && i < CALLS_MAX; i++) {
        if (m->exports[i].kind == MK_VM_KIND_FUNCTION)
            good = call_both(&plenty, &waiting, m, m->exports[i].index, slice);
    }
    run_fini(&plenty, m);
    run_fini(&waiting, m);
}

/* Imports that would take more than is good for a fuzzer. */
static bool too_large(const mk_vm_module_t *m) {
    if (m->memory_count != 0 && (uint64_t)m->memory.min << m->memory.page_shift > (uint64_t)MEMORY_PAGES_MAX << 16)
        return true;
    for (uint32_t i = 0; i < m->table_count; i++) {
        if (m->tables[i].min > TABLE_ENTRIES_MAX) return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int32_t slices[] = {1, 2, 30, 1000};
    mk_vm_limits_t       l = limits();
    mk_vm_program_t     *program = NULL;
    char                 err[MK_VM_ERR_BYTES] = "";
    if (mk_vm_program_create(data, size, &l, &program, err, sizeof err) != MK_OK) return 0;
    if (!too_large(&program->module)) run_both(program, slices[size % 4]);
    mk_vm_program_destroy(program);
    return 0;
}
