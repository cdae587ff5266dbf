/* SPDX-License-Identifier: Apache-2.0 */
/* http.h -- HTTP/1.1 (RFC 9110, 9112), server-sent events (WHATWG) and WebSockets (RFC 6455, 7692) for actors, client and
 * server. No call waits: what happens is a message to the actor that asked.
 *
 * All calls are for the runtime's thread and, unless they say otherwise, from inside a behaviour: what was opened belongs to the
 * running actor and is closed when it ends. A http_conn_id_t names one exchange (a request with its answer) or the event stream
 * or WebSocket it becomes, never a whole connection: pipelined requests have an id each, and their answers leave in order
 * whatever the order they were given in. Ids are never 0 and are not used again for long. Everything passed is copied unless a
 * call says otherwise. Calls that return bool log why they failed; their _opts forms say it. */
#ifndef MICROKERNEL_HTTP_H
#define MICROKERNEL_HTTP_H

#include "microkernel/error.h"
#include "microkernel/message.h"
#include "microkernel/mk_socket.h" /* socket_tls_t, socket_addr_t */
#include "microkernel/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef uint32_t http_conn_id_t;
#define HTTP_CONN_ID_INVALID ((http_conn_id_t)0)

/* System message types 0x50-0x6F. */
#define MSG_HTTP_RESPONSE     (MK_MSG_SYSTEM_BASE + 0x50u) /* http_response_payload_t: client, all of it, or a streamed head   */
#define MSG_HTTP_ERROR        (MK_MSG_SYSTEM_BASE + 0x51u) /* http_error_payload_t: client; the last one of its id             */
#define MSG_HTTP_REQUEST      (MK_MSG_SYSTEM_BASE + 0x52u) /* http_request_payload_t: server                                   */
#define MSG_HTTP_LISTEN_ERROR (MK_MSG_SYSTEM_BASE + 0x53u) /* http_error_payload_t, conn_id 0: a listener gave up. None does
                                                              today: out of descriptors it rests and tries again               */
#define MSG_HTTP_CONN_CLOSED  (MK_MSG_SYSTEM_BASE + 0x54u) /* http_error_payload_t: server; the requester is gone before its answer
                                                              was whole; nothing more can be said to it. Who only sent its end
                                                              and reads on is not gone                                         */
#define MSG_HTTP_BODY         (MK_MSG_SYSTEM_BASE + 0x55u) /* http_body_payload_t: a piece of a streamed body                  */
#define MSG_HTTP_BODY_END     (MK_MSG_SYSTEM_BASE + 0x56u) /* http_body_payload_t without data: that was all of it             */
#define MSG_HTTP_DRAINED      (MK_MSG_SYSTEM_BASE + 0x57u) /* http_conn_payload_t: after MK_ERR_FULL there is room again       */
#define MSG_HTTP_PROGRESS     (MK_MSG_SYSTEM_BASE + 0x58u) /* http_progress_payload_t: of a download                           */
#define MSG_SSE_OPEN          (MK_MSG_SYSTEM_BASE + 0x60u) /* sse_status_payload_t: client; again after each reconnection       */
#define MSG_SSE_EVENT         (MK_MSG_SYSTEM_BASE + 0x61u) /* sse_event_payload_t                                              */
#define MSG_SSE_CLOSED        (MK_MSG_SYSTEM_BASE + 0x62u) /* sse_status_payload_t: client: over for good; server: reader gone  */
#define MSG_WS_OPEN           (MK_MSG_SYSTEM_BASE + 0x68u) /* ws_status_payload_t: both sides                                  */
#define MSG_WS_MESSAGE        (MK_MSG_SYSTEM_BASE + 0x69u) /* ws_message_payload_t                                             */
#define MSG_WS_CLOSED         (MK_MSG_SYSTEM_BASE + 0x6Au) /* ws_status_payload_t: the last one of its id                      */
#define MSG_WS_ERROR          (MK_MSG_SYSTEM_BASE + 0x6Bu) /* http_error_payload_t: never opened; the last one of its id       */

