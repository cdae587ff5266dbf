/* SPDX-License-Identifier: Apache-2.0 */
#include "hands.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest_file.h"
#include "guests.h"
#include "microkernel/actor.h"
#include "microkernel/node.h"
#include "microkernel/services.h"

/* One at a time: a program has one runtime. */
static struct {
    const mk_settings_t *settings;
    mk_output_t         *output;
    actor_id_t           clerk; /* hears what becomes of reloads; made for the first */
} lent;

/* A module is named by another node: the name of a file in the folder and nothing else. */
static bool is_file_name(const char *module) {
    return module[0] != '\0' && module[0] != '.' && strchr(module, '/') == NULL && strlen(module) < NAME_MAX - 5;
}

static mk_err_t find_module(const char *module, char path[PATH_MAX], char *why, size_t why_size) {
    if (lent.settings->modules == NULL) {
        snprintf(why, why_size, "this node has no modules for others (--modules)");
        return MK_ERR_DENIED;
    }
    if (is_file_name(module) && snprintf(path, PATH_MAX, "%s/%s.wasm", lent.settings->modules, module) < PATH_MAX)
        return MK_OK;
    snprintf(why, why_size, "not the name of a module");
    return MK_ERR_INVALID;
}

static mk_err_t spawn(void *arg, runtime_t *rt, const char *module, const char *name, actor_id_t *out, char *why,
                      size_t why_size) {
    char           path[PATH_MAX];
    wasm_options_t options = mk_guest_options(lent.settings, lent.output);
    mk_err_t       err = find_module(module, path, why, why_size);
    (void)arg;
    if (err != MK_OK) return err;
    if (lent.output == NULL) { /* a shell: what its guests print is the console's to show */
        options.print = NULL;
        options.console = actor_lookup(rt, "console");
    }
    options.grants = options.child_grants = WASM_GRANTS_LOADED; /* whatever those of this machine are trusted with */
    options.name = name;
    options.orphan = true; /* who asked for it may watch it */
    return actor_spawn_wasm_file_opts(rt, path, &options, out, NULL, why, why_size);
}

/* ---- reloads ----------------------------------------------------------------------------------------------------- */

static bool pass_on(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    const wasm_reloaded_payload_t *end = msg->payload;
    (void)self, (void)state;
    if (msg->type == MSG_WASM_RELOADED)
        node_reloaded(rt, (call_id_t)end->ref, end->outcome, (const char *)(end + 1), end->text_size);
    return true;
}

static bool has_clerk(runtime_t *rt) {
    actor_options_t options = {.behavior = pass_on, .number_last = true, .orphan = true};
    return actor_is_alive(rt, lent.clerk) || actor_spawn_opts(rt, &options, &lent.clerk) == MK_OK;
}

static mk_err_t reload_error(reload_result_t result) {
    switch (result) {
    case RELOAD_OK: return MK_OK;
    case RELOAD_ERR_NOT_FOUND: return MK_ERR_NOTFOUND;
    case RELOAD_ERR_NOT_WASM: return MK_ERR_INVALID;
    case RELOAD_ERR_FIBER_ACTIVE: return MK_ERR_BUSY;
    case RELOAD_ERR_MODULE_LOAD: return MK_ERR_FORMAT;
    case RELOAD_ERR_INSTANCE: return MK_ERR_NOMEM;
    }
    return MK_ERR_INVALID;
}

static mk_err_t reload(void *arg, runtime_t *rt, actor_id_t id, const char *module, call_id_t ticket, char *why,
                       size_t why_size) {
    char     path[PATH_MAX];
    size_t   size;
    mk_err_t err = find_module(module, path, why, why_size);
    (void)arg;
    if (err != MK_OK) return err;
    if (!has_clerk(rt)) return MK_ERR_NOMEM;
    void *bytes = mk_guest_file_read(path, &size);
    if (bytes == NULL) {
        err = errno == ENOENT ? MK_ERR_NOTFOUND : MK_ERR_IO;
        snprintf(why, why_size, "no module '%s': %s", module, strerror(errno));
        return err;
    }
    wasm_reload_options_t options = {.patient = true, .tell = lent.clerk, .ref = ticket};
    reload_result_t       result = actor_reload_wasm_opts(rt, id, bytes, size, &options, why, why_size);
    free(bytes);
    if (result == RELOAD_OK)
        snprintf(why, why_size, "%u messages or %u s", WASM_PROBATION_MESSAGES, WASM_PROBATION_MS / 1000);
    if (result == RELOAD_ERR_NOT_FOUND) snprintf(why, why_size, "no such actor");
    if (result == RELOAD_ERR_NOT_WASM) snprintf(why, why_size, "that actor is no guest");
    return reload_error(result);
}

void mk_hands_lend(runtime_t *rt, const mk_settings_t *settings, mk_output_t *output) {
    static const node_hands_t hands = {.spawn = spawn, .reload = reload};
    lent.settings = settings;
    lent.output = output;
    node_set_hands(rt, &hands);
}
