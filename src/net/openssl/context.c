/* SPDX-License-Identifier: Apache-2.0 */
/* context.c -- an SSL_CTX from a configuration: versions, suites, trust, certificate, protocols, resumption. */
#include "net/openssl/openssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <limits.h>
#include <string.h>

#include "base/mem.h"

/* TLS 1.3: the cheapest first. OpenSSL binds pre-shared keys to SHA-256, so where there are some nothing else may be chosen. */
static const char SUITES_13[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char SUITES_13_PSK[] = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256";

/* TLS 1.2: forward secrecy and authenticated encryption only; the suites with CBC are for boards that have AES in hardware
 * and nothing else in common with us. */
#define CERTIFICATE_SUITES                                                                     \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:" \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define KEY_SUITES "ECDHE-PSK-CHACHA20-POLY1305:ECDHE-PSK-AES128-CBC-SHA256"

static const char SUITES[] = CERTIFICATE_SUITES;
static const char SUITES_PSK[] = KEY_SUITES;
static const char SUITES_BOTH[] = CERTIFICATE_SUITES ":" KEY_SUITES;

/* The cheapest to compute first: clients send a share for it unasked. */
static const char GROUPS[] = "X25519:P-256:P-384";

/* One is enough to come back with, and each costs a record. */
enum { TICKETS = 1 };

static bool protocol_setup(mk_tls_context_t *context, const mk_tls_config_t *config) {
    SSL_CTX                 *ssl = context->ssl;
    const mk_tls_settings_t *settings = &context->settings;
    bool                     has_certificate = config->certificate.size != 0;
    bool                     has_psk = settings->psk_name != NULL || settings->psk_find != NULL;
    const char              *suites = SUITES;
    if (has_psk) suites = settings->server && has_certificate ? SUITES_BOTH : SUITES_PSK;
    SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    /* Our order counts, unless a client without AES in hardware says so by putting ChaCha first. */
    SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ssl,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ssl, 1); /* a record's head and body in one read */
    int oldest = config->only_13 ? TLS1_3_VERSION : TLS1_2_VERSION;
    return SSL_CTX_set_min_proto_version(ssl, oldest) == 1 && SSL_CTX_set_cipher_list(ssl, suites) == 1 &&
           SSL_CTX_set_ciphersuites(ssl, has_psk ? SUITES_13_PSK : SUITES_13) == 1 &&
           SSL_CTX_set1_groups_list(ssl, GROUPS) == 1;
}

/* ---- certificates ---------------------------------------------------------------------------------------------------- */

/* Nobody sits there to type one. */
static int no_password(char *buf, int size, int writing, void *arg) {
    (void)buf, (void)size, (void)writing, (void)arg;
    return 0;
}

static BIO *bio_of(mk_slice_t text) { return text.size <= INT_MAX ? BIO_new_mem_buf(text.data, (int)text.size) : NULL; }

/* Whether reading one PEM block after another stopped at the end of the text. */
static bool at_end_of_pem(void) {
    unsigned long error = ERR_peek_last_error();
    bool          end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    if (end) ERR_clear_error();
    return end;
}

/* The leaf, then its chain. */
static bool read_certificates(SSL_CTX *ssl, BIO *pem) {
    X509 *leaf = PEM_read_bio_X509_AUX(pem, NULL, no_password, NULL), *next;
    bool  fine = leaf != NULL && SSL_CTX_use_certificate(ssl, leaf) == 1;
    X509_free(leaf);
    if (!fine) return false;
    while ((next = PEM_read_bio_X509(pem, NULL, no_password, NULL)) != NULL)
        if (SSL_CTX_add0_chain_cert(ssl, next) != 1) {
            X509_free(next);
            return false;
        }
    return at_end_of_pem();
}

