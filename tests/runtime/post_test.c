/* SPDX-License-Identifier: Apache-2.0 */
/* The two calls that other threads may make, on the real port; to be run under the thread sanitizer too. */
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "microkernel/actor.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "port/port.h"
#include "rig/rig.h"

enum { THREADS = 4, POSTS = 5000 };

static runtime_t *rt;
static actor_id_t counter;
static uint32_t   last_seen[THREADS];
static unsigned   received;
static bool       in_order;

typedef struct posted {
    uint32_t thread, number;
    char     rest[40];
} posted_t;

static bool count(runtime_t *r, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    const posted_t *p = msg->payload;
    CHECK_EQ(msg->payload_size, sizeof *p);
    CHECK_EQ(msg->source, ACTOR_ID_INVALID);
    if (p->number != last_seen[p->thread] + 1) in_order = false;
    last_seen[p->thread] = p->number;
    if (++received == THREADS * POSTS) runtime_stop(r);
    return true;
}

static void post_many(void *arg) {
    posted_t p = {.thread = (uint32_t)(uintptr_t)arg};
    for (p.number = 1; p.number <= POSTS; p.number++)
        while (!runtime_post(rt, counter, 1, &p, sizeof p)) usleep(100);
}

TEST(posts_of_several_threads_all_arrive_and_each_thread_s_in_order) {
    mk_thread_t *thread[THREADS];
    rt = runtime_init(1, 0);
    counter = actor_spawn(rt, count, NULL, NULL, THREADS * POSTS);
    received = 0;
    in_order = true;
    memset(last_seen, 0, sizeof last_seen);
    for (uintptr_t i = 0; i < THREADS; i++) CHECK_EQ(mk_thread_start(&thread[i], post_many, (void *)i), MK_OK);
    runtime_run(rt); /* sleeps and is woken */
    for (int i = 0; i < THREADS; i++) mk_thread_join(thread[i]);
    CHECK_EQ(received, THREADS * POSTS);
    CHECK(in_order);
    runtime_destroy(rt);
}

static atomic_bool stop_posting;

static void post_until_told(void *arg) {
    (void)arg;
    while (!atomic_load(&stop_posting)) {
        (void)runtime_post(rt, counter, 1, "x", 1);
        usleep(10);
    }
}

static bool end_after_100(runtime_t *r, actor_t *self, message_t *msg, void *state) {
    (void)r, (void)self, (void)msg;
    return ++*(int *)state < 100;
}

TEST(a_runtime_may_end_its_actors_while_threads_still_post) {
    mk_thread_t *thread[2];
    int          n = 0;
    rt = runtime_init(1, 0);
    counter = actor_spawn(rt, end_after_100, &n, NULL, 0);
    atomic_store(&stop_posting, false);
    for (int i = 0; i < 2; i++) CHECK_EQ(mk_thread_start(&thread[i], post_until_told, NULL), MK_OK);
    runtime_run(rt); /* nobody is left */
    CHECK_EQ(n, 100);
    for (int i = 0; i < 50; i++) runtime_wait(rt, 1); /* they find nobody */
    atomic_store(&stop_posting, true);
    for (int i = 0; i < 2; i++) mk_thread_join(thread[i]);
    runtime_stats_t stats;
    runtime_get_stats(rt, &stats);
    CHECK_EQ(stats.actors, 0);
    runtime_destroy(rt); /* with what may still wait in the inbox */
}

static void stop_from_thread(void *arg) {
    (void)arg;
    usleep(2000);
    runtime_stop(rt);
}

static bool sit(runtime_t *r, actor_t *self, message_t *msg, void *state) {
    (void)r, (void)self, (void)msg, (void)state;
    return true;
}

