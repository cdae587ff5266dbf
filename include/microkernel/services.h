/* SPDX-License-Identifier: Apache-2.0 */
/* services.h -- what the runtime does for its actors: timers, descriptor watches, names, the log. All of it belongs to
 * the actor that asked and is released when that actor ends. Runtime's thread only. */
#ifndef MICROKERNEL_SERVICES_H
#define MICROKERNEL_SERVICES_H

#include "microkernel/error.h"
#include "microkernel/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* System message types. Each room that adds some owns a range: core 0x00-0x0F (the rest is in actor.h and
 * supervision.h), names and capabilities 0x10-0x1F, supervisors 0x20-0x2F, sockets 0x40-0x4F (mk_socket.h),
 * console 0x100-0x10F (console.h). */
#define MSG_TIMER           (MK_MSG_SYSTEM_BASE + 0x01u)
#define MSG_FD_EVENT        (MK_MSG_SYSTEM_BASE + 0x02u)
#define MSG_LOG             (MK_MSG_SYSTEM_BASE + 0x03u)
#define MSG_CHILD_EXIT      (MK_MSG_SYSTEM_BASE + 0x04u)
#define MSG_WAKE            (MK_MSG_SYSTEM_BASE + 0x05u) /* internal: an actor that waits mid-behaviour goes on */
#define MSG_NAME_REGISTER   (MK_MSG_SYSTEM_BASE + 0x10u)
#define MSG_NAME_UNREGISTER (MK_MSG_SYSTEM_BASE + 0x11u)
#define MSG_CAPS_REQUEST    (MK_MSG_SYSTEM_BASE + 0x14u)
#define MSG_CAPS_REPLY      (MK_MSG_SYSTEM_BASE + 0x15u)

/* ---- timers --------------------------------------------------------------------------------------------------- */

typedef struct timer_payload {
    timer_id_t id;
    uint64_t   expirations; /* 1; more when a periodic timer's actor was too slow to see each one */
} timer_payload_t;

/* MSG_TIMER after `interval_ms` (and each `interval_ms` again; a periodic 0 is taken as 1). Only inside a behaviour.
 * TIMER_ID_INVALID: out of memory. As many as memory holds. */
timer_id_t actor_set_timer(runtime_t *rt, uint64_t interval_ms, bool periodic);

/* The same for an actor given by id, for start-up code that is no actor itself. */
timer_id_t actor_set_timer_for(runtime_t *rt, actor_id_t id, uint64_t interval_ms, bool periodic);

/* Only the owner cancels; no MSG_TIMER of it is delivered afterwards. False: not the owner's, or already over. */
bool actor_cancel_timer(runtime_t *rt, timer_id_t id);

/* ---- descriptors ---------------------------------------------------------------------------------------------- */

typedef struct fd_event_payload {
    int      fd;
    uint32_t events; /* poll(2) bits */
} fd_event_payload_t;

/* MSG_FD_EVENT whenever `fd` is ready for `events` (poll(2) bits; errors and hang-up are always reported), at most one
 * waiting in the mailbox at a time. Borrows `fd`. Watching it again changes the events. False: another actor has it,
 * the descriptor cannot be watched, or out of memory. */
bool actor_watch_fd(runtime_t *rt, int fd, uint32_t events);
bool actor_unwatch_fd(runtime_t *rt, int fd);

/* ---- names ---------------------------------------------------------------------------------------------------- */

/* Flat names and `/`-paths alike; any bytes but NUL. False: taken (here or, among linked nodes, elsewhere: namespace.h), too long,
 * empty, no such actor of this node, out of memory (the reason is logged). The name goes when the actor ends. */
bool actor_register_name(runtime_t *rt, const char *name, actor_id_t id);
MK_MUST_CHECK mk_err_t actor_try_register_name(runtime_t *rt, const char *name, actor_id_t id);

/* Takes a name away from the running actor, or from the actor it holds it for. Outside of a behaviour any name may go.
 * False: not registered, or not the running actor's to remove. */
