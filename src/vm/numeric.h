/* SPDX-License-Identifier: Apache-2.0 */
/* numeric.h -- the arithmetic of WebAssembly where C's differs from it, leaves it open, or forbids it.
 *
 * Integers are unsigned here; what is signed about an instruction is in its name. Every result is the same on every
 * machine: a NaN whose bits the specification leaves open is the canonical one, rounding is done with exact steps only, and
 * nothing asks the rounding mode, sets errno or has undefined behaviour. An instruction that may trap gives the trap
 * and leaves *out alone then. */
#ifndef MK_VM_NUMERIC_H
#define MK_VM_NUMERIC_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "vm/trap.h"

/* --- memory is little-endian, and may be unaligned ------------------------------------------------------------------- */

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define MK_VM_LITTLE(bits, v) __builtin_bswap##bits(v)
#else
#define MK_VM_LITTLE(bits, v) (v)
#endif

/* uint16_t mk_vm_get16(const uint8_t *at); void mk_vm_put16(uint8_t *at, uint16_t v); */
#define MK_VM_ACCESS(bits)                                                                          \
    static inline uint##bits##_t mk_vm_get##bits(const uint8_t *at) {                               \
        uint##bits##_t v;                                                                           \
        memcpy(&v, at, sizeof v);                                                                   \
        return MK_VM_LITTLE(bits, v);                                                               \
    }                                                                                               \
    static inline void mk_vm_put##bits(uint8_t *at, uint##bits##_t v) {                             \
        v = MK_VM_LITTLE(bits, v);                                                                  \
        memcpy(at, &v, sizeof v);                                                                   \
    }
MK_VM_ACCESS(16)
MK_VM_ACCESS(32)
MK_VM_ACCESS(64)
#undef MK_VM_ACCESS
#undef MK_VM_LITTLE

/* --- integers ----------------------------------------------------------------------------------------------------------- */

static inline uint32_t mk_vm_i32_clz(uint32_t a) { return a == 0 ? 32 : (uint32_t)__builtin_clz(a); }
static inline uint32_t mk_vm_i32_ctz(uint32_t a) { return a == 0 ? 32 : (uint32_t)__builtin_ctz(a); }
static inline uint32_t mk_vm_i32_popcnt(uint32_t a) { return (uint32_t)__builtin_popcount(a); }
static inline uint64_t mk_vm_i64_clz(uint64_t a) { return a == 0 ? 64 : (uint64_t)__builtin_clzll(a); }
static inline uint64_t mk_vm_i64_ctz(uint64_t a) { return a == 0 ? 64 : (uint64_t)__builtin_ctzll(a); }
static inline uint64_t mk_vm_i64_popcnt(uint64_t a) { return (uint64_t)__builtin_popcountll(a); }

static inline uint32_t mk_vm_i32_extend8_s(uint32_t a) { return (uint32_t)(int8_t)a; }
static inline uint32_t mk_vm_i32_extend16_s(uint32_t a) { return (uint32_t)(int16_t)a; }
static inline uint64_t mk_vm_i64_extend8_s(uint64_t a) { return (uint64_t)(int8_t)a; }
static inline uint64_t mk_vm_i64_extend16_s(uint64_t a) { return (uint64_t)(int16_t)a; }
static inline uint64_t mk_vm_i64_extend32_s(uint64_t a) { return (uint64_t)(int32_t)a; }
static inline uint64_t mk_vm_i64_extend_i32_s(uint32_t a) { return (uint64_t)(int32_t)a; }

/* uint32_t mk_vm_i32_rotl(uint32_t a, uint32_t n); mk_vm_trap_t mk_vm_i32_div_s(uint32_t a, uint32_t b, uint32_t *out); and
 * so on. The quotient of the least number and -1 has no place; their remainder is 0, although C would trap. */
