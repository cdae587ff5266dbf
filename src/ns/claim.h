/* SPDX-License-Identifier: Apache-2.0 */
/* claim.h -- one name that one node has registered, and where it stands in the ordered tables. A path may have several claims; the
 * first of them in its table's order is the one that counts. */
#ifndef MK_NS_CLAIM_H
#define MK_NS_CLAIM_H

#include <stdbool.h>

#include "microkernel/namespace.h"
#include "ns/chain.h"
#include "ns/tree.h"

/* A path in two pieces, so that /node/<identity>/x needs no copy of x. */
typedef struct mk_path {
    const char *head, *tail;
    size_t      head_size, tail_size;
} mk_path_t;

/* "/node/<identity>/" */
typedef struct mk_prefix {
    size_t size;
    char   text[sizeof "/node//" + MK_IDENTITY_BYTES];
} mk_prefix_t;

/* Which claim of a path counts: lower ranks first; among shared ones the older, then that of the lower node id. One node claims a
 * path below its /node/<identity>/ at most once in each of the other ranks. */
typedef enum mk_rank {
    MK_RANK_FIRST,   /* before all: for looking up        */
    MK_RANK_PRIVATE, /* this node's alone                 */
    MK_RANK_SHARED,  /* one owner in all nodes            */
    MK_RANK_LITERAL, /* registered as /node/<identity>/x  */
    MK_RANK_PLAIN,   /* ... as x                          */
    MK_RANK_SLASHED, /* ... as /x                         */
    MK_RANK_OFFERED, /* ... as /node/local/x              */
    MK_RANK_LAST     /* behind all                        */
} mk_rank_t;

/* Which of a claim's places. */
enum { MK_PLACE_TEXT, MK_PLACE_NODE, MK_PLACE_SEQ };

typedef struct mk_claim {
    mk_place_t           by_text; /* under the text as registered                                                          */
    mk_place_t           by_node; /* a peer's: under /node/<identity>/...; ours: as peers are told                         */
    mk_place_t           by_seq;  /* a peer's: by whose it is, for looking names up backwards                              */
    mk_chain_t           of_owner;
    struct mk_ns_peer   *peer;    /* NULL: ours                                                                            */
    const mk_prefix_t   *prefix;  /* in front of the path of by_node; NULL: nothing                                        */
    uint64_t             stamp_ms, counter;
    uint64_t             pass;    /* a peer's: the one that last said it */
    node_id_t            node;
    uint32_t             seq;     /* 0: held */
    uint32_t             size;    /* of the text, without its NUL */
    uint8_t              skip;    /* bytes of the text that the path of by_node leaves out */
    uint8_t              rank_text, rank_node; /* mk_rank_t */
    char                 text[];
} mk_claim_t;

/* A path and a rank: the key of the tables of paths. */
typedef struct mk_key {
    mk_path_t path;
    mk_rank_t rank;
} mk_key_t;

int mk_path_compare(const mk_path_t *a, const mk_path_t *b); /* as strcmp() of the whole */
static inline size_t mk_path_size(const mk_path_t *path) { return path->head_size + path->tail_size; }
static inline mk_path_t mk_path_of(const char *text, size_t size) {
    return (mk_path_t){.head = "", .tail = text, .tail_size = size};
}

mk_claim_t *mk_claim_of(const mk_place_t *place);
mk_path_t   mk_place_path(const mk_place_t *place);
mk_rank_t   mk_place_rank(const mk_place_t *place);

mk_place_compare_fn mk_claim_order;     /* of by_text and by_node, in one tree even */
mk_place_compare_fn mk_claim_seq_order; /* of by_seq: by number, then the older     */
mk_tree_order_fn    mk_key_order;       /* mk_key_t against by_text and by_node     */

/* Whether the claim of one node goes before that of another. */
bool mk_claim_is_before(uint64_t stamp_ms, node_id_t node, uint64_t other_stamp_ms, node_id_t other_node);

/* The first claim's place of exactly this path; NULL: none. */
mk_place_t *mk_paths_find(const mk_tree_t *tree, const mk_path_t *path);
/* The first place whose path comes behind this one's. */
mk_place_t *mk_paths_after(const mk_tree_t *tree, const mk_path_t *path);

/* In no tree, without an owner. NULL: out of memory. */
mk_claim_t *mk_claim_create(const char *text, size_t size);
/* Leaves its trees and its owner, and is freed. */
void mk_claim_destroy(mk_claim_t *claim);

#endif
