/* SPDX-License-Identifier: Apache-2.0 */
/* disk.c -- no disk on this machine. */
#include "port/disk.h"

mk_err_t mk_disk_open(const char *folder, mk_disk_t **out) {
    (void)folder, (void)out;
    return MK_ERR_NOSYS;
}

void mk_disk_close(mk_disk_t *disk) { (void)disk; }

mk_err_t mk_disk_list(mk_disk_t *disk, mk_disk_list_fn *fn, void *arg) {
    (void)disk, (void)fn, (void)arg;
    return MK_ERR_NOSYS;
}

mk_err_t mk_disk_read(mk_disk_t *disk, const char *name, size_t bytes_max, uint8_t **out, size_t *size) {
    (void)disk, (void)name, (void)bytes_max, (void)out, (void)size;
    return MK_ERR_NOSYS;
}

mk_err_t mk_disk_peek(mk_disk_t *disk, const char *name, void *buf, size_t size, size_t *got) {
    (void)disk, (void)name, (void)buf, (void)size, (void)got;
    return MK_ERR_NOSYS;
}

mk_err_t mk_disk_write(mk_disk_t *disk, const char *name, const mk_slice_t *slices, int n) {
    (void)disk, (void)name, (void)slices, (void)n;
    return MK_ERR_NOSYS;
}

mk_err_t mk_disk_sync(mk_disk_t *disk, const char *const *names, size_t n) {
    (void)disk, (void)names, (void)n;
    return MK_ERR_NOSYS;
}

mk_err_t mk_disk_rename(mk_disk_t *disk, const char *from, const char *to) {
    (void)disk, (void)from, (void)to;
    return MK_ERR_NOSYS;
}

mk_err_t mk_disk_remove(mk_disk_t *disk, const char *name) {
    (void)disk, (void)name;
    return MK_ERR_NOSYS;
}

mk_err_t mk_disk_settle(mk_disk_t *disk) {
    (void)disk;
    return MK_ERR_NOSYS;
}
