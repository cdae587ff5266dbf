/* SPDX-License-Identifier: Apache-2.0 */
/* head_framing.c -- how a message's body ends and what becomes of the connection (RFC 9112 sections 6 and 9). Two parsers that
 * answer this differently are what smuggling lives on, so there is one right form of each field and no repair: a length is
 * one line of digits, a coding is one line saying `chunked`, and they exclude each other. */
#include "http/codec/head_parts.h"

/* The codings are a list and its last is chunked, once: well-formed, but there is one in it that we do not know. */
static bool ends_chunked(mk_http_text_t list) {
    mk_http_text_t coding = {NULL, 0};
    bool           chunked = false;
    while (mk_http_list_next(&list, &coding)) {
        if (chunked || !mk_http_is_token(coding)) return false;
        chunked = mk_http_text_alike(coding, "chunked");
    }
    return chunked;
}

static bool chunked_framing(const mk_http_notes_t *notes, unsigned minor, mk_http_wrong_t *wrong) {
    if (notes->lengths > 0) return mk_http_refuse(wrong, 400, "both a length and a transfer coding");
    if (minor == 0) return mk_http_refuse(wrong, 400, "a transfer coding in HTTP/1.0");
    if (notes->codings > 1) return mk_http_refuse(wrong, 400, "two transfer coding lines");
    if (mk_http_text_alike(notes->coding, "chunked")) return true;
    if (ends_chunked(notes->coding)) return mk_http_refuse(wrong, 501, "a transfer coding besides chunked");
    return mk_http_refuse(wrong, 400, "a transfer coding other than chunked");
}

bool mk_http_head_framing(const mk_http_notes_t *notes, unsigned minor, mk_http_framing_t *framing, uint64_t *length,
                          mk_http_wrong_t *wrong) {
    *framing = MK_HTTP_NO_BODY;
    *length = 0;
    if (notes->codings > 0) {
        *framing = MK_HTTP_CHUNKED;
        return chunked_framing(notes, minor, wrong);
    }
    if (notes->lengths > 1) return mk_http_refuse(wrong, 400, "two lengths");
    if (notes->lengths == 1) {
        *framing = MK_HTTP_LENGTH;
        /* Half the range, so that whoever adds to it does not overflow. */
        if (!mk_http_text_to_u64(notes->length, length) || *length > INT64_MAX)
            return mk_http_refuse(wrong, 400, "a length that is no number");
    }
    return true;
}

bool mk_http_head_keeps_alive(const mk_http_notes_t *notes, unsigned minor) {
    return !notes->close && (minor > 0 || notes->keep_alive);
}
