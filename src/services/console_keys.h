/* SPDX-License-Identifier: Apache-2.0 */
/* console_keys.h -- bytes from a terminal become keys. A key may arrive in pieces, over any number of reads: the
 * decoder keeps what it has seen. It never waits, and any sequence of bytes leaves it in a good state. */
#ifndef MK_SERVICES_CONSOLE_KEYS_H
#define MK_SERVICES_CONSOLE_KEYS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum mk_console_key {
    CONSOLE_KEY_NONE, /* more bytes are needed, or these meant nothing */
    CONSOLE_KEY_TEXT, /* one printable character: `bytes`, `size`       */
    CONSOLE_KEY_ENTER,
    CONSOLE_KEY_TAB,
    CONSOLE_KEY_LEFT,
    CONSOLE_KEY_RIGHT,
    CONSOLE_KEY_WORD_LEFT,
    CONSOLE_KEY_WORD_RIGHT,
    CONSOLE_KEY_HOME,
    CONSOLE_KEY_END,
    CONSOLE_KEY_UP,
    CONSOLE_KEY_DOWN,
    CONSOLE_KEY_BACKSPACE,
    CONSOLE_KEY_DELETE,
    CONSOLE_KEY_CUT_TO_END,
    CONSOLE_KEY_CUT_TO_START,
    CONSOLE_KEY_CUT_WORD_LEFT,
    CONSOLE_KEY_CUT_WORD_RIGHT,
    CONSOLE_KEY_CLEAR_SCREEN,
    CONSOLE_KEY_CANCEL, /* Ctrl-C                                       */
    CONSOLE_KEY_LEAVE,  /* Ctrl-D: leaves on an empty line, else deletes */
} mk_console_key_t;

enum { CONSOLE_INTERRUPT_BYTE = 0x03 }; /* what a terminal in raw mode sends for Ctrl-C */

typedef struct mk_console_keys {
    uint8_t  state;
    uint8_t  size;     /* bytes of a character so far   */
    uint8_t  expected; /* bytes it will have            */
    char     bytes[4]; /* the last CONSOLE_KEY_TEXT     */
    uint8_t  params;   /* numbers of an escape sequence */
    uint16_t param[2];
    bool     after_return;
} mk_console_keys_t;

void             mk_console_keys_init(mk_console_keys_t *keys);
mk_console_key_t mk_console_keys_feed(mk_console_keys_t *keys, uint8_t byte);

#endif
