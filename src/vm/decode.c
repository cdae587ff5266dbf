/* SPDX-License-Identifier: Apache-2.0 */
/* decode.c -- the sections of a module one after the other; types and segments have files of their own. */
#include "vm/decoder.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

uint32_t mk_vm_decode_count(mk_vm_decoder_t *d, size_t least_bytes, uint32_t already, uint32_t limit,
                            const char *what) {
    const uint8_t *at = d->r.at;
    uint32_t       count = mk_vm_count(&d->r, least_bytes);
    if (count <= limit && already <= limit - count) return count;
    mk_vm_fail(&d->r, at, MK_ERR_LIMIT, "%llu %s, more than the %u allowed", (unsigned long long)already + count, what,
               (unsigned)limit);
    return 0;
}

void *mk_vm_decode_grow(mk_vm_decoder_t *d, void *items, uint32_t count, uint32_t more, size_t item_bytes) {
    if (more == 0 || d->r.err != MK_OK) return items;
    size_t   had = count * item_bytes, added = more * item_bytes;
    uint8_t *grown = added / item_bytes == more && had + added > had ? mk_realloc(items, had + added) : NULL;
    if (grown == NULL) {
        mk_vm_fail(&d->r, d->r.at, MK_ERR_NOMEM, "out of memory");
        return items;
    }
    memset(grown + had, 0, added);
    return grown;
}

uint32_t mk_vm_decode_index(mk_vm_decoder_t *d, uint32_t count, const char *what) {
    const uint8_t *at = d->r.at;
    uint32_t       index = mk_vm_u32(&d->r);
    if (d->r.err != MK_OK || index < count) return index;
    mk_vm_fail(&d->r, at, MK_ERR_FORMAT, "unknown %s %u", what, (unsigned)index);
    return 0;
}

/* The four kinds of things a module imports, declares and exports. */
static const char *const kinds[] = {"function", "table", "memory", "global"};

static mk_vm_kind_t read_kind(mk_vm_decoder_t *d) {
    const uint8_t *at = d->r.at;
    uint8_t        kind = mk_vm_u8(&d->r);
    if (kind <= MK_VM_KIND_GLOBAL) return (mk_vm_kind_t)kind;
    if (kind == 4) mk_vm_fail(&d->r, at, MK_ERR_NOSYS, "exceptions are not supported");
    else mk_vm_fail(&d->r, at, MK_ERR_FORMAT, "unknown kind 0x%02x", kind);
    return MK_VM_KIND_FUNCTION;
}

/* The bits in front of the limits of a table or memory. */
enum { HAS_MAX = 1, SHARED = 2, ADDRESS_64 = 4, PAGE_SIZE = 8 };

static uint8_t read_limit_bits(mk_vm_decoder_t *d, uint8_t allowed) {
    const uint8_t *at = d->r.at;
    uint8_t        bits = mk_vm_u8(&d->r);
    if (d->r.err != MK_OK || (bits & ~allowed) == 0) return bits;
    if (bits < 2 * PAGE_SIZE && (bits & ADDRESS_64)) {
        mk_vm_fail(&d->r, at, MK_ERR_NOSYS, "64-bit addresses are not supported");
    } else if (bits < 2 * PAGE_SIZE && (bits & SHARED)) {
        mk_vm_fail(&d->r, at, MK_ERR_NOSYS, "shared memory is not supported");
    } else {
        mk_vm_fail(&d->r, at, MK_ERR_FORMAT, "unknown limits 0x%02x", bits);
    }
    return 0;
}

static void read_range(mk_vm_decoder_t *d, uint8_t bits, uint32_t *min, uint32_t *max) {
    const uint8_t *at = d->r.at;
    *min = mk_vm_u32(&d->r);
    *max = (bits & HAS_MAX) ? mk_vm_u32(&d->r) : UINT32_MAX;
    if (*min > *max) {
        mk_vm_fail(&d->r, at, MK_ERR_FORMAT, "a minimum of %u above the maximum of %u", (unsigned)*min, (unsigned)*max);
    }
}

static mk_vm_table_t read_table(mk_vm_decoder_t *d) {
    mk_vm_table_t table = {.type = mk_vm_read_reference_type(&d->r)};
    uint8_t       bits = read_limit_bits(d, HAS_MAX);
    table.has_max = (bits & HAS_MAX) != 0;
    read_range(d, bits, &table.min, &table.max);
    return table;
}

