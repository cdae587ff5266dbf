/* SPDX-License-Identifier: Apache-2.0 */
/* index.c -- a sorted array of pointers: one that comes moves half of them on average, which for a hundred thousand names is a
 * tenth of what its way to the disk costs. */
#include "store/index.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int mk_names_compare(mk_slice_t a, mk_slice_t b) {
    size_t n = a.size < b.size ? a.size : b.size;
    int    order = n != 0 ? memcmp(a.data, b.data, n) : 0;
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

void mk_index_fini(mk_index_t *index) {
    for (size_t i = 0; i < index->n; i++) mk_free(index->at[i]);
    mk_free(index->at);
    *index = (mk_index_t){0};
}

size_t mk_index_from(const mk_index_t *index, mk_slice_t name) {
    size_t low = 0, high = index->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mk_names_compare(mk_entry_name(index->at[middle]), name) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

mk_entry_t *mk_index_find(const mk_index_t *index, mk_slice_t name) {
    size_t at = mk_index_from(index, name);
    return at < index->n && mk_names_compare(mk_entry_name(index->at[at]), name) == 0 ? index->at[at] : NULL;
}

static bool make_room(mk_index_t *index) {
    if (index->n < index->room) return true;
    size_t       room = index->room != 0 ? index->room * 2 : 16;
    mk_entry_t **at = mk_realloc(index->at, room * sizeof(mk_entry_t *));
    if (at == NULL) return false;
    index->at = at;
    index->room = room;
    return true;
}

static mk_entry_t *insert(mk_index_t *index, mk_slice_t name, size_t at) {
    mk_entry_t *entry = make_room(index) ? mk_calloc(1, sizeof *entry + name.size) : NULL;
    if (entry == NULL) return NULL;
    entry->gone = true;
    entry->name_size = (uint32_t)name.size;
    memcpy(entry->name, name.data, name.size);
    memmove(index->at + at + 1, index->at + at, (index->n - at) * sizeof(mk_entry_t *));
    index->at[at] = entry;
    index->n++;
    return entry;
}

mk_entry_t *mk_index_add(mk_index_t *index, mk_slice_t name) { return insert(index, name, mk_index_from(index, name)); }

mk_entry_t *mk_index_add_unsorted(mk_index_t *index, mk_slice_t name) { return insert(index, name, index->n); }

static int by_name(const void *a, const void *b) {
    const mk_entry_t *const *x = a, *const *y = b;
    return mk_names_compare(mk_entry_name(*x), mk_entry_name(*y));
}

void mk_index_sort(mk_index_t *index) {
    if (index->n != 0) qsort(index->at, index->n, sizeof(mk_entry_t *), by_name);
}

void mk_index_remove(mk_index_t *index, mk_entry_t *entry) {
    size_t at = mk_index_from(index, mk_entry_name(entry));
    memmove(index->at + at, index->at + at + 1, (index->n - at - 1) * sizeof(mk_entry_t *));
    index->n--;
    mk_free(entry);
}
