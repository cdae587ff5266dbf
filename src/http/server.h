/* SPDX-License-Identifier: Apache-2.0 */
/* server.h -- what a server offers to those who answer requests inside of this room: event streams, WebSockets, files.
 *
 * An exchange is a request and its answer. It stands in the line of its connection until the answers before it have gone out
 * and its own is whole; then its record is freed, maybe from inside the call that completed it. Who answers it is one of:
 *   - an actor: the record has its id (socket.id, which is the http_conn_id_t) and is one of the actor's resources;
 *   - a service of this room: it has no id, or has given it to the service's own record (mk_http_exchange_take).
 * Answers may be given at any time: before its turn an exchange keeps them. One thread, that of its loop. */
#ifndef MK_HTTP_SERVER_H
#define MK_HTTP_SERVER_H

#include "http/codec/head.h"
#include "http/codec/ws_handshake.h"
#include "microkernel/http.h"
#include "socket/sockets.h"

typedef struct mk_http_exchange mk_http_exchange_t;

/* ---- services: exchanges answered by this room itself ------------------------------------------------------------------ */

/* Whose exchange it is. None is called from inside of the functions below. */
typedef struct mk_http_service {
    /* After MK_ERR_FULL from mk_http_exchange_write(): there is room. */
    void (*drained)(mk_http_exchange_t *exchange, void *arg);
    /* The requester is gone, or the runtime ends, before the answer was whole. The exchange is freed when this
     * returns: forget it. */
    void (*gone)(mk_http_exchange_t *exchange, void *arg);
    /* The requester has sent its end, in the middle of its answer: it may be gone, or be reading still. Whoever sends it something
     * now will be told by `gone` which of them it was. May be NULL. */
    void (*ended)(mk_http_exchange_t *exchange, void *arg);
} mk_http_service_t;

/* From now on `service` is told about the exchange. Every exchange that is not answered at once needs one. */
void mk_http_exchange_serve(mk_http_exchange_t *exchange, const mk_http_service_t *service, void *arg);

/* Gives an exchange's id and owner to a record of another kind that was made with mk_socket_create(room, NULL, ops, size): its
 * messages, its end with the actor and mk_socket_find() are the heir's from now on. The exchange belongs to `service`. */
void mk_http_exchange_take(mk_http_exchange_t *exchange, mk_socket_t *heir, const mk_http_service_t *service, void *arg);

runtime_t *mk_http_exchange_runtime(const mk_http_exchange_t *exchange);
bool       mk_http_exchange_is_head(const mk_http_exchange_t *exchange); /* HEAD: bodies are counted and not sent */

/* A whole answer; `headers` as actor_http_respond(). The body is copied. Over when it is MK_OK: forget the exchange.
 * MK_ERR_INVALID, MK_ERR_NOMEM: not answered yet. MK_ERR_CLOSED: begun already. */
MK_MUST_CHECK mk_err_t mk_http_exchange_respond(mk_http_exchange_t *exchange, int status, const char *const *headers, size_t n,
                                                const void *body, size_t size);
/* The same with a text for people that says no more than its status. It does not fail: for want of memory the connection is
 * closed. Forget the exchange. */
void mk_http_exchange_refuse(mk_http_exchange_t *exchange, int status);

/* The same in pieces; see actor_http_respond_begin(). A write of MK_OK took all. MK_ERR_FULL: nothing, `drained` will be
 * called. After end, forget the exchange; one with less than `length` written cuts the connection. */
MK_MUST_CHECK mk_err_t mk_http_exchange_begin(mk_http_exchange_t *exchange, int status, const char *const *headers, size_t n,
                                              int64_t length);
MK_MUST_CHECK mk_err_t mk_http_exchange_write(mk_http_exchange_t *exchange, const void *data, size_t size);
void                   mk_http_exchange_end(mk_http_exchange_t *exchange);

/* Closes its connection now (what was queued before is sent): a reader that is too slow, a file that shrank. `gone` is not
 * called. Forget the exchange. */
void mk_http_exchange_cut(mk_http_exchange_t *exchange);

/* ---- routes to services ------------------------------------------------------------------------------------------------ */

/* A request came. It answers with the functions above, or calls mk_http_exchange_serve() and answers later. `request` is
 * borrowed until this returns. `rest`: what "{name*}" of the pattern stands for, decoded, without dot segments; "" when the
 * pattern has none; borrowed as well. A request's body, if any, is thrown away. */
typedef void mk_http_serve_fn(mk_http_exchange_t *exchange, const mk_http_request_t *request, const char *rest, void *arg);

/* As actor_http_route(). `release(arg)` is called when the listener and all its connections are gone; not after an error. */
MK_MUST_CHECK mk_err_t mk_http_route_service(runtime_t *rt, uint16_t port, const char *method, const char *pattern,
                                             mk_http_serve_fn *serve, void (*release)(void *arg), void *arg);

/* ---- sessions: connections that stop being HTTP ------------------------------------------------------------------------ */

/* What a WebSocket's request asked for. A request that asks for one is handed out when nothing before it is unanswered, and what
 * comes behind it is not read until it is answered. */
typedef struct mk_http_ws_request {
    int             status;      /* 0: it may be accepted; else what to answer, and `why`                         */
    const char     *why;
    mk_ws_upgrade_t upgrade;
    uint32_t        protocols_size;
    char            protocols[]; /* what it offers: the values of Sec-WebSocket-Protocol, comma-separated; no NUL */
} mk_http_ws_request_t;

/* The running actor's exchange of that id whose answer has not begun; NULL: none. */
mk_http_exchange_t *mk_http_exchange_find(runtime_t *rt, http_conn_id_t id);

/* NULL: it does not ask for a WebSocket. */
const mk_http_ws_request_t *mk_http_exchange_ws(const mk_http_exchange_t *exchange);
/* What its listener says: for what is accepted and how long messages may be. */
const http_listen_options_t *mk_http_exchange_options(const mk_http_exchange_t *exchange);

/* The connection belongs to a session, embedded in a record of its own. All of the stream's calls go to it; `closed` is the last.
 * A session that has called mk_stream_close(), or was told `closed`, calls mk_http_session_over(). */
typedef struct mk_http_session mk_http_session_t;

typedef struct mk_http_session_ops {
    size_t (*data)(mk_http_session_t *session, const uint8_t *bytes, size_t size);
    void   (*end)(mk_http_session_t *session);
    void   (*drained)(mk_http_session_t *session);
    void   (*closed)(mk_http_session_t *session, mk_err_t why);
    /* Its listener stops, or its actor's did (graceful): end soon. */
    void   (*stop)(mk_http_session_t *session);
    /* The runtime ends. The stream is closed, the connection freed when this returns; the session's record is freed here. */
    void   (*destroy)(mk_http_session_t *session);
} mk_http_session_ops_t;

struct mk_http_session {
    const mk_http_session_ops_t *ops;
    struct mk_http_conn         *conn;
    mk_stream_t                 *stream;
};

/* Sends `head` (a whole 101 answer), gives the exchange's id and owner to `heir` as mk_http_exchange_take() and the connection
 * to `session`, and frees the exchange. What was read behind the request is offered to ops->data in the next round.
 * MK_ERR_CLOSED, MK_ERR_NOMEM: everything is as before. */
MK_MUST_CHECK mk_err_t mk_http_exchange_upgrade(mk_http_exchange_t *exchange, const void *head, size_t size, mk_socket_t *heir,
                                                mk_http_session_t *session, const mk_http_session_ops_t *ops);
/* Closes the stream if it is open and frees the connection; no call comes any more. */
void mk_http_session_over(mk_http_session_t *session);

#endif
