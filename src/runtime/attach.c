/* SPDX-License-Identifier: Apache-2.0 */
/* attach.c -- see attach.h. A room's message carries the room's index beside its flag, so that it finds its way back when it
 * leaves the mailbox; plain messages pay nothing for it. */
#include "runtime/attach.h"

#include "runtime/internal.h"

mk_room_t *mk_room_find(const runtime_t *rt, const mk_room_ops_t *ops) {
    for (uint8_t i = 0; i < rt->rooms_n; i++)
        if (rt->rooms[i]->ops == ops) return rt->rooms[i];
    return NULL;
}

mk_err_t mk_room_attach(runtime_t *rt, mk_room_t *room, const mk_room_ops_t *ops) {
    mk_assert(mk_room_find(rt, ops) == NULL);
    if (rt->rooms_n == MK_ROOMS_MAX) return MK_ERR_LIMIT;
    *room = (mk_room_t){.ops = ops, .index = rt->rooms_n};
    rt->rooms[rt->rooms_n++] = room;
    return MK_OK;
}

/* Last come, first gone: a room may use those that were there before it. */
void mk_rooms_fini(runtime_t *rt) {
    while (rt->rooms_n != 0) {
        mk_room_t *room = rt->rooms[--rt->rooms_n];
        room->ops->fini(rt, room);
    }
}

bool mk_room_admit(runtime_t *rt, actor_t *actor, mk_msg_t *msg) {
    unsigned index = msg->flags >> MK_MSG_ROOM_SHIFT;
    mk_assert(index < rt->rooms_n);
    mk_room_t *room = rt->rooms[index];
    return room->ops->admit == NULL || room->ops->admit(rt, room, actor, &msg->pub, msg->tag);
}

mk_loop_t *mk_runtime_loop(runtime_t *rt) { return &rt->loop; }

mk_pool_t *mk_runtime_pool(runtime_t *rt) { return &rt->pool; }

size_t mk_runtime_payload_max(const runtime_t *rt) { return rt->config.payload_bytes_max; }

actor_t *mk_runtime_actor(const runtime_t *rt, actor_id_t id) { return mk_actor_find(rt, id); }

actor_t *mk_runtime_running(const runtime_t *rt) { return rt->sched.running; }

actor_id_t mk_runtime_actor_id(const runtime_t *rt, const actor_t *actor) { return mk_actor_id(rt, actor); }

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static message_t *begin(mk_msg_t *msg, msg_type_t type) {
    if (msg == NULL) return NULL;
    msg->pub.source = ACTOR_ID_INVALID;
    msg->pub.type = type;
    return &msg->pub;
}

message_t *mk_room_message(runtime_t *rt, msg_type_t type, size_t size) {
    if (size > rt->config.payload_bytes_max) return NULL;
    return begin(mk_msg_create(&rt->pool, size), type);
}

message_t *mk_room_message_buffer(runtime_t *rt, msg_type_t type, message_buffer_t *buf) {
    size_t size = message_buffer_size(buf);
    if (size > rt->config.payload_bytes_max) return NULL;
    mk_msg_t *msg = mk_msg_create_inline(&rt->pool, 0);
    if (msg == NULL) return NULL;
    msg->attached = buf;
    msg->pub.payload = size != 0 ? message_buffer_data(buf) : NULL;
    msg->pub.payload_size = size;
    return begin(msg, type);
}

void mk_room_send(runtime_t *rt, mk_room_t *room, actor_t *to, message_t *msg, uint32_t tag) {
    mk_msg_t *inner = mk_msg_of(msg);
    if (room != NULL) inner->flags = MK_MSG_ROOM | (uint32_t)room->index << MK_MSG_ROOM_SHIFT;
    inner->tag = tag;
    mk_send_system(rt, to, msg->source, inner);
}

mk_err_t mk_room_offer(runtime_t *rt, mk_room_t *room, actor_t *to, message_t *msg, uint32_t tag) {
    if (!mk_mailbox_has_room(to)) {
        to->refused++;
        rt->stats.refused_full++;
        return MK_ERR_FULL;
    }
    mk_room_send(rt, room, to, msg, tag);
    return MK_OK;
}
