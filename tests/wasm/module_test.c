/* SPDX-License-Identifier: Apache-2.0 */
/* module_test.c -- what a module says about itself, and how a wrong one is refused. */
#include "wasm/module.h"

#include "rig/oom.h"
#include "rig/rig.h"
#include "wasm/module_build.h"

#include <stdlib.h>

static char err[MK_MODULE_ERR_BYTES];

static mk_err_t inspect(const module_t *m, mk_module_info_t *info) {
    return mk_module_inspect(m->at, m->size, info, err, sizeof err);
}

/* The text with which a module is refused; "" if it is not. */
static const char *refusal(const module_t *m) {
    mk_module_info_t info;
    if (inspect(m, &info) == MK_OK) mk_module_info_fini(&info);
    return err;
}

static const mk_import_sig_t offered[] = {
    {"env", "mk_self", "()I"},
    {"env", "mk_send", "(Iiii)i"},
};

/* The text with which mk_module_check() refuses a module that is well formed. */
static const char *check(const module_t *m) {
    mk_module_info_t info;
    CHECK_EQ(inspect(m, &info), MK_OK);
    mk_err_t result = mk_module_check(&info, offered, 2, err, sizeof err);
    CHECK_EQ(result == MK_OK, err[0] == '\0');
    mk_module_info_fini(&info);
    return err;
}

/* A guest with one import, one memory and one function per export type; no exports yet. */
static module_t guest_without_exports(void) {
    module_t m = module_begin();
    module_types(&m);
    SECTION(&m, 2, 1, NAME_ENV, NAME_SEND, 0, T_SEND);
    SECTION(&m, 3, 5, T_HANDLE, T_VOID, T_MAP, T_TAKE, T_GET);
    SECTION(&m, 5, 1, 1, 2, 9);
    return m;
}

/* clang-format off */
static void add_code(module_t *m)
{
    SECTION(m, 10, 5,
            4, 0, 0x41, 1, 0x0B,                         /* handle_message: 1   */
            2, 0, 0x0B,                                  /* nothing             */
            6, 0, 0x20, 0, 0x40, 0, 0x0B,                /* memory.grow         */
            2, 0, 0x0B,                                  /* nothing             */
            9, 1, 1, F64, 0x3F, 0, 0x3F, 0, 0x6A, 0x0B); /* memory.size, twice  */
}
/* clang-format on */

#define EXPORTS(m, ...) (SECTION(m, 7, __VA_ARGS__), add_code(m))

static module_t guest(void) {
    module_t m = guest_without_exports();
    EXPORTS(&m, 2, NAME_MEMORY, 2, 0, NAME_HANDLE, 0, 1);
    return m;
}

TEST(a_module_tells_what_it_imports_and_exports) {
    module_t         m = guest();
    mk_module_info_t info;
    CHECK_EQ(inspect(&m, &info), MK_OK);
    CHECK_EQ(info.import_count, 1);
    CHECK_EQ(info.imports[0].kind, MK_MODULE_FUNCTION);
    CHECK(memcmp(info.imports[0].module.at, "env", 3) == 0 && info.imports[0].module.size == 3);
    CHECK(memcmp(info.imports[0].name.at, "mk_send", 7) == 0 && info.imports[0].name.size == 7);
    CHECK(mk_module_type_is(&info, info.imports[0].type, "(Iiii)i"));
    CHECK_EQ(info.export_count, 2);
    const mk_module_export_t *handle = mk_module_find_export(&info, "handle_message");
    CHECK(handle != NULL);
    CHECK_EQ(handle->index, 1);
    CHECK(mk_module_type_is(&info, handle->type, "(iIii)i"));
    CHECK(mk_module_find_export(&info, "handle") == NULL);
    CHECK(mk_module_find_export(&info, "handle_messages") == NULL);
    CHECK_EQ(info.type_count, 6);
    CHECK_EQ(info.function_count, 6);
    CHECK_EQ(info.function_imports, 1);
    CHECK(!info.has_start && !info.from_go);
    mk_module_info_fini(&info);
}

