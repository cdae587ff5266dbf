/* SPDX-License-Identifier: Apache-2.0 */
/* sleeper.c -- as echo, but takes 100 ms over each reply while everybody else keeps running. */
#include "mk_guest.h"

enum { NAP_MS = 100 };

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    if (type == MK_STOP) return MK_STOP;
    if (type >= MK_TYPE_SYSTEM) return MK_STAY;
    if (mk_sleep_ms(NAP_MS) != MK_OK) mk_log_text(MK_LOG_WARN, "sleeper: cannot sleep here");
    mk_send(source, type + 1, payload, size);
    return MK_STAY;
}
