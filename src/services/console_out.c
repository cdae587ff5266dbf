/* SPDX-License-Identifier: Apache-2.0 */
#include "services/console_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum {
    OUT_BYTES_DEFAULT = 1024 * 1024,
    SCREEN_SLACK_BYTES = 64 * 1024, /* so that a flood of text does not take the prompt with it */
    OUT_BYTES_FIRST = 4096,
    PIECE_BYTES = 256,
};

void mk_console_out_init(mk_console_out_t *out, const console_options_t *options, const console_io_t *io) {
    *out = (mk_console_out_t){.io = io, .at_line_start = true};
    out->size_max = options->out_bytes_max != 0 ? options->out_bytes_max : OUT_BYTES_DEFAULT;
    out->raw = options->edit;
    out->terminal = options->terminal;
}

void mk_console_out_fini(mk_console_out_t *out) { mk_free(out->bytes); }

/* False: out of memory. */
static bool make_room(mk_console_out_t *out, size_t size) {
    if (out->head + out->size + size <= out->cap) return true;
    if (out->size > 0) memmove(out->bytes, out->bytes + out->head, out->size);
    out->head = 0;
    if (out->size + size <= out->cap) return true;
    size_t cap = out->cap > 0 ? out->cap : OUT_BYTES_FIRST;
    while (cap < out->size + size) cap *= 2;
    char *bytes = mk_realloc(out->bytes, cap);
    if (bytes == NULL) return false;
    out->bytes = bytes;
    out->cap = cap;
    return true;
}

static void put(mk_console_out_t *out, const char *bytes, size_t size) {
    if (size == 0 || out->failed) return;
    if (!make_room(out, size)) {
        out->lost += size;
        return;
    }
    memcpy(out->bytes + out->head + out->size, bytes, size);
    out->size += size;
}

void mk_console_out_screen(mk_console_out_t *out, const char *bytes, size_t size) {
    if (out->size + size <= out->size_max + SCREEN_SLACK_BYTES) put(out, bytes, size);
}

/* Control characters could move the cursor, change colours or answer for the user; on a terminal they are shown as
 * \xNN instead. A C1 control is two bytes in UTF-8, the second of which is enough to hide. */
static void put_harmless(mk_console_out_t *out, const char *text, size_t size) {
    char   piece[PIECE_BYTES] = "";
    size_t held = 0;
    for (size_t i = 0; i < size; i++) {
        if (held > sizeof piece - 4) {
            put(out, piece, held);
            held = 0;
        }
        uint8_t c = (uint8_t)text[i];
        bool    c1 = out->last == 0xC2 && c >= 0x80 && c < 0xA0;
        bool    control = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F || c1;
        if (control && out->terminal) {
            static const char hex[] = "0123456789abcdef";
            piece[held++] = '\\';
            piece[held++] = 'x';
            piece[held++] = hex[c >> 4];
            piece[held++] = hex[c & 15];
        } else {
            if (c == '\n' && out->raw) piece[held++] = '\r';
            piece[held++] = (char)c;
        }
        out->last = c;
    }
    put(out, piece, held);
    if (size > 0) out->at_line_start = text[size - 1] == '\n';
}

static void confess(mk_console_out_t *out) {
    char notice[64];
    int  size = snprintf(notice, sizeof notice, "[%" PRIu64 " bytes were not shown]\n", out->lost);
    out->lost = 0;
    mk_console_out_fresh_line(out);
    put_harmless(out, notice, (size_t)size);
}

void mk_console_out_text(mk_console_out_t *out, const char *text, size_t size) {
    if (out->size + size > out->size_max) {
        out->lost += size;
        return;
    }
    if (out->lost > 0) confess(out);
    put_harmless(out, text, size);
}

void mk_console_out_fresh_line(mk_console_out_t *out) {
    if (!out->at_line_start) put_harmless(out, "\n", 1);
}

bool mk_console_out_flush(mk_console_out_t *out) {
    while (out->size > 0 && !out->failed) {
        ptrdiff_t wrote = out->io->write(out->io->arg, out->bytes + out->head, out->size);
        if (wrote == CONSOLE_IO_WAIT) return false;
        if (wrote <= 0) {
            out->failed = true;
        } else {
            out->head += (size_t)wrote;
            out->size -= (size_t)wrote;
        }
    }
    if (out->failed) out->size = 0;
    if (out->size == 0) out->head = 0;
    if (out->size == 0 && out->lost > 0 && !out->failed) {
        confess(out);
        return mk_console_out_flush(out);
    }
    return true;
}
