/* SPDX-License-Identifier: Apache-2.0 */
/* fake.h -- what a test says to the fake port: the time, what is ready, what fails. Same calls, same run. The network is in
 * fake_net.h. */
#ifndef MK_PORT_FAKE_FAKE_H
#define MK_PORT_FAKE_FAKE_H

#include <stdbool.h>
#include <stdint.h>

/* Time to a fixed start, entropy to a seed, nothing ready, nothing failing; sockets and everything said about the network
 * are gone. */
void mk_fake_reset(uint64_t seed);

void mk_fake_advance_us(uint64_t us);
void mk_fake_set_wall_ms(uint64_t wall_ms);

/* Several loops in one thread: while time is held, waits do not move the clock but only note until when they would have
 * lasted. When none of the loops has anything left to do the next call moves the clock to the earliest of these times, or
 * to when something arrives from the network; false: neither will ever come. */
void mk_fake_hold_time(bool hold);
bool mk_fake_advance_to_next(void);
/* Whether there was a wait since this was last asked, and the last one found nothing to do and would have slept: its loop has no work
 * left. */
bool mk_fake_slept(void);

/* From now on `fd` is ready for these poll bits, until told otherwise. For descriptors below 256, which are no sockets. */
void mk_fake_set_ready(int fd, uint32_t events);

typedef enum {
    MK_FAKE_POLLER_CREATE,
    MK_FAKE_POLLER_SET,
    MK_FAKE_ENTROPY,
    MK_FAKE_SOCKET, /* any call that makes a descriptor: MK_ERR_LIMIT */
    MK_FAKE_ACCEPT, /* MK_ERR_LIMIT, and the connection waits on      */
    MK_FAKE_SEND,   /* a datagram: MK_ERR_FULL                        */
    MK_FAKE_CALLS
} mk_fake_call_t;

/* The next `times` calls of this kind fail. */
void mk_fake_fail(mk_fake_call_t call, unsigned times);

/* How often the poller waited, and how much virtual time went by in those waits: a loop that spins shows here. */
uint64_t mk_fake_waits(void);
uint64_t mk_fake_waited_us(void);

#endif
