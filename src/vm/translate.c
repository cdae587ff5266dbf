/* SPDX-License-Identifier: Apache-2.0 */
/* translate.c -- see translate.h: the checker's walk with a second listener, one function per kind of instruction.
 *
 * After each instruction of the module the checker says what is on the stack; what was there before is still known here. */
#include "vm/translator.h"

#include "base/assert.h"
#include "base/mem.h"

#include <string.h>

/* --- what numeric instructions become ------------------------------------------------------------------------------------ */

typedef enum shape {
    SHAPE_NONE,
    SHAPE_COMMUTE,
    SHAPE_ORDERED,
    SHAPE_COMPARE,
    SHAPE_UNARY,
    SHAPE_LOAD,
    SHAPE_STORE,
} shape_t;

typedef struct rule {
    uint16_t op;     /* its first form                      */
    uint16_t forms;  /* set of enum mk_vm_form              */
    uint8_t  shape;  /* shape_t                             */
    uint8_t  result; /* mk_vm_acc_t                        */
    bool     rare;   /* the other accumulators are lost    */
    uint8_t  mirror; /* the instruction with its operands exchanged, 0: there is none */
} rule_t;

/* clang-format off */
enum { ACC_I32 = MK_VM_ACC_I, ACC_I64 = MK_VM_ACC_I, ACC_F32 = MK_VM_ACC_F32, ACC_F64 = MK_VM_ACC_F64 };

/* Not instructions of a module: subtraction the other way round. */
enum { MK_VM_I32_RSUB = MK_VM_OPCODE_COUNT, MK_VM_I64_RSUB, RULES };
enum { MIRROR_I32_SUB = MK_VM_I32_RSUB, MIRROR_I32_RSUB = MK_VM_I32_SUB, MIRROR_I64_SUB = MK_VM_I64_RSUB, MIRROR_I64_RSUB = MK_VM_I64_SUB };

static const rule_t rules[RULES] = {
#define RULE(id, forms, shape, result, rare) [MK_VM_##id] = {MK_VM_OP_##id##forms, shape, ACC_##result, rare, 0},
#define COMMUTE(_, id, name, kind, result, ...) [MK_VM_##id] = {MK_VM_OP_##id##_RR, MK_VM_FORMS_COMMUTE, SHAPE_COMMUTE, ACC_##result, false, MK_VM_##id},
#define MIRRORED(_, id, name, kind, result, ...) [MK_VM_##id] = {MK_VM_OP_##id##_RR, MK_VM_FORMS_COMMUTE, SHAPE_ORDERED, ACC_##result, false, MIRROR_##id},
#define ORDERED(_, id, name, kind, result, ...) [MK_VM_##id] = {MK_VM_OP_##id##_RR, MK_VM_FORMS_ORDERED, SHAPE_ORDERED, ACC_##result, false, 0},
#define CHECKED(_, id, name, kind, result, ...) [MK_VM_##id] = {MK_VM_OP_##id##_RR, MK_VM_FORMS_CHECKED, SHAPE_ORDERED, ACC_##result, true, 0},
#define FLOAT(_, id, name, kind, result, ...) [MK_VM_##id] = {MK_VM_OP_##id##_RR, MK_VM_FORMS_FLOAT, SHAPE_ORDERED, ACC_##result, false, 0},
#define UNARY(_, id, name, kind, result, ...) [MK_VM_##id] = {MK_VM_OP_##id##_R, MK_VM_FORMS_UNARY, SHAPE_UNARY, ACC_##result, false, 0},
#define RARE(_, id, name, kind, result, ...) [MK_VM_##id] = {MK_VM_OP_##id##_R, MK_VM_FORMS_RARE, SHAPE_UNARY, ACC_##result, true, 0},
    MK_VM_COMMUTE(COMMUTE, _)
    MK_VM_MIRRORED(MIRRORED, _)
    MK_VM_ORDERED(ORDERED, _)
    MK_VM_CHECKED(CHECKED, _)
    MK_VM_FLOAT(FLOAT, _)
    MK_VM_FLOAT_RARE(CHECKED, _)
    MK_VM_UNARY(UNARY, _)
    MK_VM_UNARY_RARE(RARE, _)
    MK_VM_UNARY_CHECKED(RARE, _)
#define COMPARE(id, other) [MK_VM_##id] = {MK_VM_OP_##id##_RR, MK_VM_FORMS_COMPARE, SHAPE_COMPARE, MK_VM_ACC_I, false, MK_VM_##other},
    COMPARE(I32_EQ, I32_EQ)     COMPARE(I32_NE, I32_NE)
    COMPARE(I32_LT_S, I32_GT_S) COMPARE(I32_GT_S, I32_LT_S) COMPARE(I32_LE_S, I32_GE_S) COMPARE(I32_GE_S, I32_LE_S)
    COMPARE(I32_LT_U, I32_GT_U) COMPARE(I32_GT_U, I32_LT_U) COMPARE(I32_LE_U, I32_GE_U) COMPARE(I32_GE_U, I32_LE_U)
    COMPARE(I64_EQ, I64_EQ)     COMPARE(I64_NE, I64_NE)
    COMPARE(I64_LT_S, I64_GT_S) COMPARE(I64_GT_S, I64_LT_S) COMPARE(I64_LE_S, I64_GE_S) COMPARE(I64_GE_S, I64_LE_S)
    COMPARE(I64_LT_U, I64_GT_U) COMPARE(I64_GT_U, I64_LT_U) COMPARE(I64_LE_U, I64_GE_U) COMPARE(I64_GE_U, I64_LE_U)
#define FLOAT_COMPARE(id, other) [MK_VM_##id] = {MK_VM_OP_##id##_RR, MK_VM_FORMS_FLOAT_COMPARE, SHAPE_COMPARE, MK_VM_ACC_I, false, MK_VM_##other},
    FLOAT_COMPARE(F32_EQ, F32_EQ) FLOAT_COMPARE(F32_NE, F32_NE) FLOAT_COMPARE(F32_LT, F32_GT) FLOAT_COMPARE(F32_GT, F32_LT)
    FLOAT_COMPARE(F32_LE, F32_GE) FLOAT_COMPARE(F32_GE, F32_LE)
    FLOAT_COMPARE(F64_EQ, F64_EQ) FLOAT_COMPARE(F64_NE, F64_NE) FLOAT_COMPARE(F64_LT, F64_GT) FLOAT_COMPARE(F64_GT, F64_LT)
    FLOAT_COMPARE(F64_LE, F64_GE) FLOAT_COMPARE(F64_GE, F64_LE)
#define LOAD(id, as, result) [MK_VM_##id] = {MK_VM_OP_LOAD_FIRST(as), MK_VM_FORMS_LOAD, SHAPE_LOAD, ACC_##result, false, 0},
    LOAD(I32_LOAD, LOAD32, I32)        LOAD(I64_LOAD, LOAD64, I64)         LOAD(F32_LOAD, LOADF32, F32)
    LOAD(F64_LOAD, LOADF64, F64)       LOAD(I32_LOAD8_S, I32_LOAD8S, I32)  LOAD(I32_LOAD8_U, LOAD8_U, I32)
    LOAD(I32_LOAD16_S, I32_LOAD16S, I32) LOAD(I32_LOAD16_U, LOAD16_U, I32) LOAD(I64_LOAD8_S, I64_LOAD8S, I64)
    LOAD(I64_LOAD8_U, LOAD8_U, I64)    LOAD(I64_LOAD16_S, I64_LOAD16S, I64) LOAD(I64_LOAD16_U, LOAD16_U, I64)
    LOAD(I64_LOAD32_S, I64_LOAD32S, I64) LOAD(I64_LOAD32_U, LOAD32, I64)
#define STORE(id, as) [MK_VM_##id] = {MK_VM_OP_##as##_RR, MK_VM_FORMS_STORE, SHAPE_STORE, 0, false, 0},
    STORE(I32_STORE, STORE32) STORE(I64_STORE, STORE64) STORE(I32_STORE8, STORE8) STORE(I32_STORE16, STORE16)
    STORE(I64_STORE8, STORE8) STORE(I64_STORE16, STORE16) STORE(I64_STORE32, STORE32)
    STORE(F32_STORE, STORE32) STORE(F64_STORE, STORE64) /* from a slot; else STORE_FLOAT */
};
/* clang-format on */

