/* SPDX-License-Identifier: Apache-2.0 */
/* state.h -- what the files of the fake port share. */
#ifndef MK_PORT_FAKE_STATE_H
#define MK_PORT_FAKE_STATE_H

#include "port/fake/fake.h"

/* Descriptors below MK_FAKE_FIRST_SOCKET are the test's own (mk_fake_set_ready). */
enum { MK_FAKE_FIRST_SOCKET = 256, MK_FAKE_FDS_MAX = sizeof(void *) == 8 ? 65536 : 1024 };

typedef struct mk_fake {
    uint64_t now_us, wall_ms;
    uint64_t seed;
    uint64_t chance;    /* the network's own dice: entropy that is asked for does not change what befalls packets */
    uint64_t waits, waited_us;
    uint64_t wanted_us; /* the earliest end of a wait while time was held                                         */
    unsigned pauses;    /* of busy waiting                                                                        */
    bool     held;
    bool     slept;     /* the last wait, or would have                                                           */
    unsigned fail[MK_FAKE_CALLS];
} mk_fake_t;

extern mk_fake_t mk_fake;

/* Whether this call is one of those told to fail. */
bool mk_fake_should_fail(mk_fake_call_t call);

/* SplitMix64: small, and the same on every machine. */
uint64_t mk_fake_random(uint64_t *state);

/* ---- poller.c ---- */

/* What a descriptor is ready for, to all pollers that watch it. */
void mk_fake_ready(int fd, uint32_t events);
/* It was closed: nobody watches it any more. */
void mk_fake_unwatch(int fd);
/* Nothing is ready. */
void mk_fake_ready_reset(void);

/* ---- the network: see network.h ---- */

/* How far the wall clock of the current host is ahead. */
int64_t mk_fake_skew_ms(void);

void mk_fake_net_reset(void);
/* Everything that is due arrives. */
void mk_fake_net_run(void);

#endif
