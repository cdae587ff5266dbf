/* SPDX-License-Identifier: Apache-2.0 */
/* events.c -- what will happen on the fake network, in the order of time and then of asking: a heap. And the network's
 * memory, all of which a reset takes back. */
#include <stddef.h>
#include <stdlib.h>

#include "base/assert.h"
#include "port/fake/network.h"

/* ---- memory ----------------------------------------------------------------------------------------------------------- */

typedef struct block {
    _Alignas(max_align_t) mk_node_t node;
} block_t;

static mk_node_t *blocks;

void *mk_fake_alloc(size_t size) {
    block_t *block = calloc(1, sizeof *block + size);
    mk_assert(block != NULL);
    mk_list_push(&blocks, &block->node);
    return block + 1;
}

void mk_fake_free(void *p) {
    if (p == NULL) return;
    block_t *block = (block_t *)p - 1;
    mk_list_remove(&block->node);
    free(block);
}

/* ---- time --------------------------------------------------------------------------------------------------------------- */

typedef struct event {
    uint64_t          at_us;
    uint64_t          number; /* of events of one time the first asked for comes first */
    mk_fake_event_fn *fn;
    void             *arg;
} event_t;

static event_t *heap;
static size_t   size, room;
static uint64_t asked;

static bool is_before(const event_t *a, const event_t *b) {
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->number < b->number;
}

void mk_fake_later(uint64_t at_us, mk_fake_event_fn *fn, void *arg) {
    if (size == room) {
        room = room != 0 ? 2 * room : 64;
        heap = realloc(heap, room * sizeof *heap);
        mk_assert(heap != NULL);
    }
    event_t event = {at_us, asked++, fn, arg};
    size_t  at = size++;
    for (; at != 0 && is_before(&event, &heap[(at - 1) / 2]); at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
    heap[at] = event;
}

static event_t take_first(void) {
    event_t first = heap[0], last = heap[--size];
    size_t  at = 0, child;
    while ((child = 2 * at + 1) < size) {
        if (child + 1 < size && is_before(&heap[child + 1], &heap[child])) child++;
        if (is_before(&last, &heap[child])) break;
        heap[at] = heap[child];
        at = child;
    }
    if (size != 0) heap[at] = last;
    return first;
}

uint64_t mk_fake_next_us(void) { return size != 0 ? heap[0].at_us : UINT64_MAX; }

void mk_fake_net_run(void) {
    while (size != 0 && heap[0].at_us <= mk_fake.now_us) {
        event_t event = take_first();
        event.fn(event.arg, event.at_us);
    }
}

void mk_fake_events_reset(void) {
    free(heap);
    heap = NULL;
    size = room = 0;
    asked = 0;
    for (mk_node_t *node = blocks, *next; node != NULL; node = next) {
        next = node->next;
        free(mk_container_of(node, block_t, node));
    }
    blocks = NULL;
}
