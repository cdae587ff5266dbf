/* SPDX-License-Identifier: Apache-2.0 */
/* remote_console.h -- what the gate, which listens and knows the token, and the sessions behind it share. The gate is an actor;
 * each session is one of its children, owns its connection, and is linked to its console and its shell. */
#ifndef MK_SERVICES_REMOTE_CONSOLE_H
#define MK_SERVICES_REMOTE_CONSOLE_H

#include "microkernel/remote_console.h"

enum { MK_REMOTE_TRIES = 3 };

/* Outlives its sessions: counted. */
typedef struct mk_gate {
    remote_console_options_t options; /* its strings are the gate's own                             */
    size_t                   token_size;
    unsigned                 refs;
    unsigned                 sessions, number;
    uint32_t                 backoff_ms; /* the next wrong token costs so much                     */
    uint64_t                 next_ms;    /* no token is looked at before                           */
} mk_gate_t;

mk_gate_t *mk_gate_retain(mk_gate_t *gate);
void       mk_gate_release(mk_gate_t *gate);

/* Whether it is the token, in a time that does not depend on how much of it is right. Counts: a wrong one makes everyone wait. */
bool mk_gate_admits(mk_gate_t *gate, uint64_t now_ms, const char *token, size_t size);

/* Starts a session, child of the running gate, for a connection that is given to it next. ACTOR_ID_INVALID: out of memory. */
actor_id_t mk_remote_session_start(runtime_t *rt, mk_gate_t *gate);

#endif
