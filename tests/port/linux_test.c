/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "port/port.h"
#include "rig/oom.h"
#include "rig/rig.h"

static mk_poller_t *open_poller(void) {
    mk_poller_t *poller = NULL;
    CHECK_EQ(mk_poller_create(&poller), MK_OK);
    return poller;
}

/* ---- clock and entropy ---- */

TEST(the_clock_moves_and_never_goes_back) {
    uint64_t last = mk_port_now_us(), first = last;
    while (last - first < 2000) {
        uint64_t now = mk_port_now_us();
        CHECK(now >= last);
        last = now;
    }
    CHECK(mk_port_wall_ms() > 1700000000000u);
}

TEST(entropy_fills_what_it_was_given_and_is_not_the_same_twice) {
    uint8_t a[600] = {0}, b[600] = {0};
    CHECK_EQ(mk_port_entropy(a, sizeof a), MK_OK);
    CHECK_EQ(mk_port_entropy(b, sizeof b), MK_OK);
    CHECK(memcmp(a, b, sizeof a) != 0);
    int zeros = 0;
    for (size_t i = 0; i < sizeof a; i++) zeros += a[i] == 0;
    CHECK(zeros < 40);
    CHECK_EQ(mk_port_entropy(a, 0), MK_OK);
}

/* ---- poller ---- */

TEST(a_pipe_is_ready_when_there_is_something_in_it) {
    mk_poller_t    *poller = open_poller();
    mk_poll_event_t event[4];
    int             p[2], tag;
    CHECK_EQ(pipe(p), 0);
    CHECK_EQ(mk_poller_set(poller, p[0], MK_POLL_IN, &tag), MK_OK);
    CHECK_EQ(mk_poller_wait(poller, event, 4, 0), 0);
    CHECK_EQ(write(p[1], "x", 1), 1);
    CHECK_EQ(mk_poller_wait(poller, event, 4, -1), 1);
    CHECK(event[0].tag == &tag);
    CHECK_EQ(event[0].events, MK_POLL_IN);
    close(p[1]);
    char c;
    CHECK_EQ(read(p[0], &c, 1), 1);
    CHECK_EQ(mk_poller_wait(poller, event, 4, -1), 1);
    CHECK_EQ(event[0].events, MK_POLL_HUP);
    CHECK_EQ(mk_poller_set(poller, p[0], 0, &tag), MK_OK); /* paused: not even the hang-up */
    CHECK_EQ(mk_poller_wait(poller, event, 4, 0), 0);
    CHECK_EQ(mk_poller_set(poller, p[0], MK_POLL_IN, &tag), MK_OK);
    CHECK_EQ(mk_poller_wait(poller, event, 4, 0), 1);
    mk_poller_remove(poller, p[0]);
    CHECK_EQ(mk_poller_wait(poller, event, 4, 0), 0);
    mk_poller_remove(poller, p[0]);
    close(p[0]);
    mk_poller_destroy(poller);
}

TEST(a_regular_file_is_always_ready_as_poll_has_it) {
    mk_poller_t    *poller = open_poller();
    mk_poll_event_t event[4];
    int             tag, fd = open("/proc/self/exe", O_RDONLY);
    CHECK(fd >= 0);
    CHECK_EQ(mk_poller_set(poller, fd, MK_POLL_IN, &tag), MK_OK);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(mk_poller_wait(poller, event, 4, -1), 1);
        CHECK(event[0].tag == &tag);
        CHECK_EQ(event[0].events, MK_POLL_IN);
    }
    CHECK_EQ(mk_poller_set(poller, fd, 0, &tag), MK_OK);
    CHECK_EQ(mk_poller_wait(poller, event, 4, 0), 0);
    CHECK_EQ(mk_poller_set(poller, fd, MK_POLL_IN | MK_POLL_OUT, &tag), MK_OK);
    CHECK_EQ(mk_poller_wait(poller, event, 4, -1), 1);
    mk_poller_remove(poller, fd);
    CHECK_EQ(mk_poller_wait(poller, event, 4, 0), 0);
    close(fd);
    mk_poller_destroy(poller);
}