TEST(a_module_tells_of_its_memory_and_of_the_code_that_asks_for_it) {
    module_t         m = guest();
    mk_module_info_t info;
    CHECK_EQ(inspect(&m, &info), MK_OK);
    CHECK(info.has_memory && info.memory_has_max && !info.memory_imported);
    CHECK_EQ(info.memory_min, 2);
    CHECK_EQ(info.memory_max, 9);
    CHECK_EQ(info.memory_size_uses, 2);
    CHECK_EQ(info.memory_grow_uses, 1);
    mk_module_info_fini(&info);
}

TEST(types_are_written_as_people_write_them) {
    module_t         m = guest();
    mk_module_info_t info;
    char             text[64];
    CHECK_EQ(inspect(&m, &info), MK_OK);
    CHECK_STR(mk_module_type_text(&info, T_HANDLE, text, sizeof text), "(i32, i64, i32, i32) -> i32");
    CHECK_STR(mk_module_type_text(&info, T_VOID, text, sizeof text), "() -> ()");
    CHECK_STR(mk_module_type_text(&info, T_TAKE, text, sizeof text), "(i32) -> ()");
    CHECK_STR(mk_module_type_text(&info, T_HANDLE, text, 8), "(i32, i");
    CHECK_STR(mk_module_type_text(&info, T_HANDLE, text, 1), "");
    mk_module_info_fini(&info);

    m = module_begin();
    SECTION(&m, 1, 1, 0x60, 4, F32, 0x7B, 0x70, 0x6F, 2, F64, I64);
    CHECK_EQ(inspect(&m, &info), MK_OK);
    CHECK_STR(mk_module_type_text(&info, 0, text, sizeof text), "(f32, v128, funcref, externref) -> (f64, i64)");
    CHECK(mk_module_type_is(&info, 0, "(fvre)FI"));
    CHECK(!mk_module_type_is(&info, 0, "(fvre)F"));
    CHECK(!mk_module_type_is(&info, 0, "(fvr)FI"));
    CHECK(!mk_module_type_is(&info, 0, "(fvrr)FI"));
    mk_module_info_fini(&info);
}

TEST(what_is_no_module_is_told_apart) {
    module_t m = {.size = 0};
    CHECK_STR(refusal(&m), "it is empty");
    CHECK_EQ(mk_module_inspect(NULL, 0, &(mk_module_info_t){0}, NULL, 0), MK_ERR_FORMAT);
    module_add(&m, BYTES(0x7F, 'E', 'L', 'F', 2, 1, 1, 0));
    CHECK_STR(refusal(&m), "not a WebAssembly module");
    m.size = 0;
    module_add(&m, BYTES(0, 'a', 's', 'm', 0x0D, 0, 1, 0));
    CHECK_STR(refusal(&m), "a component, not a module at byte 4");
    m.at[6] = 0;
    m.at[4] = 2;
    CHECK_STR(refusal(&m), "version 2 is not supported at byte 4");
    m.size = 6;
    CHECK_STR(refusal(&m), "truncated at byte 6");
}

TEST(a_module_cut_anywhere_is_refused_or_whole) {
    module_t full = guest();
    for (size_t size = 0; size < full.size; size++) {
        uint8_t         *cut = malloc(size + 1); /* its own block, so that a sanitizer sees its end */
        mk_module_info_t info;
        char             expected[48];
        memcpy(cut, full.at, size);
        mk_err_t result = mk_module_inspect(cut, size, &info, err, sizeof err);
        snprintf(expected, sizeof expected, "truncated at byte %zu", size);
        if (result == MK_OK) mk_module_info_fini(&info); /* a cut between two sections */
        free(cut);
        CHECK(result == MK_OK || size == 0 || strncmp(err, expected, strlen(expected)) == 0 ||
              strncmp(err, "no bodies for 5 functions", 25) == 0);
    }
}

