/* SPDX-License-Identifier: Apache-2.0 */
/* store.c -- requests in a queue, one job at a time that takes a batch of them to the disk.
 *
 * A batch speaks of each name once, if it writes it: so requests for one name take effect in their order, and what a batch does can be
 * done for all of it together. Invariant: while a job runs, the disk and the batch are the helper thread's; everything else is the
 * loop's. */
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "store/parts.h"

enum { VALUE_DEFAULT = 16 << 20, NAMES_DEFAULT = 1000000, WAITING_DEFAULT = 8 << 20 };
enum { NAMED_MAX = 8 }; /* names in the log of what could not be read */

struct mk_store {
    mk_job_t          job; /* recovering, then batches */
    bool              at_work;
    bool              closing;
    bool              telling; /* ends are being told: what closes it then waits */
    bool              ready;
    mk_err_t          failed;
    mk_loop_t        *loop;
    mk_deferred_t     start;
    mk_store_config_t config;
    char             *folder;
    mk_disk_t        *disk;
    mk_index_t        index;
    /* The last that was given to a file, whether that went well or not; never again in this folder, so that what a
     * failing disk has kept all the same never counts as later than what comes. */
    uint64_t         version;
    file_base_t     *lost; /* names whose files could not be read: hashes, sorted */
    size_t           lost_n;
    mk_err_t         unsettled; /* why nothing can be written */
    request_t       *first, **last;
    size_t           waiting, waiting_bytes;
    mk_entry_t      *tombs; /* listed: their earlier files are removed, though maybe not on the disk yet */
    recovery_t       recovery;
    batch_t          batch;
    mk_store_stats_t stats;
};

static void look_for_work(mk_store_t *store);

static void say(const mk_store_t *store, bool bad, const char *what, mk_slice_t name, const char *more) {
    char text[300], shown[65];
    if (store->config.log == NULL) return;
    size_t n = name.size < sizeof shown - 1 ? name.size : sizeof shown - 1;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = ((const uint8_t *)name.data)[i];
        shown[i] = c >= 0x20 && c < 0x7F ? (char)c : '?';
    }
    shown[n] = '\0';
    if (n != 0) snprintf(text, sizeof text, "%.100s: %s '%s'%s", store->folder, what, shown, more);
    else snprintf(text, sizeof text, "%.100s: %s%s", store->folder, what, more);
    store->config.log(store->config.log_arg, bad, text);
}

/* ---- the end ------------------------------------------------------------------------------------------------------- */

static void destroy(mk_store_t *store) {
    mk_assert(store->first == NULL && !store->at_work);
    mk_deferred_cancel(&store->start);
    mk_disk_close(store->disk);
    mk_index_fini(&store->index);
    mk_free(store->lost);
    mk_free(store->folder);
    mk_free(store);
}

static void tell(mk_store_t *store, request_t *request) {
    switch (request->kind) {
    case REQUEST_PUT: store->stats.puts++; break;
    case REQUEST_DELETE: store->stats.deletes++; break;
    case REQUEST_GET: store->stats.gets++; break;
    }
    if (request->err != MK_OK && request->err != MK_ERR_NOTFOUND) store->stats.failures++;
    bool found = request->kind == REQUEST_GET && request->err == MK_OK;
    if (request->fn != NULL)
        request->fn(request->arg, request->err, found ? request->found.data : NULL, found ? request->found.size : 0,
                    found ? request->mark : 0);
    mk_free(request->file);
    mk_free(request);
}

/* Many small ones are memory, too. */
static size_t weight(mk_slice_t name, mk_slice_t value) { return sizeof(request_t) + name.size + value.size; }

static request_t *take_first(mk_store_t *store) {
    request_t *request = store->first;
    store->first = request->next;
    if (store->first == NULL) store->last = &store->first;
    store->waiting--;
    store->waiting_bytes -= weight(request->name, request->value);
    return request;
}

/* ---- recovering ------------------------------------------------------------------------------------------------------ */

static void list_tomb(mk_store_t *store, mk_entry_t *entry) {
    if (entry->listed) return;
    entry->listed = true;
    entry->next_tomb = store->tombs;
    store->tombs = entry;
}

static void run_recovery(mk_job_t *job) {
    mk_store_t *store = mk_container_of(job, mk_store_t, job);
    store->recovery = (recovery_t){.err = mk_disk_open(store->folder, &store->disk)};
    if (store->recovery.err == MK_OK) mk_store_recover(store->disk, &store->recovery);
}

