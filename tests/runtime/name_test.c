/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/play.h"

static part_t a, b, c;

static void three(void) {
    curtain_up(NULL);
    enter(&a);
    enter(&b);
    enter(&c);
}

static char        long_name[300];
static const char *named(size_t size) {
    memset(long_name, 'n', size);
    long_name[size] = '\0';
    return long_name;
}

TEST(a_name_finds_its_actor_and_the_other_way_round) {
    char buf[32];
    three();
    CHECK(actor_register_name(rt, "counter", a.id));
    CHECK_EQ(actor_lookup(rt, "counter"), a.id);
    CHECK_EQ(actor_lookup(rt, "count"), ACTOR_ID_INVALID);
    CHECK_EQ(actor_lookup(rt, "counter2"), ACTOR_ID_INVALID);
    CHECK_EQ(actor_lookup(rt, ""), ACTOR_ID_INVALID);
    CHECK_EQ(actor_reverse_lookup(rt, a.id, buf, sizeof buf), 7);
    CHECK_STR(buf, "counter");
    CHECK_EQ(actor_reverse_lookup(rt, b.id, buf, sizeof buf), 0);
    CHECK_EQ(actor_reverse_lookup(rt, actor_id_make(1, 99), buf, sizeof buf), 0);
    CHECK(actor_send_named(rt, "counter", 5, "x", 1));
    CHECK(!actor_send_named(rt, "nobody", 5, "x", 1));
    settle();
    CHECK_EQ(a.n, 1);
    curtain_down();
}

TEST(a_taken_name_is_refused_even_to_who_has_it) {
    three();
    CHECK_EQ(actor_try_register_name(rt, "n", a.id), MK_OK);
    CHECK_EQ(actor_try_register_name(rt, "n", b.id), MK_ERR_EXISTS);
    CHECK_EQ(actor_try_register_name(rt, "n", a.id), MK_ERR_EXISTS);
    CHECK(!actor_register_name(rt, "n", b.id));
    CHECK_EQ(actor_lookup(rt, "n"), a.id);
    curtain_down();
}

TEST(the_longest_name_is_taken_and_one_byte_more_is_not) {
    char buf[300];
    three();
    CHECK_EQ(actor_try_register_name(rt, named(256), a.id), MK_ERR_TOOLONG);
    CHECK_EQ(actor_try_register_name(rt, named(255), a.id), MK_OK);
    CHECK_EQ(actor_lookup(rt, named(255)), a.id);
    CHECK_EQ(actor_lookup(rt, named(254)), ACTOR_ID_INVALID);
    CHECK_EQ(actor_reverse_lookup(rt, a.id, buf, 255), 0); /* no room for the NUL */
    CHECK_EQ(actor_reverse_lookup(rt, a.id, buf, 256), 255);
    CHECK_EQ(strlen(buf), 255);
    CHECK_EQ(actor_try_register_name(rt, "", a.id), MK_ERR_INVALID);
    CHECK_EQ(actor_try_register_name(rt, "n", actor_id_make(1, 99)), MK_ERR_NOTFOUND);
    curtain_down();
    curtain_up(&(runtime_config_t){.node_id = 1, .name_bytes_max = 3});
    enter(&a);
    CHECK_EQ(actor_try_register_name(rt, "four", a.id), MK_ERR_TOOLONG);
    CHECK_EQ(actor_try_register_name(rt, "tri", a.id), MK_OK);
    curtain_down();
}

TEST(any_bytes_make_a_name) {
    three();
    CHECK(actor_register_name(rt, "/path/to it", a.id));
    CHECK(actor_register_name(rt, "\xff\x01\n", a.id));
    CHECK_EQ(actor_lookup(rt, "\xff\x01\n"), a.id);
    curtain_down();
}

TEST(names_vanish_with_their_actor) {
    three();
    CHECK(actor_register_name(rt, "one", a.id));
    CHECK(actor_register_name(rt, "two", a.id));
    actor_stop(rt, a.id);
    CHECK_EQ(actor_lookup(rt, "one"), ACTOR_ID_INVALID);
    CHECK_EQ(actor_try_register_name(rt, "two", b.id), MK_OK);
    curtain_down();
}

