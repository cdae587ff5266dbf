/* SPDX-License-Identifier: Apache-2.0 */
/* remote_session.c -- one connection of a remote console. First it asks for the token; then it carries bytes between the
 * connection and a console of its own, which pulls what was typed and pushes what is shown, both through bounded buffers that the
 * two actors share: the peer waits when the console does, and the console when the peer does. */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/mem.h"
#include "microkernel/actor.h"
#include "microkernel/console.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "microkernel/supervision.h"
#include "services/remote_console.h"
#include "services/telnet.h"

enum {
    TYPED_BYTES_MAX = 16384, /* typed ahead; the peer waits beyond it                        */
    SHOWN_BYTES_MAX = 65536, /* not taken by the connection yet; the console waits beyond it */
    PULLED = 1,              /* from the console: there is room for more of what is typed    */
    PUSHED = 2,              /* ...: there is something to show                              */
};

/* Shared by the session's actor and its console's callbacks. */
typedef struct pipe {
    unsigned    refs;
    runtime_t  *rt;
    actor_id_t  session;
    mk_buffer_t typed, shown;
    bool        typed_ended;
    bool        waiting; /* the connection is paused until there is room                          */
    bool        told;    /* PUSHED is under way                                                   */
    bool        broken;  /* nobody reads any more                                                 */
} pipe_t;

typedef struct session {
    mk_gate_t  *gate;
    pipe_t     *pipe;
    socket_id_t socket;
    actor_id_t  console, shell;
    mk_telnet_t telnet;
    timer_id_t  login, judge; /* the end of patience; when the token that was given may be looked at */
    unsigned    tries;
    bool        finished;
} session_t;

/* ---- what the two share ------------------------------------------------------------------------------------------------ */

static void pipe_release(pipe_t *pipe) {
    if (--pipe->refs != 0) return;
    mk_buffer_free(&pipe->typed);
    mk_buffer_free(&pipe->shown);
    mk_free(pipe);
}

static ptrdiff_t console_read(void *arg, void *buf, size_t cap) {
    pipe_t *pipe = arg;
    size_t  size = pipe->typed.size < cap ? pipe->typed.size : cap;
    if (size == 0) return pipe->typed_ended ? 0 : CONSOLE_IO_WAIT;
    memcpy(buf, pipe->typed.bytes, size);
    mk_buffer_consume(&pipe->typed, size);
    if (pipe->waiting && actor_send(pipe->rt, pipe->session, PULLED, NULL, 0)) pipe->waiting = false;
    return (ptrdiff_t)size;
}

static ptrdiff_t console_write(void *arg, const void *data, size_t size) {
    pipe_t *pipe = arg;
    if (pipe->broken) return CONSOLE_IO_FAILED;
    size_t room = SHOWN_BYTES_MAX - pipe->shown.size;
    if (size > room) size = room;
    if (size == 0 || !mk_buffer_append(&pipe->shown, data, size)) size = 0;
    if (!pipe->told) pipe->told = actor_send(pipe->rt, pipe->session, PUSHED, NULL, 0);
    return size != 0 ? (ptrdiff_t)size : CONSOLE_IO_WAIT;
}

static void console_close(void *arg) { pipe_release(arg); }

/* ---- the session --------------------------------------------------------------------------------------------------------- */

static void show(session_t *s, const char *text) { (void)mk_buffer_append_text(&s->pipe->shown, text); }

/* Gives the connection what there is to show; what it does not take comes again with MSG_TCP_DRAINED. */
static void flush(runtime_t *rt, session_t *s) {
    mk_buffer_t *shown = &s->pipe->shown;
    if (shown->size == 0 || s->pipe->broken) return;
    mk_err_t err = actor_tcp_send(rt, s->socket, shown->bytes, shown->size);
    if (err == MK_OK) mk_buffer_clear(shown);
    else if (err != MK_ERR_FULL && err != MK_ERR_NOMEM) s->pipe->broken = true;
}

/* Nothing more is said: the connection ends behind what was. */
static void finish(runtime_t *rt, session_t *s) {
    if (s->finished) return;
    s->finished = true;
    flush(rt, s);
    if (actor_tcp_finish(rt, s->socket) != MK_OK) s->pipe->broken = true;
}

