/* SPDX-License-Identifier: Apache-2.0 */
/* life.h -- what every subcommand that runs a node begins and ends with. */
#ifndef MK_TOOLS_LIFE_H
#define MK_TOOLS_LIFE_H

#include "cli.h"
#include "microkernel/runtime.h"

/* A runtime with this node's identity and logging as asked for, guests possible. Without --node-id it is node 1; `among_others`: the
 * number made from its name, and its actors' numbers begin anywhere, so that what other nodes remember of an earlier life finds
 * nobody. NULL: out of memory. */
runtime_t *mk_life_begin(const mk_settings_t *settings, bool among_others);

/* Ends every actor, writes the last of the log. */
void mk_life_end(runtime_t *rt);

#endif
