/* SPDX-License-Identifier: Apache-2.0 */
/* link_test.c -- what an import is bound to, what fits and what does not, and how it is told. */
#include "vm/link.h"

#include "base/mem.h"
#include "rig/oom.h"
#include "rig/rig.h"
#include "vm/decode.h"
#include "wasm/module_build.h"

static char err[MK_VM_ERR_BYTES];

#define NAME_A 1, 'a'
#define FUNC   1, 'f'
#define TABLE  1, 't'
#define MEMORY 1, 'm'
#define GLOBAL 1, 'g'
#define CONST  1, 'c'

/* Instances of one store, each with its program and links. The first is the one others import from. */
enum { PLACES = 4 };
static struct place {
    module_t          bytes;
    mk_vm_program_t  *program;
    mk_vm_links_t     links;
    mk_vm_instance_t *instance;
} places[PLACES];
static unsigned      used;
static mk_vm_store_t store;

static mk_vm_host_end_t answer(mk_vm_instance_t *instance, const void *arg, uint64_t *slots) {
    (void)instance;
    slots[0] += *(const uint32_t *)arg;
    return MK_VM_HOST_DONE;
}

static const uint32_t hundred = 100;

/* Module "a" is the first instance, "b" the second, ...; "host" has a function "f" of signature (i)i. */
static bool resolve(void *arg, mk_vm_name_t module, mk_vm_name_t name, mk_vm_offer_t *out) {
    (void)arg;
    CHECK(out->fn == NULL && out->instance == NULL && out->export == NULL);
    if (mk_vm_name_is(module, "host")) {
        *out = (mk_vm_offer_t){.fn = answer, .arg = &hundred, .signature = "(i)i"};
        return mk_vm_name_is(name, "f");
    }
    unsigned which = module.size == 1 ? (unsigned)(module.at[0] - 'a') : PLACES;
    if (which >= used) return false;
    out->instance = places[which].instance;
    out->export = mk_vm_find_export(&places[which].program->module, name);
    return out->export != NULL;
}

static mk_err_t put(const module_t *m) {
    struct place *p = &places[used];
    *p = (struct place){.bytes = *m};
    mk_err_t result = mk_vm_program_create(p->bytes.at, p->bytes.size, NULL, &p->program, err, sizeof err);
    if (result != MK_OK) return result;
    result = mk_vm_link(&p->program->module, resolve, NULL, &p->links, err, sizeof err);
    if (result == MK_OK) {
        result = mk_vm_instance_create(p->program, &p->links.imports, NULL, NULL, &store, NULL, &p->instance, err,
                                       sizeof err);
    }
    if (result == MK_OK) {
        used++;
        return MK_OK;
    }
    mk_vm_links_fini(&p->links);
    mk_vm_program_destroy(p->program);
    return result;
}

static void begin(void) {
    used = 0;
    mk_vm_store_init(&store);
}

static void end(void) {
    mk_vm_store_fini(&store);
    while (used > 0) {
        used--;
        mk_vm_links_fini(&places[used].links);
        mk_vm_program_destroy(places[used].program);
    }
}

/* One of each kind: function (i)i that adds 1, table of 2 to 5, memory of 1 to 3 pages, a mutable and a constant global. */
/* clang-format off */
static module_t exporter(void) {
    module_t m = module_begin();
    module_types(&m);
    SECTION(&m, 3, 1, T_MAP);
    SECTION(&m, 4, 1, 0x70, 1, 2, 5);
    SECTION(&m, 5, 1, 1, 1, 3);
    SECTION(&m, 6, 2, I32, 1, 0x41, 7, 0x0B, I64, 0, 0x42, 9, 0x0B);
    SECTION(&m, 7, 5, FUNC, 0, 0, TABLE, 1, 0, MEMORY, 2, 0, GLOBAL, 3, 0, CONST, 3, 1);
    SECTION(&m, 10, 1, 7, 0, 0x20, 0, 0x41, 1, 0x6A, 0x0B);
    return m;
}

