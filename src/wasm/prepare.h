/* SPDX-License-Identifier: Apache-2.0 */
/* prepare.h -- loading a module on a helper thread: its file is read, it is hashed, checked, decoded and validated there, and then is
 * in the store. Where there are no threads it is done at once, and told as ever. Runtime's thread. */
#ifndef MK_WASM_PREPARE_H
#define MK_WASM_PREPARE_H

#include "loop/jobs.h"
#include "wasm/code.h"

enum { MK_PREPARE_ERR_BYTES = 192 };

/* More than any module; a larger file is refused before it is read. */
#define MK_MODULE_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* One of: a file, the digits of a hash, bytes. Texts are copied. */
typedef struct mk_prepare_source {
    const mk_engine_t *engine;
    uint32_t           heap_bytes;
    const char        *path, *below; /* below: as mk_port_read_file() has it */
    const char        *digits;
    uint8_t           *bytes; /* from mk_alloc(); taken, whatever the answer is */
    size_t             size;
    const char        *from; /* NULL: the path */
} mk_prepare_source_t;

typedef struct mk_prepare mk_prepare_t;
typedef void              mk_prepare_fn(void *arg, mk_prepare_t *prepare);

struct mk_prepare {
    mk_job_t           job;
    const mk_engine_t *engine;
    uint32_t           heap_bytes;
    char              *path, *below, *digits, *from;
    uint8_t           *bytes; /* not loaded yet */
    size_t             size;  /* of the module, once it is known */
    mk_prepare_fn     *ready; /* NULL: nobody wants it any more */
    void              *arg;

    /* when it has ended */
    bool       ended;
    bool       unread; /* the file could not be read */
    mk_err_t   error;
    mk_code_t *code; /* a share of it; who takes it sets this to NULL */
    char       err[MK_PREPARE_ERR_BYTES];
};

/* Calls `ready` once, in a later round, unless it is dropped before. MK_ERR_NOMEM, MK_ERR_LIMIT. */
MK_MUST_CHECK mk_err_t mk_prepare_start(mk_loop_t *loop, const mk_prepare_source_t *source, mk_prepare_fn *ready, void *arg,
                                        mk_prepare_t **out);
/* Now, on this thread: it has ended when this returns. MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_prepare_now(const mk_prepare_source_t *source, mk_prepare_t **out);
/* One that has ended, with this share. MK_ERR_NOMEM: it was given back. */
MK_MUST_CHECK mk_err_t mk_prepare_of(mk_code_t *code, mk_prepare_t **out);

/* A whole module from a file; on an error `why` says which file and what is wrong with it. Any thread that may wait for the disk. */
MK_MUST_CHECK mk_err_t mk_prepare_read(const char *below, const char *path, uint8_t **bytes, size_t *size, char *why, size_t why_size);

/* Its owner's part of it is over, whether it has ended or not. NULL is allowed. */
void mk_prepare_drop(mk_prepare_t *prepare);

#endif
