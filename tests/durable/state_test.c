/* SPDX-License-Identifier: Apache-2.0 */
#include "microkernel/state_persist.h"

#include "microkernel/actor.h"
#include "port/fake/fake_disk.h"
#include "runtime/play.h"

static part_t a;

static void begin(void) {
    mk_fake_disk_reset();
    curtain_up(NULL);
    CHECK(state_persist_init(rt, "disk"));
}

static void restart(void) {
    curtain_down();
    curtain_up(NULL);
    CHECK(state_persist_init(rt, "disk"));
}

static void settle_all(void) {
    for (int i = 0; i < 10; i++) {
        settle();
        (void)runtime_wait(rt, 0);
    }
}

static char buf[256];

static const char *load(const char *name, const char *key) {
    int n = state_load(rt, name, key, buf, sizeof buf - 1);
    if (n < 0) return "(none)";
    buf[n] = '\0';
    return buf;
}

static int save(const char *name, const char *key, const char *value) {
    return state_save(rt, name, key, value, strlen(value));
}

TEST(what_was_saved_is_there_at_once_and_after_a_restart) {
    begin();
    CHECK_STR(load("x", "k"), "(none)");
    CHECK_EQ(save("x", "k", "one"), 0);
    CHECK_STR(load("x", "k"), "one");
    CHECK_EQ(save("x", "k", "two"), 0);
    CHECK_EQ(save("x", "empty", ""), 0);
    CHECK_EQ(save("y", "k", "other"), 0);
    CHECK(!state_is_saved(rt));
    settle_all();
    CHECK(state_is_saved(rt));
    mk_fake_disk_power_on(3);
    restart();
    CHECK_STR(load("x", "k"), "two");
    CHECK_STR(load("x", "empty"), "");
    CHECK_STR(load("y", "k"), "other");
    CHECK_EQ(state_delete(rt, "x", "k"), 0);
    CHECK_EQ(state_delete(rt, "x", "k"), 0);
    CHECK_STR(load("x", "k"), "(none)");
    restart();
    CHECK_STR(load("x", "k"), "(none)");
    CHECK_STR(load("y", "k"), "other");
    curtain_down();
}

TEST(a_value_that_is_damaged_takes_no_other_with_it) {
    static char large[5000]; /* it is looked at only when it is asked for */
    memset(large, 'v', sizeof large - 1);
    begin();
    CHECK_EQ(save("x", "bad", large), 0);
    settle_all();
    CHECK_EQ(save("x", "k", "two"), 0);
    settle_all();
    CHECK(mk_fake_disk_flip("disk", mk_fake_disk_file("disk", 0), 8 * (64 + sizeof "state" + sizeof "x" + 3)));
    restart();
    CHECK_STR(load("x", "bad"), "(none)");
    CHECK_STR(load("x", "k"), "two");
    curtain_down();
}

TEST(a_value_in_the_place_of_another_counts_once) {
    begin();
    state_persist_limits(rt, 0, 100);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(save("x", "k", "sixty bytes, sixty bytes, sixty bytes, sixty bytes, sixty byt"), 0);
    CHECK_EQ(save("x", "other", "sixty bytes, sixty bytes, sixty bytes, sixty bytes, sixty byt"), -1);
    curtain_down();
}

static bool save_own(part_t *part, uint64_t unused) {
    (void)part, (void)unused;
    CHECK_EQ(save(NULL, "k", "mine"), 0);
    CHECK_EQ(state_save_told(rt, NULL, "told", "v", 1), MK_OK);
    return true;
}

TEST(an_actor_saves_under_its_own_name_and_is_told_when_it_is_on_the_disk) {
    begin();
    enter(&a);
    CHECK(actor_register_name(rt, "counter", a.id));
    in(&a, save_own, 0);
    settle_all();
    CHECK_STR(load("counter", "k"), "mine");
    CHECK_EQ(last_note(&a)->type, MSG_STATE_SAVED);
    CHECK_EQ(last_note(&a)->size, sizeof(state_saved_payload_t) + 4);
    CHECK_EQ(((const state_saved_payload_t *)(const void *)last_note(&a)->as.bytes)->error, MK_OK);
    curtain_down();
}

static int  own_answer;
static bool save_nameless(part_t *part, uint64_t unused) {
    (void)part, (void)unused;
    own_answer = save(NULL, "k", "mine");
    return true;
}

