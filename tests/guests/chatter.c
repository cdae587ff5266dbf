/* SPDX-License-Identifier: Apache-2.0 */
/* chatter.c -- prints thousands of lines each turn, for ever: enough to leave its console's mailbox to nobody else. */
#include "guest.h"

enum { LINES_EACH_TURN = 3000 };

__attribute__((export_name("_initialize"))) void initialize(void) {
    do {
        for (int i = 0; i < LINES_EACH_TURN; i++) mk_print_text("x\n");
    } while (mk_sleep_ms(0) == MK_OK);
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    return usual(type, source, payload, size);
}
