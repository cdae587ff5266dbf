/* SPDX-License-Identifier: Apache-2.0 */
/* guests.c -- what a guest costs on each engine: one more instance of a loaded module, an idle one, one that waits in
 * mk_recv, a call into it, a call it makes, a wait, and going on after its time was up. One line each, the engine as `peer`;
 * --slots is not for this program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "microkernel/wasm_actor.h"
#include "wasm/engine.h"

/* The measured guest, as the text it was made from:
 *   (module
 *     (import "env" "mk_self" (func $self (result i64)))
 *     (import "env" "mk_recv" (func $recv (param i32 i32 i32 i32) (result i32)))
 *     (memory (export "memory") 1)
 *     (data (i32.const 64) "as most guests have")
 *     (func (export "mk_alloc") (param i32) (result i32) (i32.const 1024))
 *     (func (export "handle_message") (param $type i32) (param i64 i32) (param $n i32) (result i32)
 *       (if (i32.eq (local.get $type) (i32.const 2))
 *         (then (loop $again
 *           (drop (call $self))
 *           (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))
 *       (if (i32.eq (local.get $type) (i32.const 3))
 *         (then (loop $wait
 *           (drop (call $recv (i32.const 0) (i32.const 16) (i32.const 64) (i32.const 0)))
 *           (br $wait))))
 *       (if (i32.eq (local.get $type) (i32.const 4))
 *         (then (loop $for_ever (br $for_ever))))
 *       (i32.const 1)))
 */
static const uint8_t module_bytes[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x1a, 0x04, 0x60, 0x00, 0x01, 0x7e, 0x60, 0x04, 0x7f, 0x7f,
    0x7f, 0x7f, 0x01, 0x7f, 0x60, 0x01, 0x7f, 0x01, 0x7f, 0x60, 0x04, 0x7f, 0x7e, 0x7f, 0x7f, 0x01, 0x7f, 0x02, 0x1d,
    0x02, 0x03, 0x65, 0x6e, 0x76, 0x07, 0x6d, 0x6b, 0x5f, 0x73, 0x65, 0x6c, 0x66, 0x00, 0x00, 0x03, 0x65, 0x6e, 0x76,
    0x07, 0x6d, 0x6b, 0x5f, 0x72, 0x65, 0x63, 0x76, 0x00, 0x01, 0x03, 0x03, 0x02, 0x02, 0x03, 0x05, 0x03, 0x01, 0x00,
    0x01, 0x07, 0x26, 0x03, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00, 0x08, 0x6d, 0x6b, 0x5f, 0x61, 0x6c,
    0x6c, 0x6f, 0x63, 0x00, 0x02, 0x0e, 0x68, 0x61, 0x6e, 0x64, 0x6c, 0x65, 0x5f, 0x6d, 0x65, 0x73, 0x73, 0x61, 0x67,
    0x65, 0x00, 0x03, 0x0a, 0x49, 0x02, 0x05, 0x00, 0x41, 0x80, 0x08, 0x0b, 0x41, 0x00, 0x20, 0x00, 0x41, 0x02, 0x46,
    0x04, 0x40, 0x03, 0x40, 0x10, 0x00, 0x1a, 0x20, 0x03, 0x41, 0x01, 0x6b, 0x22, 0x03, 0x0d, 0x00, 0x0b, 0x0b, 0x20,
    0x00, 0x41, 0x03, 0x46, 0x04, 0x40, 0x03, 0x40, 0x41, 0x00, 0x41, 0x10, 0x41, 0xc0, 0x00, 0x41, 0x00, 0x10, 0x01,
    0x1a, 0x0c, 0x00, 0x0b, 0x0b, 0x20, 0x00, 0x41, 0x04, 0x46, 0x04, 0x40, 0x03, 0x40, 0x0c, 0x00, 0x0b, 0x0b, 0x41,
    0x01, 0x0b, 0x0b, 0x1a, 0x01, 0x00, 0x41, 0xc0, 0x00, 0x0b, 0x13, 0x61, 0x73, 0x20, 0x6d, 0x6f, 0x73, 0x74, 0x20,
    0x67, 0x75, 0x65, 0x73, 0x74, 0x73, 0x20, 0x68, 0x61, 0x76, 0x65,
};

enum { IDLE = 1, CALL_HOST = 2, WAIT = 3, LOOP = 4 };
enum { INSTANCES = 10000, CALLS = 5000000, PINGS = 2000000 };

