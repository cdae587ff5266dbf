/* SPDX-License-Identifier: Apache-2.0 */
/* url.c -- see url.h. An address is cut into the five parts of RFC 3986 (appendix B), a relative one is completed from its
 * base, and only then the parts are checked and written out in their normal form, one behind the other into one block. */
#include "http/codec/url.h"

#include <string.h>

#include "base/mem.h"
#include "http/codec/authority.h"
#include "http/codec/table.h"

static const struct {
    const char *text;
    uint16_t    port;
    bool        secure;
} schemes[] = {
    [MK_URL_HTTP] = {"http", 80, false},
    [MK_URL_HTTPS] = {"https", 443, true},
    [MK_URL_WS] = {"ws", 80, false},
    [MK_URL_WSS] = {"wss", 443, true},
};

/* As they stand in the text; absent ones have no address. The path is always there, maybe empty. */
typedef struct parts {
    mk_http_text_t scheme, authority, path, query;
    mk_http_text_t folder; /* goes before the path: of the base of a relative one           */
    mk_http_text_t user;   /* of the base, as mk_url_t has it, when the authority is the base's */
} parts_t;

/* ---- cutting ---------------------------------------------------------------------------------------------------------------- */

/* The bytes before the first of `stops`. */
static size_t span(mk_http_text_t text, const char *stops) {
    size_t n = 0;
    while (n < text.size && strchr(stops, text.at[n]) == NULL) n++;
    return n;
}

static mk_http_text_t take(mk_http_text_t *rest, size_t size) {
    mk_http_text_t piece = {rest->at, size};
    rest->at += size;
    rest->size -= size;
    return piece;
}

static mk_err_t cut(const char *text, size_t size, parts_t *out) {
    mk_http_text_t rest = {text, size};
    if (size > MK_URL_BYTES_MAX) return MK_ERR_TOOLONG;
    for (size_t i = 0; i < size; i++) { /* no NUL among them either, which span() relies on */
        if ((uint8_t)text[i] <= ' ' || text[i] == 0x7F || text[i] == '\\') return MK_ERR_INVALID;
    }
    *out = (parts_t){0};
    out->folder = (mk_http_text_t){"", 0};
    size_t n = span(rest, ":/?#");
    if (n < rest.size && rest.at[n] == ':') {
        out->scheme = take(&rest, n);
        take(&rest, 1);
    }
    if (rest.size >= 2 && rest.at[0] == '/' && rest.at[1] == '/') {
        take(&rest, 2);
        out->authority = take(&rest, span(rest, "/?#"));
    }
    out->path = take(&rest, span(rest, "?#"));
    if (rest.size > 0 && rest.at[0] == '?') {
        take(&rest, 1);
        out->query = take(&rest, span(rest, "#"));
    }
    return MK_OK;
}

static bool find_scheme(mk_http_text_t text, mk_url_scheme_t *out) {
    for (int i = MK_URL_HTTP; i <= MK_URL_WSS; i++) {
        if (mk_http_text_alike(text, schemes[i].text)) {
            *out = (mk_url_scheme_t)i;
            return true;
        }
    }
    return false;
}

/* ---- normal forms ----------------------------------------------------------------------------------------------------------- */

/* What a part is made of, and what becomes of the rest. */
typedef struct form {
    unsigned    plain;  /* bits of the table: stays as it is       */
    const char *also;   /* so do these                             */
    bool        decode; /* all is decoded, not only what need not be encoded */
    bool        encode; /* what may not stand there is encoded; else it is refused */
    bool        lower;
} form_t;

static const form_t path_form = {.plain = MK_HTTP_IS_PATH, .also = "", .encode = true};
static const form_t query_form = {.plain = MK_HTTP_IS_PATH, .also = "?", .encode = true};
static const form_t host_form = {.plain = MK_HTTP_IS_NAME, .also = "", .decode = true, .lower = true};
static const form_t ipv6_form = {.plain = MK_HTTP_IS_HEX, .also = ":.", .lower = true};
static const form_t user_form = {.plain = MK_HTTP_IS_NAME, .also = ":", .decode = true};

/* The byte at *at, decoded if it is encoded. Negative: a '%' without its digits. */
static int take_byte(mk_http_text_t text, size_t *at, bool *encoded) {
    char c = text.at[(*at)++];
    *encoded = c == '%';
    if (!*encoded) return (uint8_t)c;
    if (text.size - *at < 2 || !mk_http_is(text.at[*at], MK_HTTP_IS_HEX) ||
        !mk_http_is(text.at[*at + 1], MK_HTTP_IS_HEX))
        return -1;
    *at += 2;
    return (int)(mk_http_hex(text.at[*at - 2]) << 4 | mk_http_hex(text.at[*at - 1]));
}

