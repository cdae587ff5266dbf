/* SPDX-License-Identifier: Apache-2.0 */
/* sse_write.c -- see sse.h. A value always stands behind one space, so that one that begins with a space keeps it. */
#include <string.h>

#include "http/codec/sse.h"

static size_t line_length(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n' || text[i] == '\r') return i;
    }
    return size;
}

static bool is_one_line(mk_http_text_t text) { return line_length(text.at, text.size) == text.size; }

static void write_line(mk_buffer_t *out, const char *field, const void *value, size_t size) {
    mk_buffer_append_text(out, field);
    mk_buffer_append(out, size > 0 ? ": " : ":", size > 0 ? 2 : 1);
    mk_buffer_append(out, value, size);
    mk_buffer_append(out, "\n", 1);
}

/* One line of the field for each line of the text; one for an empty text. */
static void write_lines(mk_buffer_t *out, const char *field, const char *text, size_t size) {
    for (;;) {
        size_t length = line_length(text, size);
        write_line(out, field, text, length);
        if (length == size) return;
        size_t end = text[length] == '\r' && length + 1 < size && text[length + 1] == '\n' ? 2 : 1;
        text += length + end;
        size -= length + end;
    }
}

/* Takes back what was appended since `before` if some of it did not fit into memory. */
static mk_err_t outcome(mk_buffer_t *out, size_t before, bool failed_before) {
    mk_err_t err = out->failed ? MK_ERR_NOMEM : MK_OK;
    if (err != MK_OK) out->size = before;
    out->failed = failed_before;
    return err;
}

mk_err_t mk_sse_write_event(mk_buffer_t *out, const mk_sse_event_t *event) {
    mk_http_text_t id = event->id;
    if (!is_one_line(event->name) || !is_one_line(id)) return MK_ERR_INVALID;
    if (id.size > 0 && memchr(id.at, '\0', id.size) != NULL) return MK_ERR_INVALID;
    size_t before = out->size;
    bool   failed = out->failed;
    out->failed = false;
    if (event->name.size > 0) write_line(out, "event", event->name.at, event->name.size);
    if (id.at != NULL) write_line(out, "id", id.at, id.size);
    write_lines(out, "data", event->data.at, event->data.size);
    mk_buffer_append(out, "\n", 1);
    return outcome(out, before, failed);
}

mk_err_t mk_sse_write_comment(mk_buffer_t *out, const char *text, size_t size) {
    size_t before = out->size;
    bool   failed = out->failed;
    out->failed = false;
    write_lines(out, "", text, size);
    mk_buffer_append(out, "\n", 1);
    return outcome(out, before, failed);
}

mk_err_t mk_sse_write_retry(mk_buffer_t *out, uint32_t retry_ms) {
    size_t before = out->size;
    bool   failed = out->failed;
    out->failed = false;
    mk_buffer_append_text(out, "retry: ");
    mk_buffer_append_number(out, retry_ms);
    mk_buffer_append_text(out, "\n\n");
    return outcome(out, before, failed);
}