#define MK_VM_INTEGERS(bits)                                                                                        \
    static inline uint##bits##_t mk_vm_i##bits##_rotl(uint##bits##_t a, uint##bits##_t n) {                         \
        return a << (n & ((bits) - 1)) | a >> (-n & ((bits) - 1));                                                  \
    }                                                                                                               \
    static inline uint##bits##_t mk_vm_i##bits##_rotr(uint##bits##_t a, uint##bits##_t n) {                         \
        return a >> (n & ((bits) - 1)) | a << (-n & ((bits) - 1));                                                  \
    }                                                                                                               \
    static inline mk_vm_trap_t mk_vm_i##bits##_div_s(uint##bits##_t a, uint##bits##_t b, uint##bits##_t *out) {     \
        if (b == 0) return MK_VM_TRAP_DIVIDE_BY_ZERO;                                                               \
        if (a == (uint##bits##_t)1 << ((bits) - 1) && b == UINT##bits##_MAX) return MK_VM_TRAP_OVERFLOW;            \
        *out = (uint##bits##_t)((int##bits##_t)a / (int##bits##_t)b);                                               \
        return MK_VM_TRAP_NONE;                                                                                     \
    }                                                                                                               \
    static inline mk_vm_trap_t mk_vm_i##bits##_div_u(uint##bits##_t a, uint##bits##_t b, uint##bits##_t *out) {     \
        if (b == 0) return MK_VM_TRAP_DIVIDE_BY_ZERO;                                                               \
        *out = a / b;                                                                                               \
        return MK_VM_TRAP_NONE;                                                                                     \
    }                                                                                                               \
    static inline mk_vm_trap_t mk_vm_i##bits##_rem_s(uint##bits##_t a, uint##bits##_t b, uint##bits##_t *out) {     \
        if (b == 0) return MK_VM_TRAP_DIVIDE_BY_ZERO;                                                               \
        *out = b == UINT##bits##_MAX ? 0 : (uint##bits##_t)((int##bits##_t)a % (int##bits##_t)b);                   \
        return MK_VM_TRAP_NONE;                                                                                     \
    }                                                                                                               \
    static inline mk_vm_trap_t mk_vm_i##bits##_rem_u(uint##bits##_t a, uint##bits##_t b, uint##bits##_t *out) {     \
        if (b == 0) return MK_VM_TRAP_DIVIDE_BY_ZERO;                                                               \
        *out = a % b;                                                                                               \
        return MK_VM_TRAP_NONE;                                                                                     \
    }
MK_VM_INTEGERS(32)
MK_VM_INTEGERS(64)
#undef MK_VM_INTEGERS

/* --- floats --------------------------------------------------------------------------------------------------------------- */

#define MK_VM_F32_NAN 0x7FC00000u
#define MK_VM_F64_NAN 0x7FF8000000000000u

/* For f32 and f64: uint32_t mk_vm_f32_bits(float x); float mk_vm_f32_from_bits(uint32_t bits);
 * float mk_vm_f32_canonical(float x), which any operation's result must pass but those of abs, neg and copysign;
 * float mk_vm_f32_min(float a, float b); float mk_vm_f32_sqrt(float x); and so on.
 *
 * `whole` is the first number above which there are no fractions. Below it a number fits the integer `int_t`, so cutting
 * off its fraction is two conversions and the sign, which zero would lose. The other roundings are corrections of that by
 * one, and exact. Zeros of either sign are equal, hence the bits in min and max. sqrt gets no negative number, so that
 * a libm has no error to report. */
