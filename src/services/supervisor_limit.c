/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor_limit.c -- see supervisor_limit.h. The ring starts with room for the usual limits, so that counting needs
 * no memory when memory is what children die of; only a large limit makes it grow. */
#include "services/supervisor_limit.h"

#include "base/assert.h"
#include "base/mem.h"

enum { CAP_FIRST = 8 };

mk_err_t mk_supervisor_limit_init(mk_supervisor_limit_t *limit, size_t max, uint64_t window_ms) {
    *limit = (mk_supervisor_limit_t){.max = max, .window_ms = window_ms, .cap = max < CAP_FIRST ? max : CAP_FIRST};
    if (limit->cap == 0) return MK_OK;
    limit->times = mk_calloc(limit->cap, sizeof *limit->times);
    return limit->times != NULL ? MK_OK : MK_ERR_NOMEM;
}

void mk_supervisor_limit_fini(mk_supervisor_limit_t *limit) { mk_free(limit->times); }

static void drop_oldest(mk_supervisor_limit_t *limit) {
    mk_assert(limit->cap != 0); /* or nothing could have been remembered */
    limit->head = (limit->head + 1) % limit->cap;
    limit->used--;
}

/* Without memory the oldest restart is forgotten early: with a limit this large the error is small. */
static void make_room(mk_supervisor_limit_t *limit) {
    size_t    cap = limit->cap < limit->max / 2 ? limit->cap * 2 : limit->max;
    uint64_t *times = mk_calloc(cap, sizeof *times);
    if (times == NULL) {
        drop_oldest(limit);
        return;
    }
    for (size_t i = 0; i < limit->used; i++) times[i] = limit->times[(limit->head + i) % limit->cap];
    mk_free(limit->times);
    limit->times = times;
    limit->cap = cap;
    limit->head = 0;
}

bool mk_supervisor_limit_allows(mk_supervisor_limit_t *limit, uint64_t now_ms) {
    while (limit->used != 0 && now_ms - limit->times[limit->head] >= limit->window_ms) drop_oldest(limit);
    if (limit->used == limit->max) return false;
    if (limit->used == limit->cap) make_room(limit);
    mk_assert(limit->cap != 0); /* a max of 0 was answered two lines above */
    limit->times[(limit->head + limit->used++) % limit->cap] = now_ms;
    return true;
}
