/* SPDX-License-Identifier: Apache-2.0 */
/* store.h -- named values in a folder that survive a loss of power. The loop never waits for the disk: reading, writing and recovering
 * are a helper thread's work, and the ends are told on the loop. Loop's thread only.
 *
 * What is promised: when a put or delete has answered MK_OK it is on the disk, and a torn or damaged newer file never hides it. One that
 * has not answered, or has answered otherwise, may have happened or not, whole. Requests for one name take effect in the order in
 * which they were made, and a get sees the puts made before it.
 *
 * Each name has two files that are written in turn, so the previous value is there until the one after the next is written; when the
 * later file is found damaged the earlier one is used, and the log says so. Puts that come while the disk is at work go to it together:
 * ten at a time cost little more than one. */
#ifndef MK_STORE_STORE_H
#define MK_STORE_STORE_H

#include "loop/jobs.h"
#include "store/blob.h"

typedef struct mk_store mk_store_t;

/* Zero takes the default named. */
typedef struct mk_store_config {
    const char *folder;
    size_t      value_bytes_max; /* 0: 16 MiB                                                             */
    size_t      names_max;       /* 0: 1,000,000                                                          */
    uint64_t    bytes_max;       /* of all values and names; 0: no limit                                  */
    size_t      waiting_bytes_max; /* of requests that wait for the disk, with what they are kept in; 0: 8 MiB */
    bool        unsynced;        /* survives the end of the process, not of the machine: for measurements */
    /* What somebody should look at: damaged files, a disk that fails. Loop's thread; NULL: nobody. */
    void      (*log)(void *arg, bool bad, const char *text);
    void       *log_arg;
} mk_store_config_t;

/* Opens and begins to recover; requests may be made at once and wait for that. If the folder cannot be opened or read they are all
 * answered with the reason (MK_ERR_BUSY: another node has it). MK_ERR_NOMEM, MK_ERR_INVALID. */
MK_MUST_CHECK mk_err_t mk_store_open(mk_loop_t *loop, const mk_store_config_t *config, mk_store_t **out);

/* What was put goes to the disk still, in the background, or before mk_loop_fini() is over; nobody is told of it any more. */
void mk_store_close(mk_store_t *store);

/* The end of a request, never from inside of the call that made it. `value` is borrowed, NULL but for a get that has found one;
 * `mark` is its mark.
 * MK_ERR_NOTFOUND (get, delete), MK_ERR_FULL (the disk), MK_ERR_LIMIT (names_max, bytes_max), MK_ERR_DENIED (read-only), MK_ERR_FORMAT
 * (both files are damaged), MK_ERR_IO, MK_ERR_NOMEM, MK_ERR_BUSY. */
typedef void mk_store_done_fn(void *arg, mk_err_t err, const uint8_t *value, size_t size, uint64_t mark);

/* All is copied. `mark` is a number that is kept beside the value and seen when names are listed. `fn` NULL: nobody wants to know. MK_ERR_TOOLONG (the value), MK_ERR_INVALID (the name: empty, too long), MK_ERR_FULL
 * (too much is waiting), MK_ERR_NOMEM: nothing follows. */
MK_MUST_CHECK mk_err_t mk_store_put(mk_store_t *store, mk_slice_t name, mk_slice_t value, uint64_t mark, mk_store_done_fn *fn, void *arg);
MK_MUST_CHECK mk_err_t mk_store_delete(mk_store_t *store, mk_slice_t name, mk_store_done_fn *fn, void *arg);
MK_MUST_CHECK mk_err_t mk_store_get(mk_store_t *store, mk_slice_t name, mk_store_done_fn *fn, void *arg);

/* Forgets who asked: `fn` of requests with this `arg` is not called any more. */
void mk_store_forget(mk_store_t *store, const void *arg);

/* Calls `visit` for the names that begin with `prefix`, in the order of their bytes, from the first behind `after` on (no data: the
 * first), until it answers false. Puts and deletes that have not ended are not seen. No request may be made inside of it.
 * MK_ERR_BUSY: recovering still. */
typedef bool           mk_store_visit_fn(void *arg, mk_slice_t name, size_t value_size, uint64_t mark);
MK_MUST_CHECK mk_err_t mk_store_list(const mk_store_t *store, mk_slice_t prefix, mk_slice_t after, mk_store_visit_fn *visit, void *arg);

typedef struct mk_store_stats {
    bool     ready;    /* recovered                                                             */
    mk_err_t failed;   /* why the folder could not be opened or read                            */
    size_t   names;
    uint64_t bytes;    /* of names and values                                                   */
    size_t   waiting;  /* requests                                                              */
    uint64_t puts, gets, deletes, failures;
    uint64_t batches;  /* trips to the disk                                                     */
    uint64_t damaged;  /* files found damaged                                                   */
    size_t   unreadable; /* files that could not be read when it was opened                     */
} mk_store_stats_t;
void mk_store_get_stats(const mk_store_t *store, mk_store_stats_t *out);

#endif
