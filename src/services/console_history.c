/* SPDX-License-Identifier: Apache-2.0 */
#include "services/console_history.h"

#include <string.h>

#include "base/mem.h"

void mk_console_history_init(mk_console_history_t *history) { *history = (mk_console_history_t){.count = 0}; }

void mk_console_history_fini(mk_console_history_t *history) { mk_console_history_clear(history); }

void mk_console_history_clear(mk_console_history_t *history) {
    for (size_t i = 0; i < history->count; i++) mk_free(history->line[i]);
    history->count = 0;
    mk_console_history_rewind(history);
}

void mk_console_history_rewind(mk_console_history_t *history) {
    history->at = history->count;
    mk_free(history->draft);
    history->draft = NULL;
}

static bool same(const char *line, const char *text, size_t size) {
    return strlen(line) == size && memcmp(line, text, size) == 0;
}

void mk_console_history_add(mk_console_history_t *history, const char *text, size_t size) {
    bool  known = history->count > 0 && same(history->line[history->count - 1], text, size);
    char *copy = size > 0 && !known ? mk_strndup(text, size) : NULL;
    if (copy != NULL) {
        if (history->count == CONSOLE_HISTORY_LINES_MAX) {
            mk_free(history->line[0]);
            memmove(&history->line[0], &history->line[1], (CONSOLE_HISTORY_LINES_MAX - 1) * sizeof history->line[0]);
            history->count--;
        }
        history->line[history->count++] = copy;
    }
    mk_console_history_rewind(history);
}

const char *mk_console_history_older(mk_console_history_t *history, const char *current, size_t size) {
    if (history->at == 0) return NULL;
    if (history->at == history->count) {
        mk_free(history->draft);
        history->draft = mk_strndup(current, size);
    }
    return history->line[--history->at];
}

const char *mk_console_history_newer(mk_console_history_t *history) {
    if (history->at == history->count) return NULL;
    if (++history->at < history->count) return history->line[history->at];
    return history->draft != NULL ? history->draft : "";
}
