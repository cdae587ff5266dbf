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

MK_MUST_CHECK mk_err_t mk_mutex_create(mk_mutex_t **out);
void                   mk_mutex_destroy(mk_mutex_t *mutex);
void                   mk_mutex_lock(mk_mutex_t *mutex);
void                   mk_mutex_unlock(mk_mutex_t *mutex);

MK_MUST_CHECK mk_err_t mk_cond_create(mk_cond_t **out);
void                   mk_cond_destroy(mk_cond_t *cond);
void                   mk_cond_signal(mk_cond_t *cond);
/* Releases `mutex` while waiting, up to `wait_us` (-1: without limit). May return early. */
void mk_cond_wait(mk_cond_t *cond, mk_mutex_t *mutex, int64_t wait_us);

/* ---- pages: the memory of guests; any thread ------------------------------------------------------------------------ */

/* As realloc, but what is new is zero, and costs nothing until it is touched where the platform can do that. `from` is how
 * many bytes there are at `base` (NULL: none). `bytes` 0 gives them back; the answer is NULL then. Else NULL: out of memory,
 * and everything is as before. */
uint8_t *mk_port_pages_resize(uint8_t *base, size_t from, size_t bytes);

/* ---- console of last resort ------------------------------------------------------------------------------------------ */

/* Standard output (1) or standard error (2). May wait: from a helper thread, or where there are none. */
void mk_port_write(int stream, const void *data, size_t size);

/* ---- files ------------------------------------------------------------------------------------------------------------- */

/* Reads a whole file into memory from mk_alloc(); *out is the caller's. `below` NULL: any path. Else the path is taken
 * relative to that folder and nothing outside of it can be reached, by `..`, a link or otherwise (MK_ERR_DENIED).
 * MK_ERR_NOTFOUND, MK_ERR_TOOLONG (more than `bytes_max`), MK_ERR_NOMEM, MK_ERR_IO. */
MK_MUST_CHECK mk_err_t mk_port_read_file(const char *below, const char *path, size_t bytes_max, uint8_t **out,
                                         size_t *size);

#endif
