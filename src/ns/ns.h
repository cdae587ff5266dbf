/* SPDX-License-Identifier: Apache-2.0 */
/* ns.h -- the names of all linked nodes, as room node feeds and reads them. Runtime's thread.
 *
 * Owner of a name that several nodes claim: the older registration (wall clock of its node, fixed when it registered), then the lower
 * node id; a total order, so all nodes that see the same claims agree. A node that sees its own claim lose withdraws it and tells
 * the actor. */
#ifndef MK_NS_NS_H
#define MK_NS_NS_H

#include "microkernel/namespace.h"
#include "runtime/attach.h"

typedef struct mk_ns      mk_ns_t;
typedef struct mk_ns_peer mk_ns_peer_t;

/* This runtime's; made when it is asked for the first time. NULL: out of memory. */
mk_ns_t *mk_ns_of(runtime_t *rt);

/* Who this node is to others; from node_start(), before that mk_node_identity(). Names below /node/<identity>/ are its own. Before
 * the first peer. MK_ERR_INVALID: no identity; MK_ERR_EXISTS: a peer's. */
MK_MUST_CHECK mk_err_t mk_ns_set_identity(mk_ns_t *ns, const char *identity);
const char            *mk_ns_identity(const mk_ns_t *ns);

/* 1 to 31 letters, digits, '-', '_', '.', one of the first two at least; and none of the words that mean something else behind /node/:
 * local, cloudflare, storage, queue, ai. */
bool mk_ns_is_identity(const char *text);

/* ---- names of peers ---- */

/* Longest name that travels; longer ones are not exported. */
enum { MK_NS_NAME_BYTES_MAX = 1024 };

/* What ns_limit_names() begins with. A name costs some 210 bytes. */
enum { MK_NS_PEER_NAMES_MAX = 100000, MK_NS_ALL_NAMES_MAX = 1000000 };

/* A peer's claim, or one of ours. */
typedef struct mk_ns_name {
    const char *text; /* NUL-terminated; borrowed. Without /node/<identity>/: as it was registered */
    size_t      size;
    uint32_t    seq;      /* 0: held for a restart */
    uint64_t    stamp_ms; /* UINT64_MAX: a node that knows no wall clock */
    uint64_t    counter; /* of its node's news: later ones are higher */
} mk_ns_name_t;

/* A linked node with no names yet. Names of ours below its /node/<identity>/ are withdrawn. MK_ERR_EXISTS: its identity or number is
 * another peer's, or ours; MK_ERR_INVALID: no identity (mk_ns_is_identity()); MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_ns_peer_add(mk_ns_t *ns, node_id_t node, const char *identity, mk_ns_peer_t **out);
/* Its names are gone at once; those that lost against it are owned by the next in line again. In one step, however many they are;
 * their memory is given back in the rounds of the loop that follow. */
void                   mk_ns_peer_remove(mk_ns_t *ns, mk_ns_peer_t *peer);
size_t                 mk_ns_peer_names(const mk_ns_peer_t *peer);

/* News of a peer. A lower or equal counter than what is known about this name loses (no error), of names that are gone too (the last
 * 4,096 of them are remembered). MK_ERR_NOMEM; MK_ERR_LIMIT: see ns_limit_names(); MK_ERR_PROTO: not a name it may claim. */
MK_MUST_CHECK mk_err_t mk_ns_peer_put(mk_ns_t *ns, mk_ns_peer_t *peer, const mk_ns_name_t *name);
MK_MUST_CHECK mk_err_t mk_ns_peer_drop(mk_ns_t *ns, mk_ns_peer_t *peer, const char *text, size_t size, uint64_t counter);
void                   mk_ns_peer_sync_begin(mk_ns_peer_t *peer);
/* What was not put since the beginning is gone; likewise. */
void                   mk_ns_peer_sync_end(mk_ns_t *ns, mk_ns_peer_t *peer);

/* ---- what peers are told ---- */

/* The first exported name of ours behind `after` (NULL: the first), in the order of strcmp(). False: no more. What is offered of
 * /node/local/x is told as /node/<identity>/x. */
bool mk_ns_next(mk_ns_t *ns, const char *after, mk_ns_name_t *out);

/* Told of each change of an exported name: put, pointed elsewhere, or (`gone`) released. From inside of whatever changed it: it
 * queues something and no more. */
typedef struct mk_ns_listener mk_ns_listener_t;
struct mk_ns_listener {
    void (*changed)(mk_ns_listener_t *listener, const mk_ns_name_t *name, bool gone);
    mk_node_t node;
};
void mk_ns_listen(mk_ns_t *ns, mk_ns_listener_t *listener);
void mk_ns_unlisten(mk_ns_listener_t *listener);

/* ---- for those who show names -------------------------------------------------------------------------------------------- */

/* Writes `path=id\n` lines of the names that begin with `prefix` ("" or "/": all), as many as fit, "...\n" as the last one when there
 * are more; returns the bytes written. `as_told`: what peers see of this node's, else what this node sees of all. */
size_t mk_ns_list_text(mk_ns_t *ns, const char *prefix, bool as_told, char *to, size_t room);

/* ---- what the name-space actor asks of room node ---- */

/* Set by room node: mounts and unmounts for actors; answers `request` later by mk_ns_mounted(). */
typedef struct mk_ns_mounter {
    mk_err_t (*mount)(void *arg, const char *where, uint32_t ticket);
    mk_err_t (*unmount)(void *arg, const char *who);
    void *arg;
} mk_ns_mounter_t;
void mk_ns_set_mounter(mk_ns_t *ns, const mk_ns_mounter_t *mounter);
void mk_ns_mounted(mk_ns_t *ns, uint32_t ticket, mk_err_t err, const char *text);

/* More lines for the capabilities actor: `key=value\n` appended; set by rooms that have something to say. */
struct mk_buffer;
typedef void mk_ns_caps_fn(runtime_t *rt, void *arg, struct mk_buffer *out);
MK_MUST_CHECK mk_err_t mk_ns_add_caps(mk_ns_t *ns, mk_ns_caps_fn *fn, void *arg);

#endif
