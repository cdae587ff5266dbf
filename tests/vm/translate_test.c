/* SPDX-License-Identifier: Apache-2.0 */
/* translate_test.c -- what bodies become: where operands are, what is written down and when, which instructions become one. And the way
 * back, which has to know the same places. */
#include "base/mem.h"
#include "rig/oom.h"
#include "rig/rig.h"
#include "vm/decode.h"
#include "vm/translate.h"
#include "wasm/module_build.h"

enum { T_II_I, T_FF_F, T_I_IL, T_V };
enum { IMPORTED, WORK }; /* functions: "(ii)i", and the one under test */

static mk_vm_module_t module;
static char           err[MK_VM_ERR_BYTES];

/* Function 1 is the body; a memory and a table. The bytes are static: the module borrows them. */
static void load(uint8_t type, const uint8_t *body, size_t size) {
    static module_t m;
    m = module_begin();
    /* clang-format off */
    SECTION(&m, 1, 4, 0x60, 2, I32, I32, 1, I32, 0x60, 2, F32, F32, 1, F32, 0x60, 1, I32, 2, I32, I64, 0x60, 0, 0);
    SECTION(&m, 2, 1, 1, 'm', 1, 'f', 0, T_II_I);
    SECTION(&m, 3, 1, type);
    SECTION(&m, 4, 1, 0x70, 0, 3);
    SECTION(&m, 5, 1, 0, 1);
    /* clang-format on */
    uint8_t code[1024] = {1, (uint8_t)((size & 0x7F) | 0x80), (uint8_t)(size >> 7)};
    memcpy(code + 3, body, size);
    module_section(&m, 10, code, size + 3);
    mk_err_t result = mk_vm_decode(m.at, m.size, &mk_vm_limits_default, &module, err, sizeof err);
    if (result == MK_OK) result = mk_vm_validate(&module, &mk_vm_limits_default, err, sizeof err);
    if (result != MK_OK) rig_fail(__FILE__, __LINE__, "%s", err);
}

static mk_vm_code_t *translate(uint32_t function) {
    mk_vm_trap_t  trap;
    mk_vm_code_t *code = mk_vm_translate(&module, &mk_vm_limits_default, function, &trap);
    CHECK_EQ(code == NULL, trap != MK_VM_TRAP_NONE);
    return code;
}

/* Its instructions, one behind the other with "; " in between. */
static const char *text_of(uint32_t function) {
    static char   text[2000];
    size_t        used = 0;
    mk_vm_code_t *code = translate(function);
    for (uint32_t pc = 0; pc < code->unit_count;) {
        char line[200];
        CHECK_EQ(pc + mk_vm_op_units(code->units + pc), mk_vm_disassemble(code, pc, line, sizeof line));
        pc = mk_vm_disassemble(code, pc, line, sizeof line);
        used += (size_t)snprintf(text + used, sizeof text - used, used > 0 ? "; %s" : "%s", line);
    }
    mk_free(code);
    return text;
}

static const char *body_text(uint8_t type, const uint8_t *body, size_t size) {
    load(type, body, size);
    const char *text = text_of(WORK);
    mk_vm_module_fini(&module);
    return text;
}

/* Bodies begin with no locals and are ended here. */
#define BECOMES(text, type, ...) CHECK_STR(body_text(type, BYTES(0, __VA_ARGS__, 0x0B)), text)

enum {
    GET = 0x20,
    SET,
    TEE,
    CONST = 0x41,
    ADD = 0x6A,
    SUB,
    MUL,
    AND = 0x71,
    SHL = 0x74,
    LT_S = 0x48,
    EQZ = 0x45,
    CALL = 0x10,
    LOAD = 0x28,
    STORE = 0x36,
    LOOP = 0x03,
    BLOCK = 0x02,
    BR = 0x0C,
    BR_IF = 0x0D,
    END = 0x0B,
    DROP = 0x1A,
    VOID = 0x40
};

TEST(an_import_is_a_frame_that_calls_it_and_returns) {
    load(T_V, BYTES(0, END));
    CHECK_STR(text_of(IMPORTED), "import 2; return 2");
    mk_vm_module_fini(&module);
}

