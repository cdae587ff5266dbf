/* SPDX-License-Identifier: Apache-2.0 */
/* disk.c -- folders in memory that forget like real ones. A file has the bytes that can be read and those that would survive; a folder
 * has its names and a journal of what was done to them since it last settled. When the power comes back each entry of the journal
 * has happened or not, and each file that was not synced is old, new, or torn.
 *
 * Its own memory is not the runtime's: it comes from libc, so that tests which fail each allocation of the runtime leave the disk
 * alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "port/fake/fake_disk.h"
#include "port/fake/state.h"

enum { FOLDERS_MAX = 16, SECTOR_BYTES = 512 };

typedef struct content {
    uint8_t *bytes;
    size_t   size;
} content_t;

/* Files are written over where they lie. What was written and never synced may be on the disk all the same, in part or whole. */
typedef struct inode {
    content_t  now, kept;
    content_t *between; /* what it was from the last sync to now */
    unsigned   between_n;
    bool       synced; /* now and kept are the same */
    mk_err_t   unreadable;
    unsigned   refs; /* names, now and kept, and entries of the journal */
} inode_t;

typedef struct name {
    char     text[MK_DISK_NAME_MAX + 1];
    inode_t *inode;
} name_t;

typedef struct names {
    name_t *at;
    size_t  n, room;
} names_t;

typedef enum change_kind { CHANGE_PUT, CHANGE_RENAME, CHANGE_REMOVE } change_kind_t;

typedef struct change {
    change_kind_t kind;
    char          name[MK_DISK_NAME_MAX + 1], to[MK_DISK_NAME_MAX + 1];
    inode_t      *inode;
} change_t;

typedef struct folder {
    char       path[256];
    names_t    now, kept;
    change_t  *journal;
    size_t     journal_n, journal_room;
    mk_disk_t *open;
} folder_t;

struct mk_disk {
    folder_t *folder; /* NULL: dead */
};

static struct {
    folder_t folder[FOLDERS_MAX];
    size_t   folders_n;
    unsigned points, off_at;
    bool     off, read_only;
    unsigned fail_after, fail_times;
    mk_err_t fail_with;
    size_t   space;
} disks = {.space = SIZE_MAX};

static void *grown(void *at, size_t bytes) {
    void *p = realloc(at, bytes);
    if (p == NULL) abort();
    return p;
}

/* ---- inodes and names ---- */

static content_t content_copy(const uint8_t *bytes, size_t size) {
    content_t c = {.bytes = grown(NULL, size + 1), .size = size};
    if (size != 0) memcpy(c.bytes, bytes, size);
    return c;
}

static void content_set(content_t *to, content_t from) {
    free(to->bytes);
    *to = from;
}

static void forget_between(inode_t *inode) {
    for (unsigned i = 0; i < inode->between_n; i++) free(inode->between[i].bytes);
    free(inode->between);
    inode->between = NULL;
    inode->between_n = 0;
}

static void inode_unref(inode_t *inode) {
    if (inode == NULL || --inode->refs != 0) return;
    forget_between(inode);
    free(inode->now.bytes);
    free(inode->kept.bytes);
    free(inode);
}

static name_t *names_find(names_t *names, const char *text) {
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->at[i].text, text) == 0) return &names->at[i];
    return NULL;
}

static void names_remove(names_t *names, const char *text) {
    name_t *name = names_find(names, text);
    if (name == NULL) return;
    inode_unref(name->inode);
    size_t at = (size_t)(name - names->at);
    memmove(name, name + 1, (names->n - at - 1) * sizeof *name);
    names->n--;
}

static void names_put(names_t *names, const char *text, inode_t *inode) {
    inode->refs++;
    name_t *name = names_find(names, text);
    if (name != NULL) {
        inode_unref(name->inode);
        name->inode = inode;
        return;
    }
    if (names->n == names->room) {
        names->room = names->room * 2 + 8;
        names->at = grown(names->at, names->room * sizeof *names->at);
    }
    name = &names->at[names->n++];
    snprintf(name->text, sizeof name->text, "%s", text);
    name->inode = inode;
}

