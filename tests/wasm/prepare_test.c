/* SPDX-License-Identifier: Apache-2.0 */
/* prepare_test.c -- modules that are prepared while the loop goes on: what is told, to whom, what is shared, and that nothing is left. */
#include "base/mem.h"
#include "base/sha256.h"
#include "rig/oom.h"
#include "wasm/code.h"
#include "wasm/world.h"

static world_t                 w;
static wasm_prepared_payload_t told;
static char                    text[256];
static int                     tag;

static void begin(void) { world_open(&w); }

static void end(void) {
    world_close(&w);
    CHECK_EQ(mk_code_count(), 0);
}

typedef struct asking {
    wasm_source_t source;
    mk_err_t      result;
} asking_t;

static void ask_now(world_t *world, void *arg) {
    asking_t *a = arg;
    a->result = wasm_prepare(world->rt, &a->source, &tag);
}

static mk_err_t ask(wasm_source_t source) {
    asking_t a = {.source = source};
    world_do(&w, ask_now, &a);
    return a.result;
}

/* The module is the test's now. */
static wasm_module_t *answer(void) {
    heard_t *h = world_wait(&w, MSG_WASM_PREPARED);
    CHECK(h != NULL);
    memcpy(&told, h->bytes, sizeof told);
    CHECK_EQ(h->size, sizeof told + told.text_size);
    snprintf(text, sizeof text, "%.*s", (int)told.text_size, (const char *)h->bytes + sizeof told);
    CHECK(told.arg == &tag);
    CHECK((told.module != NULL) == (told.error == MK_OK));
    CHECK((told.module == NULL) == (told.text_size > 0));
    return told.module;
}

static wasm_module_t *prepare(const char *guest) {
    CHECK_EQ(ask((wasm_source_t){.path = guest_path(guest)}), MK_OK);
    return answer();
}

typedef struct spawning {
    wasm_module_t        *module;
    const wasm_options_t *options;
    mk_err_t              result;
    actor_id_t            id;
} spawning_t;

static void spawn_now(world_t *world, void *arg) {
    spawning_t *s = arg;
    s->result = actor_spawn_wasm_module(world->rt, s->module, s->options, &s->id, world->err, sizeof world->err);
}

static actor_id_t spawn(wasm_module_t *module, const wasm_options_t *options) {
    spawning_t s = {module, options, MK_OK, ACTOR_ID_INVALID};
    world_do(&w, spawn_now, &s);
    if (s.result != MK_OK) rig_fail(__FILE__, __LINE__, "%s", w.err);
    return s.id;
}

static void check_answers(actor_id_t guest) {
    CHECK(world_send(&w, guest, PING, "hello", 5));
    heard_t *h = world_wait(&w, PONG);
    CHECK(h != NULL);
    CHECK_EQ(h->size, 5);
}

static const char *digits_of(wasm_module_t *module, size_t n) {
    static char digits[65];
    for (size_t i = 0; i < 32; i++) snprintf(digits + 2 * i, 3, "%02x", module->identity.hash[i]);
    digits[n] = '\0';
    return digits;
}

/* ---- what is told ----------------------------------------------------------------------------------------------------- */

TEST(a_file_becomes_a_module_and_the_module_a_guest) {
    size_t size;
    begin();
    wasm_module_t *module = prepare("forever");
    CHECK_EQ(told.error, MK_OK);
    free(read_guest("forever", &size));
    CHECK_EQ(told.size, size);
    actor_id_t id = spawn(module, NULL);
    wasm_module_release(module);
    check_answers(id);
    CHECK_EQ(mk_code_count(), 1); /* the guest's */
    end();
}

