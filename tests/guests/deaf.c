/* SPDX-License-Identifier: Apache-2.0 */
/* deaf.c -- does not stop when asked to, neither between messages nor, after GO, while waiting for one. */
#include "guest.h"

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    mk_message_t  msg;
    unsigned char buf[64];
    usual(type, source, payload, size);
    while (type == GO && mk_next(&msg, buf, sizeof buf, -1) == MK_OK) usual(msg.type, msg.source, buf, msg.size);
    return MK_STAY;
}
