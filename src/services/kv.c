/* SPDX-License-Identifier: Apache-2.0 */
/* kv.c -- the key-value store: an actor in front of a storage. Each request it asks the storage for waits in a list for its answer, so any
 * number are under way, and the storage takes them to the disk together.
 *
 * A swap reads and then writes, so what else comes for its key meanwhile waits behind it. When a value expires is its mark, which is
 * known without reading it: listing skips what has expired, and now and then it is swept away. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "microkernel/actor.h"
#include "microkernel/local_kv.h"
#include "microkernel/runtime.h"
#include "microkernel/service_messages.h"
#include "microkernel/services.h"
#include "microkernel/storage.h"
#include "services/fields.h"

enum {
    VALUE_DEFAULT = 1 << 20,
    SWEEP_MS = 60 * 1000,
    SWEEP_MAX = 256, /* names taken away in one go */
    TTL_MAX_S = 0x7FFFFFFF,
    TASKS_MAX = 8192,
    NAME_BYTES_MAX = 1024,       /* of any storage */
    WAITING_BYTES_MAX = 8 << 20, /* of what waits behind swaps; what has been asked for the storage limits */
};

/* What its names begin with in the storage, which may have others in it, too; its NUL belongs to it. */
static const char prefix[] = "kv";

typedef enum step { STEP_PUT, STEP_GET, STEP_DELETE, STEP_SWAP_READ, STEP_SWAP_WRITE, STEP_SWEEP } step_t;

/* A request of somebody's, and the storage's number for what is done about it at present. */
typedef struct task {
    struct task *next;
    step_t       step;
    uint32_t     request;
    actor_id_t   source;
    call_id_t    call;
    msg_type_t   type;
    uint64_t     expires; /* of what is written; wall clock, ms; 0: never */
    bool         old_none;
    bool         waiting;    /* behind a swap of the same key: nothing has been asked for yet */
    mk_text_t    name;       /* in the storage; in this block */
    mk_text_t    old, value; /* in this block                */
} task_t;

typedef struct kv {
    storage_t *storage;
    size_t     value_max;
    task_t    *first, **last; /* in the order of their coming                            */
    unsigned   tasks, swaps;  /* how many there are; without swaps none of them is held */
    unsigned   sweeps;        /* how many of them sweep                                 */
    size_t     waiting_bytes; /* of those that wait behind swaps                        */
    bool       more;          /* there may be more to be swept, behind this name:       */
    size_t     swept_size;
    char       swept[NAME_BYTES_MAX];
} kv_t;

/* ---- answers -------------------------------------------------------------------------------------------------------------- */

static void reply(runtime_t *rt, const task_t *task, msg_type_t type, const void *data, size_t size) {
    message_t request = {.source = task->source, .call = task->call};
    if (task->step != STEP_SWEEP) (void)actor_reply(rt, &request, type, data, size);
}

static void reply_text(runtime_t *rt, const task_t *task, msg_type_t type, const char *text) {
    reply(rt, task, type, text, strlen(text));
}

/* What the storage has answered. */
static void reply_error(runtime_t *rt, const task_t *task, mk_err_t err) {
    if (err == MK_ERR_NOTFOUND) reply(rt, task, MSG_CF_NOT_FOUND, NULL, 0);
    else reply_text(rt, task, MSG_CF_ERROR, err == MK_ERR_FULL ? "the disk is full" : mk_err_text(err));
}

/* It would not take the request. */
static void reply_refused(runtime_t *rt, const task_t *task, mk_err_t err) {
    reply_text(rt, task, MSG_CF_ERROR, err == MK_ERR_FULL ? "too much is waiting for the disk" : mk_err_text(err));
}

/* ---- tasks ---------------------------------------------------------------------------------------------------------------- */

static size_t weight(const task_t *task) { return sizeof *task + task->name.size + task->old.size + task->value.size; }

static bool is_swap(const task_t *task) { return task->step == STEP_SWAP_READ || task->step == STEP_SWAP_WRITE; }

static task_t *take(kv_t *kv, task_t **at) {
    task_t *task = *at;
    *at = task->next;
    if (*at == NULL) kv->last = at;
    kv->tasks--;
    kv->swaps -= is_swap(task);
    kv->sweeps -= task->step == STEP_SWEEP;
    return task;
}

static void finish(kv_t *kv, task_t **at) { mk_free(take(kv, at)); }

static bool same_name(const task_t *a, const task_t *b) {
    return a->name.size == b->name.size && memcmp(a->name.at, b->name.at, a->name.size) == 0;
}

