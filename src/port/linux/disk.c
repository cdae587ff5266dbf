/* SPDX-License-Identifier: Apache-2.0 */
/* disk.c -- a folder, by its descriptor: nobody can put another one in its place meanwhile. A lock on a file in it keeps a second
 * node out; the kernel gives it back when the process ends, however it ends. */
#include "port/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"

struct mk_disk {
    int folder, lock;
};

/* No other name begins with a dot (disk.h). */
static const char lock_name[] = ".lock";

/* From so many files on one flush of the whole file system is cheaper than one for each. */
enum { SYNC_EACH_MAX = 4 };

static mk_err_t disk_error(void) {
    switch (errno) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return MK_ERR_FULL;
    case EROFS:
    case EACCES:
    case EPERM:
    case ELOOP: return MK_ERR_DENIED;
    case ENOENT:
    case ENOTDIR: return MK_ERR_NOTFOUND;
    case ENAMETOOLONG: return MK_ERR_TOOLONG;
    case EMFILE:
    case ENFILE: return MK_ERR_LIMIT;
    case ENOMEM: return MK_ERR_NOMEM;
    default: return MK_ERR_IO;
    }
}

static mk_err_t take_lock(mk_disk_t *disk) {
    disk->lock = openat(disk->folder, lock_name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (disk->lock < 0) {
        /* A folder that cannot be written can still be read. */
        return errno == EROFS || errno == EACCES ? MK_OK : disk_error();
    }
    if (flock(disk->lock, LOCK_EX | LOCK_NB) == 0) return MK_OK;
    return errno == EWOULDBLOCK ? MK_ERR_BUSY : disk_error();
}

mk_err_t mk_disk_open(const char *folder, mk_disk_t **out) {
    if (mkdir(folder, 0700) != 0 && errno != EEXIST && errno != EROFS && errno != EACCES) return disk_error();
    mk_disk_t *disk = mk_alloc(sizeof *disk);
    if (disk == NULL) return MK_ERR_NOMEM;
    *disk = (mk_disk_t){.folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .lock = -1};
    mk_err_t err = disk->folder >= 0 ? take_lock(disk) : disk_error();
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

/* Links, pipes and folders are nobody's: one of them would otherwise be a file that cannot be read. */
static bool is_file(const mk_disk_t *disk, const struct dirent *entry) {
    struct stat st;
    if (entry->d_type != DT_UNKNOWN) return entry->d_type == DT_REG;
    return fstatat(disk->folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

mk_err_t mk_disk_list(mk_disk_t *disk, mk_disk_list_fn *fn, void *arg) {
    int fd = openat(disk->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* a position of its own */
    if (fd < 0) return disk_error();
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        mk_err_t why = disk_error();
        close(fd);
        return why;
    }
    mk_err_t err = MK_OK;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            if (errno != 0) err = disk_error();
            break;
        }
        if (entry->d_name[0] == '.' || strlen(entry->d_name) > MK_DISK_NAME_MAX) continue; /* not ours */
        if (!is_file(disk, entry)) continue;
        if ((err = fn(arg, entry->d_name)) != MK_OK) break;
    }
    closedir(dir);
    return err;
}

static mk_err_t read_all(int fd, uint8_t *to, size_t size) {
    while (size != 0) {
        ssize_t got = read(fd, to, size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return MK_ERR_IO;
        to += got;
        size -= (size_t)got;
    }
    return MK_OK;
}

mk_err_t mk_disk_read(mk_disk_t *disk, const char *name, size_t bytes_max, uint8_t **out, size_t *size) {
    int fd = openat(disk->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return disk_error();
    struct stat st;
    uint8_t    *bytes = NULL;
    mk_err_t    err = MK_ERR_IO;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) goto done;
    err = MK_ERR_TOOLONG;
    if ((uint64_t)st.st_size > bytes_max) goto done;
    err = MK_ERR_NOMEM;
    if ((bytes = mk_alloc((size_t)st.st_size + 1)) == NULL) goto done; /* an empty file, too, is some memory */
    if ((err = read_all(fd, bytes, (size_t)st.st_size)) != MK_OK) goto done;
    *out = bytes;
    *size = (size_t)st.st_size;
    bytes = NULL;
done:
    mk_free(bytes);
    close(fd);
    return err;
}

mk_err_t mk_disk_peek(mk_disk_t *disk, const char *name, void *buf, size_t size, size_t *got) {
    int fd = openat(disk->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return disk_error();
    ssize_t n;
    do n = read(fd, buf, size); /* of a file: all there is, up to the end */
    while (n < 0 && errno == EINTR);
    mk_err_t err = n >= 0 ? MK_OK : disk_error();
    close(fd);
    if (err == MK_OK) *got = (size_t)n;
    return err;
}

static mk_err_t write_all(int fd, const mk_slice_t *slices, int n) {
    for (int i = 0; i < n; i++) {
        const char *from = slices[i].data;
        size_t      left = slices[i].size;
        while (left != 0) {
            ssize_t put = write(fd, from, left);
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) return disk_error();
            from += put;
            left -= (size_t)put;
        }
    }
    return MK_OK;
}

mk_err_t mk_disk_write(mk_disk_t *disk, const char *name, const mk_slice_t *slices, int n) {
    int fd = openat(disk->folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0) return disk_error();
    mk_err_t err = write_all(fd, slices, n);
    if (close(fd) != 0 && err == MK_OK) err = disk_error(); /* network file systems tell of a full disk here */
    if (err != MK_OK) (void)unlinkat(disk->folder, name, 0);
    return err;
}

mk_err_t mk_disk_sync(mk_disk_t *disk, const char *const *names, size_t n) {
    if (n > SYNC_EACH_MAX) return syncfs(disk->folder) == 0 ? MK_OK : disk_error();
    mk_err_t err = MK_OK;
    for (size_t i = 0; i < n && err == MK_OK; i++) {
        int fd = openat(disk->folder, names[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) return disk_error();
        if (fsync(fd) != 0) err = disk_error();
        close(fd);
    }
    return err;
}

mk_err_t mk_disk_rename(mk_disk_t *disk, const char *from, const char *to) {
    return renameat(disk->folder, from, disk->folder, to) == 0 ? MK_OK : disk_error();
}

mk_err_t mk_disk_remove(mk_disk_t *disk, const char *name) {
    return unlinkat(disk->folder, name, 0) == 0 || errno == ENOENT ? MK_OK : disk_error();
}

mk_err_t mk_disk_settle(mk_disk_t *disk) { return fsync(disk->folder) == 0 ? MK_OK : disk_error(); }
