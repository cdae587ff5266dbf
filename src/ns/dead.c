/* SPDX-License-Identifier: Apache-2.0 */
/* dead.c -- claims of peers that nobody finds any more, on their way out of the tables. */
#include "base/mem.h"
#include "ns/internal.h"

void mk_ns_bury(mk_ns_t *ns, mk_claim_t *claim) {
    mk_ns_peer_t *peer = claim->peer;
    mk_claim_destroy(claim);
    peer->dead--;
    if (peer->dead == 0 && peer->least == UINT64_MAX) mk_free(peer);
    if (mk_chain_is_empty(&ns->dead)) mk_deferred_cancel(&ns->burial);
}

void mk_ns_bury_some(mk_ns_t *ns, size_t most) {
    for (size_t i = 0; i < most && !mk_chain_is_empty(&ns->dead); i++)
        mk_ns_bury(ns, mk_container_of(ns->dead.before, mk_claim_t, of_owner)); /* who is dead longest comes first */
}

static void on_burial(mk_loop_t *loop, mk_deferred_t *deferred) {
    mk_ns_t *ns = mk_container_of(deferred, mk_ns_t, burial);
    mk_ns_bury_some(ns, MK_NS_SLICE);
    if (!mk_chain_is_empty(&ns->dead)) mk_loop_again(loop, deferred, on_burial);
}

void mk_ns_kill(mk_ns_t *ns, mk_ns_peer_t *peer, mk_chain_t *chain, size_t n) {
    if (n == 0) return;
    peer->dead += n;
    mk_chain_take(&ns->dead, chain);
    mk_loop_again(mk_runtime_loop(ns->rt), &ns->burial, on_burial);
}

mk_claim_t *mk_ns_first(mk_ns_t *ns, const mk_path_t *path) {
    mk_place_t *place;
    while ((place = mk_paths_find(&ns->table, path)) != NULL && mk_ns_is_dead(mk_claim_of(place)))
        mk_ns_bury(ns, mk_claim_of(place));
    return place != NULL ? mk_claim_of(place) : NULL;
}
