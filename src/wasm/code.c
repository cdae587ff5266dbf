/* SPDX-License-Identifier: Apache-2.0 */
/* code.c -- one list of what is loaded, by hash: there are few modules and many instances. Who comes with bytes compares them first,
 * which costs a fraction of hashing them; so a hash is made once for each module that is loaded, and never for an instance.
 *
 * The lock is held to look and to count, never to load: two threads that load the same module at the same time both do, and the
 * later one shares what the other has. */
#include "wasm/code.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "port/port.h"
#include "wasm/guest.h"
#include "wasm/imports.h"
#include "wasm/reserve.h"
#include "wasm/trust.h"

static mk_mutex_t *mutex;
static mk_mutex_t *loading; /* of an engine that loads one at a time */
static mk_code_t  *loaded;

mk_err_t mk_code_start(void) {
    mk_err_t err = mk_mutex_create(&mutex);
    if (err == MK_OK && (err = mk_mutex_create(&loading)) != MK_OK) mk_mutex_destroy(mutex);
    return err;
}

void mk_code_stop(void) {
    mk_mutex_destroy(loading);
    mk_mutex_destroy(mutex);
}

/* ---- loading one ------------------------------------------------------------------------------------------------------------ */

/* The engine keeps a region out of the guest's sight. */
static mk_err_t code_hide(mk_code_t *code, const mk_module_info_t *info, char *err, size_t err_size) {
    mk_module_region_t region;
    mk_err_t           result = mk_module_region(info, code->heap_bytes, &region, err, err_size);
    if (result != MK_OK) return result;
    code->region_offset = region.offset;
    code->region_size = region.size;
    code->hidden_bytes = region.hidden_bytes;
    return MK_OK;
}

static bool is_of(const mk_module_import_t *import, const mk_import_sig_t *known) {
    return mk_vm_name_is(import->module, known->module) && mk_vm_name_is(import->name, known->name);
}

/* So that nobody has to read the module again to know what it wants. */
static uint64_t imports_of(const mk_module_info_t *info, const mk_import_sig_t *known, size_t count) {
    uint64_t imports = 0;
    for (uint32_t i = 0; i < info->import_count; i++)
        for (size_t k = 0; k < count; k++)
            if (is_of(&info->imports[i], &known[k])) imports |= (uint64_t)1 << k;
    return imports;
}

/* What the module says of itself that outlives the reading of it. */
static mk_err_t code_inspect(mk_code_t *code, char *err, size_t err_size) {
    mk_module_info_t info;
    mk_err_t         result = mk_module_inspect(code->bytes, code->size, &info, err, err_size);
    if (result != MK_OK) return result;
    size_t                 count;
    const mk_import_sig_t *known = mk_imports_signatures(&count);
    result = mk_module_check(&info, known, count, err, err_size);
    if (result == MK_OK) {
        mk_module_allocator_t allocator = mk_module_allocator(&info);
        code->alloc = allocator.alloc;
        code->free = allocator.free;
        code->memory_bytes = mk_module_memory_bytes(&info);
        code->imports = imports_of(&info, known, count);
        /* A reactor's; else that of a program which sets itself up in what was meant to be its main. */
        if (mk_module_find_export(&info, "_initialize") != NULL) code->initialize = "_initialize";
        else if (mk_module_find_export(&info, "_start") != NULL) code->initialize = "_start";
        if (code->alloc == NULL && code->engine->hides) result = code_hide(code, &info, err, err_size);
    }
    mk_module_info_fini(&info);
    return result;
}