static void spare(mk_vm_translator_t *t, const rule_t *rule) {
    if (rule->rare) mk_vm_spare_all(t);
    else mk_vm_spare_acc(t, (mk_vm_acc_t)rule->result);
}

/* As a constant of 2 units, which is sign-extended where the operation has 64 bits. */
static bool fits_k(const mk_vm_operand_t *o, bool wide) {
    return o->where == MK_VM_WHERE_CONST && o->acc == MK_VM_ACC_I &&
           (!wide || (uint64_t)(int64_t)(int32_t)(uint32_t)o->value == o->value);
}

/* --- two operands --------------------------------------------------------------------------------------------------------- */

static bool is_wide(uint8_t opcode) { return mk_vm_opcodes[opcode].type[0] == 'I'; }

/* How the operands reach the operation: constants and accumulators where there is a form for it, slots otherwise. May exchange
 * them, and the operation for its mirror image. */
static uint32_t choose(mk_vm_translator_t *t, const rule_t **rule, bool wide, mk_vm_operand_t *x, mk_vm_operand_t *y) {
    bool exchange = fits_k(x, wide) && !fits_k(y, wide);
    exchange |= y->where == MK_VM_WHERE_ACC && x->where != MK_VM_WHERE_CONST;
    if (exchange && (*rule)->mirror != 0 && ((*rule)->forms & MK_VM_AR) != 0) {
        mk_vm_operand_t other = *x;
        *x = *y;
        *y = other;
        *rule = &rules[(*rule)->mirror];
    }
    uint32_t forms = (*rule)->forms;
    bool     k = fits_k(y, wide) && (forms & MK_VM_RK) != 0;
    if (y->where == MK_VM_WHERE_ACC && (forms & MK_VM_RA) != 0) return MK_VM_RA;
    if (mk_vm_also_in_acc(t, x)) {
        if (k) return (forms & MK_VM_AK) != 0 ? MK_VM_AK : MK_VM_RK;
        if ((forms & MK_VM_AR) != 0 && y->where != MK_VM_WHERE_ACC) return MK_VM_AR;
    }
    if (k) return MK_VM_RK;
    if ((forms & MK_VM_RA) != 0 && mk_vm_also_in_acc(t, y)) return MK_VM_RA;
    return MK_VM_RR;
}

/* Sums that a constant or a slot is combined with now: into the accumulator, if nothing else needs it. */
static void work_out(mk_vm_translator_t *t, mk_vm_operand_t *o, const mk_vm_operand_t *other) {
    if (o->where != MK_VM_WHERE_SUM || other->where == MK_VM_WHERE_ACC) return;
    mk_vm_into_acc(t, o);
    o->where = MK_VM_WHERE_ACC;
}

static void binary(mk_vm_translator_t *t, const rule_t *rule) {
    bool            wide = is_wide(t->c.in.opcode);
    mk_vm_operand_t y = mk_vm_pop(t), x = mk_vm_pop(t);
    if (mk_vm_put_off(t, &x, &y)) return;
    work_out(t, &y, &x);
    work_out(t, &x, &y);
    uint32_t form = choose(t, &rule, wide, &x, &y);
    bool     x_in_acc = (form & (MK_VM_AR | MK_VM_AK)) != 0;
    uint32_t x_slot = 0, y_slot = 0;
    if (mk_vm_pair_up(t, form, &x, &y)) return;
    /* The accumulator first: bringing the other into its slot leaves it alone. */
    if (!x_in_acc) x_slot = mk_vm_in_slot(t, &x);
    if ((form & (MK_VM_RR | MK_VM_AR)) != 0) y_slot = mk_vm_in_slot(t, &y);
    spare(t, rule);
    mk_vm_begin_result(t, mk_vm_form(rule->op, rule->forms, form), (mk_vm_acc_t)rule->result,
                       (rule->forms & MK_VM_TO_SLOT) != 0);
    if (!x_in_acc) mk_vm_emit(t, x_slot);
    if ((form & (MK_VM_RR | MK_VM_AR)) != 0) mk_vm_emit(t, y_slot);
    if ((form & (MK_VM_RK | MK_VM_AK)) != 0) mk_vm_emit32(t, (uint32_t)y.value);
    if (rule->rare) mk_vm_forget_all(t);
    mk_vm_end_operand(t);
}

/* x == 0; of a comparison the opposite one. */
static void test_zero(mk_vm_translator_t *t, uint8_t equal) {
    if (t->count > 0 && t->stack[t->count - 1].where == MK_VM_WHERE_ACC && mk_vm_compared_last(t)) {
        t->code->units[t->last] ^= MK_VM_OPPOSITE;
        return;
    }
    const rule_t   *rule = &rules[equal];
    mk_vm_operand_t x = mk_vm_pop(t);
    work_out(t, &x, &x);
    bool     in_acc = mk_vm_also_in_acc(t, &x);
    uint32_t slot = in_acc ? 0 : mk_vm_in_slot(t, &x);
    mk_vm_spare_acc(t, MK_VM_ACC_I);
    mk_vm_begin_result(t, mk_vm_form(rule->op, rule->forms, in_acc ? MK_VM_AK : MK_VM_RK), MK_VM_ACC_I, false);
    if (!in_acc) mk_vm_emit(t, slot);
    mk_vm_emit32(t, 0);
    mk_vm_end_operand(t);
}

/* --- one operand, memory ------------------------------------------------------------------------------------------------------ */

/* The bits of a slot stay what they are. */
static bool only_renames(uint8_t opcode) {
    return opcode == MK_VM_I32_REINTERPRET_F32 || opcode == MK_VM_I64_REINTERPRET_F64 ||
           opcode == MK_VM_F32_REINTERPRET_I32 || opcode == MK_VM_F64_REINTERPRET_I64;
}

