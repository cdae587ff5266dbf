/* SPDX-License-Identifier: Apache-2.0 */
/* actor_sessions.h -- what the WebSockets and event streams of all actors of a runtime share, and how a WebSocket looks to its
 * actor: MSG_WS_OPEN, MSG_WS_MESSAGE ..., MSG_WS_CLOSED, and the calls that send.
 *
 * Each is a record of room socket (socket/sockets.h): it has the id and the owner, and what lies in the owner's mailbox is bounded
 * by counting the messages that leave it. It lives until its connection is over and the actor has handled its last message. */
#ifndef MK_HTTP_ACTOR_SESSIONS_H
#define MK_HTTP_ACTOR_SESSIONS_H

#include "http/fetch.h"
#include "http/server.h"
#include "http/sse.h"
#include "http/websocket.h"
#include "microkernel/http.h"
#include "socket/sockets.h"

typedef struct mk_sessions {
    mk_room_t           room;
    mk_sockets_t       *sockets;
    mk_websocket_kind_t websockets;
    mk_sse_push_kind_t  pushes;
} mk_sessions_t;

/* Those of this runtime, made at the first use. MK_ERR_NOMEM, MK_ERR_LIMIT. */
MK_MUST_CHECK mk_err_t mk_sessions_open(runtime_t *rt, mk_sessions_t **out);

/* What may lie in an actor's mailbox of one session; then reading pauses, until half of it has been handled. One message may be
 * longer than that. */
enum { MK_SESSION_MESSAGES = 256, MK_SESSION_BYTES = 262144 };

static inline bool mk_session_is_full(const mk_socket_t *socket) {
    return socket->waiting >= MK_SESSION_MESSAGES || socket->waiting_bytes >= MK_SESSION_BYTES;
}
static inline bool mk_session_has_room(const mk_socket_t *socket) {
    return socket->waiting <= MK_SESSION_MESSAGES / 2 && socket->waiting_bytes <= MK_SESSION_BYTES / 2;
}

/* For calls that answer yes or no: logs why it is no. What an actor hears of anyway (drained, closed) only for debugging. */
bool mk_session_logged(runtime_t *rt, const char *call, http_conn_id_t id, mk_err_t err);

extern const mk_sse_push_ops_t mk_actor_push_ops; /* actor_push.c */

/* ---- actor_ws.c: WebSockets ---------------------------------------------------------------------------------------------------- */

extern const mk_websocket_ops_t mk_actor_ws_ops;

typedef struct mk_actor_ws {
    mk_socket_t           socket;      /* first                                                              */
    mk_websocket_t        ws;          /* once `started`                                                     */
    mk_websocket_config_t config;
    message_t            *coming;      /* being read                                                         */
    char                 *subprotocol; /* NULL: none                                                         */
    mk_http_session_t     session;     /* a server's: its connection                                         */
    mk_fetch_t           *fetch;       /* a client's: its connection; NULL: none, or gone                    */
    struct mk_ws_asking  *asking;      /* a client's, until it is open: what was asked for, or why it failed */
    char                 *reason;      /* of its close; NULL: none                                           */
    uint16_t              close_code;
    bool                  started;
    bool                  over;        /* nothing but the last message keeps the record                      */
} mk_actor_ws_t;

/* The owner's messages begin with MSG_WS_OPEN. `self` is zeroed behind its socket but for `config`. */
void mk_actor_ws_begin(mk_actor_ws_t *self, mk_sessions_t *sessions, mk_stream_t *stream, bool server, const mk_ws_terms_t *terms);
/* Without an owner: NULL, out of memory. */
mk_actor_ws_t *mk_actor_ws_create(mk_sessions_t *sessions, actor_t *owner);
void           mk_actor_ws_free(mk_actor_ws_t *self); /* leaves its connection alone */

/* actor_ws_client.c: the message that says why it never opened; what is kept for that. */
message_t *mk_ws_asking_failed(mk_actor_ws_t *self);
void       mk_ws_asking_free(mk_actor_ws_t *self);

#endif
