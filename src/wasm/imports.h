/* SPDX-License-Identifier: Apache-2.0 */
/* imports.h -- every function a guest may import, in one table. */
#ifndef MK_WASM_IMPORTS_H
#define MK_WASM_IMPORTS_H

#include "wasm/engine.h"

/* Sorted by module. Valid for ever. */
const mk_host_import_t *mk_imports(size_t *count);
const mk_import_sig_t  *mk_imports_signatures(size_t *count);

/* The grants of which a guest needs one for this import, and its name for ever; 0: none is needed, or there is no such import. */
uint32_t mk_import_grants(const char *module, const char *name, const char **out);

/* Of these imports (mk_code_t.imports) the first that needs a grant of which none is held; NULL: there is none. */
const char *mk_imports_lacking(uint64_t wanted, uint32_t held);

/* ---- the functions, by the file they are in ------------------------------------------------------------------------ */

/* imports_message.c */
mk_host_fn mk_import_send, mk_import_send_u32, mk_import_sleep_ms, mk_import_recv, mk_import_recv_full,
    mk_import_recv_timeout;

/* imports_self.c */
mk_host_fn mk_import_self, mk_import_time_ms, mk_import_log, mk_import_print, mk_import_last_error,
    mk_import_node_name;

/* imports_actor.c */
mk_host_fn mk_import_stop, mk_import_list_actors, mk_import_actor_status, mk_import_register, mk_import_lookup,
    mk_import_reverse_lookup, mk_import_ns_list, mk_import_read_file;

/* imports_spawn.c */
mk_host_fn mk_import_spawn_wasm, mk_import_spawn_file;

/* imports_http.c, or imports_http_none.c where there is no HTTP */
mk_host_fn mk_import_http_get, mk_import_http_open, mk_import_http_status, mk_import_http_header, mk_import_http_read,
    mk_import_http_collect, mk_import_http_spawn, mk_import_http_close;

/* imports_state.c */
mk_host_fn mk_import_save_state, mk_import_load_state;

/* wasi.c */
mk_host_fn mk_wasi_sizes_get, mk_wasi_list_get, mk_wasi_clock_time_get, mk_wasi_fd_write, mk_wasi_fd_close,
    mk_wasi_fd_seek, mk_wasi_fd_fdstat_get, mk_wasi_fd_fdstat_set_flags, mk_wasi_fd_prestat_get,
    mk_wasi_fd_prestat_dir_name, mk_wasi_poll_oneoff, mk_wasi_proc_exit, mk_wasi_random_get, mk_wasi_sched_yield;

#endif
