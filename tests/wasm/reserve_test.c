/* SPDX-License-Identifier: Apache-2.0 */
/* reserve_test.c -- a rewritten module is the same guest with a region it does not know of.
 *
 * Rewritten code is not only looked at: a few lines of interpreter here run it, knowing just the
 * instructions that it and the tests' functions are made of. */
#include "wasm/reserve.h"

#include "base/mem.h"
#include "rig/oom.h"
#include "rig/rig.h"
#include "wasm/module_build.h"

static char err[MK_MODULE_ERR_BYTES];

/* The result of a rewrite, copied out so that a failing check leaves nothing allocated. */
static module_t reserved(const module_t *m, uint32_t pages, uint32_t expected_offset) {
    module_t out = {.size = 0};
    uint8_t *bytes = NULL;
    size_t   size = 0;
    uint32_t offset = 0;
    mk_err_t result = mk_module_reserve(m->at, m->size, pages, &bytes, &size, &offset, err, sizeof err);
    if (result == MK_OK && size <= sizeof out.at) module_add(&out, bytes, size);
    mk_free(bytes);
    CHECK_STR(err, "");
    CHECK_EQ(result, MK_OK);
    CHECK_EQ(out.size, size);
    CHECK_EQ(offset, expected_offset);
    return out;
}

static mk_err_t refusal(const module_t *m, uint32_t pages) {
    uint8_t *bytes = NULL;
    size_t   size = 7;
    uint32_t offset = 7;
    mk_err_t result = mk_module_reserve(m->at, m->size, pages, &bytes, &size, &offset, err, sizeof err);
    if (result == MK_OK) mk_free(bytes);
    CHECK(result != MK_OK);
    CHECK(bytes == NULL && size == 7 && offset == 7);
    return result;
}

static mk_module_info_t inspect(const module_t *m) {
    mk_module_info_t info;
    mk_err_t         result = mk_module_inspect(m->at, m->size, &info, err, sizeof err);
    CHECK_STR(err, "");
    CHECK_EQ(result, MK_OK);
    return info;
}

static uint32_t leb(const uint8_t **at) {
    uint32_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint32_t)(byte & 0x7F) << shift;
        if (byte < 0x80) return value;
    }
}

/* The content of a section, or NULL; of custom ones the first. */
static const uint8_t *find_section(const module_t *m, uint8_t id, uint32_t *size) {
    for (const uint8_t *at = m->at + 8; at < m->at + m->size;) {
        uint8_t this = *at++;
        *size = leb(&at);
        if (this == id) return at;
        at += *size;
    }
    return NULL;
}

/* The ids of a module's sections, in order. */
static const char *section_order(const module_t *m) {
    static char text[64];
    char       *out = text;
    for (const uint8_t *at = m->at + 8; at < m->at + m->size;) {
        out += snprintf(out, 8, "%u ", *at++);
        uint32_t size = leb(&at);
        at += size;
    }
    return text;
}

/* --- the interpreter ----------------------------------------------------------------------- */

enum { F_SIZE, F_GROW, F_TWICE, F_HANDLE }; /* what asking_guest() below is made of */

typedef struct machine {
    const module_t *module;
    uint32_t        pages, pages_max;
    int32_t         globals[8];
    int32_t         stack[64];
    unsigned        top;
} machine_t;

static const uint8_t *find_body(const module_t *m, uint32_t function) {
    uint32_t       size;
    const uint8_t *at = find_section(m, 10, &size);
    (void)leb(&at);
    while (function-- > 0) {
        uint32_t body = leb(&at);
        at += body;
    }
    (void)leb(&at);
    return at;
}

