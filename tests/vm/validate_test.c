/* SPDX-License-Identifier: Apache-2.0 */
/* validate_test.c -- typing of function bodies: the texts, the limits, the facts left behind, and the rules that are easily
 * got wrong. The public tests go through all rules one by one. */
#include "vm/validate.h"

#include "rig/oom.h"
#include "rig/rig.h"
#include "wasm/module_build.h"

static char err[MK_VM_ERR_BYTES];

enum { T_PAIR = 6, T_SWAP };

/* Functions 0 (imported, "(i)i") and 1 (the body under test, named "work"), two tables, a memory, two globals, one segment
 * of each kind. */
static module_t with_body(uint8_t type, const uint8_t *body, size_t size) {
    module_t m = module_begin();
    /* clang-format off */
    SECTION(&m, 1, 8, 0x60, 4, I32, I64, I32, I32, 1, I32, 0x60, 0, 0, 0x60, 0, 1, I32, 0x60, 1, I32, 1, I32,
                      0x60, 1, I32, 0, 0x60, 4, I64, I32, I32, I32, 1, I32,
                      0x60, 0, 2, I32, I64, 0x60, 2, I32, I64, 2, I64, I32);
    SECTION(&m, 2, 1, 1, 'm', 1, 'f', 0, T_MAP);
    SECTION(&m, 3, 1, type);
    SECTION(&m, 4, 2, 0x70, 0, 3, 0x6F, 0, 3);
    SECTION(&m, 5, 1, 0, 1);
    SECTION(&m, 6, 2, I32, 1, 0x41, 0, 0x0B, I64, 0, 0x42, 0, 0x0B);
    SECTION(&m, 9, 1, 1, 0, 1, 0);
    SECTION(&m, 12, 1);
    /* clang-format on */
    uint8_t code[1024] = {1, (uint8_t)((size & 0x7F) | 0x80), (uint8_t)(size >> 7)};
    memcpy(code + 3, body, size);
    module_section(&m, 10, code, size + 3);
    SECTION(&m, 11, 1, 1, 1, 'd');
    SECTION(&m, 0, 4, 'n', 'a', 'm', 'e', 1, 7, 1, 1, 4, 'w', 'o', 'r', 'k');
    return m;
}

/* The text with which it is refused, cut before " at byte"; "" if it is not. */
static const char *verdict_within(const module_t *m, const mk_vm_limits_t *limits, mk_err_t want) {
    mk_vm_module_t mod;
    err[0] = '\0';
    mk_err_t result = mk_vm_decode(m->at, m->size, &mk_vm_limits_default, &mod, err, sizeof err);
    if (result != MK_OK) rig_fail(__FILE__, __LINE__, "%s", err);
    result = mk_vm_validate(&mod, limits, err, sizeof err);
    mk_vm_module_fini(&mod);
    if (result != want) rig_fail(__FILE__, __LINE__, "error %d: %s", (int)result, err);
    char *place = strstr(err, " at byte");
    if (place != NULL) *place = '\0';
    return err;
}

static const char *verdict(uint8_t type, const uint8_t *body, size_t size, mk_err_t want) {
    module_t m = with_body(type, body, size);
    return verdict_within(&m, &mk_vm_limits_default, want);
}

/* Bodies begin with no locals and are ended here. */
#define TAKES(type, ...)         CHECK_STR(verdict(type, BYTES(0, __VA_ARGS__, 0x0B), MK_OK), "")
#define REFUSES(text, type, ...) CHECK_STR(verdict(type, BYTES(0, __VA_ARGS__, 0x0B), MK_ERR_FORMAT), text)
#define LACKS(text, type, ...)   CHECK_STR(verdict(type, BYTES(0, __VA_ARGS__, 0x0B), MK_ERR_NOSYS), text)

enum { VOID = 0x40 };

TEST(a_refusal_names_the_place_and_the_function) {
    mk_vm_module_t mod;
    module_t       m = with_body(T_GET, BYTES(0, 0x41, 1, 0x42, 2, 0x6A, 0x0B));
    CHECK_EQ(mk_vm_decode(m.at, m.size, &mk_vm_limits_default, &mod, err, sizeof err), MK_OK);
    uint32_t add = mod.functions[1].code_at + 5;
    char     expected[MK_VM_ERR_BYTES];
    CHECK_EQ(mk_vm_validate(&mod, &mk_vm_limits_default, err, sizeof err), MK_ERR_FORMAT);
    snprintf(expected, sizeof expected,
             "i32.add: i32 expected, i64 found at byte %u in section code, function 1 (work)", (unsigned)add);
    CHECK_STR(err, expected);
    mod.names_at = mod.names_end = 0;
    CHECK_EQ(mk_vm_validate(&mod, &mk_vm_limits_default, err, sizeof err), MK_ERR_FORMAT);
    CHECK_STR(err + strlen(err) - 10, "function 1");
    mk_vm_module_fini(&mod);
}

