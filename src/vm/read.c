/* SPDX-License-Identifier: Apache-2.0 */
/* read.c -- see read.h. */
#include "vm/read.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The format gives ids in the order of invention and demands another order in the file. */
static const struct {
    const char *name;
    uint8_t     rank;
} sections[MK_VM_SECTION_IDS] = {
    [MK_VM_SECTION_CUSTOM] = {"custom", 0},    [MK_VM_SECTION_TYPE] = {"type", 1},
    [MK_VM_SECTION_IMPORT] = {"import", 2},    [MK_VM_SECTION_FUNCTION] = {"function", 3},
    [MK_VM_SECTION_TABLE] = {"table", 4},      [MK_VM_SECTION_MEMORY] = {"memory", 5},
    [MK_VM_SECTION_TAG] = {"tag", 6},          [MK_VM_SECTION_GLOBAL] = {"global", 7},
    [MK_VM_SECTION_EXPORT] = {"export", 8},    [MK_VM_SECTION_START] = {"start", 9},
    [MK_VM_SECTION_ELEMENT] = {"element", 10}, [MK_VM_SECTION_DATA_COUNT] = {"data count", 11},
    [MK_VM_SECTION_CODE] = {"code", 12},       [MK_VM_SECTION_DATA] = {"data", 13},
};

void mk_vm_reader_init(mk_vm_reader_t *r, const void *bytes, size_t size, char *text, size_t text_size) {
    static const uint8_t none[1]; /* an empty module may come as NULL, which takes no arithmetic */
    const uint8_t       *start = bytes != NULL ? bytes : none;
    if (bytes == NULL) size = 0;
    *r = (mk_vm_reader_t){.start = start, .at = start, .end = start + size, .text = text, .text_size = text_size};
    if (text_size > 0) text[0] = '\0';
}

bool mk_vm_fail(mk_vm_reader_t *r, const uint8_t *at, mk_err_t err, const char *fmt, ...) {
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
static bool has(mk_vm_reader_t *r, size_t bytes) {
    if ((size_t)(r->end - r->at) >= bytes) return true;
    return mk_vm_fail(r, r->end, MK_ERR_FORMAT, "truncated");
}

uint8_t mk_vm_u8(mk_vm_reader_t *r) { return has(r, 1) ? *r->at++ : 0; }

uint32_t mk_vm_u32(mk_vm_reader_t *r) {
    const uint8_t *at = r->at;
    uint32_t       value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte = mk_vm_u8(r);
        if (shift == 28 && byte > 0x0F) break; /* more than 32 bits, or a sixth byte */
        value |= (uint32_t)(byte & 0x7F) << shift;
        if (byte < 0x80) return value;
    }
    mk_vm_fail(r, at, MK_ERR_FORMAT, "a number is too long");
    return 0;
}

void mk_vm_skip(mk_vm_reader_t *r, size_t bytes) {
    if (has(r, bytes)) r->at += bytes;
}

/* The last byte of a signed number holds `left` bits of it; all above them must repeat the sign. */
static bool fills_sign(uint8_t byte, unsigned left) {
    int8_t value = (int8_t)(uint8_t)(byte << 1); /* seven bits, at the top */
    return byte < 0x80 && (value >> left == 0 || value >> left == -1);
}

int64_t mk_vm_signed(mk_vm_reader_t *r, unsigned bits) {
    const uint8_t *at = r->at;
    uint64_t       value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        uint8_t byte = mk_vm_u8(r);
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (shift + 7 >= bits && !fills_sign(byte, bits - shift)) break;
        if (byte >= 0x80) continue;
        if ((byte & 0x40) && shift + 7 < 64) value |= UINT64_MAX << (shift + 7);
        return (int64_t)value;
    }
    mk_vm_fail(r, at, MK_ERR_FORMAT, "a number is too long");
    return 0;
}

mk_vm_name_t mk_vm_name(mk_vm_reader_t *r) {
    uint32_t     size = mk_vm_u32(r);
    mk_vm_name_t name = {(const char *)r->at, size};
    mk_vm_skip(r, size);
    return r->err == MK_OK ? name : (mk_vm_name_t){"", 0};
}

/* Bytes of the character that begins at `at`, or 0: not UTF-8. Rejects what is longer than it needs to be, surrogates,
 * and what is above U+10FFFF. */
