/* SPDX-License-Identifier: Apache-2.0 */
/* instruction.c -- see instruction.h. */
#include "vm/instruction.h"

/* Nothing, one value type, or the index of a function type as a signed number of 33 bits. */
static void read_block_type(mk_vm_reader_t *r, const mk_vm_module_t *module, mk_vm_instruction_t *in) {
    const uint8_t *at = r->at;
    in->params = in->results = (mk_vm_types_t){at, 0};
    if (at < r->end && (*at & 0xC0) == 0x40) { /* a negative number of one byte */
        if (*at == 0x40) {
            mk_vm_skip(r, 1);
        } else if (mk_vm_read_value_type(r) != 0) {
            in->results.count = 1;
        }
        return;
    }
    int64_t index = mk_vm_signed(r, 33);
    if (r->err != MK_OK) return;
    if (index < 0 || index >= module->type_count) {
        mk_vm_fail(r, at, MK_ERR_FORMAT, "unknown type %lld", (long long)index);
        return;
    }
    in->params = mk_vm_params(module, &module->types[index]);
    in->results = mk_vm_results(module, &module->types[index]);
}

static void read_labels(mk_vm_reader_t *r, mk_vm_instruction_t *in) {
    in->index = mk_vm_count(r, 1);
    in->labels_at = (uint32_t)(r->at - r->start);
    for (uint32_t left = in->index; left > 0 && r->err == MK_OK; left--) (void)mk_vm_u32(r);
    (void)mk_vm_u32(r);
}

static void read_one_type(mk_vm_reader_t *r, mk_vm_instruction_t *in) {
    const uint8_t *at = r->at;
    uint32_t       count = mk_vm_count(r, 1);
    if (r->err == MK_OK && count != 1) {
        mk_vm_fail(r, at, MK_ERR_FORMAT, "select: %u types instead of one", (unsigned)count);
    }
    in->type = mk_vm_read_value_type(r);
}

static void read_memory_0(mk_vm_reader_t *r) {
    const uint8_t *at = r->at;
    if (mk_vm_u8(r) != 0) mk_vm_fail(r, at, MK_ERR_FORMAT, "a zero byte was expected");
}

static void read_access(mk_vm_reader_t *r, mk_vm_instruction_t *in) {
    const uint8_t *at = r->at;
    in->index = mk_vm_u32(r);
    if (in->index >= 0x40 && in->index < 0x80) { /* the bit that announces the number of a memory */
        mk_vm_fail(r, at, MK_ERR_NOSYS, "more than one memory is not supported");
    } else if (in->index > 31) {
        mk_vm_fail(r, at, MK_ERR_FORMAT, "an alignment of 2^%u", (unsigned)in->index);
    }
    in->value = mk_vm_u32(r);
}

static uint64_t read_bits(mk_vm_reader_t *r, unsigned bytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) value |= (uint64_t)mk_vm_u8(r) << 8 * i;
    return value;
}

static void read_immediate(mk_vm_reader_t *r, const mk_vm_module_t *module, mk_vm_instruction_t *in) {
    switch ((enum mk_vm_immediate)mk_vm_opcodes[in->opcode].immediate) {
    case MK_VM_IMM_NONE: break;
    case MK_VM_IMM_BLOCK: read_block_type(r, module, in); break;
    case MK_VM_IMM_LABELS: read_labels(r, in); break;
    case MK_VM_IMM_TYPES: read_one_type(r, in); break;
    case MK_VM_IMM_LABEL:
    case MK_VM_IMM_FUNCTION:
    case MK_VM_IMM_LOCAL:
    case MK_VM_IMM_GLOBAL:
    case MK_VM_IMM_TABLE:
    case MK_VM_IMM_ELEMENT:
    case MK_VM_IMM_DATA: in->index = mk_vm_u32(r); break;
    case MK_VM_IMM_TYPE_TABLE:
    case MK_VM_IMM_TABLES:
    case MK_VM_IMM_ELEMENT_TABLE: in->index = mk_vm_u32(r), in->index2 = mk_vm_u32(r); break;
    case MK_VM_IMM_DATA_MEMORY: in->index = mk_vm_u32(r), read_memory_0(r); break;
    case MK_VM_IMM_MEMORY: read_memory_0(r); break;
    case MK_VM_IMM_MEMORIES: read_memory_0(r), read_memory_0(r); break;
    case MK_VM_IMM_REFERENCE: in->type = mk_vm_read_reference_type(r); break;
    case MK_VM_IMM_I32: in->value = (uint32_t)mk_vm_signed(r, 32); break;
    case MK_VM_IMM_I64: in->value = (uint64_t)mk_vm_signed(r, 64); break;
    case MK_VM_IMM_F32: in->value = read_bits(r, 4); break;
    case MK_VM_IMM_F64: in->value = read_bits(r, 8); break;
    case MK_VM_IMM_ACCESS_8:
    case MK_VM_IMM_ACCESS_16:
    case MK_VM_IMM_ACCESS_32:
    case MK_VM_IMM_ACCESS_64: read_access(r, in); break;
    }
}

/* Says which feature an opcode that is not ours belongs to, as far as we know. */
static bool refuse(mk_vm_reader_t *r, const uint8_t *at, uint8_t byte) {
    switch (byte) {
    case 0x06:
    case 0x07:
    case 0x08:
    case 0x09:
    case 0x0A:
    case 0x18:
    case 0x19:
    case 0x1F: return mk_vm_fail(r, at, MK_ERR_NOSYS, "exceptions are not supported");
    case 0x14:
    case 0x15:
    case 0xD3:
    case 0xD4:
    case 0xD5:
    case 0xD6:
    case 0xFB: return mk_vm_fail(r, at, MK_ERR_NOSYS, "typed references are not supported");
    case 0xFD: return mk_vm_fail(r, at, MK_ERR_NOSYS, "vectors (v128) are not supported");
    case 0xFE: return mk_vm_fail(r, at, MK_ERR_NOSYS, "atomic instructions are not supported");
    default: return mk_vm_fail(r, at, MK_ERR_FORMAT, "unknown instruction 0x%02x", byte);
    }
}

bool mk_vm_read_instruction(mk_vm_reader_t *r, const mk_vm_module_t *module, mk_vm_instruction_t *in) {
    const uint8_t *at = r->at;
    uint8_t        byte = mk_vm_u8(r);
    if (r->err != MK_OK) return false;
    *in = (mk_vm_instruction_t){.at = (uint32_t)(at - r->start), .opcode = byte};
    if (byte == MK_VM_PREFIX) {
        uint32_t number = mk_vm_u32(r);
        if (r->err != MK_OK) return false;
        if (number >= MK_VM_PREFIXED_COUNT) {
            return mk_vm_fail(r, at, MK_ERR_FORMAT, "unknown instruction 0xfc %u", (unsigned)number);
        }
        in->opcode = (uint8_t)(MK_VM_PREFIXED + number);
    } else if (byte >= MK_VM_PREFIXED || mk_vm_opcodes[byte].name == NULL) {
        return refuse(r, at, byte);
    }
    read_immediate(r, module, in);
    return r->err == MK_OK;
}
