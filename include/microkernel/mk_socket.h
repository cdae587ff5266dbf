/* SPDX-License-Identifier: Apache-2.0 */
/* mk_socket.h -- TCP, Unix sockets, UDP and names for actors. No call waits: results are messages to the actor that asked. It
 * owns what it opened; when it ends its sockets are closed, after what it had sent has gone out.
 *
 * All calls are for the runtime's thread and, unless they say otherwise, from inside a behaviour: they are about sockets of the
 * running actor, and answer MK_ERR_NOTFOUND for any other. Ids are never 0 and are not used again for long. All strings are
 * copied. MK_ERR_NOSYS where there are no sockets. */
#ifndef MICROKERNEL_MK_SOCKET_H
#define MICROKERNEL_MK_SOCKET_H

#include "microkernel/error.h"
#include "microkernel/message.h"
#include "microkernel/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef uint32_t socket_id_t;
#define SOCKET_ID_INVALID ((socket_id_t)0)

/* System message types 0x40-0x4F. */
#define MSG_TCP_OPEN     (MK_MSG_SYSTEM_BASE + 0x40u) /* tcp_open_payload_t                              */
#define MSG_TCP_DATA     (MK_MSG_SYSTEM_BASE + 0x41u) /* tcp_data_payload_t                              */
#define MSG_TCP_ENDED    (MK_MSG_SYSTEM_BASE + 0x42u) /* socket_payload_t: the peer sends no more        */
#define MSG_TCP_DRAINED  (MK_MSG_SYSTEM_BASE + 0x43u) /* socket_payload_t: there is room to send again   */
#define MSG_TCP_CLOSED   (MK_MSG_SYSTEM_BASE + 0x44u) /* tcp_closed_payload_t: the last one of its id    */
#define MSG_UDP_DATAGRAM (MK_MSG_SYSTEM_BASE + 0x45u) /* udp_datagram_payload_t                          */
#define MSG_RESOLVED     (MK_MSG_SYSTEM_BASE + 0x46u) /* resolved_payload_t                              */

/* ---- addresses ------------------------------------------------------------------------------------------------------ */

typedef enum { SOCKET_NOWHERE, SOCKET_IPV4, SOCKET_IPV6, SOCKET_UNIX } socket_family_t;

/* Zero-initialised it is no address. */
typedef struct socket_addr {
    uint8_t  family; /* socket_family_t                                          */
    uint16_t port;
    uint32_t scope;  /* interface of a link-local IPv6 address, else 0           */
    union {
        uint8_t ip[16];    /* network byte order; IPv4 has four                        */
        char    path[108]; /* of a Unix socket; "@name" is an abstract one, "" is none */
    };
} socket_addr_t;

/* "192.0.2.1", "2001:db8::1", "[::1]", "fe80::1%2"; no names but "localhost". False: not an address. Any thread. */
bool socket_addr_parse(const char *text, uint16_t port, socket_addr_t *out);
/* "192.0.2.1:80", "[::1]:80", "unix:/path", NUL-terminated; returns its length. Any thread. */
enum { SOCKET_ADDR_TEXT_BYTES = 128 };
size_t socket_addr_format(const socket_addr_t *addr, char buf[SOCKET_ADDR_TEXT_BYTES]);

/* ---- TLS -------------------------------------------------------------------------------------------------------------- */

/* What connections of a kind share: certificates, trust, resumable sessions. For one runtime. */
typedef struct socket_tls socket_tls_t;

typedef struct socket_bytes {
    const void *data;
    size_t      size;
} socket_bytes_t;

typedef enum {
    SOCKET_TLS_DEFAULT,  /* client: the peer must show a good certificate; server: it is not asked for one */
    SOCKET_TLS_TRUST_ANY, /* no look at the peer's certificate: for tests                                  */
    SOCKET_TLS_OPTIONAL, /* server: a certificate that is shown must be good                               */
    SOCKET_TLS_REQUIRED,
} socket_tls_peer_t;

