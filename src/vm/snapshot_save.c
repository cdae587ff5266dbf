/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_save.c -- writes an instance down, front to back, in small pieces: nobody has to hold it whole. */
#include "vm/snapshot.h"

#include "base/mem.h"
#include "vm/numeric.h"
#include "vm/snapshot_format.h"
#include "vm/state.h"

#include <stdarg.h>
#include <stdio.h>

/* Units of memory looked at and written at a time. */
enum { BLOCK = MK_VM_SNAPSHOT_BLOCK_BYTES, BUFFER_BYTES = 256, RUN_BYTES_MAX = 1 << 30 };

typedef struct saver {
    mk_vm_instance_t        *instance;
    const mk_vm_module_t    *module;
    mk_vm_snapshot_write_fn *write;
    void                    *arg;
    mk_sha256_t              seal;
    mk_err_t                 err; /* the first; nothing is written after it */
    char                    *text;
    size_t                   text_size, used;
    uint8_t                  buffer[BUFFER_BYTES];
} saver_t;

MK_PRINTF(3, 4) static bool fail(saver_t *s, mk_err_t err, const char *fmt, ...) {
    if (s->err == MK_OK) {
        va_list args;
        va_start(args, fmt);
        if (s->text_size > 0) vsnprintf(s->text, s->text_size, fmt, args);
        va_end(args);
        s->err = err;
    }
    return false;
}

/* --- bytes -------------------------------------------------------------------------------------------------------------- */

static void pass_on(saver_t *s, const void *bytes, size_t size) {
    if (s->err != MK_OK || size == 0) return;
    mk_err_t err = s->write(s->arg, bytes, size);
    if (err != MK_OK) fail(s, err, "the snapshot could not be written: %s", mk_err_text(err));
}

static void flush(saver_t *s) {
    mk_sha256_update(&s->seal, s->buffer, s->used);
    pass_on(s, s->buffer, s->used);
    s->used = 0;
}

static void put(saver_t *s, const void *bytes, size_t size) {
    if (size >= BUFFER_BYTES) {
        flush(s);
        mk_sha256_update(&s->seal, bytes, size);
        pass_on(s, bytes, size);
        return;
    }
    if (size > BUFFER_BYTES - s->used) flush(s);
    memcpy(s->buffer + s->used, bytes, size);
    s->used += size;
}

static void put_u8(saver_t *s, uint8_t value) { put(s, &value, 1); }

static void put_u32(saver_t *s, uint32_t value) {
    for (; value > 0x7F; value >>= 7) put_u8(s, (uint8_t)(value | 0x80));
    put_u8(s, (uint8_t)value);
}

/* --- values ------------------------------------------------------------------------------------------------------------- */

/* `what` and `index` are where it is, for the text. */
static void put_reference(saver_t *s, uint8_t type, mk_vm_ref_t ref, const char *what, uint32_t index) {
    if (ref != 0 && type == MK_VM_TYPE_EXTERNREF) {
        fail(s, MK_ERR_NOSYS, "%s %u refers to something of the host's", what, (unsigned)index);
    } else if (ref != 0 && ref >> 32 != s->instance->id) {
        fail(s, MK_ERR_NOSYS, "%s %u refers to a function of another instance", what, (unsigned)index);
    } else {
        put_u32(s, (uint32_t)ref);
    }
}

static void put_value(saver_t *s, uint8_t type, uint64_t value, const char *what, uint32_t index) {
    uint8_t bytes[8];
    mk_vm_put64(bytes, value);
    switch (type) {
    case MK_VM_TYPE_I32:
    case MK_VM_TYPE_F32: put(s, bytes, 4); break;
    case MK_VM_TYPE_I64:
    case MK_VM_TYPE_F64: put(s, bytes, 8); break;
    default: put_reference(s, type, value, what, index); break;
    }
}

/* --- memory, globals, tables ------------------------------------------------------------------------------------------------ */

/* Where the next block begins that is zero, or is not; `end` if there is none. */
static uint64_t find_block(const mk_vm_memory_inst_t *memory, uint64_t at, uint64_t end, bool zero) {
    static const uint8_t zeros[BLOCK];
    for (; at < end; at += BLOCK) {
        size_t size = end - at < BLOCK ? (size_t)(end - at) : BLOCK;
        if ((memcmp(memory->base + at, zeros, size) == 0) == zero) return at;
    }
    return end;
}

