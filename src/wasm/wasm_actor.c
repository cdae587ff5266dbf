/* SPDX-License-Identifier: Apache-2.0 */
/* wasm_actor.c -- the public calls: from bytes and options to a guest, and from an actor's id back to it. */
#include "microkernel/wasm_actor.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "microkernel/services.h"
#include "microkernel/supervision.h"
#include "port/port.h"
#include "runtime/internal.h"
#include "wasm/guest.h"
#include "wasm/imports.h"
#include "wasm/prepare.h"

enum {
    DEFAULT_BUDGET_MS = 100, /* with an engine that cannot do without */
    DEFAULT_SLICE_US = 100,  /* three guests that compute keep a timer waiting for less than half a millisecond */
    SLICE_US_MAX = 1000 * 1000,
    BUDGET_MS_MAX = 1000 * 1000 * 1000, /* eleven days */
    DEFAULT_MEMORY_PAGES = 1024,
    DEFAULT_MESSAGE_BYTES = 1024 * 1024,
    DEFAULT_CHILDREN = 256,
    DEFAULT_NAMES = 64,
    DEFAULT_MESSAGES_IN_FLIGHT = 16, /* of the largest */
    STACK_BYTES_MIN = 1024,
    STACK_BYTES_MAX = 16 * 1024 * 1024,
};

/* Those who called wasm_actors_init(), and each loaded module: a runtime that is destroyed after the clean-up still finds
 * the engine its guests need to end. */
static atomic_uint holders;

/* ---- init ----------------------------------------------------------------------------------------------------------- */

bool wasm_actors_init(void) {
    if (mk_wasm_retain()) return true;
    size_t count;
    (void)mk_imports_signatures(&count);
    if (mk_code_start() != MK_OK) return false;
    if (mk_engine_start(mk_engine_find(NULL)) != MK_OK) { /* others when they are first asked for */
        mk_code_stop();
        return false;
    }
    atomic_store(&holders, 1);
    return true;
}

bool mk_wasm_retain(void) {
    unsigned now = atomic_load(&holders);
    while (now > 0) {
        if (atomic_compare_exchange_weak(&holders, &now, now + 1)) return true;
    }
    return false;
}

void wasm_actors_cleanup(void) {
    if (atomic_load(&holders) == 0 || atomic_fetch_sub(&holders, 1) > 1) return;
    mk_engines_stop();
    mk_code_stop();
}

/* ---- options ---------------------------------------------------------------------------------------------------------- */

static uint32_t native_stack_bytes(fiber_stack_class_t fiber) {
    switch (fiber) {
    case FIBER_STACK_NONE: return 0;
    case FIBER_STACK_TINY: return 12 * 1024;
    case FIBER_STACK_MEDIUM: return 32 * 1024;
    case FIBER_STACK_LARGE: return 128 * 1024;
    default: return 16 * 1024;
    }
}

static uint32_t within(size_t asked, uint32_t fallback, uint32_t least, uint32_t most) {
    if (asked == 0) return fallback;
    return asked < least ? least : asked > most ? most : (uint32_t)asked;
}

/* 0: none. */
static uint32_t budget(uint32_t asked_ms, const mk_engine_t *engine) {
    bool needed = engine == NULL || !engine->continues;
    if (asked_ms == WASM_BUDGET_NONE) return needed ? BUDGET_MS_MAX : 0;
    return within(asked_ms, needed ? DEFAULT_BUDGET_MS : 0, 1, BUDGET_MS_MAX);
}

/* On failure the config has what could be copied, for mk_guest_config_fini(). */
static mk_err_t copy_texts(mk_guest_config_t *config, const char *files_below, const char *http_hosts) {
    config->files_below = files_below != NULL ? mk_strndup(files_below, strlen(files_below)) : NULL;
    config->http_hosts = http_hosts != NULL ? mk_strndup(http_hosts, strlen(http_hosts)) : NULL;
    bool all =
        (files_below == NULL || config->files_below != NULL) && (http_hosts == NULL || config->http_hosts != NULL);
    return all ? MK_OK : MK_ERR_NOMEM;
}

