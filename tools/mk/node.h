/* SPDX-License-Identifier: Apache-2.0 */
/* node.h -- what every subcommand that runs a node begins and ends with. */
#ifndef MK_TOOLS_NODE_H
#define MK_TOOLS_NODE_H

#include "cli.h"
#include "microkernel/runtime.h"

/* A runtime with this node's identity and logging as asked for, guests possible. NULL: out of memory. */
runtime_t *mk_node_open(const mk_settings_t *settings);

/* What guests that somebody loads may do. */
uint32_t mk_node_grants(const mk_settings_t *settings);

/* Ends every actor, writes the last of the log. */
void mk_node_close(runtime_t *rt);

#endif
