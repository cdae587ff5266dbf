/* SPDX-License-Identifier: Apache-2.0 */
/* psk.c -- pre-shared keys. OpenSSL asks these callbacks with TLS 1.2 (ECDHE-PSK, RFC 5489) and, binding the key to SHA-256,
 * with TLS 1.3 (RFC 8446 section 4.2.11). */
#include "net/openssl/openssl.h"

#include <string.h>

#include "base/mem.h"

static unsigned psk_of_client(SSL *ssl, const char *hint, char *name, unsigned name_max, unsigned char *key,
                              unsigned key_max) {
    (void)hint;
    const mk_tls_session_t  *session = SSL_get_app_data(ssl);
    const mk_tls_settings_t *settings = &session->context->settings;
    size_t                   size = strlen(settings->psk_name) + 1;
    if (size > name_max || settings->psk_size > key_max) return 0;
    memcpy(name, settings->psk_name, size);
    memcpy(key, settings->psk, settings->psk_size);
    return (unsigned)settings->psk_size;
}

/* With TLS 1.3 a ticket of somebody's comes here as a name too. */
static unsigned psk_of_server(SSL *ssl, const char *name, unsigned char *key, unsigned key_max) {
    mk_tls_session_t        *session = SSL_get_app_data(ssl);
    const mk_tls_settings_t *settings = &session->context->settings;
    uint8_t                  found[MK_TLS_PSK_BYTES_MAX];
    size_t                   length = name != NULL ? strnlen(name, MK_TLS_PSK_NAME_MAX + 1) : 0;
    if (length == 0 || length > MK_TLS_PSK_NAME_MAX) return 0;
    size_t size = settings->psk_find(settings->psk_arg, name, found);
    if (size == 0 || size > sizeof(found) || size > key_max) return 0;
    mk_free(session->psk_name);
    session->psk_name = mk_strndup(name, length);
    if (session->psk_name == NULL) size = 0; /* better refused than nameless */
    else memcpy(key, found, size);
    OPENSSL_cleanse(found, sizeof(found));
    return (unsigned)size;
}

void mk_openssl_psk_setup(mk_tls_context_t *context) {
    if (context->settings.psk_name != NULL) SSL_CTX_set_psk_client_callback(context->ssl, psk_of_client);
    if (context->settings.psk_find != NULL) SSL_CTX_set_psk_server_callback(context->ssl, psk_of_server);
}
