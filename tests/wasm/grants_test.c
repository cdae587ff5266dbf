/* SPDX-License-Identifier: Apache-2.0 */
/* grants_test.c -- a guest can do what it was granted and nothing else, and is told which grant it lacks. */
#include <sys/stat.h>
#include <unistd.h>

#include "microkernel/local_sql.h"
#include "microkernel/namespace.h"
#include "microkernel/service_messages.h"
#include "ns/ns.h"
#include "runtime/remote.h"
#include "wasm/world.h"

enum { REGISTER = 10, LOOKUP, STOP_NAMED, READ_FILE, LIST, NODE_NAME, SELF_NAME, NO_ERROR, NS_LIST, SAY };
enum { DATABASE = 23, LAST_WORDS };

static world_t w;

static heard_t *ask(actor_id_t guest, uint32_t what, const char *text) {
    CHECK(world_send(&w, guest, what, text, strlen(text)));
    heard_t *h = world_wait(&w, RESULT);
    CHECK(h != NULL);
    h->bytes[h->size < WORLD_BYTES ? h->size : WORLD_BYTES - 1] = '\0';
    return h;
}

static const char *said(const heard_t *h) { return (const char *)h->bytes + 4; }

static void check_denied(actor_id_t guest, uint32_t what, const char *text, uint32_t result, const char *grant) {
    uint64_t before = world_info(&w, guest).denied;
    heard_t *h = ask(guest, what, text);
    CHECK_EQ(heard_u32(h, 0), result);
    if (strstr(said(h), grant) == NULL) rig_fail(__FILE__, __LINE__, "\"%s\" lacks \"%s\"", said(h), grant);
    CHECK(world_info(&w, guest).denied > before);
}

TEST(a_guest_is_born_with_the_basics_and_nothing_more) {
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "imports", NULL);
    CHECK_STR(said(ask(guest, NO_ERROR, "")), "");
    check_denied(guest, REGISTER, "name", UINT32_MAX, "\"register\"");
    check_denied(guest, LOOKUP, "name", 0, "\"lookup\"");
    check_denied(guest, READ_FILE, "/etc/passwd", UINT32_MAX, "\"files\"");
    check_denied(guest, LIST, "", UINT32_MAX, "\"list\"");
    CHECK(actor_is_alive(w.rt, guest));
    world_close(&w);
}

TEST(the_wasi_grant_is_needed_for_wasi) {
    wasm_options_t options = {.grants = WASM_GRANTS_ALL & ~(uint32_t)WASM_GRANT_WASI};
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "wasi", &options);
    world_send(&w, guest, 10, "unseen", 6);
    CHECK(world_info(&w, guest).denied > 0);
    world_send_u32(&w, guest, 12, 5); /* to end oneself needs no grant */
    CHECK_STR(world_end(&w)->text, "exit(5)");
    world_close(&w);
}

TEST(with_the_grants_names_work) {
    wasm_options_t options = {.grants = WASM_GRANTS_LOADED};
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "imports", &options);
    CHECK_EQ(heard_u32(ask(guest, REGISTER, "a/name"), 0), 0);
    CHECK_EQ(actor_lookup(w.rt, "a/name"), guest);
    heard_t *h = ask(guest, REGISTER, "a/name");
    CHECK_EQ(heard_u32(h, 0), UINT32_MAX);
    CHECK(strstr(said(h), "already") != NULL);
    CHECK_EQ(heard_u32(ask(guest, LOOKUP, "a/name"), 0), (uint32_t)guest);
    CHECK_EQ(heard_u32(ask(guest, SELF_NAME, ""), 0), 6);
    CHECK_STR(said(ask(guest, SELF_NAME, "")), "a/name");
    check_denied(guest, LIST, "", UINT32_MAX, "\"list\"");
    CHECK(heard_u32(ask(guest, NODE_NAME, ""), 0) > 0);
    world_close(&w);
}

/* What the guest was told when it sent a message of that type. */
static uint32_t say(actor_id_t guest, uint32_t type) {
    uint8_t payload[6] = {(uint8_t)type, (uint8_t)(type >> 8), (uint8_t)(type >> 16), (uint8_t)(type >> 24), 'h', 'i'};
    size_t  before = w.count;
    CHECK(world_send(&w, guest, SAY, payload, sizeof payload));
    heard_t *h = world_wait(&w, RESULT);
    CHECK(h != NULL);
    bool came = false; /* before the result, which is not counted */
    for (size_t i = before; i < w.count; i++) came |= w.heard[i].type == type;
    CHECK_EQ(came, heard_u32(h, 0));
    return heard_u32(h, 0);
}

