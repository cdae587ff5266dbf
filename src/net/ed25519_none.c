/* SPDX-License-Identifier: Apache-2.0 */
/* ed25519_none.c -- a build without OpenSSL: mbedTLS has no such signatures. */
#include "net/ed25519.h"

mk_err_t mk_ed25519_verify(const uint8_t key[MK_ED25519_KEY_BYTES], const uint8_t signature[MK_ED25519_SIGNATURE_BYTES],
                           const void *data, size_t size) {
    (void)key, (void)signature, (void)data, (void)size;
    return MK_ERR_NOSYS;
}
