/* SPDX-License-Identifier: Apache-2.0 */
/* ns.c -- the room's state, and this node's own names, as room runtime tells of them. */
#include "ns/ns.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "microkernel/runtime.h"
#include "ns/internal.h"
#include "port/port.h"
#include "runtime/names.h"

/* ---- text ----------------------------------------------------------------------------------------------------------- */

bool mk_ns_begins(const char *text, size_t size, const char *prefix, size_t prefix_size) {
    return size >= prefix_size && memcmp(text, prefix, prefix_size) == 0;
}

bool mk_ns_is_ours_alone(const char *text, size_t size) { return mk_ns_begins(text, size, "/node/", 6); }

/* ---- ours ------------------------------------------------------------------------------------------------------------ */

mk_claim_t *mk_ns_own(mk_ns_t *ns, const char *text, size_t size) {
    mk_path_t   path = mk_path_of(text, size);
    mk_claim_t *claim = mk_ns_first(ns, &path);
    return claim != NULL && claim->peer == NULL ? claim : NULL;
}

actor_id_t mk_ns_claim_id(const mk_claim_t *claim) {
    return claim->seq != 0 ? actor_id_make(claim->node, claim->seq) : ACTOR_ID_INVALID;
}

/* Whether a peer's name is in the way of a new one of ours. Taken is taken: stamps decide only between two nodes that did not know
 * of each other's claim. */
static mk_err_t may_claim(const mk_ns_t *ns, const char *text, size_t size) {
    if (mk_ns_is_ours_alone(text, size)) {
        const char *identity = text + 6, *end = memchr(identity, '/', size - 6);
        if (end == NULL) return MK_OK;
        return mk_ns_peer_named(ns, identity, (size_t)(end - identity)) == NULL ? MK_OK : MK_ERR_DENIED;
    }
    return MK_OK;
}

static mk_err_t claim_name(void *arg, const char *text) {
    mk_ns_t  *ns = arg;
    size_t    size = strlen(text);
    mk_path_t path = mk_path_of(text, size);
    mk_err_t  err = may_claim(ns, text, size);
    if (err != MK_OK) return err;
    mk_claim_t *claim = mk_claim_create(text, size);
    if (claim == NULL) return MK_ERR_NOMEM;
    uint64_t now_ms = mk_port_wall_ms();
    claim->stamp_ms = now_ms != 0 ? now_ms : UINT64_MAX;
    claim->node = runtime_get_node_id(ns->rt);
    (void)mk_ns_how_told(ns, claim);
    if (claim->rank_text == MK_RANK_SHARED && mk_ns_first(ns, &path) != NULL) {
        mk_claim_destroy(claim);
        return MK_ERR_EXISTS;
    }
    mk_tree_put(&ns->table, &claim->by_text);
    mk_chain_push(mk_ns_is_ours_alone(text, size) ? &ns->own : ns->own.before, &claim->of_owner);
    ns->own_n++;
    return MK_OK; /* peers are told when it is known whose it is */
}

static void name_points(void *arg, const char *text, actor_id_t id) {
    mk_ns_t    *ns = arg;
    mk_claim_t *claim = mk_ns_own(ns, text, strlen(text));
    if (claim == NULL) return;
    bool is_new = claim->by_node.at == NULL, same = claim->seq == actor_id_seq(id);
    claim->seq = actor_id_seq(id);
    if (is_new) mk_ns_tell(ns, claim);
    else if (!same) mk_ns_tell_again(ns, claim);
}

static void forget(mk_ns_t *ns, mk_claim_t *claim) {
    mk_ns_untell(ns, claim);
    ns->own_n--;
    mk_claim_destroy(claim);
}

static void release_name(void *arg, const char *text) {
    mk_ns_t    *ns = arg;
    mk_claim_t *claim = mk_ns_own(ns, text, strlen(text));
    if (claim != NULL) forget(ns, claim);
}

static actor_id_t elsewhere(void *arg, const char *name) { return mk_ns_resolve(arg, name); }

static size_t reverse(void *arg, actor_id_t id, char *buf, size_t size) { return mk_ns_reverse(arg, id, buf, size); }

static const mk_names_ops_t names_ops = {claim_name, name_points, release_name, elsewhere, reverse};

/* ---- losing a name ----------------------------------------------------------------------------------------------------- */

static void tell_loser(mk_ns_t *ns, actor_id_t loser, actor_id_t winner, const char *text, size_t size) {
    actor_t *actor = mk_runtime_actor(ns->rt, loser);
    if (actor == NULL) return;
    name_conflict_payload_t payload = {.winner = winner, .name_size = (uint32_t)size};
    message_t              *msg = mk_room_message(ns->rt, MSG_NAME_CONFLICT, sizeof payload + size);
    if (msg == NULL) return; /* the log has it */
    uint8_t *to = (uint8_t *)(uintptr_t)msg->payload;
    memcpy(to, &payload, sizeof payload);
    memcpy(to + sizeof payload, text, size);
    mk_room_send(ns->rt, &ns->room, actor, msg, 0);
}