static uint8_t *put_encoded(uint8_t *to, uint8_t byte) {
    *to++ = '%';
    *to++ = (uint8_t) "0123456789ABCDEF"[byte >> 4];
    *to++ = (uint8_t) "0123456789ABCDEF"[byte & 15];
    return to;
}

/* Appends `text` in its normal form. */
static mk_err_t put(mk_buffer_t *out, mk_http_text_t text, const form_t *form) {
    if (text.size == 0) return MK_OK;
    uint8_t *begin = mk_buffer_reserve(out, text.size * 3), *to = begin;
    if (begin == NULL) return MK_ERR_NOMEM;
    for (size_t at = 0; at < text.size;) {
        bool encoded;
        int  byte = take_byte(text, &at, &encoded);
        if (byte < 0) return MK_ERR_INVALID;
        char c = form->lower ? mk_http_lower((char)byte) : (char)byte;
        bool plain = mk_http_is(c, form->plain) || (c != '\0' && strchr(form->also, c) != NULL);
        if (encoded && form->decode) { /* the result is no longer a piece of an address: no controls in it */
            if ((uint8_t)byte < ' ' || byte == 0x7F) return MK_ERR_INVALID;
            *to++ = (uint8_t)c;
        } else if (encoded ? mk_http_is(c, MK_HTTP_IS_UNRESERVED) : plain) {
            *to++ = (uint8_t)c;
        } else if (encoded || form->encode) {
            to = put_encoded(to, (uint8_t)byte);
        } else {
            return MK_ERR_INVALID;
        }
    }
    out->size += (size_t)(to - begin);
    return MK_OK;
}

/* RFC 3986 section 5.2.4 on what stands in `out` from `begin` on and begins with a slash. Works in place: what is written never
 * overtakes what is read. */
static void remove_dots(mk_buffer_t *out, size_t begin) {
    char  *path = (char *)out->bytes + begin;
    size_t size = out->size - begin, n = 0;
    for (size_t at = 0; at < size;) { /* `at` is a slash */
        size_t end = at + 1;
        while (end < size && path[end] != '/') end++;
        mk_http_text_t segment = {path + at + 1, end - at - 1};
        bool           up = mk_http_text_equal(segment, "..");
        if (up || mk_http_text_equal(segment, ".")) {
            while (up && n > 0 && path[--n] != '/') {}
            if (end == size) path[n++] = '/';
        } else {
            memmove(path + n, path + at, end - at);
            n += end - at;
        }
        at = end;
    }
    out->size = begin + n;
}

/* ---- writing the block ------------------------------------------------------------------------------------------------------- */

/* Where the texts begin in the block, which may move as long as it grows. */
typedef struct layout {
    size_t host, authority, target, user;
} layout_t;

static mk_err_t put_end(mk_buffer_t *out) { return mk_buffer_append(out, "", 1) ? MK_OK : MK_ERR_NOMEM; }

/* The user of the base, or what stands before the '@' of the authority, which is left without it. */
static mk_err_t put_user(mk_buffer_t *out, mk_http_text_t *authority, mk_http_text_t kept, mk_url_t *url) {
    size_t         begin = out->size, size = span(*authority, "@");
    mk_http_text_t user = {"", 0};
    mk_err_t       err;
    if (size < authority->size) {
        user = take(authority, size);
        take(authority, 1);
    }
    if (kept.size + user.size == 0) return MK_OK;
    if ((err = put(out, user, &user_form)) != MK_OK) return err;
    bool no_password = user.size > 0 && span(user, ":") == user.size;
    if (!mk_buffer_append(out, kept.at, kept.size) || !mk_buffer_append(out, ":", no_password)) return MK_ERR_NOMEM;
    url->user_size = out->size - begin;
    return put_end(out);
}

/* A name whose encoded bytes turned out to be something that no name has. */
static bool is_name(const mk_buffer_t *out, size_t begin) {
    for (size_t i = begin; i < out->size; i++) {
        if (!mk_http_is((char)out->bytes[i], MK_HTTP_IS_NAME)) return false;
    }
    return true;
}

static mk_err_t put_authority(mk_buffer_t *out, mk_http_text_t text, mk_url_t *url, layout_t *layout) {
    mk_http_authority_t parts;
    mk_err_t            err;
    if (!mk_http_authority_parse(text, &parts)) return MK_ERR_INVALID;
    url->port = parts.port != 0 ? parts.port : schemes[url->scheme].port;
    layout->host = out->size;
    if ((err = put(out, parts.host, parts.ipv6 ? &ipv6_form : &host_form)) != MK_OK) return err;
    size_t host_size = out->size - layout->host;
    if (!parts.ipv6 && !is_name(out, layout->host)) return MK_ERR_INVALID;
    url->digits = parts.ipv6 || mk_http_is_ipv4((mk_http_text_t){(char *)out->bytes + layout->host, host_size});
    if ((err = put_end(out)) != MK_OK) return err;

    layout->authority = out->size;
    if (mk_buffer_reserve(out, host_size + 16) == NULL) return MK_ERR_NOMEM; /* so that what it copies does not move */
    if (parts.ipv6) mk_buffer_append(out, "[", 1);
    mk_buffer_append(out, out->bytes + layout->host, host_size);
    if (parts.ipv6) mk_buffer_append(out, "]", 1);
    if (url->port != schemes[url->scheme].port) {
        mk_buffer_append(out, ":", 1);
        mk_buffer_append_number(out, url->port);
    }
    return put_end(out);
}

