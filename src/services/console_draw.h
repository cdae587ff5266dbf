/* SPDX-License-Identifier: Apache-2.0 */
/* console_draw.h -- the editor's screen half: makes the terminal show prompt, line and cursor. The terminal is taken to
 * wrap at `columns` and to know the ANSI sequences CUU, CUF, ED and CUP. */
#ifndef MK_SERVICES_CONSOLE_DRAW_H
#define MK_SERVICES_CONSOLE_DRAW_H

#include "services/console_editor.h"

/* Draws all of it, over what was there. */
void mk_console_draw(mk_console_editor_t *editor);

/* The last `size` bytes were just typed at the end of the line: draws only them. False: nothing was drawn, the line has
 * to be drawn whole. */
bool mk_console_draw_appended(mk_console_editor_t *editor, size_t size);

void mk_console_draw_erase(mk_console_editor_t *editor);
void mk_console_draw_clear(mk_console_editor_t *editor);

/* The candidates in columns below the line, then the line again. Those that do not begin with the `typed` bytes left of
 * the cursor are left out. */
void mk_console_draw_words(mk_console_editor_t *editor, const char *words, size_t size, size_t typed);

#endif