TEST(a_guest_speaks_for_itself_and_asks_what_its_grants_allow) {
    static const struct {
        uint32_t number, grant; /* UINT32_MAX: nobody may */
    } cases[] = {{0x01, UINT32_MAX},
                 {0x04, UINT32_MAX},
                 {0x05, UINT32_MAX},
                 {0x0A, UINT32_MAX},
                 {0x0B, UINT32_MAX},
                 {0x0C, UINT32_MAX},
                 {0x0F, UINT32_MAX},
                 {0x10, WASM_GRANT_REGISTER},
                 {0x11, WASM_GRANT_REGISTER},
                 {0x12, UINT32_MAX},
                 {0x13, WASM_GRANT_MOUNT},
                 {0x14, 0},
                 {0x15, 0},
                 {0x16, UINT32_MAX},
                 {0x17, UINT32_MAX},
                 {0x18, WASM_GRANT_LOOKUP},
                 {0x19, WASM_GRANT_MOUNT},
                 {0x1A, UINT32_MAX},
                 {0x1B, UINT32_MAX},
                 {0x1C, UINT32_MAX},
                 {0x1D, UINT32_MAX},
                 {0x1E, UINT32_MAX},
                 {0x1F, UINT32_MAX},
                 {0x20, UINT32_MAX},
                 {0x40, UINT32_MAX},
                 {0x50, UINT32_MAX},
                 {0x70, UINT32_MAX},
                 {0xFF, UINT32_MAX},
                 {0x100, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wasm_options_t all = {.grants = WASM_GRANTS_ALL}, without = {.grants = WASM_GRANTS_ALL & ~cases[i].grant};
        uint32_t       type = MK_MSG_SYSTEM_BASE + cases[i].number;
        world_open(&w);
        CHECK_EQ(say(world_spawn(&w, "imports", &all), type), cases[i].grant != UINT32_MAX);
        CHECK_EQ(say(world_spawn(&w, "imports", &without), type), cases[i].grant == 0);
        world_close(&w);
    }
}

TEST(names_asked_for_by_message_count_too) {
    wasm_options_t options = {.grants = WASM_GRANTS_LOADED, .names_max = 2};
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "imports", &options);
    CHECK_EQ(heard_u32(ask(guest, REGISTER, "one"), 0), 0);
    CHECK_EQ(say(guest, MSG_NAME_REGISTER), 1);
    CHECK_EQ(say(guest, MSG_NAME_REGISTER), 0);
    CHECK_EQ(heard_u32(ask(guest, REGISTER, "three"), 0), UINT32_MAX);
    world_close(&w);
}

TEST(loaded_guests_mount_nothing_and_shells_do) {
    CHECK((WASM_GRANTS_LOADED & WASM_GRANT_MOUNT) == 0);
    CHECK((WASM_GRANTS_ALL & WASM_GRANT_MOUNT) != 0);
}

TEST(a_guest_sees_the_names_of_all_nodes) {
    wasm_options_t options = {.grants = WASM_GRANTS_LOADED}, none = {.grants = 0};
    char           expected[128];
    world_open(&w);
    mk_ns_t      *ns = mk_ns_of(w.rt);
    mk_ns_peer_t *peer = NULL;
    CHECK_EQ(mk_ns_set_identity(ns, "here"), MK_OK);
    CHECK_EQ(mk_ns_peer_add(ns, 9, "there", &peer), MK_OK);
    CHECK_EQ(mk_ns_peer_put(ns, peer, &(mk_ns_name_t){.text = "far", .size = 3, .seq = 5, .counter = 1}), MK_OK);
    actor_id_t guest = world_spawn(&w, "imports", &options), far = actor_id_make(9, 5);
    CHECK_EQ(heard_u32(ask(guest, REGISTER, "near"), 0), 0);
    heard_t *h = ask(guest, NS_LIST, "");
    snprintf(expected, sizeof expected, "/node/there/far=%llu\nfar=%llu\nnear=%llu\n", (unsigned long long)far,
             (unsigned long long)far, (unsigned long long)guest);
    CHECK_STR(said(h), expected);
    CHECK_EQ(heard_u32(h, 0), strlen(expected));
    CHECK_EQ(heard_u32(ask(guest, LOOKUP, "/node/there/far"), 0), 5);
    CHECK_EQ(heard_u32(ask(guest, REGISTER, "far"), 0), UINT32_MAX);
    CHECK_STR(said(ask(guest, NODE_NAME, "")), "here");
    for (unsigned i = 0; i < 40; i++) { /* more than the guest has room for */
        char text[32];
        snprintf(text, sizeof text, "many/%u", i);
        CHECK(actor_register_name(w.rt, text, guest));
    }
    h = ask(guest, NS_LIST, "many");
    CHECK(heard_u32(h, 0) <= 256);
    CHECK(strcmp(said(h) + heard_u32(h, 0) - 4, "...\n") == 0);
    check_denied(world_spawn(&w, "imports", &none), NS_LIST, "", UINT32_MAX, "\"lookup\"");
    world_close(&w);
}

