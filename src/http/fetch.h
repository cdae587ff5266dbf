/* SPDX-License-Identifier: Apache-2.0 */
/* fetch.h -- the HTTP/1.1 client (RFC 9110, 9112) below the actors' calls: one fetch is one request with its answer, redirects,
 * proxies and second attempts on the way included. Event sources, WebSockets, downloads and the actors' calls are made of it.
 * Nothing waits, and no phase is without a deadline. One thread, that of the client's loop.
 *
 * A client keeps connections per origin and shares them: at most `per_host_max` at a time, further fetches wait in line. An idle
 * one is kept for a while; what its server says or does meanwhile ends it.
 *
 * A fetch lives from mk_fetch_start() to its last call, which is one of `end`, `failed` and (after `upgraded`) the upgrade's
 * `closed`: it is gone by then, the pointer is not used any more. mk_fetch_cancel() ends it at any time before, from inside its
 * calls as well, and no call comes any more. No call is made from inside mk_fetch_start() or any other function here but
 * mk_client_destroy(), which makes none either. */
#ifndef MK_HTTP_FETCH_H
#define MK_HTTP_FETCH_H

#include "http/codec/head.h"
#include "microkernel/mk_socket.h" /* socket_tls_t */
#include "microkernel/types.h"
#include "net/stream.h"

typedef struct mk_client mk_client_t;
typedef struct mk_fetch  mk_fetch_t;

/* ---- clients ------------------------------------------------------------------------------------------------------------- */

/* MK_ERR_NOMEM. The net outlives it. */
MK_MUST_CHECK mk_err_t mk_client_create(mk_net_t *net, mk_client_t **out);
/* Every connection is closed; fetches under way are dropped without a call. */
void mk_client_destroy(mk_client_t *client);

/* The runtime's own, made at the first use; it ends with the runtime, after all actors. MK_ERR_NOMEM, MK_ERR_LIMIT. */
MK_MUST_CHECK mk_err_t mk_client_of(runtime_t *rt, mk_client_t **out);

/* How many connections to one host at a time (0: 6), how many idle ones are kept in all (0: 32), and for how long (0: 60 s). */
void mk_client_pool(mk_client_t *client, uint32_t per_host_max, uint32_t idle_max, uint32_t idle_ms);

/* Where HTTP_PROXY and the like are looked up; NULL: the process's environment. For tests. */
typedef const char *mk_client_env_fn(const char *name);
void mk_client_set_env(mk_client_t *client, mk_client_env_fn *env);

typedef struct mk_client_info {
    uint32_t fetches; /* under way                                          */
    uint32_t waiting; /* of those: in line for a connection                 */
    uint32_t busy;    /* connections that serve one, or are being made      */
    uint32_t idle;
    uint32_t apart;   /* upgraded ones, and those of fetches with `apart`   */
} mk_client_info_t;
void mk_client_info(const mk_client_t *client, mk_client_info_t *out);

/* ---- fetches ------------------------------------------------------------------------------------------------------------- */

/* What an upgraded connection (101) says: bytes are no longer HTTP's. Signatures are those of mk_stream_ops_t but for `arg`. */
typedef struct mk_upgrade_ops {
    /* The answer's head, borrowed, and the open stream: from now on write to it, pause, resume and finish it by its own calls. It
     * stays the fetch's: mk_fetch_cancel() closes it (mk_stream_close() by its user is allowed too, then mk_fetch_cancel()). What
     * the server has sent behind its head comes to `data` next. The total deadline counts no more. */
    void   (*upgraded)(void *arg, const mk_http_response_t *response, mk_stream_t *stream);
    size_t (*data)(void *arg, const uint8_t *bytes, size_t size);
    void   (*end)(void *arg);
    void   (*drained)(void *arg);
    void   (*closed)(void *arg, mk_err_t why); /* the last one: the stream is closed, the fetch is gone when this returns */
} mk_upgrade_ops_t;

typedef struct mk_fetch_ops {
    /* The answer's head, once; texts are borrowed. 1xx are not told, nor redirects that are followed, nor a proxy's. */
    void   (*head)(void *arg, const mk_http_response_t *response);
    /* A piece of its body, out of its framing; borrowed. Returns how many bytes it is done with. Fewer than all: nothing more
     * comes before mk_fetch_resume(), then the rest is offered again. */
    size_t (*data)(void *arg, const uint8_t *bytes, size_t size);
    /* The answer is whole. The last call. */
    void   (*end)(void *arg);
    /* It is not, and will not be. The last call. `text` is for people, borrowed, never NULL, less than 128 bytes.
     *   MK_ERR_NOTFOUND  no such host
     *   MK_ERR_IO        refused, reset, unreachable, cut off in the middle
     *   MK_ERR_TIMEOUT   a deadline; `text` says which
     *   MK_ERR_PROTO     not HTTP, or TLS (an expired certificate, say)
     *   MK_ERR_TOOLONG   more body than body_bytes_max
     *   MK_ERR_LIMIT     too many redirects, too many 1xx, descriptors
     *   MK_ERR_DENIED    a proxy refused (its status is in `text`)
     *   MK_ERR_NOSYS     a redirect to https: in a build without TLS
     *   MK_ERR_INVALID   a redirect to what is no http: or https: address
     *   MK_ERR_NOMEM */
    void   (*failed)(void *arg, mk_err_t why, const char *text);
    /* mk_fetch_send() has answered MK_ERR_FULL, and now there is room. NULL where no body is streamed. */
    void   (*drained)(void *arg);
} mk_fetch_ops_t;


