/* SPDX-License-Identifier: Apache-2.0 */
/* console_keys.c -- control characters, UTF-8 characters, and the escape sequences of the terminals in use (xterm and
 * its many relatives, the Linux console, VT220).
 * Invariant: state is one of the enum below; size < expected <= 4 while in CHARACTER. */
#include "services/console_keys.h"

#include "services/console_text.h"

enum { PLAIN, CHARACTER, ESCAPED, SEQUENCE, SEQUENCE_O };

enum { ESC = 0x1B, DEL = 0x7F, PARAM_MAX = 9999 };

void mk_console_keys_init(mk_console_keys_t *keys) { *keys = (mk_console_keys_t){.state = PLAIN}; }

static mk_console_key_t on_control(uint8_t byte) {
    switch (byte) {
    case 0x01: return CONSOLE_KEY_HOME;
    case 0x02: return CONSOLE_KEY_LEFT;
    case 0x03: return CONSOLE_KEY_CANCEL;
    case 0x04: return CONSOLE_KEY_LEAVE;
    case 0x05: return CONSOLE_KEY_END;
    case 0x06: return CONSOLE_KEY_RIGHT;
    case 0x08:
    case DEL: return CONSOLE_KEY_BACKSPACE;
    case '\t': return CONSOLE_KEY_TAB;
    case '\r':
    case '\n': return CONSOLE_KEY_ENTER;
    case 0x0B: return CONSOLE_KEY_CUT_TO_END;
    case 0x0C: return CONSOLE_KEY_CLEAR_SCREEN;
    case 0x0E: return CONSOLE_KEY_DOWN;
    case 0x10: return CONSOLE_KEY_UP;
    case 0x15: return CONSOLE_KEY_CUT_TO_START;
    case 0x17: return CONSOLE_KEY_CUT_WORD_LEFT;
    default: return CONSOLE_KEY_NONE;
    }
}

static mk_console_key_t on_plain(mk_console_keys_t *keys, uint8_t byte) {
    bool second_half = byte == '\n' && keys->after_return; /* of a CR LF pair, which is one Enter */
    keys->after_return = byte == '\r';
    if (second_half) return CONSOLE_KEY_NONE;
    if (byte == ESC) {
        keys->state = ESCAPED;
        return CONSOLE_KEY_NONE;
    }
    if (byte < 0x20 || byte == DEL) return on_control(byte);
    keys->bytes[0] = (char)byte;
    keys->size = 1;
    if (byte < 0x80) return CONSOLE_KEY_TEXT;
    keys->expected = (uint8_t)mk_console_char_bytes(byte);
    if (keys->expected > 1) keys->state = CHARACTER; /* a byte that starts nothing is dropped */
    return CONSOLE_KEY_NONE;
}

static mk_console_key_t on_character(mk_console_keys_t *keys, uint8_t byte) {
    if ((byte & 0xC0) != 0x80) { /* the character was cut off: this byte begins something else */
        keys->state = PLAIN;
        return on_plain(keys, byte);
    }
    keys->bytes[keys->size++] = (char)byte;
    if (keys->size < keys->expected) return CONSOLE_KEY_NONE;
    keys->state = PLAIN;
    return mk_console_char_width(keys->bytes, keys->size) >= 0 ? CONSOLE_KEY_TEXT : CONSOLE_KEY_NONE;
}

static mk_console_key_t on_escaped(mk_console_keys_t *keys, uint8_t byte) {
    keys->state = PLAIN;
    switch (byte) {
    case '[':
        keys->state = SEQUENCE;
        keys->params = 0;
        keys->param[0] = keys->param[1] = 0;
        return CONSOLE_KEY_NONE;
    case 'O': keys->state = SEQUENCE_O; return CONSOLE_KEY_NONE;
    case ESC: keys->state = ESCAPED; return CONSOLE_KEY_NONE;
    case 'b': return CONSOLE_KEY_WORD_LEFT;
    case 'f': return CONSOLE_KEY_WORD_RIGHT;
    case 'd': return CONSOLE_KEY_CUT_WORD_RIGHT;
    case 0x08:
    case DEL: return CONSOLE_KEY_CUT_WORD_LEFT;
    default: return byte < 0x20 ? on_plain(keys, byte) : CONSOLE_KEY_NONE;
    }
}

static mk_console_key_t numbered_key(uint16_t number) {
    switch (number) {
    case 1:
    case 7: return CONSOLE_KEY_HOME;
    case 3: return CONSOLE_KEY_DELETE;
    case 4:
    case 8: return CONSOLE_KEY_END;
    default: return CONSOLE_KEY_NONE;
    }
}

static mk_console_key_t lettered_key(uint8_t letter, bool by_word) {
    switch (letter) {
    case 'A': return CONSOLE_KEY_UP;
    case 'B': return CONSOLE_KEY_DOWN;
    case 'C': return by_word ? CONSOLE_KEY_WORD_RIGHT : CONSOLE_KEY_RIGHT;
    case 'D': return by_word ? CONSOLE_KEY_WORD_LEFT : CONSOLE_KEY_LEFT;
    case 'F': return CONSOLE_KEY_END;
    case 'H': return CONSOLE_KEY_HOME;
    default: return CONSOLE_KEY_NONE;
    }
}

static mk_console_key_t on_sequence(mk_console_keys_t *keys, uint8_t byte) {
    if (byte >= '0' && byte <= '9') {
        if (keys->params < 2 && keys->param[keys->params] <= PARAM_MAX / 10) {
            keys->param[keys->params] = (uint16_t)(keys->param[keys->params] * 10 + (byte - '0'));
        }
        return CONSOLE_KEY_NONE;
    }
    if (byte == ';') {
        if (keys->params < 2) keys->params++;
        return CONSOLE_KEY_NONE;
    }
    if (byte >= 0x20 && byte < 0x40) return CONSOLE_KEY_NONE; /* other parameter and intermediate bytes */
    keys->state = PLAIN;
    if (byte < 0x20 || byte >= DEL) return on_plain(keys, byte); /* the sequence was cut off */
    return byte == '~' ? numbered_key(keys->param[0]) : lettered_key(byte, keys->param[1] > 1);
}

mk_console_key_t mk_console_keys_feed(mk_console_keys_t *keys, uint8_t byte) {
    switch (keys->state) {
    case CHARACTER: return on_character(keys, byte);
    case ESCAPED: return on_escaped(keys, byte);
    case SEQUENCE: return on_sequence(keys, byte);
    case SEQUENCE_O: keys->state = PLAIN; return byte < 0x20 ? on_plain(keys, byte) : lettered_key(byte, false);
    default: return on_plain(keys, byte);
    }
}
