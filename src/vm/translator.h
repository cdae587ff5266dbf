/* SPDX-License-Identifier: Apache-2.0 */
/* translator.h -- the state of translating one function, and the layer that knows where values are (emit.c).
 *
 * Beside the checker's stack of types runs a stack of places: an operand is in its own slot, in an accumulator, still in the
 * local it came from, a constant, or the sum of a slot and a constant that nobody has worked out yet (an address, most often). It
 * moves to its own slot only when it must.
 *
 * Invariants: at most one operand is in each accumulator. Every operand below `settled` is in its own slot, and at most
 * UNSETTLED_MAX are above, so that nothing here takes time in proportion to the stack. Operands below the innermost block's
 * are settled. */
#ifndef MK_VM_TRANSLATOR_H
#define MK_VM_TRANSLATOR_H

#include "vm/translate.h"

/* The accumulators. */
typedef enum mk_vm_acc { MK_VM_ACC_I, MK_VM_ACC_F32, MK_VM_ACC_F64, MK_VM_ACCS } mk_vm_acc_t;

typedef enum mk_vm_where { MK_VM_WHERE_SLOT, MK_VM_WHERE_ACC, MK_VM_WHERE_LOCAL, MK_VM_WHERE_CONST, MK_VM_WHERE_SUM } mk_vm_where_t;

typedef struct mk_vm_operand {
    uint8_t  where; /* mk_vm_where_t                                      */
    uint8_t  acc;   /* mk_vm_acc_t: what kind of value                    */
    uint16_t slot;  /* its own, or the local; the sum's                   */
    uint32_t index; /* on the stack: its own slot is operands_at + index  */
    uint64_t value; /* a constant's bits; what is added to the slot       */
} mk_vm_operand_t;

/* A list of places in the code that are to be set to one target when it is known: each holds the number of the one before. */
typedef uint32_t mk_vm_patch_t;

typedef struct mk_vm_label {
    uint32_t      target;      /* a loop's first unit                               */
    uint32_t      height;      /* operands below the block                          */
    uint32_t      arity;       /* operands a branch brings along                    */
    mk_vm_patch_t branches;    /* to the end                                        */
    mk_vm_patch_t otherwise;   /* of an if: where it goes when the condition is 0   */
    mk_vm_patch_t stubs;       /* of the br_table under way                         */
    uint8_t       opcode;      /* block, loop, if                                   */
    bool          live;        /* it can be entered                                 */
} mk_vm_label_t;

typedef struct mk_vm_translator {
    mk_vm_checker_t       c;
    const mk_vm_module_t *module;
    mk_vm_code_t         *code; /* under way: unit_count is how far it is */
    uint32_t              room; /* units                                  */
    mk_vm_trap_t          failed;

    mk_vm_operand_t *stack;
    uint32_t         count, settled, stack_room;
    mk_vm_label_t   *labels; /* of the checker's blocks */
    uint32_t         label_count, label_room;
    bool             dead; /* what is read now is never reached */

    struct {
        uint32_t operand; /* the operand that is in it, or MK_VM_NONE            */
        uint32_t slot;    /* a slot that has the same value, or MK_VM_NONE       */
        uint32_t made_at, made_end; /* the instruction that left it there, while it may still be turned into its twin */
    } acc[MK_VM_ACCS];

    uint32_t    last, last_end; /* the instruction emitted last, if nothing came between; MK_VM_NONE */
    mk_vm_acc_t last_acc;       /* where it left its result                                          */
    bool        last_twin;      /* it has a twin that writes to a slot as well                       */

    /* a walk back: what is looked for */
    mk_vm_stop_t *wanted; /* NULL: nothing */
    bool          by_pc, in_call, found;
    mk_err_t      found_err;
    struct mk_vm_mark {
        uint32_t pc, at;
    } *marks; /* where each instruction begins in both; NULL: nobody asks */
    uint32_t mark_count;
} mk_vm_translator_t;

/* --- emit.c ------------------------------------------------------------------------------------------------------------- */

static inline uint32_t mk_vm_here(const mk_vm_translator_t *t) { return t->code->unit_count; }
static inline uint16_t mk_vm_own_slot(const mk_vm_translator_t *t, uint32_t index) {
    return (uint16_t)(t->code->operands_at + index);
}

mk_vm_acc_t mk_vm_acc_of_type(uint8_t type);