/* Its coming under the old name may not have survived; under the new one it is there all the same. */
static void names_rename(names_t *names, const char *from, const char *to, inode_t *inode) {
    const name_t *name = names_find(names, from);
    inode->refs++;
    if (name != NULL && name->inode == inode) names_remove(names, from);
    names_put(names, to, inode);
    inode_unref(inode);
}

static void names_clear(names_t *names) {
    while (names->n != 0) names_remove(names, names->at[names->n - 1].text);
    free(names->at);
    *names = (names_t){0};
}

static void names_copy(names_t *to, const names_t *from) {
    names_clear(to);
    for (size_t i = 0; i < from->n; i++) names_put(to, from->at[i].text, from->at[i].inode);
}

/* ---- the journal ---- */

static void note(folder_t *folder, change_kind_t kind, const char *name, const char *to, inode_t *inode) {
    if (folder->journal_n == folder->journal_room) {
        folder->journal_room = folder->journal_room * 2 + 8;
        folder->journal = grown(folder->journal, folder->journal_room * sizeof *folder->journal);
    }
    change_t *change = &folder->journal[folder->journal_n++];
    *change = (change_t){.kind = kind, .inode = inode};
    snprintf(change->name, sizeof change->name, "%s", name);
    snprintf(change->to, sizeof change->to, "%s", to);
    if (inode != NULL) inode->refs++;
}

static void journal_clear(folder_t *folder) {
    for (size_t i = 0; i < folder->journal_n; i++) inode_unref(folder->journal[i].inode);
    folder->journal_n = 0;
}

static void apply(names_t *names, const change_t *change) {
    switch (change->kind) {
    case CHANGE_PUT: names_put(names, change->name, change->inode); break;
    case CHANGE_RENAME: names_rename(names, change->name, change->to, change->inode); break;
    case CHANGE_REMOVE: names_remove(names, change->name); break;
    }
}

/* One of those that may be on the disk: the last that was synced, and whatever was written since. */
static const content_t *any_of(const inode_t *inode, uint64_t *chance) {
    unsigned which = (unsigned)(mk_fake_random(chance) % (inode->between_n + 2));
    return which == 0 ? &inode->kept : which == 1 ? &inode->now : &inode->between[which - 2];
}

/* What the power cut has left of a file that was not synced. */
static content_t survivor(const inode_t *inode, uint64_t *chance) {
    const content_t *size_of = any_of(inode, chance);
    switch (mk_fake_random(chance) % 5) {
    case 0: return content_copy(inode->kept.bytes, inode->kept.size);
    case 1: return content_copy(inode->now.bytes, inode->now.size);
    case 2: return content_copy(NULL, 0);
    case 3: return content_copy(size_of->bytes, (size_t)(mk_fake_random(chance) % (size_of->size + 1)));
    default: break;
    }
    content_t c = {.bytes = grown(NULL, size_of->size + 1), .size = size_of->size};
    for (size_t at = 0; at < c.size; at += SECTOR_BYTES) { /* each sector is of another time, or was never written */
        const content_t *from = any_of(inode, chance);
        size_t           n = c.size - at < SECTOR_BYTES ? c.size - at : SECTOR_BYTES;
        size_t           there = from->size <= at ? 0 : from->size - at < n ? from->size - at : n;
        memset(c.bytes + at, 0, n);
        if (there != 0) memcpy(c.bytes + at, from->bytes + at, there);
    }
    return c;
}

