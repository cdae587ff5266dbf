/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor.c -- the calls of supervision.h. They run in whoever calls them, not in the supervisor's turn, and read
 * and change its state directly: a supervisor has no other thread to meet.
 *
 * A supervisor holds its children by being their parent, and by its free_state: however it ends, what it has not
 * stopped before is killed with it. */
#include "services/supervisor.h"

#include "base/mem.h"

enum { WINDOW_MS = 5000, BACKOFF_MAX_MS = 30000 };

static mk_supervisor_t *state_of(runtime_t *rt, actor_id_t id) {
    return actor_state_of(rt, id, mk_supervisor_behavior);
}

/* ---- the record ---- */

static bool is_valid_spec(const child_spec_t *spec) {
    return spec->behavior != NULL && (unsigned)spec->restart_type <= RESTART_TEMPORARY;
}

static bool is_valid(const supervisor_options_t *options) {
    if ((unsigned)options->strategy > STRATEGY_REST_FOR_ONE || options->max_restarts < 0) return false;
    if (options->n != 0 && options->children == NULL) return false;
    for (size_t i = 0; i < options->n; i++)
        if (!is_valid_spec(&options->children[i])) return false;
    return true;
}

static void destroy(mk_supervisor_t *sup) {
    mk_children_fini(&sup->children);
    mk_supervisor_limit_fini(&sup->limit);
    mk_free(sup->end_text);
    mk_free(sup);
}

static mk_err_t fill(mk_supervisor_t *sup, const supervisor_options_t *options) {
    mk_err_t err;
    uint64_t window_ms = options->window_ms != 0 ? options->window_ms : WINDOW_MS;
    sup->strategy = options->strategy;
    sup->backoff_min_ms = options->backoff_min_ms;
    sup->backoff_max_ms = options->backoff_max_ms != 0 ? options->backoff_max_ms : BACKOFF_MAX_MS;
    if (sup->backoff_max_ms < sup->backoff_min_ms) sup->backoff_max_ms = sup->backoff_min_ms;
    if ((err = mk_supervisor_limit_init(&sup->limit, (size_t)options->max_restarts, window_ms)) != MK_OK) return err;
    if ((err = mk_children_init(&sup->children)) != MK_OK) return err;
    for (size_t i = 0; i < options->n; i++)
        if (mk_children_add(&sup->children, &options->children[i]) == NULL) return MK_ERR_NOMEM;
    return MK_OK;
}

mk_err_t mk_supervisor_create(const supervisor_options_t *options, mk_supervisor_t **out) {
    if (!is_valid(options)) return MK_ERR_INVALID;
    mk_supervisor_t *sup = mk_calloc(1, sizeof *sup);
    if (sup == NULL) return MK_ERR_NOMEM;
    mk_err_t err = fill(sup, options);
    if (err != MK_OK) destroy(sup);
    else *out = sup;
    return err;
}

void mk_supervisor_release(void *state) {
    mk_supervisor_t *sup = state;
    for (mk_child_t *child = sup->children.last; child != NULL; child = child->prev) {
        if (child->running) mk_kill_tree(sup->rt, child->id);
        child->running = false;
    }
    if (sup->pins != 0) sup->ended = true;
    else destroy(sup);
}

/* A child's factory is the user's code, and may end the very supervisor that is calling it. */
static void pin(mk_supervisor_t *sup) { sup->pins++; }

/* False: the supervisor has ended meanwhile. */
static bool unpin(mk_supervisor_t *sup) {
    bool ended = sup->ended;
    if (--sup->pins == 0 && ended) destroy(sup);
    return !ended;
}

/* ---- start ---- */

mk_err_t mk_supervisor_bring_up(runtime_t *rt, actor_id_t id, mk_supervisor_t *sup) {
    mk_err_t err = MK_OK;
    sup->rt = rt;
    sup->id = id;
    pin(sup);
    for (mk_child_t *child = sup->children.first; child != NULL && err == MK_OK; child = child->next)
        err = mk_child_start(sup, child);
    if (!unpin(sup)) return err != MK_OK ? err : MK_ERR_CLOSED;
    if (err != MK_OK) {
        actor_disown(rt, id); /* nobody has been told of it */
        mk_kill_tree(rt, id);
    }
    return err;
}

