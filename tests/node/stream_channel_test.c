/* SPDX-License-Identifier: Apache-2.0 */
/* Frames over streams of the fake network: whole in whatever pieces they come, and every end is noticed. */
#include "base/assert.h"
#include "base/mem.h"
#include "node/channel_rig.h"
#include "port/fake/fake.h"
#include "port/fake/fake_net.h"
#include "rig/oom.h"
#include "rig/random.h"

static mk_loop_t                   loop;
static mk_net_t                   *net;
static mk_listener_t               door;
static end_t                       end[2]; /* who calls, who is called */
static mk_stream_channel_options_t called;
static end_moment_t                called_closes_in;

#define RUN_UNTIL(cond)                                                                     \
    do {                                                                                    \
        for (int rig_i = 0; rig_i < 200000 && !(cond); rig_i++) mk_loop_run(&loop, 100000); \
        CHECK(cond);                                                                        \
    } while (0)

static void open_net(void) {
    CHECK_EQ(mk_loop_init(&loop), MK_OK);
    CHECK_EQ(mk_net_create(&loop, &net), MK_OK);
}

static void close_net(void) {
    mk_net_destroy(net);
    mk_loop_fini(&loop);
}

static mk_addr_t loopback(uint16_t port) { return mk_fake_addr("127.0.0.1", port); }

static void on_accept(mk_listener_t *listener, int fd, const mk_addr_t *from) {
    mk_channel_t *channel;
    (void)listener, (void)from;
    if (mk_stream_channel_accept(net, fd, &called, &channel) != MK_OK) return;
    end_take(&end[1], channel);
    end[1].closes_in = called_closes_in;
}

static void dial(const mk_addr_t *at) {
    mk_stream_channel_options_t options = {.host = "127.0.0.1", .port = at->port, .may = 3};
    mk_channel_t               *channel;
    if (at->family == MK_FAMILY_UNIX) options = (mk_stream_channel_options_t){.path = at->path, .may = 3};
    CHECK_EQ(mk_stream_channel_dial(net, &options, &channel), MK_OK);
    end_take(&end[0], channel);
}

static void open_door(const mk_addr_t *at) {
    mk_fake_reset(1);
    mk_fake_net(&(mk_fake_net_t){0});
    memset(end, 0, sizeof end);
    open_net();
    called = (mk_stream_channel_options_t){.may = 7, .path = at->family == MK_FAMILY_UNIX ? at->path : NULL};
    CHECK_EQ(mk_listener_open(net, &door, at, on_accept), MK_OK);
}

static void open_pair_at(const mk_addr_t *at) {
    open_door(at);
    dial(&door.at);
    RUN_UNTIL(end[0].opens == 1 && end[1].opens == 1);
}

static void open_pair(void) {
    mk_addr_t at = loopback(0);
    open_pair_at(&at);
}

static void close_all(void) {
    end_close(&end[0], false);
    end_close(&end[1], false);
    mk_listener_close(&door);
    close_net();
    CHECK_EQ(mk_fake_sockets(), 0);
}

static void rounds(int n) {
    for (int i = 0; i < n; i++) mk_loop_run(&loop, 1000);
}

TEST(both_ends_open_and_know_what_they_are) {
    open_pair();
    char where[64];
    snprintf(where, sizeof where, "tcp:127.0.0.1:%u", door.at.port);
    CHECK_STR(end[0].channel->where, where);
    CHECK(strncmp(end[1].channel->where, "tcp:127.0.0.1:", 14) == 0);
    CHECK(end[0].channel->dialled && !end[1].channel->dialled);
    CHECK_EQ(end[0].channel->may, 3);
    CHECK_EQ(end[1].channel->may, 7);
    CHECK(!end[0].channel->encrypted && !end[0].channel->datagrams);
    CHECK_STR(end[0].channel->proved, "");
    close_all();
    mk_addr_t at = mk_fake_addr("/run/node", 0);
    open_pair_at(&at);
    CHECK_STR(end[0].channel->where, "unix:/run/node");
    CHECK_STR(end[1].channel->where, "unix:/run/node");
    close_all();
}

TEST(a_channel_opens_in_a_later_round_and_hears_nothing_before) {
    mk_addr_t at = loopback(0);
    open_door(&at);
    dial(&door.at);
    mk_loop_run(&loop, 0);
    RUN_UNTIL(end[0].opens == 1);
    end_send(&end[0], 100); /* may be there before the other end has opened: see end_on_bytes() */
    RUN_UNTIL(end[1].frames == 1);
    close_all();
}

