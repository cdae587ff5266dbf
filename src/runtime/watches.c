/* SPDX-License-Identifier: Apache-2.0 */
/* watches.c -- actors' descriptor watches.
 *
 * At most one MSG_FD_EVENT of a watch is under way. The descriptor stays in the poller meanwhile, since most actors have
 * dealt with it before the next look; only when it is reported again before that is it paused, until the message is
 * delivered. */
#include "base/mem.h"
#include "runtime/internal.h"

typedef struct fd_watch {
    mk_watch_t watch;
    mk_res_t   res;
    actor_t   *owner;
    uint32_t   events;
    uint32_t   tag;  /* tells this watch from an earlier one of the same descriptor */
    bool       told; /* a MSG_FD_EVENT is under way                                 */
    bool       paused;
} fd_watch_t;

/* Descriptors are small numbers; one far above any limit is a mistake, not a reason for a huge table. */
enum { FD_MAX = 1 << 20, WATCHES_FIRST = 16 };

static fd_watch_t *find(const runtime_t *rt, int fd) {
    return fd >= 0 && (size_t)fd < rt->watches_n ? rt->watches[fd] : NULL;
}

static bool reserve(runtime_t *rt, int fd) {
    size_t n = rt->watches_n != 0 ? rt->watches_n : WATCHES_FIRST;
    if (fd < 0 || fd >= FD_MAX) return false;
    while (n <= (size_t)fd) n *= 2;
    if (n == rt->watches_n) return true;
    fd_watch_t **grown = mk_realloc(rt->watches, n * sizeof(fd_watch_t *));
    if (grown == NULL) return false;
    for (size_t i = rt->watches_n; i < n; i++) grown[i] = NULL;
    rt->watches = grown;
    rt->watches_n = n;
    return true;
}

static void watch_free(runtime_t *rt, fd_watch_t *w) {
    mk_watch_remove(&rt->loop, &w->watch);
    mk_list_remove(&w->res.node);
    rt->watches[w->watch.fd] = NULL;
    mk_pool_free(&rt->pool, w);
}

static void owner_ended(runtime_t *rt, mk_res_t *res) { watch_free(rt, mk_container_of(res, fd_watch_t, res)); }

static const mk_res_ops_t watch_ops = {owner_ended};

static void hold_back(runtime_t *rt, fd_watch_t *w) {
    w->paused = mk_watch_set(&rt->loop, &w->watch, 0) == MK_OK; /* if not, it is only asked once more */
}

/* False: the descriptor is beyond use. It stays paused until the actor watches it again. */
static bool go_on(runtime_t *rt, fd_watch_t *w) {
    if (w->paused) w->paused = mk_watch_set(&rt->loop, &w->watch, w->events) != MK_OK;
    return !w->paused;
}

static void ready(mk_loop_t *loop, mk_watch_t *watch, uint32_t events) {
    runtime_t  *rt = mk_runtime_of_loop(loop);
    fd_watch_t *w = mk_container_of(watch, fd_watch_t, watch);
    if (w->told) {
        hold_back(rt, w);
        return;
    }
    mk_msg_t *msg = mk_msg_create_inline(&rt->pool, sizeof(fd_event_payload_t));
    if (msg == NULL) return; /* level-triggered: the next look reports it again */
    *(fd_event_payload_t *)mk_msg_inline(msg) = (fd_event_payload_t){.fd = watch->fd, .events = events};
    msg->pub.type = MSG_FD_EVENT;
    msg->flags = MK_MSG_CHECKED;
    msg->tag = w->tag;
    w->told = true;
    mk_send_system(rt, w->owner, ACTOR_ID_INVALID, msg);
}

bool mk_watch_admit(runtime_t *rt, actor_t *actor, mk_msg_t *msg) {
    fd_event_payload_t *payload = mk_msg_inline(msg);
    fd_watch_t         *w = find(rt, payload->fd);
    if (w == NULL || w->owner != actor || w->tag != msg->tag) return false;
    w->told = false;
    if (!go_on(rt, w)) payload->events |= MK_POLL_ERR;
    return true;
}

bool actor_watch_fd(runtime_t *rt, int fd, uint32_t events) {
    actor_t *self = rt->sched.running;
    mk_assert(self != NULL);
    fd_watch_t *w = find(rt, fd);
    if (w != NULL) {
        if (w->owner != self || mk_watch_set(&rt->loop, &w->watch, events) != MK_OK) return false;
        w->events = events;
        w->paused = false;
        return true;
    }
    if (!reserve(rt, fd) || (w = mk_pool_alloc(&rt->pool, sizeof *w)) == NULL) return false;
    *w = (fd_watch_t){.watch = {.fd = fd, .fn = ready}, .owner = self, .events = events, .tag = ++rt->watch_tag};
    if (mk_watch_set(&rt->loop, &w->watch, events) != MK_OK) {
        mk_pool_free(&rt->pool, w);
        return false;
    }
    mk_actor_own(self, &w->res, &watch_ops);
    rt->watches[fd] = w;
    return true;
}

bool actor_unwatch_fd(runtime_t *rt, int fd) {
    fd_watch_t *w = find(rt, fd);
    if (w == NULL || w->owner != rt->sched.running) return false;
    watch_free(rt, w);
    return true;
}