TEST(a_short_buffer_gets_the_beginning) {
    mk_vm_module_t mod;
    module_t       m = with_body(T_GET, BYTES(0, 0x0B));
    char           text[12];
    CHECK_EQ(mk_vm_decode(m.at, m.size, &mk_vm_limits_default, &mod, text, sizeof text), MK_OK);
    CHECK_EQ(mk_vm_validate(&mod, &mk_vm_limits_default, text, sizeof text), MK_ERR_FORMAT);
    CHECK_STR(text, "end: i32 ex");
    CHECK_EQ(mk_vm_validate(&mod, &mk_vm_limits_default, NULL, 0), MK_ERR_FORMAT);
    mk_vm_module_fini(&mod);
}

TEST(operands_are_of_the_type_and_number_wanted) {
    TAKES(T_MAP, 0x20, 0, 0x41, 1, 0x6A);
    REFUSES("end: i32 expected, nothing found", T_GET, 0x01);
    REFUSES("end: the block leaves 1 operands too many", T_VOID, 0x41, 0);
    REFUSES("i64.eqz: i64 expected, i32 found", T_MAP, 0x20, 0, 0x50);
    REFUSES("drop: an operand expected, none found", T_VOID, 0x1A);
    REFUSES("i32.add: i32 expected, nothing found", T_MAP, 0x20, 0, 0x02, VOID, 0x41, 1, 0x6A, 0x1A, 0x0B);
}

TEST(a_block_gives_what_its_type_says) {
    TAKES(T_PAIR, 0x41, 1, 0x42, 2, 0x02, T_SWAP, 0x1A, 0x1A, 0x42, 3, 0x41, 4, 0x0B, 0x1A, 0x1A, 0x41, 5, 0x42, 6);
    REFUSES("end: an if without else has to leave the types it was given", T_VOID, 0x41, 0, 0x04, I32, 0x41, 1, 0x0B,
            0x1A);
    TAKES(T_MAP, 0x20, 0, 0x41, 0, 0x04, T_MAP, 0x41, 1, 0x6A, 0x0B);
    REFUSES("else: there is no if", T_VOID, 0x02, VOID, 0x05, 0x0B);
    REFUSES("else: i32 expected, nothing found", T_VOID, 0x41, 0, 0x04, I32, 0x05, 0x41, 1, 0x0B, 0x1A);
    REFUSES("unknown type 8", T_VOID, 0x02, 8, 0x0B);
}

TEST(what_follows_a_jump_takes_any_operands) {
    TAKES(T_GET, 0x00, 0x6A);
    TAKES(T_GET, 0x00, 0x42, 1, 0x41, 0, 0x1B, 0xA7);
    REFUSES("i32.add: i32 expected, i64 found", T_GET, 0x00, 0x42, 1, 0x6A);
    REFUSES("end: the block leaves 1 operands too many", T_GET, 0x41, 0, 0x02, VOID, 0x00, 0x41, 0, 0x0B);
    TAKES(T_GET, 0x02, I32, 0x41, 3, 0x0C, 0, 0x1A, 0x0B);
    TAKES(T_VOID, 0x00, 0x1B, 0xD1, 0x1A);
}

TEST(branches_bring_what_their_label_takes) {
    TAKES(T_MAP, 0x20, 0, 0x03, T_MAP, 0x20, 0, 0x0D, 0, 0x0B);
    REFUSES("br: unknown label 2", T_VOID, 0x02, VOID, 0x0C, 2, 0x0B);
    REFUSES("br_if: i32 expected, nothing found", T_GET, 0x02, I32, 0x41, 1, 0x0D, 0, 0x0B);
    TAKES(T_MAP, 0x02, VOID, 0x02, VOID, 0x20, 0, 0x0E, 3, 0, 1, 0, 1, 0x0B, 0x0B, 0x41, 7);
    REFUSES("br_table: its labels take different numbers of operands", T_GET, 0x02, VOID, 0x41, 1, 0x41, 0, 0x0E, 1, 0,
            1, 0x0B, 0x41, 1);
    REFUSES("br_table: unknown label 9", T_VOID, 0x41, 0, 0x0E, 2, 0, 9, 0);
}

