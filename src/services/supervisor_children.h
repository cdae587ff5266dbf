/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor_children.h -- a supervisor's children: a list in start order, and an index from what a message names (the
 * id of one that runs, the timer of one that waits) to the child, so that the end of one among many costs no search. */
#ifndef MK_SERVICES_SUPERVISOR_CHILDREN_H
#define MK_SERVICES_SUPERVISOR_CHILDREN_H

#include "microkernel/supervision.h"

typedef struct mk_child mk_child_t;

struct mk_child {
    mk_child_t  *next, *prev; /* start order                                              */
    mk_child_t  *chain;       /* of its bucket in the index                               */
    uint64_t     key;         /* actor id while it runs, timer id while it waits, else 0  */
    child_spec_t spec;        /* spec.name is `name` below, or NULL                       */
    actor_id_t   id;          /* of the present or last incarnation                       */
    timer_id_t   timer;       /* running: its deadline to stop; else: its pause           */
    uint32_t     pause_ms;    /* the last pause before a restart; 0: none yet             */
    uint64_t     started_ms;
    bool         running;
    bool         stopping; /* it was asked to                                          */
    bool         marked;   /* belongs to the group being stopped (and started again)   */
    bool         removing;
    bool         added;      /* after the supervisor's start                             */
    bool         holds_name; /* the supervisor reserved it                               */
    char         name[];
};

typedef struct mk_children {
    mk_child_t  *first, *last;
    size_t       count;
    mk_child_t **bucket; /* a power of two                                           */
    size_t       mask;
} mk_children_t;

/* MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_children_init(mk_children_t *children);
void                   mk_children_fini(mk_children_t *children); /* frees the children, too */

/* Appends a child made from `spec`. NULL: out of memory. */
mk_child_t *mk_children_add(mk_children_t *children, const child_spec_t *spec);

/* Takes it out and frees it. */
void mk_children_remove(mk_children_t *children, mk_child_t *child);

/* Makes `key` find the child; 0: nothing does. Replaces the key it had. */
void        mk_children_set_key(mk_children_t *children, mk_child_t *child, uint64_t key);
mk_child_t *mk_children_find(const mk_children_t *children, uint64_t key);

#endif
