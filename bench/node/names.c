/* SPDX-License-Identifier: Apache-2.0 */
/* names unix|tcp [NAMES] -- a node hears of very many names of another, and loses them with it. What counts is the longest that one
 * round of its loop takes meanwhile: for so long everybody else there waits.
 *
 * Prints how long each part took, and in processor time its longest round and how many took more than a millisecond: while the names
 * come; until they are gone; and after that, while their memory is given back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kit.h"
#include "microkernel/node.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"

enum { NAMES = 99990, MSG_GO = 1, AFTER_MS = 500 };

static struct {
    char     where[128];
    unsigned names;
} bench;

static void check(mk_err_t err, const char *what) {
    if (err == MK_OK) return;
    fprintf(stderr, "%s: %s\n", what, mk_err_text(err));
    exit(1);
}

static runtime_t *start(int which) {
    kit_pin(which);
    runtime_t *rt = runtime_create(&(runtime_config_t){.node_id = (node_id_t)(which + 1)});
    kit_check(rt != NULL, "a runtime");
    check(node_start(rt, &(node_config_t){.identity = which == 0 ? "first" : "second", .backoff_min_ms = 5}), "a node");
    return rt;
}

/* ---- the one that has them ------------------------------------------------------------------------------------------- */

static bool go(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)rt, (void)self, (void)msg, (void)state;
    _exit(0); /* as if it was killed */
}

static void run_second(void *arg) {
    runtime_t *rt = start(1);
    actor_id_t actor = actor_spawn(rt, go, NULL, NULL, 0);
    (void)arg;
    for (unsigned i = 0; i < bench.names; i++) {
        char name[64];
        snprintf(name, sizeof name, "building/%u/floor/%u/sensor/%u", i % 97, i % 13, i);
        kit_check(actor_register_name(rt, name, actor), name);
    }
    kit_check(actor_register_name(rt, "peer", actor), "a name");
    check(node_listen(rt, bench.where, NULL, 0), bench.where);
    runtime_run(rt);
}

/* ---- the one that hears of them --------------------------------------------------------------------------------------- */

typedef struct rounds {
    const char *what;
    uint64_t    began_ns, longest_ns;
    unsigned    long_ones;
} rounds_t;

/* Processor time: what else the machine does meanwhile is not our round's. */
static uint64_t spent_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void step(runtime_t *rt, rounds_t *rounds) {
    uint64_t before_ns = spent_ns();
    (void)runtime_step(rt);
    uint64_t took_ns = spent_ns() - before_ns;
    if (took_ns > rounds->longest_ns) rounds->longest_ns = took_ns;
    rounds->long_ones += took_ns > 1000000;
}

static void print(const rounds_t *rounds, uint64_t until_ns) {
    printf("%s: ms=%.1f longest_ms=%.3f over_1_ms=%u\n", rounds->what, (double)(until_ns - rounds->began_ns) / 1e6,
           (double)rounds->longest_ns / 1e6, rounds->long_ones);
}

static size_t names_known(runtime_t *rt) {
    node_info_t info;
    return node_list(rt, &info, 1) == 1 ? info.names : 0;
}

static void run_first(void) {
    runtime_t *rt = start(0);
    rounds_t   come = {.what = "come"}, go_away = {.what = "gone"};
    check(node_connect(rt, bench.where), bench.where);
    for (size_t known = 0; known < bench.names + 1; known = names_known(rt)) {
        if (known == 0) come = (rounds_t){.what = "come", .began_ns = kit_now_ns()};
        step(rt, &come);
    }
    print(&come, kit_now_ns());
    kit_check(actor_send(rt, actor_lookup(rt, "peer"), MSG_GO, NULL, 0), "a message");
    while (names_known(rt) != 0) {
        go_away.began_ns = kit_now_ns();
        step(rt, &go_away);
    }
    kit_check(actor_lookup(rt, "peer") == ACTOR_ID_INVALID, "a name that should be gone");
    uint64_t until_ns = kit_now_ns();
    print(&go_away, until_ns); /* nobody finds them any more */
    rounds_t after = {.what = "after", .began_ns = until_ns};
    while (kit_now_ns() - until_ns < AFTER_MS * 1000000ull) step(rt, &after);
    print(&after, kit_now_ns());
    runtime_destroy(rt);
}

int main(int argc, char **argv) {
    const char *kind = argc > 1 ? argv[1] : "";
    bool        local = strcmp(kind, "unix") == 0;
    if (!local && strcmp(kind, "tcp") != 0) {
        fprintf(stderr, "usage: %s unix|tcp [NAMES]\n", argv[0]);
        return 2;
    }
    bench.names = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : NAMES;
    if (local) snprintf(bench.where, sizeof bench.where, "unix:%s", kit_path());
    else snprintf(bench.where, sizeof bench.where, "tcp:127.0.0.1:%u", kit_free_port());
    kit_fork(run_second, NULL);
    run_first();
    return 0;
}