static void start(machine_t *vm, const module_t *m) {
    uint32_t       size;
    const uint8_t *at = find_section(m, 5, &size) + 1;
    bool           has_max = *at++ != 0;
    *vm = (machine_t){.module = m};
    vm->pages = leb(&at);
    vm->pages_max = has_max ? leb(&at) : 65536;
    at = find_section(m, 6, &size);
    for (uint32_t i = 0, count = at != NULL ? leb(&at) : 0; i < count; i++) {
        at += 3; /* type, mutability, i32.const */
        vm->globals[i] = (int32_t)leb(&at);
        at++;
    }
}

static int32_t memory_grow(machine_t *vm, uint32_t by) {
    uint32_t old = vm->pages;
    if (by > vm->pages_max - old) return -1;
    vm->pages += by;
    return (int32_t)old;
}

static void run(machine_t *vm, uint32_t function, uint32_t params);

static void push(machine_t *vm, int32_t value) {
    CHECK(vm->top < sizeof vm->stack / sizeof *vm->stack);
    vm->stack[vm->top++] = value;
}

static int32_t pop(machine_t *vm) {
    CHECK(vm->top > 0);
    return vm->stack[--vm->top];
}

static void skip_unless(int32_t condition, const uint8_t **at, unsigned *depth) {
    CHECK_EQ(*(*at)++, 0x40);
    if (condition != 0) {
        ++*depth;
    } else {
        while (*(*at)++ != 0x0B) {} /* nothing in these blocks looks like an end */
    }
}

/* Only what was appended is ever called, in pairs of size and grow. */
static void call(machine_t *vm, uint32_t function) {
    CHECK(function > F_HANDLE);
    run(vm, function, (function - F_HANDLE - 1) % 2);
}

/* One instruction; false: the function returns. Blocks have no value here, and no else. */
static bool step(machine_t *vm, const uint8_t **at, int32_t *locals, unsigned *depth) {
    uint8_t op = *(*at)++;
    switch (op) {
    case 0x01: return true;
    case 0x04: skip_unless(pop(vm), at, depth); return true;
    case 0x0B: return (*depth)-- > 0;
    case 0x0F: return false;
    case 0x10: call(vm, leb(at)); return true;
    case 0x1A: pop(vm); return true;
    case 0x20: push(vm, locals[leb(at)]); return true;
    case 0x22: push(vm, locals[leb(at)] = pop(vm)); return true;
    case 0x23: push(vm, vm->globals[leb(at)]); return true;
    case 0x24: vm->globals[leb(at)] = pop(vm); return true;
    case 0x3F: ++*at, push(vm, (int32_t)vm->pages); return true;
    case 0x40: ++*at, push(vm, memory_grow(vm, (uint32_t)pop(vm))); return true;
    case 0x41: push(vm, (int32_t)(*(*at)++ ^ 0x40) - 0x40); return true; /* one byte is all that is used */
    case 0x45: push(vm, pop(vm) == 0); return true;
    case 0x47: push(vm, pop(vm) != pop(vm)); return true;
    case 0x6A: push(vm, pop(vm) + pop(vm)); return true;
    default: rig_fail(__FILE__, __LINE__, "instruction 0x%02x", op);
    }
}

static void run(machine_t *vm, uint32_t function, uint32_t params) {
    const uint8_t *at = find_body(vm->module, function);
    int32_t        locals[8] = {0};
    unsigned       depth = 0;
    for (uint32_t i = params; i-- > 0;) locals[i] = pop(vm);
    for (uint32_t groups = leb(&at); groups > 0; groups--) {
        (void)leb(&at);
        at++;
    }
    while (step(vm, &at, locals, &depth)) {}
}

static int32_t call0(machine_t *vm, uint32_t function) {
    vm->top = 0;
    run(vm, function, 0);
    CHECK_EQ(vm->top, 1);
    return vm->stack[0];
}

static int32_t call1(machine_t *vm, uint32_t function, int32_t argument) {
    vm->top = 1;
    vm->stack[0] = argument;
    run(vm, function, 1);
    CHECK_EQ(vm->top, 1);
    return vm->stack[0];
}

