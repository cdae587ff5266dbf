/* SPDX-License-Identifier: Apache-2.0 */
/* Names of peers: found, refused, forgotten. */
#include "ns/stage.h"

#include <stdlib.h>

static part_t a, b;

TEST(a_peers_name_is_found_under_itself_and_below_its_node) {
    ns_up();
    mk_ns_peer_t *peer = peer_up(7, "you");
    CHECK_EQ(put(peer, "x", 3, 100, 1), MK_OK);
    CHECK_EQ(put(peer, "/lab/door", 4, 100, 2), MK_OK);
    CHECK_EQ(put(peer, "/node/you/caps", 5, 100, 3), MK_OK);
    CHECK_EQ(mk_ns_peer_names(peer), 3);
    CHECK_EQ(actor_lookup(rt, "x"), actor_id_make(7, 3));
    CHECK_EQ(actor_lookup(rt, "/node/you/x"), actor_id_make(7, 3));
    CHECK_EQ(actor_lookup(rt, "/lab/door"), actor_id_make(7, 4));
    CHECK_EQ(actor_lookup(rt, "/node/you/lab/door"), actor_id_make(7, 4));
    CHECK_EQ(actor_lookup(rt, "/node/you/caps"), actor_id_make(7, 5));
    CHECK_EQ(actor_lookup(rt, "/node/you//lab/door"), ACTOR_ID_INVALID);
    CHECK_EQ(actor_lookup(rt, "caps"), ACTOR_ID_INVALID);
    CHECK_EQ(actor_lookup(rt, "/node/me/x"), ACTOR_ID_INVALID);
    char name[32];
    CHECK_EQ(actor_reverse_lookup(rt, actor_id_make(7, 4), name, sizeof name), 9);
    CHECK_STR(name, "/lab/door");
    CHECK_EQ(actor_reverse_lookup(rt, actor_id_make(7, 5), name, sizeof name), 14);
    CHECK_STR(name, "/node/you/caps");
    CHECK_EQ(actor_reverse_lookup(rt, actor_id_make(7, 5), name, 14), 0);
    CHECK_EQ(actor_reverse_lookup(rt, actor_id_make(7, 6), name, sizeof name), 0);
    CHECK_EQ(actor_reverse_lookup(rt, actor_id_make(8, 5), name, sizeof name), 0);
    curtain_down();
}

TEST(the_oldest_of_an_actors_names_is_its_name) {
    ns_up();
    mk_ns_peer_t *peer = peer_up(7, "you");
    char          name[32];
    CHECK_EQ(put(peer, "young", 3, 200, 1), MK_OK);
    CHECK_EQ(put(peer, "old", 3, 100, 2), MK_OK);
    CHECK_EQ(actor_reverse_lookup(rt, actor_id_make(7, 3), name, sizeof name), 3);
    CHECK_STR(name, "old");
    CHECK_EQ(put(peer_up(8, "third"), "old", 9, 50, 1), MK_OK); /* that one is another's now */
    CHECK_EQ(actor_reverse_lookup(rt, actor_id_make(7, 3), name, sizeof name), 13);
    CHECK_STR(name, "/node/you/old");
    curtain_down();
}

TEST(a_name_has_one_owner_the_older_then_the_lower) {
    ns_up();
    mk_ns_peer_t *two = peer_up(2, "two"), *three = peer_up(3, "three"), *four = peer_up(4, "four");
    CHECK_EQ(put(three, "x", 30, 500, 1), MK_OK);
    CHECK_EQ(put(four, "x", 40, 400, 1), MK_OK);
    CHECK_EQ(actor_lookup(rt, "x"), actor_id_make(4, 40));
    CHECK_EQ(put(two, "x", 20, 500, 1), MK_OK);
    CHECK_EQ(actor_lookup(rt, "x"), actor_id_make(4, 40));
    mk_ns_peer_remove(ns, four); /* the next in line */
    CHECK_EQ(actor_lookup(rt, "x"), actor_id_make(2, 20));
    CHECK_EQ(actor_lookup(rt, "/node/three/x"), actor_id_make(3, 30));
    CHECK_EQ(actor_lookup(rt, "/node/four/x"), ACTOR_ID_INVALID);
    CHECK_EQ(put(three, "x", 31, 100, 2), MK_OK); /* it has registered it anew, with a clock that went back */
    CHECK_EQ(actor_lookup(rt, "x"), actor_id_make(3, 31));
    CHECK_EQ(put(three, "x", 0, 100, 3), MK_OK); /* held: it is nobody else's meanwhile */
    CHECK_EQ(actor_lookup(rt, "x"), ACTOR_ID_INVALID);
    CHECK_STR(listed(""), "/node/two/x ");
    curtain_down();
}

