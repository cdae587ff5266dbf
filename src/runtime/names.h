/* SPDX-License-Identifier: Apache-2.0 */
/* names.h -- the table of names of this node. */
#ifndef MK_RUNTIME_NAMES_H
#define MK_RUNTIME_NAMES_H

#include "core/actor.h"

typedef struct mk_name mk_name_t;

typedef struct mk_names {
    mk_name_t **bucket; /* a power of two of chains */
    size_t      mask;
    size_t      count;
    uint32_t    seed;   /* so that nobody outside can aim at one chain */
} mk_names_t;

MK_MUST_CHECK mk_err_t mk_names_init(mk_names_t *names);
void                   mk_names_fini(mk_names_t *names); /* every actor has ended, so every name is gone */

/* `giver` (may be NULL) may hand out the names it holds. MK_ERR_INVALID (empty), MK_ERR_TOOLONG, MK_ERR_EXISTS,
 * MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_names_put(runtime_t *rt, const char *name, actor_t *actor, const actor_t *giver);

/* Takes all names away from an actor whose spawn is being undone. */
void mk_names_drop_all(runtime_t *rt, actor_t *actor);

#endif
