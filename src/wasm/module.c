/* SPDX-License-Identifier: Apache-2.0 */
/* module.c -- one pass over the sections of a module, noting what module.h promises. */
#include "wasm/module.h"

#include "base/mem.h"
#include "wasm/module_code.h"

#include <string.h>

/* Places in the module are kept in 32 bits, and rewriting must not outgrow them. */
enum { MODULE_BYTES_MAX = 1 << 30, PAGE_SHIFT = 16 };

typedef struct scan {
    mk_vm_reader_t    r;
    mk_module_info_t *info;
    uint32_t          table_count;
    uint32_t          bodies; /* functions defined here minus bodies seen */
} scan_t;

/* Room for `count` more elements behind the `used` ones; NULL once `scan` has failed. */
static void *grow(scan_t *scan, void *array, uint32_t used, uint32_t count, size_t bytes) {
    if (scan->r.err != MK_OK || count == 0) return array;
    void *grown = mk_realloc(array, ((size_t)used + count) * bytes);
    if (grown != NULL) return grown;
    mk_vm_fail(&scan->r, scan->r.at, MK_ERR_NOMEM, "out of memory");
    return array;
}

/* An index that must be below `count`; `what` is for the text. */
static uint32_t index_below(scan_t *scan, uint32_t count, const char *what) {
    const uint8_t *at = scan->r.at;
    uint32_t       index = mk_vm_u32(&scan->r);
    if (scan->r.err != MK_OK || index < count) return index;
    mk_vm_fail(&scan->r, at, MK_ERR_FORMAT, "there is no %s %u", what, (unsigned)index);
    return 0;
}

static void skip_constant(mk_vm_reader_t *r) {
    uint32_t value;
    (void)mk_module_constant(r, &value);
}

static void skip_limits(scan_t *scan) {
    const uint8_t *at = scan->r.at;
    uint8_t        flags = mk_vm_u8(&scan->r);
    if (flags > 1) mk_vm_fail(&scan->r, at, MK_ERR_FORMAT, "unknown limits 0x%02x", flags);
    (void)mk_vm_u32(&scan->r);
    if (flags == 1) (void)mk_vm_u32(&scan->r);
}

static void read_table_type(scan_t *scan) {
    (void)mk_module_reference_type(&scan->r);
    skip_limits(scan);
    scan->table_count++;
}

static void read_memory_type(scan_t *scan, bool imported) {
    mk_module_info_t *info = scan->info;
    mk_vm_reader_t   *r = &scan->r;
    const uint8_t    *at = r->at;
    if (info->has_memory) {
        mk_vm_fail(r, at, MK_ERR_NOSYS, "more than one memory is not supported");
        return;
    }
    uint8_t flags = mk_vm_u8(r);
    if (flags > 15) mk_vm_fail(r, at, MK_ERR_FORMAT, "unknown limits 0x%02x", flags);
    if (flags & 4) mk_vm_fail(r, at, MK_ERR_NOSYS, "64-bit memory is not supported");
    if (flags & 2) mk_vm_fail(r, at, MK_ERR_NOSYS, "shared memory is not supported");
    uint32_t min = mk_vm_u32(r), max = flags & 1 ? mk_vm_u32(r) : UINT32_MAX;
    uint32_t shift = flags & 8 ? mk_vm_u32(r) : PAGE_SHIFT;
    uint32_t most = shift == 0 ? UINT32_MAX : MK_MODULE_PAGES_MAX;
    if (shift != 0 && shift != PAGE_SHIFT) {
        mk_vm_fail(r, at, MK_ERR_FORMAT, "pages of 2^%u bytes; only 1 and 65536 exist", (unsigned)shift);
    }
    if ((flags & 1) == 0) max = most;
    if (min > max || max > most) {
        mk_vm_fail(r, at, MK_ERR_FORMAT, "memory of %u to %u pages", (unsigned)min, (unsigned)max);
    }
    info->memory_page_shift = (uint8_t)shift;
    info->has_memory = true;
    info->memory_imported = imported;
    info->memory_has_max = flags & 1;
    info->memory_min = min;
    info->memory_max = max;
}

static void read_global_type(scan_t *scan) {
    (void)mk_module_value_type(&scan->r);
    const uint8_t *at = scan->r.at;
    uint8_t mutable = mk_vm_u8(&scan->r);
    if (mutable > 1) mk_vm_fail(&scan->r, at, MK_ERR_FORMAT, "unknown mutability %u", mutable);
    scan->info->global_count++;
}

