/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_restore.c -- makes an instance from a snapshot, and believes none of it: a seal can be put on anything.
 *
 * What the register code relies on without looking is what validation promised: values of the right type in the right slots,
 * callers that expect what their callees return, and room for every window. So all of that is established here: types come
 * from the walk of the module's own code, never from the snapshot; narrow values are zero-extended; references exist;
 * links are made, not read. */
#include "vm/snapshot.h"

#include "base/mem.h"
#include "vm/numeric.h"
#include "vm/snapshot_format.h"
#include "vm/run.h"

typedef struct restorer {
    mk_vm_reader_t        r; /* over the snapshot without its seal */
    mk_vm_program_t      *program;
    const mk_vm_module_t *module;
    mk_vm_instance_t     *instance;
} restorer_t;

static bool malformed(restorer_t *s, const uint8_t *at, const char *what) {
    return mk_vm_fail(&s->r, at, MK_ERR_FORMAT, "%s", what);
}

/* --- before anything is made -------------------------------------------------------------------------------------------- */

static bool is_sealed(const uint8_t *bytes, size_t size) {
    uint8_t digest[MK_SHA256_BYTES];
    mk_sha256(bytes, size - MK_VM_SNAPSHOT_SEAL_BYTES, digest);
    return memcmp(digest, bytes + size - MK_VM_SNAPSHOT_SEAL_BYTES, sizeof digest) == 0;
}

static bool check_header(restorer_t *s, const uint8_t *bytes, size_t size) {
    uint8_t        digest[MK_SHA256_BYTES];
    const uint8_t *version = bytes + MK_VM_SNAPSHOT_MAGIC_BYTES;
    if (size < MK_VM_SNAPSHOT_HEADER_BYTES + MK_VM_SNAPSHOT_SEAL_BYTES ||
        memcmp(bytes, MK_VM_SNAPSHOT_MAGIC, MK_VM_SNAPSHOT_MAGIC_BYTES) != 0) {
        return mk_vm_fail(&s->r, s->r.at, MK_ERR_FORMAT, "not a snapshot");
    }
    if (*version != MK_VM_SNAPSHOT_VERSION) {
        return mk_vm_fail(&s->r, version, MK_ERR_FORMAT, "a snapshot of version %u, not %u", (unsigned)*version,
                          (unsigned)MK_VM_SNAPSHOT_VERSION);
    }
    if (!is_sealed(bytes, size)) return malformed(s, bytes + size, "a snapshot that is damaged or cut off");
    mk_sha256(s->module->bytes, s->module->size, digest);
    if (memcmp(digest, version + 1, sizeof digest) != 0)
        return malformed(s, version + 1, "a snapshot of another module");
    s->r.at = bytes + MK_VM_SNAPSHOT_HEADER_BYTES;
    s->r.end = bytes + size - MK_VM_SNAPSHOT_SEAL_BYTES;
    return true;
}

/* --- values ------------------------------------------------------------------------------------------------------------- */

/* The next bytes where they stand, or NULL. */
static const uint8_t *take(restorer_t *s, size_t size) {
    const uint8_t *at = s->r.at;
    mk_vm_skip(&s->r, size);
    return s->r.err == MK_OK ? at : NULL;
}

static mk_vm_ref_t get_reference(restorer_t *s, uint8_t type) {
    const uint8_t *at = s->r.at;
    uint32_t       number = mk_vm_u32(&s->r);
    if (number == 0) return 0;
    if (type == MK_VM_TYPE_FUNCREF && number <= s->module->function_count) {
        return mk_vm_function_ref(s->instance, number - 1);
    }
    malformed(s, at, type == MK_VM_TYPE_FUNCREF ? "a reference to no function" : "a reference to nothing of ours");
    return 0;
}

