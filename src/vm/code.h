/* SPDX-License-Identifier: Apache-2.0 */
/* code.h -- register code: what functions are translated to and run as. */
#ifndef MK_VM_CODE_H
#define MK_VM_CODE_H

#include <stdint.h>

/* The code of one function. Never changes once it is published. */
typedef struct mk_vm_code {
    uint32_t function;
    uint32_t unit_count;
    uint32_t slots;       /* of a window: operands_at + the most operands */
    uint32_t link_at;     /* the slot of the link                         */
    uint32_t operands_at; /* of the first operand: link_at + 1            */
    uint32_t params;      /* the slots from here to `locals` are zeroed at entry */
    uint32_t locals;
    uint16_t units[];
} mk_vm_code_t;

#endif
