/* SPDX-License-Identifier: Apache-2.0 */
/* mk node -- a node among others, without a terminal: for a gateway or a board that runs for years. SIGHUP changes nothing: it
 * outlives the terminal it was started from, and secrets are read again when they change. */
#include "cli.h"
#include "keeper.h"
#include "links.h"
#include "microkernel/services.h"

static int prepare(runtime_t *rt, const mk_settings_t *settings, mk_output_t *output) {
    return mk_links_prepare(rt, "node", settings, output);
}

static int open(runtime_t *rt, const mk_settings_t *settings) { return mk_links_open(rt, "node", settings); }

static int run(const mk_settings_t *settings) {
    static const mk_keeping_t keeping = {.command = "node", .among_others = true, .prepare = prepare, .open = open};
    return mk_keep(settings, &keeping);
}

static const mk_option_t *const options[] = {&mk_option_node_listen, &mk_option_mount,   &mk_option_secret,
                                             &mk_option_cert,        &mk_option_key,     &mk_option_ca,
                                             &mk_option_name,        &mk_option_node_id, &mk_option_export,
                                             &mk_option_names,       &mk_option_modules, &mk_option_discover,
                                             &mk_option_trusted,     &mk_option_http,    &mk_option_budget,
                                             &mk_option_engine,      &mk_option_log,     &mk_option_data,
                                             &mk_option_data_max,    &mk_option_trust,   NULL};

const mk_command_t mk_command_node = {
    .name = "node",
    .operands = "[FILE.wasm...]",
    .summary = "Be a node among others, without a terminal: guests, links, until SIGTERM or Ctrl-C.",
    .example = "  mk node --name gateway --secret cluster.secret --listen '*:4200' build/examples/echo.wasm\n"
               "  mk node --name board --secret cluster.secret --mount 192.168.1.10:4200\n",
    .options = options,
    .log_level = MK_LOG_INFO,
    .run = run,
};
