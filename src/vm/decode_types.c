/* SPDX-License-Identifier: Apache-2.0 */
/* decode_types.c -- function types, and which of them are equal. */
#include "vm/decoder.h"

#include "base/mem.h"

#include <stdlib.h>
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

/* A type with its two lists at hand, for comparing. */
typedef struct listed {
    const uint8_t *params, *results;
    mk_vm_type_t  *type;
} listed_t;

static int compare(const listed_t *a, const listed_t *b) {
    int order = (a->type->params > b->type->params) - (a->type->params < b->type->params);
    if (order == 0) order = (a->type->results > b->type->results) - (a->type->results < b->type->results);
    if (order == 0) order = memcmp(a->params, b->params, a->type->params);
    if (order == 0) order = memcmp(a->results, b->results, a->type->results);
    return order;
}

static int by_contents(const void *a, const void *b) {
    const listed_t *x = a, *y = b;
    int             order = compare(x, y);
    return order != 0 ? order : (x->type > y->type) - (x->type < y->type); /* of equal ones, the first in front */
}

/* By sorting: a hash table would do it faster, and would let a module choose types that all fall into one place. */
static void find_equal(mk_vm_decoder_t *d) {
    mk_vm_module_t *m = d->module;
    listed_t       *list = mk_vm_decode_grow(d, NULL, 0, m->type_count, sizeof *list);
    if (list == NULL) return;
    for (uint32_t i = 0; i < m->type_count; i++) {
        mk_vm_type_t *type = &m->types[i];
        list[i] = (listed_t){m->bytes + type->params_at, m->bytes + type->results_at, type};
    }
    qsort(list, m->type_count, sizeof *list, by_contents);
    for (uint32_t i = 0, first = 0; i < m->type_count; i++) {
        if (compare(&list[first], &list[i]) != 0) first = i;
        list[i].type->same_as = (uint32_t)(list[first].type - m->types);
    }
    mk_free(list);
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