static uint64_t get_value(restorer_t *s, uint8_t type) {
    const uint8_t *at;
    switch (type) {
    case MK_VM_TYPE_I32:
    case MK_VM_TYPE_F32: at = take(s, 4); return at != NULL ? mk_vm_get32(at) : 0;
    case MK_VM_TYPE_I64:
    case MK_VM_TYPE_F64: at = take(s, 8); return at != NULL ? mk_vm_get64(at) : 0;
    default: return get_reference(s, type);
    }
}

/* --- memory, globals, tables ------------------------------------------------------------------------------------------------ */

/* The host knows where its bytes are: behind what the memory began with, hidden until the guest has grown beyond them. */
static bool check_memory(restorer_t *s, const uint8_t *at, uint64_t bytes, uint32_t hidden, uint8_t still) {
    const mk_vm_memory_inst_t *memory = s->instance->memory;
    uint32_t                   expected = s->instance->limits.hidden_bytes;
    if (hidden != expected) {
        return mk_vm_fail(&s->r, at, MK_ERR_FORMAT, "%u bytes of memory for the host, not %u", (unsigned)hidden,
                          (unsigned)expected);
    }
    if (still > (hidden != 0) || bytes < memory->bytes || (still != 0 && bytes != memory->bytes)) {
        return malformed(s, at, "a memory of a size it cannot have");
    }
    if (bytes > memory->bytes && bytes > memory->bytes_max) {
        return mk_vm_fail(&s->r, at, MK_ERR_LIMIT, "%llu bytes of memory, more than %llu", (unsigned long long)bytes,
                          (unsigned long long)memory->bytes_max);
    }
    return true;
}

static bool size_memory(restorer_t *s) {
    mk_vm_memory_inst_t *memory = s->instance->memory;
    const uint8_t       *at = s->r.at;
    uint32_t             pages = mk_vm_u32(&s->r), hidden = mk_vm_u32(&s->r);
    uint8_t              still = mk_vm_u8(&s->r);
    uint64_t             bytes = ((uint64_t)pages << memory->page_shift) + (still != 0 ? hidden : 0);
    if (s->r.err != MK_OK || !check_memory(s, at, bytes, hidden, still)) return false;
    if (bytes > memory->bytes) {
        uint8_t *base = memory->pages->resize(memory->base, memory->bytes, bytes);
        if (base == NULL) return mk_vm_fail(&s->r, at, MK_ERR_NOMEM, "out of memory");
        memory->base = base;
        memory->bytes = bytes;
    }
    if (still == 0) memory->hidden_bytes = 0;
    return true;
}

static bool get_memory(restorer_t *s) {
    mk_vm_memory_inst_t *memory = s->instance->memory;
    uint64_t             written = 0;
    if (!size_memory(s)) return false;
    while (true) {
        const uint8_t *at = s->r.at;
        uint32_t       size = mk_vm_u32(&s->r);
        if (size == 0) return s->r.err == MK_OK;
        uint32_t       skip = mk_vm_u32(&s->r);
        const uint8_t *bytes = take(s, size);
        if (bytes == NULL) return false;
        if (skip > memory->bytes - written || size > memory->bytes - written - skip) {
            return malformed(s, at, "contents beyond the memory");
        }
        memcpy(memory->base + written + skip, bytes, size);
        written += (uint64_t)skip + size;
    }
}

static bool get_globals(restorer_t *s) {
    for (uint32_t i = 0; i < s->module->global_count && s->r.err == MK_OK; i++) {
        const uint8_t *at = s->r.at;
        uint64_t       value = get_value(s, s->module->globals[i].type);
        if (s->r.err != MK_OK) break;
        if (i >= s->module->global_imports) {
            *s->instance->globals[i] = value;
        } else if (*s->instance->globals[i] != value) {
            mk_vm_fail(&s->r, at, MK_ERR_FORMAT, "imported global %u has another value now", (unsigned)i);
        }
    }
    return s->r.err == MK_OK;
}

