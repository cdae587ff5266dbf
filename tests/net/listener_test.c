/* SPDX-License-Identifier: Apache-2.0 */
#include "net/net_rig.h"
#include "port/fake/fake.h"
#include "port/fake/fake_net.h"

typedef struct door {
    mk_listener_t listener;
    unsigned      accepted;
    unsigned      pause_at, close_at; /* after so many */
} door_t;

static door_t door;
static int    client[200];

static void take(mk_listener_t *listener, int fd, const mk_addr_t *peer) {
    CHECK_EQ(peer->family, MK_FAMILY_IPV4);
    door.accepted++;
    mk_sock_close(fd);
    if (door.accepted == door.pause_at) mk_listener_pause(listener);
    if (door.accepted == door.close_at) mk_listener_close(listener);
}

static void open_door(void) {
    mk_addr_t at = loopback(80);
    mk_fake_reset(1);
    door = (door_t){0};
    open_net();
    CHECK_EQ(mk_listener_open(net, &door.listener, &at, take), MK_OK);
}

static void come(int n) {
    for (int i = 0; i < n; i++) CHECK_EQ(mk_sock_connect(&door.listener.at, &client[i]), MK_OK);
}

static void close_door(int clients) {
    for (int i = 0; i < clients; i++) mk_sock_close(client[i]);
    mk_listener_close(&door.listener);
    close_net();
    CHECK_EQ(mk_fake_sockets(), 0);
}

TEST(many_are_accepted_in_a_round_but_not_without_end) {
    open_door();
    come(200);
    mk_loop_run(&loop, 0);
    CHECK_EQ(door.accepted, 64);
    while (door.accepted < 200) mk_loop_run(&loop, 0);
    close_door(200);
}

TEST(without_descriptors_accepting_rests_longer_each_time) {
    static const unsigned at_ms[] = {0, 50, 150, 350, 750, 1550, 2550, 3550};
    open_door();
    come(3);
    mk_fake_fail(MK_FAKE_ACCEPT, 8);
    uint64_t start_us = mk_port_now_us();
    for (unsigned i = 0; i < 8; i++) {
        while (door.listener.refused == i) mk_loop_run(&loop, -1);
        CHECK_EQ((mk_port_now_us() - start_us) / 1000, at_ms[i]);
    }
    CHECK(mk_fake_waits() < 40); /* no spinning in between */
    CHECK_EQ(door.accepted, 0);
    while (door.accepted == 0) mk_loop_run(&loop, -1);
    CHECK_EQ((mk_port_now_us() - start_us) / 1000, 4550);
    CHECK_EQ(door.listener.backoff_ms, 0);
    CHECK_EQ(door.listener.refused, 8);
    close_door(3);
}

TEST(at_a_limit_who_comes_waits) {
    open_door();
    door.pause_at = 2;
    come(5);
    for (int i = 0; i < 10; i++) mk_loop_run(&loop, 1000);
    CHECK_EQ(door.accepted, 2);
    mk_listener_pause(&door.listener);
    mk_listener_resume(&door.listener);
    mk_listener_resume(&door.listener);
    while (door.accepted < 5) mk_loop_run(&loop, 1000);
    close_door(5);
}

TEST(pausing_while_resting_holds_until_both_are_over) {
    open_door();
    come(1);
    mk_fake_fail(MK_FAKE_ACCEPT, 1);
    while (door.listener.refused == 0) mk_loop_run(&loop, 0);
    mk_listener_pause(&door.listener);
    for (int i = 0; i < 10; i++) mk_loop_run(&loop, 100000);
    CHECK_EQ(door.accepted, 0);
    mk_listener_resume(&door.listener);
    mk_loop_run(&loop, 1000);
    CHECK_EQ(door.accepted, 1);
    mk_fake_fail(MK_FAKE_ACCEPT, 1);
    close_door(1);
}

TEST(a_listener_may_be_closed_in_its_call) {
    open_door();
    door.close_at = 3;
    come(10);
    for (int i = 0; i < 5; i++) mk_loop_run(&loop, 1000);
    CHECK_EQ(door.accepted, 3);
    mk_listener_pause(&door.listener);
    mk_listener_resume(&door.listener);
    close_door(10);
}

TEST(a_listener_that_cannot_be_opened_leaves_nothing) {
    mk_listener_t other = {0};
    open_door();
    CHECK_EQ(mk_listener_open(net, &other, &door.listener.at, take), MK_ERR_BUSY);
    mk_addr_t at = loopback(81);
    mk_fake_fail(MK_FAKE_SOCKET, 1);
    CHECK_EQ(mk_listener_open(net, &other, &at, take), MK_ERR_LIMIT);
    mk_fake_fail(MK_FAKE_POLLER_SET, 1);
    CHECK(mk_listener_open(net, &other, &at, take) != MK_OK);
    mk_listener_close(&other);
    CHECK_EQ(mk_fake_sockets(), 1);
    close_door(0);
}

static unsigned datagrams;

static void count(mk_udp_t *udp, const uint8_t *data, size_t size, const mk_addr_t *from) {
    (void)from;
    CHECK_EQ(size, 3);
    CHECK(memcmp(data, "abc", 3) == 0);
    if (++datagrams == 5) mk_udp_close(udp);
}

TEST(datagrams_are_counted_out_and_a_socket_may_be_closed_in_its_call) {
    mk_udp_t  a = {0}, b = {0};
    mk_addr_t at = loopback(0);
    open_door();
    datagrams = 0;
    CHECK_EQ(mk_udp_open(net, &a, &at, count), MK_OK);
    CHECK_EQ(mk_udp_open(net, &b, &at, count), MK_OK);
    for (int i = 0; i < 8; i++) CHECK_EQ(mk_udp_send(&a, "abc", 3, &b.at), MK_OK);
    for (int i = 0; i < 5; i++) mk_loop_run(&loop, 1000);
    CHECK_EQ(datagrams, 5);
    CHECK_EQ(mk_udp_send(&b, "abc", 3, &a.at), MK_ERR_CLOSED);
    mk_fake_fail(MK_FAKE_SEND, 1);
    CHECK_EQ(mk_udp_send(&a, "abc", 3, &at), MK_ERR_FULL);
    mk_fake_fail(MK_FAKE_POLLER_SET, 1);
    CHECK(mk_udp_open(net, &b, &at, count) != MK_OK);
    mk_udp_close(&b);
    close_door(0);
}