TEST(a_name_can_be_given_back) {
    three();
    CHECK(actor_register_name(rt, "one", a.id));
    CHECK(actor_unregister_name(rt, "one"));
    CHECK(!actor_unregister_name(rt, "one"));
    CHECK_EQ(actor_lookup(rt, "one"), ACTOR_ID_INVALID);
    CHECK(actor_register_name(rt, "one", b.id));
    actor_stop(rt, a.id); /* which no longer has it */
    CHECK_EQ(actor_lookup(rt, "one"), b.id);
    curtain_down();
}

TEST(all_names_of_an_actor_can_be_listed_and_none_is_cut) {
    char buf[64];
    three();
    CHECK_EQ(actor_reverse_lookup_all(rt, a.id, buf, sizeof buf), 0);
    CHECK(actor_register_name(rt, "first", a.id));
    CHECK(actor_register_name(rt, "second", a.id));
    CHECK(actor_register_name(rt, "3rd", a.id));
    CHECK_EQ(actor_reverse_lookup(rt, a.id, buf, sizeof buf), 5);
    CHECK_STR(buf, "first");
    size_t bytes = actor_reverse_lookup_all(rt, a.id, buf, sizeof buf);
    CHECK_EQ(bytes, 6 + 7 + 4);
    unsigned found = 0;
    for (const char *at = buf; at < buf + bytes; at += strlen(at) + 1)
        found |= strcmp(at, "first") == 0 ? 1u : strcmp(at, "second") == 0 ? 2u : strcmp(at, "3rd") == 0 ? 4u : 8u;
    CHECK_EQ(found, 7);
    for (size_t size = 0; size < 17; size++) {
        memset(buf, '#', sizeof buf);
        size_t wrote = actor_reverse_lookup_all(rt, a.id, buf, size);
        CHECK(wrote <= size);
        CHECK(wrote == 0 || buf[wrote - 1] == '\0');
        CHECK_EQ(buf[wrote], '#');
        actor_reverse_lookup(rt, a.id, buf, size);
        CHECK_EQ(buf[size], '#');
    }
    curtain_down();
}

TEST(very_many_names_are_kept_apart) {
    enum { NAMES = sizeof(void *) == 8 ? 20000 : 1000 };
    char name[16];
    three();
    part_t *who[] = {&a, &b, &c};
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "n%d", i);
        CHECK_EQ(actor_try_register_name(rt, name, who[i % 3]->id), MK_OK);
    }
    for (int i = 0; i < NAMES; i += 2) {
        snprintf(name, sizeof name, "n%d", i);
        CHECK(actor_unregister_name(rt, name));
    }
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "n%d", i);
        CHECK_EQ(actor_lookup(rt, name), i % 2 == 0 ? ACTOR_ID_INVALID : who[i % 3]->id);
    }
    actor_stop(rt, b.id);
    for (int i = 1; i < NAMES; i += 2) {
        snprintf(name, sizeof name, "n%d", i);
        CHECK_EQ(actor_lookup(rt, name), i % 3 == 1 ? ACTOR_ID_INVALID : who[i % 3]->id);
    }
    curtain_down();
}

/* ---- spawned with a name ---- */

TEST(a_spawn_with_a_taken_name_spawns_nothing) {
    three();
    CHECK(actor_register_name(rt, "taken", a.id));
    actor_id_t      id = 77;
    actor_options_t options = {.behavior = play_behavior, .state = &b, .free_state = play_free, .name = "taken"};
    CHECK_EQ(actor_spawn_opts(rt, &options, &id), MK_ERR_EXISTS);
    options.name = named(256);
    CHECK_EQ(actor_spawn_opts(rt, &options, &id), MK_ERR_TOOLONG);
    options.name = "";
    CHECK_EQ(actor_spawn_opts(rt, &options, &id), MK_ERR_INVALID);
    CHECK_EQ(id, 77);
    CHECK_EQ(b.frees, 0);
    CHECK_EQ(stats().actors, 3);
    options.name = "free";
    CHECK_EQ(actor_spawn_opts(rt, &options, &id), MK_OK);
    CHECK_EQ(actor_lookup(rt, "free"), id);
    curtain_down();
}

