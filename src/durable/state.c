/* SPDX-License-Identifier: Apache-2.0 */
/* state.c -- values by actor and key, in memory as on the disk. What an actor saves is few and small, so a holder's values are a plain
 * list; holders are found by hash. On the disk a value's name is "state", the actor's name, and the key, a NUL between them: neither
 * can hold one. */
#include "microkernel/state_persist.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "durable/durable.h"
#include "durable/state.h"
#include "microkernel/actor.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"

enum { BUCKETS = 64, NAME_MAX = 512 };
static const char prefix[] = "state"; /* its NUL belongs to it */

typedef struct value {
    struct value *next;
    char         *key;   /* in this block */
    uint8_t      *bytes; /* behind it     */
    size_t        size;
    bool          stale; /* the disk has another: the last try to save it failed */
} value_t;

typedef struct holder {
    struct holder *next;
    value_t       *values;
    size_t         bytes; /* of keys and values */
    char           name[];
} holder_t;

typedef struct mk_state {
    mk_durable_t *room;
    storage_t    *storage;
    holder_t     *bucket[BUCKETS];
    size_t        value_max, actor_max;
    size_t        saving; /* requests under way */
    size_t        stale;  /* values             */
    size_t        loading;
    mk_err_t      err; /* of loading         */
} mk_state_t;

/* ---- the table ---------------------------------------------------------------------------------------------------------- */

static holder_t **bucket_of(mk_state_t *state, const char *name) {
    uint32_t h = 2166136261u;
    for (; *name != '\0'; name++) h = (h ^ (uint8_t)*name) * 16777619u;
    return &state->bucket[h % BUCKETS];
}

static holder_t *find_holder(mk_state_t *state, const char *name) {
    holder_t *holder = *bucket_of(state, name);
    while (holder != NULL && strcmp(holder->name, name) != 0) holder = holder->next;
    return holder;
}

static holder_t *get_holder(mk_state_t *state, const char *name) {
    holder_t *holder = find_holder(state, name);
    if (holder != NULL) return holder;
    holder_t **bucket = bucket_of(state, name);
    holder = mk_calloc(1, sizeof *holder + strlen(name) + 1);
    if (holder == NULL) return NULL;
    memcpy(holder->name, name, strlen(name) + 1);
    holder->next = *bucket;
    return *bucket = holder;
}

static value_t **find_value(holder_t *holder, const char *key) {
    value_t **at = &holder->values;
    while (*at != NULL && strcmp((*at)->key, key) != 0) at = &(*at)->next;
    return at;
}

static value_t *make_value(const char *key, const void *data, size_t size) {
    size_t   key_size = strlen(key) + 1;
    value_t *value = mk_alloc(sizeof *value + key_size + size);
    if (value == NULL) return NULL;
    *value = (value_t){.key = (char *)(value + 1), .size = size};
    value->bytes = (uint8_t *)value->key + key_size;
    memcpy(value->key, key, key_size);
    if (size != 0) memcpy(value->bytes, data, size);
    return value;
}

static size_t weight(const value_t *value) { return value != NULL ? strlen(value->key) + value->size : 0; }

/* Puts it in the place of the one with its key, or, with NULL, takes that away. */
static void replace(mk_state_t *state, holder_t *holder, value_t **at, value_t *value) {
    value_t *old = *at;
    holder->bytes += weight(value);
    holder->bytes -= weight(old);
    if (old != NULL && old->stale) state->stale--;
    if (value != NULL) value->next = old != NULL ? old->next : NULL;
    *at = value != NULL ? value : old != NULL ? old->next : NULL;
    mk_free(old);
}

void mk_state_fini(mk_state_t *state) {
    if (state == NULL) return;
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (holder_t *holder = state->bucket[i], *next; holder != NULL; holder = next) {
            next = holder->next;
            while (holder->values != NULL) replace(state, holder, &holder->values, NULL);
            mk_free(holder);
        }
    }
    mk_free(state);
}

/* ---- names on the disk --------------------------------------------------------------------------------------------------- */

