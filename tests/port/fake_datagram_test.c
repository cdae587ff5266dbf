/* SPDX-License-Identifier: Apache-2.0 */
/* The fake network's datagrams and names. */
#include "port/fake/fake.h"
#include "port/fake/fake_net.h"
#include "rig/rig.h"

static const mk_addr_t ANY_ADDR;
static mk_addr_t       at, from;
static int             here, there;
static char            got[100];
static size_t          whole;

static void begin(void) {
    mk_addr_t wanted = mk_fake_addr("127.0.0.1", 0);
    mk_fake_reset(3);
    CHECK_EQ(mk_sock_udp(&wanted, &here, NULL), MK_OK);
    CHECK_EQ(mk_sock_udp(&wanted, &there, &at), MK_OK);
}

static void end(void) {
    mk_sock_close(here);
    mk_sock_close(there);
    CHECK_EQ(mk_fake_sockets(), 0);
}

static ptrdiff_t receive(int fd, size_t size) {
    ptrdiff_t n = mk_sock_receive(fd, got, size, &whole, &from);
    if (n >= 0) got[n] = '\0';
    return n;
}

TEST(a_datagram_arrives_whole_with_its_sender) {
    begin();
    CHECK_EQ(mk_sock_send(here, "hello", 5, &at), MK_OK);
    CHECK_EQ(mk_sock_send(here, "", 0, &at), MK_OK);
    CHECK_EQ(receive(there, 50), 5);
    CHECK_STR(got, "hello");
    mk_addr_t sender;
    CHECK(mk_sock_local(here, &sender));
    CHECK_EQ(from.port, sender.port);
    CHECK_EQ(receive(there, 50), 0);
    CHECK_EQ(receive(there, 50), MK_IO_WAIT);
    CHECK_EQ(mk_sock_send(there, "back", 4, &from), MK_OK);
    CHECK_EQ(receive(here, 2), 2); /* cut, and said so */
    CHECK_EQ(whole, 4);
    end();
}

TEST(what_cannot_be_sent_says_why) {
    static char large[66000];
    mk_addr_t   everybody = mk_fake_addr("255.255.255.255", 9), six = mk_fake_addr("::1", 9);
    begin();
    CHECK_EQ(mk_sock_send(here, large, sizeof large, &at), MK_ERR_TOOLONG);
    CHECK_EQ(mk_sock_send(here, "x", 1, &everybody), MK_ERR_DENIED);
    CHECK_EQ(mk_sock_send(here, "x", 1, &six), MK_ERR_IO);
    CHECK_EQ(mk_sock_send(here, "x", 1, &ANY_ADDR), MK_ERR_INVALID);
    mk_fake_fail(MK_FAKE_SEND, 1);
    CHECK_EQ(mk_sock_send(here, "x", 1, &at), MK_ERR_FULL);
    end();
}

TEST(a_refused_datagram_is_told_once_and_things_go_on) {
    mk_addr_t nobody = mk_fake_addr("127.0.0.1", 9);
    begin();
    CHECK_EQ(mk_sock_send(here, "x", 1, &nobody), MK_OK);
    CHECK_EQ(receive(here, 50), MK_IO_FAILED);
    CHECK_EQ(receive(here, 50), MK_IO_WAIT);
    end();
}

TEST(what_no_one_fetches_is_dropped_at_the_limit) {
    begin();
    mk_fake_net(&(mk_fake_net_t){.datagram_bytes = 10});
    for (int i = 0; i < 5; i++) CHECK_EQ(mk_sock_send(here, "1234", 4, &at), MK_OK);
    CHECK_EQ(receive(there, 50), 4);
    CHECK_EQ(receive(there, 50), 4);
    CHECK_EQ(receive(there, 50), MK_IO_WAIT);
    end();
}

TEST(links_lose_double_and_delay_by_seeded_chance) {
    unsigned n = 0, turned = 0, last = 0, doubles = 0, first_run = 0;
    for (int run = 0; run < 2; run++) {
        begin();
        n = turned = doubles = last = 0;
        mk_fake_link(&ANY_ADDR, &at, &(mk_fake_link_t){.lost = 200, .doubled = 100, .late = 100, .late_us = 5000});
        for (unsigned i = 1; i <= 1000; i++) {
            CHECK_EQ(mk_sock_send(here, &i, sizeof i, &at), MK_OK);
            mk_fake_advance_us(1000);
        }
        mk_fake_advance_us(10000);
        for (unsigned got_one; mk_sock_receive(there, &got_one, sizeof got_one, &whole, NULL) > 0; last = got_one) {
            n++;
            turned += got_one < last;
            doubles += got_one == last;
        }
        if (run == 0) first_run = n * 10000 + turned;
        end();
    }
    CHECK_EQ(n * 10000 + turned, first_run);
    CHECK(n > 800 && n < 1000);
    CHECK(turned > 40 && doubles > 40);
}

