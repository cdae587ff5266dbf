/* SPDX-License-Identifier: Apache-2.0 */
/* buffer.c -- see buffer.h. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

enum { FIRST_BYTES = 64 };

void mk_buffer_free(mk_buffer_t *buffer) {
    mk_free(buffer->bytes);
    *buffer = (mk_buffer_t){0};
}

uint8_t *mk_buffer_reserve(mk_buffer_t *buffer, size_t more) {
    if (more <= buffer->capacity - buffer->size) return buffer->bytes + buffer->size;
    size_t wanted = buffer->capacity != 0 ? buffer->capacity : FIRST_BYTES;
    while (wanted - buffer->size < more && wanted <= SIZE_MAX / 2) wanted *= 2;
    uint8_t *grown = wanted - buffer->size >= more ? mk_realloc(buffer->bytes, wanted) : NULL;
    if (grown == NULL) {
        buffer->failed = true;
        return NULL;
    }
    buffer->bytes = grown;
    buffer->capacity = wanted;
    return grown + buffer->size;
}

bool mk_buffer_append(mk_buffer_t *buffer, const void *data, size_t size) {
    if (size == 0) return true;
    uint8_t *room = mk_buffer_reserve(buffer, size);
    if (room == NULL) return false;
    memcpy(room, data, size);
    buffer->size += size;
    return true;
}

bool mk_buffer_append_text(mk_buffer_t *buffer, const char *text) {
    return mk_buffer_append(buffer, text, strlen(text));
}

bool mk_buffer_append_number(mk_buffer_t *buffer, uint64_t number) {
    char digits[20]; /* of 2^64 - 1 */
    int  at = sizeof digits;
    do digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    return mk_buffer_append(buffer, digits + at, sizeof digits - (size_t)at);
}

bool mk_buffer_printf(mk_buffer_t *buffer, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int      size = vsnprintf(NULL, 0, format, args);
    uint8_t *room =
        size >= 0 ? mk_buffer_reserve(buffer, (size_t)size + 1) : NULL; /* with the NUL, which is not counted */
    if (room != NULL) {
        vsnprintf((char *)room, (size_t)size + 1, format, again);
        buffer->size += (size_t)size;
    }
    va_end(again);
    va_end(args);
    return room != NULL;
}

void mk_buffer_consume(mk_buffer_t *buffer, size_t size) {
    mk_assert(size <= buffer->size);
    buffer->size -= size;
    if (size != 0 && buffer->size != 0) memmove(buffer->bytes, buffer->bytes + size, buffer->size);
}
