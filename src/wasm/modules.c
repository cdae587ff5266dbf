/* SPDX-License-Identifier: Apache-2.0 */
/* modules.c -- the public calls about modules: holding one, finding one, having one prepared. The message that tells the end of a
 * preparation is made before it begins, so it cannot fail; it carries a share of the module, which goes with it if nobody reads it. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "microkernel/services.h"
#include "runtime/attach.h"
#include "wasm/guest.h"
#include "wasm/prepare.h"

wasm_module_t *wasm_module_retain(wasm_module_t *module) { return mk_code_retain(module); }

void wasm_module_release(wasm_module_t *module) { mk_code_release(module); }

mk_err_t wasm_module_find(const char *digits, wasm_module_t **out, char *err, size_t err_size) {
    if (!mk_wasm_retain()) return MK_ERR_INVALID;
    mk_err_t result = mk_code_by_hash(digits, out, err, err_size);
    wasm_actors_cleanup();
    return result;
}

/* ---- the message -------------------------------------------------------------------------------------------------------------- */

static wasm_prepared_payload_t *payload_of(const message_t *msg) {
    return (wasm_prepared_payload_t *)(uintptr_t)msg->payload;
}

static bool admit(runtime_t *rt, mk_room_t *room, actor_t *actor, message_t *msg, uint32_t tag) {
    (void)rt, (void)room, (void)tag;
    if (actor == NULL) mk_code_release(payload_of(msg)->module);
    return true;
}

static void fini(runtime_t *rt, mk_room_t *room) {
    (void)rt;
    mk_free(room);
}

static const mk_room_ops_t room_ops = {.name = "modules", .fini = fini, .admit = admit};

static mk_room_t *open_room(runtime_t *rt) {
    mk_room_t *room = mk_room_find(rt, &room_ops);
    if (room != NULL || (room = mk_alloc(sizeof *room)) == NULL) return room;
    if (mk_room_attach(rt, room, &room_ops) == MK_OK) return room;
    mk_free(room);
    return NULL;
}

/* ---- preparing ---------------------------------------------------------------------------------------------------------------- */

typedef struct asked {
    runtime_t *rt;
    actor_id_t actor;
    void      *arg;
    message_t *msg;
} asked_t;

/* What a spawn would have said. */
static void write_text(const mk_prepare_t *p, char *text) {
    snprintf(text, MK_PREPARE_ERR_BYTES, "%s", p->err[0] != '\0' ? p->err : mk_err_text(p->error));
}

static void fill(message_t *msg, void *arg, mk_prepare_t *p) {
    wasm_prepared_payload_t *payload = payload_of(msg);
    char                    *text = (char *)(payload + 1);
    *payload = (wasm_prepared_payload_t){
        .arg = arg, .module = p->code, .size = p->unread ? 0 : p->size, .error = (uint32_t)p->error};
    p->code = NULL;
    if (payload->module == NULL) write_text(p, text);
    if (payload->module == NULL) payload->text_size = (uint32_t)strlen(text);
    msg->payload_size = sizeof *payload + payload->text_size;
}

static void ready(void *arg, mk_prepare_t *p) {
    asked_t *asked = arg;
    actor_t *actor = mk_runtime_actor(asked->rt, asked->actor);
    if (actor != NULL) {
        fill(asked->msg, asked->arg, p);
        const wasm_prepared_payload_t *told = payload_of(asked->msg);
        if (told->module == NULL) actor_log(asked->rt, MK_LOG_WARN, "module not loaded: %s", (const char *)(told + 1));
        mk_room_send(asked->rt, mk_room_find(asked->rt, &room_ops), actor, asked->msg, 0);
    } else {
        message_release(asked->rt, asked->msg);
    }
    mk_prepare_drop(p);
    mk_free(asked);
}

/* For whom it is. MK_ERR_INVALID: for nobody. */
static mk_err_t prepare_for(runtime_t *rt, const wasm_source_t *source, mk_prepare_source_t *out) {
    mk_guest_config_t config;
    const mk_guest_t *guest = source->guest != ACTOR_ID_INVALID ? mk_guest_find(rt, source->guest) : NULL;
    if (guest != NULL) {
        out->engine = guest->config.engine;
        out->heap_bytes = guest->config.heap_bytes;
        return MK_OK;
    }
    if (source->guest != ACTOR_ID_INVALID) return MK_ERR_INVALID;
    wasm_options_t options = {.engine = source->engine, .heap_size = source->heap_size};
    mk_err_t       err = mk_guest_config_init(&config, &options);
    out->engine = config.engine;
    out->heap_bytes = config.heap_bytes;
    mk_guest_config_fini(&config);
    return err;
}

static asked_t *asked_create(runtime_t *rt, actor_id_t actor, void *arg) {
    asked_t *asked = open_room(rt) != NULL ? mk_alloc(sizeof *asked) : NULL;
    if (asked == NULL) return NULL;
    *asked = (asked_t){.rt = rt, .actor = actor, .arg = arg};
    asked->msg = mk_room_message(rt, MSG_WASM_PREPARED, sizeof(wasm_prepared_payload_t) + MK_PREPARE_ERR_BYTES);
    if (asked->msg != NULL) return asked;
    mk_free(asked);
    return NULL;
}

/* A copy where there are bytes. False: out of memory. */
static bool copy_bytes(const wasm_source_t *source, mk_prepare_source_t *out) {
    if (source->bytes == NULL) return true;
    out->bytes = mk_alloc(source->size > 0 ? source->size : 1);
    if (out->bytes == NULL) return false;
    if (source->size > 0) memcpy(out->bytes, source->bytes, source->size);
    out->size = source->size;
    return true;
}

mk_err_t wasm_prepare(runtime_t *rt, const wasm_source_t *source, void *arg) {
    const actor_t      *running = mk_runtime_running(rt);
    actor_id_t          actor = source->tell;
    mk_prepare_t       *prepare;
    mk_prepare_source_t from = {
        .path = source->path, .below = source->below, .digits = source->sha256, .from = source->from};
    if ((source->path != NULL) + (source->bytes != NULL) + (source->sha256 != NULL) != 1) return MK_ERR_INVALID;
    if (actor == ACTOR_ID_INVALID && running != NULL) actor = mk_runtime_actor_id(rt, running);
    if (actor == ACTOR_ID_INVALID) return MK_ERR_INVALID;
    mk_err_t err = prepare_for(rt, source, &from);
    if (err != MK_OK) return err;
    asked_t *asked = asked_create(rt, actor, arg);
    if (asked == NULL) return MK_ERR_NOMEM;
    err =
        copy_bytes(source, &from) ? mk_prepare_start(mk_runtime_loop(rt), &from, ready, asked, &prepare) : MK_ERR_NOMEM;
    if (err == MK_OK) return MK_OK;
    message_release(rt, asked->msg);
    mk_free(asked);
    return err;
}
