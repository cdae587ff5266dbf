/* SPDX-License-Identifier: Apache-2.0 */
/* ed25519.h -- signatures (RFC 8032), by the library that has them. Any thread. */
#ifndef MK_NET_ED25519_H
#define MK_NET_ED25519_H

#include <stddef.h>
#include <stdint.h>

#include "microkernel/error.h"

enum { MK_ED25519_KEY_BYTES = 32, MK_ED25519_SIGNATURE_BYTES = 64 };

/* MK_OK: that key has signed these bytes. MK_ERR_DENIED: it has not. MK_ERR_NOSYS: this build cannot tell; MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_ed25519_verify(const uint8_t key[MK_ED25519_KEY_BYTES],
                                         const uint8_t signature[MK_ED25519_SIGNATURE_BYTES], const void *data, size_t size);

#endif