TEST(without_a_name_without_a_folder_without_a_key_there_is_no_state) {
    begin();
    enter(&a);
    in(&a, save_nameless, 0);
    CHECK_EQ(own_answer, -1);
    CHECK_EQ(save("x", "", "v"), -1);
    CHECK_EQ(save("", "k", "v"), -1);
    curtain_down();
    curtain_up(NULL);
    CHECK_EQ(save("x", "k", "v"), -1);
    CHECK_EQ(state_load(rt, "x", "k", buf, sizeof buf), -1);
    CHECK(state_is_saved(rt));
    curtain_down();
}

TEST(limits_are_kept) {
    static char key[STATE_KEY_BYTES_MAX + 2];
    begin();
    memset(key, '/', sizeof key - 1);
    CHECK_EQ(save("../..", key, "v"), -1);
    key[STATE_KEY_BYTES_MAX] = '\0';
    CHECK_EQ(save("../..", key, "v"), 0);
    CHECK_STR(load("../..", key), "v");
    state_persist_limits(rt, 8, 20);
    CHECK_EQ(save("x", "k", "123456789"), -1);
    CHECK_EQ(save("x", "k", "12345678"), 0);
    CHECK_EQ(save("x", "l", "12345678"), 0);
    CHECK_EQ(save("x", "m", "123"), -1);
    CHECK_EQ(save("x", "k", "1"), 0);
    CHECK_EQ(save("x", "m", "123"), 0);
    CHECK_EQ(save("y", "m", "123"), 0);
    CHECK_EQ(state_load(rt, "x", "l", buf, 7), -1);
    CHECK_EQ(state_load(rt, "x", "l", NULL, 0), 8);
    curtain_down();
}

TEST(a_folder_that_another_node_has_is_refused) {
    begin();
    runtime_t *first = rt;
    rt = runtime_create(&(runtime_config_t){.node_id = 2});
    CHECK(rt != NULL);
    CHECK(!state_persist_init(rt, "disk"));
    CHECK_EQ(save("x", "k", "v"), -1);
    runtime_destroy(rt);
    rt = first;
    CHECK(!state_persist_init(rt, "disk")); /* once is enough */
    CHECK_EQ(save("x", "k", "v"), 0);
    curtain_down();
}

TEST(a_value_the_disk_would_not_take_is_remembered_as_unsaved_until_it_is) {
    begin();
    mk_fake_disk_fail(1, MK_ERR_FULL);
    CHECK_EQ(save("x", "k", "v"), 0);
    settle_all();
    CHECK(!state_is_saved(rt));
    CHECK_STR(load("x", "k"), "v");
    CHECK_EQ(save("x", "k", "w"), 0);
    settle_all();
    CHECK(state_is_saved(rt));
    curtain_down();
}

TEST(hundreds_of_values_come_back) {
    char name[16], key[16];
    begin();
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "n%d", i % 7);
        snprintf(key, sizeof key, "k%d", i);
        CHECK_EQ(save(name, key, key), 0);
    }
    restart();
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "n%d", i % 7);
        snprintf(key, sizeof key, "k%d", i);
        CHECK_STR(load(name, key), key);
    }
    curtain_down();
}

TEST(each_allocation_may_fail) {
    for (unsigned n = 1;; n++) {
        mk_fake_disk_reset();
        curtain_up(NULL);
        oom_arm(n);
        bool ready = state_persist_init(rt, "disk");
        int  one = save("x", "k", "one"), two = save("x", "k", "two");
        settle_all();
        bool hit = oom_disarm();
        CHECK(ready || (one == -1 && two == -1));
        if (two == 0) CHECK_STR(load("x", "k"), "two");
        else if (one == 0) CHECK_STR(load("x", "k"), "one");
        bool is_saved = state_is_saved(rt);
        curtain_down();
        curtain_up(NULL);
        CHECK(state_persist_init(rt, "disk"));
        if (is_saved && two == 0) CHECK_STR(load("x", "k"), "two");
        curtain_down();
        if (!hit) break;
    }
    for (unsigned n = 1;; n++) { /* and while it is read again */
        begin();
        CHECK_EQ(save("x", "k", "one"), 0);
        curtain_down();
        curtain_up(NULL);
        oom_arm(n);
        bool ready = state_persist_init(rt, "disk");
        bool hit = oom_disarm();
        if (ready) CHECK_STR(load("x", "k"), "one");
        else CHECK(hit);
        curtain_down();
        if (!hit) break;
    }
}
