/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in QEMU: the clock and the sleep are the machine's own. */
#include "base/mem.h"
#include "port/port.h"
#include "rig/rig.h"

enum { WAIT_US = 20000 };

static mk_poller_t *open_poller(void) {
    mk_poller_t *poller = NULL;
    CHECK_EQ(mk_poller_create(&poller), MK_OK);
    return poller;
}

TEST(the_clock_moves_and_never_goes_back) {
    uint64_t last = mk_port_now_us();
    uint64_t first = last;
    for (int i = 0; i < 10000; i++) {
        uint64_t now = mk_port_now_us();
        CHECK(now >= last);
        last = now;
    }
    CHECK(last > first);
}

TEST(the_date_is_of_this_century) { CHECK(mk_port_wall_ms() > 1700000000000u); }

TEST(a_wait_ends_after_its_time_and_not_before) {
    mk_poller_t    *poller = open_poller();
    mk_poll_event_t event;
    uint64_t        start = mk_port_now_us();
    CHECK_EQ(mk_poller_wait(poller, &event, 1, WAIT_US), 0);
    CHECK(mk_port_now_us() - start >= WAIT_US);
    mk_poller_destroy(poller);
}

TEST(a_wait_of_nothing_returns_at_once) {
    mk_poller_t    *poller = open_poller();
    mk_poll_event_t event;
    CHECK_EQ(mk_poller_wait(poller, &event, 1, 0), 0);
    mk_poller_destroy(poller);
}

TEST(a_wake_up_ends_a_wait_without_limit_once) {
    mk_poller_t    *poller = open_poller();
    mk_poll_event_t event;
    mk_poller_wake(poller);
    CHECK_EQ(mk_poller_wait(poller, &event, 1, -1), 0);
    uint64_t start = mk_port_now_us();
    CHECK_EQ(mk_poller_wait(poller, &event, 1, WAIT_US), 0);
    CHECK(mk_port_now_us() - start >= WAIT_US);
    mk_poller_destroy(poller);
}

TEST(what_the_machine_lacks_says_so) {
    mk_poller_t *poller = open_poller();
    mk_thread_t *thread = NULL;
    uint8_t      byte = 0, *data = NULL;
    size_t       size = 0;
    CHECK_EQ(mk_port_entropy(&byte, 1), MK_ERR_NOSYS);
    CHECK_EQ(mk_poller_set(poller, 0, MK_POLL_IN, NULL), MK_ERR_NOSYS);
    CHECK_EQ(mk_thread_start(&thread, NULL, NULL), MK_ERR_NOSYS);
    CHECK_EQ(mk_port_read_file(NULL, "any", 1, &data, &size), MK_ERR_NOSYS);
    CHECK(data == NULL);
    mk_poller_destroy(poller);
}

TEST(a_lock_is_always_free) {
    mk_mutex_t *mutex = NULL;
    CHECK_EQ(mk_mutex_create(&mutex), MK_OK);
    mk_mutex_lock(mutex);
    mk_mutex_lock(mutex);
    mk_mutex_unlock(mutex);
    mk_mutex_destroy(mutex);
}

TEST(a_board_has_no_name_but_memory) {
    char     name[16];
    uint64_t before = mk_port_free_bytes();
    CHECK_EQ(mk_port_host_name(name, sizeof name), MK_ERR_NOTFOUND);
    void *block = mk_alloc(4096);
    CHECK(before > 4096 && mk_port_free_bytes() <= before - 4096);
    mk_free(block);
    CHECK(mk_port_free_bytes() > before - 4096);
}
