/* SPDX-License-Identifier: Apache-2.0 */
/* resume.c -- a client's sessions, kept to be taken up again. */
#include "net/mbedtls/mbedtls.h"

#include "base/mem.h"

void mk_mbedtls_forget(void *kept) {
    mbedtls_ssl_session_free(kept);
    mk_free(kept);
}

/* Not keeping one only costs the next handshake more. */
void mk_mbedtls_keep(mk_tls_session_t *session) {
    if (session->target.key == NULL) return;
    mbedtls_ssl_session *kept = mk_alloc(sizeof(*kept));
    if (kept == NULL) return;
    mbedtls_ssl_session_init(kept);
    if (mbedtls_ssl_get_session(&session->ssl, kept) == 0)
        mk_tls_cache_put(&session->context->sessions, session->target.key, kept);
    else mk_mbedtls_forget(kept);
}

void mk_mbedtls_take_up(mk_tls_session_t *session) {
    if (session->target.key == NULL) return;
    const mbedtls_ssl_session *kept = mk_tls_cache_find(&session->context->sessions, session->target.key);
    if (kept != NULL) (void)mbedtls_ssl_set_session(&session->ssl, kept); /* else a full handshake */
}
