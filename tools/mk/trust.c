/* SPDX-License-Identifier: Apache-2.0 */
/* trust.c -- --trust: a key in digits, or a file that holds one. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hex.h"
#include "sign.h"

extern const char mk_shell_guest[], mk_shell_guest_end[];

/* The first word of the file. */
static bool read_key(const char *path, uint8_t key[WASM_KEY_BYTES]) {
    char  text[128] = "";
    FILE *file = fopen(path, "re");
    if (file == NULL) return false;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    text[strcspn(text, " \t\r\n")] = '\0';
    return mk_hex_read(text, key, WASM_KEY_BYTES);
}

int mk_trust_open(const char *command, const mk_settings_t *settings) {
    for (int i = 0; i < settings->trust.n; i++) {
        uint8_t     key[WASM_KEY_BYTES];
        const char *word = settings->trust.at[i];
        if (!mk_hex_read(word, key, sizeof key) && !read_key(word, key))
            return mk_cli_fail(command,
                               "--trust %s: neither 64 hexadecimal digits, as 'mk sign show KEY' prints, nor a file "
                               "that begins with them",
                               word);
        if (!wasm_trust_key(key)) return mk_cli_fail(command, "--trust: too many keys");
    }
    /* The shell came with this program. */
    (void)wasm_trust_module(mk_shell_guest, (size_t)(mk_shell_guest_end - mk_shell_guest));
    return MK_CLI_OK;
}