/* For an engine that cannot hide the region: the module itself is changed so that it does. */
static mk_err_t code_widen(mk_code_t *code, char *err, size_t err_size) {
    uint8_t *widened;
    size_t   widened_size;
    uint32_t pages = code->heap_bytes / MK_MODULE_PAGE_BYTES + (code->heap_bytes % MK_MODULE_PAGE_BYTES != 0);
    mk_err_t result =
        mk_module_reserve(code->bytes, code->size, pages, &widened, &widened_size, &code->region_offset, err, err_size);
    if (result != MK_OK) return result;
    code->extra_pages = pages;
    code->region_size = pages * MK_MODULE_PAGE_BYTES;
    if (code->region_offset == 0) { /* a guest without memory of its own; address 0 says "no payload" */
        code->region_offset = 16;
        code->region_size -= 16;
    }
    mk_assert(!code->engine->borrows);
    result = code->engine->load(widened, widened_size, &code->module, err, err_size);
    mk_free(widened);
    return result;
}

static mk_err_t engine_load(mk_code_t *code, char *err, size_t err_size) {
    if (code->alloc == NULL && !code->engine->hides) return code_widen(code, err, err_size);
    return code->engine->load(code->bytes, code->size, &code->module, err, err_size);
}

static mk_err_t code_load(mk_code_t *code, char *err, size_t err_size) {
    mk_err_t result = code_inspect(code, err, err_size);
    if (result != MK_OK) return result;
    if (!code->engine->one_load) return engine_load(code, err, err_size);
    mk_mutex_lock(loading);
    result = engine_load(code, err, err_size);
    mk_mutex_unlock(loading);
    return result;
}

static mk_err_t say(char *err, size_t err_size, mk_err_t code) {
    if (err_size > 0) snprintf(err, err_size, "%s", mk_err_text(code));
    return code;
}

static mk_err_t engine_start(const mk_engine_t *engine, char *err, size_t err_size) {
    mk_mutex_lock(mutex);
    mk_err_t result = mk_engine_start(engine);
    mk_mutex_unlock(mutex);
    if (result != MK_OK && err_size > 0) snprintf(err, err_size, "%s: %s", engine->name, mk_err_text(result));
    return result;
}

static void code_free(mk_code_t *code) {
    if (code->module != NULL) code->engine->unload(code->module);
    mk_free(code->from);
    mk_free(code->bytes);
    mk_free(code);
}

/* Takes `own`, the very bytes that are wanted. */
static mk_err_t code_create(const mk_code_want_t *want, const mk_identity_t *identity, uint8_t *own, mk_code_t **out,
                            char *err, size_t err_size) {
    wasm_signature_t signature;
    mk_err_t         result = mk_trust_check(identity, own, want->size, &signature, err, err_size);
    mk_code_t       *code = result == MK_OK ? mk_calloc(1, sizeof *code) : NULL;
    if (code == NULL) {
        mk_free(own);
        return result != MK_OK ? result : say(err, err_size, MK_ERR_NOMEM);
    }
    code->bytes = own;
    code->size = want->size;
    code->identity = *identity;
    code->signature = signature;
    code->engine = want->engine;
    code->heap_bytes = want->heap_bytes;
    if (want->from != NULL && (code->from = mk_strndup(want->from, strlen(want->from))) == NULL)
        result = say(err, err_size, MK_ERR_NOMEM);
    if (result == MK_OK) result = code_load(code, err, err_size);
    if (result == MK_OK) *out = code;
    else code_free(code);
    return result;
}

/* ---- the store --------------------------------------------------------------------------------------------------------------- */

static bool is_for(const mk_code_t *code, const mk_code_want_t *want) {
    return code->engine == want->engine && code->heap_bytes == want->heap_bytes && code->size == want->size;
}

/* With the lock held, as all that begin with find_. One share more, or NULL. */
static mk_code_t *find_hash(const mk_code_want_t *want, const uint8_t hash[MK_SHA256_BYTES]) {
    mk_code_t *code = loaded;
    while (code != NULL && (!is_for(code, want) || memcmp(code->identity.hash, hash, MK_SHA256_BYTES) != 0))
        code = code->next;
    if (code != NULL) code->holders++;
    return code;
}

