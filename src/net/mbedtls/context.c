/* SPDX-License-Identifier: Apache-2.0 */
/* context.c -- a mbedtls_ssl_config from a configuration: versions, suites, trust, certificate, protocols, resumption. */
#include "net/mbedtls/mbedtls.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"

/* As the OpenSSL engine's: forward secrecy and authenticated encryption; CBC with pre-shared keys for boards that have AES
 * in hardware and nothing else in common with us. */
#define SUITES_CERTIFICATE                                                                              \
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,     \
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, \
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
#define SUITES_KEY MBEDTLS_TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256, MBEDTLS_TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256

static const int SUITES[] = {MK_MBEDTLS_SUITES_13 SUITES_CERTIFICATE, 0};
static const int SUITES_PSK[] = {MK_MBEDTLS_SUITES_13_PSK SUITES_KEY, 0};
static const int SUITES_BOTH[] = {MK_MBEDTLS_SUITES_13_PSK SUITES_CERTIFICATE, SUITES_KEY, 0};

/* No error of mbedTLS's: this build of it has no TLS 1.3. */
enum { NO_SUCH_VERSION = 1 };

/* How long a ticket of ours is good: OpenSSL's default. */
enum { TICKET_SECONDS = 7200 };

static int entropy(void *arg, unsigned char *out, size_t size) {
    (void)arg;
    return mk_port_entropy(out, size) == MK_OK ? 0 : MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED;
}

