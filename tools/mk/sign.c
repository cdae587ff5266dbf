/* SPDX-License-Identifier: Apache-2.0 */
/* mk sign -- puts a signature behind a module, which nodes that were given --trust insist upon. The key's file holds 32 random bytes in
 * digits, for its owner alone; what nodes are given is made from it and is no secret. The two look alike, so the file begins with a
 * line that says which it is, and no node takes it for the other. */
#include "sign.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "guest_file.h"
#include "hex.h"
#include "whole_file.h"

static const char no_library[] = "this build of mk has no OpenSSL, and signs nothing without it";

static const char heading[] =
    "# The key that signs modules: whoever has it can. Nodes get what 'mk sign show' prints.\n";

static bool fail(const char *path, const char *what) {
    mk_cli_fail("sign", "%s: %s", path, what);
    return false;
}

static bool show(const uint8_t seed[MK_SIGN_SEED_BYTES]) {
    uint8_t key[WASM_KEY_BYTES];
    char    text[2 * WASM_KEY_BYTES + 1];
    if (!mk_sign_public(seed, key)) return fail("sign", no_library);
    mk_hex_write(key, sizeof key, text);
    printf("%s\n", text);
    return true;
}

static bool read_seed(const char *path, uint8_t seed[MK_SIGN_SEED_BYTES]) {
    char        text[sizeof heading + 2 * MK_SIGN_SEED_BYTES + 2] = "";
    struct stat st;
    FILE       *file = fopen(path, "re");
    if (file == NULL) return fail(path, strerror(errno));
    bool   open_to_others = fstat(fileno(file), &st) != 0 || (st.st_mode & 077) != 0;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    char *digits = text[0] == '#' ? text + strcspn(text, "\n") : text;
    digits += digits != text && digits[0] == '\n';
    digits[strcspn(digits, "\n")] = '\0';
    bool good = mk_hex_read(digits, seed, MK_SIGN_SEED_BYTES);
    explicit_bzero(text, sizeof text);
    if (open_to_others) return fail(path, "others than its owner may read or change it; chmod 600");
    return good || fail(path, "no key that 'mk sign new' has made");
}

static bool create(const char *path) {
    uint8_t seed[MK_SIGN_SEED_BYTES];
    char    digits[2 * MK_SIGN_SEED_BYTES + 1], text[sizeof heading + 2 * MK_SIGN_SEED_BYTES + 1];
    if (getrandom(seed, sizeof seed, 0) != (ssize_t)sizeof seed) return fail("randomness", strerror(errno));
    mk_hex_write(seed, sizeof seed, digits);
    snprintf(text, sizeof text, "%s%s\n", heading, digits);
    bool done = mk_whole_file_create("sign", path, text, sizeof text - 1, true) && show(seed);
    explicit_bzero(seed, sizeof seed);
    explicit_bzero(digits, sizeof digits);
    explicit_bzero(text, sizeof text);
    return done;
}

/* What no node would load is left alone, whatever it is. */
static bool is_module(const char *path, const uint8_t *module, size_t size) {
    wasm_module_info_t info;
    char               why[200];
    return wasm_module_inspect(module, size, NULL, NULL, &info, why, sizeof why) == MK_OK || fail(path, why);
}

/* A signature that is there already is replaced. */
static bool sign_file(const uint8_t seed[MK_SIGN_SEED_BYTES], const char *path) {
    size_t      size;
    const char *why;
    uint8_t    *module = mk_guest_file_read(path, &size, &why), key[WASM_KEY_BYTES], signature[WASM_SIGNATURE_BYTES];
    uint8_t     text[WASM_SIGNED_BYTES];
    if (module == NULL) return fail(path, why);
    if (!is_module(path, module, size)) {
        free(module);
        return false;
    }
    struct stat st;
    mode_t      mode = stat(path, &st) == 0 ? st.st_mode & 0777 : 0600; /* a module is no secret: it stays as it is */
    if (wasm_is_signed(module, size)) size -= WASM_SECTION_BYTES;
    wasm_signature_text(module, size, text);
    bool     made = mk_sign_public(seed, key) && mk_sign_text(seed, text, sizeof text, signature);
    uint8_t *longer = made ? realloc(module, size + WASM_SECTION_BYTES) : NULL;
    if (longer != NULL) {
        module = longer;
        wasm_signature_section(key, signature, module + size);
    }
    bool done = false;
    if (!made) done = fail(path, no_library);
    else if (longer == NULL) done = fail(path, "out of memory");
    else done = mk_whole_file_replace("sign", path, module, size + WASM_SECTION_BYTES) && chmod(path, mode) == 0;
    free(module);
    return done;
}

static bool sign_all(const mk_settings_t *settings) {
    uint8_t seed[MK_SIGN_SEED_BYTES];
    bool    done = read_seed(settings->operands[1], seed);
    for (int i = 2; i < settings->operands_count && done; i++) done = sign_file(seed, settings->operands[i]);
    explicit_bzero(seed, sizeof seed);
    return done;
}

static int usage(void) {
    mk_cli_fail("sign", "new KEY, show KEY, or with KEY FILE.wasm...\nTry 'mk sign --help'.");
    return MK_CLI_USAGE;
}

static int run(const mk_settings_t *settings) {
    if (settings->operands_count < 2) return usage();
    const char *verb = settings->operands[0], *path = settings->operands[1];
    uint8_t     seed[MK_SIGN_SEED_BYTES];
    bool        done;
    if (strcmp(verb, "new") == 0 && settings->operands_count == 2) done = create(path);
    else if (strcmp(verb, "show") == 0 && settings->operands_count == 2) done = read_seed(path, seed) && show(seed);
    else if (strcmp(verb, "with") == 0 && settings->operands_count > 2) done = sign_all(settings);
    else return usage();
    explicit_bzero(seed, sizeof seed);
    return done ? mk_cli_flush("sign") : MK_CLI_FAILED;
}

static const mk_option_t *const options[] = {NULL};

const mk_command_t mk_command_sign = {
    .name = "sign",
    .operands = "new|show|with KEY [FILE.wasm...]",
    .summary = "Sign modules, for nodes that load no others.",
    .example = "  mk sign new modules.key                 # prints what nodes are to trust; keep the file\n"
               "  mk sign with modules.key echo.wasm\n"
               "  mk node --trust 4f2a... --listen '*:4200' --secret cluster.secret echo.wasm\n",
    .options = options,
    .run = run,
};
