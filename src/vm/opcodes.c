/* SPDX-License-Identifier: Apache-2.0 */
/* opcodes.c -- the table of opcodes.h, laid out by opcode. */
#include "vm/opcodes.h"

const mk_vm_opcode_facts_t mk_vm_opcodes[MK_VM_OPCODE_COUNT] = {
#define MK_VM_OPCODE_ROW(byte, id, name, immediate, type) [byte] = {name, type, MK_VM_IMM_##immediate},
    MK_VM_OPCODES(MK_VM_OPCODE_ROW)
#undef MK_VM_OPCODE_ROW
};
