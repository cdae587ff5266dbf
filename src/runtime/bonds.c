/* SPDX-License-Identifier: Apache-2.0 */
/* bonds.c -- links, monitors and calls: two actors' lists hold one record, and the end of either settles it. A monitor or
 * call whose target is on another node is in the list of that node instead; links to there are in far.c.
 *
 * A record that has served becomes the message that says so, so a MSG_DOWN, MSG_EXIT or MSG_CALL_FAILED is never lost
 * for want of memory. Monitors and calls have a number in rt->bonds. Until its message is delivered the number stays,
 * with the lowest bit of the pointer set: so one that is cancelled in between is not delivered any more.
 * Invariant: a record is in both lists, or (before it is settled) in none. */
#include <string.h>

#include "runtime/internal.h"

typedef enum { BOND_LINK, BOND_MONITOR, BOND_CALL } bond_kind_t;

typedef struct bond {
    mk_res_t of_owner;  /* who linked, monitors, or called */
    mk_res_t of_target; /* its node alone when the target is on another node */
    actor_t *owner;
    union {
        actor_t     *target;
        mk_remote_t *remote; /* where the target is, when `far` is not 0 */
    };
    uint32_t number; /* 0 for links */
    uint32_t far;    /* the target's number on another node; 0: it is on this one */
    uint8_t  kind;
} bond_t;

typedef struct call {
    bond_t     bond; /* first: a call is a bond with a deadline */
    mk_timer_t deadline;
} call_t;

#define MAX(a, b)  ((a) > (b) ? (a) : (b))
#define BOND_BYTES MAX(sizeof(bond_t), sizeof(mk_msg_t) + MAX(sizeof(down_payload_t), sizeof(exit_payload_t)))
#define CALL_BYTES MAX(sizeof(call_t), sizeof(mk_msg_t) + sizeof(call_failed_payload_t))

/* ---- numbers ---- */

static void *settled(mk_msg_t *msg) { return (void *)((uintptr_t)msg | 1u); }
static bool  is_settled(const void *value) { return (uintptr_t)value & 1u; }

/* The number now stands for the message under way. */
static void number_settle(runtime_t *rt, uint32_t number, mk_msg_t *msg) {
    rt->bonds.slots[number & rt->bonds.mask].value = settled(msg);
}

static uint32_t number_of(const mk_msg_t *msg) {
    if (msg->pub.call != CALL_ID_INVALID) return msg->pub.call;
    return ((const down_payload_t *)msg->pub.payload)->monitor;
}

bool mk_bond_admit(runtime_t *rt, mk_msg_t *msg) {
    uint32_t number = number_of(msg);
    if (mk_idmap_get(&rt->bonds, number) != settled(msg)) return false;
    mk_idmap_remove(&rt->bonds, number);
    return true;
}

/* ---- making and undoing ---- */

static void part(bond_t *bond) {
    mk_list_remove(&bond->of_owner.node);
    mk_list_remove(&bond->of_target.node);
}

static void disarm(runtime_t *rt, bond_t *bond) {
    if (bond->kind == BOND_CALL) mk_wheel_cancel(&rt->loop.wheel, &((call_t *)bond)->deadline);
}

static actor_id_t target_id(const runtime_t *rt, const bond_t *bond) {
    return bond->far != 0 ? actor_id_make(bond->remote->node, bond->far) : mk_actor_id(rt, bond->target);
}

/* The other node need not keep its half any longer. */
static void tell_far_over(const bond_t *bond) {
    if (bond->far == 0) return;
    mk_signal_t signal = {.kind = MK_SIGNAL_DEMONITOR, .ref = bond->number, .from = bond->owner->seq, .to = bond->far};
    bond->remote->ops->signal(bond->remote, &signal);
}

/* Undone without a word to our actors. */
static void bond_forget(runtime_t *rt, bond_t *bond) {
    disarm(rt, bond);
    part(bond);
    if (bond->number != 0) mk_idmap_remove(&rt->bonds, bond->number);
    mk_pool_free(&rt->pool, bond);
}