/* Whether something that came before it has to be over first. */
static bool is_held(const kv_t *kv, const task_t *task) {
    for (const task_t *other = kv->first; other != NULL && other != task; other = other->next)
        if ((other->waiting || is_swap(other)) && same_name(other, task)) return true;
    return false;
}

static mk_err_t ask(runtime_t *rt, kv_t *kv, task_t *task) {
    const mk_text_t name = task->name;
    switch (task->step) {
    case STEP_PUT:
    case STEP_SWAP_WRITE:
        return storage_put(rt, kv->storage, name.at, name.size, task->value.at, task->value.size, task->expires,
                           &task->request);
    case STEP_GET:
    case STEP_SWAP_READ: return storage_get(rt, kv->storage, name.at, name.size, &task->request);
    case STEP_DELETE:
    case STEP_SWEEP: return storage_delete(rt, kv->storage, name.at, name.size, &task->request);
    }
    return MK_ERR_INVALID;
}

/* Begins what waited behind this swap, which is over and was before `at`: all of its key up to the next swap. One walk, however much
 * waits. */
static void go_on(runtime_t *rt, kv_t *kv, task_t **at, const task_t *over) {
    while (*at != NULL) {
        task_t *task = *at;
        if (!same_name(task, over)) {
            at = &task->next;
            continue;
        }
        mk_assert(task->waiting);
        mk_err_t err = ask(rt, kv, task);
        task->waiting = false;
        kv->waiting_bytes -= weight(task);
        if (err != MK_OK) {
            reply_refused(rt, task, err);
            finish(kv, at);
            continue;
        }
        if (is_swap(task)) return;
        at = &task->next;
    }
}

static void add(runtime_t *rt, kv_t *kv, task_t *task) {
    if (kv->tasks == TASKS_MAX) {
        reply_text(rt, task, MSG_CF_ERROR, "too many requests at a time");
        mk_free(task);
        return;
    }
    kv->tasks++;
    kv->swaps += is_swap(task);
    kv->sweeps += task->step == STEP_SWEEP;
    task->waiting = true;
    task_t **at = kv->last;
    *at = task;
    kv->last = &task->next;
    bool     held = kv->swaps != 0 && is_held(kv, task);
    bool     full = held && kv->waiting_bytes + weight(task) > WAITING_BYTES_MAX;
    mk_err_t err = full ? MK_ERR_FULL : held ? MK_OK : ask(rt, kv, task);
    task->waiting = held;
    if (held && !full) kv->waiting_bytes += weight(task);
    if (err == MK_OK) return;
    reply_refused(rt, task, err);
    finish(kv, at);
}

/* ---- requests ------------------------------------------------------------------------------------------------------------- */

typedef struct request {
    mk_text_t key, value, prefix, after, old;
    uint64_t  ttl_s, limit;
    bool      has_key, has_value, has_old;
} request_t;

/* What a line end at the end of a text field is worth: nothing. */
static mk_text_t without_end(mk_text_t text) {
    if (text.size != 0 && text.at[text.size - 1] == '\n') text.size--;
    return text;
}

/* NULL, or what is wrong. */
static const char *take_field(request_t *out, mk_text_t name, mk_text_t value) {
    if (mk_text_is(name, "key")) {
        out->key = without_end(value);
        out->has_key = true;
    } else if (mk_text_is(name, "value")) {
        out->value = value;
        out->has_value = true;
    } else if (mk_text_is(name, "ttl")) {
        if (!mk_text_number(without_end(value), TTL_MAX_S, &out->ttl_s)) return "ttl is a number of seconds";
    } else if (mk_text_is(name, "limit")) {
        if (!mk_text_number(without_end(value), UINT32_MAX, &out->limit)) return "limit is a number";
    } else if (mk_text_is(name, "prefix")) {
        out->prefix = without_end(value);
    } else if (mk_text_is(name, "after")) {
        out->after = without_end(value);
    } else if (mk_text_is(name, "old")) {
        out->old = without_end(value);
        out->has_old = true;
    } else {
        return "there is no such field";
    }
    return NULL;
}

