/* SPDX-License-Identifier: Apache-2.0 */
/* sockets.c -- records, who owns them, and their messages. See sockets.h. */
#include "socket/sockets.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

enum { IDS_FIRST = 16, RETRY_MS = 1 };

/* ---- the room ---------------------------------------------------------------------------------------------------- */

static void fini(runtime_t *rt, mk_room_t *room) {
    mk_sockets_t *sockets = mk_container_of(room, mk_sockets_t, room);
    mk_node_t    *node;
    (void)rt;
    while ((node = sockets->all) != NULL) {
        mk_socket_t *socket = mk_container_of(node, mk_socket_t, all);
        socket->ops->destroy(socket);
    }
    mk_net_destroy(sockets->net);
    mk_idmap_fini(&sockets->ids);
    mk_free(sockets);
}

/* Without a record it was closed by its actor, who then wants to hear no more of it. */
static bool admit(runtime_t *rt, mk_room_t *room, actor_t *actor, message_t *msg, uint32_t tag) {
    mk_sockets_t *sockets = mk_container_of(room, mk_sockets_t, room);
    mk_socket_t  *socket = mk_idmap_get(&sockets->ids, tag);
    (void)rt;
    if (socket == NULL || socket->owner != actor) return false;
    socket->waiting--;
    if (socket->ops->handled != NULL) socket->ops->handled(socket, msg);
    return true;
}

static const mk_room_ops_t room_ops = {"socket", fini, admit};

static mk_err_t make_room(runtime_t *rt, mk_sockets_t **out) {
    mk_err_t      err;
    mk_sockets_t *room = mk_calloc(1, sizeof *room);
    if (room == NULL) return MK_ERR_NOMEM;
    room->rt = rt;
    if ((err = mk_idmap_init(&room->ids, IDS_FIRST, true)) != MK_OK) goto free_room;
    if ((err = mk_net_create(mk_runtime_loop(rt), &room->net)) != MK_OK) goto free_ids;
    if ((err = mk_room_attach(rt, &room->room, &room_ops)) != MK_OK) goto free_net;
    *out = room;
    return MK_OK;
free_net:
    mk_net_destroy(room->net);
free_ids:
    mk_idmap_fini(&room->ids);
free_room:
    mk_free(room);
    return err;
}

mk_err_t mk_sockets_open(runtime_t *rt, mk_sockets_t **out) {
    mk_room_t *room = mk_room_find(rt, &room_ops);
    if (room == NULL) return make_room(rt, out);
    *out = mk_container_of(room, mk_sockets_t, room);
    return MK_OK;
}

/* ---- records -------------------------------------------------------------------------------------------------------- */

static void abandon(mk_socket_t *socket) {
    mk_wheel_cancel(&mk_runtime_loop(socket->room->rt)->wheel, &socket->retry);
    mk_idmap_remove(&socket->room->ids, socket->id);
    socket->owner = NULL;
    socket->owed = 0;
    socket->ops->abandon(socket);
}

static void owner_ended(runtime_t *rt, mk_res_t *res) {
    (void)rt;
    abandon(mk_container_of(res, mk_socket_t, res));
}

static const mk_res_ops_t res_ops = {owner_ended};

void mk_socket_leave(mk_socket_t *socket) {
    mk_list_remove(&socket->res.node);
    abandon(socket);
}

void mk_socket_move(mk_socket_t *socket, actor_t *to) {
    mk_list_remove(&socket->res.node);
    mk_actor_own(to, &socket->res, &res_ops);
    socket->owner = to;
}

static void tell_owed(mk_socket_t *socket);

static void on_retry(mk_wheel_t *wheel, mk_timer_t *timer) {
    mk_socket_t *socket = mk_container_of(timer, mk_socket_t, retry);
    (void)wheel;
    if (socket->owed != 0) tell_owed(socket);
    if (socket->owed == 0 && socket->ops->go_on != NULL) socket->ops->go_on(socket);
}

static void *take_memory(mk_sockets_t *room, size_t size) {
    return size <= MK_POOL_BLOCK_MAX ? mk_pool_alloc(mk_runtime_pool(room->rt), size) : mk_alloc(size);
}

static void give_memory(mk_sockets_t *room, mk_socket_t *socket) {
    if (socket->large) mk_free(socket);
    else mk_pool_free(mk_runtime_pool(room->rt), socket);
}

void *mk_socket_create(mk_sockets_t *room, actor_t *owner, const mk_socket_ops_t *ops, size_t size) {
    mk_socket_t *socket = take_memory(room, size);
    if (socket == NULL) return NULL;
    memset(socket, 0, size);
    socket->ops = ops;
    socket->room = room;
    socket->large = size > MK_POOL_BLOCK_MAX;
    socket->retry.fn = on_retry;
    if (owner != NULL && mk_socket_join(socket, owner) != MK_OK) {
        give_memory(room, socket);
        return NULL;
    }
    mk_list_push(&room->all, &socket->all);
    return socket;
}

