/* SPDX-License-Identifier: Apache-2.0 */
/* translate.h -- from the instructions of a function to its register code, and back from a place in one to the same place
 * in the other.
 *
 * Nobody keeps a table between the two. The way back is to translate again up to the place: it is rarely needed, and the
 * walk knows the types of all slots there as well. */
#ifndef MK_VM_TRANSLATE_H
#define MK_VM_TRANSLATE_H

#include "vm/code.h"
#include "vm/trap.h"
#include "vm/validate.h"

/* The code of a function of a validated module, for mk_free(). Of an imported one: a frame that calls the import and returns.
 * NULL: *trap is OUT_OF_MEMORY or CODE_LIMIT. */
mk_vm_code_t *mk_vm_translate(const mk_vm_module_t *module, const mk_vm_limits_t *limits, uint32_t function,
                              mk_vm_trap_t *trap);

/* Where a frame can stand still. */
typedef enum mk_vm_stop_kind {
    MK_VM_STOP_ENTRY,  /* nothing of the function has run                                        */
    MK_VM_STOP_LOOP,   /* about to run the body of a loop once more: `at` is the loop            */
    MK_VM_STOP_CALL,   /* in a call: `at` is the call; its arguments are no operands any more    */
    MK_VM_STOP_BULK,   /* in the middle of a bulk operation: its three operands say what is left */
    MK_VM_STOP_IMPORT, /* the frame of an import that blocked: its locals are the arguments      */
} mk_vm_stop_kind_t;

/* Where the value of an operand is at a stop: in its own slot, or it is known otherwise. Whoever restores a frame writes every
 * value to the own slot as well; the code looks where it expects it. */
typedef struct mk_vm_operand_place {
    enum { MK_VM_IN_SLOT, MK_VM_IN_LOCAL, MK_VM_CONSTANT } where;
    uint32_t slot;  /* of the window: MK_VM_IN_SLOT, MK_VM_IN_LOCAL */
    uint64_t value; /* MK_VM_CONSTANT                               */
} mk_vm_operand_place_t;

typedef struct mk_vm_stop {
    mk_vm_stop_kind_t            kind;
    uint32_t                     at; /* byte in the module; of ENTRY mk_vm_function_t.code_at, of IMPORT 0 */
    uint32_t                     pc; /* unit in the register code                                       */
    uint32_t                     locals, operands;
    const uint8_t               *local_types; /* enum mk_vm_value_type; parameters come first; they stand in slots 0, 1, ... */
    const uint8_t               *operand_types;
    const mk_vm_operand_place_t *places; /* of the operands; own slots of operand i: mk_vm_code_t.operands_at + i */
} mk_vm_stop_t;

/* What a frame is doing there: a call may end where a loop begins, and be the first instruction of its function. */
typedef enum mk_vm_standing {
    MK_VM_BEFORE,    /* about to go on: ENTRY, LOOP, BULK; of an import, about to call it */
    MK_VM_IN_CALL,   /* CALL                                                              */
    MK_VM_IN_IMPORT, /* IMPORT                                                            */
} mk_vm_standing_t;

/* The stop at a place in the register code, or in the module. MK_ERR_NOTFOUND: nothing can stand still there. MK_ERR_NOMEM. Released by
 * mk_vm_stop_fini(). */
MK_MUST_CHECK mk_err_t mk_vm_stop_at_pc(const mk_vm_module_t *module, const mk_vm_limits_t *limits, uint32_t function,
                                        uint32_t pc, mk_vm_standing_t standing, mk_vm_stop_t *out);
MK_MUST_CHECK mk_err_t mk_vm_stop_at_byte(const mk_vm_module_t *module, const mk_vm_limits_t *limits,
                                          uint32_t function, uint32_t at, mk_vm_standing_t standing,
                                          mk_vm_stop_t *out);
void                   mk_vm_stop_fini(mk_vm_stop_t *stop);

/* The instruction that a place in the register code belongs to: byte in the module, 0 if that cannot be told (an import, no
 * memory). */
uint32_t mk_vm_byte_of_pc(const mk_vm_module_t *module, const mk_vm_limits_t *limits, uint32_t function, uint32_t pc);

#endif
