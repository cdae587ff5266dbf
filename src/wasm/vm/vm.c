/* SPDX-License-Identifier: Apache-2.0 */
/* vm.c -- our own engine (src/vm) behind engine.h.
 *
 * There is little to adapt: an instance of ours is an instance of the engine's, a function is its index, and who waits or
 * has used up its fuel is data until it is resumed. What is added is the table of imports, bound by name once per module
 * and shared by its instances, and pages from the port. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "port/port.h"
#include "vm/trap.h"

#include "vm/instance.h"
#include "vm/state.h"
#include "wasm/engine.h"

enum { SLOT_BYTES = 8 };

struct mk_wasm_module {
    mk_vm_program_t        *program;
    mk_vm_import_function_t imports[]; /* in the order in which the module names them */
};

static const mk_host_import_t *host_imports;
static size_t                  host_import_count;

static mk_vm_instance_t *vm_of(mk_wasm_instance_t *instance) { return (mk_vm_instance_t *)instance; }

/* ---- the engine as a whole ------------------------------------------------------------------------------------------- */

static mk_err_t engine_start(const mk_host_import_t *imports, size_t count) {
    host_imports = imports;
    host_import_count = count;
    return MK_OK;
}

static void engine_stop(void) { host_import_count = 0; }

static uint8_t *pages_resize(uint8_t *base, uint64_t from, uint64_t bytes) {
    return bytes <= SIZE_MAX ? mk_port_pages_resize(base, (size_t)from, (size_t)bytes) : NULL;
}

static const mk_vm_pages_t pages = {pages_resize};

/* ---- imports --------------------------------------------------------------------------------------------------------- */

_Static_assert((int)MK_HOST_DONE == (int)MK_VM_HOST_DONE && (int)MK_HOST_BLOCKED == (int)MK_VM_HOST_BLOCKED &&
                   (int)MK_HOST_EXIT == (int)MK_VM_HOST_EXIT,
               "one is cast to the other");

static mk_vm_host_end_t import_entered(mk_vm_instance_t *vm, const void *arg, uint64_t *slots) {
    const mk_host_import_t *import = arg;
    uint64_t                result = 0;
    mk_host_end_t           end = import->fn(mk_vm_host(vm), slots, &result);
    slots[0] = result;
    return (mk_vm_host_end_t)end;
}

/* The same for one without a result, which need not have a slot to write to. */
static mk_vm_host_end_t procedure_entered(mk_vm_instance_t *vm, const void *arg, uint64_t *slots) {
    const mk_host_import_t *import = arg;
    uint64_t                nothing = 0;
    return (mk_vm_host_end_t)import->fn(mk_vm_host(vm), slots, &nothing);
}

static const mk_host_import_t *import_find(const mk_vm_import_t *wanted) {
    for (size_t i = 0; i < host_import_count; i++) {
        const mk_import_sig_t *sig = &host_imports[i].sig;
        if (mk_vm_name_is(wanted->module, sig->module) && mk_vm_name_is(wanted->name, sig->name))
            return &host_imports[i];
    }
    return NULL;
}

/* False: there is no such import, which the caller should have found out before. */
static bool imports_bind(mk_wasm_module_t *module) {
    const mk_vm_module_t *m = &module->program->module;
    for (uint32_t i = 0; i < m->import_count; i++) {
        const mk_host_import_t *import = import_find(&m->imports[i]);
        if (import == NULL || m->imports[i].kind != MK_VM_KIND_FUNCTION) return false;
        bool returns = strchr(import->sig.signature, ')')[1] != '\0';
        module->imports[m->imports[i].index] =
            (mk_vm_import_function_t){.fn = returns ? import_entered : procedure_entered, .arg = import};
    }
    return true;
}

/* ---- modules --------------------------------------------------------------------------------------------------------- */

static mk_err_t say(char *err, size_t err_size, mk_err_t code, const char *text) {
    if (err_size > 0) snprintf(err, err_size, "%s", text);
    return code;
}

static void module_unload(mk_wasm_module_t *module) {
    mk_vm_program_destroy(module->program);
    mk_free(module);
}

static mk_err_t module_load(const void *bytes, size_t size, mk_wasm_module_t **out, char *err, size_t err_size) {
    mk_vm_program_t *program;
    mk_err_t         result = mk_vm_program_create(bytes, size, NULL, &program, err, err_size);
    if (result != MK_OK) return result;
    mk_wasm_module_t *module =
        mk_calloc(1, sizeof *module + program->module.function_imports * sizeof module->imports[0]);
    if (module == NULL) {
        mk_vm_program_destroy(program);
        return say(err, err_size, MK_ERR_NOMEM, mk_err_text(MK_ERR_NOMEM));
    }
    module->program = program;
    if (!imports_bind(module)) {
        module_unload(module);
        return say(err, err_size, MK_ERR_NOTFOUND, "unknown import");
    }
    *out = module;
    return MK_OK;
}

/* ---- instances ------------------------------------------------------------------------------------------------------- */

static mk_err_t instance_create(mk_wasm_module_t *module, const mk_wasm_limits_t *limits, void *host,
                                mk_wasm_instance_t **out, char *err, size_t err_size) {
    mk_vm_imports_t         imports = {.functions = module->imports};
    mk_vm_instance_limits_t most = {.stack_slots = limits->stack_bytes / SLOT_BYTES,
                                    .memory_bytes = (uint64_t)limits->memory_pages_max * MK_MODULE_PAGE_BYTES,
                                    .hidden_bytes = limits->hidden_bytes};
    mk_vm_instance_t       *vm;
    mk_err_t result = mk_vm_instance_create(module->program, &imports, &most, &pages, NULL, host, &vm, err, err_size);
    if (result != MK_OK) return result;
    mk_vm_trap_t trap = mk_vm_instance_fill(vm);
    if (trap != MK_VM_TRAP_NONE) {
        if (err_size > 0) mk_vm_trap_text(vm, err, err_size);
        mk_vm_instance_destroy(vm);
        return trap == MK_VM_TRAP_OUT_OF_MEMORY ? MK_ERR_NOMEM : MK_ERR_FORMAT;
    }
    *out = (mk_wasm_instance_t *)vm;
    return MK_OK;
}

