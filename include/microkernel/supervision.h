/* SPDX-License-Identifier: Apache-2.0 */
/* supervision.h -- ends have reasons, and supervisors answer them as OTP's do. Runtime's thread only. */
#ifndef MICROKERNEL_SUPERVISION_H
#define MICROKERNEL_SUPERVISION_H

#include "microkernel/actor.h"
#include "microkernel/services.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Why an actor ended. A program's own reasons start at EXIT_USER. */
#define MK_EXIT_TABLE(X)                                   \
    X(NORMAL, 0, "normal")                                 \
    X(KILLED, 1, "killed")                                 \
    X(SHUTDOWN, 2, "shutdown")                             \
    X(TRAPPED, 3, "trapped")                               \
    X(OUT_OF_BUDGET, 4, "out of budget")                   \
    X(OUT_OF_MEMORY, 5, "out of memory")                   \
    X(NODE_DOWN, 6, "node gone")                           \
    X(NO_ACTOR, 7, "no such actor")                        \
    X(FAILED, 8, "failed")                                 \
    X(RESTART_LIMIT, 9, "restart limit reached")           \
    X(DENIED, 10, "not permitted")

enum {
#define MK_EXIT_ENUM(name, value, text) EXIT_##name = (value),
    MK_EXIT_TABLE(MK_EXIT_ENUM)
#undef MK_EXIT_ENUM
    EXIT_USER = 64
};

/* Never NULL; "reason 77" style texts are not made up: unknown values give "other". */
const char *exit_reason_text(uint8_t reason);

/* Carried by MSG_CHILD_EXIT to the actor that spawned the child; message_exit_text() has the text. */
typedef struct child_exit_payload {
    actor_id_t child_id;
    uint8_t    exit_reason;
} child_exit_payload_t;

typedef enum {
    RESTART_PERMANENT, /* always restarted                                                       */
    RESTART_TRANSIENT, /* restarted when it ended otherwise than EXIT_NORMAL or EXIT_SHUTDOWN     */
    RESTART_TEMPORARY  /* never restarted                                                        */
} restart_type_t;

/* A group is stopped in reverse order and started again in order. Its temporary children are stopped and stay so; a
 * transient one that had ended well is started with the others. */
typedef enum {
    STRATEGY_ONE_FOR_ONE, /* only the child that ended                    */
    STRATEGY_ONE_FOR_ALL, /* the group is all children                    */
    STRATEGY_REST_FOR_ONE /* the child and those behind it in the order   */
} restart_strategy_t;

/* Makes the state of each new incarnation. */
typedef void *(*state_factory_fn)(void *arg);

/* How long a child gets between the request to shut down (actor_exit() with EXIT_SHUTDOWN) and the kill, in
 * milliseconds. */
#define SHUTDOWN_DEFAULT 0u         /* 5,000; for supervisors among the children: without limit */
#define SHUTDOWN_BRUTAL  UINT32_MAX /* killed at once                                           */

/* A specification is copied, its name too; what factory_arg points at stays the caller's for the supervisor's life. */
typedef struct child_spec {
    const char        *name;                /* registered, and handed back on restart; NULL: none             */
    actor_behavior_fn  behavior;
    state_factory_fn   factory;             /* NULL: factory_arg is the state of each incarnation             */
    void              *factory_arg;
    void             (*free_state)(void *); /* for what the factory made; without a factory it is not called  */
    size_t             mailbox_size;
    restart_type_t     restart_type;
    /* Beyond the minimum; zero is the default. */
    uint32_t           shutdown_ms;
    bool               trap_exits;  /* the child hears of a shutdown as MSG_EXIT                              */
    bool               supervisor;  /* the child is itself a supervisor: it may take its time to stop         */
    bool               needs_state; /* a factory that returns NULL has failed; else NULL is a state as any    */
    bool               wake;        /* its first turn comes at once, with MSG_WAKE: so a guest starts unasked */
} child_spec_t;

