/* SPDX-License-Identifier: Apache-2.0 */
/* loop.c -- see loop.h. Without sources (rings) nothing of what is said about spinning happens. */
#include "loop/loop.h"

#include "base/assert.h"
#include "loop/jobs.h"

mk_err_t mk_loop_init(mk_loop_t *loop) {
    mk_err_t err = mk_poller_create(&loop->poller);
    if (err != MK_OK) return err;
    loop->batch_at = loop->batch_n = 0;
    loop->deferred = loop->again = loop->doing = NULL;
    loop->jobs = NULL;
    loop->sources = loop->next_source = NULL;
    loop->asked_us = 0;
    loop->came = false;
    loop->spins_left_out = loop->spins_in_vain = 0;
    mk_wheel_init(&loop->wheel, mk_loop_read_clock(loop) / 1000);
    return MK_OK;
}

void mk_loop_fini(mk_loop_t *loop) {
    mk_jobs_fini(loop);
    mk_poller_destroy(loop->poller);
}

uint64_t mk_loop_read_clock(mk_loop_t *loop) { return loop->now_us = mk_port_now_us(); }

uint64_t mk_loop_after_ms(const mk_loop_t *loop, uint64_t delay_ms) {
    uint64_t now_ms = (loop->now_us + 999) / 1000;
    return delay_ms < UINT64_MAX - now_ms ? now_ms + delay_ms : UINT64_MAX;
}

/* How long until the next timer, no longer than `wait_us`. */
static int64_t bounded_wait(mk_loop_t *loop, int64_t wait_us) {
    uint64_t next_ms = mk_wheel_next_ms(&loop->wheel);
    if (wait_us == 0 || next_ms == UINT64_MAX) return wait_us;
    uint64_t now_us = mk_port_now_us();
    /* A timer centuries away is as good as one at the end of what can be waited for. */
    uint64_t next_us = next_ms < (uint64_t)INT64_MAX / 1000 ? next_ms * 1000 : (uint64_t)INT64_MAX;
    int64_t  until_us = next_us > now_us ? (int64_t)(next_us - now_us) : 0;
    return wait_us < 0 || until_us < wait_us ? until_us : wait_us;
}

static void put_off(mk_node_t **list, mk_deferred_t *deferred, mk_deferred_fn *fn) {
    if (deferred->node.at != NULL && deferred->fn == fn) return;
    mk_list_remove(&deferred->node);
    deferred->fn = fn;
    mk_list_push(list, &deferred->node);
}

void mk_loop_defer(mk_loop_t *loop, mk_deferred_t *deferred, mk_deferred_fn *fn) {
    put_off(&loop->deferred, deferred, fn);
}

void mk_loop_again(mk_loop_t *loop, mk_deferred_t *deferred, mk_deferred_fn *fn) {
    put_off(&loop->again, deferred, fn);
}

/* Calls what is in the list now. Turned round first, so that who came first is called first; and in a list, because who is
 * called may cancel the next. */
static void call_all(mk_loop_t *loop, mk_node_t **list) {
    mk_node_t *node;
    mk_assert(loop->doing == NULL);
    while ((node = *list) != NULL) {
        mk_list_remove(node);
        mk_list_push(&loop->doing, node);
    }
    while ((node = loop->doing) != NULL) {
        mk_deferred_t *deferred = mk_container_of(node, mk_deferred_t, node);
        mk_list_remove(node);
        deferred->fn(loop, deferred);
    }
}

void mk_loop_settle(mk_loop_t *loop) {
    while (loop->deferred != NULL) call_all(loop, &loop->deferred);
}

/* ---- sources --------------------------------------------------------------------------------------------------------- */

enum {
    SPIN_LOOKS = 16,        /* between two looks at the clock, which costs as much as they do                    */
    SPIN_ROUNDS_MAX = 1024, /* of them, where the clock stands still                                             */
    LEFT_OUT_MIN = 8,       /* spins after one in vain, twice as many after the next ...                         */
    LEFT_OUT_MAX = 64,      /* ... so that a peer which is always slower than a spin costs next to nothing       */
};

void mk_source_add(mk_loop_t *loop, mk_source_t *source) { mk_list_push(&loop->sources, &source->node); }

void mk_source_remove(mk_loop_t *loop, mk_source_t *source) {
    if (loop->next_source == &source->node) loop->next_source = source->node.next;
    mk_list_remove(&source->node);
}

static mk_source_t *next_source(mk_loop_t *loop) {
    mk_node_t *node = loop->next_source;
    if (node == NULL) return NULL;
    loop->next_source = node->next;
    return mk_container_of(node, mk_source_t, node);
}

