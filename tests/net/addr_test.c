/* SPDX-License-Identifier: Apache-2.0 */
#include "net/net.h"
#include "rig/rig.h"

static void reads_as(const char *text, const char *written) {
    mk_addr_t addr, again;
    char      buf[MK_ADDR_TEXT_BYTES];
    if (!mk_addr_parse(text, 80, &addr)) rig_fail(__FILE__, __LINE__, "%s is an address", text);
    CHECK_EQ(mk_addr_format(&addr, buf, sizeof buf), strlen(written));
    CHECK_STR(buf, written);
    buf[strlen(buf) - 3] = '\0'; /* without its port it can be read again */
    CHECK(mk_addr_parse(buf, 80, &again));
    CHECK(mk_addr_equal(&addr, &again));
}

TEST(addresses_are_read_and_written_as_the_standards_say) {
    reads_as("0.0.0.0", "0.0.0.0:80");
    reads_as("192.0.2.255", "192.0.2.255:80");
    reads_as("::", "[::]:80");
    reads_as("[::1]", "[::1]:80");
    reads_as("1::", "[1::]:80");
    reads_as("2001:DB8::1", "[2001:db8::1]:80");
    reads_as("2001:db8:0:0:0:0:0:1", "[2001:db8::1]:80");
    reads_as("1:2:3:4:5:6:7:8", "[1:2:3:4:5:6:7:8]:80");
    reads_as("1:0:3:4:5:6:7:8", "[1:0:3:4:5:6:7:8]:80"); /* RFC 5952: a single group is not shortened */
    reads_as("1:0:0:4:0:0:0:8", "[1:0:0:4::8]:80");      /* the longest run */
    reads_as("1:0:0:4:5:0:0:8", "[1::4:5:0:0:8]:80");    /* the first of several */
    reads_as("0:0:0:0:0:0:0:1", "[::1]:80");
    reads_as("1:2:3:4:5:6:0:0", "[1:2:3:4:5:6::]:80");
    reads_as("::ffff:192.0.2.1", "[::ffff:c000:201]:80");
    reads_as("1:2:3:4:5:6:7.8.9.10", "[1:2:3:4:5:6:708:90a]:80");
    reads_as("fe80::1%2", "[fe80::1%2]:80");
    reads_as("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295",
             "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:80");
}

TEST(what_is_no_address_is_not_read_as_one) {
    static const char *const wrong[] = {
        "",
        ".",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "1.2.3.",
        "01.2.3.4",
        "1.2.3.04",
        "0x1.2.3.4",
        " 1.2.3.4",
        "1.2.3.4 ",
        "[1.2.3.4]",
        "1.2.3.4%1",
        "localhost",
        ":",
        ":::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:",
        ":1:2:3:4:5:6:7:8",
        "1::2::3",
        "12345::",
        "g::",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4::5:6:7:8",
        "::1.2.3",
        "::1.2.3.4:5",
        "1.2.3.4::",
        "[::1",
        "::1]",
        "[]",
        "::1%",
        "::1%eth0",
        "::1%4294967296",
        "::1%1%2",
        "[::1]:80",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1:",
        "::1:",
        "1:::2",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        mk_addr_t addr = {.port = 7};
        if (mk_addr_parse(wrong[i], 1, &addr)) rig_fail(__FILE__, __LINE__, "%s is no address", wrong[i]);
        CHECK_EQ(addr.port, 7);
    }
}

TEST(addresses_are_compared_by_what_they_mean) {
    mk_addr_t a, b, c;
    CHECK(mk_addr_parse("::1", 1, &a) && mk_addr_parse("0:0::1", 1, &b) && mk_addr_parse("::1", 2, &c));
    CHECK(mk_addr_equal(&a, &b) && !mk_addr_equal(&a, &c));
    CHECK(mk_addr_parse("fe80::1%1", 1, &a) && mk_addr_parse("fe80::1%2", 1, &b));
    CHECK(!mk_addr_equal(&a, &b));
    mk_addr_t x = {.family = MK_FAMILY_UNIX, .path = "/a"}, y = {.family = MK_FAMILY_UNIX, .path = "/b"}, none = {0};
    CHECK(mk_addr_equal(&x, &x) && !mk_addr_equal(&x, &y) && !mk_addr_equal(&x, &none) && mk_addr_equal(&none, &none));
}

TEST(loopback_is_known) {
    static const struct {
        const char *text;
        bool        is;
    } cases[] = {{"127.0.0.1", true},
                 {"127.255.0.9", true},
                 {"128.0.0.1", false},
                 {"::1", true},
                 {"::2", false},
                 {"::", false},
                 {"0.0.0.0", false},
                 {"::ffff:127.0.0.1", true},
                 {"::ffff:10.0.0.1", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mk_addr_t addr;
        CHECK(mk_addr_parse(cases[i].text, 0, &addr));
        CHECK_EQ(mk_addr_is_loopback(&addr), cases[i].is);
    }
    mk_addr_t path = {.family = MK_FAMILY_UNIX, .path = "/x"}, none = {0};
    CHECK(mk_addr_is_loopback(&path) && !mk_addr_is_loopback(&none));
}

TEST(a_path_of_any_length_is_written_whole) {
    mk_addr_t addr = {.family = MK_FAMILY_UNIX};
    char      buf[MK_ADDR_TEXT_BYTES];
    memset(addr.path, 'x', sizeof addr.path - 1);
    CHECK_EQ(mk_addr_format(&addr, buf, sizeof buf), 5 + sizeof addr.path - 1);
    CHECK_EQ(mk_addr_format(&(mk_addr_t){0}, buf, sizeof buf), 7);
}