mk_err_t supervisor_start_opts(runtime_t *rt, const supervisor_options_t *options, actor_id_t *out) {
    mk_supervisor_t *sup;
    actor_id_t       id;
    mk_err_t         err = mk_supervisor_create(options, &sup);
    if (err != MK_OK) return err;
    actor_options_t actor = {.behavior = mk_supervisor_behavior,
                             .state = sup,
                             .free_state = mk_supervisor_release,
                             .name = options->name,
                             .trap_exits = true};
    if ((err = actor_spawn_opts(rt, &actor, &id)) != MK_OK) {
        destroy(sup);
        return err;
    }
    if ((err = mk_supervisor_bring_up(rt, id, sup)) != MK_OK) return err;
    *out = id;
    return MK_OK;
}

actor_id_t supervisor_start(runtime_t *rt, restart_strategy_t strategy, int max_restarts, uint64_t window_ms,
                            const child_spec_t *specs, size_t n) {
    supervisor_options_t options = {
        .strategy = strategy, .max_restarts = max_restarts, .window_ms = window_ms, .children = specs, .n = n};
    actor_id_t id;
    mk_err_t   err = supervisor_start_opts(rt, &options, &id);
    if (err == MK_OK) return id;
    actor_log(rt, MK_LOG_ERROR, "supervisor not started: %s", mk_err_text(err));
    return ACTOR_ID_INVALID;
}

static void *make_supervisor(void *arg) {
    mk_supervisor_t *sup;
    mk_err_t         err = mk_supervisor_create(arg, &sup);
    return err == MK_OK ? sup : NULL;
}

/* Only reads what it is given as `void *`. */
static void *unconst(const void *p) { return (void *)(uintptr_t)p; }

child_spec_t supervisor_child_spec(const char *name, const supervisor_options_t *options, restart_type_t restart) {
    return (child_spec_t){
        .name = name != NULL ? name : options->name,
        .behavior = mk_supervisor_behavior,
        .factory = make_supervisor,
        .factory_arg = unconst(options),
        .free_state = mk_supervisor_release,
        .restart_type = restart,
        .trap_exits = true,
        .supervisor = true,
        .needs_state = true,
    };
}

/* ---- while it runs ---- */

actor_id_t supervisor_get_child(runtime_t *rt, actor_id_t id, size_t index) {
    const mk_supervisor_t *sup = state_of(rt, id);
    const mk_child_t      *child = sup != NULL ? sup->children.first : NULL;
    while (child != NULL && index-- != 0) child = child->next;
    /* The end of one that still counts as running may be under way. */
    return child != NULL && child->running && actor_is_alive(rt, child->id) ? child->id : ACTOR_ID_INVALID;
}

size_t supervisor_count_children(runtime_t *rt, actor_id_t id) {
    const mk_supervisor_t *sup = state_of(rt, id);
    return sup != NULL ? sup->children.count : 0;
}

void supervisor_stop(runtime_t *rt, actor_id_t id) {
    if (state_of(rt, id) != NULL) actor_exit(rt, id, EXIT_SHUTDOWN);
}

mk_err_t supervisor_add_child(runtime_t *rt, actor_id_t id, const child_spec_t *spec, actor_id_t *out) {
    mk_supervisor_t *sup = state_of(rt, id);
    if (sup == NULL) return MK_ERR_NOTFOUND;
    if (!is_valid_spec(spec)) return MK_ERR_INVALID;
    if (sup->phase != PHASE_RUNNING) return MK_ERR_BUSY;
    mk_child_t *child = mk_children_add(&sup->children, spec);
    if (child == NULL) return MK_ERR_NOMEM;
    child->added = true;
    pin(sup);
    mk_err_t   err = mk_child_start(sup, child);
    actor_id_t started = child->id;
    if (err != MK_OK) mk_child_forget(sup, child);
    if (!unpin(sup)) return err != MK_OK ? err : MK_ERR_CLOSED;
    if (err == MK_OK && out != NULL) *out = started;
    return err;
}

static mk_child_t *find_child(const mk_supervisor_t *sup, actor_id_t id) {
    mk_child_t *child = mk_children_find(&sup->children, id);
    if (child != NULL) return child;
    for (child = sup->children.first; child != NULL && child->id != id;) child = child->next;
    return child;
}

mk_err_t supervisor_remove_child(runtime_t *rt, actor_id_t id, actor_id_t child_id) {
    mk_supervisor_t *sup = state_of(rt, id);
    mk_child_t      *child = sup != NULL && child_id != ACTOR_ID_INVALID ? find_child(sup, child_id) : NULL;
    if (child == NULL) return MK_ERR_NOTFOUND;
    if (child->removing) return MK_OK;
    mk_err_t err = actor_try_send(rt, id, MSG_SUPERVISOR_REMOVE, &child_id, sizeof child_id);
    child->removing = err == MK_OK;
    return err;
}
