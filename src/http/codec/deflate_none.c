/* SPDX-License-Identifier: Apache-2.0 */
/* deflate_none.c -- a build without a compressor: nothing is offered, so nothing is asked for. */
#include "http/codec/deflate.h"

bool mk_deflate_is_available(void) { return false; }

mk_err_t mk_deflater_create(unsigned bits, mk_deflater_t **out) {
    (void)bits;
    (void)out;
    return MK_ERR_NOSYS;
}

void mk_deflater_destroy(mk_deflater_t *deflater) { (void)deflater; }

mk_err_t mk_deflate_message(mk_deflater_t *deflater, const void *bytes, size_t size, bool takeover, mk_buffer_t *out) {
    (void)deflater;
    (void)bytes;
    (void)size;
    (void)takeover;
    (void)out;
    return MK_ERR_NOSYS;
}

mk_err_t mk_inflater_create(unsigned bits, mk_inflater_t **out) {
    (void)bits;
    (void)out;
    return MK_ERR_NOSYS;
}

void mk_inflater_destroy(mk_inflater_t *inflater) { (void)inflater; }

mk_err_t mk_inflate(mk_inflater_t *inflater, const void *bytes, size_t size, size_t limit, mk_buffer_t *out) {
    (void)inflater;
    (void)bytes;
    (void)size;
    (void)limit;
    (void)out;
    return MK_ERR_NOSYS;
}

mk_err_t mk_inflate_end(mk_inflater_t *inflater, size_t limit, mk_buffer_t *out) {
    (void)inflater;
    (void)limit;
    (void)out;
    return MK_ERR_NOSYS;
}