/* TLS 1.2 and up. Texts are PEM, zero is the default everywhere, all is copied. */
typedef struct socket_tls_options {
    bool               server;
    socket_tls_peer_t  peer;
    socket_bytes_t     certificate; /* leaf first, then its chain                                   */
    socket_bytes_t     key;
    socket_bytes_t     authorities; /* empty: a client trusts the system's, a server nobody         */
    const char *const *alpn;        /* preferred first, NULL at the end; NULL: none                 */
    const char        *psk_name;    /* with `psk` instead of certificates; a server knows this one  */
    socket_bytes_t     psk;         /* up to 32 bytes                                                */
    const char        *engine;      /* "openssl", "mbedtls"; NULL: this build's default             */
} socket_tls_options_t;

enum { SOCKET_TLS_WHY_BYTES = 160 };

/* Waits for no one, but reads the system's certificates where it trusts these: once, not for each connection. MK_ERR_NOSYS: no
 * such engine in this build; MK_ERR_FORMAT, MK_ERR_INVALID, MK_ERR_NOMEM; `why` gets a text for people ("" on success). */
MK_MUST_CHECK mk_err_t socket_tls_create(const socket_tls_options_t *options, socket_tls_t **out,
                                         char why[SOCKET_TLS_WHY_BYTES]);
/* Connections that use it go on. NULL is allowed. */
void socket_tls_release(socket_tls_t *tls);

/* ---- TCP and Unix streams ------------------------------------------------------------------------------------------------ */

/* Zero is the default named. */
typedef struct tcp_limits {
    uint32_t connect_ms;      /* looking the name up and connecting; 10,000                                        */
    uint32_t handshake_ms;    /* TLS; 10,000                                                                       */
    uint32_t write_ms;        /* the peer takes nothing of what we have for it; 30,000                             */
    uint32_t finish_ms;       /* from our end to the peer's; 5,000                                                 */
    uint32_t idle_ms;         /* nothing came and nothing was sent; none                                           */
    uint32_t queue_bytes;     /* not taken by the peer yet: sends are refused from here on; 262,144                */
    uint32_t window_bytes;    /* read from the peer and not handled by the actor yet; 65,536 ...                   */
    uint32_t window_messages; /* ... and in so many messages; 64. The peer waits beyond that                       */
} tcp_limits_t;

typedef struct tcp_connect_options {
    const char   *host; /* a name, or an address in digits; NULL: this machine (127.0.0.1)          */
    uint16_t      port;
    const char   *path; /* a Unix socket instead; "@name" is an abstract one                        */
    socket_tls_t *tls;  /* NULL: plain                                                              */
    const char   *tls_host; /* whom to ask for, and whose certificate to insist upon; NULL: `host`   */
    tcp_limits_t  limits;
} tcp_connect_options_t;

typedef struct tcp_listen_options {
    const char   *host; /* an address in digits; NULL: 127.0.0.1, this machine only                 */
    uint16_t      port; /* 0: one is chosen (socket_local)                                          */
    const char   *path; /* a Unix socket instead                                                    */
    socket_tls_t *tls;  /* made for a server; NULL: plain                                            */
    uint32_t      connections_max; /* at a time; who comes then waits in the system's queue; 0: 1,024 */
    tcp_limits_t  limits;          /* of its connections                                             */
} tcp_listen_options_t;

/* Begins to connect: MSG_TCP_OPEN follows, or MSG_TCP_CLOSED. A name's addresses are tried in turn, both families. MK_ERR_NOMEM,
 * MK_ERR_INVALID, MK_ERR_TOOLONG: nothing follows and *out is untouched. */
MK_MUST_CHECK mk_err_t actor_tcp_connect_opts(runtime_t *rt, const tcp_connect_options_t *options, socket_id_t *out);
/* The same with defaults; SOCKET_ID_INVALID on failure, which is logged. */
socket_id_t actor_tcp_connect(runtime_t *rt, const char *host, uint16_t port);

