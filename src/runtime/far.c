/* SPDX-License-Identifier: Apache-2.0 */
/* far.c -- records that join one actor of ours with one of another node: links, monitors of ours by theirs, calls that ours
 * owe an answer, and mailboxes of ours in which theirs wait for room. (Our monitors and calls of theirs are in bonds.c.)
 *
 * A record hangs on our actor's resources and in its node's table, where it is found by its number or by the two actors, so
 * that what a peer asks for costs the same however much it has asked for. The end of the actor tells the node, the end of
 * the node tells the actor. A link's record becomes the message or the signal that says so.
 *
 * Links need both sides to agree, and each may make and undo one while the other does. So a LINK has a number, and an UNLINK
 * says which LINK of the other side it has seen: one that was on its way meanwhile came later, and stands.
 *
 * Invariant: far_n counts the records in a node's table, asked_n those among them that the peer asked for. */
#include <string.h>

#include "base/mem.h"
#include "runtime/internal.h"

struct mk_far {
    mk_res_t     of_actor;
    mk_node_t    of_remote; /* in its chain */
    mk_remote_t *remote;
    actor_t     *actor;
    uint32_t     far;   /* the actor of the other node                                                       */
    uint32_t     ref;   /* of a monitor or call: the peer's number; of a link: of the LINK we sent, 0: none   */
    uint32_t     heard; /* of a link: of the latest LINK the peer sent, 0: none                               */
    uint8_t      kind;
    bool         asked;
};

#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define FAR_BYTES MAX(sizeof(mk_far_t), sizeof(mk_msg_t) + sizeof(exit_payload_t))

enum { CHAINS_FIRST = 16 };

/* ---- the table of a node ---- */

/* With a secret in it, so that a peer cannot aim its numbers at one chain. */
static uint32_t hash_of(const runtime_t *rt, uint32_t a, uint32_t b) {
    uint64_t h = ((uint64_t)a << 32 | b) ^ ((uint64_t)rt->names.seed << 32 | rt->names.seed);
    h = (h ^ h >> 31) * 0x7fb5d329728ea185u;
    h = (h ^ h >> 27) * 0x81dadef4bc2dd44du;
    return (uint32_t)(h >> 32);
}

static bool has_ref(unsigned kind) { return kind == MK_FAR_MONITOR || kind == MK_FAR_CALL; }

static uint32_t hash_of_record(const runtime_t *rt, const mk_far_t *record) {
    return has_ref(record->kind) ? hash_of(rt, record->ref, 0) : hash_of(rt, record->actor->seq, record->far);
}

static mk_node_t *chain(const mk_remote_t *remote, uint32_t hash) {
    return remote->far != NULL ? remote->far[hash & remote->far_mask] : NULL;
}

static mk_far_t *record_of(mk_node_t *node) { return mk_container_of(node, mk_far_t, of_remote); }

/* The first table has to be there; without memory for a larger one the chains get longer. */
static mk_err_t make_room(const runtime_t *rt, mk_remote_t *remote) {
    uint32_t n = remote->far != NULL ? 2 * (remote->far_mask + 1) : CHAINS_FIRST;
    if (remote->far != NULL && remote->far_n <= remote->far_mask) return MK_OK;
    mk_node_t **chains = mk_calloc(n, sizeof *chains);
    if (chains == NULL) return remote->far != NULL ? MK_OK : MK_ERR_NOMEM;
    for (uint32_t i = 0; remote->far != NULL && i <= remote->far_mask; i++) {
        for (mk_node_t *node; (node = remote->far[i]) != NULL;) {
            mk_list_remove(node);
            mk_list_push(&chains[hash_of_record(rt, record_of(node)) & (n - 1)], node);
        }
    }
    mk_free(remote->far);
    remote->far = chains;
    remote->far_mask = n - 1;
    return MK_OK;
}

mk_far_t *mk_far_by_ref(runtime_t *rt, mk_remote_t *remote, uint32_t ref) {
    for (mk_node_t *node = chain(remote, hash_of(rt, ref, 0)); node != NULL; node = node->next)
        if (has_ref(record_of(node)->kind) && record_of(node)->ref == ref) return record_of(node);
    return NULL;
}

mk_far_t *mk_far_by_pair(runtime_t *rt, mk_remote_t *remote, mk_far_kind_t kind, uint32_t seq, uint32_t far) {
    for (mk_node_t *node = chain(remote, hash_of(rt, seq, far)); node != NULL; node = node->next) {
        mk_far_t *record = record_of(node);
        if (record->kind == kind && record->actor->seq == seq && record->far == far) return record;
    }
    return NULL;
}

