/* SPDX-License-Identifier: Apache-2.0 */
/* wamr.c -- WAMR's fast interpreter behind engine.h, on its public header alone.
 *
 * What a call needs beside the instance is taken when it begins and given back when it ends: a fiber, where the guest
 * may wait, and an execution environment, which holds the operand stack. So an idle instance has neither.
 *
 * The guest runs on the fiber and host imports do not: they run on the thread's own stack, borrowed for the call. So a
 * fiber must hold WAMR's own frames only, whatever an import does. After one that blocks the fiber is left.
 *
 * WAMR cannot count instructions in this configuration; the watchdog's thread stops a call by wasm_runtime_terminate().
 * After that, as after a trap, the environment keeps its mark and is destroyed instead of used again. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <wasm_export.h>

#include "base/assert.h"
#include "base/mem.h"
#include "wasm/engine.h"
#include "wasm/fiber/fiber.h"
#include "wasm/fiber/stack.h"
#include "wasm/wamr/rewrite.h"
#include "wasm/watchdog.h"

/* WAMR looks at the boundary when it enters a function; what it needs beyond must fit below. Measured on x86-64: a fiber
 * is used 1.3 KiB deep by a call and 2.9 KiB by one that traps, because the text is formatted there. */
enum { NATIVE_RESERVE_BYTES = 5 * 1024 };

enum { SPARE_ENVS = 4, FOUND_MAX = 8, ARGS_MAX = 8, TRAP_TEXT_BYTES = 160 };

struct mk_wasm_module {
    wasm_module_t   wamr;
    uint8_t        *bytes; /* WAMR points into them */
    atomic_flag     busy;  /* guards the spare environments, for a few instructions */
    wasm_exec_env_t spare[SPARE_ENVS];
    uint32_t        spare_stack_bytes[SPARE_ENVS];
    size_t          spares;
};

typedef struct found {
    wasm_function_inst_t at;
    const char          *signature;
} found_t;

struct mk_wasm_instance {
    mk_wasm_module_t  *module;
    wasm_module_inst_t wamr;
    wasm_memory_inst_t memory;
    void              *host;
    mk_wasm_limits_t   limits;

    /* the call under way */
    wasm_exec_env_t         env;   /* NULL: none */
    mk_fiber_t             *fiber; /* NULL: runs on the thread's stack and cannot wait */
    const found_t          *function;
    uint32_t                cells[2 * ARGS_MAX]; /* arguments, then the result, as WAMR packs them */
    uint32_t                cell_count;
    bool                    returned_well;
    const mk_host_import_t *import; /* the one the guest called last */
    uint64_t               *import_args;
    mk_host_end_t           import_end;
    mk_watch_slot_t        *slot; /* NULL: no budget */

    char trap_text[TRAP_TEXT_BYTES];

    found_t found[FOUND_MAX]; /* by number, which is the index plus one */
    size_t  found_count;
};

static struct {
    const mk_host_import_t *imports;
    size_t                  count;
    NativeSymbol           *symbols;
} wamr;

/* ---- imports ----------------------------------------------------------------------------------------------------- */

/* Runs the import the guest stands in. */
static void import_run(void *arg) {
    mk_wasm_instance_t *instance = arg;
    uint64_t            result = 0;
    instance->import_end = instance->import->fn(instance->host, instance->import_args, &result);
    instance->import_args[0] = result; /* where WAMR looks for it; there is room even without arguments */
}

static void import_entered(wasm_exec_env_t env, uint64_t *args) {
    mk_wasm_instance_t *instance = wasm_runtime_get_user_data(env);
    instance->import = wasm_runtime_get_function_attachment(env);
    instance->import_args = args;
    if (instance->fiber != NULL) mk_fiber_outside(instance->fiber, import_run, instance);
    else import_run(instance);
    if (instance->import_end == MK_HOST_BLOCKED) {
        mk_assert(instance->fiber != NULL); /* an import does not block a guest that cannot wait */
        mk_fiber_leave(instance->fiber);    /* until resume() has put the result where it belongs */
    }
    if (instance->import_end == MK_HOST_EXIT) wasm_runtime_set_exception(instance->wamr, "exit");
}

