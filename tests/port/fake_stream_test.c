/* SPDX-License-Identifier: Apache-2.0 */
/* The fake network's streams: as port.h promises, and as badly as the test asks for. */
#include <stdlib.h>

#include "port/fake/fake.h"
#include "port/fake/fake_net.h"
#include "rig/rig.h"

static const mk_addr_t ANY_ADDR;
static mk_poller_t    *poller;
static int             listener, client, server;
static mk_addr_t       at;

static mk_addr_t ip(const char *text, uint16_t port) { return mk_fake_addr(text, port); }

static uint32_t ready(int fd) {
    mk_poll_event_t event;
    CHECK_EQ(mk_poller_set(poller, fd, MK_POLL_IN | MK_POLL_OUT, &event), MK_OK);
    uint32_t events = mk_poller_wait(poller, &event, 1, 0) == 1 ? event.events : 0;
    mk_poller_remove(poller, fd);
    return events;
}

static void begin(void) {
    mk_fake_reset(1);
    CHECK_EQ(mk_poller_create(&poller), MK_OK);
}

static void end(void) {
    mk_poller_destroy(poller);
    mk_fake_reset(1);
}

static void listen_at(const char *text, uint16_t port) {
    mk_addr_t wanted = ip(text, port);
    CHECK_EQ(mk_sock_listen(&wanted, 8, &listener, &at), MK_OK);
}

static void accept_one(void) { CHECK_EQ(mk_sock_accept(listener, &server, NULL), MK_OK); }

static void connect_both(const char *text) {
    begin();
    listen_at(text, 80);
    CHECK_EQ(mk_sock_connect(&at, &client), MK_OK);
    accept_one();
    CHECK(ready(client) & MK_POLL_OUT);
    CHECK_EQ(mk_sock_outcome(client), MK_OK);
}

static void close_all(void) {
    mk_sock_close(client);
    mk_sock_close(server);
    mk_sock_close(listener);
    CHECK_EQ(mk_fake_sockets(), 0);
    end();
}

static ptrdiff_t write_text(int fd, const char *text) {
    mk_slice_t slice = {text, strlen(text)};
    return mk_sock_write(fd, &slice, 1);
}

static char got[70000];

static ptrdiff_t read_some(int fd, size_t size) {
    ptrdiff_t n = mk_sock_read(fd, got, size);
    if (n >= 0) got[n] = '\0';
    return n;
}

static const mk_fake_link_t CUT = {.cut = true}, WHOLE;

/* ---- as port.h says ---- */

TEST(what_one_end_writes_the_other_reads_and_then_the_end) {
    connect_both("127.0.0.1");
    CHECK_EQ(read_some(server, 100), MK_IO_WAIT);
    mk_slice_t slices[] = {{"hel", 3}, {"", 0}, {"lo", 2}};
    CHECK_EQ(mk_sock_write(client, slices, 3), 5);
    CHECK_EQ(read_some(server, 4), 4);
    CHECK_STR(got, "hell");
    CHECK_EQ(read_some(server, 4), 1);
    mk_sock_finish(client);
    CHECK_EQ(read_some(server, 4), 0);
    CHECK_EQ(write_text(server, "answer"), 6); /* the other direction goes on */
    CHECK_EQ(write_text(client, "more"), MK_IO_FAILED);
    CHECK_EQ(read_some(client, 100), 6);
    mk_sock_close(server);
    CHECK_EQ(read_some(client, 100), 0);
    CHECK(ready(client) & MK_POLL_HUP);
    mk_sock_close(client);
    mk_sock_close(listener);
    CHECK_EQ(mk_fake_sockets(), 0);
    end();
}

TEST(both_ends_know_both_addresses) {
    mk_addr_t a, b, c, d;
    connect_both("127.0.0.1");
    CHECK(mk_sock_local(client, &a) && mk_sock_peer(client, &b));
    CHECK(mk_sock_local(server, &c) && mk_sock_peer(server, &d));
    CHECK_EQ(b.port, 80);
    CHECK_EQ(c.port, 80);
    CHECK(a.port != 0 && a.port == d.port);
    CHECK(!mk_sock_peer(listener, &a));
    CHECK_EQ(mk_fake_find(&ANY_ADDR, &at), client);
    CHECK_EQ(mk_fake_find(&at, &ANY_ADDR), server);
    close_all();
}

