/* SPDX-License-Identifier: Apache-2.0 */
/* engine.h -- what the rest of the node knows of a WebAssembly engine.
 *
 * A call into a guest, and each continuation of one that waited, ends in one of four ways: done, blocked (a host
 * import asked to wait), out of budget, trapped. How an engine waits is its own affair: nothing outside an engine may
 * assume that a blocked guest sits on a native stack, or on anything but the instance.
 *
 * Engines are tables of functions, so that a second one is one more table. Modules and instances are the engine's own
 * structs, seen here by name only. All calls on one instance come from one thread at a time; modules may be shared by
 * the instances of several threads.
 *
 * Rules an instance is used by: at most one call at a time; after MK_WASM_BLOCKED only resume(), memory() and
 * destroy(); after MK_WASM_TRAPPED only destroy(); after MK_WASM_OUT_OF_BUDGET go_on() where the engine `continues`,
 * and destroy(). destroy() is allowed in every state but from inside a host import of that same instance. */
#ifndef MK_WASM_ENGINE_H
#define MK_WASM_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microkernel/error.h"
#include "wasm/module.h"

typedef struct mk_wasm_module   mk_wasm_module_t;
typedef struct mk_wasm_instance mk_wasm_instance_t;

typedef enum mk_wasm_end {
    MK_WASM_DONE,
    MK_WASM_BLOCKED,
    MK_WASM_OUT_OF_BUDGET,
    MK_WASM_TRAPPED, /* trap_text() says why */
} mk_wasm_end_t;

/* How a host import ends. With MK_HOST_BLOCKED the guest stays inside the import until resume() gives its result. With
 * MK_HOST_EXIT the whole call is done, with 0 as result: the frames above the import are gone and the instance may be
 * called again. */
typedef enum mk_host_end { MK_HOST_DONE, MK_HOST_BLOCKED, MK_HOST_EXIT } mk_host_end_t;

/* `host` is what the instance was made with. Each argument is one 64-bit slot, narrower ones zero-extended; *result is
 * 0 beforehand and ignored when the signature has none. Always runs on the thread's own stack. */
typedef mk_host_end_t mk_host_fn(void *host, const uint64_t *args, uint64_t *result);

typedef struct mk_host_import {
    mk_import_sig_t sig;
    mk_host_fn     *fn;
} mk_host_import_t;

typedef struct mk_wasm_limits {
    uint32_t stack_bytes;        /* the guest's operand stack                                              */
    uint32_t memory_pages_max;   /* most 64 KiB pages its memory may grow to                               */
    uint32_t hidden_bytes;       /* for an engine that `hides`: so much more, behind the declared memory, is
                                  * the host's and out of the guest's sight (reserve.h)                    */
    uint32_t native_stack_bytes; /* for engines that need a native stack to wait; 0: no import ever blocks */
} mk_wasm_limits_t;

/* An exported function of one instance; 0: not exported. */
typedef uint32_t mk_wasm_function_t;

/* The name under which find() gives the function of the module's start section. */
#define MK_WASM_START_FUNCTION "\x01start"

typedef struct mk_engine {
    const char *name;
    bool        continues; /* go_on() may follow MK_WASM_OUT_OF_BUDGET, and budgets are fuel: units of the guest's own
                            * work, of about half a nanosecond. Else budgets are milliseconds of processor time     */
    bool        hides;     /* sees to mk_wasm_limits_t.hidden_bytes, so that no module has to be rewritten for it */
    bool        borrows;   /* the bytes of a module have to stay until it is unloaded                             */
    bool        one_load;  /* load() is called by one thread at a time; else by any, at any time                  */

    /* Once per process, before everything else; `imports` are borrowed until stop(). */
    mk_err_t (*start)(const mk_host_import_t *imports, size_t count);
    void (*stop)(void);

    /* The caller has checked the module with mk_module_check() against the imports. On failure `err` says why and *out
     * is untouched: MK_ERR_NOMEM, MK_ERR_FORMAT, MK_ERR_NOSYS, MK_ERR_LIMIT. */
    mk_err_t (*load)(const void *bytes, size_t size, mk_wasm_module_t **out, char *err, size_t err_size);
    void (*unload)(mk_wasm_module_t *module); /* after its last instance */

    /* Runs no code of the guest: the start function is called like any other. MK_ERR_NOMEM, MK_ERR_LIMIT, or
     * MK_ERR_FORMAT: a segment does not fit. */
    mk_err_t (*instantiate)(mk_wasm_module_t *module, const mk_wasm_limits_t *limits, void *host,
                            mk_wasm_instance_t **out, char *err, size_t err_size);
    void (*destroy)(mk_wasm_instance_t *instance);

    /* The signature is one such as "(iIii)i" with at most one result, and stays where it is. What is found once stays found;
     * a few functions of an instance can be asked for, not all it has. */
    mk_wasm_function_t (*find)(mk_wasm_instance_t *instance, const char *name, const char *signature);

    /* The budget is for the time until this call returns; 0: no limit. */
    mk_wasm_end_t (*call)(mk_wasm_instance_t *instance, mk_wasm_function_t function, const uint64_t *args,
                          uint32_t budget, uint64_t *result);
    /* `value` becomes the result of the import that blocked. */
    mk_wasm_end_t (*resume)(mk_wasm_instance_t *instance, uint64_t value, uint32_t budget, uint64_t *result);
    /* From where the budget was used up. NULL: not possible. */
    mk_wasm_end_t (*go_on)(mk_wasm_instance_t *instance, uint32_t budget, uint64_t *result);
    /* From inside a host import: the budget of the call under way becomes so much larger, or smaller. */
    void (*extend)(mk_wasm_instance_t *instance, int32_t more);

    /* Why it trapped. Begins with "out of memory" when that is what the host lacked. Until the instance runs again. */
    void (*trap_text)(const mk_wasm_instance_t *instance, char *text, size_t size);

    /* Where memory is and how many bytes it has. To be asked again after each call: memory moves when it grows. */
    size_t (*memory)(mk_wasm_instance_t *instance, uint8_t **base);
} mk_engine_t;

extern const mk_engine_t mk_engine_vm, mk_engine_wamr;

/* The engine of that name, NULL the default one. NULL: no such engine in this build. */
const mk_engine_t *mk_engine_find(const char *name);

/* Which one is the default from now on, the first one built in if `name` is NULL or unknown: for tests. */
void mk_engine_prefer(const char *name);

/* Starts it unless it is started; stops all that are. One thread at a time. */
MK_MUST_CHECK mk_err_t mk_engine_start(const mk_engine_t *engine);
void                   mk_engines_stop(void);

#endif
