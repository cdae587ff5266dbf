/* SPDX-License-Identifier: Apache-2.0 */
#include "token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "microkernel/remote_console.h"

static bool complain(const char *path, const char *what) {
    mk_cli_fail("shell", "%s: %s", path, what);
    return false;
}

static bool is_long_enough(const char *where, const mk_token_t *token) {
    size_t size = strlen(token->text);
    if (size >= REMOTE_TOKEN_BYTES_MIN && size <= REMOTE_TOKEN_BYTES_MAX) return true;
    mk_cli_fail("shell", "%s: a token has %d to %d bytes, this one %zu", where, REMOTE_TOKEN_BYTES_MIN,
                REMOTE_TOKEN_BYTES_MAX, size);
    return false;
}

static bool read_line(const char *path, FILE *file, mk_token_t *token) {
    struct stat st;
    size_t      cap = 0;
    if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode)) return complain(path, "not a file");
    if ((st.st_mode & 077) != 0) return complain(path, "others may read it; chmod 600");
    errno = ENODATA;
    if (getline(&token->text, &cap, file) < 0)
        return complain(path, errno == ENODATA ? "it is empty" : strerror(errno));
    token->text[strcspn(token->text, "\r\n")] = '\0';
    return true;
}

static bool read_file(const char *path, mk_token_t *token) {
    FILE *file = fopen(path, "re");
    if (file == NULL) return complain(path, strerror(errno));
    bool read = read_line(path, file, token) && is_long_enough(path, token);
    fclose(file);
    return read;
}

static bool read_environment(mk_token_t *token) {
    static const char name[] = "MK_SHELL_TOKEN";
    const char       *text = getenv(name);
    if (text == NULL || text[0] == '\0') return true;
    token->text = strdup(text);
    if (token->text == NULL) return complain(name, "out of memory");
    unsetenv(name); /* not for child processes */
    return is_long_enough(name, token);
}

bool mk_token_read(const char *path, mk_token_t *token) {
    token->text = NULL;
    if (path != NULL ? read_file(path, token) : read_environment(token)) return true;
    mk_token_forget(token);
    return false;
}

void mk_token_forget(mk_token_t *token) {
    if (token->text == NULL) return;
    explicit_bzero(token->text, strlen(token->text));
    free(token->text);
    token->text = NULL;
}
