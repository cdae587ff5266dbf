/* SPDX-License-Identifier: Apache-2.0 */
#include "console_tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_BYTES_MAX = 64 * 1024 };

static bool complain(const char *path, const char *what) {
    mk_cli_fail("shell", "%s: %s", path, what);
    return false;
}

/* What was read is the caller's also when it is told that something is wrong. */
static bool read_file(const char *path, bool secret, socket_bytes_t *out) {
    struct stat st;
    FILE       *file = fopen(path, "re");
    if (file == NULL) return complain(path, strerror(errno));
    char  *text = malloc(FILE_BYTES_MAX);
    size_t size = text != NULL ? fread(text, 1, FILE_BYTES_MAX, file) : 0;
    bool   ok = fstat(fileno(file), &st) == 0 && S_ISREG(st.st_mode);
    *out = (socket_bytes_t){text, size};
    fclose(file);
    if (text == NULL) return complain(path, "out of memory");
    if (!ok || size == 0 || size == FILE_BYTES_MAX) return complain(path, "not a file, empty, or longer than 64 KiB");
    if (secret && (st.st_mode & 077) != 0) return complain(path, "others may read or change it; chmod 600");
    return true;
}

static void wipe(socket_bytes_t *bytes) {
    if (bytes->data == NULL) return;
    explicit_bzero((void *)(uintptr_t)bytes->data, bytes->size);
    free((void *)(uintptr_t)bytes->data);
}

static bool create(const mk_settings_t *settings, const socket_tls_options_t *options, socket_tls_t **out) {
    char     why[SOCKET_TLS_WHY_BYTES];
    mk_err_t err = socket_tls_create(options, out, why);
    if (err == MK_OK) return true;
    if (err == MK_ERR_NOSYS) mk_cli_fail("shell", "--tls-cert: there is no TLS in this build");
    else mk_cli_fail("shell", "%s, %s: %s", settings->tls_certificate_file, settings->tls_key_file, why);
    return false;
}

bool mk_console_tls_open(const mk_settings_t *settings, socket_tls_t **out) {
    socket_tls_options_t options = {.server = true};
    const char          *certificate = settings->tls_certificate_file, *key = settings->tls_key_file;
    *out = NULL;
    if (certificate == NULL && key == NULL) return true;
    if (certificate == NULL || key == NULL) {
        mk_cli_fail("shell", "--tls-cert and --tls-key go together");
        return false;
    }
    bool ok = read_file(certificate, false, &options.certificate) && read_file(key, true, &options.key) &&
              create(settings, &options, out);
    wipe(&options.certificate);
    wipe(&options.key);
    return ok;
}