/* Borrows `text`. */
static void tell_down(runtime_t *rt, bond_t *bond, uint8_t reason, message_buffer_t *text) {
    actor_t       *owner = bond->owner;
    down_payload_t payload = {.actor_id = target_id(rt, bond), .monitor = bond->number, .exit_reason = reason};
    mk_msg_t      *msg = mk_msg_from_block(bond, MSG_DOWN, sizeof payload);
    *(down_payload_t *)mk_msg_inline(msg) = payload;
    msg->flags = MK_MSG_CHECKED;
    msg->attached = text != NULL ? message_buffer_retain(text) : NULL;
    number_settle(rt, payload.monitor, msg);
    mk_send_system(rt, owner, payload.actor_id, msg);
}

static void tell_call_failed(runtime_t *rt, bond_t *bond, uint32_t error, uint8_t exit_reason) {
    actor_t              *owner = bond->owner;
    actor_id_t            target = target_id(rt, bond);
    call_failed_payload_t payload = {.call = bond->number, .error = error, .exit_reason = exit_reason};
    mk_msg_t             *msg = mk_msg_from_block(bond, MSG_CALL_FAILED, sizeof payload);
    *(call_failed_payload_t *)mk_msg_inline(msg) = payload;
    msg->flags = MK_MSG_CHECKED;
    msg->pub.call = payload.call;
    number_settle(rt, payload.call, msg);
    mk_send_system(rt, owner, target, msg);
}

/* ---- what an end does to a bond ---- */

static void owner_ended(runtime_t *rt, mk_res_t *res) {
    bond_t *bond = mk_container_of(res, bond_t, of_owner);
    if (bond->kind != BOND_LINK) {
        tell_far_over(bond);
        bond_forget(rt, bond);
        return;
    }
    const actor_t *gone = rt->ending;
    part(bond);
    mk_actor_signal(rt, bond->target, mk_actor_id(rt, gone), gone->exit_reason, gone->exit_text, bond);
}

static void target_ended(runtime_t *rt, mk_res_t *res) {
    bond_t        *bond = mk_container_of(res, bond_t, of_target);
    const actor_t *gone = rt->ending;
    disarm(rt, bond);
    part(bond);
    switch (bond->kind) {
    case BOND_LINK:
        mk_actor_signal(rt, bond->owner, mk_actor_id(rt, gone), gone->exit_reason, gone->exit_text, bond);
        break;
    case BOND_MONITOR: tell_down(rt, bond, gone->exit_reason, gone->exit_text); break;
    case BOND_CALL: tell_call_failed(rt, bond, MK_ERR_CLOSED, gone->exit_reason); break;
    }
}

static const mk_res_ops_t owner_ops = {owner_ended};
static const mk_res_ops_t target_ops = {target_ended};

/* Joined to its owner, and to no target yet. */
static bond_t *bond_of(runtime_t *rt, bond_kind_t kind, size_t bytes, actor_t *owner) {
    bond_t *bond = mk_pool_alloc(&rt->pool, bytes);
    if (bond == NULL) return NULL;
    memset(bond, 0, bytes);
    bond->kind = (uint8_t)kind;
    bond->owner = owner;
    if (kind != BOND_LINK && mk_idmap_add(&rt->bonds, bond, &bond->number) != MK_OK) {
        mk_pool_free(&rt->pool, bond);
        return NULL;
    }
    mk_actor_own(owner, &bond->of_owner, &owner_ops);
    return bond;
}

static bond_t *bond_new(runtime_t *rt, bond_kind_t kind, size_t bytes, actor_t *owner, actor_t *target) {
    bond_t *bond = bond_of(rt, kind, bytes, owner);
    if (bond == NULL) return NULL;
    bond->target = target;
    mk_actor_own(target, &bond->of_target, &target_ops);
    return bond;
}

static bond_t *bond_new_far(runtime_t *rt, bond_kind_t kind, size_t bytes, actor_t *owner, mk_remote_t *remote,
                            uint32_t far) {
    bond_t *bond = bond_of(rt, kind, bytes, owner);
    if (bond == NULL) return NULL;
    bond->remote = remote;
    bond->far = far;
    mk_list_push(&remote->waiting, &bond->of_target.node);
    mk_remote_show(owner);
    return bond;
}

