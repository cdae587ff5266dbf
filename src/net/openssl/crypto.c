/* SPDX-License-Identifier: Apache-2.0 */
/* crypto.c -- OpenSSL's primitives. Looking an algorithm up by name costs more than a packet does, so a key keeps what was found. */
#include "net/crypto.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <limits.h>

#include "base/mem.h"

struct mk_aead {
    EVP_CIPHER_CTX *seal, *open; /* keyed: a packet only sets its nonce */
};

static void aead_destroy(mk_aead_t *aead) {
    if (aead == NULL) return;
    EVP_CIPHER_CTX_free(aead->seal); /* wipes */
    EVP_CIPHER_CTX_free(aead->open);
    mk_free(aead);
}

static EVP_CIPHER_CTX *keyed(const uint8_t *key, int sealing) {
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (context == NULL || EVP_CipherInit_ex(context, EVP_chacha20_poly1305(), NULL, key, NULL, sealing) == 1)
        return context;
    EVP_CIPHER_CTX_free(context);
    return NULL;
}

static mk_err_t aead_create(const uint8_t key[MK_AEAD_KEY_BYTES], mk_aead_t **out) {
    mk_aead_t *aead = mk_calloc(1, sizeof *aead);
    if (aead == NULL) return MK_ERR_NOMEM;
    aead->seal = keyed(key, 1);
    aead->open = keyed(key, 0);
    if (aead->seal != NULL && aead->open != NULL) {
        *out = aead;
        return MK_OK;
    }
    aead_destroy(aead);
    ERR_clear_error();
    return MK_ERR_NOMEM;
}

static bool begin(EVP_CIPHER_CTX *context, const uint8_t *nonce, const void *extra, size_t extra_size) {
    int n;
    return EVP_CipherInit_ex(context, NULL, NULL, NULL, nonce, -1) == 1 &&
           (extra_size == 0 || EVP_CipherUpdate(context, NULL, &n, extra, (int)extra_size) == 1);
}

/* Without bytes OpenSSL would take the call for one that asks for the end. */
static bool go(EVP_CIPHER_CTX *context, const void *in, size_t size, void *out) {
    int n;
    return size == 0 || EVP_CipherUpdate(context, out, &n, in, (int)size) == 1;
}

static mk_err_t seal(mk_aead_t *aead, const uint8_t nonce[MK_AEAD_NONCE_BYTES], const void *extra, size_t extra_size,
                     const void *in, size_t size, void *out) {
    int     n;
    uint8_t none[16], *tag = (uint8_t *)out + size;
    if (size > INT_MAX || extra_size > INT_MAX) return MK_ERR_TOOLONG;
    if (begin(aead->seal, nonce, extra, extra_size) && go(aead->seal, in, size, out) &&
        EVP_CipherFinal_ex(aead->seal, none, &n) == 1 &&
        EVP_CIPHER_CTX_ctrl(aead->seal, EVP_CTRL_AEAD_GET_TAG, MK_AEAD_TAG_BYTES, tag) == 1)
        return MK_OK;
    ERR_clear_error();
    return MK_ERR_NOMEM;
}

static mk_err_t open_sealed(mk_aead_t *aead, const uint8_t nonce[MK_AEAD_NONCE_BYTES], const void *extra,
                            size_t extra_size, const void *in, size_t size, void *out) {
    int     n;
    uint8_t none[16], tag[MK_AEAD_TAG_BYTES];
    if (size < sizeof tag) return MK_ERR_PROTO;
    if (size > INT_MAX || extra_size > INT_MAX) return MK_ERR_TOOLONG;
    size -= sizeof tag;
    for (size_t i = 0; i < sizeof tag; i++) tag[i] = ((const uint8_t *)in)[size + i];
    if (begin(aead->open, nonce, extra, extra_size) && go(aead->open, in, size, out) &&
        EVP_CIPHER_CTX_ctrl(aead->open, EVP_CTRL_AEAD_SET_TAG, MK_AEAD_TAG_BYTES, tag) == 1 &&
        EVP_CipherFinal_ex(aead->open, none, &n) == 1)
        return MK_OK;
    ERR_clear_error();
    return MK_ERR_PROTO;
}

static mk_err_t hkdf(const void *secret, size_t secret_size, const void *salt, size_t salt_size, const void *info,
                     size_t info_size, void *out, size_t size) {
    EVP_KDF     *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM   params[5], *at = params;
    *at++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){"SHA256"}, 0);
    *at++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret, secret_size);
    if (salt_size != 0)
        *at++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt, salt_size);
    if (info_size != 0)
        *at++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info, info_size);
    *at = OSSL_PARAM_construct_end();
    bool done = context != NULL && EVP_KDF_derive(context, out, size, params) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    if (!done) ERR_clear_error();
    return done ? MK_OK : MK_ERR_NOMEM;
}

static mk_err_t x25519_public(const uint8_t secret[MK_X25519_BYTES], uint8_t out[MK_X25519_BYTES]) {
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, MK_X25519_BYTES);
    size_t    size = MK_X25519_BYTES;
    bool      done = key != NULL && EVP_PKEY_get_raw_public_key(key, out, &size) == 1;
    EVP_PKEY_free(key);
    if (!done) ERR_clear_error();
    return done ? MK_OK : MK_ERR_NOMEM;
}

/* OpenSSL refuses an agreement that is all zero. */
static mk_err_t x25519(const uint8_t secret[MK_X25519_BYTES], const uint8_t other[MK_X25519_BYTES],
                       uint8_t out[MK_X25519_BYTES]) {
    EVP_PKEY     *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, MK_X25519_BYTES);
    EVP_PKEY     *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, other, MK_X25519_BYTES);
    EVP_PKEY_CTX *context = key != NULL ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    size_t        size = MK_X25519_BYTES;
    mk_err_t      err = MK_ERR_NOMEM;
    if (peer != NULL && context != NULL && EVP_PKEY_derive_init(context) == 1 &&
        EVP_PKEY_derive_set_peer(context, peer) == 1)
        err = EVP_PKEY_derive(context, out, &size) == 1 ? MK_OK : MK_ERR_PROTO;
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(key);
    if (err != MK_OK) ERR_clear_error();
    return err;
}

static const mk_crypto_t primitives = {
    .name = "openssl",
    .aead_create = aead_create,
    .aead_destroy = aead_destroy,
    .seal = seal,
    .open = open_sealed,
    .hkdf = hkdf,
    .x25519_public = x25519_public,
    .x25519 = x25519,
};

extern const mk_crypto_t *const mk_crypto_openssl;
const mk_crypto_t *const        mk_crypto_openssl = &primitives;
