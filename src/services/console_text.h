/* SPDX-License-Identifier: Apache-2.0 */
/* console_text.h -- UTF-8 on a grid: how many bytes a character has and how many columns it takes. Not the locale's
 * wcwidth(), because a console may be at the other end of a network. */
#ifndef MK_SERVICES_CONSOLE_TEXT_H
#define MK_SERVICES_CONSOLE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that `first` begins; 0 when no character begins so. */
size_t mk_console_char_bytes(uint8_t first);

/* Columns of the character in `text`: 0 (combining), 1 or 2; -1 when the `size` bytes are not exactly one well-formed
 * printable character. */
int mk_console_char_width(const char *text, size_t size);

/* Bytes of the first character in `text`; 1 for a byte that is no part of one. 0 only when size is 0. */
size_t mk_console_next_char(const char *text, size_t size);

/* Where the last character of text[0..at) begins. `at` > 0. */
size_t mk_console_prev_char(const char *text, size_t at);

/* Columns of the whole text; what is not printable counts as 0. */
size_t mk_console_text_width(const char *text, size_t size);

/* Well-formed UTF-8 without control characters. */
bool mk_console_is_printable(const char *text, size_t size);

/* The next of the newline-separated words at *at that is printable and begins with `start`; NULL at the end. Moves *at
 * behind it. */
const char *mk_console_next_word(const char **at, const char *end, const char *start, size_t start_size, size_t *size);

#endif
