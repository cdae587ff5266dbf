/* SPDX-License-Identifier: Apache-2.0 */
/* This node's own names: what peers are told of them, and what is found here. */
#include "ns/stage.h"

static part_t a, b;

static void two_actors(void) {
    enter(&a);
    enter(&b);
}

TEST(names_from_before_and_after_are_told_in_order) {
    curtain_up(NULL);
    two_actors();
    CHECK(actor_register_name(rt, "zeta", a.id));
    ns = mk_ns_of(rt);
    CHECK_EQ(mk_ns_set_identity(ns, "me"), MK_OK);
    CHECK(actor_register_name(rt, "alpha", b.id));
    CHECK(actor_register_name(rt, "/lab/door", b.id));
    CHECK_STR(told(), "/lab/door alpha zeta ");
    CHECK(mk_ns_of(rt) == ns);
    curtain_down();
}

TEST(a_name_is_told_with_its_bearer_its_age_and_a_growing_counter) {
    ear_t ear;
    ns_up();
    two_actors();
    listen_to(&ear);
    mk_fake_set_wall_ms(5000);
    CHECK(actor_register_name(rt, "x", a.id));
    CHECK_EQ(ear.n, 1);
    CHECK_STR(ear.text, "x");
    CHECK_EQ(ear.name.seq, actor_id_seq(a.id));
    CHECK_EQ(ear.name.stamp_ms, 5000);
    CHECK(actor_unregister_name(rt, "x"));
    CHECK_EQ(ear.n, 2);
    CHECK_STR(ear.text, "-x");
    mk_ns_unlisten(&ear.base);
    CHECK(actor_register_name(rt, "y", a.id));
    CHECK_EQ(ear.n, 2);
    curtain_down();
}

TEST(a_clock_nobody_set_makes_the_youngest_claim) {
    ear_t ear;
    ns_up();
    two_actors();
    listen_to(&ear);
    mk_fake_set_wall_ms(0);
    CHECK(actor_register_name(rt, "x", a.id));
    CHECK(ear.name.stamp_ms == UINT64_MAX);
    curtain_down();
}

static bool hold(part_t *part, uint64_t arg) {
    (void)part, (void)arg;
    CHECK_EQ(actor_reserve_name(rt, "held"), MK_OK);
    return true;
}

static bool hand_out(part_t *part, uint64_t arg) {
    (void)part;
    CHECK(actor_register_name(rt, "held", arg));
    return true;
}

TEST(a_held_name_keeps_its_age_while_its_child_is_made_anew) {
    ear_t ear;
    ns_up();
    two_actors();
    part_t child;
    listen_to(&ear);
    mk_fake_set_wall_ms(1000);
    in(&a, hold, 0);
    CHECK_STR(ear.text, "held");
    CHECK_EQ(ear.name.seq, 0);
    in(&a, hand_out, b.id);
    CHECK_EQ(ear.name.seq, actor_id_seq(b.id));
    mk_fake_set_wall_ms(9000);
    actor_stop(rt, b.id);
    settle();
    CHECK_STR(ear.text, "held");
    CHECK_EQ(ear.name.seq, 0);
    CHECK_EQ(actor_lookup(rt, "held"), ACTOR_ID_INVALID);
    CHECK_STR(listed(""), "");
    enter(&child);
    in(&a, hand_out, child.id);
    CHECK_EQ(ear.name.seq, actor_id_seq(child.id));
    CHECK_EQ(ear.name.stamp_ms, 1000);
    CHECK_EQ(ear.n, 4);
    curtain_down();
}

TEST(what_is_this_nodes_alone_is_not_told) {
    ns_up();
    two_actors();
    CHECK(actor_register_name(rt, "ns", a.id));
    CHECK(actor_register_name(rt, "nsx", a.id));
    CHECK(actor_register_name(rt, "/node/local/secret", a.id));
    CHECK(actor_register_name(rt, "/node/storage/kv", a.id));
    CHECK(actor_register_name(rt, "/node/somebody/x", a.id));
    CHECK(actor_register_name(rt, "/node/me/mine", a.id));
    CHECK_STR(told(), "/node/me/mine nsx ");
    curtain_down();
}

