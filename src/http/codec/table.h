/* SPDX-License-Identifier: Apache-2.0 */
/* table.h -- what each of the 256 bytes may be part of, as one table of bits: a look-up instead of a row of comparisons. For
 * the codecs themselves. */
#ifndef MK_HTTP_CODEC_TABLE_H
#define MK_HTTP_CODEC_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    MK_HTTP_IS_TOKEN = 0x01,      /* tchar (RFC 9110 section 5.6.2)                                                   */
    MK_HTTP_IS_VALUE = 0x02,      /* inside of a field value: visible, space, tab, from 0x80 up                       */
    MK_HTTP_IS_TARGET = 0x04,     /* in a request target: visible ASCII but '#', which only ever starts a fragment    */
    MK_HTTP_IS_NAME = 0x08,       /* in a host's name (RFC 3986 reg-name): unreserved, sub-delims; '%' is apart       */
    MK_HTTP_IS_UNRESERVED = 0x10, /* RFC 3986 section 2.3                                                             */
    MK_HTTP_IS_DIGIT = 0x20,
    MK_HTTP_IS_HEX = 0x40,
    MK_HTTP_IS_PATH = 0x80, /* in a URL's path as it is: pchar without '%', and '/'                                   */
};

extern const uint8_t mk_http_table[256];

static inline bool mk_http_is(char c, unsigned what) { return (mk_http_table[(uint8_t)c] & what) != 0; }

static inline char mk_http_lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c; }

/* 0 to 15; MK_HTTP_IS_HEX is known. */
static inline unsigned mk_http_hex(char c) { return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10); }

#endif