TEST(a_module_with_any_byte_changed_is_read_without_harm) {
    module_t full = guest();
    for (size_t i = 0; i < full.size; i++) {
        uint8_t *copy = malloc(full.size);
        for (unsigned value = 0; value < 256; value++) {
            mk_module_info_t info;
            memcpy(copy, full.at, full.size);
            copy[i] = (uint8_t)value;
            if (mk_module_inspect(copy, full.size, &info, err, sizeof err) != MK_OK) continue;
            (void)!mk_module_check(&info, offered, 2, err, sizeof err);
            mk_module_info_fini(&info);
        }
        free(copy);
    }
}

TEST(a_refusal_names_the_section_and_the_place) {
    module_t m = module_begin();
    SECTION(&m, 1, 2, 0x60, 0, 0);
    CHECK_STR(refusal(&m), "truncated at byte 15 in section type");
    m = module_begin();
    SECTION(&m, 1, 1, 0x60, 0, 0, 0x60, 0, 0);
    CHECK_STR(refusal(&m), "surplus bytes at byte 15 in section type");
    m = module_begin();
    SECTION(&m, 3, 0);
    SECTION(&m, 1, 0);
    CHECK_STR(refusal(&m), "out of order at byte 12 in section type");
    m = module_begin();
    SECTION(&m, 3, 0);
    SECTION(&m, 3, 0);
    CHECK_STR(refusal(&m), "out of order at byte 12 in section function");
    m = module_begin();
    SECTION(&m, 77, 0);
    CHECK_STR(refusal(&m), "unknown section 77 at byte 8");
    m = module_begin();
    SECTION(&m, 1, 1, 0x60, 1, 0x11, 0);
    CHECK_STR(refusal(&m), "unknown type 0x11 at byte 14 in section type");
}

TEST(a_count_beyond_the_bytes_is_refused_before_anything_is_allocated) {
    module_t m = module_begin();
    SECTION(&m, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F);
    oom_arm(1);
    const char *text = refusal(&m);
    CHECK(!oom_disarm());
    CHECK_STR(text, "truncated at byte 16 in section type");
    m = module_begin();
    SECTION(&m, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0x1F);
    CHECK_STR(refusal(&m), "a number is too long at byte 11 in section type");
    m = module_begin();
    SECTION(&m, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0);
    CHECK_STR(refusal(&m), "a number is too long at byte 11 in section type");
}

TEST(functions_and_bodies_must_agree_in_number) {
    module_t m = module_begin();
    module_types(&m);
    SECTION(&m, 3, 2, T_VOID, T_VOID);
    module_t without = m;
    CHECK(strncmp(refusal(&without), "no bodies for 2 functions at byte", 33) == 0);
    SECTION(&m, 10, 1, 2, 0, 0x0B);
    CHECK(strncmp(refusal(&m), "1 bodies for 2 functions at byte", 32) == 0);
    m = module_begin();
    module_types(&m);
    SECTION(&m, 3, 1, 9);
    CHECK(strncmp(refusal(&m), "there is no type 9 at byte", 26) == 0);
}

/* The refusal of a module with one function of these bytes after its locals. */
static const char *code_refusal(const uint8_t *bytes, size_t size) {
    module_t m = module_begin(), body = {.size = 0};
    module_types(&m);
    SECTION(&m, 3, 1, T_VOID);
    SECTION(&m, 5, 1, 0, 1);
    module_add(&body, BYTES(1, (uint8_t)((size + 1) | 0x80), (uint8_t)((size + 1) >> 7), 0));
    module_add(&body, bytes, size);
    module_section(&m, 10, body.at, body.size);
    refusal(&m);
    char *place = strstr(err, " at byte");
    if (place != NULL) *place = '\0'; /* the place depends on this helper, the reason does not */
    return err;
}
#define CODE_REFUSAL(...) code_refusal(BYTES(__VA_ARGS__))

