/* SPDX-License-Identifier: Apache-2.0 */
/* mk shell -- a node with a console: actor 1 is the console, actor 2 the shell, a guest that is granted everything. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "microkernel/console.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "microkernel/wasm_actor.h"
#include "node.h"
#include "terminal.h"
#include "version.h"

extern const char mk_shell_guest[], mk_shell_guest_end[];

enum {
    CHILDREN_MAX = 1000000,  /* what a person loads on purpose is not to be refused                        */
    SHELL_BUDGET_MS = 30000, /* the node's work for `load` counts as the shell's: megabytes to be validated */
    GUEST_BUDGET_MS = 100,   /* what a guest may take for a message that nobody said he trusts             */
};

typedef struct session {
    runtime_t *rt;
    bool       over, ok;
} session_t;

/* For the signal handler, which can be given nothing. */
static runtime_t *volatile running;

static void on_signal(int number) {
    runtime_t *rt = running;
    (void)number;
    if (rt != NULL) runtime_stop(rt);
}

/* Asked to end from outside: the loop is left, and with it the terminal as it was found. */
static void end_on_signals(runtime_t *rt) {
    static const int endings[] = {SIGTERM, SIGHUP, SIGINT};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    running = rt;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) sigaction(endings[i], &action, NULL);
}

static void on_closed(void *arg, bool ok) {
    session_t *session = arg;
    session->over = true;
    session->ok = ok;
    runtime_stop(session->rt);
}

static uint32_t guest_budget_ms(const mk_settings_t *settings) {
    if (settings->budget_ms != 0) return settings->budget_ms;
    return settings->trusted ? WASM_BUDGET_NONE : GUEST_BUDGET_MS;
}

static bool start_shell(runtime_t *rt, const mk_settings_t *settings, actor_id_t console, char *err, size_t err_size) {
    actor_id_t     shell;
    size_t         size = (size_t)(mk_shell_guest_end - mk_shell_guest);
    wasm_options_t options = {
        .name = "shell",
        .grants = WASM_GRANTS_ALL,
        .child_grants = settings->trusted ? WASM_GRANTS_ALL : WASM_GRANTS_LOADED,
        .budget_ms = SHELL_BUDGET_MS,
        .child_budget_ms = guest_budget_ms(settings),
        .engine = settings->engine,
        .children_max = CHILDREN_MAX,
        .console = console,
    };
    if (actor_spawn_wasm_opts(rt, mk_shell_guest, size, &options, &shell, err, err_size) != MK_OK) return false;
    return console_attach(rt, console, shell);
}

static int hold_session(runtime_t *rt, const mk_settings_t *settings, mk_terminal_t *terminal) {
    session_t  session = {.rt = rt};
    char       banner[128], err[200] = "out of memory";
    actor_id_t console;
    snprintf(banner, sizeof banner, "microkernel %s, node %s (%u). Type 'help' for the commands.\n", MK_VERSION_TEXT,
             settings->name, (unsigned)settings->node_id);
    console_options_t options = {
        .io = mk_terminal_io(terminal),
        .name = "console",
        .banner = banner,
        .edit = terminal->edit,
        .terminal = terminal->out_is_terminal,
        .closed = on_closed,
        .closed_arg = &session,
    };
    if (console_start(rt, &options, &console) != MK_OK) return mk_cli_fail("shell", "%s", err);
    if (!start_shell(rt, settings, console, err, sizeof err)) return mk_cli_fail("shell", "%s", err);
    if (terminal->edit && isatty(STDERR_FILENO)) { /* log lines would tear the one being typed */
        runtime_set_log_actor(rt, console);
        if (runtime_set_log_sink(rt, NULL, NULL) != MK_OK) return mk_cli_fail("shell", "%s", err);
    }
    end_on_signals(rt);
    runtime_run(rt);
    running = NULL; /* a second signal comes when the node is being taken down */
    return session.over && session.ok ? MK_CLI_OK : MK_CLI_FAILED;
}

static int run(const mk_settings_t *settings) {
    runtime_t *rt = mk_node_open(settings);
    if (rt == NULL) return mk_cli_fail("shell", "out of memory");
    mk_terminal_t terminal;
    mk_terminal_open(&terminal);
    int result = hold_session(rt, settings, &terminal);
    mk_node_close(rt);
    mk_terminal_close(&terminal);
    return result;
}

static const mk_option_t *const options[] = {&mk_option_name,
                                             &mk_option_node_id,
                                             &mk_option_log,
                                             &mk_option_trusted,
                                             &mk_option_budget,
                                             &mk_option_engine,
                                             NULL};

const mk_command_t mk_command_shell = {
    .name = "shell",
    .summary = "Start a node and talk to it: a prompt on a terminal, plain lines otherwise.",
    .example = "  mk shell\n"
               "  printf 'load echo.wasm\\ncall echo 200 hello\\nexit\\n' | mk shell\n",
    .options = options,
    .log_level = MK_LOG_ERROR, /* the shell itself says what goes wrong with a command */
    .run = run,
};
