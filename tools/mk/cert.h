/* SPDX-License-Identifier: Apache-2.0 */
/* cert.h -- making certificates; cert_openssl.c does it, cert_none.c says that this build cannot. */
#ifndef MK_TOOLS_CERT_H
#define MK_TOOLS_CERT_H

#include <stdbool.h>
#include <stdint.h>

enum { MK_CERT_WHY_BYTES = 200 };

/* PEM; mk_pem_free() wipes and frees it. */
typedef struct mk_pem {
    char *certificate, *key;
} mk_pem_t;

void mk_pem_free(mk_pem_t *pem);

/* Signs itself, and may sign nodes and nothing else. False: `why` tells. */
bool mk_cert_authority(uint32_t days, mk_pem_t *out, char why[MK_CERT_WHY_BYTES]);

/* CN=name, OU=role, for both ends of a connection, by that authority and no longer than it. */
bool mk_cert_node(const mk_pem_t *authority, const char *name, const char *role, uint32_t days, mk_pem_t *out,
                  char why[MK_CERT_WHY_BYTES]);

#endif