/* Registers all imports of one module name, which lie together; returns the first of the next. */
static size_t register_module(size_t first) {
    const char *module = wamr.imports[first].sig.module;
    size_t      end = first;
    for (; end < wamr.count && strcmp(wamr.imports[end].sig.module, module) == 0; end++) {
        const mk_host_import_t *import = &wamr.imports[end];
        wamr.symbols[end] = (NativeSymbol){import->sig.name, (void *)(uintptr_t)import_entered, import->sig.signature,
                                           (void *)(uintptr_t)import};
    }
    bool done = wasm_runtime_register_natives_raw(module, wamr.symbols + first, (uint32_t)(end - first));
    return done ? end : SIZE_MAX;
}

static void unregister_all(void) {
    for (size_t i = 0; i < wamr.count; i++) {
        if (i == 0 || strcmp(wamr.imports[i].sig.module, wamr.imports[i - 1].sig.module) != 0)
            wasm_runtime_unregister_natives(wamr.imports[i].sig.module, wamr.symbols + i);
    }
}

/* ---- the engine as a whole ----------------------------------------------------------------------------------------- */

/* The largest block WAMR has asked for since this was last cleared. */
static _Thread_local struct {
    void  *at;
    size_t bytes;
} largest;

static void *wamr_malloc(unsigned size) {
    void *at = mk_alloc(size);
    if (at != NULL && size > largest.bytes) {
        largest.at = at;
        largest.bytes = size;
    }
    return at;
}
static void *wamr_realloc(void *p, unsigned size) { return mk_realloc(p, size); }

static void fire(void *target) { wasm_runtime_terminate(((mk_wasm_instance_t *)target)->wamr); }

static mk_err_t engine_start(const mk_host_import_t *imports, size_t count) {
    mk_err_t err = MK_ERR_NOMEM;
    wamr.imports = imports;
    wamr.count = count;
    wamr.symbols = mk_calloc(count, sizeof *wamr.symbols);
    if (wamr.symbols == NULL) return err;

    RuntimeInitArgs args;
    memset(&args, 0, sizeof args);
    args.mem_alloc_type = Alloc_With_Allocator;
    args.mem_alloc_option.allocator.malloc_func = (void *)(uintptr_t)wamr_malloc;
    args.mem_alloc_option.allocator.realloc_func = (void *)(uintptr_t)wamr_realloc;
    args.mem_alloc_option.allocator.free_func = (void *)(uintptr_t)mk_free;
    if (!wasm_runtime_full_init(&args)) goto no_runtime;
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_FATAL); /* it prints; what it has to say comes as error texts too */
    for (size_t i = 0; i < count;) {
        if ((i = register_module(i)) == SIZE_MAX) goto no_natives;
    }
    if ((err = mk_watchdog_start(fire)) != MK_OK) goto no_watchdog;
    return MK_OK;

no_watchdog:
    unregister_all();
no_natives:
    wasm_runtime_destroy();
no_runtime:
    mk_free(wamr.symbols);
    return err;
}

static void engine_stop(void) {
    mk_watchdog_stop();
    unregister_all();
    wasm_runtime_destroy();
    mk_free(wamr.symbols);
    mk_fiber_drain();
}

/* ---- modules -------------------------------------------------------------------------------------------------------- */

/* "WASM module load failed: unknown import" is WAMR's; the caller says already that loading failed. */
static void copy_error(char *err, size_t err_size, const char *text) {
    static const char *const openings[] = {
        "WASM module load failed: ", "WASM module instantiate failed: ", "Exception: "};
    for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++) {
        if (strncmp(text, openings[i], strlen(openings[i])) == 0) text += strlen(openings[i]);
    }
    if (err_size > 0) snprintf(err, err_size, "%s", text);
}

/* WAMR has one text for every way to run out of memory, and no code. */
static mk_err_t error_of(const char *text) {
    return strstr(text, "allocate") != NULL || strstr(text, "out of memory") != NULL ? MK_ERR_NOMEM : MK_ERR_FORMAT;
}

