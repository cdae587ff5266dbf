/* SPDX-License-Identifier: Apache-2.0 */
/* mk secret -- the file with what all nodes of a cluster know. Nodes show its first secret when they call and take any of them from
 * those who call, so one is exchanged for another while all are running: add, copy the file to all; use, copy; drop, copy. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cli.h"
#include "microkernel/node.h"
#include "whole_file.h"

enum { KEY_BYTES = 32, LINE_BYTES = 96, TEXT_BYTES_MAX = 64 * 1024 };

static const char heading[] = "# What all nodes of a cluster know; see 'mk secret --help'. Who has it is one of them.\n"
                              "# The first is shown when calling, all are taken from those who call.\n";

static bool fail(const char *path, const char *what) {
    mk_cli_fail("secret", "%s: %s", path, what);
    return false;
}

/* "member 0123...\n" with fresh random digits. */
static bool make_line(node_role_t role, char out[LINE_BYTES]) {
    unsigned char key[KEY_BYTES];
    if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key) return fail("randomness", strerror(errno));
    int n = snprintf(out, LINE_BYTES, "%s ", node_role_text(role));
    for (size_t i = 0; i < sizeof key; i++) n += snprintf(out + n, LINE_BYTES - (size_t)n, "%02x", key[i]);
    snprintf(out + n, LINE_BYTES - (size_t)n, "\n");
    explicit_bzero(key, sizeof key);
    return true;
}

/* ---- the text of a file ---------------------------------------------------------------------------------------------- */

typedef struct text {
    char   bytes[TEXT_BYTES_MAX];
    size_t size;
} text_t;

static text_t text; /* one command has one file */

static bool read_text(const char *path) {
    FILE *file = fopen(path, "re");
    if (file == NULL) return fail(path, strerror(errno));
    text.size = fread(text.bytes, 1, sizeof text.bytes - LINE_BYTES, file);
    bool whole = !ferror(file) && fgetc(file) == EOF;
    fclose(file);
    if (!whole) return fail(path, "it cannot be read, or is too long");
    if (text.size != 0 && text.bytes[text.size - 1] != '\n') text.bytes[text.size++] = '\n';
    return true;
}

static void append(const char *line) {
    size_t size = strlen(line);
    memcpy(text.bytes + text.size, line, size);
    text.size += size;
}

/* The first line from `at` on that is no comment and not empty; NULL: none. *size with its end. */
static char *next_secret(char *at, size_t *size) {
    const char *end = text.bytes + text.size;
    for (; at < end; at += *size) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        *size = (size_t)(stop - at) + 1;
        char first = at[strspn(at, " \t\r")];
        if (first != '#' && first != '\n') return at;
    }
    return NULL;
}

/* The last secret becomes the first. */
static void turn_last_to_front(void) {
    static char line[TEXT_BYTES_MAX];
    size_t      size = 0, last_size = 0;
    char       *first = next_secret(text.bytes, &size), *last = first;
    for (char *at = first; at != NULL; at = next_secret(at + size, &size)) last = at, last_size = size;
    if (first == NULL) return; /* the file has been looked at: there are some */
    memcpy(line, last, last_size);
    memmove(first + last_size, first, (size_t)(last - first));
    memcpy(first, line, last_size);
    explicit_bzero(line, last_size);
}

/* All but the first go. */
static void drop_others(void) {
    size_t size = 0, rest_size = 0;
    char  *first = next_secret(text.bytes, &size), *from = first + size, *at;
    while ((at = next_secret(from, &rest_size)) != NULL) {
        size_t behind = text.size - (size_t)(at + rest_size - text.bytes);
        memmove(at, at + rest_size, behind);
        text.size -= rest_size;
        explicit_bzero(text.bytes + text.size, rest_size);
    }
}

/* ---- subcommands ------------------------------------------------------------------------------------------------------- */

