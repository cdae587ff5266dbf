/* SPDX-License-Identifier: Apache-2.0 */
/* poller.c -- descriptors are ready when the test says so; waiting moves the clock instead of the wall. */
#include "base/assert.h"
#include "base/mem.h"
#include "port/fake/state.h"
#include "port/port.h"

/* A wait without limit in which nothing can happen would hang a real program; a test should fail instead. */
enum { STALLS_MAX = 1000 };

struct mk_poller {
    bool     woken;
    unsigned stalls;
    struct {
        uint32_t events;
        void    *tag;
    } fd[MK_FAKE_FDS_MAX];
};

mk_err_t mk_poller_create(mk_poller_t **out) {
    if (mk_fake_should_fail(MK_FAKE_POLLER_CREATE)) return MK_ERR_LIMIT;
    mk_poller_t *poller = mk_calloc(1, sizeof *poller);
    if (poller == NULL) return MK_ERR_NOMEM;
    *out = poller;
    return MK_OK;
}

void mk_poller_destroy(mk_poller_t *poller) { mk_free(poller); }

mk_err_t mk_poller_set(mk_poller_t *poller, int fd, uint32_t events, void *tag) {
    if (mk_fake_should_fail(MK_FAKE_POLLER_SET)) return MK_ERR_LIMIT;
    if (fd < 0 || fd >= MK_FAKE_FDS_MAX) return MK_ERR_INVALID;
    poller->fd[fd].events = events != 0 ? events | MK_POLL_ERR | MK_POLL_HUP : 0;
    poller->fd[fd].tag = tag;
    return MK_OK;
}

void mk_poller_remove(mk_poller_t *poller, int fd) {
    if (fd >= 0 && fd < MK_FAKE_FDS_MAX) poller->fd[fd].events = 0;
}

void mk_poller_forget(mk_poller_t *poller, int fd) { mk_poller_remove(poller, fd); }

int mk_poller_wait(mk_poller_t *poller, mk_poll_event_t *events, int max, int64_t wait_us) {
    int n = 0;
    mk_fake.waits++;
    for (int fd = 0; fd < MK_FAKE_FDS_MAX && n < max; fd++) {
        uint32_t now = poller->fd[fd].events & mk_fake.ready[fd];
        if (now != 0) events[n++] = (mk_poll_event_t){poller->fd[fd].tag, now};
    }
    if (n == 0 && !poller->woken && wait_us > 0) {
        mk_fake_advance_us((uint64_t)wait_us);
        mk_fake.waited_us += (uint64_t)wait_us;
    }
    poller->stalls = n == 0 && !poller->woken && wait_us < 0 ? poller->stalls + 1 : 0;
    mk_assert(poller->stalls < STALLS_MAX); /* nothing is ready, nothing is due: this run would never end */
    poller->woken = false;
    return n;
}

void mk_poller_wake(mk_poller_t *poller) { poller->woken = true; }
