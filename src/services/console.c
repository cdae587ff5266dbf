/* SPDX-License-Identifier: Apache-2.0 */
/* console.c -- the console actor: input is gathered in `in`, cut into lines (by the editor, or at newlines), and handed
 * to the shell one by one. Everything that happens ends in pump(), which does whatever can be done now.
 * Invariant: at most one question to the shell is open (`asked`), and input waits until it is answered. */
#include "microkernel/console.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "microkernel/actor.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "microkernel/supervision.h"
#include "services/console_editor.h"
#include "services/console_out.h"
#include "services/console_text.h"

enum {
    IN_BYTES_MAX = 2 * CONSOLE_LINE_BYTES_MAX, /* a whole line and what was typed behind it             */
    MAILBOX_MESSAGES = 1024,                   /* prints of a busy node between two looks               */
    OUT_BYTES_CALM = 64 * 1024,                /* with more waiting to be shown, no further line begins */
    RETRY_MS = 20,                             /* for what has no event: a refused send, a closing time */
    CLOSE_WAIT_MS = 2000,                      /* how long a closing console waits for a slow reader    */
};

enum { LOG_TEXT_BYTES = 1000, LOG_LINE_BYTES = LOG_TEXT_BYTES + 64 };

enum { IO_IN = 0x001, IO_OUT = 0x004 }; /* poll(2) bits */

typedef struct console {
    console_options_t   options;
    console_io_t        io;
    mk_console_editor_t editor; /* plain lines use its line buffer only */
    mk_console_out_t    out;
    uint8_t             in[IN_BYTES_MAX];
    size_t              in_size;
    actor_id_t          shell; /* 0: not attached yet                              */
    monitor_id_t        monitor;
    msg_type_t          asked; /* LINE, COMPLETE or EXIT: no answer yet; 0: none   */
    timer_id_t          retry;
    uint64_t            close_by_ms;
    uint32_t            in_watched, out_watched; /* events                           */
    bool                sent;                    /* the shell's mailbox has taken the question    */
    bool                status;                  /* such a line is on the screen                  */
    bool                in_ready;                /* a read will not wait                          */
    bool                in_ended;
    bool                skipping; /* the rest of a plain line that is too long     */
    bool                closing;
    bool                ok;
} console_t;

/* ---- output ----------------------------------------------------------------------------------------------------- */

static void to_screen(void *arg, const char *bytes, size_t size) {
    mk_console_out_screen(&((console_t *)arg)->out, bytes, size);
}

static void measure(console_t *c) {
    if (c->io.columns != NULL) mk_console_editor_set_columns(&c->editor, c->io.columns(c->io.arg));
}

static void plain_prompt(console_t *c) {
    mk_console_out_fresh_line(&c->out);
    mk_console_out_text(&c->out, c->editor.prompt, strlen(c->editor.prompt));
}

/* What somebody else's editor shows of a line is not ours to redraw: the text begins a line of its own, and then the prompt. */
static void print_plain(console_t *c, const char *text, size_t size) {
    bool between = c->options.prompts && c->shell != 0 && c->asked == 0 && !c->closing;
    if (between) mk_console_out_fresh_line(&c->out);
    mk_console_out_text(&c->out, text, size);
    if (between) plain_prompt(c);
}

/* How something goes, in the line the cursor is in; nobody is typing there meanwhile. */
static void show_status(console_t *c, const char *text, size_t size) {
    if (!c->options.edit || c->asked != MSG_CONSOLE_LINE) return;
    measure(c);
    if (size >= c->editor.columns) size = c->editor.columns - 1; /* or the terminal would begin another line */
    if (!c->status && size != 0) mk_console_out_fresh_line(&c->out);
    if (c->status || size != 0) to_screen(c, "\r\x1b[J", 4);
    to_screen(c, text, size);
    c->status = size != 0;
}

static void print(console_t *c, const char *text, size_t size) {
    if (!c->options.edit) {
        print_plain(c, text, size);
        return;
    }
    if (c->status) show_status(c, "", 0);
    measure(c);
    mk_console_editor_hide(&c->editor);
    mk_console_out_text(&c->out, text, size);
    if (c->editor.typing && !c->closing) {
        mk_console_out_fresh_line(&c->out);
        mk_console_editor_show(&c->editor);
    }
}

