/* SPDX-License-Identifier: Apache-2.0 */
#include "port/fake/fake.h"

#include "port/fake/fake_net.h"
#include "port/port.h"
#include "rig/oom.h"
#include "rig/rig.h"

TEST(time_stands_still_until_it_is_told_to_go_on) {
    mk_fake_reset(1);
    uint64_t us = mk_port_now_us(), wall = mk_port_wall_ms();
    CHECK_EQ(mk_port_now_us(), us);
    mk_fake_advance_us(2500);
    CHECK_EQ(mk_port_now_us() - us, 2500);
    CHECK_EQ(mk_port_wall_ms() - wall, 2);
    mk_fake_advance_us(500); /* halves add up */
    CHECK_EQ(mk_port_wall_ms() - wall, 3);
}

TEST(the_wall_clock_may_jump_and_the_other_does_not_notice) {
    mk_fake_reset(1);
    uint64_t us = mk_port_now_us();
    mk_fake_set_wall_ms(5);
    CHECK_EQ(mk_port_wall_ms(), 5);
    CHECK_EQ(mk_port_now_us(), us);
}

TEST(each_host_has_a_wall_clock_of_its_own) {
    mk_fake_reset(1);
    uint64_t wall = mk_port_wall_ms();
    mk_fake_skew_wall(3, -1000);
    CHECK_EQ(mk_port_wall_ms(), wall);
    mk_fake_use_host(3);
    CHECK_EQ(mk_port_wall_ms(), wall - 1000);
    mk_fake_reset(1);
    mk_fake_use_host(3);
    CHECK_EQ(mk_port_wall_ms(), wall);
    mk_fake_use_host(0);
}

TEST(a_loop_that_has_work_left_shows) {
    mk_poller_t    *poller;
    mk_poll_event_t event;
    mk_fake_reset(1);
    mk_fake_hold_time(true);
    CHECK_EQ(mk_poller_create(&poller), MK_OK);
    CHECK_EQ(mk_poller_wait(poller, &event, 1, 1000), 0);
    CHECK(mk_fake_slept());
    CHECK(!mk_fake_slept()); /* a loop that did not come to its wait has work left as well */
    CHECK_EQ(mk_poller_wait(poller, &event, 1, 0), 0);
    CHECK(!mk_fake_slept());
    mk_poller_wake(poller);
    CHECK_EQ(mk_poller_wait(poller, &event, 1, 1000), 0);
    CHECK(!mk_fake_slept());
    mk_poller_destroy(poller);
    mk_fake_hold_time(false);
}

TEST(the_same_seed_gives_the_same_bytes) {
    uint8_t a[32], b[32], c[32];
    mk_fake_reset(7);
    CHECK_EQ(mk_port_entropy(a, sizeof a), MK_OK);
    mk_fake_reset(7);
    CHECK_EQ(mk_port_entropy(b, sizeof b), MK_OK);
    mk_fake_reset(8);
    CHECK_EQ(mk_port_entropy(c, sizeof c), MK_OK);
    CHECK(memcmp(a, b, sizeof a) == 0);
    CHECK(memcmp(a, c, sizeof a) != 0);
}

TEST(calls_fail_as_often_as_they_were_told_to) {
    uint8_t byte;
    mk_fake_reset(1);
    mk_fake_fail(MK_FAKE_ENTROPY, 2);
    CHECK(mk_port_entropy(&byte, 1) != MK_OK);
    CHECK(mk_port_entropy(&byte, 1) != MK_OK);
    CHECK_EQ(mk_port_entropy(&byte, 1), MK_OK);
}

TEST(what_is_ready_is_reported_with_its_tag_and_at_most_as_many_as_asked) {
    mk_poller_t    *poller;
    mk_poll_event_t event[4];
    int             tag[4];
    mk_fake_reset(1);
    CHECK_EQ(mk_poller_create(&poller), MK_OK);
    for (int fd = 0; fd < 4; fd++) {
        CHECK_EQ(mk_poller_set(poller, fd, MK_POLL_IN, &tag[fd]), MK_OK);
        mk_fake_set_ready(fd, MK_POLL_IN | MK_POLL_OUT);
    }
    CHECK_EQ(mk_poller_wait(poller, event, 2, 1000), 2);
    CHECK(event[0].tag == &tag[0] && event[1].tag == &tag[1]);
    CHECK_EQ(mk_poller_wait(poller, event, 4, 1000), 4);
    for (int i = 0; i < 4; i++) {
        CHECK(event[i].tag == &tag[(i + 2) % 4]); /* who was reported is last the next time */
        CHECK_EQ(event[i].events, MK_POLL_IN);
    }
    mk_poller_remove(poller, 2);
    CHECK_EQ(mk_poller_wait(poller, event, 4, 1000), 3);
    CHECK_EQ(mk_fake_waited_us(), 0);
    CHECK_EQ(mk_fake_waits(), 3);
    mk_poller_destroy(poller);
}

TEST(waiting_moves_the_clock) {
    mk_poller_t    *poller;
    mk_poll_event_t event;
    mk_fake_reset(1);
    CHECK_EQ(mk_poller_create(&poller), MK_OK);
    uint64_t us = mk_port_now_us();
    CHECK_EQ(mk_poller_wait(poller, &event, 1, 1234), 0);
    CHECK_EQ(mk_port_now_us() - us, 1234);
    mk_poller_wake(poller);
    CHECK_EQ(mk_poller_wait(poller, &event, 1, -1), 0);
    CHECK_EQ(mk_port_now_us() - us, 1234);
    mk_poller_destroy(poller);
}

TEST(there_are_no_threads_but_locks_cost_nothing) {
    mk_thread_t *thread = NULL;
    mk_mutex_t  *mutex;
    mk_cond_t   *cond;
    CHECK_EQ(mk_thread_start(&thread, NULL, NULL), MK_ERR_NOSYS);
    CHECK_EQ(mk_mutex_create(&mutex), MK_OK);
    CHECK_EQ(mk_cond_create(&cond), MK_OK);
    mk_mutex_lock(mutex);
    mk_cond_signal(cond);
    mk_cond_wait(cond, mutex, -1);
    mk_mutex_unlock(mutex);
    mk_cond_destroy(cond);
    mk_mutex_destroy(mutex);
}

TEST(without_memory_nothing_is_made) {
    mk_poller_t *poller = NULL;
    mk_mutex_t  *mutex = NULL;
    mk_cond_t   *cond = NULL;
    oom_arm_all();
    mk_err_t a = mk_poller_create(&poller), b = mk_mutex_create(&mutex), c = mk_cond_create(&cond);
    oom_disarm();
    CHECK_EQ(a, MK_ERR_NOMEM);
    CHECK_EQ(b, MK_ERR_NOMEM);
    CHECK_EQ(c, MK_ERR_NOMEM);
}
