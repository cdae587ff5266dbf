/* SPDX-License-Identifier: Apache-2.0 */
/* counter.c -- counts messages, in a plain loop that waits for each.
 *
 * The first message starts the loop; from then on handle_message does not return until the actor is
 * asked to stop, and the count is a local variable. 100 counts; 110 is answered with 111 and the count
 * in decimal; anything else is ignored. */
#include "mk_guest.h"

enum { COUNT = 100, QUERY = 110, TOTAL = 111 };

/* A message larger than this still counts: its size is reported, its bytes are not needed. */
enum { PAYLOAD_BYTES = 16 };

enum { DECIMAL_BYTES_MAX = 20 };

static void reply(mk_actor_t to, uint64_t count) {
    char     digits[DECIMAL_BYTES_MAX];
    uint32_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + count % 10);
        count /= 10;
    } while (count != 0);
    mk_send(to, TOTAL, digits + at, sizeof digits - at);
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    (void)payload;
    mk_message_t msg = {.type = type, .size = size, .source = source};
    char         buf[PAYLOAD_BYTES];
    uint64_t     count = 0;

    while (msg.type != MK_STOP) {
        if (msg.type == COUNT) count++;
        if (msg.type == QUERY) reply(msg.source, count);
        if (mk_next(&msg, buf, sizeof buf, -1) != MK_OK) {
            mk_log_text(MK_LOG_ERROR, "counter: cannot wait here");
            break;
        }
    }
    return MK_STOP;
}