static void unary(mk_vm_translator_t *t, const rule_t *rule) {
    mk_vm_operand_t x = mk_vm_pop(t);
    if (only_renames(t->c.in.opcode) && x.where != MK_VM_WHERE_ACC) {
        mk_vm_push(t, (mk_vm_where_t)x.where, (mk_vm_acc_t)rule->result, x.slot, x.value);
        return;
    }
    work_out(t, &x, &x);
    bool     in_acc = (rule->forms & MK_VM_A) != 0 && mk_vm_also_in_acc(t, &x);
    uint32_t slot = in_acc ? 0 : mk_vm_in_slot(t, &x);
    spare(t, rule);
    mk_vm_begin_result(t, mk_vm_form(rule->op, rule->forms, in_acc ? MK_VM_A : MK_VM_R), (mk_vm_acc_t)rule->result,
                       false);
    if (!in_acc) mk_vm_emit(t, slot);
    if (rule->rare) mk_vm_forget_all(t);
    mk_vm_end_operand(t);
}

static void load(mk_vm_translator_t *t, const rule_t *rule) {
    mk_vm_operand_t address = mk_vm_pop(t);
    uint64_t        offset = t->c.in.value;
    uint32_t        slot = address.slot, form = MK_VM_R;
    if (mk_vm_load_sum(t, rule->op, (mk_vm_acc_t)rule->result, &address)) return;
    if ((rule->forms & MK_VM_K) != 0 && mk_vm_fixed_address(&address, &offset)) form = MK_VM_K;
    else if (mk_vm_also_in_acc(t, &address)) form = MK_VM_A;
    else if (address.where == MK_VM_WHERE_SUM && offset == 0) form = MK_VM_RK;
    else slot = mk_vm_in_slot(t, &address);
    mk_vm_spare_acc(t, (mk_vm_acc_t)rule->result);
    mk_vm_begin_result(t, mk_vm_form(rule->op, rule->forms, form), (mk_vm_acc_t)rule->result,
                       (rule->forms & MK_VM_TO_SLOT) != 0);
    if (form == MK_VM_R || form == MK_VM_RK) mk_vm_emit(t, slot);
    mk_vm_emit32(t, form == MK_VM_RK ? (uint32_t)address.value : (uint32_t)offset);
    mk_vm_end_operand(t);
}

static uint32_t store_form(mk_vm_translator_t *t, const mk_vm_operand_t *address, bool fixed, bool sum,
                           const mk_vm_operand_t *value, bool k) {
    bool value_in_acc = !k && mk_vm_also_in_acc(t, value);
    if (fixed) return value_in_acc ? MK_VM_KA : MK_VM_KR;
    if (sum) return k ? MK_VM_SK : value_in_acc ? MK_VM_SA : MK_VM_SR;
    if (value->where == MK_VM_WHERE_ACC) return MK_VM_RA;
    if (mk_vm_also_in_acc(t, address)) return k ? MK_VM_AK : MK_VM_AR;
    if (k) return MK_VM_RK;
    return value_in_acc ? MK_VM_RA : MK_VM_RR;
}

static void store(mk_vm_translator_t *t, const rule_t *rule) {
    mk_vm_operand_t value = mk_vm_pop(t), address = mk_vm_pop(t);
    uint64_t        offset = t->c.in.value;
    if (value.acc != MK_VM_ACC_I && mk_vm_store_float(t, &address, &value)) return;
    if (value.acc != MK_VM_ACC_I && value.where == MK_VM_WHERE_ACC) {
        value.slot = mk_vm_in_slot(t, &value);
        value.where = MK_VM_WHERE_SLOT;
    }
    value.acc = MK_VM_ACC_I; /* bits */
    work_out(t, &value, &address);
    bool whole = rule->op == MK_VM_OP_STORE64_RR, k = (rule->forms & MK_VM_RK) != 0 && fits_k(&value, whole);
    bool fixed = (rule->forms & MK_VM_KR) != 0 && mk_vm_fixed_address(&address, &offset),
         sum = address.where == MK_VM_WHERE_SUM && offset == 0;
    uint32_t form = store_form(t, &address, fixed, sum, &value, k);
    bool     value_in_slot = (form & (MK_VM_RR | MK_VM_AR | MK_VM_KR | MK_VM_SR)) != 0;
    bool     address_in_slot = (form & (MK_VM_RR | MK_VM_RA | MK_VM_RK)) != 0;
    uint32_t address_slot = address_in_slot ? mk_vm_in_slot(t, &address) : address.slot;
    uint32_t value_slot = value_in_slot ? mk_vm_in_slot(t, &value) : 0;
    sum = (form & (MK_VM_SR | MK_VM_SA | MK_VM_SK)) != 0;
    mk_vm_emit_op(t, mk_vm_form(rule->op, rule->forms, form));
    if (address_in_slot || sum) mk_vm_emit(t, address_slot);
    if (sum) mk_vm_emit32(t, (uint32_t)address.value);
    if (value_in_slot) mk_vm_emit(t, value_slot);
    if ((form & (MK_VM_RK | MK_VM_AK | MK_VM_SK)) != 0) mk_vm_emit32(t, (uint32_t)value.value);
    if (!sum) mk_vm_emit32(t, (uint32_t)offset);
}

/* --- stops, for a walk back ------------------------------------------------------------------------------------------------------ */

static mk_err_t stop_copy(mk_vm_translator_t *t, mk_vm_stop_t *stop, uint32_t operands) {
    size_t                 bytes = (size_t)t->c.local_count + operands;
    mk_vm_operand_place_t *places = mk_alloc(operands * sizeof *places + bytes + 1);
    if (places == NULL) return MK_ERR_NOMEM;
    uint8_t *types = (uint8_t *)(places + operands);
    if (t->c.local_count > 0) memcpy(types, t->c.locals, t->c.local_count);
    if (operands > 0) memcpy(types + t->c.local_count, t->c.operands, operands);
    for (uint32_t i = 0; i < operands; i++) {
        const mk_vm_operand_t *o = &t->stack[i];
        places[i].where = o->where == MK_VM_WHERE_CONST   ? MK_VM_CONSTANT
                          : o->where == MK_VM_WHERE_LOCAL ? MK_VM_IN_LOCAL
                                                          : MK_VM_IN_SLOT;
        places[i].slot = o->slot;
        places[i].value = o->value;
    }
    stop->places = places;
    stop->local_types = types;
    stop->operand_types = types + t->c.local_count;
    stop->locals = t->c.local_count;
    stop->operands = operands;
    return MK_OK;
}

