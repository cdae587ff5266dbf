/* SPDX-License-Identifier: Apache-2.0 */
/* trust.h -- what a module is and whose. A signature is the last section of a module, a custom one named "mk.signature": the signer's
 * key and what it made of everything before the section. Any thread. */
#ifndef MK_WASM_TRUST_H
#define MK_WASM_TRUST_H

#include <stddef.h>
#include <stdint.h>

#include "base/sha256.h"
#include "microkernel/error.h"
#include "microkernel/wasm_actor.h"

enum {
    MK_TRUST_KEYS_MAX = 16,
    MK_TRUST_MODULES_MAX = 64,
};

/* Made in one pass over the bytes, which is most of what it costs. */
typedef struct mk_identity {
    uint8_t hash[MK_SHA256_BYTES]; /* of all of it: what it is called by                    */
    bool    is_signed;             /* it ends in a signature, whoever made it; then:        */
    uint8_t signed_hash[MK_SHA256_BYTES]; /* of what is before that                         */
    uint8_t key[WASM_KEY_BYTES];          /* of who says to have signed it                  */
} mk_identity_t;

void mk_identify(const void *bytes, size_t size, mk_identity_t *out);

wasm_signature_t mk_trust_signature(const mk_identity_t *identity, const void *bytes, size_t size);

/* Whether it may be loaded, and what its signature is worth. MK_ERR_DENIED: `err` says why not. */
MK_MUST_CHECK mk_err_t mk_trust_check(const mk_identity_t *identity, const void *bytes, size_t size, wasm_signature_t *out,
                                      char *err, size_t err_size);

#endif
