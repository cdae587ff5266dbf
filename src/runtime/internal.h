/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h -- the runtime record and what its files call of each other. */
#ifndef MK_RUNTIME_INTERNAL_H
#define MK_RUNTIME_INTERNAL_H

#include "base/idmap.h"
#include "base/pool.h"
#include "core/actor.h"
#include "loop/loop.h"
#include "microkernel/namespace.h"
#include "microkernel/runtime.h"
#include "microkernel/supervision.h"
#include "microkernel/transport.h"
#include "runtime/attach.h"
#include "runtime/inbox.h"
#include "runtime/log.h"
#include "runtime/names.h"
#include "runtime/remote.h"
#include "sched/sched.h"

/* http, socket, node and those that follow: each is a part of the program, not something that comes and goes. */
enum { MK_ROOMS_MAX = 16 };

/* The nodes that are linked, by number. */
typedef struct mk_remotes {
    mk_remote_t **bucket; /* a power of two of chains; NULL before the first */
    uint32_t      shift;  /* of the hash: what is left selects the chain     */
    uint32_t      count;
} mk_remotes_t;

struct runtime {
    /* What each send and turn touches comes first. */
    mk_sched_t        sched;
    mk_idmap_t        actors;
    node_id_t         node;
    uint32_t          poll_left;   /* messages until descriptors and timers are looked at */
    uint32_t          inline_max;  /* payloads up to this lie in the message: allowed, and small */
    runtime_stats_t   stats;
    mk_remotes_t      remotes;
    runtime_config_t  config;
    mk_pool_t         pool;
    actor_t          *ending;      /* whose resources are being released right now        */
    mk_idmap_t        timers;      /* of actor_timer_t                                    */
    mk_idmap_t        bonds;       /* monitors and calls; see bonds.c                     */
    uint64_t          polled_us;   /* when the loop last ran                              */
    struct fd_watch **watches;     /* by descriptor                                       */
    size_t            watches_n;
    uint32_t          watch_tag;   /* of the most recent watch                            */
    mk_names_t        names;
    mk_inbox_t        inbox;
    mk_log_t          log;
    mk_room_t        *rooms[MK_ROOMS_MAX];
    uint8_t           rooms_n;
    transport_t     **transports;
    size_t            transports_n;
    uint32_t          stopped;     /* atomic                                              */
    mk_loop_t         loop;
};

static inline runtime_t *mk_runtime_of_wheel(mk_wheel_t *wheel) {
    return mk_container_of(wheel, runtime_t, loop.wheel);
}

static inline runtime_t *mk_runtime_of_loop(mk_loop_t *loop) { return mk_container_of(loop, runtime_t, loop); }

static inline actor_id_t mk_actor_id(const runtime_t *rt, const actor_t *actor) {
    return actor_id_make(rt->node, actor->seq);
}

/* NULL for an actor of another node, a dead one, or none. */
static inline actor_t *mk_actor_find(const runtime_t *rt, actor_id_t id) {
    return mk_likely(actor_id_node(id) == rt->node) ? mk_idmap_get(&rt->actors, actor_id_seq(id)) : NULL;
}

/* An actor of another node, linked or not. */
static inline bool mk_is_far(const runtime_t *rt, actor_id_t id) {
    return id != ACTOR_ID_INVALID && actor_id_node(id) != rt->node;
}

static inline uint32_t mk_remotes_hash(const mk_remotes_t *remotes, node_id_t node) {
    return (node * 2654435769u) >> remotes->shift; /* 2^32 by the golden ratio: neighbours lie far apart */
}

static inline mk_remote_t *mk_remotes_get(const mk_remotes_t *remotes, node_id_t node) {
    if (remotes->count == 0) return NULL;
    mk_remote_t *remote = remotes->bucket[mk_remotes_hash(remotes, node)];
    while (remote != NULL && remote->node != node) remote = remote->next;
    return remote;
}

/* ---- send.c ---- */

/* Counts a refusal and passes it on. */
mk_err_t mk_refuse(runtime_t *rt, mk_err_t why);

/* As a send from `source` to an actor of this node. */
MK_MUST_CHECK mk_err_t mk_deliver(runtime_t *rt, actor_id_t source, actor_id_t dest, msg_type_t type, const void *payload,
                                  size_t size);

/* Delivers what the system has to say, whether the mailbox is full or not. Takes `msg`; source, type and payload are
 * filled in. */
void mk_send_system(runtime_t *rt, actor_t *to, actor_id_t source, mk_msg_t *msg);

/* Whether a checked message may still be delivered (sched.h). */
bool mk_admit(runtime_t *rt, actor_t *actor, mk_msg_t *msg);

/* The message will never be delivered: forgets what waits for it and frees it. */
void mk_discard(runtime_t *rt, mk_msg_t *msg);

/* ---- exit.c ---- */

/* Ends the actor at its next turn, or when its behaviour returns. The first reason stays. Borrows `text`. */
void mk_actor_doom(runtime_t *rt, actor_t *actor, uint8_t reason, message_buffer_t *text);

/* An exit signal as a link or another actor sends it: a message for who traps exits, the end for the others. `block`
 * (may be NULL) is pool memory that becomes the message; it is used up either way. */
void mk_actor_signal(runtime_t *rt, actor_t *to, actor_id_t from, uint8_t reason, message_buffer_t *text, void *block);

/* Ends the actor now. It is not running. */
void mk_actor_end(runtime_t *rt, actor_t *actor);