TEST(a_name_that_is_taken_elsewhere_is_refused_here) {
    ns_up();
    enter(&a);
    mk_ns_peer_t *peer = peer_up(2, "you");
    CHECK_EQ(put(peer, "x", 9, UINT64_MAX, 1), MK_OK); /* younger than anything, but it was there first */
    CHECK_EQ(actor_try_register_name(rt, "x", a.id), MK_ERR_EXISTS);
    CHECK(!actor_register_name(rt, "x", a.id));
    CHECK_EQ(actor_lookup(rt, "x"), actor_id_make(2, 9));
    CHECK_EQ(drop(peer, "x", 2), MK_OK);
    CHECK_EQ(actor_try_register_name(rt, "x", a.id), MK_OK);
    CHECK_EQ(actor_try_register_name(rt, "/node/you/x", a.id), MK_ERR_DENIED);
    CHECK_EQ(actor_try_register_name(rt, "/node/you", a.id), MK_OK);
    curtain_down();
}

TEST(the_loser_is_told_and_has_the_name_no_longer) {
    ns_up();
    enter(&a);
    ear_t ear;
    mk_fake_set_wall_ms(1000);
    CHECK(actor_register_name(rt, "x", a.id));
    CHECK(actor_register_name(rt, "y", a.id));
    listen_to(&ear);
    mk_ns_peer_t *peer = peer_up(2, "you");
    CHECK_EQ(put(peer, "x", 9, 1001, 1), MK_OK);
    CHECK_EQ(actor_lookup(rt, "x"), a.id);
    CHECK_EQ(put(peer, "y", 9, 999, 2), MK_OK);
    CHECK_EQ(actor_lookup(rt, "y"), actor_id_make(2, 9));
    CHECK_STR(ear.text, "-y");
    settle();
    CHECK_EQ(a.n, 1);
    CHECK_EQ(last_note(&a)->type, MSG_NAME_CONFLICT);
    name_conflict_payload_t payload;
    memcpy(&payload, last_note(&a)->as.bytes, sizeof payload);
    CHECK_EQ(payload.winner, actor_id_make(2, 9));
    CHECK_EQ(payload.name_size, 1);
    CHECK_EQ(last_note(&a)->size, sizeof payload + 1);
    CHECK_EQ(last_note(&a)->as.bytes[sizeof payload], 'y');
    CHECK_STR(told(), "x ");
    /* At the same moment the lower node has it: this one is 1. */
    CHECK(actor_unregister_name(rt, "x"));
    CHECK_EQ(drop(peer, "x", 3), MK_OK);
    CHECK(actor_register_name(rt, "x", a.id));
    CHECK_EQ(put(peer, "x", 9, 1000, 4), MK_OK);
    CHECK_EQ(actor_lookup(rt, "x"), a.id);
    curtain_down();
}

static bool hold(part_t *part, uint64_t arg) {
    (void)part, (void)arg;
    CHECK_EQ(actor_reserve_name(rt, "held"), MK_OK);
    return true;
}