/* ---- links ---- */

/* The link that `node` belongs to, NULL when it belongs to something else. */
static bond_t *link_of(const mk_node_t *node) {
    mk_res_t *res = mk_container_of(node, mk_res_t, node);
    bond_t   *bond;
    if (res->ops == &owner_ops) bond = mk_container_of(res, bond_t, of_owner);
    else if (res->ops == &target_ops) bond = mk_container_of(res, bond_t, of_target);
    else return NULL;
    return bond->kind == BOND_LINK ? bond : NULL;
}

static bool joins(const bond_t *bond, const actor_t *a, const actor_t *b) {
    return bond != NULL && ((bond->owner == a && bond->target == b) || (bond->owner == b && bond->target == a));
}

/* A link is in both lists, so the shorter one decides: an actor with very many links is not slow to link. */
static bond_t *link_between(const actor_t *a, const actor_t *b) {
    const mk_node_t *of_a = a->resources, *of_b = b->resources;
    for (; of_a != NULL && of_b != NULL; of_a = of_a->next, of_b = of_b->next) {
        if (joins(link_of(of_a), a, b)) return link_of(of_a);
        if (joins(link_of(of_b), a, b)) return link_of(of_b);
    }
    return NULL;
}

mk_err_t mk_link_new(runtime_t *rt, actor_t *a, actor_t *b) {
    return bond_new(rt, BOND_LINK, BOND_BYTES, a, b) != NULL ? MK_OK : MK_ERR_NOMEM;
}

void mk_link_drop(runtime_t *rt, const actor_t *a, const actor_t *b) {
    bond_t *bond = link_between(a, b);
    if (bond != NULL) bond_forget(rt, bond);
}

mk_err_t actor_link(runtime_t *rt, actor_id_t id) {
    actor_t *self = rt->sched.running;
    mk_assert(self != NULL);
    if (mk_is_far(rt, id)) return mk_far_link(rt, self, id);
    actor_t *other = mk_actor_find(rt, id);
    if (other == self) return MK_OK; /* as in OTP */
    if (other == NULL) {
        mk_actor_signal(rt, self, id, EXIT_NO_ACTOR, NULL, NULL);
        return MK_OK;
    }
    if (link_between(self, other) != NULL) return MK_OK;
    return mk_link_new(rt, self, other);
}

void actor_unlink(runtime_t *rt, actor_id_t id) {
    actor_t *self = rt->sched.running;
    mk_assert(self != NULL);
    if (mk_is_far(rt, id)) {
        mk_far_unlink(rt, self, id);
        return;
    }
    actor_t *other = mk_actor_find(rt, id);
    if (other != NULL) mk_link_drop(rt, self, other);
}

/* ---- monitors ---- */

/* Monitoring the dead, or those out of reach: the answer is there at once. */
static monitor_id_t monitor_nobody(runtime_t *rt, actor_t *self, actor_id_t id, uint8_t reason) {
    mk_msg_t *msg = mk_msg_create_inline(&rt->pool, sizeof(down_payload_t));
    uint32_t  number;
    if (msg == NULL) return MONITOR_ID_INVALID;
    if (mk_idmap_add(&rt->bonds, settled(msg), &number) != MK_OK) {
        mk_msg_destroy(&rt->pool, msg);
        return MONITOR_ID_INVALID;
    }
    *(down_payload_t *)mk_msg_inline(msg) = (down_payload_t){.actor_id = id, .monitor = number, .exit_reason = reason};
    msg->pub.type = MSG_DOWN;
    msg->flags = MK_MSG_CHECKED;
    mk_send_system(rt, self, id, msg);
    return number;
}

