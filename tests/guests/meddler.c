/* SPDX-License-Identifier: Apache-2.0 */
/* meddler.c -- writes to actors that are none of its business, by guessing their ids: the node's own types and the small
 * numbers that programs take for themselves. Says when it is done. */
#include "guest.h"

enum { ACTORS = 8, SMALL_TYPES = 32, ROOMS_TYPES = 0x200 };

static void meddle(mk_actor_t to) {
    mk_actor_t lie = mk_self();
    if (to == lie) return;
    for (uint32_t type = 1; type < SMALL_TYPES; type++) mk_send(to, type, &lie, sizeof lie);
    for (uint32_t type = 0; type < ROOMS_TYPES; type++) mk_send(to, MK_TYPE_SYSTEM + type, &lie, sizeof lie);
}

__attribute__((export_name("_initialize"))) void initialize(void) {
    mk_actor_t first = (mk_self() >> 32 << 32) + 1;
    for (uint32_t i = 0; i < ACTORS; i++) meddle(first + i);
    mk_log_text(MK_LOG_WARN, "meddled");
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    return usual(type, source, payload, size);
}
