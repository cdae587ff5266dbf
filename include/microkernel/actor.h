/* SPDX-License-Identifier: Apache-2.0 */
/* actor.h -- programs are actors: state, a mailbox, a behaviour.
 *
 * An id may be of another node's actor (node.h). Sending, calling, monitoring, linking, exit signals and stops go there as long as
 * the nodes are linked; what may be done there is that node's to say (its roles). Between two actors everything arrives in order, and
 * what was under way when a link broke is lost: what waits for an answer hears of that with EXIT_NODE_DOWN.
 *
 * Every call is for the runtime's own thread (inside a behaviour, or before and after runtime_run()), but
 * runtime_post() in runtime.h. Payloads are copied on send unless a call says otherwise. */
#ifndef MICROKERNEL_ACTOR_H
#define MICROKERNEL_ACTOR_H

#include "microkernel/error.h"
#include "microkernel/message.h"
#include "microkernel/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Handles one message; false ends the actor normally. Must not block: whatever waits is a message that comes later. */
typedef bool (*actor_behavior_fn)(runtime_t *rt, actor_t *self, message_t *msg, void *state);

/* ---- life ---------------------------------------------------------------------------------------------------- */

/* Returns the new actor's id or ACTOR_ID_INVALID (out of memory, or max_actors reached: logged). `mailbox_size` is the
 * most messages that may wait, 0 the runtime's default. `free_state(state)` runs when the actor ends, may be NULL; it
 * is not run when the spawn fails. What it asks for (actor_self() included) is done for whoever is running, not for the
 * actor that has ended. Inside a behaviour the new actor is a child of the running one, which hears of its end by
 * MSG_CHILD_EXIT (supervision.h). */
actor_id_t actor_spawn(runtime_t *rt, actor_behavior_fn behavior, void *state, void (*free_state)(void *),
                       size_t mailbox_size);

/* Everything a spawn can say. Zero is the default everywhere. */
typedef struct actor_options {
    actor_behavior_fn behavior;
    void             *state;
    void            (*free_state)(void *);
    size_t            mailbox_size;
    const char       *name;     /* registered in the same step: nobody sees the actor without it        */
    actor_id_t        parent;   /* hears of its end, and may hand out a reserved `name`; 0: the running actor */
    bool              orphan;   /* no parent: its end is not reported to the actor that spawned it      */
    bool              link;     /* linked to the running actor in the same step (ignored outside of one) */
    bool              trap_exits;
    bool              number_last; /* the last number in line instead of the next: for the system's own actors, so that those of
                                    * people count 1, 2, 3                                               */
} actor_options_t;

/* MK_ERR_NOMEM, MK_ERR_LIMIT (max_actors, or sequence numbers used up), MK_ERR_EXISTS (the name is taken),
 * MK_ERR_TOOLONG (the name), MK_ERR_NOTFOUND (`parent` has ended), MK_ERR_INVALID: nothing was spawned, `state` is
 * still the caller's. */
MK_MUST_CHECK mk_err_t actor_spawn_opts(runtime_t *rt, const actor_options_t *options, actor_id_t *out);

/* Ends the actor with EXIT_KILLED, whether it traps exits or not; harmless on an unknown id. An actor that stops
 * itself ends when its behaviour returns. On another node it takes effect when it arrives; node_stop() (node.h) has an answer. */
void actor_stop(runtime_t *rt, actor_id_t id);

/* The exit signal of OTP: ends the actor with `reason`, or becomes MSG_EXIT for one that traps exits. EXIT_NORMAL is
 * ignored by actors that do not trap (unless sent to oneself), EXIT_KILLED cannot be trapped. Harmless on an unknown
 * id. */
void actor_exit(runtime_t *rt, actor_id_t id, uint8_t reason);

/* Ends the running actor when its behaviour returns, with a reason and a text (copied, may be NULL) that its
 * supervisor can read. The behaviour's own return value no longer matters. */
void actor_fail(runtime_t *rt, uint8_t reason, const char *text);

/* Whether exit signals to the running actor become MSG_EXIT messages. */
void actor_trap_exits(runtime_t *rt, bool trap);

/* Of this node's actors; false for all others. */
bool actor_is_alive(runtime_t *rt, actor_id_t id);

/* From now on nobody hears of its end as its parent: for a start in several steps that is undone. Harmless on an
 * unknown id. */
void actor_disown(runtime_t *rt, actor_id_t id);

/* ---- messages ------------------------------------------------------------------------------------------------- */

/* True: accepted. False: refused and counted, because the destination is unknown, its mailbox is full, it cannot be
 * reached, or memory is out. Never waits. Accepted for another node means on its way: one that has ended in between, or whose node
 * does not let us, drops it and counts it there. */
bool actor_send(runtime_t *rt, actor_id_t dest, msg_type_t type, const void *payload, size_t size);