static void instance_destroy(mk_wasm_instance_t *instance) { mk_vm_instance_destroy(vm_of(instance)); }

/* ---- functions: their index, plus one because 0 says that there is none ------------------------------------------------ */

static uint8_t type_of(char letter) {
    return letter == 'i'   ? MK_VM_TYPE_I32
           : letter == 'I' ? MK_VM_TYPE_I64
           : letter == 'f' ? MK_VM_TYPE_F32
                           : MK_VM_TYPE_F64;
}

static bool types_are(const uint8_t *types, uint32_t count, const char *letters, size_t size) {
    if (count != size) return false;
    for (uint32_t i = 0; i < count; i++) {
        if (types[i] != type_of(letters[i])) return false;
    }
    return true;
}

static bool has_signature(const mk_vm_module_t *module, uint32_t function, const char *signature) {
    const mk_vm_type_t *type = mk_vm_function_type(module, function);
    const char         *params = signature + 1, *close = strchr(signature, ')'), *results = close + 1;
    return types_are(module->bytes + type->params_at, type->params, params, (size_t)(close - params)) &&
           types_are(module->bytes + type->results_at, type->results, results, strlen(results));
}

static uint32_t function_find(const mk_vm_module_t *module, const char *name) {
    if (strcmp(name, MK_WASM_START_FUNCTION) == 0) return module->start;
    mk_vm_name_t          wanted = {name, (uint32_t)strlen(name)};
    const mk_vm_export_t *found = mk_vm_find_export(module, wanted);
    return found != NULL && found->kind == MK_VM_KIND_FUNCTION ? found->index : MK_VM_NONE;
}

static mk_wasm_function_t instance_find(mk_wasm_instance_t *instance, const char *name, const char *signature) {
    const mk_vm_module_t *module = &vm_of(instance)->program->module;
    uint32_t              function = function_find(module, name);
    bool                  fits = function != MK_VM_NONE && has_signature(module, function, signature);
    return fits ? function + 1 : 0;
}

/* ---- calls ----------------------------------------------------------------------------------------------------------- */

_Static_assert((int)MK_WASM_DONE == (int)MK_VM_DONE && (int)MK_WASM_BLOCKED == (int)MK_VM_BLOCKED &&
                   (int)MK_WASM_OUT_OF_BUDGET == (int)MK_VM_OUT_OF_FUEL && (int)MK_WASM_TRAPPED == (int)MK_VM_TRAPPED,
               "one is cast to the other");

static int32_t fuel_of(uint32_t budget) { return budget != 0 && budget < INT32_MAX ? (int32_t)budget : INT32_MAX; }

/* Without a budget the fuel is filled up for ever. */
static mk_wasm_end_t ended(mk_vm_instance_t *vm, mk_vm_end_t end, uint32_t budget, uint64_t *result) {
    while (budget == 0 && end == MK_VM_OUT_OF_FUEL) end = mk_vm_resume(vm, result, INT32_MAX);
    return (mk_wasm_end_t)end;
}

static mk_wasm_end_t instance_call(mk_wasm_instance_t *instance, mk_wasm_function_t function, const uint64_t *args,
                                   uint32_t budget, uint64_t *result) {
    mk_vm_instance_t *vm = vm_of(instance);
    *result = 0;
    return ended(vm, mk_vm_call(vm, function - 1, args, result, fuel_of(budget)), budget, result);
}

static mk_wasm_end_t instance_resume(mk_wasm_instance_t *instance, uint64_t value, uint32_t budget, uint64_t *result) {
    mk_vm_instance_t *vm = vm_of(instance);
    *result = 0;
    return ended(vm, mk_vm_resume_with(vm, &value, result, fuel_of(budget)), budget, result);
}

static mk_wasm_end_t instance_go_on(mk_wasm_instance_t *instance, uint32_t budget, uint64_t *result) {
    mk_vm_instance_t *vm = vm_of(instance);
    *result = 0;
    return ended(vm, mk_vm_resume(vm, result, fuel_of(budget)), budget, result);
}

static void instance_extend(mk_wasm_instance_t *instance, int32_t more) { mk_vm_add_fuel(vm_of(instance), more); }

static void instance_trap_text(const mk_wasm_instance_t *instance, char *text, size_t size) {
    mk_vm_trap_text((const mk_vm_instance_t *)instance, text, size);
}

static size_t instance_memory(mk_wasm_instance_t *instance, uint8_t **base) {
    const mk_vm_memory_inst_t *memory = mk_vm_memory(vm_of(instance));
    *base = memory != NULL ? memory->base : NULL;
    return memory != NULL ? (size_t)memory->bytes : 0;
}

const mk_engine_t mk_engine_vm = {
    .name = "vm",
    .continues = true,
    .hides = true,
    .borrows = true,
    .start = engine_start,
    .stop = engine_stop,
    .load = module_load,
    .unload = module_unload,
    .instantiate = instance_create,
    .destroy = instance_destroy,
    .find = instance_find,
    .call = instance_call,
    .resume = instance_resume,
    .go_on = instance_go_on,
    .extend = instance_extend,
    .trap_text = instance_trap_text,
    .memory = instance_memory,
};
