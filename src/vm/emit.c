/* SPDX-License-Identifier: Apache-2.0 */
/* emit.c -- see translator.h. */
#include "vm/translator.h"

#include "base/assert.h"
#include "base/mem.h"

#include <string.h>

enum { UNSETTLED_MAX = 16 };

mk_vm_acc_t mk_vm_acc_of_type(uint8_t type) {
    return type == MK_VM_TYPE_F32 ? MK_VM_ACC_F32 : type == MK_VM_TYPE_F64 ? MK_VM_ACC_F64 : MK_VM_ACC_I;
}

/* --- units -------------------------------------------------------------------------------------------------------------- */

/* After a failure nothing is written any more; the walk goes on to its end and gives the code up. */
void mk_vm_emit(mk_vm_translator_t *t, uint32_t unit) {
    mk_vm_code_t *code = t->code;
    if (t->failed != MK_VM_TRAP_NONE) return;
    if (mk_unlikely(code->unit_count == t->room)) {
        uint32_t room = t->room * 2;
        code = room > t->room ? mk_realloc(code, sizeof *code + (size_t)room * sizeof code->units[0]) : NULL;
        if (code == NULL) {
            t->failed = MK_VM_TRAP_OUT_OF_MEMORY;
            return;
        }
        t->code = code;
        t->room = room;
    }
    code->units[code->unit_count++] = (uint16_t)unit;
}

void mk_vm_emit32(mk_vm_translator_t *t, uint32_t value) {
    mk_vm_emit(t, value & 0xFFFF);
    mk_vm_emit(t, value >> 16);
}

void mk_vm_emit64(mk_vm_translator_t *t, uint64_t value) {
    mk_vm_emit32(t, (uint32_t)value);
    mk_vm_emit32(t, (uint32_t)(value >> 32));
}

void mk_vm_emit_op(mk_vm_translator_t *t, uint32_t op) {
    t->last = MK_VM_NONE;
    mk_vm_emit(t, op);
}

static void set32(mk_vm_translator_t *t, uint32_t at, uint32_t value) {
    t->code->units[at] = (uint16_t)value;
    t->code->units[at + 1] = (uint16_t)(value >> 16);
}

/* Instructions from here on do not know those before. */
static void nothing_made(mk_vm_translator_t *t) {
    for (int i = 0; i < MK_VM_ACCS; i++) t->acc[i].made_at = t->acc[i].made_end = MK_VM_NONE;
}

void mk_vm_patch_add(mk_vm_translator_t *t, mk_vm_patch_t *list) {
    uint32_t before = *list;
    nothing_made(t);
    *list = mk_vm_here(t);
    mk_vm_emit32(t, before);
}

void mk_vm_patch_back(mk_vm_translator_t *t, uint32_t target) {
    nothing_made(t);
    mk_vm_emit32(t, target - mk_vm_here(t));
}

void mk_vm_patch_here(mk_vm_translator_t *t, mk_vm_patch_t *list) {
    t->last = MK_VM_NONE;
    mk_vm_forget_all(t);
    if (t->failed != MK_VM_TRAP_NONE) return;
    for (uint32_t at = *list; at != MK_VM_NONE;) {
        uint32_t before = mk_vm_unit32(t->code->units + at);
        set32(t, at, mk_vm_here(t) - at);
        at = before;
    }
    *list = MK_VM_NONE;
}

/* --- accumulators and slots ------------------------------------------------------------------------------------------------ */

static void slot_changes(mk_vm_translator_t *t, uint32_t slot) {
    for (int i = 0; i < MK_VM_ACCS; i++) {
        if (t->acc[i].slot == slot) t->acc[i].slot = MK_VM_NONE;
    }
}

/* The instruction that left the value there is turned into its twin, and what was emitted since moves up by a unit. Only while
 * no branch, call or label came between: they know places by number. Earlier than asked, so only for a slot nobody uses yet. */
