/* SPDX-License-Identifier: Apache-2.0 */
/* thread.c -- helper threads over pthreads. Conditions wait on the monotonic clock, so a jump of the wall clock neither
 * hurries nor stalls anyone. */
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "base/assert.h"
#include "base/mem.h"
#include "port/port.h"

struct mk_thread {
    pthread_t id;
    void (*run)(void *arg);
    void *arg;
};
struct mk_mutex {
    pthread_mutex_t m;
};
struct mk_cond {
    pthread_cond_t c;
};

static void *thread_main(void *arg) {
    mk_thread_t *thread = arg;
    thread->run(thread->arg);
    return NULL;
}

mk_err_t mk_thread_start(mk_thread_t **out, void (*run)(void *arg), void *arg) {
    mk_thread_t *thread = mk_alloc(sizeof *thread);
    if (thread == NULL) return MK_ERR_NOMEM;
    *thread = (mk_thread_t){.run = run, .arg = arg};
    /* Signals belong to the program's own threads; a new thread inherits the mask. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread->id, NULL, thread_main, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        mk_free(thread);
        return MK_ERR_LIMIT;
    }
    *out = thread;
    return MK_OK;
}

void mk_thread_join(mk_thread_t *thread) {
    int failed = pthread_join(thread->id, NULL);
    mk_assert(failed == 0);
    mk_free(thread);
}

void mk_thread_leave(mk_thread_t *thread) {
    int failed = pthread_detach(thread->id);
    mk_assert(failed == 0);
    mk_free(thread);
}

mk_err_t mk_mutex_create(mk_mutex_t **out) {
    mk_mutex_t *mutex = mk_alloc(sizeof *mutex);
    if (mutex == NULL) return MK_ERR_NOMEM;
    pthread_mutex_init(&mutex->m, NULL);
    *out = mutex;
    return MK_OK;
}

void mk_mutex_destroy(mk_mutex_t *mutex) {
    pthread_mutex_destroy(&mutex->m);
    mk_free(mutex);
}

void mk_mutex_lock(mk_mutex_t *mutex) { pthread_mutex_lock(&mutex->m); }

void mk_mutex_unlock(mk_mutex_t *mutex) { pthread_mutex_unlock(&mutex->m); }

mk_err_t mk_cond_create(mk_cond_t **out) {
    mk_cond_t *cond = mk_alloc(sizeof *cond);
    if (cond == NULL) return MK_ERR_NOMEM;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&cond->c, &attr);
    pthread_condattr_destroy(&attr);
    *out = cond;
    return MK_OK;
}

void mk_cond_destroy(mk_cond_t *cond) {
    pthread_cond_destroy(&cond->c);
    mk_free(cond);
}

void mk_cond_signal(mk_cond_t *cond) { pthread_cond_signal(&cond->c); }

void mk_cond_wait(mk_cond_t *cond, mk_mutex_t *mutex, int64_t wait_us) {
    if (wait_us < 0) {
        pthread_cond_wait(&cond->c, &mutex->m);
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_us / 1000000;
    until.tv_nsec += (wait_us % 1000000) * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&cond->c, &mutex->m, &until);
}