static void cut_folder(folder_t *folder, uint64_t *chance) {
    bool in_order = mk_fake_random(chance) % 2 == 0; /* as file systems with a journal do; the others are worse */
    for (size_t i = 0; i < folder->journal_n; i++) {
        bool happened = mk_fake_random(chance) % 2 == 0;
        if (happened) apply(&folder->kept, &folder->journal[i]);
        else if (in_order) break;
    }
    journal_clear(folder);
    for (size_t i = 0; i < folder->kept.n; i++) {
        inode_t *inode = folder->kept.at[i].inode;
        if (!inode->synced) {
            content_t left = survivor(inode, chance);
            content_set(&inode->now, left);
            content_set(&inode->kept, content_copy(left.bytes, left.size));
            forget_between(inode);
            inode->synced = true;
        }
    }
    names_copy(&folder->now, &folder->kept);
    if (folder->open != NULL) folder->open->folder = NULL;
    folder->open = NULL;
}

/* ---- what tests say ---- */

void mk_fake_disk_reset(void) {
    for (size_t i = 0; i < disks.folders_n; i++) {
        folder_t *folder = &disks.folder[i];
        if (folder->open != NULL) folder->open->folder = NULL;
        journal_clear(folder);
        free(folder->journal);
        names_clear(&folder->now);
        names_clear(&folder->kept);
        *folder = (folder_t){0};
    }
    disks.folders_n = 0;
    disks.points = disks.off_at = disks.fail_after = disks.fail_times = 0;
    disks.off = disks.read_only = false;
    disks.space = SIZE_MAX;
}

unsigned mk_fake_disk_points(void) { return disks.points; }
void     mk_fake_disk_power_off_at(unsigned point) { disks.off_at = disks.points + point; }
bool     mk_fake_disk_is_off(void) { return disks.off; }

void mk_fake_disk_power_on(uint64_t seed) {
    uint64_t chance = seed;
    for (size_t i = 0; i < disks.folders_n; i++) cut_folder(&disks.folder[i], &chance);
    disks.off = false;
    disks.off_at = 0;
}

void mk_fake_disk_fail_later(unsigned after, unsigned times, mk_err_t err) {
    disks.fail_after = after;
    disks.fail_times = times;
    disks.fail_with = err;
}

void mk_fake_disk_fail(unsigned times, mk_err_t err) { mk_fake_disk_fail_later(0, times, err); }

void mk_fake_disk_space(size_t bytes) { disks.space = bytes; }
void mk_fake_disk_read_only(bool read_only) { disks.read_only = read_only; }

static folder_t *find_folder(const char *path) {
    for (size_t i = 0; i < disks.folders_n; i++)
        if (strcmp(disks.folder[i].path, path) == 0) return &disks.folder[i];
    return NULL;
}

bool mk_fake_disk_flip(const char *path, const char *text, size_t bit) {
    folder_t *folder = find_folder(path);
    name_t   *name = folder != NULL ? names_find(&folder->now, text) : NULL;
    if (name == NULL || bit / 8 >= name->inode->now.size) return false;
    name->inode->now.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    if (bit / 8 < name->inode->kept.size) name->inode->kept.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    return true;
}

bool mk_fake_disk_unreadable(const char *path, const char *text, mk_err_t err) {
    folder_t     *folder = find_folder(path);
    const name_t *name = folder != NULL ? names_find(&folder->now, text) : NULL;
    if (name != NULL) name->inode->unreadable = err;
    return name != NULL;
}

size_t mk_fake_disk_files(const char *path) {
    const folder_t *folder = find_folder(path);
    return folder != NULL ? folder->now.n : 0;
}

const char *mk_fake_disk_file(const char *path, size_t index) {
    const folder_t *folder = find_folder(path);
    return folder != NULL && index < folder->now.n ? folder->now.at[index].text : NULL;
}

/* ---- the calls ---- */

/* Before a call that changes something. `*half`: the power goes in it, after a part of its work. */
static mk_err_t point(const mk_disk_t *disk, bool *half) {
    *half = false;
    if (disk->folder == NULL || disks.off) return MK_ERR_IO;
    if (disks.read_only) return MK_ERR_DENIED;
    if (disks.fail_after != 0) {
        disks.fail_after--;
    } else if (disks.fail_times != 0) {
        disks.fail_times--;
        return disks.fail_with;
    }
    disks.points++;
    if (disks.points == disks.off_at) *half = disks.off = true;
    return MK_OK;
}

