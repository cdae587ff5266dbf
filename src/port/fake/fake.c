/* SPDX-License-Identifier: Apache-2.0 */
/* fake.c -- virtual time and seeded entropy. */
#include "port/fake/fake.h"

#include "port/fake/state.h"
#include "port/port.h"

enum { START_US = 1000000 };
static const uint64_t WALL_START_MS = 1767225600000u; /* 2026-01-01T00:00:00Z */

mk_fake_t mk_fake = {.now_us = START_US, .wall_ms = 1767225600000u, .seed = 1};

void mk_fake_reset(uint64_t seed) { mk_fake = (mk_fake_t){.now_us = START_US, .wall_ms = WALL_START_MS, .seed = seed}; }

void mk_fake_advance_us(uint64_t us) {
    mk_fake.wall_ms += (mk_fake.now_us + us) / 1000 - mk_fake.now_us / 1000;
    mk_fake.now_us += us;
}

void mk_fake_set_wall_ms(uint64_t wall_ms) { mk_fake.wall_ms = wall_ms; }

void mk_fake_set_ready(int fd, uint32_t events) {
    if (fd >= 0 && fd < MK_FAKE_FDS_MAX) mk_fake.ready[fd] = events;
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

uint64_t mk_port_wall_ms(void) { return mk_fake.wall_ms; }

/* SplitMix64: small, and the same on every machine. */
static uint64_t next_random(void) {
    uint64_t z = (mk_fake.seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

mk_err_t mk_port_entropy(void *out, size_t bytes) {
    if (mk_fake_should_fail(MK_FAKE_ENTROPY)) return MK_ERR_IO;
    uint8_t *at = out;
    for (size_t i = 0; i < bytes; i++) at[i] = (uint8_t)next_random();
    return MK_OK;
}
