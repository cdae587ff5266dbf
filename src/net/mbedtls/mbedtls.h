/* SPDX-License-Identifier: Apache-2.0 */
/* mbedtls.h -- what the files of the mbedTLS engine share. mbedTLS 2.28 or 3. */
#ifndef MK_NET_MBEDTLS_MBEDTLS_H
#define MK_NET_MBEDTLS_MBEDTLS_H

#include "net/mbedtls/compat.h"
#include "net/tls_cache.h"
#include "net/tls_parts.h"

struct mk_tls_context {
    uint32_t                   refs;
    mk_tls_settings_t          settings;
    mbedtls_ssl_config         config;
    mbedtls_ctr_drbg_context   random;      /* seeded by the port                          */
    mbedtls_x509_crt           certificate; /* ours and its chain                          */
    mbedtls_pk_context         key;
    mbedtls_x509_crt           authorities;
    mk_tls_cache_t             sessions;    /* of mbedtls_ssl_session; client              */
#ifdef MK_MBEDTLS_TICKETS
    mbedtls_ssl_ticket_context tickets;     /* server                                      */
#endif
};

struct mk_tls_session {
    mk_tls_context_t   *context;
    mbedtls_ssl_context ssl;
    mk_tls_io_t         io;
    mk_tls_target_t     target;
    char               *why;         /* NULL: nothing went wrong, or there was no memory to say what */
    char               *subject;     /* of the peer's certificate, once asked for                    */
    char               *psk_name;    /* server: the name of the key that was found                   */
    size_t              owed;        /* of the write that is under way                               */
    uint32_t            faults;      /* MBEDTLS_X509_BADCERT_ bits of the peer's certificates        */
    bool                self_signed; /* the peer's certificate                                       */
    bool                proven;      /* a certificate was shown, not a session or key taken up       */
    bool                open;        /* the handshake is done                                        */
    bool                failed;
    bool                finished;    /* our close_notify is out                                      */
    bool                heard;       /* the peer's has come                                          */
    bool                ended;       /* the connection, with or without a close_notify               */
    bool                lost;        /* reading or writing failed                                    */
    bool                cut;         /* it ended without one                                         */
};

/* context.c */
mk_err_t mk_mbedtls_context_create(const mk_tls_config_t *config, mk_tls_context_t **out, char why[MK_TLS_WHY_BYTES]);
void     mk_mbedtls_context_release(mk_tls_context_t *context);

/* trust.c */
/* Certificates of the system, or the given ones. */
mk_err_t mk_mbedtls_trust(mk_tls_context_t *context, mk_slice_t authorities, char why[MK_TLS_WHY_BYTES]);
/* PEM that need not end in NUL. 0, an error of mbedTLS, or how many certificates were not understood. */
int      mk_mbedtls_read_certificates(mbedtls_x509_crt *out, mk_slice_t pem);
/* Called for each certificate of the peer's chain, its own last: names and addresses (RFC 6125), which 2.28 does in part. */
int      mk_mbedtls_check(void *session, mbedtls_x509_crt *certificate, int depth, uint32_t *faults);

/* resume.c */
void mk_mbedtls_forget(void *kept); /* what the cache holds */
void mk_mbedtls_keep(mk_tls_session_t *session);
void mk_mbedtls_take_up(mk_tls_session_t *session);

/* why.c */
void mk_mbedtls_say(char why[MK_TLS_WHY_BYTES], int error);
/* The connection has failed with this error: keeps why. */
void mk_mbedtls_explain(mk_tls_session_t *session, int error);

#endif