static bool to_twin(mk_vm_translator_t *t, mk_vm_acc_t acc, uint16_t slot) {
    uint32_t at = t->acc[acc].made_at, end = t->acc[acc].made_end, here = mk_vm_here(t);
    if (at == MK_VM_NONE || t->failed != MK_VM_TRAP_NONE) return false;
    mk_vm_emit(t, 0);
    if (t->failed != MK_VM_TRAP_NONE) return true;
    uint16_t *units = t->code->units;
    memmove(units + end + 1, units + end, (here - end) * sizeof *units);
    units[end] = slot;
    units[at]++;
    for (uint32_t i = t->mark_count; i-- > 0 && t->marks[i].pc >= end;) t->marks[i].pc++;
    t->acc[acc].made_at = MK_VM_NONE;
    for (int i = 0; i < MK_VM_ACCS; i++) {
        if (t->acc[i].made_at == MK_VM_NONE || t->acc[i].made_at < end) continue;
        t->acc[i].made_at++;
        t->acc[i].made_end++;
    }
    if (t->last == at) t->last = MK_VM_NONE;
    else if (t->last != MK_VM_NONE) t->last++, t->last_end++;
    return true;
}

static void acc_to_slot(mk_vm_translator_t *t, mk_vm_acc_t acc, uint16_t slot) {
    static const uint16_t puts[] = {MK_VM_OP_PUT_I, MK_VM_OP_PUT_F32, MK_VM_OP_PUT_F64};
    bool                  own = slot >= t->code->operands_at, now = t->acc[acc].made_end == mk_vm_here(t);
    if (!(own || now) || !to_twin(t, acc, slot)) {
        mk_vm_emit_op(t, puts[acc]);
        mk_vm_emit(t, slot);
    }
    slot_changes(t, slot);
    t->acc[acc].slot = slot;
}

static void const_to_slot(mk_vm_translator_t *t, uint64_t value, uint16_t slot) {
    if (value <= UINT32_MAX) {
        mk_vm_emit_op(t, MK_VM_OP_STORE_CONST32);
        mk_vm_emit32(t, (uint32_t)value);
    } else {
        mk_vm_emit_op(t, MK_VM_OP_STORE_CONST64);
        mk_vm_emit64(t, value);
    }
    mk_vm_emit(t, slot);
    slot_changes(t, slot);
}

/* Two in a row become one instruction. */
static void move(mk_vm_translator_t *t, uint16_t from, uint16_t to) {
    uint32_t here = mk_vm_here(t);
    if (from == to) return;
    if (t->last != MK_VM_NONE && t->last + 3 == here && t->failed == MK_VM_TRAP_NONE &&
        t->code->units[t->last] == MK_VM_OP_MOVE) {
        t->code->units[t->last] = MK_VM_OP_MOVE2;
        t->last = MK_VM_NONE;
    } else {
        mk_vm_emit_op(t, MK_VM_OP_MOVE);
        t->last = here;
        t->last_end = here; /* so that nothing takes it for an instruction with a result */
    }
    mk_vm_emit(t, from);
    mk_vm_emit(t, to);
    slot_changes(t, to);
}

static void sum_to_slot(mk_vm_translator_t *t, const mk_vm_operand_t *o, uint16_t slot) {
    mk_vm_emit_op(t, MK_VM_OP_STORE_SUM);
    mk_vm_emit(t, o->slot);
    mk_vm_emit32(t, (uint32_t)o->value);
    mk_vm_emit(t, slot);
    slot_changes(t, slot);
}

void mk_vm_into_slot(mk_vm_translator_t *t, const mk_vm_operand_t *o, uint16_t slot) {
    switch ((mk_vm_where_t)o->where) {
    case MK_VM_WHERE_ACC: acc_to_slot(t, (mk_vm_acc_t)o->acc, slot); break;
    case MK_VM_WHERE_CONST: const_to_slot(t, o->value, slot); break;
    case MK_VM_WHERE_SUM: sum_to_slot(t, o, slot); break;
    default: move(t, o->slot, slot); break;
    }
}