TEST(local_services_are_offered_below_the_node) {
    ear_t ear;
    ns_up();
    two_actors();
    listen_to(&ear);
    CHECK(actor_register_name(rt, "/node/local/storage/kv", a.id));
    CHECK_STR(ear.text, "/node/me/storage/kv");
    CHECK(actor_register_name(rt, "/node/local/ai/infer", a.id));
    CHECK(actor_register_name(rt, "/node/local/queue/default", a.id));
    CHECK_STR(told(), "/node/me/ai/infer /node/me/queue/default /node/me/storage/kv ");
    CHECK_EQ(actor_lookup(rt, "/node/me/storage/kv"), a.id);
    CHECK_EQ(actor_lookup(rt, "/node/storage/kv"), a.id);
    curtain_down();
}

TEST(the_longest_rule_decides) {
    ear_t ear;
    ns_up();
    two_actors();
    CHECK(actor_register_name(rt, "sensor/a", a.id));
    CHECK(actor_register_name(rt, "sensor/b", a.id));
    CHECK(actor_register_name(rt, "other", a.id));
    listen_to(&ear);
    CHECK_EQ(ns_export(rt, "sensor/", false), MK_OK);
    CHECK_EQ(ear.n, 2);
    CHECK_STR(told(), "other ");
    CHECK_EQ(ns_export(rt, "sensor/b", true), MK_OK);
    CHECK_STR(told(), "other sensor/b ");
    CHECK_EQ(ns_export(rt, "", false), MK_OK);
    CHECK_STR(told(), "sensor/b ");
    CHECK_EQ(ns_export(rt, "sensor/", true), MK_OK); /* the same rule, changed */
    CHECK_STR(told(), "sensor/a sensor/b ");
    CHECK_EQ(ns_export(rt, "/node/local/", true), MK_OK);
    CHECK(actor_register_name(rt, "/node/local/x", a.id));
    CHECK_STR(told(), "/node/me/x sensor/a sensor/b ");
    CHECK_EQ(ns_export(rt, "/node/", true), MK_OK); /* never as such */
    CHECK(actor_register_name(rt, "/node/storage/kv", a.id));
    CHECK_STR(told(), "/node/me/x sensor/a sensor/b ");
    char longest[MK_NS_NAME_BYTES_MAX + 2];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    CHECK_EQ(ns_export(rt, longest, true), MK_ERR_TOOLONG);
    curtain_down();
}

TEST(a_rule_is_about_whole_parts_of_names) {
    ns_up();
    two_actors();
    static const char *const names[] = {"shell", "shell/1", "shellac", "she", "/shell", "shell2/x"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) CHECK(actor_register_name(rt, names[i], a.id));
    CHECK_EQ(ns_export(rt, "shell", false), MK_OK);
    CHECK_STR(told(), "/shell she shell2/x shellac ");
    CHECK_EQ(ns_export(rt, "shell/", true), MK_OK); /* what is below it */
    CHECK_STR(told(), "/shell she shell/1 shell2/x shellac ");
    CHECK_EQ(ns_export(rt, "shell*", false), MK_OK); /* all that begin so, but for what a rule as long says */
    CHECK_STR(told(), "/shell she shell/1 ");
    CHECK_EQ(ns_export(rt, "shell", true), MK_OK);
    CHECK_STR(told(), "/shell she shell shell/1 ");
    CHECK_EQ(ns_export(rt, "*", false), MK_OK); /* the same as "" */
    CHECK_STR(told(), "shell shell/1 ");
    CHECK_EQ(ns_export(rt, "s*", true), MK_OK);
    CHECK_STR(told(), "she shell shell/1 ");
    CHECK_EQ(ns_export(rt, "shell*", true), MK_OK);
    CHECK_STR(told(), "she shell shell/1 shell2/x shellac ");
    CHECK_EQ(ns_export(rt, "/sh", true), MK_OK); /* no name has such a part */
    CHECK_STR(told(), "she shell shell/1 shell2/x shellac ");
    curtain_down();
}

