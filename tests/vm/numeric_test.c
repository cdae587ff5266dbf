/* SPDX-License-Identifier: Apache-2.0 */
/* numeric_test.c -- the edges of each instruction's range by hand, what is between them against the C library, and the
 * same results on every machine. The public tests of the language repeat the edges through the whole engine. */
#include "vm/numeric.h"

#include "rig/random.h"
#include "rig/rig.h"

#include <math.h>

#define F32(bits) mk_vm_f32_from_bits(bits)
#define F64(bits) mk_vm_f64_from_bits(bits)

/* Bits that a NaN may carry, quiet or not: no result may show them. */
static const uint32_t nans32[] = {0x7FC00000, 0xFFC00000, 0x7F800001, 0xFFFFFFFF, 0x7FA00000};
static const uint64_t nans64[] = {0x7FF8000000000000, 0xFFF8000000000000, 0x7FF0000000000001, 0xFFFFFFFFFFFFFFFF};

#define EACH(i, list)   (unsigned i = 0; i < sizeof(list) / sizeof *(list); i++)

#define CHECK_F32(x, y) CHECK_EQ(mk_vm_f32_bits(x), mk_vm_f32_bits(y))
#define CHECK_F64(x, y) CHECK_EQ(mk_vm_f64_bits(x), mk_vm_f64_bits(y))

TEST(bits_are_counted_in_zero_too) {
    CHECK_EQ(mk_vm_i32_clz(0), 32);
    CHECK_EQ(mk_vm_i32_ctz(0), 32);
    CHECK_EQ(mk_vm_i32_popcnt(0), 0);
    CHECK_EQ(mk_vm_i64_clz(0), 64);
    CHECK_EQ(mk_vm_i64_ctz(0), 64);
    CHECK_EQ(mk_vm_i64_popcnt(0), 0);
    CHECK_EQ(mk_vm_i32_clz(1), 31);
    CHECK_EQ(mk_vm_i32_ctz(0x80000000), 31);
    CHECK_EQ(mk_vm_i32_popcnt(UINT32_MAX), 32);
    CHECK_EQ(mk_vm_i64_clz(1), 63);
    CHECK_EQ(mk_vm_i64_ctz(0x8000000000000000), 63);
    CHECK_EQ(mk_vm_i64_popcnt(UINT64_MAX), 64);
    CHECK_EQ(mk_vm_i64_clz(0x00000001FFFFFFFF), 31);
    CHECK_EQ(mk_vm_i64_ctz(0xFFFFFFFE00000000), 33);
}

TEST(rotation_counts_modulo_the_width) {
    CHECK_EQ(mk_vm_i32_rotl(0xABCD9876, 1), 0x579B30ED);
    CHECK_EQ(mk_vm_i32_rotl(0xABCD9876, 0), 0xABCD9876);
    CHECK_EQ(mk_vm_i32_rotl(0xABCD9876, 32), 0xABCD9876);
    CHECK_EQ(mk_vm_i32_rotl(0xB0C1D2E3, 0xFF05), 0x183A5C76);
    CHECK_EQ(mk_vm_i32_rotr(1, 1), 0x80000000);
    CHECK_EQ(mk_vm_i32_rotr(0xB0C1D2E3, 0xFF05), 0x1D860E97);
    CHECK_EQ(mk_vm_i64_rotl(0xABCD987602468ACE, 1), 0x579B30EC048D159D);
    CHECK_EQ(mk_vm_i64_rotl(0xABCD987602468ACE, 64), 0xABCD987602468ACE);
    CHECK_EQ(mk_vm_i64_rotr(1, 1), 0x8000000000000000);
    CHECK_EQ(mk_vm_i64_rotr(0xABCD987602468ACE, 0x1000000000000040), 0xABCD987602468ACE);
}

TEST(signs_are_extended) {
    CHECK_EQ(mk_vm_i32_extend8_s(0x12345680), 0xFFFFFF80);
    CHECK_EQ(mk_vm_i32_extend8_s(0xFFFFFF7F), 0x7F);
    CHECK_EQ(mk_vm_i32_extend16_s(0x12348000), 0xFFFF8000);
    CHECK_EQ(mk_vm_i64_extend8_s(0x0123456789ABCD80), 0xFFFFFFFFFFFFFF80);
    CHECK_EQ(mk_vm_i64_extend16_s(0x0123456789AB8000), 0xFFFFFFFFFFFF8000);
    CHECK_EQ(mk_vm_i64_extend32_s(0x0123456780000000), 0xFFFFFFFF80000000);
    CHECK_EQ(mk_vm_i64_extend32_s(0xFFFFFFFF7FFFFFFF), 0x7FFFFFFF);
    CHECK_EQ(mk_vm_i64_extend_i32_s(0x80000000), 0xFFFFFFFF80000000);
}

