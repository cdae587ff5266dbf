/* SPDX-License-Identifier: Apache-2.0 */
/* Two loops of one thread with a ring between them. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "node/channel_rig.h"
#include "node/ring.h"
#include "port/fake/fake.h"
#include "rig/oom.h"
#include "rig/rig.h"

static mk_loop_t loop[2];
static end_t     end[2];

static void open_pair(size_t bytes) {
    mk_fake_reset(1);
    mk_fake_hold_time(true);
    node_ring_t *ring = node_ring_create(bytes);
    CHECK(ring != NULL);
    for (int i = 0; i < 2; i++) {
        mk_channel_t *channel;
        CHECK_EQ(mk_loop_init(&loop[i]), MK_OK);
        CHECK_EQ(mk_ring_channel_attach(&loop[i], ring, i, 7, &channel), MK_OK);
        end_take(&end[i], channel);
    }
    node_ring_release(ring);
}

/* Both loops go round until neither has anything to do. */
static void run(void) {
    for (int i = 0; i < 200; i++)
        for (int side = 0; side < 2; side++) mk_loop_run(&loop[side], 1000);
}

static void close_pair(void) {
    for (int i = 0; i < 2; i++) {
        end_close(&end[i], false);
        mk_loop_fini(&loop[i]);
    }
    mk_fake_hold_time(false);
}

TEST(both_sides_open_and_know_what_they_are) {
    open_pair(0);
    CHECK_EQ(end[0].opens, 0);
    run();
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(end[i].opens, 1);
        CHECK_EQ(end[i].channel->dialled, i == 0);
        CHECK_EQ(end[i].channel->may, 7);
        CHECK(!end[i].channel->encrypted);
        CHECK(!end[i].channel->datagrams);
        CHECK_STR(end[i].channel->where, "ring");
    }
    close_pair();
}

TEST(a_side_that_is_alone_waits_for_the_other) {
    mk_channel_t *channel;
    mk_fake_reset(1);
    node_ring_t *ring = node_ring_create(0);
    CHECK_EQ(mk_loop_init(&loop[0]), MK_OK);
    CHECK_EQ(mk_loop_init(&loop[1]), MK_OK);
    CHECK_EQ(mk_ring_channel_attach(&loop[0], ring, 0, 7, &channel), MK_OK);
    end_take(&end[0], channel);
    mk_loop_run(&loop[0], 1000);
    CHECK_EQ(end[0].opens, 0);
    CHECK_EQ(mk_ring_channel_attach(&loop[0], ring, 0, 7, &channel), MK_ERR_EXISTS);
    CHECK_EQ(mk_ring_channel_attach(&loop[0], ring, 2, 7, &channel), MK_ERR_INVALID);
    CHECK_EQ(mk_ring_channel_attach(&loop[1], ring, 1, 7, &channel), MK_OK);
    end_take(&end[1], channel);
    mk_loop_run(&loop[0], 1000);
    CHECK_EQ(end[0].opens, 1);
    node_ring_release(ring);
    close_pair();
}

TEST(frames_go_both_ways_whole_and_in_order) {
    open_pair(0);
    run();
    for (uint32_t i = 0; i < 200; i++)
        for (int side = 0; side < 2; side++) end_send(&end[side], 4 + (i * 997) % 65532);
    for (int i = 0; i < 30; i++) run();
    for (int side = 0; side < 2; side++) {
        CHECK_EQ(end[side].unsent.size, 0);
        CHECK_EQ(end[side].frames, 200);
    }
    close_pair();
}

TEST(a_full_ring_takes_whole_frames_and_says_when_there_is_room) {
    open_pair(1);
    run();
    for (int i = 0; i < 1000; i++) end_send(&end[0], 1000);
    CHECK(end[0].unsent.size != 0);
    CHECK_EQ(end[0].unsent.size % 1000, 0);
    run();
    CHECK(end[0].rooms != 0);
    CHECK_EQ(end[0].unsent.size, 0);
    CHECK_EQ(end[1].frames, 1000);
    close_pair();
}

TEST(what_was_written_before_the_end_is_read_before_the_end) {
    open_pair(0);
    run();
    for (int i = 0; i < 500; i++) end_send(&end[0], 1000);
    end_close(&end[0], true);
    mk_loop_run(&loop[1], 1000);
    CHECK_EQ(end[1].closes, 0);
    for (int i = 0; i < 100; i++) mk_loop_run(&loop[1], 1000);
    CHECK_EQ(end[1].frames, 500);
    CHECK_EQ(end[1].closes, 1);
    CHECK_EQ(end[1].err, MK_ERR_CLOSED);
    close_pair();
}

TEST(a_side_whose_other_ended_before_it_came_is_told) {
    mk_channel_t *channel;
    mk_fake_reset(1);
    node_ring_t *ring = node_ring_create(0);
    for (int i = 0; i < 2; i++) CHECK_EQ(mk_loop_init(&loop[i]), MK_OK);
    CHECK_EQ(mk_ring_channel_attach(&loop[0], ring, 0, 7, &channel), MK_OK);
    end_take(&end[0], channel);
    end_close(&end[0], false);
    CHECK_EQ(mk_ring_channel_attach(&loop[1], ring, 1, 7, &channel), MK_OK);
    end_take(&end[1], channel);
    mk_loop_run(&loop[1], 1000);
    CHECK_EQ(end[1].opens, 0);
    CHECK_EQ(end[1].closes, 1);
    node_ring_release(ring);
    close_pair();
}

/* In each of its calls the user closes the channel. */
TEST(a_channel_may_be_closed_inside_of_each_call) {
    for (int moment = IN_OPEN; moment <= IN_CLOSED; moment++) {
        open_pair(1);
        end[1].closes_in = (end_moment_t)moment;
        if (moment == IN_CLOSED) {
            run();
            end_close(&end[0], false);
        }
        if (moment == IN_ROOM) {
            run();
            for (int i = 0; i < 1000; i++) end_send(&end[1], 1000);
        }
        if (moment == IN_BYTES) {
            run();
            end_send(&end[0], 100);
        }
        run();
        CHECK(end[1].channel == NULL);
        close_pair();
    }
}

TEST(a_channel_without_memory_is_none_and_the_ring_is_as_before) {
    for (unsigned n = 1;; n++) {
        mk_channel_t *channel;
        node_ring_t  *ring = node_ring_create(0);
        mk_fake_reset(1);
        CHECK_EQ(mk_loop_init(&loop[0]), MK_OK);
        oom_arm(n);
        mk_err_t err = mk_ring_channel_attach(&loop[0], ring, 0, 7, &channel);
        bool     reached = oom_disarm();
        CHECK_EQ(err, reached ? MK_ERR_NOMEM : MK_OK);
        if (reached) CHECK_EQ(mk_ring_channel_attach(&loop[0], ring, 0, 7, &channel), MK_OK);
        channel->ops->close(channel, false);
        node_ring_release(ring);
        mk_loop_fini(&loop[0]);
        if (!reached) break;
    }
}

TEST(an_idle_ring_neither_spins_nor_wakes) {
    open_pair(0);
    run();
    mk_fake_hold_time(false);
    uint64_t waits = mk_fake_waits();
    uint64_t waited_us = mk_fake_waited_us();
    for (int i = 0; i < 100; i++) mk_loop_run(&loop[0], 10000);
    CHECK_EQ(mk_fake_waits() - waits, 100);
    CHECK_EQ(mk_fake_waited_us() - waited_us, 1000000);
    close_pair();
}