TEST(a_cut_link_swallows_datagrams) {
    begin();
    mk_fake_cut(&ANY_ADDR, &at, true);
    CHECK_EQ(mk_sock_send(here, "x", 1, &at), MK_OK);
    CHECK_EQ(receive(there, 10), MK_IO_WAIT);
    mk_fake_cut(&ANY_ADDR, &at, false);
    CHECK_EQ(receive(there, 10), MK_IO_WAIT);
    CHECK_EQ(mk_sock_send(here, "x", 1, &at), MK_OK);
    CHECK_EQ(receive(there, 10), 1);
    end();
}

TEST(datagrams_go_to_paths_too) {
    mk_addr_t a = mk_fake_addr("/tmp/a", 0), b = mk_fake_addr("@b", 0);
    mk_fake_reset(1);
    CHECK_EQ(mk_sock_udp(&a, &here, NULL), MK_OK);
    CHECK_EQ(mk_sock_udp(&b, &there, NULL), MK_OK);
    CHECK_EQ(mk_sock_send(here, "x", 1, &b), MK_OK);
    CHECK_EQ(receive(there, 10), 1);
    CHECK_STR(from.path, "/tmp/a");
    end();
}

/* ---- names ---- */

TEST(names_are_as_the_test_says) {
    mk_addr_t addrs[] = {mk_fake_addr("2001:db8::1", 7), mk_fake_addr("192.0.2.1", 7)}, out[4];
    size_t    n;
    mk_fake_reset(1);
    CHECK_EQ(mk_port_resolve("host", out, 4, &n), MK_ERR_NOTFOUND);
    mk_fake_name("host", addrs, 2);
    CHECK_EQ(mk_port_resolve("host", out, 4, &n), MK_OK);
    CHECK_EQ(n, 2);
    CHECK_EQ(out[0].family, MK_FAMILY_IPV6);
    CHECK_EQ(out[0].port, 0);
    CHECK_EQ(mk_port_resolve("host", out, 1, &n), MK_OK);
    CHECK_EQ(n, 1);
    mk_fake_name_fails("host", MK_ERR_IO);
    CHECK_EQ(mk_port_resolve("host", out, 4, &n), MK_ERR_IO);
    CHECK_EQ(mk_port_resolve("localhost", out, 4, &n), MK_OK);
    CHECK_EQ(out[0].ip[0], 127);
    uint64_t now = mk_port_now_us();
    mk_fake_names_take_us(2000);
    CHECK_EQ(mk_port_resolve("10.1.2.3", out, 4, &n), MK_OK);
    CHECK_EQ(mk_port_now_us() - now, 2000);
    CHECK_EQ(out[0].ip[3], 3);
    CHECK_EQ(mk_fake_lookups(), 6);
}

TEST(addresses_in_digits_are_read) {
    mk_addr_t out;
    size_t    n;
    mk_fake_reset(1);
    CHECK_EQ(mk_port_resolve("::", &out, 1, &n), MK_OK);
    CHECK_EQ(mk_port_resolve("::1", &out, 1, &n), MK_OK);
    CHECK_EQ(out.ip[15], 1);
    CHECK_EQ(mk_port_resolve("fe80::", &out, 1, &n), MK_OK);
    CHECK_EQ(out.ip[0], 0xfe);
    CHECK_EQ(mk_port_resolve("1:2:3:4:5:6:7:8", &out, 1, &n), MK_OK);
    CHECK_EQ(out.ip[15], 8);
    CHECK_EQ(mk_port_resolve("a:b::c:d", &out, 1, &n), MK_OK);
    CHECK_EQ(out.ip[3], 0x0b);
    CHECK_EQ(out.ip[13], 0x0c);
    static const char *const bad[] = {"1.2.3",         "1.2.3.256",         "1.2.3.4.5", ":",   ":::", "1::2::3",
                                      "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::",   "g::", "1:",  "::1:"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_EQ(mk_port_resolve(bad[i], &out, 1, &n), MK_ERR_NOTFOUND);
}
