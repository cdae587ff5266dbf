/* SPDX-License-Identifier: Apache-2.0 */
/* wamr.c -- WAMR's fast interpreter on its public header. A call that ours has ended must end here as well: nothing ends
 * it, and who runs this program takes a long silence for a difference. */
#include "compare.h"

#include <stdio.h>
#include <string.h>
#include <wasm_export.h>

#include "base/mem.h"
#include "wasm/engine.h"
#include "wasm/wamr/rewrite.h"

/* Deep enough that what ours runs without reaching a limit does not reach one here: recursion, mostly. */
enum { STACK_BYTES = 16 * 1024 * 1024 };

typedef struct wamr {
    subject_t         *subject;
    uint8_t           *bytes; /* WAMR points into them */
    NativeSymbol      *symbols;
    uint32_t           symbol_count;
    bool               running;
    wasm_module_t      module;
    wasm_module_inst_t instance;
    wasm_exec_env_t    env;
} wamr_t;

static void import_called(wasm_exec_env_t env, uint64_t *args) {
    const host_import_t *import = wasm_runtime_get_function_attachment(env);
    uint64_t             result = host_call(import, args);
    if (import->type->results != 0) args[0] = result;
}

/* ---- why a call ended ------------------------------------------------------------------------------------------------ */

static void outcome_of(const char *text, outcome_t *out) {
    static const char *const limits[] = {"wasm operand stack overflow", "native stack overflow",
                                         "allocate memory failed", "out of memory"};
    static const char *const texts[] = {
#define TEXT(id, text) text,
        MK_VM_TRAPS(TEXT)
#undef TEXT
    };
    snprintf(out->text, sizeof out->text, "%s", text);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (strstr(text, limits[i]) != NULL) {
            out->end = EXHAUSTED;
            return;
        }
    }
    out->end = REFUSED;
    for (size_t i = 1; i < sizeof texts / sizeof texts[0]; i++) {
        if (strstr(text, texts[i]) == NULL) continue;
        out->end = TRAPPED;
        out->trap = (mk_vm_trap_t)i;
        return;
    }
}

/* ---- instances -------------------------------------------------------------------------------------------------------- */

/* One registration for each import, so that the order in which WAMR sorts them is nobody's concern. */
static bool register_imports(wamr_t *wamr) {
    subject_t *subject = wamr->subject;
    uint32_t   count = subject->module.function_imports;
    wamr->symbols = mk_calloc(count + 1, sizeof *wamr->symbols);
    if (wamr->symbols == NULL) return false;
    for (; wamr->symbol_count < count; wamr->symbol_count++) {
        host_import_t *import = &subject->imports[wamr->symbol_count];
        NativeSymbol  *symbol = &wamr->symbols[wamr->symbol_count];
        *symbol = (NativeSymbol){import->name, (void *)(uintptr_t)import_called, NULL, import};
        if (!wasm_runtime_register_natives_raw(import->module, symbol, 1)) return false;
    }
    return true;
}

static bool wamr_start(void) {
    RuntimeInitArgs args = {.mem_alloc_type = Alloc_With_System_Allocator};
    if (!wasm_runtime_full_init(&args)) return false;
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_FATAL);
    return true;
}

static void wamr_close(void *opened) {
    wamr_t *wamr = opened;
    if (wamr->env != NULL) wasm_runtime_destroy_exec_env(wamr->env);
    if (wamr->instance != NULL) wasm_runtime_deinstantiate(wamr->instance);
    if (wamr->module != NULL) wasm_runtime_unload(wamr->module);
    for (uint32_t i = 0; i < wamr->symbol_count; i++) {
        wasm_runtime_unregister_natives(wamr->subject->imports[i].module, &wamr->symbols[i]);
    }
    if (wamr->running) wasm_runtime_destroy();
    mk_free(wamr->symbols);
    mk_free(wamr->bytes);
    mk_free(wamr);
}

/* NULL: it worked. */
static const char *instantiate(wamr_t *wamr, char *text, uint32_t text_size) {
    subject_t *subject = wamr->subject;
    size_t     size = 0;
    wamr->running = wamr_start();
    if (!wamr->running || !register_imports(wamr)) return "out of memory";
    if (mk_wamr_rewrite(subject->bytes, subject->size, &wamr->bytes, &size) != MK_OK) return "cannot be rewritten";
    wamr->module = wasm_runtime_load(wamr->bytes, (uint32_t)size, text, text_size);
    if (wamr->module == NULL) return text;
    InstantiationArgs args = {.default_stack_size = STACK_BYTES, .max_memory_pages = MEMORY_PAGES_MAX};
    wamr->instance = wasm_runtime_instantiate_ex(wamr->module, &args, text, text_size);
    if (wamr->instance == NULL) return text;
    wamr->env = wasm_runtime_create_exec_env(wamr->instance, STACK_BYTES);
    return wamr->env != NULL ? NULL : "out of memory";
}

