/* SPDX-License-Identifier: Apache-2.0 */
/* sockets.h -- what the files of this room share.
 *
 * A record is an actor's from its first moment: it hangs on the actor's resources and has an id. Its messages carry the id as
 * their tag, so that the room hears when one leaves the mailbox, whether it was handled or not: what lies there is bounded that
 * way. A record loses both when its actor closes it or ends; a connection may live on for a while then, to send what was queued.
 *
 * News (opened, ended, drained, closed) is owed: a bit in the record, told as soon as there is memory for the message. */
#ifndef MK_SOCKET_SOCKETS_H
#define MK_SOCKET_SOCKETS_H

#include "base/idmap.h"
#include "microkernel/mk_socket.h"
#include "net/stream.h"
#include "runtime/attach.h"

typedef struct mk_sockets {
    mk_room_t  room;
    runtime_t *rt;
    mk_net_t  *net;
    mk_idmap_t ids;
    mk_node_t *all;
} mk_sockets_t;

typedef struct mk_socket mk_socket_t;

/* News in the order in which it is told. */
enum { MK_OWED_OPEN = 1, MK_OWED_ENDED = 2, MK_OWED_DRAINED = 4, MK_OWED_LAST = 8 };

typedef struct mk_socket_ops {
    /* A message about one of the MK_OWED_ bits; NULL: out of memory. */
    message_t *(*news)(mk_socket_t *socket, uint32_t owed);
    /* A message has left the mailbox. May be NULL. */
    void       (*handled)(mk_socket_t *socket, const message_t *msg);
    /* There may be memory again: what had to stop for want of it goes on. May be NULL. */
    void       (*go_on)(mk_socket_t *socket);
    /* Its actor has closed it or ended: the record has no owner and no id any more. Frees it, now or later. */
    void       (*abandon)(mk_socket_t *socket);
    /* Gives back what it holds and frees the record. */
    void       (*destroy)(mk_socket_t *socket);
    bool         of_http; /* actor_http_close() is for it */
} mk_socket_ops_t;

struct mk_socket {
    const mk_socket_ops_t *ops;
    mk_sockets_t          *room;
    mk_node_t              all;           /* of the room                                      */
    mk_res_t               res;           /* of its owner                                     */
    actor_t               *owner;         /* NULL: it was abandoned                           */
    socket_id_t            id;
    uint32_t               owed;
    uint32_t               waiting;       /* messages in the owner's mailbox                  */
    size_t                 waiting_bytes; /* of data in them                                  */
    mk_timer_t             retry;
    bool                   large;         /* its memory is the heap's                         */
};

/* ---- sockets.c ---- */

/* The room of this runtime, made at the first use. MK_ERR_NOMEM, MK_ERR_LIMIT. */
MK_MUST_CHECK mk_err_t mk_sockets_open(runtime_t *rt, mk_sockets_t **out);

/* Makes a zeroed record of `size` bytes, whose first member is a socket, `owner`'s; with `owner` NULL nobody's, without an id.
 * NULL: out of memory. Records of an ordinary size come from the runtime's pool. */
void *mk_socket_create(mk_sockets_t *room, actor_t *owner, const mk_socket_ops_t *ops, size_t size);
/* Gives an id and an owner to a record that has none; MK_ERR_NOMEM. And takes them away, without a word to anybody. */
MK_MUST_CHECK mk_err_t mk_socket_join(mk_socket_t *socket, actor_t *owner);
void                   mk_socket_part(mk_socket_t *socket);
/* Hands id and owner, and what lies in the mailbox, from one record to another that has none. */
void mk_socket_inherit(mk_socket_t *heir, mk_socket_t *from);
/* For ops->destroy: takes the record out of everything and frees it. */
void mk_socket_free(mk_socket_t *socket);

/* The running actor's socket of that kind; NULL: it has none of this id. */
mk_socket_t *mk_socket_find(runtime_t *rt, socket_id_t id, const mk_socket_ops_t *ops);

void mk_socket_tell(mk_socket_t *socket, uint32_t owed);
/* ops->go_on is called in a moment. */
void mk_socket_starve(mk_socket_t *socket);
/* Sends `size` bytes behind a fixed part, counted until the message leaves the mailbox. False: out of memory. */
bool mk_socket_send_data(mk_socket_t *socket, msg_type_t type, const void *head, size_t head_size, const void *data, size_t size);
/* Sends a message of data, counted until it leaves the mailbox. */
void mk_socket_send(mk_socket_t *socket, message_t *msg, size_t bytes);
/* Leaves its owner and its id, and is abandoned. */
void mk_socket_leave(mk_socket_t *socket);
void mk_socket_move(mk_socket_t *socket, actor_t *to);

message_t *mk_socket_message(mk_socket_t *socket, msg_type_t type, const void *payload, size_t size);

/* ---- addr.c ---- */

socket_addr_t mk_socket_addr_of(const mk_addr_t *addr);
mk_addr_t     mk_socket_addr_to(const socket_addr_t *addr);
/* Where to listen: `host` NULL is this machine only. */
MK_MUST_CHECK mk_err_t mk_socket_place(const char *host, uint16_t port, const char *path, mk_addr_t *out);

/* ---- tls.c ---- */

struct socket_tls {
    const mk_tls_engine_t *engine;
    mk_tls_context_t      *context;
    uint32_t               refs;
    bool                   server;
    char                   psk_name[MK_TLS_PSK_NAME_MAX + 1];
    uint8_t                psk[MK_TLS_PSK_BYTES_MAX];
    size_t                 psk_bytes;
};

static inline socket_tls_t *mk_socket_tls_retain(socket_tls_t *tls) {
    if (tls != NULL) tls->refs++;
    return tls;
}

/* ---- listen.c ---- */

/* One of its connections is gone. */
void mk_socket_listener_release(mk_sockets_t *room, socket_id_t id);

/* ---- tcp.c ---- */

extern const mk_socket_ops_t mk_tcp_ops, mk_listener_ops, mk_udp_ops, mk_resolve_ops;

/* Makes a connection of an accepted descriptor, the listener's owner's; takes `fd` in any case. */
MK_MUST_CHECK mk_err_t mk_tcp_accept(mk_sockets_t *room, actor_t *owner, socket_id_t listener, int fd,
                                     const mk_addr_t *peer, const tcp_limits_t *limits, socket_tls_t *tls);
bool                   mk_tcp_info(mk_socket_t *socket, socket_info_t *out);
void                   mk_listener_info(mk_socket_t *socket, socket_info_t *out);
void                   mk_udp_info(mk_socket_t *socket, socket_info_t *out);

#endif
