/* SPDX-License-Identifier: Apache-2.0 */
/* request_message.c -- requests as messages: fields first, texts behind them, then the body. What a route took from the path
 * comes last, "name\0value\0" for each and one more NUL, so that it lives as long as the message and no payload tells of it. */
#include <string.h>

#include "http/codec/table.h"
#include "http/server_parts.h"

static const char query_mark[] = "?";

static size_t path_size(const mk_http_request_t *request) {
    if (request->form != MK_HTTP_ABSOLUTE) return request->target.size;
    return request->path.size + (request->query.at != NULL ? 1 + request->query.size : 0);
}

size_t mk_http_pack_head_size(const mk_http_request_t *request) {
    size_t size = sizeof(http_request_payload_t) + request->method_text.size + 1 + path_size(request) + 1;
    for (size_t i = 0; i < request->fields.n; i++)
        size += request->fields.at[i].name.size + request->fields.at[i].value.size + 3; /* ": " and NUL */
    return size;
}

static char *put(char *to, mk_http_text_t text) {
    if (text.size != 0) memcpy(to, text.at, text.size);
    return to + text.size;
}

static char *put_path(char *to, const mk_http_request_t *request) {
    if (request->form != MK_HTTP_ABSOLUTE) return put(to, request->target);
    to = put(to, request->path);
    return request->query.at != NULL ? put(put(to, mk_http_text(query_mark)), request->query) : to;
}

void mk_http_pack_head(void *payload, const mk_http_request_t *request) {
    http_request_payload_t *p = payload;
    char                   *to = put((char *)(p + 1), request->method_text), *headers;
    *to++ = '\0';
    to = put_path(to, request);
    *to++ = '\0';
    headers = to;
    for (size_t i = 0; i < request->fields.n; i++) {
        to = put(to, request->fields.at[i].name);
        *to++ = ':';
        *to++ = ' ';
        to = put(to, request->fields.at[i].value);
        *to++ = '\0';
    }
    *p = (http_request_payload_t){.method_size = request->method_text.size,
                                  .path_size = path_size(request),
                                  .headers_size = (size_t)(to - headers)};
}

static unsigned params_n(const mk_http_match_t *match) { return match->route != NULL ? match->route->params_n : 0; }

size_t mk_http_pack_params_size(const mk_http_match_t *match) {
    size_t      size = 1;
    const char *name = match->route != NULL ? match->route->params : NULL;
    for (unsigned i = 0; i < params_n(match); i++) {
        size_t name_size = strlen(name) + 1;
        size += name_size + match->value[i].size + 1;
        name += name_size;
    }
    return size;
}

void mk_http_pack_params(void *out, const mk_http_match_t *match) {
    char       *to = out;
    const char *name = match->route != NULL ? match->route->params : NULL;
    for (unsigned i = 0; i < params_n(match); i++) {
        size_t name_size = strlen(name) + 1;
        to = put(to, (mk_http_text_t){name, name_size});
        to = put(to, match->value[i]);
        *to++ = '\0';
        name += name_size;
    }
    *to = '\0';
}

const char *http_request_param(const http_request_payload_t *request, const char *name) {
    const char *at = (const char *)http_request_body(request) + request->body_size;
    while (*at != '\0') {
        const char *value = at + strlen(at) + 1;
        if (strcmp(at, name) == 0) return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

const char *http_header_get(const char *headers, size_t size, const char *name) {
    size_t name_size = strlen(name);
    for (const char *at = headers, *end = headers + size; at < end; at += strlen(at) + 1) {
        size_t i = 0;
        while (i < name_size && mk_http_lower(at[i]) == mk_http_lower(name[i])) i++; /* a NUL is like no letter */
        if (i == name_size && at[i] == ':') return at[i + 1] == ' ' ? at + i + 2 : at + i + 1;
    }
    return NULL;
}
