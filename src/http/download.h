/* SPDX-License-Identifier: Apache-2.0 */
/* download.h -- bytes into a file that appears when it is whole: they are written to a new file beside it, on helper threads,
 * which takes its place when all of them are on the disk. Whatever goes wrong before, nothing is left behind. One thread, that
 * of the loop. */
#ifndef MK_HTTP_DOWNLOAD_H
#define MK_HTTP_DOWNLOAD_H

#include "loop/jobs.h"

typedef struct mk_download mk_download_t;

/* Neither is called from inside of the functions below. */
typedef struct mk_download_ops {
    /* mk_download_take() did not take all, and now there is room. */
    void (*room)(void *arg);
    /* The last call, the download is gone. MK_OK: the file is in its place. Else nothing is there that was not there before;
     * `why` is for people. MK_ERR_IO (a full disk, too), MK_ERR_NOTFOUND (its folder), MK_ERR_DENIED, MK_ERR_TOOLONG (the name),
     * MK_ERR_LIMIT, MK_ERR_NOMEM, MK_ERR_NOSYS. */
    void (*done)(void *arg, mk_err_t err, const char *why);
} mk_download_ops_t;

/* `path` is copied; nothing happens on the disk yet. MK_ERR_NOMEM; MK_ERR_IO, MK_ERR_NOSYS: no random name. */
MK_MUST_CHECK mk_err_t mk_download_begin(mk_loop_t *loop, const char *path, const mk_download_ops_t *ops, void *arg,
                                         mk_download_t **out);
/* How many of the bytes were taken; fewer while as much waits for the disk as may, and then `room` follows (or `done`). */
size_t mk_download_take(mk_download_t *download, const void *bytes, size_t size);
/* That was all: `done` follows. Nothing is taken any more. */
void mk_download_end(mk_download_t *download);
/* No call comes any more; what was written goes, in a moment. */
void mk_download_cancel(mk_download_t *download);

#endif
