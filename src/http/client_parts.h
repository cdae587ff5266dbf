/* SPDX-License-Identifier: Apache-2.0 */
/* client_parts.h -- what the client's files share; see fetch.h for what they make together.
 *
 * A fetch waits in the line of its origin until the pump gives it a connection (an idle one, or a new one within the limit); it
 * has that connection for itself until its answer is whole. Whatever may free a place in a line asks for the pump, which runs
 * before the loop waits: so no fetch is served, and nobody called, from inside somebody else's call. */
#ifndef MK_HTTP_CLIENT_PARTS_H
#define MK_HTTP_CLIENT_PARTS_H

#include "base/buffer.h"
#include "base/list.h"
#include "http/codec/body.h"
#include "http/codec/url.h"
#include "http/fetch.h"
#include "loop/jobs.h"
#include "runtime/attach.h"
#include "socket/sockets.h"

typedef struct mk_conn   mk_conn_t;
typedef struct mk_origin mk_origin_t;

enum {
    MK_FETCH_TEXT_BYTES = 128,       /* of a failure's text                                             */
    MK_FETCH_EARLY_BYTES = 262144,   /* of a streamed body, before there is a connection                */
};

/* ---- origins: whose connections are interchangeable ---------------------------------------------------------------------- */

struct mk_origin {
    mk_client_t *client;
    mk_node_t    all;
    mk_node_t    hungry;       /* in the client's list of those the pump has to look at */
    mk_fetch_t  *first, *last; /* in line                                               */
    mk_node_t   *idle;         /* connections, most recently used first                 */
    uint32_t     conns;        /* idle ones, busy ones and those being made             */
    bool         apart;        /* the client's own, for connections that are not shared: no limit, nothing kept */
    size_t       key_size;
    char         key[];
};

/* ---- the client ---------------------------------------------------------------------------------------------------------- */

struct mk_trust_job;

struct mk_client {
    mk_room_t            room; /* when it is a runtime's own */
    mk_net_t            *net;
    mk_loop_t           *loop;
    mk_node_t           *origins, *hungry, *conns, *fetches;
    mk_origin_t         *apart;
    mk_deferred_t        pump;
    mk_client_env_fn    *env;
    uint32_t             per_host_max, idle_max, idle_ms;
    uint32_t             fetches_n, idle_n;
    struct mk_trust_job *trust_job; /* the system's authorities are being read                  */
    socket_tls_t        *trust;     /* NULL: not yet                                            */
    mk_buffer_t          scratch;   /* a request's head on its way                              */
    mk_http_field_t      fields[MK_HTTP_FIELDS];
};

/* ---- connections --------------------------------------------------------------------------------------------------------- */

typedef enum mk_conn_state {
    MK_CONN_TRUST,    /* waits for the system's authorities         */
    MK_CONN_DIAL,     /* connecting, TLS included                   */
    MK_CONN_TUNNEL,   /* a proxy was asked to connect               */
    MK_CONN_SHAKE,    /* TLS through the tunnel                     */
    MK_CONN_BUSY,     /* a request is under way                     */
    MK_CONN_IDLE,     /* kept; no fetch                             */
    MK_CONN_UPGRADED, /* bytes are the upgrade's                    */
} mk_conn_state_t;

struct mk_conn {
    mk_client_t     *client;
    mk_origin_t     *origin;
    mk_fetch_t      *fetch;   /* NULL: idle                                         */
    mk_stream_t      stream;
    mk_stream_kind_t kind;
    mk_node_t        all, idle;
    mk_timer_t       timer;   /* idle for too long                                  */
    uint64_t         idle_us; /* since when                                         */
    socket_tls_t    *tls;     /* retained; NULL: plain                              */
    size_t           scanned; /* of the head that is being read                     */
    mk_conn_state_t  state;
    bool             used;    /* has brought an answer before                       */
};

/* ---- fetches ------------------------------------------------------------------------------------------------------------- */

typedef enum mk_route { MK_ROUTE_DIRECT, MK_ROUTE_FORWARD, MK_ROUTE_TUNNEL } mk_route_t;

typedef enum mk_fetch_state {
    MK_FETCH_CONNECTING, /* or about to be put in line                           */
    MK_FETCH_IN_LINE,
    MK_FETCH_HEAD,     /* the request is being sent, the answer's head awaited */
    MK_FETCH_BODY,
    MK_FETCH_REDIRECT, /* the same for a body that nobody wants                */
    MK_FETCH_UPGRADED,
} mk_fetch_state_t;

struct mk_fetch {
    mk_client_t            *client;
    const mk_fetch_ops_t   *ops;
    const mk_upgrade_ops_t *upgrade;
    void                   *arg;
    mk_node_t               all;
    mk_origin_t            *origin;
    mk_fetch_t             *prev, *next;  /* in line                                                   */
    mk_conn_t              *conn;         /* NULL: in line                                             */
    bool                   *gone;         /* of the call on the stack: set when the fetch is freed in it */
    mk_timer_t              deadline, total;
    mk_deferred_t           turn;         /* after a pause                                             */
    uint64_t                moved_ms;     /* when a piece of a body came last                          */