/* Accepts connections from now on: each is a MSG_TCP_OPEN with this id as its listener, and is the actor's own. MK_ERR_BUSY: the
 * address is taken; MK_ERR_DENIED, MK_ERR_INVALID (not an address of this machine), MK_ERR_LIMIT (descriptors), MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t actor_tcp_listen_opts(runtime_t *rt, const tcp_listen_options_t *options, socket_id_t *out);
/* The same for an actor given by id, for start-up code that is no actor itself; *at (may be NULL): with the port that was
 * chosen. MK_ERR_NOTFOUND: no such actor. */
MK_MUST_CHECK mk_err_t actor_tcp_listen_for(runtime_t *rt, actor_id_t id, const tcp_listen_options_t *options, socket_id_t *out,
                                            socket_addr_t *at);
/* At 127.0.0.1; SOCKET_ID_INVALID on failure, which is logged. */
socket_id_t actor_tcp_listen(runtime_t *rt, uint16_t port);

/* New connections of a listener are made with this from now on: certificates change without a restart. MK_ERR_INVALID: NULL, or a
 * client's. */
MK_MUST_CHECK mk_err_t actor_tcp_listen_tls(runtime_t *rt, socket_id_t listener, socket_tls_t *tls);

/* Sends a copy. MK_ERR_FULL: too much waits already, nothing was taken, and MSG_TCP_DRAINED will come; one send is taken whole,
 * however large, if less than queue_bytes waited. MK_ERR_CLOSED: not open, or finished. MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t actor_tcp_send(runtime_t *rt, socket_id_t id, const void *data, size_t size);
/* The same without copying: takes one reference on MK_OK. The buffer is not written to any more. */
MK_MUST_CHECK mk_err_t actor_tcp_send_buffer(runtime_t *rt, socket_id_t id, message_buffer_t *buf);

/* No more is sent: the peer reads the end behind what was sent. Reading goes on. MSG_TCP_CLOSED comes when the peer has ended
 * as well, or after finish_ms. */
MK_MUST_CHECK mk_err_t actor_tcp_finish(runtime_t *rt, socket_id_t id);

/* Nothing more is read until told otherwise: the peer is made to wait. What lies in the mailbox still comes. */
mk_err_t actor_tcp_pause(runtime_t *rt, socket_id_t id, bool pause);

/* No message of it comes any more, not even those that lie in the mailbox. What was sent still goes out, what comes is thrown
 * away. For a listener: nobody is accepted any more; its connections go on. */
mk_err_t actor_tcp_close(runtime_t *rt, socket_id_t id);
/* The same at once: what was sent and has not gone out is dropped, and the peer sees a reset. */
mk_err_t actor_tcp_reset(runtime_t *rt, socket_id_t id);

/* Makes a connection another actor's of this node, which gets a MSG_TCP_OPEN of its own: a listener's actor may start one for
 * each connection. No byte is read before MSG_TCP_OPEN has been handled, so none is lost when it is given away there.
 * MK_ERR_BUSY: messages of it lie in this actor's mailbox. MK_ERR_NOTFOUND: no such actor. */
MK_MUST_CHECK mk_err_t actor_tcp_give(runtime_t *rt, socket_id_t id, actor_id_t to);

typedef struct socket_payload {
    socket_id_t id;
} socket_payload_t;

typedef struct tcp_open_payload {
    socket_id_t   id;
    socket_id_t   listener; /* SOCKET_ID_INVALID: it was connected from here */
    socket_addr_t peer;
} tcp_open_payload_t;

/* Bytes as they came; they mean nothing by their cut. */
typedef struct tcp_data_payload {
    socket_id_t id;
    uint32_t    size;
} tcp_data_payload_t;

static inline const uint8_t *tcp_data(const tcp_data_payload_t *p) { return (const uint8_t *)(p + 1); }

