/* SPDX-License-Identifier: Apache-2.0 */
/* sign_openssl.c -- Ed25519 (RFC 8032). */
#include <openssl/err.h>
#include <openssl/evp.h>

#include "sign.h"

static EVP_PKEY *key_of(const uint8_t seed[MK_SIGN_SEED_BYTES]) {
    return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, MK_SIGN_SEED_BYTES);
}

bool mk_sign_public(const uint8_t seed[MK_SIGN_SEED_BYTES], uint8_t key[WASM_KEY_BYTES]) {
    EVP_PKEY *pair = key_of(seed);
    size_t    size = WASM_KEY_BYTES;
    bool      done = pair != NULL && EVP_PKEY_get_raw_public_key(pair, key, &size) == 1;
    EVP_PKEY_free(pair);
    ERR_clear_error();
    return done;
}

bool mk_sign_text(const uint8_t seed[MK_SIGN_SEED_BYTES], const void *text, size_t size,
                  uint8_t signature[WASM_SIGNATURE_BYTES]) {
    EVP_PKEY   *pair = key_of(seed);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t      signature_size = WASM_SIGNATURE_BYTES;
    bool        done = pair != NULL && context != NULL && EVP_DigestSignInit(context, NULL, NULL, NULL, pair) == 1 &&
                EVP_DigestSign(context, signature, &signature_size, text, size) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pair);
    ERR_clear_error();
    return done;
}