TEST(a_fleet_keeps_its_names_own) {
    ns_up();
    two_actors();
    CHECK(actor_register_name(rt, "led", a.id));
    CHECK(actor_register_name(rt, "/door", b.id));
    ns_keep_names_own(rt, true);
    CHECK_STR(told(), "/node/me/door /node/me/led ");
    mk_ns_peer_t *peer = peer_up(2, "you");
    CHECK_EQ(put(peer, "led", 9, 1, 1), MK_OK); /* older, and in nobody's way */
    CHECK_EQ(actor_lookup(rt, "led"), a.id);
    CHECK_EQ(actor_lookup(rt, "/node/you/led"), actor_id_make(2, 9));
    CHECK_EQ(actor_lookup(rt, "/node/me/led"), a.id);
    curtain_down();
}

TEST(several_names_that_mean_the_same_path_are_told_once) {
    ear_t ear;
    ns_up();
    two_actors();
    listen_to(&ear);
    ns_keep_names_own(rt, true);
    CHECK(actor_register_name(rt, "/x", a.id));
    CHECK_EQ(ear.name.seq, actor_id_seq(a.id));
    CHECK(actor_register_name(rt, "x", b.id)); /* goes before it */
    CHECK_STR(ear.text, "/node/me/x");
    CHECK_EQ(ear.name.seq, actor_id_seq(b.id));
    CHECK_STR(told(), "/node/me/x ");
    unsigned heard = ear.n;
    CHECK(actor_register_name(rt, "/node/local/storage/x", a.id));
    CHECK_EQ(ear.n, heard + 1);
    CHECK(actor_register_name(rt, "/node/me/storage/x", b.id));
    CHECK_EQ(ear.name.seq, actor_id_seq(b.id));
    CHECK(actor_unregister_name(rt, "/node/local/storage/x")); /* nobody has seen it */
    CHECK_EQ(ear.n, heard + 2);
    CHECK(actor_unregister_name(rt, "x")); /* the other comes forward */
    CHECK_STR(ear.text, "/node/me/x");
    CHECK_EQ(ear.name.seq, actor_id_seq(a.id));
    CHECK(actor_unregister_name(rt, "/x"));
    CHECK_STR(ear.text, "-/node/me/x");
    curtain_down();
}

TEST(a_node_that_is_renamed_tells_its_names_anew) {
    ns_up();
    two_actors();
    CHECK(actor_register_name(rt, "/node/me/mine", a.id));
    CHECK(actor_register_name(rt, "/node/other/mine", b.id));
    CHECK(actor_register_name(rt, "/node/local/storage/kv", b.id));
    CHECK_STR(told(), "/node/me/mine /node/me/storage/kv ");
    CHECK_EQ(mk_ns_set_identity(ns, "other"), MK_OK);
    CHECK_STR(mk_ns_identity(ns), "other");
    CHECK_STR(told(), "/node/other/mine /node/other/storage/kv ");
    CHECK_EQ(mk_ns_set_identity(ns, "not/fit"), MK_ERR_INVALID);
    (void)peer_up(2, "you");
    CHECK_EQ(mk_ns_set_identity(ns, "you"), MK_ERR_EXISTS);
    CHECK_STR(mk_ns_identity(ns), "other");
    curtain_down();
}

static char long_name[3000];

static void long_names_up(void) {
    mk_fake_reset(1);
    curtain_up(&(runtime_config_t){.node_id = 1, .name_bytes_max = 4000});
    ns = mk_ns_of(rt);
    CHECK_EQ(mk_ns_set_identity(ns, "me"), MK_OK);
    two_actors();
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
}

TEST(names_too_long_to_travel_stay_here) {
    long_names_up();
    CHECK(actor_register_name(rt, long_name, a.id));
    CHECK_STR(told(), "");
    CHECK_EQ(actor_lookup(rt, long_name), a.id);
    long_name[MK_NS_NAME_BYTES_MAX] = '\0';
    CHECK(actor_register_name(rt, long_name, b.id));
    mk_ns_name_t name;
    CHECK(mk_ns_next(ns, NULL, &name));
    CHECK_EQ(name.size, MK_NS_NAME_BYTES_MAX);
    CHECK(!mk_ns_next(ns, name.text, &name));
    ns_keep_names_own(rt, true); /* does not fit behind /node/me/ */
    CHECK(!mk_ns_next(ns, NULL, &name));
    curtain_down();
}

