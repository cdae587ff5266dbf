/* SPDX-License-Identifier: Apache-2.0 */
/* nested.c -- waits deep inside nested calls, in each of the ways there are.
 *
 * GO with u32 depth: at every level sleeps 1 ms, at the bottom waits for three messages (mk_recv, mk_recv_full,
 * mk_recv_timeout with a long limit), then lets mk_recv_timeout run out once. RESULT: depth + the u32 values of the
 * three, or UINT32_MAX when anything went wrong. */
#include "guest.h"

enum { LONG_MS = 60000, SHORT_MS = 5 };

static bool failed;

static uint32_t bottom(void) {
    uint32_t   type, size, sum = 0, value = 0;
    mk_actor_t source;
    failed |= mk_recv(&type, &value, sizeof value, &size) != MK_OK || size != sizeof value;
    sum += value;
    failed |= mk_recv_full(&type, &value, sizeof value, &size, &source) != MK_OK || size != sizeof value;
    sum += value;
    failed |= mk_recv_timeout(&type, &value, sizeof value, &size, &source, LONG_MS) != MK_OK;
    sum += value;
    failed |= mk_recv_timeout(&type, &value, sizeof value, &size, &source, SHORT_MS) != MK_TIMED_OUT;
    return sum;
}

/* The volatile keeps every level a frame of its own. */
static uint32_t descend(uint32_t depth) {
    volatile uint32_t mine = depth;
    if (depth == 0) return bottom();
    failed |= mk_sleep_ms(1) != MK_OK;
    uint32_t sum = descend(depth - 1);
    failed |= mine != depth;
    return sum;
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    if (type != GO || size < 4) return usual(type, source, payload, size);
    uint32_t depth = get_u32(payload, 0);
    failed = false;
    uint32_t sum = descend(depth);
    failed |= get_u32(payload, 0) != depth; /* the payload outlives every wait */
    mk_send_u32(source, RESULT, failed ? UINT32_MAX : sum + depth);
    return MK_STAY;
}
