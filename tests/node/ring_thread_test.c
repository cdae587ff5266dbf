/* SPDX-License-Identifier: Apache-2.0 */
/* Two loops on two threads with a ring between them, on the real port; to be run under the thread sanitizer too. A wake-up that is
 * lost shows as a loop that sleeps on: each sleeps for ten seconds at most, and the tests are over long before. */
#include <stdatomic.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "node/channel_rig.h"
#include "node/ring.h"
#include "rig/rig.h"

typedef struct party {
    mk_loop_t    loop;
    node_ring_t *ring;
    int          side;
    end_t        end;
    bool (*over)(struct party *party);
    void (*act)(struct party *party); /* in each round */
    uint32_t goal;
    uint64_t longest_us; /* a round lasted */
} party_t;

static void party_run(void *arg) {
    party_t      *p = arg;
    mk_channel_t *channel;
    CHECK_EQ(mk_loop_init(&p->loop), MK_OK);
    CHECK_EQ(mk_ring_channel_attach(&p->loop, p->ring, p->side, 7, &channel), MK_OK);
    end_take(&p->end, channel);
    while (!p->over(p)) {
        uint64_t before_us = mk_port_now_us();
        if (p->act != NULL) p->act(p);
        mk_loop_run(&p->loop, 10000000);
        uint64_t took_us = mk_port_now_us() - before_us;
        if (took_us > p->longest_us) p->longest_us = took_us;
    }
    end_close(&p->end, true);
    mk_loop_fini(&p->loop);
}

static party_t party[2];

static void run_both(size_t ring_bytes) {
    mk_thread_t *thread;
    node_ring_t *ring = node_ring_create(ring_bytes);
    CHECK(ring != NULL);
    for (int i = 0; i < 2; i++) {
        party[i].ring = mk_ring_retain(ring);
        party[i].side = i;
    }
    node_ring_release(ring);
    CHECK_EQ(mk_thread_start(&thread, party_run, &party[1]), MK_OK);
    party_run(&party[0]);
    mk_thread_join(thread);
    for (int i = 0; i < 2; i++) {
        CHECK(party[i].longest_us < 5000000);
        node_ring_release(ring);
    }
}

/* Keeps some frames in the ring and in the queue, until as many as wanted were sent. */
static void send_some(party_t *p) {
    while (p->end.opens == 1 && p->end.sent < p->goal && p->end.unsent.size == 0)
        for (uint32_t i = 0; i < 64 && p->end.sent < p->goal; i++) end_send(&p->end, 4 + p->end.sent * 37 % 2000);
}

static bool has_seen_all(party_t *p) {
    return p->end.frames == p->goal && p->end.sent == p->goal && p->end.unsent.size == 0;
}

TEST(streams_of_frames_both_ways_lose_nothing_and_no_wake_up) {
    memset(party, 0, sizeof party);
    for (int i = 0; i < 2; i++) {
        party[i].act = send_some;
        party[i].over = has_seen_all;
        party[i].goal = 30000;
    }
    run_both(1);
    for (int i = 0; i < 2; i++) CHECK_EQ(party[i].end.frames, 30000);
}

/* One frame at a time, back and forth: each side has nothing to do until it is woken. */
static void reply(party_t *p) {
    uint32_t owed = p->end.frames + (p->side == 0 ? 1 : 0);
    if (p->end.opens == 1 && p->end.sent < owed && p->end.sent < p->goal) {
        if (p->end.sent % 64 == 0) usleep(100); /* longer than a spin, so the other one sleeps by then */
        end_send(&p->end, 64);
    }
}

TEST(a_ball_that_is_thrown_back_and_forth_is_never_dropped) {
    memset(party, 0, sizeof party);
    for (int i = 0; i < 2; i++) {
        party[i].act = reply;
        party[i].over = has_seen_all;
        party[i].goal = 20000;
    }
    run_both(0);
}

static bool has_closed(party_t *p) { return p->end.closes != 0; }
static bool has_opened(party_t *p) { return p->end.opens != 0; }

TEST(the_end_of_one_side_wakes_the_other) {
    for (int i = 0; i < 200; i++) {
        memset(party, 0, sizeof party);
        party[i % 2].over = has_closed;
        party[1 - i % 2].over = has_opened;
        run_both(1);
        CHECK_EQ(party[i % 2].end.err, MK_ERR_CLOSED);
    }
}

static void sleep_through(void *arg) {
    party_t       *p = arg;
    mk_channel_t  *channel;
    mk_cpu_clock_t clock;
    CHECK_EQ(mk_loop_init(&p->loop), MK_OK);
    CHECK_EQ(mk_ring_channel_attach(&p->loop, p->ring, p->side, 7, &channel), MK_OK);
    end_take(&p->end, channel);
    for (int i = 0; i < 20 && p->end.opens == 0; i++) mk_loop_run(&p->loop, 10000000);
    mk_loop_run(&p->loop, 10000); /* a spin, maybe */
    CHECK_EQ(mk_port_cpu_clock(&clock), MK_OK);
    uint64_t before_us = mk_port_cpu_us(clock), until_us = mk_port_now_us() + 300000;
    while (mk_port_now_us() < until_us) mk_loop_run(&p->loop, (int64_t)(until_us - mk_port_now_us()));
    p->longest_us = mk_port_cpu_us(clock) - before_us;
    end_close(&p->end, true);
    mk_loop_fini(&p->loop);
}

TEST(two_idle_sides_use_no_processor) {
    mk_thread_t *thread;
    node_ring_t *ring = node_ring_create(0);
    memset(party, 0, sizeof party);
    for (int i = 0; i < 2; i++) {
        party[i].ring = ring;
        party[i].side = i;
    }
    CHECK_EQ(mk_thread_start(&thread, sleep_through, &party[1]), MK_OK);
    sleep_through(&party[0]);
    mk_thread_join(thread);
    node_ring_release(ring);
    for (int i = 0; i < 2; i++) CHECK(party[i].longest_us < 15000); /* of 300,000 */
}
