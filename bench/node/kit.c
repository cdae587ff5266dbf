/* SPDX-License-Identifier: Apache-2.0 */
#include "kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char  path[64];
static pid_t child, owner;

uint64_t kit_now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void kit_check(bool ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "%s: %s\n", what, errno != 0 ? strerror(errno) : "failed");
    exit(1);
}

static bool is_pinned(void) {
    const char *pin = getenv("BENCH_PIN");
    return (pin == NULL || pin[0] != '0') && sysconf(_SC_NPROCESSORS_ONLN) > 1;
}

void kit_pin(int core) {
    cpu_set_t set;
    if (!is_pinned()) return;
    CPU_ZERO(&set);
    CPU_SET((unsigned)core, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

static void clean_up(void) {
    if (getpid() != owner) return;
    if (path[0] != '\0') unlink(path);
    if (child <= 0) return;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void own(void) {
    if (owner != 0) return;
    owner = getpid();
    atexit(clean_up);
}

void kit_fork(void (*run)(void *arg), void *arg) {
    own();
    fflush(NULL);
    pid_t pid = fork();
    kit_check(pid >= 0, "fork");
    if (pid != 0) {
        child = pid;
        return;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != owner) _exit(1);
    run(arg);
    fflush(NULL);
    _exit(0);
}

static struct {
    void (*run)(void *arg);
    void *arg;
} threaded;

static void *run_threaded(void *arg) {
    (void)arg;
    threaded.run(threaded.arg);
    return NULL;
}

void kit_thread(void (*run)(void *arg), void *arg) {
    pthread_t      thread;
    pthread_attr_t attr;
    cpu_set_t      set;
    threaded.run = run;
    threaded.arg = arg;
    CPU_ZERO(&set);
    CPU_SET(1, &set);
    pthread_attr_init(&attr);
    if (is_pinned()) (void)pthread_attr_setaffinity_np(&attr, sizeof set, &set);
    kit_check(pthread_create(&thread, &attr, run_threaded, NULL) == 0, "a thread");
}

const char *kit_path(void) {
    own();
    snprintf(path, sizeof path, "/tmp/bench-node-%d", (int)getpid());
    unlink(path);
    return path;
}

uint16_t kit_free_port(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t          size = sizeof at;
    int                fd = socket(AF_INET, SOCK_STREAM, 0);
    kit_check(fd >= 0 && bind(fd, (struct sockaddr *)&at, size) == 0 &&
                  getsockname(fd, (struct sockaddr *)&at, &size) == 0,
              "a free port");
    close(fd);
    return ntohs(at.sin_port);
}

/* ---- figures ---------------------------------------------------------------------------------------------------------- */

/* Between two looks at the clock. */
enum { LOOK_EVERY = 1024 };

bool kit_rate(kit_rate_t *rate, uint64_t more) {
    rate->count += more;
    if (rate->count < rate->looked_at && rate->began_ns != 0) return false;
    rate->looked_at = rate->count + LOOK_EVERY;
    uint64_t now_ns = kit_now_ns();
    if (rate->began_ns == 0) rate->began_ns = now_ns + WARM_MS * 1000000u;
    if (now_ns < rate->began_ns) {
        rate->began_count = rate->count;
        return false;
    }
    uint64_t took_ns = now_ns - rate->began_ns;
    if (took_ns < rate->ms * 1000000u) return false;
    uint64_t n = rate->count - rate->began_count;
    printf("n=%llu seconds=%.3f per_s=%.0f\n", (unsigned long long)n, (double)took_ns / 1e9,
           (double)n * 1e9 / (double)took_ns);
    fflush(stdout);
    return true;
}

static uint32_t took[TRIPS_MAX];

static int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void print_trips(kit_trips_t *trips, double seconds) {
    uint32_t n = trips->n;
    kit_check(n != 0, "no trips");
    qsort(took, n, sizeof *took, compare);
    printf("n=%u p50_us=%.3f p99_us=%.3f mean_us=%.3f\n", n, took[n / 2] / 1e3, took[n - 1 - n / 100] / 1e3,
           seconds * 1e6 / n);
    fflush(stdout);
}

bool kit_trip(kit_trips_t *trips) {
    uint64_t now_ns = kit_now_ns();
    if (!trips->begun) {
        trips->begun = true;
        trips->first_ns = now_ns;
    } else if (trips->measuring) {
        took[trips->n++] = (uint32_t)(now_ns - trips->last_ns);
        if (now_ns - trips->first_ns >= trips->ms * 1000000u || trips->n == TRIPS_MAX) {
            print_trips(trips, (double)(now_ns - trips->first_ns) / 1e9);
            return true;
        }
    } else if (now_ns - trips->first_ns >= WARM_MS * 1000000u) {
        trips->measuring = true;
        trips->first_ns = now_ns;
    }
    trips->last_ns = now_ns;
    return false;
}