static mk_vm_memory_t read_memory(mk_vm_decoder_t *d) {
    mk_vm_memory_t memory = {.page_shift = 16};
    const uint8_t *at = d->r.at;
    uint8_t        bits = read_limit_bits(d, HAS_MAX | PAGE_SIZE);
    memory.has_max = (bits & HAS_MAX) != 0;
    read_range(d, bits, &memory.min, &memory.max);
    if (bits & PAGE_SIZE) {
        const uint8_t *shift_at = d->r.at;
        uint32_t       shift = mk_vm_u32(&d->r);
        if (shift != 0 && shift != 16) {
            mk_vm_fail(&d->r, shift_at, MK_ERR_FORMAT, "a page size of 2^%u bytes; only 1 and 65536 exist",
                       (unsigned)shift);
        }
        memory.page_shift = (uint8_t)shift;
    }
    if (d->r.err != MK_OK || memory.page_shift == 0) return memory;
    if (memory.min > 65536 || (memory.has_max && memory.max > 65536)) {
        mk_vm_fail(&d->r, at, MK_ERR_FORMAT, "a memory of more than 65536 pages");
    }
    if (!memory.has_max) memory.max = 65536;
    return memory;
}

static mk_vm_global_t read_global(mk_vm_decoder_t *d) {
    mk_vm_global_t global = {.type = mk_vm_read_value_type(&d->r)};
    const uint8_t *at = d->r.at;
    uint8_t        mutable_ = mk_vm_u8(&d->r);
    if (mutable_ > 1) mk_vm_fail(&d->r, at, MK_ERR_FORMAT, "unknown mutability 0x%02x", mutable_);
    global.mutable_ = mutable_ != 0;
    return global;
}

static void one_memory_at_most(mk_vm_decoder_t *d, uint32_t count) {
    if (count > 1) mk_vm_fail(&d->r, d->r.at, MK_ERR_NOSYS, "more than one memory is not supported");
}

/* What is imported stands in the same tables as what is declared; those must have room. With `counts` it is only counted,
 * by kind. */
static void import_one(mk_vm_decoder_t *d, mk_vm_import_t *import, uint32_t *counts) {
    mk_vm_reader_t  *r = &d->r;
    mk_vm_module_t  *m = d->module;
    mk_vm_function_t function = {0};
    mk_vm_table_t    table = {0};
    mk_vm_memory_t   memory = {0};
    mk_vm_global_t   global = {0};
    import->module = mk_vm_name_utf8(r);
    import->name = mk_vm_name_utf8(r);
    import->kind = read_kind(d);
    switch (import->kind) {
    case MK_VM_KIND_FUNCTION: function.type = mk_vm_decode_index(d, m->type_count, "type"); break;
    case MK_VM_KIND_TABLE: table = read_table(d); break;
    case MK_VM_KIND_MEMORY: memory = read_memory(d); break;
    case MK_VM_KIND_GLOBAL: global = read_global(d); break;
    }
    if (r->err != MK_OK) return;
    if (counts != NULL) {
        counts[import->kind]++;
        return;
    }
    switch (import->kind) {
    case MK_VM_KIND_FUNCTION: m->functions[import->index = m->function_count++] = function; break;
    case MK_VM_KIND_TABLE: m->tables[import->index = m->table_count++] = table; break;
    case MK_VM_KIND_MEMORY: m->memory = memory, m->memory_count++; break;
    case MK_VM_KIND_GLOBAL: m->globals[import->index = m->global_count++] = global; break;
    }
}

static void check_limit(mk_vm_decoder_t *d, uint32_t count, uint32_t limit, const char *what) {
    if (count <= limit) return;
    mk_vm_fail(&d->r, d->r.at, MK_ERR_LIMIT, "%u %s, more than the %u allowed", (unsigned)count, what, (unsigned)limit);
}

/* Twice over the section: a table that is as long as it must be costs nothing for the rest of its life. */
static void decode_imports(mk_vm_decoder_t *d) {
    mk_vm_reader_t *r = &d->r;
    mk_vm_module_t *m = d->module;
    uint32_t        counts[4] = {0};
    uint32_t        count = mk_vm_decode_count(d, 4, 0, d->limits->imports, "imports");
    const uint8_t  *first = r->at;
    for (uint32_t i = 0; i < count && r->err == MK_OK; i++) import_one(d, &(mk_vm_import_t){0}, counts);
    one_memory_at_most(d, counts[MK_VM_KIND_MEMORY]);
    check_limit(d, counts[MK_VM_KIND_FUNCTION], d->limits->functions, "functions");
    check_limit(d, counts[MK_VM_KIND_TABLE], d->limits->tables, "tables");
    check_limit(d, counts[MK_VM_KIND_GLOBAL], d->limits->globals, "globals");
    m->imports = mk_vm_decode_grow(d, NULL, 0, count, sizeof *m->imports);
    m->functions = mk_vm_decode_grow(d, NULL, 0, counts[MK_VM_KIND_FUNCTION], sizeof *m->functions);
    m->tables = mk_vm_decode_grow(d, NULL, 0, counts[MK_VM_KIND_TABLE], sizeof *m->tables);
    m->globals = mk_vm_decode_grow(d, NULL, 0, counts[MK_VM_KIND_GLOBAL], sizeof *m->globals);
    if (r->err != MK_OK) return;
    r->at = first;
    for (; m->import_count < count; m->import_count++) import_one(d, &m->imports[m->import_count], NULL);
    m->function_imports = m->function_count;
    m->table_imports = m->table_count;
    m->memory_imports = m->memory_count;
    m->global_imports = m->global_count;
}

