/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <unistd.h>

#include "port/port.h"

void mk_port_write(int stream, const void *data, size_t size) {
    const char *at = data;
    while (size != 0) {
        ssize_t wrote = write(stream, at, size);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return; /* nobody reads it any more: there is nowhere left to say so */
        at += wrote;
        size -= (size_t)wrote;
    }
}
