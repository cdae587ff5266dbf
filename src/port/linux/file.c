/* SPDX-License-Identifier: Apache-2.0 */
/* file.c -- whole files in, and files piece by piece. Confinement to a folder is the kernel's (openat2 with RESOLVE_BENEATH), not ours by string
 * comparison: links, `..` and races are its to judge. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "port/port.h"

static mk_err_t file_error(void) {
    switch (errno) {
    case EEXIST: return MK_ERR_EXISTS;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return MK_ERR_FULL;
    case EMFILE:
    case ENFILE: return MK_ERR_LIMIT;
    case EROFS:
    case ENOENT:
    case ENOTDIR: return MK_ERR_NOTFOUND;
    case EACCES:
    case EPERM:
    case EXDEV: /* the path leaves the folder */
    case ELOOP: return MK_ERR_DENIED;
    case ENAMETOOLONG: return MK_ERR_TOOLONG;
    case ENOSYS: return MK_ERR_NOSYS;
    default: return MK_ERR_IO;
    }
}

/* O_NONBLOCK: a pipe somebody left at the path must not stop the loop. */
static int open_below(const char *below, const char *path) {
    if (below == NULL) return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int folder = open(below, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return -1;
    while (*path == '/') path++; /* the folder is the guest's root */
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int             fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
    int             why = errno;
    close(folder);
    errno = why;
    return fd;
}

static mk_err_t read_all(int fd, uint8_t *to, size_t size) {
    while (size != 0) {
        ssize_t got = read(fd, to, size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return MK_ERR_IO; /* shorter than it said: it changed under us */
        to += got;
        size -= (size_t)got;
    }
    return MK_OK;
}

mk_err_t mk_port_read_file(const char *below, const char *path, size_t bytes_max, uint8_t **out, size_t *size) {
    int fd = open_below(below, path);
    if (fd < 0) return file_error();
    mk_err_t    err = MK_ERR_IO;
    struct stat st;
    uint8_t    *bytes = NULL;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) goto done;
    if (st.st_size < 0) goto done;
    if ((uint64_t)st.st_size > bytes_max) {
        err = MK_ERR_TOOLONG;
        *size = (size_t)st.st_size;
        goto done;
    }
    err = MK_ERR_NOMEM;
    if ((bytes = mk_alloc((size_t)st.st_size)) == NULL) goto done;
    if ((err = read_all(fd, bytes, (size_t)st.st_size)) != MK_OK) goto done;
    *out = bytes;
    *size = (size_t)st.st_size;
    bytes = NULL;
done:
    mk_free(bytes);
    close(fd);
    return err;
}

/* ---- piece by piece ----------------------------------------------------------------------------------------------- */

mk_err_t mk_file_open(const char *below, const char *path, int *file, mk_file_info_t *info) {
    int fd = open_below(below, path);
    if (fd < 0) return file_error();
    struct stat st;
    if (fstat(fd, &st) != 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))) {
        close(fd);
        return MK_ERR_IO;
    }
    *info = (mk_file_info_t){.folder = S_ISDIR(st.st_mode)};
    *file = -1;
    if (info->folder) {
        close(fd);
        return MK_OK;
    }
    info->bytes = (uint64_t)st.st_size;
    info->id = (uint64_t)st.st_ino;
    info->modified_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    info->shared = (st.st_mode & (S_IRWXG | S_IRWXO)) != 0;
    *file = fd;
    return MK_OK;
}

ptrdiff_t mk_file_read(int file, uint64_t at, void *buf, size_t size) {
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(file, (char *)buf + done, size - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return MK_IO_FAILED;
        if (got == 0) break;
        done += (size_t)got;
    }
    return (ptrdiff_t)done;
}

mk_err_t mk_file_create(const char *path, int *file) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return file_error();
    *file = fd;
    return MK_OK;
}

mk_err_t mk_file_write(int file, const void *data, size_t size) {
    const char *from = data;
    while (size != 0) {
        ssize_t put = write(file, from, size);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return file_error();
        from += put;
        size -= (size_t)put;
    }
    return MK_OK;
}

/* The rename is on the disk when the folder is. Some file systems cannot sync folders; what they say is not asked. */
static void sync_folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    char       *folder = slash == NULL ? mk_strndup(".", 1) : mk_strndup(path, (size_t)(slash - path) + 1);
    int         fd = folder != NULL ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    mk_free(folder);
}

/* As if it had been created the usual way: what the process's mask allows. Reading the mask means setting it, which other
 * threads could see, so the kernel's own account of it is read. */
static mode_t usual_mode(void) {
    mode_t   mask = 022;
    char     text[4096];
    int      fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t  n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    unsigned found;
    if (fd >= 0) close(fd);
    if (n > 0) {
        text[n] = '\0';
        const char *at = strstr(text, "\nUmask:");
        if (at != NULL && sscanf(at, "\nUmask: %o", &found) == 1) mask = (mode_t)found;
    }
    return 0666 & ~mask;
}

mk_err_t mk_file_publish(int file, const char *from, const char *to) {
    mk_err_t err = fchmod(file, usual_mode()) == 0 && fsync(file) == 0 ? MK_OK : file_error();
    if (close(file) != 0 && err == MK_OK) err = file_error();
    if (err == MK_OK && rename(from, to) != 0)
        err = errno == EISDIR || errno == ENOTEMPTY ? MK_ERR_DENIED : file_error();
    if (err == MK_OK) sync_folder_of(to);
    else mk_file_remove(from);
    return err;
}

void mk_file_close(int file) {
    if (file >= 0) close(file);
}

void mk_file_remove(const char *path) { (void)unlink(path); }
