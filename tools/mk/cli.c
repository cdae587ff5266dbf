/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "microkernel/services.h"
#include "microkernel/wasm_actor.h"
#include "settings.h"
#include "version.h"

/* ---- option values ---------------------------------------------------------------------------------------------- */

static bool set_name(mk_settings_t *settings, const char *value) {
    settings->name = value;
    return mk_settings_name_ok(value);
}

static bool set_node_id(mk_settings_t *settings, const char *value) {
    return mk_settings_number(value, 1, UINT32_MAX, &settings->node_id);
}

static bool set_log(mk_settings_t *settings, const char *value) {
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (int level = MK_LOG_DEBUG; level <= MK_LOG_ERROR; level++) {
        if (strcmp(value, names[level]) == 0) {
            settings->log_level = level;
            return true;
        }
    }
    return false;
}

static bool set_budget(mk_settings_t *settings, const char *value) {
    enum { BUDGET_MS_MAX = 60 * 60 * 1000 };
    if (!mk_settings_number(value, 0, BUDGET_MS_MAX, &settings->budget_ms)) return false;
    if (settings->budget_ms == 0) settings->budget_ms = WASM_BUDGET_NONE;
    return true;
}

/* Whether there is such an engine is found out when it is needed. */
static bool set_engine(mk_settings_t *settings, const char *value) {
    settings->engine = value;
    return value[0] != '\0';
}

static bool set_trusted(mk_settings_t *settings, const char *value) {
    (void)value;
    settings->trusted = true;
    return true;
}

static bool set_json(mk_settings_t *settings, const char *value) {
    (void)value;
    settings->json = true;
    return true;
}

static bool set_http(mk_settings_t *settings, const char *value) {
    settings->http_hosts = value;
    return value[0] != '\0';
}

static bool set_listen(mk_settings_t *settings, const char *value) {
    settings->listen = value;
    return strrchr(value, ':') != NULL;
}

static bool set_token_file(mk_settings_t *settings, const char *value) {
    settings->token_file = value;
    return value[0] != '\0';
}

const mk_option_t mk_option_name = {"--name", "NAME", "name of this node (MK_NODE_NAME, else the host's name)",
                                    set_name};
const mk_option_t mk_option_node_id = {"--node-id", "N", "number of this node, 1 to 4294967295 (MK_NODE_ID, else 1)",
                                       set_node_id};
const mk_option_t mk_option_log = {"--log", "LEVEL", "what is logged to standard error: debug, info, warn, error",
                                   set_log};
const mk_option_t mk_option_budget = {"--budget-ms", "MS", "time a guest may take for one message; 0: any", set_budget};
const mk_option_t mk_option_engine = {"--engine", "NAME", "what runs guests: vm, wamr (MK_ENGINE, else vm)",
                                      set_engine};
const mk_option_t mk_option_trusted = {
    "--trusted", NULL, "grant the guests everything: names, files, starting and stopping actors", set_trusted};
const mk_option_t mk_option_http = {"--http", "HOSTS",
                                    "guests may ask these over HTTP: 'example.com, *.example.org:8080'", set_http};
const mk_option_t mk_option_listen = {"--listen", "HOST:PORT",
                                      "serve shells over TCP there (an address in digits) instead of here", set_listen};
const mk_option_t mk_option_token_file = {
    "--token-file", "FILE", "what those who connect must know, 16 bytes or more (else MK_SHELL_TOKEN)", set_token_file};
const mk_option_t mk_option_json = {"--json", NULL, "print JSON", set_json};

/* ---- help ------------------------------------------------------------------------------------------------------- */

enum { HELP_WIDTH = 20 };

static void print_usage(FILE *to, const mk_command_t *command) {
    fprintf(to, "usage: mk %s%s%s%s\n", command->name, command->options[0] != NULL ? " [options]" : "",
            command->operands != NULL ? " " : "", command->operands != NULL ? command->operands : "");
}

static void print_help(const mk_command_t *command) {
    print_usage(stdout, command);
    printf("%s\n\n", command->summary);
    for (const mk_option_t *const *option = command->options; *option != NULL; option++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", (*option)->name, (*option)->value != NULL ? " " : "",
                 (*option)->value != NULL ? (*option)->value : "");
        printf("  %-*s %s\n", HELP_WIDTH, left, (*option)->help);
    }
    printf("  %-*s %s\n\nexample:\n%s", HELP_WIDTH, "--help", "this text", command->example);
}

