/* SPDX-License-Identifier: Apache-2.0 */
/* prepare_threads_test.c -- real helper threads. The helper is held in the middle of its work, by the memory it asks for, until the
 * test lets it go: so what happens meanwhile is certain to happen meanwhile. */
#include <unistd.h>

#include "base/mem.h"
#include "port/port.h"
#include "wasm/code.h"
#include "wasm/world.h"

enum { SPAWN_FILE = 12, CHILD = 14 }; /* tests/guests/spawner.c */
enum { READ_FILE = 13 };              /* tests/guests/imports.c */

static world_t w;
static int     tag;

/* ---- the door ------------------------------------------------------------------------------------------------------ */

static _Thread_local bool is_main;
static struct {
    mk_mutex_t *mutex;
    mk_cond_t  *cond;
    bool        open;
    unsigned    waiting;
} door;

static bool wait_at_door(void *arg, size_t size) {
    (void)arg, (void)size;
    if (is_main) return true;
    mk_mutex_lock(door.mutex);
    door.waiting++;
    while (!door.open) mk_cond_wait(door.cond, door.mutex, -1);
    door.waiting--;
    mk_cond_signal(door.cond); /* the next one */
    mk_mutex_unlock(door.mutex);
    return true;
}

static unsigned at_door(void) {
    mk_mutex_lock(door.mutex);
    unsigned n = door.waiting;
    mk_mutex_unlock(door.mutex);
    return n;
}

static void open_door(void) {
    mk_mutex_lock(door.mutex);
    door.open = true;
    mk_cond_signal(door.cond);
    mk_mutex_unlock(door.mutex);
}

static void begin(void) {
    is_main = true;
    memset(&door, 0, sizeof door);
    CHECK_EQ(mk_mutex_create(&door.mutex), MK_OK);
    CHECK_EQ(mk_cond_create(&door.cond), MK_OK);
    world_open(&w);
    mk_mem_set_gate(wait_at_door, NULL);
}

/* The door stays open, and there is nobody left who could come to it. */
static void end(void) {
    open_door();
    runtime_destroy(w.rt);
    mk_mem_set_gate(NULL, NULL);
    CHECK_EQ(mk_code_count(), 0);
    wasm_actors_cleanup();
    mk_cond_destroy(door.cond);
    mk_mutex_destroy(door.mutex);
}

static void until_held(unsigned helpers) {
    for (int i = 0; i < 60 * 1000 && at_door() < helpers; i++) runtime_wait(w.rt, 1);
    CHECK_EQ(at_door(), helpers);
}

/* ---- what is asked for ------------------------------------------------------------------------------------------------ */

static void ask_now(world_t *world, void *arg) {
    wasm_source_t source = {.path = guest_path(arg)};
    CHECK_EQ(wasm_prepare(world->rt, &source, &tag), MK_OK);
}

static void ask(const char *guest) { world_do(&w, ask_now, (void *)(uintptr_t)guest); }

static wasm_module_t *answer(void) {
    wasm_prepared_payload_t payload;
    heard_t                *h = world_wait(&w, MSG_WASM_PREPARED);
    CHECK(h != NULL);
    memcpy(&payload, h->bytes, sizeof payload);
    CHECK(payload.arg == &tag);
    return payload.module;
}

static bool was_told(void) {
    for (size_t i = 0; i < w.count; i++)
        if (w.heard[i].type == MSG_WASM_PREPARED) return true;
    return false;
}

static void check_answers(actor_id_t guest) {
    CHECK(world_send(&w, guest, PING, "hello", 5));
    CHECK(world_wait(&w, PONG) != NULL);
}

TEST(everybody_is_served_while_a_module_is_prepared) {
    begin();
    actor_id_t echo = world_spawn(&w, "forever", NULL);
    ask("count");
    until_held(1);
    for (int i = 0; i < 100; i++) check_answers(echo);
    check_answers(world_spawn(&w, "forever", NULL)); /* of what is loaded */
    check_answers(world_spawn(&w, "spawner", NULL)); /* and of what is not */
    wasm_loaded_t list[4];
    CHECK_EQ(wasm_module_list(list, 4), 2);
    CHECK(!was_told());
    CHECK_EQ(at_door(), 1);
    open_door();
    wasm_module_t *module = answer();
    CHECK(module != NULL);
    CHECK_EQ(wasm_module_list(list, 4), 3);
    wasm_module_release(module);
    end();
}