static mk_err_t module_load(const void *bytes, size_t size, mk_wasm_module_t **out, char *err, size_t err_size) {
    mk_wasm_module_t *module = mk_calloc(1, sizeof *module);
    size_t            copy_size = 0;
    char              text[192] = "out of memory";
    mk_err_t          result = MK_ERR_NOMEM;
    if (module == NULL) goto no_module;
    result = mk_wamr_rewrite(bytes, size, &module->bytes, &copy_size);
    if (result != MK_OK) {
        snprintf(text, sizeof text, "%s", mk_err_text(result));
        goto no_copy;
    }
    atomic_flag_clear(&module->busy);
    module->wamr = wasm_runtime_load(module->bytes, (uint32_t)copy_size, text, sizeof text);
    if (module->wamr == NULL) {
        result = error_of(text);
        goto no_load;
    }
    *out = module;
    return MK_OK;
no_load:
    mk_free(module->bytes);
no_copy:
    mk_free(module);
no_module:
    copy_error(err, err_size, text);
    return result;
}

static void module_unload(mk_wasm_module_t *module) {
    for (size_t i = 0; i < module->spares; i++) wasm_runtime_destroy_exec_env(module->spare[i]);
    wasm_runtime_unload(module->wamr);
    mk_free(module->bytes);
    mk_free(module);
}

/* ---- execution environments ----------------------------------------------------------------------------------------- */

static void module_lock(mk_wasm_module_t *module) {
    while (atomic_flag_test_and_set_explicit(&module->busy, memory_order_acquire)) {}
}
static void module_unlock(mk_wasm_module_t *module) { atomic_flag_clear_explicit(&module->busy, memory_order_release); }

/* WAMR clears the whole operand stack, of which most guests use little. In a node of waiting guests these zeros would be
 * most of its memory. */
static wasm_exec_env_t env_create(mk_wasm_instance_t *instance) {
    largest.bytes = 0;
    wasm_exec_env_t env = wasm_runtime_create_exec_env(instance->wamr, instance->limits.stack_bytes);
    if (env != NULL && largest.bytes >= instance->limits.stack_bytes) mk_stack_forget_zeros(largest.at, largest.bytes);
    return env;
}

static wasm_exec_env_t env_take(mk_wasm_instance_t *instance) {
    mk_wasm_module_t *module = instance->module;
    wasm_exec_env_t   env = NULL;
    module_lock(module);
    if (module->spares > 0 && module->spare_stack_bytes[module->spares - 1] == instance->limits.stack_bytes)
        env = module->spare[--module->spares];
    module_unlock(module);
    if (env == NULL) return env_create(instance);
    wasm_runtime_set_module_inst(env, instance->wamr);
    return env;
}

static void env_give(mk_wasm_instance_t *instance, wasm_exec_env_t env, bool clean) {
    mk_wasm_module_t *module = instance->module;
    if (clean) {
        /* Without this WAMR would find the spare when it looks for the one that runs the instance now. */
        wasm_runtime_set_module_inst(env, NULL);
        module_lock(module);
        clean = module->spares < SPARE_ENVS;
        if (clean) {
            module->spare[module->spares] = env;
            module->spare_stack_bytes[module->spares++] = instance->limits.stack_bytes;
        }
        module_unlock(module);
    }
    if (!clean) wasm_runtime_destroy_exec_env(env);
}

/* ---- instances ------------------------------------------------------------------------------------------------------ */

static mk_err_t instance_create(mk_wasm_module_t *module, const mk_wasm_limits_t *limits, void *host,
                                mk_wasm_instance_t **out, char *err, size_t err_size) {
    char                text[192] = "out of memory";
    mk_wasm_instance_t *instance = mk_calloc(1, sizeof *instance);
    if (instance == NULL) {
        copy_error(err, err_size, text);
        return MK_ERR_NOMEM;
    }
    instance->module = module;
    instance->host = host;
    instance->limits = *limits;
    InstantiationArgs args = {.default_stack_size = limits->stack_bytes,
                              .host_managed_heap_size = 0,
                              .max_memory_pages = limits->memory_pages_max};
    instance->wamr = wasm_runtime_instantiate_ex(module->wamr, &args, text, sizeof text);
    if (instance->wamr == NULL) {
        mk_free(instance);
        copy_error(err, err_size, text);
        return error_of(text);
    }
    instance->memory = wasm_runtime_get_default_memory(instance->wamr);
    *out = instance;
    return MK_OK;
}

