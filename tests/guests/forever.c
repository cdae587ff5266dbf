/* SPDX-License-Identifier: Apache-2.0 */
/* forever.c -- GO: waits in mk_recv for ever, answering PING there, until it is asked to stop. */
#include "guest.h"

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    mk_message_t  msg;
    unsigned char buf[64];
    if (type != GO) return usual(type, source, payload, size);
    while (mk_next(&msg, buf, sizeof buf, -1) == MK_OK)
        if (usual(msg.type, msg.source, buf, msg.size) == MK_STOP) return MK_STOP;
    return MK_STAY;
}
