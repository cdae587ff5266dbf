/* SPDX-License-Identifier: Apache-2.0 */
/* tls_parts.h -- what every TLS engine does the same way: checking and copying a configuration, reading whom to call, saying
 * what is wrong with a certificate. */
#ifndef MK_NET_TLS_PARTS_H
#define MK_NET_TLS_PARTS_H

#include "net/tls.h"

/* ---- configuration ------------------------------------------------------------------------------------------------------ */

/* What an engine keeps of a mk_tls_config_t. */
typedef struct mk_tls_settings {
    bool            server;
    bool            resumption;
    bool            any_host; /* client                                                          */
    mk_tls_verify_t verify;   /* never MK_TLS_VERIFY_DEFAULT, and for a client none or required  */
    const char    **alpn;     /* NULL at the end; NULL: none                                     */
    char           *psk_name; /* client; NULL: none                                              */
    uint8_t         psk[MK_TLS_PSK_BYTES_MAX];
    size_t          psk_size;
    mk_tls_psk_fn  *psk_find; /* server                                                          */
    void           *psk_arg;
} mk_tls_settings_t;

/* MK_ERR_INVALID for what no engine could do, with a text in `why`; MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_tls_settings_init(mk_tls_settings_t *settings, const mk_tls_config_t *config,
                                            char why[MK_TLS_WHY_BYTES]);
void                   mk_tls_settings_fini(mk_tls_settings_t *settings);

/* The configured protocol that is these bytes, or NULL. */
const char *mk_tls_alpn_find(const mk_tls_settings_t *settings, const uint8_t *name, size_t size);

/* Both write a text that is cut to fit; the second returns what it is given, for `return`. */
void     mk_tls_say(char why[MK_TLS_WHY_BYTES], const char *format, ...) MK_PRINTF(2, 3);
mk_err_t mk_tls_refuse(mk_err_t err, char why[MK_TLS_WHY_BYTES], const char *text);

/* ---- the other side ------------------------------------------------------------------------------------------------------- */

/* Whom a client calls, and the name under which a session with it is remembered: peer and host, because one that was verified
 * for one host is worth nothing for another. */
typedef struct mk_tls_target {
    char   *host;   /* without brackets and final dot; NULL: none                       */
    char   *key;    /* NULL: sessions are not resumed                                   */
    uint8_t ip[16]; /* the host, when it is an address in digits                        */
    size_t  ip_size; /* 4, 16; 0: a name                                                */
} mk_tls_target_t;

/* MK_ERR_NOMEM; MK_ERR_INVALID: neither a host name nor an address. */
MK_MUST_CHECK mk_err_t mk_tls_target_init(mk_tls_target_t *target, const mk_tls_settings_t *settings, const char *host,
                                          const char *peer);
void                   mk_tls_target_fini(mk_tls_target_t *target);

/* ---- texts ------------------------------------------------------------------------------------------------------------ */

typedef enum mk_tls_fault {
    MK_TLS_FAULT_EXPIRED,
    MK_TLS_FAULT_EARLY,
    MK_TLS_FAULT_SELF_SIGNED,
    MK_TLS_FAULT_UNTRUSTED,
    MK_TLS_FAULT_HOST,
    MK_TLS_FAULT_MISSING,
    MK_TLS_FAULT_PURPOSE,
    MK_TLS_FAULT_WEAK,
} mk_tls_fault_t;

/* `host` may be NULL. */
void mk_tls_fault_say(char why[MK_TLS_WHY_BYTES], mk_tls_fault_t fault, const char *host);

/* What an alert of the peer's means (RFC 8446 section 6). */
void mk_tls_alert_say(char why[MK_TLS_WHY_BYTES], int alert);

extern const char mk_tls_text_cut[];       /* the end came without a close_notify */
extern const char mk_tls_text_shaking[];   /* ... during the handshake            */
extern const char mk_tls_text_lost[];      /* reading or writing failed           */
extern const char mk_tls_text_no_memory[];
extern const char mk_tls_text_psk[];       /* the peer ignored our pre-shared key */

#endif
