/* SPDX-License-Identifier: Apache-2.0 */
#include "net/ed25519.h"

#include <openssl/err.h>
#include <openssl/evp.h>

mk_err_t mk_ed25519_verify(const uint8_t key[MK_ED25519_KEY_BYTES], const uint8_t signature[MK_ED25519_SIGNATURE_BYTES],
                           const void *data, size_t size) {
    EVP_PKEY *public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, MK_ED25519_KEY_BYTES);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    mk_err_t    err = MK_ERR_NOMEM;
    if (public != NULL && context != NULL && EVP_DigestVerifyInit(context, NULL, NULL, NULL, public) == 1)
        err = EVP_DigestVerify(context, signature, MK_ED25519_SIGNATURE_BYTES, data, size) == 1 ? MK_OK : MK_ERR_DENIED;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(public);
    ERR_clear_error();
    return err;
}
