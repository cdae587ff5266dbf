/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.c -- work on helper threads for actors. The message that tells its end is made before the work begins, so it cannot fail; and
 * it carries what is to be done if nobody ever reads it. */
#include "microkernel/jobs.h"

#include "base/mem.h"
#include "loop/jobs.h"
#include "runtime/attach.h"
#include "runtime/internal.h"

/* ---- the end ------------------------------------------------------------------------------------------------------------------ */

typedef struct end {
    job_done_payload_t told; /* first: all that the actor is shown */
    void (*drop)(void *arg);
} end_t;

static end_t *end_of(const message_t *msg) { return (end_t *)(uintptr_t)msg->payload; }

static bool admit(runtime_t *rt, mk_room_t *room, actor_t *actor, message_t *msg, uint32_t tag) {
    const end_t *end = end_of(msg);
    (void)rt, (void)room, (void)tag;
    if (actor == NULL && end->drop != NULL) end->drop(end->told.arg);
    return true;
}

static void fini(runtime_t *rt, mk_room_t *room) {
    (void)rt;
    mk_free(room);
}

static const mk_room_ops_t room_ops = {.name = "jobs", .fini = fini, .admit = admit};

static mk_room_t *open_room(runtime_t *rt) {
    mk_room_t *room = mk_room_find(rt, &room_ops);
    if (room != NULL || (room = mk_alloc(sizeof *room)) == NULL) return room;
    if (mk_room_attach(rt, room, &room_ops) == MK_OK) return room;
    mk_free(room);
    return NULL;
}

/* ---- the work ----------------------------------------------------------------------------------------------------------------- */

typedef struct actor_job {
    mk_job_t job;
    void (*run)(void *arg);
    actor_id_t actor;
    message_t *end;
} actor_job_t;

static void run_job(mk_job_t *job) {
    actor_job_t *own = mk_container_of(job, actor_job_t, job);
    own->run(end_of(own->end)->told.arg);
}

static void job_done(mk_loop_t *loop, mk_job_t *job) {
    actor_job_t *own = mk_container_of(job, actor_job_t, job);
    runtime_t   *rt = mk_runtime_of_loop(loop);
    actor_t     *actor = mk_actor_find(rt, own->actor);
    if (actor != NULL) {
        own->end->payload_size = sizeof(job_done_payload_t);
        mk_room_send(rt, mk_room_find(rt, &room_ops), actor, own->end, 0);
    } else {
        const end_t end = *end_of(own->end);
        message_release(rt, own->end);
        if (end.drop != NULL) end.drop(end.told.arg);
    }
    mk_free(own);
}

mk_err_t actor_run_job(runtime_t *rt, void (*run)(void *arg), void *arg, void (*drop)(void *arg)) {
    mk_assert(rt->sched.running != NULL);
    actor_job_t *own = open_room(rt) != NULL ? mk_alloc(sizeof *own) : NULL;
    if (own == NULL) return MK_ERR_NOMEM;
    *own = (actor_job_t){.job = {.run = run_job, .done = job_done},
                         .run = run,
                         .actor = mk_actor_id(rt, rt->sched.running),
                         .end = mk_room_message(rt, MSG_JOB_DONE, sizeof(end_t))};
    if (own->end != NULL) *end_of(own->end) = (end_t){.told = {.arg = arg}, .drop = drop};
    mk_err_t err = own->end != NULL ? mk_job_start(&rt->loop, &own->job) : MK_ERR_NOMEM;
    if (err == MK_OK) return MK_OK;
    message_release(rt, own->end);
    mk_free(own);
    return err;
}
