/* SPDX-License-Identifier: Apache-2.0 */
/* decode_test.c -- the tables made of a module, and how a wrong one is refused. The public tests cover the rules one by
 * one; here are our own promises: texts, limits, lookups, and the extension they know nothing of. */
#include "vm/decode.h"

#include "rig/oom.h"
#include "rig/rig.h"
#include "wasm/module_build.h"

static char           err[MK_VM_ERR_BYTES];
static mk_vm_module_t mod;

static mk_err_t decode_within(const module_t *m, const mk_vm_limits_t *limits) {
    err[0] = '\0';
    return mk_vm_decode(m->at, m->size, limits, &mod, err, sizeof err);
}

static mk_err_t decode(const module_t *m) { return decode_within(m, &mk_vm_limits_default); }

/* The text with which a module is refused; "" if it is not. */
static const char *refusal_within(const module_t *m, const mk_vm_limits_t *limits, mk_err_t want) {
    mk_err_t result = decode_within(m, limits);
    CHECK_EQ(result, want);
    CHECK(mod.types == NULL || result == MK_OK);
    mk_vm_module_fini(&mod);
    return err;
}

static const char *refusal(const module_t *m) { return refusal_within(m, &mk_vm_limits_default, MK_ERR_FORMAT); }

static mk_vm_name_t name_of(const char *text) { return (mk_vm_name_t){text, (uint32_t)strlen(text)}; }

#define NAME_A 1, 'a'
#define NAME_B 1, 'b'

/* One of everything. */
/* clang-format off */
static module_t whole(void) {
    module_t m = module_begin();
    module_types(&m);
    SECTION(&m, 2, 4, NAME_A, NAME_A, 0, T_GET,             /* import function 0            */
                      NAME_A, NAME_B, 1, 0x70, 1, 1, 5,     /* table 0: funcref, 1 to 5     */
                      NAME_B, NAME_A, 2, 0, 2,              /* memory: 2                    */
                      NAME_B, NAME_B, 3, I32, 0);           /* global 0: i32                */
    SECTION(&m, 3, 2, T_VOID, T_MAP);                       /* functions 1, 2               */
    SECTION(&m, 4, 1, 0x6F, 0, 3);                          /* table 1: externref           */
    SECTION(&m, 6, 2, I32, 1, 0x23, 0, 0x41, 2, 0x6A, 0x0B, /* global 1: global 0 + 2       */
                      0x70, 0, 0xD2, 2, 0x0B);              /* global 2: function 2         */
    SECTION(&m, 7, 3, NAME_B, 0, 2, 2, 'a', 'z', 2, 0, NAME_A, 3, 1);
    SECTION(&m, 8, 1);
    SECTION(&m, 9, 4, 0, 0x41, 0, 0x0B, 1, 1,               /* active: function 1           */
                      1, 0, 2, 0, 1,                        /* passive: functions 0, 1      */
                      7, 0x70, 1, 0xD2, 0, 0x0B,            /* declarative                  */
                      6, 1, 0x41, 1, 0x0B, 0x6F, 1, 0xD0, 0x6F, 0x0B);
    SECTION(&m, 12, 2);
    SECTION(&m, 10, 2, 2, 0, 0x0B, 4, 0, 0x20, 0, 0x0B);
    SECTION(&m, 11, 2, 0, 0x41, 8, 0x0B, 3, 'x', 'y', 'z', 1, 1, 'q');
    SECTION(&m, 0, 4, 'n', 'a', 'm', 'e', 1, 9, 2, 1, 2, 'g', 'o', 2, 2, 'u', 'p');
    return m;
}
/* clang-format on */

TEST(nothing_but_the_preamble_is_a_module) {
    module_t m = module_begin();
    CHECK_EQ(decode(&m), MK_OK);
    CHECK_EQ(mod.function_count + mod.memory_count + mod.export_count, 0u);
    CHECK_EQ(mod.start, MK_VM_NONE);
    mk_vm_module_fini(&mod);
}

