/* SPDX-License-Identifier: Apache-2.0 */
/* timers.c -- actors' timers and the waits of guests, over the loop's wheel.
 *
 * A timer has at most one MSG_TIMER under way; what falls due meanwhile is counted and told with it, so that a slow
 * actor's mailbox does not fill with ticks. The timer lives until that message is delivered: cancelled in between, it
 * is not. Without memory for the message the timer tries again a millisecond later. */
#include "runtime/internal.h"
#include "runtime/wake.h"

typedef struct actor_timer {
    mk_timer_t timer;
    mk_res_t   res;
    actor_t   *owner;
    uint64_t   interval_ms; /* 0: fires once                              */
    uint32_t   id;
    uint32_t   due : 31; /* expirations not told yet                   */
    uint32_t   told : 1; /* a MSG_TIMER is under way                   */
} actor_timer_t;

_Static_assert(sizeof(void *) != 8 || sizeof(actor_timer_t) == 80, "a million timers are 80 MB");

enum { DUE_MAX = 0x7fffffff, RETRY_MS = 1 };

/* From now, not from when the turn began: a behaviour may have computed for long before it asks. */
static uint64_t due_after(runtime_t *rt, uint64_t delay_ms) {
    mk_loop_read_clock(&rt->loop);
    return mk_loop_after_ms(&rt->loop, delay_ms);
}

static void timer_free(runtime_t *rt, actor_timer_t *t) {
    mk_wheel_cancel(&rt->loop.wheel, &t->timer);
    mk_list_remove(&t->res.node);
    mk_idmap_remove(&rt->timers, t->id);
    mk_pool_free(&rt->pool, t);
}

static void owner_ended(runtime_t *rt, mk_res_t *res) { timer_free(rt, mk_container_of(res, actor_timer_t, res)); }

static const mk_res_ops_t timer_ops = {owner_ended};

static bool tell(runtime_t *rt, actor_timer_t *t) {
    mk_msg_t *msg = mk_msg_create_inline(&rt->pool, sizeof(timer_payload_t));
    if (msg == NULL) return false;
    *(timer_payload_t *)mk_msg_inline(msg) = (timer_payload_t){.id = t->id};
    msg->pub.type = MSG_TIMER;
    msg->flags = MK_MSG_CHECKED;
    mk_send_system(rt, t->owner, ACTOR_ID_INVALID, msg);
    return true;
}

static void timer_fired(mk_wheel_t *wheel, mk_timer_t *timer) {
    runtime_t     *rt = mk_runtime_of_wheel(wheel);
    actor_timer_t *t = mk_container_of(timer, actor_timer_t, timer);
    /* The loop's time, not the wheel's: after a long sleep the wheel is still on its way to now, and a periodic timer
     * shall not be called for every single time it missed. */
    uint64_t now_ms = rt->loop.now_us / 1000, next_ms = 0, times = 1;
    if (!t->told && !tell(rt, t)) {
        mk_wheel_arm(wheel, timer, now_ms + RETRY_MS);
        return;
    }
    t->told = 1;
    if (t->interval_ms != 0) {
        times += (now_ms - timer->due_ms) / t->interval_ms;
        next_ms = timer->due_ms + times * t->interval_ms;
        mk_wheel_arm(wheel, timer, next_ms);
    }
    t->due = (uint32_t)(times < (uint64_t)DUE_MAX - t->due ? t->due + times : DUE_MAX) & DUE_MAX;
}

bool mk_timer_admit(runtime_t *rt, actor_t *actor, mk_msg_t *msg) {
    timer_payload_t *payload = mk_msg_inline(msg);
    actor_timer_t   *t = mk_idmap_get(&rt->timers, payload->id);
    if (t == NULL || t->owner != actor) return false;
    payload->expirations = t->due;
    t->due = 0;
    t->told = 0;
    if (t->interval_ms == 0) timer_free(rt, t);
    return true;
}

