/* SPDX-License-Identifier: Apache-2.0 */
/* exit.c -- ends. An actor that ends leaves the table at once, so that its id finds nobody; its resources are released
 * in one walk; and its own record becomes the message that tells its parent, so that this needs no memory.
 *
 * An exit signal is acted upon at the receiver's next turn. So a chain of links of any length unwinds one turn after the
 * other and never by recursion. */
#include "runtime/internal.h"

const char *exit_reason_text(uint8_t reason) {
    switch (reason) {
#define TEXT(name, value, text) \
    case value: return text;
        MK_EXIT_TABLE(TEXT)
#undef TEXT
    default: return "other";
    }
}

static void drop_mailbox(runtime_t *rt, actor_t *actor) {
    while (actor->queued != 0) mk_discard(rt, mk_mailbox_take(actor));
}

static void release_resources(runtime_t *rt, actor_t *actor) {
    mk_node_t *node;
    rt->ending = actor;
    while ((node = actor->resources) != NULL) {
        mk_res_t *res = mk_container_of(node, mk_res_t, node);
        mk_list_remove(node);
        res->ops->release(rt, res);
    }
    rt->ending = NULL;
}

/* The record's last service. */
static void bury(runtime_t *rt, actor_t *actor) {
    actor_id_t           id = mk_actor_id(rt, actor);
    child_exit_payload_t payload = {.child_id = id, .exit_reason = actor->exit_reason};
    message_buffer_t    *text = actor->exit_text;
    actor_t             *parent = actor->parent != 0 ? mk_idmap_get(&rt->actors, actor->parent) : NULL;
    if (parent == NULL) {
        if (text != NULL) message_buffer_release(text);
        mk_pool_free(&rt->pool, actor);
        return;
    }
    mk_msg_t *msg = mk_msg_from_block(actor, MSG_CHILD_EXIT, sizeof payload);
    *(child_exit_payload_t *)mk_msg_inline(msg) = payload;
    msg->attached = text;
    mk_send_system(rt, parent, id, msg);
}

void mk_actor_end(runtime_t *rt, actor_t *actor) {
    mk_assert(!(actor->flags & MK_ACTOR_DEAD) && actor != rt->sched.running && rt->ending == NULL);
    mk_idmap_remove(&rt->actors, actor->seq);
    actor->flags |= MK_ACTOR_DEAD;
    rt->stats.ended++;
    if (actor->resources != NULL) release_resources(rt, actor);
    if (actor->queued != 0) drop_mailbox(rt, actor);
    if (actor->free_state != NULL) {
        rt->ending = actor; /* what it stops in turn ends later, not inside of this */
        actor->free_state(actor->state);
        rt->ending = NULL;
    }
    if (!(actor->flags & MK_ACTOR_READY)) bury(rt, actor);
}

void mk_actor_finish(runtime_t *rt, actor_t *actor) {
    if (actor->flags & MK_ACTOR_DEAD) bury(rt, actor);
    else mk_actor_end(rt, actor);
}

void mk_actor_doom(runtime_t *rt, actor_t *actor, uint8_t reason, message_buffer_t *text) {
    if (actor->flags & (MK_ACTOR_ENDING | MK_ACTOR_DEAD)) return;
    actor->flags |= MK_ACTOR_ENDING;
    actor->exit_reason = reason;
    actor->exit_text = text != NULL ? message_buffer_retain(text) : NULL;
    mk_sched_make_ready(&rt->sched, actor);
}

void mk_actor_signal(runtime_t *rt, actor_t *to, actor_id_t from, uint8_t reason, message_buffer_t *text, void *block) {
    exit_payload_t payload = {.from = from, .exit_reason = reason};
    bool           traps = to->flags & MK_ACTOR_TRAPS;
    if (traps && block == NULL) block = mk_pool_alloc(&rt->pool, sizeof(mk_msg_t) + sizeof payload);
    if (traps && block != NULL) {
        mk_msg_t *msg = mk_msg_from_block(block, MSG_EXIT, sizeof payload);
        *(exit_payload_t *)mk_msg_inline(msg) = payload;
        msg->attached = text != NULL ? message_buffer_retain(text) : NULL;
        mk_send_system(rt, to, from, msg);
        return;
    }
    if (block != NULL) mk_pool_free(&rt->pool, block);
    /* One that traps but cannot be told for want of memory ends: a signal is not lost. */
    if (reason != EXIT_NORMAL) mk_actor_doom(rt, to, reason, text);
}

static void signal_far(runtime_t *rt, actor_id_t id, mk_signal_kind_t kind, uint8_t reason) {
    mk_remote_t *remote = mk_remote_find(rt, actor_id_node(id));
    actor_t     *running = rt->sched.running;
    if (remote == NULL || actor_id_seq(id) == 0) return;
    if (running != NULL) mk_remote_show(running);
    mk_signal_t signal = {
        .kind = kind, .from = running != NULL ? running->seq : 0, .to = actor_id_seq(id), .reason = reason};
    remote->ops->signal(remote, &signal);
}

void actor_stop(runtime_t *rt, actor_id_t id) {
    if (mk_is_far(rt, id)) {
        signal_far(rt, id, MK_SIGNAL_STOP, EXIT_KILLED);
        return;
    }
    actor_t *actor = mk_actor_find(rt, id);
    if (actor == NULL) return;
    if (actor == rt->sched.running || rt->ending != NULL) {
        mk_actor_doom(rt, actor, EXIT_KILLED, NULL);
        return;
    }
    if (!(actor->flags & MK_ACTOR_ENDING)) actor->exit_reason = EXIT_KILLED;
    mk_actor_end(rt, actor);
}

void actor_exit(runtime_t *rt, actor_id_t id, uint8_t reason) {
    if (reason == EXIT_KILLED) {
        actor_stop(rt, id);
        return;
    }
    if (mk_is_far(rt, id)) {
        signal_far(rt, id, MK_SIGNAL_EXIT, reason);
        return;
    }
    actor_t *actor = mk_actor_find(rt, id);
    if (actor == NULL) return;
    actor_t   *running = rt->sched.running;
    actor_id_t from = running != NULL ? mk_actor_id(rt, running) : ACTOR_ID_INVALID;
    if (actor == running && reason == EXIT_NORMAL && !(actor->flags & MK_ACTOR_TRAPS))
        mk_actor_doom(rt, actor, reason, NULL);
    else mk_actor_signal(rt, actor, from, reason, NULL, NULL);
}

void actor_fail(runtime_t *rt, uint8_t reason, const char *text) {
    mk_assert(rt->sched.running != NULL);
    message_buffer_t *buf = mk_text_buffer(text); /* without memory the reason has to do */
    mk_actor_doom(rt, rt->sched.running, reason, buf);
    if (buf != NULL) message_buffer_release(buf);
}

void actor_trap_exits(runtime_t *rt, bool trap) {
    actor_t *actor = rt->sched.running;
    mk_assert(actor != NULL);
    if (trap) actor->flags |= MK_ACTOR_TRAPS;
    else actor->flags &= (uint16_t)~MK_ACTOR_TRAPS;
}

bool actor_is_alive(runtime_t *rt, actor_id_t id) { return mk_actor_find(rt, id) != NULL; }

void actor_disown(runtime_t *rt, actor_id_t id) {
    actor_t *actor = mk_actor_find(rt, id);
    if (actor != NULL) actor->parent = 0;
}
