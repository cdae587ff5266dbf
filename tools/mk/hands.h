/* SPDX-License-Identifier: Apache-2.0 */
/* hands.h -- what operators of other nodes may have done here: guests of the modules folder, started and replaced. */
#ifndef MK_TOOLS_HANDS_H
#define MK_TOOLS_HANDS_H

#include "cli.h"
#include "microkernel/runtime.h"
#include "output.h"

/* Borrows both until the runtime ends. `output` is where the guests print; NULL: standard output. */
void mk_hands_lend(runtime_t *rt, const mk_settings_t *settings, mk_output_t *output);

#endif
