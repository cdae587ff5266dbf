/* SPDX-License-Identifier: Apache-2.0 */
/* mk run -- guests below a supervisor, until Ctrl-C. */
#include "cli.h"
#include "keeper.h"
#include "microkernel/services.h"

static int run(const mk_settings_t *settings) {
    static const mk_keeping_t keeping = {.command = "run", .hangup_ends = true};
    return mk_keep(settings, &keeping);
}

static const mk_option_t *const options[] = {&mk_option_name,
                                             &mk_option_node_id,
                                             &mk_option_log,
                                             &mk_option_trusted,
                                             &mk_option_http,
                                             &mk_option_budget,
                                             &mk_option_engine,
                                             &mk_option_data,
                                             &mk_option_data_max,
                                             &mk_option_trust,
                                             NULL};

const mk_command_t mk_command_run = {
    .name = "run",
    .operands = "FILE.wasm...",
    .summary = "Run guests, each restarted whenever it ends, until Ctrl-C.",
    .example = "  mk run build/examples/counter.wasm build/examples/echo.wasm\n",
    .options = options,
    .log_level = MK_LOG_INFO,
    .run = run,
};
