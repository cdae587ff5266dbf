/* SPDX-License-Identifier: Apache-2.0 */
/* module_check.c -- holds a module against the guest contract, and speaks of types in text. */
#include "wasm/module.h"

#include "base/assert.h"
#include "vm/read.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    uint8_t byte;   /* in a module      */
    char    letter; /* in a signature   */
    char    name[10];
} types[] = {
    {0x7F, 'i', "i32"},  {0x7E, 'I', "i64"},     {0x7D, 'f', "f32"},       {0x7C, 'F', "f64"},
    {0x7B, 'v', "v128"}, {0x70, 'r', "funcref"}, {0x6F, 'e', "externref"},
};
enum { TYPES = sizeof types / sizeof types[0] };

static const char *type_name(uint8_t byte) {
    for (size_t i = 0; i < TYPES; i++) {
        if (types[i].byte == byte) return types[i].name;
    }
    return "?";
}

static uint8_t type_byte(char letter) {
    for (size_t i = 0; i < TYPES; i++) {
        if (types[i].letter == letter) return types[i].byte;
    }
    return 0;
}

/* A list of value types, from a module or from a signature. */
typedef struct list {
    const uint8_t *bytes;
    const char    *letters; /* when bytes is NULL */
    uint32_t       count;
} list_t;

typedef struct signature {
    list_t params, results;
} signature_t;

static uint8_t list_at(const list_t *list, uint32_t i) {
    if (list->bytes != NULL) return list->bytes[i];
    mk_assert(list->letters != NULL); /* a list with neither is empty, and nobody asks it */
    return type_byte(list->letters[i]);
}

static list_t list_read(mk_vm_reader_t *r) {
    list_t list = {.count = mk_vm_u32(r)};
    list.bytes = r->at;
    mk_vm_skip(r, list.count);
    return list;
}

static signature_t signature_of(const mk_module_info_t *info, uint32_t type) {
    mk_vm_reader_t r;
    mk_vm_reader_init(&r, info->bytes, info->size, NULL, 0);
    mk_vm_skip(&r, info->types[type]);
    signature_t out = {.params = list_read(&r)};
    out.results = list_read(&r);
    return out;
}

static signature_t signature_from(const char *text) {
    size_t params = strcspn(text + 1, ")");
    return (signature_t){
        .params = {.letters = text + 1, .count = (uint32_t)params},
        .results = {.letters = text + params + 2, .count = (uint32_t)strlen(text + params + 2)},
    };
}

static bool lists_equal(const list_t *a, const list_t *b) {
    if (a->count != b->count) return false;
    for (uint32_t i = 0; i < a->count; i++) {
        if (list_at(a, i) != list_at(b, i)) return false;
    }
    return true;
}

/* Text that is cut at the end of its buffer. */
typedef struct text {
    char  *at;
    size_t room; /* the ending zero included */
} text_t;

static void text_add(text_t *out, const char *more) {
    size_t size = strlen(more);
    if (out->room == 0) return;
    if (size >= out->room) size = out->room - 1;
    memcpy(out->at, more, size);
    out->at += size;
    out->room -= size;
    *out->at = '\0';
}

static void text_add_list(text_t *out, const list_t *list) {
    for (uint32_t i = 0; i < list->count && out->room > 1; i++) {
        if (i > 0) text_add(out, ", ");
        text_add(out, type_name(list_at(list, i)));
    }
}

static char *signature_text(const signature_t *sig, char *buf, size_t size) {
    text_t out = {buf, size};
    text_add(&out, "(");
    text_add_list(&out, &sig->params);
    text_add(&out, ") -> ");
    if (sig->results.count != 1) text_add(&out, "(");
    text_add_list(&out, &sig->results);
    if (sig->results.count != 1) text_add(&out, ")");
    return buf;
}

char *mk_module_type_text(const mk_module_info_t *info, uint32_t type, char *text, size_t size) {
    signature_t sig = signature_of(info, type);
    return signature_text(&sig, text, size);
}

bool mk_module_type_is(const mk_module_info_t *info, uint32_t type, const char *signature) {
    signature_t have = signature_of(info, type), want = signature_from(signature);
    return lists_equal(&have.params, &want.params) && lists_equal(&have.results, &want.results);
}

static const char *const kinds[] = {"function", "table", "memory", "global"};

/* Where the text of a refusal goes. */
typedef struct report {
    const mk_module_info_t *info;
    char                   *text;
    size_t                  size;
} report_t;