static const char *parse(const message_t *msg, request_t *out) {
    mk_fields_t fields = {msg->payload, msg->payload_size};
    mk_text_t   name, value;
    *out = (request_t){.limit = LOCAL_KV_LIST_MAX};
    while (mk_fields_next(&fields, "value", &name, &value)) {
        const char *why = take_field(out, name, value);
        if (why != NULL) return why;
    }
    if (fields.left != 0) return "lines of the form name=value are expected";
    if (!mk_text_is_plain(out->key) || out->key.size > LOCAL_KV_KEY_BYTES_MAX)
        return "a key is a line of 1 to 512 bytes";
    if (out->prefix.size > LOCAL_KV_KEY_BYTES_MAX || out->after.size > LOCAL_KV_KEY_BYTES_MAX) return "too long";
    return NULL;
}

static const char *judge(const kv_t *kv, msg_type_t type, const request_t *request) {
    if (type != MSG_CF_KV_LIST && (!request->has_key || request->key.size == 0)) return "key is missing";
    if ((type == MSG_CF_KV_PUT || type == MSG_CF_KV_SWAP) && !request->has_value) return "value is missing";
    if (request->value.size > kv->value_max) return "the value is longer than allowed";
    if (type == MSG_CF_KV_SWAP && !request->has_old) return "old is missing";
    return NULL;
}

static task_t *new_task(const message_t *msg, step_t step, const request_t *request) {
    size_t  name_size = sizeof prefix + request->key.size;
    task_t *task = mk_alloc(sizeof *task + name_size + request->value.size);
    if (task == NULL) return NULL;
    char *at = (char *)(task + 1);
    *task = (task_t){.step = step,
                     .source = msg->source,
                     .call = msg->call,
                     .type = msg->type,
                     .name = {at, name_size},
                     .value = {at + name_size, request->value.size}};
    memcpy(at, prefix, sizeof prefix);
    if (request->key.size != 0) memcpy(at + sizeof prefix, request->key.at, request->key.size);
    if (request->value.size != 0) memcpy(at + name_size, request->value.at, request->value.size);
    return task;
}

/* Cuts the value of a swap into what is expected and what is new. */
static const char *cut_swap(task_t *task, mk_text_t old) {
    uint64_t old_size = 0;
    task->old_none = mk_text_is(old, "none");
    if (!task->old_none && !mk_text_number(old, task->value.size, &old_size))
        return "old is none, or how many bytes of value are the old one";
    task->old = (mk_text_t){task->value.at, (size_t)old_size};
    task->value.at += old_size;
    task->value.size -= (size_t)old_size;
    return NULL;
}

static uint64_t expiry(runtime_t *rt, uint64_t ttl_s) { return ttl_s != 0 ? runtime_wall_ms(rt) + ttl_s * 1000 : 0; }

static bool has_expired(runtime_t *rt, uint64_t mark) { return mark != 0 && runtime_wall_ms(rt) >= mark; }

static void serve(runtime_t *rt, kv_t *kv, const message_t *msg, step_t step) {
    request_t   request;
    const char *why = parse(msg, &request);
    if (why == NULL) why = judge(kv, msg->type, &request);
    task_t *task = why == NULL ? new_task(msg, step, &request) : NULL;
    if (task != NULL && step == STEP_SWAP_READ && (why = cut_swap(task, request.old)) != NULL) mk_free(task);
    if (why != NULL || task == NULL) {
        if (why == NULL) why = mk_err_text(MK_ERR_NOMEM);
        (void)actor_reply(rt, msg, MSG_CF_ERROR, why, strlen(why));
        return;
    }
    task->expires = expiry(rt, request.ttl_s);
    add(rt, kv, task);
}

/* ---- listing ---------------------------------------------------------------------------------------------------------------- */

typedef struct listing {
    runtime_t *rt;
    char      *at; /* NULL: out of memory */
    size_t     size, room;
    uint64_t   left;
} listing_t;

static bool list_one(void *arg, const void *name, size_t name_size, size_t value_size, uint64_t mark) {
    listing_t *list = arg;
    size_t     size = name_size - sizeof prefix;
    (void)value_size;
    if (has_expired(list->rt, mark)) return true;
    if (list->left == 0) return false;
    list->left--;
    if (list->size + size + 1 > list->room) {
        size_t room = (list->size + size + 1) * 2;
        char  *at = mk_realloc(list->at, room);
        if (at == NULL) {
            mk_free(list->at);
            list->at = NULL;
            return false;
        }
        list->at = at;
        list->room = room;
    }
    memcpy(list->at + list->size, (const char *)name + sizeof prefix, size);
    list->at[list->size + size] = '\n';
    list->size += size + 1;
    return true;
}

