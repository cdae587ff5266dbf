/* SPDX-License-Identifier: Apache-2.0 */
/* desk_modules.c -- `modules`: what is loaded, by hash, and which of it a guest runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desk_parts.h"
#include "hex.h"
#include "microkernel/wasm_actor.h"

enum { SHORT_DIGITS = 12 };

static void write_short(const uint8_t *bytes, char out[SHORT_DIGITS + 1]) {
    for (size_t i = 0; i < SHORT_DIGITS / 2; i++) snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/* "unsigned", or the beginning of the key. */
static void write_signer(const wasm_loaded_t *module, char out[32]) {
    char key[SHORT_DIGITS + 1];
    write_short(module->key, key);
    snprintf(out, 32, "%s%s", module->signature == WASM_UNSIGNED ? "unsigned" : key,
             module->signature == WASM_SIGNED_WRONG       ? " (wrong)"
             : module->signature == WASM_SIGNED_UNCHECKED ? " (unchecked)"
                                                          : "");
}

/* Paths and addresses are somebody else's words. */
static void clean(char *text) {
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F) *text = '?';
}

static void add_module(mk_desk_page_t *page, wasm_loaded_t *module) {
    char hash[SHORT_DIGITS + 1], signer[32];
    write_short(module->sha256, hash);
    write_signer(module, signer);
    clean(module->from);
    mk_desk_add(page, "%s  %9zu  %6u  %-12s  %s\n", hash, module->size, (unsigned)module->instances, signer,
                module->from[0] != '\0' ? module->from : "-");
}

void mk_desk_modules(runtime_t *rt, actor_id_t shell) {
    mk_desk_page_t page = {.rt = rt, .shell = shell};
    size_t         room = wasm_module_list(NULL, 0) + 8; /* helpers may add some meanwhile */
    wasm_loaded_t *modules = calloc(room, sizeof *modules);
    if (modules == NULL) {
        mk_desk_tell(rt, shell, MK_DESK_FAILED, "out of memory");
        return;
    }
    size_t n = wasm_module_list(modules, room);
    if (n > room) n = room;
    mk_desk_add(&page, "%-12s  %9s  %6s  %-12s  %s\n", "SHA256", "BYTES", "GUESTS", "SIGNED BY", "FROM");
    for (size_t i = n; i-- > 0;) add_module(&page, &modules[i]); /* the first to be loaded first */
    mk_desk_end(&page);
    free(modules);
}

void mk_desk_module_of(runtime_t *rt, actor_id_t shell, actor_id_t guest) {
    wasm_loaded_t module;
    char          text[2 * WASM_HASH_BYTES + 2 * WASM_KEY_BYTES + WASM_FROM_BYTES + 128], hash[2 * WASM_HASH_BYTES + 1],
        signer[2 * WASM_KEY_BYTES + 1];
    if (!wasm_actor_get_module(rt, guest, &module)) {
        mk_desk_tell(rt, shell, MK_DESK_FAILED,
                     actor_is_alive(rt, guest) ? "that actor is no guest of this node" : "there is no such actor");
        return;
    }
    mk_hex_write(module.sha256, sizeof module.sha256, hash);
    mk_hex_write(module.key, sizeof module.key, signer);
    clean(module.from);
    bool is_signed = module.signature != WASM_UNSIGNED;
    snprintf(text, sizeof text, "sha256 %s\nbytes  %zu\nguests %u\nsigned %s%s\nfrom   %s\n", hash, module.size,
             (unsigned)module.instances, is_signed ? signer : "no",
             module.signature == WASM_SIGNED_WRONG ? " (wrong)" : "", module.from[0] != '\0' ? module.from : "-");
    mk_desk_tell(rt, shell, MK_DESK_SAID, text);
}
