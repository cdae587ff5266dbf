/* SPDX-License-Identifier: Apache-2.0 */
/* sched.h -- the ready queue and one fair turn.
 *
 * Round-robin. A turn handles the messages that were there when it began, up to a limit: an actor that keeps sending to
 * itself waits for everyone else between two turns, and one with a long queue cannot hold the thread for ever. */
#ifndef MK_SCHED_SCHED_H
#define MK_SCHED_SCHED_H

#include "core/actor.h"

typedef struct mk_sched {
    actor_t  *ready_head, *ready_tail;  /* ready_tail is undefined while ready_head is NULL              */
    actor_t  *running;                  /* whose behaviour is on the stack; NULL between turns          */
    mk_msg_t *handling;                 /* the message it was called with; NULL once it has been taken  */
    uint32_t  turn_messages_max;
    uint32_t  enough;                   /* atomic, set by anyone: mk_sched_turns() ends with this turn  */
    mk_pool_t *pool;
    message_t  wake;                    /* the one MSG_WAKE there is                                    */
    /* Whether a checked message may still be delivered; fills in what is only known now. */
    bool (*admit)(runtime_t *rt, actor_t *actor, mk_msg_t *msg);
    /* An AWAITED actor's turn is over, it goes on, and half of its mailbox is free. */
    void (*has_room)(runtime_t *rt, actor_t *actor);
    /* The actor's turn is over and it is ENDING or DEAD. The record is the callee's. */
    void (*finish)(runtime_t *rt, actor_t *actor);
} mk_sched_t;

/* The queue's own business; the actor is READY and not in it. */
static inline void mk_sched_append(mk_sched_t *sched, actor_t *actor) {
    actor->ready_next = NULL;
    if (sched->ready_head == NULL) sched->ready_head = actor;
    else sched->ready_tail->ready_next = actor;
    sched->ready_tail = actor;
}

/* Puts the actor at the end of the queue, unless it is there. */
static inline void mk_sched_make_ready(mk_sched_t *sched, actor_t *actor) {
    if (actor->flags & MK_ACTOR_READY) return;
    actor->flags |= MK_ACTOR_READY;
    mk_sched_append(sched, actor);
}

/* Gives `msg` to the actor's mailbox and the actor a turn. Takes `msg`. */
static inline void mk_sched_deliver(mk_sched_t *sched, actor_t *actor, mk_msg_t *msg) {
    mk_mailbox_put(actor, msg);
    if (mk_likely(!(actor->flags & (MK_ACTOR_READY | MK_ACTOR_HELD)))) mk_sched_make_ready(sched, actor);
}

static inline bool mk_sched_has_ready(const mk_sched_t *sched) { return sched->ready_head != NULL; }

/* Runs the first ready actor's turn; returns how many messages it handled. The queue is not empty. */
uint32_t mk_sched_turn(mk_sched_t *sched, runtime_t *rt);

/* Turns until `messages` were handled (a turn counts as one more: it may handle none), nobody is ready, or `enough` was
 * set. In one loop, because a call and its registers for each turn cost as much as half a message. */
uint32_t mk_sched_turns(mk_sched_t *sched, runtime_t *rt, uint32_t messages);

#endif
