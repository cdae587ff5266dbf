/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "port/port.h"

mk_err_t mk_port_host_name(char *out, size_t size) {
    int needed = snprintf(out, size, "fake.host");
    return (size_t)needed < size ? MK_OK : MK_ERR_TOOLONG;
}

uint64_t mk_port_free_bytes(void) { return 123456789; }
