/* SPDX-License-Identifier: Apache-2.0 */
/* state_test.c -- what a guest saves is on the disk when it is told so, and is there for the next of its name. */
#include "microkernel/state_persist.h"

#include "port/fake/fake_disk.h"
#include "wasm/world.h"

enum { SAVE = 20, LOAD };

static world_t w;

static heard_t *ask(actor_id_t guest, uint32_t what, const char *text) {
    CHECK(world_send(&w, guest, what, text, strlen(text)));
    heard_t *h = world_wait(&w, RESULT);
    CHECK(h != NULL);
    h->bytes[h->size < WORLD_BYTES ? h->size : WORLD_BYTES - 1] = '\0';
    return h;
}

static const char *said(const heard_t *h) { return (const char *)h->bytes + 4; }

static void open_with_state(void) {
    world_open(&w);
    CHECK(state_persist_init(w.rt, "disk"));
}

TEST(a_guest_finds_what_an_earlier_one_of_its_name_saved) {
    wasm_options_t options = {.grants = WASM_GRANT_STATE, .name = "counter"};
    mk_fake_disk_reset();
    open_with_state();
    actor_id_t guest = world_spawn(&w, "imports", &options);
    CHECK_EQ(heard_u32(ask(guest, LOAD, "k"), 0), UINT32_MAX);
    heard_t *h = ask(guest, SAVE, "forty-two");
    CHECK_EQ(heard_u32(h, 0), 0);
    CHECK(state_is_saved(w.rt)); /* it was told when it was on the disk */
    CHECK_STR(said(ask(guest, LOAD, "k")), "forty-two");
    world_close(&w);
    mk_fake_disk_power_on(3);
    open_with_state();
    guest = world_spawn(&w, "imports", &options);
    h = ask(guest, LOAD, "k");
    CHECK_EQ(heard_u32(h, 0), 9);
    CHECK_STR(said(h), "forty-two");
    options.name = "other";
    actor_id_t other = world_spawn(&w, "imports", &options);
    CHECK_EQ(heard_u32(ask(other, LOAD, "k"), 0), UINT32_MAX);
    world_close(&w);
}

TEST(without_grant_name_folder_or_disk_saving_fails_and_says_why) {
    wasm_options_t options = {.name = "counter"};
    mk_fake_disk_reset();
    open_with_state();
    actor_id_t guest = world_spawn(&w, "imports", &options);
    heard_t   *h = ask(guest, SAVE, "x");
    CHECK_EQ(heard_u32(h, 0), UINT32_MAX);
    CHECK(strstr(said(h), "\"state\"") != NULL);
    CHECK_EQ(heard_u32(ask(guest, LOAD, "k"), 0), UINT32_MAX);
    options = (wasm_options_t){.grants = WASM_GRANT_STATE};
    guest = world_spawn(&w, "imports", &options);
    CHECK(strstr(said(ask(guest, SAVE, "x")), "no name") != NULL);
    options.name = "named";
    guest = world_spawn(&w, "imports", &options);
    mk_fake_disk_fail(1, MK_ERR_FULL);
    h = ask(guest, SAVE, "x");
    CHECK_EQ(heard_u32(h, 0), UINT32_MAX);
    CHECK(strstr(said(h), "full") != NULL);
    CHECK_EQ(heard_u32(ask(guest, SAVE, "y"), 0), 0);
    world_close(&w);
    world_open(&w);
    guest = world_spawn(&w, "imports", &options);
    CHECK(strstr(said(ask(guest, SAVE, "x")), "keeps no state") != NULL);
    world_close(&w);
}

TEST(a_guest_that_ends_while_it_saves_has_saved) {
    wasm_options_t options = {.grants = WASM_GRANT_STATE, .name = "counter"};
    mk_fake_disk_reset();
    open_with_state();
    actor_id_t guest = world_spawn(&w, "imports", &options);
    CHECK(world_send(&w, guest, SAVE, "last", 4));
    actor_stop(w.rt, guest);
    for (int i = 0; i < 10; i++) (void)runtime_wait(w.rt, 0);
    world_close(&w);
    open_with_state();
    char buf[8];
    int  n = state_load(w.rt, "counter", "k", buf, sizeof buf);
    CHECK(n == 4 || n == -1); /* as far as it had come */
    world_close(&w);
}