/* Says that execution can stand still at unit `pc`, with the lowest `operands` operands alive. */
static void stop_here(mk_vm_translator_t *t, mk_vm_stop_kind_t kind, uint32_t at, uint32_t pc, uint32_t operands) {
    mk_vm_stop_t *stop = t->wanted;
    if (stop == NULL || t->found || t->failed != MK_VM_TRAP_NONE) return;
    if (t->by_pc ? stop->pc != pc : stop->at != at) return;
    if (t->in_call != (kind == MK_VM_STOP_CALL)) return;
    stop->kind = kind;
    stop->at = at;
    stop->pc = pc;
    t->found = true;
    t->found_err = stop_copy(t, stop, operands);
}

/* --- blocks -------------------------------------------------------------------------------------------------------------------------- */

static bool labels_reserve(mk_vm_translator_t *t) {
    if (t->label_count < t->label_room) return true;
    uint32_t       room = t->label_room == 0 ? 16 : t->label_room * 2;
    mk_vm_label_t *grown = mk_realloc(t->labels, room * sizeof *grown);
    if (grown == NULL) {
        t->failed = MK_VM_TRAP_OUT_OF_MEMORY;
        return false;
    }
    t->labels = grown;
    t->label_room = room;
    return true;
}

static void label_open(mk_vm_translator_t *t, uint8_t opcode, uint32_t height, uint32_t arity) {
    if (!labels_reserve(t)) return;
    t->labels[t->label_count++] = (mk_vm_label_t){.target = mk_vm_here(t),
                                                  .height = height,
                                                  .arity = arity,
                                                  .branches = MK_VM_NONE,
                                                  .otherwise = MK_VM_NONE,
                                                  .stubs = MK_VM_NONE,
                                                  .opcode = opcode,
                                                  .live = !t->dead};
}

/* The stack is what the checker says, all of it in its own slots. */
static void stack_reset(mk_vm_translator_t *t, uint32_t height) {
    if (t->failed != MK_VM_TRAP_NONE) return;
    while (t->count > height) (void)mk_vm_pop(t);
    while (t->count < t->c.operand_count)
        mk_vm_push(t, MK_VM_WHERE_SLOT, mk_vm_acc_of_type(t->c.operands[t->count]), 0, 0);
    t->settled = t->count;
}

/* Emits a branch that is taken when the condition is not 0 (or, !when, is 0), but for its target. */
static void branch_if(mk_vm_translator_t *t, mk_vm_operand_t *condition, bool when) {
    work_out(t, condition, condition);
    if (condition->where == MK_VM_WHERE_ACC && mk_vm_branch_compared(t, when)) return;
    if (mk_vm_also_in_acc(t, condition)) {
        mk_vm_emit_op(t, when ? MK_VM_OP_BR_NZ_A : MK_VM_OP_BR_Z_A);
        return;
    }
    uint16_t slot = mk_vm_in_slot(t, condition);
    mk_vm_emit_op(t, when ? MK_VM_OP_BR_NZ_R : MK_VM_OP_BR_Z_R);
    mk_vm_emit(t, slot);
}

static void open_block(mk_vm_translator_t *t, uint8_t opcode) {
    const mk_vm_instruction_t *in = &t->c.in;
    uint32_t                   params = in->params.count, height = t->c.operand_count - params;
    mk_vm_operand_t            condition = {0};
    if (!t->dead) {
        if (opcode == MK_VM_IF) condition = mk_vm_pop(t);
        mk_vm_settle_all(t);
        if (opcode == MK_VM_IF) branch_if(t, &condition, false);
        if (opcode == MK_VM_LOOP) {
            t->last = MK_VM_NONE;
            mk_vm_forget_all(t);
        }
    }
    label_open(t, opcode, height, opcode == MK_VM_LOOP ? params : in->results.count);
    if (t->dead || t->failed != MK_VM_TRAP_NONE) return;
    if (opcode == MK_VM_IF) mk_vm_patch_add(t, &t->labels[t->label_count - 1].otherwise);
    if (opcode == MK_VM_LOOP) stop_here(t, MK_VM_STOP_LOOP, in->at, mk_vm_here(t), t->count);
}

static void at_else(mk_vm_translator_t *t) {
    mk_vm_label_t *label = &t->labels[t->label_count - 1];
    if (!t->dead) {
        mk_vm_settle_all(t);
        mk_vm_emit_op(t, MK_VM_OP_BR);
        mk_vm_patch_add(t, &label->branches);
    }
    mk_vm_patch_here(t, &label->otherwise);
    t->dead = !label->live;
    if (!t->dead) stack_reset(t, label->height);
}

static void give_back(mk_vm_translator_t *t);

static void at_end(mk_vm_translator_t *t) {
    mk_vm_label_t *label = &t->labels[t->label_count - 1];
    bool           last = t->label_count == 1;
    bool           merges = label->branches != MK_VM_NONE || label->otherwise != MK_VM_NONE;
    if (label->live && merges) {
        if (!t->dead) mk_vm_settle_all(t);
        mk_vm_patch_here(t, &label->branches);
        mk_vm_patch_here(t, &label->otherwise);
        t->dead = false;
        if (last) { /* the checker has left the function: nothing is on its stack any more */
            while (t->count > 0) (void)mk_vm_pop(t);
            mk_vm_types_t results = mk_vm_results(t->module, &t->module->types[t->c.function->type]);
            for (uint32_t i = 0; i < results.count; i++)
                mk_vm_push(t, MK_VM_WHERE_SLOT, mk_vm_acc_of_type(results.at[i]), 0, 0);
        } else {
            stack_reset(t, label->height);
        }
    }
    t->label_count--;
    if (last && !t->dead) give_back(t);
}

/* --- branches -------------------------------------------------------------------------------------------------------------------------- */

static mk_vm_label_t *find_label(mk_vm_translator_t *t, uint32_t depth) {
    return &t->labels[t->label_count - 1 - depth];
}

static void target(mk_vm_translator_t *t, mk_vm_label_t *label) {
    if (label->opcode == MK_VM_LOOP) mk_vm_patch_back(t, label->target);
    else mk_vm_patch_add(t, &label->branches);
}

/* The operands a branch brings along stand where the block's do. */
static bool in_place(const mk_vm_translator_t *t, const mk_vm_label_t *label) {
    return label->arity == 0 || t->count - label->arity == label->height;
}

/* Copies them there. Lower ones first: none stands where another still has to be fetched. */
static void bring_along(mk_vm_translator_t *t, const mk_vm_label_t *label) {
    if (t->failed != MK_VM_TRAP_NONE || in_place(t, label)) return;
    uint32_t from = t->count - label->arity;
    for (uint32_t i = 0; i < label->arity; i++)
        mk_vm_into_slot(t, &t->stack[from + i], mk_vm_own_slot(t, label->height + i));
}

static void die(mk_vm_translator_t *t) {
    t->dead = true;
    for (int i = 0; i < MK_VM_ACCS; i++) t->acc[i].operand = t->acc[i].slot = MK_VM_NONE;
    t->last = MK_VM_NONE;
    /* The checker's stack is what it was when the block began. */
    t->count = t->label_count > 0 ? t->labels[t->label_count - 1].height : 0;
    if (t->settled > t->count) t->settled = t->count;
}

