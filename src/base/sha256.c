/* SPDX-License-Identifier: Apache-2.0 */
/* sha256.c -- the names of the parts are those of FIPS 180-4, so that it can be read side by side with it. */
#include "base/sha256.h"

#include <string.h>

/* The first 32 bits of the fractions of the cube roots of the first 64 primes. */
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotr(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }

static uint32_t big_endian(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* W needs only its last sixteen words at any time, which on a small stack is worth having. */
static uint32_t schedule(uint32_t W[16], unsigned t) {
    uint32_t w15 = W[(t - 15) % 16], w2 = W[(t - 2) % 16];
    uint32_t sigma0 = rotr(w15, 7) ^ rotr(w15, 18) ^ w15 >> 3;
    uint32_t sigma1 = rotr(w2, 17) ^ rotr(w2, 19) ^ w2 >> 10;
    return W[t % 16] += sigma0 + W[(t - 7) % 16] + sigma1;
}

static void work_in(uint32_t H[8], const uint8_t *block) {
    uint32_t W[16];
    uint32_t a = H[0], b = H[1], c = H[2], d = H[3], e = H[4], f = H[5], g = H[6], h = H[7];
    for (unsigned t = 0; t < 16; t++) W[t] = big_endian(block + 4 * t);
    for (unsigned t = 0; t < 64; t++) {
        uint32_t Sigma1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25);
        uint32_t Ch = (e & f) ^ (~e & g);
        uint32_t T1 = h + Sigma1 + Ch + K[t] + (t < 16 ? W[t] : schedule(W, t));
        uint32_t Sigma0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22);
        uint32_t Maj = (a & b) ^ (a & c) ^ (b & c);
        h = g, g = f, f = e, e = d + T1;
        d = c, c = b, b = a, a = T1 + Sigma0 + Maj;
    }
    H[0] += a, H[1] += b, H[2] += c, H[3] += d;
    H[4] += e, H[5] += f, H[6] += g, H[7] += h;
}

void mk_sha256_init(mk_sha256_t *sha) {
    /* The first 32 bits of the fractions of the square roots of the first 8 primes. */
    static const uint32_t H0[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(sha->state, H0, sizeof sha->state);
    sha->bytes = 0;
}

void mk_sha256_update(mk_sha256_t *sha, const void *bytes, size_t size) {
    const uint8_t *at = bytes;
    if (size == 0) return; /* of which `bytes` may be NULL */
    size_t waiting = (size_t)(sha->bytes % MK_SHA256_BLOCK_BYTES);
    sha->bytes += size;
    if (waiting > 0) {
        size_t piece = MK_SHA256_BLOCK_BYTES - waiting;
        if (piece > size) piece = size;
        memcpy(sha->block + waiting, at, piece);
        if (waiting + piece < MK_SHA256_BLOCK_BYTES) return;
        work_in(sha->state, sha->block);
        at += piece;
        size -= piece;
    }
    for (; size >= MK_SHA256_BLOCK_BYTES; at += MK_SHA256_BLOCK_BYTES, size -= MK_SHA256_BLOCK_BYTES) {
        work_in(sha->state, at);
    }
    memcpy(sha->block, at, size);
}

void mk_sha256_final(mk_sha256_t *sha, uint8_t digest[MK_SHA256_BYTES]) {
    static const uint8_t padding[MK_SHA256_BLOCK_BYTES] = {0x80};
    uint64_t             bits = sha->bytes * 8;
    uint8_t              length[8];
    for (unsigned i = 0; i < 8; i++) length[i] = (uint8_t)(bits >> (56 - 8 * i));
    size_t waiting = (size_t)(sha->bytes % MK_SHA256_BLOCK_BYTES);
    mk_sha256_update(sha, padding, waiting < 56 ? 56 - waiting : 120 - waiting);
    mk_sha256_update(sha, length, sizeof length);
    for (unsigned i = 0; i < MK_SHA256_BYTES; i++) digest[i] = (uint8_t)(sha->state[i / 4] >> (24 - 8 * (i % 4)));
}

void mk_sha256(const void *bytes, size_t size, uint8_t digest[MK_SHA256_BYTES]) {
    mk_sha256_t sha;
    mk_sha256_init(&sha);
    mk_sha256_update(&sha, bytes, size);
    mk_sha256_final(&sha, digest);
}
