/* SPDX-License-Identifier: Apache-2.0 */
/* recover.c -- what a folder holds when it is opened: all of the small files, the heads of the others. A name's later file counts; one that
 * is damaged counts as if it were not there. The value of a large one is looked at when it is asked for: it has a sum of its own.
 *
 * A file that cannot be read is left as it is, and nothing that could lose against it is written: versions go on far above any that it
 * may have. When its name has another one that is used; when not the name is lost: of it nothing is known but the hash. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/parts.h"

typedef struct files {
    char (*at)[FILE_NAME_BYTES];
    size_t n, room;
} files_t;

static mk_err_t collect(void *arg, const char *name) {
    files_t *files = arg;
    if (strlen(name) != FILE_NAME_BYTES - 1 || name[FILE_BASE_CHARS] != '.') return MK_OK; /* somebody else's */
    if (files->n == files->room) {
        size_t room = files->room != 0 ? files->room * 2 : 64;
        void  *at = mk_realloc(files->at, room * sizeof *files->at);
        if (at == NULL) return MK_ERR_NOMEM;
        files->at = at;
        files->room = room;
    }
    memcpy(files->at[files->n++], name, FILE_NAME_BYTES);
    return MK_OK;
}

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

/* More than all versions that one file can be ahead of those that can be read. */
enum { UNREADABLE_VERSIONS_BITS = 44 };

/* One name's files. */
typedef struct pair {
    uint8_t   bytes[2][SMALL_BYTES + 1]; /* one more than the small ones have */
    mk_blob_t blob[2];
    bool      good[2], damaged[2], unreadable[2];
} pair_t;

static bool is_good(const uint8_t *bytes, size_t got, mk_blob_t *out) {
    const uint8_t *value;
    if (mk_blob_get(bytes, got, out) != MK_OK) return false;
    if (MK_BLOB_HEAD_BYTES + out->name.size + out->value_size > SMALL_BYTES) return got > SMALL_BYTES;
    return mk_blob_get_value(bytes, got, out, &value) == MK_OK;
}

static mk_err_t look_at(mk_disk_t *disk, const char *file, unsigned slot, pair_t *pair, recovery_t *out) {
    size_t   got = 0;
    mk_err_t err = mk_disk_peek(disk, file, pair->bytes[slot], sizeof pair->bytes[slot], &got);
    if (err == MK_ERR_IO || err == MK_ERR_DENIED) {
        pair->unreadable[slot] = true;
        out->unreadable++;
        out->why = err;
        return MK_OK;
    }
    if (err == MK_ERR_FORMAT) got = 0; /* what the file system itself finds damaged is no other damage */
    else if (err != MK_OK) return err;
    char should[FILE_NAME_BYTES];
    if (is_good(pair->bytes[slot], got, &pair->blob[slot])) {
        mk_store_file_name(pair->blob[slot].name, mk_store_slot_char(slot), should);
        pair->good[slot] = strcmp(should, file) == 0; /* not somebody's copy under another name */
    }
    pair->damaged[slot] = !pair->good[slot];
    if (pair->damaged[slot]) out->damaged++;
    else if (pair->blob[slot].version > out->version) out->version = pair->blob[slot].version;
    return MK_OK;
}

static mk_err_t lose(recovery_t *out, const char *base) {
    if (out->lost_n == out->lost_room) {
        size_t       room = out->lost_room != 0 ? out->lost_room * 2 : 16;
        file_base_t *at = mk_realloc(out->lost, room * sizeof *at);
        if (at == NULL) return MK_ERR_NOMEM;
        out->lost = at;
        out->lost_room = room;
    }
    memcpy(out->lost[out->lost_n++], base, FILE_BASE_CHARS);
    return MK_OK;
}

static mk_err_t take_pair(const pair_t *pair, const char *base, recovery_t *out) {
    bool             unreadable = pair->unreadable[0] || pair->unreadable[1];
    unsigned         slot = pair->good[1] && (!pair->good[0] || pair->blob[1].version > pair->blob[0].version);
    const mk_blob_t *blob = &pair->blob[slot];
    /* A file that says that the name is gone may be the earlier one: then there is a value, and nobody may remove it. */
    if (unreadable && (!pair->good[slot] || blob->deleted)) return lose(out, base);
    if (!pair->good[slot]) return MK_OK;
    mk_entry_t *entry = mk_index_add_unsorted(&out->index, blob->name);
    if (entry == NULL) return MK_ERR_NOMEM;
    entry->slot = (uint8_t)slot;
    entry->aside = unreadable;
    entry->damaged = pair->damaged[1 - slot];
    entry->gone = entry->tomb = blob->deleted;
    if (blob->deleted) return MK_OK;
    entry->value_size = blob->value_size;
    entry->mark = blob->mark;
    out->bytes += blob->value_size + blob->name.size;
    return MK_OK;
}

