/* SPDX-License-Identifier: Apache-2.0 */
/* fairness.c -- three guests that loop for ever beside an ordinary actor with a timer of one millisecond, for ten seconds:
 * how late the timer is. Each tick counts, also one that is told together with the next. Lateness is from the millisecond
 * the tick was due in to the behaviour that hears of it. An argument is the length of a slice in microseconds, instead of the
 * default one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "microkernel/services.h"
#include "microkernel/wasm_actor.h"

/* The guest, as the text it was made from:
 *   (module
 *     (memory (export "memory") 1)
 *     (func (export "handle_message") (param i32 i64 i32 i32) (result i32)
 *       (loop $for_ever (br $for_ever))
 *       (i32.const 1)))
 */
static const uint8_t module_bytes[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x09, 0x01, 0x60, 0x04, 0x7f, 0x7e, 0x7f, 0x7f, 0x01,
    0x7f, 0x03, 0x02, 0x01, 0x00, 0x05, 0x03, 0x01, 0x00, 0x01, 0x07, 0x1b, 0x02, 0x06, 0x6d, 0x65, 0x6d, 0x6f,
    0x72, 0x79, 0x02, 0x00, 0x0e, 0x68, 0x61, 0x6e, 0x64, 0x6c, 0x65, 0x5f, 0x6d, 0x65, 0x73, 0x73, 0x61, 0x67,
    0x65, 0x00, 0x00, 0x0a, 0x0b, 0x01, 0x09, 0x00, 0x03, 0x40, 0x0c, 0x00, 0x0b, 0x41, 0x01, 0x0b,
};

enum { SECONDS = 10, GUESTS = 3, TICKS_MAX = SECONDS * 1000 };

static struct {
    uint32_t late_us[TICKS_MAX];
    size_t   ticks;
    uint64_t due_us; /* of the tick that comes next */
} heard;

static bool tick(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    if (msg->type != MSG_TIMER) {
        heard.due_us = ((bench_now_us() + 999) / 1000 + 1) * 1000;
        bench_check(actor_set_timer(rt, 1, true) != TIMER_ID_INVALID, "a timer");
        return true;
    }
    const timer_payload_t *timer = msg->payload;
    uint64_t               now_us = bench_now_us();
    for (uint32_t i = 0; i < timer->expirations && heard.ticks < TICKS_MAX; i++, heard.due_us += 1000)
        heard.late_us[heard.ticks++] = (uint32_t)(now_us > heard.due_us ? now_us - heard.due_us : 0);
    if (heard.ticks == TICKS_MAX) runtime_stop(rt);
    return true;
}

static void spawn_loops(runtime_t *rt, uint32_t slice_us, actor_id_t *ids) {
    for (int i = 0; i < GUESTS; i++) {
        wasm_options_t options = {.engine = "vm", .slice_us = slice_us};
        mk_err_t       err = actor_spawn_wasm_opts(rt, module_bytes, sizeof module_bytes, &options, &ids[i], NULL, 0);
        bench_check(err == MK_OK && actor_send(rt, ids[i], 1, NULL, 0), "a guest");
    }
}

static void report(runtime_t *rt, const actor_id_t *ids, double seconds) {
    char     extra[160];
    uint64_t least = UINT64_MAX, most = 0;
    for (int i = 0; i < GUESTS; i++) {
        wasm_actor_info_t info;
        bench_check(wasm_actor_get_info(rt, ids[i], &info), "a guest that lives");
        if (info.preempted < least) least = info.preempted;
        if (info.preempted > most) most = info.preempted;
    }
    uint32_t p99 = bench_p99(heard.late_us, heard.ticks);
    snprintf(extra, sizeof extra, "p50_late_us=%u,p99_late_us=%u,max_late_us=%u,slices_least=%llu,slices_most=%llu",
             heard.late_us[heard.ticks / 2], p99, heard.late_us[heard.ticks - 1], (unsigned long long)least,
             (unsigned long long)most);
    bench_print("fairness", "ours", heard.ticks, seconds, extra);
}

int main(int argc, char **argv) {
    actor_id_t ids[GUESTS];
    bench_check(wasm_actors_init(), "wasm_actors_init");
    runtime_t *rt = runtime_init(1, 0);
    bench_check(rt != NULL, "runtime_init");
    spawn_loops(rt, argc > 1 ? (uint32_t)atoi(argv[1]) : 0, ids);
    actor_id_t timer = actor_spawn(rt, tick, NULL, NULL, 0);
    bench_check(actor_send(rt, timer, 1, NULL, 0), "the timer's actor");
    double began = bench_now();
    runtime_run(rt);
    report(rt, ids, bench_now() - began);
    runtime_destroy(rt);
    wasm_actors_cleanup();
    return 0;
}
