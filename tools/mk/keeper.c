/* SPDX-License-Identifier: Apache-2.0 */
#include "keeper.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "data.h"
#include "guests.h"
#include "life.h"
#include "microkernel/actor.h"
#include "microkernel/services.h"
#include "sign.h"

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

/* State of the actor that owns the supervisor and hears the signals. */
typedef struct keeper {
    const mk_settings_t *settings;
    const mk_keeping_t  *keeping;
    mk_guests_t          guests;
    int                  signals; /* signalfd */
    actor_id_t           supervisor;
    mk_output_t          output;
    bool                 stopping;
    timer_id_t           last_words;
    bool                 ended; /* the guests are gone; what they printed may not be read yet */
    int                  result;
} keeper_t;

static bool start(runtime_t *rt, keeper_t *keeper) {
    supervisor_options_t options = {
        .name = "/node/local/supervisor",
        .strategy = STRATEGY_ONE_FOR_ONE,
        .max_restarts = RESTARTS_MAX,
        .window_ms = WINDOW_MS,
        .backoff_min_ms = BACKOFF_MIN_MS,
        .backoff_max_ms = BACKOFF_MAX_MS,
        .children = keeper->guests.specs,
        .n = keeper->guests.count,
    };
    if (!actor_watch_fd(rt, keeper->signals, READABLE)) {
        mk_cli_fail(keeper->keeping->command, "cannot watch for signals");
        return false;
    }
    mk_err_t err = supervisor_start_opts(rt, &options, &keeper->supervisor);
    if (err != MK_OK) {
        mk_cli_fail(keeper->keeping->command, "cannot start the guests: %s", mk_err_text(err));
        return false;
    }
    for (size_t i = 0; i < keeper->guests.count; i++) {
        actor_log(rt, MK_LOG_INFO, "running %s as actor %llu", keeper->guests.names[i],
                  (unsigned long long)supervisor_get_child(rt, keeper->supervisor, i));
    }
    return keeper->keeping->open == NULL || keeper->keeping->open(rt, keeper->settings) == MK_CLI_OK;
}

/* The first signal stops the guests in order; a second one does not wait for them. */
static bool on_signals(runtime_t *rt, keeper_t *keeper) {
    struct signalfd_siginfo info;
    if (read(keeper->signals, &info, sizeof info) != (ssize_t)sizeof info) return true;
    if (info.ssi_signo == SIGHUP && !keeper->keeping->hangup_ends) return true;
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
        mk_cli_fail(keeper->keeping->command, "the supervisor has ended: %s", exit_reason_text(end->exit_reason));
    }
    keeper->ended = true;
    keeper->last_words = actor_set_timer(rt, LAST_WORDS_MS, false);
    return keeper->last_words != TIMER_ID_INVALID && on_output(keeper);
}

/* Others can guess this actor's id; a start is the program's own to ask for, once, all else they cannot send or may. */
static bool is_start(const keeper_t *keeper, const message_t *msg) {
    return msg->source == ACTOR_ID_INVALID && keeper->supervisor == ACTOR_ID_INVALID;
}

static bool keep(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    keeper_t *keeper = state;
    bool      stay = true;
    (void)self;
    switch (msg->type) {
    case MSG_START: stay = !is_start(keeper, msg) || start(rt, keeper); break;
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
    actor_options_t options = {.behavior = keep, .state = keeper, .name = "/node/local/keeper"};
    if (actor_spawn_opts(rt, &options, &id) != MK_OK || !actor_send(rt, id, MSG_START, NULL, 0)) {
        return mk_cli_fail(keeper->keeping->command, "out of memory");
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

static int run_node(keeper_t *keeper) {
    const mk_keeping_t *keeping = keeper->keeping;
    runtime_t          *rt = mk_life_begin(keeper->settings, keeping->among_others);
    if (rt == NULL) return mk_cli_fail(keeping->command, "out of memory");
    int result = mk_trust_open(keeping->command, keeper->settings);
    if (result == MK_CLI_OK)
        result = mk_guests_load(&keeper->guests, keeping->command, keeper->settings, &keeper->output);
    if (result == MK_CLI_OK) result = mk_data_open(rt, keeping->command, keeper->settings);
    if (result == MK_CLI_OK && keeping->prepare != NULL)
        result = keeping->prepare(rt, keeper->settings, &keeper->output);
    if (result == MK_CLI_OK) result = keep_guests(rt, keeper);
    /* What is left is to write the log, which waits for whoever reads it; from here on a signal ends even that. */
    sigset_t set = endings();
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    mk_life_end(rt);
    return result;
}

int mk_keep(const mk_settings_t *settings, const mk_keeping_t *keeping) {
    keeper_t keeper = {.settings = settings, .keeping = keeping, .signals = open_signals()};
    if (keeper.signals < 0) return mk_cli_fail(keeping->command, "signalfd: %s", strerror(errno));
    if (!mk_output_open(&keeper.output) || !wasm_actors_init()) return mk_cli_fail(keeping->command, "out of memory");
    int result = run_node(&keeper); /* the guests' modules outlive the node */
    mk_guests_free(&keeper.guests);
    wasm_actors_cleanup();
    mk_output_close(&keeper.output);
    close(keeper.signals);
    return result;
}
