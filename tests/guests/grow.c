/* SPDX-License-Identifier: Apache-2.0 */
/* grow.c -- takes all the memory it is given, page by page, and uses it. */
#include "guest.h"

enum {
    SIZES = 10 /* RESULT: pages before, what memory.grow(1) returned, pages after */
};

enum { PAGE_BYTES = 65536 };

/* Every new page is zero when it comes and holds its own number afterwards. */
static uint32_t grow_to_the_limit(check_t *c) {
    uint32_t first = (uint32_t)__builtin_wasm_memory_size(0);
    uint32_t pages = first;
    uint32_t lowest = 0;
    for (;;) {
        uint32_t old = (uint32_t)__builtin_wasm_memory_grow(0, 1);
        if (old == UINT32_MAX) break;
        if (lowest == 0) lowest = old;
        CHECK(c, old >= pages);
        volatile uint32_t *page = at(old * PAGE_BYTES);
        CHECK(c, page[0] == 0 && page[PAGE_BYTES / 4 - 1] == 0);
        page[0] = old;
        page[PAGE_BYTES / 4 - 1] = ~old;
        pages = (uint32_t)__builtin_wasm_memory_size(0);
        CHECK(c, pages == old + 1);
    }
    for (uint32_t i = lowest; lowest != 0 && i < pages; i++) {
        volatile uint32_t *page = at(i * PAGE_BYTES);
        CHECK(c, page[0] == i && page[PAGE_BYTES / 4 - 1] == ~i);
    }
    return pages;
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    check_t  c = {.to = source};
    uint32_t result[3] = {0};
    switch (type) {
    case GO: /* RESULT: pages reached, checks that failed */
        result[0] = grow_to_the_limit(&c);
        result[1] = c.wrong;
        mk_send(source, RESULT, result, 2 * sizeof result[0]);
        return MK_STAY;
    case SIZES:
        result[0] = (uint32_t)__builtin_wasm_memory_size(0);
        result[1] = (uint32_t)__builtin_wasm_memory_grow(0, 1);
        result[2] = (uint32_t)__builtin_wasm_memory_size(0);
        mk_send(source, RESULT, result, sizeof result);
        return MK_STAY;
    default: return usual(type, source, payload, size);
    }
}
