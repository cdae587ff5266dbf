/* SPDX-License-Identifier: Apache-2.0 */
/* gateway.c -- prints what boards measure, with the name under which this node knows each of them. */
#include "mk_guest.h"
#include "readings.h"

typedef struct line {
    char     text[MK_NAME_BYTES + 32];
    uint32_t size;
} line_t;

static void put(line_t *line, const char *text, uint32_t size) {
    for (uint32_t i = 0; i < size && line->size < sizeof line->text; i++) line->text[line->size++] = text[i];
}

static void put_number(line_t *line, uint64_t number) {
    char     digits[20];
    uint32_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    put(line, digits + at, (uint32_t)sizeof digits - at);
}

/* "/node/board1/board: 21.3 C" */
static void print_reading(mk_actor_t board, uint32_t tenths) {
    line_t  line;
    char    name[MK_NAME_BYTES];
    int32_t size = mk_reverse_lookup(board, name, sizeof name);
    line.size = 0;
    if (size > 0) put(&line, name, (uint32_t)size);
    else put_number(&line, board);
    put(&line, ": ", 2);
    put_number(&line, tenths / 10);
    put(&line, ".", 1);
    put_number(&line, tenths % 10);
    put(&line, " C\n", 3);
    mk_print(line.text, line.size);
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    const unsigned char *bytes = payload;
    if (type == MK_STOP) return MK_STOP;
    if (type != READING || size != 4) return MK_STAY;
    print_reading(source, bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24);
    mk_send(source, TAKEN, NULL, 0);
    return MK_STAY;
}