    /* What is asked for. */
    mk_url_t         url, proxy;          /* proxy: empty with MK_ROUTE_DIRECT                         */
    mk_url_t         target;              /* of a redirect whose body has not ended                    */
    mk_route_t       route;
    mk_http_method_t method;
    char            *method_text;
    char            *proxy_given;         /* NULL: the environment's                                   */
    mk_buffer_t      credentials;         /* "Basic ..." from the address; empty: none                 */
    mk_buffer_t      fields, lines;       /* the caller's, as they go out                              */
    mk_buffer_t      body;                /* of the request; streamed: framed, waits for a connection  */
    socket_tls_t    *tls;
    uint64_t         stream_bytes, stream_left; /* of a streamed body                                  */
    uint64_t         body_bytes_max;
    uint32_t         connect_ms, response_ms, body_ms;
    int32_t          redirects_left;

    /* The answer. */
    mk_http_body_t   answer;
    size_t           pending;             /* bytes of content that the user has not taken              */
    uint32_t         interims;            /* 1xx that came                                             */
    uint16_t         status;              /* of a redirect                                             */
    mk_fetch_state_t state;
    bool             apart, follows, no_body_deadline;
    bool             streams, chunked, sent_all, sent_any, full; /* a streamed body                    */
    bool             keep_alive;          /* as the answer says                                        */
    bool             answered;            /* a byte of it has come                                     */
    bool             retried;             /* the second attempt, on a connection of its own            */
    bool             paused, left, ended; /* bytes wait in the stream; the server has ended its side   */
};

/* ---- client_pool.c ------------------------------------------------------------------------------------------------------- */

/* Puts the fetch into the line of its origin (its route is known). MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_pool_join(mk_fetch_t *fetch);
void                   mk_pool_leave_line(mk_fetch_t *fetch);
/* The pump looks at this origin before the loop waits. */
void mk_pool_look_at(mk_origin_t *origin);
/* A connection that is free for the next. */
void mk_pool_keep(mk_conn_t *conn);
void mk_pool_not_idle(mk_conn_t *conn);
/* Frees an origin that nobody needs. */
void mk_pool_drop_origin(mk_origin_t *origin);
mk_origin_t *mk_pool_origin(mk_client_t *client, const char *key, size_t key_size, bool apart);

/* ---- client_conn.c ------------------------------------------------------------------------------------------------------- */

/* A new connection for this fetch. The fetch may have failed when this returns. */
void mk_conn_open(mk_fetch_t *fetch);
/* An idle one. The same. */
void mk_conn_use(mk_conn_t *conn, mk_fetch_t *fetch);
/* Closes and frees it; its fetch, if any, has no connection then. */
void mk_conn_close(mk_conn_t *conn);
/* The system's authorities are known, or cannot be. */
void mk_conn_trusted(mk_client_t *client, mk_err_t err, const char *why);

/* ---- client_request.c ---------------------------------------------------------------------------------------------------- */

/* Writes head and body (as much as there is of it) to the fetch's connection. False: the fetch has failed. */
bool mk_request_write(mk_fetch_t *fetch);
/* Asks the proxy for a tunnel. MK_ERR_NOMEM, MK_ERR_CLOSED. */
MK_MUST_CHECK mk_err_t mk_request_tunnel(mk_fetch_t *fetch);
/* "Basic ..." from "name:password". */
bool mk_request_basic(mk_buffer_t *out, const mk_url_t *url);
/* Appends the caller's fields, checked. */
MK_MUST_CHECK mk_err_t mk_request_fields(mk_buffer_t *out, const char *const *headers, size_t n);
/* What a redirect changes: the method, and what may not go to another origin. */
void mk_request_redirect(mk_fetch_t *fetch, unsigned status, bool same_origin);

/* ---- client_answer.c ----------------------------------------------------------------------------------------------------- */

/* Bytes for a busy connection; how many are done with (any number when the fetch is gone). */
size_t mk_answer_data(mk_fetch_t *fetch, const uint8_t *bytes, size_t size);
void   mk_answer_end(mk_fetch_t *fetch);
void   mk_answer_broken(mk_fetch_t *fetch, mk_err_t why, const char *text);
void   mk_answer_turn(mk_loop_t *loop, mk_deferred_t *deferred);

/* ---- client_proxy.c ------------------------------------------------------------------------------------------------------ */

/* How to reach the fetch's address: sets route and proxy. MK_ERR_INVALID: a proxy's address is none; MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_proxy_route(mk_fetch_t *fetch);
/* Whether NO_PROXY's `list` exempts it. */
bool mk_proxy_is_exempt(const char *list, const mk_url_t *url);

/* ---- client_trust.c ------------------------------------------------------------------------------------------------------ */

/* Has mk_conn_trusted() called, later. */
MK_MUST_CHECK mk_err_t mk_trust_ask(mk_client_t *client);
void                   mk_trust_forget(mk_client_t *client);

/* ---- fetch.c ------------------------------------------------------------------------------------------------------------- */

/* It and its connection are gone, and its user is told. */
void mk_fetch_fail(mk_fetch_t *fetch, mk_err_t why, const char *format, ...) MK_PRINTF(3, 4);
void mk_fetch_free(mk_fetch_t *fetch);
/* The deadline of the phase it is in. */
void mk_fetch_arm(mk_fetch_t *fetch, uint32_t ms);
/* Its route is found anew and it joins a line. MK_ERR_INVALID, MK_ERR_NOSYS, MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_fetch_begin(mk_fetch_t *fetch, const char **why);

static inline bool mk_url_is_empty(const mk_url_t *url) { return url->block == NULL; }

#endif
