/* SPDX-License-Identifier: Apache-2.0 */
/* port.h -- the only door to the operating system. One file per topic per platform, chosen by the build: linux/, bare/,
 * fake/ (virtual time, seeded, scripted; port/fake/fake.h). What a platform lacks answers MK_ERR_NOSYS. */
#ifndef MK_PORT_PORT_H
#define MK_PORT_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microkernel/error.h"

/* ---- clock: any thread ----------------------------------------------------------------------------------------- */

uint64_t mk_port_now_us(void);      /* monotonic, from an arbitrary start; never goes back          */
uint64_t mk_port_wall_ms(void);     /* since 1970, UTC; may jump; 0 when the platform does not know */
void     mk_port_pause(void);       /* one step of busy waiting: some nanoseconds in which others of the core go first */

/* The processor time a thread has used, whoever asks: time in which it waited, or the machine did something else, does not
 * count. The first is for the calling thread; MK_ERR_NOSYS where that is not known. */
typedef int mk_cpu_clock_t;

MK_MUST_CHECK mk_err_t mk_port_cpu_clock(mk_cpu_clock_t *out);
uint64_t               mk_port_cpu_us(mk_cpu_clock_t clock); /* of a thread that has not ended */

/* ---- entropy: any thread ---------------------------------------------------------------------------------------- */

/* Fails (MK_ERR_NOSYS, MK_ERR_IO) rather than return weak bytes. */
MK_MUST_CHECK mk_err_t mk_port_entropy(void *out, size_t bytes);

/* ---- poller: one thread owns it, any thread may wake it ---------------------------------------------------------- */

typedef struct mk_poller mk_poller_t;

/* poll(2) bits, fixed here because not every platform has <poll.h>. */
enum { MK_POLL_IN = 0x01, MK_POLL_PRI = 0x02, MK_POLL_OUT = 0x04, MK_POLL_ERR = 0x08, MK_POLL_HUP = 0x10 };

typedef struct mk_poll_event {
    void    *tag;    /* as given to mk_poller_set                        */
    uint32_t events; /* MK_POLL_ bits; errors and hang-up come unasked   */
} mk_poll_event_t;

MK_MUST_CHECK mk_err_t mk_poller_create(mk_poller_t **out);
void                   mk_poller_destroy(mk_poller_t *poller);

/* Adds `fd` or changes what it waits for (level-triggered). With `events` 0 the descriptor stays known but reports
 * nothing at all, not even errors. MK_ERR_INVALID: cannot be polled. */
MK_MUST_CHECK mk_err_t mk_poller_set(mk_poller_t *poller, int fd, uint32_t events, void *tag);
void                   mk_poller_remove(mk_poller_t *poller, int fd);
/* The same for a descriptor that is closed next: what closing it does anyway is left to that. */
void                   mk_poller_forget(mk_poller_t *poller, int fd);

/* Waits up to `wait_us` (-1: without limit) and returns how many events it wrote, 0 after a time-out, a wake-up or an
 * interruption. `max` at least 1. */
int mk_poller_wait(mk_poller_t *poller, mk_poll_event_t *events, int max, int64_t wait_us);

/* Makes the current or next wait return. Any thread; async-signal-safe. */
void mk_poller_wake(mk_poller_t *poller);

/* ---- helper threads ----------------------------------------------------------------------------------------------- */

typedef struct mk_thread mk_thread_t;
typedef struct mk_mutex  mk_mutex_t;
typedef struct mk_cond   mk_cond_t;

/* MK_ERR_NOSYS where there are none: the caller then does the work itself. All signals are blocked in the thread. */
MK_MUST_CHECK mk_err_t mk_thread_start(mk_thread_t **out, void (*run)(void *arg), void *arg);
void                   mk_thread_join(mk_thread_t *thread); /* waits for its end and frees it */
/* Instead: it ends by itself, maybe with the process. It has begun: `run` has been seen at work. */
void                   mk_thread_leave(mk_thread_t *thread);

MK_MUST_CHECK mk_err_t mk_mutex_create(mk_mutex_t **out);
void                   mk_mutex_destroy(mk_mutex_t *mutex);
void                   mk_mutex_lock(mk_mutex_t *mutex);
void                   mk_mutex_unlock(mk_mutex_t *mutex);

MK_MUST_CHECK mk_err_t mk_cond_create(mk_cond_t **out);
void                   mk_cond_destroy(mk_cond_t *cond);
void                   mk_cond_signal(mk_cond_t *cond);
/* Releases `mutex` while waiting, up to `wait_us` (-1: without limit). May return early. */
void mk_cond_wait(mk_cond_t *cond, mk_mutex_t *mutex, int64_t wait_us);