static bool start_console(runtime_t *rt, session_t *s) {
    const remote_console_options_t *options = &s->gate->options;
    console_options_t               wanted = {
                      .io = {.arg = s->pipe,
                             .read = console_read,
                             .write = console_write,
                             .close = console_close,
                             .in_fd = -1,
                             .out_fd = -1},
                      .owner = actor_self(rt),
                      .prompt = options->prompt,
                      .banner = options->banner,
                      .prompts = true,
                      .terminal = true,
    };
    s->pipe->refs++;
    if (console_start(rt, &wanted, &s->console) == MK_OK) return true;
    s->pipe->refs--;
    s->console = ACTOR_ID_INVALID;
    return false;
}

/* Let in. */
static void begin(runtime_t *rt, session_t *s) {
    char why[200] = "out of memory", text[256];
    actor_cancel_timer(rt, s->login);
    if (start_console(rt, s) && actor_link(rt, s->console) == MK_OK) {
        s->shell =
            s->gate->options.start_shell(rt, s->gate->options.arg, ++s->gate->number, s->console, why, sizeof why);
        if (s->shell != ACTOR_ID_INVALID && actor_link(rt, s->shell) == MK_OK &&
            console_attach(rt, s->console, s->shell)) {
            (void)actor_send(rt, s->console, MSG_CONSOLE_INPUT, NULL, 0); /* for what was typed behind the token */
            return;
        }
    }
    snprintf(text, sizeof text, "The session could not be started: %s\n", why);
    show(s, text);
    if (s->console != ACTOR_ID_INVALID) actor_stop(rt, s->console);
    finish(rt, s);
}

/* ---- the token -------------------------------------------------------------------------------------------------------------- */

static void ask(session_t *s) { show(s, "token: "); }

static void judge(runtime_t *rt, session_t *s, const uint8_t *line, size_t size) {
    if (size > 0 && line[size - 1] == '\r') size--;
    if (mk_gate_admits(s->gate, runtime_now_ms(rt), (const char *)line, size)) {
        begin(rt, s);
        return;
    }
    actor_log(rt, MK_LOG_WARN, "a remote console was given a wrong token");
    show(s, "That is not it.\n");
    if (++s->tries == MK_REMOTE_TRIES) finish(rt, s);
    else ask(s);
}

/* A line that was typed before someone is let in is a token, and looked at when its time has come. */
static void look_for_token(runtime_t *rt, session_t *s) {
    mk_buffer_t *typed = &s->pipe->typed;
    while (s->shell == ACTOR_ID_INVALID && !s->finished && s->judge == TIMER_ID_INVALID) {
        const uint8_t *end = typed->size != 0 ? memchr(typed->bytes, '\n', typed->size) : NULL;
        if (end == NULL && typed->size <= REMOTE_TOKEN_BYTES_MAX + 1) return;
        uint64_t now_ms = runtime_now_ms(rt);
        if (now_ms < s->gate->next_ms) {
            s->judge = actor_set_timer(rt, s->gate->next_ms - now_ms, false);
            if (s->judge == TIMER_ID_INVALID) finish(rt, s);
            return;
        }
        size_t  size = end != NULL ? (size_t)(end - typed->bytes) : typed->size;
        uint8_t line[REMOTE_TOKEN_BYTES_MAX + 2];
        size_t  cut = size < sizeof line ? size : sizeof line;
        memcpy(line, typed->bytes, cut);
        mk_buffer_consume(typed, end != NULL ? size + 1 : size);
        judge(rt, s, line, cut);
        memset(line, 0, sizeof line);
    }
}

/* ---- messages ------------------------------------------------------------------------------------------------------------------ */

static void on_open(runtime_t *rt, session_t *s, const tcp_open_payload_t *open) {
    s->socket = open->id;
    if (s->gate->options.token == NULL) {
        begin(rt, s);
        return;
    }
    s->login = actor_set_timer(rt, s->gate->options.login_ms, false);
    if (s->login == TIMER_ID_INVALID) finish(rt, s);
    else ask(s);
}

