/* SPDX-License-Identifier: Apache-2.0 */
/* actor.h -- the actor record and its mailbox. Kept to 96 bytes on 64-bit machines: with its table slot an idle actor
 * costs 112. */
#ifndef MK_CORE_ACTOR_H
#define MK_CORE_ACTOR_H

#include "base/list.h"
#include "core/message.h"
#include "microkernel/actor.h"

/* Something an actor holds that goes when it ends: a timer, a watch, a name, a link. Embeds one node in the actor's list;
 * the actor's end walks that list and knows no room by name. */
typedef struct mk_res mk_res_t;

typedef struct mk_res_ops {
    /* The owner is ending; the node has left the list already. Frees what it belongs to. */
    void (*release)(runtime_t *rt, mk_res_t *res);
} mk_res_ops_t;

struct mk_res {
    mk_node_t           node;
    const mk_res_ops_t *ops;
};

enum {
    MK_ACTOR_READY = 0x01,   /* in the ready queue, or running                                  */
    MK_ACTOR_HELD = 0x02,    /* waits mid-behaviour: its mailbox is not for it now               */
    MK_ACTOR_WOKEN = 0x04,   /* MSG_WAKE is due                                                 */
    MK_ACTOR_ENDING = 0x08,  /* ends at its next turn, or when its behaviour returns             */
    MK_ACTOR_DEAD = 0x10,    /* left the table; the record waits to leave the ready queue        */
    MK_ACTOR_TRAPS = 0x20,   /* exit signals become messages                                    */
    MK_ACTOR_SHOWN = 0x40,   /* other nodes know it                                             */
    MK_ACTOR_AWAITED = 0x80, /* its mailbox was full, and somebody waits for room               */
};

struct actor {
    /* A send and a turn touch what comes first: one cache line, or parts of two. */
    uint32_t          seq;
    uint16_t          flags;
    uint8_t           exit_reason;
    uint8_t           unused;
    mk_msg_t         *head;         /* mailbox, oldest first                            */
    mk_msg_t         *tail;         /* undefined while head is NULL                     */
    uint32_t          queued;
    uint32_t          mailbox_size;
    actor_t          *ready_next;
    actor_behavior_fn behavior;
    void             *state;
    void            (*free_state)(void *state);
    mk_node_t        *resources;    /* of mk_res_t, most recent first                   */
    message_buffer_t *exit_text;
    struct mk_wake   *wake;         /* NULL until the actor waits with a time-out       */
    uint32_t          parent;       /* sequence number, 0: none                         */
    uint32_t          refused;      /* sends its full mailbox refused                   */
};

_Static_assert(sizeof(void *) != 8 || sizeof(actor_t) == 96, "the promise on top of this file");

static inline void mk_actor_own(actor_t *actor, mk_res_t *res, const mk_res_ops_t *ops) {
    res->ops = ops;
    mk_list_push(&actor->resources, &res->node);
}

/* Whether the mailbox has room for one more ordinary message. System messages are put whatever this says. */
static inline bool mk_mailbox_has_room(const actor_t *actor) { return actor->queued < actor->mailbox_size; }

/* Takes `msg`. */
static inline void mk_mailbox_put(actor_t *actor, mk_msg_t *msg) {
    /* Whether a mailbox is empty is a coin toss: an address chosen costs less than a branch guessed. */
    mk_msg_t **at = actor->head == NULL ? &actor->head : &actor->tail->next;
    msg->next = NULL;
    *at = msg;
    actor->tail = msg;
    actor->queued++;
}

/* The oldest message, which is the caller's from now on. The mailbox is not empty. */
static inline mk_msg_t *mk_mailbox_take(actor_t *actor) {
    mk_msg_t *msg = actor->head;
    actor->head = msg->next;
    actor->queued--;
    return msg;
}

/* All messages as a chain, oldest first, `*last` its end; they count as queued until mk_mailbox_taken(). The mailbox is
 * not empty. What is put from now on comes behind them. */
static inline mk_msg_t *mk_mailbox_open(actor_t *actor, mk_msg_t **last) {
    mk_msg_t *first = actor->head;
    *last = actor->tail;
    actor->head = NULL;
    return first;
}

/* One message of the chain is out. */
static inline void mk_mailbox_taken(actor_t *actor) { actor->queued--; }

/* Puts the rest of the chain back where it was. */
static inline void mk_mailbox_close(actor_t *actor, mk_msg_t *rest, mk_msg_t *last) {
    if (actor->head == NULL) actor->tail = last;
    last->next = actor->head;
    actor->head = rest;
}

#endif
