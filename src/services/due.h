/* SPDX-License-Identifier: Apache-2.0 */
/* due.h -- records in the order in which their times come: a binary heap of pointers into records, each of which knows its place, so that
 * any of them can leave. */
#ifndef MK_SERVICES_DUE_H
#define MK_SERVICES_DUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embed it; zero-initialised it is in no heap. */
typedef struct mk_due {
    uint64_t at;
    size_t   place; /* in the heap, from 1; 0: in none */
} mk_due_t;

typedef struct mk_due_heap {
    mk_due_t **at;
    size_t     n, room;
} mk_due_heap_t;

/* Room for `n` records: putting so many cannot fail. False: out of memory. */
bool      mk_due_reserve(mk_due_heap_t *heap, size_t n);
void      mk_due_put(mk_due_heap_t *heap, mk_due_t *due, uint64_t at);
void      mk_due_remove(mk_due_heap_t *heap, mk_due_t *due); /* harmless when it is in none */
mk_due_t *mk_due_first(const mk_due_heap_t *heap);           /* NULL: none                  */
void      mk_due_fini(mk_due_heap_t *heap);

#endif
