/* SPDX-License-Identifier: Apache-2.0 */
/* sleep_initialize.c -- a reactor that sleeps 50 ms in _initialize; PING is answered only if it came that far. */
#include "guest.h"

static bool ready;

MK_EXPORT(_initialize) void initialize(void);
void initialize(void) { ready = mk_sleep_ms(50) == MK_OK; }

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    if (type == PING && !ready) return MK_STAY;
    return usual(type, source, payload, size);
}
