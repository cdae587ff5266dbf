/* SPDX-License-Identifier: Apache-2.0 */
/* Who this node is: asked once in a program's life, so this is a program of its own. */
#include <stdlib.h>

#include "ns/stage.h"

TEST(an_identity_is_made_of_what_there_is) {
#ifdef _GNU_SOURCE /* where there is an environment to set */
    CHECK_EQ(setenv("MK_NODE_NAME", "Pump room #3 (north-east wing, cellar)", 1), 0);
    CHECK_STR(mk_node_identity(), "Pump-room--3--north-east-wing--");
    CHECK_EQ(setenv("MK_NODE_NAME", "other", 1), 0); /* too late */
    CHECK_STR(mk_node_identity(), "Pump-room--3--north-east-wing--");
    node_id_t made = mk_node_id();
    CHECK(made != 0);
    static const struct {
        const char *text;
        node_id_t   id;
    } cases[] = {{"7", 7},
                 {"4294967295", UINT32_MAX},
                 {"4294967296", 0},
                 {"99999999999999999999", 0},
                 {"0", 0},
                 {"-1", 0},
                 {"7x", 0},
                 {" 7", 0},
                 {"", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_EQ(setenv("MK_NODE_ID", cases[i].text, 1), 0);
        CHECK_EQ(mk_node_id(), cases[i].id != 0 ? cases[i].id : made);
    }
    CHECK_EQ(unsetenv("MK_NODE_ID"), 0);
#endif
    CHECK(mk_node_id() != 0);
    curtain_up(NULL);
    ns = mk_ns_of(rt);
    CHECK_STR(mk_ns_identity(ns), mk_node_identity());
    curtain_down();
}

TEST(not_every_word_is_an_identity) {
    static const char *const good[] = {"a", "A.b-c_9", "0123456789012345678901234567890", "localhost", "9"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) CHECK(mk_ns_is_identity(good[i]));
    static const char *const bad[] = {"", "-", "..", "a/b", "a b", "ai", "local", "01234567890123456789012345678901"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(!mk_ns_is_identity(bad[i]));
}
