/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h -- the room's state in one runtime, and what its files offer each other.
 *
 * `table` has every name this node can see: our own and the peers' as they were registered, and the peers' once more below
 * /node/<identity>/. `told` has ours as peers are told. Invariants: a path of ours in `table` is the first of its claims (a claim
 * that goes before it makes us withdraw, one that comes too late is not let in); a claim of ours is in `told` if and only if it is
 * exported.
 *
 * A peer's claims die together: all at its end, and those that a sync has left out. Then one number changes, `least`, and they are
 * in `dead`: from now on nobody finds them. They leave the tables, and their memory is given back, a slice in each round of the loop;
 * whoever comes across one does a part of it. Invariant: no place of a dead claim is an answer to anything. */
#ifndef MK_NS_INTERNAL_H
#define MK_NS_INTERNAL_H

#include "ns/claim.h"
#include "ns/ns.h"

enum { MK_NS_PEER_GONE_MAX = 4096 }; /* names of a peer that are gone, remembered so that old news about them loses */

struct mk_ns_peer {
    node_id_t   node;
    mk_prefix_t prefix;
    uint64_t    pass;     /* of its names: the sync under way, or the last one             */
    uint64_t    least;    /* claims of an earlier pass are dead; UINT64_MAX: all are, the peer is gone */
    mk_chain_t  said;     /* claims of this pass ...                                       */
    mk_chain_t  unsaid;   /* ... and those that it has not come to yet                     */
    size_t      names, said_names;
    size_t      services, said_services; /* of them, below /node/<identity>/<service>/    */
    size_t      dead;     /* in ns->dead: the last one takes the record of a peer that is gone along */
    mk_tree_t   by_seq;   /* those that somebody carries                                   */
    mk_tree_t   gone;     /* by_node of names that are gone ...                            */
    mk_chain_t  gone_chain; /* ... the last one first                                      */
    size_t      gone_n;
};

/* Claims that are buried in one round of the loop: some hundred microseconds. */
enum { MK_NS_SLICE = 256 };

typedef struct mk_ns_rule {
    const char *text; /* without the '*' */
    size_t      size;
    bool        open; /* it had one: names that begin with the text, wherever a part of theirs ends */
    bool        exported;
} mk_ns_rule_t;

typedef struct mk_ns_caps {
    mk_ns_caps_fn *fn;
    void          *arg;
} mk_ns_caps_t;

struct mk_ns {
    mk_room_t        room;
    runtime_t       *rt;
    char             identity[MK_IDENTITY_BYTES];
    mk_prefix_t      prefix;
    mk_tree_t        table, told;
    uint32_t         seed;
    mk_chain_t       own;  /* claims of ours; those below /node/ first */
    mk_chain_t       dead; /* claims of peers; see above */
    mk_deferred_t    burial;
    size_t           own_n;
    uint64_t         counter;
    bool             keep_own;
    mk_ns_rule_t    *rules; /* on top of those everybody starts with */
    size_t           rules_n;
    mk_ns_peer_t   **peers; /* the lowest node id first */
    size_t           peers_n, peers_room;
    size_t           names_n; /* of all peers */
    size_t           names_per_peer_max, names_max;
    mk_node_t       *listeners;
    mk_ns_mounter_t  mounter;
    mk_ns_caps_t    *caps;
    size_t           caps_n;
    actor_id_t       actor, caps_actor;
    struct mk_desk  *desk; /* of the actor's requests under way; NULL: no actor */
    uint64_t         began_us;
    char             scratch[MK_NS_NAME_BYTES_MAX + 1];
};

/* ---- ns.c ---- */

/* Our claim of exactly this text; NULL: none. */
mk_claim_t *mk_ns_own(mk_ns_t *ns, const char *text, size_t size);
/* Another node has it by right: it leaves every table, and its actor is told. */
void        mk_ns_withdraw(mk_ns_t *ns, mk_claim_t *claim, actor_id_t winner);
bool        mk_ns_begins(const char *text, size_t size, const char *prefix, size_t prefix_size);
bool        mk_ns_is_ours_alone(const char *text, size_t size); /* below /node/ */
actor_id_t  mk_ns_claim_id(const mk_claim_t *claim);
mk_ns_peer_t *mk_ns_peer_named(const mk_ns_t *ns, const char *identity, size_t size);
mk_ns_peer_t *mk_ns_peer_find(const mk_ns_t *ns, node_id_t node);

/* ---- dead.c ---- */

static inline bool mk_ns_is_dead(const mk_claim_t *claim) {
    return claim->peer != NULL && claim->pass < claim->peer->least;
}
/* The claim that counts at this path; NULL: none. Dead ones that stand there are buried; the path is not one of theirs. */
mk_claim_t *mk_ns_first(mk_ns_t *ns, const mk_path_t *path);
/* Takes a chain of `n` claims of this peer, which are dead by now. */
void        mk_ns_kill(mk_ns_t *ns, mk_ns_peer_t *peer, mk_chain_t *chain, size_t n);
void        mk_ns_bury(mk_ns_t *ns, mk_claim_t *claim);
void        mk_ns_bury_some(mk_ns_t *ns, size_t most);

/* ---- told.c ---- */

/* How this claim stands: ranks, and what peers would be told. False: nothing. */
bool mk_ns_how_told(const mk_ns_t *ns, mk_claim_t *claim);
/* In and out of `told`, with the news of it. */
void mk_ns_tell(mk_ns_t *ns, mk_claim_t *claim);
void mk_ns_untell(mk_ns_t *ns, mk_claim_t *claim);
/* Somebody else carries it now. */
void mk_ns_tell_again(mk_ns_t *ns, mk_claim_t *claim);
/* All of ours once more: a rule has changed. */
void mk_ns_retell(mk_ns_t *ns);

/* ---- lookup.c ---- */

actor_id_t mk_ns_resolve(mk_ns_t *ns, const char *name);
size_t     mk_ns_reverse(mk_ns_t *ns, actor_id_t id, char *buf, size_t size);
bool       mk_ns_is_service(const char *text, size_t size); /* "storage/...", "queue/...", "ai/..." */

/* ---- requests.c ---- */

bool mk_ns_admit(mk_ns_t *ns, actor_t *actor, message_t *msg, uint32_t ticket);

/* ---- identity.c ---- */

void mk_prefix_set(mk_prefix_t *prefix, const char *identity);

#endif