TEST(ports_are_chosen_and_an_address_is_taken_once) {
    mk_addr_t a, b, fixed = ip("127.0.0.1", 80), same = ip("0.0.0.0", 80), free_one = ip("127.0.0.1", 0);
    int       one, two, three;
    begin();
    CHECK_EQ(mk_sock_listen(&free_one, 8, &one, &a), MK_OK);
    CHECK_EQ(mk_sock_listen(&free_one, 8, &two, &b), MK_OK);
    CHECK(a.port != b.port);
    CHECK_EQ(mk_sock_listen(&fixed, 8, &three, NULL), MK_OK);
    CHECK_EQ(mk_sock_listen(&fixed, 8, &client, NULL), MK_ERR_BUSY);
    CHECK_EQ(mk_sock_listen(&same, 8, &client, NULL), MK_ERR_BUSY);
    mk_sock_close(three);
    CHECK_EQ(mk_sock_listen(&same, 8, &three, NULL), MK_OK);
    mk_sock_close(one), mk_sock_close(two), mk_sock_close(three);
    end();
}

TEST(nobody_listening_is_a_refusal_that_comes_later) {
    mk_addr_t to = ip("127.0.0.1", 9);
    begin();
    CHECK_EQ(mk_sock_connect(&to, &client), MK_OK);
    CHECK(ready(client) & MK_POLL_OUT);
    CHECK_EQ(mk_sock_outcome(client), MK_ERR_IO);
    CHECK_EQ(read_some(client, 1), MK_IO_FAILED);
    mk_sock_close(client);
    CHECK_EQ(mk_fake_sockets(), 0);
    end();
}

TEST(six_and_four_meet_at_a_listener_for_both) {
    begin();
    listen_at("::", 80);
    mk_addr_t four = ip("127.0.0.1", 80), six = ip("::1", 80);
    CHECK_EQ(mk_sock_connect(&four, &client), MK_OK);
    accept_one();
    CHECK_EQ(mk_sock_outcome(client), MK_OK);
    mk_sock_close(client), mk_sock_close(server);
    CHECK_EQ(mk_sock_connect(&six, &client), MK_OK);
    accept_one();
    close_all();
}

TEST(a_path_is_a_place_to_meet_and_decides_at_once) {
    mk_addr_t path = mk_fake_addr("/run/x", 0), peer;
    begin();
    CHECK_EQ(mk_sock_connect(&path, &client), MK_ERR_IO);
    CHECK_EQ(mk_sock_listen(&path, 1, &listener, NULL), MK_OK);
    CHECK_EQ(mk_sock_connect(&path, &client), MK_OK);
    int second;
    CHECK_EQ(mk_sock_connect(&path, &second), MK_ERR_BUSY); /* one may wait */
    CHECK_EQ(mk_sock_accept(listener, &server, &peer), MK_OK);
    CHECK_EQ(peer.family, MK_FAMILY_UNIX);
    CHECK_EQ(write_text(client, "x"), 1);
    CHECK_EQ(read_some(server, 10), 1);
    close_all();
}

TEST(who_gave_up_in_the_queue_is_skipped) {
    begin();
    listen_at("127.0.0.1", 80);
    int one;
    CHECK_EQ(mk_sock_connect(&at, &one), MK_OK);
    CHECK_EQ(mk_sock_connect(&at, &client), MK_OK);
    CHECK(ready(one) & MK_POLL_OUT);
    mk_sock_reset(one);
    CHECK_EQ(write_text(client, "me"), 2);
    accept_one();
    CHECK_EQ(read_some(server, 10), 2);
    CHECK_EQ(mk_sock_accept(listener, &one, NULL), MK_ERR_NOTFOUND);
    close_all();
}

