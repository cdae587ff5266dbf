/* SPDX-License-Identifier: Apache-2.0 */
/* range.h -- conditional and partial requests: entity tags, the conditions on them and on dates, byte ranges (RFC 9110 sections
 * 8.8, 13 and 14). Pure; any thread. */
#ifndef MK_HTTP_CODEC_RANGE_H
#define MK_HTTP_CODEC_RANGE_H

#include "http/codec/head.h"

/* What is being asked for, as it is now. */
typedef struct mk_http_validators {
    mk_http_text_t etag;       /* as in an ETag field, quotes and W/ included; absent: has none      */
    int64_t        modified_s; /* since 1970; negative: not known                                    */
} mk_http_validators_t;

bool mk_http_is_etag(mk_http_text_t text); /* "..." or W/"..." */
bool mk_http_etag_equal(mk_http_text_t a, mk_http_text_t b, bool weak); /* section 8.8.3.2 */

/* Whether `tag` is in a list as If-Match and If-None-Match have them; "*" has every tag. */
bool mk_http_etag_listed(mk_http_text_t list, mk_http_text_t tag, bool weak);

/* Evaluates If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since of a request for something that exists, in the
 * order of section 13.2.2. 0: go on; 304 (GET and HEAD) or 412. Dates that are none are ignored, as are dates in the future
 * of `now_s` in If-Modified-Since. */
int mk_http_conditions(const mk_http_request_t *request, const mk_http_validators_t *now, int64_t now_s);

/* The first and last byte of a part, both included. */
typedef struct mk_http_range {
    uint64_t first, last;
} mk_http_range_t;

/* More than this in one request serves nobody but attackers (section 14.2 lets us ignore the field). */
enum { MK_HTTP_RANGES_MAX = 16 };

typedef enum mk_http_ranges {
    MK_HTTP_WHOLE,         /* no range, one that is to be ignored, or If-Range says it changed: 200 with everything */
    MK_HTTP_PARTS,         /* 206                                                                                   */
    MK_HTTP_UNSATISFIABLE, /* 416, with Content-Range: bytes * / size                                               */
} mk_http_ranges_t;

/* What a GET request asks for of a representation of `size` bytes (Range and If-Range; other methods get the whole). PARTS: *n
 * ranges, at least 1, in the order asked for, each inside of the size; those that lie outside are left out. Overlapping ones,
 * and more than `cap`, are answered with the whole. */
mk_http_ranges_t mk_http_ranges_of(const mk_http_request_t *request, uint64_t size, const mk_http_validators_t *now,
                                   mk_http_range_t *out, size_t cap, size_t *n);

/* The value alone: "bytes=0-499, -500". WHOLE: another unit, or malformed. */
mk_http_ranges_t mk_http_ranges_parse(mk_http_text_t value, uint64_t size, mk_http_range_t *out, size_t cap, size_t *n);

/* "bytes 0-499/1234" and, with `range` NULL, "bytes * /1234" without the space; NUL behind it; returns its length. */
enum { MK_HTTP_CONTENT_RANGE_BYTES = 72 };
size_t mk_http_content_range_format(char out[MK_HTTP_CONTENT_RANGE_BYTES], const mk_http_range_t *range, uint64_t size);

/* The same read, of a 206: false when malformed, not in bytes, or without a range. *size is UINT64_MAX when it is "*". */
bool mk_http_content_range_parse(mk_http_text_t value, mk_http_range_t *range, uint64_t *size);

#endif
