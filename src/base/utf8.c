/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.c -- a character's first byte says how many follow and what the first of those may be; that is all the state there is.
 * ASCII, which is most of most texts, goes by many bytes at a time. */
#include "base/utf8.h"

#include <string.h>

#define HIGH_BITS 0x8080808080808080u

enum { STEP = 64 }; /* bytes of ASCII that are looked at together */

/* The first byte of a character of several bytes. */
static bool begin(mk_utf8_t *utf8, uint8_t lead) {
    utf8->low = 0x80;
    utf8->high = 0xBF;
    if (lead < 0xC2) return false; /* a byte from the middle, or an overlong form */
    if (lead < 0xE0) {
        utf8->needed = 1;
    } else if (lead < 0xF0) {
        utf8->needed = 2;
        if (lead == 0xE0) utf8->low = 0xA0;  /* shorter ones exist   */
        if (lead == 0xED) utf8->high = 0x9F; /* surrogates           */
    } else if (lead < 0xF5) {
        utf8->needed = 3;
        if (lead == 0xF0) utf8->low = 0x90;
        if (lead == 0xF4) utf8->high = 0x8F; /* beyond U+10FFFF      */
    } else {
        return false;
    }
    return true;
}

/* False: `byte` does not continue what has begun; nothing has changed. */
static bool go_on(mk_utf8_t *utf8, uint8_t byte) {
    if (byte < utf8->low || byte > utf8->high) return false;
    utf8->low = 0x80;
    utf8->high = 0xBF;
    utf8->needed--;
    return true;
}

static uint64_t word_at(const uint8_t *eight) {
    uint64_t word;
    memcpy(&word, eight, sizeof word);
    return word;
}

static bool is_ascii(const uint8_t *eight) { return (word_at(eight) & HIGH_BITS) == 0; }

static const uint8_t *skip_ascii(const uint8_t *at, const uint8_t *end) {
    const uint8_t *start = at;
    for (; end - at >= STEP; at += STEP) {
        uint64_t all = 0;
        for (unsigned i = 0; i < STEP; i += 8) all |= word_at(at + i);
        if ((all & HIGH_BITS) != 0) break;
    }
    while (end - at >= 8 && is_ascii(at)) at += 8;
    /* What is left of a word may be looked at together with what came before it. */
    if (end - at < 8 && end - start >= 8 && is_ascii(end - 8)) return end;
    while (at < end && *at < 0x80) at++;
    return at;
}

bool mk_utf8_update(mk_utf8_t *utf8, const void *bytes, size_t size) {
    if (size == 0) return true; /* of which `bytes` may be NULL */
    const uint8_t *at = bytes, *end = at + size;
    while (at < end) {
        if (utf8->needed != 0) {
            if (!go_on(utf8, *at++)) return false;
        } else if (*at < 0x80) {
            at = skip_ascii(at, end);
        } else if (!begin(utf8, *at++)) {
            return false;
        }
    }
    return true;
}

bool mk_utf8_is_valid(const void *bytes, size_t size) {
    mk_utf8_t utf8 = {0};
    return mk_utf8_update(&utf8, bytes, size) && mk_utf8_is_complete(&utf8);
}

bool mk_utf8_repair(mk_buffer_t *out, const void *bytes, size_t size) {
    static const char replacement[] = "\xEF\xBF\xBD";
    if (size == 0) return true;
    const uint8_t *at = bytes, *end = at + size, *from = at; /* `from`: where what is not yet written begins */
    while (at < end) {
        mk_utf8_t      utf8 = {0};
        const uint8_t *start = at;
        if (*at < 0x80) {
            at = skip_ascii(at, end);
            continue;
        }
        bool good = begin(&utf8, *at++);
        while (good && utf8.needed != 0) {
            good = at < end && go_on(&utf8, *at);
            if (good) at++;
        }
        if (good) continue;
        if (!mk_buffer_append(out, from, (size_t)(start - from)) || !mk_buffer_append(out, replacement, 3))
            return false;
        from = at;
    }
    return mk_buffer_append(out, from, (size_t)(end - from));
}