TEST(who_hung_up_before_it_was_accepted_is_heard) {
    begin();
    listen_at("127.0.0.1", 80);
    CHECK_EQ(mk_sock_connect(&at, &client), MK_OK);
    CHECK(ready(client) & MK_POLL_OUT);
    CHECK_EQ(write_text(client, "bye"), 3);
    mk_sock_close(client);
    accept_one();
    CHECK_EQ(read_some(server, 10), 3);
    CHECK_EQ(read_some(server, 10), 0);
    mk_sock_close(server), mk_sock_close(listener);
    CHECK_EQ(mk_fake_sockets(), 0);
    end();
}

TEST(closing_over_unread_bytes_resets) {
    connect_both("127.0.0.1");
    CHECK_EQ(write_text(server, "answer"), 6);
    CHECK_EQ(write_text(client, "question"), 8);
    CHECK(ready(server) & MK_POLL_IN);
    mk_sock_close(server);
    CHECK_EQ(read_some(client, 100), 6); /* as on Linux: what came before is still there */
    CHECK_EQ(read_some(client, 100), MK_IO_FAILED);
    mk_sock_close(client), mk_sock_close(listener);
    end();
}

TEST(a_reset_may_take_what_came_before_with_it) {
    connect_both("127.0.0.1");
    mk_fake_net(&(mk_fake_net_t){.reset_discards = true});
    CHECK_EQ(write_text(server, "answer"), 6);
    CHECK(ready(client) & MK_POLL_IN);
    mk_sock_reset(server);
    CHECK_EQ(read_some(client, 100), MK_IO_FAILED);
    mk_sock_close(client), mk_sock_close(listener);
    end();
}

TEST(writing_to_one_who_closed_is_told_with_the_next_write) {
    connect_both("127.0.0.1");
    mk_sock_close(server);
    CHECK_EQ(read_some(client, 100), 0);
    CHECK_EQ(write_text(client, "x"), 1);
    CHECK(ready(client) & MK_POLL_ERR);
    CHECK_EQ(write_text(client, "x"), MK_IO_FAILED);
    mk_sock_close(client), mk_sock_close(listener);
    CHECK_EQ(mk_fake_sockets(), 0);
    end();
}

TEST(closing_a_listener_resets_who_waits_there) {
    begin();
    listen_at("127.0.0.1", 80);
    CHECK_EQ(mk_sock_connect(&at, &client), MK_OK);
    CHECK(ready(client) & MK_POLL_OUT);
    mk_sock_close(listener);
    CHECK_EQ(read_some(client, 10), MK_IO_FAILED);
    mk_sock_close(client);
    CHECK_EQ(mk_fake_sockets(), 0);
    end();
}

/* ---- small and few ---- */

TEST(a_stream_holds_so_much_and_no_more_until_it_is_read) {
    connect_both("127.0.0.1");
    mk_fake_net(&(mk_fake_net_t){.stream_bytes = 5});
    CHECK_EQ(write_text(client, "123456789"), 5);
    CHECK_EQ(write_text(client, "6789"), MK_IO_WAIT);
    CHECK(!(ready(client) & MK_POLL_OUT));
    CHECK_EQ(read_some(server, 2), 2);
    CHECK(ready(client) & MK_POLL_OUT);
    CHECK_EQ(write_text(client, "6789"), 2);
    CHECK_EQ(read_some(server, 10), 5);
    CHECK_STR(got, "34567");
    close_all();
}

TEST(one_byte_at_a_time) {
    connect_both("127.0.0.1");
    mk_fake_net(&(mk_fake_net_t){.read_max = 1, .write_max = 2});
    CHECK_EQ(write_text(client, "abc"), 2);
    CHECK_EQ(read_some(server, 10), 1);
    CHECK_EQ(read_some(server, 10), 1);
    CHECK_EQ(read_some(server, 10), MK_IO_WAIT);
    close_all();
}