mk_err_t mk_socket_join(mk_socket_t *socket, actor_t *owner) {
    mk_assert(socket->owner == NULL);
    mk_err_t err = mk_idmap_add(&socket->room->ids, socket, &socket->id);
    if (err != MK_OK) return err;
    socket->owner = owner;
    mk_actor_own(owner, &socket->res, &res_ops);
    return MK_OK;
}

void mk_socket_part(mk_socket_t *socket) {
    if (socket->owner == NULL) return;
    mk_wheel_cancel(&mk_runtime_loop(socket->room->rt)->wheel, &socket->retry);
    mk_list_remove(&socket->res.node);
    mk_idmap_remove(&socket->room->ids, socket->id);
    socket->owner = NULL;
    socket->owed = 0;
}

void mk_socket_inherit(mk_socket_t *heir, mk_socket_t *from) {
    mk_assert(heir->owner == NULL && from->owner != NULL);
    mk_list_remove(&from->res.node);
    mk_actor_own(from->owner, &heir->res, &res_ops);
    mk_idmap_replace(&from->room->ids, from->id, heir);
    heir->owner = from->owner;
    heir->id = from->id;
    heir->waiting = from->waiting;
    heir->waiting_bytes = from->waiting_bytes;
    from->owner = NULL;
    from->owed = 0;
}

void mk_socket_free(mk_socket_t *socket) {
    mk_wheel_cancel(&mk_runtime_loop(socket->room->rt)->wheel, &socket->retry);
    mk_list_remove(&socket->all);
    mk_list_remove(&socket->res.node);
    if (socket->owner != NULL) mk_idmap_remove(&socket->room->ids, socket->id);
    give_memory(socket->room, socket);
}

mk_socket_t *mk_socket_find(runtime_t *rt, socket_id_t id, const mk_socket_ops_t *ops) {
    mk_room_t *room = mk_room_find(rt, &room_ops);
    if (room == NULL || id == SOCKET_ID_INVALID) return NULL;
    mk_socket_t *socket = mk_idmap_get(&mk_container_of(room, mk_sockets_t, room)->ids, id);
    actor_t     *running = mk_runtime_running(rt);
    if (socket == NULL || running == NULL || socket->owner != running) return NULL;
    return ops == NULL || socket->ops == ops ? socket : NULL;
}

/* ---- messages --------------------------------------------------------------------------------------------------------- */

void mk_socket_starve(mk_socket_t *socket) {
    mk_loop_t *loop = mk_runtime_loop(socket->room->rt);
    mk_wheel_arm(&loop->wheel, &socket->retry, mk_loop_after_ms(loop, RETRY_MS));
}

static void tell_owed(mk_socket_t *socket) {
    while (socket->owed != 0) {
        uint32_t   first = socket->owed & (~socket->owed + 1);
        message_t *msg = socket->ops->news(socket, first);
        if (msg == NULL) {
            mk_socket_starve(socket);
            return;
        }
        socket->owed &= ~first;
        mk_socket_send(socket, msg, 0);
    }
}

void mk_socket_tell(mk_socket_t *socket, uint32_t owed) {
    socket->owed |= owed;
    tell_owed(socket);
}

void mk_socket_send(mk_socket_t *socket, message_t *msg, size_t bytes) {
    socket->waiting++;
    socket->waiting_bytes += bytes;
    mk_room_send(socket->room->rt, &socket->room->room, socket->owner, msg, socket->id);
}

bool mk_socket_send_data(mk_socket_t *socket, msg_type_t type, const void *head, size_t head_size, const void *data,
                         size_t size) {
    message_t *msg = mk_room_message(socket->room->rt, type, head_size + size);
    if (msg == NULL) return false;
    uint8_t *payload = (uint8_t *)(uintptr_t)msg->payload;
    memcpy(payload, head, head_size);
    if (size != 0) memcpy(payload + head_size, data, size);
    mk_socket_send(socket, msg, size);
    return true;
}

message_t *mk_socket_message(mk_socket_t *socket, msg_type_t type, const void *payload, size_t size) {
    message_t *msg = mk_room_message(socket->room->rt, type, size);
    if (msg != NULL) memcpy((void *)(uintptr_t)msg->payload, payload, size);
    return msg;
}

/* ---- about them --------------------------------------------------------------------------------------------------------- */

bool socket_info(runtime_t *rt, socket_id_t id, socket_info_t *out) {
    mk_socket_t *socket = mk_socket_find(rt, id, NULL);
    if (socket == NULL) return false;
    *out = (socket_info_t){.waiting = socket->waiting};
    if (socket->ops == &mk_tcp_ops) return mk_tcp_info(socket, out);
    if (socket->ops == &mk_listener_ops) mk_listener_info(socket, out);
    else if (socket->ops == &mk_udp_ops) mk_udp_info(socket, out);
    else return false;
    return true;
}

bool socket_local(runtime_t *rt, socket_id_t id, socket_addr_t *out) {
    socket_info_t info;
    if (!socket_info(rt, id, &info)) return false;
    *out = info.local;
    return info.local.family != SOCKET_NOWHERE;
}
