/* SPDX-License-Identifier: Apache-2.0 */
/* range.c -- byte ranges (RFC 9110 section 14). Whatever is odd about them is answered with the whole, which is always right. */
#include "http/codec/range.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "http/codec/date.h"
#include "http/codec/table.h"

/* A number too large for 64 bits is as good as the largest: there is nothing there. */
static bool take_position(mk_http_text_t text, uint64_t *out) {
    for (size_t i = 0; i < text.size; i++) {
        if (!mk_http_is(text.at[i], MK_HTTP_IS_DIGIT)) return false;
    }
    if (!mk_http_text_to_u64(text, out)) *out = UINT64_MAX;
    return text.size > 0;
}

typedef enum spec { SPEC_MALFORMED, SPEC_OUTSIDE, SPEC_INSIDE } spec_t;

/* "0-499", "500-" or "-500". */
static spec_t read_spec(mk_http_text_t text, uint64_t size, mk_http_range_t *out) {
    const char *dash = memchr(text.at, '-', text.size);
    if (dash == NULL) return SPEC_MALFORMED;
    mk_http_text_t first = {text.at, (size_t)(dash - text.at)};
    mk_http_text_t last = {dash + 1, text.size - first.size - 1};
    if (first.size == 0) {
        uint64_t suffix;
        if (!take_position(last, &suffix)) return SPEC_MALFORMED;
        *out = (mk_http_range_t){suffix < size ? size - suffix : 0, size - 1};
        return suffix > 0 ? SPEC_INSIDE : SPEC_OUTSIDE;
    }
    out->last = UINT64_MAX;
    if (!take_position(first, &out->first) || (last.size > 0 && !take_position(last, &out->last)) ||
        out->first > out->last)
        return SPEC_MALFORMED;
    if (out->last >= size) out->last = size - 1;
    return out->first < size ? SPEC_INSIDE : SPEC_OUTSIDE;
}

static bool overlaps(const mk_http_range_t *ranges, size_t n, mk_http_range_t range) {
    for (size_t i = 0; i < n; i++) {
        if (range.first <= ranges[i].last && ranges[i].first <= range.last) return true;
    }
    return false;
}

mk_http_ranges_t mk_http_ranges_parse(mk_http_text_t value, uint64_t size, mk_http_range_t *out, size_t cap,
                                      size_t *n) {
    size_t specs = 0;
    *n = 0;
    if (size == 0 || value.size < 6 || !mk_http_text_alike((mk_http_text_t){value.at, 6}, "bytes="))
        return MK_HTTP_WHOLE;
    mk_http_text_t rest = {value.at + 6, value.size - 6}, text;
    while (mk_http_list_next(&rest, &text)) {
        mk_http_range_t range;
        spec_t          spec = read_spec(text, size, &range);
        if (spec == SPEC_MALFORMED || ++specs > MK_HTTP_RANGES_MAX) return MK_HTTP_WHOLE;
        if (spec == SPEC_OUTSIDE) continue;
        if (*n == cap || overlaps(out, *n, range)) return MK_HTTP_WHOLE;
        out[(*n)++] = range;
    }
    if (*n > 0) return MK_HTTP_PARTS;
    return specs > 0 ? MK_HTTP_UNSATISFIABLE : MK_HTTP_WHOLE;
}

/* If-Range (section 13.1.5): a strong tag, or the very date. */
static bool is_unchanged(mk_http_text_t value, const mk_http_validators_t *now) {
    int64_t date_s;
    if (mk_http_is_etag(value)) return mk_http_etag_equal(value, now->etag, false);
    return now->modified_s >= 0 && mk_http_date_parse(value, now->modified_s, &date_s) && date_s == now->modified_s;
}

mk_http_ranges_t mk_http_ranges_of(const mk_http_request_t *request, uint64_t size, const mk_http_validators_t *now,
                                   mk_http_range_t *out, size_t cap, size_t *n) {
    size_t         index = 0;
    mk_http_text_t value, more, condition = mk_http_fields_get(&request->fields, "if-range");
    *n = 0;
    if (request->method != MK_HTTP_GET || !mk_http_fields_next(&request->fields, "range", &index, &value) ||
        mk_http_fields_next(&request->fields, "range", &index, &more))
        return MK_HTTP_WHOLE;
    if (condition.at != NULL && !is_unchanged(condition, now)) return MK_HTTP_WHOLE;
    mk_http_ranges_t answer = mk_http_ranges_parse(value, size, out, cap, n);
    if (answer != MK_HTTP_PARTS) *n = 0;
    return answer;
}

size_t mk_http_content_range_format(char out[MK_HTTP_CONTENT_RANGE_BYTES], const mk_http_range_t *range,
                                    uint64_t size) {
    int n = range == NULL ? snprintf(out, MK_HTTP_CONTENT_RANGE_BYTES, "bytes */%" PRIu64, size)
                          : snprintf(out, MK_HTTP_CONTENT_RANGE_BYTES, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
                                     range->first, range->last, size);
    return (size_t)n;
}

bool mk_http_content_range_parse(mk_http_text_t value, mk_http_range_t *range, uint64_t *size) {
    if (value.size < 6 || !mk_http_text_alike((mk_http_text_t){value.at, 6}, "bytes ")) return false;
    value.at += 6;
    value.size -= 6;
    const char *slash = memchr(value.at, '/', value.size), *dash = memchr(value.at, '-', value.size);
    if (slash == NULL || dash == NULL || dash > slash) return false;
    mk_http_text_t first = {value.at, (size_t)(dash - value.at)}, last = {dash + 1, (size_t)(slash - dash - 1)};
    mk_http_text_t whole = {slash + 1, value.size - (size_t)(slash - value.at) - 1};
    *size = UINT64_MAX;
    if (!mk_http_text_equal(whole, "*") && !mk_http_text_to_u64(whole, size)) return false;
    return mk_http_text_to_u64(first, &range->first) && mk_http_text_to_u64(last, &range->last) &&
           range->first <= range->last && range->last < *size;
}
