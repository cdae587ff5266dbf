/* SPDX-License-Identifier: Apache-2.0 */
/* The log with its own thread, and the default sink as a program's standard error has it. */
#include <fcntl.h>
#include <regex.h>
#include <stdatomic.h>
#include <unistd.h>

#include "microkernel/actor.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "port/port.h"
#include "rig/oom.h"
#include "rig/rig.h"

static runtime_t *rt;
static int        n, last_number;
static bool       in_order;

static void number_sink(void *arg, const log_entry_t *entry) {
    int number = 0;
    (void)arg;
    if (sscanf(entry->text, "line %d", &number) != 1 || number <= last_number) in_order = false;
    last_number = number;
    n++;
}

static void start(void) {
    n = last_number = 0;
    in_order = true;
}

TEST(all_lines_reach_the_sink_in_order_and_a_flush_waits_for_them) {
    start();
    rt = runtime_init(1, 0);
    CHECK_EQ(runtime_set_log_sink(rt, number_sink, NULL), MK_OK);
    for (int i = 1; i <= 5000; i++) {
        actor_log(rt, MK_LOG_INFO, "line %d", i);
        if (i % 100 == 0) runtime_flush_log(rt);
        if (i % 100 == 0) CHECK_EQ(n, i); /* read without a lock: the flush is one */
    }
    CHECK(in_order);
    runtime_destroy(rt);
}

TEST(what_is_logged_last_is_written_before_the_end) {
    start();
    rt = runtime_init(1, 0);
    CHECK_EQ(runtime_set_log_sink(rt, number_sink, NULL), MK_OK);
    for (int i = 1; i <= 200; i++) actor_log(rt, MK_LOG_INFO, "line %d", i);
    runtime_destroy(rt);
    CHECK_EQ(n, 200);
    CHECK(in_order);
}

static mk_mutex_t *gate;
static void        slow_sink(void *arg, const log_entry_t *entry) {
           mk_mutex_lock(gate);
           mk_mutex_unlock(gate);
           number_sink(arg, entry);
}

TEST(a_slow_sink_makes_nobody_wait_and_what_is_lost_is_counted) {
    start();
    CHECK_EQ(mk_mutex_create(&gate), MK_OK);
    runtime_config_t config = {.node_id = 1, .log_bytes = 4096};
    rt = runtime_create(&config);
    CHECK_EQ(runtime_set_log_sink(rt, slow_sink, NULL), MK_OK);
    mk_mutex_lock(gate);
    for (int i = 1; i <= 1000; i++) actor_log(rt, MK_LOG_INFO, "line %d", i); /* returns */
    mk_mutex_unlock(gate);
    runtime_flush_log(rt);
    runtime_stats_t stats;
    runtime_get_stats(rt, &stats);
    CHECK(stats.log_dropped > 0);
    CHECK_EQ((uint64_t)n + stats.log_dropped, 1000);
    CHECK(in_order);
    runtime_destroy(rt);
    mk_mutex_destroy(gate);
}

static void count_sink(void *arg, const log_entry_t *entry) {
    (void)entry;
    ++*(int *)arg;
}

TEST(sinks_can_be_changed_while_lines_are_on_their_way) {
    static int counts[2];
    counts[0] = counts[1] = 0;
    rt = runtime_init(1, 0);
    for (int i = 0; i < 200; i++) {
        CHECK_EQ(runtime_set_log_sink(rt, count_sink, &counts[i % 2]), MK_OK);
        for (int j = 0; j < 5; j++) actor_log(rt, MK_LOG_INFO, "x");
        if (i % 50 == 49) CHECK_EQ(runtime_set_log_sink(rt, NULL, NULL), MK_OK);
    }
    CHECK_EQ(runtime_set_log_sink(rt, NULL, NULL), MK_OK);
    CHECK_EQ(counts[0], 500);
    CHECK_EQ(counts[1], 500);
    runtime_destroy(rt);
}

TEST(a_sink_for_which_there_is_no_memory_is_refused_and_nothing_leaks) {
    for (unsigned nth = 1; nth < 8; nth++) {
        rt = runtime_init(1, 0);
        oom_arm(nth);
        mk_err_t err = runtime_set_log_sink(rt, number_sink, NULL);
        bool     failed = oom_disarm();
        CHECK((err == MK_OK) != failed);
        actor_log(rt, MK_LOG_INFO, "line 1");
        runtime_destroy(rt);
    }
}

/* What a function writes to standard error. */
static char written[4000];
static void capture(void (*fn)(void)) {
    int p[2], err = dup(2);
    CHECK_EQ(pipe(p), 0);
    dup2(p[1], 2);
    close(p[1]);
    fn();
    dup2(err, 2);
    close(err);
    ssize_t got = read(p[0], written, sizeof written - 1);
    written[got > 0 ? got : 0] = '\0';
    close(p[0]);
}

static bool log_from_actor(runtime_t *r, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)msg, (void)state;
    actor_log(r, MK_LOG_ERROR, "from %s\nnot a second line", "inside");
    return false;
}

static void log_some(void) {
    rt = runtime_init(1, 0);
    actor_log(rt, MK_LOG_ERROR, "too early");
    runtime_enable_logging(rt);
    actor_log(rt, MK_LOG_INFO, "hello");
    actor_log(rt, MK_LOG_DEBUG, "hidden");
    actor_id_t id = actor_spawn(rt, log_from_actor, NULL, NULL, 0);
    CHECK(actor_send(rt, id, 1, NULL, 0));
    runtime_run(rt);
    runtime_flush_log(rt);
    runtime_destroy(rt);
}

TEST(the_default_sink_writes_time_level_actor_and_text) {
    regex_t re;
    capture(log_some);
    CHECK_EQ(regcomp(&re,
                     "^\\[[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z\\] INFO \\[-\\] hello\n"
                     "\\[[0-9T:.Z-]{24}\\] ERROR \\[4294967297\\] from inside not a second line\n$",
                     REG_EXTENDED | REG_NOSUB),
             0);
    int match = regexec(&re, written, 0, NULL, 0);
    regfree(&re);
    if (match != 0) rig_fail(__FILE__, __LINE__, "written: %s", written);
}

static atomic_bool done;
static void        flush_helper(void *arg) {
           (void)arg;
           while (!atomic_load(&done)) usleep(100);
}

TEST(actors_log_while_other_threads_run) {
    mk_thread_t *thread;
    start();
    atomic_store(&done, false);
    rt = runtime_init(1, 0);
    CHECK_EQ(runtime_set_log_sink(rt, number_sink, NULL), MK_OK);
    CHECK_EQ(mk_thread_start(&thread, flush_helper, NULL), MK_OK);
    for (int i = 1; i <= 2000; i++) {
        actor_log(rt, MK_LOG_INFO, "line %d", i);
        if (i % 500 == 0) runtime_step(rt);
    }
    runtime_flush_log(rt);
    runtime_stats_t stats;
    runtime_get_stats(rt, &stats);
    CHECK_EQ((uint64_t)n + stats.log_dropped, 2000);
    atomic_store(&done, true);
    mk_thread_join(thread);
    runtime_destroy(rt);
}
