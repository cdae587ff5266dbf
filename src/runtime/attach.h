/* SPDX-License-Identifier: Apache-2.0 */
/* attach.h -- how a room above the runtime hangs itself on it: a state of its own for each runtime, resources of actors, messages
 * that the system owes. Runtime's thread only. */
#ifndef MK_RUNTIME_ATTACH_H
#define MK_RUNTIME_ATTACH_H

#include "core/actor.h"
#include "loop/loop.h"

/* A room's state in one runtime. Embed it. */
typedef struct mk_room mk_room_t;

typedef struct mk_room_ops {
    const char *name; /* its address is the room's key */
    /* The runtime ends; every actor has ended. Frees what it belongs to. */
    void (*fini)(runtime_t *rt, mk_room_t *room);
    /* A message from mk_room_send() leaves the mailbox: `msg` is about to be handled by `actor`, or (`actor` NULL) will never
     * be. False (with an actor): drop it instead. May be NULL: all are delivered. */
    bool (*admit)(runtime_t *rt, mk_room_t *room, actor_t *actor, message_t *msg, uint32_t tag);
} mk_room_ops_t;

struct mk_room {
    const mk_room_ops_t *ops;
    uint8_t              index; /* among the runtime's rooms */
};

/* NULL: not attached yet. */
mk_room_t *mk_room_find(const runtime_t *rt, const mk_room_ops_t *ops);
/* Attached until the runtime ends; the last to come is the first to go. MK_ERR_LIMIT: too many rooms. */
MK_MUST_CHECK mk_err_t mk_room_attach(runtime_t *rt, mk_room_t *room, const mk_room_ops_t *ops);

mk_loop_t *mk_runtime_loop(runtime_t *rt);
mk_pool_t *mk_runtime_pool(runtime_t *rt);
size_t     mk_runtime_payload_max(const runtime_t *rt); /* bytes of one message's payload */

/* NULL: ended, or of another node. For mk_actor_own() (core/actor.h), which makes it hold a resource. */
actor_t   *mk_runtime_actor(const runtime_t *rt, actor_id_t id);
actor_t   *mk_runtime_running(const runtime_t *rt); /* NULL outside of a behaviour */
actor_id_t mk_runtime_actor_id(const runtime_t *rt, const actor_t *actor);

/* A message from nobody (msg->source may be set) with room for `size` bytes at msg->payload, writable until it is sent. NULL:
 * out of memory, or longer than payload_bytes_max. */
message_t *mk_room_message(runtime_t *rt, msg_type_t type, size_t size);
/* The same around a buffer: takes one reference, unless the answer is NULL. */
message_t *mk_room_message_buffer(runtime_t *rt, msg_type_t type, message_buffer_t *buf);

/* Puts it into the actor's mailbox, full or not, so each room bounds what it has under way; admit() is told with `tag` when it
 * leaves (`room` NULL: nobody is). Takes `msg`. */
void mk_room_send(runtime_t *rt, mk_room_t *room, actor_t *to, message_t *msg, uint32_t tag);
/* The same as an ordinary message: MK_ERR_FULL when the mailbox is, counted; then `msg` is still the caller's
 * (message_release()). */
MK_MUST_CHECK mk_err_t mk_room_offer(runtime_t *rt, mk_room_t *room, actor_t *to, message_t *msg, uint32_t tag);

#endif