typedef struct disk_name {
    char   text[sizeof prefix + NAME_MAX + 1 + STATE_KEY_BYTES_MAX];
    size_t size;
} disk_name_t;

static mk_err_t make_name(disk_name_t *out, const char *name, const char *key) {
    size_t name_size = strlen(name) + 1, key_size = strlen(key);
    if (name_size == 1 || key_size == 0) return MK_ERR_INVALID;
    if (name_size - 1 > NAME_MAX || key_size > STATE_KEY_BYTES_MAX) return MK_ERR_TOOLONG;
    memcpy(out->text, prefix, sizeof prefix);
    memcpy(out->text + sizeof prefix, name, name_size);
    memcpy(out->text + sizeof prefix + name_size, key, key_size);
    out->size = sizeof prefix + name_size + key_size;
    return MK_OK;
}

/* Both NUL-terminated, in `text`, which has room for one more. */
static bool split_name(char *text, size_t size, const char **name, const char **key) {
    text[size] = '\0';
    if (size <= sizeof prefix) return false;
    *name = text + sizeof prefix;
    const char *nul = memchr(*name, '\0', size - sizeof prefix);
    *key = nul + 1;
    return nul != NULL && nul != *name && (size_t)(*key - text) < size &&
           memchr(*key, '\0', size - (size_t)(*key - text)) == NULL;
}

/* ---- loading -------------------------------------------------------------------------------------------------------------- */

typedef struct load {
    mk_state_t *state;
    size_t      size;
    char        text[];
} load_t;

static void loaded(void *arg, mk_err_t err, const uint8_t *bytes, size_t size, uint64_t mark) {
    load_t *load = arg;
    (void)mark;
    mk_state_t *state = load->state;
    const char *name, *key;
    state->loading--;
    if (err == MK_OK && split_name(load->text, load->size, &name, &key)) {
        holder_t *holder = get_holder(state, name);
        value_t  *value = holder != NULL ? make_value(key, bytes, size) : NULL;
        if (value != NULL) replace(state, holder, find_value(holder, key), value);
        else err = MK_ERR_NOMEM;
    }
    /* A damaged value is gone and was logged; without memory the others would be lost sight of, too. */
    if (err != MK_OK && err != MK_ERR_FORMAT) state->err = err;
    mk_free(load);
}

typedef struct collected {
    load_t  *load;
    mk_err_t err;
} collected_t;

/* One at a time: a request may not be made inside of a visit. */
static bool collect(void *arg, mk_slice_t name, size_t value_size, uint64_t mark) {
    collected_t *out = arg;
    (void)value_size, (void)mark;
    out->load = mk_alloc(sizeof *out->load + name.size + 1);
    if (out->load == NULL) {
        out->err = MK_ERR_NOMEM;
        return false;
    }
    out->load->size = name.size;
    memcpy(out->load->text, name.data, name.size);
    return false;
}

/* Asks for the value behind `after`. */
static bool load_next(mk_state_t *state, disk_name_t *after) {
    collected_t next = {0};
    mk_err_t    err = mk_store_list(state->storage->store, (mk_slice_t){prefix, sizeof prefix},
                                    (mk_slice_t){after->text, after->size}, collect, &next);
    if (err == MK_OK) err = next.err;
    if (err == MK_OK && next.load == NULL) return false; /* that was the last */
    if (err == MK_OK) {
        next.load->state = state;
        after->size = next.load->size < sizeof after->text ? next.load->size : sizeof after->text;
        memcpy(after->text, next.load->text, after->size);
        err = mk_store_get(state->storage->store, (mk_slice_t){next.load->text, next.load->size}, loaded, next.load);
    }
    if (err != MK_OK) {
        state->err = err;
        mk_free(next.load);
        return false;
    }
    state->loading++;
    return true;
}

static bool is_ready(const mk_state_t *state) {
    mk_store_stats_t stats;
    mk_store_get_stats(state->storage->store, &stats);
    return stats.ready;
}

/* Start-up code waits; some are asked for at a time, so that the disk is asked in batches. */
enum { LOADING_MAX = 64, WAIT_MS = 100 };

