/* SPDX-License-Identifier: Apache-2.0 */
/* reserve_fuzz.c -- what a rewrite accepts, it turns into a module that is sound again and offers the same. */
#include "wasm/reserve.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool cond) {
    if (!cond) abort();
}

static void require_same_exports(const mk_module_info_t *a, const mk_module_info_t *b) {
    require(a->export_count == b->export_count);
    for (uint32_t i = 0; i < a->export_count; i++) {
        const mk_module_export_t *x = &a->exports[i], *y = &b->exports[i];
        require(x->kind == y->kind && x->index == y->index && x->type == y->type);
        require(x->name.size == y->name.size && memcmp(x->name.at, y->name.at, x->name.size) == 0);
    }
}

static void require_same_module(const mk_module_info_t *a, const mk_module_info_t *b, uint32_t pages) {
    bool     asks = a->memory_size_uses + a->memory_grow_uses > 0;
    uint32_t more = asks ? 2 : 0;
    require(b->memory_min == a->memory_min + pages);
    require(b->memory_has_max == a->memory_has_max && b->memory_max >= a->memory_max);
    require(b->type_count == a->type_count + more);
    require(b->function_count == a->function_count + more);
    require(b->function_imports == a->function_imports && b->import_count == a->import_count);
    require(b->global_count == a->global_count + (asks ? 1 : 0));
    require(b->memory_size_uses == 0 && b->memory_grow_uses == (asks ? 1 : 0));
    require(b->has_start == a->has_start && b->from_go == a->from_go);
    if (a->function_count > 0) {
        require(memcmp(a->functions, b->functions, a->function_count * sizeof *a->functions) == 0);
    }
    require_same_exports(a, b);
}

/* The first byte is the number of pages, the rest the module. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mk_module_info_t before, after;
    char             err[MK_MODULE_ERR_BYTES] = "";
    uint8_t         *out = NULL;
    size_t           out_size = 0;
    uint32_t         offset = 0;
    if (size == 0) return 0;
    uint32_t pages = data[0];
    mk_err_t result = mk_module_reserve(data + 1, size - 1, pages, &out, &out_size, &offset, err, sizeof err);
    require((result == MK_OK) == (err[0] == '\0') && (result == MK_OK) == (out != NULL));
    if (result != MK_OK) return 0;

    require(pages > 0);
    require(mk_module_inspect(data + 1, size - 1, &before, err, sizeof err) == MK_OK);
    require(mk_module_inspect(out, out_size, &after, err, sizeof err) == MK_OK);
    require(offset == before.memory_min * MK_MODULE_PAGE_BYTES);
    require_same_module(&before, &after, pages);
    mk_module_info_fini(&before);
    mk_module_info_fini(&after);
    mk_free(out);
    return 0;
}
