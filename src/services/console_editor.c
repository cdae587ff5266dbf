/* SPDX-License-Identifier: Apache-2.0 */
/* console_editor.c -- keys change the line, then the screen is made to look like it. Only typing at the end of a line
 * is drawn as a difference; everything else draws the line anew, which a terminal does faster than anyone types.
 * Invariant: line[0..size) is well-formed UTF-8 without control characters. */
#include "services/console_editor.h"

#include <string.h>

#include "services/console_draw.h"
#include "services/console_text.h"

#define TOO_LONG "That line is longer than 4096 bytes; it was not sent.\r\n"
_Static_assert(CONSOLE_LINE_BYTES_MAX == 4096, "the text above names the limit");

static void put(mk_console_editor_t *editor, const char *text) { editor->sink(editor->sink_arg, text, strlen(text)); }

void mk_console_editor_init(mk_console_editor_t *editor, const char *prompt, mk_console_sink_fn sink, void *arg) {
    memset(editor, 0, sizeof *editor);
    editor->prompt = prompt;
    editor->sink = sink;
    editor->sink_arg = arg;
    mk_console_editor_set_columns(editor, 0);
    mk_console_keys_init(&editor->keys);
    mk_console_history_init(&editor->history);
}

void mk_console_editor_fini(mk_console_editor_t *editor) { mk_console_history_fini(&editor->history); }

void mk_console_editor_set_columns(mk_console_editor_t *editor, unsigned columns) {
    enum { COLUMNS_ASSUMED = 80, COLUMNS_MIN = 8 };
    editor->columns = columns == 0 ? COLUMNS_ASSUMED : columns < COLUMNS_MIN ? COLUMNS_MIN : columns;
}

/* ---- the line --------------------------------------------------------------------------------------------------- */

static bool is_blank(char c) { return c == ' '; }

static size_t char_left(const mk_console_editor_t *editor) {
    return editor->cursor == 0 ? 0 : mk_console_prev_char(editor->line, editor->cursor);
}

static size_t char_right(const mk_console_editor_t *editor) {
    return editor->cursor + mk_console_next_char(editor->line + editor->cursor, editor->size - editor->cursor);
}

static size_t word_left(const mk_console_editor_t *editor) {
    size_t at = editor->cursor;
    while (at > 0 && is_blank(editor->line[at - 1])) at--;
    while (at > 0 && !is_blank(editor->line[at - 1])) at--;
    return at;
}

static size_t word_right(const mk_console_editor_t *editor) {
    size_t at = editor->cursor;
    while (at < editor->size && is_blank(editor->line[at])) at++;
    while (at < editor->size && !is_blank(editor->line[at])) at++;
    return at;
}

static void remove_range(mk_console_editor_t *editor, size_t from, size_t to) {
    memmove(editor->line + from, editor->line + to, editor->size - to);
    editor->size -= to - from;
    editor->cursor = from;
}

/* False: it does not fit; the line is as it was. */
static bool insert(mk_console_editor_t *editor, const char *text, size_t size) {
    if (size > CONSOLE_LINE_BYTES_MAX - editor->size) return false;
    char *at = editor->line + editor->cursor;
    memmove(at + size, at, editor->size - editor->cursor);
    memcpy(at, text, size);
    editor->size += size;
    editor->cursor += size;
    return true;
}

static void replace_line(mk_console_editor_t *editor, const char *text) {
    size_t size = strlen(text);
    if (size > CONSOLE_LINE_BYTES_MAX) return;
    memcpy(editor->line, text, size);
    editor->size = editor->cursor = size;
}

/* ---- what the keys do ------------------------------------------------------------------------------------------- */

static void start_line(mk_console_editor_t *editor) {
    editor->size = editor->cursor = 0;
    editor->tabs = 0;
    editor->cut = false;
    editor->typing = true;
    mk_console_history_rewind(&editor->history);
    mk_console_draw(editor);
}

/* The cursor goes behind the line and to a row of its own; what is on the screen stays there. */
static void finish_line(mk_console_editor_t *editor, const char *mark) {
    editor->cursor = editor->size;
    mk_console_draw(editor);
    put(editor, mark);
    put(editor, "\r\n");
    editor->shown = false;
    editor->typing = false;
    editor->row = 0;
}

static mk_console_event_t on_enter(mk_console_editor_t *editor) {
    finish_line(editor, "");
    if (editor->cut) {
        put(editor, TOO_LONG);
        start_line(editor);
        return CONSOLE_EVENT_NONE;
    }
    mk_console_history_add(&editor->history, editor->line, editor->size);
    return CONSOLE_EVENT_LINE;
}

static mk_console_event_t on_leave(mk_console_editor_t *editor) {
    if (editor->size == 0) {
        finish_line(editor, "");
        return CONSOLE_EVENT_LEAVE;
    }
    remove_range(editor, editor->cursor, char_right(editor));
    return CONSOLE_EVENT_NONE;
}

static void on_cancel(mk_console_editor_t *editor) {
    finish_line(editor, "^C");
    start_line(editor);
}

static void on_text(mk_console_editor_t *editor) {
    if (!insert(editor, editor->keys.bytes, editor->keys.size)) {
        editor->cut = true;
        put(editor, "\a");
    }
}

static void on_walk(mk_console_editor_t *editor, const char *line) {
    if (line == NULL) {
        put(editor, "\a");
    } else {
        replace_line(editor, line);
    }
}

