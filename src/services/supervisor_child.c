/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor_child.c -- the beginning and the end of one child.
 *
 * A child's name is reserved by its supervisor before the first incarnation has it, so that nobody takes it in between
 * two. A temporary child has no second, and so no reservation. */
#include "services/supervisor.h"

enum { SHUTDOWN_MS = 5000 };

const char *mk_child_name(const mk_child_t *child) { return child->spec.name != NULL ? child->spec.name : "-"; }

/* ---- start ---- */

static mk_err_t hold_name(mk_supervisor_t *sup, mk_child_t *child) {
    if (child->spec.name == NULL || child->spec.restart_type == RESTART_TEMPORARY || child->holds_name) return MK_OK;
    mk_err_t err = actor_reserve_name_for(sup->rt, child->spec.name, sup->id);
    child->holds_name = err == MK_OK;
    return err;
}

static mk_err_t make_state(const child_spec_t *spec, void **out) {
    *out = spec->factory_arg;
    if (spec->factory == NULL) return MK_OK;
    *out = spec->factory(spec->factory_arg);
    return *out == NULL && spec->needs_state ? MK_ERR_NOMEM : MK_OK;
}

static mk_err_t spawn(mk_supervisor_t *sup, mk_child_t *child, void *state) {
    const child_spec_t *spec = &child->spec;
    actor_options_t     options = {
            .behavior = spec->behavior,
            .state = state,
            .free_state = spec->factory != NULL ? spec->free_state : NULL,
            .mailbox_size = spec->mailbox_size,
            .name = spec->name,
            .parent = sup->id,
            .trap_exits = spec->trap_exits,
    };
    mk_err_t err = actor_spawn_opts(sup->rt, &options, &child->id);
    if (err != MK_OK && options.free_state != NULL) options.free_state(state);
    return err;
}

static mk_err_t start(mk_supervisor_t *sup, mk_child_t *child) {
    mk_err_t err;
    void    *state;
    if ((err = hold_name(sup, child)) != MK_OK) return err;
    if ((err = make_state(&child->spec, &state)) != MK_OK) return err;
    if ((err = spawn(sup, child, state)) != MK_OK) return err;
    mk_children_set_key(&sup->children, child, child->id);
    child->running = true;
    if (child->spec.wake)
        (void)actor_send(sup->rt, child->id, MSG_WAKE, NULL, 0); /* refused: it starts with its first message */
    if (child->spec.behavior != mk_supervisor_behavior) return MK_OK;
    if ((err = mk_supervisor_bring_up(sup->rt, child->id, state)) != MK_OK) mk_child_gone(sup, child);
    return err;
}

mk_err_t mk_child_start(mk_supervisor_t *sup, mk_child_t *child) {
    mk_err_t err = start(sup, child);
    if (err == MK_OK) child->started_ms = runtime_now_ms(sup->rt);
    else actor_log(sup->rt, MK_LOG_ERROR, "child '%s' could not start: %s", mk_child_name(child), mk_err_text(err));
    return err;
}

/* ---- end ---- */

/* UINT64_MAX: as long as it takes. */
static uint64_t time_to_stop(const child_spec_t *spec) {
    if (spec->shutdown_ms != SHUTDOWN_DEFAULT) return spec->shutdown_ms;
    return spec->supervisor ? UINT64_MAX : SHUTDOWN_MS;
}

void mk_child_stop(mk_supervisor_t *sup, mk_child_t *child) {
    uint64_t ms = time_to_stop(&child->spec);
    child->stopping = true;
    if (ms != UINT64_MAX) {
        /* Without memory nobody would watch the deadline, so it is now. */
        child->timer = ms != SHUTDOWN_BRUTAL ? actor_set_timer(sup->rt, ms, false) : TIMER_ID_INVALID;
        if (child->timer == TIMER_ID_INVALID) {
            mk_child_kill(sup, child);
            return;
        }
    }
    actor_exit(sup->rt, child->id, EXIT_SHUTDOWN);
}

void mk_child_kill(mk_supervisor_t *sup, mk_child_t *child) {
    mk_kill_tree(sup->rt, child->id);
    mk_child_gone(sup, child); /* its MSG_CHILD_EXIT will find no child */
}

void mk_child_gone(mk_supervisor_t *sup, mk_child_t *child) {
    mk_child_disarm(sup, child);
    mk_children_set_key(&sup->children, child, 0);
    child->running = false;
    child->stopping = false;
}

bool mk_child_wait(mk_supervisor_t *sup, mk_child_t *child, uint32_t ms) {
    child->timer = actor_set_timer(sup->rt, ms, false);
    if (child->timer == TIMER_ID_INVALID) return false;
    mk_children_set_key(&sup->children, child, child->timer);
    return true;
}

void mk_child_disarm(mk_supervisor_t *sup, mk_child_t *child) {
    if (child->timer == TIMER_ID_INVALID) return;
    actor_cancel_timer(sup->rt, child->timer);
    child->timer = TIMER_ID_INVALID;
    if (!child->running) mk_children_set_key(&sup->children, child, 0);
}

void mk_child_release_name(mk_supervisor_t *sup, mk_child_t *child) {
    if (!child->holds_name) return;
    child->holds_name = false;
    /* Someone may have unregistered it, and someone else have it by now. */
    if (actor_lookup(sup->rt, child->spec.name) == ACTOR_ID_INVALID) actor_unregister_name(sup->rt, child->spec.name);
}

void mk_child_forget(mk_supervisor_t *sup, mk_child_t *child) {
    mk_child_disarm(sup, child);
    mk_child_release_name(sup, child);
    mk_children_remove(&sup->children, child);
}

void mk_kill_tree(runtime_t *rt, actor_id_t id) {
    const mk_supervisor_t *below = actor_state_of(rt, id, mk_supervisor_behavior);
    if (below != NULL) {
        for (const mk_child_t *child = below->children.last; child != NULL; child = child->prev)
            if (child->running) mk_kill_tree(rt, child->id);
    }
    actor_stop(rt, id);
}
