/* SPDX-License-Identifier: Apache-2.0 */
/* session.c -- one connection: an SSL whose bytes go through bio.c. Once it has failed OpenSSL is not asked again. */
#include "net/openssl/openssl.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/mem.h"

/* ---- creating ------------------------------------------------------------------------------------------------------- */

/* RFC 6125, and as RFC 9525 has it since: the subject's common name does not count, and a wildcard is a whole label. */
static bool name_setup(mk_tls_session_t *session) {
    const mk_tls_target_t *target = &session->target;
    X509_VERIFY_PARAM     *param = SSL_get0_param(session->ssl);
    if (target->host == NULL) return true;
    if (target->ip_size != 0) return X509_VERIFY_PARAM_set1_ip(param, target->ip, target->ip_size) == 1;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return X509_VERIFY_PARAM_set1_host(param, target->host, 0) == 1 &&
           SSL_set_tlsext_host_name(session->ssl, target->host) == 1;
}

static bool client_setup(mk_tls_session_t *session) {
    mk_tls_context_t *context = session->context;
    SSL_set_connect_state(session->ssl);
    if (context->settings.psk_name == NULL && !name_setup(session)) return false;
    SSL_SESSION *before = NULL;
    if (session->target.key != NULL) before = mk_tls_cache_find(&context->sessions, session->target.key);
    return before == NULL || SSL_set_session(session->ssl, before) == 1;
}

static bool setup(mk_tls_session_t *session) {
    session->ssl = SSL_new(session->context->ssl);
    if (session->ssl == NULL) return false;
    SSL_set_app_data(session->ssl, session);
    BIO *bio = mk_openssl_io_open(session);
    if (bio == NULL) return false;
    SSL_set_bio(session->ssl, bio, bio);
    if (!session->context->settings.server) return client_setup(session);
    SSL_set_accept_state(session->ssl);
    return true;
}

static void session_destroy(mk_tls_session_t *session) {
    if (session == NULL) return;
    /* Else OpenSSL would hold an end without close_notify against the session that was kept for later (RFC 2246's rule,
     * given up in RFC 4346 section 7.2.1). */
    if (session->ssl != NULL && session->open && !session->failed)
        SSL_set_shutdown(session->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(session->ssl);
    mk_openssl_context_release(session->context);
    mk_tls_target_fini(&session->target);
    mk_free(session->why);
    mk_free(session->subject);
    mk_free(session->psk_name);
    mk_free(session);
}

static mk_err_t session_create(mk_tls_context_t *context, const char *host, const char *peer, const mk_tls_io_t *io,
                               mk_tls_session_t **out) {
    mk_tls_session_t *session = mk_calloc(1, sizeof(*session));
    if (session == NULL) return MK_ERR_NOMEM;
    session->context = context;
    session->io = *io;
    context->refs++;
    mk_err_t err = mk_tls_target_init(&session->target, &context->settings, host, peer);
    if (err == MK_OK && !context->settings.server && session->target.host == NULL &&
        context->settings.psk_name == NULL && context->settings.verify != MK_TLS_VERIFY_NONE &&
        !context->settings.any_host)
        err = MK_ERR_INVALID; /* a good certificate of just anybody proves nothing */
    if (err == MK_OK && !setup(session)) err = MK_ERR_NOMEM;
    ERR_clear_error();
    if (err == MK_OK) *out = session;
    else session_destroy(session);
    return err;
}

/* ---- working ------------------------------------------------------------------------------------------------------------ */

static mk_tls_status_t fail(mk_tls_session_t *session, int code) {
    mk_openssl_explain(session, code);
    session->failed = true;
    return MK_TLS_FAILED;
}

/* What an SSL_ function that returned `result`, no success, asks for. */
static mk_tls_status_t outcome(mk_tls_session_t *session, int result) {
    int code = SSL_get_error(session->ssl, result);
    if (code == SSL_ERROR_WANT_READ) return MK_TLS_WANT_READ;
    if (code == SSL_ERROR_WANT_WRITE) return MK_TLS_WANT_WRITE;
    if (code == SSL_ERROR_ZERO_RETURN) return MK_TLS_END;
    return fail(session, code);
}

/* Somebody else's call in this thread may have left errors, which SSL_get_error() would take for ours. */
static void forget_errors(void) {
    if (ERR_peek_error() != 0) ERR_clear_error();
}

static mk_tls_status_t handshake(mk_tls_session_t *session) {
    if (session->failed) return MK_TLS_FAILED;
    if (session->open) return MK_TLS_OK;
    forget_errors();
    int result = SSL_do_handshake(session->ssl);
    if (result == 1) {
        session->open = true;
        return MK_TLS_OK;
    }
    mk_tls_status_t status = outcome(session, result);
    if (status == MK_TLS_END) status = fail(session, SSL_ERROR_ZERO_RETURN);
    if (status == MK_TLS_FAILED && session->target.key != NULL)
        mk_tls_cache_forget(&session->context->sessions, session->target.key); /* it may be what the peer disliked */
    return status;
}

static mk_tls_status_t session_read(mk_tls_session_t *session, void *buf, size_t size, size_t *n) {
    if (session->failed) return MK_TLS_FAILED;
    forget_errors();
    session->dry = false;
    int result = SSL_read_ex(session->ssl, buf, size, n);
    if (result == 1) return MK_TLS_OK;
    mk_tls_status_t status = outcome(session, result);
    session->dry = status != MK_TLS_OK;
    return status;
}

static mk_tls_status_t session_write(mk_tls_session_t *session, const void *data, size_t size, size_t *n) {
    if (session->failed) return MK_TLS_FAILED;
    forget_errors();
    int result = SSL_write_ex(session->ssl, data, size, n);
    if (result == 1) return MK_TLS_OK;
    mk_tls_status_t status = outcome(session, result);
    return status == MK_TLS_END ? fail(session, SSL_ERROR_ZERO_RETURN) : status;
}

/* Of bytes that were read ahead SSL_has_pending() does not know whether they make a record; the last read() does. */
static bool pending(const mk_tls_session_t *session) {
    if (session->failed) return false;
    return SSL_pending(session->ssl) > 0 || (!session->dry && SSL_has_pending(session->ssl) == 1);
}

static mk_tls_status_t finish(mk_tls_session_t *session) {
    if (session->failed) return MK_TLS_FAILED;
    if (!session->open || session->finished) return MK_TLS_OK; /* nothing to end yet, or again */
    forget_errors();
    int result = SSL_shutdown(session->ssl);
    session->finished = result >= 0; /* 0: ours is out, the peer's has not come */
    return session->finished ? MK_TLS_OK : outcome(session, result);
}

/* ---- asking --------------------------------------------------------------------------------------------------------------- */

static bool was_cut(const mk_tls_session_t *session) { return session->cut; }

static const char *why(const mk_tls_session_t *session) {
    if (session->why != NULL) return session->why;
    return session->failed ? mk_tls_text_no_memory : "";
}

/* In the order of the certificate, with what is special escaped (RFC 2253). */
static char *subject_of(X509 *certificate) {
    const unsigned long format = XN_FLAG_ONELINE & ~XN_FLAG_SPC_EQ & ~ASN1_STRFLGS_ESC_QUOTE;
    char               *text = NULL, *bytes;
    BIO                *bio = BIO_new(BIO_s_mem());
    if (bio != NULL && X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, format) >= 0) {
        long size = BIO_get_mem_data(bio, &bytes);
        if (size >= 0) text = mk_strndup(bytes, (size_t)size);
    }
    BIO_free(bio);
    ERR_clear_error();
    return text;
}