TEST(the_least_function_returns) { BECOMES("return 0", T_V, 0x01); }

#ifndef MK_VM_SMALL

TEST(operands_are_read_where_they_are_and_one_result_stays_in_the_accumulator) {
    BECOMES("i32.mul r0 r1; return 2", T_II_I, GET, 0, GET, 1, MUL);
    BECOMES("i32.mul r0 7; return 2", T_II_I, GET, 0, CONST, 7, MUL);
    BECOMES("i32.mul r0 7; return 2", T_II_I, CONST, 7, GET, 0, MUL);
    BECOMES("i32.rsub r0 7; return 2", T_II_I, CONST, 7, GET, 0, SUB);
    BECOMES("f32.add r0 r1; return 2", T_FF_F, GET, 0, GET, 1, 0x92);
}

TEST(what_is_assigned_is_written_by_the_instruction_that_makes_it) {
    BECOMES("i32.mul r0 r1 > r0; return 2", T_II_I, GET, 0, GET, 1, MUL, TEE, 0);
    BECOMES("move r1 r0; get r0; return 2", T_II_I, GET, 1, SET, 0, GET, 0);
}

TEST(an_operand_is_saved_before_its_local_changes) {
    BECOMES("move r0 r3; const 5 r0; i32.mul r3 r0; return 2", T_II_I, GET, 0, CONST, 5, SET, 0, GET, 0, MUL);
    BECOMES("i32.add r0 9 r3; const 5 r0; i32.mul r3 r0; return 2", T_II_I, GET, 0, CONST, 9, ADD, CONST, 5, SET, 0,
            GET, 0, MUL);
}

TEST(an_accumulator_is_saved_before_another_value_takes_it) {
    /* (x * y) * (x & y): the first product goes to its slot as it is made */
    BECOMES("i32.mul r0 r1 > r3; i32.and r0 r1; i32.mul a r3; return 2", T_II_I, GET, 0, GET, 1, MUL, GET, 0, GET, 1,
            AND, MUL);
}

TEST(an_operation_and_what_takes_its_result_become_one) {
    BECOMES("i32.mul, add r0 r1 5; return 2", T_II_I, GET, 0, GET, 1, MUL, CONST, 5, ADD);
    BECOMES("i32.shl, and r0 3 r1; return 2", T_II_I, GET, 0, CONST, 3, SHL, GET, 1, AND);
}

TEST(a_sum_becomes_part_of_the_access_it_is_the_address_of) {
    BECOMES("load32 r0 100; return 2", T_II_I, GET, 0, CONST, 0xE4, 0, ADD, LOAD, 2, 0);
    BECOMES("load32 r0 r1; return 2", T_II_I, GET, 0, GET, 1, ADD, LOAD, 2, 0);
    BECOMES("store32 r0 100 r1; get r1; return 2", T_II_I, GET, 0, CONST, 0xE4, 0, ADD, GET, 1, STORE, 2, 0, GET, 1);
    BECOMES("load32 +108; return 2", T_II_I, CONST, 0xE4, 0, LOAD, 2, 8);
}

TEST(a_comparison_becomes_part_of_the_branch) {
    BECOMES("const 1 r1; br_if i32.lt_s r1 2 ->0; return 0", T_V, LOOP, VOID, CONST, 1, CONST, 2, LT_S, BR_IF, 0, END);
}

#endif

