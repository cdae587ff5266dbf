/* SPDX-License-Identifier: Apache-2.0 */
/* desk_reload.c -- `reload`: a module from a file or the web for a guest that lives. How its probation ends is told when it does. */
#include <stdio.h>
#include <string.h>

#include "desk_parts.h"
#include "microkernel/http.h"
#include "microkernel/services.h"
#include "microkernel/wasm_actor.h"

enum { GOING_MAX = 32 };

/* Reloads that are being downloaded or prepared, or are on probation. A node has one desk. */
static struct going {
    actor_id_t     shell; /* 0: a free place */
    actor_id_t     guest;
    uint64_t       ref;  /* of this reload among those of that guest */
    http_conn_id_t conn; /* of the download; HTTP_CONN_ID_INVALID: it is over */
} going[GOING_MAX];

static struct going *place(void) {
    for (unsigned i = 0; i < GOING_MAX; i++)
        if (going[i].shell == ACTOR_ID_INVALID) return &going[i];
    return NULL;
}

static void fail(runtime_t *rt, struct going *g, const char *why) {
    mk_desk_tell(rt, g->shell, MK_DESK_FAILED, why);
    *g = (struct going){0};
}

static void reload_with(runtime_t *rt, struct going *g, wasm_module_t *module) {
    wasm_reload_options_t options = {.patient = true, .ref = g->ref};
    char                  why[256] = "", text[128];
    switch (actor_reload_wasm_module(rt, g->guest, module, &options, why, sizeof why)) {
    case RELOAD_OK:
        snprintf(text, sizeof text, "Reloaded actor %llu; on probation: %u messages or %u s\n",
                 (unsigned long long)g->guest, WASM_PROBATION_MESSAGES, WASM_PROBATION_MS / 1000);
        mk_desk_tell(rt, g->shell, MK_DESK_SAID, text);
        return;
    case RELOAD_ERR_NOT_FOUND: fail(rt, g, "there is no such actor"); return;
    case RELOAD_ERR_NOT_WASM: fail(rt, g, "that actor is no guest"); return;
    default: fail(rt, g, why[0] != '\0' ? why : "not reloaded"); return;
    }
}

static void prepare(runtime_t *rt, struct going *g, wasm_source_t source) {
    source.guest = g->guest;
    mk_err_t err = wasm_prepare(rt, &source, (void *)(uintptr_t)g->ref);
    if (err == MK_OK) return;
    if (err != MK_ERR_INVALID) fail(rt, g, mk_err_text(err));
    else fail(rt, g, actor_is_alive(rt, g->guest) ? "that actor is no guest" : "there is no such actor");
}

void mk_desk_reload(runtime_t *rt, actor_id_t shell, const message_t *msg) {
    char       path[4096];
    actor_id_t guest;
    if (msg->payload_size <= sizeof guest || msg->payload_size - sizeof guest >= sizeof path) return;
    memcpy(&guest, msg->payload, sizeof guest);
    static uint64_t given;
    struct going   *g = place();
    if (g == NULL) {
        mk_desk_tell(rt, shell, MK_DESK_FAILED, "too many at a time");
        return;
    }
    *g = (struct going){.shell = shell, .guest = guest, .ref = ++given};
    size_t size = msg->payload_size - sizeof g->guest;
    memcpy(path, (const char *)msg->payload + sizeof g->guest, size);
    path[size] = '\0';
    if (strncmp(path, "sha256:", 7) == 0) {
        prepare(rt, g, (wasm_source_t){.sha256 = path + 7});
    } else if (strncmp(path, "http://", 7) == 0 || strncmp(path, "https://", 8) == 0) {
        g->conn = actor_http_get(rt, path);
        if (g->conn == HTTP_CONN_ID_INVALID) fail(rt, g, "not downloaded");
    } else {
        prepare(rt, g, (wasm_source_t){.path = path});
    }
}

/* ---- what follows ---------------------------------------------------------------------------------------------------------- */