static void print_text(console_t *c, const char *text) { print(c, text, strlen(text)); }

static void prompt(console_t *c) {
    if (!c->options.edit) {
        if (c->options.prompts) plain_prompt(c);
        return;
    }
    mk_console_out_fresh_line(&c->out);
    measure(c);
    mk_console_editor_prompt(&c->editor);
}

/* ---- questions to the shell ------------------------------------------------------------------------------------- */

static void submit(runtime_t *rt, console_t *c) {
    size_t size = c->asked == MSG_CONSOLE_LINE       ? c->editor.size
                  : c->asked == MSG_CONSOLE_COMPLETE ? c->editor.cursor
                                                     : 0;
    c->sent = actor_send(rt, c->shell, c->asked, c->editor.line, size); /* refused: again at the next retry */
}

static void ask(runtime_t *rt, console_t *c, msg_type_t type) {
    c->asked = type;
    submit(rt, c);
}

/* ---- input ------------------------------------------------------------------------------------------------------ */

static void drop_input(console_t *c, size_t size) {
    c->in_size -= size;
    memmove(c->in, c->in + size, c->in_size);
}

/* Ctrl-C while a line is being handled is for the shell, now; what was typed ahead of it is forgotten. */
static void look_for_interrupt(runtime_t *rt, console_t *c) {
    if (!c->options.edit || c->asked != MSG_CONSOLE_LINE) return;
    for (size_t i = c->in_size; i > 0; i--) {
        if (c->in[i - 1] != CONSOLE_INTERRUPT_BYTE) continue;
        drop_input(c, i);
        print_text(c, "^C\n");
        actor_send(rt, c->shell, MSG_CONSOLE_INTERRUPT, NULL, 0); /* refused: the user will press it again */
        return;
    }
}

/* True: there is more input now, or its end. */
static bool read_some(runtime_t *rt, console_t *c) {
    size_t room = sizeof c->in - c->in_size;
    if (c->in_ended || c->io.read == NULL || room == 0 || !c->in_ready) return false;
    c->in_ready = false;
    ptrdiff_t got = c->io.read(c->io.arg, c->in + c->in_size, room);
    if (got > 0) {
        c->in_size += (size_t)got;
        c->in_ready = c->io.in_fd < 0; /* nobody tells again what is left */
        look_for_interrupt(rt, c);
    } else if (got != CONSOLE_IO_WAIT) {
        c->in_ended = true;
    }
    return got != CONSOLE_IO_WAIT;
}

/* True: a line (or a key that asks something) was found in the input. */
static bool take_keys(runtime_t *rt, console_t *c) {
    size_t taken;
    measure(c);
    mk_console_event_t event = mk_console_editor_feed(&c->editor, c->in, c->in_size, &taken);
    drop_input(c, taken);
    switch (event) {
    case CONSOLE_EVENT_LINE: ask(rt, c, MSG_CONSOLE_LINE); return true;
    case CONSOLE_EVENT_COMPLETE: ask(rt, c, MSG_CONSOLE_COMPLETE); return true;
    case CONSOLE_EVENT_LEAVE: ask(rt, c, MSG_CONSOLE_EXIT); return true;
    case CONSOLE_EVENT_NONE: break;
    }
    return false;
}

static void refuse_line(console_t *c) {
    char text[80];
    snprintf(text, sizeof text, "A line longer than %d bytes was skipped.\n", CONSOLE_LINE_BYTES_MAX);
    print_text(c, text);
}

