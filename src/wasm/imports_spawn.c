/* SPDX-License-Identifier: Apache-2.0 */
/* imports_spawn.c -- guests that start guests. The module is prepared on a helper thread while the guest waits in the import; what is
 * left for the loop is an instance and an actor. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "runtime/attach.h"
#include "runtime/wake.h"
#include "wasm/guest.h"
#include "wasm/imports.h"
#include "wasm/prepare.h"

/* Loading so much takes no longer than a slice, and a helper would not be quicker. */
enum { AT_ONCE_BYTES = 16 * 1024 };

static bool fail(mk_guest_t *guest, mk_err_t why) {
    mk_guest_fail(guest, "%s", mk_err_text(why));
    return false;
}

/* ---- in common -------------------------------------------------------------------------------------------------------------- */

bool mk_spawn_may_begin(mk_guest_t *guest) {
    if (guest->info.children < guest->config.children_max) return true;
    mk_guest_fail(guest, "%u children are alive, no more are allowed", (unsigned)guest->info.children);
    return false;
}

static void ready(void *arg, mk_prepare_t *prepare) {
    const mk_guest_t *guest = arg;
    (void)prepare;
    mk_actor_wake(guest->rt, guest->id);
}

static mk_err_t prepare_now(mk_guest_t *guest, const mk_prepare_source_t *source) {
    uint64_t began_us = mk_guest_work_begin(guest);
    mk_err_t err = mk_prepare_now(source, &guest->preparing);
    mk_guest_work_end(guest, began_us);
    return err;
}

/* As the guest's own engine wants it: its children have the same. */
static bool begin(mk_guest_t *guest, mk_prepare_source_t *source) {
    mk_err_t err;
    source->engine = guest->config.engine;
    source->heap_bytes = guest->config.heap_bytes;
    if (!mk_guest_can_wait(guest) || (source->bytes != NULL && source->size <= AT_ONCE_BYTES))
        err = prepare_now(guest, source);
    else err = mk_prepare_start(mk_runtime_loop(guest->rt), source, ready, guest, &guest->preparing);
    return err == MK_OK || fail(guest, err);
}

bool mk_spawn_begin(mk_guest_t *guest, uint8_t *bytes, size_t size, const char *from) {
    if (bytes == NULL && (bytes = mk_alloc(1)) == NULL) return fail(guest, MK_ERR_NOMEM); /* of nothing there is none */
    mk_prepare_source_t source = {.bytes = bytes, .size = size, .from = from};
    return begin(guest, &source);
}

/* The guest's children get what it has itself, but only the grants that are meant for them. */
static mk_err_t spawn(mk_guest_t *guest, mk_code_t *code, const char *name, actor_id_t *out, char *err,
                      size_t err_size) {
    mk_guest_config_t config = guest->config;
    wasm_options_t    options = {.name = name};
    config.grants = guest->config.child_grants & guest->config.grants;
    config.child_grants = config.grants;
    config.budget_ms = config.child_budget_ms;
    uint64_t began_us = mk_guest_work_begin(guest);
    mk_err_t result = mk_guest_spawn(guest->rt, &config, &options, code, out, err, err_size);
    mk_guest_work_end(guest, began_us);
    if (result == MK_OK) guest->info.children++;
    return result;
}

/* The module is there, or it is known why not. */
static void finish(mk_guest_t *guest, const char *name, uint64_t *result) {
    mk_prepare_t *p = guest->preparing;
    char          err[MK_GUEST_ERROR_BYTES] = "";
    mk_err_t      failed = p->error;
    actor_id_t    id = ACTOR_ID_INVALID;
    if (p->code == NULL) {
        mk_guest_fail(guest, "%s", p->err[0] != '\0' ? p->err : mk_err_text(failed));
    } else if (mk_spawn_may_begin(guest)) {
        mk_code_t *code = p->code;
        p->code = NULL;
        failed = spawn(guest, code, name, &id, err, sizeof err);
        if (failed == MK_OK) *result = id;
        else mk_guest_fail(guest, "%s", err[0] != '\0' ? err : mk_err_text(failed));
    }
    mk_spawn_fini(guest);
}

mk_host_end_t mk_spawn_go_on(mk_guest_t *guest, mk_host_fn *import, const uint64_t *args, size_t count,
                             const char *name, uint64_t *result) {
    if (guest->preparing->ended) finish(guest, name, result);
    else if (mk_guest_defer(guest, import, args, count, -1)) return MK_HOST_BLOCKED;
    else mk_spawn_fini(guest);
    return MK_HOST_DONE;
}

void mk_spawn_fini(mk_guest_t *guest) {
    mk_prepare_drop(guest->preparing);
    guest->preparing = NULL;
}

