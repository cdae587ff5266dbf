/* SPDX-License-Identifier: Apache-2.0 */
/* actor_ws.h -- a WebSocket as actors see it: MSG_WS_OPEN, MSG_WS_MESSAGE ..., MSG_WS_CLOSED, and the calls that send. Messages
 * are unmasked straight into the memory in which they travel.
 *
 * The connection's record embeds it. Its stream's calls go to the session (&actor_ws->ws, see websocket.h), admit() goes to
 * mk_actor_link_handled(&actor_ws->link), the actor's end and actor_http_close() to mk_actor_ws_abandon(). host->over, last,
 * comes when the stream is closed and the actor has heard all; it calls mk_actor_ws_fini() and frees the record. */
#ifndef MK_HTTP_ACTOR_WS_H
#define MK_HTTP_ACTOR_WS_H

#include "http/actor_link.h"
#include "http/websocket.h"

typedef struct mk_actor_ws {
    mk_actor_link_t link; /* first, so that a link is one of these */
    mk_websocket_t  ws;
    message_t      *coming;      /* being read                        */
    char           *subprotocol; /* NULL: none                        */
    uint16_t        close_code;
} mk_actor_ws_t;

extern const mk_websocket_ops_t mk_actor_ws_ops; /* of the kind that is passed below */

/* Takes over an open stream after the handshake, as mk_websocket_start(), and tells the actor. MK_ERR_NOMEM (for the
 * subprotocol; NULL or "": none): nothing was started. `config` is completed and outlives it. */
MK_MUST_CHECK mk_err_t mk_actor_ws_start(mk_actor_ws_t *actor_ws, const mk_actor_host_t *host, runtime_t *rt, http_conn_id_t id,
                                         mk_websocket_kind_t *kind, const mk_websocket_config_t *config, mk_stream_t *stream,
                                         bool server, const mk_ws_terms_t *terms, const char *subprotocol);

/* The actor wants to hear no more of it or has ended: the peer is told 1001, and host->over comes when that is done. The
 * record may be gone when this returns. */
void mk_actor_ws_abandon(mk_actor_ws_t *actor_ws);

/* Gives everything back; no call comes any more. In host->over, or earlier, when the runtime ends. Leaves the stream alone. */
void mk_actor_ws_fini(mk_actor_ws_t *actor_ws);

/* For the room of this runtime to define: the running actor's WebSocket of that id, or NULL. */
mk_actor_ws_t *mk_http_find_ws(runtime_t *rt, http_conn_id_t id);

#endif
