/* SPDX-License-Identifier: Apache-2.0 */
/* kit.h -- what the programs of this folder share: two processes, the clock, what is printed. Whatever fails ends the program: one
 * that could not do its work must not print a figure. In C++, too. */
#ifndef BENCH_NODE_KIT_H
#define BENCH_NODE_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { MESSAGE_BYTES = 64, WARM_MS = 300 };

uint64_t kit_now_ns(void);

/* Ends the program with what errno says when `ok` is false. */
void kit_check(bool ok, const char *what);

/* This process, and its threads to come, on one core (0: the receiver's, 1: the sender's), so that who sends and who receives are
 * not in each other's way. BENCH_PIN=0 leaves them where the system puts them. */
void kit_pin(int core);

/* A second process that does `run(arg)` and ends with this one, at the latest. */
void kit_fork(void (*run)(void *arg), void *arg);

/* The same as a thread, on core 1 from its first moment. */
void kit_thread(void (*run)(void *arg), void *arg);

/* A path for a Unix socket, removed when the program ends; a TCP port nobody listens at. */
const char *kit_path(void);
uint16_t    kit_free_port(void);

/* ---- one way: called for what has been received, however little; measures after a while of warming up. True: enough, and the
 * figure is printed. ---- */
typedef struct kit_rate {
    uint64_t ms;          /* how long to measure          */
    uint64_t count;
    uint64_t began_ns, began_count, looked_at;
} kit_rate_t;
bool kit_rate(kit_rate_t *rate, uint64_t more);

/* ---- round trips: called before each, the first included. True: enough, and the figures are printed. ---- */
enum { TRIPS_MAX = 4000000 };
typedef struct kit_trips {
    uint64_t ms;
    uint64_t first_ns, last_ns;
    uint32_t warm; /* trips that do not count */
    uint32_t n;
    bool     begun, measuring;
} kit_trips_t;
bool kit_trip(kit_trips_t *trips);

#ifdef __cplusplus
}
#endif

#endif