TEST(every_kind_of_instruction_is_stepped_over) {
    CHECK_STR(CODE_REFUSAL(0x00, 0x01, 0x02, 0x40, 0x03, I32, 0x04, 0x05, 0x0B, 0x0B, 0x0B, 0x0B), "");
    CHECK_STR(CODE_REFUSAL(0x02, 0xFF, 0x7F, 0x0B, 0x02, 0x70, 0x0B, 0x0B), "");
    CHECK_STR(CODE_REFUSAL(0x0C, 0x80, 1, 0x0D, 2, 0x0E, 2, 0, 1, 0, 0x0F, 0x0B), "");
    CHECK_STR(CODE_REFUSAL(0x10, 5, 0x11, 1, 0, 0x12, 5, 0x13, 1, 0, 0x1A, 0x1B, 0x0B), "");
    CHECK_STR(CODE_REFUSAL(0x1C, 2, F32, 0x6F, 0x20, 0, 0x24, 1, 0x25, 0, 0x26, 0, 0x0B), "");
    CHECK_STR(CODE_REFUSAL(0x28, 2, 0x80, 0x80, 4, 0x3E, 0, 0, 0x3F, 0, 0x40, 0, 0x0B), "");
    CHECK_STR(CODE_REFUSAL(0x41, 0x80, 0x80, 0x80, 0x80, 0x78, 0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                           0x80, 0x7F, 0x0B),
              "");
    CHECK_STR(CODE_REFUSAL(0x43, 0x0B, 0x0B, 0x0B, 0x0B, 0x44, 1, 2, 3, 4, 5, 6, 7, 8, 0x45, 0xC4, 0x0B), "");
    CHECK_STR(
        CODE_REFUSAL(0xD0, 0x70, 0xD1, 0xD2, 0, 0xFC, 7, 0xFC, 8, 0, 0, 0xFC, 9, 0, 0xFC, 10, 0, 0, 0xFC, 11, 0, 0x0B),
        "");
    CHECK_STR(CODE_REFUSAL(0xFC, 12, 0, 0, 0xFC, 13, 0, 0xFC, 14, 0, 0, 0xFC, 15, 0, 0xFC, 16, 0, 0xFC, 17, 0, 0x0B),
              "");
    CHECK_STR(CODE_REFUSAL(0xFD, 0, 4, 0, 0xFD, 11, 4, 0, 0xFD, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
                           16, 0xFD, 21, 3, 0xFD, 34, 1, 0x0B),
              "");
    CHECK_STR(CODE_REFUSAL(0xFD, 84, 0, 0, 7, 0xFD, 91, 0, 0, 1, 0xFD, 92, 0, 0, 0xFD, 0xFF, 1, 0xFD, 0x93, 2, 0x0B),
              "");
}

TEST(code_that_cannot_be_stepped_over_is_refused) {
    CHECK_STR(CODE_REFUSAL(0x27, 0x0B), "unknown instruction 0x27");
    CHECK_STR(CODE_REFUSAL(0xFC, 18, 0x0B), "unknown instruction 0xfc0012");
    CHECK_STR(CODE_REFUSAL(0xFD, 0x94, 2, 0x0B), "unknown instruction 0xfd0114");
    CHECK_STR(CODE_REFUSAL(0x02, 0x40, 0x0B), "truncated");
    CHECK_STR(CODE_REFUSAL(0x0B, 0x0B), "surplus bytes");
    CHECK_STR(CODE_REFUSAL(0x0E, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x0B), "truncated");
    CHECK_STR(CODE_REFUSAL(0x41, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0x0B), "a number is too long");
    CHECK_STR(CODE_REFUSAL(0x02, 0x7A, 0x0B, 0x0B), "unknown type 0x7a");
}

