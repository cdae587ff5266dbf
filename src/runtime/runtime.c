/* SPDX-License-Identifier: Apache-2.0 */
/* runtime.c -- the runtime's own life, and the loop that gives turns and looks at time and descriptors in between. */
#include "microkernel/runtime.h"

#include "base/mem.h"
#include "runtime/internal.h"

/* Slots of the tables at the start; they double when they are full. */
enum { ACTORS_FIRST = 64, TIMERS_FIRST = 16, BONDS_FIRST = 16 };

/* Between two looks at the clock (messages), and the longest the poller goes unasked while actors are busy. */
enum { CLOCK_MESSAGES = 64, POLL_EVERY_US = 1000 };

static void set_default(size_t *field, size_t value) {
    if (*field == 0) *field = value;
}

static runtime_config_t with_defaults(const runtime_config_t *given) {
    runtime_config_t config = *given;
    if (config.node_id == 0) config.node_id = 1;
    set_default(&config.mailbox_default, 1024);
    set_default(&config.payload_bytes_max, (size_t)16 << 20);
    set_default(&config.name_bytes_max, 255);
    set_default(&config.pool_keep_bytes, (size_t)4 << 20);
    set_default(&config.log_bytes, (size_t)64 << 10);
    if (config.sequence_start == 0) config.sequence_start = 1;
    if (config.turn_messages_max == 0) config.turn_messages_max = 512;
    if (config.poll_messages_max == 0) config.poll_messages_max = 4096;
    /* A ring that cannot hold one line would log nothing. */
    if (config.log_bytes < 2048) config.log_bytes = 2048;
    return config;
}

static mk_err_t init(runtime_t *rt, const runtime_config_t *given) {
    mk_err_t err;
    rt->config = with_defaults(given);
    rt->node = rt->config.node_id;
    rt->inline_max =
        (uint32_t)(rt->config.payload_bytes_max < MK_MSG_INLINE_MAX ? rt->config.payload_bytes_max : MK_MSG_INLINE_MAX);
    rt->sched = (mk_sched_t){.pool = &rt->pool,
                             .turn_messages_max = rt->config.turn_messages_max,
                             .wake = {.type = MSG_WAKE},
                             .admit = mk_admit,
                             .has_room = mk_far_has_room,
                             .finish = mk_actor_finish};
    mk_pool_init(&rt->pool, rt->config.pool_keep_bytes);
    mk_log_init(&rt->log);
    if ((err = mk_idmap_init_at(&rt->actors, ACTORS_FIRST, false, rt->config.sequence_start)) != MK_OK) return err;
    if ((err = mk_idmap_init(&rt->timers, TIMERS_FIRST, true)) != MK_OK) goto free_actors;
    if ((err = mk_idmap_init(&rt->bonds, BONDS_FIRST, true)) != MK_OK) goto free_timers;
    if ((err = mk_names_init(&rt->names)) != MK_OK) goto free_bonds;
    if ((err = mk_inbox_init(&rt->inbox)) != MK_OK) goto free_names;
    if ((err = mk_loop_init(&rt->loop)) != MK_OK) goto free_inbox;
    return MK_OK;
free_inbox:
    mk_inbox_fini(&rt->inbox);
free_names:
    mk_names_fini(&rt->names);
free_bonds:
    mk_idmap_fini(&rt->bonds);
free_timers:
    mk_idmap_fini(&rt->timers);
free_actors:
    mk_idmap_fini(&rt->actors);
    return err;
}

runtime_t *runtime_create(const runtime_config_t *config) {
    runtime_t *rt = mk_calloc(1, sizeof *rt);
    if (rt == NULL) return NULL;
    if (init(rt, config) == MK_OK) return rt;
    mk_free(rt);
    return NULL;
}

runtime_t *runtime_init(node_id_t node_id, size_t max_actors) {
    runtime_config_t config = {.node_id = node_id, .actors_max = max_actors};
    return runtime_create(&config);
}