TEST(a_file_that_is_always_ready_does_not_hide_a_pipe) {
    mk_poller_t    *poller = open_poller();
    mk_poll_event_t event[4];
    int             p[2], a, b, fd = open("/proc/self/exe", O_RDONLY);
    CHECK_EQ(pipe(p), 0);
    CHECK_EQ(mk_poller_set(poller, fd, MK_POLL_IN, &a), MK_OK);
    CHECK_EQ(mk_poller_set(poller, p[1], MK_POLL_OUT, &b), MK_OK);
    CHECK_EQ(mk_poller_wait(poller, event, 4, -1), 2);
    close(fd);
    close(p[0]);
    close(p[1]);
    mk_poller_destroy(poller);
}

TEST(files_beyond_the_list_are_refused_and_give_their_place_back) {
    mk_poller_t *poller = open_poller();
    int          fd[64], n = 0, tag;
    for (;; n++) {
        CHECK(n < 64);
        fd[n] = open("/proc/self/exe", O_RDONLY);
        if (mk_poller_set(poller, fd[n], MK_POLL_IN, &tag) != MK_OK) break;
    }
    CHECK(n >= 1);
    mk_poller_remove(poller, fd[0]);
    CHECK_EQ(mk_poller_set(poller, fd[n], MK_POLL_IN, &tag), MK_OK);
    for (int i = 0; i <= n; i++) close(fd[i]);
    mk_poller_destroy(poller);
}

TEST(what_is_no_descriptor_cannot_be_polled) {
    mk_poller_t *poller = open_poller();
    CHECK_EQ(mk_poller_set(poller, -1, MK_POLL_IN, NULL), MK_ERR_INVALID);
    CHECK_EQ(mk_poller_set(poller, 100000, MK_POLL_IN, NULL), MK_ERR_INVALID);
    mk_poller_remove(poller, 100000);
    mk_poller_destroy(poller);
}

TEST(a_number_that_is_used_again_is_watched_for_its_new_owner) {
    mk_poller_t    *poller = open_poller();
    mk_poll_event_t event[4];
    int             old, new, p[2], q[2];
    CHECK_EQ(pipe(p), 0);
    CHECK_EQ(mk_poller_set(poller, p[0], MK_POLL_IN, &old), MK_OK);
    CHECK_EQ(write(p[1], "x", 1), 1);
    int kept = dup(p[0]); /* as a child would: epoll goes on reporting */
    mk_poller_forget(poller, p[0]);
    close(p[0]);
    CHECK_EQ(mk_poller_wait(poller, event, 4, 0), 0); /* whom should it tell? */
    CHECK_EQ(pipe(q), 0);
    CHECK_EQ(q[0], p[0]);
    CHECK_EQ(mk_poller_set(poller, q[0], MK_POLL_IN, &new), MK_OK);
    close(kept);
    CHECK_EQ(mk_poller_wait(poller, event, 4, 0), 0);
    CHECK_EQ(write(q[1], "x", 1), 1);
    CHECK_EQ(mk_poller_wait(poller, event, 4, -1), 1);
    CHECK(event[0].tag == &new);
    close(q[0]); /* without a word, and the number comes back */
    int again = dup(q[1]);
    CHECK_EQ(again, q[0]);
    CHECK_EQ(mk_poller_set(poller, again, MK_POLL_OUT, &old), MK_OK);
    CHECK_EQ(mk_poller_wait(poller, event, 4, -1), 1);
    CHECK(event[0].tag == &old && (event[0].events & ~(uint32_t)MK_POLL_ERR) == MK_POLL_OUT);
    close(again);
    close(p[1]);
    close(q[1]);
    mk_poller_destroy(poller);
}

