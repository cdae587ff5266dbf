/* SPDX-License-Identifier: Apache-2.0 */
/* Names that die together: nobody finds them from that moment on, however many they are, and no round of the loop is long for it. */
#include "ns/internal.h"
#include "ns/stage.h"

enum { MANY = 20000 };

static part_t a;

static const char *name_of(uint32_t i) {
    static char name[32];
    snprintf(name, sizeof name, "some/name/%u", (unsigned)i);
    return name;
}

static void put_many(mk_ns_peer_t *peer, uint64_t stamp_ms, uint64_t counter) {
    for (uint32_t i = 0; i < MANY; i++) CHECK_EQ(put(peer, name_of(i), 1 + i % 3, stamp_ms, counter + i), MK_OK);
}

static size_t unburied(void) {
    size_t n = 0;
    for (const mk_chain_t *node = ns->dead.next; node != &ns->dead; node = node->next) n++;
    return n;
}

TEST(a_peer_goes_in_one_step_and_its_memory_in_slices) {
    ns_up();
    mk_ns_peer_t *you = peer_up(2, "you"), *them = peer_up(3, "them");
    put_many(you, 5, 1);
    CHECK_EQ(put(them, name_of(7), 9, 6, 1), MK_OK);
    CHECK_EQ(drop(you, name_of(8), MANY + 1), MK_OK);
    mk_ns_peer_remove(ns, you);
    CHECK_EQ(ns->names_n, 1);
    CHECK_EQ(unburied(), MANY); /* nothing was done about them yet: one of them is only remembered */
    CHECK_EQ(actor_lookup(rt, name_of(7)), actor_id_make(3, 9)); /* the next in line */
    CHECK_EQ(actor_lookup(rt, name_of(6)), ACTOR_ID_INVALID);
    CHECK_EQ(actor_lookup(rt, "/node/you/some/name/6"), ACTOR_ID_INVALID);
    char name[32];
    CHECK_EQ(actor_reverse_lookup(rt, actor_id_make(2, 1), name, sizeof name), 0);
    size_t   before = unburied();
    unsigned rounds = 0;
    CHECK(before >= MANY - 3);
    for (; before != 0; rounds++) {
        (void)runtime_step(rt);
        CHECK(unburied() < before && before - unburied() <= MK_NS_SLICE);
        before = unburied();
    }
    CHECK(rounds >= (MANY - 3) / MK_NS_SLICE);
    settle();
    CHECK(ns->burial.node.at == NULL);
    CHECK_STR(listed(""), "/node/them/some/name/7 some/name/7 ");
    curtain_down();
}

TEST(who_lists_past_the_dead_sees_none_of_them) {
    ns_up();
    mk_ns_peer_t *you = peer_up(2, "you");
    put_many(you, 5, 1);
    CHECK_EQ(put(peer_up(3, "them"), "some/name/9999x", 9, 6, 1), MK_OK);
    mk_ns_peer_remove(ns, you);
    CHECK_STR(listed(""), "/node/them/some/name/9999x some/name/9999x ");
    CHECK_EQ(unburied(), 0);
    curtain_down();
}

TEST(a_peer_that_comes_back_at_once_finds_its_place_free) {
    ns_up();
    enter(&a);
    put_many(peer_up(2, "you"), 5, 1);
    mk_ns_peer_remove(ns, mk_ns_peer_find(ns, 2));
    mk_ns_peer_t *again = peer_up(2, "you");
    CHECK_EQ(unburied(), MANY);
    CHECK_EQ(mk_ns_peer_names(again), 0);
    CHECK_EQ(put(again, name_of(5), 77, 5, 1), MK_OK); /* the very same claim, but for who carries it */
    CHECK_EQ(actor_lookup(rt, name_of(5)), actor_id_make(2, 77));
    CHECK_EQ(actor_lookup(rt, "/node/you/some/name/5"), actor_id_make(2, 77));
    CHECK_EQ(actor_lookup(rt, name_of(4)), ACTOR_ID_INVALID);
    CHECK_EQ(actor_try_register_name(rt, name_of(4), a.id), MK_OK);
    CHECK_EQ(mk_ns_peer_names(again), 1);
    put_many(again, 5, 2); /* each that comes takes two of the dead along */
    CHECK_EQ(unburied(), 0);
    CHECK_EQ(mk_ns_peer_names(again), MANY);
    CHECK_EQ(actor_lookup(rt, name_of(4)), actor_id_make(2, 2)); /* older than ours */
    mk_ns_peer_remove(ns, again);
    CHECK_EQ(actor_lookup(rt, name_of(5)), ACTOR_ID_INVALID);
    curtain_down();
}

