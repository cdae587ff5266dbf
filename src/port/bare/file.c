/* SPDX-License-Identifier: Apache-2.0 */
/* file.c -- no files on this machine. */
#include "port/port.h"

mk_err_t mk_port_read_file(const char *below, const char *path, size_t bytes_max, uint8_t **out, size_t *size) {
    (void)below, (void)path, (void)bytes_max, (void)out, (void)size;
    return MK_ERR_NOSYS;
}
