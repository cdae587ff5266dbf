/* SPDX-License-Identifier: Apache-2.0 */
/* main.c -- runs seeds, several at a time, and says which ones failed and how to see them again.
 *
 * usage: sim [-v] [-j JOBS] [-k FAILURES] FIRST [COUNT]
 *
 * With one seed it prints what the run was like; -v prints every event. Each sixteenth seed, and a single one, runs twice, and both
 * runs must be the same. A worker is a process, so a crash costs its seed and no other. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/sim.h"

enum { JOBS_MAX = 64, SECONDS_MAX = 60 }; /* of processor time, for one run */

typedef struct board {
    uint64_t next, done;
    uint64_t at[JOBS_MAX]; /* the seed each worker is running */
} board_t;

static board_t *board;
static uint64_t current;

static void too_long(int number) {
    static const char text[] = "a run takes too long\n";
    (void)number;
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(EXIT_FAILURE);
}

static void set_limit(int seconds) {
    struct itimerval limit = {.it_value = {.tv_sec = seconds}};
    (void)setitimer(ITIMER_PROF, &limit, NULL);
}

static uint64_t run(uint64_t seed, bool twice, bool verbose) {
    current = seed;
    set_limit(SECONDS_MAX);
    uint64_t hash = sim_run(seed, verbose);
    if (twice) {
        uint64_t again = sim_run(seed, false);
        SIM_CHECK(again == hash, "a second run gives %016llx and not %016llx", (unsigned long long)again,
                  (unsigned long long)hash);
    }
    set_limit(0);
    return hash;
}

static _Noreturn void work(unsigned job, uint64_t end) {
    for (;;) {
        uint64_t seed = __atomic_fetch_add(&board->next, 1, __ATOMIC_RELAXED);
        if (seed >= end) exit(EXIT_SUCCESS);
        board->at[job] = seed;
        (void)run(seed, seed % 16 == 0, false);
        __atomic_fetch_add(&board->done, 1, __ATOMIC_RELAXED);
    }
}

static pid_t start(unsigned job, uint64_t end) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) work(job, end);
    if (pid < 0) {
        perror("fork");
        exit(EXIT_FAILURE);
    }
    return pid;
}

static unsigned run_many(uint64_t first, uint64_t count, unsigned jobs, unsigned failures_max) {
    pid_t    worker[JOBS_MAX];
    unsigned failures = 0, alive = 0;
    board->next = first;
    for (; alive < jobs; alive++) worker[alive] = start(alive, first + count);
    while (alive != 0) {
        int      status;
        pid_t    pid = wait(&status);
        unsigned job = 0;
        while (job < jobs && worker[job] != pid) job++;
        if (job == jobs) continue;
        alive--;
        if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) continue;
        failures++;
        fprintf(stderr, "seed %llu failed; again: make sim SEED=%llu VERBOSE=1\n", (unsigned long long)board->at[job],
                (unsigned long long)board->at[job]);
        if (failures == failures_max) board->next = first + count;
        worker[job] = start(job, first + count);
        alive++;
    }
    return failures;
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int one(uint64_t seed, bool verbose) {
    uint64_t hash = run(seed, true, verbose);
    printf("seed %llu: %u nodes, %u actors, %llu faults, %llu links came up, %llu letters (%llu refused), %llu calls "
           "(%llu failed), "
           "%llu ends told, %llu names lost, %llu steps; hash %016llx\n",
           (unsigned long long)seed, sim.plan.nodes, sim_actors(), (unsigned long long)sim.count.faults,
           (unsigned long long)sim.count.ups, (unsigned long long)sim.count.letters,
           (unsigned long long)sim.count.refused, (unsigned long long)sim.count.calls,
           (unsigned long long)sim.count.failures, (unsigned long long)(sim.count.downs + sim.count.exits),
           (unsigned long long)sim.count.conflicts, (unsigned long long)sim.count.steps, (unsigned long long)hash);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    bool     verbose = false;
    unsigned jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN), failures_max = 10;
    for (int option; (option = getopt(argc, argv, "vj:k:")) != -1;) {
        if (option == 'v') verbose = true;
        else if (option == 'j') jobs = (unsigned)strtoul(optarg, NULL, 10);
        else if (option == 'k') failures_max = (unsigned)strtoul(optarg, NULL, 10);
        else return EXIT_FAILURE;
    }
    if (optind == argc) {
        fprintf(stderr, "usage: sim [-v] [-j JOBS] [-k FAILURES] FIRST [COUNT]\n");
        return EXIT_FAILURE;
    }
    uint64_t first = strtoull(argv[optind], NULL, 10),
             count = optind + 1 < argc ? strtoull(argv[optind + 1], NULL, 10) : 1;
    unsetenv("MK_SECRET_FILE");
    signal(SIGPROF, too_long);
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED) return EXIT_FAILURE;
    if (count == 1) return one(first, verbose);
    double   began = seconds();
    unsigned failures = run_many(first, count, jobs == 0 ? 1 : jobs > JOBS_MAX ? JOBS_MAX : jobs, failures_max);
    printf("%llu seeds from %llu on, %u failed, %.1f s\n", (unsigned long long)board->done, (unsigned long long)first,
           failures, seconds() - began);
    return failures != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
