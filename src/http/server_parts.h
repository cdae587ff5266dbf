/* SPDX-License-Identifier: Apache-2.0 */
/* server_parts.h -- what the files of the server share.
 *
 * A server (one listener) has connections, a connection has exchanges in the order of their requests. Only the first of them
 * writes to the stream; those behind it keep what they are given until it is their turn (server_answer.c). A connection that
 * waits for a request holds no buffer and no exchange. One timer serves all its deadlines: it is moved only to an earlier time,
 * and when it fires it looks what is really due (server_conn.c). */
#ifndef MK_HTTP_SERVER_PARTS_H
#define MK_HTTP_SERVER_PARTS_H

#include "http/codec/body.h"
#include "http/codec/date.h"
#include "http/router.h"
#include "http/server.h"

typedef struct mk_http_conn   mk_http_conn_t;
typedef struct mk_http_server mk_http_server_t;

/* ---- server.c: servers of one runtime ---------------------------------------------------------------------------------- */

typedef struct mk_http_servers {
    mk_room_t     room;
    runtime_t    *rt;
    mk_sockets_t *sockets;
    mk_node_t    *all;
    mk_buffer_t   head;  /* of the answer that is being written                   */
    mk_buffer_t   path;  /* of the request that is being routed, decoded          */
    mk_buffer_t   allow; /* methods, for 405                                      */
    uint64_t      date_s; /* of the loop's clock, plus 1: when `date` was written */
    char          date[MK_HTTP_DATE_BYTES];
} mk_http_servers_t;

struct mk_http_server {
    mk_socket_t           socket;  /* of the actor that listens                    */
    mk_http_servers_t    *room;
    mk_node_t             all;     /* of the room                                  */
    mk_listener_t         listener;
    mk_stream_kind_t      kind;
    http_listen_options_t options; /* limits without zeros, tls held, no texts     */
    mk_http_limits_t      head_limits;
    mk_http_router_t      router;
    mk_node_t            *conns;
    uint32_t              conns_n;
    uint16_t              port;
    bool                  stopping;
    mk_http_field_t       fields[]; /* of the head that is being read               */
};

/* One of its connections is gone. */
void mk_http_server_release(mk_http_server_t *server);

/* ---- server_conn.c: connections ---------------------------------------------------------------------------------------- */

/* Why a connection is not read. */
enum {
    MK_PAUSE_LINE = 1,    /* pipeline_max requests wait for their answers        */
    MK_PAUSE_FULL = 2,    /* the peer does not take the answers                  */
    MK_PAUSE_WINDOW = 4,  /* the actor has not handled the pieces of the body    */
    MK_PAUSE_ALONE = 8,   /* a request for a WebSocket waits for its turn ...    */
    MK_PAUSE_UPGRADE = 16, /* ... or for its answer                              */
};

struct mk_http_conn {
    mk_stream_t         stream;
    mk_http_server_t   *server;
    socket_tls_t       *tls;
    mk_http_session_t  *session;  /* NULL: it speaks HTTP                                         */
    mk_node_t           all;      /* of its server                                                */
    mk_timer_t          timer;
    uint64_t            since_ms; /* when it became idle, the head began, the last of a body came */
    mk_http_exchange_t *first, *last;
    mk_http_exchange_t *reading;  /* whose body is coming                                         */
    mk_http_body_t      body;
    mk_http_wrong_t     wrong;    /* to be answered behind all others; status 0: nothing is       */
    size_t              scanned;
    uint16_t            line;     /* exchanges                                                    */
    uint8_t             pauses;
    uint8_t             depth;    /* calls of ours on the stack that need the record              */
    bool                in_head;  /* some of the next head has come                               */
    bool                deaf;     /* no further request is read                                   */
    bool                curt;     /* the peer has said that it sends no more requests             */
    bool                probing;  /* its end has come, and it is to be asked whether it still reads */
    bool                finishing; /* the last answer is queued                                   */
    bool                dead;     /* freed when depth is 0                                        */
};

/* What 10,000 idle connections are multiplied by. */
_Static_assert(sizeof(void *) != 8 || sizeof(mk_http_conn_t) <= 512, "an idle connection is small");

extern const mk_stream_ops_t mk_http_conn_ops;

void mk_http_conn_accept(mk_http_server_t *server, int fd);
void mk_http_conn_pause(mk_http_conn_t *conn, uint8_t why);
void mk_http_conn_resume(mk_http_conn_t *conn, uint8_t why);
/* A deadline that begins now. */
void mk_http_conn_watch(mk_http_conn_t *conn, uint32_t ms);
/* Answers `status` behind all others and reads no more. `why` is static. */
void mk_http_conn_refuse(mk_http_conn_t *conn, int status, const char *why);
/* The peer has sent its end while an answer is due: whether it is gone or reading still is known when something has been sent to
 * it. MK_HTTP_PROBE_MS after its request at the earliest, so that who gets a quick answer gets nothing but that. */