TEST(calls_and_tail_calls_are_typed) {
    TAKES(T_MAP, 0x20, 0, 0x10, 0);
    TAKES(T_MAP, 0x20, 0, 0x12, 0);
    TAKES(T_MAP, 0x20, 0, 0x41, 0, 0x13, T_MAP, 0, 0x1A);
    REFUSES("return_call: the function called has other results than this one", T_VOID, 0x41, 0, 0x12, 0);
    REFUSES("call_indirect: table 1 does not hold functions", T_MAP, 0x20, 0, 0x41, 0, 0x11, T_MAP, 1);
    REFUSES("call_indirect: unknown type 8", T_VOID, 0x41, 0, 0x11, 8, 0);
    REFUSES("call: unknown function 2", T_VOID, 0x10, 2);
}

TEST(what_is_referred_to_exists_and_fits) {
    REFUSES("local.get: unknown local 1", T_MAP, 0x20, 1);
    REFUSES("global.set: global 1 is not mutable", T_VOID, 0x42, 0, 0x24, 1);
    REFUSES("global.get: unknown global 2", T_VOID, 0x23, 2);
    REFUSES("i32.load16_u: alignment to 2^2 bytes, more than it accesses", T_MAP, 0x20, 0, 0x2F, 2, 0);
    REFUSES("memory.init: unknown data 1", T_VOID, 0x41, 0, 0x41, 0, 0x41, 0, 0xFC, 8, 1, 0);
    REFUSES("table.init: unknown elements 1", T_VOID, 0x41, 0, 0x41, 0, 0x41, 0, 0xFC, 12, 1, 0);
    REFUSES("table.init: funcref into a table of externref", T_VOID, 0x41, 0, 0x41, 0, 0x41, 0, 0xFC, 12, 0, 1);
    REFUSES("table.copy: externref into a table of funcref", T_VOID, 0x41, 0, 0x41, 0, 0x41, 0, 0xFC, 14, 0, 1);
    REFUSES("ref.func: function 1 is not declared as one to refer to", T_VOID, 0xD2, 1, 0x1A);
    TAKES(T_VOID, 0xD2, 0, 0x1A);
    TAKES(T_GET, 0xD0, 0x6F, 0x41, 4, 0xFC, 15, 1);
    REFUSES("select: operands of a reference type need a select with a type", T_VOID, 0xD0, 0x70, 0xD0, 0x70, 0x41, 0,
            0x1B, 0x1A);
    TAKES(T_VOID, 0xD0, 0x70, 0xD0, 0x70, 0x41, 0, 0x1C, 1, 0x70, 0x1A);
    REFUSES("ref.is_null: a reference expected, i32 found", T_GET, 0x41, 0, 0xD1);
}

TEST(instructions_we_lack_are_named) {
    LACKS("vectors (v128) are not supported", T_VOID, 0xFD, 0, 0, 0);
    LACKS("atomic instructions are not supported", T_VOID, 0xFE, 0, 0, 0);
    LACKS("exceptions are not supported", T_VOID, 0x06, VOID, 0x0B);
    LACKS("typed references are not supported", T_VOID, 0x14, 0);
    LACKS("more than one memory is not supported", T_MAP, 0x20, 0, 0x28, 0x42, 1, 0);
    REFUSES("unknown instruction 0x27", T_VOID, 0x27);
    REFUSES("unknown instruction 0xe0", T_VOID, 0xE0); /* where our table keeps those behind the prefix */
    REFUSES("unknown instruction 0xfc 18", T_VOID, 0xFC, 18);
}

TEST(a_body_ends_where_its_size_says) {
    CHECK_STR(verdict(T_VOID, BYTES(0, 0x01), MK_ERR_FORMAT), "truncated");
    CHECK_STR(verdict(T_VOID, BYTES(0, 0x0B, 0x01), MK_ERR_FORMAT), "code behind the end of the function");
    CHECK_STR(verdict(T_VOID, BYTES(0, 0x41, 0x80), MK_ERR_FORMAT), "truncated");
}

TEST(locals_are_counted_before_memory_is_asked_for) {
    CHECK_STR(verdict(T_VOID, BYTES(2, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, I32, 2, I64, 0x0B), MK_ERR_FORMAT),
              "more than 2^32 locals");
    CHECK_STR(verdict(T_MAP, BYTES(1, 0xD0, 0x86, 0x03, I64, 0x0B), MK_ERR_LIMIT),
              "50001 locals, more than the 50000 allowed");
    CHECK_STR(verdict(T_VOID, BYTES(2, 2, I64, 1, F32, 0x43, 0, 0, 0, 0, 0x21, 2, 0x42, 0, 0x21, 1, 0x0B), MK_OK), "");
}