static void call_put_away(mk_wasm_instance_t *instance, bool clean) {
    env_give(instance, instance->env, clean);
    mk_fiber_give(instance->fiber);
    instance->env = NULL;
    instance->fiber = NULL;
}

static void instance_destroy(mk_wasm_instance_t *instance) {
    if (instance->env != NULL) call_put_away(instance, false); /* it waits: its frames own nothing */
    wasm_runtime_deinstantiate(instance->wamr);
    mk_free(instance);
}

static wasm_valkind_t kind_of(char letter) {
    return letter == 'i' ? WASM_I32 : letter == 'I' ? WASM_I64 : letter == 'f' ? WASM_F32 : WASM_F64;
}

/* `signature` has at most one result. */
static bool has_signature(mk_wasm_instance_t *instance, wasm_function_inst_t function, const char *signature) {
    wasm_valkind_t kinds[ARGS_MAX], result;
    const char    *close = strchr(signature, ')');
    uint32_t       count = (uint32_t)(close - signature - 1), results = close[1] != '\0' ? 1 : 0;
    if (wasm_func_get_param_count(function, instance->wamr) != count || count > ARGS_MAX) return false;
    if (wasm_func_get_result_count(function, instance->wamr) != results) return false;
    wasm_func_get_param_types(function, instance->wamr, kinds);
    for (uint32_t i = 0; i < count; i++) {
        if (kinds[i] != kind_of(signature[1 + i])) return false;
    }
    if (results == 0) return true;
    wasm_func_get_result_types(function, instance->wamr, &result);
    return result == kind_of(close[1]);
}

static mk_wasm_function_t instance_find(mk_wasm_instance_t *instance, const char *name, const char *signature) {
    wasm_function_inst_t function = wasm_runtime_lookup_function(instance->wamr, name);
    if (function != NULL && !has_signature(instance, function, signature)) function = NULL;
    if (function == NULL || instance->found_count == FOUND_MAX) return 0;
    instance->found[instance->found_count++] = (found_t){function, signature};
    return (mk_wasm_function_t)instance->found_count;
}

/* ---- calls ---------------------------------------------------------------------------------------------------------- */

static void guest_main(void *arg) {
    mk_wasm_instance_t *instance = arg;
    instance->returned_well =
        wasm_runtime_call_wasm(instance->env, instance->function->at, instance->cell_count, instance->cells);
}

static void args_pack(mk_wasm_instance_t *instance, const char *signature, const uint64_t *args) {
    uint32_t count = 0;
    for (const char *letter = signature + 1; *letter != ')'; letter++, args++) {
        instance->cells[count++] = (uint32_t)*args;
        if (*letter == 'I' || *letter == 'F') instance->cells[count++] = (uint32_t)(*args >> 32);
    }
    instance->cell_count = count;
}

static uint64_t result_unpack(const mk_wasm_instance_t *instance) {
    char letter = strchr(instance->function->signature, ')')[1];
    if (letter == '\0') return 0;
    if (letter == 'i' || letter == 'f') return instance->cells[0];
    return instance->cells[0] | (uint64_t)instance->cells[1] << 32;
}

/* Everything after the guest last ran: what the watchdog said, what it returned, what is put away. */
static mk_wasm_end_t settle(mk_wasm_instance_t *instance, bool returned, uint64_t *result) {
    bool          overdue = instance->slot != NULL && mk_watchdog_end(instance->slot), reusable = false;
    mk_wasm_end_t end = MK_WASM_DONE;
    if (overdue) end = MK_WASM_OUT_OF_BUDGET;
    else if (!returned) return MK_WASM_BLOCKED;
    else if (instance->returned_well) reusable = true;
    else if (instance->import_end == MK_HOST_EXIT) wasm_runtime_clear_exception(instance->wamr);
    else end = MK_WASM_TRAPPED;

    if (end != MK_WASM_DONE) {
        const char *text = wasm_runtime_get_exception(instance->wamr);
        copy_error(instance->trap_text, sizeof instance->trap_text, text != NULL ? text : "trapped");
    }
    *result = reusable ? result_unpack(instance) : 0;
    call_put_away(instance, reusable);
    return end;
}