TEST(a_name_that_is_only_held_can_be_lost_too) {
    ns_up();
    enter(&a);
    in(&a, hold, 0);
    CHECK_EQ(put(peer_up(2, "you"), "held", 9, 1, 1), MK_OK);
    CHECK_EQ(actor_lookup(rt, "held"), actor_id_make(2, 9));
    settle();
    CHECK_EQ(a.n, 0);
    curtain_down();
}

TEST(a_rule_that_shares_a_name_may_lose_it) {
    ns_up();
    enter(&a);
    CHECK_EQ(ns_export(rt, "", false), MK_OK);
    CHECK(actor_register_name(rt, "x", a.id));
    CHECK(actor_register_name(rt, "y", a.id));
    mk_ns_peer_t *peer = peer_up(2, "you");
    CHECK_EQ(put(peer, "x", 9, 1, 1), MK_OK);
    CHECK_EQ(put(peer, "y", 9, UINT64_MAX, 2), MK_OK);
    CHECK_EQ(actor_lookup(rt, "x"), a.id);
    CHECK_EQ(ns_export(rt, "", true), MK_OK);
    CHECK_EQ(actor_lookup(rt, "x"), actor_id_make(2, 9));
    CHECK_EQ(actor_lookup(rt, "y"), a.id);
    CHECK_STR(told(), "y ");
    settle();
    CHECK_EQ(last_note(&a)->type, MSG_NAME_CONFLICT);
    curtain_down();
}

TEST(old_news_loses) {
    ns_up();
    mk_ns_peer_t *peer = peer_up(2, "you");
    CHECK_EQ(put(peer, "x", 5, 100, 10), MK_OK);
    CHECK_EQ(put(peer, "x", 6, 100, 10), MK_OK);
    CHECK_EQ(put(peer, "x", 7, 100, 9), MK_OK);
    CHECK_EQ(actor_lookup(rt, "x"), actor_id_make(2, 5));
    CHECK_EQ(drop(peer, "x", 10), MK_OK);
    CHECK_EQ(actor_lookup(rt, "x"), actor_id_make(2, 5));
    CHECK_EQ(drop(peer, "x", 12), MK_OK);
    CHECK_EQ(put(peer, "x", 5, 100, 10), MK_OK); /* a replay */
    CHECK_EQ(put(peer, "x", 5, 100, 12), MK_OK);
    CHECK_EQ(actor_lookup(rt, "x"), ACTOR_ID_INVALID);
    CHECK_EQ(mk_ns_peer_names(peer), 0);
    CHECK_EQ(put(peer, "x", 8, 100, 13), MK_OK);
    CHECK_EQ(actor_lookup(rt, "x"), actor_id_make(2, 8));
    CHECK_EQ(drop(peer, "y", 20), MK_OK); /* what overtook its own beginning */
    CHECK_EQ(put(peer, "y", 8, 100, 19), MK_OK);
    CHECK_EQ(actor_lookup(rt, "y"), ACTOR_ID_INVALID);
    curtain_down();
}

TEST(names_that_are_gone_are_not_remembered_for_ever) {
    ns_up();
    mk_ns_peer_t *peer = peer_up(2, "you");
    char          name[16];
    for (uint64_t i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "n%u", (unsigned)i);
        CHECK_EQ(put(peer, name, 5, 100, 2 * i + 1), MK_OK);
        CHECK_EQ(drop(peer, name, 2 * i + 2), MK_OK);
    }
    CHECK_EQ(put(peer, "n9999", 5, 100, 5), MK_OK);
    CHECK_EQ(actor_lookup(rt, "n9999"), ACTOR_ID_INVALID);
    CHECK_EQ(put(peer, "n5904", 5, 100, 5), MK_OK); /* the last 4,096 */
    CHECK_EQ(actor_lookup(rt, "n5904"), ACTOR_ID_INVALID);
    CHECK_EQ(put(peer, "n5903", 5, 100, 5), MK_OK);
    CHECK_EQ(actor_lookup(rt, "n5903"), actor_id_make(2, 5));
    curtain_down();
}

