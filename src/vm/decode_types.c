/* SPDX-License-Identifier: Apache-2.0 */
/* decode_types.c -- function types, and which of them are equal. */
#include "vm/decoder.h"

#include "base/mem.h"

#include <string.h>

uint8_t mk_vm_read_reference_type(mk_vm_reader_t *r) {
    const uint8_t *at = r->at;
    uint8_t        type = mk_vm_u8(r);
    if (r->err != MK_OK || type == MK_VM_TYPE_FUNCREF || type == MK_VM_TYPE_EXTERNREF) return type;
    mk_vm_fail(r, at, MK_ERR_FORMAT, "0x%02x is not a reference type", type);
    return 0;
}

uint8_t mk_vm_read_value_type(mk_vm_reader_t *r) {
    const uint8_t *at = r->at;
    uint8_t        type = mk_vm_u8(r);
    if (r->err != MK_OK || (type >= MK_VM_TYPE_F64 && type <= MK_VM_TYPE_I32)) return type;
    if (type == 0x7B) {
        mk_vm_fail(r, at, MK_ERR_NOSYS, "vectors (v128) are not supported");
        return 0;
    }
    if (type == MK_VM_TYPE_FUNCREF || type == MK_VM_TYPE_EXTERNREF) return type;
    mk_vm_fail(r, at, MK_ERR_FORMAT, "0x%02x is not a value type", type);
    return 0;
}

/* The place of so many value types, one byte each. */
static uint32_t value_types(mk_vm_decoder_t *d, uint16_t *count, const char *what) {
    mk_vm_reader_t *r = &d->r;
    uint32_t        many = mk_vm_decode_count(d, 1, 0, d->limits->signature, what);
    uint32_t        at = (uint32_t)(r->at - r->start);
    *count = (uint16_t)many;
    while (many-- > 0 && r->err == MK_OK) (void)mk_vm_read_value_type(r);
    return at;
}

static bool equal(const mk_vm_module_t *m, const mk_vm_type_t *a, const mk_vm_type_t *b) {
    return a->params == b->params && a->results == b->results &&
           memcmp(m->bytes + a->params_at, m->bytes + b->params_at, a->params) == 0 &&
           memcmp(m->bytes + a->results_at, m->bytes + b->results_at, a->results) == 0;
}

/* FNV-1a over the counts and both lists. */
static uint32_t hash(const mk_vm_module_t *m, const mk_vm_type_t *type) {
    uint32_t h = 2166136261u;
    for (uint32_t i = 0; i < type->params; i++) h = (h ^ m->bytes[type->params_at + i]) * 16777619u;
    h = (h ^ type->params) * 16777619u;
    for (uint32_t i = 0; i < type->results; i++) h = (h ^ m->bytes[type->results_at + i]) * 16777619u;
    return h ^ h >> 15;
}

/* Finds the first type equal to each, through a hash table of indices plus one that lives only here. */
static void find_equal(mk_vm_decoder_t *d) {
    mk_vm_module_t *m = d->module;
    uint32_t        slots = 4;
    while (slots < 2 * m->type_count) slots *= 2;
    uint32_t *table = mk_calloc(slots, sizeof *table);
    if (table == NULL) {
        mk_vm_fail(&d->r, d->r.at, MK_ERR_NOMEM, "out of memory");
        return;
    }
    for (uint32_t i = 0; i < m->type_count; i++) {
        uint32_t slot = hash(m, &m->types[i]) & (slots - 1);
        while (table[slot] != 0 && !equal(m, &m->types[table[slot] - 1], &m->types[i])) slot = (slot + 1) & (slots - 1);
        if (table[slot] == 0) table[slot] = i + 1;
        m->types[i].same_as = table[slot] - 1;
    }
    mk_free(table);
}

void mk_vm_decode_types(mk_vm_decoder_t *d) {
    mk_vm_reader_t *r = &d->r;
    mk_vm_module_t *m = d->module;
    uint32_t        count = mk_vm_decode_count(d, 3, 0, d->limits->types, "types");
    m->types = mk_vm_decode_grow(d, NULL, 0, count, sizeof *m->types);
    for (; r->err == MK_OK && m->type_count < count; m->type_count++) {
        const uint8_t *at = r->at;
        mk_vm_type_t  *type = &m->types[m->type_count];
        uint8_t        form = mk_vm_u8(r);
        if (r->err == MK_OK && form != 0x60) {
            mk_vm_fail(r, at, MK_ERR_FORMAT, "0x%02x is not a function type", form);
            return;
        }
        type->params_at = value_types(d, &type->params, "parameters");
        type->results_at = value_types(d, &type->results, "results");
    }
    if (r->err == MK_OK) find_equal(d);
}