static mk_code_t *find_bytes(const mk_code_want_t *want) {
    mk_code_t *code = loaded;
    while (code != NULL && (!is_for(code, want) || memcmp(code->bytes, want->bytes, want->size) != 0))
        code = code->next;
    if (code != NULL) code->holders++;
    return code;
}

/* The one that is there from now on: `fresh`, unless another thread was faster. */
static mk_code_t *keep(mk_code_t *fresh, const mk_code_want_t *want) {
    mk_mutex_lock(mutex);
    mk_code_t *first = find_hash(want, fresh->identity.hash);
    if (first == NULL) {
        fresh->holders = 1;
        fresh->next = loaded;
        loaded = fresh;
    }
    mk_mutex_unlock(mutex);
    if (first == NULL) return fresh;
    code_free(fresh);
    wasm_actors_cleanup();
    return first;
}

/* A module that is loaded holds what the engines need, as those do who have called wasm_actors_init(). */
static mk_err_t load_new(const mk_code_want_t *want, const mk_identity_t *identity, uint8_t *own, mk_code_t **out,
                         char *err, size_t err_size) {
    if (!mk_wasm_retain()) {
        mk_free(own);
        return say(err, err_size, MK_ERR_INVALID);
    }
    mk_code_t *fresh = NULL;
    mk_err_t   result = engine_start(want->engine, err, err_size);
    if (result == MK_OK) result = code_create(want, identity, own, &fresh, err, err_size);
    else mk_free(own);
    if (result == MK_OK) *out = keep(fresh, want);
    else wasm_actors_cleanup();
    return result;
}

mk_code_t *mk_code_loaded(const mk_code_want_t *want) {
    mk_mutex_lock(mutex);
    mk_code_t *code = find_bytes(want);
    mk_mutex_unlock(mutex);
    return code;
}

mk_err_t mk_code_load(const mk_code_want_t *want, mk_code_t **out, char *err, size_t err_size) {
    mk_identity_t identity;
    if ((*out = mk_code_loaded(want)) != NULL) return MK_OK;
    mk_identify(want->bytes, want->size, &identity);
    uint8_t *own = mk_alloc(want->size > 0 ? want->size : 1);
    if (own == NULL) return say(err, err_size, MK_ERR_NOMEM);
    if (want->size > 0) memcpy(own, want->bytes, want->size);
    return load_new(want, &identity, own, out, err, err_size);
}

/* Others are not to wait until megabytes are compared. */
mk_err_t mk_code_load_own(const mk_code_want_t *want, mk_code_t **out, char *err, size_t err_size) {
    mk_identity_t identity;
    uint8_t      *own = (uint8_t *)(uintptr_t)want->bytes;
    mk_identify(own, want->size, &identity);
    mk_mutex_lock(mutex);
    *out = find_hash(want, identity.hash);
    mk_mutex_unlock(mutex);
    if (*out == NULL) return load_new(want, &identity, own, out, err, err_size);
    mk_free(own);
    return MK_OK;
}

mk_err_t mk_code_share(mk_code_t *code, const mk_engine_t *engine, uint32_t heap_bytes, mk_code_t **out, char *err,
                       size_t err_size) {
    if (code->engine == engine && code->heap_bytes == heap_bytes) {
        *out = mk_code_retain(code);
        return MK_OK;
    }
    mk_code_want_t want = {
        .engine = engine, .heap_bytes = heap_bytes, .bytes = code->bytes, .size = code->size, .from = code->from};
    return mk_code_load(&want, out, err, err_size);
}

mk_code_t *mk_code_retain(mk_code_t *code) {
    mk_mutex_lock(mutex);
    code->holders++;
    mk_mutex_unlock(mutex);
    return code;
}

void mk_code_release(mk_code_t *code) {
    if (code == NULL) return;
    mk_mutex_lock(mutex);
    bool last = --code->holders == 0;
    if (last) {
        mk_code_t **at = &loaded;
        while (*at != code) at = &(*at)->next;
        *at = code->next;
    }
    mk_mutex_unlock(mutex);
    if (!last) return;
    code_free(code);
    wasm_actors_cleanup();
}