/* ---- through the engine alone ------------------------------------------------------------------------------------- */

static mk_host_end_t import_self(void *host, const uint64_t *args, uint64_t *result) {
    (void)args;
    *result = *(uint64_t *)host;
    return MK_HOST_DONE;
}

static mk_host_end_t import_recv(void *host, const uint64_t *args, uint64_t *result) {
    (void)host, (void)args, (void)result;
    return MK_HOST_BLOCKED;
}

static const mk_host_import_t imports[] = {{{"env", "mk_self", "()I"}, import_self},
                                           {{"env", "mk_recv", "(iiii)i"}, import_recv}};

static const mk_engine_t *engine; /* the one being measured */

static void print_ns(const char *workload, uint64_t n, double seconds) {
    char extra[64];
    snprintf(extra, sizeof extra, "ns=%.1f", seconds * 1e9 / (double)n);
    bench_print(workload, engine->name, n, seconds, extra);
}

/* A budget that a call never uses up. */
static uint32_t enough(void) { return engine->continues ? 400000 : 100; }

static void bench_instantiate(mk_wasm_module_t *module, const mk_wasm_limits_t *limits) {
    static mk_wasm_instance_t *instances[INSTANCES];
    uint64_t                   host = 0;
    char                       err[128];
    double                     began = bench_now();
    for (int i = 0; i < INSTANCES; i++) {
        mk_err_t result = engine->instantiate(module, limits, &host, &instances[i], err, sizeof err);
        bench_check(result == MK_OK, "instantiate");
    }
    print_ns("instantiate", INSTANCES, bench_now() - began);
    for (int i = 0; i < INSTANCES; i++) engine->destroy(instances[i]);
}

static void bench_calls(mk_wasm_module_t *module, const mk_wasm_limits_t *limits) {
    mk_wasm_instance_t *instance;
    uint64_t            host = 77, result = 0, args[4] = {IDLE, 0, 0, 0};
    char                err[128];
    bench_check(engine->instantiate(module, limits, &host, &instance, err, sizeof err) == MK_OK, "instantiate");
    mk_wasm_function_t handle = engine->find(instance, "handle_message", "(iIii)i");

    double began = bench_now();
    for (int i = 0; i < CALLS; i++) {
        bench_check(engine->call(instance, handle, args, enough(), &result) == MK_WASM_DONE && result == 1, "call");
    }
    print_ns("call_in", CALLS, bench_now() - began);

    args[0] = CALL_HOST;
    args[3] = CALLS;
    began = bench_now();
    bench_check(engine->call(instance, handle, args, 0, &result) == MK_WASM_DONE, "host call");
    print_ns("host_call", CALLS, bench_now() - began);

    args[0] = WAIT;
    bench_check(engine->call(instance, handle, args, enough(), &result) == MK_WASM_BLOCKED, "wait");
    began = bench_now();
    for (int i = 0; i < CALLS; i++) {
        bench_check(engine->resume(instance, 0, enough(), &result) == MK_WASM_BLOCKED, "resume");
    }
    print_ns("wait_and_resume", CALLS, bench_now() - began);
    engine->destroy(instance);
}

/* The least fuel there is: one turn of a loop between two stops. */
static void bench_preempt(mk_wasm_module_t *module, const mk_wasm_limits_t *limits) {
    mk_wasm_instance_t *instance;
    uint64_t            host = 77, result = 0;
    const uint64_t      args[4] = {LOOP, 0, 0, 0};
    char                err[128];
    bench_check(engine->instantiate(module, limits, &host, &instance, err, sizeof err) == MK_OK, "instantiate");
    mk_wasm_function_t handle = engine->find(instance, "handle_message", "(iIii)i");
    bench_check(engine->call(instance, handle, args, 1, &result) == MK_WASM_OUT_OF_BUDGET, "preempt");
    double began = bench_now();
    for (int i = 0; i < CALLS; i++) {
        bench_check(engine->go_on(instance, 1, &result) == MK_WASM_OUT_OF_BUDGET, "go on");
    }
    print_ns("preempt_and_go_on", CALLS, bench_now() - began);
    engine->destroy(instance);
}

static void bench_engine(void) {
    mk_wasm_limits_t limits = {
        .stack_bytes = WASM_DEFAULT_STACK_SIZE, .memory_pages_max = 16, .native_stack_bytes = 16 * 1024};
    mk_wasm_module_t *module;
    char              err[128];
    bench_check(engine->start(imports, 2) == MK_OK, "start");
    bench_check(engine->load(module_bytes, sizeof module_bytes, &module, err, sizeof err) == MK_OK, "load");
    bench_instantiate(module, &limits);
    bench_calls(module, &limits);
    if (engine->continues) bench_preempt(module, &limits);
    engine->unload(module);
    engine->stop();
}