#define MK_VM_FLOATS(bits, float_t, int_t, whole, sqrt_fn)                                                          \
    static inline uint##bits##_t mk_vm_f##bits##_bits(float_t x) {                                                  \
        uint##bits##_t b;                                                                                           \
        memcpy(&b, &x, sizeof b);                                                                                   \
        return b;                                                                                                   \
    }                                                                                                               \
    static inline float_t mk_vm_f##bits##_from_bits(uint##bits##_t b) {                                             \
        float_t x;                                                                                                  \
        memcpy(&x, &b, sizeof x);                                                                                   \
        return x;                                                                                                   \
    }                                                                                                               \
    static inline float_t mk_vm_f##bits##_nan(void) { return mk_vm_f##bits##_from_bits(MK_VM_F##bits##_NAN); }      \
    static inline float_t mk_vm_f##bits##_canonical(float_t x) { return x == x ? x : mk_vm_f##bits##_nan(); }       \
    static inline float_t mk_vm_f##bits##_neg(float_t x) {                                                          \
        return mk_vm_f##bits##_from_bits(mk_vm_f##bits##_bits(x) ^ (uint##bits##_t)1 << ((bits) - 1));              \
    }                                                                                                               \
    static inline float_t mk_vm_f##bits##_abs(float_t x) {                                                          \
        return mk_vm_f##bits##_from_bits(mk_vm_f##bits##_bits(x) & ~((uint##bits##_t)1 << ((bits) - 1)));           \
    }                                                                                                               \
    static inline float_t mk_vm_f##bits##_copysign(float_t x, float_t sign) {                                       \
        uint##bits##_t mask = (uint##bits##_t)1 << ((bits) - 1);                                                    \
        return mk_vm_f##bits##_from_bits((mk_vm_f##bits##_bits(x) & ~mask) | (mk_vm_f##bits##_bits(sign) & mask));  \
    }                                                                                                               \
    static inline float_t mk_vm_f##bits##_min(float_t a, float_t b) {                                               \
        if (a < b) return a;                                                                                        \
        if (b < a) return b;                                                                                        \
        if (a != b) return mk_vm_f##bits##_nan();                                                                   \
        return mk_vm_f##bits##_from_bits(mk_vm_f##bits##_bits(a) | mk_vm_f##bits##_bits(b));                        \
    }                                                                                                               \
    static inline float_t mk_vm_f##bits##_max(float_t a, float_t b) {                                               \
        if (a > b) return a;                                                                                        \
        if (b > a) return b;                                                                                        \
        if (a != b) return mk_vm_f##bits##_nan();                                                                   \
        return mk_vm_f##bits##_from_bits(mk_vm_f##bits##_bits(a) & mk_vm_f##bits##_bits(b));                        \
    }                                                                                                               \
    static inline float_t mk_vm_f##bits##_trunc(float_t x) {                                                        \
        if (!(mk_vm_f##bits##_abs(x) < (whole))) return mk_vm_f##bits##_canonical(x);                               \
        return mk_vm_f##bits##_copysign((float_t)(int_t)x, x);                                                      \
    }                                                                                                               \
    static inline float_t mk_vm_f##bits##_ceil(float_t x) {                                                         \
        float_t cut = mk_vm_f##bits##_trunc(x);                                                                     \
        return cut < x ? cut + 1 : cut;                                                                             \
    }                                                                                                               \
    static inline float_t mk_vm_f##bits##_floor(float_t x) {                                                        \
        float_t cut = mk_vm_f##bits##_trunc(x);                                                                     \
        return cut > x ? cut - 1 : cut;                                                                             \
    }                                                                                                               \
    static inline float_t mk_vm_f##bits##_nearest(float_t x) {                                                      \
        if (!(mk_vm_f##bits##_abs(x) < (whole))) return mk_vm_f##bits##_canonical(x);                               \
        float_t cut = mk_vm_f##bits##_trunc(x), rest = mk_vm_f##bits##_abs(x - cut);                                \
        bool    away = rest > (float_t)0.5 || (rest == (float_t)0.5 && ((int_t)cut & 1) != 0);                      \
        return away ? cut + mk_vm_f##bits##_copysign(1, x) : cut;                                                   \
    }                                                                                                               \
    static inline float_t mk_vm_f##bits##_sqrt(float_t x) { return x >= 0 ? sqrt_fn(x) : mk_vm_f##bits##_nan(); }
MK_VM_FLOATS(32, float, int32_t, 8388608.0f, __builtin_sqrtf)
MK_VM_FLOATS(64, double, int64_t, 4503599627370496.0, __builtin_sqrt)
#undef MK_VM_FLOATS

/* --- conversions ------------------------------------------------------------------------------------------------------------ */

/* mk_vm_trap_t mk_vm_i32_trunc_f32_s(float x, uint32_t *out); uint32_t mk_vm_i32_trunc_sat_f32_s(float x); and so on.
 * `fits_above(x)` and `fits_below(x)` say that the number, its fraction cut off, is not too small and not too large. The
 * limits are numbers that the float type has: some ends of the range are not. */
#define MK_VM_TRUNC(ibits, fbits, sign, float_t, int_t, least, most, fits_above, fits_below)                        \
    static inline mk_vm_trap_t mk_vm_i##ibits##_trunc_f##fbits##_##sign(float_t x, uint##ibits##_t *out) {          \
        if (x != x) return MK_VM_TRAP_CONVERSION;                                                                   \
        if (!(x fits_above) || !(x fits_below)) return MK_VM_TRAP_OVERFLOW;                                         \
        *out = (uint##ibits##_t)(int_t)x;                                                                           \
        return MK_VM_TRAP_NONE;                                                                                     \
    }                                                                                                               \
    static inline uint##ibits##_t mk_vm_i##ibits##_trunc_sat_f##fbits##_##sign(float_t x) {                         \
        if (x != x) return 0;                                                                                       \
        if (!(x fits_above)) return (uint##ibits##_t)(least);                                                       \
        if (!(x fits_below)) return (uint##ibits##_t)(most);                                                        \
        return (uint##ibits##_t)(int_t)x;                                                                           \
    }
MK_VM_TRUNC(32, 32, s, float,  int32_t,  INT32_MIN, INT32_MAX,  >= -2147483648.0f,          < 2147483648.0f)
MK_VM_TRUNC(32, 32, u, float,  uint32_t, 0,         UINT32_MAX, > -1.0f,                    < 4294967296.0f)
MK_VM_TRUNC(32, 64, s, double, int32_t,  INT32_MIN, INT32_MAX,  > -2147483649.0,            < 2147483648.0)
MK_VM_TRUNC(32, 64, u, double, uint32_t, 0,         UINT32_MAX, > -1.0,                     < 4294967296.0)
MK_VM_TRUNC(64, 32, s, float,  int64_t,  INT64_MIN, INT64_MAX,  >= -9223372036854775808.0f, < 9223372036854775808.0f)
MK_VM_TRUNC(64, 32, u, float,  uint64_t, 0,         UINT64_MAX, > -1.0f,                    < 18446744073709551616.0f)
MK_VM_TRUNC(64, 64, s, double, int64_t,  INT64_MIN, INT64_MAX,  >= -9223372036854775808.0,  < 9223372036854775808.0)
MK_VM_TRUNC(64, 64, u, double, uint64_t, 0,         UINT64_MAX, > -1.0,                     < 18446744073709551616.0)
#undef MK_VM_TRUNC

static inline float  mk_vm_f32_convert_i32_s(uint32_t a) { return (float)(int32_t)a; }
static inline float  mk_vm_f32_convert_i32_u(uint32_t a) { return (float)a; }
static inline float  mk_vm_f32_convert_i64_s(uint64_t a) { return (float)(int64_t)a; }
static inline float  mk_vm_f32_convert_i64_u(uint64_t a) { return (float)a; }
static inline double mk_vm_f64_convert_i32_s(uint32_t a) { return (double)(int32_t)a; }
static inline double mk_vm_f64_convert_i32_u(uint32_t a) { return (double)a; }
static inline double mk_vm_f64_convert_i64_s(uint64_t a) { return (double)(int64_t)a; }
static inline double mk_vm_f64_convert_i64_u(uint64_t a) { return (double)a; }

static inline float  mk_vm_f32_demote_f64(double x) { return x == x ? (float)x : mk_vm_f32_nan(); }
static inline double mk_vm_f64_promote_f32(float x) { return x == x ? (double)x : mk_vm_f64_nan(); }

#endif
