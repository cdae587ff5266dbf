/* SPDX-License-Identifier: Apache-2.0 */
/* fields.h -- pieces of text inside someone else's bytes, the fields of a head (RFC 9110 section 5), and the lists and tokens
 * that their values are made of. Pure functions, any thread; nothing is copied and nothing allocated. */
#ifndef MK_HTTP_CODEC_FIELDS_H
#define MK_HTTP_CODEC_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes without a NUL behind them. {NULL, 0}: absent, which is not the same as empty. */
typedef struct mk_http_text {
    const char *at;
    size_t      size;
} mk_http_text_t;

mk_http_text_t mk_http_text(const char *text);                         /* up to its NUL                              */
bool mk_http_text_equal(mk_http_text_t text, const char *other);       /* byte for byte                              */
bool mk_http_text_alike(mk_http_text_t text, const char *other);       /* letters of either case (ASCII)             */
bool mk_http_text_to_u64(mk_http_text_t text, uint64_t *out);          /* digits only, at least one, no overflow     */

/* One field line. Name: a token, never empty. Value: without white space around it, maybe empty; visible ASCII, bytes from 0x80
 * up, spaces and tabs, so no CR, LF or NUL can be in it. */
typedef struct mk_http_field {
    mk_http_text_t name, value;
} mk_http_field_t;

/* Fields in the order in which they came. `at` is the caller's array. */
typedef struct mk_http_fields {
    mk_http_field_t *at;
    size_t           n, cap;
} mk_http_fields_t;

/* The value of the first field of that name (either case), or an absent text. */
mk_http_text_t mk_http_fields_get(const mk_http_fields_t *fields, const char *name);

/* The same for names that may come several times: begin with *index 0. False: no more. */
bool mk_http_fields_next(const mk_http_fields_t *fields, const char *name, size_t *index, mk_http_text_t *value);

/* Whether a field of that name has `element` (either case) in its comma-separated list, in any of its lines; parameters
 * behind a semicolon are not looked at: "a;q=1" has element "a". */
bool mk_http_fields_list_has(const mk_http_fields_t *fields, const char *name, const char *element);

/* The next element of a comma-separated list (RFC 9110 section 5.6.1): empty ones are skipped, white space around it is not
 * part of it, commas in quoted strings do not separate. `rest` is advanced. False: no more. */
bool mk_http_list_next(mk_http_text_t *rest, mk_http_text_t *element);

/* A parameter of a value such as `text/html; charset=utf-8` or `attachment; filename="a b"`: its value, inside its quotes when
 * it is quoted (escapes as they stand). False: there is none, or the value is malformed before it. */
bool mk_http_param_get(mk_http_text_t value, const char *name, mk_http_text_t *out);

/* "Name: value" (also without the space) into its parts, checked as those of a message from a peer are. False: not one. */
bool mk_http_field_split(mk_http_text_t line, mk_http_field_t *out);

bool mk_http_is_token(mk_http_text_t text);       /* RFC 9110 section 5.6.2; at least one character           */
bool mk_http_is_field_value(mk_http_text_t text); /* may stand in a field: no controls but tabs, no white space at its ends */

/* Whether the name belongs to the connection and the framing of one message (Connection, Content-Length, Transfer-Encoding,
 * Keep-Alive, Proxy-Connection, TE, Trailer, Upgrade): who copies fields from elsewhere leaves these out. */
bool mk_http_field_is_hop(mk_http_text_t name);

#endif