/* MK_OK: both sides had finished. MK_ERR_IO: refused, unreachable, reset. MK_ERR_TIMEOUT: one of the limits. MK_ERR_NOTFOUND: no
 * such host. MK_ERR_PROTO: TLS. MK_ERR_NOMEM. */
typedef struct tcp_closed_payload {
    socket_id_t id;
    int32_t     error;    /* mk_err_t                                                                    */
    char        text[SOCKET_TLS_WHY_BYTES]; /* for people: "certificate has expired"; "" when there is nothing to add */
} tcp_closed_payload_t;

/* ---- UDP ------------------------------------------------------------------------------------------------------------------- */

/* `host` as for listening: an address in digits, NULL for 127.0.0.1; port 0 is chosen. Errors of actor_tcp_listen_opts(). */
MK_MUST_CHECK mk_err_t actor_udp_bind_at(runtime_t *rt, const char *host, uint16_t port, socket_id_t *out);
/* SOCKET_ID_INVALID on failure, which is logged. */
socket_id_t actor_udp_bind(runtime_t *rt, const char *host, uint16_t port);

/* One datagram, now or never. MK_ERR_FULL: the system has no room; MK_ERR_TOOLONG; MK_ERR_IO: no way there; MK_ERR_DENIED. */
MK_MUST_CHECK mk_err_t actor_udp_sendto(runtime_t *rt, socket_id_t id, const socket_addr_t *to, const void *data, size_t size);
mk_err_t actor_udp_close(runtime_t *rt, socket_id_t id);

/* At most 64 lie in a mailbox at a time, and 256 KiB; what comes then is dropped, as it might have been on the way, and
 * counted. */
typedef struct udp_datagram_payload {
    socket_id_t   id;
    uint32_t      size;
    socket_addr_t from;
} udp_datagram_payload_t;

static inline const uint8_t *udp_data(const udp_datagram_payload_t *p) { return (const uint8_t *)(p + 1); }

/* ---- about a socket ---------------------------------------------------------------------------------------------------------- */

typedef struct socket_info {
    socket_addr_t local, peer;
    size_t        queued_bytes; /* to be sent                                                   */
    uint32_t      waiting;      /* messages of it in the mailbox                                */
    uint32_t      connections;  /* of a listener                                                */
    uint64_t      dropped;      /* UDP: datagrams; listener: connections for want of memory or descriptors */
    char          tls_version[16], tls_cipher[64], tls_alpn[32], tls_psk_name[132]; /* "" when plain    */
    char          tls_peer[256];                                                    /* subject of its certificate */
} socket_info_t;

/* False: not a socket of the running actor, or closed. */
bool socket_info(runtime_t *rt, socket_id_t id, socket_info_t *out);
bool socket_local(runtime_t *rt, socket_id_t id, socket_addr_t *out); /* with the port that was chosen */

/* ---- names --------------------------------------------------------------------------------------------------------------------- */

/* MSG_RESOLVED follows, once. `deadline_ms` 0: 10,000. MK_ERR_LIMIT: too many at a time; MK_ERR_TOOLONG, MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t actor_resolve_within(runtime_t *rt, const char *host, uint32_t deadline_ms, socket_id_t *out);
/* SOCKET_ID_INVALID on failure, which is logged. */
socket_id_t actor_resolve(runtime_t *rt, const char *host);

enum { RESOLVED_ADDRS_MAX = 8 };

/* MK_OK; MK_ERR_NOTFOUND: there is no such name; MK_ERR_TIMEOUT; MK_ERR_IO: nobody could say; MK_ERR_NOMEM. */
typedef struct resolved_payload {
    socket_id_t   id;
    int32_t       error; /* mk_err_t                          */
    uint32_t      n;     /* at least 1 with MK_OK             */
    socket_addr_t addrs[RESOLVED_ADDRS_MAX]; /* preferred first; port 0 */
} resolved_payload_t;

#ifdef __cplusplus
}
#endif

#endif
