/* SPDX-License-Identifier: Apache-2.0 */
/* log.h -- log entries on their way to a sink. A bounded ring of bytes: whoever logs never waits, and an entry there is
 * no room for is dropped and counted. A helper thread feeds the sink; without threads the loop does when it looks at its
 * descriptors. */
#ifndef MK_RUNTIME_LOG_H
#define MK_RUNTIME_LOG_H

#include "microkernel/services.h"
#include "port/port.h"

enum { MK_LOG_LINE_MAX = 1000 };

typedef struct mk_log {
    log_sink_fn  sink;    /* NULL: logging is off */
    void        *arg;
    int          level;
    actor_id_t   actor;   /* also gets each entry; ACTOR_ID_INVALID: nobody */
    mk_mutex_t  *lock;    /* of everything below                            */
    mk_cond_t   *changed;
    mk_thread_t *thread;  /* NULL where there are none                      */
    char        *ring;
    size_t       size, head, used;
    uint64_t     dropped;
    bool         busy;    /* the sink is being called                       */
    bool         closing;
} mk_log_t;

void mk_log_init(mk_log_t *log);

/* Hands the sink what is left and stops. */
void mk_log_close(mk_log_t *log);

/* Without a helper thread: hands the sink what is there. */
void mk_log_drain(mk_log_t *log);

/* Waits until the sink has had everything. */
void mk_log_flush(mk_log_t *log);

#endif
