/* SPDX-License-Identifier: Apache-2.0 */
/* actor_link.h -- how a WebSocket or an event stream reaches its actor. The exchange it belongs to (the record that has the id
 * and the owner, hangs on the actor's resources, and whose id is the tag of all its messages) embeds it and is its host.
 *
 * What waits in the mailbox is bounded per link, in messages and in bytes: whoever produces them pauses when the window is full
 * and is told when it may go on. News (opened, drained, over) is owed: sent as soon as there is memory for it, never dropped.
 * The record lives until the last message has left the mailbox, or its actor wants to hear no more. */
#ifndef MK_HTTP_ACTOR_LINK_H
#define MK_HTTP_ACTOR_LINK_H

#include "microkernel/http.h"
#include "runtime/attach.h"

enum { MK_LINK_MESSAGES_MAX = 256, MK_LINK_BYTES_MAX = 262144 };

/* News in the order in which it is told. */
enum { MK_LINK_OPEN = 1, MK_LINK_DRAINED = 2, MK_LINK_LAST = 4 };

typedef struct mk_actor_link mk_actor_link_t;

/* What the exchange does for it. */
typedef struct mk_actor_host {
    /* Takes `msg`: mk_room_send() to the owner with the id as its tag. When it leaves the mailbox, admit() calls
     * mk_actor_link_handled(). */
    void (*send)(mk_actor_link_t *link, message_t *msg);
    /* Last: no call comes any more. The exchange gives back its id and frees its record. */
    void (*over)(mk_actor_link_t *link);
} mk_actor_host_t;

/* What it is a link of. */
typedef struct mk_actor_link_ops {
    message_t *(*news)(mk_actor_link_t *link, uint32_t what); /* NULL: out of memory          */
    void       (*go_on)(mk_actor_link_t *link);               /* the window has room again    */
} mk_actor_link_ops_t;

struct mk_actor_link {
    const mk_actor_host_t     *host;
    const mk_actor_link_ops_t *ops;
    runtime_t                 *rt;
    http_conn_id_t             id;
    uint32_t                   waiting;       /* messages in the mailbox                                */
    size_t                     waiting_bytes; /* of their payloads                                      */
    mk_timer_t                 retry;         /* owed, but there was no memory                          */
    uint8_t                    owed;
    bool                       abandoned;     /* its actor wants to hear no more, or has ended          */
    bool                       full;          /* who produces was paused                                */
    bool                       done;          /* nothing but the last message keeps the record          */
    bool                       heard;         /* the last message has left the mailbox                  */
};

void mk_actor_link_init(mk_actor_link_t *link, const mk_actor_host_t *host, const mk_actor_link_ops_t *ops, runtime_t *rt,
                        http_conn_id_t id);

/* Owes the actor news, and tells it if it can. After MK_LINK_LAST nothing is told or sent. */
void mk_actor_link_tell(mk_actor_link_t *link, uint32_t what);

/* Sends data. True: the window is full now; stop until `go_on`. */
bool mk_actor_link_send(mk_actor_link_t *link, message_t *msg);

/* For the host: a message of this link has left the mailbox. The record may be gone afterwards. */
void mk_actor_link_handled(mk_actor_link_t *link, const message_t *msg);

/* For the host, by way of the functions for each kind: the owner is not to be told anything any more. */
void mk_actor_link_abandon(mk_actor_link_t *link);

/* The work is done, and host->over is due: now, or when the actor has heard the last. The record may be gone afterwards. */
void mk_actor_link_over(mk_actor_link_t *link);

/* Out of what is owed: no timer runs. For a host that frees its record early (the runtime ends). */
void mk_actor_link_fini(mk_actor_link_t *link);

/* A message around a payload. NULL: out of memory. */
message_t *mk_actor_link_message(const mk_actor_link_t *link, msg_type_t type, const void *payload, size_t size);

#endif
