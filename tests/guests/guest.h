/* SPDX-License-Identifier: Apache-2.0 */
/* guest.h -- what the guests of the tests have in common: a small protocol and a way to check themselves. */
#ifndef GUEST_H
#define GUEST_H

#include "mk_guest.h"

/* Types 10 and up are each guest's own. */
enum {
    GO = 1,   /* do what this guest is for                               */
    PING = 2, /* answered with PONG and the same payload                 */
    PONG = 3,
    RESULT = 4, /* little-endian u32 values                                */
    WRONG = 5   /* text: a check that failed; the RESULT after it counts them */
};

static inline int32_t usual(uint32_t type, mk_actor_t source, const void *payload, uint32_t size) {
    if (type == PING) mk_send(source, PONG, payload, size);
    return type == MK_STOP ? MK_STOP : MK_STAY;
}

static inline uint32_t get_u32(const void *data, uint32_t at) {
    const unsigned char *b = (const unsigned char *)data + at;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t get_u64(const void *data, uint32_t at) {
    return (uint64_t)get_u32(data, at) | (uint64_t)get_u32(data, at + 4) << 32;
}

/* Keeps the compiler from deciding that what follows never ends or never matters. */
static inline void opaque(void) { __asm__ volatile("" ::: "memory"); }

static inline uint32_t memory_bytes(void) { return (uint32_t)__builtin_wasm_memory_size(0) * 65536u; }

/* A wild address, which no C object has. */
static inline void *at(uint32_t address) { return (void *)address; }

typedef struct {
    mk_actor_t to;
    uint32_t   wrong;
} check_t;

static inline void check(check_t *c, bool good, const char *what) {
    if (good) return;
    c->wrong++;
    mk_send_text(c->to, WRONG, what);
}

#define CHECK(c, condition) check((c), (condition), #condition)

#endif