static monitor_id_t monitor_far(runtime_t *rt, actor_t *self, actor_id_t id) {
    mk_remote_t *remote = mk_remote_find(rt, actor_id_node(id));
    uint32_t     far = actor_id_seq(id);
    if (remote == NULL || far == 0)
        return monitor_nobody(rt, self, id, remote == NULL ? EXIT_NODE_DOWN : EXIT_NO_ACTOR);
    bond_t *bond = bond_new_far(rt, BOND_MONITOR, BOND_BYTES, self, remote, far);
    if (bond == NULL) return MONITOR_ID_INVALID;
    mk_signal_t signal = {.kind = MK_SIGNAL_MONITOR, .ref = bond->number, .from = self->seq, .to = far};
    remote->ops->signal(remote, &signal);
    return signal.ref;
}

monitor_id_t actor_monitor(runtime_t *rt, actor_id_t id) {
    actor_t *self = rt->sched.running;
    mk_assert(self != NULL);
    if (mk_is_far(rt, id)) return monitor_far(rt, self, id);
    actor_t *target = mk_actor_find(rt, id);
    if (target == NULL) return monitor_nobody(rt, self, id, EXIT_NO_ACTOR);
    bond_t *bond = bond_new(rt, BOND_MONITOR, BOND_BYTES, self, target);
    return bond != NULL ? bond->number : MONITOR_ID_INVALID;
}

/* Cancels a monitor or call of the running actor, settled or not. */
static void cancel(runtime_t *rt, uint32_t number, bond_kind_t kind) {
    actor_t *self = rt->sched.running;
    mk_assert(self != NULL);
    void *value = number != 0 ? mk_idmap_get(&rt->bonds, number) : NULL;
    if (value == NULL) return;
    if (is_settled(value)) {
        const mk_msg_t *msg = (const mk_msg_t *)((uintptr_t)value & ~(uintptr_t)1u);
        bool            is_call = msg->pub.call != CALL_ID_INVALID;
        if (msg->pub.dest == mk_actor_id(rt, self) && is_call == (kind == BOND_CALL))
            mk_idmap_remove(&rt->bonds, number); /* the message finds its number gone */
        return;
    }
    bond_t *bond = value;
    if (bond->owner != self || bond->kind != kind) return;
    tell_far_over(bond);
    bond_forget(rt, bond);
}

void actor_demonitor(runtime_t *rt, monitor_id_t monitor) { cancel(rt, monitor, BOND_MONITOR); }

/* ---- calls ---- */

static void call_late(mk_wheel_t *wheel, mk_timer_t *timer) {
    runtime_t *rt = mk_runtime_of_wheel(wheel);
    call_t    *call = mk_container_of(timer, call_t, deadline);
    tell_far_over(&call->bond);
    part(&call->bond);
    tell_call_failed(rt, &call->bond, MK_ERR_TIMEOUT, EXIT_NORMAL);
}

static call_id_t call_begin(runtime_t *rt, call_t *call, uint64_t timeout_ms) {
    call->deadline.fn = call_late;
    mk_loop_read_clock(&rt->loop);
    mk_wheel_arm(&rt->loop.wheel, &call->deadline, mk_loop_after_ms(&rt->loop, timeout_ms));
    return call->bond.number;
}

/* A call of its own, so that actor_call() needs no stack for it. */
static MK_NOINLINE call_id_t call_far(runtime_t *rt, actor_id_t dest, msg_type_t type, const void *payload, size_t size,
                                      uint64_t timeout_ms) {
    actor_t     *self = rt->sched.running;
    mk_remote_t *remote = mk_remote_find(rt, actor_id_node(dest));
    if (remote == NULL || actor_id_seq(dest) == 0) {
        rt->stats.refused_unknown++;
        return CALL_ID_INVALID;
    }
    call_t *call = (call_t *)bond_new_far(rt, BOND_CALL, CALL_BYTES, self, remote, actor_id_seq(dest));
    if (call == NULL) {
        rt->stats.refused_other++;
        return CALL_ID_INVALID;
    }
    mk_envelope_t request = {.source = self->seq,
                             .dest = actor_id_seq(dest),
                             .type = type,
                             .part = MK_CALL_REQUEST,
                             .call = call->bond.number,
                             .payload = payload,
                             .size = size};
    if (mk_remote_send(rt, remote, &request, NULL) == MK_OK) return call_begin(rt, call, timeout_ms);
    bond_forget(rt, &call->bond);
    return CALL_ID_INVALID;
}