/* Ends the function: one result in its accumulator, more in slots 0, 1, .... */
static void give_back(mk_vm_translator_t *t) {
    uint32_t results = mk_vm_results(t->module, &t->module->types[t->c.function->type]).count;
    if (t->failed != MK_VM_TRAP_NONE) return;
    if (results == 1) {
        mk_vm_operand_t result = mk_vm_pop(t);
        mk_vm_into_acc(t, &result);
    } else if (results > 1) {
        mk_vm_settle(t, results); /* out of the locals, which are overwritten now */
        for (uint32_t i = 0; i < results; i++) mk_vm_into_slot(t, &t->stack[t->count - results + i], (uint16_t)i);
    }
    mk_vm_emit_op(t, MK_VM_OP_RETURN);
    mk_vm_emit(t, t->code->link_at);
    die(t);
}

static void at_br(mk_vm_translator_t *t) {
    mk_vm_label_t *label = find_label(t, t->c.in.index);
    if (label == t->labels) {
        give_back(t);
        return;
    }
    if (in_place(t, label)) mk_vm_settle(t, label->arity);
    bring_along(t, label);
    mk_vm_emit_op(t, MK_VM_OP_BR);
    target(t, label);
    die(t);
}

static void at_br_if(mk_vm_translator_t *t) {
    mk_vm_label_t  *label = find_label(t, t->c.in.index);
    mk_vm_operand_t condition = mk_vm_pop(t);
    if (label->arity > 0) mk_vm_settle(t, label->arity);
    if (in_place(t, label)) {
        branch_if(t, &condition, true);
        target(t, label);
        return;
    }
    mk_vm_patch_t past = MK_VM_NONE;
    branch_if(t, &condition, false);
    mk_vm_patch_add(t, &past);
    bring_along(t, label);
    mk_vm_emit_op(t, MK_VM_OP_BR);
    target(t, label);
    mk_vm_patch_here(t, &past);
}

/* Labels whose operands have to be moved get a stub behind the table, one for each label however often it is named. */
static void at_br_table(mk_vm_translator_t *t) {
    const mk_vm_instruction_t *in = &t->c.in;
    mk_vm_reader_t             labels = t->c.r;
    mk_vm_operand_t            index = mk_vm_pop(t);
    labels.at = labels.start + in->labels_at;
    mk_vm_settle(t, find_label(t, mk_vm_u32(&labels))->arity);
    mk_vm_into_acc(t, &index);
    mk_vm_emit_op(t, MK_VM_OP_BR_TABLE);
    mk_vm_emit32(t, in->index);
    labels.at = labels.start + in->labels_at;
    for (uint32_t i = 0; i <= in->index; i++) {
        mk_vm_label_t *label = find_label(t, mk_vm_u32(&labels));
        if (in_place(t, label)) target(t, label);
        else mk_vm_patch_add(t, &label->stubs);
    }
    labels.at = labels.start + in->labels_at;
    for (uint32_t i = 0; i <= in->index; i++) {
        mk_vm_label_t *label = find_label(t, mk_vm_u32(&labels));
        if (label->stubs == MK_VM_NONE) continue;
        mk_vm_patch_here(t, &label->stubs);
        label->stubs = MK_VM_NONE; /* after a failure too */
        bring_along(t, label);
        mk_vm_emit_op(t, MK_VM_OP_BR);
        target(t, label);
    }
    die(t);
}

/* --- calls -------------------------------------------------------------------------------------------------------------------------------- */

/* Arguments into their slots, the rest out of the accumulators. What is still in a local or a constant stays there. */
static uint32_t prepare_args(mk_vm_translator_t *t, const mk_vm_type_t *type) {
    mk_vm_settle(t, type->params);
    for (uint32_t i = 0; i < type->params; i++) (void)mk_vm_pop(t);
    mk_vm_spare_all(t);
    return mk_vm_own_slot(t, t->count);
}

static void end_call(mk_vm_translator_t *t, const mk_vm_type_t *type, uint32_t window) {
    uint32_t      after = mk_vm_here(t) + 5;
    mk_vm_types_t results = mk_vm_results(t->module, type);
    mk_vm_emit64(t, (uint64_t)t->code->function << 32 | after);
    mk_vm_emit(t, window);
    mk_vm_forget_all(t);
    stop_here(t, MK_VM_STOP_CALL, t->c.in.at, after, t->count);
    if (results.count == 1) {
        mk_vm_push_result(t, mk_vm_acc_of_type(results.at[0]));
        return;
    }
    for (uint32_t i = 0; i < results.count; i++)
        mk_vm_push(t, MK_VM_WHERE_SLOT, mk_vm_acc_of_type(results.at[i]), 0, 0);
}

static void at_call(mk_vm_translator_t *t) {
    const mk_vm_type_t *type = mk_vm_function_type(t->module, t->c.in.index);
    uint32_t            window = prepare_args(t, type);
    mk_vm_emit_op(t, MK_VM_OP_CALL);
    mk_vm_emit32(t, t->c.in.index);
    end_call(t, type, window);
}

/* The index goes into its accumulator last: nothing may be in the way of it. */
static uint32_t prepare_indirect(mk_vm_translator_t *t, const mk_vm_type_t *type) {
    mk_vm_operand_t index = mk_vm_pop(t);
    /* Settling the arguments changes no accumulator; sparing saves what is in one, the index is not on the stack any more. */
    uint32_t window = prepare_args(t, type);
    mk_vm_into_acc(t, &index);
    return window;
}

static void at_call_indirect(mk_vm_translator_t *t) {
    const mk_vm_type_t *type = &t->module->types[t->c.in.index];
    uint32_t            window = prepare_indirect(t, type);
    mk_vm_emit_op(t, MK_VM_OP_CALL_INDIRECT);
    mk_vm_emit32(t, type->same_as);
    mk_vm_emit32(t, t->c.in.index2);
    end_call(t, type, window);
}

static void end_return_call(mk_vm_translator_t *t, const mk_vm_type_t *type, uint32_t first) {
    mk_vm_emit(t, first);
    mk_vm_emit(t, type->params);
    mk_vm_emit(t, t->code->link_at);
    die(t);
}

static void at_return_call(mk_vm_translator_t *t) {
    const mk_vm_type_t *type = mk_vm_function_type(t->module, t->c.in.index);
    uint32_t            first = prepare_args(t, type);
    mk_vm_emit_op(t, MK_VM_OP_RETURN_CALL);
    mk_vm_emit32(t, t->c.in.index);
    end_return_call(t, type, first);
}

static void at_return_call_indirect(mk_vm_translator_t *t) {
    const mk_vm_type_t *type = &t->module->types[t->c.in.index];
    uint32_t            first = prepare_indirect(t, type);
    mk_vm_emit_op(t, MK_VM_OP_RETURN_CALL_INDIRECT);
    mk_vm_emit32(t, type->same_as);
    mk_vm_emit32(t, t->c.in.index2);
    end_return_call(t, type, first);
}

/* --- variables ------------------------------------------------------------------------------------------------------------------------------ */

