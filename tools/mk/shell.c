/* SPDX-License-Identifier: Apache-2.0 */
/* mk shell -- a node with a console: actor 1 is the console, actor 2 the shell, a guest that is granted everything. Or, with
 * --listen, a node with as many of both as have connected. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "console_tls.h"
#include "data.h"
#include "desk.h"
#include "guests.h"
#include "life.h"
#include "links.h"
#include "microkernel/console.h"
#include "microkernel/remote_console.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "microkernel/wasm_actor.h"
#include "settings.h"
#include "sign.h"
#include "terminal.h"
#include "token.h"
#include "version.h"

extern const char mk_shell_guest[], mk_shell_guest_end[];

enum {
    CHILDREN_MAX = 1000000,  /* what a person loads on purpose is not to be refused                        */
    SHELL_BUDGET_MS = 30000, /* the node's work for `load` counts as the shell's: megabytes to be validated */
    BANNER_BYTES = 128,
    GUEST_BUDGET_MS = 100, /* what a guest may take for a message that nobody said he trusts             */
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

static actor_id_t start_shell(runtime_t *rt, const mk_settings_t *settings, const char *name, actor_id_t console,
                              char *err, size_t err_size) {
    actor_id_t     shell;
    size_t         size = (size_t)(mk_shell_guest_end - mk_shell_guest);
    wasm_options_t options = {
        .name = name,
        .grants = WASM_GRANTS_ALL,
        .child_grants = mk_guest_grants(settings),
        .http_hosts = settings->http_hosts,
        .budget_ms = SHELL_BUDGET_MS,
        .child_budget_ms = guest_budget_ms(settings),
        .engine = settings->engine,
        .children_max = CHILDREN_MAX,
        .console = console,
        .from = "(this shell)",
    };
    mk_err_t failed = actor_spawn_wasm_opts(rt, mk_shell_guest, size, &options, &shell, err, err_size);
    if (failed != MK_OK) return ACTOR_ID_INVALID;
    if (mk_desk_admit(rt, shell)) return shell;
    snprintf(err, err_size, "out of memory");
    actor_stop(rt, shell);
    return ACTOR_ID_INVALID;
}

/* ---- at this terminal ------------------------------------------------------------------------------------------- */

static void make_banner(runtime_t *rt, char banner[BANNER_BYTES], const mk_settings_t *settings) {
    snprintf(banner, BANNER_BYTES, "microkernel %s, node %s (%u). Type 'help' for the commands.\n", MK_VERSION_TEXT,
             settings->name, (unsigned)runtime_get_node_id(rt));
}

static int hold_session(runtime_t *rt, const mk_settings_t *settings, mk_terminal_t *terminal) {
    session_t  session = {.rt = rt};
    char       banner[BANNER_BYTES], err[200] = "out of memory";
    actor_id_t console;
    make_banner(rt, banner, settings);
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
    actor_id_t shell = start_shell(rt, settings, "shell", console, err, sizeof err);
    if (shell == ACTOR_ID_INVALID || !console_attach(rt, console, shell)) return mk_cli_fail("shell", "%s", err);
    if (terminal->edit && isatty(STDERR_FILENO)) { /* log lines would tear the one being typed */
        runtime_set_log_actor(rt, console);
        if (runtime_set_log_sink(rt, NULL, NULL) != MK_OK) return mk_cli_fail("shell", "%s", err);
    }
    end_on_signals(rt);
    runtime_run(rt);
    running = NULL; /* a second signal comes when the node is being taken down */
    return session.over && session.ok ? MK_CLI_OK : MK_CLI_FAILED;
}

/* ---- over TCP ------------------------------------------------------------------------------------------------------ */

/* The first is "shell", as at a terminal. */
static actor_id_t start_remote_shell(runtime_t *rt, void *arg, unsigned number, actor_id_t console, char *why,
                                     size_t why_size) {
    char name[32] = "shell";
    if (number > 1) snprintf(name, sizeof name, "shell_%u", number);
    return start_shell(rt, arg, name, console, why, why_size);
}

static int listen_failed(const mk_settings_t *settings, mk_err_t why, const remote_console_options_t *options) {
    if (why == MK_ERR_DENIED && options->token == NULL) {
        return mk_cli_fail("shell", "%s is not this machine alone: that needs a token (--token-file, MK_SHELL_TOKEN)",
                           settings->listen);
    }
    if (why == MK_ERR_DENIED && options->tls == NULL && !options->plain) {
        return mk_cli_fail("shell",
                           "%s is not this machine alone: that needs --tls-cert and --tls-key, or --listen-plain",
                           settings->listen);
    }
    return mk_cli_fail("shell", "cannot listen at %s: %s", settings->listen, mk_err_text(why));
}