static void decode_functions(mk_vm_decoder_t *d) {
    mk_vm_module_t *m = d->module;
    uint32_t        count = mk_vm_decode_count(d, 1, m->function_count, d->limits->functions, "functions");
    m->functions = mk_vm_decode_grow(d, m->functions, m->function_count, count, sizeof *m->functions);
    for (; count > 0 && d->r.err == MK_OK; count--) {
        m->functions[m->function_count++].type = mk_vm_decode_index(d, m->type_count, "type");
    }
}

static void decode_tables(mk_vm_decoder_t *d) {
    mk_vm_module_t *m = d->module;
    uint32_t        count = mk_vm_decode_count(d, 3, m->table_count, d->limits->tables, "tables");
    m->tables = mk_vm_decode_grow(d, m->tables, m->table_count, count, sizeof *m->tables);
    for (; count > 0 && d->r.err == MK_OK; count--) m->tables[m->table_count++] = read_table(d);
}

static void decode_memories(mk_vm_decoder_t *d) {
    mk_vm_module_t *m = d->module;
    uint32_t        count = mk_vm_count(&d->r, 2);
    if (count > 0) one_memory_at_most(d, count + m->memory_count);
    if (count == 0 || d->r.err != MK_OK) return;
    m->memory = read_memory(d);
    m->memory_count = 1;
}

static void decode_globals(mk_vm_decoder_t *d) {
    mk_vm_module_t *m = d->module;
    uint32_t        count = mk_vm_decode_count(d, 3, m->global_count, d->limits->globals, "globals");
    m->globals = mk_vm_decode_grow(d, m->globals, m->global_count, count, sizeof *m->globals);
    for (; count > 0 && d->r.err == MK_OK; count--) {
        mk_vm_global_t global = read_global(d);
        global.init_at = mk_vm_decode_initialiser(d, global.type);
        m->globals[m->global_count++] = global;
    }
}

static int by_name(const void *a, const void *b) {
    return mk_vm_name_compare(((const mk_vm_export_t *)a)->name, ((const mk_vm_export_t *)b)->name);
}

static void decode_exports(mk_vm_decoder_t *d) {
    mk_vm_reader_t *r = &d->r;
    mk_vm_module_t *m = d->module;
    uint32_t        count = mk_vm_decode_count(d, 3, 0, d->limits->exports, "exports");
    m->exports = mk_vm_decode_grow(d, NULL, 0, count, sizeof *m->exports);
    while (m->export_count < count && r->err == MK_OK) {
        const uint32_t among[] = {m->function_count, m->table_count, m->memory_count, m->global_count};
        mk_vm_export_t *export = &m->exports[m->export_count++];
        export->name = mk_vm_name_utf8(r);
        export->kind = read_kind(d);
        export->index = mk_vm_decode_index(d, among[export->kind], kinds[export->kind]);
        if (r->err == MK_OK && export->kind == MK_VM_KIND_FUNCTION) m->functions[export->index].referenced = true;
    }
    if (r->err != MK_OK || count < 2) return;
    qsort(m->exports, count, sizeof *m->exports, by_name);
    for (uint32_t i = 1; i < count; i++) {
        mk_vm_name_t name = m->exports[i].name;
        if (mk_vm_name_compare(m->exports[i - 1].name, name) != 0) continue;
        mk_vm_fail(r, (const uint8_t *)name.at, MK_ERR_FORMAT, "a second export '%s'", mk_vm_printable(name).text);
        return;
    }
}

static void decode_start(mk_vm_decoder_t *d) {
    mk_vm_module_t *m = d->module;
    const uint8_t  *at = d->r.at;
    m->start = mk_vm_decode_index(d, m->function_count, "function");
    if (d->r.err != MK_OK) return;
    const mk_vm_type_t *type = mk_vm_function_type(m, m->start);
    if (type->params != 0 || type->results != 0) {
        mk_vm_fail(&d->r, at, MK_ERR_FORMAT, "the start function %u has parameters or results", (unsigned)m->start);
    }
}