/* The same with the reason: MK_ERR_NOTFOUND (no such actor here; its node is not linked), MK_ERR_FULL, MK_ERR_NOMEM,
 * MK_ERR_TOOLONG (payload limit), MK_ERR_CLOSED (the link is about to end), MK_ERR_DENIED (a system's message type to another node). */
MK_MUST_CHECK mk_err_t actor_try_send(runtime_t *rt, actor_id_t dest, msg_type_t type, const void *payload,
                                      size_t size);

/* Sends a shared buffer without copying it. Takes one reference when accepted; on failure the caller still has it. */
MK_MUST_CHECK mk_err_t actor_send_buffer(runtime_t *rt, actor_id_t dest, msg_type_t type, message_buffer_t *buf);

/* Sends a taken message on, payload and type as they are, source the running actor. Takes it on MK_OK; on failure the
 * caller still owns it. */
MK_MUST_CHECK mk_err_t actor_forward(runtime_t *rt, actor_id_t dest, message_t *msg);

/* ---- request and reply ---------------------------------------------------------------------------------------- */

/* Sends a request that carries a correlation number, and returns that number. Exactly one message answers it: the
 * reply (msg->call is the number), or MSG_CALL_FAILED with call_failed_payload_t when the deadline passes, the other side ends
 * first, or its node refuses the request. A reply that comes later is dropped. CALL_ID_INVALID: nothing was sent and nothing will come.
 * Only inside a behaviour. */
call_id_t actor_call(runtime_t *rt, actor_id_t dest, msg_type_t type, const void *payload, size_t size,
                     uint64_t timeout_ms);

/* Answers `request`; an ordinary send to its source when it was no call. False: refused (see actor_send), or nobody waits for it
 * any more. A caller on another node is then told by MSG_CALL_FAILED, so an answer cannot be tried twice. */
bool actor_reply(runtime_t *rt, const message_t *request, msg_type_t type, const void *payload, size_t size);

/* Forgets a call of the running actor: no answer will come. Harmless on an unknown number. */
void actor_call_cancel(runtime_t *rt, call_id_t call);

#define MSG_CALL_FAILED (MK_MSG_SYSTEM_BASE + 0x0Cu)
typedef struct call_failed_payload {
    call_id_t call;
    uint32_t  error;       /* mk_err_t: MK_ERR_TIMEOUT or MK_ERR_CLOSED (the other side ended, or its node is gone);
                            * from another node also why it did not take the request or could not send the
                            * answer: MK_ERR_NOTFOUND, MK_ERR_DENIED, MK_ERR_FULL, ...           */
    uint8_t   exit_reason; /* with MK_ERR_CLOSED                                               */
} call_failed_payload_t;

/* ---- who am I ------------------------------------------------------------------------------------------------- */

/* The running actor's id and state; ACTOR_ID_INVALID and NULL outside of a behaviour. */
actor_id_t actor_self(runtime_t *rt);
void      *actor_state(runtime_t *rt);

/* The state of a living actor of this node whose behaviour is `behavior`, else NULL. For those who wrote that behaviour
 * and offer plain functions on its actors; borrowed until that actor ends. */
void *actor_state_of(runtime_t *rt, actor_id_t id, actor_behavior_fn behavior);

/* ---- links and monitors (OTP) ---------------------------------------------------------------------------------- */

/* Joins the fates of the running actor and `id`: when one ends abnormally the other gets the exit signal. Linking
 * twice is one link; linking to a dead actor is an exit signal EXIT_NO_ACTOR at once (EXIT_NODE_DOWN: its node is not linked, or its
 * link breaks; whether the actor lives is then not known. EXIT_DENIED: this node's role there does not allow it). MK_ERR_NOMEM: no
 * link. */
MK_MUST_CHECK mk_err_t actor_link(runtime_t *rt, actor_id_t id);
void                   actor_unlink(runtime_t *rt, actor_id_t id);

/* One MSG_DOWN when `id` ends (at once, with EXIT_NO_ACTOR, when it already has; EXIT_NODE_DOWN and EXIT_DENIED as above).
 * MONITOR_ID_INVALID: out of memory. */
monitor_id_t actor_monitor(runtime_t *rt, actor_id_t id);
/* No MSG_DOWN of this monitor is delivered after this returns. Harmless on an unknown number. */
void actor_demonitor(runtime_t *rt, monitor_id_t monitor);

#define MSG_EXIT (MK_MSG_SYSTEM_BASE + 0x0Au)
typedef struct exit_payload {
    actor_id_t from;
    uint8_t    exit_reason;
} exit_payload_t;

#define MSG_DOWN (MK_MSG_SYSTEM_BASE + 0x0Bu)
typedef struct down_payload {
    actor_id_t   actor_id;
    monitor_id_t monitor;
    uint8_t      exit_reason;
} down_payload_t;

#ifdef __cplusplus
}
#endif

#endif