void mk_ns_withdraw(mk_ns_t *ns, mk_claim_t *claim, actor_id_t winner) {
    mk_ns_untell(ns, claim);
    mk_tree_remove(&claim->by_text);
    ns->own_n--;
    actor_id_t loser = mk_names_withdraw(ns->rt, claim->text); /* what is told of that finds nothing here any more */
    actor_log(ns->rt, MK_LOG_WARN, "name '%.200s' is another node's by right, and was withdrawn", claim->text);
    tell_loser(ns, loser, winner, claim->text, claim->size);
    mk_claim_destroy(claim);
}

/* ---- the room ------------------------------------------------------------------------------------------------------------ */

static void fini(runtime_t *rt, mk_room_t *room) {
    mk_ns_t *ns = mk_container_of(room, mk_ns_t, room);
    mk_names_observe(rt, NULL, NULL);
    while (ns->peers_n != 0) mk_ns_peer_remove(ns, ns->peers[0]);
    while (!mk_chain_is_empty(&ns->own)) forget(ns, mk_container_of(ns->own.next, mk_claim_t, of_owner));
    mk_ns_bury_some(ns, SIZE_MAX);
    for (size_t i = 0; i < ns->rules_n; i++) mk_free((char *)(uintptr_t)ns->rules[i].text);
    mk_free(ns->rules);
    mk_free(ns->peers);
    mk_free(ns->caps);
    mk_free(ns);
}

static bool admit(runtime_t *rt, mk_room_t *room, actor_t *actor, message_t *msg, uint32_t ticket) {
    (void)rt;
    return ticket == 0 || mk_ns_admit(mk_container_of(room, mk_ns_t, room), actor, msg, ticket);
}

static const mk_room_ops_t room_ops = {.name = "ns", .fini = fini, .admit = admit};

typedef struct adoption {
    mk_ns_t *ns;
    mk_err_t err;
} adoption_t;

/* Names that were there before this room count as registered now. */
static void adopt(void *arg, const char *name, actor_id_t id) {
    adoption_t *adoption = arg;
    if (adoption->err == MK_OK) adoption->err = claim_name(adoption->ns, name);
    if (adoption->err == MK_OK) name_points(adoption->ns, name, id);
}

static void be_called(mk_ns_t *ns, const char *identity) {
    memcpy(ns->identity, identity, strlen(identity) + 1); /* it fits: it is an identity */
    mk_prefix_set(&ns->prefix, identity);
}

static mk_ns_t *create(runtime_t *rt) {
    mk_ns_t *ns = mk_calloc(1, sizeof *ns);
    if (ns == NULL) return NULL;
    ns->rt = rt;
    ns->names_per_peer_max = MK_NS_PEER_NAMES_MAX;
    ns->names_max = MK_NS_ALL_NAMES_MAX;
    ns->began_us = mk_port_now_us();
    if (mk_port_entropy(&ns->seed, sizeof ns->seed) != MK_OK) ns->seed = 1;
    mk_chain_init(&ns->own);
    mk_chain_init(&ns->dead);
    mk_tree_init(&ns->table, ns->seed, mk_claim_order);
    mk_tree_init(&ns->told, ns->seed, mk_claim_order);
    be_called(ns, mk_node_identity());
    return ns;
}

mk_ns_t *mk_ns_of(runtime_t *rt) {
    mk_room_t *room = mk_room_find(rt, &room_ops);
    if (room != NULL) return mk_container_of(room, mk_ns_t, room);
    mk_ns_t *ns = create(rt);
    if (ns == NULL) return NULL;
    adoption_t adoption = {ns, MK_OK};
    mk_names_visit(rt, adopt, &adoption);
    if (adoption.err != MK_OK || mk_room_attach(rt, &ns->room, &room_ops) != MK_OK) {
        fini(rt, &ns->room);
        return NULL;
    }
    mk_names_observe(rt, &names_ops, ns);
    return ns;
}

mk_err_t mk_ns_set_identity(mk_ns_t *ns, const char *identity) {
    if (!mk_ns_is_identity(identity)) return MK_ERR_INVALID;
    if (strcmp(identity, ns->identity) == 0) return MK_OK;
    if (mk_ns_peer_named(ns, identity, strlen(identity)) != NULL) return MK_ERR_EXISTS;
    for (mk_chain_t *node = ns->own.next; node != &ns->own; node = node->next)
        mk_ns_untell(ns, mk_container_of(node, mk_claim_t, of_owner));
    be_called(ns, identity);
    mk_ns_retell(ns);
    return MK_OK;
}

const char *mk_ns_identity(const mk_ns_t *ns) { return ns->identity; }

void mk_ns_set_mounter(mk_ns_t *ns, const mk_ns_mounter_t *mounter) { ns->mounter = *mounter; }