static int protocol_setup(mk_tls_context_t *context, const mk_tls_config_t *asked) {
    const mk_tls_settings_t *settings = &context->settings;
    mbedtls_ssl_config      *config = &context->config;
    bool                     psk = settings->psk_name != NULL || settings->psk_find != NULL;
    bool                     certificates = !psk || (settings->server && asked->certificate.size != 0);
    int                      end = settings->server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT;
    int error = mbedtls_ssl_config_defaults(config, end, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (error == 0) error = mbedtls_ctr_drbg_seed(&context->random, entropy, NULL, NULL, 0);
    if (error != 0) return error;
    mbedtls_ssl_conf_rng(config, mbedtls_ctr_drbg_random, &context->random);
    if (!mk_mbedtls_oldest_version(config, asked->only_13)) return NO_SUCH_VERSION;
    mk_mbedtls_groups(config);
    mk_mbedtls_exchanges(config, certificates, psk, settings->verify != MK_TLS_VERIFY_NONE);
    mbedtls_ssl_conf_ciphersuites(config, !psk ? SUITES : certificates ? SUITES_BOTH : SUITES_PSK);
#ifdef MBEDTLS_SSL_ALPN
    if (settings->alpn != NULL) error = mbedtls_ssl_conf_alpn_protocols(config, settings->alpn);
#else
    if (settings->alpn != NULL) error = MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE;
#endif
    return error;
}

/* ---- certificate and key ------------------------------------------------------------------------------------------------ */

static int read_key(mk_tls_context_t *context, mk_slice_t pem) {
    char *text = mk_strndup(pem.data, pem.size);
    if (text == NULL) return MBEDTLS_ERR_X509_ALLOC_FAILED;
    int error = mk_mbedtls_read_key(&context->key, (const uint8_t *)text, pem.size + 1, &context->random);
    mbedtls_platform_zeroize(text, pem.size);
    mk_free(text);
    return error;
}

static mk_err_t identity_setup(mk_tls_context_t *context, const mk_tls_config_t *config, char why[MK_TLS_WHY_BYTES]) {
    if (config->certificate.size == 0) return MK_OK;
    char text[MK_TLS_WHY_BYTES];
    int  error = mk_mbedtls_read_certificates(&context->certificate, config->certificate);
    if (error == MBEDTLS_ERR_X509_ALLOC_FAILED) return mk_tls_refuse(MK_ERR_NOMEM, why, mk_tls_text_no_memory);
    if (error != 0) {
        mk_mbedtls_say(text, error < 0 ? error : MBEDTLS_ERR_X509_INVALID_FORMAT);
        mk_tls_say(why, "the certificate cannot be read: %.100s", text);
        return MK_ERR_FORMAT;
    }
    error = read_key(context, config->key);
    if (error == MBEDTLS_ERR_X509_ALLOC_FAILED) return mk_tls_refuse(MK_ERR_NOMEM, why, mk_tls_text_no_memory);
    if (error != 0) {
        mk_mbedtls_say(text, error);
        mk_tls_say(why, "the key cannot be read: %.100s", text);
        return MK_ERR_FORMAT;
    }
    if (mk_mbedtls_check_pair(&context->certificate.pk, &context->key, &context->random) != 0)
        return mk_tls_refuse(MK_ERR_INVALID, why, "the key does not fit the certificate");
    if (mbedtls_ssl_conf_own_cert(&context->config, &context->certificate, &context->key) != 0)
        return mk_tls_refuse(MK_ERR_NOMEM, why, mk_tls_text_no_memory);
    return MK_OK;
}

/* Who calls with a pre-shared key offers no other way in, so no certificate is ever looked at. */
static mk_err_t trust_setup(mk_tls_context_t *context, const mk_tls_config_t *config, char why[MK_TLS_WHY_BYTES]) {
    static const int         modes[] = {[MK_TLS_VERIFY_NONE] = MBEDTLS_SSL_VERIFY_NONE,
                                        [MK_TLS_VERIFY_OPTIONAL] = MBEDTLS_SSL_VERIFY_OPTIONAL,
                                        [MK_TLS_VERIFY_REQUIRED] = MBEDTLS_SSL_VERIFY_REQUIRED};
    const mk_tls_settings_t *settings = &context->settings;
    mbedtls_ssl_conf_authmode(&context->config, modes[settings->verify]);
    if (settings->psk_name != NULL || settings->verify == MK_TLS_VERIFY_NONE) return MK_OK;
    mk_err_t err = mk_mbedtls_trust(context, config->authorities, why);
    if (err == MK_OK) mbedtls_ssl_conf_ca_chain(&context->config, &context->authorities, NULL);
    return err;
}

/* ---- pre-shared keys: ECDHE-PSK of TLS 1.2 (RFC 5489), and TLS 1.3 where it is ---------------------------------------- */

#ifdef MK_MBEDTLS_PSK
static int find_psk(void *arg, mbedtls_ssl_context *ssl, const unsigned char *name, size_t size) {
    const mk_tls_settings_t *settings = arg;
    mk_tls_session_t        *session = (mk_tls_session_t *)((char *)ssl - offsetof(mk_tls_session_t, ssl));
    uint8_t                  key[MK_TLS_PSK_BYTES_MAX];
    if (size == 0 || size > MK_TLS_PSK_NAME_MAX || memchr(name, '\0', size) != NULL) return -1;
    mk_free(session->psk_name);
    session->psk_name = mk_strndup((const char *)name, size);
    if (session->psk_name == NULL) return -1;
    size_t key_size = settings->psk_find(settings->psk_arg, session->psk_name, key);
    int    error = -1;
    if (key_size != 0 && key_size <= sizeof(key)) error = mbedtls_ssl_set_hs_psk(ssl, key, key_size);
    mbedtls_platform_zeroize(key, sizeof(key));
    return error;
}

static int psk_setup(mk_tls_context_t *context) {
    mk_tls_settings_t *settings = &context->settings;
    if (settings->psk_find != NULL) mbedtls_ssl_conf_psk_cb(&context->config, find_psk, settings);
    if (settings->psk_name == NULL) return 0;
    return mbedtls_ssl_conf_psk(&context->config, settings->psk, settings->psk_size,
                                (const unsigned char *)settings->psk_name, strlen(settings->psk_name));
}
#else
static int psk_setup(mk_tls_context_t *context) {
    bool wanted = context->settings.psk_find != NULL || context->settings.psk_name != NULL;
    return wanted ? MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE : 0;
}
#endif

/* ---- resumption -------------------------------------------------------------------------------------------------------- */

/* As the OpenSSL engine does it: a server's sessions travel in tickets, sealed with a key of this context. */
static int resumption_setup(mk_tls_context_t *context) {
    int error = 0;
#ifdef MK_MBEDTLS_TICKETS
    bool wanted = context->settings.resumption;
    if (!context->settings.server) {
        mbedtls_ssl_conf_session_tickets(&context->config, wanted ? MBEDTLS_SSL_SESSION_TICKETS_ENABLED
                                                                  : MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
    } else if (wanted) {
        error = mbedtls_ssl_ticket_setup(&context->tickets, mbedtls_ctr_drbg_random, &context->random,
                                         MBEDTLS_CIPHER_AES_256_GCM, TICKET_SECONDS);
        mbedtls_ssl_conf_session_tickets_cb(&context->config, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse,
                                            &context->tickets);
    }
#else
    (void)context;
#endif
    return error;
}

/* ---- creating ------------------------------------------------------------------------------------------------------------ */

static mk_err_t setup(mk_tls_context_t *context, const mk_tls_config_t *config, char why[MK_TLS_WHY_BYTES]) {
    int error = mk_mbedtls_start() ? 0 : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    if (error == 0) error = protocol_setup(context, config);
    if (error == 0) error = psk_setup(context);
    if (error == 0) error = resumption_setup(context);
    if (error == NO_SUCH_VERSION) return mk_tls_refuse(MK_ERR_NOSYS, why, "this build of mbedTLS has no TLS 1.3");
    if (error != 0) {
        mk_mbedtls_say(why, error);
        return error == MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE ? MK_ERR_INVALID : MK_ERR_NOMEM;
    }
    mk_err_t err = identity_setup(context, config, why);
    return err == MK_OK ? trust_setup(context, config, why) : err;
}

mk_err_t mk_mbedtls_context_create(const mk_tls_config_t *config, mk_tls_context_t **out, char why[MK_TLS_WHY_BYTES]) {
    mk_tls_context_t *context = mk_calloc(1, sizeof(*context));
    if (context == NULL) return mk_tls_refuse(MK_ERR_NOMEM, why, mk_tls_text_no_memory);
    context->refs = 1;
    mbedtls_ssl_config_init(&context->config);
    mbedtls_ctr_drbg_init(&context->random);
    mbedtls_x509_crt_init(&context->certificate);
    mbedtls_pk_init(&context->key);
    mbedtls_x509_crt_init(&context->authorities);
#ifdef MK_MBEDTLS_TICKETS
    mbedtls_ssl_ticket_init(&context->tickets);
#endif
    mk_tls_cache_init(&context->sessions, mk_mbedtls_forget);
    why[0] = '\0';
    mk_err_t err = mk_tls_settings_init(&context->settings, config, why);
    if (err == MK_OK) err = setup(context, config, why);
    if (err == MK_OK) *out = context;
    else mk_mbedtls_context_release(context);
    return err;
}

void mk_mbedtls_context_release(mk_tls_context_t *context) {
    if (context == NULL || --context->refs != 0) return;
    mk_tls_cache_fini(&context->sessions);
#ifdef MK_MBEDTLS_TICKETS
    mbedtls_ssl_ticket_free(&context->tickets);
#endif
    mbedtls_ssl_config_free(&context->config);
    mbedtls_x509_crt_free(&context->authorities);
    mbedtls_pk_free(&context->key);
    mbedtls_x509_crt_free(&context->certificate);
    mbedtls_ctr_drbg_free(&context->random);
    mk_tls_settings_fini(&context->settings);
    mk_free(context);
}
