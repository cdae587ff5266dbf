/* SPDX-License-Identifier: Apache-2.0 */
/* inspect.c -- a module's own words, for tools: what it imports and exports, and whether it would be taken as a guest. */
#include "microkernel/wasm_actor.h"

#include <stdio.h>

#include "base/mem.h"
#include "vm/program.h"
#include "wasm/imports.h"
#include "wasm/module.h"

enum { TYPE_BYTES = 256 }; /* a longer type is cut; no import of ours comes near */

static const char *const kinds[] = {
    [MK_MODULE_FUNCTION] = "function",
    [MK_MODULE_TABLE] = "table",
    [MK_MODULE_MEMORY] = "memory",
    [MK_MODULE_GLOBAL] = "global",
};

typedef struct teller {
    const mk_module_info_t *info;
    wasm_module_entry_fn    fn;
    void                   *arg;
} teller_t;

/* `module` is NULL for an export. False: out of memory. */
static bool tell(const teller_t *to, const mk_module_name_t *module, const mk_module_name_t *name,
                 mk_module_kind_t kind, uint32_t type) {
    char                type_text[TYPE_BYTES] = "";
    char               *module_text = module != NULL ? mk_strndup(module->at, module->size) : NULL;
    char               *name_text = mk_strndup(name->at, name->size);
    bool                whole = name_text != NULL && (module == NULL || module_text != NULL);
    wasm_module_entry_t entry = {.module = module_text, .name = name_text, .kind = kinds[kind], .type = type_text};
    if (kind == MK_MODULE_FUNCTION) mk_module_type_text(to->info, type, type_text, sizeof type_text);
    if (whole) to->fn(to->arg, &entry);
    mk_free(module_text);
    mk_free(name_text);
    return whole;
}

static bool tell_all(const teller_t *to) {
    bool whole = true;
    for (uint32_t i = 0; i < to->info->import_count && whole; i++) {
        const mk_module_import_t *import = &to->info->imports[i];
        whole = tell(to, &import->module, &import->name, import->kind, import->type);
    }
    for (uint32_t i = 0; i < to->info->export_count && whole; i++) {
        const mk_module_export_t *export = &to->info->exports[i];
        whole = tell(to, NULL, &export->name, export->kind, export->type);
    }
    return whole;
}

/* Whether our engine takes it: what the reader of modules does not look at are types, and features that only others have. */
static bool is_valid(const void *buf, size_t size, char *why, size_t why_size) {
    mk_vm_program_t *program;
    if (mk_vm_program_create(buf, size, NULL, &program, why, why_size) != MK_OK) return false;
    mk_vm_program_destroy(program);
    return true;
}

mk_err_t wasm_module_inspect(const void *buf, size_t size, wasm_module_entry_fn fn, void *arg, wasm_module_info_t *out,
                             char *err, size_t err_size) {
    mk_module_info_t info;
    mk_err_t         result = mk_module_inspect(buf, size, &info, err, err_size);
    if (result != MK_OK) return result;
    *out = (wasm_module_info_t){
        .has_memory = info.has_memory,
        .memory_pages_min = info.memory_min,
        .memory_pages_max = info.memory_max,
        .memory_page_bytes = info.has_memory ? 1u << info.memory_page_shift : 0,
    };
    if (fn != NULL && !tell_all(&(teller_t){&info, fn, arg})) {
        if (err_size > 0) snprintf(err, err_size, "%s", mk_err_text(MK_ERR_NOMEM));
        result = MK_ERR_NOMEM;
    }
    if (result == MK_OK) {
        size_t                 count;
        const mk_import_sig_t *known = mk_imports_signatures(&count);
        char                   why[MK_MODULE_ERR_BYTES] = "";
        out->is_guest =
            mk_module_check(&info, known, count, why, sizeof why) == MK_OK && is_valid(buf, size, why, sizeof why);
        if (!out->is_guest && err_size > 0) snprintf(err, err_size, "%s", why);
    }
    mk_module_info_fini(&info);
    return result;
}