static void print_overview(FILE *to, const mk_command_t *const *commands) {
    fputs("usage: mk COMMAND [options]\nA node of actors: native ones and sandboxed WebAssembly guests.\n\n", to);
    for (; *commands != NULL; commands++)
        fprintf(to, "  %-*s %s\n", HELP_WIDTH, (*commands)->name, (*commands)->summary);
    fprintf(to, "  %-*s %s\n", HELP_WIDTH, "--version", "what this is");
    fprintf(to, "  %-*s %s\n", HELP_WIDTH, "COMMAND --help", "the options of a command, with an example");
    fputs("\nexample:\n  mk shell\n", to);
}

/* ---- parsing ---------------------------------------------------------------------------------------------------- */

static const mk_option_t *find_option(const mk_command_t *command, const char *word, size_t size) {
    for (const mk_option_t *const *option = command->options; *option != NULL; option++) {
        if (strlen((*option)->name) == size && memcmp((*option)->name, word, size) == 0) return *option;
    }
    return NULL;
}

__attribute__((format(printf, 2, 3))) static int wrong(const mk_command_t *command, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "mk %s: ", command->name);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nTry 'mk %s --help'.\n", command->name);
    return MK_CLI_USAGE;
}

/* One option at *at, with its value behind `=` or in the next word. MK_CLI_OK or MK_CLI_USAGE. */
static int take_option(const mk_command_t *command, mk_settings_t *settings, int argc, char **argv, int *at) {
    const char        *word = argv[*at], *equals = strchr(word, '=');
    size_t             size = equals != NULL ? (size_t)(equals - word) : strlen(word);
    const mk_option_t *option = find_option(command, word, size);
    if (option == NULL) return wrong(command, "unknown option '%s'", word);
    const char *value = equals != NULL ? equals + 1 : NULL;
    if (option->value == NULL && value != NULL) return wrong(command, "%s takes no value", option->name);
    if (option->value != NULL && value == NULL) {
        if (*at + 1 == argc) return wrong(command, "%s needs a value", option->name);
        value = argv[++*at];
    }
    if (!option->set(settings, value)) return wrong(command, "'%s' is not a value for %s", value, option->name);
    return MK_CLI_OK;
}

static int run_command(const mk_command_t *command, int argc, char **argv) {
    mk_settings_t settings;
    bool          options_end = false;
    const char   *bad = mk_settings_init(&settings);
    if (bad != NULL) return wrong(command, "%s in the environment is not usable", bad);
    settings.log_level = command->log_level;
    settings.operands = argv; /* operands move to the front, over words already read */
    for (int i = 0; i < argc; i++) {
        if (!options_end && strcmp(argv[i], "--") == 0) {
            options_end = true;
        } else if (!options_end && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            print_help(command);
            return mk_cli_flush(command->name);
        } else if (!options_end && argv[i][0] == '-' && argv[i][1] != '\0') {
            int result = take_option(command, &settings, argc, argv, &i);
            if (result != MK_CLI_OK) return result;
        } else {
            argv[settings.operands_count++] = argv[i];
        }
    }
    if (command->operands == NULL && settings.operands_count > 0) {
        return wrong(command, "unexpected '%s'", settings.operands[0]);
    }
    if (command->operands != NULL && settings.operands_count == 0)
        return wrong(command, "%s is missing", command->operands);
    return command->run(&settings);
}

static int print_version(int argc, char **argv) {
    if (argc == 0) {
        printf("mk %s\n", MK_VERSION_TEXT);
    } else if (argc == 1 && strcmp(argv[0], "--json") == 0) {
        printf("{\"name\":\"mk\",\"version\":\"%s\"}\n", MK_VERSION_TEXT);
    } else {
        fputs("mk --version: takes --json only\n", stderr);
        return MK_CLI_USAGE;
    }
    return mk_cli_flush("--version");
}

int mk_cli_run(const mk_command_t *const *commands, int argc, char **argv) {
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--version") == 0) return print_version(argc - 2, argv + 2);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        print_overview(stdout, commands);
        return mk_cli_flush("--help");
    }
    for (const mk_command_t *const *command = commands; *command != NULL; command++) {
        if (strcmp(word, (*command)->name) == 0) return run_command(*command, argc - 2, argv + 2);
    }
    if (word[0] != '\0') fprintf(stderr, "mk: unknown command '%s'\n", word);
    print_overview(stderr, commands);
    return MK_CLI_USAGE;
}

int mk_cli_fail(const char *command, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "mk %s: ", command);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return MK_CLI_FAILED;
}

int mk_cli_flush(const char *command) {
    if (fflush(stdout) == 0 && !ferror(stdout)) return MK_CLI_OK;
    return mk_cli_fail(command, "cannot write: %s", strerror(errno));
}