TEST(without_memory_for_its_entry_a_descriptor_is_not_watched) {
    mk_poller_t    *poller = open_poller();
    mk_poll_event_t event;
    int             tag, p[2];
    CHECK_EQ(pipe(p), 0);
    oom_arm_all();
    mk_err_t err = mk_poller_set(poller, p[1], MK_POLL_OUT, &tag);
    oom_disarm();
    CHECK_EQ(err, MK_ERR_NOMEM);
    CHECK_EQ(mk_poller_wait(poller, &event, 1, 0), 0);
    CHECK_EQ(mk_poller_set(poller, p[1], MK_POLL_OUT, &tag), MK_OK);
    CHECK_EQ(mk_poller_wait(poller, &event, 1, 0), 1);
    close(p[0]);
    close(p[1]);
    mk_poller_destroy(poller);
}

TEST(a_wait_is_never_shorter_than_asked_and_a_wake_up_ends_it) {
    mk_poller_t    *poller = open_poller();
    mk_poll_event_t event;
    uint64_t        start = mk_port_now_us();
    CHECK_EQ(mk_poller_wait(poller, &event, 1, 5300), 0);
    CHECK(mk_port_now_us() - start >= 5300);
    mk_poller_wake(poller);
    mk_poller_wake(poller);
    CHECK_EQ(mk_poller_wait(poller, &event, 1, -1), 0); /* would hang */
    start = mk_port_now_us();
    CHECK_EQ(mk_poller_wait(poller, &event, 1, 3000), 0);
    CHECK(mk_port_now_us() - start >= 3000);
    mk_poller_destroy(poller);
}

static void wake(void *arg) { mk_poller_wake(arg); }

TEST(another_thread_ends_a_wait_without_limit) {
    for (int i = 0; i < 50; i++) {
        mk_poller_t    *poller = open_poller();
        mk_poll_event_t event;
        mk_thread_t    *thread;
        CHECK_EQ(mk_thread_start(&thread, wake, poller), MK_OK);
        CHECK_EQ(mk_poller_wait(poller, &event, 1, -1), 0);
        mk_thread_join(thread);
        mk_poller_destroy(poller);
    }
}

static void do_nothing(int sig) { (void)sig; }

static void interrupt(void *arg) { pthread_kill(*(pthread_t *)arg, SIGUSR1); }

TEST(a_signal_ends_a_wait_and_nothing_else_happens) {
    mk_poller_t     *poller = open_poller();
    mk_poll_event_t  event;
    mk_thread_t     *thread;
    pthread_t        self = pthread_self();
    struct sigaction on = {.sa_handler = do_nothing}, was;
    sigaction(SIGUSR1, &on, &was);
    CHECK_EQ(mk_thread_start(&thread, interrupt, &self), MK_OK);
    CHECK_EQ(mk_poller_wait(poller, &event, 1, 200000), 0); /* bounded: the signal may come before the wait */
    mk_thread_join(thread);
    sigaction(SIGUSR1, &was, NULL);
    mk_poller_destroy(poller);
}

TEST(without_descriptors_there_is_no_poller_and_none_leaks) {
    struct rlimit was, none;
    getrlimit(RLIMIT_NOFILE, &was);
    int next = open("/dev/null", O_RDONLY);
    close(next);
    for (rlim_t allowed = 0; allowed <= 1; allowed++) { /* the first or the second of two is missing */
        none = was;
        none.rlim_cur = (rlim_t)next + allowed;
        setrlimit(RLIMIT_NOFILE, &none);
        mk_poller_t *poller = NULL;
        mk_err_t     err = mk_poller_create(&poller);
        setrlimit(RLIMIT_NOFILE, &was);
        CHECK_EQ(err, MK_ERR_LIMIT);
        CHECK(poller == NULL);
    }
    int after = open("/dev/null", O_RDONLY);
    close(after);
    CHECK_EQ(after, next);
}

/* ---- threads ---- */

