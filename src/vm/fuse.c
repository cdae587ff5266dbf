/* SPDX-License-Identifier: Apache-2.0 */
/* fuse.c -- instructions that become one with the one before, or with the one behind. All of it is for speed: where text is scarce
 * (MK_VM_SMALL) nothing of this exists, and code is a little longer. */
#include "vm/translator.h"

#ifndef MK_VM_SMALL

/* The instruction emitted last has left its result in the accumulator of integers, and nothing came after it. */
static bool last_is(const mk_vm_translator_t *t, const mk_vm_operand_t *o) {
    return o->where == MK_VM_WHERE_ACC && t->failed == MK_VM_TRAP_NONE && t->last != MK_VM_NONE &&
           t->last_end == mk_vm_here(t);
}

/* A 32-bit sum of a slot and a constant waits until it is known what for: memory can be accessed there without working it out. */
bool mk_vm_put_off(mk_vm_translator_t *t, const mk_vm_operand_t *x, const mk_vm_operand_t *y) {
    bool     minus = t->c.in.opcode == MK_VM_I32_SUB;
    uint64_t value = y->value;
    if (t->c.in.opcode != MK_VM_I32_ADD && !minus) return false;
    if (y->where != MK_VM_WHERE_CONST || (x->where != MK_VM_WHERE_LOCAL && x->where != MK_VM_WHERE_SLOT)) return false;
    mk_vm_push(t, MK_VM_WHERE_SUM, MK_VM_ACC_I, x->slot, (uint32_t)(minus ? 0 - value : value));
    return true;
}

/* What the instruction emitted last may be the first half of. */
typedef struct first {
    uint16_t op, pair; /* its form RR; the first of its pairs */
    bool     ra;       /* has that form, which pairs have not */
} first_t;

enum { PAIR_FORMS = 16, PAIRS_OF_ONE = 5 * PAIR_FORMS };

/* The number of the pair's first instruction by the second: as in MK_VM_PAIR_WITH. NULL: there is none. */
static const first_t *first_of(uint32_t op, uint32_t *form) {
#define FIRST(id, ra) \
    { MK_VM_OP_I32_##id##_RR, MK_VM_OP_PAIR_##id##_ADD_RR_R, ra }
    static const first_t firsts[] = {FIRST(ADD, false),  FIRST(MUL, false), FIRST(AND, false), FIRST(OR, false),
                                     FIRST(XOR, false),  FIRST(SUB, false), FIRST(SHL, true),  FIRST(SHR_S, true),
                                     FIRST(SHR_U, true), FIRST(ROTL, true)};
#undef FIRST
    for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
        uint32_t forms = firsts[i].ra ? 5 : 4, at = op - firsts[i].op;
        if (op < firsts[i].op || at >= 2 * forms || at % 2 != 0) continue;
        *form = at / 2;
        if (firsts[i].ra && *form == 2) return NULL;
        if (firsts[i].ra && *form > 2) --*form;
        return &firsts[i];
    }
    return NULL;
}

static int second_of(uint8_t opcode) {
    switch (opcode) {
    case MK_VM_I32_ADD: return 0;
    case MK_VM_I32_AND: return 1;
    case MK_VM_I32_OR: return 2;
    case MK_VM_I32_XOR: return 3;
    case MK_VM_I32_SHL: return 4;
    default: return -1;
    }
}

/* Makes one instruction of the last and this one, which takes its result out of the accumulator. */
bool mk_vm_pair_up(mk_vm_translator_t *t, uint32_t form, const mk_vm_operand_t *x, const mk_vm_operand_t *y) {
    int      second = second_of(t->c.in.opcode);
    uint32_t first_form;
    if (second < 0 || (form != MK_VM_AR && form != MK_VM_AK)) return false;
    if (form == MK_VM_AR && y->where != MK_VM_WHERE_SLOT && y->where != MK_VM_WHERE_LOCAL) return false;
    if (!last_is(t, x)) return false;
    const first_t *first = first_of(t->code->units[t->last], &first_form);
    if (first == NULL) return false;
    uint32_t op = first->pair + (uint32_t)second * PAIR_FORMS + first_form * 4 + (form == MK_VM_AK ? 2 : 0);
    t->code->units[t->last] = (uint16_t)op;
    t->last_twin = true;
    if (form == MK_VM_AK) mk_vm_emit32(t, (uint32_t)y->value);
    else mk_vm_emit(t, y->slot);
    mk_vm_end_operand(t);
    return true;
}

/* The sum that was just computed for an address becomes part of the access. */
bool mk_vm_load_sum(mk_vm_translator_t *t, uint32_t op, mk_vm_acc_t acc, const mk_vm_operand_t *address) {
    if (!last_is(t, address) || t->c.in.value != 0) return false;
    uint32_t at = t->code->units[t->last] - (uint32_t)MK_VM_OP_I32_ADD_RR;
    if (at >= 8 || at % 2 != 0) return false;
    if (acc != MK_VM_ACC_I) mk_vm_spare_acc(t, acc);
    if (!last_is(t, address)) return false; /* sparing has emitted something */
    t->code->units[t->last] = (uint16_t)(op + at);
    t->last_acc = acc;
    t->last_twin = true;
    t->acc[MK_VM_ACC_I].made_at = MK_VM_NONE;
    mk_vm_end_operand(t);
    return true;
}

/* A float that is in its accumulator; the address may be in the other one. */
bool mk_vm_store_float(mk_vm_translator_t *t, const mk_vm_operand_t *address, const mk_vm_operand_t *value) {
    uint32_t op = value->acc == MK_VM_ACC_F32 ? MK_VM_OP_STOREF32_RA : MK_VM_OP_STOREF64_RA;
    uint32_t slot = address->slot, form = MK_VM_RA;
    uint64_t offset = t->c.in.value;
    if (!mk_vm_also_in_acc(t, value)) return false;
    if (mk_vm_fixed_address(address, &offset)) form = MK_VM_KA;
    else if (mk_vm_also_in_acc(t, address)) form = MK_VM_AA;
    else if (address->where == MK_VM_WHERE_SUM && offset == 0) form = MK_VM_SA;
    else slot = mk_vm_in_slot(t, address);
    mk_vm_emit_op(t, mk_vm_form(op, MK_VM_FORMS_STORE_FLOAT, form));
    if (form == MK_VM_RA || form == MK_VM_SA) mk_vm_emit(t, slot);
    mk_vm_emit32(t, form == MK_VM_SA ? (uint32_t)address->value : (uint32_t)offset);
    return true;
}

/* True: the condition was compared by the instruction before, which becomes the branch. */
bool mk_vm_branch_compared(mk_vm_translator_t *t, bool when) {
    if (!mk_vm_compared_last(t)) return false;
    uint16_t *op = t->code->units + t->last;
    uint32_t  form = *op % 4;
    bool      zero =
        (*op < MK_VM_OP_I32_LT_S_RR) && (form == 2 || form == 3) && mk_vm_unit32(t->code->units + t->last_end - 2) == 0;
    if (!when) *op ^= MK_VM_OPPOSITE;
    if (zero) { /* x == 0, x != 0 */
        bool equal = *op < MK_VM_OP_I32_NE_RR;
        t->code->unit_count -= 2;
        if (form == 2) *op = equal ? MK_VM_OP_BR_Z_R : MK_VM_OP_BR_NZ_R;
        else *op = equal ? MK_VM_OP_BR_Z_A : MK_VM_OP_BR_NZ_A;
    } else {
        *op = (uint16_t)(*op + MK_VM_BRANCH_IF);
    }
    t->last = MK_VM_NONE;
    return true;
}

#endif
