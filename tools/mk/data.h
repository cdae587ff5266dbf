/* SPDX-License-Identifier: Apache-2.0 */
/* data.h -- what a node keeps: with --data DIR its state, key-value store, queue and database lie in that folder; with MK_AI_URL it
 * asks a model server. */
#ifndef MK_TOOLS_DATA_H
#define MK_TOOLS_DATA_H

#include "cli.h"
#include "microkernel/runtime.h"

/* MK_CLI_OK, or it was told what is wrong. Before the first actor that needs any of it. */
int mk_data_open(runtime_t *rt, const char *command, const mk_settings_t *settings);

#endif
