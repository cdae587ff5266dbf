/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor_rig.h -- children that write down when they begin and end, and a supervisor's world in virtual time. */
#ifndef MK_TESTS_SUPERVISOR_RIG_H
#define MK_TESTS_SUPERVISOR_RIG_H

#include "base/mem.h"
#include "microkernel/runtime.h"
#include "microkernel/supervision.h"
#include "port/fake/fake.h"
#include "rig/oom.h"
#include "rig/rig.h"

/* Messages a worker understands. */
enum { DO_END = 1, DO_FAIL, DO_SHUTDOWN, DO_NOTHING, DO_TRAP };

static runtime_t *rt;
static char       journal[512]; /* "+a" a's state was made, "-a" it was freed, "xa" a was asked to stop */
static size_t     journal_used;
static char       log_text[4096];
static size_t     log_used;

static inline void note(char what, char who) {
    if (journal_used + 4 > sizeof journal) return;
    if (journal_used != 0) journal[journal_used++] = ' ';
    journal[journal_used++] = what;
    journal[journal_used++] = who;
    journal[journal_used] = '\0';
}

/* What happened since the last call. */
static inline const char *happened(void) {
    static char out[sizeof journal];
    memcpy(out, journal, sizeof journal);
    journal[journal_used = 0] = '\0';
    return out;
}

typedef struct worker {
    char name;
} worker_t;

static inline void *make_worker(void *arg) {
    worker_t *worker = mk_alloc(sizeof *worker);
    if (worker == NULL) return NULL;
    worker->name = *(const char *)arg;
    note('+', worker->name);
    return worker;
}

static inline void free_worker(void *state) {
    worker_t *worker = state;
    note('-', worker->name);
    mk_free(worker);
}

/* Ends when asked to, however it is asked. */
static inline bool work(runtime_t *runtime, actor_t *self, message_t *msg, void *state) {
    (void)self;
    worker_t *worker = state;
    switch (msg->type) {
    case DO_END: return false;
    case DO_FAIL: actor_fail(runtime, EXIT_FAILED, "as it was told to"); return true;
    case DO_SHUTDOWN: actor_fail(runtime, EXIT_SHUTDOWN, NULL); return true;
    case DO_TRAP: actor_trap_exits(runtime, true); return true;
    case MSG_EXIT: note('x', worker->name); return false;
    default: return true;
    }
}

/* Is asked to stop, and does not. */
static inline bool stay(runtime_t *runtime, actor_t *self, message_t *msg, void *state) {
    (void)runtime, (void)self;
    if (msg->type == MSG_EXIT) note('x', ((worker_t *)state)->name);
    return true;
}

static inline void *unconst(const char *p) { return (void *)(uintptr_t)p; }

/* A worker that is called what it is named. */
static inline child_spec_t worker_spec(const char *name, restart_type_t type) {
    return (child_spec_t){.name = name,
                          .behavior = work,
                          .factory = make_worker,
                          .factory_arg = unconst(name),
                          .free_state = free_worker,
                          .restart_type = type,
                          .needs_state = true};
}

static inline void keep_log(void *arg, const log_entry_t *entry) {
    (void)arg;
    size_t size = strlen(entry->text);
    if (log_used + size + 2 > sizeof log_text) return;
    memcpy(log_text + log_used, entry->text, size);
    log_used += size;
    log_text[log_used++] = '\n';
    log_text[log_used] = '\0';
}

static inline void begin(void) {
    mk_fake_reset(1);
    journal[journal_used = 0] = '\0';
    log_text[log_used = 0] = '\0';
    rt = runtime_init(1, 0);
}

static inline void settle(void) {
    while (runtime_step(rt)) {}
}

static inline void pass_ms(unsigned ms) {
    while (ms-- != 0) {
        mk_fake_advance_us(1000);
        settle();
    }
}

static inline void tell(const char *name, msg_type_t type) {
    CHECK(actor_send_named(rt, name, type, NULL, 0));
    settle();
}

static inline void end(void) {
    runtime_destroy(rt);
    rt = NULL;
}

/* Remembers how the actor it watches ended. */
typedef struct watcher {
    actor_id_t target;
    unsigned   downs;
    uint8_t    reason;
    char       text[256];
} watcher_t;

enum { DO_WATCH = 100 };

static inline bool watch(runtime_t *runtime, actor_t *self, message_t *msg, void *state) {
    (void)self;
    watcher_t *watcher = state;
    if (msg->type == DO_WATCH) return actor_monitor(runtime, watcher->target) != MONITOR_ID_INVALID;
    if (msg->type != MSG_DOWN) return true;
    watcher->downs++;
    watcher->reason = ((const down_payload_t *)msg->payload)->exit_reason;
    snprintf(watcher->text, sizeof watcher->text, "%s", message_exit_text(msg));
    return true;
}

static inline void watch_end_of(watcher_t *watcher, actor_id_t target) {
    *watcher = (watcher_t){.target = target};
    actor_id_t id = actor_spawn(rt, watch, watcher, NULL, 0);
    CHECK(id != ACTOR_ID_INVALID);
    CHECK(actor_send(rt, id, DO_WATCH, NULL, 0));
    settle();
}

#endif
