/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.h -- whether bytes are UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF), in any pieces. What
 * can no longer become UTF-8 is seen at the first byte that rules it out. */
#ifndef MK_BASE_UTF8_H
#define MK_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* Between characters while `needed` is 0, as zero-initialised. */
typedef struct mk_utf8 {
    uint8_t needed;    /* bytes until the character is whole */
    uint8_t low, high; /* what the next of them may be       */
} mk_utf8_t;

/* False: not UTF-8, whatever follows. */
bool mk_utf8_update(mk_utf8_t *utf8, const void *bytes, size_t size);

/* The text may end here. */
static inline bool mk_utf8_is_complete(const mk_utf8_t *utf8) { return utf8->needed == 0; }

bool mk_utf8_is_valid(const void *bytes, size_t size);

/* Appends the text with U+FFFD in place of what is not UTF-8, as the Encoding Standard's decoder puts it: one for each longest
 * beginning of a character. False: out of memory. */
bool mk_utf8_repair(mk_buffer_t *out, const void *bytes, size_t size);

#endif
