/* SPDX-License-Identifier: Apache-2.0 */
/* decode_segments.c -- initialisers, and the segments of tables and memories. */
#include "vm/decoder.h"

/* One instruction of an initialiser of type `type`. Every instruction allowed here gives the type it takes, so in a
 * valid one all operands are of the type of the whole, and counting them replaces a stack. False: it was the end, or
 * failed. */
static bool initialiser_step(mk_vm_decoder_t *d, uint8_t type, uint32_t *operands) {
    mk_vm_reader_t *r = &d->r;
    mk_vm_module_t *m = d->module;
    const uint8_t  *at = r->at;
    uint8_t         code = mk_vm_u8(r), found = MK_VM_TYPE_ANY;
    uint32_t        takes = 0, index;
    if (r->err != MK_OK) return false;
    switch (code) {
    case MK_VM_END: return false;
    case MK_VM_I32_CONST: found = MK_VM_TYPE_I32, (void)mk_vm_signed(r, 32); break;
    case MK_VM_I64_CONST: found = MK_VM_TYPE_I64, (void)mk_vm_signed(r, 64); break;
    case MK_VM_F32_CONST: found = MK_VM_TYPE_F32, mk_vm_skip(r, 4); break;
    case MK_VM_F64_CONST: found = MK_VM_TYPE_F64, mk_vm_skip(r, 8); break;
    case MK_VM_I32_ADD:
    case MK_VM_I32_SUB:
    case MK_VM_I32_MUL: found = MK_VM_TYPE_I32, takes = 2; break;
    case MK_VM_I64_ADD:
    case MK_VM_I64_SUB:
    case MK_VM_I64_MUL: found = MK_VM_TYPE_I64, takes = 2; break;
    case MK_VM_REF_NULL: found = mk_vm_read_reference_type(r); break;
    case MK_VM_REF_FUNC:
        found = MK_VM_TYPE_FUNCREF;
        index = mk_vm_decode_index(d, m->function_count, "function");
        if (r->err == MK_OK) m->functions[index].referenced = true;
        break;
    case MK_VM_GLOBAL_GET:
        index = mk_vm_decode_index(d, m->global_imports, "imported global");
        if (r->err != MK_OK) return false;
        if (m->globals[index].mutable_) {
            return mk_vm_fail(r, at, MK_ERR_FORMAT, "an initialiser reads global %u, which is mutable",
                              (unsigned)index);
        }
        found = m->globals[index].type;
        break;
    default: return mk_vm_fail(r, at, MK_ERR_FORMAT, "instruction 0x%02x in an initialiser", code);
    }
    if (r->err != MK_OK) return false;
    if (found != type) {
        return mk_vm_fail(r, at, MK_ERR_FORMAT, "an initialiser has %s where %s is wanted", mk_vm_type_name(found),
                          mk_vm_type_name(type));
    }
    if (*operands < takes) return mk_vm_fail(r, at, MK_ERR_FORMAT, "an initialiser lacks an operand");
    *operands += 1 - takes;
    if (*operands > MK_VM_INIT_OPERANDS_MAX) {
        return mk_vm_fail(r, at, MK_ERR_LIMIT, "an initialiser has more than %u operands", MK_VM_INIT_OPERANDS_MAX);
    }
    return true;
}

uint32_t mk_vm_decode_initialiser(mk_vm_decoder_t *d, uint8_t type) {
    mk_vm_reader_t *r = &d->r;
    uint32_t        at = (uint32_t)(r->at - r->start), operands = 0;
    while (initialiser_step(d, type, &operands)) {}
    if (r->err == MK_OK && operands != 1) {
        mk_vm_fail(r, r->start + at, MK_ERR_FORMAT, "an initialiser gives %u values, not one", (unsigned)operands);
    }
    return at;
}

/* The three low bits of a segment of elements. */
enum { NOT_ACTIVE = 1, EXPLICIT = 2, INITIALISERS = 4 };

static void element_offset(mk_vm_decoder_t *d, mk_vm_elements_t *segment, uint32_t flags) {
    mk_vm_module_t *m = d->module;
    if (flags & EXPLICIT) {
        segment->table = mk_vm_decode_index(d, m->table_count, "table");
    } else if (m->table_count == 0) {
        mk_vm_fail(&d->r, d->r.at, MK_ERR_FORMAT, "elements without a table");
    }
    segment->offset_at = mk_vm_decode_initialiser(d, MK_VM_TYPE_I32);
}