static bool take_plain_line(runtime_t *rt, console_t *c) {
    const uint8_t *newline = memchr(c->in, '\n', c->in_size);
    bool           last = newline == NULL && c->in_ended && c->in_size > 0; /* a last line without its end */
    if (newline == NULL && !last) {
        if (c->in_size > CONSOLE_LINE_BYTES_MAX + 1) { /* + 1: a carriage return may yet belong to the end */
            c->skipping = true;
            c->in_size = 0;
        }
        return false;
    }
    size_t taken = newline != NULL ? (size_t)(newline - c->in) + 1 : c->in_size;
    size_t size = newline != NULL ? taken - 1 : taken;
    if (size > 0 && c->in[size - 1] == '\r') size--;
    bool too_long = c->skipping || size > CONSOLE_LINE_BYTES_MAX;
    if (!too_long) {
        memcpy(c->editor.line, c->in, size);
        c->editor.size = size;
    }
    drop_input(c, taken);
    if (newline != NULL && c->options.prompts) c->out.at_line_start = true; /* where the user's key took the cursor */
    c->skipping = false;
    if (too_long) {
        refuse_line(c);
    } else {
        ask(rt, c, MSG_CONSOLE_LINE);
    }
    return true;
}

/* The input is over and used up: the shell says goodbye. */
static void leave_at_end(runtime_t *rt, console_t *c) {
    if (c->asked != 0 || c->closing || !c->in_ended || c->in_size > 0) return;
    if (c->skipping) refuse_line(c);
    if (c->options.prompts) mk_console_out_fresh_line(&c->out);
    mk_console_editor_hide(&c->editor);
    c->editor.typing = false;
    ask(rt, c, MSG_CONSOLE_EXIT);
}

static void take_input(runtime_t *rt, console_t *c) {
    while (c->asked == 0 && !c->closing && c->out.size < OUT_BYTES_CALM) {
        if (c->in_size > 0 && (c->options.edit ? take_keys(rt, c) : take_plain_line(rt, c))) continue;
        if (!read_some(rt, c)) break;
    }
    if (c->out.size < OUT_BYTES_CALM) leave_at_end(rt, c);
}

/* ---- the actor -------------------------------------------------------------------------------------------------- */

static void begin_closing(runtime_t *rt, console_t *c, bool ok) {
    if (c->closing) return;
    c->closing = true;
    c->ok = ok;
    c->close_by_ms = runtime_now_ms(rt) + CLOSE_WAIT_MS;
    mk_console_editor_hide(&c->editor);
    mk_console_out_fresh_line(&c->out);
    actor_exit(rt, c->shell, EXIT_SHUTDOWN); /* it may not know yet, if the reader went away */
}

/* Watches `fd` for `events`, 0: not at all. True: it is as asked. */
static bool watch(runtime_t *rt, int fd, uint32_t *watched, uint32_t events) {
    if (*watched == events) return true;
    bool done = events != 0 ? actor_watch_fd(rt, fd, events) : actor_unwatch_fd(rt, fd);
    if (done || events == 0) *watched = events;
    return done;
}

/* False: the input cannot be watched, so nothing will ever come. */
static bool watch_all(runtime_t *rt, console_t *c, bool blocked) {
    bool     listen = c->io.read != NULL && c->shell != 0 && !c->in_ended && !c->closing;
    uint32_t in = listen && c->in_size < sizeof c->in ? IO_IN : 0;
    uint32_t out = blocked && c->io.out_fd >= 0 ? IO_OUT : 0;
    if (c->io.read != NULL && c->io.in_fd >= 0 && c->io.in_fd == c->io.out_fd) {
        c->out_watched = out;
        return watch(rt, c->io.in_fd, &c->in_watched, in | out);
    }
    if (c->io.out_fd >= 0) watch(rt, c->io.out_fd, &c->out_watched, out); /* refused: the retry timer will do */
    return c->io.read == NULL || c->io.in_fd < 0 || watch(rt, c->io.in_fd, &c->in_watched, in);
}

static void arm_retry(runtime_t *rt, console_t *c, bool blocked) {
    bool unsent = c->asked != 0 && !c->sent;
    bool needed = unsent || c->closing || (blocked && c->out_watched == 0);
    if (needed && c->retry == TIMER_ID_INVALID) c->retry = actor_set_timer(rt, RETRY_MS, false);
}

