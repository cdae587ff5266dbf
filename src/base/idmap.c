/* SPDX-License-Identifier: Apache-2.0 */
/* idmap.c -- see idmap.h. Invariant: every number a slot has given is below the one it gives next, unless the map wraps;
 * a slot whose numbers are used up is in no list and holds nothing. */
#include "base/idmap.h"

#include "base/mem.h"

enum { SLOTS_MAX_LOG2 = 31 };

/* The first number of a slot: its index, but 0 is nobody's. */
static uint32_t first_of(uint32_t index, uint32_t slots) { return index != 0 ? index : slots; }

static void push_free(mk_idmap_t *map, uint32_t index, uint32_t next_seq) {
    map->slots[index] = (mk_idslot_t){NULL, next_seq, map->free};
    map->free = index;
}

/* Puts a slot back with the number above `seq`, or retires it when there is none. */
static void recycle(mk_idmap_t *map, uint32_t index, uint32_t seq) {
    uint32_t slots = mk_idmap_slots(map);
    if (seq <= UINT32_MAX - slots) {
        push_free(map, index, seq + slots);
    } else if (map->wraps) {
        push_free(map, index, first_of(index, slots));
    } else {
        map->slots[index] = (mk_idslot_t){NULL, 0, MK_IDMAP_END};
    }
}

mk_err_t mk_idmap_init(mk_idmap_t *map, uint32_t slots, bool wraps) {
    mk_assert(slots >= 2 && (slots & (slots - 1)) == 0);
    *map = (mk_idmap_t){
        .slots = mk_alloc(slots * sizeof *map->slots), .mask = slots - 1, .free = MK_IDMAP_END, .wraps = wraps};
    if (map->slots == NULL) return MK_ERR_NOMEM;
    /* Slot 0 goes to the far end, so that the numbers begin 1, 2, 3. */
    push_free(map, 0, first_of(0, slots));
    for (uint32_t i = slots - 1; i > 0; i--) push_free(map, i, i);
    return MK_OK;
}

void mk_idmap_fini(mk_idmap_t *map) {
    mk_free(map->slots);
    map->slots = NULL;
}

/* Splits slot `i` into i and i + n. The half that the slot's number does not belong to starts n above it. */
static void split(mk_idmap_t *map, uint32_t i, uint32_t n) {
    mk_idslot_t old = map->slots[i];
    bool        retired = old.value == NULL && old.seq == 0;
    uint32_t    mine = old.seq & map->mask, other = mine ^ n;
    map->slots[i] = map->slots[i + n] = (mk_idslot_t){NULL, 0, MK_IDMAP_END};
    if (retired) return;
    if (old.value != NULL) map->slots[mine] = old;
    else push_free(map, mine, old.seq);
    if (old.seq <= UINT32_MAX - n) push_free(map, other, old.seq + n);
    else if (map->wraps) push_free(map, other, first_of(other, 2 * n));
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
    /* Downwards, so that low numbers are given first; slot 0 has the highest of each round. */
    split(map, 0, n);
    for (uint32_t i = n - 1; i > 0; i--) split(map, i, n);
    return MK_OK;
}

/* Whether growing would bring a number. At the end of all numbers a full map must not double with every attempt. */
static bool has_numbers_left(const mk_idmap_t *map) {
    uint32_t n = mk_idmap_slots(map);
    for (uint32_t i = 0; i < n; i++)
        if (map->slots[i].value != NULL && (map->wraps || map->slots[i].seq <= UINT32_MAX - n)) return true;
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