static bool look(mk_loop_t *loop) {
    mk_source_t *source;
    bool         came = false;
    loop->next_source = loop->sources;
    while ((source = next_source(loop)) != NULL) came |= source->look(loop, source);
    if (came) loop->came = true;
    return came;
}

static bool doze(mk_loop_t *loop, bool asleep) {
    mk_source_t *source;
    bool         came = false;
    loop->next_source = loop->sources;
    while ((source = next_source(loop)) != NULL) came |= source->doze(loop, source, asleep);
    return came;
}

static bool may_spin(mk_loop_t *loop) {
    if (!loop->came) return false;
    loop->came = false;
    if (loop->spins_left_out == 0) return true;
    loop->spins_left_out--;
    return false;
}

static bool spin(mk_loop_t *loop, int64_t wait_us) {
    uint64_t limit_us = wait_us >= 0 && wait_us < MK_LOOP_SPIN_US ? (uint64_t)wait_us : (uint64_t)MK_LOOP_SPIN_US;
    uint64_t began_us = mk_port_now_us();
    for (int round = 0; round < SPIN_ROUNDS_MAX && mk_port_now_us() - began_us < limit_us; round++)
        for (int i = 0; i < SPIN_LOOKS; i++) {
            mk_port_pause();
            if (!look(loop)) continue;
            loop->spins_in_vain = 0;
            return true;
        }
    unsigned more = 2u * loop->spins_in_vain;
    loop->spins_in_vain = (uint16_t)(more < LEFT_OUT_MIN ? LEFT_OUT_MIN : more > LEFT_OUT_MAX ? LEFT_OUT_MAX : more);
    loop->spins_left_out = loop->spins_in_vain;
    return false;
}

/* Asks the descriptors, and sleeps if nothing has come through a source. Descriptors are asked every so often only while sources
 * make the loop go round: a look into memory is cheap and that call is not. */
static void wait_with_sources(mk_loop_t *loop, int64_t wait_us) {
    bool came = look(loop) || (wait_us != 0 && may_spin(loop) && spin(loop, wait_us));
    if (came && wait_us != 0 && mk_port_now_us() - loop->asked_us < MK_LOOP_DESCRIPTORS_US) {
        loop->batch_n = 0;
        return;
    }
    bool sleeps = !came && wait_us != 0;
    if (sleeps && doze(loop, true)) wait_us = 0;
    loop->batch_n = mk_poller_wait(loop->poller, loop->batch, MK_LOOP_BATCH, came ? 0 : wait_us);
    loop->asked_us = mk_port_now_us();
    if (!sleeps) return;
    doze(loop, false);
    look(loop); /* what it was woken for, mostly */
}

/* ---- a round --------------------------------------------------------------------------------------------------------- */

void mk_loop_run(mk_loop_t *loop, int64_t wait_us) {
    mk_loop_settle(loop);
    int64_t wait = loop->again != NULL ? 0 : bounded_wait(loop, wait_us);
    if (loop->sources != NULL) wait_with_sources(loop, wait);
    else loop->batch_n = mk_poller_wait(loop->poller, loop->batch, MK_LOOP_BATCH, wait);
    mk_loop_read_clock(loop);
    for (loop->batch_at = 0; loop->batch_at < loop->batch_n;) {
        mk_poll_event_t event = loop->batch[loop->batch_at++];
        mk_watch_t     *watch = event.tag;
        if (watch != NULL) watch->fn(loop, watch, event.events);
    }
    loop->batch_n = 0;
    if (loop->again != NULL) call_all(loop, &loop->again);
    mk_wheel_advance(&loop->wheel, loop->now_us / 1000);
    if (loop->jobs != NULL) mk_jobs_deliver(loop);
}

void mk_loop_wake(mk_loop_t *loop) { mk_poller_wake(loop->poller); }

mk_err_t mk_watch_set(mk_loop_t *loop, mk_watch_t *watch, uint32_t events) {
    return mk_poller_set(loop->poller, watch->fd, events, watch);
}

static void drop_ready(mk_loop_t *loop, const mk_watch_t *watch) {
    for (int i = loop->batch_at; i < loop->batch_n; i++)
        if (loop->batch[i].tag == watch) loop->batch[i].tag = NULL;
}

void mk_watch_remove(mk_loop_t *loop, mk_watch_t *watch) {
    mk_poller_remove(loop->poller, watch->fd);
    drop_ready(loop, watch);
}

void mk_watch_forget(mk_loop_t *loop, mk_watch_t *watch) {
    mk_poller_forget(loop->poller, watch->fd);
    drop_ready(loop, watch);
}