/* Every piece may be cut anywhere, and the peer reads slowly. */
TEST(frames_arrive_whole_whatever_the_network_makes_of_them) {
    static const mk_fake_net_t nets[] = {{0},
                                         {.read_max = 1},
                                         {.read_max = 7, .write_max = 3},
                                         {.write_max = 1000},
                                         {.stream_bytes = 300, .read_max = 100}};
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        rig_random_t random = {i + 1};
        open_pair();
        mk_fake_net(&nets[i]);
        for (int k = 0; k < 100; k++)
            for (int side = 0; side < 2; side++)
                end_send(&end[side], 4 + rig_random_below(&random, k % 20 == 0 ? 3000 : 100));
        RUN_UNTIL(end[0].frames == 100 && end[1].frames == 100);
        close_all();
    }
}

TEST(the_longest_frames_pass) {
    open_pair();
    for (int i = 0; i < 20; i++) end_send(&end[0], 65535);
    RUN_UNTIL(end[1].frames == 20);
    close_all();
}

TEST(a_peer_that_does_not_read_makes_a_short_queue_and_room_is_told_when_it_does) {
    mk_addr_t at = loopback(0);
    open_pair_at(&at);
    mk_fake_link(&(mk_addr_t){0}, &(mk_addr_t){0}, &(mk_fake_link_t){.cut = true});
    for (int i = 0; i < 1000; i++) {
        end_send(&end[0], 1000);
        if (end[0].unsent.size != 0) rounds(3);
    }
    CHECK_EQ(end[0].unsent.size % 1000, 0);                       /* whole frames only */
    CHECK(1000000 - end[0].unsent.size <= (128 + 64 + 1) * 1024); /* of them 64 KiB in the fake system's buffer */
    unsigned rooms = end[0].rooms;
    rounds(20);
    CHECK_EQ(end[0].rooms, rooms);
    mk_fake_link(&(mk_addr_t){0}, &(mk_addr_t){0}, &(mk_fake_link_t){0});
    RUN_UNTIL(end[0].unsent.size == 0 && end[1].frames == end[0].sent);
    CHECK(end[0].rooms > rooms);
    close_all();
}

TEST(the_end_of_an_idle_stream_is_noticed_at_once_and_without_spinning) {
    for (int side = 0; side < 2; side++) {
        open_pair();
        rounds(5);
        uint64_t before_us = mk_port_now_us();
        end_close(&end[1 - side], false);
        mk_loop_run(&loop, 1000000);
        CHECK_EQ(end[side].closes, 1);
        CHECK_EQ(end[side].err, MK_ERR_CLOSED);
        CHECK_EQ(mk_port_now_us(), before_us);
        rounds(2);
        uint64_t waits = mk_fake_waits();
        uint64_t waited_us = mk_fake_waited_us();
        for (int i = 0; i < 10; i++) mk_loop_run(&loop, 10000); /* the user takes its time to close */
        CHECK_EQ(mk_fake_waits() - waits, 10);
        CHECK_EQ(mk_fake_waited_us() - waited_us, 100000);
        close_all();
    }
}

TEST(half_a_frame_and_the_end_is_the_end) {
    open_pair();
    uint8_t half[50] = {100, 0};
    CHECK_EQ(end[0].channel->ops->write(end[0].channel, half, sizeof half), sizeof half);
    end_close(&end[0], true);
    RUN_UNTIL(end[1].closes == 1);
    CHECK_EQ(end[1].frames, 0);
    CHECK_EQ(end[1].err, MK_ERR_CLOSED);
    close_all();
}

TEST(a_reset_is_told_with_a_reason) {
    open_pair();
    mk_addr_t at = door.at;
    int       fd = mk_fake_find(&at, &(mk_addr_t){0});
    CHECK(fd >= 0);
    mk_fake_break(fd);
    RUN_UNTIL(end[0].closes == 1 && end[1].closes == 1);
    CHECK_EQ(end[0].err, MK_ERR_IO);
    CHECK(end[0].why[0] != '\0');
    close_all();
}

TEST(nobody_at_the_door_is_told_after_the_call) {
    mk_addr_t at = loopback(0);
    open_door(&at);
    mk_listener_close(&door);
    dial(&door.at);
    CHECK_EQ(end[0].closes, 0);
    RUN_UNTIL(end[0].closes == 1);
    CHECK_EQ(end[0].opens, 0);
    CHECK_EQ(end[0].err, MK_ERR_IO);
    close_all();
}