/* Which names are concerned, as far as they are known; some of them are enough. */
static void say_trouble(const mk_store_t *store, const recovery_t *recovery) {
    char   text[120];
    size_t left = NAMED_MAX;
    if (recovery->damaged != 0) {
        snprintf(text, sizeof text, "damaged files, or written when the power went: %llu",
                 (unsigned long long)recovery->damaged);
        say(store, true, text, (mk_slice_t){0}, "");
    }
    if (recovery->unreadable != 0) {
        snprintf(text, sizeof text, "files that cannot be read (%s): %zu; names that are lost with them: %zu",
                 mk_err_text(recovery->why), recovery->unreadable, recovery->lost_n);
        say(store, true, text, (mk_slice_t){0}, "");
    }
    for (size_t i = 0; i < store->index.n && left != 0; i++) {
        const mk_entry_t *entry = store->index.at[i];
        const char       *why = entry->aside ? " cannot be read" : " is damaged";
        if (!entry->aside && !entry->damaged) continue;
        snprintf(text, sizeof text, "%s; the other one is used", why);
        say(store, true, "a file of", mk_entry_name(entry), text);
        left--;
    }
}

static void recovered(mk_loop_t *loop, mk_job_t *job) {
    mk_store_t       *store = mk_container_of(job, mk_store_t, job);
    const recovery_t *recovery = &store->recovery;
    (void)loop;
    if (job->run != NULL) run_recovery(job); /* the loop ends before it was run: what waits is still to be kept */
    store->at_work = false;
    store->ready = true;
    store->failed = recovery->err;
    store->unsettled = recovery->unsettled;
    store->index = recovery->index;
    store->version = recovery->version;
    store->lost = recovery->lost;
    store->lost_n = recovery->lost_n;
    store->stats.bytes = recovery->bytes;
    store->stats.names = store->index.n;
    for (size_t i = 0; i < store->index.n; i++) {
        if (!store->index.at[i]->tomb) continue;
        store->stats.names--;
        list_tomb(store, store->index.at[i]);
    }
    store->stats.damaged = recovery->damaged;
    store->stats.unreadable = recovery->unreadable;
    if (store->failed != MK_OK) say(store, true, "cannot be used: ", (mk_slice_t){0}, mk_err_text(store->failed));
    else if (store->unsettled != MK_OK)
        say(store, true, "can only be read: ", (mk_slice_t){0}, mk_err_text(store->unsettled));
    say_trouble(store, recovery);
    look_for_work(store);
}

/* ---- batches ----------------------------------------------------------------------------------------------------------- */

static void run_batch(mk_job_t *job) {
    mk_store_t *store = mk_container_of(job, mk_store_t, job);
    mk_store_batch_run(store->disk, &store->batch);
}

/* Decides what can be decided without the disk. */
static mk_err_t judge_put(const mk_store_t *store, const request_t *request, const mk_entry_t *entry) {
    uint64_t before = entry->gone ? 0 : entry->value_size + entry->name_size;
    uint64_t after = request->value.size + request->name.size;
    if (store->config.bytes_max != 0 && after > before && store->stats.bytes + after - before > store->config.bytes_max)
        return MK_ERR_LIMIT;
    return MK_OK;
}

static int compare_bases(const void *a, const void *b) { return memcmp(a, b, FILE_BASE_CHARS); }

/* Whether files of this name may be there that could not be read. */
static bool is_lost(const mk_store_t *store, mk_slice_t name) {
    char file[FILE_NAME_BYTES];
    if (store->lost_n == 0) return false;
    mk_store_file_name(name, 'a', file);
    return bsearch(file, store->lost, store->lost_n, sizeof *store->lost, compare_bases) != NULL;
}

static mk_entry_t *new_entry(mk_store_t *store, request_t *request, bool lost) {
    request->err = MK_ERR_LIMIT;
    if (store->stats.names >= store->config.names_max) return NULL;
    mk_entry_t *entry = mk_index_add(&store->index, request->name);
    if (entry != NULL) entry->aside = lost;
    request->err = MK_ERR_NOMEM;
    return entry;
}

static void prepare_write(mk_store_t *store, request_t *request, mk_entry_t *entry) {
    size_t size = MK_BLOB_HEAD_BYTES + request->name.size + request->value.size;
    entry->written = true;
    request->aside = entry->aside || size > SMALL_BYTES;
    request->slot ^= 1u;
    request->version = ++store->version;
    /* Counted now, so that the next of this batch is judged with it. */
    if (request->kind == REQUEST_PUT) store->stats.bytes += request->value.size + request->name.size;
    if (request->kind == REQUEST_PUT && entry->gone) store->stats.names++;
}