/* ---- payloads: fields first, bytes behind them; use the accessors --------------------------------------------------------- */

typedef struct http_conn_payload {
    http_conn_id_t conn_id;
} http_conn_payload_t;

/* error_code is a mk_err_t: MK_ERR_NOTFOUND (no such host), MK_ERR_IO (refused, reset, unreachable, disk), MK_ERR_TIMEOUT,
 * MK_ERR_PROTO (TLS, or not HTTP), MK_ERR_TOOLONG (a limit), MK_ERR_LIMIT (too many redirects, connections), MK_ERR_NOMEM,
 * MK_ERR_NOSYS (https: without a TLS engine), MK_ERR_CLOSED, MK_ERR_DENIED. */
typedef struct http_error_payload {
    http_conn_id_t conn_id;
    int            error_code;
    char           message[128]; /* for people, NUL-terminated */
} http_error_payload_t;

/* Headers are packed "Key: Value\0", one after the other; names as they came. */
typedef struct http_response_payload {
    http_conn_id_t conn_id;
    int            status_code;
    size_t         headers_size;
    size_t         body_size;
} http_response_payload_t;

static inline const char    *http_response_headers(const http_response_payload_t *p) { return (const char *)(p + 1); }
static inline const uint8_t *http_response_body(const http_response_payload_t *p) {
    return (const uint8_t *)(p + 1) + p->headers_size;
}

/* Method and path (with its query, as it came) are NUL-terminated; their sizes are without the NUL. */
typedef struct http_request_payload {
    http_conn_id_t conn_id;
    size_t         method_size;
    size_t         path_size;
    size_t         headers_size;
    size_t         body_size;
} http_request_payload_t;

static inline const char *http_request_method(const http_request_payload_t *p) { return (const char *)(p + 1); }
static inline const char *http_request_path(const http_request_payload_t *p) {
    return http_request_method(p) + p->method_size + 1;
}
static inline const char *http_request_headers(const http_request_payload_t *p) {
    return http_request_path(p) + p->path_size + 1;
}
static inline const uint8_t *http_request_body(const http_request_payload_t *p) {
    return (const uint8_t *)http_request_headers(p) + p->headers_size;
}

typedef struct http_body_payload {
    http_conn_id_t conn_id;
    uint32_t       data_size;
} http_body_payload_t;
static inline const uint8_t *http_body_data(const http_body_payload_t *p) { return (const uint8_t *)(p + 1); }

typedef struct http_progress_payload {
    http_conn_id_t conn_id;
    uint64_t       received_bytes;
    uint64_t       total_bytes; /* UINT64_MAX: not known */
} http_progress_payload_t;

typedef struct sse_status_payload {
    http_conn_id_t conn_id;
    int            status_code; /* of the response; 0: there was none */
} sse_status_payload_t;

/* Name and data are NUL-terminated; their sizes are without the NUL. An event without a name is "message". */
typedef struct sse_event_payload {
    http_conn_id_t conn_id;
    size_t         event_size;
    size_t         data_size;
} sse_event_payload_t;
static inline const char *sse_event_name(const sse_event_payload_t *p) { return (const char *)(p + 1); }
static inline const char *sse_event_data(const sse_event_payload_t *p) { return sse_event_name(p) + p->event_size + 1; }
/* The id in force, this event's or an earlier one's, which a reconnection would ask to go on from; "": none. */
static inline const char *sse_event_id(const sse_event_payload_t *p) { return sse_event_data(p) + p->data_size + 1; }

typedef struct ws_status_payload {
    http_conn_id_t conn_id;
    uint16_t       close_code; /* MSG_WS_CLOSED: the peer's, 1005 when it gave none, 1006 when it vanished; else 0 */
} ws_status_payload_t;
/* Of MSG_WS_CLOSED: the peer's reason, or what it was told that it had done wrong (1002, 1007, 1009); "": none. UTF-8, up to 123 bytes,
 * from a stranger. */
