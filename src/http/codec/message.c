/* SPDX-License-Identifier: Apache-2.0 */
/* message.c -- see message.h. Every line is checked first and then appended whole. */
#include "http/codec/message.h"

#include <string.h>

#include "http/codec/table.h"

static bool all(mk_http_text_t text, unsigned what) {
    for (size_t i = 0; i < text.size; i++) {
        if (!mk_http_is(text.at[i], what)) return false;
    }
    return true;
}

/* The pieces one after the other, or none of them. */
static mk_err_t append(mk_buffer_t *out, const mk_http_text_t *pieces, size_t n) {
    size_t size = 0;
    for (size_t i = 0; i < n; i++) size += pieces[i].size;
    uint8_t *at = mk_buffer_reserve(out, size);
    if (at == NULL) return MK_ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        if (pieces[i].size > 0) memcpy(at, pieces[i].at, pieces[i].size);
        at += pieces[i].size;
    }
    out->size += size;
    return MK_OK;
}

#define PIECE(literal) ((mk_http_text_t){(literal), sizeof(literal) - 1})
#define APPEND(out, ...) \
    append((out), (mk_http_text_t[]){__VA_ARGS__}, sizeof((mk_http_text_t[]){__VA_ARGS__}) / sizeof(mk_http_text_t))

mk_err_t mk_http_write_status(mk_buffer_t *out, int status, const char *reason) {
    if (status < 100 || status > 599) return MK_ERR_INVALID;
    char           digits[3] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10), (char)('0' + status % 10)};
    mk_http_text_t text = mk_http_text(reason != NULL ? reason : mk_http_reason(status));
    if (!all(text, MK_HTTP_IS_VALUE)) return MK_ERR_INVALID;
    return APPEND(out, PIECE("HTTP/1.1 "), {digits, 3}, PIECE(" "), text, PIECE("\r\n"));
}

mk_err_t mk_http_write_request(mk_buffer_t *out, mk_http_text_t method, mk_http_text_t target) {
    if (!mk_http_is_token(method) || target.size == 0 || !all(target, MK_HTTP_IS_TARGET)) return MK_ERR_INVALID;
    return APPEND(out, method, PIECE(" "), target, PIECE(" HTTP/1.1\r\n"));
}

mk_err_t mk_http_write_field(mk_buffer_t *out, mk_http_text_t name, mk_http_text_t value) {
    while (value.size > 0 && (value.at[0] == ' ' || value.at[0] == '\t')) value.at++, value.size--;
    while (value.size > 0 && (value.at[value.size - 1] == ' ' || value.at[value.size - 1] == '\t')) value.size--;
    if (!mk_http_is_token(name) || !all(value, MK_HTTP_IS_VALUE)) return MK_ERR_INVALID;
    return APPEND(out, name, PIECE(": "), value, PIECE("\r\n"));
}

mk_err_t mk_http_write_number(mk_buffer_t *out, const char *name, uint64_t value) {
    char   digits[20]; /* of 2^64 - 1 */
    size_t at = sizeof digits;
    do digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    return mk_http_write_field(out, mk_http_text(name), (mk_http_text_t){digits + at, sizeof digits - at});
}

mk_err_t mk_http_write_line(mk_buffer_t *out, mk_http_text_t line) {
    mk_http_field_t field;
    if (!mk_http_field_split(line, &field) || mk_http_field_is_hop(field.name)) return MK_ERR_INVALID;
    return mk_http_write_field(out, field.name, field.value);
}

mk_err_t mk_http_write_end(mk_buffer_t *out) { return APPEND(out, PIECE("\r\n")); }

const char *mk_http_reason(int status) {
    switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 103: return "Early Hints";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 203: return "Non-Authoritative Information";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 407: return "Proxy Authentication Required";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 425: return "Too Early";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 451: return "Unavailable For Legal Reasons";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    case 511: return "Network Authentication Required";
    default: return "";
    }
}
