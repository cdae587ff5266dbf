/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.h -- work that may wait (a name look-up, a file) done on helper threads, its end told on the loop's thread. Where there
 * are no threads a job is done at once, and its end is told all the same in the next round: callers see one behaviour. */
#ifndef MK_LOOP_JOBS_H
#define MK_LOOP_JOBS_H

#include "loop/loop.h"

typedef struct mk_job mk_job_t;

/* Embed it. `run` is called on a helper thread and may touch nothing but what hangs on the job; `done` on the loop's thread,
 * exactly once, afterwards. The job and all it points at stay valid in between: a caller that is no longer interested marks
 * the job and frees it in `done`. */
struct mk_job {
    mk_job_t *next;
    void    (*run)(mk_job_t *job);
    void    (*done)(mk_loop_t *loop, mk_job_t *job);
    /* NULL: while it runs, the end of the loop waits for it. Else it does not, for what cannot be called off and may take long (a
     * name look-up): then this is called instead of `done`, on the helper's thread, when `run` is over, maybe long after the loop. It
     * frees the job and touches nothing else; so does `run`. */
    void    (*orphan)(mk_job_t *job);
};

/* Most at a time; the rest wait in line. Of those with an `orphan` fewer: name servers that hang must not hold up files. */
enum { MK_JOB_THREADS_MAX = 8, MK_JOB_LONG_MAX = 4 };

/* MK_ERR_NOMEM, MK_ERR_LIMIT: neither function is called. The first call starts a thread, later ones more when all are busy;
 * idle ones stay. */
MK_MUST_CHECK mk_err_t mk_job_start(mk_loop_t *loop, mk_job_t *job);

/* For mk_loop_fini(): waits for the running jobs without an `orphan`, then calls `done` of every job left, run or not (`job->run` is
 * NULL when it ran). */
void mk_jobs_fini(mk_loop_t *loop);

/* For mk_loop_run(): tells the ends. */
void mk_jobs_deliver(mk_loop_t *loop);

#endif