static void local_get(mk_vm_translator_t *t) {
    uint32_t local = t->c.in.index;
    mk_vm_push(t, MK_VM_WHERE_LOCAL, mk_vm_acc_of_type(t->c.locals[local]), local, 0);
}

static void local_set(mk_vm_translator_t *t, bool tee) {
    uint32_t        local = t->c.in.index;
    mk_vm_operand_t value = mk_vm_pop(t);
    bool            itself = value.where == MK_VM_WHERE_LOCAL && value.slot == local;
    if (!itself) {
        mk_vm_settle_local(t, local);
        if (value.where == MK_VM_WHERE_SUM && t->acc[MK_VM_ACC_I].operand == MK_VM_NONE) {
            mk_vm_into_acc(t, &value); /* where it may soon be wanted again */
            value.where = MK_VM_WHERE_ACC;
        }
        mk_vm_into_slot(t, &value, (uint16_t)local);
    }
    if (!tee) return;
    if (value.where == MK_VM_WHERE_CONST) mk_vm_push(t, MK_VM_WHERE_CONST, (mk_vm_acc_t)value.acc, 0, value.value);
    else mk_vm_push(t, MK_VM_WHERE_LOCAL, (mk_vm_acc_t)value.acc, local, 0);
}

static void global_get(mk_vm_translator_t *t) {
    static const uint16_t ops[] = {MK_VM_OP_GLOBAL_GET_I, MK_VM_OP_GLOBAL_GET_F32, MK_VM_OP_GLOBAL_GET_F64};
    mk_vm_acc_t           acc = mk_vm_acc_of_type(t->module->globals[t->c.in.index].type);
    mk_vm_spare_acc(t, acc);
    mk_vm_begin_result(t, ops[acc], acc, false);
    mk_vm_emit32(t, t->c.in.index);
    mk_vm_end_operand(t);
}

static void global_set(mk_vm_translator_t *t) {
    mk_vm_operand_t value = mk_vm_pop(t);
    if (value.acc == MK_VM_ACC_I && mk_vm_also_in_acc(t, &value)) {
        mk_vm_emit_op(t, MK_VM_OP_GLOBAL_SET_I);
    } else {
        uint16_t slot = mk_vm_in_slot(t, &value);
        mk_vm_emit_op(t, MK_VM_OP_GLOBAL_SET_R);
        mk_vm_emit(t, slot);
    }
    mk_vm_emit32(t, t->c.in.index);
}

static bool select_constants(mk_vm_translator_t *t, const mk_vm_operand_t *condition, const mk_vm_operand_t *x,
                             const mk_vm_operand_t *y) {
    if (!fits_k(x, false) || !fits_k(y, false) || x->value > UINT32_MAX || y->value > UINT32_MAX) return false;
    mk_vm_into_acc(t, condition);
    mk_vm_begin_result(t, MK_VM_OP_SELECT_KK, MK_VM_ACC_I, false);
    mk_vm_emit32(t, (uint32_t)x->value);
    mk_vm_emit32(t, (uint32_t)y->value);
    mk_vm_end_operand(t);
    return true;
}

static void at_select(mk_vm_translator_t *t) {
    static const uint16_t ops[] = {MK_VM_OP_SELECT_I_A, MK_VM_OP_SELECT_F32_A, MK_VM_OP_SELECT_F64_A};
    mk_vm_operand_t       condition = mk_vm_pop(t), y = mk_vm_pop(t), x = mk_vm_pop(t);
    mk_vm_acc_t           acc = (mk_vm_acc_t)x.acc;
    if (select_constants(t, &condition, &x, &y)) return;
    uint16_t x_slot = mk_vm_in_slot(t, &x), y_slot = mk_vm_in_slot(t, &y);
    bool     in_acc = mk_vm_also_in_acc(t, &condition);
    uint16_t slot = in_acc ? 0 : mk_vm_in_slot(t, &condition);
    mk_vm_spare_acc(t, acc);
    mk_vm_begin_result(t, ops[acc] + (in_acc ? 0u : 1u), acc, false);
    if (!in_acc) mk_vm_emit(t, slot);
    mk_vm_emit(t, x_slot);
    mk_vm_emit(t, y_slot);
    mk_vm_end_operand(t);
}

/* --- memory and tables as a whole ---------------------------------------------------------------------------------------------------------------- */

static void result_of_rare(mk_vm_translator_t *t, uint32_t op, mk_vm_acc_t acc) {
    mk_vm_spare_all(t);
    mk_vm_forget_all(t);
    mk_vm_begin_result(t, op, acc, false);
}

static void memory_grow(mk_vm_translator_t *t) {
    mk_vm_operand_t pages = mk_vm_pop(t);
    mk_vm_into_acc(t, &pages);
    result_of_rare(t, MK_VM_OP_MEMORY_GROW, MK_VM_ACC_I);
    mk_vm_end_operand(t);
}

/* Operands in their own slots, which the instruction counts down as it goes on: it can stand still in between. It refers to so
 * many things by number. */
static void bulk(mk_vm_translator_t *t, uint32_t op, int numbers, uint32_t first, uint32_t second) {
    mk_vm_settle(t, 3);
    mk_vm_spare_all(t);
    mk_vm_forget_all(t);
    stop_here(t, MK_VM_STOP_BULK, t->c.in.at, mk_vm_here(t), t->count);
    for (int i = 0; i < 3; i++) (void)mk_vm_pop(t);
    mk_vm_emit_op(t, op);
    mk_vm_emit(t, mk_vm_own_slot(t, t->count));
    if (numbers > 0) mk_vm_emit32(t, first);
    if (numbers > 1) mk_vm_emit32(t, second);
}

static void table_get(mk_vm_translator_t *t) {
    mk_vm_operand_t index = mk_vm_pop(t);
    uint16_t        slot = mk_vm_in_slot(t, &index);
    result_of_rare(t, MK_VM_OP_TABLE_GET, MK_VM_ACC_I);
    mk_vm_emit(t, slot);
    mk_vm_emit32(t, t->c.in.index);
    mk_vm_end_operand(t);
}

/* Two operands in their own slots, one behind the other. */
static void on_two(mk_vm_translator_t *t, uint32_t op, bool result) {
    mk_vm_settle(t, 2);
    (void)mk_vm_pop(t);
    (void)mk_vm_pop(t);
    uint32_t first = mk_vm_own_slot(t, t->count);
    result_of_rare(t, op, MK_VM_ACC_I);
    if (!result) t->last = MK_VM_NONE;
    mk_vm_emit(t, first);
    mk_vm_emit32(t, t->c.in.index);
    if (result) mk_vm_end_operand(t);
}

static void number_of(mk_vm_translator_t *t, uint32_t op, bool index) {
    mk_vm_spare_acc(t, MK_VM_ACC_I);
    mk_vm_begin_result(t, op, MK_VM_ACC_I, false);
    if (index) mk_vm_emit32(t, t->c.in.index);
    mk_vm_end_operand(t);
}