typedef struct shared {
    mk_mutex_t *lock;
    mk_cond_t  *changed;
    int         value;
    bool        signals_blocked;
} shared_t;

static void open_shared(shared_t *s) {
    *s = (shared_t){0};
    CHECK_EQ(mk_mutex_create(&s->lock), MK_OK);
    CHECK_EQ(mk_cond_create(&s->changed), MK_OK);
}

static void close_shared(shared_t *s) {
    mk_cond_destroy(s->changed);
    mk_mutex_destroy(s->lock);
}

static void count(void *arg) {
    shared_t *s = arg;
    for (int i = 0; i < 10000; i++) {
        mk_mutex_lock(s->lock);
        s->value++;
        mk_mutex_unlock(s->lock);
    }
}

TEST(a_lock_keeps_threads_apart) {
    shared_t     s;
    mk_thread_t *thread[4];
    open_shared(&s);
    for (int i = 0; i < 4; i++) CHECK_EQ(mk_thread_start(&thread[i], count, &s), MK_OK);
    for (int i = 0; i < 4; i++) mk_thread_join(thread[i]);
    CHECK_EQ(s.value, 40000);
    close_shared(&s);
}

static void say(void *arg) {
    shared_t *s = arg;
    sigset_t  mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    mk_mutex_lock(s->lock);
    s->signals_blocked = sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGTERM) == 1;
    s->value = 1;
    mk_cond_signal(s->changed);
    mk_mutex_unlock(s->lock);
}

TEST(a_condition_wakes_who_waits_and_a_helper_gets_no_signals) {
    shared_t     s;
    mk_thread_t *thread;
    open_shared(&s);
    mk_mutex_lock(s.lock);
    CHECK_EQ(mk_thread_start(&thread, say, &s), MK_OK);
    while (s.value == 0) mk_cond_wait(s.changed, s.lock, -1);
    mk_mutex_unlock(s.lock);
    mk_thread_join(thread);
    CHECK(s.signals_blocked);
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    CHECK_EQ(sigismember(&mask, SIGINT), 0); /* ours as before */
    close_shared(&s);
}

TEST(a_condition_nobody_signals_waits_its_time_and_comes_back) {
    shared_t s;
    open_shared(&s);
    mk_mutex_lock(s.lock);
    uint64_t start = mk_port_now_us();
    while (mk_port_now_us() - start < 4000) mk_cond_wait(s.changed, s.lock, 4000); /* may return early, must return */
    mk_cond_wait(s.changed, s.lock, 0);
    mk_mutex_unlock(s.lock);
    close_shared(&s);
}

TEST(a_thread_without_memory_is_not_started) {
    mk_thread_t *thread = NULL;
    oom_arm_all();
    mk_err_t err = mk_thread_start(&thread, count, NULL);
    oom_disarm();
    CHECK_EQ(err, MK_ERR_NOMEM);
}

TEST(writing_to_who_does_not_read_returns) {
    int p[2], out = dup(1);
    CHECK_EQ(pipe(p), 0);
    struct sigaction ignore = {.sa_handler = SIG_IGN}, was;
    sigaction(SIGPIPE, &ignore, &was);
    fflush(stdout);
    dup2(p[1], 1);
    close(p[0]);
    close(p[1]);
    mk_port_write(1, "x", 1);
    dup2(out, 1);
    close(out);
    sigaction(SIGPIPE, &was, NULL);
}

/* ---- the machine ---- */

TEST(the_machine_has_a_name_and_memory) {
    char here[256], name[256], small[1];
    CHECK_EQ(gethostname(here, sizeof here), 0);
    CHECK_EQ(mk_port_host_name(name, sizeof name), MK_OK);
    CHECK_STR(name, here);
    CHECK_EQ(mk_port_host_name(small, sizeof small), MK_ERR_TOOLONG);
    CHECK_EQ(mk_port_host_name(small, 0), MK_ERR_TOOLONG);
    CHECK(mk_port_free_bytes() > 1 << 20);
}
