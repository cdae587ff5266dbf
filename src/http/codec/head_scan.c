/* SPDX-License-Identifier: Apache-2.0 */
/* head_scan.c -- finds the end of a head by its line ends alone, going from LF to LF, so that what it answers depends on the
 * bytes before that place and on nothing else. The look-ups back to the first line happen once for each line that comes, not
 * once for each byte. */
#include "http/codec/head_parts.h"

#include <string.h>

#include "base/assert.h"

/* The first LF at or behind `start` and before `end`; `end` if there is none. */
static size_t find_lf(const mk_http_scan_t *scan, size_t start, size_t end) {
    const char *lf = memchr(scan->bytes + start, '\n', end - start);
    return lf != NULL ? (size_t)(lf - scan->bytes) : end;
}

static mk_http_step_t no_line_end(const mk_http_scan_t *scan, size_t *scanned, size_t limit, mk_http_wrong_t *wrong) {
    size_t line_limit = scan->start + scan->line_max;
    bool   over = scan->size >= scan->head_max;
    if ((over || (*scanned < line_limit && limit >= line_limit)) &&
        find_lf(scan, scan->start, limit) == limit) { /* the first line itself is what is too long */
        mk_http_refuse(wrong, 414, "the first line is too long");
        return MK_HTTP_WRONG;
    }
    if (over) {
        mk_http_refuse(wrong, 431, "the head is too long");
        return MK_HTTP_WRONG;
    }
    *scanned = limit;
    return MK_HTTP_MORE;
}

static bool judge(mk_http_scan_t *scan, mk_http_wrong_t *wrong) {
    mk_http_text_t line = {scan->bytes + scan->start, scan->line_end - 1 - scan->start};
    scan->judged = true;
    return scan->judge(scan->out, line, wrong);
}

/* What the line that ends with the LF at `lf` says: MORE when it is one of the head's, DONE when it is its last. */
static mk_http_step_t line_ended(mk_http_scan_t *scan, size_t lf, mk_http_wrong_t *wrong) {
    if (scan->line_end == 0) scan->line_end = scan->resumed ? find_lf(scan, scan->start, lf) : lf;
    bool first = scan->line_end == lf;
    if (first && lf - scan->start >= scan->line_max) {
        mk_http_refuse(wrong, 414, "the first line is too long");
        return MK_HTTP_WRONG;
    }
    if (scan->bytes[lf - 1] != '\r') {
        mk_http_refuse(wrong, 400, "a line ends without CR");
        return MK_HTTP_WRONG;
    }
    if (first) { return judge(scan, wrong) ? MK_HTTP_MORE : MK_HTTP_WRONG; }
    if (scan->bytes[lf - 2] != '\n') return MK_HTTP_MORE;
    scan->end = lf + 1;
    return MK_HTTP_DONE;
}

mk_http_step_t mk_http_head_scan(mk_http_scan_t *scan, size_t *scanned, mk_http_wrong_t *wrong) {
    mk_assert(*scanned <= scan->size);
    size_t limit = scan->size < scan->head_max ? scan->size : scan->head_max;
    size_t from = *scanned > scan->start ? *scanned : scan->start;
    scan->resumed = from > scan->start;
    for (;;) {
        size_t lf = find_lf(scan, from, limit);
        if (lf == limit) return no_line_end(scan, scanned, limit, wrong);
        mk_http_step_t step = line_ended(scan, lf, wrong);
        /* Of a first line that an earlier call has judged nothing is left but that it was good. */
        if (step == MK_HTTP_DONE && !scan->judged && !judge(scan, wrong)) return MK_HTTP_WRONG;
        if (step != MK_HTTP_MORE) return step;
        from = lf + 1;
    }
}
