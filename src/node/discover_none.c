/* SPDX-License-Identifier: Apache-2.0 */
/* discover_none.c -- a build without mDNS. */
#include "microkernel/discovery.h"

mk_err_t discovery_announce(runtime_t *rt, const char *where) {
    (void)rt, (void)where;
    return MK_ERR_NOSYS;
}

mk_err_t discovery_watch(runtime_t *rt, bool on) {
    (void)rt;
    return on ? MK_ERR_NOSYS : MK_OK;
}
