/* SPDX-License-Identifier: Apache-2.0 */
/* sched.c -- see sched.h. Invariant: an actor is in the ready queue exactly once while READY is set and it is not
 * the running one; READY stays set during its turn, so that messages to itself do not queue it a second time. */
#include "sched/sched.h"

static actor_t *take_ready(mk_sched_t *sched) {
    actor_t *actor = sched->ready_head;
    actor_t *next = sched->ready_head = actor->ready_next;
    /* With a thousand actors at work the next one and its message are a cache miss, now or in a moment. */
    mk_prefetch(next);
    return actor;
}

/* One call of the behaviour. The message goes back to the pool unless the behaviour took it. */
static inline void handle(mk_sched_t *sched, runtime_t *rt, actor_t *actor, mk_msg_t *msg) {
    sched->handling = msg;
    bool stay = actor->behavior(rt, actor, &msg->pub, actor->state);
    if (mk_likely(sched->handling != NULL)) mk_msg_destroy(sched->pool, msg);
    if (mk_unlikely(!stay)) actor->flags |= MK_ACTOR_ENDING; /* exit_reason is EXIT_NORMAL unless it says otherwise */
}

/* An actor that waits mid-behaviour goes on. */
static void handle_wake(mk_sched_t *sched, runtime_t *rt, actor_t *actor) {
    actor->flags &= (uint16_t)~MK_ACTOR_WOKEN;
    sched->handling = NULL;
    if (!actor->behavior(rt, actor, &sched->wake, actor->state)) actor->flags |= MK_ACTOR_ENDING;
}

/* The messages that are there now, at most `most`, as long as the actor goes on. The mailbox is not empty. */
static uint32_t handle_queued(mk_sched_t *sched, runtime_t *rt, actor_t *actor, uint32_t most) {
    mk_msg_t *last, *next, *msg = mk_mailbox_open(actor, &last);
    uint32_t  handled = 0;
    do {
        next = msg->next;
        mk_mailbox_taken(actor);
        handled++;
        if (mk_unlikely(msg->flags != MK_MSG_PLAIN) && !sched->admit(rt, actor, msg)) mk_msg_destroy(sched->pool, msg);
        else handle(sched, rt, actor, msg);
        msg = next;
    } while (msg != NULL && handled != most && mk_likely(!(actor->flags & (MK_ACTOR_HELD | MK_ACTOR_ENDING))));
    if (mk_unlikely(msg != NULL)) mk_mailbox_close(actor, msg, last);
    return handled;
}

static inline uint32_t handle_all(mk_sched_t *sched, runtime_t *rt, actor_t *actor) {
    uint32_t handled = 0;
    if (mk_unlikely(actor->flags & MK_ACTOR_WOKEN)) {
        handle_wake(sched, rt, actor);
        handled = 1;
        if (actor->flags & (MK_ACTOR_HELD | MK_ACTOR_ENDING)) return handled;
    }
    if (mk_unlikely(actor->queued == 0)) return handled;
    return handled + handle_queued(sched, rt, actor, sched->turn_messages_max);
}

/* What makes the end of a turn more than going back into the queue or not. */
enum { RARE = MK_ACTOR_ENDING | MK_ACTOR_DEAD | MK_ACTOR_HELD | MK_ACTOR_WOKEN | MK_ACTOR_AWAITED };

/* Somebody waits for room in the mailbox of an actor that goes on. A call of its own, so that other turns pay nothing for it. */
static MK_NOINLINE void end_awaited(mk_sched_t *sched, runtime_t *rt, actor_t *actor) {
    if (actor->queued <= actor->mailbox_size / 2) sched->has_room(rt, actor);
    bool has_work = actor->queued != 0 && !(actor->flags & MK_ACTOR_HELD);
    if (has_work || (actor->flags & MK_ACTOR_WOKEN)) mk_sched_make_ready(sched, actor);
}

static inline uint32_t turn(mk_sched_t *sched, runtime_t *rt) {
    actor_t *actor = take_ready(sched);
    uint32_t handled = 0;
    if (mk_likely(!(actor->flags & (MK_ACTOR_ENDING | MK_ACTOR_DEAD)))) {
        sched->running = actor;
        handled = handle_all(sched, rt, actor);
        sched->running = NULL;
    }
    /* Read once, written only when it changes: this word is the longest chain of a turn. */
    unsigned flags = actor->flags;
    if (mk_likely(!(flags & RARE))) {
        if (actor->queued != 0) mk_sched_append(sched, actor);
        else actor->flags = (uint16_t)(flags & ~MK_ACTOR_READY);
        return handled;
    }
    actor->flags = (uint16_t)(flags & ~MK_ACTOR_READY);
    if (flags & (MK_ACTOR_ENDING | MK_ACTOR_DEAD)) sched->finish(rt, actor);
    else if (flags & MK_ACTOR_AWAITED) end_awaited(sched, rt, actor);
    else if (flags & MK_ACTOR_WOKEN) mk_sched_make_ready(sched, actor);
    return handled;
}

uint32_t mk_sched_turn(mk_sched_t *sched, runtime_t *rt) { return turn(sched, rt); }

uint32_t mk_sched_turns(mk_sched_t *sched, runtime_t *rt, uint32_t messages) {
    uint32_t handled = 0;
    __atomic_store_n(&sched->enough, 0, __ATOMIC_RELAXED);
    while (sched->ready_head != NULL && handled < messages && !__atomic_load_n(&sched->enough, __ATOMIC_RELAXED))
        handled += turn(sched, rt) + 1;
    return handled;
}
