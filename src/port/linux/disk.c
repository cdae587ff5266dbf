/* SPDX-License-Identifier: Apache-2.0 */
/* disk.c -- a folder, by its descriptor: nobody can put another one in its place meanwhile. A lock on a file in it keeps a second
 * node out; the kernel gives it back when the process ends, however it ends. */
#include "port/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "port/posix/files.h"

struct mk_disk {
    int  folder, lock;
    bool settled; /* no name has come or gone since they were made to last */
};

/* No other name begins with a dot (disk.h). */
static const char lock_name[] = ".lock";

/* From so many files on one flush of the whole file system is cheaper than one for each. */
enum { SYNC_EACH_MAX = 4 };

static mk_err_t take_lock(mk_disk_t *disk) {
    disk->lock = openat(disk->folder, lock_name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (disk->lock < 0) {
        /* A folder that cannot be written can still be read. In one that can, the lock is somebody else's file. */
        if (errno != EROFS && errno != EACCES) return mk_files_error();
        bool writable = errno == EACCES && faccessat(disk->folder, ".", W_OK, AT_EACCESS) == 0;
        return writable ? MK_ERR_DENIED : MK_OK;
    }
    if (flock(disk->lock, LOCK_EX | LOCK_NB) == 0) return MK_OK;
    return errno == EWOULDBLOCK ? MK_ERR_BUSY : mk_files_error();
}

/* Whoever made the folder, a moment ago perhaps: that it is there is on the disk, too. */
static mk_err_t settle_folder(const mk_disk_t *disk) {
    int fd = openat(disk->folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return MK_OK; /* not for us to look into, nor to make folders in */
    mk_err_t err = fsync(fd) == 0 || errno != EIO ? MK_OK : mk_files_error();
    close(fd);
    return err;
}

mk_err_t mk_disk_open(const char *folder, mk_disk_t **out) {
    if (mkdir(folder, 0700) != 0 && errno != EEXIST && errno != EROFS && errno != EACCES) return mk_files_error();
    mk_disk_t *disk = mk_alloc(sizeof *disk);
    if (disk == NULL) return MK_ERR_NOMEM;
    *disk = (mk_disk_t){.folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .lock = -1};
    mk_err_t err = disk->folder >= 0 ? take_lock(disk) : mk_files_error();
    if (err == MK_OK) err = settle_folder(disk);
    if (err == MK_OK) *out = disk;
    else mk_disk_close(disk);
    return err;
}

void mk_disk_close(mk_disk_t *disk) {
    if (disk == NULL) return;
    if (disk->lock >= 0) close(disk->lock);
    if (disk->folder >= 0) close(disk->folder);
    mk_free(disk);
}

static bool is_file(const mk_disk_t *disk, const char *name) {
    struct stat st;
    return fstatat(disk->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

mk_err_t mk_disk_list(mk_disk_t *disk, mk_disk_list_fn *fn, void *arg) {
    int fd = openat(disk->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* a position of its own */
    if (fd < 0) return mk_files_error();
    DIR *dir = fdopendir(fd);
    if (dir != NULL) return mk_files_list(dir, disk, is_file, fn, arg);
    mk_err_t why = mk_files_error();
    close(fd);
    return why;
}

/* Neither follows a link nor waits for who is at the other end of a pipe. */
static int open_to_read(const mk_disk_t *disk, const char *name) {
    return openat(disk->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

mk_err_t mk_disk_read(mk_disk_t *disk, const char *name, size_t bytes_max, uint8_t **out, size_t *size) {
    return mk_files_read(open_to_read(disk, name), bytes_max, out, size);
}

mk_err_t mk_disk_peek(mk_disk_t *disk, const char *name, void *buf, size_t size, size_t *got) {
    return mk_files_peek(open_to_read(disk, name), buf, size, got);
}

mk_err_t mk_disk_write(mk_disk_t *disk, const char *name, const mk_slice_t *slices, int n) {
    int fd = openat(disk->folder, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0) return mk_files_error();
    struct stat st = {0};
    size_t      size = 0;
    for (int i = 0; i < n; i++) size += slices[i].size;
    mk_err_t err = fstat(fd, &st) == 0 ? mk_files_put(fd, slices, n) : mk_files_error();
    if (err == MK_OK && (size_t)st.st_size > size && ftruncate(fd, (off_t)size) != 0) err = mk_files_error();
    if (close(fd) != 0 && err == MK_OK) err = mk_files_error(); /* network file systems tell of a full disk here */
    if (err != MK_OK) (void)unlinkat(disk->folder, name, 0);
    if (err != MK_OK || st.st_size == 0) disk->settled = false; /* its name has come, or gone */
    return err;
}

static mk_err_t flush(mk_disk_t *disk) {
    if (syncfs(disk->folder) != 0) return mk_files_error();
    disk->settled = true;
    return MK_OK;
}

mk_err_t mk_disk_sync(mk_disk_t *disk, const char *const *names, size_t n) {
    if (n > SYNC_EACH_MAX) return flush(disk);
    mk_err_t err = MK_OK;
    for (size_t i = 0; i < n && err == MK_OK; i++) {
        int fd = openat(disk->folder, names[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) return mk_files_error();
        if (fdatasync(fd) != 0) err = mk_files_error();
        close(fd);
    }
    return err;
}

mk_err_t mk_disk_rename(mk_disk_t *disk, const char *from, const char *to) {
    disk->settled = false;
    return renameat(disk->folder, from, disk->folder, to) == 0 ? MK_OK : mk_files_error();
}

mk_err_t mk_disk_remove(mk_disk_t *disk, const char *name) {
    if (unlinkat(disk->folder, name, 0) != 0) return errno == ENOENT ? MK_OK : mk_files_error();
    disk->settled = false;
    return MK_OK;
}

mk_err_t mk_disk_settle(mk_disk_t *disk) {
    if (disk->settled) return MK_OK;
    if (fsync(disk->folder) != 0) return mk_files_error();
    disk->settled = true;
    return MK_OK;
}
