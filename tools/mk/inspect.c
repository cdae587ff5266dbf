/* SPDX-License-Identifier: Apache-2.0 */
/* mk inspect -- what a module imports, exports and wants, and whether it is a guest; nothing of it is run. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "guest_file.h"
#include "hex.h"
#include "microkernel/wasm_actor.h"

/* ---- as text ---------------------------------------------------------------------------------------------------- */

/* Names are the module's own bytes: what could move the cursor is not printed. */
static void print_name(const char *name) {
    for (; *name != '\0'; name++) putchar((unsigned char)*name < 0x20 || *name == 0x7F ? '?' : *name);
}

static void print_entry(void *arg, const wasm_module_entry_t *entry) {
    (void)arg;
    printf("%s %s ", entry->module != NULL ? "import" : "export", entry->kind);
    if (entry->module != NULL) {
        print_name(entry->module);
        putchar('.');
    }
    print_name(entry->name);
    printf("%s%s\n", entry->type[0] != '\0' ? " " : "", entry->type);
}

static void print_identity(const wasm_loaded_t *module) {
    static const char *const said[] = {
        [WASM_SIGNED] = "", [WASM_SIGNED_WRONG] = " (wrong)", [WASM_SIGNED_UNCHECKED] = " (unchecked)"};
    char hash[2 * WASM_HASH_BYTES + 1], key[2 * WASM_KEY_BYTES + 1];
    mk_hex_write(module->sha256, sizeof module->sha256, hash);
    mk_hex_write(module->key, sizeof module->key, key);
    printf("sha256 %s\n", hash);
    if (module->signature == WASM_UNSIGNED) printf("signed no\n");
    else printf("signed by %s%s\n", key, said[module->signature]);
}

static void print_info(const wasm_module_info_t *info, const char *why) {
    if (info->has_memory) {
        printf("memory %u to %u pages%s\n", (unsigned)info->memory_pages_min, (unsigned)info->memory_pages_max,
               info->memory_page_bytes == 1 ? " of one byte" : "");
    }
    printf("guest %s%s%s\n", info->is_guest ? "yes" : "no", info->is_guest ? "" : ": ", info->is_guest ? "" : why);
}

/* ---- as JSON ---------------------------------------------------------------------------------------------------- */

static void print_string(const char *text) {
    putchar('"');
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            printf("\\%c", c);
        } else if (c < 0x20 || c == 0x7F) {
            printf("\\u%04x", c);
        } else {
            putchar(c);
        }
    }
    putchar('"');
}

static void print_member(const char *name, const char *text) {
    printf(",\"%s\":", name);
    print_string(text);
}

/* `arg` says whether an entry came before. */
static void print_entry_json(void *arg, const wasm_module_entry_t *entry) {
    bool *more = arg;
    printf("%s{\"entry\":\"%s\"", *more ? "," : "", entry->module != NULL ? "import" : "export");
    if (entry->module != NULL) print_member("module", entry->module);
    print_member("name", entry->name);
    print_member("kind", entry->kind);
    if (entry->type[0] != '\0') print_member("type", entry->type);
    putchar('}');
    *more = true;
}

static void print_identity_json(const wasm_loaded_t *module) {
    static const char *const said[] = {
        [WASM_SIGNED] = "good", [WASM_SIGNED_WRONG] = "wrong", [WASM_SIGNED_UNCHECKED] = "unchecked"};
    char hash[2 * WASM_HASH_BYTES + 1], key[2 * WASM_KEY_BYTES + 1];
    mk_hex_write(module->sha256, sizeof module->sha256, hash);
    mk_hex_write(module->key, sizeof module->key, key);
    printf(",\"sha256\":\"%s\"", hash);
    if (module->signature != WASM_UNSIGNED)
        printf(",\"signed_by\":\"%s\",\"signature\":\"%s\"", key, said[module->signature]);
}

static void print_info_json(const wasm_module_info_t *info, const char *why) {
    printf("],\"guest\":%s", info->is_guest ? "true" : "false");
    if (!info->is_guest) print_member("why", why);
    if (info->has_memory) {
        printf(",\"memory_pages_min\":%u,\"memory_pages_max\":%u,\"memory_page_bytes\":%u",
               (unsigned)info->memory_pages_min, (unsigned)info->memory_pages_max, (unsigned)info->memory_page_bytes);
    }
    printf("}\n");
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

/* A file that cannot be read prints nothing but the complaint, so it is read once before anything is printed. */
static int inspect(const char *path, const void *bytes, size_t size, bool json) {
    char               err[256] = "";
    bool               more = false;
    wasm_module_info_t info;
    wasm_loaded_t      module;
    if (wasm_module_inspect(bytes, size, NULL, NULL, &info, err, sizeof err) != MK_OK) {
        return mk_cli_fail("inspect", "%s: %s", path, err);
    }
    wasm_module_identify(bytes, size, &module);
    if (json) {
        printf("{\"file\":");
        print_string(path);
        printf(",\"bytes\":%zu", size);
        print_identity_json(&module);
        printf(",\"entries\":[");
    }
    if (wasm_module_inspect(bytes, size, json ? print_entry_json : print_entry, &more, &info, err, sizeof err) !=
        MK_OK) {
        return mk_cli_fail("inspect", "%s: %s", path, err);
    }
    if (json) {
        print_info_json(&info, err);
    } else {
        print_identity(&module);
        print_info(&info, err);
    }
    return info.is_guest ? MK_CLI_OK : MK_CLI_FAILED;
}

static int run(const mk_settings_t *settings) {
    int result = MK_CLI_OK;
    for (int i = 0; i < settings->operands_count; i++) {
        const char *path = settings->operands[i];
        size_t      size;
        const char *why;
        void       *bytes = mk_guest_file_read(path, &size, &why);
        if (!settings->json && settings->operands_count > 1) printf("%s%s:\n", i > 0 ? "\n" : "", path);
        int one =
            bytes != NULL ? inspect(path, bytes, size, settings->json) : mk_cli_fail("inspect", "%s: %s", path, why);
        free(bytes);
        if (one != MK_CLI_OK) result = one;
    }
    int written = mk_cli_flush("inspect");
    return result != MK_CLI_OK ? result : written;
}

static const mk_option_t *const options[] = {&mk_option_json, NULL};

const mk_command_t mk_command_inspect = {
    .name = "inspect",
    .operands = "FILE.wasm...",
    .summary = "List what modules import and export, and whether they are guests (exit code 1: one is not).",
    .example = "  mk inspect build/examples/echo.wasm\n"
               "  mk inspect --json build/examples/*.wasm | jq 'select(.guest) | .file'\n",
    .options = options,
    .run = run,
};
