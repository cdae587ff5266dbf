/* SPDX-License-Identifier: Apache-2.0 */
/* Names of all nodes in one table: told in pages, live, however narrow the way is; and one owner for each in the end. */
#include "node/cluster_rig.h"

static bool look_on(void *arg, const char *path, actor_id_t id) {
    (void)path, (void)id;
    ++*(size_t *)arg;
    return true;
}

static size_t count(unsigned i, const char *prefix) {
    size_t n = 0;
    (void)ns_list(rt_of(i), prefix, NULL, look_on, &n);
    return n;
}

static void name_some(unsigned i, const char *format, unsigned from, unsigned to, bool gone) {
    mk_fake_use_host(nodes[i].host);
    for (unsigned k = from; k < to; k++) {
        char text[64];
        snprintf(text, sizeof text, format, k);
        if (gone) CHECK(actor_unregister_name(rt_of(i), text));
        else CHECK(actor_register_name(rt_of(i), text, nodes[i].ear));
    }
}

TEST(ten_thousand_names_cross_a_narrow_link_and_nothing_waits_for_them) {
    static const mk_addr_t any;
    stage(1);
    /* 100 KB/s: the names alone take some seconds. */
    mk_fake_link(&any, &any, &(mk_fake_link_t){.latency_us = 5000, .bytes_per_s = 100000});
    begin(1), begin(2);
    name_some(1, "/bulk/%05u", 0, 10000, false);
    listen_at(1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
    run_ms(500);
    CHECK(count(2, "/bulk/") < 5000);
    /* Meanwhile some come and go, before and behind where the pass is. */
    name_some(1, "/bulk/%05u", 0, 200, true);
    name_some(1, "/bulk/%05u", 9000, 9500, true);
    name_some(1, "/a/%05u", 0, 300, false);
    name_some(1, "/z/%05u", 0, 300, false);
    uint64_t before = now_ms();
    RUN_UNTIL(count(2, "/z/") == 300 && count(2, "/a/") == 300, 60000);
    RUN_UNTIL(count(2, "/bulk/") == 9300, 10000);
    CHECK(now_ms() - before < 30000);
    CHECK_EQ(nodes[1].downs, 0);
    run_ms(2000);
    end_all();
}

TEST(names_that_come_and_go_all_the_time_are_right_in_the_end) {
    static const mk_addr_t any;
    stage(2);
    mk_fake_link(&any, &any, &(mk_fake_link_t){.latency_us = 20000, .bytes_per_s = 30000});
    begin(1), begin(2);
    listen_at(1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
    for (unsigned round = 0; round < 40; round++) {
        name_some(1, "/churn/%05u", 0, 1000, round % 2 != 0);
        run_ms(100);
    }
    name_some(1, "/churn/%05u", 0, 777, false);
    RUN_UNTIL(count(2, "/churn/") == 777, 60000);
    run_ms(10000);
    CHECK_EQ(count(2, "/churn/"), 777);
    end_all();
}

static void cut(unsigned a, unsigned b, bool off) {
    char text[2][16];
    snprintf(text[0], sizeof text[0], "10.0.0.%u", a);
    snprintf(text[1], sizeof text[1], "10.0.0.%u", b);
    mk_addr_t x = mk_fake_addr(text[0], 0), y = mk_fake_addr(text[1], 0);
    mk_fake_cut(&x, &y, off);
}

TEST(after_a_split_a_name_has_one_owner_and_the_loser_is_told) {
    stage(3);
    mk_fake_set_wall_ms(1700000000000);
    begin(1), begin(2), begin(3);
    listen_at(1), listen_at(2);
    call(2, 1), call(3, 1), call(3, 2);
    RUN_UNTIL(both_linked(1, 2) && both_linked(1, 3) && both_linked(2, 3), 1000);
    cut(1, 2, true);
    RUN_UNTIL(!linked(1, 2) && !linked(2, 1), 10000);
    cut(1, 3, true), cut(2, 3, true);
    RUN_UNTIL(linked_n(3) == 0, 10000);
    CHECK(actor_register_name(rt_of(2), "king", nodes[2].ear));
    run_ms(1000);
    CHECK(actor_register_name(rt_of(1), "king", nodes[1].ear));
    cut(1, 2, false), cut(1, 3, false), cut(2, 3, false);
    RUN_UNTIL(both_linked(1, 2) && both_linked(1, 3) && both_linked(2, 3), 40000);
    RUN_UNTIL(actor_lookup(rt_of(1), "king") == nodes[2].ear, 1000);
    CHECK_EQ(actor_lookup(rt_of(2), "king"), nodes[2].ear); /* it was first */
    CHECK_EQ(actor_lookup(rt_of(3), "king"), nodes[2].ear);
    CHECK_EQ(nodes[1].conflicts, 1);
    CHECK_EQ(nodes[2].conflicts, 0);
    CHECK(!actor_register_name(rt_of(1), "king", nodes[1].ear));
    end(2);
    RUN_UNTIL(actor_lookup(rt_of(1), "king") == ACTOR_ID_INVALID, 1000);
    CHECK(actor_register_name(rt_of(1), "king", nodes[1].ear));
    RUN_UNTIL(actor_lookup(rt_of(3), "king") == nodes[1].ear, 1000);
    end_all();
}

TEST(who_may_only_look_on_takes_no_name_from_anybody) {
    stage(4);
    node_config_t looks_on = {.plain_role = NODE_ROLE_OBSERVER};
    mk_fake_set_wall_ms(1700000000000);
    begin_as(1, 0, &looks_on), begin(2);
    CHECK(actor_register_name(rt_of(2), "mine", nodes[2].ear)); /* the older claim */
    run_ms(1000);
    CHECK(actor_register_name(rt_of(1), "mine", nodes[1].ear));
    CHECK(actor_register_name(rt_of(2), "other", nodes[2].ear));
    listen_at(1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
    run_ms(1000);
    CHECK_EQ(actor_lookup(rt_of(1), "mine"), nodes[1].ear);
    CHECK_EQ(nodes[1].conflicts, 0);
    CHECK_EQ(actor_lookup(rt_of(1), "other"), ACTOR_ID_INVALID);
    CHECK_EQ(actor_lookup(rt_of(1), "/node/n2/other"), nodes[2].ear);
    end_all();
}

/* ---- watchers ------------------------------------------------------------------------------------------------------------------ */

static bool sleeper(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)rt, (void)self, (void)msg, (void)state;
    return true;
}

static void stop_watching(unsigned i, void *arg) {
    (void)arg;
    CHECK_EQ(node_monitor(rt_of(i), false), MK_OK);
}

TEST(who_watches_late_hears_of_those_that_are_there_and_who_stops_of_none) {
    stage(5);
    begin(1), begin(2), begin(3);
    in(1, stop_watching, NULL);
    listen_at(1);
    call(2, 1), call(3, 1);
    RUN_UNTIL(both_linked(1, 2) && both_linked(1, 3), 1000);
    CHECK_EQ(nodes[1].ups, 0);
    in(1, watch, NULL);
    in(1, watch, NULL); /* once more changes nothing */
    run_ms(10);
    CHECK_EQ(nodes[1].ups, 2);
    in(1, stop_watching, NULL);
    end(3);
    RUN_UNTIL(!linked(1, 3), 1000);
    CHECK_EQ(nodes[1].downs, 0);
    actor_id_t id = actor_spawn(rt_of(1), sleeper, NULL, NULL, 0);
    actor_stop(rt_of(1), id);
    end_all();
}

/* Links that come and go all the time: for each that came one message, for each that went another. */
TEST(every_link_is_told_once_as_it_comes_and_once_as_it_goes) {
    static const mk_addr_t nowhere;
    stage(6);
    begin(1), begin(2);
    listen_at(1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
    for (unsigned n = 1; n <= 50; n++) {
        mk_fake_break(mk_fake_find(&nowhere, &nowhere));
        RUN_UNTIL(!linked(1, 2), 1000);
        RUN_UNTIL(both_linked(1, 2), 40000);
        CHECK_EQ(nodes[1].ups, n + 1);
        CHECK_EQ(nodes[1].downs, n);
        run_ms(6000); /* it stood: the next call comes soon */
    }
    end_all();
}

/* A guest that waits keeps its mailbox closed; what it would be told does not pile up there. */
TEST(a_watcher_that_does_not_read_is_told_how_things_are_when_it_does) {
    static const mk_addr_t nowhere;
    actor_info_t           info;
    stage(7);
    begin(1), begin(2);
    listen_at(1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
    actor_t *actor = mk_runtime_actor(rt_of(1), nodes[1].ear);
    actor->flags |= MK_ACTOR_HELD;
    for (unsigned n = 1; n <= 60; n++) {
        mk_fake_break(mk_fake_find(&nowhere, &nowhere));
        RUN_UNTIL(!linked(1, 2), 1000);
        RUN_UNTIL(both_linked(1, 2), 40000);
        run_ms(6000);
    }
    CHECK(runtime_get_actor_info(rt_of(1), nodes[1].ear, &info));
    CHECK_EQ(info.queued, 64);
    actor->flags &= (uint16_t)~MK_ACTOR_HELD;
    mk_fake_use_host(1);
    CHECK(actor_send(rt_of(1), nodes[1].ear, 99, NULL, 0));
    run_ms(100);
    CHECK_EQ(nodes[1].ups, nodes[1].downs + 1);
    CHECK(nodes[1].ups < 60);
    CHECK_EQ(last_note(1)->type, MSG_NODE_UP);
    end_all();
}

TEST(what_a_node_keeps_to_itself_is_nobody_else_s_to_take) {
    stage(8);
    mk_fake_set_wall_ms(1700000000000);
    begin(2);
    CHECK_EQ(ns_export(rt_of(2), "ns", true), MK_OK);
    CHECK(actor_register_name(rt_of(2), "private", nodes[2].ear));
    run_ms(1000);
    begin(1);
    actor_id_t ns = actor_lookup(rt_of(1), "ns");
    CHECK_EQ(ns_export(rt_of(1), "private", false), MK_OK);
    CHECK(actor_register_name(rt_of(1), "private", nodes[1].ear));
    listen_at(1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
    run_ms(1000);
    CHECK_EQ(actor_lookup(rt_of(1), "ns"), ns);
    CHECK_EQ(actor_lookup(rt_of(1), "private"), nodes[1].ear);
    CHECK_EQ(nodes[1].conflicts, 0);
    CHECK_EQ(actor_lookup(rt_of(1), "/node/n2/ns"), actor_lookup(rt_of(2), "ns"));
    end_all();
}