static mk_err_t identity_setup(mk_tls_context_t *context, const mk_tls_config_t *config, char why[MK_TLS_WHY_BYTES]) {
    if (config->certificate.size == 0) return MK_OK;
    mk_err_t  err = MK_ERR_FORMAT;
    EVP_PKEY *key = NULL;
    char      text[MK_TLS_WHY_BYTES];
    BIO      *certificate = bio_of(config->certificate), *secret = bio_of(config->key);
    if (certificate == NULL || secret == NULL) {
        err = mk_tls_refuse(MK_ERR_NOMEM, why, mk_tls_text_no_memory);
    } else if (!read_certificates(context->ssl, certificate)) {
        mk_openssl_say(text);
        mk_tls_say(why, "the certificate cannot be read: %.100s", text);
    } else if ((key = PEM_read_bio_PrivateKey(secret, NULL, no_password, NULL)) == NULL) {
        mk_openssl_say(text);
        mk_tls_say(why, "the key cannot be read: %.100s", text);
    } else if (X509_check_private_key(SSL_CTX_get0_certificate(context->ssl), key) != 1) {
        err = mk_tls_refuse(MK_ERR_INVALID, why, "the key does not fit the certificate");
    } else if (SSL_CTX_use_PrivateKey(context->ssl, key) != 1) {
        mk_openssl_say(why);
    } else {
        err = MK_OK;
    }
    EVP_PKEY_free(key);
    BIO_free(secret);
    BIO_free(certificate);
    return err;
}

/* What we are given is trusted as it is, also when it is not the root. */
static bool read_authorities(SSL_CTX *ssl, bool server, BIO *pem) {
    X509_STORE *store = SSL_CTX_get_cert_store(ssl);
    X509       *each;
    int         n = 0;
    for (bool fine = true; (each = PEM_read_bio_X509(pem, NULL, no_password, NULL)) != NULL; n++) {
        fine = X509_STORE_add_cert(store, each) == 1 && (!server || SSL_CTX_add_client_CA(ssl, each) == 1);
        X509_free(each);
        if (!fine) return false;
    }
    return at_end_of_pem() && n != 0 && X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1;
}

/* Who calls with a pre-shared key trusts no certificate at all: a peer that ignores the key has to fail. */
static mk_err_t trust_setup(mk_tls_context_t *context, const mk_tls_config_t *config, char why[MK_TLS_WHY_BYTES]) {
    const mk_tls_settings_t *settings = &context->settings;
    mk_tls_verify_t          verify = settings->psk_name != NULL ? MK_TLS_VERIFY_REQUIRED : settings->verify;
    int                      mode = verify == MK_TLS_VERIFY_NONE ? SSL_VERIFY_NONE : SSL_VERIFY_PEER;
    if (settings->server && verify == MK_TLS_VERIFY_REQUIRED) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(context->ssl, mode, NULL);
    if (settings->psk_name != NULL || mode == SSL_VERIFY_NONE) return MK_OK;
    if (config->authorities.size == 0) { /* a client: settings have refused a server */
        if (SSL_CTX_set_default_verify_paths(context->ssl) == 1) return MK_OK;
        mk_openssl_say(why);
        return MK_ERR_NOMEM;
    }
    BIO *pem = bio_of(config->authorities);
    if (pem == NULL) return mk_tls_refuse(MK_ERR_NOMEM, why, mk_tls_text_no_memory);
    bool fine = read_authorities(context->ssl, settings->server, pem);
    BIO_free(pem);
    if (fine) return MK_OK;
    ERR_clear_error();
    return mk_tls_refuse(MK_ERR_FORMAT, why, "the authorities' certificates cannot be read");
}

/* ---- protocols (ALPN) --------------------------------------------------------------------------------------------------- */

