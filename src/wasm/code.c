/* SPDX-License-Identifier: Apache-2.0 */
/* code.c -- one list of what is loaded, compared byte by byte: there are few modules and many instances. */
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
static mk_code_t  *loaded;

mk_err_t mk_code_start(void) { return mk_mutex_create(&mutex); }

void mk_code_stop(void) { mk_mutex_destroy(mutex); }

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

static mk_err_t code_load(mk_code_t *code, char *err, size_t err_size) {
    mk_err_t result = code_inspect(code, err, err_size);
    if (result != MK_OK) return result;
    if (code->alloc == NULL && !code->engine->hides) return code_widen(code, err, err_size);
    return code->engine->load(code->bytes, code->size, &code->module, err, err_size);
}

static void code_free(mk_code_t *code) {
    mk_free(code->bytes);
    mk_free(code);
}

static mk_code_t *code_find(const mk_engine_t *engine, const void *bytes, size_t size, uint32_t heap_bytes) {
    mk_code_t *code = loaded;
    while (code != NULL && (code->engine != engine || code->size != size || code->heap_bytes != heap_bytes ||
                            memcmp(code->bytes, bytes, size) != 0))
        code = code->next;
    return code;
}

static mk_err_t code_create(const mk_engine_t *engine, const void *bytes, size_t size, uint32_t heap_bytes,
                            mk_code_t **out, char *err, size_t err_size) {
    mk_err_t trusted = mk_trust_check(bytes, size, err, err_size);
    if (trusted != MK_OK) return trusted;
    mk_code_t *code = mk_calloc(1, sizeof *code);
    if (code == NULL) goto no_memory;
    if ((code->bytes = mk_alloc(size > 0 ? size : 1)) == NULL) goto no_memory;
    if (size > 0) memcpy(code->bytes, bytes, size);
    code->size = size;
    code->engine = engine;
    code->heap_bytes = heap_bytes;
    if (!mk_wasm_retain()) goto no_memory;
    mk_err_t result = mk_engine_start(engine);
    if (result == MK_OK) result = code_load(code, err, err_size);
    else if (err_size > 0) snprintf(err, err_size, "%s: %s", engine->name, mk_err_text(result));
    if (result == MK_OK) {
        *out = code;
        return MK_OK;
    }
    code_free(code);
    wasm_actors_cleanup();
    return result;

no_memory:
    if (code != NULL) code_free(code);
    if (err_size > 0) snprintf(err, err_size, "%s", mk_err_text(MK_ERR_NOMEM));
    return MK_ERR_NOMEM;
}

mk_err_t mk_code_load(const mk_engine_t *engine, const void *bytes, size_t size, uint32_t heap_bytes, mk_code_t **out,
                      char *err, size_t err_size) {
    mk_err_t result = MK_OK;
    mk_mutex_lock(mutex);
    mk_code_t *code = code_find(engine, bytes, size, heap_bytes);
    if (code == NULL && (result = code_create(engine, bytes, size, heap_bytes, &code, err, err_size)) == MK_OK) {
        code->next = loaded;
        loaded = code;
    }
    if (result == MK_OK) {
        code->holders++;
        *out = code;
    }
    mk_mutex_unlock(mutex);
    return result;
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
    code->engine->unload(code->module);
    code_free(code);
    wasm_actors_cleanup();
}

size_t mk_code_count(void) {
    size_t count = 0;
    mk_mutex_lock(mutex);
    for (const mk_code_t *code = loaded; code != NULL; code = code->next) count++;
    mk_mutex_unlock(mutex);
    return count;
}