TEST(a_feature_that_no_engine_here_has_is_refused_by_its_name) {
    CHECK_STR(CODE_REFUSAL(0x06, 0x40, 0x0B, 0x0B), "exceptions are not supported");
    CHECK_STR(CODE_REFUSAL(0xFE, 3, 0, 0x0B), "atomic instructions are not supported");
    CHECK_STR(CODE_REFUSAL(0xFB, 0, 0, 0x0B), "typed references are not supported");
    CHECK_STR(CODE_REFUSAL(0x3F, 1, 0x0B), "more than one memory is not supported");
    CHECK_STR(CODE_REFUSAL(0x28, 0x42, 1, 0, 0x0B), "more than one memory is not supported");
    CHECK_STR(CODE_REFUSAL(0xFC, 10, 0, 1, 0x0B), "more than one memory is not supported");
    CHECK_STR(CODE_REFUSAL(0xD0, 0x6E, 0x0B), "reference type 0x6e is not supported");
    module_t m = module_begin();
    SECTION(&m, 5, 2, 0, 1, 0, 1);
    CHECK_STR(refusal(&m), "more than one memory is not supported at byte 14 in section memory");
    m = module_begin();
    SECTION(&m, 5, 1, 3, 1, 1);
    CHECK_STR(refusal(&m), "shared memory is not supported at byte 12 in section memory");
    m = module_begin();
    SECTION(&m, 5, 1, 4, 1);
    CHECK_STR(refusal(&m), "64-bit memory is not supported at byte 12 in section memory");
    m = module_begin();
    SECTION(&m, 1, 1, 0x5F, 0, 0);
    CHECK_STR(refusal(&m), "garbage-collected types are not supported at byte 12 in section type");
    m = module_begin();
    SECTION(&m, 13, 0);
    CHECK_STR(refusal(&m), "exceptions are not supported at byte 11 in section tag");
}

TEST(memory_beyond_4_gib_or_upside_down_is_refused) {
    module_t m = module_begin();
    SECTION(&m, 5, 1, 0, 0x81, 0x80, 4);
    CHECK_STR(refusal(&m), "memory of 65537 to 65536 pages at byte 12 in section memory");
    m = module_begin();
    SECTION(&m, 5, 1, 1, 0, 0x81, 0x80, 4);
    CHECK_STR(refusal(&m), "memory of 0 to 65537 pages at byte 12 in section memory");
    m = module_begin();
    SECTION(&m, 5, 1, 1, 2, 1);
    CHECK_STR(refusal(&m), "memory of 2 to 1 pages at byte 12 in section memory");
}

TEST(segments_of_every_form_are_read) {
    module_t m = module_begin();
    module_types(&m);
    SECTION(&m, 3, 1, T_VOID);
    SECTION(&m, 4, 1, 0x70, 1, 4, 9);
    SECTION(&m, 5, 1, 0, 1);
    SECTION(&m, 6, 1, I32, 0, 0x41, 0, 0x41, 1, 0x6A, 0x0B);
    SECTION(&m, 8, 0);
    /* clang-format off */
    SECTION(&m, 9, 8,
            0, 0x41, 0, 0x0B, 1, 0,             /* active              */
            1, 0, 1, 0,                         /* passive             */
            2, 0, 0x23, 0, 0x0B, 0, 1, 0,       /* active, table named */
            3, 0, 1, 0,                         /* declared            */
            4, 0x41, 0, 0x0B, 1, 0xD2, 0, 0x0B, /* expressions ...     */
            5, 0x70, 1, 0xD0, 0x70, 0x0B,
            6, 0, 0x41, 0, 0x0B, 0x70, 0,
            7, 0x6F, 0);
    /* clang-format on */
    SECTION(&m, 12, 3);
    SECTION(&m, 10, 1, 2, 0, 0x0B);
    SECTION(&m, 11, 3, 0, 0x41, 0, 0x0B, 2, 'a', 'b', 1, 1, 'c', 2, 0, 0x41, 0, 0x0B, 0);
    mk_module_info_t info;
    CHECK_EQ(inspect(&m, &info), MK_OK);
    CHECK(info.has_start);
    CHECK_EQ(info.global_count, 1);
    mk_module_info_fini(&info);

    m = module_begin();
    SECTION(&m, 6, 1, I32, 0, 0x3F, 0, 0x0B);
    CHECK_STR(refusal(&m), "instruction 0x3f in an initialiser at byte 14 in section global");
    m = module_begin();
    SECTION(&m, 8, 0);
    CHECK_STR(refusal(&m), "there is no function 0 at byte 11 in section start");
    m = module_begin();
    SECTION(&m, 11, 1, 3, 0);
    CHECK_STR(refusal(&m), "unknown segment 3 at byte 12 in section data");
}

