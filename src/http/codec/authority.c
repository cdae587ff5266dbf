/* SPDX-License-Identifier: Apache-2.0 */
/* authority.c -- see authority.h. */
#include "http/codec/authority.h"

#include <string.h>

#include "http/codec/head.h"
#include "http/codec/table.h"

bool mk_http_is_ipv4(mk_http_text_t text) {
    size_t at = 0;
    for (int part = 0; part < 4; part++) {
        if (part > 0 && (at == text.size || text.at[at++] != '.')) return false;
        size_t   begin = at;
        unsigned number = 0;
        while (at < text.size && at - begin < 3 && mk_http_is(text.at[at], MK_HTTP_IS_DIGIT))
            number = number * 10 + (unsigned)(text.at[at++] - '0');
        if (at == begin || number > 255 || (at - begin > 1 && text.at[begin] == '0')) return false;
    }
    return at == text.size;
}

bool mk_http_is_ipv6(mk_http_text_t text) {
    size_t at = 0;
    int    groups = 0;
    bool   gap = false; /* there was a "::" */
    if (text.size >= 2 && text.at[0] == ':' && text.at[1] == ':') gap = true, at = 2;
    while (at < text.size) {
        size_t begin = at;
        while (at < text.size && at - begin < 4 && mk_http_is(text.at[at], MK_HTTP_IS_HEX)) at++;
        if (at < text.size && text.at[at] == '.') { /* an IPv4 address in its last four bytes */
            groups += 2;
            if (!mk_http_is_ipv4((mk_http_text_t){text.at + begin, text.size - begin})) return false;
            break;
        }
        if (at == begin) return false;
        groups++;
        if (at == text.size) break;
        if (text.at[at++] != ':' || at == text.size)
            return false; /* one colon behind a group, and something behind that */
        if (text.at[at] == ':') {
            if (gap) return false;
            gap = true;
            at++;
        }
    }
    return gap ? groups <= 7 : groups == 8;
}

static bool is_name(mk_http_text_t text) {
    for (size_t i = 0; i < text.size; i++) {
        if (mk_http_is(text.at[i], MK_HTTP_IS_NAME)) continue;
        if (text.at[i] != '%' || text.size - i < 3 || !mk_http_is(text.at[i + 1], MK_HTTP_IS_HEX) ||
            !mk_http_is(text.at[i + 2], MK_HTTP_IS_HEX))
            return false;
        i += 2;
    }
    return text.size > 0;
}

static bool read_port(mk_http_text_t text, uint16_t *port) {
    uint64_t number;
    *port = 0;
    if (text.size == 0) return true;
    if (!mk_http_text_to_u64(text, &number) || number == 0 || number > UINT16_MAX) return false;
    *port = (uint16_t)number;
    return true;
}

bool mk_http_authority_parse(mk_http_text_t text, mk_http_authority_t *out) {
    *out = (mk_http_authority_t){.ipv6 = text.size > 0 && text.at[0] == '['};
    const char *host_end = text.size > 0 ? memchr(text.at, out->ipv6 ? ']' : ':', text.size) : NULL;
    if (host_end == NULL) {
        out->host = text;
        return !out->ipv6 && is_name(text);
    }
    size_t size = (size_t)(host_end - text.at);
    out->host = (mk_http_text_t){text.at + out->ipv6, size - out->ipv6};
    if (!(out->ipv6 ? mk_http_is_ipv6(out->host) : is_name(out->host))) return false;
    size += out->ipv6; /* its bracket */
    if (size == text.size) return true;
    return text.at[size] == ':' && read_port((mk_http_text_t){text.at + size + 1, text.size - size - 1}, &out->port);
}

bool mk_http_authority_split(mk_http_text_t authority, mk_http_text_t *host, uint16_t *port) {
    mk_http_authority_t parts;
    if (!mk_http_authority_parse(authority, &parts)) return false;
    *host = parts.host;
    *port = parts.port;
    return true;
}