/* sched.h: an actor's turn is over and so is its life. */
void mk_actor_finish(runtime_t *rt, actor_t *actor);

/* ---- bonds.c ---- */

/* Links two living actors that are not linked yet. */
MK_MUST_CHECK mk_err_t mk_link_new(runtime_t *rt, actor_t *a, actor_t *b);

/* Undoes a link, if there is one, without a word. */
void mk_link_drop(runtime_t *rt, const actor_t *a, const actor_t *b);

/* MSG_DOWN or an answer to a call is about to be delivered, or discarded: true when nobody has cancelled it. */
bool mk_bond_admit(runtime_t *rt, mk_msg_t *msg);

/* Whether `call` of `caller` still waits for an answer from that node (NULL: from this one); if so the answer is `reply`, or that it
 * has failed. */
bool mk_call_waits(const runtime_t *rt, const mk_remote_t *from, const actor_t *caller, call_id_t call);
bool mk_call_answer(runtime_t *rt, const mk_remote_t *from, const actor_t *caller, call_id_t call, mk_msg_t *reply);
void mk_call_fail(runtime_t *rt, const mk_remote_t *from, const actor_t *caller, call_id_t call, uint32_t error,
                  uint8_t exit_reason);

/* MK_SIGNAL_DOWN has come: the monitor it names fires, if it stands. */
void mk_monitor_fire(runtime_t *rt, const mk_remote_t *from, const mk_signal_t *signal);

/* Monitors of actors there fire and calls fail. */
void mk_bonds_node_down(runtime_t *rt, mk_remote_t *remote);

/* ---- remote.c ---- */

void mk_remotes_fini(mk_remotes_t *remotes);

/* Whether a type may travel between nodes: programs' own, and those with which names and capabilities are asked for. */
static inline bool mk_type_travels(msg_type_t type) {
    return mk_likely(type < MK_MSG_SYSTEM_BASE) || type == MSG_CAPS_REQUEST || type == MSG_CAPS_REPLY ||
           type == MSG_NS_LIST || type == MSG_NS_REPLY;
}

/* Counts, and refuses what may not travel or is too long; `buf` (may be NULL) holds the payload and is taken on MK_OK. */
MK_MUST_CHECK mk_err_t mk_remote_send(runtime_t *rt, mk_remote_t *remote, const mk_envelope_t *envelope,
                                      message_buffer_t *buf);

/* ---- far.c ---- */

/* What joins an actor of ours with one of another node. */
typedef enum mk_far_kind {
    MK_FAR_LINK,
    MK_FAR_MONITOR, /* of ours, by theirs                               */
    MK_FAR_CALL,    /* the same: ours owes an answer                    */
    MK_FAR_FULL,    /* that node waits for room in our actor's mailbox  */
} mk_far_kind_t;

typedef struct mk_far mk_far_t;

/* `asked` by the peer: counts against what it may hold. MK_ERR_LIMIT, MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_far_new(runtime_t *rt, mk_remote_t *remote, mk_far_kind_t kind, actor_t *actor, uint32_t far,
                                  uint32_t ref, bool asked);
/* A monitor or call by its number; a link or full mailbox by its actors (`far` 0 for the latter). NULL: none. */
mk_far_t *mk_far_by_ref(runtime_t *rt, mk_remote_t *remote, uint32_t ref);
mk_far_t *mk_far_by_pair(runtime_t *rt, mk_remote_t *remote, mk_far_kind_t kind, uint32_t seq, uint32_t far);
bool      mk_far_is(const mk_far_t *record, mk_far_kind_t kind, uint32_t far);
void      mk_far_forget(runtime_t *rt, mk_far_t *record);

MK_MUST_CHECK mk_err_t mk_far_link(runtime_t *rt, actor_t *self, actor_id_t id);
void                   mk_far_unlink(runtime_t *rt, actor_t *self, actor_id_t id);

/* LINK, UNLINK, LINK_EXIT have come. */
MK_MUST_CHECK mk_err_t mk_far_linked(runtime_t *rt, mk_remote_t *remote, actor_t *actor, const mk_signal_t *signal);
void                   mk_far_unlinked(runtime_t *rt, mk_remote_t *remote, const mk_signal_t *signal);
void                   mk_far_link_ended(runtime_t *rt, mk_remote_t *remote, const mk_signal_t *signal);

/* Links signal; what the peer had asked for is forgotten. */
void mk_far_node_down(runtime_t *rt, mk_remote_t *remote);

/* sched.h: half of the actor's mailbox is free. */
void mk_far_has_room(runtime_t *rt, actor_t *actor);

/* A text that came over a link, as ends carry it; NULL: empty, or out of memory. */
message_buffer_t *mk_far_text(mk_slice_t text);
/* The other way round, cut to what a signal carries. */
mk_slice_t        mk_far_slice(message_buffer_t *text);

/* ---- attach.c ---- */

/* Whether a room's message may be delivered; `actor` NULL: it will not be, whatever the answer. */
bool mk_room_admit(runtime_t *rt, actor_t *actor, mk_msg_t *msg);
void mk_rooms_fini(runtime_t *rt);

/* ---- timers.c, watches.c ---- */

bool mk_timer_admit(runtime_t *rt, actor_t *actor, mk_msg_t *msg);
bool mk_watch_admit(runtime_t *rt, actor_t *actor, mk_msg_t *msg);

#endif