static struct going *of_download(http_conn_id_t conn) {
    for (unsigned i = 0; i < GOING_MAX; i++)
        if (going[i].shell != ACTOR_ID_INVALID && going[i].conn == conn && conn != HTTP_CONN_ID_INVALID)
            return &going[i];
    return NULL;
}

static void downloaded(runtime_t *rt, const http_response_payload_t *response) {
    struct going *g = of_download(response->conn_id);
    char          why[64];
    if (g == NULL) return;
    g->conn = HTTP_CONN_ID_INVALID;
    if (response->status_code == 200) {
        snprintf(why, sizeof why, "Downloaded %zu bytes\n", response->body_size);
        mk_desk_tell(rt, g->shell, MK_DESK_MORE, why);
        prepare(rt, g, (wasm_source_t){.bytes = http_response_body(response), .size = response->body_size});
        return;
    }
    snprintf(why, sizeof why, "the server answers %d", response->status_code);
    fail(rt, g, why);
}

static void prepared(runtime_t *rt, const wasm_prepared_payload_t *end) {
    char          why[256];
    struct going *g = going;
    while (g < going + GOING_MAX && (g->shell == ACTOR_ID_INVALID || g->ref != (uintptr_t)end->arg)) g++;
    if (g == going + GOING_MAX) {
        wasm_module_release(end->module);
        return;
    }
    if (end->module != NULL) {
        reload_with(rt, g, end->module);
        wasm_module_release(end->module);
        return;
    }
    bool missing =
        end->size == 0 && end->error == MK_ERR_NOTFOUND && strncmp((const char *)(end + 1), "sha256:", 7) != 0;
    snprintf(why, sizeof why, "%.*s", (int)end->text_size, (const char *)(end + 1));
    fail(rt, g, missing ? "No such file or directory" : why);
}

static void decided(runtime_t *rt, const wasm_reloaded_payload_t *end) {
    char        text[320];
    const char *what = end->outcome == WASM_RELOAD_KEPT        ? "the new module stays"
                       : end->outcome == WASM_RELOAD_UNDONE    ? "the new module was taken back"
                       : end->outcome == WASM_RELOAD_OVERTAKEN ? "the new module is gone"
                                                               : "not decided";
    snprintf(text, sizeof text, "[reload] actor %llu: %s%s%.*s\n", (unsigned long long)end->id, what,
             end->text_size > 0 ? ": " : "", (int)end->text_size, (const char *)(end + 1));
    for (unsigned i = 0; i < GOING_MAX; i++) {
        struct going *g = &going[i];
        if (g->shell == ACTOR_ID_INVALID || g->guest != end->id || g->ref != end->ref) continue;
        mk_desk_tell(rt, g->shell, MK_DESK_NEWS, text);
        *g = (struct going){0};
    }
}

void mk_desk_reload_taken(runtime_t *rt, actor_id_t shell, const node_reply_payload_t *reply) {
    char          text[320];
    struct going *g = place(); /* without one, what comes of it is not told */
    if (g != NULL) *g = (struct going){.shell = shell, .guest = reply->id, .ref = reply->call};
    snprintf(text, sizeof text, "Reloaded actor %llu; on probation: %.*s\n", (unsigned long long)reply->id,
             (int)reply->text_size, (const char *)(reply + 1));
    mk_desk_tell(rt, shell, MK_DESK_SAID, text);
}

bool mk_desk_reload_heard(runtime_t *rt, const message_t *msg) {
    switch (msg->type) {
    case MSG_HTTP_RESPONSE: downloaded(rt, msg->payload); return true;
    case MSG_HTTP_ERROR: {
        const http_error_payload_t *error = msg->payload;
        struct going               *g = of_download(error->conn_id);
        if (g != NULL) fail(rt, g, error->message);
        return true;
    }
    case MSG_WASM_PREPARED: prepared(rt, msg->payload); return true;
    case MSG_WASM_RELOADED: decided(rt, msg->payload); return true;
    default: return false;
    }
}
