/* SPDX-License-Identifier: Apache-2.0 */
#include "hands.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desk.h"
#include "guests.h"
#include "microkernel/actor.h"
#include "microkernel/node.h"
#include "microkernel/services.h"

enum { WORKS_MAX = 64 };

/* What waits for its module. */
typedef struct work {
    call_id_t  request; /* 0: a free place                  */
    actor_id_t guest;   /* to be reloaded; 0: one to spawn  */
    char       module[NAME_MAX], name[256];
} work_t;

/* One at a time: a program has one runtime. */
static struct {
    const mk_settings_t *settings;
    mk_output_t         *output;
    actor_id_t           clerk; /* hears of modules that are ready, and what becomes of reloads; made for the first */
    work_t               works[WORKS_MAX];
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

/* ---- when the module is there ------------------------------------------------------------------------------------ */

static mk_err_t spawn_now(runtime_t *rt, const work_t *work, wasm_module_t *module, actor_id_t *out, char *why,
                          size_t why_size) {
    wasm_options_t options = mk_guest_options(lent.settings, lent.output);
    if (lent.output == NULL) { /* a shell: what its guests print is the console's to show */
        options.print = NULL;
        options.console = actor_lookup(rt, "console");
    }
    options.grants = options.child_grants = WASM_GRANTS_LOADED; /* whatever those of this machine are trusted with */
    options.name = work->name[0] != '\0' ? work->name : NULL;
    options.orphan = true; /* who asked for it may watch it */
    mk_err_t err = actor_spawn_wasm_module(rt, module, &options, out, why, why_size);
    if (err == MK_ERR_EXISTS) snprintf(why, why_size, "an actor named '%s'", options.name);
    return err;
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

static mk_err_t reload_now(runtime_t *rt, const work_t *work, wasm_module_t *module, char *why, size_t why_size) {
    wasm_reload_options_t options = {.patient = true, .tell = lent.clerk, .ref = work->request};
    reload_result_t       result = actor_reload_wasm_module(rt, work->guest, module, &options, why, why_size);
    if (result == RELOAD_OK)
        snprintf(why, why_size, "%u messages or %u s", WASM_PROBATION_MESSAGES, WASM_PROBATION_MS / 1000);
    if (result == RELOAD_ERR_NOT_FOUND) snprintf(why, why_size, "no such actor");
    if (result == RELOAD_ERR_NOT_WASM) snprintf(why, why_size, "that actor is no guest");
    return reload_error(result);
}

/* Why there is no module. A reload says it of the module, a spawn of the file. */
static mk_err_t explain(const work_t *work, const wasm_prepared_payload_t *end, char *why, size_t why_size) {
    bool missing = end->size == 0 && end->error == MK_ERR_NOTFOUND;
    if (end->size == 0 && work->guest != ACTOR_ID_INVALID)
        snprintf(why, why_size, "no module '%.150s': %s", work->module,
                 missing ? "No such file or directory" : mk_err_text((mk_err_t)end->error));
    else snprintf(why, why_size, "%.*s", (int)end->text_size, (const char *)(end + 1));
    return end->size != 0 && work->guest != ACTOR_ID_INVALID ? MK_ERR_FORMAT : (mk_err_t)end->error;
}

static void go_on(runtime_t *rt, const wasm_prepared_payload_t *end) {
    work_t    *work = end->arg;
    actor_id_t id = ACTOR_ID_INVALID;
    char       why[200] = "";
    mk_err_t   err;
    if (end->module == NULL) err = explain(work, end, why, sizeof why);
    else if (work->guest != ACTOR_ID_INVALID) err = reload_now(rt, work, end->module, why, sizeof why);
    else err = spawn_now(rt, work, end->module, &id, why, sizeof why);
    wasm_module_release(end->module);
    node_answer(rt, work->request, err, id, why);
    work->request = CALL_ID_INVALID;
}

static bool clerk(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    if (msg->type == MSG_WASM_PREPARED) go_on(rt, msg->payload);
    if (msg->type != MSG_WASM_RELOADED) return true;
    const wasm_reloaded_payload_t *end = msg->payload;
    node_reloaded(rt, (call_id_t)end->ref, end->outcome, (const char *)(end + 1), end->text_size);
    return true;
}

static bool has_clerk(runtime_t *rt) {
    actor_options_t options = {.behavior = clerk, .number_last = true, .orphan = true};
    return actor_is_alive(rt, lent.clerk) || actor_spawn_opts(rt, &options, &lent.clerk) == MK_OK;
}

/* ---- what is asked for ------------------------------------------------------------------------------------------- */

static work_t *free_place(void) {
    for (unsigned i = 0; i < WORKS_MAX; i++)
        if (lent.works[i].request == CALL_ID_INVALID) return &lent.works[i];
    return NULL;
}

/* Has the module prepared; the answer comes when it is. */
static mk_err_t begin(runtime_t *rt, actor_id_t guest, const char *module, const char *name, char *why,
                      size_t why_size) {
    char     path[PATH_MAX];
    mk_err_t err = find_module(module, path, why, why_size);
    if (err != MK_OK) return err;
    work_t *work = free_place();
    if (work == NULL) {
        snprintf(why, why_size, "too many at a time");
        return MK_ERR_BUSY;
    }
    *work = (work_t){.guest = guest};
    snprintf(work->module, sizeof work->module, "%s", module);
    if (snprintf(work->name, sizeof work->name, "%s", name != NULL ? name : "") >= (int)sizeof work->name)
        return MK_ERR_TOOLONG;
    wasm_source_t source = {.path = path, .engine = lent.settings->engine, .guest = guest};
    if (!has_clerk(rt)) return MK_ERR_NOMEM;
    source.tell = lent.clerk;
    if ((work->request = node_answer_later(rt)) == CALL_ID_INVALID) return MK_ERR_BUSY;
    err = wasm_prepare(rt, &source, work);
    if (err == MK_OK) return MK_OK;
    node_answer(rt, work->request, err, ACTOR_ID_INVALID,
                err == MK_ERR_INVALID ? "that actor is no guest" : mk_err_text(err));
    work->request = CALL_ID_INVALID;
    return err;
}

static mk_err_t spawn(void *arg, runtime_t *rt, const char *module, const char *name, actor_id_t *out, char *why,
                      size_t why_size) {
    (void)arg, (void)out;
    return begin(rt, ACTOR_ID_INVALID, module, name, why, why_size);
}

static mk_err_t reload(void *arg, runtime_t *rt, actor_id_t id, const char *module, call_id_t ticket, char *why,
                       size_t why_size) {
    (void)arg, (void)ticket;
    if (!mk_desk_is_shell(rt, id)) return begin(rt, id, module, NULL, why, why_size);
    snprintf(why, why_size, MK_DESK_IS_SHELL);
    return MK_ERR_INVALID;
}

void mk_hands_lend(runtime_t *rt, const mk_settings_t *settings, mk_output_t *output) {
    static const node_hands_t hands = {.spawn = spawn, .reload = reload};
    lent.settings = settings;
    lent.output = output;
    memset(lent.works, 0, sizeof lent.works);
    node_set_hands(rt, &hands);
}