TEST(what_a_sync_does_not_say_is_gone) {
    ns_up();
    mk_ns_peer_t *peer = peer_up(2, "you");
    CHECK_EQ(put(peer, "a", 1, 100, 1), MK_OK);
    CHECK_EQ(put(peer, "b", 1, 100, 2), MK_OK);
    CHECK_EQ(put(peer, "c", 1, 100, 3), MK_OK);
    mk_ns_peer_sync_begin(peer);
    CHECK_EQ(put(peer, "a", 1, 100, 1), MK_OK); /* nothing new about it, but it is there */
    CHECK_EQ(put(peer, "c", 2, 100, 5), MK_OK);
    CHECK_EQ(put(peer, "d", 2, 100, 6), MK_OK);
    CHECK_EQ(actor_lookup(rt, "b"), actor_id_make(2, 1));
    mk_ns_peer_sync_end(ns, peer);
    CHECK_EQ(actor_lookup(rt, "b"), ACTOR_ID_INVALID);
    CHECK_STR(listed("/node/you/"), "/node/you/a /node/you/c /node/you/d ");
    CHECK_EQ(mk_ns_peer_names(peer), 3);
    mk_ns_peer_sync_end(ns, peer);
    CHECK_EQ(mk_ns_peer_names(peer), 3);
    CHECK_EQ(put(peer, "b", 1, 100, 7), MK_OK);
    mk_ns_peer_sync_begin(peer);
    mk_ns_peer_sync_end(ns, peer);
    CHECK_EQ(mk_ns_peer_names(peer), 0);
    curtain_down();
}

TEST(services_are_looked_for_where_they_are_best) {
    ns_up();
    enter(&a);
    enter(&b);
    const char   *path = "/node/storage/kv";
    mk_ns_peer_t *high = peer_up(9, "high"), *low = peer_up(3, "low");
    CHECK_EQ(actor_lookup(rt, path), ACTOR_ID_INVALID);
    CHECK(actor_register_name(rt, "/node/cloudflare/storage/kv", a.id));
    CHECK_EQ(actor_lookup(rt, path), a.id);
    CHECK_EQ(put(high, "/node/high/storage/kv", 90, 1, 1), MK_OK);
    CHECK_EQ(actor_lookup(rt, path), actor_id_make(9, 90));
    CHECK_EQ(put(low, "/node/low/storage/kv", 30, 2, 1), MK_OK);
    CHECK_EQ(actor_lookup(rt, path), actor_id_make(3, 30));
    CHECK(actor_register_name(rt, "/node/local/storage/kv", b.id));
    CHECK_EQ(actor_lookup(rt, path), b.id);
    CHECK_EQ(actor_lookup(rt, "/node/low/storage/kv"), actor_id_make(3, 30));
    /* and back again */
    CHECK(actor_unregister_name(rt, "/node/local/storage/kv"));
    CHECK_EQ(actor_lookup(rt, path), actor_id_make(3, 30));
    mk_ns_peer_remove(ns, low);
    CHECK_EQ(actor_lookup(rt, path), actor_id_make(9, 90));
    CHECK_EQ(drop(high, "/node/high/storage/kv", 5), MK_OK);
    CHECK_EQ(actor_lookup(rt, path), a.id);
    CHECK_EQ(put(high, "storage/kv", 91, 1, 6), MK_OK); /* as a plain name it stands there as well */
    CHECK_EQ(actor_lookup(rt, path), actor_id_make(9, 91));
    CHECK_EQ(actor_lookup(rt, "/node/other/kv"), ACTOR_ID_INVALID);
    CHECK(actor_register_name(rt, path, b.id)); /* who says so outright */
    CHECK_EQ(actor_lookup(rt, path), b.id);
    curtain_down();
}

