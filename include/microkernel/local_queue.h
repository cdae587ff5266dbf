/* SPDX-License-Identifier: Apache-2.0 */
/* local_queue.h -- a queue on this node's own disk (storage.h), pushed to and consumed by messages (service_messages.h).
 *
 * An OK to a push means that the item is on the disk. It is delivered to one of the consumers, at least once, in the order of pushing
 * as far as nothing is delayed or comes again: until it is acknowledged, or has been delivered `tries_max` times, after which it lies
 * in the queue of dead letters, which is consumed in the same way. An item that is not acknowledged within `visible_ms`, or whose
 * consumer ends, comes again. Runtime's thread. */
#ifndef MICROKERNEL_LOCAL_QUEUE_H
#define MICROKERNEL_LOCAL_QUEUE_H

#include "microkernel/error.h"
#include "microkernel/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero takes the default named. */
typedef struct local_queue_config {
    char        base_path[64];  /* folder, made if its last part is missing                                         */
    const char *folder;         /* the same as long as the system allows, for the time of the call; NULL: base_path */
    uint32_t    visible_ms;     /* how long a consumer has for an item; 0: 30,000                                    */
    uint32_t    tries_max;      /* 0: 5                                                                              */
    uint32_t    items_max;      /* 0: 100,000                                                                        */
    size_t      body_bytes_max; /* 0: 128 KiB                                                                        */
} local_queue_config_t;

/* Starts it, registered at /node/local/queue/default, and its dead letters at /node/local/queue/dead. ACTOR_ID_INVALID: the reason is
 * logged. */
actor_id_t local_queue_init(runtime_t *rt, const local_queue_config_t *config);

#ifdef __cplusplus
}
#endif

#endif
