/* SPDX-License-Identifier: Apache-2.0 */
/* module.h -- what a WebAssembly binary says about itself, before any engine sees it.
 *
 * A guest is loaded only after this file has read it from end to end: what it imports, what it
 * exports and with which types, how its memory is declared. So the user is told which name is wrong
 * ("import env.mk_sned: no such function") whatever the engine's own wording is, and nothing has to
 * be torn down again. Bytes in, facts out: no I/O, no engine, any thread.
 *
 * The format is the binary one of WebAssembly 2.0 with tail calls, SIMD, extended constant
 * expressions and pages of one byte. Every length is checked here; types of operands are not: that is the engine's part. */
#ifndef MK_WASM_MODULE_H
#define MK_WASM_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microkernel/error.h"
#include "vm/read.h"

enum { MK_MODULE_PAGE_BYTES = 65536, MK_MODULE_PAGES_MAX = 65536 };

/* Longest text any function here writes into `err`, ending included. A shorter buffer gets less of
 * it. `err` may be NULL with `err_size` 0. */
enum { MK_MODULE_ERR_BYTES = 256 };

typedef enum mk_module_kind {
    MK_MODULE_FUNCTION,
    MK_MODULE_TABLE,
    MK_MODULE_MEMORY,
    MK_MODULE_GLOBAL,
} mk_module_kind_t;

typedef mk_vm_name_t mk_module_name_t;

typedef struct mk_module_import {
    mk_module_name_t module, name;
    mk_module_kind_t kind;
    uint32_t         type; /* of a function: what mk_module_type_text() takes */
} mk_module_import_t;

typedef struct mk_module_export {
    mk_module_name_t name;
    mk_module_kind_t kind;
    uint32_t         index; /* among its kind, imports first */
    uint32_t         type;  /* of a function */
} mk_module_export_t;

/* Borrows the bytes it was made from: names and types are read where they stand. */
typedef struct mk_module_info {
    const uint8_t *bytes;
    size_t         size;

    mk_module_import_t *imports;
    mk_module_export_t *exports;
    uint32_t            import_count;
    uint32_t            export_count;

    uint32_t *types;     /* of each function type: where its parameters begin, in bytes */
    uint32_t *functions; /* of each function, imports first: its type                   */
    uint32_t  type_count;
    uint32_t  function_count;
    uint32_t  function_imports;
    uint32_t  global_count; /* imports included */

    uint32_t memory_min, memory_max; /* pages; max is the most there can be when not given */
    uint8_t  memory_page_shift;      /* 16, or 0: pages of one byte                        */
    bool     has_memory, memory_has_max, memory_imported;
    uint32_t memory_size_uses, memory_grow_uses; /* instructions in code */
    bool     has_start;
    bool     from_go; /* made by the standard Go toolchain, as far as it says so */
} mk_module_info_t;

/* What it declares its memory to begin with. */
static inline uint64_t mk_module_memory_bytes(const mk_module_info_t *info) {
    return (uint64_t)info->memory_min << info->memory_page_shift;
}

/* Reads the module from end to end. On MK_OK `*out` is to be given to mk_module_info_fini() and is
 * valid as long as `bytes` stay where they are. On MK_ERR_FORMAT (malformed), MK_ERR_NOSYS (a
 * feature that no engine here offers) and MK_ERR_NOMEM `err` says what and where, and `*out` is
 * empty. */
MK_MUST_CHECK mk_err_t mk_module_inspect(const void *bytes, size_t size, mk_module_info_t *out, char *err,
                                         size_t err_size);

/* Releases what the info holds, not the bytes. Harmless on an empty or zeroed one. */
void mk_module_info_fini(mk_module_info_t *info);

/* The export of that name, whatever its kind, or NULL. Borrowed from the info. */
const mk_module_export_t *mk_module_find_export(const mk_module_info_t *info, const char *name);

/* Writes a function type as text, such as "(i32, i64, i32, i32) -> i32" or "() -> ()", cut to
 * `size` and always ended by a zero. Returns `text`. */
char *mk_module_type_text(const mk_module_info_t *info, uint32_t type, char *text, size_t size);

/* Signatures are written "(Iiii)i": parameters in parentheses, then results; i = i32, I = i64,
 * f = f32, F = f64, v = v128, r = funcref, e = externref. "(ii)" has no result. */
bool mk_module_type_is(const mk_module_info_t *info, uint32_t type, const char *signature);

/* A function the host offers. */
typedef struct mk_import_sig {
    const char *module;
    const char *name;
    const char *signature;
} mk_import_sig_t;

/* Is this a guest we can run? Reports the first thing that is not: an import that `known` lacks
 * (MK_ERR_NOTFOUND), any import or export of the guest contract with another type or kind
 * (MK_ERR_FORMAT), a missing `memory` or `handle_message` (MK_ERR_NOTFOUND). `err` names it. */
MK_MUST_CHECK mk_err_t mk_module_check(const mk_module_info_t *info, const mk_import_sig_t *known, size_t known_count,
                                       char *err, size_t err_size);

/* The guest's own allocator as its exports name it. The two come as a pair: what `mk_alloc` gave is
 * never handed to a `free` of another allocator. */
typedef struct mk_module_allocator {
    const char *alloc; /* "mk_alloc", "malloc", or NULL: use mk_module_reserve()       */
    const char *free;  /* "mk_free" or "free"; NULL: nothing is called after a message */
} mk_module_allocator_t;

mk_module_allocator_t mk_module_allocator(const mk_module_info_t *info);

#endif
