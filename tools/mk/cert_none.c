/* SPDX-License-Identifier: Apache-2.0 */
/* cert_none.c -- a build without OpenSSL. */
#include <stdio.h>

#include "cert.h"

static bool refuse(char why[MK_CERT_WHY_BYTES]) {
    snprintf(why, MK_CERT_WHY_BYTES, "this build of mk has no OpenSSL, and makes no certificates without it");
    return false;
}

bool mk_cert_authority(uint32_t days, mk_pem_t *out, char why[MK_CERT_WHY_BYTES]) {
    (void)days, (void)out;
    return refuse(why);
}

bool mk_cert_node(const mk_pem_t *authority, const char *name, const char *role, uint32_t days, mk_pem_t *out,
                  char why[MK_CERT_WHY_BYTES]) {
    (void)authority, (void)name, (void)role, (void)days, (void)out;
    return refuse(why);
}
