/* SPDX-License-Identifier: Apache-2.0 */
/* reload.c -- how long a guest's messages wait when it is given another module: an actor sends to it all the time, so that a thousand
 * wait in its mailbox, and notes the longest time between two answers, with a reload every 50,000 messages and without any.
 *
 *   reload MODULE.wasm OTHER.wasm          (build/examples/echo.wasm, and another build of it)
 * One line: the longest gap without reloads, with them, and how many messages were answered and lost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "microkernel/wasm_actor.h"

enum { WAITING = 1000, MESSAGES = 1000000, EACH = 50000 };

typedef struct sender {
    actor_id_t guest;
    void      *module[2];
    size_t     size[2];
    bool       reloading;
    unsigned   sent, answered, reloads;
    uint64_t   last_us, longest_us;
} sender_t;

static void *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    void *bytes = malloc(1 << 24);
    if (file == NULL || bytes == NULL) {
        fprintf(stderr, "reload: %s cannot be read\n", path);
        exit(1);
    }
    *size = fread(bytes, 1, 1 << 24, file);
    fclose(file);
    return bytes;
}

static void fill(runtime_t *rt, sender_t *s) {
    while (s->sent < MESSAGES && s->sent - s->answered < WAITING && actor_send(rt, s->guest, 200, "hello", 5))
        s->sent++;
}

static bool talk(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    sender_t *s = state;
    (void)self;
    if (msg->type == 201) {
        uint64_t now = bench_now_us();
        if (s->last_us != 0 && now - s->last_us > s->longest_us) s->longest_us = now - s->last_us;
        s->last_us = now;
        s->answered++;
        if (s->reloading && s->answered % EACH == 0) {
            unsigned which = ++s->reloads % 2;
            if (actor_reload_wasm(rt, s->guest, s->module[which], s->size[which], NULL) != RELOAD_OK) s->reloads--;
        }
    }
    fill(rt, s);
    return s->answered < MESSAGES;
}

static sender_t run(char **paths, bool reloading) {
    sender_t       s = {.reloading = reloading};
    wasm_options_t options = {.mailbox_size = 2 * WAITING, .orphan = true};
    char           why[200];
    runtime_t     *rt = runtime_init(1, 0);
    for (int i = 0; i < 2; i++) s.module[i] = read_file(paths[i], &s.size[i]);
    if (rt == NULL || actor_spawn_wasm_opts(rt, s.module[0], s.size[0], &options, &s.guest, why, sizeof why) != MK_OK)
        exit(1);
    actor_id_t id = actor_spawn(rt, talk, &s, NULL, 2 * WAITING);
    (void)actor_send(rt, id, 1, NULL, 0);
    while (actor_is_alive(rt, id)) (void)runtime_wait(rt, -1);
    runtime_destroy(rt);
    for (int i = 0; i < 2; i++) free(s.module[i]);
    return s;
}

int main(int argc, char **argv) {
    if (argc != 3 || !wasm_actors_init()) {
        fprintf(stderr, "usage: reload MODULE.wasm OTHER.wasm\n");
        return 2;
    }
    sender_t still = run(argv + 1, false), moving = run(argv + 1, true);
    printf("longest gap: %.2f ms without reloads, %.2f ms with %u reloads; %u messages sent, %u answered\n",
           (double)still.longest_us / 1000, (double)moving.longest_us / 1000, moving.reloads, moving.sent,
           moving.answered);
    wasm_actors_cleanup();
    return moving.sent == moving.answered ? 0 : 1;
}
