/* SPDX-License-Identifier: Apache-2.0 */
/* why.c -- mbedTLS's errors as texts for people. */
#include "net/mbedtls/mbedtls.h"

#include <string.h>

#include "base/mem.h"

void mk_mbedtls_say(char why[MK_TLS_WHY_BYTES], int error) {
    char text[128] = "";
#ifdef MBEDTLS_ERROR_C
    mbedtls_strerror(error, text, sizeof(text));
#endif
    if (text[0] != '\0') mk_tls_say(why, "%s", text);
    else mk_tls_say(why, "mbedTLS error -0x%04x", (unsigned)-error);
}

static void say_certificate(const mk_tls_session_t *session, char why[MK_TLS_WHY_BYTES], uint32_t faults) {
    static const struct {
        uint32_t       bit;
        mk_tls_fault_t fault;
    } order[] = {
        {MBEDTLS_X509_BADCERT_NOT_TRUSTED, MK_TLS_FAULT_UNTRUSTED},
        {MBEDTLS_X509_BADCERT_EXPIRED, MK_TLS_FAULT_EXPIRED},
        {MBEDTLS_X509_BADCERT_FUTURE, MK_TLS_FAULT_EARLY},
        {MBEDTLS_X509_BADCERT_CN_MISMATCH, MK_TLS_FAULT_HOST},
        {MBEDTLS_X509_BADCERT_MISSING, MK_TLS_FAULT_MISSING},
        {MBEDTLS_X509_BADCERT_KEY_USAGE, MK_TLS_FAULT_PURPOSE},
        {MBEDTLS_X509_BADCERT_EXT_KEY_USAGE, MK_TLS_FAULT_PURPOSE},
        {MBEDTLS_X509_BADCERT_NS_CERT_TYPE, MK_TLS_FAULT_PURPOSE},
        {MBEDTLS_X509_BADCERT_BAD_MD, MK_TLS_FAULT_WEAK},
        {MBEDTLS_X509_BADCERT_BAD_PK, MK_TLS_FAULT_WEAK},
        {MBEDTLS_X509_BADCERT_BAD_KEY, MK_TLS_FAULT_WEAK},
    };
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        if ((faults & order[i].bit) != 0) {
            bool own = order[i].fault == MK_TLS_FAULT_UNTRUSTED && session->self_signed;
            mk_tls_fault_say(why, own ? MK_TLS_FAULT_SELF_SIGNED : order[i].fault, session->target.host);
            return;
        }
    mk_tls_say(why, "the certificate is not accepted (%lx)", (unsigned long)faults);
}

void mk_mbedtls_explain(mk_tls_session_t *session, int error) {
    char     why[MK_TLS_WHY_BYTES];
    uint32_t faults = session->faults;
    if (faults == 0 && error != 0) faults = mbedtls_ssl_get_verify_result(&session->ssl);
    bool has_faults = session->faults != 0 || (faults != 0 && faults != UINT32_MAX);
    if (session->lost) {
        mk_tls_say(why, "%s", mk_tls_text_lost);
    } else if (session->ended || error == MBEDTLS_ERR_SSL_CONN_EOF || error == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
        session->cut = session->open;
        mk_tls_say(why, "%s", session->open ? mk_tls_text_cut : mk_tls_text_shaking);
    } else if (error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE && session->ssl.in_msg != NULL) {
        mk_tls_alert_say(why, session->ssl.in_msg[1]); /* level, description: RFC 8446 section 6 */
    } else if (error == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE) {
        mk_tls_fault_say(why, MK_TLS_FAULT_MISSING, NULL);
    } else if (!session->open && has_faults) {
        say_certificate(session, why, faults);
    } else {
        mk_mbedtls_say(why, error);
    }
    if (session->why == NULL) session->why = mk_strndup(why, strlen(why));
}
