/* SPDX-License-Identifier: Apache-2.0 */
/* poller.c -- epoll, with an eventfd for wake-ups. epoll refuses regular files, which poll(2) calls always ready; those
 * few are kept in a list and reported on every wait, so that `program < file` works like `program < pipe`.
 *
 * What epoll gives back is the descriptor's number, and a table says whom to tell. So a descriptor need not be taken out of
 * epoll before it is closed: should it live on in a child that is about to be another program, what it reports finds nobody,
 * or whoever has the number now, for whom it is one look too many. And the table knows which call epoll needs. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "port/port.h"

_Static_assert(MK_POLL_IN == (int)EPOLLIN && MK_POLL_PRI == (int)EPOLLPRI && MK_POLL_OUT == (int)EPOLLOUT &&
                   MK_POLL_ERR == (int)EPOLLERR && MK_POLL_HUP == (int)EPOLLHUP,
               "epoll's bits are passed on as they are");

enum { FILES_MAX = 8, BATCH_MAX = 256, ENTRIES_MIN = 64 };

typedef struct always_ready {
    int      fd; /* -1: unused */
    uint32_t events;
    void    *tag;
} always_ready_t;

typedef struct entry {
    void    *tag;
    uint32_t events; /* 0: unknown to epoll, as far as we know */
} entry_t;

struct mk_poller {
    int            epoll, wake;
    unsigned       files; /* how many of `file` report something */
    always_ready_t file[FILES_MAX];
    entry_t       *entry; /* by descriptor */
    size_t         entries;
};

mk_err_t mk_poller_create(mk_poller_t **out) {
    mk_poller_t *poller = mk_calloc(1, sizeof *poller);
    if (poller == NULL) return MK_ERR_NOMEM;
    for (int i = 0; i < FILES_MAX; i++) poller->file[i].fd = -1;
    poller->epoll = epoll_create1(EPOLL_CLOEXEC);
    poller->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event on_wake = {.events = EPOLLIN, .data.fd = -1};
    if (poller->epoll < 0 || poller->wake < 0 || epoll_ctl(poller->epoll, EPOLL_CTL_ADD, poller->wake, &on_wake) != 0) {
        mk_poller_destroy(poller);
        return MK_ERR_LIMIT;
    }
    *out = poller;
    return MK_OK;
}

void mk_poller_destroy(mk_poller_t *poller) {
    if (poller->epoll >= 0) close(poller->epoll);
    if (poller->wake >= 0) close(poller->wake);
    mk_free(poller->entry);
    mk_free(poller);
}

static always_ready_t *find_file(mk_poller_t *poller, int fd) {
    for (int i = 0; i < FILES_MAX; i++)
        if (poller->file[i].fd == fd) return &poller->file[i];
    return NULL;
}

static mk_err_t set_file(mk_poller_t *poller, int fd, uint32_t events, void *tag) {
    always_ready_t *file = find_file(poller, fd);
    if (file == NULL) file = find_file(poller, -1);
    if (file == NULL) return MK_ERR_LIMIT;
    if (file->fd == fd && file->events != 0) poller->files--;
    *file = (always_ready_t){fd, events & (MK_POLL_IN | MK_POLL_OUT), tag};
    if (file->events != 0) poller->files++;
    return MK_OK;
}

/* Of a descriptor that epoll has taken. */
static mk_err_t set_entry(mk_poller_t *poller, size_t fd, uint32_t events, void *tag) {
    size_t n = poller->entries != 0 ? poller->entries : ENTRIES_MIN;
    while (n <= fd) n *= 2;
    if (n != poller->entries) {
        entry_t *grown = mk_realloc(poller->entry, n * sizeof *grown);
        if (grown == NULL) {
            epoll_ctl(poller->epoll, EPOLL_CTL_DEL, (int)fd, NULL);
            return MK_ERR_NOMEM;
        }
        memset(grown + poller->entries, 0, (n - poller->entries) * sizeof *grown);
        poller->entry = grown;
        poller->entries = n;
    }
    poller->entry[fd] = (entry_t){tag, events};
    return MK_OK;
}

/* The call that the table suggests, then the other one: who closed a descriptor and did not say so is right as well. */
static int tell_epoll(mk_poller_t *poller, int fd, bool known, uint32_t events) {
    struct epoll_event want = {.events = events, .data.fd = fd};
    if (epoll_ctl(poller->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &want) == 0) return 0;
    if (errno != (known ? ENOENT : EEXIST)) return errno;
    return epoll_ctl(poller->epoll, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &want) == 0 ? 0 : errno;
}