static mk_module_kind_t read_kind(scan_t *scan) {
    const uint8_t *at = scan->r.at;
    uint8_t        kind = mk_vm_u8(&scan->r);
    if (kind <= MK_MODULE_GLOBAL) return (mk_module_kind_t)kind;
    if (kind == 4) mk_vm_fail(&scan->r, at, MK_ERR_NOSYS, "exceptions are not supported");
    else mk_vm_fail(&scan->r, at, MK_ERR_FORMAT, "unknown kind %u", kind);
    return MK_MODULE_FUNCTION;
}

static void read_types(scan_t *scan) {
    mk_vm_reader_t   *r = &scan->r;
    mk_module_info_t *info = scan->info;
    uint32_t          count = mk_vm_count(r, 3);
    info->types = grow(scan, info->types, 0, count, sizeof *info->types);
    while (count-- > 0 && r->err == MK_OK) {
        const uint8_t *at = r->at;
        uint8_t        form = mk_vm_u8(r);
        if (form == 0x4E || form == 0x4F || form == 0x50 || form == 0x5E || form == 0x5F) {
            mk_vm_fail(r, at, MK_ERR_NOSYS, "garbage-collected types are not supported");
        } else if (form != 0x60) {
            mk_vm_fail(r, at, MK_ERR_FORMAT, "unknown type 0x%02x", form);
        } else {
            info->types[info->type_count++] = (uint32_t)(r->at - r->start);
        }
        for (int half = 0; half < 2; half++) { /* parameters, then results */
            uint32_t left = mk_vm_count(r, 1);
            while (left-- > 0 && r->err == MK_OK) (void)mk_module_value_type(r);
        }
    }
}

static void read_import(scan_t *scan) {
    mk_module_info_t  *info = scan->info;
    mk_module_import_t import = {.module = mk_vm_name(&scan->r)};
    import.name = mk_vm_name(&scan->r);
    import.kind = read_kind(scan);
    switch (import.kind) {
    case MK_MODULE_FUNCTION: import.type = index_below(scan, info->type_count, "type"); break;
    case MK_MODULE_TABLE: read_table_type(scan); break;
    case MK_MODULE_MEMORY: read_memory_type(scan, true); break;
    case MK_MODULE_GLOBAL: read_global_type(scan); break;
    }
    if (scan->r.err != MK_OK) return;
    if (import.kind == MK_MODULE_FUNCTION) info->functions[info->function_imports++] = import.type;
    info->imports[info->import_count++] = import;
}

static void read_imports(scan_t *scan) {
    mk_module_info_t *info = scan->info;
    uint32_t          count = mk_vm_count(&scan->r, 4);
    info->imports = grow(scan, info->imports, 0, count, sizeof *info->imports);
    info->functions = grow(scan, info->functions, 0, count, sizeof *info->functions);
    while (count-- > 0 && scan->r.err == MK_OK) read_import(scan);
    info->function_count = info->function_imports;
}

static void read_functions(scan_t *scan) {
    mk_module_info_t *info = scan->info;
    uint32_t          count = mk_vm_count(&scan->r, 1);
    info->functions = grow(scan, info->functions, info->function_count, count, sizeof *info->functions);
    scan->bodies = count;
    while (count-- > 0 && scan->r.err == MK_OK) {
        info->functions[info->function_count++] = index_below(scan, info->type_count, "type");
    }
}

static void read_tables(scan_t *scan) {
    uint32_t count = mk_vm_count(&scan->r, 3);
    while (count-- > 0 && scan->r.err == MK_OK) {
        if (scan->r.at < scan->r.end && *scan->r.at == 0x40) { /* a table with an initialiser */
            mk_vm_fail(&scan->r, scan->r.at, MK_ERR_NOSYS, "typed references are not supported");
        }
        read_table_type(scan);
    }
}

static void read_memories(scan_t *scan) {
    uint32_t count = mk_vm_count(&scan->r, 2);
    while (count-- > 0 && scan->r.err == MK_OK) read_memory_type(scan, false);
}

static void read_globals(scan_t *scan) {
    uint32_t count = mk_vm_count(&scan->r, 3);
    while (count-- > 0 && scan->r.err == MK_OK) {
        read_global_type(scan);
        skip_constant(&scan->r);
    }
}

