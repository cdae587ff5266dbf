/* SPDX-License-Identifier: Apache-2.0 */
/* pointers.c -- gives every import addresses and lengths that are not its own. GO; RESULT: checks that failed.
 *
 * It exports its own allocator, so that the end of its memory is where memory.size says. An import must refuse
 * before it does anything: a mk_recv that cannot deliver must not wait, nor take the message. */
#include "guest.h"

MK_PAYLOAD_BUFFER(4096);

static uint32_t word;
static uint64_t wide;

/* Each reaches over the end of memory by at least one byte, whatever the room taken before it. */
typedef struct {
    uint32_t address, len;
} span_t;

static span_t spans[6];

static void find_spans(void) {
    uint32_t end = memory_bytes();
    spans[0] = (span_t){end - 1, 2};         /* the last byte and one more                  */
    spans[1] = (span_t){end, 1};             /* just behind                                 */
    spans[2] = (span_t){end + 1, 64};        /* further behind                              */
    spans[3] = (span_t){UINT32_MAX, 1};      /* the last address there is                   */
    spans[4] = (span_t){16, UINT32_MAX};     /* sum wraps to a small number                 */
    spans[5] = (span_t){UINT32_MAX - 7, 16}; /* the same, from above                        */
}

static void try_sends(check_t *c, span_t s) {
    mk_actor_t self = mk_self();
    CHECK(c, mk_send(self, PONG, at(s.address), s.len) == 0);
    CHECK(c, mk_spawn_wasm(at(s.address), s.len) == 0);
    CHECK(c, mk_spawn_file(at(s.address), s.len, NULL, 0, NULL) == 0);
    CHECK(c, mk_spawn_file("x", 1, at(s.address), s.len, NULL) == 0);
    mk_log(MK_LOG_INFO, at(s.address), s.len); /* no result: to come back is the check */
    mk_print(at(s.address), s.len);
}

static void try_names(check_t *c, span_t s) {
    CHECK(c, mk_register(at(s.address), s.len) == -1);
    CHECK(c, mk_lookup(at(s.address), s.len) == 0);
    CHECK(c, mk_reverse_lookup(mk_self(), at(s.address), s.len) <= 0);
    CHECK(c, mk_node_name(at(s.address), s.len) <= 0);
    CHECK(c, mk_last_error(at(s.address), s.len) <= 0);
}

static void try_files(check_t *c, span_t s) {
    char buf[16];
    CHECK(c, mk_read_file(at(s.address), s.len, buf, sizeof buf, &word) == -1);
    CHECK(c, mk_read_file("x", 1, at(s.address), s.len, &word) == -1);
    CHECK(c, mk_list_actors(at(s.address), s.len, &word) == -1);
    CHECK(c, mk_actor_status(mk_self(), at(s.address), s.len) <= 0);
}

static void try_receives(check_t *c, span_t s) {
    uint32_t   type = 0;
    mk_actor_t from = 0;
    CHECK(c, mk_recv(&type, at(s.address), s.len, &word) == -1);
    CHECK(c, mk_recv_full(&type, at(s.address), s.len, &word, &from) == -1);
    CHECK(c, mk_recv_timeout(&type, at(s.address), s.len, &word, &from, 5) == -1);
}

/* Results of four and eight bytes, written where only a part of them fits, or nothing. */
static void try_results(check_t *c) {
    char       buf[16];
    uint32_t   type = 0;
    mk_actor_t from = 0;
    for (uint32_t missing = 1; missing <= 4; missing++) {
        void *bad = at(memory_bytes() - 4 + missing);
        CHECK(c, mk_recv(bad, buf, sizeof buf, &word) == -1);
        CHECK(c, mk_recv(&type, buf, sizeof buf, bad) == -1);
        CHECK(c, mk_recv_full(bad, buf, sizeof buf, &word, &from) == -1);
        CHECK(c, mk_recv_full(&type, buf, sizeof buf, bad, &from) == -1);
        CHECK(c, mk_recv_timeout(bad, buf, sizeof buf, &word, &from, 5) == -1);
        CHECK(c, mk_recv_timeout(&type, buf, sizeof buf, bad, &from, 5) == -1);
        CHECK(c, mk_list_actors(&wide, 1, bad) == -1);
        CHECK(c, mk_read_file("x", 1, buf, sizeof buf, bad) == -1);
    }
    for (uint32_t missing = 1; missing <= 8; missing++) {
        void *bad = at(memory_bytes() - 8 + missing);
        CHECK(c, mk_recv_full(&type, buf, sizeof buf, &word, bad) == -1);
        CHECK(c, mk_recv_timeout(&type, buf, sizeof buf, &word, bad, 5) == -1);
        CHECK(c, mk_list_actors(bad, 1, &word) == -1);
    }
    /* Eight times this is eight, in 32 bits. */
    CHECK(c, mk_list_actors(&wide, 0x20000001u, &word) == -1);
}

/* What lies within, to the last byte and on odd addresses, is right. */
static void try_good(check_t *c) {
    uint32_t      end = memory_bytes();
    unsigned char odd[16];
    mk_actor_t    self = mk_self();
    CHECK(c, mk_send(self, PONG, at(end - 1), 1) == 1);
    CHECK(c, mk_recv_full((void *)(odd + 1), at(end - 1), 1, at(end - 4), (void *)(odd + 7)) == 0);
    CHECK(c, get_u32(odd, 1) == PONG && get_u64(odd, 7) == self);
    CHECK(c, get_u32(at(end - 4), 0) == 1);
    CHECK(c, mk_send(self, PONG, at(end), 0) == 1);
    CHECK(c, mk_recv_full(&word, at(end), 0, at(end - 4), at(end - 8)) == 0);
    CHECK(c, word == PONG);
}

int32_t handle_message(uint32_t type, mk_actor_t source, void *payload, uint32_t size) {
    if (type != GO) return usual(type, source, payload, size);
    check_t c = {.to = source};
    find_spans();
    CHECK(&c, mk_send_u32(mk_self(), PONG, 77) == 1); /* for a mk_recv that would take it by mistake */
    for (uint32_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        try_sends(&c, spans[i]);
        try_names(&c, spans[i]);
        try_files(&c, spans[i]);
        try_receives(&c, spans[i]);
    }
    try_results(&c);
    uint32_t got = 0;
    CHECK(&c, mk_recv(&type, &got, sizeof got, &size) == 0);
    CHECK(&c, type == PONG && size == 4 && got == 77);
    try_good(&c);
    mk_send_u32(source, RESULT, c.wrong);
    return MK_STAY;
}
