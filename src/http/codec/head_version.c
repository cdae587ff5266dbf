/* SPDX-License-Identifier: Apache-2.0 */
/* head_version.c -- the version and the method, the words a first line is made of. */
#include "http/codec/head_parts.h"

#include <string.h>

#include "http/codec/table.h"

bool mk_http_head_version(const char at[MK_HTTP_VERSION_BYTES], uint8_t *minor, mk_http_wrong_t *wrong) {
    if (memcmp(at, "HTTP/", 5) != 0 || !mk_http_is(at[5], MK_HTTP_IS_DIGIT) || at[6] != '.' ||
        !mk_http_is(at[7], MK_HTTP_IS_DIGIT))
        return mk_http_refuse(wrong, 400, "not an HTTP version");
    if (at[5] != '1') return mk_http_refuse(wrong, 505, "an HTTP version other than 1");
    *minor = at[7] == '0' ? 0 : 1;
    return true;
}

static const struct {
    const char *text;
    size_t      size;
} methods[] = {
    [MK_HTTP_OTHER] = {"", 0},      [MK_HTTP_GET] = {"GET", 3},         [MK_HTTP_HEAD] = {"HEAD", 4},
    [MK_HTTP_POST] = {"POST", 4},   [MK_HTTP_PUT] = {"PUT", 3},         [MK_HTTP_DELETE] = {"DELETE", 6},
    [MK_HTTP_PATCH] = {"PATCH", 5}, [MK_HTTP_OPTIONS] = {"OPTIONS", 7}, [MK_HTTP_CONNECT] = {"CONNECT", 7},
    [MK_HTTP_TRACE] = {"TRACE", 5},
};

mk_http_method_t mk_http_method_of(mk_http_text_t text) {
    for (int i = MK_HTTP_GET; i <= MK_HTTP_TRACE; i++) {
        if (text.size == methods[i].size && memcmp(text.at, methods[i].text, text.size) == 0)
            return (mk_http_method_t)i;
    }
    return MK_HTTP_OTHER;
}

const char *mk_http_method_text(mk_http_method_t method) {
    return (unsigned)method <= MK_HTTP_TRACE ? methods[method].text : "";
}