static void name_of(mk_text_t key, char out[sizeof prefix + LOCAL_KV_KEY_BYTES_MAX], size_t *size) {
    memcpy(out, prefix, sizeof prefix);
    if (key.size != 0) memcpy(out + sizeof prefix, key.at, key.size);
    *size = sizeof prefix + key.size;
}

static void serve_list(runtime_t *rt, kv_t *kv, const message_t *msg) {
    request_t   request;
    char        from[sizeof prefix + LOCAL_KV_KEY_BYTES_MAX], after[sizeof prefix + LOCAL_KV_KEY_BYTES_MAX];
    size_t      from_size, after_size;
    const char *why = parse(msg, &request);
    mk_err_t    err = MK_OK;
    listing_t   list = {.rt = rt, .at = mk_alloc(64), .room = 64, .left = request.limit};
    if (list.left > LOCAL_KV_LIST_MAX) list.left = LOCAL_KV_LIST_MAX;
    name_of(request.prefix, from, &from_size);
    name_of(request.after, after, &after_size);
    if (why == NULL && list.at != NULL)
        err = storage_list(kv->storage, from, from_size, request.after.size != 0 ? after : NULL, after_size, list_one,
                           &list);
    if (why == NULL && err == MK_OK && list.at == NULL) err = MK_ERR_NOMEM;
    if (why == NULL && err != MK_OK)
        why = err == MK_ERR_BUSY ? "what is on the disk is being read still" : mk_err_text(err);
    if (why == NULL) (void)actor_reply(rt, msg, MSG_CF_KEYS, list.at, list.size);
    else (void)actor_reply(rt, msg, MSG_CF_ERROR, why, strlen(why));
    mk_free(list.at);
}

/* ---- what the storage answers ------------------------------------------------------------------------------------------------- */

static bool is_expected(runtime_t *rt, const task_t *task, const storage_reply_payload_t *answer) {
    bool there = answer->error == MK_OK && !has_expired(rt, answer->mark);
    if (task->old_none || !there) return task->old_none && !there;
    return answer->value_size == task->old.size &&
           memcmp(storage_reply_value(answer), task->old.at, task->old.size) == 0;
}

/* True: the task goes on. */
static bool swap_read(runtime_t *rt, kv_t *kv, task_t *task, const storage_reply_payload_t *answer) {
    if (answer->error != MK_OK && answer->error != MK_ERR_NOTFOUND) {
        reply_error(rt, task, (mk_err_t)answer->error);
        return false;
    }
    if (!is_expected(rt, task, answer)) {
        reply_text(rt, task, MSG_CF_ERROR, "changed");
        return false;
    }
    task->step = STEP_SWAP_WRITE;
    mk_err_t err = ask(rt, kv, task);
    if (err == MK_OK) return true;
    reply_refused(rt, task, err);
    task->step = STEP_SWAP_READ; /* it got no further, and has its answer */
    return false;
}

static void sweep_away(runtime_t *rt, kv_t *kv);

static void answered(runtime_t *rt, kv_t *kv, const storage_reply_payload_t *answer) {
    task_t **at = &kv->first;
    while (*at != NULL && ((*at)->waiting || (*at)->request != answer->request)) at = &(*at)->next;
    task_t *task = *at;
    mk_assert(task != NULL);
    if (task->step == STEP_SWAP_READ && swap_read(rt, kv, task, answer)) return;
    if (task->step == STEP_GET && answer->error == MK_OK) {
        if (has_expired(rt, answer->mark)) reply(rt, task, MSG_CF_NOT_FOUND, NULL, 0);
        else reply(rt, task, MSG_CF_VALUE, storage_reply_value(answer), (size_t)answer->value_size);
    } else if (task->step != STEP_SWAP_READ) {
        if (answer->error == MK_OK) reply(rt, task, MSG_CF_OK, NULL, 0);
        else reply_error(rt, task, (mk_err_t)answer->error);
    }
    (void)take(kv, at);
    if (is_swap(task)) go_on(rt, kv, at, task);
    if (task->step == STEP_SWEEP && kv->sweeps == 0 && kv->more) sweep_away(rt, kv);
    mk_free(task);
}

/* ---- sweeping ------------------------------------------------------------------------------------------------------------------ */

typedef struct sweep {
    runtime_t *rt;
    kv_t      *kv;
    unsigned   left;
    task_t    *found;
} sweep_t;

