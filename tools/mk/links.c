/* SPDX-License-Identifier: Apache-2.0 */
#include "links.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hands.h"
#include "microkernel/discovery.h"
#include "microkernel/namespace.h"
#include "microkernel/node.h"
#include "microkernel/services.h"

bool mk_links_wanted(const mk_settings_t *settings) {
    return settings->serve.n > 0 || settings->mounts.n > 0 || settings->secret_file != NULL ||
           settings->certificate_file != NULL || settings->discover;
}

/* ---- who we are, and what we show -------------------------------------------------------------------------------------- */

static int set_exports(runtime_t *rt, const char *command, const mk_settings_t *settings) {
    /* Every node has these. Shown to others, one of them would take them away from all the rest. */
    static const char *const kept[] = {"shell", "console"};
    char                     caps[64];
    mk_err_t                 err = MK_OK;
    ns_keep_names_own(rt, settings->names_own);
    snprintf(caps, sizeof caps, "/node/%s/caps", settings->name);
    if (settings->exports.n > 0 && (err = ns_export(rt, "", false)) == MK_OK) err = ns_export(rt, caps, true);
    for (size_t i = 0; i < sizeof kept / sizeof *kept && err == MK_OK; i++) err = ns_export(rt, kept[i], false);
    for (int i = 0; i < settings->exports.n && err == MK_OK; i++) err = ns_export(rt, settings->exports.at[i], true);
    return err == MK_OK ? MK_CLI_OK : mk_cli_fail(command, "--export: %s", mk_err_text(err));
}

/* The room's log says the same, but not with the option that is wrong. */
static int check(const char *command, const char *option, const char *path, bool folder) {
    struct stat st;
    if (path == NULL) return MK_CLI_OK;
    if (access(path, R_OK) != 0 || stat(path, &st) != 0)
        return mk_cli_fail(command, "%s %s: %s", option, path, strerror(errno));
    if (folder == S_ISDIR(st.st_mode)) return MK_CLI_OK;
    return mk_cli_fail(command, "%s %s: %s", option, path, folder ? "it is no folder" : "it is a folder");
}

static int check_files(const char *command, const mk_settings_t *settings) {
    int certificates =
        (settings->certificate_file != NULL) + (settings->key_file != NULL) + (settings->authority_file != NULL);
    if (certificates != 0 && certificates != 3) return mk_cli_fail(command, "--cert, --key and --ca go together");
    int result = check(command, "--secret", settings->secret_file, false);
    if (result == MK_CLI_OK) result = check(command, "--cert", settings->certificate_file, false);
    if (result == MK_CLI_OK) result = check(command, "--key", settings->key_file, false);
    if (result == MK_CLI_OK) result = check(command, "--ca", settings->authority_file, false);
    return result == MK_CLI_OK ? check(command, "--modules", settings->modules, true) : result;
}

static int start_failed(const char *command, const mk_settings_t *settings, mk_err_t err) {
    switch (err) {
    case MK_ERR_DENIED:
        return mk_cli_fail(command, "%s: others may read it; chmod 600",
                           settings->secret_file != NULL ? settings->secret_file : "the secret or key file");
    default: return mk_cli_fail(command, "cannot be a node among others: %s", mk_err_text(err));
    }
}

int mk_links_prepare(runtime_t *rt, const char *command, const mk_settings_t *settings, mk_output_t *output) {
    node_config_t config = {
        .identity = settings->name,
        .secret_file = settings->secret_file,
        .certificate_file = settings->certificate_file,
        .key_file = settings->key_file,
        .authority_file = settings->authority_file,
        .modules = settings->modules,
    };
    int result = check_files(command, settings);
    if (result != MK_CLI_OK) return result;
    if (ns_actor_init(rt) == ACTOR_ID_INVALID || caps_actor_init(rt) == ACTOR_ID_INVALID)
        return mk_cli_fail(command, "out of memory");
    result = set_exports(rt, command, settings);
    if (result != MK_CLI_OK) return result;
    mk_err_t err = node_start(rt, &config);
    if (err != MK_OK) return start_failed(command, settings, err);
    mk_hands_lend(rt, settings, output);
    return MK_CLI_OK;
}