static void prepare(mk_store_t *store, request_t *request) {
    mk_entry_t *entry = mk_index_find(&store->index, request->name);
    bool        lost = entry == NULL && is_lost(store, request->name);
    if (entry == NULL && request->kind == REQUEST_PUT && (entry = new_entry(store, request, lost)) == NULL) return;
    request->err = entry == NULL || (entry->gone && request->kind != REQUEST_PUT) ? MK_ERR_NOTFOUND : MK_OK;
    if (entry == NULL && lost) request->err = MK_ERR_IO;
    if (request->err == MK_OK && request->kind == REQUEST_PUT) request->err = judge_put(store, request, entry);
    if (request->err == MK_OK && request->kind != REQUEST_GET) request->err = store->unsettled;
    if (entry == NULL) return;
    request->entry = entry;
    entry->requests++;
    if (request->err != MK_OK) return;
    request->to_disk = true;
    request->slot = entry->slot;
    if (request->kind != REQUEST_GET) prepare_write(store, request, entry);
}

/* What it holds in memory while the batch is at work: what is to be written, or will be read. */
static size_t held_by(const mk_store_t *store, const request_t *request) {
    const mk_entry_t *entry = request->kind == REQUEST_GET ? mk_index_find(&store->index, request->name) : NULL;
    return entry != NULL ? entry->value_size : request->value.size;
}

static bool fits(const mk_store_t *store, const request_t *request, size_t bytes) {
    const mk_entry_t *entry = mk_index_find(&store->index, request->name);
    if (store->batch.n == BATCH_MAX) return false;
    if (store->batch.n != 0 && bytes + held_by(store, request) > BATCH_BYTES_MAX) return false;
    if (entry == NULL || entry->requests == 0) return true;
    return !entry->written && request->kind == REQUEST_GET; /* several may read it */
}

/* The earlier files of those listed were removed before this trip, so that is on the disk when this trip has settled. */
static void take_tombs(mk_store_t *store) {
    batch_t    *batch = &store->batch;
    mk_entry_t *entry = store->tombs, *later = NULL;
    store->tombs = NULL;
    for (mk_entry_t *next; entry != NULL; entry = next) {
        next = entry->next_tomb;
        if (entry->tomb && (entry->requests != 0 || batch->tombs_n == TOMBS_MAX)) { /* in another trip */
            entry->next_tomb = later;
            later = entry;
            continue;
        }
        entry->listed = false;
        if (!entry->tomb) continue; /* it has been put again */
        tomb_t *tomb = &batch->tomb[batch->tombs_n++];
        *tomb = (tomb_t){.entry = entry};
        mk_store_file_name(mk_entry_name(entry), mk_store_slot_char(entry->slot), tomb->file);
    }
    store->tombs = later;
}

static bool make_batch(mk_store_t *store) {
    batch_t *batch = &store->batch;
    size_t   bytes = 0;
    bool     writes = false, any = false;
    batch->n = batch->tombs_n = 0;
    batch->unsynced = store->config.unsynced;
    batch->file_bytes_max = store->config.value_bytes_max + MK_BLOB_HEAD_BYTES + MK_BLOB_NAME_MAX;
    while (store->first != NULL && fits(store, store->first, bytes)) {
        request_t *request = take_first(store);
        bytes += held_by(store, request);
        if (store->failed == MK_OK) prepare(store, request);
        else request->err = store->failed;
        any = any || request->to_disk;
        writes = writes || (request->to_disk && request->kind != REQUEST_GET);
        batch->request[batch->n++] = request;
    }
    if (writes) take_tombs(store);
    return any;
}

/* What the disk has said becomes what we know. */
static void settle_put(mk_store_t *store, request_t *request) {
    mk_entry_t *entry = request->entry;
    uint64_t    before = entry->gone ? 0 : entry->value_size + entry->name_size;
    if (request->err == MK_OK) {
        store->stats.bytes -= before;
        entry->value_size = request->value.size;
        entry->mark = request->mark;
        entry->slot = request->slot;
        entry->gone = entry->tomb = false;
        return;
    }
    store->stats.bytes -= request->value.size + request->name.size;
    if (entry->gone) store->stats.names--;
}

