/* SPDX-License-Identifier: Apache-2.0 */
/* remote.h -- other nodes as the runtime sees them: where messages for their actors go, and what monitors, links, calls and exit
 * signals need across the gap. Room node embeds mk_remote_t in each link, fills in the operations, and tells what came.
 * Runtime's thread only.
 *
 * Order: what one actor sends to another, messages and signals alike, is given to the operations in the order in which it was
 * sent, and arrives in it. */
#ifndef MK_RUNTIME_REMOTE_H
#define MK_RUNTIME_REMOTE_H

#include "core/actor.h"
#include "port/port.h"

typedef struct mk_remote mk_remote_t;

/* What actors of two nodes have to tell each other beside messages. `from` and `to` are sequence numbers at the sender's and
 * at the receiver's node; `ref` is a number of whoever asked, who gets it back. Monitors and calls are numbered together, links apart. */
typedef enum mk_signal_kind {
    MK_SIGNAL_EXIT = 1,    /* actor_exit(): from, to, reason                                                   */
    MK_SIGNAL_STOP,        /* actor_stop(): to                                                                 */
    MK_SIGNAL_LINK,        /* actor_link(): ref, from, to                                                      */
    MK_SIGNAL_UNLINK,      /* from, to; ref: of the latest LINK of the other side that was seen (0: none), so that one on its way
                            * meanwhile stands                                                                 */
    MK_SIGNAL_LINK_EXIT,   /* one end of a link has ended: from, to, reason, text; ref: of the LINK that is refused by this,
                            * else 0                                                                           */
    MK_SIGNAL_MONITOR,     /* ref, from, to                                                                    */
    MK_SIGNAL_DEMONITOR,   /* a monitor, or a call, is given up: ref, from, to                                 */
    MK_SIGNAL_DOWN,        /* answers MONITOR: ref, from (who ended), to, reason, text                         */
    MK_SIGNAL_CALL_FAILED, /* no answer will come: ref (the call), from, to, error, reason (of the end, with CLOSED) */
    MK_SIGNAL_KINDS
} mk_signal_kind_t;

typedef struct mk_signal {
    mk_signal_kind_t kind;
    uint32_t         ref;
    uint32_t         from, to;
    uint8_t          reason; /* EXIT_ */
    uint8_t          error;  /* mk_err_t */
    mk_slice_t       text;   /* borrowed, no NUL; at most MK_SIGNAL_TEXT_MAX bytes (cut by who sends) */
} mk_signal_t;

enum { MK_SIGNAL_TEXT_MAX = 1000 };

/* What a message is in a call. */
typedef enum mk_call_part { MK_CALL_NONE, MK_CALL_REQUEST, MK_CALL_REPLY } mk_call_part_t;

/* A message on its way between nodes. Everything is borrowed. */
typedef struct mk_envelope {
    uint32_t       source; /* sequence number; 0: sent from outside any actor */
    uint32_t       dest;
    msg_type_t     type;
    mk_call_part_t part;
    call_id_t      call;   /* the caller's number, unless `part` is MK_CALL_NONE */
    const void    *payload;
    size_t         size;
} mk_envelope_t;

/* None of them may call mk_remote_up() or mk_remote_down(). */
typedef struct mk_remote_ops {
    /* Queues a copy or refuses (MK_ERR_FULL: the queue, or the destination's mailbox; MK_ERR_TOOLONG, MK_ERR_NOMEM,
     * MK_ERR_CLOSED), never waits. An answer (MK_CALL_REPLY) is not refused because the destination's mailbox is full. */
    mk_err_t (*send)(mk_remote_t *remote, const mk_envelope_t *envelope);
    /* The same for a payload that is all of `buf`: takes one reference on MK_OK. */
    mk_err_t (*send_buffer)(mk_remote_t *remote, const mk_envelope_t *envelope, message_buffer_t *buf);
    /* Never refused. Without memory for it the link ends, later, not inside of this call. */
    void     (*signal)(mk_remote_t *remote, const mk_signal_t *signal);
    /* The mailbox of `dest`, of which mk_remote_message() had said MK_ERR_FULL, has room again, or the actor has ended. */
    void     (*drained)(mk_remote_t *remote, uint32_t dest);
} mk_remote_ops_t;

