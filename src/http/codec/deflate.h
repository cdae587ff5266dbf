/* SPDX-License-Identifier: Apache-2.0 */
/* deflate.h -- messages compressed one by one into a DEFLATE stream (RFC 1951), as permessage-deflate wants them (RFC 7692
 * section 7.2). zlib does the work; a build without it has the same calls, which answer MK_ERR_NOSYS. Pure; one thread per
 * object. */
#ifndef MK_HTTP_CODEC_DEFLATE_H
#define MK_HTTP_CODEC_DEFLATE_H

#include "base/buffer.h"

typedef struct mk_deflater mk_deflater_t; /* 256 KiB at 15 bits, a window of 2^bits bytes; half of it with each bit less  */
typedef struct mk_inflater mk_inflater_t; /* 7 KiB, and the window                                                       */

enum { MK_DEFLATE_BITS_MIN = 9, MK_DEFLATE_BITS_MAX = 15 };

bool mk_deflate_is_available(void);

/* MK_ERR_NOSYS, MK_ERR_NOMEM, MK_ERR_INVALID (`bits`: zlib does not compress with a window of 8). */
MK_MUST_CHECK mk_err_t mk_deflater_create(unsigned bits, mk_deflater_t **out);
void                   mk_deflater_destroy(mk_deflater_t *deflater); /* NULL is allowed */

/* Appends the whole message as a permessage-deflate payload. `takeover`: the next one may refer to it; else all is forgotten.
 * MK_ERR_NOMEM: nothing is appended and the deflater has forgotten what the other side remembers; destroy it. */
MK_MUST_CHECK mk_err_t mk_deflate_message(mk_deflater_t *deflater, const void *bytes, size_t size, bool takeover, mk_buffer_t *out);

/* `bits` of the other side's window; 8 is taken, too. MK_ERR_NOSYS, MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_inflater_create(unsigned bits, mk_inflater_t **out);
void                   mk_inflater_destroy(mk_inflater_t *inflater); /* NULL is allowed */

/* Appends what the next bytes of a message stand for, but never makes *out longer than `limit`. MK_ERR_TOOLONG: it would be;
 * MK_ERR_FORMAT: not DEFLATE, or more ends of a stream inside one message than anybody needs; MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_inflate(mk_inflater_t *inflater, const void *bytes, size_t size, size_t limit, mk_buffer_t *out);

/* The message is over. MK_ERR_FORMAT: in the middle of something. The next one may refer to it. */
MK_MUST_CHECK mk_err_t mk_inflate_end(mk_inflater_t *inflater, size_t limit, mk_buffer_t *out);

#endif
