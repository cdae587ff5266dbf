/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor_run.c -- what a supervisor does when children end. Nothing waits: each message does what can be done now,
 * and what is left to wait for is in the phase, the marks and the timers.
 *
 * A group is restarted in three steps: the marked children are stopped one after the other from the last to the
 * first, there is a pause if so wanted, and they are started from the first to the last. advance() goes as far as it
 * can and is called again whenever a child has ended or the pause is over. Ending is the same with all marked and no
 * third step.
 * Invariant: a child is marked only while the phase is not PHASE_RUNNING. */
#include <stdio.h>

#include "base/mem.h"
#include "services/supervisor.h"

static void advance(mk_supervisor_t *sup);

/* ---- what is said ---- */

/* `text` may be "". */
static void log_end(mk_supervisor_t *sup, int level, const mk_child_t *child, uint8_t reason, const char *text,
                    const char *what_now) {
    actor_log(sup->rt, level, "child '%s' (%llu) ended: %s%s%s%s", mk_child_name(child), (unsigned long long)child->id,
              exit_reason_text(reason), *text != '\0' ? ": " : "", text, what_now);
}

static char *make_end_text(const mk_child_t *child, const char *why, const char *text) {
    static const char format[] = "too many restarts, the last for child '%s': %s%s%s";
    const char       *name = mk_child_name(child), *colon = *text != '\0' ? ": " : "";
    int               size = snprintf(NULL, 0, format, name, why, colon, text) + 1;
    char             *out = size > 0 ? mk_alloc((size_t)size) : NULL;
    if (out != NULL) snprintf(out, (size_t)size, format, name, why, colon, text);
    return out;
}

/* ---- ending ---- */

static void mark_from(mk_child_t *child) {
    for (; child != NULL; child = child->next) child->marked = true;
}

static void disarm_pause(mk_supervisor_t *sup) {
    if (sup->timer != TIMER_ID_INVALID) actor_cancel_timer(sup->rt, sup->timer);
    sup->timer = TIMER_ID_INVALID;
}

/* The first reason stays. The caller calls advance(). */
static void begin_end(mk_supervisor_t *sup, uint8_t reason) {
    if (sup->phase == PHASE_ENDING) return;
    sup->phase = PHASE_ENDING;
    sup->end_reason = reason;
    disarm_pause(sup);
    mark_from(sup->children.first);
}

/* Counts a restart of this child; false when it was one too many, and the supervisor is ending. */
static bool count_restart(mk_supervisor_t *sup, const mk_child_t *child, const char *why, const char *text) {
    if (mk_supervisor_limit_allows(&sup->limit, runtime_now_ms(sup->rt))) return true;
    actor_log(sup->rt, MK_LOG_ERROR, "child '%s' is not restarted: the limit is %zu restarts in %llu ms",
              mk_child_name(child), sup->limit.max, (unsigned long long)sup->limit.window_ms);
    begin_end(sup, EXIT_RESTART_LIMIT);
    sup->end_text = make_end_text(child, why, text); /* without memory the reason has to do */
    return false;
}

/* ---- pauses ---- */

/* 0: none. */
static uint32_t next_pause(const mk_supervisor_t *sup, mk_child_t *child) {
    uint32_t last = child->pause_ms, max = sup->backoff_max_ms;
    if (sup->backoff_min_ms == 0) return 0;
    child->pause_ms = last == 0 ? sup->backoff_min_ms : last > max / 2 ? max : 2 * last;
    return child->pause_ms;
}

/* A child that ran for a whole window has recovered. */
static void forget_pause(const mk_supervisor_t *sup, mk_child_t *child) {
    if (runtime_now_ms(sup->rt) - child->started_ms >= sup->limit.window_ms) child->pause_ms = 0;
}

/* ---- restarting one ---- */

static void log_restart(mk_supervisor_t *sup, const mk_child_t *child) {
    actor_log(sup->rt, MK_LOG_INFO, "child '%s' restarted as %llu", mk_child_name(child),
              (unsigned long long)child->id);
}

/* True: it runs, or the supervisor is ending. False: it did not start, which was counted as a restart. */
static bool try_start(mk_supervisor_t *sup, mk_child_t *child) {
    mk_err_t err = mk_child_start(sup, child);
    if (err == MK_OK) {
        log_restart(sup, child);
        return true;
    }
    if (count_restart(sup, child, mk_err_text(err), "")) return false;
    advance(sup);
    return true;
}

