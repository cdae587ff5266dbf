/* SPDX-License-Identifier: Apache-2.0 */
/* small_test.c -- a guest for a small chip: three kilobytes of memory in pages of one byte, and a region for payloads of 256.
 * Only our own engine has such pages. Runs on the bare board, too. */
#include "wasm/world.h"

/* The guest, as the text it was made from:
 *   (module
 *     (import "env" "mk_send" (func $send (param i64 i32 i32 i32) (result i32)))
 *     (import "env" "mk_recv" (func $recv (param i32 i32 i32 i32) (result i32)))
 *     (memory (export "memory") 3072 (pagesize 1))
 *     (func $deeper (param $left i32) (result i32)
 *       (if (result i32) (local.get $left)
 *         (then (call $deeper (i32.sub (local.get $left) (i32.const 1))))
 *         (else (call $recv (i32.const 16) (i32.const 32) (i32.const 32) (i32.const 20)))))
 *     (func (export "handle_message") (param $type i32) (param $source i64) (param $at i32) (param $size i32) (result i32)
 *       (if (i32.eq (local.get $type) (i32.const 2))
 *         (then (drop (call $send (local.get $source) (i32.const 3) (local.get $at) (local.get $size)))))
 *       (if (i32.eq (local.get $type) (i32.const 10))
 *         (then
 *           (i32.store (i32.const 0) (memory.size))
 *           (i32.store (i32.const 4) (memory.grow (i32.const 100)))
 *           (i32.store (i32.const 8) (memory.size))
 *           (drop (call $send (local.get $source) (i32.const 4) (i32.const 0) (i32.const 12)))))
 *       (if (i32.eq (local.get $type) (i32.const 11))
 *         (then
 *           (drop (call $deeper (i32.const 3)))
 *           (drop (call $send (local.get $source) (i32.const 4) (i32.const 32) (i32.load (i32.const 20))))))
 *       (if (i32.eq (local.get $type) (i32.const 12))
 *         (then (loop $for_ever (br $for_ever))))
 *       (i32.ne (local.get $type) (i32.const 0))))
 */
static const uint8_t small[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x1e, 0x04, 0x60, 0x04, 0x7e, 0x7f, 0x7f, 0x7f, 0x01,
    0x7f, 0x60, 0x04, 0x7f, 0x7f, 0x7f, 0x7f, 0x01, 0x7f, 0x60, 0x01, 0x7f, 0x01, 0x7f, 0x60, 0x04, 0x7f, 0x7e,
    0x7f, 0x7f, 0x01, 0x7f, 0x02, 0x1d, 0x02, 0x03, 0x65, 0x6e, 0x76, 0x07, 0x6d, 0x6b, 0x5f, 0x73, 0x65, 0x6e,
    0x64, 0x00, 0x00, 0x03, 0x65, 0x6e, 0x76, 0x07, 0x6d, 0x6b, 0x5f, 0x72, 0x65, 0x63, 0x76, 0x00, 0x01, 0x03,
    0x03, 0x02, 0x02, 0x03, 0x05, 0x05, 0x01, 0x08, 0x80, 0x18, 0x00, 0x07, 0x1b, 0x02, 0x06, 0x6d, 0x65, 0x6d,
    0x6f, 0x72, 0x79, 0x02, 0x00, 0x0e, 0x68, 0x61, 0x6e, 0x64, 0x6c, 0x65, 0x5f, 0x6d, 0x65, 0x73, 0x73, 0x61,
    0x67, 0x65, 0x00, 0x03, 0x0a, 0x89, 0x01, 0x02, 0x19, 0x00, 0x20, 0x00, 0x04, 0x7f, 0x20, 0x00, 0x41, 0x01,
    0x6b, 0x10, 0x02, 0x05, 0x41, 0x10, 0x41, 0x20, 0x41, 0x20, 0x41, 0x14, 0x10, 0x01, 0x0b, 0x0b, 0x6d, 0x00,
    0x20, 0x00, 0x41, 0x02, 0x46, 0x04, 0x40, 0x20, 0x01, 0x41, 0x03, 0x20, 0x02, 0x20, 0x03, 0x10, 0x00, 0x1a,
    0x0b, 0x20, 0x00, 0x41, 0x0a, 0x46, 0x04, 0x40, 0x41, 0x00, 0x3f, 0x00, 0x36, 0x02, 0x00, 0x41, 0x04, 0x41,
    0xe4, 0x00, 0x40, 0x00, 0x36, 0x02, 0x00, 0x41, 0x08, 0x3f, 0x00, 0x36, 0x02, 0x00, 0x20, 0x01, 0x41, 0x04,
    0x41, 0x00, 0x41, 0x0c, 0x10, 0x00, 0x1a, 0x0b, 0x20, 0x00, 0x41, 0x0b, 0x46, 0x04, 0x40, 0x41, 0x03, 0x10,
    0x02, 0x1a, 0x20, 0x01, 0x41, 0x04, 0x41, 0x20, 0x41, 0x14, 0x28, 0x02, 0x00, 0x10, 0x00, 0x1a, 0x0b, 0x20,
    0x00, 0x41, 0x0c, 0x46, 0x04, 0x40, 0x03, 0x40, 0x0c, 0x00, 0x0b, 0x0b, 0x20, 0x00, 0x41, 0x00, 0x47, 0x0b,
};