mk_err_t mk_guest_config_init(mk_guest_config_t *config, const wasm_options_t *options) {
    static const wasm_options_t defaults;
    const wasm_options_t       *o = options != NULL ? options : &defaults;
    const mk_engine_t          *engine = mk_engine_find(o->engine);
    *config = (mk_guest_config_t){
        .limits = {.stack_bytes = within(o->stack_size, WASM_DEFAULT_STACK_SIZE, STACK_BYTES_MIN, STACK_BYTES_MAX),
                   .memory_pages_max = within(o->memory_pages_max, DEFAULT_MEMORY_PAGES, 1, MK_MODULE_PAGES_MAX),
                   .native_stack_bytes = native_stack_bytes(o->fiber)},
        .heap_bytes = within(o->heap_size, WASM_DEFAULT_HEAP_SIZE, 1, UINT32_MAX - MK_MODULE_PAGE_BYTES),
        .grants = o->grants,
        .child_grants = o->child_grants,
        .budget_ms = budget(o->budget_ms, engine),
        .child_budget_ms = budget(o->child_budget_ms != 0 ? o->child_budget_ms : o->budget_ms, engine),
        .slice_us = within(o->slice_us, DEFAULT_SLICE_US, 1, SLICE_US_MAX),
        .message_bytes_max = within(o->message_bytes_max, DEFAULT_MESSAGE_BYTES, 1, UINT32_MAX),
        .children_max = within(o->children_max, DEFAULT_CHILDREN, 1, UINT32_MAX),
        .names_max = within(o->names_max, DEFAULT_NAMES, 1, UINT32_MAX),
        .in_flight_bytes_max = o->in_flight_bytes_max,
        .console = o->console,
        .print = o->print,
        .print_arg = o->print_arg,
        .engine = engine,
    };
    if (config->in_flight_bytes_max == 0) {
        uint64_t bytes = (uint64_t)config->message_bytes_max * DEFAULT_MESSAGES_IN_FLIGHT;
        config->in_flight_bytes_max = bytes < SIZE_MAX ? (size_t)bytes : SIZE_MAX;
    }
    if (config->engine == NULL || atomic_load(&holders) == 0) return MK_ERR_INVALID;
    return copy_texts(config, o->files_below, o->http_hosts);
}

mk_err_t mk_guest_config_copy(mk_guest_config_t *to, const mk_guest_config_t *from) {
    *to = *from;
    return copy_texts(to, from->files_below, from->http_hosts);
}

void mk_guest_config_fini(mk_guest_config_t *config) {
    mk_free(config->files_below);
    mk_free(config->http_hosts);
}

static mk_err_t say(char *err, size_t err_size, mk_err_t code) {
    if (err_size > 0) snprintf(err, err_size, "%s", mk_err_text(code));
    return code;
}

static mk_err_t config_from(mk_guest_config_t *config, const wasm_options_t *options, char *err, size_t err_size) {
    mk_err_t result = mk_guest_config_init(config, options);
    if (result == MK_OK) return MK_OK;
    if (err_size > 0) {
        snprintf(err, err_size, "%s",
                 result != MK_ERR_INVALID     ? mk_err_text(result)
                 : atomic_load(&holders) == 0 ? "wasm_actors_init() was not called"
                                              : "no such engine");
    }
    return result;
}

static mk_err_t load(const mk_guest_config_t *config, const void *bytes, size_t size, const wasm_options_t *options,
                     mk_code_t **out, char *err, size_t err_size) {
    mk_code_want_t want = {.engine = config->engine,
                           .heap_bytes = config->heap_bytes,
                           .bytes = bytes,
                           .size = size,
                           .from = options != NULL ? options->from : NULL};
    return mk_code_load(&want, out, err, err_size);
}

/* ---- guests ------------------------------------------------------------------------------------------------------------ */