/* False: the session is over. */
static bool pump(runtime_t *rt, console_t *c) {
    if (c->asked != 0 && !c->sent && !c->closing) submit(rt, c);
    bool blocked = !mk_console_out_flush(&c->out);
    if (c->shell != 0) {
        read_some(rt, c);
        take_input(rt, c);
    }
    blocked = !mk_console_out_flush(&c->out);
    if (c->out.failed) begin_closing(rt, c, false);
    if (c->closing && (!blocked || runtime_now_ms(rt) >= c->close_by_ms)) {
        if (c->options.closed != NULL) c->options.closed(c->options.closed_arg, c->ok && !c->out.failed);
        return false;
    }
    if (!watch_all(rt, c, blocked)) {
        print_text(c, "The input cannot be watched.\n");
        begin_closing(rt, c, false);
    }
    arm_retry(rt, c, blocked);
    return true;
}

static void on_shell(runtime_t *rt, console_t *c, actor_id_t shell) {
    c->shell = shell;
    c->monitor = actor_monitor(rt, shell);
    if (c->monitor == MONITOR_ID_INVALID) {
        print_text(c, "Out of memory.\n");
        begin_closing(rt, c, false);
        return;
    }
    actor_send(rt, shell, MSG_CONSOLE_ATTACH, NULL, 0); /* a shell that is gone is reported by the monitor */
    if ((c->options.edit || c->options.prompts) && c->options.banner != NULL)
        mk_console_out_text(&c->out, c->options.banner, strlen(c->options.banner));
    prompt(c);
}

static void on_input(runtime_t *rt, console_t *c, const message_t *msg) {
    size_t room = sizeof c->in - c->in_size;
    size_t taken = msg->payload_size < room ? msg->payload_size : room;
    if (taken > 0) memcpy(c->in + c->in_size, msg->payload, taken);
    c->in_size += taken;
    if (msg->payload_size == 0) c->in_ended = true;
    look_for_interrupt(rt, c);
    if (taken < msg->payload_size) print_text(c, "\a[typed too fast: some of it was lost]\n");
}

static void on_down(runtime_t *rt, console_t *c, const message_t *msg) {
    const down_payload_t *down = msg->payload;
    if (msg->payload_size < sizeof *down || down->monitor != c->monitor || c->closing) return;
    const char *text = message_exit_text(msg);
    int         size = (int)strcspn(text, "\n"); /* the first line says what happened */
    char        line[256];
    snprintf(line, sizeof line, "The shell has ended: %s%s%.*s\n", exit_reason_text(down->exit_reason),
             size > 0 ? ": " : "", size < 160 ? size : 160, text);
    mk_console_editor_hide(&c->editor);
    c->editor.typing = false;
    print_text(c, line);
    begin_closing(rt, c, down->exit_reason == EXIT_NORMAL);
}

static void on_history(console_t *c, const char *text, size_t size) {
    const char *at = text, *end = text + size, *line;
    size_t      line_size;
    mk_console_history_clear(&c->editor.history);
    while ((line = mk_console_next_word(&at, end, "", 0, &line_size)) != NULL) {
        mk_console_history_add(&c->editor.history, line, line_size);
    }
}

/* The payload as text, which is never NULL. */
static const char *text_of(const message_t *msg) { return msg->payload_size > 0 ? msg->payload : ""; }

static void on_answer(runtime_t *rt, console_t *c, const message_t *msg) {
    switch (msg->type) {
    case MSG_CONSOLE_READY:
        if (c->asked != MSG_CONSOLE_LINE) return;
        if (c->status) show_status(c, "", 0);
        c->asked = 0;
        prompt(c);
        break;
    case MSG_CONSOLE_CANDIDATES:
        if (c->asked != MSG_CONSOLE_COMPLETE) return;
        c->asked = 0;
        measure(c);
        mk_console_editor_complete(&c->editor, text_of(msg), msg->payload_size);
        break;
    case MSG_CONSOLE_STATUS: {
        const char *text = text_of(msg);
        size_t      size = 0;
        while (size < msg->payload_size && text[size] >= ' ' && text[size] <= '~') size++;
        show_status(c, text, size);
        break;
    }
    case MSG_CONSOLE_HISTORY: on_history(c, text_of(msg), msg->payload_size); break;
    case MSG_CONSOLE_EXIT: begin_closing(rt, c, true); break;
    default: break;
    }
}

