/* SPDX-License-Identifier: Apache-2.0 */
#include "services/telnet.h"

#include <stdbool.h>

enum { IAC = 255, DONT = 254, WILL = 251, SB = 250, SE = 240 };

enum { TEXT, AFTER_RETURN, COMMAND, OPTION, SUB, SUB_COMMAND };

static uint8_t after_command(uint8_t byte) {
    if (byte == SB) return SUB;
    return byte >= WILL && byte <= DONT ? OPTION : TEXT;
}

/* Whether the byte is text; moves on. */
static bool take(mk_telnet_t *telnet, uint8_t byte) {
    uint8_t was = telnet->state;
    switch (was) {
    case COMMAND: telnet->state = after_command(byte); return byte == IAC;
    case OPTION: telnet->state = TEXT; return false;
    case SUB:
        if (byte == IAC) telnet->state = SUB_COMMAND;
        return false;
    case SUB_COMMAND: telnet->state = byte == SE ? TEXT : SUB; return false;
    default: /* TEXT, AFTER_RETURN */
        telnet->state = byte == IAC ? COMMAND : byte == '\r' ? AFTER_RETURN : TEXT;
        return byte != IAC && (byte != '\0' || was != AFTER_RETURN);
    }
}

size_t mk_telnet_filter(mk_telnet_t *telnet, uint8_t *bytes, size_t size) {
    size_t kept = 0;
    for (size_t i = 0; i < size; i++)
        if (take(telnet, bytes[i])) bytes[kept++] = bytes[i];
    return kept;
}