TEST(data_that_its_memory_cannot_hold_is_refused) {
    module_t m = module_begin();
    SECTION(&m, 5, 1, 0, 1);
    SECTION(&m, 11, 2, 0, 0x41, 0xFE, 0xFF, 3, 0x0B, 2, 'a', 'b', 1, 1, 'c'); /* up to the last byte */
    CHECK_STR(refusal(&m), "");
    m = module_begin();
    SECTION(&m, 5, 1, 0, 1);
    SECTION(&m, 11, 1, 0, 0x41, 0xFF, 0xFF, 3, 0x0B, 2, 'a', 'b');
    CHECK_STR(refusal(&m), "data for bytes 65535 to 65537 of a memory of 65536 at byte 18 in section data");
    m = module_begin();
    SECTION(&m, 5, 1, 0, 1);
    SECTION(&m, 11, 1, 0, 0x41, 0x7F, 0x0B, 0); /* at -1, which is 4294967295, even when empty */
    CHECK_STR(refusal(&m), "data for bytes 4294967295 to 4294967295 of a memory of 65536 at byte 18 in section data");
}

TEST(a_guest_that_keeps_the_contract_passes) {
    module_t m = guest();
    CHECK_STR(check(&m), "");
    m = guest_without_exports();
    EXPORTS(&m, 7, NAME_MEMORY, 2, 0, NAME_HANDLE, 0, 1, NAME_INITIALIZE, 0, 2, NAME_MK_ALLOC, 0, 3, NAME_MK_FREE, 0, 4,
            NAME_MALLOC, 0, 3, NAME_FREE, 0, 4);
    CHECK_STR(check(&m), "");
}

TEST(the_first_missing_or_mistyped_export_is_named) {
    module_t m = guest_without_exports();
    EXPORTS(&m, 1, NAME_HANDLE, 0, 1);
    CHECK_STR(check(&m), "no export 'memory'");
    m = guest_without_exports();
    EXPORTS(&m, 1, NAME_MEMORY, 0, 1);
    CHECK_STR(check(&m), "'memory' is a function, expected a memory");
    m = guest_without_exports();
    EXPORTS(&m, 1, NAME_MEMORY, 2, 0);
    CHECK_STR(check(&m), "no export 'handle_message'");
    m = guest_without_exports();
    EXPORTS(&m, 2, NAME_MEMORY, 2, 0, NAME_HANDLE, 2, 0);
    CHECK_STR(check(&m), "'handle_message' is a memory, expected (i32, i64, i32, i32) -> i32");
    m = guest_without_exports();
    EXPORTS(&m, 2, NAME_MEMORY, 2, 0, NAME_HANDLE, 0, 3);
    CHECK_STR(check(&m), "'handle_message' has type (i32) -> i32, expected (i32, i64, i32, i32) -> i32");
    m = guest_without_exports();
    EXPORTS(&m, 3, NAME_MEMORY, 2, 0, NAME_HANDLE, 0, 1, NAME_INITIALIZE, 0, 5);
    CHECK_STR(check(&m), "'_initialize' has type () -> i32, expected () -> ()");
    m = guest_without_exports();
    EXPORTS(&m, 3, NAME_MEMORY, 2, 0, NAME_HANDLE, 0, 1, NAME_MALLOC, 0, 4);
    CHECK_STR(check(&m), "'malloc' has type (i32) -> (), expected (i32) -> i32");
    m = guest_without_exports();
    EXPORTS(&m, 3, NAME_MEMORY, 2, 0, NAME_HANDLE, 0, 1, NAME_MK_FREE, 0, 3);
    CHECK_STR(check(&m), "'mk_free' has type (i32) -> i32, expected (i32) -> ()");
}

