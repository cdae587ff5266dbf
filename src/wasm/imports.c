/* SPDX-License-Identifier: Apache-2.0 */
#include "wasm/imports.h"

#include <string.h>

#include "microkernel/wasm_actor.h"

static const mk_host_import_t imports[] = {
    {{"env", "mk_send", "(Iiii)i"}, mk_import_send},
    {{"env", "mk_send_u32", "(Iii)i"}, mk_import_send_u32},
    {{"env", "mk_self", "()I"}, mk_import_self},
    {{"env", "mk_time_ms", "()I"}, mk_import_time_ms},
    {{"env", "mk_log", "(iii)"}, mk_import_log},
    {{"env", "mk_print", "(ii)"}, mk_import_print},
    {{"env", "mk_last_error", "(ii)i"}, mk_import_last_error},
    {{"env", "mk_node_name", "(ii)i"}, mk_import_node_name},
    {{"env", "mk_sleep_ms", "(i)i"}, mk_import_sleep_ms},
    {{"env", "mk_recv", "(iiii)i"}, mk_import_recv},
    {{"env", "mk_recv_full", "(iiiii)i"}, mk_import_recv_full},
    {{"env", "mk_recv_timeout", "(iiiiii)i"}, mk_import_recv_timeout},
    {{"env", "mk_spawn_wasm", "(ii)I"}, mk_import_spawn_wasm},
    {{"env", "mk_spawn_file", "(iiiii)I"}, mk_import_spawn_file},
    {{"env", "mk_stop", "(I)i"}, mk_import_stop},
    {{"env", "mk_list_actors", "(iii)i"}, mk_import_list_actors},
    {{"env", "mk_actor_status", "(Iii)i"}, mk_import_actor_status},
    {{"env", "mk_register", "(ii)i"}, mk_import_register},
    {{"env", "mk_lookup", "(ii)I"}, mk_import_lookup},
    {{"env", "mk_reverse_lookup", "(Iii)i"}, mk_import_reverse_lookup},
    {{"env", "mk_ns_list", "(iiiii)i"}, mk_import_ns_list},
    {{"env", "mk_read_file", "(iiiii)i"}, mk_import_read_file},
    {{"env", "mk_save_state", "(iiii)i"}, mk_import_save_state},
    {{"env", "mk_load_state", "(iiii)i"}, mk_import_load_state},
    {{"env", "mk_http_get", "(iiiiii)i"}, mk_import_http_get},
    {{"env", "mk_http_open", "(iiiiiiii)i"}, mk_import_http_open},
    {{"env", "mk_http_status", "(i)i"}, mk_import_http_status},
    {{"env", "mk_http_header", "(iiiii)i"}, mk_import_http_header},
    {{"env", "mk_http_read", "(iii)i"}, mk_import_http_read},
    {{"env", "mk_http_collect", "(iiii)i"}, mk_import_http_collect},
    {{"env", "mk_http_spawn", "(iii)I"}, mk_import_http_spawn},
    {{"env", "mk_http_close", "(i)i"}, mk_import_http_close},

    {{"wasi_snapshot_preview1", "args_sizes_get", "(ii)i"}, mk_wasi_sizes_get},
    {{"wasi_snapshot_preview1", "args_get", "(ii)i"}, mk_wasi_list_get},
    {{"wasi_snapshot_preview1", "environ_sizes_get", "(ii)i"}, mk_wasi_sizes_get},
    {{"wasi_snapshot_preview1", "environ_get", "(ii)i"}, mk_wasi_list_get},
    {{"wasi_snapshot_preview1", "clock_time_get", "(iIi)i"}, mk_wasi_clock_time_get},
    {{"wasi_snapshot_preview1", "fd_write", "(iiii)i"}, mk_wasi_fd_write},
    {{"wasi_snapshot_preview1", "fd_close", "(i)i"}, mk_wasi_fd_close},
    {{"wasi_snapshot_preview1", "fd_seek", "(iIii)i"}, mk_wasi_fd_seek},
    {{"wasi_snapshot_preview1", "fd_fdstat_get", "(ii)i"}, mk_wasi_fd_fdstat_get},
    {{"wasi_snapshot_preview1", "fd_fdstat_set_flags", "(ii)i"}, mk_wasi_fd_fdstat_set_flags},
    {{"wasi_snapshot_preview1", "fd_prestat_get", "(ii)i"}, mk_wasi_fd_prestat_get},
    {{"wasi_snapshot_preview1", "fd_prestat_dir_name", "(iii)i"}, mk_wasi_fd_prestat_dir_name},
    {{"wasi_snapshot_preview1", "poll_oneoff", "(iiii)i"}, mk_wasi_poll_oneoff},
    {{"wasi_snapshot_preview1", "proc_exit", "(i)"}, mk_wasi_proc_exit},
    {{"wasi_snapshot_preview1", "random_get", "(ii)i"}, mk_wasi_random_get},
    {{"wasi_snapshot_preview1", "sched_yield", "()i"}, mk_wasi_sched_yield},
};