static size_t used(void) {
    size_t bytes = 0;
    for (size_t i = 0; i < disks.folders_n; i++)
        for (size_t k = 0; k < disks.folder[i].now.n; k++) bytes += disks.folder[i].now.at[k].inode->now.size;
    return bytes;
}

mk_err_t mk_disk_open(const char *path, mk_disk_t **out) {
    if (disks.off) return MK_ERR_IO;
    folder_t *folder = find_folder(path);
    if (folder == NULL) {
        mk_assert(disks.folders_n < FOLDERS_MAX && strlen(path) < sizeof folder->path);
        folder = &disks.folder[disks.folders_n];
        *folder = (folder_t){0};
        snprintf(folder->path, sizeof folder->path, "%s", path);
        disks.folders_n++;
    }
    if (folder->open != NULL) return MK_ERR_BUSY;
    mk_disk_t *disk = mk_alloc(sizeof *disk);
    if (disk == NULL) return MK_ERR_NOMEM;
    disk->folder = folder;
    folder->open = disk;
    *out = disk;
    return MK_OK;
}

void mk_disk_close(mk_disk_t *disk) {
    if (disk == NULL) return;
    if (disk->folder != NULL) disk->folder->open = NULL;
    mk_free(disk);
}

mk_err_t mk_disk_list(mk_disk_t *disk, mk_disk_list_fn *fn, void *arg) {
    if (disk->folder == NULL || disks.off) return MK_ERR_IO;
    for (size_t i = 0; i < disk->folder->now.n; i++) {
        mk_err_t err = fn(arg, disk->folder->now.at[i].text);
        if (err != MK_OK) return err;
    }
    return MK_OK;
}

mk_err_t mk_disk_read(mk_disk_t *disk, const char *text, size_t bytes_max, uint8_t **out, size_t *size) {
    if (disk->folder == NULL || disks.off) return MK_ERR_IO;
    const name_t *name = names_find(&disk->folder->now, text);
    if (name == NULL) return MK_ERR_NOTFOUND;
    if (name->inode->unreadable != MK_OK) return name->inode->unreadable;
    const content_t *from = &name->inode->now;
    if (from->size > bytes_max) return MK_ERR_TOOLONG;
    uint8_t *bytes = mk_alloc(from->size + 1);
    if (bytes == NULL) return MK_ERR_NOMEM;
    if (from->size != 0) memcpy(bytes, from->bytes, from->size);
    *out = bytes;
    *size = from->size;
    return MK_OK;
}

mk_err_t mk_disk_peek(mk_disk_t *disk, const char *text, void *buf, size_t size, size_t *got) {
    if (disk->folder == NULL || disks.off) return MK_ERR_IO;
    const name_t *name = names_find(&disk->folder->now, text);
    if (name == NULL) return MK_ERR_NOTFOUND;
    if (name->inode->unreadable != MK_OK) return name->inode->unreadable;
    *got = name->inode->now.size < size ? name->inode->now.size : size;
    if (*got != 0) memcpy(buf, name->inode->now.bytes, *got);
    return MK_OK;
}

/* The pieces as they lie in the file afterwards; `half`: what had not been written yet is what was there. */
static content_t written(const mk_slice_t *slices, int n, const content_t *before, bool half) {
    size_t size = 0, at = 0;
    for (int i = 0; i < n; i++) size += slices[i].size;
    content_t c = {.bytes = grown(NULL, size + 1), .size = size};
    for (int i = 0; i < n; at += slices[i].size, i++)
        if (slices[i].size != 0) memcpy(c.bytes + at, slices[i].data, slices[i].size);
    if (!half) return c;
    if (before->size <= size / 2) {
        c.size = size / 2;
        return c;
    }
    content_t mixed = content_copy(before->bytes, before->size);
    memcpy(mixed.bytes, c.bytes, size / 2);
    free(c.bytes);
    return mixed;
}

