/* SPDX-License-Identifier: Apache-2.0 */
/* pages_test.c -- memories whose pages have one byte, as a program sees them. The public tests do not know them. */
#include "vm/instance.h"

#include "rig/rig.h"
#include "vm/decode.h"
#include "wasm/module_build.h"

static char err[MK_VM_ERR_BYTES];

enum { BYTES_MIN = 3000, BYTES_MAX = 5000, FUEL = 100000 };
enum { SIZE, GROW, LOAD8, LOAD32, STORE32, FILL, COPY, INIT };

static module_t          m;
static mk_vm_program_t  *program;
static mk_vm_instance_t *instance;

/* A memory of 3000 to 5000 bytes, the text "xyz" as a segment, and a function for each instruction on it. With an address,
 * another copy of the text is put there when an instance is made. */
/* clang-format off */
static void build(const uint8_t *address, size_t address_size) {
    uint8_t data[16] = {2, 1, 3, 'x', 'y', 'z', 0, 0x41};
    m = module_begin();
    SECTION(&m, 1, 4, 0x60, 0, 1, I32, 0x60, 1, I32, 1, I32, 0x60, 2, I32, I32, 0, 0x60, 3, I32, I32, I32, 0);
    SECTION(&m, 3, 8, 0, 1, 1, 1, 2, 3, 3, 3);
    SECTION(&m, 5, 1, 0x09, 0xB8, 0x17, 0x88, 0x27, 0);
    SECTION(&m, 12, 2);
    SECTION(&m, 10, 8, 4, 0, 0x3F, 0, 0x0B,
                       6, 0, 0x20, 0, 0x40, 0, 0x0B,
                       7, 0, 0x20, 0, 0x2D, 0, 0, 0x0B,
                       7, 0, 0x20, 0, 0x28, 2, 0, 0x0B,
                       9, 0, 0x20, 0, 0x20, 1, 0x36, 2, 0, 0x0B,
                       11, 0, 0x20, 0, 0x20, 1, 0x20, 2, 0xFC, 11, 0, 0x0B,
                       12, 0, 0x20, 0, 0x20, 1, 0x20, 2, 0xFC, 10, 0, 0, 0x0B,
                       12, 0, 0x20, 0, 0x20, 1, 0x20, 2, 0xFC, 8, 0, 0, 0x0B);
    memcpy(data + 8, address, address_size);
    memcpy(data + 8 + address_size, (const uint8_t[]){0x0B, 3, 'x', 'y', 'z'}, 5);
    module_section(&m, 11, data, 13 + address_size);
}
/* clang-format on */

/* Segments are put in place; what became of that. */
static mk_vm_trap_t begin_at(const uint8_t *address, size_t address_size) {
    build(address, address_size);
    if (mk_vm_program_create(m.at, m.size, NULL, &program, err, sizeof err) != MK_OK) {
        rig_fail(__FILE__, __LINE__, "%s", err);
    }
    CHECK_EQ(mk_vm_instance_create(program, NULL, NULL, NULL, NULL, NULL, &instance, err, sizeof err), MK_OK);
    return mk_vm_instance_fill(instance);
}

static void begin(void) { CHECK_EQ(begin_at(BYTES(0)), MK_VM_TRAP_NONE); }

static void end(void) {
    mk_vm_instance_destroy(instance);
    mk_vm_program_destroy(program);
}

static uint32_t call(uint32_t function, uint32_t a, uint32_t b, uint32_t c) {
    uint64_t values[3] = {a, b, c};
    CHECK_EQ(mk_vm_call(instance, function, values, values, FUEL), MK_VM_DONE);
    return (uint32_t)values[0];
}

static const char *trap_of(uint32_t function, uint32_t a, uint32_t b, uint32_t c) {
    static char text[160];
    uint64_t    values[3] = {a, b, c};
    CHECK_EQ(mk_vm_call(instance, function, values, values, FUEL), MK_VM_TRAPPED);
    CHECK_EQ(mk_vm_trap(instance), MK_VM_TRAP_MEMORY_BOUNDS);
    mk_vm_trap_text(instance, text, sizeof text);
    return text;
}

TEST(the_memory_is_as_large_as_declared_to_the_byte) {
    begin();
    CHECK_EQ(call(SIZE, 0, 0, 0), BYTES_MIN);
    CHECK_EQ(mk_vm_memory(instance)->bytes, BYTES_MIN);
    CHECK_EQ(mk_vm_memory_size(mk_vm_memory(instance)), BYTES_MIN);
    end();
}