call_id_t actor_call(runtime_t *rt, actor_id_t dest, msg_type_t type, const void *payload, size_t size,
                     uint64_t timeout_ms) {
    actor_t *self = rt->sched.running;
    mk_assert(self != NULL);
    if (mk_unlikely(mk_is_far(rt, dest))) return call_far(rt, dest, type, payload, size, timeout_ms);
    actor_t *target = mk_actor_find(rt, dest);
    if (target == NULL || target == self) { /* nobody answers oneself while waiting */
        rt->stats.refused_unknown++;
        return CALL_ID_INVALID;
    }
    call_t *call = (call_t *)bond_new(rt, BOND_CALL, CALL_BYTES, self, target);
    if (call == NULL) return CALL_ID_INVALID;
    if (!actor_send(rt, dest, type, payload, size)) {
        bond_forget(rt, &call->bond);
        return CALL_ID_INVALID;
    }
    target->tail->pub.call = call->bond.number; /* the message just sent */
    return call_begin(rt, call, timeout_ms);
}

/* The call of `caller` that still waits for an answer from there (NULL: from this node). */
static bond_t *call_waiting(const runtime_t *rt, const mk_remote_t *from, const actor_t *caller, call_id_t number) {
    void *value = number != 0 ? mk_idmap_get(&rt->bonds, number) : NULL;
    if (value == NULL || is_settled(value)) return NULL;
    bond_t *bond = value;
    if (bond->kind != BOND_CALL || bond->owner != caller) return NULL;
    return from == (bond->far != 0 ? bond->remote : NULL) ? bond : NULL;
}

bool mk_call_waits(const runtime_t *rt, const mk_remote_t *from, const actor_t *caller, call_id_t number) {
    return call_waiting(rt, from, caller, number) != NULL;
}

bool mk_call_answer(runtime_t *rt, const mk_remote_t *from, const actor_t *caller, call_id_t number, mk_msg_t *reply) {
    bond_t *bond = call_waiting(rt, from, caller, number);
    if (bond == NULL) return false;
    disarm(rt, bond);
    part(bond);
    mk_pool_free(&rt->pool, bond);
    number_settle(rt, number, reply);
    return true;
}

void actor_call_cancel(runtime_t *rt, call_id_t call) { cancel(rt, call, BOND_CALL); }

/* ---- from other nodes ---- */

void mk_call_fail(runtime_t *rt, const mk_remote_t *from, const actor_t *caller, call_id_t number, uint32_t error,
                  uint8_t exit_reason) {
    bond_t *bond = call_waiting(rt, from, caller, number);
    if (bond == NULL) return;
    disarm(rt, bond);
    part(bond);
    tell_call_failed(rt, bond, error, exit_reason);
}

void mk_monitor_fire(runtime_t *rt, const mk_remote_t *from, const mk_signal_t *signal) {
    void *value = signal->ref != 0 ? mk_idmap_get(&rt->bonds, signal->ref) : NULL;
    if (value == NULL || is_settled(value)) return; /* given up while this was on its way */
    bond_t *bond = value;
    if (bond->kind != BOND_MONITOR || bond->far == 0 || bond->remote != from) return;
    if (bond->far != signal->from || bond->owner->seq != signal->to) return;
    message_buffer_t *text = mk_far_text(signal->text);
    part(bond);
    tell_down(rt, bond, signal->reason, text);
    if (text != NULL) message_buffer_release(text);
}

void mk_bonds_node_down(runtime_t *rt, mk_remote_t *remote) {
    mk_node_t *node;
    while ((node = remote->waiting) != NULL) {
        bond_t *bond = mk_container_of(mk_container_of(node, mk_res_t, node), bond_t, of_target);
        disarm(rt, bond);
        part(bond);
        if (bond->kind == BOND_MONITOR) tell_down(rt, bond, EXIT_NODE_DOWN, NULL);
        else tell_call_failed(rt, bond, MK_ERR_CLOSED, EXIT_NODE_DOWN);
    }
}
