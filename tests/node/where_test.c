/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of nodes: one meaning each, or none. And what is remembered of nodes. */
#include "node/where.h"

#include "node/cluster_parts.h"
#include "port/fake/fake.h"
#include "rig/rig.h"

static const char *spelled(const char *text, uint16_t port, bool listens) {
    static char buf[MK_WHERE_TEXT_BYTES];
    mk_where_t  where;
    mk_err_t    err = mk_where_parse(text, port, listens, &where);
    if (err != MK_OK) return mk_err_name(err);
    mk_where_format(&where, buf, sizeof buf);
    return buf;
}

TEST(an_address_has_one_spelling) {
    CHECK_STR(spelled("host:4200", 0, false), "tcp:host:4200");
    CHECK_STR(spelled("tcp:10.0.0.1:1", 0, false), "tcp:10.0.0.1:1");
    CHECK_STR(spelled("udp:host:65535", 0, false), "udp:host:65535");
    CHECK_STR(spelled("[::1]:4200", 0, false), "tcp:[::1]:4200");
    CHECK_STR(spelled("udp:[fe80::1%2]:9", 0, false), "udp:[fe80::1%2]:9");
    CHECK_STR(spelled("unix:/run/mk", 0, false), "unix:/run/mk");
    CHECK_STR(spelled("unix:@mk", 0, true), "unix:@mk");
    CHECK_STR(spelled("host", 4200, false), "tcp:host:4200");
    CHECK_STR(spelled("[::1]", 4200, false), "tcp:[::1]:4200");
    CHECK_STR(spelled("*:0", 0, true), "tcp:*:0");
    CHECK_STR(spelled("*", 4200, true), "tcp:*:4200");
}

TEST(what_is_no_address_is_refused) {
    static const char *const wrong[] = {
        "",          ":",           "host",        "host:",      ":1",
        "host:0",    "host:01",     "host:+1",     "host:65536", "host:99999999999999999999",
        "host:1 ",   " host:1",     "ho st:1",     "host/x:1",   "::1:4200",
        "[::1:4200", "::1]:4200",   "[1.2.3.4]:1", "[x]:1",      "[]:1",
        "*:1",       "a:b:1",       "unix:",       "unix:x",     "unix:/",
        "unix:@",    "tcp:tcp:h:1", "ftp:h:1",     "host:1x"};
    char name[400];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) CHECK_STR(spelled(wrong[i], 0, false), "INVALID");
    memset(name, 'a', sizeof name);
    memcpy(name + 300, ":1", 3);
    CHECK_STR(spelled(name, 0, false), "TOOLONG");
    memcpy(name, "unix:/", 6);
    CHECK_STR(spelled(name, 0, false), "TOOLONG");
}

static bool is_local(const char *text) {
    mk_where_t where;
    CHECK_EQ(mk_where_parse(text, 1, true, &where), MK_OK);
    return mk_where_is_local(&where);
}

TEST(only_what_is_surely_here_is_local) {
    CHECK(is_local("127.0.0.1") && is_local("127.9.9.9") && is_local("[::1]") && is_local("localhost"));
    CHECK(is_local("unix:/x") && is_local("[::ffff:127.0.0.1]"));
    CHECK(!is_local("*") && !is_local("0.0.0.0") && !is_local("[::]") && !is_local("10.0.0.1"));
    CHECK(!is_local("localhost.example") && !is_local("example.org") && !is_local("127.0.0.1.example") &&
          !is_local("127.1"));
}

TEST(where_to_bind_needs_no_name_server) {
    mk_where_t where;
    mk_addr_t  at;
    CHECK_EQ(mk_where_parse("*:7", 0, true, &where), MK_OK);
    CHECK_EQ(mk_where_bind(&where, &at), MK_OK);
    CHECK(at.family == MK_FAMILY_IPV6 && at.port == 7);
    CHECK_EQ(mk_where_parse("localhost:7", 0, true, &where), MK_OK);
    CHECK_EQ(mk_where_bind(&where, &at), MK_OK);
    CHECK(at.family == MK_FAMILY_IPV4 && at.ip[0] == 127);
    CHECK_EQ(mk_where_parse("example.org:7", 0, true, &where), MK_OK);
    CHECK_EQ(mk_where_bind(&where, &at), MK_ERR_INVALID);
}

/* ---- lives ------------------------------------------------------------------------------------------------------------------- */

TEST(later_lives_are_younger_when_the_clock_is_right_and_no_two_are_equal) {
    uint64_t a, b, c, none;
    mk_fake_reset(1);
    mk_fake_set_wall_ms(1700000000000);
    CHECK_EQ(mk_incarnation_new(&a), MK_OK);
    CHECK_EQ(mk_incarnation_new(&b), MK_OK);
    CHECK(a != b);
    mk_fake_set_wall_ms(1700000000001);
    CHECK_EQ(mk_incarnation_new(&c), MK_OK);
    CHECK(c > a && c > b);
    CHECK(mk_incarnation_is_older(a, c) && !mk_incarnation_is_older(c, a) && !mk_incarnation_is_older(a, a));
    mk_fake_set_wall_ms(0); /* a board without a clock */
    CHECK_EQ(mk_incarnation_new(&none), MK_OK);
    CHECK(!mk_incarnation_is_older(none, a) && !mk_incarnation_is_older(a, none));
    mk_fake_fail(MK_FAKE_ENTROPY, 1);
    CHECK(mk_incarnation_new(&a) != MK_OK);
}

TEST(the_life_seen_longest_ago_is_forgotten_first) {
    mk_lives_t lives = {0};
    mk_life_t  life = {.identity = "x"};
    for (unsigned i = 0; i <= MK_LIVES_MAX; i++) {
        life.node = i + 1;
        life.seen_ms = 1000 + (i == 5 ? 0 : i);
        life.lost = 1;
        mk_lives_note(&lives, &life);
    }
    CHECK(mk_lives_find(&lives, 1, "x") == NULL || mk_lives_find(&lives, 6, "x") == NULL);
    CHECK(mk_lives_find(&lives, MK_LIVES_MAX + 1, "x") != NULL);
    life.node = 9;
    mk_lives_note(&lives, &life);
    CHECK_EQ(mk_lives_find(&lives, 9, "x")->lost, 2);
    CHECK(mk_lives_find(&lives, 9, "y") == NULL);
}
