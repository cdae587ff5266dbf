/* SPDX-License-Identifier: Apache-2.0 */
/* date.h -- dates as RFC 9110 section 5.6.7 has them: one format written, three read. Seconds since 1970 in UTC, no leap
 * seconds. Pure; any thread. */
#ifndef MK_HTTP_CODEC_DATE_H
#define MK_HTTP_CODEC_DATE_H

#include "http/codec/fields.h"

/* "Sun, 06 Nov 1994 08:49:37 GMT" and its NUL. The year is 0 to 9999: a time outside is taken for the nearest that is inside. */
enum { MK_HTTP_DATE_BYTES = 30 };
void mk_http_date_format(int64_t unix_s, char out[MK_HTTP_DATE_BYTES]);

/* IMF-fixdate, RFC 850 and asctime formats. `now_s` is for the two-digit years of the second: more than 50 years ahead of it
 * means the century before. The name of the day is checked for its form, not against the date; a 60th second is allowed.
 * False: not a date. */
bool mk_http_date_parse(mk_http_text_t text, int64_t now_s, int64_t *unix_s);

#endif