void mk_vm_emit(mk_vm_translator_t *t, uint32_t unit);
void mk_vm_emit32(mk_vm_translator_t *t, uint32_t value);
void mk_vm_emit64(mk_vm_translator_t *t, uint64_t value);
/* The instruction begins that is emitted next; nothing may look back at it. */
void mk_vm_emit_op(mk_vm_translator_t *t, uint32_t op);

/* An instruction with a result: what is emitted between the two are its operands. `twin`: the next number does the same and writes to
 * a slot as well. */
void mk_vm_begin_result(mk_vm_translator_t *t, uint32_t op, mk_vm_acc_t acc, bool twin);
void mk_vm_end_result(mk_vm_translator_t *t);

/* The stack of places. push() takes an operand wherever it is; pop() leaves it to the caller, who must use an accumulator's value
 * before it emits anything that has a result of that kind. */
void            mk_vm_push(mk_vm_translator_t *t, mk_vm_where_t where, mk_vm_acc_t acc, uint32_t slot, uint64_t value);
void            mk_vm_push_result(mk_vm_translator_t *t, mk_vm_acc_t acc); /* of the instruction just emitted */
mk_vm_operand_t mk_vm_pop(mk_vm_translator_t *t);

/* Brings a popped operand somewhere. in_slot() gives the slot it is in, its own or a local's. */
uint16_t mk_vm_in_slot(mk_vm_translator_t *t, const mk_vm_operand_t *o);
void     mk_vm_into_slot(mk_vm_translator_t *t, const mk_vm_operand_t *o, uint16_t slot);
void     mk_vm_into_acc(mk_vm_translator_t *t, const mk_vm_operand_t *o);
/* Can be read from its accumulator as it is. */
bool mk_vm_also_in_acc(const mk_vm_translator_t *t, const mk_vm_operand_t *o);

/* Before an instruction that changes this accumulator, or all of them: saves the operand that is in it. */
void mk_vm_spare_acc(mk_vm_translator_t *t, mk_vm_acc_t acc);
void mk_vm_spare_all(mk_vm_translator_t *t);
/* After one: what was known about them is not true any more. */
void mk_vm_forget_all(mk_vm_translator_t *t);

/* Operands on the stack to their own slots: the upper `many`, or all. */
void mk_vm_settle(mk_vm_translator_t *t, uint32_t many);
void mk_vm_settle_all(mk_vm_translator_t *t);
/* Before a local changes: operands that are still in it. */
void mk_vm_settle_local(mk_vm_translator_t *t, uint32_t local);

/* A branch: the field where its target goes; the field of an instruction begun by the caller. */
void mk_vm_patch_add(mk_vm_translator_t *t, mk_vm_patch_t *list);
void mk_vm_patch_back(mk_vm_translator_t *t, uint32_t target);
void mk_vm_patch_here(mk_vm_translator_t *t, mk_vm_patch_t *list);

/* The number of an operation's form (ops.h), which it must have. */
uint32_t mk_vm_form(uint32_t op, uint32_t forms, uint32_t form);
/* As mk_vm_end_result(), and pushes the result. */
void mk_vm_end_operand(mk_vm_translator_t *t);
/* Whether the instruction emitted last is a comparison of integers whose result nobody has used. */
bool mk_vm_compared_last(const mk_vm_translator_t *t);
/* Makes one number of a constant address and the offset. False: they are none. */
bool mk_vm_fixed_address(const mk_vm_operand_t *address, uint64_t *offset);

/* --- fuse.c: each is true if it has done what was asked; else the caller goes on as if there were none of them ---------------- */

#ifndef MK_VM_SMALL
bool mk_vm_put_off(mk_vm_translator_t *t, const mk_vm_operand_t *x, const mk_vm_operand_t *y);
bool mk_vm_pair_up(mk_vm_translator_t *t, uint32_t form, const mk_vm_operand_t *x, const mk_vm_operand_t *y);
bool mk_vm_load_sum(mk_vm_translator_t *t, uint32_t op, mk_vm_acc_t acc, const mk_vm_operand_t *address);
bool mk_vm_store_float(mk_vm_translator_t *t, const mk_vm_operand_t *address, const mk_vm_operand_t *value);
bool mk_vm_branch_compared(mk_vm_translator_t *t, bool when);
#else
#define mk_vm_put_off(t, x, y)             false
#define mk_vm_pair_up(t, form, x, y)       false
#define mk_vm_load_sum(t, op, acc, a)      false
#define mk_vm_store_float(t, a, value)     false
#define mk_vm_branch_compared(t, when)     false
#endif

#endif
