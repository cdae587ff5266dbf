/* SPDX-License-Identifier: Apache-2.0 */
#include "guest_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As much as a node loads (wasm_actor.h). */
enum { BYTES_MAX = 64 << 20 };

/* A pipe or a device may have no end, or make whoever reads it wait for ever. */
static FILE *open_file(const char *path) {
    struct stat st;
    int         fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return NULL;
    errno = fstat(fd, &st) != 0      ? errno
            : S_ISDIR(st.st_mode)    ? EISDIR
            : !S_ISREG(st.st_mode)   ? ENOEXEC
            : st.st_size > BYTES_MAX ? EFBIG
                                     : 0;
    FILE *file = errno == 0 ? fdopen(fd, "rb") : NULL;
    int   why = errno;
    if (file == NULL) close(fd);
    errno = why;
    return file;
}

static void *read_all(FILE *file, size_t *size) {
    size_t cap = 64 * 1024, held = 0, got;
    char  *bytes = malloc(cap);
    while (bytes != NULL && (got = fread(bytes + held, 1, cap - held, file)) > 0) {
        held += got;
        if (held < cap) continue;
        char *more = realloc(bytes, cap *= 2);
        if (more == NULL) free(bytes);
        bytes = more;
    }
    *size = held;
    return bytes;
}

void *mk_guest_file_read(const char *path, size_t *size, const char **why) {
    FILE *file = open_file(path);
    void *bytes = file != NULL ? read_all(file, size) : NULL;
    int   error = file == NULL ? errno : bytes == NULL ? ENOMEM : ferror(file) ? errno : 0;
    if (file != NULL) fclose(file);
    if (error == 0) return bytes;
    free(bytes);
    *why = error == ENOEXEC ? "neither a file nor a folder" : strerror(error);
    return NULL;
}

bool mk_guest_file_name(const char *path, unsigned number, char out[MK_GUEST_NAME_BYTES]) {
    static const char ending[] = ".wasm";
    const char       *slash = strrchr(path, '/'), *file = slash != NULL ? slash + 1 : path;
    size_t            size = strlen(file), cut = sizeof ending - 1;
    if (size > cut && strcmp(file + size - cut, ending) == 0) size -= cut;
    char suffix[16] = "";
    if (number > 0) snprintf(suffix, sizeof suffix, "_%u", number);
    return snprintf(out, MK_GUEST_NAME_BYTES, "%.*s%s", (int)size, file, suffix) < MK_GUEST_NAME_BYTES;
}
