/* SPDX-License-Identifier: Apache-2.0 */
/* send.c -- the ways a message takes: to an actor here, to one on another node, from another thread, as an answer. */
#include <string.h>

#include "runtime/internal.h"

static actor_id_t self_id(const runtime_t *rt) {
    const actor_t *running = rt->sched.running;
    return running != NULL ? mk_actor_id(rt, running) : ACTOR_ID_INVALID;
}

mk_err_t mk_refuse(runtime_t *rt, mk_err_t why) {
    if (why == MK_ERR_NOTFOUND) rt->stats.refused_unknown++;
    else if (why == MK_ERR_FULL) rt->stats.refused_full++;
    else rt->stats.refused_other++;
    return why;
}

static mk_err_t refuse_full(runtime_t *rt, actor_t *to) {
    to->refused++;
    return mk_refuse(rt, MK_ERR_FULL);
}

static mk_err_t send_by_transport(runtime_t *rt, actor_id_t source, actor_id_t dest, msg_type_t type,
                                  const void *payload, size_t size) {
    for (size_t i = 0; i < rt->transports_n; i++) {
        transport_t *link = rt->transports[i];
        if (link->peer != actor_id_node(dest)) continue;
        mk_err_t err = mk_type_travels(type) ? link->send(link, source, dest, type, payload, size) : MK_ERR_DENIED;
        if (err != MK_OK) return mk_refuse(rt, err);
        rt->stats.sent++;
        return MK_OK;
    }
    return mk_refuse(rt, MK_ERR_NOTFOUND);
}

static MK_NOINLINE mk_err_t send_away(runtime_t *rt, actor_id_t source, actor_id_t dest, msg_type_t type,
                                      const void *payload, size_t size) {
    mk_remote_t *remote = mk_remotes_get(&rt->remotes, actor_id_node(dest));
    if (remote == NULL) return send_by_transport(rt, source, dest, type, payload, size);
    /* Nobody passes on what comes from a third node. */
    if (mk_unlikely(source != ACTOR_ID_INVALID && actor_id_node(source) != rt->node))
        return mk_refuse(rt, MK_ERR_DENIED);
    mk_envelope_t envelope = {
        .source = actor_id_seq(source), .dest = actor_id_seq(dest), .type = type, .payload = payload, .size = size};
    return mk_remote_send(rt, remote, &envelope, NULL);
}

/* The last steps of every send to an actor of this node. Takes `msg`. */
static inline void post_to(runtime_t *rt, actor_t *to, actor_id_t source, msg_type_t type, mk_msg_t *msg) {
    msg->pub.source = source;
    msg->pub.dest = mk_actor_id(rt, to);
    msg->pub.type = type;
    rt->stats.sent++;
    mk_sched_deliver(&rt->sched, to, msg);
}

/* One to sixteen bytes, in two moves that may overlap: cheaper than a call of memcpy(). */
enum { SMALL_BYTES = 16 };

static inline void copy_small(char *to, const char *from, size_t size) {
    if (size >= 8) {
        uint64_t first, last;
        memcpy(&first, from, 8), memcpy(&last, from + size - 8, 8);
        memcpy(to, &first, 8), memcpy(to + size - 8, &last, 8);
    } else if (size >= 4) {
        uint32_t first, last;
        memcpy(&first, from, 4), memcpy(&last, from + size - 4, 4);
        memcpy(to, &first, 4), memcpy(to + size - 4, &last, 4);
    } else {
        to[0] = from[0], to[size / 2] = from[size / 2], to[size - 1] = from[size - 1];
    }
}

/* The rarer ways through send_from(), calls of their own so that the common one needs no stack. */
static MK_NOINLINE mk_err_t send_refused(runtime_t *rt, actor_t *to) {
    return to == NULL ? mk_refuse(rt, MK_ERR_NOTFOUND) : refuse_full(rt, to);
}

static MK_NOINLINE mk_err_t send_bytes(runtime_t *rt, actor_id_t source, actor_t *to, msg_type_t type,
                                       const void *payload, size_t size) {
    mk_msg_t *msg;
    if (mk_likely(size <= rt->inline_max)) msg = mk_msg_create_inline(&rt->pool, size);
    else if (size > rt->config.payload_bytes_max) return mk_refuse(rt, MK_ERR_TOOLONG);
    else msg = mk_msg_create(&rt->pool, size);
    if (mk_unlikely(msg == NULL)) return mk_refuse(rt, MK_ERR_NOMEM);
    if (size != 0) memcpy((void *)(uintptr_t)msg->pub.payload, payload, size);
    post_to(rt, to, source, type, msg);
    return MK_OK;
}