TEST(it_grows_by_bytes_up_to_its_maximum) {
    begin();
    CHECK_EQ(call(GROW, 0, 0, 0), BYTES_MIN);
    CHECK_EQ(call(GROW, 1, 0, 0), BYTES_MIN);
    CHECK_EQ(call(SIZE, 0, 0, 0), BYTES_MIN + 1);
    CHECK_EQ(call(GROW, 2000, 0, 0), UINT32_MAX);
    CHECK_EQ(call(SIZE, 0, 0, 0), BYTES_MIN + 1);
    CHECK_EQ(call(GROW, 1999, 0, 0), BYTES_MIN + 1);
    CHECK_EQ(call(SIZE, 0, 0, 0), BYTES_MAX);
    CHECK_EQ(call(GROW, 1, 0, 0), UINT32_MAX);
    CHECK_EQ(call(GROW, UINT32_MAX, 0, 0), UINT32_MAX);
    end();
}

TEST(what_it_has_grown_by_is_zero_and_the_rest_as_before) {
    begin();
    call(STORE32, BYTES_MIN - 4, 0xA1B2C3D4, 0);
    CHECK_EQ(call(GROW, 4, 0, 0), BYTES_MIN);
    CHECK_EQ(call(LOAD32, BYTES_MIN - 4, 0, 0), 0xA1B2C3D4);
    CHECK_EQ(call(LOAD32, BYTES_MIN, 0, 0), 0u);
    CHECK_EQ(call(LOAD32, BYTES_MIN - 2, 0, 0), 0xA1B2u);
    end();
}

TEST(access_ends_at_the_last_byte) {
    begin();
    CHECK_EQ(call(LOAD8, BYTES_MIN - 1, 0, 0), 0u);
    CHECK_EQ(call(LOAD32, BYTES_MIN - 4, 0, 0), 0u);
    trap_of(LOAD8, BYTES_MIN, 0, 0);
    trap_of(LOAD8, UINT32_MAX, 0, 0);
    trap_of(LOAD32, UINT32_MAX - 1, 0, 0);
    trap_of(STORE32, BYTES_MIN - 3, UINT32_MAX, 0);
    CHECK_EQ(call(LOAD32, BYTES_MIN - 4, 0, 0), 0u);
    CHECK(strstr(trap_of(LOAD32, BYTES_MIN - 3, 0, 0), "4 bytes at 2997 of 3000") != NULL);
    CHECK_EQ(call(GROW, 1, 0, 0), BYTES_MIN);
    CHECK_EQ(call(LOAD32, BYTES_MIN - 3, 0, 0), 0u);
    end();
}

TEST(bulk_operations_end_at_the_last_byte) {
    begin();
    call(FILL, BYTES_MIN - 5, 7, 5);
    CHECK_EQ(call(LOAD32, BYTES_MIN - 4, 0, 0), 0x07070707u);
    trap_of(FILL, BYTES_MIN - 5, 9, 6);
    CHECK_EQ(call(LOAD8, BYTES_MIN - 1, 0, 0), 7u);
    call(INIT, BYTES_MIN - 3, 0, 3);
    CHECK_EQ(call(LOAD32, BYTES_MIN - 4, 0, 0), 0x7A797807u);
    trap_of(INIT, BYTES_MIN - 2, 0, 3);
    call(COPY, 0, BYTES_MIN - 3, 3);
    CHECK_EQ(call(LOAD32, 0, 0, 0), 0x007A7978u);
    trap_of(COPY, 0, BYTES_MIN - 3, 4);
    call(FILL, BYTES_MIN, 1, 0);
    trap_of(FILL, BYTES_MIN + 1, 1, 0);
    end();
}

TEST(segments_end_at_the_last_byte) {
    CHECK_EQ(begin_at(BYTES(0xB5, 0x17)), MK_VM_TRAP_NONE); /* 2997 */
    CHECK_EQ(call(LOAD8, BYTES_MIN - 1, 0, 0), 'z');
    end();
    CHECK_EQ(begin_at(BYTES(0xB6, 0x17)), MK_VM_TRAP_MEMORY_BOUNDS);
    end();
}