TEST(bytes_are_copied_and_the_same_module_is_shared) {
    size_t   size;
    uint8_t *bytes = read_guest("forever", &size);
    begin();
    CHECK_EQ(ask((wasm_source_t){.bytes = bytes, .size = size, .from = "the test"}), MK_OK);
    memset(bytes, 0, size);
    free(bytes);
    wasm_module_t *first = answer(), *second = prepare("forever");
    CHECK(first == second);
    wasm_loaded_t list[2];
    CHECK_EQ(wasm_module_list(list, 2), 1);
    CHECK_STR(list[0].from, "the test"); /* where it came from first */
    CHECK_EQ(list[0].size, size);
    CHECK_EQ(list[0].instances, 0);
    CHECK_EQ(list[0].signature, WASM_UNSIGNED);
    actor_id_t id = spawn(first, NULL);
    world_spawn(&w, "forever", NULL);
    CHECK_EQ(wasm_module_list(list, 2), 1);
    CHECK_EQ(list[0].instances, 2);
    wasm_module_release(first);
    wasm_module_release(second);
    actor_stop(w.rt, id);
    CHECK_EQ(wasm_module_list(list, 2), 1);
    CHECK_EQ(list[0].instances, 1);
    end();
}

TEST(a_module_is_called_by_the_hash_of_its_bytes) {
    size_t        size;
    uint8_t      *bytes = read_guest("forever", &size), hash[32];
    wasm_loaded_t of_guest, of_bytes;
    mk_sha256(bytes, size, hash);
    begin();
    actor_id_t id = world_spawn(&w, "forever", NULL);
    CHECK(wasm_actor_get_module(w.rt, id, &of_guest));
    CHECK(memcmp(of_guest.sha256, hash, 32) == 0);
    CHECK(!wasm_actor_get_module(w.rt, w.probe, &of_guest));
    wasm_module_identify(bytes, size, &of_bytes);
    CHECK(memcmp(of_bytes.sha256, hash, 32) == 0);
    free(bytes);
    end();
}

/* What a spawn of the same says, word by word. */
static void check_same_words(const char *guest) {
    actor_id_t id;
    mk_err_t   result = world_try_spawn(&w, guest, NULL, &id);
    CHECK(result != MK_OK);
    CHECK(prepare(guest) == NULL);
    CHECK_EQ(told.error, result);
    CHECK_STR(text, w.err);
}

TEST(what_is_wrong_is_told_as_a_spawn_would) {
    begin();
    check_same_words("no_handler");
    CHECK(told.size > 0);
    check_same_words("import_unknown");
    check_same_words("invalid_code");
    check_same_words("there_is_no_such_file");
    CHECK_EQ(told.size, 0);
    CHECK_EQ(told.error, MK_ERR_NOTFOUND);
    CHECK_EQ(mk_code_count(), 0);
    CHECK(wasm_trust_key((const uint8_t[32]){1}));
    check_same_words("forever");
    CHECK_EQ(told.error, MK_ERR_DENIED);
    wasm_trust_all();
    end();
}

TEST(what_makes_no_sense_is_refused_at_once) {
    static const uint8_t byte;
    begin();
    CHECK_EQ(ask((wasm_source_t){0}), MK_ERR_INVALID);
    CHECK_EQ(ask((wasm_source_t){.path = "a", .bytes = &byte}), MK_ERR_INVALID);
    CHECK_EQ(ask((wasm_source_t){.path = "a", .engine = "none such"}), MK_ERR_INVALID);
    CHECK_EQ(ask((wasm_source_t){.path = "a", .guest = w.probe}), MK_ERR_INVALID);
    wasm_source_t outside = {.path = "a"};
    CHECK_EQ(wasm_prepare(w.rt, &outside, NULL), MK_ERR_INVALID); /* nobody to tell */
    CHECK_EQ(ask((wasm_source_t){.bytes = &byte}), MK_OK);        /* no bytes are no module, either */
    CHECK(answer() == NULL);
    CHECK_EQ(told.error, MK_ERR_FORMAT);
    end();
}

TEST(somebody_else_may_be_told) {
    begin();
    wasm_source_t source = {.path = guest_path("forever"), .tell = w.probe};
    CHECK_EQ(wasm_prepare(w.rt, &source, &tag), MK_OK);
    wasm_module_release(answer());
    end();
}

/* ---- by hash ---------------------------------------------------------------------------------------------------------- */

