/* SPDX-License-Identifier: Apache-2.0 */
/* node.h -- this node among others: who it is, whom it lets in, whom it is linked with.
 *
 * A link carries messages, monitors, links, calls and names between two nodes. Between two actors messages arrive in order, each at
 * most once; what was under way when a link broke is lost and counted. Nothing waits. All calls: the runtime's thread, but where
 * said otherwise. docs/wire-protocol.md has the bytes, docs/security.md what is promised. */
#ifndef MICROKERNEL_NODE_H
#define MICROKERNEL_NODE_H

#include "microkernel/actor.h"
#include "microkernel/namespace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- roles ---------------------------------------------------------------------------------------------------------------- */

/* What a peer may do here. It comes from the secret or the certificate with which it proved itself. */
typedef enum node_role {
    NODE_ROLE_NONE,     /* may not come in                                                              */
    NODE_ROLE_OBSERVER, /* exported names, capabilities                                                 */
    NODE_ROLE_MEMBER,   /* ... and send to, call, monitor actors that were shown: they carry an exported name,
                         * or have themselves sent to another node                                      */
    NODE_ROLE_OPERATOR, /* ... and send to any actor, spawn, reload, stop, link                         */
} node_role_t;

const char *node_role_text(node_role_t role); /* "member" */
bool        node_role_parse(const char *text, node_role_t *out);

/* What is in a secret file but the secrets: for those who compare files of two nodes. The first is shown when calling. */
enum { NODE_SECRETS_MAX = 8, NODE_SECRET_ID_BYTES = 17 };
typedef struct node_secret_info {
    char        id[NODE_SECRET_ID_BYTES]; /* 16 hexadecimal digits, made from the secret by one-way hashing */
    node_role_t role;
} node_secret_info_t;
/* *n of at most `max`. Reads the file as node_start() does, with its errors and a text in `why`. Any thread. */
MK_MUST_CHECK mk_err_t node_secret_list(const char *file, node_secret_info_t *buf, size_t max, size_t *n, char *why, size_t why_size);

/* ---- starting --------------------------------------------------------------------------------------------------------------- */

/* Zero takes the default named; strings are copied. */
typedef struct node_config {
    const char *identity;       /* NULL: mk_node_identity(); with the number behind it ("host-2") when that is from the host's name
                                 * and the runtime's number is not mk_node_id(): there may be several on this host */
    const char *secret_file;    /* made by `mk secret new`; NULL: MK_SECRET_FILE from the environment, else none. Read again
                                 * when it changes: new links use it, links that stand go on                     */
    const char *certificate_file, *key_file, *authority_file; /* PEM, made by `mk cert`: instead of a secret, or beside it */
    node_role_t plain_role;     /* of peers that prove nothing (Unix sockets, loopback without secret); 0: member */
    const char *modules;        /* folder of .wasm files that peers may name for node_spawn(); NULL: none        */
    uint32_t    heartbeat_ms;   /* of silence before a ping; 0: 1,000                                            */
    uint32_t    dead_ms;        /* of silence after which the peer is dead; 0: 4 heartbeats                      */
    uint32_t    backoff_min_ms; /* first pause before connecting again, doubled with jitter ...; 0: 100          */
    uint32_t    backoff_max_ms; /* ... up to this; 0: 30,000                                                     */
    uint32_t    queue_bytes;    /* waiting for a link before sends are refused (fewer, if the peer has so); 0: 256 KiB */
    uint32_t    credit_bytes;   /* on the way from a peer before it has to wait; 0: 1 MiB                        */
    uint32_t    peers_max;      /* linked at a time; 0: 1,024                                                    */
} node_config_t;

/* Joins the runtime to others. Without it the first call below does so with the defaults. MK_ERR_EXISTS: done already;
 * MK_ERR_INVALID (a name, a limit), MK_ERR_DENIED (a secret file others may read), MK_ERR_NOTFOUND, MK_ERR_FORMAT, MK_ERR_IO,
 * MK_ERR_NOMEM: logged. */
MK_MUST_CHECK mk_err_t node_start(runtime_t *rt, const node_config_t *config);

/* ---- links -------------------------------------------------------------------------------------------------------------------- */

/* `where` is "host:port", "tcp:host:port", "udp:host:port" or "unix:/path"; a listener's host "*" means all addresses, and
 * port 0 any. Off loopback TCP and UDP need a secret or certificates: MK_ERR_DENIED. A listener's errors are told at once
 * (MK_ERR_BUSY: the address is in use, MK_ERR_INVALID, MK_ERR_IO). `bound` (may be NULL) gets where it listens. */
MK_MUST_CHECK mk_err_t node_listen(runtime_t *rt, const char *where, char *bound, size_t bound_size);

/* Connects, and connects again whenever the link is lost, until node_disconnect(). MSG_NODE_UP tells of it. MK_ERR_EXISTS: done
 * already. */
MK_MUST_CHECK mk_err_t node_connect(runtime_t *rt, const char *where);
/* Ends the link to a node, by identity or by what node_connect() was given, and does not call it again (it may call us). False:
 * neither known. */
bool node_disconnect(runtime_t *rt, const char *who);

/* The running actor hears of nodes that come and go, of those that are linked already at once. */
MK_MUST_CHECK mk_err_t node_monitor(runtime_t *rt, bool on);
#define MSG_NODE_UP   (MK_MSG_SYSTEM_BASE + 0x16u)
#define MSG_NODE_DOWN (MK_MSG_SYSTEM_BASE + 0x17u)
/* With MSG_NODE_DOWN the reason, for people, is behind it. */
typedef struct node_event_payload {
    node_id_t node;
    uint32_t  text_size;
    uint64_t  incarnation;
    char      identity[MK_IDENTITY_BYTES];
} node_event_payload_t;

