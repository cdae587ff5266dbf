/* SPDX-License-Identifier: Apache-2.0 */
/* echo_wasi.c -- echo with a C library: keeps what it was sent last in memory of its own, and answers with that.
 *
 * 200 is answered with 201 and the payload, 210 with 211 and the payload of the last 200. The node puts
 * payloads where malloc says, because this guest exports it. */
#include <stdlib.h>
#include <string.h>

#include "mk_guest.h"

enum { ECHO = 200, ECHOED = 201, AGAIN = 210, REPEATED = 211 };

static unsigned char *last;
static uint32_t       last_bytes;

static void remember(const void *payload, uint32_t size) {
    unsigned char *copy = malloc(size);
    if (copy == NULL && size > 0) return; /* the older one stays */
    if (size > 0) memcpy(copy, payload, size);
    free(last);
    last = copy;
    last_bytes = size;
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    switch (type) {
    case MK_STOP: free(last); return MK_STOP;
    case ECHO:
        remember(payload, size);
        mk_send(source, ECHOED, payload, size);
        return MK_STAY;
    case AGAIN: mk_send(source, REPEATED, last, last_bytes); return MK_STAY;
    default: return MK_STAY;
    }
}
