/* SPDX-License-Identifier: Apache-2.0 */
/* file.c -- no files on this machine. */
#include "port/port.h"

mk_err_t mk_port_read_file(const char *below, const char *path, size_t bytes_max, uint8_t **out, size_t *size) {
    (void)below, (void)path, (void)bytes_max, (void)out, (void)size;
    return MK_ERR_NOSYS;
}

mk_err_t mk_file_open(const char *below, const char *path, int *file, mk_file_info_t *info) {
    (void)below, (void)path, (void)file, (void)info;
    return MK_ERR_NOSYS;
}

ptrdiff_t mk_file_read(int file, uint64_t at, void *buf, size_t size) {
    (void)file, (void)at, (void)buf, (void)size;
    return MK_IO_FAILED;
}

mk_err_t mk_file_create(const char *path, int *file) {
    (void)path, (void)file;
    return MK_ERR_NOSYS;
}

mk_err_t mk_file_write(int file, const void *data, size_t size) {
    (void)file, (void)data, (void)size;
    return MK_ERR_NOSYS;
}

mk_err_t mk_file_publish(int file, const char *from, const char *to) {
    (void)file, (void)from, (void)to;
    return MK_ERR_NOSYS;
}

void mk_file_close(int file) { (void)file; }

void mk_file_remove(const char *path) { (void)path; }
