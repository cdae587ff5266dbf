/* SPDX-License-Identifier: Apache-2.0 */
/* message.h -- writes heads (RFC 9112 sections 2 to 4). Whatever callers pass, what comes out is one head: a name that is no
 * token or a value with CR, LF, NUL or another control character in it is refused, so nobody can slip in a field or a response.
 *
 *     mk_http_write_status(out, 200, NULL);
 *     mk_http_write_field(out, mk_http_text("Content-Type"), type);
 *     mk_http_write_number(out, "Content-Length", size);
 *     mk_http_write_end(out);
 *     if (out->failed) ...
 *
 * Every function appends all of its line or nothing. MK_ERR_INVALID: refused, `out` is as before. MK_ERR_NOMEM: the same, and
 * out->failed is set, so a head whose parts are our own may be checked once at its end. Any thread. */
#ifndef MK_HTTP_CODEC_MESSAGE_H
#define MK_HTTP_CODEC_MESSAGE_H

#include "base/buffer.h"
#include "http/codec/fields.h"

/* "HTTP/1.1 200 OK". `reason` NULL: the usual one. Status 100 to 599. */
mk_err_t mk_http_write_status(mk_buffer_t *out, int status, const char *reason);

/* "GET /path HTTP/1.1". The method is a token; the target is not empty and visible ASCII throughout. */
mk_err_t mk_http_write_request(mk_buffer_t *out, mk_http_text_t method, mk_http_text_t target);

/* "Name: value". White space around the value is left out. */
mk_err_t mk_http_write_field(mk_buffer_t *out, mk_http_text_t name, mk_http_text_t value);
mk_err_t mk_http_write_number(mk_buffer_t *out, const char *name, uint64_t value);

/* A field as callers of the actor API give it: "Name: value". Those of mk_http_field_is_hop() are refused: they are ours. */
mk_err_t mk_http_write_line(mk_buffer_t *out, mk_http_text_t line);

mk_err_t mk_http_write_end(mk_buffer_t *out); /* the empty line */

/* "OK" for 200; "" for what RFC 9110 section 15 and the registry's common ones do not name. */
const char *mk_http_reason(int status);

#endif