TEST(every_table_holds_what_the_module_declares) {
    module_t m = whole();
    CHECK_EQ(decode(&m), MK_OK);
    CHECK_STR(err, "");
    CHECK_EQ(mod.type_count, 6u);
    CHECK_EQ(mod.function_count, 3u);
    CHECK_EQ(mod.function_imports, 1u);
    CHECK_EQ(mod.functions[0].code_at, 0u);
    CHECK_EQ(mod.functions[2].type, T_MAP);
    CHECK_EQ(mod.functions[2].code_end - mod.functions[2].code_at, 4u);
    CHECK(mod.functions[0].referenced && mod.functions[1].referenced && mod.functions[2].referenced);
    CHECK_EQ(mod.table_count, 2u);
    CHECK_EQ(mod.tables[0].max, 5u);
    CHECK_EQ(mod.tables[1].max, UINT32_MAX);
    CHECK_EQ(mod.tables[1].type, MK_VM_TYPE_EXTERNREF);
    CHECK_EQ(mod.memory.min, 2u);
    CHECK_EQ(mod.memory.max, 65536u);
    CHECK_EQ(mod.memory_imports, 1u);
    CHECK_EQ(mod.global_count, 3u);
    CHECK(mod.globals[1].mutable_ && !mod.globals[2].mutable_);
    CHECK_EQ(m.at[mod.globals[2].init_at], 0xD2);
    CHECK_EQ(mod.start, 1u);
    mk_vm_module_fini(&mod);
}

TEST(segments_point_at_their_contents) {
    module_t m = whole();
    CHECK_EQ(decode(&m), MK_OK);
    CHECK_EQ(mod.elements_count, 4u);
    CHECK_EQ(mod.elements[0].mode, MK_VM_SEGMENT_ACTIVE);
    CHECK_EQ(mod.elements[1].mode, MK_VM_SEGMENT_PASSIVE);
    CHECK_EQ(mod.elements[1].count, 2u);
    CHECK_EQ(mod.elements[2].mode, MK_VM_SEGMENT_DECLARATIVE);
    CHECK(mod.elements[2].initialisers && !mod.elements[1].initialisers);
    CHECK_EQ(mod.elements[3].table, 1u);
    CHECK_EQ(mod.elements[3].type, MK_VM_TYPE_EXTERNREF);
    CHECK_EQ(mod.data_count, 2u);
    CHECK_EQ(memcmp(m.at + mod.data[0].bytes_at, "xyz", mod.data[0].size), 0);
    CHECK_EQ(mod.data[1].mode, MK_VM_SEGMENT_PASSIVE);
    CHECK_EQ(m.at[mod.data[1].bytes_at], 'q');
    mk_vm_module_fini(&mod);
}

TEST(exports_and_names_are_found) {
    module_t m = whole();
    CHECK_EQ(decode(&m), MK_OK);
    CHECK_EQ(mk_vm_find_export(&mod, name_of("b"))->index, 2u);
    CHECK_EQ(mk_vm_find_export(&mod, name_of("az"))->kind, MK_VM_KIND_MEMORY);
    CHECK_EQ(mk_vm_find_export(&mod, name_of("a"))->kind, MK_VM_KIND_GLOBAL);
    CHECK(mk_vm_find_export(&mod, name_of("")) == NULL && mk_vm_find_export(&mod, name_of("aa")) == NULL);
    CHECK(mk_vm_name_is(mk_vm_function_name(&mod, 2), "up"));
    CHECK(mk_vm_name_is(mk_vm_function_name(&mod, 1), "go"));
    CHECK_EQ(mk_vm_function_name(&mod, 0).size, 0u);
    mk_vm_module_fini(&mod);
}

TEST(a_broken_name_section_names_nobody) {
    module_t m = module_begin();
    SECTION(&m, 0, 4, 'n', 'a', 'm', 'e', 1, 99, 2, 1, 2, 'g', 'o');
    CHECK_EQ(decode(&m), MK_OK);
    CHECK_EQ(mk_vm_function_name(&mod, 1).size, 0u);
    mk_vm_module_fini(&mod);
}

