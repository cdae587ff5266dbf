/* SPDX-License-Identifier: Apache-2.0 */
/* crc32.c -- a short loop of loads that depend on each other. */
#include "kernel.h"

enum { BYTES = 65536 };

static uint8_t  buffer[BYTES];
static uint32_t table[256];

static void prepare(void) {
    uint32_t seed = 1;
    for (uint32_t i = 0; i < BYTES; i++) buffer[i] = (uint8_t)kernel_random(&seed);
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t rest = i;
        for (int bit = 0; bit < 8; bit++) rest = (rest >> 1) ^ ((rest & 1) != 0 ? 0xEDB88320u : 0);
        table[i] = rest;
    }
}

static uint32_t crc32(uint32_t crc, const uint8_t *bytes, uint32_t size) {
    crc = ~crc;
    for (uint32_t i = 0; i < size; i++) crc = table[(crc ^ bytes[i]) & 0xFF] ^ (crc >> 8);
    return ~crc;
}

KERNEL uint32_t kernel_crc32(uint32_t n) {
    uint32_t crc = 0;
    prepare();
    for (uint32_t i = 0; i < n; i++) crc = crc32(crc, buffer, BYTES);
    return crc;
}
