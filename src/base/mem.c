/* SPDX-License-Identifier: Apache-2.0 */
/* mem.c -- libc's heap behind a gate. */
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static mk_mem_gate_fn gate_fn;
static void          *gate_arg;

void mk_mem_set_gate(mk_mem_gate_fn gate, void *arg) {
    gate_fn = gate;
    gate_arg = arg;
}

bool mk_mem_admits(size_t size) { return gate_fn == NULL || gate_fn(gate_arg, size); }

void *mk_alloc(size_t size) { return mk_mem_admits(size) ? malloc(size != 0 ? size : 1) : NULL; }

void *mk_calloc(size_t n, size_t size) {
    if (size != 0 && n > SIZE_MAX / size) return NULL;
    return mk_mem_admits(n * size) ? calloc(n != 0 ? n : 1, size != 0 ? size : 1) : NULL;
}

void *mk_realloc(void *p, size_t size) { return mk_mem_admits(size) ? realloc(p, size != 0 ? size : 1) : NULL; }

void mk_free(void *p) { free(p); }

void *mk_aligned_alloc(size_t align, size_t size) {
    void *p = NULL;
    return mk_mem_admits(size) && posix_memalign(&p, align, size) == 0 ? p : NULL;
}

void mk_aligned_free(void *p) { free(p); }

char *mk_strndup(const char *text, size_t size) {
    char *copy = mk_alloc(size + 1);
    if (copy == NULL) return NULL;
    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}