mk_err_t mk_guest_make(mk_guest_t *guest, mk_code_t *code, mk_guest_t *out, char *err, size_t err_size) {
    const mk_engine_t  *engine = guest->config.engine;
    mk_wasm_instance_t *instance;
    mk_wasm_limits_t    limits = guest->config.limits;
    if (code->memory_bytes > (uint64_t)limits.memory_pages_max * MK_MODULE_PAGE_BYTES) {
        if (err_size > 0)
            snprintf(err, err_size, "its memory begins with %llu bytes, at most %u pages of 64 KiB are allowed",
                     (unsigned long long)code->memory_bytes, (unsigned)limits.memory_pages_max);
        return MK_ERR_LIMIT;
    }
    limits.memory_pages_max += code->extra_pages; /* the host's, not the guest's */
    if (limits.memory_pages_max > MK_MODULE_PAGES_MAX) limits.memory_pages_max = MK_MODULE_PAGES_MAX;
    limits.hidden_bytes = code->hidden_bytes;
    mk_err_t result = engine->instantiate(code->module, &limits, guest, &instance, err, err_size);
    if (result != MK_OK) return result;

    out->instance = instance;
    out->code = code;
    out->start = engine->find(instance, MK_WASM_START_FUNCTION, "()");
    out->handle = engine->find(instance, "handle_message", "(iIii)i");
    out->version = engine->find(instance, "version", "()i");
    out->migrate = engine->find(instance, "migrate", "(i)i");
    out->initialize = out->alloc = out->free = 0;
    if (code->initialize != NULL) out->initialize = engine->find(instance, code->initialize, "()");
    if (code->alloc != NULL) out->alloc = engine->find(instance, code->alloc, "(i)i");
    if (code->free != NULL) out->free = engine->find(instance, code->free, "(i)");
    out->step = MK_STEP_START;
    out->fuel = MK_GUEST_FUEL_FIRST;
    atomic_fetch_add_explicit(&code->instances, 1, memory_order_relaxed);
    return MK_OK;
}

void mk_guest_unmake(mk_guest_t *guest) {
    if (guest->instance != NULL) {
        atomic_fetch_sub_explicit(&guest->code->instances, 1, memory_order_relaxed);
        guest->config.engine->destroy(guest->instance);
    }
    mk_code_release(guest->code);
}

mk_err_t mk_guest_instantiate(mk_guest_t *guest, mk_code_t *code, char *err, size_t err_size) {
    mk_assert(guest->instance == NULL);
    return mk_guest_make(guest, code, guest, err, err_size);
}

/* A record without an instance. */
static mk_guest_t *guest_alloc(const mk_guest_config_t *config) {
    mk_guest_t *guest = mk_calloc(1, sizeof *guest);
    if (guest == NULL) return NULL;
    if (mk_guest_config_copy(&guest->config, config) == MK_OK) return guest;
    mk_guest_config_fini(&guest->config);
    mk_free(guest);
    return NULL;
}

mk_err_t mk_guest_create(const mk_guest_config_t *config, mk_code_t *code, mk_guest_t **out, char *err,
                         size_t err_size) {
    mk_guest_t *guest = guest_alloc(config);
    if (guest == NULL) return say(err, err_size, MK_ERR_NOMEM);
    mk_err_t result = mk_guest_instantiate(guest, code, err, err_size);
    if (result == MK_OK) *out = guest;
    else wasm_actor_free(guest);
    return result;
}

void wasm_actor_free(void *state) {
    mk_guest_t *guest = state;
    if (guest == NULL) return;
    mk_reload_fini(guest);
    mk_guest_http_fini(guest);
    mk_guest_state_fini(guest);
    mk_spawn_fini(guest);
    mk_guest_file_fini(guest);
    if (guest->again != NULL) message_release(guest->rt, guest->again);
    if (guest->taken != NULL) message_release(guest->rt, guest->taken);
    mk_guest_unmake(guest);
    mk_guest_config_fini(&guest->config);
    mk_free(guest->report);
    mk_free(guest->texts);
    mk_account_release(guest->in_flight);
    mk_account_release(guest->printing);
    mk_free(guest);
}

