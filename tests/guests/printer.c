/* SPDX-License-Identifier: Apache-2.0 */
/* printer.c -- prints far more than anybody reads: a screenful, then a pause, for ever. */
#include "guest.h"

enum { SCREEN_BYTES = 50000, LINE_BYTES = 100, SCREENS_BEFORE_IT_TELLS = 40 };

static char screen[SCREEN_BYTES];

__attribute__((export_name("_initialize"))) void initialize(void) {
    for (uint32_t i = 0; i < SCREEN_BYTES; i++) screen[i] = i % LINE_BYTES == LINE_BYTES - 1 ? '\n' : 'p';
    for (uint32_t count = 1; mk_sleep_ms(1) == MK_OK; count++) {
        mk_print(screen, SCREEN_BYTES);
        if (count == SCREENS_BEFORE_IT_TELLS) mk_log_text(MK_LOG_WARN, "printed a lot");
    }
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    return usual(type, source, payload, size);
}
