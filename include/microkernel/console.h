/* SPDX-License-Identifier: Apache-2.0 */
/* console.h -- a console is an actor between a person (or a script) and a shell actor: it edits and cuts lines, hands
 * them on one at a time, and shows what comes back. Any number may run side by side; each has its own bytes, line and
 * history. Runtime's thread only.
 *
 * The conversation: the console sends a LINE and shows no prompt until the shell answers READY (or EXIT). Whatever the
 * shell or anyone else sends as PRINT is shown at once, between lines, without disturbing the one being typed. When the
 * user leaves, or the input ends and every line before its end is handled, the console sends EXIT; the shell says its
 * goodbye and answers EXIT; the console closes. It also closes when the shell ends. */
#ifndef MICROKERNEL_CONSOLE_H
#define MICROKERNEL_CONSOLE_H

#include "microkernel/error.h"
#include "microkernel/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MSG_CONSOLE_BASE       (MK_MSG_SYSTEM_BASE + 0x100u)
#define MSG_CONSOLE_LINE       (MSG_CONSOLE_BASE + 0x0u) /* to the shell: a line, without its end; <= 4096 bytes      */
#define MSG_CONSOLE_READY      (MSG_CONSOLE_BASE + 0x1u) /* from the shell: the line is handled                       */
#define MSG_CONSOLE_EXIT       (MSG_CONSOLE_BASE + 0x2u) /* to the shell: the user leaves; from it: close             */
#define MSG_CONSOLE_PRINT      (MSG_CONSOLE_BASE + 0x3u) /* from anyone: show this text                               */
#define MSG_CONSOLE_COMPLETE   (MSG_CONSOLE_BASE + 0x4u) /* to the shell: the text left of the cursor                 */
#define MSG_CONSOLE_CANDIDATES (MSG_CONSOLE_BASE + 0x5u) /* from the shell: what its last word may become, newline
                                                            separated; the answer to COMPLETE, maybe empty            */
#define MSG_CONSOLE_INTERRUPT  (MSG_CONSOLE_BASE + 0x6u) /* to the shell: Ctrl-C while a line is being handled        */
#define MSG_CONSOLE_HISTORY    (MSG_CONSOLE_BASE + 0x7u) /* from the shell: these lines (newline separated, oldest
                                                            first) are what the cursor keys walk through from now on  */
#define MSG_CONSOLE_ATTACH     (MSG_CONSOLE_BASE + 0x8u) /* to the shell, once, first of all: I am your console. A
                                                            shell takes orders from no one else                       */
#define MSG_CONSOLE_INPUT      (MSG_CONSOLE_BASE + 0x9u) /* from the owner: bytes typed, empty: the end; or, with
                                                            io.read, that it has something to read            */
#define MSG_CONSOLE_SHELL      (MSG_CONSOLE_BASE + 0xAu) /* from the owner: console_attach()                          */
#define MSG_CONSOLE_STATUS     (MSG_CONSOLE_BASE + 0xBu) /* from the shell, while a line is being handled: one line about how it
                                                            goes, in place of the one before, gone with the next
                                                            output; empty: gone now. Terminals alone show it          */

/* What console_io's calls return instead of a number of bytes. */
#define CONSOLE_IO_WAIT   (-1) /* nothing now; try again when the descriptor is ready */
#define CONSOLE_IO_FAILED (-2) /* and always will                                     */

/* Where bytes come from and go to. No call may wait, but for what a file takes. */
typedef struct console_io {
    void     *arg;
    ptrdiff_t (*read)(void *arg, void *buf, size_t cap);          /* 0: the end; NULL: input comes as messages  */
    ptrdiff_t (*write)(void *arg, const void *data, size_t size); /* bytes taken, at least 1                    */
    unsigned  (*columns)(void *arg); /* the terminal's width now, 0 if unknown; may be NULL                     */
    void      (*close)(void *arg);   /* the console has ended; may be NULL                                      */
    int         in_fd;               /* watched; read is called when it is ready; -1: after MSG_CONSOLE_INPUT   */
    int         out_fd;              /* may be the same; -1: tried again after a moment                         */
} console_io_t;

typedef struct console_options {
    console_io_t io;
    actor_id_t   owner;    /* who may send MSG_CONSOLE_INPUT and attach; 0: code outside of any actor       */
    const char  *name;     /* registered; NULL: none                                                       */
    const char  *prompt;   /* borrowed until the console ends; NULL: "mk> "                                */
    const char  *banner;   /* shown first by one that prompts; borrowed until then, may be NULL        */
    bool         prompts;  /* without `edit`: banner and prompt all the same, for who edits lines elsewhere */
    bool         edit;     /* a person at a terminal in raw mode; otherwise plain lines, without a prompt  */
    bool         terminal; /* output goes to a terminal: control characters in texts are made visible      */
    size_t       out_bytes_max; /* text waiting for a slow reader, beyond it is dropped and counted; 0: 1 MiB */
    /* Called once, when the session is over and shown whole; not when the runtime is destroyed before. `ok` is false
     * when the shell failed or the output broke. May be NULL. */
    void       (*closed)(void *arg, bool ok);
    void        *closed_arg;
} console_options_t;

/* Starts a console; it does nothing before console_attach(). MK_ERR_NOMEM, MK_ERR_LIMIT, MK_ERR_EXISTS (the name),
 * MK_ERR_TOOLONG: there is none, io.close was not called. */
MK_MUST_CHECK mk_err_t console_start(runtime_t *rt, const console_options_t *options, actor_id_t *out);

/* Gives the console its shell and begins the session. False: no such console, or its mailbox refused. */
bool console_attach(runtime_t *rt, actor_id_t console, actor_id_t shell);

#ifdef __cplusplus
}
#endif

#endif
