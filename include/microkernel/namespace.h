/* SPDX-License-Identifier: Apache-2.0 */
/* namespace.h -- one table of names over all nodes that are linked, and mounting another node.
 *
 * A name is a path; a flat name is a path of one part. Each node owns what its actors registered (services.h). What a node exports
 * its peers see twice: below `/node/<identity>/`, always; and under the name itself, if no node has an older claim to it.
 *
 *   /node/<identity>/...   that node's own, never in conflict with another's
 *   /node/local/...        this node's alone. Services kept there are offered to peers as /node/<identity>/...
 *   /node/<service>/...    (storage, queue, ai): the best there is: this node's, else a mounted peer's, else the cloud's; decided
 *                          at each look-up, so it moves back by itself
 *   everything else        one owner in all linked nodes
 *
 * All calls: the runtime's thread. */
#ifndef MICROKERNEL_NAMESPACE_H
#define MICROKERNEL_NAMESPACE_H

#include "microkernel/error.h"
#include "microkernel/services.h"
#include "microkernel/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- this node ---------------------------------------------------------------------------------------------------------- */

/* Longest identity with its NUL. Letters, digits, '-', '_', '.'. */
enum { MK_IDENTITY_BYTES = 32 };

/* MK_NODE_NAME from the environment, else the host's name, made fit. The same for the program's life. Any thread. */
const char *mk_node_identity(void);
/* MK_NODE_ID from the environment, else a number made from the identity; never 0. */
node_id_t mk_node_id(void);

/* ---- names -------------------------------------------------------------------------------------------------------------- */

/* Starts the name-space actor, registered as `ns`, which answers the requests below, and makes actor_lookup() and its siblings
 * see the names of other nodes. Harmless when it runs already: its id. ACTOR_ID_INVALID: out of memory (logged). */
actor_id_t ns_actor_init(runtime_t *rt);

/* Calls `visit` for each name that begins with `prefix` ("" or "/": all), sorted by name, those of other nodes as
 * /node/<identity>/... and, where they own it, under the name itself; until it answers false. Starts behind `after` (NULL: at the
 * beginning). Returns how many were visited. No name may come or go inside of `visit`. */
typedef bool ns_visit_fn(void *arg, const char *path, actor_id_t id);
size_t ns_list(runtime_t *rt, const char *prefix, const char *after, ns_visit_fn *visit, void *arg);

/* Whether peers see the names that `which` is about: "shell" that name and shell/..., not shellac; "lab/" what is below lab; "sh*" all
 * that begin with sh; "" all there are. The longest text that is about a name decides, of two as long the one without '*'. From the
 * start: everything is exported but `ns` and /node/local/..., of which storage, queue, ai and caps are. MK_ERR_NOMEM, MK_ERR_TOOLONG. */
MK_MUST_CHECK mk_err_t ns_export(runtime_t *rt, const char *which, bool exported);

/* Keeps this node's flat names and paths for /node/<identity>/... alone: peers do not see them under the name itself, and they
 * are in nobody's way. For fleets of boards that all run the same program. Before the first link. */
void ns_keep_names_own(runtime_t *rt, bool own);

/* Most names that are known of one peer, and of all peers together; 0: 100,000 and 1,000,000. What a peer has beyond that is not seen
 * here (logged). What is known already stays. */
void ns_limit_names(runtime_t *rt, size_t per_peer, size_t all);

/* To an actor that has lost a name: another node has registered it before us (or at the same moment, with a lower node id). */
#define MSG_NAME_CONFLICT (MK_MSG_SYSTEM_BASE + 0x12u)
typedef struct name_conflict_payload {
    actor_id_t winner;
    uint32_t   name_size; /* bytes behind this struct, no NUL */
} name_conflict_payload_t;

/* ---- requests to `ns` ------------------------------------------------------------------------------------------------------ */

/* MSG_NAME_REGISTER: payload the name; registers it for the sender. MSG_NAME_UNREGISTER: takes it away from the sender. Senders
 * of this node only. MSG_NS_LIST: payload a prefix. MSG_NS_MOUNT: payload "host", "host:port", "udp:host:port" or "unix:/path";
 * MSG_NS_UNMOUNT: an identity, or what was mounted (guests need WASM_GRANT_MOUNT for both). Each is answered (as a reply, when it
 * was a call): MSG_NS_REPLY with ns_reply_payload_t and a text behind it. A mount is answered when it stands and the other node's
 * names are known, or has failed. */
#define MSG_NS_MOUNT   (MK_MSG_SYSTEM_BASE + 0x13u)
#define MSG_NS_LIST    (MK_MSG_SYSTEM_BASE + 0x18u)
#define MSG_NS_UNMOUNT (MK_MSG_SYSTEM_BASE + 0x19u)
#define MSG_NS_REPLY   (MK_MSG_SYSTEM_BASE + 0x1Au)
typedef struct ns_reply_payload {
    uint32_t error;     /* mk_err_t */
    uint32_t text_size; /* bytes behind this struct: `path=id\n` lines of a list (MSG_NS_LIST; as many as fit, "..." as last
                         * line when there are more), the identity of who was mounted, or why it failed */
} ns_reply_payload_t;

/* ---- capabilities --------------------------------------------------------------------------------------------------------- */

/* Starts the actor that answers MSG_CAPS_REQUEST with MSG_CAPS_REPLY: `key=value\n` lines (name, node, platform, version,
 * features, actors, names, peers, memory, uptime_s). Registered at /node/<identity>/caps and /node/local/caps. Harmless when it
 * runs already. ACTOR_ID_INVALID: out of memory, or the name is taken (logged). */
actor_id_t caps_actor_init(runtime_t *rt);

/* ---- mounting ------------------------------------------------------------------------------------------------------------- */

/* For start-up code; node.h has the calls that do not wait. */
enum { MK_MOUNT_PORT = 4200 };

typedef struct mount_result {
    char      identity[MK_IDENTITY_BYTES];
    node_id_t node_id;
} mount_result_t;

/* Takes mounts on all addresses when there is a secret (node.h), else on loopback alone. Port 0: MK_MOUNT_PORT. False: the reason
 * is logged. */
bool ns_mount_listen(runtime_t *rt, uint16_t port);

/* Mounts another node and keeps it mounted. Outside of a behaviour the runtime's loop runs until the link stands (at most 10 s);
 * inside of one it does not wait: true, *result empty (zeros), and MSG_NODE_UP (node.h) tells. False: the reason is logged, nothing
 * is tried any more. `result` may be NULL. */
bool ns_mount_connect(runtime_t *rt, const char *host, uint16_t port, mount_result_t *result);

#ifdef __cplusplus
}
#endif

#endif
