/* SPDX-License-Identifier: Apache-2.0 */
/* terminal.h -- standard input and output as a console sees them. On a terminal the console edits, so line mode and
 * echo are switched off and come back however this process ends, short of SIGKILL. One per process. */
#ifndef MK_TOOLS_TERMINAL_H
#define MK_TOOLS_TERMINAL_H

#include <stdbool.h>

#include "microkernel/console.h"

typedef struct mk_terminal {
    int  in_fd;
    int  out_fd;      /* standard output, or the same under a description of its own */
    bool out_private; /* out_fd does not wait; nobody else is affected by that       */
    bool out_socket;
    bool out_owned; /* to be closed                                                */
    bool edit;      /* both are a terminal that can be edited on                   */
    bool out_is_terminal;
} mk_terminal_t;

/* Cannot fail: what cannot be had (a private description, raw mode) is done without. */
void mk_terminal_open(mk_terminal_t *terminal);
/* Standard output alone, without touching how the terminal behaves. */
void mk_terminal_open_output(mk_terminal_t *terminal);
void mk_terminal_close(mk_terminal_t *terminal);

/* What a console needs of it; valid until closed. */
console_io_t mk_terminal_io(mk_terminal_t *terminal);

#endif