static inline const char *ws_close_reason(const ws_status_payload_t *p) { return (const char *)(p + 1); }

typedef struct ws_message_payload {
    http_conn_id_t conn_id;
    bool           is_binary;
    size_t         data_size;
} ws_message_payload_t;
static inline const uint8_t *ws_message_data(const ws_message_payload_t *p) { return (const uint8_t *)(p + 1); }

/* The value of a packed header (names in either case), NULL when there is none. `headers` and `size` from a payload. */
const char *http_header_get(const char *headers, size_t size, const char *name);

/* ---- server: listeners and routes -------------------------------------------------------------------------------------------- */

/* Zero takes the default named. */
typedef struct http_limits {
    uint32_t connections_max;   /* who comes then waits in the system's queue; 1,024                                  */
    uint32_t header_bytes_max;  /* 431; 16,384                                                                        */
    uint32_t headers_max;       /* 431; 100                                                                           */
    uint32_t target_bytes_max;  /* 414; 8,000                                                                         */
    uint64_t body_bytes_max;    /* 413; of a streamed body as well; 1 MiB                                             */
    uint32_t pipeline_max;      /* requests of a connection that wait for their answers; 32. Reading pauses there     */
    uint32_t header_ms;         /* from a request's first byte to its head's end; 408; 10,000                         */
    uint32_t idle_ms;           /* between requests; 60,000                                                           */
    uint32_t body_ms;           /* between two pieces of a body; 408; 30,000                                          */
    uint32_t write_ms;          /* the peer takes nothing; 30,000                                                     */
    uint32_t handshake_ms;      /* TLS; 10,000                                                                        */
    uint32_t respond_ms;        /* for the actor to answer; 503 then, and its answer is refused; 60,000                */
    uint32_t queue_bytes;       /* of an answer not taken by the peer yet: writes are refused from here on; 262,144   */
    uint32_t ws_message_bytes_max; /* 1009; 1 MiB                                                                     */
} http_limits_t;

typedef struct http_listen_options {
    const char   *host;    /* an address in digits; NULL: 127.0.0.1, this machine only                   */
    uint16_t      port;    /* 0: one is chosen                                                           */
    const char   *path;    /* a Unix socket instead                                                      */
    socket_tls_t *tls;     /* made for a server; NULL: plain                                             */
    bool          stream_bodies; /* MSG_HTTP_REQUEST comes with the head alone; then MSG_HTTP_BODY ..., _END */
    bool          no_compression; /* WebSockets without permessage-deflate                                */
    http_limits_t limits;
} http_listen_options_t;

/* From now on requests that no route takes (below) are MSG_HTTP_REQUEST to the running actor. *port_out (may be NULL): the port.
 * MK_ERR_BUSY: the address is taken; MK_ERR_DENIED, MK_ERR_INVALID, MK_ERR_LIMIT, MK_ERR_NOMEM. A full mailbox answers 503. */
MK_MUST_CHECK mk_err_t actor_http_listen_opts(runtime_t *rt, const http_listen_options_t *options, uint16_t *port_out);
/* 127.0.0.1:port with defaults. */
bool actor_http_listen(runtime_t *rt, uint16_t port);
/* Nobody is accepted any more; requests that came are answered, each connection closes behind its last answer (graceful). With
 * the actor's end the same happens at once, and what waits for an answer gets 503. False: not this actor's. */
bool actor_http_unlisten(runtime_t *rt, uint16_t port);
/* New connections use this certificate from now on: it changes without a restart, those that are there go on with theirs. What a client
 * was given to resume with counts no more. MK_ERR_INVALID: NULL, or a client's; MK_ERR_NOTFOUND: no such listener. */
