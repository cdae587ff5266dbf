/* SPDX-License-Identifier: Apache-2.0 */
/* remote.c -- see remote.h: the table of linked nodes, and messages to and from them. */
#include "runtime/remote.h"

#include <string.h>

#include "base/mem.h"
#include "runtime/internal.h"
#include "runtime/wake.h"

enum { SHIFT_FIRST = 28 }; /* sixteen chains */

/* ---- the table ---- */

static void put(mk_remotes_t *remotes, mk_remote_t *remote) {
    mk_remote_t **at = &remotes->bucket[mk_remotes_hash(remotes, remote->node)];
    remote->next = *at;
    *at = remote;
}

/* The first table has to be there; without memory for a larger one the chains get longer. */
static mk_err_t make_room(mk_remotes_t *remotes) {
    mk_remotes_t old = *remotes;
    uint32_t     had = old.bucket != NULL ? 1u << (32 - old.shift) : 0;
    if (had > remotes->count) return MK_OK;
    uint32_t      shift = had != 0 ? old.shift - 1 : SHIFT_FIRST;
    mk_remote_t **bucket = mk_calloc((size_t)1 << (32 - shift), sizeof *bucket);
    if (bucket == NULL) return had != 0 ? MK_OK : MK_ERR_NOMEM;
    remotes->bucket = bucket;
    remotes->shift = shift;
    for (uint32_t i = 0; i < had; i++) {
        for (mk_remote_t *remote = old.bucket[i], *next; remote != NULL; remote = next) {
            next = remote->next;
            put(remotes, remote);
        }
    }
    mk_free(old.bucket);
    return MK_OK;
}

mk_err_t mk_remote_up(runtime_t *rt, mk_remote_t *remote) {
    if (remote->node == 0) return MK_ERR_INVALID;
    if (remote->node == rt->node || mk_remotes_get(&rt->remotes, remote->node) != NULL) return MK_ERR_EXISTS;
    if (make_room(&rt->remotes) != MK_OK) return MK_ERR_NOMEM;
    mk_assert(remote->waiting == NULL && remote->far == NULL);
    put(&rt->remotes, remote);
    rt->remotes.count++;
    return MK_OK;
}

void mk_remote_down(runtime_t *rt, mk_remote_t *remote) {
    if (remote->node == 0 || mk_remotes_get(&rt->remotes, remote->node) != remote) return;
    mk_remote_t **at = &rt->remotes.bucket[mk_remotes_hash(&rt->remotes, remote->node)];
    while (*at != remote) at = &(*at)->next;
    *at = remote->next;
    remote->next = NULL;
    rt->remotes.count--;
    mk_bonds_node_down(rt, remote);
    mk_far_node_down(rt, remote);
}

mk_remote_t *mk_remote_find(const runtime_t *rt, node_id_t node) { return mk_remotes_get(&rt->remotes, node); }

void mk_remotes_fini(mk_remotes_t *remotes) {
    mk_assert(remotes->count == 0); /* who brought them up takes them down first */
    mk_free(remotes->bucket);
}

void mk_remote_show(actor_t *actor) { actor->flags |= MK_ACTOR_SHOWN; }

/* ---- out ---- */

mk_err_t mk_remote_send(runtime_t *rt, mk_remote_t *remote, const mk_envelope_t *envelope, message_buffer_t *buf) {
    if (mk_unlikely(!mk_type_travels(envelope->type))) return mk_refuse(rt, MK_ERR_DENIED);
    if (mk_unlikely(envelope->size > rt->config.payload_bytes_max)) return mk_refuse(rt, MK_ERR_TOOLONG);
    actor_t *running = rt->sched.running;
    if (mk_likely(running != NULL)) mk_remote_show(running);
    mk_err_t err = buf != NULL ? remote->ops->send_buffer(remote, envelope, buf) : remote->ops->send(remote, envelope);
    if (mk_unlikely(err != MK_OK)) {
        if (err == MK_ERR_FULL) mk_runtime_poll_soon(rt); /* it is the loop that brings room */
        return mk_refuse(rt, err);
    }
    rt->stats.sent++;
    return MK_OK;
}

/* ---- in ---- */

