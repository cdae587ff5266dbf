/* SPDX-License-Identifier: Apache-2.0 */
/* instruction.h -- reads one instruction with everything that follows its opcode. Its form is checked, and that the
 * types it names exist; what it refers to otherwise is the validator's business. */
#ifndef MK_VM_INSTRUCTION_H
#define MK_VM_INSTRUCTION_H

#include "vm/module.h"
#include "vm/opcodes.h"

/* A list of value types where it stands in the module. */
typedef struct mk_vm_types {
    const uint8_t *at;
    uint32_t       count;
} mk_vm_types_t;

typedef struct mk_vm_instruction {
    uint32_t      at;               /* its first byte, from the start of the module                          */
    uint8_t       opcode;           /* enum mk_vm_opcode                                                     */
    uint8_t       type;             /* ref.null, and select with a type                                      */
    uint32_t      index;            /* function, type, local, global, label, table (to), segment, alignment  */
    uint32_t      index2;           /* table of an indirect call or of elements, table from                  */
    uint64_t      value;            /* a constant's bits; the offset of an access                            */
    mk_vm_types_t params, results;  /* of a block                                                            */
    uint32_t      labels_at;        /* br_table: `index` labels stand there, and the default one after them  */
} mk_vm_instruction_t;

/* enum mk_vm_value_type; 0: failed. */
uint8_t mk_vm_read_value_type(mk_vm_reader_t *r);
uint8_t mk_vm_read_reference_type(mk_vm_reader_t *r);

/* False: the reader failed. */
bool mk_vm_read_instruction(mk_vm_reader_t *r, const mk_vm_module_t *module, mk_vm_instruction_t *in);

static inline mk_vm_types_t mk_vm_params(const mk_vm_module_t *module, const mk_vm_type_t *type) {
    return (mk_vm_types_t){module->bytes + type->params_at, type->params};
}

static inline mk_vm_types_t mk_vm_results(const mk_vm_module_t *module, const mk_vm_type_t *type) {
    return (mk_vm_types_t){module->bytes + type->results_at, type->results};
}

#endif
