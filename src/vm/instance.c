/* SPDX-License-Identifier: Apache-2.0 */
/* instance.c -- makes instances, fills them, and begins, continues and ends calls. See instance.h. */
#include "vm/run.h"

#include "base/assert.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum {
    DEFAULT_STACK_SLOTS = 64 * 1024,
    DEFAULT_DEPTH = 16 * 1024,
    DEFAULT_TABLE_ENTRIES = 1024 * 1024,
    MOST_STACK_SLOTS = 16 * 1024 * 1024,
    SPARE_STACK_SLOTS = 4096, /* most that is kept for the next call */
};

/* --- making ------------------------------------------------------------------------------------------------------------- */

static mk_err_t refuse(char *err, size_t err_size, const char *what, uint64_t asked, uint64_t most) {
    if (err_size > 0)
        snprintf(err, err_size, "%s %llu, more than the %llu allowed", what, (unsigned long long)asked,
                 (unsigned long long)most);
    return MK_ERR_LIMIT;
}

static mk_err_t no_memory(char *err, size_t err_size) {
    if (err_size > 0) snprintf(err, err_size, "%s", mk_err_text(MK_ERR_NOMEM));
    return MK_ERR_NOMEM;
}

static mk_vm_instance_limits_t limits_with_defaults(const mk_vm_instance_limits_t *limits) {
    static const mk_vm_instance_limits_t none;
    mk_vm_instance_limits_t              l = limits != NULL ? *limits : none;
    if (l.stack_slots == 0) l.stack_slots = DEFAULT_STACK_SLOTS;
    if (l.stack_slots > MOST_STACK_SLOTS) l.stack_slots = MOST_STACK_SLOTS;
    if (l.depth == 0) l.depth = DEFAULT_DEPTH;
    if (l.table_entries == 0) l.table_entries = DEFAULT_TABLE_ENTRIES;
    if (l.memory_bytes == 0) l.memory_bytes = (uint64_t)UINT32_MAX + 1;
    return l;
}

static mk_err_t memory_create(mk_vm_instance_t *instance, const mk_vm_pages_t *pages, char *err, size_t err_size) {
    const mk_vm_module_t *m = &instance->program->module;
    mk_vm_memory_inst_t  *memory = &instance->own_memory;
    uint64_t              hidden = instance->limits.hidden_bytes, bytes = 0, most = 0;
    memory->pages = pages != NULL ? pages : &mk_vm_pages_heap;
    memory->pages_max = MK_VM_NONE;
    memory->page_shift = 16;
    if (m->memory_count > 0) {
        memory->page_shift = m->memory.page_shift;
        if (m->memory.has_max) memory->pages_max = m->memory.max;
        bytes = (uint64_t)m->memory.min << m->memory.page_shift;
        most = (uint64_t)m->memory.max << m->memory.page_shift;
        if (most > instance->limits.memory_bytes) most = instance->limits.memory_bytes;
        if (bytes > most) return refuse(err, err_size, "its memory begins with bytes:", bytes, most);
    }
    if (hidden > 0) bytes = (bytes + 15) / 16 * 16 + hidden;
    memory->bytes_max = most + hidden;
    memory->hidden_bytes = hidden;
    if (bytes > 0 && (memory->base = memory->pages->resize(NULL, 0, bytes)) == NULL) return no_memory(err, err_size);
    memory->bytes = bytes;
    return MK_OK;
}

static mk_err_t table_create(mk_vm_instance_t *instance, const mk_vm_table_t *from, mk_vm_table_inst_t *table,
                             char *err, size_t err_size) {
    uint32_t most = instance->limits.table_entries;
    if (from->min > most) return refuse(err, err_size, "a table begins with entries:", from->min, most);
    *table = (mk_vm_table_inst_t){.count = from->min,
                                  .count_max = from->has_max && from->max < most ? from->max : most,
                                  .declared_max = from->has_max ? from->max : MK_VM_NONE,
                                  .type = from->type};
    if (from->min == 0) return MK_OK;
    table->entries = mk_calloc(from->min, sizeof *table->entries);
    return table->entries != NULL ? MK_OK : no_memory(err, err_size);
}

