/* SPDX-License-Identifier: Apache-2.0 */
/* run.c -- the loop. Everything it needs at once is in variables that stay in registers of the machine: where it is in the
 * code (pc) and in the stack (fp), where memory is and how large, the fuel, and the three accumulators.
 *
 * Handlers are made from the lists of ops.h, one for each form. They read `pc[0]`, the operation, and `pc[1]` on, its operands.
 * With GCC's labels as values each handler jumps to the next by itself; with MK_VM_SWITCH it is one switch,
 * for compilers without them; for clang, which takes ten minutes over so many labels and seconds over the switch; and in the
 * small build, because it is smaller.
 *
 * What a handler does after a call to another function: it gives the accumulators that are not its result some value
 * (LOSE_). No instruction that calls out leaves anything in them, and the compiler need not save them around the call. */
#include "vm/run.h"

#include "base/assert.h"
#include "vm/instruction.h"
#include "vm/numeric.h"

#include <string.h>

#if defined(__GNUC__) && !defined(__clang__) && !defined(MK_VM_SWITCH) && !defined(MK_VM_SMALL)
#define THREADED 1
#pragma GCC diagnostic ignored "-Wpedantic" /* labels as values */
#else
#define THREADED 0
#endif

/* --- kinds of values: how each is read and left -------------------------------------------------------------------------- */

#define TYPE_I32    uint32_t
#define TYPE_I64    uint64_t
#define TYPE_F32    float
#define TYPE_F64    double

#define SLOT(n)     fp[pc[n]]
#define SLOT_I32(n) ((uint32_t)SLOT(n))
#define SLOT_I64(n) SLOT(n)
#define SLOT_F32(n) mk_vm_f32_from_bits((uint32_t)SLOT(n))
#define SLOT_F64(n) mk_vm_f64_from_bits(SLOT(n))

#define ACC_I32     ((uint32_t)a)
#define ACC_I64     a
#define ACC_F32     f
#define ACC_F64     d

#define U32(n)      mk_vm_unit32(pc + (n))
#define U64(n)      mk_vm_unit64(pc + (n))
#define K_I32(n)    U32(n)
#define K_I64(n)    ((uint64_t)(int64_t)(int32_t)U32(n))

#define SET_I32(v)  (a = (uint32_t)(v))
#define SET_I64(v)  (a = (v))
#define SET_F32(v)  (f = (v))
#define SET_F64(v)  (d = (v))

#define BITS_I32    a
#define BITS_I64    a
#define BITS_F32    ((uint64_t)mk_vm_f32_bits(f))
#define BITS_F64    mk_vm_f64_bits(d)

#define LOSE_ALL    (a = 0, f = 0, d = 0)
#define LOSE_I32    (f = 0, d = 0) /* all but */
#define LOSE_I64    (f = 0, d = 0)
#define LOSE_F32    (a = 0, d = 0)
#define LOSE_F64    (a = 0, f = 0)

/* --- from one instruction to the next -------------------------------------------------------------------------------------- */

#if THREADED
#define OP(id)   on_##id:
#define DISPATCH goto *labels[*pc]
#else
#define OP(id)   case MK_VM_OP_##id:
#define DISPATCH goto again
#endif

#define NEXT(units)    \
    do {               \
        pc += (units); \
        DISPATCH;      \
    } while (0)

/* Backwards it costs what is repeated. Forwards nothing can stop, even if a bulk operation has used up all there was. */
#define BRANCH(field)                                                \
    do {                                                             \
        int32_t distance = (int32_t)U32(field);                      \
        pc += (field) + (ptrdiff_t)distance;                         \
        fuel += distance & (distance >> 31);                         \
        if (mk_unlikely(fuel < 0) && distance < 0) goto out_of_fuel; \
        DISPATCH;                                                    \
    } while (0)

#define TRAP(why)                \
    do {                         \
        trap = MK_VM_TRAP_##why; \
        goto trapped;            \
    } while (0)

/* --- handlers of the lists --------------------------------------------------------------------------------------------------- */

#define COMPUTE(suffix, units, kind, result, xx, yy, expression) \
    OP(suffix) {                                                 \
        TYPE_##kind x = xx, y = yy;                              \
        SET_##result(expression);                                \
        NEXT(units);                                             \
    }
#define COMPUTE_TO(suffix, units, kind, result, xx, yy, expression) \
    OP(suffix) {                                                    \
        TYPE_##kind x = xx, y = yy;                                 \
        SET_##result(expression);                                   \
        SLOT(units) = BITS_##result;                                \
        NEXT((units) + 1);                                          \
    }
