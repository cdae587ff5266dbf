/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor.h -- the state of a supervisor and what its files call of each other:
 * supervisor.c the calls of supervision.h, supervisor_child.c one child's start and end, supervisor_run.c what happens
 * when children end. */
#ifndef MK_SERVICES_SUPERVISOR_H
#define MK_SERVICES_SUPERVISOR_H

#include "microkernel/runtime.h"
#include "services/supervisor_children.h"
#include "services/supervisor_limit.h"

typedef enum {
    PHASE_RUNNING,
    PHASE_RESTARTING, /* marked children are stopped, then there may be a pause, then they are started */
    PHASE_ENDING      /* marked children, which is all, are stopped, then the supervisor ends          */
} mk_supervisor_phase_t;

typedef struct mk_supervisor {
    runtime_t            *rt;
    actor_id_t            id;
    restart_strategy_t    strategy;
    mk_supervisor_limit_t limit;
    uint32_t              backoff_min_ms, backoff_max_ms;
    mk_children_t         children;
    mk_supervisor_phase_t phase;
    uint32_t              pause_ms; /* restarting: before the group is started                     */
    timer_id_t            timer;    /* of that pause, while it lasts                               */
    bool                  paused;   /* the pause has begun                                         */
    uint8_t               end_reason;
    char                 *end_text; /* NULL: none                                                  */
    uint32_t              pins;     /* calls under way that need this record                       */
    bool                  ended;    /* the actor is gone; the last pin frees the record            */
} mk_supervisor_t;

/* ---- supervisor.c ---- */

/* MK_ERR_INVALID, MK_ERR_NOMEM. No actor has it yet. */
MK_MUST_CHECK mk_err_t mk_supervisor_create(const supervisor_options_t *options, mk_supervisor_t **out);

/* Gives the record to the actor `id` that was just spawned with it, and starts the children in order. On failure actor,
 * children and record are gone. */
MK_MUST_CHECK mk_err_t mk_supervisor_bring_up(runtime_t *rt, actor_id_t id, mk_supervisor_t *sup);

/* free_state of a supervisor: what is left of its children ends with it. */
void mk_supervisor_release(void *state);

/* ---- supervisor_run.c ---- */

bool mk_supervisor_behavior(runtime_t *rt, actor_t *self, message_t *msg, void *state);

/* ---- supervisor_child.c ---- */

const char *mk_child_name(const mk_child_t *child); /* for the log; never NULL */

/* Spawns the child's next incarnation; the failure is logged. */
MK_MUST_CHECK mk_err_t mk_child_start(mk_supervisor_t *sup, mk_child_t *child);

/* Asks a running child to end, or ends it at once; afterwards it may or may not be running. In the supervisor's
 * turn. */
void mk_child_stop(mk_supervisor_t *sup, mk_child_t *child);

/* Ends it now, with all that is below it. */
void mk_child_kill(mk_supervisor_t *sup, mk_child_t *child);

/* It has ended. */
void mk_child_gone(mk_supervisor_t *sup, mk_child_t *child);

/* Sets the child's timer to start it after `ms`. False: out of memory. In the supervisor's turn. */
bool mk_child_wait(mk_supervisor_t *sup, mk_child_t *child, uint32_t ms);

/* Cancels its timer. In the supervisor's turn. */
void mk_child_disarm(mk_supervisor_t *sup, mk_child_t *child);

/* Anybody may have its name now. */
void mk_child_release_name(mk_supervisor_t *sup, mk_child_t *child);

/* Drops its specification. It is not running. */
void mk_child_forget(mk_supervisor_t *sup, mk_child_t *child);

/* Ends an actor now; if it is a supervisor, first what is below it, in reverse order. */
void mk_kill_tree(runtime_t *rt, actor_id_t id);

#endif
