/* SPDX-License-Identifier: Apache-2.0 */
/* console_editor.h -- one line being typed on a terminal: bytes in, bytes for the screen and events out. No I/O, no
 * clock, no globals; whoever owns it decides where bytes come from and go to.
 *
 * Life of a line: prompt() shows an empty one, feed() edits it until it returns an event. After EVENT_LINE or
 * EVENT_LEAVE nothing is on the screen until the next prompt(); after EVENT_COMPLETE the line stays and complete() may
 * follow. Output that is not the editor's goes between hide() and show(). */
#ifndef MK_SERVICES_CONSOLE_EDITOR_H
#define MK_SERVICES_CONSOLE_EDITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/console_history.h"
#include "services/console_keys.h"

/* What a terminal's own line mode takes on Linux, so scripts that fit there fit here. */
enum { CONSOLE_LINE_BYTES_MAX = 4096 };

/* Where the screen's bytes go: whole at once, must not fail. */
typedef void (*mk_console_sink_fn)(void *arg, const char *bytes, size_t size);

typedef enum mk_console_event {
    CONSOLE_EVENT_NONE,
    CONSOLE_EVENT_LINE,     /* Enter: the line is in `line`, `size`                     */
    CONSOLE_EVENT_LEAVE,    /* Ctrl-D on an empty line                                  */
    CONSOLE_EVENT_COMPLETE, /* Tab: complete() wants the words for line[0..cursor)      */
} mk_console_event_t;

typedef struct mk_console_editor {
    char                 line[CONSOLE_LINE_BYTES_MAX];
    size_t               size;
    size_t               cursor; /* on a character boundary, <= size                    */
    mk_console_keys_t    keys;
    mk_console_history_t history;
    const char          *prompt; /* borrowed                                            */
    unsigned             columns;
    size_t               row;    /* of the cursor, below the prompt's, as last drawn    */
    unsigned             tabs;   /* Tab keys in a row                                   */
    bool                 typing; /* a line is being edited                              */
    bool                 shown;  /* prompt and line are on the screen                   */
    bool                 cut;    /* something typed did not fit: the line is not whole  */
    mk_console_sink_fn   sink;
    void                *sink_arg;
} mk_console_editor_t;

/* Borrows `prompt`. */
void mk_console_editor_init(mk_console_editor_t *editor, const char *prompt, mk_console_sink_fn sink, void *arg);
void mk_console_editor_fini(mk_console_editor_t *editor);

/* Width of the terminal from the next drawing on; 0: not known, 80 is assumed. */
void mk_console_editor_set_columns(mk_console_editor_t *editor, unsigned columns);

void mk_console_editor_prompt(mk_console_editor_t *editor);

/* Takes bytes up to and including the one that makes an event, and says how many. */
mk_console_event_t mk_console_editor_feed(mk_console_editor_t *editor, const uint8_t *bytes, size_t size,
                                          size_t *taken);

/* `words`, newline separated, are what the word left of the cursor may become. One: it is completed. Several: as far as
 * they agree; the second Tab in a row lists them. None: the bell. */
void mk_console_editor_complete(mk_console_editor_t *editor, const char *words, size_t size);

void mk_console_editor_hide(mk_console_editor_t *editor);
void mk_console_editor_show(mk_console_editor_t *editor);

#endif
