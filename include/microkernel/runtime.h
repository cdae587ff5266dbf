/* SPDX-License-Identifier: Apache-2.0 */
/* runtime.h -- one runtime is one thread: its actors, its timers, its poller. Several cores are several runtimes. */
#ifndef MICROKERNEL_RUNTIME_H
#define MICROKERNEL_RUNTIME_H

#include "microkernel/error.h"
#include "microkernel/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Limits and defaults. Zero takes the default named. */
typedef struct runtime_config {
    node_id_t node_id;             /* 0: 1                                                             */
    size_t    actors_max;          /* 0: no limit                                                      */
    size_t    mailbox_default;     /* messages an actor's mailbox takes when its spawn says 0; 0: 1024  */
    size_t    payload_bytes_max;   /* 0: 16 MiB                                                        */
    size_t    name_bytes_max;      /* 0: 255                                                           */
    uint32_t  turn_messages_max;   /* messages one actor handles before the next has its turn; 0: 512   */
    uint32_t  poll_messages_max;   /* messages handled before timers and descriptors are looked at; 0: 4096 */
    size_t    pool_keep_bytes;     /* empty message memory kept for the next flood; 0: 4 MiB            */
    size_t    log_bytes;           /* log lines waiting for the sink; 0: 64 KiB                         */
    uint32_t  sequence_start;      /* of the actors' numbers; 0: small. A node that others know begins somewhere else in each of its
                                    * lives (a random number), so that what they remember of an earlier one finds nobody */
} runtime_config_t;

/* NULL on failure (out of memory, no poller). `max_actors` 0 means no limit. */
runtime_t *runtime_init(node_id_t node_id, size_t max_actors);
runtime_t *runtime_create(const runtime_config_t *config);

/* Ends every actor (their free_state runs) and releases everything. NULL is allowed. */
void runtime_destroy(runtime_t *rt);

/* Runs until runtime_stop() or until no actor is left. */
void runtime_run(runtime_t *rt);

/* One scheduling step: timers and descriptors that are due, then one actor's turn. Never waits. True while there is
 * more to do at once. */
bool runtime_step(runtime_t *rt);

/* Sleeps until something is due, at most `wait_ms` (-1: no limit), then as runtime_step(). For those who own the loop. */
bool runtime_wait(runtime_t *rt, int wait_ms);

/* Makes runtime_run() return after the current turn. Any thread, and from a signal handler. */
void runtime_stop(runtime_t *rt);

/* Sends from any thread: the one call that another thread may make, runtime_stop() aside. Copies the payload. False:
 * out of memory, or too many posts are waiting. Whether the actor exists is only seen later; then it is counted. */
bool runtime_post(runtime_t *rt, actor_id_t dest, msg_type_t type, const void *payload, size_t size);

/* Adds a link to another node; the runtime owns the transport from now on. False: a link to this peer exists, or out of
 * memory; then it is still the caller's. */
bool runtime_add_transport(runtime_t *rt, transport_t *transport);

/* ---- introspection -------------------------------------------------------------------------------------------- */

/* Writes up to `max` ids of living actors, in the order of their slots; returns how many there are in all. */
size_t    runtime_list_actors(runtime_t *rt, actor_id_t *buf, size_t max);
size_t    runtime_get_max_actors(runtime_t *rt);
size_t    runtime_get_transport_count(runtime_t *rt);
node_id_t runtime_get_node_id(runtime_t *rt);

/* Monotonic milliseconds, read from the clock now. */
uint64_t runtime_now_ms(runtime_t *rt);

/* Milliseconds since 1970, UTC; may jump; 0 when the platform does not know. */
uint64_t runtime_wall_ms(runtime_t *rt);

typedef struct runtime_stats {
    uint64_t sent;             /* messages accepted                                                  */
    uint64_t refused_unknown;  /* sends refused: no such actor                                       */
    uint64_t refused_full;     /* sends refused: mailbox full                                        */
    uint64_t refused_other;    /* sends refused: no memory, too long, unreachable                    */
    uint64_t dropped;          /* accepted, then lost: the actor ended first, or a late reply        */
    uint64_t spawned;
    uint64_t ended;
    uint64_t log_dropped;      /* log lines the sink was too slow for                                */
    size_t   actors;           /* alive now                                                          */
    size_t   timers;           /* armed now                                                          */
    size_t   pool_bytes;       /* memory held for messages, actors, timers                           */
} runtime_stats_t;

void runtime_get_stats(runtime_t *rt, runtime_stats_t *out);

typedef struct actor_info {
    actor_id_t id;
    actor_id_t parent;
    size_t     queued;         /* messages waiting                                                   */
    size_t     mailbox_size;
    uint64_t   refused;        /* sends its full mailbox refused                                     */
} actor_info_t;

/* False: no such actor. */
bool runtime_get_actor_info(runtime_t *rt, actor_id_t id, actor_info_t *out);

#ifdef __cplusplus
}
#endif

#endif
