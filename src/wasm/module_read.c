/* SPDX-License-Identifier: Apache-2.0 */
/* module_read.c -- see module_read.h. */
#include "wasm/module_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The format gives ids in the order of invention and demands another order in the file. */
static const struct {
    const char *name;
    uint8_t     rank;
} sections[SECTION_IDS] = {
    [SECTION_CUSTOM] = {"custom", 0},    [SECTION_TYPE] = {"type", 1},
    [SECTION_IMPORT] = {"import", 2},    [SECTION_FUNCTION] = {"function", 3},
    [SECTION_TABLE] = {"table", 4},      [SECTION_MEMORY] = {"memory", 5},
    [SECTION_TAG] = {"tag", 6},          [SECTION_GLOBAL] = {"global", 7},
    [SECTION_EXPORT] = {"export", 8},    [SECTION_START] = {"start", 9},
    [SECTION_ELEMENT] = {"element", 10}, [SECTION_DATA_COUNT] = {"data count", 11},
    [SECTION_CODE] = {"code", 12},       [SECTION_DATA] = {"data", 13},
};

void mk_module_reader_init(mk_module_reader_t *r, const void *bytes, size_t size, char *text, size_t text_size) {
    static const uint8_t none[1]; /* an empty module may come as NULL, which takes no arithmetic */
    const uint8_t       *start = bytes != NULL ? bytes : none;
    if (bytes == NULL) size = 0;
    *r = (mk_module_reader_t){.start = start, .at = start, .end = start + size, .text = text, .text_size = text_size};
    if (text_size > 0) text[0] = '\0';
}

bool mk_module_fail(mk_module_reader_t *r, const uint8_t *at, mk_err_t err, const char *fmt, ...) {
    if (r->err == MK_OK) {
        char    what[160];
        va_list args;
        va_start(args, fmt);
        vsnprintf(what, sizeof what, fmt, args);
        va_end(args);
        if (r->text_size > 0) {
            snprintf(r->text, r->text_size, "%s at byte %zu%s%s", what, (size_t)(at - r->start),
                     r->section != NULL ? " in section " : "", r->section != NULL ? r->section : "");
        }
        r->err = err;
    }
    r->at = r->end;
    return false;
}

/* The place is where the bytes end, not where the item began: that is what a cut file has in common
 * with its length. */
static bool has(mk_module_reader_t *r, size_t bytes) {
    if ((size_t)(r->end - r->at) >= bytes) return true;
    return mk_module_fail(r, r->end, MK_ERR_FORMAT, "truncated");
}

uint8_t mk_module_u8(mk_module_reader_t *r) { return has(r, 1) ? *r->at++ : 0; }

uint32_t mk_module_u32(mk_module_reader_t *r) {
    const uint8_t *at = r->at;
    uint32_t       value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte = mk_module_u8(r);
        if (shift == 28 && byte > 0x0F) break; /* more than 32 bits, or a sixth byte */
        value |= (uint32_t)(byte & 0x7F) << shift;
        if (byte < 0x80) return value;
    }
    mk_module_fail(r, at, MK_ERR_FORMAT, "a number is too long");
    return 0;
}

void mk_module_skip(mk_module_reader_t *r, size_t bytes) {
    if (has(r, bytes)) r->at += bytes;
}

int64_t mk_module_signed(mk_module_reader_t *r, unsigned bits) {
    const uint8_t *at = r->at;
    uint64_t       value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        uint8_t byte = mk_module_u8(r);
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte >= 0x80) continue;
        if ((byte & 0x40) && shift + 7 < 64) value |= UINT64_MAX << (shift + 7);
        return (int64_t)value;
    }
    mk_module_fail(r, at, MK_ERR_FORMAT, "a number is too long");
    return 0;
}

mk_module_name_t mk_module_name(mk_module_reader_t *r) {
    uint32_t         size = mk_module_u32(r);
    mk_module_name_t name = {(const char *)r->at, size};
    mk_module_skip(r, size);
    return r->err == MK_OK ? name : (mk_module_name_t){"", 0};
}

