/* SPDX-License-Identifier: Apache-2.0 */
/* openssl.h -- what the files of the OpenSSL engine share. OpenSSL 3.0 or newer. Its queue of errors is the thread's, not a
 * connection's: each call here finds it empty and leaves it empty. */
#ifndef MK_NET_OPENSSL_OPENSSL_H
#define MK_NET_OPENSSL_OPENSSL_H

#include <openssl/ssl.h>

#include "net/tls_cache.h"
#include "net/tls_parts.h"

struct mk_tls_context {
    uint32_t          refs;
    mk_tls_settings_t settings;
    SSL_CTX          *ssl;
    BIO_METHOD       *io;       /* from OpenSSL's to our way of reading and writing */
    mk_tls_cache_t    sessions; /* of SSL_SESSION; client                           */
};

struct mk_tls_session {
    mk_tls_context_t *context;
    SSL              *ssl;
    mk_tls_io_t       io;
    mk_tls_target_t   target;
    char             *why;      /* NULL: nothing went wrong, or there was no memory to say what */
    char             *subject;  /* of the peer's certificate, once asked for                    */
    char             *psk_name; /* server: the name of the key that was found                   */
    bool              open;     /* the handshake is done                                        */
    bool              failed;
    bool              finished; /* our close_notify is out                                      */
    bool              ended;    /* the connection, with or without a close_notify               */
    bool              lost;     /* reading or writing failed                                    */
    bool              cut;      /* it ended without one                                         */
    bool              dry;      /* what OpenSSL still holds is less than a record               */
};

/* context.c */
mk_err_t mk_openssl_context_create(const mk_tls_config_t *config, mk_tls_context_t **out, char why[MK_TLS_WHY_BYTES]);
void     mk_openssl_context_release(mk_tls_context_t *context);

/* bio.c */
BIO_METHOD *mk_openssl_io_create(void);
BIO        *mk_openssl_io_open(mk_tls_session_t *session); /* NULL: no memory */

/* why.c */
/* The text of the oldest error in the queue, and empties the queue. */
void mk_openssl_say(char why[MK_TLS_WHY_BYTES]);
/* The connection has failed with SSL_get_error()'s `code`: keeps why, and empties the queue. */
void mk_openssl_explain(mk_tls_session_t *session, int code);

/* psk.c */
void mk_openssl_psk_setup(mk_tls_context_t *context);

#endif