/* --- modules -------------------------------------------------------------------------------- */

/* A guest of 2 to 5 pages that asks for its memory's size and grows it, with or without a global. */
static module_t asking_guest(bool with_global) {
    module_t m = module_begin();
    SECTION(&m, 0, 1, 'a', 1, 2, 3);
    module_types(&m);
    SECTION(&m, 3, 4, T_GET, T_MAP, T_GET, T_HANDLE);
    SECTION(&m, 5, 1, 1, 2, 5);
    if (with_global) SECTION(&m, 6, 1, I32, 1, 0x41, 33, 0x0B);
    SECTION(&m, 0, 1, 'b');
    SECTION(&m, 7, 2, NAME_MEMORY, 2, 0, NAME_HANDLE, 0, F_HANDLE);
    /* clang-format off */
    SECTION(&m, 10, 4,
            4, 0, 0x3F, 0, 0x0B,
            6, 0, 0x20, 0, 0x40, 0, 0x0B,
            13, 1, 2, I64, 0x3F, 0, 0x3F, 0, 0x6A, 0x41, 9, 0x1A, 0x01, 0x0B,
            4, 0, 0x41, 1, 0x0B);
    /* clang-format on */
    SECTION(&m, 0, 4, 'n', 'a', 'm', 'e', 1, 1, 0);
    return m;
}

static module_t quiet_guest(uint8_t min, uint8_t max) {
    module_t m = module_begin();
    module_types(&m);
    SECTION(&m, 3, 1, T_HANDLE);
    SECTION(&m, 5, 1, 1, min, max);
    SECTION(&m, 7, 2, NAME_MEMORY, 2, 0, NAME_HANDLE, 0, 0);
    SECTION(&m, 10, 1, 4, 0, 0x41, 1, 0x0B);
    return m;
}

/* --- tests ---------------------------------------------------------------------------------- */

TEST(the_region_begins_where_the_declared_memory_ended) {
    module_t         m = quiet_guest(3, 7), out = reserved(&m, 2, 3 * 65536);
    mk_module_info_t info = inspect(&out);
    CHECK_EQ(info.memory_min, 5);
    CHECK_EQ(info.memory_max, 9);
    mk_module_info_fini(&info);
}

TEST(a_guest_that_never_asks_keeps_everything_but_its_limits) {
    module_t m = quiet_guest(3, 7), out = reserved(&m, 1, 3 * 65536);
    CHECK_STR(section_order(&out), section_order(&m));
    for (uint8_t id = 1; id <= 10; id++) {
        uint32_t       before = 0, after = 0;
        const uint8_t *was = find_section(&m, id, &before), *is = find_section(&out, id, &after);
        CHECK_EQ(was == NULL, is == NULL);
        if (was != NULL && id != 5) CHECK(before == after && memcmp(was, is, after) == 0);
    }
}

TEST(a_memory_without_a_maximum_gets_none) {
    module_t m = module_begin();
    SECTION(&m, 5, 1, 0, 1);
    module_t         out = reserved(&m, 1, 65536);
    mk_module_info_t info = inspect(&out);
    CHECK(!info.memory_has_max);
    CHECK_EQ(info.memory_min, 2);
    mk_module_info_fini(&info);
}

TEST(the_maximum_stops_at_4_gib) {
    module_t m = module_begin();
    SECTION(&m, 5, 1, 1, 1, 0xFF, 0xFF, 3);
    module_t         out = reserved(&m, 2, 65536);
    mk_module_info_t info = inspect(&out);
    CHECK_EQ(info.memory_max, 65536);
    mk_module_info_fini(&info);
}

TEST(sections_stay_in_place_and_a_missing_global_section_comes_where_it_belongs) {
    module_t with = asking_guest(true), without = asking_guest(false);
    module_t out = reserved(&with, 1, 2 * 65536);
    CHECK_STR(section_order(&out), "0 1 3 5 6 0 7 10 0 ");
    out = reserved(&without, 1, 2 * 65536);
    CHECK_STR(section_order(&out), "0 1 3 5 0 6 7 10 0 ");
}

