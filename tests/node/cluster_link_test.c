/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes find each other, lose each other, come back; and of all connections they make there is one that stays. */
#include "microkernel/transport.h"
#include "node/cluster_rig.h"

static void say(unsigned i, void *arg) { CHECK(actor_send(rt_of(i), *(actor_id_t *)arg, 200, "hello", 5)); }

TEST(two_nodes_link_and_hear_each_other) {
    stage(1);
    begin(1), begin(2);
    listen_at(1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
    CHECK_EQ(nodes[1].ups, 1);
    CHECK_EQ(nodes[2].ups, 1);
    CHECK_EQ(last_note(1)->event.node, 2);
    CHECK_STR(last_note(1)->event.identity, "n2");
    CHECK(last_note(1)->event.incarnation == cluster_of(2)->incarnation);
    in(1, say, &nodes[2].ear); /* nobody has shown it to others yet */
    run_ms(100);
    CHECK_EQ(nodes[2].messages, 0);
    CHECK(actor_register_name(rt_of(2), "two", nodes[2].ear));
    in(1, say, &nodes[2].ear);
    run_ms(100);
    CHECK_EQ(nodes[2].messages, 1);
    CHECK_EQ(last_note(2)->source, nodes[1].ear);
    CHECK(memcmp(last_note(2)->bytes, "hello", 5) == 0);
    in(2, say, &nodes[1].ear); /* it has shown itself */
    run_ms(100);
    CHECK_EQ(nodes[1].messages, 1);
    end_all();
}

TEST(names_are_seen_and_a_dead_node_s_vanish_at_once) {
    stage(2);
    begin(1), begin(2);
    listen_at(1);
    CHECK(actor_register_name(rt_of(1), "service", nodes[1].ear));
    call(2, 1);
    RUN_UNTIL(actor_lookup(rt_of(2), "service") == nodes[1].ear, 1000);
    CHECK_EQ(actor_lookup(rt_of(2), "/node/n1/service"), nodes[1].ear);
    CHECK(actor_register_name(rt_of(1), "later", nodes[1].ear));
    RUN_UNTIL(actor_lookup(rt_of(2), "later") == nodes[1].ear, 1000);
    CHECK(actor_unregister_name(rt_of(1), "later"));
    RUN_UNTIL(actor_lookup(rt_of(2), "later") == ACTOR_ID_INVALID, 1000);
    in(2, say, &nodes[1].ear);
    RUN_UNTIL(nodes[1].messages == 1, 1000);
    end(1);
    RUN_UNTIL(!linked(2, 1), 100);
    CHECK_EQ(actor_lookup(rt_of(2), "service"), ACTOR_ID_INVALID);
    CHECK_EQ(nodes[2].downs, 1);
    end_all();
}

TEST(a_node_that_is_started_again_comes_back_as_another_life) {
    stage(3);
    begin(1), begin(2);
    listen_at(1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
    uint64_t first = cluster_of(1)->incarnation;
    end(1);
    run_ms(500);
    begin(1);
    CHECK(cluster_of(1)->incarnation > first);
    CHECK(actor_register_name(rt_of(1), "service", nodes[1].ear));
    listen_at(1);
    RUN_UNTIL(both_linked(1, 2), 2000);
    CHECK_EQ(nodes[2].ups, 2);
    CHECK_EQ(nodes[2].downs, 1);
    CHECK(last_note(2)->event.incarnation == cluster_of(1)->incarnation);
    RUN_UNTIL(actor_lookup(rt_of(2), "service") == nodes[1].ear, 100);
    end_all();
}

TEST(a_half_open_link_makes_way_for_the_next_life) {
    stage(4);
    node_config_t slow = {.heartbeat_ms = 1000, .dead_ms = 60000};
    begin_as(1, 0, &slow), begin_as(2, 0, &slow);
    listen_at(1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
    mk_fake_crash(2); /* node 1 hears nothing of it */
    end(2);
    run_ms(300);
    CHECK(linked(1, 2));
    /* The machine is on again, but its network drops what the old connection still says. */
    mk_fake_restart(2);
    begin_as(2, 0, &slow);
    call(2, 1);
    RUN_UNTIL(linked(2, 1), 5000);
    CHECK_EQ(nodes[1].ups, 2);
    CHECK_EQ(nodes[1].downs, 1);
    CHECK_EQ(linked_n(1), 1);
    end_all();
}

/* From now on nothing gets through on the connection that node 1 has from outside: neither bytes nor its end. */
static void black_hole(void) {
    mk_addr_t door = mk_fake_addr("10.0.0.1", PORT), any = {0}, caller;
    int       fd = mk_fake_find(&door, &any);
    CHECK(fd >= 0 && mk_sock_peer(fd, &caller));
    mk_fake_link(&door, &caller, &(mk_fake_link_t){.cut = true});
    mk_fake_link(&caller, &door, &(mk_fake_link_t){.cut = true});
}

TEST(a_link_into_a_black_hole_makes_way_for_the_next_life_after_one_question) {
    stage(40);
    node_config_t slow = {.dead_ms = 60000};
    begin_as(1, 0, &slow), begin_as(2, 0, &slow);
    listen_at(1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
    black_hole();
    end(2);
    run_ms(300);
    CHECK(linked(1, 2));
    begin_as(2, 0, &slow);
    call(2, 1);
    RUN_UNTIL(linked(2, 1), 1500);
    CHECK_EQ(nodes[1].downs, 1);
    end_all();
}

TEST(a_later_connection_of_the_same_life_replaces_the_earlier_after_one_question) {
    stage(41);
    node_config_t slow = {.heartbeat_ms = 20000, .dead_ms = 60000};
    begin_as(1, 0, &slow), begin_as(2, 0, &slow);
    listen_at(1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
    run_ms(6000);
    black_hole();
    mk_fake_use_host(2);
    mk_peer_drop(mk_peer_by_node(cluster_of(2), 1), "the test says so");
    RUN_UNTIL(linked(2, 1), 5000); /* of 60 seconds */
    CHECK_EQ(nodes[1].downs, 1);
    CHECK_EQ(nodes[1].ups, 2);
    CHECK_EQ(peers_n(1), 1);
    end_all();
}

/* Who knows all that the other has said of itself is still not the other. */
TEST(nobody_takes_the_place_of_a_living_node_by_pretending_to_be_it) {
    stage(42);
    begin(1), begin(2), begin_as(3, 2, &(node_config_t){.identity = "n2"});
    listen_at(1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
    cluster_of(3)->incarnation = cluster_of(2)->incarnation;
    cluster_of(3)->generation = 1000000;
    call(3, 1);
    run_ms(60000);
    CHECK_EQ(nodes[1].downs, 0);
    CHECK_EQ(linked_n(3), 0);
    end_all();
}

TEST(a_cut_is_noticed_and_heals) {
    stage(5);
    mk_addr_t a = mk_fake_addr("10.0.0.1", 0), b = mk_fake_addr("10.0.0.2", 0);
    begin(1), begin(2);
    listen_at(1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
    mk_fake_cut(&a, &b, true);
    RUN_UNTIL(!linked(1, 2) && !linked(2, 1), 6000);
    run_ms(20000);
    mk_fake_cut(&a, &b, false);
    RUN_UNTIL(both_linked(1, 2), 31000);
    CHECK_EQ(nodes[1].ups, 2);
    CHECK_EQ(nodes[1].downs, 1);
    end_all();
}

/* Whatever the order in which things arrive. */
TEST(two_that_call_each_other_at_once_have_one_link) {
    static const mk_addr_t any;
    for (unsigned seed = 1; seed <= 60; seed++) {
        stage(seed);
        mk_fake_link(&any, &any, &(mk_fake_link_t){.latency_us = 1000 * (seed % 7), .jitter_us = 500 * (seed % 11)});
        begin(1), begin(2);
        listen_at(1), listen_at(2);
        call(1, 2);
        if (seed % 3 == 0) run_ms(seed % 20);
        call(2, 1);
        RUN_UNTIL(both_linked(1, 2), 5000);
        run_ms(8000);
        CHECK(both_linked(1, 2));
        CHECK_EQ(peers_n(1), 1);
        CHECK_EQ(peers_n(2), 1);
        CHECK_EQ(nodes[1].ups, nodes[1].downs + 1);
        CHECK_EQ(nodes[1].downs, 0); /* no link was given up for another */
        CHECK_EQ(nodes[2].downs, 0);
        end_all();
    }
}

TEST(a_node_that_is_called_by_one_it_calls_keeps_the_link_that_stands) {
    stage(6);
    begin(1), begin(2);
    listen_at(1), listen_at(2);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
    run_ms(3000);
    call(1, 2); /* the one with the lower number, later */
    run_ms(10000);
    CHECK(both_linked(1, 2));
    CHECK_EQ(nodes[1].downs + nodes[2].downs, 0);
    CHECK_EQ(peers_n(1), 1);
    /* And when the link is lost either may make the next. */
    static const mk_addr_t nowhere;
    mk_fake_break(mk_fake_find(&nowhere, &nowhere));
    RUN_UNTIL(!linked(1, 2), 1000);
    RUN_UNTIL(both_linked(1, 2), 3000);
    run_ms(5000);
    CHECK_EQ(peers_n(1), 1);
    CHECK_EQ(peers_n(2), 1);
    CHECK_EQ(nodes[1].ups, 2);
    end_all();
}

TEST(two_addresses_of_one_node_make_one_link) {
    stage(7);
    mk_addr_t other = mk_fake_addr("10.0.0.99", 0);
    mk_fake_give_address(1, &other);
    begin(1), begin(2);
    mk_fake_use_host(1);
    CHECK_EQ(node_listen(rt_of(1), "*:4200", NULL, 0), MK_OK);
    call(2, 1);
    mk_fake_use_host(2);
    CHECK_EQ(node_connect(rt_of(2), "10.0.0.99:4200"), MK_OK);
    RUN_UNTIL(both_linked(1, 2), 1000);
    run_ms(100000);
    CHECK(both_linked(1, 2));
    CHECK_EQ(peers_n(1), 1);
    CHECK_EQ(nodes[1].downs + nodes[2].downs, 0);
    end_all();
}

TEST(nobody_takes_the_number_or_the_name_of_a_node_that_lives) {
    stage(8);
    node_config_t same_name = {.identity = "n2"};
    begin(1), begin(2), begin_as(3, 2, NULL), begin_as(4, 0, &same_name);
    listen_at(1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
    call(3, 1), call(4, 1);
    run_ms(100000);
    CHECK_EQ(nodes[1].downs, 0);
    CHECK_EQ(linked_n(1), 1);
    CHECK_EQ(linked_n(3), 0);
    CHECK_EQ(linked_n(4), 0);
    CHECK(cluster_of(3)->generation <= 6); /* they try slowly ...            */
    CHECK(nodes[3].log_lines <= 2);        /* ... and do not repeat themselves */
    /* When the first is gone, one of them may come. */
    end(2);
    RUN_UNTIL(linked(1, 2), 40000);
    end_all();
}

TEST(a_node_does_not_link_with_itself) {
    stage(9);
    begin(1);
    listen_at(1);
    call(1, 1);
    run_ms(100000);
    CHECK_EQ(linked_n(1), 0);
    CHECK(cluster_of(1)->generation <= 6);
    end_all();
}

TEST(one_that_is_not_there_is_called_less_and_less_often) {
    stage(10);
    begin(1);
    call(1, 2);
    run_ms(1000);
    CHECK(cluster_of(1)->generation >= 3);
    run_ms(600000);
    CHECK(cluster_of(1)->generation <= 60);
    CHECK_EQ(nodes[1].log_lines, 1);
    begin(2);
    listen_at(2);
    RUN_UNTIL(both_linked(1, 2), 31000);
    end_all();
}

TEST(a_disconnected_node_is_not_called_again) {
    stage(11);
    begin(1), begin(2);
    listen_at(1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
    mk_fake_use_host(2);
    CHECK(node_disconnect(rt_of(2), "n1"));
    CHECK(!node_disconnect(rt_of(2), "n3"));
    RUN_UNTIL(!linked(1, 2) && !linked(2, 1), 2000);
    run_ms(60000);
    CHECK_EQ(nodes[1].ups, 1);
    CHECK_EQ(nodes[2].downs, 1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
    CHECK(node_disconnect(rt_of(2), where(1)));
    RUN_UNTIL(!linked(1, 2) && !linked(2, 1), 2000);
    run_ms(60000);
    CHECK_EQ(nodes[1].ups, 2);
    end_all();
}

TEST(the_names_of_a_node_that_is_not_wanted_any_more_go_at_once) {
    mk_addr_t one = mk_fake_addr("10.0.0.1", 0), two = mk_fake_addr("10.0.0.2", 0);
    stage(44);
    begin(1), begin(2);
    listen_at(1);
    CHECK(actor_register_name(rt_of(1), "service", nodes[1].ear));
    call(2, 1);
    RUN_UNTIL(actor_lookup(rt_of(2), "service") == nodes[1].ear, 1000);
    mk_fake_cut(&one, &two, true); /* it will not answer the goodbye */
    mk_fake_use_host(2);
    CHECK(node_disconnect(rt_of(2), "n1"));
    CHECK_EQ(actor_lookup(rt_of(2), "service"), ACTOR_ID_INVALID);
    CHECK_EQ(actor_lookup(rt_of(2), "/node/n1/service"), ACTOR_ID_INVALID);
    CHECK(actor_register_name(rt_of(2), "service", nodes[2].ear));
    RUN_UNTIL(nodes[2].downs == 1, 1100);
    CHECK_EQ(actor_lookup(rt_of(2), "service"), nodes[2].ear);
    end_all();
}

TEST(a_node_that_is_away_can_be_given_up_by_its_name) {
    stage(43);
    begin(1), begin(2);
    listen_at(1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
    end(1);
    RUN_UNTIL(!linked(2, 1), 1000);
    mk_fake_use_host(2);
    CHECK(node_disconnect(rt_of(2), "n1"));
    CHECK(!node_disconnect(rt_of(2), "n1"));
    CHECK(!node_disconnect(rt_of(2), ""));
    begin(1);
    listen_at(1);
    run_ms(60000);
    CHECK(!linked(1, 2));
    end_all();
}

TEST(what_a_node_says_about_its_links) {
    node_info_t info[2];
    stage(12);
    begin(1), begin(2);
    listen_at(1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
    in(2, say, &nodes[2].ear);
    CHECK(actor_register_name(rt_of(1), "a", nodes[1].ear));
    run_ms(5000);
    CHECK_EQ(node_list(rt_of(2), info, 2), 1);
    CHECK_EQ(info[0].node, 1);
    CHECK_STR(info[0].identity, "n1");
    CHECK_STR(info[0].where, "tcp:10.0.0.1:4200");
    CHECK_EQ(info[0].role, NODE_ROLE_MEMBER);
    CHECK(!info[0].encrypted);
    CHECK(info[0].up_ms >= 5000 && info[0].up_ms < 6100);
    CHECK_EQ(info[0].names, 1);
    end_all();
}

TEST(only_so_many_nodes_are_linked) {
    stage(13);
    node_config_t small = {.peers_max = 2};
    begin_as(1, 0, &small);
    listen_at(1);
    for (unsigned i = 2; i <= 5; i++) begin(i), call(i, 1);
    run_ms(20000);
    CHECK_EQ(linked_n(1), 2);
    end_all();
}

/* ---- the door ------------------------------------------------------------------------------------------------------------------ */

TEST(silent_callers_keep_nobody_out_and_do_not_fill_the_log) {
    stage(14);
    mk_addr_t door = mk_fake_addr("10.0.0.1", PORT);
    int       fds[1000];
    begin(1), begin(2);
    listen_at(1);
    mk_fake_use_host(STRANGER);
    for (int i = 0; i < 1000; i++) {
        mk_fake_use_host(STRANGER);
        CHECK_EQ(mk_sock_connect(&door, &fds[i]), MK_OK);
        if (i % 50 == 0) settle();
    }
    settle();
    CHECK(peers_n(1) <= MK_NEWCOMERS_MAX);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 2000);
    CHECK(nodes[1].log_lines < 20);
    run_ms(20000);
    CHECK_EQ(peers_n(1), 1);
    for (int i = 0; i < 1000; i++) mk_sock_close(fds[i]);
    end_all();
}

TEST(garbage_at_the_door_is_dropped) {
    static const char *const garbage[] = {"GET / HTTP/1.1\r\n\r\n", "\xff\xff\xff\xff\xff\xff\xff\xff", "\x04"};
    stage(15);
    mk_addr_t door = mk_fake_addr("10.0.0.1", PORT);
    begin(1);
    listen_at(1);
    for (int i = 0; i < 3; i++) {
        int fd;
        mk_fake_use_host(STRANGER);
        CHECK_EQ(mk_sock_connect(&door, &fd), MK_OK);
        settle();
        mk_fake_use_host(STRANGER);
        mk_slice_t slice = {garbage[i], strlen(garbage[i])};
        CHECK(mk_sock_write(fd, &slice, 1) > 0);
        run_ms(i < 2 ? 100 : 20000);
        CHECK_EQ(peers_n(1), 0);
        mk_sock_close(fd);
    }
    end_all();
}

TEST(off_loopback_nothing_is_plain) {
    char bound[MK_WHERE_TEXT_BYTES];
    stage(16);
    begin(1);
    cluster_of(1)->plain_allowed = false;
    mk_fake_use_host(1);
    CHECK_EQ(node_listen(rt_of(1), "10.0.0.1:4200", NULL, 0), MK_ERR_DENIED);
    CHECK_EQ(node_listen(rt_of(1), "*:4200", NULL, 0), MK_ERR_DENIED);
    CHECK_EQ(node_connect(rt_of(1), "10.0.0.2:4200"), MK_ERR_DENIED);
    CHECK_EQ(node_connect(rt_of(1), "example.org:4200"), MK_ERR_DENIED);
    CHECK_EQ(node_listen(rt_of(1), "127.0.0.1:0", bound, sizeof bound), MK_OK);
    CHECK(strncmp(bound, "tcp:127.0.0.1:", 14) == 0 && strcmp(bound + 14, "0") != 0);
    CHECK_EQ(node_listen(rt_of(1), "unix:/run/n1", bound, sizeof bound), MK_OK);
    CHECK_STR(bound, "unix:/run/n1");
    CHECK_EQ(node_listen(rt_of(1), "unix:/run/n1", NULL, 0), MK_ERR_BUSY);
    CHECK_EQ(node_connect(rt_of(1), "localhost:4200"), MK_OK);
    CHECK_EQ(node_connect(rt_of(1), "tcp:localhost:4200"), MK_ERR_EXISTS);
    CHECK_EQ(node_connect(rt_of(1), "localhost"), MK_ERR_INVALID);
    end_all();
}

TEST(a_listener_s_host_can_be_over_a_unix_socket) {
    stage(17);
    begin(1);
    nodes[2] = (node_t){0};
    begin(2);
    mk_fake_use_host(1);
    nodes[2].host = 1; /* the same machine */
    CHECK_EQ(node_listen(rt_of(1), "unix:@n1", NULL, 0), MK_OK);
    CHECK_EQ(node_connect(rt_of(2), "unix:@n1"), MK_OK);
    RUN_UNTIL(both_linked(1, 2), 1000);
    end_all();
}

TEST(plain_udp_links_on_one_machine) {
    stage(18);
    begin(1), begin(2);
    nodes[2].host = 1;
    mk_fake_use_host(1);
    cluster_of(1)->plain_allowed = cluster_of(2)->plain_allowed = false;
    CHECK_EQ(node_listen(rt_of(1), "udp:10.0.0.1:4200", NULL, 0), MK_ERR_DENIED);
    CHECK_EQ(node_listen(rt_of(1), "udp:127.0.0.1:4200", NULL, 0), MK_OK);
    CHECK_EQ(node_connect(rt_of(2), "udp:localhost:4200"), MK_OK);
    RUN_UNTIL(both_linked(1, 2), 5000);
    end_all();
}

static void say_forty(unsigned i, void *arg) {
    for (int k = 0; k < 40; k++) CHECK(actor_send(rt_of(i), *(actor_id_t *)arg, 77, "x", 1));
}

TEST(what_datagrams_lose_is_counted_on_both_sides) {
    static const mk_addr_t any;
    node_info_t            there, here;
    stage(45);
    begin(1), begin(2);
    CHECK(actor_register_name(rt_of(1), "service", nodes[1].ear)); /* so that members may send to it */
    mk_fake_use_host(1);
    CHECK_EQ(node_listen(rt_of(1), "udp:10.0.0.1:4200", NULL, 0), MK_OK);
    mk_fake_use_host(2);
    CHECK_EQ(node_connect(rt_of(2), "udp:10.0.0.1:4200"), MK_OK);
    RUN_UNTIL(both_linked(1, 2), 5000);
    mk_fake_link(&any, &any, &(mk_fake_link_t){.latency_us = 1000, .lost = 300});
    for (int k = 0; k < 20; k++) {
        in(2, say_forty, &nodes[1].ear);
        run_ms(50);
    }
    mk_fake_link(&any, &any, &(mk_fake_link_t){.latency_us = 1000});
    in(2, say_forty, &nodes[1].ear); /* what comes last tells what is missing */
    run_ms(3000);
    CHECK_EQ(node_list(rt_of(1), &here, 1), 1);
    CHECK_EQ(node_list(rt_of(2), &there, 1), 1);
    CHECK(nodes[1].messages < 840);
    CHECK_EQ(nodes[1].messages + here.lost, 840);
    CHECK_EQ(nodes[1].messages + there.lost, 840);
    mk_fake_use_host(1);
    CHECK(node_disconnect(rt_of(1), "n2"));
    RUN_UNTIL(!linked(1, 2) && !linked(2, 1), 2000);
    RUN_UNTIL(both_linked(1, 2), 5000);
    CHECK_EQ(node_list(rt_of(1), &here, 1), 1);
    CHECK_EQ(nodes[1].messages + here.lost, 840); /* of all links so far */
    end_all();
}

TEST(a_transport_s_door_is_for_one_node) {
    stage(19);
    begin(1), begin(2), begin(3);
    nodes[2].host = nodes[3].host = 1;
    mk_fake_use_host(1);
    transport_t *door = transport_udp_bind("127.0.0.1", 4300, 2);
    CHECK(door != NULL && transport_udp_bind("127.0.0.1", 4300, 2) == NULL);
    CHECK(runtime_add_transport(rt_of(1), door));
    CHECK(runtime_add_transport(rt_of(3), transport_udp_connect("127.0.0.1", 4300, 1)));
    run_ms(3000);
    CHECK_EQ(linked_n(1), 0);
    CHECK(runtime_add_transport(rt_of(2), transport_udp_connect("127.0.0.1", 4300, 1)));
    RUN_UNTIL(both_linked(1, 2), 5000);
    in(2, say, &nodes[1].ear); /* which nothing has shown */
    RUN_UNTIL(nodes[1].messages == 1, 1000);
    CHECK_EQ(linked_n(3), 0);
    end_all();
}
