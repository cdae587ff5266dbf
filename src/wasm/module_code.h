/* SPDX-License-Identifier: Apache-2.0 */
/* module_code.h -- steps through code, one instruction at a time, without running or typing it. */
#ifndef MK_WASM_MODULE_CODE_H
#define MK_WASM_MODULE_CODE_H

#include "wasm/module.h"

uint8_t mk_module_value_type(mk_vm_reader_t *r);
uint8_t mk_module_reference_type(mk_vm_reader_t *r);

/* Opcodes that somebody asks for by name; a prefixed one is prefix << 16 | number. */
enum {
    OP_IF          = 0x04,
    OP_END         = 0x0B,
    OP_RETURN      = 0x0F,
    OP_CALL        = 0x10,
    OP_LOCAL_GET   = 0x20,
    OP_LOCAL_TEE   = 0x22,
    OP_GLOBAL_GET  = 0x23,
    OP_GLOBAL_SET  = 0x24,
    OP_MEMORY_SIZE = 0x3F,
    OP_MEMORY_GROW = 0x40,
    OP_I32_CONST   = 0x41,
    OP_I64_CONST   = 0x42,
    OP_F32_CONST   = 0x43,
    OP_F64_CONST   = 0x44,
    OP_I32_EQZ     = 0x45,
    OP_I32_NE      = 0x47,
    OP_I32_ADD     = 0x6A,
    OP_I32_SUB     = 0x6B,
    OP_I32_MUL     = 0x6C,
    OP_I64_ADD     = 0x7C,
    OP_I64_SUB     = 0x7D,
    OP_I64_MUL     = 0x7E,
    OP_REF_NULL    = 0xD0,
    OP_REF_FUNC    = 0xD2,
    OP_V128_CONST  = 0xFD << 16 | 12,
};

typedef struct mk_module_op {
    const uint8_t *at; /* first byte; the reader stands behind the last */
    uint32_t       code;
    uint32_t       depth; /* open blocks, the expression itself included */
} mk_module_op_t;

/* Steps through one expression: start with mk_module_op_begin(), then call until false, which says
 * that the `end` closing the expression was the one before, or that the reader failed. */
static inline mk_module_op_t mk_module_op_begin(void) { return (mk_module_op_t){.depth = 1}; }

bool mk_module_next_op(mk_vm_reader_t *r, mk_module_op_t *op);

/* Reads an initialiser; fails on an instruction that none may hold. If it is a plain i32, true and its value. */
bool mk_module_constant(mk_vm_reader_t *r, uint32_t *value);

/* Skips the groups of local variables in front of a function's code. */
void mk_module_skip_locals(mk_vm_reader_t *r);

#endif
