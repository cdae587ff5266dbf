/* SPDX-License-Identifier: Apache-2.0 */
/* message.h -- what a behaviour is called with, and how large payloads travel without being copied.
 *
 * A message belongs to the runtime again when the behaviour returns, unless the behaviour took it. All calls are for
 * the runtime's own thread. */
#ifndef MICROKERNEL_MESSAGE_H
#define MICROKERNEL_MESSAGE_H

#include "microkernel/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct message {
    actor_id_t  source;       /* ACTOR_ID_INVALID: sent from outside any actor, here or on another node */
    actor_id_t  dest;
    msg_type_t  type;
    call_id_t   call;         /* correlation number of actor_call(); 0: not part of a call */
    const void *payload;      /* NULL when payload_size is 0                              */
    size_t      payload_size; /* bytes                                                    */
};

/* Keeps the current message past the end of the behaviour. The caller owns it until message_release() or
 * actor_forward(). Valid only for the message the running behaviour was called with; returns it. */
message_t *message_take(runtime_t *rt, message_t *msg);

/* Gives a taken message back. NULL is allowed. */
void message_release(runtime_t *rt, message_t *msg);

/* The text that came with an end (a trap's message, say) on MSG_DOWN, MSG_EXIT and MSG_CHILD_EXIT; "" when there is
 * none. Borrowed: valid as long as the message. */
const char *message_exit_text(const message_t *msg);

/* A reference-counted payload, written by its creator before it is sent and read-only afterwards. */
typedef struct message_buffer message_buffer_t;

/* NULL when out of memory. The caller owns one reference. */
message_buffer_t *message_buffer_create(size_t size);
void             *message_buffer_data(message_buffer_t *buf);
size_t            message_buffer_size(const message_buffer_t *buf);
message_buffer_t *message_buffer_retain(message_buffer_t *buf);
void              message_buffer_release(message_buffer_t *buf);

#ifdef __cplusplus
}
#endif

#endif
