/* SPDX-License-Identifier: Apache-2.0 */
/* remote_console.h -- consoles over TCP: whoever connects (nc, telnet, openssl s_client) and knows the token has a session of his
 * own, with a shell of its own. Any number at a time up to a limit. Off loopback over TLS only, unless told otherwise. Runtime's
 * thread only. */
#ifndef MICROKERNEL_REMOTE_CONSOLE_H
#define MICROKERNEL_REMOTE_CONSOLE_H

#include "microkernel/mk_socket.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Starts the shell of a session: inside of a behaviour, whose actor becomes its parent and is linked to it. `number`: of the
 * session, from 1 on. ACTOR_ID_INVALID: it could not be, and `why` says so to the user. */
typedef actor_id_t remote_shell_fn(runtime_t *rt, void *arg, unsigned number, actor_id_t console, char *why, size_t why_size);

/* Shorter ones are guessed too soon. */
enum { REMOTE_TOKEN_BYTES_MIN = 16, REMOTE_TOKEN_BYTES_MAX = 256 };

/* Strings are copied, zero is the default everywhere. */
typedef struct remote_console_options {
    const char      *host;     /* an address in digits; NULL: 127.0.0.1                                       */
    uint16_t         port;     /* 0: one is chosen                                                            */
    const char      *token;    /* asked for first; NULL: nothing is asked, and only loopback can be listened on */
    socket_tls_t    *tls;      /* made for a server; NULL: plain, and only loopback can be listened on unless ... */
    bool             plain;    /* ... it is said that others may read along, the token first of all; or a tunnel is there */
    const char      *banner;   /* shown to who is let in; may be NULL                                         */
    const char      *prompt;   /* NULL: "mk> "                                                                */
    uint32_t         sessions_max; /* 0: 16                                                                   */
    uint32_t         login_ms; /* to give the token; 0: 30,000                                                */
    remote_shell_fn *start_shell;
    void            *arg;
} remote_console_options_t;

/* Starts the listening actor: it and every session end when it is stopped. A wrong token costs its sender a wait that doubles,
 * up to five seconds, for everyone who tries, and the third one his connection. MK_ERR_DENIED: not loopback, and no token or
 * neither `tls` nor `plain`; or the system does not allow it; MK_ERR_TOOLONG, MK_ERR_INVALID (the token's length, the address);
 * MK_ERR_BUSY, MK_ERR_LIMIT, MK_ERR_NOMEM. *at (may be NULL): with the port that was chosen. */
MK_MUST_CHECK mk_err_t remote_console_start(runtime_t *rt, const remote_console_options_t *options, actor_id_t *out,
                                            socket_addr_t *at);

#ifdef __cplusplus
}
#endif

#endif