enum { GROW = 10, RECEIVE = 11, LOOP = 12, MEMORY_BYTES = 3072, REGION_BYTES = 256 };

static world_t w;

static actor_id_t spawn_small(uint32_t slice_us) {
    wasm_options_t options = {.engine = "vm", .heap_size = REGION_BYTES, .stack_size = 2048, .slice_us = slice_us};
    world_spawn_t  s = {.bytes = small, .size = sizeof small, .options = &options};
    world_do(&w, world_spawn_now, &s);
    if (s.result != MK_OK) rig_fail(__FILE__, __LINE__, "%s", w.err);
    return s.id;
}

TEST(a_guest_of_three_kilobytes_gets_payloads_behind_them) {
    static uint8_t payload[REGION_BYTES + 1];
    for (size_t i = 0; i < sizeof payload; i++) payload[i] = (uint8_t)(i * 3);
    world_open(&w);
    actor_id_t guest = spawn_small(0);
    CHECK_EQ(world_info(&w, guest).memory_bytes, MEMORY_BYTES + REGION_BYTES);
    CHECK(world_send(&w, guest, PING, payload, REGION_BYTES));
    heard_t *h = world_wait(&w, PONG);
    CHECK(h != NULL && h->size == REGION_BYTES && memcmp(h->bytes, payload, REGION_BYTES) == 0);
    CHECK(world_send(&w, guest, PING, payload, REGION_BYTES + 1));
    CHECK_EQ(world_info(&w, guest).dropped, 1);
    world_close(&w);
}

TEST(what_it_declares_is_told) {
    wasm_module_info_t info;
    char               why[256];
    CHECK_EQ(wasm_module_inspect(small, sizeof small, NULL, NULL, &info, why, sizeof why), MK_OK);
    CHECK(info.is_guest && info.memory_page_bytes == 1 && info.memory_pages_min == MEMORY_BYTES);
}

TEST(its_memory_grows_by_bytes_around_the_region) {
    world_open(&w);
    actor_id_t guest = spawn_small(0);
    CHECK(world_send(&w, guest, GROW, NULL, 0));
    heard_t *h = world_wait(&w, RESULT);
    CHECK_EQ(heard_u32(h, 0), MEMORY_BYTES);
    CHECK_EQ(heard_u32(h, 1), MEMORY_BYTES + REGION_BYTES); /* nothing it is given is the host's */
    CHECK_EQ(heard_u32(h, 2), MEMORY_BYTES + REGION_BYTES + 100);
    CHECK(world_send(&w, guest, PING, "x", 1));
    CHECK(world_wait(&w, PONG) != NULL);
    world_close(&w);
}

TEST(it_waits_some_calls_deep_and_lets_others_run_while_it_computes) {
    world_open(&w);
    actor_id_t guest = spawn_small(0), loop = spawn_small(1);
    CHECK(world_send(&w, loop, LOOP, NULL, 0));
    CHECK(world_send(&w, guest, RECEIVE, NULL, 0));
    CHECK(world_info(&w, guest).waiting);
    CHECK(world_send(&w, guest, 77, "three", 5));
    heard_t *h = world_wait(&w, RESULT);
    CHECK(h != NULL && h->size == 5 && memcmp(h->bytes, "three", 5) == 0);
    CHECK(world_info(&w, loop).computing && world_info(&w, loop).preempted > 1);
    actor_stop(w.rt, loop);
    CHECK_EQ(world_end(&w)->reason, EXIT_KILLED);
    world_close(&w);
}
