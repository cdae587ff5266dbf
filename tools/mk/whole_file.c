/* SPDX-License-Identifier: Apache-2.0 */
#include "whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

static bool write_all(int file, const char *data, size_t size) {
    while (size != 0) {
        ssize_t n = write(file, data, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        data += n;
        size -= (size_t)n;
    }
    return fsync(file) == 0;
}

/* That a name is there is on the disk when its folder is; file systems that cannot do that are not asked twice. */
static void sync_folder(const char *path) {
    char *copy = strdup(path);
    int   folder = copy != NULL ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (folder >= 0) {
        (void)fsync(folder);
        close(folder);
    }
    free(copy);
}

/* Closes it; false: errno says why not. */
static bool finish(int file, const void *data, size_t size) {
    bool written = write_all(file, data, size);
    int  why = errno;
    if (close(file) != 0 && written) return false;
    errno = why;
    return written;
}

bool mk_whole_file_create(const char *command, const char *path, const void *data, size_t size, bool secret) {
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, secret ? 0600 : 0644);
    if (file < 0) {
        mk_cli_fail(command, "%s: %s", path, errno == EEXIST ? "it is there already" : strerror(errno));
        return false;
    }
    if (finish(file, data, size)) {
        sync_folder(path);
        return true;
    }
    mk_cli_fail(command, "%s: %s", path, strerror(errno));
    unlink(path);
    return false;
}

bool mk_whole_file_replace(const char *command, const char *path, const void *data, size_t size) {
    char *aside = NULL;
    if (asprintf(&aside, "%s.XXXXXX", path) < 0) return mk_cli_fail(command, "out of memory"), false;
    int  file = mkostemp(aside, O_CLOEXEC); /* mode 0600 */
    bool done = file >= 0 && finish(file, data, size) && rename(aside, path) == 0;
    if (done) sync_folder(path);
    else mk_cli_fail(command, "%s: %s", path, strerror(errno));
    if (!done && file >= 0) unlink(aside);
    free(aside);
    return done;
}
