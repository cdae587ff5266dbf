/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h -- the runtime record and what its files call of each other. */
#ifndef MK_RUNTIME_INTERNAL_H
#define MK_RUNTIME_INTERNAL_H

#include "base/idmap.h"
#include "base/pool.h"
#include "core/actor.h"
#include "loop/loop.h"
#include "microkernel/runtime.h"
#include "microkernel/supervision.h"
#include "microkernel/transport.h"
#include "runtime/attach.h"
#include "runtime/inbox.h"
#include "runtime/log.h"
#include "runtime/names.h"
#include "sched/sched.h"

/* http, socket, node and those that follow: each is a part of the program, not something that comes and goes. */
enum { MK_ROOMS_MAX = 16 };

struct runtime {
    /* What each send and turn touches comes first. */
    mk_sched_t        sched;
    mk_idmap_t        actors;
    node_id_t         node;
    uint32_t          poll_left;   /* messages until descriptors and timers are looked at */
    uint32_t          inline_max;  /* payloads up to this lie in the message: allowed, and small */
    runtime_stats_t   stats;
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

/* ---- send.c ---- */

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

/* MSG_DOWN or an answer to a call is about to be delivered, or discarded: true when nobody has cancelled it. */
bool mk_bond_admit(runtime_t *rt, mk_msg_t *msg);

/* Whether `call` of `caller` still waits for its answer; if so the answer is `reply`. */
bool mk_call_answer(runtime_t *rt, actor_t *caller, call_id_t call, mk_msg_t *reply);

/* ---- attach.c ---- */

/* Whether a room's message may be delivered; `actor` NULL: it will not be, whatever the answer. */
bool mk_room_admit(runtime_t *rt, actor_t *actor, mk_msg_t *msg);
void mk_rooms_fini(runtime_t *rt);

/* ---- timers.c, watches.c ---- */

bool mk_timer_admit(runtime_t *rt, actor_t *actor, mk_msg_t *msg);
bool mk_watch_admit(runtime_t *rt, actor_t *actor, mk_msg_t *msg);

#endif
