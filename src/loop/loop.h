/* SPDX-License-Identifier: Apache-2.0 */
/* loop.h -- waits for time and descriptors and calls whoever asked. Knows nothing of actors. One thread, but
 * mk_loop_wake(). */
#ifndef MK_LOOP_LOOP_H
#define MK_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/timers.h"
#include "microkernel/error.h"
#include "port/port.h"

typedef struct mk_watch mk_watch_t;
typedef struct mk_loop mk_loop_t;

/* `events`: MK_POLL_ bits that are ready. May remove or free any watch, its own included. */
typedef void mk_watch_fn(mk_loop_t *loop, mk_watch_t *watch, uint32_t events);

/* Embed it. */
struct mk_watch {
    int          fd;
    mk_watch_fn *fn;
};

/* Something to be done before the loop waits the next time, or in its next round. Embed it; zero-initialised it is not due. */
typedef struct mk_deferred mk_deferred_t;
typedef void mk_deferred_fn(mk_loop_t *loop, mk_deferred_t *deferred);

struct mk_deferred {
    mk_node_t       node;
    mk_deferred_fn *fn;
};

/* Something that comes through memory from another thread, without a descriptor. Embed it. It is looked at in each round; before
 * the loop sleeps it may look a little longer, when something came that way just now, since the other thread may be at its answer:
 * a sleep and a wake-up cost more than that. What spins in vain spins less often; an idle loop never does. */
typedef struct mk_source mk_source_t;

struct mk_source {
    mk_node_t node;
    /* Takes what has come; false: nothing had. May remove any source. */
    bool (*look)(mk_loop_t *loop, mk_source_t *source);
    /* `asleep`: the loop is about to sleep, and from now on whoever brings something calls mk_loop_wake(); true: something has come
     * that may not have known it, so it does not sleep. Not `asleep`: it has slept; the answer does not count. */
    bool (*doze)(mk_loop_t *loop, mk_source_t *source, bool asleep);
};

enum {
    MK_LOOP_BATCH = 64,
    MK_LOOP_SPIN_US = 50,        /* longest look at the sources before sleeping                                  */
    MK_LOOP_DESCRIPTORS_US = 50, /* longest that descriptors are not asked while sources keep the loop busy      */
};

struct mk_loop {
    mk_poller_t    *poller;
    mk_wheel_t      wheel;
    uint64_t        now_us;            /* as last read; see mk_loop_read_clock                        */
    mk_poll_event_t batch[MK_LOOP_BATCH];
    int             batch_at, batch_n; /* the events being dispatched                                 */
    mk_node_t      *deferred;          /* to be done before the next wait                              */
    mk_node_t      *again;             /* to be done in the next round                                 */
    mk_node_t      *doing;             /* those of either kind that are about to be called             */
    struct mk_jobs *jobs;              /* jobs.h; NULL before the first                                */
    mk_node_t      *sources;
    mk_node_t      *next_source;       /* the one to be looked at next                                 */
    uint64_t        asked_us;          /* when descriptors were asked the last time                    */
    bool            came;              /* something through a source, since the last spin              */
    uint16_t        spins_left_out;    /* so many times to come ...                                    */
    uint16_t        spins_in_vain;     /* ... and after the next one that was in vain                  */
};

MK_MUST_CHECK mk_err_t mk_loop_init(mk_loop_t *loop);
void                   mk_loop_fini(mk_loop_t *loop);

/* Reads the clock into now_us and returns it. */
uint64_t mk_loop_read_clock(mk_loop_t *loop);

/* The first whole millisecond that is `delay_ms` or more after the last reading: a timer set for it is never early. */
uint64_t mk_loop_after_ms(const mk_loop_t *loop, uint64_t delay_ms);

/* Does what was deferred, waits up to `wait_us` (-1: as long as no timer is due), then calls what is ready and due. */
void mk_loop_run(mk_loop_t *loop, int64_t wait_us);

/* Does what was deferred. For a caller of mk_loop_run() that has work of its own: what was deferred may make more of it, so
 * it is done before deciding how long to wait. */
void mk_loop_settle(mk_loop_t *loop);

/* Makes the current or next run return. Any thread, and from a signal handler. */
void mk_loop_wake(mk_loop_t *loop);

/* Calls `fn` once, before the loop waits the next time: what is written in one round goes out in one piece. A second call
 * before that changes nothing, and one with another function replaces the first. What is deferred by a deferred function is
 * done in the same round. In the order of the calls. */
void mk_loop_defer(mk_loop_t *loop, mk_deferred_t *deferred, mk_deferred_fn *fn);
/* The same in the next round, after the descriptors that are ready by then, for which it does not wait: work that goes on for
 * long is cut into pieces by it, and others have their turn in between. */
void mk_loop_again(mk_loop_t *loop, mk_deferred_t *deferred, mk_deferred_fn *fn);
static inline void mk_deferred_cancel(mk_deferred_t *deferred) { mk_list_remove(&deferred->node); }

/* `look` and `doze` are set. Removing one that was never added does no harm. */
void mk_source_add(mk_loop_t *loop, mk_source_t *source);
void mk_source_remove(mk_loop_t *loop, mk_source_t *source);

/* Calls watch->fn whenever `fd` is ready for `events`; again to change them, 0 to pause without forgetting. */
MK_MUST_CHECK mk_err_t mk_watch_set(mk_loop_t *loop, mk_watch_t *watch, uint32_t events);
/* No call comes any more, not even for what was ready already. */
void mk_watch_remove(mk_loop_t *loop, mk_watch_t *watch);
/* The same when the descriptor is closed next, which is cheaper. */
void mk_watch_forget(mk_loop_t *loop, mk_watch_t *watch);

#endif
