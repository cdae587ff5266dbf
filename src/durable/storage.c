/* SPDX-License-Identifier: Apache-2.0 */
/* storage.c -- stores of a runtime, and requests of its actors. The message that answers a request is there before the request is
 * made, so the answer cannot be lost for want of memory; only a value may have to stay away. */
#include "microkernel/storage.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "durable/durable.h"
#include "microkernel/services.h"

/* ---- the room --------------------------------------------------------------------------------------------------------- */

static void fini(runtime_t *rt, mk_room_t *room) {
    mk_durable_t *durable = mk_container_of(room, mk_durable_t, room);
    (void)rt;
    mk_state_fini(durable->state);
    for (storage_t *storage = durable->storages, *next; storage != NULL; storage = next) {
        next = storage->next;
        mk_store_close(storage->store); /* what was put goes to the disk before the loop ends */
        mk_free(storage);
    }
    while (durable->asked != NULL) {
        mk_promise_t *promise = mk_container_of(durable->asked, mk_promise_t, node);
        mk_promise_break(durable, promise);
        mk_free(promise);
    }
    mk_free(durable);
}

static const mk_room_ops_t room_ops = {.name = "durable", .fini = fini};

mk_durable_t *mk_durable_find(runtime_t *rt) {
    mk_room_t *room = mk_room_find(rt, &room_ops);
    return room != NULL ? mk_container_of(room, mk_durable_t, room) : NULL;
}

mk_err_t mk_durable_open(runtime_t *rt, mk_durable_t **out) {
    if ((*out = mk_durable_find(rt)) != NULL) return MK_OK;
    mk_durable_t *durable = mk_calloc(1, sizeof *durable);
    if (durable == NULL) return MK_ERR_NOMEM;
    mk_err_t err = mk_room_attach(rt, &durable->room, &room_ops);
    if (err != MK_OK) {
        mk_free(durable);
        return err;
    }
    durable->rt = rt;
    *out = durable;
    return MK_OK;
}

/* ---- promises ----------------------------------------------------------------------------------------------------------- */

bool mk_promise_make(mk_durable_t *room, mk_promise_t *promise, msg_type_t type, size_t size) {
    *promise = (mk_promise_t){.msg = mk_room_message(room->rt, type, size), .to = actor_self(room->rt)};
    if (promise->msg == NULL) return false;
    mk_list_push(&room->asked, &promise->node);
    return true;
}

void *mk_promise_payload(mk_promise_t *promise) { return (void *)(uintptr_t)promise->msg->payload; }

void *mk_promise_extend(mk_durable_t *room, mk_promise_t *promise, size_t more) {
    message_t *longer = mk_room_message(room->rt, promise->msg->type, promise->msg->payload_size + more);
    if (longer == NULL) return NULL;
    memcpy((void *)(uintptr_t)longer->payload, promise->msg->payload, promise->msg->payload_size);
    void *behind = (char *)(uintptr_t)longer->payload + promise->msg->payload_size;
    message_release(room->rt, promise->msg);
    promise->msg = longer;
    return behind;
}

void mk_promise_keep(mk_durable_t *room, mk_promise_t *promise) {
    actor_t *to = mk_runtime_actor(room->rt, promise->to);
    mk_list_remove(&promise->node);
    if (to != NULL) mk_room_send(room->rt, &room->room, to, promise->msg, 0);
    else message_release(room->rt, promise->msg);
    promise->msg = NULL;
}

void mk_promise_break(mk_durable_t *room, mk_promise_t *promise) {
    mk_list_remove(&promise->node);
    message_release(room->rt, promise->msg);
    promise->msg = NULL;
}

/* ---- storages ------------------------------------------------------------------------------------------------------------- */

static void log_store(void *arg, bool bad, const char *text) {
    const storage_t *storage = arg;
    actor_log(storage->room->rt, bad ? MK_LOG_ERROR : MK_LOG_INFO, "storage %s", text);
}

mk_err_t storage_open(runtime_t *rt, const char *folder, const storage_options_t *options, storage_t **out) {
    static const storage_options_t defaults;
    mk_durable_t                  *room;
    mk_err_t                       err = mk_durable_open(rt, &room);
    if (err != MK_OK) return err;
    for (storage_t *storage = room->storages; storage != NULL; storage = storage->next) {
        if (strcmp(storage->folder, folder) != 0) continue;
        *out = storage;
        return MK_OK;
    }
    if (options == NULL) options = &defaults;
    storage_t *storage = mk_calloc(1, sizeof *storage + strlen(folder) + 1);
    if (storage == NULL) return MK_ERR_NOMEM;
    storage->room = room;
    memcpy(storage->folder, folder, strlen(folder) + 1);
    mk_store_config_t config = {.folder = storage->folder,
                                .value_bytes_max = options->value_bytes_max,
                                .names_max = options->names_max,
                                .bytes_max = options->bytes_max,
                                .unsynced = options->unsynced,
                                .log = log_store,
                                .log_arg = storage};
    err = mk_store_open(mk_runtime_loop(rt), &config, &storage->store);
    if (err != MK_OK) {
        mk_free(storage);
        return err;
    }
    storage->next = room->storages;
    room->storages = storage;
    *out = storage;
    return MK_OK;
}