/* ---- as actors -------------------------------------------------------------------------------------------------------- */

static actor_id_t spawn_guest(runtime_t *rt) {
    wasm_options_t options = {.mailbox_size = 8, .engine = engine->name};
    actor_id_t     id;
    mk_err_t       err = actor_spawn_wasm_opts(rt, module_bytes, sizeof module_bytes, &options, &id, NULL, 0);
    bench_check(err == MK_OK, "spawn");
    return id;
}

static void run(runtime_t *rt) {
    while (runtime_step(rt)) {}
}

/* A few at a time, so that what lies in mailboxes is not counted as theirs. */
static void tell_all(runtime_t *rt, const actor_id_t *ids, msg_type_t type) {
    for (int i = 0; i < INSTANCES; i++) {
        bench_check(actor_send(rt, ids[i], type, NULL, 0), "send");
        if (i % 8 == 0) run(rt);
    }
    run(rt);
}

static void print_bytes(const char *workload, double seconds, uint64_t bytes) {
    char extra[64];
    snprintf(extra, sizeof extra, "bytes_per_guest=%llu", (unsigned long long)(bytes / INSTANCES));
    bench_print(workload, engine->name, INSTANCES, seconds, extra);
}

/* Each guest has handled a message before it counts as idle: its memory and its record are as they are in use. */
static void bench_many(runtime_t *rt) {
    static actor_id_t ids[INSTANCES];
    ids[0] = spawn_guest(rt); /* what the first one brings with it, as code that was never run before, is not counted */
    bench_check(actor_send(rt, ids[0], IDLE, NULL, 0) && actor_send(rt, ids[0], WAIT, NULL, 0), "send");
    run(rt);
    actor_stop(rt, ids[0]);
    run(rt);
    uint64_t empty = bench_resident_bytes();
    double   began = bench_now();
    for (int i = 0; i < INSTANCES; i++) {
        ids[i] = spawn_guest(rt);
        if (i % 8 == 0) run(rt);
    }
    tell_all(rt, ids, IDLE);
    double spawned = bench_now();
    print_bytes("guests_idle", spawned - began, bench_resident_bytes() - empty);
    tell_all(rt, ids, WAIT);
    print_bytes("guests_waiting", bench_now() - spawned, bench_resident_bytes() - empty);
    for (int i = 0; i < INSTANCES; i++) actor_stop(rt, ids[i]);
    run(rt);
}

typedef struct pinger {
    actor_id_t guest;
    int        left;
} pinger_t;

/* Fills the guest's mailbox each time it gets a turn. */
static bool ping(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)msg;
    pinger_t *p = state;
    while (p->left > 0 && actor_send(rt, p->guest, IDLE, NULL, 0)) p->left--;
    return p->left > 0 && actor_send(rt, actor_self(rt), 1, NULL, 0);
}

static void bench_messages(runtime_t *rt) {
    pinger_t   p = {spawn_guest(rt), PINGS};
    actor_id_t id = actor_spawn(rt, ping, &p, NULL, 4);
    double     began = bench_now();
    actor_send(rt, id, 1, NULL, 0);
    run(rt);
    print_ns("guest_message", PINGS, bench_now() - began);
    actor_stop(rt, p.guest);
    run(rt);
}

static void bench_actors(void) {
    bench_check(wasm_actors_init(), "wasm_actors_init");
    runtime_t *rt = runtime_init(1, 0);
    bench_check(rt != NULL, "runtime_init");
    bench_many(rt);
    bench_messages(rt);
    runtime_destroy(rt);
    wasm_actors_cleanup();
}

/* Bytes are counted before anything was freed that could be used again: so each engine has a process. */
static void bench_in_process(void) {
    fflush(stdout);
    pid_t child = fork();
    bench_check(child >= 0, "fork");
    if (child == 0) {
        bench_actors();
        bench_engine();
        exit(0);
    }
    int status;
    bench_check(waitpid(child, &status, 0) == child && status == 0, engine->name);
}

int main(void) {
    static const char *const names[] = {"vm", "wamr"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((engine = mk_engine_find(names[i])) != NULL) bench_in_process();
    }
    return 0;
}