/* Dropped and counted; who waits for an answer is told. */
static mk_err_t drop(runtime_t *rt, mk_remote_t *remote, const mk_envelope_t *envelope, mk_err_t why) {
    rt->stats.dropped++;
    if (envelope->part != MK_CALL_REQUEST) return why;
    mk_signal_t signal = {.kind = MK_SIGNAL_CALL_FAILED,
                          .ref = envelope->call,
                          .from = envelope->dest,
                          .to = envelope->source,
                          .error = (uint8_t)why,
                          .reason = why == MK_ERR_NOTFOUND ? EXIT_NO_ACTOR : EXIT_NORMAL};
    remote->ops->signal(remote, &signal);
    return why;
}

static bool is_well_formed(const mk_envelope_t *envelope) {
    if (!mk_type_travels(envelope->type)) return false;
    switch (envelope->part) {
    case MK_CALL_NONE: return true;
    case MK_CALL_REQUEST: return envelope->call != CALL_ID_INVALID && envelope->source != 0;
    case MK_CALL_REPLY: return envelope->call != CALL_ID_INVALID;
    }
    return false;
}

/* Whether this peer may send this to this actor, which may be NULL. */
static mk_err_t may_reach(const runtime_t *rt, const mk_remote_t *remote, const mk_envelope_t *envelope,
                          const actor_t *actor) {
    bool     asks = envelope->type >= MK_MSG_SYSTEM_BASE; /* for names and capabilities, or is told them */
    uint32_t enough = MK_MAY_SEND_ANY | MK_MAY_SEND | (asks ? MK_MAY_LOOKUP : 0u);
    if (!(remote->may & enough)) return MK_ERR_DENIED;
    if (actor == NULL) return MK_ERR_NOTFOUND;
    if (!(remote->may & MK_MAY_SEND_ANY) && !(actor->flags & MK_ACTOR_SHOWN)) return MK_ERR_DENIED;
    return envelope->size <= rt->config.payload_bytes_max ? MK_OK : MK_ERR_TOOLONG;
}

/* `buf` (may be NULL) holds the payload; takes a reference of its own. NULL: out of memory. */
static mk_msg_t *message_of(runtime_t *rt, const mk_envelope_t *envelope, message_buffer_t *buf) {
    mk_msg_t *msg = buf != NULL ? mk_msg_create_inline(&rt->pool, 0) : mk_msg_create(&rt->pool, envelope->size);
    if (msg == NULL) return NULL;
    if (buf != NULL && envelope->size != 0) {
        msg->attached = message_buffer_retain(buf);
        msg->pub.payload = message_buffer_data(buf);
        msg->pub.payload_size = envelope->size;
    } else if (envelope->size != 0) {
        memcpy((void *)(uintptr_t)msg->pub.payload, envelope->payload, envelope->size);
    }
    msg->pub.type = envelope->type;
    msg->pub.call = envelope->call;
    return msg;
}

static actor_id_t source_of(const mk_remote_t *remote, const mk_envelope_t *envelope) {
    return envelope->source != 0 ? actor_id_make(remote->node, envelope->source) : ACTOR_ID_INVALID;
}

/* An answer was asked for, exactly one, so it needs no leave and is taken even by a full mailbox. */
static mk_err_t take_reply(runtime_t *rt, mk_remote_t *remote, const mk_envelope_t *envelope, message_buffer_t *buf) {
    actor_t *caller = mk_idmap_get(&rt->actors, envelope->dest);
    if (caller == NULL || !mk_call_waits(rt, remote, caller, envelope->call)) {
        rt->stats.dropped++;
        return MK_OK;
    }
    bool      fits = envelope->size <= rt->config.payload_bytes_max;
    mk_msg_t *msg = fits ? message_of(rt, envelope, buf) : NULL;
    if (msg == NULL) {
        mk_err_t err = fits ? MK_ERR_NOMEM : MK_ERR_TOOLONG;
        rt->stats.dropped++;
        mk_call_fail(rt, remote, caller, envelope->call, err, EXIT_NORMAL);
        return err;
    }
    (void)mk_call_answer(rt, remote, caller, envelope->call, msg);
    msg->flags = MK_MSG_CHECKED;
    mk_send_system(rt, caller, source_of(remote, envelope), msg);
    return MK_OK;
}

