/* SPDX-License-Identifier: Apache-2.0 */
/* init.c -- works out initialisers, where they stand in the module. They have been checked: nothing here can fail. */
#include "vm/run.h"

#include "base/assert.h"

static mk_vm_reader_t reader_at(const mk_vm_module_t *module, uint32_t at) {
    mk_vm_reader_t r;
    mk_vm_reader_init(&r, module->bytes, module->size, NULL, 0);
    r.at = r.start + at;
    return r;
}

static uint64_t read_bits(mk_vm_reader_t *r, unsigned bytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) value |= (uint64_t)mk_vm_u8(r) << 8 * i;
    return value;
}

static uint64_t compute(uint8_t opcode, uint64_t x, uint64_t y) {
    switch (opcode) {
    case MK_VM_I32_ADD: return (uint32_t)(x + y);
    case MK_VM_I32_SUB: return (uint32_t)(x - y);
    case MK_VM_I32_MUL: return (uint32_t)x * (uint64_t)(uint32_t)y & UINT32_MAX;
    case MK_VM_I64_ADD: return x + y;
    case MK_VM_I64_SUB: return x - y;
    default: return x * y;
    }
}

static uint64_t evaluate(const mk_vm_instance_t *instance, mk_vm_reader_t *r) {
    uint64_t stack[MK_VM_INIT_OPERANDS_MAX];
    uint32_t count = 0;
    for (;;) {
        uint8_t opcode = mk_vm_u8(r);
        switch (opcode) {
        case MK_VM_END: mk_assert(count == 1); return stack[0];
        case MK_VM_I32_CONST: stack[count++] = (uint32_t)mk_vm_signed(r, 32); break;
        case MK_VM_I64_CONST: stack[count++] = (uint64_t)mk_vm_signed(r, 64); break;
        case MK_VM_F32_CONST: stack[count++] = read_bits(r, 4); break;
        case MK_VM_F64_CONST: stack[count++] = read_bits(r, 8); break;
        case MK_VM_GLOBAL_GET: stack[count++] = *instance->globals[mk_vm_u32(r)]; break;
        case MK_VM_REF_NULL: mk_vm_skip(r, 1), stack[count++] = 0; break;
        case MK_VM_REF_FUNC: stack[count++] = (uint64_t)instance->id << 32 | (mk_vm_u32(r) + 1); break;
        default:
            mk_assert(count >= 2);
            count--;
            stack[count - 1] = compute(opcode, stack[count - 1], stack[count]);
            break;
        }
        mk_assert(r->err == MK_OK && count <= MK_VM_INIT_OPERANDS_MAX);
    }
}

uint64_t mk_vm_initial_value(const mk_vm_instance_t *instance, uint32_t at) {
    mk_vm_reader_t r = reader_at(&instance->program->module, at);
    return evaluate(instance, &r);
}

mk_vm_reader_t mk_vm_items(const mk_vm_instance_t *instance, const mk_vm_elements_t *segment) {
    return reader_at(&instance->program->module, segment->items_at);
}

mk_vm_ref_t mk_vm_next_item(const mk_vm_instance_t *instance, const mk_vm_elements_t *segment, mk_vm_reader_t *r) {
    if (segment->initialisers) return evaluate(instance, r);
    return (uint64_t)instance->id << 32 | (mk_vm_u32(r) + 1);
}