TEST(a_guest_waits_for_the_module_of_its_child_and_nobody_else_does) {
    const wasm_options_t options = {.grants = WASM_GRANT_SPAWN | WASM_GRANT_ALL_FILES};
    begin();
    actor_id_t  echo = world_spawn(&w, "forever", NULL);
    actor_id_t  spawner = world_spawn(&w, "spawner", &options);
    const char *path = guest_path("count");
    CHECK(world_send(&w, spawner, SPAWN_FILE, path, strlen(path)));
    until_held(1);
    for (int i = 0; i < 100; i++) check_answers(echo);
    CHECK(world_info(&w, spawner).waiting);
    CHECK_EQ(world_info(&w, spawner).children, 0);
    open_door();
    heard_t *h = world_wait(&w, CHILD);
    CHECK(h != NULL);
    CHECK(actor_is_alive(w.rt, heard_u64(h, 0)));
    CHECK(heard_u32(h, 2) > 100); /* bytes of its file */
    CHECK_EQ(world_info(&w, spawner).children, 1);
    end();
}

TEST(a_guest_that_is_stopped_meanwhile_leaves_nothing) {
    const wasm_options_t options = {.grants = WASM_GRANT_SPAWN | WASM_GRANT_ALL_FILES};
    begin();
    actor_id_t  spawner = world_spawn(&w, "spawner", &options);
    const char *path = guest_path("count");
    CHECK(world_send(&w, spawner, SPAWN_FILE, path, strlen(path)));
    until_held(1);
    actor_stop(w.rt, spawner);
    CHECK(!actor_is_alive(w.rt, spawner));
    CHECK_EQ(mk_code_count(), 0);
    end();
}

/* ---- files of guests ---------------------------------------------------------------------------------------------------------- */

static const char *some_file(const char *text) {
    static char path[64];
    snprintf(path, sizeof path, "/tmp/mk-file-%ld", (long)getpid());
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    return path;
}

static const wasm_options_t reads = {.grants = WASM_GRANT_ALL_FILES};

TEST(a_guest_waits_for_its_file_and_nobody_else_does) {
    begin();
    const char *path = some_file("contents");
    actor_id_t  echo = world_spawn(&w, "forever", NULL);
    actor_id_t  reader = world_spawn(&w, "imports", &reads);
    CHECK(world_send(&w, reader, READ_FILE, path, strlen(path)));
    until_held(1);
    for (int i = 0; i < 100; i++) check_answers(echo);
    CHECK(world_info(&w, reader).waiting);
    open_door();
    heard_t *h = world_wait(&w, RESULT);
    CHECK(h != NULL);
    CHECK_EQ(heard_u32(h, 0), 0);
    CHECK(h->size == 4 + 8 && memcmp(h->bytes + 4, "contents", 8) == 0);
    unlink(path);
    end();
}

TEST(a_guest_that_is_stopped_while_its_file_is_read_leaves_nothing) {
    begin();
    const char *path = some_file("contents");
    actor_id_t  reader = world_spawn(&w, "imports", &reads);
    CHECK(world_send(&w, reader, READ_FILE, path, strlen(path)));
    until_held(1);
    actor_stop(w.rt, reader);
    CHECK(!actor_is_alive(w.rt, reader));
    unlink(path);
    end();
}

static actor_id_t reloaded;

static void reload_now(world_t *world, void *arg) {
    static const wasm_reload_options_t soon = {.probation_ms = 20};
    size_t                             size;
    uint8_t                           *bytes = read_guest(arg, &size);
    CHECK_EQ(actor_reload_wasm_opts(world->rt, reloaded, bytes, size, &soon, w.err, sizeof w.err), RELOAD_OK);
    free(bytes);
}

TEST(a_new_module_that_is_taken_back_while_a_helper_works_for_it_leaves_nothing) {
    static const char *const modules[] = {"read_initialize", "spawn_initialize"};
    static wasm_options_t    may = {.grants = WASM_GRANT_ALL_FILES | WASM_GRANT_SPAWN};
    for (int i = 0; i < 2; i++) {
        begin();
        reloaded = world_spawn(&w, "forever", &may);
        world_do(&w, reload_now, (void *)(uintptr_t)modules[i]);
        until_held(1);
        CHECK(world_info(&w, reloaded).probation);
        for (int n = 0; n < 60 * 1000 && world_info(&w, reloaded).undone == 0; n++) runtime_wait(w.rt, 1);
        CHECK_EQ(at_door(), 1);
        check_answers(reloaded);
        end();
    }
}