/* The only walk over all actors there is. Ends make others' ends due and free_state may even spawn, so it goes on until
 * nobody is left. */
static void end_everyone(runtime_t *rt) {
    while (rt->actors.live != 0) {
        for (uint32_t i = 0; i < mk_idmap_slots(&rt->actors); i++) {
            actor_t *actor = rt->actors.slots[i].value;
            if (actor == NULL) continue;
            actor->parent = 0;
            if (!(actor->flags & MK_ACTOR_ENDING)) actor->exit_reason = EXIT_SHUTDOWN;
            mk_actor_end(rt, actor);
        }
    }
    while (mk_sched_has_ready(&rt->sched)) mk_sched_turn(&rt->sched, rt); /* buries the dead */
}

void runtime_destroy(runtime_t *rt) {
    if (rt == NULL) return;
    mk_assert(rt->sched.running == NULL);
    end_everyone(rt);
    mk_loop_settle(&rt->loop); /* the last words of those who have ended get one try to leave */
    for (size_t i = 0; i < rt->transports_n; i++)
        if (rt->transports[i]->destroy != NULL) rt->transports[i]->destroy(rt->transports[i]);
    mk_free(rt->transports);
    mk_rooms_fini(rt);
    mk_remotes_fini(&rt->remotes);
    mk_log_close(&rt->log);
    mk_loop_fini(&rt->loop);
    mk_inbox_fini(&rt->inbox);
    mk_names_fini(&rt->names);
    mk_idmap_fini(&rt->bonds);
    mk_idmap_fini(&rt->timers);
    mk_idmap_fini(&rt->actors);
    mk_free(rt->watches);
    mk_pool_fini(&rt->pool);
    mk_free(rt);
}

/* ---- running ---------------------------------------------------------------------------------------------------- */

static void take_posts(runtime_t *rt) {
    for (mk_post_t *post = mk_inbox_take_all(&rt->inbox), *next; post != NULL; post = next) {
        next = post->next;
        if (mk_deliver(rt, ACTOR_ID_INVALID, post->dest, post->type, post->size != 0 ? post + 1 : NULL, post->size) !=
            MK_OK)
            rt->stats.dropped++; /* the poster was told "accepted" */
        mk_free(post);
    }
}

/* Looks at descriptors, timers, other threads' posts and, where nobody else does, the log. Waits when no actor is ready. */
static void look_around(runtime_t *rt, int64_t wait_us) {
    mk_log_drain(&rt->log);
    mk_loop_settle(&rt->loop); /* what was deferred may give an actor something to do */
    mk_loop_run(&rt->loop, mk_sched_has_ready(&rt->sched) ? 0 : wait_us);
    rt->polled_us = rt->loop.now_us;
    rt->poll_left = rt->config.poll_messages_max;
    take_posts(rt);
}

static bool is_stopped(runtime_t *rt) { return __atomic_load_n(&rt->stopped, __ATOMIC_RELAXED) != 0; }

/* Turns until the poller is due: after so many messages, or sooner when they are slow ones. A stop that another thread
 * asks for just as mk_sched_turns() begins is seen when that has handled its CLOCK_MESSAGES. */
static void give_turns(runtime_t *rt) {
    while (mk_sched_has_ready(&rt->sched) && rt->poll_left != 0 && !is_stopped(rt)) {
        uint32_t handled = mk_sched_turns(&rt->sched, rt, CLOCK_MESSAGES);
        rt->poll_left = rt->poll_left > handled ? rt->poll_left - handled : 0;
        if (mk_loop_read_clock(&rt->loop) - rt->polled_us >= POLL_EVERY_US) return;
    }
}

void runtime_run(runtime_t *rt) {
    while (!is_stopped(rt) && rt->actors.live != 0) {
        look_around(rt, -1);
        give_turns(rt);
    }
    __atomic_store_n(&rt->stopped, 0, __ATOMIC_RELAXED); /* so that it can run again */
    mk_log_drain(&rt->log);
}

