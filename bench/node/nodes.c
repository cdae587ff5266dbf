/* SPDX-License-Identifier: Apache-2.0 */
#include "nodes.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "microkernel/node.h"
#include "microkernel/services.h"

static struct {
    bool         tls;
    char         where[128], secret[64];
    uint64_t     ms;
    node_ring_t *ring;
    part_t       part[2];
} bench;

uint64_t nodes_ms(void) { return bench.ms; }

static void check(mk_err_t err, const char *what) {
    if (err == MK_OK) return;
    fprintf(stderr, "%s: %s\n", what, mk_err_text(err));
    exit(1);
}

/* Looks for the peer until its name has come, then is out of the way. */
static bool seek(runtime_t *rt, actor_t *self, message_t *msg, void *state) {
    actor_id_t peer = actor_lookup(rt, "peer");
    (void)self, (void)msg;
    if (peer == ACTOR_ID_INVALID) return actor_set_timer(rt, 5, false) != TIMER_ID_INVALID;
    kit_check(actor_send(rt, *(actor_id_t *)state, MSG_PEER, &peer, sizeof peer), "the first message");
    return false;
}

static void run_node(int which) {
    const part_t     *part = &bench.part[which];
    static actor_id_t actors[2]; /* one each, on two threads maybe */
    kit_pin(which);
    runtime_config_t config = {.node_id = (node_id_t)(which + 1)};
    runtime_t       *rt = runtime_create(&config);
    kit_check(rt != NULL, "a runtime");
    check(node_start(rt, &(node_config_t){.identity = which == 0 ? "first" : "second",
                                          .secret_file = bench.tls ? bench.secret : NULL,
                                          .backoff_min_ms = 5}),
          "a node");
    ns_actor_init(rt);
    actor_id_t actor = actors[which] = actor_spawn(rt, part->behavior, NULL, NULL, 0);
    kit_check(actor != ACTOR_ID_INVALID, "an actor");
    if (part->seeks) {
        actor_id_t seeker = actor_spawn(rt, seek, &actors[which], NULL, 0);
        kit_check(actor_send(rt, seeker, 0, NULL, 0), "an actor");
    } else {
        kit_check(actor_register_name(rt, "peer", actor), "a name");
    }
    if (bench.ring != NULL) check(node_ring_attach(rt, bench.ring, which), "a side of the ring");
    else if (which == 0) check(node_listen(rt, bench.where, NULL, 0), bench.where);
    else check(node_connect(rt, bench.where), bench.where);
    runtime_run(rt);
    kit_check(false, "the runtime has stopped");
}

static void run_second(void *arg) {
    (void)arg;
    run_node(1);
}

static void remove_secret(void) { unlink(bench.secret); }

static void write_secret(void) {
    snprintf(bench.secret, sizeof bench.secret, "/tmp/bench-node-secret-%d", (int)getpid());
    int fd = open(bench.secret, O_CREAT | O_EXCL | O_WRONLY, 0600);
    kit_check(fd >= 0, bench.secret);
    atexit(remove_secret);
    dprintf(fd, "member ");
    for (int i = 0; i < 32; i++) dprintf(fd, "%02x", (unsigned)(i * 7 + 1));
    dprintf(fd, "\n");
    close(fd);
}

void nodes_run(int argc, char **argv, part_t first, part_t second) {
    const char *kind = argc > 1 ? argv[1] : "";
    bool        ring = strcmp(kind, "ring") == 0, local = strcmp(kind, "unix") == 0, udp = strcmp(kind, "udp") == 0;
    bench.tls = strcmp(kind, "tls") == 0;
    if (!ring && !local && !udp && !bench.tls && strcmp(kind, "tcp") != 0) {
        fprintf(stderr, "usage: %s unix|tcp|tls|udp|ring [MILLISECONDS]\n", argv[0]);
        exit(2);
    }
    bench.ms = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;
    bench.part[0] = first;
    bench.part[1] = second;
    if (bench.tls) write_secret();
    if (local) snprintf(bench.where, sizeof bench.where, "unix:%s", kit_path());
    else snprintf(bench.where, sizeof bench.where, "%s:127.0.0.1:%u", udp ? "udp" : "tcp", kit_free_port());
    if (ring) {
        bench.ring = node_ring_create(0);
        kit_pin(0);
        kit_check(bench.ring != NULL, "a ring");
        kit_thread(run_second, NULL);
    } else {
        kit_fork(run_second, NULL);
    }
    run_node(0);
    exit(1);
}