TEST(descriptors_run_out_and_come_back) {
    begin();
    listen_at("127.0.0.1", 80);
    mk_fake_net(&(mk_fake_net_t){.sockets_max = 2});
    CHECK_EQ(mk_sock_connect(&at, &client), MK_OK);
    CHECK_EQ(mk_sock_accept(listener, &server, NULL), MK_ERR_LIMIT);
    CHECK(ready(listener) & MK_POLL_IN); /* it waits on */
    mk_fake_net(&(mk_fake_net_t){.sockets_max = 3});
    mk_fake_fail(MK_FAKE_ACCEPT, 1);
    CHECK_EQ(mk_sock_accept(listener, &server, NULL), MK_ERR_LIMIT);
    accept_one();
    int more;
    CHECK_EQ(mk_sock_connect(&at, &more), MK_ERR_LIMIT);
    mk_sock_close(client);
    int number = client;
    CHECK_EQ(mk_sock_connect(&at, &client), MK_OK);
    CHECK_EQ(client, number); /* as on a real machine */
    close_all();
}

TEST(a_full_queue_makes_callers_wait) {
    mk_addr_t wanted = ip("127.0.0.1", 80);
    int       second, other;
    begin();
    CHECK_EQ(mk_sock_listen(&wanted, 1, &listener, &at), MK_OK);
    CHECK_EQ(mk_sock_connect(&at, &client), MK_OK);
    CHECK_EQ(mk_sock_connect(&at, &second), MK_OK);
    CHECK(ready(client) & MK_POLL_OUT);
    CHECK_EQ(ready(second), 0);
    accept_one();
    mk_fake_advance_us(1000000);
    CHECK(ready(second) & MK_POLL_OUT);
    CHECK_EQ(mk_sock_accept(listener, &other, NULL), MK_OK);
    mk_sock_close(second), mk_sock_close(other);
    close_all();
}

/* ---- slow and broken ---- */

TEST(a_slow_link_takes_its_time_in_each_direction) {
    begin();
    listen_at("192.0.2.1", 80);
    mk_fake_link(&ANY_ADDR, &at, &(mk_fake_link_t){.latency_us = 3000});
    mk_fake_link(&at, &ANY_ADDR, &(mk_fake_link_t){.latency_us = 5000});
    CHECK_EQ(mk_sock_connect(&at, &client), MK_OK);
    mk_fake_advance_us(2999);
    CHECK_EQ(mk_sock_accept(listener, &server, NULL), MK_ERR_NOTFOUND);
    mk_fake_advance_us(1);
    accept_one();
    CHECK_EQ(ready(client), 0);
    mk_fake_advance_us(5000);
    CHECK(ready(client) & MK_POLL_OUT);
    CHECK_EQ(write_text(client, "x"), 1);
    mk_fake_advance_us(2999);
    CHECK_EQ(read_some(server, 1), MK_IO_WAIT);
    mk_fake_advance_us(1);
    CHECK_EQ(read_some(server, 1), 1);
    close_all();
}

TEST(waiting_lasts_until_something_arrives) {
    mk_poll_event_t event;
    connect_both("192.0.2.1");
    mk_fake_link(&ANY_ADDR, &ANY_ADDR, &(mk_fake_link_t){.latency_us = 7000});
    CHECK_EQ(mk_poller_set(poller, server, MK_POLL_IN, &event), MK_OK);
    uint64_t before = mk_port_now_us();
    CHECK_EQ(write_text(client, "x"), 1);
    CHECK_EQ(mk_fake_next_us(), before + 7000);
    CHECK_EQ(mk_poller_wait(poller, &event, 1, 1000), 0);
    CHECK_EQ(mk_port_now_us() - before, 1000);
    CHECK_EQ(mk_poller_wait(poller, &event, 1, -1), 1);
    CHECK_EQ(mk_port_now_us() - before, 7000);
    close_all();
}

TEST(bandwidth_is_shared_by_what_is_sent_one_after_the_other) {
    connect_both("192.0.2.1");
    mk_fake_link(&ANY_ADDR, &ANY_ADDR, &(mk_fake_link_t){.bytes_per_s = 15000});
    static char lots[6000];
    mk_slice_t  slice = {lots, sizeof lots};
    CHECK_EQ(mk_sock_write(client, &slice, 1), 6000);
    mk_fake_advance_us(100000);
    CHECK_EQ(read_some(server, sizeof got - 1), 1460);
    mk_fake_advance_us(400000);
    size_t all = 1460;
    for (ptrdiff_t n; (n = read_some(server, sizeof got - 1)) > 0;) all += (size_t)n;
    CHECK_EQ(all, 6000);
    close_all();
}

