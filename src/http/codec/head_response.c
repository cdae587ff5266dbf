/* SPDX-License-Identifier: Apache-2.0 */
/* head_response.c -- response heads: the status line (RFC 9112 section 4), then whether and how a body follows (section 6.3).
 * A client that is told nonsense has only one answer, so every status in `wrong` is 502. */
#include "http/codec/head_parts.h"

#include "http/codec/table.h"

/* "HTTP/1.1 200 ": what stands before the reason. */
enum { LINE_BYTES_MIN = MK_HTTP_VERSION_BYTES + 1 + 3 };

/* The space behind the status is missing in the answers of many servers that have no reason to give; nobody reads such a line
 * in two ways, so it is let through. */
static bool read_line(mk_http_response_t *out, mk_http_text_t line, mk_http_wrong_t *wrong) {
    if (line.size < LINE_BYTES_MIN || line.at[MK_HTTP_VERSION_BYTES] != ' ')
        return mk_http_refuse(wrong, 502, "not a status line");
    if (!mk_http_head_version(line.at, &out->minor, wrong)) return false;
    uint64_t       status;
    mk_http_text_t digits = {line.at + MK_HTTP_VERSION_BYTES + 1, 3};
    if (!mk_http_text_to_u64(digits, &status) || status < 100 || status > 599)
        return mk_http_refuse(wrong, 502, "not a status");
    out->status = (uint16_t)status;
    out->reason = (mk_http_text_t){line.at + LINE_BYTES_MIN, 0};
    if (line.size == LINE_BYTES_MIN) return true;
    if (line.at[LINE_BYTES_MIN] != ' ') return mk_http_refuse(wrong, 502, "not a status line");
    out->reason = (mk_http_text_t){line.at + LINE_BYTES_MIN + 1, line.size - LINE_BYTES_MIN - 1};
    for (size_t i = 0; i < out->reason.size; i++) {
        if (!mk_http_is(out->reason.at[i], MK_HTTP_IS_VALUE)) return mk_http_refuse(wrong, 502, "a control character");
    }
    return true;
}

static bool judge_line(void *arg, mk_http_text_t line, mk_http_wrong_t *wrong) { return read_line(arg, line, wrong); }

static bool has_no_body(const mk_http_response_t *response, mk_http_method_t method) {
    if (response->status < 200 || response->status == 204 || response->status == 304) return true;
    return method == MK_HTTP_HEAD || (method == MK_HTTP_CONNECT && response->status < 300);
}

static bool decide(mk_http_response_t *out, const mk_http_notes_t *notes, mk_http_method_t method,
                   mk_http_wrong_t *wrong) {
    out->keep_alive = mk_http_head_keeps_alive(notes, out->minor);
    out->upgrade = out->status == 101 && out->minor > 0 && notes->upgrades && notes->upgrade.size > 0;
    out->upgrade_to = out->upgrade ? notes->upgrade : (mk_http_text_t){NULL, 0};
    if (!mk_http_head_framing(notes, out->minor, &out->framing, &out->length, wrong)) return false;
    if (has_no_body(out, method)) {
        /* 1xx and 204 must not announce a body (RFC 9110 section 8.6, RFC 9112 section 6.1). Nothing is read after one that
         * does: somebody on the way may take what follows for a body. */
        bool announced = out->framing == MK_HTTP_CHUNKED || out->length > 0;
        if (announced && (out->status < 200 || out->status == 204)) out->keep_alive = false;
        if (announced && out->status < 200) return mk_http_refuse(wrong, 502, "a body of an interim answer");
        out->framing = MK_HTTP_NO_BODY;
    } else if (out->framing == MK_HTTP_NO_BODY) {
        out->framing = MK_HTTP_UNTIL_CLOSE;
        out->keep_alive = false;
    }
    return true;
}

static mk_http_step_t parse(mk_http_scan_t *scan, const mk_http_limits_t *limits, mk_http_method_t method,
                            size_t *scanned, mk_http_wrong_t *wrong) {
    mk_http_response_t *out = scan->out;
    if (scan->size == 0) return MK_HTTP_MORE;
    if (scan->bytes[0] != 'H') {
        mk_http_refuse(wrong, 502, "not a status line");
        return MK_HTTP_WRONG;
    }
    mk_http_step_t step = mk_http_head_scan(scan, scanned, wrong);
    if (step != MK_HTTP_DONE) return step;
    mk_http_notes_t notes = {0};
    if (!mk_http_head_fields(scan->bytes + scan->line_end + 1, scan->bytes + scan->end,
                             mk_http_limit(limits->fields_max, MK_HTTP_FIELDS), &out->fields, &notes, wrong) ||
        !decide(out, &notes, method, wrong))
        return MK_HTTP_WRONG;
    return MK_HTTP_DONE;
}

mk_http_step_t mk_http_response_parse(const void *bytes, size_t size, const mk_http_limits_t *limits,
                                      mk_http_method_t method, size_t *scanned, mk_http_response_t *out, size_t *used,
                                      mk_http_wrong_t *wrong) {
    static const mk_http_limits_t defaults = {0};
    if (limits == NULL) limits = &defaults;
    mk_http_scan_t scan = {.bytes = bytes,
                           .size = size,
                           .head_max = mk_http_head_limit(limits),
                           .line_max = mk_http_head_limit(limits),
                           .judge = judge_line,
                           .out = out};
    mk_http_step_t step = parse(&scan, limits, method, scanned, wrong);
    if (step == MK_HTTP_DONE) *used = scan.end;
    if (step == MK_HTTP_WRONG) wrong->status = 502;
    return step;
}

void mk_http_response_rebase(mk_http_response_t *response, const void *from, const void *to) {
    mk_http_fields_rebase(&response->fields, from, to);
    mk_http_text_rebase(&response->reason, from, to);
    mk_http_text_rebase(&response->upgrade_to, from, to);
}