static void write_over(inode_t *inode, content_t with) {
    if (!inode->synced) { /* what it was until now may be what survives */
        inode->between = grown(inode->between, (inode->between_n + 1) * sizeof *inode->between);
        inode->between[inode->between_n++] = inode->now;
        inode->now = (content_t){0};
    }
    content_set(&inode->now, with);
    inode->synced = false;
}

mk_err_t mk_disk_write(mk_disk_t *disk, const char *text, const mk_slice_t *slices, int n) {
    bool     half;
    mk_err_t err = point(disk, &half);
    if (err == MK_ERR_DENIED || disk->folder == NULL || (disks.off && !half)) return err;
    const name_t *name = names_find(&disk->folder->now, text);
    inode_t      *inode = name != NULL ? name->inode : NULL;
    content_t     with = written(slices, n, inode != NULL ? &inode->now : &(content_t){0}, half || err != MK_OK);
    size_t        before = inode != NULL ? inode->now.size : 0;
    if (err == MK_OK && disks.space != SIZE_MAX && used() - before + with.size > disks.space) err = MK_ERR_FULL;
    if (inode == NULL) {
        inode = grown(NULL, sizeof *inode);
        *inode = (inode_t){.refs = 0};
        names_put(&disk->folder->now, text, inode);
        note(disk->folder, CHANGE_PUT, text, "", inode);
    }
    write_over(inode, with);
    if (err != MK_OK) { /* half of it is there, and goes */
        names_remove(&disk->folder->now, text);
        note(disk->folder, CHANGE_REMOVE, text, "", NULL);
        return err;
    }
    return half ? MK_ERR_IO : MK_OK;
}

mk_err_t mk_disk_sync(mk_disk_t *disk, const char *const *names, size_t n) {
    bool     half;
    mk_err_t err = point(disk, &half);
    if (err != MK_OK) return err;
    for (size_t i = 0; i < (half ? n / 2 : n); i++) {
        name_t *name = names_find(&disk->folder->now, names[i]);
        if (name == NULL) return MK_ERR_NOTFOUND;
        if (name->inode->synced) continue;
        content_set(&name->inode->kept, content_copy(name->inode->now.bytes, name->inode->now.size));
        forget_between(name->inode);
        name->inode->synced = true;
    }
    return half ? MK_ERR_IO : MK_OK;
}

mk_err_t mk_disk_rename(mk_disk_t *disk, const char *from, const char *to) {
    bool     half;
    mk_err_t err = point(disk, &half);
    if (err != MK_OK) return err;
    const name_t *name = names_find(&disk->folder->now, from);
    if (name == NULL) return MK_ERR_NOTFOUND;
    inode_t *inode = name->inode;
    note(disk->folder, CHANGE_RENAME, from, to, inode);
    names_rename(&disk->folder->now, from, to, inode);
    return half ? MK_ERR_IO : MK_OK;
}

mk_err_t mk_disk_remove(mk_disk_t *disk, const char *text) {
    bool     half;
    mk_err_t err = point(disk, &half);
    if (err != MK_OK) return err;
    if (names_find(&disk->folder->now, text) == NULL) return MK_OK;
    names_remove(&disk->folder->now, text);
    note(disk->folder, CHANGE_REMOVE, text, "", NULL);
    return half ? MK_ERR_IO : MK_OK;
}

mk_err_t mk_disk_settle(mk_disk_t *disk) {
    bool     half;
    mk_err_t err = point(disk, &half);
    if (err != MK_OK) return err;
    if (half) return MK_ERR_IO; /* the journal is cut when the power comes back */
    names_copy(&disk->folder->kept, &disk->folder->now);
    journal_clear(disk->folder);
    return MK_OK;
}