TEST(a_peer_that_is_not_there_is_given_up_within_seconds) {
    mk_addr_t at = loopback(0);
    open_door(&at);
    mk_fake_link(&(mk_addr_t){0}, &(mk_addr_t){0}, &(mk_fake_link_t){.cut = true});
    uint64_t before_us = mk_port_now_us();
    dial(&door.at);
    RUN_UNTIL(end[0].closes == 1);
    CHECK_EQ(end[0].err, MK_ERR_TIMEOUT);
    CHECK(mk_port_now_us() - before_us <= 6000000);
    close_all();
}

TEST(what_was_written_before_an_orderly_end_arrives) {
    open_pair();
    for (int i = 0; i < 10; i++) end_send(&end[0], 10000);
    CHECK_EQ(end[0].unsent.size, 0);
    end_close(&end[0], true);
    RUN_UNTIL(end[1].closes == 1);
    CHECK_EQ(end[1].frames, 10);
    close_all();
}

TEST(an_orderly_end_waits_a_second_for_a_peer_that_does_not_read_and_no_longer) {
    open_pair();
    mk_fake_link(&(mk_addr_t){0}, &(mk_addr_t){0}, &(mk_fake_link_t){.cut = true});
    for (int i = 0; i < 100; i++) end_send(&end[0], 1000);
    uint64_t before_us = mk_port_now_us();
    unsigned sockets = mk_fake_sockets();
    end_close(&end[0], true);
    CHECK_EQ(mk_fake_sockets(), sockets);
    for (int i = 0; i < 2000 && mk_fake_sockets() == sockets; i++) mk_loop_run(&loop, 10000);
    CHECK_EQ(mk_fake_sockets(), sockets - 1);
    CHECK(mk_port_now_us() - before_us >= 1000000 && mk_port_now_us() - before_us <= 1100000);
    close_all();
}

TEST(what_lingers_is_freed_with_the_net) {
    open_pair();
    mk_fake_link(&(mk_addr_t){0}, &(mk_addr_t){0}, &(mk_fake_link_t){.cut = true});
    for (int i = 0; i < 100; i++) end_send(&end[0], 1000);
    end_close(&end[0], true);
    close_all(); /* the leak check says more */
}

TEST(a_channel_may_be_closed_inside_of_each_call) {
    for (int moment = IN_OPEN; moment <= IN_CLOSED; moment++)
        for (int side = 0; side < 2; side++) {
            mk_addr_t at = loopback(0);
            open_door(&at);
            dial(&door.at);
            if (side == 1) called_closes_in = (end_moment_t)moment;
            else end[0].closes_in = (end_moment_t)moment;
            rounds(10);
            called_closes_in = IN_NONE;
            if (moment == IN_BYTES)
                for (int i = 0; i < 3; i++) end_send(&end[1 - side], 100);
            if (moment == IN_ROOM)
                for (int i = 0; i < 1000; i++) end_send(&end[side], 1000);
            if (moment == IN_CLOSED) end_close(&end[1 - side], false);
            rounds(100);
            CHECK(end[side].channel == NULL);
            if (moment != IN_CLOSED) CHECK_EQ(end[1 - side].closes, 1);
            close_all();
        }
}

TEST(whatever_allocation_fails_nothing_hangs_and_nothing_leaks) {
    for (unsigned n = 1;; n++) {
        mk_addr_t     at = loopback(0);
        mk_channel_t *channel;
        open_door(&at);
        mk_stream_channel_options_t options = {.host = "127.0.0.1", .port = door.at.port, .may = 3};
        oom_arm(n);
        mk_err_t err = mk_stream_channel_dial(net, &options, &channel);
        if (err == MK_OK) end_take(&end[0], channel);
        uint8_t frame[4] = {4};
        for (int i = 0; i < 200; i++) {
            mk_loop_run(&loop, 100);
            if (end[0].channel != NULL && end[0].opens == 1 && end[0].closes == 0 && i < 50)
                (void)end[0].channel->ops->write(end[0].channel, frame, sizeof frame);
        }
        bool reached = oom_disarm();
        if (err != MK_OK) CHECK(reached);
        if (end[0].closes != 0) CHECK(reached);
        if (!reached) CHECK(end[1].opens == 1 && end[1].offered != 0);
        close_all();
        if (!reached) break;
    }
}
