/* SPDX-License-Identifier: Apache-2.0 */
/* files.h -- what disks of POSIX files have in common (linux/disk.c, vfs/disk.c): errors, and what is done with a file or a folder
 * once it is open. Those that read take what open() or opendir() has answered, failures included, and close it. */
#ifndef MK_PORT_POSIX_FILES_H
#define MK_PORT_POSIX_FILES_H

#include <dirent.h>

#include "port/disk.h"

mk_err_t mk_files_error(void); /* what errno means */

/* mk_disk_list(). `is_file` is asked where the file system does not tell what an entry is. */
typedef bool mk_files_ask_fn(const mk_disk_t *disk, const char *name);
mk_err_t     mk_files_list(DIR *dir, const mk_disk_t *disk, mk_files_ask_fn *is_file, mk_disk_list_fn *fn, void *arg);

mk_err_t mk_files_read(int fd, size_t bytes_max, uint8_t **out, size_t *size); /* mk_disk_read() */
mk_err_t mk_files_peek(int fd, void *buf, size_t size, size_t *got);           /* mk_disk_peek() */

/* All of these pieces, from where the file stands; it stays open. MK_ERR_FULL, MK_ERR_IO. */
mk_err_t mk_files_put(int fd, const mk_slice_t *slices, int n);

#endif