static void decode_data_count(mk_vm_decoder_t *d) {
    d->module->has_data_count = true;
    d->data_declared = mk_vm_u32(&d->r);
}

/* Only finds the bodies. */
static void decode_code(mk_vm_decoder_t *d) {
    mk_vm_reader_t *r = &d->r;
    mk_vm_module_t *m = d->module;
    const uint8_t  *at = r->at;
    uint32_t        count = mk_vm_count(r, 2);
    if (r->err == MK_OK && count != m->function_count - m->function_imports) {
        mk_vm_fail(r, at, MK_ERR_FORMAT, "%u functions have code, but %u were declared", (unsigned)count,
                   (unsigned)(m->function_count - m->function_imports));
    }
    while (d->bodies < count && r->err == MK_OK) {
        mk_vm_function_t *function = &m->functions[m->function_imports + d->bodies++];
        uint32_t          size = mk_vm_u32(r);
        function->code_at = (uint32_t)(r->at - r->start);
        function->code_end = function->code_at + size;
        check_limit(d, size, d->limits->code_bytes, "bytes of code in one function");
        mk_vm_skip(r, size);
    }
}

static void decode_custom(mk_vm_decoder_t *d) {
    mk_vm_reader_t *r = &d->r;
    mk_vm_name_t    name = mk_vm_name_utf8(r);
    if (r->err != MK_OK) return;
    if (mk_vm_name_is(name, "name")) {
        d->module->names_at = (uint32_t)(r->at - r->start);
        d->module->names_end = (uint32_t)(r->end - r->start);
    }
    r->at = r->end;
}

static void decode_section(mk_vm_decoder_t *d, const mk_vm_section_t *section) {
    switch (section->id) {
    case MK_VM_SECTION_CUSTOM: decode_custom(d); break;
    case MK_VM_SECTION_TYPE: mk_vm_decode_types(d); break;
    case MK_VM_SECTION_IMPORT: decode_imports(d); break;
    case MK_VM_SECTION_FUNCTION: decode_functions(d); break;
    case MK_VM_SECTION_TABLE: decode_tables(d); break;
    case MK_VM_SECTION_MEMORY: decode_memories(d); break;
    case MK_VM_SECTION_GLOBAL: decode_globals(d); break;
    case MK_VM_SECTION_EXPORT: decode_exports(d); break;
    case MK_VM_SECTION_START: decode_start(d); break;
    case MK_VM_SECTION_ELEMENT: mk_vm_decode_elements(d); break;
    case MK_VM_SECTION_CODE: decode_code(d); break;
    case MK_VM_SECTION_DATA: mk_vm_decode_data(d); break;
    case MK_VM_SECTION_DATA_COUNT: decode_data_count(d); break;
    default: mk_vm_fail(&d->r, section->start, MK_ERR_NOSYS, "exceptions are not supported"); break;
    }
}

/* What was promised by one section and is owed by another that never came. */
static void check_whole(mk_vm_decoder_t *d) {
    mk_vm_module_t *m = d->module;
    d->r.section = NULL;
    if (d->bodies != m->function_count - m->function_imports) {
        mk_vm_fail(&d->r, d->r.at, MK_ERR_FORMAT, "%u functions were declared, but there is no code",
                   (unsigned)(m->function_count - m->function_imports));
    }
    if (m->has_data_count && m->data_count != d->data_declared) {
        mk_vm_fail(&d->r, d->r.at, MK_ERR_FORMAT, "%u segments of data were announced, but there are none",
                   (unsigned)d->data_declared);
    }
}

mk_err_t mk_vm_decode(const void *bytes, size_t size, const mk_vm_limits_t *limits, mk_vm_module_t *out, char *err,
                      size_t err_size) {
    mk_vm_decoder_t d = {.module = out, .limits = limits};
    mk_vm_section_t section;
    mk_vm_reader_init(&d.r, bytes, size, err, err_size);
    *out = (mk_vm_module_t){.bytes = d.r.start, .size = (uint32_t)size, .start = MK_VM_NONE};
    if (size > limits->module_bytes) {
        mk_vm_fail(&d.r, d.r.at, MK_ERR_LIMIT, "%llu bytes, more than the %u allowed", (unsigned long long)size,
                   (unsigned)limits->module_bytes);
    }
    if (d.r.err == MK_OK && mk_vm_preamble(&d.r)) {
        while (mk_vm_next_section(&d.r, &section)) {
            decode_section(&d, &section);
            mk_vm_leave(&d.r, section.outer);
        }
        if (d.r.err == MK_OK) check_whole(&d);
    }
    if (d.r.err != MK_OK) mk_vm_module_fini(out);
    return d.r.err;
}