TEST(jitter_never_turns_the_order) {
    connect_both("192.0.2.1");
    mk_fake_link(&ANY_ADDR, &ANY_ADDR, &(mk_fake_link_t){.latency_us = 100, .jitter_us = 10000});
    for (char c = 'a'; c <= 'z'; c++) CHECK_EQ(write_text(client, (char[]){c, '\0'}), 1);
    mk_fake_advance_us(20000);
    CHECK_EQ(read_some(server, 100), 26);
    CHECK_STR(got, "abcdefghijklmnopqrstuvwxyz");
    close_all();
}

TEST(a_cut_holds_back_what_is_sent_and_healing_lets_it_through) {
    connect_both("192.0.2.1");
    mk_fake_cut(&at, &ANY_ADDR, true);
    CHECK_EQ(write_text(client, "one"), 3);
    CHECK_EQ(write_text(client, "two"), 3);
    mk_sock_finish(client);
    mk_fake_advance_us(30000000);
    CHECK_EQ(read_some(server, 100), MK_IO_WAIT);
    mk_fake_cut(&at, &ANY_ADDR, false);
    mk_fake_advance_us(1000000);
    CHECK_EQ(read_some(server, 100), 6);
    CHECK_STR(got, "onetwo");
    CHECK_EQ(read_some(server, 100), 0);
    close_all();
}

TEST(what_gets_through_no_more_is_given_up_by_both) {
    connect_both("192.0.2.1");
    mk_fake_net(&(mk_fake_net_t){.give_up_us = 10000000});
    mk_fake_cut(&at, &ANY_ADDR, true);
    mk_fake_advance_us(9000000);
    CHECK_EQ(read_some(client, 1), MK_IO_WAIT);
    mk_fake_advance_us(2000000);
    CHECK_EQ(read_some(client, 1), MK_IO_FAILED); /* idle: it asked whether the other is still there */
    CHECK_EQ(mk_sock_outcome(client), MK_ERR_TIMEOUT);
    CHECK_EQ(read_some(server, 1), MK_IO_FAILED);
    close_all();
}

TEST(a_black_hole_never_answers_a_call) {
    mk_addr_t to = ip("192.0.2.9", 80);
    begin();
    mk_fake_link(&ANY_ADDR, &to, &CUT);
    CHECK_EQ(mk_sock_connect(&to, &client), MK_OK);
    mk_fake_advance_us(119000000);
    CHECK_EQ(ready(client), 0);
    mk_fake_advance_us(3000000);
    CHECK(ready(client) & MK_POLL_OUT);
    CHECK_EQ(mk_sock_outcome(client), MK_ERR_TIMEOUT);
    mk_sock_close(client);
    CHECK_EQ(mk_sock_connect(&to, &client), MK_OK);
    mk_sock_close(client); /* in the middle */
    mk_fake_link(&ANY_ADDR, &to, &WHOLE);
    mk_fake_advance_us(3000000);
    CHECK_EQ(ready(256), 0);
    CHECK(mk_fake_next_us() == UINT64_MAX); /* nobody calls any more */
    end();
}

TEST(a_refusing_address_refuses) {
    begin();
    listen_at("127.0.0.1", 80);
    mk_fake_link(&ANY_ADDR, &at, &(mk_fake_link_t){.refused = true});
    CHECK_EQ(mk_sock_connect(&at, &client), MK_OK);
    CHECK(ready(client) & MK_POLL_OUT);
    CHECK_EQ(mk_sock_outcome(client), MK_ERR_IO);
    mk_sock_close(client), mk_sock_close(listener);
    end();
}

TEST(a_broken_connection_fails_on_both_sides) {
    connect_both("127.0.0.1");
    mk_fake_break(client);
    CHECK_EQ(read_some(server, 1), MK_IO_FAILED);
    CHECK_EQ(write_text(client, "x"), MK_IO_FAILED);
    close_all();
}

