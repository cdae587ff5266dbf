/* SPDX-License-Identifier: Apache-2.0 */
#include "services/due.h"

#include "base/assert.h"
#include "base/mem.h"

static void set(mk_due_heap_t *heap, size_t place, mk_due_t *due) {
    heap->at[place - 1] = due;
    due->place = place;
}

static void rise(mk_due_heap_t *heap, size_t place, mk_due_t *due) {
    for (; place > 1 && heap->at[place / 2 - 1]->at > due->at; place /= 2) set(heap, place, heap->at[place / 2 - 1]);
    set(heap, place, due);
}

static void sink(mk_due_heap_t *heap, size_t place, mk_due_t *due) {
    for (size_t child; (child = 2 * place) <= heap->n; place = child) {
        if (child < heap->n && heap->at[child]->at < heap->at[child - 1]->at) child++;
        if (heap->at[child - 1]->at >= due->at) break;
        set(heap, place, heap->at[child - 1]);
    }
    set(heap, place, due);
}

bool mk_due_reserve(mk_due_heap_t *heap, size_t n) {
    if (n <= heap->room) return true;
    size_t     room = n < 16 ? 16 : 2 * n;
    mk_due_t **at = mk_realloc(heap->at, room * sizeof(mk_due_t *));
    if (at == NULL) return false;
    heap->at = at;
    heap->room = room;
    return true;
}

void mk_due_put(mk_due_heap_t *heap, mk_due_t *due, uint64_t at) {
    mk_assert(due->place == 0 && heap->n < heap->room);
    due->at = at;
    rise(heap, ++heap->n, due);
}

void mk_due_remove(mk_due_heap_t *heap, mk_due_t *due) {
    size_t place = due->place;
    if (place == 0) return;
    due->place = 0;
    mk_due_t *last = heap->at[--heap->n];
    if (last == due) return;
    if (place > 1 && heap->at[place / 2 - 1]->at > last->at) rise(heap, place, last);
    else sink(heap, place, last);
}

mk_due_t *mk_due_first(const mk_due_heap_t *heap) { return heap->n != 0 ? heap->at[0] : NULL; }

void mk_due_fini(mk_due_heap_t *heap) {
    mk_free(heap->at);
    *heap = (mk_due_heap_t){0};
}