static inline mk_err_t send_from(runtime_t *rt, actor_id_t source, actor_id_t dest, msg_type_t type,
                                 const void *payload, size_t size) {
    if (mk_unlikely(actor_id_node(dest) != rt->node)) return send_away(rt, source, dest, type, payload, size);
    actor_t *to = mk_idmap_get(&rt->actors, actor_id_seq(dest));
    if (mk_unlikely(to == NULL || !mk_mailbox_has_room(to))) return send_refused(rt, to);
    if (size > SMALL_BYTES || size > rt->inline_max) return send_bytes(rt, source, to, type, payload, size);
    mk_msg_t *msg = mk_pool_alloc_ready(&rt->pool, sizeof *msg + (size != 0 ? SMALL_BYTES : 0));
    if (mk_unlikely(msg == NULL)) return send_bytes(rt, source, to, type, payload, size);
    mk_msg_init_inline(msg, size);
    if (size != 0) copy_small(mk_msg_inline(msg), payload, size);
    post_to(rt, to, source, type, msg);
    return MK_OK;
}

mk_err_t actor_try_send(runtime_t *rt, actor_id_t dest, msg_type_t type, const void *payload, size_t size) {
    return send_from(rt, self_id(rt), dest, type, payload, size);
}

bool actor_send(runtime_t *rt, actor_id_t dest, msg_type_t type, const void *payload, size_t size) {
    return send_from(rt, self_id(rt), dest, type, payload, size) == MK_OK;
}

mk_err_t mk_deliver(runtime_t *rt, actor_id_t source, actor_id_t dest, msg_type_t type, const void *payload,
                    size_t size) {
    return send_from(rt, source, dest, type, payload, size);
}

mk_err_t runtime_deliver(runtime_t *rt, actor_id_t source, actor_id_t dest, msg_type_t type, const void *payload,
                         size_t size) {
    bool ours = actor_id_node(source) == rt->node;
    if (!ours && !mk_type_travels(type)) return mk_refuse(rt, MK_ERR_DENIED);
    return mk_deliver(rt, source, dest, type, payload, size);
}

/* Takes one reference of `buf`, which holds the whole payload, on MK_OK. */
static mk_err_t send_buffer_away(runtime_t *rt, actor_id_t dest, msg_type_t type, message_buffer_t *buf) {
    size_t       size = message_buffer_size(buf);
    const void  *payload = size != 0 ? message_buffer_data(buf) : NULL;
    mk_remote_t *remote = mk_remotes_get(&rt->remotes, actor_id_node(dest));
    if (remote == NULL) {
        mk_err_t err = actor_try_send(rt, dest, type, payload, size);
        if (err == MK_OK) message_buffer_release(buf);
        return err;
    }
    mk_envelope_t envelope = {.source = actor_id_seq(self_id(rt)),
                              .dest = actor_id_seq(dest),
                              .type = type,
                              .payload = payload,
                              .size = size};
    return mk_remote_send(rt, remote, &envelope, buf);
}

mk_err_t actor_send_buffer(runtime_t *rt, actor_id_t dest, msg_type_t type, message_buffer_t *buf) {
    actor_t *to = mk_actor_find(rt, dest);
    size_t   size = message_buffer_size(buf);
    if (to == NULL) return send_buffer_away(rt, dest, type, buf);
    if (!mk_mailbox_has_room(to)) return refuse_full(rt, to);
    if (size > rt->config.payload_bytes_max) return mk_refuse(rt, MK_ERR_TOOLONG);
    mk_msg_t *msg = mk_msg_create_inline(&rt->pool, 0);
    if (msg == NULL) return mk_refuse(rt, MK_ERR_NOMEM);
    msg->attached = buf;
    msg->pub.payload = size != 0 ? message_buffer_data(buf) : NULL;
    msg->pub.payload_size = size;
    post_to(rt, to, self_id(rt), type, msg);
    return MK_OK;
}

void mk_send_system(runtime_t *rt, actor_t *to, actor_id_t source, mk_msg_t *msg) {
    post_to(rt, to, source, msg->pub.type, msg);
}

/* ---- taken messages ------------------------------------------------------------------------------------------- */

message_t *message_take(runtime_t *rt, message_t *msg) {
    mk_assert(&rt->sched.handling->pub == msg); /* only the message being handled, and only once */
    rt->sched.handling = NULL;
    return msg;
}

void message_release(runtime_t *rt, message_t *msg) {
    if (msg != NULL) mk_msg_destroy(&rt->pool, mk_msg_of(msg));
}

/* Whether the payload is all of a buffer, which can then travel instead of a copy. */
static bool is_buffer(const mk_msg_t *msg) {
    return msg->attached != NULL && msg->pub.payload == message_buffer_data(msg->attached) &&
           msg->pub.payload_size == message_buffer_size(msg->attached);
}

static mk_err_t forward_away(runtime_t *rt, actor_id_t dest, message_t *msg) {
    mk_msg_t *inner = mk_msg_of(msg);
    mk_err_t  err;
    if (is_buffer(inner)) {
        err = send_buffer_away(rt, dest, msg->type, message_buffer_retain(inner->attached));
        if (err != MK_OK) message_buffer_release(inner->attached);
    } else {
        err = actor_try_send(rt, dest, msg->type, msg->payload, msg->payload_size);
    }
    if (err == MK_OK) message_release(rt, msg);
    return err;
}

