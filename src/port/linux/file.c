/* SPDX-License-Identifier: Apache-2.0 */
/* file.c -- whole files in. Confinement to a folder is the kernel's (openat2 with RESOLVE_BENEATH), not ours by string
 * comparison: links, `..` and races are its to judge. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "port/port.h"

static mk_err_t open_error(void) {
    switch (errno) {
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
    if (fd < 0) return open_error();
    mk_err_t    err = MK_ERR_IO;
    struct stat st;
    uint8_t    *bytes = NULL;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) goto done;
    err = MK_ERR_TOOLONG;
    if (st.st_size < 0 || (uint64_t)st.st_size > bytes_max) goto done;
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
