/* SPDX-License-Identifier: Apache-2.0 */
/* console_out.h -- what a console has to say, on its way to a reader that may be slow: a bounded queue in front of
 * console_io's write. */
#ifndef MK_SERVICES_CONSOLE_OUT_H
#define MK_SERVICES_CONSOLE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microkernel/console.h"

typedef struct mk_console_out {
    const console_io_t *io;
    char               *bytes; /* bytes[head..head + size) wait                        */
    size_t              head, size, cap;
    size_t              size_max; /* texts beyond it are dropped, whole, and counted      */
    uint64_t            lost;     /* bytes of text dropped since the last notice          */
    uint8_t             last;     /* byte of text, for characters that come in two pieces */
    bool                raw;      /* a newline needs a carriage return                    */
    bool                terminal; /* control characters are made visible                  */
    bool                at_line_start;
    bool                failed; /* write has failed: everything is discarded            */
} mk_console_out_t;

void mk_console_out_init(mk_console_out_t *out, const console_options_t *options, const console_io_t *io);
void mk_console_out_fini(mk_console_out_t *out);

/* Text from anybody: made harmless for the screen, dropped when too much is waiting. */
void mk_console_out_text(mk_console_out_t *out, const char *text, size_t size);

/* The editor's own bytes, as they are. */
void mk_console_out_screen(mk_console_out_t *out, const char *bytes, size_t size);

/* Begins a new line unless one has just begun. */
void mk_console_out_fresh_line(mk_console_out_t *out);

/* Writes what is taken without waiting. True: nothing is left (or can ever be written). */
bool mk_console_out_flush(mk_console_out_t *out);

#endif