/* Own parts, in order: what they refer to (earlier globals, functions) is there already. */
static mk_err_t parts_create(mk_vm_instance_t *instance, uint64_t *cells, mk_vm_table_inst_t *tables,
                             const mk_vm_pages_t *pages, char *err, size_t err_size) {
    const mk_vm_module_t *m = &instance->program->module;
    mk_err_t              result = MK_OK;
    for (uint32_t i = m->global_imports; i < m->global_count; i++) {
        instance->globals[i] = &cells[i - m->global_imports];
        *instance->globals[i] = mk_vm_initial_value(instance, m->globals[i].init_at);
    }
    for (uint32_t i = m->table_imports; i < m->table_count && result == MK_OK; i++) {
        instance->tables[i] = &tables[i - m->table_imports];
        result = table_create(instance, &m->tables[i], instance->tables[i], err, err_size);
    }
    if (result == MK_OK && m->memory_imports == 0) result = memory_create(instance, pages, err, err_size);
    return result;
}

static void parts_free(mk_vm_instance_t *instance) {
    const mk_vm_module_t *m = &instance->program->module;
    for (uint32_t i = m->table_imports; i < m->table_count; i++) {
        if (instance->tables[i] != NULL) mk_free(instance->tables[i]->entries);
    }
    mk_vm_memory_inst_t *memory = &instance->own_memory;
    if (memory->base != NULL) memory->pages->resize(memory->base, memory->bytes, 0);
}

static bool store_add(mk_vm_store_t *store, mk_vm_instance_t *instance) {
    if (store->count == store->room) {
        uint32_t           room = store->room == 0 ? 4 : store->room * 2;
        mk_vm_instance_t **grown = mk_realloc(store->instances, room * sizeof *grown);
        if (grown == NULL) return false;
        store->instances = grown;
        store->room = room;
    }
    instance->id = store->count;
    store->instances[store->count++] = instance;
    return true;
}

/* Where its calls run, most of all: the helper that loaded it has no use for a spare stack. */
static void move_in(mk_vm_program_t *program) {
    const void *nowhere = NULL;
    if (atomic_load_explicit(&program->home, memory_order_relaxed) == NULL)
        atomic_compare_exchange_strong_explicit(&program->home, &nowhere, mk_vm_thread(), memory_order_relaxed,
                                                memory_order_relaxed);
}

mk_err_t mk_vm_instance_create(mk_vm_program_t *program, const mk_vm_imports_t *imports,
                               const mk_vm_instance_limits_t *limits, const mk_vm_pages_t *pages, mk_vm_store_t *store,
                               void *host, mk_vm_instance_t **out, char *err, size_t err_size) {
    const mk_vm_module_t *m = &program->module;
    size_t                globals = m->global_count, tables = m->table_count;
    size_t                own_globals = globals - m->global_imports, own_tables = tables - m->table_imports;
    size_t                bits = ((size_t)m->elements_count + m->data_count + 7) / 8;
    size_t bytes = sizeof(mk_vm_instance_t) + own_globals * sizeof(uint64_t) + globals * sizeof(uint64_t *) +
                   tables * sizeof(mk_vm_table_inst_t *) + own_tables * sizeof(mk_vm_table_inst_t) + bits;
    mk_vm_instance_t *instance = mk_calloc(1, bytes);
    if (instance == NULL) return no_memory(err, err_size);
    move_in(program);
    uint64_t           *cells = (uint64_t *)(instance + 1);
    mk_vm_table_inst_t *own = (mk_vm_table_inst_t *)(void *)(cells + own_globals);
    instance->program = program;
    instance->globals = (uint64_t **)(void *)(own + own_tables);
    instance->tables = (mk_vm_table_inst_t **)(void *)(instance->globals + globals);
    instance->dropped = (uint8_t *)(instance->tables + tables);
    instance->host = host;
    instance->limits = limits_with_defaults(limits);
    instance->bytes = (uint32_t)bytes;
    instance->memory = &instance->own_memory;
    instance->stack.current = instance;
    if (imports != NULL) {
        instance->imports = imports->functions;
        for (uint32_t i = 0; i < m->global_imports; i++) instance->globals[i] = imports->globals[i];
        for (uint32_t i = 0; i < m->table_imports; i++) instance->tables[i] = imports->tables[i];
        if (m->memory_imports > 0) instance->memory = imports->memory;
    }
    mk_err_t result = store == NULL || store_add(store, instance) ? MK_OK : no_memory(err, err_size);
    bool     added = store != NULL && result == MK_OK;
    if (result == MK_OK) result = parts_create(instance, cells, own, pages, err, err_size);
    if (result != MK_OK) {
        if (added) store->count--;
        parts_free(instance);
        mk_free(instance);
        return result;
    }
    instance->store = store;
    *out = instance;
    return MK_OK;
}