static void read_exports(scan_t *scan) {
    mk_module_info_t *info = scan->info;
    const uint32_t    below[] = {
           [MK_MODULE_FUNCTION] = info->function_count,
           [MK_MODULE_TABLE] = scan->table_count,
           [MK_MODULE_MEMORY] = info->has_memory,
           [MK_MODULE_GLOBAL] = info->global_count,
    };
    static const char *const what[] = {"function", "table", "memory", "global"};
    uint32_t                 count = mk_vm_count(&scan->r, 3);
    info->exports = grow(scan, info->exports, 0, count, sizeof *info->exports);
    while (count-- > 0 && scan->r.err == MK_OK) {
        mk_module_export_t export = {.name = mk_vm_name(&scan->r)};
        export.kind = read_kind(scan);
        export.index = index_below(scan, below[export.kind], what[export.kind]);
        if (scan->r.err != MK_OK) return;
        if (export.kind == MK_MODULE_FUNCTION) export.type = info->functions[export.index];
        info->exports[info->export_count++] = export;
    }
}

static void read_start(scan_t *scan) {
    (void)index_below(scan, scan->info->function_count, "function");
    scan->info->has_start = true;
}

/* Bit 0: not active; bit 1: names its table, or is declared only; bit 2: expressions, not indices. */
static void read_element(scan_t *scan) {
    mk_vm_reader_t *r = &scan->r;
    const uint8_t  *at = r->at;
    uint32_t        flags = mk_vm_u32(r);
    if (flags > 7) mk_vm_fail(r, at, MK_ERR_FORMAT, "unknown segment %u", (unsigned)flags);
    bool active = (flags & 1) == 0, expressions = (flags & 4) != 0;
    if (active && (flags & 2)) (void)index_below(scan, scan->table_count, "table");
    if (active) skip_constant(r);
    if ((flags & 3) != 0) {
        at = r->at;
        if (expressions) (void)mk_module_reference_type(r);
        else if (mk_vm_u8(r) != 0) mk_vm_fail(r, at, MK_ERR_FORMAT, "unknown kind of element");
    }
    uint32_t count = mk_vm_count(r, 1);
    while (count-- > 0 && r->err == MK_OK) {
        if (expressions) skip_constant(r);
        else (void)index_below(scan, scan->info->function_count, "function");
    }
}

static void read_elements(scan_t *scan) {
    uint32_t count = mk_vm_count(&scan->r, 2);
    while (count-- > 0 && scan->r.err == MK_OK) read_element(scan);
}

static void read_data_count(scan_t *scan) { (void)mk_vm_u32(&scan->r); }

static void read_body(scan_t *scan) {
    mk_vm_reader_t *r = &scan->r;
    const uint8_t  *outer = mk_vm_enter(r, mk_vm_u32(r));
    mk_module_op_t  op = mk_module_op_begin();
    mk_module_skip_locals(r);
    while (mk_module_next_op(r, &op)) {
        if (op.code == OP_MEMORY_SIZE) scan->info->memory_size_uses++;
        if (op.code == OP_MEMORY_GROW) scan->info->memory_grow_uses++;
    }
    mk_vm_leave(r, outer);
}

static void read_code(scan_t *scan) {
    const uint8_t *at = scan->r.at;
    uint32_t       count = mk_vm_count(&scan->r, 3);
    if (count != scan->bodies) {
        mk_vm_fail(&scan->r, at, MK_ERR_FORMAT, "%u bodies for %u functions", (unsigned)count, (unsigned)scan->bodies);
    }
    scan->bodies = 0;
    while (count-- > 0 && scan->r.err == MK_OK) read_body(scan);
}

/* The engine would find out, but not in a memory that was made larger than its module declares. */
static void check_data_fits(scan_t *scan, const uint8_t *at, uint32_t offset, uint32_t bytes) {
    const mk_module_info_t *info = scan->info;
    uint64_t                end = (uint64_t)offset + bytes, memory = mk_module_memory_bytes(info);
    if (info->memory_imported || end <= memory) return;
    mk_vm_fail(&scan->r, at, MK_ERR_FORMAT, "data for bytes %u to %llu of a memory of %llu", (unsigned)offset,
               (unsigned long long)end, (unsigned long long)memory);
}