TEST(a_half_open_connection_swallows_what_it_is_told) {
    connect_both("127.0.0.1");
    mk_fake_vanish(server);
    CHECK_EQ(write_text(client, "anybody?"), 8);
    CHECK_EQ(read_some(client, 1), MK_IO_WAIT);
    mk_sock_close(server); /* not even that is heard */
    CHECK_EQ(read_some(client, 1), MK_IO_WAIT);
    mk_fake_advance_us(121000000);
    CHECK_EQ(read_some(client, 1), MK_IO_FAILED);
    mk_sock_close(client), mk_sock_close(listener);
    CHECK_EQ(mk_fake_sockets(), 0);
    end();
}

/* ---- hosts ---- */

static void two_hosts(void) {
    mk_addr_t one = ip("10.0.0.1", 0), two = ip("10.0.0.2", 0);
    begin();
    mk_fake_give_address(1, &one);
    mk_fake_give_address(2, &two);
    mk_fake_use_host(2);
    listen_at("0.0.0.0", 80);
    at = ip("10.0.0.2", 80);
    mk_fake_use_host(1);
}

TEST(hosts_have_addresses_of_their_own) {
    mk_addr_t peer, loopback = ip("127.0.0.1", 80), not_mine = ip("10.0.0.2", 90), six = ip("2001:db8::1", 80);
    two_hosts();
    int fd;
    CHECK_EQ(mk_sock_listen(&not_mine, 1, &fd, NULL), MK_ERR_INVALID);
    CHECK_EQ(mk_sock_connect(&six, &fd), MK_ERR_IO); /* there is no way there from here */
    CHECK_EQ(mk_sock_connect(&at, &client), MK_OK);
    CHECK_EQ(mk_sock_accept(listener, &server, &peer), MK_OK);
    CHECK_EQ(peer.ip[3], 1);
    mk_sock_close(client), mk_sock_close(server);
    CHECK_EQ(mk_sock_connect(&loopback, &client), MK_OK); /* this host's own: nobody listens there */
    CHECK(ready(client) & MK_POLL_OUT);
    CHECK_EQ(mk_sock_outcome(client), MK_ERR_IO);
    mk_sock_close(client), mk_sock_close(listener);
    end();
}

TEST(a_crashed_host_says_nothing_and_after_its_restart_that_it_knows_nothing) {
    two_hosts();
    CHECK_EQ(mk_sock_connect(&at, &client), MK_OK);
    accept_one();
    mk_fake_crash(2);
    mk_sock_close(server), mk_sock_close(listener);
    CHECK_EQ(write_text(client, "x"), 1);
    mk_fake_advance_us(1000000);
    CHECK_EQ(read_some(client, 1), MK_IO_WAIT);
    mk_fake_restart(2);
    mk_fake_advance_us(1000000);
    CHECK_EQ(read_some(client, 1), MK_IO_FAILED);
    mk_sock_close(client);
    mk_fake_use_host(2);
    listen_at("0.0.0.0", 80); /* the address is free again */
    mk_sock_close(listener);
    CHECK_EQ(mk_fake_sockets(), 0);
    end();
}

TEST(held_time_goes_from_one_thing_to_the_next) {
    mk_poller_t    *other;
    mk_poll_event_t event;
    two_hosts();
    CHECK_EQ(mk_poller_create(&other), MK_OK);
    mk_fake_link(&ANY_ADDR, &ANY_ADDR, &(mk_fake_link_t){.latency_us = 700});
    mk_fake_hold_time(true);
    uint64_t began = mk_port_now_us();
    CHECK_EQ(mk_poller_wait(poller, &event, 1, 900), 0);
    CHECK_EQ(mk_poller_wait(other, &event, 1, 500), 0);
    CHECK_EQ(mk_port_now_us(), began);
    CHECK_EQ(mk_sock_connect(&at, &client), MK_OK);
    CHECK(mk_fake_advance_to_next());
    CHECK_EQ(mk_port_now_us() - began, 500);
    CHECK(mk_fake_advance_to_next());
    CHECK_EQ(mk_port_now_us() - began, 700);
    accept_one();
    CHECK(mk_fake_advance_to_next()); /* the answer */
    CHECK_EQ(mk_poller_wait(poller, &event, 1, -1), 0);
    CHECK(!mk_fake_advance_to_next());
    mk_fake_hold_time(false);
    mk_poller_destroy(other);
    close_all();
}

