/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/jobs.h"

#include "base/assert.h"
#include "base/mem.h"
#include "rig/oom.h"
#include "rig/rig.h"

static mk_loop_t loop;

/* A door that jobs wait at until the test opens it. */
typedef struct door {
    mk_mutex_t *mutex;
    mk_cond_t  *cond;
    bool        open;
    unsigned    waiting, most;
} door_t;

static door_t     door;
static unsigned   buried; /* under its mutex; each is news */
static mk_cond_t *funeral;

typedef struct task {
    mk_job_t     job;
    bool         at_door;
    unsigned     runs, ends;
    bool         ran;  /* as `done` saw it */
    struct task *then; /* started in `done` */
} task_t;

static void run_task(mk_job_t *job) {
    task_t *task = mk_container_of(job, task_t, job);
    task->runs++;
    if (!task->at_door) return;
    mk_mutex_lock(door.mutex);
    door.waiting++;
    if (door.waiting > door.most) door.most = door.waiting;
    while (!door.open) mk_cond_wait(door.cond, door.mutex, -1);
    door.waiting--;
    mk_cond_signal(door.cond); /* the next one */
    mk_mutex_unlock(door.mutex);
}

static void end_task(mk_loop_t *l, mk_job_t *job) {
    task_t *task = mk_container_of(job, task_t, job);
    task->ends++;
    task->ran = job->run == NULL;
    if (task->then != NULL) (void)!mk_job_start(l, &task->then->job);
}

static task_t new_task(bool at_door) {
    return (task_t){.job = {.run = run_task, .done = end_task}, .at_door = at_door};
}

static void open_loop(void) {
    CHECK_EQ(mk_loop_init(&loop), MK_OK);
    door = (door_t){0};
    CHECK_EQ(mk_mutex_create(&door.mutex), MK_OK);
    CHECK_EQ(mk_cond_create(&door.cond), MK_OK);
}

static void close_loop(void) {
    mk_loop_fini(&loop);
    mk_cond_destroy(door.cond);
    mk_mutex_destroy(door.mutex);
}

static void open_door(void) {
    mk_mutex_lock(door.mutex);
    door.open = true;
    mk_cond_signal(door.cond);
    mk_mutex_unlock(door.mutex);
}

static unsigned at_door(void) {
    mk_mutex_lock(door.mutex);
    unsigned n = door.waiting;
    mk_mutex_unlock(door.mutex);
    return n;
}

TEST(a_job_runs_elsewhere_and_its_end_is_told_here) {
    task_t a = new_task(true);
    open_loop();
    CHECK_EQ(mk_job_start(&loop, &a.job), MK_OK);
    mk_loop_run(&loop, 0);
    CHECK_EQ(a.ends, 0);
    open_door();
    while (a.ends == 0) mk_loop_run(&loop, -1);
    CHECK_EQ(a.runs, 1);
    CHECK(a.ran);
    close_loop();
    CHECK_EQ(a.ends, 1);
}

TEST(a_few_that_hang_do_not_hold_up_the_others) {
    enum { HANGING = MK_JOB_THREADS_MAX - 1, QUICK = 100 };
    static task_t slow[HANGING], quick[QUICK];
    unsigned      ended = 0;
    open_loop();
    for (int i = 0; i < HANGING; i++) {
        slow[i] = new_task(true);
        CHECK_EQ(mk_job_start(&loop, &slow[i].job), MK_OK);
    }
    for (int i = 0; i < QUICK; i++) {
        quick[i] = new_task(false);
        CHECK_EQ(mk_job_start(&loop, &quick[i].job), MK_OK);
    }
    while (ended < QUICK) {
        mk_loop_run(&loop, -1);
        ended = 0;
        for (int i = 0; i < QUICK; i++) ended += quick[i].ends;
    }
    for (int i = 0; i < HANGING; i++) CHECK_EQ(slow[i].ends, 0);
    open_door();
    close_loop();
    for (int i = 0; i < HANGING; i++) CHECK_EQ(slow[i].ends, 1);
}

TEST(never_more_than_the_helpers_run_at_a_time) {
    enum { N = 3 * MK_JOB_THREADS_MAX };
    static task_t task[N];
    open_loop();
    for (int i = 0; i < N; i++) {
        task[i] = new_task(true);
        CHECK_EQ(mk_job_start(&loop, &task[i].job), MK_OK);
    }
    while (at_door() < MK_JOB_THREADS_MAX) mk_loop_run(&loop, 100);
    open_door();
    for (int i = 0; i < N; i++)
        while (task[i].ends == 0) mk_loop_run(&loop, -1);
    CHECK_EQ(door.most, MK_JOB_THREADS_MAX);
    close_loop();
}

