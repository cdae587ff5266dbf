/* SPDX-License-Identifier: Apache-2.0 */
/* What comes over the network is tests/system/discover_test.py's; here is how helpers begin and end. */
#include <dirent.h>
#include <pthread.h>

#include "microkernel/actor.h"
#include "microkernel/discovery.h"
#include "microkernel/runtime.h"
#include "microkernel/services.h"
#include "rig/rig.h"

enum { MSG_ON = 1, MSG_OFF = 2, MSG_END = 3, WAIT_MS = 20, ROUNDS = 500 };

static int threads(void) {
    DIR *tasks = opendir("/proc/self/task");
    int  n = 0;
    CHECK(tasks != NULL);
    for (const struct dirent *one; (one = readdir(tasks)) != NULL;) n += one->d_name[0] != '.';
    closedir(tasks);
    return n;
}

static void *nothing(void *arg) { return arg; }

/* The thread sanitizer has a thread of its own, which begins with the first of ours. */
static void begin_threads(void) {
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, nothing, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static bool watcher(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)self, (void)state;
    if (msg->type == MSG_ON) CHECK_EQ(discovery_watch(rt, true), MK_OK);
    if (msg->type == MSG_OFF) CHECK_EQ(discovery_watch(rt, false), MK_OK);
    return msg->type != MSG_END;
}

static bool quiet(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    (void)rt, (void)self, (void)msg, (void)state;
    return true;
}

static bool comes_to(runtime_t *rt, int n) {
    for (int i = 0; i < ROUNDS && threads() != n; i++) runtime_wait(rt, WAIT_MS);
    return threads() == n;
}

TEST(a_helper_ends_when_nobody_watches_any_more) {
    runtime_t *rt = runtime_init(1, 0);
    CHECK(rt != NULL);
    begin_threads();
    int        before = threads();
    actor_id_t stays = actor_spawn(rt, quiet, NULL, NULL, 0), id = actor_spawn(rt, watcher, NULL, NULL, 0);
    CHECK(stays != ACTOR_ID_INVALID);
    for (int i = 0; i < 3; i++) {
        CHECK(actor_send(rt, id, MSG_ON, NULL, 0) && actor_send(rt, id, MSG_ON, NULL, 0)); /* twice is once */
        CHECK(comes_to(rt, before + 1));
        CHECK(actor_send(rt, id, MSG_OFF, NULL, 0) && actor_send(rt, id, MSG_OFF, NULL, 0));
        CHECK(comes_to(rt, before));
    }
    CHECK(actor_send(rt, id, MSG_ON, NULL, 0));
    CHECK(comes_to(rt, before + 1));
    CHECK(actor_send(rt, id, MSG_END, NULL, 0));
    CHECK(comes_to(rt, before));
    runtime_destroy(rt);
}

TEST(helpers_end_with_the_runtime) {
    int        before = threads();
    runtime_t *rt = runtime_init(1, 0);
    CHECK(rt != NULL);
    actor_id_t id = actor_spawn(rt, watcher, NULL, NULL, 0), other = actor_spawn(rt, watcher, NULL, NULL, 0);
    CHECK(actor_send(rt, id, MSG_ON, NULL, 0) && actor_send(rt, other, MSG_ON, NULL, 0));
    CHECK_EQ(discovery_announce(rt, "tcp:*:4200"), MK_OK);
    CHECK(comes_to(rt, before + 3));
    runtime_destroy(rt);
    CHECK_EQ(threads(), before);
}

TEST(what_nobody_could_call_is_not_announced) {
    runtime_t *rt = runtime_init(1, 0);
    CHECK(rt != NULL);
    CHECK_EQ(discovery_announce(rt, "tcp:127.0.0.1:4200"), MK_ERR_INVALID);
    CHECK_EQ(discovery_announce(rt, "tcp:[::1]:4200"), MK_ERR_INVALID);
    CHECK_EQ(discovery_announce(rt, "unix:/nowhere"), MK_ERR_INVALID);
    CHECK_EQ(discovery_announce(rt, "udp:192.0.2.1:4200"), MK_ERR_INVALID);
    CHECK_EQ(discovery_announce(rt, "nonsense"), MK_ERR_INVALID);
    CHECK_EQ(discovery_announce(rt, "tcp:192.0.2.1:4200"), MK_OK); /* the interface with that address may come */
    CHECK_EQ(discovery_announce(rt, "tcp:192.0.2.1:4201"), MK_ERR_EXISTS);
    CHECK_EQ(discovery_watch(rt, true), MK_ERR_INVALID); /* nobody is running */
    runtime_destroy(rt);
}