TEST(equal_types_are_known_to_be_so) {
    module_t m = module_begin();
    SECTION(&m, 1, 5, 0x60, 1, I32, 0, 0x60, 0, 1, I32, 0x60, 1, I32, 0, 0x60, 0, 0, 0x60, 0, 1, I32);
    CHECK_EQ(decode(&m), MK_OK);
    static const uint32_t same_as[] = {0, 1, 0, 3, 1};
    for (uint32_t i = 0; i < 5; i++) CHECK_EQ(mod.types[i].same_as, same_as[i]);
    mk_vm_module_fini(&mod);
}

TEST(a_refusal_says_what_and_where) {
    module_t m = module_begin();
    SECTION(&m, 1, 1, 0x60, 1, 0x55, 0);
    CHECK_STR(refusal(&m), "0x55 is not a value type at byte 14 in section type");
    m = module_begin();
    SECTION(&m, 3, 1, 0);
    CHECK_STR(refusal(&m), "unknown type 0 at byte 12 in section function");
    m = module_begin();
    SECTION(&m, 5, 1, 1, 2, 1);
    CHECK_STR(refusal(&m), "a minimum of 2 above the maximum of 1 at byte 13 in section memory");
    m = module_begin();
    module_types(&m);
    SECTION(&m, 3, 1, T_VOID);
    CHECK(strstr(refusal(&m), "1 functions were declared, but there is no code at byte") != NULL);
}

TEST(two_exports_of_one_name_are_refused) {
    module_t m = module_begin();
    SECTION(&m, 5, 1, 0, 1);
    SECTION(&m, 7, 3, NAME_B, 2, 0, NAME_A, 2, 0, NAME_B, 2, 0);
    CHECK(strstr(refusal(&m), "a second export 'b' at byte ") != NULL);
}

