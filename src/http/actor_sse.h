/* SPDX-License-Identifier: Apache-2.0 */
/* actor_sse.h -- server-sent events as actors see them. A server's response that events are pushed to (MSG_HTTP_DRAINED,
 * MSG_SSE_CLOSED), and a client's event source (MSG_SSE_OPEN, MSG_SSE_EVENT ..., MSG_SSE_CLOSED). Exchanges embed one of these;
 * admit() goes to mk_actor_link_handled(&...->link), the actor's end and actor_http_close() to the abandon functions. */
#ifndef MK_HTTP_ACTOR_SSE_H
#define MK_HTTP_ACTOR_SSE_H

#include "http/actor_link.h"
#include "http/sse.h"

/* ---- server -------------------------------------------------------------------------------------------------------------- */

typedef struct mk_actor_push mk_actor_push_t;

typedef struct mk_actor_push_host {
    mk_actor_host_t link; /* over: calls mk_actor_push_fini() and frees the record                                            */
    /* As mk_sse_push_ops_t: a piece of the response's body. */
    mk_err_t (*write)(mk_actor_push_t *push, const void *bytes, size_t size);
    /* The stream is to be closed now, and then mk_actor_push_gone() called: the reader is too slow. */
    void     (*cut)(mk_actor_push_t *push);
    /* The actor is through with it: the body is to be ended in good order, and then mk_actor_push_gone() called. */
    void     (*finish)(mk_actor_push_t *push);
} mk_actor_push_host_t;

struct mk_actor_push {
    mk_actor_link_t             link; /* first */
    const mk_actor_push_host_t *host;
    mk_sse_push_t               push;
    bool                        gone; /* the reader is */
};

extern const mk_sse_push_ops_t mk_actor_push_ops; /* of the kind that is passed below */

/* The response's head has been queued. What host->write answers, MK_ERR_NOMEM: nothing was started. */
MK_MUST_CHECK mk_err_t mk_actor_push_start(mk_actor_push_t *actor_push, const mk_actor_push_host_t *host, runtime_t *rt,
                                           http_conn_id_t id, mk_sse_push_kind_t *kind, const sse_options_t *options);
void mk_actor_push_drained(mk_actor_push_t *actor_push); /* the stream's `drained` */
/* The stream is closed. The record may be gone afterwards. */
void mk_actor_push_gone(mk_actor_push_t *actor_push);
/* The actor wants to hear no more of it or has ended. The record may be gone afterwards. */
void mk_actor_push_abandon(mk_actor_push_t *actor_push);
void mk_actor_push_fini(mk_actor_push_t *actor_push);

/* For the room of this runtime to define: the running actor's event stream of that id, or NULL; and actor_sse_start_opts(). */
mk_actor_push_t *mk_http_find_push(runtime_t *rt, http_conn_id_t id);

/* ---- client -------------------------------------------------------------------------------------------------------------- */

typedef struct mk_actor_source mk_actor_source_t;

typedef struct mk_actor_source_host {
    mk_actor_host_t link; /* over: calls mk_actor_source_fini() and frees the record                                          */
    /* As mk_sse_source_ops_t. */
    void (*request)(mk_actor_source_t *source);
    void (*abandon)(mk_actor_source_t *source);
    void (*resume)(mk_actor_source_t *source);
} mk_actor_source_host_t;

struct mk_actor_source {
    mk_actor_link_t               link; /* first */
    const mk_actor_source_host_t *host;
    mk_sse_source_t               source; /* responses, bytes and ends go here: see sse.h */
    int                           status;
};

/* The first request is asked for from inside of this call. */
void mk_actor_source_start(mk_actor_source_t *actor_source, const mk_actor_source_host_t *host, runtime_t *rt, http_conn_id_t id,
                           const mk_sse_source_config_t *config);
/* The actor wants to hear no more of it or has ended: host->abandon is called if there may be a connection. The record may be
 * gone afterwards. */
void mk_actor_source_abandon(mk_actor_source_t *actor_source);
void mk_actor_source_fini(mk_actor_source_t *actor_source);

#endif
