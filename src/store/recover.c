/* SPDX-License-Identifier: Apache-2.0 */
/* recover.c -- what a folder holds when it is opened: the heads of all files. A name's later file counts; one whose head is damaged
 * counts as if it were not there. A value is only looked at when it is asked for: it has a sum of its own. */
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

/* One name's files, as their heads have it. */
typedef struct pair {
    uint8_t   bytes[2][MK_BLOB_HEAD_BYTES + MK_BLOB_NAME_MAX];
    mk_blob_t blob[2];
    bool      good[2];
} pair_t;

static mk_err_t look_at(mk_disk_t *disk, const char *file, unsigned slot, pair_t *pair, recovery_t *out) {
    size_t   got = 0;
    mk_err_t err = mk_disk_peek(disk, file, pair->bytes[slot], sizeof pair->bytes[slot], &got);
    if (err != MK_OK) return err;
    char should[FILE_NAME_BYTES];
    if (mk_blob_get(pair->bytes[slot], got, &pair->blob[slot]) == MK_OK) {
        mk_store_file_name(pair->blob[slot].name, mk_store_slot_char(slot), should);
        pair->good[slot] = strcmp(should, file) == 0; /* not somebody's copy under another name */
    }
    if (!pair->good[slot]) out->damaged++;
    else if (pair->blob[slot].version > out->version) out->version = pair->blob[slot].version;
    return MK_OK;
}

static mk_err_t take_pair(const pair_t *pair, recovery_t *out) {
    if (!pair->good[0] && !pair->good[1]) return MK_OK;
    unsigned         slot = pair->good[1] && (!pair->good[0] || pair->blob[1].version > pair->blob[0].version);
    const mk_blob_t *blob = &pair->blob[slot];
    mk_entry_t      *entry = mk_index_add_unsorted(&out->index, blob->name);
    if (entry == NULL) return MK_ERR_NOMEM;
    entry->slot = (uint8_t)slot;
    entry->gone = entry->tomb = blob->deleted;
    if (blob->deleted) return MK_OK;
    entry->value_size = blob->value_size;
    entry->mark = blob->mark;
    out->bytes += blob->value_size + blob->name.size;
    return MK_OK;
}

/* The files of one name lie side by side. */
static mk_err_t take_all(mk_disk_t *disk, const files_t *files, pair_t *pair, recovery_t *out) {
    for (size_t i = 0; i < files->n;) {
        const char *base = files->at[i];
        mk_err_t    err = MK_OK;
        memset(pair, 0, sizeof *pair);
        for (; i < files->n && memcmp(files->at[i], base, FILE_BASE_CHARS) == 0 && err == MK_OK; i++) {
            switch (files->at[i][FILE_BASE_CHARS + 1]) {
            case 'a': err = look_at(disk, files->at[i], 0, pair, out); break;
            case 'b': err = look_at(disk, files->at[i], 1, pair, out); break;
            case 't': (void)!mk_disk_remove(disk, files->at[i]); break; /* never got its name */
            default: break;
            }
        }
        if (err == MK_OK) err = take_pair(pair, out);
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

void mk_store_recover(mk_disk_t *disk, recovery_t *out) {
    files_t files = {0};
    pair_t *pair = mk_alloc(sizeof *pair);
    *out = (recovery_t){.err = MK_ERR_NOMEM};
    if (pair == NULL) return;
    out->err = mk_disk_list(disk, collect, &files);
    if (out->err == MK_OK && files.n != 0) {
        qsort(files.at, files.n, sizeof *files.at, by_text);
        out->err = take_all(disk, &files, pair, out);
    }
    if (out->err == MK_OK) {
        mk_index_sort(&out->index);
        out->err = bury(disk, out);
    }
    if (out->err != MK_OK) mk_index_fini(&out->index);
    mk_free(files.at);
    mk_free(pair);
}