uint8_t mk_module_value_type(mk_module_reader_t *r) {
    uint8_t type = mk_module_u8(r);
    if (r->err != MK_OK || (type >= 0x7B && type <= 0x7F)) return type;
    r->at--;
    return mk_module_reference_type(r);
}

uint8_t mk_module_reference_type(mk_module_reader_t *r) {
    const uint8_t *at = r->at;
    uint8_t        type = mk_module_u8(r);
    if (r->err != MK_OK || type == 0x70 || type == 0x6F) return type;
    if (type >= 0x63 && type <= 0x75) { /* the range of typed and garbage-collected references */
        mk_module_fail(r, at, MK_ERR_NOSYS, "reference type 0x%02x is not supported", type);
    } else {
        mk_module_fail(r, at, MK_ERR_FORMAT, "unknown type 0x%02x", type);
    }
    return 0;
}

uint32_t mk_module_count(mk_module_reader_t *r, size_t least_bytes) {
    uint32_t count = mk_module_u32(r);
    if (count <= (size_t)(r->end - r->at) / least_bytes) return count;
    mk_module_fail(r, r->end, MK_ERR_FORMAT, "truncated");
    return 0;
}

const uint8_t *mk_module_enter(mk_module_reader_t *r, size_t bytes) {
    const uint8_t *outer = r->end;
    if (has(r, bytes)) r->end = r->at + bytes;
    return outer;
}

void mk_module_leave(mk_module_reader_t *r, const uint8_t *outer) {
    if (r->at != r->end) { mk_module_fail(r, r->at, MK_ERR_FORMAT, "surplus bytes"); }
    r->end = outer;
    if (r->err != MK_OK) r->at = outer;
}

bool mk_module_preamble(mk_module_reader_t *r) {
    static const uint8_t magic[4] = {0x00, 'a', 's', 'm'};
    size_t               size = (size_t)(r->end - r->at);
    if (size == 0 || memcmp(r->at, magic, size < 4 ? size : 4) != 0) {
        if (r->text_size > 0) snprintf(r->text, r->text_size, "not a WebAssembly module");
        r->err = MK_ERR_FORMAT;
        return false;
    }
    mk_module_skip(r, 4);
    const uint8_t *at = r->at;
    unsigned       version = mk_module_u8(r);
    version |= (unsigned)mk_module_u8(r) << 8;
    unsigned layer = mk_module_u8(r);
    layer |= (unsigned)mk_module_u8(r) << 8;
    if (layer != 0) return mk_module_fail(r, at, MK_ERR_NOSYS, "a component, not a module");
    if (r->err == MK_OK && version != 1) {
        return mk_module_fail(r, at, MK_ERR_NOSYS, "version %u is not supported", version);
    }
    return r->err == MK_OK;
}

bool mk_module_next_section(mk_module_reader_t *r, mk_module_section_t *section) {
    r->section = NULL;
    if (r->err != MK_OK || r->at == r->end) return false;
    section->start = r->at;
    section->id = mk_module_u8(r);
    if (section->id >= SECTION_IDS) {
        return mk_module_fail(r, section->start, MK_ERR_FORMAT, "unknown section %u", section->id);
    }
    r->section = sections[section->id].name;
    uint8_t rank = sections[section->id].rank;
    if (rank != 0 && rank <= r->rank) { return mk_module_fail(r, section->start, MK_ERR_FORMAT, "out of order"); }
    if (rank != 0) r->rank = rank;
    section->outer = mk_module_enter(r, mk_module_u32(r));
    return r->err == MK_OK;
}

uint8_t mk_module_section_rank(uint8_t id) { return sections[id].rank; }

mk_module_printable_t mk_module_printable(mk_module_name_t name) {
    mk_module_printable_t out;
    size_t                room = sizeof out.text - 4; /* "..." and the ending zero */
    size_t                size = name.size < room ? name.size : room;
    for (size_t i = 0; i < size; i++) {
        char c = name.at[i];
        out.text[i] = c > ' ' && c < 0x7F ? c : '?';
    }
    memcpy(out.text + size, name.size > size ? "..." : "", name.size > size ? 4 : 1);
    return out;
}

bool mk_module_name_is(mk_module_name_t name, const char *text) {
    return strlen(text) == name.size && memcmp(name.at, text, name.size) == 0;
}
