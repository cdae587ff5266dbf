/* SPDX-License-Identifier: Apache-2.0 */
/* imports_http_none.c -- for nodes without sockets: every request fails and says why. */
#include "wasm/guest.h"
#include "wasm/imports.h"

void mk_guest_http_fini(mk_guest_t *guest) { (void)guest; }

static mk_host_end_t none(mk_guest_t *guest, uint64_t *result, uint32_t answer) {
    mk_guest_fail(guest, "this node has no HTTP");
    *result = answer;
    return MK_HOST_DONE;
}

#define NONE(name, answer)                                                   \
    mk_host_end_t name(void *host, const uint64_t *args, uint64_t *result) { \
        (void)args;                                                          \
        return none(host, result, answer);                                   \
    }

NONE(mk_import_http_get, UINT32_MAX)
NONE(mk_import_http_open, UINT32_MAX)
NONE(mk_import_http_status, UINT32_MAX)
NONE(mk_import_http_header, UINT32_MAX)
NONE(mk_import_http_read, UINT32_MAX)
NONE(mk_import_http_collect, UINT32_MAX)
NONE(mk_import_http_spawn, 0)
NONE(mk_import_http_close, UINT32_MAX)