static void *wamr_open(subject_t *subject, outcome_t *out) {
    char    text[160] = "";
    wamr_t *wamr = mk_calloc(1, sizeof *wamr);
    out->end = EXHAUSTED;
    if (wamr == NULL) return NULL;
    wamr->subject = subject;
    const char *failed = instantiate(wamr, text, sizeof text);
    if (failed == NULL) return wamr;
    outcome_of(failed, out);
    wamr_close(wamr);
    return NULL;
}

/* ---- calls ------------------------------------------------------------------------------------------------------------- */

/* WAMR takes all ones for a null reference, and returns null for one to the host's. */
static wasm_val_t value_of(uint8_t type, uint64_t slot) {
    wasm_val_t value = {.kind = WASM_I64, .of.i64 = (int64_t)slot};
    if (type == MK_VM_TYPE_I32) value.kind = WASM_I32;
    else if (type == MK_VM_TYPE_F32) value.kind = WASM_F32;
    else if (type == MK_VM_TYPE_F64) value.kind = WASM_F64;
    else if (type == MK_VM_TYPE_EXTERNREF) value = (wasm_val_t){.kind = WASM_EXTERNREF, .of.foreign = slot - 1};
    else if (type == MK_VM_TYPE_FUNCREF) value = (wasm_val_t){.kind = WASM_FUNCREF, .of.i32 = (int32_t)(slot - 1)};
    return value;
}

static uint64_t slot_of(uint8_t type, const wasm_val_t *value) {
    if (type == MK_VM_TYPE_I32 || type == MK_VM_TYPE_F32) return (uint32_t)value->of.i32;
    if (type == MK_VM_TYPE_FUNCREF) return (uint32_t)(value->of.i32 + 1);
    return (uint64_t)value->of.i64;
}

static void wamr_call(void *opened, const char *name, uint32_t function, const uint64_t *args, outcome_t *out) {
    wamr_t              *wamr = opened;
    const subject_t     *subject = wamr->subject;
    const mk_vm_type_t  *type = mk_vm_function_type(&subject->module, function);
    wasm_val_t           in[VALUES_MAX], results[VALUES_MAX];
    wasm_function_inst_t found =
        wasm_runtime_lookup_function(wamr->instance, name != NULL ? name : MK_WASM_START_FUNCTION);
    if (found == NULL) {
        *out = (outcome_t){.end = REFUSED, .text = "no such export"};
        return;
    }
    for (uint32_t i = 0; i < type->params; i++) in[i] = value_of(param_type(subject, type, i), args[i]);
    if (wasm_runtime_call_wasm_a(wamr->env, found, type->results, results, type->params, in)) {
        out->end = RETURNED;
        for (uint32_t i = 0; i < type->results; i++) {
            out->values[i] = slot_of(result_type(subject, type, i), &results[i]);
        }
        return;
    }
    const char *text = wasm_runtime_get_exception(wamr->instance);
    outcome_of(text != NULL ? text : "no reason given", out);
    wasm_runtime_clear_exception(wamr->instance);
}

/* ---- what a call leaves behind ------------------------------------------------------------------------------------------ */

static size_t wamr_memory(void *opened, const uint8_t **base) {
    wasm_memory_inst_t memory = wasm_runtime_get_default_memory(((wamr_t *)opened)->instance);
    *base = NULL;
    if (memory == NULL) return 0;
    *base = wasm_memory_get_base_address(memory);
    return (size_t)(wasm_memory_get_cur_page_count(memory) * wasm_memory_get_bytes_per_page(memory));
}

static bool wamr_global(void *opened, const char *name, uint32_t index, uint64_t *value) {
    const wamr_t      *wamr = opened;
    uint8_t            type = wamr->subject->module.globals[index].type;
    wasm_global_inst_t global;
    if (!wasm_runtime_get_export_global_inst(wamr->instance, name, &global)) return false;
    *value = 0;
    memcpy(value, global.global_data, type == MK_VM_TYPE_I64 || type == MK_VM_TYPE_F64 ? 8 : 4);
    return true;
}

/* Entries that are not functions cannot be asked about, and wasm_table_get_func_inst() takes entries that were never set for
 * functions. An entry is the index of its function, or all ones in its lower half. */
static bool wamr_table(void *opened, const char *name, uint32_t index, uint32_t *count, uint64_t *functions) {
    const wamr_t     *wamr = opened;
    wasm_table_inst_t table;
    if (wamr->subject->module.tables[index].type != MK_VM_TYPE_FUNCREF) return false;
    if (!wasm_runtime_get_export_table_inst(wamr->instance, name, &table)) return false;
    *count = table.cur_size;
    *functions = 0;
    for (uint32_t i = 0; i < table.cur_size; i++) {
        uintptr_t entry;
        memcpy(&entry, (const char *)table.elems + i * sizeof entry, sizeof entry); /* it may be misaligned */
        *functions = hash_add(*functions, (uint32_t)entry + 1);
    }
    return true;
}

const engine_t engine_wamr = {"wamr", wamr_open, wamr_close, wamr_call, wamr_memory, wamr_global, wamr_table};
