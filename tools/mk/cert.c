/* SPDX-License-Identifier: Apache-2.0 */
/* mk cert -- a small authority for one cluster: its certificate is what nodes trust, its key makes theirs and stays where it is. */
#include "cert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "microkernel/node.h"
#include "settings.h"
#include "whole_file.h"

enum { AUTHORITY_DAYS = 3650, NODE_DAYS = 365, FILE_BYTES_MAX = 64 * 1024, PATH_BYTES = 1024 };

void mk_pem_free(mk_pem_t *pem) {
    if (pem->key != NULL) explicit_bzero(pem->key, strlen(pem->key));
    free(pem->key);
    free(pem->certificate);
    *pem = (mk_pem_t){0};
}

static bool fail(const char *path, const char *what) {
    mk_cli_fail("cert", "%s: %s", path, what);
    return false;
}

static bool path_of(const char *folder, const char *name, const char *ending, char out[PATH_BYTES]) {
    int size = snprintf(out, PATH_BYTES, "%s/%s%s", folder, name, ending);
    return (size > 0 && size < PATH_BYTES) || fail(folder, "the path is too long");
}

/* NULL: it was told why. The caller's, from malloc(). */
static char *read_file(const char *path, bool secret) {
    struct stat st;
    char       *text = NULL;
    FILE       *file = fopen(path, "re");
    if (file == NULL || fstat(fileno(file), &st) != 0) fail(path, strerror(errno));
    else if (secret && (st.st_mode & 077) != 0) fail(path, "others than its owner may read or change it; chmod 600");
    else if ((text = calloc(1, FILE_BYTES_MAX)) == NULL) fail(path, "out of memory");
    else if (fread(text, 1, FILE_BYTES_MAX - 1, file) == 0) {
        fail(path, "it is empty, or cannot be read");
        free(text);
        text = NULL;
    }
    if (file != NULL) fclose(file);
    return text;
}

/* Both files or none. */
static bool write_pair(const char *folder, const char *name, const mk_pem_t *pem) {
    char certificate[PATH_BYTES], key[PATH_BYTES];
    if (!path_of(folder, name, ".pem", certificate) || !path_of(folder, name, ".key", key)) return false;
    if (!mk_whole_file_create("cert", key, pem->key, strlen(pem->key), true)) return false;
    if (mk_whole_file_create("cert", certificate, pem->certificate, strlen(pem->certificate), false)) {
        printf("%s\n%s\n", certificate, key);
        return true;
    }
    unlink(key);
    return false;
}

static bool make_authority(const char *folder, uint32_t days) {
    mk_pem_t pem = {0};
    char     why[MK_CERT_WHY_BYTES] = "";
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) return fail(folder, strerror(errno));
    bool done = mk_cert_authority(days != 0 ? days : AUTHORITY_DAYS, &pem, why) ? write_pair(folder, "ca", &pem)
                                                                                : fail(folder, why);
    mk_pem_free(&pem);
    return done;
}

static bool make_node(const char *folder, const char *name, const char *role, uint32_t days) {
    mk_pem_t by = {0}, pem = {0};
    char     path[PATH_BYTES], key[PATH_BYTES], why[MK_CERT_WHY_BYTES] = "";
    if (!path_of(folder, "ca", ".pem", path) || !path_of(folder, "ca", ".key", key)) return false;
    bool done = (by.certificate = read_file(path, false)) != NULL && (by.key = read_file(key, true)) != NULL;
    if (done)
        done = mk_cert_node(&by, name, role, days != 0 ? days : NODE_DAYS, &pem, why) ? write_pair(folder, name, &pem)
                                                                                      : fail(name, why);
    mk_pem_free(&by);
    mk_pem_free(&pem);
    return done;
}

static int usage(const char *what) {
    mk_cli_fail("cert", "%s\nTry 'mk cert --help'.", what);
    return MK_CLI_USAGE;
}

static int run(const mk_settings_t *settings) {
    const char *verb = settings->operands[0];
    int         n = settings->operands_count;
    const char *role = settings->role != NULL ? settings->role : node_role_text(NODE_ROLE_MEMBER);
    node_role_t known;
    bool        done;
    if (!node_role_parse(role, &known) || known == NODE_ROLE_NONE)
        return usage("a role is observer, member or operator");
    if (strcmp(verb, "ca") == 0 && n == 2) {
        if (settings->role != NULL) return usage("an authority has no role; its nodes have");
        done = make_authority(settings->operands[1], settings->days);
    } else if (strcmp(verb, "node") == 0 && n == 3) {
        const char *name = settings->operands[2];
        if (!mk_settings_name_ok(name) || strcmp(name, "ca") == 0) return usage("this cannot be the name of a node");
        done = make_node(settings->operands[1], name, role, settings->days);
    } else {
        return usage("ca DIR, or node DIR NAME?");
    }
    return done ? mk_cli_flush("cert") : MK_CLI_FAILED;
}

static const mk_option_t *const options[] = {&mk_option_role, &mk_option_days, NULL};

const mk_command_t mk_command_cert = {
    .name = "cert",
    .operands = "ca DIR | node DIR NAME",
    .summary = "Make an authority for a cluster, and certificates of its nodes.",
    .example = "  mk cert ca authority                   # ca.pem for all nodes; ca.key stays here, and is guarded\n"
               "  mk cert node authority alpha           # alpha.pem and alpha.key are that node's own\n"
               "  mk node --name alpha --cert alpha.pem --key alpha.key --ca ca.pem --listen '*:4200'\n",
    .options = options,
    .run = run,
};
