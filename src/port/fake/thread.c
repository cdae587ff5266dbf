/* SPDX-License-Identifier: Apache-2.0 */
/* thread.c -- one thread only, so that a run is the same each time: whoever wants a helper does the work itself. */
#include "base/mem.h"
#include "port/port.h"

struct mk_mutex {
    char unused;
};
struct mk_cond {
    char unused;
};

mk_err_t mk_thread_start(mk_thread_t **out, void (*run)(void *arg), void *arg) {
    (void)out, (void)run, (void)arg;
    return MK_ERR_NOSYS;
}

void mk_thread_join(mk_thread_t *thread) { (void)thread; }

void mk_thread_leave(mk_thread_t *thread) { (void)thread; }

mk_err_t mk_mutex_create(mk_mutex_t **out) {
    *out = mk_calloc(1, sizeof **out);
    return *out != NULL ? MK_OK : MK_ERR_NOMEM;
}

void mk_mutex_destroy(mk_mutex_t *mutex) { mk_free(mutex); }

void mk_mutex_lock(mk_mutex_t *mutex) { (void)mutex; }

void mk_mutex_unlock(mk_mutex_t *mutex) { (void)mutex; }

mk_err_t mk_cond_create(mk_cond_t **out) {
    *out = mk_calloc(1, sizeof **out);
    return *out != NULL ? MK_OK : MK_ERR_NOMEM;
}

void mk_cond_destroy(mk_cond_t *cond) { mk_free(cond); }

void mk_cond_signal(mk_cond_t *cond) { (void)cond; }

void mk_cond_wait(mk_cond_t *cond, mk_mutex_t *mutex, int64_t wait_us) { (void)cond, (void)mutex, (void)wait_us; }
