/* SPDX-License-Identifier: Apache-2.0 */
/* tls.h -- TLS engines behind one struct: OpenSSL, mbedTLS, or none. An engine turns bytes into bytes: it never waits, owns no
 * descriptor and knows no loop. One thread, that of its loop; contexts of different loops share nothing. */
#ifndef MK_NET_TLS_H
#define MK_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port/port.h"

typedef struct mk_tls_context mk_tls_context_t; /* certificates, trust, resumable sessions: one for many connections */
typedef struct mk_tls_session mk_tls_session_t; /* one connection                                                    */

typedef enum mk_tls_verify {
    MK_TLS_VERIFY_DEFAULT,  /* client: required; server: none                                          */
    MK_TLS_VERIFY_NONE,
    MK_TLS_VERIFY_OPTIONAL, /* server: a certificate that is shown must be good; client: as required   */
    MK_TLS_VERIFY_REQUIRED,
} mk_tls_verify_t;

/* Longest key and name of a pre-shared key: what both engines take (mbedTLS as packaged: keys of 256 bits). */
enum { MK_TLS_PSK_BYTES_MAX = 32, MK_TLS_PSK_NAME_MAX = 128, MK_TLS_WHY_BYTES = 160 };

/* Server: the key that goes with `name`; its length, 0 when there is none. */
typedef size_t mk_tls_psk_fn(void *arg, const char *name, uint8_t key[MK_TLS_PSK_BYTES_MAX]);

/* TLS 1.2 and up. All is copied. Zero is the default everywhere. */
typedef struct mk_tls_config {
    bool               server;
    mk_tls_verify_t    verify;
    mk_slice_t         certificate;  /* PEM, leaf first, then its chain                                  */
    mk_slice_t         key;          /* PEM                                                             */
    mk_slice_t         authorities;  /* PEM; empty: a client trusts the system's store, a server nobody */
    const char *const *alpn;         /* preferred first, NULL at the end; NULL: none                    */
    const char        *psk_name;     /* client: with `psk` instead of certificates                      */
    mk_slice_t         psk;
    mk_tls_psk_fn     *psk_find;     /* server: the same; a server may have both                        */
    void              *psk_arg;
    bool               no_resumption; /* implied where there are pre-shared keys: each connection proves anew */
    bool               any_host;      /* client: whoever has a certificate of the authorities will do, which must be given */
    bool               only_13;       /* TLS 1.3: certificates are not shown to who listens in. MK_ERR_NOSYS where there is none */
} mk_tls_config_t;

/* Where a session's encrypted bytes come from and go to. Bytes; read: 0 at the end; MK_IO_WAIT; MK_IO_FAILED. */
typedef struct mk_tls_io {
    void     *arg;
    ptrdiff_t (*read)(void *arg, void *buf, size_t size);
    ptrdiff_t (*write)(void *arg, const void *data, size_t size);
} mk_tls_io_t;

typedef enum mk_tls_status {
    MK_TLS_OK,
    MK_TLS_WANT_READ,  /* again when the descriptor is readable ... */
    MK_TLS_WANT_WRITE, /* ... or writable                           */
    MK_TLS_END,        /* the peer said that it sends no more       */
    MK_TLS_FAILED,     /* over; why() tells                         */
} mk_tls_status_t;

/* The strings are the session's. */
typedef struct mk_tls_info {
    const char *version;      /* "TLSv1.3"                                            */
    const char *cipher;
    const char *alpn;         /* "" when none was agreed upon (offering in vain fails)  */
    const char *psk_name;     /* ""; the name of the pre-shared key that was used     */
    const char *peer_subject; /* "" without a certificate                             */
    bool        resumed;
} mk_tls_info_t;

typedef struct mk_tls_engine {
    const char *name; /* "openssl", "mbedtls" */

    /* Counted: sessions hold their context, so replacing it does not disturb them. May read files (the system's store).
     * MK_ERR_FORMAT, MK_ERR_NOMEM, MK_ERR_INVALID (the key does not fit the certificate, say), MK_ERR_NOTFOUND (the system
     * has no store), MK_ERR_NOSYS (the library cannot do what is asked for), with a text in `why`. */
    mk_err_t (*context_create)(const mk_tls_config_t *config, mk_tls_context_t **out, char why[MK_TLS_WHY_BYTES]);
    void     (*context_release)(mk_tls_context_t *context);

    /* `host`: client: whom to ask for (SNI), and whose certificate to insist upon (RFC 6125; a name or an address in digits);
     * NULL with a pre-shared key or any_host, and for servers. `peer` (may be NULL) names the other side for resumption: the most recent
     * session with it is taken up again. MK_ERR_NOMEM; MK_ERR_INVALID: no host, or none that can be. *io is copied. */
    mk_err_t (*session_create)(mk_tls_context_t *context, const char *host, const char *peer, const mk_tls_io_t *io,
                               mk_tls_session_t **out);
    void     (*session_destroy)(mk_tls_session_t *session); /* silent: no close_notify */

    /* With TLS 1.3 a client is done before the server has looked at its certificate: a refusal comes with the first read(). */
    mk_tls_status_t (*handshake)(mk_tls_session_t *session);
    /* MK_TLS_OK with *n at least 1. An end of the connection without a close_notify may be somebody's cut: MK_TLS_FAILED, and
     * was_cut() tells. */
    mk_tls_status_t (*read)(mk_tls_session_t *session, void *buf, size_t size, size_t *n);
    /* MK_TLS_OK with *n at least 1. After WANT the next call must begin with the same bytes, and as many or more of them. */
    mk_tls_status_t (*write)(mk_tls_session_t *session, const void *data, size_t size, size_t *n);
    /* Whether read() has bytes although the descriptor may be quiet. */
    bool            (*pending)(const mk_tls_session_t *session);
    /* Sends close_notify. MK_TLS_OK when it is out; does not wait for the peer's, and read() goes on until then. No write may
     * be waiting. */
    mk_tls_status_t (*finish)(mk_tls_session_t *session);
    /* Whether read() failed because the connection ended without a close_notify. Whoever knows by itself that all has come (a
     * length, a last chunk) need not care. */
    bool            (*was_cut)(const mk_tls_session_t *session);
    /* What went wrong, for people ("certificate has expired"); "" when nothing did. */
    const char     *(*why)(const mk_tls_session_t *session);
    void            (*info)(mk_tls_session_t *session, mk_tls_info_t *out);
} mk_tls_engine_t;

/* Those this build has, the default first, NULL at the end; so the first is NULL in a build without TLS. */
extern const mk_tls_engine_t *const mk_tls_engines[];

/* By name; NULL: the default. NULL when there is none. */
const mk_tls_engine_t *mk_tls_engine(const char *name);

#endif
