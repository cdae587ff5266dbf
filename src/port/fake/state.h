/* SPDX-License-Identifier: Apache-2.0 */
/* state.h -- what the files of the fake port share. */
#ifndef MK_PORT_FAKE_STATE_H
#define MK_PORT_FAKE_STATE_H

#include "port/fake/fake.h"

enum { MK_FAKE_FDS_MAX = 256 };

typedef struct mk_fake {
    uint64_t now_us, wall_ms;
    uint64_t seed;
    uint64_t waits, waited_us;
    uint32_t ready[MK_FAKE_FDS_MAX];
    unsigned fail[MK_FAKE_CALLS];
} mk_fake_t;

extern mk_fake_t mk_fake;

/* Whether this call is one of those told to fail. */
bool mk_fake_should_fail(mk_fake_call_t call);

#endif
