/* SPDX-License-Identifier: Apache-2.0 */
/* trust.h -- whose modules are loaded. A signature is the last section of a module, a custom one named "mk.signature": the signer's key
 * and what it made of everything before the section. Any thread. */
#ifndef MK_WASM_TRUST_H
#define MK_WASM_TRUST_H

#include <stddef.h>
#include <stdint.h>

#include "base/sha256.h"
#include "microkernel/error.h"

enum {
    MK_TRUST_KEYS_MAX = 16,
    MK_TRUST_MODULES_MAX = 64,
};

/* Whether it may be loaded. MK_ERR_DENIED: `err` says why not. */
MK_MUST_CHECK mk_err_t mk_trust_check(const void *bytes, size_t size, char *err, size_t err_size);

#endif
