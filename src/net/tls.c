/* SPDX-License-Identifier: Apache-2.0 */
/* tls.c -- the one file that names the engines built in. */
#include "net/tls.h"

#include <string.h>

#ifdef MK_HAVE_OPENSSL
extern const mk_tls_engine_t mk_tls_openssl;
#endif
#ifdef MK_HAVE_MBEDTLS
extern const mk_tls_engine_t mk_tls_mbedtls;
#endif

const mk_tls_engine_t *const mk_tls_engines[] = {
#ifdef MK_HAVE_OPENSSL
    &mk_tls_openssl,
#endif
#ifdef MK_HAVE_MBEDTLS
    &mk_tls_mbedtls,
#endif
    NULL,
};

const mk_tls_engine_t *mk_tls_engine(const char *name) {
    const mk_tls_engine_t *const *each = mk_tls_engines;
    if (name != NULL)
        while (*each != NULL && strcmp((*each)->name, name) != 0) each++;
    return *each;
}
