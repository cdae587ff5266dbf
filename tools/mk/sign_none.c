/* SPDX-License-Identifier: Apache-2.0 */
/* sign_none.c -- a build without OpenSSL. */
#include "sign.h"

bool mk_sign_public(const uint8_t seed[MK_SIGN_SEED_BYTES], uint8_t key[WASM_KEY_BYTES]) {
    (void)seed, (void)key;
    return false;
}

bool mk_sign_text(const uint8_t seed[MK_SIGN_SEED_BYTES], const void *text, size_t size,
                  uint8_t signature[WASM_SIGNATURE_BYTES]) {
    (void)seed, (void)text, (void)size, (void)signature;
    return false;
}
