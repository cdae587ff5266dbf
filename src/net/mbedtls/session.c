/* SPDX-License-Identifier: Apache-2.0 */
/* session.c -- one connection: a mbedtls_ssl_context that reads and writes through a mk_tls_io_t. Once it has failed mbedTLS
 * is not asked again. */
#include "net/mbedtls/mbedtls.h"

#include <limits.h>
#include <string.h>

#include "base/mem.h"

/* ---- reading and writing --------------------------------------------------------------------------------------------- */

static int io_write(void *arg, const unsigned char *data, size_t size) {
    mk_tls_session_t *session = arg;
    ptrdiff_t         n = session->io.write(session->io.arg, data, size < INT_MAX ? size : INT_MAX);
    if (n > 0) return (int)n;
    if (n == MK_IO_WAIT) return MBEDTLS_ERR_SSL_WANT_WRITE;
    session->lost = true;
    return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

/* Asked for a record's head and then for its body: whoever reads for us has more at hand than that. */
static int io_read(void *arg, unsigned char *buf, size_t size) {
    mk_tls_session_t *session = arg;
    ptrdiff_t         n = session->io.read(session->io.arg, buf, size < INT_MAX ? size : INT_MAX);
    if (n > 0) return (int)n;
    if (n == MK_IO_WAIT) return MBEDTLS_ERR_SSL_WANT_READ;
    if (n == 0) session->ended = true;
    else session->lost = true;
    return n == 0 ? 0 : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

/* ---- creating ----------------------------------------------------------------------------------------------------------- */

static void session_destroy(mk_tls_session_t *session) {
    if (session == NULL) return;
    mbedtls_ssl_free(&session->ssl);
    mk_mbedtls_context_release(session->context);
    mk_tls_target_fini(&session->target);
    mk_free(session->why);
    mk_free(session->subject);
    mk_free(session->psk_name);
    mk_free(session);
}

static bool setup(mk_tls_session_t *session) {
    const mk_tls_settings_t *settings = &session->context->settings;
    if (mbedtls_ssl_setup(&session->ssl, &session->context->config) != 0) return false;
    mbedtls_ssl_set_bio(&session->ssl, session, io_write, io_read, NULL);
    mbedtls_ssl_set_verify(&session->ssl, mk_mbedtls_check, session);
    if (settings->server) return true;
    /* Without a name mbedTLS sends none and checks none, as we want it for addresses; ours is done in mk_mbedtls_check(). */
    bool named = settings->psk_name == NULL && session->target.ip_size == 0;
    if (mbedtls_ssl_set_hostname(&session->ssl, named ? session->target.host : NULL) != 0) return false;
    mk_mbedtls_take_up(session);
    return true;
}

static mk_err_t session_create(mk_tls_context_t *context, const char *host, const char *peer, const mk_tls_io_t *io,
                               mk_tls_session_t **out) {
    mk_tls_session_t *session = mk_calloc(1, sizeof(*session));
    if (session == NULL) return MK_ERR_NOMEM;
    session->context = context;
    session->io = *io;
    context->refs++;
    mbedtls_ssl_init(&session->ssl);
    const mk_tls_settings_t *settings = &context->settings;
    mk_err_t                 err = mk_tls_target_init(&session->target, settings, host, peer);
    if (err == MK_OK && !settings->server && session->target.host == NULL && settings->psk_name == NULL &&
        settings->verify != MK_TLS_VERIFY_NONE && !settings->any_host)
        err = MK_ERR_INVALID; /* a good certificate of just anybody proves nothing */
    if (err == MK_OK && !setup(session)) err = MK_ERR_NOMEM;
    if (err == MK_OK) *out = session;
    else session_destroy(session);
    return err;
}

/* ---- working -------------------------------------------------------------------------------------------------------------- */

static mk_tls_status_t fail(mk_tls_session_t *session, int error) {
    mk_mbedtls_explain(session, error);
    session->failed = true;
    return MK_TLS_FAILED;
}

static void send_alert(mk_tls_session_t *session, unsigned char alert) {
    (void)mbedtls_ssl_send_alert_message(&session->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                         alert); /* for what it is worth */
}

static mk_tls_status_t outcome(mk_tls_session_t *session, int error) {
    if (error == MBEDTLS_ERR_SSL_WANT_READ) return MK_TLS_WANT_READ;
    if (error == MBEDTLS_ERR_SSL_WANT_WRITE) return MK_TLS_WANT_WRITE;
    return fail(session, error);
}

/* mbedTLS lets a handshake pass whose optional certificate is bad. We do not. */
static mk_tls_status_t judge_optional(mk_tls_session_t *session) {
    const mk_tls_settings_t *settings = &session->context->settings;
    const uint32_t           absent = MBEDTLS_X509_BADCERT_MISSING | MBEDTLS_X509_BADCERT_SKIP_VERIFY;
    if (settings->verify != MK_TLS_VERIFY_OPTIONAL || mbedtls_ssl_get_peer_cert(&session->ssl) == NULL)
        return MK_TLS_OK;
    session->faults |= mbedtls_ssl_get_verify_result(&session->ssl);
    if ((session->faults & ~absent) == 0) return MK_TLS_OK;
    send_alert(session, MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
    return fail(session, MBEDTLS_ERR_X509_CERT_VERIFY_FAILED);
}

/* Step by step, because only the steps tell whether a session was taken up: then nobody proves that it has a certificate's
 * key. */
static mk_tls_status_t handshake(mk_tls_session_t *session) {
    if (session->failed) return MK_TLS_FAILED;
    int error = 0;
    while (!session->open && error == 0) {
        if (session->ssl.state == MBEDTLS_SSL_HANDSHAKE_OVER) {
            mk_tls_status_t status = judge_optional(session);
            if (status != MK_TLS_OK) return status;
            session->open = true;
            mk_mbedtls_keep(session);
            break;
        }
        if (session->ssl.state == MBEDTLS_SSL_CERTIFICATE_VERIFY) session->proven = true;
        error = mbedtls_ssl_handshake_step(&session->ssl);
        if (mk_mbedtls_is_ticket(error)) error = 0;
    }
    if (error == 0) return MK_TLS_OK;
    /* With TLS 1.2 it does so without a word to the peer. */
    if (error == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE &&
        strcmp(mbedtls_ssl_get_version(&session->ssl), "TLSv1.2") == 0)
        send_alert(session, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
    mk_tls_status_t status = outcome(session, error);
    if (status == MK_TLS_FAILED && session->target.key != NULL)
        mk_tls_cache_forget(&session->context->sessions, session->target.key); /* it may be what the peer disliked */
    return status;
}

static mk_tls_status_t session_read(mk_tls_session_t *session, void *buf, size_t size, size_t *n) {
    if (session->failed) return MK_TLS_FAILED;
    if (session->heard) return MK_TLS_END; /* mbedTLS forgets, and would go on reading */
    for (;;) {
        bool quiet = session->ssl.state == MBEDTLS_SSL_HANDSHAKE_OVER;
        int  got = mbedtls_ssl_read(&session->ssl, buf, size);
        if (got > 0) {
            *n = (size_t)got;
            return MK_TLS_OK;
        }
        if (mk_mbedtls_is_ticket(got)) {
            mk_mbedtls_keep(session);
            continue;
        }
        /* A ticket that has come whole is WANT_READ at first, whatever may lie behind it. */
        if (got == MBEDTLS_ERR_SSL_WANT_READ && quiet && session->ssl.state != MBEDTLS_SSL_HANDSHAKE_OVER) continue;
        if (got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
            session->heard = true;
            return MK_TLS_END;
        }
        return outcome(session, got != 0 ? got : MBEDTLS_ERR_SSL_CONN_EOF);
    }
}

/* What mbedTLS has put together but could not send. Not ours to mix with new data: it would be taken for it. */
static int flush_left(mk_tls_session_t *session) {
    static const unsigned char none[1] = {0};
    return session->ssl.out_left != 0 ? mbedtls_ssl_write(&session->ssl, none, 0) : 0;
}

/* After WANT the record is made already, of so many bytes; the next call only sends it. */
static mk_tls_status_t session_write(mk_tls_session_t *session, const void *data, size_t size, size_t *n) {
    if (session->failed) return MK_TLS_FAILED;
    if (session->owed == 0) {
        int error = flush_left(session);
        if (error < 0) return outcome(session, error);
        int most = mbedtls_ssl_get_max_out_record_payload(&session->ssl);
        if (most <= 0) return fail(session, most);
        session->owed = size < (size_t)most ? size : (size_t)most;
    }
    int sent;
    while (mk_mbedtls_is_ticket(sent = mbedtls_ssl_write(&session->ssl, data, session->owed))) mk_mbedtls_keep(session);
    if (sent < 0) return outcome(session, sent);
    session->owed = 0;
    *n = (size_t)sent;
    return MK_TLS_OK;
}

static bool pending(const mk_tls_session_t *session) {
    return !session->failed && mbedtls_ssl_check_pending(&session->ssl) != 0;
}

static mk_tls_status_t finish(mk_tls_session_t *session) {
    if (session->failed) return MK_TLS_FAILED;
    if (!session->open || session->finished) return MK_TLS_OK;
    int error = session->ssl.out_left != 0 ? flush_left(session) : mbedtls_ssl_close_notify(&session->ssl);
    if (error < 0) return outcome(session, error);
    session->finished = true;
    return MK_TLS_OK;
}

/* ---- asking --------------------------------------------------------------------------------------------------------------- */

static bool was_cut(const mk_tls_session_t *session) { return session->cut; }

static const char *why(const mk_tls_session_t *session) {
    if (session->why != NULL) return session->why;
    return session->failed ? mk_tls_text_no_memory : "";
}

static char *subject_of(const mbedtls_x509_crt *certificate) {
    char text[512];
    int  size = mbedtls_x509_dn_gets(text, sizeof(text), &certificate->subject);
    return size < 0 ? NULL : mk_strndup(text, (size_t)size);
}

static void info(mk_tls_session_t *session, mk_tls_info_t *out) {
    const mk_tls_settings_t *settings = &session->context->settings;
    const char              *psk_name = settings->server ? session->psk_name : settings->psk_name;
    const mbedtls_x509_crt  *peer = mbedtls_ssl_get_peer_cert(&session->ssl);
    const char              *alpn = NULL;
    const char              *cipher = mbedtls_ssl_get_ciphersuite(&session->ssl);
#ifdef MBEDTLS_SSL_ALPN
    alpn = mbedtls_ssl_get_alpn_protocol(&session->ssl);
#endif
    if (session->subject == NULL && peer != NULL) session->subject = subject_of(peer);
    *out = (mk_tls_info_t){
        .version = mbedtls_ssl_get_version(&session->ssl),
        .cipher = cipher != NULL ? cipher : "",
        .alpn = alpn != NULL ? alpn : "",
        .psk_name = psk_name != NULL && session->open ? psk_name : "",
        .peer_subject = session->subject != NULL ? session->subject : "",
        .resumed = session->open && !session->proven && psk_name == NULL,
    };
}

extern const mk_tls_engine_t mk_tls_mbedtls;
const mk_tls_engine_t        mk_tls_mbedtls = {
           .name = "mbedtls",
           .context_create = mk_mbedtls_context_create,
           .context_release = mk_mbedtls_context_release,
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
