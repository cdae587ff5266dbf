/* SPDX-License-Identifier: Apache-2.0 */
/* work_initialize.c -- a reactor that has the node's helpers work for it in _initialize: it reads a file, or starts a child when built
 * with SPAWNS. */
#include "guest.h"

MK_EXPORT(_initialize) void initialize(void);
void initialize(void) {
    static const char path[] = "/etc/passwd"; /* there is one everywhere */
    static char       text[65536];
    uint32_t          size;
#ifdef SPAWNS
    (void)text;
    (void)mk_spawn_file(path, sizeof path - 1, NULL, 0, &size);
#else
    (void)mk_read_file(path, sizeof path - 1, text, sizeof text, &size);
#endif
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    return usual(type, source, payload, size);
}