/* Our order counts. Nothing in common ends the handshake (RFC 7301 section 3.2). */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size, const unsigned char *offered,
                           unsigned offered_size, void *arg) {
    (void)ssl;
    const mk_tls_context_t *context = arg;
    for (const char **ours = context->settings.alpn; *ours != NULL; ours++) {
        size_t size = strlen(*ours);
        for (unsigned at = 0; at < offered_size; at += offered[at] + 1u) {
            if (offered[at] != size || size > offered_size - at - 1 || memcmp(&offered[at + 1], *ours, size) != 0)
                continue;
            *out = &offered[at + 1];
            *out_size = (unsigned char)size;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool alpn_setup(mk_tls_context_t *context) {
    const mk_tls_settings_t *settings = &context->settings;
    if (settings->alpn == NULL) return true;
    if (settings->server) {
        SSL_CTX_set_alpn_select_cb(context->ssl, choose_protocol, context);
        return true;
    }
    size_t size = 0, at = 0;
    for (const char **each = settings->alpn; *each != NULL; each++) size += 1 + strlen(*each);
    unsigned char *wire = size <= UINT16_MAX ? mk_alloc(size) : NULL;
    if (wire == NULL) return false;
    for (const char **each = settings->alpn; *each != NULL; each++) {
        wire[at] = (unsigned char)strlen(*each);
        memcpy(&wire[at + 1], *each, wire[at]);
        at += 1u + wire[at];
    }
    bool fine = SSL_CTX_set_alpn_protos(context->ssl, wire, (unsigned)size) == 0; /* 0 is success here */
    mk_free(wire);
    return fine;
}

/* ---- resumption ------------------------------------------------------------------------------------------------------------ */

static void drop_session(void *session) { SSL_SESSION_free(session); }

/* With TLS 1.3 this comes long after the handshake, maybe several times. 1: the session is ours now. */
static int keep_session(SSL *ssl, SSL_SESSION *kept) {
    mk_tls_session_t *session = SSL_get_app_data(ssl);
    if (session->target.key == NULL) return 0;
    mk_tls_cache_put(&session->context->sessions, session->target.key, kept);
    return 1;
}

/* A server's sessions travel in tickets, sealed with a key that this SSL_CTX made: nothing is stored, and after a reload
 * they are worth nothing. */
static bool resumption_setup(mk_tls_context_t *context) {
    static const unsigned char name[] = "microkernel";
    SSL_CTX                   *ssl = context->ssl;
    bool                       wanted = context->settings.resumption;
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    if (!wanted) SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
    if (context->settings.server)
        return SSL_CTX_set_num_tickets(ssl, wanted ? TICKETS : 0) == 1 &&
               SSL_CTX_set_session_id_context(ssl, name, sizeof(name) - 1) == 1;
    if (wanted) {
        SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ssl, keep_session);
    }
    return true;
}

/* ---- creating -------------------------------------------------------------------------------------------------------------- */

static mk_err_t setup(mk_tls_context_t *context, const mk_tls_config_t *config, char why[MK_TLS_WHY_BYTES]) {
    context->io = mk_openssl_io_create();
    context->ssl = SSL_CTX_new(config->server ? TLS_server_method() : TLS_client_method());
    if (context->io == NULL || context->ssl == NULL || !protocol_setup(context, config) || !alpn_setup(context) ||
        !resumption_setup(context)) {
        if (ERR_peek_error() != 0) mk_openssl_say(why);
        else mk_tls_say(why, "%s", mk_tls_text_no_memory);
        return MK_ERR_NOMEM;
    }
    mk_openssl_psk_setup(context);
    mk_err_t err = identity_setup(context, config, why);
    return err == MK_OK ? trust_setup(context, config, why) : err;
}

mk_err_t mk_openssl_context_create(const mk_tls_config_t *config, mk_tls_context_t **out, char why[MK_TLS_WHY_BYTES]) {
    mk_tls_context_t *context = mk_calloc(1, sizeof(*context));
    if (context == NULL) return mk_tls_refuse(MK_ERR_NOMEM, why, mk_tls_text_no_memory);
    context->refs = 1;
    mk_tls_cache_init(&context->sessions, drop_session);
    why[0] = '\0';
    ERR_clear_error();
    mk_err_t err = mk_tls_settings_init(&context->settings, config, why);
    if (err == MK_OK) err = setup(context, config, why);
    ERR_clear_error();
    if (err == MK_OK) *out = context;
    else mk_openssl_context_release(context);
    return err;
}

void mk_openssl_context_release(mk_tls_context_t *context) {
    if (context == NULL || --context->refs != 0) return;
    mk_tls_cache_fini(&context->sessions);
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->io);
    mk_tls_settings_fini(&context->settings);
    mk_free(context);
}
