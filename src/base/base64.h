/* SPDX-License-Identifier: Apache-2.0 */
/* base64.h -- the standard alphabet with padding (RFC 4648 section 4). */
#ifndef MK_BASE_BASE64_H
#define MK_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters that `size` bytes become, without a NUL. */
#define MK_BASE64_CHARS(size) (((size) + 2) / 3 * 4)

/* Writes MK_BASE64_CHARS(size) characters and a NUL. */
void mk_base64_encode(const void *bytes, size_t size, char *out);

/* The strict reverse: padded, no other characters, unused bits zero. At most size / 4 * 3 bytes. False: not base64; *out is
 * then undefined. */
bool mk_base64_decode(const char *text, size_t size, uint8_t *out, size_t *out_size);

#endif