/* ---- links ------------------------------------------------------------------------------------------------------------- */

static int listen_failed(const char *command, const char *where, mk_err_t err) {
    switch (err) {
    case MK_ERR_DENIED:
        if (strncmp(where, "udp:", 4) == 0)
            return mk_cli_fail(command, "%s: that needs --secret; certificates are for TCP", where);
        return mk_cli_fail(command, "%s is not this machine alone: that needs --secret, or --cert, --key and --ca",
                           where);
    case MK_ERR_INVALID:
        if (strncmp(where, "unix:/", 6) == 0)
            return mk_cli_fail(command, "cannot listen at %s: no socket can be made there", where);
        return mk_cli_fail(command, "cannot listen at %s: not HOST:PORT, udp:HOST:PORT or unix:/PATH of this machine",
                           where);
    default: return mk_cli_fail(command, "cannot listen at %s: %s", where, mk_err_text(err));
    }
}

/* The first address that others on the network can call. */
static int announce(runtime_t *rt, const char *command, const char *where, bool *done) {
    if (*done) return MK_CLI_OK;
    mk_err_t err = discovery_announce(rt, where);
    *done = err == MK_OK;
    if (err == MK_OK || err == MK_ERR_INVALID) return MK_CLI_OK;
    if (err == MK_ERR_NOSYS) return mk_cli_fail(command, "--discover: not in this build (MK_MDNS)");
    return mk_cli_fail(command, "--discover: %s", mk_err_text(err));
}

static int listen_all(runtime_t *rt, const char *command, const mk_settings_t *settings) {
    bool announced = false;
    for (int i = 0; i < settings->serve.n; i++) {
        char     bound[300];
        mk_err_t err = node_listen(rt, settings->serve.at[i], bound, sizeof bound);
        if (err != MK_OK) return listen_failed(command, settings->serve.at[i], err);
        printf("node '%s' (%u) listens on %s\n", settings->name, (unsigned)runtime_get_node_id(rt), bound);
        if (settings->discover && announce(rt, command, bound, &announced) != MK_CLI_OK) return MK_CLI_FAILED;
    }
    if (settings->discover && !announced)
        return mk_cli_fail(command,
                           "--discover: this node listens at no TCP address that others on the network can call");
    return mk_cli_flush(command);
}

/* As `mount` in the shell: a host alone is one at the usual port. */
static mk_err_t mount(runtime_t *rt, const char *where) {
    char     text[300];
    mk_err_t err = node_connect(rt, where);
    if (err != MK_ERR_INVALID || strchr(where, ':') != NULL) return err;
    if (snprintf(text, sizeof text, "%s:%u", where, (unsigned)MK_MOUNT_PORT) >= (int)sizeof text) return err;
    return node_connect(rt, text);
}

int mk_links_open(runtime_t *rt, const char *command, const mk_settings_t *settings) {
    int result = listen_all(rt, command, settings);
    for (int i = 0; i < settings->mounts.n && result == MK_CLI_OK; i++) {
        const char *where = settings->mounts.at[i];
        mk_err_t    err = mount(rt, where);
        if (err == MK_ERR_DENIED) {
            result =
                mk_cli_fail(command, "%s is not this machine: that needs --secret, or --cert, --key and --ca", where);
        } else if (err == MK_ERR_INVALID) {
            result = mk_cli_fail(command, "cannot mount %s: not HOST[:PORT], udp:HOST:PORT or unix:/PATH", where);
        } else if (err != MK_OK && err != MK_ERR_EXISTS) {
            result = mk_cli_fail(command, "cannot mount %s: %s", where, mk_err_text(err));
        }
    }
    return result;
}