static const char *psk_name_of(const mk_tls_session_t *session) {
    const mk_tls_settings_t *settings = &session->context->settings;
    const char              *name = settings->server ? session->psk_name : settings->psk_name;
    bool with_certificate = SSL_version(session->ssl) < TLS1_3_VERSION ? SSL_get_psk_identity(session->ssl) == NULL
                                                                       : SSL_session_reused(session->ssl) == 0;
    return name == NULL || !session->open || with_certificate ? NULL : name;
}

static void info(mk_tls_session_t *session, mk_tls_info_t *out) {
    const unsigned char *alpn = NULL;
    unsigned             alpn_size = 0;
    SSL_get0_alpn_selected(session->ssl, &alpn, &alpn_size);
    const char *protocol = alpn != NULL ? mk_tls_alpn_find(&session->context->settings, alpn, alpn_size) : NULL;
    const char *psk_name = psk_name_of(session);
    X509       *peer = SSL_get0_peer_certificate(session->ssl);
    if (session->subject == NULL && peer != NULL) session->subject = subject_of(peer);
    *out = (mk_tls_info_t){
        .version = SSL_get_version(session->ssl),
        .cipher = SSL_get_cipher_name(session->ssl),
        .alpn = protocol != NULL ? protocol : "",
        .psk_name = psk_name != NULL ? psk_name : "",
        .peer_subject = session->subject != NULL ? session->subject : "",
        .resumed = psk_name == NULL && SSL_session_reused(session->ssl) == 1, /* OpenSSL calls an external key so too */
    };
}

extern const mk_tls_engine_t mk_tls_openssl;
const mk_tls_engine_t        mk_tls_openssl = {
           .name = "openssl",
           .context_create = mk_openssl_context_create,
           .context_release = mk_openssl_context_release,
           .session_create = session_create,
           .session_destroy = session_destroy,
           .handshake = handshake,
           .read = session_read,
           .write = session_write,
           .pending = pending,
           .finish = finish,
           .was_cut = was_cut,
           .why = why,
           .info = info,
};
