/* SPDX-License-Identifier: Apache-2.0 */
/* types.h -- identity. An actor id is 64 bits: the node in the upper half, a sequence in the lower half that is given
 * once and never again, so a late message finds nobody instead of a stranger. */
#ifndef MICROKERNEL_TYPES_H
#define MICROKERNEL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t actor_id_t;
typedef uint32_t node_id_t;
typedef uint32_t msg_type_t;
typedef uint32_t timer_id_t;
typedef uint32_t monitor_id_t;
typedef uint32_t call_id_t;

#define ACTOR_ID_INVALID   ((actor_id_t)0)
#define TIMER_ID_INVALID   ((timer_id_t)0)
#define MONITOR_ID_INVALID ((monitor_id_t)0)
#define CALL_ID_INVALID    ((call_id_t)0)

/* Message types at or above this are the system's; a program's own types lie below. */
#define MK_MSG_SYSTEM_BASE ((msg_type_t)0xFF000000u)

typedef struct runtime   runtime_t;   /* one thread's worth of actors                */
typedef struct actor     actor_t;     /* opaque; passed to behaviours                */
typedef struct message   message_t;   /* message.h                                   */
typedef struct transport transport_t; /* transport.h                                 */

static inline actor_id_t actor_id_make(node_id_t node, uint32_t seq) {
    return ((actor_id_t)node << 32) | seq;
}
static inline node_id_t actor_id_node(actor_id_t id) { return (node_id_t)(id >> 32); }
static inline uint32_t  actor_id_seq(actor_id_t id) { return (uint32_t)id; }

#ifdef __cplusplus
}
#endif

#endif