static mk_err_t load_all(mk_state_t *state) {
    runtime_t  *rt = state->room->rt;
    disk_name_t after = {.size = 0};
    bool        more = true;
    while (!is_ready(state)) (void)runtime_wait(rt, WAIT_MS);
    while (more || state->loading != 0) {
        while (more && state->loading < LOADING_MAX) more = load_next(state, &after);
        if (state->loading != 0) (void)runtime_wait(rt, WAIT_MS);
    }
    return state->err;
}

bool state_persist_init(runtime_t *rt, const char *dir) {
    mk_durable_t *room;
    storage_t    *storage;
    mk_err_t      err = mk_runtime_running(rt) != NULL ? MK_ERR_INVALID : mk_durable_open(rt, &room);
    if (err == MK_OK && room->state != NULL) err = MK_ERR_EXISTS;
    if (err == MK_OK) err = storage_open(rt, dir, NULL, &storage);
    mk_state_t *state = err == MK_OK ? mk_calloc(1, sizeof *state) : NULL;
    if (err == MK_OK && state == NULL) err = MK_ERR_NOMEM;
    if (err == MK_OK) {
        *state = (mk_state_t){
            .room = room, .storage = storage, .value_max = STATE_VALUE_BYTES_MAX, .actor_max = STATE_ACTOR_BYTES_MAX};
        err = load_all(state);
        if (err == MK_OK) room->state = state;
        else mk_state_fini(state);
    }
    if (err != MK_OK) actor_log(rt, MK_LOG_ERROR, "state in %.200s: %s", dir, mk_err_text(err));
    return err == MK_OK;
}

void state_persist_limits(runtime_t *rt, size_t value_bytes_max, size_t actor_bytes_max) {
    mk_durable_t *room = mk_durable_find(rt);
    if (room == NULL || room->state == NULL) return;
    if (value_bytes_max != 0) room->state->value_max = value_bytes_max;
    if (actor_bytes_max != 0) room->state->actor_max = actor_bytes_max;
}

/* ---- saving ---------------------------------------------------------------------------------------------------------------- */

typedef struct mk_saving {
    mk_promise_t promise; /* first; no message: no actor is told by one */
    mk_state_t  *state;
    mk_saved_fn *fn; /* NULL: nobody waits for it                  */
    void        *arg;
    size_t       name_size;
    char         text[]; /* the name on the disk, and a byte for the NUL */
} saving_t;

static void set_stale(mk_state_t *state, saving_t *saving, bool stale) {
    const char *name, *key;
    if (!split_name(saving->text, saving->name_size, &name, &key)) return;
    holder_t *holder = find_holder(state, name);
    value_t  *value = holder != NULL ? *find_value(holder, key) : NULL;
    if (value == NULL || value->stale == stale) return;
    value->stale = stale;
    if (stale) state->stale++;
    else state->stale--;
}

static void saved(void *arg, mk_err_t err, const uint8_t *bytes, size_t size, uint64_t mark) {
    saving_t   *saving = arg;
    mk_state_t *state = saving->state;
    (void)bytes, (void)size, (void)mark;
    if (err == MK_ERR_NOTFOUND) err = MK_OK; /* deleting what there is none of */
    state->saving--;
    if (err != MK_OK) actor_log(state->room->rt, MK_LOG_ERROR, "state not saved: %s", mk_err_text(err));
    set_stale(state, saving, err != MK_OK);
    if (saving->promise.msg != NULL) {
        ((state_saved_payload_t *)mk_promise_payload(&saving->promise))->error = err;
        mk_promise_keep(state->room, &saving->promise);
    } else {
        mk_list_remove(&saving->promise.node);
    }
    if (saving->fn != NULL) saving->fn(saving->arg, err);
    mk_free(saving);
}

void mk_saving_forget(mk_saving_t *saving) { saving->fn = NULL; }