static bool sweep_one(void *arg, const void *name, size_t name_size, size_t value_size, uint64_t mark) {
    sweep_t *sweep = arg;
    (void)value_size;
    if (!has_expired(sweep->rt, mark)) return true;
    task_t *task = mk_calloc(1, sizeof *task + name_size);
    if (task == NULL) return false;
    memcpy(task + 1, name, name_size);
    *task = (task_t){.next = sweep->found, .step = STEP_SWEEP, .name = {(char *)(task + 1), name_size}};
    sweep->found = task;
    return --sweep->left != 0;
}

/* A put that is under way would be swept away with what it replaces; then it is left to the next time. */
static bool is_spoken_of(const kv_t *kv, const task_t *task) {
    for (const task_t *other = kv->first; other != NULL; other = other->next)
        if (same_name(other, task)) return true;
    return false;
}

/* Some at a time, and the next when those are gone: all of it in the end, however fast they come. */
static void sweep_away(runtime_t *rt, kv_t *kv) {
    sweep_t sweep = {rt, kv, SWEEP_MAX, NULL};
    (void)!storage_list(kv->storage, prefix, sizeof prefix, kv->more ? kv->swept : NULL, kv->swept_size, sweep_one,
                        &sweep);
    kv->more = sweep.left == 0;
    if (kv->more) { /* the last that was found is the first of the list */
        kv->swept_size = sweep.found->name.size;
        memcpy(kv->swept, sweep.found->name.at, kv->swept_size);
    }
    for (task_t *task = sweep.found, *next; task != NULL; task = next) {
        next = task->next;
        task->next = NULL;
        if (is_spoken_of(kv, task)) mk_free(task);
        else add(rt, kv, task);
    }
}

/* ---- the actor ----------------------------------------------------------------------------------------------------------------- */

static bool behave(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    kv_t *kv = state;
    (void)self;
    switch (msg->type) {
    case MSG_CF_KV_PUT: serve(rt, kv, msg, STEP_PUT); break;
    case MSG_CF_KV_GET: serve(rt, kv, msg, STEP_GET); break;
    case MSG_CF_KV_DELETE: serve(rt, kv, msg, STEP_DELETE); break;
    case MSG_CF_KV_SWAP: serve(rt, kv, msg, STEP_SWAP_READ); break;
    case MSG_CF_KV_LIST: serve_list(rt, kv, msg); break;
    case MSG_STORAGE_REPLY: answered(rt, kv, msg->payload); break;
    case MSG_TIMER:
        if (kv->sweeps == 0) sweep_away(rt, kv);
        break;
    default: break;
    }
    return true;
}

static void destroy(void *state) {
    kv_t *kv = state;
    while (kv->first != NULL) finish(kv, &kv->first);
    mk_free(kv);
}

static const char *folder_of(const local_kv_config_t *config) {
    if (config->folder != NULL) return config->folder;
    return memchr(config->base_path, '\0', sizeof config->base_path) != NULL ? config->base_path : "";
}

static mk_err_t start(runtime_t *rt, const local_kv_config_t *config, actor_id_t *out) {
    kv_t *kv = mk_calloc(1, sizeof *kv);
    if (kv == NULL) return MK_ERR_NOMEM;
    kv->last = &kv->first;
    kv->value_max = config->value_bytes_max != 0 ? config->value_bytes_max : VALUE_DEFAULT;
    storage_options_t options = {
        .value_bytes_max = kv->value_max, .names_max = config->keys_max, .bytes_max = config->bytes_max};
    mk_err_t err = storage_open(rt, folder_of(config), &options, &kv->storage);
    if (err == MK_OK) {
        actor_options_t spawn = {.behavior = behave,
                                 .state = kv,
                                 .free_state = destroy,
                                 .name = "/node/local/storage/kv",
                                 .orphan = true,
                                 .number_last = true};
        err = actor_spawn_opts(rt, &spawn, out);
    }
    if (err != MK_OK) mk_free(kv);
    return err;
}

actor_id_t local_kv_init(runtime_t *rt, const local_kv_config_t *config) {
    actor_id_t id;
    mk_err_t   err = start(rt, config, &id);
    if (err != MK_OK) {
        actor_log(rt, MK_LOG_ERROR, "key-value store in %.200s: %s", folder_of(config), mk_err_text(err));
        return ACTOR_ID_INVALID;
    }
    if (actor_set_timer_for(rt, id, SWEEP_MS, true) == TIMER_ID_INVALID)
        actor_log(rt, MK_LOG_WARN, "key-value store: expired values stay on the disk: %s", mk_err_text(MK_ERR_NOMEM));
    return id;
}
