/* SPDX-License-Identifier: Apache-2.0 */
/* inbox.h -- where other threads leave messages. The only structure of the runtime that two threads touch. */
#ifndef MK_RUNTIME_INBOX_H
#define MK_RUNTIME_INBOX_H

#include "microkernel/types.h"
#include "port/port.h"

/* A thread that posts faster than the loop runs is refused at some point; this much a node can hold. */
enum { MK_INBOX_MAX = 65536 };

typedef struct mk_post mk_post_t;
struct mk_post {
    mk_post_t *next;
    actor_id_t dest;
    msg_type_t type;
    size_t     size;
    /* the payload follows */
};

typedef struct mk_inbox {
    mk_mutex_t *lock;
    mk_post_t  *head, **last;
    uint32_t    count;
} mk_inbox_t;

MK_MUST_CHECK mk_err_t mk_inbox_init(mk_inbox_t *inbox);
void                   mk_inbox_fini(mk_inbox_t *inbox);

/* Any thread. False: full, or out of memory. */
bool mk_inbox_put(mk_inbox_t *inbox, actor_id_t dest, msg_type_t type, const void *payload, size_t size);

/* All posts so far, oldest first; the caller frees each with mk_free(). */
mk_post_t *mk_inbox_take_all(mk_inbox_t *inbox);

#endif
