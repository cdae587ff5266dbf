/* SPDX-License-Identifier: Apache-2.0 */
/* mk run -- guests below a supervisor, each restarted however it ends, until Ctrl-C. What they print is the standard
 * output; what happens to them is logged. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli.h"
#include "guest_file.h"
#include "microkernel/actor.h"
#include "microkernel/services.h"
#include "microkernel/supervision.h"
#include "microkernel/wasm_actor.h"
#include "node.h"
#include "output.h"

enum {
    /* A guest that ends at once is tried again after 0.1 s, 0.2 s, ... up to 10 s. At that pace no minute sees as many
     * restarts as would make the supervisor give up: the node outlives its guests. */
    BACKOFF_MIN_MS = 100,
    BACKOFF_MAX_MS = 10 * 1000,
    WINDOW_MS = 60 * 1000,
    RESTARTS_MAX = 1000,
};

enum { MSG_START = 1, MSG_FLUSH = 2, READABLE = 1 };

/* How long the end waits for a slow reader of what was printed. */
enum { LAST_WORDS_MS = 2000 };

typedef char guest_name_t[MK_GUEST_NAME_BYTES];

/* State of the actor that owns the supervisor and hears the signals. */
typedef struct keeper {
    child_spec_t *specs;
    guest_name_t *names;
    size_t        count;
    int           signals; /* signalfd */
    actor_id_t    supervisor;
    mk_output_t   output;
    bool          stopping;
    timer_id_t    last_words;
    bool          ended; /* the guests are gone; what they printed may not be read yet */
    int           result;
} keeper_t;

/* ---- the guests ------------------------------------------------------------------------------------------------- */

static bool is_taken(const keeper_t *keeper, const char *name) {
    for (size_t i = 0; i < keeper->count; i++) {
        if (strcmp(keeper->names[i], name) == 0) return true;
    }
    return false;
}

/* Adds the guest in this file. MK_CLI_OK, or it was told what is wrong. */
static int add_guest(keeper_t *keeper, const char *path, const wasm_options_t *options) {
    size_t size;
    char   err[256] = "out of memory", *name = keeper->names[keeper->count];
    void  *bytes = mk_guest_file_read(path, &size), *arg;
    if (bytes == NULL) return mk_cli_fail("run", "%s: %s", path, strerror(errno));
    mk_err_t failed = wasm_factory_arg_create_opts(bytes, size, options, &arg, err, sizeof err);
    free(bytes);
    if (failed != MK_OK) return mk_cli_fail("run", "%s: %s", path, err);
    unsigned number = 0;
    bool     fits;
    do fits = mk_guest_file_name(path, number++, name);
    while (fits && is_taken(keeper, name));
    if (!fits) {
        wasm_factory_arg_destroy(arg);
        return mk_cli_fail("run", "%s: the name is too long", path);
    }
    keeper->specs[keeper->count++] = (child_spec_t){
        .name = name,
        .behavior = wasm_actor_behavior,
        .factory = wasm_actor_factory,
        .factory_arg = arg,
        .free_state = wasm_actor_free,
        .restart_type = RESTART_PERMANENT,
        .trap_exits = true,
        .wake = true,
    };
    return MK_CLI_OK;
}

static int add_guests(keeper_t *keeper, const mk_settings_t *settings) {
    wasm_options_t options = {
        .print = mk_output_print,
        .print_arg = &keeper->output,
        .grants = mk_node_grants(settings),
        .child_grants = mk_node_grants(settings),
        .http_hosts = settings->http_hosts,
        .budget_ms = settings->budget_ms, /* by default as much as it takes: this is what the node is for */
        .engine = settings->engine,
    };
    keeper->specs = calloc((size_t)settings->operands_count, sizeof *keeper->specs);
    keeper->names = calloc((size_t)settings->operands_count, sizeof *keeper->names);
    if (keeper->specs == NULL || keeper->names == NULL) return mk_cli_fail("run", "out of memory");
    for (int i = 0; i < settings->operands_count; i++) {
        if (add_guest(keeper, settings->operands[i], &options) != MK_CLI_OK) return MK_CLI_FAILED;
    }
    return MK_CLI_OK;
}

static void free_guests(keeper_t *keeper) {
    for (size_t i = 0; i < keeper->count; i++) wasm_factory_arg_destroy(keeper->specs[i].factory_arg);
    free(keeper->specs);
    free(keeper->names);
}

/* ---- the keeper ------------------------------------------------------------------------------------------------- */

static bool start(runtime_t *rt, keeper_t *keeper) {
    supervisor_options_t options = {
        .name = "supervisor",
        .strategy = STRATEGY_ONE_FOR_ONE,
        .max_restarts = RESTARTS_MAX,
        .window_ms = WINDOW_MS,
        .backoff_min_ms = BACKOFF_MIN_MS,
        .backoff_max_ms = BACKOFF_MAX_MS,
        .children = keeper->specs,
        .n = keeper->count,
    };
    if (!actor_watch_fd(rt, keeper->signals, READABLE)) {
        mk_cli_fail("run", "cannot watch for signals");
        return false;
    }
    mk_err_t err = supervisor_start_opts(rt, &options, &keeper->supervisor);
    if (err != MK_OK) {
        mk_cli_fail("run", "cannot start the guests: %s", mk_err_text(err));
        return false;
    }
    for (size_t i = 0; i < keeper->count; i++) {
        actor_log(rt, MK_LOG_INFO, "running %s as actor %llu", keeper->names[i],
                  (unsigned long long)supervisor_get_child(rt, keeper->supervisor, i));
    }
    return true;
}