static size_t utf8_size(const uint8_t *at, size_t left) {
    uint8_t first = at[0];
    size_t  size = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
    if (size > left) return 0;
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xC0) != 0x80) return 0;
    }
    if (first == 0xE0 && at[1] < 0xA0) return 0;
    if (first == 0xED && at[1] > 0x9F) return 0;
    if (first == 0xF0 && at[1] < 0x90) return 0;
    if (first == 0xF4 && at[1] > 0x8F) return 0;
    return size;
}

mk_vm_name_t mk_vm_name_utf8(mk_vm_reader_t *r) {
    mk_vm_name_t   name = mk_vm_name(r);
    const uint8_t *at = (const uint8_t *)name.at, *end = at + name.size;
    while (at < end) {
        size_t size = utf8_size(at, (size_t)(end - at));
        if (size == 0) {
            mk_vm_fail(r, at, MK_ERR_FORMAT, "a name is not UTF-8");
            return (mk_vm_name_t){"", 0};
        }
        at += size;
    }
    return name;
}

uint32_t mk_vm_count(mk_vm_reader_t *r, size_t least_bytes) {
    uint32_t count = mk_vm_u32(r);
    if (count <= (size_t)(r->end - r->at) / least_bytes) return count;
    mk_vm_fail(r, r->end, MK_ERR_FORMAT, "truncated");
    return 0;
}

const uint8_t *mk_vm_enter(mk_vm_reader_t *r, size_t bytes) {
    const uint8_t *outer = r->end;
    if (has(r, bytes)) r->end = r->at + bytes;
    return outer;
}

void mk_vm_leave(mk_vm_reader_t *r, const uint8_t *outer) {
    if (r->at != r->end) { mk_vm_fail(r, r->at, MK_ERR_FORMAT, "surplus bytes"); }
    r->end = outer;
    if (r->err != MK_OK) r->at = outer;
}

bool mk_vm_preamble(mk_vm_reader_t *r) {
    static const uint8_t magic[4] = {0x00, 'a', 's', 'm'};
    size_t               size = (size_t)(r->end - r->at);
    if (size == 0 || memcmp(r->at, magic, size < 4 ? size : 4) != 0) {
        if (r->text_size > 0)
            snprintf(r->text, r->text_size, "%s", size == 0 ? "it is empty" : "not a WebAssembly module");
        r->err = MK_ERR_FORMAT;
        return false;
    }
    mk_vm_skip(r, 4);
    const uint8_t *at = r->at;
    unsigned       version = mk_vm_u8(r);
    version |= (unsigned)mk_vm_u8(r) << 8;
    unsigned layer = mk_vm_u8(r);
    layer |= (unsigned)mk_vm_u8(r) << 8;
    if (layer != 0) return mk_vm_fail(r, at, MK_ERR_NOSYS, "a component, not a module");
    if (r->err == MK_OK && version != 1) {
        return mk_vm_fail(r, at, MK_ERR_NOSYS, "version %u is not supported", version);
    }
    return r->err == MK_OK;
}

bool mk_vm_next_section(mk_vm_reader_t *r, mk_vm_section_t *section) {
    r->section = NULL;
    if (r->err != MK_OK || r->at == r->end) return false;
    section->start = r->at;
    section->id = mk_vm_u8(r);
    if (section->id >= MK_VM_SECTION_IDS) {
        return mk_vm_fail(r, section->start, MK_ERR_FORMAT, "unknown section %u", section->id);
    }
    r->section = sections[section->id].name;
    uint8_t rank = sections[section->id].rank;
    if (rank != 0 && rank <= r->rank) { return mk_vm_fail(r, section->start, MK_ERR_FORMAT, "out of order"); }
    if (rank != 0) r->rank = rank;
    section->outer = mk_vm_enter(r, mk_vm_u32(r));
    return r->err == MK_OK;
}

uint8_t mk_vm_section_rank(uint8_t id) { return sections[id].rank; }

mk_vm_printable_t mk_vm_printable(mk_vm_name_t name) {
    mk_vm_printable_t out;
    size_t            room = sizeof out.text - 4; /* "..." and the ending zero */
    size_t            size = name.size < room ? name.size : room;
    for (size_t i = 0; i < size; i++) {
        char c = name.at[i];
        out.text[i] = c > ' ' && c < 0x7F ? c : '?';
    }
    memcpy(out.text + size, name.size > size ? "..." : "", name.size > size ? 4 : 1);
    return out;
}

bool mk_vm_name_is(mk_vm_name_t name, const char *text) {
    return strlen(text) == name.size && memcmp(name.at, text, name.size) == 0;
}