/* Its restart has been counted. Without a pause, or without the memory for one, each attempt that fails counts as one
 * more, so that this ends. */
static void revive(mk_supervisor_t *sup, mk_child_t *child) {
    for (;;) {
        uint32_t ms = next_pause(sup, child);
        if (ms != 0 && mk_child_wait(sup, child, ms)) return;
        if (try_start(sup, child)) return;
    }
}

/* ---- restarting a group ---- */

/* The restart of `child` has been counted. A restart that is under way grows by what this one adds, and begins
 * again. */
static void regroup(mk_supervisor_t *sup, mk_child_t *child) {
    sup->phase = PHASE_RESTARTING;
    sup->pause_ms = next_pause(sup, child);
    sup->paused = false;
    disarm_pause(sup);
    mark_from(sup->strategy == STRATEGY_ONE_FOR_ALL ? sup->children.first : child);
}

/* A temporary child is not started with its group, and one that was to be removed is gone by now. */
static void stopped(mk_supervisor_t *sup, mk_child_t *child) {
    bool temporary = child->spec.restart_type == RESTART_TEMPORARY;
    mk_child_disarm(sup, child);
    if (child->removing || (temporary && child->added)) mk_child_forget(sup, child);
    else if (temporary) child->marked = false;
}

/* True when no marked child runs. Asks one at a time. */
static bool stop_marked(mk_supervisor_t *sup) {
    for (mk_child_t *child = sup->children.last, *prev; child != NULL; child = prev) {
        prev = child->prev;
        if (!child->marked) continue;
        if (child->running && !child->stopping) mk_child_stop(sup, child);
        if (child->running) return false;
        stopped(sup, child);
    }
    return true;
}

/* False while it lasts. */
static bool pause_is_over(mk_supervisor_t *sup) {
    if (!sup->paused) {
        sup->paused = true;
        if (sup->pause_ms != 0) sup->timer = actor_set_timer(sup->rt, sup->pause_ms, false);
    }
    return sup->timer == TIMER_ID_INVALID;
}

/* True: all run. False: one did not start, and now a group is to be restarted from there, or the supervisor to end. */
static bool start_marked(mk_supervisor_t *sup) {
    for (mk_child_t *child = sup->children.first; child != NULL; child = child->next) {
        if (!child->marked) continue;
        mk_err_t err = mk_child_start(sup, child);
        if (err != MK_OK) {
            if (count_restart(sup, child, mk_err_text(err), "")) regroup(sup, child);
            return false;
        }
        child->marked = false;
        log_restart(sup, child);
    }
    return true;
}

static void advance(mk_supervisor_t *sup) {
    while (sup->phase != PHASE_RUNNING && stop_marked(sup)) {
        if (sup->phase == PHASE_ENDING) {
            actor_fail(sup->rt, sup->end_reason, sup->end_text);
            return;
        }
        if (!pause_is_over(sup)) return;
        if (start_marked(sup)) sup->phase = PHASE_RUNNING;
    }
}

/* ---- a child has ended ---- */

static bool wants_restart(const mk_child_t *child, uint8_t reason) {
    switch (child->spec.restart_type) {
    case RESTART_PERMANENT: return true;
    case RESTART_TRANSIENT: return reason != EXIT_NORMAL && reason != EXIT_SHUTDOWN;
    default: return false;
    }
}

static void restart(mk_supervisor_t *sup, mk_child_t *child, uint8_t reason, const char *text) {
    log_end(sup, MK_LOG_WARN, child, reason, text, "");
    forget_pause(sup, child);
    if (!count_restart(sup, child, exit_reason_text(reason), text)) {
        advance(sup);
    } else if (sup->strategy == STRATEGY_ONE_FOR_ONE) {
        revive(sup, child);
    } else {
        regroup(sup, child);
        advance(sup);
    }
}

/* Ended for good. A transient child may come back with its group, and keeps its name for that; alone it does not. */
static void settle(mk_supervisor_t *sup, mk_child_t *child, uint8_t reason, const char *text) {
    bool well = reason == EXIT_NORMAL || reason == EXIT_SHUTDOWN;
    log_end(sup, well ? MK_LOG_INFO : MK_LOG_WARN, child, reason, text, "; not restarted");
    if (child->spec.restart_type == RESTART_TEMPORARY && child->added) mk_child_forget(sup, child);
    else if (sup->strategy == STRATEGY_ONE_FOR_ONE) mk_child_release_name(sup, child);
}