static saving_t *make_saving(mk_state_t *state, const disk_name_t *name, const char *key, bool told) {
    saving_t *saving = mk_calloc(1, sizeof *saving + name->size + 1);
    if (saving == NULL) return NULL;
    saving->state = state;
    saving->name_size = name->size;
    memcpy(saving->text, name->text, name->size);
    if (!told) {
        mk_list_push(&state->room->asked, &saving->promise.node);
        return saving;
    }
    size_t key_size = strlen(key);
    if (!mk_promise_make(state->room, &saving->promise, MSG_STATE_SAVED, sizeof(state_saved_payload_t) + key_size)) {
        mk_free(saving);
        return NULL;
    }
    state_saved_payload_t *payload = mk_promise_payload(&saving->promise);
    *payload = (state_saved_payload_t){.key_size = (uint32_t)key_size};
    memcpy(payload + 1, key, key_size);
    return saving;
}

/* `data` NULL with `gone`: it is deleted. */
static mk_err_t change(mk_state_t *state, const char *name, const char *key, const void *data, size_t size, bool gone,
                       bool told, saving_t **out) {
    disk_name_t on_disk;
    mk_err_t    err = make_name(&on_disk, name, key);
    if (err != MK_OK) return err;
    if (size > state->value_max) return MK_ERR_TOOLONG;
    holder_t *holder = gone ? find_holder(state, name) : get_holder(state, name);
    if (holder == NULL) return gone ? MK_OK : MK_ERR_NOMEM;
    value_t **at = find_value(holder, key);
    if (gone && *at == NULL) return MK_OK;
    if (!gone && holder->bytes - weight(*at) + strlen(key) + size > state->actor_max) return MK_ERR_LIMIT;
    value_t  *value = gone ? NULL : make_value(key, data, size);
    saving_t *saving = make_saving(state, &on_disk, key, told);
    err = (value == NULL && !gone) || saving == NULL ? MK_ERR_NOMEM : MK_OK;
    mk_slice_t where = {on_disk.text, on_disk.size};
    if (err == MK_OK) {
        err = gone ? mk_store_delete(state->storage->store, where, saved, saving)
                   : mk_store_put(state->storage->store, where, (mk_slice_t){data, size}, 0, saved, saving);
    }
    if (err != MK_OK) {
        if (saving != NULL) mk_promise_break(state->room, &saving->promise);
        mk_free(saving);
        mk_free(value);
        return err;
    }
    state->saving++;
    replace(state, holder, at, value);
    if (out != NULL) *out = saving;
    return MK_OK;
}

/* ---- public ---------------------------------------------------------------------------------------------------------------- */

static mk_state_t *state_of(runtime_t *rt) {
    mk_durable_t *room = mk_durable_find(rt);
    return room != NULL ? room->state : NULL;
}

static const char *own_name(runtime_t *rt, const char *name, char buf[NAME_MAX + 1]) {
    if (name != NULL) return name;
    return actor_reverse_lookup(rt, actor_self(rt), buf, NAME_MAX + 1) != 0 ? buf : "";
}

static mk_err_t change_by_name(runtime_t *rt, const char *name, const char *key, const void *data, size_t size,
                               bool gone, bool told, saving_t **out) {
    char        buf[NAME_MAX + 1];
    mk_state_t *state = state_of(rt);
    return state != NULL ? change(state, own_name(rt, name, buf), key, data, size, gone, told, out) : MK_ERR_NOTFOUND;
}

static int logged(runtime_t *rt, const char *what, const char *key, mk_err_t err) {
    if (err == MK_OK) return 0;
    actor_log(rt, MK_LOG_WARN, "%s '%.64s': %s", what, key, mk_err_text(err));
    return -1;
}

int state_save(runtime_t *rt, const char *actor_name, const char *key, const void *data, size_t size) {
    return logged(rt, "state_save", key, change_by_name(rt, actor_name, key, data, size, false, false, NULL));
}

mk_err_t state_save_told(runtime_t *rt, const char *actor_name, const char *key, const void *data, size_t size) {
    mk_assert(mk_runtime_running(rt) != NULL);
    return change_by_name(rt, actor_name, key, data, size, false, true, NULL);
}

