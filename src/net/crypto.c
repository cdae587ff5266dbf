/* SPDX-License-Identifier: Apache-2.0 */
/* crypto.c -- whose primitives this build has, the default engine's first. */
#include "net/crypto.h"

#include <string.h>

#include "net/tls.h"

#ifdef MK_HAVE_OPENSSL
extern const mk_crypto_t *const mk_crypto_openssl;
#endif
#ifdef MK_HAVE_MBEDTLS
extern const mk_crypto_t *const mk_crypto_mbedtls;
#endif

const mk_crypto_t *mk_crypto_of(const char *engine) {
    (void)engine;
#ifdef MK_HAVE_OPENSSL
    if (strcmp(engine, "openssl") == 0) return mk_crypto_openssl;
#endif
#ifdef MK_HAVE_MBEDTLS
    if (strcmp(engine, "mbedtls") == 0) return mk_crypto_mbedtls;
#endif
    return NULL;
}

const mk_crypto_t *mk_crypto(void) {
    const mk_crypto_t *found = NULL;
    for (size_t i = 0; found == NULL && mk_tls_engines[i] != NULL; i++) found = mk_crypto_of(mk_tls_engines[i]->name);
    return found;
}

void mk_wipe(void *bytes, size_t size) {
    if (size != 0) explicit_bzero(bytes, size);
}
