/* SPDX-License-Identifier: Apache-2.0 */
/* code.h -- register code: what functions are translated to and run as. */
#ifndef MK_VM_CODE_H
#define MK_VM_CODE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "vm/ops.h"

/* The code of one function. Never changes once it is published. */
typedef struct mk_vm_code {
    uint32_t function;
    uint32_t unit_count;
    uint32_t slots;       /* of a window: operands_at + the most operands */
    uint32_t link_at;     /* the slot of the link                         */
    uint32_t operands_at; /* of the first operand: link_at + 1            */
    uint32_t params;      /* the slots from here to `locals` are zeroed at entry */
    uint32_t locals;
    uint16_t results;
    uint8_t  result_type; /* enum mk_vm_value_type; of the first result */
    uint16_t units[];
} mk_vm_code_t;

/* Numbers of more than one unit, the lower units first. */
static inline uint32_t mk_vm_unit32(const uint16_t *at) { return at[0] | (uint32_t)at[1] << 16; }
static inline uint64_t mk_vm_unit64(const uint16_t *at) { return mk_vm_unit32(at) | (uint64_t)mk_vm_unit32(at + 2) << 32; }

/* How many units the instruction at `at` has. */
uint32_t mk_vm_op_units(const uint16_t *at);

/* Writes the instruction at unit `pc` as text, "i32.add r1 r2 > r5"; gives the unit behind it. */
uint32_t mk_vm_disassemble(const mk_vm_code_t *code, uint32_t pc, char *text, size_t size);

#endif
