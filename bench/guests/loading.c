/* SPDX-License-Identifier: Apache-2.0 */
/* loading.c -- the longest time in which nobody else had a turn while a large module was loaded: at once on the loop, and prepared on
 * a helper thread. An actor sends to itself without end and looks at the clock at each of its turns. The module is let go of between
 * two rounds, so each round reads, hashes, decodes and validates it again. Told by the clock, and in processor time of the loop's
 * thread, which does not count what else the machine does. The argument is the module, a guest's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "microkernel/services.h"
#include "microkernel/wasm_actor.h"

#ifndef BENCH_MODULE
#define BENCH_MODULE ""
#endif

enum { ROUNDS = 40, MSG_NEXT = 1, MSG_TICK = 2, PAUSE_US = 20 * 1000 };

typedef enum way { NOTHING, AT_ONCE, PREPARED, WAYS } way_t;

static const char *const names[WAYS] = {"nothing is loaded", "loaded at once", "prepared"};

static struct {
    const char *path;
    way_t       way;
    int         round;
    actor_id_t  guest;
    uint64_t    last_us, longest_us, asked_us, until_us;
    uint64_t    last_own_us, longest_own_us; /* in processor time */
    uint64_t    stall_us[ROUNDS], own_us[ROUNDS], took_us[ROUNDS];
} b;

static uint64_t own_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void spawned(runtime_t *rt) {
    b.took_us[b.round] = bench_now_us() - b.asked_us;
    actor_stop(rt, b.guest); /* what it does itself is not what is measured */
    b.until_us = bench_now_us() + PAUSE_US;
}

static void begin(runtime_t *rt) {
    wasm_source_t source = {.path = b.path};
    b.asked_us = b.last_us = bench_now_us();
    b.last_own_us = own_us();
    b.longest_us = b.longest_own_us = 0;
    switch (b.way) {
    case NOTHING: b.until_us = b.asked_us + PAUSE_US; break;
    case AT_ONCE:
        bench_check(actor_spawn_wasm_file_opts(rt, b.path, NULL, &b.guest, NULL, NULL, 0) == MK_OK, "a guest");
        spawned(rt);
        break;
    default: bench_check(wasm_prepare(rt, &source, NULL) == MK_OK, "preparing"); break;
    }
}

static void is_ready(runtime_t *rt, const wasm_prepared_payload_t *ready) {
    bench_check(ready->module != NULL, "the module");
    bench_check(actor_spawn_wasm_module(rt, ready->module, NULL, &b.guest, NULL, 0) == MK_OK, "a guest");
    wasm_module_release(ready->module);
    spawned(rt);
}

static void note_gap(void) {
    uint64_t now_us = bench_now_us(), now_own_us = own_us();
    if (now_us - b.last_us > b.longest_us) b.longest_us = now_us - b.last_us;
    if (now_own_us - b.last_own_us > b.longest_own_us) b.longest_own_us = now_own_us - b.last_own_us;
    b.last_us = now_us;
    b.last_own_us = now_own_us;
}

static bool turn(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    if (b.last_us != 0) note_gap();
    if (msg->type == MSG_WASM_PREPARED) is_ready(rt, msg->payload);
    if (msg->type != MSG_TICK && msg->type != MSG_NEXT) return true;
    if (msg->type == MSG_NEXT) begin(rt);
    bool over = b.until_us != 0 && b.last_us >= b.until_us;
    if (over) {
        b.own_us[b.round] = b.longest_own_us;
        b.stall_us[b.round++] = b.longest_us;
        b.until_us = 0;
    }
    if (over && b.round == ROUNDS) runtime_stop(rt);
    else actor_send(rt, actor_self(rt), over ? MSG_NEXT : MSG_TICK, NULL, 0);
    return true;
}

static int by_size(const void *a, const void *c) {
    const uint64_t *x = a, *y = c;
    return *x < *y ? -1 : *x > *y;
}

static void report(void) {
    qsort(b.stall_us, ROUNDS, sizeof *b.stall_us, by_size);
    qsort(b.own_us, ROUNDS, sizeof *b.own_us, by_size);
    qsort(b.took_us, ROUNDS, sizeof *b.took_us, by_size);
    printf("%-18s longest stall: median %6.2f ms, worst %6.2f ms; of processor time: %6.2f, %6.2f ms; spawned after "
           "%6.2f ms\n",
           names[b.way], (double)b.stall_us[ROUNDS / 2] / 1000, (double)b.stall_us[ROUNDS - 1] / 1000,
           (double)b.own_us[ROUNDS / 2] / 1000, (double)b.own_us[ROUNDS - 1] / 1000,
           (double)b.took_us[ROUNDS / 2] / 1000);
}

static void measure(way_t way) {
    const char *path = b.path;
    memset(&b, 0, sizeof b);
    b.path = path;
    b.way = way;
    runtime_t *rt = runtime_init(1, 0);
    actor_id_t id = actor_spawn(rt, turn, NULL, NULL, 16);
    bench_check(id != ACTOR_ID_INVALID && actor_send(rt, id, MSG_NEXT, NULL, 0), "an actor");
    runtime_run(rt);
    runtime_destroy(rt);
    report();
}

int main(int argc, char **argv) {
    b.path = argc > 1 ? argv[1] : BENCH_MODULE;
    FILE *module = fopen(b.path, "rbe");
    if (module == NULL) { /* built without Go */
        printf("loading: no module at %s\n", b.path);
        return 0;
    }
    fclose(module);
    bench_check(wasm_actors_init(), "the engine");
    for (way_t way = NOTHING; way < WAYS; way++) measure(way);
    wasm_actors_cleanup();
    return 0;
}
