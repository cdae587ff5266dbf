/* SPDX-License-Identifier: Apache-2.0 */
/* remote_console.c -- the gate: listens, counts sessions, judges tokens. */
#include "services/remote_console.h"

#include <string.h>

#include "base/mem.h"
#include "microkernel/actor.h"
#include "microkernel/services.h"
#include "microkernel/supervision.h"

enum { SESSIONS_MAX = 16, LOGIN_MS = 30000, BACKOFF_FIRST_MS = 250, BACKOFF_MAX_MS = 5000 };

mk_gate_t *mk_gate_retain(mk_gate_t *gate) {
    gate->refs++;
    return gate;
}

/* The token leaves memory with the gate. A volatile pointer, or the compiler sees that nobody reads what is written. */
static void wipe(const char *text, size_t size) {
    volatile char *at = (volatile char *)(uintptr_t)text;
    for (size_t i = 0; i < size; i++) at[i] = '\0';
}

void mk_gate_release(mk_gate_t *gate) {
    if (--gate->refs != 0) return;
    if (gate->options.token != NULL) wipe(gate->options.token, gate->token_size);
    mk_free((void *)(uintptr_t)gate->options.token);
    mk_free((void *)(uintptr_t)gate->options.banner);
    mk_free((void *)(uintptr_t)gate->options.prompt);
    socket_tls_release(gate->options.tls);
    mk_free(gate);
}

/* Looks at every byte that was sent, whatever the first of them are; the length of the token is no secret worth a branch less. */
static bool is_token(const mk_gate_t *gate, const char *token, size_t size) {
    unsigned different = size != gate->token_size;
    for (size_t i = 0; i < size; i++)
        different |= (unsigned)((uint8_t)token[i] ^ (uint8_t)gate->options.token[i % gate->token_size]);
    return different == 0;
}

bool mk_gate_admits(mk_gate_t *gate, uint64_t now_ms, const char *token, size_t size) {
    if (is_token(gate, token, size)) {
        gate->backoff_ms = BACKOFF_FIRST_MS;
        return true;
    }
    gate->next_ms = now_ms + gate->backoff_ms;
    gate->backoff_ms = gate->backoff_ms < BACKOFF_MAX_MS / 2 ? gate->backoff_ms * 2 : BACKOFF_MAX_MS;
    return false;
}

/* ---- the actor ------------------------------------------------------------------------------------------------------ */

static void on_connection(runtime_t *rt, mk_gate_t *gate, const tcp_open_payload_t *open) {
    static const char busy[] = "Too many sessions; try again later.\n";
    if (gate->sessions >= gate->options.sessions_max) {
        if (actor_tcp_send(rt, open->id, busy, sizeof busy - 1) == MK_OK)
            actor_log(rt, MK_LOG_WARN, "a remote console was refused: %u are open", gate->sessions);
        actor_tcp_close(rt, open->id);
        return;
    }
    actor_id_t session = mk_remote_session_start(rt, gate);
    if (session != ACTOR_ID_INVALID && actor_tcp_give(rt, open->id, session) == MK_OK) {
        gate->sessions++;
        return;
    }
    actor_tcp_close(rt, open->id);
    if (session != ACTOR_ID_INVALID) {
        actor_disown(rt, session); /* it was not counted */
        actor_stop(rt, session);
    }
}

static bool behavior(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    mk_gate_t *gate = state;
    (void)self;
    switch (msg->type) {
    case MSG_TCP_OPEN: on_connection(rt, gate, msg->payload); break;
    case MSG_CHILD_EXIT: gate->sessions--; break;
    default: break;
    }
    return true;
}

/* Sessions are linked to the gate: they end with it. */
static void gate_free(void *state) { mk_gate_release(state); }

/* ---- starting ---------------------------------------------------------------------------------------------------------- */

static bool copy(const char **text) {
    if (*text == NULL) return true;
    *text = mk_strndup(*text, strlen(*text));
    return *text != NULL;
}

/* All strings are the gate's own afterwards, or NULL. */
static mk_gate_t *create(const remote_console_options_t *options) {
    mk_gate_t *gate = mk_calloc(1, sizeof *gate);
    if (gate == NULL) return NULL;
    gate->options = *options;
    gate->refs = 1;
    gate->backoff_ms = BACKOFF_FIRST_MS;
    gate->token_size = options->token != NULL ? strlen(options->token) : 0;
    gate->options.host = NULL;
    gate->options.tls = NULL; /* the listener holds it */
    if (gate->options.sessions_max == 0) gate->options.sessions_max = SESSIONS_MAX;
    if (gate->options.login_ms == 0) gate->options.login_ms = LOGIN_MS;
    bool token = copy(&gate->options.token), banner = copy(&gate->options.banner), prompt = copy(&gate->options.prompt);
    if (token && banner && prompt) return gate;
    mk_gate_release(gate);
    return NULL;
}

static bool is_loopback(const char *host) {
    socket_addr_t at;
    if (host == NULL) return true;
    if (!socket_addr_parse(host, 0, &at)) return false;
    static const uint8_t one[16] = {[15] = 1};
    return at.family == SOCKET_IPV4 ? at.ip[0] == 127 : at.family == SOCKET_IPV6 && memcmp(at.ip, one, sizeof one) == 0;
}

static mk_err_t check(const remote_console_options_t *options) {
    if (options->start_shell == NULL) return MK_ERR_INVALID;
    bool hidden = options->tls != NULL || options->plain; /* or nobody is to hide from */
    if ((options->token == NULL || !hidden) && !is_loopback(options->host)) return MK_ERR_DENIED;
    if (options->token == NULL) return MK_OK;
    size_t size = strlen(options->token);
    if (size > REMOTE_TOKEN_BYTES_MAX) return MK_ERR_TOOLONG;
    return size >= REMOTE_TOKEN_BYTES_MIN ? MK_OK : MK_ERR_INVALID;
}

mk_err_t remote_console_start(runtime_t *rt, const remote_console_options_t *options, actor_id_t *out,
                              socket_addr_t *at) {
    mk_err_t err = check(options);
    if (err != MK_OK) return err;
    mk_gate_t *gate = create(options);
    if (gate == NULL) return MK_ERR_NOMEM;
    actor_id_t id;
    err = actor_spawn_opts(
        rt, &(actor_options_t){.behavior = behavior, .state = gate, .free_state = gate_free, .trap_exits = true}, &id);
    if (err != MK_OK) {
        mk_gate_release(gate);
        return err;
    }
    socket_id_t          listener;
    tcp_listen_options_t listen = {
        .host = options->host,
        .port = options->port,
        .tls = options->tls,
        .connections_max = gate->options.sessions_max + 1, /* one more, to be told that there is no room */
        .limits = {.window_bytes = 4096, .queue_bytes = 65536},
    };
    err = actor_tcp_listen_for(rt, id, &listen, &listener, at);
    if (err != MK_OK) actor_stop(rt, id);
    else *out = id;
    return err;
}
