/* SPDX-License-Identifier: Apache-2.0 */
/* guests.h -- the guests of a node without a terminal, ready for a supervisor. */
#ifndef MK_TOOLS_GUESTS_H
#define MK_TOOLS_GUESTS_H

#include "cli.h"
#include "guest_file.h"
#include "microkernel/supervision.h"
#include "microkernel/wasm_actor.h"
#include "output.h"

typedef char mk_guest_name_t[MK_GUEST_NAME_BYTES];

typedef struct mk_guests {
    child_spec_t    *specs;
    mk_guest_name_t *names;
    size_t           count;
} mk_guests_t;

/* What guests that somebody loads may do: WASM_GRANT_ bits. */
uint32_t mk_guest_grants(const mk_settings_t *settings);

/* What a guest gets that somebody has named on the command line, and where what it prints goes. */
wasm_options_t mk_guest_options(const mk_settings_t *settings, mk_output_t *output);

/* Loads the files settings->operands names. MK_CLI_OK, or it was told what is wrong; in any case to be freed, after the node. */
int  mk_guests_load(mk_guests_t *guests, const char *command, const mk_settings_t *settings, mk_output_t *output);
void mk_guests_free(mk_guests_t *guests);

#endif
