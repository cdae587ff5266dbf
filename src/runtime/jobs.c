/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.c -- work on helper threads for actors. The message that tells its end is made before the work begins, so it cannot fail. */
#include "microkernel/jobs.h"

#include "base/mem.h"
#include "loop/jobs.h"
#include "runtime/internal.h"

typedef struct actor_job {
    mk_job_t job;
    void (*run)(void *arg);
    void (*drop)(void *arg);
    void      *arg;
    actor_id_t actor;
    mk_msg_t  *end;
} actor_job_t;

static void run_job(mk_job_t *job) {
    actor_job_t *own = mk_container_of(job, actor_job_t, job);
    own->run(own->arg);
}

static void job_done(mk_loop_t *loop, mk_job_t *job) {
    actor_job_t *own = mk_container_of(job, actor_job_t, job);
    runtime_t   *rt = mk_runtime_of_loop(loop);
    actor_t     *actor = mk_actor_find(rt, own->actor);
    if (actor != NULL) {
        *(job_done_payload_t *)mk_msg_inline(own->end) = (job_done_payload_t){.arg = own->arg};
        own->end->pub.type = MSG_JOB_DONE;
        mk_send_system(rt, actor, ACTOR_ID_INVALID, own->end);
    } else {
        mk_msg_destroy(&rt->pool, own->end);
        if (own->drop != NULL) own->drop(own->arg);
    }
    mk_free(own);
}

mk_err_t actor_run_job(runtime_t *rt, void (*run)(void *arg), void *arg, void (*drop)(void *arg)) {
    mk_assert(rt->sched.running != NULL);
    actor_job_t *own = mk_alloc(sizeof *own);
    if (own == NULL) return MK_ERR_NOMEM;
    *own = (actor_job_t){.job = {.run = run_job, .done = job_done},
                         .run = run,
                         .drop = drop,
                         .arg = arg,
                         .actor = mk_actor_id(rt, rt->sched.running),
                         .end = mk_msg_create_inline(&rt->pool, sizeof(job_done_payload_t))};
    mk_err_t err = own->end != NULL ? mk_job_start(&rt->loop, &own->job) : MK_ERR_NOMEM;
    if (err == MK_OK) return MK_OK;
    if (own->end != NULL) mk_msg_destroy(&rt->pool, own->end);
    mk_free(own);
    return err;
}