static void read_data(scan_t *scan) {
    mk_vm_reader_t *r = &scan->r;
    uint32_t        count = mk_vm_count(r, 2);
    while (count-- > 0 && r->err == MK_OK) {
        const uint8_t *at = r->at;
        uint32_t       flags = mk_vm_u32(r);
        uint32_t       offset = 0;
        if (flags > 2) mk_vm_fail(r, at, MK_ERR_FORMAT, "unknown segment %u", (unsigned)flags);
        if (flags == 2) (void)index_below(scan, scan->info->has_memory, "memory");
        bool     placed = flags != 1 && mk_module_constant(r, &offset);
        uint32_t bytes = mk_vm_u32(r);
        mk_vm_skip(r, bytes);
        if (placed) check_data_fits(scan, at, offset, bytes);
    }
}

static void read_tags(scan_t *scan) { mk_vm_fail(&scan->r, scan->r.at, MK_ERR_NOSYS, "exceptions are not supported"); }

/* Does the "producers" section name the compiler of standard Go? (TinyGo's code comes from LLVM and
 * says so.) Whatever does not parse is passed over: a custom section cannot make a module wrong. */
static bool producers_name_go(mk_vm_reader_t r) {
    r.text_size = 0;
    uint32_t fields = mk_vm_u32(&r);
    while (fields-- > 0 && r.err == MK_OK) {
        bool     processed_by = mk_vm_name_is(mk_vm_name(&r), "processed-by");
        uint32_t values = mk_vm_u32(&r);
        while (values-- > 0 && r.err == MK_OK) {
            if (mk_vm_name_is(mk_vm_name(&r), "Go cmd/compile") && processed_by) return true;
            (void)mk_vm_name(&r); /* version */
        }
    }
    return false;
}

static void read_custom(scan_t *scan) {
    mk_module_name_t name = mk_vm_name(&scan->r);
    if (mk_vm_name_is(name, "go:buildid") || (mk_vm_name_is(name, "producers") && producers_name_go(scan->r))) {
        scan->info->from_go = true;
    }
    scan->r.at = scan->r.end;
}

static void (*const readers[MK_VM_SECTION_IDS])(scan_t *) = {
    [MK_VM_SECTION_CUSTOM] = read_custom,
    [MK_VM_SECTION_TYPE] = read_types,
    [MK_VM_SECTION_IMPORT] = read_imports,
    [MK_VM_SECTION_FUNCTION] = read_functions,
    [MK_VM_SECTION_TABLE] = read_tables,
    [MK_VM_SECTION_MEMORY] = read_memories,
    [MK_VM_SECTION_GLOBAL] = read_globals,
    [MK_VM_SECTION_EXPORT] = read_exports,
    [MK_VM_SECTION_START] = read_start,
    [MK_VM_SECTION_ELEMENT] = read_elements,
    [MK_VM_SECTION_CODE] = read_code,
    [MK_VM_SECTION_DATA] = read_data,
    [MK_VM_SECTION_DATA_COUNT] = read_data_count,
    [MK_VM_SECTION_TAG] = read_tags,
};

mk_err_t mk_module_inspect(const void *bytes, size_t size, mk_module_info_t *out, char *err, size_t err_size) {
    scan_t scan = {.info = out};
    *out = (mk_module_info_t){.bytes = bytes, .size = size};
    mk_vm_reader_init(&scan.r, bytes, size, err, err_size);
    if (size > MODULE_BYTES_MAX) {
        mk_vm_fail(&scan.r, scan.r.start + MODULE_BYTES_MAX, MK_ERR_TOOLONG, "still not ended");
    } else if (mk_vm_preamble(&scan.r)) {
        mk_vm_section_t section;
        while (mk_vm_next_section(&scan.r, &section)) {
            readers[section.id](&scan);
            mk_vm_leave(&scan.r, section.outer);
        }
    }
    if (scan.r.err == MK_OK && scan.bodies != 0) {
        mk_vm_fail(&scan.r, scan.r.end, MK_ERR_FORMAT, "no bodies for %u functions", (unsigned)scan.bodies);
    }
    if (scan.r.err != MK_OK) mk_module_info_fini(out);
    return scan.r.err;
}

void mk_module_info_fini(mk_module_info_t *info) {
    mk_free(info->imports);
    mk_free(info->exports);
    mk_free(info->types);
    mk_free(info->functions);
    *info = (mk_module_info_t){0};
}

const mk_module_export_t *mk_module_find_export(const mk_module_info_t *info, const char *name) {
    for (uint32_t i = 0; i < info->export_count; i++) {
        if (mk_vm_name_is(info->exports[i].name, name)) return &info->exports[i];
    }
    return NULL;
}
