/* SPDX-License-Identifier: Apache-2.0 */
/* hex.h -- bytes as hexadecimal digits. */
#ifndef MK_TOOLS_HEX_H
#define MK_TOOLS_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* False: not exactly so many. */
static inline bool mk_hex_read(const char *text, uint8_t *out, size_t bytes) {
    if (strlen(text) != 2 * bytes || strspn(text, "0123456789abcdefABCDEF") != 2 * bytes) return false;
    for (size_t i = 0; i < bytes; i++) {
        char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};
        unsigned byte;
        if (sscanf(pair, "%x", &byte) != 1) return false;
        out[i] = (uint8_t)byte;
    }
    return true;
}

/* `out` has room for two digits a byte and the NUL. */
static inline void mk_hex_write(const uint8_t *bytes, size_t size, char *out) {
    for (size_t i = 0; i < size; i++) snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

#endif