enum { IMPORTS = sizeof imports / sizeof imports[0] };
_Static_assert(IMPORTS <= 64, "mk_code_t.imports has a bit for each");

const mk_host_import_t *mk_imports(size_t *count) {
    *count = IMPORTS;
    return imports;
}

/* The same without the functions, as the reader of modules wants it. Filled in the first time, by wasm_actors_init(). */
const mk_import_sig_t *mk_imports_signatures(size_t *count) {
    static mk_import_sig_t signatures[IMPORTS];
    if (signatures[0].name == NULL) {
        for (size_t i = IMPORTS; i-- > 0;) signatures[i] = imports[i].sig;
    }
    *count = IMPORTS;
    return signatures;
}

typedef struct need {
    const char *name;
    uint32_t    grants;
} need_t;

static const need_t needs[] = {
    {"mk_spawn_wasm", WASM_GRANT_SPAWN},
    {"mk_spawn_file", WASM_GRANT_SPAWN},
    {"mk_http_spawn", WASM_GRANT_SPAWN},
    {"mk_list_actors", WASM_GRANT_LIST},
    {"mk_actor_status", WASM_GRANT_LIST},
    {"mk_register", WASM_GRANT_REGISTER},
    {"mk_lookup", WASM_GRANT_LOOKUP},
    {"mk_reverse_lookup", WASM_GRANT_LOOKUP},
    {"mk_ns_list", WASM_GRANT_LOOKUP},
    {"mk_read_file", WASM_GRANT_FILES | WASM_GRANT_ALL_FILES},
    {"mk_http_get", WASM_GRANT_HTTP | WASM_GRANT_ALL_HTTP},
    {"mk_http_open", WASM_GRANT_HTTP | WASM_GRANT_ALL_HTTP},
    {"mk_save_state", WASM_GRANT_STATE},
    {"mk_load_state", WASM_GRANT_STATE},
};

uint32_t mk_import_grants(const char *module, const char *name, const char **out) {
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        *out = needs[i].name;
        if (strcmp(module, "env") == 0 && strcmp(name, needs[i].name) == 0) return needs[i].grants;
    }
    for (size_t i = 0; i < IMPORTS; i++) {
        *out = imports[i].sig.name;
        if (strcmp(module, "env") != 0 && strcmp(name, *out) == 0 && strcmp(module, imports[i].sig.module) == 0)
            return strcmp(name, "proc_exit") == 0 ? 0 : WASM_GRANT_WASI;
    }
    return 0;
}

const char *mk_imports_lacking(uint64_t wanted, uint32_t held) {
    for (size_t i = 0; i < IMPORTS; i++) {
        const char *name;
        if ((wanted >> i & 1) == 0) continue;
        uint32_t grants = mk_import_grants(imports[i].sig.module, imports[i].sig.name, &name);
        if (grants != 0 && (held & grants) == 0) return name;
    }
    return NULL;
}
