/* SPDX-License-Identifier: Apache-2.0 */
/* sha1.c -- the names of the parts are those of FIPS 180-4, as in sha256.c. */
#include "base/sha1.h"

#include <string.h>

enum { BLOCK_BYTES = 64 };

static uint32_t rotl(uint32_t x, unsigned n) { return x << n | x >> (32 - n); }

static uint32_t big_endian(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t schedule(uint32_t W[16], unsigned t) {
    return W[t % 16] = rotl(W[(t - 3) % 16] ^ W[(t - 8) % 16] ^ W[(t - 14) % 16] ^ W[t % 16], 1);
}

static uint32_t mix(unsigned t, uint32_t b, uint32_t c, uint32_t d) {
    if (t < 20) return ((b & c) ^ (~b & d)) + 0x5a827999;
    if (t < 40) return (b ^ c ^ d) + 0x6ed9eba1;
    if (t < 60) return ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdc;
    return (b ^ c ^ d) + 0xca62c1d6;
}

static void work_in(uint32_t H[5], const uint8_t *block) {
    uint32_t W[16];
    uint32_t a = H[0], b = H[1], c = H[2], d = H[3], e = H[4];
    for (unsigned t = 0; t < 16; t++) W[t] = big_endian(block + 4 * t);
    for (unsigned t = 0; t < 80; t++) {
        uint32_t T = rotl(a, 5) + mix(t, b, c, d) + e + (t < 16 ? W[t] : schedule(W, t));
        e = d, d = c, c = rotl(b, 30), b = a, a = T;
    }
    H[0] += a, H[1] += b, H[2] += c, H[3] += d, H[4] += e;
}

void mk_sha1(const void *bytes, size_t size, uint8_t digest[MK_SHA1_BYTES]) {
    const uint8_t *at = bytes;
    uint32_t       H[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    uint8_t        end[2 * BLOCK_BYTES] = {0}; /* the last bytes, 0x80, zeros, the length in bits */
    size_t         left = size;
    for (; left >= BLOCK_BYTES; at += BLOCK_BYTES, left -= BLOCK_BYTES) work_in(H, at);
    if (left > 0) memcpy(end, at, left);
    end[left] = 0x80;
    size_t blocks = left < BLOCK_BYTES - 8 ? 1 : 2;
    for (unsigned i = 0; i < 8; i++) {
        end[blocks * BLOCK_BYTES - 8 + i] = (uint8_t)((uint64_t)size * 8 >> (56 - 8 * i));
    }
    for (size_t i = 0; i < blocks; i++) work_in(H, end + i * BLOCK_BYTES);
    for (unsigned i = 0; i < MK_SHA1_BYTES; i++) digest[i] = (uint8_t)(H[i / 4] >> (24 - 8 * (i % 4)));
}