TEST(a_peer_may_not_claim_what_is_not_its_own) {
    ns_up();
    mk_ns_peer_t *peer = peer_up(2, "you");
    (void)peer_up(3, "them");
    CHECK_EQ(put(peer, "", 1, 1, 1), MK_ERR_PROTO);
    CHECK_EQ(put(peer, "/node/them/x", 1, 1, 1), MK_ERR_PROTO);
    CHECK_EQ(put(peer, "/node/me/x", 1, 1, 1), MK_ERR_PROTO);
    CHECK_EQ(put(peer, "/node/local/storage/kv", 1, 1, 1), MK_ERR_PROTO);
    CHECK_EQ(put(peer, "/node/storage/kv", 1, 1, 1), MK_ERR_PROTO);
    CHECK_EQ(put(peer, "/node/yo", 1, 1, 1), MK_ERR_PROTO);
    CHECK_EQ(put(peer, "/node/", 1, 1, 1), MK_ERR_PROTO);
    CHECK_EQ(drop(peer, "/node/them/x", 1), MK_ERR_PROTO);
    CHECK_EQ(drop(peer, "", 1), MK_ERR_PROTO);
    mk_ns_name_t name = {.text = "a\0b", .size = 3, .seq = 1, .stamp_ms = 1, .counter = 1};
    CHECK_EQ(mk_ns_peer_put(ns, peer, &name), MK_ERR_PROTO);
    size_t size = 1 << 20;
    char  *huge = malloc(size);
    memset(huge, 'h', size);
    name = (mk_ns_name_t){.text = huge, .size = size, .seq = 1, .stamp_ms = 1, .counter = 1};
    CHECK_EQ(mk_ns_peer_put(ns, peer, &name), MK_ERR_PROTO);
    CHECK_EQ(mk_ns_peer_drop(ns, peer, huge, size, 1), MK_ERR_PROTO);
    name.size = MK_NS_NAME_BYTES_MAX;
    CHECK_EQ(mk_ns_peer_put(ns, peer, &name), MK_OK);
    free(huge);
    CHECK_EQ(put(peer, "/", 2, 1, 2), MK_OK); /* odd, but anybody may register it */
    CHECK_EQ(put(peer, "//", 2, 1, 3), MK_OK);
    CHECK_EQ(put(peer, "/node", 2, 1, 4), MK_OK);
    CHECK_EQ(put(peer, "/node/you/", 2, 1, 5), MK_OK);
    CHECK_EQ(put(peer, "\xff\x01=\n", 2, 1, 6), MK_OK);
    CHECK_EQ(mk_ns_peer_names(peer), 6);
    CHECK_EQ(drop(peer, "/", 9), MK_OK);
    CHECK_EQ(actor_lookup(rt, "//"), actor_id_make(2, 2));
    curtain_down();
}