static mk_console_event_t on_key(mk_console_editor_t *editor, mk_console_key_t key) {
    switch (key) {
    case CONSOLE_KEY_ENTER: return on_enter(editor);
    case CONSOLE_KEY_LEAVE: return on_leave(editor);
    case CONSOLE_KEY_TAB: return CONSOLE_EVENT_COMPLETE;
    case CONSOLE_KEY_CANCEL: on_cancel(editor); break;
    case CONSOLE_KEY_TEXT: on_text(editor); break;
    case CONSOLE_KEY_LEFT: editor->cursor = char_left(editor); break;
    case CONSOLE_KEY_RIGHT: editor->cursor = char_right(editor); break;
    case CONSOLE_KEY_WORD_LEFT: editor->cursor = word_left(editor); break;
    case CONSOLE_KEY_WORD_RIGHT: editor->cursor = word_right(editor); break;
    case CONSOLE_KEY_HOME: editor->cursor = 0; break;
    case CONSOLE_KEY_END: editor->cursor = editor->size; break;
    case CONSOLE_KEY_BACKSPACE: remove_range(editor, char_left(editor), editor->cursor); break;
    case CONSOLE_KEY_DELETE: remove_range(editor, editor->cursor, char_right(editor)); break;
    case CONSOLE_KEY_CUT_TO_END: remove_range(editor, editor->cursor, editor->size); break;
    case CONSOLE_KEY_CUT_TO_START: remove_range(editor, 0, editor->cursor); break;
    case CONSOLE_KEY_CUT_WORD_LEFT: remove_range(editor, word_left(editor), editor->cursor); break;
    case CONSOLE_KEY_CUT_WORD_RIGHT: remove_range(editor, editor->cursor, word_right(editor)); break;
    case CONSOLE_KEY_CLEAR_SCREEN: mk_console_draw_clear(editor); break;
    case CONSOLE_KEY_UP: on_walk(editor, mk_console_history_older(&editor->history, editor->line, editor->size)); break;
    case CONSOLE_KEY_DOWN: on_walk(editor, mk_console_history_newer(&editor->history)); break;
    case CONSOLE_KEY_NONE: break;
    }
    return CONSOLE_EVENT_NONE;
}

void mk_console_editor_prompt(mk_console_editor_t *editor) { start_line(editor); }

mk_console_event_t mk_console_editor_feed(mk_console_editor_t *editor, const uint8_t *bytes, size_t size,
                                          size_t *taken) {
    bool               stale = false; /* the screen is behind: drawn once for all the keys of a read */
    mk_console_event_t event = CONSOLE_EVENT_NONE;
    size_t             i = 0;
    while (i < size && event == CONSOLE_EVENT_NONE) {
        mk_console_key_t key = mk_console_keys_feed(&editor->keys, bytes[i++]);
        if (key == CONSOLE_KEY_NONE) continue;
        editor->tabs = key == CONSOLE_KEY_TAB ? editor->tabs + 1 : 0;
        size_t before = editor->cursor == editor->size && !stale ? editor->size : SIZE_MAX;
        event = on_key(editor, key);
        bool appended = key == CONSOLE_KEY_TEXT && editor->size - editor->keys.size == before;
        if (key == CONSOLE_KEY_ENTER || key == CONSOLE_KEY_CANCEL || key == CONSOLE_KEY_CLEAR_SCREEN) {
            stale = false; /* these have drawn */
        } else if (!appended || !mk_console_draw_appended(editor, editor->keys.size)) {
            stale = true;
        }
    }
    if (stale && editor->typing) mk_console_draw(editor);
    *taken = i;
    return event;
}

void mk_console_editor_hide(mk_console_editor_t *editor) {
    if (editor->shown) mk_console_draw_erase(editor);
}

void mk_console_editor_show(mk_console_editor_t *editor) {
    if (editor->typing && !editor->shown) mk_console_draw(editor);
}

/* ---- completion ------------------------------------------------------------------------------------------------- */

static size_t agreement(const char *a, size_t a_size, const char *b, size_t b_size) {
    size_t same = 0;
    while (same < a_size && same < b_size) {
        size_t bytes = mk_console_next_char(a + same, a_size - same); /* whole characters only */
        if (bytes > b_size - same || memcmp(a + same, b + same, bytes) != 0) break;
        same += bytes;
    }
    return same;
}

void mk_console_editor_complete(mk_console_editor_t *editor, const char *words, size_t size) {
    if (!editor->typing) return;
    size_t start = editor->cursor;
    while (start > 0 && !is_blank(editor->line[start - 1])) start--;
    size_t typed = editor->cursor - start;

    const char *first = NULL, *word, *rest = words;
    size_t      agreed = 0, count = 0, word_size;
    while ((word = mk_console_next_word(&rest, words + size, editor->line + start, typed, &word_size)) != NULL) {
        agreed = count++ == 0 ? word_size : agreement(first, agreed, word, word_size);
        if (first == NULL) first = word;
    }
    bool changed = count > 0 && agreed > typed && insert(editor, first + typed, agreed - typed);
    bool at_end = editor->cursor == editor->size || !is_blank(editor->line[editor->cursor]);
    if (count == 1 && at_end && insert(editor, " ", 1)) changed = true;
    if (changed) {
        editor->tabs = 1; /* the next Tab asks for the list, if there is still a choice */
        if (editor->shown) mk_console_draw(editor);
    } else if (count > 1 && editor->tabs > 1) {
        mk_console_draw_words(editor, words, size, typed);
    } else {
        put(editor, "\a");
    }
}
