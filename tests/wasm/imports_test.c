/* SPDX-License-Identifier: Apache-2.0 */
/* imports_test.c -- every import there is, called by a module made for it, with each set of grants that matters. An import
 * that is added has to be given a line below. */
#include "wasm/imports.h"

#include "wasm/module_build.h"
#include "wasm/world.h"

typedef struct need {
    const char *import;
    uint32_t    grant; /* 0: a guest is born with it */
} need_t;

static const need_t needs[] = {
    {"mk_send", 0},
    {"mk_send_u32", 0},
    {"mk_self", 0},
    {"mk_time_ms", 0},
    {"mk_log", 0},
    {"mk_print", 0},
    {"mk_last_error", 0},
    {"mk_node_name", 0},
    {"mk_sleep_ms", 0},
    {"mk_recv", 0},
    {"mk_recv_full", 0},
    {"mk_recv_timeout", 0},
    {"mk_spawn_wasm", WASM_GRANT_SPAWN},
    {"mk_spawn_file", WASM_GRANT_SPAWN}, /* and one for files, below */
    {"mk_stop", WASM_GRANT_STOP},
    {"mk_list_actors", WASM_GRANT_LIST},
    {"mk_actor_status", WASM_GRANT_LIST},
    {"mk_register", WASM_GRANT_REGISTER},
    {"mk_lookup", WASM_GRANT_LOOKUP},
    {"mk_reverse_lookup", WASM_GRANT_LOOKUP},
    {"mk_ns_list", WASM_GRANT_LOOKUP},
    {"mk_read_file", WASM_GRANT_FILES | WASM_GRANT_ALL_FILES}, /* either */
    {"mk_save_state", WASM_GRANT_STATE},
    {"mk_load_state", WASM_GRANT_STATE},
    {"mk_http_get", WASM_GRANT_HTTP | WASM_GRANT_ALL_HTTP}, /* either */
    {"mk_http_open", WASM_GRANT_HTTP | WASM_GRANT_ALL_HTTP},
    {"mk_http_status", 0}, /* of what was opened */
    {"mk_http_header", 0},
    {"mk_http_read", 0},
    {"mk_http_collect", 0},
    {"mk_http_spawn", WASM_GRANT_SPAWN},
    {"mk_http_close", 0},
    {"args_sizes_get", WASM_GRANT_WASI},
    {"args_get", WASM_GRANT_WASI},
    {"environ_sizes_get", WASM_GRANT_WASI},
    {"environ_get", WASM_GRANT_WASI},
    {"clock_time_get", WASM_GRANT_WASI},
    {"fd_write", WASM_GRANT_WASI},
    {"fd_close", WASM_GRANT_WASI},
    {"fd_seek", WASM_GRANT_WASI},
    {"fd_fdstat_get", WASM_GRANT_WASI},
    {"fd_fdstat_set_flags", WASM_GRANT_WASI},
    {"fd_prestat_get", WASM_GRANT_WASI},
    {"fd_prestat_dir_name", WASM_GRANT_WASI},
    {"poll_oneoff", WASM_GRANT_WASI},
    {"proc_exit", 0},
    {"random_get", WASM_GRANT_WASI},
    {"sched_yield", 0},
};

static const need_t *need_of(const char *import) {
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        if (strcmp(needs[i].import, import) == 0) return &needs[i];
    rig_fail(__FILE__, __LINE__, "%s has no line in this test", import);
    return NULL;
}

static void name(module_t *m, const char *text) {
    module_add(m, BYTES((uint8_t)strlen(text)));
    module_add(m, (const uint8_t *)text, strlen(text));
}

static uint8_t type_of(char letter) { return letter == 'i' ? I32 : I64; }

static void type_section(module_t *m, const char *signature) {
    const char *close = strchr(signature, ')');
    module_t    s = {.size = 0};
    module_add(&s, BYTES(2, 0x60, (uint8_t)(close - signature - 1)));
    for (const char *at = signature + 1; at < close; at++) module_add(&s, BYTES(type_of(*at)));
    if (close[1] != '\0') module_add(&s, BYTES(1, type_of(close[1])));
    else module_add(&s, BYTES(0));
    module_add(&s, BYTES(0x60, 4, I32, I64, I32, I32, 1, I32));
    module_section(m, 1, s.at, s.size);
}