/* The files of one name lie side by side; those of them that cannot be read are nobody's from here on. */
static mk_err_t take_all(mk_disk_t *disk, files_t *files, pair_t *pair, recovery_t *out) {
    for (size_t i = 0; i < files->n;) {
        const char *base = files->at[i];
        mk_err_t    err = MK_OK;
        for (unsigned slot = 0; slot < 2; slot++)
            pair->good[slot] = pair->damaged[slot] = pair->unreadable[slot] = false;
        for (; i < files->n && memcmp(files->at[i], base, FILE_BASE_CHARS) == 0 && err == MK_OK; i++) {
            char    *which = &files->at[i][FILE_BASE_CHARS + 1];
            unsigned slot = *which == mk_store_slot_char(1);
            if (*which == 't') (void)!mk_disk_remove(disk, files->at[i]); /* never got its name */
            if (*which != mk_store_slot_char(slot)) continue;
            err = look_at(disk, files->at[i], slot, pair, out);
            if (pair->unreadable[slot]) *which = '-';
        }
        if (err == MK_OK) err = take_pair(pair, base, out);
        if (err != MK_OK) return err;
    }
    return MK_OK;
}

/* A name that is gone: its earlier file may have come back, and must not outlive the one that says so. */
static mk_err_t bury(mk_disk_t *disk, const recovery_t *out) {
    bool any = false;
    for (size_t i = 0; i < out->index.n; i++) {
        const mk_entry_t *entry = out->index.at[i];
        char              earlier[FILE_NAME_BYTES];
        if (!entry->tomb) continue;
        any = true;
        mk_store_file_name(mk_entry_name(entry), mk_store_slot_char(1u - entry->slot), earlier);
        mk_err_t err = mk_disk_remove(disk, earlier);
        if (err != MK_OK && err != MK_ERR_DENIED) return err; /* a disk that cannot be written forgets nothing */
    }
    mk_err_t err = any ? mk_disk_settle(disk) : MK_OK;
    return err == MK_ERR_DENIED ? MK_OK : err;
}

/* What the life before has written and never synced is here, but maybe not on the disk: so it must not count yet, when what counted before
 * is written over. */
static mk_err_t make_last(mk_disk_t *disk, const files_t *files) {
    const char **names = mk_alloc(files->n * sizeof *names);
    if (names == NULL) return MK_ERR_NOMEM;
    size_t n = 0;
    for (size_t i = 0; i < files->n; i++) {
        char which = files->at[i][FILE_BASE_CHARS + 1];
        if (which == 'a' || which == 'b') names[n++] = files->at[i];
    }
    mk_err_t err = n != 0 ? mk_disk_sync(disk, names, n) : MK_OK;
    mk_free(names);
    if (err == MK_OK) err = mk_disk_settle(disk);
    return err == MK_ERR_DENIED ? MK_OK : err; /* nothing can be written then */
}

static void recover(mk_disk_t *disk, files_t *files, pair_t *pair, recovery_t *out) {
    if ((out->err = mk_disk_list(disk, collect, files)) != MK_OK || files->n == 0) return;
    qsort(files->at, files->n, sizeof *files->at, by_text);
    if ((out->err = take_all(disk, files, pair, out)) != MK_OK) return;
    /* Rather no store than one that says that it is empty. */
    if (out->unreadable != 0 && out->index.n == 0) out->err = out->why;
    if (out->err != MK_OK) return;
    if (out->unreadable != 0) out->version += (uint64_t)1 << UNREADABLE_VERSIONS_BITS;
    mk_index_sort(&out->index);
    out->unsettled = make_last(disk, files);
    if (out->unsettled == MK_ERR_NOMEM) out->err = MK_ERR_NOMEM;
    if (out->unsettled == MK_OK) out->unsettled = bury(disk, out);
}

void mk_store_recover(mk_disk_t *disk, recovery_t *out) {
    files_t files = {0};
    pair_t *pair = mk_alloc(sizeof *pair);
    *out = (recovery_t){.err = MK_ERR_NOMEM};
    if (pair == NULL) return;
    recover(disk, &files, pair, out);
    if (out->err != MK_OK) mk_index_fini(&out->index);
    mk_free(files.at);
    mk_free(pair);
}
