/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.c -- see jobs.h. Invariant: a job is in `waiting`, or with one helper, or in `ended`; the lists, `stop`, `idle` and what a
 * helper has change under the mutex only. `news` is looked at without it, so that a round without ended jobs costs one load.
 *
 * At the end of the loop a helper with a job that is not waited for is left to itself: it has the job, and a share in this record,
 * which the last one frees. The loop it does not know any more. */
#include "loop/jobs.h"

#include "base/mem.h"

typedef struct job_list {
    mk_job_t *first, **last;
} job_list_t;

typedef struct helper {
    struct mk_jobs *jobs;
    mk_thread_t    *thread;
    mk_job_t       *job;  /* that it runs           */
    bool            left; /* to itself, to the end  */
} helper_t;

struct mk_jobs {
    mk_loop_t  *loop;
    mk_mutex_t *mutex;
    mk_cond_t  *cond; /* something to do, or time to stop */
    job_list_t  waiting, ended;
    unsigned    idle;   /* helpers that wait for something to do and have not been promised any */
    unsigned    long_n; /* running ones that have an `orphan` */
    bool        stop;
    bool        news;
    unsigned    shares; /* the loop's, and one for each helper that was left */
    unsigned    helpers_n;
    helper_t    helper[MK_JOB_THREADS_MAX];
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

/* The first of those that wait and may run now. */
static mk_job_t *job_take(struct mk_jobs *jobs) {
    job_list_t *list = &jobs->waiting;
    mk_job_t  **at = &list->first, *job;
    while ((job = *at) != NULL && job->orphan != NULL && jobs->long_n == MK_JOB_LONG_MAX) at = &job->next;
    if (job == NULL) return NULL;
    *at = job->next;
    if (job->next == NULL) list->last = at;
    if (job->orphan != NULL) jobs->long_n++;
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

static void jobs_free(struct mk_jobs *jobs) {
    if (jobs->cond != NULL) mk_cond_destroy(jobs->cond);
    if (jobs->mutex != NULL) mk_mutex_destroy(jobs->mutex);
    mk_free(jobs);
}

static void give_up_share(struct mk_jobs *jobs) {
    mk_mutex_lock(jobs->mutex);
    bool last = --jobs->shares == 0;
    mk_mutex_unlock(jobs->mutex);
    if (last) jobs_free(jobs);
}

/* With the mutex held, and again at the end. False: the helper was left meanwhile, and the job is its own. */
static bool help(helper_t *helper, mk_job_t *job) {
    struct mk_jobs *jobs = helper->jobs;
    helper->job = job;
    mk_mutex_unlock(jobs->mutex);
    run_job(job);
    mk_mutex_lock(jobs->mutex);
    if (job->orphan != NULL) jobs->long_n--;
    if (helper->left) return false;
    helper->job = NULL;
    job_ended(jobs, job);
    return true;
}

static void helper_main(void *arg) {
    helper_t       *helper = arg;
    struct mk_jobs *jobs = helper->jobs;
    mk_mutex_lock(jobs->mutex);
    while (!jobs->stop) {
        mk_job_t *job = job_take(jobs);
        if (job != NULL) {
            if (!help(helper, job)) break;
            continue;
        }
        jobs->idle++;
        mk_cond_wait(jobs->cond, jobs->mutex, -1);
        jobs->idle--;
    }
    mk_job_t *own = helper->left ? helper->job : NULL;
    mk_mutex_unlock(jobs->mutex);
    if (own == NULL) return;
    own->orphan(own);
    give_up_share(jobs);
}

static mk_err_t jobs_create(mk_loop_t *loop) {
    struct mk_jobs *jobs = mk_calloc(1, sizeof *jobs);
    if (jobs == NULL) return MK_ERR_NOMEM;
    mk_err_t err;
    jobs->loop = loop;
    jobs->shares = 1;
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
    if (jobs->helpers_n == MK_JOB_THREADS_MAX) return MK_OK;
    helper_t *helper = &jobs->helper[jobs->helpers_n];
    helper->jobs = jobs;
    mk_err_t err = mk_thread_start(&helper->thread, helper_main, helper);
    if (err == MK_OK) jobs->helpers_n++;
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
    mk_err_t err = jobs->helpers_n == 0 ? want_helper(jobs) : MK_OK;
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

static void stop_helpers(struct mk_jobs *jobs) {
    mk_mutex_lock(jobs->mutex);
    jobs->stop = true;
    for (unsigned i = 0; i < jobs->helpers_n; i++) {
        helper_t *helper = &jobs->helper[i];
        helper->left = helper->job != NULL && helper->job->orphan != NULL;
        if (helper->left) jobs->shares++;
        mk_cond_signal(jobs->cond);
    }
    mk_mutex_unlock(jobs->mutex);
    for (unsigned i = 0; i < jobs->helpers_n; i++) {
        if (jobs->helper[i].left) mk_thread_leave(jobs->helper[i].thread);
        else mk_thread_join(jobs->helper[i].thread);
    }
}

void mk_jobs_fini(mk_loop_t *loop) {
    struct mk_jobs *jobs = loop->jobs;
    if (jobs == NULL) return;
    stop_helpers(jobs);
    for (mk_job_t *job; (job = list_take(&jobs->ended)) != NULL;) job->done(loop, job);
    for (mk_job_t *job; (job = list_take(&jobs->waiting)) != NULL;) job->done(loop, job);
    loop->jobs = NULL;
    give_up_share(jobs);
}
