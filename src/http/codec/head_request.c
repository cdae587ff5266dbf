/* SPDX-License-Identifier: Apache-2.0 */
/* head_request.c -- request heads: the request line (RFC 9112 section 3), then what its fields mean for a server. */
#include "http/codec/head_parts.h"

#include <string.h>

#include "http/codec/authority.h"
#include "http/codec/table.h"

/* The longest method there is, UPDATEREDIRECTREF, has 17 letters; who sends more does not send a method. */
enum { METHOD_BYTES_MAX = 32 };

/* A request line is a method, a target and a version with a space between them, CR and LF. */
enum { LINE_BYTES_BESIDES = METHOD_BYTES_MAX + 1 + 1 + MK_HTTP_VERSION_BYTES + 2 };

typedef struct request_line {
    mk_http_request_t *out;
    size_t             target_max;
} request_line_t;

/* The path of an absolute target without one. Not among the caller's bytes, so not rebased. */
static const char root_path[] = "/";

static void split_query(mk_http_request_t *out, mk_http_text_t text) {
    const char *mark = memchr(text.at, '?', text.size);
    out->path = text;
    out->query = (mk_http_text_t){NULL, 0};
    if (mark == NULL) return;
    out->path.size = (size_t)(mark - text.at);
    out->query = (mk_http_text_t){mark + 1, text.size - out->path.size - 1};
}

static bool starts_alike(mk_http_text_t text, const char *prefix) {
    size_t size = strlen(prefix);
    return text.size >= size && mk_http_text_alike((mk_http_text_t){text.at, size}, prefix);
}

/* "http://host/path?query"; only the path may be missing. Section 4.2.4 of RFC 9110 wants a user in it refused. */
static bool absolute_target(mk_http_request_t *out) {
    out->form = MK_HTTP_ABSOLUTE;
    out->secure = starts_alike(out->target, "https://");
    if (!out->secure && !starts_alike(out->target, "http://")) return false;
    size_t              at = out->secure ? 8 : 7, begin = at;
    mk_http_authority_t authority;
    while (at < out->target.size && out->target.at[at] != '/' && out->target.at[at] != '?') at++;
    out->host = (mk_http_text_t){out->target.at + begin, at - begin};
    if (!mk_http_authority_parse(out->host, &authority)) return false; /* a user, too: no name has an '@' */
    split_query(out, (mk_http_text_t){out->target.at + at, out->target.size - at});
    if (out->path.size == 0) out->path = (mk_http_text_t){root_path, 1};
    return true;
}

static bool authority_target(mk_http_request_t *out) {
    mk_http_authority_t authority;
    out->form = MK_HTTP_AUTHORITY;
    out->host = out->target;
    return mk_http_authority_parse(out->target, &authority) && authority.port != 0;
}

static bool read_target(mk_http_request_t *out, mk_http_wrong_t *wrong) {
    bool good;
    out->host = out->path = out->query = (mk_http_text_t){NULL, 0};
    out->secure = false;
    if (out->method == MK_HTTP_CONNECT) {
        good = authority_target(out);
    } else if (out->target.at[0] == '/') {
        out->form = MK_HTTP_ORIGIN;
        split_query(out, out->target);
        good = true;
    } else if (mk_http_text_equal(out->target, "*")) {
        out->form = MK_HTTP_ASTERISK;
        good = out->method == MK_HTTP_OPTIONS;
    } else {
        good = absolute_target(out);
    }
    return good || mk_http_refuse(wrong, 400, "a target of the wrong form");
}

static bool judge_line(void *arg, mk_http_text_t line, mk_http_wrong_t *wrong) {
    const request_line_t *request_line = arg;
    mk_http_request_t    *out = request_line->out;
    const char           *at = line.at; /* every loop stops at the CR behind the line, if not before */
    while (mk_http_is(*at, MK_HTTP_IS_TOKEN)) at++;
    if (at == line.at || *at != ' ') return mk_http_refuse(wrong, 400, "not a request line");
    out->method_text = (mk_http_text_t){line.at, (size_t)(at - line.at)};
    if (out->method_text.size > METHOD_BYTES_MAX) return mk_http_refuse(wrong, 501, "a method longer than any");
    out->method = mk_http_method_of(out->method_text);

    const char *target = ++at;
    while (mk_http_is(*at, MK_HTTP_IS_TARGET)) at++;
    out->target = (mk_http_text_t){target, (size_t)(at - target)};
    if (out->target.size == 0 || *at != ' ') return mk_http_refuse(wrong, 400, "not a request line");
    if (out->target.size > request_line->target_max) return mk_http_refuse(wrong, 414, "the target is too long");
    at++;
    if ((size_t)(at - line.at) + MK_HTTP_VERSION_BYTES != line.size)
        return mk_http_refuse(wrong, 400, "not a request line");
    return mk_http_head_version(at, &out->minor, wrong) && read_target(out, wrong);
}