TEST(a_module_that_is_loaded_is_found_by_the_beginning_of_its_hash) {
    wasm_module_t *found;
    begin();
    wasm_module_t *module = prepare("forever");
    for (size_t n = 1; n <= 64; n++) {
        CHECK_EQ(wasm_module_find(digits_of(module, n), &found, text, sizeof text), MK_OK);
        CHECK(found == module);
        wasm_module_release(found);
    }
    CHECK_EQ(wasm_module_find("", &found, text, sizeof text), MK_ERR_INVALID);
    CHECK_EQ(wasm_module_find("12x4", &found, text, sizeof text), MK_ERR_INVALID);
    CHECK_STR(text, "sha256:12x4: not the beginning of a SHA-256");
    char longer[66];
    snprintf(longer, sizeof longer, "%s0", digits_of(module, 64));
    CHECK_EQ(wasm_module_find(longer, &found, text, sizeof text), MK_ERR_INVALID);
    char other[65];
    snprintf(other, sizeof other, "%s", digits_of(module, 64));
    other[63] = other[63] == '0' ? '1' : '0';
    CHECK_EQ(wasm_module_find(other, &found, text, sizeof text), MK_ERR_NOTFOUND);
    CHECK_EQ(ask((wasm_source_t){.sha256 = digits_of(module, 12)}), MK_OK);
    CHECK(answer() == module);
    wasm_module_release(module);
    wasm_module_release(module);
    CHECK_EQ(wasm_module_find("1", &found, text, sizeof text), MK_ERR_NOTFOUND);
    end();
}

/* Seventeen modules have two whose hashes begin with the same digit. */
TEST(a_beginning_that_several_have_is_none) {
    static const char *const guests[] = {
        "forever", "count", "dead",    "deaf",   "digest",  "flood",   "greedy",           "grow", "hoard",
        "liar",    "loop",  "meddler", "nested", "printer", "recurse", "sleep_initialize", "traps"};
    enum { N = sizeof guests / sizeof *guests };
    wasm_module_t *modules[N], *found;
    unsigned       with[16] = {0};
    begin();
    for (size_t i = 0; i < N; i++) {
        modules[i] = prepare(guests[i]);
        if (modules[i] == NULL) rig_fail(__FILE__, __LINE__, "%s: %s", guests[i], text);
        with[modules[i]->identity.hash[0] >> 4]++;
    }
    for (unsigned d = 0; d < 16; d++) {
        char     digit[2] = {"0123456789ABCDEF"[d], '\0'};
        mk_err_t result = wasm_module_find(digit, &found, text, sizeof text);
        CHECK_EQ(result, with[d] == 0 ? MK_ERR_NOTFOUND : with[d] == 1 ? MK_OK : MK_ERR_EXISTS);
        if (result == MK_OK) wasm_module_release(found);
        if (result != MK_ERR_EXISTS) continue;
        char expected[64];
        snprintf(expected, sizeof expected, "sha256:%s: several modules begin so", digit);
        CHECK_STR(text, expected);
    }
    for (size_t i = 0; i < N; i++) wasm_module_release(modules[i]);
    end();
}

/* ---- other ways to use one --------------------------------------------------------------------------------------------- */

TEST(for_another_region_a_module_is_loaded_once_more) {
    wasm_options_t roomy = {.heap_size = 3 * 65536};
    wasm_loaded_t  list[4];
    begin();
    wasm_module_t *module = prepare("onepage_bare");
    CHECK(module != NULL);
    spawn(module, NULL);
    CHECK_EQ(wasm_module_list(list, 4), 1);
    actor_id_t id = spawn(module, &roomy);
    CHECK_EQ(wasm_module_list(list, 4), 2);
    CHECK(memcmp(list[0].sha256, list[1].sha256, 32) == 0);
    CHECK_STR(list[0].from, list[1].from);
    wasm_module_t *same = module; /* for that guest it is the other one */
    CHECK_EQ(ask((wasm_source_t){.sha256 = digits_of(module, 64), .guest = id}), MK_OK);
    CHECK(answer() != same);
    CHECK_EQ(told.module->heap_bytes, 3 * 65536);
    wasm_module_release(told.module);
    wasm_module_release(module);
    end();
}

typedef struct reloading {
    actor_id_t      id;
    wasm_module_t  *module;
    reload_result_t result;
} reloading_t;