/* The mailbox is full. Without memory to remember who waits for room nobody is asked to. */
static MK_NOINLINE mk_err_t await_room(runtime_t *rt, mk_remote_t *remote, actor_t *actor) {
    if (mk_far_by_pair(rt, remote, MK_FAR_FULL, actor->seq, 0) != NULL) return MK_OK;
    if (mk_far_new(rt, remote, MK_FAR_FULL, actor, 0, 0, false) != MK_OK) return MK_OK;
    actor->flags |= MK_ACTOR_AWAITED;
    return MK_ERR_FULL;
}

static bool was_given_up(const mk_remote_t *remote, call_id_t call) {
    for (size_t i = 0; i < sizeof remote->over / sizeof *remote->over; i++)
        if (remote->over[i] == call) return true;
    return false;
}

static MK_NOINLINE mk_err_t take(runtime_t *rt, mk_remote_t *remote, const mk_envelope_t *envelope,
                                 message_buffer_t *buf) {
    if (mk_unlikely(!is_well_formed(envelope))) return MK_ERR_PROTO;
    if (envelope->part == MK_CALL_REPLY) return take_reply(rt, remote, envelope, buf);
    bool     is_request = envelope->part == MK_CALL_REQUEST;
    actor_t *actor = mk_idmap_get(&rt->actors, envelope->dest);
    if (is_request && mk_far_by_ref(rt, remote, envelope->call) != NULL) return MK_ERR_PROTO; /* numbered twice */
    mk_err_t err = may_reach(rt, remote, envelope, actor);
    if (mk_unlikely(err != MK_OK)) return drop(rt, remote, envelope, err);
    if (is_request && was_given_up(remote, envelope->call)) {
        rt->stats.dropped++;
        return MK_OK;
    }
    mk_msg_t *msg = message_of(rt, envelope, buf);
    if (mk_unlikely(msg == NULL)) return drop(rt, remote, envelope, MK_ERR_NOMEM);
    if (!is_request) {
        msg->pub.call = CALL_ID_INVALID;
    } else if ((err = mk_far_new(rt, remote, MK_FAR_CALL, actor, envelope->source, envelope->call, true)) != MK_OK) {
        mk_msg_destroy(&rt->pool, msg);
        return drop(rt, remote, envelope, err);
    }
    mk_send_system(rt, actor, source_of(remote, envelope), msg);
    return mk_likely(mk_mailbox_has_room(actor)) ? MK_OK : await_room(rt, remote, actor);
}

/* The way of nearly all: a program's own type, no part of a call, short, and nothing is in its way. NULL: it takes the other one. */
static inline mk_msg_t *usual_message(runtime_t *rt, const mk_remote_t *remote, const mk_envelope_t *envelope,
                                      const actor_t *actor) {
    bool usual =
        envelope->part == MK_CALL_NONE && envelope->type < MK_MSG_SYSTEM_BASE && envelope->size <= rt->inline_max;
    if (mk_unlikely(!usual || may_reach(rt, remote, envelope, actor) != MK_OK)) return NULL;
    mk_msg_t *msg = mk_msg_create_inline(&rt->pool, envelope->size);
    if (mk_unlikely(msg == NULL)) return NULL;
    if (envelope->size != 0) memcpy(mk_msg_inline(msg), envelope->payload, envelope->size);
    msg->pub.type = envelope->type;
    return msg;
}

mk_err_t mk_remote_message(runtime_t *rt, mk_remote_t *remote, const mk_envelope_t *envelope) {
    actor_t  *actor = mk_idmap_get(&rt->actors, envelope->dest);
    mk_msg_t *msg = usual_message(rt, remote, envelope, actor);
    if (mk_unlikely(msg == NULL)) return take(rt, remote, envelope, NULL);
    mk_send_system(rt, actor, source_of(remote, envelope), msg);
    return mk_likely(mk_mailbox_has_room(actor)) ? MK_OK : await_room(rt, remote, actor);
}

mk_err_t mk_remote_message_buffer(runtime_t *rt, mk_remote_t *remote, const mk_envelope_t *envelope,
                                  message_buffer_t *buf) {
    mk_err_t err = take(rt, remote, envelope, buf);
    message_buffer_release(buf);
    return err;
}
