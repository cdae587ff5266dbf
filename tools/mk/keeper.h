/* SPDX-License-Identifier: Apache-2.0 */
/* keeper.h -- a node without a terminal: guests below a supervisor, each restarted however it ends, until a signal. What they print
 * is the standard output; what happens to them is logged. `mk run` and `mk node` are made of it. */
#ifndef MK_TOOLS_KEEPER_H
#define MK_TOOLS_KEEPER_H

#include "cli.h"
#include "microkernel/runtime.h"
#include "output.h"

typedef struct mk_keeping {
    const char *command;      /* for complaints                                          */
    bool        hangup_ends;  /* SIGHUP ends it like the others; else it changes nothing */
    bool        among_others; /* life.h                                                  */
    /* Both answer MK_CLI_OK, or have said what is wrong; may be NULL. Before anything runs; and in a behaviour, when the guests
     * have started. */
    int (*prepare)(runtime_t *rt, const mk_settings_t *settings, mk_output_t *output);
    int (*open)(runtime_t *rt, const mk_settings_t *settings);
} mk_keeping_t;

/* Runs the node with the guests in settings->operands. Returns the exit code. */
int mk_keep(const mk_settings_t *settings, const mk_keeping_t *keeping);

#endif
