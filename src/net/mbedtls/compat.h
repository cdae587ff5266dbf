/* SPDX-License-Identifier: Apache-2.0 */
/* compat.h -- the one place that knows in what mbedTLS 2.28 and 3 differ, and what a configuration of it may lack. */
#ifndef MK_NET_MBEDTLS_COMPAT_H
#define MK_NET_MBEDTLS_COMPAT_H

#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* 3 hides fields for which it has no question: the handshake's state, an alert's number */

#include <stdbool.h>

#include <mbedtls/version.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crt.h>

#if defined(MBEDTLS_SSL_TICKET_C) && defined(MBEDTLS_SSL_SESSION_TICKETS)
#define MK_MBEDTLS_TICKETS 1
#endif
#if defined(MBEDTLS_KEY_EXCHANGE_ECDHE_PSK_ENABLED)
#define MK_MBEDTLS_PSK 1
#endif

/* A suite that the library does not know would end every handshake. The first is the one to which the other engine binds
 * pre-shared keys. */
#if MBEDTLS_VERSION_NUMBER >= 0x03000000 && defined(MBEDTLS_SSL_PROTO_TLS1_3)
#define MK_MBEDTLS_SUITES_13_PSK MBEDTLS_TLS1_3_AES_128_GCM_SHA256, MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
#define MK_MBEDTLS_SUITES_13                                                      \
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256, MBEDTLS_TLS1_3_AES_256_GCM_SHA384,         \
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
#else
#define MK_MBEDTLS_SUITES_13_PSK
#define MK_MBEDTLS_SUITES_13
#endif

#if MBEDTLS_VERSION_NUMBER >= 0x03000000

#include <psa/crypto.h>

/* TLS 1.3 computes with PSA, and TLS 1.2 too where it was configured so. May be repeated. */
static inline bool mk_mbedtls_start(void) { return psa_crypto_init() == PSA_SUCCESS; }

static inline bool mk_mbedtls_oldest_version(mbedtls_ssl_config *config, bool only_13) {
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
    mbedtls_ssl_conf_min_tls_version(config, only_13 ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2);
    return true;
#else
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    return !only_13;
#endif
}

static inline void mk_mbedtls_groups(mbedtls_ssl_config *config) {
    static const uint16_t groups[] = {MBEDTLS_SSL_IANA_TLS_GROUP_X25519, MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
                                      MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
    mbedtls_ssl_conf_groups(config, groups);
}

static inline int mk_mbedtls_read_key(mbedtls_pk_context *key, const uint8_t *pem, size_t size,
                                      mbedtls_ctr_drbg_context *random) {
    return mbedtls_pk_parse_key(key, pem, size, NULL, 0, mbedtls_ctr_drbg_random, random);
}

static inline int mk_mbedtls_check_pair(const mbedtls_pk_context *pub, const mbedtls_pk_context *key,
                                        mbedtls_ctr_drbg_context *random) {
    return mbedtls_pk_check_pair(pub, key, mbedtls_ctr_drbg_random, random);
}

/* A client with a pre-shared key takes nothing else for an answer, and every key agreement is a fresh one. A ticket of TLS 1.3
 * does not hold the client's certificate, so whoever asks for one gives none. */
static inline void mk_mbedtls_exchanges(mbedtls_ssl_config *config, bool certificates, bool psk, bool asks) {
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
    int modes = 0;
    if (certificates) modes |= MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL;
    if (certificates || psk) modes |= MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL;
    mbedtls_ssl_conf_tls13_key_exchange_modes(config, modes);
    (void)asks;
#if defined(MBEDTLS_SSL_SESSION_TICKETS) && defined(MBEDTLS_SSL_SRV_C)
    mbedtls_ssl_conf_new_session_tickets(config, asks ? 0 : 1);
#endif
#if defined(MBEDTLS_SSL_SESSION_TICKETS) && MBEDTLS_VERSION_NUMBER >= 0x03060100
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
#else
    (void)config, (void)certificates, (void)psk, (void)asks;
#endif
}

#else /* 2.28 */

static inline bool mk_mbedtls_start(void) { return true; }

static inline bool mk_mbedtls_oldest_version(mbedtls_ssl_config *config, bool only_13) {
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    return !only_13;
}

static inline void mk_mbedtls_groups(mbedtls_ssl_config *config) {
    static const mbedtls_ecp_group_id groups[] = {MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1,
                                                  MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_NONE};
    mbedtls_ssl_conf_curves(config, groups);
}

static inline int mk_mbedtls_read_key(mbedtls_pk_context *key, const uint8_t *pem, size_t size,
                                      mbedtls_ctr_drbg_context *random) {
    (void)random;
    return mbedtls_pk_parse_key(key, pem, size, NULL, 0);
}

static inline int mk_mbedtls_check_pair(const mbedtls_pk_context *pub, const mbedtls_pk_context *key,
                                        mbedtls_ctr_drbg_context *random) {
    (void)random;
    return mbedtls_pk_check_pair(pub, key);
}

static inline void mk_mbedtls_exchanges(mbedtls_ssl_config *config, bool certificates, bool psk, bool asks) {
    (void)config, (void)certificates, (void)psk, (void)asks;
}

#endif

/* With TLS 1.3 tickets come at any time, and are told by an error of mbedtls_ssl_read(). */
#ifdef MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
static inline bool mk_mbedtls_is_ticket(int error) { return error == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET; }
#else
static inline bool mk_mbedtls_is_ticket(int error) { return (void)error, false; }
#endif

#endif
