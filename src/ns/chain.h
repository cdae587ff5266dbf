/* SPDX-License-Identifier: Apache-2.0 */
/* chain.h -- a ring of nodes around its head: a node leaves without knowing whose it is, the last one is as near as the first, and a
 * whole chain goes over into another in one step. Head and nodes are of one type; one that is in no chain points at itself. */
#ifndef MK_NS_CHAIN_H
#define MK_NS_CHAIN_H

#include <stdbool.h>

typedef struct mk_chain mk_chain_t;

struct mk_chain {
    mk_chain_t *next, *before;
};

static inline void mk_chain_init(mk_chain_t *chain) { chain->next = chain->before = chain; }

static inline bool mk_chain_is_empty(const mk_chain_t *head) { return head->next == head; }

static inline void mk_chain_remove(mk_chain_t *node) {
    node->next->before = node->before;
    node->before->next = node->next;
    mk_chain_init(node);
}

/* Behind `head`, which may be a node, too. `node` is in no chain. */
static inline void mk_chain_push(mk_chain_t *head, mk_chain_t *node) {
    node->next = head->next;
    node->before = head;
    head->next->before = node;
    head->next = node;
}

/* All of `from`, which is empty then. */
static inline void mk_chain_take(mk_chain_t *head, mk_chain_t *from) {
    if (mk_chain_is_empty(from)) return;
    from->before->next = head->next;
    head->next->before = from->before;
    from->next->before = head;
    head->next = from->next;
    mk_chain_init(from);
}

#endif