/* Starts a supervisor and its children in order; they have started, though not run, when it returns. A child that
 * cannot start undoes the start. More than `max_restarts` restarts within `window_ms` (0: 5,000) end the supervisor
 * with EXIT_RESTART_LIMIT, children first, in reverse order; a restart that is window_ms old no longer counts, one
 * that fails to start does. ACTOR_ID_INVALID: nothing is left behind, the reason is logged. Inside a behaviour the
 * supervisor is a child of the running actor; it does not end with it, unless linked. */
actor_id_t supervisor_start(runtime_t *rt, restart_strategy_t strategy, int max_restarts, uint64_t window_ms,
                            const child_spec_t *specs, size_t n);

/* The whole of what a supervisor can be told. */
typedef struct supervisor_options {
    const char        *name;           /* copied; registered; NULL: none                                          */
    restart_strategy_t strategy;
    int                max_restarts;
    uint64_t           window_ms;
    uint32_t           backoff_min_ms; /* first pause before a restart; 0: restarts are at once                   */
    uint32_t           backoff_max_ms; /* each pause is twice the child's last, up to this; 0: 30,000. A child that
                                        * ran for window_ms begins again with the first                           */
    const child_spec_t *children;      /* copied                                                                  */
    size_t             n;
} supervisor_options_t;

/* MK_ERR_NOMEM, MK_ERR_LIMIT, MK_ERR_EXISTS, MK_ERR_TOOLONG as actor_spawn_opts(); MK_ERR_INVALID: options that make no
 * sense. On any of them nothing is left behind. */
MK_MUST_CHECK mk_err_t supervisor_start_opts(runtime_t *rt, const supervisor_options_t *options, actor_id_t *out);

/* For a supervisor below a supervisor: a specification whose incarnations are supervisors made from `options`, which,
 * with all it points at, must outlive the parent supervisor. Its name is `name`, else the options'. */
child_spec_t supervisor_child_spec(const char *name, const supervisor_options_t *options, restart_type_t restart);

/* The living child at this place of the start order, ACTOR_ID_INVALID when it is not running. */
actor_id_t supervisor_get_child(runtime_t *rt, actor_id_t sup, size_t index);

/* How many places the start order has. A child the supervisor was started with keeps its place when it has ended for
 * good; one that was added later leaves it if it was temporary; one that is removed always does. */
size_t supervisor_count_children(runtime_t *rt, actor_id_t sup);

/* Stops the children in reverse order, each with its deadline, then the supervisor (EXIT_SHUTDOWN). Returns at once;
 * a monitor tells when it is done. Harmless on an unknown id. The same as actor_exit() with EXIT_SHUTDOWN: a supervisor
 * takes any exit signal but EXIT_NORMAL as the request to stop in order, with the signal's reason. actor_stop() gives
 * it no time for that: its children, those that trap exits too, are killed with it. */
void supervisor_stop(runtime_t *rt, actor_id_t sup);

/* Starts one more child at the end of the order. MK_ERR_NOTFOUND: no such supervisor; MK_ERR_BUSY: it is stopping,
 * or in the middle of restarting a group, try again later; else as supervisor_start_opts(). `out` may be NULL. */
MK_MUST_CHECK mk_err_t supervisor_add_child(runtime_t *rt, actor_id_t sup, const child_spec_t *spec, actor_id_t *out);

/* Stops the child (it is not restarted) and forgets its specification once it has ended. `child` is its id, or,
 * while it waits to be restarted, that of its last incarnation. MK_ERR_NOTFOUND: no such supervisor or child;
 * MK_ERR_NOMEM, MK_ERR_FULL: the supervisor cannot be told now, the child is as it was. */
MK_MUST_CHECK mk_err_t supervisor_remove_child(runtime_t *rt, actor_id_t sup, actor_id_t child);

/* Internal: a supervisor has a child to remove. */
#define MSG_SUPERVISOR_REMOVE (MK_MSG_SYSTEM_BASE + 0x20u)

#ifdef __cplusplus
}
#endif

#endif
