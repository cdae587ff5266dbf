/* SPDX-License-Identifier: Apache-2.0 */
/* sha1.h -- SHA-1 (FIPS 180-4), for protocols that ask for it where nothing secret depends on it: the answer to a WebSocket
 * handshake. For anything else there is sha256.h. */
#ifndef MK_BASE_SHA1_H
#define MK_BASE_SHA1_H

#include <stddef.h>
#include <stdint.h>

enum { MK_SHA1_BYTES = 20 };

void mk_sha1(const void *bytes, size_t size, uint8_t digest[MK_SHA1_BYTES]);

#endif
