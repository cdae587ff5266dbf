/* SPDX-License-Identifier: Apache-2.0 */
/* What a node says of those it was told to be linked with. */
#include "node/cluster_rig.h"

static node_target_t target(unsigned i) {
    node_target_t target;
    CHECK_EQ(node_target_list(rt_of(i), &target, 1), 1);
    return target;
}

TEST(a_target_says_why_it_is_not_linked_and_when_it_is_tried_again) {
    stage(1);
    begin(1), begin(2);
    call(2, 1);
    CHECK_EQ(target(2).state, NODE_TARGET_CONNECTING);
    CHECK_EQ(target(2).error, MK_OK);
    CHECK_STR(target(2).where, "tcp:10.0.0.1:4200");
    run_ms(20000); /* nobody listens there */
    RUN_UNTIL(target(2).state == NODE_TARGET_WAITING, 1000);
    node_target_t waiting = target(2);
    CHECK(waiting.error != MK_OK && !waiting.hopeless);
    CHECK(waiting.why[0] != '\0');
    CHECK_STR(waiting.identity, "");
    CHECK(waiting.wait_ms > 1000 && waiting.wait_ms <= 30000);
    uint64_t tries_ms = now_ms() + waiting.wait_ms;
    mk_fake_advance_us(500000);
    settle();
    CHECK_EQ(target(2).wait_ms, waiting.wait_ms - 500);
    listen_at(1);
    RUN_UNTIL(target(2).state != NODE_TARGET_WAITING, 60000);
    CHECK_EQ(now_ms(), tries_ms);
    RUN_UNTIL(linked(2, 1), 1000);
    CHECK_EQ(target(2).state, NODE_TARGET_LINKED);
    CHECK_EQ(target(2).wait_ms, 0);
    CHECK_EQ(target(2).error, MK_OK);
    CHECK_STR(target(2).why, "");
    CHECK_STR(target(2).identity, "n1");
    end(1);
    run_ms(5000);
    CHECK(target(2).state != NODE_TARGET_LINKED);
    CHECK(target(2).error != MK_OK);
    CHECK_STR(target(2).identity, "n1"); /* once */
    mk_fake_use_host(2);
    CHECK(node_disconnect(rt_of(2), target(2).where));
    CHECK_EQ(node_target_list(rt_of(2), NULL, 0), 0);
    end_all();
}

TEST(a_refusal_is_told_as_one_that_does_not_go_away) {
    stage(2);
    node_config_t twin = {.identity = "n2"};
    begin(1), begin(2), begin_as(3, 0, &twin);
    listen_at(1);
    call(2, 1);
    RUN_UNTIL(both_linked(1, 2), 1000);
    call(3, 1);
    run_ms(12000);
    RUN_UNTIL(target(3).state == NODE_TARGET_WAITING, 1000);
    CHECK(target(3).hopeless);
    CHECK_EQ(target(3).error, MK_ERR_DENIED);
    CHECK(strstr(target(3).why, "a node with this name is linked") != NULL);
    end(2);
    RUN_UNTIL(linked(3, 1), 60000); /* but may */
    CHECK(!target(3).hopeless);
    CHECK_STR(target(3).why, "");
    end_all();
}

TEST(a_target_that_has_called_is_linked_as_well) {
    stage(3);
    begin(1), begin(2);
    listen_at(1), listen_at(2);
    call(1, 2);
    RUN_UNTIL(both_linked(1, 2), 1000);
    call(2, 1);
    run_ms(2000);
    CHECK_EQ(linked_n(2), 1);
    CHECK_EQ(target(1).state, NODE_TARGET_LINKED);
    CHECK_EQ(target(2).state, NODE_TARGET_LINKED);
    CHECK_STR(target(2).identity, "n1");
    end_all();
}

TEST(as_many_targets_are_written_as_there_is_room_for) {
    node_target_t targets[3] = {0};
    stage(4);
    begin(1);
    CHECK_EQ(node_target_list(rt_of(1), targets, 3), 0);
    call(1, 2), call(1, 3), call(1, 4);
    CHECK_EQ(node_target_list(rt_of(1), targets, 2), 3);
    CHECK_STR(targets[0].where, "tcp:10.0.0.4:4200");
    CHECK_STR(targets[1].where, "tcp:10.0.0.3:4200");
    CHECK_STR(targets[2].where, "");
    end_all();
}
