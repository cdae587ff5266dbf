/* SPDX-License-Identifier: Apache-2.0 */
/* path.c -- see path.h. A path is decoded once, segment by segment, and dot segments are looked for in what came out: no form
 * of ".." gets past, and what is decoded is not decoded again. */
#include "http/codec/path.h"

#include <string.h>

#include "http/codec/table.h"

/* The byte at *at of `text`, decoded, and *at moved behind it; negative when a '%' is not followed by two hex digits. */
static int take_byte(mk_http_text_t text, size_t *at) {
    char c = text.at[(*at)++];
    if (c != '%') return (uint8_t)c;
    if (text.size - *at < 2 || !mk_http_is(text.at[*at], MK_HTTP_IS_HEX) ||
        !mk_http_is(text.at[*at + 1], MK_HTTP_IS_HEX))
        return -1;
    *at += 2;
    return (int)(mk_http_hex(text.at[*at - 2]) << 4 | mk_http_hex(text.at[*at - 1]));
}

mk_err_t mk_http_percent_decode(mk_http_text_t text, bool plus, char *out, size_t cap, size_t *size) {
    size_t n = 0;
    for (size_t at = 0; at < text.size;) {
        bool space = plus && text.at[at] == '+';
        int  byte = take_byte(text, &at);
        if (byte <= 0) return MK_ERR_INVALID;
        if (n + 1 >= cap) return MK_ERR_TOOLONG;
        out[n++] = space ? ' ' : (char)byte;
    }
    if (n >= cap) return MK_ERR_TOOLONG;
    out[n] = '\0';
    *size = n;
    return MK_OK;
}

static mk_err_t decode_segment(mk_http_text_t segment, char *out, size_t cap, size_t *size) {
    mk_err_t err = mk_http_percent_decode(segment, false, out, cap, size);
    if (err != MK_OK) return err;
    for (size_t i = 0; i < *size; i++) {
        if (out[i] == '/' || out[i] == '\\' || (uint8_t)out[i] < 0x20 || out[i] == 0x7F) return MK_ERR_INVALID;
    }
    return MK_OK;
}

mk_err_t mk_http_path_resolve(mk_http_text_t path, char *out, size_t cap, size_t *size) {
    if (path.size == 0 || path.at[0] != '/') return MK_ERR_INVALID;
    if (cap < 2) return MK_ERR_TOOLONG;
    size_t n = 1; /* what is there ends with a slash whenever a segment begins */
    out[0] = '/';
    for (size_t at = 1; at <= path.size;) {
        const char    *slash = at < path.size ? memchr(path.at + at, '/', path.size - at) : NULL;
        mk_http_text_t segment = {path.at + at, (slash != NULL ? (size_t)(slash - path.at) : path.size) - at};
        size_t         decoded;
        mk_err_t       err = decode_segment(segment, out + n, cap - n, &decoded);
        if (err != MK_OK) return err;
        at += segment.size + 1;
        mk_http_text_t name = {out + n, decoded};
        if (mk_http_text_equal(name, "..")) {
            if (n == 1) return MK_ERR_DENIED;
            for (n--; out[n - 1] != '/';) n--;
        } else if (decoded > 0 && !mk_http_text_equal(name, ".")) {
            n += decoded;
            if (slash != NULL) {
                if (n + 1 >= cap) return MK_ERR_TOOLONG;
                out[n++] = '/';
            }
        }
    }
    out[n] = '\0';
    *size = n;
    return MK_OK;
}

bool mk_http_percent_encode(mk_buffer_t *out, mk_http_text_t text, bool slashes) {
    if (text.size == 0) return true;
    uint8_t *at = mk_buffer_reserve(out, text.size * 3);
    if (at == NULL) return false;
    uint8_t *begin = at;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = (uint8_t)text.at[i];
        if (mk_http_is(text.at[i], MK_HTTP_IS_UNRESERVED) || (slashes && c == '/')) {
            *at++ = c;
        } else {
            *at++ = '%';
            *at++ = (uint8_t) "0123456789ABCDEF"[c >> 4];
            *at++ = (uint8_t) "0123456789ABCDEF"[c & 15];
        }
    }
    out->size += (size_t)(at - begin);
    return true;
}

bool mk_http_query_next(mk_http_text_t *rest, mk_http_text_t *name, mk_http_text_t *value) {
    while (rest->size > 0) {
        const char    *end = memchr(rest->at, '&', rest->size);
        mk_http_text_t pair = {rest->at, end != NULL ? (size_t)(end - rest->at) : rest->size};
        size_t         taken = pair.size + (end != NULL);
        rest->at += taken;
        rest->size -= taken;
        if (pair.size == 0) continue;
        const char *equals = memchr(pair.at, '=', pair.size);
        *name = equals != NULL ? (mk_http_text_t){pair.at, (size_t)(equals - pair.at)} : pair;
        *value = equals != NULL ? (mk_http_text_t){equals + 1, pair.size - name->size - 1} : (mk_http_text_t){NULL, 0};
        return true;
    }
    return false;
}