/* An absolute target and a Host field say the same, but for a port that goes without saying. */
static bool same_host(const mk_http_request_t *request, mk_http_text_t field) {
    mk_http_authority_t a, b;
    uint16_t            port = request->secure ? 443 : 80;
    if (!mk_http_authority_parse(request->host, &a) || !mk_http_authority_parse(field, &b)) return false;
    if ((a.port != 0 ? a.port : port) != (b.port != 0 ? b.port : port)) return false;
    if (a.host.size != b.host.size) return false;
    for (size_t i = 0; i < a.host.size; i++) {
        if (mk_http_lower(a.host.at[i]) != mk_http_lower(b.host.at[i])) return false;
    }
    return true;
}

static bool decide_host(mk_http_request_t *out, const mk_http_notes_t *notes, mk_http_wrong_t *wrong) {
    mk_http_authority_t authority;
    if (notes->hosts > 1) return mk_http_refuse(wrong, 400, "two hosts");
    if (notes->hosts == 0) return out->minor == 0 || mk_http_refuse(wrong, 400, "no host");
    if (notes->host.size > 0 && !mk_http_authority_parse(notes->host, &authority))
        return mk_http_refuse(wrong, 400, "a host that is none");
    if (out->form == MK_HTTP_ABSOLUTE && !same_host(out, notes->host))
        return mk_http_refuse(wrong, 400, "the target and the host disagree");
    if (out->host.at == NULL) out->host = notes->host;
    return true;
}

/* RFC 9110 section 10.1.1. */
static bool decide_expectation(mk_http_request_t *out, const mk_http_notes_t *notes, mk_http_wrong_t *wrong) {
    out->expect_continue = false;
    if (notes->expects == 0 || out->minor == 0) return true;
    if (notes->expects > 1 || !mk_http_text_alike(notes->expect, "100-continue"))
        return mk_http_refuse(wrong, 417, "an expectation we do not know");
    out->expect_continue = out->framing == MK_HTTP_CHUNKED || out->length > 0;
    return true;
}

static bool decide(mk_http_request_t *out, const mk_http_notes_t *notes, mk_http_wrong_t *wrong) {
    out->keep_alive = mk_http_head_keeps_alive(notes, out->minor);
    out->upgrade = out->minor > 0 && notes->upgrades && notes->upgrade.size > 0;
    out->upgrade_to = out->upgrade ? notes->upgrade : (mk_http_text_t){NULL, 0};
    return decide_host(out, notes, wrong) &&
           mk_http_head_framing(notes, out->minor, &out->framing, &out->length, wrong) &&
           decide_expectation(out, notes, wrong);
}

/* Where the request line begins, which can be told from the first three bytes. */
static mk_http_step_t find_start(const char *bytes, size_t size, size_t *start, mk_http_wrong_t *wrong) {
    *start = 0;
    if (size > 0 && bytes[0] == '\r') {
        if (size == 1) return MK_HTTP_MORE;
        if (bytes[1] == '\n') *start = 2;
    }
    if (size == *start) return MK_HTTP_MORE;
    if (mk_http_is(bytes[*start], MK_HTTP_IS_TOKEN)) return MK_HTTP_DONE;
    mk_http_refuse(wrong, 400, "not a request line");
    return MK_HTTP_WRONG;
}

mk_http_step_t mk_http_request_parse(const void *bytes, size_t size, const mk_http_limits_t *limits, size_t *scanned,
                                     mk_http_request_t *out, size_t *used, mk_http_wrong_t *wrong) {
    static const mk_http_limits_t defaults = {0};
    if (limits == NULL) limits = &defaults;
    request_line_t line = {out, mk_http_limit(limits->target_bytes_max, MK_HTTP_TARGET_BYTES)};
    mk_http_scan_t scan = {.bytes = bytes,
                           .size = size,
                           .head_max = mk_http_head_limit(limits),
                           .line_max = line.target_max + LINE_BYTES_BESIDES,
                           .judge = judge_line,
                           .out = &line};
    mk_http_step_t step = find_start(bytes, size, &scan.start, wrong);
    if (step == MK_HTTP_DONE) step = mk_http_head_scan(&scan, scanned, wrong);
    if (step != MK_HTTP_DONE) return step;
    mk_http_notes_t notes = {0};
    if (!mk_http_head_fields(scan.bytes + scan.line_end + 1, scan.bytes + scan.end,
                             mk_http_limit(limits->fields_max, MK_HTTP_FIELDS), &out->fields, &notes, wrong) ||
        !decide(out, &notes, wrong))
        return MK_HTTP_WRONG;
    *used = scan.end;
    return MK_HTTP_DONE;
}

void mk_http_request_rebase(mk_http_request_t *request, const void *from, const void *to) {
    mk_http_fields_rebase(&request->fields, from, to);
    mk_http_text_rebase(&request->method_text, from, to);
    mk_http_text_rebase(&request->target, from, to);
    mk_http_text_rebase(&request->host, from, to);
    if (request->path.at != root_path) mk_http_text_rebase(&request->path, from, to);
    mk_http_text_rebase(&request->query, from, to);
    mk_http_text_rebase(&request->upgrade_to, from, to);
}