static void reload_now(world_t *world, void *arg) {
    reloading_t *r = arg;
    r->result = actor_reload_wasm_module(world->rt, r->id, r->module, NULL, text, sizeof text);
}

TEST(a_guest_is_reloaded_with_a_module_that_is_loaded) {
    wasm_loaded_t now;
    begin();
    wasm_options_t options = {.grants = WASM_GRANTS_ALL};
    actor_id_t     id = world_spawn(&w, "versions_1", &options);
    CHECK_EQ(ask((wasm_source_t){.path = guest_path("versions_2"), .guest = id}), MK_OK);
    reloading_t r = {.id = id, .module = answer()};
    world_do(&w, reload_now, &r);
    CHECK_EQ(r.result, RELOAD_OK);
    CHECK(wasm_actor_get_module(w.rt, id, &now));
    CHECK(memcmp(now.sha256, r.module->identity.hash, 32) == 0);
    CHECK_EQ(now.instances, 1);
    wasm_module_release(r.module);
    r = (reloading_t){.id = w.probe, .module = prepare("versions_1")};
    world_do(&w, reload_now, &r);
    CHECK_EQ(r.result, RELOAD_ERR_NOT_WASM);
    wasm_module_release(r.module);
    end();
}

/* ---- whoever does not wait for it ----------------------------------------------------------------------------------------- */

static bool ask_and_end(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    wasm_source_t source = {.path = guest_path("forever")};
    if (msg->type == MSG_WASM_PREPARED) wasm_module_release(((const wasm_prepared_payload_t *)msg->payload)->module);
    else *(mk_err_t *)state = wasm_prepare(rt, &source, NULL);
    return msg->type != GO;
}

TEST(what_an_ended_actor_asked_for_is_let_go) {
    mk_err_t result = MK_ERR_IO;
    begin();
    actor_id_t id = actor_spawn(w.rt, ask_and_end, &result, NULL, 4);
    CHECK(actor_send(w.rt, id, GO, NULL, 0));
    for (int i = 0; i < 10; i++) (void)runtime_wait(w.rt, 0);
    CHECK_EQ(result, MK_OK);
    CHECK(!actor_is_alive(w.rt, id));
    CHECK_EQ(mk_code_count(), 0);
    end();
}

TEST(at_the_end_of_the_runtime_nothing_is_left) {
    begin();
    wasm_source_t source = {.path = guest_path("forever"), .tell = w.probe};
    CHECK_EQ(wasm_prepare(w.rt, &source, NULL), MK_OK);
    end();
}

/* ---- memory ---------------------------------------------------------------------------------------------------------------- */

static void collect(world_t *world) {
    for (size_t i = 0; i < world->count; i++) {
        wasm_prepared_payload_t payload;
        if (world->heard[i].type != MSG_WASM_PREPARED) continue;
        memcpy(&payload, world->heard[i].bytes, sizeof payload);
        wasm_module_release(payload.module);
    }
    world->count = 0;
}

TEST(without_memory_it_is_told_or_refused_and_nothing_is_lost) {
    if (!world_engine()->continues) rig_skip("not of an engine that does not survive it");
    size_t   size, told_of = 0, refused = 0;
    uint8_t *bytes = read_guest("forever", &size);
    begin();
    for (unsigned n = 1; oom_arm(n); n++) {
        asking_t a = {.source = {.bytes = bytes, .size = size, .from = "here"}};
        a.source.tell = w.probe;
        ask_now(&w, &a);
        bool reached = oom_disarm();
        for (int i = 0; i < 10; i++) (void)runtime_wait(w.rt, 0);
        if (a.result == MK_OK) {
            CHECK_EQ(w.count, 1);
            told_of += w.heard[0].type == MSG_WASM_PREPARED;
        } else {
            CHECK_EQ(a.result, MK_ERR_NOMEM);
            CHECK_EQ(w.count, 0);
            refused++;
        }
        collect(&w);
        CHECK_EQ(mk_code_count(), 0);
        if (!reached) break;
    }
    CHECK(told_of > 10 && refused > 3);
    free(bytes);
    end();
}
