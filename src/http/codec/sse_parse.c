/* SPDX-License-Identifier: Apache-2.0 */
/* sse_parse.c -- see sse.h. A line that is whole in the bytes at hand is read where it lies; only one that is split is
 * gathered. Decoding is left to the end of a field: bytes that are not UTF-8 hide no line end and no colon. */
#include "http/codec/sse.h"

#include <string.h>

#include "base/utf8.h"

enum {
    BOM_OVER = 3,
    KEEP_BYTES = 4096, /* buffers up to this wait for the next event, larger ones are given back */
};

static const uint8_t bom[BOM_OVER] = {0xEF, 0xBB, 0xBF};

static void empty(mk_buffer_t *buffer) {
    if (buffer->capacity > KEEP_BYTES) {
        mk_buffer_free(buffer);
    } else {
        mk_buffer_clear(buffer);
    }
}

void mk_sse_parser_init(mk_sse_parser_t *parser, size_t event_bytes_max) {
    *parser = (mk_sse_parser_t){.bytes_max = event_bytes_max};
}

void mk_sse_parser_fini(mk_sse_parser_t *parser) {
    mk_buffer_free(&parser->line);
    mk_buffer_free(&parser->data);
    mk_buffer_free(&parser->name);
    mk_buffer_free(&parser->id);
}

void mk_sse_parser_restart(mk_sse_parser_t *parser) {
    empty(&parser->line);
    empty(&parser->data);
    empty(&parser->name);
    parser->bom = 0;
    parser->after_cr = parser->comment = false;
}

/* False: out of memory. */
static bool repair(mk_buffer_t *text) {
    if (mk_utf8_is_valid(text->bytes, text->size)) return true;
    mk_buffer_t better = {0};
    if (!mk_utf8_repair(&better, text->bytes, text->size)) {
        mk_buffer_free(&better);
        return false;
    }
    mk_buffer_free(text);
    *text = better;
    return true;
}

static bool set(mk_buffer_t *field, const uint8_t *value, size_t size) {
    mk_buffer_clear(field);
    return mk_buffer_append(field, value, size) && repair(field);
}

static void set_retry(mk_sse_parser_t *parser, const uint8_t *value, size_t size) {
    uint64_t ms = 0;
    for (size_t i = 0; i < size; i++) {
        if (value[i] < '0' || value[i] > '9') return;
        ms = ms * 10 + (value[i] - '0');
        if (ms > UINT32_MAX) ms = UINT32_MAX;
    }
    if (size == 0) return;
    parser->retry_ms = (uint32_t)ms;
    parser->has_retry = true;
}

static bool is(const uint8_t *name, size_t size, const char *field) {
    return size == strlen(field) && memcmp(name, field, size) == 0;
}

/* One line that is neither empty nor a comment. Unknown fields are ignored. */
static mk_sse_status_t take_field(mk_sse_parser_t *parser, const uint8_t *line, size_t size) {
    const uint8_t *colon = memchr(line, ':', size);
    const uint8_t *value = colon != NULL ? colon + 1 : line + size;
    size_t         name_size = colon != NULL ? (size_t)(colon - line) : size;
    if (value < line + size && *value == ' ') value++;
    size_t value_size = (size_t)(line + size - value);
    bool   stored = true;
    if (is(line, name_size, "data")) {
        if (value_size >= parser->bytes_max - parser->data.size) return MK_SSE_TOOLONG;
        stored = mk_buffer_append(&parser->data, value, value_size) && mk_buffer_append(&parser->data, "\n", 1);
    } else if (is(line, name_size, "event")) {
        stored = set(&parser->name, value, value_size);
    } else if (is(line, name_size, "id")) {
        if (value_size == 0 || memchr(value, '\0', value_size) == NULL) stored = set(&parser->id, value, value_size);
    } else if (is(line, name_size, "retry")) {
        set_retry(parser, value, value_size);
    }
    return stored ? MK_SSE_MORE : MK_SSE_NOMEM;
}

static mk_http_text_t text_of(const mk_buffer_t *buffer) {
    return (mk_http_text_t){(const char *)buffer->bytes, buffer->size};
}

