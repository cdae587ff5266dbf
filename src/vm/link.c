/* SPDX-License-Identifier: Apache-2.0 */
/* link.c -- see link.h. What is wanted and what is offered are put into the same words, then compared or told. */
#include "vm/link.h"

#include "base/assert.h"
#include "base/mem.h"
#include "vm/state.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Types side by side: bytes of a module, or letters of a signature. */
typedef struct list {
    const char *at;
    uint32_t    count;
    bool        letters;
} list_t;

typedef struct facts {
    mk_vm_kind_t kind;
    list_t       params, results; /* of a function                     */
    uint8_t      type;            /* of a global, of a table's entries */
    bool         mutable_;        /* a global                          */
    uint8_t      page_shift;      /* of a memory                       */
    uint32_t     min, max;        /* of a table or memory; MK_VM_NONE: no maximum, or one that nothing exceeds */
} facts_t;

static uint8_t type_at(const list_t *list, uint32_t i) {
    if (!list->letters) return (uint8_t)list->at[i];
    switch (list->at[i]) {
    case 'i': return MK_VM_TYPE_I32;
    case 'I': return MK_VM_TYPE_I64;
    case 'f': return MK_VM_TYPE_F32;
    case 'F': return MK_VM_TYPE_F64;
    case 'r': return MK_VM_TYPE_FUNCREF;
    case 'e': return MK_VM_TYPE_EXTERNREF;
    default: return MK_VM_TYPE_ANY; /* fits nothing */
    }
}

/* --- the facts ---------------------------------------------------------------------------------------------------------- */

static facts_t function_facts(const mk_vm_module_t *module, uint32_t function) {
    const mk_vm_type_t *type = mk_vm_function_type(module, function);
    return (facts_t){.kind = MK_VM_KIND_FUNCTION,
                     .params = {(const char *)module->bytes + type->params_at, type->params, false},
                     .results = {(const char *)module->bytes + type->results_at, type->results, false}};
}

static facts_t host_facts(const char *signature) {
    uint32_t params = (uint32_t)strcspn(signature + 1, ")");
    return (facts_t){.kind = MK_VM_KIND_FUNCTION,
                     .params = {signature + 1, params, true},
                     .results = {signature + params + 2, (uint32_t)strlen(signature + params + 2), true}};
}

static facts_t global_facts(const mk_vm_module_t *module, uint32_t global) {
    return (facts_t){
        .kind = MK_VM_KIND_GLOBAL, .type = module->globals[global].type, .mutable_ = module->globals[global].mutable_};
}

static facts_t wanted(const mk_vm_module_t *module, const mk_vm_import_t *import) {
    switch (import->kind) {
    case MK_VM_KIND_FUNCTION: return function_facts(module, import->index);
    case MK_VM_KIND_GLOBAL: return global_facts(module, import->index);
    case MK_VM_KIND_TABLE: {
        const mk_vm_table_t *table = &module->tables[import->index];
        return (facts_t){.kind = MK_VM_KIND_TABLE,
                         .type = table->type,
                         .min = table->min,
                         .max = table->has_max ? table->max : MK_VM_NONE};
    }
    case MK_VM_KIND_MEMORY: break;
    }
    const mk_vm_memory_t *memory = &module->memory;
    return (facts_t){.kind = MK_VM_KIND_MEMORY,
                     .page_shift = memory->page_shift,
                     .min = memory->min,
                     .max = memory->has_max ? memory->max : MK_VM_NONE};
}

/* A table or memory is what it has grown to by now. */
static facts_t offered(const mk_vm_offer_t *offer) {
    if (offer->fn != NULL) return host_facts(offer->signature);
    const mk_vm_module_t *module = &offer->instance->program->module;
    uint32_t              index = offer->export->index;
    switch (offer->export->kind) {
    case MK_VM_KIND_FUNCTION: return function_facts(module, index);
    case MK_VM_KIND_GLOBAL: return global_facts(module, index);
    case MK_VM_KIND_TABLE: {
        const mk_vm_table_inst_t *table = mk_vm_table(offer->instance, index);
        return (facts_t){
            .kind = MK_VM_KIND_TABLE, .type = table->type, .min = table->count, .max = table->declared_max};
    }
    case MK_VM_KIND_MEMORY: break;
    }
    const mk_vm_memory_inst_t *memory = mk_vm_memory(offer->instance);
    return (facts_t){.kind = MK_VM_KIND_MEMORY,
                     .page_shift = memory->page_shift,
                     .min = mk_vm_memory_size(memory),
                     .max = memory->pages_max};
}

