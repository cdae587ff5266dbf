/* SPDX-License-Identifier: Apache-2.0 */
#include "guests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint32_t mk_guest_grants(const mk_settings_t *settings) {
    if (settings->trusted) return WASM_GRANTS_ALL;
    return (uint32_t)WASM_GRANTS_LOADED | (settings->http_hosts != NULL ? (uint32_t)WASM_GRANT_HTTP : 0) |
           (settings->data != NULL ? (uint32_t)WASM_GRANT_STATE : 0);
}

wasm_options_t mk_guest_options(const mk_settings_t *settings, mk_output_t *output) {
    return (wasm_options_t){
        .print = mk_output_print,
        .print_arg = output,
        .grants = mk_guest_grants(settings),
        .child_grants = mk_guest_grants(settings),
        .http_hosts = settings->http_hosts,
        .budget_ms = settings->budget_ms, /* by default as much as it takes: this is what the node is for */
        .engine = settings->engine,
    };
}

static bool is_taken(const mk_guests_t *guests, const char *name) {
    for (size_t i = 0; i < guests->count; i++) {
        if (strcmp(guests->names[i], name) == 0) return true;
    }
    return false;
}

static int add(mk_guests_t *guests, const char *command, const char *path, const wasm_options_t *options) {
    size_t      size;
    char        err[256] = "out of memory", *name = guests->names[guests->count];
    const char *why;
    void       *bytes = mk_guest_file_read(path, &size, &why), *arg;
    if (bytes == NULL) return mk_cli_fail(command, "%s: %s", path, why);
    wasm_options_t own = *options;
    own.from = path;
    mk_err_t failed = wasm_factory_arg_create_opts(bytes, size, &own, &arg, err, sizeof err);
    free(bytes);
    if (failed != MK_OK) return mk_cli_fail(command, "%s: %s", path, err);
    unsigned number = 0;
    bool     fits;
    do fits = mk_guest_file_name(path, number++, name);
    while (fits && is_taken(guests, name));
    if (!fits) {
        wasm_factory_arg_destroy(arg);
        return mk_cli_fail(command, "%s: the name is too long", path);
    }
    guests->specs[guests->count++] = (child_spec_t){
        .name = name,
        .behavior = wasm_actor_behavior,
        .factory = wasm_actor_factory,
        .factory_arg = arg,
        .free_state = wasm_actor_free,
        .restart_type = RESTART_PERMANENT,
        .trap_exits = true,
        .wake = true,
    };
    return MK_CLI_OK;
}

int mk_guests_load(mk_guests_t *guests, const char *command, const mk_settings_t *settings, mk_output_t *output) {
    wasm_options_t options = mk_guest_options(settings, output);
    size_t         room = (size_t)settings->operands_count + 1; /* `mk node` may have none */
    *guests = (mk_guests_t){.specs = calloc(room, sizeof *guests->specs), .names = calloc(room, sizeof *guests->names)};
    if (guests->specs == NULL || guests->names == NULL) return mk_cli_fail(command, "out of memory");
    for (int i = 0; i < settings->operands_count; i++) {
        if (add(guests, command, settings->operands[i], &options) != MK_CLI_OK) return MK_CLI_FAILED;
    }
    return MK_CLI_OK;
}

void mk_guests_free(mk_guests_t *guests) {
    for (size_t i = 0; i < guests->count; i++) wasm_factory_arg_destroy(guests->specs[i].factory_arg);
    free(guests->specs);
    free(guests->names);
}