/* Zero takes the default named. All is copied. */
typedef struct mk_fetch_options {
    const char        *method;    /* a token; NULL: GET                                                               */
    const char        *url;       /* http: or https:; with `upgrade` ws: or wss: as well                               */
    const char *const *headers;   /* "Key: Value"; Host, Connection, Content-Length and other fields of the framing are refused */
    size_t             headers_n;
    mk_slice_t         lines;     /* whole field lines with their CR LF, made by codec/message.h and not looked at: what a
                                     handshake needs besides, Connection and Upgrade included. For the first origin alone   */
    mk_slice_t         body;
    bool               stream_body; /* the body follows by mk_fetch_send() instead                                   */
    int64_t            stream_bytes; /* its length; -1: chunked                                                      */
    const mk_upgrade_ops_t *upgrade; /* a 101 is wanted: `lines` have the Upgrade field. Any other answer is told by `head` and so
                                     on as ever; redirects are not followed. Through a proxy by CONNECT always         */
    bool               apart;     /* a connection of its own, beside the limit per host and not kept afterwards: for answers that
                                     never end. Implied by `upgrade`                                                  */
    socket_tls_t      *tls;       /* retained; NULL: the system's authorities                                         */
    const char        *proxy;     /* "http://[user:pass@]host:port"; NULL: the environment's; "": none                */
    int32_t            redirects_max;  /* 0: 5; -1: none are followed, and a redirect is an answer like any other      */
    uint64_t           body_bytes_max; /* of the answer: MK_ERR_TOOLONG beyond; 0: no limit                            */
    uint32_t           connect_ms;     /* waiting in line, look-up, connecting, proxy and TLS together; 0: 10,000      */
    uint32_t           response_ms;    /* from the request's end (or progress in sending it) to the answer's head; 0: 30,000 */
    uint32_t           body_ms;        /* between two pieces of a body, unless it is our side that pauses; 0: 30,000   */
    uint32_t           total_ms;       /* of all, redirects included; 0: none                                          */
    bool               no_body_deadline; /* body_ms is not counted: for event sources                                 */
} mk_fetch_options_t;

/* Begins. On failure nothing follows and *out is untouched. `why` (may be NULL) gets a few words for people, static.
 *   MK_ERR_INVALID  URL, method, a header, the proxy's address
 *   MK_ERR_TOOLONG  a URL or head above MK_HTTP_HEAD_BYTES
 *   MK_ERR_NOSYS    https: in a build without TLS
 *   MK_ERR_LIMIT    too many fetches at a time (MK_FETCHES_MAX)
 *   MK_ERR_NOMEM */
enum { MK_FETCHES_MAX = 4096 };
MK_MUST_CHECK mk_err_t mk_fetch_start(mk_client_t *client, const mk_fetch_options_t *options, const mk_fetch_ops_t *ops,
                                      void *arg, mk_fetch_t **out, const char **why);

/* Over, now: no call comes any more. A connection in the middle of something is closed. */
void mk_fetch_cancel(mk_fetch_t *fetch);

/* No `data` and no `end` until resumed; then in the next round. Both may be repeated. */
void mk_fetch_pause(mk_fetch_t *fetch);
void mk_fetch_resume(mk_fetch_t *fetch);

/* A piece of a streamed request body, copied and taken whole. Sending may begin at once; what is sent before there is a
 * connection waits. MK_ERR_FULL: 256 KiB wait already, nothing was taken, and `drained` will be called. MK_ERR_TOOLONG: more than
 * stream_bytes, nothing was taken. MK_ERR_CLOSED: it was ended, or is not wanted any more: the connection is breaking, or a
 * redirect goes on without it. MK_ERR_INVALID: not streamed. MK_ERR_NOMEM. A server may answer before it has read all of it; the
 * answer's end is the end of the fetch, sent or not. A streamed body cannot be sent twice: a redirect that asks for that is an
 * answer like any other. */
MK_MUST_CHECK mk_err_t mk_fetch_send(mk_fetch_t *fetch, const void *data, size_t size);
/* That was all. MK_ERR_INVALID: fewer bytes than stream_bytes were sent; go on, or cancel. MK_ERR_FULL and so on as above. */
MK_MUST_CHECK mk_err_t mk_fetch_send_end(mk_fetch_t *fetch);

/* The address it is about at present: that of the last redirect. "http://host/path"; appended. False: out of memory. */
bool mk_fetch_append_url(mk_buffer_t *out, const mk_fetch_t *fetch);

#endif