TEST(names_are_utf8) {
    static const uint8_t wrong[][4] = {{0x80}, {0xC0, 0x80}, {0xE0, 0x80, 0x80}, {0xED, 0xA0, 0x80}, {0xF5, 1, 1, 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        module_t m = module_begin();
        SECTION(&m, 5, 1, 0, 1);
        SECTION(&m, 7, 1, 4, wrong[i][0], wrong[i][1], wrong[i][2], wrong[i][3], 2, 0);
        CHECK(strstr(refusal(&m), "a name is not UTF-8") != NULL);
    }
    module_t m = module_begin();
    SECTION(&m, 5, 1, 0, 1);
    SECTION(&m, 7, 1, 4, 0xF0, 0x9F, 0x90, 0x9E, 2, 0);
    CHECK_STR(refusal_within(&m, &mk_vm_limits_default, MK_OK), "");
}

TEST(a_memory_may_have_pages_of_one_byte) {
    module_t m = module_begin();
    SECTION(&m, 5, 1, 0x08, 0xB8, 0x17, 0); /* 3000 bytes */
    CHECK_EQ(decode(&m), MK_OK);
    CHECK_EQ(mod.memory.page_shift, 0);
    CHECK_EQ(mod.memory.min, 3000u);
    CHECK_EQ(mod.memory.max, UINT32_MAX);
    mk_vm_module_fini(&mod);
    m = module_begin();
    SECTION(&m, 5, 1, 0x09, 0, 0x80, 0x80, 0x08, 0); /* up to 131072 of them, more than there are large pages */
    CHECK_EQ(decode(&m), MK_OK);
    CHECK_EQ(mod.memory.max, 131072u);
    mk_vm_module_fini(&mod);
    m = module_begin();
    SECTION(&m, 2, 1, NAME_A, NAME_A, 2, 0x09, 1, 2, 16); /* the usual size, said */
    CHECK_EQ(decode(&m), MK_OK);
    CHECK_EQ(mod.memory.page_shift, 16);
    mk_vm_module_fini(&mod);
}

TEST(other_page_sizes_are_refused) {
    module_t m = module_begin();
    SECTION(&m, 5, 1, 0x08, 1, 12);
    CHECK_STR(refusal(&m), "a page size of 2^12 bytes; only 1 and 65536 exist at byte 14 in section memory");
    m = module_begin();
    SECTION(&m, 5, 1, 0x08, 1, 64);
    CHECK(strstr(refusal(&m), "2^64") != NULL);
    m = module_begin();
    SECTION(&m, 5, 1, 0x08, 1);
    CHECK(strstr(refusal(&m), "truncated") != NULL);
    m = module_begin();
    SECTION(&m, 5, 1, 0x08, 0x81, 0x80, 0x04, 16); /* 65537 large ones */
    CHECK(strstr(refusal(&m), "more than 65536 pages") != NULL);
    m = module_begin();
    SECTION(&m, 4, 1, 0x70, 0x08, 1, 0); /* a table has no pages */
    CHECK(strstr(refusal(&m), "unknown limits 0x08") != NULL);
}

TEST(features_we_lack_are_named) {
    module_t m = module_begin();
    SECTION(&m, 5, 2, 0, 1, 0, 1);
    CHECK(strstr(refusal_within(&m, &mk_vm_limits_default, MK_ERR_NOSYS), "more than one memory") != NULL);
    m = module_begin();
    SECTION(&m, 5, 1, 3, 1, 1);
    CHECK(strstr(refusal_within(&m, &mk_vm_limits_default, MK_ERR_NOSYS), "shared memory") != NULL);
    m = module_begin();
    SECTION(&m, 5, 1, 4, 1);
    CHECK(strstr(refusal_within(&m, &mk_vm_limits_default, MK_ERR_NOSYS), "64-bit addresses") != NULL);
    m = module_begin();
    SECTION(&m, 1, 1, 0x60, 1, 0x7B, 0);
    CHECK(strstr(refusal_within(&m, &mk_vm_limits_default, MK_ERR_NOSYS), "vectors (v128)") != NULL);
    m = module_begin();
    SECTION(&m, 13, 0);
    CHECK(strstr(refusal_within(&m, &mk_vm_limits_default, MK_ERR_NOSYS), "exceptions") != NULL);
}

#define GLOBAL(m, ...) SECTION((m), 6, 1, __VA_ARGS__)

TEST(an_initialiser_gives_one_value_of_its_type) {
    module_t m = module_begin();
    GLOBAL(&m, I64, 0, 0x41, 0, 0x0B);
    CHECK_STR(refusal(&m), "an initialiser has i32 where i64 is wanted at byte 14 in section global");
    m = module_begin();
    GLOBAL(&m, I32, 0, 0x41, 0, 0x41, 0, 0x0B);
    CHECK_STR(refusal(&m), "an initialiser gives 2 values, not one at byte 14 in section global");
    m = module_begin();
    GLOBAL(&m, I32, 0, 0x0B);
    CHECK(strstr(refusal(&m), "gives 0 values") != NULL);
    m = module_begin();
    GLOBAL(&m, I32, 0, 0x41, 0, 0x6A, 0x0B);
    CHECK(strstr(refusal(&m), "lacks an operand") != NULL);
    m = module_begin();
    GLOBAL(&m, I64, 0, 0x42, 5, 0x42, 6, 0x7E, 0x42, 1, 0x7D, 0x0B); /* 5 * 6 - 1 */
    CHECK_STR(refusal_within(&m, &mk_vm_limits_default, MK_OK), "");
    m = module_begin();
    GLOBAL(&m, I32, 0, 0x41, 1, 0x45, 0x0B);
    CHECK(strstr(refusal(&m), "instruction 0x45 in an initialiser") != NULL);
}

TEST(an_initialiser_reads_constants_only) {
    module_t m = module_begin();
    SECTION(&m, 2, 1, NAME_A, NAME_A, 3, I32, 1);
    GLOBAL(&m, I32, 0, 0x23, 0, 0x0B);
    CHECK(strstr(refusal(&m), "reads global 0, which is mutable") != NULL);
    m = module_begin();
    SECTION(&m, 6, 2, I32, 0, 0x41, 0, 0x0B, I32, 0, 0x23, 0, 0x0B);
    CHECK(strstr(refusal(&m), "unknown imported global 0") != NULL);
}

TEST(an_initialiser_has_a_bounded_stack) {
    uint8_t  bytes[3 + 2 * 40 + 39 + 1] = {1, I32, 0};
    module_t m = module_begin();
    for (unsigned i = 0; i < 40; i++) bytes[3 + 2 * i] = 0x41, bytes[4 + 2 * i] = 1;
    memset(bytes + 83, 0x6A, 39);
    bytes[122] = 0x0B;
    module_section(&m, 6, bytes, sizeof bytes);
    CHECK(strstr(refusal_within(&m, &mk_vm_limits_default, MK_ERR_LIMIT), "more than 32 operands") != NULL);
}

TEST(numbers_are_no_longer_than_their_type) {
    module_t m = module_begin();
    GLOBAL(&m, I32, 0, 0x41, 0x80, 0x80, 0x80, 0x80, 0x78, 0x0B); /* the smallest there is */
    CHECK_STR(refusal_within(&m, &mk_vm_limits_default, MK_OK), "");
    m = module_begin();
    GLOBAL(&m, I32, 0, 0x41, 0x80, 0x80, 0x80, 0x80, 0x70, 0x0B); /* bits above the sign differ from it */
    CHECK(strstr(refusal(&m), "a number is too long at byte 15") != NULL);
    m = module_begin();
    GLOBAL(&m, I64, 0, 0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7E, 0x0B);
    CHECK(strstr(refusal(&m), "a number is too long at byte 15") != NULL);
}

TEST(every_limit_is_named_with_both_figures) {
    static const struct {
        size_t      at;
        uint32_t    value;
        const char *text;
    } cases[] = {
#define LIMIT(field, value, text) {offsetof(mk_vm_limits_t, field), value, text}
        LIMIT(types, 5, "6 types, more than the 5 allowed"),
        LIMIT(functions, 2, "3 functions, more than the 2 allowed"),
        LIMIT(tables, 1, "2 tables, more than the 1 allowed"),
        LIMIT(globals, 2, "3 globals, more than the 2 allowed"),
        LIMIT(imports, 3, "4 imports, more than the 3 allowed"),
        LIMIT(exports, 2, "3 exports, more than the 2 allowed"),
        LIMIT(segments, 3, "4 segments of elements, more than the 3 allowed"),
        LIMIT(signature, 3, "4 parameters, more than the 3 allowed"),
        LIMIT(code_bytes, 3, "4 bytes of code in one function, more than the 3 allowed"),
        LIMIT(module_bytes, 100, " bytes, more than the 100 allowed"),
    };
    module_t m = whole();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mk_vm_limits_t limits = mk_vm_limits_default;
        memcpy((char *)&limits + cases[i].at, &cases[i].value, sizeof cases[i].value);
        const char *text = refusal_within(&m, &limits, MK_ERR_LIMIT);
        if (strstr(text, cases[i].text) == NULL) CHECK_STR(text, cases[i].text);
    }
}

TEST(a_cut_module_is_refused_or_a_shorter_one) {
    module_t m = whole();
    unsigned taken = 0;
    for (module_t cut = m; cut.size > 0; cut.size--) {
        mk_err_t result = decode(&cut);
        if (result == MK_OK) taken++;
        else CHECK(strstr(err, "at byte") != NULL || strstr(err, "not a WebAssembly module") != NULL);
        mk_vm_module_fini(&mod);
    }
    CHECK(taken >= 2 && taken <= 8);
}

TEST(each_failing_allocation_leaves_nothing_behind) {
    module_t m = whole();
    unsigned n = 1;
    for (; oom_arm(n); n++) {
        mk_err_t result = decode(&m);
        bool     reached = oom_disarm();
        CHECK_EQ(result, reached ? MK_ERR_NOMEM : MK_OK);
        if (reached) CHECK(strstr(err, "out of memory") != NULL && mod.types == NULL && mod.functions == NULL);
        mk_vm_module_fini(&mod);
        if (!reached) break;
    }
    CHECK(n > 10);
}