uint16_t mk_vm_in_slot(mk_vm_translator_t *t, const mk_vm_operand_t *o) {
    if (o->where == MK_VM_WHERE_SLOT || o->where == MK_VM_WHERE_LOCAL) return o->slot;
    uint16_t own = mk_vm_own_slot(t, o->index);
    mk_vm_into_slot(t, o, own);
    return own;
}

bool mk_vm_also_in_acc(const mk_vm_translator_t *t, const mk_vm_operand_t *o) {
    if (o->where == MK_VM_WHERE_ACC) return true;
    return (o->where == MK_VM_WHERE_SLOT || o->where == MK_VM_WHERE_LOCAL) && t->acc[o->acc].slot == o->slot;
}

void mk_vm_into_acc(mk_vm_translator_t *t, const mk_vm_operand_t *o) {
    static const uint16_t gets[] = {MK_VM_OP_GET_I, MK_VM_OP_GET_F32, MK_VM_OP_GET_F64};
    mk_vm_acc_t           acc = (mk_vm_acc_t)o->acc;
    if (mk_vm_also_in_acc(t, o)) return;
    mk_vm_spare_acc(t, acc);
    t->acc[acc].made_at = t->acc[acc].made_end = MK_VM_NONE;
    if (o->where == MK_VM_WHERE_SUM) {
        mk_vm_begin_result(t, MK_VM_OP_I32_ADD_RK, acc, true);
        mk_vm_emit(t, o->slot);
        mk_vm_emit32(t, (uint32_t)o->value);
        mk_vm_end_result(t);
        return;
    }
    if (o->where != MK_VM_WHERE_CONST) {
        mk_vm_emit_op(t, gets[acc]);
        mk_vm_emit(t, o->slot);
        t->acc[acc].slot = o->slot;
        return;
    }
    bool wide = acc == MK_VM_ACC_F64 || (acc == MK_VM_ACC_I && o->value > UINT32_MAX);
    mk_vm_emit_op(t, acc == MK_VM_ACC_F32   ? MK_VM_OP_CONST_F32
                     : acc == MK_VM_ACC_F64 ? MK_VM_OP_CONST_F64
                     : wide                 ? MK_VM_OP_CONST_I64
                                            : MK_VM_OP_CONST_I32);
    if (wide) mk_vm_emit64(t, o->value);
    else mk_vm_emit32(t, (uint32_t)o->value);
    t->acc[acc].slot = MK_VM_NONE;
}

void mk_vm_begin_result(mk_vm_translator_t *t, uint32_t op, mk_vm_acc_t acc, bool twin) {
    mk_vm_emit_op(t, op);
    t->last = mk_vm_here(t) - 1;
    t->last_acc = acc;
    t->last_twin = twin;
}

void mk_vm_end_result(mk_vm_translator_t *t) {
    t->last_end = mk_vm_here(t);
    t->acc[t->last_acc].slot = MK_VM_NONE;
    t->acc[t->last_acc].made_at = t->last_twin ? t->last : MK_VM_NONE;
    t->acc[t->last_acc].made_end = t->last_twin ? t->last_end : MK_VM_NONE;
}

/* --- the stack of places ------------------------------------------------------------------------------------------------------ */

static void settle_one(mk_vm_translator_t *t, uint32_t index) {
    mk_vm_operand_t *o = &t->stack[index];
    if (o->where == MK_VM_WHERE_SLOT) return;
    uint16_t own = mk_vm_own_slot(t, index);
    if (o->where == MK_VM_WHERE_ACC) t->acc[o->acc].operand = MK_VM_NONE;
    mk_vm_into_slot(t, o, own);
    o->where = MK_VM_WHERE_SLOT;
    o->slot = own;
}

void mk_vm_spare_acc(mk_vm_translator_t *t, mk_vm_acc_t acc) {
    if (t->acc[acc].operand != MK_VM_NONE) settle_one(t, t->acc[acc].operand);
}

void mk_vm_spare_all(mk_vm_translator_t *t) {
    for (int i = 0; i < MK_VM_ACCS; i++) mk_vm_spare_acc(t, (mk_vm_acc_t)i);
    for (uint32_t i = t->settled; i < t->count; i++) {
        if (t->stack[i].where == MK_VM_WHERE_SUM) settle_one(t, i);
    }
}