TEST(what_a_sync_leaves_out_goes_in_one_step_too) {
    ns_up();
    mk_ns_peer_t *peer = peer_up(2, "you");
    put_many(peer, 5, 1);
    mk_ns_peer_sync_begin(peer);
    CHECK_EQ(put(peer, name_of(3), 1, 5, 4), MK_OK); /* nothing new about it */
    CHECK_EQ(put(peer, "storage/kv", 9, 5, MANY + 1), MK_OK);
    mk_ns_peer_sync_end(ns, peer);
    CHECK_EQ(unburied(), MANY - 1);
    CHECK_EQ(mk_ns_peer_names(peer), 2);
    CHECK_EQ(actor_lookup(rt, name_of(4)), ACTOR_ID_INVALID);
    CHECK_EQ(actor_lookup(rt, "/node/storage/kv"), actor_id_make(2, 9));
    char name[32];
    CHECK_EQ(actor_reverse_lookup(rt, actor_id_make(2, 1), name, sizeof name), strlen(name_of(3)));
    CHECK_STR(name, name_of(3));
    CHECK_EQ(actor_reverse_lookup(rt, actor_id_make(2, 2), name, sizeof name), 0);
    CHECK_EQ(put(peer, name_of(4), 5, 5, 5),
             MK_OK); /* not remembered as gone: it comes back with what was known of it */
    CHECK_EQ(actor_lookup(rt, name_of(4)), actor_id_make(2, 5));
    mk_ns_peer_sync_begin(peer); /* twice, and an end that says nothing of what was said between them */
    CHECK_EQ(put(peer, name_of(3), 1, 5, 4), MK_OK);
    mk_ns_peer_sync_begin(peer);
    mk_ns_peer_sync_end(ns, peer);
    CHECK_EQ(mk_ns_peer_names(peer), 0);
    CHECK_EQ(actor_lookup(rt, "/node/storage/kv"), ACTOR_ID_INVALID);
    CHECK_STR(listed(""), "");
    settle();
    mk_ns_peer_remove(ns, peer);
    curtain_down();
}

TEST(a_name_of_ours_is_not_refused_for_a_dead_one) {
    ns_up();
    enter(&a);
    CHECK_EQ(put(peer_up(2, "you"), "x", 1, 5, 1), MK_OK);
    CHECK_EQ(ns_export(rt, "y", false), MK_OK);
    CHECK_EQ(actor_try_register_name(rt, "y", a.id), MK_OK);
    CHECK_EQ(put(mk_ns_peer_find(ns, 2), "y", 1, 5, 2), MK_OK);
    mk_ns_peer_remove(ns, mk_ns_peer_find(ns, 2));
    CHECK_EQ(actor_try_register_name(rt, "x", a.id), MK_OK);
    CHECK_EQ(actor_lookup(rt, "x"), a.id);
    CHECK_EQ(ns_export(rt, "y", true), MK_OK); /* shared now, and nobody is before it */
    CHECK_EQ(actor_lookup(rt, "y"), a.id);
    CHECK_STR(listed(""), "x y ");
    curtain_down();
}

TEST(a_runtime_may_end_in_the_middle_of_it) {
    ns_up();
    put_many(peer_up(2, "you"), 5, 1);
    put_many(peer_up(3, "them"), 5, 1);
    mk_ns_peer_remove(ns, mk_ns_peer_find(ns, 2));
    (void)runtime_step(rt);
    CHECK(unburied() != 0);
    curtain_down();
}
