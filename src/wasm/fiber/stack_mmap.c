/* SPDX-License-Identifier: Apache-2.0 */
/* stack_mmap.c -- stacks as mappings of their own, each with one page below it that may not be touched. Pages become
 * resident when a call first reaches them, so a class is an upper limit and not a cost. */
#include "wasm/fiber/stack.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

static size_t page_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }

size_t mk_stack_round(size_t bytes) {
    size_t page = page_bytes();
    return (bytes + page - 1) / page * page;
}

uint8_t *mk_stack_map(size_t bytes) {
    /* The heap is asked for nothing here, but a test that fails every allocation must reach this one too. */
    void *ticket = mk_alloc(1);
    if (ticket == NULL) return NULL;
    mk_free(ticket);

    size_t   page = page_bytes();
    uint8_t *at = mmap(NULL, bytes + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) return NULL;
    if (mprotect(at + page, bytes, PROT_READ | PROT_WRITE) != 0) {
        munmap(at, bytes + page);
        return NULL;
    }
    return at + page;
}

void mk_stack_unmap(uint8_t *low, size_t bytes) {
    size_t page = page_bytes();
    munmap(low - page, bytes + page);
}

/* Compared with itself one byte further on, which the library does at the speed of memory. */
static bool is_zero(const uint8_t *at, size_t bytes) { return at[0] == 0 && memcmp(at, at + 1, bytes - 1) == 0; }

void mk_stack_forget_zeros(void *at, size_t bytes) {
    size_t    page = page_bytes();
    uintptr_t first = ((uintptr_t)at + page - 1) / page * page, end = ((uintptr_t)at + bytes) / page * page;
    while (first < end) {
        uintptr_t next = first;
        while (next < end && is_zero((const uint8_t *)next, page)) next += page;
        if (next > first) (void)madvise((void *)first, next - first, MADV_DONTNEED); /* if not, they just stay */
        first = next + page;
    }
}