static void stack_put_away(mk_vm_instance_t *instance);

static void instance_free(mk_vm_instance_t *instance) {
    stack_put_away(instance);
    parts_free(instance);
    mk_free(instance);
}

void mk_vm_instance_destroy(mk_vm_instance_t *instance) {
    if (instance == NULL) return;
    mk_assert(instance->store == NULL && instance->state != MK_VM_RUNNING);
    instance_free(instance);
}

void mk_vm_store_init(mk_vm_store_t *store) { *store = (mk_vm_store_t){0}; }

void mk_vm_store_fini(mk_vm_store_t *store) {
    for (uint32_t i = 0; i < store->count; i++) instance_free(store->instances[i]);
    mk_free(store->instances);
    *store = (mk_vm_store_t){0};
}

/* --- filling ------------------------------------------------------------------------------------------------------------ */

static mk_vm_trap_t fill_table(mk_vm_instance_t *instance, const mk_vm_elements_t *segment) {
    mk_vm_table_inst_t *table = instance->tables[segment->table];
    uint32_t            at = (uint32_t)mk_vm_initial_value(instance, segment->offset_at);
    if (at > table->count || segment->count > table->count - at)
        return mk_vm_trapped(instance, MK_VM_TRAP_TABLE_BOUNDS, at, table->count);
    mk_vm_reader_t r = mk_vm_items(instance, segment);
    for (uint32_t i = 0; i < segment->count; i++) table->entries[at + i] = mk_vm_next_item(instance, segment, &r);
    return MK_VM_TRAP_NONE;
}

static mk_vm_trap_t fill_memory(mk_vm_instance_t *instance, const mk_vm_data_t *segment) {
    mk_vm_memory_inst_t *memory = instance->memory;
    uint64_t             size = memory->bytes - memory->hidden_bytes;
    uint32_t             at = (uint32_t)mk_vm_initial_value(instance, segment->offset_at);
    if (at > size || segment->size > size - at) return mk_vm_trapped(instance, MK_VM_TRAP_MEMORY_BOUNDS, at, size);
    if (segment->size > 0)
        memcpy(memory->base + at, instance->program->module.bytes + segment->bytes_at, segment->size);
    return MK_VM_TRAP_NONE;
}

mk_vm_trap_t mk_vm_instance_fill(mk_vm_instance_t *instance) {
    const mk_vm_module_t *m = &instance->program->module;
    mk_vm_trap_t          trap = MK_VM_TRAP_NONE;
    instance->trap_instance = NULL;
    for (uint32_t i = 0; i < m->elements_count && trap == MK_VM_TRAP_NONE; i++) {
        if (m->elements[i].mode == MK_VM_SEGMENT_ACTIVE) trap = fill_table(instance, &m->elements[i]);
        if (m->elements[i].mode != MK_VM_SEGMENT_PASSIVE && trap == MK_VM_TRAP_NONE) mk_vm_drop(instance, i);
    }
    for (uint32_t i = 0; i < m->data_count && trap == MK_VM_TRAP_NONE; i++) {
        if (m->data[i].mode != MK_VM_SEGMENT_ACTIVE) continue;
        trap = fill_memory(instance, &m->data[i]);
        if (trap == MK_VM_TRAP_NONE) mk_vm_drop(instance, mk_vm_data_bit(instance, i));
    }
    instance->trap = trap;
    return trap;
}

/* --- stacks --------------------------------------------------------------------------------------------------------------- */

static bool is_home(const mk_vm_program_t *program) {
    return atomic_load_explicit(&program->home, memory_order_relaxed) == mk_vm_thread();
}

/* One that another call has left, or a new one. Most modules are used by one thread, and two atomic operations would be a good
 * part of what a call costs: so other threads do without. */
static bool stack_take(mk_vm_instance_t *instance) {
    mk_vm_program_t *program = instance->program;
    mk_vm_stack_t   *s = &instance->stack;
    s->slots = is_home(program) ? program->spare_stack : NULL;
    if (mk_likely(s->slots != NULL)) {
        program->spare_stack = NULL;
        s->capacity = (uint32_t)s->slots[0];
        return true;
    }
    s->capacity = MK_VM_STACK_SLOTS;
    s->slots = mk_alloc(MK_VM_STACK_SLOTS * sizeof *s->slots);
    return s->slots != NULL;
}