static void put_memory(saver_t *s) {
    const mk_vm_memory_inst_t *memory = s->instance->memory;
    uint64_t                   at = 0, written = 0;
    put_u32(s, mk_vm_memory_size(memory));
    put_u32(s, s->instance->limits.hidden_bytes);
    put_u8(s, memory->hidden_bytes != 0);
    while (s->err == MK_OK && (at = find_block(memory, at, memory->bytes, false)) < memory->bytes) {
        uint64_t limit = memory->bytes - at > RUN_BYTES_MAX ? at + RUN_BYTES_MAX : memory->bytes;
        uint64_t end = find_block(memory, at, limit, true);
        put_u32(s, (uint32_t)(end - at));
        put_u32(s, (uint32_t)(at - written));
        put(s, memory->base + at, (size_t)(end - at));
        at = written = end;
    }
    put_u32(s, 0);
}

static void put_globals(saver_t *s) {
    for (uint32_t i = 0; i < s->module->global_count; i++) {
        put_value(s, s->module->globals[i].type, *s->instance->globals[i], "global", i);
    }
}

static void put_tables(saver_t *s) {
    for (uint32_t i = 0; i < s->module->table_count; i++) {
        const mk_vm_table_inst_t *table = s->instance->tables[i];
        put_u32(s, table->count);
        for (uint32_t n = 0; n < table->count && s->err == MK_OK; n++) {
            put_reference(s, table->type, table->entries[n], "table", i);
        }
    }
}

static void put_dropped(saver_t *s) {
    uint32_t segments = s->module->elements_count + s->module->data_count;
    for (uint32_t i = 0; i < segments; i += 8) {
        uint8_t bits = 0;
        for (uint32_t n = i; n < segments && n < i + 8; n++)
            bits |= (uint8_t)(mk_vm_is_dropped(s->instance, n) << n % 8);
        put_u8(s, bits);
    }
}

/* --- frames ----------------------------------------------------------------------------------------------------------------- */

typedef struct frame {
    uint32_t function, pc, base;
} frame_t;

/* The caller's frame. Between frames of two instances stands what is no frame of either. */
static bool find_caller(saver_t *s, frame_t *frame) {
    mk_vm_program_t    *program = s->instance->program;
    mk_vm_trap_t        trap;
    const mk_vm_code_t *code = mk_vm_program_code(program, frame->function, &trap); /* what has run is translated */
    if (code == NULL) return fail(s, MK_ERR_NOMEM, "out of memory");
    mk_vm_link_t link = s->instance->stack.slots[frame->base + code->link_at];
    frame->function = (uint32_t)(link >> 32);
    frame->pc = (uint32_t)link;
    if (frame->function >= s->module->function_count) {
        return fail(s, MK_ERR_NOSYS, "a function of another instance is being called");
    }
    code = mk_vm_program_code(program, frame->function, &trap);
    if (code == NULL) return fail(s, MK_ERR_NOMEM, "out of memory");
    frame->base -= code->units[frame->pc - 1];
    return true;
}

/* Frames know their caller only, and are written the other way round. */
static frame_t *list_frames(saver_t *s) {
    const mk_vm_stack_t *stack = &s->instance->stack;
    frame_t             *frames = mk_alloc(stack->depth * sizeof *frames);
    frame_t              frame = {stack->function, stack->pc, stack->base};
    if (frames == NULL) {
        fail(s, MK_ERR_NOMEM, "out of memory");
        return NULL;
    }
    for (uint32_t i = stack->depth; i-- > 0;) {
        frames[i] = frame;
        if (i > 0 && !find_caller(s, &frame)) break;
    }
    return frames;
}

static uint64_t operand_value(const uint64_t *window, const mk_vm_operand_place_t *place) {
    return place->where == MK_VM_CONSTANT ? place->value : window[place->slot];
}

static void put_frame(saver_t *s, const frame_t *frame, mk_vm_standing_t standing, const mk_vm_stop_t *stop) {
    const uint64_t *window = s->instance->stack.slots + frame->base;
    put_u32(s, frame->function);
    put_u8(s, (uint8_t)standing);
    put_u32(s, stop->at);
    put_u32(s, stop->locals);
    for (uint32_t i = 0; i < stop->locals; i++) put_value(s, stop->local_types[i], window[i], "local", i);
    put_u32(s, stop->operands);
    for (uint32_t i = 0; i < stop->operands; i++) {
        put_value(s, stop->operand_types[i], operand_value(window, &stop->places[i]), "operand", i);
    }
}

