/* SPDX-License-Identifier: Apache-2.0 */
/* sse_fuzz.c -- an event stream means the same however it is cut, nothing grows beyond its limit, and an event that was read is
 * read as the same again when it has been written. */
#include "codec_fuzz.h"

#include "base/utf8.h"
#include "http/codec/sse.h"

enum { BYTES_MAX = 200 };

static void note_part(mk_buffer_t *out, mk_http_text_t text) {
    require(mk_buffer_printf(out, "%zu:", text.size) && mk_buffer_append(out, text.at, text.size));
}

static void note_event(mk_buffer_t *out, const mk_sse_event_t *event) {
    note_part(out, event->name);
    note_part(out, event->data);
    note_part(out, event->id);
}

static void write_and_read(const mk_sse_event_t *event) {
    mk_sse_parser_t parser;
    mk_sse_event_t  back;
    mk_buffer_t     out = {0}, before = {0}, after = {0};
    size_t          used;
    require(mk_sse_write_event(&out, event) == MK_OK);
    mk_sse_parser_init(&parser, 10000);
    require(mk_sse_parse(&parser, out.bytes, out.size, &used, &back) == MK_SSE_EVENT);
    require(used == out.size);
    note_event(&before, event);
    note_event(&after, &back);
    require(same_bytes(&before, &after));
    mk_sse_parser_fini(&parser);
    mk_buffer_free(&out);
    mk_buffer_free(&before);
    mk_buffer_free(&after);
}

static mk_sse_status_t feed(mk_sse_parser_t *parser, const uint8_t *text, size_t size, mk_buffer_t *said) {
    mk_sse_status_t status;
    uint8_t        *copy = copy_of(text, size);
    size_t          at = 0;
    do {
        mk_sse_event_t event;
        size_t         used;
        status = mk_sse_parse(parser, copy + at, size - at, &used, &event);
        at += used;
        require(at <= size);
        require(parser->line.size <= BYTES_MAX && parser->data.size <= BYTES_MAX);
        if (status != MK_SSE_EVENT) continue;
        require(mk_utf8_is_valid(event.name.at, event.name.size) && mk_utf8_is_valid(event.data.at, event.data.size));
        require(event.name.size > 0 &&
                memchr(event.data.at != NULL ? event.data.at : "", '\r', event.data.size) == NULL);
        note_event(said, &event);
        write_and_read(&event);
    } while (status == MK_SSE_EVENT);
    require(status != MK_SSE_MORE || at == size);
    free(copy);
    return status;
}

static void run(const cuts_t *cuts, bool cut, mk_buffer_t *said) {
    mk_sse_parser_t parser;
    mk_sse_status_t status = MK_SSE_MORE;
    mk_sse_parser_init(&parser, BYTES_MAX);
    for (size_t at = 0, index = 0; at < cuts->text_size && status == MK_SSE_MORE; index++) {
        size_t end = cut ? cut_end(cuts, at, index) : cuts->text_size;
        status = feed(&parser, cuts->text + at, end - at, said);
        at = end;
    }
    require(mk_buffer_printf(said, "%d %d %u", status, parser.has_retry, (unsigned)parser.retry_ms));
    mk_sse_parser_fini(&parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cuts_t      cuts = cuts_of(data, size);
    mk_buffer_t whole = {0}, pieces = {0};
    run(&cuts, false, &whole);
    run(&cuts, true, &pieces);
    require(same_bytes(&whole, &pieces));
    mk_buffer_free(&whole);
    mk_buffer_free(&pieces);
    return 0;
}
