/* SPDX-License-Identifier: Apache-2.0 */
/* certificates.h -- the certificates of make_certificates.sh, made when a test first asks for them. */
#ifndef MK_TESTS_NET_CERTIFICATES_H
#define MK_TESTS_NET_CERTIFICATES_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "rig/rig.h"

static const char certificates_folder[] = MK_BINARY_DIR "/tests/net/certificates";

/* Skips the running test where there is no `openssl` to make them with. */
static inline void certificates_make(void) {
    static bool made;
    if (made) return;
    if (system("openssl version >/dev/null 2>&1") != 0) rig_skip("no openssl command");
    if (system("'" MK_SOURCE_DIR "/tests/net/make_certificates.sh' '" MK_BINARY_DIR "/tests/net/certificates'") != 0)
        rig_fail(__FILE__, __LINE__, "make_certificates.sh failed, see %s/log", certificates_folder);
    made = true;
}

/* The text of "good.pem", say: the caller's, from malloc(). */
static inline char *certificates_read(const char *file) {
    certificates_make();
    char  path[512], *text = calloc(1, 65536);
    snprintf(path, sizeof(path), "%s/%s", certificates_folder, file);
    FILE *from = fopen(path, "r");
    if (from == NULL || text == NULL || fread(text, 1, 65535, from) == 0) rig_fail(__FILE__, __LINE__, "no %s", path);
    fclose(from);
    return text;
}

#endif