/* Imports one thing of the first instance; `what` is kind and type. Types: 0 is (i)i, 1 is (), 2 is (I)(i, i). */
static module_t importer(const uint8_t *what, size_t size) {
    uint8_t  import[64] = {1, NAME_A};
    module_t m = module_begin();
    memcpy(import + 3, what, size);
    SECTION(&m, 1, 3, 0x60, 1, I32, 1, I32, 0x60, 0, 0, 0x60, 1, I64, 2, I32, I32);
    module_section(&m, 2, import, size + 3);
    return m;
}
/* clang-format on */

static mk_err_t import_from_first(const uint8_t *what, size_t size) {
    module_t m = importer(what, size);
    return put(&m);
}

/* The text after the name of the import. */
static const char *refusal(const uint8_t *what, size_t size) {
    static const char beginning[] = "incompatible import type: a.";
    CHECK_EQ(import_from_first(what, size), MK_ERR_FORMAT);
    CHECK_EQ(strncmp(err, beginning, sizeof beginning - 1), 0);
    return err + sizeof beginning + 2;
}

#define FITS(...)          CHECK_EQ(import_from_first(BYTES(__VA_ARGS__)), MK_OK)
#define REFUSES(text, ...) CHECK_STR(refusal(BYTES(__VA_ARGS__)), text)

static void begin_with_exporter(void) {
    module_t m = exporter();
    begin();
    CHECK_EQ(put(&m), MK_OK);
}

/* Two functions, a table, a memory, two globals; exports function 2, which adds host.f and a.f, and its imports 0 and 1. */
/* clang-format off */
static module_t everything(void) {
    module_t m = module_begin();
    module_types(&m);
    SECTION(&m, 2, 6, 4, 'h', 'o', 's', 't', FUNC, 0, T_MAP,
                      NAME_A, CONST, 3, I64, 0,
                      NAME_A, FUNC, 0, T_MAP,
                      NAME_A, TABLE, 1, 0x70, 1, 1, 5,
                      NAME_A, MEMORY, 2, 1, 0, 3,
                      NAME_A, GLOBAL, 3, I32, 1);
    SECTION(&m, 3, 1, T_MAP);
    SECTION(&m, 7, 3, 1, 'h', 0, 0, FUNC, 0, 1, 1, 's', 0, 2);
    SECTION(&m, 10, 1, 11, 0, 0x20, 0, 0x10, 0, 0x20, 0, 0x10, 1, 0x6A, 0x0B);
    return m;
}
/* clang-format on */

TEST(each_import_is_bound_to_its_export) {
    module_t m = everything();
    begin_with_exporter();
    CHECK_EQ(put(&m), MK_OK);
    CHECK_STR(err, "");
    const mk_vm_imports_t *imports = &places[1].links.imports;
    CHECK(imports->functions[0].fn == answer && imports->functions[0].arg == &hundred);
    CHECK(imports->functions[1].fn == NULL && imports->functions[1].instance == places[0].instance);
    CHECK_EQ(imports->functions[1].function, 0u);
    CHECK(imports->tables[0] == mk_vm_table(places[0].instance, 0));
    CHECK(imports->globals[0] == mk_vm_global(places[0].instance, 1));
    CHECK(imports->globals[1] == mk_vm_global(places[0].instance, 0));
    CHECK(imports->memory == mk_vm_memory(places[0].instance));
    end();
}

TEST(calls_reach_the_host_and_the_other_instance) {
    module_t m = everything();
    uint64_t value = 5;
    begin_with_exporter();
    CHECK_EQ(put(&m), MK_OK);
    CHECK_EQ(mk_vm_call(places[1].instance, 2, &value, &value, 1000), MK_VM_DONE);
    CHECK_EQ(value, 105 + 6);
    end();
}