TEST(depth_and_operands_have_limits) {
    mk_vm_limits_t limits = mk_vm_limits_default;
    limits.depth = 2;
    limits.operands = 3;
    module_t two = with_body(T_VOID, BYTES(0, 0x02, VOID, 0x02, VOID, 0x0B, 0x0B, 0x0B));
    CHECK_STR(verdict_within(&two, &limits, MK_OK), "");
    module_t three = with_body(T_VOID, BYTES(0, 0x02, VOID, 0x02, VOID, 0x03, VOID, 0x0B, 0x0B, 0x0B, 0x0B));
    CHECK_STR(verdict_within(&three, &limits, MK_ERR_LIMIT), "loop: more than the 2 nested blocks allowed");
    module_t four = with_body(T_VOID, BYTES(0, 0x41, 0, 0x41, 0, 0x41, 0, 0x41, 0, 0x0B));
    CHECK_STR(verdict_within(&four, &limits, MK_ERR_LIMIT), "i32.const: more than the 3 operands allowed");
}

TEST(facts_for_running_are_left_in_the_function) {
    mk_vm_module_t mod;
    module_t       m = with_body(T_MAP, BYTES(1, 3, I64, 0x20, 0, 0x41, 1, 0x41, 2, 0x6A, 0x6A, 0x0B));
    CHECK_EQ(mk_vm_decode(m.at, m.size, &mk_vm_limits_default, &mod, err, sizeof err), MK_OK);
    CHECK_EQ(mk_vm_validate(&mod, &mk_vm_limits_default, err, sizeof err), MK_OK);
    CHECK_EQ(mod.functions[1].locals, 4);
    CHECK_EQ(mod.functions[1].operands_max, 3u);
    mk_vm_module_fini(&mod);
}

TEST(a_checker_shows_the_stack_at_every_instruction) {
    static const struct {
        uint8_t  opcode;
        uint32_t operands, blocks;
    } seen[] = {{MK_VM_LOCAL_GET, 1, 1}, {MK_VM_BLOCK, 1, 2},     {MK_VM_I32_CONST, 2, 2}, {MK_VM_BR, 0, 2},
                {MK_VM_END, 1, 1},       {MK_VM_I32_CONST, 2, 1}, {MK_VM_I32_MUL, 1, 1},   {MK_VM_END, 0, 0}};
    mk_vm_module_t  mod;
    mk_vm_checker_t c;
    module_t        m = with_body(T_MAP, BYTES(0, 0x20, 0, 0x02, T_MAP, 0x41, 3, 0x0C, 0, 0x0B, 0x41, 2, 0x6C, 0x0B));
    CHECK_EQ(mk_vm_decode(m.at, m.size, &mk_vm_limits_default, &mod, err, sizeof err), MK_OK);
    mk_vm_checker_init(&c, &mod, &mk_vm_limits_default, err, sizeof err);
    CHECK(mk_vm_checker_begin(&c, 1));
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
        CHECK(mk_vm_checker_next(&c));
        CHECK_EQ(c.in.opcode, seen[i].opcode);
        CHECK_EQ(c.operand_count, seen[i].operands);
        CHECK_EQ(c.block_count, seen[i].blocks);
    }
    CHECK(!mk_vm_checker_next(&c));
    CHECK_EQ(c.r.err, MK_OK);
    mk_vm_checker_fini(&c);
    mk_vm_module_fini(&mod);
}

TEST(each_failing_allocation_is_out_of_memory) {
    mk_vm_module_t mod;
    module_t       m = with_body(T_MAP, BYTES(1, 3, I64, 0x20, 0, 0x02, VOID, 0x0B, 0x0B));
    CHECK_EQ(mk_vm_decode(m.at, m.size, &mk_vm_limits_default, &mod, err, sizeof err), MK_OK);
    unsigned n = 1;
    for (; oom_arm(n); n++) {
        mk_err_t result = mk_vm_validate(&mod, &mk_vm_limits_default, err, sizeof err);
        bool     reached = oom_disarm();
        CHECK_EQ(result, reached ? MK_ERR_NOMEM : MK_OK);
        if (!reached) break;
    }
    CHECK_EQ(n, 4u);
    mk_vm_module_fini(&mod);
}