TEST(the_longest_name_registers_and_one_byte_more_does_not) {
    wasm_options_t options = {.grants = WASM_GRANTS_LOADED};
    char           name[300];
    memset(name, 'n', sizeof name);
    name[256] = '\0';
    world_open(&w);
    actor_id_t guest = world_spawn(&w, "imports", &options);
    heard_t   *h = ask(guest, REGISTER, name);
    CHECK_EQ(heard_u32(h, 0), UINT32_MAX);
    CHECK(strstr(said(h), "longer") != NULL);
    name[255] = '\0';
    CHECK_EQ(heard_u32(ask(guest, REGISTER, name), 0), 0);
    CHECK_EQ(actor_lookup(w.rt, name), guest);
    CHECK_EQ(heard_u32(ask(guest, SELF_NAME, ""), 0), 255);
    world_close(&w);
}

TEST(stopping_others_needs_a_grant) {
    wasm_options_t may = {.grants = WASM_GRANT_STOP | WASM_GRANT_LOOKUP}, may_not = {.grants = WASM_GRANT_LOOKUP};
    world_open(&w);
    wasm_options_t named = {.name = "victim"};
    actor_id_t     victim = world_spawn(&w, "forever", &named);
    check_denied(world_spawn(&w, "imports", &may_not), STOP_NAMED, "victim", UINT32_MAX, "\"stop\"");
    CHECK(actor_is_alive(w.rt, victim));
    CHECK_EQ(heard_u32(ask(world_spawn(&w, "imports", &may), STOP_NAMED, "victim"), 0), 0);
    CHECK_EQ(world_end(&w)->source, victim);
    world_close(&w);
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0);
    fclose(file);
}

TEST(files_are_read_below_the_granted_folder_and_nowhere_else) {
    char root[] = "/tmp/mk-grants-XXXXXX", path[128];
    CHECK(mkdtemp(root) != NULL);
    snprintf(path, sizeof path, "%s/secret", root);
    write_file(path, "secret");
    snprintf(path, sizeof path, "%s/open", root);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/open/file", root);
    write_file(path, "contents");
    snprintf(path, sizeof path, "%s/open/link", root);
    CHECK_EQ(symlink("../secret", path), 0);
    snprintf(path, sizeof path, "%s/open", root);

    world_open(&w);
    wasm_options_t options = {.grants = WASM_GRANT_FILES, .files_below = path};
    actor_id_t     guest = world_spawn(&w, "imports", &options);
    CHECK_STR(said(ask(guest, READ_FILE, "file")), "contents");
    static const char *const outside[] = {"../secret", "link", "/etc/hostname", "./../open/../secret", "no such file"};
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        heard_t *h = ask(guest, READ_FILE, outside[i]);
        CHECK_EQ(heard_u32(h, 0), UINT32_MAX);
        CHECK(strstr(said(h), "secret\n") == NULL && strlen(said(h)) > 0);
    }
    options.files_below = NULL;
    CHECK_EQ(heard_u32(ask(world_spawn(&w, "imports", &options), READ_FILE, "file"), 0), UINT32_MAX);
    options.grants = WASM_GRANT_ALL_FILES;
    snprintf(path, sizeof path, "%s/secret", root);
    CHECK_STR(said(ask(world_spawn(&w, "imports", &options), READ_FILE, path)), "secret");
    world_close(&w);

    static const char *const made[] = {"open/link", "open/file", "secret"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", root, made[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/open", root);
    rmdir(path);
    rmdir(root);
}

