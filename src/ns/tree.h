/* SPDX-License-Identifier: Apache-2.0 */
/* tree.h -- an ordered table of places that live inside of what is kept (a treap: a search tree by key, a heap by random weights).
 * Nothing is allocated, so nothing here can fail. Putting and finding cost a logarithm; removing needs no search. The weights are
 * secret, so nobody outside can make the tree deep. */
#ifndef MK_NS_TREE_H
#define MK_NS_TREE_H

#include <stddef.h>
#include <stdint.h>

typedef struct mk_place mk_place_t;

struct mk_place {
    mk_place_t *left, *right, **at; /* `at`: the pointer that points here; NULL: in no tree */
    uint32_t    weight;
    uint32_t    kind;               /* the user's: which of its places this is              */
};

/* A total order: 0 only for a place and itself. */
typedef int mk_place_compare_fn(const mk_place_t *a, const mk_place_t *b);

typedef struct mk_tree {
    mk_place_t          *root;
    mk_place_compare_fn *compare;
    uint32_t             random;
} mk_tree_t;

void mk_tree_init(mk_tree_t *tree, uint32_t seed, mk_place_compare_fn *compare);

/* The place is in no tree. */
void mk_tree_put(mk_tree_t *tree, mk_place_t *place);
/* Harmless when it is in none. Its key may have changed only if it did not change its order. */
void mk_tree_remove(mk_place_t *place);

/* The first place that is not before `key`: for which `order` (of the key against the place) is not above 0. NULL: none. */
typedef int mk_tree_order_fn(const void *key, const mk_place_t *place);
mk_place_t *mk_tree_find(const mk_tree_t *tree, mk_tree_order_fn *order, const void *key);

#endif