/* Finding a stop is a walk through its function; frames of a recursion have it in common. */
static void put_frames(saver_t *s, const frame_t *frames) {
    const mk_vm_program_t *program = s->instance->program;
    const frame_t         *known = NULL, *end = frames + s->instance->stack.depth;
    mk_vm_stop_t           stop;
    for (const frame_t *f = frames; f < end && s->err == MK_OK; f++) {
        bool             innermost = f + 1 == end;
        mk_vm_standing_t standing = mk_vm_snapshot_standing(innermost, s->instance->state == MK_VM_WAITING);
        if (known == NULL || known->function != f->function || known->pc != f->pc || innermost) {
            if (known != NULL) mk_vm_stop_fini(&stop);
            mk_err_t err = mk_vm_stop_at_pc(s->module, &program->limits, f->function, f->pc, standing, &stop);
            known = err == MK_OK ? f : NULL;
            if (err != MK_OK) fail(s, err, "function %u: %s", (unsigned)f->function, mk_err_text(err));
        }
        if (known != NULL) put_frame(s, f, standing, &stop);
    }
    if (known != NULL) mk_vm_stop_fini(&stop);
}

static void put_call(saver_t *s) {
    const mk_vm_stack_t *stack = &s->instance->stack;
    if (s->instance->state == MK_VM_IDLE) {
        put_u8(s, MK_VM_CALL_NONE);
        return;
    }
    put_u8(s, s->instance->state == MK_VM_WAITING ? MK_VM_CALL_WAITING : MK_VM_CALL_OUT_OF_FUEL);
    put_u32(s, stack->called);
    put_u32(s, stack->depth);
    frame_t *frames = list_frames(s);
    if (s->err == MK_OK) put_frames(s, frames);
    mk_free(frames);
}

/* --- the whole -------------------------------------------------------------------------------------------------------------- */

bool mk_vm_snapshot_possible(const mk_vm_module_t *module, char *err, size_t err_size) {
    const char *what = module->memory_imports > 0 ? "memory" : module->table_imports > 0 ? "table" : NULL;
    for (uint32_t i = 0; i < module->global_imports; i++) {
        if (module->globals[i].mutable_) what = "mutable global";
    }
    if (what != NULL && err_size > 0) snprintf(err, err_size, "the module imports a %s", what);
    return what == NULL;
}

static bool can_be_saved(saver_t *s) {
    const mk_vm_module_t *m = s->module;
    if (s->instance->state == MK_VM_RUNNING || s->instance->stack.inner) {
        return fail(s, MK_ERR_BUSY, "the instance is running");
    }
    if (s->instance->state == MK_VM_FAILED) return fail(s, MK_ERR_INVALID, "the instance's last call trapped");
    if (s->instance->stack.current != s->instance && s->instance->state != MK_VM_IDLE) {
        return fail(s, MK_ERR_NOSYS, "a function of another instance is being called");
    }
    if (!mk_vm_snapshot_possible(m, s->text, s->text_size)) {
        s->err = MK_ERR_NOSYS;
        return false;
    }
    for (uint32_t i = 0; i < m->function_imports; i++) {
        if (s->instance->imports[i].fn == NULL) {
            return fail(s, MK_ERR_NOSYS, "imported function %u is one of another instance", (unsigned)i);
        }
    }
    return true;
}

static void put_header(saver_t *s) {
    uint8_t digest[MK_SHA256_BYTES];
    mk_sha256(s->module->bytes, s->module->size, digest);
    put(s, MK_VM_SNAPSHOT_MAGIC, MK_VM_SNAPSHOT_MAGIC_BYTES);
    put_u8(s, MK_VM_SNAPSHOT_VERSION);
    put(s, digest, sizeof digest);
}

static void put_seal(saver_t *s) {
    uint8_t digest[MK_SHA256_BYTES];
    flush(s);
    mk_sha256_final(&s->seal, digest);
    pass_on(s, digest, sizeof digest);
}

mk_err_t mk_vm_snapshot_save(mk_vm_instance_t *instance, mk_vm_snapshot_write_fn *write, void *arg, char *err,
                             size_t err_size) {
    saver_t s = {.instance = instance,
                 .module = &instance->program->module,
                 .write = write,
                 .arg = arg,
                 .text = err,
                 .text_size = err_size};
    if (err_size > 0) err[0] = '\0';
    if (!can_be_saved(&s)) return s.err;
    mk_sha256_init(&s.seal);
    put_header(&s);
    put_memory(&s);
    put_globals(&s);
    put_tables(&s);
    put_dropped(&s);
    put_call(&s);
    put_seal(&s);
    return s.err;
}