static uint64_t spawn_child(actor_id_t spawner, uint32_t type, const void *payload, size_t size) {
    CHECK(world_send(&w, spawner, type, payload, size));
    heard_t *h = world_wait(&w, 14);
    CHECK(h != NULL);
    h->bytes[h->size < WORLD_BYTES ? h->size : WORLD_BYTES - 1] = '\0';
    return heard_u64(h, 0);
}

TEST(a_guest_spawned_by_a_guest_never_has_more_than_its_spawner) {
    size_t   size;
    uint8_t *bytes = read_guest("imports", &size);
    world_open(&w);
    wasm_options_t options = {.grants = WASM_GRANT_SPAWN | WASM_GRANT_LOOKUP, .child_grants = WASM_GRANTS_ALL};
    actor_id_t     child = spawn_child(world_spawn(&w, "spawner", &options), 11, bytes, size);
    CHECK(child != ACTOR_ID_INVALID);
    check_denied(child, REGISTER, "name", UINT32_MAX, "\"register\"");
    CHECK_EQ(heard_u32(ask(child, LOOKUP, "nobody"), 0), 0);
    CHECK_EQ(world_info(&w, child).denied, 1);
    options.child_grants = 0;
    child = spawn_child(world_spawn(&w, "spawner", &options), 11, bytes, size);
    check_denied(child, LOOKUP, "nobody", 0, "\"lookup\"");
    options.grants = WASM_GRANTS_ALL & ~(uint32_t)WASM_GRANT_SPAWN;
    CHECK_EQ(spawn_child(world_spawn(&w, "spawner", &options), 11, bytes, size), ACTOR_ID_INVALID);
    world_close(&w);
    free(bytes);
}

TEST(a_file_is_read_spawned_and_named_in_one_step) {
    char path[512];
    snprintf(path, sizeof path, "%s", guest_path("forever"));
    world_open(&w);
    wasm_options_t options = {.grants = WASM_GRANT_SPAWN | WASM_GRANT_ALL_FILES};
    actor_id_t     spawner = world_spawn(&w, "spawner", &options);
    actor_id_t     child = spawn_child(spawner, 13, path, strlen(path));
    CHECK(child != ACTOR_ID_INVALID);
    CHECK_EQ(actor_lookup(w.rt, "spawned"), child);
    CHECK_EQ(spawn_child(spawner, 13, path, strlen(path)), ACTOR_ID_INVALID); /* the name is taken */
    CHECK(spawn_child(spawner, 12, path, strlen(path)) != ACTOR_ID_INVALID);
    CHECK_EQ(world_info(&w, spawner).children, 2);
    actor_stop(w.rt, child);
    while (runtime_step(w.rt)) {}
    CHECK_EQ(world_info(&w, spawner).children, 1);
    options.grants = WASM_GRANT_SPAWN;
    CHECK_EQ(spawn_child(world_spawn(&w, "spawner", &options), 12, path, strlen(path)), ACTOR_ID_INVALID);
    world_close(&w);
}

/* ---- other nodes ------------------------------------------------------------------------------------------------------ */

static struct {
    unsigned n;
    uint32_t type, result;
} left;

static mk_err_t take_envelope(mk_remote_t *remote, const mk_envelope_t *envelope) {
    (void)remote;
    left.n++;
    left.type = envelope->type;
    if (envelope->size >= sizeof left.result) memcpy(&left.result, envelope->payload, sizeof left.result);
    return MK_OK;
}

static const mk_remote_ops_t far_ops = {.send = take_envelope};

static void come_from_far(mk_remote_t *remote, actor_id_t guest, uint32_t type, const void *payload, size_t size) {
    mk_envelope_t envelope = {
        .source = 77, .dest = actor_id_seq(guest), .type = type, .payload = payload, .size = size};
    CHECK_EQ(mk_remote_message(w.rt, remote, &envelope), MK_OK);
    for (unsigned i = 0; i < 1000 && runtime_step(w.rt); i++) {}
}