static void settle_delete(mk_store_t *store, const request_t *request) {
    mk_entry_t *entry = request->entry;
    if (request->err != MK_OK && !request->removed) return; /* removed, it is gone, whatever the disk remembers */
    store->stats.bytes -= entry->value_size + entry->name_size;
    store->stats.names--;
    entry->value_size = 0;
    entry->gone = true;
    if (request->removed) return;
    entry->slot = request->slot;
    entry->tomb = true;
    if (!request->earlier_left) list_tomb(store, entry); /* else recovering sees to it */
}

static void settle_get(mk_store_t *store, const request_t *request) {
    mk_entry_t *entry = request->entry;
    if (request->damaged == 0) return;
    store->stats.damaged += request->damaged;
    if (request->err != MK_OK) {
        say(store, true, "the value of", request->name, " is damaged, and there is no earlier one");
        return;
    }
    say(store, true, "the value of", request->name, " was damaged; the one before it is used");
    if (entry->slot == request->slot) return; /* another get of this batch has seen it, too */
    store->stats.bytes += request->found.size;
    store->stats.bytes -= entry->value_size;
    entry->value_size = request->found.size;
    entry->mark = request->mark;
    entry->slot = request->slot; /* the next put replaces the damaged one */
}

static void settle(mk_store_t *store, request_t *request) {
    if (request->to_disk) {
        switch (request->kind) {
        case REQUEST_PUT: settle_put(store, request); break;
        case REQUEST_DELETE: settle_delete(store, request); break;
        case REQUEST_GET: settle_get(store, request); break;
        }
    }
    mk_entry_t *entry = request->entry;
    if (entry == NULL) return;
    entry->requests--;
    entry->written = false;
    /* Its first put failed. One with a file that says that it is gone stays until that is removed. */
    if (entry->requests == 0 && entry->gone && !entry->tomb) mk_index_remove(&store->index, entry);
}

/* Neither file is left, so the name may be forgotten. */
static void settle_tombs(mk_store_t *store) {
    for (size_t i = 0; i < store->batch.tombs_n; i++) {
        const tomb_t *tomb = &store->batch.tomb[i];
        if (tomb->removed) mk_index_remove(&store->index, tomb->entry);
        else list_tomb(store, tomb->entry);
    }
    store->batch.tombs_n = 0;
}

static void finish_batch(mk_store_t *store) {
    batch_t *batch = &store->batch;
    settle_tombs(store);
    for (size_t i = 0; i < batch->n; i++) settle(store, batch->request[i]);
    store->telling = true; /* mk_store_forget() looks at those that are still to be told */
    for (size_t i = 0; i < batch->n; i++) {
        tell(store, batch->request[i]);
        batch->request[i] = NULL;
    }
    batch->n = 0;
    store->telling = false;
}

static void batch_done(mk_loop_t *loop, mk_job_t *job) {
    mk_store_t *store = mk_container_of(job, mk_store_t, job);
    (void)loop;
    if (job->run != NULL) run_batch(job);
    store->at_work = false;
    store->stats.batches++;
    finish_batch(store);
    look_for_work(store);
}

/* Without memory for the job the work is done here: late is worse than slow. */
static void begin(mk_store_t *store, void (*run)(mk_job_t *), void (*done)(mk_loop_t *, mk_job_t *)) {
    store->job = (mk_job_t){.run = run, .done = done};
    store->at_work = true;
    if (mk_job_start(store->loop, &store->job) == MK_OK) return;
    run(&store->job);
    store->job.run = NULL;
    done(store->loop, &store->job);
}

static void look_for_work(mk_store_t *store) {
    while (!store->at_work && store->ready && store->first != NULL) {
        if (make_batch(store)) {
            begin(store, run_batch, batch_done);
            return;
        }
        finish_batch(store); /* all of it could be answered without the disk */
    }
    if (!store->at_work && store->closing) destroy(store);
}

static void start_deferred(mk_loop_t *loop, mk_deferred_t *deferred) {
    (void)loop;
    look_for_work(mk_container_of(deferred, mk_store_t, start));
}

/* ---- requests ------------------------------------------------------------------------------------------------------------ */