bool mk_far_is(const mk_far_t *record, mk_far_kind_t kind, uint32_t far) {
    return record->kind == kind && record->far == far;
}

/* ---- making and undoing ---- */

static void part(mk_far_t *record) {
    mk_list_remove(&record->of_actor.node);
    mk_list_remove(&record->of_remote);
    record->remote->far_n--;
    if (record->asked) record->remote->asked_n--;
}

void mk_far_forget(runtime_t *rt, mk_far_t *record) {
    part(record);
    mk_pool_free(&rt->pool, record);
}

static void actor_ended(runtime_t *rt, mk_res_t *res) {
    static const mk_signal_kind_t says[] = {
        [MK_FAR_LINK] = MK_SIGNAL_LINK_EXIT, [MK_FAR_MONITOR] = MK_SIGNAL_DOWN, [MK_FAR_CALL] = MK_SIGNAL_CALL_FAILED};
    mk_far_t      *record = mk_container_of(res, mk_far_t, of_actor);
    const actor_t *gone = rt->ending;
    mk_remote_t   *remote = record->remote;
    if (record->kind == MK_FAR_FULL) {
        mk_far_forget(rt, record);
        remote->ops->drained(remote, gone->seq);
        return;
    }
    mk_signal_t signal = {.kind = says[record->kind],
                          .ref = has_ref(record->kind) ? record->ref : 0,
                          .from = gone->seq,
                          .to = record->far,
                          .reason = gone->exit_reason};
    if (record->kind == MK_FAR_CALL) signal.error = MK_ERR_CLOSED;
    else signal.text = mk_far_slice(gone->exit_text);
    mk_far_forget(rt, record);
    remote->ops->signal(remote, &signal);
}

static const mk_res_ops_t actor_ops = {actor_ended};

static mk_err_t create(runtime_t *rt, mk_remote_t *remote, const mk_far_t *as) {
    if (as->asked && remote->asked_n >= MK_REMOTE_ASKED_MAX) return MK_ERR_LIMIT;
    if (make_room(rt, remote) != MK_OK) return MK_ERR_NOMEM;
    mk_far_t *record = mk_pool_alloc(&rt->pool, FAR_BYTES);
    if (record == NULL) return MK_ERR_NOMEM;
    *record = *as;
    record->remote = remote;
    mk_actor_own(record->actor, &record->of_actor, &actor_ops);
    mk_list_push(&remote->far[hash_of_record(rt, record) & remote->far_mask], &record->of_remote);
    remote->far_n++;
    if (record->asked) remote->asked_n++;
    return MK_OK;
}

mk_err_t mk_far_new(runtime_t *rt, mk_remote_t *remote, mk_far_kind_t kind, actor_t *actor, uint32_t far, uint32_t ref,
                    bool asked) {
    mk_far_t as = {.actor = actor, .far = far, .ref = ref, .kind = (uint8_t)kind, .asked = asked};
    return create(rt, remote, &as);
}

void mk_far_node_down(runtime_t *rt, mk_remote_t *remote) {
    for (uint32_t i = 0; remote->far != NULL && i <= remote->far_mask; i++) {
        while (remote->far[i] != NULL) {
            mk_far_t *record = record_of(remote->far[i]);
            actor_t  *actor = record->actor;
            part(record);
            if (record->kind != MK_FAR_LINK) mk_pool_free(&rt->pool, record);
            else mk_actor_signal(rt, actor, actor_id_make(remote->node, record->far), EXIT_NODE_DOWN, NULL, record);
        }
    }
    mk_assert(remote->far_n == 0 && remote->asked_n == 0);
    mk_free(remote->far);
    remote->far = NULL;
}

/* ---- room in mailboxes ---- */

void mk_far_has_room(runtime_t *rt, actor_t *actor) {
    actor->flags &= (uint16_t)~MK_ACTOR_AWAITED;
    if (rt->remotes.count == 0) return;
    for (uint32_t i = 0; i < 1u << (32 - rt->remotes.shift); i++) {
        for (mk_remote_t *remote = rt->remotes.bucket[i]; remote != NULL; remote = remote->next) {
            mk_far_t *record = mk_far_by_pair(rt, remote, MK_FAR_FULL, actor->seq, 0);
            if (record == NULL) continue;
            mk_far_forget(rt, record);
            remote->ops->drained(remote, actor->seq);
        }
    }
}