/* What the peer's actors may do here; from its role. */
enum {
    MK_MAY_LOOKUP = 0x01,   /* see exported names, ask for capabilities                                    */
    MK_MAY_SEND = 0x02,     /* send to, call and monitor actors that were shown to other nodes             */
    MK_MAY_SEND_ANY = 0x04, /* ... and all others                                                          */
    MK_MAY_STOP = 0x08,     /* exit signals, stops, links that it asks for                                 */
    MK_MAY_SPAWN = 0x10,
    MK_MAY_RELOAD = 0x20,
};

struct mk_remote {
    const mk_remote_ops_t *ops;
    node_id_t              node;
    uint32_t               may;      /* MK_MAY_ bits */
    /* The rest is the runtime's; zero before mk_remote_up(). */
    mk_remote_t           *next;
    mk_node_t             *waiting;   /* our monitors and calls there                                             */
    mk_node_t            **far;       /* what joins an actor there with one here (far.c): chains, a power of two  */
    uint32_t               far_mask, far_n;
    uint32_t               asked_n;   /* of those: what it has asked for                                          */
    uint32_t               link_ref;  /* of the latest LINK that we sent                                          */
    uint32_t               over[16];  /* calls of theirs that were given up before they were here: datagrams come late */
    uint32_t               over_n;
};

/* What a peer may ask for and hold here at a time: monitors, links, and calls that wait for their answer. */
enum { MK_REMOTE_ASKED_MAX = 65536 };

/* From now on its actors can be reached. MK_ERR_EXISTS: this node is linked already, or is ourselves; MK_ERR_INVALID: node 0;
 * MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_remote_up(runtime_t *rt, mk_remote_t *remote);

/* The node is gone: monitors fire, links signal and calls fail with EXIT_NODE_DOWN, what it had asked for is forgotten. No operation
 * is called. Harmless when it is not up. */
void mk_remote_down(runtime_t *rt, mk_remote_t *remote);

mk_remote_t *mk_remote_find(const runtime_t *rt, node_id_t node); /* NULL: not linked */

/* A message has come. It is put into the mailbox even beyond its limit, so that nothing on its way is lost when the sender is
 * told to stop:
 *   MK_OK         delivered; or part of a call that waits no longer, dropped and counted
 *   MK_ERR_FULL   delivered, and the mailbox is at its limit: who sends should stop until ops->drained(); said once until then
 *   MK_ERR_NOTFOUND, MK_ERR_NOMEM, MK_ERR_TOOLONG, MK_ERR_LIMIT (more calls than a peer may have waiting here)
 *                 dropped and counted; the caller of a request is told by a signal
 *   MK_ERR_DENIED the role does not allow it: dropped and counted, the caller told
 *   MK_ERR_PROTO  no honest node sends this: a system's message type (but those of names and capabilities that may travel) */
MK_MUST_CHECK mk_err_t mk_remote_message(runtime_t *rt, mk_remote_t *remote, const mk_envelope_t *envelope);
/* The same around a buffer that holds the payload: takes the reference, whatever the answer. */
MK_MUST_CHECK mk_err_t mk_remote_message_buffer(runtime_t *rt, mk_remote_t *remote, const mk_envelope_t *envelope,
                                                message_buffer_t *buf);

/* A signal has come. MK_ERR_DENIED: not with this role (answered by a signal where one is expected); MK_ERR_PROTO: no honest node
 * sends this; MK_ERR_LIMIT, MK_ERR_NOMEM: it cannot be kept (MK_REMOTE_ASKED_MAX), answered as if the node had gone (EXIT_NODE_DOWN: it
 * is lost from sight). The link goes on in all cases but MK_ERR_PROTO. */
MK_MUST_CHECK mk_err_t mk_remote_signal(runtime_t *rt, mk_remote_t *remote, const mk_signal_t *signal);

/* Marks an actor as shown to other nodes: it carries an exported name. An actor that itself sends to another node is shown by
 * that. Holds until it ends. */
void mk_remote_show(actor_t *actor);

#endif