/* The first signal stops the guests in order; a second one does not wait for them. */
static bool on_signals(runtime_t *rt, keeper_t *keeper) {
    struct signalfd_siginfo info;
    if (read(keeper->signals, &info, sizeof info) != (ssize_t)sizeof info) return true;
    if (keeper->stopping) return false;
    keeper->stopping = true;
    supervisor_stop(rt, keeper->supervisor);
    return true;
}

/* After the end nothing else keeps the node. */
static bool on_output(keeper_t *keeper) { return !mk_output_flush(&keeper->output) || !keeper->ended; }

static bool on_fd_event(runtime_t *rt, keeper_t *keeper, const message_t *msg) {
    const fd_event_payload_t *event = msg->payload;
    return event->fd == keeper->signals ? on_signals(rt, keeper) : on_output(keeper);
}

/* The time for last words is over, or an output that cannot be watched is tried again. */
static bool on_timer(keeper_t *keeper, const message_t *msg) {
    const timer_payload_t *timer = msg->payload;
    return timer->id != keeper->last_words && on_output(keeper);
}

/* The supervisor is this actor's only child. */
static bool on_supervisor_end(runtime_t *rt, keeper_t *keeper, const message_t *msg) {
    const child_exit_payload_t *end = msg->payload;
    if (keeper->stopping) {
        keeper->result = MK_CLI_OK;
    } else {
        mk_cli_fail("run", "the supervisor has ended: %s", exit_reason_text(end->exit_reason));
    }
    keeper->ended = true;
    keeper->last_words = actor_set_timer(rt, LAST_WORDS_MS, false);
    return keeper->last_words != TIMER_ID_INVALID && on_output(keeper);
}

/* Guests can guess this actor's id; a start is the program's own to ask for, all else they cannot send or may. */
static bool is_start(const message_t *msg) { return msg->type == MSG_START && msg->source == ACTOR_ID_INVALID; }

static bool keep(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    keeper_t *keeper = state;
    bool      stay = true;
    (void)self;
    switch (msg->type) {
    case MSG_START: stay = !is_start(msg) || start(rt, keeper); break;
    case MSG_FLUSH: stay = on_output(keeper); break;
    case MSG_FD_EVENT: stay = on_fd_event(rt, keeper, msg); break;
    case MSG_TIMER: stay = on_timer(keeper, msg); break;
    case MSG_CHILD_EXIT: stay = on_supervisor_end(rt, keeper, msg); break;
    default: break;
    }
    if (!stay) runtime_stop(rt);
    return stay;
}

static int keep_guests(runtime_t *rt, keeper_t *keeper) {
    actor_id_t      id;
    actor_options_t options = {.behavior = keep, .state = keeper, .name = "keeper"};
    if (actor_spawn_opts(rt, &options, &id) != MK_OK || !actor_send(rt, id, MSG_START, NULL, 0)) {
        return mk_cli_fail("run", "out of memory");
    }
    keeper->result = MK_CLI_FAILED;
    mk_output_attach(&keeper->output, rt, id, MSG_FLUSH);
    runtime_run(rt);
    return keeper->result;
}

/* Ctrl-C and its kin become readable instead of deadly. Before any thread is started, so that none takes them. */
static sigset_t endings(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    return set;
}

static int open_signals(void) {
    sigset_t set = endings();
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int run_guests(keeper_t *keeper, const mk_settings_t *settings) {
    runtime_t *rt = mk_node_open(settings);
    if (rt == NULL) return mk_cli_fail("run", "out of memory");
    int result = add_guests(keeper, settings);
    if (result == MK_CLI_OK) result = keep_guests(rt, keeper);
    /* What is left is to write the log, which waits for whoever reads it; from here on a signal ends even that. */
    sigset_t set = endings();
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    mk_node_close(rt);
    return result;
}

static int run(const mk_settings_t *settings) {
    keeper_t keeper = {.signals = open_signals()};
    if (keeper.signals < 0) return mk_cli_fail("run", "signalfd: %s", strerror(errno));
    if (!mk_output_open(&keeper.output) || !wasm_actors_init()) return mk_cli_fail("run", "out of memory");
    int result = run_guests(&keeper, settings); /* the guests' modules outlive the node */
    free_guests(&keeper);
    wasm_actors_cleanup();
    mk_output_close(&keeper.output);
    close(keeper.signals);
    return result;
}

static const mk_option_t *const options[] = {&mk_option_name, &mk_option_node_id, &mk_option_log,    &mk_option_trusted,
                                             &mk_option_http, &mk_option_budget,  &mk_option_engine, NULL};

const mk_command_t mk_command_run = {
    .name = "run",
    .operands = "FILE.wasm...",
    .summary = "Run guests, each restarted whenever it ends, until Ctrl-C.",
    .example = "  mk run build/examples/counter.wasm build/examples/echo.wasm\n",
    .options = options,
    .log_level = MK_LOG_INFO,
    .run = run,
};