/* A line of the node's log: runtime_set_log_actor() may name a console. */
static void on_log(console_t *c, const message_t *msg) {
    static const char *const levels[] = {"DEBUG", "INFO", "WARN", "ERROR"};
    const log_payload_t     *entry = msg->payload;
    if (msg->payload_size < sizeof *entry || entry->level < MK_LOG_DEBUG || entry->level > MK_LOG_ERROR) return;
    char     line[LOG_LINE_BYTES];
    uint32_t seconds = (uint32_t)(entry->wall_ms / 1000 % 86400);
    size_t   size = msg->payload_size - sizeof *entry;
    int      used = snprintf(line, sizeof line, "[%02u:%02u:%02u.%03u] %s [%llu] %.*s\n", (unsigned)(seconds / 3600),
                             (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60), (unsigned)(entry->wall_ms % 1000),
                             levels[entry->level], (unsigned long long)entry->actor,
                             (int)(size < LOG_TEXT_BYTES ? size : LOG_TEXT_BYTES), (const char *)(entry + 1));
    print(c, line, (size_t)used);
}

static bool is_input(const console_t *c, const message_t *msg) {
    const fd_event_payload_t *event = msg->payload;
    return msg->payload_size >= sizeof *event && c->io.read != NULL && event->fd == c->io.in_fd &&
           (event->events & ~(uint32_t)IO_OUT) != 0; /* hang-ups and errors are seen by reading */
}

static void on_message(runtime_t *rt, console_t *c, const message_t *msg) {
    switch (msg->type) {
    case MSG_CONSOLE_PRINT: print(c, text_of(msg), msg->payload_size); break;
    case MSG_CONSOLE_SHELL:
        if (c->shell == 0 && msg->source == c->options.owner && msg->payload_size == sizeof(actor_id_t)) {
            actor_id_t shell;
            memcpy(&shell, msg->payload, sizeof shell);
            on_shell(rt, c, shell);
        }
        break;
    case MSG_CONSOLE_INPUT:
        if (msg->source != c->options.owner) break;
        if (c->io.read == NULL) on_input(rt, c, msg);
        else c->in_ready = c->in_ready || c->io.in_fd < 0;
        break;
    case MSG_FD_EVENT: c->in_ready = c->in_ready || is_input(c, msg); break;
    case MSG_TIMER: c->retry = TIMER_ID_INVALID; break;
    case MSG_LOG: on_log(c, msg); break;
    case MSG_DOWN: on_down(rt, c, msg); break;
    default:
        if (msg->source == c->shell) on_answer(rt, c, msg);
        break;
    }
}

static bool console_behavior(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self;
    on_message(rt, state, msg);
    return pump(rt, state);
}

static void console_free(void *state) {
    console_t *c = state;
    mk_console_editor_fini(&c->editor);
    mk_console_out_fini(&c->out);
    if (c->io.close != NULL) c->io.close(c->io.arg);
    mk_free(c);
}

mk_err_t console_start(runtime_t *rt, const console_options_t *options, actor_id_t *out) {
    console_t *c = mk_calloc(1, sizeof *c);
    if (c == NULL) return MK_ERR_NOMEM;
    c->options = *options;
    c->io = options->io;
    mk_console_editor_init(&c->editor, options->prompt != NULL ? options->prompt : "mk> ", to_screen, c);
    mk_console_out_init(&c->out, options, &c->io);
    mk_err_t err = actor_spawn_opts(rt,
                                    &(actor_options_t){.behavior = console_behavior,
                                                       .state = c,
                                                       .free_state = console_free,
                                                       .mailbox_size = MAILBOX_MESSAGES,
                                                       .name = options->name},
                                    out);
    if (err != MK_OK) mk_free(c);
    return err;
}

bool console_attach(runtime_t *rt, actor_id_t console, actor_id_t shell) {
    return actor_send(rt, console, MSG_CONSOLE_SHELL, &shell, sizeof shell);
}