static mk_err_t ask(mk_store_t *store, request_kind_t kind, mk_slice_t name, mk_slice_t value, uint64_t mark,
                    mk_store_done_fn *fn, void *arg) {
    mk_assert(!store->closing);
    if (name.size == 0 || name.size > MK_BLOB_NAME_MAX) return MK_ERR_INVALID;
    if (value.size > store->config.value_bytes_max) return MK_ERR_TOOLONG;
    size_t bytes = weight(name, value);
    if (store->waiting_bytes != 0 && store->waiting_bytes + bytes > store->config.waiting_bytes_max) return MK_ERR_FULL;
    request_t *request = mk_alloc(bytes);
    if (request == NULL) return MK_ERR_NOMEM;
    uint8_t *at = (uint8_t *)(request + 1);
    *request = (request_t){.kind = kind,
                           .name = {at, name.size},
                           .value = {at + name.size, value.size},
                           .mark = mark,
                           .fn = fn,
                           .arg = arg};
    memcpy(at, name.data, name.size);
    if (value.size != 0) memcpy(at + name.size, value.data, value.size);
    *store->last = request;
    store->last = &request->next;
    store->waiting++;
    store->waiting_bytes += bytes;
    if (!store->at_work && store->ready) mk_loop_defer(store->loop, &store->start, start_deferred);
    return MK_OK;
}

mk_err_t mk_store_put(mk_store_t *store, mk_slice_t name, mk_slice_t value, uint64_t mark, mk_store_done_fn *fn,
                      void *arg) {
    return ask(store, REQUEST_PUT, name, value, mark, fn, arg);
}

mk_err_t mk_store_delete(mk_store_t *store, mk_slice_t name, mk_store_done_fn *fn, void *arg) {
    return ask(store, REQUEST_DELETE, name, (mk_slice_t){0}, 0, fn, arg);
}

mk_err_t mk_store_get(mk_store_t *store, mk_slice_t name, mk_store_done_fn *fn, void *arg) {
    return ask(store, REQUEST_GET, name, (mk_slice_t){0}, 0, fn, arg);
}

void mk_store_forget(mk_store_t *store, const void *arg) {
    for (request_t *request = store->first; request != NULL; request = request->next)
        if (request->arg == arg) request->fn = NULL;
    for (size_t i = 0; i < store->batch.n; i++)
        if (store->batch.request[i] != NULL && store->batch.request[i]->arg == arg) store->batch.request[i]->fn = NULL;
}

mk_err_t mk_store_list(const mk_store_t *store, mk_slice_t prefix, mk_slice_t after, mk_store_visit_fn *visit,
                       void *arg) {
    if (!store->ready) return MK_ERR_BUSY;
    if (store->failed != MK_OK) return store->failed;
    bool   later = after.size != 0 && mk_names_compare(after, prefix) >= 0;
    size_t at = mk_index_from(&store->index, later ? after : prefix);
    for (; at < store->index.n; at++) {
        const mk_entry_t *entry = store->index.at[at];
        mk_slice_t        name = mk_entry_name(entry);
        if (later && mk_names_compare(name, after) == 0) continue;
        if (name.size < prefix.size || (prefix.size != 0 && memcmp(name.data, prefix.data, prefix.size) != 0)) break;
        if (!entry->gone && !visit(arg, name, entry->value_size, entry->mark)) break;
    }
    return MK_OK;
}

void mk_store_get_stats(const mk_store_t *store, mk_store_stats_t *out) {
    *out = store->stats;
    out->ready = store->ready;
    out->failed = store->failed;
    out->waiting = store->waiting;
}

/* ---- life ---------------------------------------------------------------------------------------------------------------- */

mk_err_t mk_store_open(mk_loop_t *loop, const mk_store_config_t *config, mk_store_t **out) {
    if (config->folder == NULL || config->folder[0] == '\0' || config->value_bytes_max > MK_BLOB_VALUE_MAX)
        return MK_ERR_INVALID;
    mk_store_t *store = mk_calloc(1, sizeof *store);
    char       *folder = mk_strndup(config->folder, strlen(config->folder));
    if (store == NULL || folder == NULL) {
        mk_free(store);
        mk_free(folder);
        return MK_ERR_NOMEM;
    }
    store->loop = loop;
    store->config = *config;
    store->folder = folder;
    store->last = &store->first;
    if (config->value_bytes_max == 0) store->config.value_bytes_max = VALUE_DEFAULT;
    if (config->names_max == 0) store->config.names_max = NAMES_DEFAULT;
    if (config->waiting_bytes_max == 0) store->config.waiting_bytes_max = WAITING_DEFAULT;
    *out = store;
    begin(store, run_recovery, recovered);
    return MK_OK;
}

void mk_store_close(mk_store_t *store) {
    for (request_t *request = store->first; request != NULL; request = request->next) request->fn = NULL;
    for (size_t i = 0; i < store->batch.n; i++)
        if (store->batch.request[i] != NULL) store->batch.request[i]->fn = NULL;
    store->config.log = NULL;
    store->closing = true;
    if (!store->at_work && !store->telling) look_for_work(store);
}