TEST(identities_and_numbers_are_unique) {
    ns_up();
    mk_ns_peer_t *out = NULL;
    (void)peer_up(2, "you");
    CHECK_EQ(mk_ns_peer_add(ns, 2, "other", &out), MK_ERR_EXISTS);
    CHECK_EQ(mk_ns_peer_add(ns, 3, "you", &out), MK_ERR_EXISTS);
    CHECK_EQ(mk_ns_peer_add(ns, 1, "other", &out), MK_ERR_EXISTS);
    CHECK_EQ(mk_ns_peer_add(ns, 3, "me", &out), MK_ERR_EXISTS);
    static const char *const bad[] = {"",
                                      "local",
                                      "storage",
                                      "queue",
                                      "ai",
                                      "a/b",
                                      "a b",
                                      "cloudflare",
                                      "..",
                                      "\xc3\xa4",
                                      "0123456789012345678901234567890123456789"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK_EQ(mk_ns_peer_add(ns, 3, bad[i], &out), MK_ERR_INVALID);
    CHECK(out == NULL);
    for (node_id_t i = 100; i > 3; i--) { /* in any order */
        char identity[16];
        snprintf(identity, sizeof identity, "n%u", (unsigned)i);
        CHECK_EQ(put(peer_up(i, identity), &"/node/x"[6], i, i, 1), MK_OK);
    }
    CHECK_EQ(actor_lookup(rt, "x"), actor_id_make(4, 4));
    CHECK_EQ(actor_lookup(rt, "/node/n77/x"), actor_id_make(77, 77));
    curtain_down();
}

TEST(names_of_ours_make_way_for_a_peers_node) {
    ns_up();
    enter(&a);
    CHECK(actor_register_name(rt, "/node/you/fake", a.id));
    CHECK(actor_register_name(rt, "/node/your/own", a.id));
    CHECK_EQ(actor_lookup(rt, "/node/you/fake"), a.id);
    mk_ns_peer_t *peer = peer_up(2, "you");
    CHECK_EQ(actor_lookup(rt, "/node/you/fake"), ACTOR_ID_INVALID);
    CHECK_EQ(actor_lookup(rt, "/node/your/own"), a.id);
    settle();
    CHECK_EQ(last_note(&a)->type, MSG_NAME_CONFLICT);
    mk_ns_peer_remove(ns, peer);
    CHECK(actor_register_name(rt, "/node/you/fake", a.id));
    curtain_down();
}

TEST(a_peer_has_at_most_a_hundred_thousand_names) {
    ns_up();
    mk_ns_peer_t *peer = peer_up(2, "you"), *other = peer_up(3, "them");
    char          name[32];
    for (uint32_t i = 0; i < MK_NS_PEER_NAMES_MAX; i++) {
        snprintf(name, sizeof name, "some/name/%u", (unsigned)i * 7919u);
        CHECK_EQ(put(peer, name, i + 1, 5, i + 1), MK_OK);
    }
    CHECK_EQ(put(peer, "one more", 1, 5, 200000), MK_ERR_LIMIT);
    CHECK_EQ(put(other, "one more", 1, 5, 1), MK_OK);
    CHECK_EQ(drop(peer, "never there", 200001), MK_OK);
    CHECK_EQ(put(peer, name, 7, 5, 200002), MK_OK); /* what is known may change */
    CHECK_EQ(actor_lookup(rt, name), actor_id_make(2, 7));
    CHECK_EQ(drop(peer, name, 200003), MK_OK);
    CHECK_EQ(put(peer, "one more", 1, 4, 200004), MK_OK);
    CHECK_EQ(actor_lookup(rt, "one more"), actor_id_make(2, 1));
    mk_ns_name_t told_name;
    CHECK(!mk_ns_next(ns, NULL, &told_name));
    mk_ns_peer_remove(ns, peer);
    CHECK_STR(listed(""), "/node/them/one more one more ");
    curtain_down();
}

TEST(names_of_peers_are_limited_each_and_together) {
    ns_up();
    mk_ns_peer_t *you = peer_up(2, "you"), *them = peer_up(3, "them");
    ns_limit_names(rt, 2, 3);
    CHECK_EQ(put(you, "a", 1, 1, 1), MK_OK);
    CHECK_EQ(put(you, "b", 1, 1, 2), MK_OK);
    CHECK_EQ(put(you, "c", 1, 1, 3), MK_ERR_LIMIT);
    CHECK_EQ(put(them, "d", 1, 1, 1), MK_OK);
    CHECK_EQ(put(them, "e", 1, 1, 2), MK_ERR_LIMIT);
    CHECK_EQ(put(them, "d", 2, 1, 3), MK_OK);
    CHECK_EQ(drop(you, "a", 4), MK_OK);
    CHECK_EQ(put(them, "e", 1, 1, 4), MK_OK);
    mk_ns_peer_remove(ns, them);
    CHECK_EQ(put(you, "c", 1, 1, 5), MK_OK);
    mk_ns_peer_sync_begin(you);
    mk_ns_peer_sync_end(ns, you);
    CHECK_EQ(put(you, "a", 1, 1, 6), MK_OK);
    CHECK_EQ(put(you, "b", 1, 1, 7), MK_OK);
    ns_limit_names(rt, 0, 0);
    CHECK_EQ(put(you, "c", 1, 1, 8), MK_OK);
    curtain_down();
}
