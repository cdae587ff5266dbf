/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite.c -- sections are copied as they are; only exports and the start section are looked into. */
#include "wasm/wamr/rewrite.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "wasm/engine.h"

enum { HEADER_BYTES = 8, SECTION_EXPORT = 7, SECTION_START = 8, KIND_FUNCTION = 0 };

/* One more export: its name, its kind, its index; and lengths that may each take four bytes more than before. */
enum { GROWTH_MAX = 32 };

static const char *const hidden[] = {"__post_instantiate", "__wasm_call_ctors", "__heap_base", "__data_end"};

typedef struct reader {
    const uint8_t *at, *end;
    bool           failed;
} reader_t;

typedef struct section {
    uint8_t        id;
    const uint8_t *whole; /* with id and length */
    reader_t       body;
} section_t;

static uint8_t read_byte(reader_t *r) {
    if (r->failed || r->at == r->end) {
        r->failed = true;
        return 0;
    }
    return *r->at++;
}

static uint32_t read_u32(reader_t *r) {
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte = read_byte(r);
        value |= (uint32_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) return value;
    }
    r->failed = true;
    return 0;
}

static const uint8_t *read_bytes(reader_t *r, uint32_t size) {
    if (r->failed || size > (size_t)(r->end - r->at)) {
        r->failed = true;
        return r->at;
    }
    const uint8_t *bytes = r->at;
    r->at += size;
    return bytes;
}

static bool next_section(reader_t *r, section_t *out) {
    if (r->failed || r->at == r->end) return false;
    out->whole = r->at;
    out->id = read_byte(r);
    uint32_t size = read_u32(r);
    out->body.at = read_bytes(r, size);
    out->body.end = out->body.at + size;
    out->body.failed = r->failed;
    return !r->failed;
}

static uint8_t *write_u32(uint8_t *to, uint32_t value) {
    for (; value >= 0x80; value >>= 7) *to++ = (uint8_t)(value | 0x80);
    *to++ = (uint8_t)value;
    return to;
}

static size_t u32_bytes(uint32_t value) {
    uint8_t scratch[5];
    return (size_t)(write_u32(scratch, value) - scratch);
}

static uint8_t *write_bytes(uint8_t *to, const uint8_t *from, const uint8_t *end) {
    memcpy(to, from, (size_t)(end - from));
    return to + (end - from);
}

/* The entries of an export section, the names that mean something to WAMR with another first byte. */
static bool hide_names(uint8_t *entries, const uint8_t *end, uint32_t count) {
    reader_t r = {entries, end, false};
    for (uint32_t i = 0; i < count && !r.failed; i++) {
        uint32_t       size = read_u32(&r);
        const uint8_t *name = read_bytes(&r, size);
        for (size_t h = 0; !r.failed && h < sizeof hidden / sizeof hidden[0]; h++) {
            if (size == strlen(hidden[h]) && memcmp(name, hidden[h], size) == 0) entries[name - entries] = '\x01';
        }
        (void)read_byte(&r); /* kind  */
        (void)read_u32(&r);  /* index */
    }
    return !r.failed;
}

/* Writes the export section, with one more entry when there is a start function. NULL: malformed. */
static uint8_t *write_exports(uint8_t *to, reader_t body, bool has_start, uint32_t start) {
    static const char name[] = MK_WASM_START_FUNCTION;
    uint32_t          count = read_u32(&body);
    if (body.failed) return NULL;
    uint32_t total = count + (has_start ? 1 : 0);
    size_t   size = u32_bytes(total) + (size_t)(body.end - body.at);
    if (has_start) size += 1 + strlen(name) + 1 + u32_bytes(start);
    if (size > UINT32_MAX) return NULL;
    *to++ = SECTION_EXPORT;
    to = write_u32(to, (uint32_t)size);
    to = write_u32(to, total);
    uint8_t *entries = to;
    to = write_bytes(to, body.at, body.end);
    if (!hide_names(entries, to, count)) return NULL;
    if (!has_start) return to;
    *to++ = (uint8_t)strlen(name);
    to = write_bytes(to, (const uint8_t *)name, (const uint8_t *)name + strlen(name));
    *to++ = KIND_FUNCTION;
    return write_u32(to, start);
}

static bool find_start(reader_t r, uint32_t *start) {
    section_t section;
    while (next_section(&r, &section)) {
        if (section.id != SECTION_START) continue;
        *start = read_u32(&section.body);
        return !section.body.failed;
    }
    return false;
}

mk_err_t mk_wamr_rewrite(const uint8_t *bytes, size_t size, uint8_t **out, size_t *out_size) {
    if (size < HEADER_BYTES) return MK_ERR_FORMAT;
    if (size > UINT32_MAX - GROWTH_MAX) return MK_ERR_TOOLONG;
    uint8_t *copy = mk_alloc(size + GROWTH_MAX);
    if (copy == NULL) return MK_ERR_NOMEM;

    reader_t  r = {bytes + HEADER_BYTES, bytes + size, false};
    uint32_t  start = 0;
    bool      has_start = find_start(r, &start);
    uint8_t  *to = write_bytes(copy, bytes, bytes + HEADER_BYTES);
    section_t section;
    while (to != NULL && next_section(&r, &section)) {
        if (section.id == SECTION_START) continue;
        if (section.id == SECTION_EXPORT) to = write_exports(to, section.body, has_start, start);
        else to = write_bytes(to, section.whole, section.body.end);
    }
    if (to == NULL || r.failed) {
        mk_free(copy);
        return MK_ERR_FORMAT;
    }
    *out = copy;
    *out_size = (size_t)(to - copy);
    return MK_OK;
}