/* ---- reserved ---- */

static mk_err_t    did_err;
static const char *held = "held";

static bool do_reserve(part_t *part, uint64_t arg) {
    (void)part, (void)arg;
    did_err = actor_reserve_name(rt, held);
    return true;
}

static bool do_hand_out(part_t *part, uint64_t id) {
    (void)part;
    did_err = actor_try_register_name(rt, held, id);
    return true;
}

static bool do_spawn_held(part_t *part, uint64_t arg) {
    (void)part, (void)arg;
    actor_options_t options = {.behavior = play_behavior, .state = &b, .free_state = play_free, .name = held};
    b = (part_t){0};
    did_err = actor_spawn_opts(rt, &options, &b.id);
    return true;
}

TEST(a_reserved_name_is_nobody_s_but_taken) {
    three();
    in(&a, do_reserve, 0);
    CHECK_EQ(did_err, MK_OK);
    CHECK_EQ(actor_lookup(rt, held), ACTOR_ID_INVALID);
    CHECK_EQ(actor_try_register_name(rt, held, b.id), MK_ERR_EXISTS);
    in(&b, do_hand_out, b.id);
    CHECK_EQ(did_err, MK_ERR_EXISTS);
    in(&b, do_reserve, 0);
    CHECK_EQ(did_err, MK_ERR_EXISTS);
    in(&a, do_reserve, 0);
    CHECK_EQ(did_err, MK_ERR_EXISTS);
    CHECK(!actor_send_named(rt, held, 1, NULL, 0));
    curtain_down();
}

TEST(its_holder_hands_it_out_and_it_comes_back_when_the_carrier_ends) {
    three();
    in(&a, do_reserve, 0);
    for (int i = 0; i < 5; i++) {
        in(&a, do_hand_out, b.id);
        CHECK_EQ(did_err, MK_OK);
        CHECK_EQ(actor_lookup(rt, held), b.id);
        in(&a, do_hand_out, c.id); /* one at a time */
        CHECK_EQ(did_err, MK_ERR_EXISTS);
        actor_stop(rt, b.id);
        CHECK_EQ(actor_lookup(rt, held), ACTOR_ID_INVALID);
        CHECK_EQ(actor_try_register_name(rt, held, c.id), MK_ERR_EXISTS); /* held again, not free */
        enter(&b);
    }
    in(&a, do_spawn_held, 0);
    CHECK_EQ(did_err, MK_OK);
    CHECK_EQ(actor_lookup(rt, held), b.id);
    curtain_down();
}

TEST(a_holder_that_ends_lets_go_but_the_carrier_keeps_the_name) {
    three();
    in(&a, do_reserve, 0);
    in(&a, do_hand_out, b.id);
    actor_stop(rt, a.id);
    CHECK_EQ(actor_lookup(rt, held), b.id);
    actor_stop(rt, b.id);
    CHECK_EQ(actor_try_register_name(rt, held, c.id), MK_OK);
    curtain_down();
    three();
    in(&a, do_reserve, 0);
    actor_stop(rt, a.id); /* with nobody carrying it */
    CHECK_EQ(actor_try_register_name(rt, held, c.id), MK_OK);
    curtain_down();
}

TEST(a_holder_may_carry_its_own_name) {
    three();
    in(&a, do_reserve, 0);
    in(&a, do_hand_out, a.id);
    CHECK_EQ(actor_lookup(rt, held), a.id);
    actor_stop(rt, a.id);
    CHECK_EQ(actor_try_register_name(rt, held, c.id), MK_OK);
    curtain_down();
}