/* Read as a node reads it: what it would refuse is refused. */
static bool list(const char *path, node_secret_info_t *infos, size_t *n) {
    char     why[256];
    mk_err_t err = node_secret_list(path, infos, NODE_SECRETS_MAX, n, why, sizeof why);
    if (err != MK_OK) mk_cli_fail("secret", "%s", why);
    return err == MK_OK;
}

static bool show(const char *path) {
    node_secret_info_t infos[NODE_SECRETS_MAX];
    size_t             n = 0;
    if (!list(path, infos, &n)) return false;
    for (size_t i = 0; i < n; i++)
        printf("%s %s%s\n", infos[i].id, node_role_text(infos[i].role), i == 0 ? ", shown when calling" : "");
    return true;
}

static bool create(const char *path, node_role_t role) {
    char line[LINE_BYTES];
    if (!make_line(role, line)) return false;
    append(heading);
    append(line);
    explicit_bzero(line, sizeof line);
    return mk_whole_file_create("secret", path, text.bytes, text.size, true);
}

typedef enum change { ADD, USE, DROP } change_t;

static bool change(const char *path, change_t how, node_role_t role) {
    node_secret_info_t infos[NODE_SECRETS_MAX];
    char               line[LINE_BYTES];
    size_t             n = 0;
    if (!list(path, infos, &n) || !read_text(path)) return false;
    if (how == ADD && n == NODE_SECRETS_MAX) return fail(path, "it has as many secrets as a file can have");
    if (how != ADD && n == 1) return fail(path, "it has one secret only; 'mk secret add' makes another one");
    if (how == ADD) {
        if (!make_line(role != NODE_ROLE_NONE ? role : infos[0].role, line)) return false;
        append(line);
        explicit_bzero(line, sizeof line);
    } else if (how == USE) {
        turn_last_to_front();
    } else {
        drop_others();
    }
    return mk_whole_file_replace("secret", path, text.bytes, text.size);
}

static int usage(const char *what) {
    mk_cli_fail("secret", "%s\nTry 'mk secret --help'.", what);
    return MK_CLI_USAGE;
}

static int run(const mk_settings_t *settings) {
    if (settings->operands_count != 2) return usage("what to do, and with which file?");
    const char *verb = settings->operands[0], *path = settings->operands[1];
    node_role_t role = NODE_ROLE_NONE;
    bool        done = false;
    if (settings->role != NULL && (!node_role_parse(settings->role, &role) || role == NODE_ROLE_NONE))
        return usage("a role is observer, member or operator");
    if (strcmp(verb, "new") == 0) done = create(path, role != NODE_ROLE_NONE ? role : NODE_ROLE_MEMBER);
    else if (strcmp(verb, "add") == 0) done = change(path, ADD, role);
    else if (strcmp(verb, "use") == 0) done = change(path, USE, role);
    else if (strcmp(verb, "drop") == 0) done = change(path, DROP, role);
    else if (strcmp(verb, "show") == 0) done = true;
    else return usage("new, add, use, drop or show?");
    explicit_bzero(&text, sizeof text);
    if (!done || !show(path)) return MK_CLI_FAILED;
    return mk_cli_flush("secret");
}

static const mk_option_t *const options[] = {&mk_option_role, NULL};

const mk_command_t mk_command_secret = {
    .name = "secret",
    .operands = "new|add|use|drop|show FILE",
    .summary = "Make, exchange or list what the nodes of a cluster know.",
    .example = "  mk secret new cluster.secret           # copy it to every node; mk node --secret cluster.secret\n"
               "  mk secret add cluster.secret           # another one that is taken: copy it to every node,\n"
               "  mk secret use cluster.secret           # then this one is shown: copy it again,\n"
               "  mk secret drop cluster.secret          # then the old one is taken no more: once again\n"
               "  mk secret show cluster.secret          # ids, by which files are compared; never a secret\n",
    .options = options,
    .run = run,
};