static timer_id_t set_timer(runtime_t *rt, actor_t *owner, uint64_t interval_ms, bool periodic) {
    actor_timer_t *t = mk_pool_alloc(&rt->pool, sizeof *t);
    if (t == NULL) return TIMER_ID_INVALID;
    uint32_t id;
    if (mk_idmap_add(&rt->timers, t, &id) != MK_OK) {
        mk_pool_free(&rt->pool, t);
        return TIMER_ID_INVALID;
    }
    *t = (actor_timer_t){.timer = {.fn = timer_fired}, .owner = owner, .id = id};
    if (periodic) t->interval_ms = interval_ms != 0 ? interval_ms : 1;
    mk_actor_own(owner, &t->res, &timer_ops);
    mk_wheel_arm(&rt->loop.wheel, &t->timer, due_after(rt, periodic ? t->interval_ms : interval_ms));
    return t->id;
}

timer_id_t actor_set_timer(runtime_t *rt, uint64_t interval_ms, bool periodic) {
    mk_assert(rt->sched.running != NULL);
    return set_timer(rt, rt->sched.running, interval_ms, periodic);
}

timer_id_t actor_set_timer_for(runtime_t *rt, actor_id_t id, uint64_t interval_ms, bool periodic) {
    actor_t *owner = mk_actor_find(rt, id);
    return owner != NULL ? set_timer(rt, owner, interval_ms, periodic) : TIMER_ID_INVALID;
}

bool actor_cancel_timer(runtime_t *rt, timer_id_t id) {
    actor_timer_t *t = id != TIMER_ID_INVALID ? mk_idmap_get(&rt->timers, id) : NULL;
    if (t == NULL || t->owner != rt->sched.running) return false;
    timer_free(rt, t);
    return true;
}

/* ---- waits ------------------------------------------------------------------------------------------------------ */

typedef struct mk_wake {
    mk_timer_t timer;
    mk_res_t   res;
    actor_t   *owner;
} mk_wake_t;

static void wake_released(runtime_t *rt, mk_res_t *res) {
    mk_wake_t *wake = mk_container_of(res, mk_wake_t, res);
    wake->owner->wake = NULL;
    mk_wheel_cancel(&rt->loop.wheel, &wake->timer);
    mk_pool_free(&rt->pool, wake);
}

static const mk_res_ops_t wake_ops = {wake_released};

static void wake_up(runtime_t *rt, actor_t *actor) {
    actor->flags |= MK_ACTOR_WOKEN;
    mk_sched_make_ready(&rt->sched, actor);
}

static void wake_fired(mk_wheel_t *wheel, mk_timer_t *timer) {
    wake_up(mk_runtime_of_wheel(wheel), mk_container_of(timer, mk_wake_t, timer)->owner);
}

static mk_wake_t *wake_of(runtime_t *rt, actor_t *actor) {
    if (actor->wake != NULL) return actor->wake;
    mk_wake_t *wake = mk_pool_alloc(&rt->pool, sizeof *wake);
    if (wake == NULL) return NULL;
    *wake = (mk_wake_t){.timer = {.fn = wake_fired}, .owner = actor};
    mk_actor_own(actor, &wake->res, &wake_ops);
    return actor->wake = wake;
}

bool mk_actor_wait(runtime_t *rt, bool messages_too, int64_t timeout_ms) {
    actor_t *self = rt->sched.running;
    mk_assert(self != NULL);
    if (timeout_ms > 0) {
        mk_wake_t *wake = wake_of(rt, self);
        if (wake == NULL) return false;
        mk_wheel_arm(&rt->loop.wheel, &wake->timer, due_after(rt, (uint64_t)timeout_ms));
    } else if (timeout_ms == 0) {
        self->flags |= MK_ACTOR_WOKEN;
    }
    if (!messages_too) self->flags |= MK_ACTOR_HELD;
    return true;
}

void mk_actor_wait_end(runtime_t *rt) {
    actor_t *self = rt->sched.running;
    mk_assert(self != NULL);
    self->flags &= (uint16_t) ~(MK_ACTOR_HELD | MK_ACTOR_WOKEN);
    if (self->wake != NULL) mk_wheel_cancel(&rt->loop.wheel, &self->wake->timer);
}

void mk_actor_wake(runtime_t *rt, actor_id_t id) {
    actor_t *actor = mk_actor_find(rt, id);
    if (actor == NULL || actor == rt->sched.running || !(actor->flags & MK_ACTOR_HELD)) return;
    if (actor->wake != NULL) mk_wheel_cancel(&rt->loop.wheel, &actor->wake->timer);
    wake_up(rt, actor);
}

void mk_runtime_poll_soon(runtime_t *rt) {
    rt->poll_left = 0;
    rt->sched.enough = 1;
}
