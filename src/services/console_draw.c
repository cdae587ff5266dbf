/* SPDX-License-Identifier: Apache-2.0 */
#include "services/console_draw.h"

#include <stdio.h>
#include <string.h>

#include "services/console_text.h"

typedef struct place {
    size_t row, column;
} place_t;

static void put(mk_console_editor_t *editor, const char *bytes, size_t size) {
    if (size > 0) editor->sink(editor->sink_arg, bytes, size);
}

static void put_text(mk_console_editor_t *editor, const char *text) { put(editor, text, strlen(text)); }

/* "\x1b[<count><command>", nothing when count is 0. */
static void put_motion(mk_console_editor_t *editor, size_t count, char command) {
    char text[32];
    if (count > 0) put(editor, text, (size_t)snprintf(text, sizeof text, "\x1b[%zu%c", count, command));
}

/* Where the cursor is after `text` was written at `place`. A wide character that no longer fits a row goes to the next
 * one whole; a row that is exactly full counts as begun anew. */
static place_t after(place_t place, const char *text, size_t size, size_t columns) {
    for (size_t i = 0, bytes; i < size; i += bytes) {
        bytes = mk_console_next_char(text + i, size - i);
        int width = mk_console_char_width(text + i, bytes);
        if (width <= 0) continue;
        if (place.column + (size_t)width > columns) place = (place_t){place.row + 1, 0};
        place.column += (size_t)width;
        if (place.column == columns) place = (place_t){place.row + 1, 0};
    }
    return place;
}

static place_t place_of(const mk_console_editor_t *editor, size_t at) {
    place_t place = after((place_t){0, 0}, editor->prompt, strlen(editor->prompt), editor->columns);
    return after(place, editor->line, at, editor->columns);
}

/* To the first column of the prompt's row, everything below cleared. */
static void rewind_screen(mk_console_editor_t *editor) {
    put_motion(editor, editor->row, 'A');
    put_text(editor, "\r\x1b[J");
    editor->row = 0;
}

void mk_console_draw(mk_console_editor_t *editor) {
    if (editor->shown) rewind_screen(editor);
    place_t end = place_of(editor, editor->size), cursor = place_of(editor, editor->cursor);
    put_text(editor, editor->prompt);
    put(editor, editor->line, editor->size);
    if (end.column == 0 && end.row > 0) put_text(editor, " \r"); /* terminals go to the next row only when they must */
    if (cursor.row != end.row || cursor.column != end.column) {
        put_motion(editor, end.row - cursor.row, 'A');
        put_text(editor, "\r");
        put_motion(editor, cursor.column, 'C');
    }
    editor->row = cursor.row;
    editor->shown = true;
}

bool mk_console_draw_appended(mk_console_editor_t *editor, size_t size) {
    if (!editor->shown || editor->cursor != editor->size || editor->size < size) return false;
    place_t before = place_of(editor, editor->size - size), now = place_of(editor, editor->size);
    if (now.row != before.row || now.column == before.column) return false; /* a combining one is drawn with its base */
    put(editor, editor->line + editor->size - size, size);
    return true;
}

void mk_console_draw_erase(mk_console_editor_t *editor) {
    rewind_screen(editor);
    editor->shown = false;
}

void mk_console_draw_clear(mk_console_editor_t *editor) {
    put_text(editor, "\x1b[H\x1b[2J");
    editor->shown = false;
    editor->row = 0;
    mk_console_draw(editor);
}

void mk_console_draw_words(mk_console_editor_t *editor, const char *words, size_t size, size_t typed) {
    enum { GAP = 2 };
    const char *start = editor->line + editor->cursor - typed;
    const char *end = words + size, *word, *rest = words;
    size_t      widest = 0, word_size, column = 0;
    while ((word = mk_console_next_word(&rest, end, start, typed, &word_size)) != NULL) {
        size_t width = mk_console_text_width(word, word_size);
        if (width > widest) widest = width;
    }
    size_t cursor = editor->cursor;
    editor->cursor = editor->size; /* the list goes below the whole line, which stays to be seen */
    mk_console_draw(editor);
    editor->cursor = cursor;
    put_text(editor, "\r\n");
    rest = words;
    while ((word = mk_console_next_word(&rest, end, start, typed, &word_size)) != NULL) {
        size_t width = mk_console_text_width(word, word_size);
        if (column > 0 && column + width >= editor->columns) {
            put_text(editor, "\r\n");
            column = 0;
        }
        put(editor, word, word_size);
        for (size_t pad = width; pad < widest + GAP; pad++) put_text(editor, " ");
        column += widest + GAP;
    }
    put_text(editor, "\r\n");
    editor->shown = false;
    editor->row = 0;
    mk_console_draw(editor);
}
