/* SPDX-License-Identifier: Apache-2.0 */
/* output.h -- the standard output of guests. A reader who is slow, or stands still, never makes the node wait: what it has
 * not taken is kept up to a limit, and beyond it dropped, counted and logged. */
#ifndef MK_TOOLS_OUTPUT_H
#define MK_TOOLS_OUTPUT_H

#include <stdint.h>

#include "microkernel/console.h"
#include "terminal.h"

typedef struct mk_output {
    mk_terminal_t terminal;
    console_io_t  io;
    runtime_t    *rt;
    actor_id_t    keeper; /* told once by `flush_type` when something waits        */
    msg_type_t    flush_type;
    char         *bytes;
    size_t        head, size; /* what waits                                            */
    uint64_t      lost;       /* bytes, since it was last logged                       */
    bool          told;
    bool          failed; /* nobody will ever read it again                        */
} mk_output_t;

/* False: out of memory. */
bool mk_output_open(mk_output_t *out);
void mk_output_close(mk_output_t *out);

/* From when on there is somebody to tell. */
void mk_output_attach(mk_output_t *out, runtime_t *rt, actor_id_t keeper, msg_type_t flush_type);

/* A wasm_print_fn; `arg` is the output. */
void mk_output_print(void *arg, const char *text, size_t size);

/* In the keeper's turn: writes what can be written. True: nothing waits. False: again when the descriptor is ready, of
 * which the keeper will hear. */
bool mk_output_flush(mk_output_t *out);

#endif
