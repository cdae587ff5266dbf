/* SPDX-License-Identifier: Apache-2.0 */
/* links.h -- a node among others, as the options ask for it: names of all nodes, what this one can do, whom it takes calls from and
 * whom it calls, what others may have started here. */
#ifndef MK_TOOLS_LINKS_H
#define MK_TOOLS_LINKS_H

#include "cli.h"
#include "microkernel/runtime.h"
#include "output.h"

/* Whether the options say that there are other nodes. */
bool mk_links_wanted(const mk_settings_t *settings);

/* Both for `command`'s complaints; MK_CLI_OK, or it was told what is wrong. First who we are and what we show, then, when there is
 * something to be shown, the links: a line on standard output for each address that is listened on. */
int mk_links_prepare(runtime_t *rt, const char *command, const mk_settings_t *settings, mk_output_t *output);
int mk_links_open(runtime_t *rt, const char *command, const mk_settings_t *settings);

#endif
