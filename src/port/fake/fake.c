/* SPDX-License-Identifier: Apache-2.0 */
/* fake.c -- virtual time and seeded entropy. */
#include "port/fake/fake.h"

#include "port/fake/fake_net.h"
#include "port/fake/state.h"

enum { START_US = 1000000 };
static const uint64_t WALL_START_MS = 1767225600000u; /* 2026-01-01T00:00:00Z */

mk_fake_t mk_fake = {.now_us = START_US, .wall_ms = 1767225600000u, .seed = 1, .chance = 1, .wanted_us = UINT64_MAX};

void mk_fake_reset(uint64_t seed) {
    mk_fake = (mk_fake_t){
        .now_us = START_US, .wall_ms = WALL_START_MS, .seed = seed, .chance = ~seed, .wanted_us = UINT64_MAX};
    mk_fake_net_reset();
    mk_fake_ready_reset();
}

void mk_fake_advance_us(uint64_t us) {
    mk_fake.wall_ms += (mk_fake.now_us + us) / 1000 - mk_fake.now_us / 1000;
    mk_fake.now_us += us;
}

void mk_fake_set_wall_ms(uint64_t wall_ms) { mk_fake.wall_ms = wall_ms; }

void mk_fake_hold_time(bool hold) {
    mk_fake.held = hold;
    mk_fake.wanted_us = UINT64_MAX;
}

bool mk_fake_advance_to_next(void) {
    uint64_t next = mk_fake_next_us();
    if (mk_fake.wanted_us < next) next = mk_fake.wanted_us;
    mk_fake.wanted_us = UINT64_MAX;
    if (next == UINT64_MAX) return false;
    if (next > mk_fake.now_us) mk_fake_advance_us(next - mk_fake.now_us);
    mk_fake_net_run(); /* maybe nobody else does: all loops stand still */
    return true;
}

bool mk_fake_slept(void) {
    bool slept = mk_fake.slept;
    mk_fake.slept = false;
    return slept;
}

void mk_fake_set_ready(int fd, uint32_t events) {
    if (fd >= 0 && fd < MK_FAKE_FIRST_SOCKET) mk_fake_ready(fd, events);
}

void mk_fake_fail(mk_fake_call_t call, unsigned times) { mk_fake.fail[call] = times; }

bool mk_fake_should_fail(mk_fake_call_t call) {
    if (mk_fake.fail[call] == 0) return false;
    mk_fake.fail[call]--;
    return true;
}

uint64_t mk_fake_waits(void) { return mk_fake.waits; }

uint64_t mk_fake_waited_us(void) { return mk_fake.waited_us; }

uint64_t mk_port_now_us(void) { return mk_fake.now_us; }

uint64_t mk_port_wall_ms(void) { return mk_fake.wall_ms + (uint64_t)mk_fake_skew_ms(); }

uint64_t mk_fake_random(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

mk_err_t mk_port_entropy(void *out, size_t bytes) {
    if (mk_fake_should_fail(MK_FAKE_ENTROPY)) return MK_ERR_IO;
    uint8_t *at = out;
    for (size_t i = 0; i < bytes; i++) at[i] = (uint8_t)mk_fake_random(&mk_fake.seed);
    return MK_OK;
}

mk_err_t mk_port_cpu_clock(mk_cpu_clock_t *out) {
    (void)out;
    return MK_ERR_NOSYS;
}

uint64_t mk_port_cpu_us(mk_cpu_clock_t clock) {
    (void)clock;
    return 0;
}

/* Sixteen make a microsecond, but not while time is held for other loops of the thread. */
void mk_port_pause(void) {
    if (!mk_fake.held && ++mk_fake.pauses % 16 == 0) mk_fake_advance_us(1);
}
