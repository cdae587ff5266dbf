/* SPDX-License-Identifier: Apache-2.0 */
/* peers.c -- names of other nodes. Each stands in the table under its own text, where it may win or lose, unless it lies below the
 * peer's /node/<identity>/ anyway; and always there. */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "microkernel/runtime.h"
#include "ns/internal.h"

/* ---- peers ------------------------------------------------------------------------------------------------------------- */

mk_ns_peer_t *mk_ns_peer_named(const mk_ns_t *ns, const char *identity, size_t size) {
    for (size_t i = 0; i < ns->peers_n; i++) {
        const mk_prefix_t *prefix = &ns->peers[i]->prefix; /* "/node/" in front, '/' behind */
        if (prefix->size == size + 7 && memcmp(prefix->text + 6, identity, size) == 0) return ns->peers[i];
    }
    return NULL;
}

/* Where it is, or would be. */
static size_t slot_of(const mk_ns_t *ns, node_id_t node) {
    size_t low = 0, high = ns->peers_n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ns->peers[middle]->node < node) low = middle + 1;
        else high = middle;
    }
    return low;
}

mk_ns_peer_t *mk_ns_peer_find(const mk_ns_t *ns, node_id_t node) {
    size_t slot = slot_of(ns, node);
    return slot < ns->peers_n && ns->peers[slot]->node == node ? ns->peers[slot] : NULL;
}

static mk_err_t make_room(mk_ns_t *ns) {
    if (ns->peers_n < ns->peers_room) return MK_OK;
    size_t         room = ns->peers_room != 0 ? 2 * ns->peers_room : 4;
    mk_ns_peer_t **peers = mk_realloc(ns->peers, room * sizeof *peers);
    if (peers == NULL) return MK_ERR_NOMEM;
    ns->peers = peers;
    ns->peers_room = room;
    return MK_OK;
}

/* Names of ours where the peer's are going to be. */
static void clear_the_way(mk_ns_t *ns, const mk_ns_peer_t *peer) {
    for (mk_chain_t *node = ns->own.next, *next; node != &ns->own; node = next) {
        mk_claim_t *claim = mk_container_of(node, mk_claim_t, of_owner);
        next = node->next;
        if (!mk_ns_is_ours_alone(claim->text, claim->size)) break; /* such come first */
        if (mk_ns_begins(claim->text, claim->size, peer->prefix.text, peer->prefix.size))
            mk_ns_withdraw(ns, claim, ACTOR_ID_INVALID);
    }
}

mk_err_t mk_ns_peer_add(mk_ns_t *ns, node_id_t node, const char *identity, mk_ns_peer_t **out) {
    if (!mk_ns_is_identity(identity)) return MK_ERR_INVALID;
    if (node == runtime_get_node_id(ns->rt) || strcmp(identity, ns->identity) == 0) return MK_ERR_EXISTS;
    if (mk_ns_peer_find(ns, node) != NULL || mk_ns_peer_named(ns, identity, strlen(identity)) != NULL)
        return MK_ERR_EXISTS;
    mk_ns_peer_t *peer = make_room(ns) == MK_OK ? mk_calloc(1, sizeof *peer) : NULL;
    if (peer == NULL) return MK_ERR_NOMEM;
    peer->node = node;
    mk_prefix_set(&peer->prefix, identity);
    mk_tree_init(&peer->by_seq, ns->seed, mk_claim_seq_order);
    mk_tree_init(&peer->gone, ns->seed, mk_claim_order);
    mk_chain_init(&peer->said);
    mk_chain_init(&peer->unsaid);
    mk_chain_init(&peer->gone_chain);
    size_t slot = slot_of(ns, node);
    memmove(ns->peers + slot + 1, ns->peers + slot, (ns->peers_n - slot) * sizeof *ns->peers);
    ns->peers[slot] = peer;
    ns->peers_n++;
    clear_the_way(ns, peer);
    *out = peer;
    return MK_OK;
}

void mk_ns_peer_remove(mk_ns_t *ns, mk_ns_peer_t *peer) {
    size_t slot = slot_of(ns, peer->node);
    mk_assert(ns->peers[slot] == peer);
    ns->peers_n--;
    ns->names_n -= peer->names;
    memmove(ns->peers + slot, ns->peers + slot + 1, (ns->peers_n - slot) * sizeof *ns->peers);
    peer->least = UINT64_MAX;
    mk_chain_take(&peer->said, &peer->unsaid);
    mk_chain_take(&peer->said, &peer->gone_chain);
    mk_ns_kill(ns, peer, &peer->said, peer->names + peer->gone_n);
    if (peer->dead == 0) mk_free(peer);
}

