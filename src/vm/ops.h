/* SPDX-License-Identifier: Apache-2.0 */
/* ops.h -- the register code as data: every operation, the forms it has, and what the numeric ones compute.
 *
 * An instruction is a unit of 16 bits that names the operation, then its operands. Three accumulators live in registers
 * of the machine while code runs, one for each kind of value: integers and references, f32, f64. Each operation that has a
 * result leaves it in the accumulator of its kind; the forms whose layout ends in '>' write it to a slot as well.
 *
 * A layout has one letter for each operand:
 *   a  the accumulator (no unit)      r  a slot: one unit                  >  the slot of the result: one unit
 *   k  a constant, 2 units            K  a constant, 4 units               o  an offset that is added to the address, 2 units
 *   b  a branch: 2 units, signed, counted from its own first unit          n  a number, one unit
 *   f  a number of 2 units            l  a link (state.h): 4 units         B  a number n of 2 units, then n + 1 branches
 *
 * The lists below name each operation once. They are expanded here into numbers, in code.c into names and layouts, in
 * translate.c into what an instruction of the module becomes, and in run.c into what is done. */
#ifndef MK_VM_OPS_H
#define MK_VM_OPS_H

#include "vm/opcodes.h"

/* What makes code faster and the engine larger: left out where text is scarce (MK_VM_SMALL). */
#ifdef MK_VM_SMALL
#define MK_VM_LARGE(...)
#define MK_VM_OP_LOAD_FIRST(id) MK_VM_OP_##id##_R
#else
#define MK_VM_LARGE(...) __VA_ARGS__
#define MK_VM_OP_LOAD_FIRST(id) MK_VM_OP_##id##_RR
#endif

/* clang-format off */

/* --- numeric operations: id, name, kind of operands, of the result, what it computes of x and y --------------------------- */
/* Kinds: I32, I64 share the accumulator a, F32 has f, F64 has d. */

#define MK_VM_COMMUTE(F, X)                                                  \
    F(X, I32_ADD,   "i32.add",   I32, I32, x + y)                            \
    F(X, I32_MUL,   "i32.mul",   I32, I32, x * y)                            \
    F(X, I32_AND,   "i32.and",   I32, I32, x & y)                            \
    F(X, I32_OR,    "i32.or",    I32, I32, x | y)                            \
    F(X, I32_XOR,   "i32.xor",   I32, I32, x ^ y)                            \
    F(X, I64_ADD,   "i64.add",   I64, I64, x + y)                            \
    F(X, I64_MUL,   "i64.mul",   I64, I64, x * y)                            \
    F(X, I64_AND,   "i64.and",   I64, I64, x & y)                            \
    F(X, I64_OR,    "i64.or",    I64, I64, x | y)                            \
    F(X, I64_XOR,   "i64.xor",   I64, I64, x ^ y)

/* With operands that cannot be exchanged, but for the other operation. */
#define MK_VM_MIRRORED(F, X)                                                 \
    F(X, I32_SUB,   "i32.sub",   I32, I32, x - y)                            \
    F(X, I32_RSUB,  "i32.rsub",  I32, I32, y - x)                            \
    F(X, I64_SUB,   "i64.sub",   I64, I64, x - y)                            \
    F(X, I64_RSUB,  "i64.rsub",  I64, I64, y - x)

#define MK_VM_ORDERED(F, X)                                                  \
    F(X, I32_SHL,   "i32.shl",   I32, I32, x << (y & 31))                    \
    F(X, I32_SHR_S, "i32.shr_s", I32, I32, (uint32_t)((int32_t)x >> (y & 31))) \
    F(X, I32_SHR_U, "i32.shr_u", I32, I32, x >> (y & 31))                    \
    F(X, I32_ROTL,  "i32.rotl",  I32, I32, mk_vm_i32_rotl(x, y))             \
    F(X, I32_ROTR,  "i32.rotr",  I32, I32, mk_vm_i32_rotr(x, y))             \
    F(X, I64_SHL,   "i64.shl",   I64, I64, x << (y & 63))                    \
    F(X, I64_SHR_S, "i64.shr_s", I64, I64, (uint64_t)((int64_t)x >> (y & 63))) \
    F(X, I64_SHR_U, "i64.shr_u", I64, I64, x >> (y & 63))                    \
    F(X, I64_ROTL,  "i64.rotl",  I64, I64, mk_vm_i64_rotl(x, y))             \
    F(X, I64_ROTR,  "i64.rotr",  I64, I64, mk_vm_i64_rotr(x, y))

/* One operation that takes the result of another, as one instruction: id, name, what the first computes of x and y, what the second
 * makes of that (v) and of z. */
