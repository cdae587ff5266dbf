/* SPDX-License-Identifier: Apache-2.0 */
/* client_request.c -- requests on their way out (RFC 9112 section 3), and what a redirect makes of them (RFC 9110 section 15.4). */
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "http/client_parts.h"
#include "http/codec/message.h"

/* ---- the caller's fields: whole lines, checked when they came ---------------------------------------------------- */

mk_err_t mk_request_fields(mk_buffer_t *out, const char *const *headers, size_t n) {
    for (size_t i = 0; i < n; i++) {
        mk_http_field_t field;
        mk_http_text_t  line = mk_http_text(headers[i]);
        if (!mk_http_field_split(line, &field) || mk_http_text_alike(field.name, "Host")) return MK_ERR_INVALID;
        mk_err_t err = mk_http_write_line(out, line);
        if (err != MK_OK) return err;
    }
    return out->size <= MK_HTTP_HEAD_BYTES ? MK_OK : MK_ERR_TOOLONG;
}

/* The next line with its end; false: no more. */
static bool next_line(const mk_buffer_t *lines, size_t *at, mk_http_text_t *line, mk_http_text_t *name) {
    if (*at == lines->size) return false;
    const char *from = (const char *)lines->bytes + *at;
    const char *end = memchr(from, '\n', lines->size - *at);
    const char *colon = memchr(from, ':', lines->size - *at);
    *line = (mk_http_text_t){from, (size_t)(end - from) + 1};
    *name = (mk_http_text_t){from, (size_t)(colon - from)};
    *at += line->size;
    return true;
}

static bool has(const mk_buffer_t *lines, const char *wanted) {
    mk_http_text_t line, name;
    for (size_t at = 0; next_line(lines, &at, &line, &name);)
        if (mk_http_text_alike(name, wanted)) return true;
    return false;
}

static void drop(mk_buffer_t *lines, bool (*dropped)(mk_http_text_t name)) {
    mk_http_text_t line, name;
    size_t         kept = 0;
    for (size_t at = 0; next_line(lines, &at, &line, &name);) {
        if (dropped(name)) continue;
        memmove(lines->bytes + kept, line.at, line.size);
        kept += line.size;
    }
    lines->size = kept;
}

/* ---- heads ------------------------------------------------------------------------------------------------------- */

bool mk_request_basic(mk_buffer_t *out, const mk_url_t *url) {
    size_t chars = MK_BASE64_CHARS(url->user_size);
    char  *at = mk_buffer_append_text(out, "Basic ") ? (char *)mk_buffer_reserve(out, chars + 1) : NULL;
    if (at == NULL) return false;
    mk_base64_encode(url->user, url->user_size, at);
    out->size += chars;
    return true;
}

static void put_field(mk_buffer_t *out, const char *name, const char *value) {
    mk_buffer_append_text(out, name);
    mk_buffer_append_text(out, ": ");
    mk_buffer_append_text(out, value);
    mk_buffer_append_text(out, "\r\n");
}

static void put_proxy_credentials(mk_buffer_t *out, const mk_fetch_t *fetch) {
    if (fetch->proxy.user == NULL) return;
    mk_buffer_append_text(out, "Proxy-Authorization: ");
    mk_request_basic(out, &fetch->proxy);
    mk_buffer_append_text(out, "\r\n");
}

static bool method_has_body(mk_http_method_t method) {
    return method == MK_HTTP_POST || method == MK_HTTP_PUT || method == MK_HTTP_PATCH;
}

static void put_framing(mk_buffer_t *out, const mk_fetch_t *fetch) {
    if (fetch->streams && fetch->chunked) put_field(out, "Transfer-Encoding", "chunked");
    else if (fetch->streams) (void)!mk_http_write_number(out, "Content-Length", fetch->stream_bytes);
    else if (fetch->body.size != 0 || method_has_body(fetch->method))
        (void)!mk_http_write_number(out, "Content-Length", fetch->body.size);
    if (fetch->apart && fetch->upgrade == NULL) put_field(out, "Connection", "close");
}

