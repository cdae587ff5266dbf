/* SPDX-License-Identifier: Apache-2.0 */
/* buffer.h -- bytes that grow at their end. A failed append leaves everything as it was and is remembered, so that a text
 * made of many pieces is checked once, when it is whole. Zero-initialised it is empty. */
#ifndef MK_BASE_BUFFER_H
#define MK_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microkernel/error.h"

typedef struct mk_buffer {
    uint8_t *bytes;
    size_t   size, capacity;
    bool     failed; /* some append did not fit into memory; sticky until mk_buffer_clear() */
} mk_buffer_t;

void mk_buffer_free(mk_buffer_t *buffer); /* empty again, its memory given back */

/* Empty, but keeps its memory. */
static inline void mk_buffer_clear(mk_buffer_t *buffer) {
    buffer->size = 0;
    buffer->failed = false;
}

/* Room for at least `more` bytes behind what is there: the address of the first, to be written and counted with
 * `size += n`. NULL: out of memory. */
uint8_t *mk_buffer_reserve(mk_buffer_t *buffer, size_t more);

bool mk_buffer_append(mk_buffer_t *buffer, const void *data, size_t size);
bool mk_buffer_append_text(mk_buffer_t *buffer, const char *text); /* without its NUL */
bool mk_buffer_append_number(mk_buffer_t *buffer, uint64_t number);
bool mk_buffer_printf(mk_buffer_t *buffer, const char *format, ...) MK_PRINTF(2, 3);

/* Forgets the first `size` bytes and moves the rest to the front. */
void mk_buffer_consume(mk_buffer_t *buffer, size_t size);

#endif
