/* SPDX-License-Identifier: Apache-2.0 */
/* mem.h -- the one door to the heap, so that a test can fail each allocation by number and a board can count bytes. */
#ifndef MK_BASE_MEM_H
#define MK_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* As malloc, calloc, realloc, free; NULL when out of memory. Any thread. */
void *mk_alloc(size_t size);
void *mk_calloc(size_t n, size_t size);
void *mk_realloc(void *p, size_t size);
void  mk_free(void *p);

/* `align` is a power of two and at least sizeof(void *). Given back with mk_aligned_free(). */
void *mk_aligned_alloc(size_t align, size_t size);
void  mk_aligned_free(void *p);

/* A copy of the first `size` bytes with a NUL behind them. */
char *mk_strndup(const char *text, size_t size);

/* Called before each allocation; false makes it fail. NULL: none. Set while no other thread allocates. */
typedef bool (*mk_mem_gate_fn)(void *arg, size_t size);
void mk_mem_set_gate(mk_mem_gate_fn gate, void *arg);

/* What the gate says to that many bytes, for memory that does not come from here. */
bool mk_mem_admits(size_t size);

#endif
