/* SPDX-License-Identifier: Apache-2.0 */
/* poller.c -- descriptors are ready when the test or the fake network says so; waiting moves the clock instead of the wall.
 *
 * As in a real kernel each poller keeps the watched descriptors that are ready in a queue, so a wait costs what it reports
 * and not what it watches; and what was reported goes to the end, so that many ready ones all have their turn. This memory is
 * the kernel's, so to speak: it comes from the C library and not from base/mem.h, where a test may be failing allocations. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "port/fake/fake_net.h"
#include "port/fake/state.h"

/* A wait without limit in which nothing can happen would hang a real program; a test should fail instead. */
enum { STALLS_MAX = 1000 };

typedef struct registration {
    mk_poller_t         *poller;
    int                  fd;
    uint32_t             events;
    void                *tag;
    bool                 queued;      /* among the poller's ready ones    */
    struct registration *prev, *next; /* there                            */
    struct registration *of_fd;       /* the next of the same descriptor  */
} registration_t;

struct mk_poller {
    bool            woken;
    unsigned        stalls;
    registration_t *first, *last; /* ready */
};

static struct {
    uint32_t        ready;
    registration_t *watched;
} descriptor[MK_FAKE_FDS_MAX];

static int highest = -1; /* descriptor that was ever mentioned */

/* ---- the queue of ready ones ------------------------------------------------------------------------------------- */

static void leave(registration_t *r) {
    if (!r->queued) return;
    r->queued = false;
    *(r->prev != NULL ? &r->prev->next : &r->poller->first) = r->next;
    *(r->next != NULL ? &r->next->prev : &r->poller->last) = r->prev;
}

static void enter(registration_t *r) {
    if (r->queued) return;
    r->queued = true;
    r->prev = r->poller->last;
    r->next = NULL;
    *(r->prev != NULL ? &r->prev->next : &r->poller->first) = r;
    r->poller->last = r;
}

static void look(registration_t *r) {
    if (r->events & descriptor[r->fd].ready) enter(r);
    else leave(r);
}

static bool is_descriptor(int fd) { return fd >= 0 && fd < MK_FAKE_FDS_MAX; }

void mk_fake_ready(int fd, uint32_t events) {
    if (fd > highest) highest = fd;
    descriptor[fd].ready = events;
    for (registration_t *r = descriptor[fd].watched; r != NULL; r = r->of_fd) look(r);
}

void mk_fake_unwatch(int fd) {
    descriptor[fd].ready = 0;
    while (descriptor[fd].watched != NULL) mk_poller_remove(descriptor[fd].watched->poller, fd);
}

void mk_fake_ready_reset(void) {
    for (int fd = 0; fd <= highest; fd++) mk_fake_ready(fd, 0);
}

/* ---- pollers ---------------------------------------------------------------------------------------------------------- */

mk_err_t mk_poller_create(mk_poller_t **out) {
    if (mk_fake_should_fail(MK_FAKE_POLLER_CREATE)) return MK_ERR_LIMIT;
    mk_poller_t *poller = mk_calloc(1, sizeof *poller);
    if (poller == NULL) return MK_ERR_NOMEM;
    *out = poller;
    return MK_OK;
}

void mk_poller_destroy(mk_poller_t *poller) {
    for (int fd = 0; fd <= highest; fd++) mk_poller_remove(poller, fd);
    mk_free(poller);
}

static registration_t **find(const mk_poller_t *poller, int fd) {
    registration_t **at = &descriptor[fd].watched;
    while (*at != NULL && (*at)->poller != poller) at = &(*at)->of_fd;
    return at;
}

mk_err_t mk_poller_set(mk_poller_t *poller, int fd, uint32_t events, void *tag) {
    if (mk_fake_should_fail(MK_FAKE_POLLER_SET)) return MK_ERR_LIMIT;
    if (!is_descriptor(fd)) return MK_ERR_INVALID;
    if (fd > highest) highest = fd;
    registration_t **at = find(poller, fd);
    if (*at == NULL) {
        registration_t *made = calloc(1, sizeof *made);
        mk_assert(made != NULL);
        made->poller = poller;
        made->fd = fd;
        *at = made;
    }
    (*at)->events = events != 0 ? events | MK_POLL_ERR | MK_POLL_HUP : 0;
    (*at)->tag = tag;
    look(*at);
    return MK_OK;
}

void mk_poller_remove(mk_poller_t *poller, int fd) {
    if (!is_descriptor(fd)) return;
    registration_t **at = find(poller, fd), *gone = *at;
    if (gone == NULL) return;
    leave(gone);
    *at = gone->of_fd;
    free(gone);
}

void mk_poller_forget(mk_poller_t *poller, int fd) { mk_poller_remove(poller, fd); }

static int report(mk_poller_t *poller, mk_poll_event_t *events, int max) {
    int n = 0;
    for (registration_t *r = poller->first; r != NULL && n < max; r = r->next)
        events[n++] = (mk_poll_event_t){r->tag, r->events & descriptor[r->fd].ready};
    /* All of them: there is nothing to take turns with, and in order they are easier on whoever reads a test. */
    if (n < max) return n;
    for (int i = 0; i < n; i++) {
        registration_t *r = poller->first;
        leave(r);
        enter(r);
    }
    return n;
}

/* The clock goes on until something is ready, but to `until_us` at most. */
static int sleep_until(mk_poller_t *poller, mk_poll_event_t *events, int max, uint64_t until_us) {
    int n = 0;
    while (n == 0 && mk_fake.now_us < until_us) {
        uint64_t next = mk_fake_next_us();
        if (next > until_us) next = until_us;
        if (next == UINT64_MAX) break;
        mk_fake.waited_us += next - mk_fake.now_us;
        mk_fake_advance_us(next - mk_fake.now_us);
        mk_fake_net_run();
        n = report(poller, events, max);
    }
    return n;
}

int mk_poller_wait(mk_poller_t *poller, mk_poll_event_t *events, int max, int64_t wait_us) {
    mk_fake.waits++;
    mk_fake_net_run();
    int  n = report(poller, events, max);
    bool sleeps = n == 0 && !poller->woken && wait_us != 0;
    mk_fake.slept = sleeps;
    uint64_t began_us = mk_fake.now_us, until_us = wait_us >= 0 ? began_us + (uint64_t)wait_us : UINT64_MAX;
    if (sleeps && mk_fake.held) {
        if (until_us < mk_fake.wanted_us) mk_fake.wanted_us = until_us;
    } else if (sleeps) {
        n = sleep_until(poller, events, max, until_us);
        poller->stalls = n == 0 && wait_us < 0 && mk_fake.now_us == began_us ? poller->stalls + 1 : 0;
        mk_assert(poller->stalls < STALLS_MAX); /* nothing is ready, nothing is due: this run would never end */
    } else {
        poller->stalls = 0;
    }
    poller->woken = false;
    return n;
}

void mk_poller_wake(mk_poller_t *poller) { poller->woken = true; }
