/* SPDX-License-Identifier: Apache-2.0 */
#include "port/posix/files.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

mk_err_t mk_files_error(void) {
    switch (errno) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return MK_ERR_FULL;
    case EROFS:
    case ENOSYS: /* in ESP-IDF, of a file system that was mounted to be read only */
    case EACCES:
    case EPERM:
    case ELOOP: return MK_ERR_DENIED;
    case ENOENT:
    case ENOTDIR: return MK_ERR_NOTFOUND;
    case ENAMETOOLONG: return MK_ERR_TOOLONG;
    case EMFILE:
    case ENFILE: return MK_ERR_LIMIT;
    case ENOMEM: return MK_ERR_NOMEM;
    case EBADMSG: return MK_ERR_FORMAT; /* the file system has found its own notes damaged */
    default: return MK_ERR_IO;
    }
}

/* No name of ours begins with a dot, and none has a slash: a flat file system lists what would be in folders, too. */
static bool may_be_ours(const char *name) {
    return name[0] != '.' && strlen(name) <= MK_DISK_NAME_MAX && strchr(name, '/') == NULL;
}

/* Links, pipes and folders are nobody's: one of them would otherwise be a file that cannot be read. */
mk_err_t mk_files_list(DIR *dir, const mk_disk_t *disk, mk_files_ask_fn *is_file, mk_disk_list_fn *fn, void *arg) {
    if (dir == NULL) return mk_files_error();
    mk_err_t err = MK_OK;
    while (err == MK_OK) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            if (errno != 0) err = mk_files_error();
            break;
        }
        if (!may_be_ours(entry->d_name)) continue;
        bool file = entry->d_type == DT_UNKNOWN ? is_file(disk, entry->d_name) : entry->d_type == DT_REG;
        if (file) err = fn(arg, entry->d_name);
    }
    closedir(dir);
    return err;
}

static mk_err_t read_all(int fd, uint8_t *to, size_t size) {
    while (size != 0) {
        ssize_t got = read(fd, to, size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return mk_files_error();
        if (got == 0) return MK_ERR_IO;
        to += got;
        size -= (size_t)got;
    }
    return MK_OK;
}

mk_err_t mk_files_read(int fd, size_t bytes_max, uint8_t **out, size_t *size) {
    if (fd < 0) return mk_files_error();
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

mk_err_t mk_files_peek(int fd, void *buf, size_t size, size_t *got) {
    if (fd < 0) return mk_files_error();
    ssize_t n;
    do n = read(fd, buf, size); /* of a file: all there is, up to the end */
    while (n < 0 && errno == EINTR);
    mk_err_t err = n >= 0 ? MK_OK : mk_files_error();
    close(fd);
    if (err == MK_OK) *got = (size_t)n;
    return err;
}

mk_err_t mk_files_put(int fd, const mk_slice_t *slices, int n) {
    for (int i = 0; i < n; i++) {
        const char *from = slices[i].data;
        size_t      left = slices[i].size;
        while (left != 0) {
            ssize_t put = write(fd, from, left);
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) return mk_files_error();
            if (put == 0) return MK_ERR_FULL; /* as some file systems on flash say it */
            from += put;
            left -= (size_t)put;
        }
    }
    return MK_OK;
}