/* ---- requests ------------------------------------------------------------------------------------------------------------- */

typedef struct asked {
    mk_promise_t  promise; /* first */
    mk_durable_t *room;
} asked_t;

static void answer(void *arg, mk_err_t err, const uint8_t *value, size_t size, uint64_t mark) {
    asked_t                 *asked = arg;
    storage_reply_payload_t *reply = mk_promise_payload(&asked->promise);
    reply->error = err;
    if (err == MK_OK && value != NULL) {
        reply->value_size = size;
        reply->mark = mark;
        void *behind = mk_promise_extend(asked->room, &asked->promise, size);
        if (behind != NULL) {
            if (size != 0) memcpy(behind, value, size);
        } else {
            reply->error = MK_ERR_NOMEM;
            reply->value_size = 0;
        }
    }
    mk_promise_keep(asked->room, &asked->promise);
    mk_free(asked);
}

static mk_err_t make(storage_t *storage, asked_t **out, uint32_t *request) {
    mk_durable_t *room = storage->room;
    mk_assert(mk_runtime_running(room->rt) != NULL);
    asked_t *asked = mk_alloc(sizeof *asked);
    if (asked == NULL) return MK_ERR_NOMEM;
    if (!mk_promise_make(room, &asked->promise, MSG_STORAGE_REPLY, sizeof(storage_reply_payload_t))) {
        mk_free(asked);
        return MK_ERR_NOMEM;
    }
    asked->room = room;
    if (++room->requests == 0) room->requests = 1;
    *(storage_reply_payload_t *)mk_promise_payload(&asked->promise) =
        (storage_reply_payload_t){.request = room->requests};
    if (request != NULL) *request = room->requests;
    *out = asked;
    return MK_OK;
}

static mk_err_t unmake_unless(mk_err_t err, asked_t *asked) {
    if (err == MK_OK) return MK_OK;
    mk_promise_break(asked->room, &asked->promise);
    mk_free(asked);
    return err;
}

mk_err_t storage_put(runtime_t *rt, storage_t *storage, const void *name, size_t name_size, const void *value,
                     size_t size, uint64_t mark, uint32_t *request) {
    asked_t *asked;
    (void)rt;
    mk_err_t err = make(storage, &asked, request);
    if (err != MK_OK) return err;
    return unmake_unless(
        mk_store_put(storage->store, (mk_slice_t){name, name_size}, (mk_slice_t){value, size}, mark, answer, asked),
        asked);
}

mk_err_t storage_get(runtime_t *rt, storage_t *storage, const void *name, size_t name_size, uint32_t *request) {
    asked_t *asked;
    (void)rt;
    mk_err_t err = make(storage, &asked, request);
    if (err != MK_OK) return err;
    return unmake_unless(mk_store_get(storage->store, (mk_slice_t){name, name_size}, answer, asked), asked);
}

mk_err_t storage_delete(runtime_t *rt, storage_t *storage, const void *name, size_t name_size, uint32_t *request) {
    asked_t *asked;
    (void)rt;
    mk_err_t err = make(storage, &asked, request);
    if (err != MK_OK) return err;
    return unmake_unless(mk_store_delete(storage->store, (mk_slice_t){name, name_size}, answer, asked), asked);
}

typedef struct visit {
    storage_visit_fn *fn;
    void             *arg;
} visit_t;

static bool visit_one(void *arg, mk_slice_t name, size_t value_size, uint64_t mark) {
    const visit_t *visit = arg;
    return visit->fn(visit->arg, name.data, name.size, value_size, mark);
}

mk_err_t storage_list(storage_t *storage, const void *prefix, size_t prefix_size, const void *after, size_t after_size,
                      storage_visit_fn *visit, void *arg) {
    visit_t each = {visit, arg};
    if (after == NULL) after_size = 0;
    return mk_store_list(storage->store, (mk_slice_t){prefix, prefix_size}, (mk_slice_t){after, after_size}, visit_one,
                         &each);
}
