/* SPDX-License-Identifier: Apache-2.0 */
/* idmap.c -- see idmap.h. Numbers are ordered by their distance from the map's first one, so that where they begin changes
 * nothing: with 2^32 of them the circle is closed. Invariant: every number a slot has given is before the one it gives
 * next, unless the map wraps; a slot whose numbers are used up is in no list and holds nothing. */
#include "base/idmap.h"

#include "base/mem.h"

enum { SLOTS_MAX_LOG2 = 31 };

/* The first number of a slot; 0 is nobody's. */
static uint32_t first_of(const mk_idmap_t *map, uint32_t index, uint32_t slots) {
    uint32_t seq = map->first + ((index - map->first) & (slots - 1));
    return seq != 0 ? seq : slots;
}

/* The number that comes `by` after `seq`, or, when that is 0, `slots` later, which is the same slot's. 0: there is none. */
static uint32_t later(const mk_idmap_t *map, uint32_t seq, uint32_t by, uint32_t slots) {
    uint64_t distance = (uint64_t)(seq - map->first) + by;
    if (map->first + (uint32_t)distance == 0) distance += slots;
    return distance <= UINT32_MAX ? map->first + (uint32_t)distance : 0;
}

static void push_free(mk_idmap_t *map, uint32_t index, uint32_t next_seq) {
    map->slots[index] = (mk_idslot_t){NULL, next_seq, map->free};
    map->free = index;
}

/* Puts a slot back with its number after `seq`, or retires it when there is none. */
static void recycle(mk_idmap_t *map, uint32_t index, uint32_t seq) {
    uint32_t slots = mk_idmap_slots(map), next = later(map, seq, slots, slots);
    if (next != 0) {
        push_free(map, index, next);
    } else if (map->wraps) {
        push_free(map, index, first_of(map, index, slots));
    } else {
        map->slots[index] = (mk_idslot_t){NULL, 0, MK_IDMAP_END};
    }
}

mk_err_t mk_idmap_init_at(mk_idmap_t *map, uint32_t slots, bool wraps, uint32_t first) {
    mk_assert(slots >= 2 && (slots & (slots - 1)) == 0 && first != 0);
    *map = (mk_idmap_t){.slots = mk_alloc(slots * sizeof *map->slots),
                        .mask = slots - 1,
                        .free = MK_IDMAP_END,
                        .first = first,
                        .wraps = wraps};
    if (map->slots == NULL) return MK_ERR_NOMEM;
    for (uint32_t i = slots; i-- > 0;) {
        uint32_t index = (first + i) & map->mask; /* so that the numbers come in their order */
        push_free(map, index, first_of(map, index, slots));
    }
    return MK_OK;
}

mk_err_t mk_idmap_init(mk_idmap_t *map, uint32_t slots, bool wraps) { return mk_idmap_init_at(map, slots, wraps, 1); }

void mk_idmap_fini(mk_idmap_t *map) {
    mk_free(map->slots);
    map->slots = NULL;
}

/* Splits slot `i` into i and i + n. The half that the slot's number does not belong to starts n after it. */
static void split(mk_idmap_t *map, uint32_t i, uint32_t n) {
    mk_idslot_t old = map->slots[i];
    bool        retired = old.value == NULL && old.seq == 0;
    uint32_t    mine = old.seq & map->mask, other = mine ^ n;
    map->slots[i] = map->slots[i + n] = (mk_idslot_t){NULL, 0, MK_IDMAP_END};
    if (retired) return;
    if (old.value != NULL) map->slots[mine] = old;
    else push_free(map, mine, old.seq);
    uint32_t next = later(map, old.seq, n, 2 * n);
    if (next != 0) push_free(map, other, next);
    else if (map->wraps) push_free(map, other, first_of(map, other, 2 * n));
}

mk_err_t mk_idmap_grow(mk_idmap_t *map) {
    uint32_t n = mk_idmap_slots(map);
    if (n >= (uint32_t)1 << SLOTS_MAX_LOG2 || (uint64_t)n * 2 * sizeof *map->slots > PTRDIFF_MAX) return MK_ERR_LIMIT;
    /* In place: each slot's halves are its own, and a large table is moved by the heap without copying it. */
    mk_idslot_t *slots = mk_realloc(map->slots, (size_t)2 * n * sizeof *slots);
    if (slots == NULL) return MK_ERR_NOMEM;
    map->slots = slots;
    map->mask = 2 * n - 1;
    map->free = MK_IDMAP_END;
    /* Backwards, so that the numbers come in their order. */
    for (uint32_t i = n; i-- > 0;) split(map, (map->first + i) & (n - 1), n);
    return MK_OK;
}

/* Whether growing would bring a number. At the end of all numbers a full map must not double with every attempt. */
static bool has_numbers_left(const mk_idmap_t *map) {
    uint32_t n = mk_idmap_slots(map);
    for (uint32_t i = 0; i < n; i++)
        if (map->slots[i].value != NULL && (map->wraps || later(map, map->slots[i].seq, n, 2 * n) != 0)) return true;
    return false;
}

static mk_err_t ensure_free(mk_idmap_t *map) {
    if (mk_likely(map->free != MK_IDMAP_END)) return MK_OK;
    return has_numbers_left(map) ? mk_idmap_grow(map) : MK_ERR_LIMIT;
}

/* Takes the free slot that *link is the index of. */
static void take(mk_idmap_t *map, uint32_t *link, void *value, uint32_t *seq) {
    mk_idslot_t *slot = &map->slots[*link];
    mk_assert(value != NULL);
    *link = slot->next;
    slot->value = value;
    *seq = slot->seq;
    map->live++;
}

mk_err_t mk_idmap_add(mk_idmap_t *map, void *value, uint32_t *seq) {
    mk_err_t err = ensure_free(map);
    if (mk_likely(err == MK_OK)) take(map, &map->free, value, seq);
    return err;
}

mk_err_t mk_idmap_add_last(mk_idmap_t *map, void *value, uint32_t *seq) {
    mk_err_t err = ensure_free(map);
    if (err != MK_OK) return err;
    uint32_t *link = &map->free;
    while (map->slots[*link].next != MK_IDMAP_END) link = &map->slots[*link].next;
    take(map, link, value, seq);
    return MK_OK;
}

void mk_idmap_remove(mk_idmap_t *map, uint32_t seq) {
    mk_assert(mk_idmap_get(map, seq) != NULL);
    map->live--;
    recycle(map, seq & map->mask, seq);
}