#define BOTH(id, units, kind, result, xx, yy, expression) \
    COMPUTE(id, units, kind, result, xx, yy, expression)  \
    MK_VM_LARGE(COMPUTE_TO(id##_R, units, kind, result, xx, yy, expression))

#define ON_COMMUTE(_, id, name, kind, result, expression)                      \
    BOTH(id##_RR, 3, kind, result, SLOT_##kind(1), SLOT_##kind(2), expression) \
    BOTH(id##_AR, 2, kind, result, ACC_##kind, SLOT_##kind(1), expression)     \
    BOTH(id##_RK, 4, kind, result, SLOT_##kind(1), K_##kind(2), expression)    \
    BOTH(id##_AK, 3, kind, result, ACC_##kind, K_##kind(1), expression)

/* The first leaves `v` to the second. */
#define PAIR(suffix, units, xx, yy, zz, first, second) \
    OP(suffix) {                                       \
        uint32_t x = xx, y = yy, z = zz, v = first;    \
        SET_I32(second);                               \
        NEXT(units);                                   \
    }                                                  \
    OP(suffix##_R) {                                   \
        uint32_t x = xx, y = yy, z = zz, v = first;    \
        SET_I32(second);                               \
        SLOT(units) = a;                               \
        NEXT((units) + 1);                             \
    }
#define ON_PAIR(_, id, name, first, second)                                         \
    PAIR(PAIR_##id##_RR_R, 4, SLOT_I32(1), SLOT_I32(2), SLOT_I32(3), first, second) \
    PAIR(PAIR_##id##_RR_K, 5, SLOT_I32(1), SLOT_I32(2), K_I32(3), first, second)    \
    PAIR(PAIR_##id##_AR_R, 3, ACC_I32, SLOT_I32(1), SLOT_I32(2), first, second)     \
    PAIR(PAIR_##id##_AR_K, 4, ACC_I32, SLOT_I32(1), K_I32(2), first, second)        \
    PAIR(PAIR_##id##_RK_R, 5, SLOT_I32(1), K_I32(2), SLOT_I32(4), first, second)    \
    PAIR(PAIR_##id##_RK_K, 6, SLOT_I32(1), K_I32(2), K_I32(4), first, second)       \
    PAIR(PAIR_##id##_AK_R, 4, ACC_I32, K_I32(1), SLOT_I32(3), first, second)        \
    PAIR(PAIR_##id##_AK_K, 5, ACC_I32, K_I32(1), K_I32(3), first, second)

#define ON_ORDERED(_, id, name, kind, result, expression) \
    ON_COMMUTE(_, id, name, kind, result, expression)     \
    MK_VM_LARGE(BOTH(id##_RA, 2, kind, result, SLOT_##kind(1), ACC_##kind, expression))

#define ON_FLOAT(_, id, name, kind, result, expression)                                \
    BOTH(id##_RR, 3, kind, result, SLOT_##kind(1), SLOT_##kind(2), expression)         \
    MK_VM_LARGE(BOTH(id##_AR, 2, kind, result, ACC_##kind, SLOT_##kind(1), expression) \
                    BOTH(id##_RA, 2, kind, result, SLOT_##kind(1), ACC_##kind, expression))

#define ON_COMPARE(_, id, name, kind, result, expression)                         \
    COMPUTE(id##_RR, 3, kind, result, SLOT_##kind(1), SLOT_##kind(2), expression) \
    COMPUTE(id##_AR, 2, kind, result, ACC_##kind, SLOT_##kind(1), expression)     \
    COMPUTE(id##_RK, 4, kind, result, SLOT_##kind(1), K_##kind(2), expression)    \
    COMPUTE(id##_AK, 3, kind, result, ACC_##kind, K_##kind(1), expression)

#define ON_FLOAT_COMPARE(_, id, name, kind, result, expression)                   \
    COMPUTE(id##_RR, 3, kind, result, SLOT_##kind(1), SLOT_##kind(2), expression) \
    MK_VM_LARGE(COMPUTE(id##_AR, 2, kind, result, ACC_##kind, SLOT_##kind(1), expression))

#define BRANCH_IF(suffix, units, kind, xx, yy, expression) \
    OP(suffix) {                                           \
        TYPE_##kind x = xx, y = yy;                        \
        if (expression) BRANCH(units);                     \
        NEXT((units) + 2);                                 \
    }
#define ON_BRANCH(_, id, name, kind, result, expression)                         \
    BRANCH_IF(BR_##id##_RR, 3, kind, SLOT_##kind(1), SLOT_##kind(2), expression) \
    BRANCH_IF(BR_##id##_AR, 2, kind, ACC_##kind, SLOT_##kind(1), expression)     \
    BRANCH_IF(BR_##id##_RK, 4, kind, SLOT_##kind(1), K_##kind(2), expression)    \
    BRANCH_IF(BR_##id##_AK, 3, kind, ACC_##kind, K_##kind(1), expression)

#define ON_CHECKED(_, id, name, kind, result_kind, expression)     \
    OP(id##_RR) {                                                  \
        TYPE_##kind        x = SLOT_##kind(1), y = SLOT_##kind(2); \
        TYPE_##result_kind result = 0;                             \
        trap = expression;                                         \
        if (mk_unlikely(trap != MK_VM_TRAP_NONE)) goto trapped;    \
        SET_##result_kind(result);                                 \
        LOSE_##result_kind;                                        \
        NEXT(3);                                                   \
    }
#define ON_FLOAT_RARE(_, id, name, kind, result, expression) \
    OP(id##_RR) {                                            \
        TYPE_##kind x = SLOT_##kind(1), y = SLOT_##kind(2);  \
        SET_##result(expression);                            \
        LOSE_##result;                                       \
        NEXT(3);                                             \
    }

#define COMPUTE_ONE(suffix, units, kind, result, xx, expression) \
    OP(suffix) {                                                 \
        TYPE_##kind x = xx;                                      \
        SET_##result(expression);                                \
        NEXT(units);                                             \
    }
#define ON_UNARY(_, id, name, kind, result, expression)              \
    COMPUTE_ONE(id##_R, 2, kind, result, SLOT_##kind(1), expression) \
    MK_VM_LARGE(COMPUTE_ONE(id##_A, 1, kind, result, ACC_##kind, expression))
#define ON_UNARY_RARE(_, id, name, kind, result, expression) \
    OP(id##_R) {                                             \
        TYPE_##kind x = SLOT_##kind(1);                      \
        SET_##result(expression);                            \
        LOSE_##result;                                       \
        NEXT(2);                                             \
    }
#define ON_UNARY_CHECKED(_, id, name, kind, result_kind, expression) \
    OP(id##_R) {                                                     \
        TYPE_##kind        x = SLOT_##kind(1);                       \
        TYPE_##result_kind result = 0;                               \
        trap = expression;                                           \
        if (mk_unlikely(trap != MK_VM_TRAP_NONE)) goto trapped;      \
        SET_##result_kind(result);                                   \
        LOSE_##result_kind;                                          \
        NEXT(2);                                                     \
    }

/* The bytes at `address`, or a trap. Addresses have 33 bits with their offset: where pointers have 32, each sum is looked at, for
 * numbers of 64 cost more there. */
#if UINTPTR_MAX > UINT32_MAX
#define BEYOND(reach, address, offset, count) \
    ((reach) = (uint64_t)(address) + (offset), (reach) + (count) > memory_bytes)
typedef uint64_t reach_t;
#else
#define BEYOND(reach, address, offset, count)                                                     \
    (__builtin_add_overflow((uint32_t)(address), (offset), &(reach)) || memory_bytes < (count) || \
     (reach) > memory_bytes - (count))
typedef uint32_t reach_t;
#endif

#define REACH(address, offset, count)                         \
    reach_t reach;                                            \
    if (mk_unlikely(BEYOND(reach, address, offset, count))) { \
        figure = (uint64_t)(address) + (offset);              \
        goto out_of_bounds;                                   \
    }                                                         \
    uint8_t *at = memory + reach;

#define LOAD_AT(suffix, units, count, kind, address, offset, expression) \
    OP(suffix) {                                                         \
        REACH(address, offset, count)                                    \
        SET_##kind(expression);                                          \
        NEXT(units);                                                     \
    }
#define LOAD_TO(suffix, units, count, kind, address, offset, expression) \
    OP(suffix) {                                                         \
        REACH(address, offset, count)                                    \
        SET_##kind(expression);                                          \
        SLOT(units) = BITS_##kind;                                       \
        NEXT((units) + 1);                                               \
    }
#define LOAD_BOTH(id, units, count, kind, address, offset, expression) \
    LOAD_AT(id, units, count, kind, address, offset, expression)       \
    MK_VM_LARGE(LOAD_TO(id##_R, units, count, kind, address, offset, expression))
#define ON_LOAD(_, id, name, count, kind, expression)                                               \
    MK_VM_LARGE(LOAD_BOTH(id##_RR, 3, count, kind, SLOT_I32(1) + SLOT_I32(2), 0u, expression)       \
                    LOAD_BOTH(id##_AR, 2, count, kind, ACC_I32 + SLOT_I32(1), 0u, expression)       \
                        LOAD_BOTH(id##_RK, 4, count, kind, SLOT_I32(1) + K_I32(2), 0u, expression)  \
                            LOAD_BOTH(id##_AK, 3, count, kind, ACC_I32 + K_I32(1), 0u, expression)) \
    LOAD_BOTH(id##_R, 4, count, kind, SLOT_I32(1), U32(2), expression)                              \
    LOAD_BOTH(id##_A, 3, count, kind, ACC_I32, U32(1), expression)                                  \
    MK_VM_LARGE(LOAD_BOTH(id##_K, 3, count, kind, 0u, U32(1), expression))

#define STORE_TO(suffix, units, count, address, offset, value, action) \
    OP(suffix) {                                                       \
        REACH(address, offset, count)                                  \
        uint64_t v = value;                                            \
        action;                                                        \
        NEXT(units);                                                   \
    }
#define STORE_AT(suffix, units, count, address, value, action) \
    STORE_TO(suffix, units, count, address, U32((units)-2), value, action)
#define ON_STORE(_, id, name, count, action)                                                                        \
    STORE_AT(id##_RR, 5, count, SLOT_I32(1), SLOT(2), action)                                                       \
    STORE_AT(id##_AR, 4, count, ACC_I32, SLOT(1), action)                                                           \
    STORE_AT(id##_RA, 4, count, SLOT_I32(1), a, action)                                                             \
    MK_VM_LARGE(STORE_AT(id##_RK, 6, count, SLOT_I32(1), K_I64(2), action)                                          \
                    STORE_AT(id##_AK, 5, count, ACC_I32, K_I64(1), action)                                          \
                        STORE_AT(id##_KR, 4, count, 0u, SLOT(1), action) STORE_AT(id##_KA, 3, count, 0u, a, action) \
                            STORE_TO(id##_SR, 5, count, SLOT_I32(1) + K_I32(2), 0u, SLOT(4), action)                \
                                STORE_TO(id##_SA, 4, count, SLOT_I32(1) + K_I32(2), 0u, a, action)                  \
                                    STORE_TO(id##_SK, 6, count, SLOT_I32(1) + K_I32(2), 0u, K_I64(4), action))

#define STORE_FLOAT_AT(suffix, units, count, address, offset, action) \
    OP(suffix) {                                                      \
        REACH(address, offset, count)                                 \
        action;                                                       \
        NEXT(units);                                                  \
    }
#define ON_STORE_FLOAT(_, id, name, count, kind, action)           \
    STORE_FLOAT_AT(id##_RA, 4, count, SLOT_I32(1), U32(2), action) \
    STORE_FLOAT_AT(id##_KA, 3, count, 0u, U32(1), action)          \
    STORE_FLOAT_AT(id##_AA, 3, count, ACC_I32, U32(1), action)     \
    STORE_FLOAT_AT(id##_SA, 4, count, SLOT_I32(1) + K_I32(2), 0u, action)

#define ON_SELECT(id, kind)                               \
    OP(id##_A) {                                          \
        uint16_t from = ACC_I32 != 0 ? pc[1] : pc[2];     \
        SET_##kind(FROM_##kind(fp[from]));                \
        NEXT(3);                                          \
    }                                                     \
    OP(id##_R) {                                          \
        uint16_t from = SLOT_I32(1) != 0 ? pc[2] : pc[3]; \
        SET_##kind(FROM_##kind(fp[from]));                \
        NEXT(4);                                          \
    }
#define FROM_I64(bits) (bits)
#define FROM_F32(bits) mk_vm_f32_from_bits((uint32_t)(bits))
#define FROM_F64(bits) mk_vm_f64_from_bits(bits)

/* What the operating system has to do for it, and the entries that are filled in. Below 0 it stays what it is: the next look at it
 * is near. */
#define PAY_FOR_GROWING(entries) (fuel = fuel < 0 ? fuel : fuel - 1000 - (int32_t)((entries) / 4))

/* Stops before as well as in between: many of them in a row, each too short to be cut, must not outrun the fuel. */
#define ON_BULK(id, units, ...)                                         \
    OP(id) {                                                            \
        if (mk_unlikely(fuel < 0)) goto out_of_fuel;                    \
        int32_t left = fuel;                                            \
        trap = __VA_ARGS__;                                             \
        fuel = left;                                                    \
        LOSE_ALL;                                                       \
        if (mk_unlikely(trap != MK_VM_TRAP_NONE)) goto trapped;         \
        if (fuel < 0 && (uint32_t)fp[pc[1] + 2] != 0) goto out_of_fuel; \
        NEXT(units);                                                    \
    }

/* --- what happens seldom --------------------------------------------------------------------------------------------------------- */

/* Two functions of different modules. */
static bool same_type(const mk_vm_module_t *a, uint32_t type_a, const mk_vm_module_t *b, uint32_t type_b) {
    const mk_vm_type_t *x = &a->types[type_a], *y = &b->types[type_b];
    return x->params == y->params && x->results == y->results &&
           memcmp(a->bytes + x->params_at, b->bytes + y->params_at, x->params) == 0 &&
           memcmp(a->bytes + x->results_at, b->bytes + y->results_at, x->results) == 0;
}

/* A function, perhaps of another instance. */
typedef struct foreign {
    mk_vm_instance_t *whose;
    uint32_t          function;
    uint32_t          params, results;
    uint32_t          link_at; /* of a frame that only stands for its call: behind arguments and results */
} foreign_t;

/* Whose function a table's entry is, if its type is right. */
static mk_vm_trap_t resolve(mk_vm_instance_t *instance, uint32_t type, uint32_t table, uint32_t index, foreign_t *out) {
    const mk_vm_table_inst_t *t = instance->tables[table];
    if (index >= t->count) return mk_vm_trapped(instance, MK_VM_TRAP_UNDEFINED, index, t->count);
    mk_vm_ref_t ref = t->entries[index];
    if (ref == 0) return mk_vm_trapped(instance, MK_VM_TRAP_UNINITIALIZED, index, 0);
    uint32_t                id = (uint32_t)(ref >> 32), function = (uint32_t)ref - 1;
    mk_vm_instance_t       *whose = id == instance->id ? instance : instance->store->instances[id];
    const mk_vm_module_t   *module = &whose->program->module, *own = &instance->program->module;
    const mk_vm_function_t *f = &module->functions[function];
    bool same = whose == instance ? module->types[f->type].same_as == type : same_type(module, f->type, own, type);
    if (!same) return mk_vm_trapped(instance, MK_VM_TRAP_TYPE_MISMATCH, index, 0);
    out->whose = whose;
    out->function = function;
    if (whose != instance) {
        out->params = own->types[type].params;
        out->results = own->types[type].results;
        out->link_at = out->params > out->results ? out->params : out->results;
    }
    return MK_VM_TRAP_NONE;
}

/* Above a frame that only stands for the call of another instance's function: who called, the slot of the link and the number of
 * results; then the callee's window. */
static uint64_t bridge_facts(const mk_vm_instance_t *caller, const foreign_t *foreign) {
    return (uint64_t)caller->id << 32 | foreign->link_at << 16 | foreign->results;
}

static const mk_vm_code_t *code_at(mk_vm_program_t *program, uint32_t function) {
    return atomic_load_explicit(&program->code[function], memory_order_acquire);
}

/* --- the loop -------------------------------------------------------------------------------------------------------------------- */

#define SAVE                                                                                                  \
    (s->base = (uint32_t)(fp - s->slots), s->function = code->function, s->pc = (uint32_t)(pc - code->units), \
     s->fuel = fuel, s->depth = depth, s->current = instance)

#define ENTER_INSTANCE \
    (program = instance->program, memory = instance->memory->base, memory_bytes = (size_t)instance->memory->bytes)

/* Room for so many slots above the used ones of the window at `base`. The stack may move. */
#define MAKE_ROOM(used, more)                                               \
    do {                                                                    \
        uint32_t at = (uint32_t)(base - s->slots);                          \
        SAVE;                                                               \
        if (!mk_vm_stack_grow(owner, at + (used), (more))) goto stack_full; \
        fp = s->slots + s->base;                                            \
        base = s->slots + at;                                               \
        end = s->slots + s->capacity;                                       \
    } while (0)

/* The callee's code, translated now if this is its first call. */
#define FIND_CODE(index)                                      \
    do {                                                      \
        callee = code_at(program, index);                     \
        if (mk_likely(callee != NULL)) break;                 \
        callee = mk_vm_program_code(program, index, &failed); \
        LOSE_ALL;                                             \
        if (callee == NULL) goto not_translated;              \
    } while (0)

mk_vm_end_t mk_vm_run(mk_vm_instance_t *owner) {
#if THREADED
    static const void *const labels[MK_VM_OP_COUNT] = {
#define LABEL(id, name, layout) [MK_VM_OP_##id] = &&on_##id,
        MK_VM_OPS(LABEL)
#undef LABEL
    };
#endif
    mk_vm_stack_t      *s = &owner->stack;
    mk_vm_instance_t   *instance = s->current;
    mk_vm_program_t    *program;
    uint8_t            *memory;
    size_t              memory_bytes;
    const mk_vm_code_t *code, *callee;
    const uint16_t     *pc;
    uint64_t           *fp, *base = NULL, *end = s->slots + s->capacity;
    uint64_t            a, link = 0, figure;
    float               f;
    double              d;
    int32_t             fuel = s->fuel;
    uint32_t            depth = s->depth, depth_max = owner->limits.depth;
    mk_vm_trap_t        trap, failed;
    foreign_t           foreign;

    ENTER_INSTANCE;
    code = code_at(program, s->function);
    pc = code->units + s->pc;
    fp = s->slots + s->base;
    a = fp[0];
    f = FROM_F32(a);
    d = FROM_F64(a);

#if THREADED
    DISPATCH;
#else
again:
    switch ((enum mk_vm_op) * pc) {
#endif

    MK_VM_COMPARE(ON_COMPARE, _)
    MK_VM_LARGE(MK_VM_COMPARE(ON_BRANCH, _))
    MK_VM_COMMUTE(ON_COMMUTE, _)
    MK_VM_MIRRORED(ON_COMMUTE, _)
    MK_VM_ORDERED(ON_ORDERED, _)
    MK_VM_LARGE(MK_VM_PAIRS(ON_PAIR, _))
    MK_VM_CHECKED(ON_CHECKED, _)
    MK_VM_FLOAT(ON_FLOAT, _)
    MK_VM_FLOAT_COMPARE(ON_FLOAT_COMPARE, _)
    MK_VM_FLOAT_RARE(ON_FLOAT_RARE, _)
    MK_VM_UNARY(ON_UNARY, _)
    MK_VM_UNARY_RARE(ON_UNARY_RARE, _)
    MK_VM_UNARY_CHECKED(ON_UNARY_CHECKED, _)
    MK_VM_LOAD(ON_LOAD, _)
    MK_VM_STORE(ON_STORE, _)
    MK_VM_LARGE(MK_VM_STORE_FLOAT(ON_STORE_FLOAT, _))

    OP(MOVE) {
        SLOT(2) = SLOT(1);
        NEXT(3);
    }
    OP(MOVE2) {
        SLOT(2) = SLOT(1);
        SLOT(4) = SLOT(3);
        NEXT(5);
    }
    OP(GET_I) {
        a = SLOT(1);
        NEXT(2);
    }
    OP(GET_F32) {
        f = SLOT_F32(1);
        NEXT(2);
    }
    OP(GET_F64) {
        d = SLOT_F64(1);
        NEXT(2);
    }
    OP(PUT_I) {
        SLOT(1) = a;
        NEXT(2);
    }
    OP(PUT_F32) {
        SLOT(1) = BITS_F32;
        NEXT(2);
    }
    OP(PUT_F64) {
        SLOT(1) = BITS_F64;
        NEXT(2);
    }
    OP(CONST_I32) {
        a = U32(1);
        NEXT(3);
    }
    OP(CONST_I64) {
        a = U64(1);
        NEXT(5);
    }
    OP(CONST_F32) {
        f = mk_vm_f32_from_bits(U32(1));
        NEXT(3);
    }
    OP(CONST_F64) {
        d = mk_vm_f64_from_bits(U64(1));
        NEXT(5);
    }
    OP(STORE_CONST32) {
        SLOT(3) = U32(1);
        NEXT(4);
    }
    OP(STORE_CONST64) {
        SLOT(5) = U64(1);
        NEXT(6);
    }
    OP(GLOBAL_GET_I) {
        a = *instance->globals[U32(1)];
        NEXT(3);
    }
    OP(GLOBAL_GET_F32) {
        f = FROM_F32(*instance->globals[U32(1)]);
        NEXT(3);
    }
    OP(GLOBAL_GET_F64) {
        d = FROM_F64(*instance->globals[U32(1)]);
        NEXT(3);
    }
    OP(GLOBAL_SET_I) {
        *instance->globals[U32(1)] = a;
        NEXT(3);
    }
    OP(GLOBAL_SET_R) {
        *instance->globals[U32(2)] = SLOT(1);
        NEXT(4);
    }
    OP(STORE_SUM) {
        SLOT(4) = (uint32_t)(SLOT_I32(1) + U32(2));
        NEXT(5);
    }
    OP(SELECT_KK) {
        a = ACC_I32 != 0 ? U32(1) : U32(3);
        NEXT(5);
    }
    ON_SELECT(SELECT_I, I64)
    ON_SELECT(SELECT_F32, F32)
    ON_SELECT(SELECT_F64, F64)

    /* --- branches --- */

    OP(BR) { BRANCH(1); }
    OP(BR_NZ_A) {
        if (ACC_I32 != 0) BRANCH(1);
        NEXT(3);
    }
    OP(BR_NZ_R) {
        if (SLOT_I32(1) != 0) BRANCH(2);
        NEXT(4);
    }
    OP(BR_Z_A) {
        if (ACC_I32 == 0) BRANCH(1);
        NEXT(3);
    }
    OP(BR_Z_R) {
        if (SLOT_I32(1) == 0) BRANCH(2);
        NEXT(4);
    }
    OP(BR_TABLE) {
        uint32_t labels_count = U32(1), index = ACC_I32 < labels_count ? ACC_I32 : labels_count;
        pc += 3 + (size_t)index * 2;
        BRANCH(0);
    }

    /* --- calls --- */

    OP(CALL) {
        link = U64(3);
        base = fp + pc[7];
        FIND_CODE(U32(1));
        goto enter;
    }
    OP(CALL_INDIRECT) {
        trap = resolve(instance, U32(1), U32(3), ACC_I32, &foreign);
        LOSE_ALL;
        if (mk_unlikely(trap != MK_VM_TRAP_NONE)) goto trapped;
        link = U64(5);
        base = fp + pc[9];
        if (mk_unlikely(foreign.whose != instance)) {
            if (mk_unlikely((size_t)(end - base) < foreign.link_at + 1u)) {
                MAKE_ROOM(foreign.params, foreign.link_at + 1u);
            }
            base[foreign.link_at] = link;
            goto bridge;
        }
        FIND_CODE(foreign.function);
        goto enter;
    }
    OP(RETURN_CALL) {
        link = fp[pc[5]];
        base = fp;
        FIND_CODE(U32(1));
        memmove(fp, fp + pc[3], pc[4] * sizeof *fp);
        LOSE_ALL;
        depth--;
        goto enter;
    }
    OP(RETURN_CALL_INDIRECT) {
        trap = resolve(instance, U32(1), U32(3), ACC_I32, &foreign);
        LOSE_ALL;
        if (mk_unlikely(trap != MK_VM_TRAP_NONE)) goto trapped;
        callee = NULL;
        link = fp[pc[7]];
        base = fp;
        if (mk_likely(foreign.whose == instance)) { FIND_CODE(foreign.function); }
        memmove(fp, fp + pc[5], pc[6] * sizeof *fp);
        LOSE_ALL;
        depth--;
        if (mk_unlikely(callee == NULL)) { /* the window has room: it held these arguments and the link */
            base[foreign.link_at] = link;
            goto bridge;
        }
        goto enter;
    }
    OP(RETURN) {
    give_back:
        link = fp[pc[1]];
        code = code_at(program, (uint32_t)(link >> 32));
        pc = code->units + (uint32_t)link;
        fp -= pc[-1];
        depth--;
        DISPATCH;
    }
    OP(HALT) {
        callee = code_at(program, s->called);
        if (callee->results == 1) {
            uint8_t type = callee->result_type;
            s->slots[0] = type == MK_VM_TYPE_F32 ? BITS_F32 : type == MK_VM_TYPE_F64 ? BITS_F64 : a;
        }
        s->fuel = fuel;
        return MK_VM_DONE;
    }
    OP(BRIDGE) { /* back from another instance's function */
        uint64_t facts = fp[-1];
        uint32_t link_at = (uint32_t)facts >> 16, results = (uint32_t)facts & 0xFFFF;
        base = fp - (link_at + 2);
        if (results > 1) memmove(base, fp, results * sizeof *fp);
        instance = owner->store->instances[facts >> 32];
        ENTER_INSTANCE;
        link = base[link_at];
        code = code_at(program, (uint32_t)(link >> 32));
        pc = code->units + (uint32_t)link;
        fp = base - pc[-1];
        depth--;
        DISPATCH;
    }
    OP(IMPORT) {
        const mk_vm_import_function_t *import = &instance->imports[code->function];
        uint32_t                       link_at = pc[1];
        if (mk_unlikely(import->fn == NULL)) {
            const mk_vm_type_t *type = mk_vm_function_type(&program->module, code->function);
            foreign = (foreign_t){import->instance, import->function, type->params, type->results, link_at};
            link = fp[link_at];
            base = fp;
            depth--;
            goto bridge;
        }
        pc += 2;
        SAVE;
        mk_vm_host_end_t ended = import->fn(instance, import->arg, fp);
        fuel = s->fuel;
        ENTER_INSTANCE; /* memory may have moved */
        if (mk_likely(ended == MK_VM_HOST_DONE)) {
            a = fp[0];
            f = FROM_F32(a);
            d = FROM_F64(a);
            goto give_back; /* the next instruction */
        }
        if (ended == MK_VM_HOST_BLOCKED) {
            if (!s->inner) return MK_VM_BLOCKED;
            LOSE_ALL;
            TRAP(NESTED_WAIT);
        }
        if (ended == MK_VM_HOST_EXIT) {
            uint32_t results = mk_vm_function_type(&owner->program->module, s->called)->results;
            memset(s->slots, 0, results * sizeof *s->slots);
            return MK_VM_DONE;
        }
        LOSE_ALL;
        TRAP(HOST);
    }
    OP(UNREACHABLE) { TRAP(UNREACHABLE); }

    /* --- memory and tables as a whole --- */

    OP(MEMORY_SIZE) {
        a = mk_vm_memory_size(instance->memory);
        NEXT(1);
    }
    OP(MEMORY_GROW) {
        a = mk_vm_memory_grow(instance->memory, ACC_I32);
        LOSE_I32;
        PAY_FOR_GROWING(0);
        ENTER_INSTANCE;
        NEXT(1);
    }
    ON_BULK(MEMORY_FILL, 2, mk_vm_bulk_fill(instance, &SLOT(1), &left))
    ON_BULK(MEMORY_COPY, 2, mk_vm_bulk_copy(instance, &SLOT(1), &left))
    ON_BULK(MEMORY_INIT, 4, mk_vm_bulk_init(instance, U32(2), &SLOT(1), &left))
    ON_BULK(TABLE_FILL, 4, mk_vm_bulk_table_fill(instance, U32(2), &SLOT(1), &left))
    ON_BULK(TABLE_COPY, 6, mk_vm_bulk_table_copy(instance, U32(2), U32(4), &SLOT(1), &left))
    ON_BULK(TABLE_INIT, 6, mk_vm_bulk_table_init(instance, U32(2), U32(4), &SLOT(1), &left))
    OP(DATA_DROP) {
        mk_vm_drop(instance, mk_vm_data_bit(instance, U32(1)));
        NEXT(3);
    }
    OP(ELEM_DROP) {
        mk_vm_drop(instance, U32(1));
        NEXT(3);
    }
    OP(TABLE_GET) {
        const mk_vm_table_inst_t *table = instance->tables[U32(2)];
        if (SLOT_I32(1) >= table->count) {
            figure = SLOT_I32(1);
            goto out_of_table;
        }
        a = table->entries[SLOT_I32(1)];
        NEXT(4);
    }
    OP(TABLE_SET) {
        mk_vm_table_inst_t *table = instance->tables[U32(2)];
        if (SLOT_I32(1) >= table->count) {
            figure = SLOT_I32(1);
            goto out_of_table;
        }
        table->entries[SLOT_I32(1)] = fp[pc[1] + 1];
        NEXT(4);
    }
    OP(TABLE_SIZE) {
        a = instance->tables[U32(1)]->count;
        NEXT(3);
    }
    OP(TABLE_GROW) { /* value, entries */
        uint32_t entries = (uint32_t)fp[pc[1] + 1];
        a = mk_vm_table_grow(instance->tables[U32(2)], entries, SLOT(1));
        LOSE_I32;
        PAY_FOR_GROWING(a != MK_VM_NONE ? entries : 0);
        NEXT(4);
    }
    OP(REF_FUNC) {
        a = (uint64_t)instance->id << 32 | (U32(1) + 1);
        NEXT(3);
    }
#if !THREADED
case MK_VM_OP_COUNT: mk_assert_failed("there is no such operation", __FILE__, __LINE__);
}
#endif

/* To another instance's function. The frame at `base` has its arguments and its link. Whether the callee can be entered is
 * decided here: a trap belongs to the caller, which is no longer known once the other instance is the current one. */
bridge : callee = mk_vm_program_code(foreign.whose->program, foreign.function, &failed);
LOSE_ALL;
if (callee == NULL) goto not_translated;
if (mk_unlikely((size_t)(end - base) < foreign.link_at + 2 + (size_t)callee->slots)) {
    MAKE_ROOM(foreign.link_at + 1, 1 + callee->slots);
}
if (mk_unlikely(depth + 1 >= depth_max)) goto too_deep;
base[foreign.link_at + 1] = bridge_facts(instance, &foreign);
memcpy(base + foreign.link_at + 2, base, foreign.params * sizeof *base);
base += foreign.link_at + 2;
depth++;
instance = foreign.whose;
ENTER_INSTANCE;
link = mk_vm_link(program->module.function_count, MK_VM_EXIT_BRIDGE);

enter : if (mk_unlikely((size_t)(end - base) < callee->slots)) {
    MAKE_ROOM(callee->params, callee->slots - callee->params);
    LOSE_ALL;
}
if (mk_unlikely(depth >= depth_max)) goto too_deep;
depth++;
fp = base;
for (uint32_t i = callee->params; i < callee->locals; i++) fp[i] = 0;
fp[callee->link_at] = link;
code = callee;
pc = code->units;
fuel -= (int32_t)code->unit_count;
if (mk_unlikely(fuel < 0)) goto out_of_fuel;
DISPATCH;

out_of_bounds : trap = mk_vm_trapped(instance, MK_VM_TRAP_MEMORY_BOUNDS, figure, memory_bytes);
goto trapped;
out_of_table : trap = mk_vm_trapped(instance, MK_VM_TRAP_TABLE_BOUNDS, figure, instance->tables[U32(2)]->count);

trapped : if (instance != owner) { /* whoever called asks the instance that he called */
    memcpy(owner->trap_facts, instance->trap_facts, sizeof owner->trap_facts);
    owner->trap_host = instance->trap_host;
}
goto ended;

too_deep : trap = mk_vm_trapped(owner, MK_VM_TRAP_STACK_DEPTH, depth_max, 0);
goto not_entered;
not_translated : trap = failed;
goto not_entered;
stack_full : trap = owner->trap;
not_entered : if (base == fp) fp[code->link_at] = link; /* of a tail call: its arguments stand there */

ended : SAVE;
owner->trap = trap;
return MK_VM_TRAPPED;

out_of_fuel : SAVE;
if (!s->inner) return MK_VM_OUT_OF_FUEL;
owner->trap = MK_VM_TRAP_NESTED_FUEL;
return MK_VM_TRAPPED;
}
