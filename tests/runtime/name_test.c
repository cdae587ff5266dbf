/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/names.h"
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

/* ---- who observes the table ---- */

/* A table of its own, kept by what it is told. */
enum { SEEN_MAX = 8 };
typedef struct seen {
    char       name[16];
    actor_id_t id;
    bool       fresh; /* claimed, and not told of whom it points at */
} seen_t;

static struct {
    seen_t      seen[SEEN_MAX];
    unsigned    claims, points, releases;
    const char *taken; /* elsewhere */
    mk_err_t    refuses;
} eyes;

static seen_t *seen(const char *name) {
    for (int i = 0; i < SEEN_MAX; i++)
        if (strcmp(eyes.seen[i].name, name) == 0) return &eyes.seen[i];
    return NULL;
}

static mk_err_t on_claim(void *arg, const char *name) {
    CHECK(arg == &eyes && seen(name) == NULL);
    if (eyes.refuses != MK_OK) return eyes.refuses;
    if (eyes.taken != NULL && strcmp(eyes.taken, name) == 0) return MK_ERR_EXISTS;
    seen_t *free_one = seen("");
    CHECK(free_one != NULL);
    snprintf(free_one->name, sizeof free_one->name, "%s", name);
    free_one->fresh = true;
    eyes.claims++;
    return MK_OK;
}

static void on_points(void *arg, const char *name, actor_id_t id) {
    seen_t *it = seen(name);
    CHECK(arg == &eyes && it != NULL);
    CHECK(it->fresh || it->id != id);
    it->id = id;
    it->fresh = false;
    eyes.points++;
}

static void on_release(void *arg, const char *name) {
    seen_t *it = seen(name);
    CHECK(arg == &eyes && it != NULL && !it->fresh);
    CHECK(actor_lookup(rt, name) == ACTOR_ID_INVALID || eyes.taken != NULL); /* it is out already */
    *it = (seen_t){.name = ""};
    eyes.releases++;
}

static const actor_id_t foreigner = (actor_id_t)2 << 32 | 5;

static actor_id_t on_elsewhere(void *arg, const char *name) {
    CHECK(arg == &eyes);
    return eyes.taken != NULL && strcmp(eyes.taken, name) == 0 ? foreigner : ACTOR_ID_INVALID;
}

static size_t on_reverse(void *arg, actor_id_t id, char *buf, size_t size) {
    CHECK(arg == &eyes && size != 0);
    if (id != foreigner || size < 4) return 0;
    memcpy(buf, "far", 4);
    return 3;
}

static const mk_names_ops_t eyes_ops = {on_claim, on_points, on_release, on_elsewhere, on_reverse};

static void visit(void *arg, const char *name, actor_id_t id) {
    seen_t *it = seen(name);
    (*(unsigned *)arg)++;
    CHECK(it != NULL && it->id == id && !it->fresh);
}

/* What was told and what there is are the same. */
static void check_eyes(unsigned names) {
    unsigned n = 0;
    mk_names_visit(rt, visit, &n);
    CHECK_EQ(n, names);
    CHECK_EQ(eyes.claims - eyes.releases, names);
}

static void three_observed(void) {
    three();
    memset(&eyes, 0, sizeof eyes);
    mk_names_observe(rt, &eyes_ops, &eyes);
}

TEST(who_observes_the_table_is_asked_for_each_name_and_told_of_its_end) {
    three_observed();
    CHECK(actor_register_name(rt, "n", a.id));
    CHECK_EQ(seen("n")->id, a.id);
    CHECK_EQ(actor_try_register_name(rt, "n", b.id), MK_ERR_EXISTS);
    check_eyes(1);
    CHECK(actor_register_name(rt, "m", a.id));
    CHECK(actor_unregister_name(rt, "n"));
    check_eyes(1);
    in(&a, do_end, 0);
    check_eyes(0);
    CHECK_EQ(eyes.points, 2);
    CHECK(actor_register_name(rt, "n", b.id));
    curtain_down();
    CHECK_EQ(eyes.claims, eyes.releases); /* the end of a node is told name by name */
}

TEST(a_name_that_is_refused_is_not_there_and_leaves_no_trace) {
    static const mk_err_t errors[] = {MK_ERR_EXISTS, MK_ERR_NOMEM, MK_ERR_LIMIT};
    three_observed();
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        eyes.refuses = errors[i];
        actor_id_t      id = 77;
        actor_options_t options = {.behavior = play_behavior, .state = &c, .name = "n"};
        CHECK_EQ(actor_try_register_name(rt, "n", a.id), errors[i]);
        CHECK_EQ(actor_reserve_name_for(rt, "n", a.id), errors[i]);
        CHECK_EQ(actor_spawn_opts(rt, &options, &id), errors[i]);
        CHECK_EQ(id, 77);
    }
    CHECK_EQ(actor_lookup(rt, "n"), ACTOR_ID_INVALID);
    CHECK_EQ(stats().actors, 3);
    check_eyes(0);
    CHECK_EQ(eyes.points, 0);
    curtain_down();
}

static bool reserve_n(part_t *part, uint64_t arg) {
    (void)part, (void)arg;
    CHECK_EQ(actor_reserve_name(rt, "n"), MK_OK);
    return true;
}

static bool give_n(part_t *part, uint64_t id) {
    (void)part;
    CHECK_EQ(actor_try_register_name(rt, "n", id), MK_OK);
    return true;
}