#define MK_VM_PAIR_WITH(F, X, id, name, first)           \
    F(X, id##_ADD, name ", add", first, v + z)           \
    F(X, id##_AND, name ", and", first, v & z)           \
    F(X, id##_OR,  name ", or",  first, v | z)           \
    F(X, id##_XOR, name ", xor", first, v ^ z)           \
    F(X, id##_SHL, name ", shl", first, v << (z & 31))

#define MK_VM_PAIRS(F, X)                                                              \
    MK_VM_PAIR_WITH(F, X, ADD,   "i32.add",   x + y)                                   \
    MK_VM_PAIR_WITH(F, X, MUL,   "i32.mul",   x * y)                                   \
    MK_VM_PAIR_WITH(F, X, AND,   "i32.and",   x & y)                                   \
    MK_VM_PAIR_WITH(F, X, OR,    "i32.or",    x | y)                                   \
    MK_VM_PAIR_WITH(F, X, XOR,   "i32.xor",   x ^ y)                                   \
    MK_VM_PAIR_WITH(F, X, SUB,   "i32.sub",   x - y)                                   \
    MK_VM_PAIR_WITH(F, X, SHL,   "i32.shl",   x << (y & 31))                           \
    MK_VM_PAIR_WITH(F, X, SHR_S, "i32.shr_s", (uint32_t)((int32_t)x >> (y & 31)))      \
    MK_VM_PAIR_WITH(F, X, SHR_U, "i32.shr_u", x >> (y & 31))                           \
    MK_VM_PAIR_WITH(F, X, ROTL,  "i32.rotl",  mk_vm_i32_rotl(x, y))

/* Each beside its opposite, four forms each, and first in the list of all: so the number of the opposite is the same but for bit 2
 * (MK_VM_OPPOSITE), and that of the branch that compares is a fixed distance away (MK_VM_BRANCH_IF). */
#define MK_VM_COMPARE(F, X)                                                  \
    F(X, I32_EQ,    "i32.eq",    I32, I32, x == y)                           \
    F(X, I32_NE,    "i32.ne",    I32, I32, x != y)                           \
    F(X, I32_LT_S,  "i32.lt_s",  I32, I32, (int32_t)x < (int32_t)y)          \
    F(X, I32_GE_S,  "i32.ge_s",  I32, I32, (int32_t)x >= (int32_t)y)         \
    F(X, I32_LT_U,  "i32.lt_u",  I32, I32, x < y)                            \
    F(X, I32_GE_U,  "i32.ge_u",  I32, I32, x >= y)                           \
    F(X, I32_GT_S,  "i32.gt_s",  I32, I32, (int32_t)x > (int32_t)y)          \
    F(X, I32_LE_S,  "i32.le_s",  I32, I32, (int32_t)x <= (int32_t)y)         \
    F(X, I32_GT_U,  "i32.gt_u",  I32, I32, x > y)                            \
    F(X, I32_LE_U,  "i32.le_u",  I32, I32, x <= y)                           \
    F(X, I64_EQ,    "i64.eq",    I64, I32, x == y)                           \
    F(X, I64_NE,    "i64.ne",    I64, I32, x != y)                           \
    F(X, I64_LT_S,  "i64.lt_s",  I64, I32, (int64_t)x < (int64_t)y)          \
    F(X, I64_GE_S,  "i64.ge_s",  I64, I32, (int64_t)x >= (int64_t)y)         \
    F(X, I64_LT_U,  "i64.lt_u",  I64, I32, x < y)                            \
    F(X, I64_GE_U,  "i64.ge_u",  I64, I32, x >= y)                           \
    F(X, I64_GT_S,  "i64.gt_s",  I64, I32, (int64_t)x > (int64_t)y)          \
    F(X, I64_LE_S,  "i64.le_s",  I64, I32, (int64_t)x <= (int64_t)y)         \
    F(X, I64_GT_U,  "i64.gt_u",  I64, I32, x > y)                            \
    F(X, I64_LE_U,  "i64.le_u",  I64, I32, x <= y)

/* May trap: computes into `result` and gives a trap. */
#define MK_VM_CHECKED(F, X)                                                  \
    F(X, I32_DIV_S, "i32.div_s", I32, I32, mk_vm_i32_div_s(x, y, &result))   \
    F(X, I32_DIV_U, "i32.div_u", I32, I32, mk_vm_i32_div_u(x, y, &result))   \
    F(X, I32_REM_S, "i32.rem_s", I32, I32, mk_vm_i32_rem_s(x, y, &result))   \
    F(X, I32_REM_U, "i32.rem_u", I32, I32, mk_vm_i32_rem_u(x, y, &result))   \
    F(X, I64_DIV_S, "i64.div_s", I64, I64, mk_vm_i64_div_s(x, y, &result))   \
    F(X, I64_DIV_U, "i64.div_u", I64, I64, mk_vm_i64_div_u(x, y, &result))   \
    F(X, I64_REM_S, "i64.rem_s", I64, I64, mk_vm_i64_rem_s(x, y, &result))   \
    F(X, I64_REM_U, "i64.rem_u", I64, I64, mk_vm_i64_rem_u(x, y, &result))

#define MK_VM_FLOAT(F, X)                                                    \
    F(X, F32_ADD,   "f32.add",   F32, F32, mk_vm_f32_canonical(x + y))       \
    F(X, F32_SUB,   "f32.sub",   F32, F32, mk_vm_f32_canonical(x - y))       \
    F(X, F32_MUL,   "f32.mul",   F32, F32, mk_vm_f32_canonical(x * y))       \
    F(X, F32_DIV,   "f32.div",   F32, F32, mk_vm_f32_canonical(x / y))       \
    F(X, F64_ADD,   "f64.add",   F64, F64, mk_vm_f64_canonical(x + y))       \
    F(X, F64_SUB,   "f64.sub",   F64, F64, mk_vm_f64_canonical(x - y))       \
    F(X, F64_MUL,   "f64.mul",   F64, F64, mk_vm_f64_canonical(x * y))       \
    F(X, F64_DIV,   "f64.div",   F64, F64, mk_vm_f64_canonical(x / y))

#define MK_VM_FLOAT_COMPARE(F, X)                                            \
    F(X, F32_EQ,    "f32.eq",    F32, I32, x == y)                           \
    F(X, F32_NE,    "f32.ne",    F32, I32, x != y)                           \
    F(X, F32_LT,    "f32.lt",    F32, I32, x < y)                            \
    F(X, F32_GT,    "f32.gt",    F32, I32, x > y)                            \
    F(X, F32_LE,    "f32.le",    F32, I32, x <= y)                           \
    F(X, F32_GE,    "f32.ge",    F32, I32, x >= y)                           \
    F(X, F64_EQ,    "f64.eq",    F64, I32, x == y)                           \
    F(X, F64_NE,    "f64.ne",    F64, I32, x != y)                           \
    F(X, F64_LT,    "f64.lt",    F64, I32, x < y)                            \
    F(X, F64_GT,    "f64.gt",    F64, I32, x > y)                            \
    F(X, F64_LE,    "f64.le",    F64, I32, x <= y)                           \
    F(X, F64_GE,    "f64.ge",    F64, I32, x >= y)

#define MK_VM_FLOAT_RARE(F, X)                                               \
    F(X, F32_MIN,      "f32.min",      F32, F32, mk_vm_f32_min(x, y))        \
    F(X, F32_MAX,      "f32.max",      F32, F32, mk_vm_f32_max(x, y))        \
    F(X, F32_COPYSIGN, "f32.copysign", F32, F32, mk_vm_f32_copysign(x, y))   \
    F(X, F64_MIN,      "f64.min",      F64, F64, mk_vm_f64_min(x, y))        \
    F(X, F64_MAX,      "f64.max",      F64, F64, mk_vm_f64_max(x, y))        \
    F(X, F64_COPYSIGN, "f64.copysign", F64, F64, mk_vm_f64_copysign(x, y))

#define MK_VM_UNARY(F, X)                                                                     \
    F(X, I32_CLZ,             "i32.clz",             I32, I32, mk_vm_i32_clz(x))              \
    F(X, I32_CTZ,             "i32.ctz",             I32, I32, mk_vm_i32_ctz(x))              \
    F(X, I32_POPCNT,          "i32.popcnt",          I32, I32, mk_vm_i32_popcnt(x))           \
    F(X, I64_CLZ,             "i64.clz",             I64, I64, mk_vm_i64_clz(x))              \
    F(X, I64_CTZ,             "i64.ctz",             I64, I64, mk_vm_i64_ctz(x))              \
    F(X, I64_POPCNT,          "i64.popcnt",          I64, I64, mk_vm_i64_popcnt(x))           \
    F(X, I32_WRAP_I64,        "i32.wrap_i64",        I64, I32, (uint32_t)x)                   \
    F(X, I64_EXTEND_I32_S,    "i64.extend_i32_s",    I32, I64, (uint64_t)(int64_t)(int32_t)x) \
    F(X, I32_EXTEND8_S,       "i32.extend8_s",       I32, I32, (uint32_t)(int32_t)(int8_t)x)  \
    F(X, I32_EXTEND16_S,      "i32.extend16_s",      I32, I32, (uint32_t)(int32_t)(int16_t)x) \
    F(X, I64_EXTEND8_S,       "i64.extend8_s",       I64, I64, (uint64_t)(int64_t)(int8_t)x)  \
    F(X, I64_EXTEND16_S,      "i64.extend16_s",      I64, I64, (uint64_t)(int64_t)(int16_t)x) \
    F(X, I64_EXTEND32_S,      "i64.extend32_s",      I64, I64, (uint64_t)(int64_t)(int32_t)x) \
    F(X, F32_ABS,             "f32.abs",             F32, F32, mk_vm_f32_abs(x))              \
    F(X, F32_NEG,             "f32.neg",             F32, F32, mk_vm_f32_neg(x))              \
    F(X, F32_SQRT,            "f32.sqrt",            F32, F32, mk_vm_f32_sqrt(x))             \
    F(X, F64_ABS,             "f64.abs",             F64, F64, mk_vm_f64_abs(x))              \
    F(X, F64_NEG,             "f64.neg",             F64, F64, mk_vm_f64_neg(x))              \
    F(X, F64_SQRT,            "f64.sqrt",            F64, F64, mk_vm_f64_sqrt(x))             \
    F(X, F32_CONVERT_I32_S,   "f32.convert_i32_s",   I32, F32, mk_vm_f32_convert_i32_s(x))    \
    F(X, F32_CONVERT_I32_U,   "f32.convert_i32_u",   I32, F32, mk_vm_f32_convert_i32_u(x))    \
    F(X, F32_CONVERT_I64_S,   "f32.convert_i64_s",   I64, F32, mk_vm_f32_convert_i64_s(x))    \
    F(X, F32_CONVERT_I64_U,   "f32.convert_i64_u",   I64, F32, mk_vm_f32_convert_i64_u(x))    \
    F(X, F64_CONVERT_I32_S,   "f64.convert_i32_s",   I32, F64, mk_vm_f64_convert_i32_s(x))    \
    F(X, F64_CONVERT_I32_U,   "f64.convert_i32_u",   I32, F64, mk_vm_f64_convert_i32_u(x))    \
    F(X, F64_CONVERT_I64_S,   "f64.convert_i64_s",   I64, F64, mk_vm_f64_convert_i64_s(x))    \
    F(X, F64_CONVERT_I64_U,   "f64.convert_i64_u",   I64, F64, mk_vm_f64_convert_i64_u(x))    \
    F(X, F32_DEMOTE_F64,      "f32.demote_f64",      F64, F32, mk_vm_f32_demote_f64(x))       \
    F(X, F64_PROMOTE_F32,     "f64.promote_f32",     F32, F64, mk_vm_f64_promote_f32(x))      \
    F(X, I32_REINTERPRET_F32, "i32.reinterpret_f32", F32, I32, mk_vm_f32_bits(x))             \
    F(X, I64_REINTERPRET_F64, "i64.reinterpret_f64", F64, I64, mk_vm_f64_bits(x))             \
    F(X, F32_REINTERPRET_I32, "f32.reinterpret_i32", I32, F32, mk_vm_f32_from_bits(x))        \
    F(X, F64_REINTERPRET_I64, "f64.reinterpret_i64", I64, F64, mk_vm_f64_from_bits(x))

/* Seldom and long: from a slot only, and the other accumulators are lost. */
#define MK_VM_UNARY_RARE(F, X)                                                                      \
    F(X, F32_CEIL,            "f32.ceil",            F32, F32, mk_vm_f32_ceil(x))             \
    F(X, F32_FLOOR,           "f32.floor",           F32, F32, mk_vm_f32_floor(x))            \
    F(X, F32_TRUNC,           "f32.trunc",           F32, F32, mk_vm_f32_trunc(x))            \
    F(X, F32_NEAREST,         "f32.nearest",         F32, F32, mk_vm_f32_nearest(x))          \
    F(X, F64_CEIL,            "f64.ceil",            F64, F64, mk_vm_f64_ceil(x))             \
    F(X, F64_FLOOR,           "f64.floor",           F64, F64, mk_vm_f64_floor(x))            \
    F(X, F64_TRUNC,           "f64.trunc",           F64, F64, mk_vm_f64_trunc(x))            \
    F(X, F64_NEAREST,         "f64.nearest",         F64, F64, mk_vm_f64_nearest(x))          \
    F(X, I32_TRUNC_SAT_F32_S, "i32.trunc_sat_f32_s", F32, I32, mk_vm_i32_trunc_sat_f32_s(x))        \
    F(X, I32_TRUNC_SAT_F32_U, "i32.trunc_sat_f32_u", F32, I32, mk_vm_i32_trunc_sat_f32_u(x))        \
    F(X, I32_TRUNC_SAT_F64_S, "i32.trunc_sat_f64_s", F64, I32, mk_vm_i32_trunc_sat_f64_s(x))        \
    F(X, I32_TRUNC_SAT_F64_U, "i32.trunc_sat_f64_u", F64, I32, mk_vm_i32_trunc_sat_f64_u(x))        \
    F(X, I64_TRUNC_SAT_F32_S, "i64.trunc_sat_f32_s", F32, I64, mk_vm_i64_trunc_sat_f32_s(x))        \
    F(X, I64_TRUNC_SAT_F32_U, "i64.trunc_sat_f32_u", F32, I64, mk_vm_i64_trunc_sat_f32_u(x))        \
    F(X, I64_TRUNC_SAT_F64_S, "i64.trunc_sat_f64_s", F64, I64, mk_vm_i64_trunc_sat_f64_s(x))        \
    F(X, I64_TRUNC_SAT_F64_U, "i64.trunc_sat_f64_u", F64, I64, mk_vm_i64_trunc_sat_f64_u(x))

#define MK_VM_UNARY_CHECKED(F, X)                                                                   \
    F(X, I32_TRUNC_F32_S,     "i32.trunc_f32_s",     F32, I32, mk_vm_i32_trunc_f32_s(x, &result))   \
    F(X, I32_TRUNC_F32_U,     "i32.trunc_f32_u",     F32, I32, mk_vm_i32_trunc_f32_u(x, &result))   \
    F(X, I32_TRUNC_F64_S,     "i32.trunc_f64_s",     F64, I32, mk_vm_i32_trunc_f64_s(x, &result))   \
    F(X, I32_TRUNC_F64_U,     "i32.trunc_f64_u",     F64, I32, mk_vm_i32_trunc_f64_u(x, &result))   \
    F(X, I64_TRUNC_F32_S,     "i64.trunc_f32_s",     F32, I64, mk_vm_i64_trunc_f32_s(x, &result))   \
    F(X, I64_TRUNC_F32_U,     "i64.trunc_f32_u",     F32, I64, mk_vm_i64_trunc_f32_u(x, &result))   \
    F(X, I64_TRUNC_F64_S,     "i64.trunc_f64_s",     F64, I64, mk_vm_i64_trunc_f64_s(x, &result))   \
    F(X, I64_TRUNC_F64_U,     "i64.trunc_f64_u",     F64, I64, mk_vm_i64_trunc_f64_u(x, &result))

/* --- memory: id, name, bytes, kind of the value, how the bytes at `at` become one ----------------------------------------- */
/* Slots are zero-extended, so i64.load32_u is i32.load, and so on. */

#define MK_VM_LOAD(F, X)                                                                \
    F(X, LOAD8_U,     "load8_u",     1, I32, *at)                                       \
    F(X, LOAD16_U,    "load16_u",    2, I32, mk_vm_get16(at))                           \
    F(X, LOAD32,      "load32",      4, I32, mk_vm_get32(at))                           \
    F(X, LOAD64,      "load64",      8, I64, mk_vm_get64(at))                           \
    F(X, I32_LOAD8S,  "i32.load8_s", 1, I32, (uint32_t)(int32_t)(int8_t)*at)            \
    F(X, I32_LOAD16S, "i32.load16_s", 2, I32, (uint32_t)(int32_t)(int16_t)mk_vm_get16(at)) \
    F(X, I64_LOAD8S,  "i64.load8_s", 1, I64, (uint64_t)(int64_t)(int8_t)*at)            \
    F(X, I64_LOAD16S, "i64.load16_s", 2, I64, (uint64_t)(int64_t)(int16_t)mk_vm_get16(at)) \
    F(X, I64_LOAD32S, "i64.load32_s", 4, I64, (uint64_t)(int64_t)(int32_t)mk_vm_get32(at)) \
    F(X, LOADF32,     "f32.load",    4, F32, mk_vm_f32_from_bits(mk_vm_get32(at)))      \
    F(X, LOADF64,     "f64.load",    8, F64, mk_vm_f64_from_bits(mk_vm_get64(at)))

/* Id, name, bytes, what is done with the value v. */
#define MK_VM_STORE(F, X)                                                               \
    F(X, STORE8,      "store8",      1, *at = (uint8_t)v)                               \
    F(X, STORE16,     "store16",     2, mk_vm_put16(at, (uint16_t)v))                   \
    F(X, STORE32,     "store32",     4, mk_vm_put32(at, (uint32_t)v))                   \
    F(X, STORE64,     "store64",     8, mk_vm_put64(at, v))

/* Of a float in its accumulator. */
#define MK_VM_STORE_FLOAT(F, X)                                                         \
    F(X, STOREF32,    "f32.store",   4, F32, mk_vm_put32(at, mk_vm_f32_bits(f)))        \
    F(X, STOREF64,    "f64.store",   8, F64, mk_vm_put64(at, mk_vm_f64_bits(d)))

/* --- everything else -------------------------------------------------------------------------------------------------------- */

#define MK_VM_OTHERS(X)                                                        \
    X(MOVE,           "move",           "rr")   /* from, to */                 \
    X(MOVE2,          "move2",          "rrrr") /* from, to, from, to */       \
    X(GET_I,          "get",            "r")                                   \
    X(GET_F32,        "get.f32",        "r")                                   \
    X(GET_F64,        "get.f64",        "r")                                   \
    X(PUT_I,          "put",            "ar")                                  \
    X(PUT_F32,        "put.f32",        "ar")                                  \
    X(PUT_F64,        "put.f64",        "ar")                                  \
    X(CONST_I32,      "const",          "k")                                   \
    X(CONST_I64,      "const",          "K")                                   \
    X(CONST_F32,      "const.f32",      "k")                                   \
    X(CONST_F64,      "const.f64",      "K")                                   \
    X(STORE_CONST32,  "const",          "kr")   /* leaves the accumulators */  \
    X(STORE_CONST64,  "const",          "Kr")                                  \
    X(GLOBAL_GET_I,   "global.get",     "f")                                   \
    X(GLOBAL_GET_F32, "global.get.f32", "f")                                   \
    X(GLOBAL_GET_F64, "global.get.f64", "f")                                   \
    X(GLOBAL_SET_I,   "global.set",     "af")                                  \
    X(GLOBAL_SET_R,   "global.set",     "rf")                                  \
    X(STORE_SUM,      "i32.add",        "rkr")  /* leaves the accumulators */  \
    X(SELECT_KK,      "select",         "akk")  /* condition, then the two */  \
    X(SELECT_I_A,     "select",         "arr")                                 \
    X(SELECT_I_R,     "select",         "rrr")                                 \
    X(SELECT_F32_A,   "select.f32",     "arr")                                 \
    X(SELECT_F32_R,   "select.f32",     "rrr")                                 \
    X(SELECT_F64_A,   "select.f64",     "arr")                                 \
    X(SELECT_F64_R,   "select.f64",     "rrr")                                 \
    X(BR,             "br",             "b")                                   \
    X(BR_NZ_A,        "br_if",          "ab")                                  \
    X(BR_NZ_R,        "br_if",          "rb")                                  \
    X(BR_Z_A,         "br_unless",      "ab")                                  \
    X(BR_Z_R,         "br_unless",      "rb")                                  \
    X(BR_TABLE,       "br_table",       "aB")                                  \
    X(CALL,           "call",           "fln")  /* function, link, window */   \
    X(CALL_INDIRECT,  "call_indirect",  "affln") /* index, type, table, link, window */ \
    X(RETURN_CALL,    "return_call",    "frnn") /* function, first argument, arguments, own link */ \
    X(RETURN_CALL_INDIRECT, "return_call_indirect", "affrnn")                  \
    X(RETURN,         "return",         "n")    /* own link */                 \
    X(HALT,           "halt",           "")                                    \
    X(BRIDGE,         "bridge",         "")                                    \
    X(IMPORT,         "import",         "n")    /* own link */                 \
    X(UNREACHABLE,    "unreachable",    "")                                    \
    X(MEMORY_SIZE,    "memory.size",    "")                                    \
    X(MEMORY_GROW,    "memory.grow",    "a")                                   \
    X(MEMORY_FILL,    "memory.fill",    "r")    /* three slots from here on */ \
    X(MEMORY_COPY,    "memory.copy",    "r")                                   \
    X(MEMORY_INIT,    "memory.init",    "rf")                                  \
    X(DATA_DROP,      "data.drop",      "f")                                   \
    X(TABLE_GET,      "table.get",      "rf")                                  \
    X(TABLE_SET,      "table.set",      "rf")   /* two slots */                \
    X(TABLE_SIZE,     "table.size",     "f")                                   \
    X(TABLE_GROW,     "table.grow",     "rf")   /* two slots */                \
    X(TABLE_FILL,     "table.fill",     "rf")                                  \
    X(TABLE_COPY,     "table.copy",     "rff")  /* to, from */                 \
    X(TABLE_INIT,     "table.init",     "rff")  /* table, segment */           \
    X(ELEM_DROP,      "elem.drop",      "f")                                   \
    X(REF_FUNC,       "ref.func",       "f")

/* --- forms -------------------------------------------------------------------------------------------------------------------- */

/* Where operands come from: bits of a set. A form's number is the operation's first plus how many of the set come before it,
 * doubled where each has a twin that writes to a slot as well. */
enum mk_vm_form {
    MK_VM_RR = 1, MK_VM_AR = 2, MK_VM_RA = 4, MK_VM_RK = 8, MK_VM_AK = 16,
    MK_VM_KR = 32, MK_VM_KA = 64, MK_VM_AA = 128, /* of stores: address, value */
    MK_VM_R = 256, MK_VM_A = 512, MK_VM_K = 1024, /* with one operand          */
    MK_VM_SR = 2048, MK_VM_SA = 4096, MK_VM_SK = 8192, /* of stores, to the sum of a slot and a constant */
    MK_VM_TO_SLOT = 16384,                         /* each has a twin           */
};

enum {
    MK_VM_TWINS = 0 MK_VM_LARGE(| MK_VM_TO_SLOT),
    MK_VM_FORMS_COMMUTE = MK_VM_RR | MK_VM_AR | MK_VM_RK | MK_VM_AK | MK_VM_TWINS,
    MK_VM_FORMS_ORDERED = MK_VM_RR | MK_VM_AR | MK_VM_RK | MK_VM_AK | MK_VM_TWINS MK_VM_LARGE(| MK_VM_RA),
    MK_VM_FORMS_COMPARE = MK_VM_RR | MK_VM_AR | MK_VM_RK | MK_VM_AK,
    MK_VM_FORMS_CHECKED = MK_VM_RR,
    MK_VM_FORMS_FLOAT = MK_VM_RR | MK_VM_TWINS MK_VM_LARGE(| MK_VM_AR | MK_VM_RA),
    MK_VM_FORMS_FLOAT_COMPARE = MK_VM_RR MK_VM_LARGE(| MK_VM_AR),
    MK_VM_FORMS_UNARY = MK_VM_R MK_VM_LARGE(| MK_VM_A),
    MK_VM_FORMS_RARE = MK_VM_R,
    /* Those with two take the sum of both for the address, and no offset. */
    MK_VM_FORMS_LOAD = MK_VM_R | MK_VM_A | MK_VM_TWINS MK_VM_LARGE(| MK_VM_RR | MK_VM_AR | MK_VM_RK | MK_VM_AK | MK_VM_K),
    MK_VM_FORMS_STORE = MK_VM_RR | MK_VM_AR | MK_VM_RA MK_VM_LARGE(| MK_VM_RK | MK_VM_AK | MK_VM_KR | MK_VM_KA | MK_VM_SR |
                                                                  MK_VM_SA | MK_VM_SK),
    MK_VM_FORMS_STORE_FLOAT = 0 MK_VM_LARGE(| MK_VM_RA | MK_VM_KA | MK_VM_AA | MK_VM_SA),
};

#define MK_VM_OP_TWINS(X, id, name, layout) X(id, name, layout) MK_VM_LARGE(X(id##_R, name, layout ">"))
#define MK_VM_OP_COMMUTE(X, id, name, ...)                                                              \
    MK_VM_OP_TWINS(X, id##_RR, name, "rr") MK_VM_OP_TWINS(X, id##_AR, name, "ar")                       \
    MK_VM_OP_TWINS(X, id##_RK, name, "rk") MK_VM_OP_TWINS(X, id##_AK, name, "ak")
#define MK_VM_OP_ORDERED(X, id, name, ...)                                                              \
    MK_VM_OP_TWINS(X, id##_RR, name, "rr") MK_VM_OP_TWINS(X, id##_AR, name, "ar")                       \
    MK_VM_LARGE(MK_VM_OP_TWINS(X, id##_RA, name, "ra"))                                                 \
    MK_VM_OP_TWINS(X, id##_RK, name, "rk") MK_VM_OP_TWINS(X, id##_AK, name, "ak")
#define MK_VM_OP_COMPARE(X, id, name, ...)                                                              \
    X(id##_RR, name, "rr") X(id##_AR, name, "ar") X(id##_RK, name, "rk") X(id##_AK, name, "ak")
#define MK_VM_OP_BRANCH(X, id, name, ...)                                                               \
    X(BR_##id##_RR, "br_if " name, "rrb") X(BR_##id##_AR, "br_if " name, "arb")                         \
    X(BR_##id##_RK, "br_if " name, "rkb") X(BR_##id##_AK, "br_if " name, "akb")
#define MK_VM_OP_CHECKED(X, id, name, ...) X(id##_RR, name, "rr")
#define MK_VM_OP_FLOAT(X, id, name, ...)                                                                \
    MK_VM_OP_TWINS(X, id##_RR, name, "rr")                                                              \
    MK_VM_LARGE(MK_VM_OP_TWINS(X, id##_AR, name, "ar") MK_VM_OP_TWINS(X, id##_RA, name, "ra"))
#define MK_VM_OP_FLOAT_COMPARE(X, id, name, ...) X(id##_RR, name, "rr") MK_VM_LARGE(X(id##_AR, name, "ar"))
#define MK_VM_OP_UNARY(X, id, name, ...) X(id##_R, name, "r") MK_VM_LARGE(X(id##_A, name, "a"))
#define MK_VM_OP_RARE(X, id, name, ...) X(id##_R, name, "r")
#define MK_VM_OP_LOAD(X, id, name, ...)                                                                 \
    MK_VM_LARGE(MK_VM_OP_TWINS(X, id##_RR, name, "rr") MK_VM_OP_TWINS(X, id##_AR, name, "ar")           \
                MK_VM_OP_TWINS(X, id##_RK, name, "rk") MK_VM_OP_TWINS(X, id##_AK, name, "ak"))          \
    MK_VM_OP_TWINS(X, id##_R, name, "ro") MK_VM_OP_TWINS(X, id##_A, name, "ao")                         \
    MK_VM_LARGE(MK_VM_OP_TWINS(X, id##_K, name, "o"))
#define MK_VM_OP_STORE(X, id, name, ...)                                                                \
    X(id##_RR, name, "rro") X(id##_AR, name, "aro") X(id##_RA, name, "rao")                             \
    MK_VM_LARGE(X(id##_RK, name, "rko") X(id##_AK, name, "ako")                                         \
                X(id##_KR, name, "ro") X(id##_KA, name, "ao")                                           \
                X(id##_SR, name, "rkr") X(id##_SA, name, "rka") X(id##_SK, name, "rkk"))
#define MK_VM_OP_STORE_FLOAT(X, id, name, ...)                                                          \
    X(id##_RA, name, "rao") X(id##_KA, name, "ao") X(id##_AA, name, "aao") X(id##_SA, name, "rka")
#define MK_VM_OP_PAIR(X, id, name, ...)                                                                 \
    MK_VM_OP_TWINS(X, PAIR_##id##_RR_R, name, "rrr") MK_VM_OP_TWINS(X, PAIR_##id##_RR_K, name, "rrk")   \
    MK_VM_OP_TWINS(X, PAIR_##id##_AR_R, name, "arr") MK_VM_OP_TWINS(X, PAIR_##id##_AR_K, name, "ark")   \
    MK_VM_OP_TWINS(X, PAIR_##id##_RK_R, name, "rkr") MK_VM_OP_TWINS(X, PAIR_##id##_RK_K, name, "rkk")   \
    MK_VM_OP_TWINS(X, PAIR_##id##_AK_R, name, "akr") MK_VM_OP_TWINS(X, PAIR_##id##_AK_K, name, "akk")

#define MK_VM_OPS(X)                                                        \
    MK_VM_COMPARE(MK_VM_OP_COMPARE, X) /* first, for their numbers */       \
    MK_VM_LARGE(MK_VM_COMPARE(MK_VM_OP_BRANCH, X))                          \
    MK_VM_COMMUTE(MK_VM_OP_COMMUTE, X)                                      \
    MK_VM_MIRRORED(MK_VM_OP_COMMUTE, X)                                     \
    MK_VM_ORDERED(MK_VM_OP_ORDERED, X)                                      \
    MK_VM_LARGE(MK_VM_PAIRS(MK_VM_OP_PAIR, X))                                          \
    MK_VM_CHECKED(MK_VM_OP_CHECKED, X)                                      \
    MK_VM_FLOAT(MK_VM_OP_FLOAT, X)                                          \
    MK_VM_FLOAT_COMPARE(MK_VM_OP_FLOAT_COMPARE, X)                          \
    MK_VM_FLOAT_RARE(MK_VM_OP_CHECKED, X)                                   \
    MK_VM_UNARY(MK_VM_OP_UNARY, X)                                          \
    MK_VM_UNARY_RARE(MK_VM_OP_RARE, X)                                      \
    MK_VM_UNARY_CHECKED(MK_VM_OP_RARE, X)                                   \
    MK_VM_LOAD(MK_VM_OP_LOAD, X)                                            \
    MK_VM_STORE(MK_VM_OP_STORE, X)                                          \
    MK_VM_LARGE(MK_VM_STORE_FLOAT(MK_VM_OP_STORE_FLOAT, X))                 \
    MK_VM_OTHERS(X)
/* clang-format on */

enum mk_vm_op {
#define MK_VM_OP_ENUM(id, name, layout) MK_VM_OP_##id,
    MK_VM_OPS(MK_VM_OP_ENUM)
#undef MK_VM_OP_ENUM
    MK_VM_OP_COUNT
};

enum {
    MK_VM_OPPOSITE = 4,
    MK_VM_COMPARISONS = 20 * 4,            /* all below are comparisons            */
    MK_VM_BRANCH_IF = MK_VM_COMPARISONS,   /* more than the number of a comparison */
};
_Static_assert(MK_VM_OP_I32_EQ_RR == 0 && (int)MK_VM_OP_I32_NE_RR == (int)MK_VM_OPPOSITE &&
                   (int)MK_VM_OP_I64_LE_U_AK == MK_VM_COMPARISONS - 1 && MK_VM_BRANCH_IF % 8 == 0,
               "comparisons come first and in pairs");

typedef struct mk_vm_op_facts {
    const char *name;
    char        layout[7];
} mk_vm_op_facts_t;

extern const mk_vm_op_facts_t mk_vm_op_facts[MK_VM_OP_COUNT];

#endif
