/* SPDX-License-Identifier: Apache-2.0 */
/* base64.c -- see base64.h. */
#include "base/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void mk_base64_encode(const void *bytes, size_t size, char *out) {
    const uint8_t *at = bytes;
    for (; size >= 3; at += 3, size -= 3) {
        *out++ = alphabet[at[0] >> 2];
        *out++ = alphabet[(at[0] & 3) << 4 | at[1] >> 4];
        *out++ = alphabet[(at[1] & 15) << 2 | at[2] >> 6];
        *out++ = alphabet[at[2] & 63];
    }
    if (size > 0) {
        unsigned second = size > 1 ? at[1] : 0;
        *out++ = alphabet[at[0] >> 2];
        *out++ = alphabet[(at[0] & 3U) << 4 | second >> 4];
        *out++ = (char)(size > 1 ? alphabet[(second & 15) << 2] : '=');
        *out++ = '=';
    }
    *out = '\0';
}

static int value_of(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool mk_base64_decode(const char *text, size_t size, uint8_t *out, size_t *out_size) {
    if (size % 4 != 0) return false;
    size_t padding = 0;
    while (padding < 2 && padding < size && text[size - 1 - padding] == '=') padding++;
    size_t   chars = size - padding, written = 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < chars; i++) {
        int value = value_of(text[i]);
        if (value < 0) return false;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 == 0) continue;
        unsigned left = 6 - 2 * (unsigned)(i % 4); /* bits that belong to the next byte */
        out[written++] = (uint8_t)(bits >> left);
    }
    *out_size = written;
    return padding == 0 || (bits & (padding == 1 ? 3U : 15U)) == 0;
}