mk_err_t mk_poller_set(mk_poller_t *poller, int fd, uint32_t events, void *tag) {
    if (fd < 0) return MK_ERR_INVALID;
    if (find_file(poller, fd) != NULL) return set_file(poller, fd, events, tag);
    /* epoll reports errors even for no events at all; to hear nothing the descriptor has to leave. */
    if (events == 0) {
        mk_poller_remove(poller, fd);
        return MK_OK;
    }
    bool known = (size_t)fd < poller->entries && poller->entry[fd].events != 0;
    switch (tell_epoll(poller, fd, known, events)) {
    case 0: return set_entry(poller, (size_t)fd, events, tag);
    case EPERM: return set_file(poller, fd, events, tag);
    case ENOMEM: return MK_ERR_NOMEM;
    case ENOSPC: return MK_ERR_LIMIT;
    default: return MK_ERR_INVALID;
    }
}

static bool forget(mk_poller_t *poller, int fd) {
    always_ready_t *file = fd >= 0 ? find_file(poller, fd) : NULL;
    if (file != NULL) {
        if (file->events != 0) poller->files--;
        file->fd = -1;
    }
    if (fd < 0 || (size_t)fd >= poller->entries || poller->entry[fd].events == 0) return false;
    poller->entry[fd] = (entry_t){0};
    return true;
}

void mk_poller_remove(mk_poller_t *poller, int fd) {
    if (forget(poller, fd)) epoll_ctl(poller->epoll, EPOLL_CTL_DEL, fd, NULL); /* fails when the caller closed it */
}

void mk_poller_forget(mk_poller_t *poller, int fd) { forget(poller, fd); }

static int report_files(const mk_poller_t *poller, mk_poll_event_t *events, int max) {
    int n = 0;
    for (int i = 0; i < FILES_MAX && n < max; i++) {
        const always_ready_t *file = &poller->file[i];
        if (file->fd >= 0 && file->events != 0) events[n++] = (mk_poll_event_t){file->tag, file->events};
    }
    return n;
}

/* For kernels without epoll_pwait2 (before 5.11): rounding up means a timer is at most one late and never early. */
static int wait_ms_of(int64_t wait_us) {
    if (wait_us < 0) return -1;
    int64_t ms = (wait_us + 999) / 1000;
    return ms > 0x7fffffff ? 0x7fffffff : (int)ms;
}

/* The time-out in nanoseconds where the kernel can: a whole millisecond is half of what a timer may be late. Called by
 * number, since the C library may be older than the kernel. */
static int wait_for(mk_poller_t *poller, struct epoll_event *got, int room, int64_t us) {
#ifdef SYS_epoll_pwait2
    static bool lacking; /* atomic; once true it stays so */
    if (us > 0 && !__atomic_load_n(&lacking, __ATOMIC_RELAXED)) {
        struct {
            int64_t s, ns;
        } limit = {us / 1000000, us % 1000000 * 1000};
        long n = syscall(SYS_epoll_pwait2, poller->epoll, got, room, &limit, NULL, (size_t)0);
        if (n >= 0 || (errno != ENOSYS && errno != EPERM)) return (int)n;
        __atomic_store_n(&lacking, true, __ATOMIC_RELAXED);
    }
#endif
    return epoll_wait(poller->epoll, got, room, wait_ms_of(us));
}

int mk_poller_wait(mk_poller_t *poller, mk_poll_event_t *events, int max, int64_t wait_us) {
    mk_assert(max >= 1);
    int n = poller->files != 0 ? report_files(poller, events, max) : 0;
    if (n == max) return n;
    struct epoll_event got[BATCH_MAX];
    int                room = max - n < BATCH_MAX ? max - n : BATCH_MAX;
    int                found = wait_for(poller, got, room, n != 0 ? 0 : wait_us);
    for (int i = 0; i < found; i++) {
        int fd = got[i].data.fd;
        if (fd == -1) {
            uint64_t count;
            while (read(poller->wake, &count, sizeof count) < 0 && errno == EINTR) {}
            continue;
        }
        const entry_t *entry = &poller->entry[fd];
        uint32_t       ready = got[i].events & (entry->events | MK_POLL_ERR | MK_POLL_HUP);
        if (entry->events != 0 && ready != 0) events[n++] = (mk_poll_event_t){entry->tag, ready};
    }
    return n;
}

void mk_poller_wake(mk_poller_t *poller) {
    int      kept = errno; /* may run in a signal handler */
    uint64_t one = 1;
    while (write(poller->wake, &one, sizeof one) < 0 && errno == EINTR) {}
    errno = kept;
}
