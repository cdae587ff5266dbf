/* SPDX-License-Identifier: Apache-2.0 */
/* tree.c -- see tree.h. Invariants: left is before, right is behind; no place weighs more than the one above it; every `at` is the
 * address of the pointer that points to its place. */
#include "ns/tree.h"

#include "base/assert.h"

void mk_tree_init(mk_tree_t *tree, uint32_t seed, mk_place_compare_fn *compare) {
    *tree = (mk_tree_t){.compare = compare, .random = seed | 1u};
}

/* xorshift32: good enough for weights, and its state is seeded where nobody sees it. */
static uint32_t next_weight(mk_tree_t *tree) {
    tree->random ^= tree->random << 13;
    tree->random ^= tree->random >> 17;
    tree->random ^= tree->random << 5;
    return tree->random;
}

static void set(mk_place_t **at, mk_place_t *place) {
    *at = place;
    if (place != NULL) place->at = at;
}

void mk_tree_put(mk_tree_t *tree, mk_place_t *place) {
    mk_assert(place->at == NULL);
    place->weight = next_weight(tree);
    mk_place_t **at = &tree->root;
    while (*at != NULL && (*at)->weight >= place->weight)
        at = tree->compare(place, *at) < 0 ? &(*at)->left : &(*at)->right;
    /* What is below here is lighter: it is parted into what comes before and what comes behind. */
    mk_place_t *rest = *at, **before = &place->left, **behind = &place->right;
    while (rest != NULL) {
        if (tree->compare(rest, place) < 0) {
            set(before, rest);
            before = &rest->right;
            rest = rest->right;
        } else {
            set(behind, rest);
            behind = &rest->left;
            rest = rest->left;
        }
    }
    *before = *behind = NULL;
    set(at, place);
}

void mk_tree_remove(mk_place_t *place) {
    if (place->at == NULL) return;
    mk_place_t *before = place->left, *behind = place->right, **at = place->at;
    while (before != NULL && behind != NULL) {
        if (before->weight >= behind->weight) {
            set(at, before);
            at = &before->right;
            before = before->right;
        } else {
            set(at, behind);
            at = &behind->left;
            behind = behind->left;
        }
    }
    set(at, before != NULL ? before : behind);
    place->at = NULL;
}

mk_place_t *mk_tree_find(const mk_tree_t *tree, mk_tree_order_fn *order, const void *key) {
    mk_place_t *found = NULL;
    for (mk_place_t *place = tree->root; place != NULL;) {
        if (order(key, place) <= 0) {
            found = place;
            place = place->left;
        } else {
            place = place->right;
        }
    }
    return found;
}
