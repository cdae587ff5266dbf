/* SPDX-License-Identifier: Apache-2.0 */
/* crypto.h -- the few primitives that datagrams need, from the library that also does TLS; behind one struct, as the engines of
 * tls.h. Any thread; no state but in the context. */
#ifndef MK_NET_CRYPTO_H
#define MK_NET_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microkernel/error.h"

enum { MK_AEAD_KEY_BYTES = 32, MK_AEAD_NONCE_BYTES = 12, MK_AEAD_TAG_BYTES = 16, MK_X25519_BYTES = 32 };

typedef struct mk_aead mk_aead_t; /* one key: ChaCha20-Poly1305 (RFC 8439) */

typedef struct mk_crypto {
    const char *name;
    mk_err_t (*aead_create)(const uint8_t key[MK_AEAD_KEY_BYTES], mk_aead_t **out);
    void     (*aead_destroy)(mk_aead_t *aead); /* NULL is allowed; the key is wiped */
    /* `out` gets size + MK_AEAD_TAG_BYTES; may be `in`. */
    mk_err_t (*seal)(mk_aead_t *aead, const uint8_t nonce[MK_AEAD_NONCE_BYTES], const void *extra, size_t extra_size,
                     const void *in, size_t size, void *out);
    /* `size` includes the tag; `out` gets size - MK_AEAD_TAG_BYTES; may be `in`. MK_ERR_PROTO: forged; `out` is undefined. */
    mk_err_t (*open)(mk_aead_t *aead, const uint8_t nonce[MK_AEAD_NONCE_BYTES], const void *extra, size_t extra_size,
                     const void *in, size_t size, void *out);
    /* HKDF-SHA-256 (RFC 5869); `size` up to 255 * 32. */
    mk_err_t (*hkdf)(const void *secret, size_t secret_size, const void *salt, size_t salt_size, const void *info,
                     size_t info_size, void *out, size_t size);
    /* RFC 7748. `secret` is random bytes. MK_ERR_PROTO: the other's value is of low order. */
    mk_err_t (*x25519_public)(const uint8_t secret[MK_X25519_BYTES], uint8_t out[MK_X25519_BYTES]);
    mk_err_t (*x25519)(const uint8_t secret[MK_X25519_BYTES], const uint8_t other[MK_X25519_BYTES], uint8_t out[MK_X25519_BYTES]);
} mk_crypto_t;

/* NULL: this build has no TLS library that can do it. */
const mk_crypto_t *mk_crypto(void);

/* Of the TLS engine with this name (tls.h); NULL: it is not in this build, or lacks a primitive. */
const mk_crypto_t *mk_crypto_of(const char *engine);

/* Overwrites, and the compiler may not leave it out. */
void mk_wipe(void *bytes, size_t size);

#endif