TEST(everything_is_appended_so_no_index_shifts) {
    module_t         m = asking_guest(true), out = reserved(&m, 1, 2 * 65536);
    mk_module_info_t before = inspect(&m), after = inspect(&out);
    bool             same_exports = before.export_count == after.export_count;
    for (uint32_t i = 0; i < before.export_count && same_exports; i++) {
        same_exports =
            before.exports[i].index == after.exports[i].index && before.exports[i].type == after.exports[i].type;
    }
    bool     same_types = memcmp(before.functions, after.functions, before.function_count * sizeof(uint32_t)) == 0;
    bool     sizer = mk_module_type_is(&after, after.functions[before.function_count], "()i");
    bool     grower = mk_module_type_is(&after, after.functions[before.function_count + 1], "(i)i");
    uint32_t counts[] = {after.type_count - before.type_count, after.function_count - before.function_count,
                         after.global_count - before.global_count, after.memory_size_uses, after.memory_grow_uses};
    mk_module_info_fini(&before);
    mk_module_info_fini(&after);
    CHECK(same_exports && same_types && sizer && grower);
    CHECK_EQ(counts[0], 2);
    CHECK_EQ(counts[1], 2);
    CHECK_EQ(counts[2], 1);
    CHECK_EQ(counts[3], 0); /* nobody asks the true size any more ...       */
    CHECK_EQ(counts[4], 1); /* ... and only the appended function grows it  */
}

TEST(the_guest_sees_its_own_size_until_it_grows_and_true_addresses_then) {
    for (int with_global = 0; with_global < 2; with_global++) {
        module_t  m = asking_guest(with_global), out = reserved(&m, 2, 2 * 65536);
        machine_t vm;
        start(&vm, &out);
        CHECK_EQ(vm.pages, 4);
        CHECK_EQ(call0(&vm, F_SIZE), 2);
        CHECK_EQ(call0(&vm, F_TWICE), 4);
        CHECK_EQ(call1(&vm, F_GROW, 0), 2);
        CHECK_EQ(call0(&vm, F_SIZE), 2);
        CHECK_EQ(call1(&vm, F_GROW, 2), 4); /* behind the region, not at 2 */
        CHECK_EQ(call0(&vm, F_SIZE), 6);
        CHECK_EQ(call1(&vm, F_GROW, 0), 6);
        CHECK_EQ(call1(&vm, F_GROW, 1), 6);
        CHECK_EQ(call0(&vm, F_SIZE), 7);
        CHECK_EQ(vm.pages, 7);
        if (with_global) CHECK_EQ(vm.globals[0], 33);
    }
}

TEST(the_guests_own_limit_stays_what_it_was) {
    module_t  m = asking_guest(false), out = reserved(&m, 1, 2 * 65536);
    machine_t before, after;
    start(&before, &m);
    start(&after, &out);
    CHECK_EQ(call1(&before, F_GROW, 4), -1);
    CHECK_EQ(call1(&after, F_GROW, 4), -1);
    CHECK_EQ(call0(&after, F_SIZE), 2); /* a refused growth changes nothing */
    CHECK_EQ(call1(&after, F_GROW, -1), -1);
    CHECK_EQ(call0(&after, F_SIZE), 2);
    CHECK_EQ(call1(&before, F_GROW, 3), 2);
    CHECK_EQ(call1(&after, F_GROW, 3), 3);
    CHECK_EQ(call1(&before, F_GROW, 1), -1);
    CHECK_EQ(call1(&after, F_GROW, 1), -1);
}

