/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "settings.h"
#include "version.h"

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
    if (!option->set(settings, value)) {
        const char *wanted = option->value != NULL ? option->value : "";
        return wrong(command, "'%s' is not a value for %s %s", value, option->name, wanted);
    }
    return MK_CLI_OK;
}

/* The words of a command line that does something; *help: one that only asks. MK_CLI_OK or MK_CLI_USAGE. */
static int take_words(const mk_command_t *command, mk_settings_t *settings, int argc, char **argv, bool *help) {
    bool options_end = false;
    settings->operands = argv; /* operands move to the front, over words already read */
    for (int i = 0; i < argc; i++) {
        if (!options_end && strcmp(argv[i], "--") == 0) {
            options_end = true;
        } else if (!options_end && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            *help = true;
            return MK_CLI_OK;
        } else if (!options_end && argv[i][0] == '-' && argv[i][1] != '\0') {
            int result = take_option(command, settings, argc, argv, &i);
            if (result != MK_CLI_OK) return result;
        } else {
            argv[settings->operands_count++] = argv[i];
        }
    }
    if (command->operands == NULL && settings->operands_count > 0)
        return wrong(command, "unexpected '%s'", settings->operands[0]);
    if (command->operands != NULL && command->operands[0] != '[' && settings->operands_count == 0)
        return wrong(command, "%s is missing", command->operands);
    return MK_CLI_OK;
}

static int run_command(const mk_command_t *command, int argc, char **argv) {
    mk_settings_t settings;
    bool          help = false;
    const char   *bad = mk_settings_init(&settings);
    if (bad != NULL) return wrong(command, "%s in the environment is not usable", bad);
    settings.log_level = command->log_level;
    mk_words_t  *lists[] = {&settings.serve, &settings.mounts, &settings.exports, &settings.trust};
    size_t       lists_n = sizeof lists / sizeof *lists, words = (size_t)argc + 1;
    const char **room = calloc(lists_n * words, sizeof *room);
    if (room == NULL) return mk_cli_fail(command->name, "out of memory");
    for (size_t i = 0; i < lists_n; i++) lists[i]->at = room + i * words;
    int result = take_words(command, &settings, argc, argv, &help);
    if (result == MK_CLI_OK && help) {
        print_help(command);
        result = mk_cli_flush(command->name);
    } else if (result == MK_CLI_OK) {
        result = command->run(&settings);
    }
    free(room);
    return result;
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

static const mk_command_t *find_command(const mk_command_t *const *commands, const char *word) {
    while (*commands != NULL && strcmp(word, (*commands)->name) != 0) commands++;
    return *commands;
}

static int help(const mk_command_t *const *commands, const char *topic) {
    const mk_command_t *command = topic != NULL ? find_command(commands, topic) : NULL;
    if (topic != NULL && command == NULL) {
        fprintf(stderr, "mk help: unknown command '%s'\n", topic);
        print_overview(stderr, commands);
        return MK_CLI_USAGE;
    }
    if (command != NULL) print_help(command);
    else print_overview(stdout, commands);
    return mk_cli_flush("--help");
}

int mk_cli_run(const mk_command_t *const *commands, int argc, char **argv) {
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--version") == 0) return print_version(argc - 2, argv + 2);
    if (strcmp(word, "help") == 0) return help(commands, argc > 2 ? argv[2] : NULL);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) return help(commands, NULL);
    const mk_command_t *command = find_command(commands, word);
    if (command != NULL) return run_command(command, argc - 2, argv + 2);
    if (word[0] != '\0') fprintf(stderr, "mk: unknown command '%s'\n", word);
    print_overview(stderr, commands);
    return MK_CLI_USAGE;
}

/* In one piece: the log, which another thread writes, goes to the same place. */
int mk_cli_fail(const char *command, const char *format, ...) {
    char    text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    dprintf(STDERR_FILENO, "mk %s: %s\n", command, text);
    return MK_CLI_FAILED;
}

int mk_cli_flush(const char *command) {
    if (fflush(stdout) == 0 && !ferror(stdout)) return MK_CLI_OK;
    return mk_cli_fail(command, "cannot write: %s", strerror(errno));
}