/* ---- mk_spawn_wasm ------------------------------------------------------------------------------------------------------------ */

/* What is loaded already is neither copied nor hashed. */
static bool begin_with_bytes(mk_guest_t *guest, const uint8_t *bytes, size_t size) {
    mk_code_want_t want = {
        .engine = guest->config.engine, .heap_bytes = guest->config.heap_bytes, .bytes = bytes, .size = size};
    mk_code_t *code = mk_code_loaded(&want);
    if (code != NULL) return mk_prepare_of(code, &guest->preparing) == MK_OK || fail(guest, MK_ERR_NOMEM);
    uint8_t *copy = mk_alloc(size);
    if (copy == NULL) return fail(guest, MK_ERR_NOMEM);
    memcpy(copy, bytes, size);
    return mk_spawn_begin(guest, copy, size, NULL);
}

mk_host_end_t mk_import_spawn_wasm(void *host, const uint64_t *args, uint64_t *result) {
    mk_guest_t *guest = host;
    uint32_t    size = (uint32_t)args[1];
    *result = ACTOR_ID_INVALID;
    if (guest->preparing == NULL) {
        if (!mk_guest_granted(guest, WASM_GRANT_SPAWN, "mk_spawn_wasm", "spawn")) return MK_HOST_DONE;
        if (mk_guest_work_later(guest, mk_import_spawn_wasm, args, 2)) return MK_HOST_BLOCKED;
        const uint8_t *bytes = mk_guest_span(guest, args[0], size);
        if (bytes == NULL || !mk_spawn_may_begin(guest) || !begin_with_bytes(guest, bytes, size)) return MK_HOST_DONE;
    }
    return mk_spawn_go_on(guest, mk_import_spawn_wasm, args, 2, NULL, result);
}

/* ---- mk_spawn_file ------------------------------------------------------------------------------------------------------------ */

/* A module that is loaded is named by its hash; who may not read every file may not have every module, either. */
static bool begin_with_file(mk_guest_t *guest, const char *path) {
    static const char   scheme[] = "sha256:";
    mk_prepare_source_t source = {.path = path};
    bool                anywhere = (guest->config.grants & WASM_GRANT_ALL_FILES) != 0;
    if (!anywhere) source.below = guest->config.files_below;
    if (!anywhere && source.below == NULL) {
        mk_guest_fail(guest, "%.100s: %s", path, mk_err_text(MK_ERR_DENIED));
        return false;
    }
    if (anywhere && strncmp(path, scheme, sizeof scheme - 1) == 0)
        source = (mk_prepare_source_t){.digits = path + sizeof scheme - 1};
    return begin(guest, &source);
}

static bool file_begin(mk_guest_t *guest, const uint64_t *args) {
    static const char import[] = "mk_spawn_file";
    char             *path = mk_guest_text(guest, args[0], args[1], import);
    bool              begun = path != NULL && mk_spawn_may_begin(guest) && begin_with_file(guest, path);
    mk_free(path);
    return begun;
}

/* It has been seen that it is good: the guest has not run since. */
static void write_size(mk_guest_t *guest, uint64_t address) {
    const mk_prepare_t *p = guest->preparing;
    uint8_t *out = p->ended && !p->unread && (uint32_t)address != 0 ? mk_guest_span(guest, address, 4) : NULL;
    for (unsigned i = 0; out != NULL && i < 4; i++) out[i] = (uint8_t)(p->size >> (i * 8));
}

mk_host_end_t mk_import_spawn_file(void *host, const uint64_t *args, uint64_t *result) {
    static const char import[] = "mk_spawn_file";
    mk_guest_t       *guest = host;
    char             *name = NULL;
    *result = ACTOR_ID_INVALID;
    if (guest->preparing == NULL) {
        if (!mk_guest_granted(guest, WASM_GRANT_SPAWN, import, "spawn") || !mk_guest_files_granted(guest, import))
            return MK_HOST_DONE;
        if (mk_guest_work_later(guest, mk_import_spawn_file, args, 5)) return MK_HOST_BLOCKED;
        if ((uint32_t)args[4] != 0 && mk_guest_span(guest, args[4], 4) == NULL) return MK_HOST_DONE;
        if (!file_begin(guest, args)) return MK_HOST_DONE;
    }
    if ((uint32_t)args[3] != 0 && (name = mk_guest_text(guest, args[2], args[3], import)) == NULL) {
        mk_spawn_fini(guest);
        return MK_HOST_DONE;
    }
    write_size(guest, args[4]);
    mk_host_end_t end = mk_spawn_go_on(guest, mk_import_spawn_file, args, 5, name, result);
    mk_free(name);
    return end;
}