/* Anybody can send a message of this type; only the end itself makes it true. */
static mk_child_t *child_that_ended(mk_supervisor_t *sup, const message_t *msg) {
    const child_exit_payload_t *payload = msg->payload;
    if (msg->payload_size < sizeof *payload || actor_is_alive(sup->rt, payload->child_id)) return NULL;
    mk_child_t *child = mk_children_find(&sup->children, payload->child_id);
    return child != NULL && child->running ? child : NULL;
}

static void on_child_exit(mk_supervisor_t *sup, const message_t *msg) {
    mk_child_t *child = child_that_ended(sup, msg);
    if (child == NULL) return;
    uint8_t     reason = ((const child_exit_payload_t *)msg->payload)->exit_reason;
    const char *text = message_exit_text(msg);
    bool        asked = child->stopping;
    mk_child_gone(sup, child);
    if (child->marked || child->removing) {
        log_end(sup, asked ? MK_LOG_DEBUG : MK_LOG_WARN, child, reason, text, "");
        if (child->removing) mk_child_forget(sup, child);
        advance(sup);
    } else if (wants_restart(child, reason)) {
        restart(sup, child, reason, text);
    } else {
        settle(sup, child, reason, text);
    }
}

/* ---- other messages ---- */

static void on_deadline(mk_supervisor_t *sup, timer_id_t timer) {
    mk_child_t *child = sup->children.first;
    while (child != NULL && child->timer != timer) child = child->next;
    if (child == NULL) return;
    actor_log(sup->rt, MK_LOG_WARN, "child '%s' (%llu) did not stop in time: killed", mk_child_name(child),
              (unsigned long long)child->id);
    mk_child_kill(sup, child);
    if (child->removing) mk_child_forget(sup, child);
    advance(sup);
}

static void on_timer(mk_supervisor_t *sup, const message_t *msg) {
    if (msg->payload_size < sizeof(timer_payload_t) || msg->source != ACTOR_ID_INVALID) return;
    timer_id_t  timer = ((const timer_payload_t *)msg->payload)->id;
    mk_child_t *waiting = mk_children_find(&sup->children, timer);
    if (timer == TIMER_ID_INVALID) return;
    if (timer == sup->timer) {
        disarm_pause(sup);
        advance(sup);
    } else if (waiting != NULL) {
        mk_child_disarm(sup, waiting);
        if (!try_start(sup, waiting)) revive(sup, waiting);
    } else {
        on_deadline(sup, timer);
    }
}

/* From whomever: a link that broke, a supervisor above, supervisor_stop(). */
static void on_signal(mk_supervisor_t *sup, const message_t *msg) {
    if (msg->payload_size < sizeof(exit_payload_t)) return;
    uint8_t reason = ((const exit_payload_t *)msg->payload)->exit_reason;
    if (reason == EXIT_NORMAL) return;
    begin_end(sup, reason);
    advance(sup);
}

static void remove_child(mk_supervisor_t *sup, mk_child_t *child) {
    if (child->running && !child->stopping) mk_child_stop(sup, child);
    if (!child->running) mk_child_forget(sup, child);
}

/* One that was restarted since it was named has another id, and is found by its mark. */
static void on_remove(mk_supervisor_t *sup, const message_t *msg) {
    if (msg->payload_size < sizeof(actor_id_t)) return;
    mk_child_t *named = mk_children_find(&sup->children, *(const actor_id_t *)msg->payload);
    if (named != NULL && named->removing) {
        remove_child(sup, named);
    } else {
        for (mk_child_t *child = sup->children.first, *next; child != NULL; child = next) {
            next = child->next;
            if (child->removing) remove_child(sup, child);
        }
    }
    advance(sup);
}

bool mk_supervisor_behavior(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    mk_supervisor_t *sup = state;
    (void)rt, (void)self;
    switch (msg->type) {
    case MSG_CHILD_EXIT: on_child_exit(sup, msg); break;
    case MSG_TIMER: on_timer(sup, msg); break;
    case MSG_EXIT: on_signal(sup, msg); break;
    case MSG_SUPERVISOR_REMOVE: on_remove(sup, msg); break;
    default: break; /* not for a supervisor */
    }
    return true;
}