/* Without a type that is said, it is funcref; elements given as functions say theirs as a zero. */
static void element_type(mk_vm_decoder_t *d, mk_vm_elements_t *segment, uint32_t flags) {
    mk_vm_reader_t *r = &d->r;
    const uint8_t  *at = r->at;
    segment->type = MK_VM_TYPE_FUNCREF;
    if ((flags & (NOT_ACTIVE | EXPLICIT)) == 0) return;
    if (flags & INITIALISERS) {
        segment->type = mk_vm_read_reference_type(r);
    } else if (mk_vm_u8(r) != 0) {
        mk_vm_fail(r, at, MK_ERR_FORMAT, "unknown kind of elements");
    }
}

static void element_items(mk_vm_decoder_t *d, mk_vm_elements_t *segment) {
    mk_vm_reader_t *r = &d->r;
    mk_vm_module_t *m = d->module;
    segment->count = mk_vm_count(r, segment->initialisers ? 2 : 1);
    segment->items_at = (uint32_t)(r->at - r->start);
    for (uint32_t left = segment->count; left > 0 && r->err == MK_OK; left--) {
        if (segment->initialisers) {
            (void)mk_vm_decode_initialiser(d, segment->type);
        } else {
            uint32_t function = mk_vm_decode_index(d, m->function_count, "function");
            if (r->err == MK_OK) m->functions[function].referenced = true;
        }
    }
}

static void elements_one(mk_vm_decoder_t *d, mk_vm_elements_t *segment) {
    mk_vm_reader_t *r = &d->r;
    const uint8_t  *at = r->at;
    uint32_t        flags = mk_vm_u32(r);
    if (flags > 7) {
        mk_vm_fail(r, at, MK_ERR_FORMAT, "unknown form %u of elements", (unsigned)flags);
        return;
    }
    bool active = (flags & NOT_ACTIVE) == 0;
    segment->mode = active               ? MK_VM_SEGMENT_ACTIVE
                    : (flags & EXPLICIT) ? MK_VM_SEGMENT_DECLARATIVE
                                         : MK_VM_SEGMENT_PASSIVE;
    segment->initialisers = (flags & INITIALISERS) != 0;
    if (active) element_offset(d, segment, flags);
    element_type(d, segment, flags);
    if (r->err == MK_OK && active && d->module->tables[segment->table].type != segment->type) {
        mk_vm_fail(r, at, MK_ERR_FORMAT, "elements of %s for a table of %s", mk_vm_type_name(segment->type),
                   mk_vm_type_name(d->module->tables[segment->table].type));
    }
    element_items(d, segment);
}

void mk_vm_decode_elements(mk_vm_decoder_t *d) {
    mk_vm_module_t *m = d->module;
    uint32_t        count = mk_vm_decode_count(d, 3, 0, d->limits->segments, "segments of elements");
    m->elements = mk_vm_decode_grow(d, NULL, 0, count, sizeof *m->elements);
    for (; d->r.err == MK_OK && m->elements_count < count; m->elements_count++) {
        elements_one(d, &m->elements[m->elements_count]);
    }
}

static void data_one(mk_vm_decoder_t *d, mk_vm_data_t *segment) {
    mk_vm_reader_t *r = &d->r;
    const uint8_t  *at = r->at;
    uint32_t        form = mk_vm_u32(r), memory = 0;
    if (form > 2) {
        mk_vm_fail(r, at, MK_ERR_FORMAT, "unknown form %u of data", (unsigned)form);
        return;
    }
    segment->mode = form == 1 ? MK_VM_SEGMENT_PASSIVE : MK_VM_SEGMENT_ACTIVE;
    if (form == 2) memory = mk_vm_u32(r);
    if (form != 1) {
        if (memory >= d->module->memory_count) {
            mk_vm_fail(r, at, MK_ERR_FORMAT, "data for unknown memory %u", (unsigned)memory);
        }
        segment->offset_at = mk_vm_decode_initialiser(d, MK_VM_TYPE_I32);
    }
    segment->size = mk_vm_u32(r);
    segment->bytes_at = (uint32_t)(r->at - r->start);
    mk_vm_skip(r, segment->size);
}

void mk_vm_decode_data(mk_vm_decoder_t *d) {
    mk_vm_module_t *m = d->module;
    const uint8_t  *at = d->r.at;
    uint32_t        count = mk_vm_decode_count(d, 2, 0, d->limits->segments, "segments of data");
    if (m->has_data_count && count != d->data_declared) {
        mk_vm_fail(&d->r, at, MK_ERR_FORMAT, "%u segments of data, but %u were announced", (unsigned)count,
                   (unsigned)d->data_declared);
        return;
    }
    m->data = mk_vm_decode_grow(d, NULL, 0, count, sizeof *m->data);
    for (; d->r.err == MK_OK && m->data_count < count; m->data_count++) data_one(d, &m->data[m->data_count]);
}
