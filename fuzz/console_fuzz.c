/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a terminal sends, the line being edited stays printable text within its limit and the cursor on a character.
 * The first byte is the width of the terminal; the rest is typed, in pieces, with other output and answers to Tab in
 * between. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "services/console_editor.h"
#include "services/console_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void discard(void *arg, const char *bytes, size_t size) {
    (void)arg;
    (void)bytes;
    (void)size;
}

static void check(const mk_console_editor_t *editor) {
    mk_assert(editor->size <= CONSOLE_LINE_BYTES_MAX && editor->cursor <= editor->size);
    mk_assert(mk_console_is_printable(editor->line, editor->size));
    mk_assert(editor->cursor == editor->size || ((uint8_t)editor->line[editor->cursor] & 0xC0) != 0x80);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static mk_console_editor_t editor;
    if (size == 0) return 0;
    mk_console_editor_init(&editor, "mk> ", discard, NULL);
    mk_console_editor_set_columns(&editor, data[0]);
    mk_console_editor_prompt(&editor);
    for (size_t at = 1; at < size;) {
        size_t piece = 1 + data[at] % 16, taken;
        if (piece > size - at) piece = size - at;
        mk_console_event_t event = mk_console_editor_feed(&editor, data + at, piece, &taken);
        at += taken;
        check(&editor);
        if (event == CONSOLE_EVENT_COMPLETE) mk_console_editor_complete(&editor, (const char *)data, size);
        if (event == CONSOLE_EVENT_LINE || event == CONSOLE_EVENT_LEAVE) mk_console_editor_prompt(&editor);
        if (piece % 5 == 0) mk_console_editor_hide(&editor);
        if (piece % 3 == 0) mk_console_editor_show(&editor);
        check(&editor);
    }
    mk_console_editor_fini(&editor);
    return 0;
}
