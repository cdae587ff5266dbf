/* SPDX-License-Identifier: Apache-2.0 */
/* head.h -- the heads of requests and responses (RFC 9112 sections 2 to 6): bytes in, one structure out, with everything that
 * decides about the connection decided here and once: framing, persistence, expectations.
 *
 * Strict on purpose. What two parsers could read differently is refused, not repaired: lines that do not end in CR LF, control
 * characters, white space before a colon, folded lines, two hosts, two lengths, a length beside a transfer coding, codings
 * other than `chunked`. One empty line before a request is tolerated (RFC 9112 section 2.2).
 *
 * How it is called: with all bytes of the message that have come so far, again and again, until the answer is not MK_HTTP_MORE.
 * Between calls the caller keeps nothing but `scanned`, 0 for each new message, so each byte is looked for a line end once
 * however they trickle in. The answer depends on the bytes alone, never on how they were cut:
 *   - a head is judged when it is whole; its first line as soon as that is whole; its first byte at once;
 *   - a line end without its CR, and a limit that is passed, are answered at once.
 *
 * Pure: no allocation, no I/O, no global; any thread. All texts point into the caller's bytes of the last call and live as long
 * as those; the fields are stored in the caller's array, which may be one for all connections. */
#ifndef MK_HTTP_CODEC_HEAD_H
#define MK_HTTP_CODEC_HEAD_H

#include "http/codec/fields.h"

typedef enum mk_http_step {
    MK_HTTP_MORE,  /* nothing decided yet                         */
    MK_HTTP_DONE,  /* whole; `used` bytes belong to it            */
    MK_HTTP_WRONG, /* refused; nothing behind it can be trusted   */
} mk_http_step_t;

/* Zero takes the default named. The number of fields is limited by the array that is given, too. */
typedef struct mk_http_limits {
    uint32_t head_bytes_max;   /* from the first byte through the empty line; 0: 16 KiB           */
    uint32_t fields_max;       /* 0: 100                                                          */
    uint32_t target_bytes_max; /* of a request; 0: 8,000 (what RFC 9112 section 3 recommends)     */
} mk_http_limits_t;

enum { MK_HTTP_HEAD_BYTES = 16384, MK_HTTP_FIELDS = 100, MK_HTTP_TARGET_BYTES = 8000 };

/* Why a head or body was refused: the status to answer (a server's; for a client's texts it is 502) and a few words in plain
 * ASCII, static. */
typedef struct mk_http_wrong {
    int         status;
    const char *why;
} mk_http_wrong_t;

typedef enum mk_http_method {
    MK_HTTP_OTHER, /* a token, but none of these */
    MK_HTTP_GET,
    MK_HTTP_HEAD,
    MK_HTTP_POST,
    MK_HTTP_PUT,
    MK_HTTP_DELETE,
    MK_HTTP_PATCH,
    MK_HTTP_OPTIONS,
    MK_HTTP_CONNECT,
    MK_HTTP_TRACE,
} mk_http_method_t;

mk_http_method_t mk_http_method_of(mk_http_text_t text); /* case counts (RFC 9110 section 9.1) */
const char      *mk_http_method_text(mk_http_method_t method); /* "" for MK_HTTP_OTHER */

/* How a body ends; see body.h. */
typedef enum mk_http_framing {
    MK_HTTP_NO_BODY,
    MK_HTTP_LENGTH,      /* `length` bytes; 0 is possible */
    MK_HTTP_CHUNKED,
    MK_HTTP_UNTIL_CLOSE, /* responses only */
} mk_http_framing_t;

typedef enum mk_http_form {
    MK_HTTP_ORIGIN,    /* "/path?query"                          */
    MK_HTTP_ABSOLUTE,  /* "http://host/path?query"               */
    MK_HTTP_AUTHORITY, /* "host:port", with CONNECT and only so  */
    MK_HTTP_ASTERISK,  /* "*", with OPTIONS and only so          */
} mk_http_form_t;

typedef struct mk_http_request {
    mk_http_fields_t  fields;          /* `at` and `cap` are set by the caller before the call               */
    mk_http_text_t    method_text, target;
    mk_http_method_t  method;
    mk_http_form_t    form;
    mk_http_text_t    host;            /* "name" or "name:port", checked; absent in HTTP/1.0 without one     */
    mk_http_text_t    path;            /* still percent-encoded, begins with '/', without the query; in the
                                          absolute form "/" when it has none; absent in the other two forms  */
    mk_http_text_t    query;           /* behind the '?'; absent without one                                 */
    uint64_t          length;          /* with MK_HTTP_LENGTH                                                */
    mk_http_framing_t framing;         /* NO_BODY, LENGTH or CHUNKED                                         */
    uint8_t           minor;           /* 0: HTTP/1.0; 1: HTTP/1.1 and what may come after it                */
    bool              secure;          /* absolute form with https:                                          */
    bool              keep_alive;      /* the client lets the connection live                                */
    bool              expect_continue; /* it waits for 100 before it sends its body                          */
    bool              upgrade;         /* HTTP/1.1, `Connection: upgrade` and an Upgrade field               */
    mk_http_text_t    upgrade_to;      /* its value, when `upgrade`                                          */
} mk_http_request_t;

typedef struct mk_http_response {
    mk_http_fields_t  fields;          /* `at` and `cap` are set by the caller before the call               */
    mk_http_text_t    reason;          /* maybe empty                                                        */
    uint64_t          length;
    mk_http_framing_t framing;
    uint16_t          status;          /* 100 to 599                                                         */
    uint8_t           minor;
    bool              keep_alive;      /* false, too, when only the end of the connection ends the body      */
    bool              upgrade;         /* 101 with `Connection: upgrade` and an Upgrade field                */
    mk_http_text_t    upgrade_to;
} mk_http_response_t;

/* A request head. DONE: *used bytes were its; the body or the next request begins there. WRONG: *wrong says what to answer:
 * 400, 414 (target or first line), 417 (an expectation we do not know), 431, 501 (a coding we do not know, a method longer than
 * any there is), 505. MORE: *scanned has moved. `limits` NULL: all defaults. */
mk_http_step_t mk_http_request_parse(const void *bytes, size_t size, const mk_http_limits_t *limits, size_t *scanned,
                                     mk_http_request_t *out, size_t *used, mk_http_wrong_t *wrong);

/* A response head, to a request with `method`: what it was decides whether a body follows. 1xx are answers like any other, with
 * no body; skipping them is the caller's, and so is remembering how many came. An empty line before it is refused. */
mk_http_step_t mk_http_response_parse(const void *bytes, size_t size, const mk_http_limits_t *limits, mk_http_method_t method,
                                      size_t *scanned, mk_http_response_t *out, size_t *used, mk_http_wrong_t *wrong);

/* Makes all texts point into a copy of the head's bytes: those at `from` now lie at `to`. Fields are changed in place; who
 * keeps a head has copied them first and set fields.at. */
void mk_http_request_rebase(mk_http_request_t *request, const void *from, const void *to);
void mk_http_response_rebase(mk_http_response_t *response, const void *from, const void *to);

/* "name", "name:port", "[v6]:port", without anything else: as in Host fields. Port 0 when there is none; host without its
 * brackets. */
bool mk_http_authority_split(mk_http_text_t authority, mk_http_text_t *host, uint16_t *port);

#endif