bool runtime_step(runtime_t *rt) { return runtime_wait(rt, 0); }

bool runtime_wait(runtime_t *rt, int wait_ms) {
    int64_t wait_us = wait_ms < 0 ? -1 : (int64_t)wait_ms * 1000;
    look_around(rt, wait_us);
    if (mk_sched_has_ready(&rt->sched)) mk_sched_turn(&rt->sched, rt);
    return mk_sched_has_ready(&rt->sched);
}

void runtime_stop(runtime_t *rt) {
    __atomic_store_n(&rt->stopped, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&rt->sched.enough, 1, __ATOMIC_RELAXED);
    mk_loop_wake(&rt->loop);
}

bool runtime_add_transport(runtime_t *rt, transport_t *transport) {
    for (size_t i = 0; i < rt->transports_n; i++)
        if (rt->transports[i]->peer == transport->peer) return false;
    transport_t **grown = mk_realloc(rt->transports, (rt->transports_n + 1) * sizeof(transport_t *));
    if (grown == NULL) return false;
    rt->transports = grown;
    if (transport->attach != NULL && !transport->attach(transport, rt)) return false;
    rt->transports[rt->transports_n++] = transport;
    return true;
}

/* ---- introspection ------------------------------------------------------------------------------------------------ */

size_t runtime_list_actors(runtime_t *rt, actor_id_t *buf, size_t max) {
    size_t n = 0;
    for (uint32_t i = 0; i < mk_idmap_slots(&rt->actors) && n < max; i++)
        if (rt->actors.slots[i].value != NULL) buf[n++] = actor_id_make(rt->node, rt->actors.slots[i].seq);
    return rt->actors.live;
}

size_t runtime_get_max_actors(runtime_t *rt) { return rt->config.actors_max; }

size_t runtime_get_transport_count(runtime_t *rt) { return rt->transports_n; }

node_id_t runtime_get_node_id(runtime_t *rt) { return rt->node; }

/* Read anew: the loop itself looks at the clock only every so many messages. */
uint64_t runtime_now_ms(runtime_t *rt) { return mk_loop_read_clock(&rt->loop) / 1000; }

uint64_t runtime_wall_ms(runtime_t *rt) {
    (void)rt;
    return mk_port_wall_ms();
}

void runtime_get_stats(runtime_t *rt, runtime_stats_t *out) {
    *out = rt->stats;
    out->actors = rt->actors.live;
    out->timers = rt->timers.live;
    out->pool_bytes = rt->pool.bytes;
    if (rt->log.sink == NULL) return;
    mk_mutex_lock(rt->log.lock);
    out->log_dropped = rt->log.dropped;
    mk_mutex_unlock(rt->log.lock);
}

bool runtime_get_actor_info(runtime_t *rt, actor_id_t id, actor_info_t *out) {
    const actor_t *actor = mk_actor_find(rt, id);
    if (actor == NULL) return false;
    *out = (actor_info_t){.id = id,
                          .parent = actor->parent != 0 ? actor_id_make(rt->node, actor->parent) : ACTOR_ID_INVALID,
                          .queued = actor->queued,
                          .mailbox_size = actor->mailbox_size,
                          .refused = actor->refused};
    return true;
}

actor_id_t actor_self(runtime_t *rt) {
    return rt->sched.running != NULL ? mk_actor_id(rt, rt->sched.running) : ACTOR_ID_INVALID;
}

void *actor_state(runtime_t *rt) { return rt->sched.running != NULL ? rt->sched.running->state : NULL; }

void *actor_state_of(runtime_t *rt, actor_id_t id, actor_behavior_fn behavior) {
    const actor_t *actor = mk_actor_find(rt, id);
    return actor != NULL && actor->behavior == behavior ? actor->state : NULL;
}
