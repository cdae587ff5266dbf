/* SPDX-License-Identifier: Apache-2.0 */
/* screen.h -- a terminal for tests: takes what a console writes and knows what a person would see. Understands what
 * console_draw.c asks of a terminal (CR, LF, BEL, CUU, CUF, CUP, ED), wraps late as real ones do, and notes anything
 * else as a fault. */
#ifndef MK_TESTS_SCREEN_H
#define MK_TESTS_SCREEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/console_text.h"

enum { SCREEN_ROWS = 40, SCREEN_COLUMNS_MAX = 100, SCREEN_CELL_BYTES = 8 };

typedef struct screen {
    char     cell[SCREEN_ROWS][SCREEN_COLUMNS_MAX][SCREEN_CELL_BYTES]; /* "": the right half of a wide one */
    unsigned columns;
    unsigned row, column;
    bool     wrap_pending;
    unsigned bells;
    bool     fault;
    char     pending[32]; /* of a sequence that is not complete */
    size_t   pending_size;
    char     text[SCREEN_ROWS * SCREEN_COLUMNS_MAX * SCREEN_CELL_BYTES];
} screen_t;

static inline void screen_clear_from(screen_t *s, unsigned row, unsigned column) {
    for (; row < SCREEN_ROWS; row++, column = 0) {
        for (; column < SCREEN_COLUMNS_MAX; column++) strcpy(s->cell[row][column], " ");
    }
}

static inline void screen_init(screen_t *s, unsigned columns) {
    memset(s, 0, sizeof *s);
    s->columns = columns;
    screen_clear_from(s, 0, 0);
}

static inline void screen_down(screen_t *s) {
    if (++s->row < SCREEN_ROWS) return;
    memmove(s->cell[0], s->cell[1], sizeof s->cell - sizeof s->cell[0]);
    s->row = SCREEN_ROWS - 1;
    screen_clear_from(s, s->row, 0);
}

static inline void screen_show(screen_t *s, const char *bytes, size_t size) {
    int width = mk_console_char_width(bytes, size);
    if (width < 0) {
        s->fault = true;
        return;
    }
    if (width == 0) {
        unsigned at = s->wrap_pending || s->column == 0 ? s->column : s->column - 1;
        while (at > 0 && s->cell[s->row][at][0] == '\0') at--;
        char  *cell = s->cell[s->row][at];
        size_t used = strlen(cell);
        if (used + size < SCREEN_CELL_BYTES) {
            memcpy(cell + used, bytes, size);
            cell[used + size] = '\0';
        }
        return;
    }
    if (s->wrap_pending || s->column + (unsigned)width > s->columns) {
        s->column = 0;
        screen_down(s);
    }
    s->wrap_pending = false;
    memcpy(s->cell[s->row][s->column], bytes, size);
    s->cell[s->row][s->column][size] = '\0';
    if (width == 2) s->cell[s->row][s->column + 1][0] = '\0';
    s->column += (unsigned)width;
    if (s->column == s->columns) {
        s->column--;
        s->wrap_pending = true;
    }
}

static inline void screen_sequence(screen_t *s, char command, int count) {
    int one = count > 0 ? count : 1;
    s->wrap_pending = false;
    switch (command) {
    case 'A': s->row = (int)s->row > one ? s->row - (unsigned)one : 0; break;
    case 'C': s->column = s->column + (unsigned)one < s->columns ? s->column + (unsigned)one : s->columns - 1; break;
    case 'H': s->row = s->column = 0; break;
    case 'J': screen_clear_from(s, count == 2 ? 0 : s->row, count == 2 ? 0 : s->column); break;
    default: s->fault = true;
    }
}

static inline void screen_byte(screen_t *s, char byte) {
    char *p = s->pending;
    p[s->pending_size++] = byte;
    if (s->pending_size == sizeof s->pending) {
        s->fault = true;
        s->pending_size = 0;
    }
    if (p[0] == '\x1b') {
        if (s->pending_size < 3 || (byte >= '0' && byte <= '9')) return;
        p[s->pending_size - 1] = '\0';
        if (p[1] != '[') s->fault = true;
        screen_sequence(s, byte, atoi(p + 2));
    } else if (p[0] == '\r') {
        s->column = 0;
        s->wrap_pending = false;
    } else if (p[0] == '\n') {
        s->wrap_pending = false;
        screen_down(s);
    } else if (p[0] == '\a') {
        s->bells++;
    } else {
        size_t need = mk_console_char_bytes((uint8_t)p[0]);
        if (need > s->pending_size) return;
        screen_show(s, p, s->pending_size);
    }
    s->pending_size = 0;
}

/* The signature of mk_console_sink_fn. */
static inline void screen_write(void *screen, const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) screen_byte(screen, bytes[i]);
}

/* What is to be seen: rows without trailing blanks, joined by newlines, without the empty ones at the end. */
static inline const char *screen_text(screen_t *s) {
    size_t end = 0;
    s->text[0] = '\0';
    for (unsigned row = 0, blank = 0; row < SCREEN_ROWS; row++) {
        char     line[SCREEN_COLUMNS_MAX * SCREEN_CELL_BYTES] = "";
        unsigned last = SCREEN_COLUMNS_MAX;
        while (last > 0 && strcmp(s->cell[row][last - 1], " ") == 0) last--;
        for (unsigned column = 0; column < last; column++) strcat(line, s->cell[row][column]);
        blank++;
        if (line[0] == '\0') continue;
        for (; blank > 0; blank--) {
            if (row + 1 > blank) s->text[end++] = '\n';
        }
        end += (size_t)sprintf(s->text + end, "%s", line);
    }
    return s->text;
}

#endif