/* Calls the import with nothing but zeros, whatever message comes, and stays. */
static void code_section(module_t *m, const char *signature) {
    module_t s = {.size = 0}, body = {.size = 0};
    module_add(&body, BYTES(0));
    for (const char *at = signature + 1; *at != ')'; at++) module_add(&body, BYTES(*at == 'i' ? 0x41 : 0x42, 0));
    module_add(&body, BYTES(0x10, 0));
    if (strchr(signature, ')')[1] != '\0') module_add(&body, BYTES(0x1A));
    module_add(&body, BYTES(0x41, 1, 0x0B));
    module_add(&s, BYTES(1, (uint8_t)body.size));
    module_add(&s, body.at, body.size);
    module_section(m, 10, s.at, s.size);
}

static module_t caller_of(const mk_import_sig_t *sig) {
    module_t m = module_begin(), imports = {.size = 0};
    type_section(&m, sig->signature);
    module_add(&imports, BYTES(1));
    name(&imports, sig->module);
    name(&imports, sig->name);
    module_add(&imports, BYTES(0, 0));
    module_section(&m, 2, imports.at, imports.size);
    SECTION(&m, 3, 1, 1);
    SECTION(&m, 5, 1, 0, 1);
    SECTION(&m, 7, 2, NAME_MEMORY, 2, 0, NAME_HANDLE, 0, 1);
    code_section(&m, sig->signature);
    return m;
}

static world_t w;

/* How often it was denied something; UINT64_MAX: it has ended. */
static uint64_t denials(const module_t *module, uint32_t grants) {
    wasm_options_t options = {.grants = grants};
    world_spawn_t  s = {.bytes = module->at, .size = module->size, .options = &options};
    world_do(&w, world_spawn_now, &s);
    if (s.result != MK_OK) rig_fail(__FILE__, __LINE__, "%s", w.err);
    CHECK(world_send(&w, s.id, GO, NULL, 0));
    wasm_actor_info_t info;
    uint64_t          denied = wasm_actor_get_info(w.rt, s.id, &info) ? info.denied : UINT64_MAX;
    actor_stop(w.rt, s.id);
    w.count = 0;
    return denied;
}

static void check_import(const mk_import_sig_t *sig) {
    const need_t *need = need_of(sig->name);
    module_t      module = caller_of(sig);
    if (strcmp(sig->name, "proc_exit") == 0) {
        CHECK_EQ(denials(&module, 0), UINT64_MAX);
        return;
    }
    uint64_t without = need->grant != 0;
    CHECK_EQ(denials(&module, 0), without);
    CHECK_EQ(denials(&module, WASM_GRANTS_ALL & ~need->grant), without);
    CHECK_EQ(denials(&module, WASM_GRANTS_ALL), 0);
    for (uint32_t bit = 1; bit < WASM_GRANTS_ALL; bit <<= 1) {
        bool alone = (need->grant & bit) != 0 && strcmp(sig->name, "mk_spawn_file") != 0;
        CHECK_EQ(denials(&module, bit), alone ? 0 : without);
    }
}

TEST(every_import_asks_for_its_grant_and_for_no_other) {
    size_t                  count;
    const mk_host_import_t *imports = mk_imports(&count);
    CHECK_EQ(count, sizeof needs / sizeof *needs);
    world_open(&w);
    for (size_t i = 0; i < count; i++) check_import(&imports[i].sig);
    world_close(&w);
}

TEST(spawning_a_file_needs_two_grants) {
    size_t                  count;
    const mk_host_import_t *imports = mk_imports(&count);
    world_open(&w);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(imports[i].sig.name, "mk_spawn_file") != 0) continue;
        module_t module = caller_of(&imports[i].sig);
        CHECK_EQ(denials(&module, WASM_GRANT_SPAWN), 1);
        CHECK_EQ(denials(&module, WASM_GRANT_ALL_FILES | WASM_GRANT_FILES), 1);
        CHECK_EQ(denials(&module, WASM_GRANT_SPAWN | WASM_GRANT_FILES), 0);
    }
    world_close(&w);
}
