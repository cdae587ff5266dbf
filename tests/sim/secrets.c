/* SPDX-License-Identifier: Apache-2.0 */
/* secrets.c -- the cluster's secret is exchanged while all is running. Each node has its own copy of the file, as machines do.
 *
 * In the right order (add everywhere, use everywhere, drop everywhere; node by node, at any moment, while everything else goes
 * wrong too) no link may be lost for good: calm.c finds that. Or one node is ahead of the others: it shows a secret that they have
 * not got, and takes none of theirs. Then it must be alone, and somebody must say why, until it is told better. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port/fake/fake.h"
#include "sim/sim.h"

enum {
    ROUND_MS = 16000, /* a node looks every five seconds, may stand still meanwhile, or find no memory */
    STEPS = 3,        /* add, use, drop                                                               */
    ALONE_MS = 20000,
    ODD = 9, /* nobody's secret but one node's                                               */
};

static char     folder[64];
static unsigned step[SIM_NODES_MAX]; /* of the exchange under way: how many its file has seen */
static unsigned old;                 /* the secret it began with                              */
static uint64_t next_us;
static unsigned complaints;

static void remove_folder(void) {
    if (folder[0] == '\0') return;
    for (unsigned i = 0; i < SIM_NODES_MAX; i++) unlink(sim_secret_file(i));
    (void)rmdir(folder);
    folder[0] = '\0';
}

/* Of this process: several simulate at a time. */
static void make_folder(void) {
    static pid_t owner;
    if (owner == getpid() && folder[0] != '\0') return;
    if (owner != getpid()) atexit(remove_folder);
    owner = getpid();
    strcpy(folder, "/tmp/mk_sim_XXXXXX");
    SIM_CHECK(mkdtemp(folder) != NULL, "no folder for secrets");
}

const char *sim_secret_file(unsigned node) {
    static char path[100];
    if (!sim.plan.secrets) return NULL;
    snprintf(path, sizeof path, "%s/%s", folder, sim_identity(node));
    return path;
}

static void put_line(FILE *file, unsigned which) {
    fprintf(file, "%s ", sim.plan.role == NODE_ROLE_MEMBER ? "member" : "operator");
    for (unsigned k = 0; k < 64; k++) fputc(k % 3 == 0 ? '1' : (char)('0' + which), file);
    fputc('\n', file);
}

/* A whole new file in the place of the old one. `second`: as `first` for none. */
static void write_file(unsigned node, unsigned first, unsigned second) {
    char        part[120];
    const char *path = sim_secret_file(node);
    snprintf(part, sizeof part, "%s.part", path);
    FILE *file = fopen(part, "w");
    SIM_CHECK(file != NULL, "no file for a secret");
    put_line(file, first);
    if (second != first) put_line(file, second);
    (void)fclose(file);
    SIM_CHECK(chmod(part, 0600) == 0 && rename(part, path) == 0, "a secret cannot be written");
    sim_say("the secrets of n%u are %u and %u", node + 1, first, second);
}

static void write_step(unsigned node) {
    unsigned fresh = old == 1 ? 2 : 1;
    switch (step[node]) {
    case 0: write_file(node, old, old); break;
    case 1: write_file(node, old, fresh); break;
    case 2: write_file(node, fresh, old); break;
    default: write_file(node, fresh, fresh);
    }
}

void sim_secrets_begin(void) {
    if (!sim.plan.secrets) return;
    make_folder();
    memset(step, 0, sizeof step);
    old = 1;
    complaints = 0;
    next_us = sim_now_us() + 1000ull * sim_below(4000);
    for (unsigned i = 0; i < sim.plan.nodes; i++) write_step(i);
}

void sim_secrets_end(void) { remove_folder(); }

/* ---- in the right order ------------------------------------------------------------------------------------------------------ */

/* The next round begins when all nodes have the last one's file, and have looked at it. */
void sim_secrets_go_on(void) {
    unsigned least = STEPS, behind = 0, node = sim_below(sim.plan.nodes);
    if (!sim.plan.secrets || sim_now_us() < next_us) return;
    for (unsigned i = 0; i < sim.plan.nodes; i++)
        if (step[i] < least) least = step[i];
    if (least == STEPS) { /* and once more */
        old = old == 1 ? 2 : 1;
        memset(step, 0, sizeof step);
        least = 0;
    }
    while (step[node] != least) node = node + 1 < sim.plan.nodes ? node + 1 : 0;
    step[node]++;
    write_step(node);
    for (unsigned i = 0; i < sim.plan.nodes; i++) behind += step[i] == least;
    next_us = sim_now_us() + 1000ull * (behind != 0 ? sim_below(8000) : ROUND_MS + sim_below(2000));
}

/* ---- in the wrong one --------------------------------------------------------------------------------------------------------- */

void sim_secrets_hear(const char *line) { complaints += strstr(line, "secret") != NULL; }

static bool calls_by_tcp(unsigned node) {
    for (unsigned to = 0; to < sim.plan.nodes; to++)
        if (sim.plan.calls[node][to] == SIM_TCP || sim.plan.calls[to][node] == SIM_TCP) return true;
    return false;
}

static bool is_alone(unsigned node) {
    node_info_t info;
    for (unsigned to = 0; to < sim.plan.nodes; to++)
        if (to != node && sim_link_info(node, to, &info) && info.encrypted) return false;
    return true;
}

/* Links that stand go on; but the node is started again, and needs new ones. */
void sim_secrets_go_wrong(void) {
    unsigned node = sim_below(sim.plan.nodes);
    if (!sim.plan.secrets || sim_chance(500)) return;
    sim_say("n%u has another secret than the others", node + 1);
    write_file(node, ODD, ODD);
    sim_run_for(6000);
    sim_stop(node, SIM_STOPS);
    sim_start(node);
    complaints = 0;
    uint64_t until_us = sim_now_us() + ALONE_MS * 1000ull;
    while (sim_now_us() < until_us) {
        sim_run_for(100);
        SIM_CHECK(is_alone(node), "n%u is linked, and shares no secret with anybody", node + 1);
    }
    SIM_CHECK(complaints != 0 || !calls_by_tcp(node), "n%u is alone, and nobody says why", node + 1);
    write_step(node);
    sim_run_for(6000);
}
