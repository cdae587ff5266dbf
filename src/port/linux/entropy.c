/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/random.h>

#include "port/port.h"

mk_err_t mk_port_entropy(void *out, size_t bytes) {
    uint8_t *at = out;
    while (bytes != 0) {
        ssize_t got = getrandom(at, bytes, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return MK_ERR_IO;
        at += got;
        bytes -= (size_t)got;
    }
    return MK_OK;
}
