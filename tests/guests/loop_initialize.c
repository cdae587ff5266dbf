/* SPDX-License-Identifier: Apache-2.0 */
/* loop_initialize.c -- a reactor whose _initialize never returns. */
#include "guest.h"

MK_EXPORT(_initialize) void initialize(void);
void initialize(void) {
    for (;;) opaque();
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    return usual(type, source, payload, size);
}