MK_MUST_CHECK mk_err_t actor_http_listen_tls(runtime_t *rt, uint16_t port, socket_tls_t *tls);

/* Routes of a listener of the running actor. Method NULL: any. Pattern: "/a/{name}/b", a last segment "{name*}" takes the rest of
 * the path; literal segments win over parameters, those over the rest. Paths are compared decoded and without dot segments. HEAD
 * goes where GET does. A path with routes for other methods only answers 405 with Allow, and OPTIONS is answered.
 * MK_ERR_EXISTS, MK_ERR_INVALID (the pattern), MK_ERR_NOTFOUND (no such listener), MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t actor_http_route(runtime_t *rt, uint16_t port, const char *method, const char *pattern, const char *actor_name);
/* The same to a function that is called at once, in the listener's actor: it answers by the calls below, maybe later. */
typedef void (*http_handler_fn)(runtime_t *rt, const http_request_payload_t *request, void *arg);
MK_MUST_CHECK mk_err_t actor_http_route_handler(runtime_t *rt, uint16_t port, const char *method, const char *pattern,
                                                http_handler_fn handler, void *arg);
/* Files below `folder`, under "pattern" which ends in "{name*}" (or is one file): GET and HEAD, ETag, Last-Modified, conditions,
 * ranges, index.html for folders, media types; nothing outside of the folder, by dots, links or otherwise; no dot files. Files are
 * read on helper threads. */
MK_MUST_CHECK mk_err_t actor_http_route_files(runtime_t *rt, uint16_t port, const char *pattern, const char *folder);

/* A parameter of the route that took the request whose message (or handler) is running: decoded, NUL-terminated, borrowed as long
 * as that. NULL: none of that name. */
const char *http_request_param(const http_request_payload_t *request, const char *name);

/* ---- server: answers -------------------------------------------------------------------------------------------------------- */

/* Answers a request: `headers` are "Key: Value"; Date, Content-Length and Connection are ours. HEAD, 204 and 304 send no body.
 * False: unknown id, answered already, the requester gone, a malformed header, out of memory. Only the actor that was given the
 * request answers it. */
bool actor_http_respond(runtime_t *rt, http_conn_id_t id, int status, const char *const *headers, size_t n, const void *body,
                        size_t size);
/* The same; the body is not copied: takes one reference of `body` (NULL: none) on MK_OK. MK_ERR_NOTFOUND, MK_ERR_CLOSED,
 * MK_ERR_INVALID, MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t actor_http_respond_buffer(runtime_t *rt, http_conn_id_t id, int status, const char *const *headers, size_t n,
                                                 message_buffer_t *body);

/* An answer in pieces: begin, any number of writes, end. `length` bytes in all, or -1: chunked (until the end of the connection
 * for HTTP/1.0). Write: MK_ERR_FULL: nothing was taken, MSG_HTTP_DRAINED will come. MK_ERR_TOOLONG: more than `length`. End with
 * fewer than `length` cuts the connection: the requester sees that it is not whole. */
MK_MUST_CHECK mk_err_t actor_http_respond_begin(runtime_t *rt, http_conn_id_t id, int status, const char *const *headers, size_t n,
                                                int64_t length);
MK_MUST_CHECK mk_err_t actor_http_respond_write(runtime_t *rt, http_conn_id_t id, const void *data, size_t size);
MK_MUST_CHECK mk_err_t actor_http_respond_end(runtime_t *rt, http_conn_id_t id);

/* 200 with text/event-stream; then events may be pushed. The data may have several lines; event NULL: "message". Push false:
 * refused, the reader is too slow or gone (MSG_HTTP_DRAINED or MSG_SSE_CLOSED follows). Comments go out as heartbeats. */