/* The refusal of a guest whose only import is given. */
static const char *import_refusal(const uint8_t *bytes, size_t size) {
    module_t m = module_begin();
    module_types(&m);
    module_section(&m, 2, bytes, size);
    return check(&m);
}
#define IMPORT_REFUSAL(...) import_refusal(BYTES(__VA_ARGS__))

TEST(the_first_import_that_cannot_be_met_is_named) {
    CHECK_STR(IMPORT_REFUSAL(1, NAME_ENV, 3, 'f', 'o', 'o', 0, T_VOID), "import env.foo: no such function");
    CHECK_STR(IMPORT_REFUSAL(1, 1, 'x', NAME_SEND, 0, T_SEND), "import x.mk_send: no such function");
    CHECK_STR(IMPORT_REFUSAL(1, NAME_ENV, NAME_SEND, 0, T_MAP),
              "import env.mk_send has type (i32) -> i32, expected (i64, i32, i32, i32) -> i32");
    CHECK_STR(IMPORT_REFUSAL(1, NAME_ENV, NAME_SEND, 3, I32, 0),
              "import env.mk_send is a global, expected (i64, i32, i32, i32) -> i32");
    CHECK_STR(IMPORT_REFUSAL(1, NAME_ENV, NAME_MEMORY, 2, 0, 1),
              "import env.memory is a memory: only functions can be imported");
    CHECK_STR(IMPORT_REFUSAL(2, NAME_ENV, NAME_SEND, 0, T_SEND, NAME_ENV, 1, 't', 1, 0x70, 0, 1),
              "import env.t is a table: only functions can be imported");
}

TEST(names_are_made_fit_to_print) {
    CHECK_STR(IMPORT_REFUSAL(1, NAME_ENV, 4, 'a', 0, 27, ' ', 0, T_VOID), "import env.a???: no such function");
    module_t name = {.size = 0};
    module_add(&name, BYTES(1, NAME_ENV, 0xC8, 1));
    for (int i = 0; i < 200; i++) module_add(&name, BYTES('n'));
    module_add(&name, BYTES(0, T_VOID));
    import_refusal(name.at, name.size);
    CHECK_EQ(strlen(err), strlen("import env.") + 64 + strlen("...: no such function"));
    CHECK(strstr(err, "nnn...: no such function") != NULL);
}

TEST(a_short_error_buffer_is_never_overrun) {
    module_t         m = guest_without_exports();
    mk_module_info_t info;
    char             small[9] = "12345678";
    CHECK_EQ(mk_module_inspect(m.at, m.size, &info, small, 5), MK_ERR_FORMAT);
    CHECK_STR(small, "no b");
    CHECK_STR(small + 5, "678");
    CHECK_EQ(mk_module_inspect(m.at, m.size, &info, NULL, 0), MK_ERR_FORMAT);
    m = guest();
    CHECK_EQ(inspect(&m, &info), MK_OK);
    CHECK_EQ(mk_module_check(&info, NULL, 0, small, 5), MK_ERR_NOTFOUND);
    CHECK_STR(small, "impo");
    CHECK_EQ(mk_module_check(&info, NULL, 0, NULL, 0), MK_ERR_NOTFOUND);
    mk_module_info_fini(&info);
}

