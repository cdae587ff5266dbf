/* SPDX-License-Identifier: Apache-2.0 */
/* disk.c -- a folder by its path, with no more calls than ESP-IDF's virtual file system has for littlefs, SPIFFS and FAT: nothing is
 * relative to a folder that is open, folders cannot be synced, and there are no locks.
 *
 * On these file systems a call that has come back is on the flash: littlefs writes a file's entry when the file is synced or closed,
 * and that of a rename or removal before it returns. So each file is synced while it is open for writing (one that was opened again has
 * nothing to be synced), and mk_disk_sync() and mk_disk_settle() find everything done. On a file system that remembers names later,
 * as those of Linux do, this disk would promise too much.
 *
 * SPIFFS has no folders (a slash is a letter of a name like others) and, like FAT, no rename onto a file that is there. */
#include "port/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "port/posix/files.h"

struct mk_disk {
    mk_disk_t *next;  /* of those that are open                              */
    bool       flat;  /* no folders                                          */
    size_t     size;  /* of the folder's path, without a slash at its end    */
    char      *at[2]; /* where paths are made, behind this struct; each begins with the folder */
};

/* Who has which folder. There is one process on a chip, so this keeps out whom a lock would. */
static mk_disk_t      *open_disks;
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;

static bool same_folder(const mk_disk_t *a, const mk_disk_t *b) {
    return a->size == b->size && memcmp(a->at[0], b->at[0], a->size) == 0;
}

static mk_err_t enlist(mk_disk_t *disk) {
    pthread_mutex_lock(&open_lock);
    const mk_disk_t *other = open_disks;
    while (other != NULL && !same_folder(other, disk)) other = other->next;
    if (other == NULL) {
        disk->next = open_disks;
        open_disks = disk;
    }
    pthread_mutex_unlock(&open_lock);
    return other == NULL ? MK_OK : MK_ERR_BUSY;
}

static void delist(const mk_disk_t *disk) {
    pthread_mutex_lock(&open_lock);
    for (mk_disk_t **at = &open_disks; *at != NULL; at = &(*at)->next) {
        if (*at != disk) continue;
        *at = disk->next;
        break;
    }
    pthread_mutex_unlock(&open_lock);
}

/* Each of these is good until the next one in the same place. */
static const char *path_of(const mk_disk_t *disk, unsigned place, const char *name) {
    size_t size = strlen(name) + 1;
    mk_assert(size <= MK_DISK_NAME_MAX + 1);
    disk->at[place][disk->size] = '/';
    memcpy(disk->at[place] + disk->size + 1, name, size);
    return disk->at[place];
}

static const char *path_of_folder(const mk_disk_t *disk) {
    disk->at[0][disk->size] = '\0';
    return disk->size != 0 ? disk->at[0] : "/";
}

static mk_disk_t *disk_create(const char *folder) {
    size_t size = strlen(folder);
    while (size > 0 && folder[size - 1] == '/') size--;
    size_t     room = size + 1 + MK_DISK_NAME_MAX + 1;
    mk_disk_t *disk = mk_calloc(1, sizeof *disk + 2 * room);
    if (disk == NULL) return NULL;
    disk->size = size;
    for (unsigned i = 0; i < 2; i++) {
        disk->at[i] = (char *)(disk + 1) + i * room;
        memcpy(disk->at[i], folder, size);
    }
    return disk;
}

/* Whether the folder is there. A flat file system has all folders there could be. */
static mk_err_t find_folder(mk_disk_t *disk) {
    const char *folder = path_of_folder(disk);
    if (mkdir(folder, 0700) != 0) {
        disk->flat = errno == ENOTSUP;
        if (errno != EEXIST && errno != EROFS && errno != EACCES && errno != ENOSYS && !disk->flat)
            return mk_files_error();
    }
    DIR *dir = opendir(folder);
    if (dir == NULL) return mk_files_error();
    closedir(dir);
    return MK_OK;
}

mk_err_t mk_disk_open(const char *folder, mk_disk_t **out) {
    if (folder[0] == '\0') return MK_ERR_NOTFOUND;
    mk_disk_t *disk = disk_create(folder);
    if (disk == NULL) return MK_ERR_NOMEM;
    mk_err_t err = find_folder(disk);
    if (err == MK_OK) err = enlist(disk);
    if (err == MK_OK) *out = disk;
    else mk_free(disk);
    return err;
}

void mk_disk_close(mk_disk_t *disk) {
    if (disk == NULL) return;
    delist(disk);
    mk_free(disk);
}

static bool is_file(const mk_disk_t *disk, const char *name) {
    struct stat st;
    return stat(path_of(disk, 0, name), &st) == 0 && S_ISREG(st.st_mode);
}

mk_err_t mk_disk_list(mk_disk_t *disk, mk_disk_list_fn *fn, void *arg) {
    return mk_files_list(opendir(path_of_folder(disk)), disk, is_file, fn, arg);
}

mk_err_t mk_disk_read(mk_disk_t *disk, const char *name, size_t bytes_max, uint8_t **out, size_t *size) {
    return mk_files_read(open(path_of(disk, 0, name), O_RDONLY), bytes_max, out, size);
}

mk_err_t mk_disk_peek(mk_disk_t *disk, const char *name, void *buf, size_t size, size_t *got) {
    return mk_files_peek(open(path_of(disk, 0, name), O_RDONLY), buf, size, got);
}

/* A file system without this call keeps what it has when the file is closed. */
static mk_err_t sync_file(int fd) {
    return fsync(fd) == 0 || errno == ENOSYS || errno == ENOTSUP || errno == EINVAL ? MK_OK : mk_files_error();
}

mk_err_t mk_disk_write(mk_disk_t *disk, const char *name, const mk_slice_t *slices, int n) {
    int fd = open(path_of(disk, 0, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) return mk_files_error();
    mk_err_t err = mk_files_put(fd, slices, n);
    if (err == MK_OK) err = sync_file(fd);
    if (close(fd) != 0 && err == MK_OK) err = mk_files_error();
    if (err != MK_OK) (void)unlink(path_of(disk, 0, name));
    return err;
}

mk_err_t mk_disk_sync(mk_disk_t *disk, const char *const *names, size_t n) {
    (void)disk, (void)names, (void)n;
    return MK_OK; /* since they were written */
}

/* In two steps where it cannot be one. Only when `from` is there: else `to` would go for nothing. */
static mk_err_t replace(const char *from, const char *to) {
    struct stat st;
    if (stat(from, &st) != 0) return mk_files_error();
    if (unlink(to) != 0 && errno != ENOENT) return mk_files_error();
    return rename(from, to) == 0 ? MK_OK : mk_files_error();
}

mk_err_t mk_disk_rename(mk_disk_t *disk, const char *from, const char *to) {
    const char *a = path_of(disk, 0, from), *b = path_of(disk, 1, to);
    if (disk->flat) return replace(a, b);
    if (rename(a, b) == 0) return MK_OK;
    return errno == EEXIST ? replace(a, b) : mk_files_error();
}

mk_err_t mk_disk_remove(mk_disk_t *disk, const char *name) {
    return unlink(path_of(disk, 0, name)) == 0 || errno == ENOENT ? MK_OK : mk_files_error();
}

mk_err_t mk_disk_settle(mk_disk_t *disk) {
    (void)disk;
    return MK_OK; /* since it was done */
}
