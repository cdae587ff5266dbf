/* SPDX-License-Identifier: Apache-2.0 */
/* liar.c -- an allocator that cannot be trusted. A message of type 10 to 20 without payload chooses how; the next
 * payload meets it. The node must drop that message (or end this guest), and nothing else may happen. */
#include "guest.h"

enum {
    HONEST = 10,
    NULL_POINTER = 11,
    BEHIND_THE_END = 12, /* exactly at the end of memory                     */
    OVER_THE_END = 13,   /* in memory, but the payload reaches one byte out  */
    LAST_ADDRESS = 14,   /* 0xFFFFFFFF                                       */
    TRAPS = 15,
    LOOPS = 16,
    SLEEPS = 17,   /* waits inside the allocator                       */
    RECEIVES = 18, /* takes a message inside the allocator             */
    GROWS = 19,    /* moves the memory, then tells the truth           */
    FREE_TRAPS = 20
};

static uint32_t mode = HONEST;
static _Alignas(16) unsigned char room[4096];

MK_EXPORT(mk_alloc) void *mk_alloc(uint32_t size);
void *mk_alloc(uint32_t size) {
    unsigned char buf[8];
    mk_message_t  msg;
    switch (mode) {
    case NULL_POINTER: return NULL;
    case BEHIND_THE_END: return at(memory_bytes());
    case OVER_THE_END: return at(memory_bytes() - size + 1);
    case LAST_ADDRESS: return at(UINT32_MAX);
    case TRAPS: __builtin_trap();
    case LOOPS:
        for (;;) opaque();
    case SLEEPS: mk_sleep_ms(20); break;
    case RECEIVES: mk_next(&msg, buf, sizeof buf, 20); break;
    case GROWS: __builtin_wasm_memory_grow(0, 1); break;
    default: break;
    }
    return size <= sizeof room ? room : NULL;
}

MK_EXPORT(mk_free) void mk_free(void *data);
void mk_free(void *data) {
    (void)data;
    if (mode == FREE_TRAPS) __builtin_trap();
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    if (size == 0 && type >= HONEST && type <= FREE_TRAPS) mode = type;
    return usual(type, source, payload, size);
}