TEST(another_thread_ends_a_run_that_sleeps) {
    rt = runtime_init(1, 0);
    CHECK(actor_spawn(rt, sit, NULL, NULL, 0) != ACTOR_ID_INVALID);
    for (int i = 0; i < 5; i++) {
        mk_thread_t *thread;
        CHECK_EQ(mk_thread_start(&thread, stop_from_thread, NULL), MK_OK);
        runtime_run(rt);
        mk_thread_join(thread);
    }
    runtime_destroy(rt);
}

static bool spin(runtime_t *r, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    return actor_send(r, actor_self(r), msg->type, NULL, 0);
}

TEST(another_thread_ends_a_run_that_never_sleeps) {
    mk_thread_t *thread;
    rt = runtime_init(1, 0);
    actor_id_t id = actor_spawn(rt, spin, NULL, NULL, 0);
    CHECK(actor_send(rt, id, 1, NULL, 0));
    CHECK_EQ(mk_thread_start(&thread, stop_from_thread, NULL), MK_OK);
    runtime_run(rt);
    mk_thread_join(thread);
    runtime_destroy(rt);
}

static void on_signal(int sig) {
    (void)sig;
    runtime_stop(rt);
}

TEST(a_signal_handler_ends_a_run) {
    struct sigaction on = {.sa_handler = on_signal}, was;
    rt = runtime_init(1, 0);
    CHECK(actor_spawn(rt, sit, NULL, NULL, 0) != ACTOR_ID_INVALID);
    sigaction(SIGALRM, &on, &was);
    ualarm(5000, 0);
    runtime_run(rt);
    sigaction(SIGALRM, &was, NULL);
    runtime_destroy(rt);
}

/* ---- the real poller under the real runtime ---- */

static int      pipe_in, pipe_out;
static unsigned events;

static bool read_pipe(runtime_t *r, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    if (msg->type == 1) {
        CHECK(actor_watch_fd(r, pipe_in, MK_POLL_IN));
        return true;
    }
    char buf[16];
    CHECK_EQ(msg->type, MSG_FD_EVENT);
    events++;
    if (read(pipe_in, buf, sizeof buf) <= 0) {
        CHECK(actor_unwatch_fd(r, pipe_in));
        runtime_stop(r);
    }
    return true;
}

static void write_pipe(void *arg) {
    (void)arg;
    for (int i = 0; i < 100; i++)
        if (write(pipe_out, "x", 1) != 1) break;
    close(pipe_out);
}

TEST(a_pipe_is_read_to_its_end) {
    int          p[2];
    mk_thread_t *thread;
    CHECK_EQ(pipe(p), 0);
    pipe_in = p[0];
    pipe_out = p[1];
    events = 0;
    rt = runtime_init(1, 0);
    actor_id_t id = actor_spawn(rt, read_pipe, NULL, NULL, 0);
    CHECK(actor_send(rt, id, 1, NULL, 0));
    CHECK_EQ(mk_thread_start(&thread, write_pipe, NULL), MK_OK);
    runtime_run(rt);
    mk_thread_join(thread);
    CHECK(events >= 2);
    close(pipe_in);
    runtime_destroy(rt);
}

static uint64_t due_us;
static bool     tick(runtime_t *r, actor_t *self, message_t *msg, void *state) {
        (void)self;
        unsigned *ticks = state;
        if (msg->type == 1) {
            due_us = mk_port_now_us() + 3000;
            CHECK(actor_set_timer(r, 3, false) != TIMER_ID_INVALID);
            return true;
    }
        CHECK(mk_port_now_us() >= due_us); /* never early on the real clock */
        if (++*ticks == 20) return false;
    return actor_send(r, actor_self(r), 1, NULL, 0);
}

TEST(timers_are_never_early_on_the_real_clock) {
    unsigned ticks = 0;
    rt = runtime_init(1, 0);
    actor_id_t id = actor_spawn(rt, tick, &ticks, NULL, 0);
    CHECK(actor_send(rt, id, 1, NULL, 0));
    runtime_run(rt);
    CHECK_EQ(ticks, 20);
    runtime_destroy(rt);
}
