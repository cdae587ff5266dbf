/* SPDX-License-Identifier: Apache-2.0 */
/* The tree against a sorted array. */
#include "ns/tree.h"

#include <stdlib.h>

#include "rig/random.h"
#include "rig/rig.h"

enum { ITEMS = 512 };

typedef struct item {
    mk_place_t place; /* first */
    uint32_t   key;
} item_t;

static int compare(const mk_place_t *a, const mk_place_t *b) {
    uint32_t left = ((const item_t *)a)->key, right = ((const item_t *)b)->key;
    return (left > right) - (left < right);
}

static int against(const void *key, const mk_place_t *place) {
    uint32_t wanted = *(const uint32_t *)key, there = ((const item_t *)place)->key;
    return (wanted > there) - (wanted < there);
}

/* Order, weights and the pointers back; returns how deep it is. */
static unsigned check(mk_place_t *const *at, uint32_t low, uint32_t high) {
    mk_place_t *place = *at;
    if (place == NULL) return 0;
    CHECK(place->at == at);
    uint32_t key = ((item_t *)place)->key;
    CHECK(key >= low && key < high);
    CHECK(place->left == NULL || place->left->weight <= place->weight);
    CHECK(place->right == NULL || place->right->weight <= place->weight);
    unsigned left = check(&place->left, low, key), right = check(&place->right, key + 1, high);
    return 1 + (left > right ? left : right);
}

TEST(a_tree_is_in_order_whatever_comes_and_goes) {
    static item_t item[ITEMS];
    for (uint64_t seed = 1; seed <= 20; seed++) {
        rig_random_t random = {seed};
        mk_tree_t    tree;
        bool         in[ITEMS] = {false};
        memset(item, 0, sizeof item);
        mk_tree_init(&tree, (uint32_t)seed, compare);
        for (uint32_t i = 0; i < ITEMS; i++) item[i].key = i;
        for (unsigned step = 0; step < 4000; step++) {
            uint32_t i = rig_random_below(&random, ITEMS);
            if (in[i]) mk_tree_remove(&item[i].place);
            else mk_tree_put(&tree, &item[i].place);
            in[i] = !in[i];
            uint32_t wanted = rig_random_below(&random, ITEMS + 1), expected = wanted;
            while (expected < ITEMS && !in[expected]) expected++;
            mk_place_t *found = mk_tree_find(&tree, against, &wanted);
            CHECK(found == (expected < ITEMS ? &item[expected].place : NULL));
            if (step % 64 == 0) CHECK(check(&tree.root, 0, ITEMS) < 48);
        }
    }
}

TEST(a_tree_that_is_filled_in_order_stays_flat) {
    enum { MANY = 100000 };
    item_t   *item = calloc(MANY, sizeof *item);
    mk_tree_t tree;
    mk_tree_init(&tree, 7, compare);
    for (uint32_t i = 0; i < MANY; i++) {
        item[i].key = i;
        mk_tree_put(&tree, &item[i].place);
    }
    CHECK(check(&tree.root, 0, MANY) < 64);
    for (uint32_t i = 0; i < MANY; i++) mk_tree_remove(&item[i].place);
    CHECK(tree.root == NULL);
    free(item);
}

TEST(removing_what_is_in_no_tree_is_harmless) {
    item_t item = {.key = 1};
    mk_tree_remove(&item.place);
    CHECK(item.place.at == NULL);
}
