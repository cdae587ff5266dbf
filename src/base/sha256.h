/* SPDX-License-Identifier: Apache-2.0 */
/* sha256.h -- SHA-256 as FIPS 180-4 has it, of bytes that come in any pieces. */
#ifndef MK_BASE_SHA256_H
#define MK_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { MK_SHA256_BYTES = 32, MK_SHA256_BLOCK_BYTES = 64 };

typedef struct mk_sha256 {
    uint32_t state[8];
    uint64_t bytes;                        /* so far                                          */
    uint8_t  block[MK_SHA256_BLOCK_BYTES]; /* its first bytes % 64 are yet to be worked in    */
} mk_sha256_t;

void mk_sha256_init(mk_sha256_t *sha);
void mk_sha256_update(mk_sha256_t *sha, const void *bytes, size_t size);

/* The digest of everything so far. Afterwards only init may follow. */
void mk_sha256_final(mk_sha256_t *sha, uint8_t digest[MK_SHA256_BYTES]);

/* All three in one. */
void mk_sha256(const void *bytes, size_t size, uint8_t digest[MK_SHA256_BYTES]);

#endif