/* --- comparing ---------------------------------------------------------------------------------------------------------- */

static bool lists_equal(const list_t *a, const list_t *b) {
    if (a->count != b->count) return false;
    for (uint32_t i = 0; i < a->count; i++) {
        if (type_at(a, i) != type_at(b, i)) return false;
    }
    return true;
}

/* "No maximum" is the largest number, so one comparison covers it. */
static bool limits_fit(const facts_t *want, const facts_t *have) {
    return have->min >= want->min && have->max <= want->max;
}

static bool fits(const facts_t *want, const facts_t *have) {
    if (want->kind != have->kind) return false;
    switch (want->kind) {
    case MK_VM_KIND_FUNCTION:
        return lists_equal(&want->params, &have->params) && lists_equal(&want->results, &have->results);
    case MK_VM_KIND_GLOBAL: return want->type == have->type && want->mutable_ == have->mutable_;
    case MK_VM_KIND_TABLE: return want->type == have->type && limits_fit(want, have);
    case MK_VM_KIND_MEMORY: return want->page_shift == have->page_shift && limits_fit(want, have);
    }
    return false;
}

/* --- telling ------------------------------------------------------------------------------------------------------------ */

/* Text that is cut at the end of its buffer. */
typedef struct text {
    char   at[104];
    size_t size;
} text_t;

MK_PRINTF(2, 3) static void add(text_t *text, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int size = vsnprintf(text->at + text->size, sizeof text->at - text->size, fmt, args);
    va_end(args);
    text->size += size > 0 ? (size_t)size : 0;
    if (text->size >= sizeof text->at) text->size = sizeof text->at - 1;
}

static void add_list(text_t *text, const list_t *list, bool round) {
    if (round) add(text, "(");
    for (uint32_t i = 0; i < list->count && text->size < sizeof text->at - 1; i++) {
        add(text, "%s%s", i > 0 ? ", " : "", mk_vm_type_name(type_at(list, i)));
    }
    if (round) add(text, ")");
}

static void add_limits(text_t *text, const facts_t *facts, const char *of) {
    add(text, " of %" PRIu32, facts->min);
    if (facts->max != MK_VM_NONE) add(text, " to %" PRIu32, facts->max);
    else add(text, " or more");
    add(text, " %s", of);
}

static text_t tell(const facts_t *facts) {
    text_t text = {.size = 0};
    switch (facts->kind) {
    case MK_VM_KIND_FUNCTION:
        add(&text, "function ");
        add_list(&text, &facts->params, true);
        add(&text, " -> ");
        add_list(&text, &facts->results, facts->results.count != 1);
        break;
    case MK_VM_KIND_GLOBAL:
        add(&text, "%s global %s", facts->mutable_ ? "mutable" : "constant", mk_vm_type_name(facts->type));
        break;
    case MK_VM_KIND_TABLE:
        add(&text, "table");
        add_limits(&text, facts, mk_vm_type_name(facts->type));
        break;
    case MK_VM_KIND_MEMORY:
        add(&text, "memory");
        add_limits(&text, facts, facts->page_shift != 0 ? "pages" : "bytes");
        break;
    }
    return text;
}

/* --- binding ------------------------------------------------------------------------------------------------------------ */

/* One that the instance itself imports from another is taken from there, so chains do not grow. A host's function stays
 * with the instance that it was given to, and is called for it. */
static mk_vm_import_function_t function_of(mk_vm_instance_t *instance, uint32_t index) {
    if (index < instance->program->module.function_imports && instance->imports[index].fn == NULL) {
        return instance->imports[index];
    }
    return (mk_vm_import_function_t){.instance = instance, .function = index};
}