static void stack_put_away(mk_vm_instance_t *instance) {
    mk_vm_program_t *program = instance->program;
    mk_vm_stack_t   *s = &instance->stack;
    uint64_t        *slots = s->slots;
    s->slots = NULL;
    if (slots == NULL) return;
    if (mk_likely(is_home(program) && program->spare_stack == NULL && s->capacity <= SPARE_STACK_SLOTS)) {
        slots[0] = s->capacity;
        program->spare_stack = slots;
        return;
    }
    mk_free(slots);
}

bool mk_vm_stack_grow(mk_vm_instance_t *instance, uint32_t used, uint32_t slots) {
    mk_vm_stack_t *s = &instance->stack;
    uint64_t       need = (uint64_t)used + slots, most = instance->limits.stack_slots, room = (uint64_t)s->capacity * 2;
    if (need > most) {
        (void)mk_vm_trapped(instance, MK_VM_TRAP_STACK_SLOTS, need, most);
        return false;
    }
    if (room < need) room = need;
    if (room > most) room = most;
    uint64_t *grown = mk_realloc(s->slots, (size_t)room * sizeof *grown);
    if (grown == NULL) {
        (void)mk_vm_trapped(instance, MK_VM_TRAP_OUT_OF_MEMORY, 0, 0);
        return false;
    }
    s->slots = grown;
    s->capacity = (uint32_t)room;
    return true;
}

static const mk_vm_code_t *code_of(const mk_vm_stack_t *s, uint32_t function) {
    return atomic_load_explicit(&s->current->program->code[function], memory_order_acquire);
}

/* Slots that the frames need: the window of one that called may reach beyond the window of what it called. Frames of several
 * instances need all there is. */
static uint32_t stack_used(const mk_vm_stack_t *s) {
    uint32_t function = s->function, base = s->base, used = 0;
    for (;;) {
        const mk_vm_code_t *code = code_of(s, function);
        if (base + code->slots > used) used = base + code->slots;
        mk_vm_link_t link = s->slots[base + code->link_at];
        function = (uint32_t)(link >> 32);
        if (function >= s->current->program->module.function_count)
            return (uint32_t)link == MK_VM_EXIT_HALT ? used : s->capacity;
        base -= code_of(s, function)->units[(uint32_t)link - 1];
    }
}

/* What waits, perhaps for long, keeps what it uses. */
static void stack_shrink(mk_vm_instance_t *instance) {
    mk_vm_stack_t *s = &instance->stack;
    if (s->capacity <= MK_VM_STACK_SLOTS || s->capacity < 2 * (s->base + code_of(s, s->function)->slots)) return;
    uint32_t used = stack_used(s);
    if (s->capacity < 2 * used) return;
    uint64_t *shrunk = mk_realloc(s->slots, used * sizeof *shrunk);
    if (shrunk == NULL) return;
    s->slots = shrunk;
    s->capacity = used;
}

/* --- calls ---------------------------------------------------------------------------------------------------------------- */

static mk_vm_end_t settle(mk_vm_instance_t *instance, mk_vm_end_t end, uint64_t *results) {
    mk_vm_stack_t *s = &instance->stack;
    switch (end) {
    case MK_VM_DONE: {
        const mk_vm_code_t *code = atomic_load_explicit(&instance->program->code[s->called], memory_order_acquire);
        for (uint32_t i = 0; i < code->results; i++) results[i] = s->slots[i];
        stack_put_away(instance);
        instance->state = MK_VM_IDLE;
        break;
    }
    case MK_VM_BLOCKED:
        instance->state = MK_VM_WAITING;
        stack_shrink(instance);
        break;
    case MK_VM_OUT_OF_FUEL: instance->state = MK_VM_STOPPED; break;
    case MK_VM_TRAPPED:
        instance->state = MK_VM_FAILED;
        instance->trap_instance = s->current;
        instance->trap_function = s->function;
        instance->trap_pc = s->pc;
        break;
    }
    return end;
}

static mk_vm_end_t run(mk_vm_instance_t *instance, uint64_t *results, int32_t fuel) {
    instance->stack.fuel = fuel;
    instance->state = MK_VM_RUNNING;
    return settle(instance, mk_vm_run(instance), results);
}

