/* SPDX-License-Identifier: Apache-2.0 */
/* durable.h -- what the files of this room share: the storages of a runtime, and its state. */
#ifndef MK_DURABLE_DURABLE_H
#define MK_DURABLE_DURABLE_H

#include "microkernel/storage.h"
#include "runtime/attach.h"
#include "store/store.h"

struct storage {
    struct mk_durable *room;
    storage_t         *next;
    mk_store_t        *store;
    char               folder[];
};

typedef struct mk_durable {
    mk_room_t        room;
    runtime_t       *rt;
    storage_t       *storages;
    mk_node_t       *asked;    /* requests of actors */
    uint32_t         requests; /* so far: their numbers */
    struct mk_state *state;    /* NULL: not begun */
} mk_durable_t;

/* This runtime's, made at the first use. MK_ERR_NOMEM, MK_ERR_LIMIT. */
MK_MUST_CHECK mk_err_t mk_durable_open(runtime_t *rt, mk_durable_t **out);
mk_durable_t          *mk_durable_find(runtime_t *rt); /* NULL: not in use */

/* A message that is there before it is needed: an actor's, who may have ended when its time comes. Embed it. */
typedef struct mk_promise {
    mk_node_t  node; /* of the room, which frees it when the runtime ends: the promise is first in its block */
    message_t *msg;
    actor_id_t to;
} mk_promise_t;

/* For the running actor. False: out of memory. */
bool mk_promise_make(mk_durable_t *room, mk_promise_t *promise, msg_type_t type, size_t size);
/* The payload of the message, to be written before it is sent. */
void *mk_promise_payload(mk_promise_t *promise);
/* Another message instead, if there is memory for it: one with `more` bytes behind the payload. NULL: there is not. */
void *mk_promise_extend(mk_durable_t *room, mk_promise_t *promise, size_t more);
/* Sends it, or drops it when its actor has ended. The promise is the caller's again. */
void mk_promise_keep(mk_durable_t *room, mk_promise_t *promise);
void mk_promise_break(mk_durable_t *room, mk_promise_t *promise);

/* ---- state.c ---- */

void mk_state_fini(struct mk_state *state); /* NULL is allowed */

#endif