mk_err_t actor_forward(runtime_t *rt, actor_id_t dest, message_t *msg) {
    actor_t *to = mk_actor_find(rt, dest);
    if (to == NULL) return forward_away(rt, dest, msg);
    if (!mk_mailbox_has_room(to)) return refuse_full(rt, to);
    mk_msg_t *inner = mk_msg_of(msg);
    inner->flags = MK_MSG_PLAIN; /* it was admitted once; what it spoke of is the forwarder's */
    inner->pub.call = CALL_ID_INVALID;
    post_to(rt, to, self_id(rt), msg->type, inner);
    return MK_OK;
}

/* ---- answers -------------------------------------------------------------------------------------------------- */

/* An answer was asked for, exactly one, so it is taken even by a full mailbox. */
static bool answer_here(runtime_t *rt, const message_t *request, msg_type_t type, const void *payload, size_t size) {
    actor_t  *caller = mk_actor_find(rt, request->source);
    mk_msg_t *msg = caller != NULL && size <= rt->config.payload_bytes_max ? mk_msg_create(&rt->pool, size) : NULL;
    if (msg == NULL) {
        mk_refuse(rt, caller == NULL ? MK_ERR_NOTFOUND : MK_ERR_NOMEM);
        return false;
    }
    if (!mk_call_answer(rt, NULL, caller, request->call, msg)) {
        mk_msg_destroy(&rt->pool, msg);
        rt->stats.dropped++;
        return false;
    }
    if (size != 0) memcpy((void *)(uintptr_t)msg->pub.payload, payload, size);
    msg->pub.call = request->call;
    msg->flags = MK_MSG_CHECKED;
    post_to(rt, caller, self_id(rt), type, msg);
    return true;
}

/* The same to another node. What cannot be sent is told, so that the caller need not wait for its deadline. */
static bool answer_away(runtime_t *rt, const message_t *request, msg_type_t type, const void *payload, size_t size) {
    uint32_t     caller = actor_id_seq(request->source);
    mk_remote_t *remote = mk_remotes_get(&rt->remotes, actor_id_node(request->source));
    mk_far_t    *owed = remote != NULL ? mk_far_by_ref(rt, remote, request->call) : NULL;
    if (owed == NULL || !mk_far_is(owed, MK_FAR_CALL, caller)) {
        rt->stats.dropped++;
        return false;
    }
    mk_far_forget(rt, owed);
    mk_envelope_t envelope = {.source = actor_id_seq(self_id(rt)),
                              .dest = caller,
                              .type = type,
                              .part = MK_CALL_REPLY,
                              .call = request->call,
                              .payload = payload,
                              .size = size};
    mk_err_t      err = mk_remote_send(rt, remote, &envelope, NULL);
    if (err == MK_OK) return true;
    mk_signal_t signal = {.kind = MK_SIGNAL_CALL_FAILED,
                          .ref = request->call,
                          .from = envelope.source,
                          .to = caller,
                          .error = (uint8_t)err};
    remote->ops->signal(remote, &signal);
    return false;
}

/* A call of its own, so that a behaviour that seldom answers needs no stack for it. */
static MK_NOINLINE bool answer(runtime_t *rt, const message_t *request, msg_type_t type, const void *payload,
                               size_t size) {
    if (mk_is_far(rt, request->source)) return answer_away(rt, request, type, payload, size);
    return answer_here(rt, request, type, payload, size);
}

bool actor_reply(runtime_t *rt, const message_t *request, msg_type_t type, const void *payload, size_t size) {
    if (request->call != CALL_ID_INVALID) return answer(rt, request, type, payload, size);
    return actor_send(rt, request->source, type, payload, size);
}

/* ---- checked messages ------------------------------------------------------------------------------------------ */

bool mk_admit(runtime_t *rt, actor_t *actor, mk_msg_t *msg) {
    bool valid;
    if (msg->flags & MK_MSG_ROOM) valid = mk_room_admit(rt, actor, msg);
    else if (msg->pub.call != CALL_ID_INVALID) valid = mk_bond_admit(rt, msg);
    else if (msg->pub.type == MSG_TIMER) valid = mk_timer_admit(rt, actor, msg);
    else if (msg->pub.type == MSG_FD_EVENT) valid = mk_watch_admit(rt, actor, msg);
    else valid = mk_bond_admit(rt, msg);
    if (!valid) rt->stats.dropped++;
    return valid;
}

void mk_discard(runtime_t *rt, mk_msg_t *msg) {
    /* Timers and watches are their actor's and go with it; monitors and calls have a number to give back. An answer to a
     * call may have any type. */
    bool has_number = msg->pub.call != CALL_ID_INVALID || msg->pub.type == MSG_DOWN;
    if (msg->flags & MK_MSG_ROOM) (void)mk_room_admit(rt, NULL, msg);
    else if (msg->flags == MK_MSG_CHECKED && has_number) (void)mk_bond_admit(rt, msg);
    mk_msg_destroy(&rt->pool, msg);
    rt->stats.dropped++;
}

/* ---- from other threads ----------------------------------------------------------------------------------------- */

bool runtime_post(runtime_t *rt, actor_id_t dest, msg_type_t type, const void *payload, size_t size) {
    if (size > rt->config.payload_bytes_max) return false;
    if (!mk_inbox_put(&rt->inbox, dest, type, payload, size)) return false;
    mk_loop_wake(&rt->loop);
    return true;
}
