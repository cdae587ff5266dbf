/* SPDX-License-Identifier: Apache-2.0 */
/* lives.c -- incarnations, and what is remembered of nodes that are linked no more.
 *
 * An incarnation is the wall clock at the start, in milliseconds, above twenty random bits: two lives that begin in the same
 * millisecond still differ. Without a clock it is random with the highest bit set, which no clock will set for some centuries,
 * and then nobody can say which of two was the later one. */
#include <string.h>

#include "node/cluster_parts.h"

enum { RANDOM_BITS = 20 };

#define NO_CLOCK ((uint64_t)1 << 63)

mk_err_t mk_incarnation_new(uint64_t *out) {
    uint64_t random, wall_ms = mk_port_wall_ms();
    mk_err_t err = mk_port_entropy(&random, sizeof random);
    if (err != MK_OK) return err;
    if (wall_ms == 0) *out = random | NO_CLOCK;
    else *out = (wall_ms << RANDOM_BITS | (random & (((uint64_t)1 << RANDOM_BITS) - 1))) & ~NO_CLOCK;
    return MK_OK;
}

bool mk_incarnation_is_older(uint64_t a, uint64_t b) { return ((a | b) & NO_CLOCK) == 0 && a < b; }

static mk_life_t *find(mk_lives_t *lives, node_id_t node, const char *identity) {
    for (size_t i = 0; i < lives->n; i++)
        if (lives->at[i].node == node && strcmp(lives->at[i].identity, identity) == 0) return &lives->at[i];
    return NULL;
}

const mk_life_t *mk_lives_find(const mk_lives_t *lives, node_id_t node, const char *identity) {
    return find((mk_lives_t *)(uintptr_t)lives, node, identity);
}

/* The one that was seen longest ago makes room. */
static mk_life_t *take(mk_lives_t *lives) {
    mk_life_t *oldest = &lives->at[0];
    if (lives->n < MK_LIVES_MAX) return &lives->at[lives->n++];
    for (size_t i = 1; i < lives->n; i++)
        if (lives->at[i].seen_ms < oldest->seen_ms) oldest = &lives->at[i];
    return oldest;
}

void mk_lives_note(mk_lives_t *lives, const mk_life_t *life) {
    mk_life_t *known = find(lives, life->node, life->identity);
    uint64_t   lost = life->lost;
    if (known != NULL) lost += known->lost;
    else known = take(lives);
    *known = *life;
    known->lost = lost;
}