/* ---- many, and the same twice ---- */

enum { MANY = sizeof(void *) == 8 ? 3000 : 300 };

TEST(thousands_of_idle_connections_cost_a_wait_nothing) {
    static int      near[MANY], far[MANY];
    mk_poll_event_t event[8];
    begin();
    mk_addr_t wanted = ip("127.0.0.1", 80);
    CHECK_EQ(mk_sock_listen(&wanted, MANY, &listener, &at), MK_OK);
    for (int i = 0; i < MANY; i++) CHECK_EQ(mk_sock_connect(&at, &near[i]), MK_OK);
    for (int i = 0; i < MANY; i++) {
        CHECK_EQ(mk_sock_accept(listener, &far[i], NULL), MK_OK);
        CHECK_EQ(mk_poller_set(poller, far[i], MK_POLL_IN, &far[i]), MK_OK);
    }
    for (int round = 0; round < 20000; round++) {
        int i = round * 7 % MANY;
        CHECK_EQ(write_text(near[i], "x"), 1);
        CHECK_EQ(mk_poller_wait(poller, event, 8, -1), 1);
        CHECK(event[0].tag == &far[i]);
        CHECK_EQ(read_some(far[i], 10), 1);
    }
    for (int i = 0; i < MANY; i++) mk_sock_close(near[i]), mk_sock_close(far[i]);
    mk_sock_close(listener);
    CHECK_EQ(mk_fake_sockets(), 0);
    end();
}

/* A busy, bad hour; the answer says how it went, byte for byte. */
static uint64_t bad_hour(uint64_t seed) {
    enum { PAIRS = 16 };
    int      ends[PAIRS][2];
    uint64_t hash = 1469598103934665603u, dice = seed;
    mk_fake_reset(seed);
    listen_at("192.0.2.1", 80);
    mk_fake_link(&ANY_ADDR, &ANY_ADDR, &(mk_fake_link_t){.latency_us = 500, .jitter_us = 3000, .bytes_per_s = 1000000});
    mk_fake_net(&(mk_fake_net_t){.stream_bytes = 3000, .give_up_us = 5000000});
    for (int i = 0; i < PAIRS; i++) {
        CHECK_EQ(mk_sock_connect(&at, &ends[i][0]), MK_OK);
        ends[i][1] = -1;
    }
    for (int i = 0; i < 5000; i++) {
        dice = dice * 6364136223846793005u + 1442695040888963407u;
        unsigned roll = (unsigned)(dice >> 33), pair = roll / 16 % PAIRS, side = roll / 512 % 2;
        if (ends[pair][1] < 0) {
            if (mk_sock_accept(listener, &ends[pair][1], NULL) != MK_OK) ends[pair][1] = -1;
        } else if (roll % 16 < 6) {
            mk_slice_t slice = {got, roll / 1024 % 2000 + 1};
            hash = (hash ^ (uint64_t)mk_sock_write(ends[pair][side], &slice, 1)) * 1099511628211u;
        } else if (roll % 16 < 12) {
            hash = (hash ^ (uint64_t)mk_sock_read(ends[pair][side], got, roll / 1024 % 2000)) * 1099511628211u;
        } else if (roll % 256 == 12) {
            mk_fake_break(ends[pair][side]);
        } else if (roll % 256 == 13) {
            mk_fake_cut(&at, &ANY_ADDR, roll / 1024 % 2 != 0);
        }
        mk_fake_advance_us(roll % 700);
    }
    for (int i = 0; i < PAIRS; i++) {
        mk_sock_close(ends[i][0]);
        if (ends[i][1] >= 0) mk_sock_close(ends[i][1]);
    }
    mk_sock_close(listener);
    CHECK_EQ(mk_fake_sockets(), 0);
    mk_fake_reset(1);
    return hash;
}

TEST(the_same_calls_make_the_same_run) {
    uint64_t first = bad_hour(1), other = bad_hour(2);
    CHECK(first == bad_hour(1));
    CHECK(other == bad_hour(2));
    CHECK(first != other);
}
