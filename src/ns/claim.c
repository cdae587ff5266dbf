/* SPDX-License-Identifier: Apache-2.0 */
#include "ns/claim.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

/* ---- paths in two pieces ------------------------------------------------------------------------------------------ */

/* The rest of the piece in which byte `at` lies, 0 bytes at the end. */
static size_t piece(const mk_path_t *path, size_t at, const char **out) {
    if (at < path->head_size) {
        *out = path->head + at;
        return path->head_size - at;
    }
    at -= path->head_size;
    *out = path->tail + at;
    return path->tail_size - at;
}

int mk_path_compare(const mk_path_t *a, const mk_path_t *b) {
    for (size_t at = 0;;) {
        const char *in_a, *in_b;
        size_t      n_a = piece(a, at, &in_a), n_b = piece(b, at, &in_b), n = n_a < n_b ? n_a : n_b;
        if (n == 0) return n_a != 0 ? 1 : n_b != 0 ? -1 : 0;
        int order = memcmp(in_a, in_b, n);
        if (order != 0) return order;
        at += n;
    }
}

/* ---- places -------------------------------------------------------------------------------------------------------- */

mk_claim_t *mk_claim_of(const mk_place_t *place) {
    switch (place->kind) {
    case MK_PLACE_TEXT: return mk_container_of(place, mk_claim_t, by_text);
    case MK_PLACE_NODE: return mk_container_of(place, mk_claim_t, by_node);
    default: return mk_container_of(place, mk_claim_t, by_seq);
    }
}

mk_path_t mk_place_path(const mk_place_t *place) {
    const mk_claim_t *claim = mk_claim_of(place);
    if (place->kind == MK_PLACE_TEXT) return mk_path_of(claim->text, claim->size);
    mk_path_t path = mk_path_of(claim->text + claim->skip, claim->size - claim->skip);
    if (claim->prefix != NULL) {
        path.head = claim->prefix->text;
        path.head_size = claim->prefix->size;
    }
    return path;
}

mk_rank_t mk_place_rank(const mk_place_t *place) {
    const mk_claim_t *claim = mk_claim_of(place);
    return place->kind == MK_PLACE_TEXT ? claim->rank_text : claim->rank_node;
}

/* ---- orders -------------------------------------------------------------------------------------------------------- */

static int order_of(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

bool mk_claim_is_before(uint64_t stamp_ms, node_id_t node, uint64_t other_stamp_ms, node_id_t other_node) {
    return stamp_ms != other_stamp_ms ? stamp_ms < other_stamp_ms : node < other_node;
}

int mk_claim_order(const mk_place_t *a, const mk_place_t *b) {
    mk_path_t path_a = mk_place_path(a), path_b = mk_place_path(b);
    int       order = mk_path_compare(&path_a, &path_b);
    if (order == 0) order = order_of(mk_place_rank(a), mk_place_rank(b));
    if (order != 0) return order;
    const mk_claim_t *claim_a = mk_claim_of(a), *claim_b = mk_claim_of(b);
    order = order_of(claim_a->stamp_ms, claim_b->stamp_ms);
    return order != 0 ? order : order_of(claim_a->node, claim_b->node);
}

int mk_claim_seq_order(const mk_place_t *a, const mk_place_t *b) {
    const mk_claim_t *claim_a = mk_claim_of(a), *claim_b = mk_claim_of(b);
    int               order = order_of(claim_a->seq, claim_b->seq);
    if (order == 0) order = order_of(claim_a->stamp_ms, claim_b->stamp_ms);
    return order != 0 ? order : mk_claim_order(&claim_a->by_node, &claim_b->by_node);
}

int mk_key_order(const void *key, const mk_place_t *place) {
    const mk_key_t *wanted = key;
    mk_path_t       path = mk_place_path(place);
    int             order = mk_path_compare(&wanted->path, &path);
    return order != 0 ? order : order_of(wanted->rank, mk_place_rank(place));
}

mk_place_t *mk_paths_find(const mk_tree_t *tree, const mk_path_t *path) {
    mk_key_t    key = {*path, MK_RANK_FIRST};
    mk_place_t *place = mk_tree_find(tree, mk_key_order, &key);
    if (place == NULL) return NULL;
    mk_path_t found = mk_place_path(place);
    return mk_path_compare(path, &found) == 0 ? place : NULL;
}

mk_place_t *mk_paths_after(const mk_tree_t *tree, const mk_path_t *path) {
    mk_key_t key = {*path, MK_RANK_LAST};
    return mk_tree_find(tree, mk_key_order, &key);
}

/* ---- claims --------------------------------------------------------------------------------------------------------- */

mk_claim_t *mk_claim_create(const char *text, size_t size) {
    mk_claim_t *claim = mk_calloc(1, sizeof *claim + size + 1);
    if (claim == NULL) return NULL;
    claim->by_text.kind = MK_PLACE_TEXT;
    claim->by_node.kind = MK_PLACE_NODE;
    claim->by_seq.kind = MK_PLACE_SEQ;
    mk_chain_init(&claim->of_owner);
    claim->size = (uint32_t)size;
    memcpy(claim->text, text, size);
    return claim;
}

void mk_claim_destroy(mk_claim_t *claim) {
    mk_tree_remove(&claim->by_text);
    mk_tree_remove(&claim->by_node);
    mk_tree_remove(&claim->by_seq);
    mk_chain_remove(&claim->of_owner);
    mk_free(claim);
}
