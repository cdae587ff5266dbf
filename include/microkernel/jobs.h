/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.h -- work that may wait or takes long (a database, a large file), done on a helper thread for an actor. */
#ifndef MICROKERNEL_JOBS_H
#define MICROKERNEL_JOBS_H

#include "microkernel/error.h"
#include "microkernel/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* To the actor that asked, when the work is done. `arg` is its own again. */
#define MSG_JOB_DONE (MK_MSG_SYSTEM_BASE + 0x0Du)
typedef struct job_done_payload {
    void *arg;
} job_done_payload_t;

/* Calls `run(arg)` on a helper thread, where nothing of the runtime may be touched but what hangs on `arg`; jobs of one actor may run
 * at the same time, and out of order. Then MSG_JOB_DONE; but if the actor ends before it has handled that `drop(arg)` (may be NULL) on the
 * runtime's thread, which may be before the actor's free_state. At the end of the runtime a job that runs is waited for, one that has not begun is dropped. Inside of a behaviour.
 * MK_ERR_NOMEM, MK_ERR_LIMIT: neither is called. */
MK_MUST_CHECK mk_err_t actor_run_job(runtime_t *rt, void (*run)(void *arg), void *arg, void (*drop)(void *arg));

#ifdef __cplusplus
}
#endif

#endif