TEST(at_the_end_of_the_loop_each_is_told_whether_it_ran) {
    enum { N = 2 * MK_JOB_THREADS_MAX };
    static task_t task[N], after;
    unsigned      ran = 0;
    open_loop();
    after = new_task(false);
    for (int i = 0; i < N; i++) {
        task[i] = new_task(true);
        CHECK_EQ(mk_job_start(&loop, &task[i].job), MK_OK);
    }
    task[N - 1].then = &after; /* too late for more */
    while (at_door() < MK_JOB_THREADS_MAX) mk_loop_run(&loop, 100);
    open_door();
    close_loop();
    for (int i = 0; i < N; i++) {
        CHECK_EQ(task[i].ends, 1);
        CHECK_EQ(task[i].runs, task[i].ran ? 1 : 0);
        ran += task[i].runs;
    }
    CHECK(ran >= MK_JOB_THREADS_MAX);
    CHECK(after.ends <= 1);
}

/* In memory of its own, since it outlives the test's loop. */
static void bury(mk_job_t *job) {
    task_t *task = mk_container_of(job, task_t, job);
    mk_mutex_lock(door.mutex);
    CHECK_EQ(task->runs, 1);
    CHECK_EQ(task->ends, 0);
    buried++;
    mk_free(task);
    mk_cond_signal(funeral);
    mk_mutex_unlock(door.mutex);
}

static task_t *start_one_that_may_hang(void) {
    task_t *task = mk_alloc(sizeof *task);
    CHECK(task != NULL);
    *task = new_task(true);
    task->job.orphan = bury;
    CHECK_EQ(mk_job_start(&loop, &task->job), MK_OK);
    return task;
}

TEST(the_end_of_the_loop_does_not_wait_for_what_may_hang) {
    enum { HANGING = 3 };
    task_t quick = new_task(false), late = new_task(false);
    open_loop();
    buried = 0;
    CHECK_EQ(mk_cond_create(&funeral), MK_OK);
    for (int i = 0; i < HANGING; i++) start_one_that_may_hang();
    while (at_door() < HANGING) mk_loop_run(&loop, 100);
    CHECK_EQ(mk_job_start(&loop, &quick.job), MK_OK);
    while (quick.ends == 0) mk_loop_run(&loop, -1);
    CHECK_EQ(mk_job_start(&loop, &late.job), MK_OK);
    mk_loop_fini(&loop); /* nobody opens the door meanwhile */
    CHECK_EQ(late.ends, 1);
    CHECK_EQ(buried, 0);
    open_door();
    mk_mutex_lock(door.mutex);
    while (buried < HANGING) mk_cond_wait(funeral, door.mutex, -1);
    mk_mutex_unlock(door.mutex);
    mk_cond_destroy(funeral);
    mk_cond_destroy(door.cond);
    mk_mutex_destroy(door.mutex);
}

TEST(what_may_hang_and_does_not_ends_as_any_other) {
    open_loop();
    buried = 0;
    open_door();
    task_t *task = start_one_that_may_hang();
    while (task->ends == 0) mk_loop_run(&loop, -1);
    close_loop();
    CHECK(task->ran);
    CHECK_EQ(buried, 0);
    mk_free(task);
}

TEST(what_may_hang_leaves_helpers_to_the_others) {
    enum { N = 2 * MK_JOB_THREADS_MAX };
    task_t *task[N], quick = new_task(false);
    open_loop();
    for (int i = 0; i < N; i++) task[i] = start_one_that_may_hang();
    while (at_door() < MK_JOB_LONG_MAX) mk_loop_run(&loop, 100);
    CHECK_EQ(mk_job_start(&loop, &quick.job), MK_OK);
    while (quick.ends == 0) mk_loop_run(&loop, -1);
    open_door();
    for (int i = 0; i < N; i++)
        while (task[i]->ends == 0) mk_loop_run(&loop, -1);
    CHECK_EQ(door.most, MK_JOB_LONG_MAX);
    close_loop();
    for (int i = 0; i < N; i++) mk_free(task[i]);
}

TEST(ends_may_start_more) {
    task_t a = new_task(false), b = new_task(false), c = new_task(false);
    open_loop();
    a.then = &b;
    b.then = &c;
    CHECK_EQ(mk_job_start(&loop, &a.job), MK_OK);
    while (c.ends == 0) mk_loop_run(&loop, -1);
    CHECK_EQ(a.runs + b.runs + c.runs, 3);
    close_loop();
}

TEST(without_memory_a_job_is_begun_or_refused) {
    for (unsigned n = 1;; n++) {
        task_t a = new_task(false);
        open_loop();
        oom_arm(n);
        mk_err_t err = mk_job_start(&loop, &a.job);
        bool     reached = oom_disarm();
        if (err == MK_OK)
            while (a.ends == 0) mk_loop_run(&loop, -1);
        else CHECK_EQ(a.runs + a.ends, 0);
        close_loop();
        if (!reached) break;
    }
}