mk_err_t mk_guest_spawn(runtime_t *rt, const mk_guest_config_t *config, const wasm_options_t *options, mk_code_t *code,
                        actor_id_t *out, char *err, size_t err_size) {
    mk_guest_t *guest = NULL;
    mk_err_t    result;
    if ((result = mk_guest_create(config, code, &guest, err, err_size)) != MK_OK) {
        mk_code_release(code);
        return result;
    }
    actor_options_t actor = {.behavior = wasm_actor_behavior,
                             .state = guest,
                             .free_state = wasm_actor_free,
                             .mailbox_size = options != NULL ? options->mailbox_size : 0,
                             .name = options != NULL ? options->name : NULL,
                             .orphan = options != NULL && options->orphan,
                             .trap_exits = true};
    if ((result = actor_spawn_opts(rt, &actor, out)) != MK_OK) {
        wasm_actor_free(guest);
        return say(err, err_size, result);
    }
    /* Its start function runs in its own first turn, which this brings about. Refused (no memory), the first message
     * does. */
    (void)actor_send(rt, *out, MSG_WAKE, NULL, 0);
    return MK_OK;
}

/* From a module that is loaded, or from bytes. */
static mk_err_t spawn(runtime_t *rt, wasm_module_t *module, const void *buf, size_t size, const wasm_options_t *options,
                      actor_id_t *out, char *err, size_t err_size) {
    mk_guest_config_t config;
    mk_code_t        *code;
    char              text[MK_GUEST_ERROR_BYTES] = "";
    mk_err_t          result = config_from(&config, options, text, sizeof text);
    if (result == MK_OK && module != NULL)
        result = mk_code_share(module, config.engine, config.heap_bytes, &code, text, sizeof text);
    else if (result == MK_OK) result = load(&config, buf, size, options, &code, text, sizeof text);
    if (result == MK_OK) result = mk_guest_spawn(rt, &config, options, code, out, text, sizeof text);
    mk_guest_config_fini(&config);
    if (result == MK_OK) return MK_OK;
    actor_log(rt, MK_LOG_WARN, "guest not spawned: %s", text);
    if (err_size > 0) snprintf(err, err_size, "%s", text);
    return result;
}

mk_err_t actor_spawn_wasm_opts(runtime_t *rt, const void *buf, size_t size, const wasm_options_t *options,
                               actor_id_t *out, char *err, size_t err_size) {
    return spawn(rt, NULL, buf, size, options, out, err, err_size);
}

mk_err_t actor_spawn_wasm_module(runtime_t *rt, wasm_module_t *module, const wasm_options_t *options, actor_id_t *out,
                                 char *err, size_t err_size) {
    return spawn(rt, module, NULL, 0, options, out, err, err_size);
}

mk_err_t actor_spawn_wasm_file_opts(runtime_t *rt, const char *path, const wasm_options_t *options, actor_id_t *out,
                                    size_t *file_size, char *err, size_t err_size) {
    uint8_t *bytes;
    size_t   size;
    char     why[MK_PREPARE_ERR_BYTES];
    mk_err_t result = mk_prepare_read(NULL, path, &bytes, &size, why, sizeof why);
    if (result != MK_OK) {
        actor_log(rt, MK_LOG_WARN, "guest not spawned: %s", why);
        if (err_size > 0) snprintf(err, err_size, "%s", why);
        return result;
    }
    if (file_size != NULL) *file_size = size;
    wasm_options_t all = options != NULL ? *options : (wasm_options_t){0};
    if (all.from == NULL) all.from = path;
    result = actor_spawn_wasm_opts(rt, bytes, size, &all, out, err, err_size);
    mk_free(bytes);
    return result;
}

actor_id_t actor_spawn_wasm(runtime_t *rt, const void *buf, size_t size, size_t mailbox_size, size_t stack_size,
                            size_t heap_size, fiber_stack_class_t fiber) {
    wasm_options_t options = {
        .mailbox_size = mailbox_size, .stack_size = stack_size, .heap_size = heap_size, .fiber = fiber};
    actor_id_t id;
    return actor_spawn_wasm_opts(rt, buf, size, &options, &id, NULL, 0) == MK_OK ? id : ACTOR_ID_INVALID;
}