/* All parts were checked when they came: the method is a token, addresses are normalised, lines are whole. */
static void put_head(mk_buffer_t *out, const mk_fetch_t *fetch) {
    mk_buffer_append_text(out, fetch->method_text);
    mk_buffer_append_text(out, " ");
    if (fetch->route == MK_ROUTE_FORWARD) mk_url_append(out, &fetch->url);
    else mk_buffer_append_text(out, fetch->url.target);
    mk_buffer_append_text(out, " HTTP/1.1\r\n");
    put_field(out, "Host", fetch->url.authority);
    mk_buffer_append(out, fetch->fields.bytes, fetch->fields.size);
    mk_buffer_append(out, fetch->lines.bytes, fetch->lines.size);
    if (fetch->credentials.size != 0 && !has(&fetch->fields, "Authorization")) {
        mk_buffer_append_text(out, "Authorization: ");
        mk_buffer_append(out, fetch->credentials.bytes, fetch->credentials.size);
        mk_buffer_append_text(out, "\r\n");
    }
    if (fetch->route == MK_ROUTE_FORWARD) put_proxy_credentials(out, fetch);
    if (!has(&fetch->fields, "User-Agent")) put_field(out, "User-Agent", "microkernel");
    if (!has(&fetch->fields, "Accept")) put_field(out, "Accept", "*/*");
    put_framing(out, fetch);
    (void)!mk_http_write_end(out);
}

mk_err_t mk_request_tunnel(mk_fetch_t *fetch) {
    mk_buffer_t *out = &fetch->client->scratch;
    const char  *v6 = strchr(fetch->url.host, ':') != NULL ? "[]" : "";
    mk_buffer_clear(out);
    /* The port is always there, unlike in a Host field. */
    for (int i = 0; i < 2; i++)
        mk_buffer_printf(out, "%s%.1s%s%s:%u%s", i == 0 ? "CONNECT " : "Host: ", v6, fetch->url.host,
                         v6[0] != '\0' ? "]" : "", fetch->url.port, i == 0 ? " HTTP/1.1\r\n" : "\r\n");
    put_proxy_credentials(out, fetch);
    put_field(out, "User-Agent", "microkernel");
    (void)!mk_http_write_end(out);
    return out->failed ? MK_ERR_NOMEM : mk_stream_write(&fetch->conn->stream, out->bytes, out->size);
}

/* ---- on their way ------------------------------------------------------------------------------------------------ */

static void begin_awaiting(mk_fetch_t *fetch) {
    fetch->state = MK_FETCH_HEAD;
    fetch->conn->scanned = 0;
    fetch->interims = 0;
    fetch->pending = 0;
    fetch->answered = fetch->left = fetch->ended = false;
    if (fetch->streams) {
        fetch->sent_any = fetch->sent_any || fetch->body.size != 0;
        mk_buffer_free(&fetch->body);
    }
    if (fetch->streams && !fetch->sent_all) mk_wheel_cancel(&fetch->client->loop->wheel, &fetch->deadline);
    else mk_fetch_arm(fetch, fetch->response_ms);
}

bool mk_request_write(mk_fetch_t *fetch) {
    mk_buffer_t *head = &fetch->client->scratch;
    mk_buffer_clear(head);
    put_head(head, fetch);
    mk_slice_t slices[] = {{head->bytes, head->size}, {fetch->body.bytes, fetch->body.size}};
    mk_err_t   err = head->failed ? MK_ERR_NOMEM
                                  : mk_stream_write_slices(&fetch->conn->stream, slices, fetch->body.size != 0 ? 2 : 1);
    if (err != MK_OK && err != MK_ERR_CLOSED) { /* closed: it is breaking, and says so in a moment */
        mk_fetch_fail(fetch, err, "%s", mk_err_text(err));
        return false;
    }
    begin_awaiting(fetch);
    if (!fetch->full || mk_stream_is_full(&fetch->conn->stream)) return true;
    fetch->full = false;
    bool gone = false;
    fetch->gone = &gone;
    fetch->ops->drained(fetch->arg);
    if (!gone) fetch->gone = NULL;
    return !gone;
}

/* ---- redirects --------------------------------------------------------------------------------------------------- */

static bool is_of_the_body(mk_http_text_t name) {
    return name.size > 8 && mk_http_text_alike((mk_http_text_t){name.at, 8}, "Content-");
}

static bool is_secret(mk_http_text_t name) {
    return mk_http_text_alike(name, "Authorization") || mk_http_text_alike(name, "Cookie") ||
           mk_http_text_alike(name, "Proxy-Authorization");
}

void mk_request_redirect(mk_fetch_t *fetch, unsigned status, bool same_origin) {
    bool post = (status == 301 || status == 302) && fetch->method == MK_HTTP_POST;
    if (post || (status == 303 && fetch->method != MK_HTTP_HEAD)) {
        fetch->method = MK_HTTP_GET;
        memcpy(fetch->method_text, "GET", 4);
        mk_buffer_free(&fetch->body);
        fetch->streams = fetch->full = false;
        drop(&fetch->fields, is_of_the_body);
    }
    if (same_origin) return;
    drop(&fetch->fields, is_secret);
    mk_buffer_free(&fetch->credentials);
    mk_buffer_free(&fetch->lines);
}
