/* SPDX-License-Identifier: Apache-2.0 */
/* codec_fuzz.h -- what the drivers of the HTTP codecs share. An input is the bytes of a message; behind a marker of two bytes
 * 0xFF may stand how it is cut: one byte for each piece, its size less one. Seeds without the marker are plain messages. */
#ifndef MK_FUZZ_CODEC_FUZZ_H
#define MK_FUZZ_CODEC_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "http/codec/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void require(bool cond) {
    if (!cond) abort();
}

typedef struct cuts {
    const uint8_t *text, *sizes;
    size_t         text_size, n;
} cuts_t;

static inline cuts_t cuts_of(const uint8_t *data, size_t size) {
    for (size_t i = size; i >= 2; i--) { /* the last one: the text may have such bytes, too */
        if (data[i - 2] == 0xFF && data[i - 1] == 0xFF) return (cuts_t){data, data + i, i - 2, size - i};
    }
    return (cuts_t){data, NULL, size, 0};
}

/* Where the piece ends that begins at `at`; all that is left when the sizes have run out. */
static inline size_t cut_end(const cuts_t *cuts, size_t at, size_t index) {
    size_t left = cuts->text_size - at, size = index < cuts->n ? cuts->sizes[index] + 1U : left;
    return at + (size < left ? size : left);
}

/* A block of exactly that size, so that reading too far shows. */
static inline uint8_t *copy_of(const void *data, size_t size) {
    uint8_t *copy = malloc(size > 0 ? size : 1);
    require(copy != NULL);
    if (size > 0) memcpy(copy, data, size);
    return copy;
}

static inline void note_text(mk_buffer_t *out, mk_http_text_t text) {
    require(mk_buffer_printf(out, "%d %zu ", text.at != NULL, text.size));
    require(mk_buffer_append(out, text.at, text.size));
}

static inline void note_fields(mk_buffer_t *out, const mk_http_fields_t *fields) {
    for (size_t i = 0; i < fields->n; i++) {
        require(mk_http_is_token(fields->at[i].name));
        require(mk_http_is_field_value(fields->at[i].value));
        note_text(out, fields->at[i].name);
        note_text(out, fields->at[i].value);
    }
}

static inline bool same_bytes(const mk_buffer_t *a, const mk_buffer_t *b) {
    return a->size == b->size && (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

#endif
