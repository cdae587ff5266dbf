/* SPDX-License-Identifier: Apache-2.0 */
/* why.c -- OpenSSL's errors as texts for people. */
#include "net/openssl/openssl.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/mem.h"

/* The oldest error is the cause; those behind it only tell the way up. */
static void say(char why[MK_TLS_WHY_BYTES], unsigned long error) {
    const char *text = ERR_reason_error_string(error);
    if (text != NULL) mk_tls_say(why, "%s", text);
    else mk_tls_say(why, "OpenSSL error %lx", error);
}

void mk_openssl_say(char why[MK_TLS_WHY_BYTES]) {
    say(why, ERR_peek_error());
    ERR_clear_error();
}

static void say_certificate(const mk_tls_session_t *session, char why[MK_TLS_WHY_BYTES]) {
    static const struct {
        int            result;
        mk_tls_fault_t fault;
    } faults[] = {
        {X509_V_ERR_CERT_HAS_EXPIRED, MK_TLS_FAULT_EXPIRED},
        {X509_V_ERR_CERT_NOT_YET_VALID, MK_TLS_FAULT_EARLY},
        {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, MK_TLS_FAULT_SELF_SIGNED},
        {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, MK_TLS_FAULT_UNTRUSTED},
        {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, MK_TLS_FAULT_UNTRUSTED},
        {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, MK_TLS_FAULT_UNTRUSTED},
        {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, MK_TLS_FAULT_UNTRUSTED},
        {X509_V_ERR_CERT_UNTRUSTED, MK_TLS_FAULT_UNTRUSTED},
        {X509_V_ERR_HOSTNAME_MISMATCH, MK_TLS_FAULT_HOST},
        {X509_V_ERR_IP_ADDRESS_MISMATCH, MK_TLS_FAULT_HOST},
        {X509_V_ERR_INVALID_PURPOSE, MK_TLS_FAULT_PURPOSE},
        {X509_V_ERR_EE_KEY_TOO_SMALL, MK_TLS_FAULT_WEAK},
        {X509_V_ERR_CA_KEY_TOO_SMALL, MK_TLS_FAULT_WEAK},
        {X509_V_ERR_CA_MD_TOO_WEAK, MK_TLS_FAULT_WEAK},
    };
    long        result = SSL_get_verify_result(session->ssl);
    const char *host = session->target.host;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        if (faults[i].result == result) {
            mk_tls_fault_say(why, faults[i].fault, host);
            return;
        }
    mk_tls_say(why, "the certificate is not accepted: %s", X509_verify_cert_error_string(result));
}

static void say_protocol(mk_tls_session_t *session, char why[MK_TLS_WHY_BYTES]) {
    unsigned long error = ERR_peek_error();
    int           reason = ERR_GET_REASON(error);
    if (ERR_GET_LIB(error) != ERR_LIB_SSL) {
        say(why, error);
    } else if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        session->cut = session->open;
        mk_tls_say(why, "%s", session->open ? mk_tls_text_cut : mk_tls_text_shaking);
    } else if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        if (session->context->settings.psk_name != NULL) mk_tls_say(why, "%s", mk_tls_text_psk);
        else say_certificate(session, why);
    } else if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
        mk_tls_fault_say(why, MK_TLS_FAULT_MISSING, NULL);
    } else if (reason > SSL_AD_REASON_OFFSET) {
        mk_tls_alert_say(why, reason - SSL_AD_REASON_OFFSET); /* an alert that came; ours have reasons of their own */
    } else {
        say(why, error);
    }
}

void mk_openssl_explain(mk_tls_session_t *session, int code) {
    char why[MK_TLS_WHY_BYTES];
    if (session->lost) mk_tls_say(why, "%s", mk_tls_text_lost);
    else if (code == SSL_ERROR_SSL) say_protocol(session, why);
    else mk_tls_say(why, "%s", session->open ? mk_tls_text_cut : mk_tls_text_shaking);
    ERR_clear_error();
    if (session->why == NULL) session->why = mk_strndup(why, strlen(why));
}
