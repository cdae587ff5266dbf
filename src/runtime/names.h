/* SPDX-License-Identifier: Apache-2.0 */
/* names.h -- the table of names of this node. */
#ifndef MK_RUNTIME_NAMES_H
#define MK_RUNTIME_NAMES_H

#include "core/actor.h"

typedef struct mk_name mk_name_t;

/* Who keeps a larger table than this one, with the names of other nodes in it (room ns), is asked and told. A name is claimed
 * when it comes into this table, whether somebody carries it or a supervisor holds it, and released when it leaves. After a claim
 * and whenever it changes hands points() says who carries it. None of these may change this table, but that release() is called
 * when the name has left it. */
typedef struct mk_names_ops {
    /* MK_ERR_EXISTS: another node's; MK_ERR_NOMEM, ...: it does not come into the table, and the answer goes to who asked. */
    mk_err_t   (*claim)(void *arg, const char *name);
    void       (*points)(void *arg, const char *name, actor_id_t id); /* who carries it now; ACTOR_ID_INVALID: nobody, it is held */
    void       (*release)(void *arg, const char *name);
    actor_id_t (*elsewhere)(void *arg, const char *name);             /* nobody carries it here: who does, on another node? */
    /* The first name of another node's actor, as actor_reverse_lookup(). */
    size_t     (*reverse)(void *arg, actor_id_t id, char *buf, size_t size);
} mk_names_ops_t;

typedef struct mk_names {
    mk_name_t **bucket; /* a power of two of chains */
    size_t      mask;
    size_t      count;
    uint32_t    seed;   /* so that nobody outside can aim at one chain */
    const mk_names_ops_t *ops; /* NULL: nobody observes */
    void                 *arg;
} mk_names_t;

/* At most one, before which there are names already: the caller visits them. NULL: nobody any more. */
void mk_names_observe(runtime_t *rt, const mk_names_ops_t *ops, void *arg);

/* Every name of this table; `id` as in points(). No name may come or go meanwhile. */
typedef void mk_names_visit_fn(void *arg, const char *name, actor_id_t id);
void mk_names_visit(runtime_t *rt, mk_names_visit_fn *fn, void *arg);

/* Takes a name away from whoever carries and holds it: another node has it by right. It is released. Returns who carried it. */
actor_id_t mk_names_withdraw(runtime_t *rt, const char *name);

MK_MUST_CHECK mk_err_t mk_names_init(mk_names_t *names);
void                   mk_names_fini(mk_names_t *names); /* every actor has ended, so every name is gone */

/* `giver` (may be NULL) may hand out the names it holds. MK_ERR_INVALID (empty), MK_ERR_TOOLONG, MK_ERR_EXISTS,
 * MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_names_put(runtime_t *rt, const char *name, actor_t *actor, const actor_t *giver);

#endif
