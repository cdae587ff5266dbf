/* SPDX-License-Identifier: Apache-2.0 */
/* validate.h -- types every instruction of every function before anything runs.
 *
 * A refusal says what, where and in which function: "i32.add: i32 expected, i64 found at byte 73 in section code,
 * function 3 (checksum)". */
#ifndef MK_VM_VALIDATE_H
#define MK_VM_VALIDATE_H

#include "vm/decode.h"
#include "vm/instruction.h"

/* Checks all function bodies of a decoded module and fills in what each needs to run. Errors as mk_vm_decode(); the
 * module stays the caller's to release. */
MK_MUST_CHECK mk_err_t mk_vm_validate(mk_vm_module_t *module, const mk_vm_limits_t *limits, char *err, size_t err_size);

/* --- one function, instruction by instruction: for whoever wants to know the stack at each of them ----------------- */

/* An open block. */
typedef struct mk_vm_block {
    mk_vm_types_t params, results;
    uint32_t      height;    /* operands below it, its parameters not included        */
    uint32_t      branched;  /* the place of the last br_table that was checked for it */
    uint8_t       opcode;    /* block, loop, if, else; of the function: block         */
    bool          dead;      /* the rest of it is never reached                        */
} mk_vm_block_t;

typedef struct mk_vm_checker {
    mk_vm_reader_t          r;
    const mk_vm_module_t   *module;
    const mk_vm_limits_t   *limits;
    const mk_vm_function_t *function;
    mk_vm_instruction_t     in;       /* the last one read                          */
    uint8_t                *locals;   /* their types, parameters first              */
    uint8_t                *operands; /* their types; MK_VM_TYPE_ANY in dead code   */
    mk_vm_block_t          *blocks;   /* outermost first; that one is the function  */
    uint32_t                local_count, operand_count, block_count;
    uint32_t                operands_max;
    uint32_t                local_room, operand_room, block_room;
} mk_vm_checker_t;

/* The checker keeps its memory from function to function. `err` gets the text of the first failure. */
void mk_vm_checker_init(mk_vm_checker_t *c, const mk_vm_module_t *module, const mk_vm_limits_t *limits, char *err,
                        size_t err_size);
void mk_vm_checker_fini(mk_vm_checker_t *c);

/* Begins with a function that has code: reads its locals. False: failed, as c->r.err says. */
bool mk_vm_checker_begin(mk_vm_checker_t *c, uint32_t function);

/* Reads and checks the next instruction, c->in. False: the one before was the last, or it failed. */
bool mk_vm_checker_next(mk_vm_checker_t *c);

#endif
