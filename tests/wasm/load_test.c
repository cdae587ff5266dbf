/* SPDX-License-Identifier: Apache-2.0 */
/* load_test.c -- from bytes to a guest: what is refused and in which words, what is shared, what is left behind when
 * memory is out at any point. */
#include <unistd.h>

#include "base/sanitize.h"
#include "rig/oom.h"
#include "wasm/code.h"
#include "wasm/world.h"

static world_t w;

static void check_refused(const char *name, mk_err_t result, const char *text) {
    actor_id_t id;
    mk_err_t   was = world_try_spawn(&w, name, NULL, &id);
    if (was != result) rig_fail(__FILE__, __LINE__, "%s: %s (%s)", name, mk_err_name(was), w.err);
    if (strstr(w.err, text) == NULL) rig_fail(__FILE__, __LINE__, "%s: \"%s\" lacks \"%s\"", name, w.err, text);
    CHECK_EQ(mk_code_count(), 0);
}

TEST(a_module_that_is_no_guest_is_refused_with_what_is_wrong) {
    world_open(&w);
    check_refused("no_handler", MK_ERR_NOTFOUND, "handle_message");
    check_refused("handler_type", MK_ERR_FORMAT, "handle_message");
    check_refused("handler_result", MK_ERR_FORMAT, "handle_message");
    check_refused("handler_global", MK_ERR_FORMAT, "handle_message");
    check_refused("no_memory", MK_ERR_NOTFOUND, "memory");
    check_refused("memory_not_exported", MK_ERR_NOTFOUND, "memory");
    check_refused("alloc_type", MK_ERR_FORMAT, "mk_alloc");
    check_refused("import_unknown", MK_ERR_NOTFOUND, "mk_make_coffee");
    check_refused("import_module", MK_ERR_NOTFOUND, "kitchen");
    check_refused("import_type", MK_ERR_FORMAT, "mk_send");
    check_refused("import_memory", MK_ERR_NOTFOUND, "memory");
    check_refused("import_global", MK_ERR_FORMAT, "env.mk_send is a global");
    world_close(&w);
}

TEST(a_module_the_engine_cannot_take_is_refused) {
    actor_id_t id;
    world_open(&w);
    CHECK(world_try_spawn(&w, "invalid_code", NULL, &id) != MK_OK);
    CHECK(w.err[0] != '\0');
    CHECK(world_try_spawn(&w, "data_outside", NULL, &id) != MK_OK);
    CHECK(w.err[0] != '\0');
    CHECK_EQ(mk_code_count(), 0);
    world_close(&w);
}

TEST(inspecting_tells_whether_a_guest_would_be_taken) {
    static const struct {
        const char *name, *why; /* NULL: it is one */
    } all[] = {{"forever", NULL}, {"no_handler", "handle_message"}, {"invalid_code", "at byte"}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        size_t             size;
        char               why[256] = "";
        wasm_module_info_t info;
        uint8_t           *bytes = read_guest(all[i].name, &size);
        CHECK_EQ(wasm_module_inspect(bytes, size, NULL, NULL, &info, why, sizeof why), MK_OK);
        CHECK_EQ(info.is_guest, all[i].why == NULL);
        CHECK(all[i].why == NULL || strstr(why, all[i].why) != NULL);
        CHECK_EQ(info.memory_page_bytes, 65536);
        free(bytes);
    }
}

TEST(a_module_cut_off_anywhere_is_refused) {
    size_t   size;
    uint8_t *bytes = read_guest("forever", &size);
    world_open(&w);
    for (size_t cut = 0; cut < size; cut += 7) {
        world_spawn_t s = {.bytes = bytes, .size = cut};
        world_spawn_now(&w, &s);
        /* Between two sections a module may end, but not before the code. */
        if (s.result == MK_OK && cut < size / 2) rig_fail(__FILE__, __LINE__, "%zu of %zu bytes", cut, size);
    }
    world_close(&w);
    free(bytes);
}

TEST(a_module_with_any_byte_changed_harms_nobody) {
    size_t   size;
    uint8_t *bytes = read_guest("forever", &size);
    world_open(&w);
    for (size_t i = 0; i < size; i++) {
        uint8_t before = bytes[i];
        bytes[i] ^= 0x55;
        world_spawn_t s = {.bytes = bytes, .size = size};
        world_do(&w, world_spawn_now, &s);
        if (s.result == MK_OK) {
            actor_send(w.rt, s.id, PING, "x", 1);
            while (runtime_step(w.rt)) {}
            actor_stop(w.rt, s.id);
        }
        bytes[i] = before;
    }
    world_close(&w);
    free(bytes);
}

TEST(a_missing_file_a_taken_name_and_no_init_are_told_apart) {
    actor_id_t     id;
    wasm_options_t named = {.name = "one"}, engine = {.engine = "steam"};
    char           err[64];
    runtime_t     *rt = runtime_init(1, 0);
    CHECK_EQ(actor_spawn_wasm_opts(rt, "", 0, NULL, &id, err, sizeof err), MK_ERR_INVALID);
    CHECK_STR(err, "wasm_actors_init() was not called");
    runtime_destroy(rt);
    world_open(&w);
    CHECK_EQ(world_try_spawn(&w, "there is none", NULL, &id), MK_ERR_NOTFOUND);
    world_spawn(&w, "forever", &named);
    CHECK_EQ(world_try_spawn(&w, "forever", &named, &id), MK_ERR_EXISTS);
    CHECK_EQ(world_try_spawn(&w, "forever", &engine, &id), MK_ERR_INVALID);
    CHECK_STR(w.err, "no such engine");
    world_close(&w);
}

