/* SPDX-License-Identifier: Apache-2.0 */
/* state.h -- saving for those who wait for it in their own way (guests). Runtime's thread. */
#ifndef MK_DURABLE_STATE_H
#define MK_DURABLE_STATE_H

#include "microkernel/state_persist.h"

typedef struct mk_saving mk_saving_t;

/* It is on the disk, or, with `err`, will not be. */
typedef void mk_saved_fn(void *arg, mk_err_t err);

/* As state_save(); calls `fn` later, unless it is forgotten. MK_ERR_NOTFOUND: no state is kept; MK_ERR_INVALID, MK_ERR_TOOLONG, MK_ERR_LIMIT,
 * MK_ERR_FULL, MK_ERR_NOMEM: nothing was saved. *out is valid until `fn`. */
MK_MUST_CHECK mk_err_t mk_state_save(runtime_t *rt, const char *actor_name, const char *key, const void *data, size_t size,
                                     mk_saved_fn *fn, void *arg, mk_saving_t **out);
void                   mk_saving_forget(mk_saving_t *saving); /* it is saved all the same */

/* All values of a name as they are now; put back later: those that have come since are deleted. No snapshot (NULL) is no memory for it,
 * or no state at all: *out tells the two apart. */
typedef struct mk_state_copy mk_state_copy_t;
MK_MUST_CHECK mk_err_t mk_state_copy(runtime_t *rt, const char *actor_name, mk_state_copy_t **out);
MK_MUST_CHECK mk_err_t mk_state_put_back(runtime_t *rt, const mk_state_copy_t *copy); /* the first that failed; the others are back */
void                   mk_state_copy_free(mk_state_copy_t *copy); /* NULL is allowed */

#endif
