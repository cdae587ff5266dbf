/* SPDX-License-Identifier: Apache-2.0 */
/* head_parts.h -- the steps from bytes to a head, shared by requests and responses. For head_*.c only. */
#ifndef MK_HTTP_CODEC_HEAD_PARTS_H
#define MK_HTTP_CODEC_HEAD_PARTS_H

#include "http/codec/head.h"

/* Notes what is wrong; always false. */
static inline bool mk_http_refuse(mk_http_wrong_t *wrong, int status, const char *why) {
    *wrong = (mk_http_wrong_t){status, why};
    return false;
}

/* ---- head_scan.c: where a head ends ------------------------------------------------------------------------------------- */

/* A limit below this would be no head at all. */
enum { MK_HTTP_HEAD_BYTES_MIN = 32 };

typedef bool mk_http_judge_fn(void *out, mk_http_text_t line, mk_http_wrong_t *wrong);

typedef struct mk_http_scan {
    const char       *bytes;
    size_t            size;
    size_t            head_max;           /* of everything, at least MK_HTTP_HEAD_BYTES_MIN               */
    size_t            line_max;           /* of the first line with its end                               */
    mk_http_judge_fn *judge;              /* of the first line, without its end                           */
    void             *out;                /*   and its argument                                           */
    size_t            start;              /* where the first line begins: behind a tolerated empty one    */
    size_t            line_end;           /* where it ended: its LF. 0: not seen yet                      */
    bool              resumed;            /* an earlier call has read the beginning ...                   */
    bool              judged;             /* ... and may have judged the first line; true: this one has   */
    size_t            end;                /* DONE: behind the empty line                                  */
} mk_http_scan_t;

/* Reads on from *scanned. DONE: the head is whole and its first line is judged. WRONG has 400, 414 or 431. */
mk_http_step_t mk_http_head_scan(mk_http_scan_t *scan, size_t *scanned, mk_http_wrong_t *wrong);

/* ---- head_fields.c: the lines behind the first --------------------------------------------------------------------------- */

/* What the fields said about the connection and the body. */
typedef struct mk_http_notes {
    mk_http_text_t host, length, coding, expect, upgrade;
    uint32_t       hosts, lengths, codings, expects; /* how many lines of each */
    bool           close, keep_alive, upgrades;      /* Connection: ...        */
} mk_http_notes_t;

/* `at` to `end` are whole lines, the empty one last. WRONG statuses: 400, 431. */
bool mk_http_head_fields(const char *at, const char *end, size_t fields_max, mk_http_fields_t *fields,
                         mk_http_notes_t *notes, mk_http_wrong_t *wrong);

/* ---- head_framing.c: how the body ends ------------------------------------------------------------------------------------- */

/* From the length and coding lines, the same for both directions: no line of either is MK_HTTP_NO_BODY. */
bool mk_http_head_framing(const mk_http_notes_t *notes, unsigned minor, mk_http_framing_t *framing, uint64_t *length,
                          mk_http_wrong_t *wrong);
bool mk_http_head_keeps_alive(const mk_http_notes_t *notes, unsigned minor);

/* ---- head_version.c -------------------------------------------------------------------------------------------------------- */

enum { MK_HTTP_VERSION_BYTES = 8 };

/* "HTTP/1.1" and nothing else: its minor version. 400, 505. */
bool mk_http_head_version(const char at[MK_HTTP_VERSION_BYTES], uint8_t *minor, mk_http_wrong_t *wrong);

/* ---- all of them ----------------------------------------------------------------------------------------------------------- */

static inline size_t mk_http_limit(uint32_t configured, uint32_t otherwise) {
    return configured != 0 ? configured : otherwise;
}

static inline size_t mk_http_head_limit(const mk_http_limits_t *limits) {
    size_t limit = mk_http_limit(limits->head_bytes_max, MK_HTTP_HEAD_BYTES);
    return limit > MK_HTTP_HEAD_BYTES_MIN ? limit : MK_HTTP_HEAD_BYTES_MIN;
}

static inline void mk_http_text_rebase(mk_http_text_t *text, const void *from, const void *to) {
    /* By number: the old bytes may be gone, and then pointers to them cannot be compared. */
    if (text->at != NULL) text->at = (const char *)to + ((uintptr_t)text->at - (uintptr_t)from);
}

static inline void mk_http_fields_rebase(mk_http_fields_t *fields, const void *from, const void *to) {
    for (size_t i = 0; i < fields->n; i++) {
        mk_http_text_rebase(&fields->at[i].name, from, to);
        mk_http_text_rebase(&fields->at[i].value, from, to);
    }
}

#endif