TEST(function_numbers_of_several_bytes_are_written_and_sizes_follow) {
    enum { FUNCTIONS = 200 };
    module_t m = module_begin(), section = {.size = 0};
    module_types(&m);
    module_add(&section, BYTES(FUNCTIONS | 0x80, FUNCTIONS >> 7));
    for (int i = 0; i < FUNCTIONS; i++) module_add(&section, BYTES(T_GET));
    module_section(&m, 3, section.at, section.size);
    SECTION(&m, 5, 1, 0, 1);
    section.size = 0;
    module_add(&section, BYTES(FUNCTIONS | 0x80, FUNCTIONS >> 7));
    for (int i = 0; i < FUNCTIONS; i++) module_add(&section, BYTES(4, 0, 0x3F, 0, 0x0B));
    module_section(&m, 10, section.at, section.size);

    uint8_t *bytes;
    size_t   size;
    uint32_t offset;
    CHECK_EQ(mk_module_reserve(m.at, m.size, 1, &bytes, &size, &offset, err, sizeof err), MK_OK);
    mk_module_info_t info;
    mk_err_t         result = mk_module_inspect(bytes, size, &info, err, sizeof err);
    uint32_t         functions = info.function_count;
    mk_module_info_fini(&info);
    mk_free(bytes);
    CHECK_EQ(result, MK_OK);
    CHECK_EQ(functions, FUNCTIONS + 2);
}

TEST(a_rewritten_module_can_be_rewritten_again) {
    module_t  m = asking_guest(false), once = reserved(&m, 1, 2 * 65536);
    module_t  twice = reserved(&once, 1, 3 * 65536);
    machine_t vm;
    CHECK_STR(section_order(&twice), "0 1 3 5 0 6 7 10 0 ");
    start(&vm, &twice);
    CHECK_EQ(vm.pages, 4);
    CHECK_EQ(call0(&vm, F_SIZE), 2);
    CHECK_EQ(call1(&vm, F_GROW, 1), 4);
    CHECK_EQ(call0(&vm, F_SIZE), 5);
}

TEST(a_module_with_no_place_for_a_region_is_refused) {
    module_t m = quiet_guest(3, 7);
    CHECK_EQ(refusal(&m, 0), MK_ERR_INVALID);
    CHECK_EQ(refusal(&m, 65534), MK_ERR_LIMIT);
    CHECK_STR(err, "memory leaves no room for payloads below 65536 pages");
    m = module_begin();
    CHECK_EQ(refusal(&m, 1), MK_ERR_NOSYS);
    CHECK_STR(err, "no memory of its own to place payloads in");
    SECTION(&m, 2, 1, NAME_ENV, NAME_MEMORY, 2, 0, 1);
    CHECK_EQ(refusal(&m, 1), MK_ERR_NOSYS);
    CHECK_STR(err, "no memory of its own to place payloads in");
    m.size = 3;
    CHECK_EQ(refusal(&m, 1), MK_ERR_FORMAT);
}

TEST(standard_go_without_an_allocator_is_refused_with_the_reason) {
    module_t m = quiet_guest(3, 7);
    SECTION(&m, 0, 10, 'g', 'o', ':', 'b', 'u', 'i', 'l', 'd', 'i', 'd');
    CHECK_EQ(refusal(&m, 1), MK_ERR_NOSYS);
    CHECK(strstr(err, "standard Go toolchain") != NULL && strstr(err, "export 'mk_alloc'") != NULL);
}

TEST(each_failing_allocation_leaves_nothing_behind) {
    module_t m = asking_guest(true);
    for (unsigned n = 1; oom_arm(n); n++) {
        uint8_t *bytes = NULL;
        size_t   size;
        uint32_t offset;
        mk_err_t result = mk_module_reserve(m.at, m.size, 1, &bytes, &size, &offset, err, sizeof err);
        if (!oom_disarm()) {
            mk_free(bytes);
            CHECK_EQ(result, MK_OK);
            break;
        }
        CHECK_EQ(result, MK_ERR_NOMEM);
        CHECK(bytes == NULL);
    }
}
