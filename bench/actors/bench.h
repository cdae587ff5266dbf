/* SPDX-License-Identifier: Apache-2.0 */
/* bench.h -- what every workload shares: its size, its options, the clock and the one line it prints. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdint.h>

#include "microkernel/actor.h"
#include "microkernel/runtime.h"

/* The sizes of the workloads, the same for the floor and for the peers' programs (peers/). */
enum {
    PINGPONG_TRIPS = 1000000,
    COUNTING_MESSAGES = 5000000,
    RING_ACTORS = 1000,
    RING_HOPS = 5000000,
    FJ_ACTORS = 60,
    FJ_MESSAGES = 100000, /* to each actor */
    BIG_ACTORS = 1000,
    BIG_PINGS = 1000, /* from each actor */
    SPAWN_ACTORS = 1000000,
    SPAWN_BATCH = 100, /* actors spawned in one turn of the spawner */
    IDLE_ACTORS = 1000000,
    TIMERS = 1000000,
    TIMERS_SPAN_MS = 2000,
    TIMERS_EACH = 100, /* by one actor, in one turn                     */
    PAYLOAD_MESSAGES = 2000000,
    PAYLOAD_BYTES = 256,
};

typedef struct bench_options {
    const char *workload; /* the program's own name, or its first argument where it has several */
    size_t      slots;    /* --slots: idle actors that are there before the work begins         */
    size_t      mailbox;  /* --mailbox: messages that may wait for one actor                    */
} bench_options_t;

/* Exits with 2 on what it does not know. */
bench_options_t bench_options(int argc, char **argv);

/* A runtime with `options->slots` idle actors in its table. */
runtime_t *bench_runtime(const bench_options_t *options);

/* Spawns, or ends the program. */
actor_id_t bench_spawn(runtime_t *rt, const bench_options_t *options, actor_behavior_fn behavior, void *state);

/* Monotonic. */
double   bench_now(void);
uint64_t bench_now_us(void);

/* Memory of this process that is in RAM. */
uint64_t bench_resident_bytes(void);

/* The sequence is the same in every program and language: x' = 1664525 x + 1013904223 mod 2^32, high bits used. */
static inline uint32_t bench_random(uint32_t *state, uint32_t below) {
    *state = *state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)*state * below) >> 32);
}

/* Sorts; returns the 99th percentile. */
uint32_t bench_p99(uint32_t *values, size_t n);

void bench_print(const char *workload, const char *peer, uint64_t n, double seconds, const char *extra);

/* Ends the program when `cond` is false: a workload that lost a message must not print a figure. */
_Noreturn void     bench_failed(const char *what);
static inline void bench_check(bool cond, const char *what) {
    if (!cond) bench_failed(what);
}

#endif