#define DIVIDES(op, type, a, b, want)              \
    do {                                           \
        type out = 77;                             \
        CHECK_EQ(op(a, b, &out), MK_VM_TRAP_NONE); \
        CHECK_EQ(out, want);                       \
    } while (0)

#define DIVISION_TRAPS(op, type, a, b, trap)         \
    do {                                             \
        type out = 77;                               \
        CHECK_EQ(op(a, b, &out), MK_VM_TRAP_##trap); \
        CHECK_EQ(out, 77);                           \
    } while (0)

TEST(division_cuts_towards_zero) {
    DIVIDES(mk_vm_i32_div_s, uint32_t, (uint32_t)-7, 2, (uint32_t)-3);
    DIVIDES(mk_vm_i32_div_s, uint32_t, 0x80000000, 2, 0xC0000000);
    DIVIDES(mk_vm_i32_div_u, uint32_t, (uint32_t)-7, 2, 0x7FFFFFFC);
    DIVIDES(mk_vm_i32_div_u, uint32_t, 0x80000000, UINT32_MAX, 0);
    DIVIDES(mk_vm_i32_rem_s, uint32_t, (uint32_t)-7, 2, (uint32_t)-1);
    DIVIDES(mk_vm_i32_rem_s, uint32_t, 7, (uint32_t)-2, 1);
    DIVIDES(mk_vm_i32_rem_u, uint32_t, (uint32_t)-7, 10, 9);
    DIVIDES(mk_vm_i64_div_s, uint64_t, (uint64_t)-7, 2, (uint64_t)-3);
    DIVIDES(mk_vm_i64_div_u, uint64_t, (uint64_t)-7, 2, 0x7FFFFFFFFFFFFFFC);
    DIVIDES(mk_vm_i64_rem_s, uint64_t, (uint64_t)-7, 2, (uint64_t)-1);
    DIVIDES(mk_vm_i64_rem_u, uint64_t, (uint64_t)-7, 10, 9);
}

TEST(division_traps_where_there_is_no_quotient) {
    DIVISION_TRAPS(mk_vm_i32_div_s, uint32_t, 1, 0, DIVIDE_BY_ZERO);
    DIVISION_TRAPS(mk_vm_i32_div_u, uint32_t, 1, 0, DIVIDE_BY_ZERO);
    DIVISION_TRAPS(mk_vm_i32_rem_s, uint32_t, 1, 0, DIVIDE_BY_ZERO);
    DIVISION_TRAPS(mk_vm_i32_rem_u, uint32_t, 1, 0, DIVIDE_BY_ZERO);
    DIVISION_TRAPS(mk_vm_i32_div_s, uint32_t, 0x80000000, UINT32_MAX, OVERFLOW);
    DIVIDES(mk_vm_i32_rem_s, uint32_t, 0x80000000, UINT32_MAX, 0);
    DIVISION_TRAPS(mk_vm_i64_div_s, uint64_t, 1, 0, DIVIDE_BY_ZERO);
    DIVISION_TRAPS(mk_vm_i64_div_u, uint64_t, 1, 0, DIVIDE_BY_ZERO);
    DIVISION_TRAPS(mk_vm_i64_rem_s, uint64_t, 1, 0, DIVIDE_BY_ZERO);
    DIVISION_TRAPS(mk_vm_i64_rem_u, uint64_t, 1, 0, DIVIDE_BY_ZERO);
    DIVISION_TRAPS(mk_vm_i64_div_s, uint64_t, 0x8000000000000000, UINT64_MAX, OVERFLOW);
    DIVIDES(mk_vm_i64_rem_s, uint64_t, 0x8000000000000000, UINT64_MAX, 0);
    DIVIDES(mk_vm_i64_div_s, uint64_t, 0x80000000, UINT64_MAX, 0xFFFFFFFF80000000);
}

TEST(signs_of_floats_are_bits) {
    for
        EACH(i, nans32) {
            CHECK_EQ(mk_vm_f32_bits(mk_vm_f32_abs(F32(nans32[i]))), nans32[i] & 0x7FFFFFFF);
            CHECK_EQ(mk_vm_f32_bits(mk_vm_f32_neg(F32(nans32[i]))), nans32[i] ^ 0x80000000);
            CHECK_EQ(mk_vm_f32_bits(mk_vm_f32_copysign(F32(nans32[i]), -0.0f)), nans32[i] | 0x80000000);
        }
    for
        EACH(i, nans64) {
            CHECK_EQ(mk_vm_f64_bits(mk_vm_f64_abs(F64(nans64[i]))), nans64[i] & 0x7FFFFFFFFFFFFFFF);
            CHECK_EQ(mk_vm_f64_bits(mk_vm_f64_neg(F64(nans64[i]))), nans64[i] ^ 0x8000000000000000);
            CHECK_EQ(mk_vm_f64_bits(mk_vm_f64_copysign(F64(nans64[i]), -0.0)), nans64[i] | 0x8000000000000000);
        }
    CHECK_F32(mk_vm_f32_neg(0.0f), -0.0f);
    CHECK_F64(mk_vm_f64_copysign(-3.0, F64(nans64[0])), 3.0);
}

TEST(no_operation_lets_the_bits_of_a_nan_through) {
    for
        EACH(i, nans32) {
            float x = F32(nans32[i]);
            float all[] = {mk_vm_f32_canonical(x), mk_vm_f32_min(x, 1), mk_vm_f32_min(1, x),
                           mk_vm_f32_max(x, 1),    mk_vm_f32_max(1, x), mk_vm_f32_ceil(x),
                           mk_vm_f32_floor(x),     mk_vm_f32_trunc(x),  mk_vm_f32_nearest(x),
                           mk_vm_f32_sqrt(x),      mk_vm_f32_sqrt(-1),  mk_vm_f32_demote_f64((double)NAN)};
        for
            EACH(n, all) CHECK_EQ(mk_vm_f32_bits(all[n]), MK_VM_F32_NAN);
        CHECK_EQ(mk_vm_f64_bits(mk_vm_f64_promote_f32(x)), MK_VM_F64_NAN);
        }
    for
        EACH(i, nans64) {
            double x = F64(nans64[i]);
            double all[] = {mk_vm_f64_canonical(x), mk_vm_f64_min(x, 1), mk_vm_f64_min(1, x), mk_vm_f64_max(x, 1),
                            mk_vm_f64_max(1, x),    mk_vm_f64_ceil(x),   mk_vm_f64_floor(x),  mk_vm_f64_trunc(x),
                            mk_vm_f64_nearest(x),   mk_vm_f64_sqrt(x),   mk_vm_f64_sqrt(-1)};
        for
            EACH(n, all) CHECK_EQ(mk_vm_f64_bits(all[n]), MK_VM_F64_NAN);
        CHECK_EQ(mk_vm_f32_bits(mk_vm_f32_demote_f64(x)), MK_VM_F32_NAN);
        }
    CHECK_F64(mk_vm_f64_canonical(-0.0), -0.0);
}

TEST(minus_zero_is_less_than_zero) {
    CHECK_F32(mk_vm_f32_min(0.0f, -0.0f), -0.0f);
    CHECK_F32(mk_vm_f32_min(-0.0f, 0.0f), -0.0f);
    CHECK_F32(mk_vm_f32_max(0.0f, -0.0f), 0.0f);
    CHECK_F32(mk_vm_f32_max(-0.0f, 0.0f), 0.0f);
    CHECK_F32(mk_vm_f32_max(-0.0f, -0.0f), -0.0f);
    CHECK_F64(mk_vm_f64_min(0.0, -0.0), -0.0);
    CHECK_F64(mk_vm_f64_max(-0.0, 0.0), 0.0);
    CHECK_F64(mk_vm_f64_min(-2.0, -1.0), -2.0);
    CHECK_F64(mk_vm_f64_max(-2.0, -1.0), -1.0);
    CHECK_F64(mk_vm_f64_min((double)INFINITY, (double)-INFINITY), (double)-INFINITY);
    CHECK_F64(mk_vm_f64_max(2.0, 2.0), 2.0);
}

TEST(rounding_keeps_the_sign_of_a_zero) {
    CHECK_F32(mk_vm_f32_ceil(-0.5f), -0.0f);
    CHECK_F32(mk_vm_f32_floor(0.5f), 0.0f);
    CHECK_F32(mk_vm_f32_trunc(-0.9f), -0.0f);
    CHECK_F32(mk_vm_f32_nearest(-0.5f), -0.0f);
    CHECK_F32(mk_vm_f32_sqrt(-0.0f), -0.0f);
    CHECK_F64(mk_vm_f64_ceil(-0.5), -0.0);
    CHECK_F64(mk_vm_f64_floor(-0.0), -0.0);
    CHECK_F64(mk_vm_f64_trunc(-0.9), -0.0);
    CHECK_F64(mk_vm_f64_nearest(-0.5), -0.0);
    CHECK_F64(mk_vm_f64_sqrt(-0.0), -0.0);
}

TEST(halves_go_to_the_even_neighbour) {
    CHECK_F32(mk_vm_f32_nearest(0.5f), 0.0f);
    CHECK_F32(mk_vm_f32_nearest(1.5f), 2.0f);
    CHECK_F32(mk_vm_f32_nearest(2.5f), 2.0f);
    CHECK_F32(mk_vm_f32_nearest(-1.5f), -2.0f);
    CHECK_F32(mk_vm_f32_nearest(0x1.fffffep-2f), 0.0f); /* a half but for its last bit */
    CHECK_F32(mk_vm_f32_nearest(8388607.5f), 8388608.0f);
    CHECK_F32(mk_vm_f32_nearest(-8388609.0f), -8388609.0f);
    CHECK_F64(mk_vm_f64_nearest(0.5), 0.0);
    CHECK_F64(mk_vm_f64_nearest(3.5), 4.0);
    CHECK_F64(mk_vm_f64_nearest(-4.5), -4.0);
    CHECK_F64(mk_vm_f64_nearest(0x1.fffffffffffffp-2), 0.0);
    CHECK_F64(mk_vm_f64_nearest(4503599627370495.5), 4503599627370496.0);
}

#define CONVERTS(name, type, x, want)                     \
    do {                                                  \
        type got = 77;                                    \
        CHECK_EQ(mk_vm_##name(x, &got), MK_VM_TRAP_NONE); \
        CHECK_EQ(got, (type)(want));                      \
    } while (0)

/* In range at both ends, out of it one step further, and what saturation makes of that. */
#define TRUNCATES(type, int_fn, sat_fn, lo, below, lo_int, hi, above, hi_int) \
    do {                                                                      \
        type out = 77;                                                        \
        CONVERTS(int_fn, type, lo, lo_int);                                   \
        CONVERTS(int_fn, type, hi, hi_int);                                   \
        CHECK_EQ(mk_vm_##int_fn(below, &out), MK_VM_TRAP_OVERFLOW);           \
        CHECK_EQ(mk_vm_##int_fn(above, &out), MK_VM_TRAP_OVERFLOW);           \
        CHECK_EQ(mk_vm_##int_fn(NAN, &out), MK_VM_TRAP_CONVERSION);           \
        CHECK_EQ(mk_vm_##int_fn(INFINITY, &out), MK_VM_TRAP_OVERFLOW);        \
        CHECK_EQ(mk_vm_##int_fn(-INFINITY, &out), MK_VM_TRAP_OVERFLOW);       \
        CHECK_EQ(out, 77);                                                    \
        CHECK_EQ(mk_vm_##sat_fn(lo), (type)(lo_int));                         \
        CHECK_EQ(mk_vm_##sat_fn(hi), (type)(hi_int));                         \
        CHECK_EQ(mk_vm_##sat_fn(NAN), 0);                                     \
    } while (0)

#define SATURATES(sat_fn, type, least, most, below, above)  \
    do {                                                    \
        CHECK_EQ(mk_vm_##sat_fn(below), (type)(least));     \
        CHECK_EQ(mk_vm_##sat_fn(above), (type)(most));      \
        CHECK_EQ(mk_vm_##sat_fn(-INFINITY), (type)(least)); \
        CHECK_EQ(mk_vm_##sat_fn(INFINITY), (type)(most));   \
    } while (0)

TEST(truncation_to_32_bits_knows_the_ends_of_the_range) {
    TRUNCATES(uint32_t, i32_trunc_f32_s, i32_trunc_sat_f32_s, -2147483648.0f, -2147483904.0f, INT32_MIN, 2147483520.0f,
              2147483648.0f, 2147483520);
    SATURATES(i32_trunc_sat_f32_s, uint32_t, INT32_MIN, INT32_MAX, -2147483904.0f, 2147483648.0f);
    TRUNCATES(uint32_t, i32_trunc_f32_u, i32_trunc_sat_f32_u, -0.99999994f, -1.0f, 0, 4294967040.0f, 4294967296.0f,
              4294967040);
    SATURATES(i32_trunc_sat_f32_u, uint32_t, 0, UINT32_MAX, -1.0f, 4294967296.0f);
    TRUNCATES(uint32_t, i32_trunc_f64_s, i32_trunc_sat_f64_s, -2147483648.9, -2147483649.0, INT32_MIN, 2147483647.9,
              2147483648.0, INT32_MAX);
    SATURATES(i32_trunc_sat_f64_s, uint32_t, INT32_MIN, INT32_MAX, -2147483649.0, 2147483648.0);
    TRUNCATES(uint32_t, i32_trunc_f64_u, i32_trunc_sat_f64_u, -0.9999999999999999, -1.0, 0, 4294967295.9, 4294967296.0,
              UINT32_MAX);
    SATURATES(i32_trunc_sat_f64_u, uint32_t, 0, UINT32_MAX, -1.0, 4294967296.0);
    CONVERTS(i32_trunc_f32_s, uint32_t, -1.9f, -1);
    CONVERTS(i32_trunc_f64_s, uint32_t, 1.9, 1);
}

TEST(truncation_to_64_bits_knows_the_ends_of_the_range) {
    TRUNCATES(uint64_t, i64_trunc_f32_s, i64_trunc_sat_f32_s, -9223372036854775808.0f, -9223373136366403584.0f,
              INT64_MIN, 9223371487098961920.0f, 9223372036854775808.0f, 9223371487098961920);
    SATURATES(i64_trunc_sat_f32_s, uint64_t, INT64_MIN, INT64_MAX, -9223373136366403584.0f, 9223372036854775808.0f);
    TRUNCATES(uint64_t, i64_trunc_f32_u, i64_trunc_sat_f32_u, -0.99999994f, -1.0f, 0, 18446742974197923840.0f,
              18446744073709551616.0f, 18446742974197923840u);
    SATURATES(i64_trunc_sat_f32_u, uint64_t, 0, UINT64_MAX, -1.0f, 18446744073709551616.0f);
    TRUNCATES(uint64_t, i64_trunc_f64_s, i64_trunc_sat_f64_s, -9223372036854775808.0, -9223372036854777856.0, INT64_MIN,
              9223372036854774784.0, 9223372036854775808.0, 9223372036854774784);
    SATURATES(i64_trunc_sat_f64_s, uint64_t, INT64_MIN, INT64_MAX, -9223372036854777856.0, 9223372036854775808.0);
    TRUNCATES(uint64_t, i64_trunc_f64_u, i64_trunc_sat_f64_u, -0.9999999999999999, -1.0, 0, 18446744073709549568.0,
              18446744073709551616.0, 18446744073709549568u);
    SATURATES(i64_trunc_sat_f64_u, uint64_t, 0, UINT64_MAX, -1.0, 18446744073709551616.0);
    CONVERTS(i64_trunc_f64_u, uint64_t, 9223372036854775808.0, 9223372036854775808u);
    CONVERTS(i64_trunc_f32_s, uint64_t, -1.9f, -1);
}

TEST(integers_become_the_nearest_float) {
    CHECK_F32(mk_vm_f32_convert_i32_s(UINT32_MAX), -1.0f);
    CHECK_F32(mk_vm_f32_convert_i32_u(UINT32_MAX), 4294967296.0f);
    CHECK_F32(mk_vm_f32_convert_i32_s(16777217), 16777216.0f);
    CHECK_F32(mk_vm_f32_convert_i32_s(16777219), 16777220.0f);
    CHECK_F32(mk_vm_f32_convert_i64_s(UINT64_MAX), -1.0f);
    CHECK_F32(mk_vm_f32_convert_i64_u(UINT64_MAX), 18446744073709551616.0f);
    CHECK_F32(mk_vm_f32_convert_i64_u(0x8000008000000001), 9223373136366403584.0f); /* rounded once, not twice */
    CHECK_F32(mk_vm_f32_convert_i64_u(0x7FFFFFBFFFFFFFFF), 9223371487098961920.0f);
    CHECK_F64(mk_vm_f64_convert_i32_s(0x80000000), -2147483648.0);
    CHECK_F64(mk_vm_f64_convert_i32_u(0x80000000), 2147483648.0);
    CHECK_F64(mk_vm_f64_convert_i64_s(0x8000000000000000), -9223372036854775808.0);
    CHECK_F64(mk_vm_f64_convert_i64_u(0x8000000000000400), 9223372036854775808.0);
    CHECK_F64(mk_vm_f64_convert_i64_u(0x8000000000000401), 9223372036854777856.0);
    CHECK_F64(mk_vm_f64_convert_i64_u(9007199254740993), 9007199254740992.0);
}

TEST(floats_change_width_and_round_once) {
    CHECK_F32(mk_vm_f32_demote_f64(0x1.000001p0), 1.0f);
    CHECK_F32(mk_vm_f32_demote_f64(0x1.0000010000001p0), 0x1.000002p0f);
    CHECK_F32(mk_vm_f32_demote_f64(0x1p-150), 0.0f);
    CHECK_F32(mk_vm_f32_demote_f64(-0x1.8p-150), -0x1p-149f);
    CHECK_F32(mk_vm_f32_demote_f64(0x1.ffffffp127), INFINITY);
    CHECK_F64(mk_vm_f64_promote_f32(0x1p-149f), 0x1p-149);
    CHECK_F64(mk_vm_f64_promote_f32(-0.0f), -0.0);
}

TEST(memory_is_little_endian_at_any_address) {
    uint8_t at[9] = {0};
    mk_vm_put64(at + 1, 0x0807060504030201);
    for (unsigned i = 0; i < 9; i++) CHECK_EQ(at[i], i);
    CHECK_EQ(mk_vm_get16(at + 3), 0x0403);
    CHECK_EQ(mk_vm_get32(at + 3), 0x06050403);
    CHECK_EQ(mk_vm_get64(at + 1), 0x0807060504030201);
    mk_vm_put16(at + 1, 0xBBAA);
    mk_vm_put32(at + 5, 0xFFEEDDCC);
    CHECK_EQ(mk_vm_get64(at + 1), 0xFFEEDDCC0403BBAA);
}

/* --- between the edges ---------------------------------------------------------------------------------------------- */

/* Any bits, but often near the numbers whose fraction has a few bits left, where rounding goes wrong. */
static uint64_t any_bits(rig_random_t *r, unsigned exponent_bits, unsigned bits) {
    uint64_t x = rig_random_next(r);
    if (rig_random_below(r, 2) == 0) return x;
    uint64_t bias = (UINT64_C(1) << (exponent_bits - 1)) - 2;
    unsigned fraction = bits - 1 - exponent_bits;
    uint64_t exponent = bias + rig_random_below(r, fraction + 3);
    uint64_t mask = (UINT64_C(1) << exponent_bits) - 1;
    return (x & ~(mask << fraction)) | exponent << fraction;
}

static void compare_f32(float x) {
    CHECK_F32(mk_vm_f32_trunc(x), truncf(x));
    CHECK_F32(mk_vm_f32_floor(x), floorf(x));
    CHECK_F32(mk_vm_f32_ceil(x), ceilf(x));
    CHECK_F32(mk_vm_f32_nearest(x), nearbyintf(x));
    if (x >= 0) CHECK_F32(mk_vm_f32_sqrt(x), sqrtf(x));
}

static void compare_f64(double x) {
    CHECK_F64(mk_vm_f64_trunc(x), trunc(x));
    CHECK_F64(mk_vm_f64_floor(x), floor(x));
    CHECK_F64(mk_vm_f64_ceil(x), ceil(x));
    CHECK_F64(mk_vm_f64_nearest(x), nearbyint(x));
    if (x >= 0) CHECK_F64(mk_vm_f64_sqrt(x), sqrt(x));
}

TEST(between_the_edges_it_is_what_the_c_library_says) {
#ifdef __PICOLIBC__
    rig_skip("trunc and floor of picolibc 1.8 are wrong for large numbers; the sum below stands in");
#endif
    rig_random_t r = {20221101};
    for (int i = 0; i < 20000; i++) {
        float  x = F32((uint32_t)any_bits(&r, 8, 32));
        double y = F64(any_bits(&r, 11, 64));
        if (x == x) compare_f32(x);
        if (y == y) compare_f64(y);
    }
}

static uint64_t sum;

static void add(uint64_t result) { sum = (sum ^ result) * 0x100000001B3u; }

static void add_floats(uint64_t a, uint64_t b) {
    float  x = F32((uint32_t)a), y = F32((uint32_t)b);
    double v = F64(a), w = F64(b);
    float  narrow[] = {x + y,
                       x - y,
                       x * y,
                       x / y,
                       mk_vm_f32_min(x, y),
                       mk_vm_f32_max(x, y),
                       mk_vm_f32_sqrt(x),
                       mk_vm_f32_nearest(x),
                       mk_vm_f32_demote_f64(v),
                       mk_vm_f32_convert_i64_u(a),
                       mk_vm_f32_convert_i64_s(a),
                       mk_vm_f32_convert_i32_s((uint32_t)a),
                       mk_vm_f32_convert_i32_u((uint32_t)a),
                       mk_vm_f32_trunc(x),
                       mk_vm_f32_floor(x),
                       mk_vm_f32_ceil(x)};
    double wide[] = {v + w,
                     v - w,
                     v * w,
                     v / w,
                     mk_vm_f64_min(v, w),
                     mk_vm_f64_max(v, w),
                     mk_vm_f64_sqrt(v),
                     mk_vm_f64_nearest(v),
                     mk_vm_f64_promote_f32(x),
                     mk_vm_f64_convert_i64_u(a),
                     mk_vm_f64_convert_i64_s(a),
                     mk_vm_f64_trunc(v),
                     mk_vm_f64_floor(v),
                     mk_vm_f64_ceil(v)};
    for
        EACH(i, narrow) add(mk_vm_f32_bits(mk_vm_f32_canonical(narrow[i])));
    for
        EACH(i, wide) add(mk_vm_f64_bits(mk_vm_f64_canonical(wide[i])));
    add(mk_vm_i32_trunc_sat_f32_s(x)), add(mk_vm_i32_trunc_sat_f32_u(x));
    add(mk_vm_i32_trunc_sat_f64_s(v)), add(mk_vm_i32_trunc_sat_f64_u(v));
    add(mk_vm_i64_trunc_sat_f32_s(x)), add(mk_vm_i64_trunc_sat_f32_u(x));
    add(mk_vm_i64_trunc_sat_f64_s(v)), add(mk_vm_i64_trunc_sat_f64_u(v));
}

static void add_integers(uint64_t a, uint64_t b) {
    uint32_t narrow = 0;
    uint64_t wide = 0;
    add(mk_vm_i32_div_s((uint32_t)a, (uint32_t)b, &narrow)), add(narrow);
    add(mk_vm_i32_rem_s((uint32_t)a, (uint32_t)b, &narrow)), add(narrow);
    add(mk_vm_i64_div_s(a, b, &wide)), add(wide);
    add(mk_vm_i64_div_u(a, b, &wide)), add(wide);
    add(mk_vm_i64_rem_s(a, b, &wide)), add(wide);
    add(mk_vm_i64_rem_u(a, b, &wide)), add(wide);
    add(mk_vm_i32_clz((uint32_t)a)), add(mk_vm_i64_ctz(a)), add(mk_vm_i64_popcnt(a));
    add(mk_vm_i64_rotl(a, b)), add(mk_vm_i32_rotr((uint32_t)a, (uint32_t)b));
}

/* The figure was taken on x86-64; a board without a floating point unit must arrive at it too. */
TEST(every_machine_computes_the_same) {
    rig_random_t r = {19700101};
    sum = 0xCBF29CE484222325u;
    for (int i = 0; i < 5000; i++) {
        uint64_t a = any_bits(&r, 11, 64), b = any_bits(&r, 11, 64);
        if (i % 2 == 0) {
            a = any_bits(&r, 8, 32) | a << 32;
            b = any_bits(&r, 8, 32) | b << 32;
        }
        add_floats(a, b);
        add_integers(a, b >> rig_random_below(&r, 63));
    }
    CHECK_EQ(sum, 0x5EFC4F25E3A13F2Cu);
}
