/* SPDX-License-Identifier: Apache-2.0 */
/* bench.c -- see bench.h. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAILBOX_DEFAULT = 64 }; /* see ../README.md */

void bench_failed(const char *what) {
    fprintf(stderr, "failed: %s\n", what);
    exit(1);
}

static size_t number(const char *text) {
    char              *end = NULL;
    unsigned long long value = text != NULL ? strtoull(text, &end, 10) : 0;
    if (text == NULL || end == text || *end != '\0') {
        fprintf(stderr, "not a number: %s\n", text != NULL ? text : "(nothing)");
        exit(2);
    }
    return (size_t)value;
}

bench_options_t bench_options(int argc, char **argv) {
    const char     *slash = strrchr(argv[0], '/');
    bench_options_t options = {.workload = slash != NULL ? slash + 1 : argv[0], .mailbox = MAILBOX_DEFAULT};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--slots") == 0) {
            options.slots = number(argv[++i]);
        } else if (strcmp(argv[i], "--mailbox") == 0) {
            options.mailbox = number(argv[++i]);
        } else if (argv[i][0] != '-') {
            options.workload = argv[i];
        } else {
            fprintf(stderr, "usage: %s [workload] [--slots N] [--mailbox N]\n", argv[0]);
            exit(2);
        }
    }
    return options;
}

static struct timespec monotonic(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at;
}

double bench_now(void) {
    struct timespec at = monotonic();
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

uint64_t bench_now_us(void) {
    struct timespec at = monotonic();
    return (uint64_t)at.tv_sec * 1000000 + (uint64_t)at.tv_nsec / 1000;
}

uint64_t bench_resident_bytes(void) {
    unsigned long long total = 0, resident = 0;
    FILE              *file = fopen("/proc/self/statm", "r");
    bench_check(file != NULL && fscanf(file, "%llu %llu", &total, &resident) == 2, "/proc/self/statm");
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

uint32_t bench_p99(uint32_t *values, size_t n) {
    qsort(values, n, sizeof *values, by_value);
    return values[n - 1 - n / 100];
}

void bench_print(const char *workload, const char *peer, uint64_t n, double seconds, const char *extra) {
    printf("workload=%s peer=%s n=%llu seconds=%.6f ops_per_s=%.0f extra=%s\n", workload, peer, (unsigned long long)n,
           seconds, (double)n / seconds, extra != NULL ? extra : "-");
}
