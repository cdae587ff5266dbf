/* SPDX-License-Identifier: Apache-2.0 */
/* pages.c -- mappings of their own: zero without being written, counted when they are touched. All are of one kind, so that
 * the kernel merges neighbours, and ten thousand guests are not ten thousand entries in its list. */
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "port/port.h"

static size_t rounded(size_t bytes) {
    static size_t page; /* written by whoever comes first, always the same */
    size_t        size = __atomic_load_n(&page, __ATOMIC_RELAXED);
    if (size == 0) __atomic_store_n(&page, size = (size_t)sysconf(_SC_PAGESIZE), __ATOMIC_RELAXED);
    return (bytes + size - 1) & ~(size - 1);
}

/* Small ones are told to stay small: together they look like one large mapping, in which the first page touched could bring
 * two megabytes. */
static void *map(size_t bytes) {
    enum { HUGE_BYTES = 2 * 1024 * 1024 };
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at != MAP_FAILED && bytes < HUGE_BYTES) (void)madvise(at, bytes, MADV_NOHUGEPAGE); /* a kernel without them */
    return at;
}

/* What lies between the end of the memory and the end of its last page has never been reached, so it is zero when the memory
 * grows. */
uint8_t *mk_port_pages_resize(uint8_t *base, size_t from, size_t bytes) {
    size_t had = rounded(from), wanted = rounded(bytes);
    if (bytes == 0) {
        if (base != NULL) munmap(base, had);
        return NULL;
    }
    if (wanted < bytes || !mk_mem_admits(bytes)) return NULL;
    if (base != NULL && wanted == had) return base;
    void *at = base == NULL ? map(wanted) : mremap(base, had, wanted, MREMAP_MAYMOVE);
    return at != MAP_FAILED ? at : NULL;
}