/* ---- asking other nodes --------------------------------------------------------------------------------------------------------- */

/* One MSG_NODE_REPLY answers each, to the running actor; 0: out of memory, or no such node (nothing will come). The peer must
 * have given us the role. `module` is a file of its modules folder without ".wasm"; `name` (may be NULL) is registered there. */
call_id_t node_spawn(runtime_t *rt, node_id_t node, const char *module, const char *name);
call_id_t node_stop(runtime_t *rt, actor_id_t id); /* as actor_stop(), with an answer */
/* If the answer is that the module was taken (its text: for how long it is on probation), one MSG_WASM_RELOADED (wasm_actor.h) follows
 * when it is decided, its ref the call's number; WASM_RELOAD_UNKNOWN if the link ends before that. */
call_id_t node_reload(runtime_t *rt, actor_id_t id, const char *module);
#define MSG_NODE_REPLY (MK_MSG_SYSTEM_BASE + 0x1Bu)
typedef struct node_reply_payload {
    call_id_t  call;
    uint32_t   error;     /* mk_err_t: MK_ERR_DENIED, MK_ERR_NOTFOUND, MK_ERR_CLOSED (the node is gone), ... */
    actor_id_t id;
    uint32_t   text_size; /* more about it, behind this struct */
} node_reply_payload_t;

/* Who carries out what peers ask for; set by the program (tools/mk: guests from the modules folder). Called on the runtime's
 * thread; `why` gets a text for people. */
typedef struct node_hands {
    mk_err_t (*spawn)(void *arg, runtime_t *rt, const char *module, const char *name, actor_id_t *out, char *why, size_t why_size);
    /* After MK_OK one node_reloaded() with `ticket` has to follow, later; `why` then tells for how long it is on probation. */
    mk_err_t (*reload)(void *arg, runtime_t *rt, actor_id_t id, const char *module, call_id_t ticket, char *why, size_t why_size);
    void *arg;
} node_hands_t;
void node_set_hands(runtime_t *rt, const node_hands_t *hands);
/* Inside of a hand: its answer comes later, by node_answer(), and what it returns does not count. The number is the request's, and that of
 * a reload its `ticket`. 0: too many are under way, or out of memory; then it has to answer as ever. */
call_id_t node_answer_later(runtime_t *rt);
/* As the hand's return would have: `id` of what was spawned, or 0. Harmless when the peer is gone. */
void node_answer(runtime_t *rt, call_id_t request, mk_err_t error, actor_id_t id, const char *why);
/* What became of a reload that a peer asked for: `outcome` is wasm_reload_outcome_t, `text` (may be NULL) of `text_size` bytes the
 * reason. Harmless when the peer is gone. */
void node_reloaded(runtime_t *rt, call_id_t ticket, uint32_t outcome, const char *text, size_t text_size);

/* ---- what there is -------------------------------------------------------------------------------------------------------------- */

typedef struct node_info {
    node_id_t   node;
    node_role_t role;           /* that it has here                                            */
    char        identity[MK_IDENTITY_BYTES];
    char        where[128];     /* "tcp:10.0.0.2:4200"                                          */
    uint64_t    incarnation;
    uint64_t    up_ms;          /* for how long                                                */
    uint64_t    sent, received; /* messages                                                    */
    uint64_t    refused;        /* sends refused: queue or mailbox full                         */
    uint64_t    lost;           /* were under way when an earlier link to it broke; UDP: did not arrive, there or here */
    size_t      queued_bytes;
    size_t      names;          /* of it that we know                                          */
    uint32_t    rtt_us;         /* of the last heartbeat; 0: none yet                           */
    bool        encrypted;
} node_info_t;

/* Writes up to `max`; returns how many nodes are linked. */
size_t node_list(runtime_t *rt, node_info_t *buf, size_t max);

typedef enum node_target_state {
    NODE_TARGET_CONNECTING,
    NODE_TARGET_WAITING, /* for the next try                                */
    NODE_TARGET_LINKED,  /* with the node there, whichever side called      */
} node_target_state_t;

/* Somebody whom node_connect(), a mount or a transport has this node call, until it is told otherwise. */
typedef struct node_target {
    node_target_state_t state;
    mk_err_t            error;    /* why it is not linked; MK_OK: not known yet, or it is linked          */
    bool                hopeless; /* that will not go away by itself: a wrong secret, a refusal           */
    uint32_t            wait_ms;  /* until the next try; 0 unless it waits                                */
    char                where[272]; /* in the one spelling, "tcp:10.0.0.2:4200": node_disconnect() takes it */
    char                identity[MK_IDENTITY_BYTES]; /* of the node that was linked there last; "": none yet */
    char                why[200]; /* `error`, for people                                                  */
} node_target_t;

/* Writes up to `max`; returns how many there are. The latest is the first. */
size_t node_target_list(runtime_t *rt, node_target_t *buf, size_t max);

/* ---- runtimes of one process -------------------------------------------------------------------------------------------------------- */

/* Two runtimes on two threads, each a node of its own, joined by lock-free rings. The ring is made once, by anyone; then each
 * thread attaches its own runtime to its side (0 or 1). Released when both runtimes have ended, or by node_ring_release() of who
 * made it and does not need it any more (required in any case). `bytes` per direction, 0: 1 MiB. NULL: out of memory. */
typedef struct node_ring node_ring_t;
node_ring_t           *node_ring_create(size_t bytes);
MK_MUST_CHECK mk_err_t node_ring_attach(runtime_t *rt, node_ring_t *ring, int side);
void                   node_ring_release(node_ring_t *ring); /* any thread */

#ifdef __cplusplus
}
#endif

#endif