TEST(an_allocator_is_taken_as_a_pair) {
    static const struct {
        const char *alloc, *free;
    } expected[] = {{NULL, NULL}, {"mk_alloc", NULL}, {"malloc", "free"}, {"mk_alloc", NULL}};
    for (int i = 0; i < 4; i++) {
        module_t m = guest_without_exports();
        if (i == 0) EXPORTS(&m, 1, NAME_FREE, 0, 4);
        if (i == 1) EXPORTS(&m, 1, NAME_MK_ALLOC, 0, 3);
        if (i == 2) EXPORTS(&m, 3, NAME_MALLOC, 0, 3, NAME_FREE, 0, 4, NAME_MK_FREE, 0, 4);
        if (i == 3) EXPORTS(&m, 2, NAME_MK_ALLOC, 0, 3, NAME_FREE, 0, 4);
        mk_module_info_t info;
        CHECK_EQ(inspect(&m, &info), MK_OK);
        mk_module_allocator_t pair = mk_module_allocator(&info);
        mk_module_info_fini(&info);
        CHECK((pair.alloc == NULL) == (expected[i].alloc == NULL));
        CHECK((pair.free == NULL) == (expected[i].free == NULL));
        if (pair.alloc != NULL) CHECK_STR(pair.alloc, expected[i].alloc);
        if (pair.free != NULL) CHECK_STR(pair.free, expected[i].free);
    }
}

#define NAME_PRODUCERS 9, 'p', 'r', 'o', 'd', 'u', 'c', 'e', 'r', 's'
#define NAME_PROCESSED 12, 'p', 'r', 'o', 'c', 'e', 's', 's', 'e', 'd', '-', 'b', 'y'
#define NAME_COMPILE   14, 'G', 'o', ' ', 'c', 'm', 'd', '/', 'c', 'o', 'm', 'p', 'i', 'l', 'e'

static bool from_go(const uint8_t *custom, size_t size) {
    module_t         m = module_begin();
    mk_module_info_t info;
    module_section(&m, 0, custom, size);
    CHECK_EQ(inspect(&m, &info), MK_OK);
    bool result = info.from_go;
    mk_module_info_fini(&info);
    return result;
}

TEST(the_standard_go_toolchain_is_recognised) {
    CHECK(from_go(BYTES(10, 'g', 'o', ':', 'b', 'u', 'i', 'l', 'd', 'i', 'd', 1, 2, 3)));
    CHECK(from_go(BYTES(NAME_PRODUCERS, 2, 8, 'l', 'a', 'n', 'g', 'u', 'a', 'g', 'e', 1, 2, 'G', 'o', 1, 'v',
                        NAME_PROCESSED, 1, NAME_COMPILE, 3, '1', '.', '2')));
    /* What TinyGo writes: the language, but another compiler. */
    CHECK(!from_go(BYTES(NAME_PRODUCERS, 2, 8, 'l', 'a', 'n', 'g', 'u', 'a', 'g', 'e', 1, 2, 'G', 'o', 1, 'v',
                         NAME_PROCESSED, 1, 5, 'c', 'l', 'a', 'n', 'g', 0)));
    /* A custom section may hold anything. */
    CHECK(!from_go(BYTES(NAME_PRODUCERS, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 200)));
    CHECK(!from_go(BYTES(NAME_PRODUCERS)));
    CHECK(!from_go(BYTES(0)));
}

TEST(each_failing_allocation_leaves_nothing_behind) {
    module_t m = guest();
    for (unsigned n = 1; oom_arm(n); n++) {
        mk_module_info_t info;
        mk_err_t         result = inspect(&m, &info);
        if (!oom_disarm()) {
            CHECK_EQ(result, MK_OK);
            mk_module_info_fini(&info);
            break;
        }
        CHECK_EQ(result, MK_ERR_NOMEM);
        CHECK(strncmp(err, "out of memory at byte", 21) == 0);
        CHECK(info.imports == NULL && info.exports == NULL && info.functions == NULL);
    }
}