static void drop_segment(mk_vm_translator_t *t, uint32_t op) {
    mk_vm_emit_op(t, op);
    mk_vm_emit32(t, t->c.in.index);
}

/* --- the walk ------------------------------------------------------------------------------------------------------------------------------------ */

static void control(mk_vm_translator_t *t) {
    switch (t->c.in.opcode) {
    case MK_VM_BLOCK:
    case MK_VM_LOOP:
    case MK_VM_IF: open_block(t, t->c.in.opcode); break;
    case MK_VM_ELSE: at_else(t); break;
    default: at_end(t); break;
    }
}

static void constant(mk_vm_translator_t *t, mk_vm_acc_t acc) {
    mk_vm_push(t, MK_VM_WHERE_CONST, acc, 0, t->c.in.value);
}

static void special(mk_vm_translator_t *t) {
    const mk_vm_instruction_t *in = &t->c.in;
    switch (in->opcode) {
    case MK_VM_UNREACHABLE: mk_vm_emit_op(t, MK_VM_OP_UNREACHABLE), die(t); break;
    case MK_VM_NOP: break;
    case MK_VM_BR: at_br(t); break;
    case MK_VM_BR_IF: at_br_if(t); break;
    case MK_VM_BR_TABLE: at_br_table(t); break;
    case MK_VM_RETURN: give_back(t); break;
    case MK_VM_CALL: at_call(t); break;
    case MK_VM_CALL_INDIRECT: at_call_indirect(t); break;
    case MK_VM_RETURN_CALL: at_return_call(t); break;
    case MK_VM_RETURN_CALL_INDIRECT: at_return_call_indirect(t); break;
    case MK_VM_DROP: (void)mk_vm_pop(t); break;
    case MK_VM_SELECT:
    case MK_VM_SELECT_T: at_select(t); break;
    case MK_VM_LOCAL_GET: local_get(t); break;
    case MK_VM_LOCAL_SET: local_set(t, false); break;
    case MK_VM_LOCAL_TEE: local_set(t, true); break;
    case MK_VM_GLOBAL_GET: global_get(t); break;
    case MK_VM_GLOBAL_SET: global_set(t); break;
    case MK_VM_I32_CONST:
    case MK_VM_I64_CONST:
    case MK_VM_REF_NULL: constant(t, MK_VM_ACC_I); break;
    case MK_VM_F32_CONST: constant(t, MK_VM_ACC_F32); break;
    case MK_VM_F64_CONST: constant(t, MK_VM_ACC_F64); break;
    case MK_VM_I32_EQZ: test_zero(t, MK_VM_I32_EQ); break;
    case MK_VM_I64_EQZ:
    case MK_VM_REF_IS_NULL: test_zero(t, MK_VM_I64_EQ); break;
    case MK_VM_I64_EXTEND_I32_U: break; /* slots are zero-extended */
    case MK_VM_REF_FUNC: number_of(t, MK_VM_OP_REF_FUNC, true); break;
    case MK_VM_MEMORY_SIZE: number_of(t, MK_VM_OP_MEMORY_SIZE, false); break;
    case MK_VM_MEMORY_GROW: memory_grow(t); break;
    case MK_VM_MEMORY_FILL: bulk(t, MK_VM_OP_MEMORY_FILL, 0, 0, 0); break;
    case MK_VM_MEMORY_COPY: bulk(t, MK_VM_OP_MEMORY_COPY, 0, 0, 0); break;
    case MK_VM_MEMORY_INIT: bulk(t, MK_VM_OP_MEMORY_INIT, 1, in->index, 0); break;
    case MK_VM_DATA_DROP: drop_segment(t, MK_VM_OP_DATA_DROP); break;
    case MK_VM_TABLE_GET: table_get(t); break;
    case MK_VM_TABLE_SET: on_two(t, MK_VM_OP_TABLE_SET, false); break;
    case MK_VM_TABLE_SIZE: number_of(t, MK_VM_OP_TABLE_SIZE, true); break;
    case MK_VM_TABLE_GROW: on_two(t, MK_VM_OP_TABLE_GROW, true); break;
    case MK_VM_TABLE_FILL: bulk(t, MK_VM_OP_TABLE_FILL, 1, in->index, 0); break;
    case MK_VM_TABLE_COPY: bulk(t, MK_VM_OP_TABLE_COPY, 2, in->index, in->index2); break;
    case MK_VM_TABLE_INIT: bulk(t, MK_VM_OP_TABLE_INIT, 2, in->index2, in->index); break;
    case MK_VM_ELEM_DROP: drop_segment(t, MK_VM_OP_ELEM_DROP); break;
    default: mk_assert_failed("every instruction is translated", __FILE__, __LINE__);
    }
}

static void instruction(mk_vm_translator_t *t) {
    const rule_t *rule = &rules[t->c.in.opcode];
    uint8_t       opcode = t->c.in.opcode;
    if (t->marks != NULL) t->marks[t->mark_count++] = (struct mk_vm_mark){mk_vm_here(t), t->c.in.at};
    if (opcode >= MK_VM_BLOCK && opcode <= MK_VM_END) {
        control(t);
        return;
    }
    if (t->dead) return;
    switch ((shape_t)rule->shape) {
    case SHAPE_NONE: special(t); break;
    case SHAPE_COMMUTE:
    case SHAPE_ORDERED:
    case SHAPE_COMPARE: binary(t, rule); break;
    case SHAPE_UNARY: unary(t, rule); break;
    case SHAPE_LOAD: load(t, rule); break;
    case SHAPE_STORE: store(t, rule); break;
    }
}

static void translator_fini(mk_vm_translator_t *t) {
    mk_vm_checker_fini(&t->c);
    mk_free(t->stack);
    mk_free(t->labels);
    mk_free(t->code);
    mk_free(t->marks);
}

static uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

/* Room for about as many units as most functions of that length become. */
static mk_vm_code_t *code_alloc(mk_vm_translator_t *t, uint32_t function, uint32_t locals, uint32_t operands,
                                uint32_t bytes) {
    const mk_vm_type_t *type = mk_vm_function_type(t->module, function);
    uint32_t            link_at = larger(locals, type->results);
    t->room = bytes + bytes / 2 + 16;
    t->code = mk_alloc(sizeof *t->code + (size_t)t->room * sizeof t->code->units[0]);
    if (t->code == NULL) {
        t->failed = MK_VM_TRAP_OUT_OF_MEMORY;
        return NULL;
    }
    *t->code = (mk_vm_code_t){.function = function,
                              .slots = link_at + 1 + operands,
                              .link_at = link_at,
                              .operands_at = link_at + 1,
                              .params = type->params,
                              .locals = locals,
                              .results = type->results,
                              .result_type = type->results > 0 ? t->module->bytes[type->results_at] : 0};
    if (t->code->slots > UINT16_MAX) t->failed = MK_VM_TRAP_CODE_LIMIT; /* slots are numbered in one unit */
    return t->code;
}

