/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor_limit.h -- how many restarts fit into a sliding window of time. Remembers when each of the latest was, and
 * never more of them than are allowed. */
#ifndef MK_SERVICES_SUPERVISOR_LIMIT_H
#define MK_SERVICES_SUPERVISOR_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microkernel/error.h"

typedef struct mk_supervisor_limit {
    size_t    max;
    uint64_t  window_ms;
    uint64_t *times; /* a ring, oldest at `head` */
    size_t    cap, head, used;
} mk_supervisor_limit_t;

/* MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_supervisor_limit_init(mk_supervisor_limit_t *limit, size_t max, uint64_t window_ms);
void                   mk_supervisor_limit_fini(mk_supervisor_limit_t *limit);

/* Counts one restart; false when it would be one too many, which is not counted. */
bool mk_supervisor_limit_allows(mk_supervisor_limit_t *limit, uint64_t now_ms);

#endif
