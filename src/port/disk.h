/* SPDX-License-Identifier: Apache-2.0 */
/* disk.h -- a folder of our own on something that keeps its bytes without power: as much of it as is needed to build storage that
 * survives. Every call may wait for the disk: for helper threads (loop/jobs.h), one at a time for each disk.
 *
 * What survives a loss of power: the bytes of a file as they were when mk_disk_sync() returned; that a file has come, was renamed or
 * removed, when mk_disk_settle() returned. Without them anything may be there afterwards: old, new, or a part of new; but a rename has
 * either happened or not. */
#ifndef MK_PORT_DISK_H
#define MK_PORT_DISK_H

#include "port/port.h"

typedef struct mk_disk mk_disk_t;

/* Longest name of a file, a letter or digit first, then letters, digits, '.', '-', '_': what every file system can do. */
enum { MK_DISK_NAME_MAX = 28 };

/* Opens the folder, makes it if only its last part is missing (for its owner alone), and keeps others of our kind out while it is
 * open. MK_ERR_BUSY: somebody has it open; MK_ERR_NOTFOUND, MK_ERR_DENIED, MK_ERR_FULL, MK_ERR_IO, MK_ERR_NOMEM; MK_ERR_NOSYS. */
MK_MUST_CHECK mk_err_t mk_disk_open(const char *folder, mk_disk_t **out);
void                   mk_disk_close(mk_disk_t *disk); /* NULL is allowed */

/* Calls `fn` for each file, in no order, until it answers something else than MK_OK, which is then the answer. Files may not come
 * or go meanwhile. MK_ERR_IO, MK_ERR_NOMEM. */
typedef mk_err_t       mk_disk_list_fn(void *arg, const char *name);
MK_MUST_CHECK mk_err_t mk_disk_list(mk_disk_t *disk, mk_disk_list_fn *fn, void *arg);

/* A whole file into memory of mk_alloc(); *out is the caller's. MK_ERR_NOTFOUND, MK_ERR_TOOLONG (more than `bytes_max`), MK_ERR_FORMAT (the
 * file system has found it damaged), MK_ERR_IO, MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_disk_read(mk_disk_t *disk, const char *name, size_t bytes_max, uint8_t **out, size_t *size);

/* The first bytes of a file, at most `size`. MK_ERR_NOTFOUND, MK_ERR_FORMAT, MK_ERR_IO. */
MK_MUST_CHECK mk_err_t mk_disk_peek(mk_disk_t *disk, const char *name, void *buf, size_t size, size_t *got);

/* A file made of these pieces. One of that name is written over where it lies, if the disk can do that, which then costs less to make
 * last; until that is done it may be the old one, the new one, or any mixture of their parts. On failure there is none of that name,
 * as far as the disk allows. MK_ERR_FULL, MK_ERR_DENIED (read-only), MK_ERR_IO. */
MK_MUST_CHECK mk_err_t mk_disk_write(mk_disk_t *disk, const char *name, const mk_slice_t *slices, int n);

/* The bytes of these files are on the disk. MK_ERR_IO, MK_ERR_FULL: nobody knows of which. */
MK_MUST_CHECK mk_err_t mk_disk_sync(mk_disk_t *disk, const char *const *names, size_t n);

/* Replacing `to`. In one step, but where the file system cannot do that (SPIFFS, FAT): there the power may go when `to` is gone and
 * `from` still there. */
MK_MUST_CHECK mk_err_t mk_disk_rename(mk_disk_t *disk, const char *from, const char *to);
MK_MUST_CHECK mk_err_t mk_disk_remove(mk_disk_t *disk, const char *name); /* MK_OK when there is none */

/* All that has come, was renamed and removed so far is on the disk. Costs nothing where nothing has. */
MK_MUST_CHECK mk_err_t mk_disk_settle(mk_disk_t *disk);

#endif