bool actor_sse_start(runtime_t *rt, http_conn_id_t id);
bool actor_sse_push(runtime_t *rt, http_conn_id_t id, const char *event, const void *data, size_t size);
typedef struct sse_options {
    uint32_t heartbeat_ms;    /* 0: 15,000                                                      */
    uint32_t retry_ms;        /* what the reader is told to wait before it asks again; 0: nothing */
    bool     close_when_full; /* a reader that cannot keep up is disconnected                    */
} sse_options_t;
MK_MUST_CHECK mk_err_t actor_sse_start_opts(runtime_t *rt, http_conn_id_t id, const sse_options_t *options);
/* With the id that a reader's Last-Event-ID will bring back; `id_text` and `event` may be NULL. */
MK_MUST_CHECK mk_err_t actor_sse_push_event(runtime_t *rt, http_conn_id_t id, const char *id_text, const char *event,
                                            const void *data, size_t size);

/* Makes a WebSocket of a request that asked for one: MSG_WS_OPEN follows. False: gone; or it did not ask, or asked wrongly, and is still
 * to be answered (MK_ERR_INVALID; MK_ERR_NOTFOUND when it is gone, or answered). */
bool actor_ws_accept(runtime_t *rt, http_conn_id_t id);
/* `subprotocol`: one of those the request offers in Sec-WebSocket-Protocol; NULL: none. */
MK_MUST_CHECK mk_err_t actor_ws_accept_opts(runtime_t *rt, http_conn_id_t id, const char *subprotocol);

/* ---- client ----------------------------------------------------------------------------------------------------------------- */

/* Zero takes the default named. */
typedef struct http_fetch_options {
    const char        *method;  /* NULL: GET                                                                      */
    const char        *url;     /* http: or https:                                                                */
    const char *const *headers; /* "Key: Value"; Host, Content-Length and Connection are ours                     */
    size_t             headers_n;
    const void        *body;    /* copied                                                                         */
    size_t             body_size;
    bool               stream;  /* MSG_HTTP_RESPONSE has the head alone; then MSG_HTTP_BODY ..., MSG_HTTP_BODY_END */
    bool               stream_body; /* the request's body follows by actor_http_send_body(); body_size its length, or 0: chunked */
    const char        *file;    /* a 200's body goes to this file, which appears when it is whole (written aside, then renamed); then
                                   MSG_HTTP_RESPONSE without a body. MSG_HTTP_PROGRESS at most 4 times a second */
    socket_tls_t      *tls;     /* NULL: the system's authorities                                                  */
    const char        *proxy;   /* "http://[user:pass@]host:port"; NULL: HTTP_PROXY, HTTPS_PROXY, NO_PROXY of the environment (lower
                                   case as well); "": none */
    int32_t            redirects_max;  /* 0: 5; -1: none are followed. Credentials go to no other origin          */
    uint64_t           body_bytes_max; /* of the answer; 0: 16 MiB, with `file` or `stream` no limit              */
    uint32_t           connect_ms;     /* waiting for a connection, look-up, proxy, TLS; 0: 10,000                                       */
    uint32_t           response_ms;    /* from the request's end to the answer's head; 0: 30,000                  */
    uint32_t           body_ms;        /* between two pieces of a body; 0: 30,000                                 */
    uint32_t           total_ms;       /* of all; 0: none                                                         */
} http_fetch_options_t;

/* One of MSG_HTTP_RESPONSE (all of it; after a streamed one MSG_HTTP_BODY_END) and MSG_HTTP_ERROR ends it. MK_ERR_INVALID (URL,
 * method, headers), MK_ERR_NOSYS (no TLS engine), MK_ERR_LIMIT (too many at a time), MK_ERR_NOMEM: nothing follows. */
MK_MUST_CHECK mk_err_t actor_http_fetch_opts(runtime_t *rt, const http_fetch_options_t *options, http_conn_id_t *out);
/* HTTP_CONN_ID_INVALID: nothing follows; logged. */
http_conn_id_t actor_http_get(runtime_t *rt, const char *url);
http_conn_id_t actor_http_fetch(runtime_t *rt, const char *method, const char *url, const char *const *headers, size_t n,
                                const void *body, size_t size);
