/* SPDX-License-Identifier: Apache-2.0 */
/* entropy.c -- this machine has no source of randomness, and a clock is none. */
#include "port/port.h"

mk_err_t mk_port_entropy(void *out, size_t bytes) {
    (void)out, (void)bytes;
    return MK_ERR_NOSYS;
}
