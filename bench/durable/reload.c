/* SPDX-License-Identifier: Apache-2.0 */
/* reload.c -- how long messages wait when a guest is given another module: an actor sends to it all the time, so that a thousand wait in
 * its mailbox, and notes the longest time between two answers in the window that begins with each reload and ends two thousand
 * answers later. The same with a module that traps at its first message, so that the old one comes back, and in windows without any.
 *
 *   reload MODULE.wasm OTHER.wasm          (build/examples/echo.wasm, and another build of it)
 * One line each: the median of the windows and the longest, in milliseconds. Fails if a message was lost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "microkernel/services.h"
#include "microkernel/wasm_actor.h"

enum { WAITING = 1000, WINDOW = 2 * WAITING, EACH = 20000, ROUNDS = 31, MESSAGES = (ROUNDS + 1) * EACH };

/* A guest that traps whatever it gets: (func (export "handle_message") (param i32 i64 i32 i32) (result i32) unreachable). */
static const unsigned char bad[] = {
    0,   'a', 's', 'm', 1, 0,   0,   0,   1,   9,   1,   0x60, 4,   0x7f, 0x7e, 0x7f, 0x7f, 1,   0x7f, 3,   2,   1,
    0,   5,   3,   1,   0, 1,   7,   27,  2,   14,  'h', 'a',  'n', 'd',  'l',  'e',  '_',  'm', 'e',  's', 's', 'a',
    'g', 'e', 0,   0,   6, 'm', 'e', 'm', 'o', 'r', 'y', 2,    0,   10,   5,    1,    3,    0,   0,    0x0b};

typedef enum kind { NONE, RELOAD, UNDO } kind_t;

typedef struct module {
    void  *bytes;
    size_t size;
} module_t;

typedef struct sender {
    actor_id_t guest;
    kind_t     kind;
    module_t   module[2];
    unsigned   sent, answered, round, kept, undone;
    uint64_t   last_us, longest_us[ROUNDS + 1];
} sender_t;

static module_t read_file(const char *path) {
    module_t module = {malloc(1 << 24), 0};
    FILE    *file = fopen(path, "rb");
    if (file == NULL || module.bytes == NULL) {
        fprintf(stderr, "reload: %s cannot be read\n", path);
        exit(1);
    }
    module.size = fread(module.bytes, 1, 1 << 24, file);
    fclose(file);
    return module;
}

static void fill(runtime_t *rt, sender_t *s) {
    while (s->sent < MESSAGES && s->sent - s->answered < WAITING && actor_send(rt, s->guest, 200, "hello", 5))
        s->sent++;
}

static void reload(runtime_t *rt, const sender_t *s) {
    const module_t *next = &s->module[s->round % 2];
    const void     *bytes = s->kind == UNDO ? bad : next->bytes;
    size_t          size = s->kind == UNDO ? sizeof bad : next->size;
    if (s->kind != NONE && actor_reload_wasm(rt, s->guest, bytes, size, NULL) != RELOAD_OK) {
        fprintf(stderr, "reload: refused\n");
        exit(1);
    }
}

static void answered(runtime_t *rt, sender_t *s) {
    uint64_t now = bench_now_us(), gap = now - s->last_us;
    if (s->round > 0 && s->answered % EACH < WINDOW && gap > s->longest_us[s->round]) s->longest_us[s->round] = gap;
    s->last_us = now;
    if (++s->answered % EACH != 0 || s->round == ROUNDS) return;
    s->round++;
    reload(rt, s);
}

static bool talk(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    sender_t *s = state;
    (void)self;
    if (msg->type == 201) answered(rt, s);
    if (msg->type == MSG_WASM_RELOADED) {
        const wasm_reloaded_payload_t *end = msg->payload;
        s->kept += end->outcome == WASM_RELOAD_KEPT;
        s->undone += end->outcome == WASM_RELOAD_UNDONE;
    }
    fill(rt, s);
    return s->answered < MESSAGES;
}

static int compare(const void *a, const void *b) {
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static bool run(char **paths, kind_t kind, const char *name) {
    sender_t       s = {.kind = kind, .module = {read_file(paths[0]), read_file(paths[1])}};
    wasm_options_t options = {.mailbox_size = 2 * WAITING, .orphan = true};
    char           why[200];
    runtime_t     *rt = runtime_init(1, 0);
    unsigned       expected = kind == NONE ? 0 : ROUNDS;
    if (rt == NULL ||
        actor_spawn_wasm_opts(rt, s.module[0].bytes, s.module[0].size, &options, &s.guest, why, sizeof why) != MK_OK)
        exit(1);
    runtime_set_log_level(rt, MK_LOG_ERROR);
    actor_id_t id = actor_spawn(rt, talk, &s, NULL, 2 * WAITING);
    (void)actor_send(rt, id, 1, NULL, 0);
    while (actor_is_alive(rt, id)) (void)runtime_wait(rt, -1);
    runtime_destroy(rt);
    for (int i = 0; i < 2; i++) free(s.module[i].bytes);
    qsort(s.longest_us + 1, ROUNDS, sizeof s.longest_us[0], compare);
    printf("longest gap, %-20s %7.2f ms in the median, %7.2f the longest of %u; %u messages, none lost\n", name,
           (double)s.longest_us[1 + ROUNDS / 2] / 1000, (double)s.longest_us[ROUNDS] / 1000, ROUNDS, s.answered);
    return s.sent == s.answered && s.kept + s.undone == expected && (kind == UNDO ? s.kept : s.undone) == 0;
}

int main(int argc, char **argv) {
    if (argc != 3 || !wasm_actors_init()) {
        fprintf(stderr, "usage: reload MODULE.wasm OTHER.wasm\n");
        return 2;
    }
    bool ok = run(argv + 1, NONE, "without a reload:");
    ok = run(argv + 1, RELOAD, "reload:") && ok;
    ok = run(argv + 1, UNDO, "reload and undo:") && ok;
    wasm_actors_cleanup();
    if (!ok) fprintf(stderr, "reload: messages or outcomes are missing\n");
    return ok ? 0 : 1;
}
