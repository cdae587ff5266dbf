/* SPDX-License-Identifier: Apache-2.0 */
/* pages.c -- from the heap, cleared. */
#include <string.h>

#include "base/mem.h"
#include "port/port.h"

uint8_t *mk_port_pages_resize(uint8_t *base, size_t from, size_t bytes) {
    if (bytes == 0) {
        mk_free(base);
        return NULL;
    }
    if (base == NULL) return mk_calloc(1, bytes);
    uint8_t *moved = mk_realloc(base, bytes);
    if (moved != NULL && bytes > from) memset(moved + from, 0, bytes - from);
    return moved;
}