mk_err_t mk_state_save(runtime_t *rt, const char *actor_name, const char *key, const void *data, size_t size,
                       mk_saved_fn *fn, void *arg, mk_saving_t **out) {
    mk_err_t err = change_by_name(rt, actor_name, key, data, size, false, false, out);
    if (err != MK_OK) return err;
    (*out)->fn = fn;
    (*out)->arg = arg;
    return MK_OK;
}

int state_delete(runtime_t *rt, const char *actor_name, const char *key) {
    return logged(rt, "state_delete", key, change_by_name(rt, actor_name, key, NULL, 0, true, false, NULL));
}

int state_load(runtime_t *rt, const char *actor_name, const char *key, void *buf, size_t cap) {
    char        name[NAME_MAX + 1];
    mk_state_t *state = state_of(rt);
    holder_t   *holder = state != NULL ? find_holder(state, own_name(rt, actor_name, name)) : NULL;
    value_t    *value = holder != NULL ? *find_value(holder, key) : NULL;
    if (value == NULL || value->size > INT32_MAX) return -1;
    if (buf != NULL && value->size > cap) return logged(rt, "state_load", key, MK_ERR_TOOLONG);
    if (buf != NULL && value->size != 0) memcpy(buf, value->bytes, value->size);
    return (int)value->size;
}

bool state_is_saved(runtime_t *rt) {
    const mk_state_t *state = state_of(rt);
    return state == NULL || (state->saving == 0 && state->stale == 0);
}

/* ---- copies ----------------------------------------------------------------------------------------------------------------- */

struct mk_state_copy {
    value_t *values;
    char     name[];
};

void mk_state_copy_free(mk_state_copy_t *copy) {
    if (copy == NULL) return;
    for (value_t *next; copy->values != NULL; copy->values = next) {
        next = copy->values->next;
        mk_free(copy->values);
    }
    mk_free(copy);
}

mk_err_t mk_state_copy(runtime_t *rt, const char *actor_name, mk_state_copy_t **out) {
    mk_state_t      *state = state_of(rt);
    holder_t        *holder = state != NULL ? find_holder(state, actor_name) : NULL;
    size_t           size = strlen(actor_name) + 1;
    mk_state_copy_t *copy = mk_calloc(1, sizeof *copy + size);
    if (copy == NULL) return MK_ERR_NOMEM;
    memcpy(copy->name, actor_name, size);
    for (const value_t *value = holder != NULL ? holder->values : NULL; value != NULL; value = value->next) {
        value_t *same = make_value(value->key, value->bytes, value->size);
        if (same == NULL) {
            mk_state_copy_free(copy);
            return MK_ERR_NOMEM;
        }
        same->next = copy->values;
        copy->values = same;
    }
    *out = copy;
    return MK_OK;
}

static bool is_same(const value_t *a, const value_t *b) {
    return a != NULL && b != NULL && a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

mk_err_t mk_state_put_back(runtime_t *rt, const mk_state_copy_t *copy) {
    mk_state_t *state = state_of(rt);
    holder_t   *holder = state != NULL ? find_holder(state, copy->name) : NULL;
    mk_err_t    first = MK_OK, err;
    if (state == NULL) return MK_OK;
    for (value_t *value = holder != NULL ? holder->values : NULL, *next; value != NULL; value = next) {
        const value_t *kept = copy->values;
        next = value->next; /* deleting takes only this one out of the list */
        while (kept != NULL && strcmp(kept->key, value->key) != 0) kept = kept->next;
        if (kept != NULL) continue;
        err = change(state, copy->name, value->key, NULL, 0, true, false, NULL);
        if (first == MK_OK) first = err;
    }
    for (const value_t *kept = copy->values; kept != NULL; kept = kept->next) {
        holder = find_holder(state, copy->name);
        if (holder != NULL && is_same(*find_value(holder, kept->key), kept)) continue;
        err = change(state, copy->name, kept->key, kept->bytes, kept->size, false, false, NULL);
        if (first == MK_OK) first = err;
    }
    return first;
}
