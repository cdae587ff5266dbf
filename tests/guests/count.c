/* SPDX-License-Identifier: Apache-2.0 */
/* count.c -- counts messages up to 999 and says each number. The number is nowhere but in the frames of three functions that
 * call each other, a digit in each, and the innermost of them waits for the next message: whoever moves this guest while it
 * waits, and loses or mixes up a frame, makes it skip. */
#include "guest.h"

/* "042\n", or false: told to stop. */
static bool say_next(int hundreds, int tens, int ones) {
    uint32_t type = 0, size = 0;
    char     text[4] = {(char)('0' + hundreds), (char)('0' + tens), (char)('0' + ones), '\n'};
    if (mk_recv(&type, NULL, 0, &size) != MK_OK || type == MK_STOP) return false;
    mk_print(text, sizeof text);
    return true;
}

__attribute__((noinline)) static bool count_ones(int hundreds, int tens) {
    for (int ones = 0; ones < 10; ones++) {
        if (!say_next(hundreds, tens, ones)) return false;
    }
    return true;
}

__attribute__((noinline)) static bool count_tens(int hundreds) {
    for (int tens = 0; tens < 10; tens++) {
        if (!count_ones(hundreds, tens)) return false;
    }
    return true;
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    (void)type, (void)source, (void)payload, (void)size;
    for (int hundreds = 0; hundreds < 10; hundreds++) {
        if (!count_tens(hundreds)) return MK_STOP;
    }
    return MK_STAY;
}
