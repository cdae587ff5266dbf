/* SPDX-License-Identifier: Apache-2.0 */
/* languages_test.c -- the same three examples in every language: they keep the same promises, whatever compiled them;
 * and what only an SDK can get wrong. Virtual time. */
#include "port/port.h"
#include "wasm/world.h"

enum { ECHO = 200, ECHOED = 201, AGAIN = 210, REPEATED = 211, COUNT = 100, QUERY = 110, TOTAL = 111 };

static const char *const suffixes[] = {MK_EXAMPLE_SUFFIXES};
enum { LANGUAGES = sizeof suffixes / sizeof suffixes[0] };

static const wasm_options_t loaded = {.grants = WASM_GRANTS_LOADED};

static world_t w;

static actor_id_t example(const char *name, const char *suffix) {
    char path[512];
    snprintf(path, sizeof path, "%s/examples/%s%s.wasm", MK_BINARY_DIR, name, suffix);
    world_spawn_t spawn = {.path = path, .options = &loaded};
    world_do(&w, world_spawn_now, &spawn);
    if (spawn.result != MK_OK) rig_fail(__FILE__, __LINE__, "%s: %s", path, w.err);
    return spawn.id;
}

/* The next message of that type must come from `guest` and hold these bytes. */
static void expect(actor_id_t guest, uint32_t type, const void *bytes, size_t size) {
    heard_t *h = world_wait(&w, type);
    if (h == NULL) rig_fail(__FILE__, __LINE__, "no message of type %u", (unsigned)type);
    CHECK_EQ(h->source, guest);
    CHECK_EQ(h->size, size);
    CHECK(memcmp(h->bytes, bytes, size < WORLD_BYTES ? size : WORLD_BYTES) == 0);
}

static void expect_normal_end(actor_id_t guest) {
    CHECK(world_send(&w, guest, STOP, NULL, 0));
    heard_t *h = world_end(&w);
    CHECK_EQ(h->source, guest);
    CHECK_EQ(h->reason, EXIT_NORMAL);
}

TEST(echo_answers_with_the_next_type_and_the_same_payload) {
    static unsigned char payload[65536];
    for (size_t i = 0; i < sizeof payload; i++) payload[i] = (unsigned char)(i * 7);
    const size_t sizes[] = {0, 1, 5, 1000, sizeof payload};
    for (size_t l = 0; l < LANGUAGES; l++) {
        world_open(&w);
        actor_id_t guest = example("echo", suffixes[l]);
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            CHECK(world_send(&w, guest, ECHO, payload, sizes[s]));
            expect(guest, ECHOED, payload, sizes[s]);
        }
        expect_normal_end(guest);
        world_close(&w);
    }
}

TEST(counter_counts_in_a_loop_that_waits) {
    static const char larger_than_its_buffer[100];
    for (size_t l = 0; l < LANGUAGES; l++) {
        world_open(&w);
        actor_id_t guest = example("counter", suffixes[l]);
        for (unsigned i = 0; i < 12; i++) CHECK(world_send(&w, guest, COUNT, NULL, 0));
        CHECK(world_send(&w, guest, COUNT, larger_than_its_buffer, sizeof larger_than_its_buffer));
        CHECK(world_send(&w, guest, 7, "ignored", 7));
        CHECK(world_send(&w, guest, QUERY, NULL, 0));
        expect(guest, TOTAL, "13", 2);
        CHECK(world_info(&w, guest).waiting);
        CHECK_EQ(world_info(&w, guest).messages, 0); /* the first has not been left yet */
        expect_normal_end(guest);
        world_close(&w);
    }
}

TEST(sleepers_sleep_at_the_same_time_and_others_run_meanwhile) {
    world_open(&w);
    actor_id_t sleeper[LANGUAGES], awake = example("echo", suffixes[0]);
    for (size_t l = 0; l < LANGUAGES; l++) sleeper[l] = example("sleeper", suffixes[l]);
    uint64_t began_us = mk_port_now_us();
    for (size_t l = 0; l < LANGUAGES; l++) CHECK(world_send(&w, sleeper[l], ECHO, "zzz", 3));
    CHECK(world_send(&w, awake, ECHO, "up", 2));
    expect(awake, ECHOED, "up", 2);
    for (size_t l = 0; l < LANGUAGES; l++) CHECK(world_info(&w, sleeper[l]).waiting);
    for (size_t l = 0; l < LANGUAGES; l++) expect(sleeper[l], ECHOED, "zzz", 3);
    uint64_t took_ms = (mk_port_now_us() - began_us) / 1000;
    CHECK(took_ms >= 100 && took_ms < 200);
    for (size_t l = 0; l < LANGUAGES; l++) expect_normal_end(sleeper[l]);
    world_close(&w);
}

TEST(a_guest_reads_how_an_actor_ended_that_it_had_started) {
    enum { CHILD = 14, ENDED = 16, TEXT_AT = 12 };
    const wasm_options_t options = {.grants = WASM_GRANTS_ALL};
    size_t               size;
    world_open(&w);
    actor_id_t parent = world_spawn(&w, "parent", &options);
    uint8_t   *module = read_guest("trap_start", &size);
    CHECK(world_send(&w, parent, GO, module, size));
    free(module);
    heard_t *h = world_wait(&w, CHILD);
    CHECK(h != NULL);
    uint64_t child = heard_u64(h, 0);
    h = world_wait(&w, ENDED);
    CHECK(h != NULL && h->size > TEXT_AT);
    CHECK_EQ(heard_u64(h, 0), child);
    CHECK_EQ(heard_u32(h, 2), EXIT_TRAPPED);
    CHECK(strstr((const char *)h->bytes + TEXT_AT, "unreachable") != NULL);
    world_close(&w);
}

#ifdef MK_EXAMPLE_WASI
TEST(a_guest_with_a_c_library_keeps_what_it_was_sent) {
    world_open(&w);
    actor_id_t guest = example("echo-wasi", "");
    CHECK(world_send(&w, guest, AGAIN, NULL, 0));
    expect(guest, REPEATED, "", 0);
    CHECK(world_send(&w, guest, ECHO, "first", 5));
    expect(guest, ECHOED, "first", 5);
    CHECK(world_send(&w, guest, ECHO, "and second", 10));
    expect(guest, ECHOED, "and second", 10);
    CHECK(world_send(&w, guest, AGAIN, NULL, 0));
    expect(guest, REPEATED, "and second", 10);
    expect_normal_end(guest);
    world_close(&w);
}
#endif