actor_id_t actor_spawn_wasm_file(runtime_t *rt, const char *path, size_t mailbox_size, size_t stack_size,
                                 size_t heap_size, fiber_stack_class_t fiber) {
    wasm_options_t options = {
        .mailbox_size = mailbox_size, .stack_size = stack_size, .heap_size = heap_size, .fiber = fiber};
    actor_id_t id;
    return actor_spawn_wasm_file_opts(rt, path, &options, &id, NULL, NULL, 0) == MK_OK ? id : ACTOR_ID_INVALID;
}

/* ---- for supervisors ------------------------------------------------------------------------------------------------------ */

typedef struct mk_factory_arg {
    mk_guest_config_t config;
    mk_code_t        *code;
} factory_arg_t;

mk_err_t wasm_factory_arg_create_opts(const void *buf, size_t size, const wasm_options_t *options, void **out,
                                      char *err, size_t err_size) {
    factory_arg_t *arg = mk_calloc(1, sizeof *arg);
    if (arg == NULL) return say(err, err_size, MK_ERR_NOMEM);
    mk_err_t result = config_from(&arg->config, options, err, err_size);
    if (result == MK_OK) result = load(&arg->config, buf, size, options, &arg->code, err, err_size);
    if (result == MK_OK) *out = arg;
    else wasm_factory_arg_destroy(arg);
    return result;
}

void *wasm_factory_arg_create(const void *buf, size_t size, size_t stack_size, size_t heap_size,
                              fiber_stack_class_t fiber) {
    wasm_options_t options = {.stack_size = stack_size, .heap_size = heap_size, .fiber = fiber};
    void          *arg;
    return wasm_factory_arg_create_opts(buf, size, &options, &arg, NULL, 0) == MK_OK ? arg : NULL;
}

void wasm_factory_arg_destroy(void *arg) {
    factory_arg_t *factory = arg;
    if (factory == NULL) return;
    mk_code_release(factory->code);
    mk_guest_config_fini(&factory->config);
    mk_free(factory);
}

void mk_factory_take(factory_arg_t *factory, mk_code_t *code) {
    mk_code_t *old = factory->code;
    factory->code = mk_code_retain(code);
    mk_code_release(old);
}

/* A factory cannot say why it failed, an actor can: the record is made in any case, and its first turn tells. */
void *wasm_actor_factory(void *arg) {
    factory_arg_t *factory = arg;
    mk_guest_t    *guest = guest_alloc(&factory->config);
    if (guest == NULL) return NULL;
    char       err[MK_GUEST_ERROR_BYTES] = "";
    mk_code_t *code = mk_code_retain(factory->code);
    mk_err_t   result = mk_guest_instantiate(guest, code, err, sizeof err);
    guest->factory = factory;
    if (result == MK_OK) return guest;
    mk_code_release(code);
    mk_guest_fail(guest, "%s", err);
    guest->error_reason = result == MK_ERR_NOMEM ? EXIT_OUT_OF_MEMORY : EXIT_FAILED;
    return guest;
}

/* ---- while it runs --------------------------------------------------------------------------------------------------------- */

mk_guest_t *mk_guest_find(runtime_t *rt, actor_id_t id) {
    actor_t *actor = mk_actor_find(rt, id);
    return actor != NULL && actor->behavior == wasm_actor_behavior ? actor->state : NULL;
}

bool wasm_actor_get_info(runtime_t *rt, actor_id_t id, wasm_actor_info_t *out) {
    mk_guest_t *guest = mk_guest_find(rt, id);
    if (guest == NULL) return false;
    *out = guest->info;
    uint8_t *base;
    out->memory_bytes = guest->instance != NULL ? guest->config.engine->memory(guest->instance, &base) : 0;
    out->computing = guest->wait == MK_WAIT_SLICE;
    out->waiting = guest->wait != MK_WAIT_NONE && !out->computing;
    out->coming = mk_reload_is_coming(guest);
    out->grants = guest->config.grants;
    return true;
}

bool wasm_actor_get_module(runtime_t *rt, actor_id_t id, wasm_loaded_t *out) {
    const mk_guest_t *guest = mk_guest_find(rt, id);
    if (guest == NULL || guest->code == NULL) return false;
    mk_code_describe(guest->code, out);
    return true;
}
