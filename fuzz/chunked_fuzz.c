/* SPDX-License-Identifier: Apache-2.0 */
/* chunked_fuzz.c -- a chunked body means the same however it is cut, and what we make chunks of comes out of them again. */
#include "codec_fuzz.h"
#include "http/codec/body.h"

typedef struct answer {
    mk_http_step_t step;
    const char    *why;
    size_t         used;
    mk_buffer_t    content;
} answer_t;

static void take(mk_http_body_t *body, const uint8_t *bytes, size_t size, answer_t *out) {
    uint8_t *copy = copy_of(bytes, size);
    for (size_t at = 0; at < size && out->step == MK_HTTP_MORE;) {
        size_t         used;
        mk_http_text_t data;
        out->step = mk_http_body_take(body, copy + at, size - at, &used, &data);
        require(used <= size - at && (used > 0 || out->step != MK_HTTP_MORE));
        require(out->step != MK_HTTP_WRONG || data.size == 0);
        require(mk_buffer_append(&out->content, data.at, data.size));
        at += used;
        out->used += used;
    }
    require(body->received == out->content.size);
    require(body->done == (out->step == MK_HTTP_DONE));
    if (out->step == MK_HTTP_WRONG) out->why = body->why;
    free(copy);
}

static void take_in_pieces(const cuts_t *cuts, answer_t *out) {
    mk_http_body_t body;
    mk_http_body_init(&body, MK_HTTP_CHUNKED, 0);
    for (size_t at = 0, i = 0; out->step == MK_HTTP_MORE && at < cuts->text_size; i++) {
        size_t end = cut_end(cuts, at, i);
        take(&body, cuts->text + at, end - at, out);
        at = end;
    }
    require(mk_http_body_end(&body) == (out->step == MK_HTTP_DONE));
}

/* The text as content: one chunk for each piece. */
static void there_and_back(const cuts_t *cuts) {
    mk_buffer_t    wire = {0};
    mk_http_body_t body;
    answer_t       out = {0};
    for (size_t at = 0, i = 0; at < cuts->text_size; i++) {
        size_t end = cut_end(cuts, at, i);
        require(mk_http_chunk_append(&wire, cuts->text + at, end - at));
        at = end;
    }
    require(mk_buffer_append(&wire, MK_HTTP_CHUNK_LAST, sizeof MK_HTTP_CHUNK_LAST - 1));
    mk_http_body_init(&body, MK_HTTP_CHUNKED, 0);
    take(&body, wire.bytes, wire.size, &out);
    require(out.step == MK_HTTP_DONE && out.used == wire.size && out.content.size == cuts->text_size);
    require(cuts->text_size == 0 || memcmp(out.content.bytes, cuts->text, cuts->text_size) == 0);
    mk_buffer_free(&out.content);
    mk_buffer_free(&wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cuts_t   cuts = cuts_of(data, size), uncut = cuts;
    answer_t whole = {0}, cut = {0};
    uncut.n = 0;
    take_in_pieces(&uncut, &whole);
    take_in_pieces(&cuts, &cut);
    require(whole.step == cut.step && whole.used == cut.used && whole.why == cut.why);
    require(same_bytes(&whole.content, &cut.content));
    mk_buffer_free(&whole.content);
    mk_buffer_free(&cut.content);
    there_and_back(&cuts);
    return 0;
}
