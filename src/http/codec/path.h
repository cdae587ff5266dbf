/* SPDX-License-Identifier: Apache-2.0 */
/* path.h -- paths of requests made safe to look up, percent-encoding (RFC 3986 section 2.1), pairs of a query, and the media
 * type that goes with a file's name. Pure; any thread. */
#ifndef MK_HTTP_CODEC_PATH_H
#define MK_HTTP_CODEC_PATH_H

#include "base/buffer.h"
#include "http/codec/fields.h"

/* Decodes the path of a request and takes its dot segments and doubled slashes out, so that it names something at or below the
 * root: "/a/%2e%2e/./b//c" becomes "/b/c". `out` gets it with a NUL; path.size + 1 bytes are enough for any. A slash at the end
 * stays, since it tells a folder from a file. MK_ERR_DENIED: it would climb above the root. MK_ERR_INVALID: does not begin with
 * a slash, a '%' without two hex digits, or an encoded NUL, slash, or control character (backslashes count as slashes would, so
 * they are refused too). MK_ERR_TOOLONG: `cap`. */
mk_err_t mk_http_path_resolve(mk_http_text_t path, char *out, size_t cap, size_t *size);

/* One segment or parameter: "%41" becomes "A", any byte but NUL may result. With `plus` a '+' becomes a space, as in forms.
 * `out` gets it with a NUL; text.size + 1 bytes are enough. MK_ERR_INVALID, MK_ERR_TOOLONG. */
mk_err_t mk_http_percent_decode(mk_http_text_t text, bool plus, char *out, size_t cap, size_t *size);

/* The other way: all but unreserved characters (RFC 3986 section 2.3), and slashes when `slashes`. False: out of memory. */
bool mk_http_percent_encode(mk_buffer_t *out, mk_http_text_t text, bool slashes);

/* The next "name=value" of a query or form, both still encoded; `rest` is advanced; a pair without '=' has an absent value.
 * False: no more. */
bool mk_http_query_next(mk_http_text_t *rest, mk_http_text_t *name, mk_http_text_t *value);

/* "text/html; charset=utf-8" for "/a/index.html"; "application/octet-stream" for what is not known. Never NULL; static. */
const char *mk_http_media_type(const char *path);

#endif
