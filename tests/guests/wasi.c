/* SPDX-License-Identifier: Apache-2.0 */
/* wasi.c -- a C library's ways out: output, and the end of the process. */
#include <stdio.h>
#include <stdlib.h>

#include "guest.h"

enum {
    SAY = 10,      /* printf of the payload as a line to standard output: the console    */
    COMPLAIN = 11, /* the same to standard error: the log                                */
    EXIT = 12,     /* exit(u32): proc_exit ends this actor, and it alone                 */
    ABORT = 13
};

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    switch (type) {
    case SAY:
        printf("%.*s\n", (int)size, (const char *)payload);
        fflush(stdout);
        return MK_STAY;
    case COMPLAIN: fprintf(stderr, "%.*s\n", (int)size, (const char *)payload); return MK_STAY;
    case EXIT: exit(size >= 4 ? (int)get_u32(payload, 0) : 0);
    case ABORT: abort();
    default: return usual(type, source, payload, size);
    }
}
