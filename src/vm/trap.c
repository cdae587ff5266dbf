/* SPDX-License-Identifier: Apache-2.0 */
/* trap.c -- what a trap was, in words, and where. */
#include "vm/run.h"
#include "vm/translate.h"

#include <stdarg.h>
#include <stdio.h>

mk_vm_trap_t mk_vm_trapped(mk_vm_instance_t *instance, mk_vm_trap_t trap, uint64_t first, uint64_t second) {
    instance->trap = trap;
    instance->trap_facts[0] = first;
    instance->trap_facts[1] = second;
    return trap;
}

void mk_vm_host_trap(mk_vm_instance_t *instance, const char *text) { instance->trap_host = text; }

mk_vm_trap_t mk_vm_trap(const mk_vm_instance_t *instance) { return instance->trap; }

typedef struct out {
    char  *at;
    size_t left;
} out_t;

static void add(out_t *out, const char *fmt, ...) MK_PRINTF(2, 3);

static void add(out_t *out, const char *fmt, ...) {
    va_list args;
    if (out->left == 0) return;
    va_start(args, fmt);
    int wrote = vsnprintf(out->at, out->left, fmt, args);
    va_end(args);
    size_t used = wrote < 0 ? 0 : (size_t)wrote < out->left ? (size_t)wrote : out->left - 1;
    out->at += used;
    out->left -= used;
}

/* How many bytes the instruction that trapped wanted; 0: more than one access. */
static unsigned access_bytes(const mk_vm_instance_t *instance) {
    static const struct {
        uint16_t op; /* the first of its forms; the list is in the order of their numbers */
        uint16_t bytes;
    } accesses[] = {
#define BYTES(_, id, name, bytes, ...)          {MK_VM_OP_LOAD_FIRST(id), bytes},
#define BYTES_OF_STORE(_, id, name, bytes, ...) {MK_VM_OP_##id##_RR, bytes},
#define BYTES_OF_FLOAT(_, id, name, bytes, ...) {MK_VM_OP_##id##_RA, bytes},
        MK_VM_LOAD(BYTES, _) MK_VM_STORE(BYTES_OF_STORE, _)
            MK_VM_LARGE(MK_VM_STORE_FLOAT(BYTES_OF_FLOAT, _)){MK_VM_OP_MOVE, 0}};
#undef BYTES
#undef BYTES_OF_STORE
#undef BYTES_OF_FLOAT
    const mk_vm_instance_t *where = instance->trap_instance;
    unsigned                bytes = 0;
    if (where == NULL) return 0;
    const mk_vm_code_t *code =
        atomic_load_explicit(&where->program->code[instance->trap_function], memory_order_acquire);
    uint16_t op = code->units[instance->trap_pc];
    for (size_t i = 0; i < sizeof accesses / sizeof accesses[0] && accesses[i].op <= op; i++) bytes = accesses[i].bytes;
    return bytes;
}

/* What was wrong, with its figures. */
static void add_facts(out_t *out, const mk_vm_instance_t *instance) {
    unsigned long long a = instance->trap_facts[0], b = instance->trap_facts[1];
    switch (instance->trap) {
    case MK_VM_TRAP_MEMORY_BOUNDS: {
        unsigned bytes = access_bytes(instance);
        if (bytes > 0) add(out, ": %u %s at %llu of %llu", bytes, bytes == 1 ? "byte" : "bytes", a, b);
        else add(out, ": from %llu of %llu", a, b);
        break;
    }
    case MK_VM_TRAP_TABLE_BOUNDS:
    case MK_VM_TRAP_UNDEFINED: add(out, ": entry %llu of %llu", a, b); break;
    case MK_VM_TRAP_UNINITIALIZED:
    case MK_VM_TRAP_TYPE_MISMATCH: add(out, ": entry %llu", a); break;
    case MK_VM_TRAP_STACK_SLOTS: add(out, ": %llu slots needed, at most %llu", a, b); break;
    case MK_VM_TRAP_STACK_DEPTH: add(out, ": %llu calls deep", a); break;
    case MK_VM_TRAP_CODE_LIMIT:
        add(out, ": %llu bytes translated so far",
            (unsigned long long)atomic_load_explicit(&instance->program->code_bytes, memory_order_relaxed));
        break;
    case MK_VM_TRAP_HOST:
        if (instance->trap_host != NULL) add(out, ": %s", instance->trap_host);
        break;
    default: break;
    }
}

void mk_vm_trap_text(const mk_vm_instance_t *instance, char *text, size_t size) {
    static const char *const texts[] = {
#define TEXT(id, words) words,
        MK_VM_TRAPS(TEXT)
#undef TEXT
    };
    out_t                   out = {text, size};
    const mk_vm_instance_t *where = instance->trap_instance;
    add(&out, "%s", texts[instance->trap]);
    add_facts(&out, instance);
    if (where == NULL) return;
    const mk_vm_module_t *m = &where->program->module;
    uint32_t              at = mk_vm_byte_of_pc(m, &where->program->limits, instance->trap_function, instance->trap_pc);
    mk_vm_name_t          name = mk_vm_function_name(m, instance->trap_function);
    if (name.size > 0)
        add(&out, ", in %s (function %u)", mk_vm_printable(name).text, (unsigned)instance->trap_function);
    else add(&out, ", in function %u", (unsigned)instance->trap_function);
    if (at != 0) add(&out, " at byte %u", (unsigned)at);
}

bool mk_vm_backtrace(const mk_vm_instance_t *instance, uint32_t index, mk_vm_frame_place_t *out) {
    const mk_vm_stack_t  *s = &instance->stack;
    const mk_vm_module_t *m = &s->current->program->module;
    uint32_t              function = s->function, pc = s->pc, base = s->base;
    bool                  innermost = true;
    if (s->slots == NULL) return false;
    for (; index > 0; index--) {
        const mk_vm_code_t *code = atomic_load_explicit(&s->current->program->code[function], memory_order_acquire);
        mk_vm_link_t        link = s->slots[base + code->link_at];
        function = (uint32_t)(link >> 32);
        pc = (uint32_t)link;
        if (function >= m->function_count) return false; /* the host, or another instance */
        code = atomic_load_explicit(&s->current->program->code[function], memory_order_acquire);
        base -= code->units[pc - 1];
        innermost = false;
    }
    out->function = function;
    out->at = mk_vm_byte_of_pc(m, &s->current->program->limits, function, innermost ? pc : pc - 1);
    return true;
}