/* An empty line. Without a line of data there is no event. */
static mk_sse_status_t dispatch(mk_sse_parser_t *parser, mk_sse_event_t *event) {
    if (parser->data.size == 0) {
        mk_buffer_clear(&parser->name);
        return MK_SSE_MORE;
    }
    parser->data.size--; /* the LF of its last line */
    if (!repair(&parser->data)) return MK_SSE_NOMEM;
    bool named = parser->name.size > 0;
    event->name = named ? text_of(&parser->name) : mk_http_text("message");
    event->data = text_of(&parser->data);
    event->id = text_of(&parser->id);
    /* They keep their bytes until the next call. */
    parser->data.size = parser->name.size = 0;
    return MK_SSE_EVENT;
}

static mk_sse_status_t take_line(mk_sse_parser_t *parser, const uint8_t *line, size_t size, mk_sse_event_t *event) {
    if (size == 0) return dispatch(parser, event);
    if (line[0] == ':') return MK_SSE_MORE;
    return size <= parser->bytes_max ? take_field(parser, line, size) : MK_SSE_TOOLONG;
}

static size_t line_length(const uint8_t *bytes, size_t size) {
    size_t length = 0;
    while (length < size && bytes[length] != '\n' && bytes[length] != '\r') length++;
    return length;
}

/* What has come of a line whose end has not. */
static mk_sse_status_t keep(mk_sse_parser_t *parser, const uint8_t *bytes, size_t size) {
    if (size == 0 || parser->comment) return MK_SSE_MORE;
    if (parser->line.size == 0 && bytes[0] == ':') {
        parser->comment = true;
        return MK_SSE_MORE;
    }
    if (size > parser->bytes_max - parser->line.size) return MK_SSE_TOOLONG;
    return mk_buffer_append(&parser->line, bytes, size) ? MK_SSE_MORE : MK_SSE_NOMEM;
}

/* A line whose end has come: these bytes, behind what was kept. */
static mk_sse_status_t end_line(mk_sse_parser_t *parser, const uint8_t *bytes, size_t size, mk_sse_event_t *event) {
    if (parser->comment) {
        parser->comment = false;
        return MK_SSE_MORE;
    }
    if (parser->line.size == 0) return take_line(parser, bytes, size, event);
    mk_sse_status_t status = keep(parser, bytes, size);
    if (status == MK_SSE_MORE) status = take_line(parser, parser->line.bytes, parser->line.size, event);
    empty(&parser->line);
    return status;
}

/* How many bytes of a BOM, or of something that begins like one, were taken. The latter is put where it belongs: in front of
 * the first line. */
static size_t skip_bom(mk_sse_parser_t *parser, const uint8_t *bytes, size_t size, mk_sse_status_t *status) {
    size_t at = 0;
    while (at < size && parser->bom < BOM_OVER && bytes[at] == bom[parser->bom]) at++, parser->bom++;
    if (at == size || parser->bom == BOM_OVER) return at;
    if (parser->bom > 0) *status = keep(parser, bom, parser->bom);
    parser->bom = BOM_OVER;
    return at;
}

mk_sse_status_t mk_sse_parse(mk_sse_parser_t *parser, const uint8_t *bytes, size_t size, size_t *used,
                             mk_sse_event_t *event) {
    mk_sse_status_t status = MK_SSE_MORE;
    size_t          at = 0;
    if (parser->data.size == 0) empty(&parser->data);
    if (parser->bom < BOM_OVER) at = skip_bom(parser, bytes, size, &status);
    while (at < size && status == MK_SSE_MORE) {
        if (parser->after_cr && bytes[at] == '\n') at++;
        parser->after_cr = false;
        if (at == size) break;
        size_t length = line_length(bytes + at, size - at);
        if (at + length == size) {
            status = keep(parser, bytes + at, length);
            at = size;
        } else {
            status = end_line(parser, bytes + at, length, event);
            parser->after_cr = bytes[at + length] == '\r';
            at += length + 1;
        }
    }
    *used = at;
    return status;
}