/* Goes on with a guest that is about to start (`fresh`) or stands in an import whose result is in place. */
static mk_wasm_end_t run(mk_wasm_instance_t *instance, bool fresh, uint32_t budget_ms, uint64_t *result) {
    instance->slot = NULL;
    if (budget_ms != 0) {
        if ((instance->slot = mk_watchdog_slot()) == NULL) {
            snprintf(instance->trap_text, sizeof instance->trap_text, "out of memory for the watchdog");
            call_put_away(instance, false);
            return MK_WASM_TRAPPED;
        }
        mk_watchdog_begin(instance->slot, instance, budget_ms);
    }
    bool returned = true;
    if (instance->fiber == NULL) guest_main(instance);
    else if (fresh) returned = mk_fiber_start(instance->fiber, guest_main, instance);
    else returned = mk_fiber_resume(instance->fiber);
    return settle(instance, returned, result);
}

static mk_wasm_end_t instance_call(mk_wasm_instance_t *instance, mk_wasm_function_t function, const uint64_t *args,
                                   uint32_t budget_ms, uint64_t *result) {
    static _Thread_local bool thread_ready;
    mk_assert(instance->env == NULL);
    if (!thread_ready) thread_ready = wasm_runtime_init_thread_env();
    instance->env = thread_ready ? env_take(instance) : NULL;
    if (instance->env == NULL) goto no_env;
    uint8_t *boundary = NULL; /* WAMR asks the platform for the thread's */
    if (instance->limits.native_stack_bytes != 0) {
        instance->fiber = mk_fiber_take(instance->limits.native_stack_bytes);
        if (instance->fiber == NULL) goto no_fiber;
        boundary = mk_fiber_stack_low(instance->fiber) + NATIVE_RESERVE_BYTES;
    }
    wasm_runtime_set_native_stack_boundary(instance->env, boundary);
    wasm_runtime_set_user_data(instance->env, instance);
    instance->function = &instance->found[function - 1];
    instance->import_end = MK_HOST_DONE;
    args_pack(instance, instance->function->signature, args);
    return run(instance, true, budget_ms, result);

no_fiber:
    env_give(instance, instance->env, true);
    instance->env = NULL;
no_env:
    snprintf(instance->trap_text, sizeof instance->trap_text, "out of memory for a stack");
    return MK_WASM_TRAPPED;
}

static mk_wasm_end_t instance_resume(mk_wasm_instance_t *instance, uint64_t value, uint32_t budget_ms,
                                     uint64_t *result) {
    mk_assert(instance->fiber != NULL && instance->import_end == MK_HOST_BLOCKED);
    instance->import_end = MK_HOST_DONE;
    instance->import_args[0] = value;
    return run(instance, false, budget_ms, result);
}

static void instance_extend(mk_wasm_instance_t *instance, int32_t ms) {
    if (instance->slot != NULL) mk_watchdog_extend(instance->slot, ms);
}

static void instance_trap_text(const mk_wasm_instance_t *instance, char *text, size_t size) {
    snprintf(text, size, "%s", instance->trap_text);
}

static size_t instance_memory(mk_wasm_instance_t *instance, uint8_t **base) {
    if (instance->memory == NULL) {
        *base = NULL;
        return 0;
    }
    *base = wasm_memory_get_base_address(instance->memory);
    return (size_t)(wasm_memory_get_cur_page_count(instance->memory) *
                    wasm_memory_get_bytes_per_page(instance->memory));
}

const mk_engine_t mk_engine_wamr = {
    .name = "wamr",
    .start = engine_start,
    .stop = engine_stop,
    .one_load = true,
    .load = module_load,
    .unload = module_unload,
    .instantiate = instance_create,
    .destroy = instance_destroy,
    .find = instance_find,
    .call = instance_call,
    .extend = instance_extend,
    .resume = instance_resume,
    .trap_text = instance_trap_text,
    .memory = instance_memory,
};