static bool get_table(restorer_t *s, uint32_t index) {
    mk_vm_table_inst_t *table = s->instance->tables[index];
    const uint8_t      *at = s->r.at;
    uint32_t            count = mk_vm_count(&s->r, 1);
    if (s->r.err != MK_OK) return false;
    if (count < s->module->tables[index].min || count > s->module->tables[index].max) {
        return malformed(s, at, "a table of a size it cannot have");
    }
    if (count > table->count_max) {
        return mk_vm_fail(&s->r, at, MK_ERR_LIMIT, "%u entries in table %u, more than %u", (unsigned)count,
                          (unsigned)index, (unsigned)table->count_max);
    }
    if (count > table->count && mk_vm_table_grow(table, count - table->count, 0) == MK_VM_NONE) {
        return mk_vm_fail(&s->r, at, MK_ERR_NOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < count && s->r.err == MK_OK; i++) table->entries[i] = get_reference(s, table->type);
    return s->r.err == MK_OK;
}

static bool get_tables(restorer_t *s) {
    for (uint32_t i = 0; i < s->module->table_count; i++) {
        if (!get_table(s, i)) return false;
    }
    return true;
}

static bool get_dropped(restorer_t *s) {
    uint32_t       segments = s->module->elements_count + s->module->data_count;
    const uint8_t *bits = take(s, (segments + 7) / 8);
    if (bits == NULL) return false;
    if (segments % 8 != 0 && bits[segments / 8] >> segments % 8 != 0) return malformed(s, bits, "a segment too many");
    if (segments > 0) memcpy(s->instance->dropped, bits, (segments + 7) / 8);
    return true;
}

/* --- frames ----------------------------------------------------------------------------------------------------------------- */

/* The frame being read, and what is kept from the one below. */
typedef struct frame {
    const uint8_t      *at; /* in the snapshot, for the text */
    const mk_vm_code_t *code;
    const mk_vm_type_t *expected; /* what was called: this frame leaves its results */
    mk_vm_link_t        link;     /* where the caller goes on                       */
    uint32_t            function, base;
    mk_vm_stop_t        stop; /* recursions have it in common: finding it is a walk through the function */
    bool                has_stop;
} frame_t;

static bool same_results(const mk_vm_module_t *m, const mk_vm_type_t *a, const mk_vm_type_t *b) {
    return a->results == b->results && memcmp(m->bytes + a->results_at, m->bytes + b->results_at, a->results) == 0;
}

static bool find_stop(restorer_t *s, frame_t *f, uint32_t function, uint32_t at, mk_vm_standing_t standing) {
    bool same = f->has_stop && f->function == function && f->stop.at == at && standing == MK_VM_IN_CALL;
    if (same) return true;
    if (f->has_stop) mk_vm_stop_fini(&f->stop);
    mk_err_t err = mk_vm_stop_at_byte(s->module, &s->program->limits, function, at, standing, &f->stop);
    f->has_stop = err == MK_OK;
    if (err == MK_ERR_NOMEM) return mk_vm_fail(&s->r, f->at, err, "out of memory");
    return err == MK_OK || malformed(s, f->at, "a frame where nothing can stand still");
}

/* NULL: failed. */
static const mk_vm_code_t *translated(restorer_t *s, const uint8_t *at, uint32_t function) {
    mk_vm_trap_t        trap;
    const mk_vm_code_t *code = mk_vm_program_code(s->program, function, &trap);
    if (code != NULL) return code;
    mk_err_t err = trap == MK_VM_TRAP_CODE_LIMIT ? MK_ERR_LIMIT : MK_ERR_NOMEM;
    mk_vm_fail(&s->r, at, err, "function %u cannot be translated", (unsigned)function);
    return NULL;
}

/* Which function, and where in it. What was called may have made place for another by a tail call, so that of it
 * only the results are known. */
static bool get_place(restorer_t *s, frame_t *f, bool innermost) {
    mk_vm_standing_t standing = mk_vm_snapshot_standing(innermost, s->instance->state == MK_VM_WAITING);
    f->at = s->r.at;
    uint32_t function = mk_vm_u32(&s->r);
    uint8_t  standing_read = mk_vm_u8(&s->r);
    uint32_t at = mk_vm_u32(&s->r);
    if (s->r.err != MK_OK) return false;
    if (standing_read != (uint8_t)standing) return malformed(s, f->at, "a frame that cannot stand like this here");
    if (function >= s->module->function_count) return malformed(s, f->at, "a frame of no function");
    if (!same_results(s->module, mk_vm_function_type(s->module, function), f->expected)) {
        return malformed(s, f->at, "a frame that its caller cannot have called");
    }
    if (!find_stop(s, f, function, at, standing)) return false;
    f->function = function;
    f->code = translated(s, f->at, function);
    return f->code != NULL;
}

/* Everything that is written to this window lies within it: the code's slots are the locals, the link and all operands. */
static bool make_room(restorer_t *s, const frame_t *f) {
    uint32_t limit = s->instance->limits.stack_slots;
    if (f->base > limit || f->code->slots > limit - f->base) {
        return mk_vm_fail(&s->r, f->at, MK_ERR_LIMIT, "a stack of more than %u slots", (unsigned)limit);
    }
    if (f->base + f->code->slots <= s->instance->stack.capacity) return true;
    return mk_vm_stack_grow(s->instance, f->base, f->code->slots) ||
           mk_vm_fail(&s->r, f->at, MK_ERR_NOMEM, "out of memory");
}

/* The code takes some operands from a local or knows them: it relies on their being the same there. */
static bool agrees(const mk_vm_operand_place_t *place, const uint64_t *window, uint64_t value) {
    return place->where == MK_VM_IN_SLOT ||
           value == (place->where == MK_VM_CONSTANT ? place->value : window[place->slot]);
}

static bool get_values(restorer_t *s, const frame_t *f) {
    const mk_vm_stop_t *stop = &f->stop;
    uint64_t           *window = s->instance->stack.slots + f->base;
    const uint8_t      *at = s->r.at;
    if (mk_vm_u32(&s->r) != stop->locals) return malformed(s, at, "a frame with another number of locals");
    for (uint32_t i = 0; i < stop->locals; i++) window[i] = get_value(s, stop->local_types[i]);
    at = s->r.at;
    if (mk_vm_u32(&s->r) != stop->operands) return malformed(s, at, "a frame with another number of operands");
    for (uint32_t i = 0; i < stop->operands && s->r.err == MK_OK; i++) {
        at = s->r.at;
        uint64_t value = get_value(s, stop->operand_types[i]);
        if (!agrees(&stop->places[i], window, value)) return malformed(s, at, "an operand that cannot be");
        window[f->code->operands_at + i] = value;
    }
    window[f->code->link_at] = f->link;
    return s->r.err == MK_OK;
}

/* What the call at this place calls: its type is all that matters. */
static const mk_vm_type_t *called_type(const mk_vm_module_t *module, uint32_t at) {
    mk_vm_reader_t      r;
    mk_vm_instruction_t in;
    mk_vm_reader_init(&r, module->bytes, module->size, NULL, 0);
    r.at += at;
    if (!mk_vm_read_instruction(&r, module, &in)) return NULL;
    if (in.opcode == MK_VM_CALL) return mk_vm_function_type(module, in.index);
    return in.opcode == MK_VM_CALL_INDIRECT ? &module->types[in.index] : NULL;
}

static bool get_frame(restorer_t *s, frame_t *f, bool innermost) {
    mk_vm_stack_t *stack = &s->instance->stack;
    if (!get_place(s, f, innermost) || !make_room(s, f) || !get_values(s, f)) return false;
    stack->base = f->base;
    stack->function = f->function;
    stack->pc = f->stop.pc;
    if (innermost) return true;
    f->link = mk_vm_link(f->function, f->stop.pc);
    f->base += f->code->units[f->stop.pc - 1];
    f->expected = called_type(s->module, f->stop.at);
    return f->expected != NULL || malformed(s, f->at, "a call that is none");
}

static bool get_frames(restorer_t *s, uint32_t called, uint32_t depth) {
    frame_t f = {.expected = mk_vm_function_type(s->module, called),
                 .link = mk_vm_link(s->module->function_count, MK_VM_EXIT_HALT)};
    for (uint32_t i = 1; i <= depth && get_frame(s, &f, i == depth); i++) {}
    if (f.has_stop) mk_vm_stop_fini(&f.stop);
    return s->r.err == MK_OK;
}

static bool get_call(restorer_t *s) {
    const uint8_t *at = s->r.at;
    mk_vm_stack_t *stack = &s->instance->stack;
    uint8_t        call = mk_vm_u8(&s->r);
    if (s->r.err != MK_OK || call == MK_VM_CALL_NONE) return s->r.err == MK_OK;
    if (call > MK_VM_CALL_WAITING) return malformed(s, at, "a call that stands in no known way");
    s->instance->state = call == MK_VM_CALL_WAITING ? MK_VM_WAITING : MK_VM_STOPPED;
    at = s->r.at;
    uint32_t called = mk_vm_u32(&s->r), depth = mk_vm_u32(&s->r);
    if (s->r.err != MK_OK) return false;
    if (called >= s->module->function_count || depth == 0) return malformed(s, at, "a call of no function");
    if (translated(s, at, called) == NULL)
        return false; /* its code says what it returns, even if it is in no frame any more */
    if (depth > s->instance->limits.depth) {
        return mk_vm_fail(&s->r, at, MK_ERR_LIMIT, "%u calls inside of each other, more than %u", (unsigned)depth,
                          (unsigned)s->instance->limits.depth);
    }
    stack->called = called;
    stack->depth = depth;
    stack->current = s->instance;
    return get_frames(s, called, depth);
}

/* --- the whole -------------------------------------------------------------------------------------------------------------- */

static bool get_body(restorer_t *s) {
    if (!get_memory(s) || !get_globals(s) || !get_tables(s) || !get_dropped(s) || !get_call(s)) return false;
    return s->r.at == s->r.end || malformed(s, s->r.at, "more than a snapshot");
}

static bool binds_functions_of_others(const mk_vm_module_t *module, const mk_vm_imports_t *imports) {
    for (uint32_t i = 0; i < module->function_imports; i++) {
        if (imports->functions[i].fn == NULL) return true;
    }
    return false;
}

mk_err_t mk_vm_snapshot_restore(mk_vm_program_t *program, const void *bytes, size_t size,
                                const mk_vm_imports_t *imports, const mk_vm_instance_limits_t *limits,
                                const mk_vm_pages_t *pages, void *host, mk_vm_instance_t **out, char *err,
                                size_t err_size) {
    restorer_t s = {.program = program, .module = &program->module};
    mk_vm_reader_init(&s.r, bytes, size, err, err_size);
    if (!mk_vm_snapshot_possible(s.module, err, err_size)) return MK_ERR_NOSYS;
    if (binds_functions_of_others(s.module, imports)) {
        mk_vm_fail(&s.r, s.r.at, MK_ERR_NOSYS, "an imported function is one of another instance");
        return MK_ERR_NOSYS;
    }
    if (!check_header(&s, s.r.start, size)) return s.r.err;
    mk_err_t result = mk_vm_instance_create(program, imports, limits, pages, NULL, host, &s.instance, err, err_size);
    if (result != MK_OK) return result;
    if (!get_body(&s)) {
        mk_vm_instance_destroy(s.instance);
        return s.r.err;
    }
    *out = s.instance;
    return MK_OK;
}

uint32_t mk_vm_pending_call(const mk_vm_instance_t *instance) {
    bool pending = instance->state == MK_VM_WAITING || instance->state == MK_VM_STOPPED;
    return pending ? instance->stack.called : MK_VM_NONE;
}

const uint64_t *mk_vm_pending_import(const mk_vm_instance_t *instance, uint32_t *import) {
    if (instance->state != MK_VM_WAITING) return NULL;
    *import = instance->stack.function;
    return instance->stack.slots + instance->stack.base;
}