void ns_limit_names(runtime_t *rt, size_t per_peer, size_t all) {
    mk_ns_t *ns = mk_ns_of(rt);
    if (ns == NULL) {
        actor_log(rt, MK_LOG_ERROR, "names are not limited: out of memory");
        return;
    }
    ns->names_per_peer_max = per_peer != 0 ? per_peer : MK_NS_PEER_NAMES_MAX;
    ns->names_max = all != 0 ? all : MK_NS_ALL_NAMES_MAX;
}

size_t mk_ns_peer_names(const mk_ns_peer_t *peer) { return peer->names; }

/* ---- a name a peer may claim ------------------------------------------------------------------------------------------ */

/* How a claim of this text stands. False: it may not be. */
static bool how_claimed(const mk_ns_peer_t *peer, const char *text, size_t size, mk_claim_t *how) {
    if (size == 0 || size > MK_NS_NAME_BYTES_MAX || memchr(text, '\0', size) != NULL) return false;
    bool literal = mk_ns_begins(text, size, peer->prefix.text, peer->prefix.size);
    if (!literal && mk_ns_is_ours_alone(text, size)) return false;
    how->rank_text = MK_RANK_SHARED;
    how->rank_node = literal ? MK_RANK_LITERAL : text[0] == '/' ? MK_RANK_SLASHED : MK_RANK_PLAIN;
    how->prefix = literal ? NULL : &peer->prefix;
    how->skip = !literal && text[0] == '/';
    return true;
}

static mk_claim_t *find_in(const mk_tree_t *tree, const char *text, size_t size, const mk_claim_t *how) {
    mk_key_t key = {mk_path_of(text + how->skip, size - how->skip), how->rank_node};
    if (how->prefix != NULL) {
        key.path.head = how->prefix->text;
        key.path.head_size = how->prefix->size;
    }
    mk_place_t *place = mk_tree_find(tree, mk_key_order, &key);
    return place != NULL && mk_key_order(&key, place) == 0 ? mk_claim_of(place) : NULL;
}

static mk_claim_t *find(mk_ns_t *ns, const char *text, size_t size, const mk_claim_t *how) {
    mk_claim_t *claim;
    while ((claim = find_in(&ns->table, text, size, how)) != NULL && mk_ns_is_dead(claim)) mk_ns_bury(ns, claim);
    return claim;
}

static bool serves(const mk_claim_t *claim) {
    mk_path_t path = mk_place_path(&claim->by_node);
    size_t    skip = claim->prefix == NULL ? claim->peer->prefix.size : 0;
    return mk_ns_is_service(path.tail + skip, path.tail_size - skip);
}

/* ---- names that are gone ------------------------------------------------------------------------------------------------- */

static void forget_gone(mk_ns_peer_t *peer, mk_claim_t *claim) {
    mk_chain_remove(&claim->of_owner);
    mk_tree_remove(&claim->by_node);
    peer->gone_n--;
}

/* Takes the claim, which is in no table and no list. */
static void remember_gone(mk_ns_peer_t *peer, mk_claim_t *claim) {
    if (peer->gone_n == MK_NS_PEER_GONE_MAX) {
        mk_claim_t *oldest = mk_container_of(peer->gone_chain.before, mk_claim_t, of_owner);
        forget_gone(peer, oldest);
        mk_claim_destroy(oldest);
    }
    mk_tree_put(&peer->gone, &claim->by_node);
    mk_chain_push(&peer->gone_chain, &claim->of_owner);
    peer->gone_n++;
}

/* ---- news ------------------------------------------------------------------------------------------------------------------- */

/* The record for a name that is new, or comes back. NULL in *out: it is older than what is known. */
static mk_err_t make(mk_ns_t *ns, mk_ns_peer_t *peer, const mk_ns_name_t *name, const mk_claim_t *how,
                     mk_claim_t **out) {
    mk_claim_t *claim = find_in(&peer->gone, name->text, name->size, how);
    *out = NULL;
    if (claim != NULL && name->counter <= claim->counter) return MK_OK;
    if (peer->names >= ns->names_per_peer_max || ns->names_n >= ns->names_max) return MK_ERR_LIMIT;
    if (claim != NULL) {
        forget_gone(peer, claim);
    } else {
        mk_ns_bury_some(ns, 2); /* so that the dead become fewer however fast new ones come */
        if ((claim = mk_claim_create(name->text, name->size)) == NULL) return MK_ERR_NOMEM;
        claim->peer = peer;
        claim->node = peer->node;
        claim->prefix = how->prefix;
        claim->skip = how->skip;
        claim->rank_text = how->rank_text;
        claim->rank_node = how->rank_node;
    }
    *out = claim;
    return MK_OK;
}

