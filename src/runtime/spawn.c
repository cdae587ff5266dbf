/* SPDX-License-Identifier: Apache-2.0 */
/* spawn.c -- beginnings. */
#include "runtime/internal.h"

static uint32_t mailbox_limit(const runtime_t *rt, size_t asked) {
    if (asked == 0) asked = rt->config.mailbox_default;
    return asked < UINT32_MAX ? (uint32_t)asked : UINT32_MAX;
}

static mk_err_t place(runtime_t *rt, const actor_options_t *options, actor_t *actor) {
    actor_t *running = rt->sched.running;
    actor_t *parent = options->parent != ACTOR_ID_INVALID ? mk_actor_find(rt, options->parent) : running;
    if (parent == NULL && options->parent != ACTOR_ID_INVALID) return MK_ERR_NOTFOUND;
    *actor = (actor_t){
        .behavior = options->behavior,
        .state = options->state,
        .free_state = options->free_state,
        .mailbox_size = mailbox_limit(rt, options->mailbox_size),
        .flags = options->trap_exits ? MK_ACTOR_TRAPS : 0,
        .parent = parent != NULL && !options->orphan ? parent->seq : 0,
    };
    mk_err_t err = options->number_last ? mk_idmap_add_last(&rt->actors, actor, &actor->seq)
                                        : mk_idmap_add(&rt->actors, actor, &actor->seq);
    if (err != MK_OK) return err;
    bool linked = options->link && running != NULL;
    if (linked && (err = mk_link_new(rt, running, actor)) != MK_OK) goto forget;
    /* Last, because other nodes may hear of it. */
    if (options->name != NULL && (err = mk_names_put(rt, options->name, actor, parent)) != MK_OK) goto unlink;
    return MK_OK;
unlink:
    if (linked) mk_link_drop(rt, running, actor);
forget:
    mk_idmap_remove(&rt->actors, actor->seq);
    return err;
}

mk_err_t actor_spawn_opts(runtime_t *rt, const actor_options_t *options, actor_id_t *out) {
    if (options->behavior == NULL) return MK_ERR_INVALID;
    if (rt->config.actors_max != 0 && rt->actors.live >= rt->config.actors_max) return MK_ERR_LIMIT;
    actor_t *actor = mk_pool_alloc(&rt->pool, sizeof *actor);
    if (mk_unlikely(actor == NULL)) return MK_ERR_NOMEM;
    mk_err_t err = place(rt, options, actor);
    if (mk_unlikely(err != MK_OK)) {
        mk_pool_free(&rt->pool, actor);
        return err;
    }
    rt->stats.spawned++;
    *out = mk_actor_id(rt, actor);
    return MK_OK;
}

actor_id_t actor_spawn(runtime_t *rt, actor_behavior_fn behavior, void *state, void (*free_state)(void *),
                       size_t mailbox_size) {
    actor_options_t options = {
        .behavior = behavior, .state = state, .free_state = free_state, .mailbox_size = mailbox_size};
    actor_id_t id;
    mk_err_t   err = actor_spawn_opts(rt, &options, &id);
    if (mk_likely(err == MK_OK)) return id;
    if (err == MK_ERR_LIMIT) actor_log(rt, MK_LOG_WARN, "spawn refused: max_actors %zu", rt->config.actors_max);
    else actor_log(rt, MK_LOG_WARN, "spawn refused: %s", mk_err_text(err));
    return ACTOR_ID_INVALID;
}