TEST(names_of_our_own_place_that_are_too_long_to_travel_stay_here_too) {
    long_names_up();
    memcpy(long_name, "/node/me/", 9);
    CHECK(actor_register_name(rt, long_name, a.id));
    CHECK_EQ(actor_lookup(rt, long_name), a.id);
    mk_ns_name_t name;
    CHECK(!mk_ns_next(ns, NULL, &name));
    long_name[MK_NS_NAME_BYTES_MAX + 1] = '\0';
    CHECK(actor_register_name(rt, long_name, b.id));
    CHECK(!mk_ns_next(ns, NULL, &name));
    long_name[MK_NS_NAME_BYTES_MAX] = '\0';
    CHECK(actor_register_name(rt, long_name, b.id));
    CHECK(mk_ns_next(ns, NULL, &name));
    CHECK_EQ(name.size, MK_NS_NAME_BYTES_MAX);
    CHECK(!mk_ns_next(ns, name.text, &name));
    curtain_down();
}

TEST(a_listing_is_sorted_begins_where_it_is_told_to_and_ends_when_it_is_told_to) {
    ns_up();
    two_actors();
    mk_ns_peer_t *peer = peer_up(2, "you");
    CHECK(actor_register_name(rt, "beta", a.id));
    CHECK(actor_register_name(rt, "alpha", a.id));
    CHECK(actor_register_name(rt, "/node/local/x", b.id));
    CHECK_EQ(put(peer, "beta", 5, 1000000000000000u, 1), MK_OK); /* younger: the peer will hear of it */
    CHECK_EQ(put(peer, "gamma", 6, 1, 2), MK_OK);
    CHECK_STR(listed(""), "/node/local/x /node/you/beta /node/you/gamma alpha beta gamma ");
    CHECK_STR(listed("/"), listed(""));
    CHECK_STR(listed("/node/you/"), "/node/you/beta /node/you/gamma ");
    CHECK_STR(listed("be"), "beta ");
    CHECK_STR(listed("nobody"), "");
    char text[256] = "";
    CHECK_EQ(ns_list(rt, "/node", "/node/you/beta", add_path, text), 1);
    CHECK_STR(text, "/node/you/gamma ");
    text[0] = '\0';
    CHECK_EQ(ns_list(rt, "", "/node/zzz", add_path, text), 3);
    CHECK_STR(text, "alpha beta gamma ");
    text[0] = '\0';
    CHECK_EQ(ns_list(rt, "gamma", "a", add_path, text), 1); /* begins with the prefix all the same */
    CHECK_STR(text, "gamma ");
    CHECK_EQ(ns_list(rt, "a", "b", add_path, text), 0);
    curtain_down();
}

TEST(a_listing_as_text_says_when_there_is_more) {
    char text[64];
    ns_up();
    enter(&a);
    CHECK(actor_register_name(rt, "one", a.id));
    CHECK(actor_register_name(rt, "two", a.id));
    CHECK(actor_register_name(rt, "ns", a.id));
    size_t size = mk_ns_list_text(ns, "", false, text, sizeof text);
    text[size] = '\0';
    char expected[128];
    snprintf(expected, sizeof expected, "ns=%llu\none=%llu\ntwo=%llu\n", (unsigned long long)a.id,
             (unsigned long long)a.id, (unsigned long long)a.id);
    CHECK_STR(text, expected);
    size = mk_ns_list_text(ns, "/", true, text, sizeof text); /* as peers see it */
    text[size] = '\0';
    CHECK_STR(text, strchr(expected, '\n') + 1);
    size = mk_ns_list_text(ns, "", false, text, size);
    text[size] = '\0';
    CHECK(strcmp(text + size - 4, "...\n") == 0);
    CHECK_EQ(mk_ns_list_text(ns, "", false, text, 4), 4);
    CHECK_EQ(mk_ns_list_text(ns, "", false, text, 3), 0);
    CHECK_EQ(mk_ns_list_text(ns, "", false, text, 0), 0);
    CHECK_EQ(mk_ns_list_text(ns, "nobody", false, text, 3), 0);
    curtain_down();
}
