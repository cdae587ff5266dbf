/* SPDX-License-Identifier: Apache-2.0 */
/* link.h -- one connection to one node: hello, heartbeats, credit, queues, fragments; messages and signals of the runtime. It
 * knows one peer and no other; cluster.h decides who may be a peer, and has the names. Runtime's thread.
 *
 * What goes out has three lanes. Control (all but DATA, FRAGMENT, SIGNAL, STOPPED) first. Then data: messages and signals in the
 * order in which they were sent, within the peer's credit. Then bulk: payloads longer than a fragment, a fragment of each in turn,
 * so that nothing waits behind them; what follows to the same actor from the same sender goes behind them, so that order holds.
 * What was queued in one round leaves in one piece before the loop waits.
 *
 * Invariant: what is queued in all lanes stays below the limit for every frame that can be refused, but for one payload that is
 * longer than the limit itself; signals and control frames are bounded by their causes. */
#ifndef MK_NODE_LINK_H
#define MK_NODE_LINK_H

#include "base/buffer.h"
#include "loop/loop.h"
#include "node/channel.h"
#include "node/wire.h"
#include "runtime/remote.h"

typedef struct mk_link mk_link_t;

typedef struct mk_link_ops {
    /* The peer has said hello, well-formed. Answer with mk_link_welcome() or mk_link_refuse(), now or later; link->hello stays. */
    void (*greeted)(mk_link_t *link);
    /* Both have welcomed: messages flow (mk_remote_up() was done). */
    void (*up)(mk_link_t *link);
    /* A NAMES_, NAME or REQUEST, ANSWER frame, of known kind but unread. MK_ERR_PROTO ends the link. */
    mk_err_t (*frame)(mk_link_t *link, const mk_wire_frame_t *frame);
    /* The control lane has room again after mk_link_control() said MK_ERR_FULL. */
    void (*drained)(mk_link_t *link);
    /* Over (mk_remote_down() was done if it was up). The last call: the owner destroys it, now or later. `why` for people. */
    void (*down)(mk_link_t *link, mk_err_t err, const char *why);
} mk_link_ops_t;

/* Limits of a node's links; of node_config_t. */
typedef struct mk_link_limits {
    uint32_t heartbeat_ms, dead_ms, hello_ms; /* hello_ms: until both have welcomed */
    uint32_t queue_bytes, credit_bytes; /* 64 MiB at most; 4 KiB at least: taken as that otherwise */
    uint32_t message_max;
} mk_link_limits_t;

/* Creates a link on a channel and owns the channel from now on, whatever it answers. `ours` is what we say (copied); it is sent when
 * the channel is open. MK_ERR_NOMEM: nothing follows. */
MK_MUST_CHECK mk_err_t mk_link_create(runtime_t *rt, mk_channel_t *channel, const mk_link_ops_t *ops, void *owner,
                                      const mk_link_limits_t *limits, const mk_wire_hello_t *ours, mk_link_t **out);
/* Releases it, its channel and all that is queued. Allowed from inside of its calls. It is down by then, or goes down silently
 * (mk_remote_down() is done, ops->down() is not called). */
void mk_link_destroy(mk_link_t *link);

void                  *mk_link_owner(const mk_link_t *link);
const mk_wire_hello_t *mk_link_hello(const mk_link_t *link);   /* the peer's; in and after greeted() */
const mk_channel_t    *mk_link_channel(const mk_link_t *link);
mk_remote_t           *mk_link_remote(mk_link_t *link);
bool                   mk_link_is_up(const mk_link_t *link);
/* In and after ops->down(): the reason that the peer gave in REFUSE or BYE; 0: it gave none. */
mk_wire_reason_t       mk_link_reason(const mk_link_t *link);

/* `may`: what the peer may do here. */
void mk_link_welcome(mk_link_t *link, uint32_t may);
/* Says why and ends; ops->down() follows, not from inside of this call. */
void mk_link_refuse(mk_link_t *link, mk_wire_reason_t reason, const char *text);
/* Ends it in order: BYE after what is queued (at most a second), then ops->down(), not from inside of this call. */
void mk_link_finish(mk_link_t *link, mk_wire_reason_t reason);

/* A frame of the cluster's on the control lane. MK_ERR_FULL: more than 64 KiB wait there; drained() follows. */
MK_MUST_CHECK mk_err_t mk_link_control(mk_link_t *link, const uint8_t *frame, size_t size);

/* Asks the peer for a sign of life now: whether it is silent is known after `within_ms`, when ops->down() has been called. */
void mk_link_probe(mk_link_t *link, uint32_t within_ms);

typedef struct mk_link_stats {
    uint64_t sent, received, refused; /* messages                                                                      */
    uint64_t lost;                    /* sent, and not known to have arrived when it went down; datagrams: or before   */
    uint64_t missed;                  /* datagrams: the peer's that did not come, or late, for an actor that was full  */
    uint64_t up_since_ms;
    uint32_t rtt_us;
    size_t   queued_bytes;
} mk_link_stats_t;
void mk_link_get_stats(const mk_link_t *link, mk_link_stats_t *out);

#endif