/* The first frame. */
static mk_vm_trap_t prepare(mk_vm_instance_t *instance, uint32_t function, const uint64_t *args) {
    mk_vm_stack_t *s = &instance->stack;
    mk_vm_trap_t   trap = MK_VM_TRAP_OUT_OF_MEMORY;
    s->called = s->function = function;
    s->base = s->pc = 0;
    s->depth = 1;
    s->current = instance;
    if (!stack_take(instance)) return trap;
    const mk_vm_code_t *code = mk_vm_program_code(instance->program, function, &trap);
    if (code == NULL) return trap;
    if (code->slots > s->capacity && !mk_vm_stack_grow(instance, 0, code->slots)) return instance->trap;
    for (uint32_t i = 0; i < code->params; i++) s->slots[i] = args[i];
    for (uint32_t i = code->params; i < code->locals; i++) s->slots[i] = 0;
    s->slots[code->link_at] = mk_vm_link(instance->program->module.function_count, MK_VM_EXIT_HALT);
    return MK_VM_TRAP_NONE;
}

static mk_vm_end_t call(mk_vm_instance_t *instance, uint32_t function, const uint64_t *args, uint64_t *results,
                        int32_t fuel) {
    mk_vm_trap_t trap = prepare(instance, function, args);
    if (trap == MK_VM_TRAP_NONE) return run(instance, results, fuel);
    instance->trap = trap;
    mk_vm_end_t end = settle(instance, MK_VM_TRAPPED, results);
    stack_put_away(instance); /* there may be no frame */
    return end;
}

mk_vm_end_t mk_vm_call(mk_vm_instance_t *instance, uint32_t function, const uint64_t *args, uint64_t *results,
                       int32_t fuel) {
    mk_assert(function < instance->program->module.function_count);
    if (instance->state == MK_VM_FAILED) mk_vm_abandon(instance);
    if (instance->state == MK_VM_IDLE) {
        instance->stack.inner = false;
        return call(instance, function, args, results, fuel);
    }
    mk_assert(instance->state == MK_VM_RUNNING);
    mk_vm_stack_t outer = instance->stack;
    instance->stack.inner = true;
    mk_vm_end_t end = call(instance, function, args, results, fuel);
    stack_put_away(instance);
    instance->stack = outer;
    instance->state = MK_VM_RUNNING;
    return end;
}

mk_vm_end_t mk_vm_resume(mk_vm_instance_t *instance, uint64_t *results, int32_t fuel) {
    mk_assert(instance->state == MK_VM_STOPPED);
    return run(instance, results, fuel);
}

mk_vm_end_t mk_vm_resume_with(mk_vm_instance_t *instance, const uint64_t *values, uint64_t *results, int32_t fuel) {
    mk_vm_stack_t *s = &instance->stack;
    mk_assert(instance->state == MK_VM_WAITING);
    uint32_t count = mk_vm_function_type(&s->current->program->module, s->function)->results;
    for (uint32_t i = 0; i < count; i++) s->slots[s->base + i] = values[i];
    return run(instance, results, fuel);
}

void mk_vm_abandon(mk_vm_instance_t *instance) {
    mk_assert(instance->state != MK_VM_RUNNING);
    stack_put_away(instance);
    instance->state = MK_VM_IDLE;
}

void mk_vm_add_fuel(mk_vm_instance_t *instance, int32_t fuel) {
    int64_t sum = (int64_t)instance->stack.fuel + fuel;
    instance->stack.fuel = sum < 0 ? 0 : sum > INT32_MAX ? INT32_MAX : (int32_t)sum;
}

/* --- parts ------------------------------------------------------------------------------------------------------------------ */

void *mk_vm_host(const mk_vm_instance_t *instance) { return instance->host; }

mk_vm_memory_inst_t *mk_vm_memory(mk_vm_instance_t *instance) {
    return instance->program->module.memory_count > 0 || instance->memory->bytes > 0 ? instance->memory : NULL;
}

mk_vm_table_inst_t *mk_vm_table(mk_vm_instance_t *instance, uint32_t index) { return instance->tables[index]; }

uint64_t *mk_vm_global(mk_vm_instance_t *instance, uint32_t index) { return instance->globals[index]; }

mk_vm_ref_t mk_vm_function_ref(mk_vm_instance_t *instance, uint32_t index) {
    return (uint64_t)instance->id << 32 | (index + 1);
}

size_t mk_vm_instance_bytes(const mk_vm_instance_t *instance) {
    const mk_vm_module_t *m = &instance->program->module;
    size_t                bytes = instance->bytes;
    for (uint32_t i = m->table_imports; i < m->table_count; i++)
        bytes += instance->tables[i]->count * sizeof(mk_vm_ref_t);
    return bytes + (instance->stack.slots != NULL ? instance->stack.capacity * sizeof(uint64_t) : 0);
}