TEST(stops_are_found_from_both_sides) {
    /* loop; call f(local 0, local 1); drop; br 0; end: it never ends */
    load(T_II_I, BYTES(0, LOOP, VOID, GET, 0, GET, 1, CALL, 0, DROP, BR, 0, END, 0x00, END));
    uint32_t         begin = module.functions[WORK].code_at;
    const uint32_t   at[] = {begin, begin + 1, begin + 7};
    mk_vm_standing_t standing[] = {MK_VM_BEFORE, MK_VM_BEFORE, MK_VM_IN_CALL};
    for (int i = 0; i < 3; i++) {
        mk_vm_stop_t there, back;
        CHECK_EQ(mk_vm_stop_at_byte(&module, &mk_vm_limits_default, WORK, at[i], standing[i], &there), MK_OK);
        CHECK_EQ(mk_vm_stop_at_pc(&module, &mk_vm_limits_default, WORK, there.pc, standing[i], &back), MK_OK);
        CHECK_EQ(back.pc, there.pc);
        CHECK_EQ(back.locals, 2u);
        CHECK_EQ(back.operands, there.operands);
        mk_vm_stop_fini(&there);
        mk_vm_stop_fini(&back);
    }
    mk_vm_stop_t none;
    CHECK_EQ(mk_vm_stop_at_byte(&module, &mk_vm_limits_default, WORK, begin + 3, MK_VM_BEFORE, &none), MK_ERR_NOTFOUND);
    CHECK_EQ(mk_vm_stop_at_pc(&module, &mk_vm_limits_default, WORK, 3, MK_VM_IN_CALL, &none), MK_ERR_NOTFOUND);
    mk_vm_module_fini(&module);
}

TEST(an_instruction_is_found_by_its_place_in_the_code) {
    load(T_II_I, BYTES(0, GET, 0, GET, 1, 0x6D, GET, 0, LOAD, 2, 0, ADD, END)); /* div_s, then a load */
    mk_vm_code_t *code = translate(WORK);
    uint32_t      begin = module.functions[WORK].code_at, pc = 0, found = 0;
    for (; pc < code->unit_count; pc += mk_vm_op_units(code->units + pc)) {
        uint32_t    at = mk_vm_byte_of_pc(&module, &mk_vm_limits_default, WORK, pc);
        const char *name = mk_vm_op_facts[code->units[pc]].name;
        uint32_t    wanted = strcmp(name, "i32.div_s") == 0 ? begin + 5 : strcmp(name, "load32") == 0 ? begin + 8 : 0;
        if (wanted == 0) continue;
        CHECK_EQ(at, wanted);
        found++;
    }
    CHECK_EQ(found, 2u);
    mk_free(code);
    mk_vm_module_fini(&module);
}

TEST(translation_fails_cleanly_at_each_allocation) {
    load(T_I_IL, BYTES(0, GET, 0, 0x42, 7, END));
    for (unsigned n = 1; oom_arm(n); n++) {
        mk_vm_code_t *code = translate(WORK);
        mk_vm_stop_t  stop;
        if (mk_vm_stop_at_pc(&module, &mk_vm_limits_default, WORK, 0, MK_VM_BEFORE, &stop) == MK_OK)
            mk_vm_stop_fini(&stop);
        mk_free(code);
        if (!oom_disarm()) break;
    }
    CHECK_STR(text_of(WORK), "move r0 r3; const 7 r4; move2 r3 r0 r4 r1; return 2");
    mk_vm_module_fini(&module);
}

/* A stack as deep as can be, and in the middle of it what changes each local: the time is bounded by the length of the code. */
TEST(many_operands_that_wait_cost_no_more_than_their_number) {
    enum { MANY = 300 };
    uint8_t body[1 + MANY * 2 + 4 + MANY + 1] = {0};
    size_t  size = 1;
    for (int i = 0; i < MANY; i++) body[size++] = GET, body[size++] = 0;
    body[size++] = CONST, body[size++] = 3, body[size++] = SET, body[size++] = 0;
    for (int i = 0; i < MANY; i++) body[size++] = DROP;
    body[size++] = END;
    load(T_II_I, BYTES(0, GET, 0, END));
    mk_vm_module_fini(&module);
    static uint8_t whole[sizeof body + 1];
    memcpy(whole, body, size - 1);
    whole[size - 1] = 0x00; /* unreachable: the body has no result */
    whole[size] = END;
    load(T_II_I, whole, size + 1);
    mk_vm_code_t *code = translate(WORK);
    CHECK(code->unit_count < MANY * 4);
    mk_free(code);
    mk_vm_module_fini(&module);
}