/* Pieces of a streamed request body; MK_ERR_FULL: MSG_HTTP_DRAINED will come. `size` 0 ends it. */
MK_MUST_CHECK mk_err_t actor_http_send_body(runtime_t *rt, http_conn_id_t id, const void *data, size_t size);

/* Ends any exchange, event stream or WebSocket of the running actor, either side; nothing more comes of it, not even what lies in
 * the mailbox. A request that was not answered is 503 then, an answer that was not whole is cut, a stream of events ends in good order,
 * a WebSocket closes with 1001, a fetch is given up. Harmless on any other id, a socket's (mk_socket.h) among them. */
void actor_http_close(runtime_t *rt, http_conn_id_t id);

/* How many connections to one host are kept or open at a time (default 6), and how many kept in all (default 32). For all of the
 * runtime; any time. */
void http_client_pool(runtime_t *rt, uint32_t per_host_max, uint32_t idle_max);

/* An event source: MSG_SSE_OPEN, MSG_SSE_EVENT ...; reconnects by itself with Last-Event-ID, until MSG_SSE_CLOSED. */
http_conn_id_t actor_sse_connect(runtime_t *rt, const char *url);
typedef struct sse_connect_options {
    const char        *url;
    const char *const *headers;
    size_t             headers_n;
    socket_tls_t      *tls;
    const char        *proxy;           /* as above                                             */
    uint32_t           retry_ms;        /* until the server says otherwise; 0: 3,000            */
    uint32_t           attempts_max;    /* failures in a row before it gives up; 0: no limit    */
    uint32_t           event_bytes_max; /* 0: 1 MiB                                             */
} sse_connect_options_t;
MK_MUST_CHECK mk_err_t actor_sse_connect_opts(runtime_t *rt, const sse_connect_options_t *options, http_conn_id_t *out);

/* ws: or wss:. MSG_WS_OPEN, or MSG_WS_ERROR. */
http_conn_id_t actor_ws_connect(runtime_t *rt, const char *url);
typedef struct ws_connect_options {
    const char        *url;
    const char *const *headers;
    size_t             headers_n;
    const char        *subprotocols;      /* offered: "chat, superchat"; NULL: none             */
    socket_tls_t      *tls;
    const char        *proxy;
    uint32_t           message_bytes_max; /* 0: 1 MiB                                           */
    uint32_t           ping_ms;           /* 0: 30,000                                          */
    bool               no_compression;
} ws_connect_options_t;
MK_MUST_CHECK mk_err_t actor_ws_connect_opts(runtime_t *rt, const ws_connect_options_t *options, http_conn_id_t *out);
/* The subprotocol agreed upon; "" when none. Borrowed until the next call. */
const char *ws_subprotocol(runtime_t *rt, http_conn_id_t id);

/* ---- WebSockets, both sides --------------------------------------------------------------------------------------------------- */

/* One message. False: not open, text that is not UTF-8, or too much waits already (MSG_HTTP_DRAINED will come). */
bool actor_ws_send_text(runtime_t *rt, http_conn_id_t id, const char *text, size_t len);
bool actor_ws_send_binary(runtime_t *rt, http_conn_id_t id, const void *data, size_t len);
/* The same with the reason: MK_ERR_FULL, MK_ERR_CLOSED, MK_ERR_INVALID, MK_ERR_NOTFOUND, MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t actor_ws_try_send(runtime_t *rt, http_conn_id_t id, bool binary, const void *data, size_t len);
/* Begins the close handshake; MSG_WS_CLOSED follows. `reason` may be NULL, up to 123 bytes. */
bool actor_ws_close(runtime_t *rt, http_conn_id_t id, uint16_t code, const char *reason);

#ifdef __cplusplus
}
#endif

#endif
