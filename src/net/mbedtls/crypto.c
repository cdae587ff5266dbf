/* SPDX-License-Identifier: Apache-2.0 */
/* crypto.c -- mbedTLS's primitives. Randomness that blinds a multiplication comes from the port, as all of it does. */
#include "net/crypto.h"

#include "net/mbedtls/compat.h"

extern const mk_crypto_t *const mk_crypto_mbedtls;

#if defined(MBEDTLS_CHACHAPOLY_C) && defined(MBEDTLS_HKDF_C) && defined(MBEDTLS_ECP_DP_CURVE25519_ENABLED)

#include <mbedtls/chachapoly.h>
#include <mbedtls/ecp.h>
#include <mbedtls/hkdf.h>
#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>

#include "base/mem.h"
#include "port/port.h"

struct mk_aead {
    mbedtls_chachapoly_context context;
};

static void aead_destroy(mk_aead_t *aead) {
    if (aead == NULL) return;
    mbedtls_chachapoly_free(&aead->context); /* wipes */
    mk_free(aead);
}

static mk_err_t aead_create(const uint8_t key[MK_AEAD_KEY_BYTES], mk_aead_t **out) {
    mk_aead_t *aead = mk_calloc(1, sizeof *aead);
    if (aead == NULL) return MK_ERR_NOMEM;
    mbedtls_chachapoly_init(&aead->context);
    if (mbedtls_chachapoly_setkey(&aead->context, key) == 0) {
        *out = aead;
        return MK_OK;
    }
    aead_destroy(aead);
    return MK_ERR_NOMEM;
}

static mk_err_t seal(mk_aead_t *aead, const uint8_t nonce[MK_AEAD_NONCE_BYTES], const void *extra, size_t extra_size,
                     const void *in, size_t size, void *out) {
    uint8_t *tag = (uint8_t *)out + size;
    int      error = mbedtls_chachapoly_encrypt_and_tag(&aead->context, size, nonce, extra, extra_size, in, out, tag);
    return error == 0 ? MK_OK : MK_ERR_NOMEM;
}

static mk_err_t open_sealed(mk_aead_t *aead, const uint8_t nonce[MK_AEAD_NONCE_BYTES], const void *extra,
                            size_t extra_size, const void *in, size_t size, void *out) {
    if (size < MK_AEAD_TAG_BYTES) return MK_ERR_PROTO;
    size -= MK_AEAD_TAG_BYTES;
    const uint8_t *tag = (const uint8_t *)in + size;
    int error = mbedtls_chachapoly_auth_decrypt(&aead->context, size, nonce, extra, extra_size, tag, in, out);
    return error == 0 ? MK_OK : MK_ERR_PROTO;
}

static mk_err_t hkdf(const void *secret, size_t secret_size, const void *salt, size_t salt_size, const void *info,
                     size_t info_size, void *out, size_t size) {
    const mbedtls_md_info_t *sha = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
    int error = mbedtls_hkdf(sha, salt, salt_size, secret, secret_size, info, info_size, out, size);
    return error == 0 ? MK_OK : MK_ERR_NOMEM;
}

/* ---- X25519 ------------------------------------------------------------------------------------------------------------ */

static int blind(void *arg, unsigned char *out, size_t size) {
    (void)arg;
    return mk_port_entropy(out, size) == MK_OK ? 0 : MBEDTLS_ERR_ECP_RANDOM_FAILED;
}

/* `point` NULL: the base point. The number is clamped as RFC 7748 section 5 has it when it is read. */
static mk_err_t multiply(const uint8_t *number, const uint8_t *point, uint8_t out[MK_X25519_BYTES]) {
    mbedtls_ecp_keypair pair;
    mbedtls_ecp_point   other;
    size_t              size;
    mk_err_t            err = MK_ERR_NOMEM;
    uint8_t             any = 0;
    mbedtls_ecp_keypair_init(&pair);
    mbedtls_ecp_point_init(&other);
    if (mbedtls_ecp_read_key(MBEDTLS_ECP_DP_CURVE25519, &pair, number, MK_X25519_BYTES) != 0) goto done;
    const mbedtls_ecp_point *from = point != NULL ? &other : &pair.grp.G;
    if (point != NULL && mbedtls_ecp_point_read_binary(&pair.grp, &other, point, MK_X25519_BYTES) != 0) goto done;
    int error = mbedtls_ecp_mul(&pair.grp, &pair.Q, &pair.d, from, blind, NULL);
    if (error == MBEDTLS_ERR_ECP_INVALID_KEY) err = MK_ERR_PROTO;
    if (error != 0) goto done;
    if (mbedtls_ecp_point_write_binary(&pair.grp, &pair.Q, MBEDTLS_ECP_PF_UNCOMPRESSED, &size, out, MK_X25519_BYTES) !=
        0)
        goto done;
    for (size_t i = 0; i < MK_X25519_BYTES; i++) any |= out[i];
    err = any != 0 ? MK_OK : MK_ERR_PROTO;
done:
    mbedtls_ecp_point_free(&other);
    mbedtls_ecp_keypair_free(&pair);
    return err;
}

static mk_err_t x25519_public(const uint8_t secret[MK_X25519_BYTES], uint8_t out[MK_X25519_BYTES]) {
    return multiply(secret, NULL, out);
}

static mk_err_t x25519(const uint8_t secret[MK_X25519_BYTES], const uint8_t other[MK_X25519_BYTES],
                       uint8_t out[MK_X25519_BYTES]) {
    return multiply(secret, other, out);
}

static const mk_crypto_t primitives = {
    .name = "mbedtls",
    .aead_create = aead_create,
    .aead_destroy = aead_destroy,
    .seal = seal,
    .open = open_sealed,
    .hkdf = hkdf,
    .x25519_public = x25519_public,
    .x25519 = x25519,
};

const mk_crypto_t *const mk_crypto_mbedtls = &primitives;
#else
const mk_crypto_t *const mk_crypto_mbedtls = NULL;
#endif