/* Where the arrays of `links` begin, as long as they may be written. */
typedef struct arrays {
    mk_vm_import_function_t *functions;
    mk_vm_table_inst_t     **tables;
    uint64_t               **globals;
} arrays_t;

static void bind(const arrays_t *arrays, mk_vm_links_t *links, const mk_vm_import_t *import,
                 const mk_vm_offer_t *offer) {
    switch (import->kind) {
    case MK_VM_KIND_FUNCTION:
        mk_assert(arrays->functions != NULL); /* there is one for each kind that is imported */
        arrays->functions[import->index] = offer->fn != NULL
                                               ? (mk_vm_import_function_t){.fn = offer->fn, .arg = offer->arg}
                                               : function_of(offer->instance, offer->export->index);
        break;
    case MK_VM_KIND_TABLE:
        mk_assert(arrays->tables != NULL);
        arrays->tables[import->index] = mk_vm_table(offer->instance, offer->export->index);
        break;
    case MK_VM_KIND_GLOBAL:
        mk_assert(arrays->globals != NULL);
        arrays->globals[import->index] = mk_vm_global(offer->instance, offer->export->index);
        break;
    case MK_VM_KIND_MEMORY: links->imports.memory = mk_vm_memory(offer->instance); break;
    }
}

static mk_err_t link_one(const mk_vm_module_t *module, const mk_vm_import_t *import, mk_vm_resolve_fn *resolve,
                         void *arg, const arrays_t *arrays, mk_vm_links_t *links, char *err, size_t err_size) {
    mk_vm_offer_t     offer = {.fn = NULL};
    mk_vm_printable_t space = mk_vm_printable(import->module), name = mk_vm_printable(import->name);
    if (!resolve(arg, import->module, import->name, &offer)) {
        snprintf(err, err_size, "unknown import: %s.%s", space.text, name.text);
        return MK_ERR_NOTFOUND;
    }
    facts_t want = wanted(module, import), have = offered(&offer);
    if (!fits(&want, &have)) {
        text_t wants = tell(&want), has = tell(&have);
        snprintf(err, err_size, "incompatible import type: %s.%s: %s wanted, %s found", space.text, name.text, wants.at,
                 has.at);
        return MK_ERR_FORMAT;
    }
    bind(arrays, links, import, &offer);
    return MK_OK;
}

/* The three arrays in one block; those with the larger items first, so that all are aligned. */
static bool make_room(const mk_vm_module_t *module, arrays_t *arrays, mk_vm_links_t *links) {
    uint64_t pointers = (uint64_t)module->table_imports + module->global_imports;
    uint64_t bytes = module->function_imports * (uint64_t)sizeof *arrays->functions + pointers * sizeof(void *);
    if (bytes == 0) return true;
    if (bytes > SIZE_MAX || (links->block = mk_alloc((size_t)bytes)) == NULL) return false;
    arrays->functions = links->block;
    arrays->tables = (void *)(arrays->functions + module->function_imports);
    arrays->globals = (void *)(arrays->tables + module->table_imports);
    links->imports.functions = arrays->functions;
    links->imports.tables = arrays->tables;
    links->imports.globals = arrays->globals;
    return true;
}

mk_err_t mk_vm_link(const mk_vm_module_t *module, mk_vm_resolve_fn *resolve, void *arg, mk_vm_links_t *out, char *err,
                    size_t err_size) {
    arrays_t arrays = {.functions = NULL};
    *out = (mk_vm_links_t){.block = NULL};
    if (err_size > 0) err[0] = '\0';
    if (!make_room(module, &arrays, out)) {
        snprintf(err, err_size, "out of memory");
        return MK_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < module->import_count; i++) {
        mk_err_t failed = link_one(module, &module->imports[i], resolve, arg, &arrays, out, err, err_size);
        if (failed == MK_OK) continue;
        mk_vm_links_fini(out);
        return failed;
    }
    return MK_OK;
}

void mk_vm_links_fini(mk_vm_links_t *links) {
    mk_free(links->block);
    *links = (mk_vm_links_t){.block = NULL};
}
