/* SPDX-License-Identifier: Apache-2.0 */
/* world.h -- a node with one ordinary actor in it, the probe, which spawns guests, speaks to them, and keeps what comes
 * back: replies, and how its guests ended. */
#ifndef MK_TESTS_WASM_WORLD_H
#define MK_TESTS_WASM_WORLD_H

#include <stdlib.h>

#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "microkernel/supervision.h"
#include "microkernel/wasm_actor.h"
#include "rig/rig.h"
#include "wasm/engine.h"
#ifdef MK_HAVE_WAMR
#include "wasm/fiber/fiber.h"
#endif

/* The protocol of tests/guests. */
enum { STOP = 0, GO = 1, PING = 2, PONG = 3, RESULT = 4, WRONG = 5 };

enum { WORLD_KEPT = 64, WORLD_BYTES = 512, WORLD_DO = 0x7000, WORLD_STEPS = 200000 };

typedef struct heard {
    uint32_t   type;
    actor_id_t source;
    size_t     size;
    uint8_t    bytes[WORLD_BYTES];
    uint8_t    reason; /* of MSG_CHILD_EXIT, source the child */
    char       text[WORLD_BYTES];
} heard_t;

typedef struct world {
    runtime_t *rt;
    actor_id_t probe;
    heard_t    heard[WORLD_KEPT];
    size_t     count;
    char       err[256]; /* of the last spawn */
} world_t;

typedef void world_fn(world_t *w, void *arg);

typedef struct world_job {
    world_fn *fn;
    void     *arg;
    bool     *done;
} world_job_t;

static inline void world_keep(world_t *w, const message_t *msg) {
    if (w->count == WORLD_KEPT) return;
    heard_t *h = &w->heard[w->count++];
    memset(h, 0, sizeof *h);
    h->type = msg->type;
    h->source = msg->source;
    h->size = msg->payload_size;
    memcpy(h->bytes, msg->payload != NULL ? msg->payload : "", h->size < WORLD_BYTES ? h->size : WORLD_BYTES);
    if (msg->type != MSG_CHILD_EXIT) return;
    child_exit_payload_t end;
    memcpy(&end, msg->payload, sizeof end);
    h->source = end.child_id;
    h->reason = end.exit_reason;
    snprintf(h->text, sizeof h->text, "%s", message_exit_text(msg));
}

static inline bool world_probe(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)rt, (void)self;
    world_t *w = state;
    if (msg->type != WORLD_DO) {
        world_keep(w, msg);
        return true;
    }
    world_job_t job;
    memcpy(&job, msg->payload, sizeof job);
    job.fn(w, job.arg);
    *job.done = true;
    return true;
}

/* Native stacks in existence. */
static inline size_t world_fibers(void) {
#ifdef MK_HAVE_WAMR
    return mk_fiber_count();
#else
    return 0;
#endif
}

/* Which engine a test is about: the one of MK_TEST_ENGINE, else the default. */
static inline const mk_engine_t *world_engine(void) {
    mk_engine_prefer(getenv("MK_TEST_ENGINE"));
    return mk_engine_find(NULL);
}

static inline bool world_init(void) {
    (void)world_engine();
    return wasm_actors_init();
}

static inline void world_open(world_t *w) {
    memset(w, 0, sizeof *w);
    CHECK(world_init());
    w->rt = runtime_init(1, 0);
    CHECK(w->rt != NULL);
    w->probe = actor_spawn(w->rt, world_probe, w, NULL, 4096);
    CHECK(w->probe != ACTOR_ID_INVALID);
}

static inline void world_close(world_t *w) {
    runtime_destroy(w->rt);
    wasm_actors_cleanup();
}

/* Runs fn inside the probe's behaviour, and then what has become ready by it. */
static inline void world_do(world_t *w, world_fn *fn, void *arg) {
    bool        done = false;
    world_job_t job = {fn, arg, &done};
    CHECK(actor_send(w->rt, w->probe, WORLD_DO, &job, sizeof job));
    while (!done) runtime_step(w->rt);
    /* An end to it, because some guests are always ready. */
    for (unsigned steps = 0; runtime_step(w->rt) && steps < 300; steps++) {}
}

typedef struct world_spawn {
    const char           *path;
    const void           *bytes;
    size_t                size;
    const wasm_options_t *options;
    actor_id_t            id;
    mk_err_t              result;
} world_spawn_t;

static inline void world_spawn_now(world_t *w, void *arg) {
    world_spawn_t *s = arg;
    s->result = s->path != NULL ? actor_spawn_wasm_file_opts(w->rt, s->path, s->options, &s->id, NULL, w->err, sizeof w->err)
                                : actor_spawn_wasm_opts(w->rt, s->bytes, s->size, s->options, &s->id, w->err, sizeof w->err);
}