static int serve_sessions(runtime_t *rt, const mk_settings_t *settings, const mk_token_t *token, socket_tls_t *tls) {
    char          banner[BANNER_BYTES], host[SOCKET_ADDR_TEXT_BYTES], text[SOCKET_ADDR_TEXT_BYTES];
    actor_id_t    gate;
    socket_addr_t at;
    uint32_t      port;
    const char   *colon = strrchr(settings->listen, ':');
    if (!mk_settings_number(colon + 1, 0, UINT16_MAX, &port) || (size_t)(colon - settings->listen) >= sizeof host)
        return mk_cli_fail("shell", "'%s' is not an address and a port", settings->listen);
    snprintf(host, sizeof host, "%.*s", (int)(colon - settings->listen), settings->listen);
    if (!socket_addr_parse(host, 0, &at)) return mk_cli_fail("shell", "'%s' is not an address in digits", host);
    make_banner(rt, banner, settings);
    remote_console_options_t options = {
        .host = host,
        .port = (uint16_t)port,
        .token = token->text,
        .tls = tls,
        .plain = settings->listen_plain,
        .banner = banner,
        .start_shell = start_remote_shell,
        .arg = (void *)(uintptr_t)settings,
    };
    mk_err_t err = remote_console_start(rt, &options, &gate, &at);
    if (err != MK_OK) return listen_failed(settings, err, &options);
    socket_addr_format(&at, text);
    end_on_signals(rt); /* before anyone can know that there is a node to end */
    printf("Listening at %s\n", text);
    if (mk_cli_flush("shell") == MK_CLI_OK) runtime_run(rt);
    running = NULL;
    return MK_CLI_OK;
}

static int begin(runtime_t *rt, const mk_settings_t *settings) {
    if (rt == NULL) return mk_cli_fail("shell", "out of memory");
    int result = mk_links_prepare(rt, "shell", settings, NULL);
    if (result == MK_CLI_OK) result = mk_trust_open("shell", settings);
    if (result == MK_CLI_OK) result = mk_data_open(rt, "shell", settings);
    if (result == MK_CLI_OK && !mk_desk_open(rt)) result = mk_cli_fail("shell", "out of memory");
    return result == MK_CLI_OK ? mk_links_open(rt, "shell", settings) : result;
}

static int run(const mk_settings_t *settings) {
    mk_token_t    token = {NULL};
    socket_tls_t *tls = NULL;
    mk_terminal_t terminal;
    bool          remote = settings->listen != NULL, opened = false;
    if (!remote && (settings->tls_certificate_file != NULL || settings->tls_key_file != NULL || settings->listen_plain))
        return mk_cli_fail("shell", "--tls-cert, --tls-key and --listen-plain are for --listen");
    if (remote && !mk_console_tls_open(settings, &tls)) return MK_CLI_FAILED;
    if (remote && !mk_token_read(settings->token_file, &token)) {
        socket_tls_release(tls);
        return MK_CLI_FAILED;
    }
    runtime_t *rt = mk_life_begin(settings, mk_links_wanted(settings));
    int        result = begin(rt, settings);
    if (result == MK_CLI_OK && remote) {
        result = serve_sessions(rt, settings, &token, tls);
    } else if (result == MK_CLI_OK) {
        mk_terminal_open(&terminal);
        opened = true;
        result = hold_session(rt, settings, &terminal);
    }
    if (rt != NULL) mk_life_end(rt);
    if (opened) mk_terminal_close(&terminal); /* after the last who writes to it */
    socket_tls_release(tls);
    mk_token_forget(&token);
    return result;
}

static const mk_option_t *const options[] = {&mk_option_name,       &mk_option_node_id,
                                             &mk_option_log,        &mk_option_trusted,
                                             &mk_option_budget,     &mk_option_engine,
                                             &mk_option_http,       &mk_option_listen,
                                             &mk_option_token_file, &mk_option_tls_cert,
                                             &mk_option_tls_key,    &mk_option_listen_plain,
                                             &mk_option_serve,      &mk_option_mount,
                                             &mk_option_secret,     &mk_option_cert,
                                             &mk_option_key,        &mk_option_ca,
                                             &mk_option_export,     &mk_option_names,
                                             &mk_option_modules,    &mk_option_discover,
                                             &mk_option_data,       &mk_option_data_max,
                                             &mk_option_trust,      NULL};

const mk_command_t mk_command_shell = {
    .name = "shell",
    .summary = "Start a node and talk to it: a prompt on a terminal, plain lines otherwise.",
    .example = "  mk shell\n"
               "  printf 'load echo.wasm\\ncall echo 200 hello\\nexit\\n' | mk shell\n"
               "  mk shell --listen 127.0.0.1:2323 --token-file token &  nc 127.0.0.1 2323\n"
               "  mk shell --name desk --secret cluster.secret --mount 192.168.1.10\n"
               "  MK_AI_URL=http://127.0.0.1:11434/v1 MK_AI_MODEL=llama3.2 mk shell --data ./data\n",
    .options = options,
    .log_level = MK_LOG_ERROR, /* the shell itself says what goes wrong with a command */
    .run = run,
};