/* The pass under way has it. */
static void say(mk_ns_peer_t *peer, mk_claim_t *claim) {
    claim->pass = peer->pass;
    mk_chain_remove(&claim->of_owner);
    mk_chain_push(&peer->said, &claim->of_owner);
    peer->said_names++;
    peer->said_services += serves(claim);
}

static void enter(mk_ns_t *ns, mk_ns_peer_t *peer, mk_claim_t *claim) {
    mk_tree_put(&ns->table, &claim->by_node);
    peer->names++;
    ns->names_n++;
    peer->services += serves(claim);
    say(peer, claim);
}

static void leave(mk_ns_t *ns, mk_ns_peer_t *peer, mk_claim_t *claim) {
    mk_tree_remove(&claim->by_text);
    mk_tree_remove(&claim->by_node);
    mk_tree_remove(&claim->by_seq);
    mk_chain_remove(&claim->of_owner);
    peer->names--;
    ns->names_n--;
    peer->services -= serves(claim);
    if (claim->pass != peer->pass) return;
    peer->said_names--;
    peer->said_services -= serves(claim);
}

/* Where the stamp and the bearer count. */
static void stand(mk_ns_t *ns, mk_ns_peer_t *peer, mk_claim_t *claim, const mk_ns_name_t *name) {
    mk_tree_remove(&claim->by_text);
    mk_tree_remove(&claim->by_seq);
    claim->stamp_ms = name->stamp_ms;
    claim->counter = name->counter;
    claim->seq = name->seq;
    if (claim->seq != 0) mk_tree_put(&peer->by_seq, &claim->by_seq);
    if (claim->rank_node == MK_RANK_LITERAL) return;
    mk_claim_t *ours = mk_ns_own(ns, claim->text, claim->size);
    if (ours != NULL && mk_claim_order(&claim->by_text, &ours->by_text) < 0)
        mk_ns_withdraw(ns, ours, mk_ns_claim_id(claim));
    mk_tree_put(&ns->table, &claim->by_text);
}

mk_err_t mk_ns_peer_put(mk_ns_t *ns, mk_ns_peer_t *peer, const mk_ns_name_t *name) {
    mk_claim_t how;
    if (!how_claimed(peer, name->text, name->size, &how)) return MK_ERR_PROTO;
    mk_claim_t *claim = find(ns, name->text, name->size, &how);
    if (claim == NULL) {
        mk_err_t err = make(ns, peer, name, &how, &claim);
        if (err != MK_OK || claim == NULL) return err;
        enter(ns, peer, claim);
    } else {
        if (claim->pass != peer->pass) say(peer, claim);
        if (name->counter <= claim->counter) return MK_OK;
    }
    stand(ns, peer, claim, name);
    return MK_OK;
}

mk_err_t mk_ns_peer_drop(mk_ns_t *ns, mk_ns_peer_t *peer, const char *text, size_t size, uint64_t counter) {
    mk_claim_t   how;
    mk_ns_name_t name = {.text = text, .size = size, .counter = counter};
    if (!how_claimed(peer, text, size, &how)) return MK_ERR_PROTO;
    mk_claim_t *claim = find(ns, text, size, &how);
    if (claim == NULL) {
        mk_err_t err = make(ns, peer, &name, &how, &claim);
        if (err != MK_OK || claim == NULL) return err == MK_ERR_NOMEM ? err : MK_OK;
    } else {
        if (counter <= claim->counter) return MK_OK;
        leave(ns, peer, claim);
    }
    claim->counter = counter;
    remember_gone(peer, claim);
    return MK_OK;
}

void mk_ns_peer_sync_begin(mk_ns_peer_t *peer) {
    peer->pass++;
    mk_chain_take(&peer->unsaid, &peer->said);
    peer->said_names = peer->said_services = 0;
}

void mk_ns_peer_sync_end(mk_ns_t *ns, mk_ns_peer_t *peer) {
    size_t unsaid = peer->names - peer->said_names;
    peer->least = peer->pass;
    peer->names = peer->said_names;
    peer->services = peer->said_services;
    ns->names_n -= unsaid;
    mk_ns_kill(ns, peer, &peer->unsaid, unsaid);
}
