/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.c -- see jobs.h. Invariant: a job is in `waiting`, or with one helper, or in `ended`; the lists, `stop` and `idle`
 * change under the mutex only. `news` is looked at without it, so that a round without ended jobs costs one load. */
#include "loop/jobs.h"

#include "base/mem.h"

typedef struct job_list {
    mk_job_t *first, **last;
} job_list_t;

struct mk_jobs {
    mk_loop_t   *loop;
    mk_mutex_t  *mutex;
    mk_cond_t   *cond; /* something to do, or time to stop */
    job_list_t   waiting, ended;
    unsigned     idle; /* helpers that wait for something to do and have not been promised any */
    bool         stop;
    bool         news;
    unsigned     threads_n;
    mk_thread_t *thread[MK_JOB_THREADS_MAX];
};

static void list_clear(job_list_t *list) {
    list->first = NULL;
    list->last = &list->first;
}

static void list_put(job_list_t *list, mk_job_t *job) {
    job->next = NULL;
    *list->last = job;
    list->last = &job->next;
}

static mk_job_t *list_take(job_list_t *list) {
    mk_job_t *job = list->first;
    if (job == NULL) return NULL;
    list->first = job->next;
    if (list->first == NULL) list->last = &list->first;
    return job;
}

static void run_job(mk_job_t *job) {
    job->run(job);
    job->run = NULL;
}

/* With the mutex held. */
static void job_ended(struct mk_jobs *jobs, mk_job_t *job) {
    list_put(&jobs->ended, job);
    __atomic_store_n(&jobs->news, true, __ATOMIC_RELAXED);
    mk_loop_wake(jobs->loop);
}

static void helper_main(void *arg) {
    struct mk_jobs *jobs = arg;
    mk_mutex_lock(jobs->mutex);
    while (!jobs->stop) {
        mk_job_t *job = list_take(&jobs->waiting);
        if (job == NULL) {
            jobs->idle++;
            while (jobs->waiting.first == NULL && !jobs->stop) mk_cond_wait(jobs->cond, jobs->mutex, -1);
            jobs->idle--;
            continue;
        }
        mk_mutex_unlock(jobs->mutex);
        run_job(job);
        mk_mutex_lock(jobs->mutex);
        job_ended(jobs, job);
    }
    mk_mutex_unlock(jobs->mutex);
}

static void jobs_free(struct mk_jobs *jobs) {
    if (jobs->cond != NULL) mk_cond_destroy(jobs->cond);
    if (jobs->mutex != NULL) mk_mutex_destroy(jobs->mutex);
    mk_free(jobs);
}

static mk_err_t jobs_create(mk_loop_t *loop) {
    struct mk_jobs *jobs = mk_calloc(1, sizeof *jobs);
    if (jobs == NULL) return MK_ERR_NOMEM;
    mk_err_t err;
    jobs->loop = loop;
    list_clear(&jobs->waiting);
    list_clear(&jobs->ended);
    if ((err = mk_mutex_create(&jobs->mutex)) != MK_OK || (err = mk_cond_create(&jobs->cond)) != MK_OK) {
        jobs_free(jobs);
        return err;
    }
    loop->jobs = jobs;
    return MK_OK;
}

static mk_err_t want_helper(struct mk_jobs *jobs) {
    if (jobs->threads_n == MK_JOB_THREADS_MAX) return MK_OK;
    mk_err_t err = mk_thread_start(&jobs->thread[jobs->threads_n], helper_main, jobs);
    if (err == MK_OK) jobs->threads_n++;
    return err;
}

/* Of those who wait: more than there are idle helpers. */
static bool is_crowded(const struct mk_jobs *jobs) {
    unsigned waiting = 0;
    for (const mk_job_t *job = jobs->waiting.first; job != NULL && waiting <= jobs->idle; job = job->next) waiting++;
    return waiting > jobs->idle;
}

mk_err_t mk_job_start(mk_loop_t *loop, mk_job_t *job) {
    if (loop->jobs == NULL) {
        mk_err_t err = jobs_create(loop);
        if (err != MK_OK) return err;
    }
    struct mk_jobs *jobs = loop->jobs;
    if (jobs->stop) return MK_ERR_LIMIT; /* asked for by the end of another: there is no next round */
    mk_err_t err = jobs->threads_n == 0 ? want_helper(jobs) : MK_OK;
    if (err == MK_ERR_NOSYS) { /* no threads here: nobody else is in the lists either */
        run_job(job);
        job_ended(jobs, job);
        return MK_OK;
    }
    if (err != MK_OK) return err;
    mk_mutex_lock(jobs->mutex);
    list_put(&jobs->waiting, job);
    bool crowded = is_crowded(jobs);
    mk_cond_signal(jobs->cond);
    mk_mutex_unlock(jobs->mutex);
    if (crowded) (void)!want_helper(jobs); /* without one more it waits in line */
    return MK_OK;
}

void mk_jobs_deliver(mk_loop_t *loop) {
    struct mk_jobs *jobs = loop->jobs;
    if (!__atomic_load_n(&jobs->news, __ATOMIC_RELAXED)) return;
    job_list_t ended = {0};
    list_clear(&ended);
    mk_mutex_lock(jobs->mutex);
    for (mk_job_t *job; (job = list_take(&jobs->ended)) != NULL;) list_put(&ended, job);
    __atomic_store_n(&jobs->news, false, __ATOMIC_RELAXED);
    mk_mutex_unlock(jobs->mutex);
    for (mk_job_t *job; (job = list_take(&ended)) != NULL;) job->done(loop, job);
}

void mk_jobs_fini(mk_loop_t *loop) {
    struct mk_jobs *jobs = loop->jobs;
    if (jobs == NULL) return;
    mk_mutex_lock(jobs->mutex);
    jobs->stop = true;
    for (unsigned i = 0; i < jobs->threads_n; i++) mk_cond_signal(jobs->cond);
    mk_mutex_unlock(jobs->mutex);
    for (unsigned i = 0; i < jobs->threads_n; i++) mk_thread_join(jobs->thread[i]);
    for (mk_job_t *job; (job = list_take(&jobs->ended)) != NULL;) job->done(loop, job);
    for (mk_job_t *job; (job = list_take(&jobs->waiting)) != NULL;) job->done(loop, job);
    loop->jobs = NULL;
    jobs_free(jobs);
}
