/* SPDX-License-Identifier: Apache-2.0 */
/* reloading.h -- a node with a guest of tests/guests/versions.c in it, that is reloaded. */
#ifndef MK_TESTS_WASM_RELOADING_H
#define MK_TESTS_WASM_RELOADING_H

#include <stdlib.h>

#include "microkernel/state_persist.h"
#include "microkernel/supervision.h"
#include "port/fake/fake.h"
#include "port/fake/fake_disk.h"
#include "wasm/code.h"
#include "wasm/world.h"

enum { ASK = 10, KEEP = 11, RECEIVE = 12 };

static world_t    w;
static actor_id_t guest;
static char       why[256];

static inline void begin_as(const char *module, wasm_options_t options) {
    mk_fake_disk_reset();
    world_open(&w);
    CHECK(state_persist_init(w.rt, "disk"));
    options.grants |= WASM_GRANT_STATE;
    options.name = "it";
    options.budget_ms = 20;
    guest = world_spawn(&w, module, &options);
}

static inline void begin(void) { begin_as("versions_1", (wasm_options_t){0}); }

static inline void end(void) {
    world_close(&w);
    CHECK_EQ(mk_code_count(), 0);
}

typedef struct reloading {
    const char                  *module;
    const wasm_reload_options_t *options;
    reload_result_t              result;
} reloading_t;

static inline void reload_now(world_t *world, void *arg) {
    reloading_t *r = arg;
    size_t       size;
    uint8_t     *bytes = read_guest(r->module, &size);
    r->result = actor_reload_wasm_opts(world->rt, guest, bytes, size, r->options, why, sizeof why);
    free(bytes);
}

static inline reload_result_t reload_with(const char *module, const wasm_reload_options_t *options) {
    reloading_t r = {module, options, RELOAD_OK};
    world_do(&w, reload_now, &r);
    return r.result;
}

static inline reload_result_t reload(const char *module) { return reload_with(module, NULL); }

/* "version/how many/kept" */
static inline const char *ask(void) {
    static char text[64];
    CHECK(world_send(&w, guest, ASK, NULL, 0));
    heard_t *h = world_wait(&w, RESULT);
    CHECK(h != NULL);
    snprintf(text, sizeof text, "%u/%u/%d", (unsigned)heard_u32(h, 0), (unsigned)heard_u32(h, 1), (int)heard_u32(h, 2));
    return text;
}

static inline void keep(uint32_t n) {
    CHECK(world_send_u32(&w, guest, KEEP, n));
    for (int i = 0; i < 5; i++) (void)runtime_wait(w.rt, 0);
}

static inline wasm_reloaded_payload_t outcome(void) {
    wasm_reloaded_payload_t payload;
    heard_t                *h = world_wait(&w, MSG_WASM_RELOADED);
    CHECK(h != NULL);
    memcpy(&payload, h->bytes, sizeof payload);
    CHECK_EQ(h->size, sizeof payload + payload.text_size);
    snprintf(why, sizeof why, "%.*s", (int)payload.text_size, (const char *)h->bytes + sizeof payload);
    return payload;
}

#endif