/* ---- links ---- */

mk_err_t mk_far_link(runtime_t *rt, actor_t *self, actor_id_t id) {
    mk_remote_t *remote = mk_remote_find(rt, actor_id_node(id));
    uint32_t     far = actor_id_seq(id);
    if (remote == NULL || far == 0) {
        mk_actor_signal(rt, self, id, remote == NULL ? EXIT_NODE_DOWN : EXIT_NO_ACTOR, NULL, NULL);
        return MK_OK;
    }
    mk_far_t *record = mk_far_by_pair(rt, remote, MK_FAR_LINK, self->seq, far);
    uint32_t  ref = remote->link_ref + 1 != 0 ? remote->link_ref + 1 : 1;
    mk_err_t  err = MK_OK;
    if (record != NULL) record->ref = ref; /* they may be undoing it just now: the new LINK stands by itself */
    else err = mk_far_new(rt, remote, MK_FAR_LINK, self, far, ref, false);
    if (err != MK_OK) return err;
    remote->link_ref = ref;
    mk_remote_show(self);
    mk_signal_t signal = {.kind = MK_SIGNAL_LINK, .ref = ref, .from = self->seq, .to = far};
    remote->ops->signal(remote, &signal);
    return MK_OK;
}

void mk_far_unlink(runtime_t *rt, actor_t *self, actor_id_t id) {
    mk_remote_t *remote = mk_remote_find(rt, actor_id_node(id));
    if (remote == NULL) return;
    mk_far_t *record = mk_far_by_pair(rt, remote, MK_FAR_LINK, self->seq, actor_id_seq(id));
    if (record == NULL) return;
    mk_signal_t signal = {.kind = MK_SIGNAL_UNLINK, .ref = record->heard, .from = self->seq, .to = record->far};
    mk_far_forget(rt, record);
    remote->ops->signal(remote, &signal);
}

mk_err_t mk_far_linked(runtime_t *rt, mk_remote_t *remote, actor_t *actor, const mk_signal_t *signal) {
    mk_far_t *record = mk_far_by_pair(rt, remote, MK_FAR_LINK, actor->seq, signal->from);
    if (record != NULL) {
        record->heard = signal->ref;
        return MK_OK;
    }
    mk_far_t as = {.actor = actor, .far = signal->from, .heard = signal->ref, .kind = MK_FAR_LINK, .asked = true};
    return create(rt, remote, &as);
}

void mk_far_unlinked(runtime_t *rt, mk_remote_t *remote, const mk_signal_t *signal) {
    mk_far_t *record = mk_far_by_pair(rt, remote, MK_FAR_LINK, signal->to, signal->from);
    if (record == NULL) return;
    if (record->ref != 0 && record->ref != signal->ref) record->heard = 0; /* it had not seen our LINK yet */
    else mk_far_forget(rt, record);
}

void mk_far_link_ended(runtime_t *rt, mk_remote_t *remote, const mk_signal_t *signal) {
    mk_far_t *record = mk_far_by_pair(rt, remote, MK_FAR_LINK, signal->to, signal->from);
    if (record == NULL) return;                                 /* undone while this was on its way */
    if (signal->ref != 0 && signal->ref != record->ref) return; /* an earlier LINK was refused, the latest may not be */
    actor_t          *actor = record->actor;
    message_buffer_t *text = mk_far_text(signal->text);
    part(record);
    mk_actor_signal(rt, actor, actor_id_make(remote->node, signal->from), signal->reason, text, record);
    if (text != NULL) message_buffer_release(text);
}

/* ---- texts of ends ---- */

message_buffer_t *mk_far_text(mk_slice_t text) {
    if (text.size == 0) return NULL;
    message_buffer_t *buf = message_buffer_create(text.size + 1);
    if (buf == NULL) return NULL;
    char *to = message_buffer_data(buf);
    memcpy(to, text.data, text.size);
    to[text.size] = '\0';
    return buf;
}

mk_slice_t mk_far_slice(message_buffer_t *text) {
    if (text == NULL) return (mk_slice_t){NULL, 0};
    const char *bytes = message_buffer_data(text);
    size_t      size = strlen(bytes);
    if (size > MK_SIGNAL_TEXT_MAX) {
        size = MK_SIGNAL_TEXT_MAX;
        while (size != 0 && ((uint8_t)bytes[size] & 0xC0) == 0x80) size--; /* not through the middle of a character */
    }
    return (mk_slice_t){bytes, size};
}
