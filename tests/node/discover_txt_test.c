/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "node/discover.h"
#include "rig/rig.h"

static discovery_payload_t read(const char *text) {
    discovery_payload_t node = {0};
    mk_discover_take_txt(&node, (const uint8_t *)text, strlen(text));
    return node;
}

TEST(an_identity_is_1_to_31_harmless_characters) {
    CHECK(mk_discover_identity_ok("gateway"));
    CHECK(mk_discover_identity_ok("Board-7.lab_2"));
    CHECK(mk_discover_identity_ok("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
    CHECK(!mk_discover_identity_ok("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
    CHECK(!mk_discover_identity_ok(""));
    CHECK(!mk_discover_identity_ok("a/b"));
    CHECK(!mk_discover_identity_ok("a b"));
    CHECK(!mk_discover_identity_ok("\x1b[2J"));
}

TEST(the_number_and_the_version_are_read_whatever_the_case_of_their_keys) {
    CHECK_EQ(read("id=4711").node, 4711u);
    CHECK_EQ(read("ID=4294967295").node, UINT32_MAX);
    CHECK_STR(read("version=0.1.0+git").version, "0.1.0+git");
    CHECK_STR(read("Version=1").version, "1");
}

TEST(what_cannot_be_is_as_if_it_had_not_been_said) {
    CHECK_EQ(read("id=4294967296").node, 0u);
    CHECK_EQ(read("id=99999999999999999999999999").node, 0u);
    CHECK_EQ(read("id=-1").node, 0u);
    CHECK_EQ(read("id").node, 0u);
    CHECK_EQ(read("idx=1").node, 0u);
    CHECK_EQ(read("").node, 0u);
    CHECK_STR(read("version=\x1b[31m").version, "");
    CHECK_STR(read("version=0123456789012345678901234").version, "");
    CHECK_STR(read("version=").version, "");
}