static void typed_more(runtime_t *rt, session_t *s) {
    if (s->shell != ACTOR_ID_INVALID)
        (void)actor_send(rt, s->console, MSG_CONSOLE_INPUT, NULL, 0); /* full: it is awake */
    else look_for_token(rt, s);
}

static void on_data(runtime_t *rt, session_t *s, const tcp_data_payload_t *data) {
    pipe_t  *pipe = s->pipe;
    uint8_t *room = mk_buffer_reserve(&pipe->typed, data->size);
    if (room == NULL) {
        show(s, "Out of memory.\n");
        finish(rt, s);
        return;
    }
    memcpy(room, tcp_data(data), data->size);
    pipe->typed.size += mk_telnet_filter(&s->telnet, room, data->size);
    if (pipe->typed.size > TYPED_BYTES_MAX && !pipe->waiting)
        pipe->waiting = actor_tcp_pause(rt, s->socket, true) == MK_OK;
    typed_more(rt, s);
}

static void on_timer(runtime_t *rt, session_t *s, timer_id_t id) {
    if (id == s->judge) {
        s->judge = TIMER_ID_INVALID;
        look_for_token(rt, s);
    } else if (id == s->login && s->shell == ACTOR_ID_INVALID) {
        show(s, "\nTime is up.\n");
        finish(rt, s);
    }
}

/* The gate, the console or the shell has ended. The console says what the shell's end was, and then ends too. */
static bool on_exit(runtime_t *rt, session_t *s, const exit_payload_t *end) {
    if (end->from == s->shell) return true;
    if (end->from != s->console) return false;
    finish(rt, s);
    return true;
}

/* False: the session is over. */
static bool on_message(runtime_t *rt, session_t *s, const message_t *msg) {
    switch (msg->type) {
    case MSG_TCP_OPEN: on_open(rt, s, msg->payload); break;
    case MSG_TCP_DATA: on_data(rt, s, msg->payload); break;
    case MSG_TCP_ENDED:
        s->pipe->typed_ended = true;
        if (s->shell != ACTOR_ID_INVALID) typed_more(rt, s);
        else finish(rt, s);
        break;
    case MSG_TCP_CLOSED: return false;
    case MSG_TIMER: on_timer(rt, s, ((const timer_payload_t *)msg->payload)->id); break;
    case MSG_EXIT: return on_exit(rt, s, msg->payload);
    case PULLED: actor_tcp_pause(rt, s->socket, false); break; /* closed: nothing to resume */
    case PUSHED: s->pipe->told = false; break;
    default: break; /* MSG_TCP_DRAINED: there is room, see behavior() */
    }
    return true;
}

static bool behavior(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    session_t *s = state;
    (void)self;
    if (on_message(rt, s, msg)) {
        flush(rt, s);
        return true;
    }
    /* The connection is gone, or the gate: who is left of console and shell goes as well. */
    s->pipe->broken = true;
    if (s->console != ACTOR_ID_INVALID) actor_stop(rt, s->console);
    if (s->shell != ACTOR_ID_INVALID) actor_exit(rt, s->shell, EXIT_SHUTDOWN);
    return false;
}

static void session_free(void *state) {
    session_t *s = state;
    s->pipe->broken = true;
    pipe_release(s->pipe);
    mk_gate_release(s->gate);
    mk_free(s);
}

actor_id_t mk_remote_session_start(runtime_t *rt, mk_gate_t *gate) {
    actor_id_t id;
    session_t *s = mk_calloc(1, sizeof *s);
    if (s == NULL) return ACTOR_ID_INVALID;
    s->gate = mk_gate_retain(gate);
    s->pipe = mk_calloc(1, sizeof *s->pipe);
    if (s->pipe == NULL) goto fail;
    *s->pipe = (pipe_t){.refs = 1, .rt = rt};
    actor_options_t options = {
        .behavior = behavior, .state = s, .free_state = session_free, .link = true, .trap_exits = true};
    if (actor_spawn_opts(rt, &options, &id) != MK_OK) goto fail;
    s->pipe->session = id;
    return id;
fail:
    mk_free(s->pipe);
    mk_gate_release(gate);
    mk_free(s);
    return ACTOR_ID_INVALID;
}