TEST(instances_of_the_same_bytes_share_one_module) {
    size_t   size;
    uint8_t *bytes = read_guest("forever", &size);
    world_open(&w);
    for (int i = 0; i < 1000; i++) {
        actor_id_t id =
            actor_spawn_wasm(w.rt, bytes, size, 4, WASM_DEFAULT_STACK_SIZE, WASM_DEFAULT_HEAP_SIZE, FIBER_STACK_SMALL);
        CHECK(id != ACTOR_ID_INVALID);
    }
    CHECK_EQ(mk_code_count(), 1);
    CHECK(world_try_spawn(&w, "returns", NULL, &(actor_id_t){0}) == MK_OK);
    CHECK_EQ(mk_code_count(), 2);
    world_close(&w);
    free(bytes);
}

static size_t resident_bytes(void) {
    long  pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
    if (file != NULL) fclose(file);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void load_and_end(size_t times, const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < times; i++) {
        world_spawn_t s = {.bytes = bytes, .size = size};
        world_do(&w, world_spawn_now, &s);
        CHECK_EQ(s.result, MK_OK);
        actor_send(w.rt, s.id, i % 2 ? GO : PING, NULL, 0); /* every other one ends while it waits */
        while (runtime_step(w.rt)) {}
        actor_stop(w.rt, s.id);
        while (runtime_step(w.rt)) {}
        w.count = 0;
    }
}

TEST(a_thousand_loads_do_not_grow) {
    size_t   size;
    uint8_t *bytes = read_guest("forever", &size);
    world_open(&w);
    load_and_end(100, bytes, size);
    size_t before = resident_bytes(), fibers = world_fibers();
    load_and_end(1000, bytes, size);
#ifndef MK_ASAN /* which keeps what is freed for a while */
    CHECK(resident_bytes() <= before + 512 * 1024);
#else
    (void)before;
#endif
    CHECK_EQ(world_fibers(), fibers);
    CHECK_EQ(mk_code_count(), 0);
    world_close(&w);
    free(bytes);
}

/* ---- every allocation failing, one at a time ------------------------------------------------------------------------- */

static void check_spawn_without_memory(const char *name, uint32_t grants) {
    size_t         size;
    uint8_t       *bytes = read_guest(name, &size);
    wasm_options_t options = {.grants = grants, .files_below = "/", .name = "guest"};
    unsigned       failed = 0;
    for (unsigned n = 1;; n++) {
        world_open(&w);
        world_spawn_t s = {.bytes = bytes, .size = size, .options = &options};
        oom_arm(n);
        world_spawn_now(&w, &s);
        bool reached = oom_disarm();
        if (s.result == MK_OK) {
            /* What failed was not needed, or is done without: the guest works. */
            CHECK(world_send(&w, s.id, PING, "hello", 5));
            CHECK(world_wait(&w, PONG) != NULL);
        } else {
            failed++;
            CHECK(w.err[0] != '\0');
            CHECK_EQ(actor_lookup(w.rt, "guest"), ACTOR_ID_INVALID);
        }
        world_close(&w);
        CHECK_EQ(world_fibers(), 0);
        if (!reached) break;
    }
    CHECK(failed > 10);
    free(bytes);
}

TEST(a_spawn_bears_every_allocation_failing) {
    check_spawn_without_memory("forever", 0);
    check_spawn_without_memory("onepage", WASM_GRANTS_ALL);
    check_spawn_without_memory("wasi_malloc", WASM_GRANTS_ALL);
}

TEST(the_start_of_the_engine_bears_every_allocation_failing) {
    for (unsigned n = 1;; n++) {
        oom_arm(n);
        bool started = world_init(), reached = oom_disarm();
        if (started) wasm_actors_cleanup();
        if (!reached) break;
    }
    CHECK(world_init());
    wasm_actors_cleanup();
}

/* A guest is told to do something while memory is out: it may end or be refused, with a reason, and no more. */
static void check_running_without_memory(const char *name, uint32_t type, const void *payload, size_t bytes) {
    wasm_options_t options = {.grants = WASM_GRANTS_ALL};
    for (unsigned n = 1;; n++) {
        world_open(&w);
        actor_id_t guest = world_spawn(&w, name, &options);
        actor_id_t bystander = world_spawn(&w, "forever", NULL);
        oom_arm(n);
        bool sent = actor_send(w.rt, guest, type, payload, bytes);
        for (int i = 0; i < 50; i++) runtime_wait(w.rt, 1);
        bool reached = oom_disarm();
        if (!actor_is_alive(w.rt, guest)) CHECK(world_end(&w)->reason == EXIT_OUT_OF_MEMORY);
        CHECK(sent || reached);
        CHECK(world_send(&w, bystander, PING, NULL, 0));
        CHECK(world_wait(&w, PONG) != NULL);
        world_close(&w);
        if (!reached) break;
    }
}

TEST(a_running_guest_bears_every_allocation_failing) {
    check_running_without_memory("forever", PING, "hello", 5);
    check_running_without_memory("forever", GO, NULL, 0);
    check_running_without_memory("nested", GO, "\x03\0\0\0", 4);
    check_running_without_memory("liar", PING, "hello", 5);
    check_running_without_memory("imports", 10, "a-name", 6);
    check_running_without_memory("imports", 11, "a-name", 6);
    check_running_without_memory("imports", 13, "/etc/hostname", 13);
    check_running_without_memory("imports", 14, NULL, 0);
    check_running_without_memory("imports", 16, NULL, 0);
}

TEST(a_guest_that_spawns_bears_every_allocation_failing) {
    size_t   size;
    uint8_t *bytes = read_guest("returns", &size);
    check_running_without_memory("spawner", 11, bytes, size);
    free(bytes);
    check_running_without_memory("spawner", 13, guest_path("returns"), strlen(guest_path("returns")));
}