/* ---- sockets -------------------------------------------------------------------------------------------------------- */

typedef enum mk_family { MK_FAMILY_NONE, MK_FAMILY_IPV4, MK_FAMILY_IPV6, MK_FAMILY_UNIX } mk_family_t;

/* Zero-initialised it is no address. */
typedef struct mk_addr {
    uint8_t  family;    /* mk_family_t                                                                  */
    uint16_t port;      /* host byte order                                                              */
    uint32_t scope;     /* interface of a link-local IPv6 address, else 0                               */
    union {
        uint8_t ip[16]; /* network byte order; IPv4 has four                                            */
        char    path[108]; /* of a Unix socket, NUL-terminated; a leading `@` stands for Linux's abstract names */
    };
} mk_addr_t;

typedef struct mk_slice {
    const void *data;
    size_t      size;
} mk_slice_t;

/* What reading and writing answer instead of a number of bytes. */
enum { MK_IO_WAIT = -1, MK_IO_FAILED = -2 };

/* Every descriptor is non-blocking and not inherited by child processes, and connections are tuned (mk_sock_tune()). Calls
 * answer MK_ERR_LIMIT when descriptors or buffers have run out, MK_ERR_NOSYS where there are no sockets. */

/* `backlog` connections may wait. IPv6's "any" address serves IPv4 too. A Unix path that a dead process left behind is taken
 * over. MK_ERR_BUSY: the address is taken; MK_ERR_DENIED; MK_ERR_INVALID: not an address of this machine. *bound (may be NULL):
 * with the port chosen. */
MK_MUST_CHECK mk_err_t mk_sock_listen(const mk_addr_t *at, int backlog, int *fd, mk_addr_t *bound);

/* Removes the file that listening at a Unix path has made. Harmless for other addresses. */
void mk_sock_unlink(const mk_addr_t *at);

/* MK_ERR_NOTFOUND: nobody waits. Whoever gave up in the queue is skipped. *peer may be NULL. */
MK_MUST_CHECK mk_err_t mk_sock_accept(int listener, int *fd, mk_addr_t *peer);

/* Begins to connect; the descriptor is writable when that is decided, and mk_sock_outcome() says how: MK_OK, MK_ERR_IO
 * (refused, unreachable), MK_ERR_TIMEOUT, MK_ERR_DENIED. Refused at once is an error of this call. MK_ERR_BUSY: a Unix listener
 * whose queue is full; nothing has begun. */
MK_MUST_CHECK mk_err_t mk_sock_connect(const mk_addr_t *to, int *fd);
MK_MUST_CHECK mk_err_t mk_sock_outcome(int fd);

/* Bytes; 0 at the end; MK_IO_WAIT; MK_IO_FAILED (reset and the like). */
ptrdiff_t mk_sock_read(int fd, void *buf, size_t size);
/* Bytes taken, at least 1; MK_IO_WAIT; MK_IO_FAILED. No signal is raised. `n` is at most MK_SOCK_SLICES_MAX. */
enum { MK_SOCK_SLICES_MAX = 64 };
ptrdiff_t mk_sock_write(int fd, const mk_slice_t *slices, int n);

void mk_sock_finish(int fd); /* no more is sent: the peer reads the end */
void mk_sock_close(int fd);
void mk_sock_reset(int fd);  /* closes, and the peer sees a reset */

/* Small writes are sent at once (no Nagle), and a peer that vanished is noticed in the end. Harmless on other sockets. */
void mk_sock_tune(int fd);

/* For a listener to whose connections the client speaks first: they are accepted with their first bytes, or after a second
 * without any. Spares a wake-up for each. Where there is no such thing nothing changes. */
void mk_sock_await_bytes(int listener);

bool mk_sock_local(int fd, mk_addr_t *out);
bool mk_sock_peer(int fd, mk_addr_t *out);

MK_MUST_CHECK mk_err_t mk_sock_udp(const mk_addr_t *at, int *fd, mk_addr_t *bound); /* answers as mk_sock_listen()        */
/* One datagram. A longer one than `size` is cut and *whole says how long it was. Bytes (0 is a datagram too); MK_IO_WAIT;
 * MK_IO_FAILED: an earlier datagram was refused by its receiver; go on. */
ptrdiff_t mk_sock_receive(int fd, void *buf, size_t size, size_t *whole, mk_addr_t *from);
/* MK_OK; MK_ERR_FULL: the system has no room now; MK_ERR_TOOLONG; MK_ERR_IO; MK_ERR_DENIED (a broadcast, say). */
MK_MUST_CHECK mk_err_t mk_sock_send(int fd, const void *data, size_t size, const mk_addr_t *to);