TEST(unregistering_frees_a_reserved_name_altogether) {
    three();
    in(&a, do_reserve, 0);
    in(&a, do_hand_out, b.id);
    CHECK(actor_unregister_name(rt, held));
    CHECK_EQ(actor_try_register_name(rt, held, c.id), MK_OK);
    actor_stop(rt, a.id);
    actor_stop(rt, b.id);
    CHECK_EQ(actor_lookup(rt, held), c.id);
    curtain_down();
}

static bool removed;
static bool do_remove(part_t *part, uint64_t arg) {
    (void)part, (void)arg;
    removed = actor_unregister_name(rt, held);
    return true;
}

TEST(a_name_is_removed_by_who_carries_or_holds_it_and_by_nobody_else) {
    three();
    in(&a, do_reserve, 0);
    in(&a, do_hand_out, b.id);
    in(&c, do_remove, 0);
    CHECK(!removed);
    CHECK_EQ(actor_lookup(rt, held), b.id);
    in(&a, do_remove, 0);
    CHECK(removed);
    CHECK(actor_register_name(rt, held, b.id));
    in(&c, do_remove, 0);
    CHECK(!removed);
    in(&b, do_remove, 0);
    CHECK(removed);
    CHECK_EQ(actor_lookup(rt, held), ACTOR_ID_INVALID);
    curtain_down();
}

TEST(a_reservation_can_be_made_for_another_from_outside) {
    three();
    CHECK_EQ(actor_reserve_name_for(rt, held, a.id), MK_OK);
    CHECK_EQ(actor_reserve_name_for(rt, "x", actor_id_make(1, 99)), MK_ERR_NOTFOUND);
    CHECK_EQ(actor_try_register_name(rt, held, b.id), MK_ERR_EXISTS); /* nobody is not the holder */
    in(&a, do_hand_out, b.id);
    CHECK_EQ(did_err, MK_OK);
    curtain_down();
}

/* ---- who is bound to end needs no name ---- */

TEST(the_name_of_an_actor_that_is_bound_to_end_can_be_given_to_the_next) {
    three();
    CHECK(actor_register_name(rt, "n", a.id));
    actor_exit(rt, a.id, EXIT_SHUTDOWN); /* it has not had its turn yet */
    CHECK(alive(&a));
    CHECK_EQ(actor_try_register_name(rt, "n", b.id), MK_OK);
    settle();
    CHECK(!alive(&a));
    CHECK_EQ(actor_lookup(rt, "n"), b.id);
    curtain_down();
}

TEST(a_held_name_of_one_bound_to_end_goes_to_the_next_by_its_holder_only) {
    three();
    in(&a, do_reserve, 0);
    in(&a, do_hand_out, b.id);
    actor_exit(rt, b.id, EXIT_SHUTDOWN);
    CHECK_EQ(actor_try_register_name(rt, held, c.id), MK_ERR_EXISTS);
    ask(a.id, do_hand_out, c.id);
    actor_exit(rt, b.id, EXIT_FAILED);
    settle();
    CHECK_EQ(did_err, MK_OK);
    CHECK_EQ(actor_lookup(rt, held), c.id);
    actor_stop(rt, c.id);
    CHECK_EQ(actor_try_register_name(rt, held, a.id), MK_ERR_EXISTS); /* held again */
    curtain_down();
}

TEST(names_without_memory_are_refused_whole) {
    for (unsigned n = 1; n < 6; n++) {
        three();
        char name[16];
        for (int i = 0; i < 16; i++) { /* the table wants to grow next */
            snprintf(name, sizeof name, "n%d", i);
            CHECK(actor_register_name(rt, name, a.id));
        }
        oom_arm(n);
        mk_err_t err = actor_try_register_name(rt, "last", b.id);
        oom_disarm();
        CHECK(err == MK_OK || err == MK_ERR_NOMEM);
        CHECK_EQ(actor_lookup(rt, "last"), err == MK_OK ? b.id : ACTOR_ID_INVALID);
        for (int i = 0; i < 16; i++) {
            snprintf(name, sizeof name, "n%d", i);
            CHECK_EQ(actor_lookup(rt, name), a.id);
        }
        curtain_down();
    }
}