bool actor_unregister_name(runtime_t *rt, const char *name);

/* This node's actor of that name, else a linked node's. ACTOR_ID_INVALID: unknown, or reserved and nobody there right now. */
actor_id_t actor_lookup(runtime_t *rt, const char *name);

bool actor_send_named(runtime_t *rt, const char *name, msg_type_t type, const void *payload, size_t size);

/* Holds a name for the running actor: only it may hand it out, with actor_register_name() or a spawn's `name`, and when
 * the actor that carries it ends the name is held again instead of free. So a supervisor's children get theirs back.
 * Released when the running actor ends, or by actor_unregister_name(). */
MK_MUST_CHECK mk_err_t actor_reserve_name(runtime_t *rt, const char *name);

/* The same for an actor given by id, for start-up code that is no actor itself. MK_ERR_NOTFOUND: no such actor. */
MK_MUST_CHECK mk_err_t actor_reserve_name_for(runtime_t *rt, const char *name, actor_id_t id);

/* The first name of `id` (of another node's actor the one that is known best), NUL-terminated; returns its length, 0 when there is none or it does not fit. */
size_t actor_reverse_lookup(runtime_t *rt, actor_id_t id, char *buf, size_t size);

/* All names of `id`, each NUL-terminated, one behind the other (of another node's actor one); returns the bytes written. Names that
 * no longer fit are left out whole. */
size_t actor_reverse_lookup_all(runtime_t *rt, actor_id_t id, char *buf, size_t size);

/* ---- log ------------------------------------------------------------------------------------------------------ */

/* The same values as <syslog.h> are not wanted here; where that header is included too, use the MK_ names. */
enum { MK_LOG_DEBUG = 0, MK_LOG_INFO = 1, MK_LOG_WARN = 2, MK_LOG_ERROR = 3 };
#ifndef LOG_DEBUG
#define LOG_DEBUG MK_LOG_DEBUG
#endif
#ifndef LOG_INFO
#define LOG_INFO MK_LOG_INFO
#endif
#ifndef LOG_WARN
#define LOG_WARN MK_LOG_WARN
#endif
#ifndef LOG_ERROR
#define LOG_ERROR MK_LOG_ERROR
#endif

typedef struct log_entry {
    uint64_t    wall_ms; /* milliseconds since 1970, UTC                     */
    int         level;
    actor_id_t  actor;   /* ACTOR_ID_INVALID: the runtime itself             */
    const char *text;    /* one line without its newline; borrowed           */
} log_entry_t;

/* Gets each entry, on a thread of its own where the platform has threads, else from the loop when it is idle. */
typedef void (*log_sink_fn)(void *arg, const log_entry_t *entry);

/* Lines `[time] LEVEL [actor] text` go to standard error. Without this call nothing is logged. */
void runtime_enable_logging(runtime_t *rt);

/* As runtime_enable_logging() with a sink of one's own; NULL turns logging off. MK_ERR_NOMEM: as it was before. */
MK_MUST_CHECK mk_err_t runtime_set_log_sink(runtime_t *rt, log_sink_fn sink, void *arg);

/* Each entry at or above the level is also sent to this actor as MSG_LOG with log_payload_t, the text behind it; but not
 * its own. One that finds its mailbox full is not sent. */
void runtime_set_log_actor(runtime_t *rt, actor_id_t id);
typedef struct log_payload {
    uint64_t   wall_ms;
    actor_id_t actor;
    int32_t    level;
    uint32_t   text_size; /* bytes behind this struct, no NUL */
} log_payload_t;

void runtime_set_log_level(runtime_t *rt, int level); /* default MK_LOG_INFO */

/* Never waits: an entry the sink has no room for is dropped and counted. Lines are at most 1,000 bytes; a longer one
 * ends in "...". */
void actor_log(runtime_t *rt, int level, const char *fmt, ...) MK_PRINTF(3, 4);

/* Waits until the sink has taken all that was logged; for the end of a program. */
void runtime_flush_log(runtime_t *rt);

#ifdef __cplusplus
}
#endif

#endif
