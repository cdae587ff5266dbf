/* SPDX-License-Identifier: Apache-2.0 */
/* condition.c -- entity tags and the fields that ask about them and about dates (RFC 9110 sections 8.8.3 and 13). Inside of a
 * tag a backslash is a character like others, so lists of tags are not read as other lists are. */
#include "http/codec/range.h"

#include <string.h>

#include "http/codec/date.h"

static bool is_etag_byte(char c) { return c == 0x21 || (uint8_t)c >= 0x80 || (c >= 0x23 && c <= 0x7E); }

/* The bytes of the tag that `text` begins with; 0: none. */
static size_t etag_size(mk_http_text_t text) {
    size_t at = text.size >= 2 && text.at[0] == 'W' && text.at[1] == '/' ? 2 : 0;
    if (at == text.size || text.at[at++] != '"') return 0;
    while (at < text.size && is_etag_byte(text.at[at])) at++;
    return at < text.size && text.at[at] == '"' ? at + 1 : 0;
}

bool mk_http_is_etag(mk_http_text_t text) { return text.size > 0 && etag_size(text) == text.size; }

bool mk_http_etag_equal(mk_http_text_t a, mk_http_text_t b, bool weak) {
    bool a_weak = a.size > 0 && a.at[0] == 'W', b_weak = b.size > 0 && b.at[0] == 'W';
    if (a.size == 0 || b.size == 0 || (!weak && (a_weak || b_weak))) return false;
    if (a_weak) a.at += 2, a.size -= 2;
    if (b_weak) b.at += 2, b.size -= 2;
    return a.size == b.size && memcmp(a.at, b.at, a.size) == 0;
}

bool mk_http_etag_listed(mk_http_text_t list, mk_http_text_t tag, bool weak) {
    if (mk_http_text_equal(list, "*")) return true;
    while (list.size > 0) {
        if (list.at[0] == ' ' || list.at[0] == '\t' || list.at[0] == ',') {
            list.at++, list.size--;
            continue;
        }
        mk_http_text_t each = {list.at, etag_size(list)};
        if (each.size == 0) return false;
        if (mk_http_etag_equal(each, tag, weak)) return true;
        list.at += each.size;
        list.size -= each.size;
    }
    return false;
}

/* The lists of all lines of that name. *present: there is a line. */
static bool any_listed(const mk_http_request_t *request, const char *name, mk_http_text_t tag, bool weak,
                       bool *present) {
    size_t         index = 0;
    mk_http_text_t list;
    *present = false;
    while (mk_http_fields_next(&request->fields, name, &index, &list)) {
        *present = true;
        if (mk_http_etag_listed(list, tag, weak)) return true;
    }
    return false;
}

static bool date_of(const mk_http_request_t *request, const char *name, int64_t now_s, int64_t *out) {
    mk_http_text_t value = mk_http_fields_get(&request->fields, name);
    return value.at != NULL && mk_http_date_parse(value, now_s, out);
}

int mk_http_conditions(const mk_http_request_t *request, const mk_http_validators_t *now, int64_t now_s) {
    bool    present, reads = request->method == MK_HTTP_GET || request->method == MK_HTTP_HEAD;
    bool    dated = now->modified_s >= 0;
    int64_t date_s;
    bool    listed = any_listed(request, "if-match", now->etag, false, &present);
    if (present) {
        if (!listed) return 412;
    } else if (dated && date_of(request, "if-unmodified-since", now_s, &date_s) && now->modified_s > date_s) {
        return 412;
    }
    listed = any_listed(request, "if-none-match", now->etag, true, &present);
    if (present) return listed ? (reads ? 304 : 412) : 0;
    if (reads && dated && date_of(request, "if-modified-since", now_s, &date_s) && date_s <= now_s &&
        now->modified_s <= date_s)
        return 304;
    return 0;
}