void mk_vm_forget_all(mk_vm_translator_t *t) {
    for (int i = 0; i < MK_VM_ACCS; i++) t->acc[i].slot = MK_VM_NONE;
    nothing_made(t);
}

void mk_vm_push(mk_vm_translator_t *t, mk_vm_where_t where, mk_vm_acc_t acc, uint32_t slot, uint64_t value) {
    if (t->failed != MK_VM_TRAP_NONE) return;
    if (t->count - t->settled >= UNSETTLED_MAX) settle_one(t, t->settled);
    while (t->settled < t->count && t->stack[t->settled].where == MK_VM_WHERE_SLOT) t->settled++;
    mk_assert(t->count < t->stack_room);
    t->stack[t->count] = (mk_vm_operand_t){
        .where = (uint8_t)where, .acc = (uint8_t)acc, .slot = (uint16_t)slot, .index = t->count, .value = value};
    if (where == MK_VM_WHERE_SLOT) t->stack[t->count].slot = mk_vm_own_slot(t, t->count);
    t->count++;
}

void mk_vm_push_result(mk_vm_translator_t *t, mk_vm_acc_t acc) {
    if (t->failed != MK_VM_TRAP_NONE) return;
    mk_vm_push(t, MK_VM_WHERE_ACC, acc, 0, 0);
    t->acc[acc].operand = t->count - 1;
}

mk_vm_operand_t mk_vm_pop(mk_vm_translator_t *t) {
    if (t->failed != MK_VM_TRAP_NONE) return (mk_vm_operand_t){0};
    mk_assert(t->count > 0);
    mk_vm_operand_t o = t->stack[--t->count];
    if (o.where == MK_VM_WHERE_ACC) t->acc[o.acc].operand = MK_VM_NONE;
    if (t->settled > t->count) t->settled = t->count;
    return o;
}

void mk_vm_settle(mk_vm_translator_t *t, uint32_t many) {
    if (t->failed != MK_VM_TRAP_NONE) return;
    uint32_t first = t->count - many;
    for (uint32_t i = first > t->settled ? first : t->settled; i < t->count; i++) settle_one(t, i);
    if (first <= t->settled) t->settled = t->count;
}

void mk_vm_settle_all(mk_vm_translator_t *t) { mk_vm_settle(t, t->count); }

void mk_vm_settle_local(mk_vm_translator_t *t, uint32_t local) {
    for (uint32_t i = t->settled; i < t->count; i++) {
        const mk_vm_operand_t *o = &t->stack[i];
        if ((o->where == MK_VM_WHERE_LOCAL || o->where == MK_VM_WHERE_SUM) && o->slot == local) settle_one(t, i);
    }
}

/* --- instructions ------------------------------------------------------------------------------------------------------ */

uint32_t mk_vm_form(uint32_t op, uint32_t forms, uint32_t form) {
    mk_assert((forms & form) != 0);
    uint32_t before = (uint32_t)__builtin_popcount(forms & (form - 1));
    return op + ((forms & MK_VM_TO_SLOT) != 0 ? 2 * before : before);
}

void mk_vm_end_operand(mk_vm_translator_t *t) {
    mk_vm_end_result(t);
    mk_vm_push_result(t, t->last_acc);
}

/* True: the instruction emitted last is a comparison of integers, whose result nobody has used. */
bool mk_vm_compared_last(const mk_vm_translator_t *t) {
    return t->failed == MK_VM_TRAP_NONE && t->last != MK_VM_NONE && t->last_end == mk_vm_here(t) &&
           t->code->units[t->last] < MK_VM_COMPARISONS;
}

/* A constant address and the offset in one number. */
bool mk_vm_fixed_address(const mk_vm_operand_t *address, uint64_t *offset) {
    if (address->where != MK_VM_WHERE_CONST || address->value + *offset > UINT32_MAX) return false;
    *offset += address->value;
    return true;
}