/* ---- that nobody waits for any more ---------------------------------------------------------------------------------------------- */

static bool ask_once(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    wasm_source_t source = {.path = guest_path("count")};
    if (msg->type == GO) *(mk_err_t *)state = wasm_prepare(rt, &source, NULL);
    return true;
}

TEST(an_actor_that_ends_meanwhile_is_not_waited_for) {
    mk_err_t result = MK_ERR_IO;
    begin();
    actor_id_t id = actor_spawn(w.rt, ask_once, &result, NULL, 4);
    CHECK(actor_send(w.rt, id, GO, NULL, 0));
    until_held(1);
    CHECK_EQ(result, MK_OK);
    actor_stop(w.rt, id);
    open_door();
    ask("forever"); /* behind it */
    wasm_module_release(answer());
    end();
}

TEST(those_who_ask_for_the_same_module_at_once_share_one) {
    enum { N = 6 };
    wasm_module_t *module[N];
    begin();
    for (int i = 0; i < N; i++) ask("count");
    until_held(N);
    open_door();
    for (int i = 0; i < N; i++) {
        module[i] = answer();
        CHECK(module[i] != NULL && module[i] == module[0]);
    }
    CHECK_EQ(mk_code_count(), 1);
    for (int i = 0; i < N; i++) wasm_module_release(module[i]);
    end();
}

TEST(what_was_prepared_elsewhere_runs_as_well_here) {
    begin();
    open_door();
    ask("forever");
    wasm_module_t *module = answer();
    for (int i = 0; i < 20; i++) {
        actor_id_t     id;
        wasm_options_t options = {.grants = WASM_GRANTS_ALL};
        CHECK_EQ(actor_spawn_wasm_module(w.rt, module, &options, &id, w.err, sizeof w.err), MK_OK);
        check_answers(id);
    }
    wasm_module_release(module);
    end();
}

/* ---- several runtimes ---------------------------------------------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 40 };

typedef struct node {
    mk_thread_t *thread;
    unsigned     spawned, answered, failed;
    char         path[512];
} node_t;

/* No checks here: a failed one leaves its test by a jump, which another thread cannot take. */
static bool prepare_and_spawn(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self;
    node_t                        *node = state;
    const wasm_prepared_payload_t *ready = msg->payload;
    actor_id_t                     id;
    if (msg->type == GO) {
        wasm_source_t source = {.path = node->path};
        if (wasm_prepare(rt, &source, NULL) != MK_OK) node->failed++;
    } else if (msg->type == MSG_WASM_PREPARED) {
        bool spawned = ready->module != NULL && actor_spawn_wasm_module(rt, ready->module, NULL, &id, NULL, 0) == MK_OK;
        if (spawned) actor_send(rt, id, PING, "hello", 5);
        else node->failed++;
        wasm_module_release(ready->module);
    } else if (msg->type == PONG) {
        node->answered++;
        actor_stop(rt, msg->source);
    }
    return true;
}

static void node_run(void *arg) {
    node_t    *node = arg;
    runtime_t *rt = runtime_init(1, 0);
    actor_id_t id = actor_spawn(rt, prepare_and_spawn, node, NULL, 1000);
    for (unsigned i = 0; i < ROUNDS; i++) {
        actor_send(rt, id, GO, NULL, 0);
        for (int n = 0; n < 30 * 1000 && node->answered + node->failed <= i; n++) runtime_wait(rt, 1);
    }
    runtime_destroy(rt);
}

TEST(runtimes_in_several_threads_prepare_and_let_go_of_the_same_modules) {
    static node_t nodes[THREADS];
    memset(nodes, 0, sizeof nodes);
    CHECK(world_init());
    for (int i = 0; i < THREADS; i++) {
        snprintf(nodes[i].path, sizeof nodes[i].path, "%s", guest_path(i % 2 == 0 ? "forever" : "loop"));
        CHECK_EQ(mk_thread_start(&nodes[i].thread, node_run, &nodes[i]), MK_OK);
    }
    for (int i = 0; i < THREADS; i++) mk_thread_join(nodes[i].thread);
    for (int i = 0; i < THREADS; i++) {
        CHECK_EQ(nodes[i].failed, 0);
        CHECK_EQ(nodes[i].answered, ROUNDS);
    }
    CHECK_EQ(mk_code_count(), 0);
    wasm_actors_cleanup();
}
