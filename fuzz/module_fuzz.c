/* SPDX-License-Identifier: Apache-2.0 */
/* module_fuzz.c -- whatever the bytes, a module is either described in full or refused with a text. */
#include "wasm/module.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool cond) {
    if (!cond) abort();
}

static const mk_import_sig_t offered[] = {
    {"env", "mk_self", "()I"},
    {"env", "mk_send", "(Iiii)i"},
    {"env", "mk_print", "(ii)"},
};

/* Touches all that the info speaks of. */
static void read_all(const mk_module_info_t *info) {
    char     text[48];
    unsigned sum = 0;
    for (uint32_t i = 0; i < info->import_count; i++) {
        const mk_module_import_t *import = &info->imports[i];
        for (uint32_t c = 0; c < import->name.size; c++) sum += (unsigned char)import->name.at[c];
        if (import->kind == MK_MODULE_FUNCTION) mk_module_type_text(info, import->type, text, sizeof text);
    }
    for (uint32_t i = 0; i < info->export_count; i++) {
        const mk_module_export_t *export = &info->exports[i];
        for (uint32_t c = 0; c < export->name.size; c++) sum += (unsigned char)export->name.at[c];
        if (export->kind == MK_MODULE_FUNCTION) {
            require(info->functions[export->index] == export->type);
            mk_module_type_text(info, export->type, text, sizeof text);
        }
    }
    for (uint32_t i = 0; i < info->function_count; i++) require(info->functions[i] < info->type_count);
    require(info->memory_min <= MK_MODULE_PAGES_MAX && sum < UINT32_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mk_module_info_t info;
    char             err[MK_MODULE_ERR_BYTES] = "";
    mk_err_t         result = mk_module_inspect(data, size, &info, err, sizeof err);
    require((result == MK_OK) == (err[0] == '\0'));
    if (result != MK_OK) {
        require(info.imports == NULL && info.exports == NULL && info.types == NULL && info.functions == NULL);
        return 0;
    }
    read_all(&info);
    result = mk_module_check(&info, offered, sizeof offered / sizeof *offered, err, sizeof err);
    require((result == MK_OK) == (err[0] == '\0'));
    for (const char *c = err; *c != '\0'; c++) require(*c >= ' ' && *c < 0x7F);
    if (result == MK_OK) require(mk_module_find_export(&info, "handle_message") != NULL);
    (void)mk_module_allocator(&info);
    mk_module_info_fini(&info);
    return 0;
}