TEST(a_function_that_is_handed_on_is_bound_to_where_it_comes_from) {
    static const uint8_t of_b[] = {2, 1, 'b', FUNC, 0, 0, 1, 'b', 1, 'h', 0, 0};
    module_t             m = everything(), last = module_begin();
    begin_with_exporter();
    CHECK_EQ(put(&m), MK_OK);
    SECTION(&last, 1, 1, 0x60, 1, I32, 1, I32);
    module_section(&last, 2, of_b, sizeof of_b);
    CHECK_EQ(put(&last), MK_OK);
    const mk_vm_import_function_t *functions = places[2].links.imports.functions;
    CHECK(functions[0].instance == places[0].instance && functions[0].function == 0);
    CHECK(functions[1].fn == NULL && functions[1].instance == places[1].instance && functions[1].function == 0);
    end();
}

TEST(a_module_without_imports_takes_no_memory) {
    mk_vm_program_t *program;
    mk_vm_links_t    links;
    module_t         m = exporter();
    CHECK_EQ(mk_vm_program_create(m.at, m.size, NULL, &program, err, sizeof err), MK_OK);
    oom_arm_all();
    mk_err_t result = mk_vm_link(&program->module, resolve, NULL, &links, err, sizeof err);
    oom_disarm();
    CHECK_EQ(result, MK_OK);
    CHECK(links.block == NULL && links.imports.memory == NULL);
    mk_vm_links_fini(&links);
    mk_vm_program_destroy(program);
}

TEST(an_unknown_import_is_named) {
    begin_with_exporter();
    CHECK_EQ(import_from_first(BYTES(1, 'x', 0, 0)), MK_ERR_NOTFOUND);
    CHECK_STR(err, "unknown import: a.x");
    end();
    CHECK_EQ(import_from_first(BYTES(FUNC, 0, 0)), MK_ERR_NOTFOUND);
    CHECK_STR(err, "unknown import: a.f");
}

TEST(functions_fit_by_structure) {
    begin_with_exporter();
    FITS(FUNC, 0, 0);
    REFUSES("function () -> () wanted, function (i32) -> i32 found", FUNC, 0, 1);
    REFUSES("function (i64) -> (i32, i32) wanted, function (i32) -> i32 found", FUNC, 0, 2);
    end();
}

TEST(functions_of_the_host_fit_by_their_signature) {
    static const uint8_t wrong[] = {1, 4, 'h', 'o', 's', 't', FUNC, 0, T_SEND};
    module_t             m = module_begin();
    module_types(&m);
    module_section(&m, 2, wrong, sizeof wrong);
    begin();
    CHECK_EQ(put(&m), MK_ERR_FORMAT);
    CHECK_STR(err, "incompatible import type: host.f: function (i64, i32, i32, i32) -> i32 wanted, "
                   "function (i32) -> i32 found");
    end();
}

TEST(a_kind_is_not_another) {
    begin_with_exporter();
    REFUSES("constant global i32 wanted, function (i32) -> i32 found", FUNC, 3, I32, 0);
    REFUSES("function () -> () wanted, table of 2 to 5 funcref found", TABLE, 0, 1);
    REFUSES("table of 0 or more externref wanted, memory of 1 to 3 pages found", MEMORY, 1, 0x6F, 0, 0);
    REFUSES("memory of 0 or more pages wanted, mutable global i32 found", GLOBAL, 2, 0, 0);
    end();
}

TEST(globals_fit_by_type_and_mutability) {
    begin_with_exporter();
    FITS(GLOBAL, 3, I32, 1);
    FITS(CONST, 3, I64, 0);
    REFUSES("constant global i32 wanted, mutable global i32 found", GLOBAL, 3, I32, 0);
    REFUSES("mutable global i64 wanted, constant global i64 found", CONST, 3, I64, 1);
    REFUSES("constant global f64 wanted, constant global i64 found", CONST, 3, F64, 0);
    end();
}