/* ---- by hash ------------------------------------------------------------------------------------------------------------------ */

/* The value of a hexadecimal digit; -1: none. */
static int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool begins_with(const uint8_t hash[MK_SHA256_BYTES], const char *digits) {
    for (size_t i = 0; digits[i] != '\0'; i++)
        if (digit(digits[i]) != (hash[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15)) return false;
    return true;
}

static bool is_hash(const char *digits) {
    size_t n = 0;
    while (digits[n] != '\0' && digit(digits[n]) >= 0) n++;
    return n > 0 && n <= 2 * (size_t)MK_SHA256_BYTES && digits[n] == '\0';
}

/* With the lock held. The same module may be there for several engines, or regions: any of them. */
static mk_err_t find_digits(const char *digits, mk_code_t **out) {
    mk_code_t *found = NULL;
    for (mk_code_t *code = loaded; code != NULL; code = code->next) {
        if (!begins_with(code->identity.hash, digits)) continue;
        if (found != NULL && memcmp(found->identity.hash, code->identity.hash, MK_SHA256_BYTES) != 0)
            return MK_ERR_EXISTS;
        found = code;
    }
    if (found == NULL) return MK_ERR_NOTFOUND;
    found->holders++;
    *out = found;
    return MK_OK;
}

mk_err_t mk_code_by_hash(const char *digits, mk_code_t **out, char *err, size_t err_size) {
    if (!is_hash(digits)) {
        if (err_size > 0) snprintf(err, err_size, "sha256:%.64s: not the beginning of a SHA-256", digits);
        return MK_ERR_INVALID;
    }
    mk_mutex_lock(mutex);
    mk_err_t result = find_digits(digits, out);
    mk_mutex_unlock(mutex);
    if (result != MK_OK && err_size > 0)
        snprintf(err, err_size, "sha256:%s: %s", digits,
                 result == MK_ERR_NOTFOUND ? "no such module is loaded" : "several modules begin so");
    return result;
}

/* ---- what there is ---------------------------------------------------------------------------------------------------------------- */

void mk_code_describe(const mk_code_t *code, wasm_loaded_t *out) {
    *out = (wasm_loaded_t){
        .size = code->size,
        .instances = atomic_load_explicit(&code->instances, memory_order_relaxed),
        .signature = code->signature,
        .engine = code->engine->name,
    };
    memcpy(out->sha256, code->identity.hash, sizeof out->sha256);
    memcpy(out->key, code->identity.key, sizeof out->key);
    size_t length = code->from != NULL ? strlen(code->from) : 0, cut = 0;
    if (length >= sizeof out->from) cut = length - (sizeof out->from - 1); /* its end says more */
    snprintf(out->from, sizeof out->from, "%s", code->from != NULL ? code->from + cut : "");
}

void wasm_module_identify(const void *buf, size_t size, wasm_loaded_t *out) {
    mk_identity_t identity;
    mk_identify(buf, size, &identity);
    *out = (wasm_loaded_t){.size = size, .signature = mk_trust_signature(&identity, buf, size)};
    memcpy(out->sha256, identity.hash, sizeof out->sha256);
    memcpy(out->key, identity.key, sizeof out->key);
}

size_t wasm_module_list(wasm_loaded_t *buf, size_t max) {
    size_t count = 0;
    if (!mk_wasm_retain()) return 0;
    mk_mutex_lock(mutex);
    for (const mk_code_t *code = loaded; code != NULL; code = code->next, count++)
        if (count < max) mk_code_describe(code, &buf[count]);
    mk_mutex_unlock(mutex);
    wasm_actors_cleanup();
    return count;
}

size_t mk_code_count(void) {
    size_t count = 0;
    mk_mutex_lock(mutex);
    for (const mk_code_t *code = loaded; code != NULL; code = code->next) count++;
    mk_mutex_unlock(mutex);
    return count;
}
