/* SPDX-License-Identifier: Apache-2.0 */
#include "guest_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void *mk_guest_file_read(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    void *bytes = read_all(file, size);
    int   why = bytes == NULL ? ENOMEM : ferror(file) ? errno : 0; /* a folder can be opened but not read */
    fclose(file);
    if (why == 0) return bytes;
    free(bytes);
    errno = why;
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