TEST(tables_fit_within_their_limits) {
    begin_with_exporter();
    FITS(TABLE, 1, 0x70, 0, 2);
    FITS(TABLE, 1, 0x70, 1, 0, 5);
    REFUSES("table of 3 or more funcref wanted, table of 2 to 5 funcref found", TABLE, 1, 0x70, 0, 3);
    REFUSES("table of 1 to 4 funcref wanted, table of 2 to 5 funcref found", TABLE, 1, 0x70, 1, 1, 4);
    REFUSES("table of 0 or more externref wanted, table of 2 to 5 funcref found", TABLE, 1, 0x6F, 0, 0);
    end();
}

TEST(memories_fit_within_their_limits_and_in_the_size_of_pages) {
    begin_with_exporter();
    FITS(MEMORY, 2, 0, 1);
    REFUSES("memory of 2 or more pages wanted, memory of 1 to 3 pages found", MEMORY, 2, 0, 2);
    REFUSES("memory of 1 to 2 pages wanted, memory of 1 to 3 pages found", MEMORY, 2, 1, 1, 2);
    REFUSES("memory of 0 or more bytes wanted, memory of 1 to 3 pages found", MEMORY, 2, 8, 0, 0);
    end();
}

TEST(a_memory_is_as_large_as_it_has_grown) {
    begin_with_exporter();
    CHECK_EQ(mk_vm_memory_grow(mk_vm_memory(places[0].instance), 1), 1u);
    FITS(MEMORY, 2, 1, 2, 3);
    end();
}

TEST(what_has_no_maximum_does_not_fit_one) {
    module_t m = module_begin();
    begin();
    SECTION(&m, 4, 1, 0x70, 0, 0);
    SECTION(&m, 5, 1, 0, 0);
    SECTION(&m, 7, 2, TABLE, 1, 0, MEMORY, 2, 0);
    CHECK_EQ(put(&m), MK_OK);
    FITS(TABLE, 1, 0x70, 0, 0);
    REFUSES("table of 0 to 9 funcref wanted, table of 0 or more funcref found", TABLE, 1, 0x70, 1, 0, 9);
    REFUSES("memory of 0 to 9 pages wanted, memory of 0 or more pages found", MEMORY, 2, 1, 0, 9);
    end();
}

TEST(a_long_type_is_cut_and_any_name_can_be_printed) {
    uint8_t  types[68] = {1, 0x60, 63};
    module_t m = module_begin();
    memset(types + 3, F64, 63);
    module_section(&m, 1, types, sizeof types - 1);
    SECTION(&m, 2, 1, NAME_A, FUNC, 0, 0);
    begin_with_exporter();
    CHECK_EQ(put(&m), MK_ERR_FORMAT);
    CHECK(strstr(err, "f64, f") != NULL && strstr(err, "wanted, function (i32) -> i32 found") != NULL);
    CHECK_EQ(import_from_first(BYTES(2, '\n', '%', 0, 0)), MK_ERR_NOTFOUND);
    CHECK_STR(err, "unknown import: a.?%");
    end();
}

TEST(nobody_has_to_want_the_text) {
    module_t         m = importer(BYTES(FUNC, 0, 1));
    mk_vm_program_t *program;
    mk_vm_links_t    links;
    begin_with_exporter();
    CHECK_EQ(mk_vm_program_create(m.at, m.size, NULL, &program, NULL, 0), MK_OK);
    CHECK_EQ(mk_vm_link(&program->module, resolve, NULL, &links, NULL, 0), MK_ERR_FORMAT);
    CHECK(links.block == NULL && links.imports.functions == NULL);
    mk_vm_program_destroy(program);
    end();
}

TEST(a_failed_allocation_leaves_nothing_behind) {
    module_t m = everything();
    begin_with_exporter();
    for (unsigned n = 1; oom_arm(n); n++) {
        mk_err_t result = put(&m);
        if (!oom_disarm()) {
            CHECK_EQ(result, MK_OK);
            break;
        }
        CHECK_EQ(result, MK_ERR_NOMEM);
        CHECK_EQ(used, 1u);
    }
    CHECK_EQ(used, 2u);
    end();
}