TEST(a_reserved_name_is_claimed_once_however_often_it_changes_hands) {
    three_observed();
    in(&a, reserve_n, 0);
    CHECK_EQ(seen("n")->id, ACTOR_ID_INVALID); /* ours, and nobody carries it */
    for (int i = 0; i < 3; i++) {
        in(&a, give_n, b.id);
        CHECK_EQ(seen("n")->id, b.id);
        in(&b, do_end, 0);
        CHECK_EQ(seen("n")->id, ACTOR_ID_INVALID);
        enter(&b);
    }
    in(&a, give_n, b.id);
    in(&a, do_end, 0); /* b keeps it */
    CHECK_EQ(eyes.claims, 1);
    CHECK_EQ(eyes.points, 8);
    check_eyes(1);
    in(&b, do_end, 0);
    check_eyes(0);
    curtain_down();
}

static bool doom_and_replace(part_t *part, uint64_t arg) {
    (void)part, (void)arg;
    actor_exit(rt, b.id, EXIT_FAILED); /* ends at its next turn */
    CHECK_EQ(actor_try_register_name(rt, "n", c.id), MK_OK);
    return true;
}

TEST(a_name_taken_over_from_an_ending_actor_stays_claimed_and_needs_no_memory) {
    three_observed();
    CHECK(actor_register_name(rt, "n", b.id));
    in(&a, do_nothing, 0);
    ask(a.id, doom_and_replace, 0);
    eyes.refuses = MK_ERR_EXISTS; /* nobody is asked again */
    settle();
    CHECK_EQ(actor_lookup(rt, "n"), c.id);
    CHECK_EQ(seen("n")->id, c.id);
    CHECK_EQ(eyes.claims, 1);
    CHECK_EQ(eyes.points, 2);
    CHECK(!alive(&b));
    check_eyes(1);
    curtain_down();
}

static bool spawn_named(part_t *part, uint64_t name_taken) {
    (void)part;
    actor_options_t options = {.link = true, .name = name_taken ? "n" : "m"};
    options.behavior = play_behavior;
    options.state = &c;
    c = (part_t){0};
    did_well = actor_spawn_opts(rt, &options, &c.id) == MK_OK;
    return true;
}

TEST(nobody_hears_the_name_of_an_actor_that_is_not_spawned) {
    three_observed();
    CHECK(actor_register_name(rt, "n", b.id));
    in(&a, spawn_named, true);
    CHECK(!did_well);
    for (unsigned n = 1; n < 4; n++) { /* the record, the name, the link: whichever needs memory */
        order_t order = {spawn_named, false};
        CHECK(actor_send(rt, a.id, MSG_DO, &order, sizeof order));
        oom_arm(n);
        settle();
        bool failed = oom_disarm();
        CHECK(did_well || failed);
        if (did_well) break;
        check_eyes(1);
        CHECK_EQ(eyes.points, 1);
        CHECK_EQ(a.n, 0); /* no end of a child, nor of somebody linked */
    }
    curtain_down();
}

TEST(a_name_of_another_node_is_found_when_nobody_carries_it_here) {
    char buf[16] = "?";
    three_observed();
    eyes.taken = "n";
    CHECK_EQ(actor_lookup(rt, "n"), foreigner);
    CHECK_EQ(actor_lookup(rt, "m"), ACTOR_ID_INVALID);
    CHECK_EQ(actor_try_register_name(rt, "n", a.id), MK_ERR_EXISTS);
    CHECK_EQ(actor_reverse_lookup(rt, foreigner, buf, sizeof buf), 3);
    CHECK_STR(buf, "far");
    CHECK_EQ(actor_reverse_lookup_all(rt, foreigner, buf, sizeof buf), 4);
    CHECK_EQ(actor_reverse_lookup(rt, foreigner, buf, 3), 0);
    CHECK_EQ(actor_reverse_lookup(rt, foreigner, buf, 0), 0);
    CHECK_EQ(actor_reverse_lookup_all(rt, foreigner, buf, 0), 0);
    CHECK_EQ(actor_reverse_lookup(rt, actor_id_make(1, 99), buf, sizeof buf), 0); /* ours, and dead */
    eyes.taken = NULL;
    CHECK(actor_register_name(rt, "n", a.id));
    eyes.taken = "n";
    CHECK_EQ(actor_lookup(rt, "n"), a.id); /* ours first */
    curtain_down();
}

TEST(a_name_can_be_taken_away_from_who_carries_and_from_who_holds_it) {
    three_observed();
    in(&a, reserve_n, 0);
    CHECK_EQ(mk_names_withdraw(rt, "n"), ACTOR_ID_INVALID); /* nobody carried it */
    check_eyes(0);
    in(&a, reserve_n, 0);
    in(&a, give_n, b.id);
    CHECK_EQ(mk_names_withdraw(rt, "n"), b.id);
    CHECK_EQ(mk_names_withdraw(rt, "n"), ACTOR_ID_INVALID);
    CHECK_EQ(actor_lookup(rt, "n"), ACTOR_ID_INVALID);
    check_eyes(0);
    CHECK(actor_register_name(rt, "n", c.id)); /* nothing of it is left with a and b */
    in(&b, do_end, 0);
    in(&a, do_end, 0);
    CHECK_EQ(actor_lookup(rt, "n"), c.id);
    mk_names_observe(rt, NULL, NULL); /* and nobody looks any more */
    curtain_down();
}
