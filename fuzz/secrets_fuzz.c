/* SPDX-License-Identifier: Apache-2.0 */
/* Text of a secret file. */
#include <stdlib.h>
#include <string.h>

#include "node/secrets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mk_secret_t secrets[MK_SECRETS_MAX];
    char        why[MK_SECRETS_WHY_BYTES] = "";
    size_t      n = 99;
    char       *text = malloc(size + 1); /* so that a byte too many is seen */
    if (text == NULL) return 0;
    memcpy(text, data, size);
    mk_err_t err = mk_secrets_parse(text, size, secrets, &n, why);
    free(text);
    if (n > MK_SECRETS_MAX || (err == MK_OK) != (n != 0) || (err == MK_OK) != (why[0] == '\0')) abort();
    for (size_t i = 0; i < n; i++)
        if (mk_role_may(secrets[i].role) == 0) abort();
    return 0;
}