TEST(a_guest_is_stopped_from_another_node_by_those_who_may_stop) {
    mk_remote_t remote = {.ops = &far_ops, .node = 9, .may = MK_MAY_SEND | MK_MAY_SEND_ANY};
    world_open(&w);
    CHECK_EQ(mk_remote_up(w.rt, &remote), MK_OK);
    actor_id_t guest = world_spawn(&w, "imports", NULL);
    come_from_far(&remote, guest, STOP, NULL, 0);
    CHECK(actor_is_alive(w.rt, guest));
    CHECK_EQ(world_info(&w, guest).denied, 1);
    remote.may |= MK_MAY_STOP;
    come_from_far(&remote, guest, STOP, NULL, 0);
    CHECK(!actor_is_alive(w.rt, guest));
    mk_remote_down(w.rt, &remote);
    world_close(&w);
}

TEST(stopping_an_actor_of_another_node_needs_the_grant) {
    static const uint8_t stop[4] = {0}, ping[4] = {2};
    mk_remote_t          remote = {.ops = &far_ops, .node = 9, .may = MK_MAY_SEND | MK_MAY_SEND_ANY};
    wasm_options_t       may = {.grants = WASM_GRANT_STOP};
    world_open(&w);
    CHECK_EQ(mk_remote_up(w.rt, &remote), MK_OK);
    actor_id_t guest = world_spawn(&w, "imports", NULL), trusted = world_spawn(&w, "imports", &may);
    memset(&left, 0, sizeof left);
    come_from_far(&remote, guest, SAY, stop, sizeof stop);
    CHECK_EQ(left.n, 1); /* that it was refused */
    CHECK_EQ(left.type, RESULT);
    CHECK_EQ(left.result, 0);
    come_from_far(&remote, guest, SAY, ping, sizeof ping);
    CHECK_EQ(left.n, 3);
    CHECK_EQ(left.result, 1);
    come_from_far(&remote, trusted, SAY, stop, sizeof stop);
    CHECK_EQ(left.n, 5);
    CHECK_EQ(left.result, 1);
    mk_remote_down(w.rt, &remote);
    world_close(&w);
}

static heard_t *ask_db(actor_id_t db, msg_type_t type, const char *text) {
    w.count = 0;
    CHECK(world_send(&w, db, type, text, strlen(text)));
    heard_t *h = world_wait(&w, type == MSG_CF_DB_EXEC ? MSG_CF_OK : MSG_CF_ROWS);
    CHECK(h != NULL);
    h->bytes[h->size < WORLD_BYTES ? h->size : WORLD_BYTES - 1] = '\0';
    return h;
}

static uint32_t rows_after(actor_id_t db, uint32_t what, uint32_t grants) {
    static const char insert[] = "sql=INSERT INTO t VALUES (1)";
    wasm_options_t    options = {.grants = WASM_GRANTS_LOADED | grants};
    actor_id_t        guest = world_spawn(&w, "imports", &options);
    CHECK(world_send(&w, guest, what, insert, sizeof insert - 1));
    heard_t *h = ask_db(db, MSG_CF_DB_QUERY, "sql=SELECT count(*) AS n FROM t");
    uint32_t n = (uint32_t)strtoul((const char *)h->bytes + sizeof "[{\"n\":" - 1, NULL, 10);
    CHECK_EQ(ask_db(db, MSG_CF_DB_EXEC, "sql=DELETE FROM t")->type, MSG_CF_OK);
    return n;
}

TEST(the_database_serves_those_with_the_grant_and_nobody_who_is_gone) {
    local_sql_config_t config = {.path = "/tmp/mk-grants-XXXXXX"};
    CHECK(mkdtemp(config.path) != NULL);
    strcat(config.path, "/db");
    world_open(&w);
    actor_id_t db = local_sql_init(w.rt, &config);
    if (db != ACTOR_ID_INVALID) { /* a build without SQLite has none */
        CHECK_EQ(ask_db(db, MSG_CF_DB_EXEC, "sql=CREATE TABLE t (id)")->type, MSG_CF_OK);
        CHECK_EQ(rows_after(db, DATABASE, 0), 0);
        CHECK_EQ(rows_after(db, DATABASE, WASM_GRANT_SQL), 1);
        CHECK_EQ(rows_after(db, LAST_WORDS, 0), 0); /* nobody can say any more what it was granted */
    }
    world_close(&w);
    (void)unlink(config.path);
    *strrchr(config.path, '/') = '\0';
    CHECK_EQ(rmdir(config.path), 0);
}