static inline const char *guest_path(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/tests/guests/%s.wasm", MK_BINARY_DIR, name);
    return path;
}

static inline mk_err_t world_try_spawn(world_t *w, const char *guest, const wasm_options_t *options, actor_id_t *id) {
    world_spawn_t s = {.path = guest_path(guest), .options = options};
    world_do(w, world_spawn_now, &s);
    *id = s.id;
    return s.result;
}

static inline actor_id_t world_spawn(world_t *w, const char *guest, const wasm_options_t *options) {
    actor_id_t id = ACTOR_ID_INVALID;
    mk_err_t   result = world_try_spawn(w, guest, options, &id);
    if (result != MK_OK) rig_fail(__FILE__, __LINE__, "%s: %s", guest, w->err);
    return id;
}

typedef struct world_letter {
    actor_id_t  to;
    uint32_t    type;
    const void *payload;
    size_t      size;
    bool        accepted;
} world_letter_t;

static inline void world_send_now(world_t *w, void *arg) {
    world_letter_t *l = arg;
    l->accepted = actor_send(w->rt, l->to, l->type, l->payload, l->size);
}

static inline bool world_send(world_t *w, actor_id_t to, uint32_t type, const void *payload, size_t size) {
    world_letter_t l = {to, type, payload, size, false};
    world_do(w, world_send_now, &l);
    return l.accepted;
}

static inline bool world_send_u32(world_t *w, actor_id_t to, uint32_t type, uint32_t value) {
    uint8_t payload[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    return world_send(w, to, type, payload, sizeof payload);
}

static inline bool world_send_u64(world_t *w, actor_id_t to, uint32_t type, uint64_t value) {
    uint8_t payload[8];
    for (unsigned i = 0; i < 8; i++) payload[i] = (uint8_t)(value >> (8 * i));
    return world_send(w, to, type, payload, sizeof payload);
}

/* Takes out the oldest kept message of that type, running the node until there is one. NULL: it does not come. */
static inline heard_t *world_wait(world_t *w, uint32_t type) {
    static heard_t found;
    for (unsigned steps = 0; steps < WORLD_STEPS; steps++) {
        for (size_t i = 0; i < w->count; i++) {
            if (w->heard[i].type != type) continue;
            found = w->heard[i];
            memmove(&w->heard[i], &w->heard[i + 1], (--w->count - i) * sizeof w->heard[0]);
            return &found;
        }
        runtime_wait(w->rt, 1);
    }
    return NULL;
}

static inline uint32_t heard_u32(const heard_t *h, size_t index) {
    const uint8_t *b = h->bytes + index * 4;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t heard_u64(const heard_t *h, size_t at) {
    uint64_t value = 0;
    for (size_t i = 8; i-- > 0;) value = value << 8 | h->bytes[at + i];
    return value;
}

/* The number a guest answers with; complaints of its own checks fail the test with their text. */
static inline uint32_t world_result(world_t *w, size_t index) {
    heard_t *h = world_wait(w, RESULT);
    for (size_t i = 0; i < w->count; i++) {
        if (w->heard[i].type == WRONG) rig_fail(__FILE__, __LINE__, "the guest says: %.*s", (int)w->heard[i].size,
                                                (const char *)w->heard[i].bytes);
    }
    if (h == NULL) rig_fail(__FILE__, __LINE__, "no RESULT");
    if (h->size < (index + 1) * 4) rig_fail(__FILE__, __LINE__, "RESULT of %zu bytes", h->size);
    return heard_u32(h, index);
}

/* How the guest ended. */
static inline heard_t *world_end(world_t *w) {
    heard_t *h = world_wait(w, MSG_CHILD_EXIT);
    if (h == NULL) rig_fail(__FILE__, __LINE__, "no guest has ended");
    return h;
}

/* Our own engine tells more: figures, and where it was. */
static inline void check_text(const heard_t *h, const char *first, const char *last) {
    size_t size = strlen(h->text), end = strlen(last);
    if (!world_engine()->continues) {
        CHECK_EQ(size, strlen(first) + end);
    }
    CHECK(size >= strlen(first) + end);
    CHECK(strncmp(h->text, first, strlen(first)) == 0);
    CHECK_STR(h->text + size - end, last);
}

static inline wasm_actor_info_t world_info(world_t *w, actor_id_t id) {
    wasm_actor_info_t info;
    CHECK(wasm_actor_get_info(w->rt, id, &info));
    return info;
}

/* A whole guest file; the caller frees it. */
static inline uint8_t *read_guest(const char *name, size_t *size) {
    FILE *file = fopen(guest_path(name), "rb");
    if (file == NULL) rig_fail(__FILE__, __LINE__, "no %s", guest_path(name));
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size);
    CHECK(bytes != NULL && fread(bytes, 1, *size, file) == *size);
    fclose(file);
    return bytes;
}

#endif
