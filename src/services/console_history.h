/* SPDX-License-Identifier: Apache-2.0 */
/* console_history.h -- the lines the cursor keys walk through. One may be looked at at a time; `draft`, the line that
 * was being typed when the walk began, waits below the newest. */
#ifndef MK_SERVICES_CONSOLE_HISTORY_H
#define MK_SERVICES_CONSOLE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

enum { CONSOLE_HISTORY_LINES_MAX = 200 }; /* more than anybody walks; the oldest goes first */

typedef struct mk_console_history {
    char  *line[CONSOLE_HISTORY_LINES_MAX]; /* NUL-terminated, oldest first   */
    size_t count;
    size_t at;    /* the line looked at; == count: the draft                  */
    char  *draft; /* NULL unless a walk is on and something had been typed    */
} mk_console_history_t;

void mk_console_history_init(mk_console_history_t *history);
void mk_console_history_fini(mk_console_history_t *history);

/* Keeps a copy, unless it is empty or the same as the newest. Out of memory: it is not kept, which costs a user one
 * line. Ends the walk. */
void mk_console_history_add(mk_console_history_t *history, const char *text, size_t size);
void mk_console_history_clear(mk_console_history_t *history);

/* One line older or newer; NULL when there is none. Going back for the first time keeps `current` as the draft.
 * Borrowed until the next call. */
const char *mk_console_history_older(mk_console_history_t *history, const char *current, size_t size);
const char *mk_console_history_newer(mk_console_history_t *history);

/* The walk is over: the next one begins at the newest line. */
void mk_console_history_rewind(mk_console_history_t *history);

#endif