static mk_err_t put_target(mk_buffer_t *out, const parts_t *parts, layout_t *layout) {
    mk_err_t err;
    layout->target = out->size;
    if ((err = put(out, parts->folder, &path_form)) != MK_OK || (err = put(out, parts->path, &path_form)) != MK_OK)
        return err;
    if (out->size == layout->target && !mk_buffer_append(out, "/", 1)) return MK_ERR_NOMEM;
    remove_dots(out, layout->target);
    if (parts->query.at != NULL) {
        if (!mk_buffer_append(out, "?", 1)) return MK_ERR_NOMEM;
        if ((err = put(out, parts->query, &query_form)) != MK_OK) return err;
    }
    return put_end(out);
}

static mk_err_t put_all(mk_buffer_t *out, const parts_t *parts, mk_url_t *url, layout_t *layout) {
    mk_http_text_t authority = parts->authority;
    mk_err_t       err;
    layout->user = out->size;
    if ((err = put_user(out, &authority, parts->user, url)) != MK_OK) return err;
    if ((err = put_authority(out, authority, url, layout)) != MK_OK) return err;
    return put_target(out, parts, layout);
}

static mk_err_t write_url(const parts_t *parts, mk_url_t *out) {
    mk_buffer_t block = {0};
    layout_t    layout;
    mk_err_t    err = MK_ERR_INVALID;
    *out = (mk_url_t){0};
    if (!find_scheme(parts->scheme, &out->scheme) || parts->authority.at == NULL) return err;
    if ((err = put_all(&block, parts, out, &layout)) != MK_OK) {
        mk_buffer_free(&block);
        *out = (mk_url_t){0};
        return err;
    }
    out->secure = schemes[out->scheme].secure;
    out->block = (char *)block.bytes;
    out->host = out->block + layout.host;
    out->authority = out->block + layout.authority;
    out->target = out->block + layout.target;
    out->user = out->user_size > 0 ? out->block + layout.user : NULL;
    return MK_OK;
}

/* ---- the doors ---------------------------------------------------------------------------------------------------------------- */

mk_err_t mk_url_parse(const char *text, size_t size, mk_url_t *out) {
    parts_t  parts;
    mk_err_t err = cut(text, size, &parts);
    *out = (mk_url_t){0};
    return err == MK_OK ? write_url(&parts, out) : err;
}

/* Section 5.2.2. */
mk_err_t mk_url_resolve(const mk_url_t *base, const char *text, size_t size, mk_url_t *out) {
    parts_t        parts;
    mk_http_text_t target = mk_http_text(base->target), base_path = {target.at, span(target, "?")};
    mk_err_t       err = cut(text, size, &parts);
    *out = (mk_url_t){0};
    if (err != MK_OK) return err;
    if (parts.scheme.at != NULL) return write_url(&parts, out);
    parts.scheme = mk_http_text(schemes[base->scheme].text);
    if (parts.authority.at != NULL) return write_url(&parts, out);
    parts.authority = mk_http_text(base->authority);
    if (base->user != NULL) parts.user = (mk_http_text_t){base->user, base->user_size};
    if (parts.path.size == 0) {
        parts.path = base_path;
        if (parts.query.at == NULL && base_path.size < target.size)
            parts.query = (mk_http_text_t){target.at + base_path.size + 1, target.size - base_path.size - 1};
    } else if (parts.path.at[0] != '/') { /* up to the last slash of the base, and on from there */
        parts.folder = base_path;
        while (parts.folder.at[parts.folder.size - 1] != '/') parts.folder.size--;
    }
    return write_url(&parts, out);
}

void mk_url_fini(mk_url_t *url) {
    mk_free(url->block);
    *url = (mk_url_t){0};
}

const char *mk_url_scheme_text(mk_url_scheme_t scheme) { return schemes[scheme].text; }

bool mk_url_append(mk_buffer_t *out, const mk_url_t *url) {
    size_t size = out->size;
    if (mk_buffer_append_text(out, schemes[url->scheme].text) && mk_buffer_append(out, "://", 3) &&
        mk_buffer_append_text(out, url->authority) && mk_buffer_append_text(out, url->target))
        return true;
    out->size = size;
    return false;
}

bool mk_url_same_origin(const mk_url_t *a, const mk_url_t *b) {
    return a->scheme == b->scheme && a->port == b->port && strcmp(a->host, b->host) == 0;
}