/* Looks a name up, or reads an address in digits. Waits, for many seconds maybe: for helper threads. Writes up to `max`
 * addresses, the preferred first. MK_ERR_NOTFOUND: there is no such name; MK_ERR_IO: nobody could say; MK_ERR_NOMEM. */
MK_MUST_CHECK mk_err_t mk_port_resolve(const char *host, mk_addr_t *out, size_t max, size_t *n);

/* ---- pages: the memory of guests; any thread ------------------------------------------------------------------------ */

/* As realloc, but what is new is zero, and costs nothing until it is touched where the platform can do that. `from` is how
 * many bytes there are at `base` (NULL: none). `bytes` 0 gives them back; the answer is NULL then. Else NULL: out of memory,
 * and everything is as before. */
uint8_t *mk_port_pages_resize(uint8_t *base, size_t from, size_t bytes);

/* ---- the machine: any thread ------------------------------------------------------------------------------------------------ */

/* Its name, NUL-terminated. MK_ERR_NOTFOUND: it has none; MK_ERR_TOOLONG. */
MK_MUST_CHECK mk_err_t mk_port_host_name(char *out, size_t size);
/* Of memory that a program could still get, roughly; 0: not known. May take some 50 us. */
uint64_t               mk_port_free_bytes(void);

/* ---- console of last resort ------------------------------------------------------------------------------------------ */

/* Standard output (1) or standard error (2). May wait: from a helper thread, or where there are none. */
void mk_port_write(int stream, const void *data, size_t size);

/* ---- files ------------------------------------------------------------------------------------------------------------- */

/* Reads a whole file into memory from mk_alloc(); *out is the caller's. `below` NULL: any path. Else the path is taken
 * relative to that folder and nothing outside of it can be reached, by `..`, a link or otherwise (MK_ERR_DENIED).
 * MK_ERR_NOTFOUND, MK_ERR_TOOLONG (more than `bytes_max`: *size says how many), MK_ERR_NOMEM, MK_ERR_IO. */
MK_MUST_CHECK mk_err_t mk_port_read_file(const char *below, const char *path, size_t bytes_max, uint8_t **out,
                                         size_t *size);

/* Files piece by piece. Every call may wait for the disk: for helper threads (loop/jobs.h). MK_ERR_NOSYS where there are no
 * files; MK_ERR_LIMIT: descriptors have run out. */
typedef struct mk_file_info {
    uint64_t bytes;
    uint64_t id;          /* changes when another file is put in its place, on most file systems */
    int64_t  modified_ns; /* since 1970                                                          */
    bool     folder;      /* then it was not opened and the rest is 0                            */
    bool     shared;      /* its mode lets others than its owner read or change it               */
} mk_file_info_t;

/* For reading; `below` as above. A folder is MK_OK with info->folder set and *file -1. MK_ERR_NOTFOUND, MK_ERR_DENIED,
 * MK_ERR_TOOLONG (the path), MK_ERR_IO (neither file nor folder). */
MK_MUST_CHECK mk_err_t mk_file_open(const char *below, const char *path, int *file, mk_file_info_t *info);
/* From byte `at` on. Bytes, fewer than asked for only at the end; 0: the end; MK_IO_FAILED. */
ptrdiff_t              mk_file_read(int file, uint64_t at, void *buf, size_t size);

/* A new file for writing, readable by its owner alone until mk_file_publish(). MK_ERR_EXISTS, MK_ERR_NOTFOUND (its folder),
 * MK_ERR_DENIED, MK_ERR_TOOLONG, MK_ERR_FULL, MK_ERR_IO. */
MK_MUST_CHECK mk_err_t mk_file_create(const char *path, int *file);
/* All of it, behind what was written before. MK_ERR_FULL: the disk, or a quota, is full; MK_ERR_IO. */
MK_MUST_CHECK mk_err_t mk_file_write(int file, const void *data, size_t size);
/* The file is whole: it is on the disk, and in the place of `to`, when this returns MK_OK; closed in any case. On failure `to`
 * is what it was and `from` is gone. Both lie in one folder. MK_ERR_FULL, MK_ERR_DENIED, MK_ERR_IO. */
MK_MUST_CHECK mk_err_t mk_file_publish(int file, const char *from, const char *to);
void                   mk_file_close(int file);          /* harmless with -1            */
void                   mk_file_remove(const char *path); /* harmless when there is none */

#endif