enum { MK_HTTP_PROBE_MS = 1000 };
/* When to; UINT64_MAX: it is not to be asked, or not now. */
uint64_t mk_http_conn_probe_due_ms(const mk_http_conn_t *conn);
void     mk_http_conn_probe(mk_http_conn_t *conn);
/* Nothing more will be answered: what is queued is sent, then the end. */
void mk_http_conn_finish(mk_http_conn_t *conn);
/* The same in the middle of an answer; `hard`: its end would look like the end of the answer, so the peer is told otherwise. */
void mk_http_conn_cut(mk_http_conn_t *conn, bool hard);
/* The server stops. */
void mk_http_conn_stop(mk_http_conn_t *conn);
/* The stream is closed: everybody is told, and the record freed. */
void mk_http_conn_over(mk_http_conn_t *conn);
/* The runtime ends. */
void mk_http_conn_destroy(mk_http_conn_t *conn);

static inline mk_loop_t *mk_http_loop(const mk_http_conn_t *conn) { return mk_runtime_loop(conn->server->room->rt); }
static inline uint64_t   mk_http_now_ms(const mk_http_conn_t *conn) { return mk_http_loop(conn)->now_us / 1000; }

/* ---- exchanges --------------------------------------------------------------------------------------------------------- */

typedef enum mk_http_intake {
    MK_INTAKE_COLLECT, /* the body into the message          */
    MK_INTAKE_STREAM,  /* its pieces to the actor            */
    MK_INTAKE_DISCARD,
} mk_http_intake_t;

typedef enum mk_http_answer {
    MK_ANSWER_NONE,
    MK_ANSWER_BEGUN,
    MK_ANSWER_WHOLE, /* given, maybe not sent */
} mk_http_answer_t;

struct mk_http_exchange {
    mk_socket_t              socket;
    mk_http_conn_t          *conn;    /* NULL: the requester is gone                             */
    mk_http_exchange_t      *next;    /* in its connection                                       */
    const mk_http_service_t *service; /* NULL: an actor answers                                  */
    void                    *arg;
    const mk_http_route_t   *route;   /* NULL: the listener's actor takes it                     */
    message_t               *request; /* until it is sent                                        */
    size_t                   head_size, tail_size; /* of its payload, before and behind the body */
    size_t                   room;    /* for the body, in between                                */
    mk_http_ws_request_t    *ws;
    mk_buffer_t              held;    /* of the answer, before its turn                          */
    message_buffer_t        *held_body; /* behind that                                           */
    uint64_t                 left;    /* of the length that the answer has announced             */
    uint64_t                 asked_ms; /* when the actor was                                     */
    uint8_t                  intake;  /* mk_http_intake_t                                        */
    uint8_t                  answer;  /* mk_http_answer_t                                        */
    uint8_t                  framing; /* mk_http_framing_t of the answer                         */
    uint8_t                  minor;   /* of the request's version                                */
    bool                     head;    /* its method is HEAD                                      */
    bool                     keep_alive;
    bool                     expects; /* 100 Continue, and it is still to be sent                */
    bool                     closes;  /* the connection ends behind its answer                   */
    bool                     refused; /* a write was: `drained` is owed                          */
    bool                     counting; /* the answer has no body, whatever is written            */
};

extern const mk_socket_ops_t mk_http_exchange_ops;

/* server_request.c: a head has been read. */
void mk_http_request_begin(mk_http_conn_t *conn, const mk_http_request_t *request);
/* The next bytes belong to a body. How many were taken; 0: wait. */
size_t mk_http_request_body(mk_http_conn_t *conn, const uint8_t *bytes, size_t size);
/* The body that is being read will never be whole: the request is forgotten. False: its answer has begun, and the connection was
 * cut. */
bool mk_http_request_abort(mk_http_conn_t *conn);
/* mk_room_ops_t's: a request is about to be handled. */
bool mk_http_request_admit(mk_http_servers_t *room, actor_t *actor, message_t *msg, uint32_t tag);
/* The actor has handled pieces of the body. */
void mk_http_request_handled(mk_http_exchange_t *exchange, const message_t *msg);

/* server_answer.c: the first exchange has its turn, or the stream has room again: sends what can be sent. */
void mk_http_conn_advance(mk_http_conn_t *conn);
/* Out of its connection, which may then go on. */
void mk_http_exchange_destroy(mk_http_exchange_t *exchange);
/* The connection is gone, or was cut. */
void mk_http_exchange_orphan(mk_http_exchange_t *exchange);
/* 503 and the like with a field of their own ("Name: value", or NULL). */
/* As actor_http_respond_buffer(). */
MK_MUST_CHECK mk_err_t mk_http_exchange_respond_buffer(mk_http_exchange_t *exchange, int status, const char *const *headers,
                                                       size_t n, message_buffer_t *body);
void mk_http_exchange_refuse_with(mk_http_exchange_t *exchange, int status, const char *line);
/* An answer without an exchange, the last of its connection. */
void mk_http_conn_answer_wrong(mk_http_conn_t *conn);
static inline bool mk_http_exchange_in_turn(const mk_http_exchange_t *exchange) {
    return exchange->conn != NULL && exchange->conn->first == exchange;
}

/* ---- request_message.c ------------------------------------------------------------------------------------------------- */

/* The payload of MSG_HTTP_REQUEST: its head, the body, the route's parameters (read by http_request_param). Sizes, and the parts
 * written where they belong; the payload's body_size is 0 at first. */
size_t mk_http_pack_head_size(const mk_http_request_t *request);
void   mk_http_pack_head(void *payload, const mk_http_request_t *request);
size_t mk_http_pack_params_size(const mk_http_match_t *match);
void   mk_http_pack_params(void *out, const mk_http_match_t *match);

#endif
