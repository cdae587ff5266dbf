/* SPDX-License-Identifier: Apache-2.0 */
/* recurse.c -- recursion without end, each call with a frame in the guest's own memory. */
#include "guest.h"

static uint32_t deeper(uint32_t depth) {
    volatile unsigned char frame[256];
    frame[depth % sizeof frame] = (unsigned char)depth;
    opaque();
    if (depth == UINT32_MAX) return 0; /* never that far, but compilers warn of what cannot end */
    return deeper(depth + 1) + frame[depth % sizeof frame];
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    if (type == GO) mk_send_u32(source, RESULT, deeper(0));
    return usual(type, source, payload, size);
}