MK_PRINTF(3, 4)
static mk_err_t refuse(const report_t *to, mk_err_t err, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    if (to->size > 0) vsnprintf(to->text, to->size, fmt, args);
    va_end(args);
    return err;
}

/* `subject` as in "import env.foo" or "'malloc'". */
static mk_err_t refuse_type(const report_t *to, const char *subject, mk_module_kind_t kind, uint32_t type,
                            const char *expected) {
    char        have[96], want[64];
    signature_t sig = signature_from(expected);
    signature_text(&sig, want, sizeof want);
    if (kind != MK_MODULE_FUNCTION) {
        return refuse(to, MK_ERR_FORMAT, "%s is a %s, expected %s", subject, kinds[kind], want);
    }
    mk_module_type_text(to->info, type, have, sizeof have);
    return refuse(to, MK_ERR_FORMAT, "%s has type %s, expected %s", subject, have, want);
}

static mk_err_t check_import(const report_t *to, const mk_module_import_t *import, const mk_import_sig_t *known,
                             size_t known_count) {
    mk_vm_printable_t module = mk_vm_printable(import->module);
    mk_vm_printable_t name = mk_vm_printable(import->name);
    char              subject[160];
    snprintf(subject, sizeof subject, "import %s.%s", module.text, name.text);
    for (size_t i = 0; i < known_count; i++) {
        if (!mk_vm_name_is(import->module, known[i].module) || !mk_vm_name_is(import->name, known[i].name)) {
            continue;
        }
        if (import->kind == MK_MODULE_FUNCTION && mk_module_type_is(to->info, import->type, known[i].signature)) {
            return MK_OK;
        }
        return refuse_type(to, subject, import->kind, import->type, known[i].signature);
    }
    return import->kind == MK_MODULE_FUNCTION
               ? refuse(to, MK_ERR_NOTFOUND, "%s: no such function", subject)
               : refuse(to, MK_ERR_NOTFOUND, "%s is a %s: only functions can be imported", subject,
                        kinds[import->kind]);
}

static mk_err_t check_memory(const report_t *to) {
    const mk_module_export_t *memory = mk_module_find_export(to->info, "memory");
    if (memory == NULL) return refuse(to, MK_ERR_NOTFOUND, "no export 'memory'");
    if (memory->kind == MK_MODULE_MEMORY) return MK_OK;
    return refuse(to, MK_ERR_FORMAT, "'memory' is a %s, expected a memory", kinds[memory->kind]);
}

/* What a guest exports for the host to call. */
static const struct contract {
    const char *name;
    const char *signature;
    bool        required;
} contract[] = {
    {"handle_message", "(iIii)i", true}, {"_initialize", "()", false}, {"mk_alloc", "(i)i", false},
    {"mk_free", "(i)", false},           {"malloc", "(i)i", false},    {"free", "(i)", false},
};

static mk_err_t check_export(const report_t *to, const struct contract *want) {
    const mk_module_export_t *have = mk_module_find_export(to->info, want->name);
    char                      subject[32];
    snprintf(subject, sizeof subject, "'%s'", want->name);
    if (have == NULL) { return want->required ? refuse(to, MK_ERR_NOTFOUND, "no export %s", subject) : MK_OK; }
    if (have->kind == MK_MODULE_FUNCTION && mk_module_type_is(to->info, have->type, want->signature)) { return MK_OK; }
    return refuse_type(to, subject, have->kind, have->type, want->signature);
}

mk_err_t mk_module_check(const mk_module_info_t *info, const mk_import_sig_t *known, size_t known_count, char *err,
                         size_t err_size) {
    report_t to = {info, err, err_size};
    mk_err_t result = MK_OK;
    if (err_size > 0) err[0] = '\0';
    for (uint32_t i = 0; i < info->import_count && result == MK_OK; i++) {
        result = check_import(&to, &info->imports[i], known, known_count);
    }
    if (result == MK_OK) result = check_memory(&to);
    for (size_t i = 0; i < sizeof contract / sizeof contract[0] && result == MK_OK; i++) {
        result = check_export(&to, &contract[i]);
    }
    return result;
}

mk_module_allocator_t mk_module_allocator(const mk_module_info_t *info) {
    static const mk_module_allocator_t pairs[] = {{"mk_alloc", "mk_free"}, {"malloc", "free"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (mk_module_find_export(info, pairs[i].alloc) == NULL) continue;
        bool has_free = mk_module_find_export(info, pairs[i].free) != NULL;
        return (mk_module_allocator_t){pairs[i].alloc, has_free ? pairs[i].free : NULL};
    }
    return (mk_module_allocator_t){NULL, NULL};
}
