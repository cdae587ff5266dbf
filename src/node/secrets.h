/* SPDX-License-Identifier: Apache-2.0 */
/* secrets.h -- with what nodes prove themselves: cluster secrets (a file, see docs/security.md) and certificates, and the role that
 * comes with each. A keyring is counted: links hold the one they were made with. Runtime's thread. */
#ifndef MK_NODE_SECRETS_H
#define MK_NODE_SECRETS_H

#include <stddef.h>
#include <stdint.h>

#include "microkernel/node.h"
#include "net/tls.h"

enum { MK_SECRET_BYTES = 32, MK_SECRET_ID_BYTES = 8, MK_SECRETS_MAX = 8, MK_SECRETS_WHY_BYTES = 200 };

/* One line of a secret file: `role hex`. The first is what we show when we call; all are accepted from those who call us. */
typedef struct mk_secret {
    uint8_t     key[MK_SECRET_BYTES];
    uint8_t     id[MK_SECRET_ID_BYTES]; /* made from the key by one-way hashing; tells peers which one is meant and nothing else */
    node_role_t role;
} mk_secret_t;

/* Pure: parses the text of a secret file. *n of at most MK_SECRETS_MAX. MK_ERR_FORMAT with a text in `why` (which never holds a
 * part of a key). */
MK_MUST_CHECK mk_err_t mk_secrets_parse(const char *text, size_t size, mk_secret_t out[MK_SECRETS_MAX], size_t *n,
                                        char why[MK_SECRETS_WHY_BYTES]);

/* Makes the id from the key. */
void mk_secret_name(mk_secret_t *secret);

uint32_t mk_role_may(node_role_t role); /* MK_MAY_ bits */

typedef struct mk_keyring mk_keyring_t;

/* A secret, or a certificate with its key and the authority that made it (these three go together), or both; else MK_ERR_INVALID.
 * With a secret calls are made with it; who listens takes either. Reads files. MK_ERR_DENIED: the secret or key file can be read by
 * others; MK_ERR_FORMAT, MK_ERR_NOTFOUND, MK_ERR_IO, MK_ERR_NOMEM, MK_ERR_NOSYS (no TLS in this build, or with certificates no
 * TLS 1.3), with a text in `why` (no part of a key). It outlives the streams that were given its contexts. */
MK_MUST_CHECK mk_err_t mk_keyring_load(const char *secret_file, const char *certificate_file, const char *key_file,
                                       const char *authority_file, mk_keyring_t **out, char why[MK_SECRETS_WHY_BYTES]);
/* The same with this engine. NULL: the first that can. */
MK_MUST_CHECK mk_err_t mk_keyring_load_on(const mk_tls_engine_t *engine, const char *secret_file, const char *certificate_file,
                                          const char *key_file, const char *authority_file, mk_keyring_t **out,
                                          char why[MK_SECRETS_WHY_BYTES]);
mk_keyring_t          *mk_keyring_retain(mk_keyring_t *keys);
void                   mk_keyring_release(mk_keyring_t *keys); /* NULL is allowed; keys are wiped */

const mk_tls_engine_t *mk_keyring_engine(const mk_keyring_t *keys);
mk_tls_context_t      *mk_keyring_server(const mk_keyring_t *keys); /* borrowed */
mk_tls_context_t      *mk_keyring_client(const mk_keyring_t *keys);

/* Who a peer is after the handshake: what it may do (0: nothing, drop it), and the identity its certificate names ("": any). */
uint32_t mk_keyring_judge(const mk_keyring_t *keys, const mk_tls_info_t *info, char proved[32]);

/* For datagrams: the secret with this id; the first when `id` is NULL. NULL: none. */
const mk_secret_t *mk_keyring_secret(const mk_keyring_t *keys, const uint8_t *id);

#endif