static bool translator_begin(mk_vm_translator_t *t, const mk_vm_module_t *module, const mk_vm_limits_t *limits,
                             uint32_t function) {
    const mk_vm_function_t *f = &module->functions[function];
    *t = (mk_vm_translator_t){.module = module, .last = MK_VM_NONE};
    for (int i = 0; i < MK_VM_ACCS; i++) t->acc[i].operand = t->acc[i].slot = MK_VM_NONE;
    mk_vm_checker_init(&t->c, module, limits, NULL, 0);
    if (code_alloc(t, function, f->locals, f->operands_max, f->code_end - f->code_at) == NULL) return false;
    t->stack_room = f->operands_max + 1;
    t->stack = mk_alloc(t->stack_room * sizeof *t->stack);
    if (t->stack == NULL || !mk_vm_checker_begin(&t->c, function)) t->failed = MK_VM_TRAP_OUT_OF_MEMORY;
    if (t->failed != MK_VM_TRAP_NONE) return false;
    label_open(t, MK_VM_BLOCK, 0, mk_vm_function_type(module, function)->results);
    return t->failed == MK_VM_TRAP_NONE;
}

/* Goes on with the walk; false at its end. */
static bool translator_next(mk_vm_translator_t *t) {
    if (t->failed != MK_VM_TRAP_NONE || t->found) return false;
    if (!mk_vm_checker_next(&t->c)) {
        if (t->c.r.err != MK_OK) t->failed = MK_VM_TRAP_OUT_OF_MEMORY; /* the module is valid: nothing else fails */
        return false;
    }
    instruction(t);
    return true;
}

/* What a call of an import runs: the arguments are in the frame's locals. */
static mk_vm_code_t *translate_import(mk_vm_translator_t *t, const mk_vm_module_t *module, uint32_t function) {
    *t = (mk_vm_translator_t){.module = module, .last = MK_VM_NONE};
    if (code_alloc(t, function, mk_vm_function_type(module, function)->params, 0, 0) == NULL) return NULL;
    t->code->locals = t->code->link_at; /* so results that the host does not write are 0 */
    mk_vm_emit(t, MK_VM_OP_IMPORT);
    mk_vm_emit(t, t->code->link_at);
    mk_vm_emit(t, MK_VM_OP_RETURN);
    mk_vm_emit(t, t->code->link_at);
    return t->code;
}

mk_vm_code_t *mk_vm_translate(const mk_vm_module_t *module, const mk_vm_limits_t *limits, uint32_t function,
                              mk_vm_trap_t *trap) {
    mk_vm_translator_t t;
    if (function < module->function_imports) (void)translate_import(&t, module, function);
    else if (translator_begin(&t, module, limits, function)) {
        while (translator_next(&t)) {}
    }
    mk_vm_code_t *code = NULL;
    *trap = t.failed;
    if (t.failed == MK_VM_TRAP_NONE) {
        size_t bytes = sizeof *code + t.code->unit_count * sizeof code->units[0];
        code = mk_realloc(t.code, bytes);
        if (code == NULL) code = t.code; /* it was to become smaller */
        t.code = NULL;
    }
    if (function < module->function_imports) mk_free(t.code);
    else translator_fini(&t);
    return code;
}

/* --- back --------------------------------------------------------------------------------------------------------------------------------------- */

/* Before the call of the host, and in it. */
static mk_err_t stop_of_import(const mk_vm_module_t *module, uint32_t function, bool by_pc, uint32_t place,
                               mk_vm_standing_t standing, mk_vm_stop_t *out) {
    mk_vm_types_t params = mk_vm_params(module, mk_vm_function_type(module, function));
    bool          inside = standing == MK_VM_IN_IMPORT;
    uint32_t      pc = inside ? 2 : 0;
    if (standing == MK_VM_IN_CALL || place != (by_pc ? pc : 0)) return MK_ERR_NOTFOUND;
    uint8_t *types = mk_alloc((size_t)params.count + 1);
    if (types == NULL) return MK_ERR_NOMEM;
    memcpy(types, params.at, params.count);
    *out = (mk_vm_stop_t){
        .kind = inside ? MK_VM_STOP_IMPORT : MK_VM_STOP_ENTRY, .pc = pc, .locals = params.count, .local_types = types};
    return MK_OK;
}

static mk_err_t find_stop(const mk_vm_module_t *module, const mk_vm_limits_t *limits, uint32_t function, bool by_pc,
                          uint32_t place, mk_vm_standing_t standing, mk_vm_stop_t *out) {
    mk_vm_translator_t t;
    mk_vm_stop_t       stop = {.pc = place, .at = place};
    mk_err_t           err = MK_ERR_NOTFOUND;
    if (function < module->function_imports) return stop_of_import(module, function, by_pc, place, standing, out);
    if (standing == MK_VM_IN_IMPORT) return MK_ERR_NOTFOUND;
    if (translator_begin(&t, module, limits, function)) {
        t.wanted = &stop;
        t.by_pc = by_pc;
        t.in_call = standing == MK_VM_IN_CALL;
        stop_here(&t, MK_VM_STOP_ENTRY, t.c.function->code_at, 0, 0);
        while (translator_next(&t)) {}
    }
    if (t.failed != MK_VM_TRAP_NONE) err = MK_ERR_NOMEM;
    else if (t.found) err = t.found_err;
    if (err == MK_OK) *out = stop;
    else if (t.found && t.found_err == MK_OK) mk_vm_stop_fini(&stop);
    translator_fini(&t);
    return err;
}

mk_err_t mk_vm_stop_at_pc(const mk_vm_module_t *module, const mk_vm_limits_t *limits, uint32_t function, uint32_t pc,
                          mk_vm_standing_t standing, mk_vm_stop_t *out) {
    return find_stop(module, limits, function, true, pc, standing, out);
}

mk_err_t mk_vm_stop_at_byte(const mk_vm_module_t *module, const mk_vm_limits_t *limits, uint32_t function, uint32_t at,
                            mk_vm_standing_t standing, mk_vm_stop_t *out) {
    return find_stop(module, limits, function, false, at, standing, out);
}

void mk_vm_stop_fini(mk_vm_stop_t *stop) {
    if (stop->places != NULL) mk_free((void *)stop->places);
    else mk_free((void *)stop->local_types);
    *stop = (mk_vm_stop_t){0};
}

uint32_t mk_vm_byte_of_pc(const mk_vm_module_t *module, const mk_vm_limits_t *limits, uint32_t function, uint32_t pc) {
    mk_vm_translator_t t;
    uint32_t           at = 0;
    if (function < module->function_imports || function >= module->function_count) return 0;
    const mk_vm_function_t *f = &module->functions[function];
    if (translator_begin(&t, module, limits, function)) {
        t.marks = mk_alloc((f->code_end - f->code_at) * sizeof *t.marks); /* an instruction has a byte or more */
        while (t.marks != NULL && translator_next(&t)) {}
        for (uint32_t i = 0; t.marks != NULL && i < t.mark_count && t.marks[i].pc <= pc; i++) at = t.marks[i].at;
    }
    translator_fini(&t);
    return at;
}
